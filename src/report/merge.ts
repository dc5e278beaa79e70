import type { Found } from '../blueprint/split.ts';
import { sortFound } from '../blueprint/split.ts';
import { staleFinding } from '../check/baseline.ts';
import { missing } from '../check/check.ts';
import { serviceFinding } from '../check/installed.ts';
import type {
  Comparison,
  HiddenFinding,
  LeftOut,
  Report,
  ReportBlueprint,
  RunInfo,
} from '../check/report.ts';
import { suppressionFindings } from '../check/suppressions.ts';
import type { Finding } from '../findings/finding.ts';
import { compareFindings } from '../findings/finding.ts';
import { changesOf } from './changes.ts';
import type { Excerpt, ExcerptLine } from './excerpts.ts';
import { textOf } from './excerpts.ts';
import { leftOutSentence } from './left-out.ts';
import type { ShardReport } from './read-shard.ts';

/** What the shards of a run are together. */
export interface Merged {
  report: Report;
  info: RunInfo;
  /** The text of a file, as far as a report shows it; null where none does. */
  source(file: string): string | null;
}

/**
 * The report that one run without shards would have: of all shards of one run, each once, the first one first.
 * What all of them found, in catalogs for one, comes once; what is known only of the whole is decided here.
 */
export function mergeShards(shards: readonly [ShardReport, ...ShardReport[]]): Merged {
  const [first] = shards;
  const { part, targets, modelMemory } = first;
  const placed = placedBlueprints(shards);
  const blueprints = placed.map(({ blueprint }) => blueprint);
  const order = new Map(blueprints.map(({ path }, index) => [path, index]));

  const findings: Finding[] = [
    ...first.findings.filter(isOfCatalogs),
    ...sortByBlueprint(
      shards.flatMap((shard) => shard.findings),
      order,
      (finding) => finding.blueprint,
    ),
    ...services(shards, order),
    ...nothingFound(shards, blueprints.length),
    ...suppressionFindings(suppressions(shards)),
    ...staleEntries(shards),
  ];
  findings.sort(compareFindings);
  const hidden: HiddenFinding[] = [
    ...first.hidden.filter(({ finding }) => isOfCatalogs(finding)),
    ...sortByBlueprint(
      shards.flatMap((shard) => shard.hidden),
      order,
      ({ finding }) => finding.blueprint,
    ),
  ];
  hidden.sort((a, b) => compareFindings(a.finding, b.finding));

  const severities = { error: 0, warning: 0, note: 0 };
  for (const { severity } of findings) severities[severity]++;
  const models = new Set<string>();
  let declarations = 0;
  let skipped = 0;
  for (const { declarations: all } of blueprints) {
    declarations += all.length;
    for (const declaration of all) {
      if (declaration.skipped !== null) skipped++;
      if (declaration.model !== null) models.add(declaration.model);
    }
  }
  const report: Report = {
    ok: severities.error === 0,
    summary: {
      blueprints: blueprints.length,
      declarations,
      skipped,
      models: models.size,
      targets: targets.length,
      errors: severities.error,
      warnings: severities.warning,
      notes: severities.note,
    },
    targets,
    ...(modelMemory === null ? {} : { modelMemory }),
    verdicts: verdicts(shards, order),
    blueprints,
    findings,
    hidden,
    comparison: null,
  };
  report.comparison = comparison(shards, order, findings);
  const leftOut = leftOutOf(shards);
  if (leftOut !== null) report.leftOut = leftOut;
  return {
    report,
    info: {
      ...part.info,
      elapsedMs: null,
      leftOut: leftOut === null ? '' : leftOutSentence(leftOut),
      changes: changesOf(report),
    },
    source: sourceIn(shards),
  };
}

/** What all shards left out together. */
function leftOutOf(shards: readonly ShardReport[]): LeftOut | null {
  const all = shards.flatMap(({ leftOut }) => leftOut ?? []);
  const [first] = all;
  if (first === undefined) return null;
  return { ...first, blueprints: all.reduce((sum, { blueprints }) => sum + blueprints, 0) };
}

/** Paths of blueprints that more than one shard has: they are not of one run. */
export function doubledBlueprints(shards: readonly ShardReport[]): string[] {
  const seen = new Set<string>();
  const doubled = new Set<string>();
  for (const { blueprints } of shards) {
    for (const { path } of blueprints) (seen.has(path) ? doubled : seen).add(path);
  }
  return [...doubled];
}

function placedBlueprints(shards: readonly ShardReport[]): (Found & { blueprint: ReportBlueprint })[] {
  return sortFound(
    shards.flatMap(({ blueprints, part: { roots } }) =>
      blueprints.map((blueprint, index) => ({
        path: blueprint.path,
        root: roots[index] as number,
        blueprint,
      })),
    ),
  );
}

/** About a catalog: every shard has it. What is about the run as a whole is told anew. */
function isOfCatalogs({ blueprint, location }: Finding): boolean {
  return blueprint === null && location !== null;
}

/** Those about blueprints, in their order; those of one blueprint stay as they are. */
function sortByBlueprint<Item>(
  items: readonly Item[],
  order: ReadonlyMap<string, number>,
  blueprintOf: (item: Item) => string | null,
): Item[] {
  const position = (item: Item) => order.get(blueprintOf(item) ?? '') ?? 0;
  return items.filter((item) => blueprintOf(item) !== null).sort((a, b) => position(a) - position(b));
}

/** Those of each model and backend once, by the blueprint that is the first to ask for it. */
function verdicts(shards: readonly ShardReport[], order: ReadonlyMap<string, number>): Report['verdicts'] {
  const sets = new Map<string, { at: number; index: number; verdicts: Report['verdicts'] }>();
  for (const { verdicts: all, targets, blueprints, part } of shards) {
    if (targets.length === 0) continue;
    part.firstUses.forEach((blueprint, index) => {
      const set = all.slice(index * targets.length, (index + 1) * targets.length);
      const key = JSON.stringify([set[0]?.model, set[0]?.backend]);
      const at = order.get(blueprints[blueprint]?.path ?? '') ?? 0;
      const known = sets.get(key);
      if (known === undefined || at < known.at) sets.set(key, { at, index, verdicts: set });
    });
  }
  return [...sets.values()].sort((a, b) => a.at - b.at || a.index - b.index).flatMap((set) => set.verdicts);
}

/** Services that are missing, with all models that need them. */
function services(shards: readonly ShardReport[], order: ReadonlyMap<string, number>): Finding[] {
  const needs = shards.flatMap(({ part }) =>
    part.services.flatMap(({ reason, fix, required, models }) =>
      models.map(({ model, blueprint }) => ({
        reason,
        fix,
        required,
        model,
        at: order.get(blueprint) ?? 0,
      })),
    ),
  );
  const known = new Map<string, { reason: string; fix: string; required: boolean; models: Set<string> }>();
  for (const { reason, fix, required, model } of needs.sort((a, b) => a.at - b.at)) {
    const service = known.get(reason) ?? { reason, fix, required: false, models: new Set() };
    known.set(reason, service);
    service.required ||= required;
    service.models.add(model);
  }
  return [...known.values()].map(({ models, ...service }) =>
    serviceFinding({ ...service, models: [...models] }),
  );
}

function nothingFound(shards: readonly [ShardReport, ...ShardReport[]], found: number): Finding[] {
  const { severity, searched } = shards[0].part.noBlueprint;
  const named = shards.flatMap(({ part }) => part.noBlueprint.named).sort((a, b) => a.root - b.root);
  return missing({ ifNone: severity, searched, notBlueprints: named.map(({ path }) => path) }, found);
}

/** The state of each suppression: what one shard used is used. */
function suppressions(shards: readonly [ShardReport, ...ShardReport[]]) {
  const order = ['expired', 'used', 'unused', 'unseen'] as const;
  return shards[0].part.suppressions.map(({ finding }, index) => {
    const states = shards.map(({ part }) => part.suppressions[index]);
    const state = order.find((one) => states.some((each) => each?.state === one)) ?? 'unseen';
    return states.find((each) => each?.state === state) ?? { state, finding };
  });
}

function staleEntries(shards: readonly ShardReport[]): Finding[] {
  const stale = shards.flatMap(({ part }) => part.stale ?? []).sort((a, b) => a.first.at - b.first.at);
  const [first] = stale;
  if (first === undefined) return [];
  return [staleFinding({ ...first, amount: stale.reduce((sum, { amount }) => sum + amount, 0) })];
}

function comparison(
  shards: readonly [ShardReport, ...ShardReport[]],
  order: ReadonlyMap<string, number>,
  findings: readonly Finding[],
): Comparison | null {
  const all = shards.flatMap((shard) => shard.comparison ?? []);
  const [first] = all;
  if (first === undefined) return null;
  const { base, commit, pullRequest } = first;
  const fixed = [
    ...first.fixed.filter(isOfCatalogs),
    ...all.flatMap((one) => one.fixed.filter((finding) => !isOfCatalogs(finding))),
  ];
  const position = (path: string) => order.get(path) ?? 0;
  const causes = new Map<string, Set<string>>();
  const ofBlueprints = all
    .flatMap((one) => one.causes.filter(({ blueprints }) => blueprints.length > 0))
    .sort((a, b) => position(a.blueprints[0] ?? '') - position(b.blueprints[0] ?? ''));
  for (const { message, blueprints } of ofBlueprints) {
    const known = causes.get(message) ?? new Set();
    causes.set(message, known);
    for (const path of blueprints) known.add(path);
  }
  return {
    base,
    commit,
    pullRequest,
    new: findings.filter(({ change }) => change === 'new').length,
    unchanged: findings.filter(({ change }) => change === 'unchanged').length,
    fixed: fixed.sort(compareFindings),
    dropped: all
      .flatMap(({ dropped }) => dropped)
      .sort((a, b) => position(a.blueprint) - position(b.blueprint)),
    causes: [
      ...[...causes].map(([message, broken]) => ({
        message,
        blueprints: [...broken].sort((a, b) => position(a) - position(b)),
      })),
      // Of the targets, every shard says the same.
      ...first.causes.filter(({ blueprints }) => blueprints.length === 0),
    ],
  };
}

/** The lines of one file, a catalog for one, that several shards show: of each the one that has most of it. */
function joined(one: readonly ExcerptLine[], other: readonly ExcerptLine[]): ExcerptLine[] {
  const shown = ({ pieces }: ExcerptLine) => pieces.reduce((sum, [, text]) => sum + text.length, 0);
  const lines = new Map(one.map((line) => [line.line, line]));
  for (const line of other) {
    const known = lines.get(line.line);
    if (known === undefined || shown(line) > shown(known)) lines.set(line.line, line);
  }
  return [...lines.values()].sort((a, b) => a.line - b.line);
}

/** Texts are made when they are asked for: of most files only few lines are known. */
function sourceIn(shards: readonly ShardReport[]): Merged['source'] {
  const excerpts = new Map<string, Excerpt>();
  for (const { sources } of shards) {
    for (const { file, lines } of sources) {
      const known = excerpts.get(file);
      excerpts.set(file, { file, lines: known === undefined ? lines : joined(known.lines, lines) });
    }
  }
  return (file) => {
    const excerpt = excerpts.get(file);
    return excerpt === undefined ? null : textOf(excerpt);
  };
}

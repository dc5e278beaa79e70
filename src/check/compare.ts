import type { Catalog, Resolved } from '../catalog/catalog.ts';
import type { CatalogEntry, Requirements } from '../catalog/entry.ts';
import type { Status } from '../compatibility/verdict.ts';
import type { Finding, Severity } from '../findings/finding.ts';
import type { Target } from '../hardware/facts.ts';
import { gigabytes, printable, short } from '../text/text.ts';
import { KnownFindings } from './known.ts';
import type { Cause, Comparison, Report, ReportBlueprint, ReportDeclaration } from './report.ts';
import type { Answer, Occurrence, Sieve } from './sieve.ts';
import { occurrencesOf, shown } from './sieve.ts';

/** One of the two versions that are compared. */
export interface Version {
  report: Report;
  catalog: Catalog;
  /** The name that a file or folder goes by in both: a renamed one has that of the base. */
  name(path: string): string;
}

/** The same findings of two versions have one key: no line, no column, and names before a rename. */
function inBoth(occurrence: Occurrence, name: Version['name']): Occurrence {
  const { blueprint, file } = occurrence;
  return { ...occurrence, blueprint: blueprint === null ? null : name(blueprint), file: name(file) };
}

const severities: readonly Severity[] = ['note', 'warning', 'error'];

/** Everything that a version has, hidden or not: a finding that a baseline hides is not new where it shows again. */
class KnownIn {
  readonly #bySeverity = new Map<Severity, KnownFindings>();

  constructor({ report, name }: Pick<Version, 'report' | 'name'>) {
    const hidden = report.hidden.map(({ finding }) => finding);
    for (const severity of severities) this.#bySeverity.set(severity, new KnownFindings());
    for (const finding of [...report.findings, ...hidden]) {
      for (const occurrence of occurrencesOf(finding)) {
        this.#bySeverity.get(occurrence.severity)?.add(inBoth(occurrence, name));
      }
    }
  }

  /** Whether the version has it with at least this severity. */
  has(occurrence: Occurrence, least: Severity): boolean {
    return severities
      .slice(severities.indexOf(least))
      .some((severity) => this.#bySeverity.get(severity)?.has(occurrence));
  }
}

const isNew: Answer = { hidden: null, change: 'new' };
const isUnchanged: Answer = { hidden: null, change: 'unchanged' };

/** Says of each finding whether the base has it too. One that weighs more than there is new. */
export function sinceBase(base: Pick<Version, 'report' | 'name'>, name: Version['name']): Sieve {
  const known = new KnownIn(base);
  return {
    ask: (occurrence) => (known.has(inBoth(occurrence, name), occurrence.severity) ? isUnchanged : isNew),
  };
}

const isGone: Answer = { hidden: null, change: null };

/** On how many of its targets a finding of the base is gone. */
export type Gone = 'everywhere' | 'somewhere' | 'nowhere';

/**
 * Says of each finding of the base whether it is gone. A check of the base with
 * this sieve splits those that are gone on some of their targets. What is no
 * longer checked, because its target is no longer one, is not gone.
 */
export function untilNow(
  now: Version,
  name: Version['name'],
): { sieve: Sieve; gone(finding: Finding): Gone } {
  const known = new KnownIn(now);
  const targets = new Set(now.report.targets.map(({ id }) => id));
  const ask = (occurrence: Occurrence) => {
    const isChecked = occurrence.target === null || targets.has(occurrence.target);
    return isChecked && !known.has(inBoth(occurrence, name), 'note') ? isGone : shown;
  };
  const gone = (finding: Finding) => {
    const answers = occurrencesOf(finding).map(ask);
    if (!answers.includes(isGone)) return 'nowhere';
    return answers.includes(shown) ? 'somewhere' : 'everywhere';
  };
  return { sieve: { ask }, gone };
}

/**
 * What changed between two versions. `now.report` was checked with `sinceBase`;
 * `fixed` are the findings that are gone.
 */
export function compare(
  before: Version,
  now: Version,
  about: Pick<Comparison, 'base' | 'commit' | 'pullRequest'>,
  fixed: Finding[],
): Comparison {
  const { findings } = now.report;
  const { dropped, causes } = whatDropped(before, now);
  return {
    ...about,
    new: findings.filter(({ change }) => change === 'new').length,
    unchanged: findings.filter(({ change }) => change === 'unchanged').length,
    fixed,
    dropped,
    causes: [...causes, ...otherTargets(before.report, now.report)],
  };
}

/** What ran in the base and does not now, by blueprint and model, and what else than the blueprint made it so. */
function whatDropped(before: Version, now: Version): Pick<Comparison, 'dropped' | 'causes'> {
  const blueprints = new Map(before.report.blueprints.map((one) => [before.name(one.path), one]));
  const unknown = new Set<string>();
  for (const { id, location } of [
    ...now.report.findings,
    ...now.report.hidden.map(({ finding }) => finding),
  ]) {
    if (id === 'unknown-model' && location !== null) unknown.add(`${location.file}\0${location.pointer}`);
  }
  const dropped: Comparison['dropped'] = [];
  const causes = new Map<string, Set<string>>();
  for (const blueprint of now.report.blueprints) {
    const was = blueprints.get(now.name(blueprint.path));
    if (was === undefined) continue;
    const byModel = new Map<string, Set<string>>();
    for (const [declaration, earlier] of pairs(blueprint, was)) {
      const { model, ref } = declaration;
      // What is no longer assessed does not run only where its model is not known.
      if (model === null && !unknown.has(`${declaration.file}\0${declaration.sourcePointer}`)) continue;
      const targets = now.report.targets.filter(
        ({ id }) => runs(earlier.statuses, id) && !runs(declaration.statuses, id),
      );
      const [first] = targets;
      if (first === undefined) continue;
      const name = model ?? ref ?? '';
      const known = byModel.get(name) ?? new Set();
      byModel.set(name, known);
      for (const { id } of targets) known.add(id);
      const cause = ref === null || ref !== earlier.ref ? null : causeOf(ref, first, before, now);
      if (cause === null) continue;
      const broken = causes.get(cause) ?? new Set();
      causes.set(cause, broken.add(blueprint.path));
    }
    for (const [model, targets] of byModel) {
      dropped.push({ blueprint: blueprint.path, model, targets: [...targets] });
    }
  }
  return {
    dropped,
    causes: [...causes].map(([message, broken]): Cause => ({ message, blueprints: [...broken] })),
  };
}

/** The declarations of one place in both versions, where both ask for a model that the blueprint cannot do without. */
function pairs(now: ReportBlueprint, before: ReportBlueprint): [ReportDeclaration, ReportDeclaration][] {
  const earlier = new Map(before.declarations.map((one) => [one.pointer, one]));
  return now.declarations.flatMap((declaration) => {
    const was = earlier.get(declaration.pointer);
    const isAsked = declaration.required && declaration.skipped === null && was?.skipped === null;
    return isAsked ? [[declaration, was]] : [];
  });
}

function runs(statuses: Readonly<Record<string, Status>>, target: string): boolean {
  const status = Object.hasOwn(statuses, target) ? statuses[target] : undefined;
  return status === 'pass' || status === 'warning';
}

/** Why a reference that stayed as it was no longer runs on a target, as a sentence; null where nothing tells. */
function causeOf(ref: string, target: Target, before: Version, now: Version): string | null {
  const was = before.catalog.resolve(ref);
  const is = now.catalog.resolve(ref);
  if (was === null) return null;
  if (is === null) return entryGone(was, ref, now.catalog);
  if (is.entry.id !== was.entry.id) {
    return `${short(ref, 60)} now means ${short(is.entry.id, 60)}, and meant ${short(was.entry.id, 60)}.`;
  }
  const raised = raisedRequirements(was.entry, is.entry);
  if (raised.length > 0) return `${short(is.entry.id, 60)} now asks for ${raised.join(' and ')}.`;
  if (!sameEntry(was.entry, is.entry))
    return `The catalog now says something else of ${short(is.entry.id, 60)}.`;
  const earlier = before.report.targets.find(({ id }) => id === target.id);
  const isSame = JSON.stringify(earlier?.facts) === JSON.stringify(target.facts);
  return isSame ? null : `The target ${short(target.id, 60)} is now another machine.`;
}

function entryGone({ entry, by }: Resolved, ref: string, now: Catalog): string {
  const id = short(entry.id, 60);
  if (now.get(entry.id) === null) return `The catalog no longer has the model ${id}.`;
  return by === 'alias'
    ? `The catalog no longer has the alias ${short(ref, 60)} of ${id}.`
    : `${short(ref, 60)} no longer names the model ${id}.`;
}

const memoryWords: Record<keyof Requirements, string> = {
  minVramGb: 'VRAM',
  minUnifiedMemoryGb: 'unified memory',
  minCpuRamGb: 'RAM on a CPU',
};

/** `12 GB VRAM (8 GB before)`, for each requirement that went up. */
function raisedRequirements(before: CatalogEntry, now: CatalogEntry): string[] {
  return (Object.keys(memoryWords) as (keyof Requirements)[]).flatMap((kind) => {
    const [was, is] = [before.requirements[kind], now.requirements[kind]];
    if (is === undefined || is <= (was ?? 0)) return [];
    const earlier = was === undefined ? 'nothing' : gigabytes(was);
    return [`${gigabytes(is)} ${memoryWords[kind]} (${earlier} before)`];
  });
}

function sameEntry(one: CatalogEntry, other: CatalogEntry): boolean {
  const told = ({ requirements, backend, backends }: CatalogEntry) =>
    JSON.stringify([Object.entries(requirements).sort(), backend, backends]);
  return told(one) === told(other);
}

/** Targets that only one of the versions has: with them their findings come and go. */
function otherTargets(before: Report, now: Report): Cause[] {
  const missingIn = ({ targets }: Report, other: Report) =>
    other.targets.filter(({ id }) => !targets.some((target) => target.id === id));
  const told = (targets: readonly Target[], what: string): Cause[] =>
    targets.map(({ id }) => ({ message: `The target ${printable(id)} ${what}.`, blueprints: [] }));
  return [
    ...told(missingIn(now, before), 'is no longer checked'),
    ...told(missingIn(before, now), 'was not checked before'),
  ];
}

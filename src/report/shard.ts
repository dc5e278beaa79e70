import type { Stale } from '../check/baseline.ts';
import { staleFinding } from '../check/baseline.ts';
import type { MissingService } from '../check/installed.ts';
import type { Report, ReportDeclaration, RunInfo, ShardWriter } from '../check/report.ts';
import type { SuppressionState } from '../check/suppressions.ts';
import type { Finding, Severity } from '../findings/finding.ts';
import type { Excerpt } from './excerpts.ts';
import { declarationExcerpts, problemExcerpts } from './excerpts.ts';
import { factsLines, type PartFacts } from './facts.ts';
import { findingValue, list, safeJson } from './json.ts';

/** What all shards of a run must have in common, as hashes. */
export interface SameInAll {
  /** The folders and files that are split, with their sizes. */
  files: string;
  targets: string;
  catalogs: string;
  /** Paths, force, baseline, suppressions, the version compared with. */
  options: string;
}

/** A named file, by the index of the path that names it. */
export interface NamedPath {
  root: number;
  path: string;
}

/** What a merge needs of one shard besides its report. */
export interface ShardPart {
  index: number;
  total: number;
  /** Of Model Check. */
  version: string;
  same: SameInAll;
  info: Omit<RunInfo, 'elapsedMs' | 'leftOut' | 'changes'>;
  /** How much it weighs that there is no blueprint (null: nothing), where was looked, and the named files that are none. */
  noBlueprint: { severity: Severity | null; searched: readonly string[]; named: NamedPath[] };
  /** Entries of the baseline that match nothing, as far as this shard says so. */
  stale: Stale | null;
  suppressions: SuppressionState[];
  services: MissingService[];
  /** For each blueprint of the report, the index of the path that it was found by first. */
  roots: number[];
  /** What a merge needs where the shard checks only some of the targets; null where it checks all. */
  facts: PartFacts | null;
  /** For each model and backend of the verdicts, in their order, the index of the blueprint that is the first to ask for it. */
  firstUses: number[];
}

/** Writes what the JSON report of a shard has besides (schemas/report.schema.json). */
export function shardWriter(
  report: Report,
  part: ShardPart,
  source: (file: string) => string | null,
): ShardWriter {
  return {
    ofFinding: moreOfFinding,
    ofDeclaration: ({ range }: ReportDeclaration) => ({
      end_line: range?.endLine ?? null,
      end_column: range?.endColumn ?? null,
    }),
    lines: () => lines(report, part, source),
  };
}

/** What the JSON report leaves out of a finding. */
function moreOfFinding({ title, sameAs, blueprint, declaration, message }: Finding) {
  return { title, blueprint, declaration, ...(sameAs === message ? {} : { same_as: sameAs }) };
}

function wholeFinding(finding: Finding) {
  return { ...findingValue(finding), ...moreOfFinding(finding) };
}

function* lines(report: Report, part: ShardPart, source: (file: string) => string | null): Iterable<string> {
  const { index, total, version, same, info, noBlueprint, stale, suppressions, services } = part;
  const head = {
    index,
    total,
    version,
    same: { files: same.files, targets: same.targets, catalogs: same.catalogs, options: same.options },
    info: {
      targets_from: info.targetsFrom,
      targets_hint: info.targetsHint,
      catalog_from: info.catalogFrom,
      force: info.force,
      config_from: info.configFrom ?? null,
      baseline_from: info.baselineFrom ?? null,
      not_compared: info.notCompared ?? '',
    },
    no_blueprint: noBlueprint,
    stale,
    host_bytes: report.modelMemory?.map(({ hostBytes }) => hostBytes) ?? null,
    roots: part.roots,
    first_uses: part.firstUses,
  };
  yield '  "shard": {\n';
  for (const [key, value] of Object.entries(head)) yield `    "${key}": ${safeJson(value)},\n`;
  const indent = '    ';
  yield* list('services', services, (service) => safeJson(service), ',\n', indent);
  yield* list(
    'suppressions',
    suppressions,
    ({ state, finding }) => safeJson({ state, finding: wholeFinding(finding) }),
    ',\n',
    indent,
  );
  const held = suppressions.filter(({ state }) => state !== 'used').map(({ finding }) => finding);
  if (stale !== null) held.push(staleFinding(stale));
  yield* list('problem_lines', problemExcerpts(report, held, source), excerptJson, ',\n', indent);
  const end = part.facts === null ? '\n' : ',\n';
  yield* list('declaration_lines', declarationExcerpts(report, source), excerptJson, end, indent);
  if (part.facts !== null) yield* factsLines(part.facts, wholeFinding);
  yield '  }\n';
}

function excerptJson({ file, lines }: Excerpt): string {
  return safeJson({ file, lines: lines.map(({ line, length, pieces }) => [line, length, pieces]) });
}

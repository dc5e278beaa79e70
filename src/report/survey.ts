import type { Report, ReportBlueprint, ReportDeclaration } from '../check/report.ts';
import type { Status } from '../compatibility/verdict.ts';
import type { Finding, Location } from '../findings/finding.ts';
import type { FindingId } from '../findings/table.ts';
import { printable, short } from '../text/text.ts';

/** How the blueprints of a report stand: which need attention, and what became of the others. */
export interface Survey {
  /** What to call each blueprint: its id, or its path where another one has the same id. */
  names: string[];
  /** Indices of blueprints with an error or a warning; errors first. */
  attention: number[];
  /** Indices of all others; those that do not run on every target first. */
  rest: number[];
  /** How many of the rest do not run on every target; only on targets that are not required, or optional models. */
  partly: number;
  /** Errors and warnings that are not in a blueprint: catalogs, the run as a whole. */
  outside: number;
}

/** Sorts the blueprints of a report by what a reader must see first. */
export function survey(report: Report): Survey {
  const ids = new Map<string, number>();
  const paths = new Map<string, number>();
  report.blueprints.forEach(({ id, path }, index) => {
    ids.set(id, (ids.get(id) ?? 0) + 1);
    paths.set(path, index);
  });
  const ownerOf = ({ location, blueprint }: Finding): number | undefined =>
    location === null
      ? undefined
      : (paths.get(blueprint ?? location.file) ?? paths.get(folderOfLayer(location.file)));
  const errors = new Set<number>();
  const warnings = new Set<number>();
  let outside = 0;
  for (const finding of report.findings) {
    if (finding.severity === 'note') continue;
    const owner = ownerOf(finding);
    if (owner === undefined) outside++;
    else (finding.severity === 'error' ? errors : warnings).add(owner);
  }
  const order = report.blueprints.map((_, index) => index);
  const known = new Map<ReportDeclaration['statuses'], boolean>();
  const isPartly = report.blueprints.map(({ declarations }) =>
    declarations.some(({ statuses }) => {
      let isPartly = known.get(statuses);
      if (isPartly === undefined) known.set(statuses, (isPartly = !Object.values(statuses).every(runs)));
      return isPartly;
    }),
  );
  const rest = order.filter((index) => !errors.has(index) && !warnings.has(index));
  return {
    names: report.blueprints.map(({ id, path }) => short(id === '' || ids.get(id) !== 1 ? path : id, 60)),
    attention: [
      ...order.filter((index) => errors.has(index)),
      ...order.filter((index) => !errors.has(index) && warnings.has(index)),
    ],
    rest: [...rest.filter((index) => isPartly[index]), ...rest.filter((index) => !isPartly[index])],
    partly: rest.filter((index) => isPartly[index]).length,
    outside,
  };
}

/** The layers of a blueprint folder. */
const layerNames = ['manifest.json', 'config/default.json', 'config/overwrite.json'];

/** The files that findings about this blueprint point into. */
function filesOf(blueprint: ReportBlueprint): string[] {
  const folder = blueprint.path === '.' ? '' : `${blueprint.path}/`;
  return [
    blueprint.path,
    ...layerNames.map((name) => folder + name),
    ...blueprint.declarations.map(({ file }) => file),
  ];
}

/** The folder of the blueprint that a layer belongs to; the file itself where it is none by its name. */
function folderOfLayer(file: string): string {
  if (layerNames.includes(file)) return '.';
  const name = layerNames.find((layer) => file.endsWith(`/${layer}`));
  return name === undefined ? file : file.slice(0, -name.length - 1);
}

/** Decision 18: what runs only with force does not run. */
export function runs(status: Status): boolean {
  return status === 'pass' || status === 'warning';
}

/** The status of a declaration on a target; null where it was not assessed there. */
export function statusOn(declaration: ReportDeclaration, target: string): Status | null {
  return Object.hasOwn(declaration.statuses, target) ? (declaration.statuses[target] as Status) : null;
}

/** One row of a matrix: a model of a blueprint, its status on each target, or words instead. */
export interface Row {
  /** `gemma4:e2b @ 8192`; safe on one line, not escaped for a format. */
  label: string;
  /** In the order of the report's targets; null where the row has `words` instead. */
  statuses: readonly (Status | null)[] | null;
  words: string;
  /** The first of the declarations that this row stands for. */
  declaration: ReportDeclaration | null;
  /** The further ones, which would read the same. */
  others: ReportDeclaration[];
}

const uncheckedWords: { [Id in FindingId]?: string } = {
  'unknown-model': '✗ unknown model',
  'missing-model': '✗ names no model',
  'model-unverified': 'not checked: its needs are not known',
  'model-not-checked': 'not checked: no catalog knows it',
  'payload-missing': 'not checked: its file is missing',
};

/**
 * The rows of a blueprint; declarations that would read the same are one row. `only`: the blueprints that will be
 * asked for, where these are few of many.
 */
export function rowsFor(
  report: Report,
  only?: readonly ReportBlueprint[],
): (blueprint: ReportBlueprint) => Row[] {
  const unchecked = new Map<string, string>();
  const wrongFiles = new Set<string>();
  const paths = only === undefined ? null : new Set<string | null>(only.map(({ path }) => path)).add(null);
  const look = ({ id, severity, location, blueprint }: Finding) => {
    if (location === null || paths?.has(blueprint) === false) return;
    if (severity === 'error') wrongFiles.add(location.file);
    const words = uncheckedWords[id];
    if (words !== undefined) unchecked.set(`${location.file}\0${location.pointer}`, words);
  };
  for (const finding of report.findings) look(finding);
  // What is hidden still says why a model was not checked.
  for (const { finding } of report.hidden) look(finding);
  // Declarations of one model share their statuses; a list for each of 100,000 rows would be 50 MB.
  const lists = new Map<ReportDeclaration['statuses'], (Status | null)[]>();
  const statusesOf = (declaration: ReportDeclaration) => {
    let list = lists.get(declaration.statuses);
    if (list === undefined) {
      list = report.targets.map(({ id }) => statusOn(declaration, id));
      lists.set(declaration.statuses, list);
    }
    return list;
  };
  return (blueprint) => {
    const rows = new Map<string, Row>();
    for (const declaration of blueprint.declarations) {
      const statuses = statusesOf(declaration);
      const isAssessed = declaration.skipped === null && statuses.some((status) => status !== null);
      const words =
        declaration.skipped !== null
          ? `skipped: ${short(declaration.skipped)}`
          : isAssessed
            ? ''
            : (unchecked.get(`${declaration.file}\0${declaration.sourcePointer}`) ?? 'not checked');
      const row: Row = {
        label: labelOf(declaration),
        statuses: isAssessed ? statuses : null,
        words,
        declaration,
        others: [],
      };
      const key = JSON.stringify([row.label, words, row.statuses]);
      const known = rows.get(key);
      if (known === undefined) rows.set(key, row);
      else known.others.push(declaration);
    }
    if (rows.size === 0) {
      // An error without a declaration: a file could not be read, so what it declares is not known.
      const isWrong = filesOf(blueprint).some((file) => wrongFiles.has(file));
      return [
        {
          label: '–',
          statuses: null,
          words: isWrong ? '✗ not checked' : 'no model found',
          declaration: null,
          others: [],
        },
      ];
    }
    return [...rows.values()];
  };
}

function labelOf({ model, ref, contextSize, backend, required, skipped }: ReportDeclaration): string {
  const name = model ?? ref;
  if (name === null) return '–';
  const context = contextSize === null || skipped !== null ? '' : ` @ ${contextSize}`;
  const engine =
    backend === null || backend === 'auto' || backend === 'llama.cpp' ? '' : `, ${short(backend, 20)}`;
  return `${short(name, 60)}${context}${engine}${required ? '' : ' (optional)'}`;
}

/** How many declarations were skipped for each reason, most first. */
function skippedReasons(blueprints: Iterable<ReportBlueprint>): [reason: string, amount: number][] {
  const reasons = new Map<string, number>();
  for (const { declarations } of blueprints) {
    for (const { skipped } of declarations) {
      if (skipped !== null) reasons.set(skipped, (reasons.get(skipped) ?? 0) + 1);
    }
  }
  return [...reasons].sort((a, b) => b[1] - a[1]);
}

/** ` · 9 skipped (provider is fake: 5, llm.enabled is false: 4)`, or nothing. */
export function skippedWords(blueprints: Iterable<ReportBlueprint>): string {
  const reasons = skippedReasons(blueprints);
  if (reasons.length === 0) return '';
  const total = reasons.reduce((sum, [, amount]) => sum + amount, 0);
  if (reasons.length === 1) return ` · ${total} skipped (${short(reasons[0]?.[0] ?? '', 60)})`;
  const shown = reasons.slice(0, 5).map(([reason, amount]) => `${short(reason, 60)}: ${amount}`);
  if (reasons.length > 5) shown.push('…');
  return ` · ${total} skipped (${shown.join(', ')})`;
}

/** Targets that share one column of a matrix. */
export type Column = number[];

/** More columns than this are more than anybody compares at a glance. */
const targetsInFull = 8;

/**
 * The columns of a matrix, as indices of targets. Where there are more than 8
 * targets, those that have the same status in every row share a column.
 */
export function columnsFor(report: Report, blueprints: Iterable<ReportBlueprint>): Column[] {
  const each = report.targets.map((_, index) => [index]);
  if (each.length <= targetsInFull) return each;
  const distinct = new Set<ReportDeclaration['statuses']>();
  for (const { declarations } of blueprints) {
    for (const { statuses, skipped } of declarations) if (skipped === null) distinct.add(statuses);
  }
  const groups = new Map<string, Column>();
  report.targets.forEach(({ id }, index) => {
    let pattern = '';
    for (const statuses of distinct) pattern += Object.hasOwn(statuses, id) ? `${statuses[id]} ` : '- ';
    const group = groups.get(pattern);
    if (group === undefined) groups.set(pattern, [index]);
    else group.push(index);
  });
  return [...groups.values()];
}

/** `RTX 4060`, or `RTX 4060 +11` where others share the column. */
export function columnHead({ targets }: Report, column: Column, limit: number): string {
  const name = short(targets[column[0] ?? 0]?.name ?? '', limit);
  return column.length === 1 ? name : `${name} +${column.length - 1}`;
}

/** The ids of a column's targets; of very many the first ones. */
export function columnIds({ targets }: Report, column: Column): string {
  const shown = column.slice(0, idsShown).map((index) => short(targets[index]?.id ?? '', 64));
  const more = column.length - shown.length;
  return `${shown.join(', ')}${more === 0 ? '' : ` and ${more} more`}`;
}

const idsShown = 50;

/** The same problem in several places: told once. */
export interface Problem {
  first: Finding;
  others: Finding[];
}

/** Findings that say the same of other places become one problem; order of the first ones is kept. */
export function groupProblems(findings: Iterable<Finding>): Problem[] {
  const groups = new Map<string, Problem>();
  // Numbers stand for what is long, so that the keys of thousands of findings are short.
  const numbers = new Map<string, number>();
  const numberOf = (text: string) => {
    let number = numbers.get(text);
    if (number === undefined) numbers.set(text, (number = numbers.size));
    return number;
  };
  // Findings of one model share their targets.
  const joined = new Map<readonly string[], number>();
  for (const finding of findings) {
    const { id, severity, help, sameAs, targets, change } = finding;
    let on = joined.get(targets);
    if (on === undefined) joined.set(targets, (on = numberOf(targets.join(' '))));
    const key = `${severity} ${id} ${change} ${on} ${numberOf(help)} ${numberOf(sameAs)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: finding, others: [] });
    else group.others.push(finding);
  }
  return [...groups.values()];
}

/** `file:line:col` as people write and terminals open it; `''` for the run as a whole. */
export function placeOf(location: Location | null): string {
  if (location === null) return '';
  const { file, range } = location;
  return `${printable(file)}${range === null ? '' : `:${range.line}:${range.column}`}`;
}

import type { Report, ReportBlueprint, ReportDeclaration, RunInfo } from '../check/report.ts';
import { statuses as allStatuses, type Status } from '../compatibility/verdict.ts';
import { type Finding, findingUrl, type Location } from '../findings/finding.ts';
import { findings as findingTable } from '../findings/table.ts';
import { count, gigabytes, listed, printable, short } from '../text/text.ts';
import { answer } from './answer.ts';
import { guardLines } from './guard.ts';
import { skippedNames } from './skipped.ts';
import {
  type Column,
  columnHead,
  columnIds,
  columnsFor,
  groupProblems,
  type Problem,
  type Row,
  rowsFor,
  type Survey,
  skippedWords,
  survey,
} from './survey.ts';
import {
  elapsed,
  forceLegend,
  hiddenCounts,
  hiddenWords,
  legend,
  listedTargets,
  marks,
  problemCounts,
  severityMarks,
  suppressedGroups,
  targetNames,
  withoutProblems,
} from './words.ts';

export interface MarkdownOptions {
  /** Bytes of UTF-8 that the text may take; GitHub drops a summary above 1 MiB. From 2,000 on all counts fit. */
  budget: number;
  /** The address of a line of a file; null where it is unknown. `encodePath` makes a path safe for it. */
  link(file: string, line: number): string | null;
}

/** Up to here blueprints without problems are not folded away where nothing needs attention. */
const blueprintsInFull = 25;
/** A table with more columns of marks than this cannot be read; it counts instead. */
const columnsInFull = 20;
const headLimit = 34;
const leftOutPlace = 'The JSON report has everything.';

/**
 * The job summary: the answer, the matrix with problems on top, each problem
 * once, the rest folded away. What does not fit the budget is left out by level,
 * never in the middle of a row: first what has no problems, then the matrix and
 * the milder problems. The counts always stay.
 */
export function reportMarkdown(report: Report, info: RunInfo, options: MarkdownOptions): string {
  const context: Context = {
    report,
    info,
    options,
    state: survey(report),
    rowsOf: rowsFor(report),
    nameOf: targetNames(report),
    problems: groupProblems(report.findings.filter(({ severity }) => severity !== 'note')),
  };
  for (const level of [everything, problemsOnly]) {
    const page = new Page(options.budget);
    if (level(context, page)) return page.text();
  }
  const page = new Page(options.budget);
  countsOnly(context, page);
  return page.text();
}

interface Context {
  report: Report;
  info: RunInfo;
  options: MarkdownOptions;
  state: Survey;
  rowsOf: (blueprint: ReportBlueprint) => Row[];
  nameOf: (id: string) => string;
  problems: Problem[];
}

const encoder = new TextEncoder();

/** Text within a budget. A piece is added whole or not at all. */
class Page {
  readonly #parts: string[] = [];
  #left: number;

  constructor(budget: number) {
    this.#left = budget;
  }

  get left(): number {
    return this.#left;
  }

  /** False, and nothing added, where the piece does not fit. */
  add(piece: string): boolean {
    const guarded = guardLines(piece);
    const bytes = encoder.encode(guarded).length;
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    this.#parts.push(guarded);
    return true;
  }

  text(): string {
    return this.#parts.join('');
  }
}

// --- the levels

function everything(context: Context, page: Page): boolean {
  const { state, problems } = context;
  const isOpen = state.attention.length === 0 && state.rest.length <= blueprintsInFull;
  return (
    head(context, page) &&
    matrix(context, page, isOpen ? state.rest : state.attention) &&
    problems.every((problem, index) => page.add(problemItem(context, problem, index))) &&
    (problems.length === 0 || page.add('\n')) &&
    (isOpen || restDetails(context, page)) &&
    fixedDetails(context, page) &&
    suppressedDetails(context, page) &&
    notesDetails(context, page)
  );
}

function problemsOnly(context: Context, page: Page): boolean {
  const { state, problems, report } = context;
  // What has no problems is all that this level leaves out.
  if (problems.length === 0) return false;
  return (
    head(context, page) &&
    matrix(context, page, state.attention) &&
    problems.every((problem, index) => page.add(problemItem(context, problem, index))) &&
    (state.rest.length === 0 || page.add(`\n${escapeMarkdown(restWords(context))}\n`)) &&
    page.add(
      `\nLeft out to stay within the size of a summary: blueprints without problems, skipped declarations${
        report.hidden.length === 0 ? '' : ', hidden findings'
      }${report.summary.notes === 0 ? '' : `, ${count(report.summary.notes, 'note')}`}. ${leftOutPlace}\n`,
    )
  );
}

function countsOnly(context: Context, page: Page): void {
  const { report, problems, state } = context;
  if (!head(context, page, true)) return;
  const ending = (shown: number) => {
    const left = problems.length - shown;
    const some = left === 0 ? '' : `${left} of ${count(problems.length, 'problem')}, `;
    return `\nLeft out to stay within the size of a summary: ${some}the matrix, ${count(state.rest.length, 'blueprint')} without problems. ${leftOutPlace}\n`;
  };
  const reserve = encoder.encode(ending(0)).length + 200;
  const kinds = new Map<string, { finding: Finding; amount: number }>();
  for (const finding of report.findings) {
    const key = `${finding.severity} ${finding.id}`;
    const kind = kinds.get(key);
    if (kind === undefined) kinds.set(key, { finding, amount: 1 });
    else kind.amount++;
  }
  const fits = (piece: string) => encoder.encode(piece).length + reserve <= page.left && page.add(piece);
  if (kinds.size > 0 && fits('\n| | finding | count | |\n|---|---|--:|---|\n')) {
    for (const { finding, amount } of kinds.values()) {
      const { id, severity } = finding;
      const row = `| ${severityMarks[severity]} ${severity} | [${id}](${findingUrl(id)}) | ${amount} | ${escapeMarkdown(findingTable[id].summary)} |\n`;
      if (!fits(row)) break;
    }
    fits('\n');
  }
  let shown = 0;
  while (shown < problems.length && fits(problemItem(context, problems[shown] as Problem, shown))) shown++;
  page.add(ending(shown));
}

// --- the parts

/** The answer, what was checked, and the counts. */
function head({ report, info, state }: Context, page: Page, isShort = false): boolean {
  const { summary } = report;
  const checked = [
    `Checked against ${info.targetsFrom}`,
    `catalog: ${info.catalogFrom}`,
    ...(info.configFrom === undefined ? [] : [`options: ${info.configFrom}`]),
    ...(info.elapsedMs === null ? [] : [elapsed(info.elapsedMs)]),
  ];
  const limit = isShort ? 40 : 300;
  const hidden = hiddenWords(report, info);
  const lines = [
    `### Models: ${escapeMarkdown(answer(report, info, state))}`,
    '',
    ...changeLines(info, isShort),
    checked.map((text) => escapeMarkdown(short(text, limit))).join(' · '),
    ...[info.targetsHint, info.leftOut ?? '', info.notCompared ?? ''].flatMap((hint) =>
      hint === '' || isShort ? [] : ['', escapeMarkdown(short(hint, 500))],
    ),
    '',
    `**${problemCounts(summary)}, ${count(summary.notes, 'note')}** in ${count(summary.blueprints, 'blueprint')} · ${count(summary.declarations, 'declaration')}, ${summary.skipped} skipped${hidden === '' ? '' : ` · ${escapeMarkdown(hidden)}`}`,
    '',
  ];
  return page.add(lines.join('\n'));
}

/** What is other than in the version compared with; what no longer runs comes first. */
function changeLines({ changes: words }: RunInfo, isShort: boolean): string[] {
  if (words == null) return [];
  const items = [
    ...words.dropped.map(
      ({ blueprint, model, targets }) =>
        `- ${severityMarks.error} **${capital(words.subject)} drops ${escapeMarkdown(blueprint)}** (${escapeMarkdown(model)}) on ${escapeMarkdown(targets)}`,
    ),
    ...words.sentences.map((sentence) => `- ${escapeMarkdown(sentence)}`),
  ];
  const counts = `**Compared with ${escapeMarkdown(words.base)}:** ${words.counts}`;
  return [...(isShort ? [] : items), ...(isShort || items.length === 0 ? [] : ['']), counts, ''];
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** A table of these blueprints' models by targets, with its legend. */
function matrix(context: Context, page: Page, indices: number[], isFirst = true): boolean {
  if (indices.length === 0) return true;
  const { report, rowsOf, state } = context;
  const blueprints = indices.map((index) => report.blueprints[index] as ReportBlueprint);
  const columns = columnsFor(report, blueprints);
  const isCounted = columns.length > columnsInFull;
  const heads = isCounted
    ? allStatuses.map((status) => marks[status])
    : columns.map((column) => escapeMarkdown(columnHead(report, column, headLimit)));
  const table = [
    `\n| blueprint | model |${heads.map((one) => ` ${one} |`).join('')}`,
    `|---|---|${heads.map(() => (isCounted ? '--:|' : ':-:|')).join('')}`,
  ];
  if (!page.add(`${table.join('\n')}\n`)) return false;
  for (const [at, index] of indices.entries()) {
    const name = escapeMarkdown(state.names[index] as string);
    for (const [line, row] of rowsOf(blueprints[at] as ReportBlueprint).entries()) {
      const cells = isCounted ? statusCounts(row, heads.length) : statusMarks(row, columns);
      const more = row.words === '' ? needWords(row.declaration) : row.words;
      const label = escapeMarkdown(more === '' ? row.label : `${row.label} · ${more}`);
      if (
        !page.add(
          `| ${line === 0 ? `**${name}**` : ''} | ${label} |${cells.map((cell) => ` ${cell} |`).join('')}\n`,
        )
      ) {
        return false;
      }
    }
  }
  return matrixLegend(context, page, columns, isFirst);
}

/** What it takes by the estimate with all of it on a GPU: `1.6 GB`; empty where that is not known. */
function needWords(declaration: ReportDeclaration | null): string {
  const estimate = declaration?.estimate;
  return estimate ? gigabytes(estimate.device / 2 ** 30) : '';
}

function matrixLegend(context: Context, page: Page, columns: Column[], isFirst: boolean): boolean {
  const { report, info } = context;
  const isCounted = columns.length > columnsInFull;
  const counted = isCounted
    ? ` How many of the ${report.targets.length} targets; the problems name them.`
    : '';
  const force = info.force ? ` ${forceLegend}` : '';
  const isEstimated = report.blueprints.some(({ declarations }) =>
    declarations.some(({ estimate }) => estimate),
  );
  const need = isEstimated ? ' GB: what a model takes on a GPU by the estimate.' : '';
  const isGrouped = columns.some(({ length }) => length > 1);
  return (
    (!isFirst || page.add(`\n${legend}.${need}${counted}${force}\n`)) &&
    (isCounted || (!isFirst && !isGrouped) || columnLegend(context, page, columns, isGrouped)) &&
    page.add('\n')
  );
}

/** The ids behind the heads, where a head does not say them. */
function columnLegend({ report }: Context, page: Page, columns: Column[], isGrouped: boolean): boolean {
  const lines = columns.flatMap((column) => {
    const head = columnHead(report, column, headLimit);
    const ids = columnIds(report, column);
    if (column.length === 1 && head.toLowerCase().replaceAll(' ', '-') === ids) return [];
    return [`${escapeMarkdown(head)}: ${escapeMarkdown(ids)}`];
  });
  if (lines.length === 0) return true;
  // Short pairs read well on one line; long groups need one each.
  return page.add(
    isGrouped ? `\n${lines.map((line) => `- ${line}\n`).join('')}` : `\nIds: ${lines.join(' · ')}\n`,
  );
}

function statusMarks({ statuses }: Row, columns: Column[]): string[] {
  return columns.map((column) => {
    const status = statuses?.[column[0] ?? 0] ?? null;
    return status === null ? '' : marks[status];
  });
}

function statusCounts({ statuses }: Row, length: number): string[] {
  if (statuses === null) return Array.from({ length }, () => '');
  const amounts = new Map<Status, number>();
  for (const status of statuses) if (status !== null) amounts.set(status, (amounts.get(status) ?? 0) + 1);
  return allStatuses.map((status) => String(amounts.get(status) ?? ''));
}

/** One problem with its place, reason, fix, targets and the other places. */
function problemItem(context: Context, { first, others }: Problem, index: number): string {
  const { id, severity, title, message, help, location, targets } = first;
  const place = placeLink(context, location);
  const lines = [
    `${index + 1}. ${severityMarks[severity]} ${first.change === 'new' ? 'New: ' : ''}**${escapeMarkdown(short(title, 300))}**${place === '' ? '' : ` · ${place}`}`,
    escapeMarkdown(short(message, 1000)),
    `${help === '' ? '' : `Fix: ${escapeMarkdown(short(help, 1000))} `}([${id}](${findingUrl(id)}))`,
  ];
  if (targets.length > 1)
    lines.push(
      `Targets: ${listedTargets(
        targets.map((target) => escapeMarkdown(context.nameOf(target))),
        12,
      )}`,
    );
  if (others.length > 0) {
    const places = others.slice(0, 5).map((other) => placeLink(context, other.location) || 'the run');
    lines.push(`Also in ${listed(places, 5, others.length)}`);
  }
  return `${lines.join('<br>\n   ')}\n`;
}

/** `[file:line](address)`, or without the address where there is none. */
function placeLink({ options }: Context, location: Location | null): string {
  if (location === null) return '';
  const { file, range } = location;
  const text = escapeMarkdown(range === null ? printable(file) : `${printable(file)}:${range.line}`);
  const address = options.link(file, range?.line ?? 1);
  return address === null ? text : `[${text}](${escapeAddress(address)})`;
}

function restWords({ report, state }: Context): string {
  const some = state.partly === 0 ? '' : ` · ${state.partly} not on every target`;
  return `${count(state.rest.length, 'blueprint')} ${withoutProblems(report)}${some}${skippedWords(report.blueprints)}`;
}

/** The blueprints without problems, and what was skipped. */
function restDetails(context: Context, page: Page): boolean {
  const { state, report } = context;
  if (state.rest.length === 0) return true;
  const checked = state.rest.filter((index) =>
    report.blueprints[index]?.declarations.some(({ skipped }) => skipped === null),
  );
  return details(
    page,
    restWords(context),
    () => matrix(context, page, checked, state.attention.length === 0) && skippedList(context, page),
  );
}

/** The blueprints of each reason for skipping; also those without any model. */
function skippedList({ report, state }: Context, page: Page): boolean {
  const reasons = skippedNames(report, state);
  if (reasons.length === 0) return true;
  return (
    page.add('\n') &&
    reasons.every(([reason, names]) =>
      page.add(`- ${escapeMarkdown(reason)} (${names.length}): ${names.map(escapeMarkdown).join(', ')}\n`),
    )
  );
}

function fixedDetails({ report }: Context, page: Page): boolean {
  const fixed = report.comparison?.fixed ?? [];
  if (fixed.length === 0) return true;
  return details(
    page,
    `${fixed.length} fixed`,
    () =>
      page.add('\n') &&
      fixed.every(({ title, location }) => {
        // The line is that of the base: a link to this version would lead elsewhere.
        const place = location === null ? '' : ` · ${escapeMarkdown(printable(location.file))}`;
        return page.add(`- ${escapeMarkdown(short(title, 300))}${place}\n`);
      }),
  );
}

/** What somebody decided to live with, and why. */
function suppressedDetails(context: Context, page: Page): boolean {
  const groups = suppressedGroups(context.report);
  if (groups.length === 0) return true;
  return details(
    page,
    `${hiddenCounts(context.report).suppressed} suppressed`,
    () =>
      page.add('\n') &&
      groups.every(({ reason, findings }) => {
        const places = findings.slice(0, 5).map(({ location }) => placeLink(context, location) || 'the run');
        const id = (findings[0] as Finding).id;
        return page.add(
          `- [${id}](${findingUrl(id)}) · ${listed(places, 5, findings.length)}<br>\n  ${escapeMarkdown(short(reason, 1000))}\n`,
        );
      }),
  );
}

function notesDetails(context: Context, page: Page): boolean {
  const { report } = context;
  if (report.summary.notes === 0) return true;
  const groups = groupProblems(report.findings.filter(({ severity }) => severity === 'note'));
  return details(
    page,
    count(report.summary.notes, 'note'),
    () =>
      page.add('\n') &&
      groups.every(({ first, others }) => {
        const places = [first, ...others.slice(0, 4)].map(
          ({ location }) => placeLink(context, location) || 'the run',
        );
        return page.add(
          `- **${escapeMarkdown(short(first.title, 300))}** · ${listed(places, 5, others.length + 1)}<br>\n  ${escapeMarkdown(short(first.message, 1000))} ${escapeMarkdown(short(first.help, 1000))} ([${first.id}](${findingUrl(first.id)}))\n`,
        );
      }),
  );
}

/** A section that is folded away at first. `title` is plain text. */
function details(page: Page, title: string, body: () => boolean): boolean {
  return (
    page.add(`<details><summary>${escapeMarkdown(title)}</summary>\n`) &&
    body() &&
    page.add('\n</details>\n\n')
  );
}

// --- escaping

/**
 * Plain text for Markdown and HTML alike: entities, because they mean the same in
 * a table cell, a link, and `<summary>`. Names like `vc_assistant` stay readable.
 */
export function escapeMarkdown(text: string): string {
  return (
    printable(text)
      .replace(/[&<>`*[\]|~\\$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, (found) => `&#${found.charCodeAt(0)};`)
      // Addresses would become links, names after @ mentions, and numbers links to issues, which then say so.
      .replace(/:(?=\/\/)|(?<=\bwww)\./gi, (found) => `&#${found.charCodeAt(0)};`)
      .replace(/@(?=[A-Za-z0-9])|(?<!&)#(?=[0-9])|\bGH-(?=[0-9])/gi, '$&&#8203;')
  );
}

/** Each part of a relative path percent-encoded, for use in an address. */
export function encodePath(file: string): string {
  return file.toWellFormed().split('/').map(encodeURIComponent).join('/');
}

/** An address that cannot end the link that it stands in. */
export function escapeAddress(address: string): string {
  return address
    .toWellFormed()
    .replace(/[^A-Za-z0-9\-._~:/?#@!$&*+,;=%]/gu, (found) =>
      found === '(' ? '%28' : found === ')' ? '%29' : found === "'" ? '%27' : encodeURIComponent(found),
    );
}

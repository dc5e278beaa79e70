import type { Report, ReportBlueprint, ReportDeclaration, RunInfo } from '../check/report.ts';
import type { statuses as allStatuses } from '../compatibility/verdict.ts';
import type { Finding, Severity } from '../findings/finding.ts';
import { findings as findingTable } from '../findings/table.ts';
import type { Have } from '../memory/fit.ts';
import { count, listed, short } from '../text/text.ts';
import { codeFrame } from './frame.ts';
import { guardLines } from './guard.ts';
import { type Paint, paint } from './paint.ts';
import {
  type Column,
  columnHead,
  columnIds,
  columnsFor,
  groupProblems,
  type Problem,
  placeOf,
  type Row,
  rowsFor,
  type Survey,
  skippedWords,
  survey,
} from './survey.ts';
import { center, clip, padEnd, width, wrap } from './width.ts';
import {
  elapsed,
  forceLegend,
  hiddenWords,
  legend,
  marks,
  problemCounts,
  severityMarks,
  statusWords,
  suppressedGroups,
  withoutProblems,
} from './words.ts';

export { guardLines } from './guard.ts';

export interface TextOptions {
  color: boolean;
  /** Columns of the terminal; at least 40 are used. */
  width: number;
  /** Only the problems and the closing line. */
  quiet: boolean;
  /** The text of a file of the report, for code frames; null where there is none to show. */
  source(file: string): string | null;
}

/** Up to here every blueprint has its rows; above, those without problems become one line. */
const blueprintsInFull = 25;
const blueprintsShown = 100;
const framesShown = 50;
const fixedShown = 10;
const suppressedShown = 50;

/** The report for a terminal or a log. Ends with a line break. */
export function reportText(report: Report, info: RunInfo, options: TextOptions): string {
  const context = {
    report,
    info,
    options,
    columns: Math.max(40, options.width),
    paint: paint(options.color),
  };
  const blocks: string[][] = [changes(context)];
  if (!options.quiet) blocks.push(opening(context), overview(context));
  blocks.push(...problems(context));
  if (!options.quiet) blocks.push(notes(context), suppressed(context));
  blocks.push([closing(context)]);
  const text = blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join('\n'))
    .join('\n\n');
  return `${guardLines(text)}\n`;
}

/** Only the findings of a report, as `reportText` has them; empty where there are none. Ends with a line break. */
export function findingBlocks(report: Report, options: TextOptions): string {
  const context = { report, options, columns: Math.max(40, options.width), paint: paint(options.color) };
  const blocks = [...problems(context), notes(context)].filter((block) => block.length > 0);
  return guardLines(blocks.map((block) => `${block.join('\n')}\n`).join('\n'));
}

interface Context {
  report: Report;
  info: RunInfo;
  options: TextOptions;
  columns: number;
  paint: Paint;
}

/** What the findings need of it. */
type Findings = Omit<Context, 'info'>;

function opening({ report, info, paint }: Context): string[] {
  const options = info.configFrom === undefined ? '' : `, with options from ${short(info.configFrom, 100)}`;
  const checked = `Checked ${count(report.summary.blueprints, 'blueprint')} against ${short(info.targetsFrom, 300)}${options}`;
  const hints = [info.targetsHint, info.leftOut ?? '', info.notCompared ?? ''].filter((hint) => hint !== '');
  return [checked, ...hints.map((hint) => paint.dim(short(hint, 500)))];
}

/** What is other than in the version compared with; what no longer runs comes first. */
function changes({ report, info, columns, paint }: Context): string[] {
  const words = info.changes ?? null;
  if (words === null) return [];
  const fixed = (report.comparison?.fixed ?? []).filter(({ severity }) => severity !== 'note');
  return [
    `Compared with ${words.base}: ${words.counts}`,
    ...words.dropped.flatMap(({ blueprint, model, targets }) =>
      indented(
        `${severityMarks.error} ${words.subject} drops ${blueprint} (${model}) on ${targets}`,
        columns,
      ).map(paint.red),
    ),
    ...words.sentences.flatMap((sentence) => indented(sentence, columns)),
    ...fixed.slice(0, fixedShown).flatMap(({ title, location }) => {
      const place = placeOf(location);
      return indented(paint.dim(`fixed: ${short(title, 200)}${place === '' ? '' : ` (${place})`}`), columns);
    }),
    ...(fixed.length > fixedShown ? [paint.dim(`  … and ${fixed.length - fixedShown} more fixed`)] : []),
  ];
}

// --- the matrix

function overview(context: Context): string[] {
  const { report, paint } = context;
  if (report.blueprints.length === 0) return [];
  const state = survey(report);
  const isFull = report.blueprints.length <= blueprintsInFull;
  const shown = isFull ? [...state.attention, ...state.rest] : state.attention.slice(0, blueprintsShown);
  const block = shown.length === 0 ? [] : matrix(context, state, shown);
  const hidden = state.attention.length - Math.min(state.attention.length, shown.length);
  if (hidden > 0) block.push(`  … and ${count(hidden, 'more blueprint')} with problems (see --format json)`);
  if (!isFull && state.rest.length > 0) {
    if (block.length > 0) block.push('');
    block.push(`  ${paint.dim(folded(report, state))}`);
  }
  return block;
}

function folded(report: Report, { rest, partly }: Survey): string {
  const blueprints = rest.map((index) => report.blueprints[index] as ReportBlueprint);
  const some = partly === 0 ? '' : ` · ${partly} not on every target`;
  return `${count(rest.length, 'blueprint')} ${withoutProblems(report)}${some}${skippedWords(blueprints)}`;
}

interface Line extends Row {
  /** Of the blueprint; empty from its second row on. */
  name: string;
}

function matrix(context: Context, { names }: Survey, shown: number[]): string[] {
  const { report, columns } = context;
  const blueprints = shown.map((index) => report.blueprints[index] as ReportBlueprint);
  const rowsOf = rowsFor(report, blueprints);
  const lines: Line[] = shown.flatMap((index) =>
    rowsOf(report.blueprints[index] as ReportBlueprint).map((row, at) => ({
      ...row,
      name: at === 0 ? (names[index] as string) : '',
    })),
  );
  const nameWidth = widest(['blueprint', ...lines.map(({ name }) => name)], Math.floor(columns * 0.35));
  const labelWidth = widest(['model', ...lines.map(({ label }) => label)], Math.floor(columns * 0.35));
  const left = (line: { name: string; label: string }) =>
    `  ${padEnd(clip(line.name, nameWidth), nameWidth)}  ${padEnd(clip(line.label, labelWidth), labelWidth)}`;
  const isAssessed = lines.some(({ statuses }) => statuses !== null);
  if (report.targets.length < 2 || !isAssessed) return verdictColumn(context, lines, left);
  return targetColumns(context, lines, left, nameWidth + labelWidth + 4, shown);
}

function widest(texts: string[], limit: number): number {
  return Math.min(limit, Math.max(...texts.map(width)));
}

type Left = (line: { name: string; label: string }) => string;

/** One target: its verdicts in words. */
function verdictColumn(context: Context, lines: Line[], left: Left): string[] {
  const { report, info, paint } = context;
  const target = report.targets[0];
  const head =
    target === undefined || target.id === 'this-machine' ? 'verdict' : `on ${short(target.name, 60)}`;
  const messages = new Map(report.verdicts.map((one) => [`${one.model}\0${one.backend}`, one]));
  const words = lines.map(({ statuses, declaration }) => {
    const status = statuses?.[0] ?? null;
    if (status === null || declaration === null) return null;
    const verdict =
      messages.get(`${declaration.model}\0${declaration.backend ?? ''}`) ??
      report.verdicts.find((one) => one.model === declaration.model && one.status === status);
    const forced = verdict?.forced ? ', forced' : '';
    const why = [
      status === 'pass' ? '' : short(verdict?.message ?? '', 200),
      memoryBar(declaration, report.modelMemory?.[0], paint),
    ];
    return {
      status,
      text: `${marks[status]} ${statusWords[status]}${forced}`,
      why: why.filter((part) => part !== '').join('   '),
    };
  });
  const statusWidth = Math.max(
    0,
    ...words.map((one) => (one === null || one.why === '' ? 0 : width(one.text))),
  );
  const body = lines.map((line, index) => {
    const one = words[index] ?? null;
    if (one === null) return `${left(line)}  ${paint.dim(line.words)}`;
    const color = colorOf(paint, one.status);
    return one.why === ''
      ? `${left(line)}  ${color(one.text)}`
      : `${left(line)}  ${color(padEnd(one.text, statusWidth))}   ${one.why}`;
  });
  const heads = paint.dim(`${left({ name: 'blueprint', label: 'model' })}  ${head}`);
  return [
    heads,
    ...body.map((line) => line.trimEnd()),
    ...(info.force ? ['', paint.dim(`  ${forceLegend}`)] : []),
  ];
}

const barWidth = 10;

/** `██░░░░░░░░ takes 1.6 of 8 GB`: what the model needs by the estimate, of what the target has for models. */
function memoryBar({ estimate }: ReportDeclaration, memory: Have | undefined, paint: Paint): string {
  if (!estimate || !memory?.bytes) return '';
  const need = memory.kind === 'ram' ? estimate.cpuOnly : estimate.device;
  const isSplit = need > memory.bytes && memory.togetherBytes !== null;
  const have = isSplit ? (memory.togetherBytes ?? 0) : memory.bytes;
  const share = need / have;
  // Each card needs its margin, as in the fit.
  const isOver = need + (isSplit ? estimate.margin * Math.ceil(have / memory.bytes) : 0) > have;
  const filled = isOver ? barWidth : Math.min(barWidth - 1, Math.max(1, Math.round(barWidth * share)));
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
  const isTight = isSplit || need + estimate.margin > have || share > 0.9;
  const color = isOver ? paint.red : isTight ? paint.yellow : paint.green;
  const over = isOver ? ', too much' : isTight ? ', tight' : '';
  const figure = (bytes: number) => String(Number((bytes / 2 ** 30).toFixed(1)));
  return `${color(bar)} takes ${figure(need)} of ${figure(have)} GB${over}`;
}

/**
 * Several targets: a mark for each, or for those that have the same ones
 * throughout. Heads are their names, or their ids, or one name of a group, or
 * numbers, whichever fits first.
 */
function targetColumns(
  context: Context,
  lines: Line[],
  left: Left,
  leftWidth: number,
  shown: number[],
): string[] {
  const { report, info, columns, paint } = context;
  const room = columns - leftWidth - 2;
  const names = report.targets.map(({ name }) => short(name, 40));
  const ids = report.targets.map(({ id }) => short(id, 40));
  const fits = (heads: string[]) => heads.reduce((sum, head) => sum + width(head) + 2, 0) <= room;
  const fitting = [names, ids].find(fits);
  const groups: Column[] = fitting
    ? fitting.map((_, index) => [index])
    : columnsFor(
        report,
        shown.map((index) => report.blueprints[index] as ReportBlueprint),
      );
  const groupHeads = groups.map((group) => columnHead(report, group, 20));
  const isGrouped = groups.some(({ length }) => length > 1);
  const heads =
    fitting ?? (isGrouped && fits(groupHeads) ? groupHeads : groups.map((_, index) => String(index + 1)));
  const isNumbered = heads !== fitting && heads !== groupHeads;
  const digits = String(heads.length).length;
  // A mark takes one, also below a target without a name.
  const cellWidths = heads.map((head) => Math.max(1, isNumbered ? digits : width(head)));

  const output: string[] = [];
  for (let from = 0; from < groups.length; ) {
    let to = from;
    for (let used = 0; to < groups.length; to++) {
      used += (cellWidths[to] as number) + 2;
      if (used > room && to > from) break;
    }
    if (from > 0) output.push('');
    const cells = (cell: (column: number) => string) =>
      Array.from({ length: to - from }, (_, at) => `  ${cell(from + at)}`).join('');
    const head = cells((at) => center(heads[at] as string, cellWidths[at] as number));
    output.push(paint.dim((left({ name: 'blueprint', label: 'model' }) + head).trimEnd()));
    let owner = '';
    for (const line of lines) {
      if (line.name !== '') owner = line.name;
      const { statuses } = line;
      if (statuses === null) {
        if (from > 0) continue;
        output.push(`${left(line)}  ${paint.dim(line.words)}`);
        owner = '';
        continue;
      }
      // In a further band the rows without marks are missing: the first one left carries the name.
      output.push(
        left({ ...line, name: owner }) +
          cells((at) => {
            const status = statuses[groups[at]?.[0] ?? 0] ?? null;
            const cell = center(status === null ? '' : marks[status], cellWidths[at] as number);
            return status === null ? cell : colorOf(paint, status)(cell);
          }).trimEnd(),
      );
      owner = '';
    }
    from = to;
  }
  output.push('', paint.dim(`  ${legend}`));
  if (info.force) output.push(paint.dim(`  ${forceLegend}`));
  if (fitting === undefined)
    output.push(
      '',
      ...columnList(report, groups, isNumbered ? heads.map((head) => head.padStart(digits)) : heads, columns),
    );
  else if (fitting === ids) {
    const idWidth = Math.max(...ids.map(width));
    output.push('', ...ids.map((id, index) => `  ${padEnd(id, idWidth)}  ${names[index]}`));
  }
  return output;
}

/** What the heads of a matrix stand for: ids and names, many of them side by side. */
function columnList(report: Report, groups: Column[], heads: string[], columns: number): string[] {
  const headWidth = Math.max(...heads.map(width));
  const labels = heads.map((head) => `  ${padEnd(head, headWidth)}  `);
  if (groups.some(({ length }) => length > 1)) {
    return groups.flatMap((group, index) =>
      wrap(columnIds(report, group), columns - headWidth - 4).map(
        (line, at) => (at === 0 ? labels[index] : ' '.repeat(headWidth + 4)) + line,
      ),
    );
  }
  const ids = groups.map((group) => columnIds(report, group));
  const idWidth = Math.max(...ids.map(width));
  const entries = groups.map(([target], index) => {
    const name = short(report.targets[target ?? 0]?.name ?? '', 60);
    return `${labels[index]}${padEnd(ids[index] as string, idWidth)}  ${name}`;
  });
  const entryWidth = Math.max(...entries.map(width));
  const across = entries.length <= 12 ? 1 : Math.max(1, Math.floor(columns / entryWidth));
  const height = Math.ceil(entries.length / across);
  return Array.from({ length: height }, (_, row) =>
    entries
      .filter((_, index) => index % height === row)
      .map((entry) => padEnd(entry, entryWidth))
      .join('')
      .trimEnd(),
  );
}

function colorOf(paint: Paint, status: (typeof allStatuses)[number]): (text: string) => string {
  return { pass: paint.green, warning: paint.yellow, force_only: paint.yellow, fail: paint.red }[status];
}

// --- the problems

function problems(context: Findings): string[][] {
  const groups = groupProblems(context.report.findings.filter(({ severity }) => severity !== 'note'));
  const sources = new Map<string, string | null>();
  const source = (file: string) => {
    let text = sources.get(file);
    if (text === undefined) {
      text = context.options.source(file);
      sources.set(file, text);
    }
    return text;
  };
  const blocks = groups.slice(0, framesShown).map((group, index) => {
    // Several problems of one value share the frame of the first.
    const isSamePlace =
      index > 0 && placeOf(group.first.location) === placeOf(groups[index - 1]?.first.location ?? null);
    return problem(context, group, isSamePlace ? () => null : source);
  });
  const rest = groups.slice(framesShown).map(({ first, others }) => {
    const more = others.length === 0 ? '' : ` (and ${count(others.length, 'more place')})`;
    const place = placeOf(first.location);
    return `${first.severity} ${place === '' ? '' : `${place} `}${first.id} ${short(first.title, 300)}${more}`;
  });
  return [...blocks, rest];
}

function problem(
  context: Findings,
  { first, others }: Problem,
  source: (file: string) => string | null,
): string[] {
  const { columns, paint } = context;
  const { severity, id, location } = first;
  const mark = severityColor(paint, severity);
  const place = placeOf(location);
  const title = short(first.title, 300);
  const lines = [
    `${mark(`${severityMarks[severity]} ${id}`)}${place === '' ? '' : `  ${paint.bold(place)}`}${first.change === 'new' ? '  new' : ''}`,
  ];
  const text = location === null || location.range === null ? null : source(location.file);
  const frame =
    text === null || location?.range == null
      ? []
      : codeFrame(text, location.range, { columns, label: title, paint, mark });
  lines.push(...(frame.length === 0 ? [`  ${mark(title)}`] : frame));
  lines.push(...indented(short(first.message, 1000), columns));
  if (first.help !== '') lines.push(...indented(`fix: ${short(first.help, 1000)}`, columns));
  if (others.length > 0) {
    const places = distinctPlaces(others);
    lines.push(...indented(`also in ${listed(places, 2, others.length)}`, columns));
  }
  return lines;
}

function indented(text: string, columns: number): string[] {
  return wrap(text, columns - 2).map((line) => `  ${line}`);
}

/** The first few places; more are never printed. */
function distinctPlaces(findings: Finding[]): string[] {
  return findings.slice(0, 20).map(({ location }) => placeOf(location) || 'the run');
}

/** As many places as fit on a line, at least one and at most eight. */
function placesWithin(findings: Finding[], columns: number): string {
  const places = distinctPlaces(findings);
  let shown = Math.min(places.length, 8);
  while (shown > 1 && width(listed(places, shown, findings.length)) > columns) shown--;
  return listed(places, shown, findings.length);
}

function severityColor(paint: Paint, severity: Severity): (text: string) => string {
  return severity === 'error' ? paint.red : severity === 'warning' ? paint.yellow : paint.dim;
}

// --- the end

/** Notes never stop anything: for each id a line on what they say, one on where, and what to do where it is one thing. */
function notes({ report, columns, paint }: Findings): string[] {
  const byId = new Map<Finding['id'], Finding[]>();
  for (const finding of report.findings) {
    if (finding.severity !== 'note') continue;
    const group = byId.get(finding.id);
    if (group === undefined) byId.set(finding.id, [finding]);
    else group.push(finding);
  }
  return [...byId].flatMap(([id, group]) => {
    const only = group.length === 1 ? group[0] : undefined;
    const what = only === undefined ? findingTable[id].summary : short(only.title, 300);
    const lines = [`${paint.dim('note')}  ${id}${only === undefined ? ` (${group.length})` : ''}  ${what}`];
    lines.push(`      ${paint.dim(placesWithin(group, columns - 6))}`);
    const help = group[0]?.help ?? '';
    if (help !== '' && group.every((finding) => finding.help === help)) {
      lines.push(...wrap(short(help, 300), columns - 6).map((line) => `      ${paint.dim(line)}`));
    }
    return lines;
  });
}

/** What somebody decided to live with: a line for each finding and reason, one on where. */
function suppressed({ report, columns, paint }: Context): string[] {
  const groups = suppressedGroups(report);
  const lines = groups.slice(0, suppressedShown).flatMap(({ reason, findings }) => {
    const amount = findings.length === 1 ? '' : ` (${findings.length})`;
    return [
      `${paint.dim('suppressed')}  ${findings[0]?.id}${amount}  ${short(reason, 300)}`,
      `            ${paint.dim(placesWithin(findings, columns - 12))}`,
    ];
  });
  const more = groups.length - suppressedShown;
  if (more > 0) lines.push(paint.dim(`… and ${more} more reasons (see --format json)`));
  return lines;
}

function closing({ report, info, paint }: Context): string {
  const { summary, ok } = report;
  const color = !ok ? paint.red : summary.warnings > 0 ? paint.yellow : paint.green;
  const hidden = hiddenWords(report, info);
  const time = info.elapsedMs === null ? '' : ` · ${elapsed(info.elapsedMs)}`;
  return `${color(`${problemCounts(summary)} in ${count(summary.blueprints, 'blueprint')}`)}${hidden === '' ? '' : ` · ${hidden}`}${time}`;
}

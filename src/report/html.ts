import type {
  DeclarationEstimate,
  Report,
  ReportBlueprint,
  ReportDeclaration,
  RunInfo,
  VerdictEstimate,
} from '../check/report.ts';
import { kinds as memoryKinds } from '../compatibility/assess.ts';
import { statuses as allStatuses, type Memory, type Status, type Verdict } from '../compatibility/verdict.ts';
import type { Range } from '../document/position.ts';
import { type Finding, findingUrl, type Location } from '../findings/finding.ts';
import { describeFacts } from '../hardware/describe.ts';
import { type Fit, fitOf, type Have } from '../memory/fit.ts';
import { count, gigabytes, gigabytesBelow, listed, printable, short } from '../text/text.ts';
import { answer } from './answer.ts';
import { changesOf } from './changes.ts';
import { figuresOf } from './figures.ts';
import { linesOf } from './frame.ts';
import { safeJson } from './json.ts';
import type {
  PageCode,
  PageData,
  PageEstimate,
  PageFinding,
  PageMemory,
  PagePlace,
  PageVerdict,
} from './page/data.ts';
import { script, scriptHash, style, styleHash } from './page.generated.ts';
import { skippedNames } from './skipped.ts';
import {
  columnsFor,
  groupProblems,
  type Problem,
  placeOf,
  type Row,
  rowsFor,
  type Survey,
  statusOn,
  survey,
} from './survey.ts';
import {
  elapsed,
  forceLegend,
  hiddenWords,
  listedTargets,
  marks,
  problemCounts,
  severityMarks,
  statusWords,
  targetNames,
} from './words.ts';

export interface HtmlOptions {
  /** The address of a line of a file; null where it is unknown. Only http and https become links. */
  link(file: string, line: number): string | null;
  /** The text of a file of the report, for showing its lines; null where there is none to show. */
  source(file: string): string | null;
}

/*
 * Measured with 2,000 blueprints (2,400 rows) on 50 targets in headless Chromium:
 * all 100,000 cells as HTML are 6 MB, and took 9 seconds to lay out. So the page
 * has one digit for each cell of a distinct row, and the script makes rows as they are
 * looked at: 0.6 MB and 0.5 to 0.9 seconds. The table that stands there without
 * the script is limited, and says so.
 */
const rowsWithoutScript = 200;
const cellsWithoutScript = 3000;
const findingsListed = 500;
/** Findings that the script knows; what only one place has adds up. */
const findingsKnown = 5000;
const setsListed = 200;
const placesListed = 20;
const namesListed = 1000;
const everythingElse = 'The JSON report has everything.';

/**
 * The report as one HTML page that needs nothing else: no network, no script for
 * reading it; with script the matrix can be filtered, sorted and asked why. In
 * chunks, because a large one never needs to be one string. The policy in it
 * allows exactly its own style and script.
 */
export function* reportHtml(report: Report, info: RunInfo, options: HtmlOptions): Iterable<string> {
  const context = contextOf(report, info, options);
  const title = `Models: ${answer(report, info, context.state)}`;
  yield head(title);
  yield opening(context, title);
  yield comparison(context);
  yield* matrix(context);
  yield* findingList(context);
  yield targetList(context);
  yield* verdictList(context);
  yield skippedList(context);
  yield* hiddenList(context);
  yield '</main>\n<footer><p>Written by Model Check. Nothing in this page is loaded from elsewhere or sent anywhere.</p></footer>\n';
  yield '<script type="application/json" id="data">';
  yield* dataJson(context.data);
  yield `</script>\n<script>${script}</script>\n</body>\n</html>\n`;
}

interface Context {
  report: Report;
  info: RunInfo;
  options: HtmlOptions;
  state: Survey;
  nameOf: (id: string) => string;
  problems: Problem[];
  code: (location: Location | null) => Code | null;
  rows: PageRow[];
  sets: VerdictSets;
  data: PageData;
}

/** One row of the matrix, with the blueprint that it belongs to. */
interface PageRow extends Row {
  name: string;
  blueprint: ReportBlueprint;
}

function contextOf(report: Report, info: RunInfo, options: HtmlOptions): Context {
  const state = survey(report);
  const rowsOf = rowsFor(report);
  const rows = [...state.attention, ...state.rest].flatMap((index) => {
    const blueprint = report.blueprints[index] as ReportBlueprint;
    return rowsOf(blueprint).map((row) => ({ ...row, blueprint, name: state.names[index] as string }));
  });
  const problems = groupProblems(report.findings);
  const sets = new VerdictSets(report);
  const code = codeReader(options);
  const data = dataOf(report, options, rows, problems, sets, code);
  return { report, info, options, state, nameOf: targetNames(report), problems, code, rows, sets, data };
}

// --- the page around

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%230969da'/%3E%3Cpath d='M4 8.5 7 11.5 12 5' fill='none' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E";

/** Trusted types make it impossible for the script to write HTML, in browsers that know them. */
const policy = `default-src 'none'; style-src ${styleHash}; script-src ${scriptHash}; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'`;

function head(title: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${text(title)}</title>
<link rel="icon" href="${icon}">
<style>${style}</style>
</head>
<body>
`;
}

function opening({ report, info, rows, data }: Context, title: string): string {
  const { summary } = report;
  const checked = [
    `Checked against ${info.targetsFrom}`,
    `catalog: ${info.catalogFrom}`,
    ...(info.configFrom === undefined ? [] : [`options: ${info.configFrom}`]),
    ...(info.elapsedMs === null ? [] : [elapsed(info.elapsedMs)]),
  ];
  const hints = [info.targetsHint, info.leftOut ?? '', info.notCompared ?? ''].filter((hint) => hint !== '');
  const hidden = hiddenWords(report, info);
  return `<header>
<p class="brand">Model Check</p>
<button type="button" id="theme" hidden>Dark</button>
</header>
<main>
<h1 class="${report.ok ? 'ok' : 'bad'}">${text(title)}</h1>
<p class="checked">${checked.map((one) => text(short(one, 300))).join(' · ')}</p>
${hints.map((hint) => `<p class="checked">${text(short(hint, 400))}</p>\n`).join('')}<p class="counts"><strong>${problemCounts(summary)}, ${count(summary.notes, 'note')}</strong> in ${count(summary.blueprints, 'blueprint')} · ${count(summary.declarations, 'declaration')}, ${summary.skipped} skipped${hidden === '' ? '' : ` · <a href="#hidden">${text(hidden)}</a>`}</p>
${info.force ? `<p class="checked">${forceLegend}</p>\n` : ''}${verdictBar(cellCounts(rows, data))}`;
}

/** How many cells of the matrix have each status, in the order of the statuses. */
function cellCounts(rows: PageRow[], { patterns, rows: { pattern } }: PageData): number[] {
  const uses = new Map<number, number>();
  rows.forEach((_, index) => {
    const at = pattern[index] as number;
    if (at >= 0) uses.set(at, (uses.get(at) ?? 0) + 1);
  });
  const counts = allStatuses.map(() => 0);
  for (const [at, amount] of uses) {
    for (const digit of patterns[at] as string) {
      if (digit !== '-') counts[Number(digit)] = (counts[Number(digit)] as number) + amount;
    }
  }
  return counts;
}

/** One bar of all verdicts, as a drawing with words. */
function verdictBar(counts: number[]): string {
  const total = counts.reduce((sum, amount) => sum + amount, 0);
  if (total === 0) return '';
  const words = allStatuses.map((status, index) => `${statusWords[status]}: ${counts[index]}`).join('; ');
  let x = 0;
  const parts = counts.map((amount, index) => {
    const width = (100 * amount) / total;
    const part = `<rect class="s${index}" x="${x.toFixed(3)}" width="${width.toFixed(3)}" height="4"/>`;
    x += width;
    return part;
  });
  return `<svg class="share" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label="${text(`${count(total, 'verdict')}. ${words}.`)}">${parts.join('')}</svg>\n`;
}

// --- what changed

function comparison({ report, info, nameOf, options }: Context): string {
  const { comparison } = report;
  const changes = info.changes ?? changesOf(report);
  if (comparison === null || changes === null) return '';
  const { fixed, dropped } = comparison;
  const sentences = changes.sentences.map((sentence) => `<p>${text(sentence)}</p>\n`).join('');
  const droppedItems = dropped.slice(0, findingsListed).map(({ blueprint, model, targets }) => {
    const on = listedTargets(targets.map(nameOf), placesListed);
    return `<li><strong>${text(short(blueprint, 120))}</strong>: ${text(short(model, 60))} no longer runs on ${text(on)}</li>\n`;
  });
  const fixedItems = fixed
    .slice(0, findingsListed)
    .map(
      (one) =>
        `<li>${text(short(one.title, 300))}${where(one.location, options)} <span class="id">${one.id}</span></li>\n`,
    );
  return section(
    'comparison',
    'What changed',
    `<p>Compared with ${text(changes.base)}: <strong>${text(changes.counts)}</strong></p>\n${sentences}` +
      (dropped.length === 0
        ? ''
        : `<h3>No longer runs</h3>\n<ul>\n${droppedItems.join('')}</ul>\n${more(dropped.length - droppedItems.length)}`) +
      (fixed.length === 0
        ? ''
        : `<details><summary>${fixed.length} fixed</summary>\n<ul>\n${fixedItems.join('')}</ul>\n${more(fixed.length - fixedItems.length)}</details>\n`),
  );
}

/** Says that a list was cut. */
function more(amount: number): string {
  return amount > 0 ? `<p>… and ${amount} more. ${everythingElse}</p>\n` : '';
}

// --- the matrix

function* matrix(context: Context): Iterable<string> {
  const { report, rows, data } = context;
  if (rows.length === 0) return;
  const counts = cellCounts(rows, data);
  const unchecked = rows.filter(({ statuses }) => statuses === null).length;
  const { columns } = data;
  const shown = Math.min(
    rows.length,
    rowsWithoutScript,
    Math.max(20, Math.floor(cellsWithoutScript / Math.max(1, columns.length))),
  );
  yield `<section id="matrix">
<h2 id="matrix-title">Blueprints by targets</h2>
${toolbar(context, counts, unchecked)}<p class="legend" id="legend">${legendItems()}</p>
`;
  if (shown < rows.length)
    yield `<p id="limit">Without JavaScript this table has the first ${shown} of ${rows.length} rows, those with problems first. ${everythingElse}</p>\n`;
  yield `<div class="scroll" role="region" aria-labelledby="matrix-title" tabindex="0">
<table class="grid${columns.length > 8 ? ' tall' : ''}">
<thead><tr><th scope="col">blueprint</th><th scope="col">model</th>${columns.map((column) => columnHead(report, column)).join('')}</tr></thead>
<tbody>
`;
  for (let index = 0; index < shown; index++) yield matrixRow(context, index);
  yield `</tbody>
</table>
<p id="more"></p>
</div>
${columnLegend(report, columns)}</section>
`;
}

function toolbar({ report, rows, data }: Context, counts: number[], unchecked: number): string {
  const models = [...new Set(data.rows.model)].filter((at) => at >= 0).map((at) => data.texts[at] as string);
  const option = (value: string | number, label: string) =>
    `<option value="${value}">${text(label)}</option>`;
  const modelOptions = models.sort().map((name) => option(text(name), name));
  const targetOptions = report.targets.map(({ name }, index) => option(index, short(name, 60)));
  const chip = (value: string, look: string, label: string, amount: number) =>
    amount === 0
      ? ''
      : `<button type="button" class="chip ${look}" data-status="${value}" aria-pressed="false">${label} <span class="amount">${amount}</span></button>\n`;
  const chips = allStatuses.map((status, index) =>
    chip(String(index), `s${index}`, `${marks[status]} ${statusWords[status]}`, counts[index] as number),
  );
  return `<form id="filters" hidden>
<label>Search <input type="search" id="search" autocomplete="off" placeholder="names, files, findings"></label>
<label>Blueprint <input type="search" id="blueprint" list="names" autocomplete="off"></label>
<datalist id="names"></datalist>
<label>Model <select id="model">${option('', 'all')}${modelOptions.join('')}</select></label>
<label>Target <select id="target">${option('', `all ${report.targets.length}`)}${targetOptions.join('')}</select></label>
<fieldset><legend>Show rows with</legend>
${chips.reverse().join('')}${chip('-', 'none', '– no verdict', unchecked)}</fieldset>
<p class="status"><span id="status" role="status">${count(rows.length, 'row')}</span>
<button type="button" id="all" hidden>Show all</button>
<button type="button" id="expand" aria-pressed="false" hidden>Every target a column</button></p>
</form>
`;
}

function legendItems(): string {
  return allStatuses
    .map(
      (status, index) =>
        `<span><span class="mark s${index}" aria-hidden="true">${marks[status]}</span> ${statusWords[status]}</span>`,
    )
    .join(' ');
}

function columnHead({ targets }: Report, column: number[]): string {
  const target = targets[column[0] ?? 0];
  const name = text(short(target?.name ?? '', 34));
  const others = column.length === 1 ? '' : ` +${column.length - 1}`;
  const isOptional = column.every((index) => targets[index]?.required === false);
  return `<th scope="col"${isOptional ? ' class="optional"' : ''}><span>${name}${others}</span></th>`;
}

function matrixRow({ rows, data, sets }: Context, index: number): string {
  const row = rows[index] as PageRow;
  const set = data.rows.set[index] as number;
  const isFirst = rows[index - 1]?.blueprint !== row.blueprint;
  const start = `<tr${isFirst ? '' : ' class="again"'}><th scope="row">${text(row.name)}</th><td>${text(row.label)}</td>`;
  if (row.statuses === null)
    return `${start}<td class="words" colspan="${Math.max(1, data.columns.length)}">${text(row.words)}</td></tr>\n`;
  const cells = data.columns.map((column) => {
    const at = column[0] as number;
    const status = row.statuses?.[at] ?? null;
    if (status === null) return '<td></td>';
    const verdict = sets.at(set, at);
    const cell =
      verdict < 0 || set >= setsListed
        ? `<span role="img" aria-label="${statusWords[status]}">${marks[status]}</span>`
        : `<a href="#verdict-${set}-${verdict}" aria-label="${statusWords[status]}">${marks[status]}</a>`;
    return `<td class="s${allStatuses.indexOf(status)}">${cell}</td>`;
  });
  return `${start}${cells.join('')}</tr>\n`;
}

/** Which targets a shared column stands for. */
function columnLegend({ targets }: Report, columns: number[][]): string {
  const shared = columns.filter(({ length }) => length > 1);
  if (shared.length === 0) return '';
  const items = shared.map((column) => {
    const names = column.map((index) => short(targets[index]?.name ?? '', 60));
    return `<li><strong>${text(`${names[0] ?? ''} +${names.length - 1}`)}</strong>: ${text(names.slice(1).join(' · '))}</li>\n`;
  });
  return `<details id="columns"><summary>${count(shared.length, 'column')} for several targets with the same verdicts</summary>\n<ul>\n${items.join('')}</ul>\n</details>\n`;
}

// --- findings

function* findingList(context: Context): Iterable<string> {
  const { problems, report } = context;
  const notes = problems.findIndex(({ first }) => first.severity === 'note');
  const firstNote = notes < 0 ? problems.length : notes;
  yield `<section id="findings">\n<h2>Findings</h2>\n`;
  if (firstNote === 0) yield `<p>No errors and no warnings.</p>\n`;
  const end = Math.min(problems.length, findingsListed);
  if (firstNote > 0) {
    yield '<ol>\n';
    for (let at = 0; at < Math.min(firstNote, end); at++) yield findingItem(context, at);
    yield '</ol>\n';
  }
  if (firstNote < end) {
    yield `<details><summary>${count(report.summary.notes, 'note')}</summary>\n<ol start="${firstNote + 1}">\n`;
    for (let at = firstNote; at < end; at++) yield findingItem(context, at);
    yield '</ol>\n</details>\n';
  }
  yield `${more(problems.length - end)}</section>\n`;
}

function findingItem({ problems, options, nameOf, code, data }: Context, at: number): string {
  const { first, others } = problems[at] as Problem;
  const { severity, id, title, message, help, location, targets } = first;
  const all = [first, ...others];
  const isNew = all.filter(({ change }) => change === 'new').length;
  const newWords =
    isNew === 0
      ? ''
      : ` <span class="new">${isNew === all.length ? 'new' : `${isNew} of ${all.length} new`}</span>`;
  const line = code(location);
  const value = data.findings[at]?.value ?? null;
  const lines = [
    `<h3><span class="mark ${severity}" aria-hidden="true">${severityMarks[severity]}</span> <span class="sr">${severity}: </span>${text(short(title, 300))}${newWords}</h3>`,
    `<p>${text(short(message, 1000))}</p>`,
    ...(location === null ? [] : [`<p class="place">${place(location, options)}</p>`]),
    ...(line === null ? [] : [codeLine(line)]),
    ...(help === '' && value === null
      ? []
      : [
          `<p class="fix"><strong>Fix</strong> <span>${text(short(help, 1000))}</span>${value === null ? '' : ` <code>${text(value)}</code>`}</p>`,
        ]),
    ...(targets.length > 1
      ? [`<p class="also">Targets: ${text(listedTargets(targets.map(nameOf), placesListed))}</p>`]
      : []),
    ...(others.length > 0 ? [`<p class="also">Also in ${placeList(others, options)}</p>`] : []),
    `<p class="also"><a href="${findingUrl(id)}" rel="noreferrer">${id}</a></p>`,
  ];
  return `<li id="finding-${at + 1}" class="finding">${lines.join('\n')}</li>\n`;
}

function placeList(findings: Finding[], options: HtmlOptions): string {
  const places = findings
    .slice(0, placesListed)
    .map(({ location }) => (location === null ? 'the run' : place(location, options)));
  return listed(places, placesListed, findings.length);
}

/** `file:line:column`, with its address where there is one. */
function place(location: Location, options: HtmlOptions): string {
  const shown = text(placeOf(location));
  const address = addressOf(location.file, location.range, options);
  return address === null
    ? `<code>${shown}</code>`
    : `<a href="${text(address)}" rel="noreferrer"><code>${shown}</code></a>`;
}

/** The same at the end of a sentence. */
function where(location: Location | null, options: HtmlOptions): string {
  return location === null ? '' : ` · ${place(location, options)}`;
}

function addressOf(file: string, range: Range | null, options: HtmlOptions): string | null {
  const address = options.link(file, range?.line ?? 1);
  return address !== null && /^https?:\/\//.test(address) ? address : null;
}

// --- lines of files

/** A line of a file around a value; parts are safe to show. */
interface Code {
  before: string;
  value: string;
  after: string;
}

const codeBefore = 60;
const codeValue = 120;
const codeAfter = 60;

/** Reads lines; the file read last is kept, because one file's declarations come together. */
function codeReader({ source }: HtmlOptions): (location: Location | null) => Code | null {
  let lastFile: string | null = null;
  let lastText: string | null = null;
  return (location) => {
    if (location?.range == null) return null;
    const { file, range } = location;
    if (file !== lastFile) {
      lastFile = file;
      lastText = source(file);
    }
    if (lastText === null) return null;
    const [line] = linesOf(lastText, range.line, range.line);
    if (line === undefined || range.column - 1 > line.length) return null;
    const start = range.column - 1;
    const end = range.endLine > range.line ? line.length : range.endColumn - 1;
    // More than is shown, so that a line of megabytes costs nothing.
    const before = line
      .slice(Math.max(0, start - codeBefore), start)
      .replace(start > codeBefore ? /^/ : /^\s+/, start > codeBefore ? '…' : '');
    return {
      before: printable(before),
      value: short(line.slice(start, Math.min(end, start + codeValue + 1)), codeValue),
      after: short(line.slice(end, end + codeAfter + 1), codeAfter),
    };
  };
}

function codeLine({ before, value, after }: Code): string {
  return `<pre><code>${text(before)}<mark>${text(value)}</mark>${text(after)}</code></pre>`;
}

// --- targets and verdicts

function targetList({ report, data, rows }: Context): string {
  if (report.targets.length === 0) return '';
  const uses = new Map<number, number>();
  rows.forEach((_, index) => {
    const at = data.rows.pattern[index] as number;
    if (at >= 0) uses.set(at, (uses.get(at) ?? 0) + 1);
  });
  const lines = report.targets.map((target, index) => {
    const counts = allStatuses.map(() => 0);
    for (const [pattern, amount] of uses) {
      const digit = (data.patterns[pattern] as string)[index];
      if (digit !== undefined && digit !== '-')
        counts[Number(digit)] = (counts[Number(digit)] as number) + amount;
    }
    const overridden = target.overridden?.length ? `; set by hand: ${target.overridden.join(', ')}` : '';
    const cells = counts.map((amount) => `<td class="figure">${amount === 0 ? '' : amount}</td>`).join('');
    return `<tr><th scope="row">${text(short(target.name, 60))}</th><td><code>${text(short(target.id, 64))}</code></td><td>${text(describeFacts(target.facts))}${text(short(overridden, 300))}</td><td>${target.required ? 'yes' : 'no'}</td>${cells}</tr>\n`;
  });
  const heads = allStatuses.map(
    (status) =>
      `<th scope="col" class="figure"><span aria-hidden="true">${marks[status]}</span><span class="sr">${statusWords[status]}</span></th>`,
  );
  return section(
    'targets',
    'Targets',
    `<div class="scroll" role="region" aria-labelledby="targets-title" tabindex="0"><table class="list">
<thead><tr><th scope="col">target</th><th scope="col">id</th><th scope="col">hardware</th><th scope="col">required</th>${heads.join('')}</tr></thead>
<tbody>
${lines.join('')}</tbody>
</table></div>
`,
  );
}

/** What the table says of each model, for readers without the script. Targets with the same verdict share a line. */
function* verdictList({ report, sets, data }: Context): Iterable<string> {
  if (sets.list.length === 0) return;
  yield `<section id="verdicts">\n<h2>Why: the verdicts of each model</h2>\n`;
  for (const [index, { model, backend, estimates }] of sets.list.slice(0, setsListed).entries()) {
    const groups = new Map<number, number[]>();
    sets.list[index]?.verdicts.forEach((verdict, target) => {
      if (verdict < 0) return;
      const those = groups.get(verdict) ?? [];
      groups.set(verdict, those);
      those.push(target);
    });
    yield `<details><summary>${text(short(model, 60))} · ${text(short(backend, 40))}</summary>
<div class="scroll" role="region" aria-label="${text(short(model, 60))}" tabindex="0"><table class="list">
<thead><tr><th scope="col">verdict</th><th scope="col">targets</th><th scope="col">why</th><th scope="col">rule</th>${estimateHead(estimates)}</tr></thead>
<tbody>
`;
    for (const [at, targets] of groups) {
      const verdict = data.verdicts[at] as PageVerdict;
      const { status, forced, message, help, rule, accelerator } = verdict;
      const { mark, words } = data.statuses[status] as PageData['statuses'][number];
      yield `<tr id="verdict-${index}-${at}"><td><span class="mark s${status}" aria-hidden="true">${mark}</span> ${words}${forced ? ', forced' : ''}</td><td>${text(namesOf(report, targets))}</td><td>${text(message)}${help === '' ? '' : `<br>${text(help)}`}</td><td><code>${text(rule)}</code>${accelerator === null ? '' : `<br>${text(accelerator)}`}</td>${estimateCell(report, estimates, targets)}</tr>\n`;
    }
    yield '</tbody>\n</table></div>\n</details>\n';
  }
  yield `${more(sets.list.length - setsListed)}</section>\n`;
}

function namesOf({ targets }: Report, indices: readonly number[]): string {
  return indices.map((index) => short(targets[index]?.name ?? '', 60)).join(' · ');
}

type Estimates = readonly (VerdictEstimate | null)[];

/** A column of its own, so that nobody takes it for the verdict; none where nothing is known. */
function estimateHead(estimates: Estimates): string {
  const known = estimates.find((estimate) => estimate !== null);
  return known === undefined
    ? ''
    : `<th scope="col">estimate at ${count(known.contextSize, 'token')}, no verdict</th>`;
}

/** Need against have, once for targets that have the same. */
function estimateCell(report: Report, estimates: Estimates, targets: readonly number[]): string {
  if (estimates.every((estimate) => estimate === null)) return '';
  const groups = new Map<string, number[]>();
  for (const target of targets) {
    const estimate = estimates[target];
    if (estimate == null) continue;
    const { need, have, fit } = estimate;
    const key = JSON.stringify([need, have, fit]);
    const those = groups.get(key) ?? [];
    groups.set(key, those);
    those.push(target);
  }
  const parts = [...groups.values()].map((those) => {
    const { need, have, fit } = estimates[those[0] as number] as VerdictEstimate;
    const { words, look } = fits[fitOrder.indexOf(fit)] as PageData['fits'][number];
    const [needs, has] = [need / gib, have / gib];
    const figures = figuresOf(needs, has);
    const names = groups.size === 1 ? '' : `<span class="also">${text(namesOf(report, those))}</span><br>`;
    const bar = (gb: number, y: number, of: string) =>
      `<rect class="${of}" y="${y}" width="${((100 * gb) / Math.max(needs, has, 0.001)).toFixed(1)}" height="4"/>`;
    return `<div class="use">${names}<svg viewBox="0 0 100 9" preserveAspectRatio="none" aria-hidden="true">${bar(needs, 0, look)}${bar(has, 5, 'have')}</svg>takes ${figures.join(' of ')}: ${words}</div>`;
  });
  return `<td>${parts.join('')}</td>`;
}

// --- skipped and hidden

function skippedList({ report, state }: Context): string {
  const reasons = skippedNames(report, state);
  if (reasons.length === 0) return '';
  const items = reasons.map(
    ([reason, names]) =>
      `<li><details><summary>${text(reason)} (${names.length})</summary>\n<p>${text(listed(names.slice(0, namesListed), namesListed, names.length))}</p></details></li>\n`,
  );
  return section('skipped', 'Skipped', `<ul class="plain">\n${items.join('')}</ul>\n`);
}

function* hiddenList({ report: { hidden }, options }: Context): Iterable<string> {
  if (hidden.length === 0) return;
  const suppressed = hidden.filter(({ by }) => by === 'suppression');
  const known = hidden.filter(({ by }) => by === 'baseline');
  yield `<section id="hidden">\n<h2>Hidden findings</h2>\n<p>${count(hidden.length, 'finding')} not counted above: ${known.length} in the baseline, ${suppressed.length} suppressed.</p>\n`;
  for (const [title, list] of [
    ['Suppressed', suppressed],
    ['In the baseline', known],
  ] as const) {
    if (list.length === 0) continue;
    yield `<details><summary>${title} (${list.length})</summary>\n<ul>\n`;
    for (const { finding, reason } of list.slice(0, findingsListed)) {
      const why = reason === null ? '' : `<br>Reason: ${text(short(reason, 500))}`;
      yield `<li>${text(short(finding.title, 300))}${where(finding.location, options)} <span class="id">${finding.id}</span>${why}</li>\n`;
    }
    yield `</ul>\n${more(list.length - findingsListed)}</details>\n`;
  }
  yield '</section>\n';
}

function section(id: string, title: string, body: string): string {
  return `<section id="${id}">\n<h2 id="${id}-title">${title}</h2>\n${body}</section>\n`;
}

// --- the data of the script

/** The verdicts of each model and backend; equal verdicts are one. */
class VerdictSets {
  readonly list: {
    model: string;
    backend: string;
    verdicts: number[];
    estimates: (VerdictEstimate | null)[];
  }[] = [];
  readonly verdicts: PageVerdict[] = [];
  readonly #targets: string[];
  readonly #byModel = new Map<string, number[]>();

  constructor(report: Report) {
    this.#targets = report.targets.map(({ id }) => id);
    const targets = new Map(this.#targets.map((id, index) => [id, index]));
    const sets = new Map<string, number>();
    const verdicts = new Map<string, number>();
    for (const verdict of report.verdicts) {
      const target = targets.get(verdict.target);
      if (target === undefined) continue;
      const key = JSON.stringify([verdict.model, verdict.backend]);
      let set = sets.get(key);
      if (set === undefined) {
        sets.set(key, (set = this.list.length));
        const { model, backend } = verdict;
        this.list.push({
          model,
          backend,
          verdicts: this.#targets.map(() => -1),
          estimates: this.#targets.map(() => null),
        });
        const ofModel = this.#byModel.get(model);
        if (ofModel === undefined) this.#byModel.set(model, [set]);
        else ofModel.push(set);
      }
      const shown = verdictData(verdict);
      const content = JSON.stringify(shown);
      let at = verdicts.get(content);
      if (at === undefined) {
        verdicts.set(content, (at = this.verdicts.length));
        this.verdicts.push(shown);
      }
      const { verdicts: indices, estimates } = this.list[set] as (typeof this.list)[number];
      indices[target] = at;
      estimates[target] = verdict.estimate ?? null;
    }
  }

  /** The verdict of a set on a target; -1 for none. */
  at(set: number, target: number): number {
    return this.list[set]?.verdicts[target] ?? -1;
  }

  /** The set that a declaration's statuses are from; -1 for none. `auto` is a backend that only its verdicts tell. */
  of(declaration: ReportDeclaration): number {
    const candidates = declaration.model === null ? [] : (this.#byModel.get(declaration.model) ?? []);
    const own = candidates.find((set) => this.list[set]?.backend === declaration.backend);
    const same = () =>
      candidates.find((set) =>
        this.#targets.every((id, target) => {
          const status = statusOn(declaration, id);
          const verdict = this.verdicts[this.at(set, target)];
          return status === null || verdict?.status === allStatuses.indexOf(status);
        }),
      );
    return own ?? same() ?? -1;
  }
}

function verdictData(verdict: Verdict): PageVerdict {
  const { required, found } = verdict;
  const amount = ({ gb, kind }: Memory, words: string): [number, string] => [
    gb,
    `${words} ${memoryKinds[kind]}`,
  ];
  return {
    status: allStatuses.indexOf(verdict.status),
    forced: verdict.forced,
    rule: short(verdict.rule),
    accelerator: verdict.accelerator === null ? null : short(verdict.accelerator),
    needs: required === null ? null : amount(required, gigabytes(required.gb)),
    found:
      found === null
        ? null
        : amount(
            found,
            required !== null && found.gb < required.gb
              ? gigabytesBelow(found.gb, required.gb)
              : gigabytes(found.gb),
          ),
    message: short(verdict.message, 1000),
    help: short(verdict.help, 1000),
  };
}

/** Numbers for texts, or for anything else that is written once. */
class Numbers {
  readonly all: string[] = [];
  readonly #known = new Map<string, number>();

  of(value: string): number {
    let index = this.#known.get(value);
    if (index === undefined) {
      this.#known.set(value, (index = this.all.length));
      this.all.push(value);
    }
    return index;
  }
}

const gib = 2 ** 30;
/** The digits of fits in patterns. */
const fitOrder: readonly Fit[] = ['fits', 'tight', 'does-not-fit'];
const fits: PageData['fits'] = [
  { words: 'fits', look: 's0' },
  { words: 'tight', look: 's1' },
  { words: 'does not fit', look: 's3' },
];

function memoryData({ kind, bytes, togetherBytes, because }: Have): PageMemory | null {
  if (bytes === null) return null;
  return {
    gb: gbOf(bytes),
    togetherGb: togetherBytes === null ? null : gbOf(togetherBytes),
    isRam: kind === 'ram',
    because: short(because),
  };
}

/** To the nearest 1/1000, so that the data is small. */
function gbOf(bytes: number): number {
  return Math.round((bytes / gib) * 1000) / 1000;
}

/** Thousands of rows ask for the same model at the same size: equal estimates are one. */
class PageEstimates {
  readonly all: PageEstimate[] = [];
  readonly #memory: readonly Have[];
  readonly #texts: Numbers;
  readonly #patterns: Numbers;
  readonly #known = new Map<string, number>();

  constructor(memory: readonly Have[], texts: Numbers, patterns: Numbers) {
    this.#memory = memory;
    this.#texts = texts;
    this.#patterns = patterns;
  }

  /** -1 where nothing is known. */
  of(estimate: DeclarationEstimate | null | undefined): number {
    if (estimate == null) return -1;
    const key = JSON.stringify(estimate);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const { contextSize, given, device, host, cpuOnly, margin, note } = estimate;
    const need = { device: { total: device }, host: { total: host }, cpu_only: { total: cpuOnly }, margin };
    const digits = this.#memory.map((have) => {
      const digit = fitOrder.indexOf(fitOf(need, have));
      return digit < 0 ? '-' : digit;
    });
    const index = this.all.length;
    this.#known.set(key, index);
    this.all.push([
      contextSize,
      given ? 1 : 0,
      gbOf(device),
      gbOf(cpuOnly),
      note === null ? -1 : this.#texts.of(short(note, 500)),
      this.#patterns.of(digits.join('')),
    ]);
    return index;
  }
}

function dataOf(
  report: Report,
  options: HtmlOptions,
  rows: PageRow[],
  problems: Problem[],
  sets: VerdictSets,
  code: Context['code'],
): PageData {
  const texts = new Numbers();
  const patterns = new Numbers();
  const memory = report.modelMemory ?? [];
  const estimates = new PageEstimates(memory, texts, patterns);
  // Lists, because 100,000 sets would take 30 MB.
  const problemsAt = new Map<string, number[]>();
  const placeKey = (file: string, pointer: string) => JSON.stringify([file, pointer]);
  problems.slice(0, findingsKnown).forEach(({ first, others }, index) => {
    for (const { location } of [first, ...others]) {
      if (location === null) continue;
      const key = placeKey(location.file, location.pointer);
      const known = problemsAt.get(key);
      if (known === undefined) problemsAt.set(key, [index]);
      else if (known.at(-1) !== index) known.push(index);
    }
  });
  const placeData = (declaration: ReportDeclaration, withCode: boolean): PagePlace => {
    const { file, sourcePointer: pointer, range } = declaration;
    const address = addressOf(file, range, options);
    const line = withCode ? code({ file, pointer, range }) : null;
    const parts: PageCode | null =
      line === null ? null : [texts.of(line.before), texts.of(line.value), texts.of(line.after)];
    return [
      texts.of(placeOf({ file, pointer, range })),
      texts.of(printable(declaration.pointer)),
      address === null ? -1 : texts.of(address),
      parts,
    ];
  };
  const columns: PageData['rows'] = {
    name: [],
    path: [],
    label: [],
    model: [],
    words: [],
    pattern: [],
    set: [],
    estimate: [],
    places: [],
    findings: [],
  };
  for (const { name, blueprint, label, words, statuses, declaration, others } of rows) {
    const all = declaration === null ? [] : [declaration, ...others];
    const model = declaration?.model ?? declaration?.ref ?? null;
    const found = new Set<number>();
    for (const { file, sourcePointer } of all) {
      for (const index of problemsAt.get(placeKey(file, sourcePointer)) ?? []) found.add(index);
    }
    columns.name.push(texts.of(name));
    columns.path.push(texts.of(short(blueprint.path, 300)));
    columns.label.push(texts.of(label));
    columns.model.push(model === null ? -1 : texts.of(short(model, 60)));
    columns.words.push(statuses === null ? texts.of(words) : -1);
    columns.pattern.push(statuses === null ? -1 : patterns.of(patternOf(statuses)));
    columns.set.push(declaration === null || statuses === null ? -1 : sets.of(declaration));
    columns.estimate.push(statuses === null ? -1 : estimates.of(declaration?.estimate));
    columns.places.push(all.slice(0, placesListed).map((one, index) => placeData(one, index === 0)));
    columns.findings.push([...found].sort((a, b) => a - b));
  }
  const targetIndex = new Map(report.targets.map(({ id }, index) => [id, index]));
  return {
    texts: texts.all,
    statuses: allStatuses.map((status) => ({ mark: marks[status], words: statusWords[status] })),
    targets: report.targets.map(({ name, facts, required }) => ({
      name: short(name, 60),
      facts: describeFacts(facts),
      required,
    })),
    memory: memory.map(memoryData),
    estimates: estimates.all,
    fits,
    columns: columnsFor(report, report.blueprints),
    patterns: patterns.all,
    verdicts: sets.verdicts,
    sets: sets.list.map(({ backend, verdicts }) => ({ backend: short(backend, 40), verdicts })),
    findings: problems
      .slice(0, findingsKnown)
      .map(({ first }, index) => findingData(first, index, targetIndex)),
    rows: columns,
  };
}

function patternOf(statuses: readonly (Status | null)[]): string {
  return statuses.map((status) => (status === null ? '-' : allStatuses.indexOf(status))).join('');
}

function findingData(
  { severity, id, title, help, fix, targets }: Finding,
  index: number,
  targetIndex: Map<string, number>,
): PageFinding {
  return {
    mark: severityMarks[severity],
    severity,
    id,
    url: findingUrl(id),
    title: short(title, 300),
    help: short(help, 1000),
    value: fix === null ? null : safeJson(fix.value),
    targets: targets.flatMap((target) => targetIndex.get(target) ?? []),
    listed: index < findingsListed,
  };
}

/** JSON that cannot end the script element that it stands in, nor open a comment there. */
function* dataJson(data: PageData): Iterable<string> {
  const json = (value: unknown) =>
    safeJson(value).replace(/[<>&]/g, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const { rows, ...rest } = data;
  // A piece at a time: the texts of 100,000 rows are 20 MB.
  function* list(values: readonly unknown[]): Iterable<string> {
    for (let at = 0; at < values.length; at += 1000) {
      yield `${at === 0 ? '' : ','}${json(values.slice(at, at + 1000)).slice(1, -1)}`;
    }
  }
  let separator = '{';
  for (const [key, values] of Object.entries(rest)) {
    yield `${separator}\n"${key}":[`;
    yield* list(values);
    separator = '],';
  }
  separator = '],\n"rows":{';
  for (const [key, values] of Object.entries(rows)) {
    yield `${separator}\n"${key}":[`;
    yield* list(values);
    separator = '],';
  }
  yield ']}}\n';
}

// --- escaping

/** Plain text for HTML, between tags and in quoted attributes; a runner that prints the page obeys nothing in it. */
function text(plain: string): string {
  return printable(plain).replace(/[&<>"']|#(?=#\[)/g, (found) => `&#${found.charCodeAt(0)};`);
}

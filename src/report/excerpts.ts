import type { Report } from '../check/report.ts';
import type { Range } from '../document/position.ts';
import type { Finding } from '../findings/finding.ts';
import { groupProblems } from './survey.ts';

/** A line of a file, as far as a report shows it: its UTF-16 units, and pieces of it at their offsets. */
export interface ExcerptLine {
  /** From 1. */
  line: number;
  length: number;
  pieces: (readonly [offset: number, text: string])[];
}

/** The lines of one file that a report shows, in their order. */
export interface Excerpt {
  file: string;
  lines: ExcerptLine[];
}

/** As many problems have a code frame in the text report, and as many have their line in the page. */
const framed = 50;
const listed = 500;
const linesBefore = 2;
/** Of a longer line, so many units before and behind a value's ends: more than a terminal of 500 columns shows. */
const around = 1000;

/** Lines of files, by file and line: which UTF-16 units of them. */
type Spans = Map<string, Map<number, [start: number, end: number][]>>;

/**
 * The lines of problems that reports of a shard, or of a merge with it, show. `more`: findings that a merge may
 * add. A problem that the merged report shows in full is among as many first ones of its shard: what stands before it
 * there stands before it in the merged one, too.
 */
export function problemExcerpts(
  report: Report,
  more: readonly Finding[],
  source: (file: string) => string | null,
): Excerpt[] {
  const wanted: Spans = new Map();
  const wantFinding = ({ location }: Finding, before: number) => {
    if (location === null || location.range === null) return;
    const { file, range } = location;
    for (let line = Math.max(1, range.line - before); line < range.line; line++)
      want(wanted, file, line, 0, around);
    wantValue(wanted, file, range);
  };
  const problems = report.findings.filter(({ severity }) => severity !== 'note');
  for (const { first } of groupProblems(problems).slice(0, framed)) wantFinding(first, linesBefore);
  for (const { first } of groupProblems(report.findings).slice(0, listed)) wantFinding(first, 0);
  for (const finding of more) wantFinding(finding, linesBefore);
  return excerpts(wanted, source);
}

/** The lines of all declarations, as the page shows them. */
export function declarationExcerpts(
  { blueprints }: Report,
  source: (file: string) => string | null,
): Excerpt[] {
  const wanted: Spans = new Map();
  for (const { declarations } of blueprints) {
    for (const { file, range } of declarations) if (range !== null) wantValue(wanted, file, range);
  }
  return excerpts(wanted, source);
}

function want(wanted: Spans, file: string, line: number, start: number, end: number): void {
  let lines = wanted.get(file);
  if (lines === undefined) wanted.set(file, (lines = new Map()));
  const spans = lines.get(line);
  if (spans === undefined) lines.set(line, [[start, end]]);
  else spans.push([start, end]);
}

function wantValue(wanted: Spans, file: string, { line, column, endLine, endColumn }: Range): void {
  const start = column - 1;
  const end = endLine > line ? start : endColumn - 1;
  want(wanted, file, line, Math.max(0, start - around), start + around);
  want(wanted, file, line, Math.max(0, end - 1), end + around);
}

function excerpts(wanted: Spans, source: (file: string) => string | null): Excerpt[] {
  return [...wanted].flatMap(([file, lines]) => {
    const text = source(file);
    return text === null ? [] : [{ file, lines: cut(text, lines) }];
  });
}

function cut(text: string, wanted: ReadonlyMap<number, [start: number, end: number][]>): ExcerptLine[] {
  const numbers = [...wanted.keys()].sort((a, b) => a - b);
  const lines: ExcerptLine[] = [];
  let from = 0;
  let at = 1;
  for (const number of numbers) {
    for (; at < number && from >= 0; at++) {
      const end = text.indexOf('\n', from);
      from = end < 0 ? -1 : end + 1;
    }
    // The file may have changed since it was read.
    if (from < 0) break;
    const end = text.indexOf('\n', from);
    const line = text.slice(from, end < 0 ? undefined : end).replace(/\r$/, '');
    const pieces: ExcerptLine['pieces'] = [];
    for (const [start, stop] of united(wanted.get(number) ?? [])) {
      if (start < line.length) pieces.push([start, line.slice(start, stop)]);
    }
    lines.push({ line: number, length: line.length, pieces });
  }
  return lines;
}

/** Spans that touch become one. */
function united(spans: [start: number, end: number][]): [start: number, end: number][] {
  const all: [start: number, end: number][] = [];
  for (const [start, end] of spans.sort((a, b) => a[0] - b[0])) {
    const last = all.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else all.push([start, end]);
  }
  return all;
}

/** A text that has these lines where the file has them, and blanks for what is not known. */
export function textOf({ lines }: Excerpt): string {
  let text = '';
  let at = 1;
  for (const { line, length, pieces } of lines) {
    text += '\n'.repeat(line - at);
    at = line;
    let column = 0;
    for (const [offset, piece] of pieces) {
      text += ' '.repeat(offset - column) + piece;
      column = offset + piece.length;
    }
    text += ' '.repeat(length - column);
  }
  return text;
}

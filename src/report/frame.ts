import type { Range } from '../document/position.ts';
import { printable } from '../text/text.ts';
import type { Paint } from './paint.ts';
import { clip, clipStart, width } from './width.ts';

const linesBefore = 2;

export interface FrameOptions {
  /** Columns of the terminal. */
  columns: number;
  /** Said after the carets, or below them where it does not fit. */
  label: string;
  paint: Paint;
  /** Colours the carets. */
  mark(text: string): string;
}

/**
 * The lines of a file around a range, with carets under the range. Empty where
 * the text has no such line: the file may have changed since it was read.
 */
export function codeFrame(text: string, range: Range, options: FrameOptions): string[] {
  const firstLine = Math.max(1, range.line - linesBefore);
  const lines = linesOf(text, firstLine, range.line);
  const target = lines[range.line - firstLine];
  if (target === undefined) return [];
  const { columns, label, paint, mark } = options;
  const digits = String(range.line).length;
  const room = Math.max(20, columns - digits - 7);
  const frame = lines.slice(0, -1).map((line, index) => {
    const number = String(firstLine + index).padStart(digits);
    return paint.dim(`    ${number} │ ${clip(visible(line.slice(0, 2 * room)), room)}`.trimEnd());
  });
  const end = range.endLine > range.line ? target.length + 1 : range.endColumn;
  const part = marked(target, range.column - 1, end - 1, room);
  frame.push(`  ${mark('▸')} ${range.line} ${paint.dim('│')} ${part.text}`.trimEnd());
  const gutter = `    ${' '.repeat(digits)} ${paint.dim('│')} `;
  const carets = ' '.repeat(part.before) + mark('^'.repeat(part.length));
  if (part.before + part.length + 2 + width(label) <= room) frame.push(`${gutter}${carets}  ${mark(label)}`);
  else frame.push(`${gutter}${carets}`, `  ${mark(label)}`);
  return frame;
}

/** Lines `from` to `to`, from 1; fewer where the text ends before. */
export function linesOf(text: string, from: number, to: number): string[] {
  const lines: string[] = [];
  let start = 0;
  for (let line = 1; line <= to && start >= 0; line++) {
    const end = text.indexOf('\n', start);
    if (line >= from) lines.push(text.slice(start, end < 0 ? undefined : end).replace(/\r$/, ''));
    start = end < 0 ? -1 : end + 1;
  }
  return lines;
}

/** Cuts a long line, minified JSON for one, around the part that the carets stand under. */
function marked(line: string, start: number, end: number, room: number) {
  // More than is ever shown, so that a line of megabytes costs nothing.
  const before = visible(line.slice(Math.max(0, start - 2 * room), start).toWellFormed());
  const part = visible(line.slice(start, Math.min(end, start + 2 * room)).toWellFormed());
  const after = visible(line.slice(end, end + 2 * room).toWellFormed());
  if (start <= 2 * room && width(before + part + after) <= room) {
    return { text: before + part + after, before: width(before), length: Math.max(1, width(part)) };
  }
  const shownPart = clip(part, Math.max(10, room - 20));
  const free = room - width(shownPart);
  // A third of the room, or more where little comes after the part.
  const shownBefore = clipStart(
    start > 2 * room ? `…${before}` : before,
    Math.max(Math.floor(free / 3), free - width(after)),
  );
  const shownAfter = clip(after, free - width(shownBefore));
  return {
    text: shownBefore + shownPart + shownAfter,
    before: width(shownBefore),
    length: Math.max(1, width(shownPart)),
  };
}

/** A tab is two columns here, in the line and in what stands below it alike. */
function visible(text: string): string {
  return printable(text.replaceAll('\t', '  '));
}

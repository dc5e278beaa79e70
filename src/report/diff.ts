import { printable } from '../text/text.ts';
import type { Paint } from './paint.ts';
import { clip, width } from './width.ts';

const context = 2;

/**
 * What changed between two texts of a file that have the same number of lines,
 * in the shape of a unified diff. It is for people: what cannot be seen is
 * shown as `\u{…}`, and long lines are cut around the change.
 */
export function textDiff(
  file: string,
  before: string,
  after: string,
  { columns, paint }: { columns: number; paint: Paint },
): string[] {
  const old = linesOf(before);
  const now = linesOf(after);
  const changed = old.flatMap((line, at) => (line === now[at] ? [] : [at]));
  const out =
    changed.length === 0 ? [] : [`--- ${printable(file)}`, `+++ ${printable(file)}`].map(paint.bold);
  const room = columns - 1;
  for (let next = 0; next < changed.length; ) {
    const first = changed[next] as number;
    let last = first;
    while (next < changed.length && (changed[next] as number) - last <= 2 * context + 1) {
      last = changed[next++] as number;
    }
    const from = Math.max(0, first - context);
    const to = Math.min(old.length, last + context + 1);
    out.push(paint.dim(`@@ -${from + 1},${to - from} +${from + 1},${to - from} @@`));
    for (let at = from; at < to; ) {
      if (old[at] === now[at]) {
        out.push(` ${clip(visible((old[at++] as string).slice(0, 2 * room)), room)}`.trimEnd());
        continue;
      }
      const start = at;
      while (at < to && old[at] !== now[at]) at++;
      const pairs = old
        .slice(start, at)
        .map((line, index) => aroundChange(line, now[start + index] ?? '', room));
      out.push(
        ...pairs.map(([line]) => paint.red(`-${line}`)),
        ...pairs.map(([, line]) => paint.green(`+${line}`)),
      );
    }
  }
  return out;
}

function linesOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  // After the last line break there is no line.
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

/** Two versions of a line; where they do not fit, both begin shortly before the first difference. */
function aroundChange(old: string, now: string, room: number): [string, string] {
  let same = 0;
  while (same < old.length && old[same] === now[same]) same++;
  const isLong = [old, now].some((line) => line.length > room || width(visible(line)) > room);
  const last = Math.max(old.length, now.length) - room + 1;
  const start = isLong ? Math.max(0, Math.min(last, same - Math.floor(room / 3))) : 0;
  const cut = (line: string) => {
    const part = visible(line.slice(start, start + 2 * room).toWellFormed());
    return clip(start > 0 ? `…${part}` : part, room);
  };
  return [cut(old), cut(now)];
}

/** A tab is two columns here, as in code frames. */
function visible(text: string): string {
  return printable(text.replaceAll('\t', '  '));
}

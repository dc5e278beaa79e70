import { fromPointer, toPointer } from './pointer.ts';
import { visit } from './scan.ts';

/** Where the values of a JSON text stand that an insertion needs to know. */
interface Container {
  /** Offsets of the whole value, brackets included. */
  start: number;
  end: number;
  /** Its items or members, in order; a member begins with its key. */
  items: { key: string | number; start: number; valueStart: number; end: number }[];
}

/**
 * Adds a value to the end of an array, or with a `key` to an object, and keeps every other character of the text.
 * The new value looks like those beside it: on lines of its own or on one line, with their indentation and line
 * ends. The text must be valid JSON without a key that stands twice; throws where nothing stands at the pointer.
 */
export function addValue(text: string, pointer: string, key: string | null, value: unknown): string {
  const container = containerAt(text, pointer);
  const { start, end, items } = container;
  const style = styleOf(text);
  const outer = indentOf(text, start);
  const last = items.at(-1);
  const name = key === null ? '' : `${JSON.stringify(key)}:${style.gap}`;
  if (last === undefined) {
    // In a text of one line it stays on that line.
    if (!text.trim().includes('\n') && text.trim().length > 2) {
      return text.slice(0, start + 1) + name + inline(value, style) + text.slice(end - 1);
    }
    const inner = outer + style.unit;
    const body = name + spread(value, inner, style);
    return text.slice(0, start + 1) + style.eol + inner + body + style.eol + outer + text.slice(end - 1);
  }
  const startsLine = /^[ \t]*$/.test(text.slice(lineStart(text, last.start), last.start));
  if (!startsLine)
    return `${text.slice(0, last.end)},${style.gap}${name}${inline(value, style)}${text.slice(last.end)}`;
  const inner = indentOf(text, last.start);
  const isInline =
    /^[[{]/.test(text.slice(last.valueStart)) && !text.slice(last.valueStart, last.end).includes('\n');
  const body = isInline ? inline(value, style) : spread(value, inner, style);
  return `${text.slice(0, last.end)},${style.eol}${inner}${name}${body}${text.slice(last.end)}`;
}

/** Sets a member of an object, which it has or gets. Everything else as in `addValue`. */
export function setMember(text: string, pointer: string, key: string, value: unknown): string {
  const found = containerAt(text, pointer).items.find((item) => item.key === key);
  if (found === undefined) return addValue(text, pointer, key, value);
  return text.slice(0, found.valueStart) + inline(value, styleOf(text)) + text.slice(found.end);
}

function containerAt(text: string, pointer: string): Container {
  const path = fromPointer(pointer);
  const items: Container['items'] = [];
  let keyStart = -1;
  let whole: { start: number; end: number } | null = null;
  const isInside = (at: readonly (string | number)[]) =>
    at.length === path.length + 1 && path.every((key, index) => String(at[index]) === key);
  visit(text, {
    key(at, start) {
      if (isInside(at)) keyStart = start;
    },
    value(at, start, end) {
      if (isInside(at)) {
        const key = at[at.length - 1] as string | number;
        items.push({ key, start: typeof key === 'string' ? keyStart : start, valueStart: start, end });
        return false;
      }
      if (toPointer(at) !== pointer) return false;
      whole = { start, end };
      return true;
    },
  });
  if (whole === null) throw new Error(`nothing stands at ${pointer}`);
  return { ...(whole as { start: number; end: number }), items };
}

interface Style {
  eol: string;
  unit: string;
  /** After colons and commas on one line, and inside of braces. */
  gap: string;
}

/** How a text is written, by its first line break, its first indented line and its first colon or comma. */
function styleOf(text: string): Style {
  const unit = /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ';
  return {
    eol: /\r?\n/.exec(text)?.[0] ?? '\n',
    unit: unit.startsWith('\t') ? '\t' : unit,
    gap: /[":\d}\]][:,]["\d[{]/.test(text) && !/": /.test(text) ? '' : ' ',
  };
}

/** On one line: `{ "a": 1 }`. */
function inline(value: unknown, style: Style): string {
  const { gap } = style;
  if (Array.isArray(value)) return `[${value.map((item) => inline(item, style)).join(`,${gap}`)}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([key, item]) => `${JSON.stringify(key)}:${gap}${inline(item, style)}`,
  );
  return members.length === 0 ? '{}' : `{${gap}${members.join(`,${gap}`)}${gap}}`;
}

/** An object with each member on a line, what is in them on that line. */
function spread(value: unknown, indent: string, style: Style): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return inline(value, style);
  const { eol, unit, gap } = style;
  const members = Object.entries(value).map(
    ([key, item]) => `${indent}${unit}${JSON.stringify(key)}:${gap || ' '}${inline(item, style)}`,
  );
  return members.length === 0 ? '{}' : `{${eol}${members.join(`,${eol}`)}${eol}${indent}}`;
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

/** The white space that the line of an offset begins with. */
function indentOf(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, offset), offset))?.[0] ?? '';
}

/** An object as it is written into a new file: each member on a line, two spaces, what is in them on that line. */
export function objectText(value: object): string {
  return spread(value, '', { eol: '\n', unit: '  ', gap: ' ' });
}

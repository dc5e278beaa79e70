import { fromPointer, toPointer, valueAt } from './pointer.ts';
import { Lines, type Range } from './position.ts';
import { find, visit, type Wanted } from './scan.ts';
import { explain } from './syntax.ts';

/** Nesting that no sane file reaches; below it, recursion over a value is safe. */
export const maxDepth = 200;

/** A parsed JSON file. Its text is kept so that positions can be computed for what is shown. */
export interface Document {
  /** As people write it: relative, with `/`. */
  file: string;
  text: string;
  value: unknown;
  /** Some object of it has a key twice. */
  hasDuplicateKeys: boolean;
}

/** Why a text is not a document, in words that finish the sentence "The file is not valid JSON: …". */
export interface ParseProblem {
  reason: string;
  fix: string;
  range: Range;
}

export type Parsed = { ok: true; document: Document } | { ok: false; problem: ParseProblem };

/** Parses JSON text. Never throws. */
export function parseDocument(file: string, text: string): Parsed {
  const encoding = wrongEncoding(text);
  if (encoding !== null) return { ok: false, problem: { ...encoding, range: start } };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problem: explain(text) };
  }
  const keys = typeof value === 'object' && value !== null ? countKeys(value, 1) : 0;
  if (keys === Number.POSITIVE_INFINITY) {
    return {
      ok: false,
      problem: {
        reason: `it is nested more than ${maxDepth} levels deep`,
        fix: `Keep the nesting below ${maxDepth} levels.`,
        range: start,
      },
    };
  }
  return {
    ok: true,
    document: { file, text, value, hasDuplicateKeys: hasDuplicateKeys(text, keys) },
  };
}

const start: Range = { line: 1, column: 1, endLine: 1, endColumn: 2 };

function wrongEncoding(text: string): { reason: string; fix: string } | null {
  if (text.charCodeAt(0) === 0xfeff) {
    return {
      reason: 'it begins with a byte order mark, which MirrorNeuron does not read',
      fix: 'Save it as UTF-8 without BOM.',
    };
  }
  // UTF-16 read as UTF-8: its byte order mark is not decodable, and every second byte of ASCII text is NUL.
  if (text.startsWith('\ufffd\ufffd') || text.charCodeAt(0) === 0 || text.charCodeAt(1) === 0) {
    return { reason: 'it is not UTF-8 (it looks like UTF-16)', fix: 'Save it as UTF-8.' };
  }
  return null;
}

/** How many keys a value has at all depths; infinitely many where it is nested deeper than `maxDepth`. */
function countKeys(value: object, depth: number): number {
  if (depth > maxDepth) return Number.POSITIVE_INFINITY;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const item of value)
      if (typeof item === 'object' && item !== null) keys += countKeys(item, depth + 1);
    return keys;
  }
  // A parsed object has only own keys; this loop is twice as fast as Object.values.
  for (const key in value) {
    keys++;
    const item = (value as Record<string, unknown>)[key];
    if (typeof item === 'object' && item !== null) keys += countKeys(item, depth + 1);
  }
  return keys;
}

/**
 * `JSON.parse` keeps the last of two equal keys and says nothing. Every key in
 * the text is a quote before a colon; where there are more of these than keys
 * in the value, some key may stand twice (or a string holds `":`), and only
 * then is a look at the tokens worth its time.
 */
function hasDuplicateKeys(text: string, keys: number): boolean {
  let candidates = 0;
  for (let at = text.indexOf(':'); at >= 0; at = text.indexOf(':', at + 1)) {
    let before = at - 1;
    while (isSpace(text.charCodeAt(before))) before--;
    if (text.charCodeAt(before) === 0x22) candidates++;
  }
  return candidates > keys && duplicateKeys(text).length > 0;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** A key that already stands in the same object. */
export interface DuplicateKey {
  /** Pointer of the key: of the object plus the key. */
  pointer: string;
  key: string;
  /** Of the second key, without its value. */
  range: Range;
  /** Where the first one stands. */
  firstLine: number;
}

/** All keys that stand twice in one object, at most `limit` of them, in the order of the text. */
export function duplicateKeys(text: string, limit = 100): DuplicateKey[] {
  const lines = new Lines(text);
  const found: DuplicateKey[] = [];
  /** One set of keys for each open container, by its depth. */
  const seen: (Map<string, number> | undefined)[] = [];
  visit(text, {
    key(path, from, to) {
      seen.length = path.length;
      const keys = (seen[path.length - 1] ??= new Map());
      const key = path[path.length - 1] as string;
      const first = keys.get(key);
      if (first === undefined) keys.set(key, from);
      else if (found.length < limit) {
        found.push({
          pointer: toPointer(path),
          key,
          range: lines.range(from, to),
          firstLine: lines.at(first).line,
        });
      }
    },
    value(path) {
      // The keys of a finished object must not count against the next one at the same depth.
      seen.length = Math.min(seen.length, path.length);
      return found.length >= limit;
    },
  });
  return found;
}

/** Places to look for in documents. */
export interface Places {
  root: Wanted;
  amount: number;
}

/** These pointers, to be looked for in one document or in many. */
export function placesAt(pointers: Iterable<string>): Places {
  const root: Wanted = { pointer: null, children: new Map() };
  let amount = 0;
  for (const pointer of pointers) {
    let node = root;
    for (const key of fromPointer(pointer)) {
      let next = node.children.get(key);
      if (next === undefined) {
        next = { pointer: null, children: new Map() };
        node.children.set(key, next);
      }
      node = next;
    }
    if (node.pointer === null) amount++;
    node.pointer = pointer;
  }
  return { root, amount };
}

/** The ranges of the values at these pointers; a pointer that leads nowhere is absent. */
export function locate(document: Document, pointers: Iterable<string>): Map<string, Range> {
  return locatePlaces(document, placesAt(pointers));
}

/** `locate`, of places that are looked for in many documents. */
export function locatePlaces(document: Document, { root, amount }: Places): Map<string, Range> {
  const found = new Map<string, Range>();
  if (amount === 0) return found;
  let missing = amount;
  const lines = new Lines(document.text);
  find(document.text, root, (pointer, from, to) => {
    if (!found.has(pointer)) missing--;
    // Of a key that stands twice, the last value counts, as in JSON.parse.
    found.set(pointer, lines.range(from, to));
    return missing === 0 && !document.hasDuplicateKeys;
  });
  if (document.hasDuplicateKeys) {
    // What stands only in the value of the earlier of two equal keys is not in the document.
    for (const pointer of found.keys()) {
      if (valueAt(document.value, pointer) === undefined) found.delete(pointer);
    }
  }
  return found;
}

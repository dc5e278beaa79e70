import scanner from 'jsonc-parser/lib/umd/impl/scanner.js';

/**
 * The token kinds of `jsonc-parser`, which explains broken text: its enum is not
 * available at run time. Only its scanner is imported: the rest of the library
 * would be most of its bytes.
 */
export const token = {
  openBrace: 1,
  closeBrace: 2,
  openBracket: 3,
  closeBracket: 4,
  comma: 5,
  colon: 6,
  null: 7,
  true: 8,
  false: 9,
  string: 10,
  number: 11,
  lineComment: 12,
  blockComment: 13,
  lineBreak: 14,
  trivia: 15,
  unknown: 16,
  end: 17,
} as const;

export type Scanner = ReturnType<typeof scanner.createScanner>;

/** The tokens of a text, comments and white space included. */
export function scan(text: string): Scanner {
  return scanner.createScanner(text, false);
}

export interface Visitor {
  /** A key of an object: where it starts and ends. Called before its value. */
  key?(path: readonly (string | number)[], start: number, end: number): void;
  /** A whole value. For objects and arrays, called at their end. Return true to stop the walk. */
  value(path: readonly (string | number)[], start: number, end: number): boolean | undefined;
}

/**
 * Calls the visitor for every key and value of valid JSON text: `JSON.parse`
 * has accepted it, so there is nothing left to check.
 */
export function visit(text: string, visitor: Visitor): void {
  const path: (string | number)[] = [];
  const open: { isObject: boolean; start: number }[] = [];
  for (let at = skipSpace(text, 0); at < text.length; at = skipSpace(text, at)) {
    const start = at;
    const container = open[open.length - 1];
    // A container's own path has one part less than there are open containers; one more is its current key or index.
    const atKey = container?.isObject === true && path.length < open.length;
    switch (text[at]) {
      case '{':
      case '[':
        at++;
        open.push({ isObject: text[start] === '{', start });
        if (text[start] === '[') path.push(0);
        break;
      case '}':
      case ']':
        at++;
        if (container === undefined) return;
        if (!atKey) path.pop();
        open.pop();
        if (visitor.value(path, container.start, at)) return;
        break;
      case ',':
        at++;
        if (container?.isObject) path.pop();
        else path.push((path.pop() as number) + 1);
        break;
      case ':':
        at++;
        break;
      case '"':
        at = endOfString(text, at);
        if (atKey) {
          path.push(decode(text.slice(start, at)));
          visitor.key?.(path, start, at);
        } else if (visitor.value(path, start, at)) return;
        break;
      default:
        at = endOfWord(text, at);
        if (visitor.value(path, start, at)) return;
    }
  }
}

/** Values to look for, as a tree: `pointer` where this one is looked for, `children` by key or index. */
export interface Wanted {
  pointer: string | null;
  children: Map<string, Wanted>;
}

/**
 * Calls `found` for every value of valid JSON text that is looked for, at its
 * end; it returns true to stop. Everything else is skipped whole. Recursion
 * goes as deep as what is looked for, however deep the text is.
 */
export function find(
  text: string,
  wanted: Wanted,
  found: (pointer: string, start: number, end: number) => boolean,
): void {
  const stopped = -1;
  const walk = (start: number, node: Wanted): number => {
    let at = start;
    const isObject = text[start] === '{';
    if (node.children.size === 0 || !(isObject || text[start] === '[')) {
      at = endOfValue(text, start);
    } else {
      at = skipSpace(text, start + 1);
      for (let index = 0; text[at] !== '}' && text[at] !== ']'; index++) {
        let key = String(index);
        if (isObject) {
          const end = endOfString(text, at);
          key = decode(text.slice(at, end));
          const colon = skipSpace(text, end);
          at = skipSpace(text, colon + 1);
        }
        const child = node.children.get(key);
        at = child === undefined ? endOfValue(text, at) : walk(at, child);
        if (at === stopped) return stopped;
        at = skipSpace(text, at);
        if (text[at] === ',') at = skipSpace(text, at + 1);
      }
      at++;
    }
    return node.pointer !== null && found(node.pointer, start, at) ? stopped : at;
  };
  walk(skipSpace(text, 0), wanted);
}

/** A value within a text: from `start` to `end`, exclusive. */
export interface Part {
  /** Of a member of an object; its index for an item of a list. */
  key: string;
  start: number;
  end: number;
}

/**
 * The members of the object, or items of the list, that begins at `from`: so a large one need not be parsed whole.
 * Of what is not JSON a SyntaxError says where; the values themselves are not looked into.
 */
export function* partsOf(text: string, from = 0): Generator<Part> {
  const open = skipSpace(text, from);
  const isObject = text[open] === '{';
  const close = isObject ? '}' : ']';
  const expect = (at: number, character: string) => {
    if (text[at] !== character) throw new SyntaxError(`character ${at + 1} is not ${character}`);
  };
  if (!isObject) expect(open, '[');
  let at = skipSpace(text, open + 1);
  for (let index = 0; index > 0 || text[at] !== close; index++) {
    let key = String(index);
    if (isObject) {
      expect(at, '"');
      const end = endOfString(text, at);
      key = JSON.parse(text.slice(at, end)) as string;
      at = skipSpace(text, end);
      expect(at, ':');
      at = skipSpace(text, at + 1);
    }
    const end = endOfValue(text, at);
    yield { key, start: at, end };
    at = skipSpace(text, end);
    if (text[at] === close) break;
    expect(at, ',');
    at = skipSpace(text, at + 1);
  }
  if (from === 0 && skipSpace(text, at + 1) < text.length) {
    throw new SyntaxError(`character ${at + 2} stands behind the end`);
  }
}

/** The value of a string as it stands in the text, quotes included. */
function decode(string: string): string {
  return string.includes('\\') ? (JSON.parse(string) as string) : string.slice(1, -1);
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) <= 0x20) at++;
  return at;
}

/** The offset after a number, `true`, `false` or `null`. */
function endOfWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && !',]} \n\r\t'.includes(text[at] as string)) at++;
  return at;
}

/** The offset after the value that begins at `start`. */
function endOfValue(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return endOfString(text, start);
  return first === '{' || first === '[' ? endOfContainer(text, start + 1) : endOfWord(text, start);
}

/**
 * The offset after the bracket that closes the container whose content begins
 * at `from`. Only quotes and brackets are looked at: most of a blueprint is of
 * no interest.
 */
function endOfContainer(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    // " { [ } ]
    if (code === 0x22) at = endOfString(text, at) - 1;
    else if (code === 0x7b || code === 0x5b) depth++;
    else if ((code === 0x7d || code === 0x5d) && --depth === 0) return at + 1;
  }
  return text.length;
}

/** The offset after the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return text.length;
}

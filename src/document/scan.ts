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
 * has accepted it, so there is nothing left to check. `wants` says whether
 * anything below a path is of interest; other values are skipped whole.
 */
export function visit(
  text: string,
  visitor: Visitor,
  wants: (path: readonly (string | number)[]) => boolean,
): void {
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
        if (wants(path)) {
          open.push({ isObject: text[start] === '{', start });
          if (text[start] === '[') path.push(0);
        } else {
          at = endOfContainer(text, at);
          if (visitor.value(path, start, at)) return;
        }
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

const structure = /["{}[\]]/g;

/**
 * The offset after the bracket that closes the container whose content begins
 * at `from`. Only quotes and brackets are looked at: most of a blueprint is of
 * no interest.
 */
function endOfContainer(text: string, from: number): number {
  structure.lastIndex = from;
  let depth = 1;
  while (structure.test(text)) {
    const at = structure.lastIndex - 1;
    const character = text[at];
    if (character === '"') structure.lastIndex = endOfString(text, at);
    else if (character === '{' || character === '[') depth++;
    else if (--depth === 0) return at + 1;
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

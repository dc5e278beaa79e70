// Which paths a .gitignore leaves out, as git reads it where it ignores case: `ignore` on npm, which the tests compare
// this with, takes three times the bytes. Patterns are hostile, so they do not become regular expressions as a whole:
// matching takes no more than the length of a name times that of its pattern.

/** The rules of one `.gitignore`. Paths are relative to its folder, with `/`, and end with one where they are folders. */
export interface Rules {
  /** What the last rule that matches says of a path or of a folder above it; null where none does. */
  test(path: string): 'ignored' | 'unignored' | null;
}

/** Any number of characters, or any one; a character in lower case; a class of them. */
type Token = typeof anyNumber | typeof anyOne | string | RegExp;
const anyNumber = Symbol('*');
const anyOne = Symbol('?');

/** What one name of a path has to be: any number of names, this one in lower case, or of this form. */
type Part = typeof anyNumber | string | readonly Token[];

interface Rule {
  parts: readonly Part[];
  negative: boolean;
  foldersOnly: boolean;
}

/** Reads a `.gitignore`. Lines that git cannot use match nothing. */
export function parseIgnore(text: string): Rules {
  const rules: Rule[] = [];
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const rule = parseRule(line.endsWith('\r') ? line.slice(0, -1) : line);
    if (rule !== null) rules.unshift(rule);
  }
  const folders = new Map<string, ReturnType<Rules['test']>>();
  const test = (path: string): ReturnType<Rules['test']> => {
    const isFolder = path.endsWith('/');
    const known = isFolder ? folders.get(path) : undefined;
    if (known !== undefined) return known;
    const whole = isFolder ? path.slice(0, -1) : path;
    const above = whole.slice(0, whole.lastIndexOf('/') + 1);
    let result = above === '' ? null : test(above);
    if (result !== 'ignored') {
      const names = whole.toLowerCase().split('/');
      const rule = rules.find((one) => (isFolder || !one.foldersOnly) && matches(one.parts, names, isName));
      result = rule === undefined ? null : rule.negative ? 'unignored' : 'ignored';
    }
    if (isFolder) folders.set(path, result);
    return result;
  };
  return { test };
}

function parseRule(line: string): Rule | null {
  if (line.startsWith('#')) return null;
  const negative = line.startsWith('!');
  // A backslash keeps the space behind it.
  let pattern = (negative ? line.slice(1) : line).replace(/((?:^|[^\\])(?:\\\\)*(?:\\ )?) +$/, '$1');
  const foldersOnly = pattern.endsWith('/');
  if (foldersOnly) pattern = pattern.slice(0, -1);
  const isAnchored = pattern.includes('/');
  if (pattern.startsWith('/')) pattern = pattern.slice(1);
  const parts = pattern === '' ? null : partsOf(pattern);
  if (parts === null) return null;
  if (!isAnchored) parts.unshift(anyNumber);
  // Behind a folder it is what stands in it, not the folder itself.
  if (parts.at(-1) === anyNumber) parts.push([anyNumber]);
  return { parts, negative, foldersOnly };
}

/** A pattern by its slashes; null where a class or an escape has no end. */
function partsOf(pattern: string): Part[] | null {
  const parts: Part[] = [];
  let tokens: Token[] = [];
  const endPart = () => {
    const isAny = tokens.length > 1 && tokens.every((token) => token === anyNumber);
    const isPlain = tokens.every((token) => typeof token === 'string');
    parts.push(isAny ? anyNumber : isPlain ? tokens.join('') : tokens);
    tokens = [];
  };
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern.charAt(at);
    if (character === '/') endPart();
    else if (character === '*') tokens.push(anyNumber);
    else if (character === '?') tokens.push(anyOne);
    else if (character === '[') {
      const read = classAt(pattern, at);
      if (read === null) return null;
      tokens.push(read.members);
      at = read.end;
    } else if (character === '\\') {
      if (++at === pattern.length) return null;
      tokens.push(pattern.charAt(at).toLowerCase());
    } else tokens.push(character.toLowerCase());
  }
  endPart();
  return parts;
}

const namedClasses: ReadonlyMap<string, string> = new Map([
  ['alnum', '0-9A-Za-z'],
  ['alpha', 'A-Za-z'],
  ['blank', ' \\t'],
  ['cntrl', '\\x00-\\x1f\\x7f'],
  ['digit', '0-9'],
  ['graph', '!-~'],
  ['lower', 'a-z'],
  ['print', ' -~'],
  ['punct', '!-\\/:-@\\[-`{-~'],
  ['space', ' \\t\\n\\r'],
  ['upper', 'A-Z'],
  ['xdigit', '0-9A-Fa-f'],
]);

/** `[a-z]`, `[!a]` or `[[:digit:]]` at a place of a pattern, and where it ends; null where it has no end. */
function classAt(pattern: string, start: number): { members: RegExp; end: number } | null {
  const [opening = ''] = /^\[[!^]?/.exec(pattern.slice(start, start + 2)) ?? [];
  const first = start + opening.length;
  // One member each: a named class, or a character that may be escaped, to another one.
  const member = /\[:([a-z]*):\]|\\(.)|(.)/sy;
  let source = '';
  let from: string | null = null;
  for (let at = first; ; at = member.lastIndex) {
    if (pattern[at] === ']' && at > first) {
      return { members: new RegExp(`[${opening.length > 1 ? '^' : ''}${source}]`, 'i'), end: at };
    }
    member.lastIndex = at;
    const read = member.exec(pattern);
    if (read === null) return null;
    const [, name, escaped, plain = escaped ?? ''] = read;
    if (name !== undefined) {
      const members = namedClasses.get(name);
      if (members === undefined) return null;
      source += members;
      from = null;
    } else if (plain === '-' && escaped === undefined && from !== null && pattern[at + 1] !== ']') {
      member.lastIndex = at + 1;
      const to: RegExpExecArray | null = member.exec(pattern);
      const last = to?.[2] ?? to?.[3];
      if (last === undefined) return null;
      if (from <= last) source += `-${unit(last)}`;
      from = null;
    } else {
      source += unit(plain);
      from = plain;
    }
  }
}

/** A character in a class of a regular expression. */
function unit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function isName(part: Part, name: string): boolean {
  return typeof part === 'string' ? part === name : part !== anyNumber && matches(part, name, isCharacter);
}

function isCharacter(token: Token, character: string): boolean {
  return token === anyOne || token === character || (token instanceof RegExp && token.test(character));
}

/** Whether all items match, in their order; of several `anyNumber`s only the last ever has to take more. */
function matches<Item>(
  pattern: readonly (Item | typeof anyNumber)[],
  items: ArrayLike<string>,
  matchesOne: (item: Item, value: string) => boolean,
): boolean {
  let at = 0;
  let index = 0;
  let star = -1;
  let taken = 0;
  while (index < items.length) {
    const item = pattern[at];
    if (item === anyNumber) {
      star = at++;
      taken = index;
    } else if (item !== undefined && matchesOne(item as Item, items[index] as string)) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++taken;
    } else return false;
  }
  while (pattern[at] === anyNumber) at++;
  return at === pattern.length;
}

import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import ignore from 'ignore';
import { describe, expect, test } from 'vitest';
import { parseIgnore } from '../src/blueprint/ignore.ts';
import { folderOf } from './support/process.ts';

/** What git says: `--no-index`, because nothing of the folder is in one. */
function gitIgnores(text: string, paths: readonly string[]): string[] {
  const folder = folderOf({
    '.gitignore': text,
    '.git/HEAD': 'ref: refs/heads/main\n',
    '.git/objects/x': '',
    '.git/refs/x': '',
  });
  const { stdout } = spawnSync(
    'git',
    ['-c', 'core.ignorecase=true', 'check-ignore', '--no-index', '--stdin', '-z'],
    {
      cwd: folder,
      input: paths.join('\0'),
      encoding: 'utf8',
    },
  );
  return stdout.split('\0').filter(Boolean);
}

const ours = (text: string, paths: readonly string[]) => {
  const rules = parseIgnore(text);
  return paths.filter((path) => rules.test(path) === 'ignored');
};

describe('one rule', () => {
  test.each<[text: string, ignored: string[], not: string[]]>([
    ['a', ['a', 'a/', 'b/a', 'A', 'a/b', 'b/a/c'], ['ab', 'ba', 'b/']],
    ['a/', ['a/', 'b/a/', 'a/b'], ['a', 'b/a']],
    ['/a', ['a', 'a/b'], ['b/a']],
    ['a/b', ['a/b', 'a/b/c'], ['c/a/b', 'b']],
    ['*.json', ['x.json', 'a/.json', 'X.JSON'], ['x.jso', 'x.json5']],
    ['a*b*c', ['abc', 'a1b2b3c', 'd/abcbc'], ['ab', 'a/b/c', 'abcd']],
    ['a?c', ['abc'], ['ac', 'a/c', 'abbc']],
    ['**/x/y', ['x/y', 'a/b/x/y'], ['x/a/y']],
    ['a/**', ['a/b', 'a/b/c', 'a/b/'], ['a/', 'a', 'b/a/c']],
    ['a/**/b', ['a/b', 'a/1/b', 'a/1/2/b'], ['b/a/b', 'ab']],
    ['a**b', ['ab', 'axb', 'c/axb'], ['a/b']],
    ['**', ['a', 'a/b'], []],
    ['/**', ['a', 'a/b'], []],
    ['[a-c]x', ['ax', 'Bx'], ['dx', '-x', 'x']],
    ['[!a-c]x', ['dx', '-x'], ['ax', 'Cx', 'x']],
    ['[]-]x', [']x', '-x'], ['ax']],
    ['[[:digit:]x]', ['1', 'X'], ['a', ':']],
    ['[\\]a]x', [']x', 'ax'], ['\\x']],
    ['[z-a]x', ['zx'], ['ax', '-x', 'mx']],
    ['a  ', ['a'], ['a  ', 'a ']],
    ['a\\ ', ['a '], ['a', 'a\\ ']],
    ['a\\  ', ['a '], ['a', 'a  ']],
    ['\\#a', ['#a'], ['a']],
    ['\\!a', ['!a'], ['a']],
    ['\\*', ['*'], ['a', '\\*']],
    ['\uFEFFa', ['a'], []],
    ['a\r\nb\r', ['a', 'b'], []],
    ['*\n!*.json\n!/keep/', ['a', 'keep'], ['a.json', 'keep/']],
    ['a/\n!a/b', ['a/', 'a/b'], []],
    ...['', '#a', '!', '/', '[', '[a', '[[:no:]]', 'a\\', 'a//b', '//', '[a-'].map(
      (text): [string, string[], string[]] => [text, [], ['a', 'b', '[', '[a', 'a/b', 'a/', 'n', ':']],
    ),
  ])('%j', (text, ignored, not) => {
    expect(ours(text, [...ignored, ...not])).toEqual(ignored);
  });

  test('a hostile pattern takes no time', () => {
    const rules = parseIgnore(`${'*a'.repeat(5_000)}b\n${'**/a/'.repeat(5_000)}b`);
    expect(rules.test('a'.repeat(4_000))).toBe(null);
    expect(rules.test('a/'.repeat(2_000))).toBe(null);
  });
});

const piece = fc.constantFrom(
  'a',
  'B',
  'c',
  '*',
  '**',
  '?',
  '/',
  '/',
  '[ab]',
  '[!a]',
  '[a-c]',
  '.',
  '-',
  ' ',
  '\\ ',
  '\\*',
);
const pattern = fc
  .tuple(fc.constantFrom('', '', '!', '/'), fc.array(piece, { minLength: 1, maxLength: 6 }))
  .map(([front, pieces]) => front + pieces.join(''));
const names = fc.array(fc.constantFrom('a', 'b', 'ab', 'abc', 'C', 'a.b', '*', 'a b', 'a '), {
  minLength: 1,
  maxLength: 4,
});
const path = fc.tuple(names, fc.constantFrom('', '/')).map(([parts, end]) => parts.join('/') + end);

test('rules are those of the library', () => {
  fc.assert(
    fc.property(
      fc.array(pattern, { minLength: 1, maxLength: 4 }),
      fc.array(path, { minLength: 1, maxLength: 8 }),
      (lines, paths) => {
        const rules = parseIgnore(lines.join('\n'));
        const library = ignore().add(lines.join('\n'));
        for (const one of paths) {
          const { ignored, unignored } = library.test(one);
          expect([one, rules.test(one)]).toEqual([one, ignored ? 'ignored' : unignored ? 'unignored' : null]);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

// Some versions of git let `a**/b` match `a/x/b`, which its documentation does not.
const documented = pattern.filter((one) => !/[^!/]\*\*|\*\*[^/]/.test(one));

test('rules are those of git', () => {
  fc.assert(
    fc.property(
      fc.array(documented, { minLength: 1, maxLength: 4 }),
      fc.array(names, { minLength: 1, maxLength: 20 }),
      (lines, all) => {
        const paths = [...new Set(all.map((parts) => parts.join('/')))];
        expect(ours(lines.join('\n'), paths)).toEqual(gitIgnores(lines.join('\n'), paths));
      },
    ),
    { numRuns: 40 },
  );
});

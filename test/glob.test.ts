import fc from 'fast-check';
import { expect, test } from 'vitest';
import { globMatcher } from '../src/text/glob.ts';

test.each<[pattern: string, matching: string[], others: string[]]>([
  ['a', ['a', 'x/a', 'x/y/a', 'a/manifest', 'x/a/b/c'], ['ab', 'ba', 'x/ab', '']],
  ['a/b', ['a/b', 'a/b/c'], ['a', 'x/a/b', 'a/bc', 'a//b']],
  ['./a/', ['a', 'x/a'], ['b']],
  ['*.json', ['a.json', 'x/a.json', '.json'], ['a.jso', 'a.json5']],
  ['a/*', ['a/b', 'a/.b', 'a/b/c'], ['a', 'b/a']],
  ['a/**', ['a', 'a/b', 'a/b/c'], ['b/a', 'ab']],
  ['**', ['a', 'a/b'], []],
  ['**/b/*', ['b/c', 'a/b/c', 'a/b/b', 'b/b/b'], ['b', 'a/b']],
  ['a/**/b/**/c', ['a/b/c', 'a/x/b/y/z/c', 'a/b/b/c'], ['a/c', 'b/c']],
  ['?b*d', ['abd', 'abcd', 'abbd', 'xbdd'], ['bd', 'abdc']],
  ['[x]{a,b}+(c)$', ['[x]{a,b}+(c)$'], ['xa', 'x']],
  ['__proto__', ['__proto__', 'a/__proto__'], ['constructor']],
])('%s', (pattern, matching, others) => {
  const matches = globMatcher(pattern);
  expect(matching.filter((path) => !matches(path))).toEqual([]);
  expect(others.filter(matches)).toEqual([]);
});

/** What the words say, without a thought for time. */
function naive(pattern: string[], path: string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return true;
  if (first === '**') return naive(rest, path) || (path.length > 0 && naive(pattern, path.slice(1)));
  const name = new RegExp(`^${first.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')}$`);
  return path.length > 0 && name.test(path[0] as string) && naive(rest, path.slice(1));
}

test('is what the words say, for any pattern', () => {
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 4 });
  const piece = fc.oneof(name, fc.constantFrom('*', '**', 'a*', '*b', 'a?b', '*a*', '**b'));
  const several = (of: fc.Arbitrary<string>) => fc.array(of, { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(several(piece), several(name), (pattern, path) => {
      fc.pre(pattern[0] !== '.');
      expect(globMatcher(pattern.join('/'))(path.join('/'))).toBe(naive(pattern, path));
    }),
    { numRuns: 1000 },
  );
});

test('a hostile pattern takes no time worth speaking of', () => {
  const stars = globMatcher(`${'a*'.repeat(500)}b`);
  expect(stars('a'.repeat(5000))).toBe(false);
  const folders = globMatcher(`${'**/a/'.repeat(200)}b`);
  expect(folders('a/'.repeat(2000))).toBe(false);
});

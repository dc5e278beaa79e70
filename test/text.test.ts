import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { table } from '../src/cli/table.ts';
import { didYouMean, nearest } from '../src/text/nearest.ts';
import { count, either, gigabytes, gigabytesBelow, printable, quote, short } from '../src/text/text.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
);

describe('printable', () => {
  test.each([
    ['plain text', 'gemma4:e2b — “ready” ✓ 日本 é', 'gemma4:e2b — “ready” ✓ 日本 é'],
    ['emoji with their selector', 'a ❤️ 😀', 'a ❤️ 😀'],
    ['a combining accent', 'e\u0301', 'e\u0301'],
    ['lines and tabs', 'a\nb\tc\r', 'a\\nb\\tc\\u{d}'],
    ['ANSI colours', '\u001b[31mred\u001b[0m', '\\u{1b}[31mred\\u{1b}[0m'],
    ['the one-byte ANSI introducer', '\u009b2J', '\\u{9b}2J'],
    ['NUL, bell, delete', '\0\u0007\u007f', '\\u{0}\\u{7}\\u{7f}'],
    [
      'right-to-left marks',
      'a\u202egnp.exe\u202c\u2066b\u200f',
      'a\\u{202e}gnp.exe\\u{202c}\\u{2066}b\\u{200f}',
    ],
    ['zero width', 'ge\u200bm\u2060m\ufeffa', 'ge\\u{200b}m\\u{2060}m\\u{feff}a'],
    ['tag characters', 'a\u{e0041}\u{e007f}', 'a\\u{e0041}\\u{e007f}'],
    ['rare variants', 'a\ufe01\u{e0101}', 'a\\u{fe01}\\u{e0101}'],
    ['letters that are blank', 'a\u3164\u115fb', 'a\\u{3164}\\u{115f}b'],
    ['soft hyphen, line separator', 'a\u00adb\u2028c', 'a\\u{ad}b\\u{2028}c'],
    ['lone surrogates', 'a\ud83d b\ude00', 'a\ufffd b\ufffd'],
  ])('%s', (_, text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  test('leaves no character that a terminal obeys or hides, in all of Unicode', () => {
    const left: number[] = [];
    for (let code = 0; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code);
      if (!/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(character)) continue;
      if (printable(character) === character) left.push(code);
    }
    // The selectors of text and emoji.
    expect(left).toEqual([0xfe0e, 0xfe0f]);
  });

  test('says the same again, on one line, well formed', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const shown = printable(text);
        expect(printable(shown)).toBe(shown);
        expect(shown.isWellFormed()).toBe(true);
        expect(shown).not.toMatch(/[\r\n]/);
      }),
    );
  });
});

describe('short', () => {
  test.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdefg', 6, 'abcde…'],
    ['abcd😀x', 6, 'abcd…'],
    ['abc\ny', 5, 'abc\\…'],
    ['', 3, ''],
  ])('%j in %i units', (text, limit, expected) => {
    expect(short(text, limit)).toBe(expected);
  });

  test('is never longer than the limit, and printable', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 40 }), (text, limit) => {
        const shown = short(text, limit);
        expect(shown.length).toBeLessThanOrEqual(limit);
        expect(printable(shown)).toBe(shown);
      }),
    );
  });
});

test.each([
  ['a', '"a"'],
  ['a\u001b', '"a\\u{1b}"'],
  ['x'.repeat(100), `"${'x'.repeat(79)}…"`],
  [4.5, '4.5'],
  [true, 'true'],
  [null, 'null'],
  [undefined, 'undefined'],
  [[1], 'an array'],
  [{ toString: () => 'no' }, 'an object'],
])('quote %j', (value, expected) => {
  expect(quote(value)).toBe(expected);
});

test('count and either', () => {
  expect([count(0, 'target'), count(1, 'target'), count(2, 'target'), count(2, 'entry', 'entries')]).toEqual([
    '0 targets',
    '1 target',
    '2 targets',
    '2 entries',
  ]);
  expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(either)).toEqual(['', 'a', 'a or b', 'a, b or c']);
});

describe('gigabytes', () => {
  test.each([
    [8, '8 GB'],
    [7.55, '7.5 GB'],
    [7.62, '7.6 GB'],
    [0.5, '0.5 GB'],
    [99.94, '99.9 GB'],
    [99.96, '100 GB'],
    [141.4, '141 GB'],
    [100000, '100000 GB'],
  ])('%d', (gb, expected) => {
    expect(gigabytes(gb)).toBe(expected);
  });

  test.each([
    [6, 8, '6 GB'],
    [7.94, 8, '7.9 GB'],
    [7.97, 8, '7.97 GB'],
    [7.996, 8, '7.996 GB'],
    [7.9999, 8, '7.9999 GB'],
    [47.96, 48, '47.96 GB'],
  ])('%d below %d', (gb, limit, expected) => {
    expect(gigabytesBelow(gb, limit)).toBe(expected);
  });

  test('what is below a limit never reads as the limit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (limit, part) => {
          expect(Number.parseFloat(gigabytesBelow(limit * part, limit))).toBeLessThan(limit);
        },
      ),
    );
  });
});

describe('nearest', () => {
  const known = ['gemma4:e2b', 'nemotron3', 'rag-embedding', 'rtx-4090', 'rtx-4080', 'a'];
  test.each([
    ['gemma4:e2', 'gemma4:e2b'],
    ['GEMMA4:E2B', 'gemma4:e2b'],
    ['gema4:e2b', 'gemma4:e2b'],
    ['rtx4090', 'rtx-4090'],
    ['rtx-40', 'rtx-4090'],
    ['nemotron', 'nemotron3'],
    ['nemotrabc', 'nemotron3'],
    ['nemotabcd', null],
    ['llama', null],
    ['', 'a'],
    ['zz', null],
    ['constructor', null],
    [`gemma4:e2b${'x'.repeat(100_000)}`, null],
  ])('%.20s is %s', (name, expected) => {
    expect(nearest(name, known)).toBe(expected);
  });

  test('finds nothing among nothing, and the name itself among others', () => {
    expect(nearest('a', [])).toBe(null);
    expect(nearest('b2', ['b1', 'B2'])).toBe('B2');
  });

  test('a suggestion is safe to print', () => {
    expect(didYouMean('nemotron', known)).toBe(' Did you mean nemotron3?');
    expect(didYouMean('llama', known)).toBe('');
    expect(didYouMean('primary', ['prim\u001bary'])).toBe(' Did you mean prim\\u{1b}ary?');
  });
});

test('the tables of the command line keep colours and nothing else that a terminal obeys', () => {
  const rows = [
    ['\u001b[2J\u001b]0;x\u0007', 'b'],
    ['\u001b[32mok\u001b[39m', '\n::error::x'],
  ];
  const shown = '\\u{1b}[2J\\u{1b}]0;x\\u{7}';
  const gap = (used: number) => ' '.repeat(shown.length + 2 - used);
  expect(table(['name', 'why'], rows, (heads) => heads).split('\n')).toEqual([
    `name${gap(4)}why`,
    `${shown}  b`,
    `\u001b[32mok\u001b[39m${gap(2)}\\n::error::x`,
    '',
  ]);
});

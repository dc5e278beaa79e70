import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Document } from '../src/document/document.ts';
import { duplicateKeys, locate, maxDepth, parseDocument } from '../src/document/document.ts';
import { child, dotted, fromPointer, toPointer, valueAt } from '../src/document/pointer.ts';
import { Lines, type Range } from '../src/document/position.ts';

function parse(text: string): Document {
  const parsed = parseDocument('a.json', text);
  if (!parsed.ok) throw new Error(parsed.problem.reason);
  return parsed.document;
}

/** `1:2-3:4`. */
const show = ({ line, column, endLine, endColumn }: Range) => `${line}:${column}-${endLine}:${endColumn}`;

/** The text of a range, by counting lines and columns by hand. */
function cut(text: string, { line, column, endLine, endColumn }: Range): string {
  const lines = text.split('\n');
  const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  const inside = lines.slice(0, endLine - 1).reduce((sum, each) => sum + each.length + 1, 0);
  return text.slice(before + column - 1, inside + endColumn - 1);
}

/** Every pointer of a value with what stands there. */
function* pointers(value: unknown, path: (string | number)[] = []): Generator<[string, unknown]> {
  yield [toPointer(path), value];
  if (typeof value !== 'object' || value === null) return;
  for (const [key, each] of Object.entries(value)) yield* pointers(each, [...path, key]);
}

const awkwardKeys = [
  '',
  '/',
  '~',
  '~1',
  '0',
  '1',
  '-',
  '__proto__',
  'constructor',
  'toString',
  '":',
  'a"b',
  '\\',
  '\n',
  'é😀',
];
const key = fc.oneof(fc.string({ unit: 'binary', maxLength: 4 }), fc.constantFrom(...awkwardKeys));
const { value: anyJson } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
      key,
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((entries) => {
      // As JSON.parse builds objects: `__proto__` is a key like any other.
      const object = {};
      for (const [name, value] of entries) {
        Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
      }
      return object;
    }),
  ),
}));
const layout = fc.constantFrom<string | number>('', 2, '\t', '\n', ' \r\n\t');
const anyText = fc.tuple(anyJson, layout).map(([value, space]) => JSON.stringify(value, null, space));

describe('pointers', () => {
  test.each([
    [[], '', ''],
    [['llm', 'configs', 'primary'], '/llm/configs/primary', 'llm.configs.primary'],
    [['a/b', '~', '~1', '', 0], '/a~1b/~0/~01//0', 'a/b.~.~1..0'],
  ])('%j is %s', (path, pointer, words) => {
    expect(toPointer(path)).toBe(pointer);
    expect(fromPointer(pointer)).toEqual(path.map(String));
    expect(dotted(pointer)).toBe(words);
    expect(child(pointer, 'x/y')).toBe(`${pointer}/x~1y`);
  });

  test('valueAt sees own properties only', () => {
    const root = JSON.parse('{"a": [{"b": null}], "__proto__": {"c": 1}, "": 2}');
    const at = ['', '/a/0/b', '/__proto__/c', '/', '/toString', '/a/1', '/a/0/b/c', '/constructor/name'];
    expect(at.map((pointer) => valueAt(root, pointer))).toEqual([
      root,
      null,
      1,
      2,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

test('lines end at \\n; columns are UTF-16 units', () => {
  const lines = new Lines('ab\n\r\n😀c\n');
  expect([0, 1, 2, 3, 4, 5, 7, 9].map((offset) => Object.values(lines.at(offset)).join(':'))).toEqual([
    '1:1',
    '1:2',
    '1:3',
    '2:1',
    '2:2',
    '3:1',
    '3:3',
    '4:1',
  ]);
  expect(show(lines.range(1, 7))).toBe('1:2-3:3');
});

describe('locate', () => {
  test('cuts out of any text the value at every pointer', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const document = parse(text);
        const all = [...pointers(document.value)];
        const ranges = locate(
          document,
          all.map(([pointer]) => pointer),
        );
        expect(ranges.size).toBe(all.length);
        for (const [pointer, value] of all) {
          const range = ranges.get(pointer) as Range;
          expect(JSON.parse(cut(text, range))).toEqual(value);
          // One pointer alone finds the same place.
          expect(locate(document, [pointer]).get(pointer)).toEqual(range);
        }
      }),
    );
  });

  const text = '{\n  "llm": {"configs": {"primary": {"model": "default"}}},\n  "list": [1, [], {}, "x"]\n}\n';
  test.each([
    ['', '1:1-4:2'],
    ['/llm', '2:10-2:56'],
    ['/llm/configs/primary/model', '2:44-2:53'],
    ['/list/0', '3:12-3:13'],
    ['/list/1', '3:15-3:17'],
    ['/list/2', '3:19-3:21'],
    ['/list/3', '3:23-3:26'],
    ['/list/4', undefined],
    ['/list/00', undefined],
    ['/list/-', undefined],
    ['/list/length', undefined],
    ['/llm/configs/primary/model/0', undefined],
    ['/toString', undefined],
  ])('%s stands at %s', (pointer, expected) => {
    const range = locate(parse(text), [pointer, '/list/0', '/nowhere']).get(pointer);
    expect(range && show(range)).toBe(expected);
  });

  test('of a key that stands twice the last value counts, and what only the first one holds is nowhere', () => {
    const document = parse('{"a": {"b": 1, "c": 2}, "d": [1, 2],\n "a": {"b": 3}, "d": [4]}');
    const ranges = locate(document, ['/a', '/a/b', '/a/c', '/d/0', '/d/1']);
    expect([...ranges].map(([pointer, range]) => `${pointer} ${show(range)}`)).toEqual([
      '/a/b 2:13-2:14',
      '/a 2:7-2:15',
      '/d/0 2:23-2:24',
    ]);
  });

  test('no pointers, no walk', () => {
    expect(locate(parse('{}'), []).size).toBe(0);
  });
});

describe('keys that stand twice', () => {
  test.each([
    ['{"a": 1, "b": {"a": 1}, "c": [{"a": 1}, {"a": 2}]}', []],
    ['{"a": 1,\n "a": 2}', ['/a "a" 2:2-2:5 first 1']],
    ['{"a": 1,\n "a": 2,\n "a": 3}', ['/a "a" 2:2-2:5 first 1', '/a "a" 3:2-3:5 first 1']],
    ['{"a": {"b": 1}, "c": {"b": 2, "b" : 3}}', ['/c/b "b" 1:31-1:34 first 1']],
    ['[{"a": {"x": 1}, "a": {"x": 1}}]', ['/0/a "a" 1:18-1:21 first 1']],
    ['{"a": 1, "\\u0061": 2}', ['/a "a" 1:10-1:18 first 1']],
    ['{"__proto__": 1,\n"__proto__": 2}', ['/__proto__ "__proto__" 2:1-2:12 first 1']],
    ['{"": 1, "": 2}', ['/ "" 1:9-1:11 first 1']],
    ['{"a/b": 1, "a/b": 2}', ['/a~1b "a/b" 1:12-1:17 first 1']],
    ['{"a"\n\t\r :1,"a"  :2}', ['/a "a" 2:7-2:10 first 1']],
    ['{"x": "\\":\\":\\":", "y": "a: b", "z": ":"}', []],
    ['{"x": "\\":", "x": 1}', ['/x "x" 1:14-1:17 first 1']],
    ['{"A": 1, "a": 2, "á": 3, "a\u0301": 4}', []],
  ])('%s', (text, expected) => {
    expect(
      duplicateKeys(text).map(
        (one) => `${one.pointer} "${one.key}" ${show(one.range)} first ${one.firstLine}`,
      ),
    ).toEqual(expected);
    expect(parse(text).hasDuplicateKeys).toBe(expected.length > 0);
  });

  test('are found where they were put, and nowhere else', () => {
    const pairs = fc.array(fc.tuple(key, fc.oneof(fc.integer(), key, fc.constant({ a: { b: '":' } }))), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(pairs, pairs, fc.constantFrom('', ' ', '\n'), (first, second, space) => {
        const object = (all: typeof first) =>
          `{${all.map(([name, value]) => `${JSON.stringify(name)}${space}:${JSON.stringify(value)}`).join(',')}}`;
        const repeated = (all: typeof first) =>
          all.filter(([name], at) => all.findIndex(([other]) => other === name) < at).map(([name]) => name);
        const text = `[${object(first)},${object(second)}]`;
        const expected = [...repeated(first), ...repeated(second)];
        expect(duplicateKeys(text).map((one) => one.key)).toEqual(expected);
        expect(parse(text).hasDuplicateKeys).toBe(expected.length > 0);
      }),
    );
  });

  test('end at the limit', () => {
    const text = `{${'"a":1,'.repeat(1000)}"b":{"a":1}}`;
    expect([duplicateKeys(text).length, duplicateKeys(text, 3).length]).toEqual([100, 3]);
  });
});

describe('parse problems', () => {
  const many = 'Write a text in double quotes, a number, true, false or null.';
  test.each([
    ['', '1:1-1:2', 'it is empty', 'Write {} for no settings.'],
    [' \n\t ', '1:1-1:2', 'it is empty', 'Write {} for no settings.'],
    [
      '\ufeff{}',
      '1:1-1:2',
      'it begins with a byte order mark, which MirrorNeuron does not read',
      'Save it as UTF-8 without BOM.',
    ],
    ['\ufffd\ufffd{\0}\0', '1:1-1:2', 'it is not UTF-8 (it looks like UTF-16)', 'Save it as UTF-8.'],
    ['{\0}\0', '1:1-1:2', 'it is not UTF-8 (it looks like UTF-16)', 'Save it as UTF-8.'],
    ['\0{\0}', '1:1-1:2', 'it is not UTF-8 (it looks like UTF-16)', 'Save it as UTF-8.'],
    ['{"a": 1\n "b": 2}', '2:2-2:5', `expected ',' or '}', found "b"`, 'Put a comma between the two.'],
    ['[1 2]', '1:4-1:5', "expected ',' or ']', found '2'", 'Put a comma between the two.'],
    ['[1 {}]', '1:4-1:5', "expected ',' or ']', found '{'", 'Put a comma between the two.'],
    ['{"a": 1; "b": 2}', '1:8-1:9', "expected ',' or '}', found ';'", 'Put a comma between the two.'],
    ['{"a": 1,\n}', '1:8-1:9', 'a comma follows the last item', 'Remove the comma.'],
    ['[1 , ]', '1:4-1:5', 'a comma follows the last item', 'Remove the comma.'],
    ['[1,,2]', '1:4-1:5', "expected a value, found ','", 'Remove the comma, or write a value before it.'],
    ['{,}', '1:2-1:3', "expected a key in double quotes or '}', found ','", 'Remove the comma.'],
    [
      "{'a': 1}",
      '1:2-1:5',
      "expected a key in double quotes or '}', found 'a'",
      'Write the key in double quotes.',
    ],
    [
      '{"b": 1, a: 1}',
      '1:10-1:11',
      "expected a key in double quotes, found 'a'",
      'Write the key in double quotes.',
    ],
    ['{"a": \'x y\'}', '1:7-1:12', "expected a value, found 'x y'", many],
    ['{"a": NaN}', '1:7-1:10', "expected a value, found 'NaN'", many],
    ['[-Infinity]', '1:2-1:3', "expected a value or ']', found '-'", many],
    ['[True]', '1:2-1:6', "expected a value or ']', found 'True'", many],
    ['[.5]', '1:2-1:4', "expected a value or ']', found '.5'", many],
    ['[01]', '1:2-1:4', 'a number begins with 0', 'Remove the leading 0.'],
    ['[-012]', '1:2-1:6', 'a number begins with 0', 'Remove the leading 0.'],
    ['[1-2]', '1:3-1:5', "expected ',' or ']', found '-2'", 'Put a comma between the two.'],
    [
      '[1.]',
      '1:2-1:4',
      'a number has no digits after its point or exponent',
      'Add the digits, or remove the point or exponent.',
    ],
    [
      '[1e+]',
      '1:2-1:5',
      'a number has no digits after its point or exponent',
      'Add the digits, or remove the point or exponent.',
    ],
    [
      '{"a" 1}',
      '1:6-1:7',
      "expected ':' after the key, found '1'",
      'Write a colon between the key and its value.',
    ],
    ['{"a": 1} // more', '1:10-1:17', 'it has a comment', 'Remove the comment: JSON has none.'],
    ['{\n  // first\n  "a": 1}', '2:3-2:11', 'it has a comment', 'Remove the comment: JSON has none.'],
    ['{"a": /* long\n one */ 1}', '1:7-1:14', 'it has a comment', 'Remove the comment: JSON has none.'],
    ['/* never ends', '1:1-1:14', 'it has a comment', 'Remove the comment: JSON has none.'],
    [
      '{"a": [1, {"b": 2}',
      '1:18-1:19',
      'it ends early; the [ on line 1 is not closed',
      'Close it with ], or restore what is missing.',
    ],
    [
      '{\n  "a": \n\n',
      '2:6-2:7',
      'it ends early; the { on line 1 is not closed',
      'Close it with }, or restore what is missing.',
    ],
    ['[1}', '1:3-1:4', "expected ',' or ']', found '}'", 'Close the list with ].'],
    ['{"a": 1]', '1:8-1:9', "expected ',' or '}', found ']'", 'Close the object with }.'],
    [
      '{"a": "x\n}',
      '1:7-1:9',
      'a string does not end on its line',
      'Close it with a double quote; write a line break in it as \\n.',
    ],
    [
      '"x',
      '1:1-1:3',
      'a string does not end on its line',
      'Close it with a double quote; write a line break in it as \\n.',
    ],
    [
      '["a\tb"]',
      '1:2-1:7',
      'a string holds a control character',
      'Write it as an escape, for example \\n or \\t.',
    ],
    [
      '["a\0"]',
      '1:2-1:6',
      'a string holds a control character',
      'Write it as an escape, for example \\n or \\t.',
    ],
    ['["C:\\models"]', '1:2-1:13', 'a string has an unknown escape', 'Write a backslash as \\\\.'],
    [
      '["\\u12"]',
      '1:2-1:8',
      'an escape \\u needs four hexadecimal digits',
      'Write four hexadecimal digits after \\u.',
    ],
    [
      '{} {}',
      '1:4-1:5',
      "expected nothing more after the value, found '{'",
      'Remove what follows the value.',
    ],
    [
      '{"a": 1}}',
      '1:9-1:10',
      "expected nothing more after the value, found '}'",
      'Remove what follows the value.',
    ],
    ['[1\u00a0]', '1:3-1:4', "expected ',' or ']', found '\\u{a0}'", 'Put a comma between the two.'],
    ['[\u001b[2J]', '1:2-1:3', "expected a value or ']', found '\\u{1b}'", many],
    [
      '"\\ud800" x',
      '1:10-1:11',
      "expected nothing more after the value, found 'x'",
      'Remove what follows the value.',
    ],
    ['<!doctype html><title>404</title>', '1:1-1:10', "expected a value, found '<!doctype'", many],
  ])('%j', (text, range, reason, fix) => {
    const parsed = parseDocument('a.json', text);
    expect(
      parsed.ok
        ? 'valid'
        : { range: show(parsed.problem.range), reason: parsed.problem.reason, fix: parsed.problem.fix },
    ).toEqual({ range, reason, fix });
  });

  test.each([
    ['a lone surrogate, escaped', '"\\ud800"', '\ud800'],
    ['a lone surrogate as it is', '"\udc00"', '\udc00'],
    ['line separators in strings', '"\u2028\u2029"', '\u2028\u2029'],
    ['DEL in strings', '"\u007f"', '\u007f'],
    ['a number too large', '1e999', Number.POSITIVE_INFINITY],
    ['carriage returns', '\r\n{\r"a"\t:\n1}\r', { a: 1 }],
  ])('%s is valid', (_, text, value) => {
    expect(parse(text).value).toEqual(value);
  });

  test('agree with JSON.parse about every text, and point into it', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...'{}[],:"\'\\/0123456789.-+eEabfnrtulsx \t\n\r\0',
        'NaN',
        'true',
        'null',
        '//',
        '/*',
        '*/',
        '\\u',
        '\\ud83d',
        '\u00a0',
        '\ufeff',
        '\u2028',
        '{"a":',
        '""',
        '😀',
      ),
      fc.string({ unit: 'binary', maxLength: 2 }),
    );
    const mutated = fc
      .tuple(anyText, fc.array(fc.tuple(fc.nat(), fc.nat(3), piece), { maxLength: 3 }))
      .map(([text, edits]) =>
        edits.reduce((now, [at, remove, insert]) => {
          const from = at % (now.length + 1);
          return now.slice(0, from) + insert + now.slice(from + remove);
        }, text),
      );
    const assembled = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.oneof(mutated, assembled), (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const parsed = parseDocument('a.json', text);
        expect(parsed.ok).toBe(valid);
        if (parsed.ok) return;
        const { reason, fix, range } = parsed.problem;
        expect(reason).toMatch(/^\S.*[^.\s]$/);
        expect(reason).not.toBe('a JSON parser refuses it');
        expect(fix).toMatch(/^[A-Z].*\.$/);
        // One place on one line, inside the text.
        expect(range.endLine).toBe(range.line);
        expect(range.endColumn).toBeGreaterThan(range.column);
        if (text !== '') expect(cut(text, range)).toHaveLength(range.endColumn - range.column);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('depth and size', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

  test.each([
    [nested(maxDepth), true],
    [objects(maxDepth), true],
    [nested(maxDepth + 1), false],
    [objects(maxDepth + 1), false],
    [nested(20_000), false],
    [objects(20_000), false],
  ])('at most 200 levels: %.12s… is %s', (text, ok) => {
    const parsed = parseDocument('a.json', text);
    expect(parsed.ok).toBe(ok);
    if (parsed.ok) return;
    expect(parsed.problem).toEqual({
      reason: 'it is nested more than 200 levels deep',
      fix: 'Keep the nesting below 200 levels.',
      range: { line: 1, column: 1, endLine: 1, endColumn: 2 },
    });
  });

  test('20,000 open brackets that nobody closes', () => {
    const parsed = parseDocument('a.json', '{"a":['.repeat(20_000));
    expect(parsed.ok ? null : [parsed.problem.reason, show(parsed.problem.range)]).toEqual([
      'it ends early; the [ on line 1 is not closed',
      '1:120000-1:120001',
    ]);
  });

  test('one line of several megabytes, valid and broken', () => {
    const text = `{"list": [${Array.from({ length: 300_000 }, (_, at) => `{"n": ${at}}`).join(',')}], "end": 1}`;
    const document = parse(text);
    const column = text.indexOf('1}', text.length - 3) + 1;
    expect(show(locate(document, ['/end']).get('/end') as Range)).toBe(`1:${column}-1:${column + 1}`);
    const broken = parseDocument('a.json', `${text.slice(0, -1)},}`);
    expect(broken.ok ? null : show(broken.problem.range)).toBe(`1:${column + 1}-1:${column + 2}`);
  });
});

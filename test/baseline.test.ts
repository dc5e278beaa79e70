import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Baseline, BaselineContext } from '../src/check/baseline.ts';
import {
  BaselineUpdate,
  baselineSieve,
  baselineText,
  entriesOf,
  parseBaseline,
} from '../src/check/baseline.ts';
import { KnownFindings } from '../src/check/known.ts';
import type { Occurrence } from '../src/check/sieve.ts';
import { findingIds } from '../src/findings/table.ts';
import { hostileStrings } from './report-builder.ts';
import type { Tree } from './support/blueprints.ts';
import { checkTree, layers, preset } from './support/blueprints.ts';

const schema = JSON.parse(readFileSync('schemas/baseline.schema.json', 'utf8'));
const isValid = new Ajv2020({ strict: true }).compile(schema);
const targets = ['apple-silicon-16gb', 'nvidia-6gb', 'amd-8gb'].map((id) => preset(id));
const here: BaselineContext = { pathIn: (path) => path, isGone: () => false };

const tree: Tree = {
  ...layers({
    manifest: { apiVersion: 'v', runtime: { models: { a: { model: 'nemotron3', context_size: 8192 } } } },
    default: { llm: { model: 'default', context_size: 4096, configs: { x: {}, y: { model: 'none' } } } },
  }),
  'single.json': '{"llm": {"model": "medium", "context_size": 8192}}',
};

/** The baseline of a tree, as text. */
function made(of: Tree, context = here, old?: Baseline): string {
  const update = new BaselineUpdate(context);
  const { blueprints } = checkTree(of, { targets, sieve: update });
  const paths = blueprints.map(({ path }) => path);
  return baselineText(update.next(old?.known.tree ?? new Map(), paths));
}

function read(text: string): Baseline {
  const parsed = parseBaseline('known.json', text);
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join('\n'));
  return parsed.baseline;
}

/** What is left of a tree behind a baseline: `error unknown-model b (targets)`. */
function left(of: Tree, baseline: string, context = here, machines = targets): string[] {
  const { findings } = checkTree(of, { targets: machines, sieve: baselineSieve(read(baseline), context) });
  return findings
    .filter(({ severity, id }) => severity !== 'note' || id === 'baseline-stale')
    .map(
      ({ severity, id, blueprint, targets: on, message, location }) =>
        `${severity} ${id} ${blueprint ?? `${message} ${location?.range?.line}`} (${on.join(' ')})`,
    );
}

const baseline = made(tree);

test('a baseline in full', () => {
  expect(baseline).toBe(`{
  "schema": "model-check.baseline/v1",
  "blueprints": {
    "b": {
      "model-acceleration-unverified": {
        "config/default.json#/llm/model": ["amd-8gb"]
      },
      "model-incompatible": {
        "config/default.json#/llm/model": ["nvidia-6gb"],
        "manifest.json#/runtime/models/a/model": ["amd-8gb", "apple-silicon-16gb", "nvidia-6gb"]
      },
      "unknown-model": {
        "config/default.json#/llm/configs/y/model": []
      }
    },
    "single.json": {
      "model-incompatible": {
        "#/llm/model": ["amd-8gb", "apple-silicon-16gb", "nvidia-6gb"]
      }
    }
  }
}
`);
  expect(isValid(JSON.parse(baseline))).toBe(true);
  expect(baselineText(new Map())).toBe('{\n  "schema": "model-check.baseline/v1",\n  "blueprints": {}\n}\n');
  expect(isValid(JSON.parse(baselineText(new Map())))).toBe(true);
});

describe('against a baseline', () => {
  const moved = Object.fromEntries(
    Object.entries(tree).map(([file, text]) => [file, JSON.stringify(JSON.parse(String(text)), null, 7)]),
  );
  const wrong = { ...tree, 'new.json': '{"llm": {"model": "nemotron3", "context_size": 1}}' };
  const { 'single.json': _, ...without } = tree;
  const stale = (entries: number, first: string, line: number) =>
    `note baseline-stale ${entries === 1 ? '1 entry matches' : `${entries} entries match`} nothing that is found now${entries === 1 ? '' : '; the first'}: ${first}. ${line} ()`;

  test.each<
    [what: string, of: Tree, context: Partial<BaselineContext>, machines: string[] | null, expected: string[]]
  >([
    ['nothing has changed', tree, {}, null, []],
    ['every line has moved', moved, {}, null, []],
    ['one new wrong model', wrong, {}, ['nvidia-6gb'], ['error model-incompatible new.json (nvidia-6gb)']],
    [
      'a new target, for that target only',
      tree,
      {},
      ['apple-silicon-16gb', 'nvidia-6gb', 'intel-mac'],
      [
        'error model-incompatible b (intel-mac)',
        'error model-incompatible b (intel-mac)',
        'error model-incompatible single.json (intel-mac)',
      ],
    ],
    ['a target that is not checked is not stale', tree, {}, ['nvidia-6gb'], []],
    ['a blueprint that was not looked at is not stale', without, {}, null, []],
    [
      'a blueprint that is gone',
      without,
      { isGone: (path) => path === 'single.json' },
      null,
      [stale(1, 'model-incompatible in single.json', 18)],
    ],
    [
      'what was corrected',
      { ...tree, ...layers({ default: { llm: { model: 'default', context_size: 4096 } } }) },
      {},
      null,
      [stale(2, 'model-incompatible in b', 10)],
    ],
  ])('%s', (_, of, context, machines, expected) => {
    const on = machines?.map((id) => preset(id));
    expect(left(of, baseline, { ...here, ...context }, on)).toEqual(expected);
  });

  test('a note is never known: as an error it must be seen', () => {
    const optional = targets.map((target) => ({ ...target, required: false }));
    const update = new BaselineUpdate(here);
    checkTree(tree, { targets: [preset('mac-m4-max-128', false), ...optional], sieve: update });
    const known = baselineText(update.next(new Map(), ['b', 'single.json']));
    expect(known).not.toContain('model-incompatible');
    expect(left(tree, known)).toContain('error model-incompatible b (nvidia-6gb)');
  });

  test('help of a stale entry is the command that removes it', () => {
    const sieve = baselineSieve(read(baseline), { ...here, isGone: () => true });
    const { findings } = checkTree({}, { targets, sieve, ifNone: null });
    expect(findings.map(({ title, help, location }) => [title, help, location])).toEqual([
      [
        'The baseline has 5 stale entries',
        'Remove what is stale: mn blueprint validate --baseline known.json --update-baseline',
        {
          file: 'known.json',
          pointer: '/blueprints/b/model-acceleration-unverified/config~1default.json#~1llm~1model',
          range: { line: 6, column: 43, endLine: 6, endColumn: 54 },
        },
      ],
    ]);
  });

  test('is the same from another folder', () => {
    const prefix = { ...here, pathIn: (path: string) => `sub/${path}` };
    const inside = made(tree, prefix);
    expect(Object.keys(JSON.parse(inside).blueprints)).toEqual(['sub/b', 'sub/single.json']);
    expect(left(tree, inside, prefix)).toEqual([]);
  });
});

describe('an update', () => {
  test('replaces what was checked, keeps what was not, and drops what is gone', () => {
    const old = read(baseline);
    const fixed = { 'single.json': '{"llm": {"model": "none", "context_size": 1}}' };
    const single = { 'single.json': { 'unknown-model': { '#/llm/model': [] } } };
    expect(JSON.parse(made(fixed, here, old)).blueprints).toEqual({
      b: JSON.parse(baseline).blueprints.b,
      ...single,
    });
    expect(JSON.parse(made(fixed, { ...here, isGone: () => true }, old)).blueprints).toEqual(single);
  });

  test('of an unchanged tree writes the same bytes', () => {
    expect(made(tree, here, read(baseline))).toBe(baseline);
  });
});

describe('a file that is no baseline', () => {
  const again = 'Delete the file, and make it again with --update-baseline.';
  const foreign = (its: string) =>
    `This is no baseline that this version reads: ${its}, not "model-check.baseline/v1". Name another file.`;
  test.each<[text: string, expected: string[]]>([
    ['', [`1:1 The file is empty. ${again}`]],
    ['[]', [`1:1 ${foreign('it has no schema')}`]],
    ['{"name": "model-check", "version": "1"}', [`1:1 ${foreign('it has no schema')}`]],
    [
      '{\n"schema": "model-check.baseline/v9", "blueprints": 1}',
      [`2:11 ${foreign('its schema is "model-check.baseline/v9"')}`],
    ],
    [
      '{"schema": "model-check.baseline/v1", "more": 1}',
      ['1:47 The baseline has the unknown field "more". Remove it.'],
    ],
    [
      '{"schema": "model-check.baseline/v1",\n"blueprints": {"a": 1, "b": {"c": []},\n"d": {"e": {"f": "g", "h": [1]}}}}',
      [
        `2:21 This must be an object: findings by id; found 1. ${again}`,
        `2:35 This must be an object: places in files; found an array. ${again}`,
        `3:18 This must be a list of texts: ids of targets; found "g". ${again}`,
        `3:28 This must be a list of texts: ids of targets; found an array. ${again}`,
      ],
    ],
    [
      '{\n<<<<<<< HEAD\n',
      [
        "2:1 The file is not valid JSON: expected a key in double quotes or '}', found '<<<<<<<'. Write the key in double quotes.",
      ],
    ],
    [
      '{"schema": "model-check.baseline/v1", "blueprints": {"a": {}, "a": {}}}',
      ['1:63 "a" already stands in this object, on line 1. Remove one of the two.'],
    ],
  ])('%j', (text, expected) => {
    const parsed = parseBaseline('x.json', text);
    expect(
      parsed.ok
        ? []
        : parsed.problems.map(({ message, range }) => `${range?.line}:${range?.column} ${message}`),
    ).toEqual(expected);
  });

  test('says no more than anybody reads', () => {
    const wrong = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`b${at}`, 1]));
    const parsed = parseBaseline(
      'x.json',
      JSON.stringify({ schema: 'model-check.baseline/v1', blueprints: wrong }),
    );
    expect(parsed.ok ? 0 : parsed.problems.length).toBe(101);
  });
});

const name = fc.oneof(
  fc.constantFrom(...hostileStrings, '__proto__', 'constructor', 'toString', 'a/b', '7', 'b'),
  fc.string({ maxLength: 8 }),
);
const occurrence: fc.Arbitrary<Occurrence> = fc
  .record({
    id: fc.constantFrom(...findingIds),
    severity: fc.constantFrom('error' as const, 'warning' as const),
    blueprint: name.filter((path) => path !== ''),
    layer: fc.constantFrom('manifest.json', 'config/default.json', ''),
    pointer: fc.array(name, { maxLength: 3 }).map((keys) => keys.map((key) => `/${key}`).join('')),
    target: fc.option(
      name.filter((id) => id !== ''),
      { nil: null },
    ),
  })
  .map(({ layer, ...one }) => ({ ...one, file: layer === '' ? one.blueprint : `${one.blueprint}/${layer}` }));
const asText = (one: Occurrence) =>
  JSON.stringify([one.id, one.blueprint, one.file, one.pointer, one.target]);

describe('any findings', () => {
  const all = fc.uniqueArray(occurrence, { selector: asText, minLength: 1, maxLength: 30 });

  test('are hidden by their baseline, and nothing else is', () => {
    fc.assert(
      fc.property(all, fc.nat(), fc.integer({ min: 0, max: 4 }), (list, at, indent) => {
        const [added, ...rest] = [...list.slice(at % list.length), ...list.slice(0, at % list.length)] as [
          Occurrence,
          ...Occurrence[],
        ];
        const known = new KnownFindings();
        for (const one of rest) known.add(one);
        const text = baselineText(known.tree);
        expect(isValid(JSON.parse(text))).toBe(true);
        // Other white space, other lines.
        const sieve = baselineSieve(read(JSON.stringify(JSON.parse(text), null, indent)), here);
        for (const one of rest) expect(sieve.ask(one).hidden?.by).toBe('baseline');
        expect(sieve.ask(added).hidden).toBeNull();
        expect(sieve.ask({ ...added, severity: 'note' }).hidden).toBeNull();
      }),
    );
  });

  test('give the same bytes in any order', () => {
    fc.assert(
      fc.property(all, (list) => {
        const [one, other] = [new KnownFindings(), new KnownFindings()];
        for (const each of list) one.add(each);
        for (const each of list.toReversed()) other.add(each);
        expect(baselineText(other.tree)).toBe(baselineText(one.tree));
        expect(baselineText(read(baselineText(one.tree)).known.tree)).toBe(baselineText(one.tree));
      }),
    );
  });
});

test('50,000 entries are read, asked, told of and written', () => {
  const known = new KnownFindings();
  for (let at = 0; at < 50_000; at++) {
    known.addEntry(`blueprints/b${at % 5000}`, 'unknown-model', `manifest.json#/llm/configs/c${at}/model`, [
      '',
    ]);
  }
  const text = baselineText(known.tree);
  const baseline = read(text);
  expect(entriesOf(baseline.known.tree)).toBe(50_000);
  const sieve = baselineSieve(baseline, { ...here, isGone: () => true });
  expect(sieve.findings?.({ blueprints: [], targets: [] }).map(({ title }) => title)).toEqual([
    'The baseline has 50000 stale entries',
  ]);
  expect(baselineText(baseline.known.tree)).toBe(text);
});

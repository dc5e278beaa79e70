import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Blueprint, Root } from '../src/blueprint/discover.ts';
import { discover } from '../src/blueprint/discover.ts';
import { parseShard } from '../src/blueprint/shard-number.ts';
import { discoverShare, eachAlone, findPlaces } from '../src/blueprint/share.ts';
import type { Unit } from '../src/blueprint/split.ts';
import { assign, preferred, sortFound } from '../src/blueprint/split.ts';
import { file, folder, type Tree } from './support/blueprints.ts';
import type { Entry } from './support/memory-files.ts';
import { memoryFiles } from './support/memory-files.ts';

const units = fc
  .uniqueArray(
    fc.record({ path: fc.string({ minLength: 1, unit: 'grapheme' }), bytes: fc.nat({ max: 100_000 }) }),
    { selector: ({ path }) => path, maxLength: 60 },
  )
  .map((list): Unit[] => list);
const total = fc.integer({ min: 1, max: 20 });

/** Units with sizes as blueprints have them: most of some kB, some of 100 kB. */
function repository(amount: number): Unit[] {
  let state = amount;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: amount }, (_, index) => ({
    path: `blueprints/b${index}_${Math.floor(next() * 1e6)}`,
    bytes: Math.round(2000 * Math.exp(3.6 * (next() + next() + next() - 1.5))),
  }));
}

function loads(list: readonly Unit[], shards: readonly number[], amount: number): number[] {
  const sums = new Array<number>(amount).fill(0);
  list.forEach(({ bytes }, index) => {
    const shard = (shards[index] as number) - 1;
    sums[shard] = (sums[shard] as number) + Math.max(1, bytes);
  });
  return sums;
}

describe('the split', () => {
  test('gives each unit one shard, whatever the order of the units', () => {
    fc.assert(
      fc.property(units, total, fc.infiniteStream(fc.nat()), (list, amount, picks) => {
        const shards = assign(list, amount);
        expect(shards.every((shard) => Number.isInteger(shard) && shard >= 1 && shard <= amount)).toBe(true);
        const mixed = list.map((unit) => ({ unit, key: picks.next().value as number }));
        mixed.sort((a, b) => a.key - b.key);
        const again = assign(
          mixed.map(({ unit }) => unit),
          amount,
        );
        const byPath = new Map(mixed.map(({ unit }, index) => [unit.path, again[index]]));
        expect(list.map(({ path }) => byPath.get(path))).toEqual(shards);
      }),
    );
  });

  test('keeps every shard within 1.17 times the average and the largest unit', () => {
    fc.assert(
      fc.property(units, total, (list, amount) => {
        const sums = loads(list, assign(list, amount), amount);
        const average = sums.reduce((all, bytes) => all + bytes, 0) / amount;
        const largest = Math.max(0, ...list.map(({ bytes }) => Math.max(1, bytes)));
        // What is less than a step of 1 byte is rounded up to one.
        expect(Math.max(...sums)).toBeLessThanOrEqual(Math.max(1.17 * average, average + 1) + largest);
      }),
    );
  });

  // What is measured is in docs/sharding.md; these are limits that it must not pass.
  test.each([
    [35, 4, 0.3],
    [1000, 20, 0.03],
    [10_000, 20, 0.001],
  ])('of %i units over %i shards moves few when one is added or goes', (amount, shards, mostMoved) => {
    const list = repository(amount);
    const before = assign(list, shards);
    const byPath = new Map(list.map(({ path }, index) => [path, before[index]]));
    const others = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0
        ? [...list, { path: `blueprints/new${index}`, bytes: 5000 + 700 * index }]
        : list.filter((_, at) => at !== (index * 7) % amount),
    );
    const moved = others.map((other) => {
      const after = assign(other, shards);
      return other.filter(({ path }, at) => byPath.has(path) && byPath.get(path) !== after[at]).length;
    });
    const mean = moved.reduce((all, one) => all + one, 0) / moved.length;
    expect(mean).toBeLessThanOrEqual(mostMoved * amount);
    const sums = loads(list, before, shards);
    const average = sums.reduce((all, bytes) => all + bytes, 0) / shards;
    if (amount >= 1000) expect(Math.max(...sums) / average).toBeLessThan(1.2);
  });

  test('prefers a shard by the path alone', () => {
    const shards = Array.from({ length: 200 }, (_, index) => preferred(`blueprints/${index}`, 5));
    expect(new Set(shards)).toEqual(new Set([1, 2, 3, 4, 5]));
    // With one shard more, those that go anywhere go to that one.
    shards.forEach((shard, index) => {
      expect([shard, 6]).toContain(preferred(`blueprints/${index}`, 6));
    });
  });

  test.each<[text: string, expected: unknown]>([
    ['1/1', { index: 1, total: 1 }],
    ['256/256', { index: 256, total: 256 }],
    ...['0/1', '2/1', '1/257', '01/2', '1/2/3', '-1/2', '1.0/2', '1/2 ', '', '/', '1e1/20', '١/٢'].map(
      (text): [string, unknown] => [text, null],
    ),
  ])('of %j is %j', (text, expected) => {
    expect(parseShard(text)).toEqual(expected);
  });
});

// --- the search of a shard

const manifest = '{"apiVersion": "mn.workflow/v1"}';
const llm = '{"llm": {"model": "default"}}';
const names = fc.constantFrom(...['a', 'b', 'config', 'payloads', 'node_modules', '.dot', 'a.json', 'x']);
const leaves = fc.constantFrom<[string, Entry]>(
  ['dark/', { reason: 'it may not be read', fix: 'Make it readable.' }],
  ['manifest.json', { kind: 'other' }],
  ['manifest.json', manifest],
  ['manifest.json', '{"name": "a web page"}'],
  ['manifest.json', '{'],
  ['config/default.json', llm],
  ['config/overwrite.json', '[]'],
  ['config/x.json', llm],
  ['x.json', llm],
  ['y.json', '{"llm": 1}'],
  ['z.json', '{"a": 1}'],
  ['.gitignore', 'x.json\n'],
  ['.gitignore', 'config/\nmanifest.json\n'],
  ['.gitignore', 'b/\n!x.json\n'],
);
const folders = fc.array(names, { maxLength: 3 });
const trees = fc.array(fc.tuple(folders, leaves), { maxLength: 24 }).map((list): Tree => {
  const tree: Record<string, Entry> = {};
  for (const [parts, [name, text]] of list) {
    const path = [...parts, name].join('/');
    // A file is no folder.
    const isInFile = Object.keys(tree).some(
      (known) => path.startsWith(`${known}/`) || known.startsWith(`${path}/`),
    );
    if (!isInFile) tree[path] = text;
  }
  return tree;
});
const roots = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<Root>(folder('.')) },
    folders
      .filter((parts) => parts.length > 0)
      .map(
        (parts): Root => ({
          ...folder(parts.join('/')),
          ignoreAbove: [{ text: 'x.json\na/b', below: parts.join('/') }],
        }),
      ),
    fc.tuple(folders, leaves).map(([parts, [name]]) => file([...parts, name].join('/'))),
  ),
  { minLength: 1, maxLength: 4 },
);

function told({ path, kind, manifest: document, configs, findings }: Blueprint): unknown {
  const files = [document, ...configs].map((one) => one?.file);
  return { path, kind, files, findings: findings.map(({ id, location }) => [id, location?.file]) };
}

describe('the search of a shard', () => {
  test('finds with the others what one search finds, in its order', () => {
    fc.assert(
      fc.property(
        trees,
        roots,
        total,
        fc.boolean(),
        fc.boolean(),
        (tree, searched, amount, isNarrow, alone) => {
          const files = memoryFiles(tree);
          const wanted = (path: string) => !isNarrow || !path.includes('b');
          const none: string[] = [];
          const whole = [...discover(files, searched, wanted, (path) => none.push(path))];

          const noneOfAll: [number, string][] = [];
          const all = Array.from({ length: amount }, (_, index) => {
            const size = (path: string) => String(tree[path] ?? '').length;
            const { units, candidates } = findPlaces(files, searched, wanted, size);
            const shards = assign(units, amount);
            // Whoever gets a candidate: units are there for the balance.
            const own = alone
              ? eachAlone(candidates).filter(({ path }) => preferred(path, amount) === index + 1)
              : candidates.filter(({ unit }) => shards[unit] === index + 1);
            return [
              ...discoverShare(files, searched, own, wanted, (path, root) => noneOfAll.push([root, path])),
            ];
          });
          const merged = all.flat().map(({ blueprint, root }) => ({ blueprint, root, path: blueprint.path }));
          expect(sortFound(merged).map(({ blueprint }) => told(blueprint))).toEqual(whole.map(told));
          noneOfAll.sort(([a], [b]) => a - b);
          expect(noneOfAll.map(([, path]) => path)).toEqual(none);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matrixOf, planJobs, shardSize, shardsOf } from '../src/action/jobs.ts';
import { maxOutputCharacters } from '../src/action/outputs.ts';
import type { Target } from '../src/hardware/facts.ts';
import { presets } from '../src/hardware/presets.ts';

const [preset] = presets as [Target];
const small = { units: 40, bytes: 1_200_000 };
const large = { units: 100_000, bytes: 1_300_000_000 };

/** Targets with these runs-on, in this order. */
function targets(...runsOn: Target['runsOn'][]): Target[] {
  return runsOn.map((one, index) => ({ ...preset, id: `t${index}`, name: `Target ${index}`, runsOn: one }));
}

function planned(...args: Parameters<typeof planJobs>) {
  const plan = planJobs(...args);
  if (!plan.ok) throw new Error(plan.problem);
  const { jobs } = plan;
  type Entry = { shard: string; id: string; name: string; 'runs-on'?: string };
  return {
    words: jobs.words,
    matrix: (JSON.parse(matrixOf(jobs)) as { include: Entry[] }).include,
    shards: (JSON.parse(shardsOf(jobs)) as { include: { shard: string }[] }).include,
  };
}

test('a small repository gets one shard, and a job for each target', () => {
  expect(planned(small, targets(null, ['self-hosted', 'gpu']), 256)).toEqual({
    matrix: [
      { shard: '1/1', id: 't0', name: 'Target 0' },
      { shard: '1/1', id: 't1', name: 'Target 1', 'runs-on': ['self-hosted', 'gpu'] },
    ],
    shards: [{ shard: '1/1' }],
    words: [
      '1 shard for 40 blueprint folders and JSON files, 1.2 MB together (one job takes 25,000 of them or 300 MB).',
      '2 jobs in the output matrix (at most 256), one for each shard and target.',
      '1 job in the output shards, each for all 2 targets.',
    ],
  });
});

test.each([
  ['nothing', { units: 0, bytes: 0 }, 1],
  ['as many as one job takes', { units: 25_000, bytes: 300_000_000 }, 1],
  ['one more', { units: 25_001, bytes: 1 }, 2],
  ['one byte more', { units: 2, bytes: 300_000_001 }, 2],
  ['100,000', large, 5],
  ['more than any matrix holds', { units: 1e9, bytes: 1e15 }, 256],
])('%s', (_, size, shards) => {
  expect(planned(size, targets(null), 256).shards).toHaveLength(shards);
});

test('targets with the same runs-on share a job where there would be too many', () => {
  const { matrix, words } = planned(large, targets('a', 'b', 'a', 'a', 'b', 'a', 'a'), 20);
  expect(matrix.slice(0, 4)).toEqual([
    { shard: '1/5', id: 't0', name: 'Target 0', 'runs-on': 'a' },
    { shard: '1/5', id: 't1,t4', name: 'Target 1 and 1 more', 'runs-on': 'b' },
    { shard: '1/5', id: 't2,t3', name: 'Target 2 and 1 more', 'runs-on': 'a' },
    { shard: '1/5', id: 't5,t6', name: 'Target 5 and 1 more', 'runs-on': 'a' },
  ]);
  expect(matrix).toHaveLength(20);
  expect(words.slice(1)).toEqual([
    '20 jobs in the output matrix (at most 20), in which targets with the same runs-on share a job: one for each shard and target would be 35.',
    '5 jobs in the output shards, each for all 7 targets.',
  ]);
});

test('there are fewer shards where every runner needs a job of its own', () => {
  const { shards, matrix, words } = planned(large, targets('a', 'b', 'c'), 10);
  expect([shards.length, matrix.length]).toEqual([3, 9]);
  expect(words[1]).toBe('5 shards would be right for this size, and the limits leave room for 3.');
});

describe('what cannot be done', () => {
  test('more runners than jobs', () => {
    expect(planJobs(small, targets('a', 'b', 'c'), 2)).toEqual({
      ok: false,
      problem:
        'The targets have 3 different runs-on, each of them needs a job of its own, and max-jobs is 2. Name fewer targets, give more of them the same runs-on, or raise max-jobs (at most 256).',
    });
  });

  test('a matrix that no output holds', () => {
    const wide = targets(null).map((target) => ({ ...target, name: 'x'.repeat(maxOutputCharacters) }));
    expect(planJobs(small, wide, 256)).toEqual({
      ok: false,
      problem:
        'The output matrix would have 400078 characters, and a job output holds 400000. Name fewer targets, or give them shorter ids and names.',
    });
  });
});

test('whatever there is: each shard and target once, within the limits, on the right runner', () => {
  const runsOn = fc.constantFrom<Target['runsOn']>(null, 'a', ['a', 'b'], 'c');
  fc.assert(
    fc.property(
      fc.array(runsOn, { minLength: 1, maxLength: 300 }),
      fc.nat(2_000_000),
      fc.nat(3_000_000_000),
      fc.integer({ min: 4, max: 256 }),
      (runners, units, bytes, most) => {
        const all = targets(...runners);
        const { matrix, shards } = planned({ units, bytes }, all, most);
        expect(matrix.length).toBeLessThanOrEqual(most);
        expect(JSON.stringify([matrix, shards]).length).toBeLessThanOrEqual(maxOutputCharacters);
        const seen = matrix.flatMap(({ shard, id, ...job }) =>
          id.split(',').map((one) => {
            expect(job['runs-on'] ?? null).toEqual(all[Number(one.slice(1))]?.runsOn);
            return `${shard} ${one}`;
          }),
        );
        expect(seen.sort()).toEqual(
          shards.flatMap(({ shard }) => all.map(({ id }) => `${shard} ${id}`)).sort(),
        );
        // No target shares a job while there is room for another one.
        if (shards.length * all.length <= most)
          expect(matrix.every(({ id }) => !id.includes(','))).toBe(true);
        const fewest = Math.max(1, Math.ceil(units / shardSize.units), Math.ceil(bytes / shardSize.bytes));
        expect(shards.length).toBeLessThanOrEqual(fewest);
      },
    ),
  );
});

test('long names make fewer shards, not a matrix that is lost', () => {
  const wide = targets(...Array.from({ length: 20 }, () => null)).map((target) => ({
    ...target,
    name: 'x'.repeat(3000),
  }));
  const { shards, matrix, words } = planned({ units: 300_000, bytes: 1 }, wide, 256);
  expect([shards.length, matrix.length]).toEqual([6, 120]);
  expect(words[1]).toBe('12 shards would be right for this size, and the limits leave room for 6.');
});

import type { Target } from '../hardware/facts.ts';
import { count } from '../text/text.ts';
import { maxOutputCharacters } from './outputs.ts';

/** What one job takes: to check less would gain nothing over its start. docs/sharding.md has the figures. */
export const shardSize: Size = { units: 25_000, bytes: 300_000_000 };

/** How much there is to check: blueprint folders and other JSON files, and the bytes of their files. */
export interface Size {
  units: number;
  bytes: number;
}

/** Targets that one job checks. */
type Group = readonly Target[];

/** How a check is split over jobs. */
export interface Jobs {
  shards: number;
  /** The targets of each job of a shard. */
  groups: readonly Group[];
  /** What was chosen and why, a line each. */
  words: readonly string[];
}

/**
 * Chooses shards by size, then a job for each shard and target. Where that is more than `most`, targets with the same
 * runs-on share a job; where that is not enough, there are fewer shards. Says what to do where it cannot be done.
 */
export function planJobs(
  size: Size,
  targets: readonly Target[],
  most: number,
): { ok: true; jobs: Jobs } | { ok: false; problem: string } {
  const runners = byRunner(targets).length;
  if (runners > most) {
    return {
      ok: false,
      problem: `The targets have ${count(runners, 'different runs-on', 'different runs-on')}, each of them needs a job of its own, and max-jobs is ${most}. Name fewer targets, give more of them the same runs-on, or raise max-jobs (at most 256).`,
    };
  }
  const wanted = shardsFor(size, most);
  let shards = Math.min(wanted, Math.floor(most / runners));
  let groups = groupsOf(targets, Math.floor(most / shards));
  let characters = outputCharacters(shards, groups);
  while (characters > maxOutputCharacters && shards > 1) {
    shards = Math.max(1, Math.min(shards - 1, Math.floor((shards * maxOutputCharacters) / characters)));
    groups = groupsOf(targets, Math.floor(most / shards));
    characters = outputCharacters(shards, groups);
  }
  if (characters > maxOutputCharacters) {
    return {
      ok: false,
      problem: `The output matrix would have ${characters} characters, and a job output holds ${maxOutputCharacters}. Name fewer targets, or give them shorter ids and names.`,
    };
  }
  return { ok: true, jobs: { shards, groups, words: wordsOf(size, targets, most, wanted, shards, groups) } };
}

/** How many shards a repository of this size wants. */
function shardsFor({ units, bytes }: Size, most: number): number {
  const wanted = Math.max(Math.ceil(units / shardSize.units), Math.ceil(bytes / shardSize.bytes));
  return Math.min(most, Math.max(1, wanted));
}

/** The targets by what their jobs run on, in their order. */
function byRunner(targets: readonly Target[]): Group[] {
  const runners = new Map<string, Target[]>();
  for (const target of targets) {
    const key = JSON.stringify(target.runsOn);
    const same = runners.get(key);
    if (same === undefined) runners.set(key, [target]);
    else same.push(target);
  }
  return [...runners.values()];
}

/**
 * At most so many groups, in the order of the targets: the runner with the most targets a job gets one more job, until
 * every target has its own.
 */
function groupsOf(targets: readonly Target[], most: number): Group[] {
  const runners = byRunner(targets);
  const jobs = runners.map(() => 1);
  for (let left = most - runners.length; left > 0; left--) {
    let next = 0;
    runners.forEach((runner, index) => {
      if (targetsAJob(runner, jobs[index]) > targetsAJob(runners[next], jobs[next])) next = index;
    });
    if (targetsAJob(runners[next], jobs[next]) <= 1) break;
    jobs[next] = (jobs[next] as number) + 1;
  }
  const groups = runners.flatMap((runner, index) => inParts(runner, jobs[index] as number));
  const place = new Map(targets.map((target, index) => [target, index]));
  const placeOf = ([first]: Group) => place.get(first as Target) ?? 0;
  return groups.sort((a, b) => placeOf(a) - placeOf(b));
}

function targetsAJob(runner: Group | undefined, jobs: number | undefined): number {
  return (runner?.length ?? 0) / (jobs ?? 1);
}

/** So many parts of sizes that differ by one at most. */
function inParts(targets: Group, parts: number): Group[] {
  return Array.from({ length: parts }, (_, index) =>
    targets.slice(
      Math.floor((index * targets.length) / parts),
      Math.floor(((index + 1) * targets.length) / parts),
    ),
  );
}

/** `{include: […]}` for `strategy: matrix: ${{ fromJSON(…) }}`: one job a shard and group of targets. */
export function matrixOf({ shards, groups }: Pick<Jobs, 'shards' | 'groups'>): string {
  return JSON.stringify({
    include: shardNames(shards).flatMap((shard) =>
      groups.map((group) => {
        const [first] = group;
        const runsOn = first?.runsOn ?? null;
        return {
          shard,
          id: group.map(({ id }) => id).join(','),
          name: group.length === 1 ? first?.name : `${first?.name} and ${group.length - 1} more`,
          ...(runsOn === null ? {} : { 'runs-on': runsOn }),
        };
      }),
    ),
  });
}

/** `{include: [{shard: '1/4'}, …]}`: one job a shard. */
export function shardsOf({ shards }: Pick<Jobs, 'shards'>): string {
  return JSON.stringify({ include: shardNames(shards).map((shard) => ({ shard })) });
}

function shardNames(shards: number): string[] {
  return Array.from({ length: shards }, (_, index) => `${index + 1}/${shards}`);
}

/** All outputs of a job share one limit. */
function outputCharacters(shards: number, groups: readonly Group[]): number {
  return matrixOf({ shards, groups }).length + shardsOf({ shards }).length;
}

function wordsOf(
  { units, bytes }: Size,
  targets: readonly Target[],
  most: number,
  wanted: number,
  shards: number,
  groups: readonly Group[],
): string[] {
  const found = `${count(units, 'blueprint folder or JSON file', 'blueprint folders and JSON files')}, ${megabytes(bytes)} together`;
  const size = `one job takes ${shardSize.units.toLocaleString('en')} of them or ${megabytes(shardSize.bytes)}`;
  const each =
    groups.length === targets.length
      ? 'one for each shard and target'
      : `in which targets with the same runs-on share a job: one for each shard and target would be ${shards * targets.length}`;
  return [
    `${count(shards, 'shard')} for ${found} (${size}).`,
    ...(shards < wanted
      ? [`${count(wanted, 'shard')} would be right for this size, and the limits leave room for ${shards}.`]
      : []),
    `${count(shards * groups.length, 'job')} in the output matrix (at most ${most}), ${each}.`,
    `${count(shards, 'job')} in the output shards, each for all ${count(targets.length, 'target')}.`,
  ];
}

function megabytes(bytes: number): string {
  const mb = bytes / 1e6;
  return bytes < 100_000 ? `${Math.ceil(bytes / 1000)} kB` : `${Number(mb.toFixed(mb < 10 ? 1 : 0))} MB`;
}

import type { RunOptions } from '../run/run.ts';
import { sizeOfRun } from '../run/size.ts';
import { UsageError } from '../run/usage-error.ts';
import { matrixOf, planJobs, shardsOf } from './jobs.ts';

/**
 * Says how to split the check that these options ask for over at most `most` jobs. Parses no blueprint. Throws a
 * UsageError with everything that is wrong.
 */
export async function plan(
  options: RunOptions,
  most: number,
): Promise<{ outputs: Record<string, string | number>; words: string }> {
  const { targets, ...size } = await sizeOfRun(options);
  const planned = planJobs(size, targets.targets, most);
  if (!planned.ok) throw new UsageError([planned.problem]);
  const { jobs } = planned;
  return {
    outputs: { matrix: matrixOf(jobs), shards: shardsOf(jobs), 'shard-count': jobs.shards },
    words: [`Targets: ${targets.from}. ${targets.hint}`.trim(), ...jobs.words].join('\n'),
  };
}

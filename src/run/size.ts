import type { Root } from '../blueprint/discover.ts';
import { nodeFiles } from '../io/files.ts';
import { globFilter } from '../io/globs.ts';
import { repositoryOf } from './repository.ts';
import type { RunOptions } from './run.ts';
import { findRoot } from './run.ts';
import { unitsOf } from './shard.ts';
import type { ChosenTargets } from './targets.ts';
import { chooseTargets } from './targets.ts';
import { UsageError } from './usage-error.ts';

/** How much a run has to check. */
export interface RunSize {
  /** Blueprint folders and other JSON files: what a run is split by. */
  units: number;
  /** Of their files, as the file system has them. */
  bytes: number;
  targets: ChosenTargets;
}

/** Finds what `run` with the same options would check. Parses no blueprint. Throws a UsageError as `run` does. */
export async function sizeOfRun(options: RunOptions): Promise<RunSize> {
  const repository = repositoryOf(options.base);
  const { project } = options;
  const settled = project?.settle(options) ?? options;
  const paths = settled.paths.length > 0 ? settled.paths : [options.base];
  const files = nodeFiles(['.', options.base, repository, ...paths]);
  const problems: string[] = [];
  const collect = (error: unknown) => {
    if (!(error instanceof UsageError)) throw error;
    problems.push(...error.problems);
    return null;
  };
  const roots = paths.flatMap((path): Root[] => {
    try {
      return [findRoot(path)];
    } catch (error) {
      collect(error);
      return [];
    }
  });
  const targets = await chooseTargets(
    {
      specs: settled.targets,
      only: options.only,
      settings: settled.settings,
      whenNobodyChose: options.whenNobodyChose,
    },
    repository,
    options.targets.length > 0 ? nodeFiles([options.outside ? '/' : '.']) : files,
  ).catch(collect);
  if (problems.length > 0 || targets === null) throw new UsageError(problems);
  const wanted = await (project === null
    ? globFilter(options.include, options.exclude)
    : project.wanted(options));
  const units = unitsOf({ files, roots, wanted });
  return { units: units.length, bytes: units.reduce((sum, { bytes }) => sum + bytes, 0), targets };
}

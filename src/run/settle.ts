import type { Config } from '../check/config.ts';
import { globFilter } from '../io/globs.ts';
import { globMatcher } from '../text/glob.ts';
import { pathsFrom } from './repository.ts';
import type { RunOptions } from './run.ts';

/** Fills what the caller left open from the config file. */
export function settle(options: RunOptions, config: Config): RunOptions {
  return {
    ...options,
    paths: firstGiven(options.paths, config.paths),
    targets: firstGiven(options.targets, config.targets),
    // Facts that the config file sets are those of its own targets.
    settings: firstGiven(options.settings, options.targets.length > 0 ? [] : config.set),
    catalogs: firstGiven(options.catalogs, config.catalogs),
    force: options.force ?? config.force ?? null,
    ifNone: options.ifNone ?? config['if-none'] ?? null,
    baseline: options.baseline ?? config.baseline ?? null,
  };
}

function firstGiven(given: readonly string[], configured: readonly string[] = []): readonly string[] {
  return given.length > 0 ? given : configured;
}

/** Which blueprints to check. Globs of the config file begin at the root of the repository, others in the current folder. */
export async function wantedBlueprints(
  { include, exclude }: RunOptions,
  config: Config,
  repository: string,
): Promise<(path: string) => boolean> {
  const given = await globFilter(include, exclude);
  const included = include.length > 0 ? [] : (config.include ?? []).map(globMatcher);
  const excluded = exclude.length > 0 ? [] : (config.exclude ?? []).map(globMatcher);
  const pathIn = pathsFrom(repository);
  return (shown) => {
    const path = pathIn(shown);
    const isIncluded = included.length === 0 || included.some((matches) => matches(path));
    return isIncluded && !excluded.some((matches) => matches(path)) && given(shown);
  };
}

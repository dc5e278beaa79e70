import { readdirSync } from 'node:fs';
import { join } from '../blueprint/discover.ts';
import type { Config } from '../check/config.ts';
import { either } from '../text/text.ts';
import { repositoryOf } from './repository.ts';
import type { RunOptions } from './run.ts';
import { UsageError } from './usage-error.ts';

/** Where a repository says what it wants of Model Check. */
const configFiles = ['model-check.json', 'model-check.yaml', 'model-check.yml'];

/** The config file of a run. */
export interface Project {
  file: string;
  /** Its paths lead from the current folder, but globs and suppressions begin at the root of the repository. */
  config: Config;
  /** The options with what the caller left open. */
  settle(options: RunOptions): RunOptions;
  /** Which blueprints to check, by the globs of both. */
  wanted(options: RunOptions): Promise<(path: string) => boolean>;
}

/** A config file by its path; `false` for none, whatever the repository has; null for the repository's. */
export type ConfigChoice = string | false | null;

/**
 * Reads the config file that is chosen, or that of the repository. Null where
 * there is none. With `outside`, a file that is named may lie anywhere. Throws a
 * UsageError with everything that is wrong.
 */
export async function projectOf(
  base: string,
  choice: ConfigChoice,
  outside: boolean,
): Promise<Project | null> {
  if (choice === false) return null;
  const repository = repositoryOf(base);
  const file = choice ?? defaultConfig(repository);
  if (file === null) return null;
  const { readProject } = await import('./read-project.ts');
  return readProject(file, repository, choice === null ? repository : outside ? '/' : '.');
}

/** Two of them are an error: which one counts would be a guess. */
function defaultConfig(repository: string): string | null {
  let names: string[];
  try {
    names = readdirSync(join(repository, '.mn'));
  } catch {
    return null;
  }
  const found = configFiles.filter((name) => names.includes(name)).map((name) => `.mn/${name}`);
  if (found.length > 1) {
    throw new UsageError([
      `there is more than one config file: ${found.join(', ')}. Keep ${either(found)}, and remove the rest.`,
    ]);
  }
  return found[0] === undefined ? null : join(repository, found[0]);
}

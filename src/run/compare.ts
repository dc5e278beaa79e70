import { compare, sinceBase, untilNow } from '../check/compare.ts';
import type { Changes, Report } from '../check/report.ts';
import type { Sieve } from '../check/sieve.ts';
import { GitError, openRepository } from '../io/git.ts';
import { changesOf } from '../report/changes.ts';
import { short } from '../text/text.ts';
import { Base, baseCommit } from './base.ts';
import type { RunOptions } from './run.ts';
import type { Names } from './shard.ts';
import { UsageError } from './usage-error.ts';
import type { Version } from './version.ts';
import { checkVersion } from './version.ts';

/** The version to compare with. */
export interface CompareWith {
  /** A branch, tag or commit. */
  ref: string;
  /** What to call it. */
  shown: string;
  /** The merge commit of a pull request that may be checked out: its first parent is then the base. */
  mergeCommit: string | null;
  /** The run is for a pull request. */
  pullRequest: boolean;
  /** Nobody asked for it, so that it fails nothing where it is not possible. */
  optional: boolean;
}

/** A comparison that goes on. */
export interface Comparing {
  /** For the check of the work tree. */
  sieve: Sieve | null;
  /** Why nothing is compared; empty where something is. */
  notCompared: string;
  /** Adds the comparison to the report of that check, and says it in words. */
  complete(report: Report): Promise<Changes | null>;
}

/** Checks the base of a comparison. Throws a UsageError where there is none, unless the comparison is optional. */
export async function compareWith(
  asked: CompareWith,
  now: Version,
  repositoryFolder: string,
  options: RunOptions,
  shareOf: ((base: Version, names: Names) => Partial<Version>) | null,
): Promise<Comparing> {
  try {
    const repository = await openRepository(repositoryFolder, options.env);
    const commit = baseCommit(repository, asked);
    const base = new Base(repository, commit, repositoryFolder);
    const version = await base.version(now, options);
    const before = shareOf === null ? version : { ...version, ...shareOf(version, base) };
    const { onBlueprint: _, ...quietly } = options;
    const checked = checkVersion(before, quietly);
    return {
      sieve: sinceBase({ report: checked, name: base.name }, base.nameBefore),
      notCompared: '',
      async complete(report) {
        const is = { report, catalog: now.catalogs.catalog, name: base.nameBefore };
        const { sieve, gone } = untilNow(is, base.name);
        // A finding that is gone on some of its targets only is worded anew, for these.
        const isSplit = checked.findings.some((finding) => gone(finding) === 'somewhere');
        const then = isSplit ? checkVersion({ ...before, sieve }, quietly) : checked;
        report.comparison = compare(
          { report: checked, catalog: before.catalogs.catalog, name: base.name },
          is,
          { base: asked.shown, commit, pullRequest: asked.pullRequest },
          then.findings.filter((finding) => gone(finding) === 'everywhere'),
        );
        return changesOf(report);
      },
    };
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    const why = `is compared with ${short(asked.shown)}: ${error.message}`;
    if (!asked.optional) throw new UsageError([`nothing ${why}`]);
    return { sieve: null, notCompared: `Nothing ${why}`, complete: async () => null };
  }
}

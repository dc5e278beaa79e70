import { expandGlob, isGlob } from '../io/globs.ts';
import type { FormatName } from '../run/format-names.ts';
import { mergeReports } from '../run/merge.ts';
import type { Run } from '../run/run.ts';
import { UsageError } from '../run/usage-error.ts';
import { quote } from '../text/text.ts';
import { inWorkspace } from './workspace.ts';

/**
 * Makes one report, for these formats, of the reports that globs match. The globs begin in the folder `base` of the
 * workspace. Throws a UsageError with everything that is wrong.
 */
export async function merge(
  patterns: readonly string[],
  base: string,
  formats: readonly FormatName[],
): Promise<Pick<Run, 'report' | 'info' | 'source'> & { outcome: null }> {
  return { ...(await mergeReports(await filesOf(patterns, base), formats)), outcome: null };
}

/** The files that these globs match, each once, sorted. One that leads out of the workspace is refused. */
async function filesOf(patterns: readonly string[], base: string): Promise<string[]> {
  const problems: string[] = [];
  const found = new Set<string>();
  for (const pattern of patterns) {
    try {
      const path = inWorkspace(base, pattern, 'reports');
      const matches = isGlob(path) ? await expandGlob(path) : [path];
      if (matches.length === 0) {
        problems.push(
          `input reports: no file matches ${quote(pattern)}. The job of each part writes its report with report-file and uploads it with actions/upload-artifact; actions/download-artifact brings all of them here.`,
        );
      }
      for (const match of matches) found.add(inWorkspace('.', match, 'reports'));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new UsageError(problems);
  return [...found].sort();
}

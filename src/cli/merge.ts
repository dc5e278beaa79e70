import type { FailOn } from '../check/exit-code.ts';
import { deciding, exitCode } from '../check/exit-code.ts';
import { reportText } from '../report/text.ts';
import { mergeReports } from '../run/merge.ts';
import { projectOf } from '../run/project.ts';
import { UsageError } from '../run/usage-error.ts';
import type { OutputOptions } from './reports.ts';
import type { Terminal } from './terminal.ts';
import { fixHint, reportsOf } from './validate.ts';

export interface MergeOptions extends OutputOptions {
  failOn?: FailOn;
  failNewOnly?: boolean;
  /** A file, or false for none. */
  config?: string | boolean;
  quiet?: boolean;
}

/** `mn report merge`: one report and one exit code of the shards of a run. */
export async function merge(files: string[], options: MergeOptions, terminal: Terminal): Promise<number> {
  const { quiet = false, config: choice } = options;
  const project = await projectOf('.', typeof choice === 'string' || choice === false ? choice : null, true);
  const config = project?.config;
  const reports = await reportsOf(options, config);
  const { report, info, source } = await mergeReports(files, reports?.formats ?? ['text']);
  if (options.failNewOnly === true && report.comparison === null) {
    throw new UsageError([
      '--fail-new-only needs shards that compare with a version. Check them with --compare, as in --compare origin/main.',
    ]);
  }
  if (reports !== null) await reports.write(report, { info, source, quiet }, terminal);
  else {
    const { color, width } = terminal;
    terminal.out(reportText(report, info, { color, width, quiet, source }));
  }
  if (!quiet && (reports === null || reports.onStdout === 'text')) terminal.out(fixHint(report));
  return exitCode(
    deciding(report, options.failNewOnly ?? config?.['fail-on-new'] ?? false),
    options.failOn ?? config?.['fail-on'] ?? 'error',
  );
}

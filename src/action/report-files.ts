import type { Report } from '../check/report.ts';
import { whyNotWritten, writeWhole } from '../io/write.ts';
import type { RenderOptions } from '../run/formats.ts';
import { render } from '../run/formats.ts';
import { UsageError } from '../run/usage-error.ts';
import { quote } from '../text/text.ts';
import { version } from '../version.ts';
import type { ReportFileInput } from './inputs.ts';
import { reportFiles } from './inputs.ts';
import * as toolkit from './toolkit.ts';
import { inWorkspace } from './workspace.ts';

/** A file as an input or the config file names it. */
export interface NamedFile {
  input: ReportFileInput;
  path: string;
  /** The folder that the path begins in. */
  base: string;
}

export interface ReportFile {
  input: ReportFileInput;
  /** Relative to the workspace. */
  path: string;
}

/** The files to write. One that leads out of the workspace, and two reports for one file, are a UsageError. */
export function filesInWorkspace(given: readonly NamedFile[]): ReportFile[] {
  const problems: string[] = [];
  const byPath = new Map<string, ReportFile>();
  for (const { input, path: named, base } of given) {
    const path = inWorkspace(base, named, input);
    const other = byPath.get(path);
    if (other !== undefined) {
      problems.push(
        `the inputs ${other.input} and ${input} both name ${quote(named)}. Give each a file of its own.`,
      );
    } else byPath.set(path, { input, path });
  }
  if (problems.length > 0) throw new UsageError(problems);
  return [...byPath.values()];
}

/** Writes the reports that inputs ask for. Returns the path of each by its input, without those that failed. */
export async function writeReports(
  files: readonly ReportFile[],
  report: Report,
  { info, source, link }: Pick<RenderOptions, 'info' | 'source' | 'link'>,
): Promise<Map<ReportFileInput, string>> {
  const written = new Map<ReportFileInput, string>();
  for (const { input, path } of files) {
    const { chunks, warning } = await render(reportFiles[input].format, report, {
      info,
      source,
      link,
      version,
      color: false,
      width: 120,
      quiet: false,
      // Code scanning would show what is suppressed or fixed as open alerts.
      settled: false,
    });
    if (warning !== null) toolkit.warning(warning, { title: 'Model Check' });
    try {
      writeWhole(path, chunks);
      written.set(input, path);
    } catch (error) {
      toolkit.error(
        `input ${input}: ${quote(path)} cannot be written (${whyNotWritten(error)}). Name another file.`,
        { title: 'Model Check: a report is missing' },
      );
    }
  }
  return written;
}

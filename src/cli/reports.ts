import { resolve } from 'node:path';
import type { Report } from '../check/report.ts';
import { whyNotWritten, writeWhole } from '../io/write.ts';
import type { Destination, FormatName } from '../run/format-names.ts';
import type { RenderOptions } from '../run/formats.ts';
import { positionsFor, render } from '../run/formats.ts';
import type { RunOptions } from '../run/run.ts';
import { UsageError } from '../run/usage-error.ts';
import { printable, quote } from '../text/text.ts';
import { version } from '../version.ts';
import type { Terminal } from './terminal.ts';

/** The options that say how to report, and where to. */
export interface OutputOptions {
  format?: Destination[];
  /** `--json`: the same as `--format json`. */
  json?: boolean;
  /** Where the format without a file goes. */
  output?: string;
}

/** The reports that a run is to write. */
export interface Reports {
  formats: FormatName[];
  /** What they need to know of the run. */
  positions: RunOptions['positions'];
  /** The format that goes to stdout; null where all go to files. */
  onStdout: FormatName | null;
  /** Throws a UsageError that names every file that cannot be written; the others are. */
  write(
    report: Report,
    options: Pick<RenderOptions, 'info' | 'source' | 'quiet'>,
    terminal: Terminal,
  ): Promise<void>;
}

/**
 * Reads the options; where they name no format, it is text. Throws a UsageError
 * with everything that contradicts itself.
 */
export function reportsOf(options: OutputOptions): Reports {
  const all = destinations(options);
  return {
    formats: all.map(({ format }) => format),
    positions: positionsFor(all.map(({ format }) => format)),
    onStdout: all.find(({ file }) => file === null)?.format ?? null,
    async write(report, { info, source, quiet }, terminal) {
      const problems: string[] = [];
      for (const { format, file } of all) {
        const { chunks, warning } = await render(format, report, {
          info,
          source,
          quiet,
          version,
          color: terminal.color && file === null,
          width: terminal.width,
          link: () => null,
          settled: true,
        });
        if (file === null) {
          if (problems.length === 0) for (const chunk of chunks) terminal.out(chunk);
        } else {
          const problem = writeReport(file, chunks);
          if (problem !== null) problems.push(problem);
          else if (!quiet) terminal.err(`wrote ${printable(file)}\n`);
        }
        if (warning !== null) terminal.err(`warning: ${warning}\n`);
      }
      if (problems.length > 0) throw new UsageError(problems);
    },
  };
}

/** Where each format goes: files first, then one at most to stdout. */
function destinations({ format = [], json = false, output }: OutputOptions): Destination[] {
  const problems: string[] = [];
  const withoutFile = new Set(format.filter(({ file }) => file === null).map((one) => one.format));
  const files = format.filter(({ file }) => file !== null);
  if (json) {
    const [other] = [...withoutFile].filter((name) => name !== 'json');
    if (other !== undefined) {
      problems.push(`--json and --format ${other} contradict each other. Give one of them.`);
    }
    withoutFile.clear();
    withoutFile.add('json');
  }
  if (format.length === 0 && !json) withoutFile.add('text');
  if (withoutFile.size > 1) {
    const names = [...withoutFile];
    problems.push(
      `${names.join(' and ')} cannot go to one place. Give all but one a file of its own, as in --format ${names[1]}:${fileNameFor(names[1] as FormatName)}.`,
    );
  }
  if (withoutFile.size === 0 && output !== undefined) {
    problems.push('--output names no report: every --format has a file of its own. Leave out --output.');
  }
  const all = [...files, ...[...withoutFile].map((name) => ({ format: name, file: output ?? null }))];
  const seen = new Map<string, Destination>();
  for (const one of all.filter(({ file }) => file !== null)) {
    const path = resolve(one.file as string);
    const first = seen.get(path);
    if (first === undefined) seen.set(path, one);
    else
      problems.push(
        `${first.format} and ${one.format} would both be written to ${quote(one.file)}. Give each a file of its own.`,
      );
  }
  if (problems.length > 0) throw new UsageError(problems);
  return all;
}

/** A file name that says what is in it: `report.sarif`. */
function fileNameFor(format: FormatName): string {
  const endings: Partial<Record<FormatName, string>> = {
    text: 'txt',
    markdown: 'md',
    github: 'txt',
    junit: 'xml',
  };
  return `report.${endings[format] ?? format}`;
}

/** Writes a report to a file. Returns what is wrong, in words; null where nothing is. */
function writeReport(file: string, chunks: Iterable<string>): string | null {
  try {
    writeWhole(file, chunks);
    return null;
  } catch (error) {
    return `${quote(file)} cannot be written (${whyNotWritten(error)}). Give another file.`;
  }
}

import type { FailOn } from '../check/exit-code.ts';
import { exitCode } from '../check/exit-code.ts';
import { sinceStart } from '../io/stream.ts';
import { writeWhole } from '../io/write.ts';
import type { IfNone } from '../run/run.ts';
import { run } from '../run/run.ts';
import { UsageError } from '../run/usage-error.ts';
import { printable, quote } from '../text/text.ts';
import type { Format } from './output.ts';
import { progressLine, render } from './output.ts';
import type { Terminal } from './terminal.ts';

export interface ValidateOptions {
  include: string[];
  exclude: string[];
  targets: string[];
  set: string[];
  catalog: string[];
  force: boolean;
  failOn: FailOn;
  ifNone: IfNone;
  format: Format;
  output?: string;
  quiet: boolean;
}

/** `mn blueprint validate`. Returns the exit code. */
export async function validate(
  paths: string[],
  options: ValidateOptions,
  terminal: Terminal,
): Promise<number> {
  const progress = progressLine(terminal);
  const { report, info, source } = await run({
    paths,
    base: '.',
    include: options.include,
    exclude: options.exclude,
    targets: options.targets,
    target: null,
    settings: options.set,
    catalogs: options.catalog,
    force: options.force,
    ifNone: options.ifNone,
    positions: options.format === 'json' ? 'all' : 'findings',
    whenNobodyChose: 'this-machine',
    env: process.env,
    outside: true,
    onBlueprint: progress.tick,
  }).finally(progress.end);
  terminal.debug(`catalogs: ${info.catalogFrom}`);
  terminal.debug(`targets: ${report.targets.map(({ id }) => id).join(', ')}`);

  const toFile = options.output !== undefined;
  const chunks = render(
    options.format,
    report,
    { ...info, elapsedMs: sinceStart() },
    {
      color: terminal.color && !toFile,
      width: terminal.width,
      quiet: options.quiet,
      source,
    },
  );
  if (options.output === undefined) for await (const chunk of chunks) terminal.out(chunk);
  else await writeOutput(options.output, chunks, terminal);
  terminal.debug(`${Math.round(sinceStart())} ms since start`);
  return exitCode(report.summary, options.failOn);
}

async function writeOutput(path: string, chunks: AsyncIterable<string>, terminal: Terminal): Promise<void> {
  const all: string[] = [];
  for await (const chunk of chunks) all.push(chunk);
  try {
    writeWhole(path, all);
  } catch (error) {
    throw new UsageError([`${quote(path)} cannot be written (${whyNot(error)}). Give another --output.`]);
  }
  terminal.err(`wrote ${printable(path)}\n`);
}

const reasons = new Map([
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a file stands where a folder is needed'],
  ['EACCES', 'writing there is not permitted'],
  ['EPERM', 'writing there is not permitted'],
  ['EROFS', 'the disk is read-only'],
  ['ENOSPC', 'the disk is full'],
]);

function whyNot(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
  return reasons.get(code) ?? code;
}

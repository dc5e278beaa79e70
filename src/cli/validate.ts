import type { FailOn } from '../check/exit-code.ts';
import { exitCode } from '../check/exit-code.ts';
import type { Report } from '../check/report.ts';
import { sinceStart } from '../io/stream.ts';
import { writeWhole } from '../io/write.ts';
import { paint } from '../report/paint.ts';
import type { IfNone } from '../run/run.ts';
import { run } from '../run/run.ts';
import { UsageError } from '../run/usage-error.ts';
import { count, printable, quote } from '../text/text.ts';
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
  fix: boolean;
  dryRun: boolean;
}

/** `mn blueprint validate`. Returns the exit code. */
export async function validate(
  paths: string[],
  options: ValidateOptions,
  terminal: Terminal,
): Promise<number> {
  if (options.dryRun && !options.fix) {
    throw new UsageError(['--dry-run shows what --fix would change. Give both.']);
  }
  const progress = progressLine(terminal);
  const fixer = options.fix ? new (await import('./fix.ts')).Fixer(paths) : null;
  const checkOnce = () =>
    run({
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
      positions: options.format === 'json' || options.format === 'html' ? 'all' : 'findings',
      whenNobodyChose: 'this-machine',
      env: process.env,
      outside: true,
      onBlueprint: (blueprint) => {
        progress.tick();
        fixer?.see(blueprint);
      },
    }).finally(progress.end);
  let checked = await checkOnce();
  let failed = false;
  if (fixer !== null) {
    const isText = options.format === 'text';
    const fixed = fixer.fix(checked, {
      dryRun: options.dryRun,
      write: isText ? terminal.out : terminal.err,
      paint: paint(isText && terminal.color),
      columns: terminal.width,
    });
    failed = fixed.failed;
    // What is left is what the files hold now.
    if (fixed.changed) checked = await checkOnce();
  }
  const { report, info, source } = checked;
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
  if (options.format === 'text' && !toFile && !options.quiet && !options.fix) terminal.out(fixHint(report));
  terminal.debug(`${Math.round(sinceStart())} ms since start`);
  return failed ? 1 : exitCode(report.summary, options.failOn);
}

/** How many findings `--fix` would correct; empty where it is none. */
function fixHint({ findings }: Report): string {
  const amount = findings.filter(({ fix }) => fix !== null).length;
  return amount === 0
    ? ''
    : `${count(amount, 'finding')} can be corrected: --fix --dry-run shows how, --fix does it\n`;
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

/** Why a file could not be written, in words. */
export function whyNot(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
  return reasons.get(code) ?? code;
}

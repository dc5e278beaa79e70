import type { FailOn } from '../check/exit-code.ts';
import { exitCode } from '../check/exit-code.ts';
import type { Report } from '../check/report.ts';
import { sinceStart } from '../io/stream.ts';
import { paint } from '../report/paint.ts';
import { reportText } from '../report/text.ts';
import type { IfNone } from '../run/run.ts';
import { run } from '../run/run.ts';
import { UsageError } from '../run/usage-error.ts';
import { count } from '../text/text.ts';
import { progressLine } from './output.ts';
import type { Reports } from './reports.ts';
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
  /** What the options ask for; null is text on stdout. */
  reports: Reports | null;
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
  const { quiet, reports } = options;
  const isText = reports === null || reports.onStdout === 'text';
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
      positions: reports?.positions ?? 'findings',
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

  const timed = { ...info, elapsedMs: sinceStart() };
  if (reports !== null) await reports.write(report, { info: timed, source, quiet }, terminal);
  else {
    const { color, width } = terminal;
    terminal.out(reportText(report, timed, { color, width, quiet, source }));
  }
  if (isText && !quiet && !options.fix) terminal.out(fixHint(report));
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

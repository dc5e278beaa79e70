import type { ShardNumber } from '../blueprint/shard-number.ts';
import type { Config } from '../check/config.ts';
import type { FailOn } from '../check/exit-code.ts';
import { deciding, exitCode } from '../check/exit-code.ts';
import type { Report } from '../check/report.ts';
import { sinceStart } from '../io/stream.ts';
import { paint } from '../report/paint.ts';
import { reportText } from '../report/text.ts';
import { parseDestination } from '../run/format-names.ts';
import { projectOf } from '../run/project.ts';
import type { IfNone } from '../run/run.ts';
import { run } from '../run/run.ts';
import { UsageError } from '../run/usage-error.ts';
import { count, printable } from '../text/text.ts';
import { progressLine } from './output.ts';
import type { OutputOptions, Reports } from './reports.ts';
import type { Terminal } from './terminal.ts';

export interface ValidateOptions extends OutputOptions {
  include: string[];
  exclude: string[];
  targets: string[];
  set: string[];
  catalog: string[];
  /** Undefined where the command line does not say: the config file may. */
  force?: boolean;
  failOn?: FailOn;
  failNewOnly?: boolean;
  /** A version, or false for none. */
  compare?: string | boolean;
  changedSince?: string;
  /** The paths are files that changed. */
  changedFiles: boolean;
  shard?: ShardNumber;
  ifNone?: IfNone;
  baseline?: string;
  updateBaseline: boolean;
  /** A file, or false for none. */
  config?: string | boolean;
  hardwareOnly: boolean;
  requireInstalled: boolean;
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
  const { quiet, changedSince = null, changedFiles } = options;
  const problems: string[] = [];
  if (options.dryRun && !options.fix) problems.push('--dry-run shows what --fix would change. Give both.');
  if (options.fix && options.updateBaseline) {
    problems.push('--update-baseline would write what --fix corrects. Give one after the other.');
  }
  if (typeof options.compare === 'string' && changedSince !== null) {
    problems.push('--changed-since leaves out what --compare would compare. Give one of them.');
  }
  if (changedFiles && paths.length === 0) {
    problems.push('--changed-files needs the files that changed. Name them, as in --changed-files $FILES.');
  }
  if (changedFiles && (options.shard || changedSince !== null || typeof options.compare === 'string')) {
    const other =
      options.shard !== undefined ? '--shard' : changedSince !== null ? '--changed-since' : '--compare';
    problems.push(`--changed-files and ${other} exclude each other. Give one of them.`);
  }
  if (options.shard !== undefined && options.updateBaseline) {
    problems.push(
      '--update-baseline writes what a whole run finds, and --shard checks a part. Give one of them.',
    );
  }
  if (options.shard !== undefined && options.fix) {
    problems.push('--fix corrects what a whole run finds, and --shard checks a part. Give one of them.');
  }
  if (options.hardwareOnly && options.requireInstalled) {
    problems.push('--hardware-only and --require-installed contradict each other. Give one of them.');
  }
  if (problems.length > 0) throw new UsageError(problems);
  const choice = typeof options.config === 'string' || options.config === false ? options.config : null;
  const project = await projectOf('.', choice, true);
  const config = project?.config;
  const compare = versionToCompare(options, config);
  if (options.failNewOnly === true && compare === null) {
    throw new UsageError([
      '--fail-new-only needs a version to compare with. Add --compare, as in --compare origin/main.',
    ]);
  }
  const reports = await reportsOf(options, config);
  const isText = reports === null || reports.onStdout === 'text';
  const progress = progressLine(terminal);
  const fixer = options.fix ? new (await import('./fix.ts')).Fixer(changedFiles ? [] : paths) : null;
  const checkOnce = () =>
    run({
      paths: changedFiles ? [] : paths,
      base: '.',
      include: options.include,
      exclude: options.exclude,
      targets: options.targets,
      only: [],
      settings: options.set,
      catalogs: options.catalog,
      force: options.force ?? null,
      services: {
        ask: options.hardwareOnly ? 'never' : options.requireInstalled ? 'always' : 'this-machine',
        instead: options.requireInstalled
          ? 'leave out --require-installed'
          : 'leave it out with --hardware-only',
      },
      ifNone: options.ifNone ?? null,
      baseline: options.baseline ?? null,
      updateBaseline: options.updateBaseline,
      project,
      positions: reports?.positions ?? 'findings',
      whenNobodyChose: 'this-machine',
      env: process.env,
      outside: true,
      changedSince:
        changedSince === null ? null : { ref: changedSince, shown: changedSince, mergeCommit: null },
      ...(changedFiles && { changedFiles: paths }),
      shard: options.shard ?? null,
      compare:
        compare === null
          ? null
          : { ref: compare, shown: compare, mergeCommit: null, pullRequest: false, optional: false },
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
  const { report, info, wrote, source } = checked;
  if (project !== null) terminal.debug(`config: ${printable(project.file)}`);
  terminal.debug(`catalogs: ${info.catalogFrom}`);
  terminal.debug(`targets: ${report.targets.map(({ id }) => id).join(', ')}`);

  const timed = { ...info, elapsedMs: sinceStart() };
  if (reports !== null) await reports.write(report, { info: timed, source, quiet }, terminal);
  else {
    const { color, width } = terminal;
    terminal.out(reportText(report, timed, { color, width, quiet, source }));
  }
  if (isText && !quiet && !options.fix) terminal.out(fixHint(report));
  if (wrote !== null) terminal.err(`${wrote}\n`);
  terminal.debug(`${Math.round(sinceStart())} ms since start`);
  if (failed) return 1;
  return exitCode(
    deciding(report, options.failNewOnly ?? config?.['fail-on-new'] ?? false),
    options.failOn ?? config?.['fail-on'] ?? 'error',
  );
}

/** How many findings `--fix` would correct; empty where it is none. */
export function fixHint({ findings }: Report): string {
  const amount = findings.filter(({ fix }) => fix !== null).length;
  return amount === 0
    ? ''
    : `${count(amount, 'finding')} can be corrected: mn blueprint validate --fix --dry-run shows how, --fix does it\n`;
}

/** The version to compare with; null for none. What the config file says holds where all blueprints are checked. */
function versionToCompare(
  { compare, changedSince, changedFiles }: ValidateOptions,
  config: Config | undefined,
): string | null {
  if (typeof compare === 'string') return compare;
  if (compare === false || changedSince !== undefined || changedFiles) return null;
  // On a command line there is no pull request whose base it could be.
  const configured = config?.compare ?? 'auto';
  return configured === 'auto' || configured === 'none' ? null : configured;
}

/** The reports that are asked for; null for text on stdout, as in most runs. */
export async function reportsOf(options: OutputOptions, config: Config | undefined): Promise<Reports | null> {
  const { format, json = false, output } = options;
  const configured = config?.format ?? [];
  if (format === undefined && !json && output === undefined && configured.length === 0) return null;
  const formats = format ?? (json ? [] : configured.flatMap((one) => parseDestination(one) ?? []));
  return (await import('./reports.ts')).reportsOf({ ...options, format: formats });
}

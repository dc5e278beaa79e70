import { appendFileSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../check/config.ts';
import { deciding, exitCode } from '../check/exit-code.ts';
import type { Report, RunInfo } from '../check/report.ts';
import { isTargetsFile } from '../hardware/select.ts';
import { endNow, sinceStart, standardStream } from '../io/stream.ts';
import { writeWhole } from '../io/write.ts';
import { reportAnnotations } from '../report/github.ts';
import { reportJson } from '../report/json.ts';
import { encodePath, reportMarkdown } from '../report/markdown.ts';
import { reportText } from '../report/text.ts';
import { projectOf } from '../run/project.ts';
import { type Run, type RunOptions, run } from '../run/run.ts';
import { UsageError } from '../run/usage-error.ts';
import { count, printable } from '../text/text.ts';

import type { Inputs, ReportFileInput, SummaryMode } from './inputs.ts';
import { readInputs, reportFileInputs, reportFiles } from './inputs.ts';

import type { Outcome } from './install.ts';

import { EnvironmentOutput, matrixOutput, maxOutputCharacters } from './outputs.ts';
import type { NamedFile } from './report-files.ts';
import * as toolkit from './toolkit.ts';
import { inWorkspace } from './workspace.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** GitHub drops a step's summary above 1 MiB; other tools of the step may have written to it too. */
const summaryBudget = 900_000;

/** Runs the action and sets the exit code. Never throws. */
export async function main(env: Env): Promise<void> {
  try {
    if (env['GITHUB_WORKSPACE']) process.chdir(env['GITHUB_WORKSPACE']);
    const inputs = await readInputs(toolkit.getInput, env);
    process.exitCode = await checkWorkspace(inputs, env);
    if (!isInstalling(inputs)) endNow();
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    if (error instanceof UsageError) {
      // GitHub shows ten of a step and drops the rest without a word.
      const shown = error.problems.slice(0, 10);
      const more = error.problems.length - shown.length;
      shown.forEach((problem, index) => {
        const rest = more > 0 && index === shown.length - 1 ? `\n… and ${count(more, 'more problem')}` : '';
        toolkit.error(`${problem}${rest}`, { title: 'Model Check: nothing was checked' });
      });
    } else {
      toolkit.error(
        `Something is wrong in Model Check itself: ${printable(message)}. Report it: https://github.com/mirrorneuron/model-check/issues`,
        { title: 'Model Check' },
      );
      toolkit.debug(stack ?? '');
    }
    process.exitCode = 2;
  }
}

async function checkWorkspace(inputs: Inputs, env: Env): Promise<number> {
  const base = inWorkspace('.', inputs.workingDirectory, 'working-directory');
  const { config: choice, changedSince } = inputs;
  const project = await projectOf(
    base,
    choice === null ? null : choice === 'none' ? false : inWorkspace(base, choice, 'config'),
    false,
  );
  const config = project?.config;
  const named = namedFiles(inputs, base, config);
  const reports = named.length === 0 ? null : await import('./report-files.ts');
  const files = reports?.filesInWorkspace(named) ?? [];
  const failOnNew = inputs.failOnNew ?? config?.['fail-on-new'] ?? false;
  const compare = inputs.compare ?? config?.compare ?? 'auto';
  const comparing = {
    // What is left out would look as if it were gone; a merge compares nothing, and its parts did.
    compare: comparesNothing(inputs, compare) ? 'none' : compare,
    namedBy: inputs.compare === null && project !== null ? `${project.file}: compare` : 'input compare',
    failOnNew,
  };
  const environments = new EnvironmentOutput(inputs.worker ?? config?.worker ?? 'container');
  const options: RunOptions = {
    paths: inputs.paths.map((path) => inWorkspace(base, path, 'paths')),
    base,
    include: inputs.include,
    exclude: inputs.exclude,
    targets: inputs.targets.flatMap((spec) => spec.split(',')).map((spec) => below(base, spec.trim())),
    only: inputs.target,
    shard: inputs.shard,
    settings: inputs.set,
    catalogs: inputs.catalogs.map((path) => inWorkspace(base, path, 'catalogs')),
    force: inputs.force,
    services: {
      ask: inputs.requireInstalled ? 'always' : 'never',
      instead: 'set the input require-installed to false',
    },
    ifNone: inputs.ifNone,
    baseline: inputs.baseline === null ? null : inWorkspace(base, inputs.baseline, 'baseline'),
    updateBaseline: false,
    project,
    positions: 'all',
    // A GitHub-hosted runner is nobody's target; a self-hosted one may well be.
    whenNobodyChose: env['RUNNER_ENVIRONMENT'] === 'self-hosted' ? 'this-machine' : 'table-rows',
    env,
    outside: false,
    changedSince:
      changedSince !== null && isCompared(changedSince, env)
        ? (await import('./base.ts')).changesSince(changedSince, env)
        : null,
    compare: isCompared(comparing.compare, env) ? (await import('./base.ts')).baseOf(comparing, env) : null,
    onBlueprint: (blueprint, catalog) => environments.add(blueprint, catalog),
  };
  if (inputs.mode === 'plan') {
    const { outputs, words } = await (await import('./plan.ts')).plan(options, inputs.maxJobs);
    writeLog(words);
    writeOutputs(outputs, env);
    return 0;
  }
  const { report, info, source, outcome } =
    inputs.mode === 'merge'
      ? await (await import('./merge.ts')).merge(
          inputs.reports,
          base,
          files.map(({ input }) => reportFiles[input].format),
        )
      : await checkAll(options, inputs);
  const timed = { ...info, elapsedMs: sinceStart() };

  writeLog(reportText(report, timed, { color: !env['NO_COLOR'], width: 120, quiet: false, source }));
  if (inputs.annotations ?? config?.annotations ?? true) standardStream(1).write(reportAnnotations(report));
  writeSummary(report, timed, inputs.summary ?? config?.summary ?? 'always', env);
  const written: ReadonlyMap<ReportFileInput, string> =
    (await reports?.writeReports(files, report, { info: timed, source, link: linkIn(env) })) ?? new Map();
  const path = written.get('report-file') ?? (await temporaryReport(report, env));
  writeOutputs(outputsOf(report, { written, path, environments, installed: outcome?.installed ?? [] }), env);
  const commentMode = inputs.comment ?? config?.comment ?? 'never';
  if (commentMode !== 'never') {
    const { comment } = await import('./commenting.ts');
    const isWanted = commentMode === 'always' || hasProblems(report);
    writeLog(await comment(report, info, isWanted, inputs, env, linkIn(env)));
  }
  if (written.size < files.length) return 2;
  const code = exitCode(deciding(report, failOnNew), inputs.failOn ?? config?.['fail-on'] ?? 'error');
  return outcome?.failed ? 1 : code;
}

/** Checks, and installs models where that is asked for. */
async function checkAll(
  options: RunOptions,
  inputs: Inputs,
): Promise<Pick<Run, 'report' | 'info' | 'source'> & { outcome: Outcome | null }> {
  const models = isInstalling(inputs) ? await import('./install.ts') : null;
  // Before anything is touched, so that wrong inputs are told; what is installed is known only afterwards.
  const before = models === null ? null : await run(models.withoutServices(options));
  const outcome = (await models?.bringModels(options, inputs, writeLog)) ?? null;
  const checked = before === null || inputs.requireInstalled ? await run(options) : before;
  return { ...checked, outcome };
}

/** Where nothing is to be compared, or nobody asked for it and it cannot be: with some of the targets only. */
function comparesNothing({ mode, changedSince, shard, target }: Inputs, compare: string): boolean {
  const isPart = shard !== null && target.length > 0;
  return mode !== 'check' || changedSince !== null || (isPart && compare === 'auto');
}

/** The files for reports: an input wins over the config file, whose paths begin where the action runs. */
function namedFiles(inputs: Inputs, base: string, config: Config | undefined): NamedFile[] {
  return reportFileInputs.flatMap((input): NamedFile[] => {
    const given = inputs.files.find((file) => file.input === input);
    if (given !== undefined) return [{ ...given, base }];
    const path = config?.[input];
    return path === undefined ? [] : [{ input, path, base: '.' }];
  });
}

/** Whether anything is asked of the runner of this machine. */
function isInstalling({ install: mode, doctor, installRunner }: Inputs): boolean {
  return mode !== 'never' || doctor || installRunner;
}

/** Whether there may be a version to compare with: one that was named, or the base of the event. */
function isCompared(compare: string, env: Env): boolean {
  const hasBase = /^(?:pull_request(?:_target)?|merge_group)$/.test(env['GITHUB_EVENT_NAME'] ?? '');
  return compare === 'auto' ? hasBase : compare !== 'none';
}

function writeLog(text: string): void {
  standardStream(1).write(toolkit.quietly(text));
}

function writeSummary(report: Report, info: RunInfo, mode: SummaryMode, env: Env): void {
  const file = env['GITHUB_STEP_SUMMARY'];
  if (!file || mode === 'never' || (mode === 'on-problems' && !hasProblems(report))) return;
  try {
    appendFileSync(file, reportMarkdown(report, info, { budget: summaryBudget, link: linkIn(env) }));
  } catch (error) {
    toolkit.info(`The job summary could not be written (${(error as NodeJS.ErrnoException).code}).`);
  }
}

function hasProblems({ summary }: Report): boolean {
  return summary.errors + summary.warnings > 0;
}

/** The address of a line at the commit that was checked. */
function linkIn(env: Env): (path: string, line: number) => string | null {
  const repository = env['GITHUB_REPOSITORY'];
  const commit = env['GITHUB_SHA'];
  const blob =
    repository && commit
      ? `${env['GITHUB_SERVER_URL'] ?? 'https://github.com'}/${repository}/blob/${commit}`
      : null;
  return (path, line) =>
    blob === null || /^(?:[/~$]|\.\.\/)/.test(path) ? null : `${blob}/${encodePath(path)}#L${line}`;
}

interface Made {
  /** Reports that inputs asked for, and where they are. */
  written: ReadonlyMap<ReportFileInput, string>;
  /** Of the JSON report. */
  path: string;
  environments: EnvironmentOutput;
  installed: Outcome['installed'];
}

type Outputs = Readonly<Record<string, string | number | boolean>>;

function outputsOf(report: Report, { written, path, environments, installed }: Made): Outputs {
  const environment = environments.toString();
  const fits = environment.length <= maxOutputCharacters;
  if (!fits) {
    toolkit.info(
      `The output env is empty: with ${environment.length} characters it does not fit into a job output. Narrow the input paths, or use mn blueprint env.`,
    );
  }
  return {
    ok: report.ok,
    errors: report.summary.errors,
    warnings: report.summary.warnings,
    ...Object.fromEntries(
      Object.entries(reportFiles).map(([input, { output }]) => [
        output,
        written.get(input as ReportFileInput) ?? '',
      ]),
    ),
    report: path,
    matrix: matrixOutput(report.targets),
    installed: JSON.stringify(installed),
    env: fits ? environment : '{}',
  };
}

function writeOutputs(outputs: Outputs, env: Env): void {
  try {
    if (!env['GITHUB_OUTPUT']) throw new Error('there is no GITHUB_OUTPUT');
    toolkit.setOutputs(env['GITHUB_OUTPUT'], outputs);
  } catch (error) {
    toolkit.info(`The outputs could not be written (${printable((error as Error).message)}).`);
  }
}

/** Writes the JSON report where nobody has to clean up. Returns its path. */
async function temporaryReport(report: Report, env: Env): Promise<string> {
  const folder = env['RUNNER_TEMP'] || (await import('node:os')).tmpdir();
  const path = join(mkdtempSync(join(folder, 'model-check-')), 'report.json');
  writeWhole(path, reportJson(report));
  return path;
}

/** A targets spec: a file is relative to the working directory, a preset and `detect` are names. */
function below(base: string, spec: string): string {
  return isTargetsFile(spec) ? inWorkspace(base, spec, 'targets') : spec;
}

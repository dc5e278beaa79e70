import type { ShardNumber } from '../blueprint/shard-number.ts';
import type { Worker } from '../blueprint/worker.ts';
import { workers } from '../blueprint/worker.ts';
import type { FailOn } from '../check/exit-code.ts';
import { failOnLevels } from '../check/exit-code.ts';
import type { FormatName } from '../run/format-names.ts';
import type { IfNone } from '../run/run.ts';
import { ifNoneLevels } from '../run/run.ts';
import { UsageError } from '../run/usage-error.ts';
import { didYouMean } from '../text/nearest.ts';
import { either, quote } from '../text/text.ts';

export const summaryModes = ['always', 'on-problems', 'never'] as const;
export type SummaryMode = (typeof summaryModes)[number];

export const commentModes = ['never', 'on-problems', 'always'] as const;
export type CommentMode = (typeof commentModes)[number];

export const installModes = ['never', 'missing', 'always'] as const;
export type InstallMode = (typeof installModes)[number];

/** What the action does: check, say how to split the check over jobs, or put the reports of these together. */
export type Mode = 'check' | 'plan' | 'merge';

/** The inputs of one among many jobs. */
export interface ModeInputs {
  mode: Mode;
  /** Globs of the reports to merge. */
  reports: string[];
  /** The most jobs that a plan may ask for. */
  maxJobs: number;
  /** The part of the blueprints to check. */
  shard: ShardNumber | null;
  /** `auto`, or a ref. */
  changedSince: string | null;
}

/** Most runs are not: modes.ts reads these where one is given. */
const modeInputs = ['mode', 'reports', 'max-jobs', 'shard', 'changed-since'] as const;
const plainMode: ModeInputs = { mode: 'check', reports: [], maxJobs: 0, shard: null, changedSince: null };

/** The inputs of action.yml, read and checked. */
export interface Inputs extends ModeInputs {
  paths: string[];
  include: string[];
  exclude: string[];
  targets: string[];
  /** Ids of the only targets to check. */
  target: string[];
  set: string[];
  catalogs: string[];
  /** Null, here and below, where the workflow does not say: the config file may. */
  force: boolean | null;
  requireInstalled: boolean | null;
  failOn: FailOn | null;
  failOnNew: boolean | null;
  /** `auto`, `none`, or a ref. */
  compare: string | null;
  ifNone: IfNone | null;
  baseline: string | null;
  /** `none` for no config file. */
  config: string | null;
  annotations: boolean | null;
  summary: SummaryMode | null;
  comment: CommentMode | null;
  /** Never printed. */
  githubToken: string;
  install: InstallMode;
  doctor: boolean;
  cache: boolean;
  installRunner: boolean;
  allowUntrustedInstall: boolean;
  worker: Worker | null;
  workingDirectory: string;
  /** Files for reports, as far as they are given. */
  files: { input: ReportFileInput; path: string }[];
}

/** Inputs that name a file for a report: its format, and the output that says where it is. */
export const reportFiles = {
  'report-file': { format: 'json', output: 'report' },
  'sarif-file': { format: 'sarif', output: 'sarif' },
  'junit-file': { format: 'junit', output: 'junit' },
  'html-file': { format: 'html', output: 'html' },
} as const satisfies Record<string, { format: FormatName; output: string }>;
export type ReportFileInput = keyof typeof reportFiles;
export const reportFileInputs = Object.keys(reportFiles) as ReportFileInput[];

/** Every input; a test keeps this equal to action.yml. */
export const inputNames = [
  'mode',
  'paths',
  'include',
  'exclude',
  'targets',
  'target',
  'shard',
  'set',
  'catalogs',
  'force',
  'require-installed',
  'fail-on',
  'fail-on-new',
  'compare',
  'changed-since',
  'if-none',
  'baseline',
  'config',
  'annotations',
  'summary',
  'comment',
  'github-token',
  'install',
  'doctor',
  'cache',
  'install-runner',
  'allow-untrusted-install',
  'worker',
  'working-directory',
  'max-jobs',
  'reports',
  ...reportFileInputs,
] as const;
export type InputName = (typeof inputNames)[number];

/**
 * Reads the inputs from the environment, as the runner passes them
 * (`INPUT_FAIL-ON`). Throws a UsageError with everything that is wrong: an
 * unknown input would otherwise be ignored, and the check would not be the one
 * that was asked for.
 */
export async function readInputs(
  get: (name: InputName) => string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Inputs> {
  const problems: string[] = [];
  for (const variable of Object.keys(env)) {
    const name = /^INPUT_(.+)$/i.exec(variable)?.[1]?.toLowerCase();
    if (name === undefined || (inputNames as readonly string[]).includes(name)) continue;
    problems.push(
      `unknown input ${quote(name)}.${didYouMean(name, inputNames)} The inputs are ${inputNames.join(', ')}.`,
    );
  }
  const list = (name: InputName) =>
    get(name)
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '');
  const choice = <Value extends string>(name: InputName, known: readonly Value[]): Value | null => {
    const given = get(name);
    if (given === '') return null;
    const found = known.find((value) => value === given.toLowerCase());
    if (found === undefined) {
      problems.push(`input ${name} is ${quote(given)}.${didYouMean(given, known)} Write ${either(known)}.`);
    }
    return found ?? null;
  };
  const flag = (name: InputName): boolean | null => {
    const given = choice(name, ['true', 'false']);
    return given === null ? null : given === 'true';
  };
  const text = (name: InputName): string | null => (get(name) === '' ? null : get(name));
  const isPlain = modeInputs.every((name) => get(name) === '');
  const ofMode = isPlain ? plainMode : (await import('./modes.ts')).readModes(get, problems);
  const inputs: Inputs = {
    ...ofMode,
    paths: list('paths'),
    include: list('include'),
    exclude: list('exclude'),
    targets: list('targets'),
    set: list('set'),
    target: list('target').flatMap((line) => line.split(/[\s,]+/).filter(Boolean)),
    catalogs: list('catalogs'),
    force: flag('force'),
    requireInstalled: flag('require-installed'),
    failOn: choice('fail-on', failOnLevels),
    failOnNew: flag('fail-on-new'),
    compare: text('compare')?.trim() ?? null,
    ifNone: choice('if-none', ifNoneLevels),
    baseline: text('baseline'),
    config: text('config'),
    annotations: flag('annotations'),
    summary: choice('summary', summaryModes),
    comment: choice('comment', commentModes),
    githubToken: get('github-token'),
    install: choice('install', installModes) ?? 'never',
    doctor: flag('doctor') ?? false,
    cache: flag('cache') ?? false,
    installRunner: flag('install-runner') ?? false,
    allowUntrustedInstall: flag('allow-untrusted-install') ?? false,
    worker: choice('worker', workers),
    workingDirectory: text('working-directory') ?? '.',
    files: reportFileInputs.map((input) => ({ input, path: get(input) })).filter(({ path }) => path !== ''),
  };
  if (inputs.cache && inputs.install === 'never') {
    problems.push(
      'input cache is true, and install is never: there is nothing to keep. Set install to missing.',
    );
  }
  if (problems.length > 0) throw new UsageError(problems);
  return inputs;
}

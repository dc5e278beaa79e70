import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, expect } from 'vitest';
import { parse } from 'yaml';
import type { Reading } from './runner.ts';
import { readLog, readOutputs } from './runner.ts';

/** The node that runs the product; MODEL_CHECK_NODE names another one than that of the tests. */
const node = process.env.MODEL_CHECK_NODE || process.execPath;
/** The built product; MODEL_CHECK_DIST names another build than dist/, for example while that one is rebuilt. */
const dist = resolve(process.env.MODEL_CHECK_DIST || 'dist');
export const cliFile = join(dist, 'cli', 'index.js');
export const actionFile = join(dist, 'main', 'index.js');

/** Longest that any run may take: the only assertion about time. */
export const processTimeoutMs = 20_000;

export const isWindows = process.platform === 'win32';
export const isRoot = process.getuid?.() === 0;
/** The user `nobody`: what a test does as root must not be what root alone may do. */
export const nobody = 65_534;

export type Tree = Record<string, string | Uint8Array>;

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A new folder with these files, removed after the tests of the file. Anybody may read it. */
export function folderOf(files: Tree = {}): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'model-check-test-')));
  chmodSync(folder, 0o755);
  folders.push(folder);
  write(folder, files);
  return folder;
}

export function write(folder: string, files: Tree): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

/** An example of this project, for use in a tree. */
export function example(name: string): string {
  return readFileSync(join('examples', name), 'utf8');
}

/** All of examples/, below `examples/`. */
export function examples(): Tree {
  const names = [
    'targets.yaml',
    'catalog.json',
    'blueprints/summarizer.json',
    ...['contract_reader', 'release_notes'].flatMap((name) => [
      `blueprints/${name}/manifest.json`,
      `blueprints/${name}/config/default.json`,
    ]),
    ...['manifest.json', 'config/default.json', 'config/overwrite.json'].map(
      (name) => `blueprints/support_assistant/${name}`,
    ),
  ];
  return Object.fromEntries(names.map((name) => [`examples/${name}`, example(name)]));
}

/** A single-file blueprint whose only config asks for this model. */
export function blueprint(model: unknown, more: Record<string, unknown> = {}): string {
  const primary = { provider: 'docker_model_runner', model, context_size: 4096, ...more };
  return JSON.stringify({ llm: { configs: { primary } } });
}

export interface Result {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Run as `nobody`; only root can. */
  asNobody?: boolean;
  /** Close stdout after so many bytes, as `head` does. */
  closeAfter?: number;
  /** Gets the process, to send it signals and to read along. */
  onStart?: (child: ChildProcess) => void;
}

let home: string | null = null;

/** Nothing of the environment of the tests but what a program needs to start. */
function environment(more: Record<string, string>): Record<string, string> {
  home ??= folderOf();
  const needed = ['SystemRoot', 'TEMP', 'TMP', 'TMPDIR'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  // No PATH: nothing but the fake programs of a test is found.
  // No Docker Model Runner of whoever runs the tests either; an empty MODEL_RUNNER_HOST looks for one as usual.
  const runner = { MODEL_RUNNER_HOST: 'http://127.0.0.1:9' };
  return { ...Object.fromEntries(needed), PATH: home, HOME: home, USERPROFILE: home, ...runner, ...more };
}

/** Runs a bundle to its end. Its output is captured and never printed: it may hold workflow commands. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return new Promise((done, fail) => {
    const child = spawn(node, [file, ...args], {
      cwd: options.cwd ?? folderOf(),
      env: environment(options.env ?? {}),
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.asNobody ? { uid: nobody, gid: nobody } : {}),
    });
    options.onStart?.(child);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let bytes = 0;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, processTimeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      out.push(chunk);
      bytes += chunk.length;
      if (options.closeAfter !== undefined && bytes >= options.closeAfter) child.stdout.destroy();
    });
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', fail);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(out).toString();
      const stderr = Buffer.concat(err).toString();
      if (late)
        fail(new Error(`no end after ${processTimeoutMs} ms: ${args.join(' ')}\n${stderr.slice(0, 2000)}`));
      else done({ code, signal, stdout, stderr });
    });
  });
}

/** Runs `mn`. */
export function mn(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return run(cliFile, args, options);
}

/** Time and temporary places differ between runs. */
export function normal(text: string, folder = '\0'): string {
  return text
    .replaceAll(folder, '<folder>')
    .replace(/ · (?:\d+ ms|\d+\.\d s|\d+ min \d+ s)$/gm, ' · <time>')
    .replace(/^(debug: )\d+ ms/gm, '$1<time>');
}

/** No run ends by a signal, with another code than the documented ones, or with a stack trace. */
export function expectNoCrash({ code, signal, stdout, stderr }: Result): void {
  expect({ signal, isDocumented: code === 0 || code === 1 || code === 2 }, stderr.slice(0, 2000)).toEqual({
    signal: null,
    isDocumented: true,
  });
  for (const text of [stdout, stderr]) {
    expect(text).not.toMatch(/^\s+at .+:\d+:\d+\)?$/m);
    expect(text).not.toMatch(/wrong in Model Check itself|node:internal|UnhandledPromise|heap out of memory/);
  }
}

interface ActionMetadata {
  inputs: Record<string, { default?: string }>;
  outputs: Record<string, unknown>;
}

export function actionMetadata(): ActionMetadata {
  return parse(readFileSync('action.yml', 'utf8')) as ActionMetadata;
}

export interface ActionOptions extends RunOptions {
  inputs?: Record<string, string>;
  /** Leave GITHUB_STEP_SUMMARY or GITHUB_OUTPUT out. */
  without?: readonly ('summary' | 'output')[];
}

export interface ActionResult extends Result {
  /** What the runner makes of the log. */
  log: Reading;
  /** The output file as the runner reads it. */
  outputs: Map<string, string>;
  summary: string;
  /** What the output `report` names; null where there is none. */
  report: JsonReport | null;
}

/** Runs the action in a workspace the way the runner does. */
export async function act(workspace: string, options: ActionOptions = {}): Promise<ActionResult> {
  const runnerFolder = folderOf({ output: '', summary: '', 'temp/keep': '' });
  if (options.asNobody)
    for (const name of ['output', 'summary', 'temp']) chmodSync(join(runnerFolder, name), 0o777);
  const given = options.inputs ?? {};
  const { inputs } = actionMetadata();
  const values: Record<string, string> = { ...given };
  for (const [name, input] of Object.entries(inputs)) values[name] ??= input.default ?? '';
  const variables = Object.entries(values).map(([name, value]) => [
    `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`,
    value,
  ]);
  const result = await run(actionFile, [], {
    ...options,
    cwd: options.cwd ?? workspace,
    env: {
      ...(Object.fromEntries(variables) as Record<string, string>),
      GITHUB_ACTIONS: 'true',
      GITHUB_WORKSPACE: workspace,
      RUNNER_TEMP: join(runnerFolder, 'temp'),
      RUNNER_ENVIRONMENT: 'github-hosted',
      ...(options.without?.includes('output') ? {} : { GITHUB_OUTPUT: join(runnerFolder, 'output') }),
      ...(options.without?.includes('summary') ? {} : { GITHUB_STEP_SUMMARY: join(runnerFolder, 'summary') }),
      ...options.env,
    },
  });
  const outputs = readOutputs(readFileSync(join(runnerFolder, 'output'), 'utf8'));
  const named = outputs.get('report');
  const path = named === undefined ? undefined : resolve(workspace, named);
  return {
    ...result,
    log: readLog(result.stdout),
    outputs,
    summary: readFileSync(join(runnerFolder, 'summary'), 'utf8'),
    report: path !== undefined && existsSync(path) ? readReport(readFileSync(path, 'utf8')) : null,
  };
}

export interface JsonFinding {
  id: string;
  severity: 'error' | 'warning' | 'note';
  message: string;
  help: string;
  file: string | null;
  line: number | null;
  column: number | null;
  end_line: number | null;
  end_column: number | null;
  targets: string[];
  fix: { description: string; value: string } | null;
}

/** The parts of a report that the tests look at. */
export interface JsonReport {
  ok: boolean;
  summary: Record<string, number>;
  targets: {
    id: string;
    name: string;
    required: boolean;
    measured: boolean;
    overridden?: string[];
    memory_gb?: number | null;
    gpus: { name: string | null }[];
  }[];
  verdicts: { model: string; target: string; status: string; ok: boolean; forced: boolean }[];
  blueprints: { path: string; id: string; declarations: { ref: string | null; model: string | null }[] }[];
  findings: JsonFinding[];
}

export function readReport(text: string): JsonReport {
  return JSON.parse(text) as JsonReport;
}

/**
 * Whether a file can be made that the product may not read. Root reads everything, so as root such tests run it
 * as another user, where that one can run it.
 */
export const canForbid: boolean = !isWindows && (!isRoot || (await runsAsNobody()));

async function runsAsNobody(): Promise<boolean> {
  try {
    return (await mn(['--version'], { asNobody: true })).code === 0;
  } catch {
    return false;
  }
}

import { guardLines } from '../report/guard.ts';
import { safeJson } from '../report/json.ts';
import { elapsed } from '../report/words.ts';
import type { DownloadEvent } from '../runner/download.ts';
import { gate, type InstallWish, install, type PrepareEvent } from '../runner/install.ts';
import { bytesText } from '../text/bytes.ts';
import { count, printable } from '../text/text.ts';
import { catalogOf } from './known-models.ts';
import type { Steps } from './progress.ts';
import {
  connect,
  entriesOf,
  findRunner,
  type Plan,
  type Problem,
  planOf,
  problemOf,
  Stop,
  stepsOn,
  tellDisk,
  tellHardware,
  tellRemote,
  thisMachine,
  turn,
  worldOf,
} from './runner.ts';
import type { Terminal } from './terminal.ts';

export interface InstallOptions {
  catalog: string[];
  set: string[];
  backend?: string;
  /** Tokens. */
  contextSize?: number;
  force: boolean;
  json: boolean;
  verbose: boolean;
}

/** What was done with one model. */
export interface Outcome {
  status: 'installed' | 'already_installed' | 'failed' | 'blocked';
  digest: string | null;
  bytes: number;
  seconds: number;
  from: 'network' | 'present' | null;
  contextSize: number | null;
  error: Problem | null;
}

/** `mn model install`. Returns the exit code. */
export async function modelInstall(
  refs: readonly string[],
  options: InstallOptions,
  terminal: Terminal,
): Promise<number> {
  const catalog = await catalogOf(options.catalog, terminal);
  const entries = entriesOf(catalog, refs);
  const { steps, end } = stepsOn(terminal);
  const stop = new Stop();
  const command = `mn model install ${entries.map(({ id }) => id).join(' ')}`;
  const { enter, release } = turn(command, steps, stop.signal);
  try {
    const [target, located] = await Promise.all([thisMachine(options.set), findRunner()]);
    const plans = planOf(entries, catalog, target, options);
    const done = new Map<Plan, Outcome>();
    // Whether the runner is there does not matter to what does not run here anyway.
    if (plans.every(({ verdict }) => !verdict.ok)) {
      for (const plan of plans) {
        tellHardware(plan, target, steps);
        done.set(plan, blocked(plan));
      }
    } else {
      const connected = connect(located, options.verbose, steps);
      const world = worldOf(connected, { steps, signal: stop.signal, verbose: options.verbose, enter });
      for (const plan of plans) {
        if (stop.code !== null) {
          done.set(plan, nothing('failed', notBegun('install', plan)));
          continue;
        }
        if (plans.length > 1) steps.line(' ', 'model', printable(`${plan.wish.id}, ${plan.wish.ref}`));
        tellHardware(plan, target, steps);
        if (plan.verdict.ok) tellRemote(connected.endpoint, steps);
        const outcome = plan.verdict.ok ? await one(plan, world, steps) : blocked(plan);
        done.set(plan, outcome);
        if (plans.length > 1) tellFailed(plan, outcome.error, steps);
      }
    }
    end();
    report(done, options.json, terminal);
    return stop.code ?? ([...done.values()].every(({ error }) => error === null) ? 0 : 1);
  } finally {
    end();
    release();
    stop.end();
  }
}

function nothing(status: Outcome['status'], error: Problem | null): Outcome {
  return { status, digest: null, bytes: 0, seconds: 0, from: null, contextSize: null, error };
}

function blocked({ wish }: Plan): Outcome {
  try {
    gate(wish);
  } catch (error) {
    return nothing('blocked', problemOf(error));
  }
  throw new Error('what is blocked has a reason');
}

async function one(
  { wish, entry }: Plan,
  world: Parameters<typeof install>[1],
  steps: Steps,
): Promise<Outcome> {
  const start = world.now();
  const outcome = nothing('failed', null);
  try {
    for await (const event of install(wish, world)) {
      if (event.step === 'present') {
        outcome.status = 'already_installed';
        outcome.digest = event.model.digest;
        outcome.from = 'present';
      } else tell(event, outcome, wish.ref, steps);
    }
    if (outcome.status === 'failed') outcome.status = 'installed';
  } catch (error) {
    steps.end();
    outcome.status = 'failed';
    outcome.error = problemIn('install', wish, outcome.digest, error);
    const { catalog, line } = entry.source;
    if (outcome.error.kind === 'invalid-reference' && line !== null) {
      outcome.error.help = `Correct its model in ${printable(catalog)}:${line}. ${outcome.error.help}`;
    }
  }
  outcome.seconds = Math.round(world.now() - start) / 1000;
  return outcome;
}

/** Shows a step, and keeps what it says of the outcome. */
export function tell(
  event: DownloadEvent | PrepareEvent,
  outcome: Pick<Outcome, 'digest' | 'bytes' | 'from' | 'contextSize'>,
  ref: string,
  steps: Steps,
): void {
  const name = printable(ref);
  switch (event.step) {
    case 'disk':
      tellDisk(event, steps);
      steps.pulling(name, event.neededBytes);
      break;
    case 'pull':
      if (event.event.type === 'progress') {
        outcome.bytes = event.event.doneBytes;
        steps.progress(event.event.doneBytes, event.event.totalBytes);
      } else if (event.event.type === 'status') steps.passing('pulling', event.event.text);
      else if (event.event.type === 'warning') steps.line('⚠', 'pulling', event.event.text);
      else
        steps.line(
          ' ',
          'waiting',
          'for Docker Model Runner: it pulls two models at a time, and has not begun',
        );
      break;
    case 'retry':
      steps.line('⚠', 'retry', `in ${event.waitMs / 1000} s: ${event.error.message}`);
      break;
    case 'installed':
      outcome.digest = event.model.digest;
      outcome.bytes = event.bytes;
      outcome.from = event.cached ? 'present' : 'network';
      steps.end();
      steps.line(
        '✓',
        'pulled',
        event.cached
          ? `${name}: all of it was there already`
          : `${name}: ${bytesText(event.bytes)} in ${elapsed(event.ms)}`,
      );
      break;
    case 'context':
      outcome.contextSize = event.contextSize;
      steps.line('✓', 'context', `${count(event.contextSize, 'token')}, until Docker Model Runner restarts`);
      break;
    case 'loading':
      steps.passing('loading', name);
      break;
    case 'loaded':
      steps.line('✓', 'loaded', `in ${elapsed(event.ms)}`);
      break;
  }
}

function report(done: ReadonlyMap<Plan, Outcome>, json: boolean, terminal: Terminal): void {
  const all = [...done];
  if (json) {
    const value = {
      schema: 'model-check.install/v1',
      ok: all.every(([, { error }]) => error === null),
      models: all.map(([{ entry, verdict }, outcome]) => ({
        id: entry.id,
        docker_model: entry.dockerModel,
        status: outcome.status,
        digest: outcome.digest,
        bytes: outcome.bytes,
        seconds: outcome.seconds,
        from: outcome.from,
        context_size: outcome.contextSize,
        forced: verdict.forced,
        warnings: warningsOf(verdict),
        error: outcome.error,
      })),
    };
    terminal.out(`${safeJson(value, 2)}\n`);
  }
  for (const [{ wish }, outcome] of all) {
    if (outcome.error !== null) terminal.err(errorText(wish.id, outcome));
    else if (!json) terminal.out(guardLines(`${doneText(wish.id, printable(wish.ref), outcome)}\n`));
  }
}

export function warningsOf({ forced, status, message, help }: Plan['verdict']): string[] {
  return forced || status === 'warning' ? [`${message}. ${help}`] : [];
}

function doneText(id: string, ref: string, { status, digest, seconds }: Outcome): string {
  const short = (digest ?? '').slice(0, 19);
  return status === 'installed'
    ? `${id} is installed: ${ref}, ${short}, in ${elapsed(seconds * 1000)}`
    : `${id} is already installed: ${ref}, ${short}`;
}

/** Why one model failed or was stopped, with what to do. */
export function errorText(id: string, { error, digest }: Pick<Outcome, 'error' | 'digest'>): string {
  const { kind, message, help } = error as Problem;
  if (kind === 'cancelled') return `stopped: ${message}\n  ${help}\n`;
  const there = digest === null ? '' : `${id} is installed, and the last step failed. `;
  return `error: ${there}${message}\n  ${help}\n`;
}

/** What went wrong; of a run that was stopped, what the next one will find. `digest` is null before the pull is done. */
export function problemIn(
  verb: 'install' | 'update',
  { id, ref }: InstallWish,
  digest: string | null,
  error: unknown,
): Problem {
  const problem = problemOf(error);
  if (problem.kind !== 'cancelled') return problem;
  const again = `mn model ${verb} ${id}`;
  if (digest !== null)
    return { ...problem, message: `${id} is there, and was not loaded.`, help: 'It loads at its first use.' };
  const kept = /^(?:hf|huggingface)\.co\//i.test(ref)
    ? 'begins anew: of an unfinished download from Hugging Face nothing is kept.'
    : 'goes on where it stopped.';
  return { ...problem, message: `the download of ${id} is not complete.`, help: `${again} ${kept}` };
}

export function notBegun(verb: 'install' | 'update', { wish }: Plan): Problem {
  return {
    kind: 'cancelled',
    message: `${wish.id} was not begun.`,
    help: `mn model ${verb} ${wish.id} does it.`,
  };
}

/** Where several models are worked on, the reasons come together at the end. */
export function tellFailed({ wish }: Plan, error: Problem | null, steps: Steps): void {
  if (error !== null && error.kind !== 'cancelled') steps.line('✗', 'failed', `${wish.id}, see below`);
}

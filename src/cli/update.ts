import type { CatalogEntry } from '../catalog/entry.ts';
import { guardLines } from '../report/guard.ts';
import { safeJson } from '../report/json.ts';
import { elapsed } from '../report/words.ts';
import { UsageError } from '../run/usage-error.ts';
import type { ModelRunner } from '../runner/client.ts';
import { isTagOf, parseReference } from '../runner/reference.ts';
import { type UpdateWorld, update } from '../runner/update.ts';
import { printable } from '../text/text.ts';
import { errorText, notBegun, problemIn, tell, tellFailed, warningsOf } from './install.ts';
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
  tellHardware,
  tellRemote,
  thisMachine,
  turn,
  worldOf,
} from './runner.ts';
import type { Terminal } from './terminal.ts';

export interface UpdateOptions {
  all: boolean;
  catalog: string[];
  set: string[];
  force: boolean;
  json: boolean;
  verbose: boolean;
}

/** What was done with one model. */
interface Outcome {
  status: 'updated' | 'unchanged' | 'not_checked' | 'not_installed' | 'failed' | 'blocked';
  /** Digest before. */
  before: string | null;
  digest: string | null;
  /** Digest of the model that was removed because it lost its tag. */
  removed: string | null;
  bytes: number;
  seconds: number;
  from: 'network' | 'present' | null;
  contextSize: number | null;
  error: Problem | null;
}

/** `mn model update`. Returns the exit code. */
export async function modelUpdate(
  refs: readonly string[],
  options: UpdateOptions,
  terminal: Terminal,
): Promise<number> {
  if (options.all === refs.length > 0) {
    throw new UsageError([
      options.all
        ? '--all updates every installed model. Leave the names out, or leave --all out.'
        : 'no model is named. Name one, or give --all for every installed model.',
    ]);
  }
  const catalog = await catalogOf(options.catalog, terminal);
  const named = entriesOf(catalog, refs);
  const { steps, end } = stepsOn(terminal);
  const stop = new Stop();
  const command = `mn model update ${options.all ? '--all' : named.map(({ id }) => id).join(' ')}`;
  const { enter, release } = turn(command, steps, stop.signal);
  try {
    const [target, located] = await Promise.all([thisMachine(options.set), findRunner()]);
    const connected = connect(located, options.verbose, steps);
    const { runner, endpoint } = connected;
    const entries = options.all ? await installedEntries(catalog.entries, runner, steps) : named;
    const world = worldOf(connected, { steps, signal: stop.signal, verbose: options.verbose, enter });
    if (entries.length > 0) tellRemote(endpoint, steps);
    const done = new Map<Plan, Outcome>();
    for (const plan of planOf(entries, catalog, target, options)) {
      if (stop.code !== null) {
        done.set(plan, { ...nothing, error: notBegun('update', plan) });
        continue;
      }
      if (entries.length > 1) steps.line(' ', 'model', printable(`${plan.wish.id}, ${plan.wish.ref}`));
      tellHardware(plan, target, steps);
      const outcome = await one(plan, world, steps);
      done.set(plan, outcome);
      if (entries.length > 1) tellFailed(plan, outcome.error, steps);
    }
    end();
    report(done, options, terminal);
    return stop.code ?? ([...done.values()].every(({ error }) => error === null) ? 0 : 1);
  } finally {
    end();
    release();
    stop.end();
  }
}

/** The entries of the catalog that are installed; what no catalog knows is named. */
async function installedEntries(
  entries: readonly CatalogEntry[],
  runner: ModelRunner,
  steps: Steps,
): Promise<CatalogEntry[]> {
  let models: Awaited<ReturnType<ModelRunner['list']>>;
  try {
    models = await runner.list();
  } catch (error) {
    const { message, help } = problemOf(error);
    throw new UsageError([`${message} ${help}`]);
  }
  const known = entries.flatMap((entry) => {
    try {
      return [{ entry, name: parseReference(entry.dockerModel).name }];
    } catch {
      // No name of a model, so none that is installed.
      return [];
    }
  });
  const others = models.flatMap(({ tags }) =>
    tags.filter((tag) => !known.some(({ name }) => isTagOf(name, tag))),
  );
  if (others.length > 0) steps.line(' ', 'left out', `no catalog knows ${others.join(', ')}`);
  const isThere = (name: string) => models.some(({ tags }) => tags.some((tag) => isTagOf(name, tag)));
  return known.filter(({ name }) => isThere(name)).map(({ entry }) => entry);
}

const nothing: Outcome = {
  status: 'failed',
  before: null,
  digest: null,
  removed: null,
  bytes: 0,
  seconds: 0,
  from: null,
  contextSize: null,
  error: null,
};

async function one(plan: Plan, world: UpdateWorld, steps: Steps): Promise<Outcome> {
  const { wish } = plan;
  const start = world.now();
  const outcome = { ...nothing };
  try {
    for await (const event of update(wish, world)) {
      switch (event.step) {
        case 'found':
          outcome.before = event.digest;
          break;
        case 'unchanged':
        case 'unchecked':
          outcome.status = event.step === 'unchanged' ? 'unchanged' : 'not_checked';
          outcome.digest = outcome.before;
          break;
        case 'changed':
          steps.line('✓', 'changed', `from ${event.from.slice(0, 19)} to ${event.to.slice(0, 19)}`);
          break;
        case 'old':
          if (event.why === null) outcome.removed = event.digest;
          steps.line(
            event.why === null ? '✓' : ' ',
            event.why === null ? 'removed' : 'kept',
            `${event.digest.slice(0, 19)}, which was it before${event.why === null ? '' : `: ${event.why}`}`,
          );
          break;
        default:
          tell(event, outcome, wish.ref, steps);
      }
    }
    if (outcome.status === 'failed') outcome.status = 'updated';
  } catch (error) {
    steps.end();
    outcome.error = problemIn('update', wish, outcome.digest, error);
    const { kind } = outcome.error;
    outcome.status =
      kind === 'incompatible' ? 'blocked' : kind === 'not-installed' ? 'not_installed' : 'failed';
  }
  outcome.seconds = Math.round(world.now() - start) / 1000;
  return outcome;
}

function report(done: ReadonlyMap<Plan, Outcome>, { json, all }: UpdateOptions, terminal: Terminal): void {
  const list = [...done];
  if (json) {
    const value = {
      schema: 'model-check.update/v1',
      ok: list.every(([, { error }]) => error === null),
      models: list.map(([{ entry, verdict }, outcome]) => ({
        id: entry.id,
        docker_model: entry.dockerModel,
        status: outcome.status,
        before: outcome.before,
        digest: outcome.digest,
        removed: outcome.removed,
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
  } else if (all && list.length === 0) {
    terminal.out('No model of the catalog is installed. mn model list shows what there is.\n');
  }
  for (const [{ wish }, outcome] of list) {
    if (outcome.error !== null) terminal.err(errorText(wish.id, outcome));
    else if (!json) terminal.out(guardLines(`${doneText(wish.id, printable(wish.ref), outcome)}\n`));
  }
}

function doneText(id: string, ref: string, { status, digest, seconds }: Outcome): string {
  const short = (digest ?? '').slice(0, 19);
  switch (status) {
    case 'updated':
      return `${id} is updated: ${ref}, ${short}, in ${elapsed(seconds * 1000)}`;
    case 'not_checked':
      return `${id} was not checked: Docker Model Runner never looks for a newer model on Hugging Face.\n  To get what is there now: mn model remove ${id} --yes && mn model install ${id}`;
    default:
      return `${id} has not changed: ${ref}, ${short}`;
  }
}

import { guardLines } from '../report/guard.ts';
import { safeJson } from '../report/json.ts';
import { UsageError } from '../run/usage-error.ts';
import { RunnerError } from '../runner/errors.ts';
import { bytesOfSize, findRemoval, type Removal, remove } from '../runner/remove.ts';
import { bytesText } from '../text/bytes.ts';
import { didYouMean } from '../text/nearest.ts';
import { count, printable, short } from '../text/text.ts';
import { catalogOf, unknownModel } from './known-models.ts';
import { connect, findRunner, type Problem, problemOf, Stop, stepsOn, turn } from './runner.ts';
import type { Terminal } from './terminal.ts';

export interface RemoveOptions {
  catalog: string[];
  force: boolean;
  yes: boolean;
  json: boolean;
  verbose: boolean;
}

interface Outcome {
  status: 'removed' | 'not_installed' | 'declined' | 'failed';
  untagged: readonly string[];
  deleted: readonly string[];
  freedBytes: number | null;
  unloaded: boolean;
  error: Problem | null;
}

/** `mn model remove`. Returns the exit code. */
export async function modelRemove(ref: string, options: RemoveOptions, terminal: Terminal): Promise<number> {
  if (!options.yes && !(process.stdin.isTTY === true && terminal.watched)) {
    throw new UsageError([`nobody can be asked here whether to remove ${short(ref)}. Give --yes.`]);
  }
  const catalog = await catalogOf(options.catalog, terminal);
  const entry = catalog.resolve(ref)?.entry ?? null;
  const { steps, end } = stepsOn(terminal);
  const stop = new Stop();
  const { enter, release } = turn(`mn model remove ${short(ref)}`, steps, stop.signal);
  try {
    const { runner } = connect(await findRunner(), options.verbose, steps);
    const outcome: Outcome = {
      status: 'failed',
      untagged: [],
      deleted: [],
      freedBytes: null,
      unloaded: false,
      error: null,
    };
    try {
      const models = await runner.list();
      const removal = findRemoval(entry?.dockerModel ?? ref, models);
      if (removal === null && entry === null) {
        const tags = models.flatMap((model) => model.tags);
        throw new UsageError([
          `${unknownModel(catalog, ref)}, ${count(tags.length, 'installed model')}.${didYouMean(ref, tags)}`,
        ]);
      }
      if (removal === null) {
        outcome.status = 'not_installed';
        throw new RunnerError(
          'not-installed',
          `${short(ref)} is not installed.`,
          'mn model list shows what is.',
        );
      }
      if (options.yes || (await isConfirmed(removal, stop.signal, terminal))) {
        await enter();
        const { untagged, deleted, unloaded } = await remove(removal, options.force, runner);
        const isFreed = deleted.includes(removal.model.digest);
        const freedBytes = isFreed ? bytesOfSize(removal.model.size) : null;
        Object.assign(outcome, { status: 'removed', untagged, deleted, unloaded, freedBytes });
      } else outcome.status = 'declined';
      end();
      report(ref, entry?.id ?? null, outcome, removal, options, terminal);
    } catch (error) {
      end();
      if (error instanceof UsageError) throw error;
      outcome.error = problemOf(error);
      report(ref, entry?.id ?? null, outcome, null, options, terminal);
    }
    return stop.code ?? (outcome.error === null && outcome.status === 'removed' ? 0 : 1);
  } finally {
    end();
    release();
    stop.end();
  }
}

/** Asks, on a terminal. Whatever is no yes is no. */
async function isConfirmed(
  { model, tag, staying }: Removal,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<boolean> {
  const size = model.size === null ? '' : `, ${model.size}`;
  const what =
    tag !== null && staying.length > 0
      ? `Remove the tag ${tag}? Its model stays as ${staying.join(', ')}.`
      : `Remove ${tag ?? model.digest.slice(0, 19)}${size}? It must be downloaded again to come back.`;
  terminal.err(`${what} [y/N] `);
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    return /^y(?:es)?$/i.test((await lines.question('', { signal })).trim());
  } catch {
    terminal.err('\n');
    return false;
  } finally {
    lines.close();
  }
}

function report(
  ref: string,
  id: string | null,
  outcome: Outcome,
  removal: Removal | null,
  { json }: RemoveOptions,
  terminal: Terminal,
): void {
  const { status, untagged, deleted, freedBytes, unloaded, error } = outcome;
  if (json) {
    const value = {
      schema: 'model-check.remove/v1',
      ok: status === 'removed',
      ref,
      id,
      status,
      untagged,
      deleted,
      freed_bytes: freedBytes,
      unloaded,
      error,
    };
    terminal.out(`${safeJson(value, 2)}\n`);
  }
  if (error !== null) terminal.err(`error: ${error.message}\n  ${error.help}\n`);
  else if (status === 'declined') terminal.err('nothing was removed.\n');
  else if (!json) {
    const freed = freedBytes === null ? '' : `, about ${bytesText(freedBytes)} freed`;
    const lines = [
      ...(unloaded ? ['unloaded from memory'] : []),
      ...untagged.map((tag) => `untagged ${tag}`),
      ...deleted.map((digest) => `deleted ${digest}${freed}`),
      ...(deleted.length > 0 || removal === null
        ? []
        : [`kept ${removal.model.digest}: it is ${removal.staying.join(', ')} too`]),
    ];
    terminal.out(guardLines(`${lines.map(printable).join('\n')}\n`));
  }
}

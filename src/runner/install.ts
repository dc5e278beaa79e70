import type { Verdict } from '../compatibility/verdict.ts';
import { gigabytes } from '../text/text.ts';
import type { ModelRunner } from './client.ts';
import { RunnerError, runnerError } from './errors.ts';
import { parseReference } from './reference.ts';
import type { InstalledModel, PullEvent } from './types.ts';

/** One model to install. */
export interface InstallWish {
  /** As Docker knows it: `ai/gemma4:E2B`. */
  ref: string;
  /** What the table says of it on this machine, forced or not; null where no catalog knows the model. */
  verdict: Pick<Verdict, 'ok' | 'message' | 'help'> | null;
  backend: string | null;
  /** Tokens; null leaves it to the engine. */
  contextSize: number | null;
  /** Sets the context size of a model that is there already, too. */
  isContextAsked: boolean;
  isEmbedding: boolean;
  /** `sha256:…` of a lock file; null for any. */
  digest: string | null;
  /** For Hugging Face only. */
  token: string | null;
}

/** What installing needs of the world. */
export interface InstallWorld {
  runner: Pick<ModelRunner, 'get' | 'pull' | 'configure' | 'preload' | 'unload'>;
  /** What the registry tells of a model; null where it cannot be asked. */
  lookUp(name: string): Promise<{ bytes: number; digest: string } | null>;
  /** Bytes free where the runner stores models; null where that is not known. */
  freeBytes(): Promise<number | null>;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  signal?: AbortSignal;
}

/** The steps in their order; those that do not apply are left out. */
export type InstallEvent =
  /** It is there: nothing is downloaded. */
  | { step: 'present'; model: InstalledModel }
  /** Bytes that it takes, and that are free; null where not known. */
  | { step: 'disk'; neededBytes: number | null; freeBytes: number | null }
  | { step: 'pull'; event: PullEvent }
  /** Proven. `bytes` came down in `ms`, what an earlier try left on disk included. */
  | { step: 'installed'; model: InstalledModel; cached: boolean; bytes: number; ms: number }
  | { step: 'context'; contextSize: number }
  | { step: 'loaded'; ms: number };

/** Free space that must be left over. */
const margin = 1.1;

/**
 * Installs one model: hardware, disk, pull, context size, first load. Throws a RunnerError at the first step that
 * fails; nothing is touched before hardware and disk are known to suffice. To be called for one model after the
 * other: the runner gets confused by pulls side by side.
 */
export async function* install(
  wish: InstallWish,
  world: InstallWorld,
): AsyncGenerator<InstallEvent, void, undefined> {
  const { name, digest: pinned } = parseReference(wish.ref);
  const expected = wish.digest ?? pinned;
  gate(name, wish.verdict);
  const there = await world.runner.get(name);
  if (there !== null) {
    if (expected !== null && there.digest !== expected) {
      throw runnerError('digest-mismatch', `${name} with ${there.digest}`);
    }
    yield { step: 'present', model: there };
    if (wish.isContextAsked) yield* prepare(name, wish, world);
    return;
  }
  yield await disk(name, expected, world);
  yield* pull(name, expected, wish, world);
  yield* prepare(name, wish, world);
}

function gate(name: string, verdict: InstallWish['verdict']): void {
  if (verdict === null || verdict.ok) return;
  throw new RunnerError('incompatible', `${name} does not run here: ${verdict.message}.`, verdict.help);
}

async function disk(name: string, expected: string | null, world: InstallWorld): Promise<InstallEvent> {
  const [found, freeBytes] = await Promise.all([world.lookUp(name), world.freeBytes()]);
  if (found !== null && expected !== null && found.digest !== expected) {
    throw runnerError('digest-mismatch', `${name} with ${found.digest}`);
  }
  // The runner downloads from Hugging Face to one place and copies to another.
  const copies = name.startsWith('huggingface.co/') ? 2 : 1;
  const neededBytes = found === null ? null : found.bytes * copies;
  if (neededBytes !== null && freeBytes !== null && freeBytes < neededBytes * margin) {
    throw new RunnerError(
      'out-of-disk',
      `${name} needs ${gigabytes((neededBytes * margin) / 1e9)} of disk, and ${gigabytes(freeBytes / 1e9)} is free.`,
      'Free space, or remove models with mn model remove.',
    );
  }
  return { step: 'disk', neededBytes, freeBytes };
}

async function* pull(
  name: string,
  digest: string | null,
  { token }: InstallWish,
  { runner, now, signal }: InstallWorld,
): AsyncGenerator<InstallEvent, void, undefined> {
  const start = now();
  let bytes = 0;
  for await (const event of runner.pull(name, { digest, token, ...(signal ? { signal } : {}) })) {
    if (event.type === 'done') {
      yield { step: 'installed', model: event.model, cached: event.cached, bytes, ms: now() - start };
      continue;
    }
    if (event.type === 'progress') bytes = event.doneBytes;
    yield { step: 'pull', event };
  }
}

/** Sets the context size, and proves that the model loads with it. */
async function* prepare(
  name: string,
  { backend, contextSize, isEmbedding }: InstallWish,
  { runner, signal }: InstallWorld,
): AsyncGenerator<InstallEvent, void, undefined> {
  if (contextSize !== null) {
    const settings = { backend, contextSize, isEmbedding };
    try {
      await runner.configure(name, settings);
    } catch (error) {
      // A model in memory keeps its context size until it is unloaded.
      if (!(error instanceof RunnerError && error.kind === 'in-use')) throw error;
      await runner.unload([name]);
      await runner.configure(name, settings);
    }
    yield { step: 'context', contextSize };
  }
  const { ms } = await runner.preload(name, { backend, isEmbedding, ...(signal ? { signal } : {}) });
  yield { step: 'loaded', ms };
}

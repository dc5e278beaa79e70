import type { Verdict } from '../compatibility/verdict.ts';
import type { ModelRunner } from './client.ts';
import { type DownloadEvent, type DownloadWorld, download, published } from './download.ts';
import { isEmbeddingModel } from './embedding.ts';
import { otherDigest, RunnerError } from './errors.ts';
import { parseReference } from './reference.ts';
import type { InstalledModel } from './types.ts';

/** One model to install or to update. */
export interface InstallWish {
  /** As people call it: `gemma4:e2b`. */
  id: string;
  /** As Docker knows it: `ai/gemma4:E2B`. */
  ref: string;
  /** What the table says of it on this machine, forced or not; null where no catalog knows the model. */
  verdict: Pick<Verdict, 'ok' | 'message' | 'help'> | null;
  /** `llama.cpp`, `vllm`; null leaves it to the runner. */
  backend: string | null;
  /** Tokens; null leaves it to the engine. */
  contextSize: number | null;
  /** Sets the context size of a model that is there already, too. */
  isContextAsked: boolean;
  /** For Hugging Face only. */
  token: string | null;
}

/** What installing needs of the world. */
export interface InstallWorld extends DownloadWorld {
  runner: Pick<ModelRunner, 'get' | 'pull' | 'configure' | 'preload' | 'unload'>;
  /** Waits until nobody else on this machine changes what the runner has. May be called again. */
  enter(): Promise<void>;
}

/** The steps in their order; those that do not apply are left out. */
export type InstallEvent =
  /** It is there: nothing is downloaded. */
  { step: 'present'; model: InstalledModel } | DownloadEvent | PrepareEvent;

export type PrepareEvent =
  /** Tokens. The runner forgets it when it restarts. */
  { step: 'context'; contextSize: number } | { step: 'loading' } | { step: 'loaded'; ms: number };

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
  const digest = world.expectedDigest(name) ?? pinned;
  gate(wish);
  const { runner } = world;
  let there = await runner.get(name);
  if (there === null) {
    await world.enter();
    // Whoever was waited for may have installed it.
    there = await runner.get(name);
  }
  if (there !== null) {
    if (digest !== null && there.digest !== digest) {
      const fix = `Bring the one that is expected: mn model update ${wish.id}. Where the other is right: mn catalog lock`;
      throw otherDigest(`What is installed as ${name}`, there.digest, digest, fix);
    }
    yield { step: 'present', model: there };
    if (wish.isContextAsked) yield* prepare(name, there, wish, world);
    return;
  }
  const wanted = { name, digest, token: wish.token };
  const model = yield* download(wanted, await published(wanted, world), world);
  yield* prepare(name, model, wish, world);
}

/** Throws where the hardware does not do. */
export function gate({ id, verdict }: Pick<InstallWish, 'id' | 'verdict'>): void {
  if (verdict === null || verdict.ok) return;
  throw new RunnerError(
    'incompatible',
    `${id} does not run on this machine: ${verdict.message}.`,
    verdict.help,
  );
}

/** Sets the context size, and proves that the model loads with it. */
export async function* prepare(
  name: string,
  model: InstalledModel,
  { backend, contextSize }: Pick<InstallWish, 'backend' | 'contextSize'>,
  { runner, signal }: Pick<InstallWorld, 'runner' | 'signal'>,
): AsyncGenerator<PrepareEvent, void, undefined> {
  const embeds = isEmbeddingModel(model.tags, model.architecture);
  if (contextSize !== null) {
    const settings = { backend, contextSize, isEmbedding: embeds };
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
  yield { step: 'loading' };
  const { ms } = await runner.preload(name, {
    backend,
    isEmbedding: embeds,
    ...(signal ? { signal } : {}),
  });
  yield { step: 'loaded', ms };
}

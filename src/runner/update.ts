import type { ModelRunner } from './client.ts';
import { type DownloadEvent, download, published } from './download.ts';
import { RunnerError } from './errors.ts';
import { gate, type InstallWish, type InstallWorld, type PrepareEvent, prepare } from './install.ts';
import { isTagOf, parseReference } from './reference.ts';

export interface UpdateWorld extends InstallWorld {
  runner: InstallWorld['runner'] & Pick<ModelRunner, 'configurations' | 'list' | 'remove' | 'running'>;
}

export type UpdateEvent =
  | DownloadEvent
  | PrepareEvent
  /** The digest before. */
  | { step: 'found'; digest: string }
  /** The registry has what is there. */
  | { step: 'unchanged' }
  /** From Hugging Face: the runner never looks for a newer one. */
  | { step: 'unchecked' }
  /** Another model has the tag now. */
  | { step: 'changed'; from: string; to: string }
  /** What became of the model that lost the tag; `why` is null where it was removed, else a phrase. */
  | { step: 'old'; digest: string; why: string | null };

/**
 * Brings an installed model to what its registry has now, and removes the one that lost its tag if nothing else
 * uses it. Throws a RunnerError at the first step that fails.
 */
export async function* update(
  wish: InstallWish,
  world: UpdateWorld,
): AsyncGenerator<UpdateEvent, void, undefined> {
  const { name, digest: pinned } = parseReference(wish.ref);
  const digest = world.expectedDigest(name) ?? pinned;
  gate(wish);
  const { runner } = world;
  const before = await runner.get(name);
  if (before === null) {
    throw new RunnerError(
      'not-installed',
      `${wish.id} is not installed.`,
      `Install it: mn model install ${wish.id}`,
    );
  }
  yield { step: 'found', digest: before.digest };
  if (name.startsWith('huggingface.co/')) {
    yield { step: 'unchecked' };
    return;
  }
  const wanted = { name, digest, token: null };
  const there = await published(wanted, world);
  if (there.found?.digest === before.digest) {
    yield { step: 'unchanged' };
    return;
  }
  await world.enter();
  // Asked now, because a newer model has none.
  const settings = await runner.configurations(name).catch(() => []);
  const after = yield* download(wanted, there, world);
  if (after.digest === before.digest) {
    yield { step: 'unchanged' };
    return;
  }
  yield { step: 'changed', from: before.digest, to: after.digest };
  yield { step: 'old', digest: before.digest, why: await removeOld(name, before.digest, runner) };
  const contextSize = settings.find((one) => one.contextSize !== null)?.contextSize ?? wish.contextSize;
  yield* prepare(name, after, { backend: wish.backend, contextSize }, world);
}

/** Removes a model that lost its tag; why not, where it stays. */
async function removeOld(
  name: string,
  digest: string,
  runner: UpdateWorld['runner'],
): Promise<string | null> {
  try {
    const old = (await runner.list()).find((model) => model.digest === digest);
    if (old === undefined) return null;
    if (old.tags.length > 0) return `it is ${old.tags.join(', ')} too`;
    await runner.unload([name]);
    if ((await loaded([name], runner)).some(({ inUse }) => inUse)) return 'it answers a request';
    await runner.remove(digest);
    return null;
  } catch (error) {
    if (!(error instanceof RunnerError)) throw error;
    return error.message;
  }
}

/** The models in memory that have one of these names; some versions of the runner write names in lower case. */
export async function loaded(names: readonly string[], runner: Pick<ModelRunner, 'running'>) {
  const keys = names.map((name) => name.toLowerCase());
  const isOurs = (model: string) => keys.some((key) => key === model || isTagOf(key, model));
  return (await runner.running()).filter(({ model }) => isOurs(model.toLowerCase()));
}

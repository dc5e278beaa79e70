import { RegistryError } from '../registry/error.ts';
import { bytesText } from '../text/bytes.ts';
import type { ModelRunner } from './client.ts';
import { otherDigest, RunnerError, type RunnerErrorKind, runnerError } from './errors.ts';
import type { InstalledModel, PullEvent } from './types.ts';

/** What a registry tells of a model. */
export interface Published {
  /** `sha256:…` of its manifest, which the runner lists as its id; null on Hugging Face. */
  digest: string | null;
  layers: readonly PublishedLayer[];
}

export interface PublishedLayer {
  /** `sha256:…`; empty where it is not told. */
  digest: string;
  bytes: number;
}

/** The disk on which the runner stores models. */
export type Space =
  /** Bytes that are free, and bytes of the layers that are there already, whole or in part. */
  | { freeBytes: number; presentBytes: number }
  /** Why it is not known, as a phrase. */
  | { freeBytes: null; why: string };

/** What downloading needs of the world. */
export interface DownloadWorld {
  runner: Pick<ModelRunner, 'pull'>;
  /** What the registry tells of a model. Throws RegistryErrors. */
  lookUp(name: string): Promise<Published>;
  freeSpace(layers: readonly PublishedLayer[]): Promise<Space>;
  /** `sha256:…` that a model must have by a lock file; null for any. */
  expectedDigest(name: string): string | null;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  /** Ends early where somebody stops the run. */
  wait(ms: number): Promise<void>;
  signal?: AbortSignal;
}

export type DownloadEvent =
  /** What comes down and what is free, in bytes; null where not known, and then why, as phrases. */
  | { step: 'disk'; neededBytes: number | null; freeBytes: number | null; why: readonly string[] }
  | { step: 'pull'; event: PullEvent }
  /** The pull broke off for a cause that may go by itself; it begins again after `waitMs`. */
  | { step: 'retry'; error: RunnerError; waitMs: number }
  /** Proven. `bytes` came down in `ms`, what an earlier try left on disk included. */
  | { step: 'installed'; model: InstalledModel; cached: boolean; bytes: number; ms: number };

/** Free space that must be left over. */
const margin = 1.1;
/** Tries in a row that may bring nothing. */
const mostIdleTries = 4;
/** All tries: a runner that gives a byte a time would never end. */
const mostTries = 30;

export interface Download {
  name: string;
  /** `sha256:…` that the reference itself or a lock file asks for; null for any. */
  digest: string | null;
  /** For Hugging Face only. */
  token: string | null;
}

/** Asks the registry; null, and why, where it cannot be asked. A model that it does not have is an error. */
export async function published(
  { name, digest }: Download,
  world: DownloadWorld,
): Promise<{ found: Published | null; why: string | null }> {
  let found: Published;
  try {
    found = await world.lookUp(name);
  } catch (error) {
    if (world.signal?.aborted) throw runnerError('cancelled', name);
    if (!(error instanceof RegistryError)) throw error;
    const { kind, problem, help } = error;
    if (kind === 'not-found') throw runnerError('not-found', name);
    if (kind === 'not-a-model') throw new RunnerError('not-found', `${problem}.`, `${help}.`);
    // The runner has a way and a login of its own.
    return { found: null, why: problem };
  }
  if (digest !== null && found.digest !== null && found.digest !== digest) {
    throw otherDigest(`In its registry, ${name}`, found.digest, digest);
  }
  return { found, why: null };
}

/** Downloads a model: disk, then pull. Throws a RunnerError at the first step that fails. */
export async function* download(
  wanted: Download,
  { found, why }: Awaited<ReturnType<typeof published>>,
  world: DownloadWorld,
): AsyncGenerator<DownloadEvent, InstalledModel, undefined> {
  yield await disk(wanted.name, found, why, world);
  return yield* pull(wanted, found, world);
}

async function disk(
  name: string,
  found: Published | null,
  why: string | null,
  world: DownloadWorld,
): Promise<DownloadEvent> {
  const layers = found?.layers ?? [];
  const space = await world.freeSpace(layers);
  const { freeBytes } = space;
  const sum = layers.reduce((bytes, layer) => bytes + layer.bytes, 0);
  // The runner downloads from Hugging Face to one place and copies to another.
  const copies = name.startsWith('huggingface.co/') ? 2 : 1;
  const present = space.freeBytes === null ? 0 : space.presentBytes;
  const neededBytes = found === null ? null : Math.max(0, sum - present) * copies;
  const room = (neededBytes ?? 0) * margin;
  if (freeBytes !== null && freeBytes < room) {
    throw new RunnerError(
      'out-of-disk',
      `${name} needs ${bytesText(room)} of disk, and ${bytesText(freeBytes)} is free.`,
      'Free space, or remove models with mn model remove.',
    );
  }
  const whys = [
    ...(why === null ? [] : [`the size is not known: ${why}`]),
    ...(space.freeBytes === null ? [`free space is not checked: ${space.why}`] : []),
  ];
  return { step: 'disk', neededBytes, freeBytes, why: whys };
}

/** Pulls until it is proven, again where what stopped it may go by itself: what came down is kept. */
async function* pull(
  { name, digest, token }: Download,
  found: Published | null,
  { runner, now, wait, signal }: DownloadWorld,
): AsyncGenerator<DownloadEvent, InstalledModel, undefined> {
  const start = now();
  const expected = digest ?? found?.digest ?? null;
  const options = { digest: expected, token, ...(signal ? { signal } : {}) };
  let bytes = 0;
  let idle = 0;
  for (let tries = 1; ; tries++) {
    const before = bytes;
    try {
      for await (const event of runner.pull(name, options)) {
        if (event.type === 'done') {
          const { model, cached } = event;
          yield { step: 'installed', model, cached, bytes, ms: now() - start };
          return model;
        }
        if (event.type === 'progress') bytes = Math.max(bytes, event.doneBytes);
        yield { step: 'pull', event: event.type === 'progress' ? { ...event, doneBytes: bytes } : event };
      }
      throw runnerError('no-proof', name);
    } catch (error) {
      if (!(error instanceof RunnerError)) throw error;
      if (error.kind === 'digest-mismatch' && digest === null) throw movedTag(name);
      if (!mayHeal(error)) throw error;
      idle = bytes > before ? 1 : idle + 1;
      if (idle >= mostIdleTries || tries >= mostTries) throw error;
      const waitMs = 1000 * 2 ** (idle - 1);
      yield { step: 'retry', error, waitMs };
      await wait(waitMs);
    }
  }
}

const healing: ReadonlySet<RunnerErrorKind> = new Set<RunnerErrorKind>([
  'not-running',
  'interrupted',
  'silent',
  'registry-unreachable',
  'corrupt-download',
]);

/** Whether what stopped a pull may go by itself: a connection, a server that is down for a moment. */
function mayHeal({ kind, said }: RunnerError): boolean {
  if (healing.has(kind)) return true;
  // The stream ended without a word.
  if (kind === 'no-proof') return said === null;
  return (
    kind === 'failed' &&
    /\b50[0-4]\b|bad gateway|unavailable|time-?d? ?out|temporar|connection/i.test(said ?? '')
  );
}

function movedTag(name: string): RunnerError {
  return new RunnerError(
    'digest-mismatch',
    `${name} came down with another digest than its registry tells.`,
    'The tag changed meanwhile, or the runner uses a mirror that lags behind. Run mn model update to try again.',
  );
}

import type { LockedModel } from '../catalog/lock.ts';
import { RegistryError, type RegistryErrorKind } from '../registry/error.ts';
import { ModelReader, type ReadOptions } from '../registry/header.ts';
import type { HuggingFaceModel } from '../registry/huggingface.ts';
import type { OciModel } from '../registry/oci.ts';
import { formatReference, type ModelReference, parseReference } from '../registry/reference.ts';
import { quote } from '../text/text.ts';

/** What a registry says of a model. */
export type Observation =
  | { state: 'there'; model: LockedModel }
  /** It cannot be installed as it is named; or nobody could say, and why. Without full stops. */
  | { state: 'missing' | 'unreachable'; problem: string; help: string };

export interface ObserveOptions extends ReadOptions {
  /** Models that are asked for at once. */
  parallel?: number;
  /** Milliseconds after which no further model is asked for. */
  mostMs?: number;
  /** Called after each model. */
  onDone?: (done: number, total: number) => void;
}

/** Of a small answer; pulls are another matter. */
const timeouts = { connect: 10_000, idle: 10_000, total: 30_000 };
const parallelDefault = 4;
const mostMsDefault = 120_000;

const missing: ReadonlySet<RegistryErrorKind> = new Set(['invalid-reference', 'not-found', 'not-a-model']);

/**
 * Looks models up where they are published, without pulling them, some at once. Never throws: what is wrong with
 * one is said of that one. In the order of the references. A registry that has had enough is not asked again.
 */
export async function observeArtifacts(
  refs: readonly string[],
  options: ObserveOptions = {},
): Promise<Map<string, Observation>> {
  const { parallel = parallelDefault, mostMs = mostMsDefault, onDone } = options;
  const distinct = [...new Set(refs)];
  const found = new Map<string, Observation>();
  const exhausted = new Map<string, RegistryError>();
  const start = performance.now();
  let next = 0;
  const work = async () => {
    const reader = new ModelReader({ ...options, timeouts: { ...timeouts, ...options.timeouts } });
    try {
      for (let ref = distinct[next++]; ref !== undefined; ref = distinct[next++]) {
        found.set(ref, await observe(ref, reader, exhausted, performance.now() - start > mostMs));
        onDone?.(found.size, distinct.length);
      }
    } finally {
      reader.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, distinct.length) }, work));
  // In the order of the question, whoever answered first.
  return new Map(distinct.map((ref) => [ref, found.get(ref) as Observation]));
}

async function observe(
  ref: string,
  reader: ModelReader,
  exhausted: Map<string, RegistryError>,
  isLate: boolean,
): Promise<Observation> {
  let reference: ModelReference | null = null;
  try {
    reference = parseReference(ref);
    if (reference.kind === 'file') {
      const help = 'Name a model of a registry or of Hugging Face';
      return { state: 'missing', problem: `${quote(ref)} is the name of a file`, help };
    }
    const before = exhausted.get(hostOf(reference));
    if (before !== undefined) throw before;
    if (isLate) {
      const help = 'Run it again, or name fewer catalogs';
      return { state: 'unreachable', problem: 'the others took too long, so it was not asked for', help };
    }
    return seen(await reader.describe(reference));
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (error.kind === 'rate-limited' && reference !== null) exhausted.set(hostOf(reference), error);
    const { problem, help } = error;
    return { state: isMissing(error, reference) ? 'missing' : 'unreachable', problem, help };
  }
}

function hostOf(reference: ModelReference): string {
  return reference.kind === 'oci' ? reference.registry : 'huggingface.co';
}

function isMissing({ kind }: RegistryError, reference: ModelReference | null): boolean {
  // Docker Hub tells nobody whether a repository exists. All of Docker's own models are public.
  const isDockers =
    reference?.kind === 'oci' && reference.registry === 'docker.io' && reference.repository.startsWith('ai/');
  return missing.has(kind) || (kind === 'denied' && isDockers);
}

function seen(model: OciModel | HuggingFaceModel): Observation {
  const { reference, downloadBytes: size } = model;
  const ref = formatReference(reference);
  if (model.kind === 'oci') return { state: 'there', model: { ref, digest: model.digest, size, files: [] } };
  if (!model.isAsked) {
    return {
      state: 'missing',
      problem: `the repository has no file of the quantization ${quote(model.reference.quantization)}, and Docker Model Runner would take ${quote(model.files[0]?.path)}`,
      help: 'Name a quantization that the repository has',
    };
  }
  const all = [...model.files, ...(model.mmproj === null ? [] : [model.mmproj])];
  const files = all.map(({ path, size: bytes, sha256 }) => ({
    path,
    digest: sha256 !== null && /^[\da-f]{64}$/i.test(sha256) ? `sha256:${sha256.toLowerCase()}` : null,
    size: bytes,
  }));
  return { state: 'there', model: { ref, digest: null, size, files } };
}

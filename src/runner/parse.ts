import { short } from '../text/text.ts';
import { isDigest } from './reference.ts';
import type {
  BackendState,
  BackendStatus,
  GpuLog,
  InstalledModel,
  ModelConfiguration,
  Removed,
  RunningModel,
} from './types.ts';

/** An own property of an object; undefined for anything else. */
function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function words(value: unknown, limit = 200): string | null {
  return typeof value === 'string' && value.trim() !== '' ? short(value.trim(), limit) : null;
}

function wholeNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}

/** The elements of a list; Go writes an empty one as `null` too. Undefined for anything else. */
function listOf(value: unknown): readonly unknown[] | undefined {
  return value === null ? [] : Array.isArray(value) ? value : undefined;
}

/** `GET /models/{ref}`: a model, or null for what is none. */
export function parseModel(value: unknown): InstalledModel | null {
  const digest = field(value, 'id');
  if (typeof digest !== 'string' || !isDigest(digest)) return null;
  const config = field(value, 'config');
  return {
    digest,
    tags: (listOf(field(value, 'tags') ?? null) ?? []).flatMap((tag) => words(tag, 512) ?? []),
    created: wholeNumber(field(value, 'created')),
    format: words(field(config, 'format')),
    quantization: words(field(config, 'quantization')),
    parameters: words(field(config, 'parameters')),
    architecture: words(field(config, 'architecture')),
    size: words(field(config, 'size')),
    contextSize: wholeNumber(field(config, 'context_size')),
  };
}

/** `GET /models`; null where it is no list. What is no model in it is left out. */
export function parseModels(value: unknown): InstalledModel[] | null {
  return listOf(value)?.flatMap((item) => parseModel(item) ?? []) ?? null;
}

/** `GET /engines/status`; null where it is no object. */
export function parseStatus(value: unknown): BackendStatus[] | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return Object.entries(value).map(([name, text]) => ({
    backend: short(name),
    ...parseState(typeof text === 'string' ? text : ''),
  }));
}

/** Since v1.1.1 a word of four and a detail behind a colon; before that words of each engine's own. */
const states: readonly [RegExp, BackendState][] = [
  [/^running\b/i, 'running'],
  [/^error\b/i, 'error'],
  [/^not (?:installed|running)\b|\bnot found\b/i, 'not-installed'],
  [/^(?:installing|downloading|updating)\b/i, 'installing'],
  [/\b(?:failed|error)\b/i, 'error'],
];
const stateWord = /^(?:running|error|not (?:installed|running)|installing)\b[\s:]*/i;

/** One status in the words of any version. */
export function parseState(text: string): Pick<BackendStatus, 'state' | 'detail'> {
  const said = text.trim();
  const state = states.find(([pattern]) => pattern.test(said))?.[1] ?? 'unknown';
  const detail = words(said.replace(stateWord, ''));
  // Without its binary llama.cpp on Linux still says `Running: llama.cpp unknown`.
  const isUnseen = state === 'running' && /\bunknown$/i.test(detail ?? '');
  return { state: isUnseen ? 'unknown' : state, detail };
}

/** `GET /engines/ps`; null where it is no list. */
export function parseRunning(value: unknown): RunningModel[] | null {
  return (
    listOf(value)?.map((item) => ({
      model: words(field(item, 'model_name'), 512) ?? 'unknown',
      backend: words(field(item, 'backend_name')) ?? 'unknown',
      mode: words(field(item, 'mode')) ?? 'unknown',
      loading: field(item, 'loading') === true,
      inUse: field(item, 'in_use') === true,
    })) ?? null
  );
}

/** `GET /engines/_configure`; null where it is no list. */
export function parseConfigurations(value: unknown): ModelConfiguration[] | null {
  return (
    listOf(value)?.map((item) => ({
      backend: words(field(item, 'Backend')) ?? 'unknown',
      mode: words(field(item, 'Mode')) ?? 'unknown',
      contextSize: wholeNumber(field(field(item, 'Config'), 'context-size')),
    })) ?? null
  );
}

/** `DELETE /models/{ref}`; null where it is no list. */
export function parseRemoved(value: unknown): Removed | null {
  const list = listOf(value);
  if (list === undefined) return null;
  const all = (name: string) => list.flatMap((item) => words(field(item, name), 512) ?? []);
  return { untagged: all('Untagged'), deleted: all('Deleted') };
}

/** `GET /version`; null for what tells none. */
export function parseVersion(value: unknown): string | null {
  return words(field(value, 'version'), 60);
}

/** `POST /engines/unload`: how many were unloaded; null where it is no number. */
export function parseUnloaded(value: unknown): number | null {
  const count = field(value, 'unloaded_runners');
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : null;
}

/** The answer to a chat request: tokens per second where told; null where it is no answer. */
export function parseCompletion(value: unknown): { tokensPerSecond: number | null } | null {
  const choices = listOf(field(value, 'choices'));
  if (choices === undefined || choices.length === 0) return null;
  const rate = field(field(value, 'timings'), 'predicted_per_second');
  return {
    tokensPerSecond: typeof rate === 'number' && Number.isFinite(rate) && rate > 0 ? rate : null,
  };
}

/** The answer to an embedding request: the length of its vector; null where it is no answer. */
export function parseEmbedding(value: unknown): number | null {
  const vector = field(listOf(field(value, 'data'))?.[0], 'embedding');
  return Array.isArray(vector) && vector.length > 0 && vector.every(Number.isFinite) ? vector.length : null;
}

/** What a part of the log says of the GPU, over what the parts before it said. The last word counts. */
export function parseGpuLog(text: string, before: GpuLog): GpuLog {
  // docker/model-runner, pkg/inference/backends/llamacpp/llamacpp.go.
  const found = [...text.matchAll(/\bgpuSupport=(true|false)\b/g)].at(-1)?.[1];
  // llama.cpp, src/llama-model.cpp.
  const [, onGpu, all] = [...text.matchAll(/\boffloaded (\d{1,6})\/(\d{1,6}) layers to GPU/g)].at(-1) ?? [];
  return {
    found: found === undefined ? before.found : found === 'true',
    layers: onGpu === undefined ? before.layers : { onGpu: Number(onGpu), all: Number(all) },
  };
}

import { either, quote } from '../text/text.ts';
import { cacheBytes, cellsOf, page, pages, type Slots } from './cache.ts';
import { type Compute, computeBytes } from './compute.ts';
import type { GgufHeader } from './header.ts';
import { type Assumption, Facts, type Model, padded, readModel } from './model.ts';

export type { Assumption } from './model.ts';

/**
 * `llama-server`: 4 sequences that share one cache, 4 outputs a step; what Docker Model Runner starts.
 * `llama-cli`: one sequence, an output for each token of a step; what llama-fit-params reports too.
 */
export type Engine = 'llama-server' | 'llama-cli';

/** How the model is run. What is left out is what the engine does by itself. */
export interface EstimateOptions {
  engine?: Engine;
  /** Tokens of context; null: what the model was trained for. */
  contextSize?: number | null;
  /** Cache types (`-ctk`, `-ctv`): `f16`, `q8_0`. */
  cacheTypeK?: string;
  cacheTypeV?: string;
  /** Sequences at once (`-np`). Each gets its part of the context unless `unified`. */
  parallel?: number;
  unified?: boolean;
  /** Tokens a batch (`-b`) and a step (`-ub`). */
  batch?: number;
  ubatch?: number;
  flashAttention?: boolean;
  /** Windowed layers keep the whole context (`--swa-full`). */
  swaFull?: boolean;
  /** Layers on devices, the output counted as one (`-ngl`); null: all. */
  gpuLayers?: number | null;
  /** Several devices: the share of each, as with `-ts`; often the memory of each. */
  split?: readonly number[];
  /** The header of the file that reads images or sound (`--mmproj`). */
  mmproj?: GgufHeader;
  /** Bytes of that file, where only its size is known. */
  mmprojBytes?: number;
}

/** Bytes. `kv` holds recurrent state too. */
export interface Parts {
  weights: number;
  kv: number;
  compute: number;
  total: number;
}

/** What one context size costs, in bytes. */
export interface Estimate {
  engine: Engine;
  context_size: number;
  /** All devices together; with full offload to one, that device. */
  device: Parts;
  host: Parts;
  /** Without any device. */
  cpu_only: Parts;
  /** Beside it: what drivers and the allocator take. */
  margin: number;
  /** Each device, where there are several. */
  devices: Parts[] | null;
}

export type EstimateResult =
  | { ok: true; architecture: string; known: boolean; estimate: Estimate; assumptions: Assumption[] }
  | { ok: false; problem: string };

/** The types that llama.cpp keeps a cache in (common/arg.cpp, kv_cache_types). */
export const cacheTypes: readonly string[] = [
  'f32',
  'f16',
  'bf16',
  'q8_0',
  'q4_0',
  'q4_1',
  'iq4_nl',
  'q5_0',
  'q5_1',
];

const mib = 2 ** 20;
/** What llama.cpp itself leaves free on a device (`--fit-target`), common/fit.cpp. */
const marginBytes = 1024 * mib;
/** More on top where rules are missing: this share of cache and activations. */
const unknownShare = 0.25;
/** More tokens than any engine takes (llama.cpp counts them in 32 bits). */
const mostContext = 2 ** 31 - 1;

/**
 * What a model needs, from its header alone. Never throws on a header, whatever it says: what cannot be estimated
 * is a problem in words, what had to be taken for granted is in `assumptions`.
 */
export function estimate(header: GgufHeader, options: EstimateOptions = {}): EstimateResult {
  const prepared = prepare(header, options);
  return 'problem' in prepared ? { ok: false, problem: prepared.problem } : prepared.at(prepared.contextSize);
}

/**
 * The largest context, in tokens and at most what the model was trained for, that fits; null where none does.
 * `budget` is either bytes for the device total, without the margin, or says of an estimate whether it fits.
 */
export function largestContext(
  header: GgufHeader,
  budget: number | ((estimate: Estimate) => boolean),
  options: EstimateOptions = {},
): { ok: true; contextSize: number | null } | { ok: false; problem: string } {
  const prepared = prepare(header, options);
  if ('problem' in prepared) return { ok: false, problem: prepared.problem };
  const fits = (contextSize: number) => {
    const result = prepared.at(contextSize);
    if (!result.ok) return false;
    return typeof budget === 'number' ? result.estimate.device.total <= budget : budget(result.estimate);
  };
  const most = Math.min(prepared.model.trained ?? 2 ** 20, mostContext);
  if (fits(most)) return { ok: true, contextSize: most };
  // Only whole pages differ.
  let low = 0;
  let high = Math.ceil(most / page);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle * page)) low = middle;
    else high = middle;
  }
  return { ok: true, contextSize: low === 0 ? null : low * page };
}

interface Prepared {
  model: Model;
  contextSize: number;
  at: (contextSize: number) => EstimateResult;
}

function prepare(header: GgufHeader, options: EstimateOptions): Prepared | { problem: string } {
  const wrong = problemOf(options);
  if (wrong !== null) return { problem: wrong };
  const read = readModel(header);
  if ('problem' in read) return read;
  const { model } = read;
  const assumptions = [...model.assumptions];
  let contextSize = options.contextSize ?? model.trained;
  if (contextSize === null) {
    contextSize = 4096;
    assumptions.push({
      id: 'context-size',
      assumed: 'a context of 4096 tokens',
      because: 'neither the options nor the header name one',
    });
  } else if ((options.contextSize ?? null) === null) {
    assumptions.push({
      id: 'context-size',
      assumed: `a context of ${contextSize} tokens`,
      because:
        'none was given: this is what the model was trained for, and what an engine starts from before it shrinks it to the memory that is free',
    });
  }
  const { mmproj, mmprojBytes = 0 } = options;
  const image = mmproj !== undefined ? imageParts(mmproj) : mmprojBytes > 0 ? parts(mmprojBytes, 0, 0) : null;
  if (image !== null) {
    assumptions.push({
      id: 'image-input',
      assumed:
        mmproj !== undefined
          ? 'about as much memory for activations as one image of the usual size takes'
          : 'the size of the file that reads images, and nothing for what it computes in',
      because:
        mmproj !== undefined
          ? 'what reads images is not modelled exactly; its weights are'
          : 'its header was not read',
    });
  }
  return {
    model,
    contextSize,
    at: (size) => estimateAt(model, size, options, image, assumptions),
  };
}

function problemOf(options: EstimateOptions): string | null {
  const counts: [string, number | null | undefined, number][] = [
    ['context size', options.contextSize, mostContext],
    ['number of parallel sequences', options.parallel, 256],
    ['batch size', options.batch, mostContext],
    ['step size', options.ubatch, mostContext],
  ];
  for (const [name, value, most] of counts) {
    if (value !== undefined && value !== null && !(Number.isInteger(value) && value > 0 && value <= most)) {
      return `The ${name} is ${quote(value)}. Use a whole number from 1 to ${most}.`;
    }
  }
  const { gpuLayers, split } = options;
  if (gpuLayers !== undefined && gpuLayers !== null && !(Number.isInteger(gpuLayers) && gpuLayers >= 0)) {
    return `The number of layers on the GPU is ${quote(gpuLayers)}. Use a whole number from 0 on.`;
  }
  if (
    split?.some((share) => !(Number.isFinite(share) && share >= 0)) ||
    split?.every((share) => share === 0)
  ) {
    return 'The shares of the GPUs must be numbers from 0 on, and one of them above it.';
  }
  for (const type of [options.cacheTypeK, options.cacheTypeV]) {
    if (type !== undefined && !cacheTypes.includes(type)) {
      return `The cache type ${quote(type)} is not one of llama.cpp. Use ${either(cacheTypes)}.`;
    }
  }
  if (options.flashAttention === false && !['f16', 'bf16', 'f32'].includes(options.cacheTypeV ?? 'f16')) {
    return `llama.cpp keeps values as ${options.cacheTypeV} only with flash attention. Leave it on, or use f16.`;
  }
  return null;
}

function estimateAt(
  model: Model,
  contextSize: number,
  options: EstimateOptions,
  image: Parts | null,
  given: readonly Assumption[],
): EstimateResult {
  const engine = options.engine ?? 'llama-server';
  const server = engine === 'llama-server';
  const assumptions = [...given];
  const trained = model.trained ?? 0;
  if (trained > 0 && contextSize > trained) {
    assumptions.push({
      id: 'context-beyond-model',
      assumed: 'the whole context is kept',
      because: `${contextSize} tokens are more than the ${trained} that the model was trained for`,
    });
  }

  const sequences = options.parallel ?? (server ? 4 : 1);
  const unified = options.unified ?? (server && options.parallel === undefined);
  const batch = Math.min(
    options.batch ?? 2048,
    model.rule?.cache === 'none' ? mostContext : pages(contextSize),
  );
  const ubatch = Math.min(options.ubatch ?? 512, batch);
  const slots: Slots = { contextSize, sequences, unified, ubatch, swaFull: options.swaFull ?? false };
  const flashAttention = options.flashAttention ?? true;
  const cells = cellsOf(model, slots);
  const kv = cacheBytes(model, cells, sequences, {
    typeK: options.cacheTypeK ?? 'f16',
    typeV: options.cacheTypeV ?? 'f16',
    flashAttention,
  });
  const compute = computeBytes(model, cells, slots, {
    flashAttention,
    outputs: server ? Math.min(sequences, ubatch) : ubatch,
  });

  const blocks = sum(model.layers.map((layer) => layer.weights));
  const cpuOnly = parts(
    model.hostWeights + model.outputWeights + blocks + (model.rule?.countedTwice ? model.copiedWeights : 0),
    sum(kv),
    compute.cpuOnly,
  );
  const { devices, host } = place(model, kv, compute, cpuOnly, options, assumptions);
  if (image !== null) {
    add(cpuOnly, image);
    add(devices.find((device) => device.total > 0) ?? host, image);
  }
  const device = parts(0, 0, 0);
  for (const one of devices) add(device, one);
  if (![device, host, cpuOnly].every(({ total }) => Number.isSafeInteger(total))) {
    return {
      ok: false,
      problem:
        'The sizes in the header are impossible: they add up to more than 8 million GB. Get the file again.',
    };
  }
  const unsure = model.rule === null || model.rule.notModelled !== undefined;
  return {
    ok: true,
    architecture: model.architecture,
    known: model.rule !== null,
    estimate: {
      engine,
      context_size: contextSize,
      device,
      host,
      cpu_only: cpuOnly,
      margin: marginBytes + (unsure ? Math.ceil(unknownShare * (cpuOnly.kv + cpuOnly.compute)) : 0),
      devices: devices.length > 1 ? devices : null,
    },
    assumptions,
  };
}

/**
 * Who holds what. Of `gpuLayers`, the first is the output, then the blocks from the last down:
 * src/llama-model.cpp (i_gpu_start, get_layer_buft_list).
 */
function place(
  model: Model,
  kv: readonly number[],
  compute: Compute,
  cpuOnly: Parts,
  options: EstimateOptions,
  assumptions: Assumption[],
): { devices: Parts[]; host: Parts } {
  const slots = model.layers.length + 1;
  const offloaded = Math.min(options.gpuLayers ?? slots, slots);
  const first = slots - offloaded;
  const shares = options.split ?? [1];
  const all = sum(shares);
  const devices = shares.map(() => parts(0, 0, 0));
  const host = parts(model.hostWeights, 0, offloaded === slots ? compute.host : cpuOnly.compute);
  if (offloaded === 0) return { devices, host: { ...cpuOnly } };

  const ends: number[] = [];
  for (const share of shares) ends.push((ends.at(-1) ?? 0) + share / all);
  const deviceOf = (slot: number) => {
    const at = (slot - first) / offloaded;
    const index = ends.findIndex((end) => end > at);
    return devices[index === -1 ? devices.length - 1 : index];
  };
  model.layers.forEach((layer, i) => {
    const holder = (i < first ? host : deviceOf(i)) ?? host;
    holder.weights += layer.weights;
    holder.kv += kv[i] ?? 0;
  });
  const last = deviceOf(slots - 1) ?? host;
  last.weights += model.outputWeights + model.copiedWeights;
  for (const device of devices) {
    if (device.weights === 0) continue;
    // Several devices work on four steps at once and keep the inputs of each (GGML_SCHED_MAX_COPIES).
    device.compute = compute.device + (devices.length > 1 && offloaded === slots ? 3 * compute.inputs : 0);
  }
  if (offloaded < slots) {
    assumptions.push({
      id: 'partial-offload',
      assumed: 'both sides compute in as much memory as if they held all layers',
      because: 'which side computes a layer that is not on the device depends on the backend',
    });
  }
  if (devices.length > 1) {
    assumptions.push({
      id: 'several-gpus',
      assumed: 'whole layers are split over the devices by their shares',
      because: 'llama.cpp splits by the memory that is free when it starts',
    });
  }
  for (const side of [...devices, host]) side.total = side.weights + side.kv + side.compute;
  return { devices, host };
}

/**
 * What a file for images or sound needs: its weights, and what one image takes in its widest layer. Images of
 * other sizes than the file's own take more or less.
 */
function imageParts(header: GgufHeader): Parts {
  const facts = new Facts(header, 'clip.vision');
  const patches = (facts.number('image_size') / Math.max(1, facts.number('patch_size'))) ** 2;
  const widest = 3 * facts.number('feed_forward_length') + 4 * facts.number('embedding_length');
  return parts(
    sum(header.tensors.map((tensor) => padded(facts.bytes(tensor)))),
    0,
    4 * Math.ceil(patches) * widest,
  );
}

function parts(weights: number, kv: number, compute: number): Parts {
  return { weights, kv, compute, total: weights + kv + compute };
}

function add(to: Parts, more: Parts): void {
  to.weights += more.weights;
  to.kv += more.kv;
  to.compute += more.compute;
  to.total += more.total;
}

function sum(values: readonly number[]): number {
  let all = 0;
  for (const value of values) all += value;
  return all;
}

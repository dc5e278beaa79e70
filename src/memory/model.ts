import { quote, short } from '../text/text.ts';
import { type Architecture, architectureOf, type WindowRule } from './architectures.ts';
import { ggmlType, tensorBytes } from './ggml-types.ts';
import type { GgufHeader, GgufTensor, GgufValue } from './header.ts';

/** Something that an estimate took for granted, and why it had to. */
export interface Assumption {
  id:
    | 'architecture-unknown'
    | 'not-modelled'
    | 'block-count'
    | 'array-length'
    | 'bad-value'
    | 'no-tensors'
    | 'tensor-type'
    | 'context-size'
    | 'context-beyond-model'
    | 'nextn-skipped'
    | 'partial-offload'
    | 'several-gpus'
    | 'image-input';
  assumed: string;
  because: string;
}

/** One block of a model, as far as its memory goes. */
export interface Layer {
  /** Bytes of its tensors, each padded as llama.cpp does. */
  weights: number;
  /** Its tensors by the part of the name after `blk.N.`. */
  tensors: ReadonlyMap<string, GgufTensor>;
  /** Sees only the window. */
  windowed: boolean;
  /** Keeps a state of fixed size for each sequence. */
  recurrent: boolean;
  /** Owns a part of the cache. */
  cached: boolean;
  /** Query heads and key-value heads. */
  heads: number;
  kvHeads: number;
  /** Elements of a head's key and value. */
  keyLength: number;
  valueLength: number;
}

/** What a header says of a model, read once for all context sizes. */
export interface Model {
  architecture: string;
  /** Null where the table does not know the architecture. */
  rule: Architecture | null;
  layers: readonly Layer[];
  /** `embedding_length`. */
  width: number;
  vocabulary: number;
  /** `context_length`: what the model was trained for; null where it is not said. */
  trained: number | null;
  /** Tokens of the window; 0 where no layer has one. */
  window: number;
  /** One latent head instead of keys and values. */
  latent: boolean;
  /** Elements of an indexer's key a token. */
  indexer: number;
  expertsUsed: number;
  /** Elements a token and layer that are looked up beside the embedding. */
  perLayerInput: number;
  /** Inputs of the width of the embedding that images add (deepstack). */
  deepstack: number;
  /** Heads' sizes before a latent is made of them. */
  latentKey: number;
  /** F32 elements a sequence and recurrent layer: of the convolution, and of the state. */
  state: { conv: number; state: number };
  /** Bytes outside the blocks: what stays on the host, what the device gets, and a copy of the embeddings. */
  hostWeights: number;
  outputWeights: number;
  copiedWeights: number;
  assumptions: readonly Assumption[];
}

/** llama.cpp takes no more (`LLAMA_MAX_LAYERS`). */
const mostLayers = 512;
/** A number above it is none that a model has. */
const mostNumber = 2 ** 40;
/** Each tensor starts on such a boundary of its buffer (`TENSOR_ALIGNMENT`). */
const alignment = 32;

/** Input tensors stay on the host: src/llama-arch.cpp:720-722,913. */
const inputTensors = ['token_embd.', 'position_embd.', 'token_types.', 'per_layer_token_embd.'];

/** A model from its header, or why none can be made of it: a sentence that says what to do. */
export function readModel(header: GgufHeader): { model: Model } | { problem: string } {
  const architecture = header.metadata.get('general.architecture');
  if (typeof architecture !== 'string' || architecture === '') {
    return {
      problem:
        'The header does not name the architecture (general.architecture). Use a GGUF file of a language model.',
    };
  }
  const rule = architectureOf(architecture) ?? null;
  const facts = new Facts(header, architecture);
  const { assumptions } = facts;
  if (rule === null) {
    assumptions.push({
      id: 'architecture-unknown',
      assumed: 'a cache in each layer, and the largest activations that its tensors allow',
      because: `the rules of the architecture ${quote(architecture)} are not known here`,
    });
  } else if (rule.notModelled !== undefined) {
    assumptions.push({
      id: 'not-modelled',
      assumed: 'at most a rough figure for it',
      because: `of the architecture ${quote(architecture)} this is not modelled: ${rule.notModelled}`,
    });
  }

  const blocks: Map<string, GgufTensor>[] = [];
  const weights: number[] = [];
  const others: { tensor: GgufTensor; bytes: number }[] = [];
  for (const tensor of header.tensors) {
    const bytes = padded(facts.bytes(tensor));
    const [, index, name] = /^blk\.(\d{1,6})\.(.+)$/.exec(tensor.name) ?? [];
    const block = Number(index);
    if (index === undefined || name === undefined || block >= mostLayers) {
      others.push({ tensor, bytes });
      continue;
    }
    while (blocks.length <= block) {
      blocks.push(new Map());
      weights.push(0);
    }
    blocks[block]?.set(name, tensor);
    weights[block] = (weights[block] ?? 0) + bytes;
  }

  let blockCount = facts.number('block_count');
  if (blockCount === 0 || blockCount > mostLayers) {
    if (blocks.length === 0) {
      return {
        problem: `The header does not say how many blocks the model has (${short(architecture, 40)}.block_count). Use a GGUF file of a language model.`,
      };
    }
    blockCount = blocks.length;
    assumptions.push({
      id: 'block-count',
      assumed: `${blockCount} blocks`,
      because: 'the header does not say how many, and its tensors name so many',
    });
  }
  // Blocks for predicting several tokens are not loaded: src/llama-model-loader.cpp:1178.
  const nextn = rule?.usesNextn ? 0 : Math.min(facts.number('nextn_predict_layers'), blockCount - 1);
  const layerCount = blockCount - nextn;
  if (nextn > 0) {
    assumptions.push({
      id: 'nextn-skipped',
      assumed: `the last ${nextn === 1 ? 'block is' : `${nextn} blocks are`} not loaded`,
      because: 'llama.cpp loads what predicts several tokens at once only where it is asked to',
    });
  }

  const embedding = header.tensors.find((tensor) => tensor.name === 'token_embd.weight');
  const width = facts.number('embedding_length') || (embedding?.shape[0] ?? 0);
  if (width === 0) {
    return {
      problem: `The header does not say how wide the model is (${short(architecture, 40)}.embedding_length). Use a GGUF file of a language model.`,
    };
  }

  const heads = facts.perLayer('attention.head_count', layerCount).map((n) => n ?? 0);
  const kvHeads = facts.perLayer('attention.head_count_kv', layerCount).map((n, i) => n ?? heads[i] ?? 0);
  const ffn = facts.perLayer('feed_forward_length', layerCount).map((n) => n ?? 0);
  const firstHeads = heads.find((n) => n > 0) ?? 0;
  const headLength = firstHeads === 0 ? 0 : Math.floor(width / firstHeads);
  const keyLength = facts.number('attention.key_length') || headLength;
  const valueLength = facts.number('attention.value_length') || headLength;
  const keyLengthSwa = facts.number('attention.key_length_swa') || keyLength;
  const valueLengthSwa = facts.number('attention.value_length_swa') || valueLength;

  const { window, windowed } = windowOf(facts, rule, layerCount);
  const isRecurrent = recurrentLayers(facts, rule, layerCount, kvHeads, ffn);
  const owners = cacheOwners(facts, rule, layerCount);

  const layers: Layer[] = [];
  for (let i = 0; i < layerCount; i++) {
    const recurrent = isRecurrent(i);
    const tensors = blocks[i] ?? new Map<string, GgufTensor>();
    layers.push({
      weights: weights[i] ?? 0,
      tensors,
      windowed: windowed(i),
      recurrent,
      cached: rule?.cache !== 'none' && i < owners && (!recurrent || rule?.recurrent === 'beside-attention'),
      heads: heads[i] ?? 0,
      kvHeads: kvHeads[i] ?? 0,
      keyLength: windowed(i) ? keyLengthSwa : keyLength,
      valueLength: windowed(i) ? valueLengthSwa : valueLength,
    });
  }

  let hostWeights = 0;
  let outputWeights = 0;
  let copiedWeights = 0;
  let hasOutput = false;
  for (const { tensor, bytes } of others) {
    if (tensor.name === 'output.weight') hasOutput = true;
    if (inputTensors.some((prefix) => tensor.name.startsWith(prefix))) hostWeights += bytes;
    else outputWeights += bytes;
  }
  if (!hasOutput && rule?.output !== 'none' && embedding !== undefined) {
    copiedWeights = padded(facts.bytes(embedding));
  }
  if (header.tensors.length === 0) {
    if (header.fileBytes === null) {
      return { problem: 'The header lists no tensors. Use the GGUF file of the model itself.' };
    }
    outputWeights = header.fileBytes;
    assumptions.push({
      id: 'no-tensors',
      assumed: 'the whole file is on the device',
      because: 'the tensors are not listed, so they cannot be told apart',
    });
  }

  const vocabularyArray = header.metadata.get('tokenizer.ggml.tokens');
  const vocabulary =
    facts.number('vocab_size') ||
    (typeof vocabularyArray === 'object' ? vocabularyArray.length : 0) ||
    (embedding?.shape[1] ?? 0);

  return {
    model: {
      architecture,
      rule,
      layers,
      width,
      vocabulary,
      trained: facts.number('context_length') || null,
      window,
      latent: facts.number('attention.key_length_mla') > 0 && facts.number('attention.value_length_mla') > 0,
      latentKey: facts.number('attention.key_length_mla'),
      indexer: facts.number('attention.indexer.key_length'),
      expertsUsed: facts.number('expert_used_count'),
      perLayerInput: facts.number('embedding_length_per_layer_input'),
      deepstack: facts.number('n_deepstack_layers'),
      state: stateOf(facts, width, firstHeads),
      hostWeights,
      outputWeights,
      copiedWeights,
      assumptions,
    },
  };
}

/** Bytes of all tensors of a file, each padded; elements of a type that is not known count 4. Never throws. */
export function dataBytes(header: GgufHeader): number {
  const facts = new Facts(header, '');
  return header.tensors.reduce((sum, tensor) => sum + padded(facts.bytes(tensor)), 0);
}

/** Bytes as they lie in a buffer. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** Which layers see a window only: llama.cpp src/llama-model.cpp:3308, src/llama-hparams.cpp (set_swa_pattern). */
function windowOf(
  facts: Facts,
  rule: Architecture | null,
  layerCount: number,
): { window: number; windowed: (layer: number) => boolean } {
  const none = { window: 0, windowed: () => false };
  const said = facts.has('attention.sliding_window') ? facts.number('attention.sliding_window') : null;
  const pattern = facts.flags('attention.sliding_window_pattern');
  // What is not known has windows only where its file names the layers.
  const swa: WindowRule | undefined =
    rule === null ? (pattern === null ? undefined : { tokens: null, period: 1 }) : rule.window;
  if (swa === undefined || said === 0) return none;
  if (swa.onlyLayers !== undefined && swa.onlyLayers !== layerCount) return none;
  if (swa.onlyWithKey && said === null) return none;
  const window = swa.fixed ? swa.tokens : (said ?? swa.tokens);
  if (window === null || window === 0) return none;
  if (pattern !== null) return { window, windowed: (layer) => pattern[layer] ?? false };
  const key = 'attention.sliding_window_pattern';
  const period = facts.has(key) ? facts.number(key) : swa.period;
  if (period === 0) return { window, windowed: () => true };
  const dense = swa.denseFirst ? 0 : period - 1;
  return { window, windowed: (layer) => layer % period !== dense };
}

function recurrentLayers(
  facts: Facts,
  rule: Architecture | null,
  layerCount: number,
  kvHeads: readonly number[],
  ffn: readonly number[],
): (layer: number) => boolean {
  switch (rule?.recurrent) {
    case 'all':
    case 'beside-attention':
      return () => true;
    case 'no-kv-heads':
      return (layer) => kvHeads[layer] === 0;
    case 'no-kv-heads-no-ffn':
      return (layer) => kvHeads[layer] === 0 && ffn[layer] === 0;
    case 'interval': {
      const named = facts.flags('attention.recurrent_layers');
      if (named !== null) return (layer) => named[layer] ?? false;
      const interval = facts.number('full_attention_interval') || 4;
      return (layer) => (layer + 1) % interval !== 0;
    }
    default:
      // Where nothing is known, a layer without heads has a state if the file speaks of states at all.
      return rule === null && facts.number('ssm.inner_size') > 0 && kvHeads.length === layerCount
        ? (layer) => kvHeads[layer] === 0
        : () => false;
  }
}

/** So many layers from the first own a cache: src/llama-hparams.cpp (n_layer_kv_from_start). */
function cacheOwners(facts: Facts, rule: Architecture | null, layerCount: number): number {
  if (rule?.ownCache === undefined) return layerCount;
  return rule.ownCache === 'shared_kv_layers'
    ? Math.max(0, layerCount - facts.number('attention.shared_kv_layers'))
    : rule.ownCache;
}

/** Elements of a recurrent layer's state: src/llama-hparams.cpp:208 (n_embd_r), :236 (n_embd_s). */
function stateOf(facts: Facts, width: number, heads: number): { conv: number; state: number } {
  const wkv = facts.number('wkv.head_size');
  if (wkv > 0) {
    return { conv: (facts.number('token_shift_count') || 2) * width, state: width * wkv };
  }
  const shortConvolution = facts.number('shortconv.l_cache');
  if (shortConvolution > 0) return { conv: width * (shortConvolution - 1), state: 0 };
  const kernel = Math.max(0, facts.number('ssm.conv_kernel') - 1);
  const kda = facts.number('kda.head_dim');
  if (kda > 0) return { conv: 3 * (kernel || 3) * heads * kda, state: kda * kda * heads };
  const inner = facts.number('ssm.inner_size');
  const size = facts.number('ssm.state_size');
  return { conv: kernel * (inner + 2 * facts.number('ssm.group_count') * size), state: size * inner };
}

/** A header's values under the architecture's prefix, none of them trusted. */
export class Facts {
  readonly assumptions: Assumption[] = [];
  private readonly header: GgufHeader;
  private readonly prefix: string;
  private readonly typesAssumed = new Set<string>();

  constructor(header: GgufHeader, architecture: string) {
    this.header = header;
    this.prefix = `${architecture}.`;
  }

  has(key: string): boolean {
    return this.header.metadata.has(this.prefix + key);
  }

  /** A number from 0 on; of an array its largest; 0 where there is none that a model could have. */
  number(key: string): number {
    const value = this.header.metadata.get(this.prefix + key);
    if (value === undefined) return 0;
    if (typeof value === 'object') {
      return (value.values ?? []).reduce<number>((most, item) => Math.max(most, this.checked(key, item)), 0);
    }
    return this.checked(key, value);
  }

  /** A value for each layer, from one number or an array; null where the key is not there. */
  perLayer(key: string, layers: number): (number | null)[] {
    const value = this.header.metadata.get(this.prefix + key);
    if (value === undefined) return new Array<number | null>(layers).fill(null);
    if (typeof value !== 'object') return new Array<number | null>(layers).fill(this.checked(key, value));
    const values = (value.values ?? []).map((item) => this.checked(key, item));
    if (values.length < layers) {
      this.assumptions.push({
        id: 'array-length',
        assumed: `the last value of ${key} for the rest of the layers`,
        because: `it has ${value.length} values for ${layers} layers; llama.cpp may refuse the model`,
      });
    }
    const last = values.at(-1) ?? 0;
    return Array.from({ length: layers }, (_, i) => values[i] ?? last);
  }

  /** An array of yes and no, or null where the value is none. */
  flags(key: string): boolean[] | null {
    const value = this.header.metadata.get(this.prefix + key);
    if (typeof value !== 'object' || value.values === null) return null;
    return value.values.map((item) => item === true || (typeof item === 'number' && item !== 0));
  }

  /** Bytes of a tensor; of one whose type is not known, as if it were F32. */
  bytes(tensor: GgufTensor): number {
    if (ggmlType(tensor.type) !== undefined) return Math.ceil(tensorBytes(tensor));
    if (!this.typesAssumed.has(tensor.type)) {
      this.typesAssumed.add(tensor.type);
      this.assumptions.push({
        id: 'tensor-type',
        assumed: '4 bytes for each of its elements',
        because: `the tensor type ${quote(tensor.type)} is not known here`,
      });
    }
    return tensorBytes({ ...tensor, type: 'F32' });
  }

  private checked(key: string, value: GgufValue): number {
    const number = typeof value === 'bigint' || typeof value === 'boolean' ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= mostNumber) {
      return number;
    }
    if (!this.assumptions.some(({ id, because }) => id === 'bad-value' && because.startsWith(`${key} `))) {
      this.assumptions.push({
        id: 'bad-value',
        assumed: '0 for it',
        because: `${key} is ${quote(value)}, which is no size`,
      });
    }
    return 0;
  }
}

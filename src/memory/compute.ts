import { type Cells, type Slots, widestValues } from './cache.ts';
import { type Layer, type Model, padded } from './model.ts';

/** Bytes of the buffers that llama.cpp computes in. */
export interface Compute {
  /** With all layers on one device: the device's part and the host's. */
  device: number;
  host: number;
  /** Without a device. */
  cpuOnly: number;
  /** The device's inputs, which several devices keep four times (`n_copies`). */
  inputs: number;
}

const floatBytes = 4;
const positionBytes = 4;
/** Where a token goes in a cache is an I64. */
const cellIndexBytes = 8;

/**
 * The compute buffers: llama.cpp lays one step's activations out in one buffer, whose size is that of the widest
 * layer, or of the output where every token has one. The sums are what its allocator (ggml/src/ggml-alloc.c)
 * comes to; docs/memory.md lists how far from it they are.
 */
export function computeBytes(
  model: Model,
  cells: Cells,
  slots: Slots,
  options: { flashAttention: boolean; outputs: number },
): Compute {
  const u = slots.ubatch;
  const cached = model.layers.some((layer) => layer.cached);
  const encoder = model.rule?.cache === 'none';
  const attends = cached || encoder;
  const hasWindow = model.layers.some((layer) => layer.windowed);

  // Masks are F16 with flash attention, else F32. Without a cache, a step attends to itself.
  const maskBytes = options.flashAttention ? 2 : 4;
  const seen = encoder ? u : cells.full;
  const seenWindowed = encoder ? u : cells.windowed;
  const masks = attends ? maskBytes * u * (seen + (hasWindow ? seenWindowed : 0)) : 0;
  const positions = positionBytes * u * (model.rule?.positions ?? 1);
  // Values that lie the other way round are placed one by one.
  const valueIndexes = model.latent ? 0 : options.flashAttention ? 1 : widestValues(model);
  const cellIndexes = cached ? cellIndexBytes * u * (1 + valueIndexes) * (hasWindow ? 2 : 1) : 0;
  const inputs =
    masks +
    (attends ? positions : 0) +
    cellIndexes +
    padded(floatBytes * options.outputs) +
    (model.layers.some((layer) => layer.recurrent) ? padded(floatBytes * slots.sequences) : 0);
  const tokens = positionBytes * u * (model.perLayerInput > 0 ? 2 : 1);

  const perToken = floatBytes * u;
  const perLayerInput = model.perLayerInput * model.layers.length;
  let widest = 0;
  for (const layer of model.layers) {
    widest = Math.max(widest, widthOf(model, layer, slots));
  }
  widest += aliveThroughout(model, perLayerInput) + model.deepstack * model.width;

  // What is there once a sequence is a fraction of a float a token.
  let layers = Math.round(perToken * widest) + inputs;
  if (!options.flashAttention) {
    layers = Math.max(layers, withoutFlashAttention(model, seen, widest, perToken) + inputs);
  }
  const head =
    model.rule?.output !== undefined ? 0 : headBytes(model, options.outputs, u, perLayerInput, masks);
  const device = Math.max(layers, head);

  const embedding = perToken * model.width * (1 + model.deepstack);
  // What images add is there a second time, padded (build_inp_embd, src/llama-graph.cpp).
  const padding = model.deepstack > 0 ? perToken * model.width : 0;
  const host = 2 * embedding + padding + perToken * perLayerInput + tokens + inputs;
  return { device, host, cpuOnly: device + embedding + tokens, inputs };
}

/** The output of `outputs` tokens: one step's logits, and what they are made of. */
function headBytes(
  model: Model,
  outputs: number,
  ubatch: number,
  perLayerInput: number,
  masks: number,
): number {
  // Beside the output's input, the last recurrent layer's output is often still there.
  const kept = model.layers.some((layer) => layer.recurrent) ? 2 : 1;
  const head = floatBytes * outputs * (model.vocabulary + kept * model.width);
  if (outputs < ubatch || perLayerInput === 0) return head;
  // The inputs of each layer and the masks are still there: no layer has let go of them.
  return model.rule?.alive === 'gemma4'
    ? head + floatBytes * ubatch * perLayerInput + masks
    : head + floatBytes * ubatch * model.width;
}

/** What stays alive beside every layer, in floats a token. */
function aliveThroughout(model: Model, perLayerInput: number): number {
  if (perLayerInput === 0) return 0;
  switch (model.rule?.alive) {
    case 'gemma3n':
      return perLayerInput + 6 * model.width;
    case 'gemma4': {
      // What lies between the layers' inputs and cannot be used again depends on whether an activation fits in
      // the place of a windowed layer's attention: E2B's does, E4B's does not.
      const keysAndValues = (layer: Layer) => layer.kvHeads * (layer.keyLength + layer.valueLength);
      const attention = (layer: Layer) => layer.heads * layer.valueLength;
      const most = (layers: readonly Layer[], of: (layer: Layer) => number) => Math.max(0, ...layers.map(of));
      const windowed = model.layers.filter((layer) => layer.windowed);
      return model.width <= most(windowed, attention)
        ? perLayerInput + most(model.layers, (layer) => attention(layer) + keysAndValues(layer))
        : perLayerInput + most(windowed, keysAndValues);
    }
    default:
      return perLayerInput;
  }
}

/** Floats a token that one layer needs at its widest. */
function widthOf(model: Model, layer: Layer, slots: Slots): number {
  const e = model.width;
  const out = (name: string) => layer.tensors.get(name)?.shape[1] ?? 0;
  const into = (name: string) => layer.tensors.get(name)?.shape[0] ?? 0;

  const attention = into('attn_output.weight') || layer.heads * layer.valueLength;
  const perSequence = (elements: number) => (slots.sequences * elements) / slots.ubatch;
  const residual = model.rule?.parallelBlocks ? e : 0;
  const beside = besideFfn(model, layer, attention, perSequence);
  let widest = 0;
  const atLeast = (floats: number) => {
    widest = Math.max(widest, floats);
  };

  const ffn = into('ffn_down.weight');
  if (ffn > 0) {
    // Gate and up may be one matrix; their product is a third activation.
    const gated = layer.tensors.has('ffn_gate.weight') || out('ffn_up.weight') === 2 * ffn;
    atLeast((gated ? 3 : 1) * ffn + 2 * e + beside + residual);
  }

  const expert = into('ffn_down_exps.weight');
  if (expert > 0) {
    const gated = layer.tensors.has('ffn_gate_exps.weight') || layer.tensors.has('ffn_gate_up_exps.weight');
    const inner = (model.expertsUsed || 1) * expert;
    const result = (model.expertsUsed || 1) * e;
    // The router's few numbers and then one activation go where the attention's output was, if they fit there.
    const router = 4 * out('ffn_gate_inp.weight');
    const refilled = inner + router <= beside ? inner : 0;
    // The results take the place of gate and up where they fit.
    const freed = gated ? 2 * inner : 0;
    const shared = into('ffn_down_shexp.weight');
    const kept = beside === 0 ? (shared > 0 ? e : router / 2) : 0;
    atLeast(2 * e + beside + kept + (gated ? 3 : 1) * inner - refilled + (result > freed ? result : 0));
    if (shared > 0) atLeast(3 * e + beside + (layer.tensors.has('ffn_gate_shexp.weight') ? 3 : 1) * shared);
  }

  const convolution = out('ssm_conv1d.weight');
  if (convolution > 0) {
    const inner = into('ssm_out.weight');
    const { conv, state } = model.state;
    if (layer.tensors.has('ssm_x.weight')) {
      // Mamba-1: src/models/mamba-base.cpp (build_mamba_layer).
      atLeast(2 * e + 5 * inner + perSequence(2 * conv + state));
    } else if (layer.tensors.has('ssm_in.weight')) {
      // Mamba-2: src/models/mamba-base.cpp (build_mamba2_layer). With a feed-forward part one activation less.
      const outer = ffn > 0 || expert > 0 ? e : 2 * e;
      atLeast(outer + out('ssm_in.weight') + 2 * convolution + 2 * inner + perSequence(2 * conv + state));
    } else {
      // Gated delta net, at its convolution: src/models/delta-net-base.cpp (build_conv_state).
      atLeast(2 * e + 3 * convolution + perSequence(2 * conv));
    }
  }

  if (layer.tensors.has('attn_k_b.weight')) {
    const heads = layer.tensors.get('attn_k_b.weight')?.shape[2] ?? layer.heads;
    atLeast(3 * e + heads * (model.latentKey + 2 * layer.keyLength));
  } else if (layer.tensors.has('attn_q.weight')) {
    atLeast(2 * e + out('attn_q.weight') + out('attn_k.weight') + out('attn_v.weight') + attention);
  }
  // RWKV: a bound, not a sum.
  if (layer.tensors.has('time_mix_key.weight')) atLeast(14 * e + out('channel_mix_key.weight'));

  // Without tensors, the common dense layer.
  return layer.tensors.size > 0 ? widest : 14 * e + attention;
}

/** Floats a token that the allocator cannot use again beside the feed-forward part. */
function besideFfn(
  model: Model,
  layer: Layer,
  attention: number,
  perSequence: (elements: number) => number,
): number {
  switch (model.rule?.besideFfn) {
    case 'nothing':
      return 0;
    case 'inner':
      return Math.max(attention, layer.tensors.get('ssm_out.weight')?.shape[0] ?? 0);
    case 'conv-state':
      return perSequence(model.state.conv);
    default:
      // One matrix for query, key and value is larger, and what follows fits in its place.
      if (layer.tensors.has('attn_qkv.weight') && !model.rule?.parallelBlocks) return 0;
      // Without a cache the keys and values of the step are there as F16.
      return model.rule?.cache === 'none'
        ? attention + (layer.kvHeads * (layer.keyLength + layer.valueLength)) / 2
        : attention;
  }
}

/** Without flash attention each head's scores are there, and the parts that made them. */
function withoutFlashAttention(model: Model, seen: number, widest: number, perToken: number): number {
  let most = 0;
  for (const layer of model.layers) {
    if (layer.heads === 0 || (layer.recurrent && !layer.cached)) continue;
    const floats = model.latent
      ? widest + layer.heads * seen
      : layer.heads * seen +
        3 * model.width +
        layer.heads * layer.valueLength +
        2 * layer.kvHeads * layer.keyLength;
    most = Math.max(most, floats);
  }
  return Math.round(perToken * most);
}

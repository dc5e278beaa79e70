import { ggmlType } from './ggml-types.ts';
import type { Model } from './model.ts';

/** How the context is laid out for its sequences. */
export interface Slots {
  /** Tokens of context as asked for. */
  contextSize: number;
  sequences: number;
  /** All sequences share one cache; else each has its part. */
  unified: boolean;
  /** Tokens of one step. */
  ubatch: number;
  /** Windowed layers keep everything too (`--swa-full`). */
  swaFull: boolean;
}

/** The cells that a cache has. */
export interface Cells {
  /** Caches of their own: 1, or one a sequence. */
  streams: number;
  /** Tokens that one stream's full layers keep. */
  full: number;
  /** Tokens that one stream's windowed layers keep. */
  windowed: number;
}

/** llama.cpp's caches have whole pages of so many tokens. */
export const page = 256;

/** Tokens in whole pages. */
export function pages(tokens: number): number {
  return Math.ceil(tokens / page) * page;
}

/** llama.cpp src/llama-context.cpp:289-295, src/llama-kv-cache-iswa.cpp:73. */
export function cellsOf(model: Model, slots: Slots): Cells {
  const streams = slots.unified ? 1 : slots.sequences;
  const full = pages(pages(slots.contextSize) / streams);
  const window = model.window * (slots.unified ? slots.sequences : 1);
  return {
    streams,
    full,
    windowed: slots.swaFull ? full : Math.min(full, pages(window + slots.ubatch)),
  };
}

/** Elements of a token's values in the layer where they are most. */
export function widestValues(model: Model): number {
  return model.layers.reduce((most, layer) => Math.max(most, layer.kvHeads * layer.valueLength), 0);
}

/** Bytes of `elements` values of one token in a cache of a type that ggml has. */
function rowBytes(elements: number, type: string): number {
  const stored = ggmlType(type.toUpperCase());
  if (stored === undefined) throw new RangeError(`no cache type ${type}`);
  return Math.ceil(elements / stored.block) * stored.bytes;
}

/**
 * Bytes of each layer's cache and state. Without flash attention values lie the other way round, and all layers
 * take the width of the widest: src/llama-kv-cache.cpp:157,208.
 */
export function cacheBytes(
  model: Model,
  cells: Cells,
  sequences: number,
  cache: { typeK: string; typeV: string; flashAttention: boolean },
): number[] {
  const widest = widestValues(model);
  const stateBytes = 4 * sequences * (model.state.conv + model.state.state);
  const keyRows = new Map<number, number>();
  const valueRows = new Map<number, number>();
  const row = (rows: Map<number, number>, elements: number, type: string) => {
    let bytes = rows.get(elements);
    if (bytes === undefined) rows.set(elements, (bytes = rowBytes(elements, type)));
    return bytes;
  };
  return model.layers.map((layer) => {
    let bytes = layer.recurrent ? stateBytes : 0;
    if (!layer.cached) return bytes;
    const tokens = cells.streams * (layer.windowed ? cells.windowed : cells.full);
    bytes += tokens * row(keyRows, layer.kvHeads * layer.keyLength, cache.typeK);
    if (!model.latent) {
      bytes +=
        tokens *
        row(valueRows, cache.flashAttention ? layer.kvHeads * layer.valueLength : widest, cache.typeV);
    }
    if (model.indexer > 0) bytes += tokens * row(keyRows, model.indexer, cache.typeK);
    return bytes;
  });
}

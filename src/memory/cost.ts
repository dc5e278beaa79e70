import { costs } from './costs.generated.ts';

/** Bytes of one unit in the figures of a `ModelCost`. */
export const costUnit = 65_536;

/** What a known model needs by context size: the estimate as a curve, so that a check needs no estimator. */
export interface ModelCost {
  /** Docker names as `dockerKey` has them. */
  names: readonly string[];
  /** Tokens that it was trained for; null where its header does not say. */
  trained: number | null;
  /** What is not certain of it, a sentence without its full stop; null for nothing. */
  note: string | null;
  /** In units of 64 KiB, as the points. */
  margin: number;
  /** Context size, then what device, host and a machine without a device need there. Straight lines lie between. */
  points: readonly (readonly [contextSize: number, device: number, host: number, cpuOnly: number])[];
}

/** What a model needs at a context size, in bytes: the totals of an `Estimate` for `llama-server`. */
export interface Need {
  device: { total: number };
  host: { total: number };
  cpu_only: { total: number };
  margin: number;
}

/** The known models by name: those of the built-in catalog, and others that were loaded. */
export function costsByName(more: readonly ModelCost[]): ReadonlyMap<string, ModelCost> {
  return new Map([...costs, ...more].flatMap((cost) => cost.names.map((name) => [name, cost] as const)));
}

/** What the model needs at a context size; within 0.1 % of the estimate up to what it was trained for. */
export function needAt({ points, margin }: ModelCost, tokens: number): Need {
  // llama.cpp keeps context in pages of 256 tokens.
  const contextSize = Math.ceil(tokens / 256) * 256;
  const after = points.findIndex(([size]) => size >= contextSize);
  const to = Math.max(1, after < 0 ? points.length - 1 : after);
  const from = points[to - 1] as ModelCost['points'][number];
  const until = points[to] ?? from;
  const share = until === from ? 0 : (Math.max(contextSize, from[0]) - from[0]) / (until[0] - from[0]);
  const total = (column: 1 | 2 | 3) => ({
    total: Math.round((from[column] + share * (until[column] - from[column])) * costUnit),
  });
  return { device: total(1), host: total(2), cpu_only: total(3), margin: margin * costUnit };
}

/** One of `total` parts of a run; the first one is 1. */
export interface ShardNumber {
  index: number;
  total: number;
}

/** As many as a matrix of GitHub has jobs. */
export const mostShards = 256;

/** `2/5`; null where that is none. */
export function parseShard(text: string): ShardNumber | null {
  const match = /^([1-9]\d{0,2})\/([1-9]\d{0,2})$/.exec(text);
  const [index, total] = [Number(match?.[1]), Number(match?.[2])];
  return match !== null && index <= total && total <= mostShards ? { index, total } : null;
}

/** What a shard is written like, to end a message. */
export const shardForm = `Write it as 2/5, the second of five parts; there may be ${mostShards}.`;

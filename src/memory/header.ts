/** One value of a GGUF header. 64-bit integers that a number cannot hold exactly stay `bigint`. */
export type GgufValue = string | number | bigint | boolean | GgufArray;

/** An array of a header. The strings of a vocabulary are counted, not kept. */
export interface GgufArray {
  /** As in the file: `uint32`, `string`. */
  type: string;
  length: number;
  /** Null where only the length was kept. */
  values: readonly GgufValue[] | null;
}

/** A tensor as the header lists it. */
export interface GgufTensor {
  name: string;
  /** ggml type: `Q4_K`, `F32`. */
  type: string;
  /** Elements along each dimension, fastest first, as in the file (`ne`). */
  shape: readonly number[];
}

/** What a GGUF header says; of a sharded model, what all its files say together. */
export interface GgufHeader {
  version: number;
  metadata: ReadonlyMap<string, GgufValue>;
  tensors: readonly GgufTensor[];
  /** Bytes of the whole file or files, where that is known. */
  fileBytes: number | null;
}

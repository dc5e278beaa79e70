import { count, quote } from '../text/text.ts';
import { ggmlTypes } from './ggml-types.ts';
import type { GgufArray, GgufHeader, GgufTensor, GgufValue } from './header.ts';

/** Why bytes are not a header that can be used. */
export interface GgufProblem {
  /** A sentence without its place: what is wrong and, where something helps, what does. */
  reason: string;
  /** Bytes from the start of the file. */
  offset: number;
}

/** What came of reading a header: the header, the bytes that are missing, or what is wrong. */
export type GgufReading =
  | {
      ok: true;
      header: GgufHeader;
      /** Bytes from the start of the file to the end of the list of tensors. */
      headerBytes: number;
    }
  | {
      ok: false;
      /** So many bytes from the start of the file are needed at least to go on. */
      needMore: number;
    }
  | { ok: false; needMore: null; problem: GgufProblem };

/** A header that is said to be longer is refused: the longest of today's models have 16 MB. */
export const mostHeaderBytes = 64 * 1024 * 1024;
/** Arrays in arrays; llama.cpp itself reads none. */
const mostDepth = 8;
/** Longer arrays are counted, not kept: vocabularies have thousands of entries, models tens of layers. */
const mostKept = 4096;
/** Dimensions of a tensor (`GGML_MAX_DIMS`). */
const mostDimensions = 4;
/** Bytes of a key, by the format's specification. */
const mostKeyBytes = 65_535;

/** The values' types by their number in a file, with the bytes of one; 0 where these differ. */
const valueTypes = [
  ['uint8', 1],
  ['int8', 1],
  ['uint16', 2],
  ['int16', 2],
  ['uint32', 4],
  ['int32', 4],
  ['float32', 4],
  ['bool', 1],
  ['string', 0],
  ['array', 0],
  ['uint64', 8],
  ['int64', 8],
  ['float64', 8],
] as const;
type ValueType = (typeof valueTypes)[number][0];

/** What people take for a model and is none, by its first characters. */
const lookalikes: readonly (readonly [string, string])[] = [
  ['version https://git-lfs', 'is a Git LFS pointer, not the file itself; run git lfs pull'],
  ['<', 'is a web page or XML; use the address of the file itself'],
  ['{', 'is JSON; name the model file itself'],
  ['PK', 'is a ZIP archive; name a GGUF file'],
  ['ggml', 'is a GGML file of before GGUF; convert the model again with a current llama.cpp'],
  ['lmgg', 'is a GGML file of before GGUF; convert the model again with a current llama.cpp'],
  ['tjgg', 'is a GGML file of before GGUF; convert the model again with a current llama.cpp'],
];

/** Ends the reading; never leaves this file. */
class Stop extends Error {
  readonly outcome: Extract<GgufReading, { ok: false }>;
  constructor(outcome: Extract<GgufReading, { ok: false }>) {
    super('stop');
    this.outcome = outcome;
  }
}

/**
 * Reads the header of a GGUF file, version 2 or 3, of either byte order, from the start of the file's bytes.
 * `fileBytes` is the length of the whole file where it is known: a header that would end behind it is a problem,
 * and no reason to ask for more. Memory stays in proportion to `bytes`, whatever the header claims.
 *
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export function readGguf(bytes: Uint8Array, fileBytes?: number): GgufReading {
  try {
    return new Reader(bytes, fileBytes ?? null).read();
  } catch (error) {
    if (error instanceof Stop) return error.outcome;
    throw error;
  }
}

class Reader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly fileBytes: number | null;
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  private littleEndian = true;
  private offset = 0;
  /** Bytes that must at least follow what is read now. */
  private behind = 0;

  constructor(bytes: Uint8Array, fileBytes: number | null) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.fileBytes = fileBytes;
  }

  read(): GgufReading {
    this.magic();
    const version = this.version();
    const tensorCount = this.length();
    const keyCount = this.length();
    // The least that each takes: a name's length, and what follows an empty name.
    this.expect(keyCount, 8 + 4 + 1, 'values', 8);
    this.expect(tensorCount, 8 + 4 + 4 + 8, 'tensors', 16);
    const metadata = new Map<string, GgufValue>();
    for (let index = 0; index < keyCount; index++) {
      const at = this.offset;
      const key = this.string(mostKeyBytes, 'a key');
      if (metadata.has(key)) this.fail(`the key ${quote(key)} stands twice`, at);
      metadata.set(key, this.value(this.type(), 0));
    }
    const tensors: GgufTensor[] = [];
    const names = new Set<string>();
    for (let index = 0; index < tensorCount; index++) {
      const at = this.offset;
      const tensor = this.tensor();
      if (names.has(tensor.name)) this.fail(`the tensor ${quote(tensor.name)} stands twice`, at);
      names.add(tensor.name);
      tensors.push(tensor);
    }
    return {
      ok: true,
      header: { version, metadata, tensors, fileBytes: this.fileBytes },
      headerBytes: this.offset,
    };
  }

  private magic(): void {
    const start = this.bytes.subarray(0, 4);
    const magic = [...'GGUF'].map((letter) => letter.charCodeAt(0));
    if (start.some((byte, index) => byte !== magic[index])) {
      const text = String.fromCharCode(...this.bytes.subarray(0, 24)).trimStart();
      const known = lookalikes.find(([beginning]) => text.startsWith(beginning));
      this.fail(known?.[1] ?? 'is not a GGUF file: it does not begin with "GGUF"', 0);
    }
    this.take(4);
  }

  private version(): number {
    const at = this.take(4);
    let version = this.view.getUint32(at, true);
    // Versions are small: one of the other byte order has its bits at the other end.
    if ((version & 0xffff) === 0 && version !== 0) {
      this.littleEndian = false;
      version = this.view.getUint32(at, false);
    }
    if (version === 1)
      this.fail('is GGUF version 1, which llama.cpp no longer reads; convert the model again', at);
    if (version !== 2 && version !== 3)
      this.fail(`is GGUF version ${version}; versions 2 and 3 are known`, at);
    return version;
  }

  private tensor(): GgufTensor {
    const at = this.offset;
    const name = this.string(mostKeyBytes, "a tensor's name");
    const dimensions = this.uint32();
    if (dimensions > mostDimensions)
      this.fail(
        `the tensor ${quote(name)} has ${dimensions} dimensions; ggml has at most ${mostDimensions}`,
        at,
      );
    const shape: number[] = [];
    let elements = 1;
    for (let index = 0; index < dimensions; index++) {
      const length = this.length();
      elements *= length;
      shape.push(length);
    }
    // 32 bytes an element are more than any type has: the bytes are exact too.
    if (elements > Number.MAX_SAFE_INTEGER / 32 || shape.some((length) => length > Number.MAX_SAFE_INTEGER))
      this.fail(`the tensor ${quote(name)} has more elements than any file can hold`, at);
    const number = this.uint32();
    const type = ggmlTypes.get(number);
    if (type === undefined)
      this.fail(`the tensor ${quote(name)} has the type ${number}, which ggml does not have`, at);
    const row = shape[0] ?? 1;
    if (row % type.block !== 0)
      this.fail(
        `the tensor ${quote(name)} has rows of ${row} elements, and ${type.name} needs a multiple of ${type.block}`,
        at,
      );
    this.take(8); // The offset of its data.
    return { name, type: type.name, shape };
  }

  private type(): ValueType {
    const at = this.offset;
    const number = this.uint32();
    const known = valueTypes[number];
    if (known === undefined) this.fail(`a value has the type ${number}, which GGUF does not have`, at);
    return known[0];
  }

  private value(type: ValueType, depth: number): GgufValue {
    switch (type) {
      case 'uint8':
        return this.view.getUint8(this.take(1));
      case 'int8':
        return this.view.getInt8(this.take(1));
      case 'uint16':
        return this.view.getUint16(this.take(2), this.littleEndian);
      case 'int16':
        return this.view.getInt16(this.take(2), this.littleEndian);
      case 'uint32':
        return this.uint32();
      case 'int32':
        return this.view.getInt32(this.take(4), this.littleEndian);
      case 'float32':
        return this.view.getFloat32(this.take(4), this.littleEndian);
      case 'bool':
        return this.view.getUint8(this.take(1)) !== 0;
      case 'uint64':
        return exact(this.view.getBigUint64(this.take(8), this.littleEndian));
      case 'int64':
        return exact(this.view.getBigInt64(this.take(8), this.littleEndian));
      case 'float64':
        return this.view.getFloat64(this.take(8), this.littleEndian);
      case 'string':
        return this.string(Number.POSITIVE_INFINITY, 'a string');
      case 'array':
        return this.array(depth + 1);
    }
  }

  private array(depth: number): GgufArray {
    const at = this.offset;
    if (depth > mostDepth) this.fail(`arrays stand in arrays more than ${mostDepth} deep`, at);
    const type = this.type();
    const length = this.length();
    const size = valueTypes.find(([name]) => name === type)?.[1] ?? 0;
    // A string has its length, an array its type and length.
    this.expect(length, size > 0 ? size : type === 'string' ? 8 : 12, 'elements of an array', at + 4);
    if (length <= mostKept) {
      const values: GgufValue[] = [];
      for (let index = 0; index < length; index++) values.push(this.value(type, depth));
      return { type, length, values };
    }
    if (size > 0) this.take(size * length);
    else if (type === 'string') this.skipStrings(length);
    else for (let index = 0; index < length; index++) this.array(depth + 1);
    return { type, length, values: null };
  }

  private string(mostBytes: number, what: string): string {
    const at = this.offset;
    const length = this.length();
    if (length > mostBytes)
      this.fail(`${what} has ${bytesOf(length)}; ${count(mostBytes, 'byte')} are allowed`, at);
    this.expect(length, 1, `bytes of ${what}`, at);
    const start = this.take(length);
    return this.decoder.decode(this.bytes.subarray(start, start + length));
  }

  private skipStrings(amount: number): void {
    for (let left = amount - 1; left >= 0; left--) {
      this.behind = 8 * left;
      const at = this.offset;
      const length = this.length();
      this.expect(length, 1, 'bytes of a string', at);
      this.take(length);
    }
  }

  private uint32(): number {
    return this.view.getUint32(this.take(4), this.littleEndian);
  }

  /** A 64-bit count. Above 2^53 it is rounded; what it counts is refused long before. */
  private length(): number {
    const at = this.take(8);
    const first = this.view.getUint32(at, this.littleEndian);
    const second = this.view.getUint32(at + 4, this.littleEndian);
    return this.littleEndian ? second * 2 ** 32 + first : first * 2 ** 32 + second;
  }

  /** Refuses a count that no header can hold, before anything follows it. */
  private expect(amount: number, bytesEach: number, what: string, at: number): void {
    const end = this.offset + amount * bytesEach;
    if (end > mostHeaderBytes)
      this.fail(`claims ${amount.toLocaleString('en')} ${what}, more than any header holds`, at);
    this.need(end);
  }

  /** Goes on by so many bytes; gives the offset before them. */
  private take(length: number): number {
    const start = this.offset;
    const end = start + length;
    if (end > this.bytes.length) this.need(end);
    this.offset = end;
    return start;
  }

  private need(needed: number): void {
    if (needed <= this.bytes.length) return;
    const end = needed + this.behind;
    if (this.fileBytes !== null && end > this.fileBytes)
      this.fail(
        `is cut: the file has ${bytesOf(this.fileBytes)}, its header more; fetch it again`,
        this.fileBytes,
      );
    if (end > mostHeaderBytes)
      this.fail(`has a header of more than ${bytesOf(mostHeaderBytes)}`, this.offset);
    throw new Stop({ ok: false, needMore: end });
  }

  private fail(reason: string, offset: number): never {
    throw new Stop({ ok: false, needMore: null, problem: { reason, offset } });
  }
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function bytesOf(amount: number): string {
  return `${amount.toLocaleString('en')} bytes`;
}

/**
 * The names of all files of a sharded model, in order, from the name of any one of them:
 * `model-00001-of-00003.gguf`. Null where the name is that of a single file.
 */
export function shardNames(name: string): string[] | null {
  const parts = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i.exec(name);
  if (parts === null) return null;
  const [, start = '', number = '', total = ''] = parts;
  const last = Number(total);
  if (Number(number) < 1 || Number(number) > last || last > mostShards) return null;
  return Array.from(
    { length: last },
    (_, index) => `${start}-${String(index + 1).padStart(5, '0')}-of-${total}${name.slice(-5)}`,
  );
}

/** The largest of today's models have about fifty. */
const mostShards = 1000;

/** In how many files a model was cut: `split.count`, 1 where it was not. */
export function shardCount(header: GgufHeader): number {
  const split = header.metadata.get('split.count');
  return typeof split === 'number' && split > 1 ? split : 1;
}

/**
 * What all files of a sharded model say together: the values of the first (`split.no` 0), the tensors of all. The
 * files may come in any order. `problem` says what does not fit together.
 */
export function mergeHeaders(
  headers: readonly GgufHeader[],
): { ok: true; header: GgufHeader } | { ok: false; problem: string } {
  const [only] = headers;
  if (only === undefined) return { ok: false, problem: 'there is no file' };
  const shards = shardCount(only);
  if (headers.length !== shards || headers.some((header) => shardCount(header) !== shards))
    return {
      ok: false,
      problem: `the model is cut into ${count(shards, 'file')}, and there are headers of ${headers.length}`,
    };
  if (shards === 1) return { ok: true, header: only };
  const ordered = new Map(headers.map((header) => [header.metadata.get('split.no'), header]));
  const tensors: GgufTensor[] = [];
  const names = new Set<string>();
  let fileBytes: number | null = 0;
  for (let number = 0; number < shards; number++) {
    const header = ordered.get(number);
    if (header === undefined)
      return {
        ok: false,
        problem: `file ${number + 1} of ${shards} is missing, or another one is there twice`,
      };
    for (const tensor of header.tensors) {
      if (names.has(tensor.name))
        return { ok: false, problem: `the tensor ${quote(tensor.name)} stands in two files` };
      names.add(tensor.name);
      tensors.push(tensor);
    }
    fileBytes = fileBytes === null || header.fileBytes === null ? null : fileBytes + header.fileBytes;
  }
  const first = ordered.get(0) ?? only;
  const expected = first.metadata.get('split.tensors.count');
  if (expected !== undefined && expected !== tensors.length)
    return {
      ok: false,
      problem: `the files have ${count(tensors.length, 'tensor')} together, and the first claims ${String(expected)}`,
    };
  return { ok: true, header: { version: first.version, metadata: first.metadata, tensors, fileBytes } };
}

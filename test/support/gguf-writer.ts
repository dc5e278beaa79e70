import { ggmlTypes } from '../../src/memory/ggml-types.ts';

/** GGUF's value types by name, with their numbers in a file. */
export const valueTypes = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;
export type ValueType = keyof typeof valueTypes;

/** A value of a chosen type; an array names the type of its entries in `of`. */
export type Typed =
  | { type: Exclude<ValueType, 'array'>; value: string | number | bigint | boolean }
  | { type: 'array'; of: ValueType; values: readonly (Plain | Typed)[] };

/**
 * What usually needs no type: an integer is uint32 where it fits, else int32 or 64 bits; any other number float32;
 * an array's type is that of its first entry, uint32 where it is empty.
 */
export type Plain = string | number | bigint | boolean | readonly (string | number | bigint | boolean)[];

export interface Written {
  version?: number;
  littleEndian?: boolean;
  /** Pairs, where a key stands twice. */
  metadata?: Readonly<Record<string, Plain | Typed>> | readonly (readonly [string, Plain | Typed])[];
  /** `type` is a ggml type by name, or its number. */
  tensors?: readonly { name: string; shape: readonly (number | bigint)[]; type: string | number }[];
}

/** Bytes in the file's byte order. */
export class Bytes {
  private readonly parts: number[] = [];
  private readonly littleEndian: boolean;

  constructor(littleEndian = true) {
    this.littleEndian = littleEndian;
  }

  /** An integer of so many bytes; a negative one as two's complement. */
  integer(value: number | bigint, bytes: number): this {
    const bits = BigInt.asUintN(bytes * 8, BigInt(value));
    const each = Array.from({ length: bytes }, (_, index) => Number((bits >> BigInt(8 * index)) & 0xffn));
    this.parts.push(...(this.littleEndian ? each : each.reverse()));
    return this;
  }

  float(value: number, bytes: 4 | 8): this {
    const view = new DataView(new ArrayBuffer(bytes));
    if (bytes === 4) view.setFloat32(0, value, this.littleEndian);
    else view.setFloat64(0, value, this.littleEndian);
    for (let index = 0; index < bytes; index++) this.parts.push(view.getUint8(index));
    return this;
  }

  string(text: string): this {
    const bytes = new TextEncoder().encode(text);
    this.integer(bytes.length, 8);
    return this.raw(bytes);
  }

  raw(bytes: Iterable<number>): this {
    for (const byte of bytes) this.parts.push(byte);
    return this;
  }

  pad(multiple: number): this {
    while (this.parts.length % multiple !== 0) this.parts.push(0);
    return this;
  }

  get length(): number {
    return this.parts.length;
  }

  done(): Uint8Array {
    return Uint8Array.from(this.parts);
  }
}

/** A GGUF header, padded to where its data would begin; no data follows. Any version and any nonsense is written. */
export function writeGguf({
  version = 3,
  littleEndian = true,
  metadata = {},
  tensors = [],
}: Written): Uint8Array {
  const entries = Array.isArray(metadata) ? metadata : Object.entries(metadata);
  const bytes = new Bytes(littleEndian);
  bytes.raw(new TextEncoder().encode('GGUF')).integer(version, 4);
  bytes.integer(tensors.length, 8).integer(entries.length, 8);
  for (const [key, value] of entries as [string, Plain | Typed][]) {
    const typed = typedOf(value);
    bytes.string(key).integer(valueTypes[typed.type], 4);
    writeValue(bytes, typed);
  }
  let offset = 0n;
  for (const { name, shape, type } of tensors) {
    const known = [...ggmlTypes].find(([, { name }]) => name === type);
    bytes.string(name).integer(shape.length, 4);
    for (const length of shape) bytes.integer(length, 8);
    bytes.integer(typeof type === 'number' ? type : (known?.[0] ?? 0), 4).integer(offset, 8);
    const elements = shape.reduce<bigint>((product, length) => product * BigInt(length), 1n);
    const { block, bytes: size } = known?.[1] ?? { block: 1, bytes: 4 };
    offset += ((elements / BigInt(block)) * BigInt(size) + 31n) & ~31n;
  }
  return bytes.pad(32).done();
}

function typedOf(value: Plain | Typed): Typed {
  if (typeof value === 'string') return { type: 'string', value };
  if (typeof value === 'boolean') return { type: 'bool', value };
  if (typeof value === 'bigint') return { type: value < 0n ? 'int64' : 'uint64', value };
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) return { type: 'float32', value };
    if (value >= 0) return { type: value < 2 ** 32 ? 'uint32' : 'uint64', value };
    return { type: value >= -(2 ** 31) ? 'int32' : 'int64', value };
  }
  if (!isArray(value)) return value;
  const [first] = value;
  return { type: 'array', of: first === undefined ? 'uint32' : typedOf(first).type, values: value };
}

function isArray(
  value: Typed | readonly unknown[],
): value is readonly (string | number | bigint | boolean)[] {
  return Array.isArray(value);
}

function writeValue(bytes: Bytes, typed: Typed): void {
  if (typed.type === 'array') {
    bytes.integer(valueTypes[typed.of], 4).integer(typed.values.length, 8);
    for (const value of typed.values) {
      const entry = typedOf(value);
      writeValue(bytes, entry.type === 'array' ? entry : ({ ...entry, type: typed.of } as Typed));
    }
    return;
  }
  const { type, value } = typed;
  if (type === 'string') bytes.string(String(value));
  else if (type === 'float32') bytes.float(Number(value), 4);
  else if (type === 'float64') bytes.float(Number(value), 8);
  else bytes.integer(typeof value === 'bigint' ? value : Number(value), sizes[type]);
}

const sizes = { uint8: 1, int8: 1, uint16: 2, int16: 2, uint32: 4, int32: 4, bool: 1, uint64: 8, int64: 8 };

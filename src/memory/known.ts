import { dockerKey } from '../catalog/name.ts';
import type { GgufArray, GgufHeader, GgufTensor, GgufValue } from './header.ts';
import { rows, shapes, types } from './known.generated.ts';

/**
 * A shape: `general.architecture`, the values below it, the tensors outside the blocks (`name AxB`, with commas;
 * `.weight` is left out), the kinds of blocks in the same form, and the kind of each block as a digit.
 */
export type ShapeRow = readonly [
  architecture: string,
  values: Readonly<Record<string, number | readonly (number | boolean)[]>>,
  others: string,
  kinds: readonly string[],
  blocks: string,
];

/**
 * A model: its names, shape and quantization, bytes of the published file, another context length than the shape's,
 * what is not certain, and the types of its tensors as letters, in the order of the shape's tensors.
 */
export type KnownRow = readonly [
  names: readonly string[],
  shape: string,
  quantization: string,
  publishedBytes: number | null,
  context: number | null,
  note: string | null,
  others: string,
  kinds: readonly string[],
  blocks: string,
];

/** A model that is estimated without its file. */
export interface KnownModel {
  /** Its first name: `ai/llama3.2:latest`. */
  name: string;
  /** Made of the published shape, not read from a file. */
  header: GgufHeader;
  /** Whose shape it is: `Llama 3.2 3B`. */
  shape: string;
  quantization: string;
  /** Bytes of the published file by its model card, which rounds; null where it says none. */
  publishedBytes: number | null;
  /** What is not certain, a sentence without its full stop; null for nothing. */
  note: string | null;
}

let byName: ReadonlyMap<string, KnownRow> | null = null;

/** The known model of a name, spelt as Docker understands it; null where it is none of them. */
export function knownModel(name: string): KnownModel | null {
  byName ??= new Map(rows.flatMap((row) => row[0].map((each) => [dockerKey(each), row])));
  const row = byName.get(dockerKey(name));
  return row === undefined ? null : read(row);
}

/** The names of all known models. */
export const knownNames: readonly string[] = rows.flatMap(([names]) => names);

function read(row: KnownRow): KnownModel {
  const [names, shape, quantization, publishedBytes, context, note, otherTypes, kindTypes, blockTypes] = row;
  const [architecture, values, others, kinds, blocks] = shapes[shape] as ShapeRow;
  const metadata = new Map<string, GgufValue>([['general.architecture', architecture]]);
  for (const [key, value] of Object.entries(values)) {
    metadata.set(`${architecture}.${key}`, typeof value === 'number' ? value : array(value));
  }
  if (context !== null) metadata.set(`${architecture}.context_length`, context);
  const tensors = tensorsOf(others, otherTypes, '');
  for (let block = 0; block < blocks.length; block++) {
    const kind = kinds[digit(blocks, block)] ?? '';
    tensors.push(...tensorsOf(kind, kindTypes[digit(blockTypes, block)] ?? '', `blk.${block}.`));
  }
  return {
    name: names[0] ?? '',
    header: { version: 3, metadata, tensors, fileBytes: null },
    shape,
    quantization,
    publishedBytes,
    note,
  };
}

function digit(text: string, at: number): number {
  return Number.parseInt(text.charAt(at), 36);
}

function array(values: readonly (number | boolean)[]): GgufArray {
  return { type: typeof values[0] === 'boolean' ? 'bool' : 'uint32', length: values.length, values };
}

function tensorsOf(list: string, letters: string, prefix: string): GgufTensor[] {
  return list.split(',').map((text, at) => {
    const [name = '', dimensions = ''] = text.split(' ');
    const whole = /\.bias$|^ssm_[ad]$/.test(name) ? name : `${name}.weight`;
    return {
      name: prefix + whole,
      type: types[letters.charAt(at)] ?? 'F32',
      shape: dimensions.split('x').map(Number),
    };
  });
}

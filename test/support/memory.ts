import { readFileSync } from 'node:fs';
import type { GgufHeader, GgufTensor, GgufValue } from '../../src/memory/header.ts';
import { type Plain, writeGguf } from './gguf-writer.ts';

interface Compact {
  metadata: Record<string, GgufValue>;
  others: string[];
  kinds: string[][];
  blocks: number[];
}
type Parts = readonly [weights: number, kv: number, compute: number];

interface Cases {
  rows: [string, 'llama-server' | 'llama-cli', number, number, device: Parts, host: Parts, cpuOnly: Parts][];
  options: [string, number, string, device: Parts, host: Parts, cpuOnly: Parts | null][];
}

const json = (name: string) => JSON.parse(readFileSync(`test/fixtures/memory/${name}.json`, 'utf8'));

/** What llama.cpp says that the models need; scripts/memory-cases.mjs writes it. */
export const cases = json('cases') as Cases;

function tensor(text: string, prefix: string): GgufTensor {
  const [name = '', type = '', shape = ''] = text.split(' ');
  return { name: prefix + name, type, shape: shape.split('x').map(Number) };
}

/** A header from its metadata and from tensors such as `attn_q.weight Q4_K 4096x4096`, by block. */
export function headerOf(
  metadata: Iterable<readonly [string, GgufValue]>,
  others: readonly string[],
  blocks: readonly (readonly string[])[],
): GgufHeader {
  return {
    version: 3,
    metadata: new Map(metadata),
    tensors: [
      ...others.map((text) => tensor(text, '')),
      ...blocks.flatMap((texts, i) => texts.map((text) => tensor(text, `blk.${i}.`))),
    ],
    fileBytes: null,
  };
}

/** The headers of real models, without their vocabularies. */
export const headers: ReadonlyMap<string, GgufHeader> = new Map(
  Object.entries(json('models') as Record<string, Compact>).map(
    ([name, { metadata, others, kinds, blocks }]) => [
      name,
      headerOf(
        Object.entries(metadata),
        others,
        blocks.map((kind) => kinds[kind] ?? []),
      ),
    ],
  ),
);

export function header(name: string): GgufHeader {
  const found = headers.get(name);
  if (found === undefined) throw new Error(`no header ${name}`);
  return found;
}

/** The file of a real model, as far as its header goes; of the metadata, what is no list. */
export function ggufOf(name: string): Uint8Array {
  const { metadata, tensors } = header(name);
  const plain = [...metadata].filter(
    (pair): pair is [string, string | number] => typeof pair[1] !== 'object',
  );
  return writeGguf({ metadata: plain satisfies [string, Plain][], tensors });
}

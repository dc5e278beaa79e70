import { describe, expect, test } from 'vitest';
import { builtInEntries } from '../src/catalog/built-in.ts';
import { findPreset } from '../src/hardware/presets.ts';
import { type Estimate, type EstimateOptions, estimate, largestContext } from '../src/memory/estimate.ts';
import { fitOf, type Have, memoryOf } from '../src/memory/fit.ts';
import type { GgufHeader } from '../src/memory/header.ts';
import { type KnownModel, knownModel, knownNames } from '../src/memory/known.ts';
import { dataBytes } from '../src/memory/model.ts';
import { header } from './support/memory.ts';

const mib = 2 ** 20;
const gib = 2 ** 30;

function known(name: string): KnownModel {
  const found = knownModel(name);
  if (found === null) throw new Error(`${name} is not known`);
  return found;
}

function estimated(of: GgufHeader, options: EstimateOptions): Estimate {
  const result = estimate(of, options);
  if (!result.ok) throw new Error(result.problem);
  return result.estimate;
}

describe('known models', () => {
  test('each has its own names', () => {
    expect(new Set(knownNames.map((name) => name.toLowerCase())).size).toBe(knownNames.length);
    expect(knownNames.length).toBeGreaterThan(100);
  });

  test('the built-in catalog is among them', () => {
    expect(builtInEntries.map(({ dockerModel }) => known(dockerModel).shape)).toEqual([
      'Gemma 4 E2B',
      'Nemotron 3 Nano 30B-A3B',
      'Qwen3-0.6B',
    ]);
  });

  test.each([
    ['llama3.2', 'Llama 3.2 3B'],
    ['docker.io/ai/Llama3.2:3b-q4_k_m', 'Llama 3.2 3B'],
    ['hf.co/jinaai/jina-embeddings-v5-text-small-retrieval:Q4_K_M', 'Qwen3-0.6B'],
  ])('%s is spelt as Docker understands it', (name, shape) => {
    expect(known(name).shape).toBe(shape);
  });

  test.each([
    'ai/llama3.2:nope',
    'org/llama3.2',
    'ghcr.io/ai/llama3.2',
    `ai/llama3.2@sha256:${'0'.repeat(64)}`,
    '__proto__',
    'constructor',
    '',
  ])('%s is none of them', (name) => {
    expect(knownModel(name)).toBeNull();
  });

  test.each(knownNames)('%s has the size that its model card says, and rules', (name) => {
    const { header, publishedBytes, note } = known(name);
    const result = estimate(header, { contextSize: 512 });
    expect(result).toMatchObject({ ok: true, known: true, assumptions: [] });
    if (publishedBytes === null) return;
    // Cards round, and files have a vocabulary too. Mixes that are not known here differ by more.
    const off = Math.abs(dataBytes(header) / publishedBytes - 1);
    expect(off).toBeLessThan(note === null ? 0.003 : 0.06);
  });

  // Shapes that are written down must lead to the headers that llama.cpp was measured with. Types are those of
  // llama-quantize; where the blocks are no multiple of 8, some of those headers round its mix another way.
  test.each([
    ['llama3.1', 'llama3.1-8b', true],
    ['llama3.2', 'llama3.2-3b', false],
    ['mistral', 'mistral-7b-v0.3', true],
    ['qwen2.5', 'qwen2.5-7b', false],
    ['deepcoder-preview', 'qwen2.5-14b', true],
    ['qwen3-embedding', 'qwen3-4b', false],
    ['qwen3:30B-A3B-Q4_K_M', 'qwen3-30b-a3b', true],
    ['gemma3', 'gemma3-4b', false],
    ['gemma3-qat:12B-Q4_K_M', 'gemma3-12b', true],
    ['smollm3', 'smollm3-3b-Q4_K_M', true],
    ['gemma4:E2B', 'gemma4-e2b-Q4_K_M', false],
    ['gpt-oss-safeguard:20B-MXFP4', 'gpt-oss-20b', true],
    ['embeddinggemma', 'embeddinggemma-300m-Q8_0', true],
    ['nomic-embed-text-v1.5', 'nomic-embed-text-v1.5-F16', true],
  ])('%s is %s', (name, measured, withTypes) => {
    const lines = ({ tensors }: GgufHeader) =>
      tensors.map(({ name, type, shape }) => `${name} ${withTypes ? type : ''} ${shape.join('x')}`).sort();
    const ours = known(name).header;
    const theirs = header(measured);
    expect(lines(ours)).toEqual(lines(theirs));
    for (const contextSize of [512, 2048]) {
      const [mine, its] = [ours, theirs].map((of) => estimated(of, { contextSize }));
      if (withTypes) expect(mine).toEqual(its);
      expect(mine?.device.kv).toBe(its?.device.kv);
      expect(mine?.device.compute).toBe(its?.device.compute);
      expect(Math.abs((mine?.cpu_only.total ?? 0) / (its?.cpu_only.total ?? 1) - 1)).toBeLessThan(0.01);
    }
  });

  // llama.cpp v0.5.0 (llama-fit-params) on a header of this model: device total and cache in MiB.
  test.each([
    [4096, 23_482, 71],
    [8192, 23_510, 95],
    [262_144, 25_051, 1583],
  ])('nemotron3 at %i is as llama.cpp says', (contextSize, total, kv) => {
    const { device } = estimated(known('nemotron3').header, { contextSize, engine: 'llama-cli' });
    expect(Math.abs(device.total / mib / total - 1)).toBeLessThan(0.0005);
    expect(Math.floor(device.kv / mib)).toBe(kv);
  });
});

describe('what a target has', () => {
  test.each([
    ['rtx-2060', 'vram', 6, '6 GB VRAM'],
    ['gh-gpu-t4', 'vram', 16, '16 GB VRAM'],
    [
      'mac-m2-16',
      'unified',
      (16 * 2) / 3,
      '66.7 % of 16 GB shared memory: what Metal gives to the GPU of Macs with up to 16 GB',
    ],
    [
      'mac-m4-pro-48',
      'unified',
      48 * 0.74,
      '74 % of 48 GB shared memory: what Metal gives to the GPU of larger Macs',
    ],
    [
      'dgx-spark',
      'unified',
      128 * 0.925,
      '92.5 % of 128 GB shared memory: what NVIDIA systems with shared memory report of it',
    ],
    [
      'snapdragon-x-elite-16',
      'unified',
      8,
      '50 % of 16 GB shared memory: what Windows gives to a GPU of shared memory',
    ],
    ['linux-cpu-32', 'ram', 32 * 0.948 - 2, '94.8 % of 32 GB RAM, less 2 GiB for the system'],
    ['arc-b580', 'ram', 32 * 0.948 - 2, '94.8 % of 32 GB RAM, less 2 GiB for the system'],
    ['win-nogpu-64', 'ram', 64 * 0.948 - 4, '94.8 % of 64 GB RAM, less 4 GiB for the system'],
  ] as const)('%s', (id, kind, gibs, because) => {
    const target = findPreset(id);
    expect(memoryOf(target?.facts ?? expect.fail(id))).toMatchObject({
      kind,
      bytes: Math.floor(gibs * gib),
      because,
    });
  });

  test('measured figures are taken as they are', () => {
    const facts = findPreset('linux-cpu-32')?.facts ?? expect.fail();
    expect(memoryOf({ ...facts, measured: true, memoryGb: 31.2 })).toMatchObject({
      bytes: Math.floor(31.2 * gib) - 2 * gib,
      because: '31.2 GiB RAM less 2 GiB for the system',
    });
  });

  test('several cards are one and together, and what is unknown stays so', () => {
    const facts = findPreset('rtx-3090')?.facts ?? expect.fail();
    const cards = (vramGb: number | null) =>
      memoryOf({ ...facts, gpus: facts.gpus.map((gpu) => ({ ...gpu, vramGb, count: 2 })) });
    expect(cards(24)).toMatchObject({ bytes: 24 * gib, togetherBytes: 48 * gib });
    expect(cards(null)).toMatchObject({ bytes: null, togetherBytes: null, because: 'VRAM unknown' });
    expect(memoryOf({ ...facts, gpus: [], memoryGb: null })).toMatchObject({
      bytes: null,
      because: 'main memory unknown',
    });
  });
});

describe('whether it fits', () => {
  const of = (device: number, host: number): Estimate => {
    const parts = (total: number) => ({ weights: total * gib, kv: 0, compute: 0, total: total * gib });
    return {
      engine: 'llama-server',
      context_size: 4096,
      device: parts(device),
      host: parts(host),
      cpu_only: parts(device + host),
      margin: gib,
      devices: null,
    };
  };
  const card = (bytes: number | null, more: Partial<Have> = {}): Have => ({
    kind: 'vram',
    bytes: bytes === null ? null : bytes * gib,
    togetherBytes: null,
    hostBytes: null,
    because: '',
    ...more,
  });
  test.each<[name: string, device: number, host: number, have: Have, fit: string]>([
    ['with the margin to spare', 5, 1, card(6), 'fits'],
    ['with less than the margin to spare', 5.1, 1, card(6), 'tight'],
    ['with all that there is', 6, 1, card(6), 'tight'],
    ['with more than there is', 6.1, 1, card(6), 'does-not-fit'],
    ['with the margin and less than a tenth to spare', 22, 1, card(24), 'tight'],
    ['with a tenth to spare', 21.5, 1, card(24), 'fits'],
    ['on all cards together', 30, 1, card(24, { togetherBytes: 48 * gib }), 'tight'],
    ['on not even all cards', 47, 1, card(24, { togetherBytes: 48 * gib }), 'does-not-fit'],
    ['with too little main memory for its part', 4, 3, card(6, { hostBytes: 2 * gib }), 'tight'],
    ['shared memory holds both parts', 4, 2, card(10, { kind: 'unified', hostBytes: 5 * gib }), 'tight'],
    ['without a device all is in main memory', 5, 3, card(7, { kind: 'ram' }), 'does-not-fit'],
    ['nobody knows', 1, 1, card(null), 'unknown'],
  ])('%s', (_, device, host, have, fit) => {
    expect(fitOf(of(device, host), have)).toBe(fit);
  });

  test('the largest context is the last one that fits', () => {
    const { header } = known('llama3.2');
    const have = memoryOf(findPreset('rtx-2060')?.facts ?? expect.fail());
    const largest = largestContext(header, (one) => fitOf(one, have) === 'fits');
    const contextSize = (largest.ok && largest.contextSize) || 0;
    expect(contextSize % 256).toBe(0);
    expect(fitOf(estimated(header, { contextSize }), have)).toBe('fits');
    expect(fitOf(estimated(header, { contextSize: contextSize + 256 }), have)).toBe('tight');
  });
});

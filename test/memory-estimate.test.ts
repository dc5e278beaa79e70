import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { architectureOf, knownArchitectures } from '../src/memory/architectures.ts';
import {
  type Estimate,
  type EstimateOptions,
  estimate,
  largestContext,
  type Parts,
} from '../src/memory/estimate.ts';
import type { GgufHeader, GgufValue } from '../src/memory/header.ts';
import { cases, header, headerOf, headers } from './support/memory.ts';

const mib = 2 ** 20;
const gib = 2 ** 30;
const total = (parts: readonly number[]) => parts.reduce((sum, part) => sum + part, 0);

function estimated(of: GgufHeader, options: EstimateOptions): Estimate {
  const result = estimate(of, options);
  if (!result.ok) throw new Error(result.problem);
  return result.estimate;
}

/** Deviations in percent; figures that are rounded down to MiB are on average half of one larger, each of three. */
function deviation(ours: Parts, reference: readonly number[], roundedTo: number): number {
  const expected = total(reference) + (roundedTo > 1 ? 1.5 * roundedTo : 0);
  return (100 * Math.abs(ours.total - expected)) / expected;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

describe('llama.cpp itself', () => {
  test.each([...headers.keys()])('%s', (name) => {
    const rows = cases.rows.filter(([model]) => model === name);
    expect(rows.length).toBeGreaterThan(0);
    for (const [, engine, contextSize, roundedTo, ...sides] of rows) {
      const ours = estimated(header(name), { engine, contextSize });
      const at = `${engine} ${contextSize}`;
      for (const [i, side] of (['device', 'host', 'cpu_only'] as const).entries()) {
        const reference = sides[i] ?? [];
        for (const [j, part] of (['weights', 'kv'] as const).entries()) {
          const over = ours[side][part] - (reference[j] ?? 0);
          expect(over, `${at} ${side} ${part}`).toBeGreaterThanOrEqual(0);
          expect(over, `${at} ${side} ${part}`).toBeLessThan(roundedTo);
        }
        const most = side !== 'device' ? 2 : engine === 'llama-server' ? 0.6 : 3;
        expect(deviation(ours[side], reference, roundedTo), `${at} ${side}`).toBeLessThanOrEqual(most);
      }
    }
  });

  test.each([
    ['llama-server', 0.001],
    ['llama-cli', 0.05],
  ] as const)('%s in the median within %d %', (engine, most) => {
    const deviations = cases.rows
      .filter((row) => row[1] === engine)
      .map(([name, , contextSize, roundedTo, device]) =>
        deviation(estimated(header(name), { engine, contextSize }).device, device, roundedTo),
      );
    expect(deviations.length).toBeGreaterThan(100);
    expect(median(deviations)).toBeLessThanOrEqual(most);
  });

  test.each(cases.options.map((row) => [row[0], row[1], row[2], row] as const))(
    '%s at %i with "%s"',
    (name, contextSize, args, [, , , device, host, cpuOnly]) => {
      const words = args.split(' ');
      const value = (flag: string) => (words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined);
      const typeK = value('-ctk');
      const typeV = value('-ctv');
      const ours = estimated(header(name), {
        engine: 'llama-cli',
        contextSize,
        ...(typeK && { cacheTypeK: typeK }),
        ...(typeV && { cacheTypeV: typeV }),
        ...(value('-ub') && { ubatch: Number(value('-ub')) }),
        ...(value('-np') && { parallel: Number(value('-np')) }),
        flashAttention: value('-fa') !== 'off',
        swaFull: words.includes('--swa-full'),
      });
      for (const [parts, reference] of [
        [ours.device, device],
        [ours.host, host],
        [ours.cpu_only, cpuOnly],
      ] as const) {
        if (reference === null) continue;
        expect(deviation(parts, reference, mib)).toBeLessThanOrEqual(3);
        expect(parts.weights - reference[0]).toBeLessThan(mib);
        expect(parts.kv - reference[1]).toBeLessThan(mib);
        expect(Math.min(parts.weights - reference[0], parts.kv - reference[1])).toBeGreaterThanOrEqual(0);
      }
    },
  );
});

/** A model of like blocks. */
function modelOf(
  architecture: string,
  metadata: Record<string, GgufValue>,
  blocks: readonly (readonly string[])[],
): GgufHeader {
  const width = Number(metadata['embedding_length']);
  return headerOf(
    [
      ['general.architecture', architecture],
      [`${architecture}.block_count`, blocks.length],
      ...Object.entries(metadata).map(([key, value]) => [`${architecture}.${key}`, value] as const),
    ],
    [`token_embd.weight F16 ${width}x1000`],
    blocks,
  );
}

const gated = (width: number, ffn: number) => [
  `ffn_gate.weight F16 ${width}x${ffn}`,
  `ffn_up.weight F16 ${width}x${ffn}`,
  `ffn_down.weight F16 ${ffn}x${width}`,
];
const attention = (width: number, q: number, kv: number, out = q) => [
  `attn_q.weight F16 ${width}x${q}`,
  `attn_k.weight F16 ${width}x${kv}`,
  `attn_v.weight F16 ${width}x${kv}`,
  `attn_output.weight F16 ${out}x${width}`,
];
const qwen35 = (width: number, ffn: number) =>
  modelOf(
    'qwen35',
    {
      embedding_length: width,
      'attention.head_count': 8,
      'attention.head_count_kv': 2,
      'attention.key_length': 256,
      'attention.value_length': 256,
      'ssm.conv_kernel': 4,
      'ssm.state_size': 128,
      'ssm.group_count': 16,
      'ssm.inner_size': 2048,
    },
    [0, 1, 2, 3].map((i) => [
      ...gated(width, ffn),
      ...(i === 3
        ? attention(width, 4096, 512, 2048)
        : [
            `attn_qkv.weight F16 ${width}x6144`,
            'ssm_conv1d.weight F32 4x6144',
            `ssm_out.weight F16 2048x${width}`,
          ]),
    ]),
  );
const experts = (width: number, heads: number, kvHeads: number, used: number, ffn: number) =>
  modelOf(
    'qwen3moe',
    {
      embedding_length: width,
      'attention.head_count': heads,
      'attention.head_count_kv': kvHeads,
      'attention.key_length': 128,
      'attention.value_length': 128,
      expert_used_count: used,
    },
    [
      [
        ...attention(width, heads * 128, kvHeads * 128),
        `ffn_gate_inp.weight F32 ${width}x64`,
        `ffn_gate_exps.weight F16 ${width}x${ffn}x64`,
        `ffn_up_exps.weight F16 ${width}x${ffn}x64`,
        `ffn_down_exps.weight F16 ${ffn}x${width}x64`,
      ],
    ],
  );
const gemma4 = (width: number, ffn: number, kvHeads: number, period: number, blocks: number) =>
  modelOf(
    'gemma4',
    {
      embedding_length: width,
      'attention.head_count': 8,
      'attention.head_count_kv': kvHeads,
      'attention.key_length': 512,
      'attention.value_length': 512,
      'attention.key_length_swa': 256,
      'attention.value_length_swa': 256,
      'attention.sliding_window': 512,
      'attention.sliding_window_pattern': period,
      embedding_length_per_layer_input: 256,
    },
    Array.from({ length: blocks }, (_, i) => [
      ...gated(width, ffn),
      ...attention(width, 2048, 512, (i + 1) % period === 0 ? 4096 : 2048),
    ]),
  );

// What ggml-alloc.c comes to for the graphs of models that the cases do not have, its algorithm run over them:
// floats a token of a step of 512 tokens, masks included.
test.each([
  [
    'SmolLM2 135M',
    modelOf('llama', { embedding_length: 576, 'attention.head_count': 9, 'attention.head_count_kv': 3 }, [
      [...gated(576, 1536), ...attention(576, 576, 192)],
    ]),
    6341 + 2048,
  ],
  [
    'phi-2',
    modelOf('phi2', { embedding_length: 2560, 'attention.head_count': 32 }, [
      [...gated(2560, 10_240).slice(1), ...attention(2560, 2560, 2560)],
    ]),
    20_485 + 2048,
  ],
  [
    'GPT-2',
    modelOf('gpt2', { embedding_length: 768, 'attention.head_count': 12 }, [
      [...gated(768, 3072).slice(1), 'attn_qkv.weight F16 768x2304', 'attn_output.weight F16 768x768'],
    ]),
    4613 + 2048,
  ],
  ['Qwen3.5 0.8B', qwen35(1024, 3584), 20_776 + 2048],
  ['Qwen3.5 2B', qwen35(2048, 6144), 22_824 + 2048],
  ['OLMoE', experts(2048, 16, 16, 8, 1024), 30_725 + 2048],
  ['MiniMax M2', experts(3072, 48, 8, 8, 1536), 49_157 + 2048],
  ['GLM 4.5 Air, without its shared expert', experts(4096, 96, 8, 8, 1408), 75_781 + 2048],
  ['Gemma 4 E4B', gemma4(2560, 10_240, 2, 6, 42), 51_721 + 2048 + 1280],
] as const)('the allocation of %s', (_name, of, floats) => {
  const { device } = estimated(of, { contextSize: 4096 });
  expect(Math.floor(device.compute / (4 * 512))).toBe(floats);
});

/** Layers that see a window only, as `1`, found by what each adds to the cache. */
function windowsOf(metadata: Record<string, GgufValue>, layers: number): string {
  const [architecture = ''] = Object.keys(metadata)[0]?.split('.') ?? [];
  const kv = (blocks: number) =>
    estimated(
      headerOf(
        Object.entries({
          'general.architecture': architecture,
          [`${architecture}.block_count`]: layers,
          [`${architecture}.embedding_length`]: 64,
          [`${architecture}.attention.head_count`]: 1,
          // Only the first layers have heads for keys, so that each layer's cache shows.
          [`${architecture}.attention.head_count_kv`]: {
            type: 'uint32',
            length: layers,
            values: Array.from({ length: layers }, (_, i) => (i < blocks ? 1 : 0)),
          },
          ...metadata,
        }),
        ['token_embd.weight F16 64x100'],
        [],
      ),
      { contextSize: 65_536, engine: 'llama-cli' },
    ).device.kv;
  const full = 65_536 * 64 * 2 * 2;
  return Array.from({ length: layers }, (_, i) => (kv(i + 1) - kv(i) === full ? '0' : '1')).join('');
}

test.each([
  [{ 'gemma2.context_length': 1 }, 4, '1010'],
  [{ 'gemma3.attention.sliding_window': 1024 }, 12, '111110111110'],
  [{ 'gemma3.attention.sliding_window': 0 }, 12, '000000000000'],
  [{ 'gemma3.context_length': 1 }, 6, '000000'],
  [{ 'gpt-oss.attention.sliding_window': 128 }, 6, '101010'],
  [{ 'cohere2moe.attention.sliding_window': 4096 }, 8, '01110111'],
  [{ 'llama4.context_length': 1 }, 8, '11101110'],
  [{ 'llama4.attention.sliding_window': 0 }, 8, '00000000'],
  [{ 'smallthinker.attention.sliding_window': 2048 }, 8, '01110111'],
  [{ 'smallthinker.context_length': 1 }, 4, '0000'],
  [{ 'plamo3.attention.sliding_window': 1024 }, 8, '11111110'],
  [{ 'plamo3.attention.sliding_window': 1024, 'plamo3.attention.sliding_window_pattern': 4 }, 8, '11101110'],
  [{ 'exaone4.attention.sliding_window': 4096 }, 30, '0'.repeat(30)],
  [{ 'exaone4.attention.sliding_window': 2048 }, 64, '1110'.repeat(16)],
  [{ 'olmo2.context_length': 1 }, 4, '0000'],
  [{ 'olmo2.attention.sliding_window': 4096 }, 4, '1110'],
  // What llama.cpp does not use is not used here: a window in a file of these changes nothing.
  [{ 'phi3.attention.sliding_window': 2047 }, 4, '0000'],
  [{ 'qwen2.attention.sliding_window': 4096 }, 4, '0000'],
  [{ 'llama.attention.sliding_window': 4096 }, 4, '0000'],
  // Not known: only what the file says of each layer.
  [{ 'newest.attention.sliding_window': 4096 }, 4, '0000'],
  [
    {
      'newest.attention.sliding_window': 4096,
      'newest.attention.sliding_window_pattern': {
        type: 'bool',
        length: 4,
        values: [true, false, true, true],
      },
    },
    4,
    '1011',
  ],
] as [Record<string, GgufValue>, number, string][])(
  'windows of %j in %i layers',
  (metadata, layers, expected) => {
    expect(windowsOf(metadata, layers)).toBe(expected);
  },
);

describe('options', () => {
  const llama = header('llama3.1-8b');
  const hybrid = header('qwen3.5-4b-Q4_K_M');

  test('layers on the device: the output first, then the blocks from the last down', () => {
    const at = (gpuLayers: number) => estimated(llama, { contextSize: 4096, gpuLayers });
    const full = estimated(llama, { contextSize: 4096 });
    // llama.cpp v0.5.0 with -ngl 16, 32 and 33, in MiB.
    for (const [layers, weights] of [
      [16, 2290],
      [32, 4270],
      [33, 4403],
    ] as const) {
      expect(Math.floor(at(layers).device.weights / mib)).toBe(weights);
    }
    expect(at(33)).toEqual(full);
    expect(at(999)).toEqual(full);
    expect(at(0).device).toEqual({ weights: 0, kv: 0, compute: 0, total: 0 });
    expect(at(0).host).toEqual(full.cpu_only);
    expect(at(17).device.kv).toBe(16 * (full.device.kv / 32));
    expect(at(17).device.kv + at(17).host.kv).toBe(full.device.kv);
    expect(estimate(llama, { contextSize: 4096, gpuLayers: 16 })).toMatchObject({
      assumptions: [{ id: 'partial-offload' }],
    });
  });

  test('several devices: nothing is lost, each computes for itself', () => {
    const one = estimated(llama, { contextSize: 8192 });
    const { device, devices } = estimated(llama, { contextSize: 8192, split: [24, 8] });
    expect(devices).toHaveLength(2);
    expect(device.weights).toBe(one.device.weights);
    expect(device.kv).toBe(one.device.kv);
    expect(device.compute).toBeGreaterThan(2 * one.device.compute);
    expect(devices?.map(({ kv }) => kv / (one.device.kv / 32))).toEqual([25, 7]);
  });

  test('sequences: states are for each, a shared cache is for all', () => {
    const kv = (options: EstimateOptions) => estimated(hybrid, { contextSize: 8192, ...options }).device.kv;
    const state = 24 * 4 * (3 * 8192 + 128 * 4096);
    expect(kv({})).toBe(8 * 8192 * 4 * 256 * 4 + 4 * state);
    expect(kv({ parallel: 2 }) - kv({ parallel: 1 })).toBe(state);
    expect(kv({ parallel: 3 }) - kv({ parallel: 3, unified: true })).toBe(
      8 * (3 * 2816 - 8192) * 4 * 256 * 4,
    );
  });

  test('a file for images adds its weights', () => {
    const mmproj = headerOf(
      [
        ['general.architecture', 'clip'],
        ['clip.vision.image_size', 896],
        ['clip.vision.patch_size', 14],
        ['clip.vision.embedding_length', 1152],
        ['clip.vision.feed_forward_length', 4304],
      ],
      ['v.patch_embd.weight F16 14x14x3x1152', 'mm.input_projection.weight F16 2560x1152'],
      [],
    );
    const plain = estimated(llama, { contextSize: 4096 });
    const seeing = estimated(llama, { contextSize: 4096, mmproj });
    const weights = 2 * (14 * 14 * 3 * 1152 + 2560 * 1152);
    expect(seeing.device.weights - plain.device.weights).toBe(weights);
    expect(seeing.cpu_only.weights - plain.cpu_only.weights).toBe(weights);
    expect(seeing.device.compute).toBeGreaterThan(plain.device.compute);
    expect(seeing.host).toEqual(plain.host);
  });

  test.each([
    [{ contextSize: 0 }, 'The context size is 0. Use a whole number from 1 to 2147483647.'],
    [{ contextSize: Number.NaN }, 'The context size is NaN. Use a whole number from 1 to 2147483647.'],
    [{ parallel: 1.5 }, 'The number of parallel sequences is 1.5. Use a whole number from 1 to 256.'],
    [{ gpuLayers: -1 }, 'The number of layers on the GPU is -1. Use a whole number from 0 on.'],
    [{ split: [0, 0] }, 'The shares of the GPUs must be numbers from 0 on, and one of them above it.'],
    [{ split: [] }, 'The shares of the GPUs must be numbers from 0 on, and one of them above it.'],
    [
      { cacheTypeK: 'q4_k' },
      'The cache type "q4_k" is not one of llama.cpp. Use f32, f16, bf16, q8_0, q4_0, q4_1, iq4_nl, q5_0 or q5_1.',
    ],
    [
      { flashAttention: false, cacheTypeV: 'q8_0' },
      'llama.cpp keeps values as q8_0 only with flash attention. Leave it on, or use f16.',
    ],
  ] as [EstimateOptions, string][])('%j is refused', (options, problem) => {
    expect(estimate(llama, options)).toEqual({ ok: false, problem });
    expect(largestContext(llama, gib, options)).toEqual({ ok: false, problem });
  });
});

test('without a context size, what the model was trained for', () => {
  const result = estimate(header('gemma3-4b'));
  expect(result).toMatchObject({
    ok: true,
    known: true,
    estimate: { context_size: 131_072, engine: 'llama-server', margin: gib, devices: null },
    assumptions: [{ id: 'context-size', assumed: 'a context of 131072 tokens' }],
  });
});

test('an architecture that is not known gets the common rule, a wider margin and says so', () => {
  const like = (architecture: string) =>
    headerOf(
      [...header('llama3.1-8b').metadata].map(([key, value]) => [
        key.replace(/^llama\./, `${architecture}.`),
        key === 'general.architecture' ? architecture : value,
      ]),
      [],
      [],
    );
  const known = { ...like('llama'), tensors: header('llama3.1-8b').tensors };
  const unknown = { ...like('tomorrow'), tensors: header('llama3.1-8b').tensors };
  const result = estimate(unknown, { contextSize: 4096 });
  if (!result.ok) throw new Error(result.problem);
  expect(result.known).toBe(false);
  expect(result.estimate.device).toEqual(estimated(known, { contextSize: 4096 }).device);
  const { kv, compute } = result.estimate.cpu_only;
  expect(result.estimate.margin).toBe(gib + Math.ceil((kv + compute) / 4));
  expect(result.assumptions).toEqual([
    {
      id: 'architecture-unknown',
      assumed: 'a cache in each layer, and the largest activations that its tensors allow',
      because: 'the rules of the architecture "tomorrow" are not known here',
    },
  ]);
});

test('every rule of the table names its source', () => {
  expect(knownArchitectures.length).toBeGreaterThan(100);
  for (const name of knownArchitectures) {
    expect(architectureOf(name)?.source).toMatch(/^src\/models\/[a-z0-9-]+\.cpp(:[\d,-]+)?$/);
  }
  expect(architectureOf('__proto__')).toBeUndefined();
  expect(architectureOf('constructor')).toBeUndefined();
});

describe('the largest context', () => {
  test.each([
    ['gemma4-e2b-Q4_K_M', 8, 131_072],
    // What the weights and the widest layer leave, at 131072 bytes of cache and 1024 of mask a token.
    ['llama3.1-8b', 8, 29_184],
    ['llama3.1-8b', 4, null],
    ['falcon-mamba-7b-Q4_K_M', 5, 1_048_576],
  ])('of %s in %i GiB', (name, budget, expected) => {
    expect(largestContext(header(name), budget * gib)).toEqual({ ok: true, contextSize: expected });
  });

  test('fits, and the next page does not', () => {
    const names = [...headers.keys()];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.integer({ min: 1, max: 64 * 1024 }), (name, budgetMib) => {
        const of = header(name);
        const result = largestContext(of, budgetMib * mib);
        if (!result.ok) throw new Error(result.problem);
        const need = (contextSize: number) => estimated(of, { contextSize }).device.total;
        const fitting = result.contextSize;
        if (fitting !== null) expect(need(fitting)).toBeLessThanOrEqual(budgetMib * mib);
        const trained = of.metadata.get(`${of.metadata.get('general.architecture')}.context_length`);
        if (fitting !== trained) expect(need((fitting ?? 0) + 256)).toBeGreaterThan(budgetMib * mib);
      }),
      { numRuns: 60 },
    );
  });
});

test('more context never needs less', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...headers.values()),
      fc.integer({ min: 1, max: 300_000 }),
      fc.integer({ min: 0, max: 300_000 }),
      fc.constantFrom<EstimateOptions>(
        {},
        { engine: 'llama-cli' },
        { parallel: 3 },
        { parallel: 7, ubatch: 300 },
        { flashAttention: false },
      ),
      (of, contextSize, more, options) => {
        const less = estimated(of, { ...options, contextSize });
        const most = estimated(of, { ...options, contextSize: contextSize + more });
        for (const side of ['device', 'host', 'cpu_only'] as const) {
          expect(most[side].total).toBeGreaterThanOrEqual(less[side].total);
        }
      },
    ),
    { numRuns: 200 },
  );
});

describe('hostile headers', () => {
  const llama = header('llama3.2-1b');
  const without = (key: string) => ({
    ...llama,
    metadata: new Map([...llama.metadata].filter(([name]) => name !== key)),
  });
  const having = (key: string, value: GgufValue): GgufHeader => ({
    ...llama,
    metadata: new Map([...llama.metadata, [key, value]]),
  });
  const ids = (of: GgufHeader) => {
    const result = estimate(of, { contextSize: 4096 });
    return result.ok ? result.assumptions.map(({ id }) => id) : result.problem;
  };

  test.each([
    [
      without('general.architecture'),
      'The header does not name the architecture (general.architecture). Use a GGUF file of a language model.',
    ],
    [
      having('general.architecture', 7),
      'The header does not name the architecture (general.architecture). Use a GGUF file of a language model.',
    ],
    [
      { ...without('llama.block_count'), tensors: [] },
      'The header does not say how many blocks the model has (llama.block_count). Use a GGUF file of a language model.',
    ],
    [
      { ...without('llama.embedding_length'), tensors: [] },
      'The header does not say how wide the model is (llama.embedding_length). Use a GGUF file of a language model.',
    ],
    [{ ...llama, tensors: [] }, 'The header lists no tensors. Use the GGUF file of the model itself.'],
    [
      having('llama.attention.head_count_kv', 2 ** 40),
      'The sizes in the header are impossible: they add up to more than 8 million GB. Get the file again.',
    ],
    [without('llama.block_count'), ['block-count']],
    [having('llama.block_count', 2n ** 62n), ['bad-value', 'block-count']],
    [having('llama.block_count', 100_000), ['block-count']],
    [having('llama.attention.head_count_kv', 'eight'), ['bad-value']],
    [having('llama.attention.head_count_kv', -1), ['bad-value']],
    [having('llama.attention.head_count', 0), []],
    [
      having('llama.attention.head_count_kv', { type: 'uint32', length: 2, values: [8, 8] }),
      ['array-length'],
    ],
    [
      having('llama.attention.head_count_kv', { type: 'uint32', length: 2 ** 31, values: null }),
      ['array-length'],
    ],
    [
      { ...llama, tensors: [...llama.tensors, { name: 'blk.999999.x', type: 'Q9_Z', shape: [32] }] },
      ['tensor-type'],
    ],
  ] as [GgufHeader, string | string[]][])('case %#', (of, expected) => {
    expect(ids(of)).toEqual(expected);
  });

  test('whatever stands in it, sizes are sizes or the problem is said', () => {
    const value = fc.oneof(
      fc.constantFrom<GgufValue>(0, 1, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '', 'x', true),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }),
      fc.integer({ min: 0, max: 2 ** 41 }),
      fc.array(fc.oneof(fc.integer(), fc.string(), fc.boolean()), { maxLength: 80 }).map((values) => ({
        type: 'array',
        length: values.length,
        values,
      })),
      fc.constant<GgufValue>({ type: 'string', length: 2 ** 50, values: null }),
    );
    const shape = fc.array(fc.oneof(fc.integer({ min: 0, max: 2 ** 20 }), fc.constant(2 ** 52)), {
      maxLength: 4,
    });
    const hostile = fc.constantFrom(...headers.values()).chain((of) =>
      fc.record({
        of: fc.constant(of),
        replaced: fc.array(fc.tuple(fc.constantFrom(...of.metadata.keys()), value), { maxLength: 4 }),
        dropped: fc.array(fc.constantFrom(...of.metadata.keys()), { maxLength: 4 }),
        tensors: fc.array(
          fc.record({
            name: fc.oneof(fc.constantFrom(...of.tensors.slice(0, 40).map(({ name }) => name)), fc.string()),
            type: fc.constantFrom('F32', 'Q4_K', '__proto__'),
            shape,
          }),
          { maxLength: 4 },
        ),
      }),
    );
    fc.assert(
      fc.property(hostile, ({ of, replaced, dropped, tensors }) => {
        const metadata = new Map([...of.metadata, ...replaced]);
        for (const key of dropped) metadata.delete(key);
        const result = estimate({ ...of, metadata, tensors: [...of.tensors, ...tensors] });
        if (!result.ok) {
          expect(result.problem).toMatch(/^[A-Z].*\.$/);
          return;
        }
        const { device, host, cpu_only: cpuOnly, margin } = result.estimate;
        for (const parts of [device, host, cpuOnly]) {
          for (const size of Object.values(parts)) {
            expect(Number.isSafeInteger(size) && size >= 0).toBe(true);
          }
          expect(parts.total).toBe(parts.weights + parts.kv + parts.compute);
        }
        expect(Number.isSafeInteger(margin)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readConfigMetadata } from '../src/memory/config-metadata.ts';
import { elements, ggmlType, ggmlTypes, tensorBytes } from '../src/memory/ggml-types.ts';
import { mergeHeaders, mostHeaderBytes, readGguf, shardCount, shardNames } from '../src/memory/gguf.ts';
import type { GgufHeader, GgufValue } from '../src/memory/header.ts';
import type { Plain, Typed, ValueType, Written } from './support/gguf-writer.ts';
import { Bytes, valueTypes, writeGguf } from './support/gguf-writer.ts';

const model: Written = {
  metadata: {
    'general.architecture': 'llama',
    'llama.block_count': 2,
    'llama.attention.head_count_kv': [1, 0],
    'tokenizer.ggml.tokens': Array.from({ length: 5000 }, (_, index) => `token ${index}`),
  },
  tensors: [
    { name: 'token_embd.weight', shape: [256, 512], type: 'Q4_K' },
    { name: 'blk.0.attn_norm.weight', shape: [256], type: 'F32' },
  ],
};

function header(written: Written, fileBytes?: number): GgufHeader {
  const reading = readGguf(writeGguf(written), fileBytes);
  if (!reading.ok) throw new Error(JSON.stringify(reading));
  return reading.header;
}

/** `offset: reason`, or how many bytes are missing. */
function problem(bytes: Uint8Array, fileBytes: number | null = bytes.length): string | number {
  const reading = readGguf(bytes, fileBytes ?? undefined);
  if (reading.ok) return 'ok';
  return reading.needMore ?? `${reading.problem.offset}: ${reading.problem.reason}`;
}

describe('a header', () => {
  test.each([
    [2, true],
    [3, true],
    [2, false],
    [3, false],
  ])('of version %i, little-endian %s', (version, littleEndian) => {
    const bytes = writeGguf({ ...model, version, littleEndian });
    const reading = readGguf(bytes, 1_000_000);
    expect(reading.ok && bytes.length - reading.headerBytes).toBeLessThan(32);
    expect(reading.ok && reading.header).toEqual({
      version,
      metadata: new Map<string, GgufValue>([
        ['general.architecture', 'llama'],
        ['llama.block_count', 2],
        ['llama.attention.head_count_kv', { type: 'uint32', length: 2, values: [1, 0] }],
        ['tokenizer.ggml.tokens', { type: 'string', length: 5000, values: null }],
      ]),
      tensors: [
        { name: 'token_embd.weight', type: 'Q4_K', shape: [256, 512] },
        { name: 'blk.0.attn_norm.weight', type: 'F32', shape: [256] },
      ],
      fileBytes: 1_000_000,
    });
  });

  test('keeps every type of value, and integers exact', () => {
    const values: [ValueType, string | number | bigint | boolean][] = [
      ['uint8', 255],
      ['int8', -128],
      ['uint16', 65535],
      ['int16', -32768],
      ['uint32', 2 ** 32 - 1],
      ['int32', -(2 ** 31)],
      ['float32', 0.5],
      ['bool', true],
      ['string', '\ufeffä\u0000\u{1f600}'],
      ['uint64', 2n ** 64n - 1n],
      ['int64', -(2n ** 63n)],
      ['float64', Math.PI],
    ];
    const metadata = Object.fromEntries(values.map(([type, value]) => [type, { type, value } as Typed]));
    expect([...header({ metadata }).metadata]).toEqual(values);
    expect(header({ metadata: { a: { type: 'uint64', value: 4096 } } }).metadata.get('a')).toBe(4096);
  });

  test('has names that objects know', () => {
    const { metadata } = header({
      metadata: [
        ['__proto__', 1],
        ['constructor', 2],
      ],
    });
    expect([...metadata]).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
    ]);
  });

  test('may have arrays in arrays, and long ones of any kind are counted', () => {
    const inner = (values: Plain[]): Typed => ({ type: 'array', of: 'bool', values });
    const nested: Typed = { type: 'array', of: 'array', values: [inner([true]), inner([])] };
    const long: Typed = {
      type: 'array',
      of: 'array',
      values: Array.from({ length: 4097 }, () => inner([false])),
    };
    const { metadata } = header({
      metadata: {
        nested,
        long,
        scores: { type: 'array', of: 'int8', values: Array.from({ length: 9000 }, () => 1) },
        after: 7,
      },
    });
    expect(metadata.get('nested')).toEqual({
      type: 'array',
      length: 2,
      values: [
        { type: 'bool', length: 1, values: [true] },
        { type: 'bool', length: 0, values: [] },
      ],
    });
    expect(metadata.get('long')).toEqual({ type: 'array', length: 4097, values: null });
    expect(metadata.get('scores')).toEqual({ type: 'int8', length: 9000, values: null });
    expect(metadata.get('after')).toBe(7);
  });

  const value = fc.oneof(
    fc.string(),
    fc.boolean(),
    fc.integer(),
    fc.float({ noNaN: true }).filter((number) => !Number.isInteger(number)),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  );
  test('comes back as it was written', () => {
    const written = fc.record({
      version: fc.constantFrom(2, 3),
      littleEndian: fc.boolean(),
      metadata: fc.uniqueArray(fc.tuple(fc.string(), value), { selector: ([key]) => key, maxLength: 8 }),
      tensors: fc.uniqueArray(
        fc.record({
          name: fc.string(),
          shape: fc
            .array(
              fc.nat(8).map((blocks) => blocks * 256),
              { maxLength: 3 },
            )
            .map((shape) => [256, ...shape]),
          type: fc.constantFrom(...[...ggmlTypes.values()].map(({ name }) => name)),
        }),
        { selector: ({ name }) => name, maxLength: 5 },
      ),
    });
    fc.assert(
      fc.property(written, (each) => {
        const back = header(each);
        const exact = ([key, text]: readonly [string, unknown]) => [
          key,
          typeof text === 'bigint' && Number.isSafeInteger(Number(text)) ? Number(text) : text,
        ];
        expect([...back.metadata]).toEqual(each.metadata.map(exact));
        expect(back.tensors).toEqual(each.tensors);
      }),
    );
  });

  test('that is cut anywhere asks for more, and for enough in the end', () => {
    const bytes = writeGguf({
      ...model,
      metadata: { ...model.metadata, 'tokenizer.ggml.tokens': ['a', 'b'] },
    });
    const whole = readGguf(bytes);
    if (!whole.ok) throw new Error('not read');
    for (let length = 0; length < whole.headerBytes; length++) {
      const reading = readGguf(bytes.subarray(0, length));
      if (reading.ok || reading.needMore === null)
        throw new Error(`${length} bytes: ${JSON.stringify(reading)}`);
      expect(reading.needMore).toBeGreaterThan(length);
      expect(reading.needMore).toBeLessThanOrEqual(whole.headerBytes);
      expect(problem(bytes.subarray(0, length))).toBe(
        `${length}: is cut: the file has ${length} bytes, its header more; fetch it again`,
      );
    }
  });

  test('that is changed anywhere is read or refused, never anything else', () => {
    const bytes = writeGguf(model).slice(0, 1200);
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const copy = bytes.slice();
        for (const [offset, byte] of changes) copy[offset] = byte;
        const reading = readGguf(copy);
        if (reading.ok) return;
        if (reading.needMore === null) {
          expect(reading.problem.reason).not.toBe('');
          expect(reading.problem.offset).toBeLessThanOrEqual(copy.length);
        } else expect(reading.needMore).toBeGreaterThan(copy.length);
      }),
      { numRuns: 500 },
    );
  });
});

describe('hostile bytes', () => {
  const start = (tensors: bigint, keys: bigint) =>
    new Bytes().raw(new TextEncoder().encode('GGUF')).integer(3, 4).integer(tensors, 8).integer(keys, 8);
  const key = () => start(0n, 1n).string('a');
  const array = (of: ValueType, length: bigint) =>
    key().integer(valueTypes.array, 4).integer(valueTypes[of], 4).integer(length, 8);
  const tensor = (name: string, shape: bigint[], type: number) => {
    const bytes = start(1n, 0n).string(name).integer(shape.length, 4);
    for (const length of shape) bytes.integer(length, 8);
    return bytes.integer(type, 4).integer(0, 8);
  };
  const text = (content: string) => new Bytes().raw(new TextEncoder().encode(content));
  const deep = key().integer(valueTypes.array, 4);
  for (let depth = 0; depth < 1000; depth++) deep.integer(valueTypes.array, 4).integer(1, 8);

  const cases: [string, Bytes, string][] = [
    [
      '2^60 tensors',
      start(2n ** 60n, 0n),
      '16: claims 1,152,921,504,606,847,000 tensors, more than any header holds',
    ],
    [
      '2^60 values',
      start(0n, 2n ** 60n),
      '8: claims 1,152,921,504,606,847,000 values, more than any header holds',
    ],
    [
      '2^64-1 of both',
      start(2n ** 64n - 1n, 2n ** 64n - 1n),
      '8: claims 18,446,744,073,709,552,000 values, more than any header holds',
    ],
    [
      'an array of 2^60',
      array('uint8', 2n ** 60n),
      '41: claims 1,152,921,504,606,847,000 elements of an array, more than any header holds',
    ],
    [
      '2^40 strings',
      array('string', 2n ** 40n),
      '41: claims 1,099,511,627,776 elements of an array, more than any header holds',
    ],
    [
      'a string of 2^40',
      key()
        .integer(8, 4)
        .integer(2n ** 40n, 8),
      '37: claims 1,099,511,627,776 bytes of a string, more than any header holds',
    ],
    [
      'a key of 64 KiB',
      start(0n, 1n).integer(65_536, 8).raw(new Uint8Array(70_000)),
      '24: a key has 65,536 bytes; 65535 bytes are allowed',
    ],
    ['arrays 1000 deep', deep, '133: arrays stand in arrays more than 8 deep'],
    [
      'a key twice',
      start(0n, 2n).string('a').integer(0, 4).integer(1, 1).string('a').integer(0, 4).integer(1, 1),
      '38: the key "a" stands twice',
    ],
    [
      'a key with controls',
      start(0n, 2n)
        .string('\u001b[2J')
        .integer(0, 4)
        .integer(1, 1)
        .string('\u001b[2J')
        .integer(0, 4)
        .integer(1, 1),
      '41: the key "\\u{1b}[2J" stands twice',
    ],
    [
      'a type of value that is none',
      key().integer(13, 4).integer(0, 8),
      '33: a value has the type 13, which GGUF does not have',
    ],
    [
      '2^31 dimensions',
      start(1n, 0n)
        .string('t')
        .integer(2 ** 31, 4)
        .raw(new Uint8Array(64)),
      '24: the tensor "t" has 2147483648 dimensions; ggml has at most 4',
    ],
    [
      'a dimension of 2^62',
      tensor('t', [2n ** 62n], 0),
      '24: the tensor "t" has more elements than any file can hold',
    ],
    [
      'dimensions that overflow together',
      tensor('t', [2n ** 32n, 2n ** 32n], 0),
      '24: the tensor "t" has more elements than any file can hold',
    ],
    [
      '2^62 times nothing',
      tensor('t', [0n, 2n ** 62n], 0),
      '24: the tensor "t" has more elements than any file can hold',
    ],
    [
      'a type that ggml took back',
      tensor('t', [32n], 4),
      '24: the tensor "t" has the type 4, which ggml does not have',
    ],
    [
      'a row that is no whole block',
      tensor('t', [100n], 12),
      '24: the tensor "t" has rows of 100 elements, and Q4_K needs a multiple of 256',
    ],
    [
      'version 1',
      text('GGUF').integer(1, 4).raw(new Uint8Array(64)),
      '4: is GGUF version 1, which llama.cpp no longer reads; convert the model again',
    ],
    [
      'version 4',
      text('GGUF').integer(4, 4).raw(new Uint8Array(64)),
      '4: is GGUF version 4; versions 2 and 3 are known',
    ],
    [
      'version 0',
      text('GGUF').integer(0, 4).raw(new Uint8Array(64)),
      '4: is GGUF version 0; versions 2 and 3 are known',
    ],
    [
      'a pointer of Git LFS',
      text('version https://git-lfs.github.com/spec/v1\n'),
      '0: is a Git LFS pointer, not the file itself; run git lfs pull',
    ],
    ['a web page', text('<!DOCTYPE html>'), '0: is a web page or XML; use the address of the file itself'],
    [
      'safetensors',
      new Bytes().integer(1000, 8).raw(new TextEncoder().encode('{"__metadata__":{}}')),
      '0: is not a GGUF file: it does not begin with "GGUF"',
    ],
    [
      'an old GGML file',
      text('tjgg').integer(1, 4),
      '0: is a GGML file of before GGUF; convert the model again with a current llama.cpp',
    ],
    ['nothing', new Bytes(), '0: is cut: the file has 0 bytes, its header more; fetch it again'],
  ];
  test.each(cases)('%s', (_, bytes, expected) => {
    expect(problem(bytes.done())).toBe(expected);
  });

  test('a header that is longer than any is refused before it is fetched', () => {
    const strings = BigInt(mostHeaderBytes / 8 - 10);
    // What is claimed alone would just fit; what the first string adds does not.
    expect(problem(array('string', strings).done(), null)).toBe(49 + 8 * Number(strings));
    const bytes = array('string', strings).integer(1000, 8).raw(new Uint8Array(2000)).done();
    const grown = new Uint8Array(mostHeaderBytes);
    grown.set(bytes);
    expect(problem(grown, 2 ** 40)).toMatch(/^\d+: has a header of more than 67,108,864 bytes$/);
  });

  test('a vocabulary asks at once for all that it must have', () => {
    expect(problem(array('string', 100_000n).done(), null)).toBe(49 + 800_000);
    const long = array('string', 100_000n).integer(900_000, 8).raw(new Uint8Array(800_000)).done();
    expect(problem(long, null)).toBe(49 + 800_000 + 900_000);
  });
});

describe('ggml types', () => {
  test.each([
    ['F32', [3], 12],
    ['Q4_K', [256, 10], 1440],
    ['Q6_K', [512], 420],
    ['Q8_0', [64], 68],
    ['MXFP4', [2880, 4], 6120],
    ['NVFP4', [64], 36],
    ['IQ2_XXS', [256], 66],
    ['TQ1_0', [256, 2, 2], 216],
    ['BF16', [], 2],
    ['F16', [0], 0],
  ])('%s %j', (type, shape, bytes) => {
    expect(tensorBytes({ name: 't', type, shape })).toBe(bytes);
  });

  test('a tensor of another type has no size', () => {
    expect(() => tensorBytes({ name: 't', type: 'toString', shape: [1] })).toThrow(
      new RangeError('no ggml type toString'),
    );
    expect(ggmlType('constructor')).toBeUndefined();
    expect(elements({ name: 't', type: 'F32', shape: [2, 3, 4] })).toBe(24);
  });
});

describe('a sharded model', () => {
  const shard = (number: number, names: string[], more: Record<string, Plain> = {}) =>
    header(
      {
        metadata: {
          'split.no': { type: 'uint16', value: number },
          'split.count': { type: 'uint16', value: 2 },
          ...more,
        },
        tensors: names.map((name) => ({ name, shape: [4], type: 'F32' })),
      },
      100,
    );
  const first = shard(0, ['a'], { 'general.architecture': 'llama', 'split.tensors.count': 2 });
  const second = shard(1, ['b']);

  test('is one model in any order of its files', () => {
    const merged = mergeHeaders([second, first]);
    expect(merged.ok && merged.header.metadata.get('general.architecture')).toBe('llama');
    expect(merged.ok && merged.header.tensors.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(merged.ok && merged.header.fileBytes).toBe(200);
    expect(shardCount(first)).toBe(2);
  });

  test('a single file is itself', () => {
    const single = header(model);
    expect(mergeHeaders([single])).toEqual({ ok: true, header: single });
    expect(shardCount(single)).toBe(1);
  });

  test.each<[string, GgufHeader[], string]>([
    ['nothing', [], 'there is no file'],
    ['one of two', [first], 'the model is cut into 2 files, and there are headers of 1'],
    [
      'two that are none',
      [header(model), header(model)],
      'the model is cut into 1 file, and there are headers of 2',
    ],
    ['the same twice', [first, first], 'file 2 of 2 is missing, or another one is there twice'],
    ['a tensor in both', [first, shard(1, ['a'])], 'the tensor "a" stands in two files'],
    [
      'a tensor too many',
      [first, shard(1, ['b', 'c'])],
      'the files have 3 tensors together, and the first claims 2',
    ],
  ])('%s is refused', (_, headers, expected) => {
    expect(mergeHeaders(headers)).toEqual({ ok: false, problem: expected });
  });

  test.each([
    ['m-00002-of-00003.gguf', ['m-00001-of-00003.gguf', 'm-00002-of-00003.gguf', 'm-00003-of-00003.gguf']],
    ['m-00001-of-00001.GGUF', ['m-00001-of-00001.GGUF']],
    ['m.gguf', null],
    ['m-00004-of-00003.gguf', null],
    ['m-00000-of-00003.gguf', null],
    ['m-00001-of-99999.gguf', null],
  ])('the names beside %s', (name, expected) => {
    expect(shardNames(name)).toEqual(expected);
  });
});

test('the metadata of a model config', () => {
  const texts = {
    'general.architecture': 'gemma4',
    'general.version': '4',
    'general.file_type': '15',
    'gemma4.context_length': '131072',
    'gemma4.rope.freq_base': '1000000.000000',
    'gemma4.attention.head_count_kv': '1, 1, 4',
    'gemma4.pattern': '[true false]',
    'gemma4.one': '[8]',
    'gemma4.big': '18446744073709551615',
    'gemma4.note': 'one, two',
    'tokenizer.ggml.model': 'none',
    __proto__: 'x',
  };
  expect([...readConfigMetadata(new Map(Object.entries(texts)))]).toEqual([
    ['general.architecture', 'gemma4'],
    ['general.version', '4'],
    ['general.file_type', 15],
    ['gemma4.context_length', 131072],
    ['gemma4.rope.freq_base', 1_000_000],
    ['gemma4.attention.head_count_kv', { type: 'int32', length: 3, values: [1, 1, 4] }],
    ['gemma4.pattern', { type: 'bool', length: 2, values: [true, false] }],
    ['gemma4.one', { type: 'int32', length: 1, values: [8] }],
    ['gemma4.big', 18446744073709551615n],
    ['gemma4.note', 'one, two'],
    ['tokenizer.ggml.model', 'none'],
  ]);
});

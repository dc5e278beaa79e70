import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { buildCatalog } from '../src/catalog/catalog.ts';
import { modelEstimate } from '../src/cli/estimate.ts';
import type { Terminal } from '../src/cli/terminal.ts';
import { paint } from '../src/report/paint.ts';
import { findModel } from '../src/run/model-header.ts';
import type { Plain } from './support/gguf-writer.ts';
import { writeGguf } from './support/gguf-writer.ts';
import { cases, header } from './support/memory.ts';
import { expectNoCrash, folderOf, mn, type RunOptions, type Tree } from './support/process.ts';
import { push } from './support/push.ts';
import { answer, TestHuggingFace, TestRegistry } from './support/registry.ts';

vi.setConfig({ testTimeout: 60_000 });

const isEstimate = new Ajv2020({ allErrors: true }).compile(
  JSON.parse(readFileSync('schemas/estimate.schema.json', 'utf8')),
);

interface Parts {
  weights: number;
  kv: number;
  compute: number;
  total: number;
}
interface EstimateJson {
  schema: string;
  model: string;
  file_bytes: number;
  assumptions: Record<string, unknown> & { rests_on: string; notes: { id: string }[] };
  estimates: {
    engine: string;
    context_size: number;
    device: Parts;
    host: Parts;
    cpu_only: Parts;
    margin: number;
  }[];
  targets?: { id: string; have: number; fits: { status: string }[]; largest_context: number | null }[];
}

async function run(args: readonly string[], files: Tree = {}, options: RunOptions = {}) {
  const result = await mn(['model', 'estimate', ...args], { cwd: folderOf(files), ...options });
  expectNoCrash(result);
  return result;
}

async function json(
  args: readonly string[],
  files: Tree = {},
  options: RunOptions = {},
): Promise<EstimateJson> {
  const { code, stdout, stderr } = await run([...args, '--json'], files, options);
  expect({ code, stderr: stderr.replace(/^Reading the header of .+\n/, '') }).toEqual({
    code: 0,
    stderr: '',
  });
  const document = JSON.parse(stdout) as EstimateJson;
  isEstimate(document);
  expect(isEstimate.errors).toBeNull();
  return document;
}

/** A file whose header is that of a real model; its tensors do not follow. */
function headerFile(name: string): Uint8Array {
  const { metadata, tensors } = header(name);
  const plain = [...metadata].map(([key, value]): [string, Plain] => {
    if (typeof value !== 'object') return [key, value];
    return [key, (value.values ?? []) as Plain];
  });
  return writeGguf({ metadata: plain, tensors });
}

const llama = headerFile('llama3.2-1b');
const small = writeGguf({
  metadata: {
    'general.architecture': 'llama',
    'llama.block_count': 1,
    'llama.embedding_length': 64,
    'llama.attention.head_count': 2,
    'llama.context_length': 8192,
  },
  tensors: [
    { name: 'token_embd.weight', shape: [64, 100], type: 'F32' },
    { name: 'blk.0.attn_q.weight', shape: [64, 64], type: 'F32' },
    { name: 'blk.0.attn_output.weight', shape: [64, 64], type: 'F32' },
  ],
});
/** The header and all that follows. */
const whole = Buffer.concat([small, Buffer.alloc(4 * (6400 + 2 * 4096))]);

describe('a file', () => {
  test.each(['llama-server', 'llama-cli'] as const)('%s is as llama.cpp says', async (engine) => {
    const rows = cases.rows.filter(([model, of]) => model === 'llama3.2-1b' && of === engine);
    expect(rows.length).toBeGreaterThan(1);
    const sizes = rows.map(([, , contextSize]) => String(contextSize));
    const { estimates } = await json(['--engine', engine, '--context-size', ...sizes, 'm.gguf'], {
      'm.gguf': llama,
    });
    expect(estimates.map(({ context_size }) => String(context_size))).toEqual(sizes);
    for (const [at, [, , , unit, ...sides]] of rows.entries()) {
      for (const [i, side] of (['device', 'host', 'cpu_only'] as const).entries()) {
        const [weights = 0, kv = 0] = sides[i] ?? [];
        const ours = estimates[at]?.[side] ?? expect.fail();
        expect(ours.weights - weights).toBeLessThan(Math.max(unit, 1));
        expect(ours.kv).toBe(kv);
        expect(ours.total).toBe(ours.weights + ours.kv + ours.compute);
      }
    }
  });

  test('its size is its own; where it is cut after its header, that of its tensors', async () => {
    const sizeOf = async (bytes: Uint8Array) => {
      const { file_bytes, assumptions } = await json(['m.gguf'], { 'm.gguf': bytes });
      return [file_bytes, /it is cut/.test(assumptions.rests_on)];
    };
    expect(await sizeOf(whole)).toEqual([whole.length, false]);
    expect(await sizeOf(small)).toEqual([whole.length, true]);
  });

  test('its name may have any ending where it is a path', async () => {
    const { model } = await json(['./blobs/sha256'], { 'blobs/sha256': whole });
    expect(model).toBe('./blobs/sha256');
  });

  const at = (text: string) =>
    `error: m.gguf cannot be read, at byte ${text} Name a whole GGUF file of version 2 or 3.\n`;
  const words = new TextEncoder();
  const huge = small.slice();
  new DataView(huge.buffer).setBigUint64(8, 2n ** 60n, true);
  const bad = (metadata: Record<string, Plain>) => writeGguf({ metadata });
  test.each<[name: string, bytes: Uint8Array | string, stderr: string]>([
    ['text', 'hello', at('0: is not a GGUF file: it does not begin with "GGUF".')],
    ['nothing', '', at('0: is cut: the file has 0 bytes, its header more; fetch it again.')],
    [
      'a pointer to it',
      'version https://git-lfs.github.com/spec/v1\n',
      at('0: is a Git LFS pointer, not the file itself; run git lfs pull.'),
    ],
    [
      'a header that is cut',
      small.subarray(0, 200),
      at('200: is cut: the file has 200 bytes, its header more; fetch it again.'),
    ],
    [
      'more tensors than any file has',
      huge,
      at('16: claims 1,152,921,504,606,847,000 tensors, more than any header holds.'),
    ],
    [
      'workflow commands',
      words.encode('::error::x\n##[error]y'),
      at('0: is not a GGUF file: it does not begin with "GGUF".'),
    ],
    [
      'no architecture',
      bad({ 'general.name': 'x' }),
      'error: "m.gguf" cannot be estimated. The header does not name the architecture (general.architecture). Use a GGUF file of a language model.\n',
    ],
    [
      'no model',
      bad({ 'general.architecture': '::error::\u001b[31m' }),
      'error: "m.gguf" cannot be estimated. The header does not say how many blocks the model has (::error::\\u{1b}[31m.block_count). Use a GGUF file of a language model.\n',
    ],
  ])('%s is no model', async (_, bytes, stderr) => {
    expect(await run(['m.gguf'], { 'm.gguf': bytes })).toMatchObject({ code: 2, stdout: '', stderr });
  });

  test('names in it are shown, never obeyed', async () => {
    const evil = '\u001b[2J\n::error::x ##[group] <b>';
    const bytes = writeGguf({
      metadata: {
        'general.architecture': evil,
        'general.name': evil,
        [`${evil}.block_count`]: 1,
        [`${evil}.embedding_length`]: 64,
        __proto__: 1,
      },
      tensors: [{ name: evil, shape: [64, 4], type: 'F32' }],
    });
    const { code, stdout, stderr } = await run(['m.gguf'], { 'm.gguf': bytes });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toMatch(/\u001b|^\s*::|##\[/m);
    expect(stdout).toContain('\\u{1b}[2J\\n::error::x ##\\[group] <b>');
    const document = await json(['m.gguf'], { 'm.gguf': bytes });
    expect(document.assumptions['architecture']).toBe(evil);
    expect(document.assumptions['architecture_known']).toBe(false);
  });

  test('of 4 GB is read at its start only', async () => {
    const folder = folderOf({ 'm.gguf': small });
    const { truncateSync } = await import('node:fs');
    truncateSync(join(folder, 'm.gguf'), 4e9);
    const { file_bytes } = await json(['m.gguf'], {}, { cwd: folder });
    expect(file_bytes).toBe(4e9);
  });
});

describe('a known model', () => {
  const targets = ['--targets', 'rtx-2060,mac-m2-16,linux-cpu-16,l40s'];
  test('goes through the catalog, and its context sizes begin with the entry’s', async () => {
    const document = await json(['medium', ...targets], {}, { env: { HTTPS_PROXY: 'http://127.0.0.1:1' } });
    expect(document.model).toBe('nemotron3');
    expect(document.estimates.map(({ context_size }) => context_size)).toEqual([
      8192, 16_384, 32_768, 65_536, 131_072, 262_144,
    ]);
    expect(
      document.targets?.map(({ id, fits, largest_context }) => [id, fits[0]?.status, largest_context]),
    ).toEqual([
      ['rtx-2060', 'does_not_fit', null],
      ['mac-m2-16', 'does_not_fit', null],
      ['linux-cpu-16', 'does_not_fit', null],
      ['l40s', 'fits', 262_144],
    ]);
  });

  test('options change what they say', async () => {
    const [f16, q8, parts, cli] = await Promise.all(
      [[], ['--kv-type', 'q8_0'], ['--gpu-layers', '5'], ['--engine', 'llama-cli']].map(
        async (more) =>
          (await json(['llama3.2', '--context-size', '8192', ...more])).estimates[0] ?? expect.fail(),
      ),
    );
    expect(q8?.device.kv).toBe(((f16?.device.kv ?? 0) * 34) / 64);
    expect(parts?.device.weights).toBeLessThan((f16?.device.weights ?? 0) / 2);
    expect(parts?.cpu_only).toEqual(f16?.cpu_only);
    expect(cli?.device.compute).toBeGreaterThan(f16?.device.compute ?? 0);
  });

  test.each<[name: string, args: string[], files?: Tree]>([
    ['a row of context sizes and targets', ['gemma4', ...targets]],
    ['one context size', ['smollm2', '--context-size', '8192', '--parallel', '2']],
    ['what is assumed', ['m.gguf', '--context-size', '100000'], { 'm.gguf': llama }],
  ])('text: %s', async (name, args, files) => {
    const { code, stdout, stderr } = await run(args, files);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await expect(stdout).toMatchFileSnapshot(`snapshots/e2e-estimate-${name.replaceAll(' ', '-')}.txt`);
  });

  test.each([
    [
      'an unknown one',
      ['lama3.2', '--offline'],
      '"lama3.2" is none of the known models, and --offline forbids to ask its registry. Did you mean llama3.2? Leave out --offline, or name a .gguf file.',
    ],
    ['none', ['--json'], 'no model is named. Name one of mn model list, a registry’s or a .gguf file.'],
    [
      'no name',
      ['a b'],
      '"a b" is no model: " " cannot be part of a name. Write it as ai/gemma4:E2B, hf.co/owner/repository:Q4_K_M or the path of a .gguf file.',
    ],
    [
      'a missing file',
      ['nope.gguf'],
      '"nope.gguf" is not there. Check the path; all files of a sharded model belong in one folder.',
    ],
  ])('%s', async (_, args, message) => {
    expect(await run(args)).toMatchObject({ code: 2, stdout: '', stderr: `error: ${message}\n` });
  });

  test('all that is wrong is said at once', async () => {
    const args = [
      'gemma4',
      '--context-size',
      '1e3,0,-1',
      '--parallel',
      '0',
      '--gpu-layers',
      '1.5',
      '--kv-type',
      'q9',
    ];
    const whole = (option: string, value: string, least = 1) =>
      `error: ${option} is "${value}". Give a whole number from ${least} to 2147483647.\n`;
    expect((await run(args)).stderr).toBe(
      whole('--context-size', '1e3') +
        whole('--context-size', '0') +
        whole('--context-size', '-1') +
        whole('--parallel', '0') +
        whole('--gpu-layers', '1.5', 0) +
        'error: --kv-type is "q9". Use f32, f16, bf16, q8_0, q4_0, q4_1, iq4_nl, q5_0 or q5_1.\n',
    );
  });

  test('a catalog of a repository names no file of this machine', async () => {
    const catalog = JSON.stringify([{ id: 'x', model: '../m.gguf' }]);
    const { code, stderr } = await run(['x'], {
      '.git/HEAD': '',
      '.mn/models/catalog.json': catalog,
      'm.gguf': small,
    });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        'error: "x" is "../m.gguf" in the catalog, which is no model of a registry. Correct docker_model of the catalog.\n',
    });
  });
});

describe('a registry', () => {
  const registry = new TestRegistry();
  const hub = new TestHuggingFace();
  /** A vocabulary makes its header 2 MB long. */
  const tokens = Array.from({ length: 150_000 }, (_, index) => `t${index}`);
  const large = writeGguf({
    metadata: {
      'general.architecture': 'llama',
      'llama.block_count': 1,
      'llama.embedding_length': 64,
      'llama.context_length': 4096,
      'tokenizer.ggml.tokens': tokens,
    },
    tensors: [{ name: 'token_embd.weight', shape: [64, 20_000], type: 'F32' }],
  });
  const file = Buffer.concat([large, Buffer.alloc(4 * 64 * 20_000)]);
  beforeAll(async () => {
    await registry.start();
    await hub.start();
    await push(registry.url, 'x/large', 'latest', { gguf: [file], mmproj: new Uint8Array(5000) });
    hub.repositories.set('owner/repository', new Map([['m-Q4_K_M.gguf', file]]));
    registry.reset();
  });
  afterEach(() => registry.reset());
  afterAll(async () => {
    await registry.stop();
    await hub.stop();
  });
  const place = () => `${registry.host}/x/large`;

  test('gives the header and at most 1 MB more, over one connection', async () => {
    const { code, stdout, stderr } = await run([place(), '--json']);
    expect(stderr).toBe(`Reading the header of ${registry.host}/x/large:latest where it is published.\n`);
    expect(code).toBe(0);
    const document = JSON.parse(stdout) as EstimateJson;
    expect(document.model).toBe(`${registry.host}/x/large:latest`);
    expect(document.file_bytes).toBe(file.length);
    expect(document.assumptions['basis']).toBe('registry');
    expect(document.assumptions['mmproj_bytes']).toBe(5000);
    expect(document.assumptions.notes.map(({ id }) => id)).toEqual(['image-input']);
    expect(registry.connections).toBe(1);
    expect(registry.bytesSent).toBeGreaterThan(large.length);
    expect(registry.bytesSent).toBeLessThan(large.length + 1_000_000);
  });

  test('Hugging Face too', async () => {
    const { file_bytes, model } = await json(
      ['hf.co/owner/repository'],
      {},
      { env: { HF_ENDPOINT: hub.url } },
    );
    expect({ file_bytes, model }).toEqual({
      file_bytes: file.length,
      model: 'huggingface.co/owner/repository',
    });
  });

  test('a redirect is followed', async () => {
    registry.fault(
      /blobs/,
      (request, response) =>
        void response.writeHead(307, { location: `${registry.url}${request.url}?moved` }).end(),
      1,
    );
    expect((await json([place()])).file_bytes).toBe(file.length);
  });

  test.each<[name: string, fault: () => void, message: RegExp]>([
    [
      'gives no parts',
      () =>
        registry.fault(/blobs/, (request, response) => {
          delete request.headers.range;
          const digest = (request.url ?? '').split('/').at(-1) ?? '';
          registry.give(registry.blobs.get(digest) ?? file)(request, response);
        }),
      /^error: http:\/\/<host>\/v2\/x\/large\/blobs\/sha256:\w+ is given whole only, so its header cannot be read alone\. Download the file and name its path\.$/,
    ],
    [
      'lies about a length',
      () =>
        registry.fault(/blobs/, (request, response) => {
          if (request.headers.range === undefined) return registry.give(small)(request, response);
          response.writeHead(206, { 'content-range': 'bytes 0-131071/999', 'content-length': 3 }).end('abc');
        }),
      /^error: .+<host>.+\. .+\.$/,
    ],
    [
      'redirects in a circle',
      () =>
        registry.fault(
          /./,
          (request, response) => void response.writeHead(302, { location: request.url }).end(),
        ),
      /^error: http:\/\/<host>.+ redirects .+$/,
    ],
    ['has a problem', () => registry.fault(/./, answer(503)), /^error: .*503.*\.$/],
    [
      'does not know it',
      () => registry.fault(/./, answer(404)),
      /^error: <host>\/x\/large:latest is not there\. Check name and tag; the case of a tag counts\.$/,
    ],
  ])('that %s', async (_, fault, message) => {
    fault();
    const { code, stdout, stderr } = await run([place()]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const [said, error] = stderr.replaceAll(registry.host, '<host>').trimEnd().split('\n');
    expect(said).toBe('Reading the header of <host>/x/large:latest where it is published.');
    expect(error).toMatch(message);
  });

  test('that stalls', async () => {
    registry.fault(/manifests/, () => {});
    const { catalog } = buildCatalog([]);
    const options = { catalog, offline: false, env: {}, onNetwork: () => {}, timeouts: { idle: 200 } };
    await expect(findModel(place(), options)).rejects.toMatchObject({
      problems: [
        `${registry.url}/v2/x/large/manifests/latest sent nothing for 0.2 s. Check the network and try again.`,
      ],
    });
  });

  test('is not asked where --offline forbids it', async () => {
    const { code, stderr } = await run([place(), '--offline']);
    expect(code).toBe(2);
    expect(stderr).toBe(
      `error: "${place()}" is none of the known models, and --offline forbids to ask its registry. Leave out --offline, or name a .gguf file.\n`,
    );
    expect(registry.asked).toEqual([]);
  });
});

describe('the text', () => {
  test.each([40, 80, 120])('at %i columns', async (columns) => {
    vi.stubEnv('MN_HOME', folderOf());
    let text = '';
    const terminal: Terminal = {
      out: (more) => {
        text += more;
      },
      err: (more) => expect.fail(more),
      color: false,
      width: columns,
      watched: false,
      colors: paint(false),
      debug: () => {},
    };
    const targets = ['rtx-2060,mac-m2-16,linux-cpu-16,l40s,snapdragon-x-elite-16'];
    const none = { contextSize: [], set: [], catalog: [], json: false };
    await modelEstimate(
      'granite-4.0-h-tiny',
      { ...none, engine: 'llama-server', offline: true, targets },
      terminal,
    );
    vi.unstubAllEnvs();
    await expect(text).toMatchFileSnapshot(`snapshots/estimate-${columns}.txt`);
    if (columns >= 80) {
      expect(Math.max(...text.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(columns);
    }
  });
});

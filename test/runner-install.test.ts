import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RegistryError } from '../src/registry/error.ts';
import { ModelRunner } from '../src/runner/client.ts';
import { isEmbeddingModel } from '../src/runner/embedding.ts';
import { RunnerError } from '../src/runner/errors.ts';
import { type InstallEvent, type InstallWish, type InstallWorld, install } from '../src/runner/install.ts';
import type { Outside } from '../src/runner/locate.ts';
import { bytesOfSize, findRemoval, remove } from '../src/runner/remove.ts';
import { storeSpace } from '../src/runner/store.ts';
import type { Endpoint, InstalledModel } from '../src/runner/types.ts';
import { type UpdateEvent, update } from '../src/runner/update.ts';
import { shortDigest } from '../src/text/text.ts';
import { type FakeModelRunner, modelRunner, type PullFault, remote, sha256 } from './support/model-runner.ts';
import { folderOf, write } from './support/process.ts';

const gemma = 'ai/gemma4:E2B';
let fake: FakeModelRunner;
let runner: ModelRunner;
beforeAll(async () => {
  const started = await modelRunner();
  fake = started.fake;
  runner = new ModelRunner(started.endpoint);
});
afterAll(() => fake.close());
beforeEach(() => fake.reset());

const wish: InstallWish = {
  id: 'gemma4:e2b',
  ref: gemma,
  verdict: { ok: true, message: 'runs', help: '' },
  backend: 'llama.cpp',
  contextSize: 4096,
  isContextAsked: false,
  token: null,
};
const space = (freeBytes: number, presentBytes = 0) => ({
  freeSpace: async () => ({ freeBytes, presentBytes }),
});
const locked = { expectedDigest: () => sha256('locked') };
/** The waits between tries, in milliseconds. */
const waits: number[] = [];
beforeEach(() => waits.splice(0));
const world = (more: Partial<InstallWorld> = {}) => ({
  runner,
  lookUp: async () => ({ digest: sha256(gemma), layers: [{ digest: sha256('layer'), bytes: 3.4e9 }] }),
  ...space(210e9),
  expectedDigest: () => null,
  enter: async () => {},
  now: () => 0,
  wait: async (ms: number) => {
    waits.push(ms);
  },
  ...more,
});

/** The steps, the pull's own left out, and the error at their end. */
async function collect<Event extends { step: string }>(events: AsyncIterable<Event>) {
  const seen: Event[] = [];
  let error: RunnerError | null = null;
  try {
    for await (const event of events) if (event.step !== 'pull') seen.push(event);
  } catch (reason) {
    if (!(reason instanceof RunnerError)) throw reason;
    error = reason;
  }
  return { seen, names: seen.map(({ step }) => step), error };
}
const steps = (wanted: Partial<InstallWish> = {}, around: Partial<InstallWorld> = {}) =>
  collect<InstallEvent>(install({ ...wish, ...wanted }, world(around)));
const asked = () => fake.requests.map(({ method, url }) => `${method} ${url}`);

describe('install', () => {
  test('checks, pulls, sets the context size and loads', async () => {
    fake.publish(gemma);
    const { seen, error } = await steps();
    expect(error).toBeNull();
    expect(seen).toMatchObject([
      { step: 'disk', neededBytes: 3.4e9, freeBytes: 210e9, why: [] },
      { step: 'installed', cached: false, bytes: 1_500_300, model: { tags: ['docker.io/ai/gemma4:E2B'] } },
      { step: 'context', contextSize: 4096 },
      { step: 'loading' },
      { step: 'loaded' },
    ]);
    expect(asked()).toEqual([
      ...['GET /models/ai/gemma4:E2B', 'GET /models'],
      ...['GET /models/ai/gemma4:E2B', 'GET /models'],
      'POST /models/create',
      'GET /models/ai/gemma4:E2B',
      'POST /engines/llama.cpp/_configure',
      'POST /engines/llama.cpp/v1/chat/completions',
    ]);
    expect(fake.loaded).toEqual([{ backend: 'llama.cpp', model: gemma, mode: 'completion' }]);
  });

  test('of what is there only says so, without waiting for anybody', async () => {
    fake.install(gemma);
    const never = () => Promise.reject(new Error('asked'));
    expect((await steps({}, { lookUp: never, enter: never })).names).toEqual(['present']);
    expect(asked()).toEqual(['GET /models/ai/gemma4:E2B']);
  });

  test('of what somebody else installed meanwhile only says so', async () => {
    const enter = async () => {
      fake.install(gemma);
    };
    expect((await steps({}, { enter })).names).toEqual(['present']);
  });

  test('sets a context size that was asked for, on a model in memory too', async () => {
    fake.install(gemma);
    fake.loaded = [{ backend: 'llama.cpp', model: gemma, mode: 'completion' }];
    expect((await steps({ isContextAsked: true, contextSize: 8192 })).names).toEqual([
      ...['present', 'context', 'loading', 'loaded'],
    ]);
    expect(fake.configured.map(({ Config }) => Config)).toEqual([{ 'context-size': 8192 }]);
  });

  test('an embedding model is loaded as one', async () => {
    const { config, ...model } = remote(gemma);
    fake.publish(gemma, { ...model, config: { ...config, architecture: 'nomic-bert' } });
    await steps({ contextSize: 2048, backend: null });
    expect(asked().slice(-2)).toEqual(['POST /engines/_configure', 'POST /engines/v1/embeddings']);
    expect(fake.configured[0]).toMatchObject({ Mode: 'embedding' });
  });

  test('what is known of embedding models', () => {
    const of = (architecture: string | null, tag: string) => isEmbeddingModel([tag], architecture);
    expect(of('gemma-embedding', 'ai/x:y')).toBe(true);
    expect(of('qwen3', 'docker.io/ai/qwen3-embedding:4B')).toBe(true);
    expect(of(null, 'docker.io/ai/mxbai-embed-large:latest')).toBe(true);
    expect(of('gemma4', 'docker.io/ai/gemma4:E2B')).toBe(false);
  });

  const found = ['GET /models/ai/gemma4:E2B', 'GET /models', 'GET /models/ai/gemma4:E2B', 'GET /models'];
  const gone = (kind: 'not-found' | 'not-a-model') => ({
    lookUp: () =>
      Promise.reject(new RegistryError(kind, 'docker.io/ai/gemma4:E2B is not there', 'Check the tag')),
  });
  const refusals: [string, Partial<InstallWish>, Partial<InstallWorld>, Partial<RunnerError>, string[]][] = [
    [
      'the hardware does not do',
      {
        verdict: {
          ok: false,
          message: 'needs 16 GB unified memory, found 8 GB',
          help: 'Use --force if you accept swapping.',
        },
      },
      {},
      {
        kind: 'incompatible',
        message: 'gemma4:e2b does not run on this machine: needs 16 GB unified memory, found 8 GB.',
        fix: 'Use --force if you accept swapping.',
      },
      [],
    ],
    [
      'the disk is too small',
      {},
      space(3.5e9),
      {
        kind: 'out-of-disk',
        message: 'ai/gemma4:E2B needs 3.7 GB of disk, and 3.5 GB is free.',
        fix: 'Free space, or remove models with mn model remove.',
      },
      found,
    ],
    [
      'Hugging Face needs it twice',
      { ref: 'hf.co/a/b:Q4' },
      space(5e9),
      { kind: 'out-of-disk', message: 'huggingface.co/a/b:Q4 needs 7.5 GB of disk, and 5 GB is free.' },
      found.map((request) => request.replace('ai/gemma4:E2B', 'huggingface.co/a/b:Q4')),
    ],
    ['the registry has another model than the lock', {}, locked, { kind: 'digest-mismatch' }, found],
    [
      'the registry does not have it',
      {},
      gone('not-found'),
      { kind: 'not-found', message: 'ai/gemma4:E2B is not in its registry.' },
      found,
    ],
    ['the registry has an image of that name', {}, gone('not-a-model'), { fix: 'Check the tag.' }, found],
    ['the name is hostile', { ref: 'x;rm -rf /' }, {}, { kind: 'invalid-reference' }, []],
    ['the name is an option', { ref: '--help' }, {}, { kind: 'invalid-reference' }, []],
    ['the name leaves its folder', { ref: 'ai/../../etc/passwd' }, {}, { kind: 'invalid-reference' }, []],
  ];
  test.each(refusals)('pulls nothing where %s', async (_, wanted, around, expected, requests) => {
    fake.publish(gemma);
    const { names, error } = await steps(wanted, around);
    expect(names).toEqual([]);
    expect(error).toMatchObject(expected);
    expect(asked()).toEqual(requests);
  });

  test('what is there is another model than the lock', async () => {
    fake.install(gemma);
    expect((await steps({}, locked)).error).toMatchObject({
      kind: 'digest-mismatch',
      message: `What is installed as ai/gemma4:E2B is ${shortDigest(sha256(gemma))}, and ${shortDigest(sha256('locked'))} is expected.`,
      fix: 'Bring the one that is expected: mn model update gemma4:e2b. Where the other is right: mn catalog lock',
    });
  });

  test('what came down is another model than the lock, or than the registry tells', async () => {
    fake.publish(gemma);
    const unreachable = { lookUp: () => Promise.reject(new RegistryError('network', 'no way', 'Wait')) };
    expect(await steps({}, { ...unreachable, ...locked })).toMatchObject({
      names: ['disk'],
      error: { kind: 'digest-mismatch', fix: expect.stringContaining('mn catalog lock') },
    });
    fake.store.splice(0);
    const moved = { lookUp: async () => ({ digest: sha256('moved'), layers: [] }) };
    expect(await steps({}, moved)).toMatchObject({
      names: ['disk'],
      error: {
        kind: 'digest-mismatch',
        message: 'ai/gemma4:E2B came down with another digest than its registry tells.',
      },
    });
    expect(waits).toEqual([]);
  });

  test('layers that are there need no space', async () => {
    fake.publish(gemma);
    expect((await steps({}, space(1e9, 3e9))).seen[0]).toMatchObject({ neededBytes: 0.4e9, freeBytes: 1e9 });
    fake.store.splice(0);
    expect((await steps({}, space(0, 5e9))).seen[0]).toMatchObject({ neededBytes: 0 });
  });

  test('goes on where size and space are not known, and says why', async () => {
    fake.publish(gemma);
    const { seen, names } = await steps(
      {},
      {
        lookUp: () => Promise.reject(new RegistryError('denied', 'the registry wants a login', 'Log in')),
        freeSpace: async () => ({ freeBytes: null, why: 'the runner is on another machine' }),
      },
    );
    expect(names).toEqual(['disk', 'installed', 'context', 'loading', 'loaded']);
    expect(seen[0]).toEqual({
      step: 'disk',
      neededBytes: null,
      freeBytes: null,
      why: [
        'the size is not known: the registry wants a login',
        'free space is not checked: the runner is on another machine',
      ],
    });
  });

  test('a model that does not load is installed all the same, and the cause is told', async () => {
    fake.publish(gemma);
    fake.faults = {
      load: { status: 500, text: 'llama.cpp failed: not enough GPU memory to load the model (CUDA)' },
    };
    const { names, error } = await steps();
    expect(names).toEqual(['disk', 'installed', 'context', 'loading']);
    expect(error).toMatchObject({ kind: 'out-of-memory' });
  });

  test('pitfall 19: a pull that fills the disk can be tried again', async () => {
    fake.publish(gemma);
    fake.faults = { pull: { errorLine: 'write /models: no space left on device' } };
    expect((await steps()).error?.kind).toBe('out-of-disk');
    expect(waits).toEqual([]);
    fake.faults = {};
    expect((await steps()).error).toBeNull();
  });
});

describe('tries again', () => {
  test.each<[string, PullFault, string]>([
    ['where the connection breaks', { cutAt: 300 }, 'interrupted'],
    ['where the stream ends without a word', { quietEnd: true }, 'no-proof'],
    ['where a server is down for a moment', { status: 500, text: 'x: 502 Bad Gateway' }, 'failed'],
    [
      'where the runner has no network',
      { status: 500, text: 'dial tcp: i/o timeout' },
      'registry-unreachable',
    ],
    ['where a layer is damaged', { errorLine: 'blob digest mismatch for x' }, 'corrupt-download'],
  ])('%s', async (_, pull, kind) => {
    fake.publish(gemma);
    fake.faults = { pull };
    const { seen, error } = await steps();
    expect(error?.kind).toBe(kind);
    const retries = seen.filter((event) => event.step === 'retry');
    expect(new Set(retries.map((event) => event.step === 'retry' && event.error.kind))).toEqual(
      new Set([kind]),
    );
    // The first try may have brought something, which is no try in vain.
    expect(waits.slice(-3)).toEqual([1000, 2000, 4000]);
  });

  test.each<[string, PullFault, string]>([
    ['a login', { status: 401, text: 'Unauthorized' }, 'login-required'],
    ['another name', { status: 404, text: 'Model not found' }, 'not-found'],
    ['space', { errorLine: 'no space left on device' }, 'out-of-disk'],
    ['an hour', { status: 500, text: '429 Too Many Requests' }, 'rate-limited'],
    ['an upgrade', { status: 422, text: 'unsupported' }, 'unsupported-by-version'],
    ['somebody who reads the log', { status: 500, text: 'error while pulling model: odd' }, 'failed'],
    ['a success that is one', { lost: true }, 'no-proof'],
  ])('and not where it takes %s', async (_, pull, kind) => {
    fake.publish(gemma);
    fake.faults = { pull };
    const { error } = await steps();
    expect(error?.kind).toBe(kind);
    expect(waits).toEqual([]);
  });

  test('and goes on where it stopped; the bytes never fall', async () => {
    fake.publish(gemma, remote(gemma, [12_000_000]));
    fake.faults = { pull: { cutAt: 900 } };
    const seen: InstallEvent[] = [];
    for await (const event of install(
      wish,
      world({ wait: async () => void (fake.faults = waits.push(0) > 2 ? {} : fake.faults) }),
    )) {
      seen.push(event);
    }
    const done = seen.flatMap((event) =>
      event.step === 'pull' && event.event.type === 'progress' ? [event.event.doneBytes] : [],
    );
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(done.at(-1)).toBe(12_000_000);
    expect(seen.filter(({ step }) => step === 'retry').length).toBeGreaterThan(1);
  });

  test('and never calls installed what was cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1200 }), async (cutAt) => {
        fake.reset();
        fake.publish(gemma);
        fake.faults = { pull: { cutAt } };
        const { names } = await steps();
        // Cut behind the last byte, it is whole.
        if (names.includes('installed')) expect(cutAt).toBeGreaterThanOrEqual(fake.lastPullBytes);
        fake.faults = {};
        expect((await steps()).error).toBeNull();
      }),
      { numRuns: 60 },
    );
  });

  test('and stops where somebody says so', async () => {
    fake.publish(gemma);
    fake.faults = { pull: { cutAt: 300 } };
    const stop = new AbortController();
    const { error } = await steps({}, { signal: stop.signal, wait: async () => stop.abort() });
    expect(error?.kind).toBe('cancelled');
  });
});

describe('the disk of the model store', () => {
  const layers = [
    { digest: `sha256:${'a'.repeat(64)}`, bytes: 1000 },
    { digest: `sha256:${'b'.repeat(64)}`, bytes: 1000 },
    { digest: `sha256:${'c'.repeat(64)}`, bytes: 1000 },
    { digest: '../../etc/passwd', bytes: 1000 },
  ];
  const store = {
    'layout.json': '{}',
    [`blobs/sha256/${'a'.repeat(64)}`]: 'x'.repeat(1000),
    [`blobs/sha256/${'b'.repeat(64)}.incomplete`]: 'x'.repeat(300),
  };
  const here = { name: '', address: { host: '127.0.0.1', port: 12434, tls: false }, prefix: '' };
  const missing = { ended: 'missing', code: null, stdout: '', stderr: '' } as const;
  const says = (stdout: string) => ({ ended: 'ok', code: 0, stdout, stderr: '' }) as const;
  const context = (host: string) => says(JSON.stringify([{ Endpoints: { docker: { Host: host } } }]));
  function spaceOf(
    more: Partial<Outside> = {},
    volume = '',
    home = folderOf(),
    host = 'unix:///x.sock',
    endpoint: Endpoint = here,
  ) {
    const run: Outside['run'] = async (_, args) =>
      args[0] === 'context' ? context(host) : volume === '' ? missing : says(`${volume}\n`);
    return storeSpace(endpoint, layers, {
      env: { HOME: home },
      platform: 'linux',
      release: '6.8',
      run,
      ...more,
    });
  }
  const known = { freeBytes: expect.any(Number), presentBytes: 1300 };
  const unknown = { freeBytes: null, why: 'where the runner stores models is not known' };

  test('is that of the volume of Docker Engine', async () => {
    expect(await spaceOf({}, folderOf(store))).toEqual(known);
    expect(await spaceOf({}, folderOf(store), folderOf(), 'ssh://elsewhere')).toEqual(unknown);
    expect(await spaceOf({}, 'relative/path')).toEqual(unknown);
    expect(await spaceOf({}, '/nowhere/at/all')).toEqual({
      ...{ freeBytes: null, why: 'the disk of the model store cannot be read' },
    });
  });

  test('or that of a store of this user', async () => {
    const home = folderOf();
    expect(await spaceOf({}, '', home)).toEqual(unknown);
    write(join(home, '.docker/models'), store);
    expect(await spaceOf({}, '', home)).toEqual(known);
    expect(await spaceOf({ platform: 'darwin' }, '/never/asked', home)).toEqual(known);
  });

  test('or not known', async () => {
    const away = { ...here, address: { host: '10.0.0.7', port: 12434, tls: false } };
    expect(await spaceOf({}, '/', folderOf(), '', away)).toEqual({
      ...{ freeBytes: null, why: 'the runner is on another machine' },
    });
    expect(await spaceOf({ release: '5.15.0-microsoft-standard-WSL2' }, '/')).toEqual({
      ...{ freeBytes: null, why: 'Docker Desktop stores models on Windows' },
    });
  });
});

describe('update', () => {
  const updates = (wanted: Partial<InstallWish> = {}, around: Partial<InstallWorld> = {}) =>
    collect<UpdateEvent>(update({ ...wish, ...wanted }, { ...world(around), runner }));
  const newer = () => {
    fake.install(gemma);
    fake.publish(gemma, { ...remote(gemma, [2_000_000]), digest: sha256('newer') });
    return { lookUp: async () => ({ digest: sha256('newer'), layers: [] }) };
  };

  test('of what has not changed pulls nothing', async () => {
    fake.install(gemma);
    expect(await updates()).toMatchObject({ names: ['found', 'unchanged'], error: null });
    expect(asked()).toEqual(['GET /models/ai/gemma4:E2B']);
  });

  test('where the registry cannot be asked, the pull tells', async () => {
    fake.install(gemma);
    const lookUp = () => Promise.reject(new RegistryError('network', 'no way', 'Wait'));
    expect((await updates({}, { lookUp })).names).toEqual(['found', 'disk', 'installed', 'unchanged']);
  });

  test('pitfall 12: pulls what is new, removes what lost its tag, and sets the context size that was set', async () => {
    const around = newer();
    await runner.configure(gemma, { contextSize: 8192 });
    const { seen, error } = await updates({}, around);
    expect(error).toBeNull();
    expect(seen.slice(2)).toMatchObject([
      { step: 'installed', model: { digest: sha256('newer') } },
      { step: 'changed', from: sha256(gemma), to: sha256('newer') },
      { step: 'old', digest: sha256(gemma), why: null },
      { step: 'context', contextSize: 8192 },
      { step: 'loading' },
      { step: 'loaded' },
    ]);
    expect(fake.store.map(({ digest }) => digest)).toEqual([sha256('newer')]);
  });

  test('keeps what has another tag, or answers a request', async () => {
    const around = newer();
    fake.store[0]?.tags.push('docker.io/ai/other:latest');
    const { seen } = await updates({}, around);
    expect(seen.find(({ step }) => step === 'old')).toMatchObject({
      why: 'it is docker.io/ai/other:latest too',
    });
    fake.reset();
    const again = newer();
    fake.loaded = [{ backend: 'llama.cpp', model: gemma, mode: 'completion', inUse: true }];
    const busy = await updates({ contextSize: null }, again);
    expect(busy.seen.find(({ step }) => step === 'old')).toMatchObject({ why: 'it answers a request' });
    expect(fake.store).toHaveLength(2);
  });

  test('what is not installed, and what comes from Hugging Face', async () => {
    expect((await updates()).error).toMatchObject({
      kind: 'not-installed',
      message: 'gemma4:e2b is not installed.',
      fix: 'Install it: mn model install gemma4:e2b',
    });
    fake.install('huggingface.co/a/b:Q4');
    expect((await updates({ ref: 'hf.co/a/b:Q4' })).names).toEqual(['found', 'unchecked']);
  });
});

describe('remove', () => {
  const model = (digits: string, tags: string[]): InstalledModel => ({
    ...{ digest: `sha256:${digits.padEnd(64, '0')}`, tags, created: null, format: null, quantization: null },
    ...{ parameters: null, architecture: null, size: null, contextSize: null },
  });
  const models = [
    model('abcdef01', ['docker.io/ai/gemma4:E2B', 'docker.io/ai/gemma4:latest']),
    model('abcdef02', []),
    model('cafe12', ['docker.io/ai/abcdef:latest']),
  ];
  test.each<[string, string | null, string | null]>([
    ['ai/gemma4:E2B', 'abcdef01', 'docker.io/ai/gemma4:E2B'],
    ['gemma4', 'abcdef01', 'docker.io/ai/gemma4:latest'],
    ['ai/gemma4:e2b', null, null],
    ['abcdef', 'cafe12', 'docker.io/ai/abcdef:latest'],
    ['abcdef02', 'abcdef02', null],
    ['sha256:CAFE12', 'cafe12', null],
    ['abcde', null, null],
    ['--help', null, null],
    ['../x', null, null],
    ['', null, null],
  ])('%j means', (asked, digits, tag) => {
    const found = findRemoval(asked, models);
    expect([found?.model.digest.slice(7).replace(/0+$/, '') ?? null, found?.tag ?? null]).toEqual([
      digits,
      tag,
    ]);
  });

  test('digits that fit several', () => {
    expect(() => findRemoval('abcdef0', models)).toThrow(
      '"abcdef0" begins the digests of 2 models: abcdef010000 (docker.io/ai/gemma4:E2B, docker.io/ai/gemma4:latest), abcdef020000 (no tag).',
    );
  });

  test('several tags, and a model that answers a request, need force', async () => {
    const stored = fake.install(gemma);
    stored.tags.push('docker.io/ai/gemma4:latest');
    const removal = async (asked: string) =>
      findRemoval(asked, await runner.list()) as NonNullable<ReturnType<typeof findRemoval>>;
    const whole = await removal(stored.digest.slice(7, 19));
    await expect(remove(whole, false, runner)).rejects.toThrow(
      / has 2 tags: docker\.io\/ai\/gemma4:E2B, docker\.io/,
    );
    fake.loaded = [{ backend: 'llama.cpp', model: gemma, mode: 'completion', inUse: true }];
    const tag = await removal(gemma);
    await expect(remove(tag, false, runner)).rejects.toThrow('ai/gemma4:E2B answers a request right now.');
    expect(await remove(tag, true, runner)).toEqual({
      ...{ untagged: ['docker.io/ai/gemma4:E2B'], deleted: [], unloaded: true },
    });
    expect(await remove(await removal(stored.digest), false, runner)).toEqual({
      ...{ untagged: ['docker.io/ai/gemma4:latest'], deleted: [stored.digest], unloaded: false },
    });
  });

  test.each([
    ['260.86MiB', 273_531_535],
    ['256.35 MiB', 268_802_458],
    ['1.5 GB', 1_500_000_000],
    ['12B', 12],
    ['lots', null],
    [null, null],
    ['9e99GB', null],
  ])('the size %s has %s bytes', (size, bytes) => {
    expect(bytesOfSize(size)).toBe(bytes);
  });
});

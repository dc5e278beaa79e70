import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ModelRunner } from '../src/runner/client.ts';
import { RunnerError } from '../src/runner/errors.ts';
import { type InstallEvent, type InstallWish, type InstallWorld, install } from '../src/runner/install.ts';
import { type FakeModelRunner, modelRunner, sha256 } from './support/model-runner.ts';

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
  ref: gemma,
  verdict: { ok: true, message: 'runs', help: '' },
  backend: 'llama.cpp',
  contextSize: 4096,
  isContextAsked: false,
  isEmbedding: false,
  digest: null,
  token: null,
};
const world = (more: Partial<InstallWorld> = {}): InstallWorld => ({
  runner,
  lookUp: async () => ({ bytes: 3.4e9, digest: sha256(gemma) }),
  freeBytes: async () => 210e9,
  now: () => 0,
  ...more,
});

/** The steps, the pull's own left out, and the error at their end. */
async function steps(wanted: Partial<InstallWish> = {}, around: Partial<InstallWorld> = {}) {
  const seen: InstallEvent[] = [];
  let error: RunnerError | null = null;
  try {
    for await (const event of install({ ...wish, ...wanted }, world(around))) {
      if (event.step !== 'pull') seen.push(event);
    }
  } catch (reason) {
    if (!(reason instanceof RunnerError)) throw reason;
    error = reason;
  }
  return { seen, names: seen.map(({ step }) => step), error };
}
const asked = () => fake.requests.map(({ method, url }) => `${method} ${url}`);

describe('install', () => {
  test('checks, pulls, sets the context size and loads', async () => {
    fake.publish(gemma);
    const { seen, error } = await steps();
    expect(error).toBeNull();
    expect(seen).toMatchObject([
      { step: 'disk', neededBytes: 3.4e9, freeBytes: 210e9 },
      { step: 'installed', cached: false, bytes: 1_500_300, model: { tags: ['docker.io/ai/gemma4:E2B'] } },
      { step: 'context', contextSize: 4096 },
      { step: 'loaded' },
    ]);
    expect(asked()).toEqual([
      'GET /models/ai/gemma4:E2B',
      'GET /models',
      'POST /models/create',
      'GET /models/ai/gemma4:E2B',
      'POST /engines/llama.cpp/_configure',
      'POST /engines/llama.cpp/v1/chat/completions',
    ]);
    expect(fake.loaded).toEqual([{ backend: 'llama.cpp', model: gemma, mode: 'completion' }]);
  });

  test('of what is there only says so', async () => {
    fake.install(gemma);
    const lookUp = () => Promise.reject(new Error('the registry was asked'));
    expect((await steps({}, { lookUp })).names).toEqual(['present']);
    expect(asked()).toEqual(['GET /models/ai/gemma4:E2B']);
  });

  test('sets a context size that was asked for, on a model in memory too', async () => {
    fake.install(gemma);
    fake.loaded = [{ backend: 'llama.cpp', model: gemma, mode: 'completion' }];
    expect((await steps({ isContextAsked: true, contextSize: 8192 })).names).toEqual([
      'present',
      'context',
      'loaded',
    ]);
    expect(fake.configured.map(({ Config }) => Config)).toEqual([{ 'context-size': 8192 }]);
  });

  test('an embedding model is loaded as one', async () => {
    fake.publish(gemma);
    await steps({ isEmbedding: true, contextSize: null, backend: null });
    expect(asked().at(-1)).toBe('POST /engines/v1/embeddings');
    expect(fake.configured).toEqual([]);
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
        message: 'ai/gemma4:E2B does not run here: needs 16 GB unified memory, found 8 GB.',
        fix: 'Use --force if you accept swapping.',
      },
      [],
    ],
    [
      'the disk is too small',
      {},
      { freeBytes: async () => 3.5e9 },
      {
        kind: 'out-of-disk',
        message: 'ai/gemma4:E2B needs 3.7 GB of disk, and 3.5 GB is free.',
        fix: 'Free space, or remove models with mn model remove.',
      },
      ['GET /models/ai/gemma4:E2B', 'GET /models'],
    ],
    [
      'Hugging Face needs it twice',
      { ref: 'hf.co/a/b:Q4' },
      { freeBytes: async () => 5e9 },
      { kind: 'out-of-disk', message: 'huggingface.co/a/b:Q4 needs 7.5 GB of disk, and 5 GB is free.' },
      ['GET /models/huggingface.co/a/b:Q4', 'GET /models'],
    ],
    [
      'the registry has another model than the lock',
      { digest: sha256('locked') },
      {},
      { kind: 'digest-mismatch' },
      ['GET /models/ai/gemma4:E2B', 'GET /models'],
    ],
    ['the name is hostile', { ref: 'x;rm -rf /' }, {}, { kind: 'invalid-reference' }, []],
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
    expect((await steps({ digest: sha256('locked') })).error?.kind).toBe('digest-mismatch');
  });

  test('goes on where size and space are not known', async () => {
    fake.publish(gemma);
    const { names } = await steps({}, { lookUp: async () => null, freeBytes: async () => null });
    expect(names).toEqual(['disk', 'installed', 'context', 'loaded']);
  });

  test('a model that does not load is installed all the same, and the cause is told', async () => {
    fake.publish(gemma);
    fake.faults = {
      load: { status: 500, text: 'llama.cpp failed: not enough GPU memory to load the model (CUDA)' },
    };
    const { names, error } = await steps();
    expect(names).toEqual(['disk', 'installed', 'context']);
    expect(error).toMatchObject({ kind: 'out-of-memory' });
  });

  test('pitfall 19: a pull that fills the disk can be tried again', async () => {
    fake.publish(gemma);
    fake.faults = { pull: { errorLine: 'write /models: no space left on device' } };
    expect((await steps()).error?.kind).toBe('out-of-disk');
    fake.faults = {};
    expect((await steps()).error).toBeNull();
  });
});

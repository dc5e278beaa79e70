import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ObserveOptions } from '../src/run/artifacts.ts';
import { observeArtifacts } from '../src/run/artifacts.ts';
import { writeGguf } from './support/gguf-writer.ts';
import { push } from './support/push.ts';
import type { Handler } from './support/registry.ts';
import { answer, cutOff, digestOf, silence, TestHuggingFace, TestRegistry } from './support/registry.ts';

const gguf = writeGguf({ metadata: { 'general.architecture': 'llama' } });
const registry = new TestRegistry();
const hub = new TestHuggingFace();
let digest = '';

beforeAll(async () => {
  await Promise.all([registry.start(), hub.start()]);
  ({ digest } = await push(registry.url, 'ai/a', 'v1', { gguf: [gguf] }));
  for (const name of 'bcdefgh') await push(registry.url, `ai/${name}`, 'v1', { gguf: [gguf] });
  hub.repositories.set(
    'o/r',
    new Map([
      ['m-Q4_K_M.gguf', gguf],
      ['mmproj-F16.gguf', gguf],
    ]),
  );
});
afterAll(() => Promise.all([registry.stop(), hub.stop()]));
beforeEach(() => {
  registry.reset();
  hub.reset();
});

/** What is said of each, `<host>` for the registry's. */
async function observe(refs: string[], options: ObserveOptions = {}) {
  const env = { DOCKER_CONFIG: '/nowhere', DEFAULT_REGISTRY: registry.url, HF_ENDPOINT: hub.url };
  const found = await observeArtifacts(refs, { env, ...options });
  return [...found].map(([ref, seen]) =>
    seen.state === 'there'
      ? `${ref} there ${seen.model.ref}`
      : `${ref} ${seen.state}: ${seen.problem}`.replaceAll(/127\.0\.0\.1:\d+/g, '<host>'),
  );
}

test('what is there has digest and size; of Hugging Face its files', async () => {
  const env = { DOCKER_CONFIG: '/nowhere', DEFAULT_REGISTRY: registry.url, HF_ENDPOINT: hub.url };
  const found = await observeArtifacts(['a:v1', 'hf.co/o/r:Q4_K_M'], { env });
  const file = (path: string) => ({ path, digest: `sha256:${'0'.repeat(64)}`, size: gguf.length });
  expect([...found.values()]).toEqual([
    { state: 'there', model: { ref: 'docker.io/ai/a:v1', digest, size: gguf.length, files: [] } },
    {
      state: 'there',
      model: {
        ref: 'huggingface.co/o/r:Q4_K_M',
        digest: null,
        size: 2 * gguf.length,
        files: [file('m-Q4_K_M.gguf'), file('mmproj-F16.gguf')],
      },
    },
  ]);
});

test.each<[ref: string, said: string]>([
  ['ai/a:nope', 'missing: docker.io/ai/a:nope is not there'],
  ['--help', 'missing: "--help" is no model: it begins with "-", like an option'],
  ['../x', 'missing: "../x" is no model: ".." is no host'],
  ['a\u001b[2J', 'missing: "a\\u{1b}[2J" is no model: "\\u{1b}" cannot be part of a name'],
  ['x.gguf', 'missing: "x.gguf" is the name of a file'],
  ['hf.co/o/nope', 'unreachable: huggingface.co/o/nope does not exist, or needs a token that may read it'],
  [
    'hf.co/o/r:Q8_0',
    'missing: the repository has no file of the quantization "Q8_0", and Docker Model Runner would take "m-Q4_K_M.gguf"',
  ],
])('%s', async (ref, said) => {
  expect(await observe([ref])).toEqual([`${ref} ${said}`]);
});

describe('a fault of one model does not hide another', () => {
  test.each<[name: string, handler: Handler, said: string]>([
    ['gone', answer(404), 'missing: docker.io/ai/b:v1 is not there'],
    [
      'private, below ai/',
      answer(401),
      'missing: docker.io/ai/b:v1 does not exist, or needs a login that may read it',
    ],
    ['broken server', answer(502), 'unreachable: http://<host>/v2/ai/b/manifests/v1 answers 502'],
    [
      'no connection',
      (request) => request.socket.destroy(),
      'unreachable: http://<host> cannot be reached: it closed the connection',
    ],
    ['cut', cutOff(200, 500, gguf), 'unreachable: http://<host>/v2/ai/b/manifests/v1 ended its answer early'],
    ['silent', silence, 'unreachable: http://<host>/v2/ai/b/manifests/v1 sent nothing for 0.2 s'],
    [
      'another one than its digest',
      answer(200, { 'docker-content-digest': digestOf(gguf) }, '{}'),
      'unreachable: The manifest of docker.io/ai/b:v1 was changed on its way',
    ],
    [
      'no model',
      answer(200, {}, '{"config":{},"layers":[]}'),
      'unreachable: http://<host>/ sends no manifest',
    ],
  ])('%s', async (_, handler, said) => {
    registry.fault(/\/ai\/b\/manifests/, handler);
    const found = await observe(['ai/b:v1', 'ai/a:v1'], { timeouts: { idle: 200 } });
    expect(found[0]).toContain(`ai/b:v1 ${said}`);
    expect(found[1]).toBe('ai/a:v1 there docker.io/ai/a:v1');
  });

  test('outside of Docker’s own models, nobody knows whether it is gone', async () => {
    registry.fault(/\/org\/b\/manifests/, answer(401));
    expect(await observe(['org/b:v1'])).toEqual([
      'org/b:v1 unreachable: docker.io/org/b:v1 does not exist, or needs a login that may read it',
    ]);
  });
});

test('a registry that has had enough is not asked again; others are', async () => {
  registry.fault(/manifests/, answer(429, { 'retry-after': '60' }));
  const refs = ['ai/a:v1', 'ai/b:v1', 'ai/c:v1', 'hf.co/o/r'];
  const limited = 'unreachable: <host> limits how much may be read and has had enough for now';
  expect(await observe(refs, { parallel: 1 })).toEqual([
    ...refs.slice(0, 3).map((ref) => `${ref} ${limited}`),
    'hf.co/o/r there huggingface.co/o/r',
  ]);
  expect(registry.asked).toHaveLength(1);
});

test('four at a time, each once, in the order of the question', async () => {
  // Nothing is answered before four wait, and five would show.
  const waiting: (() => void)[] = [];
  const most: number[] = [];
  registry.fault(/manifests/, (request, response) => {
    waiting.push(() => answer(404)(request, response));
    if (waiting.length < 4) return;
    most.push(waiting.length);
    setImmediate(() => {
      most.push(waiting.length);
      for (const respond of waiting.splice(0)) respond();
    });
  });
  const refs = [...'hgfedcba'].map((name) => `ai/${name}:v1`);
  let last: [number, number] = [0, 0];
  const onDone = (...both: [number, number]) => {
    last = both;
  };
  const found = await observe([...refs, ...refs], { onDone });
  expect(found.map((line) => line.split(' ')[0])).toEqual(refs);
  expect({ most, asked: registry.asked.length, last }).toEqual({
    most: [4, 4, 4, 4],
    asked: 8,
    last: [8, 8],
  });
});

test('after the time is up, nothing more is asked for', async () => {
  expect(await observe(['ai/a:v1'], { mostMs: -1 })).toEqual([
    'ai/a:v1 unreachable: the others took too long, so it was not asked for',
  ]);
  expect(registry.asked).toEqual([]);
});

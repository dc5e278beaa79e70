import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ClientTimes, ModelRunner, type PullOptions } from '../src/runner/client.ts';
import { classify, RunnerError, type RunnerErrorKind } from '../src/runner/errors.ts';
import { parseModels, parseState } from '../src/runner/parse.ts';
import { isTagOf, parseReference } from '../src/runner/reference.ts';
import { PullStream } from '../src/runner/stream.ts';
import type { Endpoint, PullDone, PullEvent } from '../src/runner/types.ts';
import { desktopSocket, type FakeModelRunner, modelRunner, remote, sha256 } from './support/model-runner.ts';
import { isWindows } from './support/process.ts';

const gemma = 'ai/gemma4:E2B';
let fake: FakeModelRunner;
let endpoint: Endpoint;
beforeAll(async () => {
  ({ fake, endpoint } = await modelRunner());
});
afterAll(() => fake.close());
beforeEach(() => fake.reset());

/** Long enough for a loaded machine; tests of waits shorten the one they are about. */
const patient: Partial<ClientTimes> = { connectMs: 5000, answerMs: 10_000, idleMs: 10_000 };
const client = (times: Partial<ClientTimes> = {}) =>
  new ModelRunner(endpoint, { times: { ...patient, ...times } });

type Ended = { events: PullEvent[]; done: PullDone | null; error: RunnerError | null };

async function pull(ref: string, options: PullOptions = {}, runner = client()): Promise<Ended> {
  const ended: Ended = { events: [], done: null, error: null };
  try {
    for await (const event of runner.pull(ref, options)) {
      if (event.type === 'done') ended.done = event;
      else ended.events.push(event);
    }
  } catch (error) {
    if (!(error instanceof RunnerError)) throw error;
    ended.error = error;
  }
  return ended;
}

/** Holds every pull at its third line, until it is released. */
function gate(): () => void {
  let release = () => {};
  const opened = new Promise<void>((resolve) => {
    release = resolve;
  });
  let lines = 0;
  fake.pace = () => (++lines > 2 ? opened : Promise.resolve());
  return release;
}

/** The error that something ends in. */
async function failure(promise: Promise<unknown>): Promise<RunnerError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RunnerError);
  return error as RunnerError;
}

const said = ({ kind, message, fix }: RunnerError) => ({ kind, message, fix });

describe('a pull that succeeds', () => {
  test('tells its progress, and then what is installed', async () => {
    const { digest } = fake.publish(gemma);
    const { events, done, error } = await pull(gemma);
    expect(error).toBeNull();
    expect(events).toEqual([
      { type: 'progress', doneBytes: 1_048_576, totalBytes: 1_500_300 },
      { type: 'progress', doneBytes: 1_048_876, totalBytes: 1_500_300 },
      { type: 'progress', doneBytes: 1_500_300, totalBytes: 1_500_300 },
    ]);
    expect(done).toEqual({
      type: 'done',
      cached: false,
      model: {
        digest,
        tags: ['docker.io/ai/gemma4:E2B'],
        created: 1_778_854_020,
        format: 'gguf',
        quantization: 'MOSTLY_Q4_K_M',
        parameters: '136.73M',
        architecture: 'gemma4',
        size: '1.43MiB',
        contextSize: null,
      },
    });
    expect(fake.requests[0]).toMatchObject({
      method: 'POST',
      url: '/models/create',
      body: `{"from":"${gemma}"}`,
    });
  });

  test('of a model that is there already says so', async () => {
    fake.install(gemma);
    expect(await pull(gemma)).toMatchObject({ events: [], done: { cached: true }, error: null });
  });

  test('goes on where the last one stopped', async () => {
    const { layers } = fake.publish(gemma);
    fake.blobs.set(layers[0]?.digest ?? '', 1_048_576);
    const { events, done } = await pull(gemma);
    expect(done).not.toBeNull();
    expect(events[0]).toMatchObject({ doneBytes: 300 });
  });

  test.skipIf(isWindows)('over the socket of Docker Desktop, below its prefix', async () => {
    const desktop = await desktopSocket();
    try {
      desktop.fake.publish(gemma);
      const runner = new ModelRunner(desktop.endpoint, { times: patient });
      expect((await pull(gemma, {}, runner)).done).not.toBeNull();
      expect(await runner.version()).toBe('v1.2.6');
      expect(desktop.fake.requests.map(({ url }) => url)).toEqual([
        '/exp/vDD4.40/models/create',
        '/exp/vDD4.40/models/ai/gemma4:E2B',
        '/exp/vDD4.40/version',
      ]);
    } finally {
      await desktop.fake.close();
    }
  });
});

describe('a pull that fails', () => {
  const denied =
    'error while pulling model: reading model from registry: failed to pull model "ai/nope:latest": UNKNOWN - resolving docker.io/ai/nope:latest: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed';
  const cases: [string, FakeModelRunner['faults'], RunnerErrorKind, string][] = [
    [
      '400',
      { pull: { status: 400, text: 'Invalid model reference' } },
      'invalid-reference',
      'Docker Model Runner does not accept the name ai/gemma4:E2B.',
    ],
    [
      '401',
      { pull: { status: 401, text: 'Unauthorized' } },
      'login-required',
      'The registry does not give ai/gemma4:E2B to this user.',
    ],
    [
      '404',
      { pull: { status: 404, text: 'Model not found' } },
      'not-found',
      'ai/gemma4:E2B is not in its registry.',
    ],
    [
      '422',
      { pull: { status: 422, text: 'config type "x" is not supported (supported: y) - try upgrading' } },
      'unsupported-by-version',
      'This version of Docker Model Runner cannot run ai/gemma4:E2B. Docker Model Runner said: config type "x" is not supported (supported: y) - try upgrading',
    ],
    [
      '429',
      { pull: { status: 429, text: '' } },
      'rate-limited',
      'The registry limits downloads, and the limit is reached for ai/gemma4:E2B.',
    ],
    [
      '429 as 500',
      {
        pull: {
          status: 500,
          text: 'failed to pull model "ai/gemma4:E2B": UNKNOWN - unexpected status: 429 Too Many Requests',
        },
      },
      'rate-limited',
      'The registry limits downloads, and the limit is reached for ai/gemma4:E2B.',
    ],
    [
      '500, no repository',
      { pull: { status: 500, text: denied } },
      'not-found-or-login',
      'ai/gemma4:E2B is not in its registry, or only for those who log in.',
    ],
    [
      '500, no network',
      { pull: { status: 500, text: 'dial tcp: lookup registry-1.docker.io: no such host' } },
      'registry-unreachable',
      'Docker Model Runner cannot reach the registry of ai/gemma4:E2B. Docker Model Runner said: dial tcp: lookup registry-1.docker.io: no such host',
    ],
    [
      '500, unknown',
      { pull: { status: 500, text: 'something new' } },
      'failed',
      'Docker Model Runner failed with ai/gemma4:E2B. Docker Model Runner said: something new',
    ],
    [
      '503',
      { pull: { status: 503, text: 'Docker Model Runner is not running' } },
      'disabled',
      'Docker Model Runner is not running. Docker Model Runner said: Docker Model Runner is not running',
    ],
    [
      '507',
      { pull: { status: 507, text: 'Runtime memory requirement for model exceeds total system memory' } },
      'out-of-memory',
      'There is not enough memory to load ai/gemma4:E2B. Docker Model Runner said: Runtime memory requirement for model exceeds total system memory',
    ],
    [
      'disk full in the stream',
      {
        pull: {
          errorLine: 'writing image to store: write /models/blobs: no space left on device',
          tail: 'error while pulling model: no space left on device',
        },
      },
      'out-of-disk',
      'The disk of Docker Model Runner is full; ai/gemma4:E2B is not complete.',
    ],
    [
      'damaged blob',
      { pull: { errorLine: `blob digest mismatch for "${sha256('a')}": expected a, got b` } },
      'corrupt-download',
      `What came down of ai/gemma4:E2B is damaged. Docker Model Runner said: blob digest mismatch for "${sha256('a')}": expected a, got b`,
    ],
    [
      'tail only',
      { pull: { tail: 'Unauthorized' } },
      'login-required',
      'The registry does not give ai/gemma4:E2B to this user.',
    ],
    [
      'quiet end',
      { pull: { quietEnd: true } },
      'no-proof',
      'Docker Model Runner does not confirm that ai/gemma4:E2B is installed.',
    ],
    [
      'empty',
      { pull: { raw: '' } },
      'no-proof',
      'Docker Model Runner does not confirm that ai/gemma4:E2B is installed.',
    ],
    [
      'success, and no model',
      { pull: { lost: true } },
      'no-proof',
      'Docker Model Runner does not confirm that ai/gemma4:E2B is installed. Docker Model Runner said: Model pulled successfully',
    ],
    [
      'stray text behind success',
      { pull: { raw: '{"type":"success","message":"ok"}\nsomething else\n' } },
      'failed',
      'Docker Model Runner failed with ai/gemma4:E2B. Docker Model Runner said: something else',
    ],
    [
      'an error without words',
      { pull: { raw: '{"type":"success","message":"ok"}\n{"type":"error","message":""}\n' } },
      'no-proof',
      'Docker Model Runner does not confirm that ai/gemma4:E2B is installed.',
    ],
    [
      'a line without end',
      { pull: { raw: 'x'.repeat(70_000) } },
      'protocol',
      'Docker Model Runner gave an answer about ai/gemma4:E2B that cannot be read.',
    ],
    [
      'no HTTP',
      { bytes: 'SSH-2.0-OpenSSH_9.6\r\n' },
      'protocol',
      'Docker Model Runner gave an answer about ai/gemma4:E2B that cannot be read.',
    ],
    [
      'hung up',
      { bytes: '' },
      'interrupted',
      'The connection to Docker Model Runner broke while it worked on ai/gemma4:E2B.',
    ],
    [
      'hostile words',
      { pull: { errorLine: '\u001b[2J\u202e::error::x\n##[group]' } },
      'failed',
      'Docker Model Runner failed with ai/gemma4:E2B. Docker Model Runner said: \\u{1b}[2J\\u{202e}::error::x\\n##[group]',
    ],
  ];
  test.each(cases)('%s', async (_, faults, kind, message) => {
    fake.publish(gemma);
    fake.faults = faults;
    const { done, error } = await pull(gemma);
    expect(done).toBeNull();
    expect({ kind: error?.kind, message: error?.message }).toEqual({ kind, message });
    expect(error?.fix).toMatch(/^[A-Z][^\n]*\.?$/);
  });

  test('and what helps depends on where the model is from', async () => {
    fake.faults = { pull: { status: 401, text: 'Unauthorized' } };
    expect((await pull('hf.co/google/gemma:Q4')).error?.fix).toBe(
      "Set HF_TOKEN to a token of Hugging Face that may read it, and accept the model's terms where it has some.",
    );
    expect((await pull(gemma)).error?.fix).toBe(
      "Log in with docker login, and accept the model's terms where it has some.",
    );
  });

  test('cut at 200 bytes of its answer it never succeeds, and the next try does', async () => {
    fake.publish(gemma, remote(gemma, [5_000_000, 2_500_000, 300]));
    await pull(gemma);
    const length = fake.lastPullBytes;
    expect(length).toBeGreaterThan(1000);
    const last = [length - 1, length - 5, length - 6];
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: length - 1 }), async (cutAt) => {
        fake.store.length = 0;
        fake.blobs.clear();
        fake.faults = { pull: { cutAt } };
        const { done, error } = await pull(gemma);
        expect(done, `cut at ${cutAt}`).toBeNull();
        expect(error?.kind, `cut at ${cutAt}`).toBe('interrupted');
        fake.faults = {};
        const again = await pull(gemma);
        expect(again.error, `after a cut at ${cutAt}`).toBeNull();
        expect(again.done, `after a cut at ${cutAt}`).not.toBeNull();
      }),
      { numRuns: 200, examples: [0, ...last].map((at): [number] => [at]) },
    );
  });

  test.each(['same', 'words'] as const)('that never ends ends by itself: %s', async (endless) => {
    fake.publish(gemma);
    fake.faults = { pull: { endless } };
    const { done, error } = await pull(gemma, {}, client({ stallMs: 60 }));
    expect({ done, kind: error?.kind, message: error?.message }).toEqual({
      done: null,
      kind: 'silent',
      message: 'Docker Model Runner stopped answering while it worked on ai/gemma4:E2B.',
    });
  });

  test('that falls silent ends by itself', async () => {
    fake.publish(gemma);
    fake.faults = { pull: { stall: true } };
    const { done, events, error } = await pull(gemma, {}, client({ idleMs: 400 }));
    expect({ done, events: events.length, kind: error?.kind }).toEqual({
      done: null,
      events: 1,
      kind: 'silent',
    });
  });

  test('stopped by the user it ends at once, and the runner sees the connection close', async () => {
    fake.publish(gemma, remote(gemma, [50_000_000]));
    const release = gate();
    const stopping = new AbortController();
    const seen: PullEvent[] = [];
    const error = await failure(
      (async () => {
        for await (const event of client().pull(gemma, { signal: stopping.signal })) {
          if (event.type === 'done') continue;
          seen.push(event);
          stopping.abort();
        }
      })(),
    );
    expect(said(error)).toEqual({
      kind: 'cancelled',
      message: 'Stopped while Docker Model Runner worked on ai/gemma4:E2B.',
      fix: 'Start it again to go on: what came down is kept.',
    });
    await expect.poll(() => fake.connections).toBe(0);
    release();
    await expect.poll(() => fake.pulling).toBe(0);
    expect(fake.store).toEqual([]);
    expect((await pull(gemma)).done).not.toBeNull();
    expect(fake.store).toHaveLength(1);
  });

  test('left by its reader it closes the connection', async () => {
    fake.publish(gemma, remote(gemma, [50_000_000]));
    const release = gate();
    for await (const _ of client().pull(gemma)) break;
    await expect.poll(() => fake.connections).toBe(0);
    release();
    await expect.poll(() => fake.pulling).toBe(0);
    expect(fake.store).toEqual([]);
  });

  test('of a model of Hugging Face never shows the token, and sends it nowhere else', async () => {
    const token = 'hf_secret';
    const ref = 'hf.co/Google/Gemma:Q4_K_M';
    // So far behind that a cut of what is shown goes through the middle of it.
    const words = `${'x'.repeat(290)} bearer ${token}`;
    const line = JSON.stringify({ type: 'progress', message: `hello ${token}`, layer: {} });
    for (const fault of [
      { status: 500, text: words },
      { raw: `${line}\n${words}\n` },
      { errorLine: words },
    ]) {
      fake.publish(ref);
      fake.faults = { pull: fault };
      const { events, error } = await pull(ref, { token });
      expect(error?.kind).toBe('failed');
      expect(JSON.stringify([events, error?.message, error?.fix, error?.said])).not.toContain('hf_');
    }
    fake.faults = { pull: { status: 500, text: '' } };
    fake.requests.splice(1);
    await pull(gemma, { token });
    expect(fake.requests.map(({ body }) => body)).toEqual([
      '{"from":"huggingface.co/google/gemma:Q4_K_M","bearer-token":"hf_secret"}',
      '{"from":"ai/gemma4:E2B"}',
    ]);
  });
});

describe('the stream of a pull', () => {
  const progress = (id: string, current: unknown, size: unknown = 100, total: unknown = 150) =>
    JSON.stringify({ type: 'progress', message: 'x', total, layer: { id, size, current }, mode: 'pull' });
  const success =
    '{"type":"success","message":"Model pulled successfully","total":0,"layer":{"size":0,"current":0}}';
  const escapeHtml = (text: string) => text.replaceAll('"', '&#34;').replaceAll("'", '&#39;');
  const read = (pieces: readonly Uint8Array[]) => {
    const stream = new PullStream();
    const events = pieces.flatMap((piece) => stream.push(piece));
    const last = stream.end();
    return { events: [...events, ...last.events], end: last.end };
  };
  const bytes = (text: string) => new TextEncoder().encode(text);

  test('reads the same whatever its pieces are', () => {
    const lines = fc.array(
      fc.oneof(
        fc.tuple(fc.constantFrom('a', 'b'), fc.nat(200)).map(([id, current]) => progress(id, current)),
        fc.constantFrom(
          success,
          escapeHtml(success),
          '{"type":"error","message":"Error: ü✓ 🎈"}',
          'Model not found',
          '',
        ),
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.json({ maxDepth: 2 }),
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(lines, fc.array(fc.nat(2000), { maxLength: 20 }), fc.boolean(), (all, cuts, hasEnd) => {
        const whole = bytes(all.join('\n') + (hasEnd ? '\n' : ''));
        const at = [...new Set([0, ...cuts.map((cut) => cut % (whole.length + 1)), whole.length])].sort(
          (a, b) => a - b,
        );
        const pieces = at.slice(1).map((end, index) => whole.subarray(at[index], end));
        expect(read(pieces)).toEqual(read([whole]));
      }),
    );
  });

  test.each([
    [
      'layers side by side',
      [progress('a', 10), progress('b', 50, 50), progress('a', 100)],
      [10, 60, 150],
      150,
    ],
    ['a layer that goes back', [progress('a', 90), progress('a', 10), progress('a', 95)], [90, 90, 95], 150],
    ['more than its size', [progress('a', 1e12)], [100], 150],
    [
      'hostile numbers',
      [progress('a', -5), progress('a', '7'), progress('a', 1e300), progress('a', 0.5)],
      [0, 0, 0, 0],
      150,
    ],
    ['no total', [progress('a', 10, 100, 0)], [10], null],
    ['a total that is too small', [progress('a', 100, 100, 50)], [100], 100],
    ['a layer named __proto__', [progress('__proto__', 10)], [10], 150],
  ])('%s', (_, lines, done, total) => {
    const { events } = read([bytes(`${lines.join('\n')}\n`)]);
    expect(events.map((event) => event.type === 'progress' && event.doneBytes)).toEqual(done);
    expect(events.at(-1)).toMatchObject({ totalBytes: total });
  });

  test.each([
    [
      'unknown types of line',
      `{"type":"info","message":"x"}\n${success}\n`,
      { success: 'Model pulled successfully', error: null, tail: null },
    ],
    ['lines with CR', `${success}\r\n`, { success: 'Model pulled successfully', error: null, tail: null }],
    ['no last newline', success, { success: 'Model pulled successfully', error: null, tail: null }],
    [
      'JSON that is no line',
      '[]\n"type"\nnull\n{"message":"x"}\n',
      { success: null, error: null, tail: '[]\n"type"\nnull\n{"message":"x"}' },
    ],
    [
      'the first of two errors',
      '{"type":"error","message":"a"}\n{"type":"error","message":"b"}\n',
      { success: null, error: 'a', tail: null },
    ],
  ])('takes %s', (_, text, end) => {
    expect(read([bytes(text)]).end).toEqual({ broken: null, ...end });
  });

  test('gives up on endless layers', () => {
    const lines = Array.from({ length: 10_001 }, (_, at) => progress(`l${at}`, 1)).join('\n');
    expect(read([bytes(`${lines}\n`)]).end.broken).toBe('more than 10000 layers');
  });
});

describe('names', () => {
  test.each([
    ['gemma4', 'ai/gemma4:latest'],
    ['gemma4:E2B', 'ai/gemma4:E2B'],
    ['AI/Gemma4:E2B', 'ai/gemma4:E2B'],
    ['docker.io/ai/gemma4:E2B', 'ai/gemma4:E2B'],
    ['index.docker.io/ai/gemma4:E2B', 'ai/gemma4:E2B'],
    ['registry-1.docker.io/ai/gemma4:E2B', 'ai/gemma4:E2B'],
    ['hf.co/Owner/Some-Repo_1.5-GGUF:Q4_K_M', 'huggingface.co/owner/some-repo_1.5-gguf:Q4_K_M'],
    ['huggingface.co/owner/repo', 'huggingface.co/owner/repo:latest'],
    ['localhost:5000/x:Tag', 'localhost:5000/x:Tag'],
    ['localhost:5000/x', 'localhost:5000/x:latest'],
    [`ai/gemma4:E2B@${sha256('a')}`, 'ai/gemma4:E2B'],
    ['ai/export', 'ai/export:latest'],
  ])('%s is sent as %s', (text, name) => {
    expect(parseReference(text).name).toBe(name);
    expect(parseReference(name).name).toBe(name);
  });

  const hostile = [
    '',
    ' ',
    '--help',
    '-f',
    '../x',
    '..',
    'ai/../x',
    'ai/x/..',
    'a..b',
    './x',
    '/x',
    'x/',
    'a//b',
    'a b',
    'a\tb',
    'x;rm -rf /',
    'x$(id)',
    'x`id`',
    'x|y',
    'x&y',
    'a\nb',
    'a\r\nHost: evil',
    'x\0',
    '%2e%2e',
    '%2e%2e/x',
    'a%2fb',
    'ai/x?a=b',
    'x#y',
    'x:y#z',
    'x:',
    ':x',
    'x:y:z',
    'http://x/y',
    'x@y',
    'x:y@sha256:12',
    'user:pass@host/x',
    '~/x',
    'ü/x',
    'x\u202ey',
    'x:-f',
    'x:.y',
    'a\\b',
    'purge?force=true',
    '__proto__ ',
    `x:${'a'.repeat(600)}`,
  ];
  test('hostile ones reach the runner in no request', async () => {
    const runner = client();
    for (const ref of hostile) {
      const tries: Promise<unknown>[] = [
        runner.get(ref),
        pull(ref).then(({ error }) => Promise.reject(error)),
        runner.remove(ref),
        runner.configure(ref, {}),
        runner.preload(ref),
        runner.complete(ref),
        runner.embed(ref),
        runner.configurations(ref),
        runner.unload([ref]),
      ];
      for (const error of await Promise.all(tries.map(failure))) {
        expect(error.kind, JSON.stringify(ref)).toBe('invalid-reference');
        expect(error.message, JSON.stringify(ref)).not.toMatch(/[\u0000-\u001f\u202e]/);
      }
    }
    expect(fake.requests).toEqual([]);
  });

  test('what passes needs no encoding in a URL', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'aZ0.:/@_-%?# \n;\\ü') }), (text) => {
        let name: string;
        try {
          ({ name } = parseReference(text));
        } catch (error) {
          expect(error).toBeInstanceOf(RunnerError);
          return;
        }
        expect(name).toMatch(/^[a-z0-9][a-z0-9._/:-]*:[\w.-]+$/i);
        expect(new URL(`http://h/models/${name}`).pathname).toBe(`/models/${name}`);
      }),
      { numRuns: 2000 },
    );
  });

  test('names with a special last part stay names', async () => {
    fake.install('ai/export');
    fake.install('ai/purge');
    await client().get('ai/export');
    await client().remove('ai/purge');
    expect(fake.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /models/ai/export:latest',
      'DELETE /models/ai/purge:latest?force=false',
    ]);
    expect(fake.store.map(({ tags }) => tags)).toEqual([['docker.io/ai/export:latest']]);
  });

  test.each(['../x', 'llama.cpp/..', 'a b', 'x?y', '', '%2e', 'vllm/_configure'])(
    'engine %j is refused',
    async (backend) => {
      expect((await failure(client().complete(gemma, { backend }))).kind).toBe('backend-missing');
      expect(fake.requests).toEqual([]);
    },
  );
});

describe('the other questions', () => {
  test('a list of hostile things', () => {
    const id = sha256('a');
    expect(
      parseModels([
        null,
        1,
        'x',
        [],
        {},
        { id: 'x' },
        { id: `${id}\n` },
        { id, tags: 'x', created: -1, config: [] },
        {
          id,
          tags: ['a\u001b[2J', 7, null, ''],
          created: '1',
          config: { size: { a: 1 }, format: ' gguf ', context_size: 1e300 },
        },
        JSON.parse(`{"id":"${id}","__proto__":{"tags":["evil"]},"config":{"__proto__":{"size":"9"}}}`),
      ])?.map(({ tags, created, size, format, contextSize }) => ({
        tags,
        created,
        size,
        format,
        contextSize,
      })),
    ).toEqual([
      { tags: [], created: null, size: null, format: null, contextSize: null },
      { tags: ['a\\u{1b}[2J'], created: null, size: null, format: 'gguf', contextSize: null },
      { tags: [], created: null, size: null, format: null, contextSize: null },
    ]);
    expect(parseModels({})).toBeNull();
  });

  test.each([
    ['GET /models', (runner: ModelRunner) => runner.list()],
    ['GET /engines/status', (runner: ModelRunner) => runner.status()],
    ['GET /engines/ps', (runner: ModelRunner) => runner.running()],
    ['GET /models/ai/gemma4:E2B', (runner: ModelRunner) => runner.get(gemma)],
    ['POST /engines/unload', (runner: ModelRunner) => runner.unload('all')],
    ['POST /engines/v1/chat/completions', (runner: ModelRunner) => runner.complete(gemma)],
    ['POST /engines/v1/embeddings', (runner: ModelRunner) => runner.embed(gemma)],
    ['DELETE /models/ai/gemma4:E2B', (runner: ModelRunner) => runner.remove(gemma)],
  ])('%s refuses what it cannot read', async (route, question) => {
    for (const text of ['', '<html>', '7', '{"choices":[]}', `${'['.repeat(100_000)}`]) {
      fake.faults = { answers: { [route]: { status: 200, text } } };
      const result = await question(client()).then(
        (value: unknown) => value,
        (error: RunnerError) => error.kind,
      );
      expect(['protocol', 'not-a-runner', null], `${route} ${text.slice(0, 20)}`).toContain(
        route === 'GET /engines/status' && text.startsWith('{') ? null : result,
      );
    }
  });

  test('an answer that is too long is refused, and a refusal that is too long is cut', async () => {
    fake.faults = { answers: { 'GET /models': { status: 200, text: `[${' '.repeat(17 * 2 ** 20)}]` } } };
    expect((await failure(client().list())).kind).toBe('protocol');
    fake.faults = { answers: { 'GET /models': { status: 500, text: 'x'.repeat(2 ** 20) } } };
    const { kind, message } = await failure(client().list());
    expect(kind).toBe('failed');
    expect(message.length).toBeLessThan(500);
  });

  test('mute, closed and missing runners', async () => {
    fake.faults = { mute: true };
    expect(said(await failure(client({ answerMs: 50 }).list()))).toMatchObject({
      kind: 'silent',
      message: `Docker Model Runner stopped answering while it worked on ${endpoint.name}.`,
    });
    const { fake: other, endpoint: gone } = await modelRunner();
    await other.close();
    expect(said(await failure(new ModelRunner(gone).list()))).toEqual({
      kind: 'not-running',
      message: `Docker Model Runner does not answer at ${gone.name}.`,
      fix: 'Start it: docker desktop enable model-runner with Docker Desktop, docker model start-runner with Docker Engine.',
    });
    const path = join('/nonexistent', 'docker.sock');
    const socket = { name: path, address: { path }, prefix: '' };
    expect((await failure(new ModelRunner(socket).list())).kind).toBe('not-running');
  });

  test('what is in memory, and out of it again', async () => {
    fake.install(gemma);
    const runner = client();
    expect(await runner.running()).toEqual([]);
    expect((await runner.preload(gemma)).ms).toBeGreaterThan(0);
    expect(await runner.running()).toEqual([
      { model: 'ai/gemma4:e2b', backend: 'llama.cpp', mode: 'completion', loading: false, inUse: false },
    ]);
    expect(
      said(await failure(runner.configure(gemma, { backend: 'llama.cpp', contextSize: 4096 }))),
    ).toMatchObject({
      kind: 'in-use',
      message: 'ai/gemma4:E2B is in use. Docker Model Runner said: runner already active',
    });
    expect(await runner.unload([gemma])).toBe(1);
    expect(await runner.unload('all')).toBe(0);
  });

  test('a context size, kept until the runner restarts', async () => {
    fake.install(gemma);
    await client().configure(gemma, { contextSize: 4096, keepAlive: '-1' });
    await client().configure(gemma, { contextSize: 512, isEmbedding: true, backend: 'vllm' });
    expect(fake.requests.map(({ url, body }) => `${url} ${body}`)).toEqual([
      '/engines/_configure {"model":"ai/gemma4:E2B","context-size":4096,"keep_alive":"-1"}',
      '/engines/vllm/_configure {"model":"ai/gemma4:E2B","mode":"embedding","context-size":512}',
    ]);
    expect(await client().configurations(gemma)).toEqual([
      { backend: 'llama.cpp', mode: 'completion', contextSize: 4096 },
      { backend: 'vllm', mode: 'embedding', contextSize: 512 },
    ]);
  });

  test('a first token and a first vector', async () => {
    fake.install(gemma);
    expect(await client().complete(gemma)).toEqual({
      ms: expect.any(Number),
      tokensPerSecond: 41.5,
      dimensions: null,
    });
    expect(await client().embed(gemma, { backend: 'llama.cpp' })).toEqual({
      ms: expect.any(Number),
      tokensPerSecond: null,
      dimensions: 3,
    });
    expect(JSON.parse(fake.requests[0]?.body ?? '')).toMatchObject({
      model: gemma,
      max_tokens: 1,
      stream: false,
    });
  });

  const oom =
    'unable to load runner: error waiting for runner to be ready: llama.cpp terminated unexpectedly: llama.cpp failed: not enough GPU memory to load the model (CUDA)\n\nVerbose output:\nhttp 404 not found';
  test.each([
    [500, oom, 'out-of-memory'],
    [500, 'llama.cpp terminated unexpectedly: signal: killed', 'out-of-memory'],
    [
      500,
      "llama.cpp failed: failed to load model\n\nVerbose output:\nunknown model architecture: 'gemma4'",
      'unsupported-by-version',
    ],
    [500, 'unable to load runner: Unknown projector type: x', 'unsupported-by-version'],
    [
      412,
      'backend "vllm" is not installed; run: docker model install-runner --backend vllm',
      'backend-missing',
    ],
    [404, 'backend not found', 'backend-missing'],
    [503, 'backend installation failed: vLLM binary not found', 'backend-missing'],
    [
      500,
      'unable to load runner: exec: "llama-server": executable file not found in $PATH',
      'backend-missing',
    ],
    [404, 'model not found', 'not-installed'],
    [500, '{"error":{"code":500,"message":"out of memory"}}', 'out-of-memory'],
  ] as const)('loading that fails: %d %s', async (status, text, kind) => {
    fake.install(gemma);
    fake.faults = { load: { status, text } };
    expect((await failure(client().complete(gemma))).kind).toBe(kind);
  });
});

describe('the pitfalls of Docker Model Runner', () => {
  test('pitfall 3: one model in the spellings of all versions', async () => {
    for (const spelling of ['docker.io/', 'index.docker.io/', ''] as const) {
      fake.reset();
      fake.faults = { spelling };
      fake.publish(gemma);
      expect((await pull('gemma4:E2B')).done?.model.tags).toEqual([`${spelling}ai/gemma4:E2B`]);
      expect(await client().get('docker.io/ai/gemma4:E2B')).not.toBeNull();
    }
    // Stored by an old runner, asked for from a new one, which does not find it by name.
    fake.faults = {
      answers: {
        [`GET /models/${gemma}`]: { status: 404, text: 'model not found' },
        [`DELETE /models/${gemma}`]: { status: 404, text: 'no such model' },
      },
    };
    expect((await client().get(gemma))?.digest).toBe(sha256(gemma));
    fake.requests.length = 0;
    const stored = fake.store[0];
    if (stored !== undefined) stored.tags = ['index.docker.io/ai/gemma4:E2B'];
    await client()
      .remove(gemma)
      .catch(() => null);
    expect(fake.requests.filter(({ method }) => method === 'DELETE').map(({ url }) => url)).toEqual([
      '/models/ai/gemma4:E2B?force=false',
      '/models/index.docker.io/ai/gemma4:E2B?force=false',
    ]);
  });

  test('pitfall 4: a tag in another case is another model', async () => {
    fake.install(gemma);
    expect(await client().get('ai/gemma4:e2b')).toBeNull();
    expect(await client().get('AI/Gemma4:E2B')).not.toBeNull();
    expect((await pull('ai/gemma4:e2b')).error?.fix).toBe(
      'Check the name and the tag: upper and lower case differ in tags.',
    );
    expect(isTagOf(gemma, 'docker.io/ai/gemma4:e2b')).toBe(false);
  });

  test('pitfall 5: a pin pulls by tag and compares the digest; without a tag it is refused', async () => {
    const { digest } = fake.publish(gemma);
    expect((await pull(`${gemma}@${digest}`)).done?.model.digest).toBe(digest);
    expect(fake.requests[0]?.body).toBe('{"from":"ai/gemma4:E2B"}');
    const other = sha256('other');
    expect((await pull(gemma, { digest: other })).error).toMatchObject({
      kind: 'digest-mismatch',
      message: `What came down as ai/gemma4:E2B is ${digest.slice(0, 19)}…, and ${other.slice(0, 19)}… is expected.`,
    });
    fake.requests.length = 0;
    expect((await pull(`ai/gemma4@${digest}`)).error?.fix).toBe(
      'Write the tag before the digest: name:tag@sha256:….',
    );
    expect(fake.requests).toEqual([]);
  });

  test('pitfall 5: a registry that gives another model than it names', async () => {
    const { digest } = fake.publish(gemma);
    fake.faults = { pull: { digest: sha256('evil') } };
    expect(await pull(gemma, { digest })).toMatchObject({ done: null, error: { kind: 'digest-mismatch' } });
  });

  test('pitfall 6: a model whose name is only alike is not the one', async () => {
    fake.install('ai/gemma4:E4B');
    fake.faults = {
      answers: {
        [`GET /models/${gemma}`]: {
          status: 200,
          text: JSON.stringify({ id: sha256('x'), tags: ['docker.io/ai/gemma4:E4B'] }),
        },
      },
    };
    expect(await client().get(gemma)).toBeNull();
    fake.publish(gemma);
    fake.faults.pull = { lost: true };
    expect((await pull(gemma)).error?.kind).toBe('no-proof');
  });

  test('pitfall 7: lines are asked for unescaped, and read when they come escaped', async () => {
    fake.publish(gemma);
    await pull(gemma);
    expect(fake.requests[0]?.headers.accept).toBe('application/json');
    const line =
      '{&#34;type&#34;:&#34;error&#34;,&#34;message&#34;:&#34;Error: it&#39;s &lt;b&gt; &amp;lt; no space left on device&#34;}\n';
    fake.faults = { pull: { raw: line } };
    expect((await pull(gemma)).error).toMatchObject({
      kind: 'out-of-disk',
      said: "it's <b> &lt; no space left on device",
    });
  });

  test('pitfall 8: a failed pull of Hugging Face, 200 with nothing but plain text behind the progress', async () => {
    const ref = 'hf.co/google/gemma-4:Q4_K_M';
    fake.publish(ref);
    for (const [tail, kind] of [
      ['Unauthorized', 'login-required'],
      ['Model not found', 'not-found'],
      ['rate limited while accessing repository "x"', 'rate-limited'],
    ] as const) {
      fake.faults = { pull: { tail } };
      const { events, done, error } = await pull(ref);
      expect(events[0]).toEqual({ type: 'status', text: 'Fetching file list...' });
      expect({ done, kind: error?.kind }).toEqual({ done: null, kind });
    }
  });

  test('pitfall 9: a size is passed on as it is written', async () => {
    fake.install(gemma, { ...remote(gemma), config: { size: '256.35 MiB' } });
    expect((await client().get(gemma))?.size).toBe('256.35 MiB');
  });

  test('pitfall 11: the third pull waits without a word, and says so', async () => {
    const release = gate();
    const others = ['ai/a', 'ai/b'].map((name) => {
      fake.publish(name);
      return pull(name);
    });
    await expect.poll(() => fake.pulling).toBe(2);
    fake.publish(gemma);
    expect((await pull(gemma, {}, client({ waitingMs: 10, beginMs: 60 }))).error).toMatchObject({
      kind: 'busy',
      message:
        'Docker Model Runner has not begun with ai/gemma4:E2B: it pulls two models at a time, and others wait.',
    });
    const third = client({ waitingMs: 10 }).pull(gemma);
    expect((await third.next()).value).toEqual({ type: 'waiting' });
    release();
    const rest: string[] = [];
    for await (const event of third) rest.push(event.type);
    expect(rest.at(-1)).toBe('done');
    expect((await Promise.all(others)).every(({ done }) => done !== null)).toBe(true);
  });

  test('pitfall 12: an update leaves the old model without a name, and it can be removed', async () => {
    const old = fake.install(gemma).digest;
    const { digest } = fake.publish(gemma, remote('newer'));
    expect((await pull(gemma)).done?.model.digest).toBe(digest);
    expect((await client().list()).map((model) => [model.digest, model.tags])).toEqual([
      [old, []],
      [digest, ['docker.io/ai/gemma4:E2B']],
    ]);
    expect(await client().remove(old)).toEqual({ untagged: [], deleted: [old] });
    expect(await client().remove(gemma)).toEqual({
      untagged: ['docker.io/ai/gemma4:E2B'],
      deleted: [digest],
    });
    expect(said(await failure(client().remove(gemma)))).toEqual({
      kind: 'not-installed',
      message: 'ai/gemma4:E2B is not installed.',
      fix: 'Install it: mn model install ai/gemma4:E2B',
    });
  });

  test.each([
    ['Running: llama.cpp c22473b', 'running', 'llama.cpp c22473b'],
    [
      'Running: llama.cpp b9879-metal (sha256:ab) c22473b',
      'running',
      'llama.cpp b9879-metal (sha256:ab) c22473b',
    ],
    ['Running', 'running', null],
    ['Running: llama.cpp unknown', 'unknown', 'llama.cpp unknown'],
    ['Not Installed', 'not-installed', null],
    ['Not Installed: binary not found', 'not-installed', 'binary not found'],
    ['Installing: 45%', 'installing', '45%'],
    ['Error: it broke', 'error', 'it broke'],
    ['running llama.cpp version: c22473b', 'running', 'llama.cpp version: c22473b'],
    ['not installed', 'not-installed', null],
    ['not running', 'not-installed', null],
    ['vLLM binary not found', 'not-installed', 'vLLM binary not found'],
    ['failed to install: x', 'error', 'failed to install: x'],
    ['Dancing', 'unknown', 'Dancing'],
    ['', 'unknown', null],
  ])('pitfall 13: status %j', (text, state, detail) => {
    expect(parseState(text)).toEqual({ state, detail });
  });

  test('pitfall 14: only an answer of the runner counts, and its status only as what it says', async () => {
    expect((await client().status()).map(({ backend, state }) => `${backend} ${state}`)).toEqual([
      'diffusers not-installed',
      'llama.cpp running',
      'vllm not-installed',
    ]);
    fake.faults = { answers: { 'GET /engines/status': { status: 503, text: '' } } };
    expect((await failure(client().status())).kind).toBe('disabled');
  });

  test('pitfall 15: an old runner has no version', async () => {
    expect(await client().version()).toBe('v1.2.6');
    fake.faults = { noVersion: true };
    expect(await client().version()).toBeNull();
  });

  test('pitfall 18: a missing repository is a 500, and names both causes', () => {
    const text =
      'UNKNOWN - resolving docker.io/ai/nope:latest: pull access denied, repository does not exist';
    expect(classify({ asked: 'pull', status: 500, text })).toBe('not-found-or-login');
    // Digests are full of digits that look like a status.
    expect(classify({ asked: 'pull', status: 500, text: 'sha256:a429b is odd' })).toBe('failed');
  });

  test('pitfall 20: lists may be null, and a model with several tags is not removed by its digest', async () => {
    fake.faults = { nullLists: true };
    expect([await client().list(), await client().running(), await client().configurations(gemma)]).toEqual([
      [],
      [],
      [],
    ]);
    const model = fake.install(gemma);
    fake.install('ai/other', model);
    expect(said(await failure(client().remove(model.digest)))).toEqual({
      kind: 'several-tags',
      message: `${model.digest} has several tags.`,
      fix: 'Remove its tags one by one, or use --force.',
    });
    expect((await client().remove(model.digest, { force: true })).deleted).toEqual([model.digest]);
  });
});

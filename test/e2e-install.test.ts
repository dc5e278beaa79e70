import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  desktopSocket,
  FakeModelRunner,
  type Faults,
  modelRunner,
  remote,
  sha256,
} from './support/model-runner.ts';
import { cliFile, folderOf, isWindows, mn, type Result, type RunOptions, write } from './support/process.ts';
import { push } from './support/push.ts';
import { answer, TestHuggingFace, TestRegistry } from './support/registry.ts';

vi.setConfig({ testTimeout: 60_000 });

const gemma = 'ai/gemma4:E2B';
const jina = 'huggingface.co/jinaai/jina-embeddings-v5-text-small-retrieval:Q4_K_M';
const secrets = { password: 'registry-pass-4711', token: 'hf_secret_0815' };

let fake: FakeModelRunner;
let url: string;
const registry = new TestRegistry();
const privateRegistry = new TestRegistry({ login: 'basic', users: { mia: secrets.password } });
const hub = new TestHuggingFace();
beforeAll(async () => {
  ({ fake, url } = await modelRunner());
  await Promise.all([registry.start(), privateRegistry.start(), hub.start()]);
});
afterAll(() => Promise.all([fake.close(), registry.stop(), privateRegistry.stop(), hub.stop()]));
beforeEach(async () => {
  fake.reset();
  for (const server of [registry, privateRegistry, hub]) server.reset();
  registry.manifests.clear();
  await publish(gemma, 3_400_000);
  await publish('ai/nemotron3:latest', 5_000_000);
  hub.repositories.set(
    jina.split('/').slice(1).join('/').split(':')[0] as string,
    new Map([['model-Q4_K_M.gguf', new Uint8Array(700)]]),
  );
  fake.publish(jina, { ...remote(jina, [700]), config: { architecture: 'jina-bert-v3', size: '700B' } });
});

/** Puts a model into the registry, and where the fake runner takes it from. */
async function publish(ref: string, size: number) {
  const [repository = '', tag = ''] = ref.split(':');
  const pushed = await push(registry.url, repository, tag, { gguf: [new Uint8Array(size)] });
  const layers = pushed.layers.map((digest) => ({ digest, size }));
  return fake.publish(ref, { digest: pushed.digest, layers, config: remote(ref).config ?? {} });
}

/** A machine that runs gemma4:e2b and not nemotron3, wherever the tests run. */
const machine = [
  ...['os=linux', 'arch=x64', 'wsl=false', 'engine=docker-engine', 'memory_gb=32'],
  ...['gpu=none', 'gpu.vendor=nvidia', 'gpu.name=RTX 4060', 'gpu.vram_gb=8'],
].flatMap((fact) => ['--set', fact]);

function environment(home = folderOf()): Record<string, string> {
  return {
    MODEL_RUNNER_HOST: url,
    DEFAULT_REGISTRY: registry.url,
    HF_ENDPOINT: hub.url,
    HF_TOKEN: secrets.token,
    HOME: home,
    USERPROFILE: home,
    MN_HOME: join(home, '.mn'),
  };
}

/** Runs `mn model …` as a process. No secret is ever in what it prints. */
async function model(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const [verb = '', ...more] = args;
  const settings = verb === 'remove' ? [] : machine;
  const env = { ...environment(), ...options.env };
  const result = await mn(['model', verb, ...settings, ...more], { ...options, env });
  const printed = result.stdout + result.stderr;
  for (const secret of Object.values(secrets)) expect(printed).not.toContain(secret);
  expect(printed).not.toMatch(/^\s+at .+:\d+:\d+\)?$/m);
  return result;
}

/** What a run printed, without what differs between runs. */
function transcript(args: readonly string[], { code, stdout, stderr }: Result): string {
  const text = `$ mn model ${args.join(' ')}\n${stderr}${stdout}[exit ${code}]\n`;
  return text
    .replaceAll(new RegExp(`(?:http://)?127\\.0\\.0\\.1:${new URL(url).port}`, 'g'), '<runner>')
    .replaceAll(/(?:http:\/\/)?127\.0\.0\.1:\d+/g, '<registry>')
    .replaceAll(/\bin \d+ ms\b|\bin \d+\.\d s\b/g, 'in <time>')
    .replaceAll(/"seconds": [\d.]+/g, '"seconds": <time>')
    .replaceAll(/[\d.]+ [MGk]B (is )?free\b/g, '<space> $1free')
    .replaceAll(/, \d+ ms$/gm, ', <time>')
    .replaceAll(/[\w./-]*model-check-test-\w+/g, '<folder>');
}

interface Case {
  /** All runs, one after the other. */
  runs: string[][];
  code: number;
  faults?: Faults;
  before?: () => unknown;
  env?: Record<string, string>;
  files?: Record<string, string>;
}

const refused = (status: number, text: string): Faults => ({ pull: { status, text } });
const catalogs = {
  'catalog.json': JSON.stringify([
    { id: 'option', model: '--help', requirements: {} },
    { id: 'way-out', model: '../../etc/passwd', requirements: {} },
    { id: 'shell', model: 'x;rm -rf /', requirements: {} },
    { id: 'lines', model: 'ai/x:y\n::error::z', requirements: {} },
    { id: 'cloud', model: 'gpt', provider: 'openai', requirements: {} },
  ]),
};
const install: Record<string, Case> = {
  fresh: { runs: [['install', 'gemma4:e2b']], code: 0 },
  json: { runs: [['install', 'default', 'nemotron3', '--json']], code: 1 },
  'already-installed': {
    runs: [
      ['install', 'default'],
      ['install', 'gemma4:e2b', '--context-size', '8192'],
    ],
    code: 0,
    before: () => fake.install(gemma),
  },
  several: { runs: [['install', 'default', 'gemma4:e2b', 'nemotron3', 'rag-embedding']], code: 1 },
  'incompatible-only': {
    runs: [['install', 'nemotron3']],
    code: 1,
    env: { MODEL_RUNNER_HOST: '127.0.0.1:9' },
  },
  forced: { runs: [['install', 'nemotron3', '--force']], code: 0 },
  'vllm-is-never-forced': { runs: [['install', 'gemma4:e2b', '--backend', 'vllm', '--force']], code: 1 },
  unknown: { runs: [['install', 'gemma4:e2', 'nemotron', 'a\u001b[2Jb\n::error::c']], code: 2 },
  'hostile-names': {
    runs: [
      ['install', 'option', 'way-out', 'shell', 'lines', '--catalog', 'catalog.json'],
      ['install', 'way-out', '--catalog', 'catalog.json'],
      ['install', 'cloud', '--catalog', 'catalog.json'],
    ],
    code: 2,
    files: catalogs,
  },
  'no-runner': {
    runs: [['install', 'gemma4:e2b', '--verbose']],
    code: 2,
    env: { MODEL_RUNNER_HOST: '127.0.0.1:9' },
  },
  'silent-runner': { runs: [['install', 'gemma4:e2b']], code: 2, faults: { mute: true } },
  verbose: { runs: [['install', 'gemma4:e2b', '--verbose']], code: 0 },
  'no-registry': {
    runs: [['install', 'gemma4:e2b']],
    code: 0,
    env: { DEFAULT_REGISTRY: 'http://127.0.0.1:9' },
  },
  'not-in-registry': { runs: [['install', 'gemma4:e2b']], code: 1, before: () => registry.manifests.clear() },
  login: { runs: [['install', 'gemma4:e2b']], code: 1, faults: refused(401, `Unauthorized`) },
  'not-found-or-login': {
    runs: [['install', 'gemma4:e2b']],
    code: 1,
    faults: refused(500, 'error while pulling model: pull access denied, insufficient_scope'),
  },
  'rate-limit': {
    runs: [['install', 'gemma4:e2b']],
    code: 1,
    faults: refused(500, 'x: 429 Too Many Requests'),
  },
  'old-runner': {
    runs: [['install', 'gemma4:e2b']],
    code: 1,
    faults: refused(422, 'config type "x" is not supported'),
  },
  'disk-full': {
    runs: [['install', 'gemma4:e2b']],
    code: 1,
    faults: {
      pull: { errorLine: 'no space left on device', tail: 'error while pulling model: no space left' },
    },
  },
  'disk-too-small': {
    runs: [['install', 'gemma4:e2b']],
    code: 1,
    files: { '.docker/models/layout.json': '{}' },
    before: () => registry.fault(/manifests/, answer(200, {}, hugeManifest)),
  },
  'no-memory': {
    runs: [['install', 'gemma4:e2b', '--json']],
    code: 1,
    faults: {
      load: { status: 500, text: 'llama.cpp failed: not enough GPU memory to load the model (CUDA)' },
    },
  },
  'lying-runner': { runs: [['install', 'gemma4:e2b']], code: 1, faults: { pull: { lost: true } } },
  'other-digest': { runs: [['install', 'gemma4:e2b']], code: 1, faults: { pull: { digest: sha256('x') } } },
  'other-machine': {
    runs: [['install', 'gemma4:e2b']],
    code: 2,
    env: { MODEL_RUNNER_HOST: 'http://runner.invalid:1' },
  },
  'hugging-face': {
    runs: [['install', 'rag-embedding', '--json']],
    code: 1,
    faults: { pull: { tail: `Unauthorized: the token ${secrets.token} may not` } },
  },
  'token-told-back': {
    runs: [['install', 'rag-embedding', '--verbose']],
    code: 1,
    faults: { pull: { tail: `odd words about ${secrets.token}` } },
  },
  update: {
    runs: [
      ['update', 'gemma4:e2b'],
      ['update', 'nemotron3'],
      ['update', 'nemotron3', '--force'],
      ['update', 'rag-embedding'],
      ['update', '--all', '--json'],
    ],
    code: 0,
    before: () => {
      fake.install(gemma, fake.registry.get(`docker.io/${gemma}`));
      fake.install(jina, fake.registry.get(jina));
      fake.install('ai/smollm2:135M-Q4_0');
    },
  },
  'update-changed': {
    runs: [
      ['update', 'default'],
      ['update', 'default'],
    ],
    code: 0,
    before: async () => {
      fake.install(gemma);
      await publish(gemma, 3_500_000);
    },
  },
  'update-arguments': { runs: [['update'], ['update', 'default', '--all'], ['update', 'defaul']], code: 2 },
  'update-own-catalog': {
    runs: [['update', 'small', '--catalog', 'small.json', '--verbose']],
    code: 0,
    files: {
      'small.json': JSON.stringify([{ id: 'small', model: 'ai/nemotron3:latest', requirements: {} }]),
    },
    before: () => fake.install('ai/nemotron3:latest', fake.registry.get('docker.io/ai/nemotron3:latest')),
  },
  'remove-own-catalog': {
    runs: [['remove', 'mine', '--yes', '--catalog', 'mine.json', '--verbose']],
    code: 0,
    files: { 'mine.json': JSON.stringify([{ id: 'mine', model: 'ai/smollm2:135M-Q4_0', requirements: {} }]) },
    before: () => fake.install('ai/smollm2:135M-Q4_0'),
  },
  'update-nothing': { runs: [['update', '--all']], code: 0 },
  remove: {
    runs: [
      ['remove', 'gemma4:e2b'],
      ['remove', 'gemma4:e2b', '--yes'],
      ['remove', 'gemma4:e2b', '--yes'],
    ],
    code: 1,
    before: () => {
      fake.install(gemma);
      fake.loaded = [{ backend: 'llama.cpp', model: gemma, mode: 'completion' }];
    },
  },
  'remove-what-no-catalog-knows': {
    runs: [
      ['remove', 'ai/smollm2:135M-Q4_0', '--yes'],
      ['remove', sha256('ai/smollm2:135M-Q4_0').slice(7, 19), '--yes', '--json'],
      ['remove', 'smollm2:135M-Q4_1', '--yes'],
      ['remove', '--yes', '--', '--help'],
    ],
    code: 2,
    before: () => fake.install('ai/smollm2:135M-Q4_0').tags.push('docker.io/ai/small:latest'),
  },
  'remove-several-tags': {
    runs: [
      ['remove', sha256(gemma).slice(7, 19), '--yes'],
      ['remove', sha256(gemma).slice(7, 19), '--yes', '--force'],
    ],
    code: 0,
    before: () => fake.install(gemma).tags.push('docker.io/ai/gemma4:latest'),
  },
  'remove-in-use': {
    runs: [['remove', 'gemma4:e2b', '--yes', '--json']],
    code: 1,
    before: () => {
      fake.install(gemma);
      fake.loaded = [{ backend: 'llama.cpp', model: gemma, mode: 'completion', inUse: true }];
    },
  },
};
const hugeManifest = JSON.stringify({
  config: { mediaType: 'application/vnd.docker.ai.model.config.v0.1+json', digest: sha256('{}'), size: 2 },
  layers: [{ mediaType: 'application/vnd.docker.ai.gguf.v3', digest: sha256('huge'), size: 9e14 }],
});

describe('what people see', () => {
  test.each(Object.entries(install))(
    '%s',
    async (name, { runs, code, faults = {}, before, env = {}, files = {} }) => {
      registry.blobs.set(sha256('{}'), new TextEncoder().encode('{}'));
      await before?.();
      fake.faults = faults;
      const home = folderOf(files);
      const texts: string[] = [];
      let last = 0;
      for (const args of runs) {
        const result = await model(args, { cwd: home, env: { ...environment(home), ...env } });
        texts.push(transcript(args, result));
        last = result.code ?? -1;
        if (args.includes('--json')) isDocument(args[0] as string, result.stdout);
      }
      await expect(texts.join('\n')).toMatchFileSnapshot(`snapshots/e2e-models-${name}.txt`);
      expect(last).toBe(code);
      // Nobody waits for a run that is over.
      const locks = join(home, '.mn', 'locks');
      expect(existsSync(locks) ? readdirSync(locks) : []).toEqual([]);
      for (const { url: asked, body } of fake.requests) {
        expect(asked).not.toMatch(/\.\.|--help|;|%0A|\s/);
        expect(body.includes(secrets.token) && !body.includes('huggingface.co/')).toBe(false);
      }
    },
  );
});

test.each(['install', 'update', 'remove'])('every option of %s is tried above', async (verb) => {
  const { stdout } = await mn(['model', verb, '--help']);
  const named = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option]) => option);
  const runs = Object.values(install).flatMap((one) => one.runs.filter(([first]) => first === verb).flat());
  const tried = [...runs, ...(verb === 'remove' ? [] : ['--set'])].filter((word) => word.startsWith('--'));
  const everywhere = ['--help', '--no-color', '--debug'];
  expect(named.sort()).toEqual(
    [...new Set([...tried, ...everywhere])].filter((word) => word !== '--').sort(),
  );
});

const ajv = new Ajv2020({ allErrors: true });
function isDocument(name: string, text: string): void {
  const schema = JSON.parse(readFileSync(`schemas/${name}.schema.json`, 'utf8')) as { $id: string };
  const validate = ajv.getSchema(schema.$id) ?? ajv.compile(schema);
  validate(JSON.parse(text));
  expect(validate.errors).toBeNull();
}

/** What a test that failed left closed would hold up the others. */
const gates: (() => void)[] = [];
afterEach(() => {
  for (const open of gates.splice(0)) open();
});

/** Where a pull of the fake runner stands still, so that a test needs no clock. */
function standStill(afterLines: number): { reached: Promise<void>; goOn(): void } {
  let reach = () => {};
  let goOn = () => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  gates.push(goOn);
  let lines = 0;
  fake.pace = () => {
    if (++lines <= afterLines) return Promise.resolve();
    reach();
    return gate;
  };
  return { reached, goOn };
}

/** When a process has printed this. */
function printed(child: ChildProcess, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes(words)) resolve();
    });
    child.on('close', () => reject(new Error(`never printed ${words}: ${text}`)));
  });
}

/** A run, and its process. */
function started(args: readonly string[], options: RunOptions = {}) {
  let child: ChildProcess | undefined;
  const result = model(args, { ...options, onStart: (process) => (child = process) });
  return { child: child as unknown as ChildProcess, result };
}

const pulls = () => fake.requests.filter(({ url: path }) => path === '/models/create').length;
const lockOf = (home: string) =>
  join(home, '.mn', 'locks', `model-runner.${hostname().replace(/[^\w-]/g, '_')}.lock`);

describe('the lock file of the repository', () => {
  const lockFile = '.mn/models.lock.json';
  const lockText = (digest: string) =>
    JSON.stringify({
      schema: 'model-check.models-lock/v1',
      models: { 'docker.io/ai/gemma4:E2B': { digest, size: 1 } },
    });

  test('is what install and update hold models against, wherever in the repository they run', async () => {
    const repository = folderOf({ '.git/HEAD': '', 'below/x': '' });
    const env = environment();
    const cwd = join(repository, 'below');
    const texts: string[] = [];
    const run = async (args: string[], code: number, more: Record<string, string> = {}) => {
      const result = await model(args, { cwd, env: { ...env, ...more } });
      texts.push(transcript(args, result));
      expect(result.code, texts.at(-1)).toBe(code);
      return result;
    };
    const doctor = async () => {
      const { stdout } = await mn(['model', 'doctor', ...machine, '--json'], { cwd, env });
      const { checks } = JSON.parse(stdout) as { checks: { id: string }[] };
      return checks.find(({ id }) => id === 'digest');
    };
    const noRegistry = { DEFAULT_REGISTRY: 'http://127.0.0.1:9' };
    const { code } = await mn(['catalog', 'lock', '--all'], { cwd: repository, env });
    expect([code, existsSync(join(repository, lockFile))]).toEqual([0, true]);
    const locked = fake.registry.get(`docker.io/${gemma}`)?.digest ?? '';
    await run(['install', 'gemma4:e2b'], 0);
    await run(['install', 'gemma4:e2b'], 0);
    expect(await doctor()).toMatchObject({ status: 'ok', message: expect.stringContaining(', as locked, ') });

    // Somebody moves the tag. Nothing is pulled.
    const { digest: moved } = await publish(gemma, 3_500_000);
    const before = pulls();
    await run(['update', 'gemma4:e2b'], 1);
    fake.store.splice(0);
    await run(['install', 'gemma4:e2b'], 1);
    expect([pulls(), fake.store]).toEqual([before, []]);
    // Where the registry does not tell, it shows when the model is there; and it stays wrong.
    await run(['install', 'gemma4:e2b'], 1, noRegistry);
    const { stdout } = await run(['install', 'gemma4:e2b', '--json'], 1);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, models: [{ error: { kind: 'digest-mismatch' } }] });
    isDocument('install', stdout);
    expect(await doctor()).toEqual({
      id: 'digest',
      status: 'failed',
      message: `${moved.slice(0, 19)}…, and the lock file has ${locked.slice(0, 19)}…`,
      fix: 'Bring the one that is locked: mn model update gemma4:e2b. Where this one is right: mn catalog lock',
    });

    // The change is right. The next one is locked where another machine took it, and the advice leads there.
    const lockAgain = async () => {
      const again = await mn(['catalog', 'lock'], { cwd: repository, env });
      expect(again.stdout).toContain('changed');
    };
    await lockAgain();
    await run(['install', 'gemma4:e2b'], 0);
    const { digest: newest } = await publish(gemma, 3_600_000);
    await lockAgain();
    await run(['install', 'gemma4:e2b'], 1);
    await run(['update', 'gemma4:e2b'], 0);
    await run(['install', 'gemma4:e2b'], 0);
    let text = texts.join('\n');
    for (const [name, digest] of Object.entries({ locked, moved, newest })) {
      text = text.replaceAll(digest.slice(7, 19), `<${name}>`);
    }
    await expect(text).toMatchFileSnapshot('snapshots/e2e-models-lock.txt');
  });

  test.each([
    ['{"schema": 1,', `${lockFile}:1:13: The file is not valid JSON: it ends early`],
    ['[]', `${lockFile}:1:1: `],
    [lockText('sha256:zz'), `${lockFile}:1:86: digest of "docker.io/ai/gemma4:E2B" must be sha256: followed`],
    [
      lockText(sha256('x')).replace('"models":', '"models":{},"models":'),
      `${lockFile}:1:52: "models" already stands in this object, on line 1.`,
    ],
    [`{"a":${'['.repeat(300)}`, `${lockFile}:1:`],
    ['{"\u001b[2J\n::error::x', `${lockFile}:1:`],
  ])('broken as %j it vouches for nothing, so nothing is touched', async (text, message) => {
    const cwd = folderOf({ [lockFile]: text });
    for (const args of [
      ['install', 'gemma4:e2b'],
      ['update', '--all'],
    ]) {
      const { code, stdout, stderr } = await model(args, { cwd });
      expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
      expect(stderr.startsWith(`error: ${message}`), stderr).toBe(true);
      expect(stderr).not.toMatch(/\u001b|^::/m);
    }
    expect(pulls()).toBe(0);
  });
});

describe.skipIf(isWindows)('interrupted', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s in a pull ends it in good order, and the next run goes on', async (signal, code) => {
    await publish(gemma, 5_000_000);
    const home = folderOf();
    const env = environment(home);
    const { reached, goOn } = standStill(2);
    const { child, result } = started(['install', 'gemma4:e2b', 'rag-embedding', '--json'], { env });
    await reached;
    expect(JSON.parse(readFileSync(lockOf(home), 'utf8'))).toMatchObject({
      pid: child.pid,
      host: hostname(),
      command: 'mn model install gemma4:e2b rag-embedding',
    });
    child.kill(signal);
    const ended = await result;
    await expect(transcript([signal], ended)).toMatchFileSnapshot(`snapshots/e2e-models-${signal}.txt`);
    expect(ended.code).toBe(code);
    isDocument('install', ended.stdout);
    expect(existsSync(lockOf(home))).toBe(false);
    expect(fake.store).toEqual([]);

    goOn();
    fake.pace = () => Promise.resolve();
    const onDisk = [...fake.blobs.values()];
    expect(onDisk).toEqual([2 * 2 ** 20]);
    expect(await model(['install', 'gemma4:e2b'], { env })).toMatchObject({ code: 0 });
    expect(fake.store).toHaveLength(1);
  });

  test('a connection that breaks is tried again, and each try says so', async () => {
    await publish(gemma, 5_000_000);
    let cuts = 2;
    fake.faults = {
      get pull() {
        return cuts-- > 0
          ? { cutAt: 500 }
          : { digest: fake.registry.get(`docker.io/${gemma}`)?.digest ?? '' };
      },
    };
    const result = await model(['install', 'gemma4:e2b']);
    expect(result.code).toBe(0);
    expect(result.stderr.match(/^. retry .*$/gm)).toEqual(
      Array(2).fill(
        '⚠ retry      in 1 s: The connection to Docker Model Runner broke while it worked on ai/gemma4:E2B.',
      ),
    );
  });
});

describe('two at once', () => {
  test('one waits, says for whom, and finds the work done', async () => {
    const env = environment();
    const { reached, goOn } = standStill(1);
    const first = started(['install', 'gemma4:e2b'], { env });
    await reached;
    const second = started(['install', 'gemma4:e2b'], { env });
    await printed(
      second.child,
      `waiting    for another run on this machine: mn model install gemma4:e2b (process ${first.child.pid})`,
    );
    goOn();
    expect((await first.result).stdout).toMatch(/^gemma4:e2b is installed: /);
    expect((await second.result).stdout).toMatch(/^gemma4:e2b is already installed: /);
    expect(pulls()).toBe(1);
  });

  test.skipIf(isWindows)('whoever waits can be stopped', async () => {
    const env = environment();
    const { reached, goOn } = standStill(1);
    const first = started(['install', 'gemma4:e2b'], { env });
    await reached;
    const second = started(['install', 'rag-embedding'], { env });
    await printed(second.child, 'waiting');
    second.child.kill('SIGINT');
    expect((await second.result).code).toBe(130);
    goOn();
    expect((await first.result).code).toBe(0);
  });

  test('the lock of a process that died is taken over', async () => {
    const home = folderOf();
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    write(home, { '.mn/locks/x': '' });
    writeFileSync(lockOf(home), JSON.stringify({ pid, host: hostname(), command: 'mn model install x' }));
    const result = await model(['install', 'gemma4:e2b'], { env: environment(home) });
    expect(result).toMatchObject({ code: 0, stderr: expect.not.stringContaining('waiting') });
  });

  test('where no lock can be made, it goes on and says so', async () => {
    const home = folderOf({ '.mn': 'a file' });
    const result = await model(['install', 'gemma4:e2b'], { env: environment(home) });
    expect(result.code).toBe(0);
    expect(result.stderr).toMatch(
      /^⚠ lock {7}other runs are not kept waiting: no file can be made in .+\.mn \(E\w+\)$/m,
    );
  });
});

test.skipIf(isWindows)('over the socket of Docker Desktop', async () => {
  const desktop = await desktopSocket();
  try {
    desktop.fake.publish(gemma, fake.registry.get(`docker.io/${gemma}`));
    const env = { ...environment(), MODEL_RUNNER_HOST: '', DOCKER_HOST: `unix://${desktop.path}` };
    // What listens on the port of this machine would come first.
    const isFree = !(await listens(12434));
    const result = await model(['install', 'gemma4:e2b', '--verbose'], { env });
    if (isFree) {
      expect(result).toMatchObject({
        code: 0,
        stderr: expect.stringContaining(`${desktop.path}: Docker Model Runner answers`),
      });
    }
  } finally {
    await desktop.fake.close();
  }
});

test.skipIf(isWindows)('over a unix socket, with a password of the registry', async () => {
  const path = join(folderOf(), 'runner.sock');
  const other = new FakeModelRunner();
  await other.listen(path);
  const login = Buffer.from(`mia:${secrets.password}`).toString('base64');
  try {
    const { digest } = await push(
      privateRegistry.url,
      'ai/gemma4',
      'E2B',
      { gguf: [new Uint8Array(9)] },
      { authorization: `Basic ${login}` },
    );
    other.publish(gemma, { ...remote(gemma), digest });
    const config = (auths: object) => folderOf({ 'config.json': JSON.stringify({ auths }) });
    const common = {
      ...environment(),
      MODEL_RUNNER_HOST: `unix://${path}`,
      DEFAULT_REGISTRY: privateRegistry.url,
    };
    const { host } = privateRegistry;
    const known = await model(['install', 'gemma4:e2b', '--verbose'], {
      env: { ...common, DOCKER_CONFIG: config({ [host]: { auth: login } }) },
    });
    expect(known.stderr).toContain('9 bytes to download');
    expect(known.code).toBe(0);
    other.store.splice(0);
    const wrong = Buffer.from(`mia:not-${secrets.password}`).toString('base64');
    const unknown = await model(['install', 'gemma4:e2b'], {
      env: { ...common, DOCKER_CONFIG: config({ [host]: { auth: wrong } }) },
    });
    expect(unknown.stderr).toMatch(
      /the size is not known: docker\.io\/ai\/gemma4:E2B does not exist, or needs a login/,
    );
    expect(unknown.code).toBe(0);
  } finally {
    await other.close();
  }
});

/** `script` of util-linux gives a process a terminal. */
const script = '/usr/bin/script';
describe.skipIf(process.platform !== 'linux' || !existsSync(script))('on a terminal', () => {
  function onTerminal(args: string[], input = ''): Promise<string> {
    const command = [process.execPath, cliFile, 'model', ...args].map((word) => `'${word}'`).join(' ');
    return new Promise((resolve) => {
      const child = spawn(script, ['-qec', `stty cols 100; ${command}`, '/dev/null'], {
        env: { ...environment(), PATH: '/usr/bin:/bin', TERM: 'xterm', SHELL: '/bin/sh' },
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (input !== '' && text.includes('[y/N]')) child.stdin.end(input);
      });
      child.on('close', () => resolve(text));
    });
  }

  test('the bar is written over, and nothing of it stays', async () => {
    const text = await onTerminal(['install', ...machine, 'gemma4:e2b']);
    expect(text).toContain('\r  pulling    ai/gemma4:E2B, 3 MB\u001b[K');
    const lines = text.split('\r\n').map((line) => line.split('\u001b[K').at(-1)?.replaceAll('\r', ''));
    expect(lines.slice(0, 3).map((line) => line?.slice(0, 11))).toEqual([
      '✓ hardware ',
      '  disk     ',
      '✓ pulled   ',
    ]);
    expect(lines.join('\n')).not.toContain('pulling');
  });

  test.each([
    ['y\n', 'deleted sha256:', 0],
    ['\n', 'nothing was removed.', 1],
  ])('asks before it removes: %j', async (input, words, left) => {
    fake.install(gemma);
    const text = await onTerminal(['remove', 'gemma4:e2b'], input);
    expect(text).toContain(
      'Remove docker.io/ai/gemma4:E2B, 1.43MiB? It must be downloaded again to come back. [y/N] ',
    );
    expect(text).toContain(words);
    expect(fake.store).toHaveLength(left);
  });
});

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

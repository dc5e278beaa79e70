import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { hostProbe } from '../src/io/probe.ts';
import { type DockerState, fakeDocker } from './support/docker.ts';
import { desktopSocket, FakeModelRunner, modelRunner, remote, sha256 } from './support/model-runner.ts';
import {
  act,
  blueprint,
  expectNoCrash,
  folderOf,
  isWindows,
  mn,
  type RunOptions,
  readReport,
} from './support/process.ts';
import { push } from './support/push.ts';
import { TestRegistry } from './support/registry.ts';

vi.setConfig({ testTimeout: 60_000 });

/** Longest that an answer may take, in milliseconds, whatever is absent or silent. */
const absentMs = 5000;
const gemma = 'ai/gemma4:E2B';
const rag = 'huggingface.co/jinaai/jina-embeddings-v5-text-small-retrieval:Q4_K_M';
/** A machine on which the default model runs, whatever this one is. */
const able = ['os=linux', 'arch=x64', 'wsl=false', 'gpu.vendor=nvidia', 'gpu.vram_gb=12'].flatMap((fact) => [
  '--set',
  fact,
]);

const { fake, url } = await modelRunner();
afterAll(() => fake.close());
const usual = { version: fake.version, status: fake.status };
beforeEach(() => {
  fake.reset();
  Object.assign(fake, usual, { log: null });
});
/** The usual search for a runner, on a machine that has nothing else than what is given. */
const search = { MODEL_RUNNER_HOST: '', DOCKER_HOST: 'unix:///nowhere/docker.sock' };
const probe = hostProbe();
const isSearchable = !isWindows && !(await probe.reachable({ host: '127.0.0.1', port: 12434 }, 300));
const hasDocker = (await probe.run('docker', ['--version'], 2000)).ended === 'ok';

async function run(args: readonly string[], env: Record<string, string> = {}, more: RunOptions = {}) {
  const begin = performance.now();
  const result = await mn(args, { ...more, env: { MODEL_RUNNER_HOST: url, ...env } });
  expectNoCrash(result);
  return { ...result, ms: performance.now() - begin };
}

interface Doctor {
  ok: boolean;
  model: { installed: boolean | null; size: string | null; digest: string | null };
  compatibility: { ok: boolean };
  docker_model_runner: { running: boolean; endpoint: string | null; endpoint_ok: boolean };
  answer: { dimensions: number | null } | null;
  checks: { id: string; status: string; message: string; fix: string | null }[];
}
const isDoctor = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile<Doctor>(
  JSON.parse(readFileSync('schemas/doctor.schema.json', 'utf8')),
);

/** As text and as JSON, which must say the same, with the same exit code. */
async function doctor(args: readonly string[], env: Record<string, string> = {}) {
  const [text, json] = await Promise.all([
    run(['model', 'doctor', ...args], env),
    run(['model', 'doctor', ...args, '--json'], env),
  ]);
  const told = JSON.parse(json.stdout) as Doctor;
  isDoctor(told);
  expect(isDoctor.errors).toBeNull();
  expect([text.stderr, json.stderr]).toEqual(['', '']);
  expect(json.code).toBe(told.ok ? 0 : 1);
  expect(text.code).toBe(json.code);
  for (const { message } of told.checks)
    expect(text.stdout).toContain(message.replace(/ after [\d.]+ m?s.*/, ''));
  // The documented field and the documented parts of it.
  const { model, compatibility, docker_model_runner: runner } = told;
  if (told.ok)
    expect([compatibility.ok, model.installed, runner.running, runner.endpoint_ok]).toEqual([
      true,
      true,
      true,
      true,
    ]);
  const failed = told.checks.filter(({ status }) => status === 'failed');
  return { ...text, told, failed, ms: Math.max(text.ms, json.ms) };
}

describe('mn model doctor', () => {
  test('all is well', async () => {
    fake.install(gemma);
    await run(['model', 'doctor', ...able]);
    const { code, stdout, told } = await doctor(able);
    expect(code).toBe(0);
    const shown = stdout
      .replace(/this machine: .*/, 'this machine: …')
      .replace(url, 'http://127.0.0.1:12434')
      .replace(/after [\d.]+ m?s/, 'after 0.1 s')
      .replace(/\(detected: .*\)/g, '(detected: …)');
    await expect(shown).toMatchFileSnapshot('snapshots/e2e-doctor.txt');
    expect(told).toMatchObject({
      model: { installed: true, size: '1.43MiB', digest: sha256(gemma) },
      docker_model_runner: { running: true, endpoint: url },
      answer: { dimensions: null },
    });
  });

  test('what fails says what to do', async () => {
    fake.faults = { load: { status: 500, text: 'unable to load runner: not enough GPU memory (CUDA)' } };
    fake.install(gemma);
    const { code, failed } = await doctor(able);
    expect(code).toBe(1);
    expect(failed.map(({ id, fix }) => [id, fix])).toEqual([
      ['answer', 'Use a smaller model or a smaller context size, or end what else uses the memory.'],
    ]);
  });

  test('nothing is installed', async () => {
    const { code, failed, stdout } = await doctor(able);
    expect(code).toBe(1);
    expect(failed.map(({ id, fix }) => [id, fix])).toEqual([['model', 'mn model install gemma4:e2b']]);
    expect(stdout).toContain('    fix: mn model install gemma4:e2b\n'.trimStart());
    expect(fake.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  test('an embedding model', async () => {
    fake.install(rag);
    expect((await doctor(['rag-embedding', ...able])).told.answer).toEqual({
      ms: expect.any(Number),
      dimensions: 3,
    });
  });

  test('pitfall 12: --online sees that the tag has moved on in the registry', async () => {
    const registry = await new TestRegistry().start();
    const artifact = { gguf: [new Uint8Array(64)], config: { format: 'gguf' } };
    const { digest } = await push(registry.url, 'ai/gemma4', 'E2B', artifact);
    const env = { MODEL_RUNNER_REGISTRY_MIRRORS: registry.url };
    const line = async (...args: string[]) =>
      (await doctor([...able, ...args], env)).told.checks.find(({ id }) => id === 'digest');
    fake.install(gemma);
    expect(await line()).toMatchObject({ status: 'ok', fix: null });
    expect(registry.asked.filter(({ method, path }) => method === 'GET' && path !== '/')).toEqual([]);
    expect(await line('--online')).toMatchObject({
      status: 'warning',
      message: `${sha256(gemma).slice(0, 19)}…, and the registry has ${digest.slice(0, 19)}… under this name now`,
    });
    fake.reset();
    fake.install(gemma, { ...remote(gemma), digest });
    expect(await line('--online')).toMatchObject({
      status: 'ok',
      message: expect.stringMatching(/as in the registry$/),
    });
    await registry.stop();
  });

  test('an unknown model', async () => {
    const { code, stdout, stderr } = await run(['model', 'doctor', 'gemma4:e2']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('error: unknown model "gemma4:e2". Did you mean gemma4:e2b?');
  });

  test.each(['--help ', '../x', 'a b', 'x;rm -rf', 'x\n::error::y', '\u001b[2J'])(
    'the reference %j reaches neither runner nor terminal',
    async (ref) => {
      const { code, stderr } = await run(['model', 'doctor', '--', ref]);
      expect(code).toBe(2);
      expect(stderr).not.toMatch(/\u001b|^::/m);
      expect(fake.requests).toEqual([]);
    },
  );

  test.skipIf(isWindows)('over a Unix socket', async () => {
    const path = join(folderOf(), 'runner.sock');
    const other = new FakeModelRunner();
    await other.listen(path);
    other.install(gemma);
    const { code, told } = await doctor(able, { MODEL_RUNNER_HOST: `unix://${path}` });
    await other.close();
    expect([code, told.docker_model_runner.endpoint]).toEqual([0, path]);
  });

  test.skipIf(!isSearchable)("pitfall 17: on Docker Desktop's socket, with TCP off", async () => {
    const { fake: desktop, path } = await desktopSocket();
    desktop.install(gemma);
    const env = { ...search, DOCKER_HOST: `unix://${path}`, PATH: fakeDocker({ server: 'desktop' }).folder };
    const { code, told } = await doctor(able, env);
    await desktop.close();
    expect([code, told.docker_model_runner.endpoint]).toEqual([0, path]);
    expect(told.checks.slice(0, 2).map(({ message }) => message)).toEqual([
      'Docker Desktop, client 28.5.1',
      'docker-model v1.2.6',
    ]);
  });
});

describe.skipIf(!isSearchable)('without a runner', () => {
  test.each<[what: string, docker: DockerState | null, check: string, message: string, fix: RegExp]>([
    [
      'no Docker',
      null,
      'docker',
      'Docker is not installed, so there is no Docker Model Runner.',
      /^Install docker-ce/,
    ],
    [
      'a daemon that is down',
      { server: 'down' },
      'docker',
      'Docker is not running.',
      /systemctl start docker/,
    ],
    ['no right to use it', { server: 'denied' }, 'docker', 'This user may not use Docker.', /usermod/],
    [
      'Podman',
      { server: 'podman' },
      'docker',
      'The command docker is Podman here, which has no Docker Model Runner.',
      /^Install docker-ce/,
    ],
    ['a docker that hangs', { hangs: true }, 'docker', 'Docker does not answer.', /restart docker/],
    [
      'pitfall 1: unknown command',
      { plugin: 'unknown command' },
      'plugin',
      'Docker has no plugin docker-model here.',
      /docker-model-plugin/,
    ],
    [
      'pitfall 1: unknown flag',
      { plugin: 'unknown flag' },
      'plugin',
      'Docker has no plugin docker-model here.',
      /docker-model-plugin/,
    ],
    [
      'pitfall 1: no docker command',
      { plugin: 'not a docker command' },
      'plugin',
      'Docker has no plugin docker-model here.',
      /docker-model-plugin/,
    ],
    [
      'pitfall 2: a runner that is not installed',
      { runner: false },
      'runner',
      'Docker Engine runs, and has no Docker Model Runner.',
      /^Install it: docker model install-runner$/,
    ],
  ])(
    '%s: the one next step, within 5 s, and nothing is installed',
    async (_, docker, check, message, fix) => {
      const command = docker === null ? null : fakeDocker(docker);
      const env = { ...search, ...(command === null ? {} : { PATH: command.folder }) };
      const { code, failed, ms, told } = await doctor(able, env);
      expect(code).toBe(1);
      expect(failed).toMatchObject([{ id: check, message, fix: expect.stringMatching(fix) as string }]);
      expect(told.model.installed).toBeNull();
      expect(ms).toBeLessThan(absentMs);
      expect(command?.calls().filter((call) => call.includes('may install')) ?? []).toEqual([]);
    },
  );

  test.skipIf(!hasDocker)('the real command docker', async () => {
    const { MODEL_RUNNER_HOST } = search;
    const { code, failed, ms } = await doctor(able, { MODEL_RUNNER_HOST, PATH: process.env['PATH'] ?? '' });
    expect(code).toBe(1);
    expect(failed).toHaveLength(1);
    expect(failed[0]?.id).toMatch(/^(?:docker|plugin|runner)$/);
    expect(failed[0]?.fix).toMatch(/\S/);
    expect(ms).toBeLessThan(absentMs);
  });

  test.each([
    ['install', 'gemma4:e2b', ...able],
    ['update', '--all', ...able],
    ['remove', 'gemma4:e2b', '--yes'],
  ])('mn model %s: the one next step, within 5 s', async (...args) => {
    const command = fakeDocker({ hangs: true });
    const { code, stdout, stderr, ms } = await run(['model', ...args], { ...search, PATH: command.folder });
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: Docker does not answer. Restart it: sudo systemctl restart docker\n',
    });
    expect(ms).toBeLessThan(absentMs);
    expect(command.calls().filter((call) => call.includes('may install'))).toEqual([]);
  });

  test.each([
    ['model', 'list'],
    ['model', 'list', '--installed', '--json'],
    ['model', 'show', 'default'],
  ])('mn %s %s asks no command', async (...args) => {
    const command = fakeDocker({ hangs: true });
    const { code, stderr, ms } = await run(args, { ...search, PATH: command.folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(ms).toBeLessThan(absentMs);
    expect(command.calls()).toEqual([]);
  });
});

describe('mn model list and show', () => {
  interface List {
    models: {
      id: string;
      installed: boolean | null;
      size: string | null;
      digest: string | null;
      tags: string[];
    }[];
    docker_model_runner: { running: boolean };
  }
  const list = async (...args: string[]) =>
    JSON.parse((await run(['model', 'list', '--json', ...args])).stdout) as List;

  test('say what is installed, what no catalog knows included', async () => {
    fake.install(gemma);
    fake.install('ai/smollm2:135M-Q4_0');
    // An update took its tag away.
    fake.install('ai/nemotron3:latest', remote('old'));
    fake.install('ai/nemotron3:latest', remote('new'));
    const { code, stdout, stderr } = await run(['model', 'list']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await expect(stdout).toMatchFileSnapshot('snapshots/e2e-model-list-installed.txt');
    expect((await list()).models.map(({ id, installed, digest }) => [id, installed, digest])).toEqual([
      ['gemma4:e2b', true, sha256(gemma)],
      ['nemotron3', true, sha256('new')],
      ['rag-embedding', false, null],
      ['ai/smollm2:135M-Q4_0', true, sha256('ai/smollm2:135M-Q4_0')],
      [sha256('old'), true, sha256('old')],
    ]);
    const installed = await list('--installed');
    expect(installed.models.map(({ id }) => id)).not.toContain('rag-embedding');
    expect(installed.models[0]).toMatchObject({ size: '1.43MiB', tags: ['docker.io/ai/gemma4:E2B'] });
    const shown = await run(['model', 'show', 'default']);
    expect(shown.stdout).toContain(
      `\n  built-in catalog · installed (1.43MiB, ${sha256(gemma).slice(7, 19)})\n`,
    );
    expect((await run(['model', 'show', 'rag-embedding'])).stdout).toContain('· not installed\n');
  });

  test("the JSON of all three has the fields of MirrorNeuron's own commands", async () => {
    fake.install(gemma);
    fake.install('ai/smollm2:135M-Q4_0');
    const entry = [
      ...['id', 'name', 'provider', 'model', 'docker_model', 'backend', 'aliases', 'context_size'],
      ...['requirements', 'installed', 'default', 'status'],
    ];
    const compatibility = ['ok', 'status', 'message', 'help', 'backend', 'warnings'];
    const json = async (...args: string[]) =>
      JSON.parse((await run(['model', ...args, '--json'])).stdout) as Record<string, Record<string, unknown>>;
    const listed = (await json('list'))['models'] as unknown as Record<string, unknown>[];
    const shown = await json('show', 'default', '--compatibility', ...able);
    const examined = await json('doctor', 'default', ...able);
    const named = [...listed, shown, examined['model'] ?? {}];
    expect(named.map((one) => entry.filter((field) => !(field in one)))).toEqual(named.map(() => []));
    expect(named).toHaveLength(6);
    for (const { model, docker_model: docker } of named) expect(model).toBe(docker);
    for (const one of [shown, examined]) {
      expect(Object.keys(one['compatibility'] ?? {})).toEqual(expect.arrayContaining(compatibility));
      expect(one['hardware']).toMatchObject({ os: 'linux' });
    }
    expect(examined).toMatchObject({
      docker_model_runner: { status: 'running', running: true, endpoint: url, endpoint_ok: true },
      ok: true,
    });
  });

  test('an empty store, in any spelling of an old runner', async () => {
    fake.faults = { nullLists: true };
    expect((await run(['model', 'list', '--installed'])).stdout).toMatch(/^No model is installed\.\n/);
    fake.faults = { spelling: '' };
    fake.install(gemma);
    expect((await list('--installed')).models.map(({ id }) => id)).toEqual(['gemma4:e2b']);
  });

  test.each<[what: string, faults: FakeModelRunner['faults']]>([
    ['silent', { mute: true }],
    ['off', { answers: { 'GET /models': { status: 503, text: 'not running' } } }],
    ['no runner', { answers: { 'GET /models': { status: 200, text: '<html>' } } }],
    ['broken', { answers: { 'GET /models': { status: 500, text: 'models.json: bad' } } }],
  ])('where the runner is %s they say that nobody could look', async (_, faults) => {
    fake.faults = faults;
    const { code, stdout, ms } = await run(['model', 'list']);
    expect(code).toBe(0);
    expect(stdout).toContain(
      '\nWhat is installed is not known: no Docker Model Runner answers (mn model doctor says why)\n',
    );
    expect(ms).toBeLessThan(absentMs);
    const { models, docker_model_runner: runner } = await list();
    expect(models.map(({ installed }) => installed)).toEqual([null, null, null]);
    expect(runner.running).toBe(false);
  });

  test('what a runner lists reaches nobody with its controls', async () => {
    fake.install(gemma, { ...remote(gemma), config: { size: '\u001b[2J1\n::error::x' } });
    (fake.store[0] as { tags: string[] }).tags.push('\u001b]0;x\u0007', '##[error]y');
    fake.install('ai/x:1', { ...remote('x'), config: { size: '##[group]' } });
    for (const args of [['list'], ['show', 'default'], ['list', '--json']]) {
      const { stdout } = await run(['model', ...args]);
      expect(stdout).not.toMatch(/\u001b|^\s*::|##\[/m);
    }
  });
});

describe('mn blueprint validate on this host', () => {
  const tree = { 'a.json': blueprint('default'), 'b.json': blueprint('rag-embedding', { required: false }) };
  const validate = async (args: readonly string[], env: Record<string, string> = {}) => {
    const { code, stdout, stderr, ms } = await run(['blueprint', 'validate', ...args, '--json'], env, {
      cwd: folderOf(tree),
    });
    expect(stderr).toBe('');
    const { findings } = readReport(stdout);
    return { code, ms, findings, said: findings.map(({ severity, id }) => `${severity} ${id}`) };
  };

  test('a missing model is an error, an optional one a note, and the fix is the command', async () => {
    const { code, findings, said } = await validate(able);
    expect(said).toEqual(['error model-not-installed', 'note model-not-installed']);
    expect(findings[0]).toMatchObject({ file: 'a.json', line: 1, help: 'mn model install gemma4:e2b' });
    expect(code).toBe(1);
    const { stdout } = await run(['blueprint', 'validate', ...able], {}, { cwd: folderOf(tree) });
    expect(stdout).toContain(`Docker Model Runner at ${url} has no model installed. mn target detect says`);
    expect(stdout).toContain('\n  fix: mn model install gemma4:e2b\n');
  });

  test('what is installed is in order, by whatever spelling', async () => {
    fake.faults = { spelling: 'index.docker.io/' };
    fake.install(gemma);
    expect(await validate(able)).toMatchObject({ code: 0, said: ['note model-not-installed'] });
  });

  test('without a runner it says so once, with the next step, within 5 s', async () => {
    const { code, findings, said, ms } = await validate(able, { MODEL_RUNNER_HOST: 'http://127.0.0.1:9' });
    expect(said).toEqual(['error runner-unavailable']);
    expect(findings[0]?.message).toBe(
      'MODEL_RUNNER_HOST names http://127.0.0.1:9, where no Docker Model Runner answers: nothing listens. It is needed for gemma4:e2b and rag-embedding.',
    );
    expect(findings[0]?.help).toBe(
      'Start the runner there, or unset MODEL_RUNNER_HOST – or leave it out with --hardware-only.',
    );
    expect(code).toBe(1);
    expect(ms).toBeLessThan(absentMs);
  });

  test('an engine that the runner says it lacks is said once, before the models', async () => {
    const entry = { id: 'big', model: 'ai/big:1', backend: 'vllm', backends: ['vllm'] };
    const cwd = folderOf({
      '.mn/models/catalog.json': JSON.stringify([entry]),
      'a.json': blueprint('big'),
      'b.json': blueprint('big'),
    });
    fake.install('ai/big:1');
    const { code, stdout } = await run(['blueprint', 'validate', '--json', ...able], {}, { cwd });
    expect(code).toBe(1);
    expect(readReport(stdout).findings.map(({ id, message }) => [id, message])).toEqual([
      [
        'runner-unavailable',
        'Docker Model Runner has no engine vllm: binary not found. It is needed for big.',
      ],
    ]);
  });

  test.each<[what: string, args: string[], asks: boolean, code: number]>([
    ['this machine', able, true, 1],
    ['detect among others', ['--targets', 'nvidia-8gb,detect', ...able], true, 1],
    ['--hardware-only', ['--hardware-only', ...able], false, 0],
    ['declared targets', ['--targets', 'nvidia-8gb'], false, 0],
    ['declared targets and --require-installed', ['--targets', 'nvidia-8gb', '--require-installed'], true, 1],
  ])('%s asks the runner: %s', async (_, args, asks, code) => {
    expect((await validate(args)).code).toBe(code);
    expect(fake.requests.length > 0).toBe(asks);
    for (const { method } of fake.requests) expect(method).toBe('GET');
  });

  test('--hardware-only and --require-installed contradict each other', async () => {
    const { code, stdout, stderr } = await run([
      'blueprint',
      'validate',
      '--hardware-only',
      '--require-installed',
    ]);
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: --hardware-only and --require-installed contradict each other. Give one of them.\n',
    });
  });

  test('the action asks only where it is told to', async () => {
    const env = { MODEL_RUNNER_HOST: url };
    const inputs = { targets: 'nvidia-8gb' };
    expect((await act(folderOf(tree), { inputs, env })).code).toBe(0);
    expect(fake.requests).toEqual([]);
    const asked = await act(folderOf(tree), { inputs: { ...inputs, 'require-installed': 'true' }, env });
    expect(asked.code).toBe(1);
    expect(asked.log.annotations[0]).toMatchObject({
      name: 'error',
      properties: { title: 'gemma4:e2b is not installed', file: 'a.json' },
    });
    const absent = await act(folderOf(tree), {
      inputs: { ...inputs, 'require-installed': 'true' },
    });
    expect(absent.report?.findings[0]?.help).toContain('– or set the input require-installed to false.');
  });
});

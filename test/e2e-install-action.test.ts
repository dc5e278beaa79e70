import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { lockText } from '../src/catalog/lock.ts';
import { ActionsCache, cacheToken } from './support/actions-cache.ts';
import { FakeModelRunner, remote } from './support/model-runner.ts';
import type { ActionOptions } from './support/process.ts';
import { act, blueprint, expectNoCrash, folderOf, isWindows, write } from './support/process.ts';
import type { Call, Said } from './support/programs.ts';
import { programs } from './support/programs.ts';
import { push } from './support/push.ts';
import { answer, cutOff, TestRegistry } from './support/registry.ts';

vi.setConfig({ testTimeout: 60_000 });

const registry = new TestRegistry();
const cache = new ActionsCache();
let runner: FakeModelRunner;
let runnerPort = 0;

/** What a store has of a model of the registry. */
interface StoredModel {
  name: string;
  digest: string;
  manifest: Uint8Array;
  blobs: { digest: string; bytes: Uint8Array }[];
}
const models = new Map<string, StoredModel>();

beforeAll(async () => {
  await registry.start();
  await cache.start();
  for (const name of ['tiny', 'optional']) {
    const gguf = new TextEncoder().encode(`GGUF ${name}`.padEnd(5000, '.'));
    const { digest } = await push(registry.url, `ai/${name}`, 'latest', { gguf: [gguf] });
    const { bytes } = registry.manifests.get(`ai/${name}:${digest}`) as { bytes: Uint8Array };
    const { layers, config } = JSON.parse(Buffer.from(bytes).toString()) as {
      layers: { digest: string }[];
      config: { digest: string };
    };
    const blobs = [...layers, config].map((blob) => ({
      digest: blob.digest,
      bytes: registry.blobs.get(blob.digest) as Uint8Array,
    }));
    models.set(name, { name, digest, manifest: bytes, blobs });
  }
});
afterAll(() => Promise.all([registry.stop(), cache.stop()]));

beforeEach(async () => {
  registry.reset();
  cache.reset();
  cache.entries.clear();
  runner = new FakeModelRunner();
  for (const { name, digest, blobs } of models.values()) {
    const layers = blobs.map((blob) => ({ digest: blob.digest, size: blob.bytes.length }));
    runner.publish(`ai/${name}`, { digest, layers, config: { architecture: 'llama' } });
  }
  // A port where nothing listens yet.
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
  runnerPort = (probe.address() as AddressInfo).port;
  await new Promise((done) => probe.close(done));
});
const closing: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
  await runner.close().catch(() => {});
});

/** Writes a store as Docker Model Runner does. */
function writeStore(folder: string, names: readonly string[]): void {
  const all = names.map((name) => models.get(name) as StoredModel);
  write(folder, {
    'layout.json': '{"version":"1.0.0"}',
    'models.json': JSON.stringify({
      models: all.map(({ name, digest, blobs }) => ({
        id: digest,
        tags: [`docker.io/ai/${name}:latest`],
        files: blobs.map((blob) => blob.digest),
      })),
    }),
    ...Object.fromEntries(
      all.map(({ digest, manifest }) => [`manifests/sha256/${digest.slice(7)}`, manifest]),
    ),
    ...Object.fromEntries(
      all.flatMap(({ blobs }) =>
        blobs.map(({ digest, bytes }) => [`blobs/sha256/${digest.slice(7)}`, bytes]),
      ),
    ),
  });
}

const requires = { requirements: { min_vram_gb: 9000, min_unified_memory_gb: 9000, min_cpu_ram_gb: 9000 } };
/** A blueprint of its own for each model: what runs here, optional or not, and what does not. */
const workspace = () =>
  folderOf({
    'a.json': blueprint('tiny'),
    'b.json': blueprint('tiny', { context_size: 8192 }),
    'optional.json': blueprint('optional', { required: false }),
    'huge.json': blueprint('huge'),
    '.mn/models/catalog.json': JSON.stringify({
      models: [
        { id: 'tiny', model: 'ai/tiny' },
        { id: 'optional', model: 'ai/optional' },
        { id: 'huge', model: 'ai/huge', ...requires },
      ],
    }),
  });

interface Given {
  inputs?: Record<string, string>;
  env?: Record<string, string>;
  event?: [name: string, payload: unknown];
  /** What programs say; a docker that runs everything where it is left out. */
  say?: (call: Call) => Said | null | Promise<Said | null>;
  /** The workspace. */
  folder?: string;
  /** The input. */
  paths?: string;
}

const real = (name: string) =>
  ['/usr/bin', '/bin'].map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? name;

const version = JSON.stringify({
  Client: {},
  Server: { Platform: { Name: 'Docker Engine - Community' }, Version: '28.5.1' },
});

/** Runs the action on a machine of GitHub with a docker whose containers are the fake runner. */
async function onHosted({
  inputs = {},
  env = {},
  event = ['push', {}],
  say = () => null,
  folder = workspace(),
  paths = 'a.json\nb.json',
}: Given = {}) {
  let store: string | null = null;
  const fakes = await programs(['docker', 'sudo', 'curl', 'gpg', 'apt-get'], async (call) => {
    const said = await say(call);
    if (said !== null) return said;
    const line = [call.program, ...call.args].join(' ');
    if (line.startsWith('docker version')) return { stdout: version };
    if (line.startsWith('docker run ') || line.startsWith('docker model install-runner')) {
      store = /source=([^,]+),target=\/models/.exec(call.args.join(' '))?.[1] ?? null;
      if (store !== null) startFrom(store);
      await runner.listen(runnerPort);
      return {};
    }
    if (line.startsWith('docker model version')) return { stdout: 'Client:\n Version:    v1.2.6\n' };
    return { stderr: `unknown: ${line}\n`, code: 1 };
  });
  closing.push(fakes);
  // What packs the cache, and nothing else of this machine: without zstd it is gzip everywhere.
  for (const name of ['tar', 'gzip']) symlinkSync(real(name), join(fakes.folder, name));
  runner.pace = async () => {
    // Files first: a runner names a model only once it has all of it.
    if (store !== null) writeStore(store, ['tiny']);
  };
  const eventFile = join(folderOf({ 'event.json': JSON.stringify(event[1]) }), 'event.json');
  const options: ActionOptions = {
    inputs: { paths, targets: 'nvidia-8gb', ...inputs },
    env: {
      PATH: fakes.folder,
      MODEL_RUNNER_HOST: `http://127.0.0.1:${runnerPort}`,
      MODEL_RUNNER_REGISTRY_MIRRORS: registry.url,
      DEFAULT_REGISTRY: registry.url,
      GITHUB_REPOSITORY: 'o/r',
      GITHUB_EVENT_NAME: event[0],
      GITHUB_EVENT_PATH: eventFile,
      HF_TOKEN: 'hf_secret',
      ...cache.env,
      ...env,
    },
  };
  const result = await act(folder, options);
  expectNoCrash(result);
  expect(
    `${result.stdout}${result.stderr}${result.summary}${JSON.stringify([...result.outputs])}`,
  ).not.toMatch(new RegExp(`${cacheToken}|hf_secret|signed-secret`));
  const calls = fakes.calls.map(({ program, args }) => [program, ...args].join(' '));
  return {
    ...result,
    /** What is not asked by everybody who looks for Docker. */
    calls: calls.filter((line) => !/^docker (?:version|context|volume|info|--version)/.test(line)),
    installed: JSON.parse(result.outputs.get('installed') ?? 'null') as Record<string, unknown>[],
    annotations: result.log.annotations.map(
      ({ name, properties, message }) => `${name}: ${properties['title']}: ${message}`,
    ),
    /** The log without the report, and without what differs. */
    lines: result.stdout
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('::'))
      .map((line) =>
        line
          .replace(/\d+(?:\.\d)? (?:m?s)\b/g, '<time>')
          .replaceAll(String(runnerPort), '<port>')
          .replace(/[0-9a-f]{64}/g, '<sha256>')
          .replaceAll(/sha256:[0-9a-f]{12}/g, '<digest>'),
      ),
  };
}

/** The runner begins with what its store has. */
function startFrom(store: string): void {
  if (!existsSync(join(store, 'models.json'))) return;
  const index = JSON.parse(readFileSync(join(store, 'models.json'), 'utf8')) as {
    models: { tags: string[] }[];
  };
  for (const { tags } of index.models) {
    const name = /ai\/(\w+):/.exec(tags[0] ?? '')?.[1] ?? '';
    runner.install(`ai/${name}`, runner.registry.get(`docker.io/ai/${name}:latest`));
  }
}

const fork: [string, unknown] = [
  'pull_request',
  { pull_request: { head: { repo: { full_name: 'stranger/r' } } } },
];
const isInstalled = (entry: unknown) => {
  const schema = JSON.parse(readFileSync('schemas/installed.schema.json', 'utf8')) as object;
  return new Ajv2020().validate(schema, entry);
};

describe.skipIf(isWindows)('install', () => {
  beforeEach(() => runner.listen(runnerPort));

  test('brings what runs here, each once, loaded with the largest context', async () => {
    const { code, installed, lines, annotations, calls } = await onHosted({
      inputs: { install: 'missing' },
      paths: 'a.json\nb.json\noptional.json\nhuge.json',
    });
    expect({ code, annotations: annotations.length }).toEqual({ code: 1, annotations: 1 });
    expect(calls).toEqual([]);
    expect(isInstalled(installed)).toBe(true);
    expect(installed).toEqual([
      {
        id: 'tiny',
        docker_model: 'ai/tiny',
        digest: models.get('tiny')?.digest,
        bytes: expect.any(Number),
        seconds: expect.any(Number),
        from: 'network',
      },
      {
        id: 'optional',
        docker_model: 'ai/optional',
        digest: models.get('optional')?.digest,
        bytes: expect.any(Number),
        seconds: expect.any(Number),
        from: 'network',
      },
    ]);
    expect(runner.configured.map(({ Model, Config }) => [Model, Config])).toEqual([
      ['ai/tiny:latest', { 'context-size': 8192 }],
      ['ai/optional:latest', { 'context-size': 4096 }],
    ]);
    const from = lines.findIndex((line) => line.startsWith('huge is left out'));
    expect(
      lines.slice(
        from,
        lines.findIndex((line) => line.startsWith('optional:')),
      ),
    ).toEqual([
      expect.stringMatching(/^huge is left out, because it does not run on this machine: .+ 9000 GB/),
      'For this machine: tiny, optional.',
      'Docker Model Runner answers at http://127.0.0.1:<port>.',
      expect.stringMatching(/^tiny: 5 kB to download/),
      'tiny: 5 kB of 5 kB',
      'tiny: context of 8192 tokens',
      'tiny: loaded in <time>',
      'tiny: ai/tiny is installed, 5 kB in <time>, <digest>.',
    ]);
  });

  test('leaves what is there, or brings it up to date', async () => {
    runner.install('ai/tiny', remote('tiny of last year'));
    const missing = await onHosted({ inputs: { install: 'missing' } });
    expect([missing.code, missing.installed]).toEqual([
      0,
      [expect.objectContaining({ from: 'present', bytes: 0 })],
    ]);
    expect(registry.asked).toEqual([]);
    const always = await onHosted({ inputs: { install: 'always' } });
    expect(always.lines).toContain('tiny: changed from <digest> to <digest>');
    expect(always.installed).toEqual([
      expect.objectContaining({ from: 'network', digest: models.get('tiny')?.digest }),
    ]);
    const again = await onHosted({ inputs: { install: 'always', doctor: 'true' } });
    expect(again.installed).toEqual([
      expect.objectContaining({ from: 'present', bytes: 0, digest: models.get('tiny')?.digest }),
    ]);
    expect(again.lines).toContain('tiny: ✓ answer: the first token after <time>, the model was in memory');
  });

  test.each<[string, FakeModelRunner['faults'], string, number, string]>([
    [
      'pull',
      { pull: { status: 401, text: 'Unauthorized' } },
      'a.json',
      1,
      'error: Model Check: tiny is not installed',
    ],
    [
      'optional pull',
      { pull: { status: 401, text: 'Unauthorized' } },
      'optional.json',
      0,
      'warning: Model Check: optional is not installed',
    ],
    [
      'hostile pull',
      { pull: { errorLine: '::error::x\n::set-env name=x::y' } },
      'a.json',
      1,
      'error: Model Check: tiny is not installed',
    ],
    ['lost pull', { pull: { lost: true } }, 'a.json', 1, 'error: Model Check: tiny is not installed'],
  ])('a failed %s is told', async (_, faults, paths, code, start) => {
    runner.faults = faults;
    const result = await onHosted({ inputs: { install: 'missing' }, paths });
    expect({ code: result.code, installed: result.installed }).toEqual({ code, installed: [] });
    expect(result.annotations).toHaveLength(1);
    expect(result.annotations[0]).toMatch(new RegExp(`^${start}: .+\\n.+`));
    expect(result.log.commands.map(({ name }) => name)).toEqual([start.split(':')[0]]);
  });

  test('a model that does not answer is an error', async () => {
    runner.install('ai/tiny');
    runner.faults = {
      load: { status: 500, text: 'unable to load runner: not enough GPU memory to load the model (CUDA)' },
    };
    const { code, annotations } = await onHosted({ inputs: { doctor: 'true' } });
    expect(code).toBe(1);
    expect(annotations).toEqual([
      expect.stringMatching(/^error: Model Check: tiny does not work: .*memory.*\n.+/),
    ]);
  });

  test('sends no name that is none', async () => {
    const names = ['--help', '../x', 'a b', 'x;rm -rf /', 'x\n::set-env name=a::b', '$(id)', 'x\u001b[2J'];
    const folder = folderOf({
      'a.json': JSON.stringify({
        llm: {
          configs: Object.fromEntries(
            names.map((_, at) => [
              `c${at}`,
              { provider: 'docker_model_runner', model: `m${at}`, context_size: 4096 },
            ]),
          ),
        },
      }),
      '.mn/models/catalog.json': JSON.stringify({
        models: names.map((model, at) => ({ id: `m${at}`, model })),
      }),
    });
    const inputs = { install: 'always', doctor: 'true' };
    const { code, installed, calls, log } = await onHosted({ inputs, folder, paths: 'a.json' });
    expect([code, installed, calls]).toEqual([1, [], ['docker model version']]);
    expect(log.commands.every(({ name }) => ['error', 'warning', 'notice'].includes(name))).toBe(true);
    expect(new Set(runner.requests.map(({ url }) => url))).toEqual(new Set(['/models']));
  });

  test('keeps to the lock file', async () => {
    const folder = workspace();
    const lock = (text: string) => write(folder, { '.mn/models.lock.json': text });
    lock(lockText([{ ref: 'ai/tiny', digest: `sha256:${'a'.repeat(64)}`, size: 5000, files: [] }]));
    const other = await onHosted({ inputs: { install: 'missing' }, folder });
    expect([other.code, other.installed]).toEqual([1, []]);
    expect(other.annotations).toEqual([
      expect.stringMatching(
        /^error: Model Check: tiny is not installed: In its registry, ai\/tiny:latest is sha256:[0-9a-f]{12}…, and sha256:a{12}… is expected\./,
      ),
    ]);
    lock('{');
    const wrong = await onHosted({ inputs: { install: 'missing' }, folder });
    expect([wrong.code, wrong.installed]).toEqual([1, []]);
    expect(wrong.annotations).toEqual([
      expect.stringMatching(
        /^error: Model Check: no model is installed or examined: .*\.mn\/models\.lock\.json/,
      ),
    ]);
    expect(runner.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  test('comes before the question what is installed', async () => {
    const inputs = { install: 'missing', 'require-installed': 'true' };
    const { code, report } = await onHosted({ inputs });
    expect([code, report?.findings]).toEqual([0, []]);
    runner.reset();
    const refused = await onHosted({ inputs, event: fork });
    expect([refused.code, refused.report?.findings.map(({ id }) => id)]).toEqual([
      1,
      ['model-not-installed', 'model-not-installed'],
    ]);
  });

  test('without it nobody is asked', async () => {
    const { installed } = await onHosted({});
    expect([installed, runner.requests, registry.asked, cache.asked]).toEqual([[], [], [], []]);
  });

  test.each([
    ['a fork', fork, 'the pull request is from a fork'],
    ['pull_request_target', ['pull_request_target', {}], 'anybody can start a run with pull_request_target'],
    ['issue_comment', ['issue_comment', {}], 'anybody can start a run with issue_comment'],
    ['workflow_run', ['workflow_run', {}], 'anybody can start a run with workflow_run'],
  ] as [string, [string, unknown], string][])(
    'for %s is refused, and the check goes on',
    async (_, event, why) => {
      const inputs = { install: 'always', doctor: 'true', cache: 'true', 'install-runner': 'true' };
      const { code, annotations, installed, report, calls } = await onHosted({ inputs, event });
      expect([code, installed, report?.ok, calls]).toEqual([0, [], true, []]);
      expect(annotations).toEqual([
        `warning: Model Check: no models are installed for this run: Nothing is installed and no model is run: ${why}. The check goes on. To install for such runs too, set the input allow-untrusted-install, after reading docs/action-install.md.`,
      ]);
      expect([runner.requests, cache.asked]).toEqual([[], []]);
    },
  );

  test('for a fork can be allowed', async () => {
    const inputs = { install: 'missing', 'allow-untrusted-install': 'true' };
    expect((await onHosted({ inputs, event: fork })).installed).toHaveLength(1);
  });

  test('uses no cache and sets nothing up where a runner runs', async () => {
    const inputs = { install: 'missing', cache: 'true', 'install-runner': 'true' };
    const { code, lines, calls } = await onHosted({ inputs });
    expect([code, calls, cache.asked]).toEqual([0, [], []]);
    expect(lines).toContain(
      'The cache is not used: a Docker Model Runner runs already, at http://127.0.0.1:<port>.',
    );
    expect(lines).toContain('Docker Model Runner answers at http://127.0.0.1:<port>. Nothing is set up.');
  });
});

describe.skipIf(isWindows)('a missing runner', () => {
  test('is an error with the next step', async () => {
    const { code, annotations, report } = await onHosted({ inputs: { install: 'missing' } });
    expect([code, report?.ok]).toEqual([1, true]);
    expect(annotations).toEqual([
      `error: Model Check: there is no Docker Model Runner: MODEL_RUNNER_HOST names http://127.0.0.1:${runnerPort}, where no Docker Model Runner answers: nothing listens.\nStart the runner there, or unset MODEL_RUNNER_HOST.`,
    ]);
  });

  test.skipIf(process.platform !== 'linux')('pitfall 16: is set up on a machine of GitHub only', async () => {
    const inputs = { install: 'missing', 'install-runner': 'true' };
    const own = await onHosted({ inputs, env: { RUNNER_ENVIRONMENT: 'self-hosted' } });
    expect([own.code, own.calls]).toEqual([1, []]);
    expect(own.annotations[0]).toContain(
      'It is not set up here: this is not a machine of GitHub, which is thrown away after the job.\n',
    );
    const hosted = await onHosted({ inputs });
    expect([hosted.code, hosted.installed.length]).toEqual([0, 1]);
    expect(hosted.calls).toEqual([
      'docker model version',
      `docker model install-runner --do-not-track --port ${runnerPort}`,
    ]);
  });
});

describe.skipIf(process.platform !== 'linux')('the cache', () => {
  const inputs = { install: 'missing', cache: 'true' };
  /** A run that saves: what the cache has afterwards. */
  async function saved() {
    const first = await onHosted({ inputs });
    await runner.close();
    const [key = ''] = cache.entries.keys();
    return { first, key, entry: cache.entries.get(key) };
  }
  /** The next run, on a new machine; `spoil` comes before it. */
  const next = (spoil = () => {}) => {
    const { registry } = runner;
    runner = new FakeModelRunner();
    for (const [name, model] of registry) runner.registry.set(name, model);
    cache.reset();
    spoil();
    return onHosted({ inputs });
  };
  const pulls = () => runner.requests.filter(({ url }) => url === '/models/create').length;

  test('has the models in the next run, without a pull', async () => {
    const { first, key } = await saved();
    expect(first.code).toBe(0);
    expect(first.lines).toContain(
      'The cache has nothing under model-check-dmr-v1-linux-x64-<sha256>.'.replace('x64', process.arch),
    );
    expect(
      first.lines.some((line) => /^Saved to the cache as model-check-dmr-v1-.*<time>\.$/.test(line)),
    ).toBe(true);
    expect(first.calls).toEqual([
      expect.stringMatching(
        /^docker run --detach --publish 127\.0\.0\.1:\d+:12434 --mount type=bind,source=\/.+\/model-check-models-\w+,target=\/models .*docker\/model-runner:latest$/,
      ),
    ]);
    expect(key).toMatch(/^model-check-dmr-v1-linux-\w+-[0-9a-f]{64}$/);
    const second = await next();
    expect(second.installed).toEqual([expect.objectContaining({ id: 'tiny', from: 'cache', bytes: 5000 })]);
    expect([second.code, pulls()]).toEqual([0, 0]);
    expect(runner.configured.map(({ Config }) => Config)).toEqual([{ 'context-size': 8192 }]);
    expect(cache.asked.filter(({ path }) => /Create|Finalize/.test(path))).toEqual([]);
  });

  /** Packs a folder as the cache's client does, and puts it in place of what is saved. */
  async function poison(spoil: (folder: string) => void, more: string[] = []) {
    const { key, entry } = await saved();
    const folder = folderOf();
    writeStore(folder, ['tiny']);
    spoil(folder);
    const { stdout } = spawnSync('/bin/sh', ['-c', 'cd "$0" && tar -czP "$@"', folder, '.', ...more], {
      maxBuffer: 1e8,
    });
    cache.entries.set(key, { version: entry?.version ?? '', bytes: stdout });
    const result = await next();
    // The models come from the network instead, and the check does not mind.
    expect([result.code, result.annotations, pulls()]).toEqual([0, [], 1]);
    expect(result.installed).toEqual([expect.objectContaining({ from: 'network' })]);
    return result.lines.filter(
      (line) => / cache /.test(line) && !/^Saved|^Nothing is saved|did not take/.test(line),
    );
  }
  const blob = () => `blobs/sha256/${models.get('tiny')?.blobs[0]?.digest.slice(7)}`;
  const away = 'What the cache has under model-check-dmr-v1-linux-x64-<sha256> is thrown away: '.replace(
    'x64',
    process.arch,
  );
  test.each<[string, (folder: string) => void, string]>([
    [
      'a changed blob',
      (folder) => writeFileSync(join(folder, blob()), 'GGUF evil'.padEnd(5000, '.')),
      'a blob has another SHA-256 than its name',
    ],
    [
      'a cut blob',
      (folder) => writeFileSync(join(folder, blob()), 'GGUF'),
      'a blob has another size than its manifest says',
    ],
    ['a further model', (folder) => writeStore(folder, ['tiny', 'optional']), 'a file does not belong in it'],
    [
      'a link',
      (folder) => symlinkSync('/etc/passwd', join(folder, 'blobs/sha256/link')),
      'something in it is neither a file nor a folder',
    ],
  ])('with %s is thrown away', async (_, spoil, problem) => {
    expect(await poison(spoil)).toEqual([`${away}${problem}. The models come from their registry.`]);
  });

  test.each(['../../../../../..', ''])('writes nothing outside of its folder (%j)', async (up) => {
    const outside = folderOf({ 'evil/x': 'x' });
    const evil = join(outside, 'evil');
    const lines = await poison(() => {}, [evil, '--transform', `s,^${evil},${up}${outside}/target,`]);
    expect(lines).toEqual([expect.stringMatching(/thrown away|could not be read/)]);
    expect(readdirSync(outside)).toEqual(['evil']);
  });

  test.each<[string, () => void, RegExp]>([
    [
      'is busy',
      () => cache.fault(/GetCacheEntry/, answer(429, {}, '{"msg":"slow down"}')),
      /Failed to restore: .*\(429\).*slow down/,
    ],
    [
      'refuses',
      () => cache.fault(/GetCacheEntry/, answer(403, {}, '{"msg":"cache read denied: no scope"}')),
      /Failed to restore: .*cache read denied: no scope/,
    ],
    [
      'breaks off',
      () => cache.fault(/^\/blob/, cutOff(200, 100_000, new Uint8Array(10))),
      /Failed to restore: /,
    ],
    ['fails', () => cache.fault(/^\/blob/, answer(500)), /Failed to restore: .*500/],
  ])('that %s costs a line', async (_, spoil, line) => {
    await saved();
    const { code, annotations, installed, lines } = await next(spoil);
    expect([code, annotations, installed.length]).toEqual([0, [], 1]);
    expect(lines.filter((one) => /^The cache could not be read/.test(one))).toEqual([
      expect.stringMatching(line),
    ]);
  });

  test('costs a line where a registry does not tell what it would have to keep', async () => {
    registry.fault(/manifests/, answer(500));
    const { code, installed, lines, calls } = await onHosted({ inputs });
    expect([code, installed.length, calls.length, cache.asked]).toEqual([0, 1, 1, []]);
    expect(lines.filter((line) => /cache/.test(line))).toEqual([
      expect.stringMatching(/^The cache is not used: .+ answers 500\.$/),
    ]);
  });

  test('that takes nothing costs a line', async () => {
    cache.fault(/CreateCacheEntry/, answer(429, {}, '{"msg":"slow down"}'));
    const { code, annotations, lines } = await onHosted({ inputs });
    expect([code, annotations]).toEqual([0, []]);
    expect(lines.filter((one) => /^The cache did not take/.test(one))).toEqual([
      expect.stringMatching(/^The cache did not take the models: Failed to save: .+/),
    ]);
  });

  test.each<[string, Given, string]>([
    ['a run that may only read', { env: { ACTIONS_CACHE_MODE: 'read' } }, 'this run has cache-mode read'],
    [
      'a fork that may install',
      { event: fork, inputs: { ...inputs, 'allow-untrusted-install': 'true' } },
      'the pull request is from a fork',
    ],
  ])('takes nothing from %s', async (_, given, why) => {
    const { code, lines } = await onHosted({ inputs, ...given });
    expect(code).toBe(0);
    expect(lines).toContain(`Nothing is saved to the cache: ${why}.`);
    expect(cache.entries.size).toBe(0);
  });

  test("is not used on a machine of one's own", async () => {
    const { code, lines, calls } = await onHosted({ inputs, env: { RUNNER_ENVIRONMENT: 'self-hosted' } });
    expect([code, calls]).toEqual([1, []]);
    expect(lines).toContain(
      'The cache is not used: this is not a machine of GitHub, which is thrown away after the job.',
    );
  });

  test('without install is a wrong input', async () => {
    const { code, annotations } = await act(workspace(), { inputs: { cache: 'true' } }).then(
      ({ code, log }) => ({ code, annotations: log.annotations }),
    );
    expect([code, annotations.map(({ message }) => message)]).toEqual([
      2,
      ['input cache is true, and install is never: there is nothing to keep. Set install to missing.'],
    ]);
  });
});

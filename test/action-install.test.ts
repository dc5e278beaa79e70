import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { cacheKey, problemIn } from '../src/action/model-cache.ts';
import type { SetUpWorld, Way } from '../src/action/set-up-runner.ts';
import {
  dockerKeyFingerprint,
  imageFor,
  isDockerKey,
  portOf,
  setUpRunner,
} from '../src/action/set-up-runner.ts';
import { whyNotRestored, whyNotSaved, whyUntrusted } from '../src/action/trust.ts';
import { wantedOf } from '../src/action/wanted.ts';
import type { Ran } from '../src/hardware/detect/probe.ts';
import type { Ask } from '../src/runner/http.ts';
import { ask } from '../src/runner/http.ts';
import type { StoreItem } from '../src/runner/store-check.ts';
import { checkStore } from '../src/runner/store-check.ts';
import { modelRunner } from './support/model-runner.ts';

const head = (name: unknown) => ({ pull_request: { head: { repo: { full_name: name } } } });
const pr = 'pull_request';

describe('an event is trusted', () => {
  test.each([
    ['push', {}, null],
    ['schedule', null, null],
    ['workflow_dispatch', {}, null],
    ['merge_group', {}, null],
    [pr, head('O/R'), null],
    [pr, head('stranger/r'), 'the pull request is from a fork'],
    // The fork is gone, and its commits are not.
    [pr, { pull_request: { head: { repo: null } } }, 'the pull request is from a fork'],
    [pr, null, 'the pull request is from a fork'],
    [
      pr,
      JSON.parse('{"__proto__":{"pull_request":{"head":{"repo":{"full_name":"o/r"}}}}}'),
      'the pull request is from a fork',
    ],
    ['pull_request_review', head('stranger/r'), 'the pull request is from a fork'],
    ['pull_request_target', head('o/r'), 'anybody can start a run with pull_request_target'],
    ['issue_comment', {}, 'anybody can start a run with issue_comment'],
    ['workflow_run', {}, 'anybody can start a run with workflow_run'],
    ['discussion', {}, 'anybody can start a run with discussion'],
    ['fork', {}, 'anybody can start a run with fork'],
    ['new\u001b[2J', {}, 'anybody can start a run with new\\u{1b}[2J'],
    ['', {}, 'it is not known what started this run'],
  ])('%s %j: %s', (event, payload, why) => {
    expect(whyUntrusted(event, payload, 'o/r')).toBe(why);
  });

  test('never by a repository that is not known', () => {
    expect(whyUntrusted(pr, head(''), '')).toBe('the pull request is from a fork');
  });

  test.each([
    ['', null, null, null],
    ['write', null, null, null],
    ['Read ', 'this run has cache-mode read', null, null],
    ['none', 'this run has cache-mode none', 'this run has cache-mode none', null],
    ['write-only', null, 'this run has cache-mode write-only', null],
    ['something new', null, null, null],
    ['write', 'the pull request is from a fork', null, 'the pull request is from a fork'],
  ])('with cache-mode %j', (mode, saved, restored, untrusted) => {
    expect(whyNotSaved(mode, untrusted)).toBe(saved);
    expect(whyNotRestored(mode)).toBe(restored);
  });
});

describe('models to install', () => {
  const declaration = (model: string | null, more: object = {}) => ({
    model,
    dockerModel: model === null ? null : `ai/${model}`,
    backend: 'llama.cpp',
    contextSize: null as number | null,
    required: true,
    ...more,
  });
  const wanted = (declarations: object[], verdicts: [model: string, backend: string, ok: boolean][]) => {
    const report = {
      blueprints: [{ path: 'b', id: 'b', declarations }],
      verdicts: verdicts.map(([model, backend, ok]) => ({ model, backend, ok })),
    };
    const catalog = { resolve: () => ({ entry: { contextSize: 2048 } }) };
    const { running, others } = wantedOf(report as never, catalog as never);
    return {
      running: running.map(({ id, backend, contextSize, required }) => [id, backend, contextSize, required]),
      others: others.map(({ id }) => id),
    };
  };

  test('are those that run here, each once, with the largest context that is asked for', () => {
    expect(
      wanted(
        [
          declaration('a', { required: false, contextSize: 1024 }),
          declaration('a', { contextSize: 8192 }),
          declaration('b', { dockerModel: 'docker.io/ai/A:latest' }),
          declaration('big'),
          declaration('c', { required: false }),
          declaration(null),
        ],
        [
          ['a', 'llama.cpp', true],
          ['b', 'llama.cpp', true],
          ['big', 'llama.cpp', false],
          ['c', 'llama.cpp', true],
        ],
      ),
    ).toEqual({
      running: [
        ['a', 'llama.cpp', 8192, true],
        ['c', 'llama.cpp', 2048, false],
      ],
      others: ['big'],
    });
  });

  test('are judged by the engine that is declared', () => {
    const verdicts: [string, string, boolean][] = [
      ['a', 'vllm', false],
      ['a', 'llama.cpp', true],
    ];
    expect(wanted([declaration('a', { backend: 'vllm' })], verdicts)).toEqual({ running: [], others: ['a'] });
    expect(wanted([declaration('a', { backend: 'vllm' }), declaration('a')], verdicts)).toEqual({
      running: [['a', 'llama.cpp', 2048, true]],
      others: [],
    });
  });
});

const sha = (text: string) => createHash('sha256').update(text, 'latin1').digest('hex');

describe('a restored store', () => {
  const [gguf, config] = ['0'.repeat(64), '1'.repeat(64)];
  const manifestOf = (size: unknown = 5, digest: unknown = `sha256:${gguf}`) =>
    JSON.stringify({ layers: [{ digest, size }], config: { digest: `sha256:${config}`, size: 2 } });
  const manifest = manifestOf();
  const id = `sha256:${sha(manifest)}`;
  const index = (more: object = {}) =>
    JSON.stringify({
      models: [
        { id, tags: ['docker.io/ai/tiny:latest'], files: [`sha256:${gguf}`, `sha256:${config}`], ...more },
      ],
    });
  const file = (path: string, bytes = 0): StoreItem => ({ path, kind: 'file', bytes });
  const folder = (path: string): StoreItem => ({ path, kind: 'folder', bytes: 0 });
  const sound = () => ({
    items: [
      ...['manifests', 'manifests/sha256', 'blobs', 'blobs/sha256'].map(folder),
      ...['layout.json', 'models.json', `manifests/sha256/${id.slice(7)}`].map((path) => file(path)),
      file(`blobs/sha256/${gguf}`, 5),
      file(`blobs/sha256/${config}`, 2),
    ],
    texts: new Map([
      ['layout.json', '{"version":"1.0.0"}'],
      ['models.json', index()],
      [`manifests/sha256/${id.slice(7)}`, manifest],
    ]),
    expected: [{ name: 'ai/tiny:latest', digest: id }],
  });
  type Store = ReturnType<typeof sound>;
  const check = ({ items, texts, expected }: Store) => checkStore(items, texts, expected, sha);

  test('has the blobs that are to be read', () => {
    expect(check(sound())).toEqual({
      ok: true,
      blobs: [
        { path: `blobs/sha256/${gguf}`, sha256: gguf, bytes: 5 },
        { path: `blobs/sha256/${config}`, sha256: config, bytes: 2 },
      ],
    });
  });

  const set = (path: string, text: string) => (store: Store) => void store.texts.set(path, text);
  const add = (item: StoreItem) => (store: Store) => void store.items.push(item);
  /** The manifest is another one, and expected. */
  const published = (text: string) => (store: Store) => {
    store.expected = [{ name: 'ai/tiny:latest', digest: `sha256:${sha(text)}` }];
    store.texts.set(`manifests/sha256/${sha(text)}`, text);
  };
  test.each<[string, (store: Store) => void, string]>([
    [
      'a link',
      add({ path: 'blobs/sha256/x', kind: 'other', bytes: 0 }),
      'something in it is neither a file nor a folder',
    ],
    ['a way out', add(file('../x')), 'a file does not belong in it'],
    ['a further blob', add(file(`blobs/sha256/${'2'.repeat(64)}`)), 'a file does not belong in it'],
    ['a further manifest', add(file(`manifests/sha256/${'2'.repeat(64)}`)), 'a file does not belong in it'],
    ['a part of a download', add(file(`blobs/sha256/${gguf}.incomplete`)), 'a file does not belong in it'],
    ['a program', add(file('bundles/x')), 'a file does not belong in it'],
    ['a folder', add(folder('bundles')), 'a folder does not belong in it'],
    ['no blob', (store) => void store.items.pop(), 'a blob is missing'],
    [
      'a short blob',
      (store) => void ((store.items.at(-1) as StoreItem).bytes = 1),
      'a blob has another size than its manifest says',
    ],
    [
      'no manifest',
      (store) => void store.texts.delete(`manifests/sha256/${id.slice(7)}`),
      'the manifest of a model is missing',
    ],
    [
      'another manifest',
      set(`manifests/sha256/${id.slice(7)}`, manifestOf(6)),
      'a manifest is not the one of its digest',
    ],
    [
      'another model',
      (store) => void (store.expected = [{ name: 'ai/tiny:latest', digest: `sha256:${gguf}` }]),
      'the manifest of a model is missing',
    ],
    ['a manifest that is none', published('[]'), 'a manifest cannot be read'],
    ['a size that is none', published(manifestOf(-1)), 'a manifest cannot be read'],
    [
      'a digest that leads out',
      published(manifestOf(5, 'sha256:../../../../etc/passwd')),
      'a manifest cannot be read',
    ],
    ['another layout', set('layout.json', '{"version":"2.0.0"}'), 'its layout is not known'],
    ['no layout', (store) => void store.texts.delete('layout.json'), 'its layout is not known'],
    [
      'a tag too many',
      set('models.json', index({ tags: ['docker.io/ai/tiny:latest', 'docker.io/ai/other:latest'] })),
      'its list of models is wrong',
    ],
    [
      'another tag',
      set('models.json', index({ tags: ['docker.io/ai/other:latest'] })),
      'its list of models is wrong',
    ],
    ['no tag', set('models.json', index({ tags: [] })), 'its list of models is wrong'],
    [
      'a file of nobody',
      set('models.json', index({ files: [`sha256:${'2'.repeat(64)}`] })),
      'its list of models is wrong',
    ],
    [
      'a model too many',
      set(
        'models.json',
        JSON.stringify({ models: [...JSON.parse(index()).models, ...JSON.parse(index()).models] }),
      ),
      'its list of models is wrong',
    ],
    ['no models', set('models.json', '{"models":[]}'), 'its list of models is wrong'],
    ['a list that is none', set('models.json', '{"models":'), 'its list of models is wrong'],
    ['prototypes', set('models.json', '{"__proto__":{"models":[]}}'), 'its list of models is wrong'],
  ])('with %s is refused', (_, spoil, problem) => {
    const store = sound();
    spoil(store);
    expect(check(store)).toEqual({ ok: false, problem });
  });
});

describe('the cache', () => {
  test('has a key of digests alone, in any order', () => {
    const key = cacheKey('linux', 'x64', ['sha256:b', 'sha256:a', 'sha256:b']);
    expect(key).toBe(cacheKey('linux', 'x64', ['sha256:a', 'sha256:b']));
    expect(key).toMatch(/^model-check-dmr-v1-linux-x64-[0-9a-f]{64}$/);
    expect(key).not.toBe(cacheKey('linux', 'x64', ['sha256:a']));
  });

  test.each([
    ['::debug::https://x/?sig=secret\nall well', null],
    [
      '::add-mask::secret\n::warning::Failed to restore: https://x.example/a?sig=secret said no',
      'Failed to restore: https://x.example/… said no',
    ],
    [
      '::error title=x::Failed to save: 100%25 of tok-en-1 is bad%0Anext',
      'Failed to save: 100% of *** is bad next',
    ],
    ['Failed to save: Unable to reserve cache', 'Failed to save: Unable to reserve cache'],
    ['TypeError: x\n    at y', 'TypeError: x'],
    ['::warning::\u001b[2Jx', '\\u{1b}[2Jx'],
  ])('%j says %j', (output, problem) => {
    expect(problemIn(output, { ACTIONS_RUNTIME_TOKEN: 'tok-en-1' })).toBe(problem);
  });
});

describe('setting up', () => {
  test.each([
    [{}, 12_434],
    [{ MODEL_RUNNER_HOST: 'http://127.0.0.1:9' }, 9],
    [{ MODEL_RUNNER_HOST: 'localhost:9' }, 9],
    [{ MODEL_RUNNER_HOST: 'https://127.0.0.1:9' }, null],
    [{ MODEL_RUNNER_HOST: 'http://127.0.0.1:9/prefix' }, null],
    [{ MODEL_RUNNER_HOST: 'http://gpu.example:9' }, null],
    [{ MODEL_RUNNER_HOST: 'unix:///x.sock' }, null],
    [{ MODEL_RUNNER_HOST: 'no address' }, null],
  ])('%j: port %s', (env, port) => {
    expect(portOf(env)).toBe(port);
  });

  test.each([
    ['CPU', 'llama.cpp', undefined, 'docker/model-runner:latest', false],
    ['CUDA', 'llama.cpp', undefined, 'docker/model-runner:latest-cuda', true],
    ['CUDA', 'vllm', 'v1.2.6', 'docker/model-runner:v1.2.6-vllm-cuda', true],
    [null, 'llama.cpp', '--privileged', 'docker/model-runner:latest', false],
    [null, 'llama.cpp', 'a b', 'docker/model-runner:latest', false],
  ])('%s %s %s: %s', (accelerator, backend, version, tag, gpus) => {
    expect(imageFor([{ accelerator, backend }], version)).toEqual({ tag, gpus });
  });

  const fpr = (fingerprint: string) => `fpr:::::::::${fingerprint}:\n`;
  const good = `pub:-:4096:1:8D81803C0EBFCD88:1487788586:::-:::scESC:\n${fpr(dockerKeyFingerprint)}uid:-::::x\nsub:-:4096\n${fpr('A'.repeat(40))}`;
  test.each([
    [good, true],
    ['', false],
    [`pub:\n${fpr('B'.repeat(40))}`, false],
    // Another key beside it would be trusted as well.
    [`${good}pub:\n${fpr('B'.repeat(40))}`, false],
    [`pub:\n${fpr('B'.repeat(40))}sub:\n${fpr(dockerKeyFingerprint)}`, false],
  ])('the key %j is the one of Docker: %s', (colons, is) => {
    expect(isDockerKey(colons)).toBe(is);
  });

  const ok: Ran = { ended: 'ok', code: 0, stdout: '', stderr: '' };
  const failed = (stderr: string): Ran => ({ ended: 'failed', code: 1, stdout: '', stderr });
  const missing: Ran = { ended: 'missing', code: null, stdout: '', stderr: '' };
  const noPlugin = failed('docker: unknown command: docker model\n');

  /** Sets up on a machine whose programs answer so; everything else succeeds. The runner answers at the `answersAt`th look. */
  async function setUp(
    programs: Record<string, Ran>,
    {
      answersAt = 1,
      way = { kind: 'plugin' } as Way,
      env = {},
      ...more
    }: Partial<SetUpWorld> & { answersAt?: number; way?: Way } = {},
  ) {
    const { fake, endpoint } = await modelRunner();
    const ran: string[][] = [];
    const lines: string[] = [];
    let looks = 0;
    let clock = 0;
    const redirected: Ask = (_, ...rest) => {
      if (++looks < answersAt) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
      return ask(endpoint, ...rest);
    };
    const located = {
      ok: false,
      absence: 'no-runner',
      message: 'No runner.',
      fix: 'Get one.',
      tried: [],
    } as const;
    try {
      const result = await setUpRunner(located, way, {
        platform: 'linux',
        release: '6.8',
        arch: 'x64',
        isRoot: false,
        osRelease: 'NAME="Ubuntu"\nID=ubuntu\nVERSION_CODENAME=noble\n',
        folder: '/temp',
        env,
        ask: redirected,
        run: async (program, args, _timeout, given) => {
          ran.push([program, ...args]);
          expect(given['MODEL_RUNNER_HOST'] === undefined || args[0] !== 'model').toBe(true);
          const line = [program, ...args].join(' ');
          const known = Object.keys(programs).find((start) => line.startsWith(start));
          return known === undefined ? ok : (programs[known] as Ran);
        },
        writeFile: async (path, text) => void lines.push(`${path}: ${text.trim()}`),
        log: (line) => lines.push(line),
        now: () => clock,
        wait: async (ms) => (clock += ms),
        ...more,
      });
      return { result, ran: ran.map((one) => one.join(' ')), argv: ran, lines };
    } finally {
      await fake.close();
    }
  }

  const keyShown: Ran = { ...ok, stdout: good };
  test('installs the plugin and the runner, and believes only the answer', async () => {
    const programs = {
      'docker model version': noPlugin,
      gpg: keyShown,
      'docker model install-runner': failed('took too long\n'),
    };
    const { result, ran, lines } = await setUp(programs, { answersAt: 60 });
    expect(result).toMatchObject({ ok: true, endpoint: { name: 'http://127.0.0.1:12434' } });
    const list = '/etc/apt/sources.list.d/model-check-docker.list';
    expect(ran).toEqual([
      'docker version --format {{json .}}',
      'docker model version',
      'curl --fail --silent --show-error --location --proto =https --max-time 50 --output /temp/docker.asc https://download.docker.com/linux/ubuntu/gpg',
      'gpg --batch --with-colons --show-keys /temp/docker.asc',
      'sudo -n install -D -m 0644 /temp/docker.asc /etc/apt/keyrings/model-check-docker.asc',
      `sudo -n install -D -m 0644 /temp/docker.list ${list}`,
      `sudo -n apt-get -qq -o Dir::Etc::sourcelist=${list} -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 update`,
      'sudo -n apt-get -qq --yes --no-install-recommends install docker-model-plugin',
      'docker model install-runner --do-not-track',
    ]);
    expect(lines).toEqual([
      'Installs docker-model-plugin from https://download.docker.com/linux/ubuntu',
      '/temp/docker.list: deb [arch=amd64 signed-by=/etc/apt/keyrings/model-check-docker.asc] https://download.docker.com/linux/ubuntu noble stable',
      'Installs the runner: docker model install-runner',
      'docker model install-runner: took too long.',
      'Docker Model Runner answers at http://127.0.0.1:12434.',
    ]);
  });

  test('leaves a plugin as it is, and installs at the port that is asked for', async () => {
    const { ran, lines } = await setUp({}, { env: { MODEL_RUNNER_HOST: 'http://127.0.0.1:9999' } });
    expect(ran.slice(1)).toEqual([
      'docker model version',
      'docker model install-runner --do-not-track --port 9999',
    ]);
    expect(lines[0]).toBe('The plugin docker-model is there.');
  });

  test('as root needs no sudo', async () => {
    const { ran } = await setUp({ 'docker model version': noPlugin, gpg: keyShown }, { isRoot: true });
    expect(ran.filter((line) => /sudo/.test(line))).toEqual([]);
    expect(ran).toContain('apt-get -qq --yes --no-install-recommends install docker-model-plugin');
  });

  test('starts a container that may do little, with the store mounted', async () => {
    const way: Way = {
      kind: 'container',
      folder: '/temp/a b',
      image: { tag: 'docker/model-runner:latest-cuda', gpus: true },
    };
    const { result, argv } = await setUp({}, { way, env: { HTTPS_PROXY: 'http://user:secret@proxy' } });
    expect(result.ok).toBe(true);
    expect(argv[1]).toEqual([
      ...['docker', 'run', '--detach', '--publish', '127.0.0.1:12434:12434'],
      ...['--mount', 'type=bind,source=/temp/a b,target=/models'],
      ...[
        '--env',
        'MODELS_PATH=/models',
        '--env',
        'MODEL_RUNNER_PORT=12434',
        '--env',
        'DO_NOT_TRACK=1',
        '--env',
        'HTTPS_PROXY',
      ],
      ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--gpus', 'all'],
      'docker/model-runner:latest-cuda',
    ]);
  });

  const byHand =
    'Install docker-model-plugin in a step before this one: https://docs.docker.com/engine/install/';
  const container = (folder: string): Way => ({
    kind: 'container',
    folder,
    image: { tag: 'x', gpus: false },
  });
  test.each<[string, Record<string, Ran>, Parameters<typeof setUp>[1], string, string]>([
    [
      'no docker',
      { docker: missing },
      {},
      'There is no command docker here.',
      'Set Docker Engine up in a step before this one.',
    ],
    [
      'a daemon that is down',
      { docker: failed('Cannot connect to the Docker daemon.\n') },
      {},
      'The command docker does not work here: Cannot connect to the Docker daemon.',
      'Set Docker Engine up in a step before this one.',
    ],
    [
      'a runner elsewhere',
      {},
      { env: { MODEL_RUNNER_HOST: 'http://gpu.example' } },
      'No runner.',
      'Get one.',
    ],
    [
      'no sudo',
      { 'docker model version': noPlugin, gpg: keyShown, sudo: missing },
      {},
      'The plugin docker-model is missing, and writing its key failed: there is no sudo',
      byHand,
    ],
    [
      'another key',
      { 'docker model version': noPlugin, gpg: { ...ok, stdout: `${good}pub:\n${fpr('B'.repeat(40))}` } },
      {},
      `What https://download.docker.com/linux/ubuntu/gpg gives is not the key of Docker's packages that is known (${dockerKeyFingerprint}).`,
      byHand,
    ],
    [
      'no network',
      { 'docker model version': noPlugin, curl: failed('curl: (6) Could not resolve host') },
      {},
      "The key of Docker's packages does not come down: curl: (6) Could not resolve host.",
      byHand,
    ],
    [
      'another system',
      { 'docker model version': noPlugin },
      { osRelease: 'ID=fedora\nVERSION_CODENAME=""\n' },
      'The plugin docker-model is missing, and is only installed on Ubuntu and Debian.',
      byHand,
    ],
    [
      'a system that lies',
      { 'docker model version': noPlugin },
      { osRelease: 'ID=ubuntu\nVERSION_CODENAME=noble main] https://x\n' },
      'The plugin docker-model is missing, and is only installed on Ubuntu and Debian.',
      byHand,
    ],
    [
      'a port that is taken',
      { 'docker run': failed('docker: Error\nport is already allocated\n') },
      { way: container('/t') },
      'The container of Docker Model Runner does not start: port is already allocated.',
      'See that port 12434 is free and Docker Hub can be reached, or set the input cache to false.',
    ],
    [
      'a folder that is no argument',
      {},
      { way: container('/t,readonly') },
      'RUNNER_TEMP is "/t,readonly", which docker cannot mount.',
      'Choose another.',
    ],
    [
      'a runner that never answers',
      {},
      { answersAt: 1000 },
      'Docker Model Runner does not answer at http://127.0.0.1:12434 after 2 minutes: refused',
      'See what it says: docker model logs, or docker ps --all and docker logs.',
    ],
  ])('with %s ends', async (_, programs, options, message, fix) => {
    const { result } = await setUp(programs, options);
    expect(result).toEqual({ ok: false, message, fix });
  });
});

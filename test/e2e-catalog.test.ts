import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { writeGguf } from './support/gguf-writer.ts';
import { ggufOf } from './support/memory.ts';
import type { Tree } from './support/process.ts';
import { expectNoCrash, folderOf, isWindows, mn, normal, readReport, write } from './support/process.ts';
import { push } from './support/push.ts';
import { answer, cutOff, TestHuggingFace, TestRegistry } from './support/registry.ts';

vi.setConfig({ testTimeout: 60_000 });

const catalogFile = '.mn/models/catalog.json';
const lockFile = '.mn/models.lock.json';
const qwen = ggufOf('qwen3-4b');
const config = { format: 'gguf', quantization: 'MOSTLY_Q4_K_M' };

/** Stands in for Docker Hub, so that names are as people write them. */
const registry = new TestRegistry();
const hub = new TestHuggingFace();
let env: Record<string, string> = {};

beforeAll(async () => {
  await Promise.all([registry.start(), hub.start()]);
  env = { DOCKER_CONFIG: '/nowhere', DEFAULT_REGISTRY: registry.url, HF_ENDPOINT: hub.url };
  hub.repositories.set('owner/Qwen3-4B-GGUF', new Map([['Qwen3-4B-Q4_K_M.gguf', qwen]]));
});
beforeEach(async () => {
  registry.reset();
  hub.reset();
  await push(registry.url, 'ai/drafts', 'v1', { gguf: [qwen], config });
  registry.asked.splice(0);
});
afterAll(() => Promise.all([registry.stop(), hub.stop()]));

const schemas = new Ajv2020({ allErrors: true, validateFormats: false, strict: false });
for (const name of ['catalog', 'catalog-proposal', 'models-lock', 'report'])
  schemas.addSchema(JSON.parse(readFileSync(`schemas/${name}.schema.json`, 'utf8')), name);
function expectValid(name: string, text: string): void {
  const valid = schemas.validate(name, JSON.parse(text));
  expect(valid, schemas.errorsText()).toBe(true);
}

/** A repository with these files. */
function repository(files: Tree = {}): string {
  return folderOf({ '.git/HEAD': '', ...files });
}

async function inFolder(folder: string, args: readonly string[], more: Record<string, string> = {}) {
  const result = await mn(['catalog', ...args], { cwd: folder, env: { ...env, ...more } });
  expectNoCrash(result);
  return result;
}

const readText = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8');
const entries = (...models: [id: string, model: string][]) =>
  JSON.stringify(
    models.map(([id, model]) => ({ id, model })),
    null,
    2,
  );
const drafts = { [catalogFile]: entries(['drafts', 'ai/drafts:v1']) };

test('from a model to a catalog that is checked and locked', async () => {
  const folder = repository();
  const steps: [args: string[], code: number][] = [
    [['check'], 0],
    [['lock'], 0],
    [['add', 'ai/drafts:v1', '--id', 'drafts', '--context-size', '8192'], 0],
    [['add', 'ai/drafts:v1', '--id', 'drafts', '--alias', 'small', '--write'], 0],
    [['check'], 0],
    [['check', '--online'], 0],
    [['lock', '--check'], 1],
    [['lock'], 0],
    [['lock', '--check'], 0],
    [['lock'], 0],
  ];
  let shown = '';
  const run = async (args: string[], code: number) => {
    const result = await inFolder(folder, args);
    expect(result.code, `${args.join(' ')}\n${result.stderr}`).toBe(code);
    shown += `$ mn catalog ${args.join(' ')}\n${result.stdout}${result.stderr}\n`;
  };
  for (const [args, code] of steps) await run(args, code);
  expectValid('catalog', readText(folder, catalogFile));
  expectValid('models-lock', readText(folder, lockFile));
  // Somebody publishes another model under the same name.
  await push(registry.url, 'ai/drafts', 'v1', { gguf: [qwen.subarray(0, qwen.length - 32)], config });
  await run(['check', '--online'], 0);
  await run(['check', '--online', '--fail-on', 'warning'], 1);
  await run(['lock'], 0);
  await expect(normal(shown)).toMatchFileSnapshot('snapshots/e2e-catalog.txt');
});

describe('check', () => {
  test('finds what validate finds, in the repository’s catalog and in files that are named', async () => {
    const folder = repository({
      [catalogFile]: '[{ "id": "a", "model": 3 }]',
      'more.json': '[{ "id": "b", "model": "ai/b", "fallback_model": "nope" }]',
      'home/models/catalog.json': '[',
    });
    const check = await inFolder(folder, ['check', 'more.json', '--json'], { MN_HOME: join(folder, 'home') });
    expectValid('report', check.stdout);
    const found = readReport(check.stdout).findings;
    expect(found.map(({ id, file, line }) => [id, file, line])).toEqual([
      ['invalid-catalog', catalogFile, 1],
      ['unknown-fallback', 'more.json', 1],
    ]);
    const args = ['blueprint', 'validate', '--targets', 'nvidia-8gb', '--catalog', 'more.json', '--json'];
    const validate = await mn([...args, '--if-none', 'ignore'], { cwd: folder });
    expect(readReport(validate.stdout).findings).toEqual(found);
    expect([check.code, validate.code]).toEqual([1, 1]);
    expect(registry.asked).toEqual([]);
  });

  test.each<[args: string[], stderr: string]>([
    [
      ['check', 'nope.json'],
      'error: the catalog "nope.json" cannot be read: it is not there. Put a readable file here.\n',
    ],
    [['check', '--all'], 'error: --all says what --online looks up. Give both, or neither.\n'],
    [
      ['check', '--json', '--format', 'github'],
      'error: --json and --format github contradict each other. Give one of them.\n',
    ],
  ])('%s', async (args, stderr) => {
    expect(await inFolder(repository(), args)).toMatchObject({ code: 2, stdout: '', stderr });
  });

  test('says of each model whether it is there, and why it could not be told', async () => {
    registry.fault(/ai\/busy\/manifests/, answer(503));
    registry.fault(/ai\/cut\/manifests/, cutOff(200, 999, qwen.subarray(0, 99)));
    const folder = repository({
      [catalogFile]: entries(
        ['drafts', 'ai/drafts:v1'],
        ['gone', 'ai/drafts:v2'],
        ['odd', 'x;rm\u202e'],
        ['busy', 'ai/busy'],
        ['cut', 'ai/cut:v1'],
        ['hub', 'hf.co/owner/Qwen3-4B-GGUF:Q4_K_M'],
        ['hub-gone', 'hf.co/owner/nope'],
      ),
      'other.json': '[{ "id": "other", "model": "ai/nope", "provider": "openai" }]',
    });
    const result = await inFolder(folder, ['check', 'other.json', '--online']);
    expect(result).toMatchObject({ code: 1, stderr: '' });
    await expect(normal(result.stdout.replaceAll(registry.url, 'http://<registry>'))).toMatchFileSnapshot(
      'snapshots/e2e-catalog-online.txt',
    );
    const json = await inFolder(folder, ['check', '--online', '--json']);
    expectValid('report', json.stdout);
    const { artifacts } = JSON.parse(json.stdout) as { artifacts: { model: string; state: string }[] };
    expect(artifacts.map(({ model, state }) => `${model} ${state}`)).toEqual([
      'drafts there',
      'gone missing',
      'odd missing',
      'busy unreachable',
      'cut unreachable',
      'hub there',
      'hub-gone unreachable',
    ]);
  });

  test('looks built-in models up where the lock has them, and with --all', async () => {
    const lock = '{"schema":"model-check.models-lock/v1","models":{"docker.io/ai/gemma4:E2B":{"size":1}}}';
    const asked = async (args: string[], files: Tree) => {
      registry.asked.splice(0);
      const { stdout } = await inFolder(repository(files), ['check', '--online', '--json', ...args]);
      return (JSON.parse(stdout) as { artifacts: { model: string }[] }).artifacts.map(({ model }) => model);
    };
    expect(await asked([], {})).toEqual([]);
    expect(await asked([], { [lockFile]: lock })).toEqual(['gemma4:e2b']);
    expect(await asked(['--all'], drafts)).toEqual(['gemma4:e2b', 'nemotron3', 'rag-embedding', 'drafts']);
  });

  test('a limit on reading is said once a model, and asked for once', async () => {
    registry.fault(/manifests/, answer(429, { 'retry-after': '90' }));
    // Four are asked for at a time.
    const models = Array.from({ length: 8 }, (_, index): [string, string] => [`m${index}`, `ai/m${index}`]);
    const result = await inFolder(repository({ [catalogFile]: entries(...models) }), ['check', '--online']);
    expect(result.code).toBe(0);
    expect(result.stdout).toContain('Try again in 90 seconds, or log in: accounts may read more.');
    expect(result.stdout).toContain('0 errors, 8 warnings');
    expect(registry.asked.length).toBeLessThanOrEqual(4);
  });
});

describe('lock', () => {
  test('keeps what could not be looked up, and drops what no catalog names', async () => {
    const sha = `sha256:${'a'.repeat(64)}`;
    const old = (ref: string) => `"${ref}": { "digest": "${sha}", "size": 7 }`;
    const folder = repository({
      [catalogFile]: entries(['drafts', 'ai/drafts:v1'], ['gone', 'ai/gone'], ['new-gone', 'ai/nope']),
      [lockFile]: `{"schema":"model-check.models-lock/v1","models":{${old('ai/gone')},${old('ai/dropped')}}}`,
    });
    const check = await inFolder(folder, ['lock', '--check']);
    const lock = await inFolder(folder, ['lock']);
    expect([check.code, lock.code]).toEqual([1, 1]);
    expect(lock.stdout).toBe(check.stdout);
    await expect(lock.stdout + lock.stderr).toMatchFileSnapshot('snapshots/e2e-catalog-lock.txt');
    const { models } = JSON.parse(readText(folder, lockFile)) as { models: Record<string, unknown> };
    expect(Object.keys(models)).toEqual(['ai/gone', 'docker.io/ai/drafts:v1']);
    expect(readdirSync(join(folder, '.mn')).sort()).toEqual(['models', 'models.lock.json']);
  });

  test.each<[name: string, files: Tree, stderr: string]>([
    [
      'catalog',
      { [catalogFile]: '[{"id":"a"}]' },
      `error: ${catalogFile}:1:2: Entry a: model is missing. The entry is left out; the others are used. Add "model": "ai/my-model".\n`,
    ],
    [
      'lock',
      { ...drafts, [lockFile]: '{}' },
      `error: ${lockFile}:1:1: schema must be given; found nothing. Nothing of this lock file is used. Take the file back from git, or delete it and run mn catalog lock.\n`,
    ],
    [
      'lock that is no JSON',
      { ...drafts, [lockFile]: '{' },
      `error: ${lockFile}:1:1: The file is not valid JSON: `,
    ],
  ])('writes nothing over a broken %s', async (_, files, stderr) => {
    const folder = repository(files);
    const result = await inFolder(folder, ['lock']);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain(stderr);
    expect(result.stderr).toContain('Nothing was locked: a broken file would lock less than it should.\n');
    for (const [file, text] of Object.entries(files)) expect(readText(folder, file)).toBe(text);
    expect(existsSync(join(folder, lockFile))).toBe(lockFile in files);
    const check = await inFolder(folder, ['check']);
    expect(check.code).toBe(1);
  });
});

describe('add', () => {
  test('tells programs what it found', async () => {
    const folder = repository();
    for (const ref of ['ai/drafts:v1', 'hf.co/owner/Qwen3-4B-GGUF:Q4_K_M']) {
      const { code, stdout, stderr } = await inFolder(folder, ['add', ref, '--json']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expectValid('catalog-proposal', stdout);
      expect(JSON.parse(stdout)).toMatchObject({
        entry: {
          id: ref.startsWith('ai/') ? 'drafts:v1' : 'qwen3-4b:q4_k_m',
          model: ref,
          context_size: 4096,
          requirements: { min_vram_gb: 4, min_unified_memory_gb: 8, min_cpu_ram_gb: 8 },
        },
        written_to: null,
        model: { architecture: 'qwen3', trained_context_size: 40960, download_bytes: qwen.length },
      });
    }
    expect(existsSync(join(folder, '.mn'))).toBe(false);
  });

  test('takes the context that a model is packaged with, and the file that reads images', async () => {
    await push(registry.url, 'ai/sees', 'latest', {
      gguf: [qwen],
      mmproj: new Uint8Array(2_000_000),
      config: { ...config, context_size: 16384 },
    });
    const { stdout } = await inFolder(repository(), ['add', 'ai/sees', '--json']);
    const { entry, estimate, assumptions } = JSON.parse(stdout);
    expect({ id: entry.id, context: entry.context_size, image: estimate.image_bytes }).toEqual({
      id: 'sees',
      context: 16384,
      image: 2_000_000,
    });
    expect(assumptions.map(({ id }: { id: string }) => id)).toEqual(['context-size', 'image-input']);
  });

  test('writes where it is told, and keeps the rest of the file', async () => {
    const before = '[ {"id":"a",  "model":"ai/a"} ]\n';
    const folder = repository({ 'own.json': before, 'model.gguf': qwen });
    const args = ['add', 'model.gguf', '--model', 'my/drafts:v1', '--write', 'own.json'];
    expect(await inFolder(folder, args)).toMatchObject({ code: 0, stderr: 'added drafts:v1 to own.json\n' });
    const after = readText(folder, 'own.json');
    expect(after).toMatch(/^\[ \{"id":"a", {2}"model":"ai\/a"\},.*\} \]\n$/);
    expect(await inFolder(folder, args)).toMatchObject({
      code: 2,
      stdout: '',
      stderr:
        'error: own.json:1 already has an entry "drafts:v1". Give another --id, or --replace to renew its figures.\n',
    });
    expect(readText(folder, 'own.json')).toBe(after);
    const renew = await inFolder(folder, [...args, '--replace', '--context-size', '40960']);
    expect(renew).toMatchObject({ code: 0, stderr: 'renewed drafts:v1 in own.json\n' });
    const figures = (text: string) => text.replace(/("context_size": ?|_gb": ?)\d+/g, '$1…');
    const renewed = readText(folder, 'own.json');
    expect(figures(renewed)).toBe(figures(after));
    expect(JSON.parse(renewed)[1]).toMatchObject({
      context_size: 40960,
      requirements: { min_vram_gb: 10, min_unified_memory_gb: 16, min_cpu_ram_gb: 16 },
    });
  });

  test('a built-in id is replaced only when asked, and shared names are told', async () => {
    const folder = repository();
    const args = ['add', 'ai/drafts:v1', '--id', 'gemma4:e2b', '--alias', 'medium', '--write'];
    const refused = await inFolder(folder, args);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toBe(
      'error: "gemma4:e2b" is a built-in model. An entry of that id replaces it whole, and its names default, small, gemma4, gemme4:e2b are gone unless --alias gives them. Give another --id, or --replace.\n',
    );
    expect(existsSync(join(folder, '.mn'))).toBe(false);
    expect(await inFolder(folder, [...args, '--replace'])).toMatchObject({
      code: 0,
      stderr: `added gemma4:e2b to ${catalogFile}\nwarning: medium is a name of gemma4:e2b and an alias of nemotron3. gemma4:e2b is used. Remove it from one of the two.\n`,
    });
  });

  test.each<[name: string, args: string[], code: number, stderr: string | RegExp]>([
    [
      'missing',
      ['ai/nope'],
      1,
      'error: docker.io/ai/nope:latest is not there. Check name and tag; the case of a tag counts.\n',
    ],
    [
      'another quantization',
      ['hf.co/owner/Qwen3-4B-GGUF:Q8_0'],
      1,
      'error: hf.co/owner/Qwen3-4B-GGUF:Q8_0 has no file of the quantization "Q8_0"; Docker Model Runner would take "Qwen3-4B-Q4_K_M.gguf". Name a quantization that the repository has.\n',
    ],
    ['no file', ['nope.gguf'], 2, /^error: "nope\.gguf" is not there\. /],
    ['no GGUF', ['broken.gguf'], 2, /^error: broken\.gguf cannot be read, at byte 0: /],
    ['no model', ['empty.gguf'], 1, /^error: empty\.gguf: .*\.\n$/],
    ['an option', ['--', '--help'], 2, /^error: "--help" is no model: it begins with "-", like an option\. /],
    ['a path', ['../x'], 2, /^error: "\.\.\/x" is no model/],
    ['a shell', ['x;rm -rf'], 2, /^error: "x;rm -rf" is no model/],
    ['controls', ['a\nb\u001b[2J'], 2, /^error: "a\\nb\\u\{1b\}\[2J" is no model/],
    ['an odd id', ['ai/drafts:v1', '--id', 'a b'], 2, /^error: --id must be a name without spaces /],
    ['an odd alias', ['ai/drafts:v1', '--alias', '-x'], 2, /^error: --alias must be a name without spaces /],
    [
      'no tokens',
      ['ai/drafts:v1', '--context-size', '1e3'],
      2,
      /^error: --context-size "1e3" is no number of tokens/,
    ],
    ['--model for a registry', ['ai/drafts:v1', '--model', 'x'], 2, /^error: --model says what a file/],
    ['a file without a name', ['model.gguf', '--write'], 2, /^error: A file has no Docker name/],
    [
      'a broken catalog',
      ['ai/drafts:v1', '--write', 'broken.json'],
      1,
      /^error: broken\.json:1:1: .*\nNothing was written: /,
    ],
    [
      'a folder',
      ['ai/drafts:v1', '--write', 'folder'],
      2,
      /^error: "folder" cannot be read: it is a folder\. /,
    ],
  ])('%s', async (_, args, code, stderr) => {
    const files = {
      'broken.gguf': 'no',
      'model.gguf': qwen,
      'empty.gguf': writeGguf({}),
      'broken.json': '[',
      'folder/x': '',
    };
    const folder = repository(files);
    const result = await inFolder(folder, ['add', ...args]);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(stderr);
    expect(readText(folder, 'broken.json')).toBe('[');
    expect(existsSync(join(folder, '.mn'))).toBe(false);
  });
});

describe('hostile', () => {
  test('what a model says of itself commands neither terminal nor runner', async () => {
    const nasty = '\u001b]0;x\u0007\n::error::y\u202e##[group]';
    await push(registry.url, 'ai/nasty', 'v1', {
      gguf: [
        writeGguf({
          metadata: { 'general.architecture': nasty, 'general.name': nasty, [`${nasty}.block_count`]: 1 },
          tensors: [{ name: 'token_embd.weight', shape: [32, 16], type: 'F32' }],
        }),
      ],
      config: { format: 'gguf', quantization: nasty },
    });
    hub.repositories.set('owner/nasty', new Map([[`${nasty}.gguf`, qwen]]));
    const folder = repository({ [catalogFile]: entries(['a', 'hf.co/owner/nasty:Q8_0']) });
    for (const args of [
      ['add', 'ai/nasty:v1'],
      ['add', 'ai/nasty:v1', '--json'],
      ['add', 'hf.co/owner/nasty:Q8_0'],
      ['check', '--online'],
      ['check', '--online', '--json'],
      ['lock'],
    ]) {
      const { stdout, stderr } = await inFolder(folder, args);
      expect(stdout + stderr).not.toMatch(/[\u001b\u0007\u202e]|^\s*::|##\[/m);
    }
  });

  test.skipIf(isWindows)('a link of the repository leads no write out of it', async () => {
    await push(registry.url, 'ai/gemma4', 'E2B', { gguf: [qwen] });
    const outside = folderOf();
    const folder = repository();
    symlinkSync(outside, join(folder, '.mn'));
    for (const [file, ...args] of [
      [catalogFile, 'add', 'ai/drafts:v1', '--write'],
      [lockFile, 'lock', '--all'],
    ] as const) {
      const { code, stderr } = await inFolder(folder, args);
      expect(code).toBe(2);
      expect(stderr).toContain(
        `error: "${file}" leads out of the repository, so it was not written. Replace the link`,
      );
    }
    expect(readdirSync(outside)).toEqual([]);
  });

  test('logins appear nowhere', async () => {
    const secret = 'open-sesame-4711';
    const closed = new TestRegistry({ login: 'bearer', users: { ada: secret } });
    await closed.start();
    try {
      const config = (password: string) =>
        folderOf({
          'config.json': JSON.stringify({ auths: { [closed.host]: { auth: btoa(`ada:${password}`) } } }),
        });
      const folder = repository({ [catalogFile]: entries(['closed', `${closed.host}/ai/closed:v1`]) });
      for (const password of [secret, `${secret}-wrong`]) {
        for (const args of [['check', '--online'], ['lock'], ['add', `${closed.host}/ai/closed:v1`]]) {
          const more = { DOCKER_CONFIG: config(password), HF_TOKEN: secret };
          const { stdout, stderr } = await inFolder(folder, [...args, '--debug'], more);
          expect(stdout + stderr).not.toMatch(
            new RegExp(`${secret}|${btoa(`ada:${secret}`).slice(0, 12)}|Bearer`),
          );
          if (password !== secret)
            expect(stdout + stderr).toContain('refuses the login that Docker has for it');
        }
      }
      expect(closed.asked.some(({ authorization }) => authorization?.startsWith('Bearer '))).toBe(true);
    } finally {
      await closed.stop();
    }
  });
});

/** Debian's package docker-registry: the reference implementation. */
const program = spawnSync('docker-registry', ['--version']).status === 0 ? 'docker-registry' : null;
if (program === null)
  console.warn('Skipped: docker-registry is not installed (apt-get install docker-registry)');

test.skipIf(program === null)('the registry of Docker: add, check, lock, with a login', async () => {
  // Of `open-sesame`, by bcrypt.
  const users = 'ada:$2b$05$abcdefghijklmnopqrstuutXu9KzOt.1yBoZUeFWoT/914/JfszCO\n';
  const login = { authorization: `Basic ${btoa('ada:open-sesame')}` };
  const host = `127.0.0.1:${await freePort()}`;
  const home = folderOf({ users });
  write(home, {
    'config.yml': [
      'version: 0.1',
      'log: { level: error }',
      `storage: { filesystem: { rootdirectory: ${join(home, 'data')} } }`,
      `http: { addr: "${host}" }`,
      `auth: { htpasswd: { realm: test, path: ${join(home, 'users')} } }`,
    ].join('\n'),
    'config.json': JSON.stringify({ auths: { [host]: { auth: btoa('ada:open-sesame') } } }),
  });
  const child = spawn(program ?? '', ['serve', join(home, 'config.yml')], { stdio: 'ignore' });
  const ended = new Promise((done) => child.on('close', done));
  try {
    await ready(`http://${host}/v2/`);
    const { digest } = await push(`http://${host}`, 'team/drafts', 'v1', { gguf: [qwen] }, login);
    const folder = repository();
    const withLogin = { DOCKER_CONFIG: home };
    const ref = `${host}/team/drafts:v1`;
    const add = await inFolder(folder, ['add', ref, '--write', '--json'], withLogin);
    expect(JSON.parse(add.stdout)).toMatchObject({ written_to: catalogFile, model: { digest } });
    expect((await inFolder(folder, ['lock'], withLogin)).code).toBe(0);
    expect(JSON.parse(readText(folder, lockFile)).models[ref]).toEqual({ digest, size: qwen.length });
    const check = ['check', '--online', '--fail-on', 'warning'];
    expect((await inFolder(folder, check, withLogin)).code).toBe(0);
    const denied = await inFolder(folder, check);
    expect(denied.code).toBe(1);
    expect(denied.stdout).toContain(`for a private repository run docker login ${host}`);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function ready(url: string): Promise<void> {
  for (const start = performance.now(); performance.now() - start < 10_000; ) {
    const answers = await fetch(url).then(
      ({ status }) => [200, 401].includes(status),
      () => false,
    );
    if (answers) return;
    await new Promise((again) => setTimeout(again, 20));
  }
  throw new Error('docker-registry does not start');
}

import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { Result } from './support/process.ts';
import {
  act,
  blueprint,
  canForbid,
  cliFile,
  expectNoCrash,
  folderOf,
  isRoot,
  isWindows,
  mn,
  nobody,
  normal,
  write,
} from './support/process.ts';

vi.setConfig({ testTimeout: 120_000 });

const node = process.env.MODEL_CHECK_NODE || process.execPath;
const workspace = folderOf({
  'a.json': blueprint('nemotron3'),
  '.mn/targets.json': '{"targets": ["nvidia-8gb"]}',
});

const off = { MN_CODE_CACHE: 'off' };

async function run(home: string | null, more: { env?: Record<string, string>; cwd?: string } = {}) {
  const env = { XDG_CACHE_HOME: '', LOCALAPPDATA: home ?? '', HOME: home ?? '', ...more.env };
  const result = await mn(['blueprint', 'validate'], { cwd: workspace, ...more, env });
  expectNoCrash(result);
  return shown(result);
}

function shown({ code, stdout, stderr }: Result) {
  return { code, stdout: normal(stdout), stderr };
}

function folderIn(home: string): string {
  const way = { win32: '', darwin: 'Library/Caches' }[process.platform as string] ?? '.cache';
  return join(home, way, 'model-check');
}

function cachesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

/** What changes where a cache is written. */
function stamp(file: string): string {
  const { ino, mtimeMs, size } = statSync(file);
  return `${ino} ${mtimeMs} ${size}`;
}

/** What a run says without a cache, and a cache that works: its name and its bytes. */
let plain: Awaited<ReturnType<typeof run>>;
let good: { name: string; bytes: Buffer };

beforeAll(async () => {
  plain = await run(folderOf(), { env: off });
  expect(plain).toMatchObject({ code: 1, stderr: '' });
  const home = folderOf();
  await run(home);
  await run(home);
  const [name] = readdirSync(folderIn(home)) as [string];
  good = { name, bytes: readFileSync(join(folderIn(home), name)) };
});

/** A home with that cache. */
function homeWithCache(): { home: string; file: string } {
  const home = folderOf();
  const file = join(folderIn(home), good.name);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, good.bytes, { mode: 0o600 });
  return { home, file };
}

/** A cache whose code is another program's: V8 looks at no more of the text than its length. */
function poison(name = good.name): Buffer {
  const [door = '', digest] = name.split('-');
  const text = readFileSync(join(dirname(cliFile), '..', door, 'bundle.js'), 'latin1');
  const program = `(function(){process.stdout.write('poisoned');process.exit(0)})//`.padEnd(text.length, 'x');
  const script = `const text = require('fs').readFileSync(0, 'latin1');
    process.stdout.write(new (require('vm').Script)(text).createCachedData());`;
  const env = { PATH: process.env.PATH ?? '' };
  const code = spawnSync(node, ['-e', script], { input: program, env }).stdout;
  return twice([digest, ['./bundle.js', code.length]], code);
}

function twice(head: unknown, code: Buffer): Buffer {
  const once = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), code]);
  return Buffer.concat([once, once]);
}

function once({ bytes }: typeof good): Buffer {
  return bytes.subarray(0, bytes.length / 2);
}

/** The cache with the bytes from `at` on changed, in the places where it has them. */
function changed(places: readonly number[], at: number): Buffer {
  const copy = Buffer.from(good.bytes);
  for (const place of places)
    copy.writeUInt8(copy.readUInt8(place * (copy.length / 2) + at) ^ 1, place * (copy.length / 2) + at);
  return copy;
}

test('the first run makes the folder, the second writes the cache, the third takes it; all say the same', async () => {
  const home = folderOf();
  expect(await run(home)).toEqual(plain);
  expect(readdirSync(folderIn(home))).toEqual([]);
  expect(await run(home)).toEqual(plain);
  const [file] = cachesIn(folderIn(home)) as [string];
  const before = stamp(file);
  expect(await run(home)).toEqual(plain);
  expect(stamp(file)).toBe(before);
  if (!isWindows) {
    expect([file, dirname(file)].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o700]);
  }
});

test('code from a cache is run as it is, so the other tests can fail', async () => {
  const { home, file } = homeWithCache();
  writeFileSync(file, poison());
  expect(await run(home)).toEqual({ code: 0, stdout: 'poisoned', stderr: '' });
});

describe('a cache that is broken changes nothing, and is made anew', () => {
  const middle = () => Math.floor(good.bytes.length / 4);
  test.each<[string, () => Buffer]>([
    ['empty', () => Buffer.alloc(0)],
    ['one byte', () => Buffer.from('x')],
    ['zeros', () => Buffer.alloc(good.bytes.length)],
    ['half of it', () => once(good)],
    ['cut off', () => good.bytes.subarray(0, -1)],
    ['one bit of the first copy', () => changed([0], middle())],
    ['one bit of the second copy', () => changed([1], middle())],
    ['no JSON', () => changed([0, 1], 0)],
    ['another JSON', () => twice({ a: 1 }, Buffer.alloc(0))],
    ['the code of another build', () => twice(['0'.repeat(16), ['./bundle.js', 5]], Buffer.alloc(5))],
    ['code for another V8', () => changed([0, 1], good.bytes.indexOf('\n') + 1 + 4)],
    ['lengths of other code', () => twice([good.name.split('-')[1], ['./bundle.js', 1e9]], once(good))],
    ['lengths that are none', () => twice([good.name.split('-')[1], ['./bundle.js', null]], once(good))],
  ])('%s', async (_, bytes) => {
    const { home, file } = homeWithCache();
    writeFileSync(file, bytes());
    const before = stamp(file);
    expect(await run(home)).toEqual(plain);
    const after = stamp(file);
    expect(after).not.toBe(before);
    expect(await run(home)).toEqual(plain);
    expect(stamp(file)).toBe(after);
  });

  test('larger than any', async () => {
    const { home, file } = homeWithCache();
    writeFileSync(file, poison());
    truncateSync(file, 9 * 1024 * 1024);
    expect(await run(home)).toEqual(plain);
    expect(statSync(file).size).toBeLessThan(9 * 1024 * 1024);
  });

  test('older than a day', async () => {
    const { home, file } = homeWithCache();
    writeFileSync(file, poison());
    utimesSync(file, new Date(), new Date(Date.now() - 25 * 60 * 60 * 1000));
    expect(await run(home)).toEqual(plain);
    expect(Date.now() - statSync(file).mtimeMs).toBeLessThan(60 * 60 * 1000);
  });

  test.skipIf(isWindows)('a folder, a pipe, a link', async () => {
    const { home, file } = homeWithCache();
    const elsewhere = join(home, 'elsewhere');
    for (const make of [
      () => mkdirSync(file),
      () => execFileSync('mkfifo', [file]),
      () => symlinkSync(elsewhere, file),
    ]) {
      renameSync(file, elsewhere);
      writeFileSync(elsewhere, poison(), { mode: 0o600 });
      make();
      expect(await run(home)).toEqual(plain);
      if (statSync(file).isDirectory()) renameSync(file, `${file}-folder`);
      await run(home);
      expect(statSync(file).isFile()).toBe(true);
    }
  });
});

describe.skipIf(isWindows)('a cache that others could have written is left alone', () => {
  test.each<[string, (file: string) => void]>([
    ['others may write it', (file) => chmodSync(file, 0o622)],
    ['others may read it', (file) => chmodSync(file, 0o644)],
    ['others may write its folder', (file) => chmodSync(dirname(file), 0o777)],
    [
      'its folder is a link',
      (file) => {
        renameSync(dirname(file), `${dirname(file)}-moved`);
        symlinkSync(`${dirname(file)}-moved`, dirname(file));
      },
    ],
    ...(isRoot
      ? ([
          ['it is another user’s', (file) => chownSync(file, nobody, nobody)],
          ['its folder is another user’s', (file) => chownSync(dirname(file), nobody, nobody)],
        ] as [string, (file: string) => void][])
      : []),
  ])('%s', async (_, change) => {
    const { home, file } = homeWithCache();
    writeFileSync(file, poison());
    change(file);
    expect(await run(home)).toEqual(plain);
  });

  test.each<[string, (folder: string) => { home: string; cwd: string }]>([
    ['in the current folder', (folder) => ({ home: folder, cwd: folder })],
    ['below it', (folder) => ({ home: join(folder, 'home'), cwd: folder })],
    [
      'in a repository',
      (folder) => {
        write(folder, { '.git/HEAD': '' });
        return { home: folder, cwd: join(folder, 'sub') };
      },
    ],
  ])('it lies %s', async (_, place) => {
    const folder = folderOf({ 'home/keep': '', 'sub/keep': '' });
    const { home, cwd } = place(folder);
    write(cwd, { 'a.json': blueprint('nemotron3'), '.mn/targets.json': '{"targets": ["nvidia-8gb"]}' });
    const file = join(folderIn(home), good.name);
    const bytes = poison();
    write(home, { [file.slice(home.length + 1)]: bytes });
    chmodSync(dirname(file), 0o700);
    chmodSync(file, 0o600);
    expect(await run(home, { cwd })).toEqual(await run(home, { cwd, env: off }));
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });
});

describe('without a place for it there is no cache', () => {
  test.each([
    ['no home', null],
    ['a home that is not there', join(workspace, '../model-check-no-home')],
    ['a home that is no whole path', 'home'],
    ['a home that is a file', join(workspace, 'a.json')],
  ])('%s', async (_, home) => {
    expect(await run(home)).toEqual(await run(home, { env: off }));
    expect(existsSync(join(workspace, '../model-check-no-home'))).toBe(false);
  });

  test.skipIf(isWindows || !isRoot || !canForbid).each([
    ['a home that is read-only', () => folderOf()],
    ['a home with the cache of another user', () => homeWithCache().home],
  ])('%s', async (_, home) => {
    const folder = home();
    const before = readdirSync(folder, { recursive: true });
    const env = { HOME: folder };
    const result = await mn(['blueprint', 'validate'], { cwd: workspace, env, asNobody: true });
    expectNoCrash(result);
    expect([shown(result), readdirSync(folder, { recursive: true })]).toEqual([plain, before]);
  });

  test.skipIf(isWindows || !isRoot)('the home of another user', async () => {
    const home = folderOf();
    chownSync(home, nobody, nobody);
    expect(await run(home)).toEqual(plain);
    expect(readdirSync(home)).toEqual([]);
  });

  test.skipIf(isWindows)('a current folder that is gone', async () => {
    const { home, file } = homeWithCache();
    writeFileSync(file, poison());
    const args = ['-c', 'rmdir "$PWD" && exec "$@"', 'sh', node, cliFile, 'blueprint', 'validate'];
    const { stdout, stderr } = spawnSync('/bin/sh', args, {
      cwd: mkdtempSync(join(home, 'gone-')),
      env: { HOME: home, PATH: '/usr/bin:/bin' },
      encoding: 'utf8',
    });
    expect([stdout, stderr]).toEqual(['', expect.stringMatching(/^error: /)]);
  });

  test.each([
    ['MN_CODE_CACHE is off', off],
    ['Node has options of its own', { NODE_OPTIONS: '--no-warnings' }],
  ])('%s', async (_, env) => {
    const home = folderOf();
    expect(await run(home, { env })).toEqual(plain);
    expect(readdirSync(home)).toEqual([]);
  });

  test('other commands, and wrong arguments', async () => {
    const { home, file } = homeWithCache();
    unlinkSync(file);
    const env = { HOME: home, LOCALAPPDATA: home };
    for (const args of [['model', 'list'], ['--version'], ['blueprint', 'validate', 'nowhere']])
      await mn(args, { cwd: workspace, env });
    expect(cachesIn(folderIn(home))).toEqual([]);
  });
});

test('many at once all say the same, and leave one cache that works', async () => {
  const { home, file } = homeWithCache();
  unlinkSync(file);
  const all = await Promise.all(Array.from({ length: 6 }, () => run(home)));
  expect(all).toEqual(all.map(() => plain));
  expect(cachesIn(dirname(file))).toEqual([file]);
  const before = stamp(file);
  expect(await run(home)).toEqual(plain);
  expect(stamp(file)).toBe(before);
});

test('eight files are kept, the newest', async () => {
  const { home, file } = homeWithCache();
  const old = Array.from({ length: 12 }, (_, index) => join(dirname(file), `old-${index}`));
  old.forEach((path, index) => {
    writeFileSync(path, '');
    lutimesSync(path, index, index);
  });
  unlinkSync(file);
  expect(await run(home)).toEqual(plain);
  expect(cachesIn(dirname(file)).sort()).toEqual([file, ...old.slice(5)].sort());
});

test('the action keeps it for the other steps of the job', async () => {
  const temporary = folderOf();
  const env = { RUNNER_TEMP: temporary };
  const results = [];
  for (let step = 0; step < 3; step++) results.push(await act(workspace, { env }));
  results.push(await act(workspace, { env: { ...env, ...off } }));
  const same = results.map(({ code, log, summary, outputs }) => {
    outputs.delete('report');
    return { code, annotations: log.annotations, summary: normal(summary), outputs: [...outputs] };
  });
  expect(same[0]?.code).toBe(1);
  expect(same).toEqual(same.map(() => same[0]));
  const [file, ...others] = cachesIn(join(temporary, 'model-check'));
  expect([others.length, file?.includes(`main-`)]).toEqual([0, true]);
  // Nothing is kept where a workflow could have checked a repository out.
  expect(existsSync(join(workspace, 'model-check'))).toBe(false);
  const inside = folderOf({ 'a.json': blueprint('default') });
  await act(inside, { env: { RUNNER_TEMP: inside } });
  expect(existsSync(join(inside, 'model-check'))).toBe(false);
});

test('the action outside of a job keeps it where the command does, and what it keeps for a job only there', async () => {
  const home = folderOf();
  const env = { RUNNER_TEMP: '', XDG_CACHE_HOME: '', HOME: home, LOCALAPPDATA: home, TMPDIR: folderOf() };
  for (let run = 0; run < 2; run++) expect((await act(workspace, { env })).code).toBe(1);
  const [file = '', ...others] = cachesIn(folderIn(home));
  expect([others, basename(file).startsWith('main-')]).toEqual([[], true]);
  writeFileSync(file, poison(basename(file)), { mode: 0o600 });
  const poisoned = await act(workspace, { env });
  expect([poisoned.code, poisoned.stdout]).toEqual([0, 'poisoned']);
  const inJob = { ...env, RUNNER_TEMP: folderOf() };
  expect((await act(workspace, { env: inJob })).code).toBe(1);
});

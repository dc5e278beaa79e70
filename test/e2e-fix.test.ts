import { chmodSync, linkSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { Fixer } from '../src/cli/fix.ts';
import { paint } from '../src/report/paint.ts';
import type { RunOptions as CheckOptions } from '../src/run/run.ts';
import { run } from '../src/run/run.ts';
import type { RunOptions, Tree } from './support/process.ts';
import {
  blueprint,
  canForbid,
  expectNoCrash,
  folderOf,
  isRoot,
  isWindows,
  mn,
  normal,
  readReport,
  write,
} from './support/process.ts';
import { readLog } from './support/runner.ts';

vi.setConfig({ testTimeout: 60_000 });

const validate = ['blueprint', 'validate', '--targets', 'nvidia-8gb'];
const wrong = blueprint('gemma4:e2');
const right = blueprint('gemma4:e2b');

async function fix(folder: string, args: readonly string[] = [], options: RunOptions = {}) {
  const result = await mn([...validate, '--fix', ...args], { cwd: folder, ...options });
  expectNoCrash(result);
  return result;
}

const plainRun: Omit<CheckOptions, 'paths'> = {
  base: '.',
  include: [],
  exclude: [],
  targets: ['nvidia-8gb'],
  only: [],
  settings: [],
  catalogs: [],
  force: false,
  ifNone: 'warn',
  positions: 'findings',
  whenNobodyChose: 'this-machine',
  env: {},
  outside: true,
  baseline: null,
  updateBaseline: false,
  project: null,
  compare: null,
  changedSince: null,
  services: { ask: 'never', instead: '' },
};

const read = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8');

/** A fleet in which something is wrong in every way that has a correction. */
const fleet: Tree = {
  'legal/manifest.json': `{
  "apiVersion": "mn.workflow/v1",
  "config": { "manifest_defaults": ["llm"] },
  "llm": {
    "default_config": "Primary",
    "configs": {
      "primary": { "model": "nemtron3", "runtime_model": "nemtron3", "context_size": 4096 }
    }
  }
}
`,
  'desk/manifest.json': '{\r\n\t"apiVersion": "v1"\r\n}\r\n',
  'desk/config/default.json':
    '{\r\n\t"llm": {\r\n\t\t"backend": "LLAMA.CPP",\r\n\t\t"model": "docker.io/gemma4:E2B",\r\n\t\t"context_size": 4096\r\n\t}\r\n}\r\n',
  'hopeless.json': blueprint('mistral'),
};

test('shows the changes, makes them, and says what is left', async () => {
  const folder = folderOf(fleet);
  const dry = await fix(folder, ['--dry-run']);
  expect(dry).toMatchObject({ code: 1, stderr: '' });
  for (const [file, text] of Object.entries(fleet)) expect(read(folder, file)).toBe(text);

  const first = await fix(folder);
  expect(first).toMatchObject({ code: 1, stderr: '' });
  await expect(normal(first.stdout)).toMatchFileSnapshot('snapshots/e2e-fix.txt');
  // The same changes are shown before they are made.
  const shown = first.stdout.slice(0, first.stdout.indexOf('Fixed '));
  expect(shown.length).toBeGreaterThan(500);
  expect(
    dry.stdout.startsWith(
      `${shown}Would fix 5 findings in 2 files. Nothing was written: leave out --dry-run to write.\n`,
    ),
  ).toBe(true);

  expect(read(folder, 'desk/config/default.json')).toBe(
    '{\r\n\t"llm": {\r\n\t\t"backend": "llama.cpp",\r\n\t\t"model": "ai/gemma4:E2B",\r\n\t\t"context_size": 4096\r\n\t}\r\n}\r\n',
  );
  const manifest = fleet['legal/manifest.json'] as string;
  expect(read(folder, 'legal/manifest.json')).toBe(
    manifest.replaceAll('nemtron3', 'gemma4:e2b').replace('Primary', 'primary'),
  );
  expect(read(folder, 'hopeless.json')).toBe(fleet['hopeless.json']);

  const second = await fix(folder);
  expect(second.stdout).toMatch(/^Nothing to fix\.\n\nChecked 3 blueprints/);
  expect(second.code).toBe(1);
});

test('nothing else is left in the folder, and permissions stay', async () => {
  const folder = folderOf({ 'a.json': wrong });
  if (!isWindows) chmodSync(join(folder, 'a.json'), 0o640);
  expect((await fix(folder)).code).toBe(0);
  expect(readdirSync(folder)).toEqual(['a.json']);
  expect(read(folder, 'a.json')).toBe(right);
  if (!isWindows) expect(statSync(join(folder, 'a.json')).mode & 0o7777).toBe(0o640);
});

test.each<[format: string, args: string[]]>([
  ['json', ['--json']],
  ['markdown', ['--format', 'markdown']],
  ['github', ['--format', 'github']],
])('as %s: the changes go to stderr', async (format, args) => {
  const folder = folderOf({ 'a.json': wrong, 'b.json': blueprint('mistral') });
  const dry = await fix(folder, [...args, '--dry-run']);
  const { code, stdout, stderr } = await fix(folder, args);
  expect(code).toBe(1);
  expect(stderr).toContain(
    'a.json:1 unknown-model: Replace "gemma4:e2" by "gemma4:e2b"\n--- a.json\n+++ a.json\n',
  );
  expect(stderr).toMatch(/Fixed 1 finding in 1 file\.\n\n$/);
  expect(stdout).not.toContain('Fixed');
  if (format !== 'json') return;
  const fixes = (text: string) => readReport(text).findings.map(({ file, fix: one }) => [file, one]);
  expect(fixes(dry.stdout)).toEqual([
    ['a.json', { description: 'Replace "gemma4:e2" by "gemma4:e2b"', value: 'gemma4:e2b' }],
    ['b.json', null],
  ]);
  expect(fixes(stdout)).toEqual([['b.json', null]]);
});

test('the diff is coloured where the report is', async () => {
  const args = ['--dry-run'];
  const colored = await fix(folderOf({ 'a.json': wrong }), args, { env: { FORCE_COLOR: '1' } });
  expect(colored.stdout).toContain('\u001b[31m-…');
  expect(colored.stdout).toContain('\u001b[32m+…');
  expect((await fix(folderOf({ 'a.json': wrong }), args)).stdout).not.toContain('\u001b');
});

test('--dry-run alone is a wrong argument', async () => {
  expect(await mn([...validate, '--dry-run'])).toMatchObject({
    code: 2,
    stdout: '',
    stderr: 'error: --dry-run shows what --fix would change. Give both.\n',
  });
});

describe('what is left as it is, and said so', () => {
  const inFolder = (files: Tree, paths: string[], prepare: (folder: string) => void = () => {}) => {
    const folder = folderOf(files);
    prepare(folder);
    return { folder, paths };
  };
  const git = { '.git/HEAD': '' };
  const cases: [name: string, file: string, reason: string, () => { folder: string; paths: string[] }][] = [
    [
      'a key that stands twice',
      'a.json',
      'a key stands twice, so it is not clear which value counts',
      () => inFolder({ 'a.json': '{"llm":{"model":"gemma4:e2","model":"gemma4:e2"}}' }, []),
    ],
    [
      'a file of git',
      '.git/a.json',
      'it belongs to git',
      () => inFolder({ ...git, '.git/a.json': wrong }, ['.git/a.json']),
    ],
    [
      'another spelling of .git',
      'x/.GIT/a.json',
      'it belongs to git',
      () => inFolder({ 'x/.GIT/a.json': wrong }, ['x/.GIT']),
    ],
  ];
  if (!isWindows) {
    cases.push(
      [
        'a link',
        'a.json',
        'it is a link',
        () =>
          inFolder({ 'real/a.txt': wrong }, ['a.json'], (folder) =>
            symlinkSync('real/a.txt', join(folder, 'a.json')),
          ),
      ],
      [
        'a file behind a link to a folder',
        'linked/a.json',
        'a link leads to it',
        () =>
          inFolder({ 'real/a.json': wrong }, ['linked/a.json'], (folder) =>
            symlinkSync('real', join(folder, 'linked')),
          ),
      ],
    );
  }
  test.each(cases)('%s', async (_, file, reason, prepare) => {
    const { folder, paths } = prepare();
    const before = read(folder, file);
    const { code, stdout } = await fix(folder, paths);
    expect(code).toBe(1);
    expect(stdout).toContain(`not fixed: ${file}:1 unknown-model: Replace "gemma4:e2" by "gemma4:e2b"\n`);
    expect(stdout).toContain(`  ${file} was left unchanged: ${reason}.\n\nFixed nothing.\n`);
    expect(read(folder, file)).toBe(before);
  });

  test.runIf(canForbid)('a file, or a folder, that may not be written', async () => {
    for (const [mode, path] of [
      [0o444, 'x/a.json'],
      [0o555, 'x'],
    ] as const) {
      const folder = folderOf({ 'x/a.json': wrong });
      chmodSync(join(folder, path), mode);
      const { code, stdout } = await fix(folder, [], { asNobody: isRoot });
      expect(code).toBe(1);
      expect(stdout).toContain('x/a.json was left unchanged: writing there is not permitted.\n');
      expect(read(folder, 'x/a.json')).toBe(wrong);
    }
  });

  test('what is named elsewhere is written, and nothing beside it', async () => {
    const folder = folderOf({ 'here/x.txt': '', 'there/a.json': wrong, 'there/b.json': wrong });
    expect((await fix(join(folder, 'here'), ['../there/a.json'])).code).toBe(0);
    expect([read(folder, 'there/a.json'), read(folder, 'there/b.json')]).toEqual([right, wrong]);
  });

  test.runIf(!isWindows)('another name of the same file keeps what it has', async () => {
    const folder = folderOf({ 'a.json': wrong });
    linkSync(join(folder, 'a.json'), join(folder, 'other.txt'));
    expect((await fix(folder)).code).toBe(0);
    expect([read(folder, 'a.json'), read(folder, 'other.txt')]).toEqual([right, wrong]);
  });
});

test('a file that changes meanwhile keeps the change', async () => {
  for (const moment of ['before the correction is made', 'before it is written']) {
    const folder = folderOf({ 'a.json': wrong, 'b.json': wrong });
    const change = () => write(folder, { 'a.json': blueprint('gemma4:e2', { temperature: 1 }) });
    const fixer = new Fixer([folder]);
    const checked = await run({ ...plainRun, paths: [folder], onBlueprint: (one) => fixer.see(one) });
    if (moment === 'before the correction is made') change();
    const again = (texts: ReadonlyMap<string, string>) => {
      change();
      return checked.again(texts);
    };
    let shown = '';
    const options = {
      dryRun: false,
      write: (text: string) => void (shown += text),
      paint: paint(false),
      columns: 100,
    };
    expect(fixer.fix({ ...checked, again }, options).changed).toBe(true);
    expect(shown).toContain(`${folder}/a.json was left unchanged: it changed since it was read.`);
    expect(shown).toContain('Fixed 1 finding in 1 file.');
    expect(read(folder, 'a.json')).toContain('"gemma4:e2","context_size":4096,"temperature":1');
    expect(read(folder, 'b.json')).toBe(right);
  }
});

test('hostile names are neither obeyed nor hidden', async () => {
  const nasty = ['\u001b[31mx', '::error::x', '##[error]x', 'a\u202eb', 'lone\ud800', '__proto__', 'a\nb'];
  const configs = nasty
    .map((text) => `${JSON.stringify(text)}:{"model":${JSON.stringify(text)}}`)
    .join(',\n');
  const text = `{"llm":{"default_config":"Primary","configs":{"primary":{"model":"gemma4:e2"},\n${configs}}}}`;
  const file = `${isWindows ? 'a' : '::error::\u001b\u202e##[error]\n'}/x.json`;
  const all = folderOf({ [file]: text });
  const { stdout, stderr } = await fix(all);
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/);
  expect(readLog(stdout + stderr).commands).toEqual([]);
  expect(stdout).toContain('+{"llm":{"default_config":"primary"');
  expect(read(all, file)).toBe(text.replace('Primary', 'primary').replace('"gemma4:e2"', '"gemma4:e2b"'));
});

test('thousands of files', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 1500 }, (_, at) => [`b${at}.json`, at % 2 === 0 ? wrong : right]),
  );
  const folder = folderOf(files);
  const { code, stdout } = await fix(folder, ['--quiet']);
  expect(code).toBe(0);
  expect(stdout).toContain('Fixed 750 findings in 750 files.\n');
  for (const file of Object.keys(files)) expect(read(folder, file)).toBe(right);
});

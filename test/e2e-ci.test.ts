// The hooks of .pre-commit-hooks.yaml as pre-commit runs them, and the recipes of docs/ci.md as they stand there.
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { argumentsOf, sectionsOf, throwing } from '../scripts/build-docs.mjs';
import { program } from '../src/cli/program.ts';
import { commit, git, repository } from './support/git.ts';
import {
  blueprint,
  cliFile,
  expectNoCrash,
  folderOf,
  isWindows,
  mn,
  type Tree,
  write,
} from './support/process.ts';
import { junitProblems } from './support/report-schemas.ts';

interface Hook {
  id: string;
  name: string;
  description: string;
  entry: string;
  language: string;
  files: string;
  require_serial?: boolean;
  pass_filenames?: boolean;
}

const hooks = parse(readFileSync('.pre-commit-hooks.yaml', 'utf8')) as Hook[];
const hookOf = (id: string) => hooks.find((hook) => hook.id === id) as Hook;

const good = blueprint('default');
const bad = blueprint('nemotron3');
const folderBlueprint = (model: string) =>
  JSON.stringify({
    config: { manifest_defaults: ['llm'] },
    apiVersion: 'mn.workflow/v1',
    llm: { configs: { a: { model, context_size: 4096 } } },
  });

/** A repository with a bit of everything that hooks meet. */
const tree: Tree = {
  '.mn/targets.yaml': 'targets: [mac-m2-16]\n',
  '.mn/models/catalog.json': '{"schema_version":1,"models":[{"id":"own","model":"ai/own:1"}]}',
  'one/manifest.json': folderBlueprint('nemotron3'),
  'one/config/default.json': '{}',
  'one/data/table.json': '{"llm": {}}',
  'one/payloads/model.json': bad,
  'two/manifest.json': folderBlueprint('default'),
  'two/config/live.example.json': bad,
  'single.json': good,
  'old.json': bad,
  'examples/x.example.json': bad,
  'extension/manifest.json': '{"manifest_version": 3}',
  'tsconfig.json': '{ // for people\n}',
  '.vscode/settings.json': '{ // for people\n}',
  'package.json': '{"name": "x"}',
};

/** The paths of the blueprints that a hook checks for these files, started as pre-commit starts it. */
async function checked(folder: string, files: readonly string[], args: readonly string[] = []) {
  const { entry, files: pattern } = hookOf('model-check');
  const passed = files.filter((file) => new RegExp(pattern).test(file));
  if (passed.length === 0) return [];
  const result = await mn([...argumentsOf(entry), ...args, '--json', ...passed], { cwd: folder });
  expectNoCrash(result);
  expect(result.stderr).toBe('');
  const report = JSON.parse(result.stdout) as { blueprints: { path: string }[] };
  return report.blueprints.map(({ path }) => path).sort();
}

describe('the hooks', () => {
  test('have the shape that pre-commit documents', () => {
    expect(hooks.map(({ id }) => id)).toEqual(['model-check', 'model-check-catalogs']);
    for (const hook of hooks) {
      expect(hook).toEqual({
        id: expect.stringMatching(/^[a-z-]+$/),
        name: expect.any(String),
        description: expect.any(String),
        entry: expect.any(String),
        language: 'script',
        files: expect.any(String),
        ...(hook.require_serial !== undefined && { require_serial: true }),
        ...(hook.pass_filenames !== undefined && { pass_filenames: false }),
      });
      // Python's syntax for these is that of JavaScript.
      expect(hook.files).toMatch(/^\^(?:[\w./*\\|$-]|\(\?[!:]|\)|\?)+$/);
    }
  });

  test.each(hooks)(
    '$id starts a program of the repository, with options that there are',
    async ({ entry }) => {
      const [file = ''] = entry.split(' ');
      expect(readFileSync(file, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
      if (!isWindows) expect(statSync(file).mode & 0o111).toBe(0o111);
      expect(git('.', 'ls-files', '--stage', file)).toMatch(/^100755 /);
      let started = 0;
      await throwing(program, async () => {
        started++;
      }).parseAsync([...argumentsOf(entry), 'a.json'], { from: 'user' });
      expect(started).toBe(1);
    },
  );

  test.each<[what: string, changed: string[], expected: string[]]>([
    ['a manifest', ['two/manifest.json'], ['two']],
    ['a layer', ['one/config/default.json'], ['one']],
    ['both, once', ['one/config/default.json', 'one/manifest.json'], ['one']],
    ['a layer that is gone', ['one/config/overwrite.json'], ['one']],
    ['other files of a blueprint', ['one/data/table.json'], ['one']],
    ['what is in its payloads', ['one/payloads/model.json'], ['one']],
    ['an example, for the blueprint only', ['two/config/live.example.json'], ['two']],
    ['an example elsewhere', ['examples/x.example.json'], []],
    ['a single file', ['single.json'], ['single.json']],
    ['files of nobody', ['tsconfig.json', '.vscode/settings.json', 'package.json'], []],
    ["somebody else's manifest", ['extension/manifest.json'], []],
    ['a file that is no longer there', ['gone.json', 'gone/manifest.json'], []],
    ['no JSON', ['README.md', 'one/run.py', 'docs/x.yaml'], []],
    ['a catalog', ['.mn/models/catalog.json'], ['old.json', 'one', 'single.json', 'two']],
    ['the targets', ['README.md', '.mn/targets.yaml'], ['old.json', 'one', 'single.json', 'two']],
    [
      'a baseline that goes',
      ['.mn/baseline.json', 'two/manifest.json'],
      ['old.json', 'one', 'single.json', 'two'],
    ],
  ])('%s', async (_, changed, expected) => {
    expect(await checked(folderOf({ '.git/HEAD': '', ...tree }), changed)).toEqual(expected);
  });

  test('what an option names concerns every blueprint too', async () => {
    const folder = folderOf({ '.git/HEAD': '', ...tree, 'models.json': '{"models": []}', 'known.json': '' });
    const all = ['old.json', 'one', 'single.json', 'two'];
    write(folder, { 'machines.json': '{"targets": ["nvidia-8gb"]}' });
    expect(await checked(folder, ['models.json'])).toEqual([]);
    expect(await checked(folder, ['models.json'], ['--catalog', 'model?.json'])).toEqual(all);
    expect(await checked(folder, ['machines.json'], ['--targets', 'mac-m2-16,./machines.json'])).toEqual(all);
    write(folder, { '.mn/model-check.yaml': 'paths: [one]\ntargets: machines.json\n' });
    expect(await checked(folder, ['machines.json'])).toEqual(['one']);
    expect(await checked(folder, ['single.json'])).toEqual([]);
  });

  test('.gitignore counts as in a search', async () => {
    const folder = folderOf({
      '.git/HEAD': '',
      ...tree,
      '.gitignore': 'two/\n',
      'sub/.gitignore': '*.json\n',
      'sub/x.json': bad,
    });
    expect(await checked(folder, ['two/manifest.json', 'sub/x.json', 'single.json'])).toEqual([
      'single.json',
    ]);
  });

  test('no file name is an option, and strange ones are files', async () => {
    const names = [
      '$(id).json',
      'a b/;x.json',
      '__proto__.json',
      "it's.json",
      'ünï.json',
      '*.json',
      '[a].json',
    ];
    const hostile = ['--output=x.json', '--config=.mn/x.json', '-/x.json', '--.json'];
    const folder = folderOf({
      '.git/HEAD': '',
      '.mn/targets.yaml': 'targets: [mac-m2-16]',
      ...Object.fromEntries([...names, ...hostile].map((name) => [name, good])),
    });
    expect(await checked(folder, [...hostile, ...names])).toEqual([...names].sort());
    expect(await checked(folder, hostile)).toEqual([]);
    expect(existsSync(join(folder, 'x.json'))).toBe(false);
    // Behind `--` they are files, for who passes them by hand.
    const { stdout } = await mn(['blueprint', 'validate', '--changed-files', '--', ...hostile], {
      cwd: folder,
    });
    expect(stdout).toContain('Checked 4 blueprints');
  });

  test('says what is wrong, nothing else, in several processes at once', async () => {
    const folder = folderOf({ '.git/HEAD': '', ...tree });
    const args = argumentsOf(hookOf('model-check').entry);
    const results = await Promise.all(
      ['one/manifest.json', 'two/manifest.json', 'tsconfig.json', 'old.json'].map((file) =>
        mn([...args, file], { cwd: folder }),
      ),
    );
    expect(results.map(({ code }) => code)).toEqual([1, 0, 0, 1]);
    expect(results[0]?.stdout).toMatch(/^✗ model-incompatible {2}one\/manifest\.json:1:/);
    expect(results[2]?.stdout).toMatch(/^0 errors, 0 warnings in 0 blueprints · .*\n$/);
    const catalogs = argumentsOf(hookOf('model-check-catalogs').entry);
    expect((await mn(catalogs, { cwd: folder })).code).toBe(0);
    write(folder, { '.mn/models/catalog.json': '{' });
    expect(await mn(catalogs, { cwd: folder })).toMatchObject({ code: 1, stderr: '' });
  });

  test('--fix corrects files that changed, and a baseline forgets nothing', async () => {
    const folder = folderOf({ '.git/HEAD': '', ...tree, 'typo.json': blueprint('gemma4:e2') });
    const args = [...argumentsOf(hookOf('model-check').entry)];
    await mn(['blueprint', 'validate', '--baseline', 'known.json', '--update-baseline'], { cwd: folder });
    const known = await mn(
      [...args, '--baseline', 'known.json', '--fail-on', 'warning', 'two/manifest.json'],
      { cwd: folder },
    );
    expect(known).toMatchObject({ code: 0, stderr: '' });
    expect((await mn([...args, '--fix', 'typo.json'], { cwd: folder })).stdout).toContain('Fixed 1 finding');
    expect(readFileSync(join(folder, 'typo.json'), 'utf8')).toBe(good.replace('default', 'gemma4:e2b'));
  });

  test.each([
    [
      ['--changed-files'],
      'error: --changed-files needs the files that changed. Name them, as in --changed-files $FILES.\n',
    ],
    [
      ['--changed-files', 'a.json', '--changed-since', 'main'],
      'error: --changed-files and --changed-since exclude each other. Give one of them.\n',
    ],
    [
      ['--changed-files', 'a.json', '--compare', 'main'],
      'error: --changed-files and --compare exclude each other. Give one of them.\n',
    ],
    [
      ['--changed-files', 'a.json', '--shard', '1/2'],
      'error: --changed-files and --shard exclude each other. Give one of them.\n',
    ],
  ])('%j is refused', async (args, stderr) => {
    expect(await mn(['blueprint', 'validate', ...args])).toMatchObject({ code: 2, stdout: '', stderr });
  });
});

// --- recipes

interface Section {
  path: string[];
  blocks: { file: string | null; lang: string; text: string }[];
}

interface Job {
  script: string[];
  before_script?: string[];
  parallel?: number;
  extends?: string;
  artifacts?: { paths?: string[]; reports?: { junit: string } };
}

const sections = sectionsOf(readFileSync('docs/ci.md', 'utf8').replaceAll('\r\n', '\n')) as Section[];
const blockOf = (...path: string[]) => {
  const [block] = sections.find((section) => section.path.join() === path.join())?.blocks ?? [];
  if (block === undefined) throw new Error(`docs/ci.md has no block below ${path.join(', ')}`);
  return block;
};
const shards = (await mn(['blueprint', 'validate', '--help'])).stdout.includes('--shard ');

/** A repository with this product in it, tagged as its releases are. */
function product(): string {
  const folder = repository({ 'README.md': '' });
  cpSync(dirname(dirname(cliFile)), join(folder, 'dist'), { recursive: true });
  cpSync('.pre-commit-hooks.yaml', join(folder, '.pre-commit-hooks.yaml'));
  commit(folder);
  git(folder, 'tag', 'v1');
  return folder;
}

const origin = product();

/** Runs the lines of a recipe in a shell; our address on GitHub is a repository of this machine. */
function sh(folder: string, lines: readonly string[], env: Record<string, string> = {}) {
  const path = [env['PATH'], dirname(process.execPath), process.env.PATH].filter(Boolean).join(delimiter);
  return new Promise<{ code: number; out: string }>((done) => {
    execFile(
      'sh',
      ['-e', '-c', lines.join('\n')],
      {
        cwd: folder,
        env: {
          HOME: folderOf(),
          GIT_CONFIG_NOSYSTEM: '1',
          GIT_CONFIG_COUNT: '1',
          GIT_CONFIG_KEY_0: `url.file://${origin}.insteadOf`,
          GIT_CONFIG_VALUE_0: 'https://github.com/mirrorneuron/model-check.git',
          MODEL_RUNNER_HOST: 'http://127.0.0.1:9',
          ...env,
          PATH: path,
        },
      },
      (error, stdout, stderr) =>
        done({ code: error === null ? 0 : Number(error.code), out: stdout + stderr }),
    );
  });
}

/** The JUnit report of a recipe is one, and names the blueprint that does not run. */
async function expectReport(folder: string, file: string) {
  const text = readFileSync(join(folder, file), 'utf8');
  expect(await junitProblems([text])).toEqual([]);
  expect(text).toMatch(/<failure/);
}

// A shell of POSIX runs the recipes' commands, as it does on the machines that they are for.
describe.skipIf(isWindows)('the recipes', () => {
  test('GitLab CI', async () => {
    const { file, text } = blockOf('GitLab CI');
    expect(file).toBe('.gitlab-ci.yml');
    const { models } = parse(text, { strict: true }) as { models: Job };
    const folder = folderOf(tree);
    const { code, out } = await sh(folder, models.script);
    expect(out).toContain('✗ model-incompatible  old.json:1:72');
    expect(code).toBe(1);
    await expectReport(folder, models.artifacts?.reports?.junit ?? '');
    rmSync(join(folder, '.model-check'), { recursive: true });
    write(folder, { 'one/manifest.json': folderBlueprint('default'), 'old.json': good });
    expect(await sh(folder, models.script)).toMatchObject({ code: 0 });
  });

  test('GitLab CI in parallel is what pipelines can be', () => {
    const { stages, models, ...others } = parse(blockOf('GitLab CI', 'In parallel').text) as Record<
      string,
      Job
    >;
    expect(stages).toEqual(['check', 'report']);
    expect(models?.parallel).toBeGreaterThan(1);
    expect(Object.keys(others)).toEqual(['.model-check', 'models report']);
    for (const job of [models, others['models report']]) expect(job?.extends).toBe('.model-check');
  });

  test.runIf(shards)('GitLab CI in parallel', async () => {
    const jobs = parse(blockOf('GitLab CI', 'In parallel').text) as Record<string, Job>;
    const [models, report] = [jobs['models'] as Job, jobs['models report'] as Job];
    const folder = folderOf(tree);
    expect(await sh(folder, jobs['.model-check']?.before_script ?? [])).toMatchObject({ code: 0 });
    const total = models.parallel as number;
    const parts = Array.from({ length: total }, (_, at) =>
      sh(folder, models.script, { CI_NODE_INDEX: String(at + 1), CI_NODE_TOTAL: String(total) }),
    );
    for (const { code, out } of await Promise.all(parts)) expect({ code, out }).toMatchObject({ code: 0 });
    const merged = await sh(folder, report.script);
    expect(merged.out).toContain('✗ model-incompatible  old.json:1:72');
    expect(merged.code).toBe(1);
    await expectReport(folder, report.artifacts?.reports?.junit ?? '');
  });

  test('Jenkins', async () => {
    const { file, text } = blockOf('Jenkins');
    expect(file).toBe('Jenkinsfile');
    expect(text.split('{').length).toBe(text.split('}').length);
    const steps = [...text.matchAll(/^ +sh '([^']*)'$/gm)].map(([, line]) => line as string);
    const folder = folderOf(tree);
    for (const again of [false, true]) {
      const { code, out } = await sh(folder, steps);
      expect(out, String(again)).toContain('✗ model-incompatible  old.json:1:72');
      expect(code).toBe(1);
    }
    await expectReport(folder, /junit testResults: '([^']+)'/.exec(text)?.[1] ?? '');
  });

  test('a plain container', async () => {
    // Stands in for Docker: runs the command with the mounted folders under their own names.
    const docker = `#!/usr/bin/env node
const { spawnSync } = require('node:child_process');
const args = process.argv.slice(2);
const taken = (name) => args.flatMap((word, at) => (word === name ? [args[at + 1]] : []));
const mounts = taken('--volume').map((mount) => mount.split(':'));
if (args[0] !== 'run' || taken('--network')[0] !== 'none' || mounts.some(([, , mode]) => mode !== 'ro')) process.exit(99);
const outside = (path) => mounts.reduce((way, [host, inside]) => way.replace(inside, host), path);
const [image, program, script, ...rest] = args.slice(args.indexOf('--workdir') + 2);
if (image !== 'node:24-slim' || program !== 'node') process.exit(98);
const cwd = outside(taken('--workdir')[0]);
process.exit(spawnSync(process.execPath, [outside(script), ...rest], { cwd, stdio: 'inherit' }).status);
`;
    const bin = folderOf({ docker });
    execFileSync('chmod', ['+x', join(bin, 'docker')]);
    const folder = folderOf(tree);
    const { code, out } = await sh(folder, [blockOf('A plain container').text], { PATH: bin });
    expect(out).toContain('✗ model-incompatible  old.json:1:72');
    expect(code).toBe(1);
  });

  test('pre-commit', async () => {
    const { file, text } = blockOf('pre-commit');
    expect(file).toBe('.pre-commit-config.yaml');
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(parse(text, { strict: true })).toEqual({
      repos: [
        {
          repo: 'https://github.com/mirrorneuron/model-check',
          rev: `v${version}`,
          hooks: hooks.map(({ id }) => ({ id })),
        },
      ],
    });
    // As pre-commit does it: the entry's program in a clone of ours, started as a program.
    const folder = folderOf(tree);
    const clone = folderOf();
    git(clone, 'clone', '-q', origin, '.');
    const { entry } = hookOf('model-check');
    const { code, out } = await sh(folder, [`${resolve(clone, entry)} one/manifest.json tsconfig.json`]);
    expect({ code, lines: out.split('\n')[0] }).toEqual({
      code: 1,
      lines: expect.stringMatching(/^✗ model-incompatible/),
    });
  });
});

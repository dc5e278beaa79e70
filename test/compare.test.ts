import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { commit, git, gitEnv, repository } from './support/git.ts';
import type { ActionOptions, JsonFinding, Tree } from './support/process.ts';
import { act, blueprint, expectNoCrash, folderOf, mn, normal, readReport, write } from './support/process.ts';
import { isReport } from './support/report-schemas.ts';

vi.setConfig({ testTimeout: 60_000 });

interface Compared {
  summary: { errors: number };
  findings: (JsonFinding & { change: string | null })[];
  comparison: {
    base: string;
    commit: string;
    pull_request: boolean;
    new: number;
    unchanged: number;
    dropped: { blueprint: string; model: string; targets: string[] }[];
    causes: { message: string; blueprints: string[] }[];
    fixed: JsonFinding[];
  };
}

/** A manifest with an id, whose only config asks for this model. */
const manifest = (id: string, model: string) =>
  JSON.stringify(
    {
      identity: { blueprint_id: id },
      config: { manifest_defaults: ['llm'] },
      ...JSON.parse(blueprint(model)),
    },
    null,
    2,
  );
const targets = (...presets: string[]) =>
  `targets:\n${presets.map((preset) => `  - preset: ${preset}\n`).join('')}`;
const catalog = (more: Record<string, unknown> = {}) =>
  JSON.stringify({
    models: [
      {
        id: 'qwen3:4b',
        model: 'ai/qwen3:4B',
        aliases: ['team-small'],
        requirements: { min_vram_gb: 6 },
        ...more,
      },
    ],
  });

/** One blueprint that runs, one that does not, and two that ask for the team's own model. */
const base: Tree = {
  'good/manifest.json': manifest('good', 'gemma4:e2b'),
  'bad/manifest.json': manifest('bad', 'nemotron3'),
  'one/manifest.json': manifest('one', 'team-small'),
  'two.json': blueprint('team-small'),
  '.mn/models/catalog.json': catalog(),
  '.mn/targets.yaml': targets('nvidia-8gb', 'apple-silicon-16gb'),
};

const validate = ['blueprint', 'validate'];

async function compared(
  folder: string,
  args: readonly string[] = ['--compare', 'main'],
): Promise<Compared & { code: number | null }> {
  const result = await mn([...validate, ...args, '--json'], { cwd: folder, env: gitEnv });
  expectNoCrash(result);
  expect(result.stderr).toBe('');
  const report = JSON.parse(result.stdout) as Compared;
  isReport(report);
  expect(isReport.errors).toBeNull();
  return { ...report, code: result.code };
}

/** `id file on targets` of findings. */
const told = (findings: readonly JsonFinding[]) =>
  findings.map(({ id, file, targets: on }) => [id, file, ...on].join(' '));

const both = ['nvidia-8gb', 'apple-silicon-16gb'];
const badly = 'model-incompatible bad/manifest.json nvidia-8gb apple-silicon-16gb';

interface Case {
  name: string;
  files?: Tree;
  removed?: string[];
  /** Old name, new name. */
  renamed?: [string, string][];
  new?: string[];
  fixed?: string[];
  unchanged?: string[];
  dropped?: Compared['comparison']['dropped'];
  causes?: Compared['comparison']['causes'];
}

const cases: Case[] = [
  { name: 'nothing', unchanged: [badly] },
  {
    name: 'lines that move',
    files: { 'bad/manifest.json': `\n\n\n${manifest('bad', 'nemotron3')}` },
    unchanged: [badly],
  },
  {
    name: 'a larger model',
    files: { 'good/manifest.json': manifest('good', 'nemotron3') },
    new: ['model-incompatible good/manifest.json nvidia-8gb apple-silicon-16gb'],
    unchanged: [badly],
    dropped: [{ blueprint: 'good', model: 'nemotron3', targets: both }],
  },
  { name: 'a smaller model', files: { 'bad/manifest.json': manifest('bad', 'gemma4:e2b') }, fixed: [badly] },
  {
    name: 'a blueprint that is added',
    files: { 'more/manifest.json': manifest('more', 'nemotron3') },
    new: ['model-incompatible more/manifest.json nvidia-8gb apple-silicon-16gb'],
    unchanged: [badly],
  },
  { name: 'a blueprint that is deleted', removed: ['bad'], fixed: [badly] },
  {
    name: 'blueprints that are renamed',
    renamed: [
      ['bad', 'still/bad'],
      ['two.json', 'second.json'],
    ],
    unchanged: ['model-incompatible still/bad/manifest.json nvidia-8gb apple-silicon-16gb'],
  },
  {
    name: 'a renamed blueprint that no longer runs',
    renamed: [['good', 'better']],
    files: { 'better/manifest.json': manifest('good', 'nemotron3') },
    new: ['model-incompatible better/manifest.json nvidia-8gb apple-silicon-16gb'],
    unchanged: [badly],
    dropped: [{ blueprint: 'better', model: 'nemotron3', targets: both }],
  },
  {
    name: 'an alias that is removed',
    files: { '.mn/models/catalog.json': catalog({ aliases: [] }) },
    new: ['unknown-model one/manifest.json', 'unknown-model two.json'],
    unchanged: [badly],
    dropped: [
      { blueprint: 'one', model: 'team-small', targets: both },
      { blueprint: 'two.json', model: 'team-small', targets: both },
    ],
    causes: [
      {
        message: 'The catalog no longer has the alias team-small of qwen3:4b.',
        blueprints: ['one', 'two.json'],
      },
    ],
  },
  {
    name: 'a catalog that is gone',
    removed: ['.mn/models/catalog.json'],
    new: ['unknown-model one/manifest.json', 'unknown-model two.json'],
    unchanged: [badly],
    dropped: [
      { blueprint: 'one', model: 'team-small', targets: both },
      { blueprint: 'two.json', model: 'team-small', targets: both },
    ],
    causes: [{ message: 'The catalog no longer has the model qwen3:4b.', blueprints: ['one', 'two.json'] }],
  },
  {
    name: 'an alias that means another model',
    files: {
      '.mn/models/catalog.json': JSON.stringify({
        models: [
          { id: 'qwen3:4b', model: 'ai/qwen3:4B', requirements: { min_vram_gb: 6 } },
          { id: 'big', model: 'ai/big', aliases: ['team-small'], requirements: { min_vram_gb: 12 } },
        ],
      }),
    },
    new: ['model-incompatible one/manifest.json nvidia-8gb', 'model-incompatible two.json nvidia-8gb'],
    unchanged: [badly],
    dropped: [
      { blueprint: 'one', model: 'big', targets: ['nvidia-8gb'] },
      { blueprint: 'two.json', model: 'big', targets: ['nvidia-8gb'] },
    ],
    causes: [{ message: 'team-small now means big, and meant qwen3:4b.', blueprints: ['one', 'two.json'] }],
  },
  {
    name: 'a requirement that is raised',
    files: {
      '.mn/models/catalog.json': catalog({ requirements: { min_vram_gb: 12, min_unified_memory_gb: 12 } }),
    },
    new: ['model-incompatible one/manifest.json nvidia-8gb', 'model-incompatible two.json nvidia-8gb'],
    unchanged: [badly],
    dropped: [
      { blueprint: 'one', model: 'qwen3:4b', targets: ['nvidia-8gb'] },
      { blueprint: 'two.json', model: 'qwen3:4b', targets: ['nvidia-8gb'] },
    ],
    causes: [
      {
        message: 'qwen3:4b now asks for 12 GB VRAM (6 GB before) and 12 GB unified memory (nothing before).',
        blueprints: ['one', 'two.json'],
      },
    ],
  },
  {
    name: 'a target that is added',
    files: { '.mn/targets.yaml': targets('nvidia-8gb', 'apple-silicon-16gb', 'nvidia-6gb') },
    new: [
      'model-incompatible bad/manifest.json nvidia-6gb',
      'model-incompatible good/manifest.json nvidia-6gb',
    ],
    unchanged: [badly],
    causes: [{ message: 'The target nvidia-6gb was not checked before.', blueprints: [] }],
  },
  {
    name: 'a target that is removed',
    files: { '.mn/targets.yaml': targets('apple-silicon-16gb') },
    unchanged: ['model-incompatible bad/manifest.json apple-silicon-16gb'],
    causes: [{ message: 'The target nvidia-8gb is no longer checked.', blueprints: [] }],
  },
  {
    name: 'a target that is another machine',
    files: {
      '.mn/targets.yaml':
        'targets:\n  - preset: nvidia-6gb\n    id: nvidia-8gb\n  - preset: apple-silicon-16gb\n',
    },
    new: ['model-incompatible good/manifest.json nvidia-8gb'],
    unchanged: [badly],
    dropped: [{ blueprint: 'good', model: 'gemma4:e2b', targets: ['nvidia-8gb'] }],
    causes: [{ message: 'The target nvidia-8gb is now another machine.', blueprints: ['good'] }],
  },
  {
    name: 'a target that becomes required',
    files: {
      '.mn/targets.yaml': targets('nvidia-8gb', 'apple-silicon-16gb').replace(
        '8gb\n',
        '8gb\n    required: false\n',
      ),
    },
    unchanged: [
      'model-incompatible bad/manifest.json apple-silicon-16gb',
      'model-incompatible bad/manifest.json nvidia-8gb',
    ],
  },
  {
    name: 'a blueprint that is switched off',
    files: {
      'good/manifest.json': manifest('good', 'nemotron3').replace('"llm": {', '"llm": {"enabled": false,'),
    },
    unchanged: [badly],
  },
  {
    name: 'a file that breaks',
    files: { 'bad/manifest.json': '{', 'bad/config/default.json': '{}' },
    new: ['invalid-json bad/manifest.json'],
    fixed: [badly],
  },
];

describe('a change', () => {
  test.each(cases)('$name', async (one) => {
    const folder = repository(base);
    const first = git(folder, 'rev-parse', 'HEAD');
    git(folder, 'checkout', '-qb', 'change');
    for (const [from, to] of one.renamed ?? []) {
      write(folder, { [`${to}.x`]: '' });
      rmSync(join(folder, `${to}.x`));
      git(folder, 'mv', from, to);
    }
    if (one.renamed !== undefined) commit(folder);
    if (one.name !== 'nothing') commit(folder, { ...one.files, 'README.md': 'x' }, one.removed);
    const { findings, comparison } = await compared(folder);
    expect({
      base: [comparison.base, comparison.commit, comparison.pull_request],
      new: told(findings.filter(({ change }) => change === 'new')),
      unchanged: told(findings.filter(({ change }) => change === 'unchanged')),
      fixed: told(comparison.fixed),
      dropped: comparison.dropped,
      causes: comparison.causes,
      counts: [comparison.new, comparison.unchanged],
    }).toEqual({
      base: ['main', first, false],
      new: one.new ?? [],
      unchanged: one.unchanged ?? [],
      fixed: one.fixed ?? [],
      dropped: one.dropped ?? [],
      causes: one.causes ?? [],
      counts: [one.new?.length ?? 0, one.unchanged?.length ?? 0],
    });
  });
});

describe('what is compared', () => {
  const off = { 'good/manifest.json': manifest('good', 'nemotron3') };

  test('the commit where the branch left, not what came later', async () => {
    const folder = repository(base);
    const first = git(folder, 'rev-parse', 'HEAD');
    git(folder, 'checkout', '-qb', 'change');
    commit(folder, { 'README.md': 'x' });
    git(folder, 'checkout', '-q', 'main');
    commit(folder, { 'bad/manifest.json': manifest('bad', 'gemma4:e2b') });
    git(folder, 'checkout', '-q', 'change');
    expect((await compared(folder)).comparison).toMatchObject({
      commit: first,
      new: 0,
      unchanged: 1,
      fixed: [],
    });
  });

  test('files that are not committed; renames once they are staged', async () => {
    const folder = repository(base);
    write(folder, { ...off, 'more.json': blueprint('nope') });
    git(folder, 'mv', 'bad', 'worse');
    const { comparison, findings } = await compared(folder, ['--compare', 'HEAD']);
    expect(told(findings.filter(({ change }) => change === 'new'))).toEqual([
      'model-incompatible good/manifest.json nvidia-8gb apple-silicon-16gb',
      'unknown-model more.json',
    ]);
    expect([comparison.unchanged, comparison.fixed]).toEqual([1, []]);
  });

  test('what .gitignore of each version leaves out', async () => {
    const folder = repository({ ...base, '.gitignore': 'drafts/\n' });
    write(folder, { 'drafts/x.json': blueprint('nope') });
    git(folder, 'add', '-f', 'drafts');
    git(folder, 'commit', '-qm', 'x');
    expect((await compared(folder, ['--compare', 'HEAD'])).comparison).toMatchObject({
      new: 0,
      unchanged: 1,
    });
    write(folder, { '.gitignore': '' });
    expect((await compared(folder, ['--compare', 'HEAD'])).comparison).toMatchObject({
      new: 1,
      unchanged: 1,
    });
  });

  test('from a folder below the root, with names of files in the repository', async () => {
    const { '.mn/models/catalog.json': own = '', '.mn/targets.yaml': machines = '', ...blueprints } = base;
    const inside = Object.fromEntries(
      Object.entries(blueprints).map(([name, text]) => [`sub/${name}`, text]),
    );
    const folder = repository({ ...inside, 'ci/models.json': own, 'ci/targets.yaml': machines });
    const args = [
      '--compare',
      'HEAD',
      'good',
      '../sub/two.json',
      '--catalog',
      '../ci/*.json',
      '--targets',
      '../ci/targets.yaml',
    ];
    write(folder, {
      'sub/good/manifest.json': manifest('good', 'nemotron3'),
      'ci/models.json': catalog({ aliases: [] }),
    });
    const { comparison } = await compared(join(folder, 'sub'), args);
    expect(comparison).toMatchObject({ new: 2, unchanged: 0, fixed: [] });
    expect(comparison.dropped).toEqual([
      { blueprint: 'good', model: 'nemotron3', targets: both },
      { blueprint: 'two.json', model: 'team-small', targets: both },
    ]);
  });

  test('files that were named and are new', async () => {
    const folder = repository({ 'a.json': blueprint('gemma4:e2b') });
    write(folder, {
      'b.json': blueprint('nope'),
      'ci/targets.yaml': targets('nvidia-6gb'),
      'ci/models.json': catalog(),
    });
    const args = [
      '--compare',
      'HEAD',
      'b.json',
      'a.json',
      '--catalog',
      'ci/models.json',
      '--targets',
      'ci/targets.yaml',
    ];
    const { comparison } = await compared(folder, args);
    expect(comparison).toMatchObject({ new: 2, unchanged: 0, fixed: [], dropped: [] });
    expect(comparison.causes).toEqual([
      { message: 'The target nvidia-6gb was not checked before.', blueprints: [] },
    ]);
  });
});

describe('reports', () => {
  const change = (folder: string) => {
    git(folder, 'checkout', '-qb', 'change');
    commit(folder, {
      'good/manifest.json': manifest('good', 'nemotron3'),
      'bad/manifest.json': manifest('bad', 'gemma4:e2b'),
      '.mn/models/catalog.json': catalog({ aliases: [] }),
      '.mn/targets.yaml': targets('nvidia-8gb', 'apple-silicon-16gb', 'nvidia-6gb'),
    });
  };

  test.each([
    ['compare.txt', []],
    ['compare-quiet.txt', ['--quiet']],
    ['compare.md', ['--format', 'markdown']],
    ['compare-github.txt', ['--format', 'github']],
  ])('%s', async (name, args) => {
    const folder = repository(base);
    change(folder);
    const result = await mn([...validate, '--compare', 'main', ...args], { cwd: folder, env: gitEnv });
    expect(result).toMatchObject({ code: 1, stderr: '' });
    await expect(normal(result.stdout)).toMatchFileSnapshot(`snapshots/${name}`);
  });

  test('hostile names stay text', async () => {
    const name = '##[error]x|<b>\u202e';
    const folder = repository({ ...base, [`${name}/manifest.json`]: manifest(name, 'gemma4:e2b') });
    commit(folder, {
      [`${name}/manifest.json`]: manifest(name, 'nemotron3'),
      '.mn/targets.yaml': targets('nvidia-8gb').replace('8gb\n', '8gb\n    name: "::error::t<img>"\n'),
    });
    for (const format of ['text', 'markdown', 'github']) {
      const args = [...validate, '--compare', 'HEAD~1', '--format', format];
      const { stdout } = await mn(args, { cwd: folder, env: gitEnv });
      expect(stdout).toContain('drops');
      expect(stdout).not.toMatch(/##\[|\u202e/);
      if (format === 'markdown') expect(stdout).not.toMatch(/<(?:b|img)>/);
    }
  });
});

describe('exit codes', () => {
  const at = async (args: string[], files: Tree = {}, options: { cwd?: string } = {}) => {
    const folder = options.cwd ?? repository(base);
    write(folder, files);
    const result = await mn([...validate, ...args], { cwd: folder, env: gitEnv });
    expectNoCrash(result);
    return result;
  };
  const worse = { 'good/manifest.json': manifest('good', 'nemotron3') };

  test.each<[args: string[], files: Tree, code: number]>([
    [['--compare', 'HEAD'], {}, 1],
    [['--compare', 'HEAD', '--fail-new-only'], {}, 0],
    [['--compare', 'HEAD', '--fail-new-only'], worse, 1],
    [['--compare', 'HEAD', '--fail-new-only', '--fail-on', 'never'], worse, 0],
    [['--compare', 'HEAD', '--fail-new-only'], { 'bad/manifest.json': manifest('bad', 'gemma4:e2b') }, 0],
  ])('%j %j: %i', async (args, files, code) => {
    expect((await at(args, files)).code).toBe(code);
  });

  test.each([
    [
      ['--fail-new-only'],
      '--fail-new-only needs a version to compare with. Add --compare, as in --compare origin/main.',
    ],
    [
      ['--compare', 'nope'],
      'nothing is compared with nope: "nope" is no commit of this clone. Name a branch, a tag or a commit, as in origin/main.',
    ],
    [
      ['--compare=--upload-pack=touch x'],
      'nothing is compared with --upload-pack=touch x: "--upload-pack=touch x" is no name of a commit. Name a branch, a tag or a commit, as in origin/main.',
    ],
    [
      ['--compare', 'a\u001b[31m\nb'],
      'nothing is compared with a\\u{1b}[31m\\nb: "a\\u{1b}[31m\\nb" is no name of a commit. Name a branch, a tag or a commit, as in origin/main.',
    ],
  ])('%j is refused', async (args, message) => {
    expect(await at(args)).toMatchObject({ code: 2, stdout: '', stderr: `error: ${message}\n` });
  });

  test('outside of a repository, and without git', async () => {
    const outside = await at(['--compare', 'main', '--targets', 'nvidia-8gb'], base, { cwd: folderOf() });
    expect(outside).toMatchObject({
      code: 2,
      stderr:
        'error: nothing is compared with main: this folder is in no git repository. Run it in a clone.\n',
    });
    const without = await mn([...validate, '--compare', 'main'], { cwd: repository(base) });
    expect(without).toMatchObject({
      code: 2,
      stderr: 'error: nothing is compared with main: git is not installed, or not in PATH. Install it.\n',
    });
  });
});

describe('--changed-since', () => {
  const pathsOf = (report: { blueprints: { path: string }[] }) =>
    report.blueprints.map(({ path }) => path).sort();
  const payload = JSON.stringify({
    llm: {
      configs: { a: { source: { type: 'payload', path: 'm.gguf' }, model: 'own', context_size: 4096 } },
    },
  });
  const all = ['bad', 'good', 'one', 'own/x.json', 'two.json'];

  test.each<[name: string, files: Tree, expected: string[]]>([
    ['nothing', {}, []],
    ['another file', { 'README.md': 'x' }, []],
    ['a manifest', { 'good/manifest.json': manifest('good', 'nemotron3') }, ['good']],
    ['a layer that comes', { 'good/config/overwrite.json': '{}' }, ['good']],
    [
      'a file that no longer parses',
      { 'good/manifest.json': '{', 'good/config/default.json': '{}' },
      ['good'],
    ],
    ['a blueprint that comes', { 'more.json': blueprint('default') }, ['more.json']],
    ['a payload file', { 'own/payloads/m.gguf': 'x' }, ['own/x.json']],
    [
      'a model of the catalog',
      { '.mn/models/catalog.json': catalog({ context_size: 99 }) },
      ['one', 'two.json'],
    ],
    ['the targets', { '.mn/targets.yaml': targets('nvidia-8gb') }, all],
    ['the config file', { '.mn/model-check.yaml': 'force: true\n' }, all],
  ])('%s', async (name, files, expected) => {
    const folder = repository({ ...base, 'own/x.json': payload });
    write(folder, files);
    if (files['own/payloads/m.gguf'] !== undefined) git(folder, 'add', '-A');
    const args = [...validate, '--changed-since', 'HEAD'];
    const json = await mn([...args, '--json'], { cwd: folder, env: gitEnv });
    expect(json.stderr).toBe('');
    const report = readReport(json.stdout);
    expect(pathsOf(report)).toEqual(expected);
    const text = await mn(args, { cwd: folder, env: gitEnv });
    const head = git(folder, 'rev-parse', 'HEAD').trim();
    const short = head.slice(0, 7);
    const left = all.filter((path) => !expected.includes(path)).length;
    expect(report).toMatchObject({
      left_out: {
        blueprints: left,
        since: 'HEAD',
        commit: head,
        all_affected_by: expected !== all ? null : name === 'the targets' ? name : '.mn/model-check.yaml',
      },
    });
    expect(text.stdout).toContain(
      expected === all
        ? `Nothing was left out: ${name === 'the targets' ? name : '.mn/model-check.yaml'} changed since HEAD (${short}).`
        : `Left out ${left} blueprint${left === 1 ? '' : 's'} that no change since HEAD (${short}) can affect.`,
    );
  });

  test('a baseline does not take what is left out for gone', async () => {
    const folder = repository(base);
    const known = ['--baseline', 'known.json'];
    expect((await mn([...validate, ...known, '--update-baseline'], { cwd: folder, env: gitEnv })).code).toBe(
      0,
    );
    commit(folder);
    const same = await mn([...validate, ...known, '--changed-since', 'HEAD'], { cwd: folder, env: gitEnv });
    expect(same).toMatchObject({ code: 0, stderr: '' });
    expect(same.stdout).not.toContain('baseline-stale');
    // What the baseline hides is neither new nor fixed.
    const args = [...known, '--compare', 'HEAD'];
    expect((await compared(folder, args)).comparison).toMatchObject({ new: 0, unchanged: 0, fixed: [] });
    write(folder, {
      'known.json': readFileSync(join(folder, 'known.json'), 'utf8').replaceAll('"bad"', '"other"'),
    });
    expect((await compared(folder, args)).comparison).toMatchObject({ new: 0, unchanged: 1, fixed: [] });
  });

  test('together with --compare', async () => {
    expect(
      await mn([...validate, '--changed-since', 'HEAD', '--compare', 'HEAD'], { cwd: repository(base) }),
    ).toMatchObject({
      code: 2,
      stderr: 'error: --changed-since leaves out what --compare would compare. Give one of them.\n',
    });
  });
});

describe('the action on a pull request', () => {
  /** The repository of a pull request, as GitHub has it, and its merge commit. */
  function pullRequest() {
    const origin = repository(base);
    git(origin, 'checkout', '-qb', 'change');
    commit(origin, { 'good/manifest.json': manifest('good', 'nemotron3') });
    git(origin, 'checkout', '-q', 'main');
    const tip = commit(origin, { 'README.md': 'x' });
    git(origin, 'checkout', '-q', '--detach');
    git(origin, 'merge', '-q', '--no-edit', 'change');
    const merge = git(origin, 'rev-parse', 'HEAD');
    git(origin, 'update-ref', 'refs/pull/7/merge', merge);
    git(origin, 'checkout', '-q', 'main');
    return { origin, tip, merge };
  }

  /** What actions/checkout does, and then the action. */
  async function checkedOut(
    depth: number,
    inputs: Record<string, string> = {},
    event?: string,
    options: ActionOptions = {},
  ) {
    const { origin, tip, merge } = pullRequest();
    const clone = folderOf();
    git(clone, 'init', '-q');
    git(clone, 'remote', 'add', 'origin', `file://${origin}`);
    const how = depth === 0 ? [] : [`--depth=${depth}`];
    git(clone, 'fetch', '-q', '--no-tags', ...how, 'origin', `+${merge}:refs/remotes/pull/7/merge`);
    git(clone, 'checkout', '-q', '--force', 'refs/remotes/pull/7/merge');
    const files = folderOf({
      'event.json': event ?? JSON.stringify({ pull_request: { base: { sha: tip } } }),
    });
    const result = await act(clone, {
      inputs,
      env: {
        ...gitEnv,
        GITHUB_EVENT_NAME: 'pull_request',
        GITHUB_EVENT_PATH: join(files, 'event.json'),
        GITHUB_BASE_REF: 'main',
        GITHUB_REF: 'refs/pull/7/merge',
        GITHUB_SHA: merge,
        ...options.env,
      },
    });
    expectNoCrash(result);
    return { ...result, tip };
  }

  test('compares the merge commit with its first parent', async () => {
    const { code, summary, log, stdout, report, tip } = await checkedOut(2);
    expect(code).toBe(1);
    expect((report as unknown as Compared).comparison).toMatchObject({
      base: 'main',
      commit: tip,
      pull_request: true,
      new: 1,
      unchanged: 1,
      dropped: [{ blueprint: 'good', model: 'nemotron3', targets: both }],
    });
    expect(summary.split('\n').slice(0, 5)).toEqual([
      '### Models: this pull request drops good on NVIDIA, 8 GB VRAM · Apple Silicon, 16 GB',
      '',
      '- ✗ **This pull request drops good** (nemotron3) on NVIDIA, 8 GB VRAM · Apple Silicon, 16 GB',
      '',
      `**Compared with main (${tip.slice(0, 7)}):** 1 new (1 error), 0 fixed, 1 unchanged`,
    ]);
    expect(stdout).toContain(
      '✗ this pull request drops good (nemotron3) on NVIDIA, 8 GB VRAM · Apple Silicon, 16 GB',
    );
    // What is new comes first, though bad/ stands before good/.
    expect(log.annotations.map(({ message }) => message.split(': ')[0])).toEqual([
      'good/manifest.json:14:18 — This pull request drops good on NVIDIA, 8 GB VRAM · Apple Silicon, 16 GB',
      'bad/manifest.json:14:18 — llm.configs.primary asks for nemotron3. On NVIDIA, 8 GB VRAM',
    ]);
  });

  const notHere =
    'nothing is compared with main: the checkout has only the last commit. Set fetch-depth: 2 in actions/checkout, or the input compare to none.';

  test('goes on without the base, and says what to set', async () => {
    const { code, summary, stdout, report } = await checkedOut(1);
    expect([code, report?.summary.errors]).toEqual([1, 2]);
    expect(stdout.replaceAll('\n', ' ')).toContain(notHere.replace('nothing', 'Nothing'));
    expect(summary).toContain(notHere.replace('nothing', 'Nothing'));
    expect(report).not.toHaveProperty('comparison');
  });

  test.each<
    [name: string, depth: number, inputs: Record<string, string>, expected: unknown[], event?: string]
  >([
    ['only new findings count', 2, { 'fail-on-new': 'true' }, [1, []]],
    ['only new findings count, but the base is not there', 1, { 'fail-on-new': 'true' }, [2, [notHere]]],
    ['a version that was asked for', 2, { compare: 'HEAD' }, [1, 0]],
    [
      'a version that was asked for and is not there',
      1,
      { compare: 'origin/main' },
      [
        2,
        [
          'nothing is compared with origin/main: "origin/main" is not in this clone. Run git fetch --depth=1 origin main:refs/remotes/origin/main. In GitHub Actions, set fetch-depth: 0 in actions/checkout.',
        ],
      ],
    ],
    [
      'a hostile version',
      2,
      { compare: '--output=x' },
      [
        2,
        [
          'input compare: "--output=x" is no name of a commit. Name a branch, a tag or a commit, as in origin/main.',
        ],
      ],
    ],
    ['none', 2, { compare: 'none' }, [1, undefined]],
    ['left empty', 2, { compare: '' }, [1, 1]],
    // The merge commit still tells the base.
    ['an event that is no JSON', 2, {}, [1, 1], '{'],
    [
      'a hostile event',
      2,
      {},
      [1, 1],
      '{"__proto__":{"pull_request":1},"pull_request":{"base":{"sha":"--exec=x"}}}',
    ],
    ['an event of another shape', 2, {}, [1, 1], '{"pull_request":[{"base":null}]}'],
  ])('%s', async (_, depth, inputs, [code, expected], event) => {
    const result = await checkedOut(depth, inputs, event);
    expect(result.code).toBe(code);
    if (code === 2) expect(result.log.annotations.map(({ message }) => message)).toEqual(expected);
    else if (!Array.isArray(expected)) {
      expect((result.report as unknown as Compared).comparison?.new).toBe(expected);
    }
  });

  test.each<[name: string, inputs: Record<string, string>, event: string, left: unknown]>([
    [
      'the base of the pull request',
      { 'changed-since': 'auto' },
      'pull_request',
      { blueprints: 3, since: 'main', all_affected_by: null },
    ],
    [
      'a version',
      { 'changed-since': 'HEAD^' },
      'push',
      { blueprints: 3, since: 'HEAD^', all_affected_by: null },
    ],
    ['a push has no base', { 'changed-since': 'auto' }, 'push', undefined],
    ['with compare: none', { 'changed-since': 'HEAD', compare: 'none' }, 'push', { blueprints: 4 }],
  ])('changed-since: %s', async (_, inputs, event, left) => {
    const { report, stdout, tip } = await checkedOut(2, inputs, undefined, {
      env: { GITHUB_EVENT_NAME: event, NO_COLOR: '1' },
    });
    const { left_out: leftOut } = report as unknown as { left_out?: { since: string; blueprints: number } };
    if (left === undefined) expect(leftOut).toBeUndefined();
    else expect(leftOut).toMatchObject(left as object);
    expect(report).not.toHaveProperty('comparison');
    if (leftOut?.blueprints === 3) {
      expect(stdout).toContain(
        `Left out 3 blueprints that no change since ${leftOut.since} (${tip.slice(0, 7)}) can affect.`,
      );
    }
  });

  test.each<[name: string, depth: number, inputs: Record<string, string>, problem: string]>([
    [
      'without the base',
      1,
      { 'changed-since': 'auto' },
      'what changed since main is not known: the checkout has only the last commit. Set fetch-depth: 2 in actions/checkout.',
    ],
    [
      'with a comparison',
      2,
      { 'changed-since': 'auto', compare: 'HEAD' },
      'input changed-since leaves out what compare would compare. Give one of them.',
    ],
    [
      'with a hostile version',
      2,
      { 'changed-since': '--output=x' },
      'input changed-since: "--output=x" is no name of a commit. Name a branch, a tag or a commit, as in origin/main.',
    ],
  ])('changed-since %s', async (_, depth, inputs, problem) => {
    const { code, log } = await checkedOut(depth, inputs);
    expect([code, log.annotations.map(({ message }) => message)]).toEqual([2, [problem]]);
  });

  test('a push has no base', async () => {
    const { code, report } = await checkedOut(2, { 'fail-on-new': 'true' }, '{}', {
      env: { GITHUB_EVENT_NAME: 'push' },
    });
    expect([code, report?.summary.errors]).toEqual([1, 2]);
    expect(report).not.toHaveProperty('comparison');
  });
});

import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Report, RunInfo } from '../src/check/report.ts';
import type { Finding } from '../src/findings/finding.ts';
import { guardLines } from '../src/report/guard.ts';
import { reportJson } from '../src/report/json.ts';
import { readShard, Shared } from '../src/report/read-shard.ts';
import type { ShardPart } from '../src/report/shard.ts';
import { shardWriter } from '../src/report/shard.ts';
import { formatNames } from '../src/run/format-names.ts';
import { render } from '../src/run/formats.ts';
import { mergeReports } from '../src/run/merge.ts';
import { projectOf } from '../src/run/project.ts';
import type { RunOptions } from '../src/run/run.ts';
import { run } from '../src/run/run.ts';
import { UsageError } from '../src/run/usage-error.ts';
import { version } from '../src/version.ts';
import { anyReport } from './report-arbitrary.ts';
import { hostileStrings } from './report-builder.ts';
import { commit, git, gitEnv, repository } from './support/git.ts';
import { blueprint, expectNoCrash, folderOf, mn, normal, type Tree, write } from './support/process.ts';
import { isReport } from './support/report-schemas.ts';

vi.setConfig({ testTimeout: 60_000 });

const start = process.cwd();
afterEach(() => process.chdir(start));

const manifest = (model: string, more: object = {}) =>
  JSON.stringify(
    {
      apiVersion: 'mn.workflow/v1',
      config: { manifest_defaults: ['llm'] },
      ...JSON.parse(blueprint(model)),
      ...more,
    },
    null,
    2,
  );

/** A repository with findings of many kinds, in folders, files and catalogs. */
const many: Tree = {
  '.mn/targets.json':
    '{"targets": ["nvidia-8gb", "apple-silicon-8gb", {"preset": "cpu-32gb", "required": false}]}',
  '.mn/models/catalog.json': JSON.stringify(
    {
      models: [
        { id: 'team:7b', model: 'ai/team:7B', requirements: { min_vram_gb: 6 }, unknown_field: 1 },
        { id: 'bad', model: 5 },
        {
          id: 'big:70b',
          model: 'ai/big:70B',
          aliases: ['huge'],
          requirements: { min_vram_gb: 48 },
          fallback: 'team:7b',
        },
      ],
    },
    null,
    2,
  ),
  ...Object.fromEntries(
    Array.from({ length: 12 }, (_, at) => [
      `blueprints/b${at}/manifest.json`,
      manifest(['default', 'nemotron3', 'gemma4:e2', 'team:7b', 'huge', 'AI/Gemma4:E2B'][at % 6] as string, {
        identity: { blueprint_id: at % 4 === 3 ? 'twin' : `id-${at}` },
        runtime: { models: { other: { model: at % 3 === 0 ? 'nemotron3' : 'ai/nothing:1B' } } },
      }),
    ]),
  ),
  'blueprints/b3/config/default.json': '{"llm": {"configs": {"primary": {"model": "nemotron3"}}}}',
  'blueprints/b4/config/overwrite.json': '{"llm": {',
  'blueprints/b5/payloads/x.bin': '',
  'blueprints/nested/manifest.json': '{"name": "a web page"}',
  'blueprints/nested/config/live.json': blueprint('default'),
  'blueprints/nested/inner/manifest.json': manifest('rag-embedding'),
  'blueprints/broken/manifest.json': '{"apiVersion": ',
  'blueprints/broken/config/default.json': '{}',
  // The value stands behind more of its line than anybody shows.
  'minified.json': `{"note": "${'x'.repeat(5000)}", "llm": {"configs": {"p": {"provider": "dmr", "model": "nemotron3", "context_size": 9}}}, "more": "${'y'.repeat(5000)}"}`,
  'tabs.json': '{\r\n\t"é😀": 1,\r\n\t"llm": {\r\n\t\t"model":\t"gemma4:e2b ", "context_size": "many"}}\r\n',
  'skipped.json': '{"llm": {"enabled": false}, "knowledge_rag": {"embedding_model": "ai/unheard"}}',
  'fake.json': blueprint('default', { provider: 'fake' }),
  'customized.json': blueprint('hf.co/owner/model', { customize_mode: true }),
  'optional.json': blueprint('nemotron3', { required: false }),
  'optional-too.json': blueprint('nemotron3', { required: false, context_size: undefined }),
};

const shardCounts = [1, 2, 5, 40];

async function optionsFor(more: Partial<RunOptions> = {}): Promise<RunOptions> {
  return {
    paths: [],
    base: '.',
    include: [],
    exclude: [],
    targets: [],
    only: [],
    settings: [],
    catalogs: [],
    force: null,
    services: { ask: 'never', instead: 'leave it out' },
    ifNone: null,
    baseline: null,
    updateBaseline: false,
    project: await projectOf('.', null, true),
    positions: 'all',
    whenNobodyChose: 'table-rows',
    env: { ...gitEnv, MN_HOME: '/nowhere' },
    outside: true,
    compare: null,
    changedSince: null,
    ...more,
  };
}

/** A report in every format. */
async function allFormats(checked: { report: Report; info: RunInfo; source(file: string): string | null }) {
  const texts: Record<string, string> = {};
  for (const format of formatNames) {
    for (const width of format === 'text' ? [40, 100, 300] : [100]) {
      const { chunks, warning } = await render(format, checked.report, {
        info: checked.info,
        source: checked.source,
        version,
        color: format === 'text',
        width,
        quiet: false,
        link: (file, line) => `https://example.com/${file}#L${line}`,
        settled: true,
      });
      texts[`${format} ${width}`] = [...chunks].join('') + (warning ?? '');
    }
  }
  return texts;
}

/** Writes the report of each shard to a file of its own. Returns their names, the last one first. */
async function writeShards(total: number, options: RunOptions): Promise<string[]> {
  const folder = folderOf();
  const files: string[] = [];
  for (let index = 1; index <= total; index++) {
    const { report, info } = await run({ ...options, shard: { index, total } });
    expect(info.leftOut).toContain(`Shard ${index} of ${total}: `);
    const file = join(folder, `${index}.json`);
    writeFileSync(file, [...reportJson(report)].join(''));
    files.unshift(file);
  }
  return files;
}

/** Checks the current folder whole and in shards, and expects the same of both. Returns the whole report. */
async function expectSame(options: RunOptions, counts = shardCounts): Promise<Report> {
  const whole = await run(options);
  const expected = await allFormats(whole);
  for (const total of counts) {
    const files = await writeShards(total, options);
    isReport(JSON.parse(readFileSync(files[0] as string, 'utf8')));
    expect(isReport.errors).toBeNull();
    const merged = await mergeReports(files);
    expect({ total, ...(await allFormats(merged)) }).toEqual({ total, ...expected });
    const { ok, summary } = whole.report;
    expect({ ok: merged.report.ok, summary: merged.report.summary }).toEqual({ ok, summary });
  }
  return whole.report;
}

const ids = ({ findings }: Report) => [...new Set(findings.map(({ id }) => id))].sort();

const sinceMain = { ref: 'main', shown: 'main', mergeCommit: null };

describe('the merged report of shards is that of one run', () => {
  test('with findings of many kinds', async () => {
    process.chdir(folderOf(many));
    const report = await expectSame(await optionsFor());
    expect(ids(report)).toMatchInlineSnapshot(`
      [
        "context-size-missing",
        "invalid-catalog",
        "invalid-field",
        "invalid-json",
        "model-incompatible",
        "model-needs-force",
        "model-not-checked",
        "unknown-model",
      ]
    `);
    expect(report.summary.blueprints).toBe(22);
  });

  test('with more problems than are shown in full', async () => {
    const models = Array.from({ length: 130 }, (_, at) => [
      `m/${at % 7}/${at}.json`,
      blueprint(`no-model:${at}`),
    ]);
    process.chdir(folderOf(Object.fromEntries(models)));
    await expectSame(await optionsFor(), [3]);
  });

  test('with several paths, links, globs, .gitignore and named files that are none', async () => {
    const folder = folderOf(many);
    write(folder, { '.gitignore': 'tabs.json\n', '.git/HEAD': '', 'blueprints/.gitignore': 'b1/\n' });
    symlinkSync(join(folder, 'blueprints/b2/manifest.json'), join(folder, 'linked.json'));
    symlinkSync(join(folder, 'blueprints'), join(folder, 'loop'));
    mkdirSync(join(folder, 'blueprints/b7/config'));
    symlinkSync(
      join(folder, 'blueprints/b3/config/default.json'),
      join(folder, 'blueprints/b7/config/default.json'),
    );
    process.chdir(folder);
    const paths = [
      '.mn/targets.json',
      'blueprints/b1',
      'blueprints/b9/manifest.json',
      'blueprints/nested/config',
      '.',
      '.mn/models/catalog.json',
    ];
    await expectSame(await optionsFor({ paths, exclude: ['b10', '**/fake.json'] }));
    await expectSame(await optionsFor({ paths: ['blueprints'], include: ['**/b*'] }), [4]);
  });

  test.each([
    ['no blueprint', {}],
    ['no blueprint, which is an error', { ifNone: 'error' as const }],
    ['no blueprint, of which nobody wants to know', { ifNone: 'ignore' as const }],
    ['only named files that are none', { paths: ['y.json', 'x.json'] }],
  ])('with %s', async (_, more) => {
    process.chdir(folderOf({ 'x.json': '{}', 'y.json': '[]', 'dark/z.txt': '' }));
    const report = await expectSame(await optionsFor(more));
    expect(report.blueprints).toEqual([]);
  });

  test('with force, and one target', async () => {
    process.chdir(folderOf(many));
    await expectSame(await optionsFor({ force: true, targets: ['nvidia-6gb'] }), [3]);
  });

  test('with services that are missing', async () => {
    vi.stubEnv('MODEL_RUNNER_HOST', 'http://127.0.0.1:9');
    process.chdir(folderOf(many));
    const report = await expectSame(
      await optionsFor({ services: { ask: 'always', instead: 'leave it out' } }),
      [1, 4],
    );
    expect(ids(report)).toContain('runner-unavailable');
    vi.unstubAllEnvs();
  });
});

describe('what is known only of the whole run', () => {
  const suppressions = (...list: string[]) => ({
    '.mn/model-check.yaml': `baseline: .mn/baseline.json\nsuppressions:\n${list.map((one) => `  - {${one}, reason: because}\n`).join('')}`,
  });

  test('suppressions and a baseline', async () => {
    process.chdir(folderOf(many));
    // A baseline of everything, of which some is gone by now, and some is of blueprints that are gone.
    await run(await optionsFor({ baseline: '.mn/baseline.json', updateBaseline: true }));
    write('.', {
      ...suppressions(
        'finding: model-incompatible, blueprint: blueprints/b1',
        'finding: unknown-model, blueprint: "blueprints/*"',
        'finding: model-incompatible, blueprint: skipped.json',
        'finding: model-incompatible, blueprint: "blueprints/b2"',
        'finding: unknown-model, blueprint: nowhere',
        'finding: unknown-model, blueprint: "**", until: "2020-01-01"',
        'finding: model-incompatible, blueprint: "blueprints/b7", target: nvidia-8gb',
      ),
      'blueprints/b1/manifest.json': manifest('default'),
      'minified.json': blueprint('default'),
      'tabs.json': blueprint('nothing-of-it'),
      '.mn/models/catalog.json': (many['.mn/models/catalog.json'] as string).replace(
        '"unknown_field": 1,',
        '',
      ),
    });
    rmSync('blueprints/b3', { recursive: true });
    rmSync('optional.json');
    const report = await expectSame(await optionsFor());
    expect(ids(report)).toEqual(
      expect.arrayContaining(['baseline-stale', 'suppression-expired', 'suppression-unused']),
    );
    expect(new Set(report.hidden.map(({ by }) => by))).toEqual(new Set(['baseline', 'suppression']));
    // Where not everything is looked at, less is known to be stale or unused.
    await expectSame(
      await optionsFor({ paths: ['blueprints'], project: await projectOf('.', null, true) }),
      [3],
    );
    await expectSame(await optionsFor({ targets: ['nvidia-8gb'] }), [3]);
  });

  /** A branch that adds, changes, renames and deletes. */
  function branch(): string {
    const folder = repository(many);
    git(folder, 'checkout', '-qb', 'feature');
    const move = (from: string, to: string) => {
      mkdirSync(dirname(join(folder, to)), { recursive: true });
      renameSync(join(folder, from), join(folder, to));
    };
    move('blueprints/b6', 'blueprints/moved/b6');
    move('minified.json', 'files/minified.json');
    // Two folders that were one: both are compared with it.
    move('blueprints/b3/manifest.json', 'blueprints/x3/manifest.json');
    move('blueprints/b3/config', 'blueprints/y3/config');
    rmSync(join(folder, 'blueprints/b0'), { recursive: true });
    rmSync(join(folder, 'fake.json'));
    commit(folder, {
      'new.json': blueprint('nemotron3'),
      'blueprints/b5/manifest.json': manifest('nemotron3'),
      'blueprints/b7/manifest.json': manifest('default'),
      'blueprints/b11/manifest.json': manifest('nemotron3'),
      'blueprints/b12/manifest.json': manifest('gemma4:e2'),
      'blueprints/y3/manifest.json': manifest('gemma4:e2'),
      '.mn/models/catalog.json': (many['.mn/models/catalog.json'] as string)
        .replace('"min_vram_gb": 6', '"min_vram_gb": 12')
        .replace('"id": "bad"', '"id": "worse"'),
      '.mn/targets.json':
        '{"targets": ["nvidia-8gb", "nvidia-6gb", {"preset": "cpu-32gb", "required": false}]}',
    });
    return folder;
  }
  const main = { ref: 'main', shown: 'main', mergeCommit: null, pullRequest: false, optional: false };

  test('a comparison with a version', async () => {
    const folder = branch();
    process.chdir(folder);
    const { comparison } = await expectSame(await optionsFor({ compare: main }));
    expect(comparison).toMatchObject({ new: expect.any(Number), unchanged: expect.any(Number) });
    expect(comparison?.fixed.length).toBeGreaterThan(3);
    expect(comparison?.dropped.length).toBeGreaterThan(1);
    expect(comparison?.causes.length).toBeGreaterThan(2);
    // From a folder of the repository, and with the findings of the base in a baseline.
    await run(await optionsFor({ baseline: '.mn/baseline.json', updateBaseline: true }));
    await expectSame(await optionsFor({ compare: main, baseline: '.mn/baseline.json' }), [3]);
    process.chdir(join(folder, 'blueprints'));
    await expectSame(await optionsFor({ compare: main, paths: ['.', '../files'] }), [3]);
  });

  test('a comparison that is not possible', async () => {
    process.chdir(repository({ 'x.json': blueprint('default') }));
    const options = await optionsFor({ compare: { ...main, ref: 'nowhere', optional: true } });
    await expectSame(options, [2]);
  });

  test('what no change can affect', async () => {
    process.chdir(branch());
    await expectSame(await optionsFor({ changedSince: sinceMain }), [3]);
    git('.', 'checkout', '-q', 'main');
    git('.', 'checkout', '-qb', 'small');
    commit('.', { 'blueprints/b1/manifest.json': manifest('nemotron3') });
    const report = await expectSame(await optionsFor({ changedSince: sinceMain }));
    expect(report.blueprints.map(({ path }) => path)).toContain('blueprints/b1');
    expect(report.blueprints.length).toBeLessThan(6);
    git('.', 'checkout', '-q', 'main');
    expect(
      (await expectSame(await optionsFor({ changedSince: sinceMain }), [2])).findings.length,
    ).toBeLessThan(9);
  });
});

// --- files that are no shards of one run

/** The problems that a merge of these files has; the folder is left out. */
async function problemsOf(folder: string, ...files: string[]): Promise<string[]> {
  const error = await mergeReports(files.map((file) => join(folder, file))).catch(
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof UsageError)) throw error;
  return error.problems.map((problem) =>
    problem.replaceAll(`${folder}/`, '').replace(/character \d{4,}/, 'character N'),
  );
}

type Json = Record<string, unknown>;

/** Reports `1.json` and `2.json` of two shards, and `whole.json`. Returns how to write a changed one. */
async function twoShards(more: Partial<RunOptions> = {}) {
  const folder = folderOf({
    'a.json': blueprint('default'),
    'b.json': blueprint('nemotron3'),
    'c.json': blueprint('gemma4:e2'),
  });
  process.chdir(folder);
  const options = await optionsFor(more);
  const [second, first] = await writeShards(2, options);
  const texts = [first, second].map((file) => readFileSync(file as string, 'utf8')) as [string, string];
  const whole = [...reportJson((await run(options)).report)].join('');
  write(folder, { '1.json': texts[0], '2.json': texts[1], '.shards/1.json': texts[0], 'whole.json': whole });
  const change = (name: string, of: 1 | 2, edit: (report: Json, shard: Json) => void) => {
    const report = JSON.parse(texts[of - 1] as string) as Json;
    edit(report, report['shard'] as Json);
    write(folder, { [name]: JSON.stringify(report) });
  };
  return { folder, options, texts, change };
}

describe('what cannot be merged is said', () => {
  test('of files that are no report of a shard', async () => {
    const { folder, texts } = await twoShards();
    write(folder, {
      'text.json': 'no JSON',
      'cut.json': texts[0].slice(0, 2000),
      'more.json': `${texts[0]}{}`,
      'comma.json': texts[0].replace('"ok": true,', '"ok": true,,').replace('"ok": false,', '"ok": false,,'),
      'list.json': '[]',
      'other.json': '{"schema": "model-check.baseline/v1\u001b[31m", "blueprints": {}}',
      'none.json': '{"a": 1}',
      'empty.json': '',
      'dir/x': '',
    });
    expect(
      await problemsOf(
        folder,
        'text.json',
        'cut.json',
        'more.json',
        'comma.json',
        'list.json',
        'other.json',
        'none.json',
        'empty.json',
        'dir',
        'missing.json',
        'whole.json',
        '*.txt',
      ),
    ).toMatchInlineSnapshot(`
      [
        "no file matches "*.txt". Name the JSON reports of all shards.",
        ""text.json" is not JSON: character 1 is not {. Name the JSON reports of all shards.",
        ""cut.json" is not JSON: character N is not ,. Name the JSON reports of all shards.",
        ""more.json" is not JSON: character N stands behind the end. Name the JSON reports of all shards.",
        ""comma.json" is not JSON: character 54 is not ". Name the JSON reports of all shards.",
        ""list.json" is not JSON: character 1 is not {. Name the JSON reports of all shards.",
        ""other.json" is not JSON: Bad control character in string literal in JSON at position 24. Name the JSON reports of all shards.",
        ""none.json" is no report that this version reads: it has no schema, not "model-check.report/v1". Name the JSON reports of all shards.",
        ""empty.json" is not JSON: character 1 is not {. Name the JSON reports of all shards.",
        ""dir" is no regular file. Name the JSON reports of all shards.",
        ""missing.json" cannot be read: it is not there. Name the JSON reports of all shards.",
        ""whole.json" is of a whole run, and there is nothing to merge. Write it with --shard, as in --shard 1/4 --json.",
      ]
    `);
  });

  test('of shards that are not of one run', async () => {
    const { folder, options, change } = await twoShards();
    const [third, , first] = await writeShards(3, options);
    write(folder, {
      '1-of-3.json': readFileSync(first as string, 'utf8'),
      '3-of-3.json': readFileSync(third as string, 'utf8'),
    });
    change('old-1.json', 1, (_, shard) => {
      shard['version'] = '0.9.0';
    });
    change('old-2.json', 2, (_, shard) => {
      shard['version'] = '0.9.0';
    });
    const same = (key: string) => (_: Json, shard: Json) => {
      shard['same'] = { ...(shard['same'] as Json), [key]: 'x' };
    };
    change('files.json', 2, same('files'));
    change('all.json', 2, (report, shard) => {
      for (const key of ['files', 'targets', 'catalogs', 'options']) same(key)(report, shard);
    });
    const first1 = JSON.parse(readFileSync(join(folder, '1.json'), 'utf8')) as { blueprints: Json[] };
    change('twice.json', 2, (report, shard) => {
      report['blueprints'] = [...(report['blueprints'] as Json[]), ...first1.blueprints];
      shard['roots'] = (report['blueprints'] as Json[]).map(() => 0);
    });
    const told: Record<string, string[]> = {};
    for (const files of [
      '1.json',
      '1-of-3.json',
      '3-of-3.json',
      '1.json 1-of-3.json',
      '1.json 1.json 2.json',
      '1.json copy.json',
      'old-1.json 2.json',
      'old-1.json old-2.json',
      '1.json files.json',
      '1.json all.json',
      '1.json twice.json',
      'old-1.json 1-of-3.json',
    ]) {
      write(folder, { 'copy.json': readFileSync(join(folder, '1.json'), 'utf8') });
      told[files] = await problemsOf(folder, ...files.split(' ')).catch(() => ['merged']);
    }
    expect(told).toMatchInlineSnapshot(`
      {
        "1-of-3.json": [
          "shards 2 and 3 of 3 are missing. Give the reports of all shards.",
        ],
        "1.json": [
          "shard 2 of 2 is missing. Give the reports of all shards.",
        ],
        "1.json 1-of-3.json": [
          ""1.json" is shard 1 of 2, "1-of-3.json" shard 1 of 3: merge the shards of one split.",
        ],
        "1.json 1.json 2.json": [
          "merged",
        ],
        "1.json all.json": [
          ""all.json" is not of the run of "1.json": it has other files, other targets, other catalogs and other options. Check the same commit with the same options in every shard. Write the reports where no blueprint is looked for, as in .shards/1.json.",
        ],
        "1.json copy.json": [
          "shard 1 of 2 is in "1.json" and "copy.json". Give it once.",
          "shard 2 of 2 is missing. Give the reports of all shards.",
        ],
        "1.json files.json": [
          ""files.json" is not of the run of "1.json": it has other files. Check the same commit with the same options in every shard. Write the reports where no blueprint is looked for, as in .shards/1.json.",
        ],
        "1.json twice.json": [
          "more than one shard has "c.json". Write the reports anew.",
        ],
        "3-of-3.json": [
          "shards 1 and 2 of 3 are missing. Give the reports of all shards.",
        ],
        "old-1.json 1-of-3.json": [
          ""old-1.json" is of Model Check 0.9.0, "1-of-3.json" of 1.0.0: merge what one version wrote.",
          ""old-1.json" is shard 1 of 2, "1-of-3.json" shard 1 of 3: merge the shards of one split.",
        ],
        "old-1.json 2.json": [
          ""old-1.json" is of Model Check 0.9.0, "2.json" of 1.0.0: merge what one version wrote.",
        ],
        "old-1.json old-2.json": [
          ""old-1.json" is of Model Check 0.9.0, and this is 1.0.0: merge with the version that wrote it.",
        ],
      }
    `);
  });

  test('where other files, targets, catalogs or options were checked', async () => {
    const { folder, options } = await twoShards();
    const shardOf = async (name: string, more: Partial<RunOptions>) => {
      const { report } = await run({ ...options, ...more, shard: { index: 2, total: 2 } });
      write(folder, { [`.shards/${name}`]: [...reportJson(report)].join('') });
      return (await problemsOf(folder, '.shards/1.json', `.shards/${name}`)).map((problem) =>
        problem.replace(/^.*: it has | Check the same commit.*$/g, ''),
      );
    };
    const outside = folderOf();
    write(outside, { 'catalog.json': '{"models": []}' });
    // The reports themselves are files that were not there before.
    expect((await shardOf('x.json', {}))[0]).toMatch(/^other files\./);
    for (const name of ['1.json', '2.json', 'whole.json']) rmSync(join(folder, name));
    expect(await shardOf('x.json', { force: true })).toEqual(['other options.']);
    expect(await shardOf('y.json', { targets: ['nvidia-6gb'] })).toEqual(['other targets.']);
    expect(await shardOf('z.json', { catalogs: [join(outside, 'catalog.json')] })).toEqual([
      'other catalogs.',
    ]);
  });
});

describe('a report of a shard', () => {
  const part: ShardPart = {
    index: 1,
    total: 1,
    version,
    same: { files: 'a', targets: 'b', catalogs: 'c', options: 'd' },
    info: { targetsFrom: '', targetsHint: '', catalogFrom: '', force: false, notCompared: '' },
    facts: null,
    noBlueprint: { severity: null, searched: [], named: [] },
    stale: null,
    suppressions: [],
    services: [],
    roots: [],
    firstUses: [],
  };

  test('is read as it was written, whatever it holds', () => {
    fc.assert(
      fc.property(anyReport, ({ artifacts: _, ...any }) => {
        // Of a run: each blueprint once, findings about blueprints that there are, and verdicts of each model on all targets.
        const blueprints = any.blueprints.filter(
          ({ path }, at) => any.blueprints.findIndex((one) => one.path === path) === at,
        );
        const known = new Set(blueprints.map(({ path }) => path));
        const about = (finding: Finding): Finding => ({
          ...finding,
          blueprint: known.has(finding.blueprint ?? '') ? finding.blueprint : null,
          change: any.comparison === null ? null : finding.change,
        });
        const report: Report = {
          ...any,
          blueprints,
          verdicts: [],
          findings: any.findings.map(about),
          hidden: any.hidden.map((one) => ({ ...one, finding: { ...about(one.finding), change: null } })),
        };
        const roots = blueprints.map(() => 0);
        report.shard = shardWriter(report, { ...part, roots }, (file) => `${file}\n`.repeat(9));
        const text = [...reportJson(report)].join('');
        isReport(JSON.parse(text));
        expect(isReport.errors).toBeNull();
        const read = readShard(text, new Shared(), true);
        // A value without a line has no range in JSON.
        const { targets, findings, hidden } = report;
        expect(read).toMatchObject({ targets, blueprints, findings, hidden });
        const comparison = report.comparison && { ...report.comparison, new: 0, unchanged: 0 };
        if (comparison !== null) {
          comparison.fixed = comparison.fixed.map((one) => ({ ...one, change: null }));
        }
        expect(read.comparison).toEqual(comparison);
        expect(read.modelMemory).toEqual(report.modelMemory ?? null);
      }),
      { numRuns: 150 },
    );
  });

  /** Paths of all values of a JSON document, one of each list. */
  function places(value: unknown, path: (string | number)[] = []): (string | number)[][] {
    if (typeof value !== 'object' || value === null) return [path];
    const keys = Array.isArray(value) ? (value.length > 0 ? [value.length - 1] : []) : Object.keys(value);
    return [path, ...keys.flatMap((key) => places((value as never)[key], [...path, key]))];
  }
  function put(document: unknown, path: readonly (string | number)[], value: unknown): void {
    let at = document as never;
    for (const key of path.slice(0, -1)) at = at[key];
    Object.defineProperty(at, path.at(-1) as string, { value, enumerable: true });
  }

  test('that somebody changed is refused, or told without a control', async () => {
    const folder = repository({
      'a.json': blueprint('default'),
      'b.json': blueprint('nemotron3'),
      'c.json': blueprint('gemma4:e2'),
      '.mn/targets.json': '{"targets": ["nvidia-8gb"]}',
      '.mn/baseline.json':
        '{"schema": "model-check.baseline/v1", "blueprints": {"": {"x": {"y": []}}, "c.json": {"unknown-model": {"#/llm/configs/primary/model": []}}}}',
      '.mn/model-check.json':
        '{"baseline": ".mn/baseline.json", "suppressions": [{"finding": "unknown-model", "blueprint": "**", "reason": "r"}]}',
    });
    process.chdir(folder);
    commit(folder, { 'a.json': blueprint('nemotron3'), 'c.json': blueprint('gemma4:e3') }, ['b.json']);
    const compare = {
      ref: 'HEAD~1',
      shown: 'HEAD~1',
      mergeCommit: null,
      pullRequest: false,
      optional: false,
    };
    const [file] = await writeShards(1, await optionsFor({ compare }));
    const text = readFileSync(file as string, 'utf8');
    const deep = 'a list in lists';
    const hostile = [
      ...hostileStrings,
      '\u001b[31m\n::error::\u0007',
      null,
      -1,
      0.5,
      1e308,
      2 ** 40,
      [],
      {},
      JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}'),
      deep,
    ];
    const all = places(JSON.parse(text));
    expect(all.length).toBeGreaterThan(200);
    let merged = 0;
    for (const [at, path] of all.entries()) {
      if (path.length === 0) continue;
      for (const value of [
        hostile[at % hostile.length],
        hostile[(at * 7 + 3) % hostile.length],
        hostileStrings[at % hostileStrings.length],
      ]) {
        const report = JSON.parse(text);
        put(report, path, value);
        const changed = JSON.stringify(report).replace(`"${deep}"`, `${'['.repeat(1e5)}${']'.repeat(1e5)}`);
        write(folder, { 'changed.json': changed });
        const told = await mergeReports([join(folder, 'changed.json')]).then(allFormats, (error: unknown) => {
          if (!(error instanceof UsageError)) throw new Error(`${path.join('/')}: ${error}`);
          return { error: guardLines(error.problems.join('\n')) };
        });
        if (!('error' in told)) merged++;
        for (const [format, text] of Object.entries(told)) {
          const shown = format.startsWith('text') ? text.replaceAll(/\u001b\[\d+m/g, '') : text;
          expect(shown, `${format} ${path.join('/')}`).not.toMatch(
            /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/,
          );
        }
      }
    }
    expect(merged).toBeGreaterThan(100);
    expect(({} as Json)['polluted']).toBeUndefined();
  });
});

describe('mn report merge', () => {
  const config = { '.mn/model-check.yaml': 'fail-on: warning\nformat: [text, "junit:out/models.xml"]\n' };
  const tree: Tree = {
    '.mn/targets.json': '{"targets": ["nvidia-8gb"]}',
    'a.json': blueprint('default'),
    'b.json': blueprint('AI/gemma4:E2B'),
    'c/manifest.json': manifest('default'),
  };
  const shards = async (cwd: string, ...args: string[]) => {
    const codes = [];
    for (const index of [1, 2, 3]) {
      const words = ['--shard', `${index}/3`, '--json', '--output', `.shards/${index}.json`, ...args];
      codes.push((await mn(['blueprint', 'validate', ...words], { cwd })).code);
    }
    return codes;
  };

  test('prints and ends as a whole run does', async () => {
    for (const [more, code] of [
      [{}, 0],
      [{ 'd.json': blueprint('nemotron3') }, 1],
    ] as const) {
      const cwd = folderOf({ ...tree, ...more });
      const codes = await shards(cwd);
      expect(Math.max(...codes.map((one) => one ?? 9))).toBe(code);
      const merged = await mn(['report', 'merge', '.shards/*.json'], { cwd });
      const whole = await mn(['blueprint', 'validate'], { cwd });
      expectNoCrash(merged);
      expect(merged).toMatchObject({ code, stderr: '' });
      const untimed = whole.stdout.replace(/ · [\d.]+ m?s\n/, '\n');
      expect(merged.stdout).toBe(untimed);
    }
  });

  test('reads the config file as a check does', async () => {
    const warning = { '.mn/targets.json': '{"targets": ["rx-7600"]}' };
    const cwd = folderOf({ ...tree, ...warning, ...config });
    await shards(cwd, '--no-config');
    const args = ['report', 'merge', '.shards/1.json', '.shards/2.json', '.shards/3.json'];
    expect(await mn([...args, '--quiet', '--fail-on', 'error'], { cwd })).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await mn(args, { cwd })).toMatchObject({ code: 1, stderr: 'wrote out/models.xml\n' });
    expect(readFileSync(join(cwd, 'out/models.xml'), 'utf8')).toContain('<testsuites name="Model Check"');
    const failing = await mn([...args.slice(0, 3), '.shards/9.json', '.mn/targets.json'], { cwd });
    expect(failing).toMatchObject({ code: 2, stdout: '' });
    expect(failing.stderr).toBe(
      'error: ".shards/9.json" cannot be read: it is not there. Name the JSON reports of all shards.\n' +
        'error: ".mn/targets.json" is no report that this version reads: it has no schema, not "model-check.report/v1". Name the JSON reports of all shards.\n',
    );
  });

  test('a shard says that it is one', async () => {
    const { stdout } = await mn(['blueprint', 'validate', '--shard', '2/3'], { cwd: folderOf(tree) });
    await expect(normal(stdout)).toMatchFileSnapshot('snapshots/shard.txt');
  });
});

import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { Report, RunInfo } from '../src/check/report.ts';
import { guardLines } from '../src/report/guard.ts';
import { reportJson } from '../src/report/json.ts';
import { formatNames } from '../src/run/format-names.ts';
import { render } from '../src/run/formats.ts';
import { mergeReports } from '../src/run/merge.ts';
import { projectOf } from '../src/run/project.ts';
import type { RunOptions } from '../src/run/run.ts';
import { run } from '../src/run/run.ts';
import { UsageError } from '../src/run/usage-error.ts';
import type { Tree } from './support/process.ts';
import { blueprint, example, folderOf } from './support/process.ts';
import { isReport } from './support/report-schemas.ts';

vi.setConfig({ testTimeout: 60_000 });

const home = process.cwd();
afterAll(() => process.chdir(home));

const requirements = { memory: { min_gb: 24 }, gpu: { min_count: 1, min_memory_gb: 20 } };
/** Blueprints with something to say about targets, and with something that is wrong on any. */
const files: Tree = {
  '.mn/targets.yaml': example('targets.yaml'),
  '.mn/models/catalog.json': JSON.stringify([
    { id: 'drafts', model: 'ai/qwen3:8B-Q4_K_M', aliases: ['d'], requirements: { min_vram_gb: 10 } },
    { id: 'wrong', model: 'ai/x', requirements: { min_vram_gb: 'much' } },
  ]),
  'a.json': blueprint('nemotron3', { context_size: 131072 }),
  'b.json': blueprint('gemma4:e2b', { context_size: 8192 }),
  'c/manifest.json': JSON.stringify({
    apiVersion: '1',
    requirements,
    config: { manifest_defaults: ['llm'] },
    llm: { configs: { one: { model: 'drafts', context_size: 32768 }, two: { model: 'gemma4:e2b' } } },
    runtime: { models: { rag: { model: 'rag-embedding' } } },
  }),
  'd.json': blueprint('nemotron3', { required: false }),
  'e.json': blueprint('gemma4:e2', { context_size: 'many' }),
  'f.json': blueprint('gemma4:e2b', { backend: 'vllm' }),
  'g.json': '{"llm": {"model": "D", "enabled": true}}',
  'h/manifest.json': '{"apiVersion": ',
  'h/config/default.json': '{}',
  'i.json': '{"llm": {"enabled": false}}',
  'j.json': blueprint('drafts', { context_size: 300_000 }),
};
const ids = ['mac-m2-16', 'rtx-4060', 'lab-server', 'office-pc'];

async function optionsFor(more: Partial<RunOptions> = {}): Promise<RunOptions> {
  return {
    ...{ paths: [], base: '.', include: [], exclude: [], targets: [], only: [], settings: [], catalogs: [] },
    ...{
      force: null,
      ifNone: null,
      baseline: null,
      updateBaseline: false,
      compare: null,
      changedSince: null,
    },
    services: { ask: 'never', instead: 'leave it out' },
    project: await projectOf('.', null, true),
    positions: 'all',
    whenNobodyChose: 'table-rows',
    env: { MN_HOME: '/nowhere' },
    outside: true,
    ...more,
  };
}

/** A report in every format. */
async function allFormats({
  report,
  info,
  source,
}: {
  report: Report;
  info: RunInfo;
  source(file: string): string | null;
}) {
  const texts: Record<string, string> = {};
  for (const format of formatNames) {
    const { chunks } = await render(format, report, {
      ...{ info, source, version: '0.0.0', color: false, width: 100, quiet: false, settled: true },
      link: (file, line) => `https://example.com/${file}#L${line}`,
    });
    texts[format] = [...chunks].join('');
  }
  return texts;
}

/** Writes the report of one part to a file, after `change` had a look at it. */
async function writePart(
  folder: string,
  options: RunOptions,
  shard: [index: number, total: number],
  only: readonly string[],
  change: (report: Json) => void = () => {},
): Promise<string> {
  const { report } = await run({ ...options, shard: { index: shard[0], total: shard[1] }, only });
  const value = JSON.parse([...reportJson(report)].join(''));
  expect(isReport(value), JSON.stringify(isReport.errors)).toBe(true);
  change(value);
  const file = join(folder, `${shard[0]}-${only.join('-') || 'all'}.json`);
  writeFileSync(file, JSON.stringify(value));
  return file;
}
/** Whatever a part holds. */
type Json = ReturnType<typeof JSON.parse>;

/** The parts of so many shards on these groups of targets. */
async function writeParts(total: number, groups: readonly (readonly string[])[], options: RunOptions) {
  const folder = folderOf();
  const written: string[] = [];
  for (let index = 1; index <= total; index++) {
    for (const only of groups) written.push(await writePart(folder, options, [index, total], only));
  }
  return written;
}

async function problemsOf(names: readonly string[]): Promise<string[]> {
  try {
    await mergeReports(names);
  } catch (error) {
    if (error instanceof UsageError)
      return error.problems.map((problem) => problem.replace(/"[^"]*\/([^/"]+)"/g, '$1'));
    throw error;
  }
  return [];
}

describe('parts by target come to what one run says of all targets', () => {
  const each = ids.map((id) => [id]);
  test.each<[name: string, more: Partial<RunOptions>, config: string, total: number, groups: string[][]]>([
    ['one shard, a part for each target', {}, '', 1, each],
    ['three shards, in any order', {}, '', 3, [...each].reverse()],
    ['more shards than blueprints, two targets each', {}, '', 20, [ids.slice(2), ids.slice(0, 2)]],
    ['one part with all targets', {}, '', 2, [ids]],
    ['force', { force: true }, '', 2, each],
    [
      'none of them required',
      {},
      'targets: [intel-mac, raspberry-pi, nvidia-6gb]\n',
      1,
      [['nvidia-6gb'], ['intel-mac', 'raspberry-pi']],
    ],
    [
      'suppressions, used and not',
      {},
      `suppressions:
  - { finding: model-incompatible, blueprint: a.json, target: rtx-4060, reason: one }
  - { finding: memory-does-not-fit, blueprint: 'c', reason: all }
  - { finding: unknown-model, blueprint: e.json, reason: any target }
  - { finding: model-incompatible, blueprint: i.json, reason: never }
  - { finding: model-incompatible, blueprint: a.json, reason: late, until: '2020-01-31' }
`,
      2,
      each,
    ],
  ])('%s', async (_, more, config, total, groups) => {
    const tree = config === '' ? files : { ...files, '.mn/model-check.yaml': config };
    process.chdir(folderOf(tree));
    const options = await optionsFor(more);
    const whole = await run(options);
    const merged = await mergeReports(await writeParts(total, groups, options));
    expect(await allFormats(merged)).toEqual(await allFormats(whole));
    expect(merged.report.summary).toEqual(whole.report.summary);
    // A test of nothing would pass, too.
    expect(whole.report.findings.length).toBeGreaterThan(5);
  });

  test('what is said of targets is of many kinds', async () => {
    process.chdir(folderOf(files));
    const { report } = await run(await optionsFor());
    expect([...new Set(report.findings.map(({ id }) => id))].sort()).toEqual([
      'backend-unsupported',
      'context-exceeds-model',
      'context-size-missing',
      'invalid-catalog',
      'invalid-field',
      'invalid-json',
      'memory-does-not-fit',
      'memory-tight',
      'model-acceleration-unverified',
      'model-incompatible',
      'models-do-not-fit-together',
      'requirements-not-met',
      'unknown-model',
    ]);
  });
});

test('what a machine says of itself comes from its part, and once', async () => {
  process.chdir(folderOf(files));
  const options = await optionsFor();
  const folder = folderOf();
  const missing = (report: Json) => {
    const [about] = report.findings.filter(({ id }: Json) => id === 'unknown-model');
    const message = 'gemma4:e2b is not installed.';
    report.findings.push({ ...about, id: 'model-not-installed', severity: 'error', message, targets: [] });
    const models = [{ model: 'gemma4:e2b', blueprint: 'b.json' }];
    report.shard.services.push({
      reason: 'Docker is not there.',
      fix: 'Install it.',
      required: true,
      models,
    });
  };
  const written = [
    await writePart(folder, options, [1, 1], ids.slice(0, 1)),
    await writePart(folder, options, [1, 1], ids.slice(1, 3), missing),
    await writePart(folder, options, [1, 1], ids.slice(3), missing),
  ];
  const { report } = await mergeReports(written);
  const { report: whole } = await run(options);
  const more = report.findings.filter(({ id }) => ['model-not-installed', 'runner-unavailable'].includes(id));
  expect(more.map(({ id, severity }) => [id, severity])).toEqual([
    ['runner-unavailable', 'error'],
    ['model-not-installed', 'error'],
  ]);
  expect(report.findings.length).toBe(whole.findings.length + 2);
});

describe('parts that are not one run', () => {
  const [mac, rtx, lab, office] = ids as [string, string, string, string];
  const repository = () => process.chdir(folderOf(files));

  test('missing and doubled ones, by shard and target', async () => {
    repository();
    const options = await optionsFor();
    const folder = folderOf();
    const part = (index: number, ...only: string[]) => writePart(folder, options, [index, 3], only);
    const first = await part(1, mac, rtx);
    const written = [first, await part(1, rtx, lab), await part(1, office), await part(2, lab)];
    expect(await problemsOf(written)).toEqual([
      'target rtx-4060 of shard 1 of 3 is in 1-mac-m2-16-rtx-4060.json and 1-rtx-4060-lab-server.json. Give it once.',
      'targets mac-m2-16, rtx-4060 and office-pc of shard 2 of 3 are missing. Give the reports of all parts.',
      'shard 3 of 3 is missing. Give the reports of all shards.',
    ]);
    expect(
      await problemsOf([first, await part(1, lab), await part(2, ...ids), await part(3, ...ids)]),
    ).toEqual(['target office-pc of shard 1 of 3 is missing. Give the reports of all parts.']);
  });

  test('parts and whole shards', async () => {
    repository();
    const options = await optionsFor();
    const folder = folderOf();
    const written = [
      await writePart(folder, options, [1, 2], []),
      await writePart(folder, options, [2, 2], [mac]),
    ];
    expect(await problemsOf(written)).toEqual([
      '1-all.json checks all targets, 2-mac-m2-16.json only 1 of 4: merge the parts of one plan.',
    ]);
  });

  test('other targets, catalogs and files', async () => {
    repository();
    const folder = folderOf();
    const first = await writePart(folder, await optionsFor(), [1, 1], [mac]);
    const more = { targets: ['mac-m2-16', 'rtx-4060'], catalogs: ['more.json'] };
    writeFileSync('more.json', '[]');
    const second = await writePart(folder, await optionsFor(more), [1, 1], [rtx]);
    expect(await problemsOf([first, second])).toEqual([
      'targets lab-server and office-pc of shard 1 of 1 are missing. Give the reports of all parts.',
      '1-rtx-4060.json is not of the run of 1-mac-m2-16.json: it has other files, other targets and other catalogs. Check the same commit with the same options in every shard. Write the reports where no blueprint is looked for, as in .shards/1.json.',
    ]);
  });

  test('one target, two machines', async () => {
    repository();
    const options = await optionsFor();
    const folder = folderOf();
    const other = (report: Json) => {
      report.targets[0].memory_gb = 4;
    };
    const written = [
      await writePart(folder, options, [1, 2], [...ids]),
      await writePart(folder, options, [2, 2], [...ids], other),
    ];
    expect(await problemsOf([...written].reverse())).toEqual([
      'target mac-m2-16 is another machine in 1-mac-m2-16-rtx-4060-lab-server-office-pc.json than in 2-mac-m2-16-rtx-4060-lab-server-office-pc.json. Check it on machines that are the same, or describe it in a targets file.',
    ]);
  });

  test.each<[name: string, more: Partial<RunOptions>, what: string]>([
    ['a baseline', { baseline: 'known.json' }, 'a baseline'],
    [
      'a comparison',
      { compare: { ref: 'main', shown: 'main', mergeCommit: null, pullRequest: false, optional: false } },
      'a comparison',
    ],
  ])('%s is refused where it is made', async (_, more, what) => {
    process.chdir(
      folderOf({ ...files, 'known.json': '{"schema": "model-check.baseline/v1", "blueprints": {}}' }),
    );
    const options = await optionsFor({ ...more, shard: { index: 1, total: 2 }, only: [mac] });
    await expect(run(options)).rejects.toMatchObject({
      problems: [
        `a part of the blueprints on some of the targets goes without ${what}: these need all targets in one job. Leave the input target out, and take the output shards of mode plan instead of matrix.`,
      ],
    });
  });

  test.each<[name: string, change: (facts: Json, report: Json) => void, problem: string]>([
    [
      'facts that are a list',
      (_, report) => (report.shard.facts = []),
      'shard/facts must be an object; found an array',
    ],
    ['no facts', (_, report) => (report.shard.facts = null), 'shard/facts must be an object; found null'],
    [
      'a target that is none',
      (facts) => facts.targets.shift(),
      'shard/facts/targets must be all targets, those of the report too; found an array',
    ],
    [
      'a blueprint that is gone',
      (facts) => facts.blueprints.pop(),
      'shard/roots must be one for each blueprint; found an array',
    ],
    [
      'a prototype for a declaration',
      (facts) => (facts.blueprints[0].declarations[0] = JSON.parse('{"__proto__": {"pointer": "/x"}}')),
      'shard/facts/blueprints/0/declarations/0/pointer must be a text; found nothing',
    ],
    [
      'a number that is too large',
      (facts) => (facts.blueprints[0].ranges[0].line = 1e300),
      'shard/facts/blueprints/0/ranges/0/line must be a whole number from 1 on; found 1e+300',
    ],
    [
      'less than nothing',
      (facts) => (facts.catalogs[0].entries[0].requirements.min_vram_gb = -1),
      'shard/facts/catalogs/0/entries/0/requirements/min_vram_gb must be a number from 0 on; found -1',
    ],
    [
      'terminal controls',
      (facts) => (facts.blueprints[0].declarations[0].accepted = '\u001b[2J'),
      'shard/facts/blueprints/0/declarations/0/accepted must be a known one; found "\\u{1b}[2J"',
    ],
  ])('damaged: %s', async (_, change, problem) => {
    repository();
    const file = await writePart(folderOf(), await optionsFor(), [1, 1], [mac], (report) =>
      change(report.shard.facts, report),
    );
    expect(await problemsOf([file])).toEqual([`1-mac-m2-16.json is damaged: ${problem}. Write it anew.`]);
  });

  test('the same part twice', async () => {
    repository();
    const folder = folderOf();
    const file = await writePart(folder, await optionsFor(), [1, 1], ids);
    copyFileSync(file, join(folder, 'again.json'));
    expect(await problemsOf([file, join(folder, 'again.json')])).toEqual(
      ids.map(
        (id) =>
          `target ${id} of shard 1 of 1 is in 1-mac-m2-16-rtx-4060-lab-server-office-pc.json and again.json. Give it once.`,
      ),
    );
  });

  test('whatever stands in the facts is refused, or told without a control', async () => {
    repository();
    writeFileSync(
      '.mn/model-check.yaml',
      'suppressions: [{finding: unknown-model, blueprint: e.json, reason: r}]',
    );
    const folder = folderOf();
    const file = await writePart(folder, await optionsFor(), [1, 1], ids);
    const text = readFileSync(file, 'utf8');
    const deep = 'lists in lists';
    const hostile = [
      ...[
        '\u001b[2J\r\n::error::x',
        '##[error]\u202e',
        '<script>alert(1)</script>',
        '__proto__',
        '../../etc/passwd',
      ],
      ...[-1, 0.5, 1e308, Number.MAX_SAFE_INTEGER, null, true, {}, [], deep],
      JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}'),
    ];
    const all = places(JSON.parse(text).shard.facts);
    expect(all.length).toBeGreaterThan(80);
    let told = 0;
    for (const [at, path] of all.entries()) {
      for (const value of [hostile[at % hostile.length], hostile[(at * 5 + 2) % hostile.length]]) {
        const report = JSON.parse(text);
        put(report.shard, ['facts', ...path], value);
        const changed = JSON.stringify(report).replace(`"${deep}"`, '['.repeat(1e5) + ']'.repeat(1e5));
        writeFileSync(file, changed);
        const texts = await mergeReports([file]).then(allFormats, (error: unknown) => {
          if (!(error instanceof UsageError)) throw new Error(`${path.join('/')}: ${error}`);
          return { error: guardLines(error.problems.join('\n')) };
        });
        if (!('error' in texts)) told++;
        for (const [format, shown] of Object.entries(texts)) {
          expect(shown, `${format} ${path.join('/')}`).not.toMatch(
            /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/,
          );
          if (format === 'html' || format === 'markdown')
            expect(shown, path.join('/')).not.toContain('<script>alert(1)');
        }
      }
    }
    expect(told).toBeGreaterThan(30);
    expect(({} as Json)['polluted']).toBeUndefined();
  });
});

/** Paths of all values, of the last item of each list only. */
function places(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [path];
  const keys = Array.isArray(value) ? (value.length > 0 ? [value.length - 1] : []) : Object.keys(value);
  return [path, ...keys.flatMap((key) => places((value as Json)[key], [...path, key]))];
}

function put(document: Json, path: readonly (string | number)[], value: unknown): void {
  const at = path.slice(0, -1).reduce((one, key) => one[key], document);
  Object.defineProperty(at, path.at(-1) as string, { value, enumerable: true });
}

import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { ActionResult, Tree } from './support/process.ts';
import { act, blueprint, example, examples, expectNoCrash, folderOf, write } from './support/process.ts';

vi.setConfig({ testTimeout: 60_000 });

/** Runs the action; what it says where nothing was done. */
async function refused(inputs: Record<string, string>, files: Tree = {}) {
  const result = await act(folderOf(files), { inputs });
  expectNoCrash(result);
  const { code, outputs, summary, log } = result;
  expect({ code, outputs: outputs.size, summary }).toEqual({ code: 2, outputs: 0, summary: '' });
  return log.annotations.map(({ message }) => message);
}

describe('mode: plan', () => {
  test('sets the matrix, says why, and nothing else', async () => {
    const folder = folderOf({ ...examples(), 'not-json.json': '{', 'broken/manifest.json': '{' });
    const { code, stdout, outputs, summary, log } = await act(folder, {
      inputs: { mode: 'plan', targets: 'examples/targets.yaml', 'max-jobs': '3' },
    });
    expect({ code, summary, commands: log.commands }).toEqual({ code: 0, summary: '', commands: [] });
    const jobs = {
      include: [
        { shard: '1/1', id: 'mac-m2-16', name: 'Apple M2, 16 GB' },
        { shard: '1/1', id: 'rtx-4060,office-pc', name: 'RTX 4060 and 1 more' },
        {
          shard: '1/1',
          id: 'lab-server',
          name: 'Lab server, 2 × RTX 3090',
          'runs-on': ['self-hosted', 'linux', 'gpu'],
        },
      ],
    };
    expect(Object.fromEntries(outputs)).toEqual({
      matrix: JSON.stringify(jobs),
      shards: '{"include":[{"shard":"1/1"}]}',
      'shard-count': '1',
    });
    expect(stdout.split('\n').slice(1, -2)).toEqual([
      'Targets: 4 targets from examples/targets.yaml.',
      expect.stringMatching(
        /^1 shard for \d+ blueprint folders and JSON files, \d+ kB together \(one job takes 25,000 of them or 300 MB\)\.$/,
      ),
      '3 jobs in the output matrix (at most 3), in which targets with the same runs-on share a job: one for each shard and target would be 4.',
      '1 job in the output shards, each for all 4 targets.',
    ]);
  });

  test('counts what a check would look at', async () => {
    const folder = folderOf({
      'a.json': blueprint('default'),
      'b/c.json': blueprint('default'),
      'd/e.json': blueprint('default'),
      '.mn/model-check.yaml': 'exclude: [b, d]\n',
    });
    const { stdout } = await act(folder, { inputs: { mode: 'plan' } });
    expect(stdout).toContain('1 shard for 1 blueprint folder or JSON file, 1 kB together');
  });

  test.each<[name: string, inputs: Record<string, string>, problems: string[]]>([
    [
      'inputs of other modes, and wrong ones',
      { 'max-jobs': '257', annotations: 'false', reports: 'x', catalogs: 'c.json', shard: '1/2' },
      [
        'input max-jobs is "257". Write a number from 1 to 256.',
        'input shard is for mode check, and mode is plan. Leave it out, or set another mode.',
        'input catalogs is for mode check, and mode is plan. Leave it out, or set another mode.',
        'input annotations is for mode check or merge, and mode is plan. Leave it out, or set another mode.',
        'input reports is for mode merge, and mode is plan. Leave it out, or set another mode.',
      ],
    ],
    [
      'a number that is none',
      { 'max-jobs': '1e2' },
      ['input max-jobs is "1e2". Write a number from 1 to 256.'],
    ],
    [
      'everything that is missing',
      { paths: 'nope', targets: 'rtx4090' },
      [
        '"nope": there is no such file or folder. Name a blueprint folder or a JSON file.',
        'unknown target "rtx4090". Did you mean rtx-4090? See mn target list (109 presets), or give a file.',
      ],
    ],
    [
      'a target that is none of them',
      { targets: 'rtx-4060, mac-m2-16', target: 'mac-m2-16,rtx4060' },
      ['target "rtx4060" is none of the targets. Did you mean rtx-4060? There are: rtx-4060, mac-m2-16.'],
    ],
  ])('refuses %s', async (_, inputs, problems) => {
    expect(await refused({ mode: 'plan', ...inputs })).toEqual(problems);
  });
});

test('a mode that is none, and inputs that only other modes have', async () => {
  expect(await refused({ mode: 'plan-merge' })).toEqual([
    'input mode is "plan-merge". Write check, plan or merge.',
  ]);
  expect(await refused({ 'max-jobs': '3', reports: 'x' })).toEqual([
    'input max-jobs is for mode plan, and mode is check. Leave it out, or set another mode.',
    'input reports is for mode merge, and mode is check. Leave it out, or set another mode.',
  ]);
});

/** A repository that is checked in several jobs, each in a checkout of its own. */
const repository: Tree = {
  ...examples(),
  '.mn/targets.yaml': example('targets.yaml'),
  '.mn/model-check.yaml': 'fail-on: warning\n',
  'more/one.json': blueprint('nemotron3'),
  'more/two.json': blueprint('no-model'),
};

interface Job {
  shard: string;
  id?: string;
}

/** What the workflow does: plan, a job for each entry of an output, merge. `lost`: jobs that leave no report. */
async function workflow(
  output: 'shards' | 'matrix',
  plan: Record<string, string>,
  lost: readonly number[] = [],
) {
  const planned = await act(folderOf(repository), { inputs: { mode: 'plan', ...plan } });
  const jobs = (JSON.parse(planned.outputs.get(output) ?? '') as { include: Job[] }).include;
  const reports: Tree = {};
  for (const [index, { shard, id }] of jobs.entries()) {
    const name = `part-${index}.json`;
    const folder = folderOf(repository);
    const { code, log, summary } = await act(folder, {
      inputs: {
        shard,
        ...(id === undefined ? {} : { target: id }),
        'report-file': name,
        annotations: 'false',
        summary: 'never',
        'fail-on': 'never',
      },
    });
    expect({ code, commands: log.commands, summary }).toEqual({ code: 0, commands: [], summary: '' });
    if (!lost.includes(index)) reports[`reports/${name}`] = readFileSync(join(folder, name));
  }
  // Only the config file is checked out there.
  const inputs = { mode: 'merge', reports: 'reports/*.json', ...files };
  const folder = folderOf({ '.mn/model-check.yaml': 'fail-on: warning\n', ...reports });
  return { jobs, folder, merged: await act(folder, { inputs, env: { NO_COLOR: '1' } }) };
}

const files = {
  'report-file': 'all.json',
  'sarif-file': 'all.sarif',
  'junit-file': 'all.xml',
  'html-file': 'all.html',
};

/** All that people and programs get of a run, without what differs between runs. */
function told({ code, stdout, summary, log }: ActionResult, folder: string) {
  const timeless = (text: string) => text.replace(/ · (?:\d+ ms|\d+\.\d s)\b/g, ' · <time>');
  const withoutTokens = stdout.replace(/^::(?:stop-commands::)?\d+(?:::)?$/gm, '');
  return {
    code,
    log: timeless(withoutTokens),
    annotations: log.annotations,
    summary: timeless(summary),
    written: Object.values(files).map((file) => timeless(readFileSync(join(folder, file), 'utf8'))),
  };
}

describe('plan, check, merge', () => {
  test.each<[output: 'shards' | 'matrix', jobs: number]>([
    ['shards', 1],
    ['matrix', 3],
  ])('as one job: %s', async (output, amount) => {
    const single = folderOf(repository);
    const whole = await act(single, { inputs: files, env: { NO_COLOR: '1' } });
    const { jobs, merged, folder } = await workflow(output, { 'max-jobs': '3' });
    expect(jobs).toHaveLength(amount);
    expect(told(merged, folder)).toEqual(told(whole, single));
    expect(whole.code).toBe(1);
    for (const name of ['ok', 'errors', 'warnings', 'matrix', 'installed']) {
      expect(merged.outputs.get(name), name).toBe(whole.outputs.get(name));
    }
    expect(merged.outputs.get('env')).toBe('{}');
  });

  test('a job that crashed is missing, and the merge fails', async () => {
    const { merged } = await workflow('matrix', { 'max-jobs': '3' }, [1]);
    expect(merged.code).toBe(2);
    expect(merged.log.annotations).toEqual([
      {
        name: 'error',
        properties: { title: 'Model Check: nothing was checked' },
        message: 'targets rtx-4060 and office-pc of shard 1 of 1 are missing. Give the reports of all parts.',
      },
    ]);
  });
});

describe('mode: merge', () => {
  test.each<[name: string, inputs: Record<string, string>, problems: string[]]>([
    [
      'no reports',
      {},
      [
        'mode is merge, and the input reports names none. Write globs of the JSON reports of all parts, as in reports/*.json.',
      ],
    ],
    [
      'what is not there',
      { reports: 'reports/*.json\nreports/one.txt\n../*.json\n/etc/hosts' },
      [
        'input reports: no file matches "reports/*.json". The job of each part writes its report with report-file and uploads it with actions/upload-artifact; actions/download-artifact brings all of them here.',
        'input reports: "../*.json" leads out of the workspace. Name something inside it.',
        'input reports: "/etc/hosts" leads out of the workspace. Name something inside it.',
      ],
    ],
    [
      'inputs of a check',
      { reports: 'x', targets: 'detect', shard: '1/2', 'changed-since': 'main' },
      [
        'input targets is for mode check or plan, and mode is merge. Leave it out, or set another mode.',
        'input shard is for mode check, and mode is merge. Leave it out, or set another mode.',
        'input changed-since is for mode check, and mode is merge. Leave it out, or set another mode.',
      ],
    ],
  ])('refuses %s', async (_, inputs, problems) => {
    expect(await refused({ mode: 'merge', ...inputs })).toEqual(problems);
  });

  test('refuses a link that leads out of the workspace, and what is no report', async () => {
    const outside = folderOf({ 'secret.json': '{"token": "hunter2"}' });
    const folder = folderOf({ 'reports/a.json': '{"token": "hunter2"}', 'reports/b.json': '::error::x' });
    const inputs = { mode: 'merge', reports: 'reports/*.json' };
    const wrong = await act(folder, { inputs });
    expect(wrong.log.annotations.map(({ message }) => message)).toEqual([
      '"reports/a.json" is no report that this version reads: it has no schema, not "model-check.report/v1". Name the JSON reports of all shards.',
      expect.stringMatching(/^"reports\/b\.json" is not JSON: /),
    ]);
    symlinkSync(join(outside, 'secret.json'), join(folder, 'reports', 'c.json'));
    const linked = await act(folder, { inputs: { ...inputs, reports: 'reports/c.json' } });
    expect(linked.code).toBe(2);
    expect(linked.log.annotations.map(({ message }) => message)).toEqual([
      'input reports: "reports/c.json" leads out of the workspace. Name something inside it.',
    ]);
    expect(`${wrong.stdout}${linked.stdout}`).not.toContain('hunter2');
  });

  test('inputs win over the config file, and working-directory is where globs begin', async () => {
    const folder = folderOf(repository);
    write(folder, { 'sub/.mn/model-check.yaml': 'summary: never\n' });
    await act(folder, { inputs: { shard: '1/1', 'report-file': 'sub/reports/a.json', 'fail-on': 'never' } });
    const inputs = {
      mode: 'merge',
      reports: 'reports/*.json',
      'working-directory': 'sub',
      'fail-on': 'never',
    };
    const { code, summary, log } = await act(folder, { inputs });
    expect({ code, summary }).toEqual({ code: 0, summary: '' });
    expect(log.annotations.length).toBeGreaterThan(3);
  });
});

test.each([
  ['2of3', 'input shard is "2of3". Write it as 2/5, the second of five parts; there may be 256.'],
  ['0/3', 'input shard is "0/3". Write it as 2/5, the second of five parts; there may be 256.'],
])('a shard that is none: %s', async (shard, problem) => {
  expect(await refused({ shard })).toEqual([problem]);
});

import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { Tree } from './support/process.ts';
import {
  act,
  actionFile,
  blueprint,
  cliFile,
  examples,
  expectNoCrash,
  folderOf,
  isWindows,
  mn,
  normal,
  readReport,
  write,
} from './support/process.ts';
import { isReport } from './support/report-schemas.ts';

vi.setConfig({ testTimeout: 120_000 });

const validate = ['blueprint', 'validate'];
const targets = ['--targets', 'examples/targets.yaml'];
const baseline = ['--baseline', '.mn/baseline.json'];
const config = '.mn/model-check.yaml';

/** The examples in a repository of their own, so that paths begin at its root. */
const repository = (more: Tree = {}) => folderOf({ '.git/keep': '', ...examples(), ...more });

async function run(cwd: string, ...args: string[]) {
  const result = await mn([...validate, ...args], { cwd });
  expectNoCrash(result);
  return result;
}

/** The problems that are left, from the JSON report. */
async function problems(cwd: string, ...args: string[]) {
  const { code, stdout } = await run(cwd, ...args, '--json');
  const report = readReport(stdout);
  expect(isReport(report), JSON.stringify(isReport.errors)).toBe(true);
  const { known = 0, suppressed = 0 } = report.summary;
  const found = report.findings
    .filter(({ severity, id }) => severity !== 'note' || /^(?:baseline|suppression)-/.test(id))
    .map(({ id, file, line, targets: on }) => `${id} ${file}:${line} ${on.join(' ')}`.trim());
  return { code, known, suppressed, found };
}

describe('a baseline', () => {
  test('hides what it was made from, and shows one new wrong model', async () => {
    const folder = repository();
    const made = await run(folder, ...targets, ...baseline, '--update-baseline');
    expect({ code: made.code, stderr: made.stderr }).toEqual({
      code: 0,
      stderr: 'wrote .mn/baseline.json: 4 entries\n',
    });
    const text = readFileSync(join(folder, '.mn/baseline.json'), 'utf8');
    expect(await problems(folder, ...targets, ...baseline)).toEqual({
      code: 0,
      known: 4,
      suppressed: 0,
      found: [],
    });

    // Lines move; from another folder the same things are known.
    const file = 'examples/blueprints/contract_reader/manifest.json';
    write(folder, { [file]: `\n\n\n${readFileSync(join(folder, file), 'utf8')}` });
    expect(await problems(folder, ...targets, ...baseline)).toMatchObject({ code: 0, known: 4, found: [] });
    const below = join(folder, 'examples');
    const fromBelow = ['--targets', 'targets.yaml', '--baseline', '../.mn/baseline.json'];
    expect(await problems(below, ...fromBelow)).toMatchObject({ code: 0, known: 4, found: [] });

    // One new wrong model.
    write(folder, { 'examples/blueprints/new.json': blueprint('gemma4:e2') });
    expect(await problems(folder, ...targets, ...baseline)).toEqual({
      code: 1,
      known: 4,
      suppressed: 0,
      found: ['unknown-model examples/blueprints/new.json:1'],
    });

    // Part of the repository, and then what was there is gone.
    rmSync(join(folder, 'examples/blueprints/contract_reader'), { recursive: true });
    const others = 'examples/blueprints/support_assistant';
    const stale = 'baseline-stale .mn/baseline.json:6';
    expect(await problems(folder, others, ...targets, ...baseline)).toMatchObject({
      code: 0,
      found: [stale],
    });
    expect(await problems(folder, ...targets, ...baseline)).toMatchObject({
      code: 1,
      known: 0,
      found: ['unknown-model examples/blueprints/new.json:1', stale],
    });
    const pruned = await run(folder, others, ...targets, ...baseline, '--update-baseline');
    expect(pruned.stderr).toBe('wrote .mn/baseline.json: 0 entries, 0 new, 4 gone\n');
    expect(text).toContain('"examples/blueprints/contract_reader"');
  });

  test('is the same bytes when it is made again', async () => {
    const folder = repository();
    const bytes = async () => {
      await run(folder, ...targets, ...baseline, '--update-baseline');
      return readFileSync(join(folder, '.mn/baseline.json'), 'utf8');
    };
    expect(await bytes()).toBe(await bytes());
  });

  test.each<[what: string, files: Tree, args: string[], stderr: string]>([
    [
      'that is not there',
      {},
      baseline,
      'error: the baseline ".mn/baseline.json" cannot be read: it is not there. To make it: mn blueprint validate --baseline .mn/baseline.json --update-baseline\n',
    ],
    [
      'that is something else is not written over',
      { 'package.json': '{"name": "x"}' },
      ['--baseline', 'package.json', '--update-baseline'],
      'error: package.json:1:1: This is no baseline that this version reads: it has no schema, not "model-check.baseline/v1". Name another file.\n',
    ],
    [
      'without a name',
      {},
      ['--update-baseline'],
      'error: --update-baseline needs the file to write. Add --baseline .mn/baseline.json, or baseline to .mn/model-check.yaml.\n',
    ],
    [
      'where a folder is',
      { 'b/x': '' },
      ['--baseline', 'b'],
      'error: the baseline "b" cannot be read: it is a folder. Put a readable file here.\n',
    ],
  ])('%s', async (_, files, args, stderr) => {
    const folder = repository(files);
    expect(await run(folder, ...targets, ...args)).toMatchObject({ code: 2, stdout: '', stderr });
    for (const [file, text] of Object.entries(files))
      expect(readFileSync(join(folder, file), 'utf8')).toBe(text);
  });
});

const rules = `targets: examples/targets.yaml
exclude: support_assistant
baseline: .mn/baseline.json
suppressions:
  - finding: model-incompatible
    blueprint: examples/blueprints/contract_reader
    target: mac-m2-16
    reason: The Macs are replaced in March. | <b>::error::</b>
    until: 2999-12-31
  - finding: model-acceleration-unverified
    blueprint: examples/**
    reason: Verified by hand.
`;

describe('a config file', () => {
  test('says what the command line leaves open, from any folder', async () => {
    const folder = repository({ [config]: rules });
    const made = await run(folder, '--update-baseline');
    expect({ code: made.code, stderr: made.stderr }).toEqual({
      code: 0,
      stderr: 'wrote .mn/baseline.json: 2 entries\n',
    });
    expect(JSON.parse(readFileSync(join(folder, '.mn/baseline.json'), 'utf8')).blueprints).toEqual({
      'examples/blueprints/contract_reader': {
        'model-incompatible': {
          'config/default.json#/llm/configs/primary/runtime_model': ['rtx-4060'],
          'manifest.json#/runtime/models/primary/model': ['rtx-4060'],
        },
      },
    });
    const clean = { code: 0, known: 2, suppressed: 4, found: [] };
    expect(await problems(folder)).toEqual(clean);
    expect(await problems(join(folder, 'examples/blueprints'))).toEqual(clean);

    for (const [name, args] of [
      ['hidden.txt', []],
      ['hidden.md', ['--format', 'markdown']],
    ] as const) {
      const { stdout } = await run(folder, ...args);
      await expect(normal(stdout)).toMatchFileSnapshot(`snapshots/e2e-${name}`);
    }
  });

  const needs = 'fail-on: never\ntargets: nvidia-6gb\nif-none: error\nformat: json\nforce: true\n';
  test.each<[what: string, args: string[], code: number, shows: string | RegExp]>([
    ['its format', [], 0, /^\{\n/],
    ['force', [], 0, '"model-forced"'],
    ['--no-force', ['--no-force'], 0, '"model-incompatible"'],
    ['--fail-on wins', ['--no-force', '--fail-on', 'error'], 1, '"model-incompatible"'],
    ['--format wins', ['--format', 'text'], 0, 'with options from .mn/model-check.yaml'],
    ['--targets wins', ['--targets', 'nvidia-8gb', '--format', 'text'], 0, 'on NVIDIA, 8 GB VRAM'],
    ['if-none', ['examples/catalog.json'], 0, '"no-blueprint","severity":"error"'],
    ['--if-none wins', ['examples/catalog.json', '--if-none', 'ignore'], 0, '"findings": []'],
    [
      '--config wins',
      ['--config', 'other.json'],
      1,
      'against NVIDIA, 6 GB VRAM, with options from other.json',
    ],
    [
      '--no-config',
      ['--no-config', '--targets', 'nvidia-6gb'],
      1,
      /^Checked 1 blueprint against NVIDIA, 6 GB VRAM\n/,
    ],
  ])('%s', async (_, args, code, shows) => {
    const folder = folderOf({
      '.git/keep': '',
      'a.json': blueprint('default'),
      [config]: needs,
      'other.json': '{"targets": "nvidia-6gb"}',
      'examples/catalog.json': '{}',
    });
    const result = await run(folder, ...args);
    expect(result).toMatchObject({ code, stderr: '' });
    expect(result.stdout).toMatch(shows);
  });

  test.each<[what: string, files: Tree, args: string[], stderr: string]>([
    [
      'that is wrong',
      { [config]: 'failon: never\nforce: 1\n' },
      [],
      'error: .mn/model-check.yaml:1:9: The file has the unknown field "failon". Did you mean fail-on?\nerror: .mn/model-check.yaml:2:8: force must be true or false; found 1.\n',
    ],
    [
      'beside another one',
      { [config]: '', '.mn/model-check.json': '{}' },
      [],
      'error: there is more than one config file: .mn/model-check.json, .mn/model-check.yaml. Keep .mn/model-check.json or .mn/model-check.yaml, and remove the rest.\n',
    ],
    [
      'that is not there',
      {},
      ['--config', 'c.yaml'],
      'error: the config file "c.yaml" cannot be read: it is not there. Put a readable file here.\n',
    ],
    [
      'whose targets and baseline are wrong',
      { [config]: 'targets: rtx4060\nbaseline: no.json\n' },
      [],
      'error: unknown target "rtx4060". Did you mean rtx-4060? See mn target list (109 presets), or give a file.\nerror: the baseline "no.json" cannot be read: it is not there. To make it: mn blueprint validate --baseline no.json --update-baseline\n',
    ],
  ])('%s', async (_, files, args, stderr) => {
    expect(await run(repository(files), ...args)).toMatchObject({ code: 2, stdout: '', stderr });
  });

  test.skipIf(isWindows)('leads to nothing outside of the repository, not by a link either', async () => {
    const outside = folderOf({ 'targets.yaml': 'secret: [nvidia-8gb]' });
    const folder = repository({ [config]: 'targets: .mn/t.yaml\nbaseline: link/b.json\npaths: [., link]\n' });
    symlinkSync(join(outside, 'targets.yaml'), join(folder, '.mn/t.yaml'));
    symlinkSync(outside, join(folder, 'link'));
    const { code, stderr } = await run(folder, '--update-baseline');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `error: .mn/model-check.yaml:1:10: ".mn/t.yaml" leads out of the repository. Name something inside it.
error: .mn/model-check.yaml:2:11: "link/b.json" leads out of the repository. Name something inside it.
error: .mn/model-check.yaml:3:12: "link" leads out of the repository. Name something inside it.
`,
    });
    expect(existsSync(join(outside, 'b.json'))).toBe(false);
    rmSync(join(folder, config));
    symlinkSync(join(outside, 'targets.yaml'), join(folder, config));
    expect((await run(folder)).stderr).toBe(
      'error: the config file ".mn/model-check.yaml" cannot be read: it is a link that leads out of the workspace. Put the file itself here.\n',
    );
  });
});

describe('the action', () => {
  const known = { '.mn/baseline.json': '{"schema": "model-check.baseline/v1", "blueprints": {}}' };

  test('takes the config file for what the inputs leave open, and names what is hidden', async () => {
    const folder = repository({ ...known, [config]: rules });
    const result = await act(folder);
    expectNoCrash(result);
    expect(result.code).toBe(1);
    expect(result.log.annotations.map(({ name, properties }) => `${name} ${properties['title']}`)).toEqual([
      'error nemotron3 does not run on RTX 4060',
      'error nemotron3 does not run on RTX 4060',
      ...result.log.annotations.slice(2).map(({ properties }) => `notice ${properties['title']}`),
    ]);
    expect(result.summary).toContain('options: .mn/model-check.yaml');
    expect(result.summary).toContain('4 findings suppressed');
    expect(result.summary).toContain(
      'The Macs are replaced in March. &#124; &#60;b&#62;::error::&#60;/b&#62;',
    );
    expect(result.report?.summary).toMatchObject({ errors: 2, known: 0, suppressed: 4 });
  });

  test.each<[what: string, inputs: Record<string, string>, code: number]>([
    ['fail-on of the file', {}, 0],
    ['the input wins', { 'fail-on': 'error' }, 1],
    ['no config file', { config: 'none', targets: 'nvidia-8gb' }, 1],
    ['another config file', { config: 'strict.yaml' }, 1],
  ])('%s', async (_, inputs, code) => {
    const folder = repository({
      [config]: 'fail-on: never\ntargets: nvidia-8gb\nannotations: false\nsummary: never\n',
      'strict.yaml': 'targets: nvidia-8gb',
    });
    const result = await act(folder, { inputs });
    expectNoCrash(result);
    expect(result.code).toBe(code);
    const isQuiet = inputs['config'] === undefined;
    expect(result.log.annotations.length > 0).toBe(!isQuiet);
    expect(result.summary !== '').toBe(!isQuiet);
  });

  test.each<[inputs: Record<string, string>, message: string]>([
    [
      { baseline: '../b.json' },
      'input baseline: "../b.json" leads out of the workspace. Name something inside it.',
    ],
    [
      { config: '/etc/c.yaml' },
      'input config: "/etc/c.yaml" leads out of the workspace. Name something inside it.',
    ],
    [
      { baseline: 'b.json' },
      'the baseline "b.json" cannot be read: it is not there. To make it: mn blueprint validate --baseline b.json --update-baseline',
    ],
  ])('refuses %j', async (inputs, message) => {
    const result = await act(repository(), { inputs });
    expect(result.code).toBe(2);
    expect(result.log.annotations.map((each) => each.message)).toEqual([message]);
  });
});

test('what hides nothing is not in what every run loads', () => {
  for (const file of [cliFile, actionFile]) {
    const text = readFileSync(join(dirname(file), 'bundle.js'), 'utf8');
    expect(text).toContain('model-incompatible');
    expect(text).not.toContain('model-check.baseline/v1');
    expect(text).not.toContain('The suppression lacks');
  }
});

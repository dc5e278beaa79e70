import { chmodSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { ActionOptions, Tree } from './support/process.ts';
import {
  act,
  actionMetadata,
  blueprint,
  examples,
  expectNoCrash,
  folderOf,
  isWindows,
  mn,
  write,
} from './support/process.ts';

vi.setConfig({ testTimeout: 60_000 });

const rows = [
  ...[
    'apple-silicon-16gb',
    'apple-silicon-8gb',
    'nvidia-8gb',
    'nvidia-wsl2-8gb',
    'nvidia-arm64-8gb',
    'nvidia-6gb',
  ],
  ...['amd-8gb', 'cpu-32gb', 'intel-mac', 'windows-no-gpu', 'windows-arm64-adreno-16gb', 'raspberry-pi'],
];
const summarizer = 'examples/blueprints/summarizer.json';

/** Runs the action on the examples and these files. */
async function inExamples(inputs: Record<string, string>, options: ActionOptions & { files?: Tree } = {}) {
  const result = await act(folderOf({ ...examples(), ...options.files }), { ...options, inputs });
  expectNoCrash(result);
  // What of the log is a command is an annotation; nothing else is left to obey.
  expect(result.log.commands.filter(({ name }) => !['error', 'warning', 'notice'].includes(name))).toEqual(
    [],
  );
  expect(result.log.stopped).toBe(false);
  return result;
}

/** Runs that must not come to an answer: what the annotations say. */
async function refused(inputs: Record<string, string>, options: ActionOptions & { files?: Tree } = {}) {
  const { code, stderr, log, outputs, summary } = await inExamples(inputs, options);
  expect({ code, stderr, outputs: outputs.size, summary }).toEqual({
    code: 2,
    stderr: '',
    outputs: 0,
    summary: '',
  });
  for (const { name, properties } of log.annotations) {
    expect({ name, properties }).toEqual({
      name: 'error',
      properties: { title: 'Model Check: nothing was checked' },
    });
  }
  return log.annotations.map(({ message }) => message);
}

describe('a run', () => {
  test('annotates each finding at its value', async () => {
    const { code, log } = await inExamples({ targets: 'nvidia-8gb' });
    expect(code).toBe(1);
    const config = 'examples/blueprints/contract_reader/config/default.json';
    const manifest = 'examples/blueprints/contract_reader/manifest.json';
    const needs = 'nemotron3. On NVIDIA, 8 GB VRAM: needs 48 GB VRAM, found 8 GB.';
    const use =
      "Use gemma4:e2b (nemotron3's fallback), which runs here, drop the target, or run with force if you accept it.";
    expect(log.annotations).toEqual([
      {
        name: 'error',
        properties: {
          title: 'nemotron3 does not run on NVIDIA, 8 GB VRAM',
          file: config,
          line: '9',
          endLine: '9',
          col: '26',
          endColumn: '37',
        },
        message: `${config}:9:26 — llm.configs.primary asks for ${needs}\n${use}`,
      },
      {
        name: 'error',
        properties: {
          title: 'nemotron3 does not run on NVIDIA, 8 GB VRAM',
          file: manifest,
          line: '10',
          endLine: '10',
          col: '18',
          endColumn: '29',
        },
        message: `${manifest}:10:18 — runtime.models.primary asks for ${needs}\n${use}`,
      },
      {
        name: 'notice',
        properties: {
          title: 'gemma4:e2 was not checked',
          file: config,
          line: '17',
          endLine: '17',
          col: '18',
          endColumn: '29',
        },
        message: `${config}:17:18 — llm.configs.draft asks for gemma4:e2, which no catalog knows. It is optional, so it was not checked.\nDid you mean gemma4:e2b? Add it to a catalog with its requirements to have it checked.`,
      },
    ]);
  });

  test('sets its outputs', async () => {
    const { outputs, report } = await inExamples({
      targets: 'nvidia-8gb',
      paths: summarizer,
      worker: 'hostlocal',
    });
    expect(Object.fromEntries([...outputs].filter(([name]) => name !== 'report' && name !== 'env'))).toEqual({
      ok: 'true',
      errors: '0',
      warnings: '0',
      sarif: '',
      junit: '',
      html: '',
      installed: '[]',
      matrix: '{"include":[{"id":"nvidia-8gb","name":"NVIDIA, 8 GB VRAM"}]}',
    });
    expect(report).toMatchObject({
      schema: 'model-check.report/v1',
      ok: true,
      summary: { blueprints: 1, errors: 0 },
    });
    expect(JSON.parse(outputs.get('env') ?? '')).toEqual({
      [summarizer]: {
        primary: {
          MN_LLM_PROVIDER: 'docker_model_runner',
          MN_LLM_MODEL: 'ai/gemma4:E2B',
          MN_LLM_RUNTIME_MODEL: 'ai/gemma4:E2B',
          MN_LLM_API_BASE: 'http://localhost:12434/engines/v1',
          MN_LLM_BACKEND: 'llama.cpp',
          MN_LLM_CONTEXT_SIZE: '4096',
          MN_LLM_MAX_TOKENS: '800',
          MN_LLM_TIMEOUT_SECONDS: '60',
        },
      },
    });
  });

  test('what the plan job hands on, the job of one target takes', async () => {
    const inputs = { targets: 'examples/targets.yaml', 'fail-on': 'never' };
    const plan = await inExamples(inputs);
    const { include } = JSON.parse(plan.outputs.get('matrix') ?? '') as { include: { id: string }[] };
    expect(include).toEqual([
      { id: 'mac-m2-16', name: 'Apple M2, 16 GB' },
      { id: 'rtx-4060', name: 'RTX 4060' },
      { id: 'lab-server', name: 'Lab server, 2 × RTX 3090', 'runs-on': ['self-hosted', 'linux', 'gpu'] },
      { id: 'office-pc', name: 'Office PC, RTX 2060' },
    ]);
    for (const { id } of include) {
      const { report } = await inExamples({ ...inputs, target: id });
      expect(report?.targets.map((target) => target.id)).toEqual([id]);
    }
  });

  test.each<[name: string, inputs: Record<string, string>, code: number, ok: string]>([
    ['an error', { targets: 'nvidia-6gb' }, 1, 'false'],
    ['fail-on: never', { targets: 'nvidia-6gb', 'fail-on': 'never' }, 0, 'false'],
    ['fail-on: warning', { targets: 'amd-8gb', 'fail-on': 'warning' }, 1, 'true'],
    ['a warning', { targets: 'amd-8gb' }, 0, 'true'],
    ['force', { targets: 'nvidia-6gb', force: 'true' }, 0, 'true'],
    ['values in capitals', { targets: 'nvidia-6gb', force: 'TRUE', 'fail-on': 'Error' }, 0, 'true'],
    ['no blueprint', { targets: 'nvidia-6gb', include: 'nope' }, 0, 'true'],
    [
      'no blueprint, if-none: error',
      { targets: 'nvidia-6gb', include: 'nope', 'if-none': 'error' },
      1,
      'false',
    ],
    ['exclude', { targets: 'nvidia-6gb', exclude: 'summarizer.json' }, 0, 'true'],
    ['a catalog', { targets: 'nvidia-6gb', catalogs: 'small.json' }, 0, 'true'],
    ['catalogs by a glob', { targets: 'nvidia-6gb', catalogs: '*.json' }, 0, 'true'],
  ])('%s', async (_, inputs, code, ok) => {
    const files = {
      'small.json': '[{"id":"gemma4:e2b","model":"ai/gemma4:E2B","requirements":{"min_vram_gb":2}}]',
    };
    const result = await inExamples({ paths: summarizer, ...inputs }, { files });
    expect({ code: result.code, ok: result.outputs.get('ok') }).toEqual({ code, ok });
  });

  test('annotations: false leaves them out, and the log stays', async () => {
    const { log, stdout } = await inExamples(
      { targets: 'nvidia-6gb', annotations: 'false' },
      { env: { NO_COLOR: '1' } },
    );
    expect(log.commands).toEqual([]);
    expect(stdout).toContain('model-incompatible  examples/blueprints/summarizer.json:9:26');
  });

  test('shows ten of a kind, and the last one says how many more there are', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 25 }, (_, at) => [`b/${at}.json`, blueprint(`nope-${at}`)]),
    );
    const { log } = await inExamples({ paths: 'b', targets: 'nvidia-8gb' }, { files });
    expect(log.commands.length).toBe(10);
    expect(log.commands[8]?.message).not.toContain('more error');
    expect(log.commands[9]?.message).toMatch(/\n… and 15 more errors: see the summary or the report$/);
  });
});

describe('the summary', () => {
  test.each<[mode: string, target: string, written: boolean]>([
    ['always', 'nvidia-8gb', true],
    ['always', 'nvidia-6gb', true],
    ['on-problems', 'nvidia-8gb', false],
    ['on-problems', 'amd-8gb', true],
    ['on-problems', 'nvidia-6gb', true],
    ['never', 'nvidia-6gb', false],
  ])('%s on %s', async (summary, targets, written) => {
    const result = await inExamples({ paths: summarizer, targets, summary });
    expect(result.summary !== '').toBe(written);
    if (written) expect(result.summary).toMatch(/^### Models: /);
  });

  test('links to the lines of the commit', async () => {
    const env = {
      GITHUB_SERVER_URL: 'https://github.example',
      GITHUB_REPOSITORY: 'a/b',
      GITHUB_SHA: 'c0ffee',
    };
    const { summary } = await inExamples({ targets: 'nvidia-6gb' }, { env });
    expect(summary).toContain(`(https://github.example/a/b/blob/c0ffee/${summarizer}#L9)`);
    expect((await inExamples({ targets: 'nvidia-6gb' })).summary).not.toContain('/blob/c0ffee');
  });

  test('is added to what is there', async () => {
    const workspace = folderOf({ ...examples(), 'summary.md': 'before\n' });
    const { code } = await act(workspace, {
      inputs: { targets: 'nvidia-8gb', paths: summarizer },
      env: { GITHUB_STEP_SUMMARY: join(workspace, 'summary.md') },
    });
    expect(code).toBe(0);
  });

  test.each<[name: string, options: ActionOptions]>([
    ['there is none', { without: ['summary'] }],
    ['it cannot be written', { env: { GITHUB_STEP_SUMMARY: '/nowhere/at/all' } }],
  ])('the run is the same where %s', async (_, options) => {
    const { code, outputs, log } = await inExamples({ targets: 'nvidia-6gb', paths: summarizer }, options);
    expect({ code, errors: outputs.get('errors'), shown: log.annotations.length }).toEqual({
      code: 1,
      errors: '1',
      shown: 1,
    });
  });
});

describe('outputs', () => {
  test.each<[name: string, options: ActionOptions]>([
    ['there is no GITHUB_OUTPUT', { without: ['output'] }],
    ['GITHUB_OUTPUT is not there', { env: { GITHUB_OUTPUT: '/nowhere/at/all' } }],
  ])('the verdict is the same where %s', async (_, options) => {
    const { code, log, outputs, stdout } = await inExamples(
      { targets: 'nvidia-6gb', paths: summarizer },
      options,
    );
    expect({ code, errors: log.annotations.length, outputs: outputs.size }).toEqual({
      code: 1,
      errors: 1,
      outputs: 0,
    });
    expect(stdout).toMatch(/^The outputs could not be written \(.+\)\./m);
  });
});

describe('reports in files', () => {
  const inputs = { targets: 'nvidia-8gb' };
  const files = {
    'report-file': 'out/report.json',
    'sarif-file': 'out/models.sarif',
    'junit-file': 'j.xml',
    'html-file': 'out/page.html',
  };

  test('are what the command line writes, and outputs name them', async () => {
    const workspace = folderOf(examples());
    const { code, outputs, log } = await act(workspace, { inputs: { ...inputs, ...files } });
    expect({ code, annotations: log.annotations.length }).toEqual({ code: 1, annotations: 3 });
    expect(['report', 'sarif', 'junit', 'html'].map((name) => outputs.get(name))).toEqual(
      Object.values(files),
    );
    for (const [format, file] of [
      ['json', files['report-file']],
      ['sarif', files['sarif-file']],
      ['junit', 'j.xml'],
    ]) {
      const args = ['blueprint', 'validate', '--targets', 'nvidia-8gb', '--format', format as string];
      expect(readFileSync(join(workspace, file as string), 'utf8')).toBe(
        (await mn(args, { cwd: workspace })).stdout,
      );
    }
    expect(readdirSync(join(workspace, 'out'))).toEqual(['models.sarif', 'page.html', 'report.json']);
    expect(readFileSync(join(workspace, files['html-file']), 'utf8')).toContain('<h1 class="bad">Models: ');
  });

  test('are below working-directory', async () => {
    const { outputs } = await inExamples({
      ...inputs,
      'working-directory': 'examples',
      'sarif-file': 'a.sarif',
    });
    expect(outputs.get('sarif')).toBe('examples/a.sarif');
  });

  test('that cannot be written fail the step, and the rest is as ever', async () => {
    const { code, log, outputs, summary } = await inExamples({
      ...inputs,
      paths: summarizer,
      'sarif-file': 'examples',
      'junit-file': 'examples/catalog.json/x',
      'report-file': 'ok.json',
    });
    expect(code).toBe(2);
    expect(log.annotations).toEqual(
      [
        'input sarif-file: "examples" cannot be written (it is a folder). Name another file.',
        'input junit-file: "examples/catalog.json/x" cannot be written (a file stands where a folder is needed). Name another file.',
      ].map((message) => ({
        name: 'error',
        properties: { title: 'Model Check: a report is missing' },
        message,
      })),
    );
    expect([outputs.get('report'), outputs.get('sarif'), outputs.get('ok')]).toEqual(['ok.json', '', 'true']);
    expect(summary).not.toBe('');
  });

  test.skipIf(isWindows)('never lead out of the workspace, by a link neither', async () => {
    const outside = folderOf({ 'keep.txt': 'kept' });
    const workspace = folderOf(examples());
    symlinkSync(outside, join(workspace, 'out'));
    symlinkSync(join(outside, 'keep.txt'), join(workspace, 'link.sarif'));
    symlinkSync(join(outside, 'gone'), join(workspace, 'dangling'));
    for (const path of ['out/new/a.sarif', 'out/a.sarif', 'link.sarif', '../a.sarif', '/tmp/a.sarif']) {
      const { code, log } = await act(workspace, { inputs: { ...inputs, 'sarif-file': path } });
      expect({ code, messages: log.annotations.map(({ message }) => message) }).toEqual({
        code: 2,
        messages: [`input sarif-file: "${path}" leads out of the workspace. Name something inside it.`],
      });
    }
    const { code } = await act(workspace, { inputs: { ...inputs, 'sarif-file': 'dangling/a.sarif' } });
    expect(code).toBe(2);
    expect(readdirSync(outside)).toEqual(['keep.txt']);
    expect(readFileSync(join(outside, 'keep.txt'), 'utf8')).toBe('kept');
    expect(existsSync(join(outside, '..', 'a.sarif'))).toBe(false);
  });
});

describe('targets that nobody chose', () => {
  test('a hosted runner checks the rows of the table, none required', async () => {
    const { code, report, log } = await inExamples({ paths: summarizer });
    expect(code).toBe(0);
    expect(report?.targets.map(({ id }) => id)).toEqual(rows);
    expect(report?.targets.some(({ required }) => required)).toBe(false);
    expect(new Set(log.annotations.map(({ name }) => name))).toEqual(new Set(['notice']));
  });
  test('a model that runs on none of them is an error', async () => {
    const { code, log } = await inExamples({ paths: 'examples/blueprints/contract_reader' });
    expect(code).toBe(1);
    expect(log.annotations[0]?.properties['title']).toBe('nemotron3 does not run on any target');
  });
  test.skipIf(process.platform !== 'linux')('a self-hosted runner checks its own hardware', async () => {
    const workspace = folderOf({
      ...examples(),
      'bin/nvidia-smi': "#!/bin/sh\necho 'NVIDIA GeForce RTX 4060, 8188, 8000, 580.95.05, [N/A]'\n",
    });
    chmodSync(join(workspace, 'bin/nvidia-smi'), 0o755);
    const env = { RUNNER_ENVIRONMENT: 'self-hosted', PATH: join(workspace, 'bin') };
    const { code, report } = await act(workspace, { inputs: { paths: summarizer }, env });
    expect(code).toBe(0);
    expect(report?.targets).toMatchObject([
      { id: 'this-machine', required: true, measured: true, gpus: [{ name: 'RTX 4060' }] },
    ]);
  });

  test('a fact can be set over what is detected, and the report says so', async () => {
    const inputs = {
      paths: summarizer,
      targets: 'detect',
      set: 'gpu=none\nmemory_gb=7.5',
      'fail-on': 'never',
    };
    const { report, stdout } = await inExamples(inputs, {});
    expect(report?.targets).toMatchObject([{ id: 'this-machine', gpus: [], memory_gb: 7.5 }]);
    expect(report?.targets[0]?.overridden?.[1]).toMatch(/^memory_gb = 7\.5 \(detected: [\d.]+\)$/);
    expect(stdout).toContain('; overridden: gpu = none');
    const refused = await inExamples({ paths: summarizer, targets: 'rtx-4060', set: 'memory_gb=8' }, {});
    expect(refused.code).toBe(2);
  });

  test('the targets file of the repository comes first on any runner', async () => {
    const files = { '.mn/targets.json': '{"targets":["nvidia-6gb"]}' };
    for (const kind of ['self-hosted', 'github-hosted']) {
      const { report } = await inExamples({}, { files, env: { RUNNER_ENVIRONMENT: kind } });
      expect(report?.targets.map(({ id }) => id)).toEqual(['nvidia-6gb']);
    }
  });
});

describe('working-directory', () => {
  test('stands for the repository, and places stay relative to the workspace', async () => {
    const files = {
      'examples/.mn/targets.json': '{"targets":["nvidia-6gb"]}',
      'other.json': blueprint('nope'),
    };
    const { code, log, report } = await inExamples({ 'working-directory': 'examples' }, { files });
    expect(code).toBe(1);
    expect(report?.targets.map(({ id }) => id)).toEqual(['nvidia-6gb']);
    expect(report?.blueprints.map(({ path }) => path)).toContain(summarizer);
    expect(report?.blueprints.map(({ path }) => path)).not.toContain('other.json');
    for (const { properties } of log.annotations)
      expect(properties['file']).toMatch(/^examples\/blueprints\//);
  });
  test('paths, targets and catalogs are below it', async () => {
    const inputs = {
      'working-directory': 'examples',
      paths: 'blueprints/summarizer.json',
      targets: 'targets.yaml',
      catalogs: 'catalog.json',
    };
    const { code, report } = await inExamples({ ...inputs, target: 'rtx-4060' });
    expect({ code, path: report?.blueprints[0]?.path }).toEqual({ code: 0, path: summarizer });
  });
});

describe('inputs that are refused', () => {
  const inputNames = Object.keys(actionMetadata().inputs).join(', ');
  test.each<[name: string, inputs: Record<string, string>, messages: string[]]>([
    [
      'an unknown input',
      { target_s: 'x' },
      [`unknown input "target_s". Did you mean targets? The inputs are ${inputNames}.`],
    ],
    [
      'an unknown input with a space',
      { 'fail on': 'x' },
      [`unknown input "fail_on". Did you mean fail-on? The inputs are ${inputNames}.`],
    ],
    [
      'wrong values',
      {
        'fail-on': 'errors',
        'if-none': 'x',
        force: 'yes',
        annotations: '1',
        summary: 'on-problem',
        worker: 'host',
      },
      [
        'input force is "yes". Write true or false.',
        'input fail-on is "errors". Did you mean error? Write error, warning or never.',
        'input if-none is "x". Write warn, error or ignore.',
        'input annotations is "1". Write true or false.',
        'input summary is "on-problem". Did you mean on-problems? Write always, on-problems or never.',
        'input worker is "host". Write hostlocal or container.',
      ],
    ],
    [
      'a missing path',
      { paths: 'nope' },
      ['"nope": there is no such file or folder. Name a blueprint folder or a JSON file.'],
    ],
    [
      'a missing targets file',
      { targets: 'nope.yaml' },
      ['nope.yaml: The targets file cannot be read: it is not there. Put a readable file here.'],
    ],
    [
      'an unknown target',
      { targets: 'rtx4090' },
      ['unknown target "rtx4090". Did you mean rtx-4090? See mn target list (109 presets), or give a file.'],
    ],
    [
      'a missing catalog',
      { catalogs: 'nope.json' },
      ['the catalog "nope.json" cannot be read: it is not there. Put a readable file here.'],
    ],
    [
      'a target that is not among the targets',
      { targets: 'nvidia-6gb,nvidia-8gb', target: 'nvidia-7gb' },
      [
        'target "nvidia-7gb" is none of the targets. Did you mean nvidia-6gb? There are: nvidia-6gb, nvidia-8gb.',
      ],
    ],
    [
      'a missing working-directory',
      { 'working-directory': 'nope' },
      ['"nope": there is no such file or folder. Name a blueprint folder or a JSON file.'],
    ],
    [
      'paths out of the workspace',
      { paths: '..' },
      ['input paths: ".." leads out of the workspace. Name something inside it.'],
    ],
    [
      'an absolute path',
      { paths: '/etc' },
      ['input paths: "/etc" leads out of the workspace. Name something inside it.'],
    ],
    [
      'targets out of the workspace',
      { targets: '../t.json' },
      ['input targets: "../t.json" leads out of the workspace. Name something inside it.'],
    ],
    [
      'catalogs out of the workspace',
      { catalogs: '../c.json' },
      ['input catalogs: "../c.json" leads out of the workspace. Name something inside it.'],
    ],
    [
      'a glob out of the workspace',
      { catalogs: '../*.json' },
      ['input catalogs: "../*.json" leads out of the workspace. Name something inside it.'],
    ],
    [
      'two reports in one file',
      { 'sarif-file': 'a', 'junit-file': './a' },
      ['the inputs sarif-file and junit-file both name "./a". Give each a file of its own.'],
    ],
    [
      'working-directory out of the workspace',
      { 'working-directory': '../..' },
      ['input working-directory: "../.." leads out of the workspace. Name something inside it.'],
    ],
  ])('%s', async (_, inputs, messages) => {
    expect(await refused(inputs)).toEqual(messages);
  });

  test.skipIf(isWindows)('links that lead out of the workspace', async () => {
    const outside = folderOf({ 'secret.json': '[{"id":"leaked","model":"ai/leaked"}]' });
    const workspace = folderOf(examples());
    symlinkSync(outside, join(workspace, 'out'));
    symlinkSync(join(outside, 'secret.json'), join(workspace, 'file.json'));
    for (const inputs of [
      { paths: 'out' },
      { paths: 'file.json' },
      { catalogs: 'file.json' },
      { catalogs: 'out/*.json' },
      { targets: './file.json' },
      { 'working-directory': 'out' },
    ]) {
      const { code, log, stdout } = await act(workspace, { inputs: { targets: 'nvidia-8gb', ...inputs } });
      expect({ inputs, code, messages: log.annotations.length }).toEqual({ inputs, code: 2, messages: 1 });
      expect(log.annotations[0]?.message).toContain('leads out of the workspace');
      expect(stdout).not.toContain('leaked');
    }
  });

  test('of many problems ten are shown, and the last one says how many more there are', async () => {
    const targets = Array.from({ length: 25 }, (_, at) => `nope-${at}`).join('\n');
    const messages = await refused({ targets });
    expect(messages.length).toBe(10);
    expect(messages[9]).toBe(
      'unknown target "nope-9". See mn target list (109 presets), or give a file.\n… and 15 more problems',
    );
  });

  test('a wrong file is named in the annotation', async () => {
    const files = { '.mn/targets.json': '{"targets":["nvidia-9gb"]}' };
    expect(await refused({}, { files })).toEqual([
      '.mn/targets.json:1:13: Unknown preset "nvidia-9gb". Did you mean nvidia-8gb? See mn target list (109 presets).',
    ]);
  });
});

test('the workspace need not be where the step runs', async () => {
  const workspace = folderOf();
  write(workspace, examples());
  const { code, report } = await act(workspace, {
    cwd: folderOf(),
    inputs: { paths: summarizer, targets: 'nvidia-8gb' },
  });
  expect({ code, path: report?.blueprints[0]?.path }).toEqual({ code: 0, path: summarizer });
});

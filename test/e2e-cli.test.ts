import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { ggufOf } from './support/memory.ts';
import { modelRunner } from './support/model-runner.ts';
import type { Result, Tree } from './support/process.ts';
import {
  blueprint,
  canForbid,
  examples,
  expectNoCrash,
  folderOf,
  isRoot,
  isWindows,
  mn,
  normal,
  readReport,
  write,
} from './support/process.ts';

vi.setConfig({ testTimeout: 60_000 });

const validate = ['blueprint', 'validate'];
const isReport = new Ajv2020({ allErrors: true, validateFormats: false }).compile(
  JSON.parse(readFileSync('schemas/report.schema.json', 'utf8')),
);

/** Runs `mn` in a folder with the examples and these files. */
async function inExamples(args: readonly string[], more: Tree = {}, env: Record<string, string> = {}) {
  const folder = folderOf({ ...examples(), ...more });
  const result = await mn(args, { cwd: folder, env });
  expectNoCrash(result);
  return { ...result, folder };
}

const summarizer = 'examples/blueprints/summarizer.json';

describe('reports', () => {
  test.each<[name: string, args: string[], code: number]>([
    ['two-targets.txt', ['examples', '--targets', 'apple-silicon-16gb,nvidia-6gb'], 1],
    ['targets-file-quiet.txt', ['examples', '--targets', 'examples/targets.yaml', '--quiet'], 1],
    ['forced.txt', [summarizer, '--targets', 'nvidia-6gb', '--force'], 0],
    ['one-target.md', ['examples', '--targets', 'nvidia-8gb', '--format', 'markdown'], 1],
    ['github.txt', ['examples', '--targets', 'nvidia-8gb', '--format', 'github'], 1],
    ['none.txt', ['examples/catalog.json', '--targets', 'nvidia-8gb'], 0],
  ])('%s', async (name, args, code) => {
    const result = await inExamples([...validate, ...args]);
    expect(result).toMatchObject({ code, stderr: '' });
    await expect(normal(result.stdout)).toMatchFileSnapshot(`snapshots/e2e-${name}`);
  });

  test.each<[name: string, args: string[], code: number]>([
    ['the examples on two machines', ['examples', '--targets', 'mac-m2-16,nvidia-6gb'], 1],
    ['a targets file', ['examples', '--targets', 'examples/targets.yaml'], 1],
    ['forced', ['examples', '--targets', 'cpu-32gb', '--force'], 0],
    ['this machine', ['examples', '--targets', 'detect', '--fail-on', 'never'], 0],
    ['no blueprint', ['examples/catalog.json', '--targets', 'nvidia-8gb'], 0],
    ['all presets of the table', ['examples', '--targets', 'detect,cpu-32gb,intel-mac,raspberry-pi'], 1],
  ])('JSON follows its schema: %s', async (_, args, code) => {
    const result = await inExamples([...validate, ...args, '--json']);
    expect(result).toMatchObject({ code, stderr: '' });
    const report = JSON.parse(result.stdout) as unknown;
    isReport(report);
    expect(isReport.errors).toBeNull();
  });

  test('findings are where the values stand', async () => {
    const { stdout } = await inExamples([...validate, 'examples', '--targets', 'nvidia-6gb', '--json']);
    const places = readReport(stdout).findings.map((one) => {
      const line = examples()[one.file ?? '']?.toString().split('\n')[(one.line ?? 0) - 1] ?? '';
      return [
        one.id,
        `${one.file}:${one.line}`,
        line.slice((one.column ?? 0) - 1, (one.end_column ?? 0) - 1),
      ];
    });
    expect(places).toEqual([
      ['model-incompatible', 'examples/blueprints/contract_reader/config/default.json:9', '"nemotron3"'],
      ['model-incompatible', 'examples/blueprints/contract_reader/manifest.json:10', '"nemotron3"'],
      ['model-incompatible', 'examples/blueprints/summarizer.json:9', '"gemma4:e2b"'],
      ['model-incompatible', 'examples/blueprints/support_assistant/manifest.json:18', '"default"'],
      ['model-not-checked', 'examples/blueprints/contract_reader/config/default.json:17', '"gemma4:e2"'],
    ]);
  });
});

describe('exit codes of blueprint validate', () => {
  const at = (...more: string[]) => [...validate, summarizer, ...more];
  test.each<[name: string, args: string[], code: number, files?: Tree]>([
    ['nothing wrong', at('--targets', 'nvidia-8gb'), 0],
    ['an error', at('--targets', 'nvidia-6gb'), 1],
    ['an error, --fail-on never', at('--targets', 'nvidia-6gb', '--fail-on', 'never'), 0],
    ['a warning', at('--targets', 'amd-8gb'), 0],
    ['a warning, --fail-on warning', at('--targets', 'amd-8gb', '--fail-on', 'warning'), 1],
    ['a forced error', at('--targets', 'nvidia-6gb', '--force'), 0],
    [
      'a forced error, --fail-on warning',
      at('--targets', 'nvidia-6gb', '--force', '--fail-on', 'warning'),
      1,
    ],
    [
      'only a note',
      [...validate, 'a.json', '--targets', 'nvidia-8gb', '--fail-on', 'warning'],
      0,
      { 'a.json': blueprint('nope', { required: false }) },
    ],
    [
      'an unknown model',
      [...validate, 'a.json', '--targets', 'nvidia-8gb'],
      1,
      { 'a.json': blueprint('nope') },
    ],
    [
      'an unknown model, forced',
      [...validate, 'a.json', '--targets', 'nvidia-8gb', '--force'],
      1,
      { 'a.json': blueprint('nope') },
    ],
    [
      'vLLM where it does not run, forced',
      [...validate, 'a.json', '--targets', 'nvidia-8gb', '--force'],
      1,
      { 'a.json': blueprint('default', { backend: 'vllm' }) },
    ],
    ['broken JSON that was named', [...validate, 'a.json', '--targets', 'nvidia-8gb'], 1, { 'a.json': '{' }],
    [
      'broken JSON that was not named',
      [...validate, '--targets', 'nvidia-8gb'],
      1,
      { 'x/manifest.json': '{', 'x/config/default.json': '{}' },
    ],
    [
      'a broken manifest of anybody',
      [...validate, 'x', '--targets', 'nvidia-8gb'],
      0,
      { 'x/manifest.json': '{' },
    ],
    [
      'a broken catalog of the repository',
      at('--targets', 'nvidia-8gb'),
      1,
      { '.mn/models/catalog.json': '{' },
    ],
    ['no blueprint', [...validate, 'x', '--targets', 'nvidia-8gb'], 0, { 'x/a.txt': '' }],
    [
      'no blueprint, --fail-on warning',
      [...validate, 'x', '--targets', 'nvidia-8gb', '--fail-on', 'warning'],
      1,
      { 'x/a.txt': '' },
    ],
    [
      'no blueprint, --if-none error',
      [...validate, 'x', '--targets', 'nvidia-8gb', '--if-none', 'error'],
      1,
      { 'x/a.txt': '' },
    ],
    [
      'no blueprint, --if-none ignore',
      [...validate, 'x', '--targets', 'nvidia-8gb', '--if-none', 'ignore', '--fail-on', 'warning'],
      0,
      { 'x/a.txt': '' },
    ],
    ['a broken targets file', at('--targets', 't.json'), 2, { 't.json': '{' }],
    ['a missing path', [...validate, 'nope', '--targets', 'nvidia-8gb'], 2],
  ])('%s', async (_, args, code, files) => {
    expect((await inExamples(args, files)).code).toBe(code);
  });
});

describe('what is wrong with the question', () => {
  const hint = '(--help shows what there is)';
  const at = (...more: string[]) => [...validate, 'examples', ...more];
  const targets = (file: string) => at('--targets', file);
  test.each<[name: string, args: string[], stderr: string, files?: Tree]>([
    [
      'an unknown command',
      ['bluprint'],
      `error: unknown command 'bluprint'\n(Did you mean blueprint?)\n${hint}\n`,
    ],
    [
      'an unknown subcommand',
      ['blueprint', 'valdate'],
      `error: unknown command 'valdate'\n(Did you mean validate?)\n${hint}\n`,
    ],
    [
      'an unknown option',
      at('--taget', 'x'),
      `error: unknown option '--taget'\n(Did you mean --targets?)\n${hint}\n`,
    ],
    [
      'an option without value',
      at('--output'),
      `error: option '--output <file>' argument missing\n${hint}\n`,
    ],
    [
      'a wrong format',
      at('--format', 'xml'),
      `error: option '--format <format>' argument 'xml' is invalid. Allowed choices are text, json, markdown, github, sarif, junit, html.\n${hint}\n`,
    ],
    [
      'a wrong level',
      at('--fail-on', 'note'),
      `error: option '--fail-on <level>' argument 'note' is invalid. Allowed choices are error, warning, never.\n${hint}\n`,
    ],
    [
      '--if-none',
      at('--if-none', 'x'),
      `error: option '--if-none <level>' argument 'x' is invalid. Allowed choices are warn, error, ignore.\n${hint}\n`,
    ],
    [
      '--worker',
      ['blueprint', 'env', summarizer, '--worker', 'x'],
      `error: option '--worker <kind>' argument 'x' is invalid. Allowed choices are hostlocal, container.\n${hint}\n`,
    ],
    [
      'a shard that is none',
      at('--shard', '6/5'),
      `error: option '--shard <i/n>' argument '6/5' is invalid. Write it as 2/5, the second of five parts; there may be 256.\n${hint}\n`,
    ],
    [
      'a shard with what only a whole run can do',
      at('--shard', '1/2', '--fix', '--baseline', 'a.json', '--update-baseline'),
      'error: --update-baseline would write what --fix corrects. Give one after the other.\n' +
        'error: --update-baseline writes what a whole run finds, and --shard checks a part. Give one of them.\n' +
        'error: --fix corrects what a whole run finds, and --shard checks a part. Give one of them.\n',
    ],
    [
      'two formats',
      at('--json', '--format', 'text'),
      'error: --json and --format text contradict each other. Give one of them.\n',
    ],
    [
      'a format with no file behind the colon',
      at('--format', 'sarif:'),
      `error: option '--format <format>' argument 'sarif:' is invalid. Name a file behind the colon, or leave out both.\n${hint}\n`,
    ],
    [
      'formats that contradict each other in every way',
      at('--format', 'sarif', '--format', 'junit', '--format', 'json:a', '--format', 'sarif:./a'),
      'error: sarif and junit cannot go to one place. Give all but one a file of its own, as in --format junit:report.xml.\n' +
        'error: json and sarif would both be written to "./a". Give each a file of its own.\n',
    ],
    [
      '--output for a format that has a file',
      at('--format', 'sarif:a.sarif', '--output', 'b.sarif'),
      'error: --output names no report: every --format has a file of its own. Leave out --output.\n',
    ],
    [
      '--output and a format with the same file',
      at('--format', 'sarif:a', '--json', '--output', 'a'),
      'error: sarif and json would both be written to "a". Give each a file of its own.\n',
    ],
    ['a missing argument', ['blueprint', 'env'], `error: missing required argument 'path'\n${hint}\n`],
    [
      'too many arguments',
      ['model', 'show', 'a', 'b'],
      `error: too many arguments for 'show'. Expected 1 argument but got 2.\n${hint}\n`,
    ],
    [
      'an unknown model',
      ['model', 'show', 'gemma4:e2'],
      'error: unknown model "gemma4:e2". Did you mean gemma4:e2b?\n  looked in: built-in catalog\n',
    ],
    [
      'an unknown finding',
      ['finding', 'show', 'unknown-modl'],
      'error: unknown finding "unknown-modl". Did you mean unknown-model? See mn finding list.\n',
    ],
    [
      'an unknown target',
      targets('rtx4090'),
      'error: unknown target "rtx4090". Did you mean rtx-4090? See mn target list (109 presets), or give a file.\n',
    ],
    [
      'no target',
      targets(','),
      'error: no target is given. Name a preset (mn target list shows them), a file, or detect.\n',
    ],
    [
      'everything at once',
      [
        ...validate,
        'nope',
        '--targets',
        'rtx4090,t.yaml',
        '--catalog',
        'none.json',
        '--catalog',
        'none*.json',
      ],
      'error: "nope": there is no such file or folder. Name a blueprint folder or a JSON file.\n' +
        'error: unknown target "rtx4090". Did you mean rtx-4090? See mn target list (109 presets), or give a file.\n' +
        'error: t.yaml: The targets file cannot be read: it is not there. Put a readable file here.\n' +
        'error: no catalog matches "none*.json". Correct the pattern, or leave it out.\n' +
        'error: the catalog "none.json" cannot be read: it is not there. Put a readable file here.\n',
    ],
    [
      'two targets files',
      at(),
      'error: there is more than one targets file: .mn/targets.json, .mn/targets.yml. Keep .mn/targets.json or .mn/targets.yml, and remove the rest.\n',
      { '.mn/targets.json': '{}', '.mn/targets.yml': '' },
    ],
    [
      'wrong things in a targets file',
      targets('t.json'),
      'error: t.json:2:2: Unknown preset "nvidia-8". Did you mean nvidia-8gb? See mn target list (109 presets).\n' +
        'error: t.json:3:2: Target a lacks arch. Write x64 or arm64, or start from a preset.\n' +
        'error: t.json:3:34: Target a has the unknown field "memory". Did you mean memory_gb?\n',
      { 't.json': '{"targets": [\n "nvidia-8",\n {"id":"a","os":"linux","memory":8}\n]}' },
    ],
    [
      'wrong things in a targets file in YAML',
      targets('t.yaml'),
      'error: t.yaml:2:5: Unknown preset "nvidia-8". Did you mean nvidia-8gb? See mn target list (109 presets).\n' +
        'error: t.yaml:4:9: Target a: os must be linux, darwin or win32; found the string "beos".\n',
      { 't.yaml': 'targets:\n  - nvidia-8\n  - id: a\n    os: beos\n    arch: x64\n' },
    ],
    [
      'no JSON',
      targets('t.json'),
      'error: t.json:1:12: The file is not valid JSON: it ends early; the [ on line 1 is not closed. Close it with ], or restore what is missing.\n',
      { 't.json': '{"targets":[' },
    ],
    [
      'no YAML',
      targets('t.yaml'),
      'error: t.yaml:2:1: The file is not valid YAML: a tab stands where the line is indented. Use spaces.\n',
      { 't.yaml': 'targets:\n\t- a\n' },
    ],
    [
      'an empty targets file',
      targets('t.json'),
      'error: t.json:1:1: The file is empty. Write {"targets": ["apple-silicon-16gb"]}.\n',
      { 't.json': '' },
    ],
    [
      'env of nothing',
      ['blueprint', 'env', 'nope'],
      'error: "nope": there is no such file or folder. Name a blueprint folder or a JSON file.\n',
    ],
    [
      'env of several',
      ['blueprint', 'env', 'two'],
      'error: "two" holds several blueprints. Name one of them: two/a.json, two/b.json.\n',
      { 'two/a.json': blueprint('default'), 'two/b.json': blueprint('default') },
    ],
    [
      'env of an unknown config',
      ['blueprint', 'env', 'examples/blueprints/contract_reader', '--config', 'drft'],
      'error: "examples/blueprints/contract_reader" has no config "drft". Did you mean draft? It has: "primary", "draft".\n',
    ],
    [
      'a reference like an option',
      ['model', 'show', '--', '--help'],
      'error: unknown model "--help".\n  looked in: built-in catalog\n',
    ],
  ])('%s', async (_, args, stderr, files) => {
    const result = await inExamples(args, files);
    expect(result).toMatchObject({ code: 2, stdout: '', stderr });
  });

  test.each([[[]], [['blueprint']], [['model']], [['target']], [['finding']], [['report']]])(
    'mn %j shows its help as an error',
    async (args) => {
      const result = await mn(args);
      expect(result).toMatchObject({ code: 2, stdout: '' });
      expect(result.stderr).toContain(`Usage: ${['mn', ...args].join(' ')} [options] [command]\n`);
    },
  );
});

describe('content that stops a command with 1', () => {
  test.each<[name: string, args: string[], stderr: string, files?: Tree]>([
    [
      'env: an unknown model',
      ['blueprint', 'env', 'examples/blueprints/contract_reader', '--config', 'draft'],
      'error: unknown model "gemma4:e2". Did you mean gemma4:e2b?\n  looked in: built-in catalog\n',
    ],
    [
      'env: broken JSON',
      ['blueprint', 'env', 'a.json'],
      'error: a.json:1:1: The file is not valid JSON: it ends early; the { on line 1 is not closed. Close it with }, or restore what is missing.\n',
      { 'a.json': '{' },
    ],
    [
      'env: no model',
      ['blueprint', 'env', 'a'],
      'error: "a" names no language model. Add an llm section with a model; mn blueprint validate says where.\n',
      { 'a/manifest.json': '{"apiVersion":"v2"}' },
    ],
  ])('%s', async (_, args, stderr, files) => {
    expect(await inExamples(args, files)).toMatchObject({ code: 1, stdout: '', stderr });
  });
});

/** Every option of every command, and what it changes. `base` is the same command without it. */
interface OptionCase {
  command: string;
  option: string;
  base: string[];
  with: string[];
  /** Stands in the output with the option, and not without it. */
  shows: string | RegExp;
  env?: Record<string, string>;
}

/** A runner that has an embedding model, which runs on any machine. */
const { fake, url } = await modelRunner();
fake.install('huggingface.co/jinaai/jina-embeddings-v5-text-small-retrieval:Q4_K_M');
afterAll(() => fake.close());
const withRunner = { MODEL_RUNNER_HOST: url };

const on8 = ['--targets', 'nvidia-8gb'];
const on6 = [summarizer, '--targets', 'nvidia-6gb'];
const catalog = ['--catalog', 'examples/catalog.json'];
const pi = ['--set', 'board=Raspberry Pi 5'];
/** No registry can be reached. */
const offline = {
  DEFAULT_REGISTRY: 'http://127.0.0.1:9',
  HF_ENDPOINT: 'http://127.0.0.1:9',
  DOCKER_CONFIG: '/nowhere',
};
const online = ['examples/catalog.json', '--online'];
const model = ['model.gguf', '--id', 'drafts', '--model', 'myorg/drafts:v1'];
/** The report of the only shard of a run. */
const shard = (await mn([...validate, ...on6, '--shard', '1/1', '--json'], { cwd: folderOf(examples()) }))
  .stdout;
const optionCases: OptionCase[] = [
  ...[
    {
      option: '--targets',
      base: [summarizer],
      with: ['--targets', 'nvidia-6gb'],
      shows: 'on NVIDIA, 6 GB VRAM',
    },
    {
      option: '--catalog',
      base: ['qwen.json', ...on8, '--json'],
      with: catalog,
      shows: '"model":"qwen3:4b"',
    },
    {
      option: '--include',
      base: ['examples', ...on8],
      with: ['--include', 'summarizer.json'],
      shows: 'Checked 1 blueprint ',
    },
    {
      option: '--exclude',
      base: ['examples', ...on8],
      with: ['--exclude', 'contract_reader'],
      shows: 'Checked 3 blueprints ',
    },
    { option: '--force', base: on6, with: ['--force'], shows: 'model-forced' },
    {
      option: '--no-force',
      base: [...on6, '--config', 'forced.json'],
      with: ['--no-force'],
      shows: 'model-incompatible',
    },
    { option: '--fail-on', base: on6, with: ['--fail-on', 'never'], shows: '[exit 0]' },
    {
      option: '--if-none',
      base: ['examples/catalog.json', ...on8],
      with: ['--if-none', 'error'],
      shows: '✗ no-blueprint',
    },
    {
      option: '--baseline',
      base: on6,
      with: ['--baseline', 'known.json'],
      shows: '1 known finding hidden by known.json',
    },
    {
      option: '--update-baseline',
      base: [...on6, '--baseline', 'known.json'],
      with: ['--update-baseline'],
      shows: 'wrote known.json: 1 entry, 0 new, 0 gone',
    },
    { option: '--config', base: on6, with: ['--config', 'forced.json'], shows: 'model-forced' },
    {
      option: '--no-config',
      base: [...on6, '--config', 'forced.json'],
      with: ['--no-config'],
      shows: 'model-incompatible',
    },
    { option: '--format', base: on6, with: ['--format', 'markdown'], shows: '### Models: ' },
    { option: '--format', base: on6, with: ['--format', 'html'], shows: '<h1 class="bad">Models: ' },
    { option: '--format', base: on6, with: ['--format', 'sarif:out.sarif'], shows: 'wrote out.sarif' },
    { option: '--json', base: on6, with: ['--json'], shows: '"schema": "model-check.report/v1"' },
    { option: '--output', base: on6, with: ['--output', 'out.txt'], shows: 'wrote out.txt' },
    { option: '--quiet', base: on6, with: ['--quiet'], shows: /^✗ model-incompatible/ },
    {
      option: '--no-color',
      base: on6,
      with: ['--no-color'],
      shows: /^✗ model-incompatible /m,
      env: { FORCE_COLOR: '1' },
    },
    {
      option: '--set',
      base: ['--targets', 'detect'],
      with: pi,
      shows: 'overridden: board = Raspberry Pi 5 (detected: unknown)',
    },
    {
      option: '--hardware-only',
      base: ['--targets', 'detect'],
      with: ['--hardware-only'],
      shows: /^Hardware only\.$/m,
    },
    {
      option: '--require-installed',
      base: [summarizer, ...on8],
      with: ['--require-installed'],
      shows: '✗ model-not-installed',
      env: withRunner,
    },
    { option: '--debug', base: on6, with: ['--debug'], shows: 'debug: targets: nvidia-6gb' },
    { option: '--fix', base: ['examples', ...on8], with: ['--fix'], shows: /^Fixed \d+ findings/m },
    {
      option: '--dry-run',
      base: ['examples', ...on8, '--fix'],
      with: ['--dry-run'],
      shows: 'Nothing was written',
    },
    // The comparisons themselves are in compare.test.ts.
    {
      option: '--compare',
      base: on6,
      with: ['--compare', 'main'],
      shows: 'nothing is compared with main: this folder is in no git repository. Run it in a clone.',
    },
    {
      option: '--changed-since',
      base: on6,
      with: ['--changed-since', 'main'],
      shows: 'what changed since main is not known: this folder is in no git repository. Run it in a clone.',
    },
    {
      option: '--changed-files',
      base: [summarizer, 'README.md', ...on8],
      with: ['--changed-files'],
      shows: 'Checked only blueprints that 2 changed files can belong to.',
    },
    {
      option: '--shard',
      base: ['examples', ...on8],
      with: ['--shard', '1/1'],
      shows: 'Shard 1 of 1: mn report merge makes one report of the JSON reports of all.',
    },
    {
      option: '--fail-new-only',
      base: on6,
      with: ['--fail-new-only'],
      shows: '--fail-new-only needs a version to compare with.',
    },
    {
      option: '--no-compare',
      base: [...on6, '--config', 'compared.json'],
      with: ['--no-compare'],
      shows: '✗ model-incompatible',
    },
    {
      option: '--no-fail-new-only',
      base: [...on6, '--fail-new-only'],
      with: ['--no-fail-new-only'],
      shows: '✗ model-incompatible',
    },
  ].map((one) => ({ command: 'blueprint validate', ...one })),
  ...[
    {
      option: '--config',
      base: ['two.json'],
      with: ['--config', 'second'],
      shows: 'MN_LLM_MODEL=ai/nemotron3:latest',
    },
    {
      option: '--worker',
      base: [summarizer],
      with: ['--worker', 'hostlocal'],
      shows: 'MN_LLM_API_BASE=http://localhost:12434/engines/v1',
    },
    { option: '--catalog', base: ['qwen.json'], with: catalog, shows: 'MN_LLM_MODEL=ai/qwen3:4B-UD-Q4_K_XL' },
    {
      option: '--json',
      base: [summarizer],
      with: ['--json'],
      shows: '"MN_LLM_PROVIDER": "docker_model_runner"',
    },
  ].map((one) => ({ command: 'blueprint env', ...one })),
  ...[
    {
      option: '--targets',
      base: [summarizer],
      with: ['--targets', 'nvidia-6gb'],
      shows: 'NVIDIA, 6 GB VRAM  ✗',
    },
    { option: '--catalog', base: ['qwen.json'], with: catalog, shows: 'needs qwen3:4b at ' },
    { option: '--json', base: [summarizer], with: ['--json'], shows: '"hardware": [' },
    { option: '--markdown', base: [summarizer], with: ['--markdown'], shows: '| NVIDIA | 8 GB VRAM |' },
    { option: '--badge', base: [summarizer], with: ['--badge'], shows: '"schemaVersion": 1' },
  ].map((one) => ({ command: 'blueprint requirements', ...one })),
  ...[
    { option: '--fail-on', base: [], with: ['--fail-on', 'never'], shows: '[exit 0]' },
    {
      option: '--fail-new-only',
      base: [],
      with: ['--fail-new-only'],
      shows: '--fail-new-only needs shards that compare with a version.',
    },
    {
      option: '--no-fail-new-only',
      base: ['--fail-new-only'],
      with: ['--no-fail-new-only'],
      shows: '✗ model-incompatible',
    },
    { option: '--config', base: [], with: ['--config', 'lenient.json'], shows: '[exit 0]' },
    { option: '--no-config', base: ['--config', 'lenient.json'], with: ['--no-config'], shows: '[exit 1]' },
    { option: '--format', base: [], with: ['--format', 'sarif:out.sarif'], shows: 'wrote out.sarif' },
    { option: '--json', base: [], with: ['--json'], shows: '"schema": "model-check.report/v1"' },
    { option: '--output', base: [], with: ['--output', 'out.txt'], shows: 'wrote out.txt' },
    { option: '--quiet', base: [], with: ['--quiet'], shows: /^✗ model-incompatible/ },
  ].map((one) => ({ command: 'report merge', ...one, base: ['.shards/1.json', ...one.base] })),
  ...[
    { option: '--catalog', base: [], with: catalog, shows: 'examples/catalog.json:3' },
    { option: '--json', base: [], with: ['--json'], shows: '"models": [' },
    {
      option: '--installed',
      base: [],
      with: ['--installed'],
      shows: /^model .+\nrag-embedding /,
      env: withRunner,
    },
  ].map((one) => ({ command: 'model list', ...one })),
  ...[
    { option: '--catalog', base: ['qwen3:4b'], with: catalog, shows: 'qwen3:4b on this machine' },
    { option: '--json', base: ['rag-embedding'], with: ['--json'], shows: '"checks": [' },
    { option: '--set', base: [], with: pi, shows: 'overridden  board = Raspberry Pi 5' },
    {
      option: '--online',
      base: ['rag-embedding'],
      with: ['--online'],
      shows: 'not compared with the registry: Hugging Face has no digests',
    },
    {
      option: '--verbose',
      base: ['rag-embedding'],
      with: ['--verbose'],
      shows: `tried ${url}: Docker Model Runner answers`,
    },
  ].map((one) => ({ command: 'model doctor', env: withRunner, ...one })),
  ...[
    { option: '--compatibility', base: ['default'], with: ['--compatibility'], shows: 'This machine ' },
    {
      option: '--targets',
      base: ['default'],
      with: ['--targets', 'nvidia-6gb'],
      shows: 'needs 8 GB VRAM, found 6 GB',
    },
    { option: '--catalog', base: ['drafts'], with: catalog, shows: 'qwen3:4b  ai/qwen3:4B-UD-Q4_K_XL' },
    { option: '--json', base: ['default'], with: ['--json'], shows: '"docker_model": "ai/gemma4:E2B"' },
    {
      option: '--set',
      base: ['default', '--compatibility'],
      with: pi,
      shows: /Overridden +board = Raspberry Pi 5/,
    },
  ].map((one) => ({ command: 'model show', ...one })),
  ...[
    {
      option: '--context-size',
      base: ['default'],
      with: ['--context-size', '5000', '6000'],
      shows: /^ {2} +5000 .* GiB\n {2} +6000 /m,
    },
    { option: '--targets', base: ['default'], with: ['--targets', 'nvidia-6gb'], shows: /^ {2}nvidia-6gb /m },
    { option: '--set', base: ['default'], with: pi, shows: /^ {2}this-machine /m },
    {
      option: '--catalog',
      base: ['drafts', '--offline'],
      with: catalog,
      shows: 'The published shape of Qwen3-4B',
    },
    {
      option: '--engine',
      base: ['default'],
      with: ['--engine', 'llama-cli'],
      shows: 'llama-cli, 1 sequence, ',
    },
    { option: '--kv-type', base: ['default'], with: ['--kv-type', 'q8_0'], shows: 'cache in q8_0' },
    {
      option: '--parallel',
      base: ['default'],
      with: ['--parallel', '2'],
      shows: '2 sequences, each with its part of the context',
    },
    {
      option: '--gpu-layers',
      base: ['default'],
      with: ['--gpu-layers', '10'],
      shows: '10 layers on the device',
    },
    {
      option: '--offline',
      base: ['127.0.0.1:1/x/y'],
      with: ['--offline'],
      shows: '--offline forbids to ask its registry',
    },
    {
      option: '--json',
      base: ['default'],
      with: ['--json'],
      shows: '"schema": "model-check.estimate/v1"',
    },
  ].map((one) => ({ command: 'model estimate', ...one })),
  ...[
    { option: '--set', base: [], with: pi, shows: /^This machine: Raspberry Pi 5/ },
    {
      option: '--catalog',
      base: ['--set', 'gpu=none', '--set', 'memory_gb=1'],
      with: ['--catalog', 'small.json'],
      shows: 'does not allow the CPU',
    },
    { option: '--json', base: [], with: ['--json'], shows: '"id": "detected"' },
    { option: '--record', base: [], with: ['--record', 'recorded'], shows: /wrote recorded: \d+ files\./ },
  ].map((one) => ({ command: 'target detect', ...one })),
  ...[
    {
      option: '--catalog',
      base: ['--json'],
      with: ['--catalog', 'small.json'],
      shows: '"needs 2 GB VRAM, found 8 GB"',
    },
    { option: '--json', base: [], with: ['--json'], shows: '"targets": [' },
  ].map((one) => ({ command: 'target list', ...one })),
  ...[
    {
      option: '--online',
      base: ['examples/catalog.json'],
      with: ['--online'],
      shows: '⚠ artifact-unreachable',
    },
    { option: '--all', base: online, with: ['--all'], shows: 'ai/nemotron3:latest' },
    { option: '--fail-on', base: online, with: ['--fail-on', 'warning'], shows: '[exit 1]' },
    { option: '--format', base: online, with: ['--format', 'github'], shows: '::warning title=' },
    { option: '--json', base: online, with: ['--json'], shows: '"schema": "model-check.report/v1"' },
  ].map((one) => ({ command: 'catalog check', env: offline, ...one })),
  ...[
    { option: '--all', base: [], with: ['--all'], shows: 'left out  ai/nemotron3:latest' },
    {
      option: '--check',
      base: ['--all', '--output', 'old.json'],
      with: ['--check'],
      shows: 'old.json is stale.',
    },
    {
      option: '--output',
      base: ['--all'],
      with: ['--output', 'old.json'],
      shows: 'wrote old.json with 1 model',
    },
  ].map((one) => ({ command: 'catalog lock', env: offline, ...one })),
  ...[
    { option: '--id', base: ['model.gguf'], with: ['--id', 'drafts'], shows: '"id": "drafts"' },
    {
      option: '--alias',
      base: model,
      with: ['--alias', 'a', '--alias', 'b'],
      shows: '"aliases": ["a", "b"]',
    },
    { option: '--model', base: ['model.gguf'], with: ['--model', 'x/y:z'], shows: '"model": "x/y:z"' },
    {
      option: '--context-size',
      base: model,
      with: ['--context-size', '8192'],
      shows: 'context of 8192 tokens',
    },
    { option: '--write', base: model, with: ['--write'], shows: 'added drafts to .mn/models/catalog.json' },
    {
      option: '--replace',
      base: [...model, '--write', 'drafts.json'],
      with: ['--replace'],
      shows: 'renewed drafts in drafts.json',
    },
    { option: '--json', base: model, with: ['--json'], shows: '"schema": "model-check.catalog-proposal/v1"' },
  ].map((one) => ({ command: 'catalog add', ...one })),
];
const optionFiles: Tree = {
  'forced.json': '{"force": true}',
  'lenient.json': '{"fail-on": "never"}',
  '.shards/1.json': shard,
  'compared.json': '{"compare": "main"}',
  'known.json': JSON.stringify({
    schema: 'model-check.baseline/v1',
    blueprints: {
      [summarizer]: { 'model-incompatible': { '#/llm/configs/primary/runtime_model': ['nvidia-6gb'] } },
    },
  }),
  'qwen.json': blueprint('qwen3:4b'),
  'two.json': JSON.stringify({
    llm: { configs: { primary: { model: 'default' }, second: { model: 'medium' } } },
  }),
  'small.json':
    '[{"id":"gemma4:e2b","model":"ai/gemma4:E2B","aliases":["default"],"requirements":{"min_vram_gb":2}}]',
  'model.gguf': ggufOf('qwen3-0.6b-Q8_0'),
  'drafts.json': '[{"id":"drafts","model":"any"}]',
  'old.json':
    '{"schema":"model-check.models-lock/v1","models":{"docker.io/ai/gemma4:E2B":{"size":1},"ai/gone":{"size":1}}}',
};

describe('options', () => {
  test.each(optionCases)('$command $option', async ({ command, base, with: more, shows, env }) => {
    const output = async (args: string[]) => {
      const result = await inExamples([...command.split(' '), ...args], optionFiles, env);
      return `${result.stdout}${result.stderr}[exit ${result.code}]`;
    };
    const without = await output(base);
    const withIt = await output([...base, ...more]);
    expect(withIt).toMatch(shows);
    expect(without).not.toMatch(shows);
  });

  const commands = [
    ...['blueprint validate', 'blueprint env', 'model list', 'model show', 'model doctor', 'target list'],
    ...['target detect', 'finding list', 'finding show', 'catalog check', 'catalog lock', 'catalog add'],
    'model estimate',
    'blueprint requirements',
    'report merge',
  ];
  test.each(commands)('the help of %s names every option, and none that does nothing', async (command) => {
    const { code, stdout, stderr } = await mn([...command.split(' '), '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const named = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option]) => option as string);
    const exercised = optionCases.filter((one) => one.command === command).map(({ option }) => option);
    const everywhere = ['--help', '--no-color', '--debug'];
    expect(named.sort()).toEqual([...new Set([...exercised, ...everywhere])].sort());
    expect(stdout).not.toMatch(/default: (?:\[\]|false)/);
  });

  test('the examples of the help do not fail for their options', async () => {
    const files: Tree = {
      'blueprints/legal/manifest.json':
        '{"apiVersion":"v2","llm":{"configs":{"primary":{"model":"default"}}}}',
      '.mn/targets.yaml': 'targets: [nvidia-8gb]',
      'model.gguf': ggufOf('qwen3-0.6b-Q8_0'),
      '.shards/1.json': shard,
    };
    for (const command of ['', ...commands]) {
      const { stdout } = await mn([...command.split(' ').filter((word) => word !== ''), '--help']);
      for (const [, line] of stdout.matchAll(/^ {2}mn (\S.*?)(?: {2,}.*)?$/gm)) {
        // There is no repository here; compare.test.ts has them.
        if (line?.includes('--compare')) continue;
        const result = await inExamples((line as string).split(' '), files, offline);
        expect(`${line}: ${result.stderr}`).not.toMatch(
          /error: (?!http:\/\/127\.0\.0\.1:9 cannot be reached)/,
        );
      }
    }
  });

  test('--version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    for (const option of ['--version', '-V']) {
      expect(await mn([option])).toEqual({ code: 0, signal: null, stdout: `${version}\n`, stderr: '' });
    }
  });
});

describe('colour', () => {
  const args = [...validate, summarizer, '--targets', 'nvidia-6gb'];
  const esc = '\u001b';
  test.each<[name: string, env: Record<string, string>, more: string[], colored: boolean]>([
    ['a pipe has none', {}, [], false],
    ['FORCE_COLOR', { FORCE_COLOR: '1' }, [], true],
    ['FORCE_COLOR=0', { FORCE_COLOR: '0' }, [], false],
    ['NO_COLOR wins', { FORCE_COLOR: '1', NO_COLOR: '1' }, [], false],
    ['an empty NO_COLOR says nothing', { FORCE_COLOR: '1', NO_COLOR: '' }, [], true],
    ['--no-color wins', { FORCE_COLOR: '1' }, ['--no-color'], false],
    ['JSON has none', { FORCE_COLOR: '1' }, ['--json'], false],
    ['Markdown has none', { FORCE_COLOR: '1' }, ['--format', 'markdown'], false],
  ])('%s', async (_, env, more, colored) => {
    const { stdout } = await inExamples([...args, ...more], {}, env);
    expect(stdout.includes(esc)).toBe(colored);
  });

  test('--no-color before the command', async () => {
    const { stdout } = await inExamples(['--no-color', ...args], {}, { FORCE_COLOR: '1' });
    expect(stdout).not.toContain(esc);
  });
  test('a file has none', async () => {
    const { folder } = await inExamples([...args, '--output', 'out.txt'], {}, { FORCE_COLOR: '1' });
    expect(readFileSync(join(folder, 'out.txt'), 'utf8')).not.toContain(esc);
  });
});

describe('--output', () => {
  const args = [...validate, summarizer, '--targets', 'nvidia-6gb'];

  test('holds what stdout would, in a folder that is made, and nothing else is left', async () => {
    const { folder, code, stdout, stderr } = await inExamples([
      ...args,
      '--json',
      '--output',
      'new/deep/out.json',
    ]);
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: 'wrote new/deep/out.json\n' });
    expect(readdirSync(join(folder, 'new/deep'))).toEqual(['out.json']);
    const printed = await mn([...args, '--json'], { cwd: folder });
    expect(readFileSync(join(folder, 'new/deep/out.json'), 'utf8')).toBe(printed.stdout);
  });

  test('replaces a file', async () => {
    const { folder } = await inExamples([...args, '--output', 'out.txt'], { 'out.txt': 'old' });
    expect(readFileSync(join(folder, 'out.txt'), 'utf8')).toMatch(/^Checked 1 blueprint/);
  });

  test('a wrong question leaves an existing file as it is', async () => {
    const { folder, code } = await inExamples([...args, '--targets', 'nope', '--output', 'out.txt'], {
      'out.txt': 'old',
    });
    expect(code).toBe(2);
    expect(readFileSync(join(folder, 'out.txt'), 'utf8')).toBe('old');
  });

  test.each<[name: string, path: string, stderr: string]>([
    ['a folder', 'examples', 'error: "examples" cannot be written (it is a folder). Give another file.\n'],
    [
      'below a file',
      'examples/catalog.json/x',
      'error: "examples/catalog.json/x" cannot be written (a file stands where a folder is needed). Give another file.\n',
    ],
  ])('cannot be written: %s', async (_, path, stderr) => {
    const { folder, ...result } = await inExamples([...args, '--output', path]);
    expect(result).toMatchObject({ code: 2, stdout: '', stderr });
    expect(readdirSync(folder)).toEqual(['examples']);
    expect(readdirSync(join(folder, 'examples')).sort()).toEqual([
      'blueprints',
      'catalog.json',
      'targets.yaml',
    ]);
  });

  // Making folders in /proc fails in a way that recursive mkdir takes for a reason to try again, for ever.
  test.skipIf(!existsSync('/proc/self'))('cannot be written: below /proc', async () => {
    const result = await inExamples([...args, '--output', '/proc/model-check/out.txt']);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(
      /^error: "\/proc\/model-check\/out\.txt" cannot be written \(.+\)\. Give another file\.\n$/,
    );
  });

  test.skipIf(!isRoot || !canForbid)(
    'cannot be written: a folder of somebody else keeps its file',
    async () => {
      const folder = folderOf({ ...examples(), 'locked/out.txt': 'old' });
      chmodSync(join(folder, 'locked'), 0o755);
      const result = await mn([...args, '--output', 'locked/out.txt'], { cwd: folder, asNobody: true });
      expect(result).toMatchObject({
        code: 2,
        stdout: '',
        stderr:
          'error: "locked/out.txt" cannot be written (writing there is not permitted). Give another file.\n',
      });
      expect(readFileSync(join(folder, 'locked/out.txt'), 'utf8')).toBe('old');
    },
  );
});

describe('several formats in one run', () => {
  const args = [...validate, 'examples', '--targets', 'examples/targets.yaml'];
  const several = ['--format', 'sarif:out/a.sarif', '--format', 'junit:j.xml', '--format', 'json:a:r.json'];

  // On Windows, a colon in a name means something else.
  test.skipIf(isWindows)('each is what it would be alone, and stderr says what was written', async () => {
    const { folder, code, stdout, stderr } = await inExamples([...args, ...several, '--format', 'markdown']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'wrote out/a.sarif\nwrote j.xml\nwrote a:r.json\n',
    });
    const alone = async (format: string) =>
      (await mn([...args, '--format', format], { cwd: folder })).stdout.replace(/· \d+ m?s$/m, '');
    expect(stdout.replace(/· \d+ m?s$/m, '')).toBe(await alone('markdown'));
    expect(readFileSync(join(folder, 'out/a.sarif'), 'utf8')).toBe(await alone('sarif'));
    expect(readFileSync(join(folder, 'j.xml'), 'utf8')).toBe(await alone('junit'));
    expect(readFileSync(join(folder, 'a:r.json'), 'utf8')).toBe(await alone('json'));
    await expect(await alone('junit')).toMatchFileSnapshot('snapshots/e2e-junit.xml');
  });

  test('fingerprints stay where lines move, and change with the model', async () => {
    const wrong =
      '{"llm": {"model": "nope", "configs": {"a": {}, "b": {"model": "medium", "model": "medium"}}}}';
    const prints = async (text: string) => {
      const files = { 'b.json': text, '.mn/models/catalog.json': '[{"id": "bad"}]' };
      const { stdout } = await inExamples([...validate, 'b.json', ...on8, '--format', 'sarif'], files);
      const { results } = JSON.parse(stdout).runs[0] as { results: { partialFingerprints: object }[] };
      return results
        .flatMap(({ partialFingerprints }) => Object.values(partialFingerprints) as string[])
        .sort();
    };
    const before = await prints(wrong);
    expect(new Set(before).size).toBe(6);
    expect(await prints(`\n\n${wrong.replaceAll(' ', '\n  ')}`)).toEqual(before);
    const after = await prints(wrong.replace('nope', 'other'));
    // Only the finding that is about the model is another one.
    expect(after.filter((print) => before.includes(print)).length).toBe(5);
  });

  test('only files: stdout stays empty, and --quiet says nothing at all', async () => {
    const { folder, ...result } = await inExamples([...args, ...several.slice(0, 4), '--quiet']);
    expect(result).toMatchObject({ code: 1, stdout: '', stderr: '' });
    expect(existsSync(join(folder, 'out/a.sarif')) && existsSync(join(folder, 'j.xml'))).toBe(true);
  });

  test('--output is for the one without a file', async () => {
    const { folder, stdout } = await inExamples([...args, '--format', 'sarif:a', '--json', '--output', 'b']);
    expect(stdout).toBe('');
    expect(readFileSync(join(folder, 'a'), 'utf8')).toContain('"version": "2.1.0"');
    expect(readReport(readFileSync(join(folder, 'b'), 'utf8')).ok).toBe(false);
  });

  test('what cannot be written is said of every file, and the others are written whole', async () => {
    const { folder, ...result } = await inExamples([
      ...[...args, '--format', 'text', '--format', 'junit:examples', '--format', 'sarif:ok.sarif'],
      ...['--format', 'json:examples/catalog.json/x'],
    ]);
    expect(result).toMatchObject({
      code: 2,
      stdout: '',
      stderr:
        'wrote ok.sarif\n' +
        'error: "examples" cannot be written (it is a folder). Give another file.\n' +
        'error: "examples/catalog.json/x" cannot be written (a file stands where a folder is needed). Give another file.\n',
    });
    expect(readdirSync(folder).sort()).toEqual(['examples', 'ok.sarif']);
  });
});

describe('streams', () => {
  test('a reader that has seen enough ends it without a word', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [`b/${index}.json`, blueprint(`unknown-${index}`)]),
    );
    const folder = folderOf(many);
    for (const format of ['text', 'json', 'markdown', 'sarif', 'junit']) {
      const args = [...validate, 'b', '--targets', 'nvidia-8gb', '--format', format];
      const result = await mn(args, { cwd: folder, closeAfter: 1 });
      expectNoCrash(result);
      expect(result.stderr).toBe('');
    }
    expectNoCrash(await mn(['target', 'list'], { cwd: folder, closeAfter: 1 }));
  });
});

describe('catalogs', () => {
  const entry = (vram: number) =>
    JSON.stringify([{ id: 'mine', model: 'ai/mine', requirements: { min_vram_gb: vram } }]);
  const layers = ['home', 'MN_HOME', 'repository', 'given', 'given again', 'MN_MODEL_CATALOG_PATH'] as const;
  /** What `mine` needs with these catalogs, each of which asks for one GB more than the one before. */
  async function needed(present: readonly string[]): Promise<number> {
    const has = (layer: (typeof layers)[number]) => present.includes(layer);
    const folder = folderOf({ 'home/.mn/keep': '', 'other/keep': '', 'repo/keep': '' });
    if (has('home')) write(folder, { 'home/.mn/models/catalog.json': entry(1) });
    if (has('MN_HOME')) write(folder, { 'other/models/catalog.json': entry(2) });
    if (has('repository')) write(folder, { 'repo/.mn/models/catalog.json': entry(3) });
    if (has('given')) write(folder, { 'repo/given/a.json': entry(4) });
    if (has('given again')) write(folder, { 'repo/given/b.json': entry(5) });
    if (has('MN_MODEL_CATALOG_PATH')) write(folder, { 'env.json': entry(6) });
    const home = join(folder, 'home');
    const result = await mn(
      [
        ...['model', 'show', 'mine', '--json'],
        ...(has('given') ? ['--catalog', 'given/a.json'] : []),
        ...(has('given again') ? ['--catalog', 'given/b*.json'] : []),
      ],
      {
        cwd: join(folder, 'repo'),
        env: {
          HOME: home,
          USERPROFILE: home,
          ...(has('MN_HOME') ? { MN_HOME: join(folder, 'other') } : {}),
          ...(has('MN_MODEL_CATALOG_PATH') ? { MN_MODEL_CATALOG_PATH: join(folder, 'env.json') } : {}),
        },
      },
    );
    expect(result.stderr).toBe('');
    return (JSON.parse(result.stdout) as { requirements: { min_vram_gb: number } }).requirements.min_vram_gb;
  }

  test.each(layers.map((layer, index) => [layer, index] as const))(
    '%s wins over those before it',
    async (_, index) => {
      expect(await needed(layers.slice(0, index + 1))).toBe(index + 1);
    },
  );
  test('MN_HOME takes the place of the home folder', async () => {
    await expect(needed(['home'])).resolves.toBe(1);
    const folder = folderOf({ '.mn/models/catalog.json': entry(1), 'other/keep': '' });
    const env = { HOME: folder, USERPROFILE: folder, MN_HOME: join(folder, 'other') };
    const result = await mn(['model', 'show', 'mine'], { env });
    expect(result).toMatchObject({
      code: 2,
      stderr: 'error: unknown model "mine".\n  looked in: built-in catalog\n',
    });
  });
  test('of those given, the last wins, whatever their names', async () => {
    const folder = folderOf({ 'a.json': entry(9), 'b.json': entry(10) });
    const shown = async (...args: string[]) =>
      (await mn(['model', 'show', 'mine', ...args], { cwd: folder })).stdout;
    expect(await shown('--catalog', 'b.json', '--catalog', 'a.json')).toContain('needs 9 GB VRAM');
    expect(await shown('--catalog', '*.json')).toContain('needs 10 GB VRAM');
  });
  test('a wrong MN_MODEL_CATALOG_PATH is said', async () => {
    const result = await mn(['model', 'list'], { env: { MN_MODEL_CATALOG_PATH: 'gone.json' } });
    expect(result).toMatchObject({
      code: 2,
      stdout: '',
      stderr:
        'error: MN_MODEL_CATALOG_PATH "gone.json" cannot be read: it is not there. Put a readable file here.\n',
    });
  });
  test('mn model list says what is wrong in a catalog, and lists the rest', async () => {
    const folder = folderOf({ '.mn/models/catalog.json': `[{"id":"bad"},${entry(5).slice(1)}` });
    const result = await mn(['model', 'list'], { cwd: folder });
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/^mine +ai\/mine /m);
    expect(result.stderr).toBe(
      'warning: .mn/models/catalog.json:1:2: Entry bad: model is missing. The entry is left out; the others are used. Add "model": "ai/my-model".\n',
    );
  });
});

describe('targets', () => {
  const result = async (files: Tree, ...args: string[]) => {
    const ran: Result = await inExamples([...validate, summarizer, '--json', ...args], files);
    expect(ran.stderr).toBe('');
    return readReport(ran.stdout).targets.map(({ id, required }) => (required ? id : `(${id})`));
  };
  const own = JSON.stringify({ targets: ['nvidia-8gb', { id: 'lab', preset: 'rtx-4060', required: false }] });

  test.each<[name: string, files: Tree, args: string[], ids: string[]]>([
    [
      'presets',
      {},
      ['--targets', 'nvidia-8gb, mac-m2-16', '--targets', 'cpu-32gb'],
      ['nvidia-8gb', 'mac-m2-16', 'cpu-32gb'],
    ],
    ['a JSON file', { 't.json': own }, ['--targets', 't.json'], ['nvidia-8gb', '(lab)']],
    [
      'a YAML file',
      { 't.yml': 'targets:\n- nvidia-8gb\n- {id: lab, preset: rtx-4060, required: false}\n' },
      ['--targets', 't.yml'],
      ['nvidia-8gb', '(lab)'],
    ],
    [
      'a mix',
      { 't.json': own },
      ['--targets', 'cpu-32gb,t.json,detect'],
      ['cpu-32gb', 'nvidia-8gb', '(lab)', 'this-machine'],
    ],
    ['.mn/targets.json', { '.mn/targets.json': own }, [], ['nvidia-8gb', '(lab)']],
    ['.mn/targets.yaml', { '.mn/targets.yaml': 'targets: [cpu-32gb]' }, [], ['cpu-32gb']],
    [
      'what is given wins over .mn/targets.json',
      { '.mn/targets.json': own },
      ['--targets', 'cpu-32gb'],
      ['cpu-32gb'],
    ],
    ['detect', {}, ['--targets', 'detect'], ['this-machine']],
    ['nobody chose', {}, [], ['this-machine']],
  ])('%s', async (_, files, args, ids) => {
    expect(await result(files, ...args)).toEqual(ids);
  });

  test.skipIf(process.platform !== 'linux')(
    'detect reads nvidia-smi, and memory as sold meets its threshold',
    async () => {
      const folder = folderOf({
        ...examples(),
        'bin/nvidia-smi': "#!/bin/sh\necho 'NVIDIA GeForce RTX 4060, 7805, 7000, 580.95.05, [N/A]'\n",
      });
      chmodSync(join(folder, 'bin/nvidia-smi'), 0o755);
      const env = { PATH: join(folder, 'bin') };
      const { code, stdout } = await mn([...validate, summarizer, '--hardware-only'], { cwd: folder, env });
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /^Checked 1 blueprint against this machine \(detected: .*NVIDIA RTX 4060 7\.6 GB/,
      );
      const shown = await mn(['model', 'show', 'default', '--compatibility'], { cwd: folder, env });
      expect(shown.stdout).toContain(
        '  Verdict        ✓ runs: needs 8 GB VRAM, found 7.6 GB measured, which is sold as 8 GB (nvidia)\n',
      );
    },
  );

  test('mn target list has the targets of the repository and all presets', async () => {
    const { stdout } = await inExamples(['target', 'list', '--json'], { '.mn/targets.json': own });
    const { targets } = JSON.parse(stdout) as {
      targets: { id: string; from: string; verdict: { status: string } }[];
    };
    expect(targets.slice(0, 2).map(({ id, from }) => [id, from])).toEqual([
      ['nvidia-8gb', '.mn/targets.json'],
      ['lab', '.mn/targets.json'],
    ]);
    expect(targets.filter(({ from }) => from === 'preset').length).toBe(109);
    const text = (await inExamples(['target', 'list'], { '.mn/targets.json': own })).stdout;
    expect(text).toContain('Targets of this repository (2)\n');
    expect(text).toMatch(/^✗ {2}nvidia-6gb /m);
  });
});

describe('blueprint env', () => {
  test.each<[name: string, args: string[]]>([
    ['container', [summarizer]],
    ['hostlocal', [summarizer, '--worker', 'hostlocal']],
    ['json', [summarizer, '--json']],
    ['disabled', ['examples/blueprints/release_notes']],
  ])('%s', async (name, args) => {
    const result = await inExamples(['blueprint', 'env', ...args]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    await expect(result.stdout).toMatchFileSnapshot(`snapshots/e2e-env-${name}.txt`);
  });
});

describe('the rest', () => {
  test.each<[name: string, args: string[]]>([
    ['model-list', ['model', 'list']],
    ['model-show', ['model', 'show']],
    ['model-compatibility', ['model', 'show', 'nemotron3', '--compatibility', '--targets', 'rtx-2060']],
    ['model-compatibility-several', ['model', 'show', 'default', '--targets', 'rtx-2060,mac-m2-16,amd-8gb']],
    ['finding-show', ['finding', 'show', 'unknown-model']],
  ])('%s', async (name, args) => {
    const result = await mn(args);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    await expect(result.stdout).toMatchFileSnapshot(`snapshots/e2e-${name}.txt`);
  });

  test('mn finding list has every finding, and each can be shown', async () => {
    const { stdout } = await mn(['finding', 'list']);
    const ids = [...stdout.matchAll(/^([a-z-]+) +(?:error|warning|note) {2}/gm)].map(
      ([, id]) => id as string,
    );
    expect(ids.length).toBeGreaterThan(20);
    for (const id of ids.slice(0, 3))
      expect((await mn(['finding', 'show', id])).stdout).toContain(`/${id}.md`);
  });

  test('a path that is no folder of this repository is checked all the same', async () => {
    const folder = folderOf({ 'a.json': blueprint('default') });
    mkdirSync(join(folder, 'elsewhere'));
    const result = await mn([...validate, '../a.json', '--targets', 'nvidia-8gb'], {
      cwd: join(folder, 'elsewhere'),
    });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain('Checked 1 blueprint');
  });
});

describe('this machine', () => {
  test('what is detected and saved is a target elsewhere, still measured', async () => {
    const detected = await mn(['target', 'detect', '--json', '--set', 'gpu=none', '--set', 'memory_gb=30.5']);
    expect(detected).toMatchObject({ code: 0, stderr: '' });
    const saved = { 'lab.json': detected.stdout };
    const args = [
      'blueprint',
      'validate',
      'examples/blueprints/summarizer.json',
      '--targets',
      'lab.json',
      '--json',
    ];
    const report = readReport((await inExamples(args, saved)).stdout);
    expect(report.targets).toMatchObject([{ id: 'detected', memory_gb: 30.5, gpus: [], measured: true }]);
    // Declared, 30.5 GB would be less than 32; measured, it is what is sold as 32 (on Linux; elsewhere no CPU will do).
    if (process.platform === 'linux')
      expect(report.verdicts).toMatchObject([{ rule: 'cpu', status: 'force_only' }]);
  });

  test.each<[args: string[], error: string]>([
    [
      ['target', 'detect', '--set', 'gpu.vram'],
      'error: --set: "gpu.vram" sets nothing. Write name=value, for example gpu.vram_gb=8.\n',
    ],
    [
      ['blueprint', 'validate', 'examples', '--targets', 'rtx-4060', '--set', 'memory_gb=8'],
      'error: "memory_gb=8" sets a fact of the detected machine, and no machine is detected here. Add detect to the targets, or write the fact into a targets file.\n',
    ],
  ])('%j', async (args, error) => {
    expect(await inExamples(args, {})).toMatchObject({ code: 2, stdout: '', stderr: error });
  });
});

test('every command reads the catalog of the repository, also from a folder inside it', async () => {
  const folder = folderOf({
    '.git/HEAD': '',
    '.mn/models/catalog.json': '[{"id":"own","model":"ai/own:1","aliases":["default"]}]',
    '.mn/targets.json': '{"targets":[{"preset":"rtx-4060","id":"lab"}]}',
    'deep/x.json': '{"llm":{"model":"own"}}',
  });
  const at = { cwd: join(folder, 'deep') };
  const outputs = await Promise.all(
    [
      ['blueprint', 'validate', '--json'],
      ['blueprint', 'env', 'x.json'],
      ['model', 'list'],
      ['model', 'show', 'own', '--compatibility'],
      ['target', 'list'],
    ].map((args) => mn(args, at)),
  );
  expect(outputs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
  expect(outputs.map(({ stdout }) => stdout.includes('own'))).toEqual([true, true, true, true, true]);
  expect(outputs[3]?.stdout).toContain('Target         RTX 4060');
  expect(outputs[4]?.stdout).toContain('Targets of this repository (1)');
});

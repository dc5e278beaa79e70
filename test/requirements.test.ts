import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { builtInEntries } from '../src/catalog/built-in.ts';
import { Catalog } from '../src/catalog/catalog.ts';
import type { CatalogEntry } from '../src/catalog/entry.ts';
import { hardwareKinds, leastOf, needsOf, worstOn } from '../src/check/least.ts';
import { costsByName } from '../src/memory/cost.ts';
import {
  requirementsBadge,
  requirementsJson,
  requirementsMarkdown,
  requirementsText,
} from '../src/report/requirements.ts';
import { only, preset, single } from './support/blueprints.ts';
import { folderOf, mn } from './support/process.ts';

const base = builtInEntries[0] as CatalogEntry;
const entry = (id: string, more: Partial<CatalogEntry>): CatalogEntry => ({
  ...base,
  id,
  dockerModel: `ai/${id}`,
  aliases: [],
  ...more,
});
const catalog = new Catalog([
  {
    name: 'test',
    entries: [
      ...builtInEntries,
      entry('huge', { requirements: { minVramGb: 2000, minUnifiedMemoryGb: 2000 } }),
      entry('served', { backend: 'vllm', backends: ['vllm'] }),
    ],
  },
]);
const reportOf = (value: unknown, targets: string[] = []) => {
  const needs = needsOf(only(single(value)), catalog, costsByName([]));
  return {
    id: 'x',
    path: 'x.json',
    needs,
    targets: targets.map((id) => ({ id, name: preset(id).name, status: worstOn(needs.models, preset(id)) })),
  };
};
const sizes = (value: unknown) => reportOf(value).needs.least.map(({ gb, status }) => [gb, status]);
const asks = (...models: string[]) => ({
  llm: { configs: Object.fromEntries(models.map((model, at) => [`c${at}`, { model, context_size: 8192 }])) },
});

const runs = (gb: number) => [gb, 'pass'];
const verify = (gb: number) => [gb, 'warning'];
const nowhere = [null, null];
test.each<[name: string, value: unknown, expected: unknown[][]]>([
  ['the default model', asks('default'), [runs(16), runs(8), verify(8), verify(16), [32, 'force_only']]],
  ['a large one', asks('nemotron3'), [runs(48), runs(48), verify(48), verify(64), nowhere]],
  ['both', asks('default', 'nemotron3'), [runs(48), runs(48), verify(48), verify(64), nowhere]],
  ['one without requirements', asks('rag-embedding'), [runs(8), runs(4), runs(4), runs(8), runs(8)]],
  ['one that no size runs', asks('huge'), [nowhere, nowhere, nowhere, nowhere, nowhere]],
  ['one for vLLM', asks('served'), [nowhere, runs(8), nowhere, nowhere, nowhere]],
  ['one twice', asks('default', 'ai/gemma4:E2B'), sizes(asks('default'))],
  ['none', { llm: { enabled: false } }, []],
  ['optional ones do not count', { llm: { model: 'nemotron3', required: false } }, []],
])('the least hardware of %s', (_, value, expected) => {
  expect(sizes(value)).toEqual(expected);
});

test('the answer passes, and one size less does not', () => {
  const gb = fc.option(fc.integer({ min: 1, max: 600 }), { nil: undefined });
  const requirements = fc.record({ minVramGb: gb, minUnifiedMemoryGb: gb, minCpuRamGb: gb });
  fc.assert(
    fc.property(
      fc.array(requirements, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...hardwareKinds),
      (all, kind) => {
        const models = all.map((each, at) => ({
          entry: entry(`m${at}`, {
            requirements: Object.fromEntries(Object.entries(each).filter(([, one]) => one !== undefined)),
          }),
          backend: 'llama.cpp',
          place: 'llm',
          contextSize: 4096,
          need: null,
          note: null,
        }));
        const accepted = ['pass', 'warning', ...(kind.withForce ? ['force_only'] : [])];
        const isRunning = (size: number) => accepted.includes(worstOn(models, kind.target(size)));
        const least = leastOf(kind, models);
        expect(kind.sizes.filter(isRunning)[0] ?? null).toBe(least.gb);
        expect(kind.sizes.map(isRunning)).toEqual(
          kind.sizes.map((size) => least.gb !== null && size >= least.gb),
        );
      },
    ),
  );
});

const unknown = { llm: { configs: { a: { model: 'default' }, b: { model: 'x/\u001b[31m|y' } } } };

describe('what is printed', () => {
  test('text, Markdown and badge', async () => {
    const report = reportOf(asks('nemotron3', 'rag-embedding'), ['l40s', 'rtx-4060']);
    const all = [requirementsText(report), requirementsMarkdown(report), requirementsBadge(report)];
    await expect(all.join('\n')).toMatchFileSnapshot('snapshots/requirements.txt');
  });

  test('what no catalog knows is said, and harmless', () => {
    const report = reportOf(unknown);
    for (const write of [requirementsText, requirementsMarkdown]) {
      expect(write(report)).toContain(
        'Not counted, because no catalog knows what they need: llm.configs.b (x/',
      );
      expect(write(report)).not.toContain('\u001b');
    }
    expect(requirementsMarkdown(report)).not.toContain('[31m|y');
    expect(requirementsJson(report)).not.toContain('\u001b');
  });

  test.each<[value: unknown, message: string]>([
    [asks('default'), 'Mac 16 GB | NVIDIA 8 GB'],
    [asks('served'), 'NVIDIA 8 GB'],
    [asks('huge'), 'no known hardware'],
    [{ llm: { enabled: false } }, 'no local model'],
    [unknown, 'unknown'],
  ])('the badge of %j', (value, message) => {
    expect(JSON.parse(requirementsBadge(reportOf(value)))).toMatchObject({ schemaVersion: 1, message });
  });

  test.each<[name: string, value: unknown]>([
    ['two models and targets', asks('nemotron3', 'rag-embedding')],
    ['one that no size runs', asks('huge')],
    ['an unknown one', unknown],
    ['none', { llm: { enabled: false } }],
  ])('JSON follows its schema: %s', (_, value) => {
    const schema = JSON.parse(readFileSync('schemas/requirements.schema.json', 'utf8'));
    const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema);
    validate(JSON.parse(requirementsJson(reportOf(value, ['l40s']))));
    expect(validate.errors).toBeNull();
  });
});

describe('mn blueprint requirements', () => {
  const folder = () =>
    folderOf({ 'a.json': JSON.stringify(asks('default')), 'b.json': JSON.stringify(unknown), 'c.json': '{' });
  test.each<[args: string[], code: number, stdout: RegExp, stderr: RegExp]>([
    [['a.json'], 0, /^a needs gemma4:e2b at 8192 tokens\n\n {2}hardware .*\n {2}Apple Silicon +16 GB /, /^$/],
    [['a.json', '--targets', 'rtx-4060,nvidia-6gb'], 0, /RTX 4060 +✓ runs\n.* ✗ does not run\n/, /^$/],
    [['b.json', '--json'], 1, /"unknown": \[\n {4}\{\n/, /^$/],
    [['c.json'], 1, /^$/, /^error: c\.json:1:1: The file is not valid JSON/],
    [['nowhere'], 2, /^$/, /^error: "nowhere": there is no such file or folder/],
    [['a.json', '--json', '--badge'], 2, /^$/, /^error: --json and --badge contradict each other\. /],
    [['a.json', '--targets', 'rtx4060'], 2, /^$/, /^error: unknown target "rtx4060"/],
  ])('%j ends with %i', async (args, code, stdout, stderr) => {
    const result = await mn(['blueprint', 'requirements', ...args], { cwd: folder() });
    expect(result.code).toBe(code);
    expect(result.stdout).toMatch(stdout);
    expect(result.stderr).toMatch(stderr);
  });
});

import { describe, expect, test } from 'vitest';
import { builtInEntries } from '../src/catalog/built-in.ts';
import { buildCatalog } from '../src/catalog/catalog.ts';
import type { CatalogEntry } from '../src/catalog/entry.ts';
import type { CheckInput } from '../src/check/check.ts';
import type { FailOn } from '../src/check/exit-code.ts';
import { exitCode } from '../src/check/exit-code.ts';
import type { InstalledModels } from '../src/check/installed.ts';
import { InstalledCheck } from '../src/check/installed.ts';
import type { Report } from '../src/check/report.ts';
import { finding } from '../src/findings/finding.ts';
import type { Tree } from './support/blueprints.ts';
import { checkTree, findingLine, layers, preset, single } from './support/blueprints.ts';

const gemma = single('{"llm": {"model": "default", "context_size": 4096}}');
const nemotron = single('{"llm": {"model": "nemotron3", "context_size": 8192}}');
const optional = single('{"llm": {"model": "nemotron3", "context_size": 8192, "required": false}}');

/** `error model-incompatible (a, b): message help`; required targets, then ones that are not after `|`. */
function said(tree: Tree, targets: string, input: Partial<CheckInput> = {}): string[] {
  return checkTree(tree, { targets: chosen(targets), ...input }).findings.map(
    ({ id, severity, targets, message, help }) =>
      `${severity} ${id}${targets.length > 0 ? ` (${targets.join(', ')})` : ''}: ${message} ${help}`,
  );
}

function chosen(targets: string) {
  const [required = '', rest = ''] = targets.split('|');
  const ids = (text: string) =>
    text
      .trim()
      .split(/\s+/)
      .filter((id) => id !== '');
  return [...ids(required).map((id) => preset(id)), ...ids(rest).map((id) => preset(id, false))];
}

test('a customized model has no verdict, also where a catalog knows it', () => {
  const ref = 'hf.co/jinaai/jina-embeddings-v5-text-small-retrieval:Q4_K_M';
  const tree = layers({
    manifest: `{"apiVersion": "v", "runtime": {"models": {"a": {"model": "${ref}", "customize_mode": true}}}}`,
    default: `{"llm": {"model": "jina-v5-small", "context_size": 1, "configs": {"b": {"model": "${ref}"}}}}`,
  });
  expect(kinds(tree, 'intel-mac')).toEqual(['note model-unverified', 'note model-unverified']);
});

/** The same without words: only severity, id and targets. */
function kinds(tree: Tree, targets: string, input: Partial<CheckInput> = {}): string[] {
  return said(tree, targets, input).map((text) => text.replace(/: .*/s, ''));
}

describe('severity (decision 18)', () => {
  test.each<[what: string, tree: Tree, targets: string, force: boolean, expected: string[]]>([
    ['it runs', gemma, 'apple-silicon-16gb nvidia-8gb | nvidia-wsl2-8gb', false, []],
    ['fail on a required target', gemma, 'nvidia-6gb', false, ['error model-incompatible (nvidia-6gb)']],
    ['force_only on a required target', gemma, 'cpu-32gb', false, ['error model-needs-force (cpu-32gb)']],
    [
      'warning on a required target',
      gemma,
      'amd-8gb',
      false,
      ['warning model-acceleration-unverified (amd-8gb)'],
    ],
    [
      'one finding for each id and severity, over its targets',
      gemma,
      'nvidia-6gb cpu-32gb amd-8gb apple-silicon-8gb apple-silicon-16gb',
      false,
      [
        'error model-incompatible (nvidia-6gb, apple-silicon-8gb)',
        'error model-needs-force (cpu-32gb)',
        'warning model-acceleration-unverified (amd-8gb)',
      ],
    ],
    [
      'notes on targets that are not required, where it runs somewhere',
      gemma,
      '| nvidia-6gb cpu-32gb amd-8gb apple-silicon-8gb',
      false,
      [
        'note model-acceleration-unverified (amd-8gb)',
        'note model-incompatible (nvidia-6gb, apple-silicon-8gb)',
        'note model-needs-force (cpu-32gb)',
      ],
    ],
    [
      'the same kind on both sorts of targets',
      gemma,
      'nvidia-6gb | apple-silicon-8gb intel-mac',
      false,
      ['error model-incompatible (nvidia-6gb)', 'note model-incompatible (apple-silicon-8gb, intel-mac)'],
    ],
    [
      'a required target keeps "nowhere" away',
      gemma,
      'nvidia-8gb | nvidia-6gb',
      false,
      ['note model-incompatible (nvidia-6gb)'],
    ],
    [
      'nowhere',
      nemotron,
      '| nvidia-6gb apple-silicon-16gb',
      false,
      ['error model-runs-nowhere (nvidia-6gb, apple-silicon-16gb)'],
    ],
    [
      'force_only does not count as running',
      gemma,
      '| cpu-32gb nvidia-6gb',
      false,
      ['error model-runs-nowhere (cpu-32gb, nvidia-6gb)'],
    ],
    [
      'a warning counts as running',
      gemma,
      '| amd-8gb nvidia-6gb',
      false,
      ['note model-acceleration-unverified (amd-8gb)', 'note model-incompatible (nvidia-6gb)'],
    ],
    ['no targets, nothing to run on', gemma, '', false, []],
    [
      'an optional declaration on a required target',
      optional,
      'nvidia-6gb',
      false,
      ['note model-incompatible (nvidia-6gb)'],
    ],
    [
      'an optional declaration that runs nowhere',
      optional,
      '| nvidia-6gb',
      false,
      ['note model-runs-nowhere (nvidia-6gb)'],
    ],
    ['an optional declaration, forced', optional, 'nvidia-6gb', true, ['note model-forced (nvidia-6gb)']],
    [
      'forced',
      gemma,
      'nvidia-6gb cpu-32gb amd-8gb apple-silicon-16gb',
      true,
      ['warning model-acceleration-unverified (amd-8gb)', 'warning model-forced (nvidia-6gb, cpu-32gb)'],
    ],
    [
      'forced on targets that are not required',
      gemma,
      '| nvidia-6gb cpu-32gb',
      true,
      ['note model-forced (nvidia-6gb, cpu-32gb)'],
    ],
    [
      'force never covers a backend',
      single('{"llm": {"model": "default", "context_size": 1, "backend": "vllm"}}'),
      'nvidia-8gb',
      true,
      ['error backend-unsupported (nvidia-8gb)'],
    ],
    [
      'force never covers an unknown model',
      single('{"llm": {"model": "none", "context_size": 1}}'),
      'nvidia-8gb',
      true,
      ['error unknown-model'],
    ],
    [
      'force never covers an invalid file',
      { 'a/manifest.json': '{', 'a/config/default.json': '{}' },
      'nvidia-8gb',
      true,
      ['error invalid-json'],
    ],
  ])('%s', (_, tree, targets, force, expected) => {
    expect(kinds(tree, targets, { force })).toEqual(expected);
  });
});

describe('messages', () => {
  test.each<[what: string, tree: Tree, targets: string, input: Partial<CheckInput>, expected: string[]]>([
    [
      'a fallback that runs everywhere comes first',
      nemotron,
      'apple-silicon-16gb nvidia-8gb',
      {},
      [
        "error model-incompatible (apple-silicon-16gb, nvidia-8gb): llm asks for nemotron3. On Apple Silicon, 16 GB: needs 48 GB unified memory, found 16 GB (also: 1 more target). Use gemma4:e2b (nemotron3's fallback), which runs on all 2 targets, drop these targets, or run with force if you accept it.",
      ],
    ],
    [
      'a fallback that runs where this one does not',
      nemotron,
      'apple-silicon-16gb nvidia-6gb',
      {},
      [
        'error model-incompatible (apple-silicon-16gb, nvidia-6gb): llm asks for nemotron3. On Apple Silicon, 16 GB: needs 48 GB unified memory, found 16 GB (also: 1 more target). Use a smaller model, drop these targets, or run with force if you accept slow or partial execution.',
      ],
    ],
    [
      'the only target',
      gemma,
      'nvidia-6gb',
      {},
      [
        'error model-incompatible (nvidia-6gb): llm asks for default (gemma4:e2b). On NVIDIA, 6 GB VRAM: needs 8 GB VRAM, found 6 GB. Use a smaller model, drop the target, or run with force if you accept slow or partial execution.',
      ],
    ],
    [
      'this machine cannot be dropped',
      gemma,
      '',
      { targets: [{ ...preset('nvidia-6gb'), id: 'this-machine' }] },
      [
        'error model-incompatible (this-machine): llm asks for default (gemma4:e2b). On NVIDIA, 6 GB VRAM: needs 8 GB VRAM, found 6 GB. Use a smaller model, or run with force if you accept slow or partial execution.',
      ],
    ],
    [
      'without a fallback, the largest model that runs',
      single('{"llm": {"model": "huge", "context_size": 1}}'),
      'nvidia-8gb',
      {
        catalog: catalogOf(
          { id: 'huge', vram: 80 },
          { id: 'tiny', vram: 1 },
          { id: 'mid', vram: 6 },
          { id: 'free' },
        ),
      },
      [
        'error model-incompatible (nvidia-8gb): llm asks for huge. On NVIDIA, 8 GB VRAM: needs 80 GB VRAM, found 8 GB. Use mid, which runs here, drop the target, or run with force if you accept it.',
      ],
    ],
    [
      'a fallback that does not run is not suggested',
      single('{"llm": {"model": "huge", "context_size": 1}}'),
      'nvidia-8gb nvidia-6gb',
      {
        catalog: catalogOf(
          { id: 'huge', vram: 80, fallback: 'mid' },
          { id: 'mid', vram: 7 },
          { id: 'tiny', vram: 1 },
        ),
      },
      [
        'error model-incompatible (nvidia-8gb, nvidia-6gb): llm asks for huge. On NVIDIA, 8 GB VRAM: needs 80 GB VRAM, found 8 GB (also: 1 more target). Use tiny, which runs on all 2 targets, drop these targets, or run with force if you accept it.',
      ],
    ],
    [
      'an alternative that runs only on the targets concerned',
      single('{"llm": {"model": "metal", "context_size": 1}}'),
      'apple-silicon-16gb nvidia-8gb',
      { catalog: catalogOf({ id: 'metal', vram: 80, unified: 1 }, { id: 'cuda', vram: 1, unified: 99 }) },
      [
        'error model-incompatible (nvidia-8gb): llm asks for metal. On NVIDIA, 8 GB VRAM: needs 80 GB VRAM, found 8 GB. Use cuda, which runs on this target, drop the target, or run with force if you accept it.',
      ],
    ],
    [
      'nowhere',
      nemotron,
      '| nvidia-6gb apple-silicon-16gb nvidia-8gb',
      {},
      [
        "error model-runs-nowhere (nvidia-6gb, apple-silicon-16gb, nvidia-8gb): llm asks for nemotron3, which runs on none of the 3 targets. On NVIDIA, 6 GB VRAM: needs 48 GB VRAM, found 6 GB. Use gemma4:e2b (nemotron3's fallback), which runs on 2 of them, or name the machines that it is meant for as targets.",
      ],
    ],
    [
      'an unknown model',
      single('{"llm": {"configs": {"a": {"model": "gemma4:e2", "context_size": 1}}}}'),
      'nvidia-8gb',
      {},
      [
        'error unknown-model: llm.configs.a asks for "gemma4:e2", which no catalog knows (looked in: built-in catalog). Did you mean gemma4:e2b?',
      ],
    ],
    [
      'a model and a config that are nothing like a known one',
      single(
        '{"llm": {"default_config": "q", "configs": {"primary": {"model": "zzzzzzzz", "context_size": 1}}}}',
      ),
      'nvidia-8gb',
      {},
      [
        'error unknown-config: llm.default_config is "q", but llm.configs has only primary. Name one of the configs.',
        'error unknown-model: llm.configs.primary asks for "zzzzzzzz", which no catalog knows (looked in: built-in catalog). Use a model of the catalog (mn model list), or add this one to .mn/models/catalog.json.',
      ],
    ],
  ])('%s', (_, tree, targets, input, expected) => {
    expect(said(tree, targets, input)).toEqual(expected);
  });
});

interface Wish {
  id: string;
  vram?: number;
  unified?: number;
  fallback?: string;
}

/** A catalog of only these. */
function catalogOf(...wishes: Wish[]) {
  const [first] = builtInEntries;
  const entries = wishes.map(
    ({ id, vram, unified, fallback }): CatalogEntry => ({
      ...(first as CatalogEntry),
      id,
      aliases: [],
      dockerModel: `own/${id}`,
      fallback: fallback ?? null,
      requirements: {
        ...(vram === undefined ? {} : { minVramGb: vram }),
        ...(unified === undefined ? {} : { minUnifiedMemoryGb: unified }),
      },
    }),
  );
  return buildCatalog([{ name: 'test', entries }]).catalog;
}

describe('the report', () => {
  const tree: Tree = {
    ...layers({
      manifest:
        '{\n"apiVersion": "v", "identity": {"id": "my-id"},\n"runtime": {"models": {"a": {"model": "default", "context_size": 1}}}}',
      default:
        '{"llm": {"model": "default", "configs": {"primary": {"context_size": 2}, "b": {"provider": "fake"}, "c": {"model": "ai/gemma4:E2B", "backend": "auto", "context_size": 3}}}}',
    }),
    'off.json': '{"llm": {"enabled": false}}',
  };
  const targets = chosen('apple-silicon-16gb nvidia-6gb');

  test('counts', () => {
    const { ok, summary } = checkTree(tree, { targets });
    expect(ok).toBe(false);
    expect(summary).toEqual({
      blueprints: 2,
      declarations: 5,
      skipped: 2,
      models: 1,
      targets: 2,
      errors: 3,
      warnings: 0,
      notes: 0,
    });
  });

  test('a verdict stands once for each model, backend and target; declarations share the statuses', () => {
    const report = checkTree(tree, { targets });
    expect(
      report.verdicts.map(({ model, backend, target, status }) => `${model} ${backend} ${target} ${status}`),
    ).toEqual(['gemma4:e2b llama.cpp apple-silicon-16gb pass', 'gemma4:e2b llama.cpp nvidia-6gb fail']);
    const [primary, fake, c, runtime] = report.blueprints[0]?.declarations ?? [];
    expect(Object.entries(primary?.statuses ?? {})).toEqual([
      ['apple-silicon-16gb', 'pass'],
      ['nvidia-6gb', 'fail'],
    ]);
    expect(c?.statuses).toBe(primary?.statuses);
    expect(runtime?.statuses).toBe(primary?.statuses);
    expect(Object.keys(fake?.statuses ?? {})).toEqual([]);
    expect(Object.isFrozen(primary?.statuses)).toBe(true);
    expect(Object.isFrozen(fake?.statuses)).toBe(true);
    expect(Object.getPrototypeOf(primary?.statuses)).toBeNull();
  });

  test('declarations in full', () => {
    const { blueprints } = checkTree(tree, { targets, positions: 'all' });
    const rows = blueprints.map(({ path, id, declarations }) => [
      `${path} ${id}`,
      ...declarations.map(
        (d) =>
          `${d.pointer} ${d.file}:${d.range?.line}:${d.range?.column} ${d.sourcePointer} ${d.ref} ${d.model} ${d.dockerModel} ${d.provider} ${d.backend} ${d.contextSize} ${d.required} ${d.config} ${d.skipped}`,
      ),
    ]);
    expect(rows.flat()).toEqual([
      'b my-id',
      '/llm/configs/primary b/config/default.json:1:19 /llm/model default gemma4:e2b ai/gemma4:E2B docker_model_runner llama.cpp 2 true primary null',
      '/llm/configs/b b/config/default.json:1:19 /llm/model default null null fake null null true b provider is fake',
      '/llm/configs/c b/config/default.json:1:116 /llm/configs/c/model ai/gemma4:E2B gemma4:e2b ai/gemma4:E2B docker_model_runner llama.cpp 3 true c null',
      '/runtime/models/a b/manifest.json:3:39 /runtime/models/a/model default gemma4:e2b ai/gemma4:E2B docker_model_runner llama.cpp 1 true a null',
      'off.json off',
      '/llm off.json:1:21 /llm/enabled null null null docker_model_runner null null true null llm.enabled is false',
    ]);
  });

  test('positions only where a finding points, unless all are asked for', () => {
    const few = checkTree(tree, { targets });
    expect(few.blueprints.flatMap(({ declarations }) => declarations.map(({ range }) => range))).toEqual(
      Array(5).fill(null),
    );
    expect(few.findings.map((finding) => findingLine(finding, tree))).toEqual([
      'error model-incompatible b/config/default.json:1:19 /llm/model: "default"',
      'error model-incompatible b/config/default.json:1:116 /llm/configs/c/model: "ai/gemma4:E2B"',
      'error model-incompatible b/manifest.json:3:39 /runtime/models/a/model: "default"',
    ]);
    const all = checkTree(tree, { targets, positions: 'all' });
    expect(all.findings).toEqual(few.findings);
  });

  test.each<[id: string, tree: Tree]>([
    ['by-id', layers({ manifest: { apiVersion: 'v', id: 'by-id' } })],
    [
      'by-blueprint-id',
      layers({ manifest: { apiVersion: 'v', identity: { blueprint_id: 'by-blueprint-id' }, id: 'x' } }),
    ],
    ['b', layers({ manifest: { apiVersion: 'v', id: 5, identity: 'x' } })],
    ['from-config', layers({ default: { identity: { id: 'from-config' } } })],
    ['x', single({ llm: {}, id: '' })],
  ])('a blueprint is called %s', (id, tree) => {
    expect(checkTree(tree).blueprints[0]?.id).toBe(id);
  });

  test('findings from before the blueprints are part of it', () => {
    const before = finding('unknown-fallback', { id: 'a', fallback: 'b', suggestion: '' });
    const { summary, findings } = checkTree(gemma, { findings: [before] });
    expect(summary.warnings).toBe(1);
    expect(findings).toEqual([before]);
  });

  test('of a blueprint with a layer that cannot be read nothing else is said', () => {
    const report = checkTree({ ...layers({ manifest: '{"llm": {"model": "none"}}', default: '{' }) });
    expect(report.blueprints).toEqual([{ path: 'b', id: 'b', declarations: [] }]);
    expect(report.findings.map(({ id }) => id)).toEqual(['invalid-json']);
  });

  test('an optional model that no catalog knows is a note, wherever it stands', () => {
    const report = checkTree(single('{"llm": {"model": "none", "context_size": 1, "required": false}}'));
    expect(report.findings.map(({ id, severity }) => `${severity} ${id}`)).toEqual([
      'note model-not-checked',
    ]);
    const missing = checkTree(single('{"llm": {"configs": {"a": {"required": false}}}}'));
    expect(missing.findings.map(({ id, severity }) => `${severity} ${id}`)).toEqual(['note missing-model']);
  });

  test('more findings than fit on a stack', () => {
    const configs = Array.from({ length: 150_000 }, (_, index) => `"${index}": {}`).join(',');
    const report = checkTree(single(`{"llm": {"configs": {${configs}}}}`));
    expect(report.summary.errors).toBe(150_000);
  });
});

describe('what is installed (decision 20)', () => {
  const has = (...names: string[]): InstalledModels => ({
    ok: true,
    has: (name) => names.includes(name),
    lacksBackend: (backend) => (backend === 'vllm' ? { reason: 'No vllm.', fix: 'Get vllm.' } : null),
  });
  const noRunner: InstalledModels = { ok: false, reason: 'There is none.', fix: 'Start it.' };
  const here = (installed: InstalledModels, ...ids: string[]): Partial<CheckInput> => ({
    installed: new InstalledCheck(installed),
    ...(ids.length === 0
      ? {}
      : { targets: ids.map((id, at) => (at === 0 ? { ...preset(id), id: 'this-machine' } : preset(id))) }),
  });
  const two = single(
    '{"llm": {"configs": {"a": {"model": "default", "context_size": 1}, "b": {"model": "nemotron3", "context_size": 1}}}}',
  );
  const missing = 'error model-not-installed:';
  const custom = 'hf.co/someone/thing-GGUF:Q4_K_M';
  const customized = (ref: string) =>
    layers({
      manifest: `{"apiVersion": "v", "runtime": {"models": {"a": {"model": "${ref}", "customize_mode": true}}}}`,
    });
  const vllm = single('{"llm": {"model": "default", "backend": "vllm", "context_size": 1}}');

  test.each<[what: string, tree: Tree, input: Partial<CheckInput>, expected: string[]]>([
    ['nobody asked', gemma, { installed: null }, []],
    ['it is there', gemma, here(has('ai/gemma4:E2B')), []],
    [
      'it is missing',
      gemma,
      here(has()),
      [
        `${missing} llm asks for default (gemma4:e2b); Docker Model Runner has no ai/gemma4:E2B. mn model install gemma4:e2b`,
      ],
    ],
    [
      'one of two is missing',
      two,
      here(has('ai/gemma4:E2B')),
      [
        `${missing} llm.configs.b asks for nemotron3; Docker Model Runner has no ai/nemotron3:latest. mn model install nemotron3`,
      ],
    ],
    [
      'no runner is said once, and nothing of models',
      two,
      here(noRunner),
      ['error runner-unavailable: There is none. It is needed for gemma4:e2b and nemotron3. Start it.'],
    ],
    [
      'an optional model is a note',
      optional,
      here(has()),
      [
        'note model-not-installed: llm asks for nemotron3; Docker Model Runner has no ai/nemotron3:latest. mn model install nemotron3',
      ],
    ],
    [
      'no runner for optional models only is a note',
      optional,
      here(noRunner),
      ['note runner-unavailable: There is none. It is needed for nemotron3. Start it.'],
    ],
    [
      'what does not run here need not be there',
      nemotron,
      here(has(), 'nvidia-8gb'),
      ['error model-incompatible'],
    ],
    [
      'what runs on this machine counts, not what runs elsewhere',
      nemotron,
      here(noRunner, 'nvidia-8gb', 'mac-m4-max-128'),
      ['error model-incompatible'],
    ],
    [
      'what is forced is started',
      gemma,
      { ...here(has(), 'nvidia-6gb'), force: true },
      [
        `${missing} llm asks for default (gemma4:e2b); Docker Model Runner has no ai/gemma4:E2B. mn model install gemma4:e2b --force`,
        'warning model-forced',
      ],
    ],
    [
      'on declared targets it must run on one of them',
      gemma,
      { installed: new InstalledCheck(has()), targets: [preset('nvidia-6gb'), preset('nvidia-8gb')] },
      ['error model-incompatible', missing],
    ],
    [
      'an unknown model is unknown',
      single('{"llm": {"model": "nope", "context_size": 1}}'),
      here(noRunner),
      ['error unknown-model'],
    ],
    [
      'nothing needs a service',
      single('{"llm": {"enabled": false, "model": "default"}}'),
      here(noRunner),
      [],
    ],
    [
      'what another provider serves needs none',
      single('{"llm": {"provider": "openai", "model": "gpt"}}'),
      here(noRunner),
      [],
    ],
    ['what is fake needs none', single('{"llm": {"mode": "fake", "model": "default"}}'), here(noRunner), []],
    [
      'a customized model is installed by its own name',
      customized(custom),
      here(has()),
      [
        `${missing} runtime.models.a asks for ${custom}; Docker Model Runner has no ${custom}. mn model install ${custom}`,
        'note model-unverified',
      ],
    ],
    [
      'a payload model is not installed by name',
      layers({
        manifest:
          '{"apiVersion": "v", "runtime": {"models": {"a": {"model": "m", "source": {"type": "payload", "path": "m.gguf", "format": "gguf"}}}}}',
      }),
      here(noRunner),
      ['warning payload-missing', 'note model-unverified'],
    ],
    [
      'an engine that is missing is said once, beside the models',
      vllm,
      {
        ...here(has(), 'nvidia-8gb'),
        catalog: buildCatalog([
          {
            name: 'x',
            entries: builtInEntries.map((entry) => ({ ...entry, backends: ['llama.cpp', 'vllm'] })),
          },
        ]).catalog,
      },
      ['error runner-unavailable: No vllm. It is needed for gemma4:e2b. Get vllm.', missing],
    ],
  ])('%s', (_, tree, input, expected) => {
    const found = said(tree, 'mac-m4-max-128', input);
    expect(found.length).toBe(expected.length);
    for (const [at, text] of expected.entries())
      expect(found[at]?.replace(' (this-machine)', '')).toContain(text);
  });

  test('the finding stands at the value, the service at no place', () => {
    const findings = (installed: InstalledModels) => checkTree(gemma, here(installed)).findings;
    expect(findings(has()).map((one) => findingLine(one, gemma))[0]).toMatch(/: "default"$/);
    expect(findings(noRunner)[0]?.location).toBeNull();
  });

  test('a name that a shell would obey is not offered as a command', () => {
    const entry = { ...(builtInEntries[0] as CatalogEntry), id: 'x; reboot', aliases: ['default'] };
    const { catalog } = buildCatalog([{ name: 'x', entries: [entry] }]);
    expect(checkTree(gemma, { ...here(has()), catalog }).findings[0]?.help).toBe(
      'Install it with mn model install, by the name that stands here.',
    );
  });
});

describe('no blueprint', () => {
  const none = (input: Partial<CheckInput>, tree: Tree = {}): Report['findings'] =>
    checkTree(tree, input).findings;

  test.each<[what: string, input: Partial<CheckInput>, tree: Tree, expected: string[]]>([
    ['a warning', {}, {}, ['warning: this folder']],
    ['an error where it is asked for', { ifNone: 'error', searched: ['a', 'b'] }, {}, ['error: a, b']],
    ['nothing where it is asked for', { ifNone: null }, {}, []],
    [
      'a named file that is none',
      { notBlueprints: ['x.json', 'y.json'] },
      gemma,
      ['warning: x.json', 'warning: y.json'],
    ],
    [
      'a named file that is none, and nothing else',
      { notBlueprints: ['x.json'], ifNone: 'error' },
      {},
      ['error: x.json'],
    ],
    ['a blueprint', {}, gemma, []],
  ])('%s', (_, input, tree, expected) => {
    const findings = none(input, tree).filter(({ id }) => id === 'no-blueprint');
    expect(
      findings.map(({ severity, message }) => `${severity}: ${message.match(/in (.*?): no folder/)?.[1]}`),
    ).toEqual(expected);
  });

  test('in words', () => {
    const [only] = none({ searched: ['blueprints'] });
    expect(`${only?.message} ${only?.help}`).toBe(
      'There is no blueprint in blueprints: no folder with a manifest.json, and no JSON file with an llm section. Name the folder or file of a blueprint, or use --if-none ignore where having none is fine.',
    );
    expect(only?.location).toBeNull();
  });
});

test.each<[errors: number, warnings: number, failOn: FailOn, code: 0 | 1]>([
  [0, 0, 'error', 0],
  [0, 5, 'error', 0],
  [1, 0, 'error', 1],
  [0, 0, 'warning', 0],
  [0, 1, 'warning', 1],
  [1, 0, 'warning', 1],
  [9, 9, 'never', 0],
])('%i errors and %i warnings with --fail-on %s exit with %i', (errors, warnings, failOn, code) => {
  expect(exitCode({ errors, warnings }, failOn)).toBe(code);
});

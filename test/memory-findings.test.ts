import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { builtInEntries } from '../src/catalog/built-in.ts';
import { Catalog } from '../src/catalog/catalog.ts';
import type { CatalogEntry } from '../src/catalog/entry.ts';
import { dockerKey } from '../src/catalog/name.ts';
import { Beside } from '../src/check/beside.ts';
import type { CheckInput } from '../src/check/check.ts';
import type { Report } from '../src/check/report.ts';
import type { Target } from '../src/hardware/facts.ts';
import { presets } from '../src/hardware/presets.ts';
import { costsByName, needAt } from '../src/memory/cost.ts';
import { costs as builtInCosts } from '../src/memory/costs.generated.ts';
import { estimate } from '../src/memory/estimate.ts';
import { knownModel, knownNames } from '../src/memory/known.ts';
import { costs as moreCosts } from '../src/memory/more-costs.generated.ts';
import type { Tree } from './support/blueprints.ts';
import { checkTree, findingLine, layers, preset, single } from './support/blueprints.ts';

const llama: CatalogEntry = {
  ...(builtInEntries[0] as CatalogEntry),
  id: 'llama3.1',
  dockerModel: 'ai/llama3.1:8B-Q4_K_M',
  aliases: [],
  contextSize: 8192,
  requirements: { minVramGb: 8, minUnifiedMemoryGb: 16 },
};
const unheardOf: CatalogEntry = { ...llama, id: 'unheard-of', dockerModel: 'ai/unheard-of:1b' };
const catalog = new Catalog([{ name: 'test', entries: [...builtInEntries, llama, unheardOf] }]);

function checked(tree: Tree, targets: readonly Target[], more: Partial<CheckInput> = {}): Report {
  return checkTree(tree, { catalog, targets, beside: (all) => new Beside(all, moreCosts), ...more });
}

/** Findings of the memory estimate and of requirements, with place and targets. */
function lines(tree: Tree, ...targets: Target[]): string[] {
  return checked(tree, targets)
    .findings.filter(({ id }) => /memory|context-exceeds|together|requirements/.test(id))
    .map((found) => `${findingLine(found, tree)} on ${found.targets.join(', ') || '–'}`);
}

const primary = (model: string, contextSize?: number, more: object = {}) =>
  single({
    llm: {
      configs: {
        primary: { model, ...(contextSize === undefined ? {} : { context_size: contextSize }), ...more },
      },
    },
  });

describe('the estimate beside a verdict', () => {
  const tight = 24_576;
  test.each<[name: string, tree: Tree, targets: Target[], expected: string[]]>([
    ['fits', primary('llama3.1', 8192), [preset('rtx-4070')], []],
    [
      'does not fit, on some targets',
      primary('llama3.1', 131_072),
      [preset('rtx-4060'), preset('l40s'), preset('rx-7600')],
      [
        'warning memory-does-not-fit x.json:1:65 /llm/configs/primary/context_size: 131072 on rtx-4060, rx-7600',
      ],
    ],
    [
      'required and not required targets are two findings',
      primary('llama3.1', 131_072),
      [preset('rtx-4060'), preset('rtx-4070', false)],
      [
        'warning memory-does-not-fit x.json:1:65 /llm/configs/primary/context_size: 131072 on rtx-4060',
        'note memory-does-not-fit x.json:1:65 /llm/configs/primary/context_size: 131072 on rtx-4070',
      ],
    ],
    [
      'an optional model gives a note',
      primary('llama3.1', 131_072, { required: false }),
      [preset('rtx-4060')],
      ['note memory-does-not-fit x.json:1:65 /llm/configs/primary/context_size: 131072 on rtx-4060'],
    ],
    [
      'tight is a note',
      primary('llama3.1', tight),
      [preset('rtx-4060')],
      [`note memory-tight x.json:1:65 /llm/configs/primary/context_size: ${tight} on rtx-4060`],
    ],
    ['the table refuses: nothing more is said', primary('llama3.1', 131_072), [preset('nvidia-6gb')], []],
    ['another engine', primary('llama3.1', 131_072, { backend: 'vllm' }), [preset('rtx-4060')], []],
    ['a model that nobody knows', primary('unheard-of', 131_072), [preset('rtx-4060')], []],
    ['a model that no catalog knows', primary('x/y', 131_072), [preset('rtx-4060')], []],
    [
      'more context than the model was trained for',
      primary('gemma4:e2b', 131_073),
      [preset('rtx-4060')],
      ['warning context-exceeds-model x.json:1:67 /llm/configs/primary/context_size: 131073 on –'],
    ],
    ['as much as it was trained for', primary('gemma4:e2b', 131_072), [preset('rtx-4060')], []],
    [
      'the context that llm gives its configs',
      single({ llm: { context_size: 131_072, configs: { a: { model: 'llama3.1' } } } }),
      [preset('rtx-4060')],
      ['warning memory-does-not-fit x.json:1:24 /llm/context_size: 131072 on rtx-4060'],
    ],
  ])('%s', (_, tree, targets, expected) => {
    expect(lines(tree, ...targets)).toEqual(expected);
  });

  test.each<[id: string, tree: Tree, expected: string]>([
    [
      'memory-does-not-fit',
      primary('llama3.1', 131_072),
      'llama3.1 does not fit at 131072 tokens on RTX 4060 and 1 more target\nllm.configs.primary gives llama3.1 a context of 131072 tokens, which takes 20.5 GB in all by the estimate. RTX 4060 has 8 GB for models (also: 1 more target). The hardware table does not look at the context size and lets it pass.\nWrite "context_size": 28672 or less, which fits on all of them, use a smaller model, or drop these targets.',
    ],
    [
      'context-size-missing',
      primary('gemma4:e2b'),
      'llm.configs.primary gives no context_size\nllm.configs.primary gives no context_size for gemma4:e2b: the engine then chooses, and what it chooses depends on its version and takes memory. Newer engines start from the 131072 tokens that it was trained for, 2.4 GB in all on a GPU by the estimate; 4096 tokens take 1.6 GB.\nAdd "context_size": 4096, or what the blueprint needs.',
    ],
    [
      'context-size-missing',
      primary('unheard-of'),
      'llm.configs.primary gives no context_size\nllm.configs.primary gives no context_size for unheard-of: the engine then chooses, and what it chooses depends on its version and takes memory.\nAdd "context_size": 4096, or what the blueprint needs.',
    ],
  ])('the words of %s', (id, tree, expected) => {
    const found = checked(tree, [preset('rtx-4060'), preset('rtx-4070')]).findings.find(
      (each) => each.id === id,
    );
    expect(`${found?.title}\n${found?.message}\n${found?.help}`).toBe(expected);
  });

  test('what the message says to write fits', () => {
    const { findings } = checked(primary('llama3.1', 131_072), [preset('rtx-4060')]);
    const size = Number(/"context_size": (\d+)/.exec(findings[0]?.help ?? '')?.[1]);
    expect(lines(primary('llama3.1', size), preset('rtx-4060')).join()).not.toContain('does-not-fit');
    expect(lines(primary('llama3.1', size + 1024), preset('rtx-4060')).join()).toContain('does-not-fit');
  });

  test('where only the table refuses, the help says so', () => {
    const [verdict] = checked(primary('gemma4:e2b', 4096), [preset('nvidia-6gb')]).verdicts;
    expect(verdict).toMatchObject({
      status: 'fail',
      ok: false,
      help: 'Use a smaller model. --force accepts running only partly on the GPU. By the estimate it takes 1.6 GB of 6 GB at 4096 tokens; the hardware table decides all the same.',
      estimate: { contextSize: 4096, fit: 'fits' },
    });
  });
});

describe('models at the same time', () => {
  const reader = (contextSize: number, more: object = {}) =>
    single({
      llm: { configs: { primary: { model: 'llama3.1', context_size: contextSize, ...more } } },
      knowledge_rag: { embedding_model: 'rag-embedding' },
    });
  test.each<[name: string, tree: Tree, target: Target, expected: string[]]>([
    [
      'the sum does not fit',
      reader(20_480),
      preset('rtx-4060'),
      ['warning models-do-not-fit-together x.json:1:39 /llm/configs/primary/model: "llama3.1" on rtx-4060'],
    ],
    ['it fits', reader(20_480), preset('rtx-4070'), []],
    [
      'both optional: a note',
      reader(20_480, { required: false }),
      preset('rtx-4060'),
      ['note models-do-not-fit-together x.json:1:39 /llm/configs/primary/model: "llama3.1" on rtx-4060'],
    ],
    [
      'one that does not fit alone is said alone',
      reader(131_072),
      preset('rtx-4060'),
      ['warning memory-does-not-fit x.json:1:65 /llm/configs/primary/context_size: 131072 on rtx-4060'],
    ],
    ['one that the table refuses is said by the table', reader(20_480), preset('nvidia-6gb'), []],
    [
      'one model under two names counts once',
      single({
        llm: { configs: { a: { model: 'llama3.1', context_size: 8192 } } },
        runtime: { models: { b: { model: 'ai/llama3.1:8B-Q4_K_M', context_size: 16_384 } } },
      }),
      preset('rtx-4060'),
      [],
    ],
  ])('%s', (_, tree, target, expected) => {
    const wanted = lines(tree, target).filter((line) => !line.includes('memory-tight'));
    expect(wanted).toEqual(expected);
  });

  test('the message names the parts', () => {
    const { findings } = checked(reader(20_480), [preset('rtx-4060')]);
    expect(findings.find(({ id }) => id === 'models-do-not-fit-together')?.message).toBe(
      'The blueprint needs llama3.1 (6.9 GB) and rag-embedding (1.3 GB) at the same time: 8.2 GB by the estimate. RTX 4060 has 8 GB for models. Each of them fits alone. Not certain of rag-embedding: the model is built on the shape of Qwen3-0.6B, with its adapter merged.',
    );
  });
});

describe('requirements of the blueprint', () => {
  const asks = (requirements: unknown, model = 'gemma4:e2b'): Tree => ({
    'x.json': JSON.stringify({ llm: { model, context_size: 4096 }, requirements }),
  });
  const cuda = { vendor: 'nvidia', driver: 'cuda', min_count: 1, enforcement: 'hard' };
  test.each<[name: string, requirements: unknown, target: Target, expected: string[]]>([
    ['none', undefined, preset('mac-m2-16'), []],
    ['met', { gpu: cuda, memory: { min_gb: 32 } }, preset('rtx-4060'), []],
    [
      'another vendor',
      { gpu: cuda },
      preset('mac-m2-16'),
      ['warning requirements-not-met x.json:1:120 /requirements/gpu/min_count: 1 on mac-m2-16'],
    ],
    [
      'a driver alone says the vendor',
      { gpu: { min_count: 1, driver: 'rocm' } },
      preset('rtx-4060'),
      ['warning requirements-not-met x.json:1:86 /requirements/gpu/min_count: 1 on rtx-4060'],
    ],
    ['a driver that nobody knows', { gpu: { min_count: 1, driver: 'x' } }, preset('rtx-4060'), []],
    ['a vendor that nobody knows', { gpu: { min_count: 1, vendor: 'x' } }, preset('rtx-4060'), []],
    [
      'too little memory on the GPU',
      { gpu: { min_count: 1, min_memory_mb: 49_152, memory_operator: '>=' } },
      preset('rtx-4060'),
      ['warning requirements-not-met x.json:1:104 /requirements/gpu/min_memory_mb: 49152 on rtx-4060'],
    ],
    [
      'an operator that is not understood',
      { gpu: { min_count: 1, min_memory_mb: 49_152, memory_operator: '<' } },
      preset('rtx-4060'),
      [],
    ],
    ['unified memory is GPU memory', { gpu: { min_count: 1, min_memory_gb: 16 } }, preset('mac-m2-16'), []],
    [
      'too few',
      { gpu: { min_count: 2 } },
      preset('rtx-4060'),
      ['warning requirements-not-met x.json:1:86 /requirements/gpu/min_count: 2 on rtx-4060'],
    ],
    [
      'main memory',
      { memory: { min_gb: 64 } },
      preset('rtx-4060'),
      ['warning requirements-not-met x.json:1:86 /requirements/memory/min_gb: 64 on rtx-4060'],
    ],
    [
      'soft, or a target that is not required: a note',
      { gpu: { ...cuda, enforcement: 'soft' } },
      preset('mac-m2-16'),
      ['note requirements-not-met x.json:1:120 /requirements/gpu/min_count: 1 on mac-m2-16'],
    ],
    ['values of a wrong type', { gpu: { min_count: '1' }, memory: { min_gb: -1 } }, preset('rtx-4060'), []],
    ['hostile keys', JSON.parse('{"__proto__":{"gpu":{"min_count":9}},"gpu":[]}'), preset('rtx-4060'), []],
  ])('%s', (_, requirements, target, expected) => {
    expect(lines(asks(requirements), target)).toEqual(expected);
  });

  test.each<[name: string, requirements: unknown, model: string, expected: string[]]>([
    [
      'no GPU, and the model needs one',
      { gpu: { min_count: 0 }, memory: { min_gb: 2 } },
      'nemotron3',
      [
        'warning requirements-understated: The blueprint requires no GPU, but llm asks for nemotron3, which needs 48 GB VRAM or 48 GB unified memory.',
      ],
    ],
    [
      'no GPU and little memory, and the catalog allows the CPU',
      { gpu: { min_count: 0 }, memory: { min_gb: 2 } },
      'gemma4:e2b',
      [
        'note requirements-understated: The blueprint requires no GPU and 2 GB of memory, but llm asks for gemma4:e2b, which needs 8 GB VRAM, 16 GB unified memory or, with force, 32 GB RAM.',
      ],
    ],
    ['no GPU and enough memory', { gpu: { min_count: 0 }, memory: { min_gb: 32 } }, 'gemma4:e2b', []],
    [
      'a GPU that is too small',
      { gpu: { min_count: 1, min_memory_mb: 8192 } },
      'nemotron3',
      [
        'warning requirements-understated: The blueprint requires 1 GPU with 8 GB, but llm asks for nemotron3, which needs 48 GB VRAM or 48 GB unified memory.',
      ],
    ],
    ['a GPU of any size', { gpu: { min_count: 1 } }, 'nemotron3', []],
    ['a model that requires nothing', { gpu: { min_count: 0 } }, 'rag-embedding', []],
  ])('against models: %s', (_, requirements, model, expected) => {
    const { findings } = checked(asks(requirements, model), [preset('mac-m4-max-128')]);
    expect(
      findings
        .filter(({ id }) => id === 'requirements-understated')
        .map(({ id, severity, message }) => `${severity} ${id}: ${message}`),
    ).toEqual(expected);
  });

  test('a config lies over the manifest', () => {
    const tree = layers({
      manifest: { apiVersion: 'mn.workflow/v1', requirements: { gpu: { min_count: 1, vendor: 'amd' } } },
      default: { requirements: { gpu: { vendor: 'nvidia' } } },
    });
    expect(lines(tree, preset('rtx-4060'))).toEqual([]);
    expect(lines(tree, preset('rx-7600'))).toHaveLength(1);
  });
});

test('the estimate changes no verdict', () => {
  const anyModel = fc.constantFrom(
    'gemma4:e2b',
    'nemotron3',
    'rag-embedding',
    'llama3.1',
    'unheard-of',
    'x/y',
  );
  const anyTarget = fc
    .tuple(fc.constantFrom(...presets), fc.boolean())
    .map(([target, required]): Target => ({ ...target, required }));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(anyModel, fc.option(fc.integer({ min: 1, max: 2 ** 40 }))), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.uniqueArray(anyTarget, { selector: ({ id }) => id, minLength: 1, maxLength: 5 }),
      fc.boolean(),
      (models, targets, force) => {
        const configs = Object.fromEntries(
          models.map(([model, size], at) => [
            `c${at}`,
            { model, ...(size === null ? {} : { context_size: size }) },
          ]),
        );
        const tree = single({ llm: { configs }, requirements: { gpu: { min_count: 0 } } });
        const without = checkTree(tree, { catalog, targets, force });
        const withIt = checked(tree, targets, { force });
        const bare = (report: Report) =>
          report.verdicts.map(({ estimate: _, help: __, ...verdict }) => verdict);
        expect(bare(withIt)).toEqual(bare(without));
        expect(withIt.ok).toBe(without.ok);
        expect(withIt.blueprints[0]?.declarations.map(({ statuses }) => statuses)).toEqual(
          without.blueprints[0]?.declarations.map(({ statuses }) => statuses),
        );
        const errors = (report: Report) =>
          report.findings.filter(({ severity }) => severity === 'error').length;
        expect(errors(withIt)).toBe(errors(without));
      },
    ),
    { numRuns: 200 },
  );
});

test('the curves are within 0.1 % of the estimate, for every known model', () => {
  const curves = costsByName(moreCosts);
  expect(curves.size).toBe([...builtInCosts, ...moreCosts].flatMap(({ names }) => names).length);
  for (const name of knownNames) {
    const cost = curves.get(dockerKey(name));
    const { header } = knownModel(name) ?? { header: null };
    if (cost === undefined || header === null) throw new Error(`no curve of ${name}`);
    for (const size of [256, 1000, 2048, 4096, 8192, 10_000, 32_768, 131_072]) {
      if (size > (cost.trained ?? 0)) continue;
      const result = estimate(header, { contextSize: size });
      if (!result.ok) throw new Error(result.problem);
      for (const part of ['device', 'host', 'cpu_only'] as const) {
        const exact = result.estimate[part].total;
        const off = Math.abs(needAt(cost, size)[part].total - exact);
        // Context is kept in pages of 256 tokens; a unit of the curve is 64 KiB.
        expect(off, `${name} ${size} ${part}`).toBeLessThanOrEqual(0.001 * exact + 65_536);
      }
    }
  }
});

import { describe, expect, test } from 'vitest';
import type { CheckInput } from '../src/check/check.ts';
import { KnownFindings, placeIn } from '../src/check/known.ts';
import type { Answer, Occurrence, Sieve } from '../src/check/sieve.ts';
import { allOf, shown } from '../src/check/sieve.ts';
import type { Tree } from './support/blueprints.ts';
import { checkTree, layers, preset, single } from './support/blueprints.ts';

const nemotron = single({ llm: { model: 'nemotron3', context_size: 8192 } });
const targets = ['apple-silicon-16gb', 'nvidia-6gb', 'nvidia-8gb'].map((id) => preset(id));
const byBaseline: Answer = { hidden: { by: 'baseline', reason: null }, change: null };

/** Hides what the test accepts. */
const hiding = (isKnown: (occurrence: Occurrence) => boolean): Sieve => ({
  ask: (occurrence) => (isKnown(occurrence) ? byBaseline : shown),
});

/** `error model-incompatible (a, b): title`, of what is shown and of what is hidden. */
function sifted(tree: Tree, sieve: Sieve, input: Partial<CheckInput> = {}) {
  const { findings, hidden, summary, ok } = checkTree(tree, { targets, sieve, ...input });
  const line = ({ id, severity, targets: on, title }: (typeof findings)[number]) =>
    `${severity} ${id} (${on.join(', ')}): ${title}`;
  return {
    ok,
    errors: summary.errors,
    shown: findings.map(line),
    hidden: hidden.map(({ finding }) => line(finding)),
  };
}

describe('a finding is split by the answers for its targets', () => {
  test.each<[what: string, known: string[], shown: string[], hidden: string[]]>([
    [
      'nothing is known',
      [],
      [
        'error model-incompatible (apple-silicon-16gb, nvidia-6gb, nvidia-8gb): nemotron3 does not run on Apple Silicon, 16 GB and 2 more targets',
      ],
      [],
    ],
    [
      'two are known',
      ['apple-silicon-16gb', 'nvidia-8gb'],
      ['error model-incompatible (nvidia-6gb): nemotron3 does not run on NVIDIA, 6 GB VRAM'],
      [
        'error model-incompatible (apple-silicon-16gb, nvidia-8gb): nemotron3 does not run on Apple Silicon, 16 GB and 1 more target',
      ],
    ],
    [
      'all are known',
      ['apple-silicon-16gb', 'nvidia-6gb', 'nvidia-8gb'],
      [],
      [
        'error model-incompatible (apple-silicon-16gb, nvidia-6gb, nvidia-8gb): nemotron3 does not run on Apple Silicon, 16 GB and 2 more targets',
      ],
    ],
  ])('%s', (_, known, shownLines, hiddenLines) => {
    const result = sifted(
      nemotron,
      hiding(({ target }) => known.includes(target ?? '')),
    );
    expect(result).toEqual({
      ok: shownLines.length === 0,
      errors: shownLines.length,
      shown: shownLines,
      hidden: hiddenLines,
    });
  });

  test('advice is for the targets that are left', () => {
    const { findings } = checkTree(nemotron, {
      targets,
      sieve: hiding(({ target }) => target === 'nvidia-6gb'),
    });
    expect(findings[0]?.help).toBe(
      "Use gemma4:e2b (nemotron3's fallback), which runs on these targets, drop these targets, or run with force if you accept it.",
    );
  });
});

test('every occurrence is asked about, without its line', () => {
  const asked: Occurrence[] = [];
  const sieve: Sieve = {
    ask(occurrence) {
      asked.push(occurrence);
      return shown;
    },
  };
  const tree = {
    ...layers({ default: { llm: { model: 'nemotron3', configs: { a: {}, b: { model: 'none' } } } } }),
    'y/manifest.json': '{',
    'y/config/default.json': '{}',
  };
  checkTree(tree, { targets: targets.slice(1), sieve });
  const lines = asked.map((o) => `${o.severity} ${o.id} ${o.blueprint} ${placeIn(o)} ${o.target}`);
  expect([...new Set(lines)]).toEqual([
    'error model-incompatible b config/default.json#/llm/model nvidia-6gb',
    'error model-incompatible b config/default.json#/llm/model nvidia-8gb',
    'note context-size-missing b config/default.json#/llm/model null',
    'error unknown-model b config/default.json#/llm/configs/b/model null',
    'note context-size-missing b config/default.json#/llm/configs/b/model null',
    'error invalid-json y manifest.json# null',
  ]);
});

test('that a model runs nowhere is one fact of all targets', () => {
  const asked: (string | null)[] = [];
  const sieve = hiding(({ target }) => asked.push(target) > 0);
  const optional = targets.map((target) => ({ ...target, required: false }));
  expect(sifted(nemotron, sieve, { targets: optional })).toEqual({
    ok: true,
    errors: 0,
    shown: [],
    hidden: [
      'error model-runs-nowhere (apple-silicon-16gb, nvidia-6gb, nvidia-8gb): nemotron3 does not run on any target',
    ],
  });
  expect(asked).toEqual([null]);
});

test('a finding about the run as a whole is never hidden', () => {
  expect(
    sifted(
      {},
      hiding(() => true),
    ).shown,
  ).toEqual(['warning no-blueprint (): No blueprint found']);
});

test('one blueprint is not worded by the answers for another', () => {
  const tree = { ...nemotron, 'y.json': nemotron['x.json'] as string };
  const { shown: lines } = sifted(
    tree,
    hiding(({ blueprint, target }) => blueprint === 'x.json' && target !== 'nvidia-8gb'),
  );
  expect(lines).toEqual([
    'error model-incompatible (nvidia-8gb): nemotron3 does not run on NVIDIA, 8 GB VRAM',
    'error model-incompatible (apple-silicon-16gb, nvidia-6gb, nvidia-8gb): nemotron3 does not run on Apple Silicon, 16 GB and 2 more targets',
  ]);
});

/** Says of each finding whether the version compared with has it too; hides none. */
const isNew: Answer = { hidden: null, change: 'new' };
const isUnchanged: Answer = { hidden: null, change: 'unchanged' };
const comparingWith = (base: KnownFindings): Sieve => ({
  ask: (occurrence) => (base.has(occurrence) ? isUnchanged : isNew),
});

test('a comparison splits findings into new and unchanged ones, and hides none', () => {
  const base = new KnownFindings(checkTree(nemotron, { targets: targets.slice(0, 2) }).findings);
  const { findings, hidden } = checkTree(nemotron, { targets, sieve: comparingWith(base) });
  expect(findings.map(({ change, targets: on }) => `${change} ${on.join(' ')}`)).toEqual([
    'new nvidia-8gb',
    'unchanged apple-silicon-16gb nvidia-6gb',
  ]);
  expect(hidden).toEqual([]);
});

test('of several sieves the first that hides decides, and what changed is still told', () => {
  const baseline = hiding(({ target }) => target === 'nvidia-6gb');
  const compared = comparingWith(new KnownFindings());
  const { findings, hidden } = checkTree(nemotron, { targets, sieve: allOf([baseline, compared]) });
  expect(findings.map(({ change, targets: on }) => `${change} ${on.join(' ')}`)).toEqual([
    'new apple-silicon-16gb nvidia-8gb',
  ]);
  expect(hidden.map(({ finding, by }) => `${by} ${finding.targets.join(' ')}`)).toEqual([
    'baseline nvidia-6gb',
  ]);
});

import type { DeclarationEstimate, Report, VerdictEstimate } from '../src/check/report.ts';
import type { Target } from '../src/hardware/facts.ts';
import { memoryOf } from '../src/memory/fit.ts';
import {
  blueprint,
  declaration,
  misfit,
  noContext,
  report,
  skipped,
  statuses,
  target,
  threeBySix,
  unknownModel,
  verdict,
} from './report-builder.ts';

/** Compared with another version, and with findings that somebody decided to live with. */
export const changed: Report = {
  ...report({
    ...threeBySix,
    findings: threeBySix.findings.map((one, index) => ({
      ...one,
      change: index === 0 ? 'new' : 'unchanged',
      fix:
        one.id === 'unknown-model'
          ? { description: 'Replace "gemma5" by "gemma4:e2b"', value: 'gemma4:e2b' }
          : null,
    })),
  }),
  hidden: [
    { finding: noContext('old/manifest.json'), by: 'baseline', reason: null },
    {
      finding: unknownModel('lab/manifest.json', 'lab-model'),
      by: 'suppression',
      reason: 'Comes with <the lab>',
    },
  ],
  comparison: {
    base: 'origin/main',
    commit: '0123456789abcdef0123456789abcdef01234567',
    new: 1,
    unchanged: 5,
    fixed: [unknownModel('blueprints/demo_linear/manifest.json', 'gemma3')],
    dropped: [{ blueprint: 'blueprints/cctv_operator', model: 'nemotron3', targets: ['rtx-4060', 'gone'] }],
    causes: [
      { message: 'The catalog no longer has the alias <small>.', blueprints: ['blueprints/cctv_operator'] },
    ],
    pullRequest: false,
  },
};

const gib = 2 ** 30;

/** What a model takes: all of it on the device, in GB. */
function takes(device: number, contextSize: number, fields: Partial<DeclarationEstimate> = {}) {
  const bytes = { device: device * gib, host: 0.4 * gib, cpuOnly: (device + 0.5) * gib, margin: gib };
  return { contextSize, given: true, note: null, ...bytes, ...fields };
}

const fits = (need: number, have: number, fit: VerdictEstimate['fit']) => ({
  estimate: { contextSize: 4096, need: need * gib, have: have * gib, fit },
});

/** 2,000 blueprints of five models on 50 targets, no two of which are alike. */
export const large = (() => {
  const targets = Array.from({ length: 50 }, (_, at) =>
    target(`machine-${at}`, `Machine ${at}`, { memoryGb: 16 + at }),
  );
  const models = Array.from({ length: 6 }, (_, bit) => {
    const pattern = targets.map((_, at) => ((at >> bit) & 1 ? 'f' : 'p')).join('');
    return { model: `model-${bit}`, pattern: statuses(targets, pattern) };
  });
  const paths = Array.from(
    { length: 2000 },
    (_, at) => `blueprints/blueprint_${String(at).padStart(4, '0')}`,
  );
  return report({
    targets,
    modelMemory: targets.map(({ facts }) => memoryOf(facts)),
    verdicts: models.flatMap(({ model, pattern }, bit) =>
      targets.map((on, at) =>
        verdict(model, on, pattern[on.id] ?? 'fail', `needs ${8 + bit} GB VRAM, found ${at} GB`, {
          required: { kind: 'vram', gb: 8 + bit },
          found: { kind: 'vram', gb: at },
          ...fits(6, at, at > 7 ? 'fits' : 'does-not-fit'),
        }),
      ),
    ),
    blueprints: paths.map((path, at) => {
      const { model, pattern } = models[at % models.length] as (typeof models)[number];
      return blueprint(
        path,
        declaration(`${path}/manifest.json`, {
          ref: model,
          model,
          statuses: pattern,
          estimate: takes(4 + (at % 200) / 4, 4096 + (at % 200)),
        }),
      );
    }),
    findings: paths.map((path, at) =>
      misfit(
        'model-incompatible',
        `${path}/manifest.json`,
        targets.filter((_, index) => (index >> (at % 6)) & 1),
        'needs more',
        {
          ref: `model-${at % 6}`,
          model: `model-${at % 6}`,
        },
      ),
    ),
  });
})();

/** A small fleet with one of everything, whose verdicts and files are there. */
export const demo = (() => {
  const gpu = (vramGb: number) => ({
    gpus: [{ vendor: 'nvidia' as const, name: null, vramGb, count: 1, api: null, integrated: false }],
    memoryGb: 32,
  });
  const targets = [target('large', 'Large GPU', gpu(24)), target('small', 'Small GPU', gpu(6))];
  const note = 'which quantization it has is not certain';
  const [big, little] = targets as [Target, Target];
  const at = (name: string) => `fleet/${name}/manifest.json`;
  const wrong = unknownModel(at('gamma'), 'gemma5');
  return report({
    targets,
    modelMemory: targets.map(({ facts }) => memoryOf(facts)),
    verdicts: [
      verdict('gemma4:e2b', big, 'pass', 'needs 8 GB VRAM, found 24 GB', {
        found: { kind: 'vram', gb: 24 },
        ...fits(3, 24, 'fits'),
      }),
      verdict('gemma4:e2b', little, 'fail', 'needs 8 GB VRAM, found 6 GB', fits(3, 6, 'fits')),
      verdict('nemotron3', big, 'fail', 'needs 48 GB VRAM, found 24 GB', {
        required: { kind: 'vram', gb: 48 },
        found: { kind: 'vram', gb: 24 },
        ...fits(24.02, 24, 'does-not-fit'),
      }),
      verdict('nemotron3', little, 'force_only', 'no supported GPU', {
        rule: 'cpu',
        required: null,
        found: null,
      }),
      verdict('rag-embedding', big, 'pass', 'nothing is required', { required: null, found: null }),
      verdict('rag-embedding', little, 'warning', 'nothing is required', { required: null, found: null }),
    ],
    blueprints: [
      blueprint(
        'fleet/alpha',
        declaration(at('alpha'), {
          ref: 'nemotron3',
          model: 'nemotron3',
          statuses: statuses(targets, 'fo'),
          estimate: takes(24.02, 8192, { given: false, note }),
        }),
      ),
      blueprint(
        'fleet/beta',
        declaration(at('beta'), { statuses: statuses(targets, 'pf'), estimate: takes(5.5, 65_536) }),
      ),
      blueprint('fleet/gamma', declaration(at('gamma'), { ref: 'gemma5', model: null, dockerModel: null })),
      blueprint('fleet/delta', skipped(at('delta'), 'provider is fake')),
      blueprint(
        'fleet/epsilon',
        declaration(at('epsilon'), {
          ref: 'rag-embedding',
          model: 'rag-embedding',
          backend: null,
          statuses: statuses(targets, 'pw'),
        }),
      ),
    ],
    findings: [
      misfit('model-incompatible', at('alpha'), [big], 'needs 48 GB VRAM, found 24 GB', {
        model: 'nemotron3',
      }),
      misfit('model-incompatible', at('beta'), [little], 'needs 8 GB VRAM, found 6 GB', {
        advice: 'Use a smaller model.',
      }),
      { ...wrong, fix: { description: 'Replace "gemma5" by "gemma4:e2b"', value: 'gemma4:e2b' } },
      noContext(at('epsilon')),
    ],
  });
})();

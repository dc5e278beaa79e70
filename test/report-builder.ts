import type {
  Report,
  ReportBlueprint,
  ReportDeclaration,
  ReportVerdict,
  RunInfo,
} from '../src/check/report.ts';
import type { Status } from '../src/compatibility/verdict.ts';
import { compareFindings, type Finding, finding, type Severity } from '../src/findings/finding.ts';
import type { HardwareFacts, Target } from '../src/hardware/facts.ts';

export function target(
  id: string,
  name: string,
  facts: Partial<HardwareFacts> = {},
  required = true,
): Target {
  return {
    id,
    name,
    required,
    runsOn: null,
    facts: {
      os: 'linux',
      arch: 'x64',
      wsl: false,
      engine: 'docker-engine',
      gpus: [],
      unifiedMemoryGb: null,
      memoryGb: null,
      board: null,
      measured: false,
      ...facts,
    },
  };
}

export const sixTargets = [
  target('apple-silicon-16gb', 'Mac 16 GB', {
    os: 'darwin',
    arch: 'arm64',
    unifiedMemoryGb: 16,
    memoryGb: 16,
  }),
  target('apple-silicon-8gb', 'Mac 8 GB', { os: 'darwin', arch: 'arm64', unifiedMemoryGb: 8, memoryGb: 8 }),
  target('rtx-4060', 'RTX 4060'),
  target('rtx-2060', 'RTX 2060'),
  target('rx-7600', 'RX 7600'),
  target('cpu-32gb', 'CPU 32 GB', { memoryGb: 32 }),
];

const letters: Record<string, Status> = { p: 'pass', w: 'warning', o: 'force_only', f: 'fail' };

/** Statuses from a letter for each target: `pfw`. */
export function statuses(targets: readonly Target[], pattern: string): Record<string, Status> {
  const record: Record<string, Status> = Object.create(null);
  targets.forEach(({ id }, index) => {
    record[id] = letters[pattern[index] as string] as Status;
  });
  return record;
}

export function declaration(file: string, fields: Partial<ReportDeclaration> = {}): ReportDeclaration {
  return {
    pointer: '/llm/configs/primary',
    file,
    sourcePointer: '/llm/configs/primary/model',
    range: { line: 4, column: 14, endLine: 4, endColumn: 23 },
    ref: 'gemma4:e2b',
    model: 'gemma4:e2b',
    dockerModel: 'ai/gemma4:E2B',
    provider: 'docker_model_runner',
    backend: 'llama.cpp',
    contextSize: null,
    required: true,
    config: 'primary',
    skipped: null,
    statuses: Object.create(null),
    ...fields,
  };
}

/** A declaration without a model: a whole section is skipped. */
export function skipped(file: string, reason: string): ReportDeclaration {
  return declaration(file, {
    pointer: '/llm',
    ref: null,
    model: null,
    dockerModel: null,
    config: null,
    skipped: reason,
  });
}

export function blueprint(path: string, ...declarations: ReportDeclaration[]): ReportBlueprint {
  return { path, id: path.split('/').at(-1) as string, declarations };
}

export function verdict(
  model: string,
  on: Target,
  status: Status,
  message: string,
  fields: Partial<ReportVerdict> = {},
): ReportVerdict {
  const isRunning = status === 'pass' || status === 'warning';
  return {
    model,
    backend: 'llama.cpp',
    target: on.id,
    status,
    rule: 'nvidia-memory',
    ok: isRunning,
    forced: false,
    accelerator: 'CUDA',
    required: { kind: 'vram', gb: 8 },
    found: { kind: 'vram', gb: 6 },
    message,
    help: '',
    ...fields,
  };
}

/** A model that does not run (or only with force, ...) on these targets. */
export function misfit(
  id: 'model-incompatible' | 'model-needs-force' | 'model-acceleration-unverified' | 'model-forced',
  file: string,
  on: readonly Target[],
  reason: string,
  fields: {
    ref?: string;
    model?: string;
    advice?: string;
    place?: string;
    line?: number;
    severity?: Severity;
  } = {},
): Finding {
  const { ref = 'gemma4:e2b', model = 'gemma4:e2b', place = 'llm.configs.primary', line = 4 } = fields;
  const advice =
    fields.advice ?? 'Use a smaller model, drop the target, or run with --force if you accept it.';
  return finding(
    id,
    { place, ref, model, target: on[0]?.name ?? '', more: on.length - 1, reason, advice },
    {
      location: {
        file,
        pointer: `/${place.replaceAll('.', '/')}/model`,
        range: { line, column: 14, endLine: line, endColumn: 16 + ref.length },
      },
      targets: on.map(({ id }) => id),
      ...(fields.severity === undefined ? {} : { severity: fields.severity }),
    },
  );
}

export function unknownModel(file: string, ref: string, line = 4): Finding {
  return finding(
    'unknown-model',
    {
      place: 'llm.configs.primary',
      ref,
      suggestion: ' Did you mean gemma4:e2b?',
      catalogs: 'built-in catalog',
    },
    {
      location: {
        file,
        pointer: '/llm/configs/primary/model',
        range: { line, column: 14, endLine: line, endColumn: 16 + ref.length },
      },
    },
  );
}

export function noContext(file: string, line = 4): Finding {
  return finding(
    'context-size-missing',
    { place: 'llm.configs.primary', model: 'gemma4:e2b' },
    {
      location: {
        file,
        pointer: '/llm/configs/primary/model',
        range: { line, column: 14, endLine: line, endColumn: 26 },
      },
    },
  );
}

/** A report whose counts follow from its parts. */
export function report(parts: Partial<Omit<Report, 'ok' | 'summary'>>): Report {
  const { targets = [], verdicts = [], blueprints = [] } = parts;
  const findings = [...(parts.findings ?? [])].sort(compareFindings);
  const amount = (severity: Severity) => findings.filter((one) => one.severity === severity).length;
  const all = blueprints.flatMap(({ declarations }) => declarations);
  return {
    ok: amount('error') === 0,
    summary: {
      blueprints: blueprints.length,
      declarations: all.length,
      skipped: all.filter((one) => one.skipped !== null).length,
      models: new Set(all.flatMap(({ model }) => model ?? [])).size,
      targets: targets.length,
      errors: amount('error'),
      warnings: amount('warning'),
      notes: amount('note'),
    },
    targets,
    ...(parts.modelMemory && { modelMemory: parts.modelMemory }),
    verdicts,
    blueprints,
    findings,
    hidden: parts.hidden ?? [],
    comparison: parts.comparison ?? null,
  };
}

export function info(fields: Partial<RunInfo> = {}): RunInfo {
  return {
    targetsFrom: '6 targets from .mn/targets.yaml',
    targetsHint: '',
    catalogFrom: 'built-in + .mn/models/catalog.json (3 models)',
    elapsedMs: 38,
    force: false,
    ...fields,
  };
}

/** A manifest whose model stands on line 4, column 14. */
export function manifest(model: string): string {
  return `{\n  "llm": {\n    "mode": "live",\n    "model": "${model}",\n    "context_size": 4096\n  }\n}\n`;
}

// --- the reports that snapshots and formats share

const thisMachine = target('this-machine', 'this machine', { memoryGb: 31, measured: true });

export const oneMachine = (() => {
  const fails = statuses([thisMachine], 'f');
  const reason = 'needs 8 GB VRAM, found 6 GB';
  return report({
    targets: [thisMachine],
    verdicts: [
      verdict('gemma4:e2b', thisMachine, 'fail', reason),
      verdict('rag-embedding', thisMachine, 'pass', 'the catalog requires nothing for it'),
    ],
    blueprints: [
      blueprint(
        'legal_assistant',
        declaration('legal_assistant/manifest.json', { ref: 'default', statuses: fails }),
        declaration('legal_assistant/manifest.json', {
          pointer: '/knowledge_rag',
          ref: 'rag-embedding',
          model: 'rag-embedding',
          required: false,
          statuses: statuses([thisMachine], 'p'),
        }),
      ),
      blueprint(
        'vc_assistant',
        declaration('vc_assistant/manifest.json', { contextSize: 8192, statuses: fails }),
        declaration('vc_assistant/manifest.json', {
          pointer: '/runtime/models/x',
          contextSize: 8192,
          statuses: fails,
        }),
      ),
      blueprint('demo_linear', skipped('demo_linear/manifest.json', 'llm.enabled is false')),
    ],
    findings: [
      misfit('model-incompatible', 'legal_assistant/manifest.json', [thisMachine], reason, {
        ref: 'default',
      }),
      misfit('model-incompatible', 'vc_assistant/manifest.json', [thisMachine], reason),
      noContext('legal_assistant/manifest.json'),
    ],
  });
})();

export const threeBySix = (() => {
  const [mac16, mac8, rtx4060, rtx2060, rx7600, cpu] = sixTargets as [
    Target,
    Target,
    Target,
    Target,
    Target,
    Target,
  ];
  const cctv = 'blueprints/cctv_operator/manifest.json';
  const vc = 'blueprints/vc_assistant/config/default.json';
  return report({
    targets: sixTargets,
    blueprints: [
      blueprint(
        'blueprints/cctv_operator',
        declaration(cctv, { ref: 'medium', model: 'nemotron3', statuses: statuses(sixTargets, 'ffffff') }),
        declaration(cctv, {
          sourcePointer: '/llm/configs/primary/model',
          pointer: '/x',
          ref: 'gemma5',
          model: null,
          dockerModel: null,
        }),
      ),
      blueprint(
        'blueprints/demo_linear',
        skipped('blueprints/demo_linear/manifest.json', 'provider is fake'),
      ),
      blueprint(
        'blueprints/vc_assistant',
        declaration(vc, { contextSize: 8192, statuses: statuses(sixTargets, 'pfpfwo') }),
        declaration(vc, {
          ref: 'rag-embedding',
          model: 'rag-embedding',
          required: false,
          statuses: statuses(sixTargets, 'pppppp'),
        }),
      ),
    ],
    findings: [
      misfit(
        'model-incompatible',
        cctv,
        [mac16, mac8, rtx4060, rtx2060, rx7600, cpu],
        'needs 48 GB unified memory, found 16 GB',
        {
          ref: 'medium',
          model: 'nemotron3',
          place: 'runtime.models.primary',
          line: 2,
          advice:
            "Use gemma4:e2b (nemotron3's fallback), drop these targets, or run with --force if you accept it.",
        },
      ),
      unknownModel(cctv, 'gemma5'),
      misfit('model-incompatible', vc, [mac8, rtx2060], 'needs 16 GB unified memory, found 8 GB'),
      misfit('model-needs-force', vc, [cpu], 'no supported GPU; the CPU needs 32 GB RAM, found 32 GB'),
      misfit('model-acceleration-unverified', vc, [rx7600], 'needs 8 GB VRAM, found 8 GB', {
        advice: 'Verify acceleration with mn model doctor on that machine.',
      }),
      noContext(cctv),
    ],
  });
})();

/** 50 targets in five kinds. */
export const fiftyTargets = (() => {
  const kinds = ['Mac', 'RTX', 'RX', 'CPU', 'Pi'];
  const targets = Array.from({ length: 50 }, (_, at) =>
    target(`${(kinds[at % 5] as string).toLowerCase()}-${at}`, `${kinds[at % 5]} ${at} GB`),
  );
  const pattern = (letters: string) => statuses(targets, letters.repeat(10));
  const failing = targets.filter((_, at) => at % 5 === 4);
  return report({
    targets,
    blueprints: [
      blueprint('fleet/alpha', declaration('fleet/alpha/manifest.json', { statuses: pattern('ppwof') })),
      blueprint(
        'fleet/beta',
        declaration('fleet/beta/manifest.json', { statuses: pattern('ppppp'), contextSize: 32768 }),
        declaration('fleet/beta/manifest.json', {
          ref: 'nemotron3',
          model: 'nemotron3',
          statuses: pattern('fpfff'),
        }),
      ),
    ],
    findings: [
      misfit(
        'model-incompatible',
        'fleet/alpha/manifest.json',
        failing,
        'a Raspberry Pi is too slow and too small for this',
      ),
    ],
  });
})();

/** No two targets alike: nothing can share a column. */
export const fiftyDifferent = (() => {
  const { targets } = fiftyTargets;
  const blueprints = Array.from({ length: 6 }, (_, bit) =>
    blueprint(
      `fleet/b${bit}`,
      declaration(`fleet/b${bit}/manifest.json`, {
        statuses: statuses(targets, targets.map((_, at) => ((at >> bit) & 1 ? 'f' : 'p')).join('')),
      }),
    ),
  );
  return report({
    targets,
    blueprints,
    findings: blueprints.map(({ path }) =>
      misfit(
        'model-incompatible',
        `${path}/manifest.json`,
        [targets[1] as Target],
        'needs 8 GB VRAM, found 6 GB',
      ),
    ),
  });
})();

export const hostileStrings = [
  '::error file=a::x',
  '%0A::warning::x',
  '| a | b |',
  '<img src=x onerror=alert(1)>',
  '\u001b[31mred\u001b[0m',
  'abc\u202edcba\u2066',
  '##[error]x',
  '###[group]x',
  'line\nbreak\r\n::error::y',
  'lone\ud800surrogate',
  '`code` **bold** [link](https://example.com) @octocat',
  '__proto__',
  '\u2028::error::z\u0085::error::w',
];

/** Hostile text in every place that a repository can fill. */
export const hostile = (() => {
  const targets = [target('a', 'A'), target('b', 'B | ::error::t')];
  return report({
    targets,
    verdicts: [verdict('<b>m</b>', targets[0] as Target, 'fail', '::error::v')],
    blueprints: hostileStrings.map((text) => ({
      path: text,
      id: text,
      declarations: [
        declaration(text, {
          ref: text,
          model: text,
          config: text,
          statuses: statuses(targets, 'fp'),
          backend: text,
        }),
        skipped(text, text),
      ],
    })),
    findings: hostileStrings.flatMap((text) => [
      misfit('model-incompatible', text, targets, text, {
        ref: text,
        model: text,
        place: text,
        advice: text,
      }),
      noContext(text),
    ]),
  });
})();

import fc from 'fast-check';
import type { Comparison, HiddenFinding, Report, ReportDeclaration } from '../src/check/report.ts';
import { statuses as allStatuses } from '../src/compatibility/verdict.ts';
import type { Finding } from '../src/findings/finding.ts';
import { findingIds } from '../src/findings/table.ts';
import { architectures, engines, gpuVendors, operatingSystems } from '../src/hardware/facts.ts';
import { hostileStrings, report } from './report-builder.ts';

/** Any text that a file can hold, often text that means something to a format. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(...hostileStrings, '', 'gemma4:e2b', 'toString', '\udc00'),
);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const gb = fc.double({ min: 0, max: 1e5, noNaN: true });
const position = fc.integer({ min: 1, max: 1e6 });
const range = fc.record({ line: position, column: position, endLine: position, endColumn: position });
const pointer = fc.oneof(
  fc.constant(''),
  text.map((one) => `/${one}`),
);
const memory = optional(
  fc.record({ kind: fc.constantFrom('vram' as const, 'unified_memory' as const, 'cpu_ram' as const), gb }),
);

const facts = fc.record({
  os: fc.constantFrom(...operatingSystems),
  arch: fc.constantFrom(...architectures),
  wsl: fc.boolean(),
  engine: fc.constantFrom(...engines),
  gpus: fc.array(
    fc.record({
      vendor: fc.constantFrom(...gpuVendors),
      name: optional(text),
      vramGb: optional(gb),
      count: fc.integer({ min: 1, max: 64 }),
      api: optional(text),
      integrated: fc.boolean(),
    }),
    { maxLength: 2 },
  ),
  unifiedMemoryGb: optional(gb),
  memoryGb: optional(gb),
  board: optional(text),
  measured: fc.boolean(),
});

const targets = fc.uniqueArray(
  fc.record({
    id: fc.oneof(
      fc.constantFrom('rtx-4060', 'constructor', '7'),
      fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,8}$/),
    ),
    name: text,
    facts,
    required: fc.boolean(),
    runsOn: optional(fc.oneof(text, fc.array(text, { maxLength: 2 }))),
  }),
  { selector: ({ id }) => id, maxLength: 30 },
);

const finding: fc.Arbitrary<Finding> = fc.record({
  id: fc.constantFrom(...findingIds),
  severity: fc.constantFrom('error' as const, 'warning' as const, 'note' as const),
  title: text,
  message: text,
  help: text,
  sameAs: text,
  location: optional(fc.record({ file: text, pointer, range: optional(range) })),
  targets: fc.array(fc.constantFrom('rtx-4060', 'constructor', 'gone'), { maxLength: 3 }),
  blueprint: optional(text),
  declaration: optional(pointer),
  fix: optional(fc.record({ description: text, value: text })),
  change: optional(fc.constantFrom('new' as const, 'unchanged' as const)),
});

const hidden: fc.Arbitrary<HiddenFinding> = fc.record({
  finding,
  by: fc.constantFrom('baseline' as const, 'suppression' as const),
  reason: optional(text),
});

const comparison: fc.Arbitrary<Comparison> = fc.record({
  base: text,
  commit: fc.stringMatching(/^[0-9a-f]{40}$/),
  new: fc.nat(9),
  unchanged: fc.nat(9),
  fixed: fc.array(finding, { maxLength: 3 }),
  dropped: fc.array(fc.record({ blueprint: text, model: text, targets: fc.array(text, { maxLength: 3 }) }), {
    maxLength: 3,
  }),
  causes: fc.array(fc.record({ message: text, blueprints: fc.array(text, { maxLength: 3 }) }), {
    maxLength: 3,
  }),
  pullRequest: fc.boolean(),
});

/** Any report that the types allow, with counts that fit it. */
export const anyReport: fc.Arbitrary<Report> = targets.chain((machines) => {
  const status = fc.constantFrom(...allStatuses);
  const onAll = fc
    .array(status, { minLength: machines.length, maxLength: machines.length })
    .map((each): ReportDeclaration['statuses'] =>
      Object.assign(Object.create(null), Object.fromEntries(machines.map(({ id }, at) => [id, each[at]]))),
    );
  const declaration: fc.Arbitrary<ReportDeclaration> = fc.record({
    pointer,
    file: text,
    sourcePointer: pointer,
    range: optional(range),
    ref: optional(text),
    model: optional(text),
    dockerModel: optional(text),
    provider: text,
    backend: optional(text),
    contextSize: optional(fc.integer({ min: 1, max: 1e6 })),
    required: fc.boolean(),
    config: optional(text),
    skipped: optional(text),
    statuses: fc.oneof(onAll, fc.constant(Object.create(null))),
    estimate: optional(
      fc.record({
        contextSize: fc.integer({ min: 1, max: 2 ** 31 }),
        given: fc.boolean(),
        device: fc.nat(),
        host: fc.nat(),
        cpuOnly: fc.nat(),
        margin: fc.nat(),
        note: optional(text),
      }),
    ),
  });
  const have = fc.record({
    kind: fc.constantFrom('vram' as const, 'unified' as const, 'ram' as const),
    bytes: optional(fc.nat()),
    togetherBytes: optional(fc.nat()),
    hostBytes: optional(fc.nat()),
    because: text,
  });
  const verdict = fc.record({
    model: text,
    backend: text,
    target: fc.constantFrom('rtx-4060', ...machines.map(({ id }) => id)),
    status,
    rule: text,
    ok: fc.boolean(),
    forced: fc.boolean(),
    accelerator: optional(text),
    required: memory,
    found: memory,
    message: text,
    help: text,
    estimate: optional(
      fc.record({
        contextSize: fc.integer({ min: 1, max: 2 ** 31 }),
        need: fc.nat(),
        have: fc.nat(),
        fit: fc.constantFrom('fits' as const, 'tight' as const, 'does-not-fit' as const),
      }),
    ),
  });
  return fc
    .record({
      targets: fc.constant(machines),
      modelMemory: fc.array(have, { minLength: machines.length, maxLength: machines.length }),
      verdicts: fc.array(verdict, { maxLength: 4 }),
      blueprints: fc.array(
        fc.record({ path: text, id: text, declarations: fc.array(declaration, { maxLength: 4 }) }),
        { maxLength: 30 },
      ),
      findings: fc.array(finding, { maxLength: 40 }),
      hidden: fc.array(hidden, { maxLength: 5 }),
      comparison: optional(comparison),
    })
    .map(report);
});

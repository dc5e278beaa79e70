import type { Comparison, LeftOut, Report, ReportDeclaration, ShardWriter } from '../check/report.ts';
import { type Finding, findingUrl } from '../findings/finding.ts';
import type { Target } from '../hardware/facts.ts';
import type { Have } from '../memory/fit.ts';
import { inChunks } from './chunks.ts';
import { hiddenCounts } from './words.ts';

/** The format of the report; within v1, fields are added but never removed or changed. */
export const reportSchema = 'model-check.report/v1';

// `##[` is a command to the runner of GitHub wherever a line holds it; the others
// are controls and marks that reorder or hide text where JSON is printed.
const unsafe =
  /##\[|[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g;

/** The report as JSON text (schemas/report.schema.json), in chunks. Ends with a line break. */
export function reportJson(report: Report): Iterable<string> {
  return inChunks(lines(report));
}

function* lines(report: Report): Iterable<string> {
  const { ok, summary } = report;
  const { hidden, shard } = report;
  const toldOf = (finding: Finding) =>
    shard === undefined ? findingValue(finding) : { ...findingValue(finding), ...shard.ofFinding(finding) };
  const counts = { ...summaryValue(summary), ...(hidden.length === 0 ? {} : hiddenCounts(report)) };
  yield `{\n  "schema": ${json(reportSchema)},\n  "ok": ${ok},\n  "summary": ${json(counts)},\n`;
  if (report.leftOut !== undefined) yield `  "left_out": ${json(leftOutValue(report.leftOut))},\n`;
  yield* list('targets', report.targets, (target, index) =>
    json({ ...targetValue(target), model_memory: modelMemoryValue(report.modelMemory?.[index]) }),
  );
  yield* list('verdicts', report.verdicts, (verdict) => json(verdictValue(verdict)));
  const declarationJson = declarationWriter(shard);
  yield* list('blueprints', report.blueprints, ({ path, id, declarations }) => {
    const head = `{"path":${json(path)},"id":${json(id)},"declarations":[`;
    if (declarations.length === 0) return `${head}]}`;
    return `${head}\n${declarations.map((declaration) => `      ${declarationJson(declaration)}`).join(',\n')}\n    ]}`;
  });
  if (report.artifacts !== undefined) {
    yield* list('artifacts', report.artifacts, ({ model, ref, state, digest, bytes, lockedDigest }) =>
      json({ model, ref, state, digest, bytes, locked_digest: lockedDigest }),
    );
  }
  const { comparison } = report;
  const more = (isLast: boolean) => (isLast ? '\n' : ',\n');
  yield* list(
    'findings',
    report.findings,
    (finding) => json(comparison === null ? toldOf(finding) : { ...toldOf(finding), change: finding.change }),
    more(hidden.length === 0 && comparison === null && shard === undefined),
  );
  if (hidden.length > 0) {
    yield* list(
      'hidden',
      hidden,
      ({ finding, by, reason }) => json({ ...toldOf(finding), by, reason }),
      more(comparison === null && shard === undefined),
    );
  }
  if (comparison !== null) yield* comparisonLines(comparison, toldOf, more(shard === undefined));
  if (shard !== undefined) yield* shard.lines();
  yield '}\n';
}

function* comparisonLines(
  comparison: Comparison,
  toldOf: (finding: Finding) => object,
  end: string,
): Iterable<string> {
  const { base, commit, pullRequest, unchanged, fixed, dropped, causes } = comparison;
  const head = { base, commit, pull_request: pullRequest, new: comparison.new, unchanged };
  yield '  "comparison": {\n';
  for (const [key, value] of Object.entries(head)) yield `    ${json(key)}: ${json(value)},\n`;
  yield* list(
    'dropped',
    dropped,
    ({ blueprint, model, targets }) => json({ blueprint, model, targets }),
    ',\n',
    '    ',
  );
  yield* list('causes', causes, ({ message, blueprints }) => json({ message, blueprints }), ',\n', '    ');
  yield* list('fixed', fixed, (finding) => json(toldOf(finding)), '\n', '    ');
  yield `  }${end}`;
}

/** One field that holds a list, an item on each line. */
export function* list<Item>(
  name: string,
  items: readonly Item[],
  write: (item: Item, index: number) => string,
  end = ',\n',
  indent = '  ',
): Iterable<string> {
  yield `${indent}"${name}": [`;
  let separator = `\n${indent}  `;
  for (const [index, item] of items.entries()) {
    yield separator + write(item, index);
    separator = `,\n${indent}  `;
  }
  yield `${items.length === 0 ? '' : `\n${indent}`}]${end}`;
}

function json(value: unknown): string {
  return safeJson(value);
}

/** `JSON.stringify`, with what a terminal or a runner would obey written as escapes: the same value to every reader. */
export function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(unsafe, (found) =>
    found === '##['
      ? '##\\u005b'
      : found.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

function summaryValue(summary: Report['summary']) {
  const { blueprints, declarations, skipped, models, targets, errors, warnings, notes } = summary;
  return { blueprints, declarations, skipped, models, targets, errors, warnings, notes };
}

function leftOutValue({ blueprints, since, commit, everything }: LeftOut) {
  return { blueprints, since, commit, all_affected_by: everything };
}

function targetValue({ id, name, required, runsOn, facts, overridden }: Target) {
  return {
    id,
    name,
    required,
    runs_on: runsOn,
    os: facts.os,
    arch: facts.arch,
    wsl: facts.wsl,
    engine: facts.engine,
    gpus: facts.gpus.map(({ vendor, name: gpu, vramGb, count, api, integrated }) => ({
      vendor,
      name: gpu,
      vram_gb: vramGb,
      count,
      api,
      integrated,
    })),
    unified_memory_gb: facts.unifiedMemoryGb,
    memory_gb: facts.memoryGb,
    board: facts.board,
    measured: facts.measured,
    ...(overridden === undefined ? {} : { overridden }),
  };
}

function modelMemoryValue(memory: Have | undefined) {
  if (memory === undefined) return null;
  const { kind, bytes, togetherBytes, because } = memory;
  return { kind, bytes, together_bytes: togetherBytes, because };
}

function verdictValue(verdict: Report['verdicts'][number]) {
  const { model, backend, target, status, rule, ok, forced, accelerator, message, help } = verdict;
  const { required, found, estimate } = verdict;
  return {
    model,
    backend,
    target,
    status,
    rule,
    ok,
    forced,
    accelerator,
    required: required === null ? null : { kind: required.kind, gb: required.gb },
    found: found === null ? null : { kind: found.kind, gb: found.gb },
    message,
    help,
    estimate: estimate
      ? {
          context_size: estimate.contextSize,
          need_bytes: estimate.need,
          have_bytes: estimate.have,
          fit: estimate.fit,
        }
      : null,
  };
}

/** Declarations share their statuses; with 50 targets these are most of the text, so each is written once. */
function declarationWriter(shard: ShardWriter | undefined): (declaration: ReportDeclaration) => string {
  const written = new WeakMap<object, string>();
  return (declaration) => {
    const { statuses, range, estimate } = declaration;
    let statusesJson = written.get(statuses);
    if (statusesJson === undefined) {
      statusesJson = json(statuses);
      written.set(statuses, statusesJson);
    }
    const fields = json({
      pointer: declaration.pointer,
      file: declaration.file,
      source_pointer: declaration.sourcePointer,
      line: range?.line ?? null,
      column: range?.column ?? null,
      ref: declaration.ref,
      model: declaration.model,
      docker_model: declaration.dockerModel,
      provider: declaration.provider,
      backend: declaration.backend,
      context_size: declaration.contextSize,
      required: declaration.required,
      config: declaration.config,
      skipped: declaration.skipped,
      estimate: estimate
        ? {
            context_size: estimate.contextSize,
            given: estimate.given,
            device_bytes: estimate.device,
            host_bytes: estimate.host,
            cpu_only_bytes: estimate.cpuOnly,
            margin_bytes: estimate.margin,
            note: estimate.note,
          }
        : null,
      ...shard?.ofDeclaration(declaration),
    });
    return `${fields.slice(0, -1)},"statuses":${statusesJson}}`;
  };
}

export function findingValue({ id, severity, message, help, location, targets, fix }: Finding) {
  const range = location?.range ?? null;
  return {
    id,
    severity,
    message,
    help,
    url: findingUrl(id),
    file: location?.file ?? null,
    pointer: location?.pointer ?? null,
    line: range?.line ?? null,
    column: range?.column ?? null,
    end_line: range?.endLine ?? null,
    end_column: range?.endColumn ?? null,
    targets,
    fix: fix === null ? null : { description: fix.description, value: fix.value },
  };
}

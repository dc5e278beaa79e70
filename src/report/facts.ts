import type { Declaration } from '../blueprint/declarations.ts';
import type { BlueprintRequirements, Stated } from '../blueprint/requirements.ts';
import type { CatalogEntry, Requirements } from '../catalog/entry.ts';
import type { CarriedFacts } from '../check/carried.ts';
import type { Suppression } from '../check/config.ts';
import type { Range } from '../document/position.ts';
import type { Finding } from '../findings/finding.ts';
import { list, safeJson } from './json.ts';

/** What a part that checks only some of the targets carries, so that a merge can check its blueprints on all of them. */
export interface PartFacts {
  /** Ids of all targets that the parts check, in their order. */
  targets: readonly string[];
  /** How these were chosen, as `RunInfo` has it. */
  targetsFrom: string;
  /** Above the built-in one, lowest first. */
  catalogs: readonly { name: string; entries: readonly CatalogEntry[] }[];
  suppressions: readonly Suppression[];
  /** `YYYY-MM-DD`, in UTC. */
  today: string;
  /** Nothing narrowed what all parts check together. */
  isWhole: boolean;
  blueprints: readonly CarriedFacts[];
  /** Of each blueprint, from the root of the repository. */
  pathsInRepository: readonly string[];
}

/** The facts about one blueprint as JSON (`facts` in schemas/report.schema.json). */
export interface FactsJson {
  path: string;
  /** From the root of the repository: what suppressions name. */
  path_in_repository: string;
  id: string;
  readable: boolean;
  declarations: ReturnType<typeof declarationValue>[];
  requirements: ReturnType<typeof requirementsValue> | null;
  ranges: (PlaceJson & RangeJson)[];
  findings: Finding[];
}

interface PlaceJson {
  file: string;
  pointer: string;
}
interface RangeJson {
  line: number;
  column: number;
  end_line: number;
  end_column: number;
}
type StatedJson = PlaceJson & { value: number; field: string };

/** The last member of the `shard` of a report, `facts`; `findingValue` makes a value of a finding. */
export function* factsLines(facts: PartFacts, findingValue: (finding: Finding) => object): Iterable<string> {
  const { targets, targetsFrom, catalogs, suppressions, today, isWhole, blueprints, pathsInRepository } =
    facts;
  const head = {
    targets,
    targets_from: targetsFrom,
    catalogs: catalogs.map(({ name, entries }) => ({ name, entries: entries.map(entryValue) })),
    suppressions: suppressions.map(suppressionValue),
    today,
    is_whole: isWhole,
  };
  const indent = '      ';
  yield '    "facts": {\n';
  for (const [key, value] of Object.entries(head)) yield `${indent}"${key}": ${safeJson(value)},\n`;
  yield* list(
    'blueprints',
    blueprints,
    (one, index) => safeJson(blueprintValue(one, pathsInRepository[index] ?? one.path, findingValue)),
    '\n',
    indent,
  );
  yield '    }\n';
}

/** The facts of one blueprint as a value for JSON; `findingValue` makes one of a finding. */
function blueprintValue(
  { path, id, readable, declarations, requirements, ranges, findings }: CarriedFacts,
  pathInRepository: string,
  findingValue: (finding: Finding) => object,
) {
  return {
    path,
    path_in_repository: pathInRepository,
    id,
    readable,
    declarations: declarations.map(declarationValue),
    requirements: requirements === null ? null : requirementsValue(requirements),
    ranges: [...ranges].flatMap(([file, pointers]) =>
      [...pointers].map(([pointer, range]) => ({ file, pointer, ...rangeValue(range) })),
    ),
    findings: findings.map(findingValue),
  };
}

/** The facts of a blueprint as they were. */
export function blueprintOf(value: FactsJson): CarriedFacts {
  const { path, id, readable, findings } = value;
  const ranges = new Map<string, Map<string, Range>>();
  for (const { file, pointer, ...range } of value.ranges) {
    const pointers = ranges.get(file) ?? new Map<string, Range>();
    ranges.set(file, pointers.set(pointer, rangeOf(range)));
  }
  const requirements = value.requirements === null ? null : requirementsOf(value.requirements);
  return {
    path,
    id,
    readable,
    declarations: value.declarations.map(declarationOf),
    requirements,
    ranges,
    findings,
  };
}

function rangeValue({ line, column, endLine, endColumn }: Range): RangeJson {
  return { line, column, end_line: endLine, end_column: endColumn };
}

function rangeOf({ line, column, end_line, end_column }: RangeJson): Range {
  return { line, column, endLine: end_line, endColumn: end_column };
}

function declarationValue(declaration: Declaration) {
  const { pointer, source, ref, provider, backend, contextSize, contextSource } = declaration;
  const { required, config, skipped, wantsContextSize, accepted, backendRefused } = declaration;
  return {
    pointer,
    source: placeValue(source),
    ref,
    provider,
    backend,
    context_size: contextSize,
    context_source: contextSource === null ? null : placeValue(contextSource),
    required,
    config,
    skipped,
    wants_context_size: wantsContextSize,
    accepted,
    backend_refused: backendRefused,
  };
}

function declarationOf(value: FactsJson['declarations'][number]): Declaration {
  const { pointer, source, ref, provider, backend, required, config, skipped, accepted } = value;
  return {
    ...{ pointer, source, ref, provider, backend, required, config, skipped, accepted },
    contextSize: value.context_size,
    contextSource: value.context_source,
    wantsContextSize: value.wants_context_size,
    backendRefused: value.backend_refused,
  };
}

function placeValue({ file, pointer }: PlaceJson): PlaceJson {
  return { file, pointer };
}

function requirementsValue(requirements: BlueprintRequirements) {
  const { memoryGb, gpuCount, gpuMemoryGb, gpuVendor, gpuDriver, hard } = requirements;
  return {
    memory_gb: statedValue(memoryGb),
    gpu_count: statedValue(gpuCount),
    gpu_memory_gb: statedValue(gpuMemoryGb),
    gpu_vendor: gpuVendor,
    gpu_driver: gpuDriver,
    hard,
  };
}

function requirementsOf(value: NonNullable<FactsJson['requirements']>): BlueprintRequirements {
  return {
    memoryGb: value.memory_gb,
    gpuCount: value.gpu_count,
    gpuMemoryGb: value.gpu_memory_gb,
    gpuVendor: value.gpu_vendor,
    gpuDriver: value.gpu_driver,
    hard: value.hard,
  };
}

function statedValue(stated: Stated | null): StatedJson | null {
  if (stated === null) return null;
  const { value, field, file, pointer } = stated;
  return { value, field, file, pointer };
}

function entryValue(entry: CatalogEntry) {
  const { id, name, provider, dockerModel, apiModel, aliases, backend, backends } = entry;
  const { contextSize, fallback, requirements, source } = entry;
  const { minVramGb = null, minUnifiedMemoryGb = null, minCpuRamGb = null } = requirements;
  return {
    ...{ id, name, provider, aliases, backend, backends, fallback },
    docker_model: dockerModel,
    api_model: apiModel,
    context_size: contextSize,
    requirements: {
      min_vram_gb: minVramGb,
      min_unified_memory_gb: minUnifiedMemoryGb,
      min_cpu_ram_gb: minCpuRamGb,
    },
    source: { catalog: source.catalog, pointer: source.pointer, line: source.line },
  };
}
export type EntryJson = ReturnType<typeof entryValue>;

/** The catalog entry as it was. */
export function entryOf(value: EntryJson): CatalogEntry {
  const { id, name, provider, aliases, backend, backends, fallback, source } = value;
  const { min_vram_gb, min_unified_memory_gb, min_cpu_ram_gb } = value.requirements;
  const requirements: Requirements = {
    ...(min_vram_gb === null ? {} : { minVramGb: min_vram_gb }),
    ...(min_unified_memory_gb === null ? {} : { minUnifiedMemoryGb: min_unified_memory_gb }),
    ...(min_cpu_ram_gb === null ? {} : { minCpuRamGb: min_cpu_ram_gb }),
  };
  return {
    ...{ id, name, provider, aliases, backend, backends, fallback, source, requirements },
    dockerModel: value.docker_model,
    apiModel: value.api_model,
    contextSize: value.context_size,
  };
}

function suppressionValue({ finding, blueprint, target, pointer, reason, until, location }: Suppression) {
  const { file, range } = location;
  return {
    ...{ finding, blueprint, target, pointer, reason, until },
    location: { file, pointer: location.pointer, range: range === null ? null : rangeValue(range) },
  };
}
export type SuppressionJson = ReturnType<typeof suppressionValue>;

/** The suppression as it was. */
export function suppressionOf({
  location: { range, ...place },
  ...suppression
}: SuppressionJson): Suppression {
  return { ...suppression, location: { ...place, range: range === null ? null : rangeOf(range) } };
}

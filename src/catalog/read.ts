import { type Document, duplicateKeys, locate } from '../document/document.ts';
import { child } from '../document/pointer.ts';
import type { Range } from '../document/position.ts';
import { type Finding, finding } from '../findings/finding.ts';
import { entry as entrySchema } from '../schema/catalog.generated.ts';
import { problems, type SchemaProblem } from '../schema/schema.ts';
import { quote, short } from '../text/text.ts';
import { backends, type CatalogEntry, type Requirements } from './entry.ts';
import { fold } from './name.ts';

/** What a catalog file holds. One bad entry does not hide the good ones. */
export interface ReadCatalog {
  /** In the order of the file; of two with the same id, the last. */
  entries: CatalogEntry[];
  findings: Finding[];
  /** Pointer -> range of the entries and of the values that `buildCatalog` may have to point at. */
  ranges: ReadonlyMap<string, Range>;
}

/** An entry of the file, before anything is known of it. */
interface Candidate {
  pointer: string;
  /** The key where the catalog is keyed by id; null in a list. */
  key: string | null;
  /** From 1. */
  position: number;
  value: unknown;
}

/** Something wrong: with an entry, or with the file where `entry` is `''`. */
interface Problem {
  pointer: string;
  entry: string;
  problem: string;
  fix: string;
}

/** Reads a catalog: a list of entries, `{ "models": [...] }`, or an object keyed by id. Never throws. */
export function readCatalog(document: Document): ReadCatalog {
  const wrong: Problem[] = [];
  const good: { pointer: string; fields: Fields; id: string }[] = [];
  for (const candidate of candidatesOf(document.value, wrong)) {
    const found = problemsOf(candidate);
    wrong.push(...found);
    if (found.length > 0) continue;
    const fields = candidate.value as Fields;
    good.push({ pointer: candidate.pointer, fields, id: fields.id ?? (candidate.key as string) });
  }

  const ranges = locate(document, wanted(good, wrong));
  const findings: Finding[] = [];
  if (document.hasDuplicateKeys) {
    for (const { pointer, key, range, firstLine } of duplicateKeys(document.text)) {
      const location = { file: document.file, pointer, range };
      findings.push(finding('duplicate-key', { key, firstLine }, { location }));
    }
  }
  for (const { pointer, entry, problem, fix } of wrong) {
    const location = { file: document.file, pointer, range: nearestRange(ranges, pointer) };
    findings.push(finding('invalid-catalog', { entry, problem, fix }, { location }));
  }

  const entries = new Map<string, CatalogEntry>();
  for (const { pointer, fields, id } of good) {
    const line = ranges.get(pointer)?.line ?? null;
    const first = entries.get(fold(id));
    if (first !== undefined) {
      const at = ranges.has(child(pointer, 'id')) ? child(pointer, 'id') : pointer;
      const location = { file: document.file, pointer: at, range: ranges.get(at) ?? null };
      findings.push(finding('duplicate-entry', { id, first: `line ${first.source.line}` }, { location }));
    }
    entries.set(fold(id), toEntry(id, fields, { catalog: document.file, pointer, line }));
  }
  return { entries: [...entries.values()], findings, ranges };
}

function candidatesOf(root: unknown, wrong: Problem[]): Candidate[] {
  if (Array.isArray(root)) return listed('', root);
  if (typeof root !== 'object' || root === null) {
    wrong.push({
      pointer: '',
      entry: '',
      problem: `A catalog must be a list of entries, an object with a list models, or an object keyed by model id; found ${describe(root)}`,
      fix: `Write a list of entries: [${exampleEntry}].`,
    });
    return [];
  }
  const fields = new Map(Object.entries(root));
  const models = fields.get('models');
  if (Array.isArray(models)) return listed('/models', models);
  if (typeof fields.get('id') === 'string' && typeof fields.get('model') === 'string') {
    wrong.push({
      pointer: '',
      entry: '',
      problem: 'The file holds one bare entry, not a catalog',
      fix: 'Wrap the entry in a list: [ … ].',
    });
    return [];
  }
  // `$schema` helps editors; an entry could not be a string.
  if (typeof fields.get('$schema') === 'string') fields.delete('$schema');
  return [...fields].map(([key, value], index) => ({
    pointer: child('', key),
    key,
    position: index + 1,
    value,
  }));
}

function listed(pointer: string, values: unknown[]): Candidate[] {
  return values.map((value, index) => ({
    pointer: child(pointer, index),
    key: null,
    position: index + 1,
    value,
  }));
}

const exampleEntry = '{"id": "my-model", "model": "ai/my-model"}';

function problemsOf({ pointer, key, position, value }: Candidate): Problem[] {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (key === 'models' && !(isObject && Object.hasOwn(value, 'model'))) {
    const problem = `it must be a list of entries; found ${describe(value)}`;
    return [{ pointer, entry: key, problem, fix: `Write a list: [${exampleEntry}].` }];
  }
  if (!isObject) {
    const problem = `it must be an object; found ${describe(value)}`;
    const fix = `Write an object: ${key === null ? exampleEntry : '{"model": "ai/my-model"}'}.`;
    return [{ pointer, entry: key || `number ${position}`, problem, fix }];
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  const given = fields.get('id') ?? key;
  const entry = (typeof given === 'string' ? given : key) || `number ${position}`;
  // The key stands in for a missing id, so that it has to be a proper name, too.
  const found = problems(entrySchema, key === null ? value : { ...value, id: given }).map((problem) =>
    inWords(problem, pointer, entry),
  );
  if (key !== null && typeof given === 'string' && given !== key) {
    found.push({
      pointer: child(pointer, 'id'),
      entry,
      problem: `id is ${quote(given)}, but its key is ${quote(key)}`,
      fix: 'Make the two equal, or leave id out.',
    });
  }
  return found;
}

function inWords(problem: SchemaProblem, pointer: string, entry: string): Problem {
  const field = short(problem.field);
  const place = `${pointer}${problem.pointer}`;
  if (problem.keyword === 'required') {
    const example = problem.field === 'id' ? '"id": "my-model"' : '"model": "ai/my-model"';
    return { pointer: place, entry, problem: `${field} is missing`, fix: `Add ${example}.` };
  }
  return {
    pointer: place,
    entry,
    problem: `${field} must be ${problem.expected}; found ${problem.found}`,
    fix: `Write ${problem.expected}.`,
  };
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `the string ${quote(value)}` : quote(value);
}

/** Every pointer whose range is needed, looked up in one walk over the text. */
function* wanted(good: readonly { pointer: string; fields: Fields }[], wrong: readonly Problem[]) {
  yield '';
  for (const { pointer, fields } of good) {
    yield pointer;
    yield child(pointer, 'id');
    yield child(pointer, 'fallback_model');
    for (let index = 0; index < (fields.aliases?.length ?? 0); index++) {
      yield `${pointer}/aliases/${index}`;
    }
  }
  for (const { pointer } of wrong) {
    yield pointer;
    // Where the value itself is missing, its entry is shown.
    yield parent(pointer);
  }
}

function parent(pointer: string): string {
  return pointer.slice(0, Math.max(0, pointer.lastIndexOf('/')));
}

function nearestRange(ranges: ReadonlyMap<string, Range>, pointer: string): Range | null {
  return ranges.get(pointer) ?? ranges.get(parent(pointer)) ?? null;
}

/** An entry that the schema accepts. null means absent. */
interface Fields {
  id?: string | null;
  name?: string | null;
  provider?: string | null;
  model: string;
  dmr_model?: string | null;
  docker_model?: string | null;
  api_model?: string | null;
  aliases?: string[] | null;
  backend?: string | null;
  backends?: string[] | null;
  context_size?: number | null;
  fallback_model?: string | null;
  requirements?: {
    min_vram_gb?: number | null;
    min_unified_memory_gb?: number | null;
    min_cpu_ram_gb?: number | null;
  } | null;
}

function toEntry(id: string, fields: Fields, source: CatalogEntry['source']): CatalogEntry {
  const listedBackends = (fields.backends ?? []).map(engine);
  // A model that lists only vLLM does not run on llama.cpp because nobody said which one is first.
  const backend =
    fields.backend != null
      ? engine(fields.backend)
      : listedBackends.length === 0 || listedBackends.includes('llama.cpp')
        ? 'llama.cpp'
        : (listedBackends[0] as string);
  return {
    id,
    name: fields.name ?? null,
    provider: fields.provider || 'docker_model_runner',
    dockerModel: fields.dmr_model ?? fields.docker_model ?? fields.model,
    apiModel: fields.api_model ?? null,
    aliases: fields.aliases ?? [],
    backend,
    backends: [...new Set([backend, ...listedBackends])],
    contextSize: fields.context_size ?? null,
    fallback: fields.fallback_model ?? null,
    requirements: toRequirements(fields.requirements ?? {}),
    source,
  };
}

/** Known engines in their own spelling, `auto` as llama.cpp, any other as it is. */
function engine(name: string): string {
  const known = fold(name);
  if (known === 'auto') return 'llama.cpp';
  return backends.find((backend) => backend === known) ?? name;
}

function toRequirements(fields: NonNullable<Fields['requirements']>): Requirements {
  const requirements: Requirements = {};
  if (fields.min_vram_gb != null) requirements.minVramGb = fields.min_vram_gb;
  if (fields.min_unified_memory_gb != null) requirements.minUnifiedMemoryGb = fields.min_unified_memory_gb;
  if (fields.min_cpu_ram_gb != null) requirements.minCpuRamGb = fields.min_cpu_ram_gb;
  return requirements;
}

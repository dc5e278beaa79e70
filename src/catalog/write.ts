import { parseDocument } from '../document/document.ts';
import { addValue, setMember } from '../document/insert.ts';
import { valueAt } from '../document/pointer.ts';
import { type Finding, finding } from '../findings/finding.ts';
import type { CatalogEntry } from './entry.ts';
import { fold } from './name.ts';
import { readCatalog } from './read.ts';

/** An entry as a catalog file has it, in the order in which it is written. */
export interface EntryFields {
  id: string;
  name?: string;
  /** The Docker name. */
  model: string;
  aliases?: readonly string[];
  /** Tokens. */
  context_size: number;
  /** `min_vram_gb` and the others, in GB as sold. */
  requirements: Readonly<Record<string, number>>;
}

export type Put =
  | { ok: true; text: string; isReplaced: boolean }
  /** The catalog is broken: nothing is written before these are corrected. */
  | { ok: false; why: 'broken'; findings: Finding[] }
  /** An entry has that id, and was not to be replaced. */
  | { ok: false; why: 'exists'; entry: CatalogEntry };

/**
 * Puts an entry into the text of a catalog; null where there is none yet. Shape, order, indentation, line ends and
 * every other character stay. With `replace`, an entry of that id gets the figures and the model of the new one and
 * keeps its other fields; new aliases are added to its own.
 */
export function putEntry(file: string, text: string | null, entry: EntryFields, replace: boolean): Put {
  if (text === null)
    return { ok: true, text: addValue('{\n  "models": []\n}\n', '/models', null, entry), isReplaced: false };
  const before = read(file, text);
  if (before.wrong.length > 0) return { ok: false, why: 'broken', findings: before.wrong };
  const old = before.entries.find(({ id }) => fold(id) === fold(entry.id));
  if (old !== undefined && !replace) return { ok: false, why: 'exists', entry: old };
  const edited =
    old === undefined ? added(text, before.value, entry) : replaced(text, before.value, old, entry);
  // An id such as $schema may mean something else in this file.
  const after = read(file, edited);
  if (after.wrong.length > 0) return { ok: false, why: 'broken', findings: after.wrong };
  return { ok: true, text: edited, isReplaced: old !== undefined };
}

function read(file: string, text: string): { value: unknown; entries: CatalogEntry[]; wrong: Finding[] } {
  const parsed = parseDocument(file, text);
  if (!parsed.ok) {
    const { reason, fix, range } = parsed.problem;
    const location = { file, pointer: '', range };
    return { value: null, entries: [], wrong: [finding('invalid-json', { reason, fix }, { location })] };
  }
  const { entries, findings } = readCatalog(parsed.document);
  return {
    value: parsed.document.value,
    entries,
    wrong: findings.filter(({ severity }) => severity === 'error'),
  };
}

function added(text: string, value: unknown, entry: EntryFields): string {
  if (Array.isArray(value)) return addValue(text, '', null, entry);
  if (Array.isArray(valueAt(value, '/models'))) return addValue(text, '/models', null, entry);
  const { id, ...fields } = entry;
  return addValue(text, '', id, fields);
}

function replaced(text: string, value: unknown, old: CatalogEntry, entry: EntryFields): string {
  const { pointer } = old.source;
  const has = (field: string) => (valueAt(value, `${pointer}/${field}`) ?? null) !== null;
  // Of these, the first that is there is what Docker is asked for.
  const model = ['dmr_model', 'docker_model', 'model'].find(has) ?? 'model';
  let edited = setMember(text, pointer, model, entry.model);
  const more = (entry.aliases ?? []).filter(
    (alias) => !old.aliases.some((known) => fold(known) === fold(alias)),
  );
  if (more.length > 0) edited = setMember(edited, pointer, 'aliases', [...old.aliases, ...more]);
  edited = setMember(edited, pointer, 'context_size', entry.context_size);
  if (!has('requirements')) return setMember(edited, pointer, 'requirements', entry.requirements);
  for (const [field, gb] of Object.entries(entry.requirements)) {
    edited = setMember(edited, `${pointer}/requirements`, field, gb);
  }
  return edited;
}

import { isObject } from '../blueprint/config.ts';
import type { Document } from '../document/document.ts';
import { locate, parseDocument } from '../document/document.ts';
import { child } from '../document/pointer.ts';
import type { Range } from '../document/position.ts';
import type { SourceProblem } from '../document/source.ts';
import { inOrder, readSource } from '../document/source.ts';
import type { Finding } from '../findings/finding.ts';
import { finding } from '../findings/finding.ts';
import type { FindingId } from '../findings/table.ts';
import { quote, short } from '../text/text.ts';
import type { KnownTree } from './known.ts';
import { KnownFindings } from './known.ts';
import type { Answer, Checked, Occurrence, Sieve } from './sieve.ts';
import { shown } from './sieve.ts';

/** The format of a baseline (schemas/baseline.schema.json). */
const baselineSchema = 'model-check.baseline/v1';

/** A baseline file as it was read. */
export interface Baseline {
  file: string;
  text: string;
  known: KnownFindings;
}

export type ParsedBaseline = { ok: true; baseline: Baseline } | { ok: false; problems: SourceProblem[] };

/** Reads a baseline. Names of findings that this version does not know are kept: they are stale. Never throws. */
export function parseBaseline(file: string, text: string): ParsedBaseline {
  const help = 'Delete the file, and make it again with --update-baseline.';
  const source = readSource(file, text, null, { json: help, yaml: help });
  const found: { pointer: string; message: string }[] = [];
  const wrong = (pointer: string, expected: string, value: unknown) =>
    found.push({ pointer, message: `This must be ${expected}; found ${quote(value)}. ${help}` });
  const known = new KnownFindings();
  /** The members of an object; none, and a problem, where it is something else. */
  const members = (
    value: unknown,
    pointer: string,
    what: string,
  ): [key: string, pointer: string, value: unknown][] => {
    if (isObject(value)) {
      return Object.entries(value).map(([key, each]) => [key, child(pointer, key), each]);
    }
    wrong(pointer, what, value);
    return [];
  };

  const fields = new Map(isObject(source.value) ? Object.entries(source.value) : []);
  const schema = fields.get('schema');
  if (source.value !== undefined && schema !== baselineSchema) {
    const its = schema === undefined ? 'it has no schema' : `its schema is ${quote(schema)}`;
    const message = `This is no baseline that this version reads: ${its}, not ${quote(baselineSchema)}. Name another file.`;
    // Whatever else it is, it is not ours to correct.
    return {
      ok: false,
      problems: inOrder(source, [{ pointer: schema === undefined ? '' : '/schema', message }]),
    };
  }
  for (const [key, value] of fields) {
    if (key === 'schema' || key === '$schema') continue;
    const pointer = child('', key);
    if (key !== 'blueprints') {
      found.push({ pointer, message: `The baseline has the unknown field ${quote(key)}. Remove it.` });
      continue;
    }
    for (const [blueprint, at, findings] of members(value, pointer, 'an object: blueprints by path')) {
      for (const [id, atFinding, places] of members(findings, at, 'an object: findings by id')) {
        for (const [place, atPlace, targets] of members(places, atFinding, 'an object: places in files')) {
          if (!Array.isArray(targets) || !targets.every((target) => typeof target === 'string')) {
            wrong(atPlace, 'a list of texts: ids of targets', targets);
          } else known.addEntry(blueprint, id, place, targets.length === 0 ? [''] : targets);
        }
      }
    }
  }
  if (found.length === 0 && source.problems.length === 0)
    return { ok: true, baseline: { file, text, known } };
  return { ok: false, problems: inOrder(source, found) };
}

/** The text of a baseline: sorted, a line for each place, the same bytes for the same findings. */
export function baselineText(tree: KnownTree): string {
  const json = (text: string) => JSON.stringify(text);
  const object = <Value>(
    map: ReadonlyMap<string, Value>,
    indent: string,
    write: (value: Value) => string,
  ): string =>
    map.size === 0
      ? '{}'
      : `{\n${[...map.keys()]
          .sort()
          .map((key) => `${indent}  ${json(key)}: ${write(map.get(key) as Value)}`)
          .join(',\n')}\n${indent}}`;
  const targets = (ids: ReadonlySet<string>) =>
    ids.size === 1 && ids.has('') ? '[]' : `[${[...ids].sort().map(json).join(', ')}]`;
  const blueprints = object(tree, '  ', (findings) =>
    object(findings, '    ', (places) => object(places, '      ', targets)),
  );
  return `{\n  "schema": ${json(baselineSchema)},\n  "blueprints": ${blueprints}\n}\n`;
}

/** How many places a baseline has. */
export function entriesOf(tree: KnownTree): number {
  let entries = 0;
  for (const findings of tree.values()) for (const places of findings.values()) entries += places.size;
  return entries;
}

/** Where files stand for a baseline, whatever folder the program was started in. */
export interface BaselineContext {
  /** A path of this run as the baseline has it: from the root of the repository. */
  pathIn(path: string): string;
  /** Whether a blueprint that this run did not check is gone, by its path in the baseline. */
  isGone(blueprint: string): boolean;
  /** Whether this run is to say what became of a blueprint of the baseline that it did not check; all where absent. */
  decides?(blueprint: string): boolean;
}

/** The entries of a baseline that match nothing any more. */
export interface Stale {
  file: string;
  amount: number;
  /** The first of them in the file: its number, what it is, and where it stands. */
  first: { at: number; words: string; pointer: string; range: Range | null };
}

/** The finding that tells of stale entries. */
export function staleFinding({ file, amount, first }: Stale): Finding {
  const { pointer, range, words } = first;
  return finding(
    'baseline-stale',
    { file, entries: amount, first: words },
    { location: { file, pointer, range } },
  );
}

const known: Answer = { hidden: { by: 'baseline', reason: null }, change: null };

/** A baseline never has notes: they stop nothing, and one that becomes an error must be seen. */
function isKept({ severity }: Occurrence): boolean {
  return severity !== 'note';
}

function within({ pathIn }: BaselineContext, occurrence: Occurrence): Occurrence {
  const { blueprint, file } = occurrence;
  return { ...occurrence, blueprint: blueprint === null ? null : pathIn(blueprint), file: pathIn(file) };
}

/** What a finding may be called in a baseline: force gives a known problem another name. */
function idsOf(id: FindingId): FindingId[] {
  return id === 'model-forced' ? [id, 'model-incompatible', 'model-needs-force'] : [id];
}

/** Hides the errors and warnings that a baseline has, and tells of entries that match none. */
export function baselineSieve(
  baseline: Baseline,
  context: BaselineContext,
): Sieve & { stale(checked: Checked): Stale | null } {
  const met = new KnownFindings();
  return {
    ask(occurrence) {
      if (!isKept(occurrence)) return shown;
      const at = within(context, occurrence);
      const entries = idsOf(at.id).map((id) => ({ ...at, id }));
      const matching = entries.filter((entry) => baseline.known.has(entry));
      for (const entry of matching) met.add(entry);
      return matching.length > 0 ? known : shown;
    },
    stale: (checked) => staleEntries(baseline, met, checked, context),
    findings(checked) {
      const stale = this.stale(checked);
      return stale === null ? [] : [staleFinding(stale)];
    },
  };
}

/** Of targets and blueprints that this run did not check nothing is known: their entries are not stale. */
function staleEntries(
  baseline: Baseline,
  met: KnownFindings,
  checked: Checked,
  context: BaselineContext,
): Stale | null {
  const targets = new Set(['', ...checked.targets]);
  const decides = (blueprint: string) => context.decides?.(blueprint) ?? true;
  const blueprints = new Set(checked.blueprints.map(context.pathIn));
  if (decides('')) blueprints.add('');
  const stale: { at: number; pointer: string; words: string }[] = [];
  let at = -1;
  for (const [blueprint, findings] of baseline.known.tree) {
    const isChecked = blueprints.has(blueprint);
    const isSkipped = !isChecked && !(decides(blueprint) && context.isGone(blueprint));
    for (const [id, places] of findings) {
      for (const [place, known] of places) {
        at++;
        if (isSkipped) continue;
        const isMet = (target: string) => met.hasEntry(blueprint, id, place, target);
        if (isChecked && ![...known].some((target) => targets.has(target) && !isMet(target))) continue;
        const pointer = ['blueprints', blueprint, id, place].reduce(child, '');
        stale.push({ at, pointer, words: `${short(id)} in ${short(blueprint === '' ? place : blueprint)}` });
      }
    }
  }
  const [first] = stale;
  if (first === undefined) return null;
  const { file, text } = baseline;
  return { file, amount: stale.length, first: { ...first, range: rangeIn(file, text, first.pointer) } };
}

function rangeIn(file: string, text: string, pointer: string) {
  const parsed = parseDocument(file, text);
  return parsed.ok ? (locate(parsed.document as Document, [pointer]).get(pointer) ?? null) : null;
}

/** Hides every error and warning, and remembers it: what the next baseline has. */
export class BaselineUpdate implements Sieve {
  readonly #found = new KnownFindings();
  readonly #context: BaselineContext;

  constructor(context: BaselineContext) {
    this.#context = context;
  }

  ask(occurrence: Occurrence): Answer {
    if (!isKept(occurrence)) return shown;
    this.#found.add(within(this.#context, occurrence));
    return known;
  }

  /** The new baseline. Of the old one, blueprints that still exist and were not checked are kept as they were. */
  next(old: KnownTree, blueprints: readonly string[]): KnownTree {
    const checked = new Set(['', ...blueprints.map(this.#context.pathIn)]);
    const kept = [...old].filter(([path]) => !checked.has(path) && !this.#context.isGone(path));
    return new Map([...kept, ...this.#found.tree]);
  }
}

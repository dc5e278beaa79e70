import type { Range } from '../document/position.ts';
import { quote } from '../text/text.ts';
import type { FindingData, FindingId } from './table.ts';
import { findings } from './table.ts';

/** How much a finding weighs. `error` stops a merge by default; `note` never does. */
export type Severity = 'error' | 'warning' | 'note';

/** Where a finding is: a file, the JSON pointer in it, and, once it was looked up, the range of that value. */
export interface Location {
  /** As people write it: relative to the working directory, with `/`. */
  file: string;
  /** RFC 6901; `''` is the whole document. */
  pointer: string;
  /** Null where the file has no readable position (missing, unreadable, not JSON). */
  range: Range | null;
}

/** One thing to tell somebody: what is wrong, where, for which targets, and what to do. */
export interface Finding {
  id: FindingId;
  severity: Severity;
  title: string;
  message: string;
  help: string;
  /** Equal for findings of one kind that say the same of different places; reports tell them once. */
  sameAs: string;
  /** Null for a finding about the run as a whole. */
  location: Location | null;
  /** Ids of the targets it is true on; empty where targets do not matter. */
  targets: readonly string[];
  /** Path of the blueprint it is about; null for a catalog, a targets file or the run as a whole. */
  blueprint: string | null;
  /** Pointer of the declaration it is about, in the effective config; null where it is about none. */
  declaration: string | null;
  /** The one obvious correction; null where there is none or more than one. */
  fix: Fix | null;
  /** Whether the version compared with has it too; null where nothing was compared. */
  change: Change | null;
}

export type Change = 'new' | 'unchanged';

/** A correction of one JSON value: the string at the finding's location becomes another. */
export interface Fix {
  /** What it does, for people: `Replace "gemma4:e2" by "gemma4:e2b"`. */
  description: string;
  /** The value to write, not yet as JSON text. */
  value: string;
}

/** The correction of a string; null where nothing is to be written instead. `why` ends the description. */
export function replacement(from: string, to: string | null, why = ''): Fix | null {
  if (to === null) return null;
  return { description: `Replace ${quote(from)} by ${quote(to)}${why === '' ? '' : `: ${why}`}`, value: to };
}

/** What a finding says, wherever it is: shared by all that say the same, which may be thousands. */
export type Words = Pick<Finding, 'title' | 'message' | 'help' | 'sameAs'>;

export interface FindingOptions {
  location?: Location | null;
  targets?: readonly string[];
  blueprint?: string | null;
  declaration?: string | null;
  fix?: Fix | null;
  /** Where decision 18 asks for another severity than the table's, for example on an optional declaration. */
  severity?: Severity;
}

/** Builds a finding: its words come from the table, so the same fact is worded the same way everywhere. */
export function finding<Id extends FindingId>(
  id: Id,
  data: FindingData[Id],
  options: FindingOptions = {},
): Finding {
  return findingOf(id, wordsOf(id, data), options);
}

/** The words of a finding, from the table. */
export function wordsOf<Id extends FindingId>(id: Id, data: FindingData[Id]): Words {
  const row = findings[id];
  const message = row.message(data);
  return { title: row.title(data), message, help: row.help(data), sameAs: row.sameAs?.(data) ?? message };
}

/** Builds a finding from words that are known already. */
export function findingOf(
  id: FindingId,
  { title, message, help, sameAs }: Words,
  options: FindingOptions,
): Finding {
  return {
    id,
    severity: options.severity ?? findings[id].severity,
    title,
    message,
    help,
    sameAs,
    location: options.location ?? null,
    targets: options.targets ?? noTargets,
    blueprint: options.blueprint ?? null,
    declaration: options.declaration ?? null,
    fix: options.fix ?? null,
    change: null,
  };
}

const noTargets: readonly string[] = [];

const documentation = 'https://github.com/mirrorneuron/model-check/blob/main/docs/findings';

/** The page that explains a finding; follows from its id. */
export function findingUrl(id: FindingId): string {
  return `${documentation}/${id}.md`;
}

const weight: Record<Severity, number> = { error: 0, warning: 1, note: 2 };

/** Order of reports and annotations: severity, what is new, then file, position, id. Stable between runs. */
export function compareFindings(a: Finding, b: Finding): number {
  return (
    weight[a.severity] - weight[b.severity] ||
    Number(b.change === 'new') - Number(a.change === 'new') ||
    compare(a.location?.file ?? '', b.location?.file ?? '') ||
    (a.location?.range?.line ?? 0) - (b.location?.range?.line ?? 0) ||
    (a.location?.range?.column ?? 0) - (b.location?.range?.column ?? 0) ||
    compare(a.id, b.id) ||
    compare(a.location?.pointer ?? '', b.location?.pointer ?? '')
  );
}

/**
 * Sorts findings by `compareFindings`, in place. A check finds them in the order of the files: within one severity
 * they are nearly sorted, and sorting what is nearly sorted takes a comparison each.
 */
export function sortFindings(all: Finding[]): void {
  const bySeverity: Record<Severity, Finding[]> = { error: [], warning: [], note: [] };
  for (const one of all) bySeverity[one.severity].push(one);
  let at = 0;
  for (const severity of ['error', 'warning', 'note'] as const) {
    for (const one of bySeverity[severity].sort(compareFindings)) all[at++] = one;
  }
}

/** Compares by UTF-16 units: the same order on every machine and locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

import type { Change, Finding, Severity } from '../findings/finding.ts';
import type { FindingId } from '../findings/table.ts';
import type { HiddenFinding } from './report.ts';

/** One finding at one place on one target: what a baseline, a suppression or a comparison knows it by. */
export interface Occurrence {
  id: FindingId;
  severity: Severity;
  /** Path of the blueprint; null for a catalog. */
  blueprint: string | null;
  file: string;
  /** Of the value in that file. Lines and columns say nothing: they move. */
  pointer: string;
  /** Null where targets do not matter. */
  target: string | null;
}

/** What becomes of an occurrence. */
export interface Answer {
  /** Who hides it, and why; null where it is shown. */
  hidden: Pick<HiddenFinding, 'by' | 'reason'> | null;
  /** Whether the version compared with has it too; null where nothing is compared. */
  change: Change | null;
}

/** What a run looked at: nothing can be said of the rest. */
export interface Checked {
  /** Paths of the blueprints. */
  blueprints: readonly string[];
  /** Ids of the targets. */
  targets: readonly string[];
}

/** Decides which findings are shown. `check` asks it about every target of every finding. */
export interface Sieve {
  /** Gives the same object for the same answer: targets of one finding that share it stay one finding. */
  ask(occurrence: Occurrence): Answer;
  /** Findings about the sieve itself, once everything was asked: always shown. */
  findings?(checked: Checked): Finding[];
}

export const shown: Answer = { hidden: null, change: null };

/** Several sieves as one: the first that hides an occurrence decides, else the last that says what changed. */
export function allOf(sieves: readonly Sieve[]): Sieve {
  const [only] = sieves;
  if (sieves.length === 1 && only !== undefined) return only;
  return {
    ask(occurrence) {
      let answer = shown;
      for (const sieve of sieves) {
        const own = sieve.ask(occurrence);
        if (own.hidden !== null) return own;
        if (own.change !== null) answer = own;
      }
      return answer;
    },
    findings: (checked) => sieves.flatMap((sieve) => sieve.findings?.(checked) ?? []),
  };
}

/**
 * What a finding is known by: once for each target that it is about. That a
 * model runs nowhere is one fact of all targets together. None for a finding
 * about the run as a whole.
 */
export function occurrencesOf({ id, severity, blueprint, location, targets }: Finding): Occurrence[] {
  if (location === null) return [];
  const { file, pointer } = location;
  const each = targets.length === 0 || id === 'model-runs-nowhere' ? [null] : targets;
  return each.map((target) => ({ id, severity, blueprint, file, pointer, target }));
}

/** The answer for a finding whose targets share one; findings about the run are always shown. */
export function answerFor(sieve: Sieve, finding: Finding): Answer {
  const [first] = occurrencesOf(finding);
  return first === undefined ? shown : sieve.ask(first);
}

/** Splits targets by the answer that each gets, in their order. */
export function splitBy<Item>(items: readonly Item[], ask: (item: Item) => Answer): Item[][] {
  const parts = new Map<Answer, Item[]>();
  for (const item of items) {
    const answer = ask(item);
    const part = parts.get(answer);
    if (part === undefined) parts.set(answer, [item]);
    else part.push(item);
  }
  return [...parts.values()];
}

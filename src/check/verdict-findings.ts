import { runs } from '../compatibility/advice.ts';
import type { Verdict } from '../compatibility/verdict.ts';
import type { Finding, Fix, Location, Severity, Words } from '../findings/finding.ts';
import { findingOf, replacement, wordsOf } from '../findings/finding.ts';
import type { FindingId } from '../findings/table.ts';
import { findings as findingTable } from '../findings/table.ts';
import type { Target } from '../hardware/facts.ts';
import { thisMachineId } from '../hardware/facts.ts';
import { count, short } from '../text/text.ts';
import type { Assessment, Assessments } from './assessments.ts';
import { nameAlternative } from './assessments.ts';
import type { Sieve } from './sieve.ts';
import { splitBy } from './sieve.ts';

/** The declaration that the findings are about. */
export interface About {
  /** Path of its blueprint. */
  blueprint: string;
  /** Dotted: `llm.configs.primary`. */
  place: string;
  ref: string;
  required: boolean;
  location: Location;
}

/** The kinds of findings that a verdict can become. */
type VerdictFindingId = Extract<
  FindingId,
  | 'model-incompatible'
  | 'model-needs-force'
  | 'model-acceleration-unverified'
  | 'model-forced'
  | 'backend-unsupported'
>;

function kindOf(verdict: Verdict): VerdictFindingId | null {
  if (verdict.status === 'pass') return null;
  if (verdict.status === 'warning') return 'model-acceleration-unverified';
  if (verdict.forced) return 'model-forced';
  if (verdict.rule === 'backend-unsupported') return 'backend-unsupported';
  return verdict.status === 'force_only' ? 'model-needs-force' : 'model-incompatible';
}

/** One finding that an assessment comes to, whoever asks for the model: all but the place. */
interface Outcome {
  word(about: About): Finding;
  /** What it is split by, where a sieve does not say the same of all its targets; null where it is one fact. */
  group: Group | null;
}

/** The targets on which a verdict has the same consequence. */
interface Group {
  id: VerdictFindingId;
  /** Null for that of the findings table. */
  severity: Severity | null;
  /** Indices of the targets. */
  at: number[];
}

/** Thousands of declarations ask for the same model; what its verdicts come to is worked out once. */
const known = new WeakMap<Assessment, Map<boolean, Outcome[]>>();

/**
 * What the verdicts of one declaration come to: one finding for each kind and
 * severity (decision 18), and for each answer of the sieve. So what is new on
 * one target is worded for that target only.
 */
export function verdictFindings(
  about: About,
  assessment: Assessment,
  assessments: Assessments,
  sieve: Sieve | null,
): Finding[] {
  let byRequired = known.get(assessment);
  if (byRequired === undefined) known.set(assessment, (byRequired = new Map()));
  let outcomes = byRequired.get(about.required);
  if (outcomes === undefined) {
    outcomes = outcomesOf(assessment, about.required, assessments);
    byRequired.set(about.required, outcomes);
  }
  if (sieve === null) return outcomes.map(({ word }) => word(about));
  return outcomes.flatMap((outcome) =>
    sifted(outcome, about, assessment, assessments, sieve).map(({ word }) => word(about)),
  );
}

function sifted(
  outcome: Outcome,
  { blueprint, location: { file, pointer } }: About,
  assessment: Assessment,
  assessments: Assessments,
  sieve: Sieve,
): Outcome[] {
  const { group } = outcome;
  if (group === null) return [outcome];
  const { id } = group;
  const severity = group.severity ?? findingTable[id].severity;
  const parts = splitBy(group.at, (index) => {
    const target = (assessments.targets[index] as Target).id;
    return sieve.ask({ id, severity, blueprint, file, pointer, target });
  });
  if (parts.length === 1) return [outcome];
  return parts.map((at) => outcomeOf({ ...group, at }, assessment, assessments));
}

function outcomesOf(assessment: Assessment, required: boolean, assessments: Assessments): Outcome[] {
  const { targets } = assessments;
  const { verdicts } = assessment;
  const nowhere =
    targets.length > 0 && targets.every((target) => !target.required) && verdicts.every(({ ok }) => !ok);
  if (nowhere) return [{ word: runsNowhere(assessment, required, assessments), group: null }];

  const groups = new Map<string, Group>();
  verdicts.forEach((verdict, index) => {
    const id = kindOf(verdict);
    if (id === null) return;
    // A target or a model that nobody requires never gives more than a note.
    const severity: Severity | null = required && (targets[index] as Target).required ? null : 'note';
    const key = `${id} ${severity}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { id, severity, at: [index] });
    else group.at.push(index);
  });
  return [...groups.values()].map((group) => outcomeOf(group, assessment, assessments));
}

function outcomeOf(group: Group, assessment: Assessment, assessments: Assessments): Outcome {
  const { id, severity, at } = group;
  const first = assessment.verdicts[at[0] as number] as Verdict;
  const concerned = at.map((index) => assessments.targets[index] as Target);
  const ids = concerned.map((target) => target.id);
  const isRefused = id === 'model-incompatible' || id === 'model-needs-force';
  const advice = isRefused ? advise(assessment, concerned, assessments) : first.help;
  // Only where hardware refuses does it matter what else there is.
  const fixOf = isRefused && severity === null ? otherModel(assessment, assessments) : null;
  return {
    group,
    word: wordedOnce(id, severity, ids, fixOf, (place, ref) =>
      wordsOf(id, {
        place,
        ref,
        model: assessment.entry.id,
        target: (concerned[0] as Target).name,
        more: at.length - 1,
        reason: first.message,
        advice,
      }),
    ),
  };
}

/** Words are up to a kilobyte; what many blueprints ask for by the same name at the same place is worded once. */
function wordedOnce(
  id: FindingId,
  severity: Severity | null,
  targets: readonly string[],
  fixOf: ((ref: string) => Fix | null) | null,
  words: (place: string, ref: string) => Words,
): Outcome['word'] {
  const worded = new Map<string, Map<string, { words: Words; fix: Fix | null }>>();
  return ({ place, ref, location }) => {
    let places = worded.get(ref);
    if (places === undefined) worded.set(ref, (places = new Map()));
    let known = places.get(place);
    if (known === undefined)
      places.set(place, (known = { words: words(place, ref), fix: fixOf?.(ref) ?? null }));
    const { fix } = known;
    return findingOf(id, known.words, {
      location,
      targets,
      fix,
      severity: severity ?? findingTable[id].severity,
    });
  };
}

/** The correction that names another model, for a reference; null where there is no only one to name. */
function otherModel(assessment: Assessment, assessments: Assessments): ((ref: string) => Fix | null) | null {
  const other = assessments.onlyAlternative(assessment);
  if (other === null) return null;
  const role = other.isFallback
    ? `${short(assessment.entry.id)}'s fallback`
    : 'the only one of the catalog that runs on every target';
  const where =
    assessments.targets.length === 1
      ? 'runs here'
      : `runs on all ${count(assessments.targets.length, 'target')}`;
  const why = `another model, ${role}${other.isFallback ? `, which ${where}` : ''}`;
  return (ref) => replacement(ref, other.entry.id, why);
}

/** What to do where hardware refuses: another model, another target, or force. */
function advise(assessment: Assessment, concerned: readonly Target[], assessments: Assessments): string {
  const { entry } = assessment;
  const all = assessments.targets;
  const other = assessments.alternative(entry, concerned);
  // This very machine is not a target that somebody could drop.
  const here = concerned.every(({ id }) => id === thisMachineId);
  const drop = here ? '' : `, drop ${concerned.length === 1 ? 'the target' : 'these targets'}`;
  if (other === null) {
    return `Use a smaller model${drop}, or run with force if you accept slow or partial execution.`;
  }
  const everywhere = all.every((candidate) => runs(other.entry, candidate));
  const where =
    all.length === 1
      ? 'runs here'
      : everywhere
        ? `runs on all ${count(all.length, 'target')}`
        : `runs on ${concerned.length === 1 ? 'this target' : 'these targets'}`;
  return `Use ${nameAlternative(other, entry)}, which ${where}${drop}, or run with force if you accept it.`;
}

function runsNowhere(assessment: Assessment, required: boolean, assessments: Assessments): Outcome['word'] {
  const { targets } = assessments;
  const first = assessment.verdicts[0] as Verdict;
  const usable = targets.filter((target) => assessments.alternative(assessment.entry, [target]) !== null);
  const other = usable.length === 0 ? null : assessments.alternative(assessment.entry, usable);
  const ids = targets.map(({ id }) => id);
  const fixOf = required ? otherModel(assessment, assessments) : null;
  const reason = `On ${(targets[0] as Target).name}: ${first.message}`;
  const advice =
    other === null
      ? 'Use a smaller model, or name the machines that it is meant for as targets.'
      : `Use ${nameAlternative(other, assessment.entry)}, which runs on ${usable.length} of them, or name the machines that it is meant for as targets.`;
  const model = assessment.entry.id;
  return wordedOnce('model-runs-nowhere', required ? null : 'note', ids, fixOf, (place, ref) =>
    wordsOf('model-runs-nowhere', { place, ref, model, targets: targets.length, reason, advice }),
  );
}

import type { Finding } from '../findings/finding.ts';
import { finding } from '../findings/finding.ts';
import { globMatcher } from '../text/glob.ts';
import type { Suppression } from './config.ts';
import type { Answer, Checked, Sieve } from './sieve.ts';
import { shown } from './sieve.ts';

/** What suppressions need to know besides themselves. */
export interface SuppressionContext {
  /** `YYYY-MM-DD`, in UTC. */
  today: string;
  /** A path of this run as suppressions have it: from the root of the repository. */
  pathIn(path: string): string;
  /** Nothing narrowed what is checked: what is not there now is nowhere. */
  isWhole: boolean;
}

/** What became of a suppression, and what is to be told where nothing hid behind it. */
export interface SuppressionState {
  /** `unused`: what it is about was checked, and it hid nothing. `unseen`: that was not checked. */
  state: 'expired' | 'used' | 'unused' | 'unseen';
  finding: Finding;
}

/** The findings about suppressions themselves. */
export function suppressionFindings(states: readonly SuppressionState[]): Finding[] {
  return states.flatMap(({ state, finding: about }) =>
    state === 'expired' || state === 'unused' ? [about] : [],
  );
}

interface Rule {
  suppression: Suppression;
  isMeant: (blueprint: string) => boolean;
  isExpired: boolean;
  answer: Answer;
  isUsed: boolean;
}

/**
 * Hides what a suppression names, the first that does; tells of those that
 * expired and of those that hide nothing.
 */
export function suppressionSieve(
  suppressions: readonly Suppression[],
  context: SuppressionContext,
): Sieve & { states(checked: Checked): SuppressionState[] } {
  const rules = suppressions.map((suppression): Rule => {
    const { blueprint, until, reason } = suppression;
    const matches = globMatcher(blueprint);
    return {
      suppression,
      isMeant: remembered((path) => matches(context.pathIn(path))),
      isExpired: until !== null && until < context.today,
      answer: { hidden: { by: 'suppression', reason }, change: null },
      isUsed: false,
    };
  });
  const byFinding = new Map<string, Rule[]>();
  for (const rule of rules) {
    if (rule.isExpired) continue;
    const same = byFinding.get(rule.suppression.finding);
    if (same === undefined) byFinding.set(rule.suppression.finding, [rule]);
    else same.push(rule);
  }
  return {
    ask({ id, blueprint, pointer, target }) {
      if (blueprint === null) return shown;
      let answer = shown;
      for (const rule of byFinding.get(id) ?? []) {
        const { suppression } = rule;
        if (suppression.target !== null && suppression.target !== target) continue;
        if (suppression.pointer !== null && !isAt(pointer, suppression.pointer)) continue;
        if (!rule.isMeant(blueprint)) continue;
        // One that is hidden twice is hidden by the first; the other is not useless for that.
        rule.isUsed = true;
        if (answer === shown) answer = rule.answer;
      }
      return answer;
    },
    states({ blueprints, targets }) {
      return rules.map((rule): SuppressionState => {
        const { finding: id, blueprint, target, until, reason, location } = rule.suppression;
        if (rule.isExpired && until !== null) {
          const about = { finding: id, blueprint, until, reason };
          return { state: 'expired', finding: finding('suppression-expired', about, { location }) };
        }
        const isSeen =
          context.isWhole || (blueprints.some(rule.isMeant) && (target === null || targets.includes(target)));
        return {
          state: rule.isUsed ? 'used' : isSeen ? 'unused' : 'unseen',
          finding: finding('suppression-unused', { finding: id, blueprint, target }, { location }),
        };
      });
    },
    findings(checked) {
      return suppressionFindings(this.states(checked));
    },
  };
}

/** Whether a value is this one or within it. */
function isAt(pointer: string, around: string): boolean {
  return pointer === around || pointer.startsWith(`${around}/`);
}

/** Patterns and paths are slow, and the same ones are asked about again and again. */
export function remembered<Value>(of: (path: string) => Value): (path: string) => Value {
  const known = new Map<string, Value>();
  return (path) => {
    let value = known.get(path);
    if (value === undefined) known.set(path, (value = of(path)));
    return value;
  };
}

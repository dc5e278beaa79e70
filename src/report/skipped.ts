import type { Report } from '../check/report.ts';
import { short } from '../text/text.ts';
import type { Survey } from './survey.ts';

/** The names of the blueprints that have something skipped for each reason; also of those without any model or problem. */
export function skippedNames(
  report: Report,
  { names, attention }: Survey,
): [reason: string, names: string[]][] {
  const reasons = new Map<string, string[]>();
  const push = (reason: string, name: string) => {
    const list = reasons.get(reason);
    if (list === undefined) reasons.set(reason, [name]);
    else if (list.at(-1) !== name) list.push(name);
  };
  const withProblems = new Set(attention);
  report.blueprints.forEach(({ declarations }, index) => {
    const name = names[index] as string;
    if (declarations.length === 0 && !withProblems.has(index)) push('no model found', name);
    for (const { skipped } of declarations) if (skipped !== null) push(`skipped: ${short(skipped)}`, name);
  });
  return [...reasons];
}

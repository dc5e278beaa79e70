import type { LeftOut } from '../check/report.ts';
import { count, short } from '../text/text.ts';

/** What was left out because no change can affect it, as a sentence. */
export function leftOutSentence({ blueprints, since, commit, everything }: LeftOut): string {
  const changed = `since ${short(since, 80)} (${commit.slice(0, 7)})`;
  return everything === null
    ? `Left out ${count(blueprints, 'blueprint')} that no change ${changed} can affect.`
    : `Nothing was left out: ${short(everything)} changed ${changed}.`;
}

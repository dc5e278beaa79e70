import { distance } from 'fastest-levenshtein';
import { short } from './text.ts';

/** The candidate that a mistyped name most likely meant, or null where none is near. Ignores case. */
export function nearest(name: string, candidates: Iterable<string>): string | null {
  const typed = name.slice(0, 200).toLowerCase();
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const candidate of candidates) {
    const known = candidate.slice(0, 200).toLowerCase();
    if (Math.abs(known.length - typed.length) >= bestDistance) continue;
    const steps = distance(typed, known);
    if (steps < bestDistance) {
      best = candidate;
      bestDistance = steps;
    }
  }
  return best;
}

/** ` Did you mean x?` with a leading space, or nothing. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const found = nearest(name, candidates);
  return found === null ? '' : ` Did you mean ${short(found)}?`;
}

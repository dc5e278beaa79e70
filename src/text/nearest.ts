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

/**
 * The candidates that a mistyped name obviously meant: the nearest ones, ignoring case, at most two letters and a
 * third of the name away. None where a digit differs: in the name of a model it is its version or its size, and
 * another digit another model.
 */
export function obvious(name: string, candidates: Iterable<string>): string[] {
  if (name.length > 200) return [];
  const typed = name.toLowerCase();
  let best: string[] = [];
  let bestDistance = Math.min(2, Math.floor(typed.length / 3));
  for (const candidate of candidates) {
    const known = candidate.toLowerCase();
    if (Math.abs(known.length - typed.length) > bestDistance) continue;
    const steps = distance(typed, known);
    if (steps > bestDistance) continue;
    if (steps < bestDistance) best = [];
    bestDistance = steps;
    best.push(candidate);
  }
  const digits = (text: string) => text.replace(/\D/g, '');
  return best.every((candidate) => digits(candidate) === digits(typed)) ? best : [];
}

/** The one candidate that a mistyped name obviously meant; null where there is none, or more than one. */
export function correction(name: string, candidates: Iterable<string>): string | null {
  const [only, ...others] = new Set(obvious(name, candidates));
  return only === undefined || others.length > 0 || only === name ? null : only;
}

/** ` Did you mean x?` with a leading space, or nothing. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const found = nearest(name, candidates);
  return found === null ? '' : ` Did you mean ${short(found)}?`;
}

import type { CatalogEntry } from '../catalog/entry.ts';
import type { Target } from '../hardware/facts.ts';
import { assess, effectiveBackend } from './assess.ts';

/** Another catalog model to use where one does not run. */
export interface Alternative {
  entry: CatalogEntry;
  /** It is what the entry itself falls back to. */
  isFallback: boolean;
}

/** Whether an entry runs on a target without force, with its own backend. */
export function runs(entry: CatalogEntry, target: Target): boolean {
  return assess(entry, effectiveBackend(null, entry), target, false).ok;
}

/**
 * The model to suggest for targets on which an entry does not run: its
 * fallback if that runs on all of them, else the largest model that does.
 * `candidates` are in order of size, largest first. A model that requires
 * nothing is never suggested: it does another job (embedding, for example).
 */
export function alternative(
  entry: CatalogEntry,
  fallback: CatalogEntry | null,
  candidates: readonly CatalogEntry[],
  targets: readonly Target[],
): Alternative | null {
  const fits = (candidate: CatalogEntry) =>
    candidate.id !== entry.id && targets.every((target) => runs(candidate, target));
  if (fallback !== null && fits(fallback)) return { entry: fallback, isFallback: true };
  const found = candidates.find(
    (candidate) => Object.values(candidate.requirements).some((gb) => gb !== undefined) && fits(candidate),
  );
  return found === undefined ? null : { entry: found, isFallback: false };
}

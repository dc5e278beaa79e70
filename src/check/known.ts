import type { Finding } from '../findings/finding.ts';
import type { Occurrence } from './sieve.ts';
import { occurrencesOf } from './sieve.ts';

/** Blueprint (`''` for none) -> finding -> place -> targets (`''` for none). */
export type KnownTree = Map<string, Map<string, Map<string, Set<string>>>>;

/** Where an occurrence stands: `config/default.json#/llm/model`, below the folder of its blueprint. */
export function placeIn({
  blueprint,
  file,
  pointer,
}: Pick<Occurrence, 'blueprint' | 'file' | 'pointer'>): string {
  if (file === blueprint) return `#${pointer}`;
  const below = blueprint !== null && file.startsWith(`${blueprint}/`);
  return `${below ? file.slice(blueprint.length + 1) : file}#${pointer}`;
}

/** A set of occurrences: the findings of a baseline, or of the version that is compared with. */
export class KnownFindings {
  readonly tree: KnownTree = new Map();

  constructor(findings: Iterable<Finding> = []) {
    for (const finding of findings) for (const occurrence of occurrencesOf(finding)) this.add(occurrence);
  }

  add(occurrence: Occurrence): void {
    const { blueprint, id, target } = occurrence;
    this.addEntry(blueprint ?? '', id, placeIn(occurrence), [target ?? '']);
  }

  has(occurrence: Occurrence): boolean {
    const { blueprint, id, target } = occurrence;
    return this.hasEntry(blueprint ?? '', id, placeIn(occurrence), target ?? '');
  }

  addEntry(blueprint: string, id: string, place: string, targets: readonly string[]): void {
    const byId = inner(this.tree, blueprint, () => new Map());
    const byPlace = inner(byId, id, () => new Map());
    const known = inner(byPlace, place, () => new Set<string>());
    for (const target of targets) known.add(target);
  }

  hasEntry(blueprint: string, id: string, place: string, target: string): boolean {
    return this.tree.get(blueprint)?.get(id)?.get(place)?.has(target) ?? false;
  }
}

function inner<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

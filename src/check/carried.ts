import type { Range } from '../document/position.ts';
import type { Finding } from '../findings/finding.ts';
import type { BlueprintFacts } from './check.ts';

/** What a blueprint says, with the positions of everything that a finding can point to: it outlives the texts. */
export interface CarriedFacts extends Omit<BlueprintFacts, 'locate'> {
  /** By file and pointer. */
  ranges: ReadonlyMap<string, ReadonlyMap<string, Range>>;
}

/** Keeps what a blueprint says beyond its text. To be asked for before the blueprint is checked. */
export function carried({ locate, ...facts }: BlueprintFacts): CarriedFacts {
  return {
    ...facts,
    // The check puts its own findings into the list that it gets.
    findings: [...facts.findings],
    ranges: new Map([...placesOf(facts)].map(([file, pointers]) => [file, locate(file, pointers)])),
  };
}

/** What a blueprint said, for a check on other targets. */
export function factsOfCarried({ ranges, ...facts }: CarriedFacts): BlueprintFacts {
  return { ...facts, findings: facts.findings.map(copied), locate: (file) => ranges.get(file) ?? new Map() };
}

/** Every place that a declaration or a requirement is read from, by file. */
function placesOf({ declarations, requirements }: Omit<BlueprintFacts, 'locate'>): Map<string, Set<string>> {
  const places = new Map<string, Set<string>>();
  const add = (place: { file: string; pointer: string } | null) => {
    if (place === null) return;
    const pointers = places.get(place.file);
    if (pointers === undefined) places.set(place.file, new Set([place.pointer]));
    else pointers.add(place.pointer);
  };
  for (const { source, contextSource } of declarations) {
    add(source);
    add(contextSource);
  }
  if (requirements !== null) {
    add(requirements.memoryGb);
    add(requirements.gpuCount);
    add(requirements.gpuMemoryGb);
  }
  return places;
}

/** A check writes the blueprint, the change and the position into its findings. */
function copied(finding: Finding): Finding {
  return { ...finding, location: finding.location === null ? null : { ...finding.location } };
}

import { child } from '../document/pointer.ts';
import type { Range } from '../document/position.ts';
import { type Finding, finding, type Location } from '../findings/finding.ts';
import { nearest, obvious } from '../text/nearest.ts';
import { printable, short } from '../text/text.ts';
import type { CatalogEntry } from './entry.ts';
import { dockerKey, fold, shortName } from './name.ts';

/** One catalog among those that make up the whole. What `readCatalog` returns fits, with a name. */
export interface CatalogLayer {
  /** As messages name it: `built-in catalog`, or the file. */
  name: string;
  entries: readonly CatalogEntry[];
  /** From `readCatalog`, so that findings point at the alias or fallback itself; without it, at the entry's line. */
  ranges?: ReadonlyMap<string, Range>;
}

/** The entry that a reference names, and by which of its names. */
export interface Resolved {
  entry: CatalogEntry;
  by: 'id' | 'alias' | 'docker-name';
}

/**
 * Merges catalogs, lowest first: an entry replaces the whole lower entry with the
 * same id, without case. Findings are what only shows once all are together.
 */
export function buildCatalog(layers: readonly CatalogLayer[]): { catalog: Catalog; findings: Finding[] } {
  const catalog = new Catalog(layers);
  const locations = new Locations(layers);
  const findings = catalog.conflicts.map((conflict) => aliasConflict(conflict, locations));
  for (const entry of catalog.entries) {
    if (entry.fallback === null || catalog.resolve(entry.fallback) !== null) continue;
    const data = {
      id: entry.id,
      fallback: entry.fallback,
      suggestion: catalog.suggest(entry.fallback),
    };
    const location = locations.of(entry, 'fallback_model');
    findings.push(finding('unknown-fallback', data, { location }));
  }
  for (const loop of fallbackLoops(catalog)) {
    const path = shortened([...loop, loop[0] as CatalogEntry].map(({ id }) => id));
    const location = locations.of(loop[0] as CatalogEntry, 'fallback_model');
    findings.push(finding('fallback-loop', { path }, { location }));
  }
  return { catalog, findings };
}

/** All models that exist. Look-ups take constant time, whatever the size. */
export class Catalog {
  /** In the order of the lowest catalog; replaced in place, new ones at the end. */
  readonly entries: readonly CatalogEntry[];
  /** Aliases that another entry already has as its id or alias. */
  readonly conflicts: readonly AliasConflict[];
  readonly #layers: readonly string[];
  /** All ids, then all aliases. */
  readonly #names: readonly string[];
  readonly #ids = new Map<string, CatalogEntry>();
  readonly #aliases = new Map<string, CatalogEntry>();
  readonly #dockerNames = new Map<string, CatalogEntry>();
  /** Blueprints repeat a few references thousands of times. */
  readonly #resolved = new Map<string, Resolved | null>();
  readonly #suggested = new Map<string, string>();
  readonly #corrected = new Map<string, string | null>();

  constructor(layers: readonly CatalogLayer[]) {
    const merged = new Map<string, { entry: CatalogEntry; layer: number; position: number }>();
    layers.forEach(({ entries }, layer) => {
      entries.forEach((entry, position) => {
        merged.set(fold(entry.id), { entry, layer, position });
      });
    });
    this.entries = [...merged.values()].map(({ entry }) => entry);
    this.#layers = layers.map(({ name }) => name);
    this.#names = [...this.entries.map(({ id }) => id), ...this.entries.flatMap(({ aliases }) => aliases)];
    for (const entry of this.entries) this.#ids.set(fold(entry.id), entry);

    // Who claims a name first, has it: the higher catalog, then the first in its file.
    const conflicts: AliasConflict[] = [];
    const strongest = [...merged.values()].sort((a, b) => b.layer - a.layer || a.position - b.position);
    for (const { entry } of strongest) {
      entry.aliases.forEach((alias, index) => {
        const owner = this.#ids.get(fold(alias));
        const holder = owner === undefined || owner === entry ? this.#aliases.get(aliasKey(alias)) : owner;
        if (holder === undefined) this.#aliases.set(aliasKey(alias), entry);
        else if (holder !== entry) conflicts.push({ alias, winner: holder, loser: entry, index });
      });
      const key = dockerKey(entry.dockerModel);
      if (!this.#dockerNames.has(key)) this.#dockerNames.set(key, entry);
    }
    this.conflicts = conflicts;
  }

  /** The entry with this id, without case; null where there is none. */
  get(id: string): CatalogEntry | null {
    return this.#ids.get(fold(id)) ?? null;
  }

  /** The entry that a reference names: by id, else by alias, else by Docker name, all without case. */
  resolve(ref: string): Resolved | null {
    let resolved = this.#resolved.get(ref);
    if (resolved === undefined) {
      resolved = this.#lookUp(ref);
      this.#resolved.set(ref, resolved);
    }
    return resolved;
  }

  #lookUp(ref: string): Resolved | null {
    const byId = this.#ids.get(fold(ref));
    if (byId !== undefined) return { entry: byId, by: 'id' };
    const byAlias = this.#aliases.get(aliasKey(ref));
    if (byAlias !== undefined) return { entry: byAlias, by: 'alias' };
    // A Docker name that is an alias goes with that alias, so that all spellings of it mean one model.
    const byDockerName = this.#aliases.get(dockerKey(ref)) ?? this.#dockerNames.get(dockerKey(ref));
    return byDockerName === undefined ? null : { entry: byDockerName, by: 'docker-name' };
  }

  /** ` Did you mean x?` with a leading space, or nothing. */
  suggest(ref: string): string {
    let suggestion = this.#suggested.get(ref);
    if (suggestion === undefined) {
      const name = this.#nearest(ref);
      suggestion = name === null ? '' : ` Did you mean ${short(name)}?`;
      this.#suggested.set(ref, suggestion);
    }
    return suggestion;
  }

  #nearest(ref: string): string | null {
    // No known name is so long.
    if (ref.length > 1000) return null;
    const bare = shortName(ref);
    // A tag that does not exist hides the name before it: gemma4:latest means gemma4.
    const untagged = bare.replace(/[:@][^/]*$/, '');
    for (const spelling of new Set([bare, ref, untagged])) {
      const name = nearest(spelling, this.#names);
      if (name === null) continue;
      // An alias that is a misspelt id leads to the id.
      const id = this.resolve(name)?.entry.id ?? name;
      return nearest(name, [id]) ?? name;
    }
    return null;
  }

  /**
   * What a mistyped reference obviously means, as a name to write instead; null where that is not clear. A name of
   * another organisation or registry is none of this catalog's business.
   */
  correct(ref: string): string | null {
    let corrected = this.#corrected.get(ref);
    if (corrected === undefined) this.#corrected.set(ref, (corrected = this.#correction(ref)));
    return corrected;
  }

  #correction(ref: string): string | null {
    const name = shortName(ref);
    if (name.includes('/')) return null;
    const meant = obvious(name, this.#names);
    const entries = new Set(meant.map((one) => this.resolve(one)?.entry));
    const [entry, ...others] = entries;
    if (entry === undefined || others.length > 0) return null;
    // Of several names of one model its id; an alias that is itself a misspelt id leads to the id too.
    return meant.length > 1 ? entry.id : (nearest(meant[0] as string, [entry.id]) ?? (meant[0] as string));
  }

  /** The catalogs that were looked in, lowest first: `built-in catalog, .mn/models/catalog.json`. */
  describe(): string {
    return this.#layers.map(printable).join(', ');
  }
}

/** Largest model first, by the accelerator memory that it asks for; entries that ask for nothing last. */
export function largestFirst(entries: readonly CatalogEntry[]): CatalogEntry[] {
  const size = ({ requirements }: CatalogEntry) =>
    Object.keys(requirements).length === 0
      ? -1
      : Math.max(requirements.minVramGb ?? 0, requirements.minUnifiedMemoryGb ?? 0);
  return [...entries].sort((a, b) => size(b) - size(a));
}

/** One alias that two entries claim. */
export interface AliasConflict {
  alias: string;
  winner: CatalogEntry;
  loser: CatalogEntry;
  /** Of the alias in the loser's `aliases`. */
  index: number;
}

/** An alias with a slash is a Docker name in any of its spellings; one without is only itself. */
function aliasKey(alias: string): string {
  return alias.includes('/') ? dockerKey(alias) : fold(alias);
}

function aliasConflict({ alias, winner, loser, index }: AliasConflict, locations: Locations): Finding {
  // Nobody can edit the built-in catalog: where only the winner stands in a file, that is the place.
  const winnersIndex = winner.aliases.findIndex((other) => aliasKey(other) === aliasKey(alias));
  const location =
    locations.of(loser, 'aliases', index) ??
    (winnersIndex < 0 ? locations.of(winner, 'id') : locations.of(winner, 'aliases', winnersIndex));
  return finding('alias-conflict', { alias, winner: winner.id, loser: loser.id }, { location });
}

/** Every circle of fallbacks once, beginning with an entry that stands in a file. */
function fallbackLoops(catalog: Catalog): CatalogEntry[][] {
  const loops: CatalogEntry[][] = [];
  const done = new Set<CatalogEntry>();
  for (const start of catalog.entries) {
    const path = new Map<CatalogEntry, number>();
    let entry: CatalogEntry | null = start;
    while (entry !== null && !done.has(entry) && !path.has(entry)) {
      path.set(entry, path.size);
      entry = entry.fallback === null ? null : (catalog.resolve(entry.fallback)?.entry ?? null);
    }
    const from = entry === null ? undefined : path.get(entry);
    if (from !== undefined) {
      const loop = [...path.keys()].slice(from);
      const first = Math.max(0, loop.findIndex(inFile));
      loops.push([...loop.slice(first), ...loop.slice(0, first)]);
    }
    for (const seen of path.keys()) done.add(seen);
  }
  return loops;
}

function inFile(entry: CatalogEntry): boolean {
  return entry.source.line !== null;
}

/** A long way round stays readable. */
function shortened(path: readonly string[]): string[] {
  return path.length <= 10 ? [...path] : [...path.slice(0, 8), '…', path[path.length - 1] as string];
}

/** Where entries and their fields stand. */
class Locations {
  readonly #ranges = new Map<CatalogEntry, ReadonlyMap<string, Range>>();

  constructor(layers: readonly CatalogLayer[]) {
    for (const { entries, ranges } of layers) {
      if (ranges === undefined) continue;
      for (const entry of entries) this.#ranges.set(entry, ranges);
    }
  }

  /** Of a field of an entry, else of the entry; null for a built-in one. */
  of(entry: CatalogEntry, ...path: (string | number)[]): Location | null {
    const { catalog: file, pointer, line } = entry.source;
    if (line === null) return null;
    const ranges = this.#ranges.get(entry);
    const field = path.reduce<string>(child, pointer);
    const range = ranges?.get(field);
    if (range !== undefined) return { file, pointer: field, range };
    const whole = ranges?.get(pointer) ?? { line, column: 1, endLine: line, endColumn: 2 };
    return { file, pointer, range: whole };
  }
}

import type { Files, FolderEntry } from '../document/files.ts';
import type { Blueprint, IgnoreRules, Root } from './discover.ts';
import {
  blueprintFolderOf,
  isBlueprintFolder,
  isCandidate,
  isIgnored,
  join,
  leftOut,
  loadFile,
  loadFolder,
  rulesAbove,
  unreadableFolder,
  withRulesOf,
} from './discover.ts';
import type { Unit } from './split.ts';

/** A folder with a manifest.json: what is looked for in and below it depends on whether that is a blueprint's. */
interface Around {
  folder: string;
  manifest: FolderEntry['kind'];
  parent: Around | null;
  /** Undefined where nobody asked yet. */
  isBlueprint?: boolean;
}

/** A place where a blueprint may be: found by listing folders, not by reading files. */
export interface Candidate {
  path: string;
  kind: 'folder' | 'file' | 'unreadable';
  /** Index of the root that it was found in first, and whether that names it. */
  root: number;
  named: boolean;
  /** Index of its unit. */
  unit: number;
  /** It is no blueprint where this is, or is within, a blueprint. */
  unless: Around | null;
  /** For a folder: what is to be known once it was read. */
  around: Around | null;
  /** For a folder: which layers of its config are a blueprint each where it is none; bits of `layerBits`. */
  layers: number;
}

/** Most folders have both: as candidates of their own they would be most of the memory of a search. */
const layerBits: ReadonlyMap<string, number> = new Map([
  ['default.json', 1],
  ['overwrite.json', 2],
]);

/** Where blueprints may be, in the order of `discover`, and the units that they are split by. */
export class Places {
  readonly units: Unit[] = [];
  readonly candidates: Candidate[] = [];
  /** By path; of several roots that lead there the first one's. */
  readonly #first = new Map<string, Candidate>();

  add(candidate: Candidate): void {
    this.candidates.push(candidate);
    if (!this.#first.has(candidate.path)) this.#first.set(candidate.path, candidate);
  }

  /** Index of the unit of a path; undefined where no blueprint may be. */
  unitOf(path: string): number | undefined {
    const found = this.#first.get(path);
    if (found !== undefined) return found.unit;
    for (const [name, bit] of layerBits) {
      const layer = `/config/${name}`;
      if (path !== layer.slice(1) && !path.endsWith(layer)) continue;
      const folder = this.#first.get(path.slice(0, -layer.length) || '.');
      if (folder !== undefined && folder.layers & bit) return folder.unit;
    }
    return undefined;
  }

  /** Every path where a blueprint may be. */
  *paths(): Generator<string> {
    for (const [path, candidate] of this.#first) {
      yield path;
      yield* layerPaths(candidate);
    }
  }
}

function layerPaths({ path, layers }: Candidate): string[] {
  return [...layerBits].flatMap(([name, bit]) => (layers & bit ? [join(path, `config/${name}`)] : []));
}

/** The same candidates, with each layer as one of its own. */
export function eachAlone(candidates: readonly Candidate[]): Candidate[] {
  return candidates.flatMap((candidate) => [
    { ...candidate, layers: 0 },
    ...layerPaths(candidate).map(
      (path): Candidate => ({
        ...candidate,
        path,
        kind: 'file',
        unless: candidate.around,
        around: null,
        layers: 0,
      }),
    ),
  ]);
}

/** A unit by its path, and its index once something belongs to it. */
interface Owner {
  path: string;
  unit?: number;
}

/** The files that are read of a blueprint folder; a layer of the config need not be there. */
function layersOf(folder: string, entries: readonly FolderEntry[]): string[] {
  const hasConfig = entries.some(({ name, kind }) => name === 'config' && kind === 'folder');
  const layers = hasConfig ? ['config/default.json', 'config/overwrite.json'] : [];
  return ['manifest.json', ...layers].map((name) => join(folder, name));
}

/**
 * Walks all folders below the roots as `discover` does, and reads nothing but `.gitignore` files.
 *
 * A unit is a folder with a manifest.json, with the JSON files in it and in its `config`; any other JSON file is one
 * of its own. Where such a folder has the shape of a blueprint (a folder `config` or `payloads`), the files
 * in its other folders belong to it too: they count only where it is none. `sizeOf` gives the bytes of a
 * file, 0 where it is not there. Of what is not `wanted` nothing is counted, and a unit with nothing wanted is none.
 */
export function findPlaces(
  files: Files,
  roots: readonly Root[],
  wanted: (path: string) => boolean,
  sizeOf: (file: string) => number,
): Places {
  const places = new Places();
  const { units } = places;
  const unitAt = (owner: Owner) => {
    owner.unit ??= places.unitOf(owner.path) ?? units.push({ path: owner.path, bytes: 0 }) - 1;
    return owner.unit;
  };
  /** `read`: the files that count for its size, unless it was met before. */
  const add = (found: Omit<Candidate, 'unit' | 'layers'>, owner: Owner, read: readonly string[]) => {
    // A named file that is no blueprint is told of, wanted or not.
    if (!found.named && !wanted(found.path)) return null;
    const known = places.unitOf(found.path);
    const unit = known ?? unitAt(owner);
    const candidate: Candidate = { ...found, unit, layers: 0 };
    places.add(candidate);
    if (known === undefined) for (const file of read) (units[unit] as Unit).bytes += sizeOf(file);
    return candidate;
  };

  /** `owner`: what the JSON files in here belong to; null where each is a unit of its own. */
  const search = (
    root: number,
    folder: string,
    around: Around | null,
    unless: Around | null,
    owner: Owner | null,
    configOf: Candidate | null,
    ignores: readonly IgnoreRules[],
  ): void => {
    const entries = files.list(folder);
    if (entries === null) {
      const found = { path: folder, kind: 'unreadable', root, named: false, unless, around: null } as const;
      add(found, owner ?? { path: folder }, []);
      return;
    }
    const rules = withRulesOf(files, folder, entries, ignores);
    const manifest = entries.find(({ name }) => name === 'manifest.json');
    let here = around;
    let candidate: Candidate | null = null;
    let ofFiles = owner;
    let ofFolders = owner;
    if (manifest !== undefined && !isIgnored(join(folder, 'manifest.json'), false, rules)) {
      here = { folder, manifest: manifest.kind, parent: around };
      const found = { path: folder, kind: 'folder', root, named: false, unless, around: here } as const;
      ofFiles = { path: folder };
      candidate = add(found, ofFiles, layersOf(folder, entries));
      const hasShape = entries.some(
        ({ name, kind }) => kind === 'folder' && (name === 'config' || name === 'payloads'),
      );
      if (hasShape) ofFolders = ofFiles;
    }
    for (const { name, kind } of entries) {
      const path = join(folder, name);
      if (kind === 'folder') {
        if (leftOut.has(name) || name.startsWith('.') || isIgnored(path, true, rules)) continue;
        // What is in the config of a blueprint is its own; only where it is none is it looked into.
        if (name === 'config') search(root, path, here, here ?? unless, ofFiles, candidate, rules);
        else search(root, path, here, unless, ofFolders, null, rules);
      } else if (kind === 'file' && isCandidate(name) && !isIgnored(path, false, rules)) {
        const layer = layerBits.get(name) ?? 0;
        const isLayer = configOf !== null && here === around && layer > 0;
        if (isLayer && places.unitOf(path) === undefined) {
          if (wanted(path)) configOf.layers |= layer;
          continue;
        }
        const about = { root, named: false, unless: here ?? unless, around: null };
        add({ path, kind: 'file', ...about }, ofFiles ?? { path }, ofFiles === null ? [path] : []);
      }
    }
  };

  for (const [root, { path, kind, ignoreAbove }] of roots.entries()) {
    if (kind === 'folder') {
      search(root, path, null, null, null, null, rulesAbove(path, ignoreAbove));
      continue;
    }
    const folder = blueprintFolderOf(files, path);
    const entries = folder === null ? null : (files.list(folder) ?? []);
    const isFolder = folder !== null && entries?.some(({ name }) => name === 'manifest.json') === true;
    const found = { root, named: true, unless: null, around: null };
    if (isFolder)
      add({ path: folder, kind: 'folder', ...found }, { path: folder }, layersOf(folder, entries ?? []));
    else add({ path, kind: 'file', ...found }, { path }, [path]);
  }
  return places;
}

/**
 * The blueprints of these candidates, in their order: what `discover` finds there. Of folders that belong to
 * others only the manifest is read, where it decides about what is looked for below. A named file that is
 * no blueprint is reported with the index of its root.
 */
export function* discoverShare(
  files: Files,
  roots: readonly Root[],
  candidates: readonly Candidate[],
  wanted: (path: string) => boolean,
  notBlueprint: (path: string, root: number) => void,
): Generator<{ blueprint: Blueprint; root: number }> {
  const isWithin = (around: Around | null): boolean => {
    if (around === null) return false;
    around.isBlueprint ??=
      isWithin(around.parent) || isBlueprintFolder(files, around.folder, around.manifest);
    return around.isBlueprint;
  };
  const load = ({ path, kind, named, unless, around }: Candidate): Blueprint | null => {
    if (isWithin(unless)) return null;
    if (kind === 'unreadable') return unreadableFolder(path);
    if (kind === 'file') return loadFile(files, path, named);
    const entries = files.list(path) ?? [];
    const manifest = entries.find(({ name }) => name === 'manifest.json');
    const blueprint = manifest === undefined ? null : loadFolder(files, path, manifest, entries, named);
    if (around !== null) around.isBlueprint = blueprint !== null || isWithin(around.parent);
    return blueprint;
  };
  /** The layers of a folder that is no blueprint's and in none. */
  const layersAlone = (candidate: Candidate): Blueprint[] =>
    isWithin(candidate.around)
      ? []
      : layerPaths(candidate).flatMap((path) => loadFile(files, path, false) ?? []);
  const seen = new Set<string>();
  for (const candidate of candidates) {
    const { root, named } = candidate;
    const blueprint = load(candidate);
    if (blueprint === null && named) notBlueprint((roots[root] as Root).path, root);
    for (const found of blueprint === null ? layersAlone(candidate) : [blueprint]) {
      if (seen.has(found.path)) continue;
      seen.add(found.path);
      if (!named || wanted(found.path)) yield { blueprint: found, root };
    }
  }
}

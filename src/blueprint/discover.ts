import type { Document } from '../document/document.ts';
import { locate, parseDocument } from '../document/document.ts';
import type { Files, FolderEntry, Read } from '../document/files.ts';
import type { Finding, Severity } from '../findings/finding.ts';
import { finding } from '../findings/finding.ts';
import { quote } from '../text/text.ts';
import { isObject } from './config.ts';
import type { Rules } from './ignore.ts';
import { parseIgnore } from './ignore.ts';

/** One blueprint with the documents of its layers, or what kept them from being read. */
export interface Blueprint {
  /** Folder or file, as people write it. */
  path: string;
  kind: 'folder' | 'file';
  /** Null for a single file, and where it cannot be read. */
  manifest: Document | null;
  /** Config layers, lowest first: default.json, overwrite.json; the file itself for a single file. */
  configs: Document[];
  /** What cannot be read. Where there is any, the effective config is not known and nothing else is checked. */
  findings: Finding[];
}

/** The documents of a blueprint: its manifest, then its configs, lowest first. */
export function documentsOf({ manifest, configs }: Blueprint): readonly Document[] {
  return manifest === null ? configs : [manifest, ...configs];
}

/** What the blueprint calls itself: `identity.id`, `id`, else the name of its folder or file. */
export function blueprintId(blueprint: Blueprint): string {
  for (const { value } of documentsOf(blueprint)) {
    if (!isObject(value)) continue;
    const identity = isObject(value['identity'])
      ? (value['identity']['id'] ?? value['identity']['blueprint_id'])
      : undefined;
    for (const id of [identity, value['id']]) if (typeof id === 'string' && id !== '') return id;
  }
  return (blueprint.path.split('/').at(-1) ?? blueprint.path).replace(/\.json$/, '');
}

/** Where to look: a folder to search, or a file that was named. */
export interface Root {
  path: string;
  kind: 'folder' | 'file';
  /** The `.gitignore` files above it, outermost first, each with the path from its folder down to the root. */
  ignoreAbove: { text: string; below: string }[];
}

/** Folders that never hold blueprints. Names that begin with a dot are left out too, unless named. */
export const leftOut = new Set(['node_modules', 'payloads']);

/** A `.gitignore` in force, and how a path becomes relative to its folder. */
export interface IgnoreRules {
  rules: Rules;
  /** What to take off the front of the path. */
  folder: string;
  /** What to put there instead; not empty for a file above the root. */
  below: string;
}

/**
 * The blueprints below the roots, in stable order, each once, one at a time:
 * nothing is kept of the ones before. A named file that is no blueprint is
 * reported to `notBlueprint`; `wanted` is the include and exclude globs.
 */
export function* discover(
  files: Files,
  roots: readonly Root[],
  wanted: (path: string) => boolean,
  notBlueprint: (path: string) => void,
): Generator<Blueprint> {
  // One search comes by every place once.
  const seen = roots.length > 1 ? new Set<string>() : null;
  function* once(blueprint: Blueprint | null): Generator<Blueprint> {
    if (blueprint === null || seen?.has(blueprint.path)) return;
    seen?.add(blueprint.path);
    if (wanted(blueprint.path)) yield blueprint;
  }

  function* search(folder: string, inside: boolean, ignores: readonly IgnoreRules[]): Generator<Blueprint> {
    const entries = files.list(folder);
    if (entries === null) {
      // What cannot be looked into may hold blueprints, or a database's files: worth a warning, not an error.
      yield* once(unreadableFolder(folder));
      return;
    }
    const rules = withRulesOf(files, folder, entries, ignores);
    let isBlueprint = inside;
    const manifest = entries.find(({ name }) => name === 'manifest.json');
    if (manifest !== undefined && !isIgnored(join(folder, 'manifest.json'), false, rules)) {
      const blueprint = loadFolder(files, folder, manifest, entries, false);
      isBlueprint ||= blueprint !== null;
      yield* once(blueprint);
    }
    for (const { name, kind } of entries) {
      const path = join(folder, name);
      if (kind === 'folder') {
        if (leftOut.has(name) || name.startsWith('.') || (isBlueprint && name === 'config')) continue;
        if (!isIgnored(path, true, rules)) yield* search(path, isBlueprint, rules);
      } else if (kind === 'file' && !isBlueprint && isCandidate(name) && !isIgnored(path, false, rules)) {
        yield* once(loadFile(files, path, false));
      }
    }
  }

  for (const { path, kind, ignoreAbove } of roots) {
    if (kind === 'folder') {
      yield* search(path, false, rulesAbove(path, ignoreAbove));
      continue;
    }
    const folder = blueprintFolderOf(files, path);
    const entries = folder === null ? null : (files.list(folder) ?? []);
    const manifest = entries?.find(({ name }) => name === 'manifest.json');
    const blueprint =
      folder !== null && entries !== null && manifest !== undefined
        ? loadFolder(files, folder, manifest, entries, true)
        : loadFile(files, path, true);
    if (blueprint === null) notBlueprint(path);
    yield* once(blueprint);
  }
}

/** The rules in force where a search begins. */
export function rulesAbove(folder: string, ignoreAbove: Root['ignoreAbove']): IgnoreRules[] {
  return (
    ignoreAbove
      .map(({ text, below }) => ({ folder, below, rules: parseIgnore(text) }))
      // Who names an ignored folder means it.
      .filter(({ rules, below }) => rules.test(`${below}/`) !== 'ignored')
  );
}

/** The rules in force in a folder: its own come last. */
export function withRulesOf(
  files: Files,
  folder: string,
  entries: readonly FolderEntry[],
  ignores: readonly IgnoreRules[],
): readonly IgnoreRules[] {
  const isThere = entries.some(({ name, kind }) => name === '.gitignore' && kind === 'file');
  const read = isThere ? files.read(join(folder, '.gitignore')) : null;
  return read?.ok ? [...ignores, { folder, below: '', rules: parseIgnore(read.text) }] : ignores;
}

/** `folder/name`, without a leading `./`. */
export function join(folder: string, name: string): string {
  return folder === '' || folder === '.'
    ? name
    : folder.endsWith('/')
      ? `${folder}${name}`
      : `${folder}/${name}`;
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '.' : slash === 0 ? '/' : path.slice(0, slash);
}

/** The blueprint folder that a named file belongs to: its manifest, or one of its config layers. */
export function blueprintFolderOf(files: Files, path: string): string | null {
  if (path === 'manifest.json' || path.endsWith('/manifest.json')) return parentOf(path);
  const layer = /^(?:(.*)\/)?config\/(?:default|overwrite)\.json$/.exec(path);
  if (layer === null) return null;
  const folder = layer[1] ?? '.';
  return files.hasFile(join(folder, 'manifest.json')) ? folder : null;
}

/** JSON files that may be a blueprint of their own; examples never are. */
export function isCandidate(name: string): boolean {
  return name.endsWith('.json') && name !== 'manifest.json' && !name.endsWith('.example.json');
}

export function isIgnored(path: string, isFolder: boolean, ignores: readonly IgnoreRules[]): boolean {
  let ignored = false;
  for (const { rules, folder, below } of ignores) {
    const relative = join(
      below,
      folder === '' || folder === '.' ? path : path.slice(join(folder, '').length),
    );
    const result = rules.test(isFolder ? `${relative}/` : relative);
    if (result !== null) ignored = result === 'ignored';
  }
  return ignored;
}

/** Whether a manifest belongs to MirrorNeuron, and not to a browser extension or a web page. */
function isManifest(value: unknown): boolean {
  return (
    isObject(value) &&
    (Object.hasOwn(value, 'apiVersion') || Object.hasOwn(value, 'workflow') || declaresModels(value))
  );
}

/** Whether a value has a section that can declare models. */
function declaresModels(value: Record<string, unknown>): boolean {
  return (
    isObject(value['llm']) ||
    isObject(value['knowledge_rag']) ||
    isObject(value['input_skills']) ||
    (isObject(value['runtime']) && isObject(value['runtime']['models']))
  );
}

/** The blueprint in a folder that has something called manifest.json; null where that is no blueprint's. */
export function loadFolder(
  files: Files,
  folder: string,
  manifestEntry: FolderEntry,
  entries: readonly FolderEntry[],
  named: boolean,
): Blueprint | null {
  const blueprint: Blueprint = { path: folder, kind: 'folder', manifest: null, configs: [], findings: [] };
  const configEntry = entries.find(({ name }) => name === 'config');
  const configFolder = join(folder, 'config');
  const layers = configEntry?.kind === 'folder' ? layersIn(files, configFolder) : [];
  const hasDefault = layers?.some(({ name }) => name === 'default.json') ?? false;
  // Without a config beside it, a broken manifest.json may well be somebody else's.
  const severity: Severity = hasDefault || named ? 'error' : 'warning';

  const manifest = loadDocument(files, join(folder, 'manifest.json'), manifestEntry.kind, severity);
  if (manifest.ok) {
    if (!isManifest(manifest.document.value) && !(named && isObject(manifest.document.value))) return null;
    blueprint.manifest = manifest.document;
  } else {
    blueprint.findings.push(manifest.finding);
  }
  if (layers === null) {
    blueprint.findings.push(
      finding(
        'file-unreadable',
        { reason: 'the folder config may not be read', fix: 'Make the folder readable.' },
        { location: { file: configFolder, pointer: '', range: null } },
      ),
    );
  }
  if (configEntry?.kind === 'other') {
    blueprint.findings.push(
      finding(
        'file-unreadable',
        {
          reason: 'config is a link to a folder, and such links are not followed',
          fix: 'Put the folder itself here.',
        },
        { location: { file: configFolder, pointer: '', range: null } },
      ),
    );
  }
  for (const { name, kind, read } of layers ?? []) {
    const layer = loadDocument(files, join(configFolder, name), kind, 'error', read);
    if (!layer.ok) blueprint.findings.push(layer.finding);
    else if (isObject(layer.document.value)) blueprint.configs.push(layer.document);
    else blueprint.findings.push(notAnObject(layer.document));
  }
  return blueprint;
}

interface Layer extends FolderEntry {
  /** Absent where it is not read yet. */
  read?: Read;
}

const layerNames = ['default.json', 'overwrite.json'];

/**
 * The config layers in a folder, lowest first; null where it may not be read. Nearly every blueprint has both as plain
 * files: reading them at once spares listing the folder, which takes longer than reading.
 */
function layersIn(files: Files, configFolder: string): Layer[] | null {
  const layers: Layer[] = [];
  for (const name of layerNames) {
    const text = files.readPlain?.(join(configFolder, name)) ?? null;
    if (text === null) break;
    layers.push({ name, kind: 'file', read: { ok: true, text } });
  }
  if (layers.length === layerNames.length) return layers;
  const entries = files.list(configFolder);
  if (entries === null) return null;
  return layerNames.flatMap((name) => entries.find((entry) => entry.name === name) ?? []);
}

function notAnObject(document: Document): Finding {
  const range = locate(document, ['']).get('') ?? null;
  return finding(
    'invalid-field',
    { field: 'The file', expected: 'an object', found: quote(document.value) },
    { location: { file: document.file, pointer: '', range } },
  );
}

export function unreadableFolder(path: string): Blueprint {
  const unreadable = finding(
    'file-unreadable',
    { reason: 'the folder cannot be looked into', fix: 'Make it readable, or leave it out with --exclude.' },
    { location: { file: path, pointer: '', range: null }, severity: 'warning' },
  );
  return { path, kind: 'folder', manifest: null, configs: [], findings: [unreadable] };
}

/** Whether a folder's manifest.json is a blueprint's, or cannot be read so that it may be; without its config. */
export function isBlueprintFolder(files: Files, folder: string, kind: FolderEntry['kind']): boolean {
  const manifest = loadDocument(files, join(folder, 'manifest.json'), kind, 'warning');
  return !manifest.ok || isManifest(manifest.document.value);
}

/** A single JSON file as a blueprint; null where it is none, and, unless it was named, where it cannot be read. */
export function loadFile(files: Files, path: string, named: boolean): Blueprint | null {
  const blueprint: Blueprint = { path, kind: 'file', manifest: null, configs: [], findings: [] };
  const read = files.read(path);
  // Most JSON files of a repository are no blueprints: a look at the text spares parsing them.
  if (!named && (!read.ok || !read.text.includes('"llm"'))) return null;
  const loaded = loadDocument(files, path, 'file', 'error', read);
  if (!loaded.ok) {
    if (!named) return null;
    blueprint.findings.push(loaded.finding);
    return blueprint;
  }
  const { value } = loaded.document;
  if (!isObject(value) || !(named ? declaresModels(value) : isObject(value['llm']))) return null;
  blueprint.configs.push(loaded.document);
  return blueprint;
}

type Loaded = { ok: true; document: Document } | { ok: false; finding: Finding };

function loadDocument(
  files: Files,
  file: string,
  kind: FolderEntry['kind'],
  severity: Severity,
  already?: ReturnType<Files['read']>,
): Loaded {
  const unreadable = (reason: string, fix: string): Loaded => ({
    ok: false,
    finding: finding(
      'file-unreadable',
      { reason, fix },
      { location: { file, pointer: '', range: null }, severity },
    ),
  });
  if (kind === 'folder') return unreadable('it is a folder', 'Rename the folder, or put a file here.');
  if (kind === 'other') {
    return unreadable('it is a link that leads nowhere, or no regular file', 'Put a regular file here.');
  }
  const read = already ?? files.read(file);
  if (!read.ok) return unreadable(read.reason, read.fix);
  const parsed = parseDocument(file, read.text);
  if (parsed.ok) return parsed;
  const { reason, fix, range } = parsed.problem;
  return {
    ok: false,
    finding: finding('invalid-json', { reason, fix }, { location: { file, pointer: '', range }, severity }),
  };
}

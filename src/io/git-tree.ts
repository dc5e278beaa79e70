import { relative, resolve, sep } from 'node:path';
import type { Files, FolderEntry, Read } from '../document/files.ts';
import { decode, leadsOutside, maxFileBytes, tooLarge, unreadable } from './files.ts';
import type { Repository } from './git.ts';
import { partial } from './git.ts';

interface Entry {
  kind: 'file' | 'folder' | 'link' | 'submodule';
  /** Empty for a folder. */
  oid: string;
}

/** What stands at a path, once links are followed. */
type Found =
  | { kind: 'file'; oid: string; path: string; tree: Tree }
  | { kind: 'folder'; path: string; tree: Tree }
  | { kind: 'missing' | 'outside' | 'loop' };

const kinds = new Map<string, Entry['kind']>([
  ['100644', 'file'],
  ['100664', 'file'],
  ['100755', 'file'],
  ['120000', 'link'],
  ['160000', 'submodule'],
]);

/** As many links, and names as long, as Linux follows. */
const mostLinks = 40;
const longestPath = 4096;
/** How much is read ahead: files, and bytes of them. */
const batchFiles = 1000;
const batchBytes = 16 * 1024 * 1024;

/** The files of one commit. Paths are relative to the root of its repository. */
export class Tree {
  readonly #repository: Repository;
  readonly #folders = new Map<string, Map<string, Entry>>();
  /** The files that a search may read, in the order of their paths, and where each stands. */
  #likely: string[] = [];
  #position = new Map<string, number>();
  /** What was read last, and before that. A search goes through the paths in order, so more is not kept. */
  #texts = new Map<string, Read>();
  #older = new Map<string, Read>();
  readonly #submodules = new Map<string, Tree | null>();

  /** Throws a GitError where the commit cannot be listed. */
  constructor(repository: Repository, commit: string) {
    this.#repository = repository;
    this.#folders.set('', new Map());
    const listing = repository.run(['ls-tree', '-r', '-z', '--full-tree', commit]) as Buffer;
    for (let at = 0; at < listing.length; ) {
      const end = listing.indexOf(0, at);
      // `100644 blob <oid>`, a tab, and the path: any bytes but NUL, read as the file system's names are.
      const tab = listing.indexOf(9, at);
      const [mode = '', , oid = ''] = listing.toString('latin1', at, tab).split(' ');
      const kind = kinds.get(mode);
      const isShort = end - tab <= longestPath;
      if (kind !== undefined && isShort) this.#add(listing.toString('utf8', tab + 1, end), { kind, oid });
      at = end + 1;
    }
  }

  #add(path: string, entry: Entry): void {
    const { folder, name } = split(path);
    this.#folder(folder).set(name, entry);
    const isRead = entry.kind === 'link' || (entry.kind === 'file' && isLikely(path));
    if (!isRead) return;
    this.#position.set(path, this.#likely.length);
    this.#likely.push(entry.oid);
  }

  #folder(path: string): Map<string, Entry> {
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const { folder, name } = split(path);
    this.#folder(folder).set(name, { kind: 'folder', oid: '' });
    const made = new Map<string, Entry>();
    this.#folders.set(path, made);
    return made;
  }

  /** Of JSON files, only these are read ahead from now on: a search that leaves most of them out says which. */
  expect(paths: ReadonlySet<string>): void {
    const kept = [...this.#position].filter(([path]) => !path.endsWith('.json') || paths.has(path));
    this.#likely = kept.map(([, position]) => this.#likely[position] as string);
    this.#position = new Map(kept.map(([path], index) => [path, index]));
  }

  list(path: string): FolderEntry[] {
    const found = this.find(path);
    if (found.kind !== 'folder') return [];
    const entries = found.tree.#folders.get(found.path) ?? [];
    return [...entries]
      .map(([name, { kind }]) => ({
        name,
        kind:
          kind === 'submodule'
            ? ('folder' as const)
            : kind !== 'link'
              ? kind
              : this.find(path === '' ? name : `${path}/${name}`).kind === 'file'
                ? ('file' as const)
                : ('other' as const),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /** Throws a GitError where the clone does not have the file's contents. */
  read(path: string): Read {
    const found = this.find(path);
    if (found.kind === 'file') return found.tree.#text(found.oid, found.path);
    if (found.kind === 'outside') return leadsOutside;
    return unreadable(found.kind === 'loop' ? 'ELOOP' : found.kind === 'folder' ? 'EISDIR' : 'ENOENT');
  }

  /** The paths of all files. */
  *paths(): Generator<string> {
    for (const [folder, entries] of this.#folders) {
      for (const [name, { kind }] of entries) {
        if (kind === 'file') yield folder === '' ? name : `${folder}/${name}`;
      }
    }
  }

  find(path: string): Found {
    const rest = path.split('/').reverse();
    const at: string[] = [];
    for (let links = 0; rest.length > 0; ) {
      const name = rest.pop() as string;
      if (name === '' || name === '.') continue;
      if (name === '..') {
        if (at.pop() === undefined) return { kind: 'outside' };
        continue;
      }
      const entry = this.#folders.get(at.join('/'))?.get(name);
      if (entry === undefined) return { kind: 'missing' };
      if (entry.kind === 'folder') at.push(name);
      else if (entry.kind === 'submodule') {
        const tree = this.#submodule([...at, name].join('/'), entry.oid);
        return tree?.find(rest.reverse().join('/')) ?? { kind: 'missing' };
      } else if (entry.kind === 'link') {
        const text = this.#text(entry.oid, [...at, name].join('/'));
        if (!text.ok || /^(?:\/|[A-Za-z]:)/.test(text.text)) return { kind: 'outside' };
        if (++links > mostLinks || text.text.length > longestPath) return { kind: 'loop' };
        rest.push(...text.text.split('/').reverse());
      } else {
        return rest.length > 0
          ? { kind: 'missing' }
          : { kind: 'file', oid: entry.oid, path: [...at, name].join('/'), tree: this };
      }
    }
    return { kind: 'folder', path: at.join('/'), tree: this };
  }

  /** A submodule as this commit has it; null where it, or that commit of it, is not checked out. */
  #submodule(path: string, commit: string): Tree | null {
    let tree = this.#submodules.get(path);
    if (tree === undefined) {
      const repository = this.#repository.submodule(path);
      tree = repository?.has(commit) ? repository.tree(commit) : null;
      this.#submodules.set(path, tree);
    }
    return tree;
  }

  #text(oid: string, path: string): Read {
    const known = this.#texts.get(oid) ?? this.#older.get(oid);
    if (known !== undefined) return known;
    const position = this.#position.get(path);
    if (position === undefined) {
      for (const [name, text] of this.#readAll([oid], oid)) this.#texts.set(name, text);
    } else {
      // A blueprint's config stands before its manifest, which is read first.
      const from = Math.max(0, position - 16);
      this.#older = this.#texts;
      this.#texts = this.#readAll([...new Set(this.#likely.slice(from, from + batchFiles))], oid);
    }
    return this.#texts.get(oid) as Read;
  }

  /** Reads files, as many as fit; this one among them. */
  #readAll(wanted: readonly string[], oid: string): Map<string, Read> {
    const texts = new Map<string, Read>();
    const chosen: string[] = [];
    let bytes = 0;
    for (const [index, object] of this.#repository.objects(wanted).entries()) {
      const name = wanted[index] as string;
      if (object === null) {
        if (name === oid) throw partial();
      } else if (object.size > maxFileBytes) {
        texts.set(name, tooLarge);
      } else if (name === oid || bytes + object.size <= batchBytes) {
        bytes += object.size;
        chosen.push(name);
      }
    }
    for (const [name, content] of this.#repository.contents(chosen))
      texts.set(name, decode(content, content.length));
    if (!texts.has(oid)) throw partial();
    return texts;
  }
}

/** What a search for blueprints reads: JSON, and what leaves files out. */
function isLikely(path: string): boolean {
  return /(?:\.json|(?:^|\/)\.gitignore)$/.test(path) && !/(?:^|\/)(?:node_modules|payloads)\//.test(path);
}

function split(path: string): { folder: string; name: string } {
  const slash = path.lastIndexOf('/');
  return slash < 0
    ? { folder: '', name: path }
    : { folder: path.slice(0, slash), name: path.slice(slash + 1) };
}

/** A path relative to a folder, with `/`; null where it leads out of it. */
export function pathBelow(folder: string, path: string): string | null {
  const below = relative(folder, resolve(path)).replaceAll(sep, '/');
  return below === '..' || below.startsWith('../') || /^(?:\/|[A-Za-z]:)/.test(below) ? null : below;
}

/**
 * The files of a commit as the pure rooms see them: paths are relative to the
 * current folder, as those of the work tree. What lies outside of the
 * repository comes from `outside`.
 */
export function treeFiles(tree: Tree, below: (path: string) => string | null, outside: Files): Files {
  return {
    list(folder) {
      const path = below(folder);
      return path === null ? outside.list(folder) : tree.list(path);
    },
    read(file) {
      const path = below(file);
      return path === null ? outside.read(file) : tree.read(path);
    },
    hasFile(file) {
      const path = below(file);
      return path === null ? outside.hasFile(file) : tree.find(path).kind === 'file';
    },
  };
}

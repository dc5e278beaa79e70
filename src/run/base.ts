import { resolve } from 'node:path';
import type { Root } from '../blueprint/discover.ts';
import { join } from '../blueprint/discover.ts';
import type { Files } from '../document/files.ts';
import type { Target } from '../hardware/facts.ts';
import { thisMachineId } from '../hardware/facts.ts';
import { defaultTargetsFile, isTargetsFile } from '../hardware/select.ts';
import { nodeFiles } from '../io/files.ts';
import type { Repository } from '../io/git.ts';
import { GitError } from '../io/git.ts';
import type { Tree } from '../io/git-tree.ts';
import { pathBelow, treeFiles } from '../io/git-tree.ts';
import { loadCatalogs } from './catalogs.ts';
import type { CompareWith } from './compare.ts';
import { shownPath } from './repository.ts';
import type { RunOptions } from './run.ts';
import { chooseTargets } from './targets.ts';
import { UsageError } from './usage-error.ts';
import type { Version } from './version.ts';

/**
 * The commit to compare with: where the work tree's branch left the base, so
 * that what others changed there since does not count; the base itself where
 * the clone does not know that.
 */
export function baseCommit(
  repository: Repository,
  { ref, mergeCommit }: Pick<CompareWith, 'ref' | 'mergeCommit'>,
  otherwise = ', or the input compare to none',
): string {
  const head = repository.commit('HEAD');
  if (head === mergeCommit) {
    const [first, second] = repository.parents(head);
    if (first !== undefined && second !== undefined) {
      if (repository.has(first)) return first;
      throw new GitError(
        `the checkout has only the last commit. Set fetch-depth: 2 in actions/checkout${otherwise}.`,
      );
    }
  }
  const base = repository.commit(ref);
  return repository.mergeBase(base, head) ?? base;
}

/** The base: a commit, seen from the current folder as the work tree is. */
export class Base {
  readonly #tree: Tree;
  readonly #repository: string;
  readonly #roots: readonly string[];
  readonly #renames: ReadonlyMap<string, string>;
  /** Blueprint folders that were renamed: the name now -> the name then. */
  readonly #folders = new Map<string, string>();

  constructor(repository: Repository, commit: string, repositoryFolder: string) {
    this.#tree = repository.tree(commit);
    this.#repository = repositoryFolder;
    this.#roots = [resolve(repositoryFolder), repository.root];
    this.#renames = repository.renames(commit);
    for (const [now, then] of this.#renames) {
      const [folder, folderThen] = [folderOf(now), folderOf(then)];
      if (folder !== null && folderThen !== null) this.#folders.set(folder, folderThen);
    }
  }

  /** The path from the root of the repository; null where it is outside. */
  readonly #below = (path: string): string | null => {
    for (const root of this.#roots) {
      const below = pathBelow(root, path);
      if (below !== null) return below;
    }
    return null;
  };

  /** What a path of the base is called in both versions. */
  readonly name = (path: string): string => this.#below(path) ?? path;

  /** What a path of the work tree is called in both versions: by its name in the base. */
  readonly nameBefore = (path: string): string => {
    const below = this.#below(path);
    return below === null ? path : this.#before(below);
  };

  #before(path: string): string {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = this.#folders.get(path.slice(0, end));
      if (folder !== undefined) return folder + path.slice(end);
    }
    return this.#renames.get(path) ?? path;
  }

  /** Says which blueprints are looked at, by their paths, where those are not all. */
  expect(paths: Iterable<string>): void {
    const wanted = new Set<string>();
    for (const path of paths) {
      const below = this.#below(path);
      if (below === null) continue;
      for (const layer of ['', 'manifest.json', 'config/default.json', 'config/overwrite.json'])
        wanted.add(layer === '' ? below : join(below, layer));
    }
    this.#tree.expect(wanted);
  }

  /** The base as a check needs it, with its own catalogs and targets. */
  async version(now: Version, options: RunOptions): Promise<Version> {
    const outside = nodeFiles([options.outside ? '/' : '.']);
    const files = treeFiles(this.#tree, this.#below, outside);
    return {
      files,
      roots: now.roots.flatMap((root) => this.#root(root)),
      searched: now.searched,
      wanted: now.wanted,
      affected: null,
      targets: { ...now.targets, targets: await this.#targets(now, options, files) },
      catalogs: await loadCatalogs(this.#repository, options.catalogs, options.env, files, {
        files,
        anywhere: treeFiles(this.#tree, this.#below, nodeFiles(['/'])),
        expand: (pattern) => this.#expand(pattern),
        mayBeMissing: true,
      }),
      sieve: null,
      installed: now.installed,
      beside: now.beside,
    };
  }

  /** A root of the work tree in the base; none where it is new. */
  #root(root: Root): Root[] {
    const below = this.#below(root.path);
    if (below === null) return [root];
    const then = this.#before(below);
    const { kind } = this.#tree.find(then);
    if (kind !== 'file' && kind !== 'folder') return [];
    const path = then === below ? root.path : shownPath(join(this.#repository, then));
    return [{ path, kind, ignoreAbove: kind === 'folder' ? this.#ignoreAbove(then) : [] }];
  }

  #ignoreAbove(folder: string): Root['ignoreAbove'] {
    const parts = folder === '' ? [] : folder.split('/');
    return parts.flatMap((_, depth) => {
      const read = this.#tree.read(join(parts.slice(0, depth).join('/'), '.gitignore'));
      return read.ok ? [{ text: read.text, below: parts.slice(depth).join('/') }] : [];
    });
  }

  async #expand(pattern: string): Promise<string[]> {
    const { default: picomatch } = await import('picomatch');
    const matches = picomatch(pattern.replace(/^\.\//, ''), { dot: true });
    const shown = [...this.#tree.paths()].map((path) => shownPath(join(this.#repository, path)));
    return shown.filter((path) => matches(path)).sort();
  }

  /** Whether a version has a targets file that nobody needs to name. */
  #hasTargetsFile(files: Files): boolean {
    const found = defaultTargetsFile((path) => files.hasFile(join(this.#repository, path)));
    return !found.ok || found.file !== null;
  }

  /** The targets of the base; none where its targets file is missing or wrong. */
  async #targets(now: Version, options: RunOptions, files: Files): Promise<Target[]> {
    const named = options.targets.flatMap((spec) => spec.split(',')).map((spec) => spec.trim());
    const hasOwn = this.#hasTargetsFile(files);
    const isInFile = named.length > 0 ? named.some(isTargetsFile) : hasOwn || this.#hasTargetsFile(now.files);
    if (!isInFile) return now.targets.targets;
    if (named.length === 0 && !hasOwn) return [];
    try {
      const { targets } = await chooseTargets(
        {
          specs: options.targets,
          only: [],
          settings: options.settings,
          whenNobodyChose: options.whenNobodyChose,
          detected: now.targets.targets.find(({ id }) => id === thisMachineId),
        },
        this.#repository,
        files,
      );
      return targets.filter(({ id }) => options.only.length === 0 || options.only.includes(id));
    } catch (error) {
      if (error instanceof UsageError) return [];
      throw error;
    }
  }
}

/** The folder of a blueprint, by a path of its manifest or main config; null for any other file. */
function folderOf(path: string): string | null {
  return /^(.+)\/(?:manifest|config\/default)\.json$/.exec(path)?.[1] ?? null;
}

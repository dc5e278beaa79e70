import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path';

/** The root of the repository that a folder belongs to, relative to the current one; the folder itself outside of one. */
export function repositoryOf(folder: string): string {
  for (let path = resolve(folder); ; ) {
    if (existsSync(`${path}/.git`)) return relative(resolve('.'), path).replaceAll(sep, '/') || '.';
    const parent = resolve(path, '..');
    if (parent === path) return folder;
    path = parent;
  }
}

/** One name for one place, so that a blueprint named twice is one: relative where it lies below the current folder. */
export function shownPath(path: string): string {
  const below = relative('.', path).replaceAll(sep, '/');
  const leavesFolder = below === '..' || below.startsWith('../') || isAbsolute(below);
  if (!leavesFolder) return below || '.';
  return path.replaceAll(sep, '/').replace(/(.)\/+$/, '$1');
}

/**
 * Turns paths of this run, which lead from the current folder, into paths from
 * the root of the repository. What lies outside of it keeps its name.
 */
export function pathsFrom(repository: string): (path: string) => string {
  const root = resolve(repository);
  return (path) => {
    // `~/…` and `$MN_HOME/…` are names of catalogs outside, not paths.
    if (/^[~$]/.test(path)) return path;
    const below = relative(root, resolve(path));
    return leadsOut(below) ? path : below.replaceAll(sep, '/') || '.';
  };
}

/** Whether a relative path leads out of the folder that it begins in. */
export function leadsOut(path: string): boolean {
  return path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path);
}

/** `.git` in the spellings that file systems take for it. */
export function isGitFolder(name: string): boolean {
  return /^(?:\.git|git~\d+)[. ]*$/i.test(name);
}

/** Where a path really leads; of what does not exist, by the folder that it would be in. */
export function realPlace(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : resolve(realPlace(folder), basename(path));
  }
}

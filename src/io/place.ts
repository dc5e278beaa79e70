import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';

/** Where a file is to be written, and with which permission bits; undefined for a new one. */
export interface Place {
  path: string;
  mode: number | undefined;
}

/**
 * The place of a file of a workspace, with links followed; null where they lead out of it, as what a repository
 * brings may do. The file and its folder may be missing.
 */
export function placeIn(workspace: string, path: string): Place | null {
  const place = placeOf(path);
  const root = realpathSync(workspace);
  return place.path.startsWith(root.endsWith(sep) ? root : root + sep) ? place : null;
}

/** The place of a file that somebody named: it may be anywhere. Throws what the file system throws. */
export function placeOf(path: string): Place {
  if (existsSync(path)) return { path: realpathSync(path), mode: statSync(path).mode & 0o7777 };
  let folder = dirname(resolve(path));
  const missing = [basename(path)];
  for (; !existsSync(folder); folder = dirname(folder)) missing.unshift(basename(folder));
  return { path: join(realpathSync(folder), ...missing), mode: undefined };
}

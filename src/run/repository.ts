import { existsSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';

/** The root of the repository that a folder belongs to, relative to the current one; the folder itself outside of one. */
export function repositoryOf(folder: string): string {
  for (let path = resolve(folder); ; ) {
    if (existsSync(`${path}/.git`)) return relative(resolve('.'), path).replaceAll(sep, '/') || '.';
    const parent = resolve(path, '..');
    if (parent === path) return folder;
    path = parent;
  }
}

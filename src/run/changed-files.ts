import { resolve } from 'node:path';
import { join } from '../blueprint/discover.ts';
import type { Files } from '../document/files.ts';
import { count, short } from '../text/text.ts';
import type { Affected } from './affected.ts';
import { shownPath } from './repository.ts';

/** The blueprints that changed files belong to. */
export interface OfChangedFiles extends Pick<Affected, 'has' | 'words'> {
  /** The same files; its folders list only what leads to a changed file, and what a blueprint is made of. */
  files: Files;
}

/** What may make a file on the way to a changed one a blueprint's, or leave it out. */
const always = new Set(['manifest.json', 'config', '.gitignore']);

/**
 * Finds the blueprints that `changed` belong to as a search of the whole repository would: what it leaves out is
 * left out, and no other folder is looked into. A file that is gone counts for its blueprint. Where one of them is
 * in `.mn` of the repository, or is in `concernAll`, nothing is left out.
 */
export function ofChangedFiles(
  changed: readonly string[],
  repository: string,
  concernAll: Iterable<string>,
  files: Files,
): OfChangedFiles {
  const paths = changed.map(shownPath);
  const common = new Set([...concernAll].map((path) => resolve(path)));
  const settings = resolve(repository, '.mn');
  const setting = paths.find((path) => common.has(resolve(path)) || isBelow(resolve(path), settings));
  if (setting !== undefined) {
    return { files, has: () => true, words: () => `Nothing was left out: ${short(setting)} changed.` };
  }
  // The changed files, and every folder that one of them is in.
  const leading = new Set(['.']);
  for (const path of paths) {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1))
      leading.add(path.slice(0, end));
  }
  return {
    files: {
      ...files,
      list(folder) {
        const entries = files.list(folder);
        // A config folder is its blueprint's, with all layers.
        if (folder === 'config' || folder.endsWith('/config')) return entries;
        return entries?.filter(({ name }) => always.has(name) || leading.has(join(folder, name))) ?? null;
      },
    },
    has: ({ path }) => leading.has(path),
    words: () => `Checked only blueprints that ${count(paths.length, 'changed file')} can belong to.`,
  };
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder) && /^[\\/]/.test(path.slice(folder.length));
}

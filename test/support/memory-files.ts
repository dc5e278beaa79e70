import type { Files, FolderEntry, Read } from '../../src/document/files.ts';

/** What stands at a path: text, or something that no text can be read from. */
export type Entry = string | { kind: 'other' } | { reason: string; fix: string };

/** Files in memory, by path. Folders follow from the paths; `x/` is an empty folder, or one that may not be looked into. */
export function memoryFiles(tree: Readonly<Record<string, Entry>>): Files & { reads: string[] } {
  const entries = new Map(Object.entries(tree));
  const reads: string[] = [];
  const missing: Read = {
    ok: false,
    missing: true,
    reason: 'it is not there',
    fix: 'Put a readable file here.',
  };
  return {
    reads,
    list(folder) {
      const prefix = folder === '.' || folder === '' ? '' : `${folder}/`;
      const found = new Map<string, FolderEntry['kind']>();
      for (const [path, entry] of entries) {
        if (!path.startsWith(prefix) || path === prefix) continue;
        const [name = '', ...deeper] = path.slice(prefix.length).split('/');
        if (deeper.length > 0) found.set(name, 'folder');
        else found.set(name, typeof entry === 'object' && 'kind' in entry ? 'other' : 'file');
      }
      const folderItself = entries.get(prefix);
      if (typeof folderItself === 'object') return null;
      return [...found].map(([name, kind]) => ({ name, kind })).sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    read(file) {
      reads.push(file);
      const entry = entries.get(file);
      if (entry === undefined) return missing;
      if (typeof entry === 'string') return { ok: true, text: entry };
      return 'reason' in entry
        ? { ok: false, missing: false, ...entry }
        : { ok: false, missing: false, reason: 'it cannot be read', fix: 'Put a readable file here.' };
    },
    hasFile: (file) => typeof entries.get(file) === 'string',
  };
}

import { isUtf8 } from 'node:buffer';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import type { Files, FolderEntry, Read } from '../document/files.ts';

/** No blueprint or catalog is near this size; a larger file is somebody's mistake or an attack. */
export const maxFileBytes = 16 * 1024 * 1024;

const foldersRemembered = 1000;

// Most files fit in one read into one buffer that is used again and again: no allocation, no fstat.
const buffer = Buffer.allocUnsafe(64 * 1024);

// Without O_NONBLOCK, opening a named pipe waits for a writer that never comes.
const readFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * The file system as the pure rooms see it. Files are read only where they
 * really stand below one of `workspaces`: a link that leads out is refused.
 */
export function nodeFiles(workspaces: readonly string[]): Files {
  const roots = [...new Set(workspaces)].map((folder) => {
    try {
      return realpathSync(folder);
    } catch {
      return resolve(folder);
    }
  });
  const anywhere = workspaces.includes('/');
  const inside = (path: string) =>
    anywhere ||
    roots.some((root) => path === root || path.startsWith(root.endsWith(sep) ? root : root + sep));

  // A search lists no folder that is a link. On the way to any other file one may lead out. The latest folders are
  // enough to spare a look at nearly every file, and a large repository has too many to remember.
  const listed = new Set<string>();
  const leadsOut = (file: string) => {
    try {
      return !listed.has(dirname(file)) && !inside(realpathSync.native(file));
    } catch {
      return false;
    }
  };

  return {
    list(folder) {
      try {
        const entries: FolderEntry[] = readdirSync(folder, { withFileTypes: true }).map((entry) => ({
          name: entry.name,
          kind: entry.isFile()
            ? 'file'
            : entry.isDirectory()
              ? 'folder'
              : entry.isSymbolicLink() && isFile(`${folder}/${entry.name}`)
                ? 'file'
                : 'other',
        }));
        if (listed.size === foldersRemembered) listed.clear();
        listed.add(folder);
        return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'ENOENT' ? [] : null;
      }
    },
    read(file) {
      if (!listed.has(dirname(file)) && isMissing(file)) return unreadable('ENOENT');
      if (leadsOut(file)) return leadsOutside;
      try {
        return readText(file);
      } catch (error) {
        if (!isLink(file)) return failure(error);
      }
      try {
        const real = realpathSync(file);
        if (!inside(real)) return leadsOutside;
        return readText(real);
      } catch (error) {
        return failure(error);
      }
    },
    ...(opensExactNames ? { readPlain } : {}),
    hasFile: isFile,
  };
}

// Of what is not there Node makes an error, which takes longer than to read a file, unless it is told not to.
const quietly = { throwIfNoEntry: false } as const;

// Elsewhere a file system without case opens Default.json for default.json; a list tells them apart.
const opensExactNames = process.platform === 'linux' && constants.O_NOFOLLOW !== undefined;

function readPlain(file: string): string | null {
  let fd: number;
  try {
    fd = openSync(file, readFlags);
  } catch {
    return null;
  }
  try {
    // At a position: a pipe has none, and says so before it gives anything away.
    const bytes = readSync(fd, buffer, 0, buffer.length, 0);
    const read = bytes > 0 && bytes < buffer.length ? decode(buffer, bytes) : null;
    return read?.ok ? read.text : null;
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path, quietly)?.isFile() === true;
  } catch {
    return false;
  }
}

/** Whether nothing stands there; false where that is not known. */
function isMissing(path: string): boolean {
  try {
    return lstatSync(path, quietly) === undefined;
  } catch {
    return false;
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

export const leadsOutside: Read = {
  ok: false,
  missing: false,
  reason: 'it is a link that leads out of the workspace',
  fix: 'Put the file itself here.',
};

export const tooLarge: Read = {
  ok: false,
  missing: false,
  reason: `it is larger than ${maxFileBytes / 1024 / 1024} MiB`,
  fix: 'Make it smaller, or leave it out with --exclude.',
};

/** Reads a file that is no link. Throws what the file system throws. */
function readText(path: string): Read {
  if (constants.O_NOFOLLOW === undefined && isLink(path)) throw new Error('link');
  const fd = openSync(path, readFlags);
  try {
    const bytes = readSync(fd, buffer, 0, buffer.length, 0);
    if (bytes > 0 && bytes < buffer.length) return decode(buffer, bytes);
    const stat = fstatSync(fd);
    // A device may never end, and a named pipe that nobody writes to looks empty.
    if (!stat.isFile()) {
      return { ok: false, missing: false, reason: 'it is no regular file', fix: 'Put a regular file here.' };
    }
    if (stat.size > maxFileBytes) return tooLarge;
    // The read above named its position and did not move the file's own, so this starts at the beginning.
    const all = readFileSync(fd);
    return decode(all, all.length);
  } finally {
    closeSync(fd);
  }
}

/** The text of a file's bytes. */
export function decode(bytes: Buffer, length: number): Read {
  const text = bytes.toString('utf8', 0, length);
  if (text.includes('\ufffd') && !isUtf8(bytes.subarray(0, length)) && !text.startsWith('\ufffd\ufffd')) {
    return { ok: false, missing: false, reason: 'it is not valid UTF-8', fix: 'Save it as UTF-8.' };
  }
  return { ok: true, text };
}

const reasons: Record<string, string> = {
  ENOENT: 'it is not there',
  EACCES: 'reading it is not permitted',
  EPERM: 'reading it is not permitted',
  EISDIR: 'it is a folder',
  ELOOP: 'it is a link that leads in a circle',
  ENAMETOOLONG: 'its name is too long',
  EMFILE: 'too many files are open',
  ESPIPE: 'it is no regular file',
  ENXIO: 'it is no regular file',
};

function failure(error: unknown): Read {
  return unreadable((error as NodeJS.ErrnoException).code ?? '');
}

/** What cannot be read, by the code of the file system. */
export function unreadable(code: string): Read {
  return {
    ok: false,
    missing: code === 'ENOENT',
    reason: reasons[code] ?? `it cannot be read (${code === '' ? 'unknown reason' : code})`,
    fix: code === 'EACCES' || code === 'EPERM' ? 'Make it readable.' : 'Put a readable file here.',
  };
}

/** A `.gitignore` above a folder, and the path from its own folder down to that folder. */
export interface IgnoreAbove {
  text: string;
  below: string;
}

/** The `.gitignore` files above a folder, outermost first, up to the root of its repository; none outside of one. */
export function ignoreFilesAbove(folder: string): IgnoreAbove[] {
  const found: IgnoreAbove[] = [];
  const start = resolve(folder);
  for (let path = start; !existsSync(`${path}/.git`); ) {
    const parent = resolve(path, '..');
    if (parent === path) return [];
    path = parent;
    const ignoreFile = `${path}/.gitignore`;
    if (isFile(ignoreFile)) {
      try {
        const text = readFileSync(ignoreFile, 'utf8');
        found.push({ text, below: relative(path, start).replaceAll(sep, '/') });
      } catch {
        // One that may not be read leaves nothing out.
      }
    }
  }
  return found.reverse();
}

import { createHash } from 'node:crypto';
import { accessSync, constants, lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Blueprint } from '../blueprint/discover.ts';
import { type Corrected, type Correction, correctAll } from '../check/fix.ts';
import { whyNotWritten, writeWhole } from '../io/write.ts';
import { textDiff } from '../report/diff.ts';
import { guardLines } from '../report/guard.ts';
import type { Paint } from '../report/paint.ts';
import { isGitFolder } from '../run/repository.ts';
import type { Run } from '../run/run.ts';
import { count, printable, short } from '../text/text.ts';

export interface FixOptions {
  /** Show what would be changed, and write nothing. */
  dryRun: boolean;
  /** Where the diff goes: results to stdout, unless something else is printed there. */
  write(text: string): void;
  paint: Paint;
  columns: number;
}

/** `--fix`: knows what was read, so that nothing is written over what has changed since. */
export class Fixer {
  /** File -> SHA-256 of the text that was checked. */
  readonly #read = new Map<string, string>();
  readonly #roots: readonly string[];

  constructor(paths: readonly string[]) {
    this.#roots = ['.', ...paths.map(folderOf)];
  }

  /** To be called for each blueprint that is checked. */
  see({ manifest, configs }: Blueprint): void {
    for (const { file, text } of manifest === null ? configs : [manifest, ...configs]) {
      this.#read.set(file, digest(text));
    }
  }

  /** Shows and makes the corrections. Says whether any file is different now, and whether one could not be written. */
  fix({ report, again }: Run, options: FixOptions): { changed: boolean; failed: boolean } {
    const corrected = correctAll(report, { read: (file) => this.#readSafely(file), again });
    const failures = new Map<string, string>();
    if (!options.dryRun) {
      for (const { file, before, after } of corrected.files) {
        const failure = this.#write(file, before, after);
        if (failure !== null) failures.set(file, failure);
      }
    }
    options.write(guardLines(words(corrected, failures, options)));
    return {
      changed: !options.dryRun && corrected.files.length > failures.size,
      failed: failures.size > 0,
    };
  }

  #readSafely(file: string): { ok: true; text: string } | { ok: false; reason: string } {
    const reason = whyUnsafe(file, this.#roots);
    if (reason !== null) return { ok: false, reason };
    try {
      const text = readFileSync(file, 'utf8');
      return digest(text) === this.#read.get(file)
        ? { ok: true, text }
        : { ok: false, reason: 'it changed since it was read' };
    } catch {
      return { ok: false, reason: 'it can no longer be read' };
    }
  }

  /** Why it could not be written; null where it was. */
  #write(file: string, before: string, after: string): string | null {
    try {
      const read = this.#readSafely(file);
      if (!read.ok) return read.reason;
      if (read.text !== before) return 'it changed since it was read';
      writeWhole(file, [after], statSync(file).mode & 0o7777);
      return null;
    } catch (error) {
      return whyNotWritten(error);
    }
  }
}

/** The folder that may be written in where a path is named; a file of a blueprint stands for its folder. */
function folderOf(path: string): string {
  try {
    if (statSync(path).isDirectory()) return path;
  } catch {}
  const folder = dirname(path);
  return basename(resolve(folder)) === 'config' ? dirname(folder) : folder;
}

/** Why a file is not for us to write: it is a link or behind one, outside of the folder, of git, read-only. */
function whyUnsafe(file: string, roots: readonly string[]): string | null {
  if (resolve(file).split(sep).some(isGitFolder)) return 'it belongs to git';
  try {
    if (lstatSync(file).isSymbolicLink()) return 'it is a link';
    const real = realpathSync(file);
    // The current folder comes first: below it, a folder that was named may be a link no more than any other.
    const root = roots.find((one) => isBelow(relative(resolve(one), resolve(file))));
    if (root === undefined) return 'it lies outside of the folder';
    if (join(realpathSync(root), relative(resolve(root), resolve(file))) !== real)
      return 'a link leads to it';
    if (real.split(sep).some(isGitFolder)) return 'it belongs to git';
    if (!lstatSync(file).isFile()) return 'it is no regular file';
    accessSync(file, constants.W_OK);
    return null;
  } catch (error) {
    return whyNotWritten(error);
  }
}

function isBelow(path: string): boolean {
  return path !== '' && path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

/** What was done, for people: each correction in words, the diff, and what was left alone and why. */
function words(
  { files, refused }: Corrected,
  failures: ReadonlyMap<string, string>,
  { dryRun, paint, columns }: FixOptions,
): string {
  const lines: string[] = [];
  const written = files.filter(({ file }) => !failures.has(file));
  const notFixed = [...refused];
  for (const { file, corrections } of files) {
    const reason = failures.get(file);
    if (reason !== undefined) notFixed.push({ reason, corrections });
  }
  let fixed = 0;
  for (const { file, before, after, corrections } of written) {
    for (const one of corrections) {
      fixed += one.findings.length;
      lines.push(describe(one));
    }
    lines.push(...textDiff(file, before, after, { columns: Math.max(40, columns), paint }), '');
  }
  const changed = new Set(written.map(({ file }) => file));
  for (const { reason, corrections } of notFixed) {
    for (const one of corrections) lines.push(`not fixed: ${describe(one)}`);
    const named = new Set(corrections.map(({ file }) => file).filter((file) => !changed.has(file)));
    const unchanged = [...named].map((file) => short(file)).join(', ');
    const what =
      named.size === 0 ? 'Why' : `${unchanged} ${named.size === 1 ? 'was' : 'were'} left unchanged`;
    lines.push(`  ${what}: ${printable(reason)}.`, '');
  }
  const amount = `${count(fixed, 'finding')} in ${count(written.length, 'file')}`;
  const closing =
    written.length === 0
      ? notFixed.length === 0
        ? 'Nothing to fix.'
        : 'Fixed nothing.'
      : dryRun
        ? `Would fix ${amount}. Nothing was written: leave out --dry-run to write.`
        : `Fixed ${amount}.`;
  return `${[...lines, closing].join('\n')}\n\n`;
}

/** `a.json:7 unknown-model: Replace "gemma4:e2" by "gemma4:e2b"`. No column: an earlier correction may have moved it. */
function describe({ file, findings }: Correction): string {
  const [first] = findings;
  const line = first?.location?.range?.line;
  const ids = [...new Set(findings.map(({ id }) => id))].join(', ');
  return `${printable(file)}${line === undefined ? '' : `:${line}`} ${ids}: ${short(first?.fix?.description ?? '', 300)}`;
}

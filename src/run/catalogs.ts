import { resolve } from 'node:path';
import { join } from '../blueprint/discover.ts';
import { builtInEntries, defaultModelId } from '../catalog/built-in.ts';
import type { Catalog, CatalogLayer } from '../catalog/catalog.ts';
import { buildCatalog } from '../catalog/catalog.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import { type Document, parseDocument } from '../document/document.ts';
import type { Files } from '../document/files.ts';
import type { Finding } from '../findings/finding.ts';
import { finding } from '../findings/finding.ts';
import { nodeFiles } from '../io/files.ts';
import { expandGlob, isGlob } from '../io/globs.ts';
import { homeFolder } from '../io/home.ts';
import { count, quote } from '../text/text.ts';
import { UsageError } from './usage-error.ts';

/** Where a repository keeps its catalog, from its root. */
export const catalogPath = '.mn/models/catalog.json';

/** A catalog file to read, and how people name it. */
interface CatalogFile {
  path: string;
  shown: string;
  /** Null where the file may be absent; else what was asked for, for the message. */
  askedBy: string | null;
  files: Files;
}

export interface LoadedCatalogs {
  catalog: Catalog;
  findings: Finding[];
  /** `built-in + .mn/models/catalog.json (3 models)`. */
  from: string;
  /** What it is made of, lowest first, without the built-in one. */
  layers: readonly CatalogLayer[];
  /** The files that were read, by the names that entries have for them. */
  documents: ReadonlyMap<string, Document>;
}

/** Where the catalogs come from that somebody named. */
export interface CatalogSource {
  /** For those that are given. */
  files: Files;
  /** For the user's own and that of `MN_MODEL_CATALOG_PATH`. */
  anywhere: Files;
  /** The files that a pattern matches. */
  expand(pattern: string): Promise<string[]>;
  /** Whether one that was named may be missing: an older version may not have it yet. */
  mayBeMissing: boolean;
}

const disk: CatalogSource = {
  files: nodeFiles(['/']),
  anywhere: nodeFiles(['/']),
  expand: expandGlob,
  mayBeMissing: false,
};

/**
 * Reads every catalog, lowest to highest: built-in, the user's, the
 * repository's, those given, `MN_MODEL_CATALOG_PATH` (decision 6). What is
 * wrong inside a file is a finding; a given file that is missing is a UsageError.
 * Without an environment, only what the repository has and what is given.
 */
export async function loadCatalogs(
  repository: string,
  given: readonly string[],
  env: Readonly<Record<string, string | undefined>> | null,
  repositoryFiles: Files,
  source: Partial<CatalogSource> = {},
): Promise<LoadedCatalogs> {
  const { files: givenFiles, anywhere, expand, mayBeMissing } = { ...disk, ...source };
  const asked = (by: string) => (mayBeMissing ? null : by);
  const home = env?.['MN_HOME'];
  const problems: string[] = [];
  const all: CatalogFile[] = [];
  if (env !== null) {
    all.push({
      path: home ? `${home}/models/catalog.json` : `${await homeFolder()}/.mn/models/catalog.json`,
      shown: home ? '$MN_HOME/models/catalog.json' : '~/.mn/models/catalog.json',
      askedBy: null,
      files: anywhere,
    });
  }
  all.push({ ...named(join(repository, catalogPath)), askedBy: null, files: repositoryFiles });
  for (const pattern of given) {
    const matches = isGlob(pattern) ? await expand(pattern) : [pattern];
    if (matches.length === 0 && !mayBeMissing)
      problems.push(`no catalog matches ${quote(pattern)}. Correct the pattern, or leave it out.`);
    for (const path of matches)
      all.push({ ...named(path), askedBy: asked('the catalog'), files: givenFiles });
  }
  const fromEnv = env?.['MN_MODEL_CATALOG_PATH'];
  if (fromEnv)
    all.push({ path: fromEnv, shown: fromEnv, askedBy: asked('MN_MODEL_CATALOG_PATH'), files: anywhere });

  const layers: CatalogLayer[] = [{ name: 'built-in catalog', entries: builtInEntries }];
  const findings: Finding[] = [];
  const from = ['built-in'];
  const seen = new Set<string>();
  const documents = new Map<string, Document>();
  for (const { path, shown, askedBy, files } of all) {
    // The repository may be the home folder, and a glob may match a file that is also named.
    if (seen.has(resolve(path))) continue;
    seen.add(resolve(path));
    const read = files.read(path);
    if (!read.ok) {
      if (askedBy !== null)
        problems.push(`${askedBy} ${quote(shown)} cannot be read: ${read.reason}. ${read.fix}`);
      else if (!read.missing) findings.push(unreadable(shown, read.reason, read.fix));
      continue;
    }
    const parsed = parseDocument(shown, read.text);
    if (!parsed.ok) {
      const { reason, fix, range } = parsed.problem;
      findings.push(
        finding('invalid-json', { reason, fix }, { location: { file: shown, pointer: '', range } }),
      );
      continue;
    }
    const { readCatalog } = await import('../catalog/read.ts');
    const catalog = readCatalog(parsed.document);
    for (const found of catalog.findings) findings.push(found);
    layers.push({ ...catalog, name: shown });
    documents.set(shown, parsed.document);
    from.push(`${shown} (${count(catalog.entries.length, 'model')})`);
  }
  if (problems.length > 0) throw new UsageError(problems);
  const { catalog, findings: together } = buildCatalog(layers);
  return {
    catalog,
    findings: [...findings, ...together],
    from: from.join(' + '),
    layers: layers.slice(1),
    documents,
  };
}

/** What `default` means; the built-in default where a catalog has taken that name away. */
export function defaultModel(catalog: Catalog): CatalogEntry {
  return catalog.resolve('default')?.entry ?? (catalog.get(defaultModelId) as CatalogEntry);
}

function named(path: string): { path: string; shown: string } {
  return { path, shown: path.replaceAll('\\', '/').replace(/^\.\//, '') };
}

function unreadable(file: string, reason: string, fix: string): Finding {
  return finding('file-unreadable', { reason, fix }, { location: { file, pointer: '', range: null } });
}

import { extract } from '../blueprint/declarations.ts';
import type { Blueprint } from '../blueprint/discover.ts';
import { join } from '../blueprint/discover.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { LeftOut } from '../check/report.ts';
import { GitError, openRepository } from '../io/git.ts';
import { leftOutSentence } from '../report/left-out.ts';
import { short } from '../text/text.ts';
import { Base, baseCommit } from './base.ts';
import type { CompareWith } from './compare.ts';
import type { RunOptions } from './run.ts';
import { UsageError } from './usage-error.ts';
import type { Version } from './version.ts';

/** The blueprints that a change can affect. */
export interface Affected {
  /** Whether a blueprint is one of them; counts those that are not. */
  has(blueprint: Blueprint): boolean;
  /** How many were left out until now, and why. */
  leftOut(): LeftOut;
  /** The same as a sentence. */
  words(): string;
}

/** The version that changes are counted from. */
export type ChangedSince = Pick<CompareWith, 'ref' | 'shown' | 'mergeCommit'>;

/**
 * Looks at what changed since the commit where this branch left `since`, not
 * committed changes included. Throws a UsageError where that is not known.
 */
export async function affectedSince(
  since: ChangedSince,
  now: Version,
  repositoryFolder: string,
  options: RunOptions,
): Promise<Affected> {
  // Files of the base are read as blueprints are looked at, so that a clone can turn out not to have them late.
  const orSayWhy = (error: unknown): never => {
    if (!(error instanceof GitError)) throw error;
    throw new UsageError([`what changed since ${short(since.shown)} is not known: ${error.message}`]);
  };
  try {
    const repository = await openRepository(repositoryFolder, options.env);
    const commit = baseCommit(repository, since, '');
    const base = new Base(repository, commit, repositoryFolder);
    const before = await base.version(now, options);
    const everything = whatConcernsAll(before, now, options);
    const folders = foldersOf(repository.changed(commit));
    const isSameModel = modelsOf(before.catalogs.catalog, now.catalogs.catalog);
    const isAffected = (blueprint: Blueprint) =>
      everything !== null ||
      hasOtherLayers(blueprint, before) ||
      folders.has(join(base.name(folderOf(blueprint)), 'payloads')) ||
      dependsOnChange(blueprint, before, now, isSameModel);
    let blueprints = 0;
    const leftOut = () => ({ blueprints, since: since.shown, commit, everything });
    return {
      has(blueprint) {
        try {
          if (isAffected(blueprint)) return true;
        } catch (error) {
          orSayWhy(error);
        }
        blueprints++;
        return false;
      },
      leftOut,
      words: () => leftOutSentence(leftOut()),
    };
  } catch (error) {
    return orSayWhy(error);
  }
}

/** What changed that concerns every blueprint; null for nothing. */
function whatConcernsAll(before: Version, now: Version, options: RunOptions): string | null {
  if (JSON.stringify(before.targets.targets) !== JSON.stringify(now.targets.targets)) return 'the targets';
  for (const file of [options.project?.file, options.baseline]) {
    if (file != null && !isSameFile(file, before, now)) return file;
  }
  return null;
}

function isSameFile(file: string, before: Version, now: Version): boolean {
  return JSON.stringify(before.files.read(file)) === JSON.stringify(now.files.read(file));
}

/** Whether a layer of the blueprint changed, came or went. What cannot be read is always looked at. */
function hasOtherLayers(blueprint: Blueprint, before: Version): boolean {
  const { path, kind, manifest, configs, findings } = blueprint;
  if (findings.length > 0) return true;
  const texts = new Map(
    [...(manifest === null ? [] : [manifest]), ...configs].map((one) => [one.file, one.text]),
  );
  const layers =
    kind === 'file'
      ? [path]
      : ['manifest.json', 'config/default.json', 'config/overwrite.json'].map((name) => join(path, name));
  return layers.some((file) => {
    const then = before.files.read(file);
    return (then.ok ? then.text : undefined) !== texts.get(file);
  });
}

/** Whether a model means something else now, or a file of the payload came or went. */
function dependsOnChange(
  blueprint: Blueprint,
  before: Version,
  now: Version,
  isSameModel: (ref: string) => boolean,
): boolean {
  const { declarations, payloadFiles } = extract(blueprint);
  return (
    declarations.some(({ ref }) => ref !== null && !isSameModel(ref)) ||
    payloadFiles.some(({ path }) => {
      const file = join(join(folderOf(blueprint), 'payloads'), path);
      return before.files.hasFile(file) !== now.files.hasFile(file);
    })
  );
}

/** Whether a reference names the same model, with the same needs, in both catalogs. */
function modelsOf(before: Catalog, now: Catalog): (ref: string) => boolean {
  const told = (catalog: Catalog, ref: string) => {
    const entry = catalog.resolve(ref)?.entry;
    return entry === undefined ? '' : JSON.stringify({ ...entry, source: null });
  };
  const known = new Map<string, boolean>();
  return (ref) => {
    let isSame = known.get(ref);
    if (isSame === undefined) known.set(ref, (isSame = told(before, ref) === told(now, ref)));
    return isSame;
  };
}

function folderOf({ path, kind }: Blueprint): string {
  const slash = path.lastIndexOf('/');
  return kind === 'folder' ? path : slash < 0 ? '.' : path.slice(0, slash);
}

/** Every folder that one of these files is in. */
function foldersOf(files: readonly string[]): Set<string> {
  const folders = new Set<string>();
  for (const file of files) {
    for (let end = file.lastIndexOf('/'); end > 0; end = file.lastIndexOf('/', end - 1)) {
      folders.add(file.slice(0, end));
    }
  }
  return folders;
}

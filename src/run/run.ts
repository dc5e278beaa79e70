import { statSync } from 'node:fs';
import { isAbsolute, relative, sep } from 'node:path';
import type { Blueprint, Root } from '../blueprint/discover.ts';
import { discover } from '../blueprint/discover.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { check } from '../check/check.ts';
import type { Report, RunInfo } from '../check/report.ts';
import type { Files } from '../document/files.ts';
import type { Severity } from '../findings/finding.ts';
import { ignoreFilesAbove, nodeFiles } from '../io/files.ts';
import { globFilter } from '../io/globs.ts';
import { quote } from '../text/text.ts';
import { loadCatalogs } from './catalogs.ts';
import { repositoryOf } from './repository.ts';
import type { WhenNobodyChose } from './targets.ts';
import { chooseTargets } from './targets.ts';
import { UsageError } from './usage-error.ts';

export const ifNoneLevels = ['warn', 'error', 'ignore'] as const;
export type IfNone = (typeof ifNoneLevels)[number];

/** What both doors ask for. */
export interface RunOptions {
  /** Folders and files to check; the base where there is none. */
  paths: readonly string[];
  /** Folder that stands for the repository, relative to the current one; `.` usually. */
  base: string;
  include: readonly string[];
  exclude: readonly string[];
  targets: readonly string[];
  /** The id of the only target to check; null for all. */
  target: string | null;
  /** Facts to set over what detection finds: `gpu.vram_gb=8`. */
  settings: readonly string[];
  catalogs: readonly string[];
  force: boolean;
  ifNone: IfNone;
  positions: 'all' | 'findings';
  whenNobodyChose: WhenNobodyChose;
  env: Readonly<Record<string, string | undefined>>;
  /** Whether targets files and catalogs that are named may lie outside of the current folder. */
  outside: boolean;
  /** Called for each blueprint before it is checked. */
  onBlueprint?: (blueprint: Blueprint, catalog: Catalog) => void;
}

export interface Run {
  report: Report;
  info: RunInfo;
  catalog: Catalog;
  /** The text of a file of the report, for showing its lines; null where it is gone. */
  source(file: string): string | null;
  /** The same check again, with these texts in place of what the files hold. */
  again(texts: ReadonlyMap<string, string>): Report;
}

/** Discovers, checks and reports. Throws a UsageError where the question itself is wrong. */
export async function run(options: RunOptions): Promise<Run> {
  const paths = options.paths.length > 0 ? options.paths : [options.base];
  const repository = repositoryOf(options.base);
  const files = nodeFiles(['.', options.base, repository, ...paths]);
  const namedFiles = nodeFiles([options.outside ? '/' : '.']);
  const problems: string[] = [];
  const collect = <Value>(error: unknown): Value | null => {
    if (!(error instanceof UsageError)) throw error;
    problems.push(...error.problems);
    return null;
  };
  const roots = paths.map((path) => {
    try {
      return findRoot(path);
    } catch (error) {
      return collect<Root>(error);
    }
  });
  const chosen = await chooseTargets(
    {
      specs: options.targets,
      only: options.target,
      settings: options.settings,
      whenNobodyChose: options.whenNobodyChose,
    },
    repository,
    // What somebody names may lie anywhere; what the repository brings may not lead out of it.
    options.targets.length > 0 ? namedFiles : files,
  ).catch(collect<Awaited<ReturnType<typeof chooseTargets>>>);
  const catalogs = await loadCatalogs(repository, options.catalogs, options.env, files, namedFiles).catch(
    collect<Awaited<ReturnType<typeof loadCatalogs>>>,
  );
  if (problems.length > 0 || chosen === null || catalogs === null) throw new UsageError(problems);

  const wanted = await globFilter(options.include, options.exclude);
  const { onBlueprint } = options;
  const checkFiles = (from: Files, watch: RunOptions['onBlueprint']) => {
    const notBlueprints: string[] = [];
    const found = discover(from, roots as Root[], wanted, (path) => notBlueprints.push(path));
    return check({
      blueprints:
        watch === undefined ? found : watched(found, (blueprint) => watch(blueprint, catalogs.catalog)),
      catalog: catalogs.catalog,
      targets: chosen.targets,
      force: options.force,
      findings: catalogs.findings,
      files: from,
      positions: options.positions,
      ifNone: severities[options.ifNone],
      searched: paths,
      notBlueprints,
    });
  };
  return {
    report: checkFiles(files, onBlueprint),
    info: {
      targetsFrom: chosen.from,
      targetsHint: chosen.hint,
      catalogFrom: catalogs.from,
      elapsedMs: null,
      force: options.force,
    },
    catalog: catalogs.catalog,
    source: (file) => sourceOf(files, file),
    again: (texts) => checkFiles(overlaid(files, texts), undefined),
  };
}

const severities: Record<IfNone, Severity | null> = { warn: 'warning', error: 'error', ignore: null };

/** The same files, some with another text. */
function overlaid(files: Files, texts: ReadonlyMap<string, string>): Files {
  return {
    ...files,
    read(file) {
      const text = texts.get(file);
      return text === undefined ? files.read(file) : { ok: true, text };
    },
  };
}

function* watched(
  blueprints: Iterable<Blueprint>,
  watch: (blueprint: Blueprint) => void,
): Generator<Blueprint> {
  for (const blueprint of blueprints) {
    watch(blueprint);
    yield blueprint;
  }
}

/** A path as an argument gives it; a missing one is a UsageError. */
export function findRoot(path: string): Root {
  const shown = shownPath(path);
  let kind: Root['kind'];
  try {
    const stat = statSync(path);
    if (!stat.isDirectory() && !stat.isFile()) {
      throw new UsageError([
        `${quote(path)} is neither a folder nor a regular file. Name a blueprint folder or a JSON file.`,
      ]);
    }
    kind = stat.isDirectory() ? 'folder' : 'file';
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EACCES' ? 'reading it is not permitted' : 'there is no such file or folder';
    throw new UsageError([`${quote(path)}: ${why}. Name a blueprint folder or a JSON file.`]);
  }
  return { path: shown, kind, ignoreAbove: kind === 'folder' ? ignoreFilesAbove(path) : [] };
}

/** One name for one place, so that a blueprint named twice is one: relative where it lies below the current folder. */
function shownPath(path: string): string {
  const below = relative('.', path).replaceAll(sep, '/');
  const leavesFolder = below === '..' || below.startsWith('../') || isAbsolute(below);
  if (!leavesFolder) return below || '.';
  return path.replaceAll(sep, '/').replace(/(.)\/+$/, '$1');
}

function sourceOf(files: Files, file: string): string | null {
  const read = files.read(file);
  return read.ok ? read.text : null;
}

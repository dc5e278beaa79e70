import { statSync } from 'node:fs';
import type { Blueprint, Root } from '../blueprint/discover.ts';
import type { ShardNumber } from '../blueprint/shard-number.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { Beside } from '../check/beside.ts';
import type { Report, RunInfo } from '../check/report.ts';
import type { Sieve } from '../check/sieve.ts';
import { allOf } from '../check/sieve.ts';
import type { Files } from '../document/files.ts';
import { ignoreFilesAbove, nodeFiles } from '../io/files.ts';
import { globFilter } from '../io/globs.ts';
import { quote } from '../text/text.ts';
import type { ChangedSince } from './affected.ts';
import { loadCatalogs } from './catalogs.ts';
import type { CompareWith } from './compare.ts';
import type { askInstalled } from './installed.ts';
import type { Project } from './project.ts';
import { repositoryOf, shownPath } from './repository.ts';
import type { Sharing } from './shard.ts';
import type { Sifting } from './sifting.ts';
import type { WhenNobodyChose } from './targets.ts';
import { chooseTargets } from './targets.ts';
import { UsageError } from './usage-error.ts';
import type { Version } from './version.ts';
import { checkVersion } from './version.ts';

export const ifNoneLevels = ['warn', 'error', 'ignore'] as const;
export type IfNone = (typeof ifNoneLevels)[number];

/** Whether the runner is asked for what is installed: always, where this machine is a target, or never. */
export interface Services {
  ask: 'always' | 'this-machine' | 'never';
  /** How to leave it out: `leave it out with --hardware-only`. */
  instead: string;
}

/** What both doors ask for. Of a list, nothing is the same as not given. */
export interface RunOptions {
  /** Folders and files to check; the base where there is none. */
  paths: readonly string[];
  /** Folder that stands for the repository, relative to the current one; `.` usually. */
  base: string;
  include: readonly string[];
  exclude: readonly string[];
  targets: readonly string[];
  /** Ids of the only targets to check. */
  only: readonly string[];
  /** Facts to set over what detection finds: `gpu.vram_gb=8`. */
  settings: readonly string[];
  catalogs: readonly string[];
  /** Null where nobody said. */
  force: boolean | null;
  ifNone: IfNone | null;
  /** A file of known findings to hide; null where nobody named one. */
  baseline: string | null;
  /** Write the baseline instead of checking against it. */
  updateBaseline: boolean;
  /** The config file: it says what the other options leave open. */
  project: Project | null;
  /** When the Docker Model Runner of this machine is asked what it has (decision 20). */
  services: Services;
  positions: 'all' | 'findings';
  whenNobodyChose: WhenNobodyChose;
  env: Readonly<Record<string, string | undefined>>;
  /** Whether targets files and catalogs that are named may lie outside of the current folder. */
  outside: boolean;
  /** The version to compare with; null for none. */
  compare: CompareWith | null;
  /** Leave out blueprints that no change since this version can affect; null for none. */
  changedSince: ChangedSince | null;
  /** Instead of that: leave out blueprints that none of these files belongs to. They need not exist. */
  changedFiles?: readonly string[];
  /** The part of the blueprints to check; null or absent for all. */
  shard?: ShardNumber | null;
  /** Called for each blueprint before it is checked. */
  onBlueprint?: (blueprint: Blueprint, catalog: Catalog) => void;
}

export interface Run {
  report: Report;
  info: RunInfo;
  catalog: Catalog;
  /** What was written, in words; null where nothing was. */
  wrote: string | null;
  /** The text of a file of the report, for showing its lines; null where it is gone. */
  source(file: string): string | null;
  /** The same check again, with these texts in place of what the files hold. */
  again(texts: ReadonlyMap<string, string>): Report;
}

/** Discovers, checks and reports. Throws a UsageError where the question itself is wrong. */
export async function run(options: RunOptions): Promise<Run> {
  const repository = repositoryOf(options.base);
  const { project } = options;
  const settled = project?.settle(options) ?? options;
  const paths = settled.paths.length > 0 ? settled.paths : [options.base];
  const force = settled.force ?? false;
  const { baseline } = settled;
  const files = nodeFiles(['.', options.base, repository, ...paths]);
  const namedFiles = nodeFiles([options.outside ? '/' : '.']);
  // What somebody names may lie anywhere; what the repository brings may not lead out of it.
  const filesFor = (given: readonly string[]) => (given.length > 0 ? namedFiles : files);
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
  const { ask, instead } = options.services;
  let asking: ReturnType<typeof askInstalled> | null = null;
  const askNow = async () => (await import('./installed.ts')).askInstalled(instead);
  if (ask === 'always') asking = askNow();
  let isHere = false;
  const chosen = await chooseTargets(
    {
      specs: settled.targets,
      only: options.only,
      settings: settled.settings,
      whenNobodyChose: options.whenNobodyChose,
      // Side by side with the detection: what does not answer takes its time for both.
      onThisMachine: () => {
        isHere = true;
        if (ask === 'this-machine') asking ??= askNow();
      },
    },
    repository,
    filesFor(options.targets),
  ).catch(collect<Awaited<ReturnType<typeof chooseTargets>>>);
  const catalogs = await loadCatalogs(repository, settled.catalogs, options.env, files, {
    files: filesFor(options.catalogs),
  }).catch(collect<Awaited<ReturnType<typeof loadCatalogs>>>);
  let sharing: Sharing | null = null;
  const decides = options.shard ? (path: string) => sharing?.decides(path) ?? true : null;
  const sifting = await siftingOf(options, settled, repository, files, namedFiles, decides).catch(
    collect<Sifting>,
  );
  if (problems.length > 0 || chosen === null || catalogs === null) throw new UsageError(problems);

  const asked = await asking;
  // The built-in models need no more than what is loaded anyway.
  const hasOwnModels = catalogs.catalog.entries.some(({ source }) => source.catalog !== 'built-in');
  const more = hasOwnModels ? (await import('../memory/more-costs.generated.ts')).costs : [];
  const version: Version = {
    installed: asked?.installed ?? null,
    beside: (targets) => new Beside(targets, more),
    files,
    roots: roots as Root[],
    searched: paths,
    wanted: await (project === null ? globFilter(options.include, options.exclude) : project.wanted(options)),
    affected: null,
    targets: chosen,
    catalogs,
    sieve: null,
  };
  if (options.shard) {
    sharing = (await import('./shard.ts')).openShard(options.shard, version, repository, settled);
    Object.assign(version, sharing.overrides);
  }
  const affected =
    options.changedSince === null
      ? null
      : await (await import('./affected.ts')).affectedSince(
          options.changedSince,
          version,
          repository,
          settled,
        );
  const ofFiles =
    options.changedFiles === undefined
      ? null
      : (await import('./changed-files.ts')).ofChangedFiles(
          options.changedFiles,
          repository,
          [
            ...catalogs.documents.keys(),
            ...settled.targets.flatMap((list) => list.split(',')),
            ...[project?.file, baseline].filter((file) => file != null),
          ],
          files,
        );
  const comparing =
    options.compare === null
      ? null
      : await (await import('./compare.ts')).compareWith(
          options.compare,
          version,
          repository,
          settled,
          sharing?.ofBase ?? null,
        );
  const sieve = together(sifting?.sieve ?? null, comparing?.sieve ?? null);
  const only = affected ?? ofFiles;
  const narrowed: Version = {
    ...version,
    files: ofFiles?.files ?? files,
    affected: only?.has ?? null,
    sieve,
  };
  const report = checkVersion(narrowed, settled);
  if (affected !== null) report.leftOut = affected.leftOut();
  const changes = (await comparing?.complete(report)) ?? null;
  const source = (file: string) => sourceOf(files, file);
  const info: RunInfo = {
    targetsFrom: chosen.from,
    targetsHint: [asked?.words ?? (isHere ? 'Hardware only.' : ''), chosen.hint].filter(Boolean).join(' '),
    catalogFrom: catalogs.from,
    elapsedMs: null,
    force,
    ...(project === null ? {} : { configFrom: project.file }),
    ...(baseline === null ? {} : { baselineFrom: baseline }),
    leftOut: only?.words() ?? '',
    notCompared: comparing?.notCompared ?? '',
    changes,
  };
  if (sharing !== null) {
    const held = sifting?.held(report) ?? { stale: null, suppressions: [], today: '', isWhole: false };
    await sharing.complete(report, { info, settled, held, source });
  }
  return {
    report,
    wrote: sifting?.finish(report) ?? null,
    info,
    catalog: catalogs.catalog,
    source,
    again: (texts) => {
      const { onBlueprint: _, ...quietly } = settled;
      return checkVersion({ ...narrowed, files: overlaid(narrowed.files, texts) }, quietly);
    },
  };
}

/** What hides findings; null for nothing, and then nothing of it is loaded. */
async function siftingOf(
  options: RunOptions,
  { baseline }: RunOptions,
  repository: string,
  files: Files,
  namedFiles: Files,
  decides: ((path: string) => boolean) | null,
): Promise<Sifting | null> {
  const suppressions = options.project?.config.suppressions ?? [];
  if (baseline === null && !options.updateBaseline && suppressions.length === 0) return null;
  const { openSifting } = await import('./sifting.ts');
  return openSifting({
    options,
    repository,
    baseline,
    suppressions,
    files: options.baseline === null ? files : namedFiles,
    today: new Date().toISOString().slice(0, 10),
    decides,
  });
}

/** The same files, some with another text. */
function overlaid(files: Files, texts: ReadonlyMap<string, string>): Files {
  return {
    ...files,
    read(file) {
      const text = texts.get(file);
      return text === undefined ? files.read(file) : { ok: true, text };
    },
    readPlain: (file) => texts.get(file) ?? files.readPlain?.(file) ?? null,
  };
}

/** What hides a finding goes before what says that it is new. */
function together(hiding: Sieve | null, comparing: Sieve | null): Sieve | null {
  return hiding === null || comparing === null ? (hiding ?? comparing) : allOf([hiding, comparing]);
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

function sourceOf(files: Files, file: string): string | null {
  const read = files.read(file);
  return read.ok ? read.text : null;
}

import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import type { Blueprint } from '../blueprint/discover.ts';
import { join } from '../blueprint/discover.ts';
import type { ShardNumber } from '../blueprint/shard-number.ts';
import { discoverShare, eachAlone, findPlaces } from '../blueprint/share.ts';
import type { Unit } from '../blueprint/split.ts';
import { assign, preferred } from '../blueprint/split.ts';
import type { InstalledCheck } from '../check/installed.ts';
import type { Report, RunInfo } from '../check/report.ts';
import type { NamedPath } from '../report/shard.ts';
import { version as ownVersion } from '../version.ts';
import { FactsOfPart } from './facts.ts';
import { shownPath } from './repository.ts';
import type { RunOptions } from './run.ts';
import type { HeldBack } from './sifting.ts';
import type { Version } from './version.ts';
import { severityOfNone } from './version.ts';

/** The version compared with: what a path is called there (a renamed one has its name of then), and what is read. */
export interface Names {
  /** Of a path of that version. */
  name(path: string): string;
  /** Of a path of the work tree. */
  nameBefore(path: string): string;
  /** Says which blueprints of that version are looked at. */
  expect(paths: Iterable<string>): void;
}

/** One shard of a run. */
export interface Sharing {
  /** What the check of the work tree has instead. */
  overrides: Required<Pick<Version, 'share' | 'installed'>> & Pick<Version, 'onFacts'>;
  /** The same for the check of the version compared with. Called before the work tree is checked. */
  ofBase(base: Version, names: Names): Sharing['overrides'];
  /** Whether this shard says what became of a blueprint of the baseline that it did not check. */
  decides(blueprint: string): boolean;
  /** Gives the report what a merge needs of it, and says in `info` that it is a shard. */
  complete(report: Report, about: AboutRun): Promise<void>;
}

export interface AboutRun {
  info: RunInfo;
  settled: RunOptions;
  held: HeldBack;
  source(file: string): string | null;
}

/** The folders and files that a run is split by, with their bytes. */
export function unitsOf({ files, roots, wanted }: Pick<Version, 'files' | 'roots' | 'wanted'>): Unit[] {
  return findPlaces(files, roots, wanted, sizeOf).units;
}

function sizeOf(file: string): number {
  try {
    return lstatSync(file, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return 0;
  }
}

/**
 * Takes the blueprints of one shard out of a run. All shards walk the same folders and come to the same split, so
 * that none needs to know of the others.
 */
export function openShard(
  shard: ShardNumber,
  now: Version,
  repository: string,
  settled: RunOptions,
): Sharing {
  const { index, total } = shard;
  const facts = now.targets.all === undefined ? null : new FactsOfPart(now.targets.all, settled, repository);
  const { files, roots, wanted, installed: ask } = now;
  const places = findPlaces(files, roots, wanted, sizeOf);
  const { units } = places;
  const shards = assign(units, total);
  const shardOf = (path: string): number | undefined => {
    const unit = places.unitOf(path);
    return unit === undefined ? undefined : shards[unit];
  };
  /** Blueprints that have one name in the version compared with go where the first of them goes. */
  const moved = new Map<string, number>();
  const rootOf = new Map<string, number>();
  const named: NamedPath[] = [];
  let installed: InstalledCheck | null = null;

  function* blueprints(): Generator<Blueprint> {
    const all = moved.size === 0 ? places.candidates : eachAlone(places.candidates);
    const own = all.filter(({ path, unit }) => (moved.get(path) ?? shards[unit]) === index);
    const notBlueprint = (path: string, root: number) => named.push({ root, path });
    for (const { blueprint, root } of discoverShare(files, roots, own, wanted, notBlueprint)) {
      rootOf.set(blueprint.path, root);
      if (installed !== null) installed.blueprint = blueprint.path;
      yield blueprint;
    }
  }

  return {
    overrides: {
      share: { blueprints },
      ...(facts === null ? {} : { onFacts: facts.add }),
      installed: ask === null ? null : () => (installed = ask()),
    },
    decides(blueprint) {
      // What is no blueprint any more, and what is about catalogs, is told by one of them.
      const path = blueprint === '' ? '' : shownPath(join(repository, blueprint));
      return (moved.get(path) ?? shardOf(path) ?? 1) === index;
    },
    ofBase(base, names) {
      const { name, nameBefore } = names;
      const byName = new Map<string, number>();
      for (const path of places.paths()) {
        const before = nameBefore(path);
        const first = byName.get(before);
        if (first === undefined) byName.set(before, shardOf(path) as number);
        else if (first !== shardOf(path)) moved.set(path, first);
      }
      const before = findPlaces(base.files, base.roots, base.wanted, () => 0);
      const own = eachAlone(before.candidates).filter(({ path }) => {
        const shared = name(path);
        return (byName.get(shared) ?? preferred(shared, total)) === index;
      });
      names.expect(own.map(({ path }) => path));
      return {
        share: {
          *blueprints() {
            const found = discoverShare(base.files, base.roots, own, base.wanted, () => {});
            for (const { blueprint } of found) yield blueprint;
          },
        },
        installed: ask,
      };
    },
    async complete(report, { info, settled, held, source }) {
      const { targetsFrom, targetsHint, catalogFrom, force, configFrom, baselineFrom, notCompared } = info;
      const { shardWriter } = await import('../report/shard.ts');
      report.shard = shardWriter(
        report,
        {
          index,
          total,
          version: ownVersion,
          same: {
            files: hash(unitTexts(units)),
            targets: hash([JSON.stringify(facts?.targets ?? report.targets)]),
            catalogs: hash([
              now.catalogs.from,
              ...[...now.catalogs.documents].flatMap(([file, { text }]) => [file, text]),
              ...now.catalogs.findings.map(({ message }) => message),
            ]),
            options: hash([JSON.stringify(optionsOf(report, now, settled)), baselineText(settled, source)]),
          },
          info: {
            targetsFrom,
            targetsHint,
            catalogFrom,
            force,
            ...(configFrom === undefined ? {} : { configFrom }),
            ...(baselineFrom === undefined ? {} : { baselineFrom }),
            notCompared: notCompared ?? '',
          },
          noBlueprint: {
            severity: severityOfNone(settled.ifNone, settled.changedSince !== null),
            searched: now.searched,
            named,
          },
          stale: held.stale,
          suppressions: held.suppressions,
          facts: facts?.all(now, held) ?? null,
          services: installed?.missing() ?? [],
          roots: report.blueprints.map(({ path }) => rootOf.get(path) ?? 0),
          firstUses: firstUsesIn(report),
        },
        source,
      );
      info.leftOut =
        `Shard ${index} of ${total}: mn report merge makes one report of the JSON reports of all. ${info.leftOut ?? ''}`.trim();
    },
  };
}

/** What was asked for, besides targets and catalogs. */
function optionsOf(report: Report, now: Version, settled: RunOptions) {
  const { comparison, leftOut } = report;
  return {
    searched: now.searched,
    force: settled.force,
    ifNone: settled.ifNone,
    compare: comparison === null ? null : [comparison.base, comparison.commit],
    since: leftOut === undefined ? null : [leftOut.since, leftOut.commit],
    baseline: settled.baseline,
    suppressions: settled.project?.config.suppressions,
  };
}

function baselineText({ baseline }: RunOptions, source: AboutRun['source']): string {
  return baseline === null ? '' : (source(baseline) ?? '');
}

/** In their order, which all shards have. */
function* unitTexts(units: readonly Unit[]): Generator<string> {
  for (const { path, bytes } of units) yield `${path}\0${bytes}`;
}

function hash(texts: Iterable<string>): string {
  const sum = createHash('sha256');
  for (const text of texts) sum.update(text).update('\n');
  return sum.digest('hex').slice(0, 32);
}

/** Every model with its backend has statuses of its own, and the declarations that ask for it share them. */
function firstUsesIn({ blueprints }: Report): number[] {
  const seen = new Set<object>();
  return blueprints.flatMap(({ declarations }, index) =>
    declarations.flatMap(({ model, statuses }) => {
      if (model === null || seen.has(statuses)) return [];
      seen.add(statuses);
      return [index];
    }),
  );
}

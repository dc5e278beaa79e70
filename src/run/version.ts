import type { Blueprint, Root } from '../blueprint/discover.ts';
import { discover } from '../blueprint/discover.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Beside } from '../check/beside.ts';
import type { CheckInput } from '../check/check.ts';
import { check } from '../check/check.ts';
import type { InstalledCheck } from '../check/installed.ts';
import type { Report } from '../check/report.ts';
import type { Sieve } from '../check/sieve.ts';
import type { Files } from '../document/files.ts';
import type { Severity } from '../findings/finding.ts';
import type { Target } from '../hardware/facts.ts';
import type { LoadedCatalogs } from './catalogs.ts';
import type { IfNone, RunOptions } from './run.ts';
import type { ChosenTargets } from './targets.ts';

/** Everything that a check of one version of the repository needs. */
export interface Version {
  files: Files;
  roots: readonly Root[];
  /** What was asked for, for the finding that nothing is there. */
  searched: readonly string[];
  /** Whether a blueprint is to be checked, by its path. */
  wanted(path: string): boolean;
  /** Leaves blueprints out once they are read; null for none. */
  affected: ((blueprint: Blueprint) => boolean) | null;
  targets: ChosenTargets;
  catalogs: LoadedCatalogs;
  sieve: Sieve | null;
  /** Only the blueprints of one shard; null or absent for all. */
  share?: Share | null;
  /** Gets what each blueprint says, before it is checked. */
  onFacts?: CheckInput['onFacts'];
  /** What to say of installed models, anew for each check; null where nobody asks. */
  installed: (() => InstalledCheck) | null;
  /** What the estimate says beside the verdicts. */
  beside(targets: readonly Target[]): Beside;
}

/** The blueprints of a version that one shard checks. */
export interface Share {
  blueprints(): Iterable<Blueprint>;
}

const severities: Record<IfNone, Severity | null> = { warn: 'warning', error: 'error', ignore: null };

/** How much it weighs that there is no blueprint; null for nothing. */
export function severityOfNone(ifNone: IfNone | null, isNarrowed: boolean): Severity | null {
  return severities[ifNone ?? (isNarrowed ? 'ignore' : 'warn')];
}

/** Discovers the blueprints of a version and checks them. */
export function checkVersion(
  version: Version,
  options: Pick<RunOptions, 'force' | 'ifNone' | 'positions' | 'onBlueprint'>,
): Report {
  const { files, roots, searched, wanted, affected, targets, catalogs, sieve, installed, beside } = version;
  const share = version.share ?? null;
  const notBlueprints: string[] = [];
  const all =
    share === null ? discover(files, roots, wanted, (path) => notBlueprints.push(path)) : share.blueprints();
  const found = affected === null ? all : only(all, affected);
  const { onBlueprint } = options;
  return check({
    blueprints: onBlueprint === undefined ? found : watched(found, catalogs.catalog, onBlueprint),
    catalog: catalogs.catalog,
    targets: targets.targets,
    force: options.force ?? false,
    findings: catalogs.findings,
    files,
    onFacts: version.onFacts,
    positions: options.positions,
    // Whether there is none at all is known only of all shards together.
    ifNone: share === null ? severityOfNone(options.ifNone, affected !== null) : null,
    searched,
    notBlueprints,
    sieve,
    installed: installed?.() ?? null,
    beside,
  });
}

function* only(
  blueprints: Iterable<Blueprint>,
  isWanted: (blueprint: Blueprint) => boolean,
): Generator<Blueprint> {
  for (const blueprint of blueprints) if (isWanted(blueprint)) yield blueprint;
}

function* watched(
  blueprints: Iterable<Blueprint>,
  catalog: Catalog,
  watch: (blueprint: Blueprint, catalog: Catalog) => void,
): Generator<Blueprint> {
  for (const blueprint of blueprints) {
    watch(blueprint, catalog);
    yield blueprint;
  }
}

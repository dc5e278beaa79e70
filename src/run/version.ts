import type { Blueprint, Root } from '../blueprint/discover.ts';
import { discover } from '../blueprint/discover.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Beside } from '../check/beside.ts';
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
  /** What to say of installed models, anew for each check; null where nobody asks. */
  installed: (() => InstalledCheck) | null;
  /** What the estimate says beside the verdicts. */
  beside(targets: readonly Target[]): Beside;
}

const severities: Record<IfNone, Severity | null> = { warn: 'warning', error: 'error', ignore: null };

/** Discovers the blueprints of a version and checks them. */
export function checkVersion(
  { files, roots, searched, wanted, affected, targets, catalogs, sieve, installed, beside }: Version,
  options: Pick<RunOptions, 'force' | 'ifNone' | 'positions' | 'onBlueprint'>,
): Report {
  const notBlueprints: string[] = [];
  const all = discover(files, roots, wanted, (path) => notBlueprints.push(path));
  const found = affected === null ? all : only(all, affected);
  const { onBlueprint } = options;
  return check({
    blueprints: onBlueprint === undefined ? found : watched(found, catalogs.catalog, onBlueprint),
    catalog: catalogs.catalog,
    targets: targets.targets,
    force: options.force ?? false,
    findings: catalogs.findings,
    files,
    positions: options.positions,
    ifNone: severities[options.ifNone ?? (affected === null ? 'warn' : 'ignore')],
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

import type { CarriedFacts } from '../check/carried.ts';
import { carried } from '../check/carried.ts';
import type { BlueprintFacts } from '../check/check.ts';
import type { Target } from '../hardware/facts.ts';
import { thisMachineId } from '../hardware/facts.ts';
import type { PartFacts } from '../report/facts.ts';
import { pathsFrom } from './repository.ts';
import type { RunOptions } from './run.ts';
import type { HeldBack } from './sifting.ts';
import type { ChosenTargets } from './targets.ts';
import { UsageError } from './usage-error.ts';
import type { Version } from './version.ts';

/** Collects what a shard that checks only some of the targets has to carry. */
export class FactsOfPart {
  readonly #targets: ChosenTargets['targets'];
  readonly #from: string;
  readonly #settled: RunOptions;
  readonly #repository: string;
  readonly #blueprints: CarriedFacts[] = [];

  /** `all`: the targets of all parts. Throws a UsageError where a merge could not tell what one run says. */
  constructor({ targets, from }: Omit<ChosenTargets, 'all'>, settled: RunOptions, repository: string) {
    const { baseline, compare } = settled;
    const asked = [
      ...(baseline === null ? [] : ['a baseline']),
      ...(compare === null ? [] : ['a comparison']),
    ];
    if (asked.length > 0) {
      throw new UsageError([
        `a part of the blueprints on some of the targets goes without ${asked.join(' and ')}: these need all targets in one job. Leave the input target out, and take the output shards of mode plan instead of matrix.`,
      ]);
    }
    this.#targets = targets;
    this.#from = from;
    this.#settled = settled;
    this.#repository = repository;
  }

  readonly add = (facts: BlueprintFacts): void => {
    this.#blueprints.push(carried(facts));
  };

  /** What all parts must have in common: of a machine that looks at itself, only that it is one. */
  get targets(): (Target | string)[] {
    return this.#targets.map((target) => (target.id === thisMachineId ? target.id : target));
  }

  all({ catalogs }: Version, { today, isWhole }: HeldBack): PartFacts {
    const pathIn = pathsFrom(this.#repository);
    return {
      targets: this.#targets.map(({ id }) => id),
      targetsFrom: this.#from,
      catalogs: catalogs.layers,
      suppressions: this.#settled.project?.config.suppressions ?? [],
      today,
      isWhole,
      blueprints: this.#blueprints,
      pathsInRepository: this.#blueprints.map(({ path }) => pathIn(path)),
    };
  }
}

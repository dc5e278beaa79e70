import { builtInEntries } from '../catalog/built-in.ts';
import { Catalog } from '../catalog/catalog.ts';
import { Beside } from '../check/beside.ts';
import type { CarriedFacts } from '../check/carried.ts';
import { factsOfCarried } from '../check/carried.ts';
import type { BlueprintFacts } from '../check/check.ts';
import { checkFacts } from '../check/check.ts';
import type { SuppressionState } from '../check/suppressions.ts';
import { suppressionSieve } from '../check/suppressions.ts';
import type { Finding } from '../findings/finding.ts';
import type { Target } from '../hardware/facts.ts';
import type { ModelCost } from '../memory/cost.ts';
import type { PartFacts } from './facts.ts';
import type { ShardReport } from './read-shard.ts';

/** A part with what it carries. */
type Part = ShardReport & { part: { facts: PartFacts } };

/** Whether a shard checks only some of the targets. */
export function isPart(shard: ShardReport): shard is Part {
  return shard.part.facts !== null;
}

/** The part with no other findings than a merge takes from it; the others are made anew. */
export function lean(part: Part): Part {
  return {
    ...part,
    findings: part.findings.filter(isKept),
    hidden: part.hidden.filter(({ finding }) => isKept(finding)),
  };
}

/** What does not follow from blueprints, catalog and targets: it is as the part says. */
function isKept(finding: Finding): boolean {
  return finding.blueprint === null || isOfMachine(finding);
}

function isOfMachine({ id }: Pick<Finding, 'id'>): boolean {
  return id === 'model-not-installed';
}

/**
 * The shard that all its parts are together, as if one job had checked it on all targets: what it says of targets is
 * made anew, because advice depends on all of them. The first part has the facts. Each target is in one part.
 * `costs`: of known models besides those of the built-in catalog.
 */
export function joinParts(parts: readonly [Part, ...Part[]], costs: readonly ModelCost[]): ShardReport {
  const [first] = parts;
  const { facts } = first.part;
  const known = new Map(parts.flatMap((part) => part.targets).map((target) => [target.id, target]));
  const targets = facts.targets.map((id) => known.get(id) as Target);
  const paths = new Map(facts.blueprints.map(({ path }, at) => [path, facts.pathsInRepository[at] ?? path]));
  const suppressed = suppressionSieve(facts.suppressions, {
    today: facts.today,
    pathIn: (path) => paths.get(path) ?? path,
    isWhole: facts.isWhole,
  });
  const hasOwnModels = facts.catalogs.some(({ entries }) => entries.length > 0);
  const report = checkFacts({
    blueprints: eachOf(facts.blueprints),
    catalog: new Catalog([{ name: 'built-in catalog', entries: builtInEntries }, ...facts.catalogs]),
    targets,
    force: first.part.info.force,
    installed: null,
    findings: [],
    positions: 'all',
    ifNone: null,
    searched: [],
    notBlueprints: [],
    sieve: facts.suppressions.length === 0 ? null : { ask: (occurrence) => suppressed.ask(occurrence) },
    beside: (all) => new Beside(all, hasOwnModels ? costs : []),
  });
  const checked = { blueprints: report.blueprints.map(({ path }) => path), targets: facts.targets };
  return {
    part: {
      ...first.part,
      facts: null,
      info: { ...first.part.info, targetsFrom: facts.targetsFrom },
      services: parts.flatMap(({ part }) => part.services),
      suppressions: suppressed.states(checked).map((state, index) => used(state, index, parts)),
    },
    targets,
    modelMemory: report.modelMemory === undefined ? null : [...report.modelMemory],
    verdicts: report.verdicts,
    blueprints: report.blueprints,
    findings: [
      ...first.findings.filter(({ blueprint }) => blueprint === null),
      ...report.findings,
      ...once(
        parts.flatMap(({ findings }) => findings.filter(isOfMachine)),
        (finding) => finding,
      ),
    ],
    hidden: [
      ...first.hidden.filter(({ finding }) => finding.blueprint === null),
      ...report.hidden,
      ...once(
        parts.flatMap(({ hidden }) => hidden.filter(({ finding }) => isOfMachine(finding))),
        ({ finding }) => finding,
      ),
    ],
    leftOut: first.leftOut,
    comparison: null,
    sources: parts.flatMap(({ sources }) => sources),
  };
}

function* eachOf(blueprints: readonly CarriedFacts[]): Generator<BlueprintFacts> {
  for (const one of blueprints) yield factsOfCarried(one);
}

/** A suppression of what only the parts can say was used where one of them used it. */
function used(state: SuppressionState, index: number, parts: readonly Part[]): SuppressionState {
  const of = parts.map(({ part }) => part.suppressions[index]).find((one) => one?.state === 'used');
  const id = parts[0]?.part.facts.suppressions[index]?.finding;
  return of !== undefined && id !== undefined && isOfMachine({ id }) ? of : state;
}

/** What several machines say of one place. */
function once<Item>(items: readonly Item[], findingOf: (item: Item) => Finding): Item[] {
  const seen = new Map<string, Item>();
  for (const item of items) {
    const { id, message, location } = findingOf(item);
    const key = JSON.stringify([id, message, location?.file, location?.pointer]);
    if (!seen.has(key)) seen.set(key, item);
  }
  return [...seen.values()];
}

import type { Declaration } from '../blueprint/declarations.ts';
import { dockerModelRunner } from '../blueprint/declarations.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import { dockerKey } from '../catalog/name.ts';
import { dotted } from '../document/pointer.ts';
import type { Finding, Location, Words } from '../findings/finding.ts';
import { finding, findingOf, wordsOf } from '../findings/finding.ts';
import type { MemoryData } from '../findings/table.ts';
import type { Target } from '../hardware/facts.ts';
import { thisMachineId } from '../hardware/facts.ts';
import type { ModelCost, Need } from '../memory/cost.ts';
import { costsByName, needAt } from '../memory/cost.ts';
import type { Fit, Have } from '../memory/fit.ts';
import { fitOf, memoryOf, needOf } from '../memory/fit.ts';
import { gigabytes, gigabytesBelow, short } from '../text/text.ts';
import type { Assessment } from './assessments.ts';
import type { Part } from './beside.ts';
import type { DeclarationEstimate, VerdictEstimate } from './report.ts';

/** A live declaration of a known model, with what it needs. */
interface Known {
  declaration: Declaration;
  assessment: Assessment | null;
  /** Id of the entry, or the reference. */
  name: string;
  cost: ModelCost;
  contextSize: number;
  need: Need;
  estimate: DeclarationEstimate;
}

/** What a model needs at one context size, shared by all that ask for it. */
interface Sized {
  need: Need;
  /** Where the blueprint gives the size. */
  given: DeclarationEstimate;
  /** Where the size is the catalog's. */
  assumed: DeclarationEstimate;
}

/** Targets of which the same is said. */
interface Group {
  fit: 'tight' | 'does-not-fit';
  /** It weighs as a warning. */
  required: boolean;
  /** Indices. */
  at: readonly number[];
  /** What was said of them already, by what it depends on. */
  worded: Map<string, Words>;
}

/** What an engine takes at least where nothing says a context size. */
const leastContext = 4096;
const gib = 2 ** 30;

/**
 * What the memory estimate says beside the verdicts of one run. It reads verdicts and never changes one: a model that
 * is not known, an engine other than llama.cpp and a machine whose memory is not known get nothing.
 */
export class MemoryCheck {
  readonly #costs: ReadonlyMap<string, ModelCost>;
  readonly #targets: readonly Target[];
  readonly #haves: readonly Have[];
  /** Lists of targets are shared: a hostile blueprint has a hundred thousand context sizes. */
  readonly #lists = new Map<string, readonly number[]>();
  readonly #ids = new Map<readonly number[], readonly string[]>();
  readonly #groups = new Map<Assessment, Map<number, readonly Group[]>>();
  readonly #groupsTogether = new Map<string, readonly Group[]>();
  readonly #sizes = new Map<readonly number[], Map<string, number | null>>();
  readonly #sized = new Map<ModelCost, Map<number, Sized>>();
  readonly #costOf = new Map<Assessment, ModelCost | undefined>();

  /** `more`: known models besides those of the built-in catalog. */
  constructor(targets: readonly Target[], more: readonly ModelCost[]) {
    this.#costs = costsByName(more);
    this.#targets = targets;
    this.#haves = targets.map(({ facts }) => memoryOf(facts));
  }

  /** What every target has for models, in the order of the targets. */
  get haves(): readonly Have[] {
    return this.#haves;
  }

  /** The estimate of an entry at the catalog's own context size, on the target of this index. */
  ofVerdict(entry: CatalogEntry, backend: string, index: number): VerdictEstimate | null {
    const cost = backend === 'llama.cpp' ? (this.#costs.get(dockerKey(entry.dockerModel)) ?? null) : null;
    const have = this.#haves[index] as Have;
    if (cost === null || have.bytes === null) return null;
    const contextSize = entry.contextSize ?? leastContext;
    const need = needAt(cost, contextSize);
    const fit = fitOf(need, have);
    return fit === 'unknown' ? null : { contextSize, need: needOf(need, have), have: have.bytes, fit };
  }

  /** What the estimates of a blueprint come to; the estimates are in the order of the parts. */
  check(parts: readonly Part[]): { findings: Finding[]; estimates: (DeclarationEstimate | null)[] } {
    const known = parts.map((part) => this.#known(part));
    const findings: Finding[] = [];
    for (const each of known) {
      if (each === null) continue;
      const exceeds = exceedsModel(each);
      if (exceeds !== null) findings.push(exceeds);
      findings.push(...this.#alone(each));
    }
    findings.push(...this.#together(known.filter((each) => each !== null)));
    return { findings, estimates: known.map((each) => each?.estimate ?? null) };
  }

  /** What it costs to leave the context size to the engine; null where the model is not known. */
  costOfNoContext(ref: string): string | null {
    const cost = this.#costs.get(dockerKey(ref));
    if (cost === undefined || cost.trained === null || cost.trained <= leastContext) return null;
    const total = (size: number) => amount(needAt(cost, size).device.total);
    return `Newer engines start from the ${cost.trained} tokens that it was trained for, ${total(cost.trained)} in all on a GPU by the estimate; ${leastContext} tokens take ${total(leastContext)}.`;
  }

  #known({ declaration, assessment }: Part): Known | null {
    const { ref, skipped, provider, accepted, contextSize: given } = declaration;
    if (ref === null || skipped !== null || accepted !== null || provider !== dockerModelRunner) return null;
    if ((assessment?.backend ?? declaration.backend ?? 'llama.cpp') !== 'llama.cpp') return null;
    const cost = this.#costFor(ref, assessment);
    if (cost === undefined) return null;
    const contextSize = given ?? assessment?.entry.contextSize ?? leastContext;
    const { need, given: estimate, assumed } = this.#sizedAt(cost, contextSize);
    return {
      declaration,
      assessment,
      name: assessment?.entry.id ?? ref,
      cost,
      contextSize,
      need,
      estimate: given === null ? assumed : estimate,
    };
  }

  #sizedAt(cost: ModelCost, contextSize: number): Sized {
    let sizes = this.#sized.get(cost);
    if (sizes === undefined) this.#sized.set(cost, (sizes = new Map()));
    let sized = sizes.get(contextSize);
    if (sized === undefined) {
      const need = needAt(cost, contextSize);
      const estimate = (given: boolean) => estimateOf(need, contextSize, given, cost.note);
      sizes.set(contextSize, (sized = { need, given: estimate(true), assumed: estimate(false) }));
    }
    return sized;
  }

  #costFor(ref: string, assessment: Assessment | null): ModelCost | undefined {
    if (assessment === null) return this.#costs.get(dockerKey(ref));
    if (!this.#costOf.has(assessment)) {
      this.#costOf.set(assessment, this.#costs.get(dockerKey(assessment.entry.dockerModel)));
    }
    return this.#costOf.get(assessment);
  }

  /** Does not fit, or is tight, though the table lets it pass. */
  #alone(known: Known): Finding[] {
    const { declaration, assessment } = known;
    if (assessment === null) return [];
    return this.#groupsOf(known, assessment).map((group) => {
      const id = group.fit === 'tight' ? 'memory-tight' : 'memory-does-not-fit';
      const place = dotted(declaration.pointer);
      // A group is of one model at one size.
      const key = `${declaration.contextSize === null} ${place}`;
      let words = group.worded.get(key);
      if (words === undefined) {
        words = wordsOf(id, this.#said(known, place, group));
        group.worded.set(key, words);
      }
      const location = locationOf(declaration.contextSource ?? declaration.source);
      const severity = group.required ? {} : { severity: 'note' as const };
      return findingOf(id, words, {
        location,
        declaration: declaration.pointer,
        targets: this.#idsOf(group.at),
        ...severity,
      });
    });
  }

  #said(known: Known, place: string, { fit, at }: Group): MemoryData {
    const { declaration, name, contextSize, need } = known;
    const have = this.#haves[at[0] as number] as Have;
    const bytes = needOf(need, have);
    return {
      place,
      model: name,
      contextSize,
      given: declaration.contextSize !== null,
      need: amount(bytes),
      have: below(fit === 'tight' ? (have.bytes ?? 0) : most(have), bytes),
      ...this.#named(at),
      advice: this.#advice(known, at, fit),
      note: noteOf(known),
    };
  }

  /** Thousands of declarations ask for the same model at the same size; what that comes to is worked out once. */
  #groupsOf({ declaration, contextSize, need }: Known, assessment: Assessment): readonly Group[] {
    let known = this.#groups.get(assessment);
    if (known === undefined) this.#groups.set(assessment, (known = new Map()));
    const key = declaration.required ? contextSize : -contextSize;
    let groups = known.get(key);
    if (groups === undefined) {
      groups = this.#grouped(declaration.required, (index) => {
        const { status } = assessment.verdicts[index] as Assessment['verdicts'][number];
        const isAllowed = status === 'pass' || status === 'warning';
        return isAllowed ? fitOf(need, this.#haves[index] as Have) : 'unknown';
      });
      known.set(key, groups);
    }
    return groups;
  }

  /** Models that are loaded at the same time: each fits, their sum does not. */
  #together(known: readonly Known[]): Finding[] {
    if (known.length < 2) return [];
    const largest = new Map<ModelCost, Known>();
    for (const each of known) {
      const before = largest.get(each.cost);
      if (before === undefined || before.contextSize < each.contextSize) largest.set(each.cost, each);
    }
    if (largest.size < 2) return [];
    // Several names of one cost are one model; what is required decides how much it weighs.
    const parts = [...largest.values()].sort((a, b) => b.need.device.total - a.need.device.total);
    const isRequired = known.some(({ declaration }) => declaration.required);
    const [main] = parts;
    if (main === undefined) return [];
    const sum = sumOf(parts.map(({ need }) => need));
    const key = JSON.stringify([
      isRequired,
      ...parts.map((each) => [each.name, each.assessment?.backend, each.contextSize]),
    ]);
    let groups = this.#groupsTogether.get(key);
    groups ??= this.#grouped(isRequired, (index) => {
      const have = this.#haves[index] as Have;
      const runs = parts.every(({ assessment, need }) => {
        const status = assessment?.verdicts[index]?.status ?? 'pass';
        return (status === 'pass' || status === 'warning') && fitOf(need, have) !== 'does-not-fit';
      });
      return runs && fitOf(sum, have) === 'does-not-fit' ? 'does-not-fit' : 'unknown';
    });
    this.#groupsTogether.set(key, groups);
    return groups.map(({ at, required, worded }) => {
      let words = worded.get('');
      if (words === undefined) worded.set('', (words = this.#saidTogether(parts, sum, at)));
      return findingOf('models-do-not-fit-together', words, {
        location: locationOf(main.declaration.source),
        declaration: main.declaration.pointer,
        targets: this.#idsOf(at),
        ...(required ? {} : { severity: 'note' as const }),
      });
    });
  }

  #saidTogether(parts: readonly Known[], sum: Need, at: readonly number[]): Words {
    const have = this.#haves[at[0] as number] as Have;
    const bytes = needOf(sum, have);
    const words = parts.map(({ name, need }) => `${short(name, 60)} (${amount(needOf(need, have))})`);
    return wordsOf('models-do-not-fit-together', {
      parts: `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`,
      need: amount(bytes),
      have: below(most(have), bytes),
      ...this.#named(at),
      note: parts.map(noteOf).find((note) => note !== null) ?? null,
    });
  }

  /** Targets by what is said of them, those that are required apart from the others (decision 18). */
  #grouped(declarationRequired: boolean, fitAt: (index: number) => Fit): Group[] {
    const groups: Group[] = [];
    const fits = this.#targets.map((_, index) => fitAt(index));
    if (!fits.includes('does-not-fit') && !fits.includes('tight')) return groups;
    for (const fit of ['does-not-fit', 'tight'] as const) {
      for (const required of [true, false]) {
        const at = fits.flatMap((each, index) => {
          const weighs = declarationRequired && (this.#targets[index] as Target).required;
          // A tight fit is a note everywhere.
          return each === fit && (fit === 'tight' ? required : weighs === required) ? [index] : [];
        });
        if (at.length > 0) groups.push({ fit, required, at: this.#shared(at), worded: new Map() });
      }
    }
    return groups;
  }

  #shared(at: number[]): readonly number[] {
    const key = at.join(' ');
    const shared = this.#lists.get(key);
    if (shared === undefined) this.#lists.set(key, at);
    return shared ?? at;
  }

  #idsOf(at: readonly number[]): readonly string[] {
    let ids = this.#ids.get(at);
    if (ids === undefined) {
      ids = at.map((index) => (this.#targets[index] as Target).id);
      this.#ids.set(at, ids);
    }
    return ids;
  }

  #named(at: readonly number[]): { target: string; more: number } {
    return { target: (this.#targets[at[0] as number] as Target).name, more: at.length - 1 };
  }

  /** The largest context, in whole kibi of tokens, that fits on all these targets; null where none does. */
  #largestSize(cost: ModelCost, at: readonly number[], fit: Fit): number | null {
    let sizes = this.#sizes.get(at);
    if (sizes === undefined) this.#sizes.set(at, (sizes = new Map()));
    const key = `${cost.names[0]} ${fit}`;
    const before = sizes.get(key);
    if (before !== undefined) return before;
    const wanted = fit === 'tight' ? ['fits'] : ['fits', 'tight'];
    let low = 0;
    let high = 2 ** 21;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      const need = needAt(cost, middle * 1024);
      const isRight = at.every((index) => wanted.includes(fitOf(need, this.#haves[index] as Have)));
      if (isRight) low = middle;
      else high = middle;
    }
    const size = low === 0 ? null : low * 1024;
    sizes.set(key, size);
    return size;
  }

  #advice({ cost, declaration }: Known, at: readonly number[], fit: Fit): string {
    const size = this.#largestSize(cost, at, fit);
    const many = at.length > 1;
    const isHere = at.every((index) => (this.#targets[index] as Target).id === thisMachineId);
    const drop = isHere ? '' : ` or drop ${many ? 'these targets' : 'the target'}`;
    const write = size === null ? '' : `Write "context_size": ${size} or less`;
    if (fit === 'tight') {
      return size === null
        ? 'Close what else takes memory there, and verify it with mn model doctor.'
        : `${write} to leave room, or verify it with mn model doctor there.`;
    }
    if (size !== null && declaration.contextSize !== null) {
      return `${write}, which fits${many ? ' on all of them' : ''}, use a smaller model,${drop === '' ? ' or another machine' : drop}.`;
    }
    return `Use a smaller model${drop === '' ? ' or another machine' : `,${drop}`}.`;
  }
}

function exceedsModel({ declaration, name, cost, contextSize }: Known): Finding | null {
  const { contextSource, required } = declaration;
  const { trained } = cost;
  if (contextSource === null || trained === null || contextSize <= trained) return null;
  return finding(
    'context-exceeds-model',
    { place: dotted(declaration.pointer), model: name, contextSize, trained },
    {
      location: locationOf(contextSource),
      declaration: declaration.pointer,
      ...(required ? {} : { severity: 'note' as const }),
    },
  );
}

/** `gemma4:e2b: which quantization …`; null where nothing is uncertain. */
function noteOf({ name, cost }: Known): string | null {
  return cost.note === null ? null : `${name}: ${cost.note}`;
}

function estimateOf(
  { device, host, cpu_only, margin }: Need,
  contextSize: number,
  given: boolean,
  note: string | null,
): DeclarationEstimate {
  return {
    contextSize,
    given,
    device: device.total,
    host: host.total,
    cpuOnly: cpu_only.total,
    margin,
    note,
  };
}

function sumOf(needs: readonly Need[]): Need {
  const total = (part: 'device' | 'host' | 'cpu_only') => ({
    total: needs.reduce((sum, need) => sum + need[part].total, 0),
  });
  const margin = Math.max(...needs.map((need) => need.margin));
  return { device: total('device'), host: total('host'), cpu_only: total('cpu_only'), margin };
}

function locationOf({ file, pointer }: { file: string; pointer: string }): Location {
  return { file, pointer, range: null };
}

/** What all cards together have, where there are several: that is what was compared last. */
function most({ bytes, togetherBytes }: Have): number {
  return togetherBytes ?? bytes ?? 0;
}

/** GB are 2^30 bytes, as memory is made and sold. */
export function amount(bytes: number): string {
  return gigabytes(bytes / gib);
}

function below(bytes: number, need: number): string {
  return bytes < need ? gigabytesBelow(bytes / gib, Number((need / gib).toFixed(1))) : amount(bytes);
}

import type { Catalog } from '../catalog/catalog.ts';
import { largestFirst } from '../catalog/catalog.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import { saysEmbedding } from '../catalog/name.ts';
import type { Alternative } from '../compatibility/advice.ts';
import { alternative } from '../compatibility/advice.ts';
import { assess, effectiveBackend } from '../compatibility/assess.ts';
import { useSmaller } from '../compatibility/table.ts';
import type { Status, Verdict } from '../compatibility/verdict.ts';
import type { Target } from '../hardware/facts.ts';
import { short } from '../text/text.ts';
import type { Beside } from './beside.ts';
import type { ReportVerdict } from './report.ts';

/** One model with one backend on all targets. */
export interface Assessment {
  entry: CatalogEntry;
  backend: string;
  /** In the order of the targets. */
  verdicts: ReportVerdict[];
  /** Target id -> status; frozen and shared by every declaration of this model and backend. */
  statuses: Readonly<Record<string, Status>>;
}

/** Assesses every model and backend once, however many blueprints ask for it. */
export class Assessments {
  readonly targets: readonly Target[];
  readonly verdicts: ReportVerdict[] = [];
  readonly #catalog: Catalog;
  readonly #force: boolean;
  readonly #beside: Pick<Beside, 'besideVerdict'> | null;
  readonly #candidates: readonly CatalogEntry[];
  readonly #known = new Map<string, Assessment>();
  readonly #models = new Set<string>();
  readonly #alternatives = new Map<string, Alternative | null>();
  #passing: readonly CatalogEntry[] | null = null;

  constructor(
    catalog: Catalog,
    targets: readonly Target[],
    force: boolean,
    beside: Pick<Beside, 'besideVerdict'> | null = null,
  ) {
    this.#catalog = catalog;
    this.#beside = beside;
    this.targets = targets;
    this.#force = force;
    this.#candidates = largestFirst(catalog.entries);
  }

  /** How many distinct models were assessed. */
  get models(): number {
    return this.#models.size;
  }

  of(entry: CatalogEntry, backend: string): Assessment {
    const key = `${entry.id}\n${backend}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const verdicts = this.targets.map((target, index): ReportVerdict => {
      const verdict = this.#verdict(entry, backend, target);
      return this.#beside?.besideVerdict(verdict, entry, index) ?? verdict;
    });
    const statuses: Record<string, Status> = Object.create(null);
    for (const { target, status } of verdicts) statuses[target] = status;
    const assessment: Assessment = { entry, backend, verdicts, statuses: Object.freeze(statuses) };
    this.#known.set(key, assessment);
    this.#models.add(entry.id);
    this.verdicts.push(...verdicts);
    return assessment;
  }

  #verdict(entry: CatalogEntry, backend: string, target: Target): Verdict {
    const verdict = assess(entry, backend, target, this.#force);
    if (verdict.status !== 'fail' && verdict.status !== 'force_only') return verdict;
    const other = this.alternative(entry, [target]);
    if (other === null) return verdict;
    const rest = verdict.help.startsWith(useSmaller)
      ? verdict.help.slice(useSmaller.length + 1)
      : verdict.help;
    return { ...verdict, help: `Use ${nameAlternative(other, entry)}, which runs here. ${rest}`.trimEnd() };
  }

  /** What to suggest instead of an entry on these targets. */
  alternative(entry: CatalogEntry, targets: readonly Target[]): Alternative | null {
    const key = `${entry.id}\n${targets.map(({ id }) => id).join('\n')}`;
    let known = this.#alternatives.get(key);
    if (known === undefined) {
      const fallback =
        entry.fallback === null ? null : (this.#catalog.resolve(entry.fallback)?.entry ?? null);
      known = alternative(entry, fallback, this.#candidates, targets);
      this.#alternatives.set(key, known);
    }
    return known;
  }

  /**
   * The one model to write instead of an entry: its fallback where that passes on all targets, else the only
   * model of the catalog that does. Null where there is none, or several to choose from: that is a decision.
   */
  onlyAlternative({ entry, backend }: Assessment): Alternative | null {
    this.#passing ??= this.#candidates.filter(
      (candidate) =>
        asksForSomething(candidate) && this.#passes(candidate, effectiveBackend(null, candidate)),
    );
    const fits = this.#passing.filter(
      (candidate) =>
        candidate !== entry &&
        candidate.provider === entry.provider &&
        isEmbedding(candidate) === isEmbedding(entry) &&
        this.#passes(candidate, backend),
    );
    const fallback = entry.fallback === null ? null : this.#catalog.resolve(entry.fallback)?.entry;
    const declared = fits.find((candidate) => candidate === fallback);
    if (declared !== undefined) return { entry: declared, isFallback: true };
    return fits.length === 1 ? { entry: fits[0] as CatalogEntry, isFallback: false } : null;
  }

  #passes(entry: CatalogEntry, backend: string): boolean {
    return this.targets.every((target) => assess(entry, backend, target, false).status === 'pass');
  }
}

function asksForSomething({ requirements }: CatalogEntry): boolean {
  return Object.values(requirements).some((gb) => gb !== undefined);
}

/** An embedding model, or one that ranks, never stands in for one that writes. */
function isEmbedding({ id, name, dockerModel, aliases }: CatalogEntry): boolean {
  const names = [id, name ?? '', dockerModel, ...aliases];
  return saysEmbedding(names) || names.some((one) => /rerank/i.test(one));
}

/** `gemma4:e2b (nemotron3's fallback)`. */
export function nameAlternative({ entry, isFallback }: Alternative, instead: CatalogEntry): string {
  return isFallback ? `${short(entry.id)} (${short(instead.id)}'s fallback)` : short(entry.id);
}

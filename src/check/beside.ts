import type { Declaration } from '../blueprint/declarations.ts';
import type { BlueprintRequirements } from '../blueprint/requirements.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import type { Verdict } from '../compatibility/verdict.ts';
import type { Finding } from '../findings/finding.ts';
import type { Target } from '../hardware/facts.ts';
import type { ModelCost } from '../memory/cost.ts';
import type { Have } from '../memory/fit.ts';
import type { Assessment } from './assessments.ts';
import { amount, MemoryCheck } from './memory.ts';
import type { DeclarationEstimate, ReportVerdict } from './report.ts';
import { requirementFindings } from './requirements.ts';

/** One declaration with what became of it. */
export interface Part {
  declaration: Declaration;
  assessment: Assessment | null;
}

/** What is said beside the verdicts of one run: the memory estimate, and the blueprints' own requirements. */
export class Beside {
  readonly #targets: readonly Target[];
  readonly #memory: MemoryCheck;

  /** `more`: known models besides those of the built-in catalog. */
  constructor(targets: readonly Target[], more: readonly ModelCost[] = []) {
    this.#targets = targets;
    this.#memory = new MemoryCheck(targets, more);
  }

  /** What it costs to leave the context size of a model to the engine, in a sentence; null where it is not known. */
  costOfNoContext(ref: string): string | null {
    return this.#memory.costOfNoContext(ref);
  }

  /** What each target has for models, in their order. */
  get modelMemory(): readonly Have[] {
    return this.#memory.haves;
  }

  /** The verdict with the estimate beside it. Where only the table refuses, its help says so. */
  besideVerdict(verdict: Verdict, entry: CatalogEntry, index: number): ReportVerdict {
    const estimate = this.#memory.ofVerdict(entry, verdict.backend, index);
    const onlyTable =
      estimate?.fit === 'fits' &&
      (verdict.status === 'fail' || verdict.status === 'force_only') &&
      verdict.rule !== 'backend-unsupported';
    if (!onlyTable) return { ...verdict, estimate };
    const { contextSize, need, have } = estimate;
    const words = `By the estimate it takes ${amount(need)} of ${amount(have)} at ${contextSize} tokens; the hardware table decides all the same.`;
    return { ...verdict, help: `${verdict.help} ${words}`.trimStart(), estimate };
  }

  check(
    parts: readonly Part[],
    requirements: BlueprintRequirements | null,
  ): { findings: Finding[]; estimates: (DeclarationEstimate | null)[] } {
    const { findings, estimates } = this.#memory.check(parts);
    const about = requirements === null ? [] : requirementFindings(requirements, parts, this.#targets);
    return { findings: [...findings, ...about], estimates };
  }
}

import type { Declaration } from '../blueprint/declarations.ts';
import { dockerModelRunner } from '../blueprint/declarations.ts';
import { dockerKey } from '../catalog/name.ts';
import type { Verdict } from '../compatibility/verdict.ts';
import { dotted } from '../document/pointer.ts';
import type { Finding } from '../findings/finding.ts';
import { finding } from '../findings/finding.ts';
import { thisMachineId } from '../hardware/facts.ts';
import type { Assessment } from './assessments.ts';

/** Why something is not there, as a sentence, and the next step. */
export interface Lack {
  reason: string;
  fix: string;
}

/** What the Docker Model Runner of a machine has, asked before the check. */
export type InstalledModels =
  | {
      ok: true;
      /** Whether a model of this Docker name is installed. */
      has(dockerModel: string): boolean;
      /** Why this engine cannot run models; null where nothing speaks against it. */
      lacksBackend(backend: string): Lack | null;
    }
  /** There is no runner. */
  | ({ ok: false } & Lack);

/** A service that is not there. */
export interface MissingService extends Lack {
  /** Some declaration that cannot do without its model needs it. */
  required: boolean;
  models: { model: string; blueprint: string }[];
}

/** The finding that tells of it. */
export function serviceFinding({
  reason,
  fix,
  models,
  required,
}: Lack & { required: boolean; models: string[] }): Finding {
  return finding(
    'runner-unavailable',
    { reason, fix, models },
    required ? {} : { severity: 'note' as const },
  );
}

/** What a declaration needs of the runner. */
interface Need {
  /** What `mn model install` takes: the catalog id, or the reference itself. */
  model: string;
  dockerModel: string;
  /** Null where the runner chooses. */
  backend: string | null;
  /** It runs only because force was asked for. */
  forced: boolean;
}

/**
 * Compares the declarations of one check with what is installed. Services come first: without a runner nothing is
 * said of models.
 */
export class InstalledCheck {
  readonly #installed: InstalledModels;
  readonly #missing = new Map<string, { lack: Lack; models: Map<string, string>; required: boolean }>();
  /** Path of the blueprint that is checked now. */
  blueprint = '';

  constructor(installed: InstalledModels) {
    this.#installed = installed;
  }

  /** What is to be told at a declaration. */
  of(
    declaration: Declaration,
    accepted: ReadonlyMap<string, Declaration['accepted']>,
    assessment: Assessment | null,
  ): Finding[] {
    const need = needOf(declaration, accepted, assessment);
    if (need === null) return [];
    const installed = this.#installed;
    const { required, ref, pointer, source } = declaration;
    const { model, dockerModel, backend, forced } = need;
    const lack = installed.ok ? (backend === null ? null : installed.lacksBackend(backend)) : installed;
    if (lack !== null) {
      const known = this.#missing.get(lack.reason) ?? { lack, models: new Map(), required: false };
      this.#missing.set(lack.reason, known);
      if (!known.models.has(model)) known.models.set(model, this.blueprint);
      known.required ||= required;
    }
    if (!installed.ok || installed.has(dockerModel)) return [];
    return [
      finding(
        'model-not-installed',
        { place: dotted(pointer), ref: ref ?? model, model, dockerModel, forced },
        {
          location: { file: source.file, pointer: source.pointer, range: null },
          ...(required ? {} : { severity: 'note' as const }),
        },
      ),
    ];
  }

  /** What is to be told of the run as a whole: each service that is missing once, however many need it. */
  services(): Finding[] {
    return this.missing().map(({ models, ...service }) =>
      serviceFinding({ ...service, models: models.map(({ model }) => model) }),
    );
  }

  /** The services that are missing, each with the models that need it and the blueprint that is the first to. */
  missing(): MissingService[] {
    return [...this.#missing.values()].map(({ lack: { reason, fix }, models, required }) => ({
      reason,
      fix,
      required,
      models: [...models].map(([model, blueprint]) => ({ model, blueprint })),
    }));
  }
}

/** Null where a declaration is skipped, not known, served by somebody else or does not run anyway. */
function needOf(
  { ref, skipped, provider, backend, backendRefused }: Declaration,
  accepted: ReadonlyMap<string, Declaration['accepted']>,
  assessment: Assessment | null,
): Need | null {
  if (skipped !== null || ref === null || provider !== dockerModelRunner) return null;
  if (assessment !== null) {
    const runs = verdictsThatCount(assessment).filter(({ ok }) => ok);
    if (backendRefused || runs.length === 0) return null;
    const { entry } = assessment;
    const forced = runs.every((verdict) => verdict.forced);
    return { model: entry.id, dockerModel: entry.dockerModel, backend: assessment.backend, forced };
  }
  // What the payload brings is not installed by name.
  if (accepted.get(dockerKey(ref)) !== 'customize_mode') return null;
  return { model: ref, dockerModel: ref, backend: backend === 'auto' ? null : backend, forced: false };
}

/** Those on this machine where it is a target, else all. */
function verdictsThatCount({ verdicts }: Assessment): Verdict[] {
  const here = verdicts.filter(({ target }) => target === thisMachineId);
  return here.length > 0 ? here : verdicts;
}

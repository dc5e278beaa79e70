import type { Catalog } from '../catalog/catalog.ts';
import { dockerKey } from '../catalog/name.ts';
import type { Report } from '../check/report.ts';
import type { Verdict } from '../compatibility/verdict.ts';

/** A model that blueprints declare. */
export interface Wanted {
  /** Of the catalog. */
  id: string;
  /** As Docker knows it: `ai/gemma4:E2B`. */
  dockerModel: string;
  aliases: readonly string[];
  backend: string;
  /** Tokens: the most that a declaration asks for, else the catalog's; null leaves it to the engine. */
  contextSize: number | null;
  /** Whether a required declaration names it. */
  required: boolean;
  /** On this machine. */
  verdict: Verdict;
}

/** The models of a report of this machine alone, each once, in the order of the blueprints: those that run, and those that do not. */
export function wantedOf(
  { blueprints, verdicts }: Pick<Report, 'blueprints' | 'verdicts'>,
  catalog: Pick<Catalog, 'resolve'>,
): { running: Wanted[]; others: Wanted[] } {
  const running = new Map<string, Wanted>();
  const others = new Map<string, Wanted>();
  for (const { model, dockerModel, backend, contextSize, required } of blueprints.flatMap(
    ({ declarations }) => declarations,
  )) {
    if (model === null || dockerModel === null || backend === null) continue;
    const verdict = verdicts.find((one) => one.model === model && one.backend === backend);
    if (verdict === undefined) continue;
    const list = verdict.ok ? running : others;
    const key = dockerKey(dockerModel);
    const known = list.get(key);
    const entry = catalog.resolve(model)?.entry;
    const size = contextSize ?? entry?.contextSize ?? null;
    if (known === undefined) {
      list.set(key, {
        id: model,
        dockerModel,
        aliases: entry?.aliases ?? [],
        backend,
        contextSize: size,
        required,
        verdict,
      });
      continue;
    }
    known.required ||= required;
    if (size !== null) known.contextSize = Math.max(known.contextSize ?? 0, size);
  }
  for (const key of running.keys()) others.delete(key);
  return { running: [...running.values()], others: [...others.values()] };
}

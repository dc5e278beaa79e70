import type { Blueprint } from '../blueprint/discover.ts';
import { configNames, resolveEnvironment } from '../blueprint/environment.ts';
import type { Worker } from '../blueprint/worker.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Target } from '../hardware/facts.ts';

/** A job output of GitHub holds about 500,000 characters with all others of its job. */
export const maxOutputCharacters = 400_000;

/** `{include: […]}` for `strategy: matrix: ${{ fromJSON(…) }}`: one job a target. */
export function matrixOutput(targets: readonly Target[]): string {
  return JSON.stringify({
    include: targets.map(({ id, name, runsOn }) => ({
      id,
      name,
      ...(runsOn === null ? {} : { 'runs-on': runsOn }),
    })),
  });
}

/** Blueprint path -> config -> variables; a blueprint without configs has its variables under `default`. */
export class EnvironmentOutput {
  readonly #all: Record<string, Record<string, Record<string, string>>> = Object.create(null);
  readonly #worker: Worker;

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  add(blueprint: Blueprint, catalog: Catalog): void {
    if (blueprint.findings.length > 0) return;
    const names = configNames(blueprint);
    const configs: Record<string, Record<string, string>> = Object.create(null);
    for (const name of names.length > 0 ? names : [null]) {
      const resolved = resolveEnvironment(blueprint, name, this.#worker, catalog);
      if (!resolved.ok || resolved.variables.size === 0) continue;
      const variables: Record<string, string> = Object.create(null);
      for (const [key, value] of resolved.variables) variables[key] = value;
      configs[name ?? 'default'] = variables;
    }
    if (Object.keys(configs).length > 0) this.#all[blueprint.path] = configs;
  }

  /** As JSON. */
  toString(): string {
    return JSON.stringify(this.#all);
  }
}

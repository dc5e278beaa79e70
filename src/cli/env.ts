import { containerHint, dotenvLine, resolveEnvironment } from '../blueprint/environment.ts';
import type { Worker } from '../blueprint/worker.ts';
import { nodeFiles } from '../io/files.ts';
import { guardLines } from '../report/guard.ts';
import { safeJson } from '../report/json.ts';
import { loadCatalogs } from '../run/catalogs.ts';
import { repositoryOf } from '../run/repository.ts';
import { UsageError } from '../run/usage-error.ts';
import { didYouMean } from '../text/nearest.ts';
import { quote } from '../text/text.ts';
import { unknownModel } from './known-models.ts';
import { onlyReadable } from './one-blueprint.ts';
import type { Terminal } from './terminal.ts';

export interface EnvOptions {
  config?: string;
  worker: Worker;
  catalog: string[];
  json: boolean;
}

/** `mn blueprint env`. Returns the exit code. */
export async function env(path: string, options: EnvOptions, terminal: Terminal): Promise<number> {
  const blueprint = onlyReadable(path, terminal);
  if (blueprint === null) return 1;
  const repository = repositoryOf('.');
  const { catalog } = await loadCatalogs(repository, options.catalog, process.env, nodeFiles([repository]));
  const resolved = resolveEnvironment(blueprint, options.config ?? null, options.worker, catalog);
  if (!resolved.ok) {
    switch (resolved.problem) {
      case 'unknown-config':
        throw new UsageError([
          `${quote(path)} has no config ${quote(resolved.name)}.${didYouMean(resolved.name, resolved.known)} It has: ${resolved.known.map((name) => quote(name)).join(', ') || 'none'}.`,
        ]);
      case 'unknown-default':
        terminal.err(
          `error: llm.default_config of ${quote(path)} is ${quote(resolved.name)}, which is no config.${didYouMean(resolved.name, resolved.known)} Correct it, or choose one with --config: ${resolved.known.map((name) => quote(name)).join(', ')}.\n`,
        );
        return 1;
      case 'unknown-model':
        terminal.err(`error: ${unknownModel(catalog, resolved.name)}\n`);
        return 1;
      default:
        terminal.err(
          `error: ${quote(path)} names no language model. Add an llm section with a model; mn blueprint validate says where.\n`,
        );
        return 1;
    }
  }
  const { variables } = resolved;
  if (options.json) {
    const object: Record<string, string> = Object.create(null);
    for (const [name, value] of variables) object[name] = value;
    terminal.out(`${safeJson(object, 2)}\n`);
    return 0;
  }
  if (variables.size === 0)
    terminal.out('# llm.enabled is false: MirrorNeuron sets no MN_LLM_* variables.\n');
  for (const [name, value] of variables) terminal.out(guardLines(`${dotenvLine(name, value)}\n`));
  if (variables.get('MN_LLM_API_BASE')?.includes('model-runner.docker.internal'))
    terminal.out(`${containerHint}\n`);
  return 0;
}

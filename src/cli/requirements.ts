import { blueprintId } from '../blueprint/discover.ts';
import { needsOf, worstOn } from '../check/least.ts';
import { nodeFiles } from '../io/files.ts';
import { costsByName } from '../memory/cost.ts';
import { costs } from '../memory/more-costs.generated.ts';
import {
  requirementsBadge,
  requirementsJson,
  requirementsMarkdown,
  requirementsText,
} from '../report/requirements.ts';
import { loadCatalogs } from '../run/catalogs.ts';
import { repositoryOf } from '../run/repository.ts';
import { chooseTargets } from '../run/targets.ts';
import { UsageError } from '../run/usage-error.ts';
import { onlyReadable } from './one-blueprint.ts';
import type { Terminal } from './terminal.ts';

export interface RequirementsOptions {
  targets: string[];
  catalog: string[];
  json: boolean;
  markdown: boolean;
  badge: boolean;
}

/** `mn blueprint requirements`. Returns the exit code: 1 where a required model is not known. */
export async function blueprintRequirements(
  path: string,
  options: RequirementsOptions,
  terminal: Terminal,
): Promise<number> {
  const forms = (['json', 'markdown', 'badge'] as const).filter((form) => options[form]);
  if (forms.length > 1) {
    throw new UsageError([
      `${forms.map((form) => `--${form}`).join(' and ')} contradict each other. Give one of them.`,
    ]);
  }
  const blueprint = onlyReadable(path, terminal);
  if (blueprint === null) return 1;
  const repository = repositoryOf('.');
  const files = nodeFiles([repository]);
  const { catalog } = await loadCatalogs(repository, options.catalog, process.env, files);
  const chosen =
    options.targets.length === 0
      ? []
      : (
          await chooseTargets(
            { specs: options.targets, only: [], settings: [], whenNobodyChose: 'this-machine' },
            repository,
            nodeFiles(['/']),
          )
        ).targets;
  const needs = needsOf(blueprint, catalog, costsByName(costs));
  const report = {
    id: blueprintId(blueprint),
    path: blueprint.path,
    needs,
    targets: chosen.map((target) => ({
      id: target.id,
      name: target.name,
      status: worstOn(needs.models, target),
    })),
  };
  const write = options.json
    ? requirementsJson
    : options.markdown
      ? requirementsMarkdown
      : options.badge
        ? requirementsBadge
        : requirementsText;
  terminal.out(write(report));
  return needs.unknown.length > 0 ? 1 : 0;
}

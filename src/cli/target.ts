import { join } from '../blueprint/discover.ts';
import { assess, effectiveBackend } from '../compatibility/assess.ts';
import { describeFacts } from '../hardware/describe.ts';
import type { Target } from '../hardware/facts.ts';
import { presets, rowPresetIds } from '../hardware/presets.ts';
import { profileOf } from '../hardware/profile.ts';
import { defaultTargetsFile } from '../hardware/select.ts';
import { nodeFiles } from '../io/files.ts';
import { guardLines } from '../report/guard.ts';
import { safeJson } from '../report/json.ts';
import { legend, marks } from '../report/words.ts';
import { defaultModel, loadCatalogs } from '../run/catalogs.ts';
import { repositoryOf } from '../run/repository.ts';
import { chooseTargets } from '../run/targets.ts';
import { count, printable } from '../text/text.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

export interface TargetListOptions {
  catalog: string[];
  json: boolean;
}

/** `mn target list`: the repository's own targets and all presets, each with what the default model's verdict is. */
export async function targetList(options: TargetListOptions, terminal: Terminal): Promise<number> {
  const repository = repositoryOf('.');
  const files = nodeFiles(['.', repository]);
  const { catalog } = await loadCatalogs(repository, options.catalog, process.env, files);
  const model = defaultModel(catalog);
  const own = defaultTargetsFile((path) => files.hasFile(join(repository, path)));
  const declared =
    own.ok && own.file !== null
      ? (
          await chooseTargets(
            { specs: [], only: [], settings: [], whenNobodyChose: 'this-machine' },
            repository,
            files,
          )
        ).targets
      : [];
  const verdict = (target: Target) => assess(model, effectiveBackend(null, model), target, false);

  if (options.json) {
    const list = (targets: readonly Target[], from: string) =>
      targets.map((target) => {
        const { status, rule, message } = verdict(target);
        return { ...profileOf(target), from, verdict: { model: model.id, status, rule, message } };
      });
    const all = [...list(declared, own.ok ? (own.file ?? '') : ''), ...list(presets, 'preset')];
    terminal.out(`${safeJson({ targets: all }, 2)}\n`);
    return 0;
  }
  const groups: [string, readonly Target[]][] = [
    ['Targets of this repository', declared],
    ['Presets: the rows of the hardware table', presets.filter(({ id }) => rowPresetIds.includes(id))],
    ['Presets: devices', presets.filter(({ id }) => !rowPresetIds.includes(id))],
  ];
  for (const [title, targets] of groups) {
    if (targets.length === 0) continue;
    const rows = targets.map((target) => [
      marks[verdict(target).status],
      target.id,
      printable(target.name),
      describeFacts(target.facts),
    ]);
    terminal.out(`${terminal.colors.bold(`${title} (${targets.length})`)}\n`);
    terminal.out(`${guardLines(table([' ', 'id', 'name', 'hardware'], rows, terminal.colors.dim))}\n`);
  }
  terminal.out(`${model.id}: ${legend}\n`);
  terminal.out(
    `Use them: mn blueprint validate --targets ${presets[0]?.id},… (${count(presets.length, 'preset')}), or name them in .mn/targets.yaml.\n`,
  );
  return 0;
}

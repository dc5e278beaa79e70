import { defaultModelId } from '../catalog/built-in.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import { Assessments } from '../check/assessments.ts';
import { effectiveBackend } from '../compatibility/assess.ts';
import type { Verdict } from '../compatibility/verdict.ts';
import { describeFacts } from '../hardware/describe.ts';
import type { Target } from '../hardware/facts.ts';
import { thisMachineId } from '../hardware/facts.ts';
import { profileOf } from '../hardware/profile.ts';
import { nodeFiles } from '../io/files.ts';
import { guardLines } from '../report/guard.ts';
import { safeJson } from '../report/json.ts';
import { placeOf } from '../report/survey.ts';
import { marks, statusWords } from '../report/words.ts';
import { loadCatalogs } from '../run/catalogs.ts';
import { repositoryOf } from '../run/repository.ts';
import { chooseTargets } from '../run/targets.ts';
import { UsageError } from '../run/usage-error.ts';
import { gigabytes, printable, quote } from '../text/text.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

export interface ModelOptions {
  catalog: string[];
  json: boolean;
}

/** `mn model list`. */
export async function modelList(options: ModelOptions, terminal: Terminal): Promise<number> {
  const repository = repositoryOf('.');
  const files = nodeFiles([repository]);
  const { catalog, findings } = await loadCatalogs(repository, options.catalog, process.env, files);
  for (const { message, help, location } of findings) {
    terminal.err(`warning: ${placeOf(location)}: ${printable(`${message} ${help}`)}\n`);
  }
  if (options.json) {
    terminal.out(`${safeJson({ models: catalog.entries.map((entry) => entryJson(entry)) }, 2)}\n`);
    return 0;
  }
  const rows = catalog.entries.map((entry) => [
    entry.id,
    entry.dockerModel,
    entry.backend,
    entry.contextSize === null ? '–' : String(entry.contextSize),
    requirementsText(entry),
    entry.aliases.join(', '),
    sourceText(entry),
  ]);
  terminal.out(
    guardLines(
      table(
        ['model', 'Docker name', 'backend', 'context', 'needs', 'aliases', 'from'],
        rows,
        terminal.colors.bold,
      ),
    ),
  );
  terminal.out('\nDoes one run here: mn model show <model> --compatibility\n');
  return 0;
}

export interface ShowOptions extends ModelOptions {
  compatibility: boolean;
  targets: string[];
  set: string[];
}

/** `mn model show`. */
export async function modelShow(ref: string, options: ShowOptions, terminal: Terminal): Promise<number> {
  const repository = repositoryOf('.');
  const files = nodeFiles([repository]);
  const { catalog } = await loadCatalogs(repository, options.catalog, process.env, files);
  const entry = resolveOrThrow(catalog, ref);
  const asked = options.compatibility || options.targets.length > 0 || options.set.length > 0;
  const chosen = asked
    ? await chooseTargets(
        { specs: options.targets, only: null, settings: options.set, whenNobodyChose: 'this-machine' },
        repository,
        options.targets.length > 0 ? nodeFiles(['/']) : files,
      )
    : null;
  const verdicts =
    chosen === null
      ? []
      : new Assessments(catalog, chosen.targets, false).of(entry, effectiveBackend(null, entry)).verdicts;

  if (options.json) {
    const json: Record<string, unknown> = entryJson(entry);
    if (chosen !== null) {
      json['compatibility'] = verdictJson(verdicts[0] as Verdict);
      json['hardware'] = profileOf(chosen.targets[0] as Target);
      json['verdicts'] = verdicts.map(verdictJson);
    }
    terminal.out(`${safeJson(json, 2)}\n`);
    return 0;
  }
  terminal.out(guardLines(`${describeEntry(entry, terminal)}\n`));
  if (chosen === null) {
    terminal.out(
      `  needs ${requirementsText(entry)}\n\nDoes it run here: mn model show ${entry.id} --compatibility\n`,
    );
  } else if (chosen.targets.length === 1) {
    terminal.out(guardLines(oneVerdict(chosen.targets[0] as Target, verdicts[0] as Verdict, terminal)));
  } else {
    terminal.out(guardLines(manyVerdicts(chosen.targets, verdicts, terminal)));
  }
  return 0;
}

function resolveOrThrow(catalog: Catalog, ref: string): CatalogEntry {
  const resolved = catalog.resolve(ref);
  if (resolved !== null) return resolved.entry;
  throw new UsageError([
    `unknown model ${quote(ref)}.${printable(catalog.suggest(ref))}\n  looked in: ${printable(catalog.describe())}`,
  ]);
}

/** `8 GB VRAM, 16 GB unified memory or 32 GB RAM on a CPU`. */
function requirementsText({ requirements }: CatalogEntry): string {
  const { minVramGb, minUnifiedMemoryGb, minCpuRamGb } = requirements;
  const parts = [
    minVramGb === undefined ? '' : `${gigabytes(minVramGb)} VRAM`,
    minUnifiedMemoryGb === undefined ? '' : `${gigabytes(minUnifiedMemoryGb)} unified`,
    minCpuRamGb === undefined ? '' : `${gigabytes(minCpuRamGb)} CPU RAM`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'nothing' : parts.join(' / ');
}

function sourceText({ source }: CatalogEntry): string {
  return source.line === null ? source.catalog : `${source.catalog}:${source.line}`;
}

function describeEntry(entry: CatalogEntry, { colors }: Terminal): string {
  const facts = [
    entry.dockerModel,
    entry.backends.join(', '),
    ...(entry.contextSize === null ? [] : [`context ${entry.contextSize}`]),
    ...(entry.aliases.length === 0 ? [] : [`aliases ${entry.aliases.join(', ')}`]),
  ];
  const from = [
    entry.source.line === null ? 'built-in catalog' : sourceText(entry),
    ...(entry.fallback === null ? [] : [`falls back to ${entry.fallback}`]),
  ];
  return `${colors.bold(printable(entry.id))}  ${printable(facts.join(' · '))}\n  ${printable(from.join(' · '))}\n`;
}

function paintStatus(verdict: Verdict, { colors }: Terminal): string {
  const text = `${marks[verdict.status]} ${statusWords[verdict.status]}`;
  return verdict.status === 'pass'
    ? colors.green(text)
    : verdict.status === 'fail'
      ? colors.red(text)
      : colors.yellow(text);
}

function oneVerdict(target: Target, verdict: Verdict, terminal: Terminal): string {
  const label = (text: string) => `  ${text.padEnd(15)}`;
  const here = target.id === thisMachineId;
  const name = here ? 'This machine' : 'Target';
  const what = here
    ? describeFacts(target.facts)
    : `${printable(target.name)} (${describeFacts(target.facts)})`;
  let text = `${label(name)}${what}\n`;
  if (target.overridden !== undefined) text += `${label('Overridden')}${target.overridden.join(', ')}\n`;
  text += `${label('Verdict')}${paintStatus(verdict, terminal)}: ${printable(verdict.message)} (${verdict.rule})\n`;
  if (verdict.accelerator !== null)
    text += `${label('Carried by')}${verdict.backend} / ${verdict.accelerator}\n`;
  if (verdict.help !== '')
    text += `${label(verdict.status === 'pass' ? 'Note' : 'What to do')}${printable(verdict.help)}\n`;
  if (!verdict.ok) text += `${label('')}mn target list shows where it runs\n`;
  return text;
}

function manyVerdicts(targets: readonly Target[], verdicts: readonly Verdict[], terminal: Terminal): string {
  const rows = targets.map((target, index) => {
    const verdict = verdicts[index] as Verdict;
    return [target.id, printable(target.name), paintStatus(verdict, terminal), verdict.message];
  });
  return table(['target', 'name', 'verdict', 'why'], rows, terminal.colors.bold);
}

/**
 * A catalog entry with the fields that MirrorNeuron's own `mn model list
 * --json` has, and with ours. `installed` is null: nobody has looked.
 */
export function entryJson(entry: CatalogEntry): Record<string, unknown> {
  const { minVramGb, minUnifiedMemoryGb, minCpuRamGb } = entry.requirements;
  return {
    id: entry.id,
    name: entry.name,
    provider: entry.provider,
    model: entry.dockerModel,
    docker_model: entry.dockerModel,
    api_model: entry.apiModel,
    backend: entry.backend,
    backends: entry.backends,
    aliases: entry.aliases,
    context_size: entry.contextSize,
    fallback_model: entry.fallback,
    requirements: {
      ...(minVramGb === undefined ? {} : { min_vram_gb: minVramGb }),
      ...(minUnifiedMemoryGb === undefined ? {} : { min_unified_memory_gb: minUnifiedMemoryGb }),
      ...(minCpuRamGb === undefined ? {} : { min_cpu_ram_gb: minCpuRamGb }),
    },
    default: entry.id === defaultModelId,
    status: entry.id === defaultModelId ? 'default' : '',
    installed: null,
    source: { catalog: entry.source.catalog, line: entry.source.line },
  };
}

function verdictJson(verdict: Verdict): Record<string, unknown> {
  return { ...verdict, warnings: verdict.status === 'warning' ? [verdict.help] : [] };
}

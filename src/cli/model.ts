import { defaultModelId } from '../catalog/built-in.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import { Assessments } from '../check/assessments.ts';
import { Beside } from '../check/beside.ts';
import { effectiveBackend } from '../compatibility/assess.ts';
import type { Verdict } from '../compatibility/verdict.ts';
import { describeFacts } from '../hardware/describe.ts';
import type { Target } from '../hardware/facts.ts';
import { thisMachineId } from '../hardware/facts.ts';
import { profileOf } from '../hardware/profile.ts';
import { nodeFiles } from '../io/files.ts';
import { guardLines } from '../report/guard.ts';
import { safeJson } from '../report/json.ts';
import { marks, statusWords } from '../report/words.ts';
import { repositoryOf } from '../run/repository.ts';
import { chooseTargets } from '../run/targets.ts';
import type { InstalledModel } from '../runner/types.ts';
import { gigabytes, printable } from '../text/text.ts';
import type { Store } from './installed.ts';
import { catalogOf, entryOf } from './known-models.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

export interface ModelOptions {
  catalog: string[];
  json: boolean;
}

export interface ListOptions extends ModelOptions {
  installed: boolean;
}

/** `mn model list`. */
export async function modelList(options: ListOptions, terminal: Terminal): Promise<number> {
  const catalog = await catalogOf(options.catalog, terminal);
  const store = await (await import('./installed.ts')).lookIntoStore();
  const rows = listRows(catalog.entries, store).filter(({ model }) => !options.installed || model !== null);
  if (options.json) {
    const models = rows.map(({ entry, model }) =>
      entry === null ? strangerJson(model) : entryJson(entry, store === null ? undefined : model),
    );
    terminal.out(`${safeJson({ models, docker_model_runner: storeJson(store) }, 2)}\n`);
    return 0;
  }
  const heads = ['model', 'Docker name', 'backend', 'context', 'needs', 'aliases', 'from'];
  if (store !== null) heads.splice(2, 0, 'installed', 'size', 'digest');
  const cells = rows.map(({ entry, model }) => {
    const about = entry === null ? strangerCells(model) : [entry.id, entry.dockerModel, ...entryCells(entry)];
    if (store !== null) about.splice(2, 0, ...installedCells(model));
    return about;
  });
  if (cells.length > 0) terminal.out(guardLines(table(heads, cells, terminal.colors.bold)));
  else if (store !== null) terminal.out('No model is installed.\n');
  if (store === null)
    terminal.out(`${cells.length > 0 ? '\n' : ''}What is installed is not known: ${notKnown}\n`);
  if (cells.length > 0) terminal.out('\nDoes one run here: mn model show <model> --compatibility\n');
  return 0;
}

const notKnown = 'no Docker Model Runner answers (mn model doctor says why)';

/** What a table row is about: an entry, what is installed under its name, or a model that no catalog knows. */
type ListRow = { entry: CatalogEntry; model: InstalledModel | null } | { entry: null; model: InstalledModel };

function listRows(entries: readonly CatalogEntry[], store: Store | null): ListRow[] {
  if (store === null) return entries.map((entry) => ({ entry, model: null }));
  const known: ListRow[] = entries.map((entry) => ({ entry, model: store.find(entry.dockerModel) }));
  const strangers = store.models.filter((model) => known.every((row) => row.model !== model));
  return [...known, ...strangers.map((model) => ({ entry: null, model }))];
}

function entryCells(entry: CatalogEntry): string[] {
  return [
    entry.backend,
    entry.contextSize === null ? '–' : String(entry.contextSize),
    requirementsText(entry),
    entry.aliases.filter((alias) => alias !== entry.dockerModel).join(', '),
    sourceText(entry),
  ];
}

function strangerCells(model: InstalledModel): string[] {
  const context = model.contextSize === null ? '–' : String(model.contextSize);
  const names =
    model.tags.length === 0 ? [shortDigest(model), 'no tag'] : [strangerId(model), model.tags[0] ?? ''];
  return [...names, '–', context, 'not known', '', 'no catalog'];
}

function installedCells(model: InstalledModel | null): string[] {
  return model === null ? ['no', '', ''] : ['yes', model.size ?? '–', shortDigest(model)];
}

/** Twelve digits, as Docker shows them. */
function shortDigest({ digest }: InstalledModel): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + 12);
}

/** What names a model that no catalog knows: its first tag as people write it, or its digest. */
function strangerId({ tags, digest }: InstalledModel): string {
  return tags[0]?.replace(/^(?:(?:index\.|registry-1\.)?docker\.io\/)/, '') ?? digest;
}

export interface ShowOptions extends ModelOptions {
  compatibility: boolean;
  targets: string[];
  set: string[];
}

/** `mn model show`. */
export async function modelShow(ref: string, options: ShowOptions, terminal: Terminal): Promise<number> {
  const repository = repositoryOf('.');
  const catalog = await catalogOf(options.catalog, terminal);
  const entry = entryOf(catalog, ref);
  const asked = options.compatibility || options.targets.length > 0 || options.set.length > 0;
  const chosen = asked
    ? await chooseTargets(
        { specs: options.targets, only: [], settings: options.set, whenNobodyChose: 'this-machine' },
        repository,
        nodeFiles([options.targets.length > 0 ? '/' : repository]),
      )
    : null;
  const verdicts =
    chosen === null
      ? []
      : new Assessments(catalog, chosen.targets, false).of(entry, effectiveBackend(null, entry)).verdicts;

  const store = await (await import('./installed.ts')).lookIntoStore();
  const model = store === null ? undefined : store.find(entry.dockerModel);
  if (options.json) {
    const json: Record<string, unknown> = entryJson(entry, model);
    if (chosen !== null) {
      json['compatibility'] = verdictJson(verdicts[0] as Verdict);
      json['hardware'] = profileOf(chosen.targets[0] as Target);
      json['verdicts'] = verdicts.map(verdictJson);
    }
    terminal.out(`${safeJson(json, 2)}\n`);
    return 0;
  }
  terminal.out(guardLines(`${describeEntry(entry, model, terminal)}\n`));
  if (chosen === null) {
    terminal.out(
      `  needs ${requirementsText(entry)}\n\nDoes it run here: mn model show ${entry.id} --compatibility\n`,
    );
  } else if (chosen.targets.length === 1) {
    const [target, verdict] = [chosen.targets[0] as Target, verdicts[0] as Verdict];
    const estimate = await estimateText(entry, target, verdict);
    terminal.out(guardLines(oneVerdict(target, verdict, estimate, terminal)));
  } else {
    terminal.out(guardLines(manyVerdicts(chosen.targets, verdicts, terminal)));
  }
  return 0;
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

function describeEntry(
  entry: CatalogEntry,
  model: InstalledModel | null | undefined,
  { colors }: Terminal,
): string {
  const facts = [
    entry.dockerModel,
    entry.backends.join(', '),
    ...(entry.contextSize === null ? [] : [`context ${entry.contextSize}`]),
    ...(entry.aliases.length === 0 ? [] : [`aliases ${entry.aliases.join(', ')}`]),
  ];
  const from = [
    entry.source.line === null ? 'built-in catalog' : sourceText(entry),
    ...(entry.fallback === null ? [] : [`falls back to ${entry.fallback}`]),
    model === undefined
      ? `installed or not: ${notKnown}`
      : model === null
        ? 'not installed'
        : installedWords(model),
  ];
  return `${colors.bold(printable(entry.id))}  ${printable(facts.join(' · '))}\n  ${printable(from.join(' · '))}\n`;
}

/** `installed (3.4GiB, 653017dd060f)`. */
function installedWords(model: InstalledModel): string {
  return `installed (${[...(model.size === null ? [] : [model.size]), shortDigest(model)].join(', ')})`;
}

function paintStatus(verdict: Verdict, { colors }: Terminal): string {
  const text = `${marks[verdict.status]} ${statusWords[verdict.status]}`;
  return verdict.status === 'pass'
    ? colors.green(text)
    : verdict.status === 'fail'
      ? colors.red(text)
      : colors.yellow(text);
}

/** `takes 1.6 GB of 6 GB at 4096 tokens: fits (changes no verdict)`; empty where the model is not known. */
async function estimateText(entry: CatalogEntry, target: Target, verdict: Verdict): Promise<string> {
  const { figuresOf } = await import('../report/figures.ts');
  const { costs } = await import('../memory/more-costs.generated.ts');
  const { estimate } = new Beside([target], costs).besideVerdict(verdict, entry, 0);
  if (estimate == null) return '';
  const { need, have, contextSize, fit } = estimate;
  const [needText, haveText] = figuresOf(need / 2 ** 30, have / 2 ** 30);
  return `takes ${needText} of ${haveText} at ${contextSize} tokens: ${fit.replaceAll('-', ' ')} (changes no verdict)`;
}

function oneVerdict(target: Target, verdict: Verdict, estimate: string, terminal: Terminal): string {
  const label = (text: string) => `  ${text.padEnd(15)}`;
  const here = target.id === thisMachineId;
  const name = here ? 'This machine' : 'Target';
  const what = here
    ? describeFacts(target.facts)
    : `${printable(target.name)} (${describeFacts(target.facts)})`;
  let text = `${label(name)}${what}\n`;
  if (target.overridden !== undefined) text += `${label('Overridden')}${target.overridden.join(', ')}\n`;
  text += `${label('Verdict')}${paintStatus(verdict, terminal)}: ${printable(verdict.message)} (${verdict.rule})\n`;
  if (estimate !== '') text += `${label('Estimate')}${estimate}\n`;
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
 * A catalog entry with the fields that MirrorNeuron's own `mn model list --json` has, and with ours. `model` is
 * what is installed under its name: null for nothing, undefined where nobody could look.
 */
export function entryJson(
  entry: CatalogEntry,
  model: InstalledModel | null | undefined,
): Record<string, unknown> {
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
    ...installedJson(model),
    source: { catalog: entry.source.catalog, line: entry.source.line },
  };
}

function installedJson(model: InstalledModel | null | undefined): Record<string, unknown> {
  return {
    installed: model === undefined ? null : model !== null,
    size: model?.size ?? null,
    digest: model?.digest ?? null,
    tags: model?.tags ?? [],
  };
}

/** An installed model that no catalog knows, with the fields of an entry. */
function strangerJson(model: InstalledModel): Record<string, unknown> {
  const id = strangerId(model);
  return {
    id,
    name: id,
    provider: 'docker_model_runner',
    model: id,
    docker_model: id,
    api_model: null,
    backend: null,
    backends: [],
    aliases: [],
    context_size: model.contextSize,
    fallback_model: null,
    requirements: {},
    default: false,
    status: '',
    ...installedJson(model),
    source: null,
  };
}

function storeJson(store: Store | null): Record<string, unknown> {
  return { running: store !== null, endpoint: store?.endpoint ?? null };
}

export function verdictJson(verdict: Verdict): Record<string, unknown> {
  return { ...verdict, warnings: verdict.status === 'warning' ? [verdict.help] : [] };
}

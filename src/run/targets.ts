import { join } from '../blueprint/discover.ts';
import type { Files } from '../document/files.ts';
import { describeFacts } from '../hardware/describe.ts';
import type { Target } from '../hardware/facts.ts';
import { thisMachineId } from '../hardware/facts.ts';
import { presets, rowPresetIds } from '../hardware/presets.ts';
import type { SelectProblem, TargetSources } from '../hardware/select.ts';
import { defaultTargetsFile, isTargetsFile, isYaml, selectTargets } from '../hardware/select.ts';
import { parseTargetsFile } from '../hardware/targets-file.ts';
import { didYouMean } from '../text/nearest.ts';
import { count, printable, quote } from '../text/text.ts';
import { UsageError } from './usage-error.ts';

/** What is checked when nobody chose and the repository has no targets file (decision 19). */
export type WhenNobodyChose = 'this-machine' | 'table-rows';

export interface ChosenTargets {
  targets: Target[];
  /** In words: `6 targets from .mn/targets.yaml`. */
  from: string;
  /** How to choose others; empty where somebody chose. */
  hint: string;
  /** Those that these were picked from by id; absent where all were taken. */
  all?: Omit<ChosenTargets, 'all'>;
}

/** What was said about targets. */
export interface TargetChoice {
  /** Presets, files and `detect`; empty where nobody chose. */
  specs: readonly string[];
  /** Ids of the only ones to check; empty for all. */
  only: readonly string[];
  /** Facts to set over what detection finds: `gpu.vram_gb=8`. */
  settings: readonly string[];
  whenNobodyChose: WhenNobodyChose;
  /** This machine, where it was detected before: it stays what it was while a run lasts. */
  detected?: Target | undefined;
  /** Called when this machine is one of them, before it is looked at: that may take seconds. */
  onThisMachine?: () => void;
}

/** Chooses the targets of a run. Throws a UsageError with everything that is wrong. */
export async function chooseTargets(
  choice: TargetChoice,
  repository: string,
  files: Files,
): Promise<ChosenTargets> {
  const chosen = await choose(choice, repository, files);
  const { only } = choice;
  if (only.length === 0) return chosen;
  const known = chosen.targets.map(({ id }) => id);
  const unknown = only.filter((id) => !known.includes(id));
  if (unknown.length > 0) {
    const all = `${known.slice(0, 20).join(', ')}${known.length > 20 ? ' …' : ''}`;
    throw new UsageError(
      unknown.map(
        (id) => `target ${quote(id)} is none of the targets.${didYouMean(id, known)} There are: ${all}.`,
      ),
    );
  }
  const targets = chosen.targets.filter(({ id }) => only.includes(id));
  const [first] = targets;
  const named = targets.length === 1 && first !== undefined ? first.name : count(targets.length, 'target');
  const among = targets.length === 1 ? 'one of' : 'some of';
  return { targets, from: `${named} (${among} ${chosen.from})`, hint: chosen.hint, all: chosen };
}

async function choose(
  { specs, settings, whenNobodyChose, detected, onThisMachine }: TargetChoice,
  repository: string,
  files: Files,
): Promise<ChosenTargets> {
  const sources: TargetSources = {
    async readTargetsFile(path) {
      const read = files.read(path);
      if (!read.ok) {
        const problem = {
          message: `The targets file cannot be read: ${read.reason}. ${read.fix}`,
          range: null,
        };
        return { ok: false, problems: [problem] };
      }
      const yaml = isYaml(path) ? (await import('../io/yaml.ts')).parseYaml : null;
      return parseTargetsFile(path, read.text, yaml);
    },
    async detect() {
      onThisMachine?.();
      if (detected !== undefined) return detected;
      const { detectHardware, hostTarget } = await import('../hardware/detect/detect.ts');
      const { hostProbe } = await import('../io/probe.ts');
      return withSettings(hostTarget(await detectHardware(hostProbe())), settings);
    },
  };
  const detects = specs.some((spec) => spec.split(',').some((part) => part.trim() === 'detect'));

  if (specs.length > 0) {
    if (!detects) refuseSettings(settings);
    const targets = await select(specs, sources);
    return { targets, from: describeChoice(targets, specs), hint: '' };
  }
  const file = defaultTargetsFile((path) => files.hasFile(join(repository, path)));
  if (!file.ok) throw new UsageError([file.problem.message]);
  if (file.file !== null) {
    refuseSettings(settings);
    const path = join(repository, file.file);
    const targets = await select([path], sources);
    return { targets, from: `${count(targets.length, 'target')} from ${path}`, hint: '' };
  }
  if (whenNobodyChose === 'this-machine') {
    const target = await sources.detect();
    return {
      targets: [target],
      from: detectedWords(target),
      hint: 'mn target detect says what was found, and how. To check other machines: --targets with presets (mn target list) or a file, or add .mn/targets.yaml.',
    };
  }
  refuseSettings(settings);
  const rows = rowPresetIds.map((id) => presets.find((preset) => preset.id === id) as Target);
  return {
    targets: rows.map((target) => ({ ...target, required: false })),
    from: `the ${rows.length} rows of the hardware table, none of them required`,
    hint: 'A GitHub-hosted runner is nobody’s target. To make targets required, add .mn/targets.yaml or set the input targets.',
  };
}

/** Sets facts of the detected machine. Throws a UsageError with everything that is wrong. */
export async function withSettings(target: Target, settings: readonly string[]): Promise<Target> {
  if (settings.length === 0) return target;
  const { override } = await import('../hardware/override.ts');
  const overridden = override(target, settings);
  if (!overridden.ok) throw new UsageError(overridden.problems.map((problem) => `--set: ${problem}`));
  return { ...overridden.target, overridden: overridden.set };
}

function refuseSettings(settings: readonly string[]): void {
  if (settings.length === 0) return;
  throw new UsageError([
    `${quote(settings[0])} sets a fact of the detected machine, and no machine is detected here. Add detect to the targets, or write the fact into a targets file.`,
  ]);
}

function detectedWords(target: Target): string {
  const set = target.overridden === undefined ? '' : `; overridden: ${target.overridden.join(', ')}`;
  return `${target.name} (detected: ${describeFacts(target.facts)}${set})`;
}

async function select(specs: readonly string[], sources: TargetSources): Promise<Target[]> {
  const selection = await selectTargets(specs, sources);
  if (selection.ok) return selection.targets;
  throw new UsageError(selection.problems.map(describeProblem));
}

/** `file:line:column: message`, or only what there is of it. */
export function describeProblem({ message, file, range }: SelectProblem): string {
  if (file === null) return message;
  const place = range === null ? '' : `:${range.line}:${range.column}`;
  return `${printable(file)}${place}: ${message}`;
}

function describeChoice(targets: readonly Target[], specs: readonly string[]): string {
  const [only] = targets;
  if (targets.length === 1 && only !== undefined) {
    return only.id === thisMachineId ? detectedWords(only) : only.name;
  }
  const sources = specs.flatMap((spec) => spec.split(',')).map((spec) => spec.trim());
  const files = sources.filter(isTargetsFile);
  return `${count(targets.length, 'target')}${files.length === 1 && sources.length === 1 ? ` from ${files[0]}` : ''}`;
}

import type { Range } from '../document/position.ts';
import { didYouMean } from '../text/nearest.ts';
import { either, quote } from '../text/text.ts';
import type { Target } from './facts.ts';
import { findPreset, presets } from './presets.ts';
import { profileOf } from './profile.ts';
import type { ParsedTargets } from './targets-file.ts';

/** Where a repository declares its targets, in the order in which they are looked for. */
export const defaultTargetsFiles = ['.mn/targets.json', '.mn/targets.yaml', '.mn/targets.yml'] as const;

/** One thing that is wrong with a choice of targets, in words that end with what to do. */
export interface SelectProblem {
  message: string;
  /** The targets file that it is in; null for the choice itself. */
  file: string | null;
  /** Null where there is no place in a file. */
  range: Range | null;
}

export type Selection = { ok: true; targets: Target[] } | { ok: false; problems: SelectProblem[] };

/** What choosing needs from the edge. Neither may reject. */
export interface TargetSources {
  /** Reads and parses a targets file; a file that cannot be read is a problem. */
  readTargetsFile(path: string): Promise<ParsedTargets>;
  /** The machine that this runs on. */
  detect(): Promise<Target>;
}

/**
 * The targets that `--targets` values choose, in their order: any mix of preset
 * ids, files and `detect`, separated by commas or given repeatedly. All
 * problems come in one list.
 */
export async function selectTargets(specs: readonly string[], sources: TargetSources): Promise<Selection> {
  const problems: SelectProblem[] = [];
  const chosen = new Map<string, { target: Target; from: string }>();
  const add = (target: Target, from: string) => {
    const first = chosen.get(target.id.toLowerCase());
    if (first === undefined) chosen.set(target.id.toLowerCase(), { target, from });
    else if (!same(first.target, target)) {
      problems.push({
        message: `two different targets have the id ${quote(target.id)}: one from ${first.from}, one from ${from}. Give one of them another id.`,
        file: null,
        range: null,
      });
    }
  };

  // A choice that stands twice is one choice.
  const choices = new Set(specs.flatMap((spec) => spec.split(',')).map((choice) => choice.trim()));
  choices.delete('');
  if (choices.size === 0) {
    problems.push({
      message: 'no target is given. Name a preset (mn target list shows them), a file, or detect.',
      file: null,
      range: null,
    });
  }
  for (const choice of choices) {
    const preset = findPreset(choice);
    if (preset !== undefined) add(preset, 'the presets');
    else if (choice === 'detect') add(await sources.detect(), 'detect');
    else if (isTargetsFile(choice)) {
      const parsed = await sources.readTargetsFile(choice);
      if (parsed.ok) for (const target of parsed.targets) add(target, quote(choice));
      else problems.push(...parsed.problems.map((problem) => ({ ...problem, file: choice })));
    } else problems.push({ message: unknownTarget(choice), file: null, range: null });
  }
  return problems.length > 0
    ? { ok: false, problems }
    : { ok: true, targets: [...chosen.values()].map(({ target }) => target) };
}

/**
 * The targets file of a repository that nobody named: null for none. Two of
 * them are a problem: which one counts would be a guess.
 */
export function defaultTargetsFile(
  hasFile: (path: string) => boolean,
): { ok: true; file: string | null } | { ok: false; problem: SelectProblem } {
  const existing = defaultTargetsFiles.filter(hasFile);
  if (existing.length < 2) return { ok: true, file: existing[0] ?? null };
  return {
    ok: false,
    problem: {
      message: `there is more than one targets file: ${existing.join(', ')}. Keep ${either(existing)}, and remove the rest.`,
      file: null,
      range: null,
    },
  };
}

/** Whether a targets file is read as YAML, by its name. */
export function isYaml(path: string): boolean {
  return /\.ya?ml$/i.test(path);
}

/** Whether a choice of targets names a file, and not a preset. */
export function isTargetsFile(choice: string): boolean {
  return /[\\/]|\.(?:json|ya?ml)$/i.test(choice);
}

function unknownTarget(choice: string): string {
  const known = [...presets.map(({ id }) => id), 'detect'];
  return `unknown target ${quote(choice)}.${didYouMean(choice, known)} See mn target list (${presets.length} presets), or give a file.`;
}

function same(a: Target, b: Target): boolean {
  return JSON.stringify(profileOf(a)) === JSON.stringify(profileOf(b));
}

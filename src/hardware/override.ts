import { didYouMean } from '../text/nearest.ts';
import { quote, short } from '../text/text.ts';
import type { Target } from './facts.ts';
import type { GpuProfile, Profile } from './profile.ts';
import { profileOf } from './profile.ts';
import { gpuFields, parseTargetsFile } from './targets-file.ts';

/** The facts that can be set, as a targets file names them. */
const machineFields = ['os', 'arch', 'wsl', 'engine', 'board', 'memory_gb', 'unified_memory_gb'] as const;
const names: readonly string[] = [...machineFields, 'gpu', ...gpuFields.map((field) => `gpu.${field}`)];

export type Overridden =
  /** The target with the facts set, and what was set: `gpu.vram_gb = 8 (detected: 6)`. */
  | { ok: true; target: Target; set: string[] }
  /** Everything that is wrong, in words that end with what to do. */
  | { ok: false; problems: string[] };

/**
 * Sets facts of a detected target: `memory_gb=32`, `gpu.vram_gb=8`,
 * `gpu[1].name=RTX 2060`, `gpu=none`. Values are checked as in a targets file.
 */
export function override(target: Target, settings: readonly string[]): Overridden {
  const profile: Profile = profileOf(target);
  const gpus: Partial<GpuProfile>[] =
    profile.gpu === undefined || profile.gpu === null ? [] : [profile.gpu].flat().map((gpu) => ({ ...gpu }));
  const problems: string[] = [];
  const set: string[] = [];
  for (const setting of settings) {
    const [, name = '', text = ''] = /^([^=]*)=(.*)$/s.exec(setting) ?? [];
    const problem =
      name === ''
        ? `${quote(setting)} sets nothing. Write name=value, for example gpu.vram_gb=8.`
        : apply(name.trim(), text.trim(), profile, gpus, set);
    if (problem !== null) problems.push(problem);
  }
  if (gpus.some((gpu) => gpu.vendor === undefined)) {
    problems.push(
      'no such GPU was detected, so its vendor is not known. Set gpu.vendor too, for example gpu.vendor=nvidia.',
    );
  }
  if (problems.length > 0) return { ok: false, problems };

  if (gpus.length > 0) profile.gpu = gpus as GpuProfile[];
  else delete profile.gpu;
  const parsed = parseTargetsFile('--set', JSON.stringify({ targets: [profile] }), null);
  if (!parsed.ok) return { ok: false, problems: parsed.problems.map(({ message }) => message) };
  return { ok: true, target: { ...(parsed.targets[0] as Target), name: target.name }, set };
}

/** Sets one fact; returns what is wrong with it. */
function apply(
  name: string,
  text: string,
  profile: Profile,
  gpus: Partial<GpuProfile>[],
  set: string[],
): string | null {
  const value = parseValue(text);
  if (name === 'gpu') {
    if (text !== 'none')
      return `gpu=${short(text)} is not known. Write gpu=none, or set fields: gpu.vram_gb=8.`;
    set.push(`gpu = none (detected: ${gpus.length})`);
    gpus.length = 0;
    return null;
  }
  const [, index, field = ''] = /^gpu(?:\[(\d{1,2})\])?\.(\w+)$/.exec(name) ?? [];
  if (field !== '' && (gpuFields as readonly string[]).includes(field)) {
    if (index === undefined && gpus.length > 1) {
      return `there are ${gpus.length} GPUs, and ${name} does not say which. Write gpu[0].${field} or gpu[1].${field}.`;
    }
    const at = Number(index ?? 0);
    if (at > gpus.length) return `there is no gpu[${at}]. Write gpu[${gpus.length}].${field} to add one.`;
    const gpu = (gpus[at] ??= {}) as Record<string, unknown>;
    set.push(`${name} = ${shown(value)} (detected: ${shown(gpu[field])})`);
    gpu[field] = value;
    return null;
  }
  if ((machineFields as readonly string[]).includes(name)) {
    const facts = profile as Record<string, unknown>;
    set.push(`${name} = ${shown(value)} (detected: ${shown(facts[name])})`);
    facts[name] = value;
    // Where processor and GPU share all memory, one figure means both.
    if (name === 'memory_gb' && profile.unified_memory_gb !== undefined)
      profile.unified_memory_gb = value as number;
    return null;
  }
  return `unknown fact ${quote(name)}.${didYouMean(name, names)} The facts are ${names.join(', ')}.`;
}

/** Numbers, true and false as such; everything else is text. */
function parseValue(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
}

function shown(value: unknown): string {
  return value === undefined || value === null ? 'unknown' : short(String(value), 60);
}

import { child, dotted } from '../document/pointer.ts';
import type { SourceProblem, YamlParser } from '../document/source.ts';
import { inOrder, readSource } from '../document/source.ts';
import type { SchemaProblem } from '../schema/schema.ts';
import { problems as schemaProblems } from '../schema/schema.ts';
import { profile as profileSchema } from '../schema/targets.generated.ts';
import { didYouMean } from '../text/nearest.ts';
import { quote, short } from '../text/text.ts';
import { describeFacts } from './describe.ts';
import type { Gpu, HardwareFacts, Target } from './facts.ts';
import { defaultEngine } from './facts.ts';
import { findPreset, presets } from './presets.ts';
import type { GpuProfile, Profile } from './profile.ts';

/** One thing that is wrong with a targets file. */
export type TargetsProblem = SourceProblem;

export type ParsedTargets = { ok: true; targets: Target[] } | { ok: false; problems: TargetsProblem[] };

export const profileFields: readonly (keyof Profile)[] = [
  'id',
  'name',
  'preset',
  'os',
  'arch',
  'gpu',
  'unified_memory_gb',
  'memory_gb',
  'engine',
  'wsl',
  'board',
  'measured',
  'required',
  'runs-on',
];

export const gpuFields: readonly (keyof GpuProfile)[] = [
  'vendor',
  'name',
  'vram_gb',
  'count',
  'api',
  'integrated',
];

/** More machines than any matrix has. */
const mostTargets = 1000;

/**
 * Parses a targets file: JSON, or YAML where a parser is given. All of its
 * problems come in one go, in the order of the file. Never throws.
 */
export function parseTargetsFile(file: string, text: string, yaml: YamlParser | null): ParsedTargets {
  const source = readSource(file, text, yaml, {
    json: 'Write {"targets": ["apple-silicon-16gb"]}.',
    yaml: 'Write "targets:" and a list below it.',
  });
  const check = new Check();
  const targets = source.value === undefined ? [] : check.file(source.value);
  if (check.found.length === 0 && source.problems.length === 0) return { ok: true, targets };
  return { ok: false, problems: inOrder(source, check.found) };
}

/** One pass over the value of a file: collects what is wrong, and the targets that are right. */
class Check {
  readonly found: { pointer: string; message: string }[] = [];
  /** Id in lower case -> id as written and the item that has it. */
  readonly #ids = new Map<string, { id: string; index: number }>();

  #add(pointer: string, message: string): void {
    this.found.push({ pointer, message });
  }

  file(value: unknown): Target[] {
    if (!isObject(value)) {
      this.#add('', `The file must hold an object; found ${quote(value)}. Write {"targets": […]}.`);
      return [];
    }
    this.#unknownFields(value, '', 'The file', ['$schema', 'targets', 'detection']);
    if (!Object.hasOwn(value, 'targets')) {
      this.#add('', 'The file has no targets. Write {"targets": […]} with presets or machines.');
      return [];
    }
    const list = value['targets'];
    if (!Array.isArray(list)) {
      this.#add(
        '/targets',
        `targets must be a list; found ${quote(list)}. Write presets or machines into it.`,
      );
      return [];
    }
    if (list.length === 0) {
      this.#add('/targets', 'targets is empty. Add a preset (mn target list shows them) or a machine.');
    }
    if (list.length > mostTargets) {
      this.#add(
        '/targets',
        `targets has ${list.length} items, and at most ${mostTargets} can be checked at once. Split the file.`,
      );
      return [];
    }
    return list.flatMap((item, index) => this.#item(item, index) ?? []);
  }

  #item(item: unknown, index: number): Target | null {
    const pointer = `/targets/${index}`;
    const target =
      typeof item === 'string'
        ? this.#preset(item, pointer)
        : isObject(item)
          ? this.#profile(item, pointer, index)
          : null;
    if (typeof item !== 'string' && !isObject(item)) {
      this.#add(
        pointer,
        `targets[${index}] must be a preset or a machine; found ${quote(item)}. Write the id of a preset, or an object.`,
      );
    }
    const id = target?.id ?? (isObject(item) ? item['id'] : null);
    if (typeof id !== 'string') return target;
    const first = this.#ids.get(id.toLowerCase());
    if (first === undefined) {
      this.#ids.set(id.toLowerCase(), { id, index });
      return target;
    }
    const own = isObject(item) && Object.hasOwn(item, 'id');
    const spelled = first.id === id ? '' : ` as ${quote(first.id)} (case does not count)`;
    this.#add(
      own ? `${pointer}/id` : pointer,
      `The id ${quote(id)} already stands at targets[${first.index}]${spelled}. Remove one of the two, or give it another id.`,
    );
    return target;
  }

  #preset(id: string, pointer: string): Target | null {
    const preset = findPreset(id) ?? null;
    if (preset === null) {
      const hint = didYouMean(
        id,
        presets.map((known) => known.id),
      );
      this.#add(
        pointer,
        `Unknown preset ${quote(id)}.${hint} See mn target list (${presets.length} presets).`,
      );
    }
    return preset;
  }

  #unknownFields(value: object, pointer: string, what: string, known: readonly string[]): void {
    for (const field of Object.keys(value)) {
      if (known.includes(field)) continue;
      this.#add(
        child(pointer, field),
        `${what} has the unknown field ${quote(field)}.${rightField(field, known)}`,
      );
    }
  }

  #profile(value: Record<string, unknown>, pointer: string, index: number): Target | null {
    const before = this.found.length;
    const what = typeof value['id'] === 'string' ? `Target ${short(value['id'], 64)}` : `targets[${index}]`;
    this.#unknownFields(value, pointer, what, profileFields);
    const gpu = value['gpu'];
    for (const [at, gpuPointer] of gpuPlaces(gpu, pointer)) {
      if (isObject(at))
        this.#unknownFields(
          at,
          gpuPointer,
          `${what}: ${dotted(gpuPointer).slice(dotted(pointer).length + 1)}`,
          gpuFields,
        );
    }
    const named = value['preset'];
    const preset = typeof named === 'string' ? this.#preset(named, `${pointer}/preset`) : null;
    for (const problem of schemaProblems(profileSchema, value)) {
      // `if` repeats what its branch says; unknown fields and presets are worded above, with the nearest name.
      if (problem.keyword === 'if' || problem.keyword === 'additionalProperties') continue;
      if (problem.keyword === 'enum' && problem.pointer === '/preset') continue;
      this.#add(pointer + problem.pointer, `${what}${worded(problem)}`);
    }
    if (this.found.length > before) return null;
    const profile = value as Profile;
    const facts = factsOf(profile, preset?.facts ?? null);
    this.#rules(profile, facts, pointer, what);
    return {
      // The schema asks for one of the two.
      id: profile.id ?? (preset as Target).id,
      name: profile.name ?? preset?.name ?? short(describeFacts(facts), 100),
      facts,
      required: profile.required ?? true,
      runsOn: profile['runs-on'] ?? null,
    };
  }

  /** What fields demand of each other. */
  #rules(profile: Profile, facts: HardwareFacts, pointer: string, what: string): void {
    if (facts.wsl && facts.os !== 'linux') {
      this.#add(
        `${pointer}/wsl`,
        `${what}: wsl needs os linux, because WSL2 is Linux inside Windows; found os ${facts.os}. Write "os": "linux", or leave out wsl.`,
      );
    }
    // A probe may have failed to read the memory; a person knows it.
    if (facts.measured) return;
    if (facts.unifiedMemoryGb === null && sharesMemory(facts)) {
      this.#add(
        pointer,
        `${what} shares its memory with the GPU but lacks unified_memory_gb. Write the memory of the machine in GB.`,
      );
    }
    if (profile.gpu === undefined || profile.gpu === null) return;
    facts.gpus.forEach((gpu, at) => {
      if (gpu.integrated || gpu.vramGb !== null || facts.unifiedMemoryGb !== null) return;
      if (gpu.vendor !== 'nvidia' && gpu.vendor !== 'amd') return;
      this.#add(
        Array.isArray(profile.gpu) ? `${pointer}/gpu/${at}` : `${pointer}/gpu`,
        `${what}: the ${gpu.vendor === 'nvidia' ? 'NVIDIA' : 'AMD'} GPU lacks vram_gb. Write the memory of one card in GB, or unified_memory_gb where it shares the machine's.`,
      );
    });
  }
}

/** What to write instead of an unknown field, with a leading space. */
function rightField(field: string, known: readonly string[]): string {
  if (known === profileFields && gpuFields.some((name) => name === field)) return ' It belongs into gpu.';
  // `memory` for `memory_gb` is farther away than a slip of the finger.
  const longer = known.find((name) => name.startsWith(`${field}_`));
  if (longer !== undefined) return ` Did you mean ${longer}?`;
  return didYouMean(field, known) || ` Write one of ${known.join(', ')}.`;
}

/** A problem of the schema, to follow the name of the target. */
function worded({ keyword, field, expected, found }: SchemaProblem): string {
  if (keyword === 'minItems') return `: ${field} is empty. Write a label, or leave it out.`;
  return keyword === 'required'
    ? ` lacks ${field}. ${missing(field)}`
    : `: ${field} must be ${expected}; found ${found}.`;
}

const missingHelp = new Map([
  ['id', 'Give the machine a name of its own, or a preset.'],
  ['os', 'Write linux, darwin or win32, or start from a preset.'],
  ['arch', 'Write x64 or arm64, or start from a preset.'],
]);

function missing(field: string): string {
  return missingHelp.get(field) ?? 'Write nvidia, amd, intel, apple, qualcomm or other.';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function gpuPlaces(gpu: unknown, pointer: string): [unknown, string][] {
  return Array.isArray(gpu)
    ? gpu.map((one, at): [unknown, string] => [one, `${pointer}/gpu/${at}`])
    : [[gpu, `${pointer}/gpu`]];
}

/** Apple Silicon, Adreno machines and NVIDIA's systems on a chip have one memory for all. */
function sharesMemory({ os, arch, gpus }: Pick<HardwareFacts, 'os' | 'arch' | 'gpus'>): boolean {
  if (os === 'darwin') return arch === 'arm64';
  return gpus.some(
    ({ vendor, integrated }) =>
      (vendor === 'qualcomm' && os === 'win32' && arch === 'arm64') || (vendor === 'nvidia' && integrated),
  );
}

/** The facts of a valid profile, over those of the preset that it starts from. */
function factsOf(profile: Profile, preset: HardwareFacts | null): HardwareFacts {
  // The schema asks for both where there is no preset.
  const os = profile.os ?? (preset as HardwareFacts).os;
  const arch = profile.arch ?? (preset as HardwareFacts).arch;
  const keepsSystem = preset !== null && preset.os === os;
  const wsl = profile.wsl ?? (keepsSystem && preset.wsl);
  const gpus =
    profile.gpu === undefined ? (preset?.gpus ?? []) : gpusOf(profile.gpu, profile.unified_memory_gb);
  const memory = memoryOf(profile, preset, sharesMemory({ os, arch, gpus }));
  return {
    os,
    arch,
    wsl,
    engine: profile.engine ?? (keepsSystem && preset.wsl === wsl ? preset.engine : defaultEngine(os, wsl)),
    gpus,
    ...memory,
    board: profile.board ?? preset?.board ?? null,
    measured: profile.measured ?? false,
  };
}

/** Where all memory is shared, one figure gives both. */
function memoryOf(
  profile: Profile,
  preset: HardwareFacts | null,
  shared: boolean,
): Pick<HardwareFacts, 'unifiedMemoryGb' | 'memoryGb'> {
  const unified = profile.unified_memory_gb ?? null;
  const memory = profile.memory_gb ?? null;
  const presetMemory = preset?.memoryGb ?? null;
  // Other GPUs than the preset's do not share what the preset's shared.
  const presetUnified = shared || profile.gpu === undefined ? (preset?.unifiedMemoryGb ?? null) : null;
  if (unified === null && memory === null) {
    return { unifiedMemoryGb: presetUnified ?? (shared ? presetMemory : null), memoryGb: presetMemory };
  }
  const allShared = shared || (presetUnified !== null && presetUnified === presetMemory);
  return {
    unifiedMemoryGb: unified ?? (allShared ? memory : presetUnified),
    memoryGb: memory ?? unified ?? presetMemory,
  };
}

function gpusOf(gpu: GpuProfile | GpuProfile[] | null, unifiedMemoryGb: number | undefined): Gpu[] {
  const list = gpu === null ? [] : Array.isArray(gpu) ? gpu : [gpu];
  return list.map(({ vendor, name, vram_gb, count, api, integrated }) => ({
    vendor,
    name: name ?? null,
    vramGb: vram_gb ?? null,
    count: count ?? 1,
    api: api ?? null,
    integrated:
      integrated ??
      (vendor === 'apple' ||
        vendor === 'qualcomm' ||
        // Memory that is only shared belongs to a part of the processor.
        (vram_gb === undefined && unifiedMemoryGb !== undefined)),
  }));
}

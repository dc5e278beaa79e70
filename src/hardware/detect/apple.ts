import { gigabytes } from '../../text/text.ts';
import { amdName } from './amd.ts';
import { field, giveFacts, jsonOf, misbehaviour, whyNoAnswer, wordsOf } from './answers.ts';
import type { DetectedGpu, Detection, Note } from './detection.ts';
import { intelName } from './intel.ts';
import type { Probe, Run } from './probe.ts';
import { toGib } from './probe.ts';

export const sysctlProgram = '/usr/sbin/sysctl';
/** What `parseSysctl` reads. Without -n, so that a value missing on one kind of Mac does not shift the others. */
export const sysctlArgs = [
  'hw.model',
  'hw.memsize',
  'hw.ncpu',
  'machdep.cpu.brand_string',
  'sysctl.proc_translated',
  'kern.hv_vmm_present',
  'iogpu.wired_limit_mb',
];
export const profilerProgram = '/usr/sbin/system_profiler';
/** The short report, which leaves serial numbers out. */
export const profilerArgs = ['SPDisplaysDataType', '-json', '-detailLevel', 'mini'];
export const versionProgram = '/usr/bin/sw_vers';
export const versionArgs = ['-productVersion'];

export interface Mac {
  /** By the chip, also where this program runs translated (Rosetta). */
  appleSilicon: boolean;
  /** This program runs translated. */
  translated: boolean;
  virtual: boolean;
  /** `Mac16,11`; null where unknown, as all below. */
  model: string | null;
  /** `Apple M2`. */
  chip: string | null;
  cores: number | null;
  memoryBytes: number | null;
  /** What the GPU may use in MiB, where somebody set it. */
  gpuLimitMib: number | null;
}

/** Reads the lines `name: value` of sysctl. */
export function parseSysctl(stdout: string): Mac {
  const values = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const at = line.indexOf(':');
    if (at > 0) values.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  const number = (name: string) => {
    const value = Number(values.get(name) || Number.NaN);
    return value > 0 ? value : null;
  };
  const chip = wordsOf(values.get('machdep.cpu.brand_string'));
  const model = wordsOf(values.get('hw.model'));
  const translated = values.get('sysctl.proc_translated') === '1';
  return {
    appleSilicon: translated || (chip?.startsWith('Apple') ?? false),
    translated,
    virtual:
      values.get('kern.hv_vmm_present') === '1' ||
      /^(?:VirtualMac|VMware|Parallels)/i.test(model ?? '') ||
      /\(Virtual\)/.test(chip ?? ''),
    model,
    chip,
    cores: number('hw.ncpu'),
    memoryBytes: number('hw.memsize'),
    gpuLimitMib: number('iogpu.wired_limit_mb'),
  };
}

/** The GPUs of `system_profiler SPDisplaysDataType -json`: name, maker and, on Intel Macs, memory. */
export function parseDisplays(stdout: string): DetectedGpu[] {
  const list = field(jsonOf(stdout), 'SPDisplaysDataType');
  if (!Array.isArray(list)) return [];
  return list.flatMap((card: unknown) => {
    const full = wordsOf(field(card, 'sppci_model') ?? field(card, '_name'));
    if (full === null) return [];
    const maker = `${String(field(card, 'spdisplays_vendor') ?? '')} ${full}`;
    const vendor = /apple/i.test(maker)
      ? 'apple'
      : /intel|8086/i.test(maker)
        ? 'intel'
        : /amd|radeon|1002/i.test(maker)
          ? 'amd'
          : /nvidia|geforce|10de/i.test(maker)
            ? 'nvidia'
            : 'other';
    const own = memoryMib(field(card, 'spdisplays_vram'));
    const shared = memoryMib(field(card, 'spdisplays_vram_shared'));
    return [
      {
        vendor,
        name: vendor === 'intel' ? intelName(full) : vendor === 'amd' ? amdName(full) : full,
        memoryTotalMib: vendor === 'apple' ? null : (own ?? shared),
        memoryFreeMib: null,
        driver: null,
        api: vendor === 'other' ? null : 'metal',
        integrated: vendor === 'apple' || vendor === 'intel' || (own === null && shared !== null),
        unified: vendor === 'apple',
        slice: false,
        source: `system_profiler ${profilerArgs.slice(0, 2).join(' ')}`,
      },
    ];
  });
}

/** `4 GB` and `1536 MB` in MiB. */
function memoryMib(value: unknown): number | null {
  const [, amount, unit] = /^(\d{1,6}) (MB|GB)$/.exec(typeof value === 'string' ? value.trim() : '') ?? [];
  return amount === undefined ? null : Number(amount) * (unit === 'GB' ? 1024 : 1);
}

/**
 * What macOS lets the GPU of an Apple chip use, in GiB: what somebody set, else a safe figure below all that was
 * measured (two thirds up to 16 GB, 74 % above).
 */
export function usableByGpu(memoryGib: number, limitMib: number | null): number {
  if (limitMib !== null) return Math.min(memoryGib, limitMib / 1024);
  return memoryGib <= 16 ? (memoryGib * 2) / 3 : memoryGib * 0.74;
}

export type MacSystem = Pick<
  Detection,
  'release' | 'arch' | 'virtualMachine' | 'board' | 'cpu' | 'memory' | 'gpus'
> & { notes: Note[] };

export async function macSystem(probe: Probe, run: Run): Promise<MacSystem> {
  const [sysctl, profiler, version] = await Promise.all([
    run(sysctlProgram, sysctlArgs),
    run(profilerProgram, profilerArgs),
    run(versionProgram, versionArgs),
  ]);
  // One name that this Mac does not know makes it end with an error after all the others.
  const mac = parseSysctl(sysctl.stdout);
  const displays = profiler.ended === 'ok' ? parseDisplays(profiler.stdout) : [];
  const memoryGib = toGib(mac.memoryBytes ?? probe.totalMemoryBytes);
  const appleSilicon = mac.appleSilicon || probe.arch === 'arm64';
  // A translated program sees a made-up processor.
  const named = displays.find(({ vendor, name }) => vendor === 'apple' && /^Apple M/.test(name ?? ''));
  const chip = mac.chip?.startsWith('VirtualApple') ? (named?.name ?? null) : mac.chip;
  const from = 'sysctl';

  const notes: Note[] = [
    ...misbehaviour('mac', 'sysctl', sysctl),
    ...misbehaviour('gpu', 'system_profiler', profiler),
    ...misbehaviour('system', 'sw_vers', version),
  ];
  if (mac.chip === null && notes.every(({ about }) => about !== 'mac')) {
    const why = whyNoAnswer('sysctl', sysctl) ?? 'sysctl does not tell the chip.';
    notes.push({ about: 'mac', text: `${why} ${giveFacts}` });
  }
  if (mac.translated) {
    notes.push({
      about: 'mac',
      text: 'Node runs translated (Rosetta) on an Apple chip. The chip is judged; install Node for arm64.',
    });
  }
  const virtual = mac.virtual || displays.some(({ name }) => /paravirtual/i.test(name ?? ''));
  if (virtual && appleSilicon) {
    notes.push({
      about: 'mac',
      text: 'This is a virtual Mac. Its GPU lacks what llama.cpp needs of Metal, so models run on the CPU here; the verdict counts its memory. Use a real Mac to run models.',
    });
  } else if (appleSilicon && memoryGib !== null) {
    const set = mac.gpuLimitMib === null ? '' : ', as iogpu.wired_limit_mb says';
    notes.push({
      about: 'mac',
      text: `macOS lets the GPU use about ${gigabytes(usableByGpu(memoryGib, mac.gpuLimitMib))} of the ${gigabytes(memoryGib)}${set}. A larger model needs a higher iogpu.wired_limit_mb (sysctl).`,
    });
  }
  if (memoryGib === null) {
    notes.push({ about: 'memory', text: 'The memory could not be read. Give memory_gb in a targets file.' });
  }

  const gpus = displays.filter(({ vendor }) => vendor !== 'other');
  if (appleSilicon && !gpus.some(({ vendor }) => vendor === 'apple')) {
    gpus.push({
      vendor: 'apple',
      name: chip,
      memoryTotalMib: null,
      memoryFreeMib: null,
      driver: null,
      api: 'metal',
      integrated: true,
      unified: true,
      slice: false,
      source: from,
    });
  }
  const product = version.ended === 'ok' ? wordsOf(version.stdout) : null;
  return {
    release:
      product === null
        ? { value: `Darwin ${probe.release}`, source: 'uname -r' }
        : { value: `macOS ${product}`, source: 'sw_vers -productVersion' },
    arch: {
      value: appleSilicon ? 'arm64' : 'x64',
      source: mac.chip === null ? 'Node' : 'sysctl machdep.cpu.brand_string, sysctl.proc_translated',
    },
    virtualMachine: virtual ? { value: 'macOS guest', source: 'sysctl hw.model, kern.hv_vmm_present' } : null,
    board: mac.model === null ? null : { value: mac.model, source: 'sysctl hw.model' },
    cpu: {
      model: chip === null ? null : { value: chip, source: 'sysctl machdep.cpu.brand_string' },
      cores: mac.cores === null ? null : { value: mac.cores, source: 'sysctl hw.ncpu' },
    },
    memory: {
      physicalGib:
        memoryGib === null
          ? null
          : {
              value: memoryGib,
              source: mac.memoryBytes === null ? 'the operating system' : 'sysctl hw.memsize',
            },
      limitGib: null,
      availableGib: null,
    },
    gpus,
    notes,
  };
}

import type { Accelerator, Machine, Platform } from './machine.ts';
import type { Status } from './verdict.ts';

/** How the memory of an accelerator (or the RAM, for the CPU) compares to what the entry asks for. */
export type Fit = 'enough' | 'together' | 'too-little';

/**
 * One row of the compatibility table. A row matches when everything that it
 * names is true; the first matching row decides. The last row matches every
 * machine, so the table is total.
 */
export interface Row {
  id: string;
  status: Status;
  platforms?: readonly Platform[];
  /** An accelerator of this vendor is there, with this fit. */
  vendor?: Accelerator['vendor'];
  fit?: Fit;
  /** The CPU decides: main memory has this fit. */
  cpu?: 'enough';
  /** Matches only entries that require nothing. */
  nothingRequired?: true;
  /** Why, where it is not the comparison of memory. */
  because?: string;
  /** What to do, or to know. */
  help: string;
  /** What force accepts here; what to expect where it was given. */
  risk?: string;
}

/** Begins the help where less memory would do; a model that fits takes its place where one is known. */
export const useSmaller = 'Use a smaller model.';

/**
 * The hardware table of the specification (spec/model-runtime.md, "Hardware
 * Validation") with the decisions where it is silent. The order decides:
 * platforms that never run a model, entries that require nothing, accelerators
 * from the surest to the least sure, then the CPU.
 */
export const table: readonly Row[] = [
  {
    id: 'intel-mac',
    status: 'fail',
    platforms: ['intel-mac'],
    because: 'an Intel Mac has no supported GPU, and its CPU is only a fallback',
    help: 'Use a Mac with Apple Silicon, or a smaller model with --force.',
    risk: 'the CPU fallback',
  },
  {
    id: 'raspberry-pi',
    status: 'fail',
    platforms: ['raspberry-pi'],
    because: 'a Raspberry Pi is too slow and too small for this',
    help: 'Use another machine, or a smaller model with --force.',
    risk: 'very slow execution',
  },
  {
    id: 'no-requirements',
    status: 'pass',
    nothingRequired: true,
    because: 'the catalog requires nothing for it',
    help: '',
  },
  { id: 'apple-silicon', status: 'pass', vendor: 'apple', fit: 'enough', help: '' },
  {
    id: 'apple-silicon-memory',
    status: 'fail',
    platforms: ['apple-silicon'],
    vendor: 'apple',
    fit: 'too-little',
    help: `${useSmaller} macOS and Docker take their share of unified memory too; --force accepts swapping.`,
    risk: 'swapping',
  },
  { id: 'nvidia', status: 'pass', platforms: ['linux'], vendor: 'nvidia', fit: 'enough', help: '' },
  {
    id: 'nvidia-windows',
    status: 'pass',
    platforms: ['windows'],
    vendor: 'nvidia',
    fit: 'enough',
    help: 'Turn on GPU-backed inference in Docker Desktop (Settings, AI); without it the CPU is used.',
  },
  {
    id: 'amd',
    status: 'warning',
    vendor: 'amd',
    fit: 'enough',
    help: 'Verify acceleration with mn model doctor on that machine.',
  },
  {
    id: 'adreno',
    status: 'warning',
    vendor: 'qualcomm',
    fit: 'enough',
    help: 'Acceleration on Adreno is partial. Verify it with mn model doctor on that machine.',
  },
  {
    id: 'nvidia-several',
    status: 'warning',
    vendor: 'nvidia',
    fit: 'together',
    help: 'The model is split over the cards. Verify it with mn model doctor on that machine.',
  },
  {
    id: 'amd-several',
    status: 'warning',
    vendor: 'amd',
    fit: 'together',
    help: 'The model is split over the cards. Verify it with mn model doctor on that machine.',
  },
  {
    id: 'nvidia-memory',
    status: 'fail',
    vendor: 'nvidia',
    fit: 'too-little',
    help: `${useSmaller} --force accepts running only partly on the GPU.`,
    risk: 'to run only partly on the GPU',
  },
  {
    id: 'amd-memory',
    status: 'fail',
    vendor: 'amd',
    fit: 'too-little',
    help: `${useSmaller} --force accepts running only partly on the GPU.`,
    risk: 'to run only partly on the GPU',
  },
  {
    id: 'adreno-memory',
    status: 'fail',
    vendor: 'qualcomm',
    fit: 'too-little',
    help: `${useSmaller} Windows and Docker take their share of the memory too; --force accepts swapping.`,
    risk: 'swapping',
  },
  {
    id: 'windows-no-gpu',
    status: 'fail',
    platforms: ['windows'],
    because: 'Windows needs a supported GPU, and there is none',
    help: 'Use an NVIDIA GPU (x64) or an Adreno 6xx or later (arm64); --force accepts the CPU.',
    risk: 'slow execution on the CPU',
  },
  {
    id: 'cpu',
    status: 'force_only',
    cpu: 'enough',
    help: 'It runs on the CPU, slowly: --force accepts that.',
    risk: 'slow execution on the CPU',
  },
  {
    id: 'cpu-memory',
    status: 'fail',
    help: 'Use a machine with a supported GPU. --force accepts slow execution on the CPU, and swapping.',
    risk: 'slow execution on the CPU, and swapping',
  },
];

/** The first row that matches. `fits` says how each accelerator of the machine compares, in the same order. */
export function firstMatch(
  machine: Machine,
  fits: readonly Fit[],
  cpuEnough: boolean,
  nothingRequired: boolean,
): { row: Row; accelerator: Accelerator | null } {
  for (const row of table) {
    if (row.platforms !== undefined && !row.platforms.includes(machine.platform)) continue;
    if (row.nothingRequired && !nothingRequired) continue;
    if (row.cpu !== undefined && !cpuEnough) continue;
    if (row.vendor === undefined) return { row, accelerator: null };
    const at = machine.accelerators.findIndex(
      (accelerator, index) => accelerator.vendor === row.vendor && fits[index] === row.fit,
    );
    if (at >= 0) return { row, accelerator: machine.accelerators[at] as Accelerator };
  }
  throw new Error('the compatibility table has no last row');
}

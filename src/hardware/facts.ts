export const operatingSystems = ['linux', 'darwin', 'win32'] as const;
export type OperatingSystem = (typeof operatingSystems)[number];

export const architectures = ['x64', 'arm64'] as const;
export type Architecture = (typeof architectures)[number];

export const gpuVendors = ['nvidia', 'amd', 'intel', 'apple', 'qualcomm', 'other'] as const;
export type GpuVendor = (typeof gpuVendors)[number];

export const engines = ['docker-engine', 'docker-desktop'] as const;
export type Engine = (typeof engines)[number];

/** One kind of graphics processor in a machine. */
export interface Gpu {
  vendor: GpuVendor;
  /** As the maker writes it, for example `RTX 4060` or `Adreno X1-85`; null where unknown. */
  name: string | null;
  /** Memory of one card in GB (declared) or GiB (measured); null where it has none of its own or it is unknown. */
  vramGb: number | null;
  /** How many of these cards. */
  count: number;
  /** `cuda`, `rocm`, `vulkan`, `opencl`, `metal`; null where not said. Informs; decides nothing. */
  api: string | null;
  /** Part of the processor: its own memory is only a carve-out of the machine's. */
  integrated: boolean;
}

/** What is known of a machine. GB are as sold where declared, GiB where measured. */
export interface HardwareFacts {
  os: OperatingSystem;
  arch: Architecture;
  /** Linux inside Windows (WSL2); `os` is then `linux`. */
  wsl: boolean;
  engine: Engine;
  gpus: Gpu[];
  /** Memory that processor and GPU share; null where they do not, or where it is unknown. */
  unifiedMemoryGb: number | null;
  /** Main memory; null where unknown. */
  memoryGb: number | null;
  /** Board name, for example `Raspberry Pi 5`; null where it does not matter. */
  board: string | null;
  /** True where a probe read the figures: they meet N GB from 0.90 x N GiB on. */
  measured: boolean;
}

/** Id of the machine that this runs on, as a target. */
export const thisMachineId = 'this-machine';

/** Named facts to check against. */
export interface Target {
  id: string;
  name: string;
  facts: HardwareFacts;
  /** A model that does not run here stops the merge; otherwise it is a note. */
  required: boolean;
  /** What was set by hand over what was detected: `gpu.vram_gb = 8 (detected: 6)`; absent where nothing was. */
  overridden?: readonly string[];
  /** `runs-on` of a job on this hardware, for the matrix output; null where the file gives none. */
  runsOn: string | string[] | null;
}

/** Which Docker a machine has where nobody says: Docker Desktop, or Docker Engine on plain Linux. */
export function defaultEngine(os: OperatingSystem, wsl: boolean): Engine {
  return os === 'linux' && !wsl ? 'docker-engine' : 'docker-desktop';
}

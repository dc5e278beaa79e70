import type { Architecture, Engine, Gpu, GpuVendor, HardwareFacts, OperatingSystem } from '../facts.ts';
import { defaultEngine } from '../facts.ts';

/** One thing that is known of a machine, and where from. */
export interface Fact<Value> {
  value: Value;
  /** The command, file or interface that said it: `nvidia-smi --query-gpu=…`, `/proc/meminfo`. */
  source: string;
}

/** One graphics processor, or one slice of it (MIG). */
export interface DetectedGpu {
  vendor: GpuVendor;
  /** As people say it: `RTX 4060`, `Radeon RX 7900 XT`, `A100-SXM4-40GB MIG 3g.20gb`; null where unknown. */
  name: string | null;
  /** Of its own, in MiB; a carve-out where `integrated`. Null where it has none or none could be read. */
  memoryTotalMib: number | null;
  memoryFreeMib: number | null;
  /** Version of its driver. */
  driver: string | null;
  /** `cuda`, `rocm`, `vulkan`, `opencl`, `metal`; null where nothing is known to drive it. */
  api: string | null;
  /** Part of the processor. */
  integrated: boolean;
  /** It computes on all memory of the machine: Apple Silicon, GB10, Jetson, Ryzen AI Max, Adreno. */
  unified: boolean;
  /** A slice of a card (MIG): a program uses one slice, never several together. */
  slice: boolean;
  source: string;
}

/** A doubt, or something worth knowing, in words that end with what to do where something can be done. */
export interface Note {
  /** `system`, `container`, `memory`, `nvidia`, `amd`, `intel`, `gpu`, `mac`, `windows`, `wsl` or `docker`. */
  about: string;
  text: string;
}

/**
 * Everything that is known of the machine that this runs on; null where it is unknown or not so. It holds
 * nothing that identifies a machine or a person.
 */
export interface Detection {
  os: Fact<OperatingSystem>;
  /** For people: `Ubuntu 24.04.1 LTS, kernel 6.8.0-45-generic`. */
  release: Fact<string> | null;
  /** Of the machine, also where the running program is translated. */
  arch: Fact<Architecture>;
  wsl: Fact<boolean>;
  /** The kind of container that this runs in: `Docker`, `Podman`, `Kubernetes`, … */
  container: Fact<string> | null;
  /** The kind of virtual machine that this runs in: `Hyper-V`, `KVM`, … */
  virtualMachine: Fact<string> | null;
  /** Of a small computer (`Raspberry Pi 5`) or a Mac (`Mac16,11`). */
  board: Fact<string> | null;
  cpu: { model: Fact<string> | null; cores: Fact<number> | null };
  /** In GiB. `limitGib` is the smallest limit of a control group, where it is less than all. */
  memory: {
    physicalGib: Fact<number> | null;
    limitGib: Fact<number> | null;
    availableGib: Fact<number> | null;
  };
  gpus: DetectedGpu[];
  docker: {
    /** Version of the client. */
    client: Fact<string> | null;
    engine: Fact<Engine> | null;
    serverReachable: Fact<boolean>;
    modelRunnerReachable: Fact<boolean>;
  };
  notes: Note[];
}

/** What counts for verdicts. Equal GPUs are one with a count; of the slices of a card only the largest counts. */
export function factsOf(detection: Detection): HardwareFacts {
  const os = detection.os.value;
  const wsl = detection.wsl.value;
  const mac = os === 'darwin' && detection.arch.value === 'arm64';
  const { physicalGib, limitGib } = detection.memory;
  const memoryGb = limitGib?.value ?? physicalGib?.value ?? null;
  const shares = detection.gpus.filter(({ unified }) => unified);
  // What the firmware set aside for a Ryzen AI Max is missing in the memory that the system sees.
  const carvedOutMib = shares.reduce(
    (sum, gpu) => sum + (gpu.vendor === 'amd' ? (gpu.memoryTotalMib ?? 0) : 0),
    0,
  );
  const unified = memoryGb !== null && (mac || shares.length > 0);
  return {
    os,
    arch: detection.arch.value,
    wsl,
    engine: detection.docker.engine?.value ?? defaultEngine(os, wsl),
    gpus: mac ? [] : grouped(detection.gpus),
    unifiedMemoryGb: unified ? Number((memoryGb + carvedOutMib / 1024).toFixed(3)) : null,
    memoryGb,
    // A Mac is called by its chip.
    board: mac
      ? (detection.cpu.model?.value ?? null)
      : os === 'darwin'
        ? null
        : (detection.board?.value ?? null),
    measured: true,
  };
}

function grouped(gpus: readonly DetectedGpu[]): Gpu[] {
  const slices = gpus.filter(({ slice }) => slice);
  const largest = slices.toSorted((a, b) => (b.memoryTotalMib ?? 0) - (a.memoryTotalMib ?? 0))[0];
  const groups = new Map<string, Gpu>();
  for (const gpu of gpus) {
    if (gpu.slice && gpu !== largest) continue;
    const vramGb = gpu.memoryTotalMib === null ? null : Number((gpu.memoryTotalMib / 1024).toFixed(3));
    const one: Gpu = {
      vendor: gpu.vendor,
      name: gpu.name,
      vramGb,
      count: 1,
      api: gpu.api,
      integrated: gpu.integrated,
    };
    const key = JSON.stringify(one);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, one);
    else known.count++;
  }
  return [...groups.values()];
}

import type { GpuVendor, HardwareFacts } from '../hardware/facts.ts';
import { short } from '../text/text.ts';

/** What the table distinguishes of a machine, apart from its accelerators. */
export type Platform = 'intel-mac' | 'raspberry-pi' | 'apple-silicon' | 'windows' | 'linux';

/** Something in the machine that Docker Model Runner can compute on, other than the CPU. */
export interface Accelerator {
  vendor: Extract<GpuVendor, 'apple' | 'nvidia' | 'amd' | 'qualcomm'>;
  /** The interface it is driven by, as reports name it. */
  api: 'Metal' | 'CUDA' | 'ROCm/Vulkan' | 'OpenCL';
  memory: 'vram' | 'unified_memory';
  /** Memory of the largest card, or the shared memory, in GB; null where unknown. */
  largestGb: number | null;
  /** Of all cards together; the same as `largestGb` for one card or shared memory. */
  togetherGb: number | null;
}

/** Hardware facts as the table reads them. */
export interface Machine {
  platform: Platform;
  accelerators: Accelerator[];
  /** For every GPU that counts as none: which one, and why. Sentences without a full stop. */
  ignored: string[];
}

/** Reads hardware facts the way Docker Model Runner will (decisions 10 to 14). */
export function readMachine(facts: HardwareFacts): Machine {
  const platform = readPlatform(facts);
  const machine: Machine = { platform, accelerators: [], ignored: [] };
  if (platform === 'apple-silicon') {
    machine.accelerators.push({
      vendor: 'apple',
      api: 'Metal',
      memory: 'unified_memory',
      largestGb: facts.unifiedMemoryGb ?? facts.memoryGb,
      togetherGb: facts.unifiedMemoryGb ?? facts.memoryGb,
    });
    return machine;
  }
  if (platform === 'intel-mac' || platform === 'raspberry-pi') return machine;

  const someIntegrated = facts.gpus.some((gpu) => gpu.integrated);
  const cards = new Map<string, Accelerator>();
  // Two cards of one name are said once.
  const ignored = new Set<string>();
  for (const gpu of facts.gpus) {
    const why = whyIgnored(gpu.vendor, gpu.name, facts);
    const name = gpu.name === null ? vendorNames[gpu.vendor] : short(gpu.name, 60);
    if (why !== null) {
      ignored.add(`${name} counts as no GPU: ${why}`);
      continue;
    }
    const vendor = gpu.vendor as Accelerator['vendor'];
    // Who shares the machine's memory: the integrated GPUs, or every GPU where none is marked as such.
    const shares =
      vendor === 'qualcomm' || (facts.unifiedMemoryGb !== null && (gpu.integrated || !someIntegrated));
    if (gpu.integrated && !shares) {
      ignored.add(
        `${name} counts as no GPU: it is integrated, and its own memory is only a carve-out of the machine's`,
      );
      continue;
    }
    const memory = shares ? 'unified_memory' : 'vram';
    const key = `${vendor} ${memory}`;
    const known = cards.get(key) ?? {
      vendor,
      api: apis[vendor],
      memory,
      largestGb: null,
      togetherGb: null,
    };
    if (shares) {
      known.largestGb = facts.unifiedMemoryGb ?? facts.memoryGb;
      known.togetherGb = known.largestGb;
    } else if (gpu.vramGb !== null) {
      known.largestGb = Math.max(known.largestGb ?? 0, gpu.vramGb);
      known.togetherGb = (known.togetherGb ?? 0) + gpu.vramGb * gpu.count;
    }
    cards.set(key, known);
  }
  machine.accelerators.push(...cards.values());
  machine.ignored.push(...ignored);
  return machine;
}

const apis = { apple: 'Metal', nvidia: 'CUDA', amd: 'ROCm/Vulkan', qualcomm: 'OpenCL' } as const;

const vendorNames: Record<GpuVendor, string> = {
  nvidia: 'The NVIDIA GPU',
  amd: 'The AMD GPU',
  intel: 'The Intel GPU',
  apple: 'The Apple GPU',
  qualcomm: 'The Qualcomm GPU',
  other: 'The GPU',
};

function readPlatform(facts: HardwareFacts): Platform {
  if (facts.os === 'darwin') return facts.arch === 'arm64' ? 'apple-silicon' : 'intel-mac';
  if (facts.os === 'win32') return 'windows';
  return facts.board !== null && /raspberry[\s_-]*pi/i.test(facts.board) ? 'raspberry-pi' : 'linux';
}

/** Why a GPU does not carry models on this machine; null where it does. */
function whyIgnored(vendor: GpuVendor, name: string | null, facts: HardwareFacts): string | null {
  switch (vendor) {
    case 'nvidia':
      return facts.os === 'win32' && facts.arch === 'arm64'
        ? 'Docker Model Runner drives NVIDIA on Windows x64 only'
        : null;
    case 'amd':
      if (facts.os !== 'linux') return 'Docker Model Runner drives AMD on Linux only';
      if (facts.wsl) return 'Docker Model Runner does not drive AMD in WSL2';
      return facts.engine === 'docker-desktop' ? 'AMD needs Docker Engine, not Docker Desktop' : null;
    case 'qualcomm':
      if (facts.os !== 'win32' || facts.arch !== 'arm64') {
        return 'Docker Model Runner drives Adreno on Windows arm64 only';
      }
      return adrenoGeneration(name) < 600 ? 'Adreno is supported from the 6xx series on' : null;
    case 'intel':
      return 'Docker Model Runner does not support Intel GPUs';
    default:
      return 'Docker Model Runner does not support it';
  }
}

/**
 * The series of an Adreno by its name: 690 for `Adreno 690`. Every `X1-85`,
 * `X2-90` and later X part is newer than 6xx. A name without a series is taken
 * as new enough: the verdict asks to verify it anyway.
 */
export function adrenoGeneration(name: string | null): number {
  const match = /adreno\s*(?:\(tm\))?\s*(?:(x\d)|(\d{3,}))/i.exec(name ?? '');
  return match?.[2] === undefined ? 1000 : Number(match[2]);
}

import { readMachine } from '../compatibility/machine.ts';
import type { HardwareFacts, OperatingSystem } from '../hardware/facts.ts';
import type { Need } from './cost.ts';

/** Bytes of a GB as sold: memory is made in powers of two, and so are the GB of targets. */
const gib = 2 ** 30;

/** A share of a machine's memory, and where that is known from. */
interface Share {
  share: number;
  source: string;
}

/**
 * What Apple's Metal gives to the GPU (`recommendedMaxWorkingSetSize`), by memory up to so many GB. As llama.cpp
 * prints it: M1 16 GB 66.7 %, M3 Pro 18 GB and M5 24 GB 74 %, M4 32 GB 78 %, M3 Max 128 GB 75 %.
 */
const metalShares: readonly (Share & { upToGb: number })[] = [
  { upToGb: 16, share: 2 / 3, source: 'what Metal gives to the GPU of Macs with up to 16 GB' },
  { upToGb: Number.POSITIVE_INFINITY, share: 0.74, source: 'what Metal gives to the GPU of larger Macs' },
];

/** What other GPUs may take of the memory that they share. */
const sharedShares: Readonly<Record<'nvidia' | 'amd' | 'qualcomm', Share>> = {
  // GB10 reports 121.6 of 128 GB, Jetson Orin Nano 7.4 of 8 GB.
  nvidia: { share: 0.925, source: 'what NVIDIA systems with shared memory report of it' },
  // drivers/gpu/drm/ttm/ttm_device.c (ttm_global_init): half of the memory, unless the machine was set up otherwise.
  amd: { share: 0.5, source: 'what Linux gives to an AMD GPU of shared memory unless set up otherwise' },
  // An Adreno X1-45 shows 16163 MB of a 32 GB machine.
  qualcomm: { share: 0.5, source: 'what Windows gives to a GPU of shared memory' },
};

/** Main memory that a system reports of what was sold: 60.7 of 64 GB is the least that was seen of Linux. */
const reportedShare = 0.948;

/**
 * Bytes for the system and what runs beside a model. Ubuntu Server 24.04 asks for 1.5 to 3 GB, Windows 11 for 4 GB,
 * Docker Desktop on a Mac for 4 GB.
 */
const systemBytes: Readonly<Record<OperatingSystem, number>> = {
  linux: 2 * gib,
  win32: 4 * gib,
  darwin: 4 * gib,
};

/** Less than this share to spare is tight: cards sold with 16 GB report as little as 15 (Tesla T4). */
const spareShare = 0.1;

/** What a machine has for a model, in bytes. */
export interface Have {
  /** Where the model goes; `ram` is a machine without a GPU that counts. */
  kind: 'vram' | 'unified' | 'ram';
  /** For the weights, cache and activations that are there; null where it is not known. */
  bytes: number | null;
  /** On all cards together, where there are several and that is more. */
  togetherBytes: number | null;
  /** Main memory for the host's part, of shared memory for both parts; null where it is not known or all is there. */
  hostBytes: number | null;
  /** How `bytes` follows from the facts: `8 GB VRAM`, `2/3 of 16 GB: …`. Safe to print. */
  because: string;
}

export type Fit = 'fits' | 'tight' | 'does-not-fit' | 'unknown';

/** What a machine has for a model. A GPU that Docker Model Runner does not use counts as none. */
export function memoryOf(facts: HardwareFacts): Have {
  const { os, memoryGb } = facts;
  const reported = facts.measured ? 1 : reportedShare;
  const mainBytes =
    memoryGb === null ? null : Math.max(0, Math.floor(memoryGb * gib * reported) - systemBytes[os]);
  // The one with the most memory carries the model.
  const [best] = readMachine(facts).accelerators.toSorted((a, b) => (b.largestGb ?? 0) - (a.largestGb ?? 0));
  if (best === undefined) {
    const system = `less ${systemBytes[os] / gib} GiB for the system`;
    return {
      kind: 'ram',
      bytes: mainBytes,
      togetherBytes: null,
      hostBytes: null,
      because:
        memoryGb === null
          ? 'main memory unknown'
          : facts.measured
            ? `${figure(memoryGb)} GiB RAM ${system}`
            : `${percent(reportedShare)} of ${figure(memoryGb)} GB RAM, ${system}`,
    };
  }
  const { largestGb, togetherGb, vendor } = best;
  const unit = facts.measured ? 'GiB' : 'GB';
  if (best.memory === 'vram') {
    return {
      kind: 'vram',
      bytes: largestGb === null ? null : Math.floor(largestGb * gib),
      togetherBytes:
        togetherGb !== null && largestGb !== null && togetherGb > largestGb
          ? Math.floor(togetherGb * gib)
          : null,
      hostBytes: mainBytes,
      because: largestGb === null ? 'VRAM unknown' : `${figure(largestGb)} ${unit} VRAM`,
    };
  }
  const { share, source } =
    vendor === 'apple'
      ? (metalShares.find(({ upToGb }) => (largestGb ?? 0) <= upToGb) as Share)
      : sharedShares[vendor];
  // What a probe read is what there is; macOS reports what was sold.
  const reportedOf = (of: string) => (of === 'apple' ? 1 : reported);
  const of = vendor === 'nvidia' && facts.measured ? 1 : share;
  return {
    kind: 'unified',
    bytes: largestGb === null ? null : Math.floor(largestGb * gib * of),
    togetherBytes: null,
    hostBytes:
      largestGb === null
        ? null
        : Math.max(0, Math.floor(largestGb * gib * reportedOf(vendor)) - systemBytes[os]),
    because:
      largestGb === null
        ? 'shared memory unknown'
        : `${percent(of)} of ${figure(largestGb)} ${unit} shared memory: ${source}`,
  };
}

/** Bytes that a model needs where the machine has its memory for models. */
export function needOf(estimate: Need, have: Have): number {
  return have.kind === 'ram' ? estimate.cpu_only.total : estimate.device.total;
}

/**
 * Whether a need is met. Tight: it is, and less than the margin or a tenth is left; or only all cards together have
 * it; or the host's part does not leave the system its share. It informs, and changes no verdict.
 */
export function fitOf(estimate: Need, have: Have): Fit {
  if (have.bytes === null) return 'unknown';
  const need = needOf(estimate, have);
  if (need > have.bytes) {
    const together = have.togetherBytes ?? 0;
    const margins = estimate.margin * Math.ceil(together / have.bytes);
    return need + margins <= together ? 'tight' : 'does-not-fit';
  }
  const beside = estimate.host.total + (have.kind === 'unified' ? estimate.device.total : 0);
  const hostIsTight = have.hostBytes !== null && beside > have.hostBytes;
  return hostIsTight || need + estimate.margin > have.bytes || need > (1 - spareShare) * have.bytes
    ? 'tight'
    : 'fits';
}

function figure(gb: number): string {
  return String(Number(gb.toFixed(1)));
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}

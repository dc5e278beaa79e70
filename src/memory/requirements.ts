import type { Estimate } from './estimate.ts';

/** Bytes of a GB as memory is sold: 2^30. */
const gb = 2 ** 30;

/** One kind of memory that a catalog entry may require, and the rule for its figure. */
export interface RequirementRule {
  /** In a catalog. */
  field: 'min_vram_gb' | 'min_unified_memory_gb' | 'min_cpu_ram_gb';
  /** For people. */
  name: string;
  /** What has to fit at once, besides the margin. */
  needs: readonly ('device' | 'host' | 'cpu_only')[];
  /** Common sizes of machines in GB, smallest first. */
  sizes: readonly number[];
  /** Above the last size, the next multiple of this many GB. */
  step: number;
  /** The share of a machine that a model can have, by its size in GB: the first that reaches up to it. */
  usable: readonly { upToGb: number; share: number }[];
}

const any = Number.POSITIVE_INFINITY;

/**
 * How requirements follow from an estimate: the smallest common size of machine whose usable share holds what is
 * needed and the estimate's margin.
 *
 * A card is the model's alone: what drivers take of it is in the margin. macOS lets a GPU use 67 % of 7 and 16 GB,
 * 74 % of 18 and 24 GB, 75 to 78 % above (recommendedMaxWorkingSetSize, as llama.cpp prints it for M1 to M5); on
 * such a machine the part that stays with the processor is in the same memory. Of main memory without a GPU, a
 * quarter is left to the system, Docker and what else runs; this share is our choice.
 */
export const requirementRules: readonly RequirementRule[] = [
  {
    field: 'min_vram_gb',
    name: 'VRAM',
    needs: ['device'],
    sizes: [2, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 144, 180, 192, 256, 288],
    step: 32,
    usable: [{ upToGb: any, share: 1 }],
  },
  {
    field: 'min_unified_memory_gb',
    name: 'unified memory',
    needs: ['device', 'host'],
    sizes: [8, 16, 24, 32, 36, 48, 64, 96, 128, 192, 256, 512],
    step: 256,
    usable: [
      { upToGb: 16, share: 2 / 3 },
      { upToGb: any, share: 0.74 },
    ],
  },
  {
    field: 'min_cpu_ram_gb',
    name: 'CPU RAM',
    needs: ['cpu_only'],
    sizes: [8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024],
    step: 256,
    usable: [{ upToGb: any, share: 0.75 }],
  },
];

/** A figure for a catalog entry, and how it came about. */
export interface Requirement {
  rule: RequirementRule;
  /** Bytes that have to fit, the margin included. */
  needBytes: number;
  /** What a model can have of a machine of that size, in bytes. */
  usableBytes: number;
  share: number;
  /** The requirement, in GB as sold. */
  gb: number;
}

/**
 * The requirements of a model by its estimate. `imageBytes` are those of the file that reads images, where the
 * estimate does not have it: it is loaded beside the model.
 */
export function requirementsFor(
  estimate: Pick<Estimate, 'device' | 'host' | 'cpu_only' | 'margin'>,
  imageBytes = 0,
): Requirement[] {
  return requirementRules.map((rule) => {
    const parts = rule.needs.reduce((sum, part) => sum + estimate[part].total, 0);
    const needBytes = parts + estimate.margin + imageBytes;
    const size = sizeFor(rule, needBytes);
    return { rule, needBytes, usableBytes: Math.floor(size.gb * gb * size.share), ...size };
  });
}

function sizeFor(rule: RequirementRule, bytes: number): { gb: number; share: number } {
  const shareOf = (size: number) => rule.usable.find(({ upToGb }) => size <= upToGb)?.share ?? 1;
  for (const size of rule.sizes) {
    const share = shareOf(size);
    if (bytes <= size * gb * share) return { gb: size, share };
  }
  const share = shareOf(any);
  return { gb: Math.ceil(bytes / gb / share / rule.step) * rule.step, share };
}

import { gigabytes } from '../../text/text.ts';
import { field, jsonOf, misbehaviour, wordsOf } from './answers.ts';
import type { DetectedGpu, Note } from './detection.ts';
import type { DrmCard } from './drm.ts';
import { pciVendors } from './drm.ts';
import type { Run } from './probe.ts';
import { toMib } from './probe.ts';

export const amdSmiArgs = ['static', '--asic', '--vram', '--json'];
export const rocmSmiArgs = ['--showmeminfo', 'vram', '--showproductname', '--json'];

/** PCI ids of Ryzen AI Max (Strix Halo), which shares all memory with its GPU. */
const unifiedDevices = new Set(['0x1586']);

/** PCI ids of GPUs in processors, whose own memory is a carve-out: Raven to Krackan. */
const integratedDevices = new Set(
  (
    '0x15dd 0x15d8 0x1636 0x1638 0x164c 0x15e7 0x163f 0x164e 0x1681 0x1506 ' +
    '0x15bf 0x15c8 0x1900 0x1901 0x13c0 0x150e 0x1114'
  ).split(' '),
);

/** Radeon 8060S, 8050S, 8040S: the GPUs of Ryzen AI Max. */
const unifiedName = /\b80[456]0S\b|\bRyzen AI Max\b/i;
/** Radeon 780M, Radeon Vega 8 Graphics, Radeon Graphics. */
const integratedName = /\b\d{3}M\b|\bVega \d{1,2}\b(?! ?FE)|^Radeon Graphics\b/i;

const unknown: DetectedGpu = {
  vendor: 'amd',
  name: null,
  memoryTotalMib: null,
  memoryFreeMib: null,
  driver: null,
  api: 'rocm',
  integrated: false,
  unified: false,
  slice: false,
  source: '',
};

/** AMD's name without the maker: `Radeon RX 7800 XT`. */
export function amdName(value: unknown): string | null {
  return (
    wordsOf(value)?.replace(/^(?:AMD|ATI|Advanced Micro Devices,? Inc\.?(?: \[AMD\/ATI\])?)\s+/i, '') ?? null
  );
}

/** Marks the GPU of a processor by its name. */
export function classified(gpu: DetectedGpu): DetectedGpu {
  const unified = gpu.unified || unifiedName.test(gpu.name ?? '');
  return { ...gpu, unified, integrated: gpu.integrated || unified || integratedName.test(gpu.name ?? '') };
}

/** An AMD card by its sysfs files; null for a card of another maker. */
export function parseAmdCard(card: DrmCard): DetectedGpu | null {
  if (card.vendor !== pciVendors.amd) return null;
  const total = toMib(Number(card.vramTotal || Number.NaN));
  const usedBytes = Number(card.vramUsed || Number.NaN);
  const unified = unifiedDevices.has(card.device);
  return classified({
    ...unknown,
    name: amdName(card.productName) ?? (unified ? 'Ryzen AI Max' : null),
    memoryTotalMib: total,
    memoryFreeMib:
      total === null || !(usedBytes >= 0) ? null : Math.max(0, total - Math.round(usedBytes / 2 ** 20)),
    // No discrete card that still works has less than 1 GB.
    integrated: integratedDevices.has(card.device) || (total !== null && total < 1024),
    unified,
    source: `/sys/class/drm/${card.id}/device`,
  });
}

/** The cards of `amd-smi static --json`: a list in older releases, `{"gpu_data": […]}` in newer ones. */
export function parseAmdSmi(stdout: string): DetectedGpu[] {
  const root = jsonOf(stdout);
  const list = Array.isArray(root) ? root : field(root, 'gpu_data');
  if (!Array.isArray(list)) return [];
  return list.flatMap((card: unknown) => {
    const name = amdName(field(field(card, 'asic'), 'market_name'));
    const vram = field(card, 'vram');
    const size = field(vram, 'size');
    const scale = units.get(String(field(size, 'unit')));
    const amount = Number(field(size, 'value') ?? Number.NaN);
    const total = scale !== undefined && amount > 0 ? Math.round(amount * scale) : null;
    if (name === null && total === null) return [];
    const shares = /^LPDDR|^DDR/i.test(String(field(vram, 'type') ?? ''));
    return [
      classified({
        ...unknown,
        name,
        memoryTotalMib: total,
        integrated: shares,
        source: `amd-smi ${amdSmiArgs.join(' ')}`,
      }),
    ];
  });
}

/** In MiB; amd-smi writes MB and means MiB. */
const units = new Map([
  ['KB', 1 / 1024],
  ['MB', 1],
  ['GB', 1024],
]);

/** The cards of `rocm-smi --json`, whose numbers are texts. */
export function parseRocmSmi(stdout: string): DetectedGpu[] {
  const root = jsonOf(stdout);
  if (typeof root !== 'object' || root === null) return [];
  const driver = wordsOf(field(field(root, 'system'), 'Driver version'));
  return Object.keys(root)
    .filter((key) => /^card\d+$/.test(key))
    .flatMap((key) => {
      const card = field(root, key);
      const bytes = (name: string) => Number(field(card, name) || Number.NaN);
      const total = toMib(bytes('VRAM Total Memory (B)'));
      const used = Number(field(card, 'VRAM Total Used Memory (B)') ?? Number.NaN);
      const name = amdName(field(card, 'Card Series') ?? field(card, 'Card series'));
      if (name === null && total === null) return [];
      return [
        classified({
          ...unknown,
          name,
          memoryTotalMib: total,
          memoryFreeMib:
            total === null || !(used >= 0) ? null : Math.max(0, total - Math.round(used / 2 ** 20)),
          driver,
          integrated: total !== null && total < 1024,
          source: `rocm-smi ${rocmSmiArgs.join(' ')}`,
        }),
      ];
    });
}

/**
 * The kernel's cards with what a tool knows of them. A card of the tool is the kernel's where their memory
 * agrees, or where both list as many; every other one is left out, so that no card counts twice. Without any
 * card of the kernel the tool's count.
 */
export function mergeAmd(kernel: readonly DetectedGpu[], tool: readonly DetectedGpu[]): DetectedGpu[] {
  if (kernel.length === 0) return [...tool];
  const left = new Set(tool);
  return kernel.map((gpu, index) => {
    const agrees = [...left].find(
      ({ memoryTotalMib: other }) =>
        other !== null &&
        gpu.memoryTotalMib !== null &&
        Math.abs(other - gpu.memoryTotalMib) <= gpu.memoryTotalMib * 0.01,
    );
    const sameIndex = kernel.length === tool.length ? tool[index] : undefined;
    const match = agrees ?? (sameIndex !== undefined && left.has(sameIndex) ? sameIndex : undefined);
    if (match === undefined) return gpu;
    left.delete(match);
    return classified({
      ...gpu,
      name: gpu.name === null || gpu.unified ? (match.name ?? gpu.name) : gpu.name,
      memoryTotalMib: gpu.memoryTotalMib ?? match.memoryTotalMib,
      memoryFreeMib: gpu.memoryFreeMib ?? match.memoryFreeMib,
      driver: gpu.driver ?? match.driver,
      integrated: gpu.integrated || match.integrated,
      source: `${gpu.source}, ${match.source}`,
    });
  });
}

/** AMD's cards by the kernel, with names by AMD's tools. */
export async function amdCards(
  cards: readonly DrmCard[],
  run: Run,
): Promise<{ gpus: DetectedGpu[]; notes: Note[] }> {
  const kernel = cards.map(parseAmdCard).filter((gpu) => gpu !== null);
  // Where the kernel shows cards, and none of AMD, the tools have nothing to tell.
  if (kernel.length === 0 && cards.length > 0) return { gpus: [], notes: [] };
  const [amdSmi, rocmSmi] = await Promise.all([run('amd-smi', amdSmiArgs), run('rocm-smi', rocmSmiArgs)]);
  const byAmdSmi = amdSmi.ended === 'ok' ? parseAmdSmi(amdSmi.stdout) : [];
  const byRocmSmi = rocmSmi.ended === 'ok' ? parseRocmSmi(rocmSmi.stdout) : [];
  const gpus = mergeAmd(mergeAmd(kernel, byAmdSmi), byRocmSmi);
  return {
    gpus,
    notes: [
      ...misbehaviour('amd', 'amd-smi', amdSmi),
      ...misbehaviour('amd', 'rocm-smi', rocmSmi),
      ...gpus.flatMap((gpu) => memoryNotes(gpu, cards)),
    ],
  };
}

function memoryNotes(gpu: DetectedGpu, cards: readonly DrmCard[]): Note[] {
  const name = gpu.name ?? 'the AMD GPU';
  if (gpu.unified) {
    const card = cards.find(({ device }) => unifiedDevices.has(device));
    const gtt = toMib(Number(card?.gttTotal || Number.NaN));
    const may = gtt === null ? '' : ` The kernel lets it use ${gigabytes(gtt / 1024)} of the rest.`;
    return [
      {
        about: 'amd',
        text: `${name} shares the machine's memory: ${gigabytes((gpu.memoryTotalMib ?? 0) / 1024)} are set aside for it.${may} Change the share in the firmware settings if a model does not fit.`,
      },
    ];
  }
  if (gpu.memoryTotalMib !== null || gpu.integrated) return [];
  return [
    {
      about: 'amd',
      text: `The memory of ${name} could not be read. Load the driver amdgpu, or give vram_gb in a targets file.`,
    },
  ];
}

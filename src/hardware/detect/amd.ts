import type { Gpu } from '../facts.ts';
import { toGib } from './probe.ts';

/** What sysfs tells of one card, as text; null where a file is missing. */
export interface DrmCard {
  vendor: string | null;
  device: string | null;
  productName: string | null;
  vramTotal: string | null;
}

const amdVendor = '0x1002';

/** PCI ids of Ryzen AI Max (Strix Halo), which shares all memory with its GPU. */
const unifiedDevices = new Set(['0x1586']);

/** PCI ids of GPUs in processors, whose own memory is a carve-out: Raven to Krackan. */
const integratedDevices = new Set(
  (
    '0x15dd 0x15d8 0x1636 0x1638 0x164c 0x15e7 0x163f 0x164e 0x1681 0x1506 ' +
    '0x15bf 0x15c8 0x1900 0x1901 0x13c0 0x150e 0x1114'
  ).split(' '),
);

/** An AMD card by its sysfs files; null for a card of another maker. Memory in GiB. */
export function parseAmdCard(card: DrmCard): { gpu: Gpu; unified: boolean } | null {
  if (card.vendor?.trim() !== amdVendor) return null;
  const device = card.device?.trim().toLowerCase() ?? '';
  const vramGb = toGib(Number(card.vramTotal?.trim() || Number.NaN));
  const unified = unifiedDevices.has(device);
  return {
    unified,
    gpu: {
      vendor: 'amd',
      name: card.productName?.trim() || (unified ? 'Ryzen AI Max' : null),
      vramGb,
      count: 1,
      api: 'rocm',
      // No discrete card that still works has less than 1 GB.
      integrated: unified || integratedDevices.has(device) || (vramGb !== null && vramGb < 1),
    },
  };
}

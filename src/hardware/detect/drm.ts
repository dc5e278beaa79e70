import type { Probe } from './probe.ts';

/** A graphics card as the Linux kernel shows it in /sys/class/drm; texts as the files have them, null where missing. */
export interface DrmCard {
  /** `card0`. */
  id: string;
  /** PCI ids: `0x1002`, `0x744c`. */
  vendor: string;
  device: string;
  productName: string | null;
  /** Bytes: AMD's own memory, what of it is used, and what of the machine's memory it may use. */
  vramTotal: string | null;
  vramUsed: string | null;
  gttTotal: string | null;
  /** Bytes, one for each part of the card: Intel. */
  intelVram: string[];
  /** The kernel's driver: `nvidia`, `nouveau`; null where unknown. */
  driver: string | null;
}

const folder = '/sys/class/drm';
/** More cards than a machine has. */
const mostCards = 64;

/** All graphics cards that have a kernel driver, in the order of their numbers. */
export async function drmCards(probe: Probe): Promise<DrmCard[]> {
  const names = (await probe.listFolder(folder)).filter((name) => /^card\d{1,3}$/.test(name));
  names.sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)));
  const cards = await Promise.all(names.slice(0, mostCards).map((id) => drmCard(probe, id)));
  return cards.filter((card) => card !== null);
}

async function drmCard(probe: Probe, id: string): Promise<DrmCard | null> {
  const device = `${folder}/${id}/device`;
  const read = async (path: string) => (await probe.readFile(path))?.trim() || null;
  const [vendor, pciDevice] = await Promise.all([read(`${device}/vendor`), read(`${device}/device`)]);
  if (vendor === null) return null;
  const card: DrmCard = {
    id,
    vendor: vendor.toLowerCase(),
    device: pciDevice?.toLowerCase() ?? '',
    productName: null,
    vramTotal: null,
    vramUsed: null,
    gttTotal: null,
    intelVram: [],
    driver: null,
  };
  if (card.vendor === pciVendors.amd) {
    const [productName, vramTotal, vramUsed, gttTotal] = await Promise.all(
      ['product_name', 'mem_info_vram_total', 'mem_info_vram_used', 'mem_info_gtt_total'].map((name) =>
        read(`${device}/${name}`),
      ),
    );
    return {
      ...card,
      productName: productName ?? null,
      vramTotal: vramTotal ?? null,
      vramUsed: vramUsed ?? null,
      gttTotal: gttTotal ?? null,
    };
  }
  if (card.vendor === pciVendors.intel) {
    const tiles = (await probe.listFolder(device)).filter((name) => /^tile\d{1,2}$/.test(name)).sort();
    const files = [
      ...tiles.map((tile) => `${device}/${tile}/physical_vram_size_bytes`),
      `${folder}/${id}/lmem_total_bytes`,
    ];
    const sizes = await Promise.all(files.map(read));
    return { ...card, intelVram: sizes.filter((size) => size !== null) };
  }
  if (card.vendor === pciVendors.nvidia) {
    // The link `driver` itself cannot be followed by reading; its module lists what it drives as `pci:nouveau`.
    const drivers = await probe.listFolder(`${device}/driver/module/drivers`);
    const driver = drivers.map((name) => /^pci:([\w-]+)$/.exec(name)?.[1]).find((name) => name !== undefined);
    return { ...card, driver: driver ?? null };
  }
  return card;
}

export const pciVendors = {
  amd: '0x1002',
  intel: '0x8086',
  nvidia: '0x10de',
  apple: '0x106b',
  qualcomm: '0x5143',
};

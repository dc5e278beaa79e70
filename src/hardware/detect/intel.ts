import { wordsOf } from './answers.ts';
import type { DetectedGpu } from './detection.ts';
import type { DrmCard } from './drm.ts';
import { pciVendors } from './drm.ts';
import { toMib } from './probe.ts';

/** Names of Intel's cards by PCI id, which sysfs does not tell. */
const names = new Map([
  ['0x56a0', 'Arc A770'],
  ['0x56a1', 'Arc A750'],
  ['0x56a2', 'Arc A580'],
  ['0x56a5', 'Arc A380'],
  ['0x56a6', 'Arc A310'],
  ['0xe20b', 'Arc B580'],
  ['0xe20c', 'Arc B570'],
  ['0xe211', 'Arc Pro B60'],
  ['0xe212', 'Arc Pro B50'],
]);

/** An Intel GPU by its sysfs files (drivers xe and i915); null for a card of another maker. */
export function parseIntelCard(card: DrmCard): DetectedGpu | null {
  if (card.vendor !== pciVendors.intel) return null;
  const bytes = card.intelVram.map(Number).filter((size) => size > 0);
  const name = names.get(card.device) ?? null;
  const discrete = name !== null || bytes.length > 0;
  return {
    vendor: 'intel',
    name: name === null ? (discrete ? null : 'Intel Graphics') : `Intel ${name}`,
    memoryTotalMib: toMib(bytes.reduce((sum, size) => sum + size, 0)),
    memoryFreeMib: null,
    driver: null,
    api: 'vulkan',
    integrated: !discrete,
    unified: false,
    slice: false,
    source: `/sys/class/drm/${card.id}`,
  };
}

/** Intel's name with the maker, because what follows says little: `Intel Graphics`. */
export function intelName(value: unknown): string | null {
  return wordsOf(value)?.replace(/^(?:Intel\s+)?/i, 'Intel ') ?? null;
}

/** Arc A770 and Arc B580 are cards; Arc Graphics and Arc 140V are parts of processors. */
export function isIntelCard(name: string | null): boolean {
  return /\b(?:Arc (?:Pro )?[A-C]\d{2,3}M?|Data Center GPU|Iris Xe MAX)\b/i.test(name ?? '');
}

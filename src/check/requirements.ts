import type { BlueprintRequirements, Stated } from '../blueprint/requirements.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import { meets } from '../compatibility/assess.ts';
import { dotted } from '../document/pointer.ts';
import type { Finding, Location } from '../findings/finding.ts';
import { finding } from '../findings/finding.ts';
import type { HardwareFacts, Target } from '../hardware/facts.ts';
import { count, either, gigabytes, gigabytesBelow } from '../text/text.ts';
import type { Part } from './beside.ts';

/** What one target lacks of the requirements. */
interface Lack {
  at: Stated;
  asked: string;
  found: string;
}

/**
 * Checks the blueprint's own requirements: each target must meet them, and they must not be less than what the
 * blueprint's required models need. Cores and disk are not known of a target, so nothing is said of them.
 */
export function requirementFindings(
  requirements: BlueprintRequirements,
  parts: readonly Part[],
  targets: readonly Target[],
): Finding[] {
  return [...notMet(requirements, targets), ...understated(requirements, parts)];
}

function notMet(requirements: BlueprintRequirements, targets: readonly Target[]): Finding[] {
  const groups = new Map<string, { lack: Lack; required: boolean; at: Target[] }>();
  for (const target of targets) {
    for (const lack of lacks(requirements, target.facts)) {
      const key = `${lack.at.field} ${target.required}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { lack, required: target.required, at: [target] });
      else group.at.push(target);
    }
  }
  return [...groups.values()].map(({ lack, required, at }) =>
    finding(
      'requirements-not-met',
      {
        asked: lack.asked,
        found: lack.found,
        hard: requirements.hard,
        target: (at[0] as Target).name,
        more: at.length - 1,
      },
      {
        location: locationOf(lack.at),
        targets: at.map(({ id }) => id),
        ...(required && requirements.hard ? {} : { severity: 'note' as const }),
      },
    ),
  );
}

/** A graphics processor as requirements count them. */
interface Card {
  vendor: string;
  count: number;
  /** GB; null where it is not known. */
  gb: number | null;
}

/** Whose cards a driver drives; of another driver nothing is known, and any card may have it. */
const vendorsOfDrivers = new Map([
  ['cuda', 'nvidia'],
  ['rocm', 'amd'],
  ['metal', 'apple'],
]);
const vendorNames = new Map([
  ['nvidia', 'NVIDIA'],
  ['amd', 'AMD'],
  ['intel', 'Intel'],
  ['apple', 'Apple'],
  ['qualcomm', 'Qualcomm'],
]);

function lacks(requirements: BlueprintRequirements, facts: HardwareFacts): Lack[] {
  const { memoryGb, gpuCount } = requirements;
  const found: Lack[] = [];
  const memory = facts.unifiedMemoryGb ?? facts.memoryGb;
  if (memoryGb !== null && memory !== null && !meets(memory, memoryGb.value, facts.measured)) {
    found.push({
      at: memoryGb,
      asked: `${gigabytes(memoryGb.value)} of memory`,
      found: gigabytesBelow(memory, memoryGb.value),
    });
  }
  if (gpuCount === null || gpuCount.value === 0) return found;
  const lack = lackOfGpus(requirements, gpuCount, facts);
  return lack === null ? found : [...found, lack];
}

function lackOfGpus(
  { gpuMemoryGb, gpuVendor, gpuDriver }: BlueprintRequirements,
  gpuCount: Stated,
  facts: HardwareFacts,
): Lack | null {
  const vendor = gpuVendor ?? vendorsOfDrivers.get(gpuDriver ?? '') ?? null;
  // A vendor that nobody knows may be anybody.
  if (vendor !== null && !vendorNames.has(vendor)) return null;
  const suited = cardsOf(facts).filter((card) => vendor === null || card.vendor === vendor);
  const enough = suited.filter(
    ({ gb }) => gpuMemoryGb === null || gb === null || meets(gb, gpuMemoryGb.value, facts.measured),
  );
  if (total(enough) >= gpuCount.value) return null;
  const name = vendor === null ? '' : `${vendorNames.get(vendor)} `;
  const asked = `${count(gpuCount.value, `${name}GPU`)}${gpuMemoryGb === null ? '' : ` with ${gigabytes(gpuMemoryGb.value)}`}`;
  if (gpuMemoryGb !== null && total(suited) >= gpuCount.value) {
    const largest = Math.max(...suited.map(({ gb }) => gb ?? 0));
    return { at: gpuMemoryGb, asked, found: gigabytesBelow(largest, gpuMemoryGb.value) };
  }
  return { at: gpuCount, asked, found: suited.length === 0 ? 'none' : `only ${total(suited)}` };
}

function cardsOf(facts: HardwareFacts): Card[] {
  const shared = facts.unifiedMemoryGb ?? facts.memoryGb;
  if (facts.os === 'darwin' && facts.arch === 'arm64') return [{ vendor: 'apple', count: 1, gb: shared }];
  return facts.gpus.map(({ vendor, count: cards, vramGb, integrated }) => ({
    vendor,
    count: cards,
    gb: integrated && facts.unifiedMemoryGb !== null ? facts.unifiedMemoryGb : vramGb,
  }));
}

function total(cards: readonly Card[]): number {
  return cards.reduce((sum, card) => sum + card.count, 0);
}

/** The largest shortfall: the requirements rule out what a required model needs by its catalog entry. */
function understated(requirements: BlueprintRequirements, parts: readonly Part[]): Finding[] {
  const needy = parts
    .flatMap(({ declaration, assessment }) => {
      if (assessment === null || !declaration.required) return [];
      const needs = leastOf(assessment.entry);
      return needs === null ? [] : [{ declaration, entry: assessment.entry, ...needs }];
    })
    .sort((a, b) => b.gpuGb - a.gpuGb);
  const [largest] = needy;
  if (largest === undefined) return [];
  const { declaration, entry, gpuGb, sharedGb } = largest;
  const { gpuCount, gpuMemoryGb, memoryGb } = requirements;
  const cpuGb = entry.requirements.minCpuRamGb;
  const said = (at: Stated, stated: string, severity?: 'note') => [
    finding(
      'requirements-understated',
      { stated, place: dotted(declaration.pointer), model: entry.id, needs: needsOf(entry) },
      { location: locationOf(at), ...(severity === undefined ? {} : { severity }) },
    ),
  ];
  if (gpuCount?.value === 0) {
    if (cpuGb === undefined) return said(gpuCount, 'no GPU');
    // The catalog allows the CPU, with force: then main memory holds the model.
    if (memoryGb !== null && memoryGb.value < Math.min(sharedGb, cpuGb)) {
      return said(memoryGb, `no GPU and ${gigabytes(memoryGb.value)} of memory`, 'note');
    }
    return [];
  }
  if (gpuCount !== null && gpuMemoryGb !== null && gpuMemoryGb.value < gpuGb) {
    return said(gpuMemoryGb, `${count(gpuCount.value, 'GPU')} with ${gigabytes(gpuMemoryGb.value)}`);
  }
  return [];
}

/** The least memory of each kind of GPU that runs an entry, in GB; null where it needs none. */
function leastOf({ requirements }: CatalogEntry): { gpuGb: number; sharedGb: number } | null {
  const { minVramGb, minUnifiedMemoryGb } = requirements;
  const any = minVramGb ?? minUnifiedMemoryGb;
  if (any === undefined) return null;
  return { gpuGb: Math.min(any, minUnifiedMemoryGb ?? any), sharedGb: minUnifiedMemoryGb ?? any };
}

/** `8 GB VRAM, 16 GB unified memory or, with force, 32 GB RAM`. */
function needsOf({ requirements }: CatalogEntry): string {
  const { minVramGb, minUnifiedMemoryGb, minCpuRamGb } = requirements;
  return either([
    ...(minVramGb === undefined ? [] : [`${gigabytes(minVramGb)} VRAM`]),
    ...(minUnifiedMemoryGb === undefined ? [] : [`${gigabytes(minUnifiedMemoryGb)} unified memory`]),
    ...(minCpuRamGb === undefined ? [] : [`, with force, ${gigabytes(minCpuRamGb)} RAM`]),
  ]).replace('or ,', 'or,');
}

function locationOf({ file, pointer }: Stated): Location {
  return { file, pointer, range: null };
}

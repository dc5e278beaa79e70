import type { GpuVendor } from '../facts.ts';
import { amdName, classified } from './amd.ts';
import { misbehaviour, wordsOf } from './answers.ts';
import type { DetectedGpu, Note } from './detection.ts';
import { pciVendors } from './drm.ts';
import { intelName } from './intel.ts';
import { nvidiaName } from './nvidia.ts';
import type { Run } from './probe.ts';

export const vulkanArgs = ['--summary'];

const vendors = new Map<string, GpuVendor>([
  [pciVendors.nvidia, 'nvidia'],
  [pciVendors.amd, 'amd'],
  [pciVendors.intel, 'intel'],
  [pciVendors.qualcomm, 'qualcomm'],
  [pciVendors.apple, 'apple'],
]);

/** The GPUs of `vulkaninfo --summary`, each once; it tells no memory. Software (`CPU`) and virtual GPUs are none. */
export function parseVulkan(stdout: string): DetectedGpu[] {
  const gpus = new Map<string, DetectedGpu>();
  for (const block of stdout.split(/^GPU\d+:/m).slice(1)) {
    const value = (name: string) => new RegExp(`^\\s+${name}\\s*= (.+)$`, 'm').exec(block)?.[1]?.trim() ?? '';
    const kind = /_(DISCRETE|INTEGRATED)_GPU$/.exec(value('deviceType'))?.[1];
    if (kind === undefined) continue;
    const vendorId = value('vendorID').toLowerCase();
    const vendor = vendors.get(vendorId) ?? 'other';
    const full = deviceName(value('deviceName'));
    const key = `${vendorId} ${value('deviceID') || full}`;
    // Several drivers may show the same card.
    if (gpus.has(key)) continue;
    gpus.set(
      key,
      (vendor === 'amd' ? classified : (gpu: DetectedGpu) => gpu)({
        vendor,
        name:
          full === null
            ? null
            : vendor === 'amd'
              ? amdName(full)
              : vendor === 'intel'
                ? intelName(full)
                : vendor === 'nvidia'
                  ? nvidiaName(full)
                  : full,
        memoryTotalMib: null,
        memoryFreeMib: null,
        driver: null,
        api: vendor === 'nvidia' ? 'cuda' : 'vulkan',
        integrated: kind === 'INTEGRATED',
        unified: false,
        slice: false,
        source: `vulkaninfo ${vulkanArgs.join(' ')}`,
      }),
    );
  }
  return [...gpus.values()];
}

/** The name of the card without that of its driver: `(RADV STRIX_HALO)` after it, `Microsoft Direct3D12 (…)` around it. */
function deviceName(full: string): string | null {
  const inner = /^Microsoft Direct3D12 \((.+)\)$/.exec(full)?.[1] ?? full;
  return wordsOf(inner.replace(/ \((?:RADV|AMDVLK|ARL|ADL|RPL|TGL|DG2|BMG|LLVM|NVK)[^)]*\)/, ''));
}

/** GPUs that only Vulkan shows. */
export async function vulkanCards(run: Run): Promise<{ gpus: DetectedGpu[]; notes: Note[] }> {
  const ran = await run('vulkaninfo', vulkanArgs);
  return {
    gpus: ran.ended === 'ok' ? parseVulkan(ran.stdout) : [],
    notes: misbehaviour('gpu', 'vulkaninfo', ran),
  };
}

import type { ConfigPlace, Contribution } from './config.ts';

/** A figure of the requirements, and the layer that supplied it. */
export interface Stated {
  value: number;
  /** Dotted: `requirements.memory.min_gb`. */
  field: string;
  file: string;
  pointer: string;
}

/** What a blueprint asks of a machine by itself, beside its models. What it does not say is null. */
export interface BlueprintRequirements {
  /** GB. */
  memoryGb: Stated | null;
  /** Cards; 0 says that it needs none. */
  gpuCount: Stated | null;
  /** GB of each card, from `min_memory_mb` (1024 MB each) or `min_memory_gb`. */
  gpuMemoryGb: Stated | null;
  /** Lower case: `nvidia`. */
  gpuVendor: string | null;
  /** Lower case: `cuda`. */
  gpuDriver: string | null;
  /** False where `gpu.enforcement` is `soft`. */
  hard: boolean;
}

/** Reads a blueprint's `requirements`; null where there are none. */
export function readRequirements(place: ConfigPlace): BlueprintRequirements | null {
  if (!place.isObject) return null;
  const gpu = place.get('gpu');
  const word = (key: string) => gpu.get(key).text?.trim().toLowerCase() ?? null;
  // Another comparison than "at least" is not understood, and nothing is said of it.
  const comparesAsUsual = [null, '>='].includes(word('memory_operator'));
  const megabytes = stated(gpu.get('min_memory_mb'), 'requirements.gpu.min_memory_mb', 1024);
  return {
    memoryGb: stated(place.get('memory').get('min_gb'), 'requirements.memory.min_gb'),
    gpuCount: stated(gpu.get('min_count'), 'requirements.gpu.min_count'),
    gpuMemoryGb: comparesAsUsual
      ? (megabytes ?? stated(gpu.get('min_memory_gb'), 'requirements.gpu.min_memory_gb'))
      : null,
    gpuVendor: word('vendor'),
    gpuDriver: word('driver'),
    hard: word('enforcement') !== 'soft',
  };
}

/** A number from 0 on, divided into the unit that is compared; anything else is not understood. */
function stated(place: ConfigPlace, field: string, divisor = 1): Stated | null {
  const { value } = place;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) return null;
  const { document, pointer } = place.top as Contribution;
  return { value: value / divisor, field, file: document.file, pointer };
}

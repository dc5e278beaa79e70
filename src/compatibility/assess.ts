import type { CatalogEntry, Requirements } from '../catalog/entry.ts';
import type { HardwareFacts, Target } from '../hardware/facts.ts';
import { either, gigabytes, gigabytesBelow, short } from '../text/text.ts';
import type { Accelerator, Machine } from './machine.ts';
import { readMachine } from './machine.ts';
import type { Fit } from './table.ts';
import { firstMatch } from './table.ts';
import type { Memory, Verdict } from './verdict.ts';

/** The engine that a declaration gets: `auto` and nothing are what the entry names. */
export function effectiveBackend(declared: string | null, entry: CatalogEntry): string {
  return declared === null || declared === 'auto' ? entry.backend : declared;
}

/**
 * What the table says of one entry with one backend on one target. Pure and
 * total: every set of facts meets exactly one row.
 */
export function assess(entry: CatalogEntry, backend: string, target: Target, force: boolean): Verdict {
  const { facts } = target;
  const machine = readMachine(facts);
  const base = { model: entry.id, backend, target: target.id };

  const unsupported = whyBackendUnsupported(entry, backend, facts, machine);
  if (unsupported !== null) {
    return {
      ...base,
      status: 'fail',
      rule: 'backend-unsupported',
      ok: false,
      forced: false,
      accelerator: null,
      required: null,
      found: null,
      message: unsupported.why,
      help: unsupported.help,
    };
  }
  if (backend === 'vllm') {
    machine.accelerators = machine.accelerators.filter(({ vendor }) => vendor === 'nvidia');
  }

  const { requirements } = entry;
  const nothingRequired = Object.values(requirements).every((gb) => gb === undefined);
  const fits = machine.accelerators.map((accelerator) => fitOf(accelerator, requirements, facts.measured));
  const cpuNeed = requirements.minCpuRamGb;
  const cpuEnough = cpuNeed !== undefined && meets(facts.memoryGb ?? 0, cpuNeed, facts.measured);
  const { row, accelerator } = firstMatch(machine, fits, cpuEnough, nothingRequired);

  const compared =
    row.because !== undefined
      ? { required: null, found: null, message: row.because }
      : accelerator !== null
        ? compareAccelerator(accelerator, requirements, facts.measured)
        : compareCpu(requirements, facts);
  const why = row.status === 'pass' || accelerator !== null ? [] : machine.ignored;
  const unknown = row.status === 'fail' && compared.found === null ? (compared.required?.kind ?? null) : null;
  const forced = force && (row.status === 'fail' || row.status === 'force_only');
  return {
    ...base,
    status: row.status,
    rule: row.id,
    ok: forced || row.status === 'pass' || row.status === 'warning',
    forced,
    accelerator: accelerator?.api ?? (nothingRequired ? (machine.accelerators[0]?.api ?? 'CPU') : 'CPU'),
    required: compared.required,
    found: compared.found,
    message: [compared.message, ...why].join('; '),
    help: forced
      ? `Expect ${row.risk}.`
      : unknown === null
        ? row.help
        : `Give its ${fields[unknown]} in a targets file, or use --force.`,
  };
}

/**
 * Whether an amount of memory meets a threshold. A measured amount (GiB) meets
 * N GB from 0.90 x N GiB on: cards sold as 8 GB report 7805 to 8192 MiB, and no
 * card sold as less comes near (decision 9).
 */
export function meets(gb: number, thresholdGb: number, measured: boolean): boolean {
  // 0.9 * 13 is a little more than 11.7.
  return gb >= (measured ? (9 * thresholdGb) / 10 : thresholdGb);
}

/** The threshold for one kind of accelerator memory; the other kind's stands in where it is missing. */
function threshold(
  requirements: Requirements,
  memory: Accelerator['memory'],
): { gb: number; standsIn: boolean } | null {
  const { minVramGb, minUnifiedMemoryGb } = requirements;
  const own = memory === 'vram' ? minVramGb : minUnifiedMemoryGb;
  if (own !== undefined) return { gb: own, standsIn: false };
  const other = memory === 'vram' ? minUnifiedMemoryGb : minVramGb;
  return other === undefined ? null : { gb: other, standsIn: true };
}

function fitOf(accelerator: Accelerator, requirements: Requirements, measured: boolean): Fit {
  const need = threshold(requirements, accelerator.memory);
  if (need === null) return 'enough';
  const { largestGb, togetherGb } = accelerator;
  if (meets(largestGb ?? 0, need.gb, measured)) return 'enough';
  return meets(togetherGb ?? 0, need.gb, measured) ? 'together' : 'too-little';
}

/** What people call each kind of memory. */
export const kinds: Record<Memory['kind'], string> = {
  vram: 'VRAM',
  unified_memory: 'unified memory',
  cpu_ram: 'RAM',
};

/** Where a targets file says it. */
const fields: Record<Memory['kind'], string> = {
  vram: 'vram_gb',
  unified_memory: 'unified_memory_gb',
  cpu_ram: 'memory_gb',
};

interface Comparison {
  required: Memory | null;
  found: Memory | null;
  message: string;
}

function compareAccelerator(
  accelerator: Accelerator,
  requirements: Requirements,
  measured: boolean,
): Comparison {
  const { memory: kind, largestGb, togetherGb } = accelerator;
  const found = largestGb === null ? null : { kind, gb: round(largestGb) };
  const need = threshold(requirements, kind);
  if (need === null) {
    return { required: null, found, message: 'the catalog requires no accelerator memory for it' };
  }
  const standIn = need.standsIn
    ? ` (the catalog states it for ${kind === 'vram' ? 'unified memory' : 'VRAM'} only)`
    : '';
  const needs = `needs ${gigabytes(need.gb)} ${kinds[kind]}${standIn}`;
  const required = { kind, gb: need.gb };
  if (largestGb === null) return { required, found, message: `${needs}, found an unknown amount` };
  let message = `${needs}, found ${foundText(largestGb, need.gb, measured)}`;
  if (togetherGb !== null && togetherGb > largestGb && !meets(largestGb, need.gb, measured)) {
    message += ` on the largest card, ${amount(togetherGb, need.gb)} on all together`;
  }
  return { required, found, message };
}

function compareCpu(requirements: Requirements, facts: HardwareFacts): Comparison {
  const need = requirements.minCpuRamGb;
  const found: Memory | null =
    facts.memoryGb === null ? null : { kind: 'cpu_ram', gb: round(facts.memoryGb) };
  if (need === undefined) {
    return {
      required: null,
      found,
      message: 'needs a supported GPU, and there is none: the catalog does not allow the CPU for it',
    };
  }
  const required: Memory = { kind: 'cpu_ram', gb: need };
  const needs = `no supported GPU; the CPU needs ${gigabytes(need)} RAM`;
  return facts.memoryGb === null
    ? { required, found, message: `${needs}, found an unknown amount` }
    : { required, found, message: `${needs}, found ${foundText(facts.memoryGb, need, facts.measured)}` };
}

function foundText(gb: number, need: number, measured: boolean): string {
  const text = amount(gb, need);
  return gb < need && meets(gb, need, measured)
    ? `${text} measured, which is sold as ${gigabytes(need)}`
    : text;
}

/** An amount beside the one that is needed. */
function amount(gb: number, need: number): string {
  return gb < need ? gigabytesBelow(gb, need) : gigabytes(gb);
}

/** Three digits are enough for a report, and keep it the same on every machine. */
function round(gb: number): number {
  return Number(gb.toFixed(3));
}

/** Decision 15. Null where the backend runs the entry on the machine. */
function whyBackendUnsupported(
  entry: CatalogEntry,
  backend: string,
  facts: HardwareFacts,
  machine: Machine,
): { why: string; help: string } | null {
  if (!entry.backends.includes(backend)) {
    const known = short(either(entry.backends));
    return {
      why: `the catalog lists ${known} for it, not ${short(backend, 40)}`,
      help: `Set the backend to ${known}, or name a model that ${short(backend, 40)} runs.`,
    };
  }
  if (backend === 'llama.cpp') return null;
  if (backend !== 'vllm') {
    return {
      why: `${short(backend, 40)} is not a known backend`,
      help: entry.backends.includes('llama.cpp')
        ? 'Set the backend to llama.cpp.'
        : 'Correct the backends of the catalog entry: llama.cpp or vllm.',
    };
  }
  const nvidia = machine.accelerators.some(({ vendor }) => vendor === 'nvidia');
  if (facts.os === 'linux' && facts.arch === 'x64' && nvidia) return null;
  return {
    why: 'vllm needs an NVIDIA GPU on Linux x64, WSL2 included',
    help: entry.backends.includes('llama.cpp')
      ? 'Set the backend to llama.cpp, or drop the target.'
      : 'Drop the target, or name a model that llama.cpp runs.',
  };
}

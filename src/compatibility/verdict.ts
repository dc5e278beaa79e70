export const statuses = ['pass', 'warning', 'force_only', 'fail'] as const;
/** What the table says of one entry on one target, forced or not. */
export type Status = (typeof statuses)[number];

/** An amount of one kind of memory, in GB. */
export interface Memory {
  kind: 'vram' | 'unified_memory' | 'cpu_ram';
  gb: number;
}

/** What the table says of one catalog entry with one backend on one target. */
export interface Verdict {
  /** Id of the catalog entry. */
  model: string;
  backend: string;
  /** Id of the target. */
  target: string;
  status: Status;
  /** Id of the row that decided. */
  rule: string;
  /** What counts after force. */
  ok: boolean;
  /** True where only force made it `ok`. */
  forced: boolean;
  /** `Metal`, `CUDA`, `ROCm/Vulkan`, `OpenCL`, `CPU`, or null where the backend does not run at all. */
  accelerator: string | null;
  required: Memory | null;
  found: Memory | null;
  /** A phrase without the model's or target's name: `needs 16 GB unified memory, found 8 GB`. */
  message: string;
  /** What to do, or what to know; may be empty for a plain pass. */
  help: string;
}

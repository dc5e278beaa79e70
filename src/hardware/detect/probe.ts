/** What detection needs of a machine. Nothing throws or rejects. */
export interface Probe {
  /** Runs a program without a shell and kills it after the timeout. Where it did not end well, `ok` is false and `stdout` is what it wrote. */
  run(command: string, args: string[], timeoutMs: number): Promise<{ ok: boolean; stdout: string }>;
  /** The text of a file; null where it cannot be read. */
  readFile(path: string): string | null;
  /** As Node names it: `linux`, `darwin`, `win32`, … */
  platform: string;
  /** Of the running program, as Node names it: `x64`, `arm64`, … */
  arch: string;
  /** 0 where unknown. */
  totalMemoryBytes: number;
  env: Readonly<Record<string, string | undefined>>;
}

/** Longest that one program may take, in milliseconds. */
export const probeTimeoutMs = 2500;

/** Bytes in GiB, to the MiB; null for what is no amount of memory. */
export function toGib(bytes: number): number | null {
  return Number.isFinite(bytes) && bytes > 0 ? Number((bytes / 2 ** 30).toFixed(3)) : null;
}

/** How a program ended. */
export interface Ran {
  /**
   * `ok`: by itself, with code 0. `failed`: by itself, with another code. `missing`: there is none of that name.
   * `denied`: it may not or cannot be executed. `late`: stopped at its timeout. `cut`: stopped because it printed
   * too much. `killed`: by a signal of somebody else.
   */
  ended: 'ok' | 'failed' | 'missing' | 'denied' | 'late' | 'cut' | 'killed';
  /** Its exit code; null where it did not end by itself. */
  code: number | null;
  /** What it wrote, at most 1 MiB each; bytes that are no UTF-8 are U+FFFD. */
  stdout: string;
  stderr: string;
}

/** Where something may listen: a Unix socket, a named pipe of Windows, or a TCP port. */
export type Address = { path: string } | { host: string; port: number };

/** What detection needs of a machine. Nothing throws or rejects, and nothing takes longer than its timeout. */
export interface Probe {
  /** Runs a program without a shell, and kills it at the timeout. A bare name is looked up in PATH. */
  run(command: string, args: readonly string[], timeoutMs: number): Promise<Ran>;
  /** The text of a file, at most 1 MiB; null where it cannot be read. */
  readFile(path: string): Promise<string | null>;
  /** The names in a folder; empty where it cannot be read. */
  listFolder(path: string): Promise<string[]>;
  /** Whether something accepts a connection there. Nothing is sent. */
  reachable(address: Address, timeoutMs: number): Promise<boolean>;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  /** As Node names it: `linux`, `darwin`, `win32`, … */
  platform: string;
  /** Of the running program, as Node names it: `x64`, `arm64`, … */
  arch: string;
  /** Of the kernel: `6.8.0-45-generic`, `24.6.0`, `10.0.26100`. */
  release: string;
  /** As the operating system tells it; 0 where unknown. */
  totalMemoryBytes: number;
  env: Readonly<Record<string, string | undefined>>;
}

/** Longest that all programs together may take, in milliseconds: they run side by side. */
export const budgetMs = 2500;

/** Longest wait for something on this machine to accept a connection, in milliseconds. */
export const connectTimeoutMs = 300;

/** Runs a program within what is left of the budget of one detection. */
export type Run = (command: string, args: readonly string[]) => Promise<Ran>;

/** Starts the budget. */
export function withinBudget(probe: Probe): Run {
  const start = probe.now();
  return (command, args) => probe.run(command, args, Math.max(1, budgetMs - (probe.now() - start)));
}

/** Bytes in GiB, to the MiB; null for what is no amount of memory. */
export function toGib(bytes: number): number | null {
  return Number.isFinite(bytes) && bytes > 0 ? Number((bytes / 2 ** 30).toFixed(3)) || null : null;
}

/** Bytes in MiB; null for what is no amount of memory. */
export function toMib(bytes: number): number | null {
  return Number.isFinite(bytes) && bytes > 0 ? Math.round(bytes / 2 ** 20) || null : null;
}

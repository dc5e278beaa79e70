import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../io/write.ts';
import { short } from '../text/text.ts';

/** Who holds the lock; safe to print. */
export interface Holder {
  pid: number;
  host: string;
  command: string;
}

export interface LockOptions {
  /** For the lock file; is made where it is missing. */
  folder: string;
  /** What holds it, for whoever waits: `mn model install gemma4:e2b`. */
  command: string;
  /** Ends the wait. */
  signal?: AbortSignal;
  /** Told once for each holder that is waited for; null for one that does not say who it is. */
  onWait(holder: Holder | null): void;
  times?: Partial<LockTimes>;
}

/** In milliseconds. */
export interface LockTimes {
  /** Between two looks at a lock of somebody else. */
  poll: number;
  /** Between two signs of life of a holder. */
  beat: number;
  /** After so long without a sign of life a holder is taken for dead. */
  dead: number;
}

const usualTimes: LockTimes = { poll: 250, beat: 10_000, dead: 60_000 };
/** Longest that taking over a lock takes, in milliseconds; it is a few file operations. */
const takeOverMs = 10_000;

/**
 * Waits until nobody else of this user on this machine has the lock, and takes it; the answer gives it back. Null
 * where the signal ended the wait. The lock is a file: that of a process that died is taken over, because its id is
 * gone or its file shows no sign of life. Throws what the file system throws.
 */
export async function lock(options: LockOptions): Promise<(() => void) | null> {
  const { folder, command, signal, onWait } = options;
  const times = { ...usualTimes, ...options.times };
  const host = hostname();
  makeFolder(folder);
  const path = join(folder, `model-runner.${host.replace(/[^\w-]/g, '_').slice(0, 100)}.lock`);
  const content = JSON.stringify({ pid: process.pid, host, command, id: crypto.randomUUID() });
  let seen: Seen | null = null;
  let since = 0;
  let missing = 0;
  let told: string | null = null;
  while (!create(path, content)) {
    if (signal?.aborted) return null;
    const now = read(path);
    if (now === null) {
      // Just given back; a link to nothing would stay.
      if (++missing > 100) rmSync(path, { force: true });
      await wait(10, signal);
      continue;
    }
    if (seen === null || now.text !== seen.text || now.beat !== seen.beat) since = performance.now();
    seen = now;
    const silentMs = performance.now() - since;
    const holder = holderOf(now.text);
    if ((holder !== null && !isAlive(holder.pid)) || silentMs > times.dead) {
      takeOver(path, now);
      continue;
    }
    // A lock without a holder is one that is being written.
    if (told !== now.text && (holder !== null || silentMs > times.poll)) {
      told = now.text;
      onWait(holder);
    }
    await wait(times.poll, signal);
  }
  const timer = setInterval(() => touch(path), times.beat);
  timer.unref();
  const release = () => {
    clearInterval(timer);
    process.removeListener('exit', release);
    if (read(path)?.text === content) rmSync(path, { force: true });
  };
  process.once('exit', release);
  return release;
}

interface Seen {
  text: string;
  /** When its holder last showed a sign of life: not compared with any clock, only with itself. */
  beat: number;
}

function create(path: string, content: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, 'wx', 0o600);
  } catch (error) {
    // Windows says EPERM of a file that is just being removed.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || (code === 'EPERM' && process.platform === 'win32')) return false;
    throw error;
  }
  try {
    writeSync(fd, content);
  } finally {
    closeSync(fd);
  }
  return true;
}

function read(path: string): Seen | null {
  try {
    return { beat: statSync(path).mtimeMs, text: readFileSync(path, 'utf8').slice(0, 4096) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function touch(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // Somebody removed it: there is nothing to keep alive.
  }
}

function holderOf(text: string): Holder | null {
  try {
    const { pid, host, command } = JSON.parse(text) as Record<string, unknown>;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return null;
    return { pid, host: short(String(host), 100), command: short(String(command), 200) };
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Removes the lock of a dead holder, one process at a time: else one could remove the new lock of another. */
function takeOver(path: string, dead: Seen): void {
  const guard = `${path}.takeover`;
  if (!create(guard, '')) {
    const other = read(guard);
    if (other !== null && Date.now() - other.beat > takeOverMs) rmSync(guard, { force: true });
    return;
  }
  try {
    const now = read(path);
    if (now?.text === dead.text && now.beat === dead.beat) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

/** Ends early where the signal does. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted) end();
  });
}

import { fstatSync, writeSync } from 'node:fs';

/** stdout or stderr. */
export interface StandardStream {
  isTerminal: boolean;
  /** Width in columns; 100 where it is no terminal. */
  columns: number;
  write(text: string | Buffer): void;
}

/**
 * stdout (1) or stderr (2). Node's own `process.stdout` loads its stream and
 * network modules, which takes a tenth of a whole check, so a file or a pipe is
 * written to directly.
 */
export function standardStream(fd: 1 | 2): StandardStream {
  if (process.platform === 'win32' || isDevice(fd)) return nodeStream(fd);
  let direct = true;
  return {
    isTerminal: false,
    columns: 100,
    write(text) {
      const bytes = typeof text === 'string' ? Buffer.from(text) : text;
      let written = 0;
      try {
        while (direct && written < bytes.length) written += writeSync(fd, bytes, written);
      } catch (error) {
        stopWhereNobodyReads(error as NodeJS.ErrnoException);
        // Somebody made the pipe non-blocking, and it is full: Node's stream waits until it is not.
        direct = false;
      }
      if (written < bytes.length) nodeStream(fd).write(bytes.subarray(written));
    },
  };
}

function isDevice(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice();
  } catch {
    return true;
  }
}

const streams = new Map<number, StandardStream>();

function nodeStream(fd: 1 | 2): StandardStream {
  const known = streams.get(fd);
  if (known !== undefined) return known;
  const stream = fd === 1 ? process.stdout : process.stderr;
  stream.on('error', stopWhereNobodyReads);
  const made: StandardStream = {
    isTerminal: stream.isTTY === true,
    columns: stream.columns ?? 100,
    write: (text) => void stream.write(text),
  };
  streams.set(fd, made);
  return made;
}

/** A reader that has seen enough (`mn … | head`) is no error. */
function stopWhereNobodyReads(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
  if (error.code !== 'EAGAIN') throw error;
}

/** Ends the process where all is written. Left to itself, Node takes its heap down first, which takes a millisecond. */
export function endNow(): void {
  if (streams.size === 0) process.exit();
}

/** Milliseconds since the process started. `performance` says the same, and loads a module of its own for it. */
export function sinceStart(): number {
  return process.uptime() * 1000;
}

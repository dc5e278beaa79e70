import type { ChildProcessByStdio } from 'node:child_process';
import { constants } from 'node:fs';
import { access, open, readdir, stat } from 'node:fs/promises';
import { release, totalmem } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Address, Probe, Ran } from '../hardware/detect/probe.ts';

/** What a program may print, and a file may hold. */
const mostBytes = 1024 * 1024;
/** Longest wait for a file, in milliseconds: a file system in user space may hang. */
const readTimeoutMs = 500;
/** Longest wait, in milliseconds, for the output of a program that has ended: its children may keep it open. */
const outputTimeoutMs = 100;

/** The machine that this runs on. */
export function hostProbe(): Probe {
  return {
    platform: process.platform,
    arch: process.arch,
    release: release(),
    totalMemoryBytes: totalmem(),
    env: process.env,
    now: () => performance.now(),
    run: runProgram,
    readFile: (path) => soon(readStart(path), null),
    listFolder: (path) => soon(readdir(path), []),
    reachable,
  };
}

/** A value, or another one where it fails or takes too long. */
async function soon<Value>(value: Promise<Value>, otherwise: Value): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Value>((resolve) => {
    timer = setTimeout(resolve, readTimeoutMs, otherwise);
  });
  try {
    return await Promise.race([value, late]);
  } catch {
    return otherwise;
  } finally {
    clearTimeout(timer);
  }
}

/** The first MiB of a file. What the kernel makes up has no size, so it is read until it ends. */
async function readStart(path: string): Promise<string> {
  // Opening a pipe would wait for somebody to write.
  if (!(await stat(path)).isFile()) throw new Error('not a file');
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(mostBytes);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, mostBytes - length);
      length += bytesRead;
      if (bytesRead === 0 || length === mostBytes) return buffer.toString('utf8', 0, length);
    }
  } finally {
    await file.close();
  }
}

const isWindows = process.platform === 'win32';

/**
 * The file that a bare name means: the first in PATH that may be executed, or the first that may not. Never one
 * of the current folder, which may be a stranger's repository.
 */
export async function findProgram(
  name: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | null> {
  if (name.includes('\0')) return null;
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(delimiter).filter(isAbsolute);
  const paths = isAbsolute(name) ? [name] : folders.map((folder) => join(folder, name));
  let denied: string | null = null;
  for (const path of paths) {
    try {
      if (!(await stat(path)).isFile()) continue;
      await access(path, constants.X_OK);
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') denied ??= path;
    }
  }
  return denied;
}

/** `Probe.run`, in another environment than this program's where one is given. */
export async function runProgram(
  command: string,
  args: readonly string[],
  timeoutMs: number,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Ran> {
  const start = performance.now();
  const path = await soon(findProgram(command, env), null);
  if (path === null) return { ended: 'missing', code: null, stdout: '', stderr: '' };
  const { spawn } = await import('node:child_process');
  return new Promise((resolve) => {
    let child: ChildProcessByStdio<null, Readable, Readable>;
    try {
      child = spawn(path, [...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        windowsHide: true,
        env,
        cwd: isWindows ? (process.env['SystemRoot'] ?? 'C:\\Windows') : '/',
      });
    } catch {
      resolve({ ended: 'denied', code: null, stdout: '', stderr: '' });
      return;
    }
    const written = [child.stdout, child.stderr].map((stream) => {
      const text = { chunks: [] as Buffer[], bytes: 0 };
      stream.on('data', (chunk: Buffer) => {
        text.chunks.push(chunk.subarray(0, mostBytes - text.bytes));
        text.bytes += chunk.length;
        if (text.bytes > mostBytes) end('cut');
      });
      stream.on('error', () => {});
      return text;
    });
    const end = (ended: Ran['ended'], code: number | null = null) => {
      clearTimeout(timer);
      // Nobody waits for it: a program that hangs in a driver does not even die, and its children may live on.
      if (ended === 'late' || ended === 'cut') child.kill('SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      const [stdout = '', stderr = ''] = written.map(({ chunks }) => Buffer.concat(chunks).toString('utf8'));
      resolve({ ended, code, stdout, stderr });
    };
    let timer = setTimeout(end, Math.max(1, timeoutMs - (performance.now() - start)), 'late');
    const ended = (code: number | null, signal: string | null) =>
      end(signal !== null ? 'killed' : code === 0 ? 'ok' : 'failed', code);
    child.on('error', () => end('denied'));
    child.on('close', ended);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      timer = setTimeout(ended, outputTimeoutMs, code, signal);
    });
  });
}

async function reachable(address: Address, timeoutMs: number): Promise<boolean> {
  const { connect } = await import('node:net');
  return new Promise((resolve) => {
    try {
      const socket = connect(address);
      const end = (answer: boolean) => {
        clearTimeout(timer);
        socket.destroy();
        resolve(answer);
      };
      // Looking up a name may take longer than any wait for the connection, so the timer is not the socket's.
      const timer = setTimeout(() => end(false), timeoutMs);
      socket.on('connect', () => end(true));
      socket.on('error', () => end(false));
    } catch {
      resolve(false);
    }
  });
}

import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { Probe } from '../hardware/detect/probe.ts';

/** How long a killed program may take to disappear, in milliseconds. */
const graceMs = 500;

/** The machine that this runs on. */
export function hostProbe(): Probe {
  return {
    platform: process.platform,
    arch: process.arch,
    totalMemoryBytes: totalmem(),
    env: process.env,
    readFile(path) {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return null;
      }
    },
    async run(command, args, timeoutMs) {
      const { execFile } = await import('node:child_process');
      return new Promise((resolve) => {
        const options = {
          timeout: timeoutMs,
          killSignal: 'SIGKILL',
          maxBuffer: 1024 * 1024,
          windowsHide: true,
          // Windows looks for a program in the current folder first, and that may be a stranger's repository.
          cwd: process.platform === 'win32' ? (process.env['SystemRoot'] ?? 'C:\\Windows') : '/',
        } as const;
        try {
          const child = execFile(command, args, options, (error, stdout) => {
            clearTimeout(givenUp);
            resolve({ ok: error === null, stdout });
          });
          // A program that waits for a broken driver does not even die; nobody waits for it.
          const givenUp = setTimeout(() => {
            child.unref();
            resolve({ ok: false, stdout: '' });
          }, timeoutMs + graceMs);
        } catch {
          resolve({ ok: false, stdout: '' });
        }
      });
    },
  };
}

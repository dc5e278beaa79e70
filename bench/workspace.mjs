// A temporary folder that is always removed, and programs that are started in it and measured.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const usage = join(here, 'usage.cjs');

/** A problem that whoever runs this can understand: shown without a stack. */
export class BenchError extends Error {}

export class Workspace {
  folder = mkdtempSync(join(tmpdir(), 'model-check-bench-'));
  #child = null;

  constructor() {
    process.once('exit', () => {
      this.#child?.kill('SIGKILL');
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    });
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ])
      process.once(signal, () => process.exit(code));
  }

  /**
   * Runs Node to its end, in an environment that has only what is needed: a variable such as NODE_EXTRA_CA_CERTS
   * more than doubles every start. Of the product, exit code 1 is a result too: findings. Anything else is a broken
   * measurement and throws. Gives stdout, and wall time in ms.
   */
  async node(args, cwd, env = {}) {
    const begin = performance.now();
    const child = spawn(process.execPath, args, {
      cwd,
      env: { PATH: process.env.PATH, HOME: this.folder, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const [out, err] = [[], []];
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => err.push(chunk));
    const code = await new Promise((done, fail) => child.on('error', fail).on('close', done));
    const ms = performance.now() - begin;
    this.#child = null;
    const isOurs = args.some((arg) => arg !== usage && arg.startsWith(here));
    if (code === 0 || (code === 1 && !isOurs)) return { ms, stdout: Buffer.concat(out).toString() };
    throw new BenchError(
      `node ${args.join(' ')} ended with ${code}:\n${Buffer.concat(err).toString().slice(0, 2000)}`,
    );
  }

  /**
   * Wall time, processor time (ms) and peak memory (MiB) of a program, which writes its own usage when it ends. An option
   * of Node keeps the product from its code cache; with `cached` there is none, and the program is CommonJS.
   */
  async used(args, cwd, env = {}, cached = false) {
    const file = join(this.folder, 'usage.json');
    const before = cached ? [usage] : ['-r', usage];
    const { ms } = await this.node([...before, ...args], cwd, { ...env, BENCH_USAGE: file });
    return { ms, ...JSON.parse(readFileSync(file, 'utf8')) };
  }
}

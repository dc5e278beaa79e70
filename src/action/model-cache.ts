import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { short } from '../text/text.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Longest wait for the cache, in milliseconds: 10 GB, the most that it takes, at 15 MB a second. */
const longest = 11 * 60_000;

/** The key of a store that has the models of these digests and no others: nothing of it can be read back. */
export function cacheKey(platform: string, arch: string, digests: readonly string[]): string {
  const sorted = [...new Set(digests)].sort().join('\n');
  const hash = createHash('sha256').update(sorted).digest('hex');
  return `model-check-dmr-v1-${platform}-${arch}-${hash}`;
}

/** What came of asking the cache; `problem` is safe to print, and null where the cache only did not have it. */
export type CacheAnswer = { done: true } | { done: false; problem: string | null };

/** Puts what the cache has under a key into an empty folder. Never throws. */
export function restore(folder: string, key: string, env: Env): Promise<CacheAnswer> {
  return ask('restore', folder, key, env);
}

/** Saves the store of a folder under a key. Never throws. */
export function save(folder: string, key: string, env: Env): Promise<CacheAnswer> {
  return ask('save', folder, key, env);
}

/** Removes everything in a folder. */
export function empty(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
}

/** What the cache's client needs of the environment. Inputs, and tokens of others, are none of its business. */
const needed =
  /^(?:ACTIONS_(?:CACHE|RESULTS|RUNTIME)_\w+|GITHUB_SERVER_URL|RUNNER_(?:TEMP|OS|ARCH|ENVIRONMENT)|PATH|HOME|TMPDIR|LANG|LC_\w+|(?:HTTPS?|NO|ALL)_PROXY|NODE_EXTRA_CA_CERTS|SSL_CERT_(?:FILE|DIR)|SEGMENT_DOWNLOAD_TIMEOUT_MINS)$/i;

async function ask(task: 'restore' | 'save', folder: string, key: string, env: Env): Promise<CacheAnswer> {
  const { fork } = await import('node:child_process');
  // Beside the bundle that runs: dist/main/index.js.
  const program = join(dirname(process.argv[1] ?? ''), '..', 'cache', 'index.js');
  const given = Object.entries(env).filter(([name]) => needed.test(name));
  return new Promise((resolve) => {
    const child = fork(program, [task, key], {
      cwd: folder,
      env: { ...Object.fromEntries(given), GITHUB_WORKSPACE: folder },
      execArgv: [],
      silent: true,
    });
    let output = '';
    let done = false;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, longest);
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (piece: Buffer) => (output = (output + piece.toString()).slice(-100_000)));
    child.on('message', (message) => {
      done = (message as { done?: unknown }).done === true;
    });
    const end = () => {
      clearTimeout(timer);
      if (done) resolve({ done });
      else resolve({ done, problem: late ? 'it took too long' : problemIn(output, env) });
    };
    child.on('error', end);
    child.on('close', end);
  });
}

/** The last warning or error that the client wrote, without what may be secret; null where it wrote none. */
export function problemIn(output: string, env: Env): string | null {
  const lines = output.split(/\r?\n/);
  const last = lines.findLast((line) => /^::(?:warning|error)\b[^:]*::|^Failed to |^\w*Error\b/.test(line));
  if (last === undefined) return null;
  const token = env['ACTIONS_RUNTIME_TOKEN'] ?? '';
  const text = last
    .replace(/^::[^:]*::/, '')
    .replaceAll('%0A', ' ')
    .replaceAll('%0D', ' ')
    .replaceAll('%25', '%')
    .replace(/\b(https?:\/\/[^/\s?]*)[^\s]*/g, '$1/…');
  return short(token === '' ? text : text.replaceAll(token, '***'), 300);
}

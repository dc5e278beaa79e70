// What both doors begin with: runs the bundle beside this file, compiled before where V8's code cache is at hand.
// Half of a short run is compiling, and the cache takes that away. What it holds is code that will run, so it is taken
// only from a file that nobody but this user can have written; where anything is unusual, there is no cache.
// CommonJS, because Node starts it sooner, and few lines: they are compiled in every run.
const fs: typeof import('node:fs') = require('node:fs');
const { dirname, isAbsolute, join, relative }: typeof import('node:path') = require('node:path');
const { Script }: typeof import('node:vm') = require('node:vm');

/** What the build puts in: which door this is, and a digest of its code. */
declare const DOOR: 'cli' | 'main';
declare const DIGEST: string;

/** Functions that one run did not need are compiled in the next; after this time the cache is made anew with them. */
const dayMs = 24 * 60 * 60 * 1000;
/** A file has twice about 0.4 MB; there is one for each build, version of Node and architecture. */
const maxBytes = 4 * 1024 * 1024;
const maxFiles = 8;
/** V8 throws away code that was not used for long, so what a long run has left is not worth keeping. */
const longRunSeconds = 2;

const { env, platform } = process;
const user = process.geteuid?.();

/** The folder for caches; null where none is to be used. Throws where the current folder is gone. */
function cacheFolder(): string | null {
  if (env['MN_CODE_CACHE'] === 'off' || env['NODE_V8_COVERAGE'] || env['NODE_OPTIONS']) return null;
  if (process.execArgv.length > 0) return null;
  // The runner of GitHub empties its folder for each job: a cache there serves the other steps of the job.
  if (DOOR === 'main' && env['RUNNER_TEMP']) return below(env['RUNNER_TEMP'], '');
  // Other commands wait for networks and models.
  if (DOOR === 'cli' && (process.argv[2] !== 'blueprint' || process.argv[3] !== 'validate')) return null;
  if (platform === 'win32') return below(env['LOCALAPPDATA'], '');
  if (platform === 'darwin') return below(env['HOME'], '/Library/Caches');
  return below(env['XDG_CACHE_HOME'], '') ?? below(env['HOME'], '/.cache');
}

/** Null where the base is not this user's, or lies where a repository could bring a cache along. */
function below(base: string | undefined, way: string): string | null {
  if (!base || !isAbsolute(base)) return null;
  const stat = fs.statSync(base, { throwIfNoEntry: false });
  if (stat === undefined || (user !== undefined && stat.uid !== user)) return null;
  const folder = join(base, way, 'model-check');
  for (const workspace of [process.cwd(), env['GITHUB_WORKSPACE']]) {
    const apart = workspace ? relative(workspace, folder) : '..';
    if (!/^\.\.(?:[\\/]|$)/.test(apart) && !isAbsolute(apart)) return null;
  }
  for (let at = folder, above = dirname(at); above !== at; at = above, above = dirname(at))
    if (fs.existsSync(join(above, '.git'))) return null;
  return folder;
}

/** Whether a file or folder is this user's own, and closed to all others. Windows keeps both by where they lie. */
function isOwn({ uid, mode }: import('node:fs').Stats): boolean {
  return user === undefined || (uid === user && (mode & 0o77) === 0);
}

function isClosed(folder: string): boolean {
  const stat = fs.lstatSync(folder);
  return stat.isDirectory() && isOwn(stat);
}

/** The code of each file, as it was kept; empty where there is none to be trusted. */
function read(folder: string, path: string): Map<string, Buffer> {
  const kept = new Map<string, Buffer>();
  let fd: number | null = null;
  try {
    if (!isClosed(folder)) return kept;
    const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
    fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stat = fs.fstatSync(fd);
    if (!stat.isFile() || !isOwn(stat) || stat.size > 2 * maxBytes) return kept;
    if (Date.now() - stat.mtimeMs > dayMs) return kept;
    // All of it stands there twice: V8 runs what it is given without a look at its checksum.
    const twice = Buffer.allocUnsafeSlow(stat.size);
    if (fs.readSync(fd, twice) < stat.size) return kept;
    const once = twice.subarray(0, twice.length / 2);
    if (!once.equals(twice.subarray(once.length))) return kept;
    let at = once.indexOf('\n') + 1;
    const [digest, ...parts] = JSON.parse(once.toString('latin1', 0, at)) as [string, ...[string, number][]];
    if (digest !== DIGEST) return kept;
    for (const [name, length] of parts) kept.set(name, once.subarray(at, (at += length)));
  } catch {
    kept.clear();
  } finally {
    if (fd !== null) fs.closeSync(fd);
  }
  return kept;
}

/** Writes the code of the files that were run, and again what was kept of others. */
function write(
  folder: string,
  path: string,
  scripts: Map<string, InstanceType<typeof Script>>,
  kept: Map<string, Buffer>,
): void {
  const temporary = `${path}.${process.pid}`;
  try {
    // The first run makes the folder only: most jobs have no second one.
    if (fs.mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined || !isClosed(folder)) return;
    const fd = fs.openSync(temporary, 'wx', 0o600);
    try {
      try {
        const codes = new Map(kept);
        for (const [name, script] of scripts) codes.set(name, script.createCachedData());
        const head = JSON.stringify([DIGEST, ...[...codes].map(([name, { length }]) => [name, length])]);
        const once = Buffer.concat([Buffer.from(`${head}\n`), ...codes.values()]);
        if (once.length > maxBytes) throw new Error('too large');
        for (const part of [once, once]) fs.writeFileSync(fd, part);
      } finally {
        fs.closeSync(fd);
      }
      fs.renameSync(temporary, path);
    } catch {
      fs.unlinkSync(temporary);
    }
    const files = fs.readdirSync(folder).map((name) => `${folder}/${name}`);
    const times = files.map((file) => [fs.lstatSync(file).mtimeMs, file] as const).sort(([a], [b]) => b - a);
    for (const [, file] of times.slice(maxFiles)) fs.unlinkSync(file);
  } catch {
    // A run without a cache is only slower.
  }
}

function start(folder: string | null): void {
  const path = `${folder}/${DOOR}-${DIGEST}-${process.version}-${process.arch}`;
  const kept = folder === null ? new Map<string, Buffer>() : read(folder, path);
  const scripts = new Map<string, InstanceType<typeof Script>>();
  let isNew = false;
  const load = (id: string) => {
    if (!id.startsWith('./')) return require(id);
    const file = __dirname + id.slice(1);
    const cachedData = kept.get(id);
    const options = cachedData === undefined ? { filename: file } : { filename: file, cachedData };
    // The build has put a function around each file, as Node's own loader does: its text is large to copy.
    const script = new Script(fs.readFileSync(file, 'utf8'), options);
    isNew ||= script.cachedDataRejected !== false;
    scripts.set(id, script);
    const module = { exports: {} };
    script.runInThisContext()(load, module, module.exports, file, __dirname);
    return module.exports;
  };
  if (folder !== null)
    process.on('exit', (code) => {
      if (isNew && code <= 1 && process.uptime() < longRunSeconds) write(folder, path, scripts, kept);
    });
  load('./bundle.js');
}

let folder: string | null = null;
try {
  folder = cacheFolder();
} catch {
  // Without one then.
}
start(folder);

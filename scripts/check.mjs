// npm run check: the whole gate. Every step runs, also after one failed; the last lines name those that did.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

const node = (...args) => spawnSync(process.execPath, args, { stdio: 'inherit' }).status === 0;
/** The file behind a command of a package: no shell, no `.cmd`, the same on Windows. */
const bin = (name, command = name) => {
  const file = require.resolve(`${name}/package.json`);
  const { bin } = JSON.parse(readFileSync(file, 'utf8'));
  return join(dirname(file), typeof bin === 'string' ? bin : bin[command]);
};

/** Scripts that write files which are committed; with --check they only say whether these are fresh. */
const generators = readdirSync('scripts')
  .filter((name) => /^build-.+\.mjs$/.test(name))
  .sort();

const steps = [
  ['format and lint', () => node(bin('@biomejs/biome', 'biome'), 'ci', '--error-on-warnings')],
  ['types', () => node(bin('typescript', 'tsc'), '-p', 'tsconfig.test.json')],
  ...generators.map((name) => [`generated: ${name}`, () => node(join('scripts', name), '--check')]),
  ['dist is fresh', distIsFresh],
  ['tests', () => node(bin('vitest'), 'run')],
];

const failed = [];
for (const [name, step] of steps) {
  console.log(`\n— ${name}`);
  if (!step()) failed.push(name);
}
console.log(failed.length === 0 ? `\nAll ${steps.length} steps passed.` : `\nFailed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** Builds into a temporary folder and compares with dist/, byte for byte. */
function distIsFresh() {
  const fresh = mkdtempSync(join(tmpdir(), 'model-check-dist-'));
  try {
    const build = spawnSync(process.execPath, ['scripts/build.mjs', '--out', fresh], { encoding: 'utf8' });
    if (build.status !== 0) {
      console.error(`${build.stdout}${build.stderr}`);
      return false;
    }
    const files = new Set([...filesBelow(fresh), ...filesBelow('dist')]);
    const stale = [...files].sort().filter((file) => !same(join(fresh, file), join('dist', file)));
    for (const file of stale) console.error(`dist/${file} differs from what src/ gives`);
    if (stale.length > 0) console.error('Run: npm run build, and commit dist/.');
    return stale.length === 0;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

/** Equal bytes, and equally executable where the system has such a thing. */
function same(a, b) {
  if (!existsSync(a) || !existsSync(b) || !readFileSync(a).equals(readFileSync(b))) return false;
  return process.platform === 'win32' || (statSync(a).mode & 0o100) === (statSync(b).mode & 0o100);
}

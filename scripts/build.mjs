// npm run build: src/ -> lib/ (tsc) -> dist/ (ncc), byte for byte the same in every folder.
// With --out FOLDER, the bundles go there instead of dist/, and src/ is taken as it is: the freshness check.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { minify } from 'terser';

const require = createRequire(import.meta.url);
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({ options: { out: { type: 'string' } } });
const dist = resolve(root, values.out ?? 'dist');
// Always this folder: the names of modules and chunks follow from the way from here to node_modules.
const lib = join(root, 'lib');

/** Names of characters in jsonc-parser, whose scanner has them as numbers: without effects, they are left out. */
const characterNames = [/\(function \(CharacterCodes\) \{/g, '/*#__PURE__*/ (function (CharacterCodes) {'];

/**
 * The two doors, and the program that speaks with the cache of GitHub Actions: `dist/<name>/index.js` is the bundle of
 * `lib/<entry>`; a door begins with `lib/start.cjs` there, and its bundle is `bundle.js`. `changes`: lines of libraries
 * and what stands in their place; each line stands in the bundle once.
 */
const bundles = [
  {
    name: 'main',
    entry: 'main.js',
    door: true,
    esm: false,
    changes: [characterNames],
  },
  {
    name: 'cli',
    entry: 'cli.js',
    door: true,
    esm: false,
    changes: [
      characterNames,
      // commander can start other programs, and nothing here does: Node's network and stream modules stay unloaded.
      [/const childProcess = __webpack_require__\(\d+\);/g, 'const childProcess = {};'],
    ],
  },
  {
    name: 'cache',
    entry: 'cache.js',
    door: false,
    esm: true,
    changes: [
      // The cache's client unpacks with `tar -P`, which writes wherever an archive says. Without it, tar keeps to its
      // folder, and makes links that lead out of it last, when nothing can be written through them.
      [/(args\.push\('-xf',[^;]*?)'-P', /g, '$1'],
    ],
  },
];

if (values.out === undefined) generate();
compile();
process.chdir(lib);
for (const bundle of bundles) await pack(bundle);
report();

/** What is generated in src/: the validators come from schemas/, the page of the HTML report from src/report/page/. */
function generate() {
  for (const name of ['validators', 'page']) {
    const script = join(root, 'scripts', `build-${name}.mjs`);
    if (existsSync(script)) call(name, process.execPath, [script]);
  }
}

function call(step, command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status === 0) return;
  console.error(`build: ${step} failed`);
  process.exit(1);
}

function compile() {
  rmSync(lib, { recursive: true, force: true });
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  call('tsc', process.execPath, [tsc, '-p', '.', '--outDir', lib]);
}

async function pack({ name, entry, door, esm, changes }) {
  const ncc = require('@vercel/ncc');
  // CommonJS, because Node starts it sooner (docs/performance.md); the cache's client needs its own import.meta.
  // No cache: what an earlier build left must not reach this one.
  const options = { esm, cache: false, minify: false, license: 'licenses.txt', quiet: true };
  const { code, assets, symlinks } = await ncc(join(lib, entry), options);
  if (Object.keys(symlinks).length > 0)
    throw new Error(`build: ${name} needs links: ${Object.keys(symlinks)}`);
  const folder = join(dist, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const texts = new Map([[door ? 'bundle.js' : 'index.js', code.replace(/^#!.*\n/, '')]]);
  for (const [file, { source }] of Object.entries(assets)) {
    if (file.endsWith('.js')) texts.set(file, String(source));
  }
  changeLines(changes, texts);
  for (const [file, text] of texts) {
    const code = await small(text, { module: esm });
    texts.set(file, door ? `(function(require,module,exports,__filename,__dirname){${code}\n})` : code);
  }
  if (door) {
    const start = await small(readFileSync(join(lib, 'start.cjs'), 'utf8'), {
      compress: { passes: 2, global_defs: { DOOR: name, DIGEST: digestOf(texts) } },
    });
    texts.set('index.js', name === 'cli' ? `#!/usr/bin/env node\n${start}` : start);
  }
  const files = new Map(Object.entries(assets).map(([file, { source }]) => [file, source]));
  files.set('package.json', `{"type":"${esm ? 'module' : 'commonjs'}"}\n`);
  for (const [file, content] of [...files, ...texts]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    const mode = name === 'cli' && file === 'index.js' ? 0o755 : 0o644;
    writeFileSync(join(folder, file), content, { mode });
  }
}

/** What tells the code of one build from that of another: 16 hexadecimal digits. */
function digestOf(texts) {
  const hash = createHash('sha256');
  for (const file of [...texts.keys()].sort()) hash.update(`${file}\0${texts.get(file)}\0`);
  return hash.digest('hex').slice(0, 16);
}

/** Changes lines of libraries, in the texts of a bundle by file. Throws where a line does not stand there once. */
function changeLines(changes, texts) {
  for (const [line, instead] of changes) {
    const found = [...texts].flatMap(([file, text]) => (text.match(line) ?? []).map(() => file));
    if (found.length !== 1) throw new Error(`build: a library has changed, which should hold ${line} once`);
    texts.set(found[0], texts.get(found[0]).replace(line, instead));
  }
}

/** ncc's own minifying leaves out the chunks that are loaded when used; their bytes count too. */
async function small(code, options) {
  // ASCII takes one byte a character in V8, and is read without decoding.
  const format = { ascii_only: true };
  return (await minify(code, { toplevel: true, compress: { passes: 2 }, format, ...options })).code;
}

/** Removes what no bundle wrote, and prints every file with its size. */
function report() {
  const names = new Set(bundles.map(({ name }) => name));
  for (const name of readdirSync(dist)) {
    if (!names.has(name)) rmSync(join(dist, name), { recursive: true });
  }
  for (const file of filesBelow(dist)) {
    const bytes = readFileSync(join(dist, file)).length.toLocaleString('en');
    console.log(`${bytes.padStart(12)} B  dist/${file}`);
  }
}

/** Paths of all files below a folder, relative to it, with `/`, sorted. */
function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

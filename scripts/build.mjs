// npm run build: src/ -> lib/ (tsc) -> dist/ (ncc), byte for byte the same in every folder.
// With --out FOLDER, the bundles go there instead of dist/, and src/ is taken as it is: the freshness check.
import { spawnSync } from 'node:child_process';
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
 * `lib/<entry>`. A door has stubs in place of what it never uses. `changes`: lines of libraries and what stands in
 * their place; each line stands in the bundle once.
 */
const bundles = [
  {
    name: 'main',
    entry: 'main.js',
    executable: false,
    stubs: true,
    esm: false,
    changes: [
      characterNames,
      // The toolkit's own summary, which nothing here uses.
      [/const _summary = new Summary\(\);/g, 'const _summary = /*#__PURE__*/ new Summary();'],
    ],
  },
  {
    name: 'cli',
    entry: 'cli.js',
    executable: true,
    stubs: true,
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
    executable: false,
    stubs: false,
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

async function pack({ name, entry, executable, stubs, esm, changes }) {
  const ncc = require('@vercel/ncc');
  // ncc takes the tsconfig.json of its working folder and follows its paths in node_modules too. Without
  // these stubs, undici comes along: 97 % of @actions/core, for OIDC tokens that nothing here asks for; and
  // child processes, which load Node's own network modules.
  const paths = {
    '@actions/http-client': ['../scripts/stubs/http-client.js'],
    '@actions/http-client/lib/auth': ['../scripts/stubs/http-client-auth.js'],
    '@actions/exec': ['../scripts/stubs/exec.js'],
  };
  const compilerOptions = { baseUrl: '.', paths: stubs ? paths : {} };
  writeFileSync(join(lib, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  // CommonJS, because Node starts it sooner (docs/performance.md); the cache's client needs its own import.meta.
  // No cache: what an earlier build left must not reach this one.
  const options = { esm, cache: false, minify: false, license: 'licenses.txt', quiet: true };
  const { code, assets, symlinks } = await ncc(join(lib, entry), options);
  if (Object.keys(symlinks).length > 0)
    throw new Error(`build: ${name} needs links: ${Object.keys(symlinks)}`);
  const folder = join(dist, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const texts = new Map([['index.js', code.replace(/^#!.*\n/, '')]]);
  for (const [file, { source }] of Object.entries(assets)) {
    if (file.endsWith('.js')) texts.set(file, String(source));
  }
  changeLines(changes, texts);
  const text = await small(texts.get('index.js'), esm);
  writeFileSync(join(folder, 'index.js'), executable ? `#!/usr/bin/env node\n${text}` : text, {
    mode: executable ? 0o755 : 0o644,
  });
  writeFileSync(join(folder, 'package.json'), `{"type":"${esm ? 'module' : 'commonjs'}"}\n`, { mode: 0o644 });
  for (const [file, { source }] of Object.entries(assets)) {
    if (file === 'package.json') continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), texts.has(file) ? await small(texts.get(file), esm) : source, {
      mode: 0o644,
    });
  }
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
async function small(code, module) {
  return (await minify(code, { module, toplevel: true, compress: { passes: 2 } })).code;
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

// Makes src/report/page.generated.ts of src/report/page/: the style and the script of the HTML report, minified,
// with the hashes that its policy names. With --check it only says whether the file is fresh.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { minify } from 'terser';

const require = createRequire(import.meta.url);
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'src', 'report', 'page');
const output = join(root, 'src', 'report', 'page.generated.ts');

/** page.ts as JavaScript; it imports types only, so this is one file. Types are checked on the way. */
function compile() {
  mkdirSync(join(root, '.tmp'), { recursive: true });
  const folder = mkdtempSync(join(root, '.tmp', 'build-page-'));
  try {
    const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
    const args = [tsc, '-p', source, '--outDir', folder];
    const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
    if (status !== 0) throw new Error('page.ts does not compile');
    const code = readFileSync(join(folder, 'report', 'page', 'page.js'), 'utf8').replace('export {};', '');
    if (/^(?:import|export) /m.test(code)) throw new Error('page.ts may import types only');
    return code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** No comments and no more space than CSS needs. page.css has neither in strings. */
function smallStyle(css) {
  return css
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};,]) ?/g, '$1')
    .replace(/: /g, ':')
    .replaceAll(';}', '}')
    .trim();
}

const style = smallStyle(readFileSync(join(source, 'page.css'), 'utf8'));
const { code: script } = await minify(compile(), {
  toplevel: true,
  enclose: true,
  compress: { passes: 2 },
  format: { ascii_only: true },
});
for (const [name, text] of [
  ['page.css', style],
  ['page.ts', script],
]) {
  if (/<[/!]/.test(text)) throw new Error(`${name} could end the element that it stands in`);
}

const hash = (text) => `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`;
const constant = (name, text) => `export const ${name} = ${JSON.stringify(text)};\n`;
const module = `// Generated from src/report/page/ by scripts/build-page.mjs. Do not edit.
${constant('style', style)}${constant('styleHash', hash(style))}${constant('script', script)}${constant('scriptHash', hash(script))}`;

if (!process.argv.includes('--check')) {
  writeFileSync(output, module);
} else if (!existsSync(output) || readFileSync(output, 'utf8') !== module) {
  console.error('src/report/page.generated.ts is stale. Run: npm run build');
  process.exitCode = 1;
}

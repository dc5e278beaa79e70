// What is measured: the bundles of this folder, or those of another commit.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BenchError } from './workspace.mjs';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

function productIn(folder) {
  const product = {
    dist: join(folder, 'dist'),
    cli: join(folder, 'dist', 'cli', 'index.js'),
    action: join(folder, 'dist', 'main', 'index.js'),
  };
  for (const file of [product.cli, product.action])
    if (!existsSync(file)) throw new BenchError(`${file} is not there. Run npm run build.`);
  return product;
}

/** The product as it was built last. */
export function ownProduct() {
  const product = productIn(root);
  if (newest(join(root, 'src')) > newest(product.dist) + 60_000)
    process.stderr.write('warning: src/ is newer than dist/, which is measured. Run npm run build.\n');
  return product;
}

/** When a file below a folder was written last, in ms. */
function newest(folder) {
  return Math.max(
    ...readdirSync(folder, { recursive: true }).map((file) => statSync(join(folder, file)).mtimeMs),
  );
}

/** The committed dist/ of a version, unpacked below `folder`. Nothing is left in .git, as of a work tree. */
export function productAt(ref, folder) {
  const git = (...args) => execFileSync('git', args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let commit;
  try {
    commit = git('rev-parse', '--verify', '--end-of-options', `${ref}^{commit}`).toString().trim();
  } catch {
    throw new BenchError(`${JSON.stringify(ref)} is no commit of this repository.`);
  }
  const place = join(folder, 'other');
  mkdirSync(place);
  try {
    git('archive', '--format=tar', '--output', join(folder, 'other.tar'), commit, 'dist');
  } catch {
    throw new BenchError(`${commit.slice(0, 7)} has no dist/.`);
  }
  execFileSync('tar', ['-xf', 'other.tar', '-C', 'other'], { cwd: folder });
  return { ...productIn(place), commit: commit.slice(0, 7) };
}

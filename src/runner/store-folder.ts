import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, lstat, readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { checkStore, type ExpectedModel, isText, type StoreItem } from './store-check.ts';

/** Most bytes of a file that is read as a whole, and most items of a store. */
const mostBytes = 4 * 2 ** 20;
const mostItems = 10_000;

/**
 * Whether a folder is a store of Docker Model Runner that has exactly these models: null, or what is wrong as a phrase.
 * With `content`, every blob is read and must have the SHA-256 of its name. Links are never followed.
 */
export async function whyNotStore(
  folder: string,
  expected: readonly ExpectedModel[],
  { content }: { content: boolean },
): Promise<string | null> {
  try {
    const items = (await itemsOf(folder)).filter(({ path }) => content || !isLeftover(path));
    const texts = new Map<string, string>();
    for (const { path, kind, bytes } of items) {
      if (kind !== 'file' || !isText(path)) continue;
      if (bytes > mostBytes) return 'a file is too large';
      // As bytes: what is no UTF-8 would hash as something else.
      texts.set(path, await readFile(join(folder, path), 'latin1'));
    }
    const checked = checkStore(items, texts, expected, (text) =>
      createHash('sha256').update(text, 'latin1').digest('hex'),
    );
    if (!checked.ok) return checked.problem;
    if (!content) return null;
    for (const { path, sha256 } of checked.blobs) {
      if ((await sha256Of(join(folder, path))) !== sha256) return 'a blob has another SHA-256 than its name';
    }
    return null;
  } catch (error) {
    return `it cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`;
  }
}

/** Lets the user of the runner's container read and write a store. */
export async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o777);
  for (const { path, kind } of await itemsOf(folder)) {
    if (kind !== 'other') await chmod(join(folder, path), kind === 'folder' ? 0o777 : 0o666);
  }
}

/** Views for the engine and downloads that broke off: a runner makes them, and no cache has them. */
function isLeftover(path: string): boolean {
  return /^bundles(?:\/|$)/.test(path) || /^blobs\/sha256\/[0-9a-f]{64}\.incomplete$/.test(path);
}

async function itemsOf(folder: string): Promise<StoreItem[]> {
  const items: StoreItem[] = [];
  // Not recursive by itself: Node would follow links.
  const open = [folder];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const name of await readdir(at)) {
      const path = join(at, name);
      const stat = await lstat(path);
      const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other';
      items.push({ path: relative(folder, path).split(sep).join('/'), kind, bytes: stat.size });
      if (items.length > mostItems) throw Object.assign(new Error(), { code: 'too many files' });
      if (kind === 'folder') open.push(path);
    }
  }
  return items;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

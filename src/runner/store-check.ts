import { isDigest, isTagOf } from './reference.ts';

/** A model that a store must have. */
export interface ExpectedModel {
  /** As it is sent to the runner: `ai/gemma4:E2B`. */
  name: string;
  /** `sha256:…` of its manifest, as its registry tells. */
  digest: string;
}

/** Something in the folder of a store. */
export interface StoreItem {
  /** Relative to the store, with `/`. */
  path: string;
  /** `other` is a link, a device, a pipe. */
  kind: 'file' | 'folder' | 'other';
  bytes: number;
}

/** The files of a store that are read as a whole, by their path. */
export type StoreTexts = ReadonlyMap<string, string>;

/** What of a store is read as a whole: the rest is blobs. */
export const isText = (path: string): boolean => !path.startsWith('blobs/');

/** A blob that the manifests name: its path, what its SHA-256 must be, in hexadecimal, and its size. */
export interface ExpectedBlob {
  path: string;
  sha256: string;
  bytes: number;
}

const folders: ReadonlySet<string> = new Set(['manifests', 'manifests/sha256', 'blobs', 'blobs/sha256']);

/**
 * Holds the listing of a store of Docker Model Runner (layout 1) against the models that it must have, and no other:
 * what the manifests name, with the sizes that they give, and nothing else. The manifests themselves must be those
 * of the digests: `sha256` says what the text of a file has. Returns the blobs, whose content is not looked at here, or what is wrong, as a
 * phrase without text of the store.
 */
export function checkStore(
  items: readonly StoreItem[],
  texts: StoreTexts,
  expected: readonly ExpectedModel[],
  sha256: (text: string) => string,
): { ok: true; blobs: ExpectedBlob[] } | { ok: false; problem: string } {
  const no = (problem: string) => ({ ok: false as const, problem });
  const byDigest = new Map<string, string[]>();
  for (const { name, digest } of expected) byDigest.set(digest, [...(byDigest.get(digest) ?? []), name]);

  const files = new Map<string, number>();
  for (const { path, kind, bytes } of items) {
    if (kind === 'other') return no('something in it is neither a file nor a folder');
    if (kind === 'folder' && !folders.has(path)) return no('a folder does not belong in it');
    if (kind === 'file') files.set(path, bytes);
  }
  const allowed = new Set(['layout.json', 'models.json']);
  const blobs = new Map<string, ExpectedBlob>();
  const parts = new Map<string, string[]>();
  for (const digest of byDigest.keys()) {
    const path = `manifests/sha256/${digest.slice('sha256:'.length)}`;
    const text = texts.get(path);
    if (text === undefined) return no('the manifest of a model is missing');
    if (`sha256:${sha256(text)}` !== digest) return no('a manifest is not the one of its digest');
    const named = blobsOf(text);
    if (named === null) return no('a manifest cannot be read');
    allowed.add(path);
    parts.set(
      digest,
      named.map((blob) => blob.digest),
    );
    for (const blob of named) {
      const sha = blob.digest.slice('sha256:'.length);
      blobs.set(sha, { path: `blobs/sha256/${sha}`, sha256: sha, bytes: blob.size });
    }
  }
  for (const { path, bytes } of blobs.values()) {
    allowed.add(path);
    const size = files.get(path);
    if (size === undefined) return no('a blob is missing');
    if (size !== bytes) return no('a blob has another size than its manifest says');
  }
  for (const path of files.keys()) if (!allowed.has(path)) return no('a file does not belong in it');

  const layout = parse(texts.get('layout.json'));
  if (!isRecord(layout) || !/^1\./.test(String(layout['version']))) return no('its layout is not known');
  if (!isIndexOf(parse(texts.get('models.json')), byDigest, parts)) return no('its list of models is wrong');
  return { ok: true, blobs: [...blobs.values()] };
}

/** Whether the list of models has these models under these names, and nothing else. */
function isIndexOf(
  index: unknown,
  byDigest: ReadonlyMap<string, readonly string[]>,
  parts: ReadonlyMap<string, readonly string[]>,
): boolean {
  const models = isRecord(index) ? index['models'] : null;
  if (!Array.isArray(models) || models.length !== byDigest.size) return false;
  const seen = new Set<string>();
  for (const model of models as unknown[]) {
    if (!isRecord(model)) return false;
    const { id, tags, files } = model;
    const names = typeof id === 'string' ? byDigest.get(id) : undefined;
    if (names === undefined || seen.has(id as string)) return false;
    seen.add(id as string);
    if (!Array.isArray(tags) || !Array.isArray(files)) return false;
    const isOurs = (tag: unknown) => typeof tag === 'string' && names.some((name) => isTagOf(name, tag));
    const isNamed = (name: string) =>
      tags.some((tag: unknown) => typeof tag === 'string' && isTagOf(name, tag));
    if (!tags.every(isOurs) || !names.every(isNamed)) return false;
    const own = parts.get(id as string) ?? [];
    if (!files.every((file: unknown) => typeof file === 'string' && own.includes(file))) return false;
  }
  return true;
}

/** The layers and the config that a manifest names; null where it is none. */
function blobsOf(text: string): { digest: string; size: number }[] | null {
  const manifest = parse(text);
  const layers = isRecord(manifest) ? manifest['layers'] : null;
  if (!isRecord(manifest) || !Array.isArray(layers)) return null;
  const all: { digest: string; size: number }[] = [];
  for (const blob of [...(layers as unknown[]), manifest['config']]) {
    if (!isRecord(blob)) return null;
    const { digest, size } = blob;
    if (typeof digest !== 'string' || !isDigest(digest)) return null;
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return null;
    all.push({ digest, size });
  }
  return all;
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

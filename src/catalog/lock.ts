import { type Document, duplicateKeys, locate } from '../document/document.ts';
import { fromPointer } from '../document/pointer.ts';
import { type Finding, finding } from '../findings/finding.ts';
import { lock as lockSchema } from '../schema/models-lock.generated.ts';
import { problems } from '../schema/schema.ts';
import { count, quote, short, shortDigest } from '../text/text.ts';
import { dockerKey } from './name.ts';

/** Where a repository keeps its lock, from its root. */
export const lockPath = '.mn/models.lock.json';
const schema = 'model-check.models-lock/v1';

/** A file of a model of Hugging Face. */
export interface LockedFile {
  /** In the repository. */
  path: string;
  /** `sha256:…` of its content; null where Hugging Face gives none. */
  digest: string | null;
  /** Bytes. */
  size: number;
}

/** A model as it is, or was, in its registry. */
export interface LockedModel {
  /** In full: `docker.io/ai/gemma4:E2B`, `huggingface.co/owner/repository:Q4_K_M`. */
  ref: string;
  /** `sha256:…` of its manifest; null for Hugging Face, which has none. */
  digest: string | null;
  /** Bytes that a pull downloads. */
  size: number;
  /** In order; empty for a model of an OCI registry, whose digest stands for all of it. */
  files: readonly LockedFile[];
}

/** What a lock file holds. */
export class Lock {
  /** In the order of the file. */
  readonly models: readonly LockedModel[];
  readonly #byName = new Map<string, LockedModel>();

  constructor(models: readonly LockedModel[]) {
    this.models = models;
    for (const model of models) this.#byName.set(dockerKey(model.ref), model);
  }

  /** What was recorded of a model, by any spelling of its Docker name; null where nothing was. */
  get(ref: string): LockedModel | null {
    return this.#byName.get(dockerKey(ref)) ?? null;
  }

  /**
   * The digest that Docker Model Runner must list for a model once it is installed; null where the lock has none:
   * a model that it does not name, or one of Hugging Face, whose manifest the runner makes itself.
   */
  expectedDigest(ref: string): string | null {
    return this.get(ref)?.digest ?? null;
  }
}

/** A lock that is wrong anywhere is not used: it would vouch for less than people think. */
export type ReadLock = { ok: true; lock: Lock } | { ok: false; findings: Finding[] };

/** Reads a lock file. Never throws; every finding has a position. */
export function readLock(document: Document): ReadLock {
  const { file, value } = document;
  const wrong = problems(lockSchema, value);
  const ranges = locate(
    document,
    wrong.map(({ pointer }) => pointer),
  );
  const findings = wrong.map(({ pointer, field, expected, found }) => {
    const data = { field: lastKey(pointer, field), expected, found };
    return finding('invalid-lock', data, {
      location: { file, pointer, range: ranges.get(pointer) ?? null },
    });
  });
  if (document.hasDuplicateKeys) {
    for (const { pointer, key, range, firstLine } of duplicateKeys(document.text)) {
      findings.push(finding('duplicate-key', { key, firstLine }, { location: { file, pointer, range } }));
    }
  }
  if (findings.length > 0) return { ok: false, findings };
  const { models } = value as { models: Record<string, Fields> };
  return {
    ok: true,
    lock: new Lock(
      Object.entries(models).map(([ref, { digest, size, files }]) => ({
        ref,
        digest: digest?.toLowerCase() ?? null,
        size,
        files: (files ?? []).map((one) => ({
          path: one.path,
          digest: one.digest?.toLowerCase() ?? null,
          size: one.size,
        })),
      })),
    ),
  };
}

interface Fields {
  digest?: string;
  size: number;
  files?: { path: string; digest?: string; size: number }[];
}

/** `size of docker.io/ai/gemma4:E2B`: names of models hold dots, which would read as steps. */
function lastKey(pointer: string, field: string): string {
  const [top, model] = fromPointer(pointer);
  if (top !== 'models' || model === undefined) return field;
  const rest = field.slice(`models.${model}`.length + 1);
  return rest === '' ? quote(model) : `${rest} of ${quote(model)}`;
}

/** The text of a lock file: the same models give the same bytes. */
export function lockText(models: readonly LockedModel[]): string {
  const sorted = [...models].sort((a, b) => (a.ref < b.ref ? -1 : a.ref > b.ref ? 1 : 0));
  // Names come from catalogs; own keys only, so that `__proto__` is a name like any other.
  const byName = Object.fromEntries(
    sorted.map(({ ref, digest, size, files }) => [
      ref,
      {
        ...(digest === null ? {} : { digest }),
        size,
        ...(files.length === 0
          ? {}
          : {
              files: files.map((file) => ({
                path: file.path,
                ...(file.digest === null ? {} : { digest: file.digest }),
                size: file.size,
              })),
            }),
      },
    ]),
  );
  return `${JSON.stringify({ schema, models: byName }, null, 2)}\n`;
}

/** How a model differs from what was recorded, in words that finish "… was recorded, …"; null where it does not. */
export function changeOf(before: LockedModel, now: LockedModel): string | null {
  if (before.digest !== now.digest) {
    return `its digest was ${shortDigest(before.digest)} and is ${shortDigest(now.digest)}`;
  }
  const names = (files: readonly LockedFile[]) => files.map(({ path }) => path);
  const [was, is] = [names(before.files), names(now.files)];
  if (was.join('\0') !== is.join('\0')) {
    return `it was ${fileNames(was)} and is ${fileNames(is)}`;
  }
  for (const [index, file] of now.files.entries()) {
    const old = before.files[index] as LockedFile;
    if (old.digest !== null && file.digest !== null && old.digest !== file.digest) {
      return `the digest of ${short(file.path)} was ${shortDigest(old.digest)} and is ${shortDigest(file.digest)}`;
    }
    if (old.size !== file.size) {
      return `${short(file.path)} had ${count(old.size, 'byte')} and has ${count(file.size, 'byte')}`;
    }
  }
  if (before.size === now.size) return null;
  return `it had ${count(before.size, 'byte')} and has ${count(now.size, 'byte')}`;
}

function fileNames(paths: readonly string[]): string {
  const [first, ...more] = paths;
  if (first === undefined) return 'no file';
  return more.length === 0 ? short(first) : `${short(first)} and ${count(more.length, 'more file')}`;
}

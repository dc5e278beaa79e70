import { quote } from '../text/text.ts';
import type { ModelRunner } from './client.ts';
import { RunnerError } from './errors.ts';
import { isTagOf, parseReference } from './reference.ts';
import type { InstalledModel, Removed } from './types.ts';
import { loaded } from './update.ts';

/** What to remove, before anything is removed. */
export interface Removal {
  model: InstalledModel;
  /** The tag to take away; null for the model with all its tags. */
  tag: string | null;
  /** The tags that stay. */
  staying: readonly string[];
}

/**
 * The model that people mean: a name, or the first hexadecimal digits of a digest as `docker model list` shows
 * them. Null where none is meant. Throws a RunnerError where the digits fit several.
 */
export function findRemoval(asked: string, models: readonly InstalledModel[]): Removal | null {
  const byTag = findTag(asked, models);
  if (byTag !== null) return byTag;
  const digits = /^(?:sha256:)?([0-9a-f]{6,64})$/i.exec(asked)?.[1]?.toLowerCase();
  if (digits === undefined) return null;
  const found = models.filter(({ digest }) => digest.startsWith(`sha256:${digits}`));
  const [model] = found;
  if (model === undefined) return null;
  if (found.length > 1) {
    const all = found.map(({ digest, tags }) => `${digest.slice(7, 19)} (${tags.join(', ') || 'no tag'})`);
    throw new RunnerError(
      'invalid-reference',
      `${quote(asked)} begins the digests of ${found.length} models: ${all.join(', ')}.`,
      'Give more digits.',
    );
  }
  return { model, tag: null, staying: [] };
}

function nameOf(tag: string): string | null {
  try {
    return parseReference(tag).name;
  } catch {
    return null;
  }
}

function findTag(asked: string, models: readonly InstalledModel[]): Removal | null {
  const name = nameOf(asked);
  if (name === null) return null;
  for (const model of models) {
    const tag = model.tags.find((one) => isTagOf(name, one));
    if (tag !== undefined) return { model, tag, staying: model.tags.filter((one) => one !== tag) };
  }
  return null;
}

export type RemoveRunner = Pick<ModelRunner, 'remove' | 'running' | 'unload'>;

/**
 * Removes it, from memory first. Throws a RunnerError: where it answers a request, or has several tags and not one
 * of them was named, only `force` removes it.
 */
export async function remove(
  { model, tag }: Removal,
  force: boolean,
  runner: RemoveRunner,
): Promise<Removed & { unloaded: boolean }> {
  const { digest, tags } = model;
  if (tag === null && tags.length > 1 && !force) {
    throw new RunnerError(
      'several-tags',
      `${digest.slice(7, 19)} has ${tags.length} tags: ${tags.join(', ')}.`,
      'Remove them one by one by name, or all at once with --force.',
    );
  }
  // What has no proper name was never loaded by one.
  const names = (tag === null ? tags : [tag]).flatMap((one) => nameOf(one) ?? []);
  const unloaded = await unload(names, force, runner);
  return { ...(await runner.remove(tag ?? digest, { force })), unloaded };
}

/** Takes the model out of memory; whether it was there. */
async function unload(names: readonly string[], force: boolean, runner: RemoveRunner): Promise<boolean> {
  const inMemory = await loaded(names, runner);
  if (inMemory.length === 0) return false;
  if (inMemory.some(({ inUse }) => inUse) && !force) {
    throw new RunnerError(
      'in-use',
      `${names.join(', ')} answers a request right now.`,
      'Wait until it is done, or use --force.',
    );
  }
  await runner.unload(names);
  return true;
}

/** Bytes that a size such as `260.86MiB`, `256.35 MiB` or `1.2 GB` means; null for anything else. Rounded, as it is. */
export function bytesOfSize(size: string | null): number | null {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([KMGT]?i?B)$/i.exec(size ?? '') ?? [];
  const power = 'bkmgt'.indexOf(unit.charAt(0).toLowerCase());
  if (power < 0 || unit === '') return null;
  const bytes = Number(amount) * (/i/i.test(unit) ? 1024 : 1000) ** power;
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : null;
}

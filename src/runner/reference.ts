import { dockerKey } from '../catalog/name.ts';
import { quote } from '../text/text.ts';
import { RunnerError } from './errors.ts';
import type { InstalledModel } from './types.ts';

/** A reference in the form in which it is sent. */
export interface Reference {
  /** `ai/gemma4:E2B`: lower case but for the tag, which Docker distinguishes by case. */
  name: string;
  /** `sha256:…` of the manifest that it must be; null for any. */
  digest: string | null;
}

const part = '[a-z0-9](?:[a-z0-9._-]*[a-z0-9_])?';
const shape = new RegExp(
  `^(?:${part}(?::\\d{1,5})?/)?${part}(?:/${part})*(?::(?<tag>[a-z0-9_][a-z0-9_.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$`,
  'i',
);

/** `sha256:…`, by which a model without a tag is named. */
export function isDigest(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

/**
 * Reads a reference and refuses whatever could mean something else in a URL or an argument list. The runner's
 * own reading is not relied upon: what it fills in depends on its version. Throws a RunnerError.
 */
export function parseReference(text: string): Reference {
  const match = text.length <= 512 && !text.includes('..') ? shape.exec(text) : null;
  if (match === null) {
    throw new RunnerError(
      'invalid-reference',
      `${quote(text)} is no name of a model.`,
      'Write it as name:tag, for example ai/gemma4:E2B.',
    );
  }
  const { tag, digest } = match.groups as { tag?: string; digest?: string };
  if (digest !== undefined && tag === undefined) {
    // The runner would give it the tag latest, and take that tag from the model that has it.
    throw new RunnerError(
      'invalid-reference',
      `${quote(text)} has a digest and no tag, and Docker Model Runner would take it for the tag latest.`,
      'Write the tag before the digest: name:tag@sha256:….',
    );
  }
  const key = dockerKey(digest === undefined ? text : text.slice(0, -digest.length - 1));
  return {
    name: tag === undefined ? key : `${key.slice(0, -tag.length)}${tag}`,
    digest: digest?.toLowerCase() ?? null,
  };
}

/** Whether a tag that the runner lists, in the spelling of any version, is this name. */
export function isTagOf(name: string, listed: string): boolean {
  try {
    return parseReference(listed).name === name;
  } catch {
    return false;
  }
}

/** Finds installed models by name, in any spelling; null where none has it, and for what is no name of a model. */
export function finderIn(models: readonly InstalledModel[]): (ref: string) => InstalledModel | null {
  const nameOf = (ref: string) => {
    try {
      return parseReference(ref).name;
    } catch {
      return null;
    }
  };
  const known = new Map<string | null, InstalledModel>();
  for (const model of models) for (const tag of model.tags) known.set(nameOf(tag), model);
  known.delete(null);
  return (ref) => known.get(nameOf(ref)) ?? null;
}

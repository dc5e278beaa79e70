import { printable } from '../text/text.ts';

/**
 * The id for a model by its name in full: the last part of the name and its tag, in lower case, without what says
 * nothing: `gemma4:e2b` for `docker.io/ai/gemma4:E2B`, `qwen3-4b:q4_k_m` for
 * `huggingface.co/owner/Qwen3-4B-GGUF:Q4_K_M`, `model-q4` for `./Model-Q4.gguf`.
 */
export function proposedId(name: string): string {
  const last =
    name
      .replace(/@sha256:.*$/, '')
      .split(/[/\\]/)
      .at(-1) ?? '';
  return last
    .replace(/\.gguf$/i, '')
    .replace(/:latest$/, '')
    .toLowerCase()
    .replace(/-gguf(?=:|$)/, '')
    .replace(/[^\w.:]+/g, '-')
    .replace(/^[^a-z\d]+|-+$/g, '');
}

/** The Docker name that a file is packaged as where nobody says another one. */
export function proposedModel(path: string): string {
  const slug = proposedId(path)
    .replace(/[^a-z\d]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return `local/${slug || 'model'}`;
}

/** A name for display out of a model's header; null where it is not fit to be shown. */
export function proposedName(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const name = value.trim();
  return name !== '' && name.length <= 100 && printable(name) === name ? name : null;
}

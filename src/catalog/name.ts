/**
 * Names of models. Two spellings of one Docker name are one model: Docker
 * lower-cases names, fills in `ai/` and `:latest`, and knows Docker Hub by
 * three hosts and Hugging Face by two. Tags differ by case for Docker; here they do not,
 * because nobody means two models by `E2B` and `e2b`.
 */

const hubHosts = ['docker.io/', 'index.docker.io/', 'registry-1.docker.io/'];

/** `text` for comparison: ids, aliases and Docker names are equal without case. */
export function fold(text: string): string {
  return text.toLowerCase();
}

/** Folded, without any Docker Hub host (a host stands twice in real files), `hf.co/` as `huggingface.co/`. */
function canonical(ref: string): string {
  const name = fold(ref);
  let start = 0;
  for (;;) {
    const host = hubHosts.find((known) => name.startsWith(known, start));
    if (host === undefined) break;
    start += host.length;
  }
  return name.startsWith('hf.co/', start) ? `huggingface.co/${name.slice(start + 6)}` : name.slice(start);
}

/**
 * The key by which Docker names are compared, never one to send to Docker:
 * `ai/gemma4:e2b` for `docker.io/ai/gemma4:E2B` and `gemma4:E2B`. No tag is `:latest`;
 * a digest stays and takes the place of the tag.
 */
export function dockerKey(ref: string): string {
  const name = canonical(ref);
  const path = name.includes('/') ? name : `ai/${name}`;
  return path.lastIndexOf(':') > path.lastIndexOf('/') ? path : `${path}:latest`;
}

/** Folded, without what Docker fills in by itself: `gemma4:e2b` for `docker.io/ai/gemma4:E2B`. For suggestions. */
export function shortName(ref: string): string {
  const name = canonical(ref);
  return name.startsWith('ai/') ? name.slice(3) : name;
}

/** `hf.co/owner/repo[:tag]` or `huggingface.co/owner/repo[:tag]`. */
export function isHuggingFace(ref: string): boolean {
  return /^(?:hf|huggingface)\.co\/\w[\w.-]*\/\w[\w.-]*(?::\w[\w.-]*)?$/i.test(ref);
}

/** `docker.io/gemma4:E2B`: a Docker Hub host without an organisation, which works only by rewriting. */
export function isUnusualSpelling(ref: string): boolean {
  if (!ref.includes('/')) return false;
  const name = canonical(ref);
  return name !== '' && name.length < ref.length && !name.includes('/');
}

/** Whether a model makes vectors, by its names: catalogs have no field for that. */
export function saysEmbedding(names: readonly string[]): boolean {
  return names.some((name) => /embed/i.test(name));
}

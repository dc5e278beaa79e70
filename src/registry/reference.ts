import { quote } from '../text/text.ts';
import { RegistryError } from './error.ts';

/** A model in an OCI registry. */
export interface OciReference {
  kind: 'oci';
  /** `docker.io`, `ghcr.io`, `localhost:5000`. */
  registry: string;
  /** In lower case, as Docker sends it: `ai/gemma4`. */
  repository: string;
  /** Its case counts: `E2B`. `latest` where neither tag nor digest was given; null beside a digest alone. */
  tag: string | null;
  /** `sha256:…`; decides where both are there. */
  digest: string | null;
}

/** A repository of Hugging Face. */
export interface HuggingFaceReference {
  kind: 'huggingface';
  owner: string;
  repository: string;
  /** What stands behind the colon: a quantization such as `Q4_K_M`. */
  quantization: string | null;
}

/** A GGUF file of this machine. */
export interface FileReference {
  kind: 'file';
  path: string;
}

export type ModelReference = OciReference | HuggingFaceReference | FileReference;

const hubHosts: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);
const huggingFaceHosts: ReadonlySet<string> = new Set(['hf.co', 'huggingface.co']);

// https://github.com/distribution/reference/blob/main/regexp.go; models' names may come in upper case, because
// Docker Model Runner lowers them.
const host =
  /^(?:\[[0-9a-f:]{2,39}\]|[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)*)(?::\d{1,5})?$/i;
const component = /^[a-z\d]+(?:(?:\.|__?|-+)[a-z\d]+)*$/;
const tagged = /^\w[\w.-]{0,127}$/;
const sha256 = /^sha256:[\da-f]{64}$/;
const huggingFaceName = /^(?!.*\.\.)\w[\w.-]{0,95}$/;
const mostCharacters = 512;

const forms = 'Write it as ai/gemma4:E2B, hf.co/owner/repository:Q4_K_M or the path of a .gguf file';

/**
 * What a model's reference names. What ends with `.gguf` is a file; `hf.co/…` is Hugging Face; all else is a
 * registry's, by Docker Model Runner's rules: no slash is `ai/`, no host is Docker Hub, no tag is `latest`.
 * Throws a RegistryError `invalid-reference`; what passes holds nothing that could change an address or an
 * argument list.
 */
export function parseReference(text: string): ModelReference {
  const refuse = (why: string): never => {
    throw new RegistryError('invalid-reference', `${quote(text)} is no model: ${why}`, forms);
  };
  if (text.trim() === '') refuse('it is empty');
  if (/^[a-z][a-z\d+.-]+:\/\//i.test(text)) refuse('addresses of the web are not read');
  if (/\.gguf$/i.test(text)) {
    // A file is only ever opened, so that any name will do that a file can have.
    if (text.includes('\0')) refuse('a path has no NUL character');
    return { kind: 'file', path: text };
  }
  if (text.length > mostCharacters) refuse(`it has more than ${mostCharacters} characters`);
  if (text.startsWith('-')) refuse('it begins with "-", like an option');
  const odd = /[^\w.:/@[\]-]/u.exec(text)?.[0];
  if (odd !== undefined) refuse(`${quote(odd)} cannot be part of a name`);

  const at = text.indexOf('@');
  const digest = at < 0 ? null : text.slice(at + 1);
  if (digest !== null && !sha256.test(digest)) refuse('its digest is not sha256: with 64 hexadecimal digits');
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/') && !named.endsWith(']');
  const tag = hasTag ? named.slice(colon + 1) : null;
  if (tag !== null && !tagged.test(tag)) refuse(`${quote(tag)} is no tag`);
  const parts = (hasTag ? named.slice(0, colon) : named).split('/');

  const [first = '', ...rest] = parts;
  const registry = first.toLowerCase();
  if (huggingFaceHosts.has(registry)) {
    const [owner = '', repository = ''] = rest;
    if (rest.length !== 2 || !rest.every((name) => huggingFaceName.test(name)))
      refuse('Hugging Face names are hf.co/owner/repository');
    if (digest !== null) refuse('Hugging Face has no digests');
    return { kind: 'huggingface', owner, repository, quantization: tag };
  }
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || registry === 'localhost');
  if (hasHost && !host.test(registry)) refuse(`${quote(first)} is no host`);
  const path = (hasHost ? rest : parts).map((part) => part.toLowerCase());
  const wrong = path.find((part) => !component.test(part));
  if (wrong !== undefined)
    refuse(wrong === '' ? 'a part of its name is empty' : `${quote(wrong)} is no name`);
  const isHub = !hasHost || hubHosts.has(registry);
  const repository = (isHub && path.length === 1 ? ['ai', ...path] : path).join('/');
  if (repository.length > 255) refuse('its name has more than 255 characters');
  return {
    kind: 'oci',
    registry: isHub ? 'docker.io' : registry,
    repository,
    tag: tag ?? (digest === null ? 'latest' : null),
    digest,
  };
}

/** A reference in full: `docker.io/ai/gemma4:E2B`, `huggingface.co/owner/repository:Q4_K_M`, a path. */
export function formatReference(reference: ModelReference): string {
  switch (reference.kind) {
    case 'file':
      return reference.path;
    case 'huggingface': {
      const { owner, repository, quantization } = reference;
      return `huggingface.co/${owner}/${repository}${quantization === null ? '' : `:${quantization}`}`;
    }
    case 'oci': {
      const { registry, repository, tag, digest } = reference;
      return `${registry}/${repository}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`;
    }
  }
}

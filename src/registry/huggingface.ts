import { quote } from '../text/text.ts';
import { RegistryError } from './error.ts';
import type { Answer, Environment, Http, Ranges } from './http.ts';
import { helpForAnswer, place, rangesOf, refusal } from './http.ts';
import { amount, own, parseJson, text } from './json.ts';
import type { HuggingFaceReference } from './reference.ts';
import { formatReference } from './reference.ts';

export interface HuggingFaceFile {
  /** In the repository: `UD-Q4_K_XL/model-00001-of-00002.gguf`. */
  path: string;
  /** Bytes. */
  size: number;
  /** Of the content, as hexadecimal digits; null for a small file, which git keeps itself. */
  sha256: string | null;
}

/** What Docker Model Runner takes from a repository of Hugging Face. */
export interface HuggingFaceModel {
  kind: 'huggingface';
  reference: HuggingFaceReference;
  /** The GGUF files of one model, in order. */
  files: readonly HuggingFaceFile[];
  /** The projector that a multimodal model is loaded with; null where there is none. */
  mmproj: HuggingFaceFile | null;
  /** Bytes of all these; configs and templates come on top. */
  downloadBytes: number;
  /** False where the reference asks for a quantization that no file has: another one is taken then. */
  isAsked: boolean;
}

const publicUrl = 'https://huggingface.co';
const mostListBytes = 16 * 1024 * 1024;
/** What Docker Model Runner takes where nobody asks, or where no file has what was asked for. */
const usual = 'Q4_K_M';
const unasked: ReadonlySet<string> = new Set(['latest', 'main']);

/** Reads repositories of Hugging Face, or of the server in HF_ENDPOINT; HF_TOKEN is sent there and nowhere else. */
export class HuggingFace {
  readonly #http: Http;
  readonly #base: URL;
  readonly #token: string | null;

  constructor({ http, env }: { http: Http; env: Environment }) {
    this.#http = http;
    const endpoint = env['HF_ENDPOINT']?.trim() || publicUrl;
    if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))
      throw new RegistryError(
        'invalid-reference',
        'HF_ENDPOINT is no address of the web',
        `Write it as ${publicUrl}, or remove it`,
      );
    this.#base = new URL(endpoint);
    http.trust(this.#base);
    const token = env['HF_TOKEN']?.trim() ?? '';
    this.#token = /^[\x21-\x7e]+$/.test(token) ? token : null;
  }

  /**
   * The files that Docker Model Runner would take: `SelectGGUFFiles` of docker/model-runner,
   * pkg/distribution/huggingface/repository.go. Throws RegistryErrors.
   */
  async model(reference: HuggingFaceReference): Promise<HuggingFaceModel> {
    const { quantization } = reference;
    const asked = quantization === null || unasked.has(quantization) ? null : quantization;
    const top = await this.#list(reference, '');
    let files = top.files.filter(({ path }) => isGguf(path));
    const folder = top.folders.find((name) => asked !== null && name.toLowerCase() === asked.toLowerCase());
    const isInFolder = files.length === 0 && folder !== undefined;
    if (isInFolder) files = (await this.#list(reference, folder)).files.filter(({ path }) => isGguf(path));
    const models = files.filter(({ path }) => !isProjector(path));
    if (models.length === 0) {
      const name = formatReference({ ...reference, quantization: null });
      throw new RegistryError(
        'not-a-model',
        asked === null || top.folders.length === 0
          ? `${name} has no GGUF file`
          : `${name} has no GGUF file at its top, and no folder ${quote(asked)} with one`,
        'Name a repository with GGUF files, and the quantization behind a colon',
      );
    }
    const { chosen, isAsked } = choose(models, asked);
    const projectors = files.filter(({ path }) => isProjector(path));
    const mmproj = projectors.find(({ path }) => /f16/i.test(nameOf(path))) ?? projectors[0] ?? null;
    const downloadBytes = [...chosen, ...(mmproj === null ? [] : [mmproj])].reduce(
      (sum, { size }) => sum + size,
      0,
    );
    return {
      kind: 'huggingface',
      reference,
      files: chosen,
      mmproj,
      downloadBytes,
      isAsked: isAsked || isInFolder,
    };
  }

  /** The bytes of a file, in parts. */
  file(reference: HuggingFaceReference, file: HuggingFaceFile): Ranges {
    const { owner, repository } = reference;
    const path = file.path.split('/').map(encodeURIComponent).join('/');
    const url = this.#url(`${owner}/${repository}/resolve/main/${path}`);
    return rangesOf(
      this.#http,
      this.#base,
      file.size,
      ({ headers, mostBytes }) =>
        this.#http.send(url, { headers: { ...headers, ...this.#authorization() }, mostBytes }),
      (answer) => this.#expectFound(answer, reference),
    );
  }

  #url(path: string): URL {
    return new URL(`${this.#base.pathname.replace(/\/$/, '')}/${path}`, this.#base);
  }

  #authorization(): Record<string, string> {
    return this.#token === null ? {} : { authorization: `Bearer ${this.#token}` };
  }

  async #list(
    reference: HuggingFaceReference,
    folder: string,
  ): Promise<{ files: HuggingFaceFile[]; folders: string[] }> {
    const { owner, repository } = reference;
    const below = folder === '' ? '' : `/${encodeURIComponent(folder)}`;
    const url = this.#url(`api/models/${owner}/${repository}/tree/main${below}`);
    const answer = await this.#http.send(url, { headers: this.#authorization(), mostBytes: mostListBytes });
    this.#expectFound(answer, reference);
    const list = answer.whole ? parseJson(url, answer.body) : null;
    if (!Array.isArray(list))
      throw new RegistryError('bad-answer', `${place(url)} sends no list of files`, helpForAnswer);
    const files: HuggingFaceFile[] = [];
    const folders: string[] = [];
    for (const entry of list) {
      const path = text(own(entry, 'path'));
      // A path that would leave the repository is nobody's file.
      if (path === null || path.split('/').some((part) => part === '' || part === '.' || part === '..'))
        continue;
      if (own(entry, 'type') === 'directory') folders.push(path);
      const lfs = own(entry, 'lfs');
      const size = amount(own(lfs, 'size')) ?? amount(own(entry, 'size'));
      if (own(entry, 'type') === 'file' && size !== null)
        files.push({ path, size, sha256: text(own(lfs, 'oid')) });
    }
    return { files, folders };
  }

  #expectFound({ status, headers, url }: Answer, reference: HuggingFaceReference): void {
    if (status < 300) return;
    const name = formatReference({ ...reference, quantization: null });
    const said = headers['x-error-code'];
    if (said === 'GatedRepo')
      throw new RegistryError(
        'login-required',
        `${name} is only for accounts that accepted its terms`,
        'Accept them on its page, and set HF_TOKEN to a token of that account',
      );
    if (status === 404)
      throw new RegistryError('not-found', `${name} is not there`, 'Check owner and repository');
    if (status === 401 || status === 403)
      throw new RegistryError(
        'denied',
        `${name} does not exist, or needs a token that may read it`,
        this.#token === null
          ? 'Check the name; for a private repository set HF_TOKEN'
          : 'Check the name, and that HF_TOKEN is valid and may read it',
      );
    throw refusal(status, headers, url);
  }
}

function isGguf(path: string): boolean {
  return /\.gguf$/i.test(path);
}

function isProjector(path: string): boolean {
  return /mmproj/i.test(nameOf(path));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** One model out of those of a repository: the only one, the one asked for, Q4_K_M, the first by name. */
function choose(
  models: readonly HuggingFaceFile[],
  asked: string | null,
): { chosen: HuggingFaceFile[]; isAsked: boolean } {
  const sorted = [...models].sort((a, b) => (nameOf(a.path) < nameOf(b.path) ? -1 : 1));
  const matching = sorted.filter(({ path }) => asked !== null && hasQuantization(nameOf(path), asked));
  const isAsked = asked === null || matching.length > 0;
  if (sorted.length === 1) return { chosen: sorted, isAsked };
  const candidates =
    matching.length > 0 ? matching : sorted.filter(({ path }) => hasQuantization(nameOf(path), usual));
  const [first] = candidates.length > 0 ? candidates : sorted;
  if (first === undefined) return { chosen: [], isAsked };
  // Docker Model Runner loads the first file of what it took; the others are its shards, or are not loaded.
  const prefix = shardPrefix(nameOf(first.path));
  return {
    chosen: prefix === null ? [first] : sorted.filter(({ path }) => shardPrefix(nameOf(path)) === prefix),
    isAsked,
  };
}

/** Whether a quantization stands between separators in a name: `Model-Q4_K_M-00001-of-00002.gguf`. */
function hasQuantization(name: string, quantization: string): boolean {
  const stem = name.toLowerCase().replace(/\.gguf$/, '');
  const wanted = quantization.toLowerCase();
  return ['-', '.', '_'].some((separator) => {
    const start = stem.indexOf(separator + wanted);
    return start >= 0 && ['', '-', '.', '_'].includes(stem.charAt(start + 1 + wanted.length));
  });
}

/** What all shards of a model begin with; null for a model that is one file. */
function shardPrefix(name: string): string | null {
  return /^(.*)-\d{5}-of-/.exec(name)?.[1] ?? null;
}

import { createHash } from 'node:crypto';
import { quote, short } from '../text/text.ts';
import type { Login, RunHelper } from './credentials.ts';
import { dockerLogin } from './credentials.ts';
import { RegistryError } from './error.ts';
import type { Answer, Environment, Http, Ranges } from './http.ts';
import { helpForAnswer, isLoopback, place, rangesOf, refusal } from './http.ts';
import { own, parseObject, text } from './json.ts';
import type { OciReference } from './reference.ts';
import { formatReference } from './reference.ts';

/** What a layer of a model is for. */
export type LayerRole = 'gguf' | 'mmproj' | 'safetensors' | 'other';

export interface Layer {
  mediaType: string;
  /** `sha256:…` */
  digest: string;
  /** Bytes. */
  size: number;
  role: LayerRole;
  /** The file's name in the model, where the publisher gave one. */
  path: string | null;
}

/** A model as its registry describes it: what its manifest and its config say. */
export interface OciModel {
  kind: 'oci';
  reference: OciReference;
  /** Of the manifest; what Docker Model Runner lists as the model's id. */
  digest: string;
  layers: readonly Layer[];
  /** Bytes of all layers: what a pull downloads, because layers are not packed. */
  downloadBytes: number;
  config: ModelConfig;
}

/** The config of a model, in the words of its publisher; null for what it does not say. */
export interface ModelConfig {
  /** `gguf`, `safetensors`. */
  format: string | null;
  /** As the publisher spells it: `MOSTLY_Q4_K_M`, `Q4_0`. */
  quantization: string | null;
  /** As text: `3.09B`. */
  parameters: string | null;
  architecture: string | null;
  /** As text: `1.87GiB`. */
  size: string | null;
  /** Tokens, where the model was packaged with it. */
  contextSize: number | null;
  /** GGUF metadata as text, without long arrays. */
  gguf: ReadonlyMap<string, string>;
}

export interface OciOptions {
  http: Http;
  env: Environment;
  /** Runs a credential helper; that of this machine by default. */
  runHelper?: RunHelper;
}

const imageManifests = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const indexes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
/** docker/model-runner, pkg/distribution/types/config.go; the last one is CNCF ModelPack's. */
const configTypes: ReadonlySet<string> = new Set([
  'application/vnd.docker.ai.model.config.v0.1+json',
  'application/vnd.docker.ai.model.config.v0.2+json',
  'application/vnd.cncf.model.config.v1+json',
]);
const layerRoles: ReadonlyMap<string, LayerRole> = new Map([
  ['application/vnd.docker.ai.gguf.v3', 'gguf'],
  ['application/vnd.docker.ai.mmproj', 'mmproj'],
  ['application/vnd.docker.ai.gguf.v3.mmproj', 'mmproj'],
  ['application/vnd.docker.ai.safetensors', 'safetensors'],
]);

const mostManifestBytes = 4 * 1024 * 1024;
const mostConfigBytes = 8 * 1024 * 1024;
const mostTokenBytes = 1024 * 1024;
const mostLayers = 10_000;
const hubUrl = 'https://registry-1.docker.io';
const digestForm = /^sha256:[\da-f]{64}$/;

/** Reads models in OCI registries, with the logins of Docker's config where the registry asks for one. */
export class OciRegistries {
  readonly #http: Http;
  readonly #env: Environment;
  readonly #runHelper: RunHelper | undefined;
  /** Authorization by server and repository. */
  readonly #authorizations = new Map<string, string>();
  /** Where each model's manifest came from. */
  readonly #sources = new Map<string, URL>();

  constructor({ http, env, runHelper }: OciOptions) {
    this.#http = http;
    this.#env = env;
    this.#runHelper = runHelper;
  }

  /**
   * The manifest and the config of a model, each verified against its digest. Throws RegistryErrors; a container
   * image, and a model of a kind that Docker Model Runner does not load, is `not-a-model`.
   */
  async model(reference: OciReference): Promise<OciModel> {
    const bases = this.#bases(reference.registry);
    for (const base of bases.slice(0, -1)) {
      try {
        return await this.#modelAt(base, reference);
      } catch (error) {
        // As in Docker: what a mirror cannot give, the registry itself may.
        if (!(error instanceof RegistryError)) throw error;
      }
    }
    return this.#modelAt(bases[bases.length - 1] ?? new URL(hubUrl), reference);
  }

  /** The bytes of a layer, in parts. They cannot be verified: a digest is of the whole. */
  blob(reference: OciReference, layer: Layer): Ranges {
    const bases = this.#bases(reference.registry);
    // A layer is asked for where its manifest came from.
    const base = this.#sources.get(formatReference(reference)) ?? bases[bases.length - 1] ?? new URL(hubUrl);
    const what = `${formatReference(reference)}, layer ${layer.digest.slice(7, 19)}`;
    return rangesOf(
      this.#http,
      base,
      layer.size,
      (part) => this.#get(base, reference, `blobs/${layer.digest}`, part),
      (answer) => this.#expectFound(answer, reference, what),
    );
  }

  /**
   * Where a registry is: for Docker Hub the mirrors of MODEL_RUNNER_REGISTRY_MIRRORS first, as in Docker Model
   * Runner, and DEFAULT_REGISTRY in its place.
   */
  #bases(registry: string): URL[] {
    if (registry !== 'docker.io') return [this.#url(registry)];
    const mirrors = (this.#env['MODEL_RUNNER_REGISTRY_MIRRORS'] ?? '').split(',').map((text) => text.trim());
    const own = this.#env['DEFAULT_REGISTRY']?.trim() || hubUrl;
    return [...mirrors.filter((text) => text !== ''), own].map((text) => this.#url(text));
  }

  /** `ghcr.io`, `localhost:5000`, `http://127.0.0.1:5000`: without a scheme, this machine has http. */
  #url(text: string): URL {
    const hasScheme = text.includes('://');
    const address = hasScheme ? text : `https://${text}`;
    if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
      throw new RegistryError(
        'invalid-reference',
        `${quote(text)} is no address of a registry`,
        'Write it as registry.example.com, localhost:5000 or https://registry.example.com',
      );
    const url = new URL(address);
    if (!hasScheme && isLoopback(url)) return new URL(`http://${text}`);
    if (hasScheme) this.#http.trust(url);
    return url;
  }

  async #modelAt(base: URL, reference: OciReference): Promise<OciModel> {
    const name = formatReference(reference);
    const wanted = reference.digest ?? reference.tag ?? 'latest';
    let { json, digest } = await this.#manifest(base, reference, wanted);
    if (Array.isArray(json['manifests'])) {
      const chosen = pick(json['manifests']);
      if (chosen === null) throw notAModel(name, 'its index names no model');
      ({ json, digest } = await this.#manifest(base, reference, chosen));
    }
    const config = descriptor(json['config']);
    if (config === null || !Array.isArray(json['layers'])) throw badAnswer(base, 'sends no manifest');
    if (!configTypes.has(config.mediaType)) {
      const isImage = /\.(?:container\.)?image\./.test(config.mediaType);
      throw notAModel(name, isImage ? 'it is a container image' : `its kind is ${quote(config.mediaType)}`);
    }
    if (json['layers'].length > mostLayers) throw badAnswer(base, `names ${json['layers'].length} layers`);
    const layers = json['layers'].map((entry: unknown): Layer => {
      const layer = descriptor(entry);
      if (layer === null) throw badAnswer(base, 'sends a manifest with a broken layer');
      const path = text(own(own(entry, 'annotations'), 'org.cncf.model.filepath'));
      return { ...layer, role: roleOf(layer.mediaType, path), path };
    });
    const downloadBytes = layers.reduce((sum, layer) => sum + layer.size, 0);
    if (!Number.isSafeInteger(downloadBytes)) throw badAnswer(base, 'claims layers of impossible size');
    this.#sources.set(name, base);
    return {
      kind: 'oci',
      reference,
      digest,
      layers,
      downloadBytes,
      config: await this.#config(base, reference, config),
    };
  }

  async #manifest(
    base: URL,
    reference: OciReference,
    wanted: string,
  ): Promise<{ json: Record<string, unknown>; digest: string }> {
    const answer = await this.#get(base, reference, `manifests/${wanted}`, {
      headers: { accept: [...imageManifests, ...indexes].join(', ') },
      mostBytes: mostManifestBytes,
    });
    this.#expectFound(answer, reference, formatReference(reference));
    if (!answer.whole) throw badAnswer(base, 'sends a manifest of more than 4 MiB');
    const digest = digestOf(answer.body);
    const told = answer.headers['docker-content-digest'];
    const expected = [wanted, String(told)].find((text) => digestForm.test(text)) ?? digest;
    if (digest !== expected)
      throw badDigest(`The manifest of ${formatReference(reference)}`, expected, digest);
    return { json: parseObject(base, answer.body), digest };
  }

  async #config(base: URL, reference: OciReference, config: Descriptor): Promise<ModelConfig> {
    if (config.size > mostConfigBytes) throw badAnswer(base, `claims a config of ${config.size} bytes`);
    const answer = await this.#get(base, reference, `blobs/${config.digest}`, { mostBytes: config.size });
    this.#expectFound(answer, reference, `${formatReference(reference)}, its config`);
    const digest = digestOf(answer.body);
    if (!answer.whole || digest !== config.digest)
      throw badDigest(`The config of ${formatReference(reference)}`, config.digest, digest);
    return readModelConfig(parseObject(base, answer.body));
  }

  /** GET below `/v2/<repository>/`, with a login where the server asks for one. */
  async #get(
    base: URL,
    reference: OciReference,
    path: string,
    ask: { headers?: Record<string, string>; mostBytes: number },
  ): Promise<Answer> {
    const url = new URL(`${base.pathname.replace(/\/$/, '')}/v2/${reference.repository}/${path}`, base);
    const key = `${base.origin} ${reference.repository}`;
    const send = () => {
      const authorization = this.#authorizations.get(key);
      return this.#http.send(url, {
        ...ask,
        headers: { ...ask.headers, ...(authorization === undefined ? {} : { authorization }) },
      });
    };
    const answer = await send();
    // A 401 of another server, after a redirect, is none of this registry's login.
    if (answer.status !== 401 || answer.url.origin !== url.origin) return answer;
    const authorization = await this.#authorize(base, reference, answer);
    if (authorization === null || authorization === this.#authorizations.get(key)) return answer;
    this.#authorizations.set(key, authorization);
    return send();
  }

  /** What a challenge asks for, as the value of a header; null where there is no login to give. */
  async #authorize(base: URL, reference: OciReference, answer: Answer): Promise<string | null> {
    const challenge = readChallenge(answer.headers['www-authenticate'] ?? '');
    if (challenge === null) return null;
    const login = await this.#login(base, reference);
    if (challenge.scheme === 'basic') return login?.basic ?? null;
    const realm = challenge.values.get('realm') ?? '';
    if (!URL.canParse(realm)) throw badAnswer(base, 'asks for a login and does not say where');
    const url = new URL(realm);
    const service = challenge.values.get('service');
    const scope = challenge.values.get('scope') ?? `repository:${reference.repository}:pull`;
    const refresh = login?.refreshToken ?? null;
    const fields = { scope, ...(service === undefined ? {} : { service }) };
    let token: Answer;
    if (refresh === null) {
      for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value);
      const headers = login === null ? {} : { authorization: login.basic };
      token = await this.#http.send(url, { headers, mostBytes: mostTokenBytes });
    } else {
      const grant = { grant_type: 'refresh_token', client_id: 'model-check', refresh_token: refresh };
      token = await this.#http.send(url, {
        form: new URLSearchParams({ ...grant, ...fields }),
        mostBytes: mostTokenBytes,
      });
    }
    if (token.status === 401 || token.status === 403) {
      if (login === null) return null;
      throw new RegistryError(
        'login-required',
        `${reference.registry} refuses the login that Docker has for it`,
        `Run ${loginCommand(reference)}`,
      );
    }
    this.#expectFound(token, reference, `the login of ${reference.registry}`);
    const json = parseObject(url, token.body);
    const value = text(json['token']) ?? text(json['access_token']);
    if (value === null || !/^[\x21-\x7e]{1,100000}$/.test(value)) throw badAnswer(url, 'sends no token');
    return `Bearer ${value}`;
  }

  #login(base: URL, reference: OciReference): Promise<Login | null> {
    // What stands in for Docker Hub has a login of its own, never Docker Hub's.
    const isStandIn = reference.registry === 'docker.io' && base.href !== `${hubUrl}/`;
    const registry = isStandIn ? base.host : reference.registry;
    return dockerLogin(registry, this.#env, this.#runHelper);
  }

  /** Throws for what is no success, in the terms of the reference. */
  #expectFound(answer: Answer, reference: OciReference, what: string): void {
    const { status, headers, url } = answer;
    if (status < 300) return;
    if (status === 404)
      throw new RegistryError(
        'not-found',
        `${what} is not there`,
        'Check name and tag; the case of a tag counts',
      );
    // Docker Hub: "pull access denied, repository does not exist or may require authorization", insufficient_scope.
    if (status === 401 || status === 403)
      throw new RegistryError(
        'denied',
        `${what} does not exist, or needs a login that may read it`,
        `Check the name; for a private repository run ${loginCommand(reference)}`,
      );
    throw refusal(status, headers, url);
  }
}

function loginCommand({ registry }: OciReference): string {
  return registry === 'docker.io' ? 'docker login' : `docker login ${registry}`;
}

function notAModel(name: string, why: string): RegistryError {
  return new RegistryError(
    'not-a-model',
    `${name} is no model that Docker Model Runner loads: ${why}`,
    'Name a model',
  );
}

function badAnswer(url: URL, what: string): RegistryError {
  return new RegistryError('bad-answer', `${place(url)} ${what}`, helpForAnswer);
}

function badDigest(what: string, expected: string, found: string): RegistryError {
  return new RegistryError(
    'bad-digest',
    `${what} was changed on its way: its digest is ${found.slice(0, 19)}…, and should be ${short(expected, 20)}`,
    'Try again; if it stays so, do not use this registry',
  );
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

function descriptor(value: unknown): Descriptor | null {
  const [mediaType, digest, size] = [
    text(own(value, 'mediaType')),
    text(own(value, 'digest')),
    own(value, 'size'),
  ];
  if (mediaType === null || digest === null || !digestForm.test(digest)) return null;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return null;
  return { mediaType, digest, size };
}

/** The model of an index: its first manifest that is none of the notes that builders add for another one. */
function pick(manifests: readonly unknown[]): string | null {
  for (const entry of manifests) {
    const found = descriptor(entry);
    const isNote = own(own(entry, 'annotations'), 'vnd.docker.reference.type') !== undefined;
    if (found !== null && !isNote && !indexes.includes(found.mediaType)) return found.digest;
  }
  return null;
}

function roleOf(mediaType: string, path: string | null): LayerRole {
  const known = layerRoles.get(mediaType);
  if (known !== undefined) return known;
  if (path === null || !/\.gguf$/i.test(path)) return 'other';
  return /mmproj/i.test(path) ? 'mmproj' : 'gguf';
}

/** Docker's configs have all in `config`; ModelPack's split it into `descriptor` and `config`. */
function readModelConfig(json: Record<string, unknown>): ModelConfig {
  const config = own(json, 'config');
  const parameters = text(own(config, 'parameters')) ?? text(own(config, 'paramSize'));
  const context = own(config, 'context_size');
  const gguf = own(config, 'gguf');
  const values = typeof gguf === 'object' && gguf !== null ? Object.entries(gguf) : [];
  return {
    format: text(own(config, 'format')),
    quantization: text(own(config, 'quantization')),
    parameters,
    architecture: text(own(config, 'architecture')),
    size: text(own(config, 'size')),
    contextSize: typeof context === 'number' && Number.isSafeInteger(context) && context > 0 ? context : null,
    gguf: new Map(values.filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
  };
}

/** `Bearer realm="…",service="…"`: the first challenge of a kind that is known. */
function readChallenge(header: string): { scheme: 'bearer' | 'basic'; values: Map<string, string> } | null {
  const scheme = /^\s*(bearer|basic)\b/i.exec(header.slice(0, 8192))?.[1]?.toLowerCase();
  if (scheme !== 'bearer' && scheme !== 'basic') return null;
  const pairs = header.slice(0, 8192).matchAll(/([a-z_]+)=(?:"([^"]*)"|([^\s",]+))/gi);
  const values = new Map<string, string>();
  for (const [, name = '', quoted, bare = ''] of pairs) values.set(name.toLowerCase(), quoted ?? bare);
  return { scheme, values };
}

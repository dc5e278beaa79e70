import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Endpoint } from '../../src/runner/types.ts';
import { folderOf } from './process.ts';

/** A model as a registry holds it. */
export interface Remote {
  digest: string;
  layers: { digest: string; size: number }[];
  config?: Record<string, unknown>;
}

/** A model as the runner's store holds it. */
export interface Stored extends Remote {
  tags: string[];
  created: number;
}

/** What a pull does instead of succeeding. */
export type PullFault =
  /** Refused before the first byte. */
  | { status: number; text: string }
  /** 200, some progress, then an error line and the plain text that the runner writes behind it. */
  | { errorLine: string; tail?: string }
  /** 200, some progress, then plain text only: Hugging Face. */
  | { tail: string }
  /** 200 and a success line, and the model is nowhere. */
  | { lost: true }
  /** The stream ends by itself, without a word. */
  | { quietEnd: true }
  /** Bytes of the whole answer, its head and framing counted, after which the connection is cut. */
  | { cutAt: number }
  /** Progress that goes nowhere, for ever. */
  | { endless: 'same' | 'words' }
  /** Nothing more after the first line. */
  | { stall: true }
  /** These bytes as the whole stream. */
  | { raw: string | Uint8Array }
  /** The registry's tag is another model than its digest says. */
  | { digest: string };

export interface Faults {
  pull?: PullFault;
  /** Answers of a method and path, before anything else: `GET /models`. */
  answers?: Record<string, { status: number; text: string; type?: string }>;
  /** Sends these bytes in place of any answer, and closes. */
  bytes?: string;
  /** Accepts connections and never answers. */
  mute?: boolean;
  /** Before v1.0.30. */
  noVersion?: boolean;
  /** An empty list is `null`. */
  nullLists?: boolean;
  /** How tags are stored: `docker.io/` since v1.0.11, nothing or `index.docker.io/` before. */
  spelling?: 'docker.io/' | 'index.docker.io/' | '';
  /** Loading fails with this text. */
  load?: { status: number; text: string };
}

export interface Received {
  method: string;
  /** The bytes of the request line. */
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** A small model whose digests follow from its name. */
export function remote(name: string, sizes: readonly number[] = [1_500_000, 300]): Remote {
  return {
    digest: sha256(name),
    layers: sizes.map((size, at) => ({ digest: sha256(`${name} ${at}`), size })),
    config: {
      format: 'gguf',
      quantization: 'MOSTLY_Q4_K_M',
      parameters: '136.73M',
      architecture: 'gemma4',
      size: '1.43MiB',
    },
  };
}

const mib = 2 ** 20;

/**
 * Docker Model Runner v1.2.6 as its source describes it, over HTTP, with the state that its API shows and the
 * faults that it is known for. What it does not model: push, load, export, other engines' own APIs.
 */
export class FakeModelRunner {
  /** By normalized name: `docker.io/ai/gemma4:E2B`. */
  readonly registry = new Map<string, Remote>();
  readonly store: Stored[] = [];
  readonly requests: Received[] = [];
  faults: Faults = {};
  /** `GET /version`. */
  version = 'v1.2.6';
  status: Record<string, string> = {
    diffusers: 'Not Installed',
    'llama.cpp': 'Running: llama.cpp c22473b',
    vllm: 'Not Installed: binary not found',
  };
  /** `GET /logs`; null before it was served. */
  log: string | null = null;
  loaded: { backend: string; model: string; mode: string; inUse?: boolean }[] = [];
  configured: {
    Backend: string;
    Model: string;
    ModelID: string;
    Mode: string;
    Config: Record<string, unknown>;
  }[] = [];
  /** Awaited before each line of a pull: the test sets the pace. */
  pace: () => Promise<unknown> = () => Promise.resolve();
  /** Pulls that have begun; two at a time, as in the runner. */
  pulling = 0;
  /** Bytes of the last pull's whole answer, head and framing counted. */
  lastPullBytes = 0;
  /** Bytes of layers that are on disk, whole or `.incomplete`. */
  readonly blobs = new Map<string, number>();
  #waiting: (() => void)[] = [];
  #sockets = new Set<Socket>();
  #prefix: string;
  #server = createServer((request, response) => void this.#handle(request, response));

  constructor(prefix = '') {
    this.#prefix = prefix;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
    });
  }

  async listen(where: number | string = 0): Promise<Endpoint> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      if (typeof where === 'string') this.#server.listen(where, resolve);
      else this.#server.listen(where, '127.0.0.1', resolve);
    });
    if (typeof where === 'string') return { name: where, address: { path: where }, prefix: this.#prefix };
    const { port } = this.#server.address() as AddressInfo;
    return {
      name: `http://127.0.0.1:${port}`,
      address: { host: '127.0.0.1', port, tls: false },
      prefix: this.#prefix,
    };
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Puts a model into the registry. */
  publish(name: string, model: Remote = remote(name)): Remote {
    this.registry.set(normalize(name), model);
    return model;
  }

  /** Puts a model into the store without a pull. */
  install(name: string, model: Remote = this.publish(name)): Stored {
    for (const { digest, size } of model.layers) this.blobs.set(digest, size);
    return this.#save(model, normalize(name));
  }

  /** Everything but what answers a pull, set back. */
  reset(): void {
    this.registry.clear();
    this.blobs.clear();
    this.store.length = 0;
    this.requests.length = 0;
    this.loaded = [];
    this.configured = [];
    this.faults = {};
    this.pace = () => Promise.resolve();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const { method = '', url = '' } = request;
    const body = Buffer.concat(pieces).toString();
    this.requests.push({ method, url, headers: request.headers, body });
    const { faults } = this;
    if (faults.mute) return null;
    if (faults.bytes !== undefined) return response.socket?.end(faults.bytes);
    const [target = '', query = ''] = url.split('?');
    if (!target.startsWith(`${this.#prefix}/`)) {
      // What Docker's own API says of a path that it does not know.
      return send(response, 404, '{"message":"page not found"}', 'application/json');
    }
    const path = target.slice(this.#prefix.length);
    const set = faults.answers?.[`${method} ${path}`];
    if (set !== undefined) return send(response, set.status, set.text, set.type);
    const parameters = new URLSearchParams(query);
    const route = `${method} ${path}`;
    if (route === 'GET /models') return json(response, this.#nullable(this.store.map(shown)));
    if (route === 'POST /models/create') return this.#pull(request, response, body);
    if (route === 'GET /version') {
      return faults.noVersion
        ? send(response, 404, 'not found\n')
        : json(response, { version: this.version });
    }
    if (route === 'GET /logs') {
      return this.log === null ? send(response, 404, 'not found\n') : send(response, 200, this.log);
    }
    if (route === 'GET /engines/status') return json(response, this.status);
    if (route === 'GET /engines/ps') {
      const list = this.loaded.map(({ backend, model, mode, inUse }) => ({
        backend_name: backend,
        model_name: model.toLowerCase(),
        mode,
        last_used: '2026-07-09T10:00:00Z',
        ...(inUse ? { in_use: true } : {}),
      }));
      return json(response, this.#nullable(list));
    }
    if (route === 'GET /engines/_configure') return this.#configurations(response, parameters.get('model'));
    if (route === 'POST /engines/unload') return this.#unload(response, body);
    if (path.startsWith('/models/')) {
      const ref = decodeURIComponent(path.slice('/models/'.length));
      if (method === 'GET') return this.#get(response, ref);
      if (method === 'DELETE') return this.#delete(response, ref, parameters.get('force') === 'true');
    }
    const engine = /^\/engines(?:\/([^/]+))?\/(_configure|v1\/(?:chat\/completions|embeddings))$/.exec(path);
    if (method === 'POST' && engine !== null) {
      const [, backend = 'llama.cpp', action = ''] = engine;
      if (!Object.hasOwn(this.status, backend)) return send(response, 404, 'backend not found\n');
      return this.#infer(request, response, backend, action, body);
    }
    return send(response, 404, 'not found\n');
  }

  #nullable<Item>(list: Item[]): Item[] | null {
    return this.faults.nullLists && list.length === 0 ? null : list;
  }

  /** Strict, by name or digest. */
  #find(ref: string): Stored | undefined {
    const name = normalize(ref);
    const bare = /^sha256:/.test(ref) ? ref : (/@(sha256:.*)$/.exec(ref)?.[1] ?? null);
    return this.store.find(({ digest, tags }) =>
      bare === null ? tags.some((tag) => tag === this.#spell(name)) : digest === bare,
    );
  }

  #spell(name: string): string {
    const { spelling = 'docker.io/' } = this.faults;
    return name.startsWith('docker.io/') ? `${spelling}${name.slice('docker.io/'.length)}` : name;
  }

  #get(response: ServerResponse, ref: string) {
    // Lenient: the last part of a name, whatever the tag.
    const alike = () =>
      this.store.find(({ tags }) => tags.some((tag) => tag.split('/').at(-1)?.split(':')[0] === ref));
    const model = this.#find(ref) ?? alike();
    if (model === undefined) return send(response, 404, `${ref}: model not found\n`);
    return json(response, shown(model));
  }

  #delete(response: ServerResponse, ref: string, force: boolean) {
    const model = this.#find(ref);
    if (model === undefined) return send(response, 404, `no such model: ${ref}\n`);
    const isDigest = ref.startsWith('sha256:');
    if (isDigest && model.tags.length > 1 && !force) {
      const text = `unable to delete "${ref}" (must be forced) due to multiple tag references: resource conflict\n`;
      return send(response, 409, text);
    }
    const untagged = isDigest ? model.tags : [this.#spell(normalize(ref))];
    model.tags = model.tags.filter((tag) => !untagged.includes(tag));
    const answer: Record<string, string>[] = untagged.map((tag) => ({ Untagged: tag }));
    if (model.tags.length === 0) {
      this.store.splice(this.store.indexOf(model), 1);
      answer.push({ Deleted: model.digest });
    }
    return json(response, answer);
  }

  /** Takes the tag from the model that has it, which then stays without one. */
  #save(model: Remote, name: string): Stored {
    const tag = this.#spell(name);
    for (const stored of this.store) stored.tags = stored.tags.filter((other) => other !== tag);
    const known = this.store.find(({ digest }) => digest === model.digest);
    const stored = known ?? { ...model, tags: [], created: 1_778_854_020 };
    stored.tags.push(tag);
    if (known === undefined) this.store.push(stored);
    return stored;
  }

  async #pull(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
    const { from } = JSON.parse(body) as { from: string };
    const fault = this.faults.pull ?? {};
    if (this.pulling >= 2) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.pulling += 1;
    try {
      await this.#stream(request, response, from, fault);
    } finally {
      this.pulling -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #stream(
    request: IncomingMessage,
    response: ServerResponse,
    from: string,
    fault: Partial<Record<string, unknown>>,
  ): Promise<unknown> {
    if (typeof fault.status === 'number') return send(response, fault.status, `${fault.text}\n`);
    if (!/^[\w./:@-]+$/.test(from)) return send(response, 400, 'Invalid model reference\n');
    const name = normalize(from);
    // A digest pin is stored under the tag latest.
    const pinned = /^(.*)@(sha256:.*)$/.exec(name);
    const model =
      pinned === null
        ? this.registry.get(name)
        : [...this.registry.values()].find(({ digest }) => digest === pinned[2]);
    if (model === undefined && fault.raw === undefined) return send(response, 404, 'Model not found\n');

    const isEscaped = request.headers.accept !== 'application/json';
    const socket = response.socket as Socket;
    const cutAt = typeof fault.cutAt === 'number' ? fault.cutAt : Number.POSITIVE_INFINITY;
    let sent = 0;
    const write = async (text: string | Uint8Array): Promise<boolean> => {
      const bytes = Buffer.from(text as string);
      const part = bytes.subarray(0, Math.max(0, cutAt - sent));
      sent += bytes.length;
      this.lastPullBytes = sent;
      if (socket.destroyed) return false;
      const isFlushed = await new Promise<boolean>((resolve) => {
        socket.write(part, (error) => resolve(!error));
      });
      if (part.length < bytes.length) socket.destroy();
      return isFlushed && !socket.destroyed;
    };
    const chunk = (text: string | Uint8Array) => {
      const bytes = Buffer.from(text as string);
      return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
    };
    const line = async (value: unknown) => {
      const text = JSON.stringify(value);
      await this.pace();
      return write(chunk(`${isEscaped ? escapeHtml(text) : text}\n`));
    };
    const end = async () => {
      if (await write('0\r\n\r\n')) socket.end();
    };
    const head = `HTTP/1.1 200 OK\r\nContent-Type: ${isEscaped ? 'text/plain' : 'application/json'}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;

    if (typeof fault.raw === 'string' || fault.raw instanceof Uint8Array) {
      await write(head);
      await write(chunk(fault.raw));
      return end();
    }
    const { layers, digest } = model as Remote;
    const total = layers.reduce((sum, { size }) => sum + size, 0);
    const isCached = this.store.some((stored) => stored.digest === digest);
    const progress = (layer: Remote['layers'][number], current: number) =>
      line({
        type: 'progress',
        message: `Downloaded: ${(current / 1e6).toFixed(2)} MB`,
        total,
        layer: { id: layer.digest, size: layer.size, current },
        mode: 'pull',
      });
    if (!(await write(head))) return null;
    if (fault.endless !== undefined) {
      const layer = layers[0] as Remote['layers'][number];
      for (let turn = 0; !socket.destroyed; turn++) {
        if (fault.endless === 'same') await progress(layer, 1000);
        else await line({ type: 'progress', message: `Still at it ${turn}`, total, layer: {}, mode: 'pull' });
        await setImmediate();
      }
      return null;
    }
    if (from.startsWith('huggingface.co/')) {
      if (!(await line({ type: 'progress', message: 'Fetching file list...', total: 0, layer: { size: 0 } })))
        return null;
    }
    const isBroken = fault.errorLine !== undefined || fault.tail !== undefined;
    // Layers come down side by side, so their lines take turns; those on disk are not mentioned.
    for (let from = 0, open = true; open && !isCached; from += mib) {
      open = false;
      for (const layer of layers) {
        const onDisk = this.blobs.get(layer.digest) ?? 0;
        const current = Math.min(layer.size, from + mib);
        if (onDisk >= layer.size) continue;
        open = true;
        if (current <= onDisk) continue;
        if (!(await progress(layer, current))) return null;
        if (fault.stall) return null;
        this.blobs.set(layer.digest, current);
        if (isBroken) break;
      }
      if (isBroken) break;
    }
    if (fault.errorLine !== undefined) {
      const message = `Error: ${fault.errorLine}`;
      await line({ type: 'error', message, total: 0, layer: { size: 0, current: 0 }, mode: 'pull' });
    }
    if (typeof fault.tail === 'string') await write(chunk(`${fault.tail}\n`));
    if (isBroken) return end();
    if (fault.quietEnd) return end();
    if (!fault.lost) {
      const arrived =
        typeof fault.digest === 'string' ? { ...(model as Remote), digest: fault.digest } : (model as Remote);
      this.#save(arrived, pinned === null ? name : `${pinned[1]?.replace(/:[^:/]*$/, '')}:latest`);
    }
    const message = isCached ? 'Using cached model: 1.43 MiB' : 'Model pulled successfully';
    const success = { type: 'success', message, total: 0, layer: { size: 0, current: 0 }, mode: 'pull' };
    return (await line(success)) && end();
  }

  #configurations(response: ServerResponse, model: string | null) {
    const id = model === null ? null : this.#find(model)?.digest;
    return json(
      response,
      this.#nullable(this.configured.filter(({ ModelID }) => id === null || ModelID === id)),
    );
  }

  #unload(response: ServerResponse, body: string) {
    const { all, models } = JSON.parse(body) as { all: boolean; models: string[] };
    const names = models.map(normalize);
    const before = this.loaded.length;
    this.loaded = this.loaded.filter(
      ({ model, inUse }) => inUse === true || !(all || names.includes(normalize(model))),
    );
    return json(response, { unloaded_runners: before - this.loaded.length });
  }

  #infer(request: IncomingMessage, response: ServerResponse, backend: string, action: string, body: string) {
    const asked = JSON.parse(body) as { model: string; 'context-size'?: number; mode?: string };
    const model = this.#find(asked.model);
    if (model === undefined) return send(response, action === '_configure' ? 500 : 404, 'model not found\n');
    const mode = asked.mode ?? (action.endsWith('embeddings') ? 'embedding' : 'completion');
    const isLoaded = this.loaded.some((one) => one.backend === backend && one.model === asked.model);
    if (action === '_configure') {
      if (isLoaded) return send(response, 409, 'runner already active\n');
      const { model: Model, mode: _, ...Config } = asked;
      this.configured.push({ Backend: backend, Model, ModelID: model.digest, Mode: mode, Config });
      return send(response, 202, '');
    }
    if (this.status[backend]?.startsWith('Not Installed')) {
      const text = `backend "${backend}" is not installed; run: docker model install-runner --backend ${backend}\n`;
      return send(response, 412, text);
    }
    const { load } = this.faults;
    if (load !== undefined) return send(response, load.status, `${load.text}\n`);
    if (!isLoaded) this.loaded.push({ backend, model: asked.model, mode });
    if (request.headers['x-preload-only'] === 'true') return send(response, 200, '');
    if (mode === 'embedding') return json(response, { data: [{ embedding: [0.5, -0.25, 1] }] });
    return json(response, {
      choices: [{ index: 0, finish_reason: 'length', message: { role: 'assistant', content: 'Hi' } }],
      timings: { predicted_per_second: 41.5 },
    });
  }
}

/** As the runner reads a name: lower case but for the tag, with host and tag filled in. */
export function normalize(ref: string): string {
  const text = ref.trim().replace(/^hf\.co\//, 'huggingface.co/');
  const colon = text.lastIndexOf(':');
  const hasTag = colon > text.lastIndexOf('/');
  const tag = hasTag ? text.slice(colon) : ':latest';
  const name = (hasTag ? text.slice(0, colon) : text).toLowerCase();
  const path = name.includes('/') ? name : `ai/${name}`;
  const first = path.split('/')[0] ?? '';
  const hasHost = first.includes('.') || first.includes(':');
  return `${hasHost ? path.replace(/^index\.docker\.io\//, 'docker.io/') : `docker.io/${path}`}${tag}`;
}

function shown({ digest, tags, created, config }: Stored): Record<string, unknown> {
  return { id: digest, ...(tags.length === 0 ? {} : { tags }), created, config };
}

function json(response: ServerResponse, value: unknown) {
  return send(response, 200, `${JSON.stringify(value)}\n`, 'application/json');
}

function send(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8') {
  response.writeHead(status, { 'content-type': type, connection: 'close' });
  return response.end(text);
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll("'", '&#39;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&#34;');
}

/** A runner on a free port of this machine. */
export async function modelRunner(): Promise<{ fake: FakeModelRunner; endpoint: Endpoint; url: string }> {
  const fake = new FakeModelRunner();
  const endpoint = await fake.listen();
  return { fake, endpoint, url: endpoint.name };
}

/** Docker Desktop's socket, with the runner below its prefix. */
export async function desktopSocket(path = join(folderOf(), 'docker.sock')) {
  const fake = new FakeModelRunner('/exp/vDD4.40');
  const endpoint = await fake.listen(path);
  return { fake, endpoint, path };
}

import { createHash } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a server was asked. */
export interface Asked {
  method: string;
  path: string;
  range: string | null;
  authorization: string | null;
  /** Of a form. */
  body: string;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A real HTTP server on loopback that remembers what it was asked, with faults on request. */
export class TestServer {
  readonly asked: Asked[] = [];
  /** TCP connections so far. */
  connections = 0;
  /** Bytes of all bodies that it gave out. */
  bytesSent = 0;
  readonly #server: Server;
  readonly #faults: { path: RegExp; times: number; handler: Handler }[] = [];
  readonly #route: (request: IncomingMessage, body: Buffer) => Handler;

  constructor(route: (request: IncomingMessage, body: Buffer) => Handler) {
    this.#route = route;
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => this.#handle(request, response, Buffer.concat(chunks)));
    });
    this.#server.on('connection', () => this.connections++);
  }

  async start(): Promise<this> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  /** `127.0.0.1:41234` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** From now on, requests of this path go to this handler, so many times. */
  fault(path: RegExp, handler: Handler, times = Number.POSITIVE_INFINITY): void {
    this.#faults.push({ path, times, handler });
  }

  /** Forgets faults and what was asked. */
  reset(): void {
    this.#faults.splice(0);
    this.asked.splice(0);
    this.connections = 0;
    this.bytesSent = 0;
  }

  #handle(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const path = request.url ?? '/';
    const header = (name: string) => (request.headers[name] as string | undefined) ?? null;
    this.asked.push({
      method: request.method ?? '',
      path,
      range: header('range'),
      authorization: header('authorization'),
      body: body.toString('utf8'),
    });
    const fault = this.#faults.find((each) => each.times > 0 && each.path.test(path));
    if (fault !== undefined) {
      fault.times--;
      fault.handler(request, response);
    } else this.#route(request, body)(request, response);
  }

  /** Answers with bytes, or with the part of them that is asked for. */
  give(bytes: Uint8Array, headers: Record<string, string> = {}): Handler {
    return (request, response) => {
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
      const start = Number(range?.[1] ?? 0);
      const part = range === null ? bytes : bytes.subarray(start, Number(range[2]) + 1);
      const end = start + part.length - 1;
      if (range !== null && part.length === 0) return void response.writeHead(416).end();
      this.bytesSent += part.length;
      response.writeHead(range === null ? 200 : 206, {
        'content-length': part.length,
        ...(range && { 'content-range': `bytes ${start}-${end}/${bytes.length}` }),
        ...headers,
      });
      response.end(part);
    };
  }
}

/** Answers with this and nothing else. */
export function answer(
  status: number,
  headers: Record<string, string> = {},
  body: string | Uint8Array = '',
): Handler {
  return (_, response) => {
    response.writeHead(status, { 'content-length': String(body.length), ...headers }).end(body);
  };
}

/** Says that `claimed` bytes follow, sends these, and then ends the connection or, with `stall`, nothing more. */
export function cutOff(status: number, claimed: number, body: Uint8Array, stall = false): Handler {
  return (_, response) => {
    response.writeHead(status, {
      'content-length': claimed,
      'content-range': `bytes 0-${claimed - 1}/${claimed}`,
    });
    response.write(body, () => {
      if (!stall) response.destroy();
    });
  };
}

/** Takes the request and never answers. */
export const silence: Handler = () => {};

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export interface RegistryOptions {
  /** Whom the registry asks for a login: nobody, or everybody. */
  login?: 'none' | 'bearer' | 'basic';
  /** Names and passwords. */
  users?: Readonly<Record<string, string>>;
  /** Repositories that a token without a login may read. */
  open?: readonly string[];
  /** Refresh tokens, as credential helpers give them. */
  refreshTokens?: readonly string[];
  /** Below this path instead of the root. */
  prefix?: string;
}

/**
 * An OCI distribution server: pull and monolithic push, logins with Basic and Bearer, ranges of blobs.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export class TestRegistry extends TestServer {
  readonly blobs = new Map<string, Uint8Array>();
  /** By `repository:tag` and `repository@digest`. */
  readonly manifests = new Map<string, { type: string; bytes: Uint8Array }>();

  constructor(options: RegistryOptions = {}) {
    super((request, body) => this.#route(options, request, body));
  }

  #route(options: RegistryOptions, request: IncomingMessage, body: Buffer): Handler {
    const { login = 'none', users = {}, open = [], refreshTokens = [], prefix = '' } = options;
    const url = new URL(request.url ?? '/', this.url);
    const basic = Object.entries(users).map(([user, password]) => `Basic ${btoa(`${user}:${password}`)}`);
    const given = request.headers.authorization ?? '';
    const problem = (status: number, code: string, headers: Record<string, string> = {}) =>
      answer(
        status,
        { 'content-type': 'application/json', ...headers },
        JSON.stringify({ errors: [{ code }] }),
      );
    if (url.pathname === '/token') {
      const form = new URLSearchParams(body.toString('utf8'));
      const scope = url.searchParams.get('scope') ?? form.get('scope') ?? '';
      const known = basic.includes(given) || refreshTokens.includes(form.get('refresh_token') ?? '');
      if (!known && (given !== '' || form.has('refresh_token'))) return problem(401, 'UNAUTHORIZED');
      const mayRead = known || open.some((name) => scope === `repository:${name}:pull`);
      return answer(200, {}, JSON.stringify({ token: `${mayRead ? 'good' : 'empty'}-${btoa(scope)}` }));
    }
    const parts = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)\/?$/.exec(url.pathname.slice(prefix.length));
    const [, repository = '', kind = '', reference = ''] = parts ?? [];
    if (login === 'basic' && !basic.includes(given))
      return problem(401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="test"' });
    const scope = `repository:${repository}:pull`;
    if (login === 'bearer' && given !== `Bearer good-${btoa(scope)}`) {
      const error = given === '' ? '' : ',error="insufficient_scope"';
      const challenge = `Bearer realm="${this.url}/token",service="test",scope="${scope}"${error}`;
      return problem(401, 'UNAUTHORIZED', { 'www-authenticate': challenge });
    }
    if (!url.pathname.startsWith(`${prefix}/v2/`)) return problem(404, 'NOT_FOUND');
    if (kind === 'blobs' && request.method === 'POST')
      return answer(202, { location: `/v2/${repository}/blobs/uploads/1` });
    if (kind === 'blobs') {
      const bytes = this.blobs.get(reference);
      return bytes === undefined ? problem(404, 'BLOB_UNKNOWN') : this.give(bytes);
    }
    if (request.method === 'PUT' && /\/blobs\/uploads\/1$/.test(url.pathname)) {
      this.blobs.set(url.searchParams.get('digest') ?? '', body);
      return answer(201);
    }
    if (kind !== 'manifests') return problem(404, 'NOT_FOUND');
    if (request.method === 'PUT') {
      const stored = { type: request.headers['content-type'] ?? '', bytes: body };
      for (const name of [reference, digestOf(body)]) this.manifests.set(`${repository}:${name}`, stored);
      return answer(201);
    }
    const manifest = this.manifests.get(`${repository}:${reference}`);
    if (manifest === undefined) return problem(404, 'MANIFEST_UNKNOWN');
    const { type, bytes } = manifest;
    return this.give(bytes, { 'content-type': type, 'docker-content-digest': digestOf(bytes) });
  }
}

/** Files of repositories as Hugging Face lists and gives them. */
export class TestHuggingFace extends TestServer {
  /** By `owner/repository`, then by path. */
  readonly repositories = new Map<string, Map<string, Uint8Array>>();

  constructor() {
    super((request) => {
      const path = decodeURIComponent(new URL(request.url ?? '/', this.url).pathname);
      const list = /^\/api\/models\/([^/]+\/[^/]+)\/tree\/main(?:\/(.+))?$/.exec(path);
      const file = /^\/([^/]+\/[^/]+)\/resolve\/main\/(.+)$/.exec(path);
      const files = this.repositories.get((list ?? file)?.[1] ?? '');
      if (files === undefined) return answer(401, { 'x-error-code': 'RepoNotFound' });
      if (list !== null) return answer(200, {}, JSON.stringify(entriesBelow(files, list[2] ?? null)));
      const bytes = files.get(file?.[2] ?? '');
      return bytes === undefined ? answer(404, { 'x-error-code': 'EntryNotFound' }) : this.give(bytes);
    });
  }
}

function entriesBelow(files: ReadonlyMap<string, Uint8Array>, folder: string | null): unknown[] {
  const start = folder === null ? '' : `${folder}/`;
  const entries = new Map<string, unknown>();
  for (const [path, { length }] of files) {
    if (!path.startsWith(start)) continue;
    const slash = path.indexOf('/', start.length);
    const name = slash < 0 ? path : path.slice(0, slash);
    const lfs = { oid: '0'.repeat(64), size: length, pointerSize: 134 };
    entries.set(
      name,
      slash < 0 ? { type: 'file', path, size: 134, lfs } : { type: 'directory', path: name, size: 0 },
    );
  }
  return [...entries.values()];
}

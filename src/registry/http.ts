import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request as plainRequest } from 'node:http';
import type { RequestOptions } from 'node:https';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { count, short } from '../text/text.ts';
import { version } from '../version.ts';
import { RegistryError } from './error.ts';

/** Waits in milliseconds. */
export interface Timeouts {
  /** For the connection, name lookup and TLS included. */
  connect: number;
  /** For the next bytes of an answer. */
  idle: number;
  /** For one whole answer. */
  total: number;
}

export interface HttpOptions {
  /** Proxies, endpoints and logins are read from it; that of the process by default. */
  env?: Environment;
  timeouts?: Partial<Timeouts>;
  /** Gets a line a request, without queries and headers. */
  log?: (line: string) => void;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Ask {
  headers?: Readonly<Record<string, string>>;
  /** The body of a form; the request is a POST then. */
  form?: URLSearchParams;
  /** Bytes of the answer's body to take at most. */
  mostBytes: number;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Uint8Array;
  /** False where the server had more than `mostBytes`; the body may be empty then. */
  whole: boolean;
  /** Of the last redirect. */
  url: URL;
}

const defaults: Timeouts = { connect: 10_000, idle: 20_000, total: 120_000 };
const mostRedirects = 5;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Of an answer that is an error: enough for a message. */
const mostErrorBytes = 64 * 1024;

/**
 * A small HTTP client: keeps one connection a server, follows redirects without handing credentials on, and
 * bounds every wait and every body. One request at a time. Plain HTTP is for this machine (`localhost`) and for
 * the addresses that the user gave with `http://`.
 */
export class Http {
  readonly #env: Environment;
  readonly #timeouts: Timeouts;
  readonly #log: (line: string) => void;
  readonly #agents = new Map<string, Agent>();
  readonly #plain = new Set<string>();

  constructor(options: HttpOptions = {}) {
    this.#env = options.env ?? process.env;
    this.#timeouts = { ...defaults, ...options.timeouts };
    this.#log = options.log ?? (() => {});
  }

  /** An address that the user gave: it may be plain HTTP. */
  trust(url: URL): void {
    if (url.protocol === 'http:') this.#plain.add(url.origin);
  }

  /** Ends all connections. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  /** GET, or POST of a form. Gives every answer but a redirect, whatever its status; throws RegistryErrors. */
  async send(start: URL, ask: Ask): Promise<Answer> {
    let url = start;
    let headers = ask.headers ?? {};
    for (let hop = 0; hop <= mostRedirects; hop++) {
      this.#check(url);
      const answer = await this.#once(url, { ...ask, headers }, true);
      if (!redirects.has(answer.status)) return answer;
      const next = this.#redirect(url, answer);
      if (ask.form !== undefined)
        throw new RegistryError('bad-answer', `${place(url)} redirects a login`, helpForAnswer);
      if (next.origin !== url.origin) headers = withoutSecrets(headers);
      url = next;
    }
    throw new RegistryError(
      'bad-answer',
      `${place(start)} redirects more than ${mostRedirects} times`,
      helpForAnswer,
    );
  }

  #check(url: URL): void {
    const isPlain = url.protocol === 'http:' && (isLoopback(url) || this.#plain.has(url.origin));
    if (url.protocol !== 'https:' && !isPlain)
      throw new RegistryError(
        'bad-answer',
        `${place(url)} is not reached by https`,
        'Only localhost may use plain http; ask the people who run the server',
      );
  }

  #redirect(from: URL, answer: Answer): URL {
    const location = answer.headers.location ?? '';
    const next = URL.canParse(location, from.href) ? new URL(location, from) : null;
    if (next === null || location === '')
      throw new RegistryError('bad-answer', `${place(from)} redirects to nowhere`, helpForAnswer);
    if (from.protocol === 'https:' && next.protocol !== 'https:')
      throw new RegistryError(
        'bad-answer',
        `${place(from)} redirects to an address without https`,
        helpForAnswer,
      );
    next.username = '';
    next.password = '';
    return next;
  }

  async #once(url: URL, ask: Ask, mayRepeat: boolean): Promise<Answer> {
    const start = performance.now();
    const body = ask.form?.toString();
    const headers = {
      ...ask.headers,
      'user-agent': `model-check/${version}`,
      'accept-encoding': 'identity',
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) }),
    };
    const proxy = proxyFor(url, this.#env);
    const options = { method: body === undefined ? 'GET' : 'POST', headers, agent: this.#agent(url, proxy) };
    const send = (): ClientRequest => {
      if (url.protocol === 'https:') return tlsRequest(url, options);
      if (proxy === null) return plainRequest(url, options);
      // A proxy of plain HTTP gets the whole address.
      return plainRequest({
        ...options,
        host: proxy.hostname,
        port: proxy.port || 80,
        path: url.href,
        headers: { ...headers, host: url.host, ...proxyAuthorization(proxy) },
      });
    };
    let repeat = false;
    const answer = await new Promise<Answer | null>((resolve, reject) => {
      const request = send();
      const fail = (error: Error) => {
        stop();
        request.destroy();
        reject(error);
      };
      const late = (what: string, ms: number) =>
        setTimeout(
          () => fail(new RegistryError('stalled', `${place(url)} ${what} ${seconds(ms)}`, helpForNetwork)),
          ms,
        );
      const total = late('did not finish its answer within', this.#timeouts.total);
      let wait = late('did not accept a connection within', this.#timeouts.connect);
      const next = () => {
        clearTimeout(wait);
        wait = late('sent nothing for', this.#timeouts.idle);
      };
      const stop = () => {
        clearTimeout(total);
        clearTimeout(wait);
      };
      request.on('socket', (socket) => {
        if (!socket.connecting && request.reusedSocket) next();
        else socket.once(url.protocol === 'https:' && proxy === null ? 'secureConnect' : 'connect', next);
        if (proxy !== null && url.protocol === 'https:') next();
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        // The server may have closed a connection that was kept; that says nothing of it.
        repeat = mayRepeat && request.reusedSocket && error.code === 'ECONNRESET';
        if (!repeat) return fail(asNetworkError(url, error));
        stop();
        resolve(null);
      });
      request.on('response', (response) => {
        next();
        const isError = (response.statusCode ?? 0) >= 300;
        const mostBytes = isError ? Math.min(ask.mostBytes, mostErrorBytes) : ask.mostBytes;
        read(response, mostBytes, next).then(
          ({ body, whole }) => {
            stop();
            if (!whole) request.destroy();
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body, whole, url });
          },
          (error: unknown) =>
            fail(
              error instanceof RegistryError
                ? error
                : new RegistryError('network', `${place(url)} ended its answer early`, helpForNetwork),
            ),
        );
      });
      request.end(body);
    });
    if (answer === null) return this.#once(url, ask, false);
    const ms = Math.round(performance.now() - start);
    this.#log(`${options.method} ${place(url)}: ${answer.status}, ${answer.body.length} bytes, ${ms} ms`);
    return answer;
  }

  #agent(url: URL, proxy: URL | null): Agent {
    const key = `${url.protocol} ${proxy?.href ?? ''}`;
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const options = { keepAlive: true, maxSockets: 1, maxFreeSockets: 1 };
    const agent: Agent =
      url.protocol === 'http:'
        ? new Agent(options)
        : proxy === null
          ? new TlsAgent(options)
          : new TunnelAgent(proxy, options);
    this.#agents.set(key, agent);
    return agent;
  }
}

export const helpForNetwork = 'Check the network and try again';
export const helpForAnswer = 'Try again later, or ask the people who run the server';

/** Reads a body to its end, or to where it is too long. */
function read(
  response: IncomingMessage,
  mostBytes: number,
  onData: () => void,
): Promise<{ body: Uint8Array; whole: boolean }> {
  return new Promise((resolve, reject) => {
    const encoding = response.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      reject(
        new RegistryError(
          'bad-answer',
          'The server packs its answer although it was asked not to',
          helpForAnswer,
        ),
      );
      return;
    }
    const none = new Uint8Array(0);
    if (Number(response.headers['content-length'] ?? 0) > mostBytes) {
      resolve({ body: none, whole: false });
      return;
    }
    const chunks: Uint8Array[] = [];
    let length = 0;
    response.on('data', (chunk: Uint8Array) => {
      onData();
      length += chunk.length;
      if (length > mostBytes) resolve({ body: none, whole: false });
      else chunks.push(chunk);
    });
    response.on('error', reject);
    response.on('aborted', () => reject(new Error('aborted')));
    response.on('end', () => resolve({ body: joined(chunks, length), whole: true }));
  });
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/** An address without what may be secret: user, query, fragment. */
export function place(url: URL): string {
  return short(`${url.protocol}//${url.host}${url.pathname}`, 200);
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}

/** Whether an address is of this machine itself. */
export function isLoopback(url: URL): boolean {
  return (
    url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(url.hostname)
  );
}

function withoutSecrets(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'));
}

/** What Node says of a connection, in words. */
const reasons: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'the name is unknown'],
  ['EAI_AGAIN', 'the name could not be looked up'],
  ['ECONNREFUSED', 'nothing accepts connections there'],
  ['ECONNRESET', 'it closed the connection'],
  ['EPIPE', 'it closed the connection'],
  ['ETIMEDOUT', 'it does not answer'],
  ['EHOSTUNREACH', 'there is no way to it'],
  ['ENETUNREACH', 'there is no way to it'],
]);

function asNetworkError(url: URL, error: NodeJS.ErrnoException): RegistryError {
  if (error instanceof RegistryError) return error;
  const reason = reasons.get(error.code ?? '') ?? short(error.message, 160);
  const isCertificate = /CERT|SIGNED|TLS|SSL/.test(error.code ?? '');
  const help = isCertificate
    ? 'Where a firm has a certificate of its own, name it in NODE_EXTRA_CA_CERTS'
    : 'Check the network, and HTTPS_PROXY where there is a proxy';
  return new RegistryError('network', `${url.protocol}//${url.host} cannot be reached: ${reason}`, help);
}

/** The proxy for an address, from the environment as curl reads it; null for none. */
export function proxyFor(url: URL, env: Environment): URL | null {
  if (isLoopback(url)) return null;
  const name = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const given = (env[name] ?? env[name.toUpperCase()] ?? '').trim();
  if (given === '' || isExempt(url, env['no_proxy'] ?? env['NO_PROXY'] ?? '')) return null;
  const text = given.includes('://') ? given : `http://${given}`;
  const proxy = URL.canParse(text) ? new URL(text) : null;
  if (proxy?.protocol !== 'http:')
    throw new RegistryError(
      'network',
      `${name.toUpperCase()} is no address of an HTTP proxy`,
      'Write it as http://host:port',
    );
  return proxy;
}

function isExempt(url: URL, list: string): boolean {
  return list
    .split(',')
    .map((entry) =>
      entry
        .trim()
        .toLowerCase()
        .replace(/^\*?\./, ''),
    )
    .some(
      (entry) =>
        entry !== '' &&
        (entry === '*' || entry === url.host || entry === url.hostname || url.hostname.endsWith(`.${entry}`)),
    );
}

function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {};
  const login = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` };
}

/** Reaches https servers through a proxy's CONNECT. */
class TunnelAgent extends TlsAgent {
  readonly #proxy: URL;
  readonly #pending = new Set<ClientRequest>();

  constructor(proxy: URL, options: ConstructorParameters<typeof TlsAgent>[0]) {
    super(options);
    this.#proxy = proxy;
  }

  // Node calls it for each new connection.
  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const done = callback as (error: Error | null, socket?: Duplex) => void;
    const target = `${options.host}:${options.port}`;
    const request = plainRequest({
      host: this.#proxy.hostname,
      port: this.#proxy.port || 80,
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...proxyAuthorization(this.#proxy) },
      agent: false,
    });
    this.#pending.add(request);
    request.once('connect', (response, socket) => {
      this.#pending.delete(request);
      if (response.statusCode === 200) {
        const secure = connectTls({ socket, servername: options.servername ?? String(options.host) });
        secure.once('secureConnect', () => done(null, secure));
        secure.once('error', (error) => done(error));
      } else {
        socket.destroy();
        done(new Error(`the proxy answers ${response.statusCode}`));
      }
    });
    request.once('error', (error) => done(new Error(`the proxy cannot be reached: ${error.message}`)));
    request.end();
  }

  /** A proxy that never answers must not keep the process. */
  override destroy(): void {
    for (const request of this.#pending) request.destroy();
    super.destroy();
  }
}

/** What servers of every kind refuse with: 429, 5xx, and what they should not answer at all. */
export function refusal(status: number, headers: Answer['headers'], url: URL): RegistryError {
  if (status === 429) {
    const after = retryAfter(headers['retry-after']);
    return new RegistryError(
      'rate-limited',
      `${url.host} limits how much may be read and has had enough for now`,
      after === null
        ? 'Try again later, or log in: accounts may read more'
        : `Try again in ${count(after, 'second')}, or log in: accounts may read more`,
      after,
    );
  }
  if (status >= 500) return new RegistryError('server', `${place(url)} answers ${status}`, helpForAnswer);
  return new RegistryError('bad-answer', `${place(url)} answers ${status}`, helpForAnswer);
}

/** Seconds, of a number of them; a date says it too late to matter. At most a day is believed. */
function retryAfter(value: string | undefined): number | null {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Math.min(Number(value), 86_400) : null;
}

/** A file on a server, of which parts are read. */
export interface Ranges {
  /** Bytes. */
  readonly size: number;
  /** The bytes from `start` up to and without `end`, which is at most the size. Throws RegistryErrors. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** What asks for a part of a file. */
export type AskPart = Pick<Ask, 'mostBytes'> & { headers: Record<string, string> };

/** Where a file was moved to is told for a while only; then these come. */
const forgotten: ReadonlySet<number> = new Set([401, 403, 404, 410]);

/**
 * A file of a server that may keep it on another one: where a redirect led is asked directly from then on, without
 * a login. `ask` is a request to the server itself; `expectFound` throws for what is no success.
 */
export function rangesOf(
  http: Http,
  home: URL,
  size: number,
  ask: (part: AskPart) => Promise<Answer>,
  expectFound: (answer: Answer) => void,
): Ranges {
  let moved: URL | null = null;
  return {
    size,
    read: async (start, end) => {
      const part = { headers: { range: `bytes=${start}-${end - 1}` }, mostBytes: end - start };
      let answer = moved === null ? null : await http.send(moved, part);
      if (answer === null || forgotten.has(answer.status)) {
        answer = await ask(part);
        moved = answer.url.origin === home.origin ? null : answer.url;
      }
      expectFound(answer);
      return partOf(answer, start, end, size);
    },
  };
}

/**
 * The part of a file that was asked for, out of a successful answer. `size` is what the manifest or list said of the
 * file; a server that says otherwise now is not believed.
 */
function partOf(answer: Answer, start: number, end: number, size: number): Uint8Array {
  const where = place(answer.url);
  const wrong = (what: string) => new RegistryError('bad-answer', `${where} ${what}`, helpForAnswer);
  if (answer.status === 200) {
    // The whole file, because the server knows no parts: fine where it is small.
    if (!answer.whole)
      throw new RegistryError(
        'no-ranges',
        `${where} is given whole only, so its header cannot be read alone`,
        'Download the file and name its path',
      );
    if (answer.body.length !== size) throw wrong(`has ${answer.body.length} bytes, and should have ${size}`);
    return answer.body.subarray(start, end);
  }
  if (answer.status !== 206) throw wrong(`answers ${answer.status} to a request for a part`);
  const parts = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(answer.headers['content-range'] ?? '');
  if (parts === null) throw wrong('sends a part and does not say which');
  const [first, last, total] = parts.slice(1).map(Number);
  if (total !== size) throw wrong(`has ${total} bytes, and should have ${size}`);
  if (first !== start || last !== end - 1) throw wrong('sends another part than it was asked for');
  if (answer.body.length !== end - start) throw wrong('sends a part of another length than it says');
  return answer.body;
}

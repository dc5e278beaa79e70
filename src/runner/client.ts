import { otherDigest, type Refusal, RunnerError, refused, runnerError } from './errors.ts';
import { type Answer, type Ask, ask, type Patience, type Question } from './http.ts';
import {
  parseCompletion,
  parseConfigurations,
  parseEmbedding,
  parseGpuLog,
  parseModel,
  parseModels,
  parseRemoved,
  parseRunning,
  parseStatus,
  parseUnloaded,
  parseVersion,
} from './parse.ts';
import { isDigest, isTagOf, parseReference } from './reference.ts';
import { complaintOf, type PullEnd, PullStream, withoutSecret } from './stream.ts';
import type {
  BackendStatus,
  Endpoint,
  FirstAnswer,
  GpuLog,
  InstalledModel,
  ModelConfiguration,
  PullDone,
  PullEvent,
  Removed,
  RunningModel,
} from './types.ts';

/** Longest waits in milliseconds. */
export interface ClientTimes {
  /** For a connection. */
  connectMs: number;
  /** For an answer that needs no work. */
  answerMs: number;
  /** For a model to load and give its first answer; the runner itself gives up after 5 minutes. */
  loadMs: number;
  /** Until `waiting` tells that a pull has not begun. */
  waitingMs: number;
  /** Until a pull begins: it waits while two others run. */
  beginMs: number;
  /** Between two lines of a pull: a finished layer of many GB is verified in silence. */
  idleMs: number;
  /** Between two lines of a pull that bring it forward. */
  stallMs: number;
}

const usualTimes: ClientTimes = {
  connectMs: 3000,
  answerMs: 15_000,
  loadMs: 330_000,
  waitingMs: 10_000,
  beginMs: 1_800_000,
  idleMs: 300_000,
  stallMs: 600_000,
};

/** What the client needs of the world. */
export interface ClientOptions {
  times?: Partial<ClientTimes>;
  ask?: Ask;
  /** Milliseconds of a clock that only goes forward. */
  now?: () => number;
}

export interface PullOptions {
  /** `sha256:…` that the model must have in the end. */
  digest?: string | null;
  /** For Hugging Face only, and sent nowhere else. */
  token?: string | null;
  signal?: AbortSignal;
}

export interface LoadOptions {
  /** `llama.cpp`, `vllm`; without one the runner chooses. */
  backend?: string | null;
  signal?: AbortSignal;
}

/** Most bytes of an answer that is no stream. */
const mostBytes = 16 * 2 ** 20;
/** Most bytes that are read of a refusal. */
const mostRefusal = 64 * 2 ** 10;
/** Longest reading of a log, in milliseconds. */
const logMs = 3000;
/** Characters of a log in which a phrase about the GPU has room. */
const mostPhrase = 100;
/** Lines in words that may count as progress. */
const mostStatuses = 1000;

/**
 * Docker Model Runner over its HTTP API. Every method throws a RunnerError, and nothing else. References are
 * refused before anything is sent where they are no names of models.
 */
export class ModelRunner {
  readonly endpoint: Endpoint;
  #times: ClientTimes;
  #ask: Ask;
  #now: () => number;

  constructor(endpoint: Endpoint, options: ClientOptions = {}) {
    this.endpoint = endpoint;
    this.#times = { ...usualTimes, ...options.times };
    this.#ask = options.ask ?? ask;
    this.#now = options.now ?? (() => performance.now());
  }

  /** All models in the store. */
  async list(signal?: AbortSignal): Promise<InstalledModel[]> {
    const { endpoint } = this;
    const answer = await this.#send({ method: 'GET', path: '/models' }, endpoint.name, {}, signal);
    if (answer.status !== 200) throw await this.#refusal(answer, 'list', endpoint.name);
    const models = parseModels(await this.#json(answer, endpoint.name, 'not-a-runner'));
    if (models === null) throw runnerError('not-a-runner', endpoint.name);
    return models;
  }

  /** The model that has this very tag; null where none has. */
  async get(ref: string): Promise<InstalledModel | null> {
    const { name } = parseReference(ref);
    const answer = await this.#send({ method: 'GET', path: modelPath(name) }, name);
    if (answer.status === 200) {
      const model = parseModel(await this.#json(answer, name));
      // The runner also answers with a model whose name is only alike.
      if (model?.tags.some((tag) => isTagOf(name, tag))) return model;
    } else {
      const error = await this.#refusal(answer, 'model', name);
      if (error.kind !== 'not-installed') throw error;
    }
    // A newer runner does not find by name what an older one stored under another spelling of it.
    return (await this.list()).find(({ tags }) => tags.some((tag) => isTagOf(name, tag))) ?? null;
  }

  /** `v1.2.6`; null before v1.0.30, which does not tell. */
  async version(): Promise<string | null> {
    const subject = 'its version';
    const answer = await this.#send({ method: 'GET', path: '/version' }, subject);
    if (answer.status !== 200) {
      answer.close();
      return null;
    }
    return parseVersion(await this.#json(answer, subject));
  }

  /** The engines and what each says of itself. Only a first answer of a model proves that one works. */
  async status(): Promise<BackendStatus[]> {
    return this.#get('/engines/status', 'its engines', parseStatus);
  }

  /** What its log says of the GPU, as far as it can be read in 3 s; nothing where it is not served. */
  async gpuLog(): Promise<GpuLog> {
    let log: GpuLog = { found: null, layers: null };
    const subject = 'its log';
    const signal = AbortSignal.timeout(logMs);
    try {
      const answer = await this.#send({ method: 'GET', path: '/logs' }, subject, {}, signal);
      if (answer.status !== 200) {
        answer.close();
        return log;
      }
      const decoder = new TextDecoder();
      let rest = '';
      for await (const piece of answer.body) {
        const text = rest + decoder.decode(piece, { stream: true });
        log = parseGpuLog(text, log);
        // What is cut here may go on in the next piece.
        rest = text.slice(-mostPhrase);
      }
    } catch (error) {
      // What was read until then still stands.
      if (!(error instanceof RunnerError)) throw error;
    }
    return log;
  }

  /** The models in memory. */
  async running(): Promise<RunningModel[]> {
    return this.#get('/engines/ps', 'its running models', parseRunning);
  }

  /** What `configure` set for this model since the runner started; empty where nothing. */
  async configurations(ref: string): Promise<ModelConfiguration[]> {
    const { name } = parseReference(ref);
    return this.#get(`/engines/_configure?model=${encodeURIComponent(name)}`, name, parseConfigurations);
  }

  /**
   * Pulls a model. The last event is `done`, and it comes only when success is proven: a success line, no error
   * line, nothing else behind the lines, a stream that ended by itself, and the model listed under its name
   * with the digest that was asked for. In every other case it throws.
   */
  async *pull(ref: string, options: PullOptions = {}): AsyncGenerator<PullEvent | PullDone, void, undefined> {
    const { name, digest } = parseReference(ref);
    const expected = options.digest ?? digest;
    const token = name.startsWith('huggingface.co/') ? (options.token ?? null) : null;
    const end = yield* this.#stream(name, token, options.signal);
    const complaint = complaintOf(end);
    if (end.broken !== null) throw runnerError('protocol', name);
    if (complaint !== null) throw refused({ asked: 'pull', status: null, text: complaint }, name);
    if (end.success === null || end.error !== null) throw runnerError('no-proof', name);
    const model = await this.get(name);
    if (model === null) throw runnerError('no-proof', name, end.success);
    if (expected !== null && model.digest !== expected) {
      throw otherDigest(`What came down as ${name}`, model.digest, expected);
    }
    yield { type: 'done', model, cached: /^Using cached model/i.test(end.success) };
  }

  async *#stream(
    name: string,
    token: string | null,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<PullEvent, PullEnd, undefined> {
    const { beginMs, idleMs, stallMs, waitingMs } = this.#times;
    const body = token === null ? { from: name } : { from: name, 'bearer-token': token };
    const stopping = new AbortController();
    const stop = () => stopping.abort();
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop);
    const answering = this.#send(
      { method: 'POST', path: '/models/create', body },
      name,
      { headMs: beginMs, idleMs },
      stopping.signal,
    );
    // Whoever stops at `waiting` never comes to await it.
    answering.catch(() => {});
    try {
      if (!(await settlesWithin(answering, waitingMs))) yield { type: 'waiting' };
      const answer = await answering.catch((error: RunnerError) => {
        throw error.kind === 'silent' ? runnerError('busy', name) : error;
      });
      if (answer.status !== 200) throw await this.#refusal(answer, 'pull', name, token ?? '');
      const stream = new PullStream(token);
      let moved = this.#now();
      let doneBytes = 0;
      let statuses = 0;
      for await (const piece of answer.body) {
        for (const event of stream.push(piece)) {
          const isForward =
            event.type === 'progress' ? event.doneBytes > doneBytes : ++statuses <= mostStatuses;
          if (event.type === 'progress') doneBytes = event.doneBytes;
          if (isForward) moved = this.#now();
          yield event;
        }
        if (this.#now() - moved > stallMs) throw runnerError('silent', name);
      }
      const { events, end } = stream.end();
      yield* events;
      return end;
    } finally {
      signal?.removeEventListener('abort', stop);
      stop();
    }
  }

  /** Removes a tag, and the model with its last tag; or a model by its digest. */
  async remove(refOrDigest: string, options: { force?: boolean } = {}): Promise<Removed> {
    const name = isDigest(refOrDigest) ? refOrDigest : parseReference(refOrDigest).name;
    const force = options.force === true;
    try {
      return await this.#delete(name, name, force);
    } catch (error) {
      if (!(error instanceof RunnerError && error.kind === 'not-installed') || isDigest(name)) throw error;
      const tags = (await this.list()).flatMap((model) => model.tags);
      const old = tags.find((tag) => tag !== name && isTagOf(name, tag));
      if (old === undefined) throw error;
      return this.#delete(old, name, force);
    }
  }

  async #delete(spelling: string, name: string, force: boolean): Promise<Removed> {
    const path = `${modelPath(spelling)}?force=${force}`;
    const answer = await this.#send({ method: 'DELETE', path }, name);
    if (answer.status !== 200) throw await this.#refusal(answer, 'model', name);
    const removed = parseRemoved(await this.#json(answer, name));
    if (removed === null) throw runnerError('protocol', name);
    return removed;
  }

  /** Sets how a model is loaded, until the runner restarts. The runner then begins to load it. */
  async configure(
    ref: string,
    settings: {
      backend?: string | null;
      /** Tokens. */
      contextSize?: number;
      /** `5m`, `0` for not at all, `-1` for ever. */
      keepAlive?: string;
      isEmbedding?: boolean;
    },
  ): Promise<void> {
    const { name } = parseReference(ref);
    const { backend = null, contextSize, keepAlive, isEmbedding } = settings;
    const body = {
      model: name,
      ...(isEmbedding ? { mode: 'embedding' } : {}),
      ...(contextSize === undefined ? {} : { 'context-size': contextSize }),
      ...(keepAlive === undefined ? {} : { keep_alive: keepAlive }),
    };
    const path = `${enginePath(backend)}/_configure`;
    const answer = await this.#send({ method: 'POST', path, body }, name);
    if (answer.status !== 200 && answer.status !== 202) throw await this.#refusal(answer, 'load', name);
    answer.close();
  }

  /** Loads a model without using it. */
  async preload(ref: string, options: LoadOptions & { isEmbedding?: boolean } = {}): Promise<{ ms: number }> {
    const { name } = parseReference(ref);
    const start = this.#now();
    const answer = await this.#infer(name, options.isEmbedding === true, options, {
      'x-preload-only': 'true',
    });
    await this.#text(answer, name, mostBytes);
    return { ms: this.#now() - start };
  }

  /** Has a chat model give one token. */
  async complete(ref: string, options: LoadOptions = {}): Promise<FirstAnswer> {
    const { name } = parseReference(ref);
    const start = this.#now();
    const answer = parseCompletion(await this.#json(await this.#infer(name, false, options), name));
    if (answer === null) throw runnerError('protocol', name);
    return { ms: this.#now() - start, dimensions: null, ...answer };
  }

  /** Has an embedding model embed one word. */
  async embed(ref: string, options: LoadOptions = {}): Promise<FirstAnswer> {
    const { name } = parseReference(ref);
    const start = this.#now();
    const dimensions = parseEmbedding(await this.#json(await this.#infer(name, true, options), name));
    if (dimensions === null) throw runnerError('protocol', name);
    return { ms: this.#now() - start, tokensPerSecond: null, dimensions };
  }

  async #infer(
    name: string,
    isEmbedding: boolean,
    { backend = null, signal }: LoadOptions,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const { loadMs } = this.#times;
    const base = `${enginePath(backend)}/v1`;
    const question: Question = isEmbedding
      ? { method: 'POST', path: `${base}/embeddings`, headers, body: { model: name, input: 'hello' } }
      : {
          method: 'POST',
          path: `${base}/chat/completions`,
          headers,
          body: { model: name, messages: [{ role: 'user', content: 'hello' }], max_tokens: 1, stream: false },
        };
    const answer = await this.#send(question, name, { headMs: loadMs, idleMs: loadMs }, signal);
    if (answer.status !== 200) throw await this.#refusal(answer, 'load', name);
    return answer;
  }

  /** Takes models out of memory, all without a reference; how many were unloaded. One in use stays. */
  async unload(refs: readonly string[] | 'all'): Promise<number> {
    const models = refs === 'all' ? [] : refs.map((ref) => parseReference(ref).name);
    const subject = models.join(', ') || 'its running models';
    const body = { all: refs === 'all', backend: '', models };
    const answer = await this.#send({ method: 'POST', path: '/engines/unload', body }, subject);
    if (answer.status !== 200) throw await this.#refusal(answer, 'load', subject);
    const unloaded = parseUnloaded(await this.#json(answer, subject));
    if (unloaded === null) throw runnerError('protocol', subject);
    return unloaded;
  }

  async #get<Value>(path: string, subject: string, parse: (value: unknown) => Value | null): Promise<Value> {
    const answer = await this.#send({ method: 'GET', path }, subject);
    if (answer.status !== 200) throw await this.#refusal(answer, 'other', subject);
    const value = parse(await this.#json(answer, subject));
    if (value === null) throw runnerError('protocol', subject);
    return value;
  }

  #send(
    question: Question,
    subject: string,
    patience: Partial<Patience> = {},
    signal?: AbortSignal,
  ): Promise<Answer> {
    const { connectMs, answerMs } = this.#times;
    const waits = { connectMs, headMs: answerMs, idleMs: answerMs, ...patience };
    return this.#ask(this.endpoint, question, waits, subject, signal);
  }

  async #refusal(
    answer: Answer,
    asked: Refusal['asked'],
    subject: string,
    secret = '',
  ): Promise<RunnerError> {
    const text = await this.#text(answer, subject, mostRefusal, 'cut').catch(() => '');
    return refused({ asked, status: answer.status, text: withoutSecret(messageOf(text), secret) }, subject);
  }

  async #json(
    answer: Answer,
    subject: string,
    otherwise: RunnerError['kind'] = 'protocol',
  ): Promise<unknown> {
    const text = await this.#text(answer, subject, mostBytes);
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw runnerError(otherwise, subject);
    }
  }

  /** The text of an answer. Longer than the limit it is refused, or cut. */
  async #text(answer: Answer, subject: string, most: number, longer: 'refuse' | 'cut' = 'refuse') {
    const pieces: Uint8Array[] = [];
    let length = 0;
    const end = this.#now() + this.#times.loadMs;
    try {
      for await (const piece of answer.body) {
        pieces.push(piece);
        length += piece.length;
        // A byte now and then would never end.
        if (this.#now() > end) throw runnerError('silent', subject);
        if (length <= most) continue;
        if (longer === 'cut') break;
        throw runnerError('protocol', subject);
      }
    } finally {
      answer.close();
    }
    return Buffer.concat(pieces).toString('utf8');
  }
}

function modelPath(name: string): string {
  return `/models/${name.split('/').map(encodeName).join('/')}`;
}

/** What a reference consists of needs no encoding; whatever else came here gets it. */
function encodeName(part: string): string {
  return encodeURIComponent(part).replaceAll('%3A', ':').replaceAll('%40', '@');
}

function enginePath(backend: string | null): string {
  if (backend === null || backend === 'auto') return '/engines';
  if (!/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/i.test(backend)) throw runnerError('backend-missing', backend);
  return `/engines/${backend}`;
}

/** llama.cpp answers with JSON, Docker's API too, the runner with plain text. */
function messageOf(text: string): string {
  try {
    const { error, message } = JSON.parse(text) as { error?: { message?: unknown }; message?: unknown };
    const said = error?.message ?? message;
    return typeof said === 'string' ? said : text;
  } catch {
    return text;
  }
}

async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    clearTimeout(timer);
  }
}

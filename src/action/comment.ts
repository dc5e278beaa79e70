import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isObject } from '../blueprint/config.ts';
import { short } from '../text/text.ts';
import { version } from '../version.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The comment as it should be on the pull request of this run. */
export interface CommentRequest {
  token: string;
  env: Env;
  /** The first line of the comment: what it is found by. */
  marker: string;
  /** The whole comment; null where there should be none. */
  body: string | null;
}

/**
 * Keeps one comment on the pull request: writes it, updates it in place,
 * removes it. Never throws: what it returns is a sentence for the log, which
 * says what was done, or why nothing was.
 */
export async function keepComment(request: CommentRequest, wait: Wait = sleep): Promise<string> {
  const { token, env, marker, body } = request;
  const place = pullRequestOf(env);
  if (typeof place === 'string') return `not posted: ${place}`;
  if (token === '') {
    return 'not posted: the input github-token is empty. Give it github.token, and the job the permission pull-requests: write.';
  }
  // Anything else is no header, and a message about it might repeat it.
  if (!/^[!-~]+$/.test(token)) return `not posted: ${invalidToken}`;
  try {
    const api = new Api(env['GITHUB_API_URL'] || 'https://api.github.com', token, wait);
    const comments = `/repos/${place.repository}/issues/comments`;
    const [first, ...others] = await ownComments(api, place, marker);
    const surplus = body === null && first !== undefined ? [first, ...others] : others;
    for (const { id } of surplus) await api.call('DELETE', `${comments}/${id}`, { mayBeGone: true });
    if (body === null) return first === undefined ? 'none is needed.' : 'removed: nothing is wrong any more.';
    if (first?.body === body) return 'up to date.';
    if (first !== undefined) {
      const updated = await api.call('PATCH', `${comments}/${first.id}`, { json: { body }, mayBeGone: true });
      if (updated !== gone) return 'updated.';
    }
    const own = `/repos/${place.repository}/issues/${place.number}/comments`;
    await api.call('POST', own, { json: { body } });
    return 'posted.';
  } catch (error) {
    if (error instanceof ApiProblem) return `not posted: ${error.message}`;
    return `not posted: GitHub cannot be asked (${short(String((error as NodeJS.ErrnoException).code ?? 'unknown reason'))}). Check GITHUB_API_URL and the input github-token.`;
  }
}

const invalidToken = 'the input github-token is not valid. Give it github.token.';

type Wait = (milliseconds: number) => Promise<unknown>;

interface Place {
  /** `owner/name`. */
  repository: string;
  number: number;
}

/** The pull request that this run is about, or why no comment belongs there. */
function pullRequestOf(env: Env): Place | string {
  const repository = env['GITHUB_REPOSITORY'] ?? '';
  let event: unknown;
  try {
    event = JSON.parse(readFileSync(env['GITHUB_EVENT_PATH'] ?? '', 'utf8'));
  } catch {
    return 'the event of this run cannot be read. Run it on pull_request.';
  }
  const pull = isObject(event) ? event['pull_request'] : undefined;
  const number = isObject(pull) ? pull['number'] : undefined;
  if (!isObject(pull) || typeof number !== 'number' || !Number.isSafeInteger(number) || number < 1) {
    return 'this run is not about a pull request. Run it on pull_request.';
  }
  const [head, base] = [repositoryOf(pull['head']), repositoryOf(pull['base'])];
  // The repository of a deleted fork is null.
  if (head === null || head !== base) {
    return 'the pull request comes from a fork. Its findings are in the annotations and the job summary.';
  }
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository) || repository.split('/').some((part) => /^\.+$/.test(part))) {
    return 'GITHUB_REPOSITORY names no repository. Run it on a runner of GitHub.';
  }
  return { repository, number };
}

function repositoryOf(side: unknown): string | null {
  const repository = isObject(side) ? side['repo'] : undefined;
  const name = isObject(repository) ? repository['full_name'] : undefined;
  return typeof name === 'string' ? name : null;
}

interface Comment {
  id: number;
  body: string;
}

const perPage = 100;
/** GitHub allows 2,500 comments on a pull request. */
const maxPages = 30;

/**
 * The comments with this marker that the owner of the token wrote, oldest
 * first. Anybody can copy a marker, and a token that may write comments may
 * change those of others too.
 */
async function ownComments(api: Api, { repository, number }: Place, marker: string): Promise<Comment[]> {
  const marked: (Comment & { login: unknown; isBot: boolean })[] = [];
  for (let page = 1; page <= maxPages; page++) {
    const list = await api.call(
      'GET',
      `/repos/${repository}/issues/${number}/comments?per_page=${perPage}&page=${page}`,
    );
    if (!Array.isArray(list))
      throw new ApiProblem('GitHub answers with no list of comments. Check GITHUB_API_URL.');
    for (const one of list as unknown[]) {
      if (!isObject(one)) continue;
      const { id, body, user } = one;
      if (typeof id !== 'number' || !Number.isSafeInteger(id) || typeof body !== 'string') continue;
      if (!body.startsWith(marker) || !isObject(user)) continue;
      marked.push({ id, body, login: user['login'], isBot: user['type'] === 'Bot' });
    }
    if (list.length < perPage) break;
  }
  if (marked.length === 0) return [];
  // A job's own token is that of a bot and may not ask who it is; a person's may.
  const me = await api.call('GET', '/user', { mayBeRefused: true });
  const login = isObject(me) ? me['login'] : null;
  return marked.filter((one) => (login === null ? one.isBot : one.login === login));
}

/** What GitHub refuses, in words that end with what to do. */
class ApiProblem extends Error {}

/** Stands for an answer where the thing is no longer there. */
const gone = Symbol('gone');

interface CallOptions {
  json?: unknown;
  /** 404 and 410 are no problem: the answer is `gone`. */
  mayBeGone?: boolean;
  /** 401 and 403 are no problem: the answer is null. */
  mayBeRefused?: boolean;
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

const timeoutMs = 15_000;
const maxAnswerBytes = 32 * 1024 * 1024;
const attempts = 3;
/** Longer than this nobody waits for a comment. */
const maxWaitSeconds = 10;

/** GitHub's REST API. Follows no redirects: the token is for this host only. */
class Api {
  readonly #base: URL;
  readonly #token: string;
  readonly #wait: Wait;

  constructor(base: string, token: string, wait: Wait) {
    this.#base = new URL(base);
    this.#token = token;
    this.#wait = wait;
  }

  /** The answer, parsed. Throws an ApiProblem. */
  async call(method: string, path: string, options: CallOptions = {}): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#send(method, path, options.json).catch(
        (error: NodeJS.ErrnoException) => error,
      );
      const pause = pauseBefore(answer, method);
      if (pause !== null && pause <= maxWaitSeconds && attempt < attempts) {
        await this.#wait(pause * 1000);
        continue;
      }
      if (answer instanceof Error) {
        const why = short(answer.code ?? answer.name, 60);
        throw new ApiProblem(`GitHub cannot be reached (${why}). The next run tries again.`);
      }
      const { status, text } = answer;
      if (options.mayBeGone && (status === 404 || status === 410)) return gone;
      if (options.mayBeRefused && (status === 401 || status === 403) && !isRateLimit(answer)) return null;
      if (status < 200 || status > 299) throw new ApiProblem(problem(answer));
      if (status === 204 || text === '') return null;
      try {
        return JSON.parse(text);
      } catch {
        throw new ApiProblem('GitHub answers with something that is not JSON. Check GITHUB_API_URL.');
      }
    }
  }

  async #send(method: string, path: string, json: unknown): Promise<Answer> {
    const { request } =
      this.#base.protocol === 'http:' ? await import('node:http') : await import('node:https');
    const payload = json === undefined ? null : Buffer.from(JSON.stringify(json));
    return new Promise((done, fail) => {
      const sent = request(
        {
          protocol: this.#base.protocol,
          hostname: this.#base.hostname.replace(/^\[|\]$/g, ''),
          port: this.#base.port,
          path: `${this.#base.pathname.replace(/\/+$/, '')}${path}`,
          method,
          signal: AbortSignal.timeout(timeoutMs),
          headers: {
            Accept: 'application/vnd.github+json',
            Authorization: `Bearer ${this.#token}`,
            'User-Agent': `model-check/${version}`,
            'X-GitHub-Api-Version': '2022-11-28',
            ...(payload === null
              ? {}
              : { 'Content-Type': 'application/json', 'Content-Length': payload.length }),
          },
        },
        (answer) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          answer.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes > maxAnswerBytes) sent.destroy(new Error('too large'));
            else chunks.push(chunk);
          });
          answer.on('end', () =>
            done({
              status: answer.statusCode ?? 0,
              headers: answer.headers,
              text: Buffer.concat(chunks).toString('utf8'),
            }),
          );
          answer.on('error', fail);
        },
      );
      sent.on('error', fail);
      sent.end(payload ?? undefined);
    });
  }
}

/** Seconds until another attempt is worth it; null where it is not. What may have been posted is not posted twice. */
function pauseBefore(answer: Answer | Error, method: string): number | null {
  if (answer instanceof Error) return method === 'POST' ? null : 1;
  if (isRateLimit(answer)) {
    const seconds = Number(answer.headers['retry-after'] ?? Number.NaN);
    return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
  }
  return answer.status >= 500 && method !== 'POST' ? Number(answer.headers['retry-after'] ?? 1) || 0 : null;
}

function isRateLimit({ status, headers }: Answer): boolean {
  return (
    status === 429 ||
    (status === 403 && (headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0'))
  );
}

function problem(answer: Answer): string {
  const { status } = answer;
  const permission = 'Give the job the permission pull-requests: write.';
  if (isRateLimit(answer)) return `GitHub's rate limit is reached (${status}). The next run tries again.`;
  if (status === 401) return invalidToken;
  if (status === 403)
    return `the input github-token may not write comments (403${said(answer)}). ${permission}`;
  if (status === 404) return `the input github-token does not reach the pull request (404). ${permission}`;
  if (status >= 500) return `GitHub has a problem of its own (${status}). The next run tries again.`;
  return `GitHub refuses the comment (${status}${said(answer)}). Report it: https://github.com/mirrorneuron/model-check/issues`;
}

/** GitHub's own words, fit to print. */
function said({ text }: Answer): string {
  try {
    const answer: unknown = JSON.parse(text);
    const message = isObject(answer) ? answer['message'] : undefined;
    return typeof message === 'string' && message !== '' ? `: ${short(message, 200)}` : '';
  } catch {
    return '';
  }
}

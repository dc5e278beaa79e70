import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from 'vitest';

export interface FakeComment {
  id: number;
  body: string;
  user: { login: string; type: 'Bot' | 'User' } | null;
}

/** An answer that a test gives instead of the usual one; `'hang up'` ends the connection. */
export type Instead = { status: number; headers?: Record<string, string>; body?: string } | 'hang up';

export interface FakeGitHub {
  url: string;
  comments: FakeComment[];
  /** `GET /repos/o/r/issues/7/comments?…`, in their order. */
  calls: string[];
  /** What each request had in its head. */
  heads: IncomingMessage['headers'][];
}

const bot = { login: 'github-actions[bot]', type: 'Bot' as const };
export const token = 'ghs_0123456789secret';

/** The comments of pull request 7 of o/r, as GitHub's REST API serves them. */
export async function fakeGitHub(
  comments: FakeComment[] = [],
  {
    me = null,
    instead = () => null,
  }: { me?: string | null; instead?: (call: string, nth: number) => Instead | null } = {},
): Promise<FakeGitHub> {
  const fake: FakeGitHub = { url: '', comments, calls: [], heads: [] };
  let nextId = 9000;
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      const call = `${request.method} ${request.url}`;
      fake.calls.push(call);
      fake.heads.push(request.headers);
      const given = instead(call, fake.calls.filter((one) => one === call).length);
      if (given === 'hang up') return void request.socket.destroy();
      const answer = given ?? usual(call, request.headers.authorization, text);
      response.writeHead(answer.status, answer.headers ?? {});
      response.end(answer.body ?? '');
    });
  });

  function usual(call: string, authorization: string | undefined, text: string): Exclude<Instead, 'hang up'> {
    const json = (status: number, value: unknown) => ({ status, body: JSON.stringify(value) });
    if (authorization !== `Bearer ${token}`) return json(401, { message: 'Bad credentials' });
    if (call === 'GET /user') {
      return me === null
        ? json(403, { message: 'Resource not accessible by integration' })
        : json(200, { login: me, type: 'User' });
    }
    const [, page] = /^GET \/repos\/o\/r\/issues\/7\/comments\?per_page=100&page=(\d+)$/.exec(call) ?? [];
    if (page !== undefined) return json(200, comments.slice((Number(page) - 1) * 100, Number(page) * 100));
    const body = text === '' ? '' : (JSON.parse(text) as { body: string }).body;
    if (body.length > 65_536) return json(422, { message: 'Validation Failed' });
    if (call === 'POST /repos/o/r/issues/7/comments') {
      comments.push({ id: nextId++, body, user: me === null ? bot : { login: me, type: 'User' } });
      return json(201, comments.at(-1));
    }
    const [, method, id] = /^(PATCH|DELETE) \/repos\/o\/r\/issues\/comments\/(\d+)$/.exec(call) ?? [];
    const at = comments.findIndex((one) => String(one.id) === id);
    if (at < 0) return json(404, { message: 'Not Found' });
    if (method === 'DELETE') {
      comments.splice(at, 1);
      return { status: 204 };
    }
    (comments[at] as FakeComment).body = body;
    return json(200, comments[at]);
  }

  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  afterAll(() => void server.close());
  server.unref();
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return fake;
}

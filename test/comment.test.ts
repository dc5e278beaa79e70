import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { keepComment } from '../src/action/comment.ts';
import { commentLimit, commentMarker, reportComment } from '../src/report/comment.ts';
import { anyReport } from './report-arbitrary.ts';
import { hostile, info, report, threeBySix, unknownModel } from './report-builder.ts';
import type { FakeComment, FakeGitHub, Instead } from './support/github.ts';
import { fakeGitHub, token } from './support/github.ts';
import { act, blueprint, expectNoCrash, folderOf, write } from './support/process.ts';

vi.setConfig({ testTimeout: 60_000 });

const options = {
  key: 'Models / check / . / ',
  link: () => null,
  run: 'https://github.com/o/r/actions/runs/5',
};

describe('the text', () => {
  test('three blueprints', async () => {
    await expect(reportComment(threeBySix, info({ elapsedMs: null }), options)).toMatchFileSnapshot(
      'snapshots/comment.md',
    );
  });

  test.each<[key: string, marker: string]>([
    ['a / b', '<!-- model-check a%20%2F%20b -->'],
    ['x --> <script>', '<!-- model-check x%20--%3E%20%3Cscript%3E -->'],
    ['\ud800\n', '<!-- model-check %EF%BF%BD%0A -->'],
  ])('the marker of %j', (key, marker) => {
    expect(commentMarker(key)).toBe(marker);
    expect(reportComment(threeBySix, info(), { ...options, key }).split('\n')[0]).toBe(marker);
  });

  test('nobody is mentioned, no issue is linked, no tag is ours', () => {
    const text = reportComment(hostile, info(), {
      ...options,
      key: hostile.blueprints.map(({ id }) => id).join(),
    });
    expect(text).not.toMatch(/@octocat|<script|<img|<b>/);
    const issues = reportComment(
      report({ findings: [unknownModel('a.json', 'o/r#12 GH-12 #7 a#b')] }),
      info(),
      options,
    );
    expect(issues).toContain('o/r#&#8203;12 GH-&#8203;12 #&#8203;7 a#b');
  });

  test('stays below the limit of GitHub, with its counts, from 10 to 100,000 findings', () => {
    for (const amount of [10, 1000, 100_000]) {
      const findings = Array.from({ length: amount }, (_, at) =>
        unknownModel(`b${at % 997}/manifest.json`, `m${at}`, at + 1),
      );
      const text = reportComment(report({ findings }), info(), options);
      expect(text.length).toBeLessThan(commentLimit);
      if (amount > 10) expect(text.length).toBeGreaterThan(50_000);
      expect(text).toContain(`**${amount} errors, 0 warnings, 0 notes**`);
      expect(text).toContain('1. ✗ **Unknown model "m0"**');
      expect(text).toMatch(
        /\[Log and summary of this run\]\(https:\/\/github\.com\/o\/r\/actions\/runs\/5\)\n$/,
      );
    }
  });

  test('any report fits', () => {
    fc.assert(
      fc.property(anyReport, fc.string({ unit: 'binary', maxLength: 3000 }), (of, text) => {
        const body = reportComment(of, info(), {
          key: text,
          link: () => null,
          run: `https://github.com/${text}`,
        });
        expect(new TextEncoder().encode(body).length).toBeLessThan(commentLimit);
        expect(body.startsWith(`${commentMarker(text)}\n### Models: `)).toBe(true);
      }),
    );
  });
});

const marker = commentMarker('k');
const bot = { login: 'github-actions[bot]', type: 'Bot' as const };
const person = { login: 'octocat', type: 'User' as const };
const said = (id: number, body: string, user: FakeComment['user'] = person): FakeComment => ({
  id,
  body,
  user,
});
const ours = (id: number, user: FakeComment['user'] = bot) => said(id, `${marker}\nold`, user);
const chatter = (amount: number) => Array.from({ length: amount }, (_, at) => said(at + 1, 'hello'));

const pull = (head: string | null = 'o/r', fields: object = {}) => ({
  pull_request: {
    number: 7,
    head: { repo: head === null ? null : { full_name: head } },
    base: { repo: { full_name: 'o/r' } },
    ...fields,
  },
});

function environment(github: FakeGitHub | null, event: unknown = pull()): Record<string, string> {
  const folder = folderOf({ 'event.json': typeof event === 'string' ? event : JSON.stringify(event) });
  return {
    GITHUB_API_URL: github?.url ?? 'http://127.0.0.1:9',
    GITHUB_REPOSITORY: 'o/r',
    GITHUB_EVENT_PATH: join(folder, 'event.json'),
  };
}

/** Keeps a comment, without waiting. The token stands in nothing that comes back. */
async function keep(
  github: FakeGitHub | null,
  body: string | null,
  more: { event?: unknown; token?: string; env?: Record<string, string> } = {},
) {
  const waits: number[] = [];
  const env = { ...environment(github, more.event), ...more.env };
  const words = await keepComment(
    { token: more.token ?? token, env, marker, body: body === null ? null : `${marker}\n${body}` },
    async (ms) => void waits.push(ms),
  );
  expect(words).not.toContain(token);
  return { words, waits };
}

describe('one comment is kept', () => {
  const fresh = `${marker}\nnew`;
  test.each<
    [
      name: string,
      before: FakeComment[],
      body: string | null,
      words: string,
      after: FakeComment[],
      me?: string,
    ]
  >([
    ['posted', chatter(2), 'new', 'posted.', [...chatter(2), said(9000, fresh, bot)]],
    ['updated in place', [ours(5), ...chatter(2)], 'new', 'updated.', [said(5, fresh, bot), ...chatter(2)]],
    [
      'found behind many others',
      [...chatter(250), ours(900)],
      'new',
      'updated.',
      [...chatter(250), said(900, fresh, bot)],
    ],
    [
      'found at the end of a full page',
      [...chatter(99), ours(900)],
      'new',
      'updated.',
      [...chatter(99), said(900, fresh, bot)],
    ],
    ['the same as before', [said(5, fresh, bot)], 'new', 'up to date.', [said(5, fresh, bot)]],
    ['removed', [ours(5), ...chatter(1)], null, 'removed: nothing is wrong any more.', chatter(1)],
    ['nothing to remove', chatter(1), null, 'none is needed.', chatter(1)],
    ['more than one', [ours(5), ours(6), ours(7)], 'new', 'updated.', [said(5, fresh, bot)]],
    [
      'a marker that somebody copied',
      [ours(5, person)],
      'new',
      'posted.',
      [ours(5, person), said(9000, fresh, bot)],
    ],
    [
      'a marker that somebody quotes',
      [said(5, `> ${marker}`, bot)],
      'new',
      'posted.',
      [said(5, `> ${marker}`, bot), said(9000, fresh, bot)],
    ],
    [
      'the comment of another job',
      [said(5, `${commentMarker('other')}\nx`, bot)],
      'new',
      'posted.',
      [said(5, `${commentMarker('other')}\nx`, bot), said(9000, fresh, bot)],
    ],
    ['an author who is gone', [ours(5, null)], null, 'none is needed.', [ours(5, null)]],
    [
      'the token of a person',
      [ours(5, bot), ours(6, person)],
      'new',
      'updated.',
      [ours(5, bot), said(6, fresh, person)],
      'octocat',
    ],
    [
      'the token of another person',
      [ours(6, person)],
      'new',
      'posted.',
      [ours(6, person), said(9000, fresh, { login: 'hubot', type: 'User' })],
      'hubot',
    ],
  ])('%s', async (_, before, body, words, after, me) => {
    const github = await fakeGitHub(structuredClone(before), { me: me ?? null });
    expect(await keep(github, body)).toEqual({ words, waits: [] });
    expect(github.comments).toEqual(after);
    for (const head of github.heads) {
      expect(head).toMatchObject({
        authorization: `Bearer ${token}`,
        'x-github-api-version': '2022-11-28',
        accept: 'application/vnd.github+json',
      });
      expect(head['user-agent']).toMatch(/^model-check\/\d+\.\d+\.\d+$/);
    }
  });
});

describe('what GitHub refuses', () => {
  const write403 = 'Give the job the permission pull-requests: write.';
  const again = 'The next run tries again.';
  const message = (text: string) => JSON.stringify({ message: text });
  const on =
    (method: string, answer: Instead, times = 99) =>
    (call: string, nth: number) =>
      call.startsWith(method) && nth <= times ? answer : null;
  test.each<
    [
      name: string,
      instead: (call: string, nth: number) => Instead | null,
      words: string,
      waits: number[],
      before?: FakeComment[],
    ]
  >([
    [
      'no permission',
      on('POST', { status: 403, body: message('Resource not accessible by integration') }),
      `not posted: the input github-token may not write comments (403: Resource not accessible by integration). ${write403}`,
      [],
    ],
    [
      'no permission to read',
      on('GET', { status: 403 }),
      `not posted: the input github-token may not write comments (403). ${write403}`,
      [],
    ],
    [
      'not found',
      on('GET', { status: 404 }),
      `not posted: the input github-token does not reach the pull request (404). ${write403}`,
      [],
    ],
    [
      'a token that is not valid',
      on('GET', { status: 401 }),
      'not posted: the input github-token is not valid. Give it github.token.',
      [],
    ],
    [
      'validation',
      on('POST', { status: 422, body: message('Validation\n::error::Failed\u001b') }),
      'not posted: GitHub refuses the comment (422: Validation\\n::error::Failed\\u{1b}). Report it: https://github.com/mirrorneuron/model-check/issues',
      [],
    ],
    [
      'a redirect is not followed',
      on('GET', { status: 301, headers: { location: 'http://127.0.0.1:1/' } }),
      'not posted: GitHub refuses the comment (301). Report it: https://github.com/mirrorneuron/model-check/issues',
      [],
    ],
    ['a problem that passes', on('GET', { status: 502 }, 2), 'posted.', [1000, 1000]],
    [
      'a problem that stays',
      on('GET', { status: 503 }),
      `not posted: GitHub has a problem of its own (503). ${again}`,
      [1000, 1000],
    ],
    [
      'what may have been posted is not posted twice',
      on('POST', { status: 502 }),
      `not posted: GitHub has a problem of its own (502). ${again}`,
      [],
    ],
    [
      'a short limit of the rate',
      on('POST', { status: 429, headers: { 'retry-after': '3' } }, 1),
      'posted.',
      [3000],
    ],
    ['a secondary limit', on('GET', { status: 403, headers: { 'retry-after': '2' } }, 1), 'posted.', [2000]],
    [
      'a long limit',
      on('GET', { status: 403, headers: { 'retry-after': '3600' } }),
      `not posted: GitHub's rate limit is reached (403). ${again}`,
      [],
    ],
    [
      'a limit without a time',
      on('GET', { status: 403, headers: { 'x-ratelimit-remaining': '0' } }),
      `not posted: GitHub's rate limit is reached (403). ${again}`,
      [],
    ],
    [
      'a limit while asking whose token it is',
      on('GET /user', { status: 429 }),
      `not posted: GitHub's rate limit is reached (429). ${again}`,
      [],
      [ours(5)],
    ],
    ['a connection that ends once', on('GET', 'hang up', 1), 'posted.', [1000]],
    [
      'a connection that always ends',
      on('GET', 'hang up'),
      `not posted: GitHub cannot be reached (ECONNRESET). ${again}`,
      [1000, 1000],
    ],
    [
      'no JSON',
      on('GET', { status: 200, body: '<html>' }),
      'not posted: GitHub answers with something that is not JSON. Check GITHUB_API_URL.',
      [],
    ],
    [
      'no list',
      on('GET', { status: 200, body: '{"__proto__":[]}' }),
      'not posted: GitHub answers with no list of comments. Check GITHUB_API_URL.',
      [],
    ],
    [
      'a list of anything',
      on('GET', {
        status: 200,
        body: JSON.stringify([null, 5, {}, { id: '1', body: marker, user: {} }, { id: 2, body: marker }]),
      }),
      'posted.',
      [],
    ],
    ['removed meanwhile', on('PATCH', { status: 404 }), 'posted.', [], [ours(5)]],
    ['a surplus one removed meanwhile', on('DELETE', { status: 404 }), 'updated.', [], [ours(5), ours(6)]],
  ])('%s', async (_, instead, words, waits, before = []) => {
    const github = await fakeGitHub(structuredClone(before), { instead });
    expect(await keep(github, 'new')).toEqual({ words, waits });
  });

  test('nobody is there', async () => {
    expect((await keep(null, 'new')).words).toMatch(
      /^not posted: GitHub cannot be reached \(\w+\)\. The next run tries again\.$/,
    );
  });
});

describe('no comment belongs there, and nothing is asked', () => {
  const fork = 'the pull request comes from a fork. Its findings are in the annotations and the job summary.';
  const none = 'this run is not about a pull request. Run it on pull_request.';
  test.each<[name: string, more: Parameters<typeof keep>[2], words: string]>([
    ['a fork', { event: pull('mallory/r') }, fork],
    ['a fork that was deleted', { event: pull(null) }, fork],
    ['neither side known', { event: pull('o/r', { head: {}, base: {} }) }, fork],
    ['a push', { event: { ref: 'refs/heads/main' } }, none],
    ['a number that is none', { event: pull('o/r', { number: '7/../8' }) }, none],
    ['an event that is no object', { event: '[]' }, none],
    [
      'an event that is no JSON',
      { event: '{' },
      'the event of this run cannot be read. Run it on pull_request.',
    ],
    [
      'no event',
      { env: { GITHUB_EVENT_PATH: '' } },
      'the event of this run cannot be read. Run it on pull_request.',
    ],
    [
      'a repository that is a path',
      { env: { GITHUB_REPOSITORY: '../..' } },
      'GITHUB_REPOSITORY names no repository. Run it on a runner of GitHub.',
    ],
    [
      'no token',
      { token: '' },
      'the input github-token is empty. Give it github.token, and the job the permission pull-requests: write.',
    ],
    [
      'a token that is no header',
      { token: 'a\r\nX-Evil: 1' },
      'the input github-token is not valid. Give it github.token.',
    ],
  ])('%s', async (_, more, words) => {
    const github = await fakeGitHub();
    expect(await keep(github, 'new', more)).toEqual({ words: `not posted: ${words}`, waits: [] });
    expect(github.calls).toEqual([]);
  });

  test('an address that is none', async () => {
    expect((await keep(null, 'new', { env: { GITHUB_API_URL: 'nonsense' } })).words).toBe(
      'not posted: GitHub cannot be asked (ERR_INVALID_URL). Check GITHUB_API_URL and the input github-token.',
    );
  });
});

describe('the action', () => {
  const inputs = { targets: 'nvidia-8gb', comment: 'on-problems', 'github-token': token };
  const more = {
    GITHUB_WORKFLOW: 'Models',
    GITHUB_JOB: 'check',
    GITHUB_RUN_ID: '5',
    GITHUB_SERVER_URL: 'https://github.test',
  };
  async function run(folder: string, given: Record<string, string>, env: Record<string, string>) {
    const result = await act(folder, { inputs: { ...inputs, ...given }, env: { ...env, ...more } });
    expectNoCrash(result);
    expect(result.stdout + result.stderr + result.summary).not.toContain(token);
    return { ...result, said: /^Comment on the pull request .*$/m.exec(result.stdout)?.[0] };
  }

  test('posts, updates and removes its comment', async () => {
    const github = await fakeGitHub(chatter(3));
    const env = environment(github);
    const folder = folderOf({ 'a.json': blueprint('mistral') });
    const first = await run(folder, {}, env);
    expect(first).toMatchObject({ code: 1, said: 'Comment on the pull request posted.' });
    const posted = github.comments[3]?.body ?? '';
    expect(posted).toContain(
      '<!-- model-check Models%20%2F%20check%20%2F%20.%20%2F%20 -->\n### Models: 1 of 1 blueprint needs attention\n',
    );
    expect(posted).toContain('[Log and summary of this run](https://github.test/o/r/actions/runs/5)');

    expect((await run(folder, {}, env)).said).toBe('Comment on the pull request up to date.');
    write(folder, { 'a.json': blueprint('default') });
    expect(await run(folder, { comment: 'always' }, env)).toMatchObject({
      code: 0,
      said: 'Comment on the pull request updated.',
    });
    expect(github.comments[3]?.body).toContain('### Models: the blueprint runs on');
    expect((await run(folder, {}, env)).said).toBe(
      'Comment on the pull request removed: nothing is wrong any more.',
    );
    expect(github.comments).toEqual(chatter(3));
  });

  test('a comment that cannot be posted never fails the step', async () => {
    const folder = folderOf({ 'a.json': blueprint('default') });
    const github = await fakeGitHub([], {
      instead: () => ({ status: 403, headers: { 'retry-after': '0' } }),
    });
    const given = { comment: 'always' };
    expect(await run(folder, given, environment(github))).toMatchObject({
      code: 0,
      said: "Comment on the pull request not posted: GitHub's rate limit is reached (403). The next run tries again.",
    });
    expect(await run(folder, given, environment(null, pull('mallory/r')))).toMatchObject({
      code: 0,
      said: 'Comment on the pull request not posted: the pull request comes from a fork. Its findings are in the annotations and the job summary.',
    });
  });

  test('by default nothing is asked, and a wrong mode is refused', async () => {
    const github = await fakeGitHub();
    const folder = folderOf({ 'a.json': blueprint('mistral') });
    expect((await run(folder, { comment: 'never' }, environment(github))).said).toBeUndefined();
    expect(github.calls).toEqual([]);
    const { code, log } = await run(folder, { comment: 'allways' }, environment(github));
    expect([code, log.annotations[0]?.message]).toEqual([
      2,
      'input comment is "allways". Did you mean always? Write never, on-problems or always.',
    ]);
  });
});

import { chmodSync, existsSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { nodeFiles } from '../src/io/files.ts';
import { checkRef, GitError, openRepository } from '../src/io/git.ts';
import { pathBelow, treeFiles } from '../src/io/git-tree.ts';
import { commit, git, repository } from './support/git.ts';
import { folderOf, isWindows, write } from './support/process.ts';

vi.setConfig({ testTimeout: 30_000 });

const env = process.env;
const open = (folder: string) => openRepository(folder, env);

/** The files of the last commit of a repository. */
async function filesOf(folder: string, ref = 'HEAD') {
  const opened = await open(folder);
  const tree = opened.tree(opened.commit(ref));
  return treeFiles(tree, (path) => pathBelow(folder, path), nodeFiles([]));
}

/** The message of the GitError that something ends with. */
async function problem(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (error instanceof GitError) return error.message;
    throw error;
  }
  throw new Error('it did not fail');
}

test.each([
  ['', '""'],
  ['--upload-pack=touch x', '"--upload-pack=touch x"'],
  ['-', '"-"'],
  ['main\nHEAD', '"main\\nHEAD"'],
  ['main HEAD', '"main HEAD"'],
  ['HEAD:manifest.json', '"HEAD:manifest.json"'],
  [':/fix', '":/fix"'],
  ['main..HEAD', '"main..HEAD"'],
  ['HEAD^{/x}', '"HEAD^{/x}"'],
  ['a\u202eb', '"a\\u{202e}b"'],
  ['a\0b', '"a\\u{0}b"'],
  ['\ud800', '"\ufffd"'],
  ['x'.repeat(251), `"${'x'.repeat(79)}…"`],
])('%j is no ref', async (ref, shown) => {
  expect(await problem(() => checkRef(ref))).toBe(
    `${shown} is no name of a commit. Name a branch, a tag or a commit, as in origin/main.`,
  );
});

describe('a ref', () => {
  const folder = repository({ a: '1' });
  const first = git(folder, 'rev-parse', 'HEAD');
  git(folder, 'tag', '-a', '-m', 'x', 'v1');
  git(folder, 'branch', 'feature/@x');
  const second = commit(folder, { a: '2' });
  const other = 'f'.repeat(40);
  const depth = 'In GitHub Actions, set fetch-depth: 0 in actions/checkout.';

  test.each([
    ['HEAD', second],
    ['HEAD~1', first],
    ['HEAD^', first],
    ['@', second],
    ['v1', first],
    ['feature/@x', first],
    ['refs/heads/main', second],
    [first.slice(0, 10), first],
    ['nope', '"nope" is no commit of this clone. Name a branch, a tag or a commit, as in origin/main.'],
    [
      'origin/next',
      `"origin/next" is not in this clone. Run git fetch origin next:refs/remotes/origin/next. ${depth}`,
    ],
    [
      'origin/$(x)',
      '"origin/$(x)" is no commit of this clone. Name a branch, a tag or a commit, as in origin/main.',
    ],
    [other, `the commit ${other} is not in this clone. Run git fetch origin ${other}. ${depth}`],
  ])('%s', async (ref, expected) => {
    const opened = await open(folder);
    if (/^[0-9a-f]{40}$/.test(expected)) expect(opened.commit(ref)).toBe(expected);
    else expect(await problem(() => opened.commit(ref))).toBe(expected);
  });

  test('in a shallow clone', async () => {
    const clone = join(folderOf(), 'clone');
    git(folder, 'clone', '-q', '--depth=1', `file://${folder}`, clone);
    const opened = await open(clone);
    expect(opened.isShallow()).toBe(true);
    expect(await problem(() => opened.commit('HEAD~1'))).toBe(
      `"HEAD~1" is not in this clone, which has only part of the history. Run git fetch --unshallow. ${depth}`,
    );
    expect(await problem(() => opened.commit('origin/feature'))).toBe(
      `"origin/feature" is not in this clone. Run git fetch --depth=1 origin feature:refs/remotes/origin/feature. ${depth}`,
    );
    // The parent is known by name, though it is not here.
    expect(opened.parents(opened.commit('HEAD'))).toEqual([first]);
    expect(opened.has(first)).toBe(false);
  });
});

describe('no repository', () => {
  test('outside of one', async () => {
    expect(await problem(() => open(folderOf()))).toBe(
      'this folder is in no git repository. Run it in a clone.',
    );
  });

  test('an empty .git does not become the repository above', async () => {
    const folder = repository({ a: '1' });
    write(folder, { 'inner/.git/x': '' });
    expect(await problem(() => open(join(folder, 'inner')))).toBe(
      'git does not take this folder for a repository. Run git status here to see why.',
    );
  });

  test('before the first commit', async () => {
    const folder = folderOf();
    git(folder, 'init', '-q');
    const opened = await open(folder);
    expect(await problem(() => opened.commit('main'))).toBe(
      'this repository has no commit yet. Commit something first.',
    );
  });

  test('without git', async () => {
    vi.stubEnv('PATH', folderOf());
    const message = await problem(() => open(repositoryForPath));
    vi.unstubAllEnvs();
    expect(message).toBe('git is not installed, or not in PATH. Install it.');
  });
  const repositoryForPath = repository({ a: '1' });
});

test('the variables of a hook do not lead elsewhere', async () => {
  const folder = repository({ a: 'here' });
  const elsewhere = repository({ a: 'elsewhere' });
  const opened = await openRepository(folder, {
    ...env,
    GIT_DIR: join(elsewhere, '.git'),
    GIT_WORK_TREE: elsewhere,
    GIT_INDEX_FILE: join(elsewhere, '.git/index'),
    GIT_OBJECT_DIRECTORY: join(elsewhere, '.git/objects'),
  });
  expect(opened.tree(opened.commit('HEAD')).read('a')).toEqual({ ok: true, text: 'here' });
});

describe('the files of a commit', () => {
  const names = [
    'b.json',
    'a/manifest.json',
    'a/config/default.json',
    '.gitignore',
    'ü/x.json',
    'a b/c\nd.json',
  ];
  test.runIf(!isWindows).each([[[]], [['--object-format=sha256']]])(
    'are those of the work tree %j',
    async (options) => {
      const folder = repository(
        Object.fromEntries(names.map((name) => [name, `text of ${name}`])),
        ...options,
      );
      write(folder, {
        'not utf8': Buffer.from([0xff, 0xfe, 0xfd, 65]),
        'big.json': ' '.repeat(16 * 1024 * 1024 + 1),
      });
      const links = {
        'to-file': 'b.json',
        'to-folder': 'a',
        'through-folder': 'to-folder/manifest.json',
        nowhere: 'nope',
        out: '../../../../etc/hostname',
        absolute: '/etc/hostname',
        circle: 'circle',
        'a/up': '../b.json',
      };
      for (const [name, to] of Object.entries(links)) symlinkSync(to, join(folder, name));
      chmodSync(join(folder, 'b.json'), 0o755);
      commit(folder);
      const files = await filesOf(folder);
      const disk = nodeFiles([folder]);
      const withoutGit = (entries: { name: string }[] | null) =>
        entries?.filter(({ name }) => name !== '.git');
      for (const place of ['', 'a', 'a/config', 'ü', 'nope', 'a b']) {
        expect([place, files.list(join(folder, place))]).toEqual([
          place,
          // Whether a link out of the repository leads to a file is nobody's business.
          withoutGit(disk.list(join(folder, place)))?.map((entry) =>
            ['out', 'absolute'].includes(entry.name) ? { ...entry, kind: 'other' } : entry,
          ),
        ]);
      }
      for (const name of [...names, 'nope', 'a', 'a/nope', 'not utf8', 'big.json', ...Object.keys(links)]) {
        const path = join(folder, name);
        expect([name, files.hasFile(path)]).toEqual([
          name,
          disk.hasFile(path) && !['out', 'absolute'].includes(name),
        ]);
        if (name !== 'to-folder' && name !== 'out')
          expect([name, files.read(path)]).toEqual([name, disk.read(path)]);
      }
      expect(files.read(join(folder, 'out'))).toMatchObject({
        ok: false,
        reason: 'it is a link that leads out of the workspace',
      });
    },
  );

  test('are not those of the work tree or the index', async () => {
    const folder = repository({ 'a.json': 'committed', 'gone.json': 'x' });
    write(folder, { 'a.json': 'changed', 'new.json': 'x' });
    rmSync(join(folder, 'gone.json'));
    git(folder, 'add', '-A');
    const files = await filesOf(folder);
    expect(files.list(folder)?.map(({ name }) => name)).toEqual(['a.json', 'gone.json']);
    expect(files.read(join(folder, 'a.json'))).toEqual({ ok: true, text: 'committed' });
  });

  test('many of them are read at a time', async () => {
    const amount = 1100;
    const at = Array.from({ length: amount }, (_, index) => String(index).padStart(4, '0'));
    const folder = repository(
      Object.fromEntries(
        at.flatMap((name) => [
          [`${name}/manifest.json`, name],
          [`${name}/config/default.json`, 'all'],
        ]),
      ),
    );
    const opened = await open(folder);
    const calls = vi.spyOn(opened, 'run');
    const tree = opened.tree(opened.commit('HEAD'));
    const wrong = at.filter((name) => {
      const [manifest, config] = [
        tree.read(`${name}/manifest.json`),
        tree.read(`${name}/config/default.json`),
      ];
      return !manifest.ok || manifest.text !== name || !config.ok || config.text !== 'all';
    });
    expect(wrong).toEqual([]);
    expect(calls.mock.calls.length).toBeLessThan(12);
  });

  test('only those that are expected are read ahead', async () => {
    const names = ['a.json', 'b.json', 'c.json', 'd.json'];
    const opened = await open(repository(Object.fromEntries(names.map((name) => [name, `"${name}"`]))));
    const tree = opened.tree('HEAD');
    tree.expect(new Set(['b.json', 'd.json', 'gone.json']));
    const read = vi.spyOn(opened, 'contents');
    for (const name of ['b.json', 'd.json', 'a.json']) {
      expect(tree.read(name)).toEqual({ ok: true, text: `"${name}"` });
    }
    expect(read.mock.calls.map(([oids]) => oids.length)).toEqual([2, 1]);
  });

  test('of a submodule, where it is checked out', async () => {
    const inner = repository({ 'm.json': 'old' });
    const folder = repository({ 'a.json': '1' });
    git(folder, 'submodule', '--quiet', 'add', inner, 'sub');
    commit(folder);
    commit(join(folder, 'sub'), { 'm.json': 'new' });
    const files = await filesOf(folder);
    expect(files.list(folder)?.find(({ name }) => name === 'sub')?.kind).toBe('folder');
    expect(files.list(join(folder, 'sub'))).toEqual([{ name: 'm.json', kind: 'file' }]);
    expect(files.read(join(folder, 'sub/m.json'))).toEqual({ ok: true, text: 'old' });
    const clone = join(folderOf(), 'clone');
    git(folder, 'clone', '-q', `file://${folder}`, clone);
    const bare = await filesOf(clone);
    expect([bare.list(join(clone, 'sub')), bare.hasFile(join(clone, 'sub/m.json'))]).toEqual([[], false]);
  });

  test('a partial clone', async () => {
    const folder = repository({ 'a.json': 'old', 'b.json': 'x' });
    commit(folder, { 'a.json': 'new' });
    git(folder, 'config', 'uploadpack.allowFilter', 'true');
    const clone = join(folderOf(), 'clone');
    git(folder, 'clone', '-q', '--filter=blob:none', `file://${folder}`, clone);
    const files = await filesOf(clone, 'HEAD~1');
    expect(await problem(() => files.read(join(clone, 'a.json')))).toBe(
      'this clone leaves out the contents of files (git clone --filter), or is damaged. Run git fetch --refetch --no-filter, or clone without --filter.',
    );
  });
});

test('renames that are committed or staged', async () => {
  const text = (name: string) => `${name}\n`.repeat(20);
  const folder = repository({ 'a/manifest.json': text('a'), 'b/manifest.json': text('b'), 'c/x': text('c') });
  const first = git(folder, 'rev-parse', 'HEAD');
  git(folder, 'mv', 'a', 'ä ä');
  commit(folder, { 'ä ä/manifest.json': `${text('a')}more` });
  git(folder, 'mv', 'b', 'bb');
  write(folder, { d: 'x' });
  const opened = await open(folder);
  expect(opened.renames(first)).toEqual(
    new Map([
      ['ä ä/manifest.json', 'a/manifest.json'],
      ['bb/manifest.json', 'b/manifest.json'],
    ]),
  );
  expect(opened.mergeBase(first, opened.commit('HEAD'))).toBe(first);
});

test.runIf(!isWindows)('nothing that the config of a repository names is run', async () => {
  const folder = repository({ '.gitattributes': '* filter=evil diff=evil\n', 'a.json': '1', 'b.json': 'b' });
  const first = git(folder, 'rev-parse', 'HEAD');
  git(folder, 'mv', 'b.json', 'c.json');
  git(folder, 'commit', '-qm', 'x');
  git(folder, 'config', 'core.repositoryFormatVersion', '1');
  const marker = resolve(folderOf(), 'marker');
  const evil = `sh -c 'touch ${marker}'`;
  write(folder, { 'evil.sh': `#!/bin/sh\ntouch ${marker}\n` });
  for (const hook of ['post-index-change', 'reference-transaction', 'post-checkout', 'fsmonitor-watchman']) {
    write(folder, { [`.git/hooks/${hook}`]: `#!/bin/sh\ntouch ${marker}\n` });
    chmodSync(join(folder, '.git/hooks', hook), 0o755);
  }
  chmodSync(join(folder, 'evil.sh'), 0o755);
  const settings: Record<string, string> = {
    'core.fsmonitor': join(folder, 'evil.sh'),
    'core.pager': evil,
    'core.sshCommand': evil,
    'core.hooksPath': '.git/hooks',
    'diff.external': evil,
    'diff.evil.textconv': evil,
    'diff.evil.command': evil,
    'filter.evil.clean': evil,
    'filter.evil.smudge': evil,
    'filter.evil.process': evil,
    'filter.evil.required': 'true',
    'pager.diff-index': 'true',
    'alias.cat-file': `!${evil}`,
    'extensions.partialClone': 'origin',
    'remote.origin.promisor': 'true',
    'remote.origin.url': `ext::${evil}`,
    'remote.origin.uploadpack': evil,
    'protocol.ext.allow': 'always',
  };
  for (const [key, value] of Object.entries(settings)) git(folder, 'config', key, value);
  // A stat that git does not know makes it look at the file, and an object that is gone makes it ask a remote.
  write(folder, { 'a.json': '2' });
  const blob = git(folder, 'rev-parse', `${first}:a.json`);
  rmSync(join(folder, '.git/objects', blob.slice(0, 2), blob.slice(2)));
  rmSync(marker, { force: true });

  const opened = await open(folder);
  expect(opened.renames(first)).toEqual(new Map([['c.json', 'b.json']]));
  const files = treeFiles(opened.tree(first), (path) => pathBelow(folder, path), nodeFiles([]));
  expect(files.read(join(folder, 'b.json'))).toEqual({ ok: true, text: 'b' });
  expect(await problem(() => files.read(join(folder, 'a.json')))).toMatch(
    /^this clone leaves out the contents/,
  );
  expect(opened.mergeBase(first, opened.commit('HEAD'))).toBe(first);
  expect(existsSync(marker)).toBe(false);

  // The same settings do run where git is used as it comes.
  for (const args of [['status'], ['diff', '--cached', '--ext-diff', first]]) {
    try {
      git(folder, ...args);
    } catch {}
  }
  expect(existsSync(marker)).toBe(true);
});

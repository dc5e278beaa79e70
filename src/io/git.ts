import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { printable, quote, short } from '../text/text.ts';
import { Tree } from './git-tree.ts';
import { findProgram } from './probe.ts';

/** Why a repository cannot be read, in words that end with what to do. */
export class GitError extends Error {
  /** True where only history is missing: a later fetch can help. */
  readonly isMissing: boolean;

  constructor(message: string, isMissing = false) {
    super(message);
    this.isMissing = isMissing;
  }
}

/** Longest wait for one call of git, in milliseconds. */
const timeoutMs = 120_000;
/** What one call may print: the names of some millions of files. */
const mostBytes = 512 * 1024 * 1024;

/**
 * What no repository may decide. Its own config could name programs to run (file system monitor, hooks), the
 * network could be asked for objects that are not here, and a replaced object is not what was committed.
 */
const safeArguments = [
  '--no-pager',
  '--no-replace-objects',
  '-c',
  'core.fsmonitor=false',
  '-c',
  'core.hooksPath=/dev/null',
  '-c',
  'safe.bareRepository=explicit',
];

/** The user's own config decides whose repositories are trusted; everything else of git's environment is dropped. */
const keptVariables = /^GIT_CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)$/;

type Env = Readonly<Record<string, string | undefined>>;

function safeEnvironment(env: Env, root: string): Record<string, string> {
  const safe: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && (!/^GIT_/i.test(name) || keptVariables.test(name))) safe[name] = value;
  }
  return Object.assign(safe, {
    // A repository that is none must not become the one above it.
    GIT_CEILING_DIRECTORIES: dirname(root),
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    GIT_NO_LAZY_FETCH: '1',
    // Before git 2.44, which knows the line above: no way of asking others is allowed.
    GIT_ALLOW_PROTOCOL: 'none',
    LC_ALL: 'C',
    LANGUAGE: '',
  });
}

/** One answer of `cat-file` for one name. */
export interface GitObject {
  oid: string;
  type: string;
  /** In bytes. */
  size: number;
}

/** A repository, read through git's plumbing. Nothing is written, and its work tree is never read. */
export class Repository {
  /** Its folder, absolute. */
  readonly root: string;
  readonly #program: string;
  readonly #env: Record<string, string>;

  constructor(program: string, root: string, env: Env) {
    this.root = root;
    this.#program = program;
    this.#env = safeEnvironment(env, root);
  }

  /** What git prints. Throws a GitError where it fails; null where it ends with 1 and `mayFail` is set. */
  run(args: readonly string[], input = '', mayFail = false): Buffer | null {
    const { error, status, signal, stdout, stderr } = spawnSync(this.#program, [...safeArguments, ...args], {
      cwd: this.root,
      env: this.#env,
      input,
      maxBuffer: mostBytes,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      windowsHide: true,
    });
    if (error === undefined && status === 0) return stdout;
    if (error === undefined && status === 1 && mayFail) return null;
    throw failed(args[0] ?? '', this.root, error as NodeJS.ErrnoException | undefined, signal, stderr);
  }

  /** What these names are; null for one that is not there. A name must hold no line break. */
  objects(names: readonly string[]): (GitObject | null)[] {
    if (names.length === 0) return [];
    const output = this.run(['cat-file', '--batch-check'], `${names.join('\n')}\n`)?.toString() ?? '';
    const lines = output.split('\n');
    return names.map((_, index) => {
      const match = /^([0-9a-f]{40,64}) ([a-z]+) (\d+)$/.exec(lines[index] ?? '');
      return match === null
        ? null
        : { oid: match[1] as string, type: match[2] as string, size: Number(match[3]) };
    });
  }

  /** The contents of objects that are there. */
  contents(oids: readonly string[]): Map<string, Buffer> {
    const found = new Map<string, Buffer>();
    if (oids.length === 0) return found;
    const output = this.run(['cat-file', '--batch'], `${oids.join('\n')}\n`) as Buffer;
    for (let at = 0; at < output.length; ) {
      const end = output.indexOf(10, at);
      const [oid = '', , size] = output.toString('latin1', at, end).split(' ');
      const length = Number(size);
      if (end < 0 || !Number.isSafeInteger(length)) break;
      found.set(oid, output.subarray(end + 1, end + 1 + length));
      at = end + length + 2;
    }
    return found;
  }

  /** The commit that a ref names. Throws a GitError where the ref is none, or its commit is not here. */
  commit(ref: string): string {
    checkRef(ref);
    const [commit, head] = this.objects([`${ref}^{commit}`, 'HEAD^{commit}']);
    if (commit) return commit.oid;
    if (head === null) throw new GitError('this repository has no commit yet. Commit something first.');
    throw new GitError(this.#missing(ref), true);
  }

  #missing(ref: string): string {
    const name = short(ref, 80);
    const depth = this.isShallow() ? '--depth=1 ' : '';
    const orDepth = 'In GitHub Actions, set fetch-depth: 0 in actions/checkout.';
    if (/^[0-9a-f]{7,64}$/i.test(ref)) {
      return `the commit ${name} is not in this clone. Run git fetch ${depth}origin ${name}. ${orDepth}`;
    }
    // What could be more than a name to a shell is not put into a command.
    const remote = /^(?:refs\/remotes\/)?(origin|upstream)\/([\w./-]+)$/.exec(ref);
    if (remote !== null) {
      const [, from = '', branch = ''] = remote;
      const both = `${branch}:refs/remotes/${from}/${branch}`;
      return `${quote(ref)} is not in this clone. Run git fetch ${depth}${from} ${short(both, 250)}. ${orDepth}`;
    }
    return depth === ''
      ? `${quote(ref)} is no commit of this clone. Name a branch, a tag or a commit, as in origin/main.`
      : `${quote(ref)} is not in this clone, which has only part of the history. Run git fetch --unshallow. ${orDepth}`;
  }

  isShallow(): boolean {
    return this.run(['rev-parse', '--is-shallow-repository'])?.toString().trim() === 'true';
  }

  /** The parents that a commit names, also those that a shallow clone leaves out. */
  parents(commit: string): string[] {
    const text = this.contents([commit]).get(commit)?.toString('latin1') ?? '';
    const head = text.slice(0, Math.max(0, text.indexOf('\n\n')));
    return [...head.matchAll(/^parent ([0-9a-f]{40,64})$/gm)].map((match) => match[1] as string);
  }

  has(commit: string): boolean {
    return this.objects([`${commit}^{commit}`])[0] != null;
  }

  /** Where two commits parted; null where this clone does not know. */
  mergeBase(one: string, other: string): string | null {
    const output = this.run(['merge-base', one, other], '', true);
    return output === null ? null : (/^[0-9a-f]{40,64}/.exec(output.toString('latin1'))?.[0] ?? null);
  }

  /** Files that were renamed since a commit, staged ones included: the name now -> the name then. */
  renames(commit: string): Map<string, string> {
    // Only the index is compared: files of the work tree would pass the repository's own filters.
    const output = this.run([
      ...['diff-index', '--cached', '-r', '-M', '-l5000', '-z', '--name-status', '--diff-filter=R'],
      ...['--no-ext-diff', '--no-textconv', '--ignore-submodules=all', commit, '--'],
    ]) as Buffer;
    const fields = output.toString().split('\0');
    const renames = new Map<string, string>();
    for (let at = 0; at + 2 < fields.length; at += 3) {
      renames.set(fields[at + 2] as string, fields[at + 1] as string);
    }
    return renames;
  }

  /** Files that are other than in a commit, or that only one side has; committed and staged changes. */
  changed(commit: string): string[] {
    const output = this.run([
      ...[
        'diff-index',
        '--cached',
        '-r',
        '-z',
        '--name-only',
        '--no-renames',
        '--no-ext-diff',
        '--no-textconv',
      ],
      ...['--ignore-submodules=all', commit, '--'],
    ]) as Buffer;
    return output.toString().split('\0').slice(0, -1);
  }

  /** The files of a commit. */
  tree(commit: string): Tree {
    return new Tree(this, commit);
  }

  /** The repository of a submodule; null where it is not checked out. */
  submodule(path: string): Repository | null {
    const root = resolve(this.root, path);
    return existsSync(`${root}/.git`) ? new Repository(this.#program, root, this.#env) : null;
  }
}

/** Opens the repository whose root is this folder. Throws a GitError. */
export async function openRepository(folder: string, env: Env): Promise<Repository> {
  if (!existsSync(`${folder}/.git`)) {
    throw new GitError('this folder is in no git repository. Run it in a clone.');
  }
  const program = await findProgram(process.platform === 'win32' ? 'git.exe' : 'git');
  if (program === null) throw new GitError('git is not installed, or not in PATH. Install it.');
  const repository = new Repository(program, realpathSync(folder), env);
  repository.run(['rev-parse', '--git-dir']);
  return repository;
}

/** Refuses what is no plain name of a commit. Throws a GitError. */
export function checkRef(ref: string): void {
  const isPlain =
    ref !== '' &&
    ref.length <= 250 &&
    printable(ref) === ref &&
    !/^-|[\s:?*[\\]|\.\.|\^\{/.test(ref) &&
    ref.isWellFormed();
  if (isPlain) return;
  throw new GitError(
    `${quote(ref)} is no name of a commit. Name a branch, a tag or a commit, as in origin/main.`,
  );
}

function failed(
  command: string,
  root: string,
  error: NodeJS.ErrnoException | undefined,
  signal: string | null,
  stderr: Buffer | null,
): GitError {
  const said = stderr?.toString() ?? '';
  if (error?.code === 'ENOBUFS') return new GitError('the repository is too large to be read.');
  if (error?.code === 'ETIMEDOUT' || signal !== null) {
    return new GitError(
      `git ${command} did not end within ${timeoutMs / 1000} s. Run git fsck, and try again.`,
    );
  }
  if (error !== undefined)
    return new GitError(`git cannot be run (${error.code ?? 'unknown reason'}). Install it.`);
  if (/dubious ownership/.test(said)) {
    return new GitError(
      `git does not trust this repository, because another user owns it. Run git config --global --add safe.directory ${short(root, 300)}.`,
    );
  }
  if (/promisor|lazy fetch/.test(said)) return partial();
  if (/not a git repository/.test(said)) {
    return new GitError('git does not take this folder for a repository. Run git status here to see why.');
  }
  const line = short(said.trim().split('\n')[0] ?? '', 300);
  return new GitError(
    `git ${command} failed: ${line === '' ? 'it says nothing' : line}. Run git fsck to see why.`,
  );
}

/** A clone that left out the contents of old files. */
export function partial(): GitError {
  return new GitError(
    'this clone leaves out the contents of files (git clone --filter), or is damaged. Run git fetch --refetch --no-filter, or clone without --filter.',
    true,
  );
}

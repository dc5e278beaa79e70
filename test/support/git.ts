import { execFileSync } from 'node:child_process';
import type { Tree } from './process.ts';
import { folderOf, write } from './process.ts';

/** What `mn` and the action need to find git. */
export const gitEnv = { PATH: process.env.PATH ?? '' };

const identity = ['AUTHOR', 'COMMITTER'].flatMap((who) => [
  [`GIT_${who}_NAME`, 'Test'],
  [`GIT_${who}_EMAIL`, 'test@example.com'],
  [`GIT_${who}_DATE`, '2026-01-01T00:00:00Z'],
]);

/** Runs git as a test needs it, without the user's own config. */
export function git(folder: string, ...args: string[]): string {
  const env = {
    ...gitEnv,
    ...Object.fromEntries(identity),
    HOME: folder,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
  };
  const allowed = ['-c', 'protocol.file.allow=always', '-c', 'init.defaultBranch=main'];
  return execFileSync('git', [...allowed, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

/** Commits everything in a folder. Returns the commit. */
export function commit(folder: string, files: Tree = {}, removed: readonly string[] = []): string {
  write(folder, files);
  if (removed.length > 0) git(folder, 'rm', '-rq', ...removed);
  git(folder, 'add', '-A');
  git(folder, 'commit', '-qm', 'change');
  return git(folder, 'rev-parse', 'HEAD');
}

/** A new repository whose first commit on `main` has these files. */
export function repository(files: Tree, ...options: string[]): string {
  const folder = folderOf();
  git(folder, 'init', '-q', ...options);
  commit(folder, files);
  return folder;
}

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, symlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Holder, lock } from '../src/runner/lock.ts';
import { folderOf, isWindows, write } from './support/process.ts';

const file = `model-runner.${hostname().replace(/[^\w-]/g, '_')}.lock`;
const times = { poll: 5, beat: 20, dead: 200 };

function take(folder: string, more: Partial<Parameters<typeof lock>[0]> = {}) {
  const waited: (Holder | null)[] = [];
  const taken = lock({
    folder,
    command: 'mn x',
    onWait: (holder) => void waited.push(holder),
    times,
    ...more,
  });
  return { taken, waited };
}

test('only one at a time has it', async () => {
  const folder = join(folderOf(), 'a', 'b');
  let inside = 0;
  let most = 0;
  const runs = Array.from({ length: 20 }, async () => {
    const release = await take(folder).taken;
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside--;
    release?.();
  });
  await Promise.all(runs);
  expect(most).toBe(1);
  expect(readdirSync(folder)).toEqual([]);
});

test('whoever waits is told for whom, once, and longer than a holder without a sign of life would live', async () => {
  const folder = folderOf();
  const release = await take(folder).taken;
  const { taken, waited } = take(folder);
  setTimeout(() => release?.(), 2 * times.dead);
  expect(await taken).toBeTypeOf('function');
  expect(waited).toEqual([{ pid: process.pid, host: hostname(), command: 'mn x' }]);
  (await taken)?.();
});

test('a wait can be ended', async () => {
  const folder = folderOf();
  const release = await take(folder).taken;
  const stop = new AbortController();
  const { taken } = take(folder, { signal: stop.signal, onWait: () => stop.abort() });
  expect(await taken).toBeNull();
  expect(existsSync(join(folder, file))).toBe(true);
  release?.();
});

const { pid: deadPid } = spawnSync(process.execPath, ['-e', '']);
test.each<[string, string, number]>([
  ['that died', JSON.stringify({ pid: deadPid, host: 'x', command: 'y' }), 0],
  ['that shows no sign of life', JSON.stringify({ pid: process.ppid, host: 'x', command: 'y\u001b[2J' }), 1],
  ['that is nobody', '{', 1],
  ['that names no process', JSON.stringify({ pid: -1, host: {}, command: [] }), 1],
  ['that names everybody', JSON.stringify({ pid: 0 }), 1],
])('the lock of a holder %s is taken over, by one', async (_, content, waits) => {
  const folder = folderOf({ [file]: content });
  const all = Array.from({ length: 5 }, () => take(folder));
  let inside = 0;
  for (const one of all) {
    void one.taken.then(async (release) => {
      expect(++inside).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
      release?.();
    });
  }
  await Promise.all(all.map(({ taken }) => taken));
  const first = all[0]?.waited[0];
  expect(all[0]?.waited.length).toBeGreaterThanOrEqual(waits);
  expect(JSON.stringify(first ?? null)).not.toContain('\\u001b');
});

test.skipIf(isWindows)('a link to nothing keeps nobody waiting for ever', async () => {
  const folder = folderOf();
  symlinkSync('/nowhere/at/all', join(folder, file));
  (await take(folder).taken)?.();
  expect(readdirSync(folder)).toEqual([]);
});

test('a takeover that was cut short keeps nobody waiting for ever', async () => {
  const folder = folderOf();
  write(folder, { [file]: JSON.stringify({ pid: deadPid }), [`${file}.takeover`]: '' });
  const { utimesSync } = await import('node:fs');
  utimesSync(join(folder, `${file}.takeover`), 1, 1);
  (await take(folder).taken)?.();
  expect(readdirSync(folder)).toEqual([]);
});

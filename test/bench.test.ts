// The bench is a tool of this project: what its figures are made of, its options, and that it leaves nothing behind.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { goals, judged } from '../bench/goals.mjs';
import { interleaved, median, ratio, spread, summary, verdict } from '../bench/statistics.mjs';
import { asMarkdown, asText, timesWithSpread } from '../bench/tables.mjs';
import { folderOf, isWindows } from './support/process.ts';

describe('figures', () => {
  test.each<[numbers: number[], low: number, median: number, high: number]>([
    [[5], 5, 5, 5],
    [[2, 1], 1, 1.5, 2],
    [[6, 1, 5, 2, 4, 3], 1, 3.5, 6],
    // Ranks of the sign test at 95 %: 2 and 8 of 9, 3 and 10 of 12, 10 and 22 of 31.
    [[9, 8, 7, 6, 5, 4, 3, 2, 1], 2, 5, 8],
    [Array.from({ length: 12 }, (_, at) => at + 1), 3, 6.5, 10],
    [Array.from({ length: 31 }, (_, at) => at + 1), 10, 16, 22],
  ])('%j', (numbers, low, middle, high) => {
    expect(spread(numbers)).toEqual({ low, median: middle, high });
  });

  test('a spread holds its median and no more than was measured', () => {
    const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(values, (numbers) => {
        const { low, median: middle, high } = spread(numbers);
        expect([Math.min(...numbers), low, middle, high, Math.max(...numbers)]).toSatisfy((all: number[]) =>
          all.every((value, at) => at === 0 || value >= (all[at - 1] as number)),
        );
        expect(middle).toBe(median(numbers));
      }),
    );
  });

  test('a ratio is one of rounds, so that what slows both changes nothing', () => {
    expect(ratio([10, 200, 30], [5, 100, 15])).toEqual({ low: 2, median: 2, high: 2 });
    const slow = [1, 1, 1, 1, 1, 1];
    expect(verdict(ratio(slow, slow))).toBe('no difference');
    expect(verdict({ low: 0.9, high: 0.99 })).toBe('less');
    expect(verdict({ low: 1.01, high: 1.2 })).toBe('more');
    expect(verdict({ low: 0.9, high: 1.2 })).toBe('no difference');
  });

  test('rounds go forth and back, and the first one is dropped', async () => {
    const seen: string[] = [];
    const cases = ['a', 'b'].map((name) => ({ name, run: async () => seen.push(name) }));
    const measured = await interleaved(cases, 2);
    expect(seen.join('')).toBe('abbaab');
    expect([...measured]).toEqual([
      ['a', [4, 5]],
      ['b', [3, 6]],
    ]);
  });

  test('a summary is in ratios to the floor of its rounds', () => {
    const used = (ms: number) => ({ ms, cpuMs: 2 * ms, maxRssMiB: ms });
    expect(summary([used(3), used(6)], [used(1), used(2)])).toEqual({
      ms: 4.5,
      cpuMs: 9,
      maxRssMiB: 6,
      ratio: { low: 3, median: 3, high: 3 },
      cpuRatio: { low: 3, median: 3, high: 3 },
    });
  });

  test('goals are judged where they were measured', () => {
    const at = (value: number) => ({ ratio: { median: value }, cpuRatio: { median: 2 } });
    expect(
      judged({
        start: { command: at(1.5), action: at(1.9) },
        scale: { problem: 'x' },
        shards: { missing: 'x' },
      }),
    ).toEqual([
      expect.objectContaining({ words: goals[0]?.words, limit: 1.5, processor: 2, met: true }),
      expect.objectContaining({ limit: 1.8, met: false }),
    ]);
    expect(judged({ shards: { merge: { maxRssMiB: 512 }, isSame: false } }).map(({ met }) => met)).toEqual([
      true,
      false,
    ]);
  });

  test('tables', () => {
    const table = {
      title: 'Times',
      head: ['', 'wall'],
      rows: [
        ['a | b', timesWithSpread({ low: 1, median: 1.234, high: 2 })],
        ['c', timesWithSpread({ low: 1, median: 1, high: 1 })],
      ],
      after: ['That was it.'],
    };
    expect(asText(table)).toBe(
      'Times\n                          wall\n  a | b  1.23 × (1.00 to 2.00)\n  c                     1.00 ×\n  That was it.\n',
    );
    expect(asMarkdown(table)).toBe(
      '### Times\n\n|  | wall |\n|---|--:|\n| a \\| b | 1.23 × (1.00 to 2.00) |\n| c | 1.00 × |\n\nThat was it.\n',
    );
    expect(asText({ title: 'Shards', after: ['None.'] })).toBe('Shards\n  None.\n');
  });
});

/** Runs the bench with a temporary folder of its own. Is stopped by a signal once stderr has this text. */
function bench(args: readonly string[], stopAt?: string) {
  const temporary = folderOf();
  const child = spawn(process.execPath, ['bench/bench.mjs', ...args], {
    env: { ...process.env, TMPDIR: temporary, TEMP: temporary, TMP: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out: string[] = [];
  const err: string[] = [];
  child.stdout.on('data', (chunk) => out.push(String(chunk)));
  child.stderr.on('data', (chunk) => {
    err.push(String(chunk));
    if (stopAt !== undefined && err.join('').includes(stopAt)) child.kill('SIGINT');
  });
  return new Promise<{ code: number | null; out: string; err: string; left: string[] }>((done) => {
    child.on('close', (code) =>
      done({ code, out: out.join(''), err: err.join(''), left: readdirSync(temporary) }),
    );
  });
}

describe('npm run bench', () => {
  test.each([
    ['--slow', "error: Unknown option '--slow'. See npm run bench -- --help.\n"],
    ['fast', "error: Unexpected argument 'fast'. See npm run bench -- --help.\n"],
    [
      '--only=end',
      'error: unknown section end. There are start, bytes, scale, formats, phases, shards, cache, profile.\n',
    ],
    ['--only=__proto__', /^error: unknown section __proto__\./],
    ['--compare=--output=x', 'error: "--output=x" is no commit of this repository.\n'],
    ['--compare=HEAD --only=phases', 'error: --compare has nothing to compare in this section.\n'],
    ['--quick --large', 'error: --quick and --large exclude each other.\n'],
    ['--json --markdown', 'error: --json and --markdown exclude each other.\n'],
  ])('%s is an error', async (line, message) => {
    const { code, out, err, left } = await bench(line.split(' '));
    expect({ code, out, left }).toEqual({ code: 2, out: '', left: [] });
    expect(err.replace(/^warning: .*\n/, '')).toEqual(
      typeof message === 'string' ? message : expect.stringMatching(message),
    );
  });

  test('the help names every option, and docs/performance.md too', async () => {
    const { code, out } = await bench(['--help']);
    expect(code).toBe(0);
    const page = readFileSync('docs/performance.md', 'utf8');
    for (const [, option = ''] of out.matchAll(/^ {2}(--[a-z]+)/gm)) {
      if (option !== '--help') expect(page).toContain(`npm run bench -- ${option}`);
    }
  });

  test('the goals in docs/performance.md are those of the bench', () => {
    const page = readFileSync('docs/performance.md', 'utf8');
    const shown = [...page.matchAll(/^\| ([^|]+) \| .+ \| ≤ ([\d.,]+)(?: \S+)? \| (?:met|MISSED) \|$/gm)];
    expect(shown.length).toBeGreaterThan(0);
    for (const [, words, limit] of shown) {
      const goal = goals.find((one) => one.words === words);
      expect({ words, limit: Number(limit?.replaceAll(',', '')) }).toEqual({ words, limit: goal?.limit });
    }
  });

  test('a section as JSON, and nothing is left', async () => {
    const { code, out, left } = await bench(['--only', 'bytes', '--json', '--quick']);
    expect({ code, left }).toEqual({ code: 0, left: [] });
    const { bytes, goals: met } = JSON.parse(out);
    expect(bytes.command.files).toContain('cli/index.js');
    expect(bytes.action.files).toContain('main/index.js');
    expect(met).toEqual([
      expect.objectContaining({ value: bytes.command.bytes, limit: 200_000, met: true }),
      expect.objectContaining({ value: bytes.action.bytes, limit: 200_000, met: true }),
    ]);
  });

  // Windows has no signals that a program could send and another one handle.
  test.skipIf(isWindows)('Ctrl-C leaves nothing behind', async () => {
    const { code, out, left } = await bench(['--only', 'start'], 'start');
    expect({ code, out, left }).toEqual({ code: 130, out: '', left: [] });
  });
});

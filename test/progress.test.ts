import { describe, expect, test } from 'vitest';
import { Meter, type Progress, progressBar, progressText, Steps } from '../src/cli/progress.ts';
import { width } from '../src/report/width.ts';
import { bytesText } from '../src/text/bytes.ts';

const half: Progress = { name: 'ai/gemma4:E2B', doneBytes: 2.1e9, totalBytes: 3.4e9, bytesPerSecond: 48e6 };

describe('the line that is written over', () => {
  test.each([
    [100, '  pulling    ai/gemma4:E2B  ████████████░░░░░░░░  61 %  2.1 of 3.4 GB  48 MB/s  about 28 s left'],
    [90, '  pulling    ai/gemma4:E2B  ██████░░░░  61 %  2.1 of 3.4 GB  48 MB/s  about 28 s left'],
    [80, '  pulling    ai/gemma4:E2B  61 %  2.1 of 3.4 GB  48 MB/s  about 28 s left'],
    [60, '  pulling    ai/gemma4:E2B  61 %  2.1 of 3.4 GB  48 MB/s'],
    [50, '  pulling    ai/gemma4:E2B  61 %  2.1 of 3.4 GB'],
    [40, '  pulling    ai/gemma4:E2B  61 %'],
    [25, '  pulling    61 %  ai/g…'],
  ])('in %i columns', (columns, line) => {
    expect(progressBar(half, columns)).toBe(line);
    expect(width(line)).toBeLessThan(columns);
  });
});

describe('the line of a log', () => {
  test.each<[Partial<Progress>, string]>([
    [{}, '61 %  2.1 of 3.4 GB  48 MB/s  about 28 s left'],
    [{ bytesPerSecond: null }, '61 %  2.1 of 3.4 GB'],
    [{ totalBytes: null }, '2.1 GB  48 MB/s'],
    [{ doneBytes: 0, bytesPerSecond: 0 }, '0 %  0 bytes of 3.4 GB  0 bytes/s'],
    [{ doneBytes: 900e6 }, '26 %  900 MB of 3.4 GB  48 MB/s  about 53 s left'],
    [{ doneBytes: 0, bytesPerSecond: 1e6 }, '0 %  0 bytes of 3.4 GB  1 MB/s  about 57 min left'],
    [{ doneBytes: 0, bytesPerSecond: 1e5 }, '0 %  0 bytes of 3.4 GB  100 kB/s  about 9 h left'],
    [{ doneBytes: 3.4e9 }, '100 %  3.4 of 3.4 GB  48 MB/s'],
    [{ doneBytes: 5e9 }, '100 %  5 of 3.4 GB  48 MB/s'],
  ])('%j', (change, text) => {
    expect(progressText({ ...half, ...change })).toBe(`  pulling    ai/gemma4:E2B  ${text}`);
  });
});

test.each([
  [17, '17 bytes'],
  [1499, '1 kB'],
  [999_499, '999 kB'],
  [999_500, '1 MB'],
  [999_499_999, '999 MB'],
  [999_500_000, '1 GB'],
  [3.44e9, '3.4 GB'],
])('%i bytes are %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test('the rate is that of the last ten seconds', () => {
  const meter = new Meter();
  expect(meter.rate(0, 5e9)).toBeNull();
  expect(meter.rate(999, 5e9)).toBeNull();
  expect(meter.rate(2000, 5.002e9)).toBe(1e6);
  for (let second = 3; second <= 12; second++) meter.rate(second * 1000, 5.002e9);
  expect(meter.rate(13_000, 5.002e9)).toBe(0);
});

/** What is written by a download of 60 s, a progress event a second. */
function written(watched: boolean): string {
  let text = '';
  let ms = 0;
  const steps = new Steps({ write: (more) => (text += more), watched, columns: () => 100, now: () => ms });
  steps.line('✓', 'disk', '3 GB to download');
  steps.pulling('ai/x:y', 3e9);
  for (; ms < 35_000; ms += 1000) steps.progress(ms * 1e5, 3.5e9);
  steps.tick();
  steps.end();
  steps.tick();
  steps.line('✓', 'pulled', 'ai/x:y');
  return text;
}

test('pitfall 10: elsewhere than on a terminal there is a line every ten seconds', () => {
  expect(written(false)).toBe(
    [
      '✓ disk       3 GB to download',
      '  pulling    ai/x:y, 3 GB',
      '  pulling    ai/x:y  28 %  1 of 3.5 GB  100 MB/s  about 25 s left',
      '  pulling    ai/x:y  57 %  2 of 3.5 GB  100 MB/s  about 15 s left',
      '  pulling    ai/x:y  85 %  3 of 3.5 GB  100 MB/s  about 5 s left',
      '✓ pulled     ai/x:y',
      '',
    ].join('\n'),
  );
});

test('on a terminal one line is written over, and nothing of it stays', () => {
  const text = written(true);
  expect(text.match(/\r {2}pulling/g)).toHaveLength(36);
  expect(text.endsWith('\r\u001b[K✓ pulled     ai/x:y\n')).toBe(true);
  expect(text.split('\n')).toHaveLength(3);
});

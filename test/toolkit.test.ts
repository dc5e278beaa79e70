import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as core from '@actions/core';
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import * as toolkit from '../src/action/toolkit.ts';
import { readLog } from './support/runner.ts';

const written: string[] = [];
vi.mock('../src/io/stream.ts', () => ({
  standardStream: () => ({ write: (text: string) => void written.push(text) }),
}));

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Text with what commands and files of outputs are made of. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom('::', '%', '%0A', '\r', '\n', '\r\n', ',', ':', '=', '<<', 'a', '\u2028', '##[', ' '),
    )
    .map((parts) => parts.join('')),
);

/** What the toolkit writes to stdout. */
function ofToolkit(write: () => void): string {
  const parts: string[] = [];
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((part) => {
    parts.push(String(part));
    return true;
  });
  write();
  spy.mockRestore();
  return parts.join('');
}

function ours(write: () => void): string {
  written.length = 0;
  write();
  return written.join('');
}

const annotations = [
  ['error', toolkit.error, core.error],
  ['warning', toolkit.warning, core.warning],
] as const;
test.each(annotations)('%s is what the toolkit writes', (_, own, theirs) => {
  const titles = hostile.filter((title) => title !== '');
  fc.assert(
    fc.property(hostile, titles, (message, title) => {
      expect(ours(() => own(message, { title }))).toBe(ofToolkit(() => theirs(message, { title })));
    }),
  );
});

test('debug and info are what the toolkit writes', () => {
  fc.assert(
    fc.property(hostile, (message) => {
      expect(ours(() => toolkit.debug(message))).toBe(ofToolkit(() => core.debug(message)));
      expect(ours(() => toolkit.info(message))).toBe(ofToolkit(() => core.info(message)));
    }),
  );
});

test('an input is read as the toolkit reads it', () => {
  const value = fc.oneof(
    fc.constant(undefined),
    hostile.filter((text) => !text.includes('\0')),
  );
  fc.assert(
    fc.property(fc.constantFrom('fail-on', 'a b', 'paths'), value, (name, given) => {
      vi.stubEnv(`INPUT_${name.replace(' ', '_').toUpperCase()}`, given);
      expect(toolkit.getInput(name)).toBe(core.getInput(name));
    }),
  );
});

test('outputs are read as those of the toolkit', () => {
  const folder = mkdtempSync(join(tmpdir(), 'toolkit-'));
  const value = fc.oneof(hostile, fc.integer(), fc.boolean());
  let at = 0;
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('ok', 'report', 'env'), value), (outputs) => {
      const [a, b] = [join(folder, `${++at}-a`), join(folder, `${at}-b`)];
      toolkit.setOutputs(a, outputs);
      ofToolkit(() => {
        for (const [name, output] of Object.entries(outputs)) {
          vi.stubEnv('GITHUB_OUTPUT', b);
          toolkit.setOutputs(b, {});
          core.setOutput(name, output);
        }
      });
      // Each has a delimiter of its own.
      const plain = (file: string) => readFileSync(file, 'utf8').replace(/ghadelimiter_[\w-]+/g, 'END');
      expect(plain(a)).toBe(Object.keys(outputs).length === 0 ? '' : plain(b));
    }),
  );
});

test('nothing in a text ends the part in which the runner obeys nothing', () => {
  // The same numbers again and again, and a text that holds the first word that they would make.
  const numbers = [0.5, 0.5, 0.5, 0.25];
  let at = 0;
  vi.spyOn(Math, 'random').mockImplementation(() => numbers[Math.min(at++, 3)] as number);
  const text = '::050505::\n::error::obey me\n::050505::\n::error::and me';
  expect(toolkit.quietly(text)).toBe(`::stop-commands::025025025\n${text}\n::025025025::\n`);
  vi.restoreAllMocks();
  fc.assert(
    fc.property(hostile, (words) => {
      const log = readLog(`${toolkit.quietly(`${words}\n::error::obey me`)}::error::and now`);
      expect(log.commands.map(({ message }) => message)).toEqual(['and now']);
    }),
  );
});

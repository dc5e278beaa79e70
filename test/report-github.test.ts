import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Finding } from '../src/findings/finding.ts';
import { finding } from '../src/findings/finding.ts';
import { reportAnnotations } from '../src/report/github.ts';
import { anyReport } from './report-arbitrary.ts';
import {
  hostile,
  misfit,
  noContext,
  report,
  sixTargets,
  threeBySix,
  unknownModel,
} from './report-builder.ts';

interface Command {
  kind: string;
  properties: Map<string, string>;
  message: string;
}

/** Reads commands as the runner does. */
function read(output: string): Command[] {
  const decode = (text: string) =>
    text
      .replaceAll('%0D', '\r')
      .replaceAll('%0A', '\n')
      .replaceAll('%3A', ':')
      .replaceAll('%2C', ',')
      .replaceAll('%25', '%');
  return output
    .split(/\r\n|\r|\n/)
    .slice(0, -1)
    .map((line) => {
      const [, kind, properties, message] = line.match(/^::(\w+) (.*?)::(.*)$/s) as RegExpMatchArray;
      const pairs = (properties as string).split(',').map((pair): [string, string] => {
        const equals = pair.indexOf('=');
        return [pair.slice(0, equals), decode(pair.slice(equals + 1))];
      });
      return { kind: kind as string, properties: new Map(pairs), message: decode(message as string) };
    });
}

const annotate = (...findings: Finding[]) => reportAnnotations(report({ targets: sixTargets, findings }));

test('severity first; every finding once, over all its targets', async () => {
  await expect(reportAnnotations(threeBySix)).toMatchFileSnapshot('snapshots/annotations.txt');
});

test('hostile names', async () => {
  const output = reportAnnotations(hostile);
  await expect(output).toMatchFileSnapshot('snapshots/annotations-hostile.txt');
  expect(output).not.toContain('##[');
});

test('nothing to say', () => {
  expect(reportAnnotations(report({}))).toBe('');
});

test('ten of each kind; the last says how many more there are', () => {
  const commands = read(
    annotate(
      ...Array.from({ length: 47 }, (_, at) => unknownModel('a.json', 'x', at + 1)),
      ...Array.from({ length: 11 }, (_, at) => noContext('a.json', at + 1)),
      misfit('model-acceleration-unverified', 'a.json', sixTargets.slice(0, 1), 'why'),
    ),
  );
  expect(commands.map(({ kind }) => kind)).toEqual([
    ...Array(10).fill('error'),
    'warning',
    ...Array(10).fill('notice'),
  ]);
  expect(
    commands.map(({ message }) => message.match(/\n….*/)?.[0] ?? '').filter((more) => more !== ''),
  ).toEqual([
    '\n… and 37 more errors: see the summary or the report',
    '\n… and 1 more note: see the summary or the report',
  ]);
  expect(commands[9]?.message).toContain('37 more');
  expect(commands[20]?.message).toContain('1 more note');
  expect(read(reportAnnotations(threeBySix, { limit: 1 })).map(({ kind }) => kind)).toEqual([
    'error',
    'warning',
    'notice',
  ]);
});

test.each([
  ['on one line', { line: 3, column: 5, endLine: 3, endColumn: 9 }, 'line=3,endLine=3,col=5,endColumn=9'],
  ['over several lines', { line: 3, column: 5, endLine: 4, endColumn: 2 }, 'line=3,endLine=4'],
  ['without a position', null, ''],
])('a range %s', (_, range, expected) => {
  const output = annotate({
    ...noContext('a.json'),
    title: 'T',
    location: { file: 'a.json', pointer: '', range },
  });
  expect(output.slice(0, output.indexOf('::', 2))).toBe(
    `::notice title=T,file=a.json${expected === '' ? '' : `,${expected}`}`,
  );
});

test.each([
  ['a.json', 'a.json'],
  ['..hidden/a.json', '..hidden/a.json'],
  ['a,b:c%d.json', 'a,b:c%d.json'],
  ['a\nb.json', undefined],
  ['a\u202eb.json', undefined],
  ['##[error].json', undefined],
  ['~/.mn/models/catalog.json', undefined],
  ['/etc/catalog.json', undefined],
  ['$MN_MODEL_CATALOG_PATH', undefined],
  ['../other/a.json', undefined],
  ['C:\\a.json', undefined],
  ['', undefined],
])('file %j is annotated at %j', (file, expected) => {
  const [command] = read(annotate(noContext(file)));
  expect(command?.properties.get('file')).toBe(expected);
  expect(command?.properties.has('line')).toBe(expected !== undefined);
});

test('a finding about the run has no place', () => {
  expect(annotate(finding('no-blueprint', { searched: '.' }))).toBe(
    '::warning title=No blueprint found::There is no blueprint in .: no folder with a manifest.json, and no JSON file with an llm section.%0AName the folder or file of a blueprint, or use --if-none ignore where having none is fine.\n',
  );
});

test('a long message is cut between escapes, and keeps its ending', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('%', '\ud83d\ude00', 'a', '\n'), { minLength: 4000, maxLength: 4100 }),
      (parts) => {
        const [first, second] = [noContext('a.json'), noContext('a.json', 5)].map((one) => ({
          ...one,
          message: parts.join(''),
        }));
        const output = reportAnnotations(report({ findings: [first as Finding, second as Finding] }), {
          limit: 1,
        });
        const message = output.trimEnd().slice(output.indexOf('::', 2) + 2);
        expect(message.length).toBeLessThanOrEqual(4096);
        expect(message.length).toBeGreaterThan(4080);
        expect(message).toMatch(/…%0A… and 1 more note: see the summary or the report$/);
        expect(message.replace(/%(?:25|0A|0D)/g, '')).not.toContain('%');
        expect(message.isWellFormed()).toBe(true);
      },
    ),
    { numRuns: 30 },
  );
});

test('any report gives whole commands and nothing else', () => {
  fc.assert(
    fc.property(anyReport, (of) => {
      const output = reportAnnotations(of);
      expect(output.isWellFormed()).toBe(true);
      expect(output).not.toMatch(/##\[|\r/);
      const commands = read(output);
      for (const severity of ['error', 'warning', 'note']) {
        const kind = severity === 'note' ? 'notice' : severity;
        const all = of.findings.filter((one) => one.severity === severity);
        const shown = commands.filter((command) => command.kind === kind);
        expect(shown.length).toBe(Math.min(10, all.length));
        const known = ['title', 'file', 'line', 'endLine', 'col', 'endColumn'];
        for (const { properties } of shown) for (const key of properties.keys()) expect(known).toContain(key);
      }
    }),
  );
});

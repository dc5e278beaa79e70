import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
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
import { readLog } from './support/runner.ts';

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

/** Findings with a letter each: new, unchanged, or neither; the line is their place in the row. */
function compared(letters: string, make: (line: number) => Finding): Finding[] {
  const changes: Record<string, Finding['change']> = { n: 'new', u: 'unchanged', '-': null };
  return [...letters].map((letter, at) => ({
    ...make(at + 1),
    change: changes[letter] as Finding['change'],
  }));
}

describe('as the runner of GitHub shows them', () => {
  const error = (line: number) => unknownModel('a.json', 'x', line);
  const warning = (line: number) =>
    misfit('model-acceleration-unverified', 'a.json', sixTargets.slice(0, 1), 'why', { line });
  const note = (line: number) => noContext('a.json', line);
  const see = 'see the summary or the report';

  test.each<[name: string, Finding[], shown: string[], fold: string[]]>([
    [
      'severity counts for more than new',
      [...compared('u', error), ...compared('n', warning)],
      ['error 1', 'warning 1'],
      [],
    ],
    [
      'new ones first, each group in its order',
      compared('ununu', error),
      ['error 2', 'error 4', 'error 1', 'error 3', 'error 5'],
      [],
    ],
    [
      'the new ones are among the ten',
      compared(`${'u'.repeat(12)}nn`, error),
      ['error 13', 'error 14', ...[1, 2, 3, 4, 5, 6, 7, 8].map((line) => `error ${line}`)],
      [`… and 4 more errors (none of them new): ${see}`],
    ],
    [
      'more new ones than are shown',
      [...compared(`u${'n'.repeat(13)}`, warning), ...compared('u'.repeat(11), note)],
      [
        ...[2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((line) => `warning ${line}`),
        ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((line) => `notice ${line}`),
      ],
      [`… and 4 more warnings (3 of them new): ${see}`, `… and 1 more note (none of them new): ${see}`],
    ],
    [
      'nothing compared',
      compared('-'.repeat(11), error),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((line) => `error ${line}`),
      [`… and 1 more error: ${see}`],
    ],
  ])('%s', (_, findings, shown, fold) => {
    const output = reportAnnotations(report({ targets: sixTargets, findings }));
    const { annotations, commands } = readLog(output);
    expect(annotations.map(({ name, properties }) => `${name} ${properties['line']}`)).toEqual(shown);
    expect(annotations.flatMap(({ message }) => message.match(/….*$/)?.[0] ?? [])).toEqual(fold);
    // Nothing that is sent is cut or dropped.
    expect(annotations).toEqual(commands);
  });

  test('the longest messages on ranges over several lines keep their end', () => {
    const findings = Array.from({ length: 25 }, (_, at) => ({
      ...error(at + 1),
      message: '%\n😀'.repeat(3000),
      location: {
        file: 'a.json',
        pointer: '',
        range: { line: at + 1, column: 3, endLine: at + 9, endColumn: 2 },
      },
    }));
    const { annotations, commands } = readLog(reportAnnotations(report({ findings })));
    expect(annotations).toEqual(commands);
    expect(annotations).toHaveLength(10);
    expect(annotations[9]?.message).toMatch(/…\n… and 15 more errors: see the summary or the report$/);
    expect(annotations[0]?.properties).toEqual({
      title: 'Unknown model "x"',
      file: 'a.json',
      line: '1',
      endLine: '9',
    });
  });
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

import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { Log, Result, Run } from 'sarif';
import { describe, expect, test } from 'vitest';
import type { Comparison, Report } from '../src/check/report.ts';
import type { Finding } from '../src/findings/finding.ts';
import { findingUrl } from '../src/findings/finding.ts';
import { findingIds, findings } from '../src/findings/table.ts';
import { fnv1a64, leftOutWords, maxResults, reportSarif } from '../src/report/sarif.ts';
import { anyReport } from './report-arbitrary.ts';
import {
  hostile,
  hostileStrings,
  misfit,
  noContext,
  oneMachine,
  report,
  sixTargets,
  threeBySix,
  unknownModel,
} from './report-builder.ts';
import { isSarif } from './support/report-schemas.ts';

const all = { version: '1.2.3', settled: true };
const textOf = (of: Report, options = all) => [...reportSarif(of, options).chunks].join('');

/** The only run of the SARIF of a report, which follows the schema. */
function runOf(of: Report, options = all): Run & { results: Result[] } {
  const log = JSON.parse(textOf(of, options)) as Log;
  expect(isSarif(log), JSON.stringify(isSarif.errors)).toBe(true);
  return log.runs[0] as Run & { results: Result[] };
}

/** The result of one finding. */
function resultOf(finding: Finding): Result {
  return runOf(report({ findings: [finding] })).results[0] as Result;
}

const misspelled: Finding = {
  ...unknownModel('a b/ü.json', 'gemma4:e2', 7),
  blueprint: 'a b',
  fix: { description: 'Replace "gemma4:e2" by "gemma4:e2b"', value: 'gemma4:e2b' },
};
const compared: Comparison = {
  base: 'origin/main',
  commit: '0'.repeat(40),
  new: 1,
  unchanged: 1,
  fixed: [noContext('z.json')],
  dropped: [],
  causes: [],
  pullRequest: false,
};

test('the whole shape, to the letter', async () => {
  const of = report({
    findings: [misspelled, { ...noContext('x/manifest.json'), change: 'new' }],
    hidden: [{ finding: noContext('y.json'), by: 'suppression', reason: 'The lab has its own default.' }],
    comparison: compared,
  });
  await expect(textOf(of)).toMatchFileSnapshot('snapshots/report.sarif');
});

test('an empty report', () => {
  expect(runOf(report({}))).toMatchObject({ results: [], tool: { driver: { rules: [] } } });
});

describe('the schema of SARIF 2.1.0', () => {
  test.each([
    ['one machine', oneMachine],
    ['3 x 6', threeBySix],
    ['hostile names', hostile],
  ])('accepts %s', (_, of) => {
    expect(runOf(of).results.length).toBe(of.findings.length);
  });

  test('accepts every report', () => {
    fc.assert(
      fc.property(anyReport, fc.boolean(), (of, settled) => {
        const text = textOf(of, { ...all, settled });
        const log = JSON.parse(text) as Log;
        expect(isSarif(log), JSON.stringify(isSarif.errors)).toBe(true);
        expect(text).not.toMatch(/^\s*::|##\[|[\u007f-\u009f\u202a-\u202e\u2028\u2029]/m);
        expect(text.isWellFormed()).toBe(true);
        const { results = [], tool } = log.runs[0] as Run;
        const others = settled ? of.hidden.length + (of.comparison?.fixed.length ?? 0) : 0;
        expect(results.length).toBe(of.findings.length + others);
        for (const { ruleId, ruleIndex, level, message, locations } of results) {
          expect(tool.driver.rules?.[ruleIndex as number]?.id).toBe(ruleId);
          expect(['error', 'warning', 'note']).toContain(level);
          expect(message.text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]|\]\(/);
          // Code scanning refuses a file in which one result has no place, no address or no line.
          expect(locations?.length).toBe(1);
          expect(locations?.[0]?.physicalLocation?.artifactLocation?.uri).not.toBe('');
          expect(locations?.[0]?.physicalLocation?.region?.startLine).toBeGreaterThan(0);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['no version', (log: Log) => delete (log as Partial<Log>).version],
    [
      'line 0',
      (log: Log) =>
        Object.assign(log, {
          runs: [
            {
              tool: { driver: { name: '' } },
              results: [{ message: {}, locations: [{ physicalLocation: { region: { startLine: 0 } } }] }],
            },
          ],
        }),
    ],
    [
      'a URI with a space',
      (log: Log) => Object.assign(log, { runs: [{ tool: { driver: { name: '', informationUri: 'a b' } } }] }),
    ],
  ])('refuses %s', (_, spoil) => {
    const log = JSON.parse(textOf(threeBySix)) as Log;
    spoil(log);
    expect(isSarif(log)).toBe(false);
  });
});

test('rules come from the table of findings, in its order, and only those that are used', () => {
  const of = report({ findings: [noContext('a'), unknownModel('a', 'x'), noContext('b')] });
  const { results, tool } = runOf(of);
  expect(tool.driver.rules?.map(({ id }) => id)).toEqual(['context-size-missing', 'unknown-model']);
  expect(results.map(({ ruleIndex }) => ruleIndex)).toEqual([1, 0, 0]);

  const one = noContext('a');
  const every = runOf(report({ findings: findingIds.map((id) => ({ ...one, id })) })).tool.driver.rules ?? [];
  expect(every.map(({ id }) => id)).toEqual(findingIds);
  every.forEach((rule, index) => {
    const id = findingIds[index] as (typeof findingIds)[number];
    expect(rule.helpUri).toBe(findingUrl(id));
    expect(rule.help?.markdown).toContain(findingUrl(id));
    expect(rule.defaultConfiguration?.level).toBe(findings[id].severity);
    expect(rule.name?.length).toBeLessThanOrEqual(255);
    expect(rule.fullDescription?.text.length).toBeLessThanOrEqual(1024);
    expect(rule.properties?.tags).toHaveLength(2);
  });
});

describe('where a result is', () => {
  test.each<[name: string, file: string, uri: string, base: boolean]>([
    ['below the folder', 'a/b.json', 'a/b.json', true],
    ['marks of addresses', 'a b/c#d?e%f:g.json', 'a%20b/c%23d%3Fe%25f%3Ag.json', true],
    ['other letters', 'ü/模.json', '%C3%BC/%E6%A8%A1.json', true],
    ['half a letter', 'a\ud800.json', 'a%EF%BF%BD.json', true],
    ['above', '../a.json', '../a.json', false],
    ['the home folder', '~/.mn/models/catalog.json', '~/.mn/models/catalog.json', false],
    ['from the root', '/srv/a b.json', 'file:///srv/a%20b.json', false],
    ['a drive', 'C:/a.json', 'file:///C%3A/a.json', false],
    ['nothing', '', '.', true],
  ])('%s', (_, file, uri, base) => {
    const finding = { ...noContext(file) };
    expect(resultOf(finding).locations?.[0]?.physicalLocation?.artifactLocation).toEqual(
      base ? { uri, uriBaseId: '%SRCROOT%' } : { uri },
    );
  });

  test('a file without a position has line 1, and the run as a whole is at its folder', () => {
    const one = noContext('a.json');
    const nowhere = { ...one, location: { file: 'a.json', pointer: '', range: null } };
    expect(resultOf(nowhere).locations).toEqual([
      {
        physicalLocation: {
          artifactLocation: { uri: 'a.json', uriBaseId: '%SRCROOT%' },
          region: { startLine: 1 },
        },
      },
    ]);
    expect(resultOf({ ...one, location: null }).locations).toMatchObject([
      { physicalLocation: { artifactLocation: { uri: '.' }, region: { startLine: 1 } } },
    ]);
  });
});

test('a fix replaces the value by JSON text, and only where its place is known', () => {
  const { fixes } = resultOf({ ...misspelled, fix: { description: 'Say it', value: 'a"\u202eb' } });
  const [change] = fixes?.[0]?.artifactChanges ?? [];
  expect(change?.replacements).toEqual([
    {
      deletedRegion: { startLine: 7, startColumn: 14, endLine: 7, endColumn: 25 },
      insertedContent: { text: '"a\\"\\u202eb"' },
    },
  ]);
  expect(
    resultOf({ ...misspelled, location: { file: 'a', pointer: '/a', range: null } }).fixes,
  ).toBeUndefined();
});

describe('what needs no attention any more', () => {
  const hidden = [
    { finding: noContext('b'), by: 'suppression' as const, reason: 'Known' },
    { finding: noContext('c'), by: 'baseline' as const, reason: null },
  ];
  const of = report({
    findings: [{ ...noContext('a'), change: 'new' }],
    hidden,
    comparison: compared,
  });

  test('is said of it', () => {
    expect(
      runOf(of).results.map(({ suppressions, baselineState }) => ({ suppressions, baselineState })),
    ).toEqual([
      { suppressions: [], baselineState: 'new' },
      {
        suppressions: [{ kind: 'external', status: 'accepted', justification: 'Known' }],
        baselineState: 'unchanged',
      },
      {
        suppressions: [{ kind: 'external', status: 'accepted', justification: 'It is in the baseline.' }],
        baselineState: 'unchanged',
      },
      { suppressions: [], baselineState: 'absent' },
    ]);
  });

  test('is left out for code scanning, which would show it as open alerts', () => {
    const { results } = runOf(of, { ...all, settled: false });
    expect(results.map(({ suppressions, baselineState }) => ({ suppressions, baselineState }))).toEqual([
      { suppressions: undefined, baselineState: 'new' },
    ]);
  });
});

describe('the fingerprint', () => {
  const print = (finding: Finding) => resultOf(finding).partialFingerprints?.['modelCheck/v1'];
  const at = (fields: Parameters<typeof misfit>[4], file = 'a.json', on = sixTargets) =>
    misfit('model-incompatible', file, on, 'needs 8 GB VRAM, found 6 GB', fields);

  test('stays where lines move, and where only the severity changes', () => {
    expect(print(at({ line: 400 }))).toBe(print(at({ line: 4 })));
    expect(print(at({ severity: 'note' }))).toBe(print(at({})));
    expect(print(at({}))).toMatch(/^[0-9a-f]{16}$/);
  });

  test('is another one for another model, place, file, blueprint, kind or set of targets', () => {
    const prints = [
      at({}),
      at({ model: 'nemotron3' }),
      at({ place: 'llm.configs.other' }),
      at({}, 'b.json'),
      { ...at({}), blueprint: 'a' },
      misfit('model-needs-force', 'a.json', sixTargets, 'needs 8 GB VRAM, found 6 GB'),
      at({}, 'a.json', sixTargets.slice(1)),
    ].map(print);
    expect(new Set(prints).size).toBe(prints.length);
  });

  // The test vectors of the authors, http://www.isthe.com/chongo/src/fnv/test_fnv.c.
  test.each([
    ['', 'cbf29ce484222325'],
    ['a', 'af63dc4c8601ec8c'],
    ['foobar', '85944171f73967e8'],
    ['chongo was here!\n', '46810940eff5f915'],
  ])('FNV-1a of %j', (text, hash) => {
    expect(fnv1a64(text)).toBe(hash);
  });
});

describe('hostile text', () => {
  test.each(hostileStrings)('%j stays text', (text) => {
    const written = textOf(
      report({
        findings: [misfit('model-incompatible', text, sixTargets, text, { ref: text, advice: text })],
      }),
    );
    expect(written).not.toMatch(
      /^\s*::|##\[|[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066\u2028\u2029]/m,
    );
  });
});

describe('the limits of code scanning', () => {
  const errors = (amount: number) =>
    Array.from({ length: amount }, (_, at) =>
      unknownModel(`blueprints/b${at % 2000}/manifest.json`, `model-${at}`, at + 1),
    );
  const warning = { ...noContext('last.json'), severity: 'warning' as const };

  test.each([
    [10, 11, null],
    [
      25_001,
      25_000,
      'The SARIF report has 25000 of 25002 results, the most severe ones: code scanning takes no more. The JSON report has all of them.',
    ],
    [
      100_000,
      25_000,
      'The SARIF report has 25000 of 100001 results, the most severe ones: code scanning takes no more. The JSON report has all of them.',
    ],
  ])('%i errors and a warning', (amount, written, words) => {
    const of = report({ findings: [warning, ...errors(amount)] });
    const sarif = reportSarif(of, all);
    const chunks = [...sarif.chunks];
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThan(70_000);
    const text = chunks.join('');
    expect(gzipSync(text, { level: 6 }).length).toBeLessThan(10_000_000);
    const [run] = (JSON.parse(text) as Log).runs;
    const levels = run?.results?.map(({ level }) => level) ?? [];
    expect(levels.length).toBe(written);
    expect(levels.filter((level) => level === 'warning').length).toBe(words === null ? 1 : 0);
    expect(leftOutWords(sarif)).toBe(words);
    expect(run?.invocations?.[0]?.toolExecutionNotifications).toEqual(
      words === null ? [] : [{ level: 'warning', message: { text: words } }],
    );
    expect(run?.properties).toEqual(words === null ? undefined : { leftOut: amount + 1 - maxResults });
  });

  test('findings that say very much are fewer', () => {
    const name = 'x'.repeat(4000);
    const findings = errors(8000).map((finding) => ({ ...finding, title: name, help: name }));
    const { results, leftOut } = reportSarif(report({ findings }), all);
    expect({ fewer: results < 8000, all: results + leftOut }).toEqual({ fewer: true, all: 8000 });
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Report } from '../src/check/report.ts';
import type { Finding } from '../src/findings/finding.ts';
import { reportJunit } from '../src/report/junit.ts';
import { anyReport } from './report-arbitrary.ts';
import {
  blueprint,
  declaration,
  hostile,
  hostileStrings,
  misfit,
  noContext,
  oneMachine,
  report,
  skipped,
  statuses,
  target,
  threeBySix,
  unknownModel,
  verdict,
} from './report-builder.ts';
import { junitProblems } from './support/report-schemas.ts';

const textOf = (of: Report) => [...reportJunit(of)].join('');

const amount = (text: string, tag: string) => text.split(`<${tag} `).length - 1;

/** The counts that the elements give, and that the attributes say. */
function expectRightCounts(text: string): void {
  const [head = '', ...suites] = text.split('<testsuite ');
  const said = (of: string, name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(of)?.[1]);
  for (const suite of suites) {
    const skips = amount(suite, 'skipped');
    expect([said(suite, 'tests'), said(suite, 'failures'), said(suite, 'skipped')]).toEqual([
      amount(suite, 'testcase'),
      amount(suite, 'failure'),
      skips,
    ]);
  }
  expect([said(head, 'tests'), said(head, 'failures')]).toEqual([
    amount(text, 'testcase'),
    amount(text, 'failure'),
  ]);
}

/** A finding about a declaration of the blueprint x. */
function about(finding: Finding, pointer = '/llm/configs/primary'): Finding {
  return { ...finding, blueprint: 'x', declaration: pointer };
}

const [a, b, c] = [target('a', 'Mac 16 GB'), target('b', 'RTX 2060'), target('c', 'CPU', {}, false)];
const needs = 'needs 8 GB VRAM, found 6 GB';
const mixed = report({
  targets: [a, b, c],
  verdicts: [verdict('gemma4:e2b', b, 'fail', needs), verdict('gemma4:e2b', c, 'force_only', 'no GPU')],
  blueprints: [
    blueprint(
      'x',
      declaration('x/manifest.json', { statuses: statuses([a, b, c], 'pfo') }),
      declaration('x/manifest.json', { pointer: '/runtime/models/y', ref: 'nope', model: null }),
      declaration('x/manifest.json', { pointer: '/llm/configs/old', statuses: statuses([a], 'f') }),
      skipped('x/manifest.json', 'llm.enabled is false'),
    ),
    blueprint('y'),
  ],
  findings: [
    about(misfit('model-incompatible', 'x/manifest.json', [b], needs)),
    about(misfit('model-needs-force', 'x/manifest.json', [c], 'no GPU', { severity: 'note' })),
    about(unknownModel('x/manifest.json', 'nope'), '/runtime/models/y'),
    about({ ...noContext('x/manifest.json'), severity: 'warning' }, '/runtime/models/y'),
    { ...unknownModel('x/config/default.json', 'z', 9), id: 'invalid-field', blueprint: 'x' },
    { ...noContext('.mn/models/catalog.json'), id: 'invalid-catalog', severity: 'error' },
    { ...noContext(''), id: 'no-blueprint', location: null, severity: 'warning' },
  ],
  hidden: [
    {
      finding: about(misfit('model-incompatible', 'x/manifest.json', [a], needs), '/llm/configs/old'),
      by: 'suppression',
      reason: 'retired in May',
    },
    { finding: unknownModel('other.json', 'old'), by: 'baseline', reason: null },
  ],
});

test('the whole shape, to the letter', async () => {
  await expect(textOf(mixed)).toMatchFileSnapshot('snapshots/report-junit.xml');
});

test('the common schema accepts every report, and the counts are right', async () => {
  const reports = [report({}), oneMachine, threeBySix, hostile, mixed, ...fc.sample(anyReport, 1000)];
  const texts = reports.map(textOf);
  expect(await junitProblems(texts)).toEqual([]);
  texts.forEach((text, at) => {
    expectRightCounts(text);
    expect(text).not.toMatch(
      /^\s*::|##\[|[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2028\u2029]/m,
    );
    expect(text.isWellFormed()).toBe(true);
    // Whatever stops a merge is a failure, and nothing else is.
    expect(amount(text, 'failure') > 0).toBe((reports[at] as Report).summary.errors > 0);
  });
});

test.each([
  ['a wrong count', (text: string) => text.replace('tests="0"', 'tests="none"')],
  ['an unknown element', (text: string) => text.replace('</testsuites>', '<x/></testsuites>')],
  ['a control', (text: string) => text.replace('Model Check', 'Model\u0001Check')],
  ['a mark', (text: string) => text.replace('Model Check', '<')],
])('the schema refuses %s', async (_, spoil) => {
  expect(await junitProblems([spoil(textOf(report({})))])).not.toEqual([]);
});

const nasty = [...hostileStrings, ']]>', '&amp;', '"\'', '\ufffe\uffff', '\u0000\u000b', 'a\n::error::b'];
test('hostile text stays text', async () => {
  const texts = nasty.map((text) =>
    textOf(
      report({
        targets: [{ ...a, name: text }],
        blueprints: [
          {
            path: text,
            id: text,
            declarations: [
              declaration(text, {
                ref: text,
                model: text,
                pointer: `/${text}`,
                statuses: statuses([a], 'f'),
              }),
              skipped(text, text),
            ],
          },
        ],
        findings: [
          {
            ...misfit('model-incompatible', text, [a], text, { ref: text, advice: text }),
            message: text,
            help: text,
            blueprint: text,
            declaration: `/${text}`,
          },
        ],
      }),
    ),
  );
  expect(await junitProblems(texts)).toEqual([]);
  for (const written of texts) {
    expect(written).not.toMatch(
      /^\s*::|##\[|<img|[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066\ufffe\uffff]/m,
    );
    expectRightCounts(written);
  }
});

test('130,000 findings of one blueprint come in chunks, all in cases', () => {
  const one: Finding = { ...unknownModel('x.json', 'nope'), message: '', help: '' };
  const pointers = Array.from({ length: 10_000 }, (_, at) => `/llm/configs/c${at}`);
  const of: Report = {
    ...report({
      blueprints: [
        blueprint('x', ...pointers.map((pointer) => declaration('x.json', { pointer, model: null }))),
      ],
    }),
    // All at one place, as of configs that inherit one value; most are about no declaration.
    findings: [
      ...pointers.map((pointer) => about(one, pointer)),
      ...new Array<Finding>(120_000).fill({ ...one, blueprint: 'x' }),
    ],
  };
  const [first = ''] = reportJunit(of);
  expect(first).toContain('<testsuite name="x" tests="130000" failures="130000" errors="0" skipped="0">');
  expect(first.length).toBeLessThan(70_000);
});

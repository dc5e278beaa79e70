import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Report, RunInfo } from '../src/check/report.ts';
import { type Finding, finding } from '../src/findings/finding.ts';
import { encodePath, escapeMarkdown, type MarkdownOptions, reportMarkdown } from '../src/report/markdown.ts';
import { anyReport } from './report-arbitrary.ts';
import {
  blueprint,
  declaration,
  fiftyDifferent,
  fiftyTargets,
  hostile,
  info,
  misfit,
  noContext,
  oneMachine,
  report,
  sixTargets,
  skipped,
  statuses,
  target,
  threeBySix,
  unknownModel,
} from './report-builder.ts';

const link = (file: string, line: number) =>
  `https://github.com/example/fleet/blob/0123abc/${encodePath(file)}#L${line}`;

function markdown(of: Report, run: Partial<RunInfo> = {}, options: Partial<MarkdownOptions> = {}): string {
  return reportMarkdown(of, info(run), { budget: 900_000, link, ...options });
}

const bytes = (text: string) => new TextEncoder().encode(text).length;
const heading = (of: Report, run: Partial<RunInfo> = {}) => markdown(of, run).split('\n')[0];

/** Blueprints with one model each: statuses on the targets by letters, `-` for a skipped one, `?` for an unknown one. */
function fleet(patterns: string[], targets = sixTargets.slice(0, 2), findings: Finding[] = []): Report {
  return report({
    targets,
    blueprints: patterns.map((pattern, at) => {
      const file = `b${at}/manifest.json`;
      if (pattern === '-') return blueprint(`b${at}`, skipped(file, 'provider is fake'));
      if (pattern === '?') return blueprint(`b${at}`, declaration(file, { model: null }));
      return blueprint(`b${at}`, declaration(file, { statuses: statuses(targets, pattern) }));
    }),
    findings,
  });
}

const large = (() => {
  const patterns = Array.from({ length: 47 }, (_, at) => (at < 2 ? 'pf' : at > 37 ? '-' : 'pp'));
  const [, mac8] = sixTargets;
  return fleet(patterns, sixTargets.slice(0, 2), [
    ...[0, 1].map((at) =>
      misfit(
        'model-incompatible',
        `b${at}/manifest.json`,
        mac8 ? [mac8] : [],
        'needs 16 GB unified memory, found 8 GB',
      ),
    ),
    ...Array.from({ length: 9 }, (_, at) => noContext(`b${at}/manifest.json`)),
  ]);
})();

const optionalTargets = sixTargets.map((one) => ({ ...one, required: false }));

describe('what people see', () => {
  const cases: [name: string, Report, Partial<RunInfo>?, Partial<MarkdownOptions>?][] = [
    ['one-machine', oneMachine, { targetsFrom: 'this machine (Linux x64, RTX 2060)', elapsedMs: null }],
    ['three-by-six', threeBySix],
    ['no-links', threeBySix, {}, { link: () => null }],
    ['two-of-47', large, { targetsFrom: '2 targets' }],
    [
      'not-required',
      fleet(['pppppp', 'pfpfwo', '-'], optionalTargets, [
        misfit('model-incompatible', 'b1/manifest.json', optionalTargets.slice(1, 4), 'needs 8 GB VRAM', {
          severity: 'note',
        }),
      ]),
      {
        targetsFrom: '6 presets, one for each row of the hardware table (none required)',
        targetsHint: 'Choose your own with the input targets, or .mn/targets.yaml.',
      },
    ],
    ['fifty-targets', fiftyTargets, { targetsFrom: '50 targets from fleet.yaml' }],
    ['fifty-different', fiftyDifferent, { targetsFrom: '50 targets from fleet.yaml' }],
    ['hostile', hostile, { targetsFrom: '`x` | <b>', catalogFrom: '@octocat', targetsHint: 'a\n::error::b' }],
    ['problems-only', large, { targetsFrom: '2 targets' }, { budget: 2400 }],
    ['counts-only', threeBySix, {}, { budget: 2000 }],
  ];
  test.each(cases)('%s', async (name, of, run, options) => {
    await expect(markdown(of, run, options)).toMatchFileSnapshot(`snapshots/summary-${name}.md`);
  });
});

describe('the heading is the answer, and true', () => {
  const two = sixTargets.slice(0, 2);
  const oneRequired = [target('a', 'Mac 16 GB'), { ...target('b', 'Mac 8 GB'), required: false }];
  const failing = misfit('model-incompatible', 'b0/manifest.json', two, 'too small');
  const warned = misfit('model-acceleration-unverified', 'b0/manifest.json', two, 'too new');
  const forced = misfit('model-forced', 'b0/manifest.json', two, 'too small');
  const outside = finding(
    'invalid-catalog',
    { entry: 'x', problem: 'it has no model', fix: 'Add one.' },
    { location: { file: '.mn/models/catalog.json', pointer: '/0', range: null } },
  );
  const nothing = finding('no-blueprint', { searched: '.' });

  test.each<[expected: string, Report, Partial<RunInfo>?]>([
    ['all 2 blueprints run on all 2 targets', fleet(['pp', 'pw'])],
    ['the blueprint runs on Mac 16 GB', fleet(['p'], two.slice(0, 1))],
    ['all 2 blueprints with local models run on all 2 targets', fleet(['pp', 'pp', '-'])],
    ['the blueprint with local models runs on all 2 targets', fleet(['pp', '-'])],
    ['no local model to check in 2 blueprints', fleet(['-', '-'])],
    ['1 of 2 blueprints needs attention', fleet(['ff', 'pp'], two, [failing])],
    [
      '2 of 2 blueprints need attention',
      fleet(['ff', 'ff'], two, [failing, unknownModel('b1/manifest.json', 'x')]),
    ],
    ['1 of 2 blueprints needs attention', fleet(['ww', 'pp'], two, [warned])],
    [
      '1 of 2 blueprints needs attention, 1 problem outside the blueprints',
      fleet(['ff', 'pp'], two, [failing, outside]),
    ],
    ['1 problem outside the blueprints', fleet(['pp'], two, [outside])],
    ['1 of 1 blueprint passes only with force', fleet(['ff'], two, [forced]), { force: true }],
    [
      '1 of 1 blueprint needs attention (force was asked for)',
      fleet(['ff'], two, [forced, unknownModel('b0/manifest.json', 'x')]),
      { force: true },
    ],
    ['all 2 blueprints run on Mac 16 GB', fleet(['pf', 'po'], oneRequired)],
    [
      '1 of 2 blueprints runs on all 6 targets, none of them required',
      fleet(['pppppp', 'pppppo'], optionalTargets),
    ],
    ['no problems in 2 blueprints, but not every model was checked', fleet(['pp', '?'], two)],
    ['no problems in 2 blueprints, 1 note', fleet(['pp', '?'], two, [noContext('b0/manifest.json')])],
    ['no blueprint found', report({ findings: [nothing] })],
    ['no blueprint found, 1 problem elsewhere', report({ findings: [nothing, outside] })],
  ])('%s', (expected, of, run) => {
    expect(heading(of, run)).toBe(`### Models: ${expected}`);
  });
});

test.each([
  ['vc_assistant', 'vc_assistant'],
  ['gemma4:e2b @ 8192', 'gemma4:e2b @ 8192'],
  ['hf.co/a/b:Q4_K_M', 'hf.co/a/b:Q4_K_M'],
  ['_x_', '&#95;x&#95;'],
  ['a|b', 'a&#124;b'],
  ['**b** `c` [d](e)', '&#42;&#42;b&#42;&#42; &#96;c&#96; &#91;d&#93;(e)'],
  ['<img src=x>&amp;', '&#60;img src=x&#62;&#38;amp;'],
  ['a\nb\\', 'a&#92;nb&#92;'],
  ['@octocat', '@&#8203;octocat'],
  ['https://x.example', 'https&#58;//x.example'],
  ['WWW.x.example', 'WWW&#46;x.example'],
  ['"q" it\'s', '"q" it\'s'],
  ['o/r#12 GH-3 a#b &#1;', 'o/r#&#8203;12 GH-&#8203;3 a#b &#38;#&#8203;1;'],
  ['$x$ ~~y~~', '&#36;x&#36; &#126;&#126;y&#126;&#126;'],
])('escapeMarkdown(%j)', (before, after) => {
  expect(escapeMarkdown(before)).toBe(after);
});

test.each([
  ['a b/c#d?e%f.json', 'https://github.com/example/fleet/blob/0123abc/a%20b/c%23d%3Fe%25f.json#L4'],
  ['a)](x.json', 'https://github.com/example/fleet/blob/0123abc/a%29%5D%28x.json#L4'],
  ['"q" it\'s.json', 'https://github.com/example/fleet/blob/0123abc/%22q%22%20it%27s.json#L4'],
  ["a'\ud800<b>|`.json", 'https://github.com/example/fleet/blob/0123abc/a%27%EF%BF%BD%3Cb%3E%7C%60.json#L4'],
])('the link of %j ends where it should', (file, address) => {
  const shown = markdown(report({ blueprints: [blueprint('a')], findings: [unknownModel(file, 'x')] }));
  expect(shown).toContain(`[${escapeMarkdown(file)}:4](${address})<br>`);
});

test('hostile text is neither a row, a tag, a link, a mention nor a command', () => {
  const shown = markdown(hostile, {
    targetsFrom: '<script>',
    catalogFrom: '| x |',
    targetsHint: '::error::x',
  });
  const tags = shown.match(/<[^>]*>/g) ?? [];
  expect([...new Set(tags)].sort()).toEqual(['</details>', '</summary>', '<br>', '<details>', '<summary>']);
  expect(shown).not.toMatch(/^\s*::|##\[|@octocat|\]\(https:\/\/example\.com/m);
  const tables = shown.split('\n').filter((line) => line.startsWith('|'));
  expect(tables.length).toBeGreaterThan(20);
  for (const row of tables) expect(row.match(/\|/g)).toHaveLength(5);
});

describe('the columns of the matrix', () => {
  const many = (patterns: string[]) => {
    const length = patterns[0]?.length ?? 0;
    const targets = Array.from({ length }, (_, at) => target(`t${at}`, `T${at}`));
    const shown = markdown(fleet(patterns, targets)).split('\n');
    return {
      head: shown.find((line) => line.startsWith('| blueprint |')),
      legend: shown.filter((line) => line.startsWith('- ')),
    };
  };
  test.each<[name: string, patterns: string[], head: string, legend: string[]]>([
    ['up to eight targets have one each', ['pppppppp'], 'T0 | T1 | T2 | T3 | T4 | T5 | T6 | T7', []],
    [
      'nine that are alike share one',
      ['ppppppppp'],
      'T0 +8',
      ['- T0 +8: t0, t1, t2, t3, t4, t5, t6, t7, t8'],
    ],
    [
      'alike in every row',
      ['pppffffpp', 'pppfffwpp', '-'],
      'T0 +4 | T3 +2 | T6',
      ['- T0 +4: t0, t1, t2, t7, t8', '- T3 +2: t3, t4, t5'],
    ],
    [
      'of very many the first ones are named',
      [`f${'p'.repeat(99)}`],
      'T0 | T1 +98',
      [`- T1 +98: ${Array.from({ length: 50 }, (_, at) => `t${at + 1}`).join(', ')} and 49 more`],
    ],
  ])('%s', (_, patterns, head, legend) => {
    // A column of one target whose head says its id needs no line.
    expect(many(patterns)).toEqual({ head: `| blueprint | model | ${head} |`, legend });
  });
});

describe('the budget', () => {
  test.each([10, 1000, 100_000])('%i findings keep their counts and the worst of them', (amount) => {
    const warning = (at: number) =>
      misfit('model-acceleration-unverified', `b${at}/manifest.json`, sixTargets.slice(0, 1), `why ${at}`);
    const findings = [
      ...Array.from({ length: amount - 1 }, (_, at) => warning(at)),
      unknownModel('zz/manifest.json', 'worst'),
    ];
    for (const budget of [4000, 62_000]) {
      const shown = markdown(report({ targets: sixTargets, findings }), {}, { budget });
      expect(bytes(shown)).toBeLessThanOrEqual(budget);
      expect(shown).toContain(`**1 error, ${amount - 1} warnings, 0 notes**`);
      expect(shown).toContain('\n1. ✗ **Unknown model "worst"**');
      const left = /: (\d+) of (\d+) problems/.exec(shown);
      const items = shown.match(/^\d+\. /gm)?.length ?? 0;
      expect(items + Number(left?.[1] ?? 0)).toBe(amount);
    }
  });

  test('is never passed, and the counts are always there', () => {
    const budgets = fc.integer({ min: 2000, max: 40_000 });
    const words = fc.string({ unit: 'binary', maxLength: 400 });
    fc.assert(
      fc.property(
        anyReport,
        budgets,
        words,
        words,
        words,
        (of, budget, targetsFrom, targetsHint, catalogFrom) => {
          const shown = markdown(of, { targetsFrom, targetsHint, catalogFrom }, { budget });
          expect(bytes(shown)).toBeLessThanOrEqual(budget);
          const { errors, warnings, notes } = of.summary;
          const plural = (amount: number, noun: string) => `${amount} ${noun}${amount === 1 ? '' : 's'}`;
          expect(shown).toContain(
            `**${plural(errors, 'error')}, ${plural(warnings, 'warning')}, ${plural(notes, 'note')}** in `,
          );
          expect(shown.endsWith('\n')).toBe(true);
          expect(shown.isWellFormed()).toBe(true);
          expect(shown.match(/<details>/g)?.length).toBe(shown.match(/<\/details>/g)?.length);
          if (shown.includes('Left out')) expect(shown).toContain('The JSON report has everything.\n');
        },
      ),
      { numRuns: 200 },
    );
  });

  test('5,000 blueprints with 100,000 findings still give an answer', () => {
    const targets = sixTargets;
    const shared = statuses(targets, 'pfpfwo');
    const paths = Array.from({ length: 5000 }, (_, at) => `team-${at % 70}/blueprint_${at}`);
    const findings = paths.flatMap((path) =>
      Array.from({ length: 20 }, (_, at) =>
        unknownModel(`${path}/manifest.json`, `${path}-model-${at}`, at + 1),
      ),
    );
    const of = report({
      targets,
      blueprints: paths.map((path) =>
        blueprint(path, declaration(`${path}/manifest.json`, { statuses: shared })),
      ),
      findings,
    });
    const shown = markdown(of);
    expect(bytes(shown)).toBeLessThan(900_000);
    expect(bytes(shown)).toBeGreaterThan(800_000);
    expect(shown).toContain('### Models: 5000 of 5000 blueprints need attention\n');
    expect(shown).toContain('**100000 errors, 0 warnings, 0 notes** in 5000 blueprints');
    expect(shown).toContain('| 100000 |');
    expect(shown).toMatch(
      /\nLeft out to stay within the size of a summary: \d+ of 100000 problems, the matrix/,
    );
  });

  test('5,000 blueprints in order are all shown', () => {
    const shown = markdown(fleet(Array(5000).fill('pppppp'), sixTargets));
    expect(bytes(shown)).toBeLessThan(900_000);
    expect(shown.match(/^\| \*\*b\d+\*\* /gm)).toHaveLength(5000);
    expect(shown).toContain('### Models: all 5000 blueprints run on all 6 targets\n');
  });
});

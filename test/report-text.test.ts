import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import type { Report, RunInfo } from '../src/check/report.ts';
import { finding } from '../src/findings/finding.ts';
import type { Target } from '../src/hardware/facts.ts';
import { codeFrame } from '../src/report/frame.ts';
import { paint } from '../src/report/paint.ts';
import { guardLines, reportText, type TextOptions } from '../src/report/text.ts';
import { clip, clipStart, width, wrap } from '../src/report/width.ts';
import { elapsed } from '../src/report/words.ts';
import { listed } from '../src/text/text.ts';
import {
  blueprint,
  declaration,
  fiftyDifferent,
  fiftyTargets,
  hostile,
  hostileStrings,
  info,
  manifest,
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
  verdict,
} from './report-builder.ts';

const machine = info({
  targetsFrom: 'this machine (detected: Linux x64, NVIDIA RTX 2060 6 GB, 31 GB RAM)',
  targetsHint: 'To check others: --targets with presets or a file (mn target list).',
});

function text(of: Report, options: Partial<TextOptions> = {}, run: Partial<RunInfo> = {}): string {
  const source = (file: string) =>
    file.includes('cctv')
      ? '{\n  "primary": "medium",\n  "llm": {\n    "model": "gemma5"\n  }\n}\n'
      : manifest(file.startsWith('legal') ? 'default' : 'gemma4:e2b');
  return reportText(of, info(run), { color: false, width: 100, quiet: false, source, ...options });
}

/** 60 blueprints: 30 with an error each, 20 fine, 10 skipped. */
const sixty = (() => {
  const [a, b] = [target('rtx-4060', 'RTX 4060'), target('rtx-2060', 'RTX 2060')];
  const names = Array.from({ length: 60 }, (_, at) => `team/b${String(at).padStart(2, '0')}`);
  return report({
    targets: [a, b],
    blueprints: names.map((path, at) =>
      at < 50
        ? blueprint(
            path,
            declaration(`${path}/manifest.json`, { statuses: statuses([a, b], at < 30 ? 'pf' : 'pp') }),
          )
        : blueprint(
            path,
            skipped(`${path}/manifest.json`, at < 56 ? 'provider is fake' : 'llm.enabled is false'),
          ),
    ),
    findings: names.flatMap((path, at) =>
      at < 30
        ? [misfit('model-incompatible', `${path}/manifest.json`, [b], `needs 8 GB VRAM, found ${at % 3} GB`)]
        : at < 42
          ? [noContext(`${path}/manifest.json`)]
          : [],
    ),
  });
})();

const forced = (() => {
  const [a, b] = [target('rtx-2060', 'RTX 2060'), target('cpu', 'CPU 32 GB')];
  const file = 'a/manifest.json';
  return report({
    targets: [a, b],
    blueprints: [blueprint('a', declaration(file, { statuses: statuses([a, b], 'fo') }))],
    findings: [
      misfit('model-forced', file, [a, b], 'needs 8 GB VRAM, found 6 GB', {
        advice: 'Expect it to be slow.',
      }),
    ],
  });
})();

describe('what people see', () => {
  const cases: [name: string, Report, Partial<TextOptions>?, Partial<RunInfo>?][] = [
    ['one-machine', oneMachine, { width: 90 }, machine],
    ['one-machine-quiet', oneMachine, { width: 90, quiet: true }, machine],
    ['three-by-six', threeBySix, { width: 120 }],
    ['three-by-six-narrow', threeBySix, { width: 80 }],
    ['fifty-targets', fiftyTargets, { width: 80 }, { targetsFrom: '50 targets from fleet.yaml' }],
    ['fifty-targets-wide', fiftyTargets, { width: 120 }, { targetsFrom: '50 targets from fleet.yaml' }],
    ['fifty-different', fiftyDifferent, { width: 80 }, { targetsFrom: '50 targets from fleet.yaml' }],
    ['sixty-blueprints', sixty, { width: 100, source: () => null }, { targetsFrom: '2 targets' }],
    ['forced', forced, {}, { targetsFrom: '2 targets', force: true, elapsedMs: null }],
    [
      'hostile',
      hostile,
      { source: () => `x\n::error::z\n##[y]\n\u001b[2J"::error::a" ##[b]` },
      { targetsFrom: '2 targets' },
    ],
    ['colour', oneMachine, { color: true, width: 90 }, machine],
  ];
  test.each(cases)('%s', async (name, of, options, run) => {
    await expect(text(of, options, run)).toMatchFileSnapshot(`snapshots/text-${name}.txt`);
  });

  test('no line of hostile text is a command to the runner, and no control reaches the terminal', () => {
    for (const width of [40, 80, 200]) {
      const shown = text(hostile, { width, source: () => hostileStrings.join('\n') });
      expect(shown).not.toMatch(/^\s*::|##\[/m);
      expect(shown).not.toMatch(
        /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/,
      );
      expect(shown.isWellFormed()).toBe(true);
    }
  });

  test.each([
    [
      'nothing found',
      report({ findings: [finding('no-blueprint', { searched: '.' })] }),
      '⚠ no-blueprint\n  No blueprint found\n',
    ],
    ['one blueprint', report({ blueprints: [blueprint('a')] }), 'a          –      no model found\n'],
    [
      'a file that is not JSON',
      report({
        blueprints: [blueprint('a')],
        findings: [
          finding(
            'invalid-json',
            { reason: 'it is empty', fix: 'Fill it.' },
            { location: { file: 'a/manifest.json', pointer: '', range: null } },
          ),
        ],
      }),
      '✗ invalid-json  a/manifest.json\n  Not valid JSON\n  The file is not valid JSON: it is empty.\n  fix: Fill it.\n',
    ],
  ])('%s', (_, of, expected) => {
    expect(text(of)).toContain(expected);
  });

  test('after 50 problems each has one line', () => {
    const many = report({
      blueprints: [blueprint('a')],
      findings: Array.from({ length: 53 }, (_, at) => unknownModel('a/manifest.json', `m${at}`, at + 1)),
    });
    const shown = text(many, { source: () => null });
    expect(shown.match(/^✗ unknown-model {2}/gm)).toHaveLength(50);
    expect(shown).toContain(
      '\n\nerror a/manifest.json:51:14 unknown-model Unknown model "m50"\nerror a/manifest.json:52:14 unknown-model Unknown model "m51"\nerror a/manifest.json:53:14 unknown-model Unknown model "m52"\n\n53 errors, 0 warnings in 1 blueprint · 38 ms\n',
    );
  });

  test('at most 100 blueprints with problems have rows', () => {
    const names = Array.from({ length: 1000 }, (_, at) => `b${at}`);
    const many = report({
      blueprints: names.map((path) =>
        blueprint(path, declaration(`${path}/manifest.json`, { model: null, ref: 'nope' })),
      ),
      findings: names.map((path) => unknownModel(`${path}/manifest.json`, 'nope')),
    });
    const shown = text(many, { source: () => null });
    expect(shown.match(/^ {2}b\d+ .*✗ unknown model$/gm)).toHaveLength(100);
    expect(shown).toContain('\n  … and 900 more blueprints with problems (see --format json)\n');
    expect(shown).toContain('  also in b1/manifest.json:4:14, b10/manifest.json:4:14 and 997 more\n');
  });

  test('blueprints with one id go by their paths', () => {
    const twins = ['x/same', 'y/same'].map((path) =>
      blueprint(path, skipped(`${path}/manifest.json`, 'provider is fake')),
    );
    expect(text(report({ blueprints: twins }))).toContain(
      '  blueprint  model  verdict\n  x/same     –      skipped: provider is fake\n  y/same     –      skipped: provider is fake\n',
    );
  });

  test('a forced verdict says so', () => {
    const on = target('rtx-2060', 'RTX 2060');
    const one = report({
      targets: [on],
      verdicts: [
        verdict('gemma4:e2b', on, 'fail', 'needs 8 GB VRAM, found 6 GB', { forced: true, ok: true }),
      ],
      blueprints: [blueprint('a', declaration('a/manifest.json', { statuses: statuses([on], 'f') }))],
    });
    expect(text(one, {}, { force: true })).toContain(
      '  blueprint  model       on RTX 2060\n  a          gemma4:e2b  ✗ does not run, forced   needs 8 GB VRAM, found 6 GB\n',
    );
  });

  test('no line of a matrix is wider than the terminal', () => {
    const names = fc.array(
      fc.string({ unit: fc.constantFrom('a', 'Z', ' ', 'é', '日', '한'), maxLength: 30 }),
      { minLength: 2, maxLength: 60 },
    );
    fc.assert(
      fc.property(names, fc.integer({ min: 60, max: 160 }), (targets, columns) => {
        const machines = targets.map((name, at) => target(`t${at}`, name));
        const of = report({
          targets: machines,
          blueprints: [blueprint('a', declaration('a/m', { statuses: statuses(machines, 'pf'.repeat(30)) }))],
        });
        const lines = text(of, { width: columns }, { targetsFrom: 'targets' }).split('\n');
        // The list of numbers has whole names, however long.
        const table = lines.filter((line) => line.startsWith('  blueprint') || line.startsWith('  a '));
        expect(table.length).toBeGreaterThan(1);
        for (const line of table) expect(width(line)).toBeLessThanOrEqual(columns);
      }),
      { numRuns: 50, examples: [[['', '', '', '', 'a日', '', 'a日日日aaa', '', ''], 60]] },
    );
  });
});

describe('code frames', () => {
  const frame = (
    source: string,
    line: number,
    column: number,
    endColumn: number,
    columns = 60,
    endLine = line,
  ) =>
    codeFrame(
      source,
      { line, column, endLine, endColumn },
      { columns, label: 'why', paint: paint(false), mark: (shown) => shown },
    ).join('\n');

  test.each([
    [
      'two lines before',
      frame('a\nb\nc\nd: "x",\ne', 4, 4, 7),
      '    2 │ b\n    3 │ c\n  ▸ 4 │ d: "x",\n      │    ^^^  why',
    ],
    ['the first line', frame('"x"', 1, 1, 4), '  ▸ 1 │ "x"\n      │ ^^^  why'],
    ['CRLF', frame('a\r\n"x"\r\n', 2, 1, 4), '    1 │ a\n  ▸ 2 │ "x"\n      │ ^^^  why'],
    ['tabs', frame('\t"a":\t"x"', 1, 7, 10), '  ▸ 1 │   "a":  "x"\n      │         ^^^  why'],
    ['wide characters', frame('"日本": "한"', 1, 7, 10), '  ▸ 1 │ "日本": "한"\n      │         ^^^^  why'],
    ['several lines', frame('{"a": [\n1]}', 1, 7, 3, 60, 2), '  ▸ 1 │ {"a": [\n      │       ^  why'],
    ['an empty range', frame('ab', 1, 3, 3), '  ▸ 1 │ ab\n      │   ^  why'],
    [
      'numbers of two widths',
      frame(`${'\n'.repeat(8)}i\n"x"`, 10, 1, 4),
      '     8 │\n     9 │ i\n  ▸ 10 │ "x"\n       │ ^^^  why',
    ],
    ['controls', frame('"\u001b[2J"', 1, 1, 7), '  ▸ 1 │ "\\u{1b}[2J"\n      │ ^^^^^^^^^^^  why'],
    [
      'minified JSON',
      frame(`{"a":"${'x'.repeat(500)}","model":"gemma","b":"${'y'.repeat(500)}"}`, 1, 517, 524, 60),
      '  ▸ 1 │ …xxxx","model":"gemma","b":"yyyyyyyyyyyyyyyyyyyyyyy…\n      │                ^^^^^^^  why',
    ],
    [
      'the end of a long line',
      frame(`"${'x'.repeat(500)}": 1`, 1, 505, 506, 60),
      '  ▸ 1 │ …xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": 1\n      │                                                    ^\n  why',
    ],
    ['a line that is no longer there', frame('a', 4, 1, 2), ''],
  ])('%s', (_, shown, expected) => {
    expect(shown).toBe(expected);
  });

  test('never throws and never passes the terminal, wherever the range is', () => {
    const place = fc.integer({ min: 1, max: 400 });
    const source = fc.string({
      unit: fc.constantFrom('a', '\t', '日', '\n', '\u001b', '\ud83d\ude00', 'e\u0301', '"'),
      maxLength: 300,
    });
    fc.assert(
      fc.property(
        source,
        fc.integer({ min: 1, max: 5 }),
        place,
        place,
        fc.integer({ min: 40, max: 120 }),
        (...args) => {
          for (const line of frame(...args).split('\n')) expect(width(line)).toBeLessThanOrEqual(args[4]);
        },
      ),
    );
  });
});

test.each([
  ['::error::x', '\\::error::x'],
  ['a\n  ::error::x\n', 'a\n  \\::error::x\n'],
  ['a\r::set-env::x', 'a\r\\::set-env::x'],
  ['a ::b', 'a ::b'],
  ['x ##[error]', 'x ##\\[error]'],
  ['####[a', '####\\[a'],
])('guardLines(%j)', (before, after) => {
  expect(guardLines(before)).toBe(after);
});

test('width agrees with string-width', () => {
  const characters = [...'aZ09~ éßñ✓⚠○✗…│▸·–—→Жλא日本語한글かなカナＡ￥🚀😀🧠𠀀☕⚡✅'];
  for (const character of characters)
    expect(`${character} ${width(character)}`).toBe(`${character} ${stringWidth(character)}`);
  expect(width('e\u0301')).toBe(1);
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...characters.slice(0, -1)), maxLength: 30 }),
      fc.integer({ min: 1, max: 40 }),
      (shown, columns) => {
        expect(width(shown)).toBe(stringWidth(shown));
        expect(width(clip(shown, columns))).toBeLessThanOrEqual(columns);
        expect(width(clipStart(shown, columns))).toBeLessThanOrEqual(columns);
        expect(wrap(shown, columns).join('').replaceAll(' ', '')).toBe(shown.replaceAll(' ', ''));
      },
    ),
  );
});

test.each([
  [0, '0 ms'],
  [38.4, '38 ms'],
  [999.6, '1.0 s'],
  [59_940, '59.9 s'],
  [125_000, '2 min 5 s'],
])('elapsed(%d)', (milliseconds, words) => {
  expect(elapsed(milliseconds)).toBe(words);
});

test.each([
  [[], 2, undefined, ''],
  [['a'], 2, undefined, 'a'],
  [['a', 'b'], 2, undefined, 'a and b'],
  [['a', 'b', 'c'], 3, undefined, 'a, b and c'],
  [['a', 'b', 'c'], 2, undefined, 'a, b and 1 more'],
  [['a', 'b'], 2, 14, 'a, b and 12 more'],
])('listed(%j, %d, %d)', (items, limit, total, words) => {
  expect(listed(items, limit, total)).toBe(words);
});

test('targets that fit no terminal of 40 columns are numbered and split into bands', () => {
  const targets = [...sixTargets, target('pi', 'Pi')];
  const of = report({
    targets,
    blueprints: [
      blueprint(
        'a',
        skipped('a/m', 'provider is fake'),
        declaration('a/m', { statuses: statuses(targets, 'pfpfwof') }),
      ),
    ],
  });
  expect(text(of, { width: 40 }, { targetsFrom: '7 targets' })).toContain(
    [
      '  blueprint  model       1  2  3  4  5',
      '  a          –           skipped: provider is fake',
      '             gemma4:e2b  ✓  ✗  ✓  ✗  ⚠',
      '',
      '  blueprint  model       6  7',
      '  a          gemma4:e2b  ○  ✗',
      '',
    ].join('\n'),
  );
});

describe('the bar of the estimate, on one target', () => {
  const gib = 2 ** 30;
  test.each<[name: string, gb: number, memory: [number | null, number | null], expected: string | null]>([
    ['fits', 2.4, [8, null], '███░░░░░░░ takes 2.4 of 8 GB'],
    ['tight', 7.5, [8, null], '█████████░ takes 7.5 of 8 GB, tight'],
    ['too much', 9, [8, null], '██████████ takes 9 of 8 GB, too much'],
    ['one of two cards is enough', 2.4, [8, 16], '███░░░░░░░ takes 2.4 of 8 GB'],
    ['both cards are', 10, [8, 16], '██████░░░░ takes 10 of 16 GB, tight'],
    ['both are without their margins only', 15, [8, 16], '██████████ takes 15 of 16 GB, too much'],
    ['not known what is there', 2.4, [null, null], null],
  ])('%s', (_, gb, [bytes, together], expected) => {
    const on = sixTargets[0] as Target;
    const sizes = { device: gb * gib, host: 0, cpuOnly: gb * gib, margin: gib };
    const of = report({
      targets: [on],
      modelMemory: [
        {
          kind: 'vram',
          bytes: bytes === null ? null : bytes * gib,
          togetherBytes: together === null ? null : together * gib,
          hostBytes: null,
          because: 'VRAM',
        },
      ],
      blueprints: [
        blueprint(
          'a',
          declaration('a/manifest.json', {
            statuses: statuses([on], 'p'),
            estimate: { contextSize: 4096, given: true, note: null, ...sizes },
          }),
        ),
      ],
    });
    const line = text(of).match(/[█░]+ takes .*/)?.[0] ?? null;
    expect(line).toBe(expected);
  });
});

import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commentModes, reportFileInputs, summaryModes } from '../src/action/inputs.ts';
import { workers } from '../src/blueprint/worker.ts';
import { configFields, configReportFiles, parseConfig } from '../src/check/config.ts';
import { failOnLevels } from '../src/check/exit-code.ts';
import { suppressionSieve } from '../src/check/suppressions.ts';
import { isYaml } from '../src/hardware/select.ts';
import { parseYaml } from '../src/io/yaml.ts';
import { formatNames } from '../src/run/format-names.ts';
import { ifNoneLevels } from '../src/run/run.ts';
import { hostileStrings } from './report-builder.ts';
import type { Tree } from './support/blueprints.ts';
import { checkTree, preset } from './support/blueprints.ts';

const schema = JSON.parse(readFileSync('schemas/model-check.schema.json', 'utf8'));
const isValid = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);

const isInside = (path: string) => !path.startsWith('/') && !path.startsWith('..');
const parsed = (text: string, file = 'c.yaml') =>
  parseConfig(file, text, isYaml(file) ? parseYaml : null, isInside);

/** `line:column message` of everything that is wrong. */
function wrong(text: string, file?: string): string[] {
  const result = parsed(text, file);
  if (result.ok) return [];
  return result.problems.map(({ message, range }) => `${range?.line}:${range?.column} ${message}`);
}

test('the schema, the code and the options agree', () => {
  const { properties } = schema.$defs.config;
  expect(Object.keys(properties)).toEqual(['$schema', ...configFields]);
  expect(properties['fail-on'].enum).toEqual(failOnLevels);
  expect(properties['if-none'].enum).toEqual(ifNoneLevels);
  for (const pattern of [properties.format.pattern, properties.format.items.pattern])
    expect(pattern).toContain(`(${formatNames.join('|')})`);
  expect(properties.comment.enum).toEqual(commentModes);
  expect(configReportFiles).toEqual(reportFileInputs);
  expect(properties.summary.enum).toEqual(summaryModes);
  expect(properties.worker.enum).toEqual(workers);
});

test('every option is read, and one text stands for a list', () => {
  const text = `
$schema: x
paths: blueprints
include: [a, b]
exclude: c
targets: rtx-4060, .mn/targets.yaml
set: gpu.vram_gb=8
catalogs: [more.json]
force: true
fail-on: never
fail-on-new: true
compare: origin/main
if-none: error
baseline: .mn/baseline.json
format: [json, "sarif:out/a:b.sarif"]
report-file: a.json
sarif-file: a.sarif
junit-file: a.xml
html-file: a.html
annotations: false
summary: on-problems
comment: always
worker: hostlocal
suppressions:
  - finding: unknown-model
    blueprint: blueprints/a
    target: rtx-4060
    pointer: /llm
    reason: Why.
    until: 2027-01-31
  - { finding: payload-missing, blueprint: "**", reason: r }
`;
  const result = parsed(text);
  expect(result).toEqual({
    ok: true,
    config: {
      $schema: 'x',
      paths: ['blueprints'],
      include: ['a', 'b'],
      exclude: ['c'],
      targets: ['rtx-4060, .mn/targets.yaml'],
      set: ['gpu.vram_gb=8'],
      catalogs: ['more.json'],
      force: true,
      'fail-on': 'never',
      'fail-on-new': true,
      compare: 'origin/main',
      'if-none': 'error',
      baseline: '.mn/baseline.json',
      format: ['json', 'sarif:out/a:b.sarif'],
      'report-file': 'a.json',
      'sarif-file': 'a.sarif',
      'junit-file': 'a.xml',
      'html-file': 'a.html',
      annotations: false,
      summary: 'on-problems',
      comment: 'always',
      worker: 'hostlocal',
      suppressions: [
        {
          finding: 'unknown-model',
          blueprint: 'blueprints/a',
          target: 'rtx-4060',
          pointer: '/llm',
          reason: 'Why.',
          until: '2027-01-31',
          location: {
            file: 'c.yaml',
            pointer: '/suppressions/0/finding',
            range: { line: 25, column: 14, endLine: 25, endColumn: 27 },
          },
        },
        {
          finding: 'payload-missing',
          blueprint: '**',
          target: null,
          pointer: null,
          reason: 'r',
          until: null,
          location: {
            file: 'c.yaml',
            pointer: '/suppressions/1/finding',
            range: { line: 31, column: 16, endLine: 31, endColumn: 31 },
          },
        },
      ],
    },
  });
  expect(parsed('{}', 'c.json')).toEqual({ ok: true, config: { suppressions: [] } });
});

describe('what is wrong is told with its place', () => {
  const of = (rest: string) => `suppressions:\n- {finding: unknown-model, blueprint: b, reason: r, ${rest}}`;
  test.each<[text: string, expected: string[]]>([
    ['', ['1:1 The file is empty. Write {"fail-on": "error"}, or delete it.']],
    ['# nothing', ['1:1 The file is empty. Write "fail-on: error", or delete it.']],
    ['- a', ['1:1 The file must be an object; found an array.']],
    ['failon: never', ['1:9 The file has the unknown field "failon". Did you mean fail-on?']],
    ['catalog: a', ['1:10 The file has the unknown field "catalog". Did you mean catalogs?']],
    [
      'zzzzzzzz: 1',
      [
        '1:11 The file has the unknown field "zzzzzzzz". Write one of paths, include, exclude, targets, set, catalogs, force, fail-on, fail-on-new, compare, if-none, baseline, format, report-file, sarif-file, junit-file, html-file, annotations, summary, comment, worker, suppressions.',
      ],
    ],
    [
      'a.b/c~d: 1',
      [`1:10 The file has the unknown field "a.b/c~d". Write one of ${configFields.join(', ')}.`],
    ],
    [
      '__proto__: 1',
      [`1:12 The file has the unknown field "__proto__". Write one of ${configFields.join(', ')}.`],
    ],
    [
      'force: yes\nfail-on: warn\npaths: 3\ntargets: [a, 4]',
      [
        '1:8 force must be true or false; found the string "yes".',
        '2:10 fail-on must be error, warning or never; found the string "warn".',
        '3:8 paths must be a string or a list; found 3.',
        '4:14 targets.1 must be a string; found 4.',
      ],
    ],
    [
      'paths: [a, ../b]\ntargets: "rtx-4060, /etc/t.json"\ncatalogs: /x/*.json\nbaseline: ../b.json',
      [
        '1:12 "../b" leads out of the repository. Name something inside it.',
        '2:10 "/etc/t.json" leads out of the repository. Name something inside it.',
        '3:11 "/x/*.json" leads out of the repository. Name something inside it.',
        '4:11 "../b.json" leads out of the repository. Name something inside it.',
      ],
    ],
    [
      "format: [xml, 'sarif:', 'html:../a']\nsarif-file: /a.sarif\nhtml-file: ' '\ncompare: true",
      [
        '1:10 format.0 must be text, json, markdown, github, sarif, junit or html, or one of them with a file as in sarif:out.sarif; found the string "xml".',
        '1:15 format.1 must be text, json, markdown, github, sarif, junit or html, or one of them with a file as in sarif:out.sarif; found the string "sarif:".',
        '1:25 "../a" leads out of the repository. Name something inside it.',
        '2:13 "/a.sarif" leads out of the repository. Name something inside it.',
        '3:12 html-file must be a text that is not empty; found the string " ".',
        '4:10 compare must be a string; found true.',
      ],
    ],
    [
      'suppressions:\n- {finding: unknown-modle, blueprint: b}\n- blueprint: " "\n  resaon: x',
      [
        '2:3 The suppression lacks reason. Write why the finding is accepted.',
        '2:13 Unknown finding "unknown-modle". Did you mean unknown-model?',
        '3:3 The suppression lacks finding. Write the id of a finding (mn finding list).',
        '3:3 The suppression lacks reason. Write why the finding is accepted.',
        '3:14 suppressions.1.blueprint must be a text that is not empty; found the string " ".',
        '4:11 The suppression has the unknown field "resaon". Did you mean reason?',
      ],
    ],
    [
      of('until: 2027-02-29'),
      ['2:60 until is "2027-02-29", which is no day of the calendar. Write a date as 2027-01-31.'],
    ],
    [of('until: 2028-02-29'), []],
    [
      of('until: 2027-1-1'),
      ['2:60 suppressions.0.until must be a date as 2027-01-31; found the string "2027-1-1".'],
    ],
    [
      of('until: 2027-13-01'),
      ['2:60 until is "2027-13-01", which is no day of the calendar. Write a date as 2027-01-31.'],
    ],
    [
      of('pointer: llm'),
      ['2:62 suppressions.0.pointer must be a JSON Pointer, which begins with /; found the string "llm".'],
    ],
    [
      'suppressions:\n- toString\n- null',
      [
        '2:3 suppressions.0 must be an object; found the string "toString".',
        '3:3 suppressions.1 must be an object; found null.',
      ],
    ],
    [
      `exclude: ${'a'.repeat(1001)}\ncatalogs: ['+(a*)/*b', a*a*a*a*a*, more/*.json, 'a (b)/c.json']`,
      [
        `1:10 "${'a'.repeat(79)}…" is longer than 1000 characters. Shorten it.`,
        '2:12 The glob "+(a*)/*b" is too much for this file. Use only *, at most four of them, or name the files.',
        '2:24 The glob "a*a*a*a*a*" is too much for this file. Use only *, at most four of them, or name the files.',
      ],
    ],
    ['force: true\nforce: false', ['2:1 This key already stands in the same map. Remove one of the two.']],
  ])('%j', (text, expected) => {
    expect(wrong(text)).toEqual(expected);
  });

  test('in JSON too', () => {
    expect(wrong('{\n  "force": 1,\n}', 'c.json')).toEqual([
      '2:13 The file is not valid JSON: a comma follows the last item. Remove the comma.',
    ]);
    expect(wrong('{\n  "force": 1,\n  "forse": true}', 'c.json')).toEqual([
      '2:12 force must be true or false; found 1.',
      '3:12 The file has the unknown field "forse". Did you mean force?',
    ]);
  });

  test('and agrees with the schema, for any value', () => {
    const key = fc.constantFrom(...configFields, '__proto__', 'constructor', ...hostileStrings);
    const leaf = fc.oneof(
      fc.constantFrom('error', 'text', 'a', true, false, null, 3),
      fc.jsonValue({ maxDepth: 2 }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, fc.oneof(leaf, fc.array(leaf, { maxLength: 2 }))), { maxLength: 4 }),
        (pairs) => {
          // Not from entries: `__proto__` must be a key.
          const text = `{${[...new Map(pairs)].map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`).join(', ')}}`;
          const result = parseConfig('c.json', text, null, () => true);
          expect(result.ok).toBe(isValid(JSON.parse(text)));
          if (!result.ok) for (const { message } of result.problems) expect(message).toMatch(/^\S.*\.$/);
        },
      ),
    );
  });
});

const tree: Tree = {
  'a.json':
    '{"llm": {"configs": {"x": {"model": "nemotron3", "context_size": 1}, "y": {"model": "none", "context_size": 1}}}}',
  'more/b.json': '{"llm": {"model": "nemotron3", "context_size": 1}}',
};
const targets = [preset('nvidia-6gb'), preset('intel-mac')];

/** What a suppression of model-incompatible leaves, hides and says of itself. */
function suppressed(rules: string, isWhole = true) {
  const result = parsed(`suppressions: [${rules}]`);
  if (!result.ok) throw new Error(result.problems[0]?.message);
  const sieve = suppressionSieve(result.config.suppressions, {
    today: '2026-11-22',
    pathIn: (path) => `sub/${path}`,
    isWhole,
  });
  const { findings, hidden } = checkTree(tree, { targets, sieve });
  return {
    shown: findings.map(({ id, blueprint, targets: on, location }) =>
      blueprint === null ? `${id} ${location?.range?.line}` : `${id} ${blueprint} ${on.join(' ')}`.trim(),
    ),
    hidden: hidden.map(({ finding, by, reason }) =>
      `${by}: ${reason} ${finding.blueprint} ${finding.targets.join(' ')}`.trim(),
    ),
  };
}

describe('suppressions', () => {
  const both = 'nvidia-6gb intel-mac';
  const a = `model-incompatible a.json ${both}`;
  const b = `model-incompatible more/b.json ${both}`;
  const unknown = 'unknown-model a.json';
  const rule = (blueprint: string, more = '') =>
    `{finding: model-incompatible, blueprint: "${blueprint}", reason: r${more}}`;

  test.each<[what: string, rules: string, shown: string[], hidden: string[]]>([
    ['none', '', [a, unknown, b], []],
    ['one blueprint', rule('a.json'), [unknown, b], [`suppression: r a.json ${both}`]],
    [
      'a glob',
      rule('**'),
      [unknown],
      [`suppression: r a.json ${both}`, `suppression: r more/b.json ${both}`],
    ],
    [
      'one target',
      rule('a.json', ', target: intel-mac'),
      ['model-incompatible a.json nvidia-6gb', unknown, b],
      ['suppression: r a.json intel-mac'],
    ],
    [
      'a value',
      rule('a.json', ', pointer: /llm/configs/x/model'),
      [unknown, b],
      [`suppression: r a.json ${both}`],
    ],
    [
      'around a value',
      rule('a.json', ', pointer: /llm/configs'),
      [unknown, b],
      [`suppression: r a.json ${both}`],
    ],
    ['another value', rule('a.json', ', pointer: /llm/config'), [a, unknown, b, 'suppression-unused 1'], []],
    [
      'on its last day',
      rule('a.json', ', until: 2026-11-22'),
      [unknown, b],
      [`suppression: r a.json ${both}`],
    ],
    ['a day later', rule('a.json', ', until: 2026-11-21'), [a, unknown, 'suppression-expired 1', b], []],
    ['nothing to hide', rule('none.json'), [a, unknown, b, 'suppression-unused 1'], []],
    [
      'the first of two, and neither is useless',
      `${rule('a.json', ', target: intel-mac')}, {finding: model-incompatible, blueprint: "**", reason: s}`,
      [unknown],
      [
        'suppression: s a.json nvidia-6gb',
        'suppression: r a.json intel-mac',
        `suppression: s more/b.json ${both}`,
      ],
    ],
  ])('%s', (_, rules, shown, hidden) => {
    const result = suppressed(rules);
    expect(result.shown.toSorted()).toEqual(shown.toSorted());
    expect(result.hidden.toSorted()).toEqual(hidden.toSorted());
  });

  test('of what was not looked at nothing is said', () => {
    const unused = (more: string, blueprint = 'a.json') =>
      suppressed(`{finding: payload-missing, blueprint: ${blueprint}, reason: r${more}}`, false).shown.filter(
        (line) => line.startsWith('suppression'),
      );
    expect(unused('')).toEqual(['suppression-unused 1']);
    expect(unused(', target: intel-mac')).toEqual(['suppression-unused 1']);
    expect(unused(', target: rtx-4060')).toEqual([]);
    expect(unused('', 'elsewhere.json')).toEqual([]);
  });

  test('in words', () => {
    const result = parsed(
      'suppressions:\n- {finding: unknown-model, blueprint: "x\\u001b[2J", target: t, reason: "a\\nb", until: 2020-01-01}\n- {finding: unknown-model, blueprint: y, target: t, reason: r}',
    );
    if (!result.ok) throw new Error('not read');
    const sieve = suppressionSieve(result.config.suppressions, {
      today: '2026-11-22',
      pathIn: (path) => path,
      isWhole: true,
    });
    expect(
      sieve
        .findings?.({ blueprints: [], targets: [] })
        .map(({ severity, title, message, help }) => [severity, title, message, help]),
    ).toEqual([
      [
        'warning',
        'Suppression of unknown-model expired on 2020-01-01',
        'The suppression of unknown-model in "x\\u{1b}[2J" held until 2020-01-01 and hides nothing any more. Its reason was: a\\nb',
        'Solve the problem and remove the suppression, or give it a later date.',
      ],
      [
        'note',
        'Suppression of unknown-model hides nothing',
        'There is no unknown-model in "y" on t that this suppression could hide. It would hide a new one.',
        'Remove the suppression, or correct what it names.',
      ],
    ]);
  });
});

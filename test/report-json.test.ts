import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Report } from '../src/check/report.ts';
import { reportJson } from '../src/report/json.ts';
import { anyReport } from './report-arbitrary.ts';
import {
  blueprint,
  declaration,
  hostile,
  noContext,
  oneMachine,
  report,
  statuses,
  target,
  threeBySix,
  verdict,
} from './report-builder.ts';

const schema = JSON.parse(readFileSync(new URL('../schemas/report.schema.json', import.meta.url), 'utf8'));
const validate = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true }).compile(schema);

/** Whatever a reader gets from JSON.parse. */
type Json = ReturnType<typeof JSON.parse>;

const written = (of: Report) => [...reportJson(of)].join('');

test('the whole shape, to the letter', async () => {
  const gpu = { vendor: 'nvidia' as const, name: null, vramGb: 6, count: 2, api: 'cuda', integrated: false };
  const on = { ...target('a', 'A', { gpus: [gpu], memoryGb: 31 }), runsOn: ['self-hosted', 'gpu'] };
  const of = report({
    targets: [on],
    verdicts: [verdict('gemma4:e2b', on, 'fail', 'needs 8 GB VRAM, found 6 GB')],
    blueprints: [
      blueprint('x', declaration('x/manifest.json', { statuses: statuses([on], 'f') })),
      blueprint('y'),
    ],
    findings: [noContext('x/manifest.json'), { ...noContext('z'), location: null, targets: ['a'] }],
  });
  await expect(written(of)).toMatchFileSnapshot('snapshots/report.json');
});

test('an empty report', () => {
  expect(written(report({}))).toBe(
    `{
  "schema": "model-check.report/v1",
  "ok": true,
  "summary": {"blueprints":0,"declarations":0,"skipped":0,"models":0,"targets":0,"errors":0,"warnings":0,"notes":0},
  "targets": [],
  "verdicts": [],
  "blueprints": [],
  "findings": []
}
`,
  );
});

describe('the schema', () => {
  test('accepts every report, and the text says what the report says', () => {
    fc.assert(
      fc.property(anyReport, (of) => {
        const text = written(of);
        const value = JSON.parse(text);
        expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
        expect(text.isWellFormed()).toBe(true);
        expect(text).not.toMatch(/^\s*::|##\[|[\u007f-\u009f\u202a-\u202e\u2028\u2029]/m);
        expect(value.findings.map(({ message }: { message: string }) => message)).toEqual(
          of.findings.map(({ message }) => message),
        );
        const found = value.blueprints.flatMap(
          ({ declarations }: { declarations: unknown[] }) => declarations,
        );
        expect(found.map(({ statuses }: { statuses: object }) => Object.entries(statuses))).toEqual(
          of.blueprints
            .flatMap(({ declarations }) => declarations)
            .map(({ statuses }) => Object.entries(statuses)),
        );
      }),
    );
  });

  test.each([
    ['one machine', oneMachine],
    ['3 x 6', threeBySix],
    ['hostile names', hostile],
  ])('accepts %s', (_, of) => {
    expect(validate(JSON.parse(written(of))), JSON.stringify(validate.errors)).toBe(true);
  });

  test('accepts its own examples', () => {
    expect(schema.examples).toHaveLength(1);
    for (const example of schema.examples)
      expect(validate(example), JSON.stringify(validate.errors)).toBe(true);
  });

  test('names every field of the report and describes it', () => {
    const undescribed: string[] = [];
    const check = (node: Record<string, unknown>, path: string) => {
      if (path !== '' && typeof node['$ref'] === 'undefined' && typeof node['description'] !== 'string')
        undescribed.push(path);
      for (const [name, field] of Object.entries((node['properties'] as object | undefined) ?? {})) {
        check(field, `${path}/${name}`);
      }
    };
    check(schema, '');
    for (const [name, node] of Object.entries(schema.$defs))
      check(node as Record<string, unknown>, `$defs/${name}`);
    expect(undescribed).toEqual([]);

    const value = JSON.parse(written(threeBySix));
    const fields: [string, object][] = [
      ['', value],
      ['summary', value.summary],
      ['target', value.targets[0]],
      ['blueprint', value.blueprints[0]],
      ['declaration', value.blueprints[0].declarations[0]],
      ['finding', value.findings[0]],
      ['verdict', JSON.parse(written(oneMachine)).verdicts[0]],
    ];
    for (const [name, object] of fields) {
      const node = name === '' ? schema : schema.$defs[name];
      // There only where a fact was set by hand, where findings are hidden, where something was compared, where
      // registries were asked, where changes decide what is checked, and in the report of a shard.
      const sometimes = [
        'left_out',
        'overridden',
        'hidden',
        'known',
        'suppressed',
        'comparison',
        'change',
        'artifacts',
        'shard',
      ];
      const isOfShards = (field: string) =>
        / Only in the report of a shard\.$/.test(node.properties[field].description);
      const always = Object.keys(node.properties).filter(
        (field) => !sometimes.includes(field) && !isOfShards(field),
      );
      expect(always, name).toEqual(Object.keys(object));
      expect(node.required, name).toEqual(Object.keys(object));
    }
  });

  test.each([
    ['another schema', (value: Json) => (value.schema = 'model-check.report/v2')],
    ['a missing field', (value: Json) => delete value.findings[0].url],
    [
      'an unknown status',
      (value: Json) => (value.blueprints[0].declarations[0].statuses['rtx-4060'] = 'maybe'),
    ],
    ['line 0', (value: Json) => (value.findings[0].line = 0)],
    ['a line without a file', (value: Json) => (value.findings[0].file = null)],
  ])('refuses %s', (_, spoil) => {
    const value = JSON.parse(written(threeBySix));
    spoil(value);
    expect(validate(value)).toBe(false);
  });
});

test('a large report comes in chunks', () => {
  const shared = statuses(threeBySix.targets, 'pfpfwo');
  const of = report({
    targets: threeBySix.targets,
    blueprints: Array.from({ length: 2000 }, (_, at) =>
      blueprint(`b${at}`, declaration(`b${at}/manifest.json`, { statuses: shared })),
    ),
  });
  const chunks = [...reportJson(of)];
  expect(chunks.length).toBeGreaterThan(10);
  expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThan(70_000);
  expect(JSON.parse(chunks.join('')).blueprints).toHaveLength(2000);
});

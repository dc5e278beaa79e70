import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ReportDeclaration } from '../src/check/report.ts';
import { Shared } from '../src/check/shared.ts';
import type { Finding } from '../src/findings/finding.ts';
import { compareFindings, finding, sortFindings } from '../src/findings/finding.ts';

/** Few values, so that much is the same and what differs differs in one field. */
const word = fc.constantFrom('', 'a', 'b', '__proto__', 'a b');
const range = fc.option(
  fc.record({
    line: fc.integer({ min: 1, max: 3 }),
    column: fc.integer({ min: 1, max: 3 }),
    endLine: fc.constant(3),
    endColumn: fc.constant(9),
  }),
);
const anyFinding: fc.Arbitrary<Finding> = fc.record({
  id: fc.constantFrom('unknown-model', 'memory-tight'),
  severity: fc.constantFrom('error', 'warning', 'note'),
  title: word,
  message: word,
  help: word,
  sameAs: word,
  location: fc.option(fc.record({ file: word, pointer: word, range })),
  targets: fc.array(word, { maxLength: 2 }),
  blueprint: fc.option(word),
  declaration: fc.option(word),
  fix: fc.option(fc.record({ description: word, value: word })),
  change: fc.constantFrom(null, 'new', 'unchanged'),
});
const anyDeclaration: fc.Arbitrary<ReportDeclaration> = fc.record({
  pointer: word,
  file: word,
  sourcePointer: word,
  range,
  ref: fc.option(word),
  model: fc.option(word),
  dockerModel: fc.option(word),
  provider: word,
  backend: fc.option(word),
  contextSize: fc.option(fc.integer({ min: 1, max: 2 })),
  required: fc.boolean(),
  config: fc.option(word),
  skipped: fc.option(word),
  estimate: fc.constant(null),
  statuses: fc.constantFrom({}, { a: 'pass' as const }),
});

/** The fields as a report reads them. */
function read<Value extends object>(value: Value, fields: readonly string[]): unknown[] {
  return fields.map((field) => value[field as keyof Value]);
}

test('what is shared reads as before', () => {
  fc.assert(
    fc.property(fc.array(anyFinding), fc.array(anyDeclaration), (findings, declarations) => {
      const shared = new Shared();
      for (const one of findings) {
        const fields = Object.keys(one);
        const before = structuredClone(read(one, fields));
        expect(read(shared.finding(one), fields)).toEqual(before);
      }
      for (const one of declarations) {
        const fields = Object.keys(one);
        expect(read(shared.declaration(one), fields)).toEqual(read(one, fields));
      }
    }),
  );
});

describe('equal findings of several blueprints', () => {
  const unknown = (file: string, ref = 'gemma') =>
    finding(
      'unknown-model',
      { place: 'llm', ref, suggestion: '', catalogs: 'built-in catalog' },
      {
        location: { file, pointer: ['', 'llm', 'model'].join('/'), range: null },
        targets: ['a', 'b'].slice(),
        fix: { description: 'Replace it', value: 'gemma4' },
      },
    );

  test('have one copy of what they say', () => {
    const shared = new Shared();
    const [first, second, other] = [unknown('a'), unknown('b'), unknown('c', 'gema')].map((one) =>
      shared.finding(one),
    ) as [Finding, Finding, Finding];
    expect(second.targets).toBe(first.targets);
    expect(second.fix).toBe(first.fix);
    expect(other.targets).not.toBe(first.targets);
    expect([first, second, other].map(({ location }) => location?.file)).toEqual(['a', 'b', 'c']);
  });

  test('and what was said long ago is forgotten, not mixed up', () => {
    const shared = new Shared();
    const first = shared.finding(unknown('a'));
    const amount = 10_001;
    const all = Array.from({ length: amount }, (_, at) => shared.finding(unknown('b', `model ${at}`)));
    expect(new Set(all.map(({ message }) => message)).size).toBe(amount);
    const again = shared.finding(unknown('c'));
    expect(again.targets).not.toBe(first.targets);
    expect(again.message).toBe(first.message);
  });
});

test('findings are sorted as if they were compared one by one', () => {
  fc.assert(
    fc.property(fc.array(anyFinding), (findings) => {
      const sorted = [...findings];
      sortFindings(sorted);
      expect(sorted).toEqual(findings.toSorted(compareFindings));
    }),
  );
});

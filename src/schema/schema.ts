import { child, dotted, valueAt } from '../document/pointer.ts';
import { either, quote } from '../text/text.ts';
import type { Refusal, Schema } from './validate.ts';
import { refusals } from './validate.ts';

/** One thing that a schema refuses. */
export interface SchemaProblem {
  /** Pointer below the checked value; of the wrong value, or of the object that lacks or has too many a field. */
  pointer: string;
  /** The JSON Schema keyword that refused it. */
  keyword: string;
  /** The field, dotted, below the checked value: `configs.primary.context_size`; with the missing or unknown key where that is the problem. */
  field: string;
  /** Finishes "must be …". */
  expected: string;
  /** What stands there, in words. */
  found: string;
}

/** Everything in `value` that a schema refuses, one problem a place, in the order of the schema. */
export function problems(schema: Schema, value: unknown): SchemaProblem[] {
  const found = new Map<string, SchemaProblem>();
  for (const refusal of refusals(schema, value)) {
    const problem = describe(refusal, value);
    const key = `${problem.pointer}\n${problem.field}`;
    if (!found.has(key)) found.set(key, problem);
  }
  return [...found.values()];
}

function describe({ pointer, keyword, detail }: Refusal, root: unknown): SchemaProblem {
  const base = {
    pointer,
    keyword,
    field: dotted(pointer),
    found: describeFound(valueAt(root, pointer)),
  };
  switch (keyword) {
    case 'type':
      return { ...base, expected: either(types(detail)) };
    case 'enum': {
      const allowed = (detail as unknown[]).filter((value) => value !== null);
      return { ...base, expected: either(allowed.map(String)) };
    }
    case 'const':
      return { ...base, expected: String(detail) };
    case 'minimum':
      return { ...base, expected: `at least ${detail}` };
    case 'maximum':
      return { ...base, expected: `at most ${detail}` };
    case 'exclusiveMinimum':
      return { ...base, expected: `more than ${detail}` };
    case 'minItems':
      return { ...base, expected: `a list with at least ${detail}`, found: 'fewer' };
    case 'pattern':
      return { ...base, expected: patterns[detail as string] ?? 'of another form' };
    case 'required':
      return {
        ...base,
        field: dotted(child(pointer, detail as string)),
        expected: 'given',
        found: 'nothing',
      };
    case 'additionalProperties':
      return {
        ...base,
        field: dotted(child(pointer, detail as string)),
        expected: 'left out: there is no such field',
      };
    default:
      return { ...base, expected: `valid (${keyword})` };
  }
}

/** What the patterns of schemas/ ask for, in words. A test keeps this complete. */
export const patterns: Readonly<Record<string, string>> = {
  '\\S': 'a text that is not empty',
  '^[^-\\s\\x00-\\x1f\\x7f-\\x9f][^\\s\\x00-\\x1f\\x7f-\\x9f]{0,511}$':
    'a name without spaces or control characters, of at most 512 characters, that does not begin with a hyphen',
  '^sha256:[0-9a-fA-F]{64}$': 'sha256: followed by 64 hexadecimal digits',
  '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$':
    'at most 64 letters, digits, dots, underscores and hyphens, beginning with a letter or digit',
  '^(?=.*\\S).{1,100}$': 'a text on one line, of at most 100 characters',
  '^(text|json|markdown|github|sarif|junit|html)(:\\s*\\S.*)?$':
    'text, json, markdown, github, sarif, junit or html, or one of them with a file as in sarif:out.sarif',
  '^(/|$)': 'a JSON Pointer, which begins with /',
  '^\\d{4}-\\d{2}-\\d{2}$': 'a date as 2027-01-31',
};

const typeNames: Record<string, string> = {
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
};

function types(type: unknown): string[] {
  const list = Array.isArray(type) ? type : [type];
  return list.filter((name) => name !== 'null').map((name) => typeNames[name as string] ?? String(name));
}

function describeFound(value: unknown): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'string' ? `the string ${quote(value)}` : quote(value);
}

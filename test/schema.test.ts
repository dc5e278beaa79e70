import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { child, toPointer } from '../src/document/pointer.ts';
import * as blueprint from '../src/schema/blueprint.generated.ts';
import { entry as catalogEntry } from '../src/schema/catalog.generated.ts';
import { config } from '../src/schema/model-check.generated.ts';
import { lock } from '../src/schema/models-lock.generated.ts';
import { patterns, problems } from '../src/schema/schema.ts';
import { profile } from '../src/schema/targets.generated.ts';
import { type Schema as Definition, refusals } from '../src/schema/validate.ts';

type Schema = Record<string, unknown> & { $id: string };

const schemas = new Map(
  readdirSync('schemas')
    .sort()
    .map((file): [string, Schema] => [file, JSON.parse(readFileSync(`schemas/${file}`, 'utf8'))]),
);
const files = [...schemas];

/** `strictRequired` would forbid `required` beside an `if`, whose `properties` stand elsewhere. */
function compiler(): Ajv2020 {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true });
  for (const schema of schemas.values()) ajv.addSchema(schema);
  return ajv;
}

/** What the modules leave out: names that the code looks up itself. */
function withoutLongLists(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return schema;
  const kept = Object.entries(schema).filter(([key, value]) => key !== 'enum' || value.length <= 20);
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutLongLists(value)]));
}

/** Every subschema with its pointer. Below `properties` and `$defs` the keys are names, not keywords. */
function* subschemas(schema: unknown, pointer = ''): Generator<[string, Record<string, unknown>]> {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return;
  yield [pointer, schema as Record<string, unknown>];
  for (const [keyword, value] of Object.entries(schema)) {
    const at = child(pointer, keyword);
    if (keyword === 'properties' || keyword === '$defs') {
      for (const [name, each] of Object.entries(value)) yield* subschemas(each, child(at, name));
    } else if (Array.isArray(value)) {
      for (const [index, each] of value.entries()) {
        if (['anyOf', 'allOf', 'oneOf'].includes(keyword)) yield* subschemas(each, child(at, index));
      }
    } else if (!['const', 'default', 'examples', 'enum'].includes(keyword)) yield* subschemas(value, at);
  }
}

test('there are schemas for what is read and for what programs read', () => {
  expect([...schemas.keys()]).toEqual([
    'baseline.schema.json',
    'blueprint.schema.json',
    'catalog-proposal.schema.json',
    'catalog.schema.json',
    'doctor.schema.json',
    'estimate.schema.json',
    'install.schema.json',
    'installed.schema.json',
    'model-check.schema.json',
    'models-lock.schema.json',
    'remove.schema.json',
    'report.schema.json',
    'requirements.schema.json',
    'targets.schema.json',
    'update.schema.json',
  ]);
});

describe.each(files)('%s', (file, schema) => {
  test('has an id that leads to it, a title, a description and examples', () => {
    expect(schema.$id).toBe(
      `https://raw.githubusercontent.com/mirrorneuron/model-check/main/schemas/${file}`,
    );
    expect(schema['$schema']).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema['title']).toMatch(/\S/);
    expect(schema['description']).toMatch(/\.$/);
    expect(schema['examples']).not.toHaveLength(0);
  });

  test('compiles strictly', () => {
    expect(compiler().getSchema(schema.$id)).toBeTypeOf('function');
  });

  test('describes every property and definition in a sentence', () => {
    const described = (one: Record<string, unknown>): unknown =>
      one['description'] ??
      (typeof one['$ref'] === 'string' && one['$ref'].startsWith('#/$defs/')
        ? described((schema['$defs'] as Record<string, Record<string, unknown>>)[one['$ref'].slice(8)] ?? {})
        : undefined);
    const named = [...subschemas(schema)].filter(([pointer]) => {
      const keys = pointer.split('/');
      // Conditions, and what `entry` repeats of `keyedEntry`, describe nothing by themselves.
      if (keys.some((key) => ['if', 'then', 'else', 'not'].includes(key))) return false;
      return (
        ['properties', '$defs'].includes(keys.at(-2) as string) && pointer !== '/$defs/entry/properties/id'
      );
    });
    expect(named.length).toBeGreaterThan(5);
    const wrong = named.filter(([, one]) => !/^\S[\s\S]*\.$/.test(String(described(one) ?? '')));
    expect(wrong.map(([pointer]) => pointer)).toEqual([]);
  });

  test('accepts each of its own examples and defaults at their places', () => {
    const ajv = compiler();
    const wrong: string[] = [];
    let seen = 0;
    for (const [pointer, { examples = [], ...rest }] of subschemas(schema)) {
      const values = [
        ...(examples as unknown[]),
        ...(Object.hasOwn(rest, 'default') ? [rest['default']] : []),
      ];
      for (const value of values) {
        seen++;
        const validate = ajv.compile({ $ref: `${schema.$id}#${encodeURI(pointer)}` });
        if (!validate(value))
          wrong.push(`${pointer} ${JSON.stringify(value)}: ${ajv.errorsText(validate.errors)}`);
      }
    }
    expect(seen).toBeGreaterThan(3);
    expect(wrong).toEqual([]);
  });
});

test('every pattern of the checked schemas has words, and no words are left over', () => {
  const used = files
    // What we print ourselves is not checked when it is read.
    .filter(([file]) => !/^(?:report|installed|install|update|remove)\./.test(file))
    .flatMap(([, schema]) => [...subschemas(schema)].flatMap(([, { pattern }]) => pattern ?? []));
  expect([...new Set(used)].sort()).toEqual(Object.keys(patterns).sort());
});

test('the modules of the schemas are fresh', () => {
  const run = spawnSync(process.execPath, ['scripts/build-validators.mjs', '--check'], { encoding: 'utf8' });
  expect({ status: run.status, stderr: run.stderr }).toEqual({ status: 0, stderr: '' });
});

const definitions: Record<string, Definition> = { ...blueprint, catalogEntry, profile };
const check = (name: string, value: unknown) => problems(definitions[name] as Definition, value);

/** Values that a definition accepts, or nearly, or not at all. */
function valuesOf(definition: Definition): fc.Arbitrary<unknown> {
  const { properties = {}, additionalProperties, items, required = [] } = definition;
  const odd = fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    0.5,
    100_000,
    1e6,
    '',
    ' ',
    'a',
    'payload',
    'a\nb',
    [],
    {},
    ['a'],
    [{}],
  );
  const known = Object.fromEntries(
    Object.entries(properties).map(([key, one]) => [key, valuesOf(one)] as const),
  );
  const more = additionalProperties ? valuesOf(additionalProperties) : odd;
  const objects = fc
    .tuple(
      fc.record(known, { requiredKeys: [] }),
      fc.dictionary(fc.constantFrom('a', 'b/~c', '__proto__', 'toString'), more, { maxKeys: 2 }),
    )
    .map(([one, others]) => Object.assign(Object.create(null), one, others) as unknown);
  const lists = items === undefined ? odd : fc.array(valuesOf(items), { maxLength: 3 });
  const referred = [definition.$ref, definition.then].flatMap((one) =>
    one === undefined ? [] : [valuesOf(one)],
  );
  const named = fc.constantFrom<unknown>(
    odd,
    ...(definition.enum ?? []),
    definition.const ?? null,
    ...required,
  );
  return fc.oneof(odd, named, lists, { arbitrary: objects, weight: 4 }, ...referred);
}

/** What Ajv gives with a refusal, as ours has it. */
function detailOf({ keyword, params }: ErrorObject): unknown {
  const { type, allowedValues, allowedValue, limit, pattern, missingProperty, additionalProperty } = params;
  if (keyword === 'if' || keyword === 'not') return null;
  return type ?? allowedValues ?? allowedValue ?? limit ?? pattern ?? missingProperty ?? additionalProperty;
}

describe('refusals are those of Ajv, in its order', () => {
  const all = [
    ...Object.entries(blueprint).map(([name, one]) => ['blueprint', name, one] as const),
    ['catalog', 'entry', catalogEntry] as const,
    ['targets', 'profile', profile] as const,
    ['models-lock', 'lock', lock] as const,
    ['model-check', 'config', config] as const,
  ];
  test.each(all)('%s %s', (file, name, definition) => {
    const schema = schemas.get(`${file}.schema.json`) as Schema;
    const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, strict: false });
    const { $schema, ...rest } = withoutLongLists(schema) as Schema;
    ajv.addSchema(rest);
    const validate = ajv.getSchema(`${schema.$id}#/$defs/${name}`) as ValidateFunction;
    fc.assert(
      fc.property(valuesOf(definition), (value) => {
        validate(value);
        const theirs = (validate.errors ?? []).map((error) => ({
          pointer: error.instancePath,
          keyword: error.keyword,
          detail: detailOf(error),
        }));
        expect(refusals(definition, value)).toEqual(theirs);
      }),
      { numRuns: 500 },
    );
  });
});

describe('problems', () => {
  test.each([
    ['llm', { configs: { primary: { model: 'a', context_size: 4096 } }, more: 1 }, []],
    ['llm', null, []],
    ['llm', 'x', [' must be an object; found the string "x"']],
    ['llm', [], [' must be an object; found an array']],
    ['llm', { enabled: 'no' }, ['enabled must be true or false; found the string "no"']],
    ['llm', { model: ' ' }, ['model must be a text that is not empty; found the string " "']],
    ['llm', { model: 4 }, ['model must be a string; found 4']],
    ['llm', { backend: 'vLLM' }, ['backend must be auto, llama.cpp or vllm; found the string "vLLM"']],
    [
      'llm',
      { configs: { a: { context_size: 0 }, b: { context_size: 1.5 }, c: { context_size: '4096' } } },
      [
        'configs.a.context_size must be at least 1; found 0',
        'configs.b.context_size must be a whole number; found 1.5',
        'configs.c.context_size must be a whole number; found the string "4096"',
      ],
    ],
    ['llm', JSON.parse('{"configs": {"__proto__": 4}}'), ['configs.__proto__ must be an object; found 4']],
    ['llm', { configs: { 'a/b~c': [] } }, ['configs.a/b~c must be an object; found an array']],
    [
      'llm',
      { configs: { toString: { required: 1 } } },
      ['configs.toString.required must be true or false; found 1'],
    ],
    ['runtimeModels', { a: { customize_mode: false } }, ['a.customize_mode must be true; found false']],
    [
      'runtimeModels',
      { a: { source: { type: 'payload', format: 'zip', digest: 'sha256:00' } } },
      [
        'a.source.path must be given; found nothing',
        'a.source.format must be gguf, safetensors or dduf; found the string "zip"',
        'a.source.digest must be sha256: followed by 64 hexadecimal digits; found the string "sha256:00"',
      ],
    ],
    [
      'knowledgeRag',
      { embedding_model: '' },
      ['embedding_model must be a text that is not empty; found the string ""'],
    ],
    ['inputSkill', { connector: 1 }, ['connector must be a string; found 1']],
    [
      'manifestDefaults',
      ['llm', 1, { from: 'a' }],
      ['1 must be a string or an object; found 1', '2.to must be given; found nothing'],
    ],
    [
      'catalogEntry',
      { id: '-a', model: 'x'.repeat(513), requirements: { min_vram_gb: -1 } },
      [
        'id must be a name without spaces or control characters, of at most 512 characters, that does not begin with a hyphen; found the string "-a"',
        `model must be a name without spaces or control characters, of at most 512 characters, that does not begin with a hyphen; found the string "${'x'.repeat(79)}…"`,
        'requirements.min_vram_gb must be at least 0; found -1',
      ],
    ],
    ['catalogEntry', {}, ['model must be given; found nothing', 'id must be given; found nothing']],
    [
      'profile',
      { id: 'a b', os: 'linux', arch: 'x64', memory_gb: 0, 'runs-on': [], extra: 1 },
      [
        'extra must be left out: there is no such field; found an object',
        'id must be at most 64 letters, digits, dots, underscores and hyphens, beginning with a letter or digit; found the string "a b"',
        'memory_gb must be more than 0; found 0',
        'runs-on must be a list with at least 1; found fewer',
      ],
    ],
    [
      'profile',
      { preset: 'rtx-4060', name: ' ', unified_memory_gb: 1e9 },
      [
        'name must be a text on one line, of at most 100 characters; found the string " "',
        'unified_memory_gb must be at most 100000; found 1000000000',
      ],
    ],
  ] as const)('%s %j', (name, value, expected) => {
    const found = check(name, value);
    expect(found.map(({ field, expected, found }) => `${field} must be ${expected}; found ${found}`)).toEqual(
      expected,
    );
  });

  test('pointers lead to the wrong value, also through odd keys', () => {
    const value = { configs: { 'a/b~c': { context_size: -1 } } };
    expect(check('llm', value).map(({ pointer }) => pointer)).toEqual([
      toPointer(['configs', 'a/b~c', 'context_size']),
    ]);
  });
});

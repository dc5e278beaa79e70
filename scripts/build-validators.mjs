// Compiles the JSON Schemas of schemas/ to standalone validators, so that a run
// neither loads a schema compiler nor compiles anything (compiling costs 40 ms,
// the generated code 1 ms). With --check it only says whether the file is fresh.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';

const root = new URL('../', import.meta.url);

/**
 * Schema file -> the definitions that get a validator. One module a schema, so
 * that a run loads what it reads: most have no catalog and no targets file.
 */
const validators = {
  blueprint: ['llm', 'runtimeModels', 'knowledgeRag', 'inputSkill', 'manifestDefaults'],
  catalog: ['entry'],
  'models-lock': ['lock'],
  targets: ['profile'],
  'model-check': ['config'],
};

/** What editors show and validation does not need would otherwise stand in the generated code. */
function withoutAnnotations(schema) {
  if (Array.isArray(schema)) return schema.map(withoutAnnotations);
  if (typeof schema !== 'object' || schema === null) return schema;
  const annotations = ['$schema', 'title', 'description', 'examples', 'default', '$comment'];
  return Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]) => {
      // Below properties and $defs the keys are names, not keywords.
      if (key === 'properties' || key === '$defs') {
        const named = Object.entries(value).map(([name, each]) => [name, withoutAnnotations(each)]);
        return [[key, Object.fromEntries(named)]];
      }
      // A long list of names is there for editors; the code looks names up itself, and suggests the nearest.
      if (annotations.includes(key) || (key === 'enum' && value.length > 20)) return [];
      return [[key, withoutAnnotations(value)]];
    }),
  );
}

/** The module of one schema: standalone validators that need no library. */
function compile(name, definitions) {
  // The schemas use nothing that draft 7 lacks, and its validators do without the
  // bookkeeping for unevaluated properties.
  const ajv = new Ajv({
    allErrors: true,
    // The words are ours (src/schema/schema.ts), and code that is not repeated is smaller.
    messages: false,
    inlineRefs: false,
    allowUnionTypes: true,
    code: { source: true, esm: true },
  });
  const schema = JSON.parse(readFileSync(new URL(`schemas/${name}.schema.json`, root), 'utf8'));
  ajv.addSchema(withoutAnnotations(schema));
  const exported = definitions.map((definition) => [definition, `${schema.$id}#/$defs/${definition}`]);
  const code = standalone.default(ajv, Object.fromEntries(exported));
  if (code.includes('require(')) {
    throw new Error(
      `${name}.schema.json has a keyword whose code needs a library (minLength, uniqueItems, format)`,
    );
  }
  return `// Generated from schemas/${name}.schema.json by scripts/build-validators.mjs. Do not edit.
// @ts-nocheck
${smaller(code)}
function add(errors, instancePath, keyword, params) {
  const error = { instancePath, keyword, params };
  if (errors === null) return [error];
  errors.push(error);
  return errors;
}
function join(errors, more) {
  return errors === null ? more : errors.concat(more);
}
function part(errors, data, key, instancePath, validate) {
  const value = data[key];
  if (value === undefined || validate(value, { instancePath: instancePath + '/' + key })) return errors;
  return join(errors, validate.errors);
}
`;
}

/** The code without what repeats behind every check, and without what no validator here reads: every run loads it. */
function smaller(code) {
  const schemas = new Map(
    [...code.matchAll(/const (schema\d+) = (\{.*?\});(?=const |function )/g)].map(([, name, json]) => [
      name,
      JSON.parse(json),
    ]),
  );
  const short = code
    .replaceAll(
      /if\(vErrors === null\)\{vErrors = \[(err\d+)\];\}else \{vErrors\.push\(\1\);\}errors\+\+;/g,
      'vErrors = add(vErrors, $1);errors++;',
    )
    .replaceAll(
      /const (err\d+) = (\{instancePath.*?\});vErrors = add\(vErrors, \1\);/g,
      'vErrors = add(vErrors, $2);',
    )
    .replaceAll(
      /vErrors = vErrors === null \? (validate\d+)\.errors : vErrors\.concat\(\1\.errors\);/g,
      'vErrors = join(vErrors, $1.errors);',
    )
    .replaceAll(/schemaPath:"(?:[^"\\]|\\.)*",/g, '')
    .replaceAll(
      /add\(vErrors, \{instancePath(?::([^,]+))?,keyword:("\w+"),params:(\{.*?\})\}\);/g,
      (_, path, keyword, params) => `add(vErrors, ${path ?? 'instancePath'}, ${keyword}, ${params});`,
    )
    .replaceAll(', parentData, parentDataProperty, rootData=data}', '}')
    .replaceAll(',parentData,parentDataProperty,rootData}', '}')
    .replaceAll(/,parentData:data\d*,parentDataProperty:(?:"[^"]*"|\w+),rootData\}/g, '}')
    // Types and lists of values, out of the schema and to their place.
    .replaceAll(/(schema\d+)((?:\.\w+|\["[^"]+"\])*\.(?:type|enum))\b/g, (_, name, path) => {
      const keys = [...path.matchAll(/\.(\w+)|\["([^"]+)"\]/g)].map(([, plain, quoted]) => plain ?? quoted);
      return JSON.stringify(keys.reduce((value, key) => value[key], schemas.get(name)));
    });
  if (short.includes('parentData')) throw new Error('validators call each other in a new way');
  const counted = short.includes('_errs') ? short : withoutCounts(short);
  // Without these references most schemas are not needed.
  return counted.replaceAll(/const (schema\d+) = \{.*?\};(?=const |function )/g, (whole, name) =>
    counted.split(name).length > 2 ? whole : '',
  );
}

/** Only a validator with alternatives goes back to an earlier count of its errors; the others need none. */
function withoutCounts(code) {
  return code
    .replaceAll(
      /if\(data\.(\w+) !== undefined\)\{if\(!\((validate\d+)\(data\.\1, \{instancePath:instancePath\+"\/\1"\}\)\)\)\{vErrors = join\(vErrors, \2\.errors\);errors = vErrors\.length;\}\}/g,
      'vErrors = part(vErrors, data, "$1", instancePath, $2);',
    )
    .replaceAll(/let errors = 0;|errors\+\+;|(?<=;)errors = vErrors\.length;/g, '')
    .replaceAll('return errors === 0;', 'return vErrors === null;');
}

for (const [name, definitions] of Object.entries(validators)) {
  const output = new URL(`src/schema/${name}.generated.ts`, root);
  const text = compile(name, definitions);
  if (!process.argv.includes('--check')) {
    writeFileSync(output, text);
  } else if (!existsSync(output) || readFileSync(output, 'utf8') !== text) {
    console.error(`src/schema/${name}.generated.ts is stale. Run: npm run build`);
    process.exitCode = 1;
  }
}

// Makes modules of the JSON Schemas of schemas/: what src/schema/validate.ts checks values against, so that a run neither
// loads a schema compiler nor reads a schema. With --check it only says whether the modules are fresh.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);

/**
 * Schema file -> the definitions that are exported. One module a schema, so that a run loads what it reads: most have no
 * catalog and no targets file.
 */
const exported = {
  blueprint: ['llm', 'runtimeModels', 'knowledgeRag', 'inputSkill', 'manifestDefaults'],
  catalog: ['entry'],
  'models-lock': ['lock'],
  targets: ['profile'],
  'model-check': ['config'],
};

/** What src/schema/validate.ts knows, in three kinds: whose values are schemas, whose are schemas by name, and others. */
const schemas = ['items', 'not', 'if', 'then', 'additionalProperties'];
const named = ['properties'];
const values = [
  ...['type', 'const', 'enum', 'pattern', 'required', 'minItems'],
  ...['maximum', 'minimum', 'exclusiveMinimum'],
];
/** What editors show and a check does not need. */
const annotations = ['$schema', 'title', 'description', 'examples', 'default', '$comment'];

/** The module of one schema: a constant a definition, those that others refer to first. */
function moduleOf(name, definitions) {
  const { $defs } = JSON.parse(readFileSync(new URL(`schemas/${name}.schema.json`, root), 'utf8'));
  const constants = new Map();
  const define = (definition) => {
    if (!constants.has(definition)) constants.set(definition, code($defs[definition]));
    return definition;
  };
  const code = (schema) => {
    if (typeof schema !== 'object') return JSON.stringify(schema);
    const { $ref, ...rest } = schema;
    const referred = $ref === undefined ? null : define($ref.replace('#/$defs/', ''));
    const parts = Object.entries(rest).flatMap(([keyword, value]) => {
      // A long list of names is there for editors; the code looks names up itself, and suggests the nearest.
      if (annotations.includes(keyword) || (keyword === 'enum' && value.length > 20)) return [];
      if (schemas.includes(keyword)) return `${keyword}: ${code(value)}`;
      if (values.includes(keyword)) return `${keyword}: ${JSON.stringify(value)}`;
      if (!named.includes(keyword))
        throw new Error(`${name}.schema.json: src/schema/validate.ts has no ${keyword}`);
      const each = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${code(one)}`);
      return `${keyword}: { ${each.join(', ')} }`;
    });
    if (referred === null) return `{ ${parts.join(', ')} }`;
    return parts.length === 0 ? referred : `{ $ref: ${[referred, ...parts].join(', ')} }`;
  };
  for (const definition of definitions) define(definition);
  const lines = [...constants].map(
    ([definition, schema]) =>
      `${definitions.includes(definition) ? 'export ' : ''}const ${definition}: Schema = ${schema};\n`,
  );
  return `// Generated from schemas/${name}.schema.json by scripts/build-validators.mjs. Do not edit.
import type { Schema } from './validate.ts';

${lines.join('')}`;
}

for (const [name, definitions] of Object.entries(exported)) {
  const output = new URL(`src/schema/${name}.generated.ts`, root);
  const text = moduleOf(name, definitions);
  if (!process.argv.includes('--check')) {
    writeFileSync(output, text);
  } else if (!existsSync(output) || readFileSync(output, 'utf8') !== text) {
    console.error(`src/schema/${name}.generated.ts is stale. Run: npm run build`);
    process.exitCode = 1;
  }
}

import { child } from '../document/pointer.ts';

/** The keywords of JSON Schema that schemas/ uses for what is read, with the definition itself in place of its name. */
export interface Schema {
  readonly $ref?: Schema;
  readonly type?: TypeName | readonly TypeName[];
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minimum?: number;
  readonly pattern?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly not?: Schema;
  readonly if?: Schema;
  readonly then?: Schema;
  readonly minItems?: number;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly additionalProperties?: false | Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}

type TypeName = 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array' | 'null';

/** One thing that a schema refuses. */
export interface Refusal {
  /** Pointer below the checked value. */
  pointer: string;
  keyword: keyof Schema;
  /** What the keyword asks for; the key that is missing, or one too many. */
  detail: unknown;
}

/**
 * Everything in `value` that a schema refuses, in the order in which Ajv tells it. Data and one function take a third of
 * the bytes of validators that are compiled, and all of them are loaded in every run.
 */
export function refusals(schema: Schema, value: unknown): Refusal[] {
  const refused: Refusal[] = [];
  check(schema, value, '', refused);
  return refused;
}

function check(schema: Schema, value: unknown, pointer: string, refused: Refusal[]): void {
  const { type } = schema;
  if (
    type !== undefined &&
    !(typeof type === 'string' ? isOf(type, value) : type.some((one) => isOf(one, value)))
  ) {
    refused.push({ pointer, keyword: 'type', detail: type });
  }
  if (typeof value === 'number') checkNumber(schema, value, pointer, refused);
  else if (typeof value === 'string') {
    const { pattern } = schema;
    if (pattern !== undefined && !expression(pattern).test(value)) {
      refused.push({ pointer, keyword: 'pattern', detail: pattern });
    }
  }
  if (schema.$ref !== undefined) check(schema.$ref, value, pointer, refused);
  if (schema.const !== undefined && value !== schema.const) {
    refused.push({ pointer, keyword: 'const', detail: schema.const });
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    refused.push({ pointer, keyword: 'enum', detail: schema.enum });
  }
  if (schema.not !== undefined && refusals(schema.not, value).length === 0) {
    refused.push({ pointer, keyword: 'not', detail: null });
  }
  if (schema.if !== undefined && schema.then !== undefined && refusals(schema.if, value).length === 0) {
    const before = refused.length;
    check(schema.then, value, pointer, refused);
    if (refused.length > before) refused.push({ pointer, keyword: 'if', detail: null });
  }
  if (Array.isArray(value)) checkArray(schema, value, pointer, refused);
  else if (typeof value === 'object' && value !== null) {
    checkObject(schema, value as Readonly<Record<string, unknown>>, pointer, refused);
  }
}

function checkNumber(schema: Schema, value: number, pointer: string, refused: Refusal[]): void {
  const { maximum, exclusiveMinimum, minimum } = schema;
  if (maximum !== undefined && value > maximum)
    refused.push({ pointer, keyword: 'maximum', detail: maximum });
  if (minimum !== undefined && value < minimum)
    refused.push({ pointer, keyword: 'minimum', detail: minimum });
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) {
    refused.push({ pointer, keyword: 'exclusiveMinimum', detail: exclusiveMinimum });
  }
}

function checkArray(schema: Schema, value: readonly unknown[], pointer: string, refused: Refusal[]): void {
  const { minItems, items } = schema;
  if (minItems !== undefined && value.length < minItems) {
    refused.push({ pointer, keyword: 'minItems', detail: minItems });
  }
  if (items === undefined) return;
  for (const [index, item] of value.entries()) check(items, item, child(pointer, index), refused);
}

function checkObject(
  schema: Schema,
  value: Readonly<Record<string, unknown>>,
  pointer: string,
  refused: Refusal[],
): void {
  const { required, additionalProperties, properties } = schema;
  for (const key of required ?? []) {
    if (value[key] === undefined) refused.push({ pointer, keyword: 'required', detail: key });
  }
  if (additionalProperties !== undefined) {
    for (const key of Object.keys(value)) {
      if (properties !== undefined && Object.hasOwn(properties, key)) continue;
      if (additionalProperties === false) {
        refused.push({ pointer, keyword: 'additionalProperties', detail: key });
      } else check(additionalProperties, value[key], child(pointer, key), refused);
    }
  }
  for (const key in properties) {
    const part = value[key];
    if (part !== undefined) check(properties[key] as Schema, part, child(pointer, key), refused);
  }
}

function isOf(type: TypeName, value: unknown): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return Number.isFinite(value);
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}

const expressions = new Map<string, RegExp>();

/** The patterns of schemas are few: each is compiled where it is first needed. */
function expression(pattern: string): RegExp {
  let known = expressions.get(pattern);
  if (known === undefined) expressions.set(pattern, (known = new RegExp(pattern, 'u')));
  return known;
}

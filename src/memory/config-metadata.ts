import type { GgufArray, GgufValue } from './header.ts';

/**
 * The values of a header out of a Docker model's config, which holds them as text: `"131072"`, `"true"`,
 * `"0.000001"`, an array as `"1, 1, 4"` or `"[1 1 4]"`. Arrays of more than 50 entries are not in a config, nor are
 * tensors, so weights cannot be told from it. 64-bit integers stay exact.
 */
export function readConfigMetadata(texts: ReadonlyMap<string, string>): Map<string, GgufValue> {
  return new Map([...texts].map(([key, text]) => [key, readValue(key, text)]));
}

/** What stays text, whatever it looks like: names, versions, templates. */
const words = /^(?:general|tokenizer)\.(?!alignment$|file_type$|quantization_version$|parameter_count$)/;

function readValue(key: string, text: string): GgufValue {
  if (words.test(key)) return text;
  const scalar = readScalar(text);
  if (scalar !== null) return scalar;
  const inner = /^\[(.*)\]$/s.exec(text)?.[1] ?? text;
  const parts = inner.split(inner.includes(',') ? ',' : ' ').map((part) => part.trim());
  const values = parts.map(readScalar);
  if (parts.length < 2 && inner === text) return text;
  return values.every((value) => value !== null) ? arrayOf(values) : text;
}

function arrayOf(values: readonly (number | bigint | boolean)[]): GgufArray {
  const type = typeof values[0] === 'boolean' ? 'bool' : values.every(Number.isInteger) ? 'int32' : 'float32';
  return { type, length: values.length, values };
}

function readScalar(text: string): number | bigint | boolean | null {
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^-?\d{1,20}$/.test(text)) {
    const number = Number(text);
    return Number.isSafeInteger(number) ? number : BigInt(text);
  }
  return /^-?\d+\.\d+(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : null;
}

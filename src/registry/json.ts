import { RegistryError } from './error.ts';
import { helpForAnswer, place } from './http.ts';

/** A property of a value from outside; undefined where it is no object or has no such property of its own. */
export function own(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

/** A text that is not empty, or null. */
export function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** A count of bytes or entries, or null. */
export function amount(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** The JSON of an answer. Throws a RegistryError `bad-answer` where it is none. */
export function parseJson(url: URL, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new RegistryError('bad-answer', `${place(url)} sends something that is not JSON`, helpForAnswer);
  }
}

/** As `parseJson`, and it must be an object. */
export function parseObject(url: URL, bytes: Uint8Array): Record<string, unknown> {
  const value = parseJson(url, bytes);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new RegistryError('bad-answer', `${place(url)} sends no JSON object`, helpForAnswer);
}

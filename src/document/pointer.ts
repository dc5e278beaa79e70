/** JSON Pointer (RFC 6901). `''` is the whole document. */

/** One step deeper. */
export function child(pointer: string, key: string | number): string {
  return `${pointer}/${typeof key === 'number' ? key : escaped(key)}`;
}

/** Hardly a key has anything to escape, and a check goes through a hundred keys of every blueprint. */
function escaped(key: string): string {
  return key.includes('~') || key.includes('/') ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key;
}

/** The pointer of a path of keys. */
export function toPointer(path: readonly (string | number)[]): string {
  return path.reduce<string>(child, '');
}

/** The keys of a pointer, unescaped. */
export function fromPointer(pointer: string): string[] {
  if (pointer === '') return [];
  const keys = pointer.slice(1).split('/');
  return pointer.includes('~') ? keys.map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~')) : keys;
}

/** As people say it: `llm.configs.primary`. */
export function dotted(pointer: string): string {
  return fromPointer(pointer).join('.');
}

/** The value at a pointer, or undefined. Own properties only, so `__proto__` is a key like any other. */
export function valueAt(root: unknown, pointer: string): unknown {
  let value = root;
  for (const key of fromPointer(pointer)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

import { duplicateKeys, parseDocument } from './document.ts';
import { fromPointer, valueAt } from './pointer.ts';
import { find, type Wanted } from './scan.ts';

/** One string of a JSON text that becomes another. */
export interface Edit {
  /** RFC 6901. */
  pointer: string;
  /** What must stand there; anything else, and nothing is edited. */
  from: string;
  to: string;
}

/** `reason` finishes the sentence "The file was not changed: …". */
export type Edited = { ok: true; text: string } | { ok: false; reason: string };

/**
 * Replaces strings of a JSON text and keeps every other character: byte order
 * mark, line ends, indentation, order of keys, other escapes. All edits or none:
 * what is not exactly as expected is a reason to leave the text as it is.
 */
export function applyEdits(text: string, edits: readonly Edit[]): Edited {
  const mark = text.startsWith('\ufeff') ? '\ufeff' : '';
  const body = text.slice(mark.length);
  const before = parseDocument('', body);
  if (!before.ok) return refuse('it is not valid JSON');
  const { value, hasDuplicateKeys } = before.document;
  const pointers = edits.map(({ pointer }) => pointer);
  if (new Set(pointers).size < pointers.length) return refuse('two corrections change the same value');
  if (edits.some(({ pointer, from }) => valueAt(value, pointer) !== from)) {
    return refuse('another value stands there now');
  }
  if (hasDuplicateKeys && pointers.some((pointer) => isAmbiguous(body, pointer))) {
    return refuse('a key stands twice, so it is not clear which value counts');
  }

  let edited = body;
  // From the end, so that the offsets of what is still to do stay right.
  for (const { pointer, start, end } of ranges(body, pointers).sort((a, b) => b.start - a.start)) {
    const edit = edits.find((one) => one.pointer === pointer) as Edit;
    edited = edited.slice(0, start) + JSON.stringify(edit.to) + edited.slice(end);
  }
  return isOnly(edits, value, edited)
    ? { ok: true, text: mark + edited }
    : refuse('the result would not be the same file with only these values changed');
}

function refuse(reason: string): Edited {
  return { ok: false, reason };
}

/** Whether a key on the way to a value stands twice in its object. */
function isAmbiguous(text: string, pointer: string): boolean {
  return duplicateKeys(text, Number.POSITIVE_INFINITY).some(
    (twice) => pointer === twice.pointer || pointer.startsWith(`${twice.pointer}/`),
  );
}

/** Where the values at these pointers start and end in the text. */
function ranges(
  text: string,
  pointers: readonly string[],
): { pointer: string; start: number; end: number }[] {
  const root: Wanted = { pointer: null, children: new Map() };
  for (const pointer of pointers) {
    let node = root;
    for (const key of fromPointer(pointer)) {
      let next = node.children.get(key);
      if (next === undefined) node.children.set(key, (next = { pointer: null, children: new Map() }));
      node = next;
    }
    node.pointer = pointer;
  }
  const found: { pointer: string; start: number; end: number }[] = [];
  find(text, root, (pointer, start, end) => {
    found.push({ pointer, start, end });
    return found.length === pointers.length;
  });
  return found;
}

/** Whether the edited text has the new values, and with the old ones put back is the value that was there. */
function isOnly(edits: readonly Edit[], before: unknown, text: string): boolean {
  const after = parseDocument('', text);
  if (!after.ok) return false;
  const { value } = after.document;
  for (const { pointer, from, to } of edits) {
    if (valueAt(value, pointer) !== to) return false;
    if (pointer === '') return true;
    const slash = pointer.lastIndexOf('/');
    const holder = valueAt(value, pointer.slice(0, slash)) as Record<string, unknown>;
    // Own keys only, so that `__proto__` is a key like any other.
    Object.defineProperty(holder, fromPointer(pointer.slice(slash))[0] as string, { value: from });
  }
  return JSON.stringify(value) === JSON.stringify(before);
}

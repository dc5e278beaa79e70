import { count, quote } from '../text/text.ts';
import { duplicateKeys, locate, parseDocument } from './document.ts';
import type { Range } from './position.ts';

/** One thing that is wrong with a file of settings, in words that end with what to do. */
export interface SourceProblem {
  message: string;
  /** Null where it is about the file as a whole. */
  range: Range | null;
}

/**
 * Reads YAML text; comes in from the edge, so that a run without YAML does not
 * load it. Never throws. `value` is undefined where the text gives none.
 */
export type YamlParser = (text: string) => {
  value: unknown;
  problems: { message: string; range: Range | null }[];
  /** The range of the value at a JSON pointer; null where there is none. */
  locate(pointer: string): Range | null;
};

/** A file of settings, JSON or YAML: its value, what is wrong with its text, and where things stand in it. */
export interface Source {
  /** Undefined where the text gives none. */
  value: unknown;
  problems: SourceProblem[];
  /** The range of each pointer, in the same order; of what is around it where there is no such value. */
  locate(pointers: string[]): (Range | null)[];
}

/** More problems than anybody reads at once. */
const mostProblems = 100;

const startOfFile: Range = { line: 1, column: 1, endLine: 1, endColumn: 2 };

/**
 * Reads JSON, or YAML where a parser is given. `whenEmpty` says what to write
 * into an empty file, in the language that it is in. Never throws.
 */
export function readSource(
  file: string,
  text: string,
  yaml: YamlParser | null,
  whenEmpty: { json: string; yaml: string },
): Source {
  const empty = (help: string): Source => ({
    value: undefined,
    problems: [{ message: `The file is empty. ${help}`, range: startOfFile }],
    locate: () => [],
  });
  if (text.trim() === '') return empty(whenEmpty.json);
  if (yaml === null) return readJson(file, text);
  const { value, problems, locate } = yaml(text);
  if (value === null) return empty(whenEmpty.yaml);
  return {
    value,
    problems: problems.slice(0, mostProblems),
    locate: (pointers) => pointers.map((pointer) => firstOf(pointer, locate)),
  };
}

function readJson(file: string, text: string): Source {
  const parsed = parseDocument(file, text);
  if (!parsed.ok) {
    const { reason, fix, range } = parsed.problem;
    return {
      value: undefined,
      problems: [{ message: `The file is not valid JSON: ${reason}. ${fix}`, range }],
      locate: () => [],
    };
  }
  const { document } = parsed;
  return {
    value: document.value,
    problems: !document.hasDuplicateKeys
      ? []
      : duplicateKeys(text).map(({ key, firstLine, range }) => ({
          message: `${quote(key)} already stands in this object, on line ${firstLine}. Remove one of the two.`,
          range,
        })),
    locate(pointers) {
      const ranges = locate(document, pointers.flatMap(withParents));
      return pointers.map((pointer) => firstOf(pointer, (at) => ranges.get(at) ?? null));
    },
  };
}

/** A pointer, then those of what is around it, innermost first. */
function withParents(pointer: string): string[] {
  const all = [pointer];
  for (let at = pointer; at !== ''; ) {
    at = at.slice(0, at.lastIndexOf('/'));
    all.push(at);
  }
  return all;
}

function firstOf(pointer: string, look: (pointer: string) => Range | null): Range | null {
  for (const at of withParents(pointer)) {
    const range = look(at);
    if (range !== null) return range;
  }
  return null;
}

/** The problems of the text and of its content together, in the order of the file; at most 100 of the content. */
export function inOrder(
  source: Source,
  found: readonly { pointer: string; message: string }[],
): SourceProblem[] {
  const shown = found.slice(0, mostProblems);
  const ranges = source.locate(shown.map(({ pointer }) => pointer));
  const all = [
    ...source.problems,
    ...shown.map(({ message }, at) => ({ message, range: ranges[at] ?? null })),
  ];
  all.sort(
    (a, b) => (a.range?.line ?? 0) - (b.range?.line ?? 0) || (a.range?.column ?? 0) - (b.range?.column ?? 0),
  );
  const more = found.length - shown.length;
  if (more > 0) {
    all.push({ message: `The file has ${count(more, 'more problem')}. Correct these first.`, range: null });
  }
  return all;
}

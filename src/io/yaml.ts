import type { Document, Node, YAMLError } from 'yaml';
import { isAlias, isMap, isNode, isScalar, isSeq, Lexer, Parser, parseDocument, visit } from 'yaml';
import { maxDepth } from '../document/document.ts';
import { fromPointer } from '../document/pointer.ts';
import type { Range } from '../document/position.ts';
import { Lines } from '../document/position.ts';
import type { YamlParser } from '../document/source.ts';
import { short } from '../text/text.ts';

/** No file of settings is near it; some megabytes take the parser seconds. */
const mostCharacters = 1_000_000;
const mostAliases = 100;

/** Reads YAML 1.2: one document, the standard tags only, each key a text that stands once in its map. */
export const parseYaml: YamlParser = (text) => {
  if (text.length > mostCharacters) {
    return refuse(`The file is longer than ${mostCharacters} characters. Split it.`);
  }
  if (isTooDeep(text)) {
    return refuse(`The file is nested too deep. Keep the nesting below ${maxDepth} levels.`);
  }
  try {
    return read(text);
  } catch {
    // All that is left to throw at: the library counts aliases that stand for aliases.
    return refuse(`The file uses its aliases more than ${mostAliases} times. Write the values out.`);
  }
};

/**
 * Whether reading the text would recurse too deep. It has to be known before:
 * where the stack ends inside of a regular expression, Node does not throw, it
 * dies. The library's tokens come without recursion.
 */
function isTooDeep(text: string): boolean {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme)) {
      // Only how far the parser has open what it reads is of interest.
    }
    if (parser.stack.length > maxDepth) return true;
  }
  return false;
}

function refuse(message: string): ReturnType<YamlParser> {
  return { value: undefined, problems: [{ message, range: null }], locate: () => null };
}

function read(text: string): ReturnType<YamlParser> {
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    resolveKnownTags: false,
    strict: true,
    stringKeys: true,
    uniqueKeys: true,
    prettyErrors: false,
    // With 'silent', a second document would go unnoticed.
    logLevel: 'error',
  });
  const errors = [...document.errors, ...document.warnings];
  const lines = new Lines(text);
  const problems: { message: string; range: Range | null }[] = errors.map((error) => ({
    message: explain(error),
    range: lines.range(error.pos[0], Math.max(error.pos[1], error.pos[0] + 1)),
  }));
  // The library looks through the whole document for each alias; a file can hold a hundred thousand.
  const anchors = new Map<string, Node>();
  visit(document, {
    Node(_, node, path) {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.set(node.anchor, node);
        return;
      }
      const source = anchors.get(node.source);
      if (source !== undefined && !path.includes(source)) return;
      problems.push({
        message: `The alias *${short(node.source, 60)} ${source === undefined ? 'stands for nothing' : 'stands for something that contains it'}. Write the value out.`,
        range: rangeOf(node, lines),
      });
    },
  });
  // Of a key that stands twice the last value counts, so the rest can be checked all the same.
  const readable = problems.length === errors.length && errors.every(({ code }) => code === 'DUPLICATE_KEY');
  return {
    value: readable ? (document.toJS({ maxAliasCount: mostAliases }) as unknown) : undefined,
    problems,
    locate: (pointer) => locate(document, pointer, lines),
  };
}

function explain(error: YAMLError): string {
  switch (error.code) {
    case 'DUPLICATE_KEY':
      return 'This key already stands in the same map. Remove one of the two.';
    case 'MULTIPLE_DOCS':
      return 'The file holds more than one YAML document. Keep one, without ---.';
    case 'NON_STRING_KEY':
      return 'A key must be a text. Put it in quotes.';
    case 'TAG_RESOLVE_FAILED':
      return 'A tag (a word after !) is not known. Remove it.';
    case 'TAB_AS_INDENT':
      return 'The file is not valid YAML: a tab stands where the line is indented. Use spaces.';
    default:
      return `The file is not valid YAML: ${short(error.message, 200)}. Correct the text here.`;
  }
}

function locate(document: Document.Parsed, pointer: string, lines: Lines): Range | null {
  let node: unknown = document.contents;
  for (const key of fromPointer(pointer)) {
    if (isMap(node)) {
      // Of a key that stands twice, the last value counts.
      const pair = node.items.findLast((item) => isScalar(item.key) && String(item.key.value) === key);
      node = pair === undefined ? null : (pair.value ?? pair.key);
    } else if (isSeq(node)) node = node.items[Number(key)];
    // What an alias stands for is written elsewhere: the alias is the place.
    else if (!isAlias(node)) return null;
  }
  return isNode(node) ? rangeOf(node, lines) : null;
}

function rangeOf(node: Node, lines: Lines): Range | null {
  const range = node.range;
  return range ? lines.range(range[0], Math.max(range[1], range[0] + 1)) : null;
}

import { short } from '../text/text.ts';
import type { ParseProblem } from './document.ts';
import { Lines } from './position.ts';
import { scan, token } from './scan.ts';

/** What may stand at a place of a JSON text, in words. */
const expectations = {
  value: 'a value',
  'value-or-end': "a value or ']'",
  'key-or-end': "a key in double quotes or '}'",
  key: 'a key in double quotes',
  colon: "':' after the key",
  'comma-or-end-object': "',' or '}'",
  'comma-or-end-array': "',' or ']'",
  end: 'nothing more after the value',
} as const;
type Expectation = keyof typeof expectations;

/** Numbers of jsonc-parser's scan errors in strings and numbers. */
const scanErrors: Record<number, { reason: string; fix: string }> = {
  2: {
    reason: 'a string does not end on its line',
    fix: 'Close it with a double quote; write a line break in it as \\n.',
  },
  3: {
    reason: 'a number has no digits after its point or exponent',
    fix: 'Add the digits, or remove the point or exponent.',
  },
  4: {
    reason: 'an escape \\u needs four hexadecimal digits',
    fix: 'Write four hexadecimal digits after \\u.',
  },
  5: { reason: 'a string has an unknown escape', fix: 'Write a backslash as \\\\.' },
  6: { reason: 'a string holds a control character', fix: 'Write it as an escape, for example \\n or \\t.' },
};

/**
 * Says where and why text that `JSON.parse` refuses is not JSON: the first
 * place at which it stops being JSON, with what was expected there.
 */
export function explain(text: string): ParseProblem {
  const start = { line: 1, column: 1, endLine: 1, endColumn: 2 };
  if (text.trim() === '') return { reason: 'it is empty', fix: 'Write {} for no settings.', range: start };
  const lines = new Lines(text);
  const scanner = scan(text);
  /** Offsets of the brackets that are open. */
  const open: number[] = [];
  const inObject = () => text[open[open.length - 1] ?? -1] === '{';
  let expected: Expectation = 'value';
  let previous = { kind: token.end as number, from: 0, to: 0 };

  const problem = (reason: string, fix: string, from: number, to: number): ParseProblem => {
    // One line is enough to point at.
    const end = Math.max(from + 1, Math.min(to, endOfLine(text, from)));
    return { reason, fix, range: lines.range(from, end) };
  };
  const afterValue = (): Expectation =>
    open.length === 0 ? 'end' : inObject() ? 'comma-or-end-object' : 'comma-or-end-array';

  for (;;) {
    const kind = scanner.scan() as number;
    if (kind === token.trivia || kind === token.lineBreak) continue;
    const from = scanner.getTokenOffset();
    const to = from + scanner.getTokenLength();
    if (kind === token.lineComment || kind === token.blockComment) {
      return problem('it has a comment', 'Remove the comment: JSON has none.', from, to);
    }
    const error = scanErrors[scanner.getTokenError() as number];
    if (error !== undefined) return problem(error.reason, error.fix, from, to);
    if (kind === token.end) {
      const last = open[open.length - 1];
      if (last === undefined) break;
      const reason = `it ends early; the ${text[last]} on line ${lines.at(last).line} is not closed`;
      const fix = `Close it with ${inObject() ? '}' : ']'}, or restore what is missing.`;
      return problem(reason, fix, previous.to - 1, previous.to);
    }
    const wantsValue = expected === 'value' || expected === 'value-or-end';
    const wantsKey = expected === 'key' || expected === 'key-or-end';
    const closes = open.length > 0 && kind === (inObject() ? token.closeBrace : token.closeBracket);
    if (closes && previous.kind === token.comma) {
      return problem('a comma follows the last item', 'Remove the comma.', previous.from, previous.to);
    }
    if (
      kind === token.number &&
      previous.kind === token.number &&
      previous.to === from &&
      text[from] !== '-'
    ) {
      return problem('a number begins with 0', 'Remove the leading 0.', previous.from, to);
    }
    if (wantsValue && kind === token.openBrace) {
      open.push(from);
      expected = 'key-or-end';
    } else if (wantsValue && kind === token.openBracket) {
      open.push(from);
      expected = 'value-or-end';
    } else if (wantsValue && kind >= token.null && kind <= token.number) {
      expected = afterValue();
    } else if (wantsKey && kind === token.string) {
      expected = 'colon';
    } else if (expected === 'colon' && kind === token.colon) {
      expected = 'value';
    } else if (kind === token.comma && expected === 'comma-or-end-object') {
      expected = 'key';
    } else if (kind === token.comma && expected === 'comma-or-end-array') {
      expected = 'value';
    } else if (closes && expected !== 'colon' && expected !== 'value') {
      open.pop();
      expected = afterValue();
    } else {
      // The scanner knows no single quotes; people do.
      const single = /^'[^'\n]*'/.exec(text.slice(from, from + 100))?.[0].length ?? 0;
      const end = Math.max(to, from + single);
      const reason = `expected ${expectations[expected]}, found ${shown(text.slice(from, end))}`;
      return problem(reason, fixFor(expected, kind), from, end);
    }
    previous = { kind, from, to };
  }
  return { reason: 'a JSON parser refuses it', fix: 'Correct the text.', range: start };
}

/** What to do where a token of this kind stands in the place of something else. */
function fixFor(expected: Expectation, kind: number): string {
  const closing = kind === token.closeBrace || kind === token.closeBracket;
  switch (expected) {
    case 'value':
    case 'value-or-end':
      if (kind === token.unknown) return 'Write a text in double quotes, a number, true, false or null.';
      return kind === token.comma ? 'Remove the comma, or write a value before it.' : 'Write a value here.';
    case 'key':
    case 'key-or-end':
      return kind === token.comma ? 'Remove the comma.' : 'Write the key in double quotes.';
    case 'colon':
      return 'Write a colon between the key and its value.';
    case 'comma-or-end-object':
      return closing ? 'Close the object with }.' : 'Put a comma between the two.';
    case 'comma-or-end-array':
      return closing ? 'Close the list with ].' : 'Put a comma between the two.';
    case 'end':
      return 'Remove what follows the value.';
  }
}

/** A piece of the text in quotes, unless it has its own. */
function shown(piece: string): string {
  // A no-break space looks like any other.
  const text = short(piece, 30).replace(/[^\S ]/g, (space) => `\\u{${space.charCodeAt(0).toString(16)}}`);
  return /^(["']).*\1$/.test(text) ? text : `'${text}'`;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

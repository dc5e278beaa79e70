import type { Note } from './detection.ts';
import { budgetMs, type Ran } from './probe.ts';

/** What to do about a probe that gave nothing. */
export const giveFacts = 'Run it yourself and correct what it reports, or give the facts in a targets file.';

/**
 * Why a program gave no answer; null where it gave one, or where there is no such program. Its own words are
 * left out: they may hold names of users, machines and devices.
 */
export function whyNoAnswer(program: string, { ended, code }: Ran): string | null {
  switch (ended) {
    case 'denied':
      return `${program} cannot be executed.`;
    case 'late':
      return `${program} did not answer within ${budgetMs / 1000} s and was stopped.`;
    case 'cut':
      return `${program} printed more than 1 MiB and was stopped.`;
    case 'killed':
      return `${program} was ended by a signal.`;
    case 'failed':
      return `${program} ended with code ${code}.`;
    default:
      return null;
  }
}

/** A note for a program that hangs, floods, crashes or cannot be started; none where it ended by itself. */
export function misbehaviour(about: string, program: string, ran: Ran): Note[] {
  const why = ran.ended === 'failed' ? null : whyNoAnswer(program, ran);
  return why === null ? [] : [{ about, text: `${why} ${giveFacts}` }];
}

/** Every note once. */
export function distinct(notes: readonly Note[]): Note[] {
  return [...new Map(notes.map((note) => [note.text, note])).values()];
}

/** The JSON that a program prints, warnings in front of it left out; undefined where there is none. */
export function jsonOf(text: string): unknown {
  const starts = [...text.matchAll(/^[ \t]*[[{]/gm)];
  for (const { index } of starts.slice(0, mostStarts)) {
    try {
      return JSON.parse(text.slice(index)) as unknown;
    } catch {
      // A warning may begin with a bracket too; the next line may be the one.
    }
  }
  return undefined;
}

/** More lines that begin with a bracket than any warning has. */
const mostStarts = 20;

/** An own property of an object; undefined for anything else. */
export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

/** A text that says something, without marks of registration and needless space; null for anything else. */
export function wordsOf(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const words = value
    .replace(/\((?:tm|r|c)\)|[™®©]/gi, ' ')
    .replace(/[\u0000-\u0020\u007f-\u00a0\ufffd]+/g, ' ')
    .trim()
    .slice(0, 100);
  return words === '' || unknownWords.test(words) ? null : words;
}

const unknownWords =
  /^\[?(?:n\/a|not supported|not available|insufficient permissions|unknown error|unknown|none)\]?$/i;

/** Whether a version (`575.57.08`) is lower than another. */
export function isOlder(version: string, than: string): boolean {
  const numbers = (text: string) => text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [a, b] = [numbers(version), numbers(than)];
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

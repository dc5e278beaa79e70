import { printable, short } from '../text/text.ts';
import type { PullEvent } from './types.ts';

/** Longest line of a stream, in characters; real ones have fewer than 400. */
const mostLine = 64 * 1024;
/** Most layers of a model; real ones have fewer than 100. */
const mostLayers = 10_000;
/** Characters that are kept of what is no line of the protocol. */
const mostTail = 4096;

/** How a pull ended, by its stream alone. */
export interface PullEnd {
  /** The text of the success line; null where there is none. */
  success: string | null;
  /** The text of the first error line; null where there is none. */
  error: string | null;
  /** What is no line of the protocol: `http.Error` of the runner writes plain text behind the lines. */
  tail: string | null;
  /** Against the protocol beyond repair: what, in words. */
  broken: string | null;
}

/** Reads the stream of a pull, in pieces of any length. Nothing throws. */
export class PullStream {
  #decoder = new TextDecoder();
  #rest = '';
  #layers = new Map<string, number>();
  #done = 0;
  #total = 0;
  #end: PullEnd = { success: null, error: null, tail: null, broken: null };
  #secret: string;

  /** What a runner repeats of the secret that it was given is left out. */
  constructor(secret: string | null = null) {
    this.#secret = secret ?? '';
  }

  /** The events of the lines that end in this piece. */
  push(bytes: Uint8Array): PullEvent[] {
    return this.#take(this.#decoder.decode(bytes, { stream: true }));
  }

  /** The events of a last line without its end, and how it ended. */
  end(): { events: PullEvent[]; end: PullEnd } {
    const events = this.#take(`${this.#decoder.decode()}\n`);
    return { events, end: this.#end };
  }

  #take(text: string): PullEvent[] {
    if (this.#end.broken !== null) return [];
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    const events: PullEvent[] = [];
    for (const line of [...lines, ...(this.#rest.length > mostLine ? [this.#rest] : [])]) {
      if (line.length > mostLine) this.#end.broken = `a line of more than ${mostLine / 1024} KiB`;
      if (this.#end.broken !== null) break;
      const event = this.#line(withoutSecret(line.trim(), this.#secret));
      if (event !== null) events.push(event);
    }
    return events;
  }

  #line(line: string): PullEvent | null {
    if (line === '') return null;
    const parsed = parseLine(line);
    if (parsed === null) {
      this.#end.tail = `${this.#end.tail === null ? '' : `${this.#end.tail}\n`}${line}`.slice(0, mostTail);
      return null;
    }
    const message = typeof parsed.message === 'string' ? parsed.message : '';
    switch (parsed.type) {
      case 'success':
        this.#end.success = message;
        return null;
      case 'error':
        this.#end.error ??= message;
        return null;
      case 'warning':
        return { type: 'warning', text: short(message, 300) };
      case 'progress':
        return this.#progress(parsed, message);
      default:
        // A kind of line that a later version may bring.
        return null;
    }
  }

  /** Layers come down side by side, each line tells of one; what it says before may not be taken back. */
  #progress({ total, layer }: Line, message: string): PullEvent | null {
    const { id, size, current } = layer ?? {};
    if (typeof id !== 'string' || id === '') {
      return message === '' ? null : { type: 'status', text: short(message) };
    }
    if (!this.#layers.has(id) && this.#layers.size >= mostLayers) {
      this.#end.broken = `more than ${mostLayers} layers`;
      return null;
    }
    const before = this.#layers.get(id) ?? 0;
    const now = Math.max(before, Math.min(bytesOf(current), bytesOf(size)));
    this.#layers.set(id, now);
    this.#done += now - before;
    this.#total = Math.max(this.#total, bytesOf(total), this.#done);
    return {
      type: 'progress',
      doneBytes: this.#done,
      totalBytes: bytesOf(total) === 0 ? null : this.#total,
    };
  }
}

/** `text` without a secret, which may be empty. Before any cut, so that no part of it is left. */
export function withoutSecret(text: string, secret: string): string {
  return secret === '' ? text : text.replaceAll(secret, '***');
}

interface Line {
  type: string;
  message?: unknown;
  total?: unknown;
  layer?: { id?: unknown; size?: unknown; current?: unknown } | null;
}

/** A line of the protocol, escaped for HTML or not; null for anything else. */
function parseLine(line: string): Line | null {
  const text = line.startsWith('{&#34;') ? unescapeHtml(line) : line;
  try {
    const value = JSON.parse(text) as unknown;
    const isLine = typeof value === 'object' && value !== null && Object.hasOwn(value, 'type');
    return isLine && typeof (value as Line).type === 'string' ? (value as Line) : null;
  } catch {
    return null;
  }
}

/** The five that Go's html.EscapeString makes. */
const entities = new Map([
  ['&lt;', '<'],
  ['&gt;', '>'],
  ['&amp;', '&'],
  ['&#39;', "'"],
  ['&#34;', '"'],
]);

function unescapeHtml(text: string): string {
  return text.replace(/&(?:lt|gt|amp|#39|#34);/g, (entity) => entities.get(entity) ?? entity);
}

/** An amount of bytes; 0 for what is none. */
function bytesOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

/** What a failed stream says, for people and for the table of errors; null where it says nothing. */
export function complaintOf({ error, tail }: PullEnd): string | null {
  const texts = [error, tail].filter((text) => text !== null && text.trim() !== '') as string[];
  return texts.length === 0
    ? null
    : texts.map((text) => text.split('\n').map(printable).join('\n')).join('\n');
}

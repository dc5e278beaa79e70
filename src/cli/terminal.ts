import { standardStream } from '../io/stream.ts';
import { guardLines } from '../report/guard.ts';
import { type Paint, paint } from '../report/paint.ts';

/** Where a command writes: results to stdout, everything else to stderr. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether results are coloured. */
  color: boolean;
  /** Columns for results. */
  width: number;
  /** Whether somebody watches stderr, so that progress is worth showing. */
  watched: boolean;
  colors: Paint;
  /** Says what a command does, where `--debug` asks for it. */
  debug(text: string): void;
}

/** The real terminal. `color` is false where `--no-color` says so. */
export function realTerminal(options: { color: boolean; debug: boolean }): Terminal {
  const { env } = process;
  const out = standardStream(1);
  const forced = env['FORCE_COLOR'];
  const color =
    options.color &&
    !env['NO_COLOR'] &&
    (forced === undefined ? out.isTerminal && env['TERM'] !== 'dumb' : forced !== '0' && forced !== 'false');
  const err = standardStream(2);
  return {
    out: out.write,
    err: (text) => err.write(guardLines(text)),
    color,
    width: out.columns,
    watched: err.isTerminal,
    colors: paint(color),
    debug: (text) => {
      if (options.debug) err.write(`debug: ${text}\n`);
    },
  };
}

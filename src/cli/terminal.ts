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
  const { stdout, stderr, env } = process;
  // A reader that has seen enough (`mn … | head`) is no error.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode ?? 0);
  });
  const forced = env['FORCE_COLOR'];
  const color =
    options.color &&
    !env['NO_COLOR'] &&
    (forced === undefined
      ? stdout.isTTY === true && env['TERM'] !== 'dumb'
      : forced !== '0' && forced !== 'false');
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(guardLines(text)),
    color,
    width: stdout.columns ?? 100,
    watched: stderr.isTTY === true,
    colors: paint(color),
    debug: (text) => {
      if (options.debug) stderr.write(`debug: ${text}\n`);
    },
  };
}

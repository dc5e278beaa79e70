import { appendFileSync } from 'node:fs';
import { standardStream } from '../io/stream.ts';

// The part of @actions/core that the action needs. The toolkit itself loads Node's crypto, stream and promise modules,
// which takes a tenth of a whole run. A property test compares every line with what the toolkit writes.

const eol = process.platform === 'win32' ? '\r\n' : '\n';

/** An input as the runner passes it (`INPUT_FAIL-ON`), without white space around it; empty where it is not given. */
export function getInput(name: string): string {
  return (process.env[`INPUT_${name.replace(/ /g, '_').toUpperCase()}`] ?? '').trim();
}

/** Annotates the run with an error. */
export function error(message: string, { title }: { title: string }): void {
  command('error', title, message);
}

/** Annotates the run with a warning. */
export function warning(message: string, { title }: { title: string }): void {
  command('warning', title, message);
}

/** A line that the log shows where somebody asked for debug logging. */
export function debug(message: string): void {
  command('debug', '', message);
}

/** A line of the log. The runner obeys a command that stands in it. */
export function info(message: string): void {
  standardStream(1).write(message + eol);
}

/** Text for the log that may hold what a repository's files say: while it is printed, the runner obeys nothing. */
export function quietly(text: string): string {
  const token = unusedWord(text);
  return `::stop-commands::${token}\n${text.endsWith('\n') ? text : `${text}\n`}::${token}::\n`;
}

/** Adds outputs to the file that GITHUB_OUTPUT names. Throws what the file system throws. */
export function setOutputs(file: string, outputs: Readonly<Record<string, string | number | boolean>>): void {
  const lines = Object.entries(outputs).map(([name, value]) => {
    const delimiter = `ghadelimiter_${unusedWord(`${name}${value}`)}`;
    return `${name}<<${delimiter}${eol}${value}${eol}${delimiter}${eol}`;
  });
  appendFileSync(file, lines.join(''));
}

function command(name: string, title: string, message: string): void {
  const property =
    title === '' ? '' : ` title=${escapeData(title).replace(/:/g, '%3A').replace(/,/g, '%2C')}`;
  standardStream(1).write(`::${name}${property}::${escapeData(message)}${eol}`);
}

function escapeData(text: string): string {
  return text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}

/** Digits that stand nowhere in a text, so that nothing in it is taken for its end. The runner ignores case. */
function unusedWord(text: string): string {
  for (;;) {
    const word = `${Math.random()}${Math.random()}${Math.random()}`.replace(/\D/g, '');
    if (!text.includes(word)) return word;
  }
}

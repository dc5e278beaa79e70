/** The log and the files of a step, read as GitHub's runner reads them (ActionCommand.cs, ActionCommandManager.cs). */

export interface Command {
  name: string;
  properties: Record<string, string>;
  message: string;
}

export interface Reading {
  /** What the runner obeys, without `stop-commands` and its end. */
  commands: Command[];
  /** What of it becomes an annotation: the first ten of each kind. */
  annotations: Command[];
  /** Still not obeying at the end of the log. */
  stopped: boolean;
}

const known = [
  ...['add-mask', 'add-matcher', 'add-path', 'debug', 'echo', 'endgroup', 'error', 'group', 'notice'],
  ...[
    'internal-set-repo-path',
    'remove-matcher',
    'save-state',
    'set-env',
    'set-output',
    'stop-commands',
    'warning',
  ],
];
const kinds = ['error', 'warning', 'notice'];
const annotationsPerKind = 10;
/** Of an annotation's message; the rest is cut. */
const messageCharacters = 4096;

/** Every command in a log. Lines end as for .NET: at CR, LF or both. */
export function readLog(log: string): Reading {
  const commands: Command[] = [];
  let token: string | null = null;
  for (const line of log.split(/\r\n|\n|\r/)) {
    const command = parse(line, token === null ? known : [...known, token.toLowerCase()]);
    if (command === null) continue;
    if (token !== null) {
      if (command.name === token.toLowerCase()) token = null;
    } else if (command.name === 'stop-commands') token = command.message;
    else commands.push(command);
  }
  const annotations = kinds.flatMap((kind) =>
    commands
      .filter(({ name }) => name === kind)
      .slice(0, annotationsPerKind)
      .map(annotation),
  );
  return { commands, annotations, stopped: token !== null };
}

/** A command as people see it: the message is cut, and a range over several lines has no columns. */
function annotation({ name, properties, message }: Command): Command {
  const { line, endLine, col, endColumn, ...others } = properties;
  const place = { line, endLine, ...(line === endLine ? { col, endColumn } : {}) };
  const given = Object.entries(place).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return {
    name,
    properties: { ...others, ...Object.fromEntries(given) },
    message: message.slice(0, messageCharacters),
  };
}

/** `::name key=value,…::message` at the trimmed beginning of a line, or `##[name key=value;…]message` anywhere. */
function parse(line: string, names: readonly string[]): Command | null {
  const trimmed = line.replace(/^[\s\u0085]+/, '');
  const end = trimmed.startsWith('::') ? trimmed.indexOf('::', 2) : -1;
  if (end >= 0) {
    const command = read(trimmed.slice(2, end), ',', trimmed.slice(end + 2), names);
    if (command !== null) return command;
  }
  const start = line.indexOf('##[');
  const close = start < 0 ? -1 : line.indexOf(']', start);
  return close < 0 ? null : read(line.slice(start + 3, close), ';', line.slice(close + 1), names);
}

function read(head: string, separator: string, message: string, names: readonly string[]): Command | null {
  const space = head.indexOf(' ');
  const name = (space < 0 ? head : head.slice(0, space)).toLowerCase();
  if (!names.includes(name)) return null;
  const properties: Record<string, string> = Object.create(null);
  for (const pair of space < 0 ? [] : head.slice(space + 1).split(separator)) {
    const equals = pair.indexOf('=');
    if (equals > 0)
      properties[pair.slice(0, equals).trim()] = unescaped(pair.slice(equals + 1), /%(?:0D|0A|3A|2C|25)/g);
  }
  return { name, properties: { ...properties }, message: unescaped(message, /%(?:0D|0A|25)/g) };
}

function unescaped(text: string, escapes: RegExp): string {
  return text.replace(escapes, (found) => decodeURIComponent(found));
}

/** A file of outputs: `name<<delimiter`, lines, `delimiter`; or `name=value`. Throws where the runner would. */
export function readOutputs(text: string): Map<string, string> {
  const outputs = new Map<string, string>();
  const lines = text.split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    if (line === '') continue;
    const [, heredoc, delimiter] = /^([^=]+?)<<(.+)$/.exec(line) ?? [];
    if (heredoc === undefined) {
      const equals = line.indexOf('=');
      if (equals <= 0) throw new Error(`Invalid format '${line}'`);
      outputs.set(line.slice(0, equals), line.slice(equals + 1));
      continue;
    }
    const end = lines.indexOf(delimiter as string, at + 1);
    if (end < 0) throw new Error(`Matching delimiter not found '${delimiter}'`);
    outputs.set(heredoc, lines.slice(at + 1, end).join('\n'));
    at = end;
  }
  return outputs;
}

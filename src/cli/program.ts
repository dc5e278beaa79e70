import { Command, CommanderError } from 'commander';
import { standardStream } from '../io/stream.ts';
import { guardLines } from '../report/guard.ts';
import { printable } from '../text/text.ts';
import { version } from '../version.ts';
import type { Act, GlobalOptions, Start } from './command.ts';
import { exampleText } from './command.ts';
import { fill } from './more-commands.ts';

const examples = [
  ['mn blueprint validate', 'check every blueprint below this folder'],
  ['mn blueprint validate --targets apple-silicon-16gb,rtx-4060', 'against machines that you name'],
  ['mn model show gemma4:e2b --compatibility', 'does a model run on this machine'],
  ['mn target list', 'the machines that can be named'],
] as const;

/** The groups of commands. */
const groups = [
  { name: 'blueprint', description: 'check and resolve blueprints', fill: fill.blueprint },
  { name: 'model', description: 'the models of the catalog, and those that are installed', fill: fill.model },
  { name: 'catalog', description: 'the catalog of this repository', fill: fill.catalog },
  { name: 'target', description: 'the machines to check against', fill: fill.target },
  { name: 'finding', description: 'the kinds of findings', fill: fill.finding },
  { name: 'report', description: 'the reports of a split run', fill: fill.report },
];

/**
 * Builds the commands. `act` gets what the chosen one does. With the name of a
 * group, the others stay empty: building them all is a tenth of a start.
 */
export function program(act: Act, only?: string): Command {
  const root = new Command('mn')
    .description(
      'Decides whether the local models that MirrorNeuron blueprints declare run on the machines you target.',
    )
    .version(version)
    .option('--no-color', 'no colour; NO_COLOR in the environment does the same')
    .option('--debug', 'say what is done, and show stack traces')
    .addHelpText('after', exampleText(examples))
    .addHelpText(
      'after',
      'Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 wrong arguments or environment.',
    )
    .helpCommand('help [command]', 'show help for a command')
    .showHelpAfterError('(--help shows what there is)');
  const start: Start = (chosen, action) => {
    const all = [chosen.opts(), root.opts()] as GlobalOptions[];
    return act(
      { color: all.every(({ color }) => color), debug: all.some(({ debug }) => debug === true) },
      action,
    );
  };
  const isGroup = groups.some(({ name }) => name === only);
  for (const { name, description, fill } of groups) {
    const group = root.command(name).description(description);
    if (!isGroup || only === name) fill(group, start);
  }
  return root;
}

/** Reads the arguments, says what is wrong with them or helps, and otherwise does what is asked. */
export async function parse(argv: readonly string[], act: Act): Promise<void> {
  const first = argv.find((word) => !word.startsWith('-'));
  const commands = program(act, first);
  for (const each of [commands, ...commands.commands.flatMap((group) => [group, ...group.commands])]) {
    each.exitOverride();
    each.configureOutput({
      writeOut: (text) => standardStream(1).write(text),
      writeErr: (text) => standardStream(2).write(text),
      outputError: (text, write) => write(printableLines(text)),
    });
  }
  try {
    await commands.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // --help and --version end with 0; a group without a command shows its help, which answers no question.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  }
}

/** What a library prints may repeat an argument; controls in it are shown, line by line. */
function printableLines(text: string): string {
  return guardLines(text.split('\n').map(printable).join('\n'));
}

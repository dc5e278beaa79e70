import type { Command } from 'commander';
import { CommanderError } from 'commander';
import { standardStream } from '../io/stream.ts';
import { guardLines } from '../report/guard.ts';
import { UsageError } from '../run/usage-error.ts';
import { printable } from '../text/text.ts';
import type { Act } from './command.ts';
import { blueprintGroup, root } from './command.ts';
import { realTerminal } from './terminal.ts';
import { addValidate } from './validate-command.ts';

/** Runs the command line and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  let debug = argv.includes('--debug');
  const commands = await commandsFor(argv, async (options, action) => {
    debug = options.debug;
    process.exitCode = await action(realTerminal(options));
  });
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
    process.exitCode = 2;
    if (error instanceof CommanderError) {
      // --help and --version end with 0; a group without a command shows its help, which answers no question.
      if (error.exitCode === 0) process.exitCode = 0;
    } else if (error instanceof UsageError) {
      for (const problem of error.problems) standardStream(2).write(guardLines(`error: ${problem}\n`));
    } else {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      standardStream(2).write(`error: something is wrong in Model Check itself: ${printable(message)}\n`);
      standardStream(2).write(
        debug
          ? `${stack}\n`
          : '  Run it again with --debug, and report what it prints: https://github.com/mirrorneuron/model-check/issues\n',
      );
    }
  }
}

/** What a library prints may repeat an argument; controls in it are shown, line by line. */
function printableLines(text: string): string {
  return guardLines(text.split('\n').map(printable).join('\n'));
}

/** The commands that can be meant: most runs validate, and load no other. */
async function commandsFor(argv: readonly string[], act: Act): Promise<Command> {
  const [group, name] = argv;
  if (group !== blueprintGroup.name || name !== 'validate') {
    const first = argv.find((word) => !word.startsWith('-'));
    return (await import('./program.ts')).program(act, first);
  }
  const { program, start } = root(act);
  addValidate(program.command(group), start);
  return program;
}

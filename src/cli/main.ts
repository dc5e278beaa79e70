import { endNow, standardStream } from '../io/stream.ts';
import { guardLines } from '../report/guard.ts';
import { UsageError } from '../run/usage-error.ts';
import { printable } from '../text/text.ts';
import type { Act } from './command.ts';
import { realTerminal } from './terminal.ts';
import { validate } from './validate.ts';
import { validateArguments } from './validate-arguments.ts';

/** Runs the command line and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  let debug = argv.includes('--debug');
  const act: Act = async (options, action) => {
    debug = options.debug;
    process.exitCode = await action(realTerminal(options));
  };
  try {
    // What most runs do; all other commands stay unloaded.
    const given = validateArguments(argv);
    if (given === null) await (await import('./program.ts')).parse(argv, act);
    else {
      await act(given.global, (terminal) => validate(given.paths, given.options, terminal));
      endNow();
    }
  } catch (error) {
    process.exitCode = 2;
    if (error instanceof UsageError) {
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

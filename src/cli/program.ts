import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { workers } from '../blueprint/worker.ts';
import { failOnLevels } from '../check/exit-code.ts';
import { standardStream } from '../io/stream.ts';
import { guardLines } from '../report/guard.ts';
import type { Destination } from '../run/format-names.ts';
import { formatNames, parseDestination } from '../run/format-names.ts';
import { ifNoneLevels } from '../run/run.ts';
import { UsageError } from '../run/usage-error.ts';
import { printable } from '../text/text.ts';
import { version } from '../version.ts';
import type { EnvOptions } from './env.ts';
import type { ListOptions, ShowOptions } from './model.ts';
import type { Terminal } from './terminal.ts';
import { realTerminal } from './terminal.ts';
import { type ValidateOptions, validate } from './validate.ts';

/** Options of every command; they may stand before or after its name. */
interface GlobalOptions {
  color: boolean;
  debug: boolean;
}

type Action = (terminal: Terminal) => Promise<number> | number;

export const several = (value: string, before: string[] = []) => [...before, value];

/** What commander leaves out where an option is not given; with a default it would print `(default: [])`. */
export const nothingGiven = {
  set: [],
  targets: [],
  catalog: [],
  include: [],
  exclude: [],
  failNewOnly: false,
  updateBaseline: false,
  hardwareOnly: false,
  requireInstalled: false,
  installed: false,
  verbose: false,
  quiet: false,
  fix: false,
  dryRun: false,
  json: false,
  compatibility: false,
  online: false,
  all: false,
  check: false,
  replace: false,
  alias: [],
};

const examples = {
  root: [
    ['mn blueprint validate', 'check every blueprint below this folder'],
    ['mn blueprint validate --targets apple-silicon-16gb,rtx-4060', 'against machines that you name'],
    ['mn model show gemma4:e2b --compatibility', 'does a model run on this machine'],
    ['mn target list', 'the machines that can be named'],
  ],
  validate: [
    ['mn blueprint validate blueprints/', ''],
    ['mn blueprint validate --targets .mn/targets.yaml --fail-on warning', ''],
    ['mn blueprint validate --targets nvidia-6gb --force', ''],
    ['mn blueprint validate --hardware-only', 'this machine, without Docker'],
    ['mn blueprint validate --compare origin/main --fail-new-only', ''],
    ['mn blueprint validate --json --output report.json', ''],
    ['mn blueprint validate --fix --dry-run', ''],
    ['mn blueprint validate --format text --format sarif:models.sarif', ''],
  ],
  env: [
    ['mn blueprint env blueprints/legal --worker hostlocal', ''],
    ['mn blueprint env blueprints/legal --config primary --json', ''],
  ],
  show: [
    ['mn model show gemma4:e2b', ''],
    ['mn model show default --compatibility --targets rtx-2060,mac-m2-16', ''],
  ],
} as const;

export function exampleText(list: readonly (readonly [string, string])[]): string {
  const lines = list.map(([command, what]) =>
    what === '' ? `  ${command}` : `  ${command.padEnd(62)} ${what}`,
  );
  return `\nExamples:\n${lines.join('\n')}\n`;
}

/** Runs what a command does, with the terminal that its options ask for. */
export type Start = (chosen: Command, action: Action) => Promise<void>;

/** Adds commands to a group. */
export type Fill = (group: Command, start: Start) => void;

interface Group {
  name: string;
  description: string;
  /** For those whose definitions every run loads. */
  fill?: Fill;
}

/** `--debug` and `--no-color` work wherever they stand. */
export const command = (parent: Command, name: string, description: string): Command =>
  parent
    .command(name)
    .description(description)
    .addOption(new Option('--no-color', 'no colour'))
    .addOption(new Option('--debug', 'say what is done, and show stack traces'));

export const failOnOption = () =>
  new Option('--fail-on <level>', 'exit 1 from this severity on').choices(failOnLevels).default('error');
export const catalogOption = () =>
  new Option('--catalog <file>', 'a further model catalog; repeatable, may be a glob').argParser(several);
export const targetsOption = () =>
  new Option('--targets <list>', 'presets, targets files and detect, with commas; repeatable').argParser(
    several,
  );

export const setOption = () =>
  new Option(
    '--set <fact=value>',
    'set a fact over what is detected, as in gpu.vram_gb=8; repeatable',
  ).argParser(several);

const formatOption = () =>
  new Option(
    '--format <format>',
    `how to report: ${formatNames.join(', ')} (default: text); with a file, as in sarif:out.sarif, it is written there; repeatable`,
  ).argParser((value, before: Destination[] = []) => {
    const destination = parseDestination(value);
    if (destination === null)
      throw new InvalidArgumentError(`Allowed choices are ${formatNames.join(', ')}.`);
    if (destination.file === '')
      throw new InvalidArgumentError(`Name a file behind the colon, or leave out both.`);
    return [...before, destination];
  });

/** The groups of commands. */
const groups: readonly Group[] = [
  {
    name: 'blueprint',
    description: 'check and resolve blueprints',
    fill(group, start) {
      command(group, 'validate', 'check every model of every blueprint against every target')
        .argument('[paths...]', 'folders to search, or files; this folder when none is given')
        .addOption(targetsOption())
        .addOption(setOption())
        .addOption(catalogOption())
        .addOption(
          new Option('--include <glob>', 'only blueprints that match; repeatable').argParser(several),
        )
        .addOption(new Option('--exclude <glob>', 'no blueprints that match; repeatable').argParser(several))
        .option('--force', 'allow what only the hardware table refuses, with a warning')
        .option('--no-force', 'do not, whatever the config file says')
        .option('--hardware-only', 'leave Docker Model Runner and installed models of this machine out')
        .option('--require-installed', 'models must be installed here, whatever the targets are')
        .addOption(failOnOption())
        .option('--fail-new-only', 'with --compare, only new findings count for --fail-on')
        .option('--changed-since <ref>', 'only blueprints that a change since this branch left it can affect')
        .option('--compare <ref>', 'also check the commit where this branch left it, and say what is new')
        .addOption(
          new Option('--if-none <level>', 'when there is no blueprint').choices(ifNoneLevels).default('warn'),
        )
        .option('--baseline <file>', 'hide the findings that this file has')
        .option('--update-baseline', 'write the errors and warnings that there are to that file')
        .option('--config <file>', 'options of the repository; .mn/model-check.yaml when not given')
        .option('--no-config', 'no config file')
        .addOption(formatOption())
        .option('--json', 'the same as --format json')
        .option('--output <file>', 'write the report of the --format without a file to a file')
        .option('--quiet', 'only problems and the closing line')
        .option('--fix', 'correct what has one obvious correction, show the changes, and check again')
        .option('--dry-run', 'with --fix: show the changes, and write nothing')
        .addHelpText('after', exampleText(examples.validate))
        .addHelpText('after', 'The kinds of findings: mn finding list')
        .action((paths: string[], options: ValidateOptions, chosen: Command) =>
          start(chosen, async (terminal) => {
            const given = { ...nothingGiven, ...options };
            // What nobody gave is left to the config file.
            for (const name of ['force', 'failOn', 'ifNone'] as const) {
              if (chosen.getOptionValueSource(name) !== 'cli') delete given[name];
            }
            return validate(paths, given, terminal);
          }),
        );
      command(group, 'env', 'print the MN_LLM_* variables that a blueprint is started with, in dotenv form')
        .argument('<path>', 'a blueprint folder or file')
        .option('--config <name>', 'a config of llm.configs; the default one when not given')
        .addOption(
          new Option('--worker <kind>', 'where the worker runs').choices(workers).default('container'),
        )
        .addOption(catalogOption())
        .option('--json', 'one JSON object')
        .addHelpText('after', exampleText(examples.env))
        .action((path: string, options: EnvOptions, chosen: Command) =>
          start(chosen, async (terminal) =>
            (await import('./env.ts')).env(path, { ...nothingGiven, ...options }, terminal),
          ),
        );
    },
  },
  {
    name: 'model',
    description: 'the models of the catalog, and those that are installed',
    fill(group, start) {
      command(group, 'list', 'list the catalog, and what is installed')
        .option('--installed', 'only models that are installed')
        .addOption(catalogOption())
        .option('--json', 'one JSON document')
        .action((options: ListOptions, chosen: Command) =>
          start(chosen, async (terminal) =>
            (await import('./model.ts')).modelList({ ...nothingGiven, ...options }, terminal),
          ),
        );
      command(group, 'show', 'show one model, and where it runs')
        .argument('[ref]', 'id, alias or Docker name', 'gemma4:e2b')
        .option('--compatibility', 'say whether it runs on this machine, or on --targets')
        .addOption(targetsOption())
        .addOption(setOption())
        .addOption(catalogOption())
        .option('--json', 'one JSON document')
        .addHelpText('after', exampleText(examples.show))
        .action((ref: string, options: ShowOptions, chosen: Command) =>
          start(chosen, async (terminal) =>
            (await import('./model.ts')).modelShow(ref, { ...nothingGiven, ...options }, terminal),
          ),
        );
    },
  },
  { name: 'catalog', description: 'the catalog of this repository' },
  { name: 'target', description: 'the machines to check against' },
  { name: 'finding', description: 'the kinds of findings' },
];

/**
 * Builds the commands. `act` gets what the chosen one does. With `only`, the
 * other groups stay empty: building them all is a tenth of a start. `more`
 * has the commands whose definitions only their own runs load.
 */
export function program(
  act: (options: GlobalOptions, action: Action) => Promise<void>,
  only?: string,
  more: Readonly<Record<string, Fill>> = {},
): Command {
  const root = new Command('mn')
    .description(
      'Decides whether the local models that MirrorNeuron blueprints declare run on the machines you target.',
    )
    .version(version)
    .option('--no-color', 'no colour; NO_COLOR in the environment does the same')
    .option('--debug', 'say what is done, and show stack traces')
    .addHelpText('after', exampleText(examples.root))
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
  for (const { name, description, fill } of groups) {
    const group = root.command(name).description(description);
    if (only !== undefined && only !== name) continue;
    fill?.(group, start);
    more[name]?.(group, start);
  }
  return root;
}

/** Runs the command line and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  let debug = argv.includes('--debug');
  const [first, second] = argv.filter((word) => !word.startsWith('-'));
  // What most runs do; the definitions of all other commands stay unloaded.
  const isLean = first === 'blueprint' && (second === 'validate' || second === 'env');
  const commands = program(
    async (options, action) => {
      debug = options.debug;
      process.exitCode = await action(realTerminal(options));
    },
    groups.some(({ name }) => name === first) ? first : undefined,
    isLean ? {} : (await import('./more-commands.ts')).more,
  );
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

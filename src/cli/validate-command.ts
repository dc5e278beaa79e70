import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { parseShard, type ShardNumber, shardForm } from '../blueprint/shard-number.ts';
import type { Destination } from '../run/format-names.ts';
import { formatNames, parseDestination } from '../run/format-names.ts';
import { ifNoneLevels } from '../run/run.ts';
import type { Start } from './command.ts';
import {
  catalogOption,
  command,
  exampleText,
  failOnOption,
  setOption,
  several,
  targetsOption,
} from './command.ts';
import { type ValidateOptions, validate } from './validate.ts';
import { nothingGiven } from './validate-arguments.ts';

const examples = [
  ['mn blueprint validate blueprints/', ''],
  ['mn blueprint validate --targets .mn/targets.yaml --fail-on warning', ''],
  ['mn blueprint validate --targets nvidia-6gb --force', ''],
  ['mn blueprint validate --hardware-only', 'this machine, without Docker'],
  ['mn blueprint validate --compare origin/main --fail-new-only', ''],
  ['mn blueprint validate --json --output report.json', ''],
  ['mn blueprint validate --fix --dry-run', ''],
  ['mn blueprint validate --format text --format sarif:models.sarif', ''],
] as const;

export const formatOption = () =>
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

function shardOf(value: string): ShardNumber {
  const shard = parseShard(value);
  if (shard === null) throw new InvalidArgumentError(shardForm);
  return shard;
}

/** Adds `validate` to its group. */
export function addValidate(group: Command, start: Start): void {
  command(group, 'validate', 'check every model of every blueprint against every target')
    .argument('[paths...]', 'folders to search, or files; this folder when none is given')
    .addOption(targetsOption())
    .addOption(setOption())
    .addOption(catalogOption())
    .addOption(new Option('--include <glob>', 'only blueprints that match; repeatable').argParser(several))
    .addOption(new Option('--exclude <glob>', 'no blueprints that match; repeatable').argParser(several))
    .option('--force', 'allow what only the hardware table refuses, with a warning')
    .option('--no-force', 'do not, whatever the config file says')
    .option('--hardware-only', 'leave Docker Model Runner and installed models of this machine out')
    .option('--require-installed', 'models must be installed here, whatever the targets are')
    .addOption(failOnOption())
    .option('--fail-new-only', 'with --compare, only new findings count for --fail-on')
    .option('--no-fail-new-only', 'all findings count, whatever the config file says')
    .option('--changed-since <ref>', 'only blueprints that a change since this branch left it can affect')
    .option('--changed-files', 'the paths are files that changed: only the blueprints that they belong to')
    .addOption(
      new Option(
        '--shard <i/n>',
        'only a part of the blueprints, as 2/5; mn report merge puts them together',
      ).argParser(shardOf),
    )
    .option('--compare <ref>', 'also check the commit where this branch left it, and say what is new')
    .option('--no-compare', 'compare nothing, whatever the config file says')
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
    .addHelpText('after', exampleText(examples))
    .addHelpText('after', 'The kinds of findings: mn finding list')
    .action((paths: string[], options: ValidateOptions, chosen: Command) =>
      start(chosen, async (terminal) => {
        const given = { ...nothingGiven, ...options };
        // What nobody gave is left to the config file.
        for (const name of ['force', 'failOn', 'failNewOnly', 'compare', 'ifNone'] as const) {
          if (chosen.getOptionValueSource(name) !== 'cli') delete given[name];
        }
        return validate(paths, given, terminal);
      }),
    );
}

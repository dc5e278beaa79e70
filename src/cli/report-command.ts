import type { Command } from 'commander';
import type { Fill } from './command.ts';
import { command, exampleText, failOnOption } from './command.ts';
import type { MergeOptions } from './merge.ts';
import { formatOption } from './validate-command.ts';

const examples = [
  ['mn blueprint validate --shard 1/4 --json --output .shards/1.json', ''],
  ['mn report merge .shards/*.json', 'one report of all four'],
  ['mn report merge .shards/*.json --format text --format sarif:models.sarif', ''],
] as const;

/** Adds the commands about reports. */
export const report: Fill = (group, start) => {
  command(group, 'merge', 'make one report, and one exit code, of the JSON reports of all shards')
    .argument('<files...>', 'the JSON reports of mn blueprint validate --shard; patterns too')
    .addOption(failOnOption())
    .option('--fail-new-only', 'of shards with --compare, only new findings count for --fail-on')
    .option('--no-fail-new-only', 'all findings count, whatever the config file says')
    .option('--config <file>', 'options of the repository; .mn/model-check.yaml when not given')
    .option('--no-config', 'no config file')
    .addOption(formatOption())
    .option('--json', 'the same as --format json')
    .option('--output <file>', 'write the report of the --format without a file to a file')
    .option('--quiet', 'only problems and the closing line')
    .addHelpText('after', exampleText(examples))
    .action((files: string[], options: MergeOptions, chosen: Command) =>
      start(chosen, async (terminal) => {
        const given = { ...options };
        // What nobody gave is left to the config file.
        for (const name of ['failOn', 'failNewOnly'] as const) {
          if (chosen.getOptionValueSource(name) !== 'cli') delete given[name];
        }
        return (await import('./merge.ts')).merge(files, given, terminal);
      }),
    );
};

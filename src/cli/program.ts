import type { Command } from 'commander';
import type { Act } from './command.ts';
import { blueprintGroup, exampleText, root } from './command.ts';
import { fill } from './more-commands.ts';

const examples = [
  ['mn blueprint validate', 'check every blueprint below this folder'],
  ['mn blueprint validate --targets apple-silicon-16gb,rtx-4060', 'against machines that you name'],
  ['mn model show gemma4:e2b --compatibility', 'does a model run on this machine'],
  ['mn target list', 'the machines that can be named'],
] as const;

/** The groups of commands. */
const groups = [
  { ...blueprintGroup, fill: fill.blueprint },
  { name: 'model', description: 'the models of the catalog, and those that are installed', fill: fill.model },
  { name: 'catalog', description: 'the catalog of this repository', fill: fill.catalog },
  { name: 'target', description: 'the machines to check against', fill: fill.target },
  { name: 'finding', description: 'the kinds of findings', fill: fill.finding },
];

/**
 * Builds the commands. `act` gets what the chosen one does. With the name of a
 * group, the others stay empty: building them all is a tenth of a start.
 */
export function program(act: Act, only?: string): Command {
  const { program, start } = root(act);
  program
    .description(
      'Decides whether the local models that MirrorNeuron blueprints declare run on the machines you target.',
    )
    .addHelpText('after', exampleText(examples))
    .addHelpText(
      'after',
      'Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 wrong arguments or environment.',
    )
    .helpCommand('help [command]', 'show help for a command');
  const isGroup = groups.some(({ name }) => name === only);
  for (const { name, description, fill } of groups) {
    const group = program.command(name).description(description);
    if (!isGroup || only === name) fill(group, start);
  }
  return program;
}

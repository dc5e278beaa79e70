import { type Command, Option } from 'commander';
import { failOnLevels } from '../check/exit-code.ts';
import type { Terminal } from './terminal.ts';

/** Options of every command; they may stand before or after its name. */
export interface GlobalOptions {
  color: boolean;
  debug: boolean;
}

/** What a command does; its result is the exit code. */
export type Action = (terminal: Terminal) => Promise<number> | number;

/** Runs what a command does, with the terminal that its options ask for. */
export type Start = (chosen: Command, action: Action) => Promise<void>;

/** Adds commands to a group. */
export type Fill = (group: Command, start: Start) => void;

/** Gets what the chosen command does. */
export type Act = (options: GlobalOptions, action: Action) => Promise<void>;

/** For an option that may be repeated. */
export const several = (value: string, before: string[] = []) => [...before, value];

/** Commands, and what is said of each, as the end of a help text. */
export function exampleText(list: readonly (readonly [string, string])[]): string {
  const lines = list.map(([command, what]) =>
    what === '' ? `  ${command}` : `  ${command.padEnd(62)} ${what}`,
  );
  return `\nExamples:\n${lines.join('\n')}\n`;
}

/** A command of a group. `--debug` and `--no-color` work wherever they stand. */
export const command = (parent: Command, name: string, description: string): Command =>
  parent
    .command(name)
    .description(description)
    .addOption(new Option('--no-color', 'no colour'))
    .addOption(new Option('--debug', 'say what is done, and show stack traces'));

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

export const failOnOption = () =>
  new Option('--fail-on <level>', 'exit 1 from this severity on').choices(failOnLevels).default('error');

import { parseShard } from '../blueprint/shard-number.ts';
import { type FailOn, failOnLevels } from '../check/exit-code.ts';
import { type Destination, parseDestination } from '../run/format-names.ts';
import { type IfNone, ifNoneLevels } from '../run/run.ts';
import type { GlobalOptions } from './command.ts';
import type { ValidateOptions } from './validate.ts';

/** What `mn blueprint validate` has where an option is not given. */
export const nothingGiven = {
  set: [],
  targets: [],
  catalog: [],
  include: [],
  exclude: [],
  updateBaseline: false,
  changedFiles: false,
  hardwareOnly: false,
  requireInstalled: false,
  quiet: false,
  fix: false,
  dryRun: false,
};

export interface ValidateArguments {
  paths: string[];
  options: ValidateOptions;
  global: GlobalOptions;
}

/** Takes what an option is given. False where that is not plain. */
type Take = (options: Partial<ValidateOptions>, value: string) => boolean;

const text =
  (field: 'changedSince' | 'compare' | 'baseline' | 'config' | 'output'): Take =>
  (options, value) => {
    options[field] = value;
    return true;
  };

const list =
  (field: 'targets' | 'set' | 'catalog' | 'include' | 'exclude'): Take =>
  (options, value) => {
    options[field] = [...(options[field] ?? []), value];
    return true;
  };

/** The options with a value. */
const values = new Map<string, Take>([
  ['--targets', list('targets')],
  ['--set', list('set')],
  ['--catalog', list('catalog')],
  ['--include', list('include')],
  ['--exclude', list('exclude')],
  ['--changed-since', text('changedSince')],
  ['--compare', text('compare')],
  ['--baseline', text('baseline')],
  ['--config', text('config')],
  ['--output', text('output')],
  [
    '--shard',
    (options, value) => {
      const shard = parseShard(value);
      if (shard !== null) options.shard = shard;
      return shard !== null;
    },
  ],
  [
    '--fail-on',
    (options, value) => {
      options.failOn = value as FailOn;
      return failOnLevels.includes(options.failOn);
    },
  ],
  [
    '--if-none',
    (options, value) => {
      options.ifNone = value as IfNone;
      return ifNoneLevels.includes(options.ifNone);
    },
  ],
  [
    '--format',
    (options, value) => {
      const destination = parseDestination(value);
      if (destination === null || destination.file === '') return false;
      const before: Destination[] = options.format ?? [];
      options.format = [...before, destination];
      return true;
    },
  ],
]);

/** The options without one. */
const flags = new Map<string, Partial<ValidateOptions>>([
  ['--force', { force: true }],
  ['--no-force', { force: false }],
  ['--hardware-only', { hardwareOnly: true }],
  ['--require-installed', { requireInstalled: true }],
  ['--fail-new-only', { failNewOnly: true }],
  ['--no-fail-new-only', { failNewOnly: false }],
  ['--no-compare', { compare: false }],
  ['--changed-files', { changedFiles: true }],
  ['--update-baseline', { updateBaseline: true }],
  ['--no-config', { config: false }],
  ['--json', { json: true }],
  ['--quiet', { quiet: true }],
  ['--fix', { fix: true }],
  ['--dry-run', { dryRun: true }],
]);

/**
 * The arguments of `mn blueprint validate`, read without the library that has its help and its errors: loading
 * that is a fifth of all bytes. Null where they are not plain, so that the library reads them: `--help`, what is
 * wrong, an empty value, one that begins with `-`, and all other commands. A test compares the two.
 */
export function validateArguments(argv: readonly string[]): ValidateArguments | null {
  if (argv[0] !== 'blueprint' || argv[1] !== 'validate') return null;
  const options: ValidateOptions = { ...nothingGiven };
  const global: GlobalOptions = { color: true, debug: false };
  const paths: string[] = [];
  for (let at = 2; at < argv.length; at++) {
    const word = argv[at] as string;
    const [name, ...behind] = word.split('=');
    const take = values.get(name as string);
    const flag = flags.get(word);
    if (take !== undefined) {
      const value = behind.length > 0 ? behind.join('=') : argv[++at];
      if (!value || value.startsWith('-') || !take(options, value)) return null;
    } else if (flag !== undefined) Object.assign(options, flag);
    else if (word === '--no-color') global.color = false;
    else if (word === '--debug') global.debug = true;
    else if (word === '' || word.startsWith('-')) return null;
    else paths.push(word);
  }
  return { paths, options, global };
}

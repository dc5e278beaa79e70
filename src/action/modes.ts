import { parseShard, type ShardNumber, shardForm } from '../blueprint/shard-number.ts';
import { didYouMean } from '../text/nearest.ts';
import { either, quote } from '../text/text.ts';
import type { InputName, Mode, ModeInputs } from './inputs.ts';
import { inputNames, reportFileInputs } from './inputs.ts';

const modes = ['check', 'plan', 'merge'] as const;

/** GitHub starts no more jobs of one matrix. */
const mostJobs = 256;

const onlyForOthers: readonly InputName[] = ['max-jobs', 'reports'];

/** The inputs that a mode uses. */
const inputsOf: Record<Mode, readonly InputName[]> = {
  check: inputNames.filter((name) => !onlyForOthers.includes(name)),
  plan: [
    ...(['mode', 'paths', 'include', 'exclude', 'targets', 'target', 'set', 'config'] as const),
    ...(['working-directory', 'max-jobs'] as const),
  ],
  merge: [
    ...(['mode', 'reports', 'config', 'fail-on', 'fail-on-new', 'annotations', 'summary'] as const),
    ...(['comment', 'github-token', 'working-directory', ...reportFileInputs] as const),
  ],
};

/** Reads the inputs of one among many jobs. What is wrong goes to `problems`, inputs that the mode does not use too. */
export function readModes(get: (name: InputName) => string, problems: string[]): ModeInputs {
  const given = get('mode');
  const known = modes.find((one) => one === given.toLowerCase());
  if (given !== '' && known === undefined) {
    problems.push(`input mode is ${quote(given)}.${didYouMean(given, modes)} Write ${either(modes)}.`);
  }
  const mode = known ?? 'check';
  const reports = get('reports')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const maxJobs = readMaxJobs(get('max-jobs'), problems);
  const shard = readShard(get('shard'), problems);
  for (const name of inputNames) {
    if (get(name) === '' || inputsOf[mode].includes(name)) continue;
    const others = modes.filter((one) => inputsOf[one].includes(name));
    problems.push(
      `input ${name} is for mode ${either(others)}, and mode is ${mode}. Leave it out, or set another mode.`,
    );
  }
  if (mode === 'merge' && reports.length === 0) {
    problems.push(
      'mode is merge, and the input reports names none. Write globs of the JSON reports of all parts, as in reports/*.json.',
    );
  }
  const changedSince = get('changed-since').trim() || null;
  if (changedSince !== null && !['', 'none'].includes(get('compare').trim())) {
    problems.push('input changed-since leaves out what compare would compare. Give one of them.');
  }
  return { mode, reports, maxJobs, shard, changedSince };
}

function readMaxJobs(given: string, problems: string[]): number {
  if (given === '') return mostJobs;
  const value = /^\d{1,6}$/.test(given) ? Number(given) : 0;
  if (value < 1 || value > mostJobs) {
    problems.push(`input max-jobs is ${quote(given)}. Write a number from 1 to ${mostJobs}.`);
  }
  return value;
}

function readShard(given: string, problems: string[]): ShardNumber | null {
  const shard = given === '' ? null : parseShard(given);
  if (given !== '' && shard === null) problems.push(`input shard is ${quote(given)}. ${shardForm}`);
  return shard;
}

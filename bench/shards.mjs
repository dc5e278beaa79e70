// One check split over 20 shards and merged, against the single run: the same report, and what the merge costs.
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { mebibytes, milliseconds, number } from './tables.mjs';

const shards = 20;

export async function measure(context) {
  const { cli } = context.product;
  const { stdout } = await context.workspace.node(
    [cli, 'blueprint', 'validate', '--help'],
    context.workspace.folder,
  );
  if (!stdout.includes('--shard '))
    return { missing: '`mn blueprint validate` has no `--shard` in this version.' };
  const blueprints = context.large ?? context.many;
  const folder = await context.repository(blueprints);
  const file = (name) => join(context.workspace.folder, `${name}.json`);
  const check = (name, ...more) =>
    context.validate(context.product, folder, '--json', '--output', file(name), ...more);

  context.say(`${shards} shards of ${blueprints} blueprints`);
  const single = await check('single');
  const parts = [];
  for (let at = 1; at <= shards; at++) parts.push(await check(`shard-${at}`, '--shard', `${at}/${shards}`));
  const names = parts.map((_, at) => file(`shard-${at + 1}`));
  // Exit code 1 says that the merged report has findings.
  const merge = await context.workspace.used(
    [cli, 'report', 'merge', ...names, '--json', '--output', file('merged')],
    folder,
  );
  const slowest = parts.toSorted((a, b) => b.ms - a.ms)[0];
  return {
    blueprints,
    single,
    slowest,
    meanMs: parts.reduce((total, { ms }) => total + ms, 0) / shards,
    merge,
    bytes: statSync(file('single')).size,
    isSame: digestOf(file('single')) === digestOf(file('merged')),
  };
}

function digestOf(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

export function tables({ missing, blueprints, single, slowest, meanMs, merge, bytes, isSame }) {
  const title = `${shards} shards against a single run, as JSON`;
  if (missing !== undefined) return [{ title, after: [missing] }];
  const row = (name, { ms, cpuMs, maxRssMiB }) => [
    name,
    milliseconds(ms),
    milliseconds(cpuMs),
    mebibytes(maxRssMiB),
  ];
  return [
    {
      title: `${title}, ${number(blueprints)} blueprints × 50 targets`,
      head: ['', 'wall', 'processor', 'peak memory'],
      rows: [row('the single run', single), row('the slowest shard', slowest), row('the merge', merge)],
      after: [
        `A shard takes ${milliseconds(meanMs)} on average.`,
        `The merged report of ${number(bytes)} bytes ${isSame ? 'is the same' : 'DIFFERS from the single run'}${isSame ? ', byte for byte' : ''}.`,
      ],
    },
  ];
}

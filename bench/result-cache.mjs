// Would a content-addressed cache of results pay? The least that any such cache has to do, against the whole check.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './product.mjs';
import { interleaved, summary } from './statistics.mjs';
import { milliseconds, number, timesWithSpread } from './tables.mjs';

const child = join(root, 'bench', 'result-cache-child.mjs');

export async function measure(context) {
  const client = join(context.product.dist, 'cache', 'index.js');
  const sizes = [];
  for (const blueprints of [1_000, context.many]) {
    const folder = await context.repository(blueprints);
    const report = join(context.workspace.folder, 'whole.json');
    const store = join(context.workspace.folder, 'store.json');
    await context.validate(context.product, folder, '--json', '--output', report);
    await context.workspace.node([child, 'store', folder, store, report], folder);
    const lookUp = (how) => () => context.workspace.used([child, how, folder, store], folder);
    const samples = await interleaved(
      [
        { name: 'nothing', run: () => context.workspace.used(['-e', '0'], folder) },
        { name: 'one', run: async () => context.validate(context.product, await context.repository(1)) },
        { name: 'check', run: () => context.validate(context.product, folder) },
        { name: 'hash', run: lookUp('hash') },
        { name: 'stat', run: lookUp('stat') },
        { name: 'parse', run: () => context.floor('parse', folder, blueprints) },
        // It finds nothing to save and ends with 1, before it asks the network.
        { name: 'client', run: () => context.workspace.used([client, 'save', 'key'], folder) },
      ],
      context.rounds(blueprints),
    );
    const cases = Object.fromEntries(
      [...samples].map(([name, all]) => [name, summary(all, samples.get('check'))]),
    );
    // The command has to start with a cache too; the start of Node is in both.
    const leastMs = cases.hash.ms + cases.one.ms - cases.nothing.ms;
    sizes.push({ blueprints, storeBytes: statSync(store).size, cases, leastMs });
  }
  return { sizes };
}

const names = {
  nothing: '`node -e 0`',
  one: 'the whole check of one blueprint',
  check: 'the whole check, as text',
  hash: 'the least with a cache: list, read and hash all files, parse the stored results',
  stat: 'the same by size and time of change, nothing read; fresh clones never hit',
  parse: 'reading and parsing the files',
  client: 'starting the client of the cache of GitHub Actions, without its network',
};

export function tables({ sizes }) {
  return sizes.map(({ blueprints, storeBytes, cases, leastMs }) => ({
    title: `A cache of results, ${number(blueprints)} blueprints × 50 targets, every one of them a hit`,
    head: ['', 'wall', 'against the whole check', 'processor'],
    rows: Object.entries(cases).map(([name, { ms, ratio, cpuMs }]) => [
      names[name],
      milliseconds(ms),
      timesWithSpread(ratio),
      milliseconds(cpuMs),
    ]),
    after: [
      `With the start of the command a hit takes ${milliseconds(leastMs)} at least, so at most ${milliseconds(cases.check.ms - leastMs)} of ${milliseconds(cases.check.ms)} are saved. The cache has ${number(storeBytes)} bytes.`,
    ],
  }));
}

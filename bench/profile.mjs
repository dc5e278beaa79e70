// Where the processor was while many blueprints were checked with the modules of lib/.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './product.mjs';
import { number } from './tables.mjs';

export async function measure(context) {
  const folder = await context.repository(context.many);
  const { folder: out } = context.workspace;
  const script = join(root, 'lib', 'cli.js');
  await context.workspace.node(
    ['--cpu-prof', '--cpu-prof-dir', out, '--cpu-prof-name', 'cpu', script, 'blueprint', 'validate'],
    folder,
  );
  const { nodes, samples } = JSON.parse(readFileSync(join(out, 'cpu'), 'utf8'));
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url } }) => [
      id,
      `${functionName || '(module)'}  ${url.replace(/^.*\/(?=lib\/|node_modules\/)/, '')}`.trim(),
    ]),
  );
  const counts = new Map();
  for (const sample of samples) counts.set(names.get(sample), (counts.get(names.get(sample)) ?? 0) + 1);
  const functions = [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 20)
    .map(([name, count]) => ({ name, percent: (100 * count) / samples.length }));
  return { blueprints: context.many, functions };
}

export function tables({ blueprints, functions }) {
  return [
    {
      title: `Where the processor was, ${number(blueprints)} blueprints × 50 targets, unbundled`,
      head: ['', 'of all samples'],
      rows: functions.map(({ name, percent }) => [name, `${percent.toFixed(1)} %`]),
    },
  ];
}

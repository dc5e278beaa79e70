// Where the time goes, phase by phase, in one process that checks many blueprints with the modules of lib/.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './product.mjs';
import { median } from './statistics.mjs';
import { milliseconds, number, times } from './tables.mjs';
import { BenchError } from './workspace.mjs';

export async function measure(context) {
  if (!existsSync(join(root, 'lib', 'cli.js'))) throw new BenchError('lib/ is not there. Run npm run build.');
  const folder = await context.repository(context.many);
  const rounds = [];
  for (let round = 0; round < (context.options.quick ? 2 : 5); round++) {
    const { stdout } = await context.workspace.node(
      [join(root, 'bench', 'phases-child.mjs'), folder],
      folder,
    );
    rounds.push(JSON.parse(stdout));
  }
  const phases = Object.keys(rounds[0]).map((name) => ({
    name,
    ms: median(rounds.map((round) => round[name])),
  }));
  return { blueprints: context.many, phases };
}

export function tables({ blueprints, phases }) {
  const all = phases.reduce((total, { ms }) => total + ms, 0);
  const floor = ['read', 'parse: JSON.parse'].reduce(
    (total, name) => total + phases.find((phase) => phase.name === name).ms,
    0,
  );
  return [
    {
      title: `Phases of one process, ${number(blueprints)} blueprints × 50 targets`,
      head: ['', 'time', 'share', 'against read and JSON.parse'],
      rows: phases.map(({ name, ms }) => [
        name,
        milliseconds(ms),
        `${((100 * ms) / all).toFixed(0)} %`,
        times(ms / floor),
      ]),
    },
  ];
}

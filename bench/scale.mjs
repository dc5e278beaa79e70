// From one blueprint to 100,000, on 12, 50 and 100 targets, against reading, and reading and parsing, the same files.
import { interleaved, summary } from './statistics.mjs';
import { mebibytes, milliseconds, number, timesWithSpread } from './tables.mjs';

/** Groups of cases that are measured in turns. 100,000 blueprints are held against 10,000 in the same rounds. */
export async function groups(context, product) {
  const { many, large } = context;
  const all = [];
  for (const blueprints of [1, 35, 1_000, many]) {
    const cases = [];
    for (const targets of blueprints === many ? [12, 50, 100] : [12, 100])
      cases.push(await one(context, product, blueprints, targets));
    all.push({ rounds: context.rounds(blueprints), floors: await floors(context, blueprints), cases });
  }
  if (large !== null) {
    all.push({
      rounds: context.rounds(large),
      floors: await floors(context, large),
      cases: [await one(context, product, many, 50), await one(context, product, large, 50)],
    });
  }
  return all;
}

async function floors(context, blueprints) {
  const folder = await context.repository(blueprints);
  return ['read', 'parse'].map((name) => ({ name, run: () => context.floor(name, folder, blueprints) }));
}

async function one(context, product, blueprints, targets) {
  const folder = await context.repository(blueprints);
  const file = await context.targetsFile(targets);
  return {
    name: `${blueprints} × ${targets}`,
    words: `${number(blueprints)} × ${targets} as text`,
    blueprints,
    targets,
    run: () => context.validate(product, folder, '--targets', file),
  };
}

export async function measure(context) {
  const rows = [];
  const all = [];
  for (const { rounds, floors: below, cases } of await groups(context, context.product)) {
    const most = Math.max(...cases.map(({ blueprints }) => blueprints));
    context.say(`${number(most)} blueprints`);
    const samples = await interleaved([...below, ...cases], rounds);
    all.push(samples);
    const parse = samples.get('parse');
    rows.push({ blueprints: most, work: 'reading', ...summary(samples.get('read'), parse) });
    rows.push({ blueprints: most, work: 'reading and parsing', ...summary(parse) });
    for (const { name, blueprints, targets } of cases) {
      // Of other blueprints the floor is another one.
      if (blueprints === most) rows.push({ blueprints, targets, ...summary(samples.get(name), parse) });
    }
  }
  const { many, large } = context;
  const atMany = all[3];
  const atLarge = all[4];
  const memory = (samples, name) => Math.max(...samples.get(name).map(({ maxRssMiB }) => maxRssMiB));
  return {
    rows,
    throughput: summary(atMany.get(`${many} × 50`), atMany.get('parse')),
    targets: summary(atMany.get(`${many} × 100`), atMany.get(`${many} × 12`)),
    memoryMiB: memory(atMany, `${many} × 50`),
    ...(atLarge && {
      linear: summary(
        atLarge.get(`${large} × 50`),
        atLarge.get(`${many} × 50`).map((one) => scaled(one, large / many)),
      ),
      largeMemoryMiB: memory(atLarge, `${large} × 50`),
    }),
  };
}

function scaled({ ms, cpuMs, maxRssMiB }, factor) {
  return { ms: ms * factor, cpuMs: cpuMs * factor, maxRssMiB };
}

export function tables({ rows, targets, linear }) {
  return [
    {
      title: 'Blueprints × targets, as text, against reading and parsing the same files',
      head: ['', 'wall', 'against the floor', 'processor', 'against the floor', 'a blueprint', 'peak memory'],
      rows: rows.map(({ blueprints, targets: on, work, ms, ratio: wall, cpuMs, cpuRatio, maxRssMiB }) => [
        work === undefined ? `${number(blueprints)} × ${on}` : `${number(blueprints)}, ${work}`,
        milliseconds(ms),
        timesWithSpread(wall),
        milliseconds(cpuMs),
        timesWithSpread(cpuRatio),
        `${(ms / blueprints).toFixed(3)} ms`,
        mebibytes(maxRssMiB),
      ]),
      after: [
        `100 targets take ${timesWithSpread(targets.ratio)} what 12 take.`,
        ...(linear === undefined
          ? []
          : [`100,000 blueprints take ${timesWithSpread(linear.ratio)} what ten times 10,000 take.`]),
      ],
    },
  ];
}

// Every report format, of many blueprints × 12 targets, written to a file.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { interleaved, summary } from './statistics.mjs';
import { mebibytes, milliseconds, number, timesWithSpread } from './tables.mjs';

const formats = ['text', 'json', 'markdown', 'github', 'sarif', 'junit', 'html'];

const fileOf = (context, format) => join(context.workspace.folder, `report.${format}`);

export async function groups(context, product) {
  const folder = await context.repository(context.many);
  const targets = await context.targetsFile(12);
  return [
    {
      rounds: context.options.quick ? 3 : 7,
      floors: [{ name: 'floor', run: () => context.floor('parse', folder, context.many) }],
      cases: formats.map((name) => ({
        name,
        words: `${number(context.many)} × 12 as ${name}`,
        run: () =>
          context.validate(
            product,
            folder,
            ...['--targets', targets, '--format', name, '--output', fileOf(context, name)],
          ),
      })),
    },
  ];
}

export async function measure(context) {
  const [{ rounds, floors, cases }] = await groups(context, context.product);
  const samples = await interleaved([...floors, ...cases], rounds);
  return {
    blueprints: context.many,
    formats: formats.map((name) => ({
      name,
      bytes: statSync(fileOf(context, name)).size,
      ...summary(samples.get(name), samples.get('floor')),
    })),
  };
}

export function tables({ blueprints, formats: all }) {
  return [
    {
      title: `Report formats: ${number(blueprints)} blueprints × 12 targets, to a file`,
      head: ['', 'wall', 'against reading and parsing', 'processor', 'peak memory', 'bytes'],
      rows: all.map(({ name, ms, ratio, cpuMs, maxRssMiB, bytes }) => [
        name,
        milliseconds(ms),
        timesWithSpread(ratio),
        milliseconds(cpuMs),
        mebibytes(maxRssMiB),
        number(bytes),
      ]),
    },
  ];
}

// Writes test/fixtures/memory/ from a folder with fit-cases.json, fit-options.json and gguf/*.gguf: the headers of
// real models without their vocabularies, and what llama.cpp says that these models need. Only whoever has new
// figures of llama.cpp needs it:
//   npx tsc -p tsconfig.json && node scripts/memory-cases.mjs FOLDER
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readGguf } from '../lib/memory/gguf.js';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: node scripts/memory-cases.mjs FOLDER');
  process.exit(2);
}
const target = 'test/fixtures/memory';

/** A number that JSON cannot hold, like the -Infinity of an activation scale, is of no use here. */
const plain = (value) =>
  typeof value === 'number' && !Number.isFinite(value)
    ? null
    : typeof value === 'object'
      ? array(value)
      : value;
const array = ({ type, length, values }) => ({
  type,
  length,
  values: values?.map(plain) ?? null,
});

/** Blocks that have the same tensors are one kind; `blocks` lists the kind of each. */
function compact(header) {
  const kinds = new Map();
  const blocks = [];
  const others = [];
  for (const { name, type, shape } of header.tensors) {
    const [, index, rest] = /^blk\.(\d+)\.(.+)$/.exec(name) ?? [];
    const text = `${rest ?? name} ${type} ${shape.join('x')}`;
    if (index === undefined) others.push(text);
    else (blocks[Number(index)] ??= []).push(text);
  }
  const order = blocks.map((tensors) => {
    const key = tensors.join('\n');
    if (!kinds.has(key)) kinds.set(key, kinds.size);
    return kinds.get(key);
  });
  return {
    metadata: Object.fromEntries([...header.metadata].map(([key, value]) => [key, plain(value)])),
    others,
    kinds: [...kinds.keys()].map((key) => key.split('\n')),
    blocks: order,
  };
}

const lines = (entries) => `{\n${entries.join(',\n')}\n}\n`;

mkdirSync(target, { recursive: true });
const models = readdirSync(join(folder, 'gguf'))
  .filter((name) => name.endsWith('.gguf'))
  .sort()
  .map((name) => {
    const reading = readGguf(new Uint8Array(readFileSync(join(folder, 'gguf', name))));
    if (!reading.ok) throw new Error(`${name} cannot be read: ${JSON.stringify(reading)}`);
    return `${JSON.stringify(basename(name, '.gguf'))}: ${JSON.stringify(compact(reading.header))}`;
  });
writeFileSync(join(target, 'models.json'), lines(models));

const mib = 2 ** 20;
const parts = ({ weights, kv, compute }, unit) => [weights * unit, kv * unit, compute * unit];
const cases = JSON.parse(readFileSync(join(folder, 'fit-cases.json'), 'utf8'));
const rows = cases.rows.map((row) => {
  const unit = row.precision === 'MiB' ? mib : 1;
  return JSON.stringify([
    row.model,
    row.engine,
    row.context_size,
    unit,
    ...['device', 'host', 'cpu_only'].map((side) => parts(row[side], unit)),
  ]);
});
const options = JSON.parse(readFileSync(join(folder, 'fit-options.json'), 'utf8')).options.map((row) => {
  const side = ({ model, ctx, compute }) => [model * mib, ctx * mib, compute * mib];
  const { dev, host } = row.gpu;
  return JSON.stringify([
    row.model,
    row.ctx,
    row.args.join(' '),
    side(dev),
    side(host),
    row.cpu ? side(row.cpu.host) : null,
  ]);
});
writeFileSync(
  join(target, 'cases.json'),
  lines([
    `"source": ${JSON.stringify(cases.source)}`,
    '"fields": "model, engine, context size, bytes that the figures are rounded down to, device, host, cpu_only; each weights, kv, compute in bytes"',
    `"rows": [\n${rows.join(',\n')}\n]`,
    '"optionFields": "model, context size, arguments, device, host, cpu_only or null; llama-cli, rounded down to MiB"',
    `"options": [\n${options.join(',\n')}\n]`,
  ]),
);

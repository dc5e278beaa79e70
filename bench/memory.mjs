// npm run bench:memory: recomputes what models need with llama.cpp itself and prints how far the estimate is from it,
// and how far the formulas are that people use; then how long an estimate takes. docs/memory.md says more.
// llama.cpp comes from npm (node-llama-cpp), into a temporary folder: it is no dependency. The headers are those of
// test/fixtures/memory, written to sparse files without tensor data; llama.cpp plans its buffers and allocates none.
// Ends with 1 where the estimate has drifted (weights differ, a total by more than 3 %) or takes too long.
//   --model TEXT   only models whose name has it; repeatable
//   --json         one JSON document
//   --offline      only the times; nothing is installed
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const lib = (file) => pathToFileURL(join(root, 'lib', file)).href;
if (!existsSync(join(root, 'lib', 'memory', 'estimate.js'))) {
  console.error('lib/ is not there. Run npm run build.');
  process.exit(2);
}
const { estimate } = await import(lib('memory/estimate.js'));
const { dataBytes, readModel } = await import(lib('memory/model.js'));
const { readGguf } = await import(lib('memory/gguf.js'));
const { ggmlTypes } = await import(lib('memory/ggml-types.js'));

const packageVersion = '3.22.1';
const { values: options } = parseArgs({
  options: {
    model: { type: 'string', multiple: true },
    json: { type: 'boolean' },
    offline: { type: 'boolean' },
  },
});
/** Tokens of a batch and of a step: node-llama-cpp has one number for both. */
const step = 512;
const contexts = [4096, 32768];
const work = mkdtempSync(join(tmpdir(), 'model-check-memory-'));

/** What llama.cpp says without a device, one sequence and an output for each token of a step; and what we say. */
async function recompute() {
  const addon = `@node-llama-cpp/${process.platform}-${process.arch}`.replace(
    'darwin-arm64',
    'mac-arm64-metal',
  );
  say(`installing node-llama-cpp ${packageVersion} …`);
  const npm = spawnSync(
    'npm',
    [
      ...['install', '--prefix', work, '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'],
      ...[`node-llama-cpp@${packageVersion}`, `${addon}@${packageVersion}`],
    ],
    { encoding: 'utf8', shell: process.platform === 'win32' },
  );
  if (npm.status !== 0) throw new Error(`npm install failed: ${npm.stderr}`);
  const { getLlama, GgufInsights, readGgufFileInfo } = await import(
    pathToFileURL(join(work, 'node_modules', 'node-llama-cpp', 'dist', 'index.js')).href
  );
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', skipDownload: true });
  const cases = [];
  for (const [name, compact] of Object.entries(fixtures())) {
    if (options.model !== undefined && !options.model.some((part) => name.includes(part))) continue;
    say(name);
    const file = join(work, 'model.gguf');
    const header = writeModel(file, compact);
    const read = readModel(header).model;
    const isEncoder = read.rule?.cache === 'none';
    let session = null;
    try {
      const insights = await GgufInsights.from(await readGgufFileInfo(file, { logWarnings: false }), llama);
      session = insights._createSimulatorSession();
      const source = { modelSource: file, gpuLayers: 0, useMmap: true };
      const model = (await session.estimateModelResources(source)).cpuRam;
      const most = read.trained ?? Number.POSITIVE_INFINITY;
      for (const contextSize of new Set(contexts.map((size) => Math.min(size, most)))) {
        const context = await session.estimateContextResources({
          ...source,
          contextSize,
          batchSize: step,
          sequences: 1,
          isEmbeddingContext: isEncoder,
        });
        cases.push(compareCase(name, header, read, contextSize, { model, context: context.cpuRam }));
      }
    } catch (error) {
      cases.push({ model: name, problem: String(error?.message ?? error) });
    } finally {
      await session?.dispose();
      rmSync(file, { force: true });
    }
  }
  const build = llama.llamaCppRelease;
  await llama.dispose();
  return { build, cases };
}

function compareCase(name, header, model, contextSize, { model: weights, context }) {
  const run = { engine: 'llama-cli', contextSize, batch: step, ubatch: step };
  const { cpu_only: ours } = estimate(header, run).estimate;
  const total = weights + context;
  const bytes = dataBytes(header);
  const heads = Math.max(1, ...model.layers.map((layer) => layer.heads));
  const kvHeads = Math.max(1, ...model.layers.map((layer) => layer.kvHeads));
  const layers = model.layers.length;
  const f16 = 2;
  const formulas = {
    'parameters × bytes': bytes,
    'file × 1.2': 1.2 * bytes,
    'file + 2·layers·ctx·d': bytes + 2 * f16 * layers * contextSize * model.width,
    'file + grouped heads': bytes + (2 * f16 * layers * contextSize * model.width * kvHeads) / heads,
  };
  const off = (of, from) => (100 * (of - from)) / from;
  return {
    model: name,
    contextSize,
    llamaCpp: { weights, context, total },
    ours: { weights: ours.weights, context: ours.kv + ours.compute, total: ours.total },
    error: { weights: off(ours.weights, weights), total: off(ours.total, total) },
    formulas: Object.fromEntries(Object.entries(formulas).map(([name, of]) => [name, off(of, total)])),
  };
}

function fixtures() {
  return JSON.parse(readFileSync(join(root, 'test', 'fixtures', 'memory', 'models.json'), 'utf8'));
}

/** Writes a header, and nothing behind it but a hole of the tensors' size. Gives the header as it is read back. */
function writeModel(file, compact) {
  const bytes = headerBytes(compact);
  const reading = readGguf(bytes);
  if (!reading.ok) throw new Error(`a header that cannot be read: ${JSON.stringify(reading)}`);
  const handle = openSync(file, 'w');
  writeSync(handle, bytes);
  ftruncateSync(handle, bytes.length + dataBytes(reading.header));
  closeSync(handle);
  return reading.header;
}

/** Types that a number in JSON does not show. */
const isFloat = /(?:epsilon|scale|softcapping|freq_base(?:_swa)?|factor|multiplier)$/;
const valueTypes = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 };

/** A GGUF header of version 3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
function headerBytes({ metadata, others, kinds, blocks }, vocabulary = 0) {
  const tensors = [
    ...others,
    ...blocks.flatMap((kind, at) => kinds[kind].map((text) => `blk.${at}.${text}`)),
  ];
  const chunks = [];
  const integer = (value, size) => {
    const bytes = Buffer.alloc(size);
    if (size === 8) bytes.writeBigUInt64LE(BigInt(value));
    else bytes.writeInt32LE(value | 0);
    chunks.push(bytes);
  };
  const string = (text) => {
    integer(Buffer.byteLength(text), 8);
    chunks.push(Buffer.from(text));
  };
  const scalar = (type, value) => {
    if (type === 'string') string(value);
    else if (type === 'bool') chunks.push(Buffer.of(value ? 1 : 0));
    else if (type === 'float32') {
      const bytes = Buffer.alloc(4);
      bytes.writeFloatLE(value ?? Number.NEGATIVE_INFINITY);
      chunks.push(bytes);
    } else integer(value, 4);
  };
  const typeOf = (key, value) =>
    typeof value === 'string'
      ? 'string'
      : typeof value === 'boolean'
        ? 'bool'
        : isFloat.test(key)
          ? 'float32'
          : 'uint32';
  const list = (key, type, values) => {
    string(key);
    integer(valueTypes.array, 4);
    integer(valueTypes[type], 4);
    integer(values.length, 8);
    for (const value of values) scalar(type, value);
  };

  chunks.push(Buffer.from('GGUF'));
  integer(3, 4);
  integer(tensors.length, 8);
  integer(Object.keys(metadata).length + (vocabulary > 0 ? 1 : 0), 8);
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === 'object') list(key, value.type, value.values);
    else {
      const type = typeOf(key, value);
      string(key);
      integer(valueTypes[type], 4);
      scalar(type, value);
    }
  }
  if (vocabulary > 0)
    list(
      'tokenizer.ggml.tokens',
      'string',
      Array.from({ length: vocabulary }, (_, at) => `token ${at}`.padEnd(52)),
    );
  let offset = 0;
  for (const text of tensors) {
    const [name, type, dimensions] = text.split(' ');
    const shape = dimensions.split('x').map(Number);
    const [number, { block, bytes }] = [...ggmlTypes].find(([, known]) => known.name === type);
    string(name);
    integer(shape.length, 4);
    for (const length of shape) integer(length, 8);
    integer(number, 4);
    integer(offset, 8);
    const size = (shape.reduce((product, length) => product * length, 1) / block) * bytes;
    offset += 32 * Math.ceil(size / 32);
  }
  const whole = Buffer.concat(chunks);
  return new Uint8Array(Buffer.concat([whole, Buffer.alloc(-whole.length & 31)]));
}

/** Milliseconds of an estimate from the bytes of a header, the best of several; the goals are in docs/memory.md. */
function measureTimes() {
  const [[, compact]] = Object.entries(fixtures()).filter(([name]) => name === 'gemma4-e2b-Q4_K_M');
  const best = (bytes, times) => {
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0; at < times; at++) {
      const start = performance.now();
      const reading = readGguf(bytes);
      estimate(reading.header, { contextSize: 8192 });
      least = Math.min(least, performance.now() - start);
    }
    return least;
  };
  const small = headerBytes(compact);
  const large = headerBytes(compact, 262_144);
  return [
    { header: 'without a vocabulary', bytes: small.length, ms: best(small, 20), goal: 5 },
    { header: 'with a vocabulary of 262,144', bytes: large.length, ms: best(large, 5), goal: 200 },
  ];
}

function print({ llamaCpp, rows, times }) {
  const mib = (bytes) => (bytes / 2 ** 20).toFixed(0).padStart(8);
  const percent = (value) =>
    `${value >= 0 ? '+' : ''}${value.toFixed(Math.abs(value) < 10 ? 2 : 0)} %`.padStart(10);
  const good = rows.filter(({ problem }) => problem === undefined);
  if (rows.length > 0) {
    const names = Object.keys(good[0]?.formulas ?? {});
    console.log(
      `\nllama.cpp ${llamaCpp?.release ?? ''}, no device, one sequence, ${step} tokens a step; total in MiB, errors in percent\n`,
    );
    console.log(
      `${'model'.padEnd(32)}context llama.cpp    ours   weights     total${names.map((name) => name.padStart(24)).join('')}`,
    );
    for (const row of rows) {
      if (row.problem !== undefined) {
        console.log(`${row.model.padEnd(32)}${row.problem}`);
        continue;
      }
      const { model, contextSize, llamaCpp: theirs, ours, error, formulas } = row;
      console.log(
        `${model.padEnd(32)}${String(contextSize).padStart(7)}  ${mib(theirs.total)}${mib(ours.total)}${percent(error.weights)}${percent(error.total)}${names.map((name) => percent(formulas[name]).padStart(24)).join('')}`,
      );
    }
    const summary = (of) => {
      const values = good.map(of);
      const sizes = values.map(Math.abs).sort((a, b) => a - b);
      return `median ${percent(sizes[sizes.length >> 1] ?? 0).trim()}, from ${percent(Math.min(...values)).trim()} to ${percent(Math.max(...values)).trim()}`;
    };
    console.log(`\n${'estimate'.padEnd(26)}${summary(({ error }) => error.total)}`);
    for (const name of names) console.log(`${name.padEnd(26)}${summary(({ formulas }) => formulas[name])}`);
  }
  console.log('');
  for (const { header, bytes, ms, goal } of times)
    console.log(
      `header ${header}, ${(bytes / 1000).toFixed(0)} kB: ${ms.toFixed(1)} ms (goal: under ${goal} ms)`,
    );
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

try {
  const times = measureTimes();
  const { build, cases } = options.offline ? { build: null, cases: [] } : await recompute();
  const result = { llamaCpp: build, rows: cases, times };
  if (options.json) console.log(JSON.stringify(result, null, 2));
  else print(result);
  const drifted = ({ problem, error }) =>
    problem !== undefined || Math.abs(error.weights) > 0.01 || Math.abs(error.total) > 3;
  if (cases.some(drifted) || times.some(({ ms, goal }) => ms > goal)) process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}

// npm run bench: what a run costs, as ratios to a floor measured in the same run. docs/performance.md says
// what each figure means. --quick measures less, --json prints one JSON document, --profile adds where the
// processor was while 10,000 blueprints were checked.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { writeRepository } from './blueprints.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '..');
const dist = join(root, 'dist');
const cli = join(dist, 'cli', 'index.js');
const main = join(dist, 'main', 'index.js');
const { values: options } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, profile: { type: 'boolean' } },
});
const starts = options.quick ? 9 : 31;
const rounds = options.quick ? 3 : 7;
const many = options.quick ? 2_000 : 10_000;
const few = many / 10;

const work = mkdtempSync(join(tmpdir(), 'model-check-bench-'));
try {
  const results = measure();
  if (options.json) console.log(JSON.stringify(results, null, 2));
  else print(results);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function measure() {
  for (const file of [cli, main, join(root, 'lib', 'cli.js')]) {
    if (!existsSync(file)) throw new Error(`${relative(root, file)} is not there. Run npm run build.`);
  }
  const presets = JSON.parse(node([cli, 'target', 'list', '--json'], work).stdout).targets;
  const one = join(work, 'one');
  const hundreds = join(work, 'few');
  const thousands = join(work, 'many');
  writeRepository(one, 1, targets(presets, 50));
  writeRepository(hundreds, few, targets(presets, 50));
  writeRepository(thousands, many, targets(presets, 50));
  say('start …');
  const start = measureStart(one);
  say('bytes …');
  const bytes = measureBytes(one);
  say(`${many} blueprints …`);
  const large = measureLarge(hundreds, thousands, presets);
  say('phases …');
  const phases = JSON.parse(node([join(here, 'phases.mjs'), thousands], work).stdout);
  const { text } = large.runs;
  const goals = {
    startCli: goal(start.cli.ratio, 2),
    startAction: goal(start.action.ratio, 2),
    large: goal(text.ratio, 2),
    memoryMiB: goal(Math.max(...Object.values(large.runs).map(({ maxRssMiB }) => maxRssMiB)), 256),
    loadedCli: goal(bytes.loaded.cli.bytes, 200_000),
    loadedAction: goal(bytes.loaded.action.bytes, 200_000),
  };
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processors: cpus().length,
    start,
    bytes,
    large,
    phases,
    ...(options.profile || !goals.large.met ? { profile: profile(thousands) } : {}),
    goals,
  };
}

function goal(value, limit) {
  return { value, limit, met: value <= limit };
}

/** Presets as targets; those that the default model does not run on are not required, as a team would say it. */
function targets(presets, amount) {
  return presets
    .slice(0, amount)
    .map(({ id, verdict }) => ({ id, preset: id, required: ['pass', 'warning'].includes(verdict.status) }));
}

// --- start

/** Start to verdict on one blueprint, against a Node that does nothing. Wall time in milliseconds. */
function measureStart(repository) {
  const runs = {
    floor: () => node(['-e', '0'], repository),
    // How much of it is loading the bundle and reading the arguments.
    version: () => node([cli, '--version'], repository),
    cli: () => node([cli, 'blueprint', 'validate'], repository),
    action: () => node([main], repository, runnerEnvironment(repository)),
  };
  const times = interleaved(runs, starts, (run) => {
    const begin = performance.now();
    run();
    return performance.now() - begin;
  });
  const [floor, version, command, action] = Object.values(times).map(median);
  return {
    floorMs: floor,
    version: { ms: version, ratio: version / floor },
    cli: { ms: command, ratio: command / floor },
    action: { ms: action, ratio: action / floor },
  };
}

/** What the runner sets for a step with only defaults. */
function runnerEnvironment(workspace) {
  const temporary = join(work, 'runner');
  mkdirSync(temporary, { recursive: true });
  for (const name of ['output', 'summary']) writeFileSync(join(temporary, name), '');
  return {
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: workspace,
    GITHUB_OUTPUT: join(temporary, 'output'),
    GITHUB_STEP_SUMMARY: join(temporary, 'summary'),
    RUNNER_TEMP: temporary,
    RUNNER_ENVIRONMENT: 'github-hosted',
  };
}

// --- bytes

/** Sizes of what a validating run loads: Node's own coverage names every module that it ran. */
function measureBytes(repository) {
  const loaded = (args, env) => {
    const folder = mkdtempSync(join(work, 'coverage-'));
    node(args, repository, { ...env, NODE_V8_COVERAGE: folder });
    const prefix = pathToFileURL(dist).href;
    const files = readdirSync(folder)
      .flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')).result)
      .filter(({ url }) => url.startsWith(prefix))
      .map(({ url }) => fileURLToPath(url));
    // Node reads the package.json beside a module to know of which kind it is.
    const all = [...new Set([...files, ...files.map((file) => join(dirname(file), 'package.json'))])].sort();
    return {
      bytes: sum(all.map((file) => statSync(file).size)),
      files: all.map((file) => relative(root, file)),
    };
  };
  return {
    loaded: {
      cli: loaded([cli, 'blueprint', 'validate']),
      action: loaded([main], runnerEnvironment(repository)),
    },
    whole: { cli: bundleBytes('cli'), action: bundleBytes('main') },
  };
}

function bundleBytes(name) {
  const folder = join(dist, name);
  const files = readdirSync(folder).filter((file) => file.endsWith('.js'));
  return sum(files.map((file) => statSync(join(folder, file)).size));
}

// --- many blueprints

/** Many blueprints on 50 targets, against a process that reads and parses the same files. */
function measureLarge(hundreds, thousands, presets) {
  const report = join(work, 'report.json');
  const of = (amount) => {
    const file = join(work, `targets-${amount}.json`);
    writeTargets(file, targets(presets, amount));
    return file;
  };
  const [twelve, hundred] = [of(12), of(100)];
  const validate = [cli, 'blueprint', 'validate', '--fail-on', 'never'];
  const floor = (folder, amount) => [join(here, 'floor.mjs'), folder, String(amount)];
  const runs = {
    floor: () => used(floor(thousands, many), thousands),
    text: () => used(validate, thousands),
    json: () => used([...validate, '--json', '--output', report], thousands),
    fewFloor: () => used(floor(hundreds, few), hundreds),
    few: () => used(validate, hundreds),
    targets12: () => used([...validate, '--targets', twelve], thousands),
    targets100: () => used([...validate, '--targets', hundred], thousands),
  };
  const times = interleaved(runs, rounds, (run) => run());
  const floors = { few: 'fewFloor' };
  const results = {};
  for (const [name, measured] of Object.entries(times)) {
    const against = times[floors[name] ?? 'floor'];
    const ms = median(measured.map((one) => one.ms));
    const cpuMs = median(measured.map((one) => one.cpuMs));
    results[name] = {
      ms,
      cpuMs,
      maxRssMiB: Math.max(...measured.map((one) => one.maxRssMiB)),
      ratio: ms / median(against.map((one) => one.ms)),
      cpuRatio: cpuMs / median(against.map((one) => one.cpuMs)),
    };
  }
  return { blueprints: many, few, targets: 50, runs: results };
}

function writeTargets(file, list) {
  writeFileSync(file, JSON.stringify({ targets: list }));
}

/** Wall time, processor time (ms) and peak memory of a program that writes its own usage when it ends. */
function used(args, cwd) {
  const file = join(work, 'usage.json');
  const begin = performance.now();
  node(['-r', join(here, 'usage.cjs'), ...args], cwd, { BENCH_USAGE: file });
  return { ms: performance.now() - begin, ...JSON.parse(readFileSync(file, 'utf8')) };
}

/** The functions of lib/ and of Node that took most of the processor, in percent of all samples. */
function profile(thousands) {
  const file = 'bench.cpuprofile';
  const script = join(root, 'lib', 'cli.js');
  node(
    ['--cpu-prof', '--cpu-prof-dir', work, '--cpu-prof-name', file, script, 'blueprint', 'validate'],
    thousands,
  );
  const { nodes, samples } = JSON.parse(readFileSync(join(work, file), 'utf8'));
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url } }) => [
      id,
      `${functionName || '(module)'}  ${url.replace(/^.*\/(?=lib\/|node_modules\/)/, '')}`.trim(),
    ]),
  );
  const counts = new Map();
  for (const sample of samples) counts.set(names.get(sample), (counts.get(names.get(sample)) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 20)
    .map(([name, count]) => ({ name, percent: (100 * count) / samples.length }));
}

// --- tools

/** Runs a program to its end. Exit codes 0 and 1 are results; anything else is a broken measurement. */
function node(args, cwd, env = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd,
    env: { PATH: process.env.PATH, HOME: work, ...env },
    encoding: 'utf8',
    maxBuffer: 1024 ** 3,
  });
  if (status === 0 || status === 1) return { stdout };
  throw new Error(`node ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
}

/** A B A B …: what disturbs the machine disturbs all alike. The first round warms the caches and is dropped. */
function interleaved(runs, amount, measureOne) {
  const all = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
  for (let round = 0; round <= amount; round++) {
    for (const [name, run] of Object.entries(runs)) {
      const measured = measureOne(run);
      if (round > 0) all[name].push(measured);
    }
  }
  return all;
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

function say(text) {
  if (process.stderr.isTTY) process.stderr.write(`${text}\n`);
}

function print({ node: version, platform, processors, start, bytes, large, phases, profile: top, goals }) {
  const verdict = ({ limit, met }, unit = '') =>
    `goal ≤ ${limit.toLocaleString('en')}${unit}: ${met ? 'met' : 'MISSED'}`;
  const times = (ratio) => `${ratio.toFixed(2)} ×`;
  const ms = (value) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
  const row = (...cells) =>
    console.log(`  ${cells.map((cell, at) => cell.padEnd([34, 12, 12, 12, 12][at])).join('')}`);
  console.log(`Node ${version}, ${platform}, ${processors} processors. Medians of interleaved runs.\n`);

  console.log('Start to verdict on one blueprint, wall time');
  row('node -e 0', ms(start.floorMs));
  row('mn --version', ms(start.version.ms), times(start.version.ratio));
  row('mn blueprint validate', ms(start.cli.ms), times(start.cli.ratio), verdict(goals.startCli));
  row('the action', ms(start.action.ms), times(start.action.ratio), verdict(goals.startAction));

  console.log('\nBytes that a validating run loads');
  for (const [name, key] of [
    ['cli', 'loadedCli'],
    ['action', 'loadedAction'],
  ]) {
    const { bytes: size, files } = bytes.loaded[name];
    row(
      name,
      size.toLocaleString('en'),
      '',
      `${verdict(goals[key])}  (${files.length} files; all that the bundle has: ${bytes.whole[name].toLocaleString('en')})`,
    );
  }

  console.log(
    `\n${large.blueprints.toLocaleString('en')} blueprints × ${large.targets} targets, against reading and parsing the same files`,
  );
  row('', 'wall', 'ratio', 'processor', 'ratio', 'peak memory');
  const labels = {
    floor: 'read and JSON.parse',
    text: 'as text',
    json: 'as JSON, to a file',
    targets12: 'as text, 12 targets',
    targets100: 'as text, 100 targets',
    fewFloor: `read and JSON.parse, ${large.few.toLocaleString('en')}`,
    few: `as text, ${large.few.toLocaleString('en')}`,
  };
  for (const [name, label] of Object.entries(labels)) {
    const { ms: wall, ratio, cpuMs, cpuRatio, maxRssMiB } = large.runs[name];
    row(label, ms(wall), times(ratio), ms(cpuMs), times(cpuRatio), `${maxRssMiB.toFixed(0)} MiB`);
  }
  row('goals', '', verdict(goals.large));
  row('', '', '', '', '', verdict(goals.memoryMiB, ' MiB'));
  const { text, few: small } = large.runs;
  const further = (text.ms - small.ms) / (large.blueprints - large.few);
  row(
    'a blueprint',
    `${(small.ms / large.few).toFixed(3)} ms of the first ${large.few.toLocaleString('en')}, start included; ${further.toFixed(3)} ms of the others`,
  );

  console.log('\nWhere the time goes, in one process');
  const all = sum(Object.values(phases));
  for (const [name, value] of Object.entries(phases))
    row(name, ms(value), `${((100 * value) / all).toFixed(0)} %`);

  if (top !== undefined) {
    console.log('\nWhere the processor was, with the unbundled modules');
    for (const { name, percent } of top) console.log(`  ${percent.toFixed(1).padStart(5)} %  ${name}`);
  }
}

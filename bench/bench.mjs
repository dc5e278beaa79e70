// npm run bench: what a run costs, as ratios to floors that are measured in the same run. docs/performance.md says how
// it measures and what the figures mean.
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import * as bytes from './bytes.mjs';
import { compare, comparisonTables } from './compare.mjs';
import { Context } from './context.mjs';
import * as formats from './formats.mjs';
import { judged } from './goals.mjs';
import * as phases from './phases.mjs';
import { ownProduct } from './product.mjs';
import * as profile from './profile.mjs';
import * as resultCache from './result-cache.mjs';
import * as scale from './scale.mjs';
import * as shards from './shards.mjs';
import * as start from './start.mjs';
import { asMarkdown, asText, number, times } from './tables.mjs';
import { BenchError } from './workspace.mjs';

/** Each has measure(context), and tables(result); those with groups(context, product) can be compared. */
const sections = { start, bytes, scale, formats, phases, shards, cache: resultCache, profile };
const onlyWhenNamed = ['cache', 'profile'];

const help = `Usage: npm run bench -- [options]

measures dist/, and the phases of lib/, as they were built last: npm run build

Options:
  --only <section>   ${Object.keys(sections).join(', ')}; repeatable. All but the last two
                     when not given
  --compare <ref>    a commit's committed dist/ against this one, in pairs
  --quick            2,000 blueprints in place of 10,000, and fewer rounds
  --large            100,000 blueprints too; takes 3 GB of the temporary folder
  --profile          also where the processor was
  --json             one JSON document
  --markdown         the results as docs/performance.md has them
  --help
`;

function readArguments() {
  let values;
  try {
    values = parseArgs({
      options: {
        only: { type: 'string', multiple: true },
        compare: { type: 'string' },
        quick: { type: 'boolean' },
        large: { type: 'boolean' },
        profile: { type: 'boolean' },
        json: { type: 'boolean' },
        markdown: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new BenchError(`${error.message.split(/\. |\.?\n/)[0]}. See npm run bench -- --help.`);
  }
  const unknown = (values.only ?? []).filter((name) => !Object.hasOwn(sections, name));
  if (unknown.length > 0)
    throw new BenchError(
      `unknown section ${unknown.join(', ')}. There are ${Object.keys(sections).join(', ')}.`,
    );
  if (values.quick && values.large) throw new BenchError('--quick and --large exclude each other.');
  if (values.json && values.markdown) throw new BenchError('--json and --markdown exclude each other.');
  if (values.compare !== undefined && !chosen(values).some(([, section]) => isComparable(section)))
    throw new BenchError('--compare has nothing to compare in this section.');
  return values;
}

/** `bytes` is compared by its figures, the others in pairs of runs. */
function isComparable(section) {
  return section.groups !== undefined || section === bytes;
}

function chosen({ only, profile: withProfile }) {
  const names = only ?? Object.keys(sections).filter((name) => !onlyWhenNamed.includes(name));
  return Object.entries(sections).filter(
    ([name]) => names.includes(name) || (withProfile && name === 'profile'),
  );
}

/** The results of the sections. One that cannot be measured says why, and the others go on. */
async function measureAll(context, all) {
  const results = {};
  for (const [name, section] of all) {
    context.say(name);
    try {
      results[name] = await section.measure(context);
    } catch (error) {
      results[name] = { problem: error.message };
      process.exitCode = 1;
    }
  }
  return results;
}

function goalTable(results) {
  return {
    title: 'Goals',
    head: ['', 'figure', 'in processor time', 'goal', ''],
    rows: judged(results).map(({ words, value, processor, limit, unit, met }) => [
      words,
      `${unit === '×' ? value.toFixed(2) : number(Math.round(value))} ${unit}`.trim(),
      processor === null ? '' : times(processor),
      `≤ ${number(limit)} ${unit}`.trim(),
      met ? 'met' : 'MISSED',
    ]),
  };
}

function heading(context) {
  const day = new Date().toISOString().slice(0, 10);
  const load = loadavg()[0].toFixed(1);
  const stands = context.options.quick
    ? ` With --quick ${number(context.many)} blueprints stand for 10,000.`
    : '';
  return `${day}, Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} processors, load ${load} before.${stands}`;
}

async function main() {
  const options = readArguments();
  if (options.help) {
    process.stdout.write(help);
    return;
  }
  const context = new Context(options, ownProduct());
  const all = chosen(options);
  const head = heading(context);
  const show = (tables) => {
    const print = options.markdown ? asMarkdown : asText;
    process.stdout.write(`${[head, '', ...tables.map(print)].join('\n')}`);
  };
  if (options.compare !== undefined) {
    const result = await compare(context, all, options.compare);
    if (options.json) process.stdout.write(`${JSON.stringify({ head, ...result }, null, 2)}\n`);
    else show(comparisonTables(result));
    return;
  }
  const results = await measureAll(context, all);
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ head, ...results, goals: judged(results) }, null, 2)}\n`);
    return;
  }
  const tables = all.flatMap(([name, { tables: tablesOf }]) => {
    const { problem } = results[name];
    return problem === undefined
      ? tablesOf(results[name])
      : [{ title: name, after: [`Not measured: ${problem}`] }];
  });
  show([...(judged(results).length > 0 ? [goalTable(results)] : []), ...tables]);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BenchError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 2;
}

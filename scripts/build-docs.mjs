// Writes the generated parts of docs/ and README.md, between <!-- generated: … --> and <!-- /generated -->: what
// the examples print, the index of findings, and the tables that follow from src/, schemas/ and action.yml. With
// --check it only says what is stale. It compiles src/ to .tmp/ itself (lib/ and dist/ may be stale or absent)
// and runs the examples in this process, in a temporary folder.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pc from 'picocolors';
import { parse } from 'yaml';

const self = fileURLToPath(import.meta.url);
const root = resolve(dirname(self), '..');
/** The name of a block that is what the Docker Model Runner of an example has installed. */
const installedModels = 'http://localhost:12434/models';
/** Columns of what examples print. */
const width = 100;

/**
 * The fenced blocks of a page by heading: `[{ path: ['Wrong', 'A bare entry'], blocks: [{ file, lang, text }] }]`.
 * `path` begins below the title. `file` is the name in backticks on the line before the block, or null.
 */
export function sectionsOf(markdown) {
  const sections = [{ path: [], blocks: [] }];
  let fence = null;
  let before = '';
  for (const line of markdown.split(/\r?\n/)) {
    const [, indent = '', marks = '', lang = ''] = /^(\s*)(`{3,})(\S*)/.exec(line) ?? [];
    if (fence !== null) {
      if (line.trim() === fence.marks) {
        fence = null;
        before = '';
      } else
        fence.block.text += `${line.startsWith(fence.indent) ? line.slice(fence.indent.length) : line}\n`;
    } else if (marks !== '') {
      fence = { marks, indent, block: { file: /^\s*`([^`]+)`$/.exec(before)?.[1] ?? null, lang, text: '' } };
      sections.at(-1).blocks.push(fence.block);
    } else {
      const [, level = '', title = ''] = /^(#+) +(.+)$/.exec(line) ?? [];
      if (level !== '') {
        const above = sections.at(-1).path.slice(0, Math.max(0, level.length - 2));
        sections.push({ path: level.length === 1 ? [] : [...above, title], blocks: [] });
      }
      if (line.trim() !== '') before = line;
    }
  }
  return sections;
}

/** The commands of shell blocks: lines that begin with `mn ` or `$ mn `, without comments, pipes and redirections. */
export function commandsOf(blocks) {
  return blocks
    .filter(({ lang }) => ['sh', 'bash', 'console'].includes(lang))
    .flatMap(({ text }) => text.replaceAll('\\\n', ' ').split('\n'))
    .map((line) => /^(?:\$ )?(mn(?: .*)?)$/.exec(line.trim())?.[1])
    .filter((line) => line !== undefined)
    .map((line) => line.split(/ (?:#|\||>|&&)/)[0].trim());
}

/** The arguments of a command, without `mn`; quotes hold words together. */
export function argumentsOf(command) {
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)]
    .map((match) => match[1] ?? match[2] ?? match[3])
    .slice(1);
}

/**
 * Writes the named blocks of a section to a new folder and runs its command there, with more arguments if any
 * are given. Nothing of this machine is looked at: no catalog of the user's, no repository around the folder, no
 * Docker Model Runner but the one that a block stands for.
 */
export async function runExample(program, blocks, more = []) {
  const [command, ...others] = commandsOf(blocks);
  if (command === undefined || others.length > 0) throw new Error('an example needs exactly one mn command');
  const isOfCatalogs = command.startsWith('mn catalog ');
  const namesTargets =
    command.includes('--targets') || blocks.some(({ file }) => file?.startsWith('.mn/targets.'));
  if (!namesTargets && !isOfCatalogs) {
    throw new Error(`an example names its targets, or this machine would be checked: ${command}`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'model-check-example-'));
  const hub = command.includes('--online') ? await dockerHub() : null;
  const models = blocks.find(({ file }) => file === installedModels);
  const server = createServer((_request, response) => response.end(models?.text));
  try {
    if (models !== undefined) await new Promise((done) => server.listen(0, '127.0.0.1', done));
    mkdirSync(join(folder, '.git'));
    for (const { file, text } of blocks) {
      if (file === null || file === installedModels) continue;
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    const runner = `http://127.0.0.1:${server.address()?.port ?? nothingListens}`;
    const registry = hub === null ? {} : { DEFAULT_REGISTRY: hub.url, DOCKER_CONFIG: folder };
    const env = { MODEL_RUNNER_HOST: runner, ...registry };
    return await runCommand(program, folder, [...argumentsOf(command), ...more], env);
  } finally {
    hub?.stop();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Stands in for Docker Hub where an example looks models up: it has `ai/drafts:v1` and nothing else. */
async function dockerHub() {
  const digestOf = (text) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const described = (mediaType, text, size = text.length) => ({ mediaType, digest: digestOf(text), size });
  const config = JSON.stringify({ config: { format: 'gguf', quantization: 'Q4_K_M' } });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    config: described('application/vnd.docker.ai.model.config.v0.1+json', config),
    layers: [described('application/vnd.docker.ai.gguf.v3', 'weights', 2_497_000_000)],
  });
  const known = new Map([
    ['/v2/ai/drafts/manifests/v1', manifest],
    [`/v2/ai/drafts/blobs/${digestOf(config)}`, config],
  ]);
  const server = createServer((request, response) => {
    const text = known.get(request.url);
    response.writeHead(text === undefined ? 404 : 200).end(text ?? '{}');
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The commands, so that wrong arguments throw instead of ending this process. */
export function throwing(program, act) {
  const all = program(act);
  for (const each of [all, ...all.commands.flatMap((group) => [group, ...group.commands])]) {
    each.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
  }
  return all;
}

/** A port of this machine where nothing listens. */
const nothingListens = 9;

/** Runs a command in a folder, without the catalogs and the Docker Model Runner of whoever runs this. */
async function runCommand(program, folder, args, more = {}) {
  const home = process.cwd();
  const env = {
    MN_HOME: join(folder, '.git'),
    MN_MODEL_CATALOG_PATH: undefined,
    MODEL_RUNNER_HOST: `http://127.0.0.1:${nothingListens}`,
    ...more,
  };
  const before = Object.keys(env).map((name) => [name, process.env[name]]);
  const setAll = (values) => {
    for (const [name, value] of values) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
  let out = '';
  let exitCode = 0;
  const terminal = {
    out: (text) => {
      out += text;
    },
    err: () => {},
    color: false,
    width,
    watched: false,
    colors: pc.createColors(false),
    debug: () => {},
  };
  try {
    setAll(Object.entries(env));
    process.chdir(folder);
    const commands = throwing(program, async (_options, action) => {
      exitCode = await action(terminal);
    });
    await commands.parseAsync(args, { from: 'user' });
    return { out, exitCode };
  } finally {
    process.chdir(home);
    setAll(before);
  }
}

/** The blocks of a text report that are about findings with this id. */
function blocksAbout(id, out) {
  return out
    .split(/\n\n|\n(?=note {2})/)
    .filter((block) => new RegExp(`^(?:[✗⚠] |note  )${id}(?=\\s|$)`).test(block))
    .map((block) => block.trimEnd());
}

// --- the generated parts

const code = (text) => `\`${text}\``;
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function table(heads, rows) {
  const line = (cells) => `| ${cells.map(cell).join(' | ')} |`;
  return [
    line(heads),
    `|${heads.map((head) => (head === ' ' ? ':-:' : '---')).join('|')}|`,
    ...rows.map(line),
  ].join('\n');
}

const consequences = {
  error: 'The check fails (exit code 1)',
  warning: 'The check fails only with `--fail-on warning`',
  note: 'The check never fails because of it',
};

const systems = {
  'intel-mac': 'Intel Mac',
  'raspberry-pi': 'Raspberry Pi',
  'apple-silicon': 'Apple Silicon',
  windows: 'Windows',
  linux: 'Linux or WSL2',
};
const vendors = { apple: 'unified memory', nvidia: 'NVIDIA', amd: 'AMD', qualcomm: 'Adreno 6xx or later' };
const fits = { enough: 'enough', together: 'enough only on all cards together', 'too-little': 'too little' };

const needWords = {
  device: 'what a GPU carries',
  host: 'what stays beside it',
  cpu_only: 'all of it on the CPU',
};

/** When a row of the table matches, in words. */
function condition(row) {
  const known = [
    'id',
    'status',
    'platforms',
    'vendor',
    'fit',
    'cpu',
    'nothingRequired',
    'because',
    'help',
    'risk',
  ];
  for (const key of Object.keys(row))
    if (!known.includes(key)) throw new Error(`no words for ${key} of ${row.id}`);
  const parts = [
    row.nothingRequired && 'the catalog entry requires nothing',
    row.platforms?.map((platform) => systems[platform]).join(' or '),
    row.vendor && `${vendors[row.vendor]}: ${row.vendor === 'apple' ? '' : 'memory '}${fits[row.fit]}`,
    row.cpu && 'no supported GPU: RAM enough for the CPU',
  ].filter(Boolean);
  return parts.length === 0 ? 'everything else' : parts.join(', ');
}

/** What a field of a JSON Schema holds, in words. */
function valueWords(schema, definitions) {
  const own =
    schema.$ref === undefined ? schema : { ...definitions[schema.$ref.split('/').at(-1)], ...schema };
  if (own.title === 'Preset') return 'id of a preset';
  if (own.enum) return own.enum.map((value) => code(value)).join(', ');
  const names = { string: 'text', integer: 'whole number', number: 'number', boolean: 'true or false' };
  const types = [own.type].flat().filter((type) => type !== 'null');
  const words = types.map((type) => names[type] ?? { array: 'list', object: 'object' }[type]).join(' or ');
  const limits = [
    own.exclusiveMinimum !== undefined && `above ${own.exclusiveMinimum}`,
    own.minimum !== undefined && `from ${own.minimum}`,
    own.maximum !== undefined && `up to ${own.maximum}`,
  ].filter(Boolean);
  return [words, ...limits].join(', ');
}

function fields(schema, definition) {
  const { $defs } = schema;
  const rows = Object.entries($defs[definition].properties).map(([name, field]) => {
    const description = field.description ?? $defs[field.$ref?.split('/').at(-1)]?.description ?? '';
    return [code(name), valueWords(field, $defs), description];
  });
  return table(['field', 'value', 'meaning'], rows);
}

/** A section for every command, with what its --help says. */
function commandHelp(program) {
  const sections = [];
  for (const group of program(() => {}).commands) {
    for (const command of group.commands) {
      let help = '';
      command.configureOutput({
        writeOut: (text) => {
          help += text;
        },
        getOutHelpWidth: () => width,
        getOutHasColors: () => false,
      });
      command.outputHelp();
      sections.push(`## mn ${group.name()} ${command.name()}\n\n${fenced(help)}`);
    }
  }
  return sections.join('\n\n');
}

const fenced = (text) => `\`\`\`text\n${text.replace(/\n+$/, '')}\n\`\`\``;

/** Everything generated, by the name in its marker. */
function generators(modules) {
  const {
    findings,
    findingIds,
    presets,
    rowPresetIds,
    assess,
    table: rules,
    builtInEntries,
    words,
  } = modules;
  const schema = (name) => JSON.parse(readFileSync(join(root, 'schemas', `${name}.schema.json`), 'utf8'));
  const standard = builtInEntries.find(({ id }) => id === modules.defaultModelId);
  const verdictOf = (target) => assess(standard, standard.backend, target, false);
  const presetTable = (list) =>
    table(
      [' ', 'preset', 'machine', 'hardware', 'rule'],
      list.map((target) => {
        const { status, rule } = verdictOf(target);
        return [
          words.marks[status],
          code(target.id),
          target.name,
          modules.describeFacts(target.facts),
          code(rule),
        ];
      }),
    );
  const isRow = ({ id }) => rowPresetIds.includes(id);
  const action = parse(readFileSync(join(root, 'action.yml'), 'utf8'));
  const gb = (amount) => (amount === undefined ? '–' : `${amount} GB`);
  return {
    index: () =>
      table(
        ['finding', 'severity', 'what it says'],
        findingIds.map((id) => [`[${id}](${id}.md)`, findings[id].severity, findings[id].summary]),
      ),
    legend: () => `For ${standard.id}: ${words.legend}.`,
    'preset count': () => `There are ${presets.length} presets.`,
    'row presets': () => presetTable(presets.filter(isRow)),
    'device presets': () => presetTable(presets.filter((target) => !isRow(target))),
    'specified rows': () =>
      table(
        ['preset', 'verdict', 'backend', 'rule', 'why'],
        presets.filter(isRow).map((target) => {
          const { status, backend, accelerator, rule, message } = verdictOf(target);
          const verdict = `${words.marks[status]} ${words.statusWords[status]}`;
          return [code(target.id), verdict, `${backend} / ${accelerator}`, code(rule), message];
        }),
      ),
    rules: () =>
      table(
        ['#', 'rule', 'matches', 'verdict', 'why, and what to do'],
        rules.map((row, index) => [
          String(index + 1),
          code(row.id),
          condition(row),
          code(row.status),
          [
            row.because === undefined ? '' : `${row.because[0].toUpperCase()}${row.because.slice(1)}.`,
            row.help,
          ]
            .filter((text) => text !== '')
            .join(' '),
        ]),
      ),
    'built-in models': () =>
      table(
        ['id', 'Docker name', 'aliases', 'context', 'VRAM', 'unified memory', 'RAM on a CPU', 'fallback'],
        builtInEntries.map(({ id, dockerModel, aliases, contextSize, requirements, fallback }) => [
          code(id),
          code(dockerModel),
          aliases.map(code).join(', '),
          `${contextSize} tokens`,
          gb(requirements.minVramGb),
          gb(requirements.minUnifiedMemoryGb),
          gb(requirements.minCpuRamGb),
          fallback === null ? '–' : code(fallback),
        ]),
      ),
    'requirement rules': () =>
      table(
        ['requirement', 'what has to fit', 'of a machine, a model can have', 'sizes in GB'],
        modules.requirementRules.map(({ field, needs, usable, sizes, step }) => [
          code(field),
          [...needs.map((part) => needWords[part]), 'margin'].join(' + '),
          usable
            .map(({ upToGb, share }) =>
              [
                share === 1 ? 'all' : `${Math.round(share * 100)} %`,
                Number.isFinite(upToGb) && `up to ${upToGb} GB`,
              ]
                .filter(Boolean)
                .join(' '),
            )
            .join(', then '),
          `${sizes.join(', ')}, then multiples of ${step}`,
        ]),
      ),
    'profile fields': () => fields(schema('targets'), 'profile'),
    'gpu fields': () => fields(schema('targets'), 'gpu'),
    'config fields': () => fields(schema('model-check'), 'config'),
    'suppression fields': () => fields(schema('model-check'), 'suppression'),
    'entry fields': () => fields(schema('catalog'), 'keyedEntry'),
    inputs: () =>
      table(
        ['input', 'default', 'what it says'],
        Object.entries(action.inputs).map(([name, input]) => [
          code(name),
          input.default === undefined ? '–' : code(input.default),
          input.description,
        ]),
      ),
    outputs: () =>
      table(
        ['output', 'what it says'],
        Object.entries(action.outputs).map(([name, { description }]) => [code(name), description]),
      ),
    commands: () => commandHelp(modules.program),
    'readme-example': async () => {
      const args = ['blueprint', 'validate', 'examples', '--targets', 'examples/targets.yaml'];
      const { out } = await runCommand(modules.program, root, args);
      return fenced(out.replace(/ · [\d.]+ m?s$/m, ''));
    },
    'sharding workflow': () => {
      const file = 'examples/sharding/.github/workflows/models.yml';
      return `\`\`\`yaml\n${readFileSync(join(root, file), 'utf8').replaceAll('\r\n', '\n')}\`\`\``;
    },
    'requirements fields': () => fields(schema('catalog'), 'requirements'),
  };
}

/** The parts that only pages of findings have. */
function findingGenerators(id, markdown, modules) {
  const kind = modules.findings[id];
  const wrong = sectionsOf(markdown).filter(({ path, blocks }) => path[0] === 'Wrong' && blocks.length > 0);
  let next = 0;
  return {
    head: (since) =>
      `**${kind.severity}**: ${kind.summary}. ${consequences[kind.severity]}. Since version ${since}.`,
    output: async () => {
      const example = wrong[next++];
      const { out } = await runExample(modules.program, example.blocks);
      const blocks = blocksAbout(id, out);
      if (blocks.length === 0)
        throw new Error(`${id}: the example under ${example.path.join(', ')} prints:\n${out}`);
      return fenced(blocks.join('\n\n'));
    },
  };
}

/** A page with its generated parts renewed. */
async function renewed(markdown, parts) {
  let page = '';
  let end = 0;
  for (const match of markdown.matchAll(
    /(<!-- generated: ([\w -]+?)(?:, since ([\d.]+))? -->\n)[\s\S]*?(<!-- \/generated -->)/g,
  )) {
    const [whole, opening, name, since, closing] = match;
    if (!Object.hasOwn(parts, name)) throw new Error(`nothing generates ${name}`);
    page += `${markdown.slice(end, match.index)}${opening}${await parts[name](since)}\n${closing}`;
    end = match.index + whole.length;
  }
  return page + markdown.slice(end);
}

/** What the parts are made from, out of src/ compiled to a folder. */
async function load(folder) {
  const require = createRequire(import.meta.url);
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', '.', '--outDir', folder], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('src/ does not compile');
  const module = (path) => import(pathToFileURL(join(folder, path)).href);
  return {
    ...(await module('findings/table.js')),
    ...(await module('hardware/presets.js')),
    ...(await module('hardware/describe.js')),
    ...(await module('compatibility/assess.js')),
    ...(await module('compatibility/table.js')),
    ...(await module('catalog/built-in.js')),
    ...(await module('memory/requirements.js')),
    program: (await module('cli/program.js')).program,
    words: await module('report/words.js'),
  };
}

async function main(check) {
  // Inside of the project, so that its packages are found.
  mkdirSync(join(root, '.tmp'), { recursive: true });
  const folder = mkdtempSync(join(root, '.tmp', 'build-docs-'));
  try {
    await renew(check, await load(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function renew(check, modules) {
  const common = generators(modules);
  const inDocs = readdirSync(join(root, 'docs'), { recursive: true })
    .map((file) => `docs/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.md'))
    .sort();
  for (const page of ['README.md', ...inDocs]) {
    const path = join(root, page);
    const markdown = readFileSync(path, 'utf8').replaceAll('\r\n', '\n');
    const id = /^docs\/findings\/([a-z-]+)\.md$/.exec(page)?.[1];
    const own =
      id !== undefined && Object.hasOwn(modules.findings, id) ? findingGenerators(id, markdown, modules) : {};
    let text;
    try {
      text = await renewed(markdown, { ...common, ...own });
    } catch (error) {
      throw new Error(`${page}: ${error.message}`, { cause: error });
    }
    if (text === markdown) continue;
    if (!check) writeFileSync(path, text);
    else {
      console.error(`${page} is stale. Run: node scripts/build-docs.mjs`);
      process.exitCode = 1;
    }
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === self) {
  await main(process.argv.includes('--check')).catch((error) => {
    console.error(`build-docs: ${error.message}`);
    process.exitCode = 1;
  });
}

import { type Command, InvalidArgumentError, Option } from 'commander';
import { workers } from '../blueprint/worker.ts';
import { backends } from '../catalog/entry.ts';
import { UsageError } from '../run/usage-error.ts';
import type { CatalogCheckOptions } from './catalog.ts';
import type { CatalogAddOptions } from './catalog-add.ts';
import type { CatalogLockOptions } from './catalog-lock.ts';
import {
  catalogOption,
  command,
  exampleText,
  type Fill,
  failOnOption,
  setOption,
  several,
  targetsOption,
} from './command.ts';
import type { DetectOptions } from './detect.ts';
import type { DoctorOptions } from './doctor.ts';
import type { EnvOptions } from './env.ts';
import type { EstimateCommandOptions } from './estimate.ts';
import type { InstallOptions } from './install.ts';
import type { ListOptions, ShowOptions } from './model.ts';
import type { RemoveOptions } from './remove.ts';
import { report } from './report-command.ts';
import type { RequirementsOptions } from './requirements.ts';
import type { TargetListOptions } from './target.ts';
import type { UpdateOptions } from './update.ts';
import { addValidate } from './validate-command.ts';

/** What commander leaves out where an option is not given; with a default it would print `(default: [])`. */
const nothingGiven = {
  set: [],
  targets: [],
  catalog: [],
  installed: false,
  verbose: false,
  json: false,
  compatibility: false,
  online: false,
  all: false,
  check: false,
  replace: false,
  alias: [],
};

const examples = {
  env: [
    ['mn blueprint env blueprints/legal --worker hostlocal', ''],
    ['mn blueprint env blueprints/legal --config primary --json', ''],
  ],
  show: [
    ['mn model show gemma4:e2b', ''],
    ['mn model show default --compatibility --targets rtx-2060,mac-m2-16', ''],
  ],
  detect: [
    ['mn target detect', ''],
    ['mn target detect --json', 'a targets file, for use elsewhere'],
    ['mn target detect --set memory_gb=64', 'think of it as another machine'],
  ],
  install: [
    ['mn model install gemma4:e2b', ''],
    ['mn model install default rag-embedding --context-size 8192', ''],
    ['mn model install nemotron3 --force', 'although the hardware table says no'],
  ],
  update: [
    ['mn model update gemma4:e2b', ''],
    ['mn model update --all', ''],
  ],
  remove: [
    ['mn model remove gemma4:e2b', ''],
    ['mn model remove ai/smollm2:135M-Q4_0 --yes', 'one that no catalog knows'],
    ['mn model remove 653017dd060f --force --yes', 'a model with all its tags'],
  ],
  check: [
    ['mn catalog check', 'the catalog of this repository'],
    ['mn catalog check --online', 'and whether its models are still there'],
  ],
  add: [
    ['mn catalog add ai/qwen3:4B-UD-Q4_K_XL --id drafts', 'only shows the entry'],
    ['mn catalog add hf.co/owner/repository:Q4_K_M --context-size 8192 --write', ''],
    ['mn catalog add ./model.gguf --model myorg/drafts:v1 --write', ''],
  ],
  doctor: [
    ['mn model doctor', ''],
    ['mn model doctor nemotron3 --json', ''],
  ],
  estimate: [
    ['mn model estimate gemma4:e2b', ''],
    ['mn model estimate ai/llama3.2 --context-size 8192 32768 --targets rtx-2060,mac-m2-16', ''],
    ['mn model estimate qwen3:8B-Q4_K_M --kv-type q8_0 --json', ''],
  ],
  requirements: [
    ['mn blueprint requirements blueprints/legal', ''],
    ['mn blueprint requirements blueprints/legal --markdown', 'a table for its README'],
    ['mn blueprint requirements blueprints/legal --badge', 'for shields.io'],
  ],
} as const;

const noRequirementsOptions = { ...nothingGiven, markdown: false, badge: false };
const noEstimateOptions = { ...nothingGiven, contextSize: [], offline: false };
const flags = { ...nothingGiven, force: false, all: false, yes: false, verbose: false };
const forceOption = () => new Option('--force', 'accept what only the hardware table refuses');
const verboseOption = () =>
  new Option('--verbose', 'say where Docker Model Runner was looked for, and what was asked');

/** A size in tokens. */
function tokens(value: string): number {
  const size = Number(value);
  if (/^\d{1,10}$/.test(value) && size >= 1 && size <= 2 ** 31 - 1) return size;
  throw new InvalidArgumentError('Give a whole number of tokens, for example 4096.');
}

const blueprint: Fill = (group, start) => {
  addValidate(group, start);
  command(group, 'env', 'print the MN_LLM_* variables that a blueprint is started with, in dotenv form')
    .argument('<path>', 'a blueprint folder or file')
    .option('--config <name>', 'a config of llm.configs; the default one when not given')
    .addOption(new Option('--worker <kind>', 'where the worker runs').choices(workers).default('container'))
    .addOption(catalogOption())
    .option('--json', 'one JSON object')
    .addHelpText('after', exampleText(examples.env))
    .action((path: string, options: EnvOptions, chosen: Command) =>
      start(chosen, async (terminal) =>
        (await import('./env.ts')).env(path, { ...nothingGiven, ...options }, terminal),
      ),
    );
  command(group, 'requirements', 'say what hardware the required models of a blueprint need')
    .argument('<path>', 'a blueprint folder or file')
    .addOption(targetsOption())
    .addOption(catalogOption())
    .option('--json', 'one JSON document')
    .option('--markdown', 'a table for a README')
    .option('--badge', 'a shields.io endpoint as JSON')
    .addHelpText('after', exampleText(examples.requirements))
    .action((path: string, options: RequirementsOptions, chosen: Command) =>
      start(chosen, async (terminal) =>
        (await import('./requirements.ts')).blueprintRequirements(
          path,
          { ...noRequirementsOptions, ...options },
          terminal,
        ),
      ),
    );
};

const model: Fill = (group, start) => {
  command(group, 'list', 'list the catalog, and what is installed')
    .option('--installed', 'only models that are installed')
    .addOption(catalogOption())
    .option('--json', 'one JSON document')
    .action((options: ListOptions, chosen: Command) =>
      start(chosen, async (terminal) =>
        (await import('./model.ts')).modelList({ ...nothingGiven, ...options }, terminal),
      ),
    );
  command(group, 'show', 'show one model, and where it runs')
    .argument('[ref]', 'id, alias or Docker name', 'gemma4:e2b')
    .option('--compatibility', 'say whether it runs on this machine, or on --targets')
    .addOption(targetsOption())
    .addOption(setOption())
    .addOption(catalogOption())
    .option('--json', 'one JSON document')
    .addHelpText('after', exampleText(examples.show))
    .action((ref: string, options: ShowOptions, chosen: Command) =>
      start(chosen, async (terminal) =>
        (await import('./model.ts')).modelShow(ref, { ...nothingGiven, ...options }, terminal),
      ),
    );
  command(group, 'install', 'download models with Docker Model Runner, where the hardware does')
    .argument('<refs...>', 'ids, aliases or Docker names of the catalog')
    .addOption(new Option('--backend <name>', 'the engine').choices(['auto', ...backends]).default('auto'))
    .addOption(
      new Option(
        '--context-size <tokens>',
        "instead of the catalog's; for a model that is there, too",
      ).argParser(tokens),
    )
    .addOption(forceOption())
    .addOption(setOption())
    .addOption(catalogOption())
    .option('--json', 'one JSON document')
    .addOption(verboseOption())
    .addHelpText('after', exampleText(examples.install))
    .action((refs: string[], options: InstallOptions, chosen: Command) =>
      start(chosen, async (terminal) =>
        (await import('./install.ts')).modelInstall(refs, { ...flags, ...options }, terminal),
      ),
    );
  command(group, 'update', 'bring installed models to what their registry has now')
    .argument('[refs...]', 'ids, aliases or Docker names of the catalog')
    .option('--all', 'every model of the catalog that is installed')
    .addOption(forceOption())
    .addOption(setOption())
    .addOption(catalogOption())
    .option('--json', 'one JSON document')
    .addOption(verboseOption())
    .addHelpText('after', exampleText(examples.update))
    .action((refs: string[], options: UpdateOptions, chosen: Command) =>
      start(chosen, async (terminal) =>
        (await import('./update.ts')).modelUpdate(refs, { ...flags, ...options }, terminal),
      ),
    );
  command(group, 'remove', 'remove an installed model')
    .argument('<ref>', 'id, alias, Docker name, or the first digits of a digest')
    .option('--force', 'although it answers a request, or has several tags')
    .option('--yes', 'do not ask')
    .addOption(catalogOption())
    .option('--json', 'one JSON document')
    .addOption(verboseOption())
    .addHelpText('after', exampleText(examples.remove))
    .action((ref: string, options: RemoveOptions, chosen: Command) =>
      start(chosen, async (terminal) =>
        (await import('./remove.ts')).modelRemove(ref, { ...flags, ...options }, terminal),
      ),
    );
  command(group, 'doctor', 'check step by step that a model works on this machine')
    .argument('[ref]', 'id, alias or Docker name', 'gemma4:e2b')
    .option('--online', 'compare its digest with the registry')
    .option('--verbose', 'say what was tried to find Docker Model Runner')
    .addOption(setOption())
    .addOption(catalogOption())
    .option('--json', 'one JSON document')
    .addHelpText('after', exampleText(examples.doctor))
    .addHelpText('after', 'Exit codes: 0 all ok or warnings only, 1 something failed, 2 an unknown model.')
    .action((ref: string, options: DoctorOptions, chosen: Command) =>
      start(chosen, async (terminal) =>
        (await import('./doctor.ts')).modelDoctor(ref, { ...nothingGiven, ...options }, terminal),
      ),
    );
  command(group, 'estimate', 'say how much memory a model needs, by context size, without loading it')
    .argument('[ref]', 'id, alias or Docker name; hf.co/owner/repository:Q4_K_M; a .gguf file')
    .addOption(
      new Option(
        '--context-size <tokens...>',
        'context sizes; doubling up to the most when not given',
      ).argParser(several),
    )
    .addOption(targetsOption())
    .addOption(setOption())
    .addOption(catalogOption())
    .addOption(
      new Option('--engine <engine>', 'what runs the model')
        .choices(['llama-server', 'llama-cli'])
        .default('llama-server'),
    )
    .option('--kv-type <type>', 'type of the kv cache: f16, q8_0, q4_0 …')
    .option('--parallel <n>', 'sequences at once, each with its part of the context')
    .option('--gpu-layers <n>', 'layers on the device, the output counted as one; all when not given')
    .option('--offline', 'ask no network')
    .option('--json', 'one JSON document')
    .addHelpText('after', exampleText(examples.estimate))
    .action((ref: string | undefined, options: EstimateCommandOptions, chosen: Command) =>
      start(chosen, async (terminal) =>
        (await import('./estimate.ts')).modelEstimate(ref, { ...noEstimateOptions, ...options }, terminal),
      ),
    );
};

/** `--json` is short for a format. */
function oneFormat<Name extends string>(
  { json, format }: { json?: boolean; format: Name },
  chosen: Command,
): Name | 'json' {
  if (json && chosen.getOptionValueSource('format') === 'cli' && format !== 'json')
    throw new UsageError([`--json and --format ${format} contradict each other. Give one of them.`]);
  return json ? 'json' : format;
}

const catalog: Fill = (group, start) => {
  command(group, 'check', 'check the catalog of this repository, and of files that are named')
    .argument('[files...]', 'further catalogs; may be globs')
    .option('--online', 'look up every model in its registry, against .mn/models.lock.json')
    .option('--all', 'with --online: the built-in models too')
    .addOption(failOnOption())
    .addOption(
      new Option('--format <format>', 'how to report').choices(['text', 'json', 'github']).default('text'),
    )
    .option('--json', 'the same as --format json')
    .addHelpText('after', exampleText(examples.check))
    .action((files: string[], options: CatalogCheckOptions & { json?: boolean }, chosen: Command) =>
      start(chosen, async (terminal) => {
        const format = oneFormat(options, chosen);
        const { catalogCheck } = await import('./catalog.ts');
        return catalogCheck(files, { ...nothingGiven, ...options, format }, terminal);
      }),
    );
  command(group, 'lock', 'record what the models are now, in .mn/models.lock.json')
    .option('--all', 'the built-in models too')
    .option('--check', 'only say whether the file is up to date')
    .option('--output <file>', 'another file')
    .action((options: CatalogLockOptions, chosen: Command) =>
      start(chosen, async (terminal) =>
        (await import('./catalog-lock.ts')).catalogLock({ ...nothingGiven, ...options }, terminal),
      ),
    );
  command(group, 'add', 'propose a catalog entry by what a model needs, and write it')
    .argument('<ref>', 'a model of a registry, hf.co/owner/repository, or the path of a .gguf file')
    .option('--id <id>', 'its id; out of its name when not given')
    .addOption(new Option('--alias <name>', 'another name; repeatable').argParser(several))
    .option('--model <name>', 'of a file: the Docker name that it is packaged as')
    .option('--context-size <tokens>', 'what its memory is worked out for')
    .option('--write [file]', 'write the entry, into .mn/models/catalog.json when no file is given')
    .option('--replace', 'renew the entry that has this id')
    .option('--json', 'one JSON document')
    .addHelpText('after', exampleText(examples.add))
    .action((ref: string, options: CatalogAddOptions, chosen: Command) =>
      start(chosen, async (terminal) =>
        (await import('./catalog-add.ts')).catalogAdd(ref, { ...nothingGiven, ...options }, terminal),
      ),
    );
};

const target: Fill = (group, start) => {
  command(group, 'detect', 'say what this machine is, how that was found out, and what runs on it')
    .addOption(setOption())
    .addOption(catalogOption())
    .option('--record <folder>', 'write the raw readings to a folder, without names and serial numbers')
    .option('--json', 'one JSON document, which is a targets file too')
    .addHelpText('after', exampleText(examples.detect))
    .action((options: DetectOptions, chosen: Command) =>
      start(chosen, async (terminal) =>
        (await import('./detect.ts')).targetDetect({ ...nothingGiven, ...options }, terminal),
      ),
    );
  command(group, 'list', 'list all targets, with what the default model does on each')
    .addOption(catalogOption())
    .option('--json', 'one JSON document')
    .action((options: TargetListOptions, chosen: Command) =>
      start(chosen, async (terminal) =>
        (await import('./target.ts')).targetList({ ...nothingGiven, ...options }, terminal),
      ),
    );
};

const finding: Fill = (group, start) => {
  command(group, 'list', 'list them').action((_options: object, chosen: Command) =>
    start(chosen, async (terminal) => (await import('./finding.ts')).findingList(terminal)),
  );
  command(group, 'show', 'explain one')
    .argument('<id>', 'its id')
    .action((id: string, _options: object, chosen: Command) =>
      start(chosen, async (terminal) => (await import('./finding.ts')).findingShow(id, terminal)),
    );
};

/** What adds the commands of each group. */
export const fill = { blueprint, model, catalog, target, finding, report };

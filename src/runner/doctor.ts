import type { Verdict } from '../compatibility/verdict.ts';
import { elapsed, statusWords } from '../report/words.ts';
import { installCommand, shortDigest } from '../text/text.ts';
import { lackOfBackend } from './backends.ts';
import type { ModelRunner } from './client.ts';
import { isEmbeddingModel } from './embedding.ts';
import { RunnerError } from './errors.ts';
import type { Absence, DockerFacts, Located } from './locate.ts';
import { parseReference } from './reference.ts';
import type { BackendStatus, Endpoint, FirstAnswer, GpuLog, InstalledModel } from './types.ts';

/** In the order in which they are made. */
export const checkIds = [
  'docker',
  'plugin',
  'runner',
  'version',
  'backend',
  'model',
  'digest',
  'hardware',
  'context',
  'answer',
  'accelerator',
] as const;
export type CheckId = (typeof checkIds)[number];

/** `unknown` is what cannot be known: not served by this runner, or behind something that failed. */
export type CheckStatus = 'ok' | 'warning' | 'failed' | 'unknown';

export interface Check {
  id: CheckId;
  status: CheckStatus;
  message: string;
  /** The next step; null where there is none. */
  fix: string | null;
}

/** The model that is examined. */
export interface Patient {
  /** Of the catalog; what `mn model install` takes. */
  id: string;
  /** As Docker knows it: `ai/gemma4:E2B`. */
  dockerModel: string;
  aliases: readonly string[];
  /** Tokens; null where the catalog gives none. */
  contextSize: number | null;
}

/** What the examination needs of the world. */
export interface DoctorWorld {
  docker: Promise<DockerFacts>;
  located: Promise<Located>;
  /** On this machine. */
  verdict: Verdict;
  connect(endpoint: Endpoint): Pick<ModelRunner, Used>;
  /** How to get the plugin on this machine. */
  pluginFix: string;
  /** The digest that the repository's lock file has for the model; null or left out where it has none. */
  lockedDigest?: string | null;
  /** The manifest that the registry has under a name; null where nobody asks for that. */
  publishedDigest: ((name: string) => Promise<Published>) | null;
}

type Used = 'version' | 'status' | 'get' | 'running' | 'configurations' | 'complete' | 'embed' | 'gpuLog';

/** `sha256:…`, or why it is not known. */
export type Published = { ok: true; digest: string } | { ok: false; reason: string };

/** What the examination found. */
export interface Diagnosis {
  /** All of `checkIds`, in their order. */
  checks: readonly Check[];
  located: Located;
  version: string | null;
  /** Undefined where nobody could look. */
  model: InstalledModel | null | undefined;
  answer: FirstAnswer | null;
}

/** Watches the examination. */
export interface Watcher {
  begins(id: CheckId): void;
  made(check: Check): void;
}

export const notChecked = 'not checked';

/** What a check comes to: status, message and, where there is one, the next step. */
type Outcome = readonly [status: CheckStatus, message: string, fix?: string | null];
const unchecked: Outcome = ['unknown', notChecked];

/** Whether a model works on this machine, step by step. Installs nothing, and changes only what is in memory. */
export async function examine(patient: Patient, world: DoctorWorld, watcher: Watcher): Promise<Diagnosis> {
  const checks: Check[] = [];
  const step = async (id: CheckId, make: () => Outcome | Promise<Outcome>) => {
    watcher.begins(id);
    const [status, message, fix = null] = await attempt(make);
    const check = { id, status, message, fix };
    checks.push(check);
    watcher.made(check);
  };
  watcher.begins('docker');
  const [docker, located] = await Promise.all([world.docker, world.located]);
  const runner = located.ok ? world.connect(located.endpoint) : null;
  const asking = (make: (from: Runner) => Promise<Outcome>) => () =>
    runner === null ? unchecked : make(runner);
  let version: string | null = null;
  let engines: readonly BackendStatus[] = [];
  let model: InstalledModel | null | undefined;
  let answer: FirstAnswer | null = null;

  await step('docker', () => dockerOutcome(docker, located));
  await step('plugin', () => pluginOutcome(docker, located, world.pluginFix));
  await step('runner', () => runnerOutcome(located));
  await step(
    'version',
    asking(async (from) => {
      version = await from.version();
      return versionOutcome(version, docker.pluginVersion);
    }),
  );
  const { verdict } = world;
  const { backend } = verdict;
  await step(
    'backend',
    asking(async (from) => {
      engines = await enginesOf(from);
      return backendOutcome(backend, engines);
    }),
  );
  await step(
    'model',
    asking(async (from) => {
      model = await from.get(patient.dockerModel);
      return modelOutcome(patient, model);
    }),
  );
  const found = model ?? null;
  const name = () => parseReference(patient.dockerModel).name;
  await step('digest', () => (found === null ? unchecked : digestOutcome(found, name(), patient.id, world)));
  await step('hardware', () => hardwareOutcome(verdict));
  await step(
    'context',
    asking(async (from) => {
      if (found === null) return unchecked;
      const set = await from.configurations(name());
      const size = set.find((one) => one.backend === backend && one.contextSize !== null)?.contextSize;
      return contextOutcome(patient, size ?? null, found.contextSize);
    }),
  );
  await step(
    'answer',
    asking(async (from) => {
      if (found === null) return unchecked;
      if (!verdict.ok) return ['unknown', 'not tried: a model that is too big can take the machine down'];
      const isEmbedding = isEmbeddingModel(
        [patient.id, patient.dockerModel, ...patient.aliases],
        found.architecture,
      );
      const wasLoaded = (await from.running().catch(() => [])).some(
        (one) => one.model.toLowerCase() === name().toLowerCase() && !one.loading,
      );
      answer = await (isEmbedding ? from.embed(name(), { backend }) : from.complete(name(), { backend }));
      return answerOutcome(answer, wasLoaded);
    }),
  );
  await step(
    'accelerator',
    asking(async (from) => {
      if (answer === null) return unchecked;
      // macOS and Windows install the engine when it is used first.
      engines = await enginesOf(from).catch(() => engines);
      const log = await from.gpuLog();
      const inMemory = await from.running().catch(() => []);
      // The log does not say whose layers it tells of.
      const isAlone = inMemory.length === 1;
      return acceleratorOutcome(verdict, engines, isAlone ? log : { ...log, layers: null });
    }),
  );
  return { checks, located, version, model, answer };
}

type Runner = Pick<ModelRunner, Used>;

async function attempt(make: () => Outcome | Promise<Outcome>): Promise<Outcome> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof RunnerError)) throw error;
    return ['failed', error.message, error.fix];
  }
}

/** A runner without this route tells nothing. */
async function enginesOf(runner: Runner): Promise<readonly BackendStatus[]> {
  try {
    return await runner.status();
  } catch (error) {
    if (error instanceof RunnerError && error.kind === 'protocol') return [];
    throw error;
  }
}

/** The check that fails where there is no runner. */
const failing: Record<Absence, 'docker' | 'plugin' | 'runner'> = {
  'no-docker': 'docker',
  podman: 'docker',
  remote: 'docker',
  'no-permission': 'docker',
  'daemon-down': 'docker',
  'docker-silent': 'docker',
  'no-plugin': 'plugin',
  'desktop-disabled': 'runner',
  'no-runner': 'runner',
  'port-taken': 'runner',
  'runner-silent': 'runner',
  'host-invalid': 'runner',
  'host-silent': 'runner',
};

/** Why there is no runner, where it is this check that says so. */
function absence(id: CheckId, located: Located): Outcome | null {
  return located.ok || failing[located.absence] !== id ? null : ['failed', located.message, located.fix];
}

function dockerOutcome({ found, server }: DockerFacts, located: Located): Outcome {
  const absent = absence('docker', located);
  if (absent !== null) return absent;
  if (server !== null) return ['ok', server];
  return [
    'unknown',
    found ? 'the command docker is here, and no server answers it' : 'there is no command docker here',
  ];
}

function pluginOutcome({ plugin, pluginVersion }: DockerFacts, located: Located, fix: string): Outcome {
  const absent = absence('plugin', located);
  if (absent !== null) return absent;
  if (plugin === true) return ['ok', `docker-model${pluginVersion === null ? '' : ` ${pluginVersion}`}`];
  if (plugin === null || !located.ok) return unchecked;
  return [
    'warning',
    'Docker has no plugin docker-model here. The runner works without it; updating it does not.',
    fix,
  ];
}

function runnerOutcome(located: Located): Outcome {
  if (located.ok) return ['ok', `answers at ${located.endpoint.name}`];
  return absence('runner', located) ?? unchecked;
}

const upgrade = 'Upgrade it: docker model reinstall-runner; with Docker Desktop, upgrade Docker Desktop.';

function versionOutcome(version: string | null, pluginVersion: string | null): Outcome {
  if (version === null) {
    return ['warning', 'the runner does not tell its version, so it is older than v1.0.30', upgrade];
  }
  // Upgrading the plugin leaves the container of the runner as it is; their last digits differ in any case.
  const [runner, plugin] = [release(version), release(pluginVersion ?? '')];
  return runner !== null && plugin !== null && runner < plugin
    ? ['warning', `${version}, older than the plugin ${pluginVersion}`, upgrade]
    : ['ok', version];
}

/** Of `v1.2.6` a number for 1.2; null for what is no version. */
function release(version: string): number | null {
  const [, major, minor] = /^v?(\d{1,4})\.(\d{1,4})\./.exec(version) ?? [];
  return major === undefined ? null : Number(major) * 10_000 + Number(minor);
}

function backendOutcome(backend: string, engines: readonly BackendStatus[]): Outcome {
  const lack = lackOfBackend(backend, engines);
  if (lack !== null) return ['failed', lack.message, lack.fix];
  const engine = engines.find((one) => one.backend === backend);
  if (engine === undefined) return ['unknown', `the runner says nothing of ${backend}`];
  const { state, detail } = engine;
  const said = detail ?? backend;
  switch (state) {
    case 'running':
      return ['ok', said];
    case 'installing':
      return ['warning', `${backend} is being installed: ${said}`, 'Wait, and try again.'];
    case 'not-installed':
      return ['unknown', `${backend} is not installed yet: the runner fetches it when it is used first`];
    default:
      return ['unknown', `not verified: the runner says "${said}", and has not seen the engine itself`];
  }
}

function modelOutcome({ id, dockerModel }: Patient, model: InstalledModel | null): Outcome {
  if (model === null) return ['failed', `${dockerModel} is not installed`, installCommand(id)];
  const facts = [model.size, model.quantization, model.parameters].filter((fact) => fact !== null);
  return ['ok', [`${dockerModel} is installed`, ...facts].join(', ')];
}

async function digestOutcome(
  { digest }: InstalledModel,
  name: string,
  id: string,
  { lockedDigest: locked = null, publishedDigest: published }: DoctorWorld,
): Promise<Outcome> {
  if (locked !== null && locked !== digest) {
    return [
      'failed',
      `${shortDigest(digest)}, and the lock file has ${shortDigest(locked)}`,
      `Bring the one that is locked: mn model update ${id}. Where this one is right: mn catalog lock`,
    ];
  }
  if (published === null)
    return [
      'ok',
      `${shortDigest(digest)}${locked === null ? '' : ', as locked'}, not compared with the registry (--online)`,
    ];
  const told = await published(name);
  if (!told.ok) return ['unknown', `${shortDigest(digest)}, not compared with the registry: ${told.reason}`];
  return told.digest === digest
    ? ['ok', `${shortDigest(digest)}, as in the registry`]
    : [
        'warning',
        `${shortDigest(digest)}, and the registry has ${shortDigest(told.digest)} under this name now`,
        locked === null
          ? 'Take the new one with mn model update, or keep this one.'
          : 'Keep this one, which is locked, or take the new one: mn catalog lock, then mn model update',
      ];
}

function hardwareOutcome({ status, ok, message, help }: Verdict): Outcome {
  const text = `${statusWords[status]}: ${message}`;
  if (!ok) return ['failed', text, help === '' ? null : help];
  return status === 'warning' ? ['warning', text, help === '' ? null : help] : ['ok', text];
}

function contextOutcome(
  { id, contextSize: wanted }: Patient,
  set: number | null,
  packaged: number | null,
): Outcome {
  const size = set ?? packaged;
  if (wanted === null || size === wanted) {
    return ['ok', size === null ? 'not set: the engine chooses' : `${size} tokens`];
  }
  const fix = installCommand(id, ` --context-size ${wanted}`);
  return size === null
    ? ['warning', `not set, so the engine chooses; the catalog says ${wanted} tokens`, fix]
    : ['warning', `${size} tokens; the catalog says ${wanted}`, fix];
}

function answerOutcome({ ms, dimensions }: FirstAnswer, wasLoaded: boolean): Outcome {
  const what = dimensions === null ? 'the first token' : `a vector of ${dimensions} numbers`;
  const how = wasLoaded ? 'the model was in memory' : 'loading included';
  return ['ok', `${what} after ${elapsed(ms)}, ${how}`];
}

/**
 * Whether the accelerator carried it. No API tells, and the speed of one token proves nothing, so what is neither
 * in the words of the engine's status nor in the log is not verified.
 */
function acceleratorOutcome(
  { accelerator, backend }: Verdict,
  engines: readonly BackendStatus[],
  { found, layers }: GpuLog,
): Outcome {
  if (accelerator === null || accelerator === 'CPU') return ['ok', 'none is expected: the CPU does the work'];
  const fix =
    accelerator === 'CUDA'
      ? 'Install the NVIDIA Container Toolkit, then: docker model reinstall-runner --gpu cuda. With Docker Desktop, turn on GPU-backed inference in its settings.'
      : 'Upgrade Docker Model Runner and the driver; with Docker Desktop, turn on GPU-backed inference in its settings.';
  if (backend === 'llama.cpp') {
    if (layers !== null && layers.all > 0) {
      const { onGpu, all } = layers;
      const text = `${onGpu} of ${all} layers are on the GPU, says the log of the engine`;
      return onGpu >= all ? ['ok', text] : ['warning', text, fix];
    }
    const detail = engines.find((one) => one.backend === backend)?.detail ?? '';
    const build = /-(metal|cuda|opencl|vulkan|rocm|cpu)\b/i.exec(detail)?.[1]?.toLowerCase();
    if (build === 'cpu') return ['warning', `the engine is built for the CPU only: ${detail}`, fix];
    if (found === false) return ['warning', 'the engine found no GPU, says the log of the runner', fix];
    if (build !== undefined) return ['ok', `the engine is built for ${build}`];
    if (found === true) return ['ok', 'the engine found a GPU, says the log of the runner'];
  }
  return ['unknown', `not verified: ${accelerator} is expected, and the runner does not tell what it used`];
}

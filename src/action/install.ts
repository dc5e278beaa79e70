import { mkdtempSync, readFileSync, realpathSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { join as joinShown } from '../blueprint/discover.ts';
import { type Lock, lockPath } from '../catalog/lock.ts';
import { nodeFiles } from '../io/files.ts';
import { RegistryError } from '../registry/error.ts';
import { placeOf } from '../report/survey.ts';
import { elapsed } from '../report/words.ts';
import { readLockFile } from '../run/lock.ts';
import { repositoryOf } from '../run/repository.ts';
import { type RunOptions, run } from '../run/run.ts';
import { ModelRunner } from '../runner/client.ts';
import { type Check, examine, notChecked } from '../runner/doctor.ts';
import { RunnerError } from '../runner/errors.ts';
import { type InstallEvent, type InstallWish, install } from '../runner/install.ts';
import { askDocker, dockerFacts, hostOutside, type Located, locate, pluginFix } from '../runner/locate.ts';
import { lock, wait } from '../runner/lock.ts';
import { lookUp } from '../runner/look-up.ts';
import { parseReference } from '../runner/reference.ts';
import { storeSpace } from '../runner/store.ts';
import type { ExpectedModel } from '../runner/store-check.ts';
import { openToAll, whyNotStore } from '../runner/store-folder.ts';
import type { Endpoint, PullEvent } from '../runner/types.ts';
import { type UpdateEvent, update } from '../runner/update.ts';
import { bytesText } from '../text/bytes.ts';
import { count, printable, short } from '../text/text.ts';
import { readEvent } from './event.ts';
import type { Inputs } from './inputs.ts';
import { cacheKey, empty, restore, save } from './model-cache.ts';
import { imageFor, type SetUpWorld, setUpRunner } from './set-up-runner.ts';
import * as toolkit from './toolkit.ts';
import { whyNotRestored, whyNotSaved, whyUntrusted } from './trust.ts';
import { type Wanted, wantedOf } from './wanted.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Chosen = Pick<Inputs, 'install' | 'doctor' | 'cache' | 'installRunner' | 'allowUntrustedInstall'>;

/** A model that is in the runner: an entry of the output `installed`. */
export interface Installed {
  /** Of the catalog. */
  id: string;
  docker_model: string;
  /** `sha256:…` of its manifest. */
  digest: string;
  /** What came down, or out of the cache; 0 where it was present. */
  bytes: number;
  seconds: number;
  from: 'cache' | 'network' | 'present';
}

export interface Outcome {
  installed: Installed[];
  /** Whether something that was asked for failed. It is annotated already. */
  failed: boolean;
}

/** A store of models that this step keeps in a folder. */
interface OwnStore {
  folder: string;
  /** What the cache has it under; null where it is not for the cache. */
  key: string | null;
  models: readonly Published[];
  restored: boolean;
}

/** A model as its registry tells of it. */
interface Published extends ExpectedModel {
  bytes: number;
}

/** The same check, without asking the runner of this machine. */
export function withoutServices(options: RunOptions): RunOptions {
  return { ...options, services: { ...options.services, ask: 'never' } };
}

/**
 * Brings models of the blueprints into the Docker Model Runner of this machine, as the inputs say: only those that
 * the hardware table lets run here, whatever the targets of the check are, one after the other. What goes wrong is
 * annotated; nothing is thrown but bugs. `log` prints a line in which the runner of the job obeys nothing.
 */
export async function bringModels(
  options: RunOptions,
  inputs: Chosen,
  log: (line: string) => void,
): Promise<Outcome> {
  const { onBlueprint: _, ...quietly } = withoutServices(options);
  const { report, catalog } = await run({
    ...quietly,
    targets: ['detect'],
    only: [],
    positions: 'findings',
    baseline: null,
    compare: null,
  });
  return new Installation(options, inputs, wantedOf(report, catalog), log).all();
}

class Installation {
  readonly #inputs: Chosen;
  readonly #env: Env;
  readonly #base: string;
  readonly #log: (line: string) => void;
  /** Undefined until it was read. */
  #locked: Lock | null | undefined;
  readonly #running: readonly Wanted[];
  readonly #others: readonly Wanted[];
  readonly #installed: Installed[] = [];
  #failed = false;

  constructor(
    { env, base }: RunOptions,
    inputs: Chosen,
    { running, others }: ReturnType<typeof wantedOf>,
    log: (line: string) => void,
  ) {
    this.#inputs = inputs;
    this.#env = env;
    this.#base = base;
    this.#running = running;
    this.#others = others;
    this.#log = (line) => log(printable(line));
  }

  async all(): Promise<Outcome> {
    const { install: mode, doctor, installRunner } = this.#inputs;
    const untrusted = whyUntrusted(
      this.#env['GITHUB_EVENT_NAME'] ?? '',
      readEvent(this.#env),
      this.#env['GITHUB_REPOSITORY'] ?? '',
    );
    if (untrusted !== null && !this.#inputs.allowUntrustedInstall) {
      toolkit.warning(
        `Nothing is installed and no model is run: ${untrusted}. The check goes on. To install for such runs too, set the input allow-untrusted-install, after reading docs/action-install.md.`,
        { title: 'Model Check: no models are installed for this run' },
      );
      return this.#outcome();
    }
    this.#tellChoice();
    if (this.#running.length === 0 && !installRunner) return this.#outcome();

    const located = await locate(hostOutside());
    const store = await this.#openStore(located);
    const endpoint = await this.#endpoint(located, store);
    if (endpoint === null) return this.#outcome();
    const runner = new ModelRunner(endpoint);
    if (mode !== 'never') await this.#installAll(runner, endpoint, store);
    if (doctor) await this.#examineAll(runner, located.ok ? located : { ok: true, endpoint, tried: [] });
    if (store !== null) await this.#close(store, untrusted);
    return this.#outcome();
  }

  #outcome(): Outcome {
    return { installed: this.#installed, failed: this.#failed };
  }

  #tellChoice(): void {
    for (const { id, verdict } of this.#others) {
      this.#log(`${id} is left out, because it does not run on this machine: ${verdict.message}.`);
    }
    if (this.#running.length === 0) this.#log('No model of the blueprints runs on this machine.');
    else this.#log(`For this machine: ${this.#running.map(({ id }) => id).join(', ')}.`);
  }

  /** Says what went wrong; what no required declaration needs is worth a warning only. */
  #fail(title: string, message: string, required = true): void {
    if (required) toolkit.error(message, { title: `Model Check: ${title}` });
    else toolkit.warning(message, { title: `Model Check: ${title}` });
    this.#failed ||= required;
  }

  /** The folder that the runner's models are kept in, with what the cache has of them; null where there is none. */
  async #openStore(located: Located): Promise<OwnStore | null> {
    if (!this.#inputs.cache) return null;
    const why = located.ok
      ? `a Docker Model Runner runs already, at ${located.endpoint.name}`
      : this.#running.length === 0
        ? 'there is no model to keep'
        : this.#whyNotThrownAway();
    if (why !== null) {
      this.#log(`The cache is not used: ${why}.`);
      return null;
    }
    const folder = realpathSync(mkdtempSync(join(this.#temp(), 'model-check-models-')));
    const models = await this.#published();
    let store: OwnStore = { folder, key: null, models: [], restored: false };
    if (typeof models === 'string') this.#log(`The cache is not used: ${models}.`);
    else {
      const digests = models.map(({ digest }) => digest);
      const key = cacheKey(process.platform, process.arch, digests);
      store = { folder, key, models, restored: await this.#restore(folder, key, models) };
    }
    await openToAll(folder);
    return store;
  }

  /** The models as their registries tell of them now; why that is not known, as a phrase, where one is not. */
  async #published(): Promise<Published[] | string> {
    const models: Published[] = [];
    for (const { dockerModel } of this.#running) {
      try {
        const { name } = parseReference(dockerModel);
        const { digest, layers } = await lookUp(name, this.#env);
        if (digest === null) return `${name} has no digest that it could be kept by`;
        models.push({ name, digest, bytes: layers.reduce((sum, { bytes }) => sum + bytes, 0) });
      } catch (error) {
        if (error instanceof RegistryError) return error.problem;
        if (error instanceof RunnerError) return error.message.replace(/\.$/, '');
        throw error;
      }
    }
    return models;
  }

  async #restore(folder: string, key: string, models: readonly ExpectedModel[]): Promise<boolean> {
    const why = whyNotRestored(this.#env['ACTIONS_CACHE_MODE'] ?? '');
    if (why !== null) {
      this.#log(`Nothing is read from the cache: ${why}.`);
      return false;
    }
    const start = performance.now();
    const answer = await restore(folder, key, this.#env);
    if (!answer.done) {
      this.#log(
        answer.problem === null
          ? `The cache has nothing under ${key}.`
          : `The cache could not be read: ${answer.problem}`,
      );
      empty(folder);
      return false;
    }
    const problem = await whyNotStore(folder, models, { content: true });
    if (problem !== null) {
      this.#log(
        `What the cache has under ${key} is thrown away: ${problem}. The models come from their registry.`,
      );
      empty(folder);
      return false;
    }
    this.#log(
      `The cache had ${count(models.length, 'model')}, and every file has the SHA-256 that its registry tells: ${elapsed(performance.now() - start)}.`,
    );
    return true;
  }

  /** The runner, set up where it is missing and the inputs allow that; null, and why as an error, where there is none. */
  async #endpoint(located: Located, store: OwnStore | null): Promise<Endpoint | null> {
    if (located.ok) {
      const nothing = this.#inputs.installRunner ? ' Nothing is set up.' : '';
      this.#log(`Docker Model Runner answers at ${located.endpoint.name}.${nothing}`);
      return located.endpoint;
    }
    if (!this.#inputs.installRunner && store === null) {
      this.#fail('there is no Docker Model Runner', `${located.message}\n${located.fix}`);
      return null;
    }
    const why = this.#whyNotThrownAway();
    if (why !== null) {
      this.#fail(
        'there is no Docker Model Runner',
        `${located.message} It is not set up here: ${why}.\n${located.fix}`,
      );
      return null;
    }
    const needs = this.#running.map(({ verdict }) => verdict);
    const image = imageFor(needs, this.#env['MODEL_RUNNER_CONTROLLER_VERSION']);
    const way =
      store === null
        ? ({ kind: 'plugin' } as const)
        : ({ kind: 'container', folder: store.folder, image } as const);
    const setUp = await setUpRunner(located, way, this.#world());
    if (setUp.ok) return setUp.endpoint;
    this.#fail('Docker Model Runner is not set up', `${setUp.message}\n${setUp.fix}`);
    return null;
  }

  /** Why nothing is set up on this machine, as a phrase; null where nobody will meet what is left behind. */
  #whyNotThrownAway(): string | null {
    if (process.platform !== 'linux') return 'that works on Linux only';
    return this.#env['RUNNER_ENVIRONMENT'] === 'github-hosted'
      ? null
      : 'this is not a machine of GitHub, which is thrown away after the job';
  }

  #world(): SetUpWorld {
    return {
      ...hostOutside(),
      arch: process.arch,
      isRoot: process.getuid?.() === 0,
      osRelease: osRelease(),
      folder: mkdtempSync(join(this.#temp(), 'model-check-setup-')),
      writeFile: (path, text) => writeFile(path, text),
      log: this.#log,
    };
  }

  #temp(): string {
    return this.#env['RUNNER_TEMP'] || tmpdir();
  }

  async #installAll(runner: ModelRunner, endpoint: Endpoint, store: OwnStore | null): Promise<void> {
    const locked = this.#lock();
    if (locked === null) return;
    let release: (() => void) | null = null;
    let entered = false;
    const world = {
      runner,
      lookUp: (name: string) => lookUp(name, this.#env),
      freeSpace: (layers: Parameters<typeof storeSpace>[1]) => storeSpace(endpoint, layers, hostOutside()),
      expectedDigest: (name: string) => locked.expectedDigest(name),
      now: () => performance.now(),
      wait: (ms: number) => wait(ms),
      enter: async () => {
        if (entered) return;
        entered = true;
        release = await this.#turn();
      },
    };
    try {
      for (const wanted of this.#running) {
        const wish: InstallWish = {
          id: short(wanted.id),
          ref: wanted.dockerModel,
          verdict: wanted.verdict,
          backend: wanted.backend,
          contextSize: wanted.contextSize,
          // What comes out of the cache is new to this runner.
          isContextAsked: store?.restored === true,
          token: this.#env['HF_TOKEN']?.trim() || null,
        };
        try {
          const { name } = parseReference(wish.ref);
          const isThere = this.#inputs.install === 'always' && (await runner.get(name)) !== null;
          const events = isThere ? update(wish, world) : install(wish, world);
          const cached = store?.restored ? store.models.find((model) => model.name === name) : undefined;
          this.#installed.push(await this.#follow(wanted, events, runner, cached));
        } catch (error) {
          if (!(error instanceof RunnerError)) throw error;
          this.#fail(
            `${short(wanted.id)} is not installed`,
            `${error.message}\n${error.fix}`,
            wanted.required,
          );
        }
      }
    } finally {
      (release as (() => void) | null)?.();
    }
  }

  /** The digests that the repository's lock file records; null where it is wrong, for it would vouch for nothing. */
  #lock(): Lock | null {
    if (this.#locked === undefined) this.#locked = this.#readLock();
    return this.#locked;
  }

  #readLock(): Lock | null {
    const repository = repositoryOf(this.#base);
    const { lock: locked, findings } = readLockFile(nodeFiles([repository]), joinShown(repository, lockPath));
    if (findings.length === 0) return locked;
    const problems = findings.map(({ location, message, help }) =>
      printable(`${placeOf(location)}: ${message} ${help}`),
    );
    this.#fail('no model is installed or examined', problems.slice(0, 10).join('\n'));
    return null;
  }

  /** Waits until no other run of this user on this machine changes the runner's models. */
  async #turn(): Promise<(() => void) | null> {
    const home = this.#env['MN_HOME'] || join(homedir(), '.mn');
    try {
      return await lock({
        folder: join(home, 'locks'),
        command: 'Model Check in a workflow',
        onWait: (holder) =>
          this.#log(`Waits for another run on this machine${holder === null ? '' : `: ${holder.command}`}.`),
      });
    } catch {
      // Where no file can be made, nobody else has one either.
      return null;
    }
  }

  /** Follows the steps of one model in the log. Returns the entry of the output. */
  async #follow(
    { id, dockerModel }: Wanted,
    events: AsyncIterable<InstallEvent | UpdateEvent>,
    runner: ModelRunner,
    cached: Published | undefined,
  ): Promise<Installed> {
    const start = performance.now();
    const entry: Installed = {
      id,
      docker_model: dockerModel,
      digest: '',
      bytes: 0,
      seconds: 0,
      from: 'present',
    };
    let lastPull = Number.NEGATIVE_INFINITY;
    for await (const event of events) {
      if (event.step === 'installed') {
        entry.digest = event.model.digest;
        entry.bytes = event.bytes;
        entry.from = event.cached ? 'present' : 'network';
      } else if (event.step === 'present') entry.digest = event.model.digest;
      if (event.step === 'pull') {
        if (performance.now() - lastPull < quietMs) continue;
        lastPull = performance.now();
      }
      const line = lineOf(event);
      if (line !== null) this.#log(`${id}: ${line}`);
    }
    if (entry.digest === '') entry.digest = (await runner.get(dockerModel))?.digest ?? '';
    if (entry.from === 'present' && cached !== undefined && cached.digest === entry.digest) {
      entry.from = 'cache';
      entry.bytes = cached.bytes;
    }
    entry.seconds = Math.round(performance.now() - start) / 1000;
    const what = {
      present: 'is installed already',
      cache: `is installed from the cache, ${bytesText(entry.bytes)}`,
      network: `is installed, ${bytesText(entry.bytes)} in ${elapsed(entry.seconds * 1000)}`,
    }[entry.from];
    this.#log(`${id}: ${dockerModel} ${what}, ${entry.digest.slice(0, 19)}.`);
    return entry;
  }

  /** Examines every model that is there, up to its first answer. */
  async #examineAll(runner: ModelRunner, located: Located): Promise<void> {
    const locked = this.#lock();
    if (locked === null) return;
    const outside = hostOutside();
    const docker = askDocker(outside).then(dockerFacts);
    for (const wanted of this.#running) {
      const { id, dockerModel, required, verdict } = wanted;
      try {
        if ((await runner.get(dockerModel)) === null) {
          this.#log(`${id}: not examined, because it is not installed.`);
          continue;
        }
      } catch (error) {
        if (!(error instanceof RunnerError)) throw error;
        this.#fail(`${short(id)} does not work`, `${error.message}\n${error.fix}`, required);
        continue;
      }
      const world = {
        docker,
        located: Promise.resolve(located),
        verdict,
        connect: () => runner,
        pluginFix: pluginFix(outside),
        publishedDigest: null,
        lockedDigest: locked.expectedDigest(dockerModel),
      };
      const made = (check: Check) => {
        if (check.message !== notChecked) this.#log(`${id}: ${checkText(check)}`);
      };
      const { checks } = await examine(wanted, world, { begins: () => {}, made });
      const failed = checks.filter(({ status }) => status === 'failed');
      if (failed.length === 0) continue;
      const lines = failed.flatMap(({ message, fix }) => [message, ...(fix === null ? [] : [fix])]);
      this.#fail(`${short(id)} does not work`, lines.map(printable).join('\n'), required);
    }
  }

  /** Saves a store that the cache does not have. */
  async #close(store: OwnStore, untrusted: string | null): Promise<void> {
    const { folder, key, restored } = store;
    if (key === null || restored) return;
    const why = await this.#whyNotSaved(store, untrusted);
    if (why !== null) {
      this.#log(`Nothing is saved to the cache: ${why}.`);
      return;
    }
    const start = performance.now();
    const answer = await save(folder, key, this.#env);
    if (answer.done) this.#log(`Saved to the cache as ${key} in ${elapsed(performance.now() - start)}.`);
    else this.#log(`The cache did not take the models: ${answer.problem ?? 'it did not say why'}`);
  }

  async #whyNotSaved({ folder, models }: OwnStore, untrusted: string | null): Promise<string | null> {
    const why = whyNotSaved(this.#env['ACTIONS_CACHE_MODE'] ?? '', untrusted);
    if (why !== null) return why;
    const have = new Set(this.#installed.map(({ digest }) => digest));
    if (!models.every(({ digest }) => have.has(digest))) return 'not every model is installed';
    const problem = await whyNotStore(folder, models, { content: false });
    return problem === null ? null : `the store is not as expected: ${problem}`;
  }
}

function checkText({ id, status, message, fix }: Check): string {
  const mark = { ok: '✓', warning: '⚠', failed: '✗', unknown: '–' }[status];
  return `${mark} ${id}: ${message}${status === 'ok' || fix === null ? '' : `. ${fix}`}`;
}

/** Between two lines about a download, in milliseconds. */
const quietMs = 10_000;

/** One step of a model as a line of a log; null where it is not worth one. */
function lineOf(event: InstallEvent | UpdateEvent): string | null {
  switch (event.step) {
    case 'disk': {
      const known = [
        ...(event.neededBytes === null ? [] : [`${bytesText(event.neededBytes)} to download`]),
        ...(event.freeBytes === null ? [] : [`${bytesText(event.freeBytes)} free`]),
      ];
      return [...known, ...event.why].join(', ');
    }
    case 'pull':
      return pullLine(event.event);
    case 'retry':
      return `tries again in ${elapsed(event.waitMs)}: ${event.error.message}`;
    case 'changed':
      return `changed from ${event.from.slice(0, 19)} to ${event.to.slice(0, 19)}`;
    case 'unchanged':
      return 'its registry has nothing newer';
    case 'unchecked':
      return 'not updated: Docker Model Runner never looks for a newer model on Hugging Face';
    case 'context':
      return `context of ${count(event.contextSize, 'token')}`;
    case 'loaded':
      return `loaded in ${elapsed(event.ms)}`;
    default:
      return null;
  }
}

function pullLine(event: PullEvent): string {
  switch (event.type) {
    case 'waiting':
      return 'waits for Docker Model Runner, which pulls two models at a time';
    case 'progress': {
      const of = event.totalBytes === null ? '' : ` of ${bytesText(event.totalBytes)}`;
      return `${bytesText(event.doneBytes)}${of}`;
    }
    default:
      return event.text;
  }
}

function osRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8').slice(0, 10_000);
  } catch {
    return '';
  }
}

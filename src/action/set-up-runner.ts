import { setTimeout as sleep } from 'node:timers/promises';
import { dockerArgs } from '../hardware/detect/docker.ts';
import type { Ran } from '../hardware/detect/probe.ts';
import { ModelRunner } from '../runner/client.ts';
import { hasPlugin, type Located, type Outside, parseHost } from '../runner/locate.ts';
import { isLocal } from '../runner/store.ts';
import type { Endpoint } from '../runner/types.ts';
import { quote, short } from '../text/text.ts';

/** How a missing runner is set up. */
export type Way =
  /** The plugin of Docker, and the runner that it installs. */
  | { kind: 'plugin' }
  /** A container of this step's own, which keeps models in a folder. */
  | { kind: 'container'; folder: string; image: Image };

/** The image of the runner, by what it must bring. */
export interface Image {
  tag: string;
  /** Pass the GPUs of NVIDIA on. */
  gpus: boolean;
}

/** What setting up needs of the world. */
export interface SetUpWorld extends Outside {
  arch: string;
  /** Whether this is root. */
  isRoot: boolean;
  /** Text of /etc/os-release; empty where there is none. */
  osRelease: string;
  /** A folder of this step's own for what comes down. */
  folder: string;
  writeFile(path: string, text: string): Promise<void>;
  log(line: string): void;
  now?: () => number;
  wait?: (ms: number) => Promise<unknown>;
}

export type SetUp = { ok: true; endpoint: Endpoint } | { ok: false; message: string; fix: string };

const minute = 60_000;
/** Longest waits in milliseconds. */
const times = { ask: 10_000, key: minute, apt: 5 * minute, image: 15 * minute, answer: 2 * minute };
/** Between two looks whether the runner answers, in milliseconds. */
const pollMs = 1000;

/** Of Docker's key for its packages: https://docs.docker.com/engine/install/ubuntu/ */
export const dockerKeyFingerprint = '9DC858229FC7DD38854AE2D88D81803C0EBFCD88';
const keyFile = '/etc/apt/keyrings/model-check-docker.asc';
const listFile = '/etc/apt/sources.list.d/model-check-docker.list';

/** A step that cannot be taken, and what to do instead. */
class Stuck extends Error {
  readonly fix: string;
  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}

/**
 * Sets Docker Model Runner up where none answers: on Linux, for a job whose machine is thrown away afterwards. Every
 * program gets an argument list, no shell is involved. Ends when the runner answers, whatever the programs say of it.
 */
export async function setUpRunner(
  located: Located & { ok: false },
  way: Way,
  world: SetUpWorld,
): Promise<SetUp> {
  try {
    const port = portOf(world.env);
    if (port === null) throw new Stuck(located.message, located.fix);
    const docker = await world.run('docker', dockerArgs, times.ask, world.env);
    if (docker.ended !== 'ok') {
      throw new Stuck(
        docker.ended === 'missing'
          ? 'There is no command docker here.'
          : `The command docker does not work here: ${said(docker)}`,
        'Set Docker Engine up in a step before this one.',
      );
    }
    if (way.kind === 'container') await startContainer(way, port, world);
    else await installRunner(port, world);
    const endpoint = parseHost(`http://127.0.0.1:${port}`) as Endpoint;
    await answers(endpoint, world);
    world.log(`Docker Model Runner answers at ${endpoint.name}.`);
    return { ok: true, endpoint };
  } catch (error) {
    if (!(error instanceof Stuck)) throw error;
    return { ok: false, message: error.message, fix: error.fix };
  }
}

/** The port of this machine at which the runner is expected; null where that is another machine or a socket. */
export function portOf(env: Outside['env']): number | null {
  const host = env['MODEL_RUNNER_HOST']?.trim() ?? '';
  if (host === '') return 12_434;
  const endpoint = parseHost(host);
  if (endpoint === null || !isLocal(endpoint) || 'path' in endpoint.address) return null;
  return endpoint.address.tls || endpoint.prefix !== '' ? null : endpoint.address.port;
}

/** The image for models that need these accelerators and engines. `version` is MODEL_RUNNER_CONTROLLER_VERSION. */
export function imageFor(
  needs: readonly { accelerator: string | null; backend: string }[],
  version: string | undefined,
): Image {
  const gpus = needs.some(({ accelerator }) => accelerator === 'CUDA');
  const variant = !gpus ? '' : needs.some(({ backend }) => backend === 'vllm') ? '-vllm-cuda' : '-cuda';
  const base = /^\w[\w.-]{0,100}$/.test(version ?? '') ? version : 'latest';
  return { tag: `docker/model-runner:${base}${variant}`, gpus };
}

/** What a runner reads of its environment to get to registries. */
const passedOn = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'MODEL_RUNNER_REGISTRY_MIRRORS'];

async function startContainer(
  { folder, image }: Way & { kind: 'container' },
  port: number,
  { run, env, log }: SetUpWorld,
): Promise<void> {
  if (/[",\n]/.test(folder))
    throw new Stuck(`RUNNER_TEMP is ${quote(folder)}, which docker cannot mount.`, 'Choose another.');
  log(`Starts ${image.tag} in a container of its own, with ${short(folder, 300)} as its model store.`);
  const args = [
    ...['run', '--detach', '--publish', `127.0.0.1:${port}:12434`],
    // Unlike --volume, it does not make a folder of root's where none is.
    ...['--mount', `type=bind,source=${folder},target=/models`],
    ...['--env', 'MODELS_PATH=/models', '--env', 'MODEL_RUNNER_PORT=12434', '--env', 'DO_NOT_TRACK=1'],
    // By name only: an address of a proxy may hold a password, and argument lists are open to everybody.
    ...passedOn.filter((name) => env[name]).flatMap((name) => ['--env', name]),
    ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
    ...(image.gpus ? ['--gpus', 'all'] : []),
    image.tag,
  ];
  const ran = await run('docker', args, times.image, env);
  if (ran.ended === 'ok') return;
  throw new Stuck(
    `The container of Docker Model Runner does not start: ${said(ran)}`,
    `See that port ${port} is free and Docker Hub can be reached, or set the input cache to false.`,
  );
}

async function installRunner(port: number, world: SetUpWorld): Promise<void> {
  const { run, log } = world;
  // The command would take a MODEL_RUNNER_HOST for a runner of somebody else.
  const { MODEL_RUNNER_HOST: _, ...env } = world.env;
  const plugin = await run('docker', ['model', 'version'], times.ask, {
    ...env,
    MODEL_RUNNER_NO_AUTO_INSTALL: '1',
  });
  if (hasPlugin(plugin) === false) await installPlugin(world);
  else log('The plugin docker-model is there.');
  log('Installs the runner: docker model install-runner');
  const args = [
    'model',
    'install-runner',
    '--do-not-track',
    ...(port === 12_434 ? [] : ['--port', String(port)]),
  ];
  const ran = await run('docker', args, times.image, env);
  // It waits for ten seconds only, and fails although the runner comes up: whether that answers is what counts.
  if (ran.ended !== 'ok') log(`docker model install-runner: ${said(ran)}`);
}

/** Installs docker-model-plugin from Docker's repository, whose key must be the known one. */
async function installPlugin(world: SetUpWorld): Promise<void> {
  const { run, env, arch, folder, isRoot, osRelease, log } = world;
  const byHand =
    'Install docker-model-plugin in a step before this one: https://docs.docker.com/engine/install/';
  const field = (name: string) => new RegExp(`^${name}="?([a-z0-9]+)"?$`, 'm').exec(osRelease)?.[1] ?? '';
  const [system, codename] = [field('ID'), field('UBUNTU_CODENAME') || field('VERSION_CODENAME')];
  const debArch = { x64: 'amd64', arm64: 'arm64' }[arch];
  if (!['ubuntu', 'debian'].includes(system) || codename === '' || debArch === undefined) {
    throw new Stuck(
      'The plugin docker-model is missing, and is only installed on Ubuntu and Debian.',
      byHand,
    );
  }
  const asRoot = async (step: string, [program = '', ...args]: string[]) => {
    const ran = isRoot
      ? await run(program, args, times.apt, env)
      : await run('sudo', ['-n', program, ...args], times.apt, env);
    if (ran.ended === 'ok') return;
    const why = ran.ended === 'missing' && !isRoot ? 'there is no sudo' : said(ran);
    throw new Stuck(`The plugin docker-model is missing, and ${step} failed: ${why}`, byHand);
  };
  const base = `https://download.docker.com/linux/${system}`;
  log(`Installs docker-model-plugin from ${base}`);
  const key = `${folder}/docker.asc`;
  const curl = ['--fail', '--silent', '--show-error', '--location', '--proto', '=https', '--max-time', '50'];
  const fetched = await run('curl', [...curl, '--output', key, `${base}/gpg`], times.key, env);
  if (fetched.ended !== 'ok')
    throw new Stuck(`The key of Docker's packages does not come down: ${said(fetched)}`, byHand);
  const shown = await run('gpg', ['--batch', '--with-colons', '--show-keys', key], times.ask, env);
  if (shown.ended !== 'ok' || !isDockerKey(shown.stdout)) {
    throw new Stuck(
      `What ${base}/gpg gives is not the key of Docker's packages that is known (${dockerKeyFingerprint}).`,
      byHand,
    );
  }
  await world.writeFile(
    `${folder}/docker.list`,
    `deb [arch=${debArch} signed-by=${keyFile}] ${base} ${codename} stable\n`,
  );
  const only = [
    '-o',
    `Dir::Etc::sourcelist=${listFile}`,
    '-o',
    'Dir::Etc::sourceparts=-',
    '-o',
    'APT::Get::List-Cleanup=0',
  ];
  await asRoot('writing its key', ['install', '-D', '-m', '0644', key, keyFile]);
  await asRoot('writing its source', ['install', '-D', '-m', '0644', `${folder}/docker.list`, listFile]);
  await asRoot('apt-get update', ['apt-get', '-qq', ...only, 'update']);
  await asRoot('apt-get install', [
    'apt-get',
    '-qq',
    '--yes',
    '--no-install-recommends',
    'install',
    'docker-model-plugin',
  ]);
}

/** Whether what gpg shows is Docker's key, and no other beside it. */
export function isDockerKey(colons: string): boolean {
  const lines = colons.split('\n').map((line) => line.split(':'));
  const isPrimary = (at: number) =>
    lines.slice(0, at).findLast(([kind]) => kind === 'pub' || kind === 'sub')?.[0] === 'pub';
  const primaries = lines.flatMap(([kind, ...fields], at) =>
    kind === 'fpr' && isPrimary(at) ? [fields[8]] : [],
  );
  return primaries.length === 1 && primaries[0] === dockerKeyFingerprint;
}

async function answers(endpoint: Endpoint, world: SetUpWorld): Promise<void> {
  const { now = () => performance.now(), wait = sleep, ask } = world;
  const runner = new ModelRunner(endpoint, {
    times: { connectMs: 2000, answerMs: 5000 },
    ...(ask === undefined ? {} : { ask }),
  });
  const start = now();
  for (;;) {
    try {
      await runner.list();
      return;
    } catch (error) {
      if (now() - start > times.answer) {
        throw new Stuck(
          `Docker Model Runner does not answer at ${endpoint.name} after ${times.answer / minute} minutes: ${(error as Error).message}`,
          'See what it says: docker model logs, or docker ps --all and docker logs.',
        );
      }
    }
    await wait(pollMs);
  }
}

/** What a program said last. */
function said({ ended, code, stdout, stderr }: Ran): string {
  const last = (text: string) =>
    text
      .trim()
      .split(/\r?\n/)
      .findLast((line) => line.trim() !== '');
  const text = last(stderr) ?? last(stdout);
  if (ended === 'late') return 'it took too long.';
  if (ended === 'missing') return 'there is no such command.';
  return text === undefined ? `exit code ${code}.` : `${short(text.trim(), 200).replace(/\.$/, '')}.`;
}

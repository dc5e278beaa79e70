import { release } from 'node:os';
import { field, jsonOf } from '../hardware/detect/answers.ts';
import {
  dockerArgs,
  dockerPlaces,
  dockerSockets,
  modelRunnerPort,
  parseDockerVersion,
} from '../hardware/detect/docker.ts';
import { isWsl } from '../hardware/detect/linux.ts';
import type { Ran } from '../hardware/detect/probe.ts';
import { runProgram } from '../io/probe.ts';
import { quote, short } from '../text/text.ts';
import { ModelRunner } from './client.ts';
import { RunnerError, type RunnerErrorKind } from './errors.ts';
import { type Ask, ask } from './http.ts';
import type { Endpoint } from './types.ts';

/** Longest wait for an answer of a runner, in milliseconds; all places are tried at once. */
const runnerMs = 1500;
/** The same where one place is named and nothing else is asked. */
const namedMs = 4000;
/** The same, and for a connection, where an answer is only worth having at once. */
const quickMs = 1500;
const quickConnectMs = 300;
/** Longest wait for the command docker, in milliseconds; all its runs go side by side. */
const dockerMs = 2500;

/** What finding the runner needs of a machine. */
export interface Outside {
  env: Readonly<Record<string, string | undefined>>;
  /** As Node names it. */
  platform: string;
  /** Of the kernel. */
  release: string;
  /** As `Probe.run`, in this environment. */
  run(
    command: string,
    args: readonly string[],
    timeoutMs: number,
    env: Readonly<Record<string, string | undefined>>,
  ): Promise<Ran>;
  ask?: Ask;
}

/** This machine. */
export function hostOutside(): Outside {
  return { env: process.env, platform: process.platform, release: release(), run: runProgram };
}

/** Why there is no runner. */
export type Absence =
  | 'host-invalid'
  | 'host-silent'
  | 'no-docker'
  | 'podman'
  | 'remote'
  | 'no-permission'
  | 'daemon-down'
  | 'docker-silent'
  | 'no-plugin'
  | 'desktop-disabled'
  | 'no-runner'
  | 'port-taken'
  | 'runner-silent';

/** Something that was tried, and what came of it. Safe to print. */
export interface Attempt {
  what: string;
  result: string;
}

export type Located =
  | { ok: true; endpoint: Endpoint; tried: readonly Attempt[] }
  | { ok: false; absence: Absence; message: string; fix: string; tried: readonly Attempt[] };

/** A place where a runner may listen, and what was heard there. */
interface Heard {
  endpoint: Endpoint;
  /** Null where a runner answered. */
  error: RunnerError | null;
}

/**
 * Finds the runner: `MODEL_RUNNER_HOST` alone where it is set, else port 12434 of this machine, else the socket of
 * Docker Desktop. Where none answers, says why and the one next step. Installs nothing, and ends within 5 s.
 * `docker` is what the command docker told, where it was asked already.
 */
export async function locate(outside: Outside, docker?: Promise<Docker>): Promise<Located> {
  const host = namedHost(outside);
  if (host !== '') return locateNamed(host, outside);
  const { endpoint, heard } = await firstOf([local, ...socketPlaces(outside)], outside, runnerMs);
  if (endpoint !== null) return { ok: true, endpoint, tried: attempts(heard) };
  return absent(heard, outside, await (docker ?? askDocker(outside)));
}

/** Finds the runner where it answers at once; no command is run. Null where none does, for whatever reason. */
export async function locateQuickly(outside: Outside): Promise<Endpoint | null> {
  const host = namedHost(outside);
  const named = host === '' ? null : parseHost(host, usesTls(outside));
  if (host !== '' && named === null) return null;
  const places = named === null ? [local, ...socketPlaces(outside)] : [named];
  return (await firstOf(places, outside, quickMs, quickConnectMs)).endpoint;
}

/** The first of these places where a runner answers, and what was heard until then. */
async function firstOf(
  places: readonly Endpoint[],
  outside: Outside,
  ms: number,
  connectMs = ms / 2,
): Promise<{ endpoint: Endpoint | null; heard: Heard[] }> {
  const stopping = new AbortController();
  const hearing = places.map((endpoint) => listen(endpoint, outside, stopping, ms, connectMs));
  const heard: Heard[] = [];
  for (const one of hearing) {
    const last = await one;
    heard.push(last);
    if (last.error !== null) continue;
    stopping.abort();
    return { endpoint: last.endpoint, heard };
  }
  return { endpoint: null, heard };
}

function namedHost({ env }: Outside): string {
  return env['MODEL_RUNNER_HOST']?.trim() ?? '';
}

function usesTls({ env }: Outside): boolean {
  return env['MODEL_RUNNER_TLS'] === 'true';
}

const local: Endpoint = {
  name: `http://127.0.0.1:${modelRunnerPort}`,
  // Not `localhost`: Docker Engine listens on IPv4 only.
  address: { host: '127.0.0.1', port: modelRunnerPort, tls: false },
  prefix: '',
};

/** Paths of Docker Desktop's API for models on its socket. */
const desktopPrefix = '/exp/vDD4.40';

function socketPlaces({ env, platform }: Outside): Endpoint[] {
  const own = /^(?:unix|npipe):\/\/(.+)$/i.exec(env['DOCKER_HOST'] ?? '')?.[1];
  const usual = dockerSockets(platform, env).flatMap(({ address, name }) =>
    'path' in address ? [{ path: address.path, name }] : [],
  );
  const all = own === undefined ? usual : [{ path: own, name: short(own) }];
  return all.map(({ path, name }) => ({ name, address: { path }, prefix: desktopPrefix }));
}

async function locateNamed(host: string, outside: Outside): Promise<Located> {
  const endpoint = parseHost(host, usesTls(outside));
  if (endpoint === null) {
    return {
      ok: false,
      absence: 'host-invalid',
      message: `MODEL_RUNNER_HOST is ${quote(host.replace(/\/\/[^/]*@/, '//***@'))}, which is no address of a runner.`,
      fix: 'Write it as http://host:port, without user and password.',
      tried: [],
    };
  }
  const heard = await listen(endpoint, outside, new AbortController(), namedMs, namedMs / 2);
  const tried = attempts([heard]);
  if (heard.error === null) return { ok: true, endpoint, tried };
  return {
    ok: false,
    absence: 'host-silent',
    message: `MODEL_RUNNER_HOST names ${endpoint.name}, where no Docker Model Runner answers: ${why(heard.error)}.`,
    fix: 'Start the runner there, or unset MODEL_RUNNER_HOST.',
    tried,
  };
}

/** `MODEL_RUNNER_HOST`: `host:port`, `http(s)://host:port/prefix`, `unix:///path`; null for anything else. */
export function parseHost(text: string, tls = false): Endpoint | null {
  const socket = /^unix:\/\/(\/.+)$/i.exec(text)?.[1];
  if (socket !== undefined) return { name: short(socket), address: { path: socket }, prefix: '' };
  const withScheme = /^[a-z][a-z+.-]*:\/\//i.test(text) ? text : `${tls ? 'https' : 'http'}://${text}`;
  if (!URL.canParse(withScheme)) return null;
  const { protocol, hostname, port, pathname, username, password, search, hash } = new URL(withScheme);
  const isTls = protocol === 'https:';
  if ((!isTls && protocol !== 'http:') || hostname === '') return null;
  if (username !== '' || password !== '' || search !== '' || hash !== '') return null;
  const prefix = pathname.replace(/\/+$/, '');
  const number = port === '' ? (isTls ? 443 : 80) : Number(port);
  return {
    name: short(`${protocol}//${hostname}${port === '' ? '' : `:${port}`}${prefix}`),
    address: { host: hostname.replace(/^\[|\]$/g, ''), port: number, tls: isTls },
    prefix,
  };
}

/** What says that there is no runner; whatever else goes wrong, a runner said it. */
const noRunner: ReadonlySet<RunnerErrorKind> = new Set<RunnerErrorKind>([
  'not-running',
  'no-permission',
  'disabled',
  'not-a-runner',
  'protocol',
  'interrupted',
  'silent',
  'cancelled',
]);

async function listen(
  endpoint: Endpoint,
  outside: Outside,
  stopping: AbortController,
  ms: number,
  connectMs: number,
): Promise<Heard> {
  const timer = setTimeout(() => stopping.abort(), ms);
  try {
    const runner = new ModelRunner(endpoint, { ask: outside.ask ?? ask, times: { connectMs } });
    await runner.list(stopping.signal);
    return { endpoint, error: null };
  } catch (error) {
    const isThere = error instanceof RunnerError && !noRunner.has(error.kind);
    return { endpoint, error: isThere ? null : (error as RunnerError) };
  } finally {
    clearTimeout(timer);
  }
}

function attempts(heard: readonly Heard[]): Attempt[] {
  return heard.map(({ endpoint, error }) => ({
    what: endpoint.name,
    result: error === null ? 'Docker Model Runner answers' : why(error),
  }));
}

function why({ kind, said, message }: RunnerError): string {
  switch (kind) {
    case 'no-permission':
      return 'this user may not';
    case 'silent':
    case 'cancelled':
      return 'accepts connections and does not answer';
    case 'not-a-runner':
      return 'something else answers';
    case 'disabled':
      return 'Docker Desktop answers, its Model Runner is off';
    default:
      return said ?? message;
  }
}

/** What the command docker told. */
export interface Docker {
  version: Ran;
  plugin: Ran;
  context: Ran;
}

/** Asks the command docker, side by side and within 2.5 s; nothing that it is asked installs anything. */
export async function askDocker({ env, platform, run }: Outside): Promise<Docker> {
  const quiet = { ...env, MODEL_RUNNER_NO_AUTO_INSTALL: '1' };
  const start = performance.now();
  const places = dockerPlaces(platform, env);
  const first = async (args: readonly string[]): Promise<Ran> => {
    let ran: Ran = { ended: 'missing', code: null, stdout: '', stderr: '' };
    for (const place of places) {
      ran = await run(place, args, Math.max(1, dockerMs - (performance.now() - start)), quiet);
      if (ran.ended !== 'missing') break;
    }
    return ran;
  };
  const [version, plugin, context] = await Promise.all([
    first(dockerArgs),
    first(pluginArgs),
    first(contextArgs),
  ]);
  return { version, plugin, context };
}

/** Unlike `docker model status` it installs nothing in any version. */
const pluginArgs = ['model', 'version'];
const contextArgs = ['context', 'inspect'];

/** The three ways in which docker says that it does not know `model`. */
const noPlugin =
  /unknown command: docker model|'model' is not a docker command|unknown flag: --|unknown command "model"/;

/** Whether the command docker has the plugin; null where it did not tell. */
export function hasPlugin({ ended, stdout, stderr }: Ran): boolean | null {
  if (ended !== 'ok' && ended !== 'failed') return null;
  if (noPlugin.test(stderr) || noPlugin.test(stdout)) return false;
  return ended === 'ok' || /model/i.test(stdout + stderr) ? true : null;
}

/** Whether the current context is on another machine: its address, as docker tells it. */
export function remoteHost(context: Ran, env: Readonly<Record<string, string | undefined>>): string | null {
  const root = jsonOf(context.stdout);
  const inspected = Array.isArray(root) ? (root[0] as unknown) : root;
  const told = field(field(field(inspected, 'Endpoints'), 'docker'), 'Host');
  const host = env['DOCKER_HOST'] || (typeof told === 'string' ? told : '');
  return /^(?:tcp|ssh|https?):\/\//i.test(host) ? host : null;
}

function absent(heard: readonly Heard[], outside: Outside, docker: Docker): Located {
  const remote = remoteHost(docker.context, outside.env);
  const absence = absenceOf(heard, docker, remote !== null, outside);
  const { message, fix } = words(absence, placeOf(outside));
  return { ok: false, absence, message, fix, tried: [...attempts(heard), ...dockerAttempts(docker, remote)] };
}

function absenceOf(heard: readonly Heard[], docker: Docker, isRemote: boolean, outside: Outside): Absence {
  const { version, plugin } = docker;
  const isLocal = ({ endpoint }: Heard) => endpoint === local;
  const kinds = (from: readonly Heard[]) => from.map(({ error }) => error?.kind);
  const onPort = kinds(heard.filter(isLocal))[0];
  const onSockets = kinds(heard.filter((one) => !isLocal(one)));
  if (onPort === 'disabled' || onSockets.includes('disabled')) return 'desktop-disabled';
  if (onPort === 'silent' || onPort === 'cancelled') return 'runner-silent';
  if (onPort !== 'not-running') return 'port-taken';
  // Docker Engine answers on its socket, and knows nothing of the path of Docker Desktop.
  const engineAnswers = onSockets.includes('not-a-runner');
  if (version.ended === 'missing' && !engineAnswers) return 'no-docker';
  const parsed = parseDockerVersion(version.stdout);
  if (parsed.podman || /podman/i.test(version.stderr)) return 'podman';
  if (isRemote) return 'remote';
  const isUp = parsed.serverReachable || engineAnswers;
  if (!isUp) {
    const denied = onSockets.includes('no-permission') || /permission denied/i.test(version.stderr);
    if (denied) return 'no-permission';
    return version.ended === 'late' ? 'docker-silent' : 'daemon-down';
  }
  if (hasPlugin(plugin) === false || plugin.ended === 'missing') return 'no-plugin';
  // Docker Desktop for Linux has no Model Runner of its own.
  const isDesktop = parsed.engine === 'docker-desktop' && placeOf(outside) !== 'linux';
  return isDesktop ? 'desktop-disabled' : 'no-runner';
}

/** The command docker in words. */
export interface DockerFacts {
  /** There is such a command. */
  found: boolean;
  /** `Docker Engine, client 28.5.1`; null where no server answers. */
  server: string | null;
  /** Whether it has the plugin `model`; null where it did not tell. */
  plugin: boolean | null;
  /** `v1.2.6`; null where not known. */
  pluginVersion: string | null;
}

export function dockerFacts({ version, plugin }: Docker): DockerFacts {
  const { client, engine, serverReachable, podman } = parseDockerVersion(version.stdout);
  const name = podman ? 'Podman' : engine === 'docker-desktop' ? 'Docker Desktop' : 'Docker Engine';
  const has = hasPlugin(plugin);
  // Before v1.0.30: `Docker Model Runner version v1.0.2`.
  const told = /^\s*(?:Version:|Docker Model Runner version)\s+(v?\d[\w.-]*)/m.exec(plugin.stdout)?.[1];
  return {
    found: version.ended !== 'missing',
    server: serverReachable ? `${name}${client === null ? '' : `, client ${short(client, 40)}`}` : null,
    plugin: has,
    pluginVersion: has === true && told !== undefined ? short(told, 40) : null,
  };
}

/** How to get the plugin on this machine. */
export function pluginFix(outside: Outside): string {
  return words('no-plugin', placeOf(outside)).fix;
}

function dockerAttempts({ version, plugin }: Docker, remote: string | null): Attempt[] {
  if (version.ended === 'missing') return [{ what: 'docker', result: 'no such command' }];
  const { client, engine, serverReachable } = parseDockerVersion(version.stdout);
  const server = serverReachable
    ? engine === 'docker-desktop'
      ? 'Docker Desktop answers'
      : 'Docker Engine answers'
    : 'no server answers';
  const known = hasPlugin(plugin);
  return [
    {
      what: 'docker version',
      result:
        version.ended === 'late' ? 'no answer in time' : `client ${short(client ?? 'unknown')}, ${server}`,
    },
    {
      what: 'docker model version',
      result: known === null ? 'no answer' : known ? 'the plugin is there' : 'the plugin is not installed',
    },
    ...(remote === null
      ? []
      : [
          { what: 'docker context', result: `another machine, ${short(remote.replace(/\/\/[^/]*@/, '//'))}` },
        ]),
  ];
}

/** Whose next step it is. */
type Place = 'linux' | 'ci' | 'wsl' | 'mac' | 'windows';

function placeOf({ env, platform, release }: Outside): Place {
  if (platform === 'darwin') return 'mac';
  if (platform === 'win32') return 'windows';
  if (isWsl(env, release)) return 'wsl';
  return env['CI'] === 'true' || env['GITHUB_ACTIONS'] === 'true' ? 'ci' : 'linux';
}

interface Words {
  message: string;
  /** The next step, where one is the same everywhere; else by place. */
  fix: string | Partial<Record<Place, string>>;
}

const enginePackages = 'docker-ce and docker-model-plugin from https://docs.docker.com/engine/install/';
const pluginPackage =
  "the package docker-model-plugin from Docker's own repository, https://docs.docker.com/engine/install/";
const enableDesktop = `docker desktop enable model-runner --tcp ${modelRunnerPort}`;

const table: Record<Exclude<Absence, 'host-invalid' | 'host-silent'>, Words> = {
  'no-docker': {
    message: 'Docker is not installed, so there is no Docker Model Runner.',
    fix: {
      linux: `Install ${enginePackages}`,
      ci: `Install ${enginePackages} in a step before this one.`,
      wsl: 'Install Docker Desktop on Windows, and turn on its WSL integration for this distribution.',
      mac: 'Install Docker Desktop: https://docs.docker.com/desktop/',
      windows: 'Install Docker Desktop: https://docs.docker.com/desktop/',
    },
  },
  podman: {
    message: 'The command docker is Podman here, which has no Docker Model Runner.',
    fix: {
      linux: `Install ${enginePackages}`,
      ci: `Install ${enginePackages} in a step before this one.`,
      wsl: 'Install Docker Desktop on Windows, and turn on its WSL integration for this distribution.',
      mac: 'Install Docker Desktop: https://docs.docker.com/desktop/',
      windows: 'Install Docker Desktop: https://docs.docker.com/desktop/',
    },
  },
  remote: {
    message: 'Docker works on another machine here, whose Docker Model Runner is not reached from this one.',
    fix: 'Set MODEL_RUNNER_HOST to the address of its runner, or choose a local context: docker context use default.',
  },
  'no-permission': {
    message: 'This user may not use Docker.',
    fix: {
      linux: 'Add the user to the group docker and log in again: sudo usermod -aG docker "$USER"',
      ci: 'Run the job as a user of the group docker.',
      mac: 'Start Docker Desktop as this user.',
      windows: 'Add the user to the group docker-users and sign in again.',
    },
  },
  'daemon-down': {
    message: 'Docker is not running.',
    fix: {
      linux: 'Start it: sudo systemctl start docker',
      ci: 'Start it in a step before this one: sudo systemctl start docker',
      wsl: 'Start Docker Desktop on Windows, with its WSL integration for this distribution.',
      mac: 'Start Docker Desktop.',
      windows: 'Start Docker Desktop.',
    },
  },
  'docker-silent': {
    message: 'Docker does not answer.',
    fix: {
      linux: 'Restart it: sudo systemctl restart docker',
      wsl: 'Restart Docker Desktop on Windows.',
      mac: 'Restart Docker Desktop.',
      windows: 'Restart Docker Desktop.',
    },
  },
  'no-plugin': {
    message: 'Docker has no plugin docker-model here.',
    fix: {
      linux: `Install ${pluginPackage}`,
      ci: `Install ${pluginPackage} in a step before this one.`,
      wsl: 'Upgrade Docker Desktop on Windows.',
      mac: 'Upgrade Docker Desktop.',
      windows: 'Upgrade Docker Desktop.',
    },
  },
  'desktop-disabled': {
    message: 'Docker Desktop runs, and its Model Runner is off.',
    fix: { linux: `Enable it: ${enableDesktop}`, wsl: `Enable it on Windows: ${enableDesktop}` },
  },
  'no-runner': {
    message: 'Docker Engine runs, and has no Docker Model Runner.',
    fix: {
      linux: 'Install it: docker model install-runner',
      ci: 'Install it in a step before this one: docker model install-runner',
    },
  },
  'port-taken': {
    message: `Something else than Docker Model Runner answers on port ${modelRunnerPort}.`,
    fix: `End what listens there, or set MODEL_RUNNER_HOST to the address of the runner.`,
  },
  'runner-silent': {
    message: `Docker Model Runner accepts connections on port ${modelRunnerPort} and does not answer.`,
    fix: {
      linux: 'Restart it: docker model restart-runner',
      wsl: 'Restart Docker Desktop on Windows.',
      mac: 'Restart Docker Desktop.',
      windows: 'Restart Docker Desktop.',
    },
  },
};

function words(absence: Absence, place: Place): { message: string; fix: string } {
  const { message, fix } = table[absence as keyof typeof table];
  return { message, fix: typeof fix === 'string' ? fix : (fix[place] ?? fix.linux ?? '') };
}

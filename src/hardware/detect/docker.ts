import type { Engine } from '../facts.ts';
import { field, jsonOf, misbehaviour, wordsOf } from './answers.ts';
import type { Detection, Fact, Note } from './detection.ts';
import type { Address, Probe, Ran, Run } from './probe.ts';
import { connectTimeoutMs } from './probe.ts';

export const dockerArgs = ['version', '--format', '{{json .}}'];
/** Asks the client only. */
export const dockerClientArgs = ['--version'];
/** The port on which Docker Model Runner listens on the machine itself. */
export const modelRunnerPort = 12434;

/** What `docker version` tells. */
export interface DockerVersion {
  client: string | null;
  engine: Engine | null;
  serverReachable: boolean;
  podman: boolean;
}

export function parseDockerVersion(stdout: string): DockerVersion {
  const root = jsonOf(stdout);
  const client = field(root, 'Client');
  const server = field(root, 'Server');
  const reachable = typeof server === 'object' && server !== null;
  const platform = (side: unknown) => String(field(field(side, 'Platform'), 'Name') ?? '');
  const desktop =
    /Docker Desktop/i.test(platform(server)) ||
    (!reachable && /^desktop-/.test(String(field(client, 'Context') ?? '')));
  const podman = /podman/i.test(`${platform(client)} ${platform(server)}`);
  return {
    client: wordsOf(field(client, 'Version')) ?? /^Docker version ([\w.+-]+)/m.exec(stdout)?.[1] ?? null,
    engine: podman ? null : desktop ? 'docker-desktop' : reachable ? 'docker-engine' : null,
    serverReachable: reachable,
    podman,
  };
}

/** Where the client may be: in PATH, or where Docker Desktop puts it. */
export function dockerPlaces(platform: string, env: Readonly<Record<string, string | undefined>>): string[] {
  if (platform === 'darwin') {
    return ['docker', '/usr/local/bin/docker', '/Applications/Docker.app/Contents/Resources/bin/docker'];
  }
  if (platform !== 'win32') return ['docker'];
  const programs = env['ProgramFiles'] ?? 'C:\\Program Files';
  return ['docker.exe', `${programs}\\Docker\\Docker\\resources\\bin\\docker.exe`];
}

/** Where the server may listen on this machine. */
export function dockerSockets(
  platform: string,
  env: Readonly<Record<string, string | undefined>>,
): { address: Address; name: string }[] {
  if (platform === 'win32') {
    return ['docker_engine', 'dockerDesktopLinuxEngine'].map((pipe) => ({
      address: { path: `\\\\.\\pipe\\${pipe}` },
      name: `pipe ${pipe}`,
    }));
  }
  const found = [{ address: { path: '/var/run/docker.sock' }, name: '/var/run/docker.sock' }];
  const home = env['HOME'];
  if (home?.startsWith('/')) {
    for (const below of ['.docker/run/docker.sock', '.docker/desktop/docker.sock']) {
      found.push({ address: { path: `${home}/${below}` }, name: `~/${below}` });
    }
  }
  const runtime = env['XDG_RUNTIME_DIR'];
  if (runtime?.startsWith('/')) {
    found.push({ address: { path: `${runtime}/docker.sock` }, name: '$XDG_RUNTIME_DIR/docker.sock' });
  }
  return found;
}

/** Docker and Docker Model Runner, by the client and by whether something listens. */
export async function detectDocker(
  probe: Probe,
  run: Run,
  inContainer: Promise<boolean>,
): Promise<{ docker: Detection['docker']; notes: Note[] }> {
  const host = probe.env['DOCKER_HOST'] ?? '';
  const elsewhere = host !== '' && !/^(?:unix|npipe):/i.test(host);
  const [ran, socket, modelRunner] = await Promise.all([
    askClient(dockerPlaces(probe.platform, probe.env), elsewhere ? dockerClientArgs : dockerArgs, run),
    elsewhere ? null : firstReachable(probe, dockerSockets(probe.platform, probe.env)),
    inContainer.then((container) => firstReachable(probe, modelRunnerAddresses(container))),
  ]);
  const answered = ran.ended === 'ok' || ran.ended === 'failed';
  const version = parseDockerVersion(answered ? ran.stdout : '');
  const podman = version.podman || /podman/i.test(ran.stderr);
  const source = `docker ${(elsewhere ? dockerClientArgs : dockerArgs.slice(0, 1)).join(' ')}`;
  const serverReachable: Fact<boolean> =
    version.serverReachable || socket === null
      ? { value: version.serverReachable, source }
      : { value: true, source: `connection to ${socket}` };
  return {
    docker: {
      client: version.client === null || podman ? null : { value: version.client, source },
      engine: version.engine === null || podman ? null : { value: version.engine, source },
      serverReachable: podman ? { value: false, source } : serverReachable,
      modelRunnerReachable: {
        value: modelRunner !== null,
        source: `connection to ${modelRunner ?? `127.0.0.1:${modelRunnerPort}`}`,
      },
    },
    notes: [
      ...misbehaviour('docker', 'docker', ran),
      ...advice(probe.platform, { ran, version, podman, elsewhere, serverReachable, modelRunner }),
    ],
  };
}

/** A place where there is no client ends at once, so the next one costs no time. */
async function askClient(places: readonly string[], args: readonly string[], run: Run): Promise<Ran> {
  let ran: Ran = { ended: 'missing', code: null, stdout: '', stderr: '' };
  for (const place of places) {
    ran = await run(place, args);
    if (ran.ended !== 'missing') return ran;
  }
  return ran;
}

function modelRunnerAddresses(container: boolean): { address: Address; name: string }[] {
  const hosts: [string, number][] = [['127.0.0.1', modelRunnerPort]];
  // The name under which containers of Docker Desktop reach the runner.
  if (container) hosts.push(['model-runner.docker.internal', 80]);
  return hosts.map(([host, port]) => ({ address: { host, port }, name: `${host}:${port}` }));
}

async function firstReachable(
  probe: Probe,
  places: readonly { address: Address; name: string }[],
): Promise<string | null> {
  const answers = await Promise.all(places.map(({ address }) => probe.reachable(address, connectTimeoutMs)));
  return places.find((_, at) => answers[at])?.name ?? null;
}

interface Found {
  ran: Ran;
  version: DockerVersion;
  podman: boolean;
  elsewhere: boolean;
  serverReachable: Fact<boolean>;
  modelRunner: string | null;
}

function advice(platform: string, found: Found): Note[] {
  const note = (text: string) => [{ about: 'docker', text }];
  const { ran, version, podman, elsewhere, serverReachable, modelRunner } = found;
  if (podman) {
    return note('The command docker is Podman here, which has no Docker Model Runner. Install Docker.');
  }
  if (elsewhere) {
    return note(
      'DOCKER_HOST names another machine, whose hardware is not seen from here. Check on that machine, or unset DOCKER_HOST.',
    );
  }
  if (ran.ended === 'missing' && !serverReachable.value) {
    return modelRunner === null ? note('No Docker is found. Install it before a model runs here.') : [];
  }
  if (!serverReachable.value) {
    if (ran.ended === 'late') return [];
    return /permission denied/i.test(ran.stderr)
      ? note('Docker may not be asked as this user. Add the user to the group docker, or run as one who may.')
      : note('Docker does not answer. Start it before a model runs here.');
  }
  if (version.engine === 'docker-engine' && platform !== 'linux') {
    return note(
      `Docker is not Docker Desktop here. On ${platform === 'darwin' ? 'macOS' : 'Windows'} only Docker Desktop gives models the GPU: install it.`,
    );
  }
  if (modelRunner !== null) return [];
  const turnOn =
    version.engine === 'docker-desktop'
      ? `docker desktop enable model-runner --tcp ${modelRunnerPort}`
      : 'docker model install-runner';
  return note(`Docker Model Runner does not answer on port ${modelRunnerPort}. Turn it on: ${turnOn}`);
}

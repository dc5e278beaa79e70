import { existsSync, mkdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { runProgram } from '../src/io/probe.ts';
import { type Ask, ask } from '../src/runner/http.ts';
import {
  hasPlugin,
  type Located,
  locate,
  type Outside,
  parseHost,
  remoteHost,
} from '../src/runner/locate.ts';
import type { Endpoint } from '../src/runner/types.ts';
import { type DockerState, fakeDocker, type Plugin } from './support/docker.ts';
import { desktopSocket, FakeModelRunner, modelRunner } from './support/model-runner.ts';
import { folderOf, isWindows } from './support/process.ts';

const closing: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
});

interface World extends Omit<Partial<Outside>, 'env'> {
  env?: Record<string, string>;
  /** What listens on port 12434 and on Docker's usual socket; nothing where it is left out. */
  port?: Endpoint;
  socket?: Endpoint;
  /** The command; none where it is left out. */
  docker?: DockerState;
}

/** A machine on which nothing of this one is seen. */
function world({ port, socket, docker, env, ...more }: World = {}): Outside & { calls(): string[] } {
  const command = docker === undefined ? null : fakeDocker(docker);
  const nothing = { path: join(folderOf(), 'nothing') };
  const redirect: Ask = (endpoint, ...rest) => {
    const at = { '127.0.0.1:12434': port, '/var/run/docker.sock': socket };
    const { address } = endpoint;
    const key = 'path' in address ? address.path : `${address.host}:${address.port}`;
    if (!Object.hasOwn(at, key)) return ask(endpoint, ...rest);
    const to = at[key as keyof typeof at]?.address ?? nothing;
    return ask({ ...endpoint, address: to }, ...rest);
  };
  return {
    platform: 'linux',
    release: '6.8.0-45-generic',
    // Where Docker Desktop puts the command stands the one of this machine, if any.
    run: (name, args, timeoutMs, given) =>
      runProgram(name.startsWith('/') ? '/nowhere' : name, args, timeoutMs, { ...given }),
    ask: redirect,
    env: { HOME: folderOf(), PATH: command?.folder ?? folderOf(), ...env },
    calls: () => command?.calls() ?? [],
    ...more,
  };
}

async function runner(faults: FakeModelRunner['faults'] = {}): Promise<Endpoint> {
  const { fake, endpoint } = await modelRunner();
  fake.faults = faults;
  closing.push(fake);
  return endpoint;
}

/** What Docker listens on: Desktop's has the runner below its prefix, the engine's knows no such path. */
async function socketOf(
  what: 'desktop' | 'desktop, runner off' | 'engine',
  path?: string,
): Promise<Endpoint> {
  if (what === 'engine') {
    const fake = new FakeModelRunner('/nowhere');
    closing.push(fake);
    return fake.listen(path ?? join(folderOf(), 'docker.sock'));
  }
  const { fake, endpoint } = await desktopSocket(path);
  if (what === 'desktop, runner off') {
    fake.faults = { answers: { 'GET /models': { status: 503, text: 'Docker Model Runner is not running' } } };
  }
  closing.push(fake);
  return endpoint;
}

const foundAt = (located: Located) => (located.ok ? located.endpoint.name : located.absence);
const lines = ({ tried }: Located) => tried.map(({ what, result }) => `${what}: ${result}`);

describe('a runner is found', () => {
  test('where MODEL_RUNNER_HOST says, and nowhere else', async () => {
    const named = await runner();
    const machine = world({
      port: await runner(),
      env: { MODEL_RUNNER_HOST: named.name.slice('http://'.length) },
    });
    const located = await locate(machine);
    expect(foundAt(located)).toBe(named.name);
    expect(lines(located)).toEqual([`${named.name}: Docker Model Runner answers`]);
  });

  test.skipIf(isWindows)('on port 12434, before any socket, without the command docker', async () => {
    const machine = world({ port: await runner(), socket: await socketOf('desktop'), docker: {} });
    expect(foundAt(await locate(machine))).toBe('http://127.0.0.1:12434');
    expect(machine.calls()).toEqual([]);
  });

  test('though it fails to list its models', async () => {
    const broken = await runner({ answers: { 'GET /models': { status: 500, text: 'models.json: bad' } } });
    expect(foundAt(await locate(world({ port: broken })))).toBe('http://127.0.0.1:12434');
  });

  test.skipIf(isWindows)("on Docker Desktop's socket, below its prefix", async () => {
    const located = await locate(world({ socket: await socketOf('desktop') }));
    expect(located).toMatchObject({
      ok: true,
      endpoint: { name: '/var/run/docker.sock', prefix: '/exp/vDD4.40' },
    });
    expect(lines(located)).toEqual([
      'http://127.0.0.1:12434: nothing listens',
      '/var/run/docker.sock: Docker Model Runner answers',
    ]);
  });

  test.skipIf(isWindows)("on the user's own socket, and on the one that DOCKER_HOST names", async () => {
    const home = folderOf();
    const own = join(home, '.docker/run/docker.sock');
    mkdirSync(dirname(own), { recursive: true });
    await socketOf('desktop', own);
    expect(foundAt(await locate(world({ env: { HOME: home } })))).toBe('~/.docker/run/docker.sock');
    const named = join(folderOf(), 'named.sock');
    await socketOf('desktop', named);
    expect(foundAt(await locate(world({ env: { DOCKER_HOST: `unix://${named}` } })))).toBe(named);
  });
});

describe.skipIf(isWindows)('no runner is found', () => {
  interface Case extends World {
    about: string;
    at?: 'port' | 'socket';
    listens?: Parameters<typeof socketOf>[0];
    answers?: FakeModelRunner['faults'];
    absence: string;
    message: string;
    fix: string;
  }
  const mac = { platform: 'darwin', release: '24.6.0' };
  const wsl = { release: '5.15.167.4-microsoft-standard-WSL2' };
  const ci = { env: { GITHUB_ACTIONS: 'true' } };
  const noDocker = 'Docker is not installed, so there is no Docker Model Runner.';
  const noPlugin = 'Docker has no plugin docker-model here.';
  const off = 'Docker Desktop runs, and its Model Runner is off.';
  const cases: Case[] = [
    {
      about: 'Linux',
      absence: 'no-docker',
      message: noDocker,
      fix: 'Install docker-ce and docker-model-plugin from https://docs.docker.com/engine/install/',
    },
    {
      about: 'CI',
      ...ci,
      absence: 'no-docker',
      message: noDocker,
      fix: 'Install docker-ce and docker-model-plugin from https://docs.docker.com/engine/install/ in a step before this one.',
    },
    {
      about: 'WSL',
      ...wsl,
      absence: 'no-docker',
      message: noDocker,
      fix: 'Install Docker Desktop on Windows, and turn on its WSL integration for this distribution.',
    },
    {
      about: 'macOS',
      ...mac,
      absence: 'no-docker',
      message: noDocker,
      fix: 'Install Docker Desktop: https://docs.docker.com/desktop/',
    },
    {
      about: 'Podman',
      docker: { server: 'podman' },
      absence: 'podman',
      message: 'The command docker is Podman here, which has no Docker Model Runner.',
      fix: 'Install docker-ce and docker-model-plugin from https://docs.docker.com/engine/install/',
    },
    {
      about: 'daemon down',
      docker: { server: 'down' },
      absence: 'daemon-down',
      message: 'Docker is not running.',
      fix: 'Start it: sudo systemctl start docker',
    },
    {
      about: 'Desktop down',
      docker: { server: 'down' },
      ...mac,
      absence: 'daemon-down',
      message: 'Docker is not running.',
      fix: 'Start Docker Desktop.',
    },
    {
      about: 'not allowed',
      docker: { server: 'denied' },
      absence: 'no-permission',
      message: 'This user may not use Docker.',
      fix: 'Add the user to the group docker and log in again: sudo usermod -aG docker "$USER"',
    },
    {
      about: 'no plugin',
      docker: { plugin: 'unknown command' },
      absence: 'no-plugin',
      message: noPlugin,
      fix: "Install the package docker-model-plugin from Docker's own repository, https://docs.docker.com/engine/install/",
    },
    {
      about: 'no plugin in CI',
      docker: { plugin: 'unknown flag' },
      ...ci,
      absence: 'no-plugin',
      message: noPlugin,
      fix: "Install the package docker-model-plugin from Docker's own repository, https://docs.docker.com/engine/install/ in a step before this one.",
    },
    {
      about: 'no plugin, macOS',
      docker: { server: 'desktop', plugin: 'not a docker command' },
      ...mac,
      absence: 'no-plugin',
      message: noPlugin,
      fix: 'Upgrade Docker Desktop.',
    },
    {
      about: 'Engine',
      docker: { runner: false },
      listens: 'engine',
      absence: 'no-runner',
      message: 'Docker Engine runs, and has no Docker Model Runner.',
      fix: 'Install it: docker model install-runner',
    },
    {
      about: 'Engine in CI',
      docker: { runner: false },
      ...ci,
      absence: 'no-runner',
      message: 'Docker Engine runs, and has no Docker Model Runner.',
      fix: 'Install it in a step before this one: docker model install-runner',
    },
    {
      about: 'Desktop',
      docker: { server: 'desktop', runner: false },
      ...mac,
      absence: 'desktop-disabled',
      message: off,
      fix: 'Enable it: docker desktop enable model-runner --tcp 12434',
    },
    {
      about: 'Desktop, WSL',
      docker: { server: 'desktop', runner: false },
      ...wsl,
      absence: 'desktop-disabled',
      message: off,
      fix: 'Enable it on Windows: docker desktop enable model-runner --tcp 12434',
    },
    {
      about: 'Desktop that says so itself',
      listens: 'desktop, runner off',
      ...mac,
      absence: 'desktop-disabled',
      message: off,
      fix: 'Enable it: docker desktop enable model-runner --tcp 12434',
    },
    {
      about: 'Desktop for Linux has none of its own',
      docker: { server: 'desktop', runner: false },
      absence: 'no-runner',
      message: 'Docker Engine runs, and has no Docker Model Runner.',
      fix: 'Install it: docker model install-runner',
    },
    {
      about: 'another machine',
      docker: { host: 'ssh://me@build' },
      absence: 'remote',
      message:
        'Docker works on another machine here, whose Docker Model Runner is not reached from this one.',
      fix: 'Set MODEL_RUNNER_HOST to the address of its runner, or choose a local context: docker context use default.',
    },
    {
      about: 'pitfall 16: another program on its port',
      answers: { bytes: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi' },
      absence: 'port-taken',
      message: 'Something else than Docker Model Runner answers on port 12434.',
      fix: 'End what listens there, or set MODEL_RUNNER_HOST to the address of the runner.',
    },
    {
      about: 'no HTTP',
      answers: { bytes: 'SSH-2.0-x\r\n' },
      absence: 'port-taken',
      message: 'Something else than Docker Model Runner answers on port 12434.',
      fix: 'End what listens there, or set MODEL_RUNNER_HOST to the address of the runner.',
    },
  ];
  test.each(cases)('$about', async ({ about: _, listens, answers, absence, message, fix, ...machine }) => {
    const outside = world({
      ...machine,
      ...(listens === undefined ? {} : { socket: await socketOf(listens) }),
      ...(answers === undefined ? {} : { port: await runner(answers) }),
    });
    expect(await locate(outside)).toMatchObject({ ok: false, absence, message, fix });
    expect(outside.calls().filter((call) => call.includes('may install'))).toEqual([]);
  });

  test('what was tried is told', async () => {
    const outside = world({
      docker: { runner: false, plugin: 'unknown command' },
      socket: await socketOf('engine'),
    });
    expect(lines(await locate(outside))).toEqual([
      'http://127.0.0.1:12434: nothing listens',
      '/var/run/docker.sock: something else answers',
      '~/.docker/run/docker.sock: nothing listens',
      '~/.docker/desktop/docker.sock: nothing listens',
      'docker version: client 28.5.1, Docker Engine answers',
      'docker model version: the plugin is not installed',
    ]);
  });

  test('whatever hangs, it ends within 5 s', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n');
      const timer = setInterval(() => socket.write(' '), 20);
      socket.on('close', () => clearInterval(timer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(server);
    const { port } = server.address() as AddressInfo;
    const dripping: Endpoint = { name: 'drip', address: { host: '127.0.0.1', port, tls: false }, prefix: '' };
    const silent = await runner({ mute: true });
    const hanging = { hangs: true };
    const start = performance.now();
    const located = await Promise.all([
      locate(world({ port: silent, socket: silent, docker: hanging })),
      locate(world({ port: dripping, docker: hanging })),
      locate(world({ docker: hanging })),
    ]);
    expect(performance.now() - start).toBeLessThan(5000);
    expect(located.map(foundAt)).toEqual(['runner-silent', 'runner-silent', 'docker-silent']);
    expect(located[0]).toMatchObject({
      message: 'Docker Model Runner accepts connections on port 12434 and does not answer.',
      fix: 'Restart it: docker model restart-runner',
    });
    expect(located[2]).toMatchObject({
      message: 'Docker does not answer.',
      fix: 'Restart it: sudo systemctl restart docker',
    });
  });

  test('pitfall 1: a missing plugin, in the three words of docker', async () => {
    const kinds: Plugin[] = ['unknown command', 'unknown flag', 'not a docker command', 'present'];
    const known = await Promise.all(
      kinds.map(async (plugin) => {
        const { folder } = fakeDocker({ plugin });
        return hasPlugin(await runProgram('docker', ['model', 'version'], 5000, { PATH: folder }));
      }),
    );
    expect(known).toEqual([false, false, false, true]);
  });

  test('pitfall 2: nothing that is asked installs the runner', async () => {
    const outside = world({ docker: { runner: false } });
    await locate(outside);
    expect(outside.calls()).toEqual(['context inspect', 'model version', 'version --format {{json .}}']);
    // The fake tells the difference.
    const { folder, calls } = fakeDocker({ runner: false });
    const { stdout } = await runProgram('docker', ['model', 'list', '--json'], 5000, { PATH: folder });
    expect(stdout).toMatch(/^latest: Pulling[^[]*\n\[\]\n$/);
    expect(calls()).toEqual(['model list --json (may install)']);
  });

  test('pitfall 17: a runner of a remote context is not looked for on its socket', async () => {
    const outside = world({ env: { DOCKER_HOST: 'tcp://build:2375' }, docker: { server: 'down' } });
    expect(await locate(outside)).toMatchObject({ absence: 'remote' });
  });
});

describe('MODEL_RUNNER_HOST', () => {
  test.each([
    ['localhost:9', 'http://localhost:9', ''],
    ['http://h', 'http://h', ''],
    ['http://h:80/', 'http://h', ''],
    ['https://h:8443/base/', 'https://h:8443/base', '/base'],
    ['http://[::1]:12434', 'http://[::1]:12434', ''],
    ['unix:///run/dmr.sock', '/run/dmr.sock', ''],
  ])('%s', (text, name, prefix) => {
    expect(parseHost(text)).toMatchObject({ name, prefix });
  });

  test('with TLS where MODEL_RUNNER_TLS asks for it', () => {
    expect(parseHost('h:12444', true)?.address).toEqual({ host: 'h', port: 12444, tls: true });
    expect(parseHost('[::1]:9')?.address).toEqual({ host: '::1', port: 9, tls: false });
  });

  test.each([
    'http://',
    'ftp://h',
    'http://user:secret@h',
    'http://h?x=1',
    'http://h#x',
    'a b',
    'http://h:99999',
    'unix://relative',
    '::',
  ])('%j is refused', async (host) => {
    const located = await locate(world({ env: { MODEL_RUNNER_HOST: host } }));
    expect(located).toMatchObject({
      absence: 'host-invalid',
      fix: 'Write it as http://host:port, without user and password.',
    });
    expect(JSON.stringify(located)).not.toContain('secret');
  });

  test('names a place where nothing answers', async () => {
    const { fake, endpoint } = await modelRunner();
    await fake.close();
    const machine = world({ port: await runner(), env: { MODEL_RUNNER_HOST: endpoint.name } });
    expect(await locate(machine)).toMatchObject({
      absence: 'host-silent',
      message: `MODEL_RUNNER_HOST names ${endpoint.name}, where no Docker Model Runner answers: nothing listens.`,
      fix: 'Start the runner there, or unset MODEL_RUNNER_HOST.',
    });
  });
});

test.each([
  ['[{"Endpoints":{"docker":{"Host":"ssh://u@h"}}}]', {}, 'ssh://u@h'],
  ['[{"Endpoints":{"docker":{"Host":"unix:///x"}}}]', {}, null],
  ['[{"Endpoints":{"docker":{"Host":"unix:///x"}}}]', { DOCKER_HOST: 'tcp://h:1' }, 'tcp://h:1'],
  ['', {}, null],
  ['[null]', {}, null],
  ['{"Endpoints":7}', {}, null],
])('the context %s %j', (stdout, env, host) => {
  expect(remoteHost({ ended: 'ok', code: 0, stdout, stderr: '' }, env)).toBe(host);
});

const real = '/usr/local/bin/docker';
test.skipIf(!existsSync(real) || existsSync('/var/run/docker.sock'))(
  'the real docker, without plugin and daemon',
  async () => {
    const outside = world({ env: { PATH: dirname(real) } });
    const located = await locate(outside);
    expect(located).toMatchObject({ absence: 'daemon-down', fix: 'Start it: sudo systemctl start docker' });
    expect(lines(located).at(-1)).toBe('docker model version: the plugin is not installed');
  },
);

import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { folderOf, write } from './process.ts';

/** The three ways in which docker says that it has no plugin `model`, and one that has it. */
export type Plugin = 'present' | 'unknown command' | 'unknown flag' | 'not a docker command';
export type Server = 'engine' | 'desktop' | 'down' | 'denied' | 'podman';

export interface DockerState {
  server?: Server;
  plugin?: Plugin;
  /** Whether the runner runs. Where it does not, all but few commands of the plugin install it on Docker Engine. */
  runner?: boolean;
  /** Of the current context. */
  host?: string;
  /** It never ends. */
  hangs?: boolean;
}

export interface FakeDocker {
  /** For PATH: nothing else is in it. */
  folder: string;
  /** The argument lists of all calls so far; those that may install the runner end in ` (may install)`. */
  calls(): string[];
}

interface Answer {
  stdout?: string;
  stderr?: string;
  code?: number;
}

const client = (platform: string, context: string) => ({
  Platform: { Name: platform },
  Version: '28.5.1',
  ApiVersion: '1.51',
  Os: 'linux',
  Arch: 'amd64',
  Context: context,
});
const unknownCommand = "\nRun 'docker --help' for more information\n";
const down =
  'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n';
const denied =
  'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock\n';
const chatter =
  'latest: Pulling from docker/model-runner\nSuccessfully pulled docker/model-runner:latest\nCreating model storage volume docker-model-runner-models...\nStarting model runner container docker-model-runner...\n';
const nextSteps =
  "\u001b[1m\nWhat's next:\u001b[0m\n    Enable Docker Model Runner via the CLI → docker desktop enable model-runner\n    Enable Docker Model Runner via the GUI → Go to Settings->AI->Enable Docker Model Runner\n";

function version(server: Server): Answer {
  const isUp = server === 'engine' || server === 'desktop';
  if (server === 'podman') {
    return {
      stdout: `${JSON.stringify({ Client: { Version: '5.4.2', Os: 'linux' } })}\n`,
      stderr: 'Emulate Docker CLI using podman.\n',
    };
  }
  const platform = server === 'desktop' ? 'Docker Desktop 4.49.0 (208700)' : 'Docker Engine - Community';
  const context = server === 'desktop' ? 'desktop-linux' : 'default';
  const told = {
    Client: client('Docker Engine - Community', context),
    Server: isUp ? { Platform: { Name: platform }, Version: '28.5.1', Os: 'linux', Arch: 'amd64' } : null,
  };
  return {
    stdout: `${JSON.stringify(told)}\n`,
    ...(isUp ? {} : { stderr: server === 'denied' ? denied : down, code: 1 }),
  };
}

function model(args: string, { server = 'engine', plugin = 'present', runner = true }: DockerState): Answer {
  if (plugin === 'unknown flag') {
    return {
      stderr: `unknown flag: --json\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n${unknownCommand}`,
      code: 125,
    };
  }
  if (plugin === 'unknown command')
    return { stderr: `docker: unknown command: docker model\n${unknownCommand}`, code: 1 };
  if (plugin === 'not a docker command') {
    return { stderr: "docker: 'model' is not a docker command.\nSee 'docker --help'\n", code: 1 };
  }
  const kind = server === 'desktop' ? 'Docker Desktop' : 'Docker Engine';
  if (args === 'version') {
    const found = runner ? 'v1.2.6' : '(not reachable)';
    return {
      stdout: `Client:\n Version:    v1.2.6\n OS/Arch:    linux/amd64\n\nServer:\n Version:    ${found}\n Engine:     ${kind}\n`,
    };
  }
  if (args === 'status --json') {
    if (server === 'desktop' && !runner) return { stdout: '{"running":false}\n' };
    if (!runner) {
      return {
        stderr:
          'Failed to get Docker Model Runner status: error querying /models: Get "http://localhost:12434/models": dial tcp 127.0.0.1:12434: connect: connection refused\n',
        code: 1,
      };
    }
    const endpoint = 'http://172.17.0.1:12434/v1/';
    const status = { running: true, backends: { 'llama.cpp': 'Running: llama.cpp c22473b' }, kind, endpoint };
    return { stdout: `${JSON.stringify({ ...status, endpointHost: 'http://127.0.0.1:12434/v1/' })}\n` };
  }
  if (args === 'status') {
    return runner
      ? { stdout: 'Docker Model Runner is running\n' }
      : { stdout: `Docker Model Runner is not running\n${nextSteps}`, code: 1 };
  }
  return args === 'list --json' ? { stdout: '[]\n' } : { code: 0 };
}

/** A command `docker` that answers what the real one was recorded to answer. POSIX systems only. */
export function fakeDocker(state: DockerState = {}): FakeDocker {
  const { server = 'engine', runner = true, host = 'unix:///var/run/docker.sock', hangs = false } = state;
  const answers: Record<string, Answer> = {
    '--version': { stdout: 'Docker version 28.5.1, build e180ab8\n' },
    'version --format {{json .}}': version(server),
    'context inspect': {
      stdout: `${JSON.stringify([{ Name: 'default', Endpoints: { docker: { Host: host } } }], null, 4)}\n`,
    },
  };
  for (const args of [
    'version',
    'status',
    'status --json',
    'list --json',
    'install-runner',
    'start-runner',
  ]) {
    answers[`model ${args}`] = model(args, state);
  }
  const folder = folderOf();
  const cases = Object.entries(answers).map(([args, answer], at) => {
    write(folder, { [`${at}.out`]: answer.stdout ?? '', [`${at}.err`]: answer.stderr ?? '' });
    const file = join(folder, String(at));
    return `'${args}') /bin/cat '${file}.out'; /bin/cat '${file}.err' >&2; exit ${answer.code ?? 0};;`;
  });
  write(folder, { calls: '', chatter });
  // Only these do not install the runner on the way.
  const harmless = 'model\\ version|model\\ install-runner*|model\\ start-runner*';
  const installs = server === 'engine' && !runner && (state.plugin ?? 'present') === 'present';
  write(folder, {
    docker: [
      '#!/bin/sh',
      'may=""',
      `case "$*" in ${harmless}) ;; model\\ *) [ -z "$MODEL_RUNNER_NO_AUTO_INSTALL" ] && may=" (may install)";; esac`,
      `echo "$*$may" >> '${join(folder, 'calls')}'`,
      ...(hangs ? ['exec /bin/sleep 600'] : []),
      ...(installs ? [`[ -n "$may" ] && /bin/cat '${join(folder, 'chatter')}'`] : []),
      `case "$*" in`,
      ...cases,
      'esac',
      'echo "unknown: $*" >&2',
      'exit 1',
      '',
    ].join('\n'),
  });
  chmodSync(join(folder, 'docker'), 0o755);
  return {
    folder,
    calls: () => readFileSync(join(folder, 'calls'), 'utf8').split('\n').filter(Boolean).sort(),
  };
}

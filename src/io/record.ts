import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { homedir, hostname, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { cgroupLimitFiles } from '../hardware/detect/linux.ts';
import type { Probe, Ran } from '../hardware/detect/probe.ts';
import type { RecordedRun, RecordedText, Recording } from '../hardware/detect/recording.ts';
import { commandLine } from '../hardware/detect/recording.ts';
import type { Identity } from '../hardware/detect/scrub.ts';
import { scrub } from '../hardware/detect/scrub.ts';
import { short } from '../text/text.ts';
import { writeWhole } from './write.ts';

/** A machine with all its texts, and nothing that identifies it or its user. */
export interface RecordedMachine extends Recording {
  env: Record<string, string>;
  files: Record<string, string>;
  commands: Record<string, RecordedRun & { stdout?: string; stderr?: string }>;
  reachable: string[];
}

/** The environment variables that detection looks at. */
export const recordedVariables = [
  'HOME',
  'XDG_RUNTIME_DIR',
  'SystemRoot',
  'ProgramFiles',
  'NUMBER_OF_PROCESSORS',
  'DOCKER_HOST',
  'WSL_INTEROP',
  'WSL_DISTRO_NAME',
  'KUBERNETES_SERVICE_HOST',
  'container',
];
/** Of these it counts only whether they are set. */
const onlyWhetherSet = new Set(['WSL_INTEROP', 'WSL_DISTRO_NAME', 'KUBERNETES_SERVICE_HOST']);

/** Longer texts are files of their own. */
const longestInline = 160;

/** The names of this machine and its user, which must not be in a recording. */
export function hostIdentity(): Identity {
  const { env } = process;
  const of = (...names: string[]) => names.map((name) => env[name] ?? '');
  return {
    hostNames: [hostname(), ...of('HOSTNAME', 'COMPUTERNAME', 'USERDOMAIN', 'USERDNSDOMAIN')],
    userNames: [userName(), ...of('USER', 'LOGNAME', 'USERNAME', 'SUDO_USER')],
    homeFolders: [homedir(), ...of('HOME', 'USERPROFILE')],
  };
}

/** Empty where the user of this process has no name, as in a container. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}

/** A probe that remembers what it answered. `recording` is what it answered so far, without what identifies. */
export function recordingProbe(
  probe: Probe,
  identity: Identity = hostIdentity(),
): { probe: Probe; recording(): RecordedMachine } {
  const runs = new Map<string, { command: string; args: readonly string[]; ran: Ran }>();
  const files = new Map<string, string>();
  const folders = new Map<string, string[]>();
  const reachable = new Set<string>();
  return {
    probe: {
      ...probe,
      async run(command, args, timeoutMs) {
        const ran = await probe.run(command, args, timeoutMs);
        runs.set(commandLine(command, args), { command, args, ran });
        return ran;
      },
      async readFile(path) {
        const text = await probe.readFile(path);
        if (text !== null) files.set(path, text);
        return text;
      },
      async listFolder(path) {
        const names = await probe.listFolder(path);
        folders.set(path, names);
        return names;
      },
      async reachable(address, timeoutMs) {
        const answer = await probe.reachable(address, timeoutMs);
        if (answer) reachable.add('path' in address ? address.path : `${address.host}:${address.port}`);
        return answer;
      },
    },
    recording() {
      const clean = (text: string) => scrub(text, identity);
      const env = recordedEnvironment(probe.env, clean);
      const moved = movedPaths(probe.env, env, files.get('/proc/self/cgroup') ?? '', clean);
      // Nobody's own words are in a command line: only its program follows the environment.
      const commands = [...runs.values()]
        .filter(({ ran }) => ran.ended !== 'missing')
        .map(
          ({ command, args, ran }) => [commandLine(moved(command), args), recordedRun(ran, clean)] as const,
        );
      return {
        about: 'Recorded by mn target detect --record.',
        platform: probe.platform,
        arch: probe.arch,
        release: clean(probe.release),
        totalMemoryBytes: probe.totalMemoryBytes,
        env,
        files: Object.fromEntries(
          sorted([
            ...listedOnly(folders, files, clean),
            ...[...files].map(([path, text]) => [moved(path), clean(text)] as const),
          ]),
        ),
        commands: Object.fromEntries(sorted(commands)),
        reachable: [...reachable].map(moved).sort(),
      };
    },
  };
}

function sorted<Value>(entries: readonly (readonly [string, Value])[]): (readonly [string, Value])[] {
  return entries.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function recordedEnvironment(env: Probe['env'], clean: (text: string) => string): Record<string, string> {
  const recorded: Record<string, string> = {};
  for (const name of recordedVariables) {
    const value = env[name];
    if (value === undefined) continue;
    recorded[name] = onlyWhetherSet.has(name)
      ? 'REMOVED'
      : name === 'DOCKER_HOST'
        ? withoutPlace(value)
        : clean(value);
  }
  return recorded;
}

/** `tcp://REMOVED` for `tcp://10.1.2.3:2375`: which machine it is does not matter, only that it is another one. */
function withoutPlace(dockerHost: string): string {
  if (dockerHost === '') return '';
  const scheme = /^(?:unix|npipe|tcp|ssh|https?|fd):/i.exec(dockerHost)?.[0];
  return scheme === undefined ? 'REMOVED' : `${scheme}//REMOVED`;
}

/** Paths as a replayed detection asks for them: below the folders of its environment and of its control groups. */
function movedPaths(
  from: Probe['env'],
  to: Readonly<Record<string, string>>,
  selfCgroup: string,
  clean: (text: string) => string,
): (path: string) => string {
  const limits = cgroupLimitFiles(clean(selfCgroup));
  const groups = new Map(cgroupLimitFiles(selfCgroup).map((file, at) => [file, limits[at] ?? clean(file)]));
  const folders = ['HOME', 'XDG_RUNTIME_DIR', 'SystemRoot', 'ProgramFiles']
    .map((name) => [from[name] ?? '', to[name] ?? ''] as const)
    .filter(([folder]) => folder !== '')
    .sort(([a], [b]) => b.length - a.length);
  return (path) => {
    const group = groups.get(path);
    if (group !== undefined) return group;
    const [before = '', after = ''] = folders.find(([folder]) => path.startsWith(folder)) ?? [];
    return after + path.slice(before.length);
  };
}

/**
 * The names that a folder lists, as empty files: a recording has no folders of its own. Those below which a file
 * was read are there already, and those that hold something that identifies are left out.
 */
function listedOnly(
  folders: ReadonlyMap<string, readonly string[]>,
  files: ReadonlyMap<string, string>,
  clean: (text: string) => string,
): (readonly [string, string])[] {
  const listed = [...folders].flatMap(([folder, names]) =>
    names.filter((name) => clean(name) === name).map((name) => `${folder}/${name}`),
  );
  // Every path with all folders above it.
  const inside = new Set<string>();
  for (const path of [...files.keys(), ...listed]) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      inside.add(path.slice(0, end));
    }
  }
  return listed.filter((path) => !files.has(path) && !inside.has(path)).map((path) => [path, ''] as const);
}

function recordedRun(
  { ended, code, stdout, stderr }: Ran,
  clean: (text: string) => string,
): RecordedMachine['commands'][string] {
  return {
    ...(stdout === '' ? {} : { stdout: clean(stdout) }),
    ...(stderr === '' ? {} : { stderr: clean(stderr) }),
    ...(ended === 'failed' && code !== null ? { code } : ended === 'ok' ? {} : { ended }),
  };
}

/**
 * Writes machine.json, and long texts as files beside it, into a new or empty folder: all of them or none.
 * Returns the names of the files. Throws in words where the folder is neither, else what the file system throws.
 */
export function writeRecording(folder: string, recorded: RecordedMachine): string[] {
  refuseUsed(folder);
  const texts = new Map<string, string>();
  const place = (text: string, of: string, kind = ''): RecordedText => {
    if (text.length <= longestInline) return text;
    const file = freeName(fileName(of) + kind, texts);
    texts.set(file, text);
    return { file };
  };
  const machine: Recording = {
    ...recorded,
    files: mapped(recorded.files, (text, path) => place(text, path)),
    commands: mapped(recorded.commands, ({ stdout, stderr, ...run }, line) => ({
      ...(stdout === undefined ? {} : { stdout: place(stdout, programOf(line)) }),
      ...(stderr === undefined ? {} : { stderr: place(stderr, programOf(line), '-stderr') }),
      ...run,
    })),
  };
  // Last, because a folder is a machine as soon as it has this file.
  texts.set('machine.json', `${JSON.stringify(machine, null, 2)}\n`);
  writeAll(folder, texts);
  return [...texts.keys()];
}

function refuseUsed(folder: string): void {
  if (!existsSync(folder)) return;
  const name = short(folder);
  if (!statSync(folder).isDirectory()) throw new Error(`${name} is no folder. Name a new or an empty one.`);
  if (readdirSync(folder).length > 0)
    throw new Error(`The folder ${name} is not empty. Name a new or an empty one.`);
}

function writeAll(folder: string, texts: ReadonlyMap<string, string>): void {
  const made: string[] = [];
  for (let path = resolve(folder); !existsSync(path); path = dirname(path)) made.push(path);
  try {
    for (const [name, text] of texts) writeWhole(join(folder, name), [text]);
  } catch (error) {
    for (const name of texts.keys()) rmSync(join(folder, name), { force: true });
    for (const path of made) if (existsSync(path)) rmdirSync(path);
    throw error;
  }
}

function mapped<From, To>(
  values: Readonly<Record<string, From>>,
  change: (value: From, key: string) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value, key)]));
}

/** The program of a command line, whose path may hold spaces. */
function programOf(line: string): string {
  return /^.*?\.exe(?= |$)/i.exec(line)?.[0] ?? line.split(' ')[0] ?? '';
}

/** `nvidia-smi` for `C:\Windows\System32\nvidia-smi.exe`: letters and digits of the last name in a path. */
function fileName(path: string): string {
  const last = path.split(/[\\/]/).at(-1) ?? '';
  const plain = last
    .toLowerCase()
    .replace(/\.exe$/, '')
    .replace(/[^a-z0-9_]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  // Windows opens devices under these names, with any ending.
  return plain === '' || /^(?:con|prn|aux|nul|com\d|lpt\d)$/.test(plain)
    ? `output${plain && `-${plain}`}`
    : plain;
}

function freeName(name: string, taken: ReadonlyMap<string, string>): string {
  let free = `${name}.txt`;
  for (let number = 2; taken.has(free); number++) free = `${name}-${number}.txt`;
  return free;
}

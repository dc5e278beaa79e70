import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Address, Probe, Ran } from '../../src/hardware/detect/probe.ts';
import type { RecordedRun, RecordedText, Recording } from '../../src/hardware/detect/recording.ts';
import { commandLine } from '../../src/hardware/detect/recording.ts';

const root = import.meta.dirname;

/** The folders that hold a recorded machine. */
export const machineNames = readdirSync(root)
  .filter((name) => existsSync(join(root, name, 'machine.json')))
  .sort();

export function recordingOf(name: string): Recording {
  return JSON.parse(readFileSync(join(root, name, 'machine.json'), 'utf8')) as Recording;
}

/** A machine that answers what was recorded. */
export function replay(name: string, { files = {}, commands = {}, ...machine } = recordingOf(name)): Probe {
  const text = (recorded: RecordedText = '') =>
    typeof recorded === 'string' ? recorded : readFileSync(join(root, name, recorded.file), 'utf8');
  const ranOf = ({ stdout, stderr, code, ended }: RecordedRun): Ran => ({
    ended: ended ?? (code === undefined ? 'ok' : 'failed'),
    code: code ?? (ended === undefined || ended === 'ok' ? 0 : null),
    stdout: text(stdout),
    stderr: text(stderr),
  });
  const listening = new Set(machine.reachable ?? []);
  const nameOf = (address: Address) => ('path' in address ? address.path : `${address.host}:${address.port}`);
  return {
    platform: machine.platform,
    arch: machine.arch,
    release: machine.release,
    totalMemoryBytes: machine.totalMemoryBytes ?? 0,
    env: machine.env ?? {},
    now: () => 0,
    run: async (command, args) => {
      const line = commandLine(command, args);
      return Object.hasOwn(commands, line)
        ? ranOf(commands[line] as RecordedRun)
        : { ended: 'missing', code: null, stdout: '', stderr: '' };
    },
    readFile: async (path) => (Object.hasOwn(files, path) ? text(files[path]) : null),
    listFolder: async (folder) => {
      const below = Object.keys(files).filter((path) => path.startsWith(`${folder}/`));
      return [...new Set(below.map((path) => path.slice(folder.length + 1).split('/')[0] ?? ''))];
    },
    reachable: async (address) => listening.has(nameOf(address)),
  };
}

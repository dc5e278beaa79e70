import { gigabytes } from '../../text/text.ts';
import { wordsOf } from './answers.ts';
import type { Detection, Fact, Note } from './detection.ts';
import type { Probe } from './probe.ts';
import { toGib } from './probe.ts';

/** `MemTotal` (or another line) of /proc/meminfo in bytes; null where it has none. */
export function parseMeminfo(meminfo: string, name: 'MemTotal' | 'MemAvailable'): number | null {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo);
  return match === null ? null : Number(match[1]) * 1024;
}

/**
 * The files that may limit the memory of a process, from its /proc/self/cgroup
 * (v1 and v2): of its own group and of all groups around it. In a container
 * the group's path may exist on the host only; the root's file is then the
 * container's own.
 */
export function cgroupLimitFiles(selfCgroup: string): string[] {
  const files: string[] = [];
  for (const line of selfCgroup.split('\n')) {
    const [, id, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line.trim()) ?? [];
    if (path === undefined) continue;
    const v2 = id === '0' && controllers === '';
    if (!v2 && !controllers?.split(',').includes('memory')) continue;
    const root = v2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory';
    const file = v2 ? 'memory.max' : 'memory.limit_in_bytes';
    // A path with `..` is outside of what this process sees.
    const names = path.split('/').filter((name) => name !== '');
    const visible = names.includes('..') ? [] : names.slice(0, 64);
    for (let depth = visible.length; depth >= 0; depth--) {
      files.push([root, ...visible.slice(0, depth), file].join('/'));
    }
  }
  return files;
}

/** A memory limit of a group in bytes; null for none (`max`, or the huge number of v1). */
export function parseCgroupLimit(text: string): number | null {
  const bytes = Number(text.trim() || Number.NaN);
  return Number.isInteger(bytes) && bytes > 0 && bytes < 2 ** 60 ? bytes : null;
}

/** Whether this is WSL, by its environment or the version of its kernel. */
export function isWsl(env: Readonly<Record<string, string | undefined>>, kernelVersion: string): boolean {
  return (
    env['WSL_INTEROP'] !== undefined ||
    env['WSL_DISTRO_NAME'] !== undefined ||
    /microsoft/i.test(kernelVersion)
  );
}

/**
 * The board by /proc/device-tree/model, which ends with a NUL, as people call
 * it: `Raspberry Pi 5` for `Raspberry Pi 5 Model B Rev 1.0`.
 */
export function parseBoard(model: string): string | null {
  return wordsOf(model)?.replace(/( Model \S+)? Rev [\d.]+$/, '') || null;
}

/** Model and number of the processors in /proc/cpuinfo; those of ARM have no name there. */
export function parseCpuinfo(cpuinfo: string): {
  model: string | null;
  cores: number | null;
  guest: boolean;
} {
  const cores = cpuinfo.match(/^processor\s*:/gm)?.length ?? 0;
  return {
    model: wordsOf(/^model name\s*:(.*)$/m.exec(cpuinfo)?.[1]),
    cores: cores > 0 ? cores : null,
    guest: /^flags\s*:.*\bhypervisor\b/m.test(cpuinfo),
  };
}

/** `Ubuntu 24.04.1 LTS` by /etc/os-release. */
export function parseOsRelease(osRelease: string): string | null {
  return wordsOf(/^PRETTY_NAME=(["']?)(.*)\1\s*$/m.exec(osRelease)?.[2]);
}

/** Kinds of virtual machines by what firmware calls itself (DMI: maker and product). */
const virtualMachines: readonly (readonly [RegExp, string])[] = [
  [/Microsoft Corporation Virtual Machine/i, 'Hyper-V'],
  [/VMware/i, 'VMware'],
  [/VirtualBox|innotek/i, 'VirtualBox'],
  [/Parallels/i, 'Parallels'],
  [/Amazon EC2/i, 'Amazon EC2'],
  [/Google Compute Engine/i, 'Google Compute Engine'],
  [/DigitalOcean|Hetzner|OpenStack|Alibaba Cloud|Scaleway/i, 'cloud'],
  [/Xen\b/i, 'Xen'],
  [/Apple Virtualization/i, 'Apple Virtualization'],
  [/\bKVM\b|QEMU|Bochs/i, 'KVM'],
];

/** The kind of a virtual machine by its maker and product; null for hardware. Metal instances of EC2 are hardware. */
export function virtualMachineOf(maker: string, product: string): string | null {
  const name = `${maker} ${product}`;
  if (/\.metal/i.test(product)) return null;
  return virtualMachines.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** Kinds of containers by the names of their control groups. */
const containerGroups: readonly (readonly [RegExp, string])[] = [
  [/kubepods/, 'Kubernetes'],
  [/libpod/, 'Podman'],
  [/\/docker[/-]/, 'Docker'],
  [/\/lxc[/.]/, 'LXC'],
  [/containerd[:/-]|\/machine\.slice\//, 'other'],
];

/** The kind of container that a process runs in, by files at the root, its environment and its control groups. */
export function containerOf(
  files: { dockerEnv: string | null; containerEnv: string | null; selfCgroup: string },
  env: Readonly<Record<string, string | undefined>>,
): Fact<string> | null {
  if (env['KUBERNETES_SERVICE_HOST'] !== undefined) {
    return { value: 'Kubernetes', source: 'KUBERNETES_SERVICE_HOST' };
  }
  if (files.containerEnv !== null) return { value: 'Podman', source: '/run/.containerenv' };
  if (files.dockerEnv !== null) return { value: 'Docker', source: '/.dockerenv' };
  const group = containerGroups.find(([pattern]) => pattern.test(files.selfCgroup));
  if (group !== undefined) return { value: group[1], source: '/proc/self/cgroup' };
  if (env['container'] === undefined || env['container'] === '') return null;
  const kind = { podman: 'Podman', docker: 'Docker', lxc: 'LXC', 'systemd-nspawn': 'systemd-nspawn' };
  const named = env['container'];
  return {
    value: Object.hasOwn(kind, named) ? kind[named as keyof typeof kind] : 'other',
    source: 'environment variable container',
  };
}

export type LinuxSystem = Pick<
  Detection,
  'wsl' | 'container' | 'virtualMachine' | 'board' | 'cpu' | 'memory' | 'release'
> & { notes: Note[] };

/** Everything but GPUs and Docker, all of it from files. */
export async function linuxSystem(probe: Probe): Promise<LinuxSystem> {
  const read = (path: string) => probe.readFile(path);
  const [meminfo, selfCgroup, cpuinfo, version, osRelease, model, dockerEnv, containerEnv, maker, product] =
    await Promise.all([
      read('/proc/meminfo'),
      read('/proc/self/cgroup'),
      read('/proc/cpuinfo'),
      read('/proc/version'),
      read('/etc/os-release'),
      read('/proc/device-tree/model'),
      read('/.dockerenv'),
      read('/run/.containerenv'),
      read('/sys/class/dmi/id/sys_vendor'),
      read('/sys/class/dmi/id/product_name'),
    ]);
  const wsl = isWsl(probe.env, `${version ?? ''} ${probe.release}`);
  const cpu = parseCpuinfo(cpuinfo ?? '');
  const memory = await linuxMemory(probe, meminfo ?? '', selfCgroup ?? '');
  const board = parseBoard(model ?? '');
  const container = containerOf({ dockerEnv, containerEnv, selfCgroup: selfCgroup ?? '' }, probe.env);
  const notes: Note[] = [];
  if (memory.physicalGib === null) {
    notes.push({
      about: 'memory',
      text: 'The memory could not be read. Give memory_gb in a targets file.',
    });
  }
  if (memory.limitGib !== null) {
    notes.push({
      about: 'memory',
      text: `A control group limits the memory to ${gigabytes(memory.limitGib.value)}${memory.physicalGib === null ? '' : ` of ${gigabytes(memory.physicalGib.value)}`}. Models that Docker runs do not count against it; raise the limit, or check on the machine itself.`,
    });
  }
  if (wsl) {
    notes.push({
      about: 'wsl',
      text: `WSL2 sees ${memory.physicalGib === null ? 'a part' : gigabytes(memory.physicalGib.value)} of the memory of this PC, by default half of it. Set memory in .wslconfig to change that.`,
    });
  }
  const name = parseOsRelease(osRelease ?? '');
  const dmi = virtualMachineOf(maker?.trim() ?? '', product?.trim() ?? '');
  return {
    release: {
      value: name === null ? probe.release : `${name}, kernel ${probe.release}`,
      source: name === null ? 'uname -r' : '/etc/os-release, uname -r',
    },
    wsl: { value: wsl, source: 'WSL_DISTRO_NAME, WSL_INTEROP, /proc/version' },
    container,
    virtualMachine: wsl
      ? { value: 'WSL2', source: '/proc/version' }
      : dmi !== null
        ? { value: dmi, source: '/sys/class/dmi/id' }
        : cpu.guest
          ? { value: 'other', source: '/proc/cpuinfo' }
          : null,
    board: board === null ? null : { value: board, source: '/proc/device-tree/model' },
    cpu: {
      model: cpu.model === null ? null : { value: cpu.model, source: '/proc/cpuinfo' },
      cores: cpu.cores === null ? null : { value: cpu.cores, source: '/proc/cpuinfo' },
    },
    memory,
    notes,
  };
}

/** All memory, the smallest limit of the own control group and of those around it, and what is free. */
async function linuxMemory(probe: Probe, meminfo: string, selfCgroup: string): Promise<Detection['memory']> {
  const fromFile = parseMeminfo(meminfo, 'MemTotal');
  const total = toGib(fromFile ?? probe.totalMemoryBytes);
  const limits = await Promise.all(
    cgroupLimitFiles(selfCgroup).map(async (file) => ({
      file,
      gib: toGib(parseCgroupLimit((await probe.readFile(file)) ?? '') ?? 0),
    })),
  );
  let limitGib: Fact<number> | null = null;
  for (const { gib, file } of limits) {
    if (gib === null || gib >= (limitGib?.value ?? total ?? Number.POSITIVE_INFINITY)) continue;
    // The names of groups may hold ids of containers and users.
    limitGib = { value: gib, source: `${file.slice(file.lastIndexOf('/') + 1)} of a control group` };
  }
  const available = toGib(parseMeminfo(meminfo, 'MemAvailable') ?? 0);
  return {
    physicalGib:
      total === null
        ? null
        : { value: total, source: fromFile === null ? 'the operating system' : '/proc/meminfo' },
    limitGib,
    availableGib:
      available === null
        ? null
        : {
            value: limitGib === null ? available : Math.min(available, limitGib.value),
            source: '/proc/meminfo',
          },
  };
}

/** `MemTotal` of /proc/meminfo in bytes; null where it has none. */
export function parseMemTotal(meminfo: string): number | null {
  const match = /^MemTotal:\s+(\d+) kB$/m.exec(meminfo);
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
    const visible = names.includes('..') ? [] : names;
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
  const name = model.replaceAll('\0', '').trim();
  return name.replace(/( Model \S+)? Rev [\d.]+$/, '') || null;
}

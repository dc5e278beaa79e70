import type { Gpu } from '../facts.ts';

/** What `parseNvidiaSmi` reads. */
export const nvidiaSmiArgs = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits'];

/** Systems on a chip, whose GPU has no memory of its own: GB10 (DGX Spark), Jetson. */
const unifiedNames = /GB10|GB20|Orin|Thor|\(nvgpu\)/i;

/**
 * The cards that `nvidia-smi` lists, with MiB turned into GiB; equal cards are
 * one entry with a count. Memory that it does not tell (`[N/A]`, `Not
 * Supported`, `[Insufficient Permissions]`, …) is null. Lines that are no card,
 * such as its error messages, are left out.
 */
export function parseNvidiaSmi(stdout: string): Gpu[] {
  const cards = new Map<string, Gpu>();
  for (const line of stdout.split('\n')) {
    const match =
      /^\s*(\S.*?)\s*,\s*(\d+|\[?(?:N\/A|Not Supported|Insufficient Permissions|Unknown Error)\]?|)\s*$/.exec(
        line,
      );
    if (match === null) continue;
    const [, full, memory] = match as unknown as [string, string, string];
    const mib = Number(memory || Number.NaN);
    const vramGb = mib > 0 ? Number((mib / 1024).toFixed(3)) : null;
    const known = cards.get(`${full},${vramGb}`);
    if (known !== undefined) known.count++;
    else {
      cards.set(`${full},${vramGb}`, {
        vendor: 'nvidia',
        name: full.replace(/^NVIDIA\s+/i, '').replace(/^GeForce\s+/i, ''),
        vramGb,
        count: 1,
        api: 'cuda',
        integrated: vramGb === null && unifiedNames.test(full),
      });
    }
  }
  return [...cards.values()];
}

/**
 * Where `nvidia-smi` may be. On Windows never by its bare name alone: a program
 * of that name in the folder that is checked must not run.
 */
export function nvidiaSmiPlaces(
  platform: string,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  if (platform === 'linux') return ['nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi'];
  if (platform !== 'win32') return [];
  const system = env['SystemRoot'] ?? 'C:\\Windows';
  const programs = env['ProgramFiles'] ?? 'C:\\Program Files';
  return [`${system}\\System32\\nvidia-smi.exe`, `${programs}\\NVIDIA Corporation\\NVSMI\\nvidia-smi.exe`];
}

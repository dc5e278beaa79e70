import type { Gpu } from '../facts.ts';

/** Prints the name of each video controller on a line of its own. */
export const videoControllerArgs = [
  '-NoProfile',
  '-NonInteractive',
  '-Command',
  'Get-CimInstance Win32_VideoController | Select-Object -ExpandProperty Name',
];

/** Windows PowerShell, which every Windows has. A full path: see `nvidiaSmiPlaces`. */
export function powershell(env: Readonly<Record<string, string | undefined>>): string {
  return `${env['SystemRoot'] ?? 'C:\\Windows'}\\System32\\WindowsPowerShell\\v1.0\\powershell.exe`;
}

/** The Adreno among the names of video controllers (`Qualcomm(R) Adreno(TM) X1-85 GPU`); null for none. */
export function parseAdreno(names: string): Gpu | null {
  const match = /Adreno\s*(?:\(TM\))?\s*(X\d(?:-\d+)?|\d{3})/i.exec(names);
  if (match === null) return null;
  return {
    vendor: 'qualcomm',
    name: `Adreno ${match[1]?.toUpperCase()}`,
    vramGb: null,
    count: 1,
    api: 'opencl',
    integrated: true,
  };
}

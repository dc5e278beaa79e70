import { gigabytes, short } from '../text/text.ts';
import type { Gpu, GpuVendor, HardwareFacts } from './facts.ts';

/** One line for people: `Linux x64, NVIDIA RTX 2060 6 GB, 31 GB RAM`. Names in it are safe to print. */
export function describeFacts(facts: HardwareFacts): string {
  const parts = [system(facts), ...facts.gpus.map(gpuText)];
  const speaksForItself = facts.os === 'darwin' || facts.board !== null;
  if (facts.gpus.length === 0 && !speaksForItself) parts.push('no GPU');
  if (facts.unifiedMemoryGb !== null) parts.push(`${rounded(facts.unifiedMemoryGb)} unified memory`);
  else if (facts.memoryGb !== null) parts.push(`${rounded(facts.memoryGb)} RAM`);
  else parts.push('memory unknown');
  return parts.join(', ');
}

const systems = { linux: 'Linux', darwin: 'macOS', win32: 'Windows' } as const;

function system({ os, arch, wsl, board }: HardwareFacts): string {
  if (board !== null) return short(board, 60);
  if (os === 'darwin') return arch === 'arm64' ? 'Apple Silicon' : 'Intel Mac';
  return `${wsl ? 'WSL2' : systems[os]} ${arch}`;
}

const vendors: Record<GpuVendor, string> = {
  nvidia: 'NVIDIA',
  amd: 'AMD',
  intel: 'Intel',
  apple: 'Apple',
  qualcomm: 'Qualcomm',
  other: '',
};

function gpuText(gpu: Gpu): string {
  const vendor = vendors[gpu.vendor];
  const name = gpu.name === null ? 'GPU' : short(gpu.name, 60);
  const called = name.toLowerCase().includes(vendor.toLowerCase()) ? name : `${vendor} ${name}`;
  const cards = gpu.count > 1 ? `${gpu.count} × ${called}` : called;
  // The carve-out of an integrated GPU says nothing about it.
  if (gpu.integrated) return cards;
  return gpu.vramGb === null ? `${cards} (VRAM unknown)` : `${cards} ${rounded(gpu.vramGb)}`;
}

/** Whole GB from 10 up: nobody says 31.2 GB of a computer. */
function rounded(gb: number): string {
  return gigabytes(gb < 10 ? gb : Math.round(gb));
}

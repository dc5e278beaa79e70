import type { Gpu, HardwareFacts, Target } from './facts.ts';
import { defaultEngine } from './facts.ts';

// Sources of the figures: memory of devices from @huggingface/tasks 0.21.54 (SKUS, MIT), of
// GitHub's runners from GitHub's documentation, of MIG slices from nvidia-smi readings. Memory
// of the device is its maker's figure; main memory beside a card is a usual configuration.

function target(id: string, name: string, facts: Partial<HardwareFacts>): Target {
  const os = facts.os ?? 'linux';
  const wsl = facts.wsl ?? false;
  return {
    id,
    name,
    facts: {
      os,
      arch: facts.arch ?? 'x64',
      wsl,
      engine: defaultEngine(os, wsl),
      gpus: facts.gpus ?? [],
      unifiedMemoryGb: facts.unifiedMemoryGb ?? null,
      memoryGb: facts.memoryGb ?? null,
      board: facts.board ?? null,
      measured: false,
    },
    required: true,
    runsOn: null,
  };
}

function card(vendor: Gpu['vendor'], name: string | null, vramGb: number | null, api: string | null): Gpu {
  return { vendor, name, vramGb, count: 1, api, integrated: false };
}

/** Memory in GB throughout, main memory last. */
function mac(id: string, name: string, gb: number): Target {
  return target(id, `${name}, ${gb} GB`, { os: 'darwin', arch: 'arm64', unifiedMemoryGb: gb, memoryGb: gb });
}

function nvidia(id: string, name: string, vramGb: number, gb: number, gpu: string | null = name): Target {
  return target(id, name, { gpus: [card('nvidia', gpu, vramGb, 'cuda')], memoryGb: gb });
}

/** GPU and processor share all memory. */
function nvidiaUnified(id: string, name: string, gpu: string, gb: number): Target {
  const gpus = [{ ...card('nvidia', gpu, null, 'cuda'), integrated: true }];
  return target(id, name, { arch: 'arm64', gpus, unifiedMemoryGb: gb, memoryGb: gb });
}

function amd(id: string, name: string, vramGb: number, gb: number, gpu: string | null = name): Target {
  return target(id, name, { gpus: [card('amd', gpu, vramGb, 'rocm')], memoryGb: gb });
}

function cpu(id: string, name: string, gb: number, arch: 'x64' | 'arm64' = 'x64'): Target {
  return target(id, name, { arch, memoryGb: gb });
}

function windows(id: string, name: string, gb: number, gpu: Gpu | null = null): Target {
  return target(id, name, { os: 'win32', gpus: gpu === null ? [] : [gpu], memoryGb: gb });
}

function adreno(id: string, name: string, gpu: string, gb: number): Target {
  const gpus = [{ ...card('qualcomm', gpu, null, 'opencl'), integrated: true }];
  return target(id, `${name}, ${gb} GB`, {
    os: 'win32',
    arch: 'arm64',
    gpus,
    unifiedMemoryGb: gb,
    memoryGb: gb,
  });
}

function raspberryPi(id: string, name: string, board: string, gb: number): Target {
  return target(id, name, { arch: 'arm64', memoryGb: gb, board });
}

/** One for each row of the specification's hardware table, in its order (two where a row names two systems). */
const rows: readonly Target[] = [
  mac('apple-silicon-16gb', 'Apple Silicon', 16),
  mac('apple-silicon-8gb', 'Apple Silicon', 8),
  nvidia('nvidia-8gb', 'NVIDIA, 8 GB VRAM', 8, 16, null),
  target('nvidia-wsl2-8gb', 'WSL2, NVIDIA, 8 GB VRAM', {
    wsl: true,
    gpus: [card('nvidia', null, 8, 'cuda')],
    memoryGb: 16,
  }),
  target('nvidia-arm64-8gb', 'Linux ARM64, NVIDIA, 8 GB VRAM', {
    arch: 'arm64',
    gpus: [card('nvidia', null, 8, 'cuda')],
    memoryGb: 16,
  }),
  nvidia('nvidia-6gb', 'NVIDIA, 6 GB VRAM', 6, 16, null),
  amd('amd-8gb', 'AMD on Linux, 8 GB VRAM', 8, 16, null),
  cpu('cpu-32gb', 'CPU only, 32 GB RAM', 32),
  target('intel-mac', 'Intel Mac', { os: 'darwin', memoryGb: 16 }),
  windows('windows-no-gpu', 'Windows without supported GPU', 16),
  adreno('windows-arm64-adreno-16gb', 'Windows ARM64, Adreno', 'Adreno X1-85', 16),
  raspberryPi('raspberry-pi', 'Raspberry Pi', 'Raspberry Pi 5', 8),
];

const devices: readonly Target[] = [
  mac('mac-neo-8', 'MacBook Neo', 8),
  mac('mac-m1-8', 'Apple M1', 8),
  mac('mac-m1-16', 'Apple M1', 16),
  mac('mac-m1-pro-16', 'Apple M1 Pro', 16),
  mac('mac-m1-max-32', 'Apple M1 Max', 32),
  mac('mac-m2-8', 'Apple M2', 8),
  mac('mac-m2-16', 'Apple M2', 16),
  mac('mac-m2-24', 'Apple M2', 24),
  mac('mac-m3-pro-18', 'Apple M3 Pro', 18),
  mac('mac-m3-max-36', 'Apple M3 Max', 36),
  mac('mac-m3-ultra-96', 'Apple M3 Ultra', 96),
  mac('mac-m4-16', 'Apple M4', 16),
  mac('mac-m4-pro-24', 'Apple M4 Pro', 24),
  mac('mac-m4-pro-48', 'Apple M4 Pro', 48),
  mac('mac-m4-max-128', 'Apple M4 Max', 128),
  mac('mac-m5-16', 'Apple M5', 16),
  mac('mac-m5-24', 'Apple M5', 24),
  target('mac-intel-16', 'Intel Mac, 16 GB', { os: 'darwin', memoryGb: 16 }),
  // A virtual machine without usable Metal; judged by its memory all the same (decision 13).
  mac('gh-macos-latest', 'GitHub macos-latest', 7),
  mac('gh-macos-xlarge', 'GitHub macos-xlarge', 14),
  target('gh-macos-intel', 'GitHub macos-intel, 14 GB', { os: 'darwin', memoryGb: 14 }),

  nvidia('rtx-5090', 'RTX 5090', 32, 32),
  nvidia('rtx-5080', 'RTX 5080', 16, 32),
  nvidia('rtx-5070', 'RTX 5070', 12, 32),
  nvidia('rtx-5060-ti-16', 'RTX 5060 Ti, 16 GB', 16, 32, 'RTX 5060 Ti'),
  nvidia('rtx-5060', 'RTX 5060', 8, 32),
  nvidia('rtx-4090', 'RTX 4090', 24, 32),
  nvidia('rtx-4080', 'RTX 4080', 16, 32),
  nvidia('rtx-4070', 'RTX 4070', 12, 32),
  nvidia('rtx-4060-ti-16', 'RTX 4060 Ti, 16 GB', 16, 32, 'RTX 4060 Ti'),
  nvidia('rtx-4060', 'RTX 4060', 8, 32),
  nvidia('rtx-4050-laptop', 'RTX 4050 Laptop', 6, 32),
  nvidia('rtx-3090', 'RTX 3090', 24, 32),
  nvidia('rtx-3080', 'RTX 3080', 10, 32),
  nvidia('rtx-3070', 'RTX 3070', 8, 32),
  nvidia('rtx-3060', 'RTX 3060, 12 GB', 12, 32, 'RTX 3060'),
  nvidia('rtx-3060-laptop', 'RTX 3060 Laptop', 6, 32),
  nvidia('rtx-3050-laptop', 'RTX 3050 Laptop', 4, 32),
  nvidia('rtx-2080-ti', 'RTX 2080 Ti', 11, 32),
  nvidia('rtx-2060', 'RTX 2060', 6, 32),
  nvidia('gtx-1080-ti', 'GTX 1080 Ti', 11, 32),
  nvidia('gtx-1660', 'GTX 1660', 6, 32),
  nvidia('gtx-1650', 'GTX 1650', 4, 32),
  // Windows gives WSL2 half of its memory.
  target('wsl2-rtx-4060', 'WSL2, RTX 4060', {
    wsl: true,
    gpus: [card('nvidia', 'RTX 4060', 8, 'cuda')],
    memoryGb: 16,
  }),
  windows('win-rtx-4070', 'Windows, RTX 4070', 32, card('nvidia', 'RTX 4070', 12, 'cuda')),
  nvidia('gh-gpu-t4', 'GitHub GPU runner, Tesla T4', 16, 28, 'Tesla T4'),
  nvidia('t4', 'Tesla T4', 16, 32),
  nvidia('l4', 'NVIDIA L4', 24, 64, 'L4'),
  nvidia('a10', 'NVIDIA A10', 24, 64, 'A10'),
  nvidia('l40s', 'NVIDIA L40S', 48, 128, 'L40S'),
  nvidia('a100-40', 'NVIDIA A100, 40 GB', 40, 128, 'A100'),
  nvidia('a100-80', 'NVIDIA A100, 80 GB', 80, 256, 'A100'),
  nvidia('a100-mig-1g5', 'NVIDIA A100, MIG 1g.5gb', 4.75, 128, 'A100 MIG 1g.5gb'),
  nvidia('a100-mig-3g20', 'NVIDIA A100, MIG 3g.20gb', 19.5, 128, 'A100 MIG 3g.20gb'),
  nvidia('h100-80', 'NVIDIA H100, 80 GB', 80, 256, 'H100'),
  nvidia('h200', 'NVIDIA H200', 141, 256, 'H200'),
  nvidia('rtx-pro-6000', 'RTX PRO 6000 Blackwell', 96, 128),
  nvidiaUnified('dgx-spark', 'DGX Spark, 128 GB', 'GB10', 128),
  nvidiaUnified('jetson-agx-orin-64', 'Jetson AGX Orin, 64 GB', 'Jetson AGX Orin', 64),
  nvidiaUnified('jetson-orin-nx-16', 'Jetson Orin NX, 16 GB', 'Jetson Orin NX', 16),
  nvidiaUnified('jetson-orin-nano-8', 'Jetson Orin Nano, 8 GB', 'Jetson Orin Nano', 8),

  amd('rx-7900-xtx', 'RX 7900 XTX', 24, 32),
  amd('rx-7800-xt', 'RX 7800 XT', 16, 32),
  amd('rx-7600', 'RX 7600', 8, 32),
  amd('rx-6700-xt', 'RX 6700 XT', 12, 32),
  amd('rx-6600', 'RX 6600', 8, 32),
  amd('rx-9070-xt', 'RX 9070 XT', 16, 32),
  amd('r9700', 'Radeon AI PRO R9700', 32, 32),
  amd('mi300x', 'Instinct MI300X', 192, 32),
  amd('rx-5600-xt', 'RX 5600 XT', 6, 32),
  target('strix-halo-128', 'Ryzen AI Max+ 395, 128 GB', {
    gpus: [{ ...card('amd', 'Radeon 8060S', null, 'rocm'), integrated: true }],
    unifiedMemoryGb: 128,
    memoryGb: 128,
  }),
  // Its own memory is a carve-out of the machine's.
  target('radeon-780m-32', 'Radeon 780M, 32 GB RAM', {
    gpus: [{ ...card('amd', 'Radeon 780M', 0.5, 'vulkan'), integrated: true }],
    memoryGb: 32,
  }),
  windows('win-rx-7900-xtx', 'Windows, RX 7900 XTX', 32, card('amd', 'RX 7900 XTX', 24, null)),
  target('arc-b580', 'Arc B580', { gpus: [card('intel', 'Arc B580', 12, 'vulkan')], memoryGb: 32 }),
  windows('win-arc-b580', 'Windows, Arc B580', 32, card('intel', 'Arc B580', 12, null)),

  cpu('linux-cpu-16', 'Linux, no GPU, 16 GB RAM', 16),
  cpu('linux-cpu-32', 'Linux, no GPU, 32 GB RAM', 32),
  cpu('linux-cpu-64', 'Linux, no GPU, 64 GB RAM', 64),
  cpu('linux-arm-cpu-64', 'Linux ARM64, no GPU, 64 GB RAM', 64, 'arm64'),
  cpu('gh-ubuntu-latest', 'GitHub ubuntu-latest', 16),
  cpu('gh-ubuntu-private', 'GitHub ubuntu-latest, private', 8),
  cpu('gh-ubuntu-slim', 'GitHub ubuntu-slim', 5),
  cpu('gh-ubuntu-arm', 'GitHub ubuntu-24.04-arm', 16, 'arm64'),
  cpu('gh-ubuntu-8core', 'GitHub larger runner, 32 GB RAM', 32),
  windows('gh-windows-latest', 'GitHub windows-latest', 16),
  target('gh-windows-11-arm', 'GitHub windows-11-arm', { os: 'win32', arch: 'arm64', memoryGb: 16 }),
  windows('win-nogpu-64', 'Windows, no GPU, 64 GB RAM', 64),

  adreno('snapdragon-x-elite-16', 'Snapdragon X Elite', 'Adreno X1-85', 16),
  adreno('snapdragon-x-elite-32', 'Snapdragon X Elite', 'Adreno X1-85', 32),
  adreno('snapdragon-x-plus-16', 'Snapdragon X Plus', 'Adreno X1-45', 16),
  adreno('snapdragon-x2-elite-32', 'Snapdragon X2 Elite', 'Adreno X2-90', 32),
  adreno('8cx-gen3-16', 'Snapdragon 8cx Gen 3', 'Adreno 690', 16),
  adreno('8cx-gen3-8', 'Snapdragon 8cx Gen 3', 'Adreno 690', 8),
  adreno('sq1-16', 'Surface Pro X SQ1', 'Adreno 685', 16),

  raspberryPi('rpi-4-8', 'Raspberry Pi 4, 8 GB', 'Raspberry Pi 4', 8),
  raspberryPi('rpi-5-8', 'Raspberry Pi 5, 8 GB', 'Raspberry Pi 5', 8),
  raspberryPi('rpi-5-16', 'Raspberry Pi 5, 16 GB', 'Raspberry Pi 5', 16),
];

/** Known machines, all required; those of the table's rows first. Figures are declared, in GB as sold. */
export const presets: readonly Target[] = [...rows, ...devices];

/** Ids of the presets of the table's rows, in the order of the table. */
export const rowPresetIds: readonly string[] = rows.map(({ id }) => id);

const byId = new Map(presets.map((preset) => [preset.id, preset]));

/** The preset of this id, or undefined. */
export function findPreset(id: string): Target | undefined {
  return byId.get(id);
}

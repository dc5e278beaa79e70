import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { builtInEntries } from '../src/catalog/built-in.ts';
import { buildCatalog } from '../src/catalog/catalog.ts';
import type { CatalogEntry, Requirements } from '../src/catalog/entry.ts';
import { Assessments } from '../src/check/assessments.ts';
import { alternative, runs } from '../src/compatibility/advice.ts';
import { assess, effectiveBackend, meets } from '../src/compatibility/assess.ts';
import { adrenoGeneration, readMachine } from '../src/compatibility/machine.ts';
import { firstMatch, table } from '../src/compatibility/table.ts';
import type { Verdict } from '../src/compatibility/verdict.ts';
import { statuses } from '../src/compatibility/verdict.ts';
import type { Gpu, HardwareFacts, Target } from '../src/hardware/facts.ts';
import { architectures, engines, gpuVendors, operatingSystems } from '../src/hardware/facts.ts';
import { presets } from '../src/hardware/presets.ts';

const [gemma, nemotron, embedding] = builtInEntries as [CatalogEntry, CatalogEntry, CatalogEntry];
const entry = (requirements: Requirements, more: Partial<CatalogEntry> = {}): CatalogEntry => ({
  ...gemma,
  id: 'house',
  requirements,
  ...more,
});
const onVllm = (requirements: Requirements = gemma.requirements) =>
  entry(requirements, { backend: 'vllm', backends: ['vllm', 'llama.cpp'] });

type Facts = Partial<HardwareFacts>;
const nothing: HardwareFacts = {
  os: 'linux',
  arch: 'x64',
  wsl: false,
  engine: 'docker-engine',
  gpus: [],
  unifiedMemoryGb: null,
  memoryGb: null,
  board: null,
  measured: false,
};
const target = (facts: Facts): Target => ({
  id: 't',
  name: 'T',
  facts: { ...nothing, ...facts },
  required: true,
  runsOn: null,
});
const judge = (facts: Facts, model = gemma, backend = effectiveBackend(null, model), force = false) =>
  assess(model, backend, target(facts), force);
/** `pass llama.cpp/CUDA nvidia`. */
const line = ({ status, backend, accelerator, rule }: Verdict) =>
  `${status} ${backend}/${accelerator ?? '–'} ${rule}`;

const gpu = (vendor: Gpu['vendor'], vramGb: number | null, more: Partial<Gpu> = {}): Gpu => ({
  vendor,
  name: null,
  vramGb,
  count: 1,
  api: null,
  integrated: false,
  ...more,
});
const nvidia = (gb: number | null, more: Partial<Gpu> = {}) => ({ gpus: [gpu('nvidia', gb, more)] });
const amd = (gb: number | null, more: Partial<Gpu> = {}) => ({ gpus: [gpu('amd', gb, more)] });
const mac = (gb: number | null): Facts => ({
  os: 'darwin',
  arch: 'arm64',
  unifiedMemoryGb: gb,
  memoryGb: gb,
});
const cpu = (gb: number | null): Facts => ({ memoryGb: gb });
const measured = { measured: true };
const windows = { os: 'win32', engine: 'docker-desktop' } as const;
const wsl = { wsl: true, engine: 'docker-desktop' } as const;
const arm = { arch: 'arm64' } as const;
const pi = (gb: number | null): Facts => ({ ...arm, memoryGb: gb, board: 'Raspberry Pi 5 Model B Rev 1.0' });
const adreno = (name: string | null, gb: number | null): Facts => ({
  ...windows,
  ...arm,
  gpus: [gpu('qualcomm', null, { name, integrated: true })],
  unifiedMemoryGb: gb,
  memoryGb: gb,
});
const unified = (gb: number | null): Facts => ({
  ...arm,
  gpus: [gpu('nvidia', null, { integrated: true })],
  unifiedMemoryGb: gb,
  memoryGb: gb,
});

describe('the hardware table of the specification, row by row', () => {
  test.each<[string, Facts[], string]>([
    [
      'Apple Silicon, 16GB+ unified memory',
      [mac(16), mac(24), mac(128)],
      'pass llama.cpp/Metal apple-silicon',
    ],
    ['Apple Silicon, 8GB unified memory', [mac(8)], 'fail llama.cpp/Metal apple-silicon-memory'],
    [
      'NVIDIA CUDA, Linux or WSL2, 8GB+ VRAM',
      [nvidia(8), nvidia(24), { ...wsl, ...nvidia(8) }, { ...nvidia(8), engine: 'docker-desktop' }],
      'pass llama.cpp/CUDA nvidia',
    ],
    ['NVIDIA CUDA, Linux ARM64, 8GB+ VRAM', [{ ...arm, ...nvidia(8) }], 'pass llama.cpp/CUDA nvidia'],
    [
      'NVIDIA CUDA, 6GB VRAM',
      [nvidia(6), { ...wsl, ...nvidia(6) }, { ...arm, ...nvidia(6) }],
      'fail llama.cpp/CUDA nvidia-memory',
    ],
    [
      'AMD ROCm/Vulkan, Docker Engine Linux, 8GB+ VRAM',
      [amd(8), amd(24)],
      'warning llama.cpp/ROCm/Vulkan amd',
    ],
    ['CPU-only, 32GB+ RAM', [cpu(32), cpu(64)], 'force_only llama.cpp/CPU cpu'],
    ['Intel Mac', [{ os: 'darwin', memoryGb: 64 }], 'fail llama.cpp/CPU intel-mac'],
    ['Windows without supported GPU', [{ ...windows, memoryGb: 64 }], 'fail llama.cpp/CPU windows-no-gpu'],
    [
      'Windows ARM64 with Adreno 6xx+ and 16GB+ unified memory',
      [adreno('Adreno 690', 16), adreno('Adreno X1-85', 32)],
      'warning llama.cpp/OpenCL adreno',
    ],
    ['Raspberry Pi', [pi(8), pi(64)], 'fail llama.cpp/CPU raspberry-pi'],
    ['low-memory ARM CPU', [{ ...arm, memoryGb: 8 }], 'fail llama.cpp/CPU cpu-memory'],
  ])('%s', (_, machines, expected) => {
    expect(machines.map((facts) => line(judge(facts)))).toEqual(machines.map(() => expected));
  });
});

/** What the hardware facts collected for the project expect of gemma4:e2b on each preset. */
const expectedOnPresets = {
  pass: `apple-silicon-16gb nvidia-8gb nvidia-wsl2-8gb nvidia-arm64-8gb
    mac-m1-16 mac-m1-pro-16 mac-m1-max-32 mac-m2-16 mac-m2-24 mac-m3-pro-18 mac-m3-max-36 mac-m3-ultra-96 mac-m4-16
    mac-m4-pro-24 mac-m4-pro-48 mac-m4-max-128 mac-m5-16 mac-m5-24
    rtx-5090 rtx-5080 rtx-5070 rtx-5060-ti-16 rtx-5060 rtx-4090 rtx-4080 rtx-4070 rtx-4060-ti-16 rtx-4060 rtx-3090
    rtx-3080 rtx-3070 rtx-3060 rtx-2080-ti gtx-1080-ti wsl2-rtx-4060 win-rtx-4070 gh-gpu-t4 t4 l4 a10 l40s a100-40
    a100-80 a100-mig-3g20 h100-80 h200 rtx-pro-6000 dgx-spark jetson-agx-orin-64 jetson-orin-nx-16`,
  warning: `amd-8gb windows-arm64-adreno-16gb
    rx-7900-xtx rx-7800-xt rx-7600 rx-6700-xt rx-6600 rx-9070-xt r9700 mi300x strix-halo-128
    snapdragon-x-elite-16 snapdragon-x-elite-32 snapdragon-x-plus-16 snapdragon-x2-elite-32 8cx-gen3-16 sq1-16`,
  force_only: 'cpu-32gb radeon-780m-32 arc-b580 linux-cpu-32 linux-cpu-64 linux-arm-cpu-64 gh-ubuntu-8core',
  fail: `apple-silicon-8gb nvidia-6gb intel-mac windows-no-gpu raspberry-pi
    mac-neo-8 mac-m1-8 mac-m2-8 mac-intel-16 gh-macos-latest gh-macos-xlarge gh-macos-intel
    rtx-4050-laptop rtx-3060-laptop rtx-3050-laptop rtx-2060 gtx-1660 gtx-1650 a100-mig-1g5 jetson-orin-nano-8
    rx-5600-xt win-rx-7900-xtx win-arc-b580 linux-cpu-16 gh-ubuntu-latest gh-ubuntu-private gh-ubuntu-slim
    gh-ubuntu-arm gh-windows-latest gh-windows-11-arm win-nogpu-64 8cx-gen3-8 rpi-4-8 rpi-5-8 rpi-5-16`,
};

test.each(statuses)('the presets on which gemma4:e2b is %s', (status) => {
  const found = presets.filter((preset) => assess(gemma, 'llama.cpp', preset, false).status === status);
  expect(found.map(({ id }) => id).sort()).toEqual(expectedOnPresets[status].split(/\s+/).sort());
});

describe('decision 9: measured memory meets 90 %, declared memory all of it', () => {
  test.each<[Facts, string]>([
    [{ ...nvidia(7.2), ...measured }, 'pass'],
    [{ ...nvidia(7.19), ...measured }, 'fail'],
    [{ ...nvidia(7805 / 1024), ...measured }, 'pass'],
    [{ ...nvidia(6144 / 1024), ...measured }, 'fail'],
    [nvidia(8), 'pass'],
    [nvidia(7.99), 'fail'],
    [nvidia(7.2), 'fail'],
    [{ ...mac(14.4), ...measured }, 'pass'],
    [{ ...mac(14.39), ...measured }, 'fail'],
    [mac(15.99), 'fail'],
    [{ ...cpu(28.8), ...measured }, 'force_only'],
    [{ ...cpu(28.79), ...measured }, 'fail'],
    [cpu(31.99), 'fail'],
    [{ ...amd(7.2), ...measured }, 'warning'],
    [{ ...adreno('Adreno X1-85', 14.4), ...measured }, 'warning'],
    [{ ...adreno('Adreno X1-85', 14.39), ...measured }, 'fail'],
    [{ ...nvidia(4, { count: 2 }), ...measured }, 'warning'],
    [{ ...nvidia(3.6, { count: 2 }), ...measured }, 'warning'],
    [{ ...nvidia(3.59, { count: 2 }), ...measured }, 'fail'],
  ])('%j', (facts, expected) => {
    expect(judge(facts).status).toBe(expected);
  });

  test('exactly 90 % of any whole number of GB is enough', () => {
    for (let gb = 1; gb <= 1024; gb++) {
      expect([meets((gb * 9) / 10, gb, true), meets((gb * 9) / 10 - 0.001, gb, true)], `${gb} GB`).toEqual([
        true,
        false,
      ]);
      expect([meets(gb, gb, false), meets(gb - 0.001, gb, false)]).toEqual([true, false]);
    }
  });
});

describe('decisions 10 to 14', () => {
  const intel = gpu('intel', 12, { name: 'Arc B580' });
  test.each<[string, Facts, string]>([
    [
      '10: native Windows x64 with NVIDIA',
      { ...windows, ...nvidia(8) },
      'pass llama.cpp/CUDA nvidia-windows',
    ],
    ['10: too little of it', { ...windows, ...nvidia(6) }, 'fail llama.cpp/CUDA nvidia-memory'],
    [
      '10: Windows without a supported GPU, whatever the RAM',
      { ...windows, memoryGb: 1024 },
      'fail llama.cpp/CPU windows-no-gpu',
    ],
    [
      '10: Windows arm64 with NVIDIA',
      { ...windows, ...arm, ...nvidia(24), memoryGb: 64 },
      'fail llama.cpp/CPU windows-no-gpu',
    ],
    ['11: GB10', unified(128), 'pass llama.cpp/CUDA nvidia'],
    ['11: Jetson with 16 GB', unified(16), 'pass llama.cpp/CUDA nvidia'],
    ['11: Jetson Orin Nano, 8 GB', unified(8), 'fail llama.cpp/CUDA nvidia-memory'],
    ['11: Jetson, measured', { ...unified(14.9), ...measured }, 'pass llama.cpp/CUDA nvidia'],
    [
      '11: not marked as integrated, memory shared',
      { ...unified(8), ...nvidia(null) },
      'fail llama.cpp/CUDA nvidia-memory',
    ],
    [
      '11: AMD with unified memory',
      { ...amd(null, { integrated: true }), unifiedMemoryGb: 16 },
      'warning llama.cpp/ROCm/Vulkan amd',
    ],
    [
      '11: too little of it',
      { ...amd(null, { integrated: true }), unifiedMemoryGb: 15 },
      'fail llama.cpp/ROCm/Vulkan amd-memory',
    ],
    [
      '11: a carve-out counts as no GPU',
      { ...amd(16, { integrated: true }), memoryGb: 32 },
      'force_only llama.cpp/CPU cpu',
    ],
    [
      '11: NVIDIA with only a carve-out',
      { ...nvidia(16, { integrated: true }), memoryGb: 16 },
      'fail llama.cpp/CPU cpu-memory',
    ],
    [
      '11: a card beside an integrated GPU that shares memory keeps its own',
      { gpus: [gpu('amd', 0.5, { integrated: true }), gpu('nvidia', 8)], unifiedMemoryGb: 12, memoryGb: 12 },
      'pass llama.cpp/CUDA nvidia',
    ],
    ['12: AMD in WSL2', { ...wsl, ...amd(24), memoryGb: 32 }, 'force_only llama.cpp/CPU cpu'],
    [
      '12: AMD in WSL2, although with Docker Engine',
      { wsl: true, ...amd(24), memoryGb: 16 },
      'fail llama.cpp/CPU cpu-memory',
    ],
    [
      '12: AMD with Docker Desktop',
      { ...amd(24), engine: 'docker-desktop', memoryGb: 32 },
      'force_only llama.cpp/CPU cpu',
    ],
    ['12: AMD on Windows', { ...windows, ...amd(24), memoryGb: 64 }, 'fail llama.cpp/CPU windows-no-gpu'],
    ['12: AMD on Linux arm64', { ...arm, ...amd(8) }, 'warning llama.cpp/ROCm/Vulkan amd'],
    ['12: AMD with too little', { ...amd(6), memoryGb: 64 }, 'fail llama.cpp/ROCm/Vulkan amd-memory'],
    ['12: Intel', { gpus: [intel], memoryGb: 32 }, 'force_only llama.cpp/CPU cpu'],
    [
      '12: Intel on Windows',
      { ...windows, gpus: [intel], memoryGb: 32 },
      'fail llama.cpp/CPU windows-no-gpu',
    ],
    [
      '12: Intel beside NVIDIA',
      { gpus: [intel, gpu('nvidia', 8)], memoryGb: 32 },
      'pass llama.cpp/CUDA nvidia',
    ],
    [
      '12: an unlisted accelerator',
      { gpus: [gpu('other', 64)], memoryGb: 16 },
      'fail llama.cpp/CPU cpu-memory',
    ],
    [
      '12: Adreno on Linux',
      { ...arm, gpus: [gpu('qualcomm', null)], unifiedMemoryGb: 32, memoryGb: 32 },
      'force_only llama.cpp/CPU cpu',
    ],
    [
      '12: Adreno on Windows x64',
      { ...adreno('Adreno X1-85', 32), arch: 'x64' },
      'fail llama.cpp/CPU windows-no-gpu',
    ],
    ['Adreno 540', adreno('Adreno 540', 32), 'fail llama.cpp/CPU windows-no-gpu'],
    ['Adreno 618', adreno('Qualcomm(R) Adreno(TM) 618 GPU', 16), 'warning llama.cpp/OpenCL adreno'],
    ['Adreno without a series', adreno('Adreno GPU', 16), 'warning llama.cpp/OpenCL adreno'],
    ['Adreno without a name', adreno(null, 16), 'warning llama.cpp/OpenCL adreno'],
    ['Adreno with 8 GB', adreno('Adreno 690', 8), 'fail llama.cpp/OpenCL adreno-memory'],
    ['13: CPU only, arm64', { ...arm, memoryGb: 32 }, 'force_only llama.cpp/CPU cpu'],
    ['13: CPU only, WSL2', { ...wsl, memoryGb: 32 }, 'force_only llama.cpp/CPU cpu'],
    ['13: CPU only, too little', cpu(31), 'fail llama.cpp/CPU cpu-memory'],
    [
      '13: a Raspberry Pi with 64 GB and a card',
      { ...pi(64), ...nvidia(24) },
      'fail llama.cpp/CPU raspberry-pi',
    ],
    [
      '13: a Raspberry Pi by the name that people write',
      { ...pi(64), board: 'raspberry-pi-5' },
      'fail llama.cpp/CPU raspberry-pi',
    ],
    ['13: another board', { ...arm, board: 'Orange Pi 5', memoryGb: 32 }, 'force_only llama.cpp/CPU cpu'],
    [
      '13: an Intel Mac with a card',
      { os: 'darwin', ...amd(16), memoryGb: 128 },
      'fail llama.cpp/CPU intel-mac',
    ],
    ['13: a Mac VM by its memory', { ...mac(14), gpus: [] }, 'fail llama.cpp/Metal apple-silicon-memory'],
    [
      '13: a larger Mac VM of which only RAM is known',
      { os: 'darwin', ...arm, memoryGb: 30 },
      'pass llama.cpp/Metal apple-silicon',
    ],
    [
      '14: the largest card decides',
      { gpus: [gpu('nvidia', 4, { count: 4 }), gpu('nvidia', 8)] },
      'pass llama.cpp/CUDA nvidia',
    ],
    [
      '14: only the sum reaches it',
      { gpus: [gpu('nvidia', 5), gpu('nvidia', 3)] },
      'warning llama.cpp/CUDA nvidia-several',
    ],
    ['14: not even the sum', nvidia(2, { count: 3 }), 'fail llama.cpp/CUDA nvidia-memory'],
    ['14: AMD', amd(4, { count: 2 }), 'warning llama.cpp/ROCm/Vulkan amd-several'],
    ['14: on Windows', { ...windows, ...nvidia(4, { count: 2 }) }, 'warning llama.cpp/CUDA nvidia-several'],
    [
      '14: cards of two makers do not add up',
      { gpus: [gpu('nvidia', 4), gpu('amd', 4)], memoryGb: 64 },
      'fail llama.cpp/CUDA nvidia-memory',
    ],
    [
      '14: AMD that is enough beside NVIDIA that is not',
      { gpus: [gpu('nvidia', 4), gpu('amd', 8)] },
      'warning llama.cpp/ROCm/Vulkan amd',
    ],
    [
      '14: one amount unknown',
      { gpus: [gpu('nvidia', null), gpu('nvidia', 8)] },
      'pass llama.cpp/CUDA nvidia',
    ],
    ['unknown VRAM', { ...nvidia(null), memoryGb: 64 }, 'fail llama.cpp/CUDA nvidia-memory'],
    ['unknown VRAM, AMD', amd(null), 'fail llama.cpp/ROCm/Vulkan amd-memory'],
    ['unknown memory, Mac', mac(null), 'fail llama.cpp/Metal apple-silicon-memory'],
    ['unknown memory, Adreno', adreno('Adreno 690', null), 'fail llama.cpp/OpenCL adreno-memory'],
    ['unknown memory, NVIDIA integrated', unified(null), 'fail llama.cpp/CPU cpu-memory'],
    ['unknown RAM', cpu(null), 'fail llama.cpp/CPU cpu-memory'],
    ['unknown RAM, Windows', windows, 'fail llama.cpp/CPU windows-no-gpu'],
    ['unknown RAM, Raspberry Pi', pi(null), 'fail llama.cpp/CPU raspberry-pi'],
  ])('%s', (_, facts, expected) => {
    expect(line(judge(facts))).toBe(expected);
  });

  test.each([
    ['Adreno 540', 540],
    ['Qualcomm(R) Adreno(TM) 618 GPU', 618],
    ['adreno690', 690],
    ['Adreno 1230', 1230],
    ['Adreno X1-85', 1000],
    ['Qualcomm(R) Adreno(TM) X2-90 GPU', 1000],
    ['Snapdragon', 1000],
    [null, 1000],
  ])('the series of %s is %i', (name, expected) => {
    expect(adrenoGeneration(name)).toBe(expected);
  });
});

describe('decision 15: vLLM', () => {
  const machines: [string, Facts, boolean][] = [
    ['Linux x64, NVIDIA', nvidia(8), true],
    ['Linux x64, NVIDIA, Docker Desktop', { ...nvidia(8), engine: 'docker-desktop' }, true],
    ['WSL2, NVIDIA', { ...wsl, ...nvidia(8) }, true],
    ['Linux arm64, NVIDIA', { ...arm, ...nvidia(8) }, false],
    ['GB10', unified(128), false],
    ['native Windows, NVIDIA', { ...windows, ...nvidia(24) }, false],
    ['Apple Silicon', mac(128), false],
    ['Intel Mac', { os: 'darwin', memoryGb: 64 }, false],
    ['AMD', amd(24), false],
    ['Intel', { gpus: [gpu('intel', 12)], memoryGb: 64 }, false],
    ['CPU', cpu(64), false],
    ['Adreno', adreno('Adreno X1-85', 32), false],
    ['Raspberry Pi', pi(64), false],
    ['Windows without a GPU', { ...windows, memoryGb: 64 }, false],
  ];

  test.each(machines)('%s', (_, facts, supported) => {
    const refused = 'fail vllm/– backend-unsupported';
    expect(line(judge(facts, onVllm()))).toBe(supported ? 'pass vllm/CUDA nvidia' : refused);
    // Neither force nor a model without requirements changes that.
    expect(judge(facts, onVllm(), 'vllm', true)).toMatchObject({ ok: supported, forced: false });
    expect(line(judge(facts, onVllm({})))).toBe(supported ? 'pass vllm/CUDA no-requirements' : refused);
    // An entry that does not list it has it nowhere.
    expect(line(judge(facts, gemma, 'vllm', true))).toBe(refused);
  });

  test('too little VRAM for it is a matter of hardware, and other cards do not help', () => {
    expect(line(judge(nvidia(6), onVllm()))).toBe('fail vllm/CUDA nvidia-memory');
    expect(judge(nvidia(6), onVllm(), 'vllm', true)).toMatchObject({
      ok: true,
      forced: true,
      status: 'fail',
    });
    expect(line(judge({ gpus: [gpu('amd', 24), gpu('nvidia', 6)], memoryGb: 64 }, onVllm()))).toBe(
      'fail vllm/CUDA nvidia-memory',
    );
    expect(line(judge(nvidia(4, { count: 2 }), onVllm()))).toBe('warning vllm/CUDA nvidia-several');
  });

  test.each<[string, CatalogEntry, string, string, string]>([
    [
      'an entry without it',
      gemma,
      'vllm',
      'the catalog lists llama.cpp for it, not vllm',
      'Set the backend to llama.cpp, or name a model that vllm runs.',
    ],
    [
      'an entry with both',
      onVllm(),
      'vllm',
      'vllm needs an NVIDIA GPU on Linux x64, WSL2 included',
      'Set the backend to llama.cpp, or drop the target.',
    ],
    [
      'an entry with nothing else',
      entry({}, { backend: 'vllm', backends: ['vllm'] }),
      'vllm',
      'vllm needs an NVIDIA GPU on Linux x64, WSL2 included',
      'Drop the target, or name a model that llama.cpp runs.',
    ],
    [
      'llama.cpp for an entry without it',
      entry({}, { backend: 'vllm', backends: ['vllm'] }),
      'llama.cpp',
      'the catalog lists vllm for it, not llama.cpp',
      'Set the backend to vllm, or name a model that llama.cpp runs.',
    ],
    [
      'an engine that nobody knows',
      entry({}, { backend: 'sglang', backends: ['sglang', 'llama.cpp'] }),
      'sglang',
      'sglang is not a known backend',
      'Set the backend to llama.cpp.',
    ],
    [
      'an entry with nothing but that',
      entry({}, { backend: 'sglang', backends: ['sglang'] }),
      'sglang',
      'sglang is not a known backend',
      'Correct the backends of the catalog entry: llama.cpp or vllm.',
    ],
    [
      'a hostile name',
      gemma,
      'v\u001b[31mllm\u202e',
      'the catalog lists llama.cpp for it, not v\\u{1b}[31mllm\\u{202e}',
      'Set the backend to llama.cpp, or name a model that v\\u{1b}[31mllm\\u{202e} runs.',
    ],
  ])('%s', (_, model, backend, message, help) => {
    expect(judge(mac(64), model, backend, true)).toEqual({
      model: model.id,
      backend,
      target: 't',
      status: 'fail',
      rule: 'backend-unsupported',
      ok: false,
      forced: false,
      accelerator: null,
      required: null,
      found: null,
      message,
      help,
    });
  });

  test('auto and nothing are what the entry names', () => {
    expect([
      effectiveBackend(null, onVllm()),
      effectiveBackend('auto', gemma),
      effectiveBackend('vllm', gemma),
    ]).toEqual(['vllm', 'llama.cpp', 'vllm']);
  });
});

describe('decision 16: force', () => {
  test.each<[string, Facts, Partial<Verdict>]>([
    ['pass', mac(16), { status: 'pass', ok: true, forced: false }],
    ['warning', amd(8), { status: 'warning', ok: true, forced: false }],
    ['force_only', cpu(32), { status: 'force_only', ok: true, forced: true }],
    ['fail', nvidia(6), { status: 'fail', ok: true, forced: true }],
    ['an Intel Mac', { os: 'darwin', memoryGb: 16 }, { status: 'fail', ok: true, forced: true }],
    ['Windows without a GPU', windows, { status: 'fail', ok: true, forced: true }],
    ['a Raspberry Pi', pi(8), { status: 'fail', ok: true, forced: true }],
  ])('%s', (_, facts, expected) => {
    expect(judge(facts, gemma, 'llama.cpp', true)).toMatchObject(expected);
    const free = expected.status === 'pass' || expected.status === 'warning';
    expect(judge(facts)).toMatchObject({ status: expected.status, ok: free, forced: false });
  });
});

describe('decision 17: entries that do not say everything', () => {
  const platforms: [string, Facts, string][] = [
    ['Apple Silicon, 4 GB', mac(4), 'pass llama.cpp/Metal no-requirements'],
    ['Apple Silicon, unknown', mac(null), 'pass llama.cpp/Metal no-requirements'],
    ['NVIDIA, 2 GB', nvidia(2), 'pass llama.cpp/CUDA no-requirements'],
    ['NVIDIA on Windows', { ...windows, ...nvidia(2) }, 'pass llama.cpp/CUDA no-requirements'],
    ['Jetson', unified(4), 'pass llama.cpp/CUDA no-requirements'],
    ['AMD', amd(2), 'pass llama.cpp/ROCm/Vulkan no-requirements'],
    ['Adreno', adreno('Adreno 690', 8), 'pass llama.cpp/OpenCL no-requirements'],
    ['CPU, 1 GB', cpu(1), 'pass llama.cpp/CPU no-requirements'],
    ['CPU, unknown', {}, 'pass llama.cpp/CPU no-requirements'],
    ['Windows without a GPU', windows, 'pass llama.cpp/CPU no-requirements'],
    ['Intel Mac', { os: 'darwin', memoryGb: 64 }, 'fail llama.cpp/CPU intel-mac'],
    ['Raspberry Pi', pi(16), 'fail llama.cpp/CPU raspberry-pi'],
  ];
  test.each(platforms)('no requirements: %s', (_, facts, expected) => {
    expect(line(judge(facts, embedding))).toBe(expected);
    expect(line(judge(facts, entry({})))).toBe(expected);
  });

  const vramOnly = entry({ minVramGb: 8 });
  const unifiedOnly = entry({ minUnifiedMemoryGb: 16 });
  const cpuOnly = entry({ minCpuRamGb: 32 });
  test.each<[string, Facts, CatalogEntry, string, string]>([
    [
      'VRAM stands in for unified memory',
      mac(8),
      vramOnly,
      'pass apple-silicon',
      'needs 8 GB unified memory (the catalog states it for VRAM only), found 8 GB',
    ],
    [
      'and refuses',
      mac(7),
      vramOnly,
      'fail apple-silicon-memory',
      'needs 8 GB unified memory (the catalog states it for VRAM only), found 7 GB',
    ],
    [
      'on Jetson',
      unified(8),
      vramOnly,
      'pass nvidia',
      'needs 8 GB unified memory (the catalog states it for VRAM only), found 8 GB',
    ],
    [
      'unified memory stands in for VRAM',
      nvidia(12),
      unifiedOnly,
      'fail nvidia-memory',
      'needs 16 GB VRAM (the catalog states it for unified memory only), found 12 GB',
    ],
    [
      'and passes',
      amd(16),
      unifiedOnly,
      'warning amd',
      'needs 16 GB VRAM (the catalog states it for unified memory only), found 16 GB',
    ],
    [
      'its own threshold says nothing of the other',
      nvidia(8),
      vramOnly,
      'pass nvidia',
      'needs 8 GB VRAM, found 8 GB',
    ],
    [
      'only RAM: any accelerator is enough',
      nvidia(2),
      cpuOnly,
      'pass nvidia',
      'the catalog requires no accelerator memory for it',
    ],
    [
      'only RAM: Apple Silicon',
      mac(8),
      cpuOnly,
      'pass apple-silicon',
      'the catalog requires no accelerator memory for it',
    ],
    ['only RAM: AMD', amd(null), cpuOnly, 'warning amd', 'the catalog requires no accelerator memory for it'],
    [
      'only RAM: a CPU with enough of it',
      cpu(32),
      cpuOnly,
      'force_only cpu',
      'no supported GPU; the CPU needs 32 GB RAM, found 32 GB',
    ],
    [
      'only RAM: Windows',
      { ...windows, memoryGb: 64 },
      cpuOnly,
      'fail windows-no-gpu',
      'Windows needs a supported GPU, and there is none',
    ],
    [
      'no RAM: a CPU with any amount',
      cpu(1024),
      vramOnly,
      'fail cpu-memory',
      'needs a supported GPU, and there is none: the catalog does not allow the CPU for it',
    ],
    [
      'no RAM: nemotron3',
      cpu(1024),
      nemotron,
      'fail cpu-memory',
      'needs a supported GPU, and there is none: the catalog does not allow the CPU for it',
    ],
    [
      '0 GB is met by an unknown amount',
      nvidia(null),
      entry({ minVramGb: 0 }),
      'pass nvidia',
      'needs 0 GB VRAM, found an unknown amount',
    ],
    [
      '0 GB of RAM is at best force',
      cpu(null),
      entry({ minCpuRamGb: 0 }),
      'force_only cpu',
      'no supported GPU; the CPU needs 0 GB RAM, found an unknown amount',
    ],
  ])('%s', (_, facts, model, expected, message) => {
    const verdict = judge(facts, model);
    expect(`${verdict.status} ${verdict.rule}`).toBe(expected);
    expect(verdict.message).toBe(message);
  });
});

describe('what a verdict says and advises', () => {
  const doctor = 'Verify acceleration with mn model doctor on that machine.';
  const partly = 'Use a smaller model. --force accepts running only partly on the GPU.';
  const slow = 'It runs on the CPU, slowly: --force accepts that.';
  const elsewhere =
    'Use a machine with a supported GPU. --force accepts slow execution on the CPU, and swapping.';
  const gpuForWindows = 'Use an NVIDIA GPU (x64) or an Adreno 6xx or later (arm64); --force accepts the CPU.';
  const split = 'The model is split over the cards. Verify it with mn model doctor on that machine.';
  test.each<[Facts, string, string]>([
    [mac(16), 'needs 16 GB unified memory, found 16 GB', ''],
    [
      mac(8),
      'needs 16 GB unified memory, found 8 GB',
      'Use a smaller model. macOS and Docker take their share of unified memory too; --force accepts swapping.',
    ],
    [
      mac(15.99),
      'needs 16 GB unified memory, found 15.99 GB',
      'Use a smaller model. macOS and Docker take their share of unified memory too; --force accepts swapping.',
    ],
    [
      mac(null),
      'needs 16 GB unified memory, found an unknown amount',
      'Give its unified_memory_gb in a targets file, or use --force.',
    ],
    [nvidia(12), 'needs 8 GB VRAM, found 12 GB', ''],
    [{ ...nvidia(7.62), ...measured }, 'needs 8 GB VRAM, found 7.6 GB measured, which is sold as 8 GB', ''],
    [{ ...nvidia(8.01), ...measured }, 'needs 8 GB VRAM, found 8 GB', ''],
    [{ ...nvidia(5.8), ...measured }, 'needs 8 GB VRAM, found 5.8 GB', partly],
    [nvidia(6), 'needs 8 GB VRAM, found 6 GB', partly],
    [nvidia(7.99), 'needs 8 GB VRAM, found 7.99 GB', partly],
    [
      nvidia(null),
      'needs 8 GB VRAM, found an unknown amount',
      'Give its vram_gb in a targets file, or use --force.',
    ],
    [
      nvidia(4, { count: 3 }),
      'needs 8 GB VRAM, found 4 GB on the largest card, 12 GB on all together',
      split,
    ],
    [
      nvidia(3.99, { count: 2 }),
      'needs 8 GB VRAM, found 4 GB on the largest card, 7.98 GB on all together',
      partly,
    ],
    [
      { ...windows, ...nvidia(8) },
      'needs 8 GB VRAM, found 8 GB',
      'Turn on GPU-backed inference in Docker Desktop (Settings, AI); without it the CPU is used.',
    ],
    [unified(8), 'needs 16 GB unified memory, found 8 GB', partly],
    [amd(8), 'needs 8 GB VRAM, found 8 GB', doctor],
    [amd(6), 'needs 8 GB VRAM, found 6 GB', partly],
    [
      adreno('Adreno 690', 16),
      'needs 16 GB unified memory, found 16 GB',
      'Acceleration on Adreno is partial. Verify it with mn model doctor on that machine.',
    ],
    [
      adreno('Adreno 690', 8),
      'needs 16 GB unified memory, found 8 GB',
      'Use a smaller model. Windows and Docker take their share of the memory too; --force accepts swapping.',
    ],
    [cpu(32), 'no supported GPU; the CPU needs 32 GB RAM, found 32 GB', slow],
    [
      { ...cpu(31.2), ...measured },
      'no supported GPU; the CPU needs 32 GB RAM, found 31.2 GB measured, which is sold as 32 GB',
      slow,
    ],
    [cpu(16), 'no supported GPU; the CPU needs 32 GB RAM, found 16 GB', elsewhere],
    [
      cpu(null),
      'no supported GPU; the CPU needs 32 GB RAM, found an unknown amount',
      'Give its memory_gb in a targets file, or use --force.',
    ],
    [
      pi(8),
      'a Raspberry Pi is too slow and too small for this',
      'Use another machine, or a smaller model with --force.',
    ],
    [
      { os: 'darwin', memoryGb: 64 },
      'an Intel Mac has no supported GPU, and its CPU is only a fallback',
      'Use a Mac with Apple Silicon, or a smaller model with --force.',
    ],
    [windows, 'Windows needs a supported GPU, and there is none', gpuForWindows],
    [
      {
        ...windows,
        gpus: [gpu('amd', 24, { name: 'RX 7900 XTX' }), gpu('intel', null, { integrated: true })],
      },
      'Windows needs a supported GPU, and there is none; RX 7900 XTX counts as no GPU: Docker Model Runner drives AMD on Linux only; The Intel GPU counts as no GPU: Docker Model Runner does not support Intel GPUs',
      gpuForWindows,
    ],
    [
      { ...wsl, gpus: [gpu('amd', 24), gpu('amd', 16)], memoryGb: 32 },
      'no supported GPU; the CPU needs 32 GB RAM, found 32 GB; The AMD GPU counts as no GPU: Docker Model Runner does not drive AMD in WSL2',
      slow,
    ],
    [
      { ...amd(24), engine: 'docker-desktop', memoryGb: 16 },
      'no supported GPU; the CPU needs 32 GB RAM, found 16 GB; The AMD GPU counts as no GPU: AMD needs Docker Engine, not Docker Desktop',
      elsewhere,
    ],
    [
      { ...amd(0.5, { name: 'Radeon\u001b[2J 780M', integrated: true }), memoryGb: 32 },
      "no supported GPU; the CPU needs 32 GB RAM, found 32 GB; Radeon\\u{1b}[2J 780M counts as no GPU: it is integrated, and its own memory is only a carve-out of the machine's",
      slow,
    ],
    [
      adreno('Adreno 540', 16),
      'Windows needs a supported GPU, and there is none; Adreno 540 counts as no GPU: Adreno is supported from the 6xx series on',
      gpuForWindows,
    ],
    [
      { ...windows, ...arm, ...nvidia(24, { name: 'RTX' }) },
      'Windows needs a supported GPU, and there is none; RTX counts as no GPU: Docker Model Runner drives NVIDIA on Windows x64 only',
      gpuForWindows,
    ],
    [
      { ...arm, gpus: [gpu('qualcomm', null), gpu('other', 8, { name: 'NPU' })], memoryGb: 8 },
      'no supported GPU; the CPU needs 32 GB RAM, found 8 GB; The Qualcomm GPU counts as no GPU: Docker Model Runner drives Adreno on Windows arm64 only; NPU counts as no GPU: Docker Model Runner does not support it',
      elsewhere,
    ],
  ])('%j', (facts, message, help) => {
    const verdict = judge(facts);
    expect({ message: verdict.message, help: verdict.help }).toEqual({ message, help });
  });

  test('a model that requires nothing', () => {
    expect(judge({ gpus: [gpu('intel', 12)] }, embedding)).toMatchObject({
      message: 'the catalog requires nothing for it',
      help: '',
      required: null,
      found: null,
    });
  });

  test.each<[Facts, Verdict['required'], Verdict['found']]>([
    [mac(8), { kind: 'unified_memory', gb: 16 }, { kind: 'unified_memory', gb: 8 }],
    [
      { ...nvidia(7.62255859375), ...measured },
      { kind: 'vram', gb: 8 },
      { kind: 'vram', gb: 7.623 },
    ],
    [nvidia(null), { kind: 'vram', gb: 8 }, null],
    [unified(8), { kind: 'unified_memory', gb: 16 }, { kind: 'unified_memory', gb: 8 }],
    [cpu(16), { kind: 'cpu_ram', gb: 32 }, { kind: 'cpu_ram', gb: 16 }],
    [cpu(null), { kind: 'cpu_ram', gb: 32 }, null],
    [pi(8), null, null],
    [windows, null, null],
  ])('%j: required and found', (facts, required, found) => {
    expect(judge(facts)).toMatchObject({ required, found });
  });
});

describe('an alternative', () => {
  const machines = { small: target(mac(16)), large: target(mac(64)), cpu: target(cpu(64)) };
  const medium = entry({ minUnifiedMemoryGb: 24 }, { id: 'medium' });
  const byOwn = [nemotron, medium, gemma, embedding];
  test.each<[string, CatalogEntry, CatalogEntry | null, Target[], string | null]>([
    ['the fallback where it runs', nemotron, gemma, [machines.small], 'gemma4:e2b fallback'],
    [
      'the fallback, although a larger one runs too',
      entry({ minVramGb: 99 }),
      gemma,
      [machines.large],
      'gemma4:e2b fallback',
    ],
    [
      'the largest that runs, without a fallback',
      entry({ minVramGb: 99 }),
      null,
      [machines.large],
      'nemotron3',
    ],
    ['on all of the targets', entry({ minVramGb: 99 }), null, [machines.large, machines.small], 'gemma4:e2b'],
    ['not the model itself', gemma, null, [machines.small], null],
    ['not one that needs force, nor one that does another job', nemotron, gemma, [machines.cpu], null],
  ])('is %s', (_, model, fallback, targets, expected) => {
    const found = alternative(model, fallback, byOwn, targets);
    expect(found && `${found.entry.id}${found.isFallback ? ' fallback' : ''}`).toBe(expected);
  });

  test('takes the place of "a smaller model" in the help', () => {
    const { catalog } = buildCatalog([{ name: 'built-in', entries: builtInEntries }]);
    const help = (model: CatalogEntry, facts: Facts) =>
      new Assessments(catalog, [target(facts)], false).of(model, effectiveBackend(null, model)).verdicts[0]
        ?.help;
    expect(help(nemotron, nvidia(24))).toBe(
      "Use gemma4:e2b (nemotron3's fallback), which runs here. --force accepts running only partly on the GPU.",
    );
    expect(help(gemma, nvidia(6))).toBe(
      'Use a smaller model. --force accepts running only partly on the GPU.',
    );
    expect(help(onVllm(), { ...mac(16) })).toBe(
      'Use gemma4:e2b, which runs here. Set the backend to llama.cpp, or drop the target.',
    );
  });

  test('runs means without force, with its own backend', () => {
    expect([runs(gemma, machines.small), runs(gemma, machines.cpu), runs(onVllm(), machines.small)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('any machine and any entry', () => {
  const gb = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(0, 4, 6, 7.19, 7.2, 7.99, 8, 14.4, 16, 32, 48) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 200, noNaN: true }) },
  );
  const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null });
  const anyGpu = fc.record({
    vendor: fc.constantFrom(...gpuVendors, 'nvidia' as const, 'amd' as const),
    name: maybe(fc.constantFrom('RTX 4060', 'Adreno 540', 'Adreno X1-85', '\u001b[2J')),
    vramGb: maybe(gb),
    count: fc.integer({ min: 1, max: 8 }),
    api: fc.constant(null),
    integrated: fc.boolean(),
  });
  const anyFacts: fc.Arbitrary<HardwareFacts> = fc.record({
    os: fc.constantFrom(...operatingSystems),
    arch: fc.constantFrom(...architectures),
    wsl: fc.boolean(),
    engine: fc.constantFrom(...engines),
    gpus: fc.array(anyGpu, { maxLength: 3 }),
    unifiedMemoryGb: maybe(gb),
    memoryGb: maybe(gb),
    board: maybe(fc.constantFrom('Raspberry Pi 5', 'Apple M2', 'Orange Pi')),
    measured: fc.boolean(),
  });
  const anyEntry = fc
    .record({
      requirements: fc.record(
        { minVramGb: gb, minUnifiedMemoryGb: gb, minCpuRamGb: gb },
        { requiredKeys: [] },
      ),
      backends: fc.constantFrom(['llama.cpp'], ['llama.cpp', 'vllm'], ['vllm', 'llama.cpp'], ['sglang']),
    })
    .map(({ requirements, backends }) =>
      entry(requirements, { backend: backends[0], backends: [...backends] }),
    );
  const anyBackend = fc.constantFrom('llama.cpp', 'llama.cpp', 'vllm', 'sglang');

  test('meets exactly one verdict, which is consistent, and which force does not change', () => {
    fc.assert(
      fc.property(anyFacts, anyEntry, anyBackend, (facts, model, backend) => {
        const verdict = judge(facts, model, backend);
        const forced = judge(facts, model, backend, true);
        const free = verdict.status === 'pass' || verdict.status === 'warning';
        const byHardware = verdict.rule !== 'backend-unsupported';
        expect(verdict).toMatchObject({ ok: free, forced: false });
        const lifted = !free && byHardware;
        expect(forced).toEqual({
          ...verdict,
          ok: free || byHardware,
          forced: lifted,
          help: lifted ? expect.stringMatching(/^Expect [^.]+\.$/) : verdict.help,
        });
        expect(verdict.accelerator === null).toBe(!byHardware);
        expect(statuses).toContain(verdict.status);
        const row = table.find(({ id }) => id === verdict.rule);
        expect(row?.status ?? 'fail').toBe(verdict.status);
        expect(row === undefined).toBe(!byHardware);
        // Whoever is refused is told what to do, whoever reads it is safe.
        expect(verdict.message).toMatch(/^[^\u0000-\u001f]*[^.\s]$/);
        expect(verdict.help).toMatch(free ? /^$|^[A-Z].*\.$/ : /^[A-Z].*\.$/);
        for (const memory of [verdict.required, verdict.found]) {
          if (memory !== null) expect(memory.gb).toBeGreaterThanOrEqual(0);
        }
        // On a CPU, a model with requirements does no better than force.
        if (verdict.accelerator === 'CPU' && Object.keys(model.requirements).length > 0) {
          expect(['force_only', 'fail']).toContain(verdict.status);
        }
      }),
      { numRuns: 4000 },
    );
  });

  test('every row of the table decides somewhere', () => {
    const machines = [...presets, target(nvidia(4, { count: 2 })), target(amd(4, { count: 2 }))];
    const rules = machines.flatMap((each) =>
      [gemma, embedding].map((model) => assess(model, 'llama.cpp', each, false).rule),
    );
    expect([...new Set(rules)].sort()).toEqual(table.map(({ id }) => id).sort());
  });

  test('matches a row of the table, whatever fits', () => {
    fc.assert(
      fc.property(
        anyFacts,
        fc.array(fc.constantFrom('enough' as const, 'together' as const, 'too-little' as const), {
          minLength: 3,
          maxLength: 3,
        }),
        fc.boolean(),
        fc.boolean(),
        (facts, fits, cpuEnough, nothingRequired) => {
          expect(table).toContain(firstMatch(readMachine(facts), fits, cpuEnough, nothingRequired).row);
        },
      ),
    );
    // The last row asks for nothing, so that no machine is without one; ids are unique.
    expect(Object.keys(table.at(-1) ?? {})).toEqual(['id', 'status', 'help', 'risk']);
    expect(new Set(table.map(({ id }) => id)).size).toBe(table.length);
  });

  test('is never judged worse with more memory, nor for asking less', () => {
    const rank = (verdict: Verdict) => statuses.indexOf(verdict.status);
    const more = fc.tuple(gb, gb, fc.array(gb, { minLength: 3, maxLength: 3 }));
    const plus = (one: number | null, extra: number) => (one === null ? null : one + extra);
    fc.assert(
      fc.property(
        anyFacts,
        anyEntry,
        anyBackend,
        more,
        (facts, model, backend, [unifiedMore, ramMore, vramMore]) => {
          const before = rank(judge(facts, model, backend));
          const larger: HardwareFacts = {
            ...facts,
            unifiedMemoryGb: plus(facts.unifiedMemoryGb, unifiedMore),
            memoryGb: plus(facts.memoryGb, ramMore),
            gpus: facts.gpus.map((one, at) => ({
              ...one,
              vramGb: plus(one.vramGb, vramMore[at] as number),
              count: one.count + at,
            })),
          };
          expect(rank(judge(larger, model, backend))).toBeLessThanOrEqual(before);
          // A figure that becomes known is no loss either, where it does not say that memory is shared.
          const known = {
            ...facts,
            memoryGb: facts.memoryGb ?? ramMore,
            gpus: facts.gpus.map((one) => ({ ...one, vramGb: one.vramGb ?? ramMore })),
          };
          expect(rank(judge(known, model, backend))).toBeLessThanOrEqual(before);
          const half = Object.fromEntries(
            Object.entries(model.requirements).map(([name, need]) => [name, need / 2]),
          );
          expect(rank(judge(facts, { ...model, requirements: half }, backend))).toBeLessThanOrEqual(before);
          expect(rank(judge({ ...facts, measured: true }, model, backend))).toBeLessThanOrEqual(
            rank(judge({ ...facts, measured: false }, model, backend)),
          );
        },
      ),
      { numRuns: 4000 },
    );
  });
});

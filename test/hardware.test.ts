import { describe, expect, test } from 'vitest';
import { describeFacts } from '../src/hardware/describe.ts';
import type { HardwareFacts } from '../src/hardware/facts.ts';
import { findPreset, presets, rowPresetIds } from '../src/hardware/presets.ts';

describe('presets', () => {
  test('are 12 of the table and 97 devices, each with an id and a name of its own that fits a table head', () => {
    expect(rowPresetIds).toEqual([
      'apple-silicon-16gb',
      'apple-silicon-8gb',
      'nvidia-8gb',
      'nvidia-wsl2-8gb',
      'nvidia-arm64-8gb',
      'nvidia-6gb',
      'amd-8gb',
      'cpu-32gb',
      'intel-mac',
      'windows-no-gpu',
      'windows-arm64-adreno-16gb',
      'raspberry-pi',
    ]);
    expect(presets).toHaveLength(12 + 97);
    expect(new Set(presets.map(({ id }) => id)).size).toBe(109);
    expect(presets.filter(({ name }) => name.length > 34)).toEqual([]);
    // The rows name two kinds of machine that are devices too.
    const devices = presets.slice(12).map(({ name }) => name);
    expect(devices.filter((name, at) => devices.indexOf(name) !== at)).toEqual([]);
  });

  test('are declared, required, and whole', () => {
    for (const { id, facts, required, runsOn } of presets) {
      expect({ id, required, runsOn, measured: facts.measured }).toEqual({
        id,
        required: true,
        runsOn: null,
        measured: false,
      });
      expect(facts.memoryGb, id).toBeGreaterThan(0);
      expect(facts.engine, id).toBe(facts.os === 'linux' && !facts.wsl ? 'docker-engine' : 'docker-desktop');
    }
  });

  test.each([
    ['mac-m2-8', 'Apple M2, 8 GB', 'Apple Silicon, 8 GB unified memory'],
    ['mac-intel-16', 'Intel Mac, 16 GB', 'Intel Mac, 16 GB RAM'],
    ['rtx-4060', 'RTX 4060', 'Linux x64, NVIDIA RTX 4060 8 GB, 32 GB RAM'],
    ['wsl2-rtx-4060', 'WSL2, RTX 4060', 'WSL2 x64, NVIDIA RTX 4060 8 GB, 16 GB RAM'],
    ['nvidia-8gb', 'NVIDIA, 8 GB VRAM', 'Linux x64, NVIDIA GPU 8 GB, 16 GB RAM'],
    ['a100-mig-1g5', 'NVIDIA A100, MIG 1g.5gb', 'Linux x64, NVIDIA A100 MIG 1g.5gb 4.8 GB, 128 GB RAM'],
    ['dgx-spark', 'DGX Spark, 128 GB', 'Linux arm64, NVIDIA GB10, 128 GB unified memory'],
    ['strix-halo-128', 'Ryzen AI Max+ 395, 128 GB', 'Linux x64, AMD Radeon 8060S, 128 GB unified memory'],
    ['radeon-780m-32', 'Radeon 780M, 32 GB RAM', 'Linux x64, AMD Radeon 780M, 32 GB RAM'],
    ['win-arc-b580', 'Windows, Arc B580', 'Windows x64, Intel Arc B580 12 GB, 32 GB RAM'],
    ['8cx-gen3-8', 'Snapdragon 8cx Gen 3, 8 GB', 'Windows arm64, Qualcomm Adreno 690, 8 GB unified memory'],
    ['linux-cpu-32', 'Linux, no GPU, 32 GB RAM', 'Linux x64, no GPU, 32 GB RAM'],
    ['rpi-5-8', 'Raspberry Pi 5, 8 GB', 'Raspberry Pi 5, 8 GB RAM'],
  ])('%s is %s: %s', (id, name, description) => {
    const preset = findPreset(id);
    expect(preset?.name).toBe(name);
    expect(preset && describeFacts(preset.facts)).toBe(description);
  });

  test('an unknown id finds nothing, nor do names of object members', () => {
    expect(['rtx4090', 'constructor', '__proto__'].map(findPreset)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

const machine: HardwareFacts = {
  os: 'linux',
  arch: 'x64',
  wsl: false,
  engine: 'docker-engine',
  gpus: [],
  unifiedMemoryGb: null,
  memoryGb: 31.24,
  board: null,
  measured: true,
};
const card = { vendor: 'nvidia', name: null, vramGb: null, count: 1, api: null, integrated: false } as const;

test.each<[string, Partial<HardwareFacts>]>([
  ['Linux x64, no GPU, 31 GB RAM', {}],
  ['Linux x64, no GPU, memory unknown', { memoryGb: null }],
  ['Linux x64, no GPU, 7.8 GB RAM', { memoryGb: 7.81 }],
  [
    'Linux x64, 2 × NVIDIA RTX 4090 24 GB, 31 GB RAM',
    { gpus: [{ ...card, name: 'RTX 4090', vramGb: 23.988, count: 2 }] },
  ],
  ['Linux x64, NVIDIA A100 (VRAM unknown), 31 GB RAM', { gpus: [{ ...card, name: 'NVIDIA A100' }] }],
  ['Apple M2, 8 GB unified memory', { os: 'darwin', arch: 'arm64', unifiedMemoryGb: 8, board: 'Apple M2' }],
  ['\\u{1b}[31mPi, 31 GB RAM', { board: '\u001b[31mPi' }],
])('describes %s', (text, facts) => {
  expect(describeFacts({ ...machine, ...facts })).toBe(text);
});

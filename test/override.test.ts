import { describe, expect, test } from 'vitest';
import type { HardwareFacts, Target } from '../src/hardware/facts.ts';
import { override } from '../src/hardware/override.ts';

const linux: HardwareFacts = {
  os: 'linux',
  arch: 'x64',
  wsl: false,
  engine: 'docker-engine',
  gpus: [{ vendor: 'nvidia', name: 'RTX 2060', vramGb: 6, count: 1, api: 'cuda', integrated: false }],
  unifiedMemoryGb: null,
  memoryGb: 31.2,
  board: null,
  measured: true,
};
const mac: HardwareFacts = {
  ...linux,
  os: 'darwin',
  arch: 'arm64',
  engine: 'docker-desktop',
  gpus: [],
  unifiedMemoryGb: 8,
  memoryGb: 8,
  board: 'Apple M2',
};
const two: HardwareFacts = { ...linux, gpus: [...linux.gpus, { ...linux.gpus[0], vramGb: 4 } as never] };
const none: HardwareFacts = { ...linux, gpus: [] };

function machine(facts: HardwareFacts): Target {
  return { id: 'this-machine', name: 'this machine', facts, required: true, runsOn: null };
}

describe('a fact that is set', () => {
  test.each<[facts: HardwareFacts, settings: string[], changed: Partial<HardwareFacts>, set: string[]]>([
    [linux, [], {}, []],
    [linux, ['memory_gb=64'], { memoryGb: 64 }, ['memory_gb = 64 (detected: 31.2)']],
    [
      linux,
      ['gpu.vram_gb=8'],
      { gpus: [{ ...linux.gpus[0], vramGb: 8 } as never] },
      ['gpu.vram_gb = 8 (detected: 6)'],
    ],
    [
      linux,
      ['gpu[0].name = RTX 4060 ', 'gpu[0].vram_gb=8'],
      { gpus: [{ ...linux.gpus[0], name: 'RTX 4060', vramGb: 8 } as never] },
      ['gpu[0].name = RTX 4060 (detected: RTX 2060)', 'gpu[0].vram_gb = 8 (detected: 6)'],
    ],
    [linux, ['gpu=none'], { gpus: [] }, ['gpu = none (detected: 1)']],
    [
      none,
      ['gpu.vendor=amd', 'gpu.vram_gb=16'],
      { gpus: [{ vendor: 'amd', name: null, vramGb: 16, count: 1, api: null, integrated: false }] },
      ['gpu.vendor = amd (detected: unknown)', 'gpu.vram_gb = 16 (detected: unknown)'],
    ],
    [
      two,
      ['gpu[1].vram_gb=12'],
      { gpus: [linux.gpus[0], { ...linux.gpus[0], vramGb: 12 }] as never },
      ['gpu[1].vram_gb = 12 (detected: 4)'],
    ],
    // Where processor and GPU share the memory, one figure is both.
    [mac, ['memory_gb=16'], { memoryGb: 16, unifiedMemoryGb: 16 }, ['memory_gb = 16 (detected: 8)']],
    [linux, ['wsl=true'], { wsl: true }, ['wsl = true (detected: unknown)']],
    [
      linux,
      ['board=Raspberry Pi 5'],
      { board: 'Raspberry Pi 5' },
      ['board = Raspberry Pi 5 (detected: unknown)'],
    ],
  ])('%#', (facts, settings, changed, set) => {
    expect(override(machine(facts), settings)).toEqual({
      ok: true,
      target: machine({ ...facts, ...changed }),
      set,
    });
  });
});

describe('what cannot be set', () => {
  test.each<[facts: HardwareFacts, settings: string[], problems: string[]]>([
    [linux, ['vram'], ['"vram" sets nothing. Write name=value, for example gpu.vram_gb=8.']],
    [
      linux,
      ['memry_gb=8', 'gpu.vram=8'],
      ['memry_gb', 'gpu.vram'].map(
        (name, at) =>
          `unknown fact "${name}".${[' Did you mean memory_gb?', ''][at]} The facts are os, arch, wsl, engine, board, memory_gb, unified_memory_gb, gpu, gpu.vendor, gpu.name, gpu.vram_gb, gpu.count, gpu.api, gpu.integrated.`,
      ),
    ],
    [
      two,
      ['gpu.vram_gb=8'],
      ['there are 2 GPUs, and gpu.vram_gb does not say which. Write gpu[0].vram_gb or gpu[1].vram_gb.'],
    ],
    [linux, ['gpu[7].vram_gb=8'], ['there is no gpu[7]. Write gpu[1].vram_gb to add one.']],
    [
      none,
      ['gpu.vram_gb=8'],
      [
        'no such GPU was detected, so its vendor is not known. Set gpu.vendor too, for example gpu.vendor=nvidia.',
      ],
    ],
    [linux, ['gpu=RTX 4060'], ['gpu=RTX 4060 is not known. Write gpu=none, or set fields: gpu.vram_gb=8.']],
    [linux, ['__proto__=1'], [expect.stringContaining('unknown fact "__proto__".')]],
  ])('%#', (facts, settings, problems) => {
    expect(override(machine(facts), settings)).toEqual({ ok: false, problems });
  });

  test.each<[setting: string, problem: RegExp]>([
    ['memory_gb=lots', /memory_gb/],
    ['memory_gb=-1', /memory_gb/],
    ['os=macos', /os/],
    ['gpu.count=1.5', /count/],
    ['arch=', /arch/],
  ])('a wrong value: %s', (setting, problem) => {
    const result = override(machine(linux), [setting]);
    expect(result).toMatchObject({ ok: false });
    if (!result.ok) expect(result.problems.join('\n')).toMatch(problem);
  });
});

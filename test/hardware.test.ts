import { describe, expect, test } from 'vitest';
import { describeFacts } from '../src/hardware/describe.ts';
import { parseAdreno } from '../src/hardware/detect/adreno.ts';
import { parseAmdCard } from '../src/hardware/detect/amd.ts';
import { parseSysctl } from '../src/hardware/detect/apple.ts';
import { detectHardware, hostTarget } from '../src/hardware/detect/detect.ts';
import {
  cgroupLimitFiles,
  isWsl,
  parseBoard,
  parseCgroupLimit,
  parseMemTotal,
} from '../src/hardware/detect/linux.ts';
import { nvidiaSmiPlaces, parseNvidiaSmi } from '../src/hardware/detect/nvidia.ts';
import type { Probe } from '../src/hardware/detect/probe.ts';
import type { HardwareFacts } from '../src/hardware/facts.ts';
import { findPreset, presets, rowPresetIds } from '../src/hardware/presets.ts';
import { hostProbe } from '../src/io/probe.ts';

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

const nvidia = (name: string, vramGb: number | null, more: object = {}) => ({
  ...card,
  name,
  vramGb,
  api: 'cuda',
  ...more,
});

describe('parsers of probes', () => {
  test.each([
    ['NVIDIA GeForce RTX 4060, 8188\n', [nvidia('RTX 4060', 7.996)]],
    [
      'NVIDIA RTX A6000, 49140\r\nNVIDIA GeForce RTX 3060, 12288\r\n',
      [nvidia('RTX A6000', 47.988), nvidia('RTX 3060', 12)],
    ],
    ['Tesla T4, 15360\nTesla T4, 15360\n', [nvidia('Tesla T4', 15, { count: 2 })]],
    ['NVIDIA GB10, [N/A]\n', [nvidia('GB10', null, { integrated: true })]],
    ['Orin (nvgpu), [N/A]\n', [nvidia('Orin (nvgpu)', null, { integrated: true })]],
    ['NVIDIA Thor, Not Supported\n', [nvidia('Thor', null, { integrated: true })]],
    ['NVIDIA A100-SXM4-80GB, [Insufficient Permissions]\n', [nvidia('A100-SXM4-80GB', null)]],
    ['NVIDIA L4, [Unknown Error]\n', [nvidia('L4', null)]],
    ['NVIDIA L4, \n', [nvidia('L4', null)]],
    ['NVIDIA L4, 0\n', [nvidia('L4', null)]],
    ['Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.124\n', []],
    [
      "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.\n",
      [],
    ],
    ['Failed to initialize NVML: N/A\nFailed to properly shut down NVML: Driver Not Loaded\n', []],
    ['No devices were found\n', []],
    ['', []],
  ])('nvidia-smi %j', (stdout, cards) => {
    expect(parseNvidiaSmi(stdout)).toEqual(cards);
  });

  test.each([
    ['linux', {}, ['nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi']],
    [
      'win32',
      { SystemRoot: 'D:\\Win' },
      ['D:\\Win\\System32\\nvidia-smi.exe', 'C:\\Program Files\\NVIDIA Corporation\\NVSMI\\nvidia-smi.exe'],
    ],
    ['darwin', {}, []],
  ])('nvidia-smi may be on %s with %j at %j', (platform, env, places) => {
    expect(nvidiaSmiPlaces(platform, env)).toEqual(places);
  });

  test.each([
    ['a discrete card', '0x744c', '21458059264', { vramGb: 19.984, integrated: false }, false],
    ['an old id without memory', '0x67df', null, { vramGb: null, integrated: false }, false],
    ['a 780M', '0x15bf', '536870912', { vramGb: 0.5, integrated: true }, false],
    ['an APU with a large carve-out', '0x150e', '8589934592', { vramGb: 8, integrated: true }, false],
    ['an unlisted carve-out', '0xffff', '67108864', { vramGb: 0.063, integrated: true }, false],
    ['Strix Halo', '0x1586', '536870912', { vramGb: 0.5, integrated: true, name: 'Ryzen AI Max' }, true],
  ])('sysfs of AMD: %s', (_, device, vramTotal, gpu, unified) => {
    const files = { vendor: '0x1002\n', device: `${device}\n`, productName: null, vramTotal };
    expect(parseAmdCard(files)).toEqual({
      gpu: { vendor: 'amd', name: null, count: 1, api: 'rocm', ...gpu },
      unified,
    });
    expect(parseAmdCard({ ...files, vendor: '0x8086\n' })).toBeNull();
  });

  test.each([
    [
      'hw.memsize: 51539607552\nmachdep.cpu.brand_string: Apple M4 Pro\nsysctl.proc_translated: 0\n',
      { appleSilicon: true, chip: 'Apple M4 Pro', memoryBytes: 51539607552 },
    ],
    [
      'hw.memsize: 17179869184\nmachdep.cpu.brand_string: VirtualApple @ 2.50GHz\nsysctl.proc_translated: 1\n',
      { appleSilicon: true, chip: 'VirtualApple @ 2.50GHz', memoryBytes: 17179869184 },
    ],
    [
      'hw.memsize: 17179869184\nmachdep.cpu.brand_string: Intel(R) Core(TM) i7-8850H CPU @ 2.60GHz\n',
      { appleSilicon: false, chip: 'Intel(R) Core(TM) i7-8850H CPU @ 2.60GHz', memoryBytes: 17179869184 },
    ],
    ['', { appleSilicon: false, chip: null, memoryBytes: null }],
  ])('sysctl %j', (stdout, mac) => {
    expect(parseSysctl(stdout)).toEqual(mac);
  });

  test.each([
    ['Qualcomm(R) Adreno(TM) X1-85 GPU\r\n', 'Adreno X1-85'],
    ['Microsoft Basic Display Adapter\r\nQualcomm(R) Adreno(TM) X2-90 GPU\r\n', 'Adreno X2-90'],
    ['Qualcomm(R) Adreno(TM) 690 GPU', 'Adreno 690'],
    ['Adreno 618', 'Adreno 618'],
    ['Microsoft Basic Display Adapter\r\n', undefined],
    ['', undefined],
  ])('video controllers %j', (names, adreno) => {
    expect(parseAdreno(names)?.name).toBe(adreno);
  });

  test.each([
    ['MemTotal:       16303376 kB\nMemFree:  1 kB\n', 16303376 * 1024],
    ['MemFree:  1 kB\n', null],
    ['', null],
  ])('meminfo %j', (text, bytes) => {
    expect(parseMemTotal(text)).toBe(bytes);
  });

  test.each([
    [
      '0::/user.slice/job\n',
      [
        '/sys/fs/cgroup/user.slice/job/memory.max',
        '/sys/fs/cgroup/user.slice/memory.max',
        '/sys/fs/cgroup/memory.max',
      ],
    ],
    ['0::/\n', ['/sys/fs/cgroup/memory.max']],
    ['0::/../../etc\n', ['/sys/fs/cgroup/memory.max']],
    [
      '11:cpu,cpuacct:/docker/ab\n10:memory:/docker/ab\n',
      [
        '/sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes',
        '/sys/fs/cgroup/memory/docker/memory.limit_in_bytes',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes',
      ],
    ],
    ['', []],
  ])('cgroup %j', (text, files) => {
    expect(cgroupLimitFiles(text)).toEqual(files);
  });

  test.each([
    ['max\n', null],
    ['9223372036854771712\n', null],
    ['4294967296\n', 4294967296],
    ['', null],
    ['0\n', null],
  ])('cgroup limit %j', (text, bytes) => {
    expect(parseCgroupLimit(text)).toBe(bytes);
  });

  test.each([
    [{}, 'Linux version 5.15.153.1-microsoft-standard-WSL2 (root@host)', true],
    [{}, 'Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com)', true],
    [{ WSL_DISTRO_NAME: 'Ubuntu' }, '', true],
    [{}, 'Linux version 6.8.0-1021-azure (buildd@lcy02)', false],
  ])('WSL by %j and %j: %j', (env, version, wsl) => {
    expect(isWsl(env, version)).toBe(wsl);
  });

  test.each([
    ['Raspberry Pi 5 Model B Rev 1.0\0', 'Raspberry Pi 5'],
    ['Raspberry Pi 3 Model B Plus Rev 1.3\0', 'Raspberry Pi 3 Model B Plus'],
    ['NVIDIA Jetson AGX Orin Developer Kit\0', 'NVIDIA Jetson AGX Orin Developer Kit'],
    ['\0', null],
    ['', null],
  ])('board %j', (model, board) => {
    expect(parseBoard(model)).toBe(board);
  });
});

/** A machine of strings: files by path, outputs of programs by the end of their path. */
function fakeProbe(parts: {
  platform?: string;
  arch?: string;
  bytes?: number;
  env?: Record<string, string>;
  files?: Record<string, string>;
  programs?: Record<string, { ok: boolean; stdout: string }>;
}): Probe {
  const programs = Object.entries(parts.programs ?? {});
  return {
    platform: parts.platform ?? 'linux',
    arch: parts.arch ?? 'x64',
    totalMemoryBytes: parts.bytes ?? 0,
    env: parts.env ?? {},
    readFile: (path) => parts.files?.[path] ?? null,
    run: async (command) =>
      programs.find(([name]) => command.endsWith(name))?.[1] ?? { ok: false, stdout: '' },
  };
}

const meminfo = (gib: number) => ({ '/proc/meminfo': `MemTotal: ${Math.round(gib * 2 ** 20)} kB\n` });

describe('detection', () => {
  test.each<[string, Probe, Partial<HardwareFacts>]>([
    [
      'Linux x64, NVIDIA RTX 2060 6 GB, 31 GB RAM',
      fakeProbe({
        files: meminfo(31),
        programs: { 'nvidia-smi': { ok: true, stdout: 'NVIDIA GeForce RTX 2060, 6144\n' } },
      }),
      { os: 'linux', arch: 'x64', engine: 'docker-engine', memoryGb: 31, unifiedMemoryGb: null },
    ],
    [
      'Linux x64, no GPU, 4 GB RAM',
      fakeProbe({
        files: {
          ...meminfo(16),
          '/proc/self/cgroup': '0::/job\n',
          '/sys/fs/cgroup/job/memory.max': 'max\n',
          '/sys/fs/cgroup/memory.max': '4294967296\n',
        },
        programs: { 'nvidia-smi': { ok: false, stdout: 'NVIDIA L4, 23034\n' } },
      }),
      { memoryGb: 4 },
    ],
    [
      'WSL2 x64, NVIDIA RTX 4060 8 GB, 7.4 GB RAM',
      fakeProbe({
        files: { ...meminfo(7.4), '/proc/version': 'Linux version 5.15.153.1-microsoft-standard-WSL2' },
        programs: {
          '/wsl/lib/nvidia-smi': { ok: true, stdout: 'NVIDIA GeForce RTX 4060, 8188\n' },
        },
      }),
      { wsl: true, engine: 'docker-desktop' },
    ],
    [
      'Linux arm64, NVIDIA GB10, 122 GB unified memory',
      fakeProbe({
        arch: 'arm64',
        files: meminfo(121.66),
        programs: { 'nvidia-smi': { ok: true, stdout: 'NVIDIA GB10, [N/A]\n' } },
      }),
      { unifiedMemoryGb: 121.66, memoryGb: 121.66 },
    ],
    [
      'Raspberry Pi 5, 7.9 GB RAM',
      fakeProbe({
        arch: 'arm64',
        files: { ...meminfo(7.87), '/proc/device-tree/model': 'Raspberry Pi 5 Model B Rev 1.0\0' },
      }),
      { arch: 'arm64', board: 'Raspberry Pi 5' },
    ],
    [
      'Linux x64, AMD GPU 20 GB, 31 GB RAM',
      fakeProbe({
        files: {
          ...meminfo(31),
          '/sys/class/drm/card0/device/vendor': '0x8086\n',
          '/sys/class/drm/card1/device/vendor': '0x1002\n',
          '/sys/class/drm/card1/device/device': '0x744c\n',
          '/sys/class/drm/card1/device/mem_info_vram_total': '21458059264\n',
        },
      }),
      { unifiedMemoryGb: null },
    ],
    [
      'Linux x64, AMD Ryzen AI Max, 127 GB unified memory',
      fakeProbe({
        files: {
          ...meminfo(31),
          '/sys/class/drm/card0/device/vendor': '0x1002\n',
          '/sys/class/drm/card0/device/device': '0x1586\n',
          '/sys/class/drm/card0/device/mem_info_vram_total': String(96 * 2 ** 30),
        },
      }),
      { unifiedMemoryGb: 127, memoryGb: 31 },
    ],
    [
      'Apple M2, 8 GB unified memory',
      fakeProbe({
        platform: 'darwin',
        arch: 'x64',
        programs: {
          sysctl: {
            ok: false,
            stdout: 'hw.memsize: 8589934592\nmachdep.cpu.brand_string: Apple M2\nsysctl.proc_translated: 1\n',
          },
        },
      }),
      { os: 'darwin', arch: 'arm64', unifiedMemoryGb: 8, memoryGb: 8 },
    ],
    [
      'Intel Mac, 16 GB RAM',
      fakeProbe({ platform: 'darwin', bytes: 16 * 2 ** 30 }),
      { arch: 'x64', unifiedMemoryGb: null, engine: 'docker-desktop' },
    ],
    [
      'Windows arm64, Qualcomm Adreno X1-85, 16 GB unified memory',
      fakeProbe({
        platform: 'win32',
        arch: 'arm64',
        bytes: 15.6 * 2 ** 30,
        programs: { 'powershell.exe': { ok: true, stdout: 'Qualcomm(R) Adreno(TM) X1-85 GPU\r\n' } },
      }),
      { os: 'win32', unifiedMemoryGb: 15.6, memoryGb: 15.6 },
    ],
    [
      'Windows x64, NVIDIA RTX 4070 12 GB, 32 GB RAM',
      fakeProbe({
        platform: 'win32',
        bytes: 31.79 * 2 ** 30,
        programs: { 'nvidia-smi.exe': { ok: true, stdout: 'NVIDIA GeForce RTX 4070, 12282\r\n' } },
      }),
      { os: 'win32', arch: 'x64', unifiedMemoryGb: null },
    ],
    ['Linux x64, no GPU, memory unknown', fakeProbe({}), { memoryGb: null, gpus: [], measured: true }],
  ])('%s', async (description, probe, facts) => {
    const found = await detectHardware(probe);
    expect(describeFacts(found)).toBe(description);
    expect(found).toMatchObject({ ...facts, measured: true });
  });

  test('the host is a required target of its own', () => {
    expect(hostTarget(machine)).toEqual({
      id: 'this-machine',
      name: 'this machine',
      facts: machine,
      required: true,
      runsOn: null,
    });
  });
});

describe('the probe of this machine', () => {
  const probe = hostProbe();
  const run = (code: string, timeoutMs = 10_000) => probe.run(process.execPath, ['-e', code], timeoutMs);

  test.each([
    ['a program that ends well', () => run('console.log("a b;c")'), { ok: true, stdout: 'a b;c\n' }],
    ['a program that fails', () => run('console.log(1); process.exit(3)'), { ok: false, stdout: '1\n' }],
    ['a program that hangs', () => run('setInterval(() => {}, 1000)', 200), { ok: false, stdout: '' }],
    [
      'a program that is not there',
      () => probe.run('no-such-program-here', [], 1000),
      { ok: false, stdout: '' },
    ],
    ['a name that is none', () => probe.run('a\0b', [], 1000), { ok: false, stdout: '' }],
  ])('runs %s', async (_, answer, expected) => {
    expect(await answer()).toEqual(expected);
  });

  test('does not run programs of the current folder', async () => {
    const { stdout } = await run('console.log(process.cwd())');
    expect(stdout.trim()).toBe(process.platform === 'win32' ? process.env['SystemRoot'] : '/');
  });

  test('reads files, or nothing', () => {
    expect(probe.readFile(`${import.meta.dirname}/../package.json`)).toContain('"model-check"');
    expect(probe.readFile('/no/such/file')).toBeNull();
    expect(probe.readFile('a\0b')).toBeNull();
  });
});

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { builtInEntries } from '../src/catalog/built-in.ts';
import type { CatalogEntry } from '../src/catalog/entry.ts';
import { assess, meets } from '../src/compatibility/assess.ts';
import { describeFacts } from '../src/hardware/describe.ts';
import { amdSmiArgs, mergeAmd, parseAmdCard, parseAmdSmi, parseRocmSmi } from '../src/hardware/detect/amd.ts';
import { isOlder, jsonOf, wordsOf } from '../src/hardware/detect/answers.ts';
import {
  parseDisplays,
  parseSysctl,
  profilerArgs,
  sysctlArgs,
  usableByGpu,
} from '../src/hardware/detect/apple.ts';
import { detect, detectHardware, hostTarget } from '../src/hardware/detect/detect.ts';
import type { DetectedGpu, Detection } from '../src/hardware/detect/detection.ts';
import { factsOf } from '../src/hardware/detect/detection.ts';
import { dockerArgs, dockerSockets, parseDockerVersion } from '../src/hardware/detect/docker.ts';
import type { DrmCard } from '../src/hardware/detect/drm.ts';
import { isIntelCard, parseIntelCard } from '../src/hardware/detect/intel.ts';
import {
  cgroupLimitFiles,
  containerOf,
  isWsl,
  parseBoard,
  parseCgroupLimit,
  parseCpuinfo,
  parseMeminfo,
  parseOsRelease,
  virtualMachineOf,
} from '../src/hardware/detect/linux.ts';
import {
  driverNotes,
  nvidiaSmiArgs,
  nvidiaSmiOldArgs,
  nvidiaSmiPlaces,
  parseMigMemory,
  parseMigProfiles,
  parseNvidiaSmi,
} from '../src/hardware/detect/nvidia.ts';
import type { Ran } from '../src/hardware/detect/probe.ts';
import { parseVulkan, vulkanArgs } from '../src/hardware/detect/vulkan.ts';
import {
  adapterVendor,
  adrenoName,
  devicesArgs,
  nvidiaVersion,
  parseDevices,
  parseRegistry,
  registryArgs,
  windowsGpus,
} from '../src/hardware/detect/windows.ts';
import { hostProbe } from '../src/io/probe.ts';
import { machineNames, recordingOf, replay } from './machines/replay.ts';

const gemma = builtInEntries.find(({ id }) => id === 'gemma4:e2b') as CatalogEntry;
const verdictOf = (detection: Detection) => assess(gemma, 'llama.cpp', hostTarget(factsOf(detection)), false);

describe('recorded machines', () => {
  test.each(machineNames)('%s', async (name) => {
    const { notes, ...detection } = await detect(replay(name));
    const facts = factsOf({ ...detection, notes });
    const { status, rule, message } = verdictOf({ ...detection, notes });
    const found = {
      about: recordingOf(name).about,
      described: describeFacts(facts),
      'gemma4:e2b': { status, rule, message },
      notes,
      facts,
      detection,
    };
    // A new machine has none yet: the first run writes it, to be read and corrected.
    await expect(`${JSON.stringify(found, null, 2)}\n`).toMatchFileSnapshot(`machines/${name}/expected.json`);
  });

  test('meet every row of the table that depends on the machine, and every maker', async () => {
    const detections = await Promise.all(machineNames.map((name) => detect(replay(name))));
    const rules = new Set(detections.map((detection) => verdictOf(detection).rule));
    expect([...rules].sort()).toEqual([
      'adreno',
      'adreno-memory',
      'amd',
      'amd-memory',
      'amd-several',
      'apple-silicon',
      'apple-silicon-memory',
      'cpu',
      'cpu-memory',
      'intel-mac',
      'nvidia',
      'nvidia-memory',
      'nvidia-several',
      'nvidia-windows',
      'raspberry-pi',
      'windows-no-gpu',
    ]);
    const vendors = new Set(detections.flatMap(({ gpus }) => gpus.map(({ vendor }) => vendor)));
    expect([...vendors].sort()).toEqual(['amd', 'apple', 'intel', 'nvidia', 'qualcomm']);
    expect(machineNames.length).toBeGreaterThanOrEqual(40);
  });

  test.each(machineNames)('nothing that identifies somebody leaves %s', async (name) => {
    const text = JSON.stringify(await detect(replay(name)));
    expect(text).not.toMatch(
      /planted|[0-9a-f]{8}-[0-9a-f]{4}-|GPU-|MIG-|1324120040000|abcdef01|0000:|\/docker\/|kubepods|SUBSYS/i,
    );
  });

  test.each(machineNames)(
    'whatever a program of %s does, the rest is found and a note says so',
    async (name) => {
      const recording = recordingOf(name);
      const lines = Object.keys(recording.commands ?? {});
      for (const line of lines) {
        for (const ended of ['denied', 'late', 'cut', 'killed'] as const) {
          const commands = { ...recording.commands, [line]: { ended, stdout: '\ufffd{"' } };
          const { notes, memory, os } = await detect(replay(name, { ...recording, commands }));
          const program = /powershell/.test(line)
            ? 'PowerShell'
            : line
                .split(/\.exe | /)[0]
                ?.split(/[\\/]/)
                .at(-1);
          expect(notes.map(({ text }) => text).join('\n')).toContain(`${program} ${said[ended]}`);
          expect(os.value).toBe(recording.platform);
          if (!/sysctl|powershell/.test(line)) expect(memory).toEqual((await detect(replay(name))).memory);
        }
      }
    },
  );

  test('no output, however broken, ends in an error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...machineNames),
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 200 }),
          fc.constantFrom(
            'null',
            '[]',
            '{}',
            '[[',
            '{"gpu_data":[null,{"vram":null}]}',
            '{"Client":null}',
            ',,,,\n',
          ),
          fc.nat(400),
        ),
        async (name, broken) => {
          const whole = replay(name);
          const spoil = async (text: string) =>
            typeof broken === 'string' ? broken : text.slice(0, broken) + text.slice(broken + 7);
          const probe = {
            ...whole,
            run: async (command: string, args: readonly string[]) => {
              const ran = await whole.run(command, args, 1);
              return { ...ran, stdout: await spoil(ran.stdout) };
            },
            readFile: async (path: string) => {
              const text = await whole.readFile(path);
              return text === null ? null : spoil(text);
            },
          };
          const facts = await detectHardware(probe);
          expect(facts.measured).toBe(true);
          for (const gb of [
            facts.memoryGb,
            facts.unifiedMemoryGb,
            ...facts.gpus.map(({ vramGb }) => vramGb),
          ]) {
            if (gb !== null) expect(gb).toBeGreaterThan(0);
          }
          expect(describeFacts(facts)).not.toBe('');
        },
      ),
      { numRuns: 300 },
    );
  });
});

const said: Record<'denied' | 'late' | 'cut' | 'killed', string> = {
  denied: 'cannot be executed. ',
  late: 'did not answer within 2.5 s and was stopped. ',
  cut: 'printed more than 1 MiB and was stopped. ',
  killed: 'was ended by a signal. ',
};

describe('what is sold as an amount meets that amount', () => {
  const thresholds = [8, 16, 24, 32, 48];
  const bySmi = (mib: number) =>
    (parseNvidiaSmi(`NVIDIA Card, ${mib}, ${mib}, 580.95.05, [N/A]\n`)[0]?.totalMib ?? 0) / 1024;
  const bySysfs = (mib: number) =>
    (parseAmdCard({ ...noCard, vramTotal: `${mib * 2 ** 20}` })?.memoryTotalMib ?? 0) / 1024;
  const byRegistry = (mib: number) => {
    const registry = { Adapters: { DriverDesc: 'Card', 'HardwareInformation.qwMemorySize': mib * 2 ** 20 } };
    return (parseRegistry(JSON.stringify(registry))?.adapters[0]?.memoryMib ?? 0) / 1024;
  };
  const byMeminfo = (mib: number) =>
    (parseMeminfo(`MemTotal: ${Math.round(mib * 1024)} kB\n`, 'MemTotal') ?? 0) / 2 ** 30;

  // The lowest and highest readings that were seen of each kind; MiB.
  test.each<[string, number, number, (mib: number) => number]>([
    ['RTX 4060, RTX 4060 Ti', 8, 8188, bySmi],
    ['RTX 5060, RTX 5070 Laptop', 8, 8151, bySmi],
    ['RTX 3070, RTX 2080 SUPER', 8, 8192, bySmi],
    ['RTX 4070 Laptop by CUDA', 8, 7805, bySmi],
    ['RTX 3060 Laptop, RTX 2060', 6, 6144, bySmi],
    ['RTX 4050 Laptop', 6, 6141, bySmi],
    ['GTX 1060 by CUDA', 6, 6063, bySmi],
    ['RTX 5070', 12, 12227, bySmi],
    ['RTX 4070 SUPER', 12, 12282, bySmi],
    ['RTX 3060', 12, 12288, bySmi],
    ['RTX 4070 Ti SUPER, RTX A4000', 16, 16376, bySmi],
    ['RTX 4060 Ti 16 GB', 16, 16380, bySmi],
    ['RTX PRO 2000', 16, 16311, bySmi],
    ['Tesla T4', 16, 15360, bySmi],
    ['RTX 2080 Ti', 11, 11264, bySmi],
    ['L4', 24, 23034, bySmi],
    ['RTX 3090 by CUDA', 24, 24575, bySmi],
    ['Tesla P40', 24, 24576, bySmi],
    ['RTX A6000', 48, 49140, bySmi],
    ['RTX 5880 Ada', 48, 49039, bySmi],
    ['RX 7600', 8, 8176, bySysfs],
    ['RX 6700 XT', 12, 12272, bySysfs],
    ['RX 7800 XT', 16, 16368, bySysfs],
    ['RX 7900 XT', 20, 20464, bySysfs],
    ['RX 7900 XTX', 24, 24560, bySysfs],
    ['R9700', 32, 32624, bySysfs],
    ['MI300X', 192, 196608, bySysfs],
    ['RX 570', 4, 4096, bySysfs],
    ['RX 9070', 16, 16304, byRegistry],
    ['Linux with 8 GB, lowest', 8, 7.64 * 1024, byMeminfo],
    ['Linux with 8 GB, highest', 8, 7.83 * 1024, byMeminfo],
    ['Linux with 16 GB, lowest', 16, 16303376 / 1024, byMeminfo],
    ['Linux with 16 GB, highest', 16, 16398384 / 1024, byMeminfo],
    ['Linux with 32 GB, lowest', 32, 30.54 * 1024, byMeminfo],
    ['Linux with 64 GB, lowest', 64, 60.7 * 1024, byMeminfo],
    ['Linux with 64 GB, highest', 64, 62.52 * 1024, byMeminfo],
    ['GB10', 128, 121.63 * 1024, byMeminfo],
    ['server with 384 GB', 384, 377.4 * 1024, byMeminfo],
    ['Windows with 16 GB', 16, 15.95 * 1024, byMeminfo],
    ['Windows with 32 GB', 32, 31.79 * 1024, byMeminfo],
    ['Windows with 128 GB', 128, 127.89 * 1024, byMeminfo],
  ])('%s: %d GB', (_, sold, mib, read) => {
    const gib = read(mib);
    expect(gib).toBeCloseTo(mib / 1024, 2);
    for (const threshold of thresholds)
      expect([threshold, meets(gib, threshold, true)]).toEqual([threshold, threshold <= sold]);
  });

  test('with any reserve that was seen, and never as the next amount', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(6, 8, 11, 12, 16, 24, 32, 48),
        fc.double({ min: 0.9375, max: 1.0005, noNaN: true }),
        (sold, share) => {
          const gib = bySmi(Math.round(sold * 1024 * share));
          for (const threshold of thresholds) expect(meets(gib, threshold, true)).toBe(threshold <= sold);
        },
      ),
    );
  });
});

const noCard: DrmCard = {
  id: 'card0',
  vendor: '0x1002',
  device: '0x744c',
  productName: null,
  vramTotal: null,
  vramUsed: null,
  gttTotal: null,
  intelVram: [],
  driver: null,
};

test('no question asks for what identifies a machine', () => {
  const asked = [
    nvidiaSmiArgs,
    nvidiaSmiOldArgs,
    amdSmiArgs,
    vulkanArgs,
    sysctlArgs,
    profilerArgs,
    dockerArgs,
  ];
  expect([...asked, registryArgs, devicesArgs].flat().join(' ')).not.toMatch(
    /uuid|serial|pci\.|bus|hostname|username|CSName|PrimaryOwner|AdapterRAM/i,
  );
});

describe('nvidia-smi', () => {
  const row = (name: string, totalMib: number | null, freeMib: number | null = totalMib) => ({
    name,
    totalMib,
    freeMib,
    driver: '580.95.05',
    divided: false,
  });

  test.each<[string, ReturnType<typeof parseNvidiaSmi>]>([
    ['NVIDIA GeForce RTX 4060, 8188, 7638, 580.95.05, [N/A]\n', [row('RTX 4060', 8188, 7638)]],
    [
      'Tesla T4, 15360, 0, 580.95.05, [N/A]\r\nNVIDIA L4, 23034, 23034, 580.95.05, Disabled\r\n',
      [row('Tesla T4', 15360, 0), row('L4', 23034)],
    ],
    ['NVIDIA GeForce GTX 1080, 8192, 8000, 580.95.05\n', [row('GTX 1080', 8192, 8000)]],
    ['NVIDIA A100, 40960, 40000, 580.95.05, Enabled\n', [{ ...row('A100', 40960, 40000), divided: true }]],
    ...[
      '[N/A]',
      'N/A',
      '[Not Supported]',
      'Not Supported',
      '[Insufficient Permissions]',
      '[Unknown Error]',
      '',
      '0',
    ].map((unknown): [string, ReturnType<typeof parseNvidiaSmi>] => [
      `NVIDIA L4, ${unknown}, [N/A], 580.95.05, [N/A]\n`,
      [row('L4', null)],
    ]),
    ['NVIDIA L4, much, 1, 580.95.05, [N/A]\n', []],
    [', 8188, 8188, 580.95.05, [N/A]\n', []],
    ['Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.124\n', []],
    ['No devices were found\n', []],
    ['', []],
  ])('%j', (stdout, cards) => {
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
  ])('may be on %s with %j at %j', (platform, env, places) => {
    expect(nvidiaSmiPlaces(platform, env)).toEqual(places);
  });

  test('slices: profiles and memory by card', () => {
    const list =
      'GPU 0: NVIDIA L4 (UUID: GPU-1)\nGPU 1: NVIDIA A100 (UUID: GPU-2)\n  MIG 3g.20gb     Device  0: (UUID: MIG-3)\n  MIG 1c.2g.10gb  Device  1: (UUID: MIG-4)\n';
    expect(parseMigProfiles(list)).toEqual([[], ['3g.20gb', '1c.2g.10gb']]);
    const slice = (memory: string) => `<mig_device><fb_memory_usage>${memory}</fb_memory_usage></mig_device>`;
    const xml = `<gpu id="0"><fb_memory_usage><total>23034 MiB</total></fb_memory_usage></gpu><gpu id="1"><mig_devices>${slice('<total>19968 MiB</total><free>19955 MiB</free>')}${slice('<total>N/A</total>')}<mig_device></mig_device></mig_devices></gpu>`;
    const unknown = { totalMib: null, freeMib: null };
    expect(parseMigMemory(xml)).toEqual([[], [{ totalMib: 19968, freeMib: 19955 }, unknown, unknown]]);
    expect([parseMigProfiles(''), parseMigMemory('no xml')]).toEqual([[], []]);
  });

  test.each([
    ['575.57.08', false, []],
    ['575.57', false, ['575.57.08']],
    ['576.57', true, []],
    ['576.52', true, ['576.57']],
    ['1000.1', false, []],
    [null, false, []],
  ])('driver %s (of Windows: %j) is older than %j', (driver, windows, oldest) => {
    const gpu: DetectedGpu = { ...unknownGpu, driver };
    const where = windows ? 'Windows' : 'Linux';
    // Two equal cards are one note.
    expect(driverNotes([gpu, gpu], windows)).toEqual(
      oldest.map((version) => ({
        about: 'nvidia',
        text: `NVIDIA driver ${driver} is older than ${version}, the oldest that Docker Model Runner documents for ${where}. Update the driver.`,
      })),
    );
  });
});

const unknownGpu: DetectedGpu = {
  vendor: 'nvidia',
  name: null,
  memoryTotalMib: null,
  memoryFreeMib: null,
  driver: null,
  api: null,
  integrated: false,
  unified: false,
  slice: false,
  source: '',
};

describe('AMD', () => {
  test.each<[string, string, string | null, Partial<DetectedGpu>]>([
    ['a card', '0x744c', '21458059264', { memoryTotalMib: 20464, integrated: false, unified: false }],
    ['an old card without memory', '0x67df', null, { memoryTotalMib: null, integrated: false }],
    ['a 780M', '0x15bf', '536870912', { memoryTotalMib: 512, integrated: true, unified: false }],
    [
      'a processor with a large carve-out',
      '0x150e',
      '8589934592',
      { memoryTotalMib: 8192, integrated: true },
    ],
    ['an unlisted carve-out', '0xffff', '67108864', { memoryTotalMib: 64, integrated: true }],
    ['Strix Halo', '0x1586', '536870912', { name: 'Ryzen AI Max', integrated: true, unified: true }],
  ])('sysfs: %s', (_, device, vramTotal, expected) => {
    expect(parseAmdCard({ ...noCard, device, vramTotal })).toMatchObject(expected);
    expect(parseAmdCard({ ...noCard, vendor: '0x8086', device, vramTotal })).toBeNull();
  });

  const list =
    '{"gpu":0,"asic":{"market_name":"AMD Radeon RX 7800 XT"},"vram":{"type":"GDDR6","size":{"value":16368,"unit":"MB"}}}';
  test.each<[string, string, [string | null, number | null, boolean][]]>([
    ['a list', `[${list}]`, [['Radeon RX 7800 XT', 16368, false]]],
    ['gpu_data', `{"gpu_data":[${list}]}`, [['Radeon RX 7800 XT', 16368, false]]],
    ['a warning before it', `[WARN] slow\n{"gpu_data":[${list}]}`, [['Radeon RX 7800 XT', 16368, false]]],
    [
      'gigabytes',
      '[{"asic":{"market_name":"X"},"vram":{"size":{"value":16,"unit":"GB"}}}]',
      [['X', 16384, false]],
    ],
    [
      'an unknown unit',
      '[{"asic":{"market_name":"X"},"vram":{"size":{"value":16,"unit":"blocks"}}}]',
      [['X', null, false]],
    ],
    [
      'memory of the machine',
      '[{"asic":{"market_name":"AMD X"},"vram":{"type":"LPDDR5X","size":{"value":512,"unit":"MB"}}}]',
      [['X', 512, true]],
    ],
    ['nothing known', '{"gpu_data":[{"asic":"N/A","vram":{"size":"N/A"}},null,7]}', []],
    ['no JSON', 'ERROR: no driver', []],
    ['another JSON', '{"gpu_data":{"a":1}}', []],
  ])('amd-smi: %s', (_, stdout, cards) => {
    expect(parseAmdSmi(stdout).map((gpu) => [gpu.name, gpu.memoryTotalMib, gpu.integrated])).toEqual(cards);
  });

  test.each<[string, string, unknown[]]>([
    [
      'two cards after a warning',
      'WARNING: AMD GPU device(s) is/are in a low-power state. Check power control/runtime_status\n\n{"card0":{"VRAM Total Memory (B)":"21458059264","VRAM Total Used Memory (B)":"1073741824","Card Series":"Radeon RX 7900 XT"},"card1":{"VRAM Total Memory (B)":"536870912","Card series":"N/A"},"system":{"Driver version":"6.8"}}\n',
      [
        ['Radeon RX 7900 XT', 20464, 19440, '6.8', false],
        [null, 512, null, '6.8', true],
      ],
    ],
    ['no card', '{"system":{"Driver version":"6.8"}}', []],
    ['nothing known of a card', '{"card0":{}}', []],
    ['no JSON', 'ERROR:root:Driver not initialized', []],
  ])('rocm-smi: %s', (_, stdout, cards) => {
    const found = parseRocmSmi(stdout);
    expect(
      found.map((gpu) => [gpu.name, gpu.memoryTotalMib, gpu.memoryFreeMib, gpu.driver, gpu.integrated]),
    ).toEqual(cards);
  });

  const amd = (name: string | null, memoryTotalMib: number | null): DetectedGpu => ({
    ...unknownGpu,
    vendor: 'amd',
    name,
    memoryTotalMib,
  });
  test.each([
    [
      'by memory, whatever the order',
      [
        [null, 512],
        [null, 16368],
      ],
      [
        ['A', 16368],
        ['B', 512],
      ],
      [
        ['B', 512],
        ['A', 16368],
      ],
    ],
    ['nearly the same memory', [[null, 32624]], [['A', 32704]], [['A', 32624]]],
    ['by place where both list as many', [[null, null]], [['A', 8176]], [['A', 8176]]],
    [
      'a card that only the tool lists',
      [[null, 8176]],
      [
        ['A', 8176],
        ['C', 4096],
      ],
      [['A', 8176]],
    ],
    [
      'two equal cards',
      [
        [null, 8176],
        [null, 8176],
      ],
      [
        ['A', 8176],
        ['A', 8176],
      ],
      [
        ['A', 8176],
        ['A', 8176],
      ],
    ],
    ['no card of the kernel', [], [['A', 8176]], [['A', 8176]]],
    ['no card of the tool', [[null, 8176]], [], [[null, 8176]]],
  ] as [string, [string | null, number | null][], [string, number][], [string | null, number | null][]][])(
    'never the same card twice: %s',
    (_, kernel, tool, merged) => {
      const all = (cards: [string | null, number | null][]) => cards.map(([name, mib]) => amd(name, mib));
      const found = mergeAmd(all(kernel), all(tool)).map((gpu) => [gpu.name, gpu.memoryTotalMib]);
      expect(found).toEqual(merged);
    },
  );
});

test.each<[string, Partial<DrmCard>, [string | null, number | null, boolean] | null]>([
  [
    'a card of several parts',
    { device: '0x0bd5', intelVram: ['1073741824', '1073741824'] },
    [null, 2048, false],
  ],
  ['a known card', { device: '0xe20b', intelVram: ['12809404416'] }, ['Intel Arc B580', 12216, false]],
  ['a known card with an old kernel', { device: '0x56a0' }, ['Intel Arc A770', null, false]],
  ['a processor', { device: '0x46a6', intelVram: ['0'] }, ['Intel Graphics', null, true]],
  ['another maker', { vendor: '0x1a03' }, null],
])('Intel by sysfs: %s', (_, card, expected) => {
  const gpu = parseIntelCard({ ...noCard, vendor: '0x8086', ...card });
  expect(gpu && [gpu.name, gpu.memoryTotalMib, gpu.integrated]).toEqual(expected);
});

test.each([
  ['Intel Arc A770 Graphics', true],
  ['Intel Arc Pro B60 Graphics', true],
  ['Intel Arc Graphics', false],
  ['Intel Arc 140V GPU', false],
  ['Intel UHD Graphics 770', false],
  [null, false],
])('%s is a card of its own: %j', (name, isCard) => {
  expect(isIntelCard(name)).toBe(isCard);
});

describe('Vulkan', () => {
  const gpu = (n: number, vendor: string, type: string, name: string, device = '0x1') =>
    `GPU${n}:\n\tapiVersion         = 1.3.230\n\tvendorID           = ${vendor}\n\tdeviceID           = ${device}\n\tdeviceType         = PHYSICAL_DEVICE_TYPE_${type}\n\tdeviceName         = ${name}\n`;

  test.each<[string, string, [string, string | null, boolean][]]>([
    ['software', gpu(0, '0x10005', 'CPU', 'llvmpipe (LLVM 15.0.6, 256 bits)'), []],
    ['a virtual GPU', gpu(0, '0x1af4', 'VIRTUAL_GPU', 'virgl'), []],
    [
      'two makers',
      gpu(0, '0x1002', 'INTEGRATED_GPU', 'AMD Radeon(TM) Graphics') +
        gpu(1, '0x10de', 'DISCRETE_GPU', 'NVIDIA GeForce RTX 3070'),
      [
        ['amd', 'Radeon Graphics', true],
        ['nvidia', 'RTX 3070', false],
      ],
    ],
    [
      'one card by two drivers',
      gpu(0, '0x1002', 'DISCRETE_GPU', 'AMD Radeon RX 7600 (RADV NAVI33)', '0x7480') +
        gpu(1, '0x1002', 'DISCRETE_GPU', 'AMD Radeon RX 7600', '0x7480'),
      [['amd', 'Radeon RX 7600', false]],
    ],
    [
      'Strix Halo',
      gpu(0, '0x1002', 'INTEGRATED_GPU', 'AMD Radeon 8060S Graphics (RADV STRIX_HALO)'),
      [['amd', 'Radeon 8060S Graphics', true]],
    ],
    [
      'Intel',
      gpu(0, '0x8086', 'INTEGRATED_GPU', 'Intel(R) Graphics (ARL)'),
      [['intel', 'Intel Graphics', true]],
    ],
    ['Adreno', gpu(0, '0x5143', 'INTEGRATED_GPU', 'Adreno X1-85'), [['qualcomm', 'Adreno X1-85', true]]],
    ['Mali', gpu(0, '0x13b5', 'INTEGRATED_GPU', 'Mali-G610'), [['other', 'Mali-G610', true]]],
    [
      'WSL2',
      gpu(0, '0x1002', 'DISCRETE_GPU', 'Microsoft Direct3D12 (AMD Radeon RX 7900 XTX)'),
      [['amd', 'Radeon RX 7900 XTX', false]],
    ],
    ['nothing', 'Cannot create Vulkan instance.\n', []],
  ])('%s', (_, stdout, gpus) => {
    expect(parseVulkan(stdout).map(({ vendor, name, integrated }) => [vendor, name, integrated])).toEqual(
      gpus,
    );
  });
});

describe('macOS', () => {
  test.each([
    [
      'hw.model: Mac16,11\nhw.memsize: 51539607552\nhw.ncpu: 14\nmachdep.cpu.brand_string: Apple M4 Pro\nsysctl.proc_translated: 0\n',
      {
        appleSilicon: true,
        translated: false,
        virtual: false,
        model: 'Mac16,11',
        chip: 'Apple M4 Pro',
        cores: 14,
        memoryBytes: 51539607552,
        gpuLimitMib: null,
      },
    ],
    [
      'machdep.cpu.brand_string: VirtualApple @ 2.50GHz\nsysctl.proc_translated: 1\niogpu.wired_limit_mb: 12288\n',
      { appleSilicon: true, translated: true, virtual: false, gpuLimitMib: 12288 },
    ],
    [
      'hw.model: VirtualMac2,1\nmachdep.cpu.brand_string: Apple M1 (Virtual)\n',
      { appleSilicon: true, virtual: true },
    ],
    [
      'machdep.cpu.brand_string: Intel(R) Core(TM) i7-8850H CPU @ 2.60GHz\nkern.hv_vmm_present: 1\n',
      { appleSilicon: false, virtual: true, chip: 'Intel Core i7-8850H CPU @ 2.60GHz' },
    ],
    ['', { appleSilicon: false, virtual: false, model: null, chip: null, cores: null, memoryBytes: null }],
  ])('sysctl %j', (stdout, mac) => {
    expect(parseSysctl(stdout)).toMatchObject(mac);
  });

  test.each<[string, object, [string, string, number | null, boolean][]]>([
    [
      'Apple',
      { _name: 'Apple M1', sppci_model: 'Apple M1', spdisplays_vendor: 'sppci_vendor_Apple' },
      [['apple', 'Apple M1', null, true]],
    ],
    [
      'Intel',
      {
        sppci_model: 'Intel UHD Graphics 630',
        spdisplays_vendor: 'Intel',
        spdisplays_vram_shared: '1536 MB',
      },
      [['intel', 'Intel UHD Graphics 630', 1536, true]],
    ],
    [
      'AMD',
      { sppci_model: 'AMD Radeon Pro 5500M', spdisplays_vendor: 'sppci_vendor_amd', spdisplays_vram: '4 GB' },
      [['amd', 'Radeon Pro 5500M', 4096, false]],
    ],
    [
      'unknown size',
      { _name: 'NVIDIA GeForce GT 750M', spdisplays_vram: 'lots' },
      [['nvidia', 'NVIDIA GeForce GT 750M', null, false]],
    ],
    ['no name', { spdisplays_vram: '4 GB' }, []],
  ])('system_profiler: %s', (_, card, gpus) => {
    const found = parseDisplays(JSON.stringify({ SPDisplaysDataType: [card] }));
    expect(found.map((gpu) => [gpu.vendor, gpu.name, gpu.memoryTotalMib, gpu.integrated])).toEqual(gpus);
    expect(parseDisplays(JSON.stringify(card))).toEqual([]);
  });

  // What was measured (recommendedMaxWorkingSetSize, in 10^6 bytes) is never below the bound, and not far above.
  test.each([
    [7, 5010.8e6],
    [16, 11453.25e6],
    [18, 14302.25e6],
    [24, 18186 * 2 ** 20],
    [32, 26800.6e6],
    [36, 30150.67e6],
    [128, 98304 * 2 ** 20],
  ])('%d GB: the GPU may use what was measured', (gib, measured) => {
    const share = (usableByGpu(gib, null) * 2 ** 30) / measured;
    expect(share).toBeGreaterThan(0.9);
    expect(share).toBeLessThanOrEqual(1.005);
  });

  test('a limit that somebody set counts, up to all memory', () => {
    expect([usableByGpu(16, 12288), usableByGpu(16, 99999)]).toEqual([12, 16]);
  });
});

describe('Windows', () => {
  const qw = (size: unknown, other: unknown = null) =>
    parseRegistry(
      JSON.stringify({
        Adapters: [
          {
            DriverDesc: 'Card',
            'HardwareInformation.qwMemorySize': size,
            'HardwareInformation.MemorySize': other,
          },
        ],
      }),
    )?.adapters[0]?.memoryMib;

  test.each([
    ['RX 9070', 17095983104, null, 16304],
    ['a carve-out', 536870912, null, 512],
    ['bytes', null, [0, 0, 0, 64], 1024],
    ['eight bytes', [0, 0, 0, 0, 1, 0, 0, 0], null, 4096],
    ['a negative number', null, -2147483648, 2048],
    ['a frame buffer', 8388608, null, null],
    ['nothing', null, null, null],
    ['text', 'lots', [300, 1], null],
  ])('registry size of %s', (_, size, other, mib) => {
    expect(qw(size, other)).toBe(mib);
  });

  test.each([
    ['one adapter is no list', '{"Arch":"ARM64","Cpu":"X","Adapters":{"DriverDesc":"Card"}}', true, 1],
    [
      'several are',
      '{"Arch":"AMD64","Adapters":[{"DriverDesc":"A"},{"DriverDesc":"B"},{"DriverDesc":7}]}',
      false,
      2,
    ],
    ['none', '{"Arch":"AMD64"}', false, 0],
  ])('registry: %s', (_, stdout, arm, amount) => {
    const registry = parseRegistry(stdout);
    expect([registry?.arm, registry?.adapters.length]).toEqual([arm, amount]);
  });

  test('what is not readable is null', () => {
    expect([parseRegistry(''), parseRegistry('7'), parseDevices('Get-CimInstance : Access denied')]).toEqual([
      null,
      null,
      null,
    ]);
    expect(parseDevices('{}')).toEqual({
      release: null,
      totalBytes: null,
      freeBytes: null,
      maker: '',
      model: '',
      controllers: [],
    });
  });

  test.each([
    ['pci\\ven_10de&dev_2786', 'NVIDIA GeForce RTX 4070', 'nvidia'],
    ['pci\\ven_1002&dev_7550', 'AMD Radeon RX 9070', 'amd'],
    ['pci\\ven_8086&dev_a780', 'Intel UHD Graphics 770', 'intel'],
    ['acpi\\ven_qcom&dev_0d17', 'Qualcomm Adreno X1-85 GPU', 'qualcomm'],
    ['', 'Qualcomm Adreno 690 GPU', 'qualcomm'],
    ['pci\\ven_10de&dev_2786', 'Microsoft Basic Display Adapter', null],
    ['pci\\ven_1414&dev_008e', 'Microsoft Basic Render Driver', null],
    ['swd\\remotedisplayenum', 'Microsoft Remote Display Adapter', null],
    ['root\\display', 'Parsec Virtual Display Adapter', null],
    ['root\\display', 'Virtual Desktop Monitor', null],
    ['vmbus\\{da0a7802}', 'Microsoft Hyper-V Video', null],
    ['pci\\ven_15ad&dev_0405', 'VMware SVGA 3D', null],
  ])('adapter %s, %s is of %s', (id, name, vendor) => {
    expect(adapterVendor(id, name)).toBe(vendor);
  });

  test('what was taken out does not count, and two equal cards are two', () => {
    const adapter = (name: string, memoryMib: number) => ({
      name,
      id: 'pci\\ven_1002',
      driver: null,
      memoryMib,
    });
    const registry = {
      arm: false,
      cpu: null,
      adapters: [
        adapter('AMD Old', 1024),
        adapter('AMD Radeon PRO W7900', 46080),
        adapter('AMD Radeon PRO W7900', 46080),
      ],
    };
    const controller = { name: 'amd radeon pro w7900', id: '', driver: '32.0.1.2' };
    const devices = {
      ...(parseDevices('{}') as NonNullable<ReturnType<typeof parseDevices>>),
      controllers: [controller, controller],
    };
    const shown = (gpus: DetectedGpu[]) => gpus.map((gpu) => [gpu.name, gpu.memoryTotalMib]);
    expect(shown(windowsGpus(registry, devices))).toEqual([
      ['radeon pro w7900', 46080],
      ['radeon pro w7900', 46080],
    ]);
    expect(windowsGpus(registry, null)).toHaveLength(3);
    expect(shown(windowsGpus(null, devices))).toEqual([]);
  });

  test.each([
    ['32.0.15.7652', '576.52'],
    ['31.0.15.3742', '537.42'],
    ['32.0.15.88', '500.88'],
    ['odd', null],
    [null, null],
  ])('driver %s is NVIDIA %s', (driver, version) => {
    expect(nvidiaVersion(driver)).toBe(version);
  });

  test.each([
    ['Qualcomm Adreno X1-85 GPU', 'Adreno X1-85'],
    ['Qualcomm Adreno X2-90 GPU', 'Adreno X2-90'],
    ['Qualcomm Adreno 690 GPU', 'Adreno 690'],
    ['Qualcomm GPU', 'Qualcomm GPU'],
  ])('%s is %s', (full, name) => {
    expect(adrenoName(full)).toBe(name);
  });
});

describe('Linux', () => {
  test.each([
    ['MemTotal:       16303376 kB\nMemAvailable:  1024 kB\n', 16303376 * 1024, 1024 * 1024],
    ['MemFree:  1 kB\n', null, null],
    ['', null, null],
  ])('meminfo %j', (text, total, available) => {
    expect([parseMeminfo(text, 'MemTotal'), parseMeminfo(text, 'MemAvailable')]).toEqual([total, available]);
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
    [{ WSL_INTEROP: '/run/WSL/8_interop' }, '', true],
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

  test.each([
    [
      'processor\t: 0\nmodel name\t: AMD EPYC 7763\nflags\t\t: fpu hypervisor lm\n\nprocessor\t: 1\nmodel name\t: AMD EPYC 7763\n',
      { model: 'AMD EPYC 7763', cores: 2, guest: true },
    ],
    ['processor\t: 0\nCPU part\t: 0xd0b\nflags\t\t: fpu\n', { model: null, cores: 1, guest: false }],
    ['', { model: null, cores: null, guest: false }],
  ])('cpuinfo %j', (text, cpu) => {
    expect(parseCpuinfo(text)).toEqual(cpu);
  });

  test.each([
    ['NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 24.04.3 LTS"\n', 'Ubuntu 24.04.3 LTS'],
    ['PRETTY_NAME=Alpine\n', 'Alpine'],
    ['NAME=x\n', null],
  ])('os-release %j', (text, name) => {
    expect(parseOsRelease(text)).toBe(name);
  });

  test.each([
    ['Microsoft Corporation', 'Virtual Machine', 'Hyper-V'],
    ['Microsoft Corporation', 'Surface Laptop 5', null],
    ['QEMU', 'Standard PC (Q35 + ICH9, 2009)', 'KVM'],
    ['Amazon EC2', 'g5.xlarge', 'Amazon EC2'],
    ['Amazon EC2', 'g4dn.metal', null],
    ['Google', 'Google Compute Engine', 'Google Compute Engine'],
    ['VMware, Inc.', 'VMware Virtual Platform', 'VMware'],
    ['innotek GmbH', 'VirtualBox', 'VirtualBox'],
    ['Parallels Software International Inc.', 'Parallels Virtual Platform', 'Parallels'],
    ['Xen', 'HVM domU', 'Xen'],
    ['ASUS', 'System Product Name', null],
    ['', '', null],
  ])('%s %s is a virtual machine of %s', (maker, product, kind) => {
    expect(virtualMachineOf(maker, product)).toBe(kind);
  });

  const none = { dockerEnv: null, containerEnv: null, selfCgroup: '0::/user.slice\n' };
  test.each([
    [none, {}, null],
    [{ ...none, dockerEnv: '' }, {}, 'Docker'],
    [{ ...none, containerEnv: '' }, { container: 'podman' }, 'Podman'],
    [{ ...none, dockerEnv: '' }, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 'Kubernetes'],
    [{ ...none, selfCgroup: '4:memory:/docker/0123\n' }, {}, 'Docker'],
    [{ ...none, selfCgroup: '0::/system.slice/docker-0123.scope\n' }, {}, 'Docker'],
    [{ ...none, selfCgroup: '0::/kubepods.slice/kubepods-pod1.slice\n' }, {}, 'Kubernetes'],
    [{ ...none, selfCgroup: '0::/machine.slice/libpod-0123.scope\n' }, {}, 'Podman'],
    [{ ...none, selfCgroup: '0::/lxc/guest\n' }, {}, 'LXC'],
    [none, { container: 'lxc' }, 'LXC'],
    [none, { container: 'constructor' }, 'other'],
    [{ ...none, selfCgroup: '0::/system.slice/docker.service\n' }, {}, null],
  ])('container by %j and %j: %s', (files, env, kind) => {
    expect(containerOf(files, env)?.value ?? null).toBe(kind);
  });
});

describe('Docker', () => {
  const answer = (client: object, server: object | null) =>
    JSON.stringify({ Client: client, Server: server });
  test.each<[string, string, ReturnType<typeof parseDockerVersion>]>([
    [
      'Docker Engine',
      answer({ Version: '28.5.1', Context: 'default' }, { Platform: { Name: 'Docker Engine - Community' } }),
      { client: '28.5.1', engine: 'docker-engine', serverReachable: true, podman: false },
    ],
    [
      'Docker Desktop',
      answer(
        { Version: '28.5.1', Context: 'desktop-linux' },
        { Platform: { Name: 'Docker Desktop 4.49.0 (208700)' } },
      ),
      { client: '28.5.1', engine: 'docker-desktop', serverReachable: true, podman: false },
    ],
    [
      'Docker Desktop that is not running',
      answer({ Version: '28.5.1', Context: 'desktop-linux' }, null),
      { client: '28.5.1', engine: 'docker-desktop', serverReachable: false, podman: false },
    ],
    [
      'no server',
      answer({ Version: '28.5.1', Context: 'default' }, null),
      { client: '28.5.1', engine: null, serverReachable: false, podman: false },
    ],
    [
      'Podman',
      answer({ Version: '5.0.0', Platform: { Name: 'Podman Engine' } }, { Version: '5.0.0' }),
      { client: '5.0.0', engine: null, serverReachable: true, podman: true },
    ],
    [
      'the client alone',
      'Docker version 28.5.1, build e180ab8\n',
      { client: '28.5.1', engine: null, serverReachable: false, podman: false },
    ],
    ['nothing', '', { client: null, engine: null, serverReachable: false, podman: false }],
  ])('%s', (_, stdout, version) => {
    expect(parseDockerVersion(stdout)).toEqual(version);
  });

  test('sockets are named without the folder of a user', () => {
    const sockets = dockerSockets('linux', { HOME: '/home/me', XDG_RUNTIME_DIR: '/run/user/1000' });
    expect(sockets.map(({ name }) => name)).toEqual([
      '/var/run/docker.sock',
      '~/.docker/run/docker.sock',
      '~/.docker/desktop/docker.sock',
      '$XDG_RUNTIME_DIR/docker.sock',
    ]);
    expect(dockerSockets('darwin', { HOME: 'relative' })).toHaveLength(1);
  });
});

describe('answers', () => {
  test.each([
    ['{"a":1}', { a: 1 }],
    ['WARNING: low power\n\n  [1]\n', [1]],
    ['[warning] odd\n{"a":2}', { a: 2 }],
    ['no JSON', undefined],
    ['', undefined],
    ['[', undefined],
    [`${'[x]\n'.repeat(30)}{"a":1}`, undefined],
  ])('JSON of %j', (text, value) => {
    expect(jsonOf(text)).toEqual(value);
  });

  test.each([
    ['Intel(R) Core(TM) i7', 'Intel Core i7'],
    [' a\0\u001b[31m  b ', 'a [31m b'],
    ['[N/A]', null],
    ['  ', null],
    [7, null],
    ['x'.repeat(200), 'x'.repeat(100)],
  ])('words of %j', (value, words) => {
    expect(wordsOf(value)).toBe(words);
  });

  test.each([
    ['575.57.07', '575.57.08', true],
    ['575.57.08', '575.57.08', false],
    ['575.57', '575.57.08', true],
    ['580', '575.57.08', false],
    ['75.99', '575.57', true],
  ])('%s is older than %s: %j', (version, than, older) => {
    expect(isOlder(version, than)).toBe(older);
  });
});

test('of the slices of cards the largest counts, and equal cards are one entry', () => {
  const gpu = (name: string, memoryTotalMib: number, slice: boolean): DetectedGpu => ({
    ...unknownGpu,
    name,
    memoryTotalMib,
    slice,
  });
  const fact = <Value>(value: Value) => ({ value, source: 'test' });
  const facts = factsOf({
    os: fact('linux'),
    arch: fact('x64'),
    wsl: fact(false),
    release: null,
    container: null,
    virtualMachine: null,
    board: null,
    cpu: { model: null, cores: null },
    memory: { physicalGib: fact(64), limitGib: fact(32), availableGib: null },
    gpus: [
      gpu('S', 4864, true),
      gpu('L', 19968, true),
      gpu('L', 19968, true),
      gpu('A', 8192, false),
      gpu('A', 8192, false),
    ],
    docker: {
      client: null,
      engine: fact('docker-desktop'),
      serverReachable: fact(false),
      modelRunnerReachable: fact(false),
    },
    notes: [],
  });
  expect(facts.gpus.map(({ name, vramGb, count }) => [name, vramGb, count])).toEqual([
    ['L', 19.5, 1],
    ['A', 8, 2],
  ]);
  expect([facts.memoryGb, facts.engine, facts.unifiedMemoryGb]).toEqual([32, 'docker-desktop', null]);
});

const isWindows = process.platform === 'win32';
const folder = mkdtempSync(join(tmpdir(), 'model-check-detect-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('programs of this machine', () => {
  const probe = hostProbe();
  const run = (code: string, timeoutMs = 10_000) => probe.run(process.execPath, ['-e', code], timeoutMs);
  const file = (name: string, content: string, mode: number) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  };
  const none = { code: null, stdout: '', stderr: '' };

  test.each<[string, () => Promise<Ran>, Partial<Ran>]>([
    ['ends well', () => run('console.log("a b;c")'), { ended: 'ok', code: 0, stdout: 'a b;c\n', stderr: '' }],
    [
      'fails',
      () => run('console.log(1); console.error(2); process.exit(3)'),
      { ended: 'failed', code: 3, stdout: '1\n', stderr: '2\n' },
    ],
    ['hangs', () => run('console.log(1); setInterval(() => {}, 1000)', 400), { ended: 'late', code: null }],
    [
      'prints binary',
      () => run('process.stdout.write(Buffer.from([0, 255, 254, 65]))'),
      { ended: 'ok', stdout: '\0\ufffd\ufffdA' },
    ],
    ['is not there', () => probe.run('no-such-program-here', [], 1000), { ended: 'missing', ...none }],
    ['has a name that is none', () => probe.run('a\0b', [], 1000), { ended: 'missing', ...none }],
    ['is a folder', () => probe.run(folder, [], 1000), { ended: 'missing', ...none }],
  ])('one that %s', async (_, answer, expected) => {
    expect(await answer()).toMatchObject(expected);
  });

  test.skipIf(isWindows).each<[string, () => Promise<Ran>, Partial<Ran>]>([
    ['ends by a signal', () => run('process.kill(process.pid, "SIGSEGV")'), { ended: 'killed', code: null }],
    [
      'is not executable',
      () => probe.run(file('plain', 'text', 0o644), [], 1000),
      { ended: 'denied', ...none },
    ],
    [
      'has no interpreter',
      () => probe.run(file('script', '#!/no/such/interpreter\n', 0o755), [], 1000),
      { ended: 'denied', ...none },
    ],
    [
      'leaves a child behind that keeps its output open',
      () =>
        run(
          'require("child_process").spawn("/bin/sleep", ["20"], { stdio: "inherit", detached: true }).unref(); console.log(1)',
        ),
      { ended: 'ok', stdout: '1\n' },
    ],
  ])('one that %s', async (_, answer, expected) => {
    expect(await answer()).toMatchObject(expected);
  });

  test('one that prints 100 MB is cut at 1 MiB, long before its timeout', async () => {
    const flood =
      'const b = Buffer.alloc(2 ** 20, 65); let n = 0; const w = () => { while (n++ < 100) if (!process.stdout.write(b)) return process.stdout.once("drain", w); }; w();';
    const { ended, code, stdout } = await run(flood);
    expect({ ended, code, bytes: stdout.length }).toEqual({ ended: 'cut', code: null, bytes: 2 ** 20 });
  });

  test('no program of the current folder runs, and none by a relative PATH', async () => {
    const { stdout } = await run('console.log(process.cwd())');
    expect(stdout.trim()).toBe(isWindows ? process.env['SystemRoot'] : '/');
    file('stranger', '#!/bin/sh\necho ran\n', 0o755);
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    vi.stubEnv('PATH', '.');
    expect((await probe.run('stranger', [], 1000)).ended).toBe('missing');
    vi.stubEnv('PATH', folder);
    if (!isWindows) expect((await probe.run('stranger', [], 5000)).stdout).toBe('ran\n');
    vi.restoreAllMocks();
  });

  test('files and folders are read, or nothing', async () => {
    const root = join(import.meta.dirname, '..');
    expect(await probe.readFile(join(root, 'package.json'))).toContain('"model-check"');
    expect(await probe.readFile(file('large', 'x'.repeat(2 ** 20 + 5), 0o644))).toHaveLength(2 ** 20);
    const absent = ['/no/such/file', 'a\0b', root];
    expect(await Promise.all(absent.map(probe.readFile))).toEqual([null, null, null]);
    expect(await probe.listFolder(root)).toContain('package.json');
    expect(await probe.listFolder('/no/such/folder')).toEqual([]);
  });

  test('something listens, or not', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    expect(await probe.reachable({ host: '127.0.0.1', port }, 2000)).toBe(true);
    await new Promise((resolve) => server.close(resolve));
    expect(await probe.reachable({ host: '127.0.0.1', port }, 2000)).toBe(false);
    expect(await probe.reachable({ path: join(folder, 'no.sock') }, 2000)).toBe(false);
    expect(await probe.reachable({ host: '127.0.0.1', port: 99999 }, 2000)).toBe(false);
  });
});

describe.skipIf(process.platform !== 'linux')('detection on this machine', () => {
  const tools = (scripts: Record<string, string>) => {
    const path = mkdtempSync(join(folder, 'tools-'));
    for (const [name, script] of Object.entries(scripts)) {
      writeFileSync(join(path, name), script);
      chmodSync(join(path, name), script.startsWith('#!') ? 0o755 : 0o644);
    }
    vi.stubEnv('PATH', path);
  };
  const sh = (script: string) => `#!/bin/sh\n${script}\n`;

  test('agrees with /proc/meminfo, /proc/cpuinfo, lscpu and the limit that libuv reads', async () => {
    const { memory, cpu, notes } = await detect(hostProbe());
    const total = /^MemTotal: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    expect(memory.physicalGib?.value).toBe(Number((Number(total) / 2 ** 20).toFixed(3)));
    const limit = process.constrainedMemory();
    const limited = limit > 0 && limit < Number(total) * 1024;
    if (limited) expect(memory.limitGib?.value).toBeLessThanOrEqual(Number((limit / 2 ** 30).toFixed(3)));
    expect(notes.every(({ text }) => /[.)]$|: .+$/.test(text))).toBe(true);
    let lscpu = '';
    try {
      lscpu = execFileSync('lscpu', { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
    } catch {
      return;
    }
    expect(cpu.cores?.value).toBe(Number(/^CPU\(s\): +(\d+)$/m.exec(lscpu)?.[1]));
    const model = wordsOf(/^Model name: +(.+)$/m.exec(lscpu)?.[1]);
    if (process.arch === 'x64') expect(cpu.model?.value).toBe(model);
  });

  test('whatever hangs, it is over within 3 s, and every trouble is a note', async () => {
    tools({
      'nvidia-smi': sh('echo half; exec /bin/sleep 30'),
      'amd-smi': 'not executable',
      'rocm-smi': sh('kill -SEGV $$'),
      vulkaninfo: sh('exec /bin/cat /dev/zero'),
      docker: sh('/bin/sleep 30'),
    });
    const start = performance.now();
    const { notes, gpus } = await detect(hostProbe());
    expect(performance.now() - start).toBeLessThan(3000);
    const texts = notes.map(({ text }) => text);
    const todo = 'Run it yourself and correct what it reports, or give the facts in a targets file.';
    expect(texts).toEqual(
      expect.arrayContaining([
        `nvidia-smi did not answer within 2.5 s and was stopped. ${todo}`,
        `docker did not answer within 2.5 s and was stopped. ${todo}`,
      ]),
    );
    expect(gpus).toContainEqual(expect.objectContaining({ vendor: 'nvidia', memoryTotalMib: null }));
    // The kernel of a machine with a GPU makes the others needless.
    if (gpus.length === 1) {
      expect(texts).toEqual(
        expect.arrayContaining([
          `amd-smi cannot be executed. ${todo}`,
          `rocm-smi was ended by a signal. ${todo}`,
          `vulkaninfo printed more than 1 MiB and was stopped. ${todo}`,
        ]),
      );
    }
  });

  test('it adds at most 150 ms to its slowest program', async () => {
    tools({ 'nvidia-smi': sh("/bin/sleep 0.4; echo 'NVIDIA L4, 23034, 23034, 580.95.05, [N/A]'") });
    const probe = hostProbe();
    const added: number[] = [];
    for (let round = 0; round < 3; round++) {
      const start = performance.now();
      await probe.run('nvidia-smi', nvidiaSmiArgs, 2500);
      const alone = performance.now() - start;
      const { gpus } = await detect(probe);
      added.push(performance.now() - start - 2 * alone);
      expect(gpus).toContainEqual(expect.objectContaining({ name: 'L4', memoryTotalMib: 23034 }));
    }
    expect(Math.min(...added)).toBeLessThan(150);
  });
});

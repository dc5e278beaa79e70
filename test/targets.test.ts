import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { HardwareFacts, Target } from '../src/hardware/facts.ts';
import {
  architectures,
  defaultEngine,
  engines,
  gpuVendors,
  operatingSystems,
} from '../src/hardware/facts.ts';
import { findPreset, presets } from '../src/hardware/presets.ts';
import { type Profile, profileOf } from '../src/hardware/profile.ts';
import { defaultTargetsFile, isYaml, selectTargets } from '../src/hardware/select.ts';
import type { ParsedTargets } from '../src/hardware/targets-file.ts';
import { gpuFields, parseTargetsFile, profileFields } from '../src/hardware/targets-file.ts';
import { parseYaml } from '../src/io/yaml.ts';

const json = (text: string) => parseTargetsFile('.mn/targets.json', text, null);
const yaml = (text: string) => parseTargetsFile('.mn/targets.yaml', text, parseYaml);

/** `line:column message` of each problem. */
function problemsOf(parsed: ParsedTargets): string[] {
  if (parsed.ok) return [];
  return parsed.problems.map(
    ({ message, range }) => `${range === null ? '-' : `${range.line}:${range.column}`} ${message}`,
  );
}

/** The one target of a file with this item. */
function targetOf(item: unknown): Target | string[] {
  const parsed = json(JSON.stringify({ targets: [item] }));
  return parsed.ok ? (parsed.targets[0] as Target) : problemsOf(parsed);
}

describe('right files', () => {
  test('presets and machines, in the order of the file', () => {
    const parsed = json(`{
      "$schema": "../schemas/targets.schema.json",
      "targets": [
        "apple-silicon-16gb",
        { "preset": "rtx-2060", "required": false, "runs-on": "gpu-small" },
        {
          "id": "lab", "name": "Lab", "os": "linux", "arch": "x64",
          "gpu": [{ "vendor": "nvidia", "name": "RTX 4070", "vram_gb": 12, "count": 2, "api": "cuda" }],
          "memory_gb": 64, "engine": "docker-desktop", "runs-on": ["self-hosted", "gpu"]
        }
      ]
    }`);
    expect(parsed).toEqual({
      ok: true,
      targets: [
        findPreset('apple-silicon-16gb'),
        { ...findPreset('rtx-2060'), required: false, runsOn: 'gpu-small' },
        {
          id: 'lab',
          name: 'Lab',
          facts: {
            os: 'linux',
            arch: 'x64',
            wsl: false,
            engine: 'docker-desktop',
            gpus: [
              { vendor: 'nvidia', name: 'RTX 4070', vramGb: 12, count: 2, api: 'cuda', integrated: false },
            ],
            unifiedMemoryGb: null,
            memoryGb: 64,
            board: null,
            measured: false,
          },
          required: true,
          runsOn: ['self-hosted', 'gpu'],
        },
      ],
    });
  });

  const linux = { id: 'a', os: 'linux', arch: 'x64' };
  const windowsArm = { id: 'a', os: 'win32', arch: 'arm64' };
  test.each<[string, object, Partial<HardwareFacts>]>([
    ['Docker Engine on Linux', linux, { engine: 'docker-engine', wsl: false }],
    ['Docker Desktop in WSL2', { ...linux, wsl: true }, { engine: 'docker-desktop', wsl: true }],
    ['Docker Desktop on Windows', { ...linux, os: 'win32' }, { engine: 'docker-desktop' }],
    [
      'main memory is unified on Apple Silicon',
      { ...linux, os: 'darwin', arch: 'arm64', memory_gb: 8 },
      { unifiedMemoryGb: 8, memoryGb: 8 },
    ],
    [
      'unified memory is main memory',
      { ...linux, os: 'darwin', arch: 'arm64', unified_memory_gb: 8 },
      { unifiedMemoryGb: 8, memoryGb: 8 },
    ],
    ['not so on an Intel Mac', { ...linux, os: 'darwin', memory_gb: 8 }, { unifiedMemoryGb: null }],
    [
      'main memory is unified with an Adreno',
      { ...windowsArm, memory_gb: 16, gpu: { vendor: 'qualcomm', name: 'Adreno X1-85' } },
      {
        unifiedMemoryGb: 16,
        memoryGb: 16,
        gpus: [
          {
            vendor: 'qualcomm',
            name: 'Adreno X1-85',
            vramGb: null,
            count: 1,
            api: null,
            integrated: true,
          },
        ],
      },
    ],
    ['not so without one', { ...windowsArm, memory_gb: 16 }, { unifiedMemoryGb: null, memoryGb: 16 }],
    [
      'main memory is unified with an integrated NVIDIA',
      { ...linux, arch: 'arm64', memory_gb: 64, gpu: { vendor: 'nvidia', integrated: true } },
      { unifiedMemoryGb: 64 },
    ],
    [
      'a GPU with unified memory only is integrated',
      { ...linux, gpu: { vendor: 'amd' }, unified_memory_gb: 128 },
      {
        unifiedMemoryGb: 128,
        memoryGb: 128,
        gpus: [{ vendor: 'amd', name: null, vramGb: null, count: 1, api: null, integrated: true }],
      },
    ],
    ['a list without GPUs', { ...linux, gpu: [] }, { gpus: [] }],
    ['null for no GPU', { preset: 'rtx-4060', gpu: null }, { gpus: [], memoryGb: 32 }],
    [
      'GPUs replace those of the preset, and what these shared',
      { preset: 'dgx-spark', gpu: { vendor: 'nvidia', vram_gb: 24 } },
      {
        unifiedMemoryGb: null,
        memoryGb: 128,
        gpus: [{ vendor: 'nvidia', name: null, vramGb: 24, count: 1, api: null, integrated: false }],
      },
    ],
    ['one figure changes both', { preset: 'jetson-agx-orin-64', memory_gb: 32 }, { unifiedMemoryGb: 32 }],
    ['also on a Mac', { preset: 'mac-m1-8', memory_gb: 16 }, { unifiedMemoryGb: 16, memoryGb: 16 }],
    ['a card keeps its own', { preset: 'rtx-4060', memory_gb: 8 }, { unifiedMemoryGb: null, memoryGb: 8 }],
    ['another system has its own engine', { preset: 'rtx-4060', os: 'win32' }, { engine: 'docker-desktop' }],
    [
      'another system is not WSL',
      { preset: 'wsl2-rtx-4060', os: 'win32' },
      { wsl: false, engine: 'docker-desktop' },
    ],
    ['a preset keeps WSL', { preset: 'wsl2-rtx-4060', memory_gb: 8 }, { wsl: true }],
    ['WSL can be left', { preset: 'wsl2-rtx-4060', wsl: false }, { wsl: false, engine: 'docker-engine' }],
    [
      'measured facts may lack what could not be read',
      { ...linux, gpu: { vendor: 'nvidia' }, measured: true },
      { measured: true, memoryGb: null },
    ],
  ])('%s', (_, item, facts) => {
    expect(targetOf(item)).toMatchObject({ facts });
  });

  test.each([
    [{ preset: 'rtx-4060' }, 'rtx-4060', 'RTX 4060'],
    [{ preset: 'rtx-4060', id: 'mine' }, 'mine', 'RTX 4060'],
    [{ preset: 'rtx-4060', name: 'Mine' }, 'rtx-4060', 'Mine'],
    [{ id: 'toString', os: 'linux', arch: 'x64', memory_gb: 32 }, 'toString', 'Linux x64, no GPU, 32 GB RAM'],
    [
      { id: 'many', os: 'linux', arch: 'x64', gpu: Array(9).fill({ vendor: 'nvidia', vram_gb: 8 }) },
      'many',
      `Linux x64${', NVIDIA GPU 8 GB'.repeat(5)}, NVI…`,
    ],
  ])('%j is %s, called %s', (item, id, name) => {
    expect(targetOf(item)).toMatchObject({ id, name });
  });

  test('YAML says the same as JSON', () => {
    const text = `# Our machines
targets:
  - apple-silicon-16gb
  - id: lab
    os: linux
    arch: x64
    gpu: &card { vendor: nvidia, vram_gb: 8 }
    memory_gb: 32
  - { id: lab-2, os: linux, arch: x64, gpu: [*card], memory_gb: 16, runs-on: [self-hosted] }
`;
    const card = { vendor: 'nvidia', vram_gb: 8 };
    const value = {
      targets: [
        'apple-silicon-16gb',
        { id: 'lab', os: 'linux', arch: 'x64', gpu: card, memory_gb: 32 },
        { id: 'lab-2', os: 'linux', arch: 'x64', gpu: [card], memory_gb: 16, 'runs-on': ['self-hosted'] },
      ],
    };
    const parsed = yaml(text);
    expect(parsed.ok).toBe(true);
    expect(parsed).toEqual(json(JSON.stringify(value)));
  });
});

const fields = profileFields.join(', ');

describe('wrong files', () => {
  test('every problem of a JSON file comes in one run, in its order', () => {
    const text = `{
  "target": 1,
  "targets": [
    "rtx4060",
    7,
    { "id": "a b", "os": "linus", "arch": "x64" },
    { "id": "lab", "os": "linux", "arch": "x64", "memory_gb": 0, "memory": 8, "vram_gb": 8, "cores": 4 },
    { "id": "Lab", "preset": "l4", "required": "yes", "wsl": 1, "runs-on": [] },
    { "preset": "rtx_4060", "gpu": { "vendor": "nvidea", "count": 65, "vram": 8, "vram_gb": 100001 } },
    { "gpu": [{ "vram_gb": "8" }], "runs-on": ["a", ""], "name": " " },
    { "id": "w", "os": "win32", "arch": "x64", "wsl": true },
    { "id": "m", "os": "darwin", "arch": "arm64" },
    { "id": "n", "os": "linux", "arch": "x64",
      "gpu": [{ "vendor": "intel" }, { "vendor": "nvidia" }, { "vendor": "amd", "count": 2 }] },
    { "id": "q", "os": "win32", "arch": "arm64",
      "gpu": { "vendor": "qualcomm" } },
    "l4",
    "l4"
  ]
}`;
    expect(problemsOf(json(text))).toEqual([
      '2:13 The file has the unknown field "target". Did you mean targets?',
      '4:5 Unknown preset "rtx4060". Did you mean rtx-4060? See mn target list (109 presets).',
      '5:5 targets[1] must be a preset or a machine; found 7. Write the id of a preset, or an object.',
      '6:13 Target a b: id must be at most 64 letters, digits, dots, underscores and hyphens, beginning with a letter or digit; found the string "a b".',
      '6:26 Target a b: os must be linux, darwin or win32; found the string "linus".',
      '7:63 Target lab: memory_gb must be more than 0; found 0.',
      '7:76 Target lab has the unknown field "memory". Did you mean memory_gb?',
      '7:90 Target lab has the unknown field "vram_gb". It belongs into gpu.',
      `7:102 Target lab has the unknown field "cores". Write one of ${fields}.`,
      '8:13 The id "Lab" already stands at targets[3] as "lab" (case does not count). Remove one of the two, or give it another id.',
      '8:48 Target Lab: required must be true or false; found the string "yes".',
      '8:62 Target Lab: wsl must be true or false; found 1.',
      '8:76 Target Lab: runs-on is empty. Write a label, or leave it out.',
      '9:17 Unknown preset "rtx_4060". Did you mean rtx-4060? See mn target list (109 presets).',
      '9:48 targets[5]: gpu.vendor must be nvidia, amd, intel, apple, qualcomm or other; found the string "nvidea".',
      '9:67 targets[5]: gpu.count must be at most 64; found 65.',
      '9:79 targets[5]: gpu has the unknown field "vram". Did you mean vram_gb?',
      '9:93 targets[5]: gpu.vram_gb must be at most 100000; found 100001.',
      '10:5 targets[6] lacks id. Give the machine a name of its own, or a preset.',
      '10:5 targets[6] lacks os. Write linux, darwin or win32, or start from a preset.',
      '10:5 targets[6] lacks arch. Write x64 or arm64, or start from a preset.',
      '10:15 targets[6] lacks gpu.0.vendor. Write nvidia, amd, intel, apple, qualcomm or other.',
      '10:28 targets[6]: gpu.0.vram_gb must be a number; found the string "8".',
      '10:53 targets[6]: runs-on.1 must be a text on one line, of at most 100 characters; found the string "".',
      '10:66 targets[6]: name must be a text on one line, of at most 100 characters; found the string " ".',
      '11:55 Target w: wsl needs os linux, because WSL2 is Linux inside Windows; found os win32. Write "os": "linux", or leave out wsl.',
      '12:5 Target m shares its memory with the GPU but lacks unified_memory_gb. Write the memory of the machine in GB.',
      "14:38 Target n: the NVIDIA GPU lacks vram_gb. Write the memory of one card in GB, or unified_memory_gb where it shares the machine's.",
      "14:62 Target n: the AMD GPU lacks vram_gb. Write the memory of one card in GB, or unified_memory_gb where it shares the machine's.",
      '15:5 Target q shares its memory with the GPU but lacks unified_memory_gb. Write the memory of the machine in GB.',
      '18:5 The id "l4" already stands at targets[11]. Remove one of the two, or give it another id.',
    ]);
  });

  test('every problem of a YAML file comes in one run, in its order', () => {
    const text = `targets:
  - rtx4060
  - id: lab
    os: linux
    os: linux
    arch: arm
    memory_gb: .inf
    unified_memory_gb: .nan
    __proto__: {}
  - id: 5
    preset:
  - gpu: &gpu
      vendor: amd
    id: ok
    os: linux
    arch: x64
  - {id: ok2, os: linux, arch: x64, gpu: [*gpu]}
`;
    expect(problemsOf(yaml(text))).toEqual([
      '2:5 Unknown preset "rtx4060". Did you mean rtx-4060? See mn target list (109 presets).',
      '5:5 This key already stands in the same map. Remove one of the two.',
      '6:11 Target lab: arch must be x64 or arm64; found the string "arm".',
      '7:16 Target lab: memory_gb must be a number; found Infinity.',
      '8:24 Target lab: unified_memory_gb must be a number; found NaN.',
      `9:16 Target lab has the unknown field "__proto__". Write one of ${fields}.`,
      '10:9 targets[2]: id must be a string; found 5.',
      '11:12 targets[2]: preset must be a string; found null.',
      "13:7 Target ok: the AMD GPU lacks vram_gb. Write the memory of one card in GB, or unified_memory_gb where it shares the machine's.",
      "17:43 Target ok2: the AMD GPU lacks vram_gb. Write the memory of one card in GB, or unified_memory_gb where it shares the machine's.",
    ]);
  });

  test.each([
    ['', '1:1 The file is empty. Write {"targets": ["apple-silicon-16gb"]}.'],
    ['[]', '1:1 The file must hold an object; found an array. Write {"targets": […]}.'],
    ['null', '1:1 The file must hold an object; found null. Write {"targets": […]}.'],
    ['{}', '1:1 The file has no targets. Write {"targets": […]} with presets or machines.'],
    ['{"targets": {}}', '1:13 targets must be a list; found an object. Write presets or machines into it.'],
    ['{"targets": []}', '1:13 targets is empty. Add a preset (mn target list shows them) or a machine.'],
    [
      '{"targets": ["l4"],}',
      '1:19 The file is not valid JSON: a comma follows the last item. Remove the comma.',
    ],
    [
      '{"targets": ["l4"],\n "targets": ["l4"]}',
      '2:2 "targets" already stands in this object, on line 1. Remove one of the two.',
    ],
    [
      `{"targets": [${'"l4",'.repeat(1000)}"l4"]}`,
      '1:13 targets has 1001 items, and at most 1000 can be checked at once. Split the file.',
    ],
    ['['.repeat(20_000) + ']'.repeat(20_000), expect.stringContaining('nested more than 200 levels deep')],
    ['{"targets": ["constructor"]}', '1:14 Unknown preset "constructor". See mn target list (109 presets).'],
    [
      '{"targets": [{"preset": "l4", "__proto__": {"id": "x"}}]}',
      `1:44 targets[0] has the unknown field "__proto__". Write one of ${fields}.`,
    ],
    [
      '{"targets": ["\\u001b[31m::error::%0A"]}',
      '1:14 Unknown preset "\\u{1b}[31m::error::%0A". See mn target list (109 presets).',
    ],
  ])('JSON %.60s', (text, problem) => {
    expect(problemsOf(json(text))).toEqual([problem]);
  });

  test.each([
    ['', '1:1 The file is empty. Write {"targets": ["apple-silicon-16gb"]}.'],
    ['# nothing yet\n', '1:1 The file is empty. Write "targets:" and a list below it.'],
    ['- l4\n', '1:1 The file must hold an object; found an array. Write {"targets": […]}.'],
    [
      'targets: [l4]\n---\ntargets: [l4]\n',
      '2:1 The file holds more than one YAML document. Keep one, without ---.',
    ],
    ['targets: !machines [l4]\n', '1:10 A tag (a word after !) is not known. Remove it.'],
    ['? [a]\n: 1\n', '1:3 A key must be a text. Put it in quotes.'],
    ['targets: &a [*a]\n', '1:14 The alias *a stands for something that contains it. Write the value out.'],
    ['targets: [*a]\n', '1:11 The alias *a stands for nothing. Write the value out.'],
    [
      'a: &a [1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\ntargets: [*c]\n',
      '- The file uses its aliases more than 100 times. Write the values out.',
    ],
    ['['.repeat(20_000), '- The file is nested too deep. Keep the nesting below 200 levels.'],
    ['- '.repeat(20_000), '- The file is nested too deep. Keep the nesting below 200 levels.'],
    ['a: '.repeat(20_000), '- The file is nested too deep. Keep the nesting below 200 levels.'],
    ['#'.repeat(1_000_001), '- The file is longer than 1000000 characters. Split it.'],
  ])('YAML %.60s', (text, problem) => {
    expect(problemsOf(yaml(text))).toEqual([problem]);
  });

  test('of very many problems the first hundred are told, and how many more there are', () => {
    const text = JSON.stringify({ targets: Array.from({ length: 150 }, (_, at) => at) });
    const told = problemsOf(json(text));
    expect(told).toHaveLength(101);
    expect(told[99]).toContain('targets[99] must be');
    expect(told[100]).toBe('- The file has 50 more problems. Correct these first.');
  });
});

/** A GPU and the machine around it, as people may declare them. */
const text = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 .-]{0,20}[A-Za-z0-9]$/);
const gb = fc.oneof(fc.integer({ min: 1, max: 512 }), fc.double({ min: 0.001, max: 1000, noNaN: true }));
const gpu = fc.record(
  {
    vendor: fc.constantFrom(...gpuVendors),
    vram_gb: gb,
    name: text,
    count: fc.integer({ min: 1, max: 64 }),
    api: text,
    integrated: fc.boolean(),
  },
  { requiredKeys: ['vendor', 'vram_gb'] },
);
const profile: fc.Arbitrary<Profile> = fc.record(
  {
    id: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
    memory_gb: gb,
    preset: fc.constantFrom(...presets.map(({ id }) => id)),
    os: fc.constantFrom(...operatingSystems),
    arch: fc.constantFrom(...architectures),
    name: text,
    gpu: fc.oneof(gpu, fc.array(gpu, { maxLength: 3 }), fc.constant(null)),
    unified_memory_gb: gb,
    engine: fc.constantFrom(...engines),
    board: text,
    measured: fc.boolean(),
    required: fc.boolean(),
    'runs-on': fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })),
  },
  { requiredKeys: ['id', 'memory_gb', 'os', 'arch'] },
);
const profiles = fc.uniqueArray(profile, {
  minLength: 1,
  maxLength: 5,
  selector: ({ id }) => id?.toLowerCase(),
});

describe('properties', () => {
  test('what a valid file says is printed and read again as the same', () => {
    fc.assert(
      fc.property(profiles, (items) => {
        const first = json(JSON.stringify({ targets: items }));
        expect(problemsOf(first)).toEqual([]);
        if (!first.ok) return;
        const printed = { targets: first.targets.map(profileOf) };
        expect(json(JSON.stringify(printed, null, 2))).toEqual(first);
        expect(yaml(stringify(printed))).toEqual(first);
        for (const [at, item] of items.entries()) {
          const facts = first.targets[at]?.facts as HardwareFacts;
          expect(facts).toMatchObject({ os: item.os, arch: item.arch, memoryGb: item.memory_gb });
          if (item.engine === undefined && item.preset === undefined) {
            expect(facts.engine).toBe(defaultEngine(facts.os, facts.wsl));
          }
        }
      }),
    );
  });

  test('every preset is printed and read again as the same', () => {
    expect(json(JSON.stringify({ targets: presets.map(profileOf) }))).toEqual({ ok: true, targets: presets });
  });

  // Values that come near a targets file, beside any value at all.
  const near = fc.dictionary(
    fc.constantFrom(...profileFields, ...gpuFields, '__proto__', 'constructor', 'runs_on'),
    fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom('linux', 'x64', 'rtx-4060'),
      fc.record({ vendor: fc.jsonValue() }),
    ),
  );
  const any = fc.oneof(
    fc.jsonValue(),
    fc.record({ targets: fc.jsonValue() }),
    fc.record({ targets: fc.array(fc.oneof(near, fc.jsonValue({ maxDepth: 1 }))) }),
  );

  test('any JSON gives targets, or problems with a place and a message on one line', () => {
    fc.assert(
      fc.property(any, (value) => {
        const source = JSON.stringify(value, null, 1);
        const lines = source.split('\n').length;
        for (const parsed of [json(source), yaml(source)]) {
          if (parsed.ok) expect(parsed.targets.length).toBeGreaterThan(0);
          else expect(parsed.problems.length).toBeGreaterThan(0);
          for (const { message, range } of parsed.ok ? [] : parsed.problems) {
            expect(message).toMatch(/^[^\n\r\u001b]+[.?]$/);
            if (range !== null) expect(range.endLine).toBeLessThanOrEqual(lines);
          }
        }
      }),
    );
  });

  test('any text gives targets or problems', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (source) => {
        for (const parsed of [json(source), yaml(source)]) expect(parsed.ok).toBe(false);
      }),
    );
  });
});

describe('the schema', () => {
  const schema = JSON.parse(readFileSync(new URL('../schemas/targets.schema.json', import.meta.url), 'utf8'));
  const { presetId, profile, gpu } = schema.$defs;

  test('knows the presets and fields that the code knows', () => {
    expect(presetId.enum).toEqual(presets.map(({ id }) => id));
    expect(Object.keys(profile.properties)).toEqual(profileFields);
    expect(Object.keys(gpu.properties)).toEqual(gpuFields);
    expect(gpu.properties.vendor.enum).toEqual(gpuVendors);
    expect(profile.properties.os.enum).toEqual(operatingSystems);
    expect(profile.properties.arch.enum).toEqual(architectures);
    expect(profile.properties.engine.enum).toEqual(engines);
  });

  test('explains every field, with examples that it accepts', () => {
    const ajv = new Ajv2020({ allowUnionTypes: true });
    ajv.addSchema(schema);
    for (const [path, owner] of [
      ['', schema],
      ['/$defs/profile', profile],
      ['/$defs/gpu', gpu],
    ] as const) {
      for (const [field, definition] of Object.entries<Record<string, unknown[]>>(owner.properties)) {
        expect(definition['description'], `${path} ${field}`).toMatch(/\.$/);
        const validate = ajv.getSchema(`${schema.$id}#${path}/properties/${encodeURIComponent(field)}`);
        for (const example of definition['examples'] ?? []) {
          expect(validate?.(example), `${path} ${field} ${JSON.stringify(example)}`).toBe(true);
        }
        expect(definition['examples']?.length, `${path} ${field}`).toBeGreaterThan(0);
      }
    }
    for (const example of schema.examples) {
      expect(problemsOf(json(JSON.stringify(example)))).toEqual([]);
    }
    for (const example of profile.examples) {
      expect(problemsOf(json(JSON.stringify({ targets: [example] })))).toEqual([]);
    }
  });
});

describe('choosing targets', () => {
  const host: Target = { ...(findPreset('cpu-32gb') as Target), id: 'this-machine', name: 'this machine' };
  const files = new Map([
    ['lab.json', '{"targets": ["l4", {"id": "lab", "preset": "t4"}]}'],
    ['ci/own', '{"targets": [{"id": "LAB", "preset": "rtx-4060"}]}'],
    ['bad.yml', 'targets:\n  - l5\n  - 7\n'],
  ]);
  const choose = (...specs: string[]) =>
    selectTargets(specs, {
      async readTargetsFile(path) {
        const text = files.get(path);
        return text === undefined
          ? {
              ok: false,
              problems: [{ message: 'There is no such file. Check the path.', range: null }],
            }
          : parseTargetsFile(path, text, isYaml(path) ? parseYaml : null);
      },
      detect: async () => host,
    });

  test.each([
    [['rtx-4060'], ['rtx-4060']],
    [
      ['rtx-4060, mac-m1-8', 'l4'],
      ['rtx-4060', 'mac-m1-8', 'l4'],
    ],
    [
      ['lab.json', 'detect'],
      ['l4', 'lab', 'this-machine'],
    ],
    [
      ['l4,lab.json,l4', 'lab.json', 'detect,,detect'],
      ['l4', 'lab', 'this-machine'],
    ],
  ])('%j', async (specs, ids) => {
    const selection = await choose(...specs);
    expect(selection.ok && selection.targets.map(({ id }) => id)).toEqual(ids);
  });

  const none = 'no target is given. Name a preset (mn target list shows them), a file, or detect.';
  test.each([
    [
      ['rtx4090', 'mac-m2-16', 'nothing-like-it', 'RTX-4060', 'detec'],
      [
        'unknown target "rtx4090". Did you mean rtx-4090? See mn target list (109 presets), or give a file.',
        'unknown target "nothing-like-it". See mn target list (109 presets), or give a file.',
        'unknown target "RTX-4060". Did you mean rtx-4060? See mn target list (109 presets), or give a file.',
        'unknown target "detec". Did you mean detect? See mn target list (109 presets), or give a file.',
      ],
    ],
    [
      ['lab.json', 'ci/own'],
      [
        'two different targets have the id "LAB": one from "lab.json", one from "ci/own". Give one of them another id.',
      ],
    ],
    [
      ['bad.yml', 'gone.json', 'no'],
      [
        'bad.yml:2:5 Unknown preset "l5". Did you mean l4? See mn target list (109 presets).',
        'bad.yml:3:5 targets[1] must be a preset or a machine; found 7. Write the id of a preset, or an object.',
        'gone.json:- There is no such file. Check the path.',
        'unknown target "no". See mn target list (109 presets), or give a file.',
      ],
    ],
    [[], [none]],
    [[' , ', ''], [none]],
    [['\u001b[31m'], ['unknown target "\\u{1b}[31m". See mn target list (109 presets), or give a file.']],
  ])('refuses %j', async (specs, messages) => {
    const selection = await choose(...specs);
    const told = selection.ok
      ? []
      : selection.problems.map(({ message, file, range }) =>
          file === null
            ? message
            : `${file}:${range === null ? '-' : `${range.line}:${range.column}`} ${message}`,
        );
    expect(told).toEqual(messages);
  });

  test.each([
    [[], { ok: true, file: null }],
    [['.mn/targets.yml'], { ok: true, file: '.mn/targets.yml' }],
    [['.mn/targets.json'], { ok: true, file: '.mn/targets.json' }],
    [
      ['.mn/targets.json', '.mn/targets.yaml', '.mn/targets.yml'],
      {
        ok: false,
        problem: {
          message:
            'there is more than one targets file: .mn/targets.json, .mn/targets.yaml, .mn/targets.yml. Keep .mn/targets.json, .mn/targets.yaml or .mn/targets.yml, and remove the rest.',
          file: null,
          range: null,
        },
      },
    ],
  ])('default file among %j', (existing: string[], expected) => {
    expect(defaultTargetsFile((path) => existing.includes(path))).toEqual(expected);
  });
});

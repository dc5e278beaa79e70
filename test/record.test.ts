import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseAmdSmi } from '../src/hardware/detect/amd.ts';
import { parseDisplays, parseSysctl } from '../src/hardware/detect/apple.ts';
import { detect } from '../src/hardware/detect/detect.ts';
import { parseDockerVersion } from '../src/hardware/detect/docker.ts';
import {
  cgroupLimitFiles,
  containerOf,
  isWsl,
  parseCpuinfo,
  parseOsRelease,
} from '../src/hardware/detect/linux.ts';
import { parseMigMemory, parseMigProfiles, parseNvidiaSmi } from '../src/hardware/detect/nvidia.ts';
import type { Probe, Ran } from '../src/hardware/detect/probe.ts';
import type { Recording } from '../src/hardware/detect/recording.ts';
import { scrub } from '../src/hardware/detect/scrub.ts';
import { parseVulkan } from '../src/hardware/detect/vulkan.ts';
import { parseDevices, parseRegistry, windowsGpus } from '../src/hardware/detect/windows.ts';
import type { RecordedMachine } from '../src/io/record.ts';
import { hostIdentity, recordedVariables, recordingProbe, writeRecording } from '../src/io/record.ts';
import { writeWhole } from '../src/io/write.ts';
import { machineNames, replay } from './machines/replay.ts';

vi.mock('../src/io/write.ts', async (original) => {
  const real = await original<typeof import('../src/io/write.ts')>();
  return { writeWhole: vi.fn(real.writeWhole) };
});

const base = mkdtempSync(join(tmpdir(), 'record-'));
afterAll(() => rmSync(base, { recursive: true }));
let folder = '';
let count = 0;
beforeEach(() => {
  folder = join(base, `${++count}`, 'machine');
});

const identity = {
  hostNames: ['planted-host.lab.example', 'PLANTED-PC'],
  userNames: ['planted-user', 'Pia Planted'],
  homeFolders: ['/home/planted-user', '/srv/people/pia', 'C:\\Users\\Pia Planted'],
};
const clean = (text: string) => scrub(text, identity);

describe('scrub', () => {
  const zero = '00000000-0000-0000-0000-000000000000';

  // What a probe printed, what is left of it, and what detection reads from both.
  test.each<[string, (text: string) => unknown, string, string]>([
    [
      'nvidia-smi -L',
      parseMigProfiles,
      `GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5c1d8f6e-21b7-9d3a-8e4f-7a6b5c4d3e2f)
  MIG 3g.20gb     Device  0: (UUID: MIG-0b9c8d7e-6f5a-4b3c-8d1e-0f9a8b7c6d5e)
  MIG 1g.5gb      Device  1: (UUID: MIG-GPU-5c1d8f6e-21b7-9d3a-8e4f-7a6b5c4d3e2f/9/0)
`,
      `GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-${zero})
  MIG 3g.20gb     Device  0: (UUID: MIG-${zero})
  MIG 1g.5gb      Device  1: (UUID: MIG-GPU-${zero}/9/0)
`,
    ],
    [
      'nvidia-smi -q -x',
      parseMigMemory,
      `<gpu id="00000000:01:00.0">
	<product_name>NVIDIA A100-SXM4-40GB</product_name>
	<serial>1324120040011</serial>
	<uuid>GPU-5c1d8f6e-21b7-9d3a-8e4f-7a6b5c4d3e2f</uuid>
	<pdi>0x8f3a11c09d7e6b52</pdi>
	<vbios_version>92.00.45.00.03</vbios_version>
	<mig_device><fb_memory_usage><total>19968 MiB</total><free>19955 MiB</free></fb_memory_usage></mig_device>
	<process_info><pid>4711</pid><process_name>/srv/people/pia/train --run=x</process_name></process_info>
</gpu>
`,
      `<gpu id="00000000:01:00.0">
	<product_name>NVIDIA A100-SXM4-40GB</product_name>
	<serial>REMOVED</serial>
	<uuid>GPU-${zero}</uuid>
	<pdi>REMOVED</pdi>
	<vbios_version>92.00.45.00.03</vbios_version>
	<mig_device><fb_memory_usage><total>19968 MiB</total><free>19955 MiB</free></fb_memory_usage></mig_device>
	<process_info><pid>4711</pid><process_name>REMOVED</process_name></process_info>
</gpu>
`,
    ],
    [
      'nvidia-smi as CSV with a heading',
      String,
      'name, memory.total, serial, uuid\r\nNVIDIA L4, 23034, 1324120040011, GPU-x\r\nplanted-user, 1\r\n',
      'name, memory.total, serial, uuid\r\nNVIDIA L4, 23034, REMOVED, REMOVED\r\nREMOVED, 1\r\n',
    ],
    [
      'nvidia-smi as detection asks it',
      parseNvidiaSmi,
      'NVIDIA GeForce RTX 4060, 8188, 7638, 580.95.05, [N/A]\n',
      'NVIDIA GeForce RTX 4060, 8188, 7638, 580.95.05, [N/A]\n',
    ],
    [
      'system_profiler',
      parseDisplays,
      `{"SPDisplaysDataType": [{
  "_name": "Apple M3 Max",
  "spdisplays_ndrvs": [{ "_name": "Pia Planted’s screen", "spdisplays_display-serial-number": "H1AK500000", "_spdisplays_display-serial-number2": 810173527 }],
  "spdisplays_vendor": "sppci_vendor_Apple",
  "sppci_model": "Apple M3 Max"
}]}
`,
      `{"SPDisplaysDataType": [{
  "_name": "Apple M3 Max",
  "spdisplays_ndrvs": [{ "_name": "REMOVED’s screen", "spdisplays_display-serial-number": "REMOVED", "_spdisplays_display-serial-number2": 0 }],
  "spdisplays_vendor": "sppci_vendor_Apple",
  "sppci_model": "Apple M3 Max"
}]}
`,
    ],
    [
      'system_profiler in full',
      parseDisplays,
      '      Model Identifier: Mac15,9\n      Serial Number (system): H7XQ2PLANT\n      Hardware UUID: 5C1D8F6E-21B7-9D3A-8E4F-7A6B5C4D3E2F\n      User Name: Pia Planted (pia)\n',
      `      Model Identifier: Mac15,9\n      Serial Number (system): REMOVED\n      Hardware UUID: ${zero}\n      User Name: REMOVED\n`,
    ],
    [
      'ioreg',
      parseDisplays,
      '    "IOPlatformSerialNumber" = "H7XQ2PLANT"\n    "IOPlatformUUID" = "5C1D8F6E-21B7-9D3A-8E4F-7A6B5C4D3E2F"\n',
      `    "IOPlatformSerialNumber" = "REMOVED"\n    "IOPlatformUUID" = "${zero}"\n`,
    ],
    [
      'sysctl',
      parseSysctl,
      'hw.model: Mac15,9\nhw.memsize: 137438953472\nmachdep.cpu.brand_string: Apple M3 Max\nkern.hostname: other-mac.local\nkern.uuid: 5C1D8F6E-21B7-9D3A-8E4F-7A6B5C4D3E2F\n',
      `hw.model: Mac15,9\nhw.memsize: 137438953472\nmachdep.cpu.brand_string: Apple M3 Max\nkern.hostname: REMOVED\nkern.uuid: ${zero}\n`,
    ],
    [
      '/proc/cpuinfo of a Pi',
      parseCpuinfo,
      'processor\t: 0\nCPU part\t: 0xd0b\n\nRevision\t: d04170\nSerial\t\t: 10000000f00dcafe\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n',
      'processor\t: 0\nCPU part\t: 0xd0b\n\nRevision\t: d04170\nSerial\t\t: REMOVED\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n',
    ],
    [
      '/proc/cpuinfo of a PC',
      parseCpuinfo,
      'processor\t: 0\nmodel name\t: Intel(R) Xeon(R) CPU@3.20GHz\nflags\t\t: fpu hypervisor\n',
      'processor\t: 0\nmodel name\t: Intel(R) Xeon(R) CPU@3.20GHz\nflags\t\t: fpu hypervisor\n',
    ],
    [
      'amd-smi static',
      parseAmdSmi,
      '{"gpu_data":[{"gpu":0,"asic":{"market_name":"AMD Radeon RX 7800 XT","asic_serial":"0x8F3A11C09D7E6B52"},"board":{"product_serial":"692251001124"},"vram":{"type":"GDDR6","size":{"value":16368,"unit":"MB"}}}]}',
      '{"gpu_data":[{"gpu":0,"asic":{"market_name":"AMD Radeon RX 7800 XT","asic_serial":"REMOVED"},"board":{"product_serial":"REMOVED"},"vram":{"type":"GDDR6","size":{"value":16368,"unit":"MB"}}}]}',
    ],
    [
      'rocm-smi',
      parseAmdSmi,
      '{"card0": {"Unique ID": "0x8f3a11c09d7e6b52", "Serial Number": "692251001124", "Card Series": "Radeon RX 7900 XT"}}',
      '{"card0": {"Unique ID": "REMOVED", "Serial Number": "REMOVED", "Card Series": "Radeon RX 7900 XT"}}',
    ],
    [
      'PowerShell: devices',
      (text) => [parseDevices(text)?.totalBytes, windowsGpus(null, parseDevices(text))],
      '{"Caption":"Microsoft Windows 11 Pro","TotalBytes":34133254144,"UserName":"PLANTED-PC\\\\Pia Planted","Controllers":[{"Name":"NVIDIA GeForce RTX 4070","DriverVersion":"32.0.15.8142","Id":"PCI\\\\VEN_10DE&DEV_2786&SUBSYS_88851043&REV_A1\\\\4&1D81E16&0&0019"},{"Name":"Qualcomm(R) Adreno(TM) X1-85 GPU","DriverVersion":"31.0.112.0","Id":"ACPI\\\\VEN_QCOM&DEV_0D17"}]}',
      '{"Caption":"Microsoft Windows 11 Pro","TotalBytes":34133254144,"UserName":"REMOVED","Controllers":[{"Name":"NVIDIA GeForce RTX 4070","DriverVersion":"32.0.15.8142","Id":"PCI\\\\VEN_10DE&DEV_2786&SUBSYS_88851043&REV_A1\\\\REMOVED"},{"Name":"Qualcomm(R) Adreno(TM) X1-85 GPU","DriverVersion":"31.0.112.0","Id":"ACPI\\\\VEN_QCOM&DEV_0D17"}]}',
    ],
    [
      'PowerShell: registry',
      parseRegistry,
      '{"Arch":"AMD64","Cpu":"13th Gen Intel(R) Core(TM) i7-13700K","Adapters":{"DriverDesc":"Radeon RX 9070","MatchingDeviceId":"pci\\\\ven_1002&dev_7550","HardwareInformation.qwMemorySize":17095983104}}',
      '{"Arch":"AMD64","Cpu":"13th Gen Intel(R) Core(TM) i7-13700K","Adapters":{"DriverDesc":"Radeon RX 9070","MatchingDeviceId":"pci\\\\ven_1002&dev_7550","HardwareInformation.qwMemorySize":17095983104}}',
    ],
    [
      'an error of PowerShell',
      parseDevices,
      'At C:\\Users\\Pia Planted\\check.ps1:1 char:1, C:\\Users\\other\\x, planted-pc\\pia planted\r\n',
      'At C:\\Users\\REMOVED\\check.ps1:1 char:1, C:\\Users\\REMOVED\\x, REMOVED\\REMOVED\r\n',
    ],
    [
      'vulkaninfo',
      parseVulkan,
      'GPU0:\n\tvendorID           = 0x8086\n\tdriverVersion      = 24.2.8.1\n\tdeviceType         = PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU\n\tdeviceName         = Intel(R) Graphics (ARL)\n\tdeviceUUID         = 8680a07d-0300-0000-0002-0f1e2d3c4b5a\n',
      `GPU0:\n\tvendorID           = 0x8086\n\tdriverVersion      = 24.2.8.1\n\tdeviceType         = PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU\n\tdeviceName         = Intel(R) Graphics (ARL)\n\tdeviceUUID         = ${zero}\n`,
    ],
    [
      'docker version',
      parseDockerVersion,
      '{"Client":{"Version":"28.5.1","Context":"pias-server"},"Server":{"Platform":{"Name":"Docker Desktop 4.49.0"},"Version":"28.5.1"}}',
      '{"Client":{"Version":"28.5.1","Context":"REMOVED"},"Server":{"Platform":{"Name":"Docker Desktop 4.49.0"},"Version":"28.5.1"}}',
    ],
    [
      'an unreachable Docker Desktop',
      parseDockerVersion,
      '{"Client":{"Version":"28.5.1","Context":"desktop-linux"},"Server":null}',
      '{"Client":{"Version":"28.5.1","Context":"desktop-linux"},"Server":null}',
    ],
    [
      'an error of docker',
      parseDockerVersion,
      'cannot connect to tcp://build7.corp.example:2375 or ssh://pia@build7, dial tcp 10.20.30.40:2375, [fe80::1ff:fe23:4567:890a%en0]:2375, 127.0.0.1, [::1]:80, 02:42:ac:11:00:02, unix:///srv/people/pia/.docker/run/docker.sock\n',
      'cannot connect to tcp://REMOVED:2375 or ssh://REMOVED@REMOVED, dial tcp 0.0.0.0:2375, [::]:2375, 127.0.0.1, [::1]:80, 00:00:00:00:00:00, unix:///home/REMOVED/.docker/run/docker.sock\n',
    ],
    [
      '/proc/version of WSL2',
      (text) => isWsl({}, text),
      'Linux version 5.15.153.1-microsoft-standard-WSL2 (root@941d701f84f1) (gcc (GCC) 11.2.0)\n',
      'Linux version 5.15.153.1-microsoft-standard-WSL2 (REMOVED@REMOVED) (gcc (GCC) 11.2.0)\n',
    ],
    [
      'the release of WSL2',
      String,
      '5.15.153.1-microsoft-standard-WSL2',
      '5.15.153.1-microsoft-standard-WSL2',
    ],
    [
      '/etc/os-release',
      parseOsRelease,
      'PRETTY_NAME="Storage OS 7.2.1.69"\nVERSION_ID="7.2.1.69"\nBUILD=10.20.30.40\n',
      'PRETTY_NAME="Storage OS 7.2.1.69"\nVERSION_ID="7.2.1.69"\nBUILD=0.0.0.0\n',
    ],
    [
      '/proc/self/cgroup',
      (text) => [
        cgroupLimitFiles(text).length,
        containerOf({ dockerEnv: null, containerEnv: null, selfCgroup: text }, {}),
      ],
      '0::/user.slice/user@1000.service/session-3.scope\n11:memory:/system.slice/actions.runner.pia-models.pias-box.service/docker/4f5e6a7b4f5e6a7b4f5e6a7b4f5e6a7b4f5e6a7b4f5e6a7b4f5e6a7b4f5e6a7b/kubepods-pod5c1d8f6e_21b7_9d3a_8e4f_7a6b5c4d3e2f.slice\n',
      `0::/user.slice/user@1000.service/session-3.scope\n11:memory:/system.slice/actions.runner.REMOVED.service/docker/${'0'.repeat(64)}/kubepods-pod${zero.replaceAll('-', '_')}.slice\n`,
    ],
  ])('%s', (_, read, raw, left) => {
    expect(clean(raw)).toBe(left);
    if (read !== String) expect(read(left)).toEqual(read(raw));
  });

  // Names of the field are no names of people.
  test.each([
    ['nvidia', 'NVIDIA Thor, nvidia-smi at /home/nvidia/x', 'NVIDIA Thor, nvidia-smi at /home/REMOVED/x'],
    [
      'Max',
      'Apple M3 Max, memory.max, max@box, user: max',
      'Apple M3 Max, memory.max, REMOVED@REMOVED, user: max',
    ],
    ['server', '{"Server":{}} ssh://server/', '{"Server":{}} ssh://REMOVED/'],
    ['pi', 'Raspberry Pi 5', 'Raspberry Pi 5'],
    ['8188', 'RTX 4060, 8188', 'RTX 4060, 8188'],
    ['', 'RTX 4060', 'RTX 4060'],
    ['a.b+c', 'a.b+c, aab+c, xa.b+c', 'REMOVED, aab+c, xa.b+c'],
    ['Jürgen', 'JÜRGEN, Jürgens, a_jürgen', 'REMOVED, Jürgens, a_jürgen'],
    ['planted', 'planted.example Planted-PC unplanted', 'REMOVED.example REMOVED-PC unplanted'],
  ])('the name %j', (name, raw, left) => {
    expect(scrub(raw, { hostNames: [name], userNames: [name], homeFolders: [] })).toBe(left);
  });

  const part = fc.oneof(
    fc.constantFrom(
      ...'serial uuid "user" hostname asset GPU- MIG- Serial\t: <uuid> </uuid> <serial> </serial> "serial":" "uuid":12'.split(
        ' ',
      ),
      ...'"Context":" PCI\\VEN_1\\2&3 ACPI\\\\X\\\\4 C:\\Users\\ /home/ /Users/ tcp:// ssh:// @ version 10.1.2.3 1.2.3.4.5'.split(
        ' ',
      ),
      ...'fe80::1 :: ::ffff:10.0.0.1 02:42:ac:11:00:02 0000:01:00.0 REMOVED GPU-5c1d8f6e-21b7-9d3a-8e4f-7a6b5c4d3e2f'.split(
        ' ',
      ),
      ...'4f5e6a7b4f5e6a7b4f5e6a7b4f5e6a7b planted-user Planted-PC /srv/people/pia actions.runner.x .service Pia'.split(
        ' ',
      ),
      ...[
        ' ',
        '\n',
        '\r\n',
        '\t',
        ',',
        ', ',
        ':',
        '=',
        '"',
        '\\',
        '{',
        '}',
        '[',
        '/',
        '.',
        '-',
        '0',
        'a',
        'é',
        '\u2028',
      ],
    ),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  test('twice is as good as once', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 25 }), (parts) => {
        const once = clean(parts.join(''));
        expect(clean(once)).toBe(once);
      }),
      { numRuns: 3000 },
    );
  });
});

/** Reads a written folder as one recording. */
function readRecording(from: string): Recording {
  return JSON.parse(readFileSync(join(from, 'machine.json'), 'utf8'), (_, value) =>
    typeof value?.file === 'string' ? readFileSync(join(from, value.file), 'utf8') : value,
  ) as Recording;
}

async function record(machine: Probe) {
  const { probe, recording } = recordingProbe(machine, identity);
  const detection = await detect(probe);
  writeRecording(folder, recording());
  const texts = readdirSync(folder).map((name) => `${name}\n${readFileSync(join(folder, name), 'utf8')}`);
  return { detection, replayed: await detect(replay('', readRecording(folder))), texts: texts.join('\n') };
}

// Both as lines and as fields, in every output that has room for it.
const secrets = [
  ['serial', 'H7XQ2PLANT'],
  ['uuid', 'GPU-5c1d8f6e-21b7-9d3a-8e4f-7a6b5c4d3e2f'],
  ['mac', '02:42:ac:11:ba:d2'],
  ['address', '10.20.30.40'],
  ['address6', 'fe80::bad:cafe'],
  ['mail', 'someone@mail.example'],
  ['host', 'planted-host'],
  ['domain', 'planted-host.lab.example'],
  ['person', 'PIA PLANTED'],
  ['login', 'planted-user'],
  ['home', '/srv/people/pia/models'],
  ['userprofile', 'C:\\\\Users\\\\Pia Planted\\\\x'],
  ['device', 'PCI\\\\VEN_10DE&DEV_2786\\\\4&1D81E16&0&0019'],
] as const;
const traces =
  /planted|pia\b|H7XQ2|5c1d8f6e|ba:d2|10\.20\.30|bad:cafe|someone|mail\.example|lab\.example|1D81E16/i;

function planted(text: string): string {
  if (/^\s*\[?\{/m.test(text)) {
    return text.replace('{', `{${secrets.map(([name, value]) => `"${name}":"${value}",`).join('')}`);
  }
  if (text.includes('<gpu id=')) {
    return text.replace(
      /<gpu id=[^>]*>/g,
      (tag) => tag + secrets.map(([name, value]) => `<${name}>${value}</${name}>`).join(''),
    );
  }
  // The only text of a file in /sys is a number.
  return text.trim().includes('\n') || text.includes(',')
    ? `${text}${secrets.map(([name, value]) => `${name}: ${value}`).join('\n')}\n`
    : text;
}

describe('a recording', () => {
  test.each(machineNames)('of %s gives the same detection', async (name) => {
    const { detection, replayed, texts } = await record(replay(name));
    expect(replayed).toEqual(detection);
    expect(detection).toEqual(await detect(replay(name)));
    expect(texts).not.toMatch(/planted/i);
  });

  test.each(machineNames)('of %s holds nothing that identifies', async (name) => {
    const machine = replay(name);
    const { replayed, texts } = await record({
      ...machine,
      env: {
        ...machine.env,
        USER: 'planted-user',
        SECRET: 'H7XQ2PLANT',
        DOCKER_HOST: machine.env['DOCKER_HOST'],
      },
      run: async (command, args, timeoutMs) => {
        const ran = await machine.run(command, args, timeoutMs);
        return { ...ran, stdout: planted(ran.stdout), stderr: `${ran.stderr}${planted('a,b\n')}` };
      },
      readFile: async (path) => {
        const text = await machine.readFile(path);
        return text === null ? null : planted(text);
      },
    });
    expect(replayed).toEqual(await detect(machine));
    expect(traces.exec(texts)?.[0]).toBeUndefined();
  });

  test('follows what its environment and its control groups are called', async () => {
    const id = '4f5e6a7b'.repeat(8);
    const { detection, replayed, texts } = await record({
      ...replay('rtx-4060'),
      env: { HOME: '/srv/people/pia', XDG_RUNTIME_DIR: '/srv/people/pia/run', WSL_DISTRO_NAME: 'Planted' },
      readFile: async (path) =>
        new Map([
          ['/proc/meminfo', 'MemTotal:       32768000 kB\n'],
          ['/proc/self/cgroup', `0::/planted-host/${id}\n`],
          [`/sys/fs/cgroup/planted-host/${id}/memory.max`, '8589934592\n'],
        ]).get(path) ?? null,
      listFolder: async (path) => (path === '/sys/class/drm' ? ['card0', 'planted-user', 'version'] : []),
      reachable: async (address) => 'path' in address && address.path === '/srv/people/pia/run/docker.sock',
    });
    expect(detection.memory.limitGib?.value).toBe(8);
    expect(detection.docker.serverReachable.value).toBe(true);
    expect(replayed).toEqual(detection);
    expect(traces.exec(texts)?.[0]).toBeUndefined();
    const { env, files, reachable } = readRecording(folder);
    expect(env).toEqual({
      HOME: '/home/REMOVED',
      XDG_RUNTIME_DIR: '/home/REMOVED/run',
      WSL_DISTRO_NAME: 'REMOVED',
    });
    expect(reachable).toEqual(['/home/REMOVED/run/docker.sock']);
    expect(Object.keys(files ?? {})).toEqual(
      [
        '/proc/meminfo',
        '/proc/self/cgroup',
        `/sys/fs/cgroup/REMOVED/${'0'.repeat(64)}/memory.max`,
        '/sys/class/drm/card0',
        '/sys/class/drm/version',
      ].sort(),
    );
  });

  test.each([
    ['tcp://10.20.30.40:2375', 'tcp://REMOVED'],
    ['ssh://pia@planted-host', 'ssh://REMOVED'],
    ['unix:///srv/people/pia/docker.sock', 'unix://REMOVED'],
    ['planted-host:2375', 'REMOVED'],
    ['', ''],
  ])('of DOCKER_HOST=%s', async (DOCKER_HOST, recorded) => {
    const { detection, replayed } = await record({ ...replay('docker-elsewhere'), env: { DOCKER_HOST } });
    expect(replayed).toEqual(detection);
    expect(readRecording(folder).env).toEqual({ DOCKER_HOST: recorded });
  });

  test('says how every program ended', async () => {
    const ends: Ran['ended'][] = ['ok', 'failed', 'missing', 'denied', 'late', 'cut', 'killed'];
    const { probe, recording } = recordingProbe(
      {
        ...replay('rtx-4060'),
        run: async (_, [ended]) => ({
          ended: ended as Ran['ended'],
          code: ended === 'failed' ? 9 : null,
          stdout: 'x',
          stderr: '',
        }),
      },
      identity,
    );
    for (const ended of ends) await probe.run('planted-user', [ended], 1);
    expect(recording().commands).toEqual({
      'planted-user cut': { stdout: 'x', ended: 'cut' },
      'planted-user denied': { stdout: 'x', ended: 'denied' },
      'planted-user failed': { stdout: 'x', code: 9 },
      'planted-user killed': { stdout: 'x', ended: 'killed' },
      'planted-user late': { stdout: 'x', ended: 'late' },
      'planted-user ok': { stdout: 'x' },
    });
  });

  test('knows every variable that detection looks at', async () => {
    const looked = new Set<string>();
    for (const name of machineNames) {
      const machine = replay(name);
      const env = new Proxy(machine.env, {
        get: (target, key) => {
          looked.add(String(key));
          return Reflect.get(target, key);
        },
      });
      await detect({ ...machine, env });
    }
    expect([...looked].sort()).toEqual([...recordedVariables].sort());
  });

  test('removes the names of the machine that it is made on', () => {
    expect(hostIdentity().hostNames).toContain(hostname());
    expect(hostIdentity().userNames).toContain(userInfo().username);
  });
});

describe('writing', () => {
  const long = 'line\n'.repeat(100);
  const machine: RecordedMachine = {
    about: 'A machine.',
    platform: 'linux',
    arch: 'x64',
    release: '6.8.0',
    env: {},
    files: { '/proc/meminfo': long, '/proc/version': 'short\n' },
    commands: {
      'nvidia-smi -L': { stdout: long },
      'nvidia-smi -q -x': { stdout: long, stderr: long },
      'C:\\Program Files\\NVIDIA Corporation\\NVSMI\\nvidia-smi.exe -L': { stdout: long, code: 1 },
    },
    reachable: ['/var/run/docker.sock'],
  };
  const names = [
    'meminfo.txt',
    'nvidia-smi.txt',
    'nvidia-smi-2.txt',
    'nvidia-smi-stderr.txt',
    'nvidia-smi-3.txt',
    'machine.json',
  ];

  test('puts long texts beside machine.json', () => {
    expect(writeRecording(folder, machine)).toEqual(names);
    expect(readdirSync(folder).sort()).toEqual([...names].sort());
    expect(readRecording(folder)).toEqual(machine);
    const { files, commands } = JSON.parse(readFileSync(join(folder, 'machine.json'), 'utf8')) as Recording;
    expect(files).toEqual({ '/proc/meminfo': { file: 'meminfo.txt' }, '/proc/version': 'short\n' });
    expect(commands?.['nvidia-smi -q -x']).toEqual({
      stdout: { file: 'nvidia-smi-2.txt' },
      stderr: { file: 'nvidia-smi-stderr.txt' },
    });
  });

  test('takes an empty folder, and refuses any other', () => {
    mkdirSync(folder, { recursive: true });
    expect(writeRecording(folder, machine)).toEqual(names);
    rmSync(join(folder, 'machine.json'));
    const full = `The folder ${folder} is not empty. Name a new or an empty one.`;
    expect(() => writeRecording(folder, machine)).toThrow(new Error(full));
    expect(existsSync(join(folder, 'machine.json'))).toBe(false);
    const file = join(folder, 'meminfo.txt');
    const noFolder = `${file} is no folder. Name a new or an empty one.`;
    expect(() => writeRecording(file, machine)).toThrow(new Error(noFolder));
    expect(() => writeRecording(join(file, 'below'), machine)).toThrow(/ENOTDIR|EEXIST|ENOENT/);
    expect(readFileSync(file, 'utf8')).toBe(long);
  });

  test.each(names.flatMap((name, at) => [[at, name, true] as const, [at, name, false] as const]))(
    'leaves nothing where file %d (%s) fails; empty folder before: %j',
    (at, _, existed) => {
      if (existed) mkdirSync(folder, { recursive: true });
      const real = vi.mocked(writeWhole).getMockImplementation() as typeof writeWhole;
      for (let before = 0; before < at; before++) vi.mocked(writeWhole).mockImplementationOnce(real);
      vi.mocked(writeWhole).mockImplementationOnce((path) => {
        writeFileSync(join(folder, '..', 'attempt'), path);
        throw new Error('The disk is full.');
      });
      if (!existed) mkdirSync(join(folder, '..'));
      expect(() => writeRecording(folder, machine)).toThrow(new Error('The disk is full.'));
      expect(readFileSync(join(folder, '..', 'attempt'), 'utf8')).toBe(join(folder, names[at] ?? ''));
      expect(readdirSync(join(folder, '..')).sort()).toEqual(existed ? ['attempt', 'machine'] : ['attempt']);
      if (existed) expect(readdirSync(folder)).toEqual([]);
    },
  );

  test.each([
    ['../../../etc/passwd', 'passwd.txt'],
    ['..\\..\\x.exe', 'x.txt'],
    ['/', 'output.txt'],
    ['..', 'output.txt'],
    ['', 'output.txt'],
    ['a\0b\n../c:d', 'c-d.txt'],
    ['NUL', 'output-nul.txt'],
    ['machine.json', 'machine-json.txt'],
    ['__proto__', '__proto__.txt'],
    ['x'.repeat(300), `${'x'.repeat(40)}.txt`],
    ['\u202e\u{1f4a9}', 'output.txt'],
  ])('a command or file called %j stays in the folder', (name, file) => {
    const commands = Object.fromEntries([[name, { stdout: long }]]);
    expect(writeRecording(folder, { ...machine, files: {}, commands })).toEqual([file, 'machine.json']);
    expect(readRecording(folder).commands).toEqual(commands);
    rmSync(folder, { recursive: true });
    const files = Object.fromEntries([[name, long]]);
    expect(writeRecording(folder, { ...machine, files, commands: {} })).toEqual([file, 'machine.json']);
    expect(readdirSync(join(folder, '..'))).toEqual(['machine']);
  });
});

import type { GpuVendor } from '../facts.ts';
import { amdName, classified } from './amd.ts';
import { distinct, field, giveFacts, jsonOf, misbehaviour, whyNoAnswer, wordsOf } from './answers.ts';
import type { DetectedGpu, Detection, Note } from './detection.ts';
import { intelName, isIntelCard } from './intel.ts';
import { virtualMachineOf } from './linux.ts';
import type { NvidiaFound } from './nvidia.ts';
import { nvidiaName } from './nvidia.ts';
import type { Probe, Run } from './probe.ts';
import { toGib, toMib } from './probe.ts';

/** Windows PowerShell, which every Windows has. A full path: see `nvidiaSmiPlaces`. */
export function powershell(env: Readonly<Record<string, string | undefined>>): string {
  return `${env['SystemRoot'] ?? 'C:\\Windows'}\\System32\\WindowsPowerShell\\v1.0\\powershell.exe`;
}

const script = (text: string) => ['-NoProfile', '-NonInteractive', '-Command', text];

/** Graphics adapters with their true memory, architecture and processor, from the registry. */
export const registryArgs = script(
  "$e = Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment'; " +
    "$p = Get-ItemProperty 'HKLM:\\HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0'; " +
    '[pscustomobject]@{Arch=$e.PROCESSOR_ARCHITECTURE; Cpu=$p.ProcessorNameString; Adapters=@(' +
    "Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}\\[0-9]*' " +
    '-ErrorAction SilentlyContinue | Select-Object DriverDesc,MatchingDeviceId,DriverVersion,' +
    "'HardwareInformation.qwMemorySize','HardwareInformation.MemorySize')} | ConvertTo-Json -Compress -Depth 3",
);

/**
 * What is there now, from WMI: the registry also keeps adapters that were taken out. AdapterRAM is not asked
 * for: it ends at 4 GB. Of a device's id only the part that names its kind is printed.
 */
export const devicesArgs = script(
  '$c = Get-CimInstance Win32_ComputerSystem; $o = Get-CimInstance Win32_OperatingSystem; ' +
    '[pscustomobject]@{Caption=$o.Caption; FreeKib=$o.FreePhysicalMemory; TotalBytes=$c.TotalPhysicalMemory; ' +
    'Maker=$c.Manufacturer; Model=$c.Model; Controllers=@(Get-CimInstance Win32_VideoController | ' +
    "Select-Object Name,DriverVersion,@{n='Id';e={($_.PNPDeviceID -split '\\\\')[0..1] -join '\\'}})} | " +
    'ConvertTo-Json -Compress -Depth 3',
);

/** A graphics adapter as the registry has it. */
export interface Adapter {
  name: string;
  /** `pci\ven_10de&dev_2786` or `acpi\ven_qcom&dev_0d17`, in lower case. */
  id: string;
  driver: string | null;
  memoryMib: number | null;
}

export interface Registry {
  arm: boolean;
  cpu: string | null;
  adapters: Adapter[];
}

/** What the registry script prints; null where that is not readable. */
export function parseRegistry(stdout: string): Registry | null {
  const root = jsonOf(stdout);
  if (typeof root !== 'object' || root === null) return null;
  return {
    arm: String(field(root, 'Arch') ?? '').toUpperCase() === 'ARM64',
    cpu: wordsOf(field(root, 'Cpu')),
    adapters: listOf(field(root, 'Adapters')).flatMap((adapter) => {
      const name = wordsOf(field(adapter, 'DriverDesc'));
      if (name === null) return [];
      const size =
        bytesOf(field(adapter, 'HardwareInformation.qwMemorySize')) ??
        bytesOf(field(adapter, 'HardwareInformation.MemorySize'));
      return [
        {
          name,
          id: String(field(adapter, 'MatchingDeviceId') ?? '').toLowerCase(),
          driver: wordsOf(field(adapter, 'DriverVersion')),
          // Less than 64 MiB is a frame buffer.
          memoryMib: size === null || size < 64 * 2 ** 20 ? null : toMib(size),
        },
      ];
    }),
  };
}

/** One object where there is one, a list where there are several: so does ConvertTo-Json. */
function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
}

/** A number, a negative one that overflowed 32 bits, or bytes in little-endian order. */
function bytesOf(value: unknown): number | null {
  if (Array.isArray(value)) {
    const bytes = value.filter((byte): byte is number => typeof byte === 'number' && byte >= 0 && byte < 256);
    if (bytes.length !== value.length || bytes.length === 0 || bytes.length > 8) return null;
    return bytes.reduce((sum, byte, at) => sum + byte * 256 ** at, 0);
  }
  if (typeof value !== 'number' || !Number.isInteger(value) || value === 0) return null;
  return value < 0 ? value + 2 ** 32 : value;
}

export interface Devices {
  release: string | null;
  totalBytes: number | null;
  freeBytes: number | null;
  maker: string;
  model: string;
  controllers: { name: string; id: string; driver: string | null }[];
}

/** What the WMI script prints; null where that is not readable. */
export function parseDevices(stdout: string): Devices | null {
  const root = jsonOf(stdout);
  if (typeof root !== 'object' || root === null) return null;
  const number = (name: string) => {
    const value = Number(field(root, name) ?? Number.NaN);
    return value > 0 ? value : null;
  };
  const freeKib = number('FreeKib');
  return {
    release: wordsOf(field(root, 'Caption'))?.replace(/^Microsoft /, '') ?? null,
    totalBytes: number('TotalBytes'),
    freeBytes: freeKib === null ? null : freeKib * 1024,
    maker: wordsOf(field(root, 'Maker')) ?? '',
    model: wordsOf(field(root, 'Model')) ?? '',
    controllers: listOf(field(root, 'Controllers')).flatMap((controller) => {
      const name = wordsOf(field(controller, 'Name'));
      if (name === null) return [];
      const id = String(field(controller, 'Id') ?? '').toLowerCase();
      return [{ name, id, driver: wordsOf(field(controller, 'DriverVersion')) }];
    }),
  };
}

const vendorIds: readonly (readonly [RegExp, GpuVendor])[] = [
  [/^pci\\ven_10de/, 'nvidia'],
  [/^pci\\ven_1002/, 'amd'],
  [/^pci\\ven_8086/, 'intel'],
  // Adreno is no PCI device.
  [/^acpi\\ven_qcom|^acpi\\qcom|ven_(?:5143|17cb)/, 'qualcomm'],
];

/** The maker of an adapter; null for remote, basic and virtual displays, which are no GPU. */
export function adapterVendor(id: string, name: string): GpuVendor | null {
  if (/remote display|basic (?:display|render)|virtual|parsec|idd\b|citrix|mirror/i.test(name)) return null;
  const byId = vendorIds.find(([pattern]) => pattern.test(id))?.[1];
  return byId ?? (/\badreno\b/i.test(name) ? 'qualcomm' : null);
}

/** The GPUs that are there now; what the registry says of them. */
export function windowsGpus(registry: Registry | null, devices: Devices | null): DetectedGpu[] {
  const known = registry?.adapters ?? [];
  const present = devices?.controllers ?? known;
  const left = [...known];
  return present.flatMap(({ name, id, driver }) => {
    const at = left.findIndex((adapter) => adapter.name.toLowerCase() === name.toLowerCase());
    const adapter = at < 0 ? undefined : left.splice(at, 1)[0];
    const vendor = adapterVendor(id || (adapter?.id ?? ''), name);
    if (vendor === null) return [];
    return [windowsGpu(vendor, name, adapter?.memoryMib ?? null, driver ?? adapter?.driver ?? null)];
  });
}

function windowsGpu(
  vendor: GpuVendor,
  full: string,
  memoryMib: number | null,
  driver: string | null,
): DetectedGpu {
  const gpu: DetectedGpu = {
    vendor,
    name: full,
    memoryTotalMib: memoryMib,
    memoryFreeMib: null,
    driver,
    api: null,
    integrated: false,
    unified: false,
    slice: false,
    source: 'registry HardwareInformation.qwMemorySize, Win32_VideoController',
  };
  switch (vendor) {
    case 'nvidia':
      return { ...gpu, name: nvidiaName(full), driver: nvidiaVersion(driver), api: 'cuda' };
    case 'amd':
      return { ...classified({ ...gpu, name: amdName(full), api: 'vulkan' }) };
    case 'intel': {
      const name = intelName(full);
      return { ...gpu, name, api: 'vulkan', integrated: !isIntelCard(name) };
    }
    default:
      return { ...gpu, name: adrenoName(full), api: 'opencl', integrated: true, unified: true };
  }
}

/** NVIDIA's version by that of Windows: the last five digits of `32.0.15.7652` are 576.52. */
export function nvidiaVersion(driver: string | null): string | null {
  const digits =
    driver
      ?.split('.')
      .slice(-2)
      .map((part) => part.padStart(4, '0'))
      .join('')
      .slice(-5) ?? '';
  return /^\d{5}$/.test(digits) ? `${digits.slice(0, 3)}.${digits.slice(3)}` : null;
}

/** `Adreno X1-85` for `Qualcomm Adreno X1-85 GPU`. */
export function adrenoName(full: string): string {
  const series = /Adreno\s*(X\d(?:-\d+)?|\d{3})/i.exec(full)?.[1];
  return series === undefined ? full : `Adreno ${series.toUpperCase()}`;
}

export type WindowsSystem = Pick<
  Detection,
  'release' | 'arch' | 'virtualMachine' | 'cpu' | 'memory' | 'gpus'
> & { notes: Note[] };

export async function windowsSystem(
  probe: Probe,
  run: Run,
  nvidia: Promise<NvidiaFound>,
): Promise<WindowsSystem> {
  const program = powershell(probe.env);
  const [registryRan, devicesRan, bySmi] = await Promise.all([
    run(program, registryArgs),
    run(program, devicesArgs),
    nvidia,
  ]);
  const registry = registryRan.ended === 'ok' ? parseRegistry(registryRan.stdout) : null;
  const devices = devicesRan.ended === 'ok' ? parseDevices(devicesRan.stdout) : null;
  const notes = distinct(
    [registryRan, devicesRan].flatMap((ran) => misbehaviour('windows', 'PowerShell', ran)),
  );
  if (registry === null && devices === null && notes.length === 0) {
    const why = whyNoAnswer('PowerShell', registryRan) ?? 'PowerShell told nothing of the graphics adapters.';
    notes.push({ about: 'windows', text: `${why} ${giveFacts}` });
  }

  const arm = probe.arch === 'arm64' || (registry?.arm ?? false);
  if (arm && probe.arch !== 'arm64') {
    notes.push({
      about: 'system',
      text: 'Node for x64 runs translated on an arm64 processor. The processor is judged; install Node for arm64.',
    });
  }
  const adapters = windowsGpus(registry, devices);
  // nvidia-smi knows more of its cards than Windows does.
  const seenBySmi = bySmi.gpus.some(({ name }) => name !== null);
  const gpus = [
    ...(seenBySmi ? bySmi.gpus : []),
    ...adapters.filter(({ vendor }) => vendor !== 'nvidia' || !seenBySmi),
  ];
  if (gpus.length === 0) gpus.push(...bySmi.gpus);
  notes.push(...bySmi.notes);
  if (!seenBySmi && !bySmi.present && adapters.some(({ vendor }) => vendor === 'nvidia')) {
    notes.push({
      about: 'nvidia',
      text: 'There is an NVIDIA card, and no nvidia-smi; its memory is that of the registry. Install the NVIDIA driver.',
    });
  }
  for (const { vendor, name } of gpus) {
    if (vendor !== 'qualcomm' || !/Adreno 6\d\d/.test(name ?? '')) continue;
    notes.push({
      about: 'gpu',
      text: `${name} is of the 6xx series, on which some features of llama.cpp may not work. Install its newest driver, and verify with mn model doctor.`,
    });
  }
  const basic = (devices?.controllers ?? []).some(({ name }) => /basic display/i.test(name));
  if (gpus.length === 0 && basic) {
    notes.push({
      about: 'gpu',
      text: 'Windows has only its basic display driver. If there is a GPU, install the driver of its maker.',
    });
  }

  const virtual = virtualMachineOf(devices?.maker ?? '', devices?.model ?? '');
  const totalGib = toGib(devices?.totalBytes ?? probe.totalMemoryBytes);
  const freeGib = toGib(devices?.freeBytes ?? 0);
  const cores = Number(probe.env['NUMBER_OF_PROCESSORS'] ?? Number.NaN);
  if (totalGib === null) {
    notes.push({ about: 'memory', text: 'The memory could not be read. Give memory_gb in a targets file.' });
  }
  return {
    release:
      devices?.release == null
        ? { value: `Windows ${probe.release}`, source: 'the operating system' }
        : { value: `${devices.release} (${probe.release})`, source: 'Win32_OperatingSystem Caption' },
    arch: {
      value: arm ? 'arm64' : 'x64',
      source: registry === null ? 'Node' : 'registry PROCESSOR_ARCHITECTURE',
    },
    virtualMachine:
      virtual === null ? null : { value: virtual, source: 'Win32_ComputerSystem Manufacturer, Model' },
    cpu: {
      model: registry?.cpu == null ? null : { value: registry.cpu, source: 'registry ProcessorNameString' },
      cores: cores > 0 ? { value: cores, source: 'NUMBER_OF_PROCESSORS' } : null,
    },
    memory: {
      physicalGib:
        totalGib === null
          ? null
          : {
              value: totalGib,
              source:
                devices?.totalBytes == null
                  ? 'the operating system'
                  : 'Win32_ComputerSystem TotalPhysicalMemory',
            },
      limitGib: null,
      availableGib:
        freeGib === null ? null : { value: freeGib, source: 'Win32_OperatingSystem FreePhysicalMemory' },
    },
    gpus,
    notes,
  };
}

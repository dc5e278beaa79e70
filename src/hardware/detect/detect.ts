import type { Gpu, HardwareFacts, Target } from '../facts.ts';
import { defaultEngine } from '../facts.ts';
import { parseAdreno, powershell, videoControllerArgs } from './adreno.ts';
import { parseAmdCard } from './amd.ts';
import { parseSysctl, sysctlArgs } from './apple.ts';
import { cgroupLimitFiles, isWsl, parseBoard, parseCgroupLimit, parseMemTotal } from './linux.ts';
import { nvidiaSmiArgs, nvidiaSmiPlaces, parseNvidiaSmi } from './nvidia.ts';
import type { Probe } from './probe.ts';
import { probeTimeoutMs, toGib } from './probe.ts';

/**
 * The facts of the machine that this runs on; memory in GiB, null where it
 * could not be read. Programs run in parallel, each with a timeout; what fails
 * is left out.
 */
export async function detectHardware(probe: Probe): Promise<HardwareFacts> {
  if (probe.platform === 'darwin') return detectMac(probe);
  return probe.platform === 'win32' ? detectWindows(probe) : detectLinux(probe);
}

/** The host as a target. */
export function hostTarget(facts: HardwareFacts): Target {
  return { id: 'this-machine', name: 'this machine', facts, required: true, runsOn: null };
}

async function detectLinux(probe: Probe): Promise<HardwareFacts> {
  const nvidia = await nvidiaCards(probe);
  const amd = amdCards(probe);
  const memoryGb = linuxMemory(probe);
  const kernel = probe.readFile('/proc/version') ?? probe.readFile('/proc/sys/kernel/osrelease') ?? '';
  const wsl = isWsl(probe.env, kernel);
  const nvidiaShares = nvidia.some(({ integrated }) => integrated);
  return {
    os: 'linux',
    arch: probe.arch === 'arm64' ? 'arm64' : 'x64',
    wsl,
    engine: defaultEngine('linux', wsl),
    gpus: [...nvidia, ...amd.gpus],
    unifiedMemoryGb:
      memoryGb !== null && (nvidiaShares || amd.unified)
        ? Number((memoryGb + amd.carvedOutGb).toFixed(3))
        : null,
    memoryGb,
    board: parseBoard(probe.readFile('/proc/device-tree/model') ?? ''),
    measured: true,
  };
}

async function detectMac(probe: Probe): Promise<HardwareFacts> {
  const { stdout } = await probe.run('/usr/sbin/sysctl', sysctlArgs, probeTimeoutMs);
  const mac = parseSysctl(stdout);
  const memoryGb = toGib(mac.memoryBytes ?? probe.totalMemoryBytes);
  const appleSilicon = mac.appleSilicon || probe.arch === 'arm64';
  return {
    os: 'darwin',
    arch: appleSilicon ? 'arm64' : 'x64',
    wsl: false,
    engine: defaultEngine('darwin', false),
    gpus: [],
    unifiedMemoryGb: appleSilicon ? memoryGb : null,
    memoryGb,
    board: appleSilicon ? mac.chip : null,
    measured: true,
  };
}

async function detectWindows(probe: Probe): Promise<HardwareFacts> {
  const memoryGb = toGib(probe.totalMemoryBytes);
  const arm = probe.arch === 'arm64';
  const [nvidia, controllers] = await Promise.all([
    nvidiaCards(probe),
    arm ? probe.run(powershell(probe.env), videoControllerArgs, probeTimeoutMs) : { stdout: '' },
  ]);
  const adreno = parseAdreno(controllers.stdout);
  return {
    os: 'win32',
    arch: arm ? 'arm64' : 'x64',
    wsl: false,
    engine: defaultEngine('win32', false),
    gpus: adreno === null ? nvidia : [...nvidia, adreno],
    unifiedMemoryGb: adreno === null ? null : memoryGb,
    memoryGb,
    board: null,
    measured: true,
  };
}

/** All places are asked at once: a driver that hangs then costs one timeout, not several. */
async function nvidiaCards(probe: Probe): Promise<Gpu[]> {
  const answers = await Promise.all(
    nvidiaSmiPlaces(probe.platform, probe.env).map((place) =>
      probe.run(place, nvidiaSmiArgs, probeTimeoutMs),
    ),
  );
  for (const { ok, stdout } of answers) {
    const cards = ok ? parseNvidiaSmi(stdout) : [];
    if (cards.length > 0) return cards;
  }
  return [];
}

/** More cards than a machine has. */
const mostCards = 32;

/** AMD's cards by sysfs. `carvedOutGb` is what firmware set aside of memory that all share. */
function amdCards(probe: Probe): { gpus: Gpu[]; unified: boolean; carvedOutGb: number } {
  const found = { gpus: [] as Gpu[], unified: false, carvedOutGb: 0 };
  for (let index = 0; index < mostCards; index++) {
    const read = (name: string) => probe.readFile(`/sys/class/drm/card${index}/device/${name}`);
    const card = parseAmdCard({
      vendor: read('vendor'),
      device: read('device'),
      productName: read('product_name'),
      vramTotal: read('mem_info_vram_total'),
    });
    if (card === null) continue;
    found.gpus.push(card.gpu);
    if (!card.unified) continue;
    found.unified = true;
    found.carvedOutGb += card.gpu.vramGb ?? 0;
  }
  return found;
}

/** What this process may use: the memory of the machine, or less where a control group limits it. */
function linuxMemory(probe: Probe): number | null {
  const total = parseMemTotal(probe.readFile('/proc/meminfo') ?? '') ?? probe.totalMemoryBytes;
  const limits = cgroupLimitFiles(probe.readFile('/proc/self/cgroup') ?? '').flatMap(
    (file) => parseCgroupLimit(probe.readFile(file) ?? '') ?? [],
  );
  return toGib(Math.min(total > 0 ? total : Number.POSITIVE_INFINITY, ...limits));
}

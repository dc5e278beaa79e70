import type { Architecture, HardwareFacts, Target } from '../facts.ts';
import { thisMachineId } from '../facts.ts';
import { amdCards } from './amd.ts';
import { macSystem } from './apple.ts';
import type { DetectedGpu, Detection, Fact, Note } from './detection.ts';
import { factsOf } from './detection.ts';
import { detectDocker } from './docker.ts';
import type { DrmCard } from './drm.ts';
import { drmCards, pciVendors } from './drm.ts';
import { parseIntelCard } from './intel.ts';
import { linuxSystem } from './linux.ts';
import { driverNotes, nvidiaCards, nvidiaSmiPlaces, oldestDrivers, unknownCard } from './nvidia.ts';
import type { Probe, Run } from './probe.ts';
import { withinBudget } from './probe.ts';
import { vulkanCards } from './vulkan.ts';
import { windowsSystem } from './windows.ts';

/**
 * Everything that can be known of the machine that this runs on. Programs run side by side, all of them within
 * one budget; what fails is left out and said in a note. Never rejects.
 */
export function detect(probe: Probe): Promise<Detection> {
  const run = withinBudget(probe);
  if (probe.platform === 'darwin') return detectMac(probe, run);
  return probe.platform === 'win32' ? detectWindows(probe, run) : detectLinux(probe, run);
}

/** What of it counts for verdicts; memory in GiB. */
export async function detectHardware(probe: Probe): Promise<HardwareFacts> {
  return factsOf(await detect(probe));
}

/** The host as a target. */
export function hostTarget(facts: HardwareFacts): Target {
  return { id: thisMachineId, name: 'this machine', facts, required: true, runsOn: null };
}

async function detectLinux(probe: Probe, run: Run): Promise<Detection> {
  const system = linuxSystem(probe);
  const [{ notes, ...known }, gpus, docker] = await Promise.all([
    system,
    linuxGpus(probe, run),
    detectDocker(
      probe,
      run,
      system.then(({ container }) => container !== null),
    ),
  ]);
  const arch = linuxArch(probe.arch);
  const about: Note[] = [];
  if (probe.platform !== 'linux') {
    about.push({
      about: 'system',
      text: `This operating system (${shortName(probe.platform)}) is read as Linux, and Docker Model Runner does not run on it. Check on Linux, macOS or Windows.`,
    });
  }
  if (arch.value !== probe.arch) {
    about.push({
      about: 'system',
      text: `The architecture ${shortName(probe.arch)} is none that Docker Model Runner runs on; it is read as ${arch.value}. Use 64-bit Node on x64 or arm64.`,
    });
  }
  const container: Note[] =
    known.container !== null && gpus.gpus.length === 0
      ? [
          {
            about: 'container',
            text: 'This is a container: it shows only the GPUs that it was given. Check on the machine itself, or start it with the GPU (--gpus all).',
          },
        ]
      : [];
  return {
    os: { value: 'linux', source: 'Node' },
    arch,
    ...known,
    gpus: gpus.gpus,
    docker: docker.docker,
    notes: [
      ...about,
      ...container,
      ...notes,
      ...gpus.notes,
      ...driverNotes(gpus.gpus, known.wsl.value),
      ...docker.notes,
    ],
  };
}

/** 32-bit ARM is close to arm64; every other architecture counts as x64. */
function linuxArch(arch: string): Fact<Architecture> {
  return { value: arch === 'arm64' || arch === 'arm' ? 'arm64' : 'x64', source: 'Node' };
}

const shortName = (name: string) => name.replace(/[^\w-]/g, '').slice(0, 20);

async function linuxGpus(probe: Probe, run: Run): Promise<{ gpus: DetectedGpu[]; notes: Note[] }> {
  const nvidiaFound = nvidiaCards(nvidiaSmiPlaces('linux', probe.env), run);
  const cards = await drmCards(probe);
  const intel = cards.map(parseIntelCard).filter((gpu) => gpu !== null);
  const kernelSees = cards.some(({ vendor }) => Object.values(pciVendors).includes(vendor));
  const [nvidia, amd, vulkan] = await Promise.all([
    nvidiaFound,
    amdCards(cards, run),
    kernelSees ? { gpus: [], notes: [] } : vulkanCards(run),
  ]);
  const known = [...nvidia.gpus, ...amd.gpus, ...intel];
  // Vulkan tells of makers that nothing else told of; their cards would count twice.
  const vendors = new Set(known.map(({ vendor }) => vendor));
  const unseen = withoutDriver(cards, nvidia.gpus.length > 0, nvidia.present);
  return {
    gpus: [...known, ...unseen.gpus, ...vulkan.gpus.filter(({ vendor }) => !vendors.has(vendor))],
    notes: [...nvidia.notes, ...unseen.notes, ...amd.notes, ...vulkan.notes],
  };
}

/** NVIDIA's cards that the kernel shows and nvidia-smi does not. */
function withoutDriver(
  cards: readonly DrmCard[],
  listed: boolean,
  toolPresent: boolean,
): { gpus: DetectedGpu[]; notes: Note[] } {
  const nvidia = cards.filter(({ vendor }) => vendor === pciVendors.nvidia);
  if (listed || nvidia.length === 0 || toolPresent) return { gpus: [], notes: [] };
  const driven = nvidia.filter(({ driver }) => driver === 'nvidia');
  const text =
    driven.length > 0
      ? 'There is an NVIDIA card, and no nvidia-smi tells its memory. Install nvidia-smi, or give vram_gb in a targets file.'
      : `There is an NVIDIA card without NVIDIA's driver, so it counts as no GPU. Install driver ${oldestDrivers.linux} or later.`;
  return {
    gpus: driven.map(({ id }) => ({ ...unknownCard, source: `/sys/class/drm/${id}/device` })),
    notes: [{ about: 'nvidia', text }],
  };
}

const never = Promise.resolve(false);

async function detectMac(probe: Probe, run: Run): Promise<Detection> {
  const [{ notes, ...known }, docker] = await Promise.all([
    macSystem(probe, run),
    detectDocker(probe, run, never),
  ]);
  return {
    os: { value: 'darwin', source: 'Node' },
    ...known,
    wsl: { value: false, source: 'Node' },
    container: null,
    docker: docker.docker,
    notes: [...notes, ...docker.notes],
  };
}

async function detectWindows(probe: Probe, run: Run): Promise<Detection> {
  const nvidia = nvidiaCards(nvidiaSmiPlaces('win32', probe.env), run);
  const [{ notes, ...known }, docker] = await Promise.all([
    windowsSystem(probe, run, nvidia),
    detectDocker(probe, run, never),
  ]);
  return {
    os: { value: 'win32', source: 'Node' },
    ...known,
    wsl: { value: false, source: 'Node' },
    container: null,
    board: null,
    docker: docker.docker,
    notes: [...notes, ...driverNotes(known.gpus, true), ...docker.notes],
  };
}

import { gigabytes, short } from '../../text/text.ts';
import { distinct, giveFacts, isOlder, misbehaviour, whyNoAnswer, wordsOf } from './answers.ts';
import type { DetectedGpu, Note } from './detection.ts';
import type { Ran, Run } from './probe.ts';

const fields = ['name', 'memory.total', 'memory.free', 'driver_version', 'mig.mode.current'];
const queryOf = (names: readonly string[]) => [
  `--query-gpu=${names.join(',')}`,
  '--format=csv,noheader,nounits',
];

/** One row for each card; MiB. No serial number, UUID or bus id is asked for. */
export const nvidiaSmiArgs = queryOf(fields);
/** For drivers that do not know of MIG. */
export const nvidiaSmiOldArgs = queryOf(fields.slice(0, 4));
/** The slices of cards that are divided (MIG): their profiles, and their memory. */
export const nvidiaSmiListArgs = ['-L'];
export const nvidiaSmiXmlArgs = ['-q', '-x'];

/** What Docker Model Runner documents as the oldest NVIDIA driver. WSL2 uses that of Windows. */
export const oldestDrivers = { windows: '576.57', linux: '575.57.08' } as const;

/** Systems on a chip, whose GPU has no memory of its own: GB10 (DGX Spark), Jetson. */
const sharesMemory = /\bGB[12]0\b|\bOrin\b|\bThor\b|\(nvgpu\)/i;

export interface NvidiaCard {
  /** Without `NVIDIA` and `GeForce`. */
  name: string;
  totalMib: number | null;
  freeMib: number | null;
  driver: string | null;
  /** MIG is on: only slices of the card can be used. */
  divided: boolean;
}

/**
 * The cards that `nvidia-smi` lists. Memory that it does not tell (`[N/A]`, `Not Supported`,
 * `[Insufficient Permissions]`, …) is null. Lines that are no card, such as its error messages, are left out.
 */
export function parseNvidiaSmi(stdout: string): NvidiaCard[] {
  return stdout.split('\n').flatMap((line) => {
    const values = line.split(',').map((value) => value.trim());
    const [name, total, free, driver, mig] = values;
    if (!name || values.length < 4 || values.length > 5) return [];
    if (total === undefined || !(isNumber(total) || isUnknown(total))) return [];
    return [
      {
        name: nvidiaName(name),
        totalMib: mib(total),
        freeMib: free === '0' ? 0 : mib(free ?? ''),
        driver: wordsOf(driver),
        divided: mig === 'Enabled',
      },
    ];
  });
}

const isNumber = (text: string) => /^\d+$/.test(text);
const isUnknown = (text: string) =>
  /^\[?(?:N\/A|Not Supported|Insufficient Permissions|Unknown Error|Not Available|)\]?$/i.test(text);

function mib(text: string): number | null {
  return isNumber(text) && Number(text) > 0 ? Number(text) : null;
}

/** `RTX 4060` for `NVIDIA GeForce RTX 4060`. */
export function nvidiaName(full: string): string {
  return (wordsOf(full) ?? '').replace(/^NVIDIA\s+/i, '').replace(/^GeForce\s+/i, '');
}

/** The slices of each card in order: their profiles by `nvidia-smi -L`. */
export function parseMigProfiles(stdout: string): string[][] {
  const cards: string[][] = [];
  for (const line of stdout.split('\n')) {
    if (/^GPU \d+:/.test(line)) cards.push([]);
    const profile = /^\s+MIG (\S{1,40})\s+Device\s+\d+:/.exec(line)?.[1];
    if (profile !== undefined) cards.at(-1)?.push(profile);
  }
  return cards;
}

/** The slices of each card in order: their memory in MiB by `nvidia-smi -q -x`. */
export function parseMigMemory(xml: string): { totalMib: number | null; freeMib: number | null }[][] {
  return xml
    .split(/<gpu id=/)
    .slice(1)
    .map((card) =>
      card
        .split('<mig_device>')
        .slice(1)
        .map((slice) => {
          const memory = slice.split('<fb_memory_usage>')[1]?.split('</fb_memory_usage>')[0] ?? '';
          const amount = (tag: string) => mib(new RegExp(`<${tag}>(\\d{1,9}) MiB</`).exec(memory)?.[1] ?? '');
          return { totalMib: amount('total'), freeMib: amount('free') };
        }),
    );
}

/**
 * Where `nvidia-smi` may be. On Windows never by its bare name alone: a program of that name in the folder that
 * is checked must not run.
 */
export function nvidiaSmiPlaces(
  platform: string,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  if (platform === 'linux') return ['nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi'];
  if (platform !== 'win32') return [];
  const system = env['SystemRoot'] ?? 'C:\\Windows';
  const programs = env['ProgramFiles'] ?? 'C:\\Program Files';
  return [`${system}\\System32\\nvidia-smi.exe`, `${programs}\\NVIDIA Corporation\\NVSMI\\nvidia-smi.exe`];
}

export interface NvidiaFound {
  gpus: DetectedGpu[];
  notes: Note[];
  /** A program nvidia-smi is there, whatever it answered. */
  present: boolean;
}

/** All places are asked at once: a driver that hangs then costs one timeout, not several. */
export async function nvidiaCards(places: readonly string[], run: Run): Promise<NvidiaFound> {
  const answers = await Promise.all(places.map((place) => ask(place, run)));
  const answer = answers.find(({ cards }) => cards.length > 0);
  const present = answers.some(({ ran }) => ran.ended !== 'missing');
  const notes = answers.flatMap(({ ran }) => misbehaviour('nvidia', 'nvidia-smi', ran));
  if (answer === undefined) {
    // Where nvidia-smi hangs or crashes there is a card; how large it is nobody knows.
    if (notes.length > 0) return { gpus: [unknownCard], notes: distinct(notes), present };
    const why = answers.map(({ ran }) => whyNoCards(ran)).find((text) => text !== null);
    return { gpus: [], notes: why == null ? [] : [{ about: 'nvidia', text: why }], present };
  }
  if (answer.ran.ended === 'failed') {
    notes.push({
      about: 'nvidia',
      text: 'nvidia-smi lists cards and reports an error of another one. Run it yourself and correct what it reports.',
    });
  }
  const { gpus, notes: more } = answer.cards.some(({ divided }) => divided)
    ? await withSlices(answer.place, answer.cards, run)
    : { gpus: answer.cards.map(wholeCard), notes: [] };
  return { gpus, notes: distinct([...notes, ...more, ...gpus.flatMap(memoryNotes)]), present };
}

async function ask(place: string, run: Run): Promise<{ place: string; ran: Ran; cards: NvidiaCard[] }> {
  let ran = await run(place, nvidiaSmiArgs);
  if (/not a valid field/i.test(ran.stdout + ran.stderr)) ran = await run(place, nvidiaSmiOldArgs);
  const complete = ran.ended === 'ok' || ran.ended === 'failed';
  return { place, ran, cards: complete ? parseNvidiaSmi(ran.stdout) : [] };
}

const source = `nvidia-smi ${nvidiaSmiArgs[0]}`;

/** A card that must be there though nothing is known of it. */
export const unknownCard: DetectedGpu = {
  vendor: 'nvidia',
  name: null,
  memoryTotalMib: null,
  memoryFreeMib: null,
  driver: null,
  api: 'cuda',
  integrated: false,
  unified: false,
  slice: false,
  source,
};

function wholeCard({ name, totalMib, freeMib, driver }: NvidiaCard): DetectedGpu {
  const unified = totalMib === null && sharesMemory.test(name);
  return {
    ...unknownCard,
    name,
    memoryTotalMib: totalMib,
    memoryFreeMib: freeMib,
    driver,
    integrated: unified,
    unified,
  };
}

async function withSlices(
  place: string,
  cards: readonly NvidiaCard[],
  run: Run,
): Promise<{ gpus: DetectedGpu[]; notes: Note[] }> {
  const [list, xml] = await Promise.all([run(place, nvidiaSmiListArgs), run(place, nvidiaSmiXmlArgs)]);
  const profiles = parseMigProfiles(list.ended === 'ok' ? list.stdout : '');
  const memory = parseMigMemory(xml.ended === 'ok' ? xml.stdout : '');
  const notes = [list, xml].flatMap((ran) => misbehaviour('nvidia', 'nvidia-smi', ran));
  const gpus = cards.flatMap((card, index) => {
    if (!card.divided) return [wholeCard(card)];
    const names = profiles[index] ?? [];
    const sizes = memory[index] ?? [];
    const amount = Math.max(names.length, sizes.length);
    if (amount === 0) {
      const known = list.ended === 'ok' && xml.ended === 'ok';
      notes.push({
        about: 'nvidia',
        text: known
          ? `MIG is on for ${card.name}, and it has no slices. Create some, or turn MIG off.`
          : `MIG is on for ${card.name}, and nvidia-smi does not tell its slices. ${giveFacts}`,
      });
      return [{ ...wholeCard(card), memoryTotalMib: null, memoryFreeMib: null, slice: true }];
    }
    return Array.from({ length: amount }, (_, at) => ({
      ...wholeCard(card),
      name: `${card.name} MIG${names[at] === undefined ? '' : ` ${names[at]}`}`,
      memoryTotalMib: sizes[at]?.totalMib ?? null,
      memoryFreeMib: sizes[at]?.freeMib ?? null,
      slice: true,
      source: 'nvidia-smi -L, nvidia-smi -q -x',
    }));
  });
  if (gpus.filter(({ slice }) => slice).length > 1) {
    notes.push({
      about: 'nvidia',
      text: 'MIG is on: a program uses one slice of a card, so only the largest one counts.',
    });
  }
  return { gpus, notes };
}

/** Less than this share of a card's memory free is worth saying. */
const mostlyFree = 0.8;

function memoryNotes(gpu: DetectedGpu): Note[] {
  const { memoryTotalMib: total, memoryFreeMib: free, unified, slice } = gpu;
  const name = short(gpu.name ?? 'the card', 60);
  if (total === null) {
    if (unified || slice) return [];
    return [
      {
        about: 'nvidia',
        text: `nvidia-smi does not tell the memory of ${name}. Ask as a user who may see it, or give vram_gb in a targets file.`,
      },
    ];
  }
  if (free === null || free >= total * mostlyFree) return [];
  return [
    {
      about: 'nvidia',
      text: `${gigabytes(free / 1024)} of the ${gigabytes(total / 1024)} VRAM of ${name} are free now; verdicts count all of it. Close what uses the rest before a model runs.`,
    },
  ];
}

/** A note for each driver that is older than Docker Model Runner documents. */
export function driverNotes(gpus: readonly DetectedGpu[], usesWindowsDriver: boolean): Note[] {
  const oldest = usesWindowsDriver ? oldestDrivers.windows : oldestDrivers.linux;
  const where = usesWindowsDriver ? 'Windows' : 'Linux';
  return distinct(
    gpus.flatMap(({ vendor, driver, unified }) => {
      if (vendor !== 'nvidia' || driver === null || !isOlder(driver, oldest)) return [];
      const what =
        unified && !usesWindowsDriver ? "the board's system software, which brings it" : 'the driver';
      return [
        {
          about: 'nvidia',
          text: `NVIDIA driver ${driver} is older than ${oldest}, the oldest that Docker Model Runner documents for ${where}. Update ${what}.`,
        },
      ];
    }),
  );
}

const { linux, windows } = oldestDrivers;

/** What `nvidia-smi` says instead of cards, and what it means. */
const knownTroubles: readonly (readonly [RegExp, string])[] = [
  [
    /Driver\/library version mismatch/i,
    'The NVIDIA driver and its library have different versions, as after an update. Restart the machine.',
  ],
  [
    /communicate with the NVIDIA driver/i,
    `nvidia-smi does not reach the NVIDIA driver. Install driver ${linux} or later (Windows: ${windows}), and restart.`,
  ],
  [
    /Driver Not Loaded|GPU access blocked by the operating system|NVML: N\/A/i,
    `The NVIDIA driver is not loaded. In WSL2, update the driver of Windows to ${windows} or later and run wsl --shutdown; elsewhere load or install the driver.`,
  ],
  [
    /Insufficient Permissions/i,
    'nvidia-smi may not ask the NVIDIA driver as this user. Run as a user who may.',
  ],
  [
    /No devices were found/i,
    'The NVIDIA driver is loaded and finds no card. Check that the card is in place and supported by this driver.',
  ],
  [
    /libnvidia-ml\.so/i,
    `nvidia-smi does not find the library of its driver. Install driver ${linux} or later.`,
  ],
  [
    /Unknown Error/i,
    'nvidia-smi lost the NVIDIA driver. Restart the container, or the machine if this is none.',
  ],
];

function whyNoCards(ran: Ran): string | null {
  if (ran.ended === 'missing') return null;
  const said = `${ran.stdout}\n${ran.stderr}`;
  const known = knownTroubles.find(([pattern]) => pattern.test(said))?.[1];
  if (known !== undefined) return known;
  return `${whyNoAnswer('nvidia-smi', ran) ?? 'nvidia-smi printed nothing that is known.'} ${giveFacts}`;
}

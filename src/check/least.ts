import { dockerModelRunner, extract } from '../blueprint/declarations.ts';
import type { Blueprint } from '../blueprint/discover.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import { dockerKey } from '../catalog/name.ts';
import { assess, effectiveBackend } from '../compatibility/assess.ts';
import type { Status } from '../compatibility/verdict.ts';
import { dotted } from '../document/pointer.ts';
import type { Gpu, HardwareFacts, Target } from '../hardware/facts.ts';
import { defaultEngine } from '../hardware/facts.ts';
import type { ModelCost, Need } from '../memory/cost.ts';
import { needAt } from '../memory/cost.ts';
import type { Fit } from '../memory/fit.ts';
import { fitOf, memoryOf, needOf } from '../memory/fit.ts';

/** One kind of machine in the sizes that it is sold in. */
export interface HardwareKind {
  id: string;
  name: string;
  /** What its size counts, for people. */
  memory: 'unified memory' | 'VRAM' | 'RAM';
  /** GB, ascending. */
  sizes: readonly number[];
  /** A CPU runs a model only with force; that is the best it does. */
  withForce: boolean;
  target(gb: number): Target;
}

function facts(some: Partial<HardwareFacts>): HardwareFacts {
  const os = some.os ?? 'linux';
  return {
    os,
    arch: 'x64',
    wsl: false,
    engine: defaultEngine(os, false),
    gpus: [],
    unifiedMemoryGb: null,
    memoryGb: null,
    board: null,
    measured: false,
    ...some,
  };
}

function gpu(vendor: Gpu['vendor'], vramGb: number | null): Gpu {
  return { vendor, name: null, vramGb, count: 1, api: null, integrated: vramGb === null };
}

function kind(
  id: string,
  name: string,
  memory: HardwareKind['memory'],
  sizes: readonly number[],
  factsOf: (gb: number) => Partial<HardwareFacts>,
): HardwareKind {
  const target = (gb: number): Target => ({
    id,
    name,
    facts: facts(factsOf(gb)),
    required: true,
    runsOn: null,
  });
  return { id, name, memory, sizes, withForce: memory === 'RAM', target };
}

const cards = [4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 141, 192];

/** The kinds of machines that can run a model, best first. */
export const hardwareKinds: readonly HardwareKind[] = [
  kind(
    'apple-silicon',
    'Apple Silicon',
    'unified memory',
    [8, 16, 18, 24, 32, 36, 48, 64, 96, 128, 192, 256, 512],
    (gb) => ({ os: 'darwin', arch: 'arm64', unifiedMemoryGb: gb, memoryGb: gb }),
  ),
  kind('nvidia', 'NVIDIA', 'VRAM', cards, (gb) => ({ gpus: [gpu('nvidia', gb)] })),
  kind('amd', 'AMD on Linux', 'VRAM', cards, (gb) => ({ gpus: [gpu('amd', gb)] })),
  kind('windows-arm64', 'Windows ARM64, Adreno', 'unified memory', [8, 16, 32, 64, 128], (gb) => ({
    os: 'win32',
    arch: 'arm64',
    gpus: [gpu('qualcomm', null)],
    unifiedMemoryGb: gb,
    memoryGb: gb,
  })),
  kind('cpu', 'CPU only, Linux', 'RAM', [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024], (gb) => ({
    memoryGb: gb,
  })),
];

/** A model that a blueprint cannot do without. */
export interface NeededModel {
  entry: CatalogEntry;
  backend: string;
  /** Dotted: `llm.configs.primary`. */
  place: string;
  /** The largest that is declared; the catalog's where none is. */
  contextSize: number;
  /** Null where the model is not known to the estimate. */
  need: Need | null;
  /** What is not certain of that, a sentence without its full stop; null for nothing. */
  note: string | null;
}

/** The least of one kind of hardware that runs all of a blueprint's required models. */
export interface Least {
  kind: HardwareKind;
  /** GB by the hardware table; null where no size does. */
  gb: number | null;
  /** What the table says there, at worst; null where no size does. */
  status: Status | null;
  /** All models together by the estimate: bytes, and whether that fits on this size; null where it is not known. */
  estimate: { need: number; fit: Fit | null; gb: number | null } | null;
}

export interface BlueprintNeeds {
  models: NeededModel[];
  /** Required models of which nothing is known, in words: `llm.configs.primary: x/y`. */
  unknown: { place: string; ref: string }[];
  /** In the order of `hardwareKinds`. */
  least: Least[];
}

const order: readonly Status[] = ['pass', 'warning', 'force_only', 'fail'];

/** What the table says of all models on a target, at worst. */
export function worstOn(models: readonly NeededModel[], target: Target): Status {
  return models
    .map(({ entry, backend }) => assess(entry, backend, target, false).status)
    .reduce((worst, status) => (order.indexOf(status) > order.indexOf(worst) ? status : worst), 'pass');
}

/** The reverse question of a check: what hardware a blueprint's required models need. */
export function needsOf(
  blueprint: Blueprint,
  catalog: Catalog,
  costs: ReadonlyMap<string, ModelCost>,
): BlueprintNeeds {
  const models = new Map<string, NeededModel>();
  const unknown: BlueprintNeeds['unknown'] = [];
  for (const declaration of extract(blueprint).declarations) {
    const { ref, provider, skipped, required, accepted } = declaration;
    if (ref === null || skipped !== null || !required || provider !== dockerModelRunner) continue;
    const place = dotted(declaration.pointer);
    const entry = accepted === null ? catalog.resolve(ref)?.entry : undefined;
    if (entry === undefined) {
      unknown.push({ place, ref });
      continue;
    }
    const backend = effectiveBackend(declaration.backend, entry);
    const key = `${entry.id}\n${backend}`;
    const before = models.get(key);
    const contextSize = Math.max(
      declaration.contextSize ?? entry.contextSize ?? 4096,
      before?.contextSize ?? 0,
    );
    const cost = backend === 'llama.cpp' ? costs.get(dockerKey(entry.dockerModel)) : undefined;
    models.set(key, {
      entry,
      backend,
      place: before?.place ?? place,
      contextSize,
      need: cost === undefined ? null : needAt(cost, contextSize),
      note: cost?.note ?? null,
    });
  }
  const all = [...models.values()];
  return {
    models: all,
    unknown,
    least: all.length === 0 ? [] : hardwareKinds.map((each) => leastOf(each, all)),
  };
}

/** The smallest size of a kind on which the table lets all models run. */
export function leastOf(each: HardwareKind, models: readonly NeededModel[]): Least {
  const accepted: readonly Status[] = each.withForce
    ? ['pass', 'warning', 'force_only']
    : ['pass', 'warning'];
  const gb = each.sizes.find((size) => accepted.includes(worstOn(models, each.target(size)))) ?? null;
  const status = gb === null ? null : worstOn(models, each.target(gb));
  const needs = models.map(({ need }) => need).filter((need) => need !== null);
  if (needs.length < models.length) return { kind: each, gb, status, estimate: null };
  const sum = needs.reduce((a, b) => ({
    device: { total: a.device.total + b.device.total },
    host: { total: a.host.total + b.host.total },
    cpu_only: { total: a.cpu_only.total + b.cpu_only.total },
    margin: Math.max(a.margin, b.margin),
  }));
  const fitOn = (size: number) => fitOf(sum, memoryOf(each.target(size).facts));
  return {
    kind: each,
    gb,
    status,
    estimate: {
      need: needOf(sum, memoryOf(each.target(each.sizes[0] as number).facts)),
      fit: gb === null ? null : fitOn(gb),
      gb: each.sizes.find((size) => fitOn(size) === 'fits') ?? null,
    },
  };
}

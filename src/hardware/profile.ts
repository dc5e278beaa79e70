import type { Architecture, Engine, GpuVendor, OperatingSystem, Target } from './facts.ts';

/** A graphics processor as a targets file has it. */
export interface GpuProfile {
  vendor: GpuVendor;
  name?: string;
  vram_gb?: number;
  count?: number;
  api?: string;
  integrated?: boolean;
}

/** A machine as a targets file has it; `$defs/profile` of schemas/targets.schema.json. */
export interface Profile {
  id?: string;
  name?: string;
  preset?: string;
  os?: OperatingSystem;
  arch?: Architecture;
  gpu?: GpuProfile | GpuProfile[] | null;
  unified_memory_gb?: number;
  memory_gb?: number;
  engine?: Engine;
  wsl?: boolean;
  board?: string;
  measured?: boolean;
  required?: boolean;
  'runs-on'?: string | string[];
}

/** The item of a targets file that parses to this target; unknown and usual values are left out. */
export function profileOf({ id, name, facts, required, runsOn }: Target): Profile {
  const gpus = facts.gpus.map(
    (gpu): GpuProfile => ({
      vendor: gpu.vendor,
      ...(gpu.name === null ? {} : { name: gpu.name }),
      ...(gpu.vramGb === null ? {} : { vram_gb: gpu.vramGb }),
      ...(gpu.count === 1 ? {} : { count: gpu.count }),
      ...(gpu.api === null ? {} : { api: gpu.api }),
      integrated: gpu.integrated,
    }),
  );
  return {
    id,
    name,
    os: facts.os,
    arch: facts.arch,
    ...(gpus.length === 0 ? {} : { gpu: gpus.length === 1 ? (gpus[0] as GpuProfile) : gpus }),
    ...(facts.unifiedMemoryGb === null ? {} : { unified_memory_gb: facts.unifiedMemoryGb }),
    ...(facts.memoryGb === null ? {} : { memory_gb: facts.memoryGb }),
    engine: facts.engine,
    ...(facts.wsl ? { wsl: true } : {}),
    ...(facts.board === null ? {} : { board: facts.board }),
    ...(facts.measured ? { measured: true } : {}),
    ...(required ? {} : { required: false }),
    ...(runsOn === null ? {} : { 'runs-on': runsOn }),
  };
}

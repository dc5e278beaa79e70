/** Inference engines that a blueprint or a catalog may name. */
export const backends = ['llama.cpp', 'vllm'] as const;
export type Backend = (typeof backends)[number];

/** What a model asks of a machine, in GB as sold. An absent threshold is not asked for. */
export interface Requirements {
  minVramGb?: number;
  minUnifiedMemoryGb?: number;
  minCpuRamGb?: number;
}

/** Where an entry stands, so that people can find and fix it. */
export interface EntrySource {
  /** `built-in`, or the catalog file as people write it. */
  catalog: string;
  /** Pointer of the entry in that file; `''` for built-in. */
  pointer: string;
  /** Line of the entry in that file, from 1; null for built-in. */
  line: number | null;
}

/** One model that exists: its names and what it requires. */
export interface CatalogEntry {
  id: string;
  /** For display; null where the catalog gives none. */
  name: string | null;
  /** `docker_model_runner` unless the catalog says otherwise. */
  provider: string;
  /** What Docker is asked for, in the spelling of the catalog; the tag keeps its case. */
  dockerModel: string;
  /** The name that the OpenAI-compatible API expects; null where it is the Docker name. */
  apiModel: string | null;
  aliases: string[];
  /** The engine that `auto` means. */
  backend: string;
  /** Every engine that the model can run on. */
  backends: string[];
  /** Tokens; null where the catalog gives none. */
  contextSize: number | null;
  /** Reference of the entry to use where this one does not run; null for none. */
  fallback: string | null;
  requirements: Requirements;
  source: EntrySource;
}

import { saysEmbedding } from '../catalog/name.ts';

/** Architectures of llama.cpp that only embed: its `LLM_ARCH_*` without a causal attention. */
const encoders: ReadonlySet<string> = new Set([
  'bert',
  'eurobert',
  'gemma-embedding',
  'jina-bert-v2',
  'jina-bert-v3',
  'modern-bert',
  'neo-bert',
  'nomic-bert',
  'nomic-bert-moe',
  't5encoder',
]);

/**
 * Whether a model makes vectors instead of text, by its names and by the architecture in its file. Neither catalogs
 * nor Docker Model Runner say it: encoders do, and what calls itself embedding.
 */
export function isEmbeddingModel(names: readonly string[], architecture: string | null): boolean {
  return encoders.has(architecture ?? '') || saysEmbedding(names);
}

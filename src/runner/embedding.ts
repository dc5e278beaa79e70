/**
 * Whether a model makes vectors instead of text, by its names and by the architecture in its file. Neither catalogs
 * nor Docker Model Runner say it: `bert` and its kin, and what calls itself embedding, do.
 */
export function isEmbeddingModel(names: readonly string[], architecture: string | null): boolean {
  return names.some((name) => /embed/i.test(name)) || /bert|embedding/i.test(architecture ?? '');
}

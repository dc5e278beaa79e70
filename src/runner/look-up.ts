import { RegistryError } from '../registry/error.ts';
import { ModelReader } from '../registry/header.ts';
import type { Environment } from '../registry/http.ts';
import { parseReference } from '../registry/reference.ts';
import type { Published } from './download.ts';

/** Waits in milliseconds: somebody waits for the download to begin. */
const timeouts = { connect: 5000, idle: 10_000, total: 30_000 };

/**
 * What a registry or Hugging Face tells of a model: its digest, and its layers with their sizes. Throws
 * RegistryErrors; one of them too where the signal ends it.
 */
export async function lookUp(
  name: string,
  env: Environment,
  options: { log?: (line: string) => void; signal?: AbortSignal } = {},
): Promise<Published> {
  const { log, signal } = options;
  const reader = new ModelReader({ env, timeouts, ...(log && { log }) });
  const stopped = new Promise<never>((_, reject) => {
    const stop = () => reject(new RegistryError('network', 'The run was stopped', 'Start it again'));
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
  });
  stopped.catch(() => {});
  try {
    const reference = parseReference(name);
    if (reference.kind === 'file') {
      throw new RegistryError('invalid-reference', `${name} is a file`, 'Name a model of a registry');
    }
    const model = await Promise.race([reader.describe(reference), stopped]);
    if (model.kind === 'oci') {
      const layers = model.layers.map(({ digest, size }) => ({ digest, bytes: size }));
      return { digest: model.digest, layers };
    }
    const files = [...model.files, ...(model.mmproj === null ? [] : [model.mmproj])];
    return { digest: null, layers: files.map(({ size }) => ({ digest: '', bytes: size })) };
  } finally {
    reader.close();
  }
}

import { digestOf } from './registry.ts';

/** A model as Docker Model Runner packages it. */
export interface Artifact {
  /** The GGUF files; one, unless the model is sharded. */
  gguf: readonly Uint8Array[];
  mmproj?: Uint8Array;
  /** The config's `config`. */
  config?: Record<string, unknown>;
  configType?: string;
  layerType?: string;
  annotations?: Record<string, string>;
  /** Put the manifest into an index, behind a note of a builder. */
  index?: boolean;
}

export interface Pushed {
  /** Of the manifest. */
  digest: string;
  /** Of the GGUF layers. */
  layers: readonly string[];
}

/** Pushes a model to a registry: `push('http://127.0.0.1:5000', 'ai/tiny', 'latest', artifact)`. */
export async function push(
  registry: string,
  repository: string,
  tag: string,
  artifact: Artifact,
  headers: Record<string, string> = {},
): Promise<Pushed> {
  const send = async (
    method: string,
    url: string,
    body: Uint8Array | null,
    type = 'application/octet-stream',
  ) => {
    const response = await fetch(new URL(url, registry), {
      method,
      headers: { ...headers, 'content-type': type },
      body,
    });
    if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
    return response;
  };
  const blob = async (bytes: Uint8Array, mediaType: string, annotations?: Record<string, string>) => {
    const digest = digestOf(bytes);
    const started = await send('POST', `/v2/${repository}/blobs/uploads/`, null);
    const location = new URL(started.headers.get('location') ?? '', registry);
    location.searchParams.set('digest', digest);
    await send('PUT', location.href, bytes);
    return { mediaType, digest, size: bytes.length, ...(annotations && { annotations }) };
  };
  const manifest = async (name: string | null, type: string, content: object) => {
    const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType: type, ...content }));
    const digest = digestOf(bytes);
    await send('PUT', `/v2/${repository}/manifests/${name ?? digest}`, bytes, type);
    return { mediaType: type, digest, size: bytes.length };
  };
  const layers = [];
  for (const bytes of artifact.gguf)
    layers.push(
      await blob(bytes, artifact.layerType ?? 'application/vnd.docker.ai.gguf.v3', artifact.annotations),
    );
  const ggufDigests = layers.map(({ digest }) => digest);
  if (artifact.mmproj) layers.push(await blob(artifact.mmproj, 'application/vnd.docker.ai.mmproj'));
  const config = await blob(
    new TextEncoder().encode(
      JSON.stringify({
        config: artifact.config ?? { format: 'gguf', quantization: 'F32', architecture: 'llama' },
        descriptor: { created: '2026-01-01T00:00:00Z' },
        rootfs: { type: 'rootfs', diff_ids: layers.map(({ digest }) => digest) },
      }),
    ),
    artifact.configType ?? 'application/vnd.docker.ai.model.config.v0.1+json',
  );
  const imageType = 'application/vnd.oci.image.manifest.v1+json';
  if (!artifact.index)
    return { ...(await manifest(tag, imageType, { config, layers })), layers: ggufDigests };
  const pushed = await manifest(null, imageType, { config, layers });
  const note = await manifest(null, imageType, { config, layers: [] });
  const annotations = { 'vnd.docker.reference.type': 'attestation-manifest' };
  await manifest(tag, 'application/vnd.oci.image.index.v1+json', {
    manifests: [{ ...note, annotations }, pushed],
  });
  return { digest: pushed.digest, layers: ggufDigests };
}

import { stat, statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { isWsl } from '../hardware/detect/linux.ts';
import type { PublishedLayer, Space } from './download.ts';
import { type Outside, remoteHost } from './locate.ts';
import type { Endpoint } from './types.ts';

/** Longest wait for the command docker, in milliseconds. */
const dockerMs = 2500;
const volumeArgs = [
  'volume',
  'ls',
  '--filter',
  'label=com.docker.model-runner.role=model-storage',
  '--format',
  '{{.Mountpoint}}',
];

/**
 * The disk on which a runner stores models: on Docker Engine a volume of a known label, else `~/.docker/models`
 * where that is a store (Docker Desktop, `dmr`). Where neither can be seen from here, says why.
 */
export async function storeSpace(
  endpoint: Endpoint,
  layers: readonly PublishedLayer[],
  outside: Outside,
): Promise<Space> {
  if (!isLocal(endpoint)) return unknown('the runner is on another machine');
  if (outside.platform === 'linux' && isWsl(outside.env, outside.release)) {
    return unknown('Docker Desktop stores models on Windows');
  }
  const store = (await volume(outside)) ?? (await ownStore(outside));
  if (store === null) return unknown('where the runner stores models is not known');
  const freeBytes = await free(store);
  return freeBytes === null
    ? unknown('the disk of the model store cannot be read')
    : { freeBytes, presentBytes: await present(store, layers) };
}

/** Whether a runner is reached on this machine itself. */
export function isLocal({ address }: Endpoint): boolean {
  return 'path' in address || /^(?:localhost|::1|127(?:\.\d{1,3}){3})$/.test(address.host);
}

function unknown(why: string): Space {
  return { freeBytes: null, why };
}

/** The volume of Docker Engine, as a path of this machine. */
async function volume({ env, platform, run }: Outside): Promise<string | null> {
  if (platform !== 'linux') return null;
  const [volumes, context] = await Promise.all([
    run('docker', volumeArgs, dockerMs, env),
    run('docker', ['context', 'inspect'], dockerMs, env),
  ]);
  if (volumes.ended !== 'ok' || remoteHost(context, env) !== null) return null;
  const path = volumes.stdout.split('\n', 1)[0]?.trim() ?? '';
  return isAbsolute(path) ? path : null;
}

/** `layout.json` stands in every store of a runner since v1.0. */
async function ownStore({ env }: Outside): Promise<string | null> {
  const store = join(env['HOME'] || env['USERPROFILE'] || homedir(), '.docker', 'models');
  return (await sizeOf(join(store, 'layout.json'))) === null ? null : store;
}

/** Of the disk of a folder. Folders of Docker are closed to all but root, those above them are not. */
async function free(path: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    const above = dirname(path);
    return (error as NodeJS.ErrnoException).code === 'EACCES' && above !== path ? free(above) : null;
  }
}

/** Bytes of these layers that the store has, whole or from a pull that broke off. */
async function present(store: string, layers: readonly PublishedLayer[]): Promise<number> {
  let sum = 0;
  for (const { digest, bytes } of layers) {
    const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
    if (hex === undefined) continue;
    const blob = join(store, 'blobs', 'sha256', hex);
    sum += Math.min(bytes, (await sizeOf(blob)) ?? (await sizeOf(`${blob}.incomplete`)) ?? 0);
  }
  return sum;
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch {
    return null;
  }
}

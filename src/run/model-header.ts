import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import { shortName } from '../catalog/name.ts';
import type { GgufHeader } from '../memory/header.ts';
import { dataBytes } from '../memory/model.ts';
import { RegistryError } from '../registry/error.ts';
import type { ReadOptions } from '../registry/header.ts';
import { formatReference, type ModelReference, parseReference } from '../registry/reference.ts';
import { didYouMean } from '../text/nearest.ts';
import { printable, quote } from '../text/text.ts';
import { UsageError } from './usage-error.ts';

/** What the figures of a model rest on. */
export type Basis = 'file' | 'known' | 'registry';

/** A model whose header is there. */
export interface FoundModel {
  /** The catalog's id, or the reference in full, or the path. */
  name: string;
  header: GgufHeader;
  /** Bytes of the model's files, those that read images left out. */
  fileBytes: number;
  /** Bytes of what reads images, where that comes along. */
  mmprojBytes: number;
  entry: CatalogEntry | null;
  basis: Basis;
  /** What was read and from where, sentences that are safe to print. */
  rests: string;
}

export interface FindOptions extends ReadOptions {
  catalog: Catalog;
  /** Asks no network. */
  offline: boolean;
  /** Hears what the network is asked for, before it is. */
  onNetwork(text: string): void;
}

/**
 * The header of a model: of a file of this machine, else of a known model, else of a registry or Hugging Face, read
 * in parts and never pulled. Names go through the catalog first. Throws a UsageError.
 */
export async function findModel(ref: string, options: FindOptions): Promise<FoundModel> {
  const { catalog, offline } = options;
  if (isPath(ref)) return readFrom({ kind: 'file', path: ref }, { entry: null, suggestion: '' }, options);
  const entry = catalog.resolve(ref)?.entry ?? null;
  const docker = entry?.dockerModel ?? ref;
  const { knownModel, knownNames } = await import('../memory/known.ts');
  const suggestion =
    entry === null
      ? printable(
          catalog.suggest(ref) ||
            didYouMean(
              shortName(ref),
              knownNames.map((name) => shortName(name).replace(/:latest$/, '')),
            ),
        )
      : '';
  const known = knownModel(docker);
  if (known !== null) {
    const { header, shape, quantization, publishedBytes, note } = known;
    const bytes = dataBytes(header);
    const card =
      publishedBytes === null
        ? ''
        : ` The file on Docker Hub has ${sizeText(publishedBytes)} by its model card, this makes ${sizeText(bytes)}.`;
    return {
      name: entry?.id ?? ref,
      header,
      fileBytes: bytes,
      mmprojBytes: 0,
      entry,
      basis: 'known',
      rests: `The published shape of ${shape}, and the tensor types that llama.cpp takes for ${quantization}; no file was read.${card}${note === null ? '' : ` Not certain: ${note}.`}`,
    };
  }
  let reference: ModelReference;
  try {
    reference = parseReference(docker);
  } catch (error) {
    throw usage(error, suggestion);
  }
  // What a repository's catalog names is not read from this machine.
  if (reference.kind === 'file')
    throw new UsageError([
      `${quote(ref)} is ${quote(docker)} in the catalog, which is no model of a registry. Correct docker_model of the catalog.`,
    ]);
  if (offline) {
    throw new UsageError([
      `${quote(ref)} is none of the known models, and --offline forbids to ask its registry.${suggestion} Leave out --offline, or name a .gguf file.`,
    ]);
  }
  return readFrom(reference, { entry, suggestion }, options);
}

/** Whether a reference can only be a path. */
function isPath(ref: string): boolean {
  return /\.gguf$/i.test(ref) || /^(?:\.{0,2}[\\/]|[a-z]:[\\/])/i.test(ref);
}

async function readFrom(
  reference: ModelReference,
  { entry, suggestion }: { entry: CatalogEntry | null; suggestion: string },
  options: FindOptions,
): Promise<FoundModel> {
  const name = formatReference(reference);
  const isFile = reference.kind === 'file';
  if (!isFile) options.onNetwork(`Reading the header of ${printable(name)} where it is published.`);
  try {
    const { readModelHeader } = await import('../registry/header.ts');
    const { header, headerBytes, bytesRead, mmprojBytes } = await readModelHeader(reference, options);
    const data = dataBytes(header);
    const stored = header.fileBytes ?? 0;
    const isCut = stored < headerBytes + data - 32 * header.tensors.length;
    const cut = isCut
      ? ` The file ends after ${sizeText(stored)}, its tensors need ${sizeText(data)}: it is cut, and its size is taken from them.`
      : '';
    return {
      name: entry?.id ?? name,
      header,
      fileBytes: isCut ? 32 * Math.ceil(headerBytes / 32) + data : stored,
      mmprojBytes,
      entry,
      basis: isFile ? 'file' : 'registry',
      rests: isFile
        ? `The header of the file.${cut}`
        : `The header of the published file, ${Math.ceil(bytesRead / 1000).toLocaleString('en')} kB read from the network; nothing was pulled.${cut}`,
    };
  } catch (error) {
    throw usage(error, suggestion);
  }
}

function usage(error: unknown, more: string): Error {
  return error instanceof RegistryError
    ? new UsageError([`${error.problem}. ${error.help}.${more}`])
    : (error as Error);
}

function sizeText(bytes: number): string {
  if (bytes < 2 ** 20) return `${Number((bytes / 2 ** 10).toFixed(1))} KiB`;
  return bytes < 2 ** 30
    ? `${Number((bytes / 2 ** 20).toFixed(1))} MiB`
    : `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}

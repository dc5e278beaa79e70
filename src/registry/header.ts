import { open, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { GgufProblem } from '../memory/gguf.ts';
import { mergeHeaders, readGguf, shardNames } from '../memory/gguf.ts';
import type { GgufHeader } from '../memory/header.ts';
import { printable, quote } from '../text/text.ts';
import type { RunHelper } from './credentials.ts';
import { RegistryError } from './error.ts';
import type { Environment, HttpOptions, Ranges } from './http.ts';
import { Http, helpForNetwork } from './http.ts';
import type { HuggingFace, HuggingFaceModel } from './huggingface.ts';
import type { OciModel, OciRegistries } from './oci.ts';
import type { HuggingFaceReference, ModelReference, OciReference } from './reference.ts';
import { formatReference } from './reference.ts';

export interface ReadOptions extends HttpOptions {
  /** Runs a credential helper; that of this machine by default. */
  runHelper?: RunHelper;
}

/** A model's header, and what was seen on the way to it. */
export interface ModelHeader {
  header: GgufHeader;
  /** Bytes of the headers of all files. */
  headerBytes: number;
  /** Bytes that were read of the files. */
  bytesRead: number;
  /** Bytes that a pull downloads; of a local model, its files. */
  downloadBytes: number;
  /** Bytes of the projector of a multimodal model; 0 where there is none. */
  mmprojBytes: number;
  /** What the registry says of it; null for a local file. */
  source: OciModel | HuggingFaceModel | null;
}

/** Of the first read: a header without a vocabulary is shorter than that. */
const firstBytes = 128 * 1024;
/** What is read behind what is known to be needed: never more than 1 MB behind a header's end. */
const aheadBytes = 900_000;
/** The same for a file of this machine, where reading again costs more than reading on. */
const aheadBytesOfFile = 16 * 1024 * 1024;
/** No part of a header is asked for later than that, in milliseconds: a server may drip within every other limit. */
const mostMs = 180_000;

/**
 * Reads models where they are published, without pulling them, over one connection a server. One request at a
 * time: await each answer. Everything throws RegistryErrors.
 */
export class ModelReader {
  readonly #http: Http;
  readonly #access: { http: Http; env: Environment; runHelper?: RunHelper };
  #oci: OciRegistries | null = null;
  #huggingFace: HuggingFace | null = null;

  constructor(options: ReadOptions = {}) {
    this.#http = new Http(options);
    this.#access = {
      http: this.#http,
      env: options.env ?? process.env,
      ...(options.runHelper && { runHelper: options.runHelper }),
    };
  }

  /** What a registry or Hugging Face says of a model: its files, sizes, digests. No file is read. */
  async describe(reference: OciReference | HuggingFaceReference): Promise<OciModel | HuggingFaceModel> {
    return reference.kind === 'oci'
      ? (await this.#registries()).model(reference)
      : (await this.#hub()).model(reference);
  }

  /** The header of a model, of which never more than 1 MB is read behind it. */
  async header(reference: ModelReference): Promise<ModelHeader> {
    if (reference.kind === 'file') return readFileHeader(reference.path);
    const name = formatReference(reference);
    if (reference.kind === 'huggingface') {
      const hub = await this.#hub();
      const model = await hub.model(reference);
      const files = model.files.map((file) => hub.file(reference, file));
      return {
        ...(await readHeaders(name, files)),
        downloadBytes: model.downloadBytes,
        mmprojBytes: model.mmproj?.size ?? 0,
        source: model,
      };
    }
    const registries = await this.#registries();
    const model = await registries.model(reference);
    const layers = model.layers.filter(({ role }) => role === 'gguf');
    if (layers.length === 0)
      throw new RegistryError(
        'not-a-model',
        `${name} has no GGUF layer, so there is no header to read`,
        'Name a model in the GGUF format',
      );
    const projectors = model.layers.filter(({ role }) => role === 'mmproj');
    return {
      ...(await readHeaders(
        name,
        layers.map((layer) => registries.blob(reference, layer)),
      )),
      downloadBytes: model.downloadBytes,
      mmprojBytes: projectors.reduce((sum, { size }) => sum + size, 0),
      source: model,
    };
  }

  /** Ends its connections. */
  close(): void {
    this.#http.close();
  }

  async #registries(): Promise<OciRegistries> {
    const { OciRegistries } = await import('./oci.ts');
    this.#oci ??= new OciRegistries(this.#access);
    return this.#oci;
  }

  async #hub(): Promise<HuggingFace> {
    const { HuggingFace } = await import('./huggingface.ts');
    this.#huggingFace ??= new HuggingFace(this.#access);
    return this.#huggingFace;
  }
}

/** The header of one model; see `ModelReader`. */
export async function readModelHeader(
  reference: ModelReference,
  options: ReadOptions = {},
): Promise<ModelHeader> {
  const reader = new ModelReader(options);
  try {
    return await reader.header(reference);
  } finally {
    reader.close();
  }
}

async function readHeaders(
  name: string,
  files: readonly Ranges[],
  ahead = aheadBytes,
): Promise<Pick<ModelHeader, 'header' | 'headerBytes' | 'bytesRead'>> {
  const headers: GgufHeader[] = [];
  let headerBytes = 0;
  let bytesRead = 0;
  for (const [index, file] of files.entries()) {
    const part = await readHeader(files.length === 1 ? name : `${name}, file ${index + 1}`, file, ahead);
    headers.push(part.header);
    headerBytes += part.headerBytes;
    bytesRead += part.bytesRead;
  }
  const merged = mergeHeaders(headers);
  if (!merged.ok)
    throw new RegistryError(
      'not-a-model',
      `${name} is not whole: ${merged.problem}`,
      'Publish all its files together',
    );
  return { header: merged.header, headerBytes, bytesRead };
}

async function readHeader(
  name: string,
  file: Ranges,
  ahead: number,
): Promise<{ header: GgufHeader; headerBytes: number; bytesRead: number }> {
  const { size } = file;
  const start = performance.now();
  let bytes = new Uint8Array(0);
  let end = firstBytes;
  for (;;) {
    if (performance.now() - start > mostMs)
      throw new RegistryError(
        'stalled',
        `The header of ${printable(name)} did not come within ${mostMs / 60_000} minutes`,
        helpForNetwork,
      );
    const more = size === 0 ? bytes : await file.read(bytes.length, Math.min(end, size));
    const longer = new Uint8Array(bytes.length + more.length);
    longer.set(bytes);
    longer.set(more, bytes.length);
    bytes = longer;
    const reading = readGguf(bytes, size);
    if (reading.ok)
      return { header: reading.header, headerBytes: reading.headerBytes, bytesRead: bytes.length };
    if (reading.needMore === null) throw notGguf(name, reading.problem);
    if (more.length === 0) throw notGguf(name, { reason: 'ends inside its header', offset: bytes.length });
    end = reading.needMore + ahead;
  }
}

function notGguf(name: string, { reason, offset }: GgufProblem): RegistryError {
  return new RegistryError(
    'not-a-model',
    `${printable(name)} cannot be read, at byte ${offset}: ${reason}`,
    'Name a whole GGUF file of version 2 or 3',
  );
}

/** The header of a file of this machine, with those of its shards, which stand beside it. */
async function readFileHeader(path: string): Promise<ModelHeader> {
  const names = shardNames(basename(path));
  const paths = names === null ? [path] : names.map((name) => join(dirname(path), name));
  const files: Awaited<ReturnType<typeof open>>[] = [];
  try {
    const ranges: Ranges[] = [];
    for (const each of paths) {
      const file = await openFile(each);
      files.push(file);
      const { size } = await file.stat();
      ranges.push({
        size,
        read: async (start, end) => {
          const buffer = new Uint8Array(Math.max(0, end - start));
          const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
          return buffer.subarray(0, bytesRead);
        },
      });
    }
    const read = await readHeaders(path, ranges, aheadBytesOfFile);
    const downloadBytes = ranges.reduce((sum, { size }) => sum + size, 0);
    return { ...read, downloadBytes, mmprojBytes: 0, source: null };
  } finally {
    for (const file of files) await file.close();
  }
}

async function openFile(path: string): ReturnType<typeof open> {
  let isFile: boolean;
  try {
    // Opening a pipe would wait for somebody to write.
    isFile = (await stat(path)).isFile();
    if (isFile) return await open(path, 'r');
  } catch (error) {
    const isMissing = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
    throw new RegistryError(
      'not-found',
      `${quote(path)} ${isMissing ? 'is not there' : 'cannot be read'}`,
      isMissing
        ? 'Check the path; all files of a sharded model belong in one folder'
        : 'Check who may read it',
    );
  }
  throw new RegistryError('not-a-model', `${quote(path)} is no file`, 'Name a GGUF file');
}

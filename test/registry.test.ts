import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Login } from '../src/registry/credentials.ts';
import { RegistryError } from '../src/registry/error.ts';
import type { ReadOptions } from '../src/registry/header.ts';
import { ModelReader, readModelHeader } from '../src/registry/header.ts';
import { Http, proxyFor } from '../src/registry/http.ts';
import type { HuggingFaceReference, OciReference } from '../src/registry/reference.ts';
import { formatReference, parseReference } from '../src/registry/reference.ts';
import { writeGguf } from './support/gguf-writer.ts';
import { folderOf, isWindows, write } from './support/process.ts';
import type { Artifact } from './support/push.ts';
import { push } from './support/push.ts';
import type { Handler } from './support/registry.ts';
import { answer, cutOff, digestOf, silence, TestHuggingFace, TestRegistry } from './support/registry.ts';

const tiny = writeGguf({
  metadata: { 'general.architecture': 'llama', 'llama.block_count': 1 },
  tensors: [{ name: 'token_embd.weight', shape: [32, 16], type: 'F32' }],
});
/** A model whose vocabulary makes its header 2 MB long, and its data 3 MB more. */
const large = (() => {
  const tokens = Array.from({ length: 150_000 }, (_, index) => `t${index}`);
  const header = writeGguf({
    metadata: { 'general.architecture': 'llama', 'tokenizer.ggml.tokens': tokens, 'llama.block_count': 2 },
    tensors: [{ name: 'token_embd.weight', shape: [32, 16], type: 'F32' }],
  });
  const file = new Uint8Array(header.length + 3_000_000);
  file.set(header);
  return { file, headerBytes: header.length };
})();

/** No login of whoever runs the tests. */
const patient: ReadOptions = { env: { DOCKER_CONFIG: '/nowhere' } };
/** For servers that stall; the others get the time that a busy machine takes. */
const quick: ReadOptions = { ...patient, timeouts: { idle: 200 } };

/** `kind: message` of the failure, with ports left out. */
async function failure(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return `${error.kind}: ${error.message.replaceAll(/127\.0\.0\.1:\d+/g, '<host>')}`;
  }
  return 'no failure';
}

function read(text: string, options: ReadOptions = patient) {
  return readModelHeader(parseReference(text), options);
}

async function describeModel(text: string, options: ReadOptions = patient) {
  const reader = new ModelReader(options);
  try {
    return await reader.describe(parseReference(text) as OciReference | HuggingFaceReference);
  } finally {
    reader.close();
  }
}

function dockerConfig(config: unknown): string {
  return folderOf({ 'config.json': JSON.stringify(config) });
}

describe('a reference', () => {
  const sha = `sha256:${'a'.repeat(64)}`;
  test.each([
    ['gemma4', 'docker.io/ai/gemma4:latest'],
    ['gemma4:E2B', 'docker.io/ai/gemma4:E2B'],
    ['ai/gemma4:E2B', 'docker.io/ai/gemma4:E2B'],
    ['AI/Gemma4:E2B', 'docker.io/ai/gemma4:E2B'],
    ['docker.io/ai/gemma4', 'docker.io/ai/gemma4:latest'],
    ['index.docker.io/gemma4:4B', 'docker.io/ai/gemma4:4B'],
    ['ghcr.io/org/team/model:1.0', 'ghcr.io/org/team/model:1.0'],
    ['localhost:5000/x/y:tag', 'localhost:5000/x/y:tag'],
    ['localhost/x', 'localhost/x:latest'],
    ['[::1]:5000/x/y', '[::1]:5000/x/y:latest'],
    [`ai/gemma4@${sha}`, `docker.io/ai/gemma4@${sha}`],
    [`ai/gemma4:E2B@${sha}`, `docker.io/ai/gemma4:E2B@${sha}`],
    ['hf.co/bartowski/Llama-3.2-1B-GGUF', 'huggingface.co/bartowski/Llama-3.2-1B-GGUF'],
    ['HuggingFace.co/org/repo:Q4_K_M', 'huggingface.co/org/repo:Q4_K_M'],
    ['./models/x.gguf', './models/x.gguf'],
    ['/models/a b;c.GGUF', '/models/a b;c.GGUF'],
    ['C:\\models\\x.gguf', 'C:\\models\\x.gguf'],
  ])('%s is %s', (text, expected) => {
    expect(formatReference(parseReference(text))).toBe(expected);
  });

  test.each([
    ['', 'it is empty'],
    ['--help', 'it begins with "-", like an option'],
    ['../x', '".." is no host'],
    ['x/../y', '".." is no name'],
    ['/x/y', 'a part of its name is empty'],
    ['x//y', 'a part of its name is empty'],
    ['x/y/', 'a part of its name is empty'],
    ['a b', '" " cannot be part of a name'],
    ['x;rm -rf', '";" cannot be part of a name'],
    ['x\ny', '"\\n" cannot be part of a name'],
    ['x\u001b[2J', '"\\u{1b}" cannot be part of a name'],
    ['ai/x%2fy', '"%" cannot be part of a name'],
    ['ai/x?a=b', '"?" cannot be part of a name'],
    ['ai/x#y', '"#" cannot be part of a name'],
    ['ai/x\\y', '"\\" cannot be part of a name'],
    ['ai/ｘ', '"ｘ" cannot be part of a name'],
    ['https://huggingface.co/org/repo', 'addresses of the web are not read'],
    ['https://example.com/x.gguf', 'addresses of the web are not read'],
    ['ai/x:', '"" is no tag'],
    ['ai/x:-y', '"-y" is no tag'],
    [`ai/x:${'y'.repeat(129)}`, `"${'y'.repeat(79)}…" is no tag`],
    ['ai/x@sha256:abc', 'its digest is not sha256: with 64 hexadecimal digits'],
    ['user@host/x', 'its digest is not sha256: with 64 hexadecimal digits'],
    ['-x.io/y', 'it begins with "-", like an option'],
    ['x-.io/y', '"x-.io" is no host'],
    ['x.io:port/y', '"x.io:port" is no host'],
    ['hf.co/org', 'Hugging Face names are hf.co/owner/repository'],
    ['hf.co/org/repo/file', 'Hugging Face names are hf.co/owner/repository'],
    ['hf.co/../repo', 'Hugging Face names are hf.co/owner/repository'],
    ['hf.co/org/a..b', 'Hugging Face names are hf.co/owner/repository'],
    [`hf.co/org/repo@${sha}`, 'Hugging Face has no digests'],
    ['x\0.gguf', 'a path has no NUL character'],
    ['x'.repeat(513), 'it has more than 512 characters'],
    [`${'x/'.repeat(200)}x`, 'its name has more than 255 characters'],
  ])('%j is refused', (text, why) => {
    expect(() => parseReference(text)).toThrow(RegistryError);
    try {
      parseReference(text);
    } catch (error) {
      expect((error as RegistryError).problem).toMatch(/^".*" is no model: /s);
      expect((error as RegistryError).problem.endsWith(` is no model: ${why}`)).toBe(true);
      expect((error as RegistryError).help).toBe(
        'Write it as ai/gemma4:E2B, hf.co/owner/repository:Q4_K_M or the path of a .gguf file',
      );
    }
  });

  test('that passes changes no address and is no option', () => {
    const pieces = fc.constantFrom(
      'ai',
      'x',
      '/',
      ':',
      '@',
      '..',
      '.',
      '-',
      '_',
      '%2f',
      '?',
      '#',
      '\\',
      ' ',
      '\n',
      'hf.co',
      'localhost',
      'A',
      '5000',
    );
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')),
        (text) => {
          let name: string;
          try {
            name = formatReference(parseReference(text));
          } catch (error) {
            expect(error).toBeInstanceOf(RegistryError);
            return;
          }
          const url = new URL(`https://${name}`);
          expect(`${url.host}${url.pathname}`).toBe(name);
          expect(text.startsWith('-')).toBe(false);
          expect(formatReference(parseReference(name))).toBe(name);
        },
      ),
    );
  });
});

describe('a registry', () => {
  const registry = new TestRegistry();
  const elsewhere = new TestRegistry();
  let name = '';
  const artifact: Artifact = {
    gguf: [large.file],
    mmproj: new Uint8Array(1000),
    config: {
      format: 'gguf',
      quantization: 'MOSTLY_Q4_K_M',
      parameters: '3.09B',
      architecture: 'llama',
      size: '1.87GiB',
      context_size: 4096,
      gguf: { 'general.architecture': 'llama', 'llama.context_length': '131072', odd: 7 },
    },
  };
  beforeAll(async () => {
    await Promise.all([registry.start(), elsewhere.start()]);
    await push(registry.url, 'ai/large', 'E2B', artifact);
    await push(registry.url, 'ai/tiny', 'latest', { gguf: [tiny] });
    await push(registry.url, 'ai/index', 'latest', { gguf: [tiny], index: true });
    await push(registry.url, 'ai/image', 'latest', {
      gguf: [tiny],
      configType: 'application/vnd.oci.image.config.v1+json',
    });
    await push(registry.url, 'ai/novel', 'latest', { gguf: [tiny], configType: 'application/vnd.example' });
    await push(registry.url, 'ai/tensors', 'latest', {
      gguf: [tiny],
      layerType: 'application/vnd.docker.ai.safetensors',
    });
    await push(registry.url, 'ai/junk', 'latest', { gguf: [new TextEncoder().encode('<html>')] });
    await push(registry.url, 'ai/empty', 'latest', { gguf: [new Uint8Array(0)] });
    await push(registry.url, 'ai/cut', 'latest', { gguf: [tiny.subarray(0, 100)] });
    await push(registry.url, 'ai/pack', 'latest', {
      gguf: [tiny],
      layerType: 'application/vnd.cncf.model.weight.v1.raw',
      configType: 'application/vnd.cncf.model.config.v1+json',
      annotations: { 'org.cncf.model.filepath': 'model.gguf' },
    });
    name = `${registry.host}/ai/large:E2B`;
  });
  beforeEach(() => {
    registry.reset();
    elsewhere.reset();
  });
  afterAll(() => Promise.all([registry.stop(), elsewhere.stop()]));

  test('tells what a model is, without its files', async () => {
    const model = await describeModel(name);
    if (model.kind !== 'oci') throw new Error('not OCI');
    expect(model).toEqual({
      kind: 'oci',
      reference: parseReference(name),
      digest: digestOf(registry.manifests.get('ai/large:E2B')?.bytes ?? tiny),
      layers: [
        {
          mediaType: 'application/vnd.docker.ai.gguf.v3',
          digest: digestOf(large.file),
          size: large.file.length,
          role: 'gguf',
          path: null,
        },
        {
          mediaType: 'application/vnd.docker.ai.mmproj',
          digest: digestOf(new Uint8Array(1000)),
          size: 1000,
          role: 'mmproj',
          path: null,
        },
      ],
      downloadBytes: large.file.length + 1000,
      config: {
        format: 'gguf',
        quantization: 'MOSTLY_Q4_K_M',
        parameters: '3.09B',
        architecture: 'llama',
        size: '1.87GiB',
        contextSize: 4096,
        gguf: new Map([
          ['general.architecture', 'llama'],
          ['llama.context_length', '131072'],
        ]),
      },
    });
    expect(registry.asked.map(({ path }) => path.replace(/sha256:.*/, '…'))).toEqual([
      '/v2/ai/large/manifests/E2B',
      '/v2/ai/large/blobs/…',
    ]);
  });

  test('gives a header in parts: one connection, and less than 1 MB more than the header', async () => {
    const result = await read(name);
    expect(result.header.metadata.get('llama.block_count')).toBe(2);
    expect(result.header.metadata.get('tokenizer.ggml.tokens')).toEqual({
      type: 'string',
      length: 150_000,
      values: null,
    });
    expect(result.header.fileBytes).toBe(large.file.length);
    expect(large.headerBytes - result.headerBytes).toBeLessThan(32);
    expect(result.headerBytes).toBeGreaterThan(1_900_000);
    expect(result.bytesRead).toBeLessThanOrEqual(result.headerBytes + 1_000_000);
    expect(registry.bytesSent).toBeLessThan(result.headerBytes + 1_000_000);
    expect(result.mmprojBytes).toBe(1000);
    expect(result.downloadBytes).toBe(large.file.length + 1000);
    expect(registry.connections).toBe(1);
  });

  test('that has no parts gives small models, and no others', async () => {
    registry.fault(/blobs/, (request, response) => {
      delete request.headers.range;
      const digest = (request.url ?? '').split('/').at(-1) ?? '';
      registry.give(registry.blobs.get(digest) ?? tiny)(request, response);
    });
    expect((await read(`${registry.host}/ai/tiny`)).header.tensors).toHaveLength(1);
    expect(await failure(read(name))).toBe(
      `no-ranges: http://<host>/v2/ai/large/blobs/${digestOf(large.file)} is given whole only, so its header cannot be read alone. Download the file and name its path.`,
    );
  });

  test.each([
    ['an index with a note of a builder', 'ai/index'],
    ['a ModelPack', 'ai/pack'],
  ])('%s', async (_, repository) => {
    expect((await read(`${registry.host}/${repository}`)).header.tensors.map(({ name }) => name)).toEqual([
      'token_embd.weight',
    ]);
  });

  test('a digest says which manifest', async () => {
    const { digest } = await push(registry.url, 'ai/pinned', 'latest', { gguf: [tiny] });
    const model = await describeModel(`${registry.host}/ai/pinned@${digest}`);
    expect(model.kind === 'oci' && model.digest).toBe(digest);
  });

  const large404 = /blobs/;
  const body = new Uint8Array(64);
  test.each<[string, string, RegExp, Handler | null, string]>([
    [
      'no such tag',
      'ai/tiny:nope',
      /x/,
      null,
      'not-found: <host>/ai/tiny:nope is not there. Check name and tag; the case of a tag counts.',
    ],
    [
      'no such layer',
      'ai/tiny',
      large404,
      answer(404),
      'not-found: <host>/ai/tiny:latest, its config is not there. Check name and tag; the case of a tag counts.',
    ],
    [
      'forbidden',
      'ai/tiny',
      /manifests/,
      answer(403),
      'denied: <host>/ai/tiny:latest does not exist, or needs a login that may read it. Check the name; for a private repository run docker login <host>.',
    ],
    [
      'a rate limit',
      'ai/tiny',
      /manifests/,
      answer(429, { 'retry-after': '60' }),
      'rate-limited: <host> limits how much may be read and has had enough for now. Try again in 60 seconds, or log in: accounts may read more.',
    ],
    [
      'a rate limit without an end',
      'ai/tiny',
      /manifests/,
      answer(429, { 'retry-after': 'Wed, 21 Oct 2099 07:28:00 GMT' }),
      'rate-limited: <host> limits how much may be read and has had enough for now. Try again later, or log in: accounts may read more.',
    ],
    [
      'a server out of order',
      'ai/tiny',
      /manifests/,
      answer(503),
      'server: http://<host>/v2/ai/tiny/manifests/latest answers 503. Try again later, or ask the people who run the server.',
    ],
    [
      'a teapot',
      'ai/tiny',
      /manifests/,
      answer(418),
      'bad-answer: http://<host>/v2/ai/tiny/manifests/latest answers 418. Try again later, or ask the people who run the server.',
    ],
    [
      'silence',
      'ai/tiny',
      /manifests/,
      silence,
      'stalled: http://<host>/v2/ai/tiny/manifests/latest sent nothing for 0.2 s. Check the network and try again.',
    ],
    [
      'a stall in the middle',
      'ai/tiny',
      /manifests/,
      cutOff(200, 1000, body, true),
      'stalled: http://<host>/v2/ai/tiny/manifests/latest sent nothing for 0.2 s. Check the network and try again.',
    ],
    [
      'a length that lies',
      'ai/tiny',
      /manifests/,
      cutOff(200, 1000, body),
      'network: http://<host>/v2/ai/tiny/manifests/latest ended its answer early. Check the network and try again.',
    ],
    [
      'a closed connection',
      'ai/tiny',
      /manifests/,
      (request) => request.socket.destroy(),
      'network: http://<host> cannot be reached: it closed the connection. Check the network, and HTTPS_PROXY where there is a proxy.',
    ],
    [
      'no JSON',
      'ai/tiny',
      /manifests/,
      answer(200, {}, '<html>'),
      'bad-answer: http://<host>/ sends something that is not JSON. Try again later, or ask the people who run the server.',
    ],
    [
      'another JSON',
      'ai/tiny',
      /manifests/,
      answer(200, {}, '[]'),
      'bad-answer: http://<host>/ sends no JSON object. Try again later, or ask the people who run the server.',
    ],
    [
      'no manifest',
      'ai/tiny',
      /manifests/,
      answer(200, {}, '{"__proto__":{"config":{}}}'),
      'bad-answer: http://<host>/ sends no manifest. Try again later, or ask the people who run the server.',
    ],
    [
      'an endless manifest',
      'ai/tiny',
      /manifests/,
      answer(200, {}, new Uint8Array(4 * 1024 * 1024 + 1)),
      'bad-answer: http://<host>/ sends a manifest of more than 4 MiB. Try again later, or ask the people who run the server.',
    ],
    [
      'a packed answer',
      'ai/tiny',
      /manifests/,
      answer(200, { 'content-encoding': 'gzip' }, body),
      'bad-answer: The server packs its answer although it was asked not to. Try again later, or ask the people who run the server.',
    ],
    [
      'a changed config',
      'ai/tiny',
      /blobs/,
      answer(200, {}, '{}'),
      'bad-digest: The config of <host>/ai/tiny:latest was changed on its way: its digest is sha256:44136fa355b3…, and should be <digest>. Try again; if it stays so, do not use this registry.',
    ],
    [
      'a changed manifest',
      'ai/tiny',
      /manifests/,
      answer(200, { 'docker-content-digest': digestOf(tiny) }, '{}'),
      'bad-digest: The manifest of <host>/ai/tiny:latest was changed on its way: its digest is sha256:44136fa355b3…, and should be <digest>. Try again; if it stays so, do not use this registry.',
    ],
    [
      'an index of nothing',
      'ai/tiny',
      /manifests/,
      answer(200, {}, '{"manifests":[{"digest":"../../x"}]}'),
      'not-a-model: <host>/ai/tiny:latest is no model that Docker Model Runner loads: its index names no model. Name a model.',
    ],
    [
      'a redirect to nowhere',
      'ai/tiny',
      /manifests/,
      answer(302),
      'bad-answer: http://<host>/v2/ai/tiny/manifests/latest redirects to nowhere. Try again later, or ask the people who run the server.',
    ],
    [
      'a redirect to a file',
      'ai/tiny',
      /manifests/,
      answer(302, { location: 'file:///etc/passwd' }),
      'bad-answer: file:///etc/passwd is not reached by https. Only localhost may use plain http; ask the people who run the server.',
    ],
    [
      'a redirect to plain http',
      'ai/tiny',
      /manifests/,
      answer(302, { location: 'http://169.254.169.254/latest?secret' }),
      'bad-answer: http://169.254.169.254/latest is not reached by https. Only localhost may use plain http; ask the people who run the server.',
    ],
    [
      'a redirect in a circle',
      'ai/tiny',
      /manifests/,
      answer(307, { location: '/v2/ai/tiny/manifests/latest' }),
      'bad-answer: http://<host>/v2/ai/tiny/manifests/latest redirects more than 5 times. Try again later, or ask the people who run the server.',
    ],
    [
      'a container image',
      'ai/image',
      /x/,
      null,
      'not-a-model: <host>/ai/image:latest is no model that Docker Model Runner loads: it is a container image. Name a model.',
    ],
    [
      'a kind of the future',
      'ai/novel',
      /x/,
      null,
      'not-a-model: <host>/ai/novel:latest is no model that Docker Model Runner loads: its kind is "application/vnd.example". Name a model.',
    ],
    [
      'no GGUF',
      'ai/tensors',
      /x/,
      null,
      'not-a-model: <host>/ai/tensors:latest has no GGUF layer, so there is no header to read. Name a model in the GGUF format.',
    ],
    [
      'a web page as a layer',
      'ai/junk',
      /x/,
      null,
      'not-a-model: <host>/ai/junk:latest cannot be read, at byte 0: is a web page or XML; use the address of the file itself. Name a whole GGUF file of version 2 or 3.',
    ],
    [
      'an empty layer',
      'ai/empty',
      /x/,
      null,
      'not-a-model: <host>/ai/empty:latest cannot be read, at byte 0: is cut: the file has 0 bytes, its header more; fetch it again. Name a whole GGUF file of version 2 or 3.',
    ],
    [
      'a cut model',
      'ai/cut',
      /x/,
      null,
      'not-a-model: <host>/ai/cut:latest cannot be read, at byte 100: is cut: the file has 100 bytes, its header more; fetch it again. Name a whole GGUF file of version 2 or 3.',
    ],
    [
      'a challenge without a realm',
      'ai/tiny',
      /manifests/,
      answer(401, { 'www-authenticate': 'Bearer service="x"' }),
      'bad-answer: http://<host>/ asks for a login and does not say where. Try again later, or ask the people who run the server.',
    ],
    [
      'a realm elsewhere on plain http',
      'ai/tiny',
      /manifests/,
      answer(401, { 'www-authenticate': 'Bearer realm="http://198.51.100.1/token"' }),
      'bad-answer: http://198.51.100.1/token is not reached by https. Only localhost may use plain http; ask the people who run the server.',
    ],
    [
      'an unknown challenge',
      'ai/tiny',
      /manifests/,
      answer(401, { 'www-authenticate': 'Negotiate' }),
      'denied: <host>/ai/tiny:latest does not exist, or needs a login that may read it. Check the name; for a private repository run docker login <host>.',
    ],
  ])('%s', async (_, repository, path, handler, expected) => {
    if (handler !== null) registry.fault(path, handler);
    const options = expected.startsWith('stalled') ? quick : patient;
    const failed = await failure(read(`${registry.host}/${repository}`, options));
    expect(failed.replace(/(should be )sha256:\S+/, '$1<digest>.')).toBe(expected);
  });

  const part = (headers: Record<string, string>, bytes = 131_072): Handler =>
    answer(206, headers, new Uint8Array(bytes));
  test.each<[string, Handler, string]>([
    [
      'another part',
      part({ 'content-range': `bytes 5-131071/${large.file.length}` }),
      'sends another part than it was asked for',
    ],
    [
      'a part beyond',
      part({ 'content-range': `bytes 0-131072/${large.file.length}` }, 131_073),
      'sends another part than it was asked for',
    ],
    [
      'a part of another length',
      part({ 'content-range': `bytes 0-131071/${large.file.length}` }, 10),
      'sends a part of another length than it says',
    ],
    [
      'a part of nobody knows what',
      part({ 'content-range': 'bytes 0-131071/*' }),
      'sends a part and does not say which',
    ],
    [
      'a part that is short',
      part({ 'content-range': `bytes 0-0/${large.file.length}` }, 1),
      'sends another part than it was asked for',
    ],
    ['no range', part({}), 'sends a part and does not say which'],
    [
      'a size that lies',
      part({ 'content-range': 'bytes 0-131071/9000000000' }),
      `has 9000000000 bytes, and should have ${large.file.length}`,
    ],
    [
      'a whole file that is another',
      answer(200, {}, new Uint8Array(100)),
      `has 100 bytes, and should have ${large.file.length}`,
    ],
    ['nothing', answer(204), 'answers 204 to a request for a part'],
    ['not satisfiable', answer(416), 'answers 416'],
  ])('%s is not believed', async (_, handler, expected) => {
    registry.fault(new RegExp(digestOf(large.file)), handler);
    expect(await failure(read(name))).toBe(
      `bad-answer: http://<host>/v2/ai/large/blobs/${digestOf(large.file)} ${expected}. Try again later, or ask the people who run the server.`,
    );
  });

  test('that nobody runs is said to be away', async () => {
    const port = await freePort();
    expect(await failure(read(`127.0.0.1:${port}/x/y`))).toBe(
      'network: http://<host> cannot be reached: nothing accepts connections there. Check the network, and HTTPS_PROXY where there is a proxy.',
    );
  });

  test('drips too slowly for the whole', async () => {
    registry.fault(/manifests/, (_, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      const timer = setInterval(() => response.write('x'), 50);
      response.on('close', () => clearInterval(timer));
    });
    expect(await failure(read(`${registry.host}/ai/tiny`, { ...patient, timeouts: { total: 300 } }))).toBe(
      'stalled: http://<host>/v2/ai/tiny/manifests/latest did not finish its answer within 0.3 s. Check the network and try again.',
    );
  });

  test('a connection that was kept and has died is made again', async () => {
    registry.fault(new RegExp(`blobs/${digestOf(large.file)}`), (request) => request.socket.destroy(), 1);
    expect((await read(name)).header.metadata.get('llama.block_count')).toBe(2);
    expect(registry.connections).toBe(2);
  });

  test('may keep its layers elsewhere: there the login is not shown, and no way is asked for twice', async () => {
    const bearer = new TestRegistry({ login: 'bearer', open: ['ai/large'] });
    bearer.blobs.set(digestOf(large.file), large.file);
    for (const [key, value] of registry.blobs) bearer.blobs.set(key, value);
    for (const [key, value] of registry.manifests) bearer.manifests.set(key, value);
    await bearer.start();
    try {
      bearer.fault(new RegExp(digestOf(large.file)), (request, response) => {
        expect(request.headers.authorization).toMatch(/^Bearer good-/);
        answer(307, { location: `${elsewhere.url}/cdn?signature=secret` })(request, response);
      });
      elsewhere.fault(/cdn/, elsewhere.give(large.file));
      const result = await read(`${bearer.host}/ai/large:E2B`);
      expect(result.header.metadata.get('llama.block_count')).toBe(2);
      expect(elsewhere.asked.length).toBeGreaterThan(1);
      expect(
        elsewhere.asked.map(({ authorization }) => authorization).filter((each) => each !== null),
      ).toEqual([]);
      expect(bearer.asked.filter(({ path }) => path.includes(digestOf(large.file)))).toHaveLength(1);
      expect([bearer.connections, elsewhere.connections]).toEqual([1, 1]);
      // Where the layer is stored is forgotten: the registry is asked again.
      elsewhere.reset();
      elsewhere.fault(/cdn/, elsewhere.give(large.file), 1);
      elsewhere.fault(/cdn/, answer(403), 1);
      elsewhere.fault(/cdn/, elsewhere.give(large.file));
      expect((await read(`${bearer.host}/ai/large:E2B`)).header.metadata.get('llama.block_count')).toBe(2);
      elsewhere.reset();
      elsewhere.fault(/cdn/, answer(500));
      expect(await failure(read(`${bearer.host}/ai/large:E2B`))).toBe(
        'server: http://<host>/cdn answers 500. Try again later, or ask the people who run the server.',
      );
    } finally {
      await bearer.stop();
    }
  });

  describe('stands in for Docker Hub', () => {
    test('as DEFAULT_REGISTRY', async () => {
      const env = { ...patient.env, DEFAULT_REGISTRY: registry.host };
      expect((await read('tiny', { env })).header.tensors).toHaveLength(1);
    });

    test('as a mirror, with a path of its own; what it lacks comes from the next', async () => {
      const mirror = await new TestRegistry({ prefix: '/hub' }).start();
      try {
        const env = {
          ...patient.env,
          MODEL_RUNNER_REGISTRY_MIRRORS: `${mirror.url}/hub, ${registry.url}`,
          DEFAULT_REGISTRY: 'localhost:1',
        };
        expect((await read('ai/tiny', { env })).header.tensors).toHaveLength(1);
        expect(mirror.asked.map(({ path }) => path)).toEqual(['/hub/v2/ai/tiny/manifests/latest']);
        for (const [key, value] of registry.blobs) mirror.blobs.set(key, value);
        for (const [key, value] of registry.manifests) mirror.manifests.set(key, value);
        registry.reset();
        expect((await read('ai/tiny', { env })).header.tensors).toHaveLength(1);
        expect(registry.asked).toEqual([]);
      } finally {
        await mirror.stop();
      }
    });

    test('and its address must be one', async () => {
      const env = { ...patient.env, DEFAULT_REGISTRY: 'ftp://example.com' };
      expect(await failure(read('tiny', { env }))).toBe(
        'invalid-reference: "ftp://example.com" is no address of a registry. Write it as registry.example.com, localhost:5000 or https://registry.example.com.',
      );
    });
  });
});

describe('logins', () => {
  const users = { ada: 'open-sesame' };
  const basic = new TestRegistry({ login: 'basic', users });
  const bearer = new TestRegistry({
    login: 'bearer',
    users,
    open: ['ai/open'],
    refreshTokens: ['identity-secret'],
  });
  const auth = btoa('ada:open-sesame');
  beforeAll(async () => {
    await Promise.all([basic.start(), bearer.start()]);
    const open = await new TestRegistry().start();
    for (const name of ['ai/open', 'ai/private']) await push(open.url, name, 'latest', { gguf: [tiny] });
    await open.stop();
    for (const registry of [basic, bearer]) {
      for (const [key, value] of open.blobs) registry.blobs.set(key, value);
      for (const [key, value] of open.manifests) registry.manifests.set(key, value);
    }
  });
  beforeEach(() => {
    basic.reset();
    bearer.reset();
  });
  afterAll(() => Promise.all([basic.stop(), bearer.stop()]));

  const reads = (text: string, config: unknown, more: ReadOptions = {}) =>
    read(text, { ...more, env: { DOCKER_CONFIG: dockerConfig(config) } });
  const denied = (registry: TestRegistry) =>
    `denied: <host>/ai/private:latest does not exist, or needs a login that may read it. Check the name; for a private repository run docker login ${registry.host.replace(/.*/, '<host>')}.`;

  test('none is needed where a token is given to everybody', async () => {
    expect((await reads(`${bearer.host}/ai/open`, {})).header.tensors).toHaveLength(1);
    expect(bearer.asked[1]?.path).toBe('/token?scope=repository%3Aai%2Fopen%3Apull&service=test');
    // The challenge is answered once.
    expect(bearer.asked.filter(({ path }) => path.startsWith('/token'))).toHaveLength(1);
  });

  test.each<[string, (host: string) => unknown]>([
    ['auth', (host) => ({ auths: { [host]: { auth } } })],
    ['auth with https://', (host) => ({ auths: { [`https://${host}`]: { auth } } })],
    [
      'username and password',
      (host) => ({ auths: { [host]: { username: 'ada', password: 'open-sesame' } } }),
    ],
  ])('from auths of the Docker config: %s', async (_, config) => {
    expect((await reads(`${basic.host}/ai/private`, config(basic.host))).header.tensors).toHaveLength(1);
    expect((await reads(`${bearer.host}/ai/private`, config(bearer.host))).header.tensors).toHaveLength(1);
    expect(bearer.asked.find(({ path }) => path.startsWith('/token'))?.authorization).toBe(`Basic ${auth}`);
  });

  test('an identity token is exchanged, and never sent as a password', async () => {
    const config = { auths: { [bearer.host]: { identitytoken: 'identity-secret' } } };
    expect((await reads(`${bearer.host}/ai/private`, config)).header.tensors).toHaveLength(1);
    const exchange = bearer.asked.find(({ path }) => path === '/token');
    expect([exchange?.method, exchange?.authorization]).toEqual(['POST', null]);
    expect(exchange?.body).toContain('grant_type=refresh_token');
  });

  test('from a credential helper, which is asked for this registry alone', async () => {
    const asked: string[][] = [];
    const runHelper = async (program: string, input: string) => {
      asked.push([program, input]);
      return program.endsWith('-special')
        ? JSON.stringify({ ServerURL: input, Username: 'ada', Secret: 'open-sesame' })
        : 'credentials not found in native keychain';
    };
    const config = { credsStore: 'desktop', credHelpers: { [basic.host]: 'special', other: 'x' } };
    expect((await reads(`${basic.host}/ai/private`, config, { runHelper })).header.tensors).toHaveLength(1);
    expect(asked).toEqual([['docker-credential-special', basic.host]]);
    asked.splice(0);
    expect(await failure(reads(`${basic.host}/ai/private`, { credsStore: 'desktop' }, { runHelper }))).toBe(
      denied(basic),
    );
    expect(asked).toEqual([['docker-credential-desktop', basic.host]]);
    asked.splice(0);
    await failure(
      reads(
        `${basic.host}/ai/private`,
        { credsStore: '../../bin/sh', credHelpers: { [basic.host]: '-x' } },
        { runHelper },
      ),
    );
    expect(asked).toEqual([]);
  });

  test.skipIf(isWindows)('from a real program in PATH', async () => {
    const folder = folderOf({
      'docker-credential-fake': `#!/bin/sh\nread host\nprintf '{"Username":"ada","Secret":"open-%s"}' "$([ "$host" = ${basic.host} ] && echo sesame)"\n`,
    });
    chmodSync(join(folder, 'docker-credential-fake'), 0o755);
    const before = process.env['PATH'];
    process.env['PATH'] = `${folder}:${before}`;
    try {
      expect((await reads(`${basic.host}/ai/private`, { credsStore: 'fake' })).header.tensors).toHaveLength(
        1,
      );
      expect(await failure(reads(`${basic.host}/ai/private`, { credsStore: 'absent' }))).toBe(denied(basic));
    } finally {
      process.env['PATH'] = before;
    }
  });

  test.each<[string, unknown]>([
    ['no login', {}],
    ['that of another registry', { auths: { 'ghcr.io': { auth } } }],
    ['that of Docker Hub', { auths: { 'https://index.docker.io/v1/': { auth } } }],
    ['a broken one', { auths: { toString: null }, credsStore: 7, credHelpers: [] }],
    ['no object', 'text'],
  ])('%s reads nothing that is private', async (_, config) => {
    for (const registry of [basic, bearer])
      expect(await failure(reads(`${registry.host}/ai/private`, config))).toBe(denied(registry));
    const shown = [...basic.asked, ...bearer.asked].map(({ authorization }) => authorization ?? '');
    expect(shown.filter((value) => value.startsWith('Basic'))).toEqual([]);
  });

  test('what stands in for Docker Hub gets its own login, never that of Docker Hub', async () => {
    const hub = { 'https://index.docker.io/v1/': { auth } };
    for (const [auths, expected] of [
      [hub, /^denied: docker\.io\/ai\/private:latest does not exist, .* run docker login\.$/],
      [{ ...hub, [basic.host]: { auth } }, /^no failure$/],
    ] as const) {
      basic.reset();
      const env = { DOCKER_CONFIG: dockerConfig({ auths }), DEFAULT_REGISTRY: basic.host };
      expect(await failure(read('ai/private', { env }))).toMatch(expected);
      expect(basic.asked.some(({ authorization }) => authorization !== null)).toBe(auths !== hub);
    }
  });

  test('a wrong password is a login that was refused, and shows nowhere', async () => {
    const config = { auths: { [bearer.host]: { auth: btoa('ada:hunter2-secret') } } };
    const lines: string[] = [];
    const attempt = reads(`${bearer.host}/ai/private`, config, { log: (line) => lines.push(line) });
    const error = await attempt.catch((error: unknown) => error);
    expect(await failure(Promise.reject(error))).toBe(
      'login-required: <host> refuses the login that Docker has for it. Run docker login <host>.',
    );
    expect(lines).toHaveLength(2);
    for (const text of [inspect(error, { depth: 9 }), JSON.stringify(error), ...lines])
      expect(text).not.toMatch(/hunter2|YWRh|Basic|Bearer|good-/);
  });

  test('a login shows its secret nowhere', () => {
    const login = new Login('ada', 'hunter2');
    for (const text of [
      String(login),
      `${login}`,
      JSON.stringify({ login }),
      inspect({ login }, { showHidden: true }),
    ])
      expect(text).not.toContain('hunter2');
    expect(login.basic).toBe(`Basic ${btoa('ada:hunter2')}`);
  });

  test.each([['{"token":"a\\r\\nX-Evil: 1"}'], ['{"token":7}'], ['{}'], ['[]']])(
    'a token that is none: %s',
    async (body) => {
      bearer.fault(/token/, answer(200, {}, body));
      expect(await failure(reads(`${bearer.host}/ai/open`, {}))).toMatch(
        /^bad-answer: http:\/\/<host>\/token sends no (?:token|JSON object)\. /,
      );
    },
  );
});

describe('Hugging Face', () => {
  const hub = new TestHuggingFace();
  const env = () => ({ HF_ENDPOINT: hub.url });
  const files = (...paths: string[]) => new Map(paths.map((path) => [path, tiny]));
  const split = (number: number) =>
    writeGguf({
      metadata: {
        'split.no': { type: 'uint16', value: number },
        'split.count': { type: 'uint16', value: 2 },
      },
      tensors: [{ name: `blk.${number}.w`, shape: [32], type: 'F32' }],
    });
  beforeAll(async () => {
    await hub.start();
    hub.repositories.set(
      'org/many',
      files(
        'README.md',
        'm-Q8_0.gguf',
        'm-Q4_K_M.gguf',
        'm-IQ4_K_M.gguf',
        'mmproj-BF16.gguf',
        'mmproj-F32.gguf',
      ),
    );
    hub.repositories.set('org/one', files('only.gguf'));
    hub.repositories.set('org/odd', files('b-Q5_0.gguf', 'a-Q5_1.gguf'));
    hub.repositories.set('org/folders', files('UD-Q4_K_XL/m.gguf', 'README.md'));
    hub.repositories.set('org/none', files('model.safetensors'));
    hub.repositories.set('org/leave', files('../../x-Q4_K_M.gguf', 'a b#?%.gguf'));
    hub.repositories.set(
      'org/shards',
      new Map([
        ['m-Q4_K_M-00002-of-00002.gguf', split(1)],
        ['m-Q4_K_M-00001-of-00002.gguf', split(0)],
      ]),
    );
    hub.repositories.set('org/large', new Map([['m.gguf', large.file]]));
  });
  beforeEach(() => hub.reset());
  afterAll(() => hub.stop());

  test.each([
    ['org/many', ['m-Q4_K_M.gguf'], true],
    ['org/many:latest', ['m-Q4_K_M.gguf'], true],
    ['org/many:q8_0', ['m-Q8_0.gguf'], true],
    ['org/many:Q2_K', ['m-Q4_K_M.gguf'], false],
    ['org/one:Q8_0', ['only.gguf'], false],
    ['org/odd', ['a-Q5_1.gguf'], true],
    ['org/folders:ud-q4_k_xl', ['UD-Q4_K_XL/m.gguf'], true],
    ['org/shards', ['m-Q4_K_M-00001-of-00002.gguf', 'm-Q4_K_M-00002-of-00002.gguf'], true],
    ['org/leave', ['a b#?%.gguf'], true],
  ])('%s is %j', async (name, paths, isAsked) => {
    const model = await describeModel(`hf.co/${name}`, { env: env() });
    if (model.kind !== 'huggingface') throw new Error('not Hugging Face');
    expect([model.files.map(({ path }) => path), model.isAsked]).toEqual([paths, isAsked]);
    expect((await read(`hf.co/${name}`, { env: env() })).header.tensors.length).toBe(model.files.length);
  });

  test('the projector of a multimodal model counts', async () => {
    const model = await describeModel('hf.co/org/many', { env: env() });
    expect(model.kind === 'huggingface' && model.mmproj?.path).toBe('mmproj-BF16.gguf');
    expect(model.downloadBytes).toBe(2 * tiny.length);
  });

  test('reads in parts, over one connection', async () => {
    const result = await read('hf.co/org/large', { env: env() });
    expect(result.header.metadata.get('llama.block_count')).toBe(2);
    expect(hub.bytesSent).toBeLessThan(large.headerBytes + 1_000_000);
    expect(hub.connections).toBe(1);
  });

  test('HF_TOKEN goes there and nowhere else', async () => {
    const elsewhere = await new TestRegistry().start();
    try {
      hub.fault(/resolve/, answer(302, { location: `${elsewhere.url}/cdn` }));
      elsewhere.fault(/cdn/, elsewhere.give(tiny));
      const options = { env: { ...env(), HF_TOKEN: 'hf_secret' } };
      expect((await read('hf.co/org/one', options)).header.tensors).toHaveLength(1);
      expect(new Set(hub.asked.map(({ authorization }) => authorization))).toEqual(
        new Set(['Bearer hf_secret']),
      );
      expect(elsewhere.asked.map(({ authorization }) => authorization)).toEqual([null]);
      expect(await failure(read('hf.co/org/nope', options))).toBe(
        'denied: huggingface.co/org/nope does not exist, or needs a token that may read it. Check the name, and that HF_TOKEN is valid and may read it.',
      );
    } finally {
      await elsewhere.stop();
    }
  });

  test.each<[string, string, RegExp, Handler | null, string]>([
    [
      'no repository',
      'org/nope',
      /x/,
      null,
      'denied: huggingface.co/org/nope does not exist, or needs a token that may read it. Check the name; for a private repository set HF_TOKEN.',
    ],
    [
      'a gate',
      'org/one',
      /api/,
      answer(403, { 'x-error-code': 'GatedRepo' }),
      'login-required: huggingface.co/org/one is only for accounts that accepted its terms. Accept them on its page, and set HF_TOKEN to a token of that account.',
    ],
    [
      'gone',
      'org/one',
      /resolve/,
      answer(404),
      'not-found: huggingface.co/org/one is not there. Check owner and repository.',
    ],
    [
      'a rate limit',
      'org/one',
      /api/,
      answer(429, { 'retry-after': '7' }),
      'rate-limited: <host> limits how much may be read and has had enough for now. Try again in 7 seconds, or log in: accounts may read more.',
    ],
    [
      'no GGUF',
      'org/none',
      /x/,
      null,
      'not-a-model: huggingface.co/org/none has no GGUF file. Name a repository with GGUF files, and the quantization behind a colon.',
    ],
    [
      'no such folder',
      'org/folders:Q2_K',
      /x/,
      null,
      'not-a-model: huggingface.co/org/folders has no GGUF file at its top, and no folder "Q2_K" with one. Name a repository with GGUF files, and the quantization behind a colon.',
    ],
    [
      'no list',
      'org/one',
      /api/,
      answer(200, {}, '{}'),
      'bad-answer: http://<host>/api/models/org/one/tree/main sends no list of files. Try again later, or ask the people who run the server.',
    ],
  ])('%s', async (_, name, path, handler, expected) => {
    if (handler !== null) hub.fault(path, handler);
    expect(await failure(read(`hf.co/${name}`, { env: env() }))).toBe(expected);
  });

  test('its address must be one', async () => {
    expect(await failure(read('hf.co/org/one', { env: { HF_ENDPOINT: 'x' } }))).toBe(
      'invalid-reference: HF_ENDPOINT is no address of the web. Write it as https://huggingface.co, or remove it.',
    );
  });
});

describe('a file of this machine', () => {
  test('that is empty is no model', async () => {
    const folder = folderOf({ 'empty.gguf': '' });
    expect((await failure(read(join(folder, 'empty.gguf')))).replace(folder, '<folder>')).toBe(
      'not-a-model: <folder>/empty.gguf cannot be read, at byte 0: is cut: the file has 0 bytes, its header more; fetch it again. Name a whole GGUF file of version 2 or 3.',
    );
  });

  test('is read like any other, its shards with it', async () => {
    const shard = (number: number) =>
      writeGguf({
        metadata: {
          'split.no': { type: 'uint16', value: number },
          'split.count': { type: 'uint16', value: 2 },
        },
        tensors: [{ name: `blk.${number}.w`, shape: [32], type: 'F32' }],
      });
    const folder = folderOf({
      'large.gguf': large.file,
      'm-00001-of-00002.gguf': shard(0),
      'm-00002-of-00002.gguf': shard(1),
    });
    const result = await read(join(folder, 'large.gguf'));
    expect(result.header.metadata.get('llama.block_count')).toBe(2);
    expect(result.downloadBytes).toBe(large.file.length);
    const both = await read(join(folder, 'm-00002-of-00002.gguf'));
    expect(both.header.tensors.map(({ name }) => name)).toEqual(['blk.0.w', 'blk.1.w']);
  });

  test('that is none says so', async () => {
    const folder = folderOf({
      'text.gguf': 'version https://git-lfs.github.com/spec/v1\n',
      'm-00001-of-00002.gguf': tiny,
    });
    mkdirSync(join(folder, 'folder.gguf'));
    const said = async (name: string) =>
      (await failure(read(join(folder, name)))).replaceAll(folder, '<folder>').replaceAll('\\\\', '/');
    expect(await said('nope.gguf')).toBe(
      'not-found: "<folder>/nope.gguf" is not there. Check the path; all files of a sharded model belong in one folder.',
    );
    expect(await said('m-00001-of-00002.gguf')).toBe(
      'not-found: "<folder>/m-00002-of-00002.gguf" is not there. Check the path; all files of a sharded model belong in one folder.',
    );
    expect(await said('folder.gguf')).toBe(
      'not-a-model: "<folder>/folder.gguf" is no file. Name a GGUF file.',
    );
    expect(await said('text.gguf')).toBe(
      'not-a-model: <folder>/text.gguf cannot be read, at byte 0: is a Git LFS pointer, not the file itself; run git lfs pull. Name a whole GGUF file of version 2 or 3.',
    );
  });

  test.skipIf(isWindows)('that is a pipe is not waited for', async () => {
    const folder = folderOf();
    spawnSync('mkfifo', [join(folder, 'pipe.gguf')]);
    expect(await failure(read(join(folder, 'pipe.gguf')))).toMatch(
      /^not-a-model: .* is no file\. Name a GGUF file\.$/,
    );
  });
});

describe('proxies', () => {
  test.each<[string, Record<string, string>, string | null]>([
    ['https://ghcr.io/v2', { HTTPS_PROXY: 'http://proxy:3128' }, 'http://proxy:3128/'],
    ['https://ghcr.io/v2', { https_proxy: 'proxy:3128', HTTPS_PROXY: 'http://other' }, 'http://proxy:3128/'],
    ['https://ghcr.io/v2', { HTTP_PROXY: 'http://proxy:3128' }, null],
    ['http://mirror.lan/v2', { HTTP_PROXY: 'http://proxy:3128' }, 'http://proxy:3128/'],
    ['https://ghcr.io/v2', { HTTPS_PROXY: 'http://proxy', NO_PROXY: 'lan, .ghcr.io' }, null],
    ['https://a.ghcr.io/v2', { HTTPS_PROXY: 'http://proxy', no_proxy: 'ghcr.io' }, null],
    ['https://xghcr.io/v2', { HTTPS_PROXY: 'http://proxy', no_proxy: 'ghcr.io' }, 'http://proxy/'],
    ['https://ghcr.io/v2', { HTTPS_PROXY: 'http://proxy', no_proxy: '*' }, null],
    ['https://localhost:5000/v2', { HTTPS_PROXY: 'http://proxy' }, null],
    ['http://127.0.0.1:5000/v2', { HTTP_PROXY: 'http://proxy' }, null],
  ])('%s with %j', (url, env, expected) => {
    expect(proxyFor(new URL(url), env)?.href ?? null).toBe(expected);
  });

  test('of another kind are refused', () => {
    expect(() => proxyFor(new URL('https://ghcr.io'), { HTTPS_PROXY: 'socks5://proxy' })).toThrow(
      'HTTPS_PROXY is no address of an HTTP proxy. Write it as http://host:port.',
    );
  });

  test('get the name and their own login of an https server, and a refusal is said', async () => {
    const lines: string[] = [];
    const proxy = createServer((socket) =>
      socket.on('data', (data) => {
        lines.push(String(data));
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      }),
    );
    const port = await freePort();
    await new Promise<void>((done) => proxy.listen(port, '127.0.0.1', done));
    const http = new Http({ env: { HTTPS_PROXY: `http://ada:secret@127.0.0.1:${port}` } });
    try {
      const attempt = http.send(new URL('https://registry.test/v2/'), {
        mostBytes: 10,
        headers: { authorization: 'Bearer x' },
      });
      expect(await failure(attempt)).toBe(
        'network: https://registry.test cannot be reached: the proxy answers 407. Check the network, and HTTPS_PROXY where there is a proxy.',
      );
      expect(lines.join('')).toMatch(/^CONNECT registry\.test:443 HTTP\/1\.1\r\n/);
      expect(lines.join('')).toContain(`proxy-authorization: Basic ${btoa('ada:secret')}`);
      expect(lines.join('')).not.toContain('Bearer');
    } finally {
      http.close();
      proxy.close();
    }
  });

  test('carry plain http of a mirror', async () => {
    const proxy = await new TestRegistry().start();
    proxy.fault(/^http:\/\/mirror\.test\/v2\//, answer(404));
    try {
      const env = { ...patient.env, HTTP_PROXY: proxy.url, DEFAULT_REGISTRY: 'http://mirror.test' };
      expect(await failure(read('ai/tiny', { env }))).toMatch(
        /^not-found: docker\.io\/ai\/tiny:latest is not there/,
      );
      expect(proxy.asked.map(({ path }) => path)).toEqual(['http://mirror.test/v2/ai/tiny/manifests/latest']);
    } finally {
      await proxy.stop();
    }
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Debian's package docker-registry: the reference implementation. `.ci/run` installs it. */
const program = spawnSync('docker-registry', ['--version']).status === 0 ? 'docker-registry' : null;
if (program === null)
  console.warn('Skipped: docker-registry is not installed (apt-get install docker-registry)');

describe.skipIf(program === null)('the registry of Docker', () => {
  // Of `open-sesame`, by bcrypt.
  const users = 'ada:$2b$05$abcdefghijklmnopqrstuutXu9KzOt.1yBoZUeFWoT/914/JfszCO\n';
  const login = { authorization: `Basic ${btoa('ada:open-sesame')}` };
  const stops: (() => Promise<void>)[] = [];
  afterAll(() => Promise.all(stops.map((stop) => stop())));

  async function start(withLogin: boolean): Promise<string> {
    const port = await freePort();
    const folder = folderOf({ users });
    const lines = [
      'version: 0.1',
      'log: { level: error }',
      `storage: { filesystem: { rootdirectory: ${join(folder, 'data')} } }`,
      `http: { addr: "127.0.0.1:${port}" }`,
      ...(withLogin ? [`auth: { htpasswd: { realm: test, path: ${join(folder, 'users')} } }`] : []),
    ];
    write(folder, { 'config.yml': lines.join('\n') });
    const child = spawn(program ?? '', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
    stops.push(
      () =>
        new Promise((done) => {
          child.on('close', () => done());
          child.kill('SIGKILL');
        }),
    );
    for (const start = performance.now(); performance.now() - start < 10_000; ) {
      const ready = await fetch(`http://127.0.0.1:${port}/v2/`).then(
        ({ status }) => [200, 401].includes(status),
        () => false,
      );
      if (ready) return `127.0.0.1:${port}`;
      await new Promise((again) => setTimeout(again, 20));
    }
    throw new Error('docker-registry does not start');
  }

  test('gives headers in parts, by tag, by digest and from an index', async () => {
    const host = await start(false);
    const { digest } = await push(`http://${host}`, 'ai/large', 'E2B', { gguf: [large.file] });
    await push(`http://${host}`, 'ai/index', 'latest', { gguf: [tiny], index: true });
    for (const name of [`${host}/ai/large:E2B`, `${host}/ai/large@${digest}`]) {
      const result = await read(name);
      expect(result.header.metadata.get('llama.block_count')).toBe(2);
      expect(result.bytesRead).toBeLessThan(result.headerBytes + 1_000_000);
      expect(result.source?.kind === 'oci' && result.source.digest).toBe(digest);
    }
    expect((await read(`${host}/ai/index`)).header.tensors).toHaveLength(1);
    expect(await failure(read(`${host}/ai/large:e2b`))).toMatch(/^not-found: /);
    expect(await failure(read(`${host}/ai/nope`))).toMatch(/^not-found: /);
  });

  test('asks for a login', async () => {
    const host = await start(true);
    await push(`http://${host}`, 'ai/tiny', 'latest', { gguf: [tiny] }, login);
    expect(await failure(read(`${host}/ai/tiny`))).toMatch(/^denied: /);
    const config = (password: string) => ({
      env: { DOCKER_CONFIG: dockerConfig({ auths: { [host]: { auth: btoa(`ada:${password}`) } } }) },
    });
    expect(await failure(read(`${host}/ai/tiny`, config('wrong')))).toMatch(/^denied: /);
    expect((await read(`${host}/ai/tiny`, config('open-sesame'))).header.tensors).toHaveLength(1);
  });
});

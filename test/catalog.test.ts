import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { builtInEntries, defaultModelId } from '../src/catalog/built-in.ts';
import { buildCatalog, type CatalogLayer, largestFirst } from '../src/catalog/catalog.ts';
import type { CatalogEntry } from '../src/catalog/entry.ts';
import { dockerKey, isHuggingFace, isUnusualSpelling, shortName } from '../src/catalog/name.ts';
import { type ReadCatalog, readCatalog } from '../src/catalog/read.ts';
import { type Document, parseDocument } from '../src/document/document.ts';
import type { Finding } from '../src/findings/finding.ts';

const builtIn: CatalogLayer = { name: 'built-in catalog', entries: builtInEntries };

function documentOf(text: string, file = 'catalog.json'): Document {
  const parsed = parseDocument(file, text);
  if (!parsed.ok) throw new Error(parsed.problem.reason);
  return parsed.document;
}

function read(text: string, file = 'catalog.json'): ReadCatalog {
  return readCatalog(documentOf(text, file));
}

/** Built-in below the given files. */
function build(...texts: string[]) {
  const files = texts.map((text, index) => ({ name: `${index}.json`, ...read(text, `${index}.json`) }));
  return buildCatalog([builtIn, ...files]);
}

/** Id, place and words of a finding on one line. */
function line({ id, severity, location, message, help }: Finding): string {
  if (location === null) return `${severity} ${id} nowhere: ${message} ${help}`;
  const { file, pointer, range } = location;
  const place = range && `${range.line}:${range.column}-${range.endLine}:${range.endColumn}`;
  return `${severity} ${id} ${file} ${place} ${pointer}: ${message} ${help}`;
}

describe('names', () => {
  test.each([
    ['ai/gemma4:E2B', 'ai/gemma4:e2b'],
    ['gemma4:E2B', 'ai/gemma4:e2b'],
    ['docker.io/ai/gemma4:E2B', 'ai/gemma4:e2b'],
    ['index.docker.io/ai/gemma4:E2B', 'ai/gemma4:e2b'],
    ['registry-1.docker.io/ai/gemma4:E2B', 'ai/gemma4:e2b'],
    ['Docker.IO/docker.io/ai/nemotron3:latest', 'ai/nemotron3:latest'],
    ['docker.io/gemma4:E2B', 'ai/gemma4:e2b'],
    ['ai/nemotron3', 'ai/nemotron3:latest'],
    ['nemotron3', 'ai/nemotron3:latest'],
    ['hf.co/Owner/Repo:Q4_K_M', 'huggingface.co/owner/repo:q4_k_m'],
    ['HuggingFace.co/Owner/Repo', 'huggingface.co/owner/repo:latest'],
    ['localhost:5000/x', 'localhost:5000/x:latest'],
    ['localhost:5000/x:tag', 'localhost:5000/x:tag'],
    ['ai/gemma4@sha256:AB', 'ai/gemma4@sha256:ab'],
    ['gemma4:E2B@sha256:ab', 'ai/gemma4:e2b@sha256:ab'],
    ['ollama/nemotron3:33b', 'ollama/nemotron3:33b'],
    ['mydocker.io/x', 'mydocker.io/x:latest'],
  ])('dockerKey(%s) is %s', (ref, key) => {
    expect(dockerKey(ref)).toBe(key);
  });

  test.each([
    ['hf.co/owner/repo', true],
    ['HF.co/owner/Repo-1.5_x:Q4_K_M', true],
    ['huggingface.co/owner/repo:Q4_K_M', true],
    ['hf.co/owner', false],
    ['hf.co/owner/repo/file', false],
    ['hf.co/../repo', false],
    ['hf.co/owner/repo:', false],
    ['hf.co/owner/re po', false],
    ['hf.co/owner/repo\n', false],
    ['https://hf.co/owner/repo', false],
    ['xhf.co/owner/repo', false],
    ['hfxco/owner/repo', false],
    ['ai/gemma4:E2B', false],
  ])('isHuggingFace(%j) is %s', (ref, expected) => {
    expect(isHuggingFace(ref)).toBe(expected);
  });

  test.each([
    ['docker.io/gemma4:E2B', true],
    ['Index.docker.io/gemma4', true],
    ['docker.io/docker.io/gemma4', true],
    ['docker.io/ai/gemma4:E2B', false],
    ['gemma4:E2B', false],
    ['ai/gemma4', false],
    ['hf.co/owner/repo', false],
    ['docker.io/', false],
  ])('isUnusualSpelling(%s) is %s', (ref, expected) => {
    expect(isUnusualSpelling(ref)).toBe(expected);
  });

  test('dockerKey and shortName of a key change nothing', () => {
    fc.assert(
      fc.property(fc.string(), (ref) => {
        expect(dockerKey(dockerKey(ref))).toBe(dockerKey(ref));
        expect(dockerKey(`docker.io/${ref}`)).toBe(dockerKey(ref));
        expect(dockerKey(shortName(`ai/x${ref.replaceAll('/', '')}`))).toBe(
          dockerKey(`x${ref.replaceAll('/', '')}`),
        );
      }),
    );
  });
});

describe('resolve', () => {
  const { catalog, findings } = buildCatalog([builtIn]);
  const jina = 'huggingface.co/jinaai/jina-embeddings-v5-text-small-retrieval:Q4_K_M';

  test.each([
    ['gemma4:e2b', 'gemma4:e2b', 'id'],
    ['Gemma4:E2B', 'gemma4:e2b', 'id'],
    ['default', 'gemma4:e2b', 'alias'],
    ['SMALL', 'gemma4:e2b', 'alias'],
    ['gemma4', 'gemma4:e2b', 'alias'],
    ['gemme4:e2b', 'gemma4:e2b', 'alias'],
    ['ai/gemma4:E2B', 'gemma4:e2b', 'docker-name'],
    ['ai/gemma4:e2b', 'gemma4:e2b', 'docker-name'],
    ['docker.io/ai/gemma4:E2B', 'gemma4:e2b', 'docker-name'],
    ['docker.io/gemma4:E2B', 'gemma4:e2b', 'docker-name'],
    ['nemotron3', 'nemotron3', 'id'],
    ['nemotron3:latest', 'nemotron3', 'alias'],
    ['medium', 'nemotron3', 'alias'],
    ['ai/nemotron3', 'nemotron3', 'docker-name'],
    ['docker.io/docker.io/ai/nemotron3:latest', 'nemotron3', 'docker-name'],
    ['rag-embedding', 'rag-embedding', 'id'],
    ['jina-v5-small', 'rag-embedding', 'alias'],
    [jina, 'rag-embedding', 'alias'],
    [jina.replace('huggingface.co', 'hf.co'), 'rag-embedding', 'alias'],
  ])('%s is %s by %s', (ref, id, by) => {
    expect(catalog.resolve(ref)).toEqual({ entry: catalog.get(id), by });
  });

  test.each([
    ['gemma4:latest', ' Did you mean gemma4?'],
    ['ai/gemma4', ' Did you mean gemma4?'],
    ['gemma4:e2', ' Did you mean gemma4:e2b?'],
    ['gemme4:e2', ' Did you mean gemma4:e2b?'],
    ['docker.io/ai/gemma4:E2C', ' Did you mean gemma4:e2b?'],
    ['defualt', ' Did you mean default?'],
    ['ollama/nemotron3:33b', ''],
    ['ai/nemotron3:33b', ' Did you mean nemotron3?'],
    ['hf.co/noctrex/LightOnOCR-2-1B-GGUF:Q4_K_M', ''],
    ['large', ''],
    ['', ''],
    ['constructor', ''],
    ['__proto__', ''],
    ['ai/gemma4@sha256:0000', ' Did you mean gemma4?'],
  ])('%s is unknown;%s', (ref, suggestion) => {
    expect(catalog.resolve(ref)).toBeNull();
    expect(catalog.suggest(ref)).toBe(suggestion);
  });

  test('a huge reference costs nothing', () => {
    for (const huge of [`gemma4${':'.repeat(1_000_000)}/`, 'docker.io/'.repeat(100_000)]) {
      expect(catalog.resolve(huge)).toBeNull();
      expect(catalog.suggest(huge)).toBe('');
    }
  });

  test('the built-in catalog agrees with itself', () => {
    expect(findings).toEqual([]);
    expect(catalog.entries).toEqual(builtInEntries);
    expect(catalog.resolve('default')?.entry.id).toBe(defaultModelId);
    expect(catalog.get('NEMOTRON3')?.fallback).toBe('gemma4:e2b');
    expect(catalog.get('default')).toBeNull();
    expect(catalog.describe()).toBe('built-in catalog');
    expect(largestFirst(catalog.entries).map(({ id }) => id)).toEqual([
      'nemotron3',
      'gemma4:e2b',
      'rag-embedding',
    ]);
  });
});

describe('readCatalog', () => {
  const full = {
    id: 'house',
    name: 'House model',
    provider: 'dmr',
    model: 'house',
    dmr_model: 'docker.io/acme/House:Q4',
    docker_model: 'acme/old:1',
    api_model: 'house-api',
    aliases: ['h', 'acme/h'],
    backend: 'auto',
    backends: ['llama.cpp', 'VLLM'],
    context_size: 8192,
    fallback_model: 'default',
    requirements: { min_vram_gb: 7.5, min_unified_memory_gb: null, min_cpu_ram_gb: 0, min_memory_mb: 1 },
    verification: 'catalog',
  };

  test('takes every field', () => {
    expect(read(JSON.stringify([full])).entries).toEqual([
      {
        id: 'house',
        name: 'House model',
        provider: 'dmr',
        dockerModel: 'docker.io/acme/House:Q4',
        apiModel: 'house-api',
        aliases: ['h', 'acme/h'],
        backend: 'llama.cpp',
        backends: ['llama.cpp', 'vllm'],
        contextSize: 8192,
        fallback: 'default',
        requirements: { minVramGb: 7.5, minCpuRamGb: 0 },
        source: { catalog: 'catalog.json', pointer: '/0', line: 1 },
      },
    ]);
  });

  const bare = {
    id: 'a',
    name: null,
    provider: 'docker_model_runner',
    dockerModel: 'ai/a',
    apiModel: null,
    aliases: [],
    backend: 'llama.cpp',
    backends: ['llama.cpp'],
    contextSize: null,
    fallback: null,
    requirements: {},
  };
  test.each([
    ['a list', '[\n{"id":"a","model":"ai/a"}]', '/0', 2],
    ['a list models', '{"version":1,"models":\n[\n{"id":"a","model":"ai/a"}]}', '/models/0', 3],
    ['keyed', '{"$schema":"x",\n"a":{"model":"ai/a"}}', '/a', 2],
    ['keyed with id', '{"a":\n{"id":"a","model":"ai/a"}}', '/a', 2],
    ['keyed, id null', '{"a":{"id":null,"model":"ai/a"}}', '/a', 1],
    [
      'null everywhere',
      JSON.stringify([
        {
          ...Object.fromEntries(Object.keys(full).map((key) => [key, null])),
          id: 'a',
          model: 'ai/a',
        },
      ]),
      '/0',
      1,
    ],
  ])('gives defaults in %s', (_, text, pointer, at) => {
    const { entries, findings } = read(text);
    expect(findings).toEqual([]);
    expect(entries).toEqual([{ ...bare, source: { catalog: 'catalog.json', pointer, line: at } }]);
  });

  test.each([
    [{ dmr_model: null, docker_model: 'acme/old:1' }, { dockerModel: 'acme/old:1' }],
    [{ backend: 'vllm' }, { backend: 'vllm', backends: ['vllm'] }],
    [{ backend: 'mlx' }, { backend: 'mlx', backends: ['mlx'] }],
    [{ backends: ['vllm'] }, { backend: 'vllm', backends: ['vllm'] }],
    [{ backends: ['vllm', 'llama.cpp'] }, { backend: 'llama.cpp', backends: ['llama.cpp', 'vllm'] }],
    [
      { backend: 'llama.cpp', backends: ['vllm'] },
      { backend: 'llama.cpp', backends: ['llama.cpp', 'vllm'] },
    ],
    [{ backends: [] }, { backend: 'llama.cpp', backends: ['llama.cpp'] }],
    [{ provider: '' }, { provider: 'docker_model_runner' }],
    [{ requirements: {} }, { requirements: {} }],
  ])('%j gives %j', (fields, expected) => {
    const { entries, findings } = read(JSON.stringify([{ id: 'a', model: 'ai/a', ...fields }]));
    expect(findings).toEqual([]);
    expect(entries).toMatchObject([expected]);
  });

  const reference =
    'a name without spaces or control characters, of at most 512 characters, that does not begin with a hyphen';
  const left = 'The entry is left out; the others are used.';
  test.each<[string, string, string]>([
    [
      '{"models":[3]}',
      '1:12-1:13 /models/0',
      `Entry number 1: it must be an object; found 3. ${left} Write an object: {"id": "my-model", "model": "ai/my-model"}.`,
    ],
    [
      '{"a":"ai/a"}',
      '1:6-1:12 /a',
      `Entry a: it must be an object; found the string "ai/a". ${left} Write an object: {"model": "ai/my-model"}.`,
    ],
    [
      '{"models":{"a":{"model":"ai/a"}}}',
      '1:11-1:33 /models',
      `Entry models: it must be a list of entries; found an object. ${left} Write a list: [{"id": "my-model", "model": "ai/my-model"}].`,
    ],
    ['[\n {"model":"ai/a"}]', '2:2-2:18 /0', `Entry number 1: id is missing. ${left} Add "id": "my-model".`],
    [
      '[{"id":null,"model":"ai/a"}]',
      '1:8-1:12 /0/id',
      `Entry number 1: id must be a string; found null. ${left} Write a string.`,
    ],
    ['[{"id":"a"}]', '1:2-1:12 /0', `Entry a: model is missing. ${left} Add "model": "ai/my-model".`],
    [
      '{"a":{"id":"A","model":"ai/a"}}',
      '1:12-1:15 /a/id',
      `Entry A: id is "A", but its key is "a". ${left} Make the two equal, or leave id out.`,
    ],
    [
      '{"a b":{"model":"ai/a"}}',
      '1:8-1:24 /a b/id',
      `Entry a b: id must be ${reference}; found the string "a b". ${left} Write ${reference}.`,
    ],
    [
      '{"":{"model":"ai/a"}}',
      '1:5-1:21 //id',
      `Entry number 1: id must be ${reference}; found the string "". ${left} Write ${reference}.`,
    ],
    [
      '[{"id":"a","model":"--help"}]',
      '1:20-1:28 /0/model',
      `Entry a: model must be ${reference}; found the string "--help". ${left} Write ${reference}.`,
    ],
    [
      '[{"id":"a","model":"a\\nb"}]',
      '1:20-1:26 /0/model',
      `Entry a: model must be ${reference}; found the string "a\\nb". ${left} Write ${reference}.`,
    ],
    [
      '[{"id":"a","model":"m","aliases":["x",7]}]',
      '1:39-1:40 /0/aliases/1',
      `Entry a: aliases.1 must be a string; found 7. ${left} Write a string.`,
    ],
    [
      '[{"id":"a","model":"m","aliases":"x"}]',
      '1:34-1:37 /0/aliases',
      `Entry a: aliases must be a list; found the string "x". ${left} Write a list.`,
    ],
    [
      '[{"id":"a","model":"m","context_size":0}]',
      '1:39-1:40 /0/context_size',
      `Entry a: context_size must be at least 1; found 0. ${left} Write at least 1.`,
    ],
    [
      '[{"id":"a","model":"m","context_size":"4096"}]',
      '1:39-1:45 /0/context_size',
      `Entry a: context_size must be a whole number; found the string "4096". ${left} Write a whole number.`,
    ],
    [
      '[{"id":"a","model":"m","requirements":\n{"min_vram_gb":-8}}]',
      '2:16-2:18 /0/requirements/min_vram_gb',
      `Entry a: requirements.min_vram_gb must be at least 0; found -8. ${left} Write at least 0.`,
    ],
    [
      '[{"id":"a","model":"m","requirements":{"min_vram_gb":1e999}}]',
      '1:54-1:59 /0/requirements/min_vram_gb',
      `Entry a: requirements.min_vram_gb must be a number; found Infinity. ${left} Write a number.`,
    ],
    [
      '[{"id":"a","model":"m","backends":[null]}]',
      '1:36-1:40 /0/backends/0',
      `Entry a: backends.0 must be a string; found null. ${left} Write a string.`,
    ],
  ])('leaves out the bad entry of %s and keeps the good one', (text, place, message) => {
    // A good entry beside the bad one; at the end, so that no position moves.
    const good = '"model":"ai/good"}';
    const withGood = text.endsWith(']}')
      ? `${text.slice(0, -2)},{"id":"good",${good}]}`
      : text.endsWith(']')
        ? `${text.slice(0, -1)},{"id":"good",${good}]`
        : `${text.slice(0, -1)},"good":{${good}}`;
    const { entries, findings } = read(withGood);
    expect(findings.map(line)).toEqual([`error invalid-catalog catalog.json ${place}: ${message}`]);
    expect(entries.map(({ id }) => id)).toEqual(['good']);
  });

  test('names every wrong value of an entry', () => {
    const { findings } = read('[{"model":1,"name":2,"provider":[],"requirements":{"min_cpu_ram_gb":"8"}}]');
    expect(findings.map(({ location }) => location?.pointer).sort()).toEqual([
      '/0',
      '/0/model',
      '/0/name',
      '/0/provider',
      '/0/requirements/min_cpu_ram_gb',
    ]);
  });

  const nothing = 'Nothing of this catalog is used.';
  const shapes =
    'A catalog must be a list of entries, an object with a list models, or an object keyed by model id';
  test.each<[string, string, string]>([
    [
      'null',
      '1:1-1:5 ',
      `${shapes}; found null. ${nothing} Write a list of entries: [{"id": "my-model", "model": "ai/my-model"}].`,
    ],
    [
      '"gemma4"',
      '1:1-1:9 ',
      `${shapes}; found the string "gemma4". ${nothing} Write a list of entries: [{"id": "my-model", "model": "ai/my-model"}].`,
    ],
    [
      '\n{"id":"a","model":"ai/a"}',
      '2:1-2:26 ',
      `The file holds one bare entry, not a catalog. ${nothing} Wrap the entry in a list: [ … ].`,
    ],
  ])('refuses %j as a whole', (text, place, message) => {
    const { entries, findings } = read(text);
    expect(entries).toEqual([]);
    expect(findings.map(line)).toEqual([`error invalid-catalog catalog.json ${place}: ${message}`]);
  });

  test('an empty catalog is fine', () => {
    for (const text of ['[]', '{}', '{"models":[]}']) {
      expect(read(text)).toMatchObject({ entries: [], findings: [] });
    }
  });

  test('the last of two entries with one id is used, in the place of the first', () => {
    const { entries, findings } = read(
      '[\n{"id":"a","model":"ai/first"},\n{"id":"b","model":"ai/b"},\n{"id":"A","model":"ai/last"}]',
    );
    expect(entries.map(({ id, dockerModel }) => `${id} ${dockerModel}`)).toEqual(['A ai/last', 'b ai/b']);
    expect(findings.map(line)).toEqual([
      'warning duplicate-entry catalog.json 4:7-4:10 /2/id: A already stands at line 2 in this catalog (ids are compared without case). The last one is used. Remove one of the two, or give it another id.',
    ]);
    expect(read('{"a":{"model":"ai/1"},\n"A":{"model":"ai/2"}}').findings.map(line)).toEqual([
      'warning duplicate-entry catalog.json 2:5-2:21 /A: A already stands at line 1 in this catalog (ids are compared without case). The last one is used. Remove one of the two, or give it another id.',
    ]);
  });

  test('a key that stands twice is a finding', () => {
    const { entries, findings } = read('{"a":{"model":"ai/1"},\n"a":{"model":"ai/2"}}');
    expect(entries).toMatchObject([{ dockerModel: 'ai/2', source: { line: 2 } }]);
    expect(findings.map(line)).toEqual([
      'error duplicate-key catalog.json 2:1-2:4 /a: "a" already stands in this object, on line 1. Readers silently keep only one of the two values. Remove one of the two.',
    ]);
  });

  test('names of JavaScript are ordinary ids', () => {
    const ids = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const keyed = `{${ids.map((id) => `"${id}":{"model":"ai/x"}`).join(',')}}`;
    const listed = JSON.stringify(ids.map((id) => ({ id, model: 'ai/x', aliases: [`${id}-2`] })));
    for (const text of [keyed, listed]) {
      const { entries, findings } = read(text);
      expect(findings).toEqual([]);
      const { catalog } = buildCatalog([{ name: 'x', entries }]);
      for (const id of ids) expect(catalog.resolve(id)).toMatchObject({ by: 'id', entry: { id } });
    }
    expect(buildCatalog([{ name: 'x', entries: [] }]).catalog.resolve('__proto__')).toBeNull();
  });

  test('never throws, and every finding has a place', () => {
    const name = fc.oneof(
      fc.string(),
      fc.constantFrom('a', 'A', 'ai/a', 'models', 'id', 'model', '__proto__'),
    );
    const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), name, fc.array(name), fc.integer({ min: -2 }));
    const entry = fc.oneof(
      fc.record(
        {
          id: value,
          model: value,
          aliases: value,
          backends: value,
          context_size: value,
          requirements: value,
        },
        { requiredKeys: [] },
      ),
      fc.record({ id: name, model: name }),
      fc.jsonValue(),
    );
    const root = fc.oneof(
      fc.jsonValue(),
      fc.array(entry),
      fc.record({ models: fc.oneof(fc.array(entry), value) }),
      fc.dictionary(name, entry),
    );
    fc.assert(
      fc.property(root, (catalog) => {
        const { entries, findings, ranges } = read(JSON.stringify(catalog, null, 1));
        for (const { location } of findings) expect(location?.range).not.toBeNull();
        for (const { source } of entries) expect(source.line).toBe(ranges.get(source.pointer)?.line);
        const built = buildCatalog([{ name: 'x', entries, ranges }]);
        for (const { location } of built.findings) expect(location?.range).not.toBeNull();
        for (const known of entries) {
          expect(built.catalog.resolve(known.id)).toEqual({ entry: known, by: 'id' });
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('buildCatalog', () => {
  test('a higher entry replaces the whole lower one, in its place', () => {
    const { catalog, findings } = build(
      '[{"id":"new","model":"ai/new"},{"id":"Gemma4:E2B","model":"acme/gemma"}]',
      '{"new":{"model":"ai/newer"}}',
    );
    expect(findings).toEqual([]);
    expect(catalog.entries.map(({ id, dockerModel }) => `${id} ${dockerModel}`)).toEqual([
      'Gemma4:E2B acme/gemma',
      'nemotron3 ai/nemotron3:latest',
      'rag-embedding huggingface.co/jinaai/jina-embeddings-v5-text-small-retrieval:Q4_K_M',
      'new ai/newer',
    ]);
    expect(catalog.get('gemma4:e2b')).toMatchObject({ aliases: [], requirements: {}, contextSize: null });
    expect(catalog.resolve('default')).toBeNull();
    expect(catalog.resolve('ai/gemma4:E2B')).toBeNull();
    expect(catalog.describe()).toBe('built-in catalog, 0.json, 1.json');
  });

  test('describe shows what cannot be seen', () => {
    expect(buildCatalog([{ name: 'a\u001b[2J.json', entries: [] }]).catalog.describe()).toBe(
      'a\\u{1b}[2J.json',
    );
  });

  test.each<[string, string[], string[], string]>([
    [
      'the highest catalog',
      ['[{"id":"low","model":"acme/x"}]', '[{"id":"high","model":"acme/x:latest"}]'],
      ['acme/x', 'docker.io/ACME/x:latest'],
      'high',
    ],
    [
      'the first in its file',
      ['[{"id":"one","model":"acme/x"},{"id":"two","model":"docker.io/acme/x"}]'],
      ['acme/x', 'docker.io/acme/x'],
      'one',
    ],
    [
      'the first in its file, also where it replaces the second of a lower one',
      [
        '[{"id":"one","model":"acme/1"},{"id":"two","model":"acme/2"}]',
        '[{"id":"two","model":"acme/x"},{"id":"one","model":"acme/x"}]',
      ],
      ['acme/x'],
      'two',
    ],
    [
      'a file over built-in',
      ['[{"id":"mine","model":"ai/gemma4:e2b"}]'],
      ['docker.io/ai/gemma4:E2B', 'ai/gemma4:E2B'],
      'mine',
    ],
    [
      'an alias in all its spellings, although the other entry stands higher',
      ['[{"id":"mine","model":"acme/y","aliases":["hf.co/acme/x"]}]', '[{"id":"x","model":"hf.co/acme/x"}]'],
      ['hf.co/acme/x', 'huggingface.co/Acme/x:latest'],
      'mine',
    ],
    [
      'an alias that repeats its own id',
      ['[{"id":"acme/z","model":"acme/y","aliases":["acme/z"]}]'],
      ['acme/z', 'docker.io/acme/z:latest'],
      'acme/z',
    ],
    [
      'an alias under ai/ by its short name',
      ['[{"id":"mine","model":"acme/y","aliases":["ai/y:1"]}]'],
      ['y:1', 'ai/y:1', 'docker.io/y:1'],
      'mine',
    ],
  ])('one Docker name, several entries: %s', (_, texts, refs, id) => {
    const { catalog, findings } = build(...texts);
    expect(findings).toEqual([]);
    for (const ref of refs) expect(catalog.resolve(ref)?.entry.id, ref).toBe(id);
  });

  test.each<[string, string[], string, string[]]>([
    [
      'the higher catalog wins, located at the file although it wins',
      ['[{"id":"mine","model":"acme/m",\n"aliases":["x","Default"]}]'],
      'default -> mine',
      [
        'warning alias-conflict 0.json 2:16-2:25 /0/aliases/1: default is a name of mine and an alias of gemma4:e2b. mine is used. Remove default from one of the two.',
      ],
    ],
    [
      'an id wins over an alias, whatever the catalog',
      ['{"mine":{"model":"acme/m","aliases":["NEMOTRON3"]}}'],
      'nemotron3 -> nemotron3',
      [
        'warning alias-conflict 0.json 1:38-1:49 /mine/aliases/0: NEMOTRON3 is a name of nemotron3 and an alias of mine. nemotron3 is used. Remove NEMOTRON3 from one of the two.',
      ],
    ],
    [
      'an id in a file takes an alias of the built-in catalog',
      ['{"small":{"model":"acme/s"}}'],
      'small -> small',
      [
        'warning alias-conflict 0.json 1:10-1:28 /small: small is a name of small and an alias of gemma4:e2b. small is used. Remove small from one of the two.',
      ],
    ],
    [
      'the first of one file wins',
      ['[{"id":"a","model":"m/a","aliases":["x"]},{"id":"b","model":"m/b","aliases":["X"]}]'],
      'x -> a',
      [
        'warning alias-conflict 0.json 1:78-1:81 /1/aliases/0: X is a name of a and an alias of b. a is used. Remove X from one of the two.',
      ],
    ],
    [
      'the loser is shown where both stand in files',
      [
        '[{"id":"a","model":"m/a","aliases":["hf.co/o/x"]}]',
        '[{"id":"b","model":"m/b","aliases":["huggingface.co/O/x:latest"]}]',
      ],
      'hf.co/o/x -> b',
      [
        'warning alias-conflict 0.json 1:37-1:48 /0/aliases/0: hf.co/o/x is a name of b and an alias of a. b is used. Remove hf.co/o/x from one of the two.',
      ],
    ],
    [
      'an alias that repeats its own id or itself is fine',
      ['[{"id":"a","model":"m/a","aliases":["A","x","X"]}]'],
      'x -> a',
      [],
    ],
    [
      'a replaced entry claims nothing',
      ['[{"id":"gemma4:e2b","model":"m/g"},{"id":"b","model":"m/b","aliases":["default"]}]'],
      'default -> b',
      [],
    ],
  ])('aliases: %s', (_, texts, resolution, expected) => {
    const { catalog, findings } = build(...texts);
    const [ref, id] = resolution.split(' -> ') as [string, string];
    expect(catalog.resolve(ref)?.entry.id).toBe(id);
    expect(findings.map(line)).toEqual(expected);
  });

  test.each<[string, string[]]>([
    [
      '[{"id":"a","model":"m/a",\n"fallback_model":"gemma4:e2"}]',
      [
        'warning unknown-fallback 0.json 2:18-2:29 /0/fallback_model: a falls back to "gemma4:e2", which no catalog knows. Did you mean gemma4:e2b?',
      ],
    ],
    [
      '[{"id":"a","model":"m/a","fallback_model":"nothing-like-it"}]',
      [
        'warning unknown-fallback 0.json 1:43-1:60 /0/fallback_model: a falls back to "nothing-like-it", which no catalog knows. Name a model of the catalog, or remove fallback_model.',
      ],
    ],
    [
      '[{"id":"a","model":"m/a","fallback_model":"A"}]',
      [
        'warning fallback-loop 0.json 1:43-1:46 /0/fallback_model: The fallbacks a → a never end. Remove fallback_model from one of them.',
      ],
    ],
    [
      // Built-in nemotron3 falls back to gemma4:e2b; the file closes the circle. c only leads into it.
      '[{"id":"c","model":"m/c","fallback_model":"medium"},\n{"id":"gemma4:e2b","model":"m/g","fallback_model":"docker.io/ai/nemotron3"}]',
      [
        'warning fallback-loop 0.json 2:51-2:75 /1/fallback_model: The fallbacks gemma4:e2b → nemotron3 → gemma4:e2b never end. Remove fallback_model from one of them.',
      ],
    ],
    [
      '[{"id":"a","model":"m/a","fallback_model":"default"},{"id":"b","model":"m/b","fallback_model":"a"}]',
      [],
    ],
  ])('fallbacks of %s', (text, expected) => {
    expect(build(text).findings.map(line)).toEqual(expected);
  });

  test('a circle begins with the entry that stands in a file', () => {
    const file = read('{"gemma4:e2b":{"model":"m/g","fallback_model":"medium"}}');
    const lowest = { ...builtIn, entries: [...builtInEntries].reverse() };
    expect(buildCatalog([lowest, { name: 'x', ...file }]).findings.map(line)).toEqual([
      'warning fallback-loop catalog.json 1:47-1:55 /gemma4:e2b/fallback_model: The fallbacks gemma4:e2b → nemotron3 → gemma4:e2b never end. Remove fallback_model from one of them.',
    ]);
  });

  test('a long circle is shown short, once', () => {
    const entries = Array.from({ length: 10_000 }, (_, index) => ({
      id: `m${index}`,
      model: `m/m${index}`,
      fallback_model: `m${(index + 1) % 10_000}`,
    }));
    expect(build(JSON.stringify(entries)).findings.map(({ message }) => message)).toEqual([
      'The fallbacks m0 → m1 → m2 → m3 → m4 → m5 → m6 → m7 → … → m0 never end.',
    ]);
  });

  test('without ranges a finding stands at the line of the entry', () => {
    const { entries } = read('[\n{"id":"a","model":"m/a","fallback_model":"nothing-like-it"}]');
    const [found] = buildCatalog([{ name: 'x', entries }]).findings;
    expect(found?.location).toEqual({
      file: 'catalog.json',
      pointer: '/0',
      range: { line: 2, column: 1, endLine: 2, endColumn: 2 },
    });
  });

  test('largestFirst goes by accelerator memory, keeps ties in order, and ends with what asks for nothing', () => {
    const { catalog } = build(
      JSON.stringify([
        { id: 'cpu', model: 'm/c', requirements: { min_cpu_ram_gb: 64 } },
        { id: 'unified', model: 'm/u', requirements: { min_vram_gb: 8, min_unified_memory_gb: 64 } },
        { id: 'vram', model: 'm/v', requirements: { min_vram_gb: 48 } },
      ]),
    );
    expect(largestFirst(catalog.entries).map(({ id }) => id)).toEqual([
      'unified',
      'nemotron3',
      'vram',
      'gemma4:e2b',
      'cpu',
      'rag-embedding',
    ]);
  });

  const layer = fc
    .array(
      fc.record({
        id: fc.constantFrom('a', 'A', 'b', 'c', '__proto__', 'ai/a'),
        model: fc.constantFrom('ai/a', 'ai/b:1', 'hf.co/x/y', 'x'),
        aliases: fc.array(fc.constantFrom('a', 'x', 'X', 'y', 'hf.co/x/y', 'ai/a:latest'), { maxLength: 3 }),
        fallback_model: fc.constantFrom(null, 'a', 'b', 'y', 'nothing'),
      }),
      { maxLength: 6 },
    )
    .map((entries) => read(JSON.stringify(entries)).entries);
  const merge = (...layers: (readonly CatalogEntry[])[]) =>
    buildCatalog(layers.map((entries, index) => ({ name: `${index}`, entries }))).catalog.entries;

  test('merging is associative', () => {
    fc.assert(
      fc.property(layer, layer, layer, (a, b, c) => {
        expect(merge(merge(a, b), c)).toEqual(merge(a, b, c));
        expect(merge(a, merge(b, c))).toEqual(merge(a, b, c));
      }),
    );
  });

  test('resolve ignores case; every entry resolves by its own id', () => {
    const upper = (text: string) => text.replace(/[a-z]/g, (letter) => letter.toUpperCase());
    fc.assert(
      fc.property(layer, layer, (a, b) => {
        const { catalog } = buildCatalog([builtIn, { name: 'a', entries: a }, { name: 'b', entries: b }]);
        for (const entry of catalog.entries) {
          expect(catalog.resolve(entry.id)).toEqual({ entry, by: 'id' });
          for (const ref of [entry.id, entry.dockerModel, ...entry.aliases]) {
            expect(catalog.resolve(ref)).not.toBeNull();
            expect(catalog.resolve(upper(ref))).toEqual(catalog.resolve(ref));
            expect(catalog.resolve(ref)).toBe(catalog.resolve(ref));
          }
        }
      }),
    );
  });
});

describe('schemas/catalog.schema.json', () => {
  const schema = JSON.parse(readFileSync(new URL('../schemas/catalog.schema.json', import.meta.url), 'utf8'));
  const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema);

  test.each([
    [true, [{ id: 'a', model: 'ai/a', aliases: ['b'], requirements: { min_vram_gb: 8 }, extra: 1 }]],
    [true, { models: [{ id: 'a', model: 'ai/a' }], version: 1 }],
    [true, { $schema: 'x', a: { model: 'ai/a', backend: null } }],
    [true, { id: { model: 'ai/a' }, model: { model: 'ai/b' } }],
    [true, []],
    [true, {}],
    [false, { id: 'a', model: 'ai/a' }],
    [false, [{ model: 'ai/a' }]],
    [false, [{ id: null, model: 'ai/a' }]],
    [false, [{ id: 'a', model: '-a' }]],
    [false, [{ id: 'a', model: 'ai/a', requirements: { min_cpu_ram_gb: -1 } }]],
    [false, { models: [1] }],
    [false, { models: { a: { model: 'ai/a' } } }],
    [false, { a: 'ai/a' }],
    [false, { 'a b': { model: 'ai/a' } }],
    [false, 'gemma4'],
  ])('says %s as readCatalog does, to %j', (ok, catalog) => {
    expect(validate(catalog)).toBe(ok);
    expect(read(JSON.stringify(catalog)).findings.length === 0).toBe(ok);
  });

  test('a name has at most 512 characters', () => {
    for (const [length, ok] of [
      [512, true],
      [513, false],
    ] as const) {
      const catalog = [{ id: 'a', model: 'x'.repeat(length) }];
      expect(validate(catalog)).toBe(ok);
      expect(read(JSON.stringify(catalog)).entries.length === 1).toBe(ok);
    }
  });

  test('explains every field, and its examples are right', () => {
    for (const example of schema.examples) expect(validate(example)).toBe(true);
    for (const [name, definition] of Object.entries<{
      $ref?: string;
      properties?: Record<string, { $ref?: string }>;
    }>(schema.$defs)) {
      for (const [key, field] of Object.entries<{ $ref?: string }>({
        [name]: definition,
        ...definition.properties,
      })) {
        if (name === 'entry' && key === 'id') continue;
        const explained = field.$ref === '#/$defs/requirements' ? schema.$defs.requirements : field;
        expect(explained, `${name}.${key}`).toMatchObject({
          title: expect.any(String),
          description: expect.stringMatching(/\.$/),
          examples: expect.any(Array),
        });
      }
    }
  });
});

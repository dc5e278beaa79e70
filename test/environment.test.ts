import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configNames, dotenvLine, resolveEnvironment } from '../src/blueprint/environment.ts';
import type { Worker } from '../src/blueprint/worker.ts';
import { builtInEntries } from '../src/catalog/built-in.ts';
import { buildCatalog } from '../src/catalog/catalog.ts';
import { readCatalog } from '../src/catalog/read.ts';
import { parseDocument } from '../src/document/document.ts';
import { builtIn, layers, only, single } from './support/blueprints.ts';

/** The example of the specification. */
const primary = {
  provider: 'docker_model_runner',
  mode: 'openai_compatible',
  runtime_model: 'gemma4:e2b',
  model: 'gemma4:e2b',
  api_base: 'auto',
  backend: 'llama.cpp',
  context_size: 4096,
  timeout_seconds: 60,
  max_tokens: 800,
};
const example = { llm: { enabled: true, default_config: 'primary', configs: { primary } } };

const container = 'http://model-runner.docker.internal/engines/v1';
const hostlocal = 'http://localhost:12434/engines/v1';

function envOf(
  blueprint: unknown,
  worker: Worker = 'container',
  name: string | null = null,
  catalog = builtIn,
) {
  const resolved = resolveEnvironment(only(single(blueprint)), name, worker, catalog);
  return resolved.ok
    ? Object.fromEntries([...resolved.variables].map(([key, value]) => [key.replace('MN_LLM_', ''), value]))
    : resolved;
}

/** The environment of `llm` with only a few of its variables. */
function some(llm: unknown, keys: string, worker: Worker = 'container') {
  const env = envOf({ llm }, worker) as Record<string, unknown>;
  return keys.split(' ').map((key) => env[key]);
}

describe('the example of the specification', () => {
  test.each<[Worker, string]>([
    ['container', container],
    ['hostlocal', hostlocal],
  ])('for a %s worker', (worker, base) => {
    const resolved = resolveEnvironment(only(single(example)), null, worker, builtIn);
    expect(resolved).toEqual({
      ok: true,
      config: 'primary',
      variables: new Map([
        ['MN_LLM_PROVIDER', 'docker_model_runner'],
        ['MN_LLM_MODEL', 'ai/gemma4:E2B'],
        ['MN_LLM_RUNTIME_MODEL', 'ai/gemma4:E2B'],
        ['MN_LLM_API_BASE', base],
        ['MN_LLM_BACKEND', 'llama.cpp'],
        ['MN_LLM_CONTEXT_SIZE', '4096'],
        ['MN_LLM_MAX_TOKENS', '800'],
        ['MN_LLM_TIMEOUT_SECONDS', '60'],
      ]),
    });
  });
});

describe('variables', () => {
  test('llm without configs: no runtime model, and only what blueprint and catalog give', () => {
    expect(envOf({ llm: { enabled: true, model: 'default' } })).toEqual({
      PROVIDER: 'docker_model_runner',
      MODEL: 'ai/gemma4:E2B',
      API_BASE: container,
      BACKEND: 'llama.cpp',
      CONTEXT_SIZE: '4096',
    });
    expect(some({ runtime_model: 'default' }, 'MODEL RUNTIME_MODEL')).toEqual([
      'ai/gemma4:E2B',
      'ai/gemma4:E2B',
    ]);
  });

  test('a config inherits every setting from llm; null is absent', () => {
    const llm = {
      provider: 'dmr',
      model: 'medium',
      backend: 'auto',
      context_size: 9,
      api_base: 'http://x/v1',
      max_tokens: 1,
      timeout_seconds: 2,
      num_retries: 3,
      retry_backoff_seconds: 0.5,
      configs: { a: { max_tokens: null, num_retries: 0, context_size: null, model: null } },
    };
    expect(envOf({ llm })).toEqual({
      PROVIDER: 'docker_model_runner',
      MODEL: 'ai/nemotron3:latest',
      RUNTIME_MODEL: 'ai/nemotron3:latest',
      API_BASE: 'http://x/v1',
      BACKEND: 'llama.cpp',
      CONTEXT_SIZE: '9',
      MAX_TOKENS: '1',
      TIMEOUT_SECONDS: '2',
      NUM_RETRIES: '0',
      RETRY_BACKOFF_SECONDS: '0.5',
    });
  });

  test('settings of wrong types are left out', () => {
    expect(
      envOf({
        llm: { model: 'default', max_tokens: true, timeout_seconds: [1], num_retries: { a: 1 }, api_base: 5 },
      }),
    ).toEqual({
      PROVIDER: 'docker_model_runner',
      MODEL: 'ai/gemma4:E2B',
      API_BASE: container,
      BACKEND: 'llama.cpp',
      CONTEXT_SIZE: '4096',
    });
  });

  test.each<[base: unknown, inContainer: string, onHost: string]>([
    ['auto', container, hostlocal],
    [null, container, hostlocal],
    ['', container, hostlocal],
    ['http://localhost:12434/engines/v1', container, 'http://localhost:12434/engines/v1'],
    ['http://127.0.0.1:12434/engines/llama.cpp/v1', container, 'http://127.0.0.1:12434/engines/llama.cpp/v1'],
    [
      'http://host.docker.internal:12434/engines/v1',
      'http://host.docker.internal:12434/engines/v1',
      'http://host.docker.internal:12434/engines/v1',
    ],
    ['http://localhost:8080/v1', 'http://localhost:8080/v1', 'http://localhost:8080/v1'],
  ])('api_base %s', (base, inContainer, onHost) => {
    const llm = { model: 'default', api_base: base };
    expect(some(llm, 'API_BASE', 'container')).toEqual([inContainer]);
    expect(some(llm, 'API_BASE', 'hostlocal')).toEqual([onHost]);
  });

  test.each<[what: string, llm: unknown]>([
    ['provider fake', { provider: 'fake', model: 'default' }],
    ['mode fake', { mode: 'fake', model: 'default' }],
    ['provider mock', { configs: { primary: { provider: 'mock' } } }],
    ['no model at all', { mode: 'mock' }],
  ])('%s', (_, llm) => {
    expect(envOf({ llm })).toEqual({ PROVIDER: 'fake', MODEL: 'fake-deterministic-blueprint-agent' });
  });

  test('llm.enabled false sets nothing', () => {
    expect(envOf({ llm: { ...example.llm, enabled: false } })).toEqual({});
  });

  test('another provider gets what the blueprint says, and no Docker names', () => {
    const llm = {
      provider: 'openai_compatible',
      model: 'default',
      api_base: 'http://localhost:12434/v1',
      max_tokens: 5,
      context_size: 1,
    };
    expect(envOf({ llm })).toEqual({
      PROVIDER: 'openai_compatible',
      MODEL: 'default',
      API_BASE: 'http://localhost:12434/v1',
      MAX_TOKENS: '5',
    });
  });

  test('what the cluster provides still has an environment', () => {
    expect(some({ model: 'default', install_mode: 'cluster_provided' }, 'MODEL')).toEqual(['ai/gemma4:E2B']);
  });

  test('the catalog names the model for the API, the engine and the context size', () => {
    const text =
      '[{"id": "own", "model": "own", "dmr_model": "hf.co/o/r:Q4", "api_model": "own-api", "backend": "vllm", "context_size": 7}]';
    const parsed = parseDocument('c.json', text);
    if (!parsed.ok) throw new Error('no JSON');
    const { catalog } = buildCatalog([
      { name: 'built-in catalog', entries: builtInEntries },
      { name: 'c.json', ...readCatalog(parsed.document) },
    ]);
    expect(envOf({ llm: { configs: { a: { model: 'own' } } } }, 'container', null, catalog)).toEqual({
      PROVIDER: 'docker_model_runner',
      MODEL: 'own-api',
      RUNTIME_MODEL: 'huggingface.co/o/r:Q4',
      API_BASE: container,
      BACKEND: 'vllm',
      CONTEXT_SIZE: '7',
    });
  });

  test('a model that a payload or customize_mode accepts needs no catalog, in any spelling', () => {
    const runtime = {
      models: {
        a: { model: 'own/x', source: { type: 'payload', path: 'x', format: 'gguf' } },
        b: { model: 'huggingface.co/o/r', customize_mode: true },
      },
    };
    expect(envOf({ runtime, llm: { model: 'docker.io/own/X:latest' } })).toMatchObject({
      MODEL: 'docker.io/own/X:latest',
    });
    expect(envOf({ runtime, llm: { model: 'hf.co/O/r' } })).toMatchObject({ MODEL: 'huggingface.co/O/r' });
  });
});

describe('which config', () => {
  const llm = {
    model: 'default',
    configs: { b: { max_tokens: 2 }, a: { max_tokens: 1 }, primary: { max_tokens: 3 }, none: null, x: 'x' },
  };

  test.each<[what: string, llm: object, name: string | null, expected: unknown]>([
    ['the default one', { ...llm, default_config: 'a' }, null, '1'],
    ['primary where there is no default', llm, null, '3'],
    ['the first one otherwise', { model: 'default', configs: { b: { max_tokens: 2 }, a: {} } }, null, '2'],
    ['the one that is named', llm, 'a', '1'],
  ])('%s', (_, llm, name, expected) => {
    expect(envOf({ llm }, 'container', name)).toMatchObject({ MAX_TOKENS: expected });
  });

  test.each<[what: string, blueprint: unknown, name: string | null, expected: unknown]>([
    [
      'a default that is none',
      { llm: { ...llm, default_config: 'gone' } },
      null,
      { problem: 'unknown-default', name: 'gone', known: ['b', 'a', 'primary'] },
    ],
    [
      'a name that is none',
      { llm },
      'pri',
      { problem: 'unknown-config', name: 'pri', known: ['primary', 'b', 'a'] },
    ],
    ['a name that only JavaScript knows', { llm }, '__proto__', { problem: 'unknown-config' }],
    [
      'a name where there are no configs',
      { llm: { model: 'default' } },
      'primary',
      { problem: 'unknown-config', known: [] },
    ],
    [
      'a model that nobody knows',
      { llm: { model: 'none' } },
      null,
      { problem: 'unknown-model', name: 'none' },
    ],
    ['no model', { llm: { configs: { primary: {} } } }, null, { problem: 'no-model', name: 'primary' }],
    ['an llm that is about agents', { llm: { agents: {} } }, null, { problem: 'no-model', name: 'llm' }],
  ])('%s', (_, blueprint, name, expected) => {
    expect(envOf(blueprint, 'container', name)).toMatchObject({ ok: false, ...(expected as object) });
  });

  test('no llm at all', () => {
    const blueprint = only(layers({ default: { runtime: { models: { a: { model: 'default' } } } } }));
    expect(resolveEnvironment(blueprint, null, 'container', builtIn)).toMatchObject({
      ok: false,
      problem: 'no-llm',
    });
    expect(configNames(blueprint)).toEqual([]);
  });

  test('names come from all layers, the default first', () => {
    const blueprint = only(
      layers({
        manifest: {
          apiVersion: 'v',
          config: { manifest_defaults: ['llm'] },
          llm: { configs: { a: {}, b: {} } },
        },
        default: { llm: { default_config: 'c', configs: { c: {}, a: null } } },
      }),
    );
    expect(configNames(blueprint)).toEqual(['c', 'b']);
  });
});

/** As the usual readers do: single quotes are literal, double quotes have escapes. */
function readDotenv(line: string): [name: string, value: string] {
  const [, name = '', quoted = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
  if (quoted.startsWith("'")) return [name, quoted.slice(1, -1)];
  if (!quoted.startsWith('"')) return [name, quoted];
  const special: Record<string, string> = { n: '\n', r: '\r', t: '\t' };
  return [name, quoted.slice(1, -1).replace(/\\(.)/g, (_, escaped: string) => special[escaped] ?? escaped)];
}

describe('dotenv lines', () => {
  test.each([
    ['ai/gemma4:E2B', 'A=ai/gemma4:E2B'],
    ['http://x:1/a?b', "A='http://x:1/a?b'"],
    ['', "A=''"],
    ['a b', "A='a b'"],
    ['$HOME #x "y"', `A='$HOME #x "y"'`],
    ["it's $HOME `x`", 'A="it\'s \\$HOME \\`x\\`"'],
    ['a\nB=2', 'A="a\\nB=2"'],
    ['\u001b]0;x\u0007\u202e', 'A="\\u{1b}]0;x\\u{7}\\u{202e}"'],
  ])('%j', (value, line) => {
    expect(dotenvLine('A', value)).toBe(line);
  });

  test('a reader gets the value back, on one line', () => {
    const value = fc.string({
      unit: fc.oneof(
        fc.constantFrom(...'\n\r\t\'"\\$`#= abn{}'),
        fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }),
      ),
    });
    fc.assert(
      fc.property(value, (value) => {
        const line = dotenvLine('MN_LLM_MODEL', value);
        expect(line).not.toMatch(/[\r\n]/);
        expect(readDotenv(line)).toEqual(['MN_LLM_MODEL', value]);
      }),
      { numRuns: 1000 },
    );
  });
});

test('a number that is written with a fraction keeps it, as in MirrorNeuron', () => {
  const text =
    '{"llm": {"model": "default", "retry_backoff_seconds": 1.0, "max_tokens": 800, "timeout_seconds": 0.50}}';
  expect(envOf(text)).toMatchObject({
    RETRY_BACKOFF_SECONDS: '1.0',
    MAX_TOKENS: '800',
    TIMEOUT_SECONDS: '0.5',
  });
});

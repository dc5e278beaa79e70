import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigPlace, isObject, manifestLayers, wholeDocument } from '../src/blueprint/config.ts';
import { effectiveConfig, extract } from '../src/blueprint/declarations.ts';
import type { Document } from '../src/document/document.ts';
import { parseDocument } from '../src/document/document.ts';
import type { Tree } from './support/blueprints.ts';
import { checkTree, declarationLines, findingLines, layers, only, single } from './support/blueprints.ts';

type Case = [what: string, tree: Tree, expected: string[]];

const dmr = 'docker_model_runner';

describe('declarations', () => {
  test.each<Case>([
    // Layers (decision 1)
    [
      'a section that manifest_defaults names lies below config/default.json',
      layers({
        manifest: {
          apiVersion: 'v',
          config: { manifest_defaults: ['llm'] },
          llm: { model: 'default', backend: 'llama.cpp' },
        },
        default: { llm: { configs: { primary: { max_tokens: 1 } } } },
      }),
      ['/llm/configs/primary = default < b/manifest.json /llm/model, on llama.cpp'],
    ],
    [
      'overwrite over default over manifest, value by value',
      layers({
        manifest: {
          apiVersion: 'v',
          config: { manifest_defaults: ['llm'] },
          llm: { model: 'a', backend: 'vllm', context_size: 1 },
        },
        default: { llm: { backend: 'llama.cpp', context_size: 2 } },
        overwrite: { llm: { context_size: 3 } },
      }),
      ['/llm = a < b/manifest.json /llm/model, on llama.cpp, @ 3'],
    ],
    [
      'a dotted path stands at the same place on both sides',
      layers({
        manifest: {
          apiVersion: 'v',
          config: { manifest_defaults: ['llm.configs.primary'] },
          llm: {
            model: 'not named',
            configs: { primary: { model: 'default' }, other: { model: 'not named' } },
          },
        },
      }),
      ['/llm/configs/primary = default < b/manifest.json /llm/configs/primary/model'],
    ],
    [
      'a projection puts a section elsewhere; a finding still points at where it stands',
      layers({
        manifest: {
          apiVersion: 'v',
          config: { manifest_defaults: [{ from: 'models.main', to: 'llm.configs.primary' }] },
          models: { main: { model: 'default', context_size: 4096 } },
        },
        default: { llm: { backend: 'llama.cpp' } },
      }),
      ['/llm/configs/primary = default < b/manifest.json /models/main/model, on llama.cpp, @ 4096'],
    ],
    [
      'a projection of a single value',
      layers({
        manifest: {
          apiVersion: 'v',
          config: { manifest_defaults: [{ from: 'x', to: 'llm.configs.primary.model' }] },
          x: 'default',
        },
      }),
      ['/llm/configs/primary = default < b/manifest.json /x'],
    ],
    [
      'of overlapping sections the later one lies on top',
      layers({
        manifest: {
          apiVersion: 'v',
          config: {
            manifest_defaults: ['llm', { from: 'better', to: 'llm' }, 'gone', { from: 'x.y', to: 'llm' }],
          },
          llm: { model: 'a', context_size: 1 },
          better: { model: 'b' },
          x: 'no object',
        },
      }),
      ['/llm = b < b/manifest.json /better/model, @ 1'],
    ],
    [
      'a scalar replaces an object, an object a scalar, an array everything',
      layers({
        default: { llm: { configs: { a: { model: 'x' }, b: 5, c: { model: 'y' } } } },
        overwrite: { llm: { configs: { a: 'off', b: { model: 'z' }, c: [] } } },
      }),
      ['/llm/configs/b = z < b/config/overwrite.json /llm/configs/b/model'],
    ],
    [
      'null replaces, and then counts as nothing',
      layers({
        default: {
          llm: { model: 'default', context_size: 4096, configs: { a: { model: 'x' }, b: { model: 'y' } } },
        },
        overwrite: { llm: { context_size: null, configs: { a: { model: null }, b: null } } },
      }),
      ['/llm/configs/a = default < b/config/default.json /llm/model'],
    ],
    [
      'a config that sets llm to null has none, whatever the manifest says',
      layers({
        manifest: { apiVersion: 'v', config: { manifest_defaults: ['llm'] }, llm: { model: 'default' } },
        default: { llm: null },
      }),
      [],
    ],
    [
      'runtime.models is read from the manifest, with the config over it',
      layers({
        manifest: {
          apiVersion: 'v',
          runtime: { models: { primary: { model: 'default', context_size: 1 }, b: { model: 'x' } } },
        },
        default: { runtime: { models: { primary: { context_size: 2 }, c: { model: 'y' } } } },
        overwrite: { runtime: { models: { b: null } } },
      }),
      [
        '/runtime/models/primary = default < b/manifest.json /runtime/models/primary/model, @ 2',
        '/runtime/models/c = y < b/config/default.json /runtime/models/c/model',
      ],
    ],
    [
      'runtime.models that manifest_defaults names too is there once',
      layers({
        manifest: {
          apiVersion: 'v',
          config: { manifest_defaults: ['runtime', 'runtime.models'] },
          runtime: { models: { primary: { model: 'default' } } },
        },
      }),
      ['/runtime/models/primary = default < b/manifest.json /runtime/models/primary/model'],
    ],
    [
      'a config without runtime hides nothing of the manifest',
      layers({
        manifest: { apiVersion: 'v', runtime: { models: { primary: { model: 'default' } } } },
        default: { runtime: null },
      }),
      ['/runtime/models/primary = default < b/manifest.json /runtime/models/primary/model'],
    ],
    [
      'other sections of the manifest are inert',
      layers({
        manifest: {
          apiVersion: 'v',
          llm: { model: 'default' },
          knowledge_rag: { embedding_model: 'rag-embedding' },
          input_skills: { ocr: { connector: dmr, model: 'x' } },
          metadata: { knowledge_rag: { embedding_model: 'x' } },
        },
        default: { llm: { provider: 'fake' } },
      }),
      ['/llm = null < b/config/default.json /llm, by fake, skipped: provider is fake'],
    ],
    [
      'the llm of the manifest is still checked where no layer has one',
      layers({ manifest: { apiVersion: 'v', llm: { model: 'default' } }, default: { name: 'x' } }),
      ['/llm = default < b/manifest.json /llm/model'],
    ],
    [
      'an llm that the runtime does not load fakes nothing',
      layers({
        manifest: {
          apiVersion: 'v',
          llm: { mode: 'fake' },
          runtime: { models: { a: { model: 'default' } } },
        },
      }),
      [
        '/llm = null < b/manifest.json /llm, skipped: mode is fake',
        '/runtime/models/a = default < b/manifest.json /runtime/models/a/model',
      ],
    ],
    [
      'example configs are never loaded',
      {
        ...layers({ default: { llm: { provider: 'fake', model: 'x' } } }),
        'b/config/live.example.json': '{"llm": {"model": "y"}}',
      },
      ['/llm = x < b/config/default.json /llm/model, by fake, skipped: provider is fake'],
    ],
    [
      'a single file has one layer',
      single({
        config: { manifest_defaults: ['x'] },
        llm: { model: 'default' },
        runtime: { models: { a: { model: 'b' } } },
      }),
      ['/llm = default < x.json /llm/model', '/runtime/models/a = b < x.json /runtime/models/a/model'],
    ],

    // Inheritance (decision 2)
    [
      'runtime_model wins over model within an object, and a config over llm',
      single({
        llm: {
          runtime_model: 'llm-runtime',
          model: 'llm-model',
          configs: {
            a: { model: 'own', runtime_model: 'own-runtime' },
            b: { model: 'own' },
            c: {},
            d: { runtime_model: null },
          },
        },
      }),
      [
        '/llm/configs/a = own-runtime < x.json /llm/configs/a/runtime_model',
        '/llm/configs/b = own < x.json /llm/configs/b/model',
        '/llm/configs/c = llm-runtime < x.json /llm/runtime_model',
        '/llm/configs/d = llm-runtime < x.json /llm/runtime_model',
      ],
    ],
    [
      'provider, backend, mode, context size and required inherit the same way; null is absent',
      single({
        llm: {
          model: 'default',
          provider: 'ollama',
          backend: 'vllm',
          mode: 'live',
          context_size: 8192,
          required: false,
          configs: {
            a: {},
            b: { provider: dmr, backend: 'llama.cpp', context_size: 1, required: true },
            c: { provider: null, backend: null, mode: null, context_size: null, required: null },
            d: { provider: 'DMR', mode: 'mock' },
          },
        },
      }),
      [
        '/llm/configs/a = default < x.json /llm/model, by ollama, on vllm, @ 8192, optional, skipped: provider is ollama',
        '/llm/configs/b = default < x.json /llm/model, on llama.cpp, @ 1',
        '/llm/configs/c = default < x.json /llm/model, by ollama, on vllm, @ 8192, optional, skipped: provider is ollama',
        '/llm/configs/d = default < x.json /llm/model, on vllm, @ 8192, optional, skipped: mode is mock',
      ],
    ],
    [
      'llm counts by itself where it has no configs, or none that is something',
      single({ llm: { model: 'default', configs: { a: null } } }),
      ['/llm = default < x.json /llm/model'],
    ],
    [
      'an llm that is only about agents declares nothing',
      single({ llm: { agents: { a: { model: 'x' } } } }),
      [],
    ],
    [
      'agents, workers, bindings and model_refs are no declarations',
      layers({
        manifest: {
          apiVersion: 'v',
          runtime: {
            worker_defaults: { model: 'x' },
            bindings: { b: { workers: { w: { model: 'x' } } } },
            models: { primary: { model: 'default' } },
          },
          workflow: { nodes: [{ model: 'x', environment: { MN_LLM_MODEL: 'x' } }] },
        },
        default: {
          drugclip: { model_ref: 'hf.co/x/y' },
          llm: { model: 'default', agents: { a: { model: 'x' } } },
        },
      }),
      [
        '/llm = default < b/config/default.json /llm/model',
        '/runtime/models/primary = default < b/manifest.json /runtime/models/primary/model',
      ],
    ],

    // Skips (decision 3)
    [
      'llm.enabled false skips the section whole, and nothing else',
      single({
        llm: { enabled: false, model: 'x', configs: { a: { model: 'y' } } },
        runtime: { models: { a: { model: 'default' } } },
      }),
      [
        '/llm = null < x.json /llm/enabled, skipped: llm.enabled is false',
        '/runtime/models/a = default < x.json /runtime/models/a/model',
      ],
    ],
    [
      'every spelling of Docker Model Runner',
      single({
        llm: {
          model: 'default',
          configs: {
            a: { provider: 'docker_model_runner' },
            b: { provider: 'docker-model-runner' },
            c: { provider: 'dmr' },
            d: { provider: '' },
            e: { provider: ' DMR ' },
          },
        },
      }),
      ['a', 'b', 'c', 'd', 'e'].map((name) => `/llm/configs/${name} = default < x.json /llm/model`),
    ],
    [
      'every reason to skip a config',
      single({
        llm: {
          model: 'm',
          configs: {
            a: { provider: 'fake' },
            b: { provider: 'Mock' },
            c: { mode: 'FAKE' },
            d: { mode: 'mock', provider: 'openai_compatible' },
            e: { provider: 'openai_compatible' },
            f: { install_mode: 'cluster_provided' },
            g: { install_mode: 'workflow_node' },
          },
        },
      }),
      [
        '/llm/configs/a = m < x.json /llm/model, by fake, skipped: provider is fake',
        '/llm/configs/b = m < x.json /llm/model, by Mock, skipped: provider is mock',
        '/llm/configs/c = m < x.json /llm/model, skipped: mode is fake',
        '/llm/configs/d = m < x.json /llm/model, by openai_compatible, skipped: mode is mock',
        '/llm/configs/e = m < x.json /llm/model, by openai_compatible, skipped: provider is openai_compatible',
        '/llm/configs/f = m < x.json /llm/model, skipped: install_mode is cluster_provided',
        '/llm/configs/g = m < x.json /llm/model',
      ],
    ],
    [
      'a fake llm skips the Docker Model Runner entries of runtime.models, and only these',
      single({
        llm: { mode: 'fake', model: 'x' },
        runtime: {
          models: {
            a: { model: 'm' },
            b: { model: 'm', provider: 'nvidia_service' },
            c: { model: 'm', provider: 'dmr' },
          },
        },
      }),
      [
        '/llm = x < x.json /llm/model, skipped: mode is fake',
        '/runtime/models/a = m < x.json /runtime/models/a/model, skipped: llm is fake',
        '/runtime/models/b = m < x.json /runtime/models/b/model, by nvidia_service, skipped: provider is nvidia_service',
        '/runtime/models/c = m < x.json /runtime/models/c/model, skipped: llm is fake',
      ],
    ],
    [
      'a fake config of a live llm skips only itself',
      single({
        llm: { model: 'm', provider: dmr, configs: { a: { provider: 'fake' } } },
        runtime: {
          models: { a: { model: 'm', install_mode: 'cluster_provided' }, b: { model: 'm', required: false } },
        },
      }),
      [
        '/llm/configs/a = m < x.json /llm/model, by fake, skipped: provider is fake',
        '/runtime/models/a = m < x.json /runtime/models/a/model, skipped: install_mode is cluster_provided',
        '/runtime/models/b = m < x.json /runtime/models/b/model, optional',
      ],
    ],

    // knowledge_rag and input_skills
    [
      'knowledge_rag: an own provider, and a backend that is a vector store',
      single({
        llm: { provider: 'fake' },
        knowledge_rag: {
          backend: 'milvus_lite',
          embedding_provider: dmr,
          embedding_model: 'rag-embedding',
          required: true,
        },
      }),
      [
        '/llm = null < x.json /llm, by fake, skipped: provider is fake',
        '/knowledge_rag/embedding_model = rag-embedding < x.json /knowledge_rag/embedding_model, optional',
      ],
    ],
    [
      'knowledge_rag: off, or somebody else’s',
      layers({ default: { knowledge_rag: { enabled: false, embedding_model: 'x' } } }),
      [
        '/knowledge_rag/embedding_model = x < b/config/default.json /knowledge_rag/embedding_model, optional, skipped: knowledge_rag.enabled is false',
      ],
    ],
    [
      'knowledge_rag: another provider',
      layers({ default: { knowledge_rag: { embedding_provider: 'openai', embedding_model: 'x' } } }),
      [
        '/knowledge_rag/embedding_model = x < b/config/default.json /knowledge_rag/embedding_model, by openai, optional, skipped: provider is openai',
      ],
    ],
    [
      'input_skills: only those whose connector is Docker Model Runner, and that name a model',
      layers({
        default: {
          input_skills: {
            a: { connector: dmr, model: 'm', runtime_model: 'r', required: true },
            b: { connector: 'http', model: 'm' },
            c: { model: 'm' },
            d: { connector: 'dmr' },
            e: { connector: '', model: 'm' },
            f: {
              connector: 'docker-model-runner',
              model: 'm',
              enabled: false,
              context_size: 9,
              backend: 'auto',
            },
          },
        },
      }),
      [
        '/input_skills/a = r < b/config/default.json /input_skills/a/runtime_model, optional',
        '/input_skills/f = m < b/config/default.json /input_skills/f/model, on auto, @ 9, optional, skipped: input_skills.f.enabled is false',
      ],
    ],

    // Payloads and customized models (decision 4)
    [
      'a payload model and a customized one',
      layers({
        manifest: {
          apiVersion: 'v',
          runtime: {
            models: {
              a: { model: 'own/x:1', source: { type: 'payload', path: 'm.gguf', format: 'gguf' } },
              b: { model: 'hf.co/owner/repo:Q4', customize_mode: true },
              c: { model: 'HuggingFace.co/owner/repo', provider: 'x', customize_mode: true },
            },
          },
        },
      }),
      [
        '/runtime/models/a = own/x:1 < b/manifest.json /runtime/models/a/model, accepted: payload',
        '/runtime/models/b = hf.co/owner/repo:Q4 < b/manifest.json /runtime/models/b/model, accepted: customize_mode',
        '/runtime/models/c = HuggingFace.co/owner/repo < b/manifest.json /runtime/models/c/model, by x, skipped: provider is x',
      ],
    ],

    // Names that are something else in JavaScript
    [
      'hostile names are names like any other',
      single(
        '{"llm": {"model": "default", "configs": {"__proto__": {}, "constructor": {"model": "toString"}, "": {}, "a/b~c": {"model": "x"}}},' +
          '"runtime": {"models": {"__proto__": {"model": "y"}, "hasOwnProperty": {}}},' +
          '"input_skills": {"__proto__": {"connector": "dmr", "model": "z"}}}',
      ),
      [
        '/llm/configs/__proto__ = default < x.json /llm/model',
        '/llm/configs/constructor = toString < x.json /llm/configs/constructor/model',
        '/llm/configs/ = default < x.json /llm/model',
        '/llm/configs/a~1b~0c = x < x.json /llm/configs/a~1b~0c/model',
        '/runtime/models/__proto__ = y < x.json /runtime/models/__proto__/model',
        '/runtime/models/hasOwnProperty = null < x.json /runtime/models/hasOwnProperty',
        '/input_skills/__proto__ = z < x.json /input_skills/__proto__/model, optional',
      ],
    ],
    [
      'hostile paths in manifest_defaults lead nowhere',
      layers({
        manifest:
          '{"apiVersion": "v", "config": {"manifest_defaults": ["__proto__", "constructor.name", "llm.__proto__", ".", "a..b", {"from": "__proto__", "to": "llm"}, {"from": "x", "to": "__proto__.llm"}]}, "x": {"model": "m"}}',
      }),
      [],
    ],
  ])('%s', (_, tree, expected) => {
    expect(declarationLines(tree)).toEqual(expected);
  });
});

describe('findings', () => {
  const llm = (llm: string) => single(`{"llm": ${llm}}`);
  const runtime = (models: string) =>
    single(`{"llm": {"provider": "fake"}, "runtime": {"models": ${models}}}`);
  const live = (models: string) =>
    layers({ manifest: `{"apiVersion": "v", "runtime": {"models": ${models}}}` });
  const embedding = (rag: string) => layers({ default: `{"knowledge_rag": ${rag}}` });
  const skills = (all: string) => layers({ default: `{"input_skills": ${all}}` });

  test.each<Case>([
    ['nothing wrong', llm('{"model": "default", "context_size": 4096}'), []],

    // One finding for each wrong type, at its place
    ['llm', layers({ default: '{"llm": [1]}' }), ['error invalid-field b/config/default.json:1:9 /llm: [1]']],
    [
      'llm, a string',
      layers({ default: '{"llm": "default"}' }),
      ['error invalid-field b/config/default.json:1:9 /llm: "default"'],
    ],
    [
      'enabled',
      llm('{"enabled": "false", "model": "default"}'),
      ['error invalid-field x.json:1:21 /llm/enabled: "false"'],
    ],
    ['enabled alone', llm('{"enabled": 1}'), ['error invalid-field x.json:1:21 /llm/enabled: 1']],
    [
      'configs',
      llm('{"configs": ["primary"], "model": "default"}'),
      ['error invalid-field x.json:1:21 /llm/configs: ["primary"]'],
    ],
    ['configs alone', llm('{"configs": "x"}'), ['error invalid-field x.json:1:21 /llm/configs: "x"']],
    [
      'a config',
      llm('{"configs": {"a": "gemma4:e2b"}}'),
      ['error invalid-field x.json:1:27 /llm/configs/a: "gemma4:e2b"'],
    ],
    [
      'a config beside a good one',
      llm('{"configs": {"a": 5, "b": {"model": "default"}}}'),
      ['error invalid-field x.json:1:27 /llm/configs/a: 5'],
    ],
    [
      'default_config',
      llm('{"model": "default", "default_config": 5}'),
      ['error invalid-field x.json:1:48 /llm/default_config: 5'],
    ],
    ['model', llm('{"model": 5}'), ['error invalid-field x.json:1:19 /llm/model: 5']],
    ['model, empty', llm('{"model": ""}'), ['error invalid-field x.json:1:19 /llm/model: ""']],
    ['model, blank', llm('{"model": " "}'), ['error invalid-field x.json:1:19 /llm/model: " "']],
    [
      'model of a config',
      llm('{"configs": {"a": {"model": {}}}}'),
      ['error invalid-field x.json:1:37 /llm/configs/a/model: {}'],
    ],
    [
      'runtime_model',
      llm('{"runtime_model": [], "model": "default"}'),
      ['error invalid-field x.json:1:27 /llm/runtime_model: []'],
    ],
    [
      'provider',
      llm('{"model": "default", "provider": 1}'),
      ['error invalid-field x.json:1:42 /llm/provider: 1'],
    ],
    ['mode', llm('{"model": "default", "mode": true}'), ['error invalid-field x.json:1:38 /llm/mode: true']],
    [
      'backend',
      llm('{"model": "default", "backend": 7}'),
      ['error unknown-backend x.json:1:41 /llm/backend: 7'],
    ],
    [
      'unknown backend',
      llm('{"model": "default", "backend": "llamacpp"}'),
      ['error unknown-backend x.json:1:41 /llm/backend: "llamacpp"'],
    ],
    [
      'unknown backend that two configs inherit',
      llm('{"model": "default", "backend": "x", "configs": {"a": {}, "b": {}}}'),
      ['error unknown-backend x.json:1:41 /llm/backend: "x"'],
    ],
    [
      'unknown backend of one of two configs',
      llm('{"model": "default", "configs": {"a": {"backend": "x"}, "b": {"backend": "vllm"}}}'),
      [
        'error backend-unsupported x.json:1:19 /llm/model: "default"',
        'error unknown-backend x.json:1:59 /llm/configs/a/backend: "x"',
      ],
    ],
    [
      'context_size, a string',
      llm('{"model": "default", "context_size": "4096"}'),
      ['error invalid-field x.json:1:46 /llm/context_size: "4096"'],
    ],
    [
      'context_size, zero',
      llm('{"model": "default", "context_size": 0}'),
      ['error invalid-field x.json:1:46 /llm/context_size: 0'],
    ],
    [
      'context_size, negative',
      llm('{"model": "default", "context_size": -1}'),
      ['error invalid-field x.json:1:46 /llm/context_size: -1'],
    ],
    [
      'context_size, a fraction',
      llm('{"model": "default", "context_size": 4096.5}'),
      ['error invalid-field x.json:1:46 /llm/context_size: 4096.5'],
    ],
    [
      'context_size, true',
      llm('{"model": "default", "context_size": true}'),
      ['error invalid-field x.json:1:46 /llm/context_size: true'],
    ],
    [
      'required',
      llm('{"model": "default", "required": "false"}'),
      ['error invalid-field x.json:1:42 /llm/required: "false"'],
    ],
    [
      'max_tokens',
      llm('{"model": "default", "max_tokens": "800"}'),
      ['error invalid-field x.json:1:44 /llm/max_tokens: "800"'],
    ],
    [
      'timeout_seconds',
      llm('{"model": "default", "timeout_seconds": -1}'),
      ['error invalid-field x.json:1:49 /llm/timeout_seconds: -1'],
    ],
    [
      'api_base',
      llm('{"model": "default", "api_base": {}}'),
      ['error invalid-field x.json:1:42 /llm/api_base: {}'],
    ],
    [
      'unknown fields are fine',
      llm('{"model": "default", "x": {"model": 5}, "configs": {"a": {"y": []}}}'),
      [],
    ],
    ['runtime.models', live('[]'), ['error invalid-field b/manifest.json:1:43 /runtime/models: []']],
    [
      'a runtime model',
      live('{"a": "default"}'),
      ['error invalid-field b/manifest.json:1:49 /runtime/models/a: "default"'],
    ],
    [
      'model of a runtime model',
      live('{"a": {"model": 1, "context_size": "1"}}'),
      [
        'error invalid-field b/manifest.json:1:59 /runtime/models/a/model: 1',
        'error invalid-field b/manifest.json:1:78 /runtime/models/a/context_size: "1"',
      ],
    ],
    [
      'embedding_model',
      embedding('{"embedding_model": 5}'),
      ['error invalid-field b/config/default.json:1:39 /knowledge_rag/embedding_model: 5'],
    ],
    ['knowledge_rag', embedding('7'), ['error invalid-field b/config/default.json:1:19 /knowledge_rag: 7']],
    [
      'model of a skill',
      skills('{"ocr": {"connector": "dmr", "model": []}}'),
      ['error invalid-field b/config/default.json:1:56 /input_skills/ocr/model: []'],
    ],
    ['skills of other shapes are somebody else’s', skills('[{"connector": "dmr", "model": 5}]'), []],
    [
      'manifest_defaults',
      layers({ manifest: '{"apiVersion": "v", "config": {"manifest_defaults": "llm"}}' }),
      ['error invalid-field b/manifest.json:1:53 /config/manifest_defaults: "llm"'],
    ],
    [
      'items of manifest_defaults',
      layers({
        manifest:
          '{"apiVersion": "v", "config": {"manifest_defaults": [5, "", {"from": "a"}, {"from": "a", "to": 1}, "llm"]}}',
      }),
      [
        'error invalid-field b/manifest.json:1:54 /config/manifest_defaults/0: 5',
        'error invalid-field b/manifest.json:1:57 /config/manifest_defaults/1: ""',
        'error invalid-field b/manifest.json:1:61 /config/manifest_defaults/2: {"from": "a"}',
        'error invalid-field b/manifest.json:1:96 /config/manifest_defaults/3/to: 1',
      ],
    ],
    [
      'a layer that is no object',
      layers({ default: '\n[]' }),
      ['error invalid-field b/config/default.json:2:1 (whole): []'],
    ],
    [
      'sections that are null',
      single('{"llm": {"model": "default"}, "runtime": null, "knowledge_rag": null, "input_skills": null}'),
      [],
    ],

    // Only what counts is refused (decision 1)
    [
      'a wrong value that a higher layer replaces counts no more',
      layers({
        default: '{"llm": {"model": 5, "backend": "x", "configs": 7}}',
        overwrite: '{"llm": {"model": "default", "backend": null, "configs": {"a": {}}}}',
      }),
      [],
    ],
    [
      'a wrong value of a higher layer is refused there',
      layers({ default: '{"llm": {"model": "default"}}', overwrite: '{"llm": {"model": 5}}' }),
      ['error invalid-field b/config/overwrite.json:1:19 /llm/model: 5'],
    ],
    [
      'a wrong value that a projection brings is refused where it stands',
      layers({
        manifest:
          '{"apiVersion": "v", "config": {"manifest_defaults": [{"from": "m", "to": "llm.configs.a"}, {"from": "n", "to": "llm.configs.b.model"}]}, "m": {"model": 5}, "n": 6}',
      }),
      [
        'error invalid-field b/manifest.json:1:153 /m/model: 5',
        'error invalid-field b/manifest.json:1:162 /n: 6',
      ],
    ],
    [
      'a wrong value of a section that is read twice is refused once',
      layers({
        manifest:
          '{"apiVersion": "v", "config": {"manifest_defaults": ["runtime"]}, "runtime": {"models": {"a": {"model": 5}}}}',
      }),
      ['error invalid-field b/manifest.json:1:105 /runtime/models/a/model: 5'],
    ],
    [
      'an overlay need not repeat what a lower layer requires',
      {
        ...layers({
          manifest:
            '{"apiVersion": "v", "runtime": {"models": {"a": {"model": "m", "source": {"type": "payload", "path": "m.gguf", "format": "gguf"}}}}}',
          default: '{"runtime": {"models": {"a": {"source": {"license_path": "LICENSE"}}}}}',
        }),
        'b/payloads/m.gguf': '',
        'b/payloads/LICENSE': '',
      },
      [],
    ],
    [
      'what no layer gives is missing, once',
      layers({
        manifest:
          '{"apiVersion": "v", "runtime": {"models": {"a": {"model": "default", "source": {"format": "gguf"}}}}}',
        default: '{"runtime": {"models": {"a": {"source": {"type": "payload"}}}}}',
      }),
      ['error invalid-field b/manifest.json:1:80 /runtime/models/a/source: {"format": "gguf"}'],
    ],

    // Models that are missing, and configs that do not exist
    ['no model', llm('{"enabled": true}'), ['error missing-model x.json:1:9 /llm: {"enabled": true}']],
    [
      'no model in a config',
      llm('{"configs": {"a": {}}}'),
      ['error missing-model x.json:1:27 /llm/configs/a: {}'],
    ],
    [
      'null is no model',
      llm('{"model": null, "runtime_model": null, "mode": "live"}'),
      ['error missing-model x.json:1:9 /llm: {"model": null, "runtime_model": null, "mode": "live"}'],
    ],
    [
      'no model in a runtime model',
      live('{"a": {"backend": "auto"}}'),
      ['error missing-model b/manifest.json:1:49 /runtime/models/a: {"backend": "auto"}'],
    ],
    ['no model, but none is needed', llm('{"provider": "fake", "configs": {"a": {}}}'), []],
    [
      'llm does not lend its model to runtime.models',
      single('{"llm": {"model": "default"}, "runtime": {"models": {"a": {}}}}'),
      ['error missing-model x.json:1:59 /runtime/models/a: {}'],
    ],
    [
      'an unknown default config',
      llm('{"default_config": "b", "configs": {"a": {"model": "default"}}}'),
      ['error unknown-config x.json:1:28 /llm/default_config: "b"'],
    ],
    [
      'a default config without configs',
      llm('{"default_config": "b", "model": "default"}'),
      ['error unknown-config x.json:1:28 /llm/default_config: "b"'],
    ],
    [
      'a default config that is null',
      llm('{"default_config": "a", "configs": {"a": null, "b": {"model": "default"}}}'),
      ['error unknown-config x.json:1:28 /llm/default_config: "a"'],
    ],
    [
      'a default config that only JavaScript knows',
      llm('{"default_config": "constructor", "configs": {"a": {"model": "default"}}}'),
      ['error unknown-config x.json:1:28 /llm/default_config: "constructor"'],
    ],
    [
      'a default config of another layer',
      layers({
        default: '{"llm": {"configs": {"a": {"model": "default"}}}}',
        overwrite: '{"llm": {"default_config": "a"}}',
      }),
      [],
    ],

    // The llm of the manifest
    [
      'an llm that is not loaded',
      layers({ manifest: '{"apiVersion": "v", "llm": {"model": "default"}}', default: '{}' }),
      ['warning llm-not-loaded b/manifest.json:1:28 /llm: {"model": "default"}'],
    ],
    [
      'an llm that is not loaded and skipped',
      layers({ manifest: '{"apiVersion": "v", "llm": {"provider": "fake"}}' }),
      [],
    ],
    [
      'an llm that is not loaded and wrong',
      layers({ manifest: '{"apiVersion": "v", "llm": {"model": 5}}' }),
      [
        'error invalid-field b/manifest.json:1:38 /llm/model: 5',
        'warning llm-not-loaded b/manifest.json:1:28 /llm: {"model": 5}',
      ],
    ],

    // What is skipped is not looked at
    [
      'a skipped section',
      llm('{"enabled": false, "model": 5, "backend": "x", "default_config": "y", "configs": 7}'),
      [],
    ],
    ['a skipped config', llm('{"configs": {"a": {"provider": "fake", "model": 5, "backend": "x"}}}'), []],
    ['a fake runtime model', runtime('{"a": {"model": 5}}'), []],
    ['a skipped embedding', embedding('{"enabled": false, "embedding_model": 5}'), []],
    ['a skipped skill', skills('{"a": {"enabled": false, "connector": "dmr", "model": 5}}'), []],

    // Keys that stand twice
    [
      'a key twice',
      llm('{"model": "a", "model": "default"}'),
      ['error duplicate-key x.json:1:24 /llm/model: "model"'],
    ],
    [
      'a section twice',
      single('{"llm": {"model": "x"},\n"llm": {"model": "default"}}'),
      ['error duplicate-key x.json:2:1 /llm: "llm"'],
    ],
    [
      'a key on the way',
      layers({
        manifest: '{"apiVersion": "v", "runtime": {}, "runtime": {"models": {"a": {"model": "default"}}}}',
      }),
      ['error duplicate-key b/manifest.json:1:36 /runtime: "runtime"'],
    ],
    [
      'a key twice elsewhere',
      single('{"x": 1, "x": 2, "llm": {"model": "default"}, "llmx": {"a": 1, "a": 2}}'),
      [],
    ],
    [
      'the value that counts is the last one',
      llm('{"model": "gemma5", "model": "gemma6"}'),
      [
        'error duplicate-key x.json:1:29 /llm/model: "model"',
        'error unknown-model x.json:1:38 /llm/model: "gemma6"',
      ],
    ],

    // Payloads and customized models
    [
      'payload files',
      {
        ...live(
          '{"a": {"model": "own/x", "source": {"type": "payload", "path": "m/x.gguf", "format": "gguf", "mmproj_path": "m/none.gguf", "license_path": "m"}}}',
        ),
        'b/payloads/m/x.gguf': '',
      },
      [
        'warning payload-missing b/manifest.json:1:151 /runtime/models/a/source/mmproj_path: "m/none.gguf"',
        'warning payload-missing b/manifest.json:1:182 /runtime/models/a/source/license_path: "m"',
      ],
    ],
    ...['../x', '/etc/passwd', 'a/../../x', 'C:\\\\x', '\\\\\\\\host\\\\x', 'a\\\\..\\\\x', 'a\\u0000b'].map(
      (path): Case => [
        `a payload path that leads out: ${path}`,
        live(`{"a": {"model": "own/x", "source": {"type": "payload", "format": "gguf", "path": "${path}"}}}`),
        [`error invalid-field b/manifest.json:1:124 /runtime/models/a/source/path: "${path}"`],
      ],
    ),
    [
      'a payload path that is empty, a format and a digest that do not exist',
      live(
        `{"a": {"model": "own/x", "source": {"type": "payload", "format": "zip", "path": "", "digest": "sha256:${'g'.repeat(64)}"}}}`,
      ),
      [
        'error invalid-field b/manifest.json:1:108 /runtime/models/a/source/format: "zip"',
        'error invalid-field b/manifest.json:1:123 /runtime/models/a/source/path: ""',
        `error invalid-field b/manifest.json:1:137 /runtime/models/a/source/digest: "sha256:${'g'.repeat(49)}...`,
      ],
    ],
    [
      'a good digest',
      {
        ...live(
          `{"a": {"model": "own/x", "source": {"type": "payload", "format": "dduf", "path": "m", "digest": "sha256:${'aB'.repeat(32)}"}}}`,
        ),
        'b/payloads/m': '',
      },
      [],
    ],
    [
      'a source that is no payload',
      live('{"a": {"model": "default", "source": {"type": "registry", "path": "m", "format": "gguf"}}}'),
      ['error invalid-field b/manifest.json:1:89 /runtime/models/a/source/type: "registry"'],
    ],
    [
      'a reference that a payload accepts is accepted in the whole blueprint',
      {
        ...layers({
          manifest:
            '{"apiVersion": "v", "runtime": {"models": {"a": {"model": "own/x", "source": {"type": "payload", "path": "m", "format": "gguf"}}}}}',
          default: '{"llm": {"model": "docker.io/own/X:latest"}}',
        }),
        'b/payloads/m': '',
      },
      [],
    ],
    [
      'customize_mode accepts the reference in the whole blueprint, in any spelling',
      layers({
        manifest:
          '{"apiVersion": "v", "runtime": {"models": {"a": {"model": "hf.co/o/r:Q4", "customize_mode": true}}}}',
        default:
          '{"llm": {"model": "huggingface.co/O/r:Q4", "configs": {"a": {}, "b": {"model": "hf.co/o/r:Q8"}}}}',
      }),
      ['error unknown-model b/config/default.json:1:80 /llm/configs/b/model: "hf.co/o/r:Q8"'],
    ],
    [
      'a customized model that is skipped accepts nothing',
      layers({
        manifest:
          '{"apiVersion": "v", "runtime": {"models": {"a": {"model": "hf.co/o/r", "provider": "x", "customize_mode": true}}}}',
        default: '{"llm": {"model": "hf.co/o/r"}}',
      }),
      ['error unknown-model b/config/default.json:1:19 /llm/model: "hf.co/o/r"'],
    ],
    ...['"true"', 'false', '1'].map(
      (value): Case => [
        `customize_mode ${value}`,
        live(`{"a": {"model": "hf.co/o/r", "customize_mode": ${value}}}`),
        [
          'error unknown-model b/manifest.json:1:59 /runtime/models/a/model: "hf.co/o/r"',
          `error invalid-field b/manifest.json:1:90 /runtime/models/a/customize_mode: ${value}`,
        ],
      ],
    ),
    ...['own/x', 'hf.co/o', 'hf.co/o/r/x', 'hf.co/o/r:', 'hf.co/ /r', 'https://hf.co/o/r'].map(
      (ref): Case => [
        `customize_mode on ${ref}`,
        live(`{"a": {"model": "${ref}", "customize_mode": true}}`),
        [
          `error invalid-field b/manifest.json:1:59 /runtime/models/a/model: "${ref}"`,
          `error unknown-model b/manifest.json:1:59 /runtime/models/a/model: "${ref}"`,
        ],
      ],
    ),
  ])('%s', (_, tree, expected) => {
    expect(findingLines(tree)).toEqual(expected);
  });

  test('notes of model sections', () => {
    const tree = layers({
      manifest: {
        apiVersion: 'v',
        runtime: {
          models: {
            a: { model: 'hf.co/o/r', customize_mode: true },
            b: { model: 'docker.io/gemma4:E2B', context_size: 1 },
          },
        },
      },
      default: {
        llm: {
          model: 'default',
          configs: { primary: {}, sized: { context_size: 8192 }, wrong: { context_size: 'x' } },
        },
        knowledge_rag: { embedding_model: 'rag-embedding' },
        input_skills: { ocr: { connector: dmr, model: 'hf.co/none/known' } },
      },
    });
    expect(
      checkTree(tree).findings.map(
        ({ id, severity, message, help }) => `${severity} ${id}: ${message} ${help}`,
      ),
    ).toEqual([
      'error invalid-field: llm.configs.wrong.context_size must be a whole number; found the string "x". Write a whole number.',
      'note context-size-missing: llm.configs.primary gives no context_size for gemma4:e2b: the engine then chooses, and what it chooses depends on its version and takes memory. Add "context_size": 4096, or what the blueprint needs.',
      'note model-not-checked: input_skills.ocr asks for hf.co/none/known, which no catalog knows. It is optional, so it was not checked. Add it to a catalog with its requirements to have it checked.',
      'note model-unverified: runtime.models.a asks for hf.co/o/r, a customized Hugging Face model: its hardware needs are not known and were not checked. Add it to a catalog with its requirements, and remove customize_mode, to have it checked.',
      'note model-spelling: docker.io/gemma4:E2B means ai/gemma4:E2B, but Docker Hub has no model of that name: models stand under ai/. Write ai/gemma4:E2B.',
    ]);
  });

  test('text of a blueprint is cut and made printable before it is a message', () => {
    const hostile = `\u001b[31m\n::error::\u202e${'x'.repeat(100_000)}`;
    const tree = layers({
      manifest: {
        apiVersion: 'v',
        runtime: {
          models: {
            [hostile]: { model: hostile, customize_mode: true },
            a: {
              model: `own/${hostile}`,
              source: { type: 'payload', format: hostile, path: `../${hostile}` },
            },
            b: { model: 'm', source: { type: 'payload', format: 'gguf', path: hostile } },
          },
        },
      },
      default: {
        llm: {
          model: hostile,
          backend: hostile,
          default_config: hostile,
          context_size: hostile,
          configs: {
            ...Object.fromEntries(
              [...Array(2000).keys()].map((index) => [`${index}${hostile.slice(0, 40)}`, {}]),
            ),
          },
        },
      },
    });
    const texts = checkTree(tree).findings.flatMap(({ title, message, help }) => [title, message, help]);
    expect(texts.length).toBeGreaterThan(20);
    for (const text of texts) {
      expect(text).not.toMatch(/[\u0000-\u001f\u202e]/);
      expect(text.length).toBeLessThan(1000);
    }
  });
});

/** The merge that decision 1 describes, written down naively. */
function merge(low: unknown, high: unknown): unknown {
  if (!isObject(low) || !isObject(high)) return high;
  const merged = new Map(Object.entries(low));
  for (const [key, value] of Object.entries(high)) {
    merged.set(key, merged.has(key) ? merge(merged.get(key), value) : value);
  }
  return Object.fromEntries(merged);
}

/** What a place of the effective config comes to as one value. */
function collect(place: ConfigPlace): unknown {
  if (!place.isObject) return place.top === undefined ? undefined : place.value;
  return Object.fromEntries(place.keys().map((key) => [key, collect(place.get(key))]));
}

function documentOf(value: unknown, file: string): Document {
  const parsed = parseDocument(file, JSON.stringify(value));
  if (!parsed.ok) throw new Error(parsed.problem.reason);
  return parsed.document;
}

describe('effective config', () => {
  const key = fc.constantFrom('llm', 'configs', 'a', 'b', '__proto__', 'constructor', 'toString');
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom<unknown>(null, 1, 'x', false),
      fc.array(fc.integer(), { maxLength: 2 }),
      tie('object'),
      tie('object'),
    ),
    object: fc
      .array(fc.tuple(key, tie('json')), { maxLength: 4 })
      .map((entries) => Object.fromEntries(entries) as unknown),
  }));
  const path = fc.array(key, { minLength: 1, maxLength: 3 }).map((keys) => keys.join('.'));

  test('is the naive deep merge of the same layers', () => {
    fc.assert(
      fc.property(
        json.filter(isObject),
        fc.array(fc.oneof(path, fc.record({ from: path, to: path })), { maxLength: 3 }),
        json.filter(isObject),
        json.filter(isObject),
        (manifest, defaults, low, high) => {
          const document = documentOf(
            { ...manifest, config: { manifest_defaults: defaults } },
            'manifest.json',
          );
          let expected: unknown = {};
          for (const entry of defaults) {
            const { from, to } = typeof entry === 'string' ? { from: entry, to: entry } : entry;
            let value: unknown = document.value;
            for (const step of from.split('.')) {
              value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
            }
            if (value === undefined) continue;
            for (const step of to.split('.').reverse()) value = Object.fromEntries([[step, value]]);
            expected = merge(expected, value);
          }
          expected = merge(merge(expected, low), high);
          const place = new ConfigPlace([
            wholeDocument(documentOf(high, 'overwrite.json')),
            wholeDocument(documentOf(low, 'default.json')),
            ...manifestLayers(document),
          ]);
          expect(collect(place)).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  const section = fc.constantFrom(
    ...[
      'llm',
      'configs',
      'primary',
      '__proto__',
      'model',
      'runtime_model',
      'backend',
      'provider',
      'enabled',
      'context_size',
    ],
    ...[
      'runtime',
      'models',
      'source',
      'type',
      'path',
      'customize_mode',
      'knowledge_rag',
      'embedding_model',
      'input_skills',
    ],
    ...[
      'connector',
      'config',
      'manifest_defaults',
      'from',
      'to',
      'default_config',
      'required',
      'install_mode',
    ],
  );
  const scalar = fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    4096,
    '',
    ' ',
    'default',
    'fake',
    'dmr',
    'payload',
    'llm',
    'hf.co/a/b',
    'primary',
  );
  const { any } = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'large' },
      scalar,
      fc.array(tie('any'), { maxLength: 2 }),
      tie('object'),
      tie('object'),
      tie('object'),
    ),
    object: fc
      .array(fc.tuple(section, tie('any')), { maxLength: 5 })
      .map((entries) => Object.fromEntries(entries) as unknown),
  }));

  test('extract takes any JSON in any layer, and every place it names is there', () => {
    fc.assert(
      fc.property(any, any, any, (manifest, low, high) => {
        const documents = [documentOf(low, 'default.json'), documentOf(high, 'overwrite.json')];
        const blueprint = {
          path: 'b',
          kind: 'folder' as const,
          manifest: documentOf(manifest, 'manifest.json'),
          configs: documents,
          findings: [],
        };
        const { declarations, findings } = extract(blueprint);
        const texts = [blueprint.manifest, ...documents];
        const places = [
          ...declarations.map(({ source }) => source),
          ...findings.flatMap(({ location }) => (location === null ? [] : [location])),
        ];
        for (const { file, pointer } of places) {
          const document = texts.find((candidate) => candidate.file === file);
          let value: unknown = document?.value;
          for (const step of pointer.split('/').slice(1)) {
            expect(Object.hasOwn(value as object, step)).toBe(true);
            value = (value as Record<string, unknown>)[step];
          }
        }
        const keys = findings.map(
          ({ id, message, location }) => `${id} ${location?.file} ${location?.pointer} ${message}`,
        );
        expect(new Set(keys).size).toBe(keys.length);
      }),
      { numRuns: 2000 },
    );
  });

  test('runtime.models stays readable where the config replaces runtime', () => {
    const blueprint = only(
      layers({
        manifest: { apiVersion: 'v', runtime: { models: { a: { model: 'm' } } } },
        default: { runtime: 'x' },
      }),
    );
    expect(effectiveConfig(blueprint).runtimeModels.keys()).toEqual(['a']);
  });
});

import type { CatalogEntry } from './entry.ts';

/** The model that `mn model show` and `install` mean when none is named. */
export const defaultModelId = 'gemma4:e2b';

const builtIn = {
  provider: 'docker_model_runner',
  apiModel: null,
  backend: 'llama.cpp',
  backends: ['llama.cpp'],
};
const source = { catalog: 'built-in', pointer: '', line: null };

/**
 * The models that MirrorNeuron ships with, as of its Model Runtime page
 * (`/docs/model-runtime`), to which `default` is gemma4:e2b. Its SDK, which holds
 * the catalog, is not public; aliases, thresholds and context sizes are those that
 * the tests of its command line (mn-cli, tests/runtime_model_fakes.py) state.
 */
export const builtInEntries: readonly CatalogEntry[] = [
  {
    ...builtIn,
    id: defaultModelId,
    name: 'Gemma 4 E2B',
    dockerModel: 'ai/gemma4:E2B',
    // The misspelt alias is one that the command line tests.
    aliases: ['default', 'small', 'gemma4', 'gemme4:e2b'],
    contextSize: 4096,
    fallback: null,
    // 8 GB VRAM, 16 GB unified and 32 GB RAM are the thresholds of the page's hardware table.
    requirements: { minVramGb: 8, minUnifiedMemoryGb: 16, minCpuRamGb: 32 },
    source,
  },
  {
    ...builtIn,
    id: 'nemotron3',
    name: 'Nemotron 3',
    dockerModel: 'ai/nemotron3:latest',
    aliases: ['medium', 'nemotron3:latest'],
    contextSize: 8192,
    fallback: defaultModelId,
    requirements: { minVramGb: 48, minUnifiedMemoryGb: 48 },
    source,
  },
  {
    ...builtIn,
    id: 'rag-embedding',
    name: 'Jina Embeddings v5 text small, retrieval',
    dockerModel: 'huggingface.co/jinaai/jina-embeddings-v5-text-small-retrieval:Q4_K_M',
    aliases: ['huggingface.co/jinaai/jina-embeddings-v5-text-small-retrieval:Q4_K_M', 'jina-v5-small'],
    contextSize: 8192,
    fallback: null,
    requirements: {},
    source,
  },
];

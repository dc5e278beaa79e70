// Generated repositories: blueprints in the shape and size of real ones, and a targets file.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The paths of all files of `amount` blueprints, in the order in which they are read. */
export function* blueprintFiles(amount) {
  for (let index = 0; index < amount; index++) {
    const folder = blueprintFolder(index);
    yield `${folder}/manifest.json`;
    yield `${folder}/config/default.json`;
    yield `${folder}/config/overwrite.json`;
  }
}

function blueprintFolder(index) {
  return `blueprints/assistant_${String(index).padStart(5, '0')}`;
}

/** Writes a repository below `root`: blueprints, and `.mn/targets.json` with these targets. */
export function writeRepository(root, amount, targets) {
  write(root, '.mn/targets.json', json({ targets }));
  for (let index = 0; index < amount; index++) {
    const folder = blueprintFolder(index);
    write(root, `${folder}/manifest.json`, json(manifest(index)));
    write(root, `${folder}/config/default.json`, json(config(index)));
    write(root, `${folder}/config/overwrite.json`, '{}\n');
  }
}

function write(root, file, text) {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/**
 * What the blueprints declare, in turn. Most are right; of twenty, three ask for a model that many machines
 * cannot hold, three are skipped and three are wrong.
 */
const kinds = [
  { model: 'gemma4:e2b' },
  { model: 'ai/gemma4:E2B' },
  { model: 'default' },
  { model: 'gemma4:e2b', context: 8192 },
  { model: 'nemotron3', context: 8192 },
  { model: 'gemma4:e2b', provider: 'fake' },
  { model: 'small' },
  { model: 'gemma4:e2b', rag: true },
  { model: 'gemma4:e2b', context: null },
  { model: 'gemma4:e2' },
  { model: 'gemma4:e2b' },
  { model: 'docker.io/ai/gemma4:E2B' },
  { model: 'gemma4:e2b', enabled: false },
  { model: 'medium', runtime: true },
  { model: 'gemma4:e2b', runtime: true },
  { model: 'gemma4:e2b', context: '4096' },
  { model: 'gemma4', rag: true },
  { model: 'nemotron3' },
  { model: 'gemma4:e2b', provider: 'openai' },
  { model: 'gemma4:e2b', chosen: 'primry' },
];

function kindOf(index) {
  return kinds[index % kinds.length];
}

/** About 3 kB. */
function config(index) {
  const {
    model,
    provider = 'docker_model_runner',
    context = 4096,
    enabled = true,
    chosen,
    rag,
  } = kindOf(index);
  return {
    identity: { blueprint_id: `assistant_${index}`, name: `Assistant ${index}` },
    inputs: { adapter: 'json', env: 'ASSISTANT_INPUT', payload: { topic: `topic ${index}`, seed: index } },
    budgets: { max_runtime_seconds: 600, max_llm_calls: 40, max_llm_tokens: 60_000, max_disk_mb: 64 },
    error_handling: policies(8),
    llm: {
      enabled,
      default_config: chosen ?? 'primary',
      configs: {
        primary: {
          provider,
          mode: 'openai_compatible',
          model,
          api_base: 'auto',
          backend: 'llama.cpp',
          ...(context === null ? {} : { context_size: context }),
          timeout_seconds: 60,
          max_tokens: 800,
        },
      },
    },
    ...(rag ? { knowledge_rag: { enabled: true, embedding_model: 'rag-embedding', backend: 'files' } } : {}),
    outputs: policies(9),
  };
}

function policies(amount) {
  return Object.fromEntries(
    Array.from({ length: amount }, (_, at) => [
      `policy_${at}`,
      { mode: at % 2 === 0 ? 'retry' : 'skip', max_attempts: at, backoff_ms: 100 * at, required: false },
    ]),
  );
}

/** About 10 kB: a graph of agents, the steps of a workflow, and what the config takes from it. */
function manifest(index) {
  const { model, runtime } = kindOf(index);
  const names = ['collect', 'classify', 'draft', 'review', 'publish', 'archive'];
  return {
    apiVersion: 'mn.workflow/v2',
    kind: 'Blueprint',
    id: `assistant_${index}`,
    description: `Reads "requests", drafts an answer and asks somebody before it is sent (no. ${index}).`,
    config: { manifest_defaults: ['workflow', 'metadata', { from: 'limits', to: 'budgets.limits' }] },
    limits: { pool: 'default', slots: 2 },
    metadata: { owner: 'platform', tags: ['assistant', 'nightly', `team-${index % 12}`] },
    agents: {
      nodes: names.map((name) => ({
        node_id: name,
        agent_type: 'executor',
        role: 'worker',
        display_name: `Step ${name}`,
        config: {
          command: ['python3', `${name}.py`, '--quiet'],
          environment: { ASSISTANT_STEP: name, ASSISTANT_ID: String(index), PATTERN: '^[a-z]+\\s"x"$' },
          beacon_enabled: true,
          beacon_interval_ms: 1000,
          max_attempts: 2,
          timeout_seconds: 120,
          workdir: `/srv/${name}`,
        },
        resources: { cpu_cores: 0.5, memory_mb: 256, disk_mb: 32, runtime_driver: 'host_local' },
      })),
      edges: names.slice(1).map((name, at) => ({
        edge_id: `${names[at]}_to_${name}`,
        from_node: names[at],
        to_node: name,
        message_type: `${names[at]}_done`,
      })),
    },
    workflow: {
      entrypoints: ['collect'],
      steps: names.map((name, at) => ({
        step_id: name,
        description: `The step that ${name}s; it waits for the one before it.`,
        after: names.slice(0, at),
        events: ['started', 'progress', 'completed', 'failed'].map((event) => `${name}_${event}`),
        on_failure: { mode: 'retry', max_attempts: 3, notify: ['owner', 'on-call'] },
      })),
    },
    ...(runtime
      ? { runtime: { models: { [`model_${index % 7}`]: { runtime_model: model, context_size: 8192 } } } }
      : {}),
    contract: { inputs: policies(4), outputs: policies(4) },
  };
}

/** Which layers see a window only, and how wide it is. */
export interface WindowRule {
  /** Tokens where the file has no `attention.sliding_window`; null: without that key there is no window. */
  tokens: number | null;
  /** One layer of so many sees everything: the last of each period, or the first where `denseFirst`. */
  period: number;
  denseFirst?: true;
  /** The window is `tokens` even where the file names another; a file's 0 still switches it off. */
  fixed?: true;
  /** There is none without `attention.sliding_window`, although `tokens` says how wide it is. */
  onlyWithKey?: true;
  /** Only a model of so many layers has a window. */
  onlyLayers?: number;
}

/**
 * Which layers keep a recurrent state: `all`; `beside-attention`, all of them as well as a cache; `no-kv-heads`,
 * those with `attention.head_count_kv` 0; `no-kv-heads-no-ffn`, those of them without a feed-forward part;
 * `interval`, all but each `full_attention_interval`-th, unless `attention.recurrent_layers` names them.
 */
export type RecurrentRule = 'all' | 'beside-attention' | 'no-kv-heads' | 'no-kv-heads-no-ffn' | 'interval';

/** How llama.cpp treats an architecture where that is not what it does for most. */
export interface Architecture {
  /** The file in llama.cpp v0.5.0 that loads it and builds its graph; the line where a rule is one. */
  source: string;
  window?: WindowRule;
  recurrent?: RecurrentRule;
  /** Keeps nothing between tokens: no cache at all. */
  cache?: 'none';
  /** Only the first layers own a cache: so many, or all but `attention.shared_kv_layers`. */
  ownCache?: number | 'shared_kv_layers';
  /**
   * `none`: has no output matrix, so `token_embd.weight` is never copied to the device. `unused`: has one, and
   * computes no logits.
   */
  output?: 'none' | 'unused';
  /** The output copy of `token_embd.weight` is counted a second time without a device. */
  countedTwice?: true;
  /** Blocks of `nextn_predict_layers` are loaded and used like the others. */
  usesNextn?: true;
  /** Attention and feed-forward read the same input, so one more activation of it lives. */
  parallelBlocks?: true;
  /** What the allocator cannot use again beside the feed-forward part; the attention's output where not said. */
  besideFfn?: 'nothing' | 'inner' | 'conv-state';
  /** Four positions a token (M-RoPE). */
  positions?: 4;
  /** What is alive through all layers on top. */
  alive?: 'gemma3n' | 'gemma4';
  /** Part of its memory follows no rule here; what that is. */
  notModelled?: string;
}

const encoder: Omit<Architecture, 'source'> = { cache: 'none', output: 'none' };
const bert: Architecture = { source: 'src/models/bert.cpp', ...encoder, besideFfn: 'nothing' };
const windowed = (period: number, more: Partial<WindowRule> = {}): { window: WindowRule } => ({
  window: { tokens: null, period, ...more },
});

/**
 * What differs by architecture (`general.architecture`). An empty rule is llama.cpp's common one: a cache in
 * each layer, no window whatever the file says of one, an output matrix.
 */
const table: Record<string, Architecture> = {
  // Dense, common rule: src/llama-model.cpp:2680 (a cache in each layer).
  llama: { source: 'src/models/llama.cpp' },
  deci: { source: 'src/models/deci.cpp' },
  mistral3: { source: 'src/models/mistral3.cpp' },
  baichuan: { source: 'src/models/baichuan.cpp' },
  qwen: { source: 'src/models/qwen.cpp' },
  qwen2: { source: 'src/models/qwen2.cpp' },
  qwen2vl: { source: 'src/models/qwen2vl.cpp', positions: 4 },
  qwen3: { source: 'src/models/qwen3.cpp' },
  qwen3vl: { source: 'src/models/qwen3vl.cpp', positions: 4 },
  gemma: { source: 'src/models/gemma.cpp' },
  // A file's window is read and then not used.
  phi3: { source: 'src/models/phi3.cpp:14-23' },
  phi2: { source: 'src/models/phi2.cpp', parallelBlocks: true },
  starcoder: { source: 'src/models/starcoder.cpp' },
  starcoder2: { source: 'src/models/starcoder2.cpp' },
  stablelm: { source: 'src/models/stablelm.cpp' },
  exaone: { source: 'src/models/exaone.cpp' },
  olmo: { source: 'src/models/olmo.cpp' },
  'command-r': { source: 'src/models/command-r.cpp', parallelBlocks: true },
  smollm3: { source: 'src/models/smollm3.cpp' },
  'hunyuan-dense': { source: 'src/models/hunyuan-vl.cpp' },
  hunyuan_vl: { source: 'src/models/hunyuan-vl.cpp', positions: 4 },
  ernie4_5: { source: 'src/models/ernie4-5.cpp' },
  paddleocr: { source: 'src/models/paddleocr.cpp', positions: 4 },
  glm4: { source: 'src/models/glm4.cpp' },
  chatglm: { source: 'src/models/chatglm.cpp' },
  granite: { source: 'src/models/granite.cpp' },
  minicpm: { source: 'src/models/minicpm.cpp' },
  minicpm3: { source: 'src/models/minicpm3.cpp' },
  plm: { source: 'src/models/plm.cpp' },
  plamo: { source: 'src/models/plamo.cpp', parallelBlocks: true },
  seed_oss: { source: 'src/models/seed-oss.cpp' },
  apertus: { source: 'src/models/apertus.cpp' },
  arcee: { source: 'src/models/arcee.cpp' },
  openelm: { source: 'src/models/openelm.cpp' },
  internlm2: { source: 'src/models/internlm2.cpp' },
  nemotron: { source: 'src/models/nemotron.cpp' },
  falcon: { source: 'src/models/falcon.cpp', parallelBlocks: true },
  gptneox: { source: 'src/models/gptneox.cpp', parallelBlocks: true },
  gpt2: { source: 'src/models/gpt2.cpp' },
  bloom: { source: 'src/models/bloom.cpp' },
  mpt: { source: 'src/models/mpt.cpp' },
  bitnet: { source: 'src/models/bitnet.cpp' },
  orion: { source: 'src/models/orion.cpp' },
  xverse: { source: 'src/models/xverse.cpp' },
  jais: { source: 'src/models/jais.cpp' },
  'pangu-embedded': { source: 'src/models/pangu-embedded.cpp' },
  maincoder: { source: 'src/models/maincoder.cpp' },
  'llama-embed': { source: 'src/models/llama-embed.cpp' },

  // Experts; their width is read from the tensors, as llama.cpp does where a file lacks the key.
  qwen2moe: { source: 'src/models/qwen2moe.cpp' },
  qwen3moe: { source: 'src/models/qwen3moe.cpp' },
  qwen3vlmoe: { source: 'src/models/qwen3vlmoe.cpp', positions: 4 },
  granitemoe: { source: 'src/models/granite-moe.cpp' },
  'granite-switch': { source: 'src/models/granite-switch.cpp', usesNextn: true },
  olmoe: { source: 'src/models/olmoe.cpp' },
  phimoe: { source: 'src/models/phi3.cpp' },
  glm4moe: { source: 'src/models/glm4-moe.cpp:38,85' },
  deepseek: { source: 'src/models/deepseek.cpp' },
  deepseek2: { source: 'src/models/deepseek2.cpp:65' },
  'deepseek2-ocr': { source: 'src/models/deepseek2ocr.cpp' },
  mistral4: { source: 'src/models/mistral4.cpp' },
  dots1: { source: 'src/models/dots1.cpp' },
  bailingmoe: { source: 'src/models/bailingmoe.cpp' },
  bailingmoe2: { source: 'src/models/bailingmoe2.cpp' },
  'ernie4_5-moe': { source: 'src/models/ernie4-5-moe.cpp' },
  'hunyuan-moe': { source: 'src/models/hunyuan-moe.cpp' },
  'minimax-m2': { source: 'src/models/minimax-m2.cpp' },
  grovemoe: { source: 'src/models/grovemoe.cpp' },
  dbrx: { source: 'src/models/dbrx.cpp' },
  grok: { source: 'src/models/grok.cpp' },
  arctic: { source: 'src/models/arctic.cpp' },

  // Windows: load_swa_pattern(period) of each file, src/llama-model.cpp:3308.
  gemma2: { source: 'src/models/gemma2.cpp', ...windowed(2, { tokens: 4096 }) },
  gemma3: { source: 'src/models/gemma3.cpp', ...windowed(6) },
  gemma3n: {
    source: 'src/models/gemma3n.cpp:28-34',
    ...windowed(5),
    ownCache: 20,
    countedTwice: true,
    alive: 'gemma3n',
  },
  // Its files always have the pattern; a period is a guess.
  gemma4: {
    source: 'src/models/gemma4.cpp:49-55',
    ...windowed(6),
    ownCache: 'shared_kv_layers',
    countedTwice: true,
    alive: 'gemma4',
  },
  'gemma4-assistant': {
    source: 'src/models/gemma4-assistant.cpp',
    usesNextn: true,
    notModelled: 'the cache that it shares with the model it assists',
  },
  'gpt-oss': { source: 'src/models/openai-moe.cpp', ...windowed(2) },
  cohere2: { source: 'src/models/cohere2.cpp', ...windowed(4), parallelBlocks: true },
  cohere2moe: {
    source: 'src/models/cohere2moe.cpp',
    ...windowed(4, { denseFirst: true }),
    parallelBlocks: true,
  },
  llama4: { source: 'src/models/llama4.cpp', ...windowed(4, { tokens: 8192, fixed: true }) },
  // OLMo 3 too: it has a window where OLMo 2 has none.
  olmo2: { source: 'src/models/olmo2.cpp', ...windowed(4) },
  exaone4: { source: 'src/models/exaone4.cpp', ...windowed(4, { tokens: 4096, onlyLayers: 64 }) },
  'exaone-moe': { source: 'src/models/exaone-moe.cpp', ...windowed(4, { tokens: 128 }) },
  afmoe: { source: 'src/models/afmoe.cpp', ...windowed(4) },
  mellum: { source: 'src/models/mellum.cpp', ...windowed(4) },
  'muse-glimmer': { source: 'src/models/muse-glimmer.cpp', ...windowed(4) },
  plamo3: { source: 'src/models/plamo3.cpp', ...windowed(8) },
  smallthinker: {
    source: 'src/models/smallthinker.cpp',
    ...windowed(4, { tokens: 4096, denseFirst: true, fixed: true, onlyWithKey: true }),
  },
  laguna: { source: 'src/models/laguna.cpp', ...windowed(4, { denseFirst: true }) },
  mimo2: {
    source: 'src/models/mimo2.cpp',
    ...windowed(6),
    notModelled: 'its heads that differ between layers',
  },
  step35: {
    source: 'src/models/step35.cpp',
    ...windowed(4),
    notModelled: 'its heads that differ between layers',
  },

  // Recurrent and hybrid: src/llama-model.cpp:2567-2580, src/llama-hparams.cpp:208,236.
  mamba: { source: 'src/models/mamba.cpp', recurrent: 'all' },
  mamba2: { source: 'src/models/mamba2.cpp', recurrent: 'all' },
  jamba: { source: 'src/models/jamba.cpp', recurrent: 'no-kv-heads', besideFfn: 'nothing' },
  granitehybrid: { source: 'src/models/granite-hybrid.cpp', recurrent: 'no-kv-heads', besideFfn: 'inner' },
  lfm2: { source: 'src/models/lfm2.cpp', recurrent: 'no-kv-heads', besideFfn: 'conv-state' },
  lfm2moe: { source: 'src/models/lfm2moe.cpp', recurrent: 'no-kv-heads', besideFfn: 'conv-state' },
  nemotron_h: { source: 'src/models/nemotron-h.cpp', recurrent: 'no-kv-heads-no-ffn' },
  nemotron_h_moe: { source: 'src/models/nemotron-h.cpp', recurrent: 'no-kv-heads-no-ffn' },
  'falcon-h1': { source: 'src/models/falcon-h1.cpp', recurrent: 'beside-attention' },
  plamo2: { source: 'src/models/plamo2.cpp', recurrent: 'no-kv-heads' },
  qwen3next: { source: 'src/models/qwen3next.cpp', recurrent: 'interval', besideFfn: 'nothing' },
  qwen35: {
    source: 'src/models/qwen35.cpp:17-22',
    recurrent: 'interval',
    besideFfn: 'nothing',
    positions: 4,
  },
  qwen35moe: {
    source: 'src/models/qwen35moe.cpp',
    recurrent: 'interval',
    besideFfn: 'nothing',
    positions: 4,
  },
  'kimi-linear': {
    source: 'src/models/kimi-linear.cpp',
    recurrent: 'no-kv-heads',
    notModelled: 'what its linear attention computes in',
  },
  rwkv6: {
    source: 'src/models/rwkv6.cpp',
    recurrent: 'all',
    notModelled: 'what its time mixing computes in',
  },
  rwkv6qwen2: {
    source: 'src/models/rwkv6qwen2.cpp',
    recurrent: 'all',
    notModelled: 'what its time mixing computes in',
  },
  rwkv7: {
    source: 'src/models/rwkv7.cpp',
    recurrent: 'all',
    notModelled: 'what its time mixing computes in',
  },
  arwkv7: {
    source: 'src/models/arwkv7.cpp',
    recurrent: 'all',
    notModelled: 'what its time mixing computes in',
  },

  // Sparse attention with an index beside the cache: src/llama-kv-cache-dsa.cpp:45.
  deepseek32: { source: 'src/models/deepseek32.cpp', notModelled: 'what its indexer computes in' },
  'glm-dsa': {
    source: 'src/models/glm-dsa.cpp',
    notModelled: 'which of its layers have an indexer; all are counted',
  },

  // Encoders and diffusion models keep no cache: src/llama-model.cpp:2280.
  bert,
  'nomic-bert': bert,
  'nomic-bert-moe': bert,
  'neo-bert': { source: 'src/models/neo-bert.cpp', ...encoder },
  'jina-bert-v2': bert,
  'jina-bert-v3': bert,
  eurobert: { source: 'src/models/eurobert.cpp', ...encoder },
  'modern-bert': {
    source: 'src/models/modern-bert.cpp',
    ...encoder,
    ...windowed(3, { denseFirst: true }),
  },
  'gemma-embedding': {
    source: 'src/models/gemma-embedding.cpp',
    cache: 'none',
    output: 'unused',
    ...windowed(6),
  },
  dream: { source: 'src/models/dream.cpp', cache: 'none' },
  llada: { source: 'src/models/llada.cpp', cache: 'none' },
  'llada-moe': { source: 'src/models/llada-moe.cpp', cache: 'none' },
  rnd1: { source: 'src/models/rnd1.cpp', cache: 'none' },
  t5encoder: { source: 'src/models/t5.cpp', ...encoder, notModelled: 'its position buckets' },
  t5: { source: 'src/models/t5.cpp', notModelled: 'its encoder and the attention across to it' },
};

const architectures: ReadonlyMap<string, Architecture> = new Map(Object.entries(table));

/** The rule of an architecture, or undefined where the table has none. */
export function architectureOf(name: string): Architecture | undefined {
  return architectures.get(name);
}

/** The names that the table knows. */
export const knownArchitectures: readonly string[] = [...architectures.keys()];

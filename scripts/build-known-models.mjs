// Writes src/memory/known.generated.ts: the tensors and the few values of the models that are estimated without a
// network. They follow from the shapes and models of scripts/known-models.mjs and from test/fixtures/memory by the
// rules below, so --check, which only says whether the file is fresh, needs no network either. Real headers, where
// somebody has them, are compared with:
//   npx tsc -p tsconfig.json && node scripts/build-known-models.mjs --compare ai/llama3.2:latest model.gguf
import { closeSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { models, shapes } from './known-models.mjs';

const root = new URL('../', import.meta.url);
const target = new URL('src/memory/known.generated.ts', root);
const fixtures = JSON.parse(readFileSync(new URL('test/fixtures/memory/models.json', root), 'utf8'));

/** The letters of tensor types in the file; src/memory/known.ts reads them. */
const letters = new Map(
  Object.entries({
    F32: 'f',
    F16: 'h',
    BF16: 'b',
    Q8_0: '8',
    Q6_K: '6',
    Q5_K: 'k',
    Q4_K: '4',
    Q5_0: '5',
    Q4_0: '0',
    MXFP4: 'm',
  }),
);

/** What an estimate reads of a header; everything else is left out. */
const used = [
  'context_length',
  'embedding_length',
  'block_count',
  'vocab_size',
  'feed_forward_length',
  'attention.head_count',
  'attention.head_count_kv',
  'attention.key_length',
  'attention.value_length',
  'attention.key_length_swa',
  'attention.value_length_swa',
  'attention.sliding_window',
  'attention.sliding_window_pattern',
  'attention.shared_kv_layers',
  'embedding_length_per_layer_input',
  'expert_count',
  'expert_used_count',
  'n_deepstack_layers',
  'ssm.conv_kernel',
  'ssm.inner_size',
  'ssm.state_size',
  'ssm.group_count',
];

/** A header of a model without types: values, and tensors as `name AxB`, those of each block in a list of its own. */
function headerOf(name) {
  const shape = shapes[name];
  if (shape === undefined) throw new Error(`no shape ${name}`);
  if (shape.fixture !== undefined) return fromFixture(fixtures[shape.fixture]);
  return families[shape.family](shape);
}

function fromFixture({ metadata, others, kinds, blocks }) {
  const architecture = metadata['general.architecture'];
  const values = used.flatMap((key) => {
    const value = metadata[`${architecture}.${key}`];
    return value === undefined ? [] : [[key, typeof value === 'object' ? value.values : value]];
  });
  const split = (text) => text.replace(/ \S+ /, ' ');
  const types = new Map(
    [...others.map((text) => ['', text]), ...kinds.flat().map((text) => ['blk.', text])].map(([at, text]) => {
      const [tensor, type] = text.split(' ');
      return [at + tensor, type];
    }),
  );
  return {
    architecture,
    values: Object.fromEntries(values),
    others: others.map(split),
    blocks: blocks.map((kind) => kinds[kind].map(split)),
    types,
  };
}

const families = {
  llama: (shape) => dense('llama', shape),
  mistral3: (shape) => dense('mistral3', shape),
  smollm3: (shape) => dense('smollm3', shape),
  qwen2: (shape) => dense('qwen2', shape),
  qwen3: (shape) => dense('qwen3', { ...shape, headNorms: true }),
  qwen3vl: (shape) => dense('qwen3vl', { ...shape, headNorms: true }, { n_deepstack_layers: 3 }),
  gemma3: (shape) =>
    dense(
      'gemma3',
      { ...shape, headNorms: true, postNorms: true, tied: true },
      { 'attention.sliding_window': shape.window },
    ),
  phi3: (shape) => dense('phi3', { ...shape, fused: true }),
  bert,
  'nemotron-moe': nemotron,
};

function dense(architecture, shape, more = {}) {
  const { width, layers, ff, heads, vocabulary } = shape;
  const [query, keyValue, length] = heads;
  const q = query * length;
  const kv = keyValue * length;
  const block = [
    `attn_norm.weight ${width}`,
    ...(shape.fused
      ? [`attn_qkv.weight ${width}x${q + 2 * kv}`]
      : [`attn_q.weight ${width}x${q}`, `attn_k.weight ${width}x${kv}`, `attn_v.weight ${width}x${kv}`]),
    ...(shape.biases ? [`attn_q.bias ${q}`, `attn_k.bias ${kv}`, `attn_v.bias ${kv}`] : []),
    ...(shape.headNorms ? [`attn_q_norm.weight ${length}`, `attn_k_norm.weight ${length}`] : []),
    `attn_output.weight ${q}x${width}`,
    ...(shape.postNorms ? [`post_attention_norm.weight ${width}`] : []),
    `ffn_norm.weight ${width}`,
    ...(shape.fused ? [] : [`ffn_gate.weight ${width}x${ff}`]),
    `ffn_up.weight ${width}x${shape.fused ? 2 * ff : ff}`,
    `ffn_down.weight ${ff}x${width}`,
    ...(shape.postNorms ? [`post_ffw_norm.weight ${width}`] : []),
  ];
  const others = [
    `token_embd.weight ${width}x${vocabulary}`,
    ...(shape.ropeFactors ? [`rope_freqs.weight ${length / 2}`] : []),
    `output_norm.weight ${width}`,
    ...(shape.tied ? [] : [`output.weight ${width}x${vocabulary}`]),
  ];
  return {
    architecture,
    values: {
      context_length: shape.context,
      embedding_length: width,
      block_count: layers,
      vocab_size: vocabulary,
      feed_forward_length: ff,
      'attention.head_count': query,
      'attention.head_count_kv': keyValue,
      'attention.key_length': length,
      'attention.value_length': length,
      ...more,
    },
    others,
    blocks: Array.from({ length: layers }, () => block),
  };
}

function bert({ width, layers, ff, heads, vocabulary, tokenTypes, context }) {
  const withBias = (name, from, to) => [`${name}.weight ${from}x${to}`, `${name}.bias ${to}`];
  const norm = (name) => [`${name}.weight ${width}`, `${name}.bias ${width}`];
  const block = [
    ...withBias('attn_q', width, width),
    ...withBias('attn_k', width, width),
    ...withBias('attn_v', width, width),
    ...withBias('attn_output', width, width),
    ...norm('attn_output_norm'),
    ...withBias('ffn_up', width, ff),
    ...withBias('ffn_down', ff, width),
    ...norm('layer_output_norm'),
  ];
  return {
    architecture: 'bert',
    values: {
      context_length: context,
      embedding_length: width,
      block_count: layers,
      vocab_size: vocabulary,
      feed_forward_length: ff,
      'attention.head_count': heads[0],
    },
    others: [
      `token_embd.weight ${width}x${vocabulary}`,
      `position_embd.weight ${width}x${context}`,
      `token_types.weight ${width}x${tokenTypes}`,
      ...norm('token_embd_norm'),
    ],
    blocks: Array.from({ length: layers }, () => block),
  };
}

/** M: Mamba-2, E: experts, *: attention (`hybrid_override_pattern`). */
function nemotron({ width, heads, pattern, ssm, experts, vocabulary, context }) {
  const [query, keyValue, length] = heads;
  const inner = ssm.heads * ssm.headLength;
  const convolution = inner + 2 * ssm.groups * ssm.state;
  const kinds = {
    M: [
      `ssm_in.weight ${width}x${inner + convolution + ssm.heads}`,
      `ssm_conv1d.weight ${ssm.kernel}x${convolution}`,
      `ssm_conv1d.bias ${convolution}`,
      `ssm_dt.bias ${ssm.heads}`,
      `ssm_a 1x${ssm.heads}`,
      `ssm_d 1x${ssm.heads}`,
      `ssm_norm.weight ${inner / ssm.groups}x${ssm.groups}`,
      `ssm_out.weight ${inner}x${width}`,
    ],
    E: [
      `ffn_gate_inp.weight ${width}x${experts.count}`,
      `exp_probs_b.bias ${experts.count}`,
      `ffn_up_exps.weight ${width}x${experts.ff}x${experts.count}`,
      `ffn_down_exps.weight ${experts.ff}x${width}x${experts.count}`,
      `ffn_up_shexp.weight ${width}x${experts.sharedFf}`,
      `ffn_down_shexp.weight ${experts.sharedFf}x${width}`,
    ],
    '*': [
      `attn_q.weight ${width}x${query * length}`,
      `attn_k.weight ${width}x${keyValue * length}`,
      `attn_v.weight ${width}x${keyValue * length}`,
      `attn_output.weight ${query * length}x${width}`,
    ],
  };
  const blocks = [...pattern].map((kind) => [`attn_norm.weight ${width}`, ...kinds[kind]]);
  return {
    architecture: 'nemotron_h_moe',
    values: {
      context_length: context,
      embedding_length: width,
      block_count: blocks.length,
      vocab_size: vocabulary,
      feed_forward_length: [...pattern].map((kind) => (kind === 'E' ? experts.ff : 0)),
      'attention.head_count': query,
      'attention.head_count_kv': [...pattern].map((kind) => (kind === '*' ? keyValue : 0)),
      'attention.key_length': length,
      'attention.value_length': length,
      expert_count: experts.count,
      expert_used_count: experts.used,
      'ssm.conv_kernel': ssm.kernel,
      'ssm.inner_size': inner,
      'ssm.state_size': ssm.state,
      'ssm.group_count': ssm.groups,
    },
    others: [
      `token_embd.weight ${width}x${vocabulary}`,
      `output_norm.weight ${width}`,
      `output.weight ${width}x${vocabulary}`,
    ],
    blocks,
  };
}

/** Never quantized: src/llama-quant.cpp (tensor_allows_quantization); F32 in the first place: gguf-py, convert_hf_to_gguf.py. */
const alwaysF32 =
  /norm|\.bias|ffn_gate_inp|ssm_conv1d|ssm_a|ssm_d|exp_probs|rope_f|position_embd|token_types|attn_sinks|layer_output_scale/;
const single = new Map([
  ['F16', 'F16'],
  ['BF16', 'BF16'],
  ['Q8_0', 'Q8_0'],
  ['Q6_K', 'Q6_K'],
  ['Q4_0', 'Q4_0'],
  ['Q4_K_M', 'Q4_K'],
]);
/** Where a row is no multiple of 256: src/llama-quant.cpp (tensor_type_fallback). */
const fallback = { Q4_K: 'Q5_0', Q6_K: 'Q8_0' };

/** src/llama-quant.cpp (use_more_bits): the first and the last eighth, and a third of those between. */
const moreBits = (index, of) => {
  const eighth = Math.floor(of / 8);
  return index < eighth || index >= Math.floor((7 * of) / 8) || (index - eighth) % 3 === 2;
};

/** The types of all tensors in a quantization as llama-quantize mixes it: src/llama-quant.cpp (llama_tensor_get_type_impl). */
function quantize({ others, blocks, values, types }, quantization) {
  const usual = single.get(quantization);
  if (usual === undefined) {
    if (types === undefined) throw new Error(`no rules for ${quantization}`);
    const given = (at) => (text) => types.get(at + text.split(' ')[0]);
    return { others: others.map(given('')), blocks: blocks.map((block) => block.map(given('blk.'))) };
  }
  const count = blocks.length;
  const valueCount = blocks.flat().filter((text) => /^attn_(?:v|qkv)\.weight /.test(text)).length;
  let valueIndex = 0;
  let downIndex = 0;
  const hasOutput = others.some((text) => text.startsWith('output.weight '));
  const typeOf = (text, block) => {
    const [name, dimensions] = text.split(' ');
    const rows = dimensions.split('x').map(Number);
    if (
      rows.length === 1 ||
      alwaysF32.test(name) ||
      types?.get((block === null ? '' : 'blk.') + name) === 'F32'
    )
      return 'F32';
    let type = usual;
    const isOutput = name === 'output.weight' || (name === 'token_embd.weight' && !hasOutput);
    // Gemma 4's inputs of each layer are treated as embeddings, its projection stays as it was made.
    if (name === 'per_layer_model_proj.weight') return 'BF16';
    if (quantization.startsWith('Q4')) {
      if (isOutput || name === 'per_layer_token_embd.weight') type = 'Q6_K';
      if (quantization === 'Q4_K_M' && /^attn_(?:v|qkv)\.weight/.test(name)) {
        if (moreBits(valueIndex, valueCount)) type = 'Q6_K';
        // Llama with 80 blocks shares values between eight heads.
        else if (count === 80) type = 'Q5_K';
        valueIndex++;
      }
      if (quantization === 'Q4_K_M' && /^ffn_down/.test(name)) {
        if (moreBits(values.expert_count ? block : downIndex, count)) type = 'Q6_K';
        downIndex++;
      }
    }
    return rows[0] % 256 === 0 ? type : (fallback[type] ?? type);
  };
  return {
    others: others.map((text) => typeOf(text, null)),
    blocks: blocks.map((block, index) => block.map((text) => typeOf(text, index))),
  };
}

/** The different lists among many, and which one each is. */
function distinct(lists) {
  const found = new Map();
  const order = lists.map((list) => {
    const key = list.join(',');
    if (!found.has(key)) found.set(key, found.size);
    return found.get(key);
  });
  return { kinds: [...found.keys()], order };
}

const code = (indexes) => indexes.map((index) => index.toString(36)).join('');
const short = (text) => text.replace('.weight ', ' ');

function generate() {
  const shapeLines = [];
  const modelLines = [];
  for (const name of Object.keys(shapes)) {
    const header = headerOf(name);
    const { kinds, order } = distinct(header.blocks.map((block) => block.map(short)));
    shapeLines.push(
      `  ${JSON.stringify(name)}: ${JSON.stringify([header.architecture, header.values, header.others.map(short).join(','), kinds, code(order)])},`,
    );
  }
  for (const { shape, quantization, gib, names, context = null, note = null } of models) {
    const types = quantize(headerOf(shape), quantization);
    const lettersOf = (list) =>
      list
        .map((type) => {
          const letter = letters.get(type);
          if (letter === undefined) throw new Error(`no letter for ${type}`);
          return letter;
        })
        .join('');
    const { kinds, order } = distinct(types.blocks.map((block) => [lettersOf(block)]));
    const bytes = gib === null ? null : Math.round(gib * 2 ** 30);
    const full = names.map((name) => (name.includes('/') ? name : `ai/${name}`));
    modelLines.push(
      `  ${JSON.stringify([full, shape, quantization, bytes, context, note, lettersOf(types.others), kinds, code(order)])},`,
    );
  }
  return `// Generated by scripts/build-known-models.mjs from scripts/known-models.mjs and test/fixtures/memory.
// Read by known.ts, which says what each field is. Do not edit.

import type { KnownRow, ShapeRow } from './known.ts';

// biome-ignore format: generated
export const types: Readonly<Record<string, string>> = ${JSON.stringify(Object.fromEntries([...letters].map(([type, letter]) => [letter, type])))};

// biome-ignore format: generated
export const shapes: Readonly<Record<string, ShapeRow>> = {
${shapeLines.join('\n')}
};

// biome-ignore format: generated
export const rows: readonly KnownRow[] = [
${modelLines.join('\n')}
];
`;
}

/** Prints where a real header differs from what is known of a model. */
async function compare(name, file) {
  const { knownModel } = await import('../lib/memory/known.js');
  const { readGguf } = await import('../lib/memory/gguf.js');
  const known = knownModel(name);
  if (known === null) throw new Error(`${name} is not known`);
  const bytes = new Uint8Array(64 * 2 ** 20);
  const handle = openSync(file, 'r');
  const length = readSync(handle, bytes);
  closeSync(handle);
  const reading = readGguf(bytes.subarray(0, length));
  if (!reading.ok) throw new Error(`${file}: ${JSON.stringify(reading)}`);
  const list = ({ tensors }) =>
    new Map(tensors.map(({ name, type, shape }) => [name, `${type} ${shape.join('x')}`]));
  const ours = list(known.header);
  const theirs = list(reading.header);
  for (const name of new Set([...ours.keys(), ...theirs.keys()])) {
    if (ours.get(name) !== theirs.get(name))
      console.log(
        `${name}: ${ours.get(name) ?? 'not there'}, in the file ${theirs.get(name) ?? 'not there'}`,
      );
  }
}

if (process.argv[2] === '--compare') await compare(process.argv[3], process.argv[4]);
else {
  const text = generate();
  if (process.argv.includes('--check')) {
    if (!existsSync(target) || readFileSync(target, 'utf8') !== text) {
      console.error('src/memory/known.generated.ts is stale. Run: node scripts/build-known-models.mjs');
      process.exitCode = 1;
    }
  } else writeFileSync(target, text);
}

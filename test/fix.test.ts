import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { builtInEntries } from '../src/catalog/built-in.ts';
import { buildCatalog } from '../src/catalog/catalog.ts';
import { readCatalog } from '../src/catalog/read.ts';
import type { CheckInput } from '../src/check/check.ts';
import { type Corrected, correctAll } from '../src/check/fix.ts';
import { parseDocument } from '../src/document/document.ts';
import { applyEdits, type Edit } from '../src/document/edit.ts';
import { valueAt } from '../src/document/pointer.ts';
import { textDiff } from '../src/report/diff.ts';
import { paint } from '../src/report/paint.ts';
import { correction } from '../src/text/nearest.ts';
import { checkTree, layers, preset, single, type Tree } from './support/blueprints.ts';

const edit = (pointer: string, from: string, to: string): Edit => ({ pointer, from, to });

describe('applyEdits', () => {
  test.each<[name: string, before: string, edits: Edit[], after: string]>([
    ['one value', '{"a":"x"}', [edit('/a', 'x', 'y')], '{"a":"y"}'],
    ['nothing', '{"a":"x"}', [], '{"a":"x"}'],
    [
      'line ends, tabs, spaces and other escapes stay',
      '{\r\n\t"b" : "\\u0041\\/" ,\r\n\t"a":  "x"\r\n}\r\n',
      [edit('/a', 'x', 'longer')],
      '{\r\n\t"b" : "\\u0041\\/" ,\r\n\t"a":  "longer"\r\n}\r\n',
    ],
    ['a byte order mark', '\ufeff{"a":"x"}', [edit('/a', 'x', 'y')], '\ufeff{"a":"y"}'],
    [
      'several, in any order',
      '{"a":["x",{"b":"x"}],"c":"x"}',
      [edit('/c', 'x', 'long'), edit('/a/1/b', 'x', ''), edit('/a/0', 'x', 'longer')],
      '{"a":["longer",{"b":""}],"c":"long"}',
    ],
    ['an escaped value', '{"a":"\\u0078"}', [edit('/a', 'x', 'y')], '{"a":"y"}'],
    ['what must be escaped', '{"a":"x"}', [edit('/a', 'x', '"\\\n\ud800')], '{"a":"\\"\\\\\\n\\ud800"}'],
    ['keys that need escapes', '{"~/":{"":"x"}}', [edit('/~0~1/', 'x', 'y')], '{"~/":{"":"y"}}'],
    [
      'keys that objects have by nature',
      '{"__proto__":{"constructor":"x"}}',
      [edit('/__proto__/constructor', 'x', 'y')],
      '{"__proto__":{"constructor":"y"}}',
    ],
    ['the whole document', ' "x" ', [edit('', 'x', 'y')], ' "y" '],
    [
      'a key that stands twice elsewhere',
      '{"b":1,"b":2,"a":"x"}',
      [edit('/a', 'x', 'y')],
      '{"b":1,"b":2,"a":"y"}',
    ],
    [
      'numbers that JSON.parse rounds',
      '{"n":1e999,"m":-0,"a":"x"}',
      [edit('/a', 'x', 'y')],
      '{"n":1e999,"m":-0,"a":"y"}',
    ],
  ])('%s', (_, before, edits, after) => {
    expect(applyEdits(before, edits)).toEqual({ ok: true, text: after });
  });

  const twice = 'a key stands twice, so it is not clear which value counts';
  const another = 'another value stands there now';
  test.each<[name: string, text: string, edits: Edit[], reason: string]>([
    [
      'the same value twice',
      '{"a":"x"}',
      [edit('/a', 'x', 'y'), edit('/a', 'x', 'z')],
      'two corrections change the same value',
    ],
    ['a key that stands twice', '{"a":"x","a":"x"}', [edit('/a', 'x', 'y')], twice],
    ['a key on the way that stands twice', '{"a":{"b":"x"},"a":{"b":"x"}}', [edit('/a/b', 'x', 'y')], twice],
    ['such a key in the other spelling', '{"a":"x","\\u0061":"x"}', [edit('/a', 'x', 'y')], twice],
    ['another value', '{"a":"z"}', [edit('/a', 'x', 'y')], another],
    ['no string', '{"a":1}', [edit('/a', '1', 'y')], another],
    ['a string inside of a string', '{"a":"x"}', [edit('/a/0', 'x', 'y')], another],
    ['nothing there', '{}', [edit('/toString', 'x', 'y')], another],
    ['one of two is wrong', '{"a":"x","b":"z"}', [edit('/a', 'x', 'y'), edit('/b', 'x', 'y')], another],
    ['broken JSON', '{"a":"x"', [edit('/a', 'x', 'y')], 'it is not valid JSON'],
    [
      'too deep',
      `${'['.repeat(300)}"x"${']'.repeat(300)}`,
      [edit('/0'.repeat(300), 'x', 'y')],
      'it is not valid JSON',
    ],
  ])('leaves alone: %s', (_, text, edits, reason) => {
    expect(applyEdits(text, edits)).toEqual({ ok: false, reason });
  });

  test('any string of any JSON, and nothing else', () => {
    const space = fc.constantFrom('', '  ', '\t');
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 4 }),
        space,
        fc.string({ unit: 'binary' }),
        fc.nat(),
        (value, indent, to, pick) => {
          const text = JSON.stringify(value, null, indent);
          const strings = stringsOf(JSON.parse(text));
          if (strings.length === 0) return;
          const [pointer, from] = strings[pick % strings.length] as [string, string];
          const edited = applyEdits(text, [{ pointer, from, to }]);
          if (!edited.ok) throw new Error(edited.reason);
          expect(valueAt(JSON.parse(edited.text), pointer)).toBe(to);
          // Back again, every character is as it was.
          expect(applyEdits(edited.text, [{ pointer, from: to, to: from }])).toEqual({ ok: true, text });
        },
      ),
    );
  });
});

function stringsOf(value: unknown, pointer = ''): [string, string][] {
  if (typeof value === 'string') return [[pointer, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    stringsOf(each, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
  );
}

test.each<[typed: string, known: string[], expected: string | null]>([
  ['vlm', ['auto', 'llama.cpp', 'vllm'], 'vllm'],
  ['LLAMA.CPP', ['auto', 'llama.cpp', 'vllm'], 'llama.cpp'],
  ['llama-cpp', ['auto', 'llama.cpp', 'vllm'], 'llama.cpp'],
  ['tensorrt', ['auto', 'llama.cpp', 'vllm'], null],
  ['Primary', ['primary', 'second'], 'primary'],
  ['Primary', ['primary', 'PRIMARY'], null],
  ['config1', ['config2'], null],
  ['config', ['config2'], null],
  ['cnofig2', ['config2'], 'config2'],
  ['ab', ['abc'], null],
  ['', ['a'], null],
  ['x', [], null],
  ['same', ['same'], null],
  ['mode1', ['mode', 'mode1x'], null],
])('correction(%j) of %j', (typed, known, expected) => {
  expect(correction(typed, known)).toBe(expected);
});

/** Further models as the catalog of a repository would bring them. */
function catalogOf(...entries: object[]): CheckInput['catalog'] {
  const parsed = parseDocument('catalog.json', JSON.stringify(entries));
  if (!parsed.ok) throw new Error(parsed.problem.reason);
  return buildCatalog([
    { name: 'built-in catalog', entries: builtInEntries },
    { ...readCatalog(parsed.document), name: 'catalog.json' },
  ]).catalog;
}

const on8 = [preset('nvidia-8gb')];
const context_size = 4096;
const llm = (fields: object) => single({ llm: { context_size, ...fields } });
const small = { min_vram_gb: 4, min_unified_memory_gb: 4 };
const large = { min_vram_gb: 99, min_unified_memory_gb: 99 };

/** `id: value` of every finding, `id: –` where it has no fix. */
function fixes(tree: Tree, input: Partial<CheckInput> = {}): string[] {
  return checkTree(tree, { targets: on8, ...input }).findings.map(
    ({ id, fix }) => `${id}: ${fix?.value ?? '–'}`,
  );
}

describe('which findings have a fix', () => {
  test.each<[name: string, Tree, string[], Partial<CheckInput>?]>([
    ['a misspelt id', llm({ model: 'gemma4:e2' }), ['unknown-model: gemma4:e2b']],
    ['swapped letters', llm({ model: 'gmema4:e2b' }), ['unknown-model: gemma4:e2b']],
    ['a misspelt alias', llm({ model: 'defualt' }), ['unknown-model: default']],
    ['a misspelt Docker name', llm({ model: 'docker.io/ai/gema4:E2B' }), ['unknown-model: gemma4:e2b']],
    ['another size is another model', llm({ model: 'gemma4:e4b' }), ['unknown-model: –']],
    ['another version is another model', llm({ model: 'gemma3:e2b' }), ['unknown-model: –']],
    ['a version left out', llm({ model: 'nemotron' }), ['unknown-model: –']],
    ['another organisation', llm({ model: 'someone/gemma4:e2' }), ['unknown-model: –']],
    [
      'Hugging Face',
      llm({ model: 'hf.co/jinaai/jina-embeddings-v5-text-small-retrieva:Q4_K_M' }),
      ['unknown-model: –'],
    ],
    ['nothing near', llm({ model: 'mistral' }), ['unknown-model: –']],
    [
      'two as near',
      llm({ model: 'helpr' }),
      ['unknown-model: –'],
      { catalog: catalogOf({ id: 'helper', model: 'ai/a' }, { id: 'helpe', model: 'ai/b' }) },
    ],
    [
      'two names of one model as near',
      llm({ model: 'helpr' }),
      ['unknown-model: helper'],
      { catalog: catalogOf({ id: 'helper', model: 'ai/a', aliases: ['helpe'] }) },
    ],
    ['optional', llm({ model: 'gemma4:e2', required: false }), ['model-not-checked: gemma4:e2b']],
    ['an unusual spelling', llm({ model: 'docker.io/gemma4:E2B' }), ['model-spelling: ai/gemma4:E2B']],
    ['a backend', llm({ model: 'default', backend: 'Llama.cpp' }), ['unknown-backend: llama.cpp']],
    ['a backend far from any', llm({ model: 'default', backend: 'mlx' }), ['unknown-backend: –']],
    ['a backend that is no text', llm({ model: 'default', backend: 5 }), ['unknown-backend: –']],
    [
      'a config',
      llm({ default_config: 'Primary', configs: { primary: { model: 'default' } } }),
      ['unknown-config: primary'],
    ],
    [
      'a config far from any',
      llm({ default_config: 'x', configs: { primary: { model: 'default' } } }),
      ['unknown-config: –'],
    ],
    ['the fallback', llm({ model: 'nemotron3' }), ['model-incompatible: gemma4:e2b']],
    ['the fallback of an alias', llm({ model: 'medium' }), ['model-incompatible: gemma4:e2b']],
    [
      'not on all targets',
      llm({ model: 'nemotron3' }),
      ['model-incompatible: –'],
      { targets: [...on8, preset('nvidia-6gb')] },
    ],
    [
      'only to be verified',
      llm({ model: 'nemotron3' }),
      ['model-incompatible: –'],
      { targets: [preset('amd-8gb')] },
    ],
    ['forced', llm({ model: 'nemotron3' }), ['model-forced: –'], { force: true }],
    ['an optional model', llm({ model: 'nemotron3', required: false }), ['model-incompatible: –']],
    [
      'nobody requires the target',
      llm({ model: 'nemotron3' }),
      ['model-incompatible: –'],
      {
        targets: [preset('nvidia-8gb', false), preset('mac-m4-max-128', false)],
      },
    ],
    [
      'on none of the targets',
      llm({ model: 'nemotron3' }),
      ['model-runs-nowhere: gemma4:e2b'],
      { targets: [preset('nvidia-8gb', false)] },
    ],
    [
      'the only model that runs',
      llm({ model: 'big' }),
      ['model-incompatible: gemma4:e2b'],
      {
        catalog: catalogOf({ id: 'big', model: 'ai/big', requirements: large }),
      },
    ],
    [
      'two models that run',
      llm({ model: 'big' }),
      ['model-incompatible: –'],
      {
        catalog: catalogOf(
          { id: 'big', model: 'ai/big', requirements: large },
          { id: 'tiny', model: 'ai/tiny', requirements: small },
        ),
      },
    ],
    [
      'an embedding model is no stand-in',
      llm({ model: 'big' }),
      ['model-incompatible: –'],
      {
        targets: [preset('nvidia-6gb')],
        catalog: catalogOf(
          { id: 'big', model: 'ai/big', requirements: large },
          { id: 'tiny-embed', model: 'ai/tiny', requirements: small },
        ),
      },
    ],
    [
      'the backend does not run it',
      llm({ model: 'big', backend: 'vllm' }),
      ['model-incompatible: –'],
      {
        catalog: catalogOf({
          id: 'big',
          model: 'ai/big',
          requirements: large,
          backend: 'vllm',
          backends: ['vllm', 'llama.cpp'],
        }),
      },
    ],
  ])('%s', (_, tree, expected, input) => {
    expect(fixes(tree, input)).toEqual(expected);
  });

  test.each<[Tree, string[]]>([
    [llm({ model: 'gemma4:e2' }), ['Replace "gemma4:e2" by "gemma4:e2b"']],
    [
      llm({ model: 'medium' }),
      [`Replace "medium" by "gemma4:e2b": another model, nemotron3's fallback, which runs here`],
    ],
  ])('in words %#', (tree, expected) => {
    expect(checkTree(tree, { targets: on8 }).findings.map(({ fix }) => fix?.description)).toEqual(expected);
  });
});

/** Corrects a tree in memory. */
function corrected(tree: Tree, input: Partial<CheckInput> = {}): Corrected & { tree: Tree; left: string[] } {
  const options = { targets: on8, ...input };
  const result = correctAll(checkTree(tree, options), {
    read: (file) => ({ ok: true, text: tree[file] as string }),
    again: (texts) => checkTree({ ...tree, ...Object.fromEntries(texts) }, options),
  });
  const after = { ...tree, ...Object.fromEntries(result.files.map((one) => [one.file, one.after])) };
  return {
    ...result,
    tree: after,
    left: checkTree(after, options)
      .findings.filter(({ severity }) => severity !== 'note')
      .map(({ id }) => id),
  };
}

/** Its fallback does not run on vLLM. */
const vllm = catalogOf({
  id: 'served',
  model: 'ai/served',
  requirements: large,
  backends: ['vllm', 'llama.cpp'],
  fallback_model: 'gemma4:e2b',
});

describe('correctAll', () => {
  test.each<
    [name: string, before: Tree, after: Record<string, string>, left: string[], Partial<CheckInput>?]
  >([
    [
      'a name that hides a verdict, to the end in one go',
      single('{"llm":{"model":"nemtron3","context_size":1}}'),
      { 'x.json': '{"llm":{"model":"gemma4:e2b","context_size":1}}' },
      [],
    ],
    [
      'model and runtime_model that name the same',
      single('{"llm":{"model":"gemma4:e2","runtime_model":"gemma4:e2"}}'),
      { 'x.json': '{"llm":{"model":"gemma4:e2b","runtime_model":"gemma4:e2b"}}' },
      [],
    ],
    [
      'model and runtime_model that name different ones',
      single('{"llm":{"model":"default","runtime_model":"gemma4:e2"}}'),
      { 'x.json': '{"llm":{"model":"default","runtime_model":"gemma4:e2b"}}' },
      [],
    ],
    [
      'one value that two configs share',
      single('{"llm":{"model":"nemotron3","configs":{"a":{"mode":"live"},"b":{"mode":"live"}}}}'),
      { 'x.json': '{"llm":{"model":"gemma4:e2b","configs":{"a":{"mode":"live"},"b":{"mode":"live"}}}}' },
      [],
    ],
    [
      'the layer that supplied the value, and only that one',
      layers({
        manifest: '{"apiVersion":"v1","runtime":{"models":{"m":{"model":"gemma4:e2"}}}}',
        default: '{"llm":{"model":"gemma4:e2"}}',
        overwrite: '{"llm":{"model":"gema4:e2b"}}',
      }),
      {
        'b/manifest.json': '{"apiVersion":"v1","runtime":{"models":{"m":{"model":"gemma4:e2b"}}}}',
        'b/config/default.json': '{"llm":{"model":"gemma4:e2"}}',
        'b/config/overwrite.json': '{"llm":{"model":"gemma4:e2b"}}',
      },
      [],
    ],
    [
      'another model counts for more than another spelling',
      single('{"llm":{"model":"docker.io/nemotron3"}}'),
      { 'x.json': '{"llm":{"model":"gemma4:e2b"}}' },
      [],
    ],
  ])('%s', (_, before, after, left, input) => {
    const result = corrected(before, input);
    expect(result.tree).toEqual({ ...before, ...after });
    expect(result).toMatchObject({ left, refused: [] });
    // Twice changes nothing the second time.
    expect(corrected(result.tree, input)).toMatchObject({ files: [], refused: [] });
  });

  const useless = 'the correction would not remove the finding, or would cause another one';
  test.each<[name: string, Tree, reason: string, left: string[], Partial<CheckInput>?]>([
    [
      'a key that stands twice',
      single('{"llm":{"model":"gemma4:e2","model":"gemma4:e2"}}'),
      'a key stands twice, so it is not clear which value counts',
      ['duplicate-key', 'unknown-model'],
    ],
    [
      'one config that shares the value cannot use the other model',
      single('{"llm":{"model":"served","configs":{"a":{"mode":"live"},"b":{"backend":"vllm"}}}}'),
      useless,
      ['model-incompatible', 'model-incompatible'],
      { catalog: vllm },
    ],
  ])('left alone: %s', (_, tree, reason, left, input) => {
    const result = corrected(tree, input);
    expect(result).toMatchObject({ files: [], refused: [{ reason }], left });
    expect(result.tree).toEqual(tree);
  });

  test('a correction that would cause another problem is left out, and the others are made', () => {
    const shared = '{"llm":{"model":"served","configs":{"a":{"mode":"live"},"b":{"backend":"vllm"}}}}';
    const result = corrected(
      { 'x.json': shared, 'y.json': '{"llm":{"model":"nemotron3"}}' },
      { catalog: vllm },
    );
    expect(result.tree).toEqual({ 'x.json': shared, 'y.json': '{"llm":{"model":"gemma4:e2b"}}' });
    expect(result.refused).toMatchObject([{ reason: useless, corrections: [{ file: 'x.json' }] }]);
  });

  test('what is hidden is nobody’s to correct', () => {
    const tree = single('{"llm":{"model":"gemma4:e2"}}');
    const report = checkTree(tree, { targets: on8 });
    const [first, ...others] = report.findings;
    if (first === undefined) throw new Error('no finding');
    const hidden = [{ finding: first, by: 'baseline' as const, reason: null }];
    const read = () => ({ ok: true as const, text: '' });
    const result = correctAll({ ...report, findings: others, hidden }, { read, again: () => report });
    expect(result).toEqual({ files: [], refused: [] });
  });
});

describe('textDiff', () => {
  const diff = (before: string, after: string, columns = 60) =>
    textDiff('a\u202e.json', before, after, { columns, paint: paint(false) });
  const numbered = (...changed: number[]) =>
    Array.from({ length: 12 }, (_, at) => `${at + 1}${changed.includes(at + 1) ? 'x' : ''}\n`).join('');

  test.each<[name: string, before: string, after: string, expected: string[]]>([
    ['nothing', 'a\n', 'a\n', []],
    ['one line', 'a\nb\r\n', 'a\nc\r\n', ['@@ -1,2 +1,2 @@', ' a', '-b', '+c']],
    [
      'far apart',
      numbered(),
      numbered(1, 12),
      ['@@ -1,3 +1,3 @@', '-1', '+1x', ' 2', ' 3', '@@ -10,3 +10,3 @@', ' 10', ' 11', '-12', '+12x'],
    ],
    [
      'near each other',
      numbered(),
      numbered(4, 5, 8),
      ['@@ -2,9 +2,9 @@', ' 2', ' 3', '-4', '-5', '+4x', '+5x', ' 6', ' 7', '-8', '+8x', ' 9', ' 10'],
    ],
    [
      'what is unseen',
      '\u001b[31m\t::error::\u0000',
      'x',
      ['@@ -1,1 +1,1 @@', '-\\u{1b}[31m  ::error::\\u{0}', '+x'],
    ],
  ])('%s', (_, before, after, expected) => {
    const head = expected.length === 0 ? [] : ['--- a\\u{202e}.json', '+++ a\\u{202e}.json'];
    expect(diff(before, after)).toEqual([...head, ...expected]);
  });

  test('a line of megabytes shows the change and little else', () => {
    const line = (model: string) => `${'x'.repeat(3_000_000)}"${model}"${'y'.repeat(3_000_000)}`;
    const lines = diff(line('gemma4:e2'), line('gemma4:e2b')).slice(3);
    expect(lines.map((one) => one.length)).toEqual([60, 60]);
    expect(lines[0]).toContain('"gemma4:e2"y');
    expect(lines[1]).toContain('"gemma4:e2b"y');
  });
});

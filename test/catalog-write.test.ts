import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changeOf, Lock, type LockedModel, lockText, readLock } from '../src/catalog/lock.ts';
import { proposedId, proposedModel, proposedName } from '../src/catalog/propose.ts';
import { type EntryFields, putEntry } from '../src/catalog/write.ts';
import { parseDocument } from '../src/document/document.ts';
import { addValue, setMember } from '../src/document/insert.ts';
import { estimate } from '../src/memory/estimate.ts';
import { requirementRules, requirementsFor } from '../src/memory/requirements.ts';
import { header } from './support/memory.ts';

const entry: EntryFields = {
  id: 'new',
  model: 'ai/new:v1',
  context_size: 4096,
  requirements: { min_vram_gb: 4, min_cpu_ram_gb: 8 },
};
const inline =
  '"model": "ai/new:v1", "context_size": 4096, "requirements": { "min_vram_gb": 4, "min_cpu_ram_gb": 8 } }';

function put(text: string | null, fields: EntryFields = entry, replace = false) {
  return putEntry('c.json', text, fields, replace);
}

function putText(text: string | null, fields: EntryFields = entry, replace = false): string {
  const result = put(text, fields, replace);
  if (!result.ok) throw new Error(result.why);
  return result.text;
}

describe('a new entry', () => {
  test.each<[name: string, before: string | null, after: string]>([
    [
      'no file',
      null,
      `{
  "models": [
    {
      "id": "new",
      "model": "ai/new:v1",
      "context_size": 4096,
      "requirements": { "min_vram_gb": 4, "min_cpu_ram_gb": 8 }
    }
  ]
}
`,
    ],
    [
      'a list, with four spaces',
      '[\n    {\n        "id": "a",\n        "model": "ai/a"\n    }\n]',
      '[\n    {\n        "id": "a",\n        "model": "ai/a"\n    },\n    {\n        "id": "new",\n        "model": "ai/new:v1",\n        "context_size": 4096,\n        "requirements": { "min_vram_gb": 4, "min_cpu_ram_gb": 8 }\n    }\n]',
    ],
    [
      'entries of one line each',
      '{ "models": [\n  { "id": "a", "model": "ai/a" }\n] , "note": "ü\\u00fc" }\n\n',
      `{ "models": [\n  { "id": "a", "model": "ai/a" },\n  { "id": "new", ${inline}\n] , "note": "ü\\u00fc" }\n\n`,
    ],
    [
      'one line',
      '[{ "id": "a", "model": "ai/a" }]',
      `[{ "id": "a", "model": "ai/a" }, { "id": "new", ${inline}]`,
    ],
    [
      'without any space',
      '[{"id":"a","model":"ai/a"}]',
      '[{"id":"a","model":"ai/a"},{"id":"new","model":"ai/new:v1","context_size":4096,"requirements":{"min_vram_gb":4,"min_cpu_ram_gb":8}}]',
    ],
    [
      'keyed, with tabs and CRLF',
      '{\r\n\t"a": {\r\n\t\t"model": "ai/a"\r\n\t}\r\n}\r\n',
      '{\r\n\t"a": {\r\n\t\t"model": "ai/a"\r\n\t},\r\n\t"new": {\r\n\t\t"model": "ai/new:v1",\r\n\t\t"context_size": 4096,\r\n\t\t"requirements": { "min_vram_gb": 4, "min_cpu_ram_gb": 8 }\r\n\t}\r\n}\r\n',
    ],
    [
      'keyed, only a schema',
      '{\n  "$schema": "x"\n}',
      `{\n  "$schema": "x",\n  "new": {\n    "model": "ai/new:v1",\n    "context_size": 4096,\n    "requirements": { "min_vram_gb": 4, "min_cpu_ram_gb": 8 }\n  }\n}`,
    ],
    [
      'an empty list on one line with more',
      '{ "models": [], "x": 1 }',
      `{ "models": [{ "id": "new", ${inline}], "x": 1 }`,
    ],
    [
      'a key that JavaScript has too',
      '{\n  "__proto__": { "model": "ai/a" }\n}',
      `{\n  "__proto__": { "model": "ai/a" },\n  "new": { ${inline}\n}`,
    ],
  ])('%s', (_, before, after) => {
    expect(putText(before)).toBe(after);
  });

  test('with the id __proto__ is an entry like any other', () => {
    const text = putText('{\n  "a": { "model": "ai/a" }\n}', { ...entry, id: '__proto__' });
    expect(Object.keys(JSON.parse(text))).toEqual(['a', '__proto__']);
  });

  const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
  const more = fc.dictionary(fc.stringMatching(/^x\w{0,5}$/), value, { maxKeys: 3 });
  const ids = fc.uniqueArray(fc.stringMatching(/^[a-z]\w{0,6}$/), {
    maxLength: 5,
    selector: (id) => id.toLowerCase(),
  });
  test('changes nothing else, whatever the shape and the white space', () => {
    fc.assert(
      fc.property(
        ids.filter((all) => !all.some((id) => ['new', 'models', 'id', 'model'].includes(id.toLowerCase()))),
        more,
        fc.constantFrom('list', 'models', 'keyed'),
        fc.constantFrom(undefined, 1, 2, 4, '\t'),
        fc.constantFrom('\n', '\r\n'),
        (all, extra, shape, space, eol) => {
          const entries = all.map((id) => ({ id, model: `ai/${id}`, ...extra }));
          const value =
            shape === 'list'
              ? entries
              : shape === 'models'
                ? { ...extra, models: entries, y: [] }
                : Object.fromEntries(entries.map(({ id, ...fields }) => [id, fields]));
          const before = JSON.stringify(value, null, space).replaceAll('\n', eol);
          const after = putText(before);
          const { id: _, ...fields } = entry;
          const expected =
            shape === 'list'
              ? [...entries, entry]
              : shape === 'models'
                ? { ...extra, models: [...entries, entry], y: [] }
                : { ...(value as object), new: fields };
          expect(JSON.parse(after)).toEqual(expected);
          // One piece was put in, and nothing was taken out.
          let start = 0;
          while (start < before.length && before[start] === after[start]) start++;
          let end = 0;
          while (end < before.length && before.at(-1 - end) === after.at(-1 - end)) end++;
          expect(start + end).toBeGreaterThanOrEqual(before.length);
          if (before.includes('\r\n')) expect(after).not.toMatch(/[^\r]\n/);
        },
      ),
    );
  });
});

describe('an entry that is there', () => {
  const before = `[
  {"id": "New",   "dmr_model": "ai/old", "model": "any", "aliases": ["one"],
    "fallback_model": "gemma4:e2b", "context_size": 8,
    "requirements": { "min_vram_gb": 48, "note": "tried", "min_unified_memory_gb": 1 }
  }
]`;
  test('is refused, without regard to case', () => {
    expect(put(before)).toMatchObject({
      ok: false,
      why: 'exists',
      entry: { id: 'New', source: { line: 2 } },
    });
  });

  test('gets figures, model and aliases, and keeps everything else', () => {
    expect(putText(before, { ...entry, aliases: ['ONE', 'two'] }, true)).toBe(`[
  {"id": "New",   "dmr_model": "ai/new:v1", "model": "any", "aliases": ["one", "two"],
    "fallback_model": "gemma4:e2b", "context_size": 4096,
    "requirements": { "min_vram_gb": 4, "note": "tried", "min_unified_memory_gb": 1, "min_cpu_ram_gb": 8 }
  }
]`);
  });

  test('gets requirements where it had none', () => {
    for (const none of ['', ', "requirements": null'])
      expect(putText(`[{ "id": "new", "model": "ai/a"${none} }]`, entry, true)).toMatch(
        /"requirements": \{ "min_vram_gb": 4, "min_cpu_ram_gb": 8 \}/,
      );
  });
});

test.each<[name: string, text: string, id: string]>([
  ['no JSON', '[', 'invalid-json'],
  ['a byte order mark', '\ufeff[]', 'invalid-json'],
  ['no catalog', '3', 'invalid-catalog'],
  ['a bare entry', '{"id":"a","model":"b"}', 'invalid-catalog'],
  ['a wrong entry', '[{"id":"a"}]', 'invalid-catalog'],
  ['a key twice', '{"a":{"model":"x"},"a":{"model":"x"}}', 'duplicate-key'],
  ['too deep', `${'['.repeat(5000)}${']'.repeat(5000)}`, 'invalid-json'],
])('a broken catalog is left alone: %s', (_, text, id) => {
  expect(put(text)).toMatchObject({ ok: false, why: 'broken', findings: [{ id }] });
});

test('an id that means something else in the file is not written', () => {
  expect(put('{ "$schema": "x" }', { ...entry, id: '$schema' })).toMatchObject({
    ok: false,
    why: 'broken',
    findings: [{ id: 'duplicate-key' }],
  });
});

test('values are added and set at any place of a text', () => {
  expect(addValue('{"a": []}', '/a', null, 1)).toBe('{"a": [1]}');
  expect(addValue('{}', '', 'a', { b: [] })).toBe('{\n  "a": {\n    "b": []\n  }\n}');
  expect(setMember('{"a":{"b":1,"c":[1, 2]}}', '/a', 'b', 'x')).toBe('{"a":{"b":"x","c":[1, 2]}}');
  expect(setMember('{"a/b": {"~": 1}}', '/a~1b', '~', 2)).toBe('{"a/b": {"~": 2}}');
  expect(() => addValue('{}', '/a', null, 1)).toThrow('nothing stands at /a');
});

test.each([
  ['docker.io/ai/gemma4:E2B', 'gemma4:e2b'],
  ['docker.io/ai/nemotron3:latest', 'nemotron3'],
  ['ghcr.io/org/team/model:1.0', 'model:1.0'],
  [`docker.io/ai/gemma4@sha256:${'a'.repeat(64)}`, 'gemma4'],
  ['huggingface.co/owner/Qwen3-4B-GGUF:Q4_K_M', 'qwen3-4b:q4_k_m'],
  ['huggingface.co/owner/Qwen3-4B-GGUF', 'qwen3-4b'],
  ['../My Models/Drafts (1)-Q4.gguf', 'drafts-1-q4'],
  ['C:\\models\\x.GGUF', 'x'],
  ['--x\u001b[2J.gguf', 'x-2j'],
])('the id of %s is %s', (name, id) => {
  expect(proposedId(name)).toBe(id);
});

test('names out of a header are shown only where they are fit for it', () => {
  expect(proposedName(' Qwen3 4B ')).toBe('Qwen3 4B');
  for (const name of ['', ' ', 'a\nb', 'a\u202eb', 'x'.repeat(101), 3, undefined])
    expect(proposedName(name)).toBeNull();
  expect(proposedModel('/x/Drafts_Q4.K.gguf')).toBe('local/drafts-q4-k');
  expect(proposedModel('äöü.gguf')).toBe('local/model');
});

describe('requirements', () => {
  const gb = 2 ** 30;
  const parts = (total: number) => ({ weights: total, kv: 0, compute: 0, total });
  const from = (device: number, host: number, cpu: number, image = 0) =>
    requirementsFor(
      { device: parts(device * gb), host: parts(host * gb), cpu_only: parts(cpu * gb), margin: gb },
      image * gb,
    ).map((one) => one.gb);

  test.each<[device: number, host: number, cpu: number, image: number, expected: number[]]>([
    [0, 0, 0, 0, [2, 8, 8]],
    [1, 0, 1, 0, [2, 8, 8]],
    [1.01, 0, 1, 0, [4, 8, 8]],
    [4.33, 0, 5, 0, [6, 8, 8]],
    [4.33, 0.01, 5.01, 0, [6, 16, 16]],
    [4, 0, 4.5, 1, [6, 16, 16]],
    [9.6, 0, 11.01, 0, [12, 16, 24]],
    [9.7, 0, 23.01, 0, [12, 24, 48]],
    [287, 0, 1000, 0, [288, 512, 1536]],
    [288, 100, 1000, 0, [320, 768, 1536]],
  ])('%d GB on a GPU, %d beside it, %d without one, %d for images', (device, host, cpu, image, expected) => {
    expect(from(device, host, cpu, image)).toEqual(expected);
  });

  test('more never needs a smaller machine, and what is proposed holds what is needed', () => {
    const amount = fc.double({ min: 0, max: 2000, noNaN: true });
    fc.assert(
      fc.property(amount, amount, amount, (a, b, c) => {
        const smaller = from(a, b, c);
        from(a + 1, b + 1, c + 1).forEach((size, index) => {
          expect(size).toBeGreaterThanOrEqual(smaller[index] as number);
        });
        for (const one of requirementsFor({
          device: parts(a * gb),
          host: parts(b * gb),
          cpu_only: parts(c * gb),
          margin: gb,
        }))
          expect(one.usableBytes).toBeGreaterThanOrEqual(Math.floor(one.needBytes));
      }),
    );
  });

  test('sizes grow', () => {
    for (const { sizes } of requirementRules) expect([...sizes].sort((a, b) => a - b)).toEqual(sizes);
  });

  test.each<[string, number, number[]]>([
    ['qwen3-0.6b-Q8_0', 4096, [4, 8, 8]],
    ['qwen3-4b', 4096, [4, 8, 8]],
    ['gemma4-e2b-Q4_K_M', 4096, [4, 8, 8]],
    ['llama3.1-8b', 8192, [8, 16, 16]],
    ['qwen3-30b-a3b', 8192, [20, 32, 32]],
  ])('%s at %d tokens', (name, contextSize, expected) => {
    const result = estimate(header(name), { contextSize });
    if (!result.ok) throw new Error(result.problem);
    expect(requirementsFor(result.estimate).map((one) => one.gb)).toEqual(expected);
  });
});

describe('a lock', () => {
  const sha = (digit: string) => `sha256:${digit.repeat(64)}`;
  const oci: LockedModel = { ref: 'docker.io/ai/gemma4:E2B', digest: sha('a'), size: 3, files: [] };
  const file = { path: 'm-Q4.gguf', digest: sha('b'), size: 5 };
  const hub: LockedModel = { ref: 'huggingface.co/o/r:Q4', digest: null, size: 5, files: [file] };
  const read = (text: string) => {
    const parsed = parseDocument('.mn/models.lock.json', text);
    if (!parsed.ok) throw new Error(parsed.problem.reason);
    return readLock(parsed.document);
  };

  test('is read as it was written, and has the same bytes whatever the order', () => {
    const odd = { ...oci, ref: '__proto__' };
    const text = lockText([hub, odd, oci]);
    expect(lockText([oci, hub, odd])).toBe(text);
    const result = read(text);
    expect(result.ok && result.lock.models).toEqual([odd, oci, hub]);
  });

  test('knows a model by every spelling of its name', () => {
    const lock = new Lock([oci, hub]);
    for (const name of ['ai/gemma4:E2B', 'gemma4:e2b', 'docker.io/ai/gemma4:E2B'])
      expect(lock.expectedDigest(name)).toBe(sha('a'));
    expect(lock.get('hf.co/o/r:Q4')).toBe(hub);
    expect(lock.expectedDigest('hf.co/o/r:Q4')).toBeNull();
    expect(lock.expectedDigest('constructor')).toBeNull();
  });

  const whole = (models: unknown) =>
    JSON.stringify({ schema: 'model-check.models-lock/v1', models }, null, 1);
  test.each<[text: string, message: string, line: number]>([
    ['[]', 'The lock file must be an object; found an array. Nothing of this lock file is used.', 1],
    ['{}', 'schema must be given; found nothing. Nothing of this lock file is used.', 1],
    [
      '{"schema":"model-check.models-lock/v2","models":{}}',
      'schema must be model-check.models-lock/v1; found the string "model-check.models-lock/v2". Nothing of this lock file is used.',
      1,
    ],
    [
      whole({ 'a.b/c:1.0': { digest: 'x', size: 1 } }),
      'digest of "a.b/c:1.0" must be sha256: followed by 64 hexadecimal digits; found the string "x". Nothing of this lock file is used.',
      5,
    ],
    [
      whole({ 'a\u001b[2J': 3 }),
      '"a\\u{1b}[2J" must be an object; found 3. Nothing of this lock file is used.',
      4,
    ],
    [
      whole({ x: { size: 1, files: [{ path: 'p', size: -1 }] } }),
      'files.0.size of "x" must be at least 0; found -1. Nothing of this lock file is used.',
      9,
    ],
  ])('that is wrong is not used (%#)', (text, message, line) => {
    const result = read(text);
    expect(
      result.ok ? [] : result.findings.map((one) => [one.id, one.message, one.location?.range?.line]),
    ).toContainEqual(['invalid-lock', message, line]);
  });

  test('with a name twice is not used', () => {
    const result = read('{"schema":"model-check.models-lock/v1","models":{"x":{"size":1},"x":{"size":2}}}');
    expect(result.ok ? [] : result.findings.map(({ id }) => id)).toEqual(['duplicate-key']);
  });

  test.each<[name: string, before: LockedModel, now: LockedModel, change: string | null]>([
    ['the same', oci, { ...oci }, null],
    [
      'another manifest',
      oci,
      { ...oci, digest: sha('c') },
      'its digest was sha256:aaaaaaaaaaaa… and is sha256:cccccccccccc…',
    ],
    [
      'another file',
      hub,
      { ...hub, files: [{ ...file, digest: sha('c') }] },
      'the digest of m-Q4.gguf was sha256:bbbbbbbbbbbb… and is sha256:cccccccccccc…',
    ],
    ['a file without a digest', hub, { ...hub, files: [{ ...file, digest: null }] }, null],
    [
      'other files',
      hub,
      { ...hub, files: [file, { ...file, path: 'x\n' }] },
      'it was m-Q4.gguf and is m-Q4.gguf and 1 more file',
    ],
    [
      'a longer file',
      hub,
      { ...hub, files: [{ ...file, size: 6 }] },
      'm-Q4.gguf had 5 bytes and has 6 bytes',
    ],
    ['another size', oci, { ...oci, size: 1 }, 'it had 3 bytes and has 1 byte'],
  ])('tells what changed: %s', (_, before, now, change) => {
    expect(changeOf(before, now)).toBe(change);
  });
});

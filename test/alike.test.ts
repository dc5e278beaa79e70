import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { extract } from '../src/blueprint/declarations.ts';
import type { Blueprint } from '../src/blueprint/discover.ts';
import { likenessOf } from '../src/blueprint/likeness.ts';
import { Beside } from '../src/check/beside.ts';
import type { CheckInput } from '../src/check/check.ts';
import type { Report } from '../src/check/report.ts';
import type { Tree } from './support/blueprints.ts';
import { checkTree, layers, only, preset } from './support/blueprints.ts';

const targets = [preset('mac-m1-8'), preset('nvidia-6gb', false)];
const findingFields = [
  ...['id', 'severity', 'title', 'message', 'help', 'sameAs', 'location', 'targets', 'blueprint'],
  ...['declaration', 'fix', 'change'],
];
const declarationFields = [
  ...['pointer', 'file', 'sourcePointer', 'range', 'ref', 'model', 'dockerModel', 'provider', 'backend'],
  ...['contextSize', 'required', 'config', 'skipped', 'estimate', 'statuses'],
];

/** A report with the fields that are read through a prototype. */
function plain({ findings, blueprints, ...rest }: Report): unknown {
  const read = (value: object, fields: string[]) =>
    Object.fromEntries(fields.map((field) => [field, value[field as keyof typeof value]]));
  return structuredClone({
    ...rest,
    findings: findings.map((one) => read(one, findingFields)),
    blueprints: blueprints.map(({ declarations, ...one }) => ({
      ...one,
      declarations: declarations.map((each) => read(each, declarationFields)),
    })),
  });
}

/** Sections that are right, wrong, and hardly told apart; as text, because JSON.stringify would write them otherwise. */
const sections = [
  '"llm": {"model": "default", "context_size": 4096}',
  '"llm": {"model": "default"}',
  '"llm": {"model": "nemotron3", "context_size": 8192}',
  '"llm": {"model": "default", "context_size": 1e999}',
  '"llm": {"model": "default", "context_size": null}',
  '"llm": {"model": "default", "context_size": -0}',
  '"llm": {"model": "gemma4:e2", "backend": "vlm"}',
  '"llm": {"model": "default", "model": "nemotron3"}',
  '"llm": {"configs": {"1": {"model": "small"}, "__proto__": {"model": "gemma4:e2"}, "toJSON": {"model": "x"}}}',
  '"llm": {"default_config": "b", "configs": {"a": {"model": "default"}}}',
  '"llm": null',
  '"\\u006clm": {"model": "small"}',
  '"runtime": {"models": {"a": {"model": "mine", "source": {"type": "payload", "path": "m.gguf"}}}}',
  '"runtime": {"models": {"a": {"model": "hf.co/a/b", "customize_mode": true}}}',
  '"requirements": {"memory": {"min_gb": 64}, "gpu": {"min_count": 1}}',
  '"knowledge_rag": {"embedding_model": "rag-embedding"}',
  '"input_skills": {"ocr": {"connector": "dmr", "model": "small"}}',
  '"limits": {"model": "nemotron3"}',
  '"config": {"manifest_defaults": [{"from": "limits", "to": "llm"}, "llm", 7]}',
  '"config": {"manifest_defaults": [{"from": "limits", "to": "llm.configs.x"}]}',
];
const layer = fc
  .tuple(
    fc.constantFrom('', '\n', ' "n": 1,\n\n'),
    fc.uniqueArray(fc.constantFrom(...sections), { maxLength: 3 }),
  )
  .map(
    ([before, chosen]) => `{${before}"z": [0],${[...chosen, '"y": 0'].join(before === '' ? ',' : ',\n')}}`,
  );
const blueprint = fc.record({
  manifest: layer,
  default: fc.option(layer),
  overwrite: fc.option(layer),
  payload: fc.boolean(),
});

function treeOf(
  blueprints: readonly {
    manifest: string;
    default: string | null;
    overwrite: string | null;
    payload: boolean;
  }[],
): Tree {
  const tree: Record<string, string> = {};
  blueprints.forEach((one, index) => {
    // Only objects with one of these keys are manifests of blueprints.
    tree[`b${index}/manifest.json`] = one.manifest.replace('"z"', '"apiVersion": "mn.workflow/v2", "z"');
    if (one.default !== null) tree[`b${index}/config/default.json`] = one.default;
    if (one.overwrite !== null) tree[`b${index}/config/overwrite.json`] = one.overwrite;
    if (one.payload) tree[`b${index}/payloads/m.gguf`] = 'x';
  });
  return tree;
}

describe('blueprints that say the same', () => {
  test('give the report that each gives by itself', () => {
    fc.assert(
      fc.property(
        fc.array(blueprint, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('all' as const, 'findings' as const),
        fc.boolean(),
        (kinds, positions, force) => {
          const tree = treeOf([...kinds, ...kinds.map((one) => ({ ...one, payload: false })), ...kinds]);
          const input: Partial<CheckInput> = { targets, positions, force, beside: (on) => new Beside(on) };
          // Who looks at each one's facts gets each one checked.
          const one = checkTree(tree, { ...input, onFacts: () => {} });
          expect(plain(checkTree(tree, input))).toEqual(plain(one));
        },
      ),
    );
  });

  test.each([
    ['another file of the same name', 'config/default.json', '{"llm": {"model": "default"}}', true],
    ['other keys besides', 'config/default.json', '{"a": 1, "llm": {"model": "default"}}', true],
    ['another value', 'config/default.json', '{"llm": {"model": "small"}}', false],
    ['the same in another layer', 'config/overwrite.json', '{"llm": {"model": "default"}}', false],
    ['another order', 'config/default.json', '{"llm": {"enabled": true, "model": "default"}}', false],
  ])('are told by their sections: %s', (_, file, text, isAlike) => {
    const first = only(layers({ default: '{"llm": {"model": "default"}}', overwrite: '{}' }));
    const tree = { ...layers({ default: '{}', overwrite: '{}' }), [`b/${file}`]: text };
    expect(likenessOf(only(tree)) === likenessOf(first)).toBe(isAlike);
  });

  test('are told by what manifest_defaults puts into a section', () => {
    const bringing = (to: string, model: string) =>
      likenessOf(
        only(
          layers({
            manifest: {
              apiVersion: 'x',
              config: { manifest_defaults: [{ from: 'limits', to }] },
              limits: { model },
            },
          }),
        ),
      );
    expect(bringing('llm.configs.a', 'default')).not.toBe(bringing('llm.configs.a', 'small'));
    expect(bringing('llm', 'default')).not.toBe(bringing('llm', 'small'));
    expect(bringing('budgets', 'default')).toBe(bringing('budgets', 'small'));
  });

  test.each([
    ['a number that JSON.stringify writes like null', '{"llm": {"context_size": 1e999}}'],
    ['a key that stands twice', '{"llm": {}, "llm": {}}'],
    ['a payload', '{"runtime": {"models": {"a": {"source": {"type": "payload"}}}}}'],
    ['more than is worth comparing', JSON.stringify({ llm: { model: 'x'.repeat(4000) } })],
    ['a file that cannot be read', '{'],
  ])('are not looked for with %s', (_, text) => {
    expect(likenessOf(only(layers({ default: text })))).toBeNull();
  });

  test('are compared by everything that is read of them', () => {
    const { blueprint, read } = watched(only(layers({ default: '{}', manifest: '{"apiVersion": "x"}' })));
    extract(blueprint);
    expect(read.size).toBeGreaterThan(4);
    read.delete('config');
    const likeness = likenessOf(only(layers({ default: '{}' })));
    for (const key of read) {
      for (const file of ['default', 'manifest']) {
        const given = { manifest: { apiVersion: 'x' }, default: {} };
        const tree = layers({ ...given, [file]: { ...given[file as keyof typeof given], [key]: { a: 1 } } });
        expect(likenessOf(only(tree)), `${key} of ${file}`).not.toBe(likeness);
      }
    }
  });
});

/** A blueprint that tells which keys of its layers are asked for. */
function watched(blueprint: Blueprint): { blueprint: Blueprint; read: Set<string> } {
  const read = new Set<string>();
  const watch = (value: object) =>
    new Proxy(value, {
      get: (target, key) => {
        read.add(String(key));
        return Reflect.get(target, key);
      },
      getOwnPropertyDescriptor: (target, key) => {
        read.add(String(key));
        return Reflect.getOwnPropertyDescriptor(target, key);
      },
    });
  const { manifest, configs } = blueprint;
  return {
    blueprint: {
      ...blueprint,
      manifest: manifest && { ...manifest, value: watch(manifest.value as object) },
      configs: configs.map((one) => ({ ...one, value: watch(one.value as object) })),
    },
    read,
  };
}

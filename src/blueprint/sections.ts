import type { Document } from '../document/document.ts';
import { duplicateKeys } from '../document/document.ts';
import { fromPointer, toPointer, valueAt } from '../document/pointer.ts';
import { finding, replacement } from '../findings/finding.ts';
import * as schema from '../schema/blueprint.generated.ts';
import type { SchemaProblem } from '../schema/schema.ts';
import { problems } from '../schema/schema.ts';
import type { Schema } from '../schema/validate.ts';
import { correction, didYouMean } from '../text/nearest.ts';
import { either } from '../text/text.ts';
import type { ConfigPlace, Contribution } from './config.ts';
import { isObject } from './config.ts';
import type { Declaration, Extracted } from './declarations.ts';
import type { Blueprint } from './discover.ts';

// What is wrong with the shape of a blueprint's model sections, whatever they declare.

/**
 * Reports what the schema refuses of a section, at the place in the layer that
 * supplied it. Each layer's share is checked by itself, so that places are
 * known; a value that a higher layer replaces does not count.
 */
export function reportSchema(
  definition: Schema,
  place: ConfigPlace,
  section: string,
  out: Extracted,
  concerns: (pointer: string) => boolean,
): void {
  // manifest_defaults may bring a value that is there anyway.
  const reported = new Set<string>();
  for (const contribution of place.contributions) {
    const { document, pointer: base, under } = contribution;
    const value = nested(contribution);
    for (const problem of problems(definition, value)) {
      if (!concerns(problem.pointer)) continue;
      const keys = fromPointer(problem.pointer);
      const location = {
        file: document.file,
        pointer: base + toPointer(keys.slice(under.length)),
        range: null,
      };
      const key = `${document.file}\n${location.pointer}\n${problem.field}`;
      if (reported.has(key) || !isEffective(place, keys, problem, document, location.pointer)) continue;
      reported.add(key);
      const field = [section, problem.field].filter((part) => part !== '').join('.');
      if (problem.keyword === 'enum' && lastKey(problem) === 'backend') {
        const found = valueAt(value, problem.pointer);
        const known = ['auto', 'llama.cpp', 'vllm'];
        out.findings.push(
          finding(
            'unknown-backend',
            {
              field,
              found,
              known: either(known),
              suggestion: typeof found === 'string' ? didYouMean(found, known) : '',
            },
            {
              location,
              fix: typeof found === 'string' ? replacement(found, correction(found, known)) : null,
            },
          ),
        );
      } else {
        out.findings.push(
          finding('invalid-field', { field, expected: problem.expected, found: problem.found }, { location }),
        );
      }
    }
  }
}

/** A layer's share as it lies in the effective config: as deep as a projection puts it. */
function nested({ value, under }: Contribution): unknown {
  return under.reduceRight<unknown>((inner, key) => {
    const outer: Record<string, unknown> = Object.create(null);
    outer[key] = inner;
    return outer;
  }, value);
}

/** Whether what the schema refuses in one layer's share is part of the effective config. */
function isEffective(
  section: ConfigPlace,
  keys: readonly string[],
  problem: SchemaProblem,
  document: Document,
  pointer: string,
): boolean {
  const place = keys.reduce((at, key) => at.get(key), section);
  const missing = problem.keyword === 'required';
  if (missing && place.get(lastKey(problem)).top !== undefined) return false;
  // What no layer gives is missing where the object is declared first.
  const supplier = missing ? place.bottom : place.top;
  return supplier?.document === document && supplier.pointer === pointer;
}

function lastKey(problem: SchemaProblem): string {
  return problem.field.split('.').at(-1) as string;
}

/** Marks the declarations whose backend the schema has just refused, so that it is reported once. */
export function refuseBackends(declared: readonly Declaration[], out: Extracted): void {
  if (!out.findings.some(({ id }) => id === 'unknown-backend')) return;
  for (const declaration of declared) {
    declaration.backendRefused ||=
      declaration.backend !== null && !['auto', 'llama.cpp', 'vllm'].includes(declaration.backend);
  }
}

export function checkManifestDefaults(manifest: Document | null, out: Extracted): void {
  const config = isObject(manifest?.value) ? manifest.value['config'] : undefined;
  if (manifest === null || !isObject(config) || !Object.hasOwn(config, 'manifest_defaults')) return;
  const pointer = '/config/manifest_defaults';
  for (const problem of problems(schema.manifestDefaults, config['manifest_defaults'])) {
    const field = ['config.manifest_defaults', problem.field].filter((part) => part !== '').join('.');
    out.findings.push(
      finding(
        'invalid-field',
        { field, expected: problem.expected, found: problem.found },
        { location: { file: manifest.file, pointer: pointer + problem.pointer, range: null } },
      ),
    );
  }
}

const sections = ['/llm', '/runtime/models', '/knowledge_rag', '/input_skills', '/config/manifest_defaults'];

/** Keys that stand twice, in the sections that declare models or on the way to them. */
export function checkDuplicateKeys(blueprint: Blueprint, out: Extracted): void {
  for (const document of [
    ...(blueprint.manifest === null ? [] : [blueprint.manifest]),
    ...blueprint.configs,
  ]) {
    if (!document.hasDuplicateKeys) continue;
    for (const { pointer, key, range, firstLine } of duplicateKeys(document.text)) {
      const concerns = sections.some(
        (section) =>
          pointer === section || pointer.startsWith(`${section}/`) || section.startsWith(`${pointer}/`),
      );
      if (!concerns) continue;
      out.findings.push(
        finding('duplicate-key', { key, firstLine }, { location: { file: document.file, pointer, range } }),
      );
    }
  }
}

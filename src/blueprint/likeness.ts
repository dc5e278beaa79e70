import { isObject, manifestLayers } from './config.ts';
import type { Blueprint } from './discover.ts';

/** More than this, in UTF-16 units, and hardly another blueprint says the same. */
const mostText = 4000;

/** The sections of a layer that `extract` reads, besides `config.manifest_defaults`. A test holds it to them. */
const sections = ['llm', 'runtime', 'requirements', 'knowledge_rag', 'input_skills'];

/**
 * What a blueprint says of its models, as text: where two have the same, `extract` says the same of both, but for the
 * names of their files. Null where that is not certain, or not worth knowing.
 */
export function likenessOf({ manifest, configs, findings }: Blueprint): string | null {
  if (findings.length > 0) return null;
  // A line for each layer; JSON.stringify writes no line breaks.
  let likeness = '';
  for (const { value, hasDuplicateKeys } of configs) {
    if (hasDuplicateKeys) return null;
    likeness += `${sectionsOf(value)}\n`;
  }
  if (manifest !== null) {
    if (manifest.hasDuplicateKeys) return null;
    const defaults = defaultsOf(manifest.value);
    likeness += `manifest ${sectionsOf(manifest.value)}\n${JSON.stringify(defaults)}`;
    if (bringsSections(defaults)) {
      const layers = manifestLayers(manifest).map(({ pointer, value, under }) => ({ pointer, value, under }));
      likeness += `\n${JSON.stringify(layers)}`;
    }
  }
  const isUncertain =
    // A number that is too large, as 1e999, is written like null and is not the same.
    likeness.includes('null') ||
    // What of a payload is there depends on the files beside the blueprint.
    likeness.includes('"payload"');
  return isUncertain || likeness.length > mostText ? null : likeness;
}

function sectionsOf(value: unknown): string {
  let said = '';
  if (!isObject(value)) return said;
  for (const name of sections) {
    const section = value[name];
    if (section !== undefined) said += `${name} ${JSON.stringify(section)} `;
  }
  return said;
}

/** Undefined where there are none. */
function defaultsOf(value: unknown): unknown {
  const config = isObject(value) ? value['config'] : undefined;
  return isObject(config) ? config['manifest_defaults'] : undefined;
}

/** Whether `config.manifest_defaults` puts something into a section. */
function bringsSections(defaults: unknown): boolean {
  if (!Array.isArray(defaults)) return false;
  return defaults.some((entry) => {
    const to: unknown = isObject(entry) ? entry['to'] : entry;
    return typeof to === 'string' && sections.includes(to.split('.', 1)[0] as string);
  });
}

import type { Catalog } from '../catalog/catalog.ts';
import { dockerKey } from '../catalog/name.ts';
import { locate } from '../document/document.ts';
import { printable } from '../text/text.ts';
import type { ConfigPlace } from './config.ts';
import type { Declaration } from './declarations.ts';
import { dockerModelRunner, effectiveConfig, extract } from './declarations.ts';
import type { Blueprint } from './discover.ts';
import type { Worker } from './worker.ts';

/** Where Docker Model Runner answers, seen from a worker (spec/model-runtime.md, "Blueprint Config"). */
const apiBase: Record<Worker, string> = {
  hostlocal: 'http://localhost:12434/engines/v1',
  container: 'http://model-runner.docker.internal/engines/v1',
};

export type Environment =
  | { ok: true; config: string | null; variables: Map<string, string> }
  /** `unknown-config` is a wrong argument; the others are content of the blueprint. */
  | {
      ok: false;
      problem: 'unknown-config' | 'unknown-default' | 'unknown-model' | 'no-model' | 'no-llm';
      name: string;
      known: string[];
    };

/** What all configs of a blueprint share. A hostile one has a hundred thousand configs, so it is worked out once. */
interface Shared {
  llm: ConfigPlace;
  names: string[];
  known: ReadonlySet<string>;
  /** Of the llm section, by the name of the config. */
  declarations: ReadonlyMap<string | null, Declaration>;
  /** A payload or customized model needs no catalog, wherever its blueprint repeats the reference. */
  accepted: ReadonlySet<string>;
}

const sharedOf = new WeakMap<Blueprint, Shared>();

function share(blueprint: Blueprint): Shared {
  let shared = sharedOf.get(blueprint);
  if (shared === undefined) {
    const { llm } = effectiveConfig(blueprint);
    const names = namesOf(llm);
    const declarations = new Map<string | null, Declaration>();
    const accepted = new Set<string>();
    for (const declaration of extract(blueprint).declarations) {
      const { config, pointer, ref } = declaration;
      if (pointer.startsWith('/llm') && !declarations.has(config)) declarations.set(config, declaration);
      if (declaration.accepted !== null && ref !== null) accepted.add(dockerKey(ref));
    }
    shared = { llm, names, known: new Set(names), declarations, accepted };
    sharedOf.set(blueprint, shared);
  }
  return shared;
}

/** The names of the configs of a blueprint's llm section, the default one first. */
export function configNames(blueprint: Blueprint): string[] {
  return share(blueprint).names;
}

function namesOf(llm: ConfigPlace): string[] {
  const configs = llm.get('configs');
  const names = configs.isObject ? configs.keys().filter((name) => configs.get(name).isObject) : [];
  const chosen = llm.get('default_config').text ?? 'primary';
  return names.includes(chosen) ? [chosen, ...names.filter((name) => name !== chosen)] : names;
}

/**
 * The `MN_LLM_*` variables that MirrorNeuron sets at launch for one config of a
 * blueprint; the default config where `name` is null. Only values that the
 * blueprint or the catalog gives; no variables where `llm.enabled` is false.
 */
export function resolveEnvironment(
  blueprint: Blueprint,
  name: string | null,
  worker: Worker,
  catalog: Catalog,
): Environment {
  const { llm, names, known, declarations, accepted } = share(blueprint);
  if (name !== null && !known.has(name)) {
    return { ok: false, problem: 'unknown-config', name, known: names };
  }
  const chosen = llm.get('default_config').text;
  if (name === null && chosen !== null && names.length > 0 && !known.has(chosen)) {
    return { ok: false, problem: 'unknown-default', name: chosen, known: names };
  }
  const config = name ?? names[0] ?? null;
  const variables = new Map<string, string>();
  if (!llm.isObject) return { ok: false, problem: 'no-llm', name: '', known: [] };
  if (llm.get('enabled').value === false) return { ok: true, config, variables };

  const place = config === null ? llm : llm.get('configs').get(config);
  const setting = (key: string): ConfigPlace => (place.get(key).exists ? place.get(key) : llm.get(key));
  const declaration = declarations.get(config);
  if (declaration === undefined) return { ok: false, problem: 'no-model', name: config ?? 'llm', known: [] };
  if (declaration.skipped?.match(/^(?:provider|mode) is (?:fake|mock)$/)) {
    // What MirrorNeuron's own fake provider is called and answers to.
    variables.set('MN_LLM_PROVIDER', 'fake');
    variables.set('MN_LLM_MODEL', 'fake-deterministic-blueprint-agent');
    return { ok: true, config, variables };
  }

  variables.set('MN_LLM_PROVIDER', declaration.provider);
  const { ref } = declaration;
  if (ref === null) return { ok: false, problem: 'no-model', name: config ?? 'llm', known: [] };
  if (declaration.provider !== dockerModelRunner) {
    variables.set('MN_LLM_MODEL', ref);
    const base = setting('api_base').text;
    if (base !== null && base !== 'auto') variables.set('MN_LLM_API_BASE', base);
    if (declaration.backend !== null) variables.set('MN_LLM_BACKEND', declaration.backend);
  } else {
    const entry = catalog.resolve(ref)?.entry;
    if (entry === undefined && !accepted.has(dockerKey(ref))) {
      return { ok: false, problem: 'unknown-model', name: ref, known: [] };
    }
    const docker = (entry?.dockerModel ?? ref).replace(/^hf\.co\//i, 'huggingface.co/');
    variables.set('MN_LLM_MODEL', entry?.apiModel ?? docker);
    // MirrorNeuron leaves the runtime model out where the section has no config and names only `model`.
    if (config !== null || llm.get('runtime_model').text !== null)
      variables.set('MN_LLM_RUNTIME_MODEL', docker);
    variables.set('MN_LLM_API_BASE', resolveApiBase(setting('api_base').text, worker));
    const backend = declaration.backend === 'auto' ? null : declaration.backend;
    variables.set('MN_LLM_BACKEND', backend ?? entry?.backend ?? 'llama.cpp');
    const contextSize = declaration.contextSize ?? entry?.contextSize ?? null;
    if (contextSize !== null) variables.set('MN_LLM_CONTEXT_SIZE', String(contextSize));
  }
  for (const key of ['max_tokens', 'timeout_seconds', 'num_retries', 'retry_backoff_seconds']) {
    const place = setting(key);
    const { value } = place;
    if (typeof value === 'number') variables.set(`MN_LLM_${key.toUpperCase()}`, numberText(value, place));
    else if (typeof value === 'string') variables.set(`MN_LLM_${key.toUpperCase()}`, value);
  }
  return { ok: true, config, variables };
}

/** A number as MirrorNeuron prints it: what is written as 1.0 stays 1.0, which only the text of the file tells. */
function numberText(value: number, place: ConfigPlace): string {
  const { top } = place;
  // Looking it up takes a walk over the text: not for every number of a huge file.
  if (!Number.isInteger(value) || top === undefined || top.document.text.length > 200_000)
    return String(value);
  const range = locate(top.document, [top.pointer]).get(top.pointer);
  if (range === undefined) return String(value);
  const line = top.document.text.split('\n')[range.line - 1] ?? '';
  return /[.eE]/.test(line.slice(range.column - 1, range.endColumn - 1)) ? `${value}.0` : String(value);
}

/** An explicit base is kept, but the host's own address is not the container's. */
function resolveApiBase(declared: string | null, worker: Worker): string {
  if (declared === null || declared === 'auto') return apiBase[worker];
  return worker === 'container' && /(?:localhost|127\.0\.0\.1):12434/.test(declared)
    ? apiBase.container
    : declared;
}

/**
 * One `NAME=value` line in dotenv form; quoted where a reader would otherwise
 * stumble. Single quotes mean the same to every reader. What a terminal would
 * not show but obey is no part of any setting, and is written out.
 */
export function dotenvLine(name: string, value: string): string {
  if (/^[\w./:@%+,=-]+$/.test(value)) return `${name}=${value}`;
  if (value === printable(value) && !/['\\]/.test(value)) return `${name}='${value}'`;
  const escaped = value
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('$', '\\$')
    .replaceAll('`', '\\`')
    .replaceAll('\r', '\\r');
  return `${name}="${printable(escaped)}"`;
}

/** What a container needs where Docker Model Runner's name does not resolve by itself (Docker Engine). */
export const containerHint =
  '# model-runner.docker.internal resolves by itself only on Docker Desktop. On Docker Engine, start the container with\n' +
  '#   --add-host=model-runner.docker.internal:host-gateway\n' +
  '# and use http://model-runner.docker.internal:12434/engines/v1';

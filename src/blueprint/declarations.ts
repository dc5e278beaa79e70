import { isHuggingFace } from '../catalog/name.ts';
import { child, dotted, fromPointer } from '../document/pointer.ts';
import type { Finding } from '../findings/finding.ts';
import { finding, replacement } from '../findings/finding.ts';
import * as schema from '../schema/blueprint.generated.ts';
import { correction, didYouMean } from '../text/nearest.ts';
import { quote } from '../text/text.ts';
import type { Contribution } from './config.ts';
import { ConfigPlace, manifestLayers, wholeDocument } from './config.ts';
import type { Blueprint } from './discover.ts';
import { checkDuplicateKeys, checkManifestDefaults, refuseBackends, reportSchema } from './sections.ts';

/** The name that every spelling of Docker Model Runner gets. */
export const dockerModelRunner = 'docker_model_runner';

/** One place in a blueprint that names a model. */
export interface Declaration {
  /** The place that needs the model, in the effective config: `/llm/configs/primary`. */
  pointer: string;
  /** The value that names the model (or the reason to skip), and the layer that supplied it. */
  source: { file: string; pointer: string };
  /** The reference as written; null where there is none. */
  ref: string | null;
  provider: string;
  /** As declared; null where it is not. */
  backend: string | null;
  /** Tokens; null where none is declared. */
  contextSize: number | null;
  /** The value that gives the context size; null where none does. */
  contextSource: { file: string; pointer: string } | null;
  /** A model that is not required never gives more than a note. */
  required: boolean;
  /** Name of the config or of the runtime model; null elsewhere. */
  config: string | null;
  /** Why it is not checked; null where it is. */
  skipped: string | null;
  /** A missing context size is worth a note: the engine serves text, and no wrong size stands there. */
  wantsContextSize: boolean;
  /** Why no catalog needs to know the model: its files are in the payload, or its author vouches for it. */
  accepted: 'payload' | 'customize_mode' | null;
  /** The schema already refused its backend. */
  backendRefused: boolean;
}

/** A file that a payload model names, relative to the blueprint's `payloads/`. */
export interface PayloadFile {
  path: string;
  field: string;
  file: string;
  pointer: string;
}

export interface Extracted {
  declarations: Declaration[];
  findings: Finding[];
  payloadFiles: PayloadFile[];
  /** What the blueprint asks of a machine by itself; `readRequirements` reads it. */
  requirements: ConfigPlace;
}

/** The effective config of a blueprint and what of the manifest stands beside it (decision 1). */
export interface EffectiveConfig {
  root: ConfigPlace;
  llm: ConfigPlace;
  runtimeModels: ConfigPlace;
  /** The top-level `requirements`, of the manifest with a config's over it. */
  requirements: ConfigPlace;
  /** The llm section comes from the manifest, and the runtime will not load it. */
  llmNotLoaded: boolean;
}

export function effectiveConfig(blueprint: Blueprint): EffectiveConfig {
  const configs = blueprint.configs.map(wholeDocument).toReversed();
  const manifest = blueprint.manifest;
  const root = new ConfigPlace(manifest === null ? configs : [...configs, ...manifestLayers(manifest)]);
  const beside = new ConfigPlace(manifest === null ? [] : [wholeDocument(manifest)]);
  const loaded = root.get('llm');
  const llm = loaded.top === undefined ? beside.get('llm') : loaded;
  return {
    root,
    llm,
    runtimeModels: over(root.get('runtime').get('models'), beside.get('runtime').get('models')),
    requirements: over(root.get('requirements'), beside.get('requirements')),
    llmNotLoaded: loaded.top === undefined && llm.top !== undefined,
  };
}

/** One place with the layers of another below its own. */
function over(upper: ConfigPlace, lower: ConfigPlace): ConfigPlace {
  if (lower.top === undefined) return upper;
  return upper.top === undefined ? lower : new ConfigPlace([...upper.contributions, ...lower.contributions]);
}

/** Every declaration of a blueprint, and everything that is wrong with its model sections. */
export function extract(blueprint: Blueprint): Extracted {
  const { root, llm, runtimeModels, requirements, llmNotLoaded } = effectiveConfig(blueprint);
  const out: Extracted = { declarations: [], findings: [], payloadFiles: [], requirements };

  extractLlm(llm, out);
  if (llmNotLoaded && out.declarations.some(({ skipped }) => skipped === null)) {
    out.findings.push(finding('llm-not-loaded', {}, { location: at(llm.top) }));
  }
  const llmIsFake = fakeWord(llm.get('provider').text) ?? fakeWord(llm.get('mode').text);
  // A section that the runtime does not load fakes nothing.
  extractRuntimeModels(runtimeModels, llmNotLoaded ? null : llmIsFake, out);
  extractEmbedding(root.get('knowledge_rag'), out);
  extractSkills(root.get('input_skills'), out);
  checkManifestDefaults(blueprint.manifest, out);
  checkDuplicateKeys(blueprint, out);
  return out;
}

/** A declaration with what most of them have. */
function declaration(
  fields: Pick<Declaration, 'pointer' | 'ref' | 'provider' | 'required' | 'skipped'> & Partial<Declaration>,
  source: Contribution | undefined,
): Declaration {
  const { backend, contextSize, contextSource, config, wantsContextSize, accepted } = fields;
  return {
    pointer: fields.pointer,
    source: { file: source?.document.file ?? '', pointer: source?.pointer ?? '' },
    ref: fields.ref,
    provider: fields.provider,
    backend: backend ?? null,
    contextSize: contextSize ?? null,
    contextSource: contextSource ?? null,
    required: fields.required,
    config: config ?? null,
    skipped: fields.skipped,
    wantsContextSize: wantsContextSize ?? false,
    accepted: accepted ?? null,
    backendRefused: false,
  };
}

function at(contribution: Contribution | undefined) {
  return contribution === undefined
    ? null
    : { file: contribution.document.file, pointer: contribution.pointer, range: null };
}

/** Every spelling of Docker Model Runner becomes one; nothing is Docker Model Runner too (decision 3). */
export function normalProvider(provider: string | null): string {
  const name = provider?.trim().toLowerCase() ?? '';
  return ['', 'docker_model_runner', 'docker-model-runner', 'dmr'].includes(name)
    ? dockerModelRunner
    : (provider as string);
}

function fakeWord(text: string | null): string | null {
  const word = text?.trim().toLowerCase();
  return word === 'fake' || word === 'mock' ? word : null;
}

/** Why a model of this provider and mode is not checked; null where it is. */
function whySkipped(provider: string, mode: string | null, installMode: string | null): string | null {
  const fakeProvider = fakeWord(provider);
  if (fakeProvider !== null) return `provider is ${fakeProvider}`;
  const fakeMode = fakeWord(mode);
  if (fakeMode !== null) return `mode is ${fakeMode}`;
  if (provider !== dockerModelRunner) return `provider is ${provider}`;
  return installMode === 'cluster_provided' ? 'install_mode is cluster_provided' : null;
}

function contextOf(
  own: ConfigPlace,
  inherited: ConfigPlace = own,
): Pick<Declaration, 'contextSize' | 'contextSource'> {
  const { value: size, top } = own.exists ? own : inherited;
  if (typeof size !== 'number' || !Number.isInteger(size) || size <= 0) {
    return { contextSize: null, contextSource: null };
  }
  const { document, pointer } = top as Contribution;
  return { contextSize: size, contextSource: { file: document.file, pointer } };
}

/** The first of these places that names something. */
function firstText(...places: ConfigPlace[]): ConfigPlace | null {
  return places.find((place) => place.text !== null) ?? null;
}

function extractLlm(llm: ConfigPlace, out: Extracted): void {
  if (llm.top === undefined) return;
  if (!llm.isObject) {
    reportSchema(schema.llm, llm, 'llm', out, () => true);
    return;
  }
  if (llm.get('enabled').value === false) {
    const skipped = {
      pointer: '/llm',
      ref: null,
      provider: normalProvider(llm.get('provider').text),
      backend: llm.get('backend').text,
      ...contextOf(llm.get('context_size')),
      required: llm.get('required').value !== false,
      skipped: 'llm.enabled is false',
    };
    out.declarations.push(declaration(skipped, llm.get('enabled').top));
    return;
  }

  const configs = llm.get('configs');
  const names: string[] = [];
  const before = out.declarations.length;
  for (const name of configs.isObject ? configs.keys() : []) {
    const config = configs.get(name);
    if (!config.exists) continue;
    names.push(name);
    if (config.isObject) extractLlmPlace(llm, config, child('/llm/configs', name), name, out);
  }
  if (names.length === 0 && saysAnything(llm)) extractLlmPlace(llm, llm, '/llm', null, out);

  const declared = out.declarations.slice(before);
  const live = new Set(declared.filter(({ skipped }) => skipped === null).map(({ pointer }) => pointer));
  reportSchema(schema.llm, llm, 'llm', out, (pointer) => {
    const path = fromPointer(pointer);
    if (path[0] === 'configs' && path[1] !== undefined) {
      return live.has(child('/llm/configs', path[1])) || !configs.get(path[1]).isObject;
    }
    return live.size > 0 || declared.length === 0 || path[0] === 'enabled';
  });
  refuseBackends(declared, out);

  const chosen = llm.get('default_config');
  const value = chosen.text;
  if (value !== null && live.size > 0 && !names.includes(value)) {
    out.findings.push(
      finding(
        'unknown-config',
        { found: value, known: names, suggestion: didYouMean(value, names) },
        { location: at(chosen.top), fix: replacement(value, correction(value, names)) },
      ),
    );
  }
}

/** Whether an llm section without configs is about a model at all, and not only about agents. */
function saysAnything(llm: ConfigPlace): boolean {
  return (
    llm.get('enabled').value === true ||
    ['provider', 'mode', 'model', 'runtime_model', 'backend', 'context_size'].some(
      (key) => llm.get(key).exists,
    )
  );
}

/** One config, or the llm section itself; what a config does not say it inherits from `llm` (decision 2). */
function extractLlmPlace(
  llm: ConfigPlace,
  config: ConfigPlace,
  pointer: string,
  name: string | null,
  out: Extracted,
): void {
  const inherited = (key: string) => config.get(key).text ?? llm.get(key).text;
  const model =
    firstText(config.get('runtime_model'), config.get('model')) ??
    firstText(llm.get('runtime_model'), llm.get('model'));
  const provider = normalProvider(inherited('provider'));
  const skipped = whySkipped(provider, inherited('mode'), inherited('install_mode'));
  if (model === null && skipped === null && !isRefused(config, llm)) {
    out.findings.push(
      finding(
        'missing-model',
        { place: dotted(pointer), inherits: config !== llm },
        { location: at(config.bottom), ...severityOf(isRequired(config, llm)) },
      ),
    );
  }
  const source = model?.top ?? config.bottom;
  const context = config.get('context_size');
  const inheritedContext = llm.get('context_size');
  const declared = {
    pointer,
    ref: model?.text ?? null,
    provider,
    backend: inherited('backend'),
    ...contextOf(context, inheritedContext),
    required: isRequired(config, llm),
    config: name,
    skipped,
    wantsContextSize: !context.exists && !inheritedContext.exists,
  };
  out.declarations.push(declaration(declared, source));
}

/** What a section says of being required holds for its configs, unless they say otherwise. */
function isRequired(config: ConfigPlace, llm: ConfigPlace): boolean {
  const own = config.get('required').value;
  return typeof own === 'boolean' ? own : llm.get('required').value !== false;
}

function severityOf(required: boolean): { severity?: 'note' } {
  return required ? {} : { severity: 'note' };
}

/** A model is named, but not as text: the schema says so, and "names no model" would say it twice. */
function isRefused(...places: ConfigPlace[]): boolean {
  return places.some((place) =>
    ['model', 'runtime_model'].some((key) => place.get(key).exists && place.get(key).text === null),
  );
}

function extractRuntimeModels(models: ConfigPlace, llmIsFake: string | null, out: Extracted): void {
  if (models.top === undefined) return;
  const before = out.declarations.length;
  for (const name of models.isObject ? models.keys() : []) {
    const entry = models.get(name);
    if (!entry.isObject) continue;
    const pointer = child('/runtime/models', name);
    const provider = normalProvider(entry.get('provider').text);
    const skipped =
      whySkipped(provider, entry.get('mode').text, entry.get('install_mode').text) ??
      (llmIsFake === null ? null : `llm is ${llmIsFake}`);
    const model = firstText(entry.get('runtime_model'), entry.get('model'));
    const required = entry.get('required').value !== false;
    if (model === null && skipped === null && !isRefused(entry)) {
      out.findings.push(
        finding(
          'missing-model',
          { place: dotted(pointer), inherits: false },
          { location: at(entry.bottom), ...severityOf(required) },
        ),
      );
    }
    const source = model?.top ?? entry.bottom;
    const accepted = skipped === null ? acceptance(entry, model, out) : null;
    const declared = {
      pointer,
      ref: model?.text ?? null,
      provider,
      backend: entry.get('backend').text,
      ...contextOf(entry.get('context_size')),
      required,
      config: name,
      skipped,
      wantsContextSize: !entry.get('context_size').exists,
      accepted,
    };
    out.declarations.push(declaration(declared, source));
  }
  const declared = out.declarations.slice(before);
  const live = new Set(declared.filter(({ skipped }) => skipped === null).map(({ config }) => config));
  reportSchema(schema.runtimeModels, models, 'runtime.models', out, (pointer) => {
    const name = fromPointer(pointer)[0];
    return name === undefined || live.has(name) || !models.get(name).isObject;
  });
  refuseBackends(declared, out);
}

/** Decision 4: a payload model is checked for its files, a customized one is accepted as it is. */
function acceptance(entry: ConfigPlace, model: ConfigPlace | null, out: Extracted): Declaration['accepted'] {
  const source = entry.get('source');
  if (source.isObject && source.get('type').value === 'payload') {
    for (const field of ['path', 'mmproj_path', 'chat_template_path', 'license_path']) {
      const place = source.get(field);
      if (place.text === null) continue;
      const top = place.top as Contribution;
      if (isInside(place.text)) {
        out.payloadFiles.push({
          path: place.text,
          field: dotted(top.pointer),
          file: top.document.file,
          pointer: top.pointer,
        });
      } else {
        out.findings.push(
          finding(
            'invalid-field',
            { field: dotted(top.pointer), expected: 'a path inside payloads/', found: quote(place.text) },
            { location: at(top) },
          ),
        );
      }
    }
    return 'payload';
  }
  if (entry.get('customize_mode').value !== true) return null;
  if (model !== null && isHuggingFace(model.text as string)) return 'customize_mode';
  if (model !== null) {
    out.findings.push(
      finding(
        'invalid-field',
        {
          field: dotted((model.top as Contribution).pointer),
          expected: 'hf.co/<owner>/<repository>[:<tag>] where customize_mode is true',
          found: quote(model.text),
        },
        { location: at(model.top) },
      ),
    );
  }
  return null;
}

/** Whether a relative path stays below its folder. */
function isInside(path: string): boolean {
  return !/^(?:[/\\]|[A-Za-z]:)/.test(path) && !path.split(/[/\\]/).includes('..') && !path.includes('\0');
}

function extractEmbedding(rag: ConfigPlace, out: Extracted): void {
  if (rag.top === undefined) return;
  const model = firstText(rag.get('embedding_model'));
  const provider = normalProvider(rag.get('embedding_provider').text);
  const skipped =
    rag.get('enabled').value === false ? 'knowledge_rag.enabled is false' : whySkipped(provider, null, null);
  if (model !== null) {
    // knowledge_rag.backend is a vector store, never an engine: there is no backend here.
    const pointer = '/knowledge_rag/embedding_model';
    out.declarations.push(
      declaration({ pointer, ref: model.text, provider, required: false, skipped }, model.top),
    );
  }
  if (skipped === null) reportSchema(schema.knowledgeRag, rag, 'knowledge_rag', out, () => true);
}

function extractSkills(skills: ConfigPlace, out: Extracted): void {
  for (const name of skills.isObject ? skills.keys() : []) {
    const skill = skills.get(name);
    const connector = skill.get('connector').text;
    if (connector === null || normalProvider(connector) !== dockerModelRunner) continue;
    const model = firstText(skill.get('runtime_model'), skill.get('model'));
    const pointer = child('/input_skills', name);
    const before = out.declarations.length;
    if (model !== null) {
      const declared = {
        pointer,
        ref: model.text,
        provider: dockerModelRunner,
        backend: skill.get('backend').text,
        ...contextOf(skill.get('context_size')),
        required: false,
        skipped: skill.get('enabled').value === false ? `${dotted(pointer)}.enabled is false` : null,
      };
      out.declarations.push(declaration(declared, model.top));
    }
    if (skill.get('enabled').value === false) continue;
    reportSchema(schema.inputSkill, skill, dotted(pointer), out, () => true);
    refuseBackends(out.declarations.slice(before), out);
  }
}

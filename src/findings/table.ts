import { count, installCommand, listed, quote, short } from '../text/text.ts';
import type { Severity } from './finding.ts';

/** What a finding about a verdict needs to say. All strings are as the files have them. */
export interface VerdictData extends TargetsData {
  /** The place that needs the model, dotted: `llm.configs.primary`. */
  place: string;
  /** The reference as written. */
  ref: string;
  /** The catalog id. */
  model: string;
  /** The verdict's message on the first target. */
  reason: string;
  /** The verdict's help. */
  advice: string;
}

/** The model of a catalog entry in its registry. */
export interface ArtifactData {
  /** The catalog id. */
  model: string;
  /** The Docker name, as the catalog has it. */
  ref: string;
}

/** Where a finding about several targets is true. */
interface TargetsData {
  /** Name of the first target that it is true on. */
  target: string;
  /** How many further targets. */
  more: number;
}

/** What a finding about the memory of one model needs to say. Amounts are in words: `1.6 GB`. */
export interface MemoryData extends TargetsData {
  place: string;
  model: string;
  contextSize: number;
  /** The blueprint gives the context size; else it is the catalog's. */
  given: boolean;
  need: string;
  have: string;
  advice: string;
  /** A model and what is not certain of its estimate: `nemotron3: it was not confirmed`; null for nothing. */
  note: string | null;
}

/** The data that each kind of finding is worded from. */
export interface FindingData {
  'invalid-json': { reason: string; fix: string };
  'file-unreadable': { reason: string; fix: string };
  'duplicate-key': { key: string; firstLine: number };
  'invalid-field': { field: string; expected: string; found: string };
  'unknown-backend': { field: string; found: unknown; known: string; suggestion: string };
  'unknown-config': { found: unknown; known: string[]; suggestion: string };
  'missing-model': { place: string; inherits: boolean };
  'llm-not-loaded': Record<string, never>;
  'payload-missing': { path: string; field: string };
  'model-unverified': { place: string; ref: string; why: string; inPayload: boolean };
  'model-not-checked': { place: string; ref: string; suggestion: string };
  'model-spelling': { ref: string; model: string };
  'context-size-missing': { place: string; model: string; cost?: string };
  'context-exceeds-model': { place: string; model: string; contextSize: number; trained: number };
  'memory-does-not-fit': MemoryData;
  'memory-tight': MemoryData;
  'models-do-not-fit-together': TargetsData & {
    /** Each with what it needs: `gemma4:e2b (1.6 GB)`. */
    parts: string;
    need: string;
    have: string;
    note: string | null;
  };
  'requirements-not-met': TargetsData & { asked: string; found: string; hard: boolean };
  'requirements-understated': { stated: string; place: string; model: string; needs: string };
  'unknown-model': { place: string; ref: string; suggestion: string; catalogs: string };
  'invalid-catalog': { entry: string; problem: string; fix: string };
  'duplicate-entry': { id: string; first: string };
  'alias-conflict': { alias: string; winner: string; loser: string };
  'unknown-fallback': { id: string; fallback: string; suggestion: string };
  'fallback-loop': { path: string[] };
  'invalid-lock': { field: string; expected: string; found: string };
  'artifact-missing': ArtifactData & { problem: string; fix: string };
  'artifact-changed': ArtifactData & { change: string };
  'artifact-unreachable': ArtifactData & { problem: string; fix: string };
  'model-incompatible': VerdictData;
  'model-needs-force': VerdictData;
  'model-acceleration-unverified': VerdictData;
  'model-forced': VerdictData;
  'backend-unsupported': VerdictData;
  'model-runs-nowhere': {
    place: string;
    ref: string;
    model: string;
    targets: number;
    reason: string;
    advice: string;
  };
  'runner-unavailable': { reason: string; fix: string; models: string[] };
  'model-not-installed': { place: string; ref: string; model: string; dockerModel: string; forced: boolean };
  'no-blueprint': { searched: string };
  'baseline-stale': { file: string; entries: number; first: string };
  'suppression-expired': { finding: string; blueprint: string; until: string; reason: string };
  'suppression-unused': { finding: string; blueprint: string; target: string | null };
}

export type FindingId = keyof FindingData;

/** One kind of finding: everything that the documentation, the reports and `--help` say of it. */
export interface FindingKind<Data> {
  severity: Severity;
  /** What kind of thing went wrong, without data: the heading of its documentation. */
  summary: string;
  title(data: Data): string;
  message(data: Data): string;
  /** What to do; ends the message. */
  help(data: Data): string;
  /** What is the same where the message differs only in the place; the message itself where this is absent. */
  sameAs?(data: Data): string;
}

/** `default (gemma4:e2b)` where the reference is another name for the model. */
function called(data: { ref: string; model: string }): string {
  return data.ref.toLowerCase() === data.model.toLowerCase()
    ? short(data.model)
    : `${short(data.ref)} (${short(data.model)})`;
}

/** What a verdict says, wherever the model is asked for. */
function verdictFact(data: VerdictData): string {
  return `${data.model} ${data.reason} ${data.more}`;
}

function onTargets(data: TargetsData): string {
  return `${short(data.target)}${data.more > 0 ? ` and ${count(data.more, 'more target')}` : ''}`;
}

function also({ more }: TargetsData): string {
  return more > 0 ? ` (also: ${count(more, 'more target')})` : '';
}

function whyHere(data: VerdictData): string {
  return `${short(data.place)} asks for ${called(data)}. On ${short(data.target)}: ${data.reason}${also(data)}.`;
}

function whatItTakes({ place, model, contextSize, given, need }: MemoryData): string {
  return given
    ? `${short(place)} gives ${short(model)} a context of ${count(contextSize, 'token')}, which takes ${need} in all by the estimate`
    : `${short(place)} asks for ${short(model)}, which takes ${need} by the estimate at its catalog entry's ${count(contextSize, 'token')} of context`;
}

function uncertain({ note }: { note: string | null }): string {
  return note === null ? '' : ` Not certain of ${short(note, 200)}.`;
}

function sameMemory({ model, contextSize, target, more }: MemoryData): string {
  return `${model} ${contextSize} ${target} ${more}`;
}

export const findings: { [Id in FindingId]: FindingKind<FindingData[Id]> } = {
  'invalid-json': {
    severity: 'error',
    summary: 'A file is not valid JSON',
    title: () => 'Not valid JSON',
    message: ({ reason }) => `The file is not valid JSON: ${reason}.`,
    help: ({ fix }) => fix,
  },
  'file-unreadable': {
    severity: 'error',
    summary: 'A file that a blueprint needs cannot be read',
    title: () => 'File cannot be read',
    message: ({ reason }) => `The file was not checked: ${reason}.`,
    help: ({ fix }) => fix,
  },
  'duplicate-key': {
    severity: 'error',
    summary: 'A key stands twice in one JSON object',
    title: ({ key }) => `Key ${quote(key)} stands twice`,
    message: ({ key, firstLine }) =>
      `${quote(key)} already stands in this object, on line ${firstLine}. Readers silently keep only one of the two values.`,
    help: () => 'Remove one of the two.',
  },
  'invalid-field': {
    severity: 'error',
    summary: 'A field of a model section has the wrong type or value',
    title: ({ field }) => `${short(field)} has a wrong value`,
    message: ({ field, expected, found }) => `${short(field)} must be ${expected}; found ${found}.`,
    help: ({ expected }) => `Write ${expected}.`,
  },
  'unknown-backend': {
    severity: 'error',
    summary: 'A backend that is not known',
    title: ({ found }) => `Unknown backend ${quote(found)}`,
    message: ({ field, found, known }) =>
      `${short(field)} is ${quote(found)}; the known backends are ${known}.`,
    help: ({ suggestion, known }) => (suggestion === '' ? `Write one of ${known}.` : suggestion.trim()),
  },
  'unknown-config': {
    severity: 'error',
    summary: '`llm.default_config` names no config',
    title: ({ found }) => `default_config ${quote(found)} names no config`,
    message: ({ found, known }) =>
      `llm.default_config is ${quote(found)}, but llm.configs has ${
        known.length === 0
          ? 'no config'
          : `only ${known
              .slice(0, 10)
              .map((name) => short(name, 40))
              .join(', ')}${known.length > 10 ? ' …' : ''}`
      }.`,
    help: ({ suggestion }) => (suggestion === '' ? 'Name one of the configs.' : suggestion.trim()),
  },
  'missing-model': {
    severity: 'error',
    summary: 'A config names no model',
    title: ({ place }) => `${short(place)} names no model`,
    message: ({ place, inherits }) =>
      `${short(place)} has neither runtime_model nor model${inherits ? ', and neither has llm to inherit from' : ''}.`,
    help: () => 'Add "model": "gemma4:e2b", or another model of the catalog.',
  },
  'llm-not-loaded': {
    severity: 'warning',
    summary: 'The runtime does not load the `llm` section of the manifest',
    title: () => 'The runtime does not load this llm section',
    message: () =>
      'manifest.json has an llm section, but config.manifest_defaults does not name it and no config layer has one: MirrorNeuron starts without it. It was checked all the same.',
    help: () => 'Add "llm" to config.manifest_defaults, or move the section to config/default.json.',
  },
  'payload-missing': {
    severity: 'warning',
    summary: 'A payload model names a file that is not there',
    title: ({ path }) => `Payload file ${quote(path)} is missing`,
    message: ({ path, field }) => `${short(field)} names ${quote(path)}, but payloads/ has no such file.`,
    help: () =>
      'Add the file below payloads/, or correct the path. A file that is fetched at release time may stay missing here.',
  },
  'model-unverified': {
    severity: 'note',
    summary: 'A model is accepted without a hardware verdict',
    title: ({ ref }) => `${short(ref)} is not verified`,
    message: ({ place, ref, why }) =>
      `${short(place)} asks for ${short(ref)}, ${why}: its hardware needs are not known and were not checked.`,
    help: ({ inPayload }) =>
      inPayload
        ? 'Know what it needs before you launch it: models from the payload are not checked against hardware.'
        : 'Add it to a catalog with its requirements, and remove customize_mode, to have it checked.',
    sameAs: ({ ref, why }) => `${ref} ${why}`,
  },
  'model-not-checked': {
    severity: 'note',
    summary: 'No catalog knows the reference of an optional model',
    title: ({ ref }) => `${short(ref)} was not checked`,
    message: ({ place, ref }) =>
      `${short(place)} asks for ${short(ref)}, which no catalog knows. It is optional, so it was not checked.`,
    help: ({ suggestion }) =>
      `${suggestion.trim()} Add it to a catalog with its requirements to have it checked.`.trim(),
    sameAs: ({ ref }) => ref,
  },
  'model-spelling': {
    severity: 'note',
    summary: 'A Docker name that works only by rewriting',
    title: ({ ref }) => `${short(ref)} is an unusual spelling`,
    message: ({ ref, model }) =>
      `${short(ref)} means ${short(model)}, but Docker Hub has no model of that name: models stand under ai/.`,
    help: ({ model }) => `Write ${short(model)}.`,
  },
  'context-size-missing': {
    severity: 'note',
    summary: 'A declaration gives no context size',
    title: ({ place }) => `${short(place)} gives no context_size`,
    message: ({ place, model, cost }) =>
      `${short(place)} gives no context_size for ${short(model)}: the engine then chooses, and what it chooses depends on its version and takes memory.${cost === undefined ? '' : ` ${cost}`}`,
    help: () => 'Add "context_size": 4096, or what the blueprint needs.',
    sameAs: ({ model }) => model,
  },
  'context-exceeds-model': {
    severity: 'warning',
    summary: 'A context size is more than the model was trained for',
    title: ({ model, trained }) => `${short(model)} was trained for ${count(trained, 'token')}`,
    message: ({ place, model, contextSize, trained }) =>
      `${short(place)} gives ${short(model)} a context of ${count(contextSize, 'token')}. It was trained for ${trained}: beyond that its answers get worse, and the memory is taken all the same.`,
    help: ({ trained }) => `Write "context_size": ${trained}, or less.`,
    sameAs: ({ model, contextSize }) => `${model} ${contextSize}`,
  },
  'memory-does-not-fit': {
    severity: 'warning',
    summary: 'The hardware table lets a model pass, but at its context size it does not fit',
    title: (data) =>
      `${short(data.model)} does not fit at ${count(data.contextSize, 'token')} on ${onTargets(data)}`,
    message: (data) =>
      `${whatItTakes(data)}. ${short(data.target)} has ${data.have} for models${also(data)}. The hardware table does not look at the context size and lets it pass.${uncertain(data)}`,
    help: ({ advice }) => advice,
    sameAs: sameMemory,
  },
  'memory-tight': {
    severity: 'note',
    summary: 'A model fits at its context size, with little to spare',
    title: (data) =>
      `${short(data.model)} is tight at ${count(data.contextSize, 'token')} on ${onTargets(data)}`,
    message: (data) =>
      `${whatItTakes(data)}. ${short(data.target)} has ${data.have} for models${also(data)}: drivers, the screen and other programs share what is left.${uncertain(data)}`,
    help: ({ advice }) => advice,
    sameAs: sameMemory,
  },
  'models-do-not-fit-together': {
    severity: 'warning',
    summary: 'Each model of a blueprint fits, but not all at the same time',
    title: (data) => `The models do not fit together on ${onTargets(data)}`,
    message: (data) =>
      `The blueprint needs ${data.parts} at the same time: ${data.need} by the estimate. ${short(data.target)} has ${data.have} for models${also(data)}. Each of them fits alone.${uncertain(data)}`,
    help: () =>
      'Use smaller models or contexts, or drop the target. Docker Model Runner unloads a model after 5 minutes without use, and never to make room.',
    sameAs: ({ parts, target, more }) => `${parts} ${target} ${more}`,
  },
  'requirements-not-met': {
    severity: 'warning',
    summary: 'A target lacks what the `requirements` of a blueprint ask for',
    title: (data) => `The requirements are not met on ${onTargets(data)}`,
    message: (data) =>
      `The blueprint requires ${data.asked}. ${short(data.target)} has ${data.found}${also(data)}.${data.hard ? ' MirrorNeuron places the blueprint only where its requirements are met.' : ''}`,
    help: () => 'Drop the target, or correct the requirements.',
    sameAs: ({ asked, found, target, more }) => `${asked} ${found} ${target} ${more}`,
  },
  'requirements-understated': {
    severity: 'warning',
    summary: 'The `requirements` of a blueprint ask for less than its models need',
    title: ({ model }) => `The requirements are less than ${short(model)} needs`,
    message: ({ stated, place, model, needs }) =>
      `The blueprint requires ${stated}, but ${short(place)} asks for ${short(model)}, which needs ${needs}.`,
    help: () => 'Write what the models need: mn blueprint requirements says it for the whole blueprint.',
    sameAs: ({ stated, model }) => `${stated} ${model}`,
  },
  'unknown-model': {
    severity: 'error',
    summary: 'No catalog knows a model',
    title: ({ ref }) => `Unknown model ${quote(ref)}`,
    message: ({ place, ref, catalogs }) =>
      `${short(place)} asks for ${quote(ref)}, which no catalog knows (looked in: ${catalogs}).`,
    help: ({ suggestion }) =>
      suggestion === ''
        ? 'Use a model of the catalog (mn model list), or add this one to .mn/models/catalog.json.'
        : suggestion.trim(),
    sameAs: ({ ref }) => ref,
  },
  'invalid-catalog': {
    severity: 'error',
    summary: 'A catalog or one of its entries is wrong',
    title: ({ entry }) =>
      entry === '' ? 'Catalog cannot be used' : `Catalog entry ${short(entry)} is wrong`,
    message: ({ entry, problem }) =>
      entry === ''
        ? `${problem}. Nothing of this catalog is used.`
        : `Entry ${short(entry)}: ${problem}. The entry is left out; the others are used.`,
    help: ({ fix }) => fix,
  },
  'duplicate-entry': {
    severity: 'warning',
    summary: 'One catalog has two entries with the same id',
    title: ({ id }) => `Catalog entry ${short(id)} stands twice`,
    message: ({ id, first }) =>
      `${short(id)} already stands at ${short(first)} in this catalog (ids are compared without case). The last one is used.`,
    help: () => 'Remove one of the two, or give it another id.',
  },
  'alias-conflict': {
    severity: 'warning',
    summary: 'Two catalog entries claim one name',
    title: ({ alias }) => `Two entries claim the name ${short(alias)}`,
    message: ({ alias, winner, loser }) =>
      `${short(alias)} is a name of ${short(winner)} and an alias of ${short(loser)}. ${short(winner)} is used.`,
    help: ({ alias }) => `Remove ${short(alias)} from one of the two.`,
  },
  'unknown-fallback': {
    severity: 'warning',
    summary: 'A fallback names no model',
    title: ({ id, fallback }) => `Fallback ${quote(fallback)} of ${short(id)} names no model`,
    message: ({ id, fallback }) => `${short(id)} falls back to ${quote(fallback)}, which no catalog knows.`,
    help: ({ suggestion }) =>
      suggestion === '' ? 'Name a model of the catalog, or remove fallback_model.' : suggestion.trim(),
  },
  'fallback-loop': {
    severity: 'warning',
    summary: 'Fallbacks go round in a circle',
    title: () => 'Fallbacks go round in a circle',
    message: ({ path }) => `The fallbacks ${path.map((id) => short(id)).join(' → ')} never end.`,
    help: () => 'Remove fallback_model from one of them.',
  },
  'invalid-lock': {
    severity: 'error',
    summary: 'The lock file of models is wrong',
    title: ({ field }) => (field === '' ? 'Lock file cannot be used' : `${short(field)} has a wrong value`),
    message: ({ field, expected, found }) =>
      `${field === '' ? 'The lock file' : short(field)} must be ${expected}; found ${found}. Nothing of this lock file is used.`,
    help: () => 'Take the file back from git, or delete it and run mn catalog lock.',
  },
  'artifact-missing': {
    severity: 'error',
    summary: 'A model of a catalog cannot be had',
    title: ({ ref }) => `${short(ref)} cannot be had`,
    message: ({ model, ref, problem }) =>
      `The catalog entry ${short(model)} names ${short(ref)}, which cannot be installed: ${problem}.`,
    help: ({ fix }) => `${fix}.`,
    sameAs: ({ ref, problem }) => `${ref} ${problem}`,
  },
  'artifact-changed': {
    severity: 'warning',
    summary: 'A model is another one than the lock file recorded',
    title: ({ ref }) => `${short(ref)} has changed`,
    message: ({ model, ref, change }) =>
      `${short(ref)}, which the catalog entry ${short(model)} names, is not what .mn/models.lock.json recorded: ${change}.`,
    help: () => 'Find out what changed and try it, then run mn catalog lock.',
    sameAs: ({ ref, change }) => `${ref} ${change}`,
  },
  'artifact-unreachable': {
    severity: 'warning',
    summary: 'A model of a catalog could not be looked up in its registry',
    title: ({ ref }) => `${short(ref)} was not checked`,
    message: ({ model, ref, problem }) =>
      `${short(ref)}, which the catalog entry ${short(model)} names, could not be looked up: ${problem}.`,
    help: ({ fix }) => `${fix}.`,
    sameAs: ({ ref, problem }) => `${ref} ${problem}`,
  },
  'model-incompatible': {
    severity: 'error',
    summary: 'A model does not run on a target',
    title: (data) => `${short(data.model)} does not run on ${onTargets(data)}`,
    message: whyHere,
    help: ({ advice }) => advice,
    sameAs: verdictFact,
  },
  'model-needs-force': {
    severity: 'error',
    summary: 'A model runs on a target only with force',
    title: (data) => `${short(data.model)} runs only with force on ${onTargets(data)}`,
    message: whyHere,
    help: ({ advice }) => advice,
    sameAs: verdictFact,
  },
  'model-acceleration-unverified': {
    severity: 'warning',
    summary: 'A model runs on a target, but acceleration needs to be verified',
    title: (data) => `Verify acceleration of ${short(data.model)} on ${onTargets(data)}`,
    message: whyHere,
    help: ({ advice }) => advice,
    sameAs: verdictFact,
  },
  'model-forced': {
    severity: 'warning',
    summary: 'A model that the table refuses was forced',
    title: (data) => `${short(data.model)} is forced on ${onTargets(data)}`,
    message: (data) => `${whyHere(data)} It is allowed because force was asked for.`,
    help: ({ advice }) => advice,
    sameAs: verdictFact,
  },
  'backend-unsupported': {
    severity: 'error',
    summary: 'A backend does not run a model on a target',
    title: (data) => `The backend of ${short(data.model)} does not run on ${onTargets(data)}`,
    message: whyHere,
    help: ({ advice }) => advice,
    sameAs: verdictFact,
  },
  'model-runs-nowhere': {
    severity: 'error',
    summary: 'A model runs on none of the targets',
    title: ({ model }) => `${short(model)} does not run on any target`,
    message: (data) =>
      `${short(data.place)} asks for ${called(data)}, which runs on none of the ${count(data.targets, 'target')}. ${data.reason}.`,
    help: ({ advice }) => advice,
    sameAs: ({ model, reason }) => `${model} ${reason}`,
  },
  'runner-unavailable': {
    severity: 'error',
    summary: 'Docker Model Runner, or an engine of it, is not there',
    title: () => 'Docker Model Runner is not ready',
    message: ({ reason, models }) =>
      `${reason} It is needed for ${listed(
        models.map((model) => short(model)),
        3,
      )}.`,
    help: ({ fix }) => fix,
  },
  'model-not-installed': {
    severity: 'error',
    summary: 'A model is not installed in Docker Model Runner',
    title: ({ model }) => `${short(model)} is not installed`,
    message: (data) =>
      `${short(data.place)} asks for ${called(data)}; Docker Model Runner has no ${short(data.dockerModel)}.`,
    help: ({ model, forced }) => installCommand(model, forced ? ' --force' : ''),
    sameAs: ({ model }) => model,
  },
  'no-blueprint': {
    severity: 'warning',
    summary: 'No blueprint was found',
    title: () => 'No blueprint found',
    message: ({ searched }) =>
      `There is no blueprint in ${short(searched)}: no folder with a manifest.json, and no JSON file with an llm section.`,
    help: () => 'Name the folder or file of a blueprint, or use --if-none ignore where having none is fine.',
  },
  'baseline-stale': {
    severity: 'note',
    summary: 'The baseline has entries that match nothing',
    title: ({ entries }) => `The baseline has ${count(entries, 'stale entry', 'stale entries')}`,
    message: ({ entries, first }) =>
      `${count(entries, 'entry matches', 'entries match')} nothing that is found now${entries === 1 ? '' : '; the first'}: ${short(first, 300)}.`,
    help: ({ file }) =>
      `Remove what is stale: mn blueprint validate --baseline ${short(file)} --update-baseline`,
  },
  'suppression-expired': {
    severity: 'warning',
    summary: 'A suppression has expired',
    title: ({ finding, until }) => `Suppression of ${finding} expired on ${until}`,
    message: ({ finding, blueprint, until, reason }) =>
      `The suppression of ${finding} in ${quote(blueprint)} held until ${until} and hides nothing any more. Its reason was: ${short(reason, 300)}`,
    help: () => 'Solve the problem and remove the suppression, or give it a later date.',
  },
  'suppression-unused': {
    severity: 'note',
    summary: 'A suppression hides nothing',
    title: ({ finding }) => `Suppression of ${finding} hides nothing`,
    message: ({ finding, blueprint, target }) =>
      `There is no ${finding} in ${quote(blueprint)}${target === null ? '' : ` on ${short(target)}`} that this suppression could hide. It would hide a new one.`,
    help: () => 'Remove the suppression, or correct what it names.',
  },
};

export const findingIds = Object.keys(findings) as FindingId[];

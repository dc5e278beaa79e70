import { join } from '../blueprint/discover.ts';
import { builtInEntries } from '../catalog/built-in.ts';
import { buildCatalog } from '../catalog/catalog.ts';
import { fold } from '../catalog/name.ts';
import { proposedId, proposedModel, proposedName } from '../catalog/propose.ts';
import { readCatalog } from '../catalog/read.ts';
import { type EntryFields, putEntry } from '../catalog/write.ts';
import { parseDocument } from '../document/document.ts';
import { objectText } from '../document/insert.ts';
import { nodeFiles } from '../io/files.ts';
import { type Place, placeIn, placeOf } from '../io/place.ts';
import { whyNotWritten, writeWhole } from '../io/write.ts';
import { type Estimate, type EstimateResult, estimate } from '../memory/estimate.ts';
import { type Requirement, requirementsFor } from '../memory/requirements.ts';
import { RegistryError } from '../registry/error.ts';
import { type ModelHeader, ModelReader } from '../registry/header.ts';
import { formatReference, type ModelReference, parseReference } from '../registry/reference.ts';
import { guardLines } from '../report/guard.ts';
import { safeJson } from '../report/json.ts';
import { placeOf as placeWords } from '../report/survey.ts';
import { wrap } from '../report/width.ts';
import { catalogPath } from '../run/catalogs.ts';
import { repositoryOf } from '../run/repository.ts';
import { UsageError } from '../run/usage-error.ts';
import { entry as entrySchema } from '../schema/catalog.generated.ts';
import { problems } from '../schema/schema.ts';
import { bytesText } from '../text/bytes.ts';
import { printable, quote, short } from '../text/text.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

export interface CatalogAddOptions {
  id?: string;
  alias: string[];
  model?: string;
  contextSize?: string;
  /** True where no file is named. */
  write?: string | true;
  replace: boolean;
  json: boolean;
}

/** The format of `--json`; schemas/catalog-proposal.schema.json. */
const proposalSchema = 'model-check.catalog-proposal/v1';
/** Tokens, where nobody says how many: what the built-in default model has. */
const usualContext = 4096;

/** `mn catalog add`. Returns the exit code. */
export async function catalogAdd(
  ref: string,
  options: CatalogAddOptions,
  terminal: Terminal,
): Promise<number> {
  const reference = readReference(ref, options);
  const contextSize = contextOf(options.contextSize);
  let model: ModelHeader;
  try {
    model = await readModel(reference, terminal);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (reference.kind === 'file') throw new UsageError([error.message]);
    terminal.err(`error: ${printable(error.message)}\n`);
    return 1;
  }
  const proposal = propose(ref, reference, model, contextSize, options);
  if ('problem' in proposal) {
    terminal.err(`error: ${printable(proposal.problem)}\n`);
    return 1;
  }
  const target = targetOf(options.write);
  const isWritten = options.write !== undefined;
  if (isWritten && !write(proposal.entry, target, options.replace, terminal)) return 1;
  if (options.json) terminal.out(`${safeJson(proposalJson(proposal, isWritten ? target.path : null), 2)}\n`);
  else terminal.out(guardLines(proposalText(proposal, target.path, isWritten, terminal)));
  return 0;
}

// --- what is asked for

function readReference(ref: string, { model, write }: CatalogAddOptions): ModelReference {
  const parse = (text: string) => {
    try {
      return parseReference(text);
    } catch (error) {
      if (error instanceof RegistryError) throw new UsageError([error.message]);
      throw error;
    }
  };
  const reference = parse(ref);
  if (model !== undefined && reference.kind !== 'file')
    throw new UsageError([
      '--model says what a file is packaged as. Leave it out for a model of a registry.',
    ]);
  if (model !== undefined && parse(model).kind === 'file')
    throw new UsageError([
      `--model ${quote(model)} is the name of a file. Give a Docker name, as in myorg/drafts:v1.`,
    ]);
  if (reference.kind === 'file' && model === undefined && write !== undefined)
    throw new UsageError([
      'A file has no Docker name, and a catalog entry needs one. Give --model with the name that docker model package gives it.',
    ]);
  return reference;
}

function contextOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const tokens = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (tokens >= 1 && tokens < 2 ** 31) return tokens;
  throw new UsageError([
    `--context-size ${quote(text)} is no number of tokens. Give a whole number such as 8192.`,
  ]);
}

async function readModel(reference: ModelReference, terminal: Terminal): Promise<ModelHeader> {
  const reader = new ModelReader({ env: process.env, log: terminal.debug });
  try {
    return await reader.header(reference);
  } finally {
    reader.close();
  }
}

// --- what is proposed

interface Proposal {
  entry: EntryFields;
  /** The Docker name of the entry is made up: nobody has said what the file is packaged as. */
  isUnnamed: boolean;
  model: ModelHeader;
  architecture: string;
  /** Tokens; null where the header does not say. */
  trained: number | null;
  estimate: Estimate;
  requirements: Requirement[];
  assumptions: { id: string; assumed: string; because: string }[];
}

function propose(
  ref: string,
  reference: ModelReference,
  model: ModelHeader,
  asked: number | null,
  options: CatalogAddOptions,
): Proposal | { problem: string } {
  const { header, source, mmprojBytes } = model;
  if (source?.kind === 'huggingface' && !source.isAsked) {
    const { quantization } = source.reference;
    return {
      problem: `${ref} has no file of the quantization ${quote(quantization)}; Docker Model Runner would take ${quote(source.files[0]?.path)}. Name a quantization that the repository has.`,
    };
  }
  const architecture = header.metadata.get('general.architecture');
  const said = header.metadata.get(`${String(architecture)}.context_length`);
  const trained = typeof said === 'number' && Number.isSafeInteger(said) && said > 0 ? said : null;
  const packaged = source?.kind === 'oci' ? source.config.contextSize : null;
  const contextSize = asked ?? packaged ?? Math.min(usualContext, trained ?? usualContext);
  const result: EstimateResult = estimate(header, { contextSize });
  if (!result.ok) return { problem: `${ref}: ${result.problem}` };
  const assumptions = [...result.assumptions];
  if (asked === null) {
    const because =
      packaged === null
        ? 'none was given; --context-size gives another one'
        : 'the model is packaged with it; --context-size gives another one';
    assumptions.unshift({ id: 'context-size', assumed: `a context of ${contextSize} tokens`, because });
  }
  if (mmprojBytes > 0)
    assumptions.push({
      id: 'image-input',
      assumed: `${bytesText(mmprojBytes)} more for the file that reads images or sound`,
      because:
        'Docker Model Runner loads it with the model; what an image takes while it is read is not in it',
    });
  const requirements = requirementsFor(result.estimate, mmprojBytes);
  const name = proposedName(header.metadata.get('general.name'));
  const isFile = reference.kind === 'file';
  const aliases = [...new Set(options.alias)];
  const entry: EntryFields = {
    id: options.id ?? proposedId(isFile ? (options.model ?? ref) : formatReference(reference)),
    ...(name === null ? {} : { name }),
    model: options.model ?? (isFile ? proposedModel(ref) : ref),
    ...(aliases.length === 0 ? {} : { aliases }),
    context_size: contextSize,
    requirements: Object.fromEntries(requirements.map(({ rule, gb }) => [rule.field, gb])),
  };
  const wrong = problems(entrySchema, entry);
  if (wrong.length > 0) {
    const optionOf = new Map([
      ['id', '--id'],
      ['aliases', '--alias'],
    ]);
    throw new UsageError(
      wrong.map(({ field, expected, found }) => {
        const [top = ''] = field.split('.');
        return `${optionOf.get(top) ?? short(field)} must be ${expected}; found ${found}. Give another one.`;
      }),
    );
  }
  return {
    entry,
    isUnnamed: isFile && options.model === undefined,
    model,
    architecture: result.architecture,
    trained,
    estimate: result.estimate,
    requirements,
    assumptions,
  };
}

// --- where it goes

/** A catalog file: as people name it, and whether that was chosen for them. */
interface Target {
  path: string;
  /** The repository that it must stay in; null where somebody named the file. */
  repository: string | null;
}

function targetOf(write: string | true | undefined): Target {
  if (typeof write === 'string') return { path: write, repository: null };
  const repository = repositoryOf('.');
  return { path: join(repository, catalogPath), repository };
}

/** Writes the entry; false, with the reason said, where the catalog is broken. */
function write(
  entry: EntryFields,
  { path, repository }: Target,
  replace: boolean,
  terminal: Terminal,
): boolean {
  const shown = short(path);
  const read = nodeFiles([repository ?? '/']).read(path);
  if (!read.ok && !read.missing)
    throw new UsageError([`${quote(path)} cannot be read: ${read.reason}. ${read.fix}`]);
  const put = putEntry(path, read.ok ? read.text : null, entry, replace);
  if (!put.ok && put.why === 'exists') {
    throw new UsageError([
      `${shown}:${put.entry.source.line} already has an entry ${quote(put.entry.id)}. Give another --id, or --replace to renew its figures.`,
    ]);
  }
  if (!put.ok) {
    for (const { message, help, location } of put.findings)
      terminal.err(`error: ${placeWords(location)}: ${printable(`${message} ${help}`)}\n`);
    terminal.err(`Nothing was written: ${shown} has to be right before anything is added.\n`);
    return false;
  }
  const builtIn = builtInEntries.find(({ id }) => fold(id) === fold(entry.id));
  if (builtIn !== undefined && !put.isReplaced && !replace) throw new UsageError([overBuiltIn(entry.id)]);
  let place: Place | null;
  try {
    place = repository === null ? placeOf(path) : placeIn(repository, path);
    if (place !== null) writeWhole(place.path, [put.text], place.mode);
  } catch (error) {
    throw new UsageError([`${quote(path)} cannot be written (${whyNotWritten(error)}). Give another file.`]);
  }
  if (place === null)
    throw new UsageError([
      `${quote(path)} leads out of the repository, so it was not written. Replace the link by a folder, or name a file with --write.`,
    ]);
  terminal.err(
    `${put.isReplaced ? `renewed ${printable(entry.id)} in` : `added ${printable(entry.id)} to`} ${shown}\n`,
  );
  for (const conflict of conflictsOf(path, put.text, entry))
    terminal.err(`warning: ${printable(conflict)}\n`);
  return true;
}

function overBuiltIn(id: string): string {
  const builtIn = builtInEntries.find((entry) => fold(entry.id) === fold(id));
  return `${quote(id)} is a built-in model. An entry of that id replaces it whole, and its names ${builtIn?.aliases.join(', ')} are gone unless --alias gives them. Give another --id, or --replace.`;
}

/** What an entry claims that another one has, in words. */
function conflictsOf(file: string, text: string, { id }: EntryFields): string[] {
  const parsed = parseDocument(file, text);
  if (!parsed.ok) return [];
  const layers = [
    { name: 'built-in catalog', entries: builtInEntries },
    { ...readCatalog(parsed.document), name: file },
  ];
  return buildCatalog(layers)
    .catalog.conflicts.filter(({ winner, loser }) => [winner, loser].some((entry) => entry.id === id))
    .map(
      ({ alias, winner, loser }) =>
        `${short(alias)} is a name of ${short(winner.id)} and an alias of ${short(loser.id)}. ${short(winner.id)} is used. Remove it from one of the two.`,
    );
}

// --- how it is shown

function proposalJson(proposal: Proposal, file: string | null): unknown {
  const { entry, model, architecture, trained, estimate: found, requirements, assumptions } = proposal;
  const { engine, context_size, device, host, cpu_only, margin } = found;
  return {
    schema: proposalSchema,
    entry,
    written_to: file,
    model: {
      architecture,
      trained_context_size: trained,
      download_bytes: model.downloadBytes,
      digest: model.source?.kind === 'oci' ? model.source.digest : null,
    },
    estimate: { engine, context_size, device, host, cpu_only, margin, image_bytes: model.mmprojBytes },
    requirements: requirements.map(({ rule, needBytes, usableBytes, gb }) => ({
      field: rule.field,
      need_bytes: needBytes,
      usable_bytes: usableBytes,
      gb,
    })),
    assumptions,
  };
}

function proposalText(
  { entry, isUnnamed, model, architecture, trained, estimate: found, requirements, assumptions }: Proposal,
  path: string,
  isWritten: boolean,
  { colors, width }: Terminal,
): string {
  const facts = [
    entry.model,
    architecture,
    ...(model.source?.kind === 'oci' && model.source.config.quantization !== null
      ? [model.source.config.quantization]
      : []),
    `${bytesText(model.downloadBytes)} ${model.source === null ? 'on disk' : 'to download'}`,
  ];
  const indent = (text: string) => text.replace(/ +$/gm, '').replace(/^(?=.)/gm, '  ');
  const sides = [found.device, found.host, found.cpu_only];
  const image = model.mmprojBytes;
  const rows = [
    ['weights', ...sides.map(({ weights }) => gib(weights))],
    ['cache', ...sides.map(({ kv }) => gib(kv))],
    ['computing', ...sides.map(({ compute }) => gib(compute))],
    ...(image === 0 ? [] : [['images', gib(image), '', gib(image)]]),
    ['margin', gib(found.margin), '', gib(found.margin)],
    [
      'all',
      gib(found.device.total + image + found.margin),
      gib(found.host.total),
      gib(found.cpu_only.total + image + found.margin),
    ],
  ];
  const figures = requirements.map(({ rule, needBytes, gb, share, usableBytes }) => [
    rule.field,
    gib(needBytes),
    share === 1 ? `all of ${gb} GB` : `${Math.round(share * 100)} % of ${gb} GB, ${gib(usableBytes)}`,
    colors.bold(`${gb}`),
  ]);
  const text = [
    `${colors.bold(short(entry.id))}  ${facts.map((fact) => short(fact)).join(' · ')}\n`,
    `Memory at a context of ${entry.context_size} tokens${trained === null ? '' : ` (trained for ${trained})`}\n\n${indent(
      table(['', 'on the GPU', 'beside it', 'without a GPU'], rows, colors.dim),
    )}`,
    `The smallest common machines that have it\n\n${indent(
      table(['requirement', 'needs', 'a model can have', 'GB'], figures, colors.dim),
    )}`,
  ];
  if (assumptions.length > 0) {
    const each = assumptions.map(({ assumed, because }) =>
      wrap(printable(`${assumed}: ${because}`), Math.max(40, width) - 4)
        .map((line, index) => `${index === 0 ? '  - ' : '    '}${line}\n`)
        .join(''),
    );
    text.push(`Taken for granted\n\n${each.join('')}`);
  }
  const shown = objectText(entry).split('\n').map(printable).join('\n');
  text.push(`The entry${isWritten ? '' : ` for ${short(path)}`}\n\n${indent(`${shown}\n`)}`);
  if (!isWritten) {
    const hints = ['Nothing was written: --write does it.'];
    if (builtInEntries.some(({ id }) => fold(id) === fold(entry.id))) hints.push(overBuiltIn(entry.id));
    if (isUnnamed)
      hints.push('The file has no Docker name yet: --model says what docker model package calls it.');
    text.push(hints.map((hint) => `${wrap(hint, Math.max(40, width)).join('\n')}\n`).join(''));
  }
  return text.join('\n');
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}

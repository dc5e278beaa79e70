import type { Declaration } from '../blueprint/declarations.ts';
import { dockerModelRunner, extract } from '../blueprint/declarations.ts';
import type { Blueprint } from '../blueprint/discover.ts';
import { blueprintId, documentsOf, join } from '../blueprint/discover.ts';
import type { BlueprintRequirements } from '../blueprint/requirements.ts';
import { readRequirements } from '../blueprint/requirements.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { dockerKey, isUnusualSpelling } from '../catalog/name.ts';
import { effectiveBackend } from '../compatibility/assess.ts';
import { locate } from '../document/document.ts';
import type { Files } from '../document/files.ts';
import { dotted } from '../document/pointer.ts';
import type { Range } from '../document/position.ts';
import type { Finding, Location, Severity } from '../findings/finding.ts';
import { compareFindings, finding, replacement, sortFindings } from '../findings/finding.ts';
import type { Target } from '../hardware/facts.ts';
import type { Checked } from './alike.ts';
import { Alike } from './alike.ts';
import type { Assessment } from './assessments.ts';
import { Assessments } from './assessments.ts';
import type { Beside, Part } from './beside.ts';
import type { InstalledCheck } from './installed.ts';
import type {
  DeclarationEstimate,
  HiddenFinding,
  Report,
  ReportBlueprint,
  ReportDeclaration,
} from './report.ts';
import { Shared } from './shared.ts';
import type { Sieve } from './sieve.ts';
import { answerFor } from './sieve.ts';
import { verdictFindings } from './verdict-findings.ts';

export interface CheckInput {
  /** One at a time; nothing of a blueprint's text is kept after it was checked. */
  blueprints: Iterable<Blueprint>;
  catalog: Catalog;
  targets: readonly Target[];
  /** Turns what only hardware refuses into an allowed result (decision 16). */
  force: boolean;
  /** Compares with what is installed; for this check only. Null where nobody asked (decision 20). */
  installed: InstalledCheck | null;
  /** Findings from before the blueprints: catalogs. */
  findings: readonly Finding[];
  files: Pick<Files, 'hasFile'>;
  /** Whether every declaration needs a position, or only what findings point at. */
  positions: 'all' | 'findings';
  /** How much it weighs that nothing was found; null for nothing at all. */
  ifNone: Severity | null;
  /** Where was looked, for that finding. */
  searched: readonly string[];
  /** What the estimate says beside the verdicts, and the blueprints' own requirements; null or absent: nothing. */
  beside?: ((targets: readonly Target[]) => Beside) | null;
  /** Named files that are no blueprints; complete once `blueprints` was gone through. */
  notBlueprints: readonly string[];
  /** Says which findings are hidden, and which are new; everything is shown without one. */
  sieve?: Sieve | null;
  /** Gets what each blueprint says, before it is checked. */
  onFacts?: ((facts: BlueprintFacts) => void) | undefined;
}

/** What a blueprint says, before any target: enough to check it on targets that are known later. */
export interface BlueprintFacts {
  path: string;
  id: string;
  /** False where a layer cannot be read: `findings` say so, and nothing else is known. */
  readable: boolean;
  declarations: Declaration[];
  /** What is wrong with it on any target. */
  findings: Finding[];
  requirements: BlueprintRequirements | null;
  /** Where values of one of its files stand, by pointer; what is not found is left out. */
  locate(file: string, pointers: Iterable<string>): ReadonlyMap<string, Range>;
}

/** `CheckInput`, with blueprints that were read before. */
export interface FactsInput extends Omit<CheckInput, 'blueprints' | 'files' | 'onFacts'> {
  blueprints: Iterable<BlueprintFacts>;
}

/** Checks every model of every blueprint against every target. Pure but for `files`. */
export function check(input: CheckInput): Report {
  const { blueprints, files, onFacts } = input;
  const isPlain = onFacts == null && input.sieve == null && input.installed === null;
  const toFacts = (blueprint: Blueprint) => {
    const facts = factsOf(blueprint, files);
    onFacts?.(facts);
    return facts;
  };
  // Who looks at each blueprint or finding gets to see each.
  return checkAll(input, blueprints, toFacts, isPlain ? new Alike(input.positions) : null);
}

/** `check`, of what is known of the blueprints. Pure. */
export function checkFacts(input: FactsInput): Report {
  return checkAll(input, input.blueprints, (facts) => facts, null);
}

function checkAll<One>(
  input: Omit<FactsInput, 'blueprints'>,
  ones: Iterable<One>,
  toFacts: (one: One) => BlueprintFacts,
  alike: { checked(one: One, check: (one: One) => Checked): Checked } | null,
): Report {
  const beside = input.beside?.(input.targets) ?? null;
  const assessments = new Assessments(input.catalog, input.targets, input.force, beside);
  const sieve = input.sieve ?? null;
  const shared = new Shared();
  const findings: Finding[] = [];
  const hidden: HiddenFinding[] = [];
  const sift = (found: Finding) => {
    if (sieve === null) return findings.push(found);
    const answer = answerFor(sieve, found);
    found.change = answer.change;
    return answer.hidden === null ? findings.push(found) : hidden.push({ finding: found, ...answer.hidden });
  };
  for (const found of input.findings) sift(found);
  const blueprints: ReportBlueprint[] = [];
  let declarations = 0;
  let skipped = 0;
  const checkOne = (one: One): Checked => {
    const facts = toFacts(one);
    const { blueprint, findings: about } = checkBlueprint(facts, assessments, beside, input);
    blueprint.declarations = blueprint.declarations.map((each) => shared.declaration(each));
    for (const found of about) found.blueprint = facts.path;
    return { blueprint, findings: about.map((found) => shared.finding(found)) };
  };
  for (const one of ones) {
    const checked = alike === null ? checkOne(one) : alike.checked(one, checkOne);
    blueprints.push(checked.blueprint);
    // Not spread into one call: a hostile blueprint has more findings than a call takes arguments.
    for (const found of checked.findings) sift(found);
    declarations += checked.blueprint.declarations.length;
    for (const declaration of checked.blueprint.declarations) {
      if (declaration.skipped !== null) skipped++;
    }
  }
  findings.push(...(input.installed?.services() ?? []));
  findings.push(...missing(input, blueprints.length));
  if (sieve?.findings !== undefined) {
    const checked = {
      blueprints: blueprints.map(({ path }) => path),
      targets: input.targets.map(({ id }) => id),
    };
    for (const found of sieve.findings(checked)) findings.push(found);
  }
  sortFindings(findings);
  hidden.sort((a, b) => compareFindings(a.finding, b.finding));
  const severities = { error: 0, warning: 0, note: 0 };
  for (const { severity } of findings) severities[severity]++;
  return {
    ok: severities.error === 0,
    summary: {
      blueprints: blueprints.length,
      declarations,
      skipped,
      models: assessments.models,
      targets: input.targets.length,
      errors: severities.error,
      warnings: severities.warning,
      notes: severities.note,
    },
    targets: [...input.targets],
    ...(beside === null ? {} : { modelMemory: beside.modelMemory }),
    verdicts: assessments.verdicts,
    blueprints,
    findings,
    hidden,
    comparison: null,
  };
}

/** A named file that is no blueprint, and a search that found none. */
export function missing(
  { ifNone, searched, notBlueprints }: Pick<CheckInput, 'ifNone' | 'searched' | 'notBlueprints'>,
  found: number,
): Finding[] {
  if (ifNone === null) return [];
  const places =
    notBlueprints.length > 0
      ? notBlueprints
      : found === 0
        ? [searched.map((path) => (path === '.' ? 'this folder' : path)).join(', ')]
        : [];
  return places.map((place) => finding('no-blueprint', { searched: place }, { severity: ifNone }));
}

const nowhere: ReadonlyMap<string, Range> = new Map();
const none: ReportDeclaration['statuses'] = Object.freeze(Object.create(null));

function factsOf(blueprint: Blueprint, files: CheckInput['files']): BlueprintFacts {
  const { path: folder, kind } = blueprint;
  const common = {
    path: folder,
    id: blueprintId(blueprint),
    locate: (file: string, pointers: Iterable<string>) => {
      const document = documentsOf(blueprint).find((one) => one.file === file);
      return document === undefined ? nowhere : locate(document, pointers);
    },
  };
  // Of a blueprint with an unreadable layer the effective config is not known: whatever else were said could be wrong.
  if (blueprint.findings.length > 0) {
    return {
      ...common,
      readable: false,
      declarations: [],
      findings: blueprint.findings,
      requirements: null,
    };
  }
  const { declarations, findings, payloadFiles, requirements } = extract(blueprint);
  const payloads = join(kind === 'folder' ? folder : folderOf(folder), 'payloads');
  for (const { path, field, file, pointer } of payloadFiles) {
    if (!files.hasFile(join(payloads, path))) {
      findings.push(
        finding('payload-missing', { path, field }, { location: { file, pointer, range: null } }),
      );
    }
  }
  return { ...common, readable: true, declarations, findings, requirements: readRequirements(requirements) };
}

function checkBlueprint(
  blueprint: BlueprintFacts,
  assessments: Assessments,
  beside: Beside | null,
  input: Omit<FactsInput, 'blueprints'>,
): Checked {
  const { declarations, findings, requirements } = blueprint;
  if (!blueprint.readable) {
    return { blueprint: { path: blueprint.path, id: blueprint.id, declarations: [] }, findings };
  }

  const accepted = acceptedOf(declarations);

  const parts: Part[] = [];
  for (const declaration of declarations) {
    const { assessment, findings: about } = checkDeclaration(
      declaration,
      blueprint.path,
      accepted,
      assessments,
      beside,
      input,
    );
    about.push(...(input.installed?.of(declaration, accepted, assessment) ?? []));
    for (const found of about) {
      found.declaration = declaration.pointer;
      findings.push(found);
    }
    parts.push({ declaration, assessment });
  }
  let estimates: readonly (DeclarationEstimate | null)[] = [];
  if (beside !== null) {
    const said = beside.check(parts, requirements);
    for (const found of said.findings) findings.push(found);
    estimates = said.estimates;
  }
  // `map` makes an array that is no longer than it must be; one that is pushed to has room for 17.
  const reported: ReportBlueprint = {
    path: blueprint.path,
    id: blueprint.id,
    declarations: parts.map((part, index) => reportedDeclaration(part, estimates[index] ?? null)),
  };
  addPositions(blueprint, reported, findings, input.positions);
  return { blueprint: reported, findings };
}

function reportedDeclaration(
  { declaration, assessment }: Part,
  estimate: DeclarationEstimate | null,
): ReportDeclaration {
  return {
    pointer: declaration.pointer,
    file: declaration.source.file,
    sourcePointer: declaration.source.pointer,
    range: null,
    ref: declaration.ref,
    model: assessment?.entry.id ?? null,
    dockerModel: assessment?.entry.dockerModel ?? null,
    provider: declaration.provider,
    backend:
      declaration.backend === 'auto'
        ? (assessment?.backend ?? 'auto')
        : (declaration.backend ?? assessment?.backend ?? null),
    contextSize: declaration.contextSize,
    required: declaration.required,
    config: declaration.config,
    skipped: declaration.skipped,
    estimate,
    statuses: assessment?.statuses ?? none,
  };
}

const nothingAccepted: ReadonlyMap<string, Declaration['accepted']> = new Map();

/** What the blueprint vouches for, by Docker name. Hardly any does. */
function acceptedOf(declarations: readonly Declaration[]): ReadonlyMap<string, Declaration['accepted']> {
  let found: Map<string, Declaration['accepted']> | null = null;
  for (const { ref, accepted } of declarations) {
    if (ref !== null && accepted !== null) (found ??= new Map()).set(dockerKey(ref), accepted);
  }
  return found ?? nothingAccepted;
}

function checkDeclaration(
  declaration: Declaration,
  blueprint: string,
  accepted: ReadonlyMap<string, Declaration['accepted']>,
  assessments: Assessments,
  beside: Beside | null,
  input: Omit<FactsInput, 'blueprints'>,
): { assessment: Assessment | null; findings: Finding[] } {
  const { ref, skipped, provider } = declaration;
  if (skipped !== null || ref === null || provider !== dockerModelRunner)
    return { assessment: null, findings: [] };
  const findings: Finding[] = [];
  const place = dotted(declaration.pointer);
  const location = { file: declaration.source.file, pointer: declaration.source.pointer, range: null };

  // What the blueprint vouches for has no hardware verdict, also where a catalog knows the name (decision 4).
  const why = accepted.size === 0 ? undefined : accepted.get(dockerKey(ref));
  const resolved = why === undefined ? input.catalog.resolve(ref) : null;
  if (resolved === null) {
    if (why !== undefined) {
      const words = why === 'payload' ? 'a model from the payload' : 'a customized Hugging Face model';
      findings.push(
        finding('model-unverified', { place, ref, why: words, inPayload: why === 'payload' }, { location }),
      );
    } else if (!declaration.required) {
      const fix = replacement(ref, input.catalog.correct(ref));
      findings.push(
        finding(
          'model-not-checked',
          { place, ref, suggestion: input.catalog.suggest(ref) },
          { location, fix },
        ),
      );
    } else {
      const fix = replacement(ref, input.catalog.correct(ref));
      findings.push(
        finding(
          'unknown-model',
          { place, ref, suggestion: input.catalog.suggest(ref), catalogs: input.catalog.describe() },
          { location, fix },
        ),
      );
    }
  }
  if (declaration.wantsContextSize && declaration.accepted === null) {
    const model = resolved?.entry.id ?? ref;
    const cost = beside?.costOfNoContext(resolved?.entry.dockerModel ?? ref);
    findings.push(finding('context-size-missing', { place, model, ...(cost ? { cost } : {}) }, { location }));
  }
  if (resolved === null) return { assessment: null, findings };

  const { entry } = resolved;
  if (isUnusualSpelling(ref)) {
    const { dockerModel } = entry;
    const isSame = !isUnusualSpelling(dockerModel) && input.catalog.resolve(dockerModel)?.entry === entry;
    const fix = replacement(ref, isSame ? dockerModel : null);
    findings.push(finding('model-spelling', { ref, model: dockerModel }, { location, fix }));
  }
  const assessment = assessments.of(entry, effectiveBackend(declaration.backend, entry));
  if (!declaration.backendRefused) {
    findings.push(
      ...verdictFindings(
        { blueprint, place, ref, required: declaration.required, location },
        assessment,
        assessments,
        input.sieve ?? null,
      ),
    );
  }
  return { assessment, findings };
}

/** Looks up lines and columns. */
function addPositions(
  blueprint: BlueprintFacts,
  reported: ReportBlueprint,
  findings: readonly Finding[],
  positions: CheckInput['positions'],
): void {
  // By file and pointer: what several findings point at is one place.
  const wanted = new Map<string, Map<string, Location | null>>();
  const placesIn = (file: string) => {
    let places = wanted.get(file);
    if (places === undefined) wanted.set(file, (places = new Map()));
    return places;
  };
  for (const found of findings) {
    const { location } = found;
    if (location === null || location.range !== null) continue;
    const places = placesIn(location.file);
    const known = places.get(location.pointer);
    if (known) found.location = known;
    else places.set(location.pointer, location);
  }
  const declarations = positions === 'all' ? reported.declarations : [];
  for (const { file, sourcePointer } of declarations) {
    const places = placesIn(file);
    if (!places.has(sourcePointer)) places.set(sourcePointer, null);
  }
  for (const [file, places] of wanted) {
    const ranges = blueprint.locate(file, places.keys());
    for (const [pointer, location] of places) {
      if (location !== null) location.range = ranges.get(pointer) ?? null;
    }
    for (const declaration of declarations) {
      if (declaration.file === file) declaration.range = ranges.get(declaration.sourcePointer) ?? null;
    }
  }
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '.' : path.slice(0, slash);
}

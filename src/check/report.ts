import type { Status, Verdict } from '../compatibility/verdict.ts';
import type { Range } from '../document/position.ts';
import type { Finding } from '../findings/finding.ts';
import type { Target } from '../hardware/facts.ts';
import type { Fit, Have } from '../memory/fit.ts';

/** One place in a blueprint that names a model, with what became of it. */
export interface ReportDeclaration {
  /** The place that needs the model, as a pointer into the effective config: `/llm/configs/primary`. */
  pointer: string;
  /** The file that supplied the value that names the model, and the pointer in that file. */
  file: string;
  sourcePointer: string;
  /** Of that value; null where positions were not asked for or there is none. */
  range: Range | null;
  /** The reference as written; null where a whole section is skipped or no model is named. */
  ref: string | null;
  /** Id of the catalog entry; null where none was resolved. */
  model: string | null;
  /** The Docker name of that entry; null likewise. */
  dockerModel: string | null;
  provider: string;
  backend: string | null;
  /** Tokens. */
  contextSize: number | null;
  required: boolean;
  /** Name of the config in `llm.configs` or of the entry in `runtime.models`; null elsewhere. */
  config: string | null;
  /** Why it is not checked; null where it is. */
  skipped: string | null;
  /** What it needs by the estimate; null or absent where the model is not known. */
  estimate?: DeclarationEstimate | null;
  /** Target id -> status. Shared between declarations of the same model and backend; empty where nothing was assessed. */
  statuses: Readonly<Record<string, Status>>;
}

/** What a model needs at a context size by the estimate, in bytes. It informs, and changes no verdict. */
export interface DeclarationEstimate {
  /** Tokens. */
  contextSize: number;
  /** The blueprint gives the context size; else it is the catalog's. */
  given: boolean;
  /** With all layers on one device. */
  device: number;
  /** Beside that device. */
  host: number;
  /** Without any device. */
  cpuOnly: number;
  /** What drivers and other programs should be left. */
  margin: number;
  /** What is not certain of it; null for nothing. */
  note: string | null;
}

/** The estimate beside a verdict, at the context size of the catalog entry, in bytes. */
export interface VerdictEstimate {
  contextSize: number;
  need: number;
  have: number;
  fit: Exclude<Fit, 'unknown'>;
}

export interface ReportBlueprint {
  /** Folder or file, as people write it. */
  path: string;
  id: string;
  declarations: ReportDeclaration[];
}

export interface Summary {
  blueprints: number;
  /** All, skipped ones included. */
  declarations: number;
  skipped: number;
  /** Distinct catalog entries that declarations resolved to. */
  models: number;
  targets: number;
  errors: number;
  warnings: number;
  notes: number;
}

export interface ReportVerdict extends Verdict {
  /** Null or absent where the model is not known. */
  estimate?: VerdictEstimate | null;
}

/** All findings, verdicts and counts of one run. */
export interface Report {
  /** True where no finding is an error, whatever `--fail-on` says. */
  ok: boolean;
  summary: Summary;
  targets: Target[];
  /** What each target has for models, in their order; absent where nothing was estimated. */
  modelMemory?: readonly Have[];
  /** One for each model, backend and target. */
  verdicts: ReportVerdict[];
  blueprints: ReportBlueprint[];
  /** In the order of `compareFindings`. */
  findings: Finding[];
  /** Findings that the baseline or a suppression hides: not in `findings`, not counted in the summary. Same order. */
  hidden: HiddenFinding[];
  /** What changed against another version; null where nothing was compared. */
  comparison: Comparison | null;
  /** What was not checked because no change can affect it; absent where that was not asked for. */
  leftOut?: LeftOut;
  /** What registries say of the models of catalogs; absent where nobody asked. */
  artifacts?: ReportArtifact[];
  /** In one shard of a run: what the JSON report has besides, so that the shards can be merged. */
  shard?: ShardWriter;
}

/** Further fields of the JSON report of a shard. */
export interface ShardWriter {
  ofFinding(finding: Finding): object;
  ofDeclaration(declaration: ReportDeclaration): object;
  /** The lines of its `shard`, without a comma behind. */
  lines(): Iterable<string>;
}

/** How much of the repository no change since another version can affect. */
export interface LeftOut {
  blueprints: number;
  /** The version, as asked for: `origin/main`. */
  since: string;
  /** The commit that it names, or where this branch left it. */
  commit: string;
  /** What changed that concerns every blueprint, so that none is left out: `the targets`; null for nothing. */
  everything: string | null;
}

/** The model of one catalog entry in its registry. */
export interface ReportArtifact {
  /** The catalog id. */
  model: string;
  /** The Docker name, as the catalog has it. */
  ref: string;
  /** `changed`: it is there, and another one than the lock file recorded. */
  state: 'there' | 'changed' | 'missing' | 'unreachable';
  /** `sha256:…` of its manifest; null for Hugging Face, and where it was not found. */
  digest: string | null;
  /** Bytes that a pull downloads; null where it was not found. */
  bytes: number | null;
  /** What the lock file recorded; null where it did not. */
  lockedDigest: string | null;
}

/** A finding that somebody decided to live with. */
export interface HiddenFinding {
  finding: Finding;
  /** `baseline`, or a suppression of the project's config file. */
  by: 'baseline' | 'suppression';
  /** Why, in the words of the suppression; null for the baseline. */
  reason: string | null;
}

/** The check of one version against that of another. */
export interface Comparison {
  /** The version compared with, as asked for: `origin/main`. */
  base: string;
  /** The commit that it names. */
  commit: string;
  new: number;
  unchanged: number;
  /** Findings of the base that are gone, as they were there. */
  fixed: Finding[];
  /** What ran on a target in the base and no longer does. */
  dropped: { blueprint: string; model: string; targets: string[] }[];
  /** What the catalogs and targets did to it, and targets that only one of the versions has. */
  causes: Cause[];
  /** The base is that of a pull request that the run is for. */
  pullRequest: boolean;
}

/** A change of a catalog or of the targets. */
export interface Cause {
  /** A sentence: `The catalog no longer has the alias small of gemma4:e2b.` */
  message: string;
  /** Paths of the blueprints that no longer run somewhere because of it. */
  blueprints: string[];
}

/** What changed against another version, in words: safe on one line, not escaped for a format. */
export interface Changes {
  /** `this pull request`, or `this change`. */
  subject: string;
  /** `origin/main (3d6b87d)`. */
  base: string;
  /** `2 new (1 error, 1 note), 1 fixed, 5 unchanged`. */
  counts: string;
  /** The answer where something no longer runs: `drops legal_assistant on Mac 8 GB`; else null. */
  headline: string | null;
  /** The first of what no longer runs. */
  dropped: { blueprint: string; model: string; targets: string }[];
  /** Sentences about the rest of it, and about catalogs and targets. */
  sentences: string[];
}

/** What a reader needs besides the report: what was checked, how it was chosen, how long it took. */
export interface RunInfo {
  /** How the targets were chosen, in words: `6 targets from .mn/targets.yaml`, `this machine (…)`. */
  targetsFrom: string;
  /** What to do to choose others; empty where somebody chose. */
  targetsHint: string;
  /** `built-in + .mn/models/catalog.json (3 models)`. */
  catalogFrom: string;
  /** Wall time in milliseconds; null leaves it out (reproducible output). */
  elapsedMs: number | null;
  /** Force was asked for. */
  force: boolean;
  /** The config file that options came from; absent where there is none. */
  configFrom?: string;
  /** The baseline that hides findings; absent where there is none. */
  baselineFrom?: string;
  /** How many blueprints were left out because no change can affect them; empty or absent where that was not asked for. */
  leftOut?: string;
  /** Why nothing was compared, where a pull request has a base to compare with; empty or absent else. */
  notCompared?: string;
  /** What changed, where something was compared. */
  changes?: Changes | null;
}

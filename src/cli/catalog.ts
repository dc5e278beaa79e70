import { dockerModelRunner, normalProvider } from '../blueprint/declarations.ts';
import { join } from '../blueprint/discover.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import { changeOf, type Lock, type LockedModel, lockPath } from '../catalog/lock.ts';
import { exitCode, type FailOn } from '../check/exit-code.ts';
import type { Report, ReportArtifact } from '../check/report.ts';
import { locate } from '../document/document.ts';
import type { Files } from '../document/files.ts';
import { valueAt } from '../document/pointer.ts';
import { compareFindings, type Finding, finding, type Location } from '../findings/finding.ts';
import { nodeFiles } from '../io/files.ts';
import { sinceStart } from '../io/stream.ts';
import { findingBlocks, guardLines } from '../report/text.ts';
import { elapsed, problemCounts } from '../report/words.ts';
import type { Observation } from '../run/artifacts.ts';
import { catalogPath, type LoadedCatalogs, loadCatalogs } from '../run/catalogs.ts';
import { readLockFile } from '../run/lock.ts';
import { repositoryOf } from '../run/repository.ts';
import { UsageError } from '../run/usage-error.ts';
import { bytesText } from '../text/bytes.ts';
import { count, short, shortDigest } from '../text/text.ts';
import { version } from '../version.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

export interface CatalogCheckOptions {
  online: boolean;
  all: boolean;
  failOn: FailOn;
  format: 'text' | 'json' | 'github' | 'sarif';
}

/** `mn catalog check`. Returns the exit code. */
export async function catalogCheck(
  paths: readonly string[],
  options: CatalogCheckOptions,
  terminal: Terminal,
): Promise<number> {
  if (options.all && !options.online)
    throw new UsageError(['--all says what --online looks up. Give both, or neither.']);
  const repository = repositoryOf('.');
  const files = nodeFiles([repository]);
  const loaded = await loadCatalogs(repository, paths, null, files);
  const lock = readLockFile(files, join(repository, lockPath));
  const findings = [...loaded.findings, ...lock.findings];
  const artifacts: ReportArtifact[] = [];
  if (options.online) {
    const entries = entriesToLookUp(loaded, lock.lock, options.all);
    const observed = await lookUp(entries, terminal);
    const locations = locationsOf(loaded, entries);
    for (const entry of entries) {
      const seen = observed.get(entry.dockerModel) as Observation;
      const { artifact, found } = judge(entry, seen, lock.lock, locations.get(entry) ?? null);
      artifacts.push(artifact);
      findings.push(...found);
    }
  } else if (loaded.documents.size === 0 && findings.length === 0) {
    terminal.err(
      `warning: there is no ${join(repository, catalogPath)}. Name a catalog file, or write one with mn catalog add.\n`,
    );
  }
  const report = reportOf(findings, loaded, options.online ? artifacts : undefined);
  const source = (file: string) => loaded.documents.get(file)?.text ?? readText(files, file);
  if (options.format === 'text') {
    terminal.out(checkText(report, loaded, source, terminal));
  } else {
    const { render } = await import('../run/formats.ts');
    const info = {
      targetsFrom: '',
      targetsHint: '',
      catalogFrom: loaded.from,
      elapsedMs: null,
      force: false,
    };
    const { chunks } = await render(options.format, report, {
      info,
      version,
      color: false,
      width: terminal.width,
      quiet: false,
      source,
      link: () => null,
      settled: true,
    });
    for (const chunk of chunks) terminal.out(chunk);
  }
  return exitCode(report.summary, options.failOn);
}

/**
 * The entries whose models are looked up: those of files; of the built-in ones all of them with `all`, else those
 * that the lock has. Only what Docker Model Runner serves.
 */
export function entriesToLookUp({ catalog }: LoadedCatalogs, lock: Lock, all: boolean): CatalogEntry[] {
  return catalog.entries.filter(
    ({ provider, source, dockerModel }) =>
      normalProvider(provider) === dockerModelRunner &&
      (source.line !== null || all || lock.get(dockerModel) !== null),
  );
}

/** What the registries say of the models of entries, by their Docker names. */
export async function lookUp(
  entries: readonly CatalogEntry[],
  terminal: Terminal,
): Promise<Map<string, Observation>> {
  const { observeArtifacts } = await import('../run/artifacts.ts');
  const refs = entries.map(({ dockerModel }) => dockerModel);
  const observed = await observeArtifacts(refs, {
    env: process.env,
    log: terminal.debug,
    ...(terminal.watched && {
      onDone: (done: number, total: number) => terminal.err(`\r  looked up ${done} of ${total} models …`),
    }),
  });
  if (terminal.watched && observed.size > 0) terminal.err('\r\u001b[K');
  return observed;
}

/** What is to be said of one model, now and against what was recorded. */
function judge(
  entry: CatalogEntry,
  seen: Observation,
  lock: Lock,
  location: Location | null,
): { artifact: ReportArtifact; found: Finding[] } {
  const data = { model: entry.id, ref: entry.dockerModel };
  const recorded = lock.get(entry.dockerModel);
  const artifact = (state: ReportArtifact['state'], model: LockedModel | null): ReportArtifact => ({
    ...data,
    state,
    digest: model?.digest ?? null,
    bytes: model?.size ?? null,
    lockedDigest: recorded?.digest ?? null,
  });
  if (seen.state !== 'there') {
    const id = seen.state === 'missing' ? 'artifact-missing' : 'artifact-unreachable';
    const said = finding(id, { ...data, problem: seen.problem, fix: seen.help }, { location });
    return { artifact: artifact(seen.state, null), found: [said] };
  }
  const change = recorded === null ? null : changeOf(recorded, seen.model);
  if (change === null) return { artifact: artifact('there', seen.model), found: [] };
  return {
    artifact: artifact('changed', seen.model),
    found: [finding('artifact-changed', { ...data, change }, { location })],
  };
}

/** Where each entry names its model. Built-in entries stand nowhere. */
function locationsOf(
  { documents }: LoadedCatalogs,
  entries: readonly CatalogEntry[],
): Map<CatalogEntry, Location> {
  const pointers = new Map<string, Map<string, CatalogEntry>>();
  for (const entry of entries) {
    const { catalog: file, pointer } = entry.source;
    const value = documents.get(file)?.value;
    // The first that is there is what Docker is asked for.
    const field = ['dmr_model', 'docker_model', 'model'].find(
      (name) => (valueAt(value, `${pointer}/${name}`) ?? null) !== null,
    );
    if (field === undefined) continue;
    const ofFile = pointers.get(file) ?? new Map<string, CatalogEntry>();
    pointers.set(file, ofFile.set(`${pointer}/${field}`, entry));
  }
  const locations = new Map<CatalogEntry, Location>();
  for (const [file, ofFile] of pointers) {
    const document = documents.get(file);
    if (document === undefined) continue;
    const ranges = locate(document, ofFile.keys());
    for (const [pointer, entry] of ofFile)
      locations.set(entry, { file, pointer, range: ranges.get(pointer) ?? null });
  }
  return locations;
}

function reportOf(
  findings: Finding[],
  { catalog }: LoadedCatalogs,
  artifacts: ReportArtifact[] | undefined,
): Report {
  const amount = (severity: Finding['severity']) =>
    findings.filter((one) => one.severity === severity).length;
  const errors = amount('error');
  return {
    ok: errors === 0,
    summary: {
      blueprints: 0,
      declarations: 0,
      skipped: 0,
      models: catalog.entries.filter(({ source }) => source.line !== null).length,
      targets: 0,
      errors,
      warnings: amount('warning'),
      notes: amount('note'),
    },
    targets: [],
    verdicts: [],
    blueprints: [],
    findings: [...findings].sort(compareFindings),
    hidden: [],
    comparison: null,
    ...(artifacts && { artifacts }),
  };
}

const stateWords: Record<ReportArtifact['state'], string> = {
  there: '✓ there',
  changed: '⚠ changed',
  unreachable: '⚠ not checked',
  missing: '✗ cannot be had',
};

function checkText(
  report: Report,
  { documents }: LoadedCatalogs,
  source: (file: string) => string | null,
  { color, colors, width }: Terminal,
): string {
  const { summary, artifacts } = report;
  const where = [...documents.keys()].map((file) => short(file)).join(', ');
  let text = `Checked ${count(documents.size, 'catalog')} with ${count(summary.models, 'model')}${where === '' ? '' : `: ${where}`}\n\n`;
  if (artifacts !== undefined && artifacts.length > 0) {
    const paints = {
      there: colors.green,
      changed: colors.yellow,
      unreachable: colors.yellow,
      missing: colors.red,
    };
    const rows = artifacts.map(({ model, ref, state, digest, bytes }) => [
      short(model),
      short(ref),
      paints[state](stateWords[state]),
      bytes === null ? '' : bytesText(bytes),
      digest === null ? '' : shortDigest(digest),
    ]);
    text += `${table(['model', 'Docker name', 'in its registry', 'size', 'digest'], rows, colors.dim)
      .replace(/ +$/gm, '')
      .replace(/^(?=.)/gm, '  ')}\n`;
  }
  const blocks = findingBlocks(report, { color, width, quiet: false, source });
  if (blocks !== '') text += `${blocks}\n`;
  const paint = !report.ok ? colors.red : summary.warnings > 0 ? colors.yellow : colors.green;
  return guardLines(`${text}${paint(problemCounts(summary))} · ${elapsed(sinceStart())}\n`);
}

function readText(files: Files, file: string): string | null {
  const read = files.read(file);
  return read.ok ? read.text : null;
}

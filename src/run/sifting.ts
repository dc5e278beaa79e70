import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { join } from '../blueprint/discover.ts';
import type { Baseline, BaselineContext, Stale } from '../check/baseline.ts';
import { BaselineUpdate, baselineSieve, baselineText, entriesOf, parseBaseline } from '../check/baseline.ts';
import type { Suppression } from '../check/config.ts';
import type { KnownFindings } from '../check/known.ts';
import type { Report } from '../check/report.ts';
import type { Checked, Sieve } from '../check/sieve.ts';
import { allOf } from '../check/sieve.ts';
import type { SuppressionState } from '../check/suppressions.ts';
import { remembered, suppressionSieve } from '../check/suppressions.ts';
import type { Files } from '../document/files.ts';
import { maxFileBytes } from '../io/files.ts';
import { whyNotWritten, writeWhole } from '../io/write.ts';
import { count, printable, quote } from '../text/text.ts';
import { pathsFrom } from './repository.ts';
import type { RunOptions } from './run.ts';
import { describeProblem } from './targets.ts';
import { UsageError } from './usage-error.ts';

/** What hides findings in a run. */
export interface SiftingOptions {
  /** As the caller gave them, without the config file. */
  options: RunOptions;
  repository: string;
  /** Null for none. */
  baseline: string | null;
  suppressions: readonly Suppression[];
  /** What the baseline is read with. */
  files: Files;
  /** `YYYY-MM-DD`, in UTC. */
  today: string;
  /** In one shard of a run: whether it is this one that says what became of a blueprint of the baseline. */
  decides: ((blueprint: string) => boolean) | null;
}

/** What only the merge of all shards can tell of baseline and suppressions. */
export interface HeldBack {
  stale: Stale | null;
  suppressions: SuppressionState[];
  /** The day that suppressions are held against, and whether nothing but the input target narrows what is checked. */
  today: string;
  isWhole: boolean;
}

export interface Sifting {
  sieve: Sieve;
  /** Writes the new baseline where that was asked for: what was done, in words; null where nothing was. */
  finish(report: Report): string | null;
  /** What the sieve would otherwise tell of itself. */
  held(report: Report): HeldBack;
}

/** Opens the baseline and the suppressions of a run. Throws a UsageError with everything that is wrong. */
export function openSifting(sifting: SiftingOptions): Sifting {
  const { options, repository, baseline: file, suppressions, files, decides } = sifting;
  if (options.updateBaseline && file === null) {
    throw new UsageError([
      '--update-baseline needs the file to write. Add --baseline .mn/baseline.json, or baseline to .mn/model-check.yaml.',
    ]);
  }
  // Whether every blueprint of the repository is looked for.
  const isRoot = resolve(options.base) === resolve(repository);
  const allBlueprints =
    options.changedSince === null &&
    options.changedFiles === undefined &&
    [...options.paths, ...options.include, ...options.exclude].length === 0 &&
    (isRoot || options.project?.config.paths !== undefined);
  const pathIn = remembered(pathsFrom(repository));

  const isWhole = allBlueprints && options.targets.length === 0;
  const { today } = sifting;
  const suppressed =
    suppressions.length === 0
      ? null
      : suppressionSieve(suppressions, { today, pathIn, isWhole: isWhole && options.only.length === 0 });
  const sieves: Sieve[] = suppressed === null ? [] : [suppressed];
  const opened = (
    sieve: Sieve,
    finish: Sifting['finish'],
    stale: (checked: Checked) => Stale | null,
  ): Sifting => ({
    sieve: decides === null ? sieve : { ask: (occurrence) => sieve.ask(occurrence) },
    finish,
    held({ blueprints, targets }) {
      const checked = {
        blueprints: blueprints.map(({ path }) => path),
        targets: targets.map(({ id }) => id),
      };
      return {
        stale: stale(checked),
        suppressions: suppressed?.states(checked) ?? [],
        today,
        isWhole,
      };
    },
  });
  if (file === null)
    return opened(
      allOf(sieves),
      () => null,
      () => null,
    );

  const context: BaselineContext = {
    pathIn,
    isGone: (path) => allBlueprints || !isBlueprint(join(repository, path)),
    ...(decides === null ? {} : { decides }),
  };
  const old = readBaseline(file, options.updateBaseline, files);
  if (old !== null && !options.updateBaseline) {
    const known = baselineSieve(old, context);
    return opened(
      allOf([...sieves, known]),
      () => null,
      (checked) => known.stale(checked),
    );
  }
  const update = new BaselineUpdate(context);
  return opened(
    allOf([...sieves, update]),
    ({ blueprints }) => {
      const before = old?.known.tree ?? new Map();
      const next = update.next(
        before,
        blueprints.map(({ path }) => path),
      );
      writeBaseline(file, baselineText(next));
      const changes = old === null ? '' : `, ${missingIn(before, next)} new, ${missingIn(next, before)} gone`;
      return `wrote ${printable(file)}: ${count(entriesOf(next), 'entry', 'entries')}${changes}`;
    },
    () => null,
  );
}

function writeBaseline(file: string, text: string): void {
  // What is larger could not be read again.
  if (Buffer.byteLength(text) > maxFileBytes) {
    throw new UsageError([
      `the baseline would be larger than ${maxFileBytes / 1024 / 1024} MiB, and was not written. Check fewer targets, or fewer blueprints.`,
    ]);
  }
  try {
    writeWhole(file, [text]);
  } catch (error) {
    throw new UsageError([
      `${quote(file)} cannot be written (${whyNotWritten(error)}). Give another --baseline.`,
    ]);
  }
}

/** Null where there is none and an update makes the first one. */
function readBaseline(file: string, update: boolean, files: Files): Baseline | null {
  const read = files.read(file);
  if (!read.ok) {
    if (read.missing && update) return null;
    const how = `mn blueprint validate --baseline ${printable(file)} --update-baseline`;
    throw new UsageError([
      `the baseline ${quote(file)} cannot be read: ${read.reason}. ${read.missing ? `To make it: ${how}` : read.fix}`,
    ]);
  }
  const parsed = parseBaseline(file, read.text);
  if (parsed.ok) return parsed.baseline;
  throw new UsageError(parsed.problems.map((problem) => describeProblem({ ...problem, file })));
}

/** How many places of `all` are not in `some`. */
function missingIn(some: KnownFindings['tree'], all: KnownFindings['tree']): number {
  let missing = 0;
  for (const [blueprint, findings] of all) {
    for (const [id, places] of findings) {
      const known = some.get(blueprint)?.get(id);
      for (const place of places.keys()) if (known?.has(place) !== true) missing++;
    }
  }
  return missing;
}

function isBlueprint(path: string): boolean {
  const files = path.endsWith('.json') ? [path] : [`${path}/manifest.json`, `${path}/config/default.json`];
  return files.some((file) => existsSync(file));
}

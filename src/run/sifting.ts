import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { join } from '../blueprint/discover.ts';
import type { Baseline, BaselineContext } from '../check/baseline.ts';
import { BaselineUpdate, baselineSieve, baselineText, entriesOf, parseBaseline } from '../check/baseline.ts';
import type { Suppression } from '../check/config.ts';
import type { KnownFindings } from '../check/known.ts';
import type { Report } from '../check/report.ts';
import type { Sieve } from '../check/sieve.ts';
import { allOf } from '../check/sieve.ts';
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
}

export interface Sifting {
  sieve: Sieve;
  /** Writes the new baseline where that was asked for: what was done, in words; null where nothing was. */
  finish(report: Report): string | null;
}

/** Opens the baseline and the suppressions of a run. Throws a UsageError with everything that is wrong. */
export function openSifting(sifting: SiftingOptions): Sifting {
  const { options, repository, baseline: file, suppressions, files } = sifting;
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

  const sieves: Sieve[] = [];
  if (suppressions.length > 0) {
    sieves.push(
      suppressionSieve(suppressions, {
        today: sifting.today,
        pathIn,
        isWhole: allBlueprints && options.targets.length === 0 && options.target === null,
      }),
    );
  }
  if (file === null) return { sieve: allOf(sieves), finish: () => null };

  const context: BaselineContext = {
    pathIn,
    isGone: (path) => allBlueprints || !isBlueprint(join(repository, path)),
  };
  const old = readBaseline(file, options.updateBaseline, files);
  if (old !== null && !options.updateBaseline) {
    return { sieve: allOf([...sieves, baselineSieve(old, context)]), finish: () => null };
  }
  const update = new BaselineUpdate(context);
  return {
    sieve: allOf([...sieves, update]),
    finish({ blueprints }) {
      const before = old?.known.tree ?? new Map();
      const next = update.next(
        before,
        blueprints.map(({ path }) => path),
      );
      writeBaseline(file, baselineText(next));
      const changes = old === null ? '' : `, ${missingIn(before, next)} new, ${missingIn(next, before)} gone`;
      return `wrote ${printable(file)}: ${count(entriesOf(next), 'entry', 'entries')}${changes}`;
    },
  };
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

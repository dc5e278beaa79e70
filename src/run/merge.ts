import { readFileSync, statSync } from 'node:fs';
import { unreadable } from '../io/files.ts';
import { expandGlob, isGlob } from '../io/globs.ts';
import { isPart, joinParts, lean } from '../report/join.ts';
import type { Merged } from '../report/merge.ts';
import { doubledBlueprints, mergeShards } from '../report/merge.ts';
import type { ShardReport } from '../report/read-shard.ts';
import { NoShard, readShard, Shared } from '../report/read-shard.ts';
import type { SameInAll } from '../report/shard.ts';
import { either, listed, printable, quote, short } from '../text/text.ts';
import { version as ownVersion } from '../version.ts';
import type { FormatName } from './format-names.ts';
import { formatNames } from './format-names.ts';
import { UsageError } from './usage-error.ts';

/** As much as one text may hold on every machine, with room to spare. */
const maxReportBytes = 256 * 1024 * 1024;

interface ShardFile {
  file: string;
  shard: ShardReport;
}

/**
 * Merges the JSON reports of all shards of a run, for these formats; a path may be a pattern. One file is read
 * at a time, and what they have in common is kept once. Throws a UsageError with everything that is wrong.
 */
export async function mergeReports(
  paths: readonly string[],
  formats: readonly FormatName[] = formatNames,
): Promise<Merged> {
  const problems: string[] = [];
  const shards = readAll(await filesOf(paths, problems), formats.includes('html'), problems);
  if (problems.length === 0) problems.push(...contradictions(shards));
  if (problems.length > 0) throw new UsageError(problems);
  const whole = await joined(shards.map(({ shard }) => shard));
  const doubled = doubledBlueprints(whole);
  if (doubled.length > 0) {
    throw new UsageError([
      `more than one shard has ${either(doubled.slice(0, 3).map(quote))}. Write the reports anew.`,
    ]);
  }
  const [first, ...rest] = whole.sort((a, b) => a.part.index - b.part.index);
  return mergeShards([first as ShardReport, ...rest]);
}

/** The shards, those made of parts that check some of the targets each as one. */
async function joined(shards: readonly ShardReport[]): Promise<ShardReport[]> {
  const parts = shards.filter(isPart);
  if (parts.length === 0) return [...shards];
  const { costs } = await import('../memory/more-costs.generated.ts');
  return [...new Set(parts.map(({ part }) => part.index))].map((index) => {
    const [first, ...rest] = parts.filter(({ part }) => part.index === index);
    return joinParts([first as (typeof parts)[number], ...rest], costs);
  });
}

function readAll(files: readonly string[], withDeclarationLines: boolean, problems: string[]): ShardFile[] {
  const shared = new Shared();
  const withFacts = new Set<number>();
  return files.flatMap((file) => {
    const text = textIn(file, problems);
    if (text === null) return [];
    try {
      const shard = readShard(text, shared, withDeclarationLines, (index) => !withFacts.has(index));
      if (!isPart(shard)) return [{ file, shard }];
      withFacts.add(shard.part.index);
      return [{ file, shard: lean(shard) }];
    } catch (error) {
      if (!(error instanceof NoShard)) throw error;
      problems.push(`${quote(file)} ${error.message}`);
      return [];
    }
  });
}

async function filesOf(paths: readonly string[], problems: string[]): Promise<string[]> {
  const files = new Set<string>();
  for (const path of paths) {
    const found = isGlob(path) && !isThere(path) ? await expandGlob(path) : [path];
    if (found.length === 0)
      problems.push(`no file matches ${quote(path)}. Name the JSON reports of all shards.`);
    for (const file of found) files.add(file);
  }
  return [...files];
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** The text of a report; null, and a problem, where there is none. */
function textIn(file: string, problems: string[]): string | null {
  const refuse = (why: string) => {
    problems.push(`${quote(file)} ${why}`);
    return null;
  };
  try {
    const stat = statSync(file);
    if (!stat.isFile()) return refuse('is no regular file. Name the JSON reports of all shards.');
    if (stat.size > maxReportBytes) {
      return refuse(`is larger than ${maxReportBytes / 1024 / 1024} MiB. Split the run into more shards.`);
    }
    return readFileSync(file, 'utf8').replace(/^\ufeff/, '');
  } catch (error) {
    const read = unreadable((error as NodeJS.ErrnoException).code ?? '');
    return refuse(`cannot be read: ${read.ok ? '' : read.reason}. Name the JSON reports of all shards.`);
  }
}

const sameWords: Record<keyof SameInAll, string> = {
  files: 'other files',
  targets: 'other targets',
  catalogs: 'other catalogs',
  options: 'other options',
};

/** What keeps these shards from being one run, each once in words. */
function contradictions(shards: readonly ShardFile[]): string[] {
  const [first, ...rest] = shards;
  if (first === undefined) return [];
  const { part } = first.shard;
  const name = quote(first.file);
  const problems: string[] = [];

  const other = rest.find(({ shard }) => shard.part.version !== part.version);
  if (other !== undefined) {
    problems.push(
      `${name} is of Model Check ${printable(part.version)}, ${quote(other.file)} of ${printable(other.shard.part.version)}: merge what one version wrote.`,
    );
  } else if (part.version !== ownVersion) {
    problems.push(
      `${name} is of Model Check ${printable(part.version)}, and this is ${ownVersion}: merge with the version that wrote it.`,
    );
  }

  const split = rest.find(({ shard }) => shard.part.total !== part.total);
  if (split !== undefined) {
    problems.push(
      `${name} is shard ${numberOf(first)}, ${quote(split.file)} shard ${numberOf(split)}: merge the shards of one split.`,
    );
    return problems;
  }
  if (shards.some(({ shard }) => isPart(shard))) problems.push(...incompleteParts(shards, part.total));
  else problems.push(...incompleteShards(shards, part.total));
  for (const each of rest) {
    const { same } = each.shard.part;
    const differ = (Object.keys(sameWords) as (keyof SameInAll)[]).filter(
      (key) => same[key] !== part.same[key],
    );
    if (differ.length === 0) continue;
    const what = listed(
      differ.map((key) => sameWords[key]),
      differ.length,
    );
    const where = differ.includes('files')
      ? ' Write the reports where no blueprint is looked for, as in .shards/1.json.'
      : '';
    problems.push(
      `${quote(each.file)} is not of the run of ${name}: it has ${what}. Check the same commit with the same options in every shard.${where}`,
    );
  }
  return problems;
}

/** Shards that are not there, or there more than once. */
function incompleteShards(shards: readonly ShardFile[], total: number): string[] {
  const problems: string[] = [];
  const byIndex = filesByIndex(shards);
  for (const same of byIndex.values()) {
    if (same.length === 1) continue;
    const files = listed(
      same.map(({ file }) => quote(file)),
      same.length,
    );
    problems.push(`shard ${numberOf(same[0] as ShardFile)} is in ${files}. Give it once.`);
  }
  return [...problems, ...missingShards(byIndex, total)];
}

function filesByIndex(shards: readonly ShardFile[]): Map<number, ShardFile[]> {
  const byIndex = new Map<number, ShardFile[]>();
  for (const each of shards) {
    const { index } = each.shard.part;
    byIndex.set(index, [...(byIndex.get(index) ?? []), each]);
  }
  return byIndex;
}

function missingShards(byIndex: ReadonlyMap<number, unknown>, total: number): string[] {
  const missing = Array.from({ length: total }, (_, at) => at + 1).filter((at) => !byIndex.has(at));
  if (missing.length === 0) return [];
  const which = listed(missing.map(String), 20);
  return [
    missing.length === 1
      ? `shard ${which} of ${total} is missing. Give the reports of all shards.`
      : `shards ${which} of ${total} are missing. Give the reports of all shards.`,
  ];
}

/** Of each shard, every target is to be in one part, and to be the same machine in all shards. */
function incompleteParts(shards: readonly ShardFile[], total: number): string[] {
  const problems: string[] = [];
  const whole = shards.find(({ shard }) => !isPart(shard));
  const part = shards.find(({ shard }) => isPart(shard));
  const ids = part?.shard.part.facts?.targets ?? [];
  if (whole !== undefined && part !== undefined) {
    return [
      `${quote(whole.file)} checks all targets, ${quote(part.file)} only ${part.shard.targets.length} of ${ids.length}: merge the parts of one plan.`,
    ];
  }
  const byIndex = filesByIndex(shards);
  for (const [index, parts] of [...byIndex].sort(([a], [b]) => a - b)) {
    const having = (id: string) =>
      parts.filter(({ shard }) => shard.targets.some((target) => target.id === id));
    for (const id of ids) {
      const holders = having(id);
      if (holders.length < 2) continue;
      const files = listed(
        holders.map(({ file }) => quote(file)),
        holders.length,
      );
      problems.push(`target ${short(id)} of shard ${index} of ${total} is in ${files}. Give it once.`);
    }
    const missing = ids.filter((id) => having(id).length === 0).map((id) => short(id));
    if (missing.length === 0) continue;
    const which = `${missing.length === 1 ? 'target' : 'targets'} ${listed(missing, 20)}`;
    problems.push(
      `${which} of shard ${index} of ${total} ${missing.length === 1 ? 'is' : 'are'} missing. Give the reports of all parts.`,
    );
  }
  return [...problems, ...missingShards(byIndex, total), ...otherMachines(shards)];
}

/** Targets that parts of different shards describe in different ways: each looked at its own machine. */
function otherMachines(shards: readonly ShardFile[]): string[] {
  const known = new Map<string, { text: string; file: string }>();
  const problems = new Map<string, string>();
  for (const { file, shard } of shards) {
    for (const target of shard.targets) {
      const text = JSON.stringify(target);
      const first = known.get(target.id);
      if (first === undefined) known.set(target.id, { text, file });
      else if (first.text !== text && !problems.has(target.id)) {
        problems.set(
          target.id,
          `target ${short(target.id)} is another machine in ${quote(file)} than in ${quote(first.file)}. Check it on machines that are the same, or describe it in a targets file.`,
        );
      }
    }
  }
  return [...problems.values()];
}

function numberOf({ shard }: ShardFile): string {
  return `${shard.part.index} of ${shard.part.total}`;
}

import { join } from '../blueprint/discover.ts';
import { changeOf, type Lock, type LockedModel, lockPath, lockText } from '../catalog/lock.ts';
import { nodeFiles } from '../io/files.ts';
import { type Place, placeIn, placeOf } from '../io/place.ts';
import { whyNotWritten, writeWhole } from '../io/write.ts';
import { guardLines } from '../report/guard.ts';
import { placeOf as placeWords } from '../report/survey.ts';
import type { Observation } from '../run/artifacts.ts';
import { catalogPath, loadCatalogs } from '../run/catalogs.ts';
import { readLockFile } from '../run/lock.ts';
import { repositoryOf } from '../run/repository.ts';
import { UsageError } from '../run/usage-error.ts';
import { bytesText } from '../text/bytes.ts';
import { count, printable, quote, short, shortDigest } from '../text/text.ts';
import { entriesToLookUp, lookUp } from './catalog.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

export interface CatalogLockOptions {
  all: boolean;
  check: boolean;
  output?: string;
}

/** `mn catalog lock`. Returns the exit code. */
export async function catalogLock(options: CatalogLockOptions, terminal: Terminal): Promise<number> {
  const repository = repositoryOf('.');
  const path = options.output ?? join(repository, lockPath);
  const files = nodeFiles([repository]);
  const loaded = await loadCatalogs(repository, [], null, files);
  const before = readLockFile(options.output === undefined ? files : nodeFiles(['/']), path);
  const wrong = [...loaded.findings, ...before.findings].filter(({ severity }) => severity === 'error');
  if (wrong.length > 0) {
    for (const { message, help, location } of wrong)
      terminal.err(`error: ${placeWords(location)}: ${printable(`${message} ${help}`)}\n`);
    terminal.err('Nothing was locked: a broken file would lock less than it should.\n');
    return 1;
  }
  const entries = entriesToLookUp(loaded, before.lock, options.all);
  if (entries.length === 0 && before.lock.models.length === 0) {
    terminal.err(
      `warning: there is nothing to lock: ${join(repository, catalogPath)} names no model. Write one, or add the built-in models with --all.\n`,
    );
    return 0;
  }
  const observed = await lookUp(entries, terminal);
  const { models, rows } = together(observed, before.lock);
  terminal.out(guardLines(lines(rows, terminal)));
  if (models.length === 0 && before.lock.models.length === 0) {
    terminal.err('Nothing was locked: no model could be found or looked up.\n');
    return 1;
  }
  const text = lockText(models);
  const old = nodeFiles(['/']).read(path);
  const isFresh = old.ok && old.text === text;
  const shown = short(path);
  const missed = rows.filter(({ state }) => state === 'kept' || state === 'left out').length;
  if (missed > 0)
    terminal.err(`${count(missed, 'model')} could not be found or looked up: what was recorded stays.\n`);
  if (isFresh) terminal.err(`${shown} is up to date: ${count(models.length, 'model')}\n`);
  else if (options.check) terminal.err(`${shown} is stale. Run mn catalog lock, and commit the file.\n`);
  else {
    write(repository, path, text, options.output === undefined);
    terminal.err(`wrote ${shown} with ${count(models.length, 'model')}\n`);
  }
  return missed > 0 || (options.check && !isFresh) ? 1 : 0;
}

interface Row {
  state: 'new' | 'changed' | 'unchanged' | 'removed' | 'kept' | 'left out';
  ref: string;
  model: LockedModel | null;
  /** What changed, or why a model was not looked up. */
  why: string;
}

/** What the new lock holds: what was seen, and of what could not be looked up, what was recorded. */
function together(
  observed: ReadonlyMap<string, Observation>,
  before: Lock,
): { models: LockedModel[]; rows: Row[] } {
  const models = new Map<string, LockedModel>();
  const rows: Row[] = [];
  const used = new Set<LockedModel>();
  for (const [ref, seen] of observed) {
    const old = before.get(ref);
    if (old !== null) used.add(old);
    if (seen.state !== 'there') {
      if (old !== null) models.set(old.ref, old);
      rows.push({
        state: old === null ? 'left out' : 'kept',
        ref,
        model: old,
        why: `${seen.problem}. ${seen.help}.`,
      });
      continue;
    }
    const { model } = seen;
    // Two entries may spell one name in two ways.
    if (models.has(model.ref)) continue;
    models.set(model.ref, model);
    const change = old === null ? null : changeOf(old, model);
    const state = old === null ? 'new' : change === null ? 'unchanged' : 'changed';
    rows.push({ state, ref, model, why: change ?? '' });
  }
  for (const model of before.models) {
    if (!used.has(model))
      rows.push({ state: 'removed', ref: model.ref, model, why: 'no catalog names it any more' });
  }
  return { models: [...models.values()], rows };
}

function lines(rows: readonly Row[], { colors }: Terminal): string {
  const paints = {
    new: colors.green,
    changed: colors.yellow,
    unchanged: colors.dim,
    removed: colors.yellow,
    kept: colors.red,
    'left out': colors.red,
  };
  const cells = rows.map(({ state, ref, model }) => [
    paints[state](state),
    short(ref),
    model === null ? '' : bytesText(model.size),
    model === null || model.digest === null ? '' : shortDigest(model.digest),
  ]);
  const [head = '', ...body] = table(['', 'Docker name', 'size', 'digest'], cells, colors.dim)
    .trimEnd()
    .split('\n');
  // The reason of a row stands below it.
  const withReasons = body.flatMap((line, index) => {
    const { why = '' } = rows[index] ?? {};
    return why === '' ? [line] : [line, `    ${short(why, 400)}`];
  });
  return `${[head, ...withReasons].map((line) => `  ${line}`.trimEnd()).join('\n')}\n\n`;
}

/** Writes the lock; one whose name nobody gave stays in the repository. */
function write(repository: string, path: string, text: string, isOurs: boolean): void {
  let place: Place | null;
  try {
    place = isOurs ? placeIn(repository, path) : placeOf(path);
    if (place !== null) writeWhole(place.path, [text], place.mode);
  } catch (error) {
    throw new UsageError([
      `${quote(path)} cannot be written (${whyNotWritten(error)}). Give another --output.`,
    ]);
  }
  if (place === null)
    throw new UsageError([
      `${quote(path)} leads out of the repository, so it was not written. Replace the link by a folder, or give --output.`,
    ]);
}

import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import { nodeFiles } from '../io/files.ts';
import { placeOf } from '../report/survey.ts';
import { loadCatalogs } from '../run/catalogs.ts';
import { repositoryOf } from '../run/repository.ts';
import { UsageError } from '../run/usage-error.ts';
import { printable, quote } from '../text/text.ts';
import type { Terminal } from './terminal.ts';

/** All catalogs; what is wrong in them is told as a warning. `given` are the paths of `--catalog`. */
export async function catalogOf(given: readonly string[], terminal: Terminal): Promise<Catalog> {
  const repository = repositoryOf('.');
  const { catalog, findings } = await loadCatalogs(repository, given, process.env, nodeFiles([repository]));
  for (const { message, help, location } of findings) {
    terminal.err(`warning: ${placeOf(location)}: ${printable(`${message} ${help}`)}\n`);
  }
  return catalog;
}

/** The entry that a reference names. Throws a UsageError where none does. */
export function entryOf(catalog: Catalog, ref: string): CatalogEntry {
  const entry = catalog.resolve(ref)?.entry;
  if (entry === undefined) throw new UsageError([unknownModel(catalog, ref)]);
  return entry;
}

/** That no catalog has a reference, with the nearest that one has, and where was looked. */
export function unknownModel(catalog: Catalog, ref: string): string {
  return `unknown model ${quote(ref)}.${printable(catalog.suggest(ref))}\n  looked in: ${printable(catalog.describe())}`;
}

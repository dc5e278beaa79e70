import { realpathSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { realPlace } from '../run/repository.ts';
import { UsageError } from '../run/usage-error.ts';
import { quote } from '../text/text.ts';

/** A path of an input, relative to the workspace. One that leads out of it is a UsageError. */
export function inWorkspace(base: string, path: string, input: string): string {
  const shown = relative('.', resolve(base, path)).replaceAll(sep, '/') || '.';
  const real = relative(realpathSync('.'), realPlace(resolve(shown))).replaceAll(sep, '/');
  if (
    [shown, real].some(
      (place) => place === '..' || place.startsWith('../') || /^(?:\/|[A-Za-z]:)/.test(place),
    )
  ) {
    throw new UsageError([
      `input ${input}: ${quote(path)} leads out of the workspace. Name something inside it.`,
    ]);
  }
  return shown;
}

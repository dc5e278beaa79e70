import type { Blueprint } from '../blueprint/discover.ts';
import { discover } from '../blueprint/discover.ts';
import { nodeFiles } from '../io/files.ts';
import { findRoot } from '../run/run.ts';
import { UsageError } from '../run/usage-error.ts';
import { printable, quote } from '../text/text.ts';
import type { Terminal } from './terminal.ts';

/** The one blueprint at a path; null where it cannot be read, which is said. */
export function onlyReadable(path: string, terminal: Terminal): Blueprint | null {
  const blueprint = only(path);
  const [unreadable] = blueprint.findings;
  if (unreadable === undefined) return blueprint;
  const where = [
    unreadable.location?.file,
    unreadable.location?.range?.line,
    unreadable.location?.range?.column,
  ];
  terminal.err(
    `error: ${where.filter((part) => part !== undefined).join(':')}: ${printable(`${unreadable.message} ${unreadable.help}`)}\n`,
  );
  return null;
}

/** The one blueprint at a path. */
function only(path: string): Blueprint {
  const root = findRoot(path);
  const found: Blueprint[] = [];
  for (const blueprint of discover(
    nodeFiles(['.', path]),
    [root],
    () => true,
    () => {},
  )) {
    if (root.kind === 'file' || blueprint.path === root.path) return blueprint;
    found.push(blueprint);
    if (found.length > 20) break;
  }
  if (found.length === 1) return found[0] as Blueprint;
  throw new UsageError([
    found.length === 0
      ? `${quote(path)} is no blueprint: no folder with a manifest.json, and no JSON file with an llm section. Name one.`
      : `${quote(path)} holds several blueprints. Name one of them: ${found.map((blueprint) => printable(blueprint.path)).join(', ')}.`,
  ]);
}

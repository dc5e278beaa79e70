import { findingUrl } from '../findings/finding.ts';
import type { FindingId } from '../findings/table.ts';
import { findingIds, findings } from '../findings/table.ts';
import { UsageError } from '../run/usage-error.ts';
import { didYouMean } from '../text/nearest.ts';
import { quote } from '../text/text.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

/** `mn finding list`: every kind of finding. */
export function findingList(terminal: Terminal): number {
  const rows = findingIds.map((id) => [id, findings[id].severity, findings[id].summary.replaceAll('`', '')]);
  terminal.out(table(['finding', 'severity', 'what it says'], rows, terminal.colors.bold));
  terminal.out('\nMore about one: mn finding show <finding>\n');
  return 0;
}

/** `mn finding show`: one kind of finding. */
export function findingShow(id: string, terminal: Terminal): number {
  if (!Object.hasOwn(findings, id)) {
    throw new UsageError([`unknown finding ${quote(id)}.${didYouMean(id, findingIds)} See mn finding list.`]);
  }
  const kind = findings[id as FindingId];
  terminal.out(`${terminal.colors.bold(id)}  ${kind.severity}\n${kind.summary.replaceAll('`', '')}.\n`);
  terminal.out(`With examples: ${findingUrl(id as FindingId)}\n`);
  return 0;
}

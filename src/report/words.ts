import type { Report, RunInfo, Summary } from '../check/report.ts';
import type { Status } from '../compatibility/verdict.ts';
import type { Finding, Severity } from '../findings/finding.ts';
import { count, short } from '../text/text.ts';

/** Marks differ in shape, so that no meaning hangs on colour alone. */
export const marks: Record<Status, string> = { pass: '✓', warning: '⚠', force_only: '○', fail: '✗' };

export const statusWords: Record<Status, string> = {
  pass: 'runs',
  warning: 'runs, verify acceleration',
  force_only: 'only with force (slow)',
  fail: 'does not run',
};

export const severityMarks: Record<Severity, string> = { error: '✗', warning: '⚠', note: '·' };

/** The line below a matrix that explains its marks. */
export const legend = (Object.keys(marks) as Status[])
  .map((status) => `${marks[status]} ${statusWords[status]}`)
  .join(' · ');

export const forceLegend = 'Force was asked for: what hardware refuses is a warning, not an error.';

/** `2 errors, 0 warnings`. */
export function problemCounts(summary: Summary): string {
  return `${count(summary.errors, 'error')}, ${count(summary.warnings, 'warning')}`;
}

/** How many findings the baseline and suppressions hide. */
export function hiddenCounts({ hidden }: Report): { known: number; suppressed: number } {
  const known = hidden.filter(({ by }) => by === 'baseline').length;
  return { known, suppressed: hidden.length - known };
}

/** `12 known findings hidden by baseline.json, 2 suppressed`, or nothing. Not escaped for a format. */
export function hiddenWords(report: Report, info: RunInfo): string {
  const { known, suppressed } = hiddenCounts(report);
  const parts = [
    ...(known === 0
      ? []
      : [`${count(known, 'known finding')} hidden by ${short(info.baselineFrom ?? 'the baseline', 100)}`]),
    ...(suppressed === 0
      ? []
      : [`${known === 0 ? count(suppressed, 'finding') : String(suppressed)} suppressed`]),
  ];
  return parts.join(', ');
}

/** `without problems`, or what is true of them where problems are hidden. */
export function withoutProblems({ hidden }: Report): string {
  return hidden.some(({ finding }) => finding.severity !== 'note')
    ? 'without new problems'
    : 'without problems';
}

/** What suppressions hide, by finding and reason. */
export function suppressedGroups({ hidden }: Report): { reason: string; findings: Finding[] }[] {
  const groups = new Map<string, { reason: string; findings: Finding[] }>();
  for (const { finding, by, reason } of hidden) {
    if (by !== 'suppression') continue;
    const key = `${finding.id}\0${reason}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { reason: reason ?? '', findings: [finding] });
    else group.findings.push(finding);
  }
  return [...groups.values()];
}

/** `38 ms`, `1.2 s`, `2 min 5 s`. */
export function elapsed(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Names of targets, which hold commas themselves: `Apple Silicon, 8 GB · RTX 2060 · 3 more`. */
export function listedTargets(names: readonly string[], limit = names.length): string {
  const shown = names.slice(0, limit);
  return [...shown, ...(names.length > shown.length ? [`${names.length - shown.length} more`] : [])].join(
    ' · ',
  );
}

/** Names of targets by their ids; a target that the report does not have goes by its id. */
export function targetNames(report: Report): (id: string) => string {
  const names = new Map(report.targets.map((target) => [target.id, short(target.name, 60)]));
  return (id) => names.get(id) ?? short(id, 60);
}

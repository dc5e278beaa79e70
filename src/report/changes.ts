import type { Changes, Comparison, Report, ReportBlueprint } from '../check/report.ts';
import type { Finding, Severity } from '../findings/finding.ts';
import { count, listed, short } from '../text/text.ts';
import { survey } from './survey.ts';
import { listedTargets, targetNames } from './words.ts';

/** Up to here things are named one by one. */
const mostNamed = 10;

/** The words for a report's comparison; null where nothing was compared. */
export function changesOf(report: Report): Changes | null {
  const { comparison } = report;
  if (comparison === null) return null;
  const nameOf = targetNames(report);
  const { names } = survey(report);
  const byPath = new Map(
    report.blueprints.map(({ path }: ReportBlueprint, index) => [path, names[index] ?? path]),
  );
  const blueprintName = (path: string) => byPath.get(path) ?? short(path, 60);
  const { dropped, causes } = comparison;
  const more = dropped.length - mostNamed;
  const named = dropped.slice(0, mostNamed).map(({ blueprint, model, targets }) => ({
    blueprint: blueprintName(blueprint),
    model: short(model, 60),
    targets: listedTargets(targets.map(nameOf), 4),
  }));
  const amount = new Set(dropped.map(({ blueprint }) => blueprint)).size;
  const machines = new Set(dropped.flatMap(({ targets }) => targets)).size;
  const [first] = named;
  return {
    subject: comparison.pullRequest ? 'this pull request' : 'this change',
    base: `${short(comparison.base, 80)} (${comparison.commit.slice(0, 7)})`,
    counts: countsOf(report.findings, comparison),
    headline:
      first === undefined
        ? null
        : amount === 1
          ? `drops ${first.blueprint} on ${first.targets}`
          : `drops ${count(amount, 'blueprint')} on ${count(machines, 'target')}`,
    dropped: named,
    sentences: [
      ...(more > 0 ? [`It drops ${count(more, 'more model')} of blueprints on some target.`] : []),
      ...causes.slice(0, mostNamed).map(({ message, blueprints }) => {
        const broken = listed(
          blueprints.slice(0, mostNamed).map(blueprintName),
          mostNamed,
          blueprints.length,
        );
        return blueprints.length === 0
          ? short(message, 400)
          : `${short(message, 400)} That breaks ${count(blueprints.length, 'blueprint')}: ${broken}.`;
      }),
      ...(causes.length > mostNamed
        ? [`There are ${causes.length - mostNamed} more such changes of catalogs and targets.`]
        : []),
    ],
  };
}

function countsOf(findings: readonly Finding[], { fixed, unchanged, ...comparison }: Comparison): string {
  const amounts: Record<Severity, number> = { error: 0, warning: 0, note: 0 };
  for (const { change, severity } of findings) if (change === 'new') amounts[severity]++;
  const kinds = (['error', 'warning', 'note'] as const).filter((severity) => amounts[severity] > 0);
  const each = kinds.map((severity) => count(amounts[severity], severity)).join(', ');
  const which = each === '' ? '' : ` (${each})`;
  return `${comparison.new} new${which}, ${fixed.length} fixed, ${unchanged} unchanged`;
}

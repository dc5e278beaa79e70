import type { Report, Summary } from './report.ts';

export const failOnLevels = ['error', 'warning', 'never'] as const;
/** The least severity that makes a run fail. */
export type FailOn = (typeof failOnLevels)[number];

/** 0 where nothing is at or above `failOn`, else 1. Wrong arguments (2) never come this far. */
export function exitCode(summary: Pick<Summary, 'errors' | 'warnings'>, failOn: FailOn): 0 | 1 {
  if (failOn === 'never') return 0;
  return summary.errors > 0 || (failOn === 'warning' && summary.warnings > 0) ? 1 : 0;
}

/** The counts that decide: of all findings, or, with `onlyNew`, of those that the base does not have too. */
export function deciding(report: Report, onlyNew: boolean): Pick<Summary, 'errors' | 'warnings'> {
  if (!onlyNew) return report.summary;
  const counts = { errors: 0, warnings: 0 };
  for (const { severity, change } of report.findings) {
    if (change === 'unchanged') continue;
    if (severity === 'error') counts.errors++;
    else if (severity === 'warning') counts.warnings++;
  }
  return counts;
}

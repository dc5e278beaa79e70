import type { Report, ReportBlueprint, RunInfo } from '../check/report.ts';
import { count, short } from '../text/text.ts';
import { runs, type Survey, statusOn } from './survey.ts';

/** The answer of a run in one line, for a heading after `Models: `: nothing that the report does not show. Not escaped for a format. */
export function answer(report: Report, info: RunInfo, { attention, outside }: Survey): string {
  const { blueprints, findings, summary } = report;
  const { headline, subject } = info.changes ?? { headline: null, subject: '' };
  if (headline !== null) return `${subject} ${headline}`;
  const total = blueprints.length;
  if (total === 0)
    return outside > 1
      ? `no blueprint found, ${count(outside - 1, 'problem')} elsewhere`
      : 'no blueprint found';
  const elsewhere = outside === 0 ? '' : `${count(outside, 'problem')} outside the blueprints`;
  if (attention.length > 0) {
    const problems = findings.filter(({ severity }) => severity !== 'note');
    const many = `${attention.length} of ${count(total, 'blueprint')}`;
    const isForcedOnly = problems.every(({ id }) => id === 'model-forced');
    const verb = isForcedOnly
      ? `${attention.length === 1 ? 'passes' : 'pass'} only with force`
      : `${attention.length === 1 ? 'needs' : 'need'} attention`;
    const forced = info.force && !isForcedOnly ? ' (force was asked for)' : '';
    return `${many} ${verb}${forced}${elsewhere === '' ? '' : `, ${elsewhere}`}`;
  }
  if (elsewhere !== '') return elsewhere;
  const checked = blueprints.filter(({ declarations }) =>
    declarations.some(({ skipped }) => skipped === null),
  );
  if (checked.length === 0) return `no local model to check in ${count(total, 'blueprint')}`;
  const all = report.targets.map(({ id }) => id);
  const required = report.targets.filter((target) => target.required).map(({ id }) => id);
  const running = checked.filter((blueprint) => runsOnAll(blueprint, all)).length;
  const are = checked.length === total ? 'blueprint' : 'blueprint with local models';
  const plural = checked.length === total ? 'blueprints' : 'blueprints with local models';
  const every = checked.length === 1 ? `the ${are} runs` : `all ${checked.length} ${plural} run`;
  if (running === checked.length) return `${every} on ${targetWords(report, all, '')}`;
  if (required.length > 0) {
    if (checked.every((blueprint) => runsOnAll(blueprint, required))) {
      return `${every} on ${targetWords(report, required, 'required ')}`;
    }
    return `no problems in ${count(total, 'blueprint')}, ${summary.notes === 0 ? 'but not every model was checked' : count(summary.notes, 'note')}`;
  }
  const some = `${running} of ${count(checked.length, are, plural)} ${running === 1 ? 'runs' : 'run'}`;
  return `${some} on ${targetWords(report, all, '')}, ${all.length === 1 ? 'which is not required' : 'none of them required'}`;
}

function targetWords(report: Report, ids: string[], kind: string): string {
  if (ids.length !== 1) return `all ${ids.length} ${kind}targets`;
  return short(report.targets.find(({ id }) => id === ids[0])?.name ?? '', 60);
}

/** Every model that the blueprint cannot do without runs on each of the targets; one that was not checked does not count as running. */
function runsOnAll({ declarations }: ReportBlueprint, targets: string[]): boolean {
  return declarations.every(
    (declaration) =>
      !declaration.required ||
      declaration.skipped !== null ||
      targets.every((target) => runs(statusOn(declaration, target) ?? 'fail')),
  );
}

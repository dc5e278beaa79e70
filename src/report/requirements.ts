import type { BlueprintNeeds, Least } from '../check/least.ts';
import type { Status } from '../compatibility/verdict.ts';
import { count, gigabytes, short } from '../text/text.ts';
import { guardLines } from './guard.ts';
import { safeJson } from './json.ts';
import { escapeMarkdown } from './markdown.ts';
import { padEnd, width } from './width.ts';
import { marks, statusWords } from './words.ts';

/** The format of the JSON; within v1, fields are added but never removed or changed. */
export const requirementsSchema = 'model-check.requirements/v1';

/** What a blueprint needs, with how it does on targets that were named. */
export interface RequirementsReport {
  /** Id of the blueprint, and its folder or file. */
  id: string;
  path: string;
  needs: BlueprintNeeds;
  targets: { id: string; name: string; status: Status }[];
}

/** `schemas/requirements.schema.json`; ends with a line break. */
export function requirementsJson({ id, path, needs, targets }: RequirementsReport): string {
  const value = {
    schema: requirementsSchema,
    blueprint: { id, path },
    models: needs.models.map(({ entry, backend, place, contextSize, need, note }) => ({
      model: entry.id,
      docker_model: entry.dockerModel,
      backend,
      place,
      context_size: contextSize,
      device_bytes: need?.device.total ?? null,
      cpu_only_bytes: need?.cpu_only.total ?? null,
      note,
    })),
    unknown: needs.unknown,
    hardware: needs.least.map(({ kind, gb, status, estimate }) => ({
      kind: kind.id,
      name: kind.name,
      memory: kind.memory,
      min_gb: gb,
      status,
      estimate:
        estimate === null ? null : { need_bytes: estimate.need, fit: estimate.fit, min_gb: estimate.gb },
    })),
    targets,
  };
  return `${safeJson(value, 2)}\n`;
}

/** A shields.io endpoint (https://shields.io/badges/endpoint-badge); ends with a line break. */
export function requirementsBadge({ needs }: RequirementsReport): string {
  const gb = (id: string) => needs.least.find(({ kind }) => kind.id === id)?.gb ?? null;
  const apple = gb('apple-silicon');
  const nvidia = gb('nvidia');
  const machines = [
    ...(apple === null ? [] : [`Mac ${apple} GB`]),
    ...(nvidia === null ? [] : [`NVIDIA ${nvidia} GB`]),
  ];
  const [message, color] =
    needs.unknown.length > 0
      ? ['unknown', 'lightgrey']
      : needs.models.length === 0
        ? ['no local model', 'lightgrey']
        : machines.length === 0
          ? ['no known hardware', 'red']
          : [machines.join(' | '), 'blue'];
  return `${safeJson({ schemaVersion: 1, label: 'runs on', message, color }, 2)}\n`;
}

const heads = ['hardware', 'at least', 'by the hardware table', 'estimate, all models together'];

/** A table for a README, with what it rests on; ends with a line break. */
export function requirementsMarkdown(report: RequirementsReport): string {
  const { needs } = report;
  const lines = [`**Local models**: ${escapeMarkdown(modelWords(needs))}`];
  if (needs.least.length > 0) {
    lines.push('', `| ${heads.join(' | ')} |`, `|${heads.map(() => '---').join('|')}|`);
    for (const row of rowsOf(needs)) lines.push(`| ${row.map(escapeMarkdown).join(' | ')} |`);
  }
  if (report.targets.length > 0) {
    lines.push('', '| target | |', '|---|---|');
    for (const row of targetRows(report)) lines.push(`| ${row.map(escapeMarkdown).join(' | ')} |`);
  }
  const rest = restOf(needs);
  if (rest !== '') lines.push('', escapeMarkdown(rest));
  return `${guardLines(lines.join('\n'))}\n`;
}

/** For a terminal; ends with a line break. */
export function requirementsText(report: RequirementsReport): string {
  const { needs, id } = report;
  const lines = [`${short(id)} needs ${modelWords(needs)}`];
  if (needs.least.length > 0) lines.push('', ...columns([heads, ...rowsOf(needs)]));
  if (report.targets.length > 0) lines.push('', ...columns([['target', ''], ...targetRows(report)]));
  const rest = restOf(needs);
  if (rest !== '') lines.push('', rest);
  return `${guardLines(lines.join('\n'))}\n`;
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => width(row[at] ?? ''))));
  return rows.map((row) => `  ${row.map((cell, at) => padEnd(cell, widths[at] ?? 0)).join('  ')}`.trimEnd());
}

function modelWords({ models, unknown }: BlueprintNeeds): string {
  if (models.length === 0) return unknown.length === 0 ? 'no local model' : 'models that no catalog knows';
  return models
    .map(({ entry, contextSize }) => `${short(entry.id, 60)} at ${count(contextSize, 'token')}`)
    .join(', ');
}

function rowsOf({ least, models }: BlueprintNeeds): string[][] {
  const asksForNothing = models.every(({ entry }) =>
    Object.values(entry.requirements).every((gb) => gb === undefined),
  );
  return least.map(({ kind, gb, status, estimate }) => [
    kind.name,
    gb === null || status === null ? '–' : asksForNothing ? 'any' : `${gb} GB ${kind.memory}`,
    status === null ? `${marks.fail} ${statusWords.fail}` : `${marks[status]} ${statusWords[status]}`,
    estimateWords(estimate, gb),
  ]);
}

function estimateWords(estimate: Least['estimate'], gb: number | null): string {
  if (estimate === null) return 'not known';
  const need = gigabytes(estimate.need / 2 ** 30);
  if (estimate.fit === 'fits' || gb === null) return need;
  const from = estimate.gb === null ? '' : `: fits from ${estimate.gb} GB`;
  return `${need}, ${estimate.fit === 'tight' ? 'tight' : 'does not fit'}${from}`;
}

function targetRows({ targets }: RequirementsReport): string[][] {
  return targets.map(({ name, status }) => [short(name, 60), `${marks[status]} ${statusWords[status]}`]);
}

function restOf({ models, unknown }: BlueprintNeeds): string {
  const lost = unknown.map(({ place, ref }) => `${short(place)} (${short(ref)})`).slice(0, 10);
  const more = unknown.length > 10 ? ` and ${unknown.length - 10} more` : '';
  return [
    ...(models.length === 0
      ? []
      : ['Sizes are the smallest that are sold; the hardware table decides, the estimate informs.']),
    ...models
      .filter(({ note }) => note !== null)
      .map(({ entry, note }) => `Not certain of ${short(entry.id, 60)}: ${note}.`),
    ...(unknown.length === 0
      ? []
      : [`Not counted, because no catalog knows what they need: ${lost.join(', ')}${more}.`]),
  ].join(' ');
}

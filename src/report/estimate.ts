import type { Engine, Estimate, Parts } from '../memory/estimate.ts';
import type { Fit, Have } from '../memory/fit.ts';
import type { Assumption } from '../memory/model.ts';
import { printable, short } from '../text/text.ts';
import { safeJson } from './json.ts';
import type { Paint } from './paint.ts';
import { clip, padEnd, width, wrap } from './width.ts';

export const estimateSchema = 'model-check.estimate/v1';

/** What a target has, and what of the context sizes fits it. */
export interface TargetFit {
  id: string;
  name: string;
  have: Have;
  /** In the order of the context sizes. */
  fits: Fit[];
  /** Tokens; null where not even the smallest context fits, or where it is not known what is there. */
  largestContext: number | null;
}

/** All that is said of one model's memory. Sizes in bytes. */
export interface EstimateReport {
  model: string;
  /** What else it is called, as people know it. Not yet safe to print. */
  details: readonly string[];
  fileBytes: number;
  /** What the figures rest on; safe to print. */
  rests: string;
  basis: 'file' | 'known' | 'registry';
  architecture: string;
  /** Whether its rules are known. */
  known: boolean;
  /** Tokens that the model was trained for; null where it is not said. */
  trained: number | null;
  mmprojBytes: number;
  run: Run;
  notes: readonly Assumption[];
  /** One a context size, in the order asked for. */
  estimates: readonly Estimate[];
  /** Null where nobody asked for targets. */
  targets: readonly TargetFit[] | null;
}

/** How the engine is taken to run. */
export interface Run {
  engine: Engine;
  parallel: number;
  /** All sequences share one cache. */
  unified: boolean;
  kvType: string;
  /** Layers on the device, the output counted as one; null for all. */
  gpuLayers: number | null;
}

/** One JSON document: schemas/estimate.schema.json. */
export function estimateJson(report: EstimateReport): string {
  const { run } = report;
  const parts = ({ weights, kv, compute, total }: Parts) => ({ weights, kv, compute, total });
  return safeJson(
    {
      schema: estimateSchema,
      model: report.model,
      file_bytes: report.fileBytes,
      assumptions: {
        basis: report.basis,
        rests_on: report.rests,
        architecture: report.architecture,
        architecture_known: report.known,
        trained_context: report.trained,
        parallel: run.parallel,
        unified_kv: run.unified,
        kv_type: run.kvType,
        gpu_layers: run.gpuLayers,
        mmproj_bytes: report.mmprojBytes,
        notes: report.notes,
      },
      estimates: report.estimates.map((one) => ({
        engine: one.engine,
        context_size: one.context_size,
        device: parts(one.device),
        host: parts(one.host),
        cpu_only: parts(one.cpu_only),
        margin: one.margin,
      })),
      ...(report.targets && {
        targets: report.targets.map(({ id, name, have, fits, largestContext }) => ({
          id,
          name,
          memory: have.kind,
          have: have.bytes,
          because: have.because,
          fits: report.estimates.map(({ context_size }, at) => ({
            context_size,
            status: statuses[fits[at] ?? 'unknown'],
          })),
          largest_context: largestContext,
        })),
      }),
    },
    2,
  );
}

const statuses: Readonly<Record<Fit, string>> = {
  fits: 'fits',
  tight: 'tight',
  'does-not-fit': 'does_not_fit',
  unknown: 'unknown',
};

/** Marks differ in shape, so that no meaning hangs on colour alone. */
const marks: Readonly<Record<Fit, string>> = { fits: '✓', tight: '⚠', 'does-not-fit': '✗', unknown: '?' };
/** A bar's parts, told apart by their shape. */
const bars = { weights: '█', kv: '▓', compute: '░' } as const;
const longestBar = 60;

/** For people: the parts at one context size, the device by context size, the targets. */
export function estimateText(
  report: EstimateReport,
  { width: columns, colors }: { width: number; colors: Paint },
): string {
  const title = [...report.details, `file ${binaryText(report.fileBytes)}`].map((text) => short(text, 100));
  let text = `${colors.bold(short(report.model, 120))}  ${title.join(' · ')}\n`;
  text += labelled('rests on', report.rests, columns);
  text += labelled('run as', runText(report.run), columns);
  for (const { assumed, because } of report.notes) {
    text += labelled('assumed', `${printable(assumed)}: ${printable(because)}.`, columns);
  }
  text += `\n${breakdown(report, colors)}`;
  if (report.estimates.length > 1) text += `\n${chart(report, columns)}`;
  if (report.targets !== null) text += `\n${targetTable(report, report.targets, columns, colors)}`;
  return text;
}

function labelled(label: string, text: string, columns: number): string {
  const lines = wrap(text, Math.max(20, columns - 12));
  return lines.map((line, at) => `  ${(at === 0 ? label : '').padEnd(10)}${line}\n`).join('');
}

function runText({ engine, parallel, unified, kvType, gpuLayers }: Run): string {
  const sequences =
    parallel === 1
      ? '1 sequence'
      : `${parallel} sequences${unified ? ' that share one cache' : ', each with its part of the context'}`;
  const layers = gpuLayers === null ? 'all layers on one device' : `${gpuLayers} layers on the device`;
  return `${engine}, ${sequences}, cache in ${kvType}, ${layers}`;
}

function breakdown({ estimates }: EstimateReport, colors: Paint): string {
  const [first] = estimates;
  if (first === undefined) return '';
  const heads = ['weights', 'kv cache', 'compute', 'total'];
  const label = 22;
  const cells = (texts: readonly string[]) => texts.map((text) => text.padStart(11)).join('');
  const row = (name: string, { weights, kv, compute, total }: Parts, more = '') =>
    `  ${name.padEnd(label)}${cells([weights, kv, compute, total].map(binaryText))}${more}\n`;
  return (
    `  ${colors.bold(`at context ${first.context_size}`.padEnd(label) + cells(heads))}\n` +
    row('on the device', first.device) +
    row('on the host beside it', first.host) +
    row('without a device', first.cpu_only) +
    `  ${'margin, not in these'.padEnd(label)}${cells(['', '', '', binaryText(first.margin)])}\n`
  );
}

function chart({ estimates }: EstimateReport, columns: number): string {
  const label = Math.max(7, ...estimates.map(({ context_size }) => String(context_size).length));
  const most = Math.max(1, ...estimates.map(({ device }) => device.total));
  const room = Math.min(longestBar, columns - label - 2 - 2 - 12);
  const legend = `on the device: ${bars.weights} weights ${bars.kv} kv cache ${bars.compute} compute`;
  const lines = estimates.map(({ context_size, device }) => {
    const bar = room < 10 ? '' : `  ${padEnd(barOf(device, room / most), room)}`;
    return `  ${String(context_size).padStart(label)}${bar}${binaryText(device.total).padStart(12)}\n`;
  });
  return `  ${'context'.padStart(label)}  ${clip(legend, columns - label - 4)}\n${lines.join('')}`;
}

/** Ends of parts are rounded, not their lengths, so that the whole has its length. */
function barOf({ weights, kv, compute }: Parts, cellsAByte: number): string {
  let end = 0;
  let drawn = '';
  for (const [part, bytes] of [
    [bars.weights, weights],
    [bars.kv, kv],
    [bars.compute, compute],
  ] as const) {
    end += bytes;
    drawn += part.repeat(Math.max(0, Math.round(end * cellsAByte) - drawn.length));
  }
  return drawn;
}

function targetTable(
  { estimates }: EstimateReport,
  targets: readonly TargetFit[],
  columns: number,
  colors: Paint,
): string {
  const heads = estimates.map(({ context_size }) => tokens(context_size).padStart(3));
  const largest = 'largest';
  const cells = heads.reduce((sum, head) => sum + 1 + head.length, 0);
  const rest = 2 + hasColumns + cells + 2 + largest.length;
  const names = Math.max(6, ...targets.map(({ id }) => width(printable(id))));
  const label = Math.min(names, Math.max(8, columns - rest));
  const line = (name: string, has: string, row: string, last: string) =>
    `  ${padEnd(clip(name, label), label)}${has.padStart(hasColumns)}${row}  ${last.padStart(largest.length)}`;
  const paint: Record<Fit, (text: string) => string> = {
    fits: colors.green,
    tight: colors.yellow,
    'does-not-fit': colors.red,
    unknown: (text) => text,
  };
  let text = `${colors.bold(line('target', 'has', heads.map((head) => ` ${head}`).join(''), largest))}\n`;
  for (const { id, have, fits, largestContext } of targets) {
    const row = fits.map((fit, at) => ' '.repeat(heads[at]?.length ?? 0) + paint[fit](marks[fit])).join('');
    const has = have.bytes === null ? 'unknown' : binaryText(have.bytes);
    text += `${line(printable(id), has, row, largestContext === null ? '–' : String(largestContext))}\n`;
  }
  text += '\n';
  if (targets.length <= mostExplained) {
    for (const { id, name, have } of targets) {
      const what = `${short(name, 60)}: ${have.because}`;
      const lines = wrap(what, Math.max(20, columns - label - 4));
      text += lines
        .map((each, at) => `  ${padEnd(at === 0 ? clip(printable(id), label) : '', label)}  ${each}\n`)
        .join('');
    }
    text += '\n';
  }
  const legend =
    '✓ fits · ⚠ tight: less than the margin or a tenth to spare · ✗ does not fit · largest: tokens of the largest context that fits';
  const units =
    '1 GiB is 1024 MiB. GB of memory, as targets declare them, are taken as GiB. An estimate informs; it changes no verdict.';
  for (const each of [legend, units]) {
    for (const part of wrap(each, Math.max(20, columns - 2))) text += `  ${part}\n`;
  }
  return text;
}

/** `118.40 GiB` and a space. */
const hasColumns = 11;
/** Of more targets, nobody reads what each has. */
const mostExplained = 12;

/** `8k` for 8192; what is no whole number of those as it is. */
function tokens(amount: number): string {
  return amount % 1024 === 0 ? `${amount / 1024}k` : String(amount);
}

/** `1.56 GiB`, `36.0 MiB`. */
function binaryText(bytes: number): string {
  const mib = bytes / 2 ** 20;
  if (mib >= 999.5) return `${(mib / 1024).toFixed(2)} GiB`;
  return `${mib === 0 ? '0' : mib.toFixed(mib < 99.95 ? 1 : 0)} MiB`;
}

import { nodeFiles } from '../io/files.ts';
import type { Engine, Estimate, EstimateOptions } from '../memory/estimate.ts';
import { cacheTypes, estimate, largestContext } from '../memory/estimate.ts';
import type { Have } from '../memory/fit.ts';
import { fitOf, memoryOf } from '../memory/fit.ts';
import type { GgufHeader } from '../memory/header.ts';
import type { Assumption } from '../memory/model.ts';
import { readModel } from '../memory/model.ts';
import type { TargetFit } from '../report/estimate.ts';
import { estimateJson, estimateText } from '../report/estimate.ts';
import { guardLines } from '../report/guard.ts';
import { loadCatalogs } from '../run/catalogs.ts';
import type { FoundModel } from '../run/model-header.ts';
import { findModel } from '../run/model-header.ts';
import { repositoryOf } from '../run/repository.ts';
import { chooseTargets } from '../run/targets.ts';
import { UsageError } from '../run/usage-error.ts';
import { either, printable, quote } from '../text/text.ts';
import type { Terminal } from './terminal.ts';

export interface EstimateCommandOptions {
  contextSize: string[];
  engine: Engine;
  parallel?: string;
  kvType?: string;
  gpuLayers?: string;
  offline: boolean;
  targets: string[];
  set: string[];
  catalog: string[];
  json: boolean;
}

/** Where the row of context sizes begins that is shown where nobody asks for any. */
const firstContext = 4096;
/** Context sizes in one run: more is no table. */
const mostContexts = 64;

/** `mn model estimate`. */
export async function modelEstimate(
  named: string | undefined,
  options: EstimateCommandOptions,
  terminal: Terminal,
): Promise<number> {
  const problems: string[] = [];
  // In `--context-size 4096 model.gguf` the option has taken the model too.
  const taken = named === undefined ? options.contextSize.at(-1) : undefined;
  const ref = named ?? (taken !== undefined && !/^[\d,\s]+$/.test(taken) ? taken : undefined);
  if (ref === undefined)
    throw new UsageError(['no model is named. Name one of mn model list, a registry’s or a .gguf file.']);
  const asked = options.contextSize
    .slice(0, named === undefined ? -1 : undefined)
    .flatMap((text) => text.split(','))
    .map((text) => number('--context-size', text.trim(), 1, problems));
  if (asked.length > mostContexts)
    problems.push(`--context-size has ${asked.length} sizes. Give at most ${mostContexts}.`);
  const one = (name: string, text: string | undefined, least: number) =>
    text === undefined ? undefined : number(name, text, least, problems);
  const parallel = one('--parallel', options.parallel, 1);
  const gpuLayers = one('--gpu-layers', options.gpuLayers, 0);
  if (options.kvType !== undefined && !cacheTypes.includes(options.kvType))
    problems.push(`--kv-type is ${quote(options.kvType)}. Use ${either(cacheTypes)}.`);
  if (problems.length > 0) throw new UsageError(problems);

  const repository = repositoryOf('.');
  const files = nodeFiles([repository]);
  const { catalog } = await loadCatalogs(repository, options.catalog, process.env, files);
  const wantsTargets = options.targets.length > 0 || options.set.length > 0;
  const chosen = wantsTargets
    ? await chooseTargets(
        { specs: options.targets, only: [], settings: options.set, whenNobodyChose: 'this-machine' },
        repository,
        options.targets.length > 0 ? nodeFiles(['/']) : files,
      )
    : null;
  const model = await findModel(ref, {
    catalog,
    offline: options.offline,
    env: process.env,
    onNetwork: (text) => terminal.err(`${text}\n`),
    log: terminal.debug,
  });

  const run: EstimateOptions = {
    engine: options.engine,
    ...(options.kvType !== undefined && { cacheTypeK: options.kvType, cacheTypeV: options.kvType }),
    ...(parallel !== undefined && { parallel }),
    ...(gpuLayers !== undefined && { gpuLayers }),
    mmprojBytes: model.mmprojBytes,
  };
  const read = readModel(model.header);
  if ('problem' in read) throw cannot(ref, read.problem);
  const { trained } = read.model;
  const sizes = asked.length > 0 ? asked : usualContexts(model.entry?.contextSize ?? null, trained);
  const notes = new Map<string, Assumption>();
  const estimates: Estimate[] = [];
  for (const contextSize of sizes) {
    const result = estimate(model.header, { ...run, contextSize });
    if (!result.ok) throw cannot(ref, result.problem);
    for (const note of result.assumptions) notes.set(`${note.id} ${note.because}`, note);
    estimates.push(result.estimate);
  }
  const server = options.engine === 'llama-server';
  const report = {
    model: model.name,
    details: detailsOf(model, read.model.architecture),
    fileBytes: model.fileBytes,
    rests: model.rests,
    basis: model.basis,
    architecture: read.model.architecture,
    known: read.model.rule !== null,
    trained,
    mmprojBytes: model.mmprojBytes,
    run: {
      engine: options.engine,
      parallel: parallel ?? (server ? 4 : 1),
      unified: server && parallel === undefined,
      kvType: options.kvType ?? 'f16',
      gpuLayers: gpuLayers ?? null,
    },
    notes: [...notes.values()],
    estimates,
    targets:
      chosen?.targets.map(({ id, name, facts }) =>
        targetFit({ id, name }, memoryOf(facts), estimates, model.header, run),
      ) ?? null,
  };
  if (options.json) {
    terminal.out(`${estimateJson(report)}\n`);
    return 0;
  }
  terminal.out(guardLines(estimateText(report, terminal)));
  if (chosen === null) {
    terminal.out(`\nDoes it fit: mn model estimate ${printable(ref)} --targets detect,rtx-4060,mac-m2-16\n`);
  }
  return 0;
}

function number(option: string, text: string, least: number, problems: string[]): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value < 2 ** 31)) {
    problems.push(`${option} is ${quote(text)}. Give a whole number from ${least} to ${2 ** 31 - 1}.`);
  }
  return value;
}

/** The entry's size, else 4096, and from there always twice as much up to what the model was trained for. */
function usualContexts(ofEntry: number | null, trained: number | null): number[] {
  const first = ofEntry ?? Math.min(firstContext, trained ?? firstContext);
  const sizes = [first];
  for (let size = 2 * first; size < (trained ?? 0); size *= 2) sizes.push(size);
  if (trained !== null && trained > first) sizes.push(trained);
  return sizes;
}

function targetFit(
  { id, name }: { id: string; name: string },
  have: Have,
  estimates: readonly Estimate[],
  header: GgufHeader,
  run: EstimateOptions,
): TargetFit {
  const largest =
    have.bytes === null ? null : largestContext(header, (one) => fitOf(one, have) === 'fits', run);
  return {
    id,
    name,
    have,
    fits: estimates.map((one) => fitOf(one, have)),
    largestContext: largest?.ok ? largest.contextSize : null,
  };
}

function detailsOf({ entry, header }: FoundModel, architecture: string): string[] {
  const named = header.metadata.get('general.name');
  return [
    ...(entry === null ? [] : [entry.dockerModel]),
    ...(typeof named === 'string' && named !== '' ? [named] : []),
    architecture,
  ];
}

function cannot(ref: string, problem: string): UsageError {
  return new UsageError([`${quote(ref)} cannot be estimated. ${problem}`]);
}

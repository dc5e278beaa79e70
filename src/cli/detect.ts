import { Assessments } from '../check/assessments.ts';
import { effectiveBackend } from '../compatibility/assess.ts';
import type { Verdict } from '../compatibility/verdict.ts';
import { describeFacts } from '../hardware/describe.ts';
import { detect, hostTarget } from '../hardware/detect/detect.ts';
import type { DetectedGpu, Detection, Fact } from '../hardware/detect/detection.ts';
import { factsOf } from '../hardware/detect/detection.ts';
import type { Target } from '../hardware/facts.ts';
import { profileOf } from '../hardware/profile.ts';
import { nodeFiles } from '../io/files.ts';
import { hostProbe } from '../io/probe.ts';

import { safeJson } from '../report/json.ts';
import { marks, statusWords } from '../report/words.ts';
import { defaultModel, loadCatalogs } from '../run/catalogs.ts';
import { repositoryOf } from '../run/repository.ts';
import { withSettings } from '../run/targets.ts';
import { UsageError } from '../run/usage-error.ts';
import { printable } from '../text/text.ts';
import type { Terminal } from './terminal.ts';

export interface DetectOptions {
  set: string[];
  catalog: string[];
  record?: string;
  json: boolean;
}

/** `mn target detect`: what this machine is, how that was found out, and the default model's verdict. */
export async function targetDetect(options: DetectOptions, terminal: Terminal): Promise<number> {
  const recording = options.record === undefined ? null : await import('../io/record.ts');
  const recorder = recording?.recordingProbe(hostProbe()) ?? null;
  const detection = await detect(recorder?.probe ?? hostProbe());
  const target = await withSettings(hostTarget(factsOf(detection)), options.set);
  const repository = repositoryOf('.');
  const { catalog } = await loadCatalogs(repository, options.catalog, process.env, nodeFiles([repository]));
  const model = defaultModel(catalog);
  const verdict = new Assessments(catalog, [target], false).of(model, effectiveBackend(null, model))
    .verdicts[0] as Verdict;

  if (options.json) terminal.out(`${safeJson(document(target, detection, verdict), 2)}\n`);
  else terminal.out(describe(target, detection, verdict, terminal));
  const { record: folder } = options;
  if (recording !== null && recorder !== null && folder !== undefined) {
    terminal.err(record(folder, () => recording.writeRecording(folder, recorder.recording())));
  }
  return 0;
}

/** A targets file with this machine in it; on another machine it is one of several, so it is called by what it is. */
function document(target: Target, detection: Detection, verdict: Verdict) {
  const { overridden } = target;
  return {
    targets: [{ ...profileOf(target), id: 'detected', name: describeFacts(target.facts) }],
    detection: {
      ...detection,
      ...(overridden === undefined ? {} : { overridden }),
      verdict: { model: verdict.model, status: verdict.status, rule: verdict.rule, message: verdict.message },
    },
  };
}

function record(folder: string, write: () => string[]): string {
  try {
    const files = write();
    return `wrote ${printable(folder)}: ${files.length} files. Names, addresses and serial numbers are removed; look through it before you share it.\n`;
  } catch (error) {
    throw new UsageError([error instanceof Error ? error.message : String(error)]);
  }
}

/** Label, value and where it is from, aligned. */
function describe(target: Target, detection: Detection, verdict: Verdict, { colors }: Terminal): string {
  const lines: string[] = [];
  const line = (label: string, value: string, source: string) =>
    lines.push(
      `  ${label.padEnd(12)} ${printable(value)}${source === '' ? '' : colors.dim(`  (${printable(source)})`)}`,
    );
  const fact = <Value>(
    label: string,
    known: Fact<Value> | null,
    words: (value: Value) => string,
    unknown = '',
  ) => {
    if (known !== null) line(label, words(known.value), known.source);
    else if (unknown !== '') line(label, unknown, '');
  };
  const { cpu, memory, docker } = detection;
  fact('system', detection.release, (release) => release);
  fact('architecture', detection.arch, (arch) => (detection.wsl.value ? `${arch}, WSL2` : arch));
  fact('container', detection.container, (kind) => kind);
  fact('virtual', detection.virtualMachine, (kind) => (kind === 'other' ? 'some virtual machine' : kind));
  fact('board', detection.board, (board) => board);
  fact('processor', cpu.model, (name) => (cpu.cores === null ? name : `${name}, ${cpu.cores.value} cores`));
  fact('memory', memory.physicalGib, gib, 'unknown');
  fact('limit', memory.limitGib, gib);
  fact('available', memory.availableGib, gib);
  if (detection.gpus.length === 0) line('GPU', 'none found', '');
  for (const gpu of detection.gpus) line('GPU', gpuWords(gpu), gpu.source);
  fact(
    'docker',
    docker.client,
    (client) => `client ${client}, ${docker.engine?.value ?? 'no engine known'}`,
    'not found',
  );
  fact('server', docker.serverReachable, (reachable) => (reachable ? 'answers' : 'does not answer'));
  fact('model runner', docker.modelRunnerReachable, (reachable) =>
    reachable ? 'answers' : 'does not answer',
  );
  for (const set of target.overridden ?? []) line('overridden', set, '--set');

  const status = `${marks[verdict.status]} ${statusWords[verdict.status]}`;
  const color = verdict.ok ? colors.green : verdict.status === 'fail' ? colors.red : colors.yellow;
  return [
    colors.bold(`This machine: ${describeFacts(target.facts)}`),
    '',
    ...lines,
    ...(detection.notes.length === 0
      ? []
      : ['', ...detection.notes.map(({ text }) => `  note  ${printable(text)}`)]),
    '',
    `${verdict.model}  ${color(status)}: ${printable(verdict.message)}`,
    ...(verdict.help === '' ? [] : [`  ${printable(verdict.help)}`]),
    '',
  ].join('\n');
}

function gib(value: number): string {
  return `${Number(value.toFixed(1))} GiB`;
}

function gpuWords(gpu: DetectedGpu): string {
  const size =
    gpu.memoryTotalMib === null
      ? gpu.unified
        ? 'shares the memory'
        : 'memory unknown'
      : `${gpu.memoryTotalMib} MiB`;
  return [
    `${gpu.vendor === 'other' ? '' : `${gpu.vendor} `}${gpu.name ?? 'GPU'}`,
    gpu.integrated && !gpu.unified ? `integrated, ${size} set aside` : size,
    ...(gpu.memoryFreeMib === null ? [] : [`${gpu.memoryFreeMib} MiB free`]),
    ...(gpu.driver === null ? [] : [`driver ${gpu.driver}`]),
    ...(gpu.api === null ? [] : [gpu.api]),
  ].join(', ');
}

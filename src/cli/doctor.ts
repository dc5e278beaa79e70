import type { CatalogEntry } from '../catalog/entry.ts';
import { Assessments } from '../check/assessments.ts';
import { effectiveBackend } from '../compatibility/assess.ts';
import type { Verdict } from '../compatibility/verdict.ts';
import { describeFacts } from '../hardware/describe.ts';
import type { Target } from '../hardware/facts.ts';
import { profileOf } from '../hardware/profile.ts';
import { guardLines } from '../report/guard.ts';
import { safeJson } from '../report/json.ts';
import { ModelRunner } from '../runner/client.ts';
import type { Check, CheckStatus, Diagnosis, Published, Watcher } from '../runner/doctor.ts';
import { examine, notChecked } from '../runner/doctor.ts';
import { askDocker, dockerFacts, hostOutside, locate, pluginFix } from '../runner/locate.ts';
import { count, printable } from '../text/text.ts';
import { catalogOf, entryOf } from './known-models.ts';
import type { ModelOptions } from './model.ts';
import { entryJson, verdictJson } from './model.ts';
import { lockedDigests, thisMachine } from './runner.ts';
import type { Terminal } from './terminal.ts';

export interface DoctorOptions extends ModelOptions {
  set: string[];
  online: boolean;
  verbose: boolean;
}

/** `mn model doctor`. Returns 1 where something failed, however it is printed. */
export async function modelDoctor(ref: string, options: DoctorOptions, terminal: Terminal): Promise<number> {
  const catalog = await catalogOf(options.catalog, terminal);
  const entry = entryOf(catalog, ref);
  const lockedDigest = lockedDigests()(entry.dockerModel);
  const outside = hostOutside();
  const asked = askDocker(outside);
  // Side by side: each may take seconds where something does not answer.
  const choosing = thisMachine(options.set);
  const located = locate(outside, asked);
  const target = await choosing;
  const verdict = new Assessments(catalog, [target], false).of(entry, effectiveBackend(null, entry))
    .verdicts[0] as Verdict;

  if (!options.json) {
    const title = `${terminal.colors.bold(printable(entry.id))} on this machine: ${describeFacts(target.facts)}`;
    terminal.out(guardLines(`${title}\n\n`));
    for (const set of target.overridden ?? []) terminal.out(guardLines(`  overridden  ${printable(set)}\n`));
  }
  const diagnosis = await examine(
    entry,
    {
      docker: asked.then(dockerFacts),
      located,
      verdict,
      connect: (endpoint) => new ModelRunner(endpoint),
      pluginFix: pluginFix(outside),
      lockedDigest,
      publishedDigest: options.online ? publishedDigest : null,
    },
    options.json ? { begins: () => {}, made: () => {} } : printer(terminal),
  );
  const failed = diagnosis.checks.filter(({ status }) => status === 'failed').length;
  if (options.json) {
    terminal.out(`${safeJson(document(entry, target, verdict, diagnosis, failed === 0), 2)}\n`);
  } else {
    terminal.out(guardLines(closing(diagnosis, failed, options.verbose, terminal)));
  }
  return failed === 0 ? 0 : 1;
}

/** Asks the registry for the manifest under a name. */
async function publishedDigest(name: string): Promise<Published> {
  const { ModelReader } = await import('../registry/header.ts');
  const { RegistryError } = await import('../registry/error.ts');
  const { parseReference } = await import('../registry/reference.ts');
  const timeouts = { connect: 5000, idle: 5000, total: 15_000 };
  const reader = new ModelReader({ env: process.env, timeouts });
  try {
    const reference = parseReference(name);
    if (reference.kind !== 'oci') return { ok: false, reason: 'Hugging Face has no digests' };
    const model = await reader.describe(reference);
    return model.kind === 'oci'
      ? { ok: true, digest: model.digest }
      : { ok: false, reason: 'Hugging Face has no digests' };
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return { ok: false, reason: error.problem };
  } finally {
    reader.close();
  }
}

const marks: Record<CheckStatus, string> = { ok: '✓', warning: '⚠', failed: '✗', unknown: '–' };
const nameWidth = 11;

/** Prints each check as it is made; says on a terminal that loading takes its time. */
function printer(terminal: Terminal): Watcher {
  const { colors, watched } = terminal;
  const paints: Record<CheckStatus, (text: string) => string> = {
    ok: colors.green,
    warning: colors.yellow,
    failed: colors.red,
    unknown: colors.dim,
  };
  let isWaiting = false;
  return {
    begins(id) {
      isWaiting = watched && id === 'answer';
      if (isWaiting) terminal.err('  … waiting for the first answer; a large model loads for minutes');
    },
    made({ id, status, message, fix }) {
      if (isWaiting) terminal.err('\r\u001b[K');
      isWaiting = false;
      if (message === notChecked) return;
      const line = `  ${paints[status](marks[status])} ${id.padEnd(nameWidth)}  ${printable(message)}\n`;
      const next = fix === null ? '' : `    ${''.padEnd(nameWidth)}  fix: ${printable(fix)}\n`;
      terminal.out(guardLines(line + next));
    },
  };
}

function closing({ checks, located }: Diagnosis, failed: number, verbose: boolean, terminal: Terminal) {
  const { colors } = terminal;
  const open = checks.filter(({ message }) => message === notChecked).map(({ id }) => id);
  const warnings = checks.filter(({ status }) => status === 'warning').length;
  const unknown = open.length === 0 ? '' : `  ${colors.dim(`– not checked: ${open.join(', ')}`)}\n`;
  const tried = verbose
    ? `\n${located.tried.map(({ what, result }) => `  tried ${printable(what)}: ${printable(result)}\n`).join('')}`
    : '';
  const amounts = [
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(warnings === 0 ? [] : [count(warnings, 'warning')]),
  ];
  const more = amounts.length === 0 ? '' : ` ${amounts.join(', ')}`;
  return failed === 0
    ? `${unknown}${tried}\n${colors.green('✓')} Model runtime is ready.${more}\n`
    : `${unknown}${tried}\n${colors.red('✗')} Model runtime needs attention:${more}\n`;
}

/** The document of `--json`: the fields of MirrorNeuron's own command, and the checks. */
function document(entry: CatalogEntry, target: Target, verdict: Verdict, diagnosis: Diagnosis, ok: boolean) {
  const { checks, located, version, model, answer } = diagnosis;
  return {
    model: entryJson(entry, model),
    compatibility: verdictJson(verdict),
    docker_model_runner: {
      status: located.ok ? 'running' : 'not running',
      running: located.ok,
      endpoint: located.ok ? located.endpoint.name : null,
      endpoint_ok: located.ok,
      version,
      tried: located.tried,
    },
    hardware: profileOf(target),
    // Of one token the engine measures no speed that means anything.
    answer: answer === null ? null : { ms: Math.round(answer.ms), dimensions: answer.dimensions },
    ok,
    checks: checks.map(({ id, status, message, fix }: Check) => ({ id, status, message, fix })),
  };
}

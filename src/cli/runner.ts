import { homedir } from 'node:os';
import { join } from 'node:path';
import { dockerModelRunner, normalProvider } from '../blueprint/declarations.ts';
import { join as joinShown } from '../blueprint/discover.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import { lockPath } from '../catalog/lock.ts';
import { Assessments } from '../check/assessments.ts';
import { effectiveBackend } from '../compatibility/assess.ts';
import type { Verdict } from '../compatibility/verdict.ts';
import { describeFacts } from '../hardware/describe.ts';
import type { Target } from '../hardware/facts.ts';
import { nodeFiles } from '../io/files.ts';
import { placeOf } from '../report/survey.ts';
import { statusWords } from '../report/words.ts';
import { readLockFile } from '../run/lock.ts';
import { repositoryOf } from '../run/repository.ts';
import { chooseTargets } from '../run/targets.ts';
import { UsageError } from '../run/usage-error.ts';
import { ModelRunner } from '../runner/client.ts';
import type { DownloadEvent } from '../runner/download.ts';
import { RunnerError, runnerError } from '../runner/errors.ts';
import type { InstallWish, InstallWorld } from '../runner/install.ts';
import { hostOutside, type Located, locate } from '../runner/locate.ts';
import { lock, wait } from '../runner/lock.ts';
import { isLocal, storeSpace } from '../runner/store.ts';
import type { Endpoint } from '../runner/types.ts';
import { bytesText } from '../text/bytes.ts';
import { printable, quote, short } from '../text/text.ts';
import { unknownModel } from './known-models.ts';
import { Steps } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** What the commands that change the runner's models have in common. */

/** The entries that references name, each once. Throws a UsageError with everything that is wrong. */
export function entriesOf(catalog: Catalog, refs: readonly string[]): CatalogEntry[] {
  const entries = new Set<CatalogEntry>();
  const problems: string[] = [];
  for (const ref of new Set(refs)) {
    const entry = catalog.resolve(ref)?.entry;
    if (entry === undefined) problems.push(unknownModel(catalog, ref));
    else if (normalProvider(entry.provider) !== dockerModelRunner) {
      problems.push(
        `${short(entry.id)} is provided by ${quote(entry.provider)}, not by Docker Model Runner. There is nothing to install.`,
      );
    } else entries.add(entry);
  }
  if (problems.length > 0) throw new UsageError(problems);
  return [...entries];
}

/** The machine that this runs on. */
export async function thisMachine(settings: readonly string[]): Promise<Target> {
  const choice = { specs: ['detect'], only: [], settings, whenNobodyChose: 'this-machine' } as const;
  const { targets } = await chooseTargets(choice, repositoryOf('.'), nodeFiles(['/']));
  return targets[0] as Target;
}

export interface Plan {
  wish: InstallWish;
  entry: CatalogEntry;
  verdict: Verdict;
}

/** What is to be done with each entry, and whether the machine does. */
export function planOf(
  entries: readonly CatalogEntry[],
  catalog: Catalog,
  target: Target,
  options: { force: boolean; backend?: string; contextSize?: number },
): Plan[] {
  const assessments = new Assessments(catalog, [target], options.force);
  return entries.map((entry) => {
    const backend = effectiveBackend(options.backend ?? null, entry);
    const verdict = assessments.of(entry, backend).verdicts[0] as Verdict;
    const wish: InstallWish = {
      id: short(entry.id),
      ref: entry.dockerModel,
      verdict,
      backend,
      contextSize: options.contextSize ?? entry.contextSize,
      isContextAsked: options.contextSize !== undefined,
      token: process.env['HF_TOKEN']?.trim() || null,
    };
    return { wish, entry, verdict };
  });
}

/** One line: what the machine is, and what it makes of the model. */
export function tellHardware({ wish, verdict }: Plan, target: Target, steps: Steps): void {
  const { status, forced, message, help, ok } = verdict;
  const machine = describeFacts(target.facts);
  if (!ok) steps.line('✗', 'hardware', `${machine}: ${wish.id} ${statusWords.fail}`);
  else if (forced) steps.line('⚠', 'hardware', printable(`${machine}: forced: ${message}. ${help}`));
  else if (status === 'warning') {
    steps.line('⚠', 'hardware', printable(`${machine}: ${wish.id} ${statusWords.warning}. ${help}`));
  } else steps.line('✓', 'hardware', `${machine}: ${wish.id} ${statusWords.pass}`);
}

/** The runner that was found. Throws a UsageError with the one next step where there is none. */
export function connect(
  located: Located,
  verbose: boolean,
  steps: Steps,
): { runner: ModelRunner; endpoint: Endpoint } {
  if (verbose) for (const { what, result } of located.tried) steps.line(' ', 'runner', `${what}: ${result}`);
  if (!located.ok) throw new UsageError([`${located.message} ${located.fix}`]);
  const { endpoint } = located;
  return { runner: new ModelRunner(endpoint), endpoint };
}

export function findRunner(): Promise<Located> {
  return locate(hostOutside());
}

/** Says so where what was checked is not the machine that the model will run on. */
export function tellRemote(endpoint: Endpoint, steps: Steps): void {
  if (isLocal(endpoint)) return;
  steps.line(
    '⚠',
    'hardware',
    `the runner at ${endpoint.name} is another machine, whose hardware was not checked: give it with --set`,
  );
}

/** Steps on stderr, with a line that moves where somebody watches. */
export function stepsOn(terminal: Terminal): { steps: Steps; end(): void } {
  const watched = terminal.watched && process.env['TERM'] !== 'dumb';
  const steps = new Steps({
    write: terminal.err,
    watched,
    // Asked each time, because people change the size of a window.
    columns: () => process.stderr.columns ?? 80,
    now: () => performance.now(),
  });
  const timer = setInterval(() => steps.tick(), watched ? 100 : 1000);
  const end = () => {
    clearInterval(timer);
    steps.end();
  };
  return { steps, end };
}

const signals = { SIGINT: 130, SIGTERM: 143 } as const;

/** Ends a run in good order at the first Ctrl-C or SIGTERM, and at once at the second. */
export class Stop {
  readonly #controller = new AbortController();
  readonly #handlers = Object.entries(signals).map(([name, code]) => {
    const handler = () => {
      if (this.code !== null) process.exit(code);
      this.code = code;
      this.#controller.abort();
    };
    process.on(name, handler);
    return { name, handler };
  });
  /** The exit code that the signal asks for; null where there was none. */
  code: number | null = null;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    for (const { name, handler } of this.#handlers) process.removeListener(name, handler);
  }
}

/** Where Model Check keeps what is the user's: `$MN_HOME`, else `~/.mn`. */
function userFolder(): string {
  return process.env['MN_HOME'] || join(homedir(), '.mn');
}

/**
 * Waits, once, until no other run of this user on this machine changes the runner's models: the runner loses tags
 * and lets pulls hang where two do. `release` lets the others go on.
 */
export function turn(
  command: string,
  steps: Steps,
  signal: AbortSignal,
): { enter(): Promise<void>; release(): void } {
  let entered: Promise<(() => void) | null> | null = null;
  let given: (() => void) | null = null;
  const take = () =>
    lock({
      folder: join(userFolder(), 'locks'),
      command,
      signal,
      onWait: (holder) =>
        steps.line(
          ' ',
          'waiting',
          holder === null
            ? 'for another run of mn on this machine, which works with Docker Model Runner'
            : `for another run on this machine: ${holder.command} (process ${holder.pid})`,
        ),
    }).catch((error: NodeJS.ErrnoException) => {
      const reason = error.code ?? short(error.message);
      steps.line(
        '⚠',
        'lock',
        `other runs are not kept waiting: no file can be made in ${short(userFolder())} (${reason})`,
      );
      return null;
    });
  return {
    async enter() {
      given = await (entered ??= take());
      if (signal.aborted) throw runnerError('cancelled', 'its models');
    },
    release() {
      given?.();
    },
  };
}

/** The real world for installing and updating. */
export function worldOf<Runner extends InstallWorld['runner']>(
  { runner, endpoint }: { runner: Runner; endpoint: Endpoint },
  around: { steps: Steps; signal: AbortSignal; verbose: boolean; enter(): Promise<void> },
) {
  const { steps, signal, verbose, enter } = around;
  const log = verbose ? (line: string) => steps.line(' ', 'registry', line) : undefined;
  return {
    runner,
    enter,
    signal,
    lookUp: async (name: string) =>
      (await import('../runner/look-up.ts')).lookUp(name, process.env, { signal, ...(log && { log }) }),
    freeSpace: (layers: Parameters<InstallWorld['freeSpace']>[0]) =>
      storeSpace(endpoint, layers, hostOutside()),
    expectedDigest: lockedDigests(),
    now: () => performance.now(),
    wait: (ms: number) => wait(ms, signal),
  };
}

/** The digests that the repository's lock file records. Throws a UsageError where it is wrong: it would vouch for nothing. */
export function lockedDigests(): InstallWorld['expectedDigest'] {
  const repository = repositoryOf('.');
  const { lock, findings } = readLockFile(nodeFiles([repository]), joinShown(repository, lockPath));
  if (findings.length > 0) {
    throw new UsageError(
      findings.map(
        ({ location, message, help }) => `${placeOf(location)}: ${printable(`${message} ${help}`)}`,
      ),
    );
  }
  return (name) => lock.expectedDigest(name);
}

/** What went wrong with one model, for programs. */
export interface Problem {
  kind: string;
  message: string;
  help: string;
}

export function problemOf(error: unknown): Problem {
  if (!(error instanceof RunnerError)) throw error;
  return { kind: error.kind, message: error.message, help: error.fix };
}

/** The step `disk` in words. */
export function tellDisk(
  { neededBytes, freeBytes, why }: Extract<DownloadEvent, { step: 'disk' }>,
  steps: Steps,
): void {
  const needed = neededBytes === 0 ? 'nothing to download' : `${bytesText(neededBytes ?? 0)} to download`;
  const known = [
    ...(neededBytes === null ? [] : [needed]),
    ...(freeBytes === null ? [] : [`${bytesText(freeBytes)} free`]),
  ];
  const text = [...(known.length === 0 ? [] : [known.join(', ')]), ...why].join('; ');
  steps.line(why.length === 0 ? '✓' : ' ', 'disk', printable(text));
}

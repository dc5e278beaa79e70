import { short, shortDigest } from '../text/text.ts';

export type RunnerErrorKind =
  | 'not-running'
  | 'no-permission'
  | 'disabled'
  | 'not-a-runner'
  | 'invalid-reference'
  | 'not-found'
  | 'not-installed'
  | 'not-found-or-login'
  | 'login-required'
  | 'rate-limited'
  | 'registry-unreachable'
  | 'unsupported-by-version'
  | 'backend-missing'
  | 'out-of-disk'
  | 'out-of-memory'
  | 'incompatible'
  | 'store-not-writable'
  | 'corrupt-download'
  | 'digest-mismatch'
  | 'in-use'
  | 'several-tags'
  | 'busy'
  | 'silent'
  | 'interrupted'
  | 'cancelled'
  | 'no-proof'
  | 'protocol'
  | 'failed';

/** A failure of Docker Model Runner or of the way to it. */
export class RunnerError extends Error {
  readonly kind: RunnerErrorKind;
  /** The next step, as a sentence. */
  readonly fix: string;
  /** What the runner said, or why it could not be asked; safe to print; null where nothing is known. */
  readonly said: string | null;

  constructor(kind: RunnerErrorKind, message: string, fix: string, said: string | null = null) {
    super(message);
    this.name = 'RunnerError';
    this.kind = kind;
    this.fix = fix;
    this.said = said;
  }
}

/**
 * A model is not the one that a lock file, or its own name, asks for. `where` begins the message: `In its registry,
 * ai/x:y`. The digests are `sha256:…`.
 */
export function otherDigest(where: string, found: string, expected: string, fix?: string): RunnerError {
  const message = `${where} is ${shortDigest(found)}, and ${shortDigest(expected)} is expected.`;
  return new RunnerError('digest-mismatch', message, fix ?? words['digest-mismatch'](where).fix);
}

/** What was asked of the runner: a 404 means something else for each. */
export type Asked = 'list' | 'pull' | 'model' | 'load' | 'other';

/** A refusal in the runner's words. */
export interface Refusal {
  asked: Asked;
  /** Null for an error inside a stream that began with 200. */
  status: number | null;
  text: string;
}

/** A row matches when all that it names does. */
interface Row {
  kind: RunnerErrorKind;
  asked?: readonly Asked[];
  status?: readonly number[];
  text?: RegExp;
}

/**
 * What a refusal means; the first row that matches decides. The runner maps few causes to a status, and any
 * text with "not found" to 404, so what its words say comes before the status.
 */
const rows: readonly Row[] = [
  { kind: 'out-of-disk', text: /no space left on device|disk quota exceeded|not enough (?:disk )?space/i },
  {
    kind: 'out-of-memory',
    text: /not enough (?:gpu )?memory|out of memory|exceeds total system memory|cannot allocate memory|model too big|signal: killed/i,
  },
  { kind: 'out-of-memory', status: [507] },
  { kind: 'rate-limited', text: /\b429\b|too ?many ?requests|rate.?limit/i },
  { kind: 'rate-limited', status: [429] },
  {
    kind: 'unsupported-by-version',
    text: /unknown model architecture|unknown projector type|try upgrading/i,
  },
  { kind: 'unsupported-by-version', status: [422] },
  {
    kind: 'not-found-or-login',
    asked: ['pull'],
    text: /pull access denied|insufficient_scope|repository does not exist/i,
  },
  { kind: 'corrupt-download', text: /digest mismatch|size mismatch|unexpected EOF|invalid checksum/i },
  {
    kind: 'registry-unreachable',
    asked: ['pull'],
    text: /no such host|dial tcp|i\/o timeout|tls handshake|connection (?:refused|reset)|x509|certificate|proxyconnect|network is unreachable/i,
  },
  { kind: 'invalid-reference', text: /invalid model reference/i },
  {
    kind: 'backend-missing',
    text: /backend (?:not found|installation failed)|backend "[^"]*" is not installed|binary not found|executable file not found|llama-server[^\n]*no such file/i,
  },
  { kind: 'backend-missing', status: [412] },
  { kind: 'store-not-writable', asked: ['pull', 'model'], text: /permission denied|read-only file system/i },
  {
    kind: 'login-required',
    asked: ['pull'],
    text: /unauthorized|authentication required|forbidden|access denied/i,
  },
  { kind: 'login-required', asked: ['pull'], status: [401, 403] },
  { kind: 'several-tags', status: [409], text: /multiple tag/i },
  { kind: 'in-use', status: [409] },
  { kind: 'not-found', asked: ['pull'], text: /not found|manifest unknown|no such model/i },
  { kind: 'not-found', asked: ['pull'], status: [404] },
  { kind: 'not-installed', asked: ['model', 'load'], status: [404] },
  { kind: 'not-installed', asked: ['model', 'load'], text: /model not found|no such model/i },
  { kind: 'disabled', status: [503] },
  { kind: 'protocol', asked: ['other'], status: [404, 405] },
  { kind: 'not-a-runner', asked: ['list'], status: [300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405] },
];

export function classify({ asked, status, text }: Refusal): RunnerErrorKind {
  const find = (said: string, from: readonly Row[]) =>
    from.find(
      (row) =>
        (row.asked === undefined || row.asked.includes(asked)) &&
        (row.status === undefined || (status !== null && row.status.includes(status))) &&
        (row.text === undefined || row.text.test(said)),
    )?.kind;
  // Behind an empty line stands the log of the engine, full of words that mean nothing here but for these two.
  const found = find(headOf(text), rows);
  if (found !== undefined) return found;
  const deep = rows.filter(({ kind, text: words }) => words !== undefined && causes.includes(kind));
  return find(text, deep) ?? 'failed';
}

const causes: readonly RunnerErrorKind[] = ['out-of-memory', 'unsupported-by-version'];

function headOf(text: string): string {
  return text.trim().split(/\n\s*\n/, 1)[0] ?? '';
}

/** The error of a refusal. `subject` is the model, or what else was asked for. */
export function refused(refusal: Refusal, subject: string): RunnerError {
  const kind = classify(refusal);
  const said = headOf(refusal.text).replace(/^Error: /, '');
  return runnerError(kind, subject, said === '' ? statusWords(refusal.status) : said);
}

function statusWords(status: number | null): string | null {
  return status === null ? null : `HTTP status ${status}`;
}

/** An error of this kind about a model, or about what else `subject` names; both texts may be hostile. */
export function runnerError(kind: RunnerErrorKind, subject: string, said: string | null = null): RunnerError {
  const about = short(subject);
  const heard = said === null || said === '' ? null : short(said, 300);
  const { message, fix, quotes } = words[kind](about);
  return new RunnerError(
    kind,
    quotes && heard !== null ? `${message} Docker Model Runner said: ${heard}` : message,
    fix,
    heard,
  );
}

interface Words {
  message: string;
  fix: string;
  /** The runner's own words help: they follow the message. */
  quotes?: true;
}

const runner = 'Docker Model Runner';
const huggingFaceToken = 'Set HF_TOKEN to a token of Hugging Face that may read it';
const logIn = (about: string) =>
  about.startsWith('huggingface.co/') ? huggingFaceToken : 'Log in with docker login';
const upgrade =
  'Upgrade Docker Desktop, or on Docker Engine the runner: docker model reinstall-runner. The hardware is not the cause.';

const words: Record<RunnerErrorKind, (about: string) => Words> = {
  'not-running': (about) => ({
    message: `${runner} does not answer at ${about}.`,
    fix: 'Start it: docker desktop enable model-runner with Docker Desktop, docker model start-runner with Docker Engine.',
  }),
  'no-permission': (about) => ({
    message: `This user may not use ${about}.`,
    fix: 'Add the user to the group docker and log in again.',
  }),
  disabled: () => ({
    message: `${runner} is not running.`,
    fix: 'Enable it: docker desktop enable model-runner --tcp 12434.',
    quotes: true,
  }),
  'not-a-runner': (about) => ({
    message: `What answers at ${about} is not ${runner}.`,
    fix: 'Set MODEL_RUNNER_HOST to the address of the runner, or unset it.',
  }),
  'invalid-reference': (about) => ({
    message: `${runner} does not accept the name ${about}.`,
    fix: 'Check the name and the tag.',
  }),
  'not-found': (about) => ({
    message: `${about} is not in its registry.`,
    fix: 'Check the name and the tag: upper and lower case differ in tags.',
  }),
  'not-installed': (about) => ({
    message: `${about} is not installed.`,
    fix: `Install it: mn model install ${about}`,
  }),
  'not-found-or-login': (about) => ({
    message: `${about} is not in its registry, or only for those who log in.`,
    fix: `Check the name. ${logIn(about)} if the model is private.`,
  }),
  'login-required': (about) => ({
    message: `The registry does not give ${about} to this user.`,
    fix: `${logIn(about)}, and accept the model's terms where it has some.`,
  }),
  'rate-limited': (about) => ({
    message: `The registry limits downloads, and the limit is reached for ${about}.`,
    fix: `Wait and try again. ${logIn(about)} for a higher limit.`,
  }),
  'registry-unreachable': (about) => ({
    message: `${runner} cannot reach the registry of ${about}.`,
    fix: 'Check the network, and the proxy: the runner takes HTTPS_PROXY from the time it was installed.',
    quotes: true,
  }),
  'unsupported-by-version': (about) => ({
    message: `This version of ${runner} cannot run ${about}.`,
    fix: upgrade,
    quotes: true,
  }),
  'backend-missing': (about) => ({
    message: `${runner} has no working engine for ${about}.`,
    fix: 'Install the engine: docker model reinstall-runner --backend llama.cpp (or vllm); with Docker Desktop, upgrade it.',
    quotes: true,
  }),
  'out-of-disk': (about) => ({
    message: `The disk of ${runner} is full; ${about} is not complete.`,
    fix: 'Free space, or remove models with mn model remove, and try again: the download goes on where it stopped.',
  }),
  'out-of-memory': (about) => ({
    message: `There is not enough memory to load ${about}.`,
    fix: 'Use a smaller model or a smaller context size, or end what else uses the memory.',
    quotes: true,
  }),
  incompatible: (about) => ({
    message: `${about} does not run on this machine.`,
    fix: 'Use a smaller model, or --force.',
  }),
  'store-not-writable': (about) => ({
    message: `${runner} may not write to its model store; ${about} is not changed.`,
    fix: 'Give the store to the user of the runner, or reinstall it: docker model reinstall-runner.',
    quotes: true,
  }),
  'corrupt-download': (about) => ({
    message: `What came down of ${about} is damaged.`,
    fix: 'Try again. If it happens again, check the proxy between this machine and the registry.',
    quotes: true,
  }),
  'digest-mismatch': (about) => ({
    message: `${about} is not the model that was expected.`,
    fix: "Check who changed the tag. If the change is right, mn catalog lock records it; a digest in a model's name is changed by hand.",
  }),
  'in-use': (about) => ({
    message: `${about} is in use.`,
    fix: 'Wait until it is idle, and try again.',
    quotes: true,
  }),
  'several-tags': (about) => ({
    message: `${about} has several tags.`,
    fix: 'Remove its tags one by one, or use --force.',
  }),
  busy: (about) => ({
    message: `${runner} has not begun with ${about}: it pulls two models at a time, and others wait.`,
    fix: 'Wait for the other pulls, or end them, and try again.',
  }),
  silent: (about) => ({
    message: `${runner} stopped answering while it worked on ${about}.`,
    fix: 'Try again: what came down is kept. If it happens again, restart the runner.',
  }),
  interrupted: (about) => ({
    message: `The connection to ${runner} broke while it worked on ${about}.`,
    fix: 'Try again: what came down is kept.',
  }),
  cancelled: (about) => ({
    message: `Stopped while ${runner} worked on ${about}.`,
    fix: 'Start it again to go on: what came down is kept.',
  }),
  'no-proof': (about) => ({
    message: `${runner} does not confirm that ${about} is installed.`,
    fix: 'Try again. If it happens again, read docker model logs.',
    quotes: true,
  }),
  protocol: (about) => ({
    message: `${runner} gave an answer about ${about} that cannot be read.`,
    fix: 'Upgrade Docker Model Runner, and check that MODEL_RUNNER_HOST names it.',
  }),
  failed: (about) => ({
    message: `${runner} failed with ${about}.`,
    fix: 'Read docker model logs, and try again.',
    quotes: true,
  }),
};

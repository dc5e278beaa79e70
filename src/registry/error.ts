/** What can go wrong while a model is looked up; a closed set, so that callers can decide by it. */
export type RegistryErrorKind =
  /** The text is no reference of any kind. */
  | 'invalid-reference'
  /** The registry knows the place, and there is no such model, tag or file. */
  | 'not-found'
  /** The registry does not tell a missing repository from one that needs another login. */
  | 'denied'
  /** A login is needed or the one that is there was refused. */
  | 'login-required'
  | 'rate-limited'
  /** The server gives files whole only, so that a header cannot be read without the model. */
  | 'no-ranges'
  /** Nothing came for too long, or the whole took too long. */
  | 'stalled'
  /** What came is not what its digest says. */
  | 'bad-digest'
  /** What came is not what the protocol says. */
  | 'bad-answer'
  /** It exists, and is no model that can be read. */
  | 'not-a-model'
  /** The server has a problem of its own: 5xx. */
  | 'server'
  /** No connection. */
  | 'network';

/** Why a model could not be read. Its words never hold a token, a password or the query of an address. */
export class RegistryError extends Error {
  readonly kind: RegistryErrorKind;
  /** What is wrong and where, a sentence without its full stop. */
  readonly problem: string;
  /** What to do next, a sentence without its full stop. */
  readonly help: string;
  /** Of a rate limit, where the server said when to come back. */
  readonly retryAfterSeconds: number | null;

  constructor(
    kind: RegistryErrorKind,
    problem: string,
    help: string,
    retryAfterSeconds: number | null = null,
  ) {
    super(`${problem}. ${help}.`);
    this.name = 'RegistryError';
    this.kind = kind;
    this.problem = problem;
    this.help = help;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

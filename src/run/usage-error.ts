/** Wrong arguments, a missing path, a bad targets file or a broken environment: exit code 2. */
export class UsageError extends Error {
  /** Everything that is wrong, each in words that end with what to do. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'UsageError';
    this.problems = problems;
  }
}

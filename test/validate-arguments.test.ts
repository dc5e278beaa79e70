import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { program } from '../src/cli/program.ts';
import { validateArguments } from '../src/cli/validate-arguments.ts';

const { validate } = vi.hoisted(() => ({ validate: vi.fn() }));
vi.mock('../src/cli/validate.ts', () => ({ validate }));

/** What commander makes of the arguments; null where it refuses them, helps or says the version. */
async function byCommander(argv: readonly string[]) {
  validate.mockReset().mockReturnValue(0);
  let global = null;
  const root = program(async (options, action) => {
    global = options;
    await action({} as never);
  });
  for (const each of [root, ...root.commands.flatMap((group) => [group, ...group.commands])]) {
    each.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
  }
  await root.parseAsync(argv, { from: 'user' }).catch(() => {});
  const call = validate.mock.calls[0];
  if (call === undefined) return null;
  const { color: _, debug: __, ...options } = call[1];
  return { paths: call[0], options, global };
}

const validateCommand = program(async () => {}).commands[0]?.commands[0];
const options = (validateCommand?.options ?? []).flatMap(({ long, required }) =>
  long === undefined ? [] : [{ long, required }],
);

describe('the arguments of validate, read without commander', () => {
  test.each(options.map(({ long, required }) => (required ? [long, `${long} text`] : [long, long])))(
    '%s is read',
    async (long, line) => {
      const value = {
        '--fail-on': 'never',
        '--if-none': 'ignore',
        '--format': 'sarif:a:b.sarif',
        '--shard': '2/5',
      }[long];
      const words = value === undefined ? line.split(' ') : [long, value];
      const argv = ['blueprint', 'validate', ...words, 'blueprints/'];
      const read = validateArguments(argv);
      expect(read).not.toBeNull();
      expect(read).toEqual(await byCommander(argv));
    },
  );

  test.each([
    [],
    ['blueprint'],
    ['--debug', 'blueprint', 'validate'],
    ['blueprint', 'env', 'a'],
    ['blueprint', 'validate', '--help'],
    ['blueprint', 'validate', '-h'],
    ['blueprint', 'validate', '--version'],
    ['blueprint', 'validate', '--'],
    ['blueprint', 'validate', '--target', 'a'],
    ['blueprint', 'validate', '__proto__', '--__proto__'],
    ['blueprint', 'validate', '--targets'],
    ['blueprint', 'validate', '--targets', ''],
    ['blueprint', 'validate', '--targets', '--debug'],
    ['blueprint', 'validate', '--targets=-a'],
    ['blueprint', 'validate', '--json=yes'],
    ['blueprint', 'validate', '--fail-on', 'all'],
    ['blueprint', 'validate', '--if-none', 'fail'],
    ['blueprint', 'validate', '--format', 'pdf'],
    ['blueprint', 'validate', '--shard', '6/5'],
    ['blueprint', 'validate', '--format', 'sarif:'],
  ])('%j is left to commander', (...argv) => {
    expect(validateArguments(argv)).toBeNull();
  });

  test('what is read is what commander reads', async () => {
    const word = fc.oneof(
      fc.constantFrom(...options.map(({ long }) => long), '--debug', '--no-color'),
      fc.constantFrom(...options.map(({ long }) => `${long}=warning`), '--output=a=b', '--set=a=-1'),
      fc.constantFrom(
        'never',
        'warn',
        'json',
        '1/3',
        'sarif:a.sarif',
        'help',
        'validate',
        'a b',
        '',
        '-',
        '--',
        '-1',
        '-V',
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (words) => {
        const argv = ['blueprint', 'validate', ...words];
        const read = validateArguments(argv);
        if (read !== null) expect(read).toEqual(await byCommander(argv));
      }),
      { numRuns: 1000 },
    );
  });
});

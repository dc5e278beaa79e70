// Start to verdict on one blueprint with 50 declared targets, against a Node that does nothing.
import { interleaved, summary } from './statistics.mjs';
import { milliseconds, timesWithSpread } from './tables.mjs';

const names = {
  floor: '`node -e 0`, the floor',
  version: '`mn --version`: loading, and reading the arguments',
  command: '`mn blueprint validate`, from the third run on (the goal)',
  commandFirst: '`mn blueprint validate`, without a code cache, as the first run',
  action: 'the action, from the third step of a job on (the goal)',
  actionFirst: 'the action, without a code cache, as the first step',
};

/** The cases of a product: wall time of the plain program, processor time and memory of a second start. */
export async function groups(context, { cli, action }) {
  const folder = await context.repository(1);
  const started = (name, args, env, cached = false) => ({
    name,
    words: names[name],
    run: async () => {
      const { ms } = await context.workspace.node(args, folder, env);
      return { ...(await context.workspace.used(args, folder, env, cached)), ms };
    },
  });
  // Two runs make the code cache: both are in the first round, which is dropped. HOME and RUNNER_TEMP stay.
  const off = { MN_CODE_CACHE: 'off' };
  const runner = context.runnerEnvironment(folder);
  return [
    {
      rounds: context.rounds(1),
      floors: [started('floor', ['-e', '0'])],
      cases: [
        started('version', [cli, '--version']),
        started('command', [cli, 'blueprint', 'validate'], {}, true),
        started('commandFirst', [cli, 'blueprint', 'validate'], off),
        started('action', [action], runner, true),
        started('actionFirst', [action], { ...runner, ...off }),
      ],
    },
  ];
}

export async function measure(context) {
  const [{ rounds, floors, cases }] = await groups(context, context.product);
  const samples = await interleaved([...floors, ...cases], rounds);
  const floor = samples.get('floor');
  return {
    floor: summary(floor),
    ...Object.fromEntries(cases.map(({ name }) => [name, summary(samples.get(name), floor)])),
  };
}

export function tables(measured) {
  return [
    {
      title: 'Start to verdict on one blueprint × 50 targets',
      head: ['', 'wall', 'against the floor', 'processor', 'against the floor'],
      rows: Object.entries(measured).map(([name, { ms, ratio, cpuMs, cpuRatio }]) => [
        names[name],
        milliseconds(ms),
        timesWithSpread(ratio),
        milliseconds(cpuMs),
        timesWithSpread(cpuRatio),
      ]),
    },
  ];
}

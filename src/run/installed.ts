import type { InstalledModels } from '../check/installed.ts';
import { InstalledCheck } from '../check/installed.ts';
import { lackOfBackend } from '../runner/backends.ts';
import { ModelRunner } from '../runner/client.ts';
import { RunnerError } from '../runner/errors.ts';
import { hostOutside, locate } from '../runner/locate.ts';
import { finderIn } from '../runner/reference.ts';
import { count } from '../text/text.ts';

/** Longest wait for an answer of a runner that was found, in milliseconds. */
const answerMs = 1500;

/**
 * What the Docker Model Runner of this machine has, and the same in words. Installs nothing, and ends within
 * seconds. `instead` is how to leave the runner out: `leave it out with --hardware-only`.
 */
export async function askInstalled(
  instead: string,
): Promise<{ installed: () => InstalledCheck; words: string }> {
  const located = await locate(hostOutside());
  // Many a next step ends in a command or an address, to which nothing may be stuck.
  const lack = (reason: string, fix: string) => ({
    reason,
    fix: `${fix.replace(/\.$/, '')} – or ${instead}.`,
  });
  const none = (reason: string, fix: string) => ({
    installed: () => new InstalledCheck({ ok: false, ...lack(reason, fix) }),
    words: '',
  });
  if (!located.ok) return none(located.message, located.fix);
  const runner = new ModelRunner(located.endpoint, { times: { answerMs } });
  try {
    const models = await runner.list();
    // A runner that does not tell of its engines may still have them.
    const engines = await runner.status().catch(() => []);
    const find = finderIn(models);
    const installed: InstalledModels = {
      ok: true,
      has: (name) => find(name) !== null,
      lacksBackend: (backend) => {
        const lacking = lackOfBackend(backend, engines);
        return lacking === null ? null : lack(lacking.message, lacking.fix);
      },
    };
    const amount = models.length === 0 ? 'no model' : count(models.length, 'model');
    return {
      installed: () => new InstalledCheck(installed),
      words: `Docker Model Runner at ${located.endpoint.name} has ${amount} installed.`,
    };
  } catch (error) {
    if (!(error instanceof RunnerError)) throw error;
    return none(error.message, error.fix);
  }
}

import { ModelRunner } from '../runner/client.ts';
import { RunnerError } from '../runner/errors.ts';
import { hostOutside, locateQuickly } from '../runner/locate.ts';
import { finderIn } from '../runner/reference.ts';
import type { InstalledModel } from '../runner/types.ts';

/** Longest wait for the list, in milliseconds: who asks what there is does not wait for a runner in trouble. */
const answerMs = 1500;

/** The models of a runner that answers. */
export interface Store {
  /** As people write it. */
  endpoint: string;
  models: readonly InstalledModel[];
  /** The model under this Docker name; null where there is none. */
  find(dockerModel: string): InstalledModel | null;
}

/** The models of the runner of this machine; null where none answers at once. Runs no command. */
export async function lookIntoStore(): Promise<Store | null> {
  const endpoint = await locateQuickly(hostOutside());
  if (endpoint === null) return null;
  try {
    const models = await new ModelRunner(endpoint, { times: { answerMs } }).list(
      AbortSignal.timeout(answerMs),
    );
    return { endpoint: endpoint.name, models, find: finderIn(models) };
  } catch (error) {
    if (!(error instanceof RunnerError)) throw error;
    return null;
  }
}

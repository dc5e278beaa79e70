import type { BackendStatus } from './types.ts';

/** Why an engine cannot run models, and the next step. */
export interface BackendLack {
  message: string;
  fix: string;
}

/**
 * What the runner's own words say against an engine; null where nothing does. llama.cpp that is not installed is
 * none: on macOS and Windows the runner fetches it when it is used first. What the runner does not list, and a
 * list that is empty, prove nothing.
 */
export function lackOfBackend(backend: string, engines: readonly BackendStatus[]): BackendLack | null {
  const engine = engines.find((one) => one.backend === backend);
  if (engine === undefined) return null;
  const because = engine.detail === null ? '' : `: ${engine.detail}`;
  if (engine.state === 'error') {
    return {
      message: `Docker Model Runner says that its engine ${backend} is broken${because}.`,
      fix: `Install it again: docker model reinstall-runner --backend ${backend}; with Docker Desktop, upgrade it.`,
    };
  }
  if (engine.state !== 'not-installed' || backend === 'llama.cpp') return null;
  return {
    message: `Docker Model Runner has no engine ${backend}${because}.`,
    fix: `Install it: docker model install-runner --backend ${backend}; with Docker Desktop, turn it on in its settings.`,
  };
}

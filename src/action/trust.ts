import { short } from '../text/text.ts';
import { at } from './event.ts';

/** Only who may write to the repository, or its own schedule, makes these happen. */
const trusted: ReadonlySet<string> = new Set([
  'create',
  'deployment',
  'deployment_status',
  'merge_group',
  'push',
  'release',
  'repository_dispatch',
  'schedule',
  'workflow_dispatch',
]);

/** These run with the commits of a pull request, which may be a stranger's. */
const ofPullRequests: ReadonlySet<string> = new Set(['pull_request', 'pull_request_review']);

/**
 * Why a run may have been started, or its files written, by somebody who may not write to the repository: a phrase.
 * Null where that cannot be. What is not known is not trusted. `payload` is the event as GitHub describes it.
 */
export function whyUntrusted(event: string, payload: unknown, repository: string): string | null {
  if (trusted.has(event)) return null;
  if (event === '') return 'it is not known what started this run';
  if (!ofPullRequests.has(event)) return `anybody can start a run with ${short(event, 60)}`;
  const head = at(payload, 'pull_request', 'head', 'repo', 'full_name');
  if (typeof head === 'string' && repository !== '' && head.toLowerCase() === repository.toLowerCase())
    return null;
  return 'the pull request is from a fork';
}

/** Why nothing may be saved to the cache, as a phrase; null where it may. `mode` is ACTIONS_CACHE_MODE. */
export function whyNotSaved(mode: string, untrusted: string | null): string | null {
  const known = mode.trim().toLowerCase();
  if (known === 'none' || known === 'read') return `this run has cache-mode ${known}`;
  return untrusted;
}

/** Why nothing may be read from the cache, as a phrase; null where it may. */
export function whyNotRestored(mode: string): string | null {
  const known = mode.trim().toLowerCase();
  return known === 'none' || known === 'write-only' ? `this run has cache-mode ${known}` : null;
}

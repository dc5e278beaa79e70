import { checkRef, GitError } from '../io/git.ts';
import type { CompareWith } from '../run/compare.ts';
import { UsageError } from '../run/usage-error.ts';

import { at, readEvent } from './event.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** What to compare with, once inputs and config file are one. */
export interface CompareChoice {
  /** `auto`, `none`, or a ref. */
  compare: string;
  /** Who named the ref: `input compare`. */
  namedBy: string;
  failOnNew: boolean;
}

/** The version that is named; with `auto`, the base of the event. Null where that is not known. */
export function baseOf({ compare, namedBy, failOnNew }: CompareChoice, env: Env): CompareWith | null {
  if (compare !== 'auto') {
    try {
      checkRef(compare);
    } catch (error) {
      if (error instanceof GitError) throw new UsageError([`${namedBy}: ${error.message}`]);
      throw error;
    }
    return { ref: compare, shown: compare, mergeCommit: null, pullRequest: false, optional: false };
  }
  const event = env['GITHUB_EVENT_NAME'];
  const payload = readEvent(env);
  const commit = commitOf(
    event === 'merge_group'
      ? at(payload, 'merge_group', 'base_sha')
      : at(payload, 'pull_request', 'base', 'sha'),
  );
  const branch = nameOf(env['GITHUB_BASE_REF'] ?? '');
  const ref = commit ?? (branch === null ? null : `origin/${branch}`);
  if (ref === null) return null;
  // Only there is the commit of the run the merge of base and head.
  const isMerge = event === 'pull_request' && /^refs\/pull\/\d+\/merge$/.test(env['GITHUB_REF'] ?? '');
  return {
    ref,
    shown: branch ?? ref.slice(0, 12),
    mergeCommit: isMerge ? commitOf(env['GITHUB_SHA']) : null,
    pullRequest: event !== 'merge_group',
    // Who lets only new findings fail a step needs to know which ones are new.
    optional: !failOnNew,
  };
}

/** The version that changes are counted from: the one that is named; with `auto`, the base of the event. */
export function changesSince(changedSince: string, env: Env): CompareWith | null {
  return baseOf({ compare: changedSince, namedBy: 'input changed-since', failOnNew: true }, env);
}

function commitOf(value: unknown): string | null {
  return typeof value === 'string' && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(value) ? value : null;
}

/** The name of a branch; null where it is fit for nothing. */
function nameOf(branch: string): string | null {
  try {
    checkRef(branch);
    return branch;
  } catch {
    return null;
  }
}

import type { Report, RunInfo } from '../check/report.ts';
import { commentMarker, reportComment } from '../report/comment.ts';
import { keepComment } from './comment.ts';
import type { Inputs } from './inputs.ts';

/**
 * Keeps the comment on the pull request; where none is wanted, removes it. `link`: the address of a line. Says what was
 * done, or why nothing was: neither is worth a failed step.
 */
export async function comment(
  report: Report,
  info: RunInfo,
  isWanted: boolean,
  inputs: Inputs,
  env: Readonly<Record<string, string | undefined>>,
  link: (path: string, line: number) => string | null,
): Promise<string> {
  // Other jobs of the pull request keep comments of their own.
  const job = [
    env['GITHUB_WORKFLOW'] ?? '',
    env['GITHUB_JOB'] ?? '',
    inputs.workingDirectory,
    inputs.target.join(','),
  ];
  const key = job.join(' / ');
  const { GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = env;
  const server = env['GITHUB_SERVER_URL'] ?? 'https://github.com';
  const body = isWanted
    ? reportComment(report, info, {
        key,
        link,
        run: repository && run ? `${server}/${repository}/actions/runs/${run}` : null,
      })
    : null;
  const done = await keepComment({ token: inputs.githubToken, env, marker: commentMarker(key), body });
  return `Comment on the pull request ${done}`;
}

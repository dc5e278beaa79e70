import type { Report, RunInfo } from '../check/report.ts';
import { escapeAddress, type MarkdownOptions, reportMarkdown } from './markdown.ts';

/** GitHub refuses a comment from here on, in characters. */
export const commentLimit = 65_536;
/** In bytes: characters are never more. The rest is for the marker and the last line. */
const reportBudget = 62_000;

export interface CommentOptions extends Pick<MarkdownOptions, 'link'> {
  /** What tells this comment from those of other jobs, in plain text. */
  key: string;
  /** The address of the run; null where it is unknown. */
  run: string | null;
}

/** The first line of a comment, which nobody sees: by it the next run finds the comment of this one. */
export function commentMarker(key: string): string {
  return `<!-- model-check ${encodeURIComponent(key.toWellFormed()).slice(0, 500)} -->`;
}

/** The report as a comment on a pull request, below `commentLimit`. */
export function reportComment(report: Report, info: RunInfo, options: CommentOptions): string {
  const { key, run, link } = options;
  const markdown = reportMarkdown(report, info, { budget: reportBudget, link });
  const ending =
    run === null || run.length > 2000 ? '' : `\n[Log and summary of this run](${escapeAddress(run)})\n`;
  return `${commentMarker(key)}\n${markdown.trimEnd()}\n${ending}`;
}

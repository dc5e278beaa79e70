import type { Report } from '../check/report.ts';
import type { Finding, Severity } from '../findings/finding.ts';
import { count, printable, short } from '../text/text.ts';
import { placeOf } from './survey.ts';
import { listedTargets, targetNames } from './words.ts';

/** The runner cuts a message here. */
const messageLimit = 4096;

const kinds: [Severity, command: string, noun: string][] = [
  ['error', 'error', 'error'],
  ['warning', 'warning', 'warning'],
  ['note', 'notice', 'note'],
];

/**
 * Workflow commands that annotate a pull request, errors first. GitHub shows
 * `limit` of each kind in a step and drops the rest without a word, so no more
 * are printed and the last one says how many there are. Of each kind, what the
 * version compared with does not have comes first: it is what the author of the
 * pull request can see in the diff. Ends with a line break, or is empty.
 */
export function reportAnnotations(report: Report, { limit = 10 }: { limit?: number } = {}): string {
  const nameOf = targetNames(report);
  const lead = leadOf(report, nameOf);
  const lines: string[] = [];
  for (const [severity, command, noun] of kinds) {
    const all = report.findings.filter((finding) => finding.severity === severity);
    const shown = all.slice(0, limit);
    const rest = fold(all.slice(shown.length), noun);
    shown.forEach((finding, index) => {
      const ending = index === shown.length - 1 ? rest : '';
      lines.push(`::${command} ${properties(finding)}::${message(finding, nameOf, lead(finding), ending)}\n`);
    });
  }
  return lines.join('');
}

/** The line that stands for all that is not shown; empty where that is nothing. */
function fold(left: readonly Finding[], noun: string): string {
  if (left.length === 0) return '';
  const fresh = left.filter(({ change }) => change === 'new').length;
  const compared = left.some(({ change }) => change !== null);
  const which = compared ? ` (${fresh === 0 ? 'none' : fresh} of them new)` : '';
  return `\n… and ${count(left.length, `more ${noun}`)}${which}: see the summary or the report`;
}

/** What to say ahead of a finding that is new, and of one that says what no longer runs. */
function leadOf({ comparison }: Report, nameOf: (id: string) => string): (finding: Finding) => string {
  const subject = comparison?.pullRequest ? 'This pull request' : 'This change';
  const dropped = new Map<string, Set<string>>();
  for (const { blueprint, targets } of comparison?.dropped ?? []) {
    dropped.set(blueprint, new Set([...(dropped.get(blueprint) ?? []), ...targets]));
  }
  return ({ change, blueprint, targets, id }) => {
    if (change !== 'new') return '';
    const gone = [...(dropped.get(blueprint ?? '') ?? [])];
    const here = id === 'unknown-model' ? gone : gone.filter((target) => targets.includes(target));
    if (here.length === 0) return 'New: ';
    return `${subject} drops ${short(blueprint ?? '', 100)} on ${listedTargets(here.map(nameOf), 3)}: `;
  };
}

function properties({ title, location }: Finding): string {
  const pairs: [string, string | number][] = [['title', noCommand(short(title, 200))]];
  if (location !== null && isInWorkspace(location.file)) {
    const { file, range } = location;
    pairs.push(['file', file]);
    if (range !== null) {
      pairs.push(['line', range.line], ['endLine', range.endLine]);
      // The runner drops the columns of a range over several lines, and complains.
      if (range.endLine === range.line) pairs.push(['col', range.column], ['endColumn', range.endColumn]);
    }
  }
  return pairs.map(([key, value]) => `${key}=${escapeProperty(String(value))}`).join(',');
}

/** GitHub shows a file only where it is one of the repository's; a name that is not fit to print is not worth it. */
function isInWorkspace(file: string): boolean {
  if (file === '' || printable(file) !== file || file.includes('##[')) return false;
  return !/^(?:[~/\\$]|\.\.(?:[\\/]|$)|[A-Za-z]:[\\/])/.test(file);
}

/** The log keeps only the message of a command, so it begins with the place. */
function message(
  { location, message: text, help, targets }: Finding,
  nameOf: (id: string) => string,
  lead: string,
  rest: string,
): string {
  const place = placeOf(location);
  const where = targets.length < 2 ? '' : ` Targets: ${listedTargets(targets.map(nameOf), 6)}.`;
  const words =
    `${place === '' ? '' : `${place} — `}${lead}${printable(text)}${where}\n${printable(help)}`.trimEnd();
  const ending = escapeData(rest);
  return cutEscaped(escapeData(noCommand(words)), messageLimit - ending.length) + ending;
}

function noCommand(text: string): string {
  return text.replaceAll('##[', '##\\[');
}

function escapeData(text: string): string {
  return text.toWellFormed().replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/** At most `limit` long, with `…` where it was cut; never cuts `%25` or a surrogate pair in two. */
function cutEscaped(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return `${text.slice(0, limit - 1).replace(/%[0-9A-F]?$|[\ud800-\udbff]$/, '')}…`;
}

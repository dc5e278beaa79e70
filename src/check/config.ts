import { isObject } from '../blueprint/config.ts';
import type { Worker } from '../blueprint/worker.ts';
import { child, dotted } from '../document/pointer.ts';
import type { Range } from '../document/position.ts';
import type { SourceProblem, YamlParser } from '../document/source.ts';
import { inOrder, readSource } from '../document/source.ts';
import type { FindingId } from '../findings/table.ts';
import { findingIds } from '../findings/table.ts';
import { isTargetsFile } from '../hardware/select.ts';
import { config as configSchema } from '../schema/model-check.generated.ts';
import type { SchemaProblem } from '../schema/schema.ts';
import { problems as schemaProblems } from '../schema/schema.ts';
import { didYouMean } from '../text/nearest.ts';
import { quote } from '../text/text.ts';
import type { FailOn } from './exit-code.ts';

/** A finding that somebody decided to live with, for a reason. */
export interface Suppression {
  finding: FindingId;
  /** Path of a blueprint, or a glob. */
  blueprint: string;
  /** Null for every target. */
  target: string | null;
  /** A value, or what is around it; null for every place. */
  pointer: string | null;
  reason: string;
  /** The last day on which it holds, `YYYY-MM-DD`; null for ever. */
  until: string | null;
  /** Where the config file names the finding. */
  location: { file: string; pointer: string; range: Range | null };
}

/** The options that a config file may have; undefined where it says nothing. Paths are as it writes them. */
export interface Config {
  paths?: readonly string[];
  include?: readonly string[];
  exclude?: readonly string[];
  targets?: readonly string[];
  set?: readonly string[];
  catalogs?: readonly string[];
  force?: boolean;
  'fail-on'?: FailOn;
  'fail-on-new'?: boolean;
  /** A ref, `auto` or `none`. */
  compare?: string;
  'if-none'?: 'warn' | 'error' | 'ignore';
  baseline?: string;
  /** `json`, or with a file `sarif:out.sarif`. */
  format?: readonly string[];
  'report-file'?: string;
  'sarif-file'?: string;
  'junit-file'?: string;
  'html-file'?: string;
  annotations?: boolean;
  summary?: 'always' | 'on-problems' | 'never';
  comment?: 'never' | 'on-problems' | 'always';
  worker?: Worker;
  suppressions: readonly Suppression[];
}

export type ParsedConfig = { ok: true; config: Config } | { ok: false; problems: SourceProblem[] };

/** The options that are lists; a single text stands for a list of one. */
const configLists = ['paths', 'include', 'exclude', 'targets', 'set', 'catalogs', 'format'] as const;

/** The options that name a file for a report of the action. */
export const configReportFiles = ['report-file', 'sarif-file', 'junit-file', 'html-file'] as const;

/** Every option of a config file; a test keeps this equal to the schema. */
export const configFields: readonly string[] = [
  'paths',
  'include',
  'exclude',
  'targets',
  'set',
  'catalogs',
  'force',
  'fail-on',
  'fail-on-new',
  'compare',
  'if-none',
  'baseline',
  'format',
  ...configReportFiles,
  'annotations',
  'summary',
  'comment',
  'worker',
  'suppressions',
];

const suppressionFields = ['finding', 'blueprint', 'target', 'pointer', 'reason', 'until'];

/** A suppression as the file has it, once the schema was satisfied. */
interface Written {
  finding: string;
  blueprint: string;
  target?: string;
  pointer?: string;
  reason: string;
  until?: string;
}

/**
 * Reads a config file: JSON, or YAML where a parser is given. `isInside` says
 * whether a path stays in the repository. All problems come in one go. Never throws.
 */
export function parseConfig(
  file: string,
  text: string,
  yaml: YamlParser | null,
  isInside: (path: string) => boolean,
): ParsedConfig {
  const source = readSource(file, text, yaml, {
    json: 'Write {"fail-on": "error"}, or delete it.',
    yaml: 'Write "fail-on: error", or delete it.',
  });
  const { value } = source;
  const found = value === undefined ? [] : schemaProblems(configSchema, value).map(worded);
  if (isObject(value))
    found.push(...pathProblems(value, isInside), ...globProblems(value), ...suppressionProblems(value));
  if (found.length > 0 || source.problems.length > 0) return { ok: false, problems: inOrder(source, found) };

  const { suppressions = [], ...written } = value as Record<string, unknown> & { suppressions?: Written[] };
  const config: Config = {
    ...(written as Omit<Config, 'suppressions'>),
    suppressions: suppressions.map((one, index): Suppression => {
      const pointer = `/suppressions/${index}/finding`;
      return {
        finding: one.finding as FindingId,
        blueprint: one.blueprint,
        target: one.target ?? null,
        pointer: one.pointer ?? null,
        reason: one.reason,
        until: one.until ?? null,
        location: { file, pointer, range: source.locate([pointer])[0] ?? null },
      };
    }),
  };
  for (const name of configLists) {
    const list = written[name];
    if (list !== undefined) config[name] = textsOf(list);
  }
  return { ok: true, config };
}

interface Problem {
  pointer: string;
  message: string;
}

function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((each) => typeof each === 'string');
}

/** A file that a pull request brings must not lead a run to other files of the machine. */
function pathProblems(value: Record<string, unknown>, isInside: (path: string) => boolean): Problem[] {
  return (['paths', 'targets', 'catalogs', 'baseline', 'format', ...configReportFiles] as const).flatMap(
    (name) => {
      const written = Object.hasOwn(value, name) ? value[name] : [];
      return textsOf(written).flatMap((text, index) => {
        const paths = name === 'targets' ? filesIn(text) : name === 'format' ? fileOf(text) : [text];
        return paths
          .filter((path) => !isInside(path))
          .map((path) => ({
            pointer: Array.isArray(written) ? `/${name}/${index}` : `/${name}`,
            message: `${quote(path)} leads out of the repository. Name something inside it.`,
          }));
      });
    },
  );
}

/** What a glob from a pull request could make a run hang with. */
function globProblems(value: Record<string, unknown>): Problem[] {
  return configLists.flatMap((name) => {
    const written = Object.hasOwn(value, name) ? value[name] : [];
    return textsOf(written).flatMap((text, index): Problem[] => {
      const pointer = Array.isArray(written) ? `/${name}/${index}` : `/${name}`;
      if (text.length > longest) return [{ pointer, message: tooLong(text) }];
      if (name !== 'catalogs' || !/[*?[\]{}!]/.test(text)) return [];
      const isSimple = !/[?[\]{}!()|+@]/.test(text) && text.split('*').length <= 5;
      if (isSimple) return [];
      const message = `The glob ${quote(text)} is too much for this file. Use only *, at most four of them, or name the files.`;
      return [{ pointer, message }];
    });
  });
}

/** Characters of a path or a glob. */
const longest = 1000;

function tooLong(text: string): string {
  return `${quote(text)} is longer than ${longest} characters. Shorten it.`;
}

/** The files among targets, which may have commas between them. */
function filesIn(targets: string): string[] {
  return targets
    .split(',')
    .map((part) => part.trim())
    .filter(isTargetsFile);
}

/** The file behind the colon of a format, if there is one. */
function fileOf(format: string): string[] {
  const colon = format.indexOf(':');
  return colon < 0 ? [] : [format.slice(colon + 1)];
}

/** What the schema does not say: findings that there are, days that there are. */
function suppressionProblems(value: Record<string, unknown>): Problem[] {
  const list = Object.hasOwn(value, 'suppressions') ? value['suppressions'] : [];
  return (Array.isArray(list) ? list : []).flatMap((one: unknown, index): Problem[] => {
    if (!isObject(one)) return [];
    const { finding, blueprint, until } = one;
    const problems: Problem[] = [];
    if (typeof blueprint === 'string' && blueprint.length > longest)
      problems.push({ pointer: `/suppressions/${index}/blueprint`, message: tooLong(blueprint) });
    if (typeof finding === 'string' && !(findingIds as string[]).includes(finding)) {
      problems.push({
        pointer: `/suppressions/${index}/finding`,
        message: `Unknown finding ${quote(finding)}.${didYouMean(finding, findingIds) || ' See mn finding list.'}`,
      });
    }
    if (typeof until === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(until) && !isDay(until)) {
      problems.push({
        pointer: `/suppressions/${index}/until`,
        message: `until is ${quote(until)}, which is no day of the calendar. Write a date as 2027-01-31.`,
      });
    }
    return problems;
  });
}

/** Whether the calendar has this day. */
function isDay(text: string): boolean {
  const [year, month, day] = text.split('-').map(Number) as [number, number, number];
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
  return days !== undefined && day >= 1 && day <= days;
}

const missingHelp = new Map([
  ['finding', 'Write the id of a finding (mn finding list).'],
  ['blueprint', 'Write its path from the root of the repository, or a glob.'],
  ['reason', 'Write why the finding is accepted.'],
]);

/** A problem of the schema, in words that end with what to do. */
function worded({ pointer, keyword, field, expected, found }: SchemaProblem): Problem {
  // Of a key that an object lacks or has too many; a key may hold dots itself.
  const name = pointer === '' ? field : field.slice(dotted(pointer).length + 1);
  if (keyword === 'additionalProperties') {
    const known = pointer === '' ? configFields : suppressionFields;
    const where = pointer === '' ? 'The file' : 'The suppression';
    return {
      pointer: child(pointer, name),
      message: `${where} has the unknown field ${quote(name)}.${didYouMean(name, known) || ` Write one of ${known.join(', ')}.`}`,
    };
  }
  if (keyword === 'required')
    return { pointer, message: `The suppression lacks ${name}. ${missingHelp.get(name)}` };
  const what = pointer === '' ? 'The file' : field;
  return { pointer, message: `${what} must be ${expected}; found ${found}.` };
}

import type {
  ArtifactLocation,
  Notification,
  Region,
  ReportingDescriptor,
  Result,
  Run,
  Suppression,
} from 'sarif';
import type { HiddenFinding, Report } from '../check/report.ts';
import type { Finding } from '../findings/finding.ts';
import { findingUrl } from '../findings/finding.ts';
import type { FindingId } from '../findings/table.ts';
import { findingIds, findings } from '../findings/table.ts';
import { count, short } from '../text/text.ts';
import { inChunks } from './chunks.ts';
import { safeJson } from './json.ts';

/**
 * What code scanning takes of one run; it refuses a larger file whole
 * (docs.github.com: SARIF results exceed one or more limits).
 */
export const maxResults = 25_000;
/**
 * It takes 10 MB after gzip, which makes real reports ten to thirty times smaller.
 * In UTF-16 units of what findings say, without what every result repeats.
 */
const maxCharacters = 40_000_000;

export interface SarifOptions {
  /** Of this program. */
  version: string;
  /**
   * Whether findings that need no attention any more are in it too: hidden ones as suppressed, fixed ones as
   * absent. Code scanning knows neither and would show them as open alerts.
   */
  settled: boolean;
}

export interface Sarif {
  /** SARIF 2.1.0, in chunks. Ends with a line break. */
  chunks: Iterable<string>;
  /** How many results it has, and how many more there are. */
  results: number;
  leftOut: number;
}

/** One finding, with what was decided about it. */
interface Item {
  finding: Finding;
  hidden: HiddenFinding | null;
  fixed: boolean;
}

/** The report as SARIF 2.1.0, within the limits of code scanning: the most severe findings first. */
export function reportSarif(report: Report, options: SarifOptions): Sarif {
  const { items, leftOut } = select(report, options.settled);
  return { chunks: inChunks(pieces(report, items, leftOut, options)), results: items.length, leftOut };
}

/** What to say where results were left out; null where none were. */
export function leftOutWords({ results, leftOut }: Pick<Sarif, 'results' | 'leftOut'>): string | null {
  if (leftOut === 0) return null;
  const all = count(results + leftOut, 'result');
  return `The SARIF report has ${results} of ${all}, the most severe ones: code scanning takes no more. The JSON report has all of them.`;
}

function select(report: Report, settled: boolean): { items: Item[]; leftOut: number } {
  const items: Item[] = [];
  let characters = 0;
  let total = 0;
  const add = (finding: Finding, hidden: HiddenFinding | null, fixed: boolean) => {
    total++;
    const { title, message, help, location, targets } = finding;
    characters += title.length + message.length + help.length;
    characters += 2 * ((location?.file.length ?? 0) + (location?.pointer.length ?? 0));
    for (const target of targets) characters += target.length;
    // Once one is left out, so are all that weigh less.
    if (total <= maxResults && characters <= maxCharacters) items.push({ finding, hidden, fixed });
  };
  for (const finding of report.findings) add(finding, null, false);
  if (settled) {
    for (const hidden of report.hidden) add(hidden.finding, hidden, false);
    for (const finding of report.comparison?.fixed ?? []) add(finding, null, true);
  }
  return { items, leftOut: total - items.length };
}

function* pieces(
  report: Report,
  items: readonly Item[],
  leftOut: number,
  { version, settled }: SarifOptions,
): Iterable<string> {
  const used = new Set(items.map(({ finding }) => finding.id));
  const rules = findingIds.filter((id) => used.has(id));
  const words = leftOutWords({ results: items.length, leftOut });
  const notifications: Notification[] =
    words === null ? [] : [{ level: 'warning', message: { text: words } }];
  const run: Omit<Run, 'results'> = {
    tool: {
      driver: {
        name: 'Model Check',
        informationUri: 'https://github.com/mirrorneuron/model-check',
        version,
        semanticVersion: version,
        rules: rules.map(rule),
      },
    },
    automationDetails: { id: 'model-check/' },
    columnKind: 'utf16CodeUnits',
    originalUriBaseIds: { [sourceRoot]: { description: { text: 'The folder that the check ran in.' } } },
    invocations: [{ executionSuccessful: true, toolExecutionNotifications: notifications }],
    ...(leftOut === 0 ? {} : { properties: { leftOut } }),
  };
  const head = safeJson({ $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0' }, 2);
  yield `${head.slice(0, -2)},\n  "runs": [\n    {\n`;
  for (const [name, value] of Object.entries(run)) yield `      ${safeJson(name)}: ${safeJson(value)},\n`;
  yield '      "results": [';
  const indices = new Map(rules.map((id, index) => [id, index]));
  // Either every result says whether it is suppressed and how it compares, or none does (3.27.23, 3.27.24).
  const toResult = resultWriter({
    indices,
    suppressions: settled && report.hidden.length > 0,
    baseline: report.comparison !== null,
  });
  let separator = '\n        ';
  for (const item of items) {
    yield separator + safeJson(toResult(item));
    separator = ',\n        ';
  }
  yield `${items.length === 0 ? '' : '\n      '}]\n    }\n  ]\n}\n`;
}

/** What a kind of finding is about; all others are about a blueprint. */
const topics: Partial<Record<FindingId, string>> = {
  'model-incompatible': 'hardware',
  'model-needs-force': 'hardware',
  'model-acceleration-unverified': 'hardware',
  'model-forced': 'hardware',
  'backend-unsupported': 'hardware',
  'model-runs-nowhere': 'hardware',
  'invalid-catalog': 'catalog',
  'duplicate-entry': 'catalog',
  'alias-conflict': 'catalog',
  'unknown-fallback': 'catalog',
  'fallback-loop': 'catalog',
};

/** Code scanning cuts descriptions here. */
const descriptionLimit = 1024;

function rule(id: FindingId): ReportingDescriptor {
  const { severity, summary } = findings[id];
  const url = findingUrl(id);
  const text = short(`${summary.replaceAll('`', '')}.`, descriptionLimit);
  return {
    id,
    name: id.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text },
    fullDescription: { text },
    helpUri: url,
    help: {
      text: `${text} What it means and what to do, with examples: ${url}`,
      markdown: `${summary}.\n\n[What it means and what to do, with examples](${url})`,
    },
    defaultConfiguration: { level: severity },
    properties: { tags: ['local-llm', topics[id] ?? 'blueprint'] },
  };
}

function resultWriter(all: {
  indices: ReadonlyMap<FindingId, number>;
  suppressions: boolean;
  baseline: boolean;
}): (item: Item) => Result {
  return ({ finding, hidden, fixed }) => {
    const { id, severity, location, targets, blueprint, fix, change } = finding;
    const artifactLocation = artifact(location?.file ?? blueprint ?? '.');
    const region = regionOf(finding);
    const pointer = location?.pointer ?? '';
    return {
      ruleId: id,
      ruleIndex: all.indices.get(id) as number,
      level: severity,
      message: { text: text(finding) },
      locations: [
        {
          physicalLocation: { artifactLocation, region: region ?? { startLine: 1 } },
          ...(pointer === '' ? {} : { logicalLocations: [{ fullyQualifiedName: pointer, kind: 'value' }] }),
        },
      ],
      partialFingerprints: { 'modelCheck/v1': fingerprint(finding) },
      ...(fix === null || region === null
        ? {}
        : {
            fixes: [
              {
                description: { text: plain(fix.description, 500) },
                artifactChanges: [
                  {
                    artifactLocation,
                    replacements: [{ deletedRegion: region, insertedContent: { text: safeJson(fix.value) } }],
                  },
                ],
              },
            ],
          }),
      ...(all.suppressions ? { suppressions: hidden === null ? [] : [suppression(hidden)] } : {}),
      ...(all.baseline ? { baselineState: fixed ? 'absent' : (change ?? 'unchanged') } : {}),
      properties: { ...(blueprint === null ? {} : { blueprint }), targets: [...targets] },
    };
  };
}

function suppression({ by, reason }: HiddenFinding): Suppression {
  const justification = reason ?? (by === 'baseline' ? 'It is in the baseline.' : '');
  return { kind: 'external', status: 'accepted', justification: plain(justification, 1000) };
}

/** The title first: code scanning makes the first sentence the name of an alert. */
function text({ title, message, help }: Finding): string {
  return [`${plain(title, 300)}.`, plain(message, 2000), plain(help, 1000)]
    .filter((line) => line !== '')
    .join('\n');
}

/** On one line, and no link: in a SARIF message `[text](address)` is one (3.11.6). */
function plain(text: string, limit: number): string {
  return short(text, limit).replaceAll('](', '] (');
}

const sourceRoot = '%SRCROOT%';

/**
 * Where a file is, as a URI: relative to the folder that the check ran in where it lies below it. Never empty,
 * which code scanning would refuse.
 */
function artifact(file: string): ArtifactLocation {
  const path = file.toWellFormed().split('/').map(encodeURIComponent).join('/');
  if (/^(?:\/|[A-Za-z]:[\\/])/.test(file)) return { uri: `file://${file.startsWith('/') ? '' : '/'}${path}` };
  // `~` and `$MN_HOME` stand for folders that only the machine knows.
  if (/^(?:[~$]|\.\.(?:\/|$))/.test(file)) return { uri: path };
  return { uri: path === '' ? '.' : path, uriBaseId: sourceRoot };
}

function regionOf({ location }: Finding): Region | null {
  const range = location?.range ?? null;
  if (range === null) return null;
  const { line, column, endLine, endColumn } = range;
  return { startLine: line, startColumn: column, endLine, endColumn };
}

/**
 * Who a result is, wherever its lines move to. The title names the model and has no line; the severity may
 * change. Code scanning has its own print of the line, which its upload action adds.
 */
function fingerprint({ id, blueprint, location, title, targets }: Finding): string {
  const { file, pointer } = location ?? { file: null, pointer: null };
  return fnv1a64(JSON.stringify([id, blueprint, file, pointer, title, [...targets].sort()]));
}

const encoder = new TextEncoder();

/** FNV-1a over UTF-8, 64 bits, as 16 hexadecimal digits (Fowler, Noll and Vo). Not for secrets. */
export function fnv1a64(text: string): string {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const byte of encoder.encode(text)) {
    low = (low ^ byte) >>> 0;
    // Times 2^40 + 0x1b3, modulo 2^64; every intermediate value is exact.
    const product = low * 0x1b3;
    high = (high * 0x1b3 + Math.floor(product / 2 ** 32) + ((low << 8) >>> 0)) >>> 0;
    low = product >>> 0;
  }
  return [high, low].map((half) => half.toString(16).padStart(8, '0')).join('');
}

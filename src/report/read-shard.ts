import type {
  Comparison,
  DeclarationEstimate,
  HiddenFinding,
  LeftOut,
  ReportBlueprint,
  ReportDeclaration,
  ReportVerdict,
  VerdictEstimate,
} from '../check/report.ts';
import type { Memory, Status } from '../compatibility/verdict.ts';
import { statuses as allStatuses } from '../compatibility/verdict.ts';
import type { Part } from '../document/scan.ts';
import { partsOf } from '../document/scan.ts';
import type { Finding, Location, Severity } from '../findings/finding.ts';
import { findingIds } from '../findings/table.ts';
import type { Gpu, Target } from '../hardware/facts.ts';
import { architectures, engines, gpuVendors, operatingSystems } from '../hardware/facts.ts';
import type { Have } from '../memory/fit.ts';
import { either, quote } from '../text/text.ts';
import type { Excerpt, ExcerptLine } from './excerpts.ts';
import type { PartFacts } from './facts.ts';
import { reportSchema } from './json.ts';
import { readFacts } from './read-facts.ts';
import type { ShardPart } from './shard.ts';

/** What a shard says of its run. */
export interface ShardReport {
  part: ShardPart;
  targets: Target[];
  modelMemory: Have[] | null;
  verdicts: ReportVerdict[];
  blueprints: ReportBlueprint[];
  findings: Finding[];
  hidden: HiddenFinding[];
  leftOut: LeftOut | null;
  comparison: Comparison | null;
  sources: Excerpt[];
}

/** A file that is no report of a shard, in words that begin with a verb: `is not JSON …`. */
export class NoShard extends Error {}

/** Equal texts of many files are kept once. One is shared by all shards of a merge. */
export class Shared {
  readonly #texts = new Map<string, string>();
  readonly #values = new Map<string, unknown>();

  text(text: string): string {
    const known = this.#texts.get(text);
    if (known === undefined) this.#texts.set(text, text);
    return known ?? text;
  }

  /** The first value of this key. */
  value<Value>(key: string, make: () => Value): Value {
    let known = this.#values.get(key) as Value | undefined;
    if (known === undefined) this.#values.set(key, (known = make()));
    return known;
  }
}

/**
 * Reads the JSON report of a shard. Throws a NoShard where it is none. Its lists are read item by item, so that the
 * whole never stands in memory twice; the lines of declarations only where a page is to show them. Of a part that checks
 * some of the targets, what a merge makes anew is left out, and the facts of blueprints are read where `keepsFacts` says
 * so: all parts of a shard have the same. Nothing in it is trusted but that it says of the run what it says.
 */
export function readShard(
  text: string,
  shared: Shared,
  withDeclarationLines: boolean,
  keepsFacts: (shard: number) => boolean = () => true,
): ShardReport {
  const read = new Reading(shared, withDeclarationLines);
  try {
    const parts = new Map<string, Part>();
    if (!/^\s*\{/.test(text.slice(0, 1000))) throw new SyntaxError('character 1 is not {');
    for (const part of partsOf(text)) parts.set(part.key, part);
    const one = (key: string): unknown => {
      const part = parts.get(key);
      return part === undefined ? undefined : JSON.parse(text.slice(part.start, part.end));
    };
    const each = <Value>(key: string, of: (value: unknown, where: string) => Value): Value[] => {
      const part = parts.get(key);
      if (part === undefined || text[part.start] !== '[') return read.fail(key, 'a list', one(key));
      return Array.from(partsOf(text, part.start), ({ key: index, start, end }) =>
        of(JSON.parse(text.slice(start, end)), `${key}/${index}`),
      );
    };
    const schema = one('schema');
    if (schema !== reportSchema) {
      const its = schema === undefined ? 'it has no schema' : `its schema is ${quote(schema)}`;
      throw new NoShard(
        `is no report that this version reads: ${its}, not ${quote(reportSchema)}. Name the JSON reports of all shards.`,
      );
    }
    if (!parts.has('shard')) {
      throw new NoShard(
        'is of a whole run, and there is nothing to merge. Write it with --shard, as in --shard 1/4 --json.',
      );
    }
    const { start, end } = parts.get('shard') as Part;
    if (text[start] !== '{') read.fail('shard', 'an object', JSON.parse(text.slice(start, end)));
    const shard: Record<string, unknown> = Object.create(null);
    let factsAt: Part | null = null;
    for (const member of partsOf(text, start)) {
      // Most of the bytes, and only a page shows them.
      if (member.key === 'declaration_lines' && !withDeclarationLines) continue;
      if (member.key === 'facts') factsAt = member;
      else shard[member.key] = JSON.parse(text.slice(member.start, member.end));
    }
    const { part, hostBytes, sources } = read.shard(shard);
    if (factsAt !== null) part.facts = read.facts(text, factsAt, keepsFacts(part.index));
    const { facts } = part;
    const targets = each('targets', (value, where) => read.target(value, where));
    const haves = each('targets', (value, where) => read.have(value, where));
    if (hostBytes !== null && hostBytes.length !== targets.length) {
      read.fail('shard/host_bytes', `a list of ${targets.length}`, hostBytes);
    }
    read.targets = targets.map(({ id }) => id);
    const verdicts = facts === null ? each('verdicts', (value, where) => read.verdict(value, where)) : [];
    const blueprints =
      facts === null ? each('blueprints', (value, where) => read.blueprint(value, where)) : [];
    if (facts !== null && !read.targets.every((id) => facts.targets.includes(id))) {
      read.fail('shard/facts/targets', 'all targets, those of the report too', facts.targets);
    }
    if (facts === null && verdicts.length !== targets.length * part.firstUses.length && targets.length > 0) {
      read.fail('shard/first_uses', `one for each model of ${verdicts.length} verdicts`, part.firstUses);
    }
    const paths = new Set((facts?.blueprints ?? blueprints).map(({ path }) => path));
    const amount = (facts?.blueprints ?? blueprints).length;
    const isRead = facts === null || keepsFacts(part.index);
    if (isRead && !part.firstUses.every((index) => index < amount))
      read.fail('shard/first_uses', 'numbers of blueprints', part.firstUses);
    if (isRead && part.roots.length !== amount)
      read.fail('shard/roots', 'one for each blueprint', part.roots);
    const about = (finding: Finding, where: string) => {
      const isKnown = !isRead || finding.blueprint === null || paths.has(finding.blueprint);
      if (!isKnown) read.fail(`${where}/blueprint`, 'a blueprint of the report', finding.blueprint);
      return finding;
    };
    return {
      part,
      targets,
      modelMemory:
        hostBytes === null || haves.includes(null)
          ? null
          : haves.map((have, index) => ({ ...(have as Have), hostBytes: hostBytes[index] ?? null })),
      verdicts,
      blueprints,
      findings: each('findings', (value, where) => about(read.finding(value, where), where)),
      hidden: parts.has('hidden')
        ? each('hidden', (value, where) => {
            const hidden = read.hidden(value, where);
            about(hidden.finding, where);
            return hidden;
          })
        : [],
      leftOut: parts.has('left_out') ? read.leftOut(one('left_out')) : null,
      comparison: parts.has('comparison') ? read.comparison(one('comparison')) : null,
      sources,
    };
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new NoShard(
        `is not JSON: ${quote(error.message).slice(1, -1)}. Name the JSON reports of all shards.`,
      );
    }
    throw error;
  }
}

type Fields = Readonly<Record<string, unknown>>;

const severities = ['error', 'warning', 'note'] as const;
const changes = ['new', 'unchanged'] as const;
const mostUnits = 16 * 1024 * 1024;

/** Reads values as the schema has them (schemas/report.schema.json). `where` is the place in the file. */
class Reading {
  targets: readonly string[] = [];
  readonly #shared: Shared;
  readonly #withDeclarationLines: boolean;

  constructor(shared: Shared, withDeclarationLines: boolean) {
    this.#shared = shared;
    this.#withDeclarationLines = withDeclarationLines;
  }

  fail(where: string, expected: string, found: unknown): never {
    const words = found === undefined ? 'nothing' : quote(found);
    throw new NoShard(`is damaged: ${where} must be ${expected}; found ${words}. Write it anew.`);
  }

  #fields(value: unknown, where: string): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return this.fail(where, 'an object', value);
    }
    return value as Fields;
  }

  #text(value: unknown, where: string): string {
    return typeof value === 'string' ? this.#shared.text(value) : this.fail(where, 'a text', value);
  }

  #textOrNull(value: unknown, where: string): string | null {
    return value === null ? null : this.#text(value, where);
  }

  #flag(value: unknown, where: string): boolean {
    return typeof value === 'boolean' ? value : this.fail(where, 'true or false', value);
  }

  #number(value: unknown, where: string): number {
    const isNumber = typeof value === 'number' && Number.isFinite(value);
    return isNumber ? value : this.fail(where, 'a number', value);
  }

  #whole(value: unknown, where: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
    const isWhole = Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
    return isWhole ? (value as number) : this.fail(where, `a whole number from ${least} to ${most}`, value);
  }

  #orNull<Value>(value: unknown, of: (value: unknown) => Value): Value | null {
    return value === null ? null : of(value);
  }

  #oneOf<Value extends string>(value: unknown, known: readonly Value[], where: string): Value {
    const found = known.find((one) => one === value);
    return found ?? this.fail(where, known.length > 20 ? 'a known one' : either(known), value);
  }

  #list<Value>(value: unknown, where: string, of: (value: unknown, where: string) => Value): Value[] {
    if (!Array.isArray(value)) return this.fail(where, 'a list', value);
    return value.map((item, index) => of(item, `${where}/${index}`));
  }

  #texts(value: unknown, where: string): string[] {
    return this.#list(value, where, (item, at) => this.#text(item, at));
  }

  shard(shard: Fields): { part: ShardPart; hostBytes: (number | null)[] | null; sources: Excerpt[] } {
    const total = this.#whole(shard['total'], 'shard/total', 1, 256);
    const same = this.#fields(shard['same'], 'shard/same');
    const info = this.#fields(shard['info'], 'shard/info');
    const text = (of: Fields, key: string, where: string) => this.#text(of[key], `shard/${where}/${key}`);
    const none = this.#fields(shard['no_blueprint'], 'shard/no_blueprint');
    const config = this.#textOrNull(info['config_from'], 'shard/info/config_from');
    const baseline = this.#textOrNull(info['baseline_from'], 'shard/info/baseline_from');
    return {
      part: {
        index: this.#whole(shard['index'], 'shard/index', 1, total),
        total,
        version: this.#text(shard['version'], 'shard/version'),
        same: {
          files: text(same, 'files', 'same'),
          targets: text(same, 'targets', 'same'),
          catalogs: text(same, 'catalogs', 'same'),
          options: text(same, 'options', 'same'),
        },
        info: {
          targetsFrom: text(info, 'targets_from', 'info'),
          targetsHint: text(info, 'targets_hint', 'info'),
          catalogFrom: text(info, 'catalog_from', 'info'),
          force: this.#flag(info['force'], 'shard/info/force'),
          ...(config === null ? {} : { configFrom: config }),
          ...(baseline === null ? {} : { baselineFrom: baseline }),
          notCompared: text(info, 'not_compared', 'info'),
        },
        noBlueprint: {
          severity: this.#orNull(none['severity'], (given) =>
            this.#oneOf<Severity>(given, severities, 'shard/no_blueprint/severity'),
          ),
          searched: this.#texts(none['searched'], 'shard/no_blueprint/searched'),
          named: this.#list(none['named'], 'shard/no_blueprint/named', (given, where) => {
            const named = this.#fields(given, where);
            return {
              root: this.#whole(named['root'], `${where}/root`),
              path: this.#text(named['path'], `${where}/path`),
            };
          }),
        },
        stale: this.#orNull(shard['stale'], (given) => this.#stale(given)),
        suppressions: this.#list(shard['suppressions'], 'shard/suppressions', (given, where) => {
          const { state, finding } = this.#fields(given, where);
          const states = ['expired', 'used', 'unused', 'unseen'] as const;
          return {
            state: this.#oneOf(state, states, `${where}/state`),
            finding: this.finding(finding, `${where}/finding`),
          };
        }),
        services: this.#list(shard['services'], 'shard/services', (given, where) => {
          const service = this.#fields(given, where);
          return {
            reason: this.#text(service['reason'], `${where}/reason`),
            fix: this.#text(service['fix'], `${where}/fix`),
            required: this.#flag(service['required'], `${where}/required`),
            models: this.#list(service['models'], `${where}/models`, (one, at) => {
              const { model, blueprint } = this.#fields(one, at);
              return {
                model: this.#text(model, `${at}/model`),
                blueprint: this.#text(blueprint, `${at}/blueprint`),
              };
            }),
          };
        }),
        facts: null,
        roots: this.#list(shard['roots'], 'shard/roots', (given, where) => this.#whole(given, where)),
        firstUses: this.#list(shard['first_uses'], 'shard/first_uses', (given, where) =>
          this.#whole(given, where),
        ),
      },
      hostBytes: this.#orNull(shard['host_bytes'], (given) =>
        this.#list(given, 'shard/host_bytes', (bytes, where) =>
          this.#orNull(bytes, (amount) => this.#whole(amount, where)),
        ),
      ),
      sources: [
        ...this.#excerpts(shard, 'problem_lines'),
        ...(this.#withDeclarationLines ? this.#excerpts(shard, 'declaration_lines') : []),
      ],
    };
  }

  /** The facts that stand there; without the blueprints unless they are wanted. */
  facts(text: string, at: Part, withBlueprints: boolean): PartFacts {
    const where = 'shard/facts';
    const valueAt = ({ start, end }: Part): unknown => JSON.parse(text.slice(start, end));
    if (text[at.start] !== '{') this.fail(where, 'an object', valueAt(at));
    const members = new Map(Array.from(partsOf(text, at.start), (member) => [member.key, member]));
    const blueprints = members.get('blueprints');
    members.delete('blueprints');
    if (blueprints === undefined || text[blueprints.start] !== '[') {
      this.fail(`${where}/blueprints`, 'a list', blueprints && valueAt(blueprints));
    }
    const items = function* (): Generator<unknown> {
      if (withBlueprints) for (const item of partsOf(text, blueprints.start)) yield valueAt(item);
    };
    return readFacts(new Map([...members].map(([key, member]) => [key, valueAt(member)])), items(), where, {
      fail: (place, expected, found) => this.fail(place, expected, found),
      text: (given, place) => this.#text(given, place),
      finding: (given, place) => this.finding(given, place),
    });
  }

  #stale(value: unknown): ShardPart['stale'] {
    const stale = this.#fields(value, 'shard/stale');
    const first = this.#fields(stale['first'], 'shard/stale/first');
    const text = (key: string) => this.#text(first[key], `shard/stale/first/${key}`);
    return {
      file: this.#text(stale['file'], 'shard/stale/file'),
      amount: this.#whole(stale['amount'], 'shard/stale/amount', 1),
      first: {
        at: this.#whole(first['at'], 'shard/stale/first/at'),
        words: text('words'),
        pointer: text('pointer'),
        range: this.#orNull(first['range'], (given) => {
          const range = this.#fields(given, 'shard/stale/first/range');
          const at = (key: string) => this.#position(range[key], `shard/stale/first/range/${key}`);
          return {
            line: at('line'),
            column: at('column'),
            endLine: at('endLine'),
            endColumn: at('endColumn'),
          };
        }),
      },
    };
  }

  #excerpts(shard: Fields, key: string): Excerpt[] {
    return this.#list(shard[key], `shard/${key}`, (given, where) => this.#excerpt(given, where));
  }

  #excerpt(value: unknown, where: string): Excerpt {
    const excerpt = this.#fields(value, where);
    let before = 0;
    return {
      file: this.#text(excerpt['file'], `${where}/file`),
      lines: this.#list(excerpt['lines'], `${where}/lines`, (given, at): ExcerptLine => {
        const [line, length, pieces] = this.#list(given, at, (part) => part);
        const whole = this.#whole(length, `${at}/1`, 0, mostUnits);
        let end = 0;
        before = this.#whole(line, `${at}/0`, before + 1, mostUnits);
        return {
          line: before,
          length: whole,
          pieces: this.#list(pieces, `${at}/2`, (one, here) => {
            const [offset, text] = this.#list(one, here, (part) => part);
            const start = this.#whole(offset, `${here}/0`, end, whole);
            const piece = this.#text(text, `${here}/1`);
            end = start + piece.length;
            if (end > whole || piece.includes('\n')) this.fail(`${here}/1`, 'a part of its line', piece);
            return [start, piece] as const;
          }),
        };
      }),
    };
  }

  target(value: unknown, where: string): Target {
    const target = this.#fields(value, where);
    const { overridden, runs_on: runsOn } = target;
    const gb = (given: unknown, at: string) => this.#orNull(given, (amount) => this.#number(amount, at));
    return {
      id: this.#text(target['id'], `${where}/id`),
      name: this.#text(target['name'], `${where}/name`),
      required: this.#flag(target['required'], `${where}/required`),
      runsOn: Array.isArray(runsOn)
        ? this.#texts(runsOn, `${where}/runs_on`)
        : this.#textOrNull(runsOn, `${where}/runs_on`),
      ...(overridden === undefined ? {} : { overridden: this.#texts(overridden, `${where}/overridden`) }),
      facts: {
        os: this.#oneOf(target['os'], operatingSystems, `${where}/os`),
        arch: this.#oneOf(target['arch'], architectures, `${where}/arch`),
        wsl: this.#flag(target['wsl'], `${where}/wsl`),
        engine: this.#oneOf(target['engine'], engines, `${where}/engine`),
        gpus: this.#list(target['gpus'], `${where}/gpus`, (given, at): Gpu => {
          const gpu = this.#fields(given, at);
          return {
            vendor: this.#oneOf(gpu['vendor'], gpuVendors, `${at}/vendor`),
            name: this.#textOrNull(gpu['name'], `${at}/name`),
            vramGb: gb(gpu['vram_gb'], `${at}/vram_gb`),
            count: this.#whole(gpu['count'], `${at}/count`, 1),
            api: this.#textOrNull(gpu['api'], `${at}/api`),
            integrated: this.#flag(gpu['integrated'], `${at}/integrated`),
          };
        }),
        unifiedMemoryGb: gb(target['unified_memory_gb'], `${where}/unified_memory_gb`),
        memoryGb: gb(target['memory_gb'], `${where}/memory_gb`),
        board: this.#textOrNull(target['board'], `${where}/board`),
        measured: this.#flag(target['measured'], `${where}/measured`),
      },
    };
  }

  /** What a target has for models, but for the host's part. */
  have(value: unknown, where: string): Have | null {
    const { model_memory: memory } = this.#fields(value, where);
    return this.#orNull(memory, (given) => {
      const have = this.#fields(given, `${where}/model_memory`);
      const bytes = (key: string) =>
        this.#orNull(have[key], (amount) => this.#whole(amount, `${where}/model_memory/${key}`));
      return {
        kind: this.#oneOf(have['kind'], ['vram', 'unified', 'ram'], `${where}/model_memory/kind`),
        bytes: bytes('bytes'),
        togetherBytes: bytes('together_bytes'),
        hostBytes: null,
        because: this.#text(have['because'], `${where}/model_memory/because`),
      };
    });
  }

  verdict(value: unknown, where: string): ReportVerdict {
    const verdict = this.#fields(value, where);
    const text = (key: string) => this.#text(verdict[key], `${where}/${key}`);
    const memory = (key: string) =>
      this.#orNull(verdict[key], (given): Memory => {
        const { kind, gb } = this.#fields(given, `${where}/${key}`);
        return {
          kind: this.#oneOf(kind, ['vram', 'unified_memory', 'cpu_ram'], `${where}/${key}/kind`),
          gb: this.#number(gb, `${where}/${key}/gb`),
        };
      });
    return {
      model: text('model'),
      backend: text('backend'),
      target: text('target'),
      status: this.#oneOf(verdict['status'], allStatuses, `${where}/status`),
      rule: text('rule'),
      ok: this.#flag(verdict['ok'], `${where}/ok`),
      forced: this.#flag(verdict['forced'], `${where}/forced`),
      accelerator: this.#textOrNull(verdict['accelerator'], `${where}/accelerator`),
      required: memory('required'),
      found: memory('found'),
      message: text('message'),
      help: text('help'),
      estimate: this.#orNull(verdict['estimate'], (given): VerdictEstimate => {
        const estimate = this.#fields(given, `${where}/estimate`);
        const whole = (key: string) => this.#whole(estimate[key], `${where}/estimate/${key}`);
        return {
          contextSize: whole('context_size'),
          need: whole('need_bytes'),
          have: whole('have_bytes'),
          fit: this.#oneOf(estimate['fit'], ['fits', 'tight', 'does-not-fit'], `${where}/estimate/fit`),
        };
      }),
    };
  }

  blueprint(value: unknown, where: string): ReportBlueprint {
    const { path, id, declarations } = this.#fields(value, where);
    return {
      path: this.#text(path, `${where}/path`),
      id: this.#text(id, `${where}/id`),
      declarations: this.#list(declarations, `${where}/declarations`, (given, at) =>
        this.#declaration(given, at),
      ),
    };
  }

  #declaration(value: unknown, where: string): ReportDeclaration {
    const declaration = this.#fields(value, where);
    const text = (key: string) => this.#text(declaration[key], `${where}/${key}`);
    const textOrNull = (key: string) => this.#textOrNull(declaration[key], `${where}/${key}`);
    return {
      pointer: text('pointer'),
      file: text('file'),
      sourcePointer: text('source_pointer'),
      range: this.#range(declaration, where),
      ref: textOrNull('ref'),
      model: textOrNull('model'),
      dockerModel: textOrNull('docker_model'),
      provider: text('provider'),
      backend: textOrNull('backend'),
      contextSize: this.#orNull(declaration['context_size'], (given) =>
        this.#number(given, `${where}/context_size`),
      ),
      required: this.#flag(declaration['required'], `${where}/required`),
      config: textOrNull('config'),
      skipped: textOrNull('skipped'),
      estimate: this.#orNull(declaration['estimate'], (given) => {
        const estimate = this.#estimate(given, `${where}/estimate`);
        return this.#shared.value(`estimate ${JSON.stringify(estimate)}`, () => estimate);
      }),
      statuses: this.#statuses(declaration['statuses'], `${where}/statuses`),
    };
  }

  #estimate(value: unknown, where: string): DeclarationEstimate {
    const estimate = this.#fields(value, where);
    const whole = (key: string) => this.#whole(estimate[key], `${where}/${key}`);
    return {
      contextSize: whole('context_size'),
      given: this.#flag(estimate['given'], `${where}/given`),
      device: whole('device_bytes'),
      host: whole('host_bytes'),
      cpuOnly: whole('cpu_only_bytes'),
      margin: whole('margin_bytes'),
      note: this.#textOrNull(estimate['note'], `${where}/note`),
    };
  }

  /** Shared, as in the run: with many targets these would be most of the memory. */
  #statuses(value: unknown, where: string): ReportDeclaration['statuses'] {
    const given = this.#fields(value, where);
    let key = 'statuses ';
    for (const id of this.targets) {
      const status = Object.hasOwn(given, id) ? given[id] : undefined;
      const index = status === undefined ? -1 : allStatuses.indexOf(status as Status);
      if (index < 0 && status !== undefined) this.#oneOf(status, allStatuses, `${where}/${id}`);
      key += index < 0 ? '-' : index;
    }
    return this.#shared.value(key, () => {
      const statuses: Record<string, Status> = Object.create(null);
      for (const id of this.targets) if (Object.hasOwn(given, id)) statuses[id] = given[id] as Status;
      return Object.freeze(statuses);
    });
  }

  #position(value: unknown, where: string): number {
    return this.#whole(value, where, 1, mostUnits + 1);
  }

  /** The range of a value, from its fields; null where it has none. */
  #range(of: Fields, where: string): Location['range'] {
    if (of['line'] === null) return null;
    const at = (key: string) => this.#position(of[key], `${where}/${key}`);
    return { line: at('line'), column: at('column'), endLine: at('end_line'), endColumn: at('end_column') };
  }

  finding(value: unknown, where: string): Finding {
    const finding = this.#fields(value, where);
    const text = (key: string) => this.#text(finding[key], `${where}/${key}`);
    const textOrNull = (key: string) => this.#textOrNull(finding[key], `${where}/${key}`);
    const file = textOrNull('file');
    const message = text('message');
    const targets = this.#texts(finding['targets'], `${where}/targets`);
    return {
      id: this.#oneOf(finding['id'], findingIds, `${where}/id`),
      severity: this.#oneOf<Severity>(finding['severity'], severities, `${where}/severity`),
      title: text('title'),
      message,
      help: text('help'),
      sameAs: finding['same_as'] === undefined ? message : text('same_as'),
      location: file === null ? null : { file, pointer: text('pointer'), range: this.#range(finding, where) },
      targets: this.#shared.value(`targets ${targets.join('\n')}`, () => targets),
      blueprint: textOrNull('blueprint'),
      declaration: textOrNull('declaration'),
      fix: this.#orNull(finding['fix'], (given) => {
        const fix = this.#fields(given, `${where}/fix`);
        return {
          description: this.#text(fix['description'], `${where}/fix/description`),
          value: this.#text(fix['value'], `${where}/fix/value`),
        };
      }),
      change: finding['change'] == null ? null : this.#oneOf(finding['change'], changes, `${where}/change`),
    };
  }

  hidden(value: unknown, where: string): HiddenFinding {
    const hidden = this.#fields(value, where);
    return {
      finding: this.finding(value, where),
      by: this.#oneOf(hidden['by'], ['baseline', 'suppression'], `${where}/by`),
      reason: this.#textOrNull(hidden['reason'], `${where}/reason`),
    };
  }

  leftOut(value: unknown): LeftOut {
    const left = this.#fields(value, 'left_out');
    return {
      blueprints: this.#whole(left['blueprints'], 'left_out/blueprints'),
      since: this.#text(left['since'], 'left_out/since'),
      commit: this.#text(left['commit'], 'left_out/commit'),
      everything: this.#textOrNull(left['all_affected_by'], 'left_out/all_affected_by'),
    };
  }

  comparison(value: unknown): Comparison {
    const comparison = this.#fields(value, 'comparison');
    const commit = this.#text(comparison['commit'], 'comparison/commit');
    if (!/^[0-9a-f]{40,64}$/.test(commit)) this.fail('comparison/commit', 'the name of a commit', commit);
    return {
      base: this.#text(comparison['base'], 'comparison/base'),
      commit,
      pullRequest: this.#flag(comparison['pull_request'], 'comparison/pull_request'),
      // Counted anew.
      new: 0,
      unchanged: 0,
      fixed: this.#list(comparison['fixed'], 'comparison/fixed', (given, where) =>
        this.finding(given, where),
      ),
      dropped: this.#list(comparison['dropped'], 'comparison/dropped', (given, where) => {
        const { blueprint, model, targets } = this.#fields(given, where);
        return {
          blueprint: this.#text(blueprint, `${where}/blueprint`),
          model: this.#text(model, `${where}/model`),
          targets: this.#texts(targets, `${where}/targets`),
        };
      }),
      causes: this.#list(comparison['causes'], 'comparison/causes', (given, where) => {
        const { message, blueprints } = this.#fields(given, where);
        return {
          message: this.#text(message, `${where}/message`),
          blueprints: this.#texts(blueprints, `${where}/blueprints`),
        };
      }),
    };
  }
}

import type { Finding } from '../findings/finding.ts';
import { findingIds } from '../findings/table.ts';
import type { EntryJson, FactsJson, PartFacts, SuppressionJson } from './facts.ts';
import { blueprintOf, entryOf, suppressionOf } from './facts.ts';

/** Reads a value of a report that may hold anything; throws by `fail` where it is another one. `where`: its place. */
type Read<Value> = (value: unknown, where: string) => Value;

/** What the reader of the whole report has already. */
export interface FactsReaders {
  fail(where: string, expected: string, found: unknown): never;
  text: Read<string>;
  finding: Read<Finding>;
}

/** Reads the `facts` of the report of a part: the members, and the blueprints one after the other. */
export function readFacts(
  members: ReadonlyMap<string, unknown>,
  blueprints: Iterable<unknown>,
  where: string,
  { fail, text, finding }: FactsReaders,
): PartFacts {
  const is =
    <Value>(expected: string, accepts: (given: unknown) => boolean): Read<Value> =>
    (given, at) =>
      accepts(given) ? (given as Value) : fail(at, expected, given);
  const flag = is<boolean>('true or false', (given) => typeof given === 'boolean');
  const amount = is<number>('a number from 0 on', (given) => Number.isFinite(given) && Number(given) >= 0);
  const position = is<number>(
    'a whole number from 1 on',
    (given) => Number.isSafeInteger(given) && Number(given) > 0,
  );
  const oneOf = <Value extends string>(known: readonly Value[]) =>
    is<Value>('a known one', (given) => (known as readonly unknown[]).includes(given));
  const orNull =
    <Value>(read: Read<Value>): Read<Value | null> =>
    (given, at) =>
      given === null ? null : read(given, at);
  const list =
    <Value>(read: Read<Value>): Read<Value[]> =>
    (given, at) =>
      Array.isArray(given)
        ? given.map((item, index) => read(item, `${at}/${index}`))
        : fail(at, 'a list', given);
  const object = <Fields extends object>(
    fields: { [Key in keyof Fields]: Read<Fields[Key]> },
  ): Read<Fields> => {
    const readers = Object.entries(fields) as [string, Read<unknown>][];
    return (given, at) => {
      if (typeof given !== 'object' || given === null || Array.isArray(given))
        return fail(at, 'an object', given);
      const from = given as Record<string, unknown>;
      return Object.fromEntries(
        readers.map(([key, read]) => [
          key,
          read(Object.hasOwn(from, key) ? from[key] : undefined, `${at}/${key}`),
        ]),
      ) as Fields;
    };
  };

  const place = object({ file: text, pointer: text });
  const range = { line: position, column: position, end_line: position, end_column: position };
  const stated = orNull(object({ value: amount, field: text, file: text, pointer: text }));
  const blueprint = object<FactsJson>({
    path: text,
    path_in_repository: text,
    id: text,
    readable: flag,
    declarations: list(
      object({
        pointer: text,
        source: place,
        ref: orNull(text),
        provider: text,
        backend: orNull(text),
        context_size: orNull(amount),
        context_source: orNull(place),
        required: flag,
        config: orNull(text),
        skipped: orNull(text),
        wants_context_size: flag,
        accepted: orNull(oneOf(['payload', 'customize_mode'])),
        backend_refused: flag,
      }),
    ),
    requirements: orNull(
      object({
        memory_gb: stated,
        gpu_count: stated,
        gpu_memory_gb: stated,
        gpu_vendor: orNull(text),
        gpu_driver: orNull(text),
        hard: flag,
      }),
    ),
    ranges: list(object({ file: text, pointer: text, ...range })),
    findings: list(finding),
  });
  const entry = object<EntryJson>({
    id: text,
    name: orNull(text),
    provider: text,
    docker_model: text,
    api_model: orNull(text),
    aliases: list(text),
    backend: text,
    backends: list(text),
    context_size: orNull(position),
    fallback: orNull(text),
    requirements: object({
      min_vram_gb: orNull(amount),
      min_unified_memory_gb: orNull(amount),
      min_cpu_ram_gb: orNull(amount),
    }),
    source: object({ catalog: text, pointer: text, line: orNull(position) }),
  });
  const suppression = object<SuppressionJson>({
    finding: oneOf(findingIds),
    blueprint: text,
    target: orNull(text),
    pointer: orNull(text),
    reason: text,
    until: orNull(text),
    location: object({ file: text, pointer: text, range: orNull(object(range)) }),
  });
  const member = <Value>(key: string, read: Read<Value>) => read(members.get(key), `${where}/${key}`);
  const facts = {
    targets: member('targets', list(text)),
    targetsFrom: member('targets_from', text),
    catalogs: member('catalogs', list(object({ name: text, entries: list(entry) }))),
    suppressions: member('suppressions', list(suppression)).map(suppressionOf),
    today: member('today', text),
    isWhole: member('is_whole', flag),
  };
  const read = Array.from(blueprints, (value, index) => {
    const json = blueprint(value, `${where}/blueprints/${index}`);
    return { facts: blueprintOf(json), pathInRepository: json.path_in_repository };
  });
  return {
    ...facts,
    catalogs: facts.catalogs.map(({ name, entries }) => ({ name, entries: entries.map(entryOf) })),
    blueprints: read.map((one) => one.facts),
    pathsInRepository: read.map(({ pathInRepository }) => pathInRepository),
  };
}

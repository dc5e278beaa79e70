// What must hold, as data. `value` takes the results of a section; null where this run did not measure it. `processor`
// is the same in processor time, which other work on the machine disturbs less; the goal is about `value`.

export const goals = [
  {
    words: 'start to verdict on one blueprint, the command from its third run on, against `node -e 0`',
    section: 'start',
    value: ({ command }) => command.ratio.median,
    processor: ({ command }) => command.cpuRatio.median,
    limit: 1.5,
    unit: '×',
  },
  {
    words:
      'start to verdict on one blueprint, the action from the third step of a job on, against `node -e 0`',
    section: 'start',
    value: ({ action }) => action.ratio.median,
    processor: ({ action }) => action.cpuRatio.median,
    limit: 1.8,
    unit: '×',
  },
  {
    words: '10,000 blueprints × 50 targets as text, against reading and parsing the same files',
    section: 'scale',
    value: ({ throughput }) => throughput.ratio.median,
    processor: ({ throughput }) => throughput.cpuRatio.median,
    limit: 1.5,
    unit: '×',
  },
  {
    words: '100 targets against 12 targets, as text',
    section: 'scale',
    value: ({ targets }) => targets.ratio.median,
    processor: ({ targets }) => targets.cpuRatio.median,
    limit: 1.3,
    unit: '×',
  },
  {
    words: 'peak memory of 10,000 blueprints × 50 targets',
    section: 'scale',
    value: ({ memoryMiB }) => memoryMiB,
    limit: 256,
    unit: 'MiB',
  },
  {
    words: '100,000 blueprints against ten times 10,000',
    section: 'scale',
    value: ({ linear }) => linear?.ratio.median ?? null,
    processor: ({ linear }) => linear?.cpuRatio.median ?? null,
    limit: 1.15,
    unit: '×',
  },
  {
    words: 'peak memory of 100,000 blueprints × 50 targets',
    section: 'scale',
    value: ({ largeMemoryMiB }) => largeMemoryMiB ?? null,
    limit: 256,
    unit: 'MiB',
  },
  {
    words: 'peak memory of merging 20 shards',
    section: 'shards',
    value: ({ merge }) => merge?.maxRssMiB ?? null,
    limit: 512,
    unit: 'MiB',
  },
  {
    words: 'reports that differ between 20 merged shards and the single run',
    section: 'shards',
    value: ({ isSame }) => (isSame === undefined ? null : isSame ? 0 : 1),
    limit: 0,
    unit: '',
  },
  {
    words: 'bytes that a validating run loads, the command',
    section: 'bytes',
    value: ({ command }) => command.bytes,
    limit: 200_000,
    unit: 'B',
  },
  {
    words: 'bytes that a validating run loads, the action',
    section: 'bytes',
    value: ({ action }) => action.bytes,
    limit: 200_000,
    unit: 'B',
  },
];

/** The goals whose sections were measured, with their values and whether they are met. */
export function judged(results) {
  return goals.flatMap(({ words, section, value, processor, limit, unit }) => {
    const result = results[section];
    const measured = result === undefined || result.problem !== undefined ? null : value(result);
    return measured === null
      ? []
      : [
          {
            words,
            value: measured,
            processor: processor?.(result) ?? null,
            limit,
            unit,
            met: measured <= limit,
          },
        ];
  });
}

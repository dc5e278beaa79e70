// Medians, and how far they can be trusted on a machine that does other work too.

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/**
 * The median with its spread: the interval between two of the values that holds the true median with 95 %, by
 * the sign test. It supposes nothing of how the values are distributed. Below six values it is all of them.
 */
export function spread(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const amount = sorted.length;
  // The chance that at most `rank` of the values lie on one side of the median, both sides together.
  let chance = 2 * 0.5 ** amount;
  let term = chance;
  let rank = 0;
  for (;;) {
    term *= (amount - rank) / (rank + 1);
    if (chance + term > 0.05) break;
    chance += term;
    rank++;
  }
  return { median: median(sorted), low: sorted[rank], high: sorted[amount - 1 - rank] };
}

/** The ratio of two lists that were measured in the same rounds, round by round: what slowed one slowed both. */
export function ratio(values, floors) {
  return spread(values.map((value, round) => value / floors[round]));
}

/** What a ratio of after to before says. */
export function verdict({ low, high }) {
  return high < 1 ? 'less' : low > 1 ? 'more' : 'no difference';
}

/**
 * Measures cases A B C A B C …, every other round backwards, so that what disturbs the machine disturbs all alike.
 * The first round warms the file cache and is dropped. Gives the measurements of each case by its name.
 */
export async function interleaved(cases, rounds) {
  const all = new Map(cases.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const { name, run } of round % 2 === 0 ? cases : cases.toReversed()) {
      const measured = await run();
      if (round > 0) all.get(name).push(measured);
    }
  }
  return all;
}

/** Measurements of a case in short, and as ratios to those of its floor; a floor is its own. */
export function summary(measured, floor = measured) {
  const of = (key) => measured.map((one) => one[key]);
  const against = (key) =>
    ratio(
      of(key),
      floor.map((one) => one[key]),
    );
  return {
    ms: median(of('ms')),
    cpuMs: median(of('cpuMs')),
    maxRssMiB: Math.max(...of('maxRssMiB')),
    ratio: against('ms'),
    cpuRatio: against('cpuMs'),
  };
}

// --compare REF: the bundles of another commit and those of this folder, in turns, as ratios of now to before.
import { productAt } from './product.mjs';
import { interleaved, summary, verdict } from './statistics.mjs';
import { mebibytes, milliseconds, number, timesWithSpread } from './tables.mjs';

const words = { less: 'faster', more: 'slower', 'no difference': 'no difference' };

/** Sections that have cases are compared by time, and `bytes` by its figures. */
export async function compare(context, sections, ref) {
  const before = productAt(ref, context.workspace.folder);
  const rows = [];
  let bytes = null;
  for (const [name, section] of sections) {
    if (name === 'bytes') bytes = await compareBytes(context, section, before);
    if (section.groups === undefined) continue;
    const [ofBefore, ofNow] = [
      await section.groups(context, before),
      await section.groups(context, context.product),
    ];
    for (const [at, { rounds, cases }] of ofNow.entries()) {
      context.say(`comparing ${cases.map((one) => one.words).join(', ')}`);
      const pairs = cases.flatMap((now, index) => [
        { name: `before ${now.name}`, run: ofBefore[at].cases[index].run },
        { name: `now ${now.name}`, run: now.run },
      ]);
      // Six pairs are the fewest whose spread says anything.
      const samples = await interleaved(pairs, Math.max(6, rounds));
      for (const { name: one, words: title } of cases) {
        const [then, now] = [samples.get(`before ${one}`), samples.get(`now ${one}`)];
        rows.push({
          section: name,
          title,
          pairs: now.length,
          before: summary(then),
          now: summary(now, then),
        });
      }
    }
  }
  return { ref, commit: before.commit, rows, bytes };
}

async function compareBytes(context, section, before) {
  const now = await section.measure(context);
  const own = context.product;
  context.product = before;
  const then = await section.measure(context);
  context.product = own;
  return ['command', 'action'].map((door) => ({ door, before: then[door].bytes, now: now[door].bytes }));
}

export function comparisonTables({ ref, commit, rows, bytes }) {
  const times = {
    title: `Now against ${ref} (${commit}): wall time, in pairs`,
    head: ['', 'before', 'now', 'now / before', '', 'processor', '', 'peak memory'],
    rows: rows.map(({ title, before, now }) => [
      title,
      milliseconds(before.ms),
      milliseconds(now.ms),
      timesWithSpread(now.ratio),
      words[verdict(now.ratio)],
      timesWithSpread(now.cpuRatio),
      words[verdict(now.cpuRatio)],
      `${mebibytes(before.maxRssMiB)} → ${mebibytes(now.maxRssMiB)}`,
    ]),
  };
  const loaded = {
    title: `Now against ${ref} (${commit}): bytes that a validating run loads`,
    head: ['', 'before', 'now', 'difference'],
    rows: (bytes ?? []).map(({ door, before, now }) => [
      `the ${door}`,
      number(before),
      number(now),
      `${now > before ? '+' : ''}${number(now - before)}`,
    ]),
  };
  return [...(rows.length > 0 ? [times] : []), ...(bytes === null ? [] : [loaded])];
}

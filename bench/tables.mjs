// Results as tables of text. What is said `after` the rows is lines; where nothing was measured, it is all there is.

/** @typedef {{ title: string, head?: string[], rows?: string[][], after?: string[] }} Table */

export const milliseconds = (ms) =>
  ms < 100 ? `${ms.toFixed(1)} ms` : ms < 10_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
export const times = (ratio) => `${ratio.toFixed(2)} ×`;
/** `1.23 × (1.20 to 1.31)`; a floor against itself has no spread. */
export const timesWithSpread = ({ median, low, high }) =>
  low === high ? times(median) : `${times(median)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
export const mebibytes = (amount) => `${amount.toFixed(0)} MiB`;
export const number = (value) => value.toLocaleString('en');

/** @param {Table} table */
export function asText({ title, head = [], rows = [], after = [] }) {
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at].length)));
  const line = (row) =>
    `  ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('  ')}`;
  const table = rows.length > 0 ? [head, ...rows].map(line) : [];
  return [title, ...table, ...after.map((text) => `  ${text}`), ''].join('\n');
}

/** @param {Table} table */
export function asMarkdown({ title, head = [], rows = [], after = [] }) {
  const line = (row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = `|${head.map((_, at) => (at === 0 ? '---' : '--:')).join('|')}|`;
  const table = rows.length > 0 ? [[line(head), rule, ...rows.map(line)].join('\n')] : [];
  return `${[`### ${title}`, ...table, ...after].join('\n\n')}\n`;
}

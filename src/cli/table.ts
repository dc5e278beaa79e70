import { padEnd, width } from '../report/width.ts';
import { printable } from '../text/text.ts';

const colour = /\u001b\[[0-9;]*m/g;

/** Colours stay; everything between them is made printable. */
function safe(cell: string): string {
  return cell
    .split(/(\u001b\[[0-9;]*m)/)
    .map((part, at) => (at % 2 === 0 ? printable(part) : part))
    .join('');
}

/** Aligned columns under heads, two spaces apart. Cells may be coloured; what is not ours in them is passed through `printable` first. */
export function table(
  heads: readonly string[],
  rows: readonly string[][],
  paintHead: (text: string) => string,
): string {
  const cells = rows.map((row) => row.map(safe));
  const plain = (cell: string) => cell.replace(colour, '');
  const widths = heads.map((head, column) =>
    Math.max(width(head), ...cells.map((row) => width(plain(row[column] ?? '')))),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const gap = padEnd(plain(cell), widths[column] as number).length - plain(cell).length;
        return column === row.length - 1 ? cell : cell + ' '.repeat(gap);
      })
      .join('  ');
  return `${[paintHead(line(heads)), ...cells.map(line)].join('\n')}\n`;
}

/**
 * The log of a GitHub runner obeys printed text: a line that begins with `::`,
 * and `##[` anywhere in a line. Text that comes from a repository must do neither.
 */
export function guardLines(text: string): string {
  return text.replace(/^([\s\u0085]*)::/gm, '$1\\::').replaceAll('##[', '##\\[');
}

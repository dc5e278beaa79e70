/**
 * Columns that text takes in a terminal. Own and small, because the packages for
 * it build tables at import that cost as much as the whole of a short run.
 */

// Latin text and the signs that reports are drawn with.
const plain = /^[ -~\u00a1-\u00ac\u00ae-\u02ff✓⚠○✗…│▸·–—→]*$/;
/** How many columns `text` takes: 2 for wide characters, 0 for combining ones. */
export function width(text: string): number {
  if (plain.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += characterWidth(character);
  return columns;
}

function characterWidth(character: string): number {
  if (plain.test(character)) return 1;
  // Patterns with Unicode's properties are read where they are first used: that takes half a millisecond each.
  if (/[\p{Mn}\p{Me}\p{Cf}\p{Cc}]/u.test(character)) return 0;
  const wide =
    /[\u1100-\u115f\u231a\u231b\u23e9-\u23ec\u2614\u2615\u26a1\u2705\u274c\u2753-\u2757\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6d2}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
  return wide.test(character) ? 2 : 1;
}

/** `text` with spaces after it up to `columns`. */
export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - width(text)));
}

/** `text` in the middle of `columns`. */
export function center(text: string, columns: number): string {
  const free = Math.max(0, columns - width(text));
  return ' '.repeat(free >> 1) + text + ' '.repeat(free - (free >> 1));
}

/** At most `columns` wide; what is cut at the end shows as `…`. */
export function clip(text: string, columns: number): string {
  if (columns <= 0) return '';
  return width(text) <= columns ? text : `${take(text, columns - 1)}…`;
}

/** At most `columns` wide; what is cut at the beginning shows as `…`. */
export function clipStart(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (width(text) <= columns) return text;
  const reversed = [...text].reverse();
  let used = 0;
  let kept = 0;
  for (const character of reversed) {
    used += characterWidth(character);
    if (used > columns - 1) break;
    kept++;
  }
  return `…${reversed.slice(0, kept).reverse().join('')}`;
}

function take(text: string, columns: number): string {
  let used = 0;
  let end = 0;
  for (const character of text) {
    used += characterWidth(character);
    if (used > columns) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** Breaks text at spaces into lines of at most `columns`; a longer word stays whole. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  let used = 0;
  for (const word of text.split(' ')) {
    const wordWidth = width(word);
    if (line !== '' && used + 1 + wordWidth > columns) {
      lines.push(line);
      line = word;
      used = wordWidth;
    } else {
      used += (line === '' ? 0 : 1) + wordWidth;
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}

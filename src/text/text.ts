/**
 * Words around data that is not ours. Everything that comes from a repository's
 * files passes `printable` before a person sees it as plain text.
 */

// A pattern with Unicode's properties is read where it is first used, which takes longer than the check of a blueprint.
const plain = /^[ -~\u00a1-\u00ac\u00ae-\u02ff]*$/;

/** Makes text safe to show on one line of a terminal or a log: what cannot be seen is shown as `\u{…}`. */
export function printable(text: string): string {
  if (plain.test(text)) return text;
  return text.toWellFormed().replace(
    // C0 and C1 controls, line separators, the marks that reorder or hide text (bidirectional embeddings,
    // overrides and isolates; zero-width, filler and tag characters, selectors of rare variants), and what
    // Unicode reserves for more of them. The selectors of text and emoji (U+FE0E, U+FE0F) are left alone.
    /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]|[\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|\u034f|\u17b4|\u17b5|\u180e|\p{Variation_Selector}(?<![\ufe0e\ufe0f])/gu,
    (character) =>
      character === '\n'
        ? '\\n'
        : character === '\t'
          ? '\\t'
          : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** `printable`, at most `limit` UTF-16 units long; a cut is shown as `…`. */
export function short(text: string, limit = 120): string {
  // Nothing gets shorter by becoming printable, so what lies behind the limit is never shown.
  const shown = printable(text.slice(0, limit + 1));
  if (shown.length <= limit) return shown;
  // Half of a surrogate pair is not shown.
  return `${shown.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** A value from a file as people write it in JSON, short enough for a sentence. */
export function quote(value: unknown): string {
  if (typeof value === 'string') return `"${short(value, 80)}"`;
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

/** The command that installs a model, where its name can be copied into a shell as it stands; else where to look. */
export function installCommand(model: string, options = ''): string {
  return /^\w[\w./:@-]*$/.test(model)
    ? `mn model install ${model}${options}`
    : 'Install it with mn model install, by the name that stands here.';
}

/** `1 blueprint`, `2 blueprints`. */
export function count(amount: number, noun: string, plural = `${noun}s`): string {
  return `${amount} ${amount === 1 ? noun : plural}`;
}

/** `a`, `a or b`, `a, b or c`. */
export function either(items: readonly string[]): string {
  return items.length < 2
    ? (items[0] ?? '')
    : `${items.slice(0, -1).join(', ')} or ${items[items.length - 1]}`;
}

/** GB without needless digits: `8 GB`, `7.6 GB`. */
export function gigabytes(gb: number): string {
  return `${Number(gb.toFixed(gb < 100 ? 1 : 0))} GB`;
}

/** The figures of a comparison must differ on paper when they differ in fact: `7.97 GB`, not `8 GB`, below 8. */
export function gigabytesBelow(gb: number, limit: number): string {
  for (const digits of [1, 2, 3]) {
    const rounded = Number(gb.toFixed(digits));
    if (rounded < limit) return `${rounded} GB`;
  }
  return `${gb} GB`;
}

/** `sha256:0123456789ab…`: enough to tell two apart. */
export function shortDigest(digest: string | null): string {
  return digest === null ? 'none' : `${digest.slice(0, 19)}…`;
}

/** `a`, `a and b`, `a, b and 12 more`. `total` counts the items that are not given, too. */
export function listed(items: readonly string[], limit: number, total = items.length): string {
  const shown = items.slice(0, limit);
  const more = total - shown.length;
  if (more > 0) return `${shown.join(', ')} and ${more} more`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** Whether a path is a pattern. */
export function isGlob(path: string): boolean {
  return /[*?[\]{}!]/.test(path);
}

/** The files that a pattern matches, sorted; the library is loaded when there is a pattern. */
export async function expandGlob(pattern: string): Promise<string[]> {
  const { glob } = await import('tinyglobby');
  const found = await glob(pattern, { onlyFiles: true, followSymbolicLinks: false, dot: true });
  return found.sort();
}

/**
 * Whether a path is wanted: it matches some `include` (or there is none) and
 * no `exclude`. A pattern without a slash matches a name at any depth, and a
 * pattern that matches a folder matches everything in it.
 */
export async function globFilter(
  include: readonly string[],
  exclude: readonly string[],
): Promise<(path: string) => boolean> {
  if (include.length === 0 && exclude.length === 0) return () => true;
  const { default: picomatch } = await import('picomatch');
  const matcher = (patterns: readonly string[]) => {
    const normal = patterns.map((pattern) => pattern.replace(/^\.\//, '').replace(/\/$/, ''));
    const all = normal.map((pattern) => (pattern.includes('/') ? pattern : `**/${pattern}`));
    return picomatch([...all, ...all.map((pattern) => `${pattern}/**`)], { dot: true });
  };
  const included = include.length === 0 ? () => true : matcher(include);
  const excluded = exclude.length === 0 ? () => false : matcher(exclude);
  return (path) => included(path) && !excluded(path);
}

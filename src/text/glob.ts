/**
 * Whether a path matches a glob of a repository's own file: `*` is any text in a
 * name, `?` one character, `**` any folders; all else is itself. A pattern
 * without a slash matches a name at any depth, and one that matches a folder
 * matches everything in it. Takes at most pattern × path steps, whatever they
 * are: patterns from a pull request must not hang a run.
 */
export function globMatcher(pattern: string): (path: string) => boolean {
  const normal = pattern.replace(/^\.\//, '').replace(/\/$/, '');
  const names = (normal.includes('/') ? normal : `**/${normal}`).split('/');
  return (path) => matches(names, path.split('/'));
}

/** Whether the folders and names of a pattern lead to this path, or to a folder above it. */
function matches(pattern: readonly string[], path: readonly string[]): boolean {
  let at = 0;
  let here = 0;
  /** Of the last `**`, and how far it reaches so far. */
  let star = -1;
  let reach = 0;
  while (at < pattern.length) {
    if (pattern[at] === '**') {
      star = at++;
      reach = here;
    } else if (here < path.length && matchesName(pattern[at] as string, path[here] as string)) {
      at++;
      here++;
    } else if (star >= 0 && reach < path.length) {
      at = star + 1;
      here = ++reach;
    } else return false;
  }
  return true;
}

function matchesName(pattern: string, name: string): boolean {
  let at = 0;
  let here = 0;
  let star = -1;
  let reach = 0;
  while (here < name.length) {
    if (pattern[at] === '*') {
      star = at++;
      reach = here;
    } else if (pattern[at] === '?' || pattern[at] === name[here]) {
      at++;
      here++;
    } else if (star >= 0) {
      at = star + 1;
      here = ++reach;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

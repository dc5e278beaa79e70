import { readFileSync, statSync } from 'node:fs';

type Env = Readonly<Record<string, string | undefined>>;

/** GitHub cuts what it sends far below this. */
const maxEventBytes = 32 * 1024 * 1024;

/** What GitHub says of the event; null where that cannot be read. */
export function readEvent(env: Env): unknown {
  try {
    const path = env['GITHUB_EVENT_PATH'] ?? '';
    const file = statSync(path);
    return file.isFile() && file.size <= maxEventBytes ? JSON.parse(readFileSync(path, 'utf8')) : null;
  } catch {
    return null;
  }
}

/** A value below these keys; undefined where there is none. */
export function at(value: unknown, ...keys: readonly string[]): unknown {
  let place = value;
  for (const key of keys) {
    if (typeof place !== 'object' || place === null || !Object.hasOwn(place, key)) return undefined;
    place = (place as Record<string, unknown>)[key];
  }
  return place;
}

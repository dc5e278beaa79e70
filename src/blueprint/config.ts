import type { Document } from '../document/document.ts';
import { child } from '../document/pointer.ts';

/** What one layer contributes to one place of the effective config. */
export interface Contribution {
  document: Document;
  /** Pointer in that document. */
  pointer: string;
  value: unknown;
  /** Keys that still lie between this place and the value; a projection puts a value deeper than it stood. */
  under: readonly string[];
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * One place of the effective config, without merging anything: the values that
 * the layers give it, highest first. Objects merge deeply; a scalar, an array
 * or null replaces everything below it (decision 1).
 */
export class ConfigPlace {
  /** Highest layer first. */
  readonly contributions: readonly Contribution[];

  constructor(contributions: readonly Contribution[]) {
    let end = 0;
    while (end < contributions.length && isNested(contributions[end] as Contribution)) end++;
    this.contributions =
      end === contributions.length ? contributions : contributions.slice(0, Math.max(end, 1));
  }

  /** Whether any layer says something here; null counts as nothing. */
  get exists(): boolean {
    return this.top !== undefined && (this.top.under.length > 0 || this.top.value !== null);
  }

  get top(): Contribution | undefined {
    return this.contributions[0];
  }

  /** The layer that says something here first; the others lie on top of it. */
  get bottom(): Contribution | undefined {
    return this.contributions[this.contributions.length - 1];
  }

  /** The effective value where it is not an object; undefined where it is one, or where there is none. */
  get value(): unknown {
    const top = this.top;
    return top === undefined || isNested(top) ? undefined : top.value;
  }

  get isObject(): boolean {
    const top = this.top;
    return top !== undefined && isNested(top);
  }

  /** The string here, if it is one and not blank. */
  get text(): string | null {
    const { value } = this;
    return typeof value === 'string' && value.trim() !== '' ? value : null;
  }

  get(key: string): ConfigPlace {
    let found: Contribution[] | null = null;
    for (const { document, pointer, value, under } of this.contributions) {
      let next: Contribution;
      if (under.length > 0) {
        if (under[0] !== key) continue;
        next = { document, pointer, value, under: under.slice(1) };
      } else if (isObject(value) && Object.hasOwn(value, key)) {
        next = { document, pointer: child(pointer, key), value: value[key], under: notUnder };
      } else continue;
      if (found === null) found = [next];
      else found.push(next);
    }
    return found === null ? nothing : new ConfigPlace(found);
  }

  /** The keys of the merged object, those of the lowest layer first. */
  keys(): string[] {
    const keys = new Set<string>();
    for (const { value, under } of this.contributions.toReversed()) {
      if (under.length > 0) keys.add(under[0] as string);
      else if (isObject(value)) for (const key of Object.keys(value)) keys.add(key);
    }
    return [...keys];
  }
}

const notUnder: readonly string[] = [];

/** Most places that are asked for are not there. */
const nothing = new ConfigPlace([]);

/** Whether other layers lie below it: a projection that goes deeper, or an object. */
function isNested({ value, under }: Contribution): boolean {
  return under.length > 0 || isObject(value);
}

/** One layer at the root of the effective config. */
export function wholeDocument(document: Document): Contribution {
  return { document, pointer: '', value: document.value, under: notUnder };
}

/**
 * The layers that `config.manifest_defaults` projects from the manifest,
 * highest first: a string is the same dotted path on both sides, an object
 * goes from one path to another. Malformed entries are left to the schema.
 */
export function manifestLayers(manifest: Document): Contribution[] {
  const config = isObject(manifest.value) ? manifest.value['config'] : undefined;
  const defaults = isObject(config) ? config['manifest_defaults'] : undefined;
  if (!Array.isArray(defaults)) return [];
  const layers: Contribution[] = [];
  for (const entry of defaults) {
    const from: unknown = isObject(entry) ? entry['from'] : entry;
    const to: unknown = isObject(entry) ? entry['to'] : entry;
    if (typeof from !== 'string' || typeof to !== 'string') continue;
    let value: unknown = manifest.value;
    let pointer = '';
    let found = true;
    const path = from.split('.');
    for (const key of path) {
      if (!isObject(value) || !Object.hasOwn(value, key)) {
        found = false;
        break;
      }
      value = value[key];
      pointer = child(pointer, key);
    }
    if (found)
      layers.unshift({ document: manifest, pointer, value, under: to === from ? path : to.split('.') });
  }
  return layers;
}

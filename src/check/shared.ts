import type { Finding } from '../findings/finding.ts';
import type { ReportDeclaration } from './report.ts';

/** What a finding says, wherever it is true. */
const saidFields = ['id', 'severity', 'title', 'message', 'help', 'sameAs', 'targets', 'fix'] as const;

/** What a declaration asks for and what became of it, wherever it stands. */
const askedFields = [
  'pointer',
  'sourcePointer',
  'ref',
  'model',
  'dockerModel',
  'provider',
  'backend',
  'contextSize',
  'required',
  'config',
  'skipped',
  'estimate',
  'statuses',
] as const;

type Said = Pick<Finding, (typeof saidFields)[number]>;
type Own = Pick<Finding, 'location' | 'blueprint' | 'declaration' | 'change'>;
type Asked = Pick<ReportDeclaration, (typeof askedFields)[number]>;

/** A finding that has only its place to itself. `readThrough` makes it read like any other. */
class SharedFinding {
  readonly shared: Said;
  location: Finding['location'];
  blueprint: Finding['blueprint'];
  declaration: Finding['declaration'];
  change: Finding['change'];

  constructor(shared: Said, { location, blueprint, declaration, change }: Own) {
    this.shared = shared;
    this.location = location;
    this.blueprint = blueprint;
    this.declaration = declaration;
    this.change = change;
  }
}
readThrough(SharedFinding.prototype, saidFields);

/** A declaration, likewise. */
class SharedDeclaration {
  readonly shared: Asked;
  file: ReportDeclaration['file'];
  range: ReportDeclaration['range'];

  constructor(shared: Asked, { file, range }: Pick<ReportDeclaration, 'file' | 'range'>) {
    this.shared = shared;
    this.file = file;
    this.range = range;
  }
}
readThrough(SharedDeclaration.prototype, askedFields);

function readThrough<Field extends string>(
  prototype: { shared: { [Name in Field]?: unknown } },
  fields: readonly Field[],
): void {
  for (const field of fields) {
    Object.defineProperty(prototype, field, {
      get(this: typeof prototype) {
        return this.shared[field];
      },
    });
  }
}

/** What a finding of `Shared` says, of another blueprint. */
export function findingElsewhere(found: Finding, blueprint: string, location: Finding['location']): Finding {
  const { shared, declaration } = found as unknown as SharedFinding;
  return new SharedFinding(shared, { location, blueprint, declaration, change: null }) as unknown as Finding;
}

/** What a declaration of `Shared` asks for, in another file. */
export function declarationElsewhere(
  found: ReportDeclaration,
  file: string,
  range: ReportDeclaration['range'],
): ReportDeclaration {
  const { shared } = found as unknown as SharedDeclaration;
  return new SharedDeclaration(shared, { file, range }) as unknown as ReportDeclaration;
}

/** More different things than this are not worth remembering. */
const limit = 10_000;

/**
 * Keeps once what the blueprints of a repository have in common; else the report of 100,000 would take four times the
 * memory.
 */
export class Shared {
  /** By message: what was last said with it. */
  readonly #said = new Map<string, Said>();
  /** By what mostly tells them apart. */
  readonly #asked = new Map<string, Asked>();
  readonly #pointers = new Map<string, string>();

  finding(found: Finding): Finding {
    const { location, declaration, message } = found;
    if (location !== null) location.pointer = this.#pointer(location.pointer);
    if (declaration !== null) found.declaration = this.#pointer(declaration);
    return new SharedFinding(one(this.#said, message, found, saidFields), found) as unknown as Finding;
  }

  declaration(found: ReportDeclaration): ReportDeclaration {
    const key = `${found.pointer} ${found.ref} ${found.contextSize} ${found.skipped}`;
    const asked = one(this.#asked, key, found, askedFields);
    return new SharedDeclaration(asked, found) as unknown as ReportDeclaration;
  }

  #pointer(pointer: string): string {
    const known = this.#pointers.get(pointer);
    if (known === undefined) remember(this.#pointers, pointer, pointer);
    return known ?? pointer;
  }
}

/** These fields of an object: those that are known by the key where they are the same, else its own from now on. */
function one<Value extends object, Field extends keyof Value>(
  all: Map<string, Pick<Value, Field>>,
  key: string,
  value: Value,
  fields: readonly Field[],
): Pick<Value, Field> {
  let known = all.get(key);
  if (known === undefined || !fields.every((field) => isSame(known?.[field], value[field]))) {
    known = Object.fromEntries(fields.map((field) => [field, value[field]])) as Pick<Value, Field>;
    remember(all, key, known);
  }
  return known;
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b));
}

/** Where every blueprint says something else, remembering all of it would cost what sharing saves. */
function remember<Value>(known: Map<string, Value>, key: string, value: Value): void {
  if (known.size === limit) known.clear();
  known.set(key, value);
}

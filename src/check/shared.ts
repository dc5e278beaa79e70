import type { Range } from '../document/position.ts';
import type { Change, Finding, Fix, Location, Words } from '../findings/finding.ts';
import type { ReportDeclaration } from './report.ts';

/** More different facts than this are not worth remembering. */
const limit = 10_000;

/** What a finding says, wherever it is true. */
type Said = Words & Pick<Finding, 'id' | 'severity' | 'targets' | 'fix'>;

/** A finding of a report: what it says, which thousands have in common, and where. */
class SharedFinding implements Finding {
  readonly said: Said;
  location: Location | null;
  blueprint: string | null;
  declaration: string | null;
  change: Change | null;

  constructor(said: Said, { location, blueprint, declaration, change }: Finding) {
    this.said = said;
    this.location = location;
    this.blueprint = blueprint;
    this.declaration = declaration;
    this.change = change;
  }

  get id() {
    return this.said.id;
  }
  get severity() {
    return this.said.severity;
  }
  get title() {
    return this.said.title;
  }
  get message() {
    return this.said.message;
  }
  get help() {
    return this.said.help;
  }
  get sameAs() {
    return this.said.sameAs;
  }
  get targets() {
    return this.said.targets;
  }
  get fix() {
    return this.said.fix;
  }
}

/** What a declaration asks for and what became of it, wherever it stands. */
type Asked = Omit<ReportDeclaration, 'file' | 'range'>;

/** A declaration of a report, likewise. */
class SharedDeclaration implements ReportDeclaration {
  readonly asked: Asked;
  readonly file: string;
  readonly range: Range | null;

  constructor(asked: Asked, { file, range }: ReportDeclaration) {
    this.asked = asked;
    this.file = file;
    this.range = range;
  }

  get pointer() {
    return this.asked.pointer;
  }
  get sourcePointer() {
    return this.asked.sourcePointer;
  }
  get ref() {
    return this.asked.ref;
  }
  get model() {
    return this.asked.model;
  }
  get dockerModel() {
    return this.asked.dockerModel;
  }
  get provider() {
    return this.asked.provider;
  }
  get backend() {
    return this.asked.backend;
  }
  get contextSize() {
    return this.asked.contextSize;
  }
  get required() {
    return this.asked.required;
  }
  get config() {
    return this.asked.config;
  }
  get skipped() {
    return this.asked.skipped;
  }
  get estimate() {
    return this.asked.estimate ?? null;
  }
  get statuses() {
    return this.asked.statuses;
  }
}

/**
 * Keeps once what the blueprints of a repository have in common: else a report of 100,000 of them takes five times
 * the memory. The findings and declarations that it gives back read like those that it was given.
 */
export class Shared {
  /** By message: the last fact that was told with it. */
  readonly #facts = new Map<string, Said>();
  /** By what mostly tells them apart: the last one of its kind. */
  readonly #asked = new Map<string, Asked>();
  readonly #pointers = new Map<string, string>();

  finding(found: Finding): Finding {
    let said = this.#facts.get(found.message);
    if (said === undefined || !saysSame(said, found)) {
      const { id, severity, title, message, help, sameAs, targets, fix } = found;
      said = { id, severity, title, message, help, sameAs, targets, fix };
      remember(this.#facts, message, said);
    }
    const { location, declaration } = found;
    if (location !== null) location.pointer = this.#pointer(location.pointer);
    if (declaration !== null) found.declaration = this.#pointer(declaration);
    return new SharedFinding(said, found);
  }

  declaration(found: ReportDeclaration): ReportDeclaration {
    const key = `${found.pointer} ${found.ref} ${found.contextSize} ${found.skipped}`;
    let asked = this.#asked.get(key);
    if (asked === undefined || !asksSame(asked, found)) {
      const { file: _, range: __, ...rest } = found;
      asked = rest;
      remember(this.#asked, key, asked);
    }
    return new SharedDeclaration(asked, found);
  }

  #pointer(pointer: string): string {
    const known = this.#pointers.get(pointer);
    if (known === undefined) remember(this.#pointers, pointer, pointer);
    return known ?? pointer;
  }
}

/** Where every blueprint says something else, remembering all of it would cost what sharing saves. */
function remember<Value>(known: Map<string, Value>, key: string, value: Value): void {
  if (known.size === limit) known.clear();
  known.set(key, value);
}

function saysSame(a: Said, b: Said): boolean {
  return (
    a.id === b.id &&
    a.severity === b.severity &&
    a.title === b.title &&
    a.help === b.help &&
    a.sameAs === b.sameAs &&
    isSameList(a.targets, b.targets) &&
    isSameFix(a.fix, b.fix)
  );
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => item === b[index]));
}

function isSameFix(a: Fix | null, b: Fix | null): boolean {
  return a === b || (a?.value === b?.value && a?.description === b?.description);
}

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
] as const satisfies readonly (keyof Asked)[];

/** Estimates and statuses are shared already where the same is asked for. */
function asksSame(a: Asked, b: Asked): boolean {
  return askedFields.every((field) => a[field] === b[field]);
}

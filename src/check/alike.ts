import type { Blueprint } from '../blueprint/discover.ts';
import { blueprintId, documentsOf } from '../blueprint/discover.ts';
import { likenessOf } from '../blueprint/likeness.ts';
import type { Document, Places } from '../document/document.ts';
import { locatePlaces, placesAt } from '../document/document.ts';
import type { Finding, Location } from '../findings/finding.ts';
import type { ReportBlueprint, ReportDeclaration } from './report.ts';
import { declarationElsewhere, findingElsewhere } from './shared.ts';

/** One blueprint with everything that was found. */
export interface Checked {
  blueprint: ReportBlueprint;
  findings: Finding[];
}

/** What was found of one blueprint, and is true of each that says the same. */
interface Kind {
  declarations: readonly ReportDeclaration[];
  findings: readonly Finding[];
  /** Index of each declaration's file among the documents. */
  declarationFiles: number[];
  /** Index of each finding's place; -1 where it has none. */
  placeOf: number[];
  /** Where findings are, each place once. */
  places: { file: number; pointer: string }[];
  /** What to look up in each document. */
  wanted: Places[];
}

/** More kinds than this are not worth remembering. */
const limit = 1000;

/**
 * Remembers what was found of the latest kinds of blueprints. Most of a large repository's say the same of their models
 * as another one: they need only their own names and positions.
 */
export class Alike {
  readonly #kinds = new Map<string, Kind>();
  readonly #allPositions: boolean;

  /** `positions`: whether every declaration has one, or only what findings point at. */
  constructor(positions: 'all' | 'findings') {
    this.#allPositions = positions === 'all';
  }

  /** What `check` finds of a blueprint; it is asked where nothing like it is known. */
  checked(blueprint: Blueprint, check: (blueprint: Blueprint) => Checked): Checked {
    const likeness = likenessOf(blueprint);
    if (likeness === null) return check(blueprint);
    const known = this.#kinds.get(likeness);
    if (known !== undefined) return this.#again(known, blueprint);
    const checked = check(blueprint);
    const kind = this.#kindOf(checked, blueprint);
    if (kind !== null) {
      if (this.#kinds.size === limit) this.#kinds.clear();
      this.#kinds.set(likeness, kind);
    }
    return checked;
  }

  /** Null where something stands in none of the blueprint's files. */
  #kindOf({ blueprint, findings }: Checked, of: Blueprint): Kind | null {
    const files = documentsOf(of).map(({ file }) => file);
    const places: Kind['places'] = [];
    const indexOf = (location: Location) => {
      const file = files.indexOf(location.file);
      const known = places.findIndex((place) => place.file === file && place.pointer === location.pointer);
      return known >= 0 ? known : places.push({ file, pointer: location.pointer }) - 1;
    };
    const placeOf = findings.map(({ location }) => (location === null ? -1 : indexOf(location)));
    const { declarations } = blueprint;
    const wanted = files.map((file, index) =>
      placesAt([
        ...places.filter((place) => place.file === index).map(({ pointer }) => pointer),
        ...declarations
          .filter((declaration) => this.#allPositions && declaration.file === file)
          .map(({ sourcePointer }) => sourcePointer),
      ]),
    );
    const declarationFiles = declarations.map(({ file }) => files.indexOf(file));
    if (declarationFiles.includes(-1) || places.some(({ file }) => file < 0)) return null;
    return { declarations, findings, declarationFiles, placeOf, places, wanted };
  }

  #again(kind: Kind, blueprint: Blueprint): Checked {
    const documents = documentsOf(blueprint);
    const ranges = kind.wanted.map((places, index) => locatePlaces(documents[index] as Document, places));
    const locations = kind.places.map(({ file, pointer }) => ({
      file: (documents[file] as Document).file,
      pointer,
      range: ranges[file]?.get(pointer) ?? null,
    }));
    const { path } = blueprint;
    return {
      blueprint: {
        path,
        id: blueprintId(blueprint),
        declarations: kind.declarations.map((declaration, index) => {
          const file = kind.declarationFiles[index] as number;
          const range = this.#allPositions ? (ranges[file]?.get(declaration.sourcePointer) ?? null) : null;
          return declarationElsewhere(declaration, (documents[file] as Document).file, range);
        }),
      },
      findings: kind.findings.map((found, index) =>
        findingElsewhere(found, path, locations[kind.placeOf[index] as number] ?? null),
      ),
    };
  }
}

import { parseDocument } from '../document/document.ts';
import { applyEdits, type Edit } from '../document/edit.ts';
import { valueAt } from '../document/pointer.ts';
import type { Finding } from '../findings/finding.ts';
import type { FindingId } from '../findings/table.ts';
import type { Report } from './report.ts';

/** One value of a file that becomes another, and the findings that go with it. */
export interface Correction {
  file: string;
  pointer: string;
  value: string;
  /** All ask for the same; at least one. */
  findings: Finding[];
}

export interface CorrectedFile {
  file: string;
  before: string;
  after: string;
  corrections: Correction[];
}

export interface Refused {
  /** Of the file, or of the corrections: `it is a link`. */
  reason: string;
  corrections: Correction[];
}

export interface Corrected {
  files: CorrectedFile[];
  refused: Refused[];
}

/** What corrections are made from and proved with. */
export interface CorrectionSource {
  /** The text of a file that may be written, or why it may not. */
  read(file: string): { ok: true; text: string } | { ok: false; reason: string };
  /** The same check, with these texts in place of what the files hold. */
  again(texts: ReadonlyMap<string, string>): Report;
}

/** A wrong name hides what else is wrong: correcting it may bring a verdict that was not there before. */
const hidesVerdict: readonly FindingId[] = [
  'unknown-model',
  'model-not-checked',
  'unknown-backend',
  'unknown-config',
];
/** Wrong names, then other models, each with what proves wrong left out: a handful. More would be a circle. */
const maxRounds = 20;

/**
 * Applies the corrections of a report's findings to the texts of their files,
 * and checks the result: a correction stays only where its findings are gone
 * and no other problem came of it. Nothing is written here.
 */
export function correctAll(report: Report, source: CorrectionSource): Corrected {
  const files = new Map<string, CorrectedFile>();
  const refused: Refused[] = [];
  const leftAlone = new Set<string>();
  const rejected = new Set<string>();
  const hidden = new Set(report.hidden.map(({ finding }) => keyOf(finding)));
  let current: readonly Finding[] = report.findings;
  for (let round = 0; round < maxRounds; round++) {
    const possible = correctionsOf(current).filter(
      (one) => !leftAlone.has(one.file) && !rejected.has(idOf(one)),
    );
    const names = possible.filter(isName);
    const wanted = names.length > 0 ? names : possible;
    if (wanted.length === 0) break;

    const tried: CorrectedFile[] = [];
    for (const [file, corrections] of byFile(wanted)) {
      const edited = correctFile(file, files.get(file), corrections, source);
      if (edited.ok) {
        tried.push(edited.file);
      } else {
        leftAlone.add(file);
        refused.push({ reason: edited.reason, corrections });
      }
    }
    if (tried.length === 0) continue;
    const texts = new Map([...files.values(), ...tried].map(({ file, after }) => [file, after]));
    const after = source.again(texts).findings.filter((finding) => !hidden.has(keyOf(finding)));
    const wrong = unproved(
      wanted.filter(({ file }) => !leftAlone.has(file)),
      current,
      after,
    );
    if (wrong.length > 0) {
      const reason = 'the correction would not remove the finding, or would cause another one';
      for (const one of wrong) rejected.add(idOf(one));
      refused.push({ reason, corrections: wrong });
      continue;
    }
    for (const one of tried) files.set(one.file, one);
    current = after;
  }
  return { files: [...files.values()], refused };
}

function byFile(corrections: readonly Correction[]): Map<string, Correction[]> {
  const files = new Map<string, Correction[]>();
  for (const one of corrections) {
    const others = files.get(one.file);
    if (others === undefined) files.set(one.file, [one]);
    else others.push(one);
  }
  return files;
}

/** A file with further corrections; `known` where it has some already. */
function correctFile(
  file: string,
  known: CorrectedFile | undefined,
  corrections: Correction[],
  source: CorrectionSource,
): { ok: true; file: CorrectedFile } | { ok: false; reason: string } {
  const read = known === undefined ? source.read(file) : { ok: true as const, text: known.after };
  if (!read.ok) return read;
  const edited = applyEdits(read.text, editsOf(read.text, corrections));
  if (!edited.ok) return edited;
  return {
    ok: true,
    file: {
      file,
      before: known?.before ?? read.text,
      after: edited.text,
      corrections: [...(known?.corrections ?? []), ...corrections],
    },
  };
}

/** One correction for each value; where findings ask for different ones, the most severe is heard. */
function correctionsOf(findings: readonly Finding[]): Correction[] {
  const corrections = new Map<string, Correction>();
  for (const finding of findings) {
    const { location, fix } = finding;
    if (location === null || fix === null) continue;
    const { file, pointer } = location;
    const key = `${file}\0${pointer}`;
    const known = corrections.get(key);
    if (known === undefined) corrections.set(key, { file, pointer, value: fix.value, findings: [finding] });
    else if (known.value === fix.value) known.findings.push(finding);
  }
  return [...corrections.values()];
}

/** The edits of one file. `model` and `runtime_model` side by side that name the same model go on doing so. */
function editsOf(text: string, corrections: readonly Correction[]): Edit[] {
  const parsed = parseDocument('', text.replace(/^\ufeff/, ''));
  if (!parsed.ok) return [];
  const { value: root } = parsed.document;
  const edits = new Map<string, Edit>();
  for (const { pointer, value } of corrections) {
    const from = valueAt(root, pointer);
    if (typeof from !== 'string') continue;
    edits.set(pointer, { pointer, from, to: value });
    const [, holder, key] = /^(.*)\/(model|runtime_model)$/s.exec(pointer) ?? [];
    if (key === undefined) continue;
    const beside = `${holder}/${key === 'model' ? 'runtime_model' : 'model'}`;
    if (valueAt(root, beside) === from && !edits.has(beside)) {
      edits.set(beside, { pointer: beside, from, to: value });
    }
  }
  return [...edits.values()];
}

/** The corrections that did not do what they are for. */
function unproved(
  applied: readonly Correction[],
  before: readonly Finding[],
  after: readonly Finding[],
): Correction[] {
  const left = new Set(after.map(keyOf));
  const wrong = applied.filter(({ findings }) => findings.some((finding) => left.has(keyOf(finding))));
  if (wrong.length > 0 || applied.every(isName)) return wrong;
  // Counted, because configs that share a value have findings at the same place.
  const known = new Map<string, number>();
  for (const finding of before) known.set(keyOf(finding), (known.get(keyOf(finding)) ?? 0) + 1);
  const spoilt = new Set<string | null>();
  for (const finding of after) {
    const left = (known.get(keyOf(finding)) ?? 0) - 1;
    known.set(keyOf(finding), left);
    if (left < 0 && finding.severity !== 'note') spoilt.add(finding.blueprint);
  }
  return applied.filter(({ findings }) => findings.some(({ blueprint }) => spoilt.has(blueprint)));
}

function isName({ findings }: Correction): boolean {
  return findings.some(({ id }) => hidesVerdict.includes(id));
}

function keyOf({ id, location }: Finding): string {
  return `${id}\0${location?.file ?? ''}\0${location?.pointer ?? ''}`;
}

function idOf({ file, pointer, value }: Correction): string {
  return `${file}\0${pointer}\0${value}`;
}

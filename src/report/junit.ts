import type { HiddenFinding, Report, ReportBlueprint, ReportDeclaration } from '../check/report.ts';
import type { Status, Verdict } from '../compatibility/verdict.ts';
import { dotted } from '../document/pointer.ts';
import type { Finding } from '../findings/finding.ts';
import { short } from '../text/text.ts';
import { inChunks } from './chunks.ts';
import { placeOf, statusOn } from './survey.ts';
import { statusWords, targetNames } from './words.ts';

/**
 * The report as JUnit XML, as test reports of CI systems read it, in chunks: a
 * suite for each blueprint, a case for each declaration and target. Errors are
 * failures; warnings and notes are output of a case that passes. Has no time, so
 * that the same report is the same text.
 */
export function reportJunit(report: Report): Iterable<string> {
  return inChunks(pieces(report));
}

/** One case; the worst that was found decides what becomes of it. */
interface Case {
  name: string;
  /** Errors: the case fails. */
  failures: Finding[];
  /** What the verdict says, for a failure; null where there is none. */
  verdict: string | null;
  /** Why nothing is known of it, or is wanted; null where it passes or fails. */
  skipped: string | null;
  /** Warnings and notes. */
  others: Finding[];
}

interface Suite {
  name: string;
  /** What the blueprint calls itself; null for a suite that is none. */
  id: string | null;
  cases: Case[];
}

function* pieces(report: Report): Iterable<string> {
  const total = { tests: 0, failures: 0 };
  for (const suite of suites(report)) {
    const { tests, failures } = countCases(suite);
    total.tests += tests;
    total.failures += failures;
  }
  yield '<?xml version="1.0" encoding="UTF-8"?>\n';
  yield `<testsuites name="Model Check" tests="${total.tests}" failures="${total.failures}" errors="0">\n`;
  for (const suite of suites(report)) yield* suitePieces(suite);
  yield '</testsuites>\n';
}

function countCases({ cases }: Suite) {
  return {
    tests: cases.length,
    failures: cases.filter((one) => one.failures.length > 0).length,
    skipped: cases.filter((one) => one.skipped !== null).length,
  };
}

function* suitePieces(suite: Suite): Iterable<string> {
  const { tests, failures, skipped } = countCases(suite);
  const name = attribute(suite.name);
  yield `  <testsuite name=${name} tests="${tests}" failures="${failures}" errors="0" skipped="${skipped}">\n`;
  if (suite.id !== null) {
    yield `    <properties>\n      <property name="id" value=${attribute(suite.id)}/>\n    </properties>\n`;
  }
  for (const one of suite.cases) yield `    ${caseXml(name, one)}\n`;
  yield '  </testsuite>\n';
}

function caseXml(classname: string, { name, failures, verdict, skipped, others }: Case): string {
  const head = `<testcase classname=${classname} name=${attribute(name)}`;
  const inner: string[] = [];
  const [first] = failures;
  // More than one failure is more than many readers expect: the others are told in the text of the first.
  if (first !== undefined) {
    const message = attribute(verdict ?? first.title);
    const text = failures.map(textOf).join('\n\n');
    inner.push(`<failure type=${attribute(first.id)} message=${message}>${xml(text)}</failure>`);
  }
  if (skipped !== null) inner.push(`<skipped message=${attribute(skipped)}/>`);
  if (others.length > 0) {
    const text = others.map((finding) => `${finding.severity} ${finding.id}\n${textOf(finding)}`);
    inner.push(`<system-out>${xml(text.join('\n\n'))}</system-out>`);
  }
  return inner.length === 0 ? `${head}/>` : `${head}>\n      ${inner.join('\n      ')}\n    </testcase>`;
}

/** Every finding is in a case; those that are about no declaration have cases of their own. */
function* suites(report: Report): Iterable<Suite> {
  const nameOf = targetNames(report);
  const findings = new Told(report.findings, (finding) => finding);
  const hidden = new Told(report.hidden, ({ finding }) => finding);
  const verdicts = new Map<string, Verdict>();
  for (const verdict of report.verdicts) {
    verdicts.set(verdictKey(verdict.model, verdict.backend, verdict.target), verdict);
  }
  const verdictOn = ({ model, backend }: ReportDeclaration, target: string) =>
    model === null || backend === null ? undefined : verdicts.get(verdictKey(model, backend, target));

  for (const blueprint of report.blueprints) {
    const cases: Case[] = [];
    for (const declaration of blueprint.declarations) {
      const about = findings.takeOf(blueprint, declaration);
      const hiddenAbout = hidden.takeOf(blueprint, declaration);
      cases.push(...declarationCases(declaration, about, hiddenAbout));
    }
    const others = otherCases(findings.takeRest(blueprint.path), hidden.takeRest(blueprint.path));
    yield { name: blueprint.path, id: blueprint.id, cases: cases.concat(others) };
  }
  const rest = findings.takeAll();
  const hiddenRest = hidden.takeAll();
  for (const [name, isOfRun] of [['catalogs', false] as const, ['run', true] as const]) {
    const isHere = ({ location }: Finding) => (location === null) === isOfRun;
    const cases = otherCases(
      rest.filter(isHere),
      hiddenRest.filter(({ finding }) => isHere(finding)),
    );
    if (cases.length > 0) yield { name, id: null, cases };
  }

  function declarationCases(
    declaration: ReportDeclaration,
    about: Finding[],
    hiddenAbout: HiddenFinding[],
  ): Case[] {
    const place = `${dotted(declaration.pointer)}: ${declaration.model ?? declaration.ref ?? 'no model'}`;
    const assessed = report.targets.filter(({ id }) => statusOn(declaration, id) !== null);
    if (declaration.skipped !== null || assessed.length === 0) {
      return [oneCase(place, about, hiddenAbout, declaration.skipped ?? 'It was not checked.')];
    }
    const isOn = (target: string) => (finding: Finding) => finding.targets.includes(target);
    const ids = new Set(assessed.map(({ id }) => id));
    const isOnNone = (finding: Finding) => !finding.targets.some((target) => ids.has(target));
    const cases = assessed.map(({ id }) => {
      const reason = verdictOn(declaration, id)?.message ?? '';
      const status = statusWords[statusOn(declaration, id) as Status];
      return oneCase(
        `${place} on ${nameOf(id)}`,
        about.filter(isOn(id)),
        hiddenAbout.filter(({ finding }) => isOn(id)(finding)),
        null,
        reason === '' ? null : `${status}: ${reason}`,
      );
    });
    const rest = about.filter(isOnNone);
    const hiddenRest = hiddenAbout.filter(({ finding }) => isOnNone(finding));
    if (rest.length + hiddenRest.length > 0) cases.push(oneCase(place, rest, hiddenRest, null));
    return cases;
  }
}

function verdictKey(model: string, backend: string, target: string): string {
  return `${model}\0${backend}\0${target}`;
}

/** A case for each finding that is about no declaration. */
function otherCases(findings: Finding[], hidden: HiddenFinding[]): Case[] {
  return [
    ...findings.map((finding) => oneCase(nameOfFinding(finding), [finding], [], null)),
    ...hidden.map((one) => oneCase(nameOfFinding(one.finding), [], [one], null)),
  ];
}

function nameOfFinding({ id, title, location }: Finding): string {
  const place = placeOf(location);
  return place === '' ? `${id}: ${title}` : `${id}: ${title} (${place})`;
}

/** `unchecked`: why there is no verdict; `verdict`: what it says, where there is one. */
function oneCase(
  name: string,
  findings: readonly Finding[],
  hidden: readonly HiddenFinding[],
  unchecked: string | null,
  verdict: string | null = null,
): Case {
  const failures = findings.filter(({ severity }) => severity === 'error');
  const settled = hidden.find(({ finding }) => finding.severity === 'error');
  return {
    name,
    failures,
    verdict,
    skipped: failures.length > 0 ? null : settled === undefined ? unchecked : settledWords(settled),
    others: findings.filter(({ severity }) => severity !== 'error'),
  };
}

function settledWords({ finding, by, reason }: HiddenFinding): string {
  const why =
    reason === null ? (by === 'baseline' ? 'in the baseline' : 'suppressed') : `suppressed: ${reason}`;
  return `${finding.title} (${why})`;
}

/** Printable lines, the place first: it is what people open. */
function textOf({ location, message, help }: Finding): string {
  return [placeOf(location), short(message, 2000), short(help, 1000)]
    .filter((line) => line !== '')
    .join('\n');
}

/** Findings, or what holds one, by what they are about; each is taken once. */
class Told<Item> {
  /** Blueprint, then declaration pointer; null is about none. */
  readonly #all = new Map<string | null, Map<string | null, Item[]>>();

  constructor(items: readonly Item[], findingOf: (item: Item) => Finding) {
    for (const item of items) {
      const { blueprint, declaration } = findingOf(item);
      let of = this.#all.get(blueprint);
      if (of === undefined) this.#all.set(blueprint, (of = new Map()));
      const list = of.get(declaration);
      if (list === undefined) of.set(declaration, [item]);
      else list.push(item);
    }
  }

  takeOf(blueprint: ReportBlueprint, { pointer }: ReportDeclaration): Item[] {
    const of = this.#all.get(blueprint.path);
    const found = of?.get(pointer) ?? [];
    of?.delete(pointer);
    return found;
  }

  takeRest(blueprint: string): Item[] {
    const rest = this.#all.get(blueprint);
    this.#all.delete(blueprint);
    return [...(rest?.values() ?? [])].flat();
  }

  takeAll(): Item[] {
    return [...this.#all.values()].flatMap((of) => [...of.values()].flat());
  }
}

function attribute(text: string): string {
  return `"${xml(short(text, 1000))}"`;
}

const references: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\ufffe': '\\u{fffe}',
  '\uffff': '\\u{ffff}',
};

/**
 * Printable text in XML. Two characters that XML 1.0 forbids are left to show. A runner's log obeys `::` at the
 * start of a line and `##[`, so these become references.
 */
function xml(printableText: string): string {
  return printableText
    .replace(/[&<>"'\ufffe\uffff]/g, (mark) => references[mark] as string)
    .replace(/^(\s*)::/gm, '$1&#58;:')
    .replaceAll('##[', '##&#91;');
}

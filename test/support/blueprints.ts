import type { Declaration } from '../../src/blueprint/declarations.ts';
import { extract } from '../../src/blueprint/declarations.ts';
import type { Blueprint, Root } from '../../src/blueprint/discover.ts';
import { discover } from '../../src/blueprint/discover.ts';
import { builtInEntries } from '../../src/catalog/built-in.ts';
import { Catalog } from '../../src/catalog/catalog.ts';
import type { CheckInput } from '../../src/check/check.ts';
import { check } from '../../src/check/check.ts';
import type { Report } from '../../src/check/report.ts';
import { child } from '../../src/document/pointer.ts';
import type { Finding } from '../../src/findings/finding.ts';
import type { Target } from '../../src/hardware/facts.ts';
import { findPreset } from '../../src/hardware/presets.ts';
import type { Entry } from './memory-files.ts';
import { memoryFiles } from './memory-files.ts';

export type Tree = Readonly<Record<string, Entry>>;

export const builtIn = new Catalog([{ name: 'built-in catalog', entries: builtInEntries }]);

/** Files of a blueprint in the folder `b`, from the values or texts of its layers. */
export function layers(files: { manifest?: unknown; default?: unknown; overwrite?: unknown }): Tree {
  const tree: Record<string, string> = {};
  const put = (path: string, value: unknown) => {
    if (value !== undefined) tree[path] = typeof value === 'string' ? value : JSON.stringify(value);
  };
  put('b/manifest.json', files.manifest ?? { apiVersion: 'mn.workflow/v1' });
  put('b/config/default.json', files.default);
  put('b/config/overwrite.json', files.overwrite);
  return tree;
}

/** One file `x.json` that is a blueprint by itself. */
export function single(value: unknown): Tree {
  return { 'x.json': typeof value === 'string' ? value : JSON.stringify(value) };
}

export function folder(path: string): Root {
  return { path, kind: 'folder', ignoreAbove: [] };
}

export function file(path: string): Root {
  return { path, kind: 'file', ignoreAbove: [] };
}

/** The blueprints of a tree and the named files that are none. */
export function discovered(
  tree: Tree,
  roots: readonly Root[] = [folder('.')],
): { blueprints: Blueprint[]; none: string[] } {
  const none: string[] = [];
  const found = discover(
    memoryFiles(tree),
    roots,
    () => true,
    (path) => none.push(path),
  );
  return { blueprints: [...found], none };
}

/** The only blueprint of a tree. */
export function only(tree: Tree): Blueprint {
  const { blueprints } = discovered(tree);
  if (blueprints.length !== 1) throw new Error(`${blueprints.length} blueprints`);
  return blueprints[0] as Blueprint;
}

export function preset(id: string, required = true): Target {
  const target = findPreset(id);
  if (target === undefined) throw new Error(`no preset ${id}`);
  return { ...target, required };
}

/** Checks a whole tree, by default on a machine that runs everything. */
export function checkTree(tree: Tree, input: Partial<CheckInput> = {}): Report {
  const files = memoryFiles(tree);
  const notBlueprints: string[] = [];
  return check({
    blueprints: discover(
      files,
      [folder('.')],
      () => true,
      (path) => notBlueprints.push(path),
    ),
    catalog: builtIn,
    targets: [preset('mac-m4-max-128')],
    force: false,
    installed: null,
    findings: [],
    files,
    positions: 'findings',
    ifNone: 'warning',
    searched: ['.'],
    notBlueprints,
    ...input,
  });
}

/** `error invalid-field b/manifest.json:1:20 /llm/model: 5`, with the text that the range covers. */
export function findingLine(finding: Finding, tree: Tree): string {
  const { location, severity, id } = finding;
  if (location === null) return `${severity} ${id}`;
  const { file, pointer, range } = location;
  const text = tree[file];
  if (range === null || typeof text !== 'string') return `${severity} ${id} ${file} ${pointer || '(whole)'}`;
  const lines = text.split('\n').slice(range.line - 1, range.endLine);
  lines.push((lines.pop() ?? '').slice(0, range.endColumn - 1));
  lines[0] = (lines[0] ?? '').slice(range.column - 1);
  const covered = lines.join('\n');
  const shown = covered.length > 60 ? `${covered.slice(0, 57)}...` : covered;
  return `${severity} ${id} ${file}:${range.line}:${range.column} ${pointer || '(whole)'}: ${shown}`;
}

/** The findings of a tree on one line each; notes only where they are wanted. */
export function findingLines(tree: Tree, notes = false, input: Partial<CheckInput> = {}): string[] {
  return checkTree(tree, input)
    .findings.filter(({ severity }) => notes || severity !== 'note')
    .map((finding) => findingLine(finding, tree));
}

/** `/llm = default < b/manifest.json /llm/model`, then what is not as usual. */
export function declarationLine(declaration: Declaration): string {
  const { pointer, source, ref, provider, backend, contextSize, required, config, skipped, accepted } =
    declaration;
  return [
    `${pointer} = ${ref} < ${source.file} ${source.pointer}`,
    provider === 'docker_model_runner' ? '' : `by ${provider}`,
    backend === null ? '' : `on ${backend}`,
    contextSize === null ? '' : `@ ${contextSize}`,
    required ? '' : 'optional',
    config === null || child('', config) === pointer.slice(pointer.lastIndexOf('/'))
      ? ''
      : `config ${config}`,
    accepted === null ? '' : `accepted: ${accepted}`,
    skipped === null ? '' : `skipped: ${skipped}`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}

export function declarationLines(tree: Tree): string[] {
  return extract(only(tree)).declarations.map(declarationLine);
}

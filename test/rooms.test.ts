import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';

/**
 * The border rule of docs/architecture.md, as data: what each room may import besides itself. The globals
 * that pure rooms may not use are in biome.json.
 */
const pure = [
  'text',
  'document',
  'findings',
  'schema',
  'catalog',
  'hardware',
  'compatibility',
  'memory',
  'blueprint',
  'check',
  'report',
];
const core = [...pure, 'hardware/detect'];
const edges = [...core, 'io', 'registry', 'runner', 'run', 'version.ts'];
const mayImport: Record<string, readonly string[]> = {
  ...Object.fromEntries(pure.map((room, level) => [room, pure.slice(0, level)])),
  'hardware/detect': pure.slice(0, pure.indexOf('hardware') + 1),
  io: core,
  registry: [...core, 'io', 'version.ts'],
  runner: [...core, 'io', 'registry', 'version.ts'],
  run: [...core, 'io', 'registry', 'runner', 'version.ts'],
  'version.ts': [],
  action: edges,
  cli: edges,
  'main.ts': [...edges, 'action'],
  'cli.ts': [...edges, 'cli'],
  'cache.ts': [],
};
/** Rooms that may use Node and the packages that do. */
const mayUseNode = new Set([
  'io',
  'registry',
  'runner',
  'run',
  'action',
  'cli',
  'main.ts',
  'cli.ts',
  'cache.ts',
]);
const nodePackages = ['@actions/core', '@actions/exec', '@actions/cache', 'commander', 'tinyglobby'];

/** All imports of a module: static, re-exported, dynamic, `require`; a computed one is `(computed)`. */
function importsOf(code: string): string[] {
  const text = code.replace(/(^|[\s;,({])\/\*[\s\S]*?\*\//g, '$1').replace(/(^|\s)\/\/.*$/gm, '');
  const fixed =
    /\b(?:import|export)\s+(?:type\s)?[^'"`;()]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*['"]([^'"]+)['"]/g;
  const called = /\b(?:import|require)\s*\(\s*(?:['"`]([^'"`$]+)['"`]\s*[,)])?/g;
  return [
    ...[...text.matchAll(fixed)].map((match) => match[1] ?? match[2] ?? ''),
    ...[...text.matchAll(called)].map((match) => match[1] ?? '(computed)'),
  ];
}

/** The room of a path below src/, or null where it stands in none. */
function roomOf(path: string): string | null {
  const [first = '', second = ''] = path.split('/');
  const room = Object.hasOwn(mayImport, `${first}/${second}`) ? `${first}/${second}` : first;
  return Object.hasOwn(mayImport, room) ? room : null;
}

/** What a module below src/ imports against the rule, in words. */
function violations(path: string, code: string): string[] {
  const room = roomOf(path);
  if (room === null) return [`src/${path} stands in no room`];
  return importsOf(code).flatMap((specifier) => {
    const wrong = `src/${path} (${room}) may not import ${specifier}`;
    if (!specifier.startsWith('.')) {
      const needsNode =
        specifier === '(computed)' ||
        specifier.startsWith('node:') ||
        builtinModules.includes(specifier) ||
        nodePackages.some((name) => specifier === name || specifier.startsWith(`${name}/`));
      return needsNode && !mayUseNode.has(room) ? [wrong] : [];
    }
    const target = roomOf(posix.join(posix.dirname(path), specifier));
    if (target === null) return [`${wrong}: it stands in no room`];
    const allowed = target === room || mayImport[room]?.includes(target);
    return allowed ? [] : [`${wrong} (${target})`];
  });
}

test('every module of src/ keeps to its room', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.ts'));
  expect(files.length).toBeGreaterThan(10);
  expect(files.flatMap((file) => violations(file, readFileSync(`src/${file}`, 'utf8')))).toEqual([]);
});

describe('the checker', () => {
  test.each([
    [
      'text/a.ts',
      "import { x } from '../document/b.ts';",
      ['src/text/a.ts (text) may not import ../document/b.ts (document)'],
    ],
    [
      'check/a.ts',
      "import { x } from '../io/files.ts';",
      ['src/check/a.ts (check) may not import ../io/files.ts (io)'],
    ],
    [
      'catalog/a.ts',
      "export * from '../blueprint/b.ts';",
      ['src/catalog/a.ts (catalog) may not import ../blueprint/b.ts (blueprint)'],
    ],
    [
      'report/a.ts',
      "const x = await import('../cli/b.ts');",
      ['src/report/a.ts (report) may not import ../cli/b.ts (cli)'],
    ],
    [
      'hardware/a.ts',
      "import { x } from './detect/b.ts';",
      ['src/hardware/a.ts (hardware) may not import ./detect/b.ts (hardware/detect)'],
    ],
    [
      'hardware/detect/a.ts',
      "import { x } from '../../io/b.ts';",
      ['src/hardware/detect/a.ts (hardware/detect) may not import ../../io/b.ts (io)'],
    ],
    [
      'document/a.ts',
      "import { x } from '../findings/b.ts';",
      ['src/document/a.ts (document) may not import ../findings/b.ts (findings)'],
    ],
    ['io/a.ts', "import { x } from '../cli/b.ts';", ['src/io/a.ts (io) may not import ../cli/b.ts (cli)']],
    [
      'cli/a.ts',
      "import { x } from '../action/b.ts';",
      ['src/cli/a.ts (cli) may not import ../action/b.ts (action)'],
    ],
    ['main.ts', "import { x } from './cli/b.ts';", ['src/main.ts (main.ts) may not import ./cli/b.ts (cli)']],
    ['text/a.ts', "import 'node:fs';", ['src/text/a.ts (text) may not import node:fs']],
    ['text/a.ts', "import {\n  readFileSync,\n} from 'fs';", ['src/text/a.ts (text) may not import fs']],
    [
      'schema/a.ts',
      "const x = require('fs/promises');",
      ['src/schema/a.ts (schema) may not import fs/promises'],
    ],
    ['schema/a.ts', 'const x = await import(name);', ['src/schema/a.ts (schema) may not import (computed)']],
    [
      'check/a.ts',
      "import * as core from '@actions/core';",
      ['src/check/a.ts (check) may not import @actions/core'],
    ],
    [
      'text/a.ts',
      "import { x } from '../../scripts/b.mjs';",
      ['src/text/a.ts (text) may not import ../../scripts/b.mjs: it stands in no room'],
    ],
    ['novel/a.ts', '', ['src/novel/a.ts stands in no room']],
  ])('refuses %s: %s', (path, code, expected) => {
    expect(violations(path, code)).toEqual(expected);
  });

  test.each([
    ['document/a.ts', "import type { Range } from '../document/position.ts';"],
    [
      'report/a.ts',
      "import type { Report } from '../check/report.ts';\nimport { count } from '../text/text.ts';",
    ],
    ['hardware/detect/a.ts', "import type { Gpu } from '../facts.ts';"],
    [
      'io/a.ts',
      "import type { Probe } from '../hardware/detect/probe.ts';\nimport { readFileSync } from 'node:fs';",
    ],
    ['cli/a.ts', "const { parse } = await import('yaml');"],
    ['cli.ts', "import { run } from './cli/run.ts';"],
    [
      'text/a.ts',
      "// import { x } from 'node:fs';\n/* import '../io/a.ts'; */ import { distance } from 'fastest-levenshtein';",
    ],
  ])('lets %s pass: %s', (path, code) => {
    expect(violations(path, code)).toEqual([]);
  });
});

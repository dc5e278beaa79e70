// `node phases-child.mjs FOLDER` checks the blueprints in it with the modules of lib/ and prints the milliseconds of
// each phase as JSON.
import { effectiveConfig, extract } from '../lib/blueprint/declarations.js';
import { discover } from '../lib/blueprint/discover.js';
import { builtInEntries } from '../lib/catalog/built-in.js';
import { buildCatalog } from '../lib/catalog/catalog.js';
import { Beside } from '../lib/check/beside.js';
import { check } from '../lib/check/check.js';
import { parseDocument } from '../lib/document/document.js';
import { parseTargetsFile } from '../lib/hardware/targets-file.js';
import { nodeFiles } from '../lib/io/files.js';
import { reportJson } from '../lib/report/json.js';
import { reportText } from '../lib/report/text.js';

process.chdir(process.argv[2]);
const phases = {};
function timed(name, work) {
  const start = performance.now();
  const result = work();
  phases[name] = (phases[name] ?? 0) + performance.now() - start;
  return result;
}

const disk = nodeFiles(['.']);
const files = {
  list: (folder) => timed('list', () => disk.list(folder)),
  read: (file) => timed('read', () => disk.read(file)),
  hasFile: (file) => disk.hasFile(file),
};
const { catalog } = buildCatalog([{ name: 'built-in catalog', entries: builtInEntries }]);
const { targets } = parseTargetsFile('.mn/targets.json', disk.read('.mn/targets.json').text, null);

/** The blueprints, with the time that finding each takes. What is done twice here is measured and left out. */
function* watched() {
  const found = discover(
    files,
    [{ path: '.', kind: 'folder', ignoreAbove: [] }],
    () => true,
    () => {},
  );
  for (;;) {
    const { done, value } = timed('load', () => found.next());
    if (done) return;
    timed('measuring', () => {
      for (const document of [value.manifest, ...value.configs]) {
        timed('JSON.parse', () => JSON.parse(document.text));
        timed('parse', () => parseDocument(document.file, document.text));
      }
      timed('merge', () => effectiveConfig(value));
      timed('extract', () => extract(value));
    });
    yield value;
  }
}

const input = {
  blueprints: watched(),
  catalog,
  targets,
  force: false,
  installed: null,
  beside: (all) => new Beside(all, []),
  sieve: null,
  findings: [],
  files,
  positions: 'findings',
  ifNone: 'warning',
  searched: ['.'],
  notBlueprints: [],
};
const report = timed('check', () => check(input));
const info = { targetsFrom: '', targetsHint: '', catalogFrom: '', elapsedMs: null, force: false };
const source = (file) => disk.read(file).text;
timed('text', () => reportText(report, info, { color: false, width: 100, quiet: false, source }));
timed('json', () => {
  for (const chunk of reportJson(report)) chunk.length;
});

const p = phases;
const result = {
  'discover: list folders': p.list,
  'discover: the rest': p.load - p.list - p.read - p.parse,
  read: p.read,
  'parse: JSON.parse': p['JSON.parse'],
  'parse: depth, duplicate keys': p.parse - p['JSON.parse'],
  merge: p.merge,
  extract: p.extract - p.merge,
  'assess, findings, positions': p.check - p.measuring - p.load - p.extract,
  'render as text': p.text,
  'render as JSON': p.json,
};
process.stdout.write(JSON.stringify(result));

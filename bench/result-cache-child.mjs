// What any cache of results has to do at least. `store FOLDER STORE REPORT` writes the results of a JSON report by what
// the files of each blueprint hold; `hash|stat FOLDER STORE` finds the blueprints, looks each one up by its files'
// contents or by their sizes and times, and collects the stored results. A real one would also start the command,
// read targets and catalogs, which are part of every key, and write the report.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';

const [, , how, folder, store, report] = process.argv;
process.chdir(folder);

/** Blueprint folders with their files: listing folders is how they are found, with a cache or without. */
function* blueprints(path) {
  const entries = readdirSync(path, { withFileTypes: true });
  if (entries.some(({ name }) => name === 'manifest.json')) {
    const config = readdirSync(`${path}/config`).map((name) => `${path}/config/${name}`);
    yield { path, files: [`${path}/manifest.json`, ...config] };
    return;
  }
  for (const entry of entries) {
    if (entry.isDirectory() && !entry.name.startsWith('.'))
      yield* blueprints(path === '.' ? entry.name : `${path}/${entry.name}`);
  }
}

function contentKey(files) {
  const hash = createHash('sha1');
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest('base64');
}

function statKey(files) {
  return files
    .map((file) => {
      const { size, mtimeMs } = statSync(file);
      return `${size} ${mtimeMs}`;
    })
    .join();
}

if (how === 'store') {
  const { blueprints: checked, findings } = JSON.parse(readFileSync(report, 'utf8'));
  const results = new Map(checked.map((blueprint) => [blueprint.path, { blueprint, findings: [] }]));
  for (const finding of findings) {
    const path = (finding.file ?? '').replace(/\/(?:manifest\.json|config\/\w+\.json)$/, '');
    results.get(path)?.findings.push(finding);
  }
  const stored = { hash: {}, stat: {}, results: [...results.values()] };
  let at = 0;
  for (const { files } of blueprints('.')) {
    stored.hash[contentKey(files)] = at;
    stored.stat[statKey(files)] = at++;
  }
  // Each way of looking up reads its own keys only.
  writeFileSync(store, JSON.stringify({ keys: stored.hash, results: stored.results }));
  writeFileSync(`${store}.stat`, JSON.stringify({ keys: stored.stat, results: stored.results }));
} else {
  const { keys, results } = JSON.parse(readFileSync(how === 'hash' ? store : `${store}.stat`, 'utf8'));
  const key = how === 'hash' ? contentKey : statKey;
  const collected = [];
  for (const { files } of blueprints('.')) {
    const at = keys[key(files)];
    if (at === undefined) throw new Error(`no hit: ${files[0]}`);
    collected.push(results[at]);
  }
}

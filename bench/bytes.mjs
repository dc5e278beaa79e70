// The bytes that a validating run loads: Node's own coverage names every module that it ran.
import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { number } from './tables.mjs';

export async function measure(context) {
  const folder = await context.repository(1);
  const { dist, cli, action } = context.product;
  const loaded = async (args, bundle, env) => {
    const coverage = mkdtempSync(join(context.workspace.folder, 'coverage-'));
    await context.workspace.node(args, folder, { ...env, NODE_V8_COVERAGE: coverage });
    const prefix = pathToFileURL(dist).href;
    const modules = readdirSync(coverage)
      .flatMap((name) => JSON.parse(readFileSync(join(coverage, name), 'utf8')).result)
      .filter(({ url }) => url.startsWith(prefix))
      .map(({ url }) => fileURLToPath(url));
    // Node reads the package.json beside a module to know of which kind it is.
    const files = [...new Set(modules.flatMap((file) => [file, join(dirname(file), 'package.json')]))].sort();
    return {
      bytes: bytesOf(files),
      files: files.map((file) => relative(dist, file)),
      wholeBytes: bytesOf(
        readdirSync(join(dist, bundle))
          .filter((name) => name.endsWith('.js'))
          .map((name) => join(dist, bundle, name)),
      ),
    };
  };
  return {
    command: await loaded([cli, 'blueprint', 'validate'], 'cli'),
    action: await loaded([action], 'main', context.runnerEnvironment(folder)),
  };
}

function bytesOf(files) {
  return files.reduce((total, file) => total + statSync(file).size, 0);
}

export function tables({ command, action }) {
  const row = (name, { bytes, files, wholeBytes }) => [
    name,
    number(bytes),
    String(files.length),
    number(wholeBytes),
  ];
  return [
    {
      title: 'Bytes that a validating run with JSON files loads',
      head: ['', 'loaded', 'files', 'the whole bundle'],
      rows: [row('the command', command), row('the action', action)],
    },
  ];
}

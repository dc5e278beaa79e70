import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  act,
  actionMetadata,
  blueprint,
  example,
  folderOf,
  isWindows,
  mn,
  readReport,
  run,
} from './support/process.ts';

interface Package {
  version: string;
  bin: Record<string, string>;
  dependencies?: object;
}

const own = JSON.parse(readFileSync('package.json', 'utf8')) as Package;

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/** README.md and all of docs/. */
function documentation(): string {
  const pages = filesBelow('docs').filter((name) => name.endsWith('.md'));
  return ['README.md', ...pages.map((name) => join('docs', name))]
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
}

describe('the package', () => {
  let folder = '';
  let unpacked = '';

  beforeAll(() => {
    folder = folderOf();
    execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {
      stdio: 'pipe',
      shell: isWindows,
    });
    const [tarball] = readdirSync(folder);
    execFileSync('tar', ['-xzf', tarball as string], { cwd: folder });
    unpacked = join(folder, 'package');
  }, 60_000);

  test('holds what is meant, and all of it', () => {
    const files = filesBelow(unpacked);
    const top = [...new Set(files.map((file) => file.replace(/\/.*/, '/')))].sort();
    expect(top).toEqual(
      [
        ...['CHANGELOG.md', 'LICENSE', 'README.md', 'action.yml', 'package.json'],
        ...['dist/', 'docs/', 'schemas/'],
      ].sort(),
    );
    for (const name of ['dist', 'docs', 'schemas']) {
      expect(filesBelow(join(unpacked, name))).toEqual(filesBelow(name));
    }
  });

  test('needs no other package', () => {
    expect(own.dependencies ?? {}).toEqual({});
    expect(Object.values(own.bin)).toEqual(['dist/cli/index.js', 'dist/cli/index.js']);
  });

  test('runs without node_modules', async () => {
    const file = join(unpacked, own.bin['mn'] as string);
    const work = folderOf({
      'summarizer.json': example('blueprints/summarizer.json'),
      'targets.yaml': example('targets.yaml'),
    });
    const at = { cwd: work };
    expect(await run(file, ['--version'], at)).toMatchObject({
      code: 0,
      stdout: `${own.version}\n`,
      stderr: '',
    });
    for (const format of ['text', 'markdown', 'github', 'json']) {
      const args = [
        'blueprint',
        'validate',
        '--targets',
        'targets.yaml',
        '--catalog',
        '*.nope',
        '--format',
        format,
      ];
      expect((await run(file, args, at)).code).toBe(2);
      const { code, stderr } = await run(
        file,
        args.filter((_, index) => index !== 4 && index !== 5),
        at,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
    const { stdout } = await run(file, ['blueprint', 'validate', '--targets', 'nvidia-6gb', '--json'], at);
    expect(readReport(stdout).findings.map(({ id }) => id)).toEqual(['model-incompatible']);
  });
});

describe('one truth in several places', () => {
  test('the version', async () => {
    expect(readFileSync('src/version.ts', 'utf8')).toContain(`version = '${own.version}'`);
    expect((await mn(['--version'])).stdout).toBe(`${own.version}\n`);
  });

  test('the inputs of action.yml are those that the action knows', async () => {
    const { log } = await act(folderOf(), { inputs: { 'no such input': 'x' } });
    const [, known] = /The inputs are (.+)\.$/.exec(log.annotations[0]?.message ?? '') ?? [];
    expect(known?.split(', ')).toEqual(Object.keys(actionMetadata().inputs));
  });

  test('the outputs of action.yml are those that a run sets', async () => {
    const folder = folderOf({ 'b.json': blueprint('default') });
    const check = await act(folder);
    const plan = await act(folder, { inputs: { mode: 'plan' } });
    expect([...new Set([...check.outputs.keys(), ...plan.outputs.keys()])]).toEqual(
      Object.keys(actionMetadata().outputs),
    );
  });

  test('the documentation names every input and output', () => {
    const text = documentation();
    const { inputs, outputs } = actionMetadata();
    const missing = [...Object.keys(inputs), ...Object.keys(outputs)].filter(
      (name) => !text.includes(`\`${name}\``),
    );
    expect(missing).toEqual([]);
  });

  test('the documentation names every command and every option', async () => {
    const text = documentation();
    const missing: string[] = [];
    const commands = [
      ...['blueprint validate', 'blueprint env', 'model list', 'model show', 'model doctor', 'target list'],
      ...['finding list', 'finding show'],
    ];
    for (const command of commands) {
      if (!text.includes(`mn ${command}`)) missing.push(command);
      const { stdout } = await mn([...command.split(' '), '--help']);
      for (const [, option] of stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)) {
        if (option !== '--help' && !new RegExp(`${option}(?![a-z-])`).test(text))
          missing.push(`${command} ${option}`);
      }
    }
    expect(missing).toEqual([]);
  });

  test('every finding has its page, and every page its finding', async () => {
    const { stdout } = await mn(['finding', 'list']);
    const ids = [...stdout.matchAll(/^([a-z-]+) +(?:error|warning|note) {2}/gm)].map(([, id]) => `${id}.md`);
    const pages = filesBelow('docs/findings').filter((name) => name !== 'README.md');
    expect(pages).toEqual(ids.sort());
    const { stdout: shown } = await mn(['finding', 'show', 'no-blueprint']);
    const [, page] = /blob\/main\/(docs\/findings\/\S+)$/m.exec(shown) ?? [];
    expect(existsSync(page ?? '')).toBe(true);
  });
});

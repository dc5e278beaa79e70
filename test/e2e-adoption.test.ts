import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { commit, git, gitEnv, repository } from './support/git.ts';
import type { ActionOptions, Tree } from './support/process.ts';
import {
  act,
  blueprint,
  expectNoCrash,
  folderOf,
  isWindows,
  mn,
  readReport,
  write,
} from './support/process.ts';

vi.setConfig({ testTimeout: 120_000 });

const config = '.mn/model-check.yaml';
const validate = ['blueprint', 'validate'];

async function run(cwd: string, ...args: string[]) {
  const result = await mn([...validate, ...args], { cwd, env: gitEnv });
  expectNoCrash(result);
  return result;
}

/** Two blueprints with old problems; a branch adds a new one of each kind that --fix knows, and one that it does not. */
const old: Tree = {
  '.mn/targets.json': '{"targets": ["nvidia-8gb"]}',
  'typo.json': blueprint('gemma4:e2'),
  'big.json': blueprint('nemotron3'),
};
function branch(more: Tree = {}): string {
  const folder = repository({ ...old, ...more });
  git(folder, 'checkout', '-qb', 'feature');
  commit(folder, { 'new.json': blueprint('gemma4:e2') });
  return folder;
}

/** Each finding of an error, as `id file change`. */
async function errors(cwd: string, ...args: string[]) {
  const { code, stdout } = await run(cwd, ...args, '--json');
  const { findings } = readReport(stdout) as unknown as {
    findings: { id: string; file: string; severity: string; change?: string }[];
  };
  const found = findings.filter(({ severity }) => severity === 'error');
  return [code, ...found.map(({ id, file, change = '' }) => `${id} ${file} ${change}`.trim())];
}

describe('compare and fail-on-new of the config file', () => {
  const rules = { [config]: 'compare: main\nfail-on-new: true\n' };

  test('hold for the command line, and its options win', async () => {
    const folder = branch(rules);
    expect(await errors(folder)).toEqual([
      1,
      'unknown-model new.json new',
      'model-incompatible big.json unchanged',
      'unknown-model typo.json unchanged',
    ]);
    commit(folder, { 'new.json': blueprint('default') });
    expect((await errors(folder))[0]).toBe(0);
    expect((await errors(folder, '--no-fail-new-only'))[0]).toBe(1);
    expect(await errors(folder, '--no-compare')).toEqual([
      1,
      'model-incompatible big.json',
      'unknown-model typo.json',
    ]);
    // Which blueprints a change can affect is another question.
    expect((await errors(folder, '--changed-since', 'main'))[0]).toBe(0);
    // Nothing is compared, so all findings count; and what is asked for by name needs a version.
    write(folder, { [config]: 'fail-on-new: true\n' });
    expect((await errors(folder))[0]).toBe(1);
    expect((await run(folder, '--fail-new-only')).stderr).toBe(
      'error: --fail-new-only needs a version to compare with. Add --compare, as in --compare origin/main.\n',
    );
    // The words that only the action has a use for.
    for (const word of ['auto', 'none']) {
      write(folder, { [config]: `compare: ${word}\n` });
      expect((await errors(folder)).length).toBe(3);
    }
  });

  test('hold for the action, and its inputs win', async () => {
    const folder = branch(rules);
    commit(folder, { 'new.json': blueprint('default') });
    const codeOf = async (inputs: ActionOptions['inputs']) => {
      const result = await act(folder, { inputs: inputs ?? {}, env: gitEnv });
      expectNoCrash(result);
      return result.code;
    };
    expect(await codeOf({})).toBe(0);
    expect(await codeOf({ 'fail-on-new': 'false' })).toBe(1);
    expect(await codeOf({ compare: 'none' })).toBe(1);
    write(folder, { [config]: 'compare: "a b"\n' });
    const { log } = await act(folder, { env: gitEnv });
    expect(log.annotations.map(({ message }) => message)).toEqual([
      '.mn/model-check.yaml: compare: "a b" is no name of a commit. Name a branch, a tag or a commit, as in origin/main.',
    ]);
  });
});

describe('reports of the config file', () => {
  const files = {
    ...old,
    '.git/keep': '',
    'sub/keep': '',
    [config]: 'format: [markdown, "sarif:out/m.sarif"]\nhtml-file: m.html\nsarif-file: a.sarif\n',
  };

  test('are for the command line several formats, in the folder of the repository', async () => {
    const folder = folderOf(files);
    const { stdout, stderr } = await run(join(folder, 'sub'), '..');
    expect(stdout).toMatch(/^### Models: /);
    expect(stderr).toBe('wrote ../out/m.sarif\n');
    expect(JSON.parse(readFileSync(join(folder, 'out/m.sarif'), 'utf8')).version).toBe('2.1.0');
    expect(existsSync(join(folder, 'm.html'))).toBe(false);
    // A format that is given takes the place of them all; --output is for the one without a file.
    const other = folderOf(files);
    expect((await run(other, '--format', 'text')).stdout).toMatch(/^Checked 2 /);
    expect(existsSync(join(other, 'out'))).toBe(false);
    expect(await run(other, '--output', 'm.md')).toMatchObject({
      stdout: '',
      stderr: 'wrote out/m.sarif\nwrote m.md\n',
    });
  });

  test('are for the action files, unless an input names another', async () => {
    const folder = folderOf(files);
    const { outputs } = await act(folder, { inputs: { 'sarif-file': 'b.sarif' } });
    expect([outputs.get('html'), outputs.get('sarif')]).toEqual(['m.html', 'b.sarif']);
    expect(['m.html', 'b.sarif', 'a.sarif', 'out'].map((name) => existsSync(join(folder, name)))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test.skipIf(isWindows)('are not written into .git, not by a link either', async () => {
    const folder = folderOf({ '.git/config': 'mine', 'a.json': blueprint('default') });
    symlinkSync('.git', join(folder, 'link'));
    write(folder, { [config]: 'format: "text:link/config"\nhtml-file: .GIT/config\n' });
    const stderr = `error: .mn/model-check.yaml: "link/config" belongs to git. Name another file.
error: .mn/model-check.yaml: ".GIT/config" belongs to git. Name another file.
`;
    expect(await run(folder)).toMatchObject({ code: 2, stdout: '', stderr });
    expect(readFileSync(join(folder, '.git/config'), 'utf8')).toBe('mine');
  });
});

describe('--fix with what hides and compares', () => {
  test('corrects what is shown, old or new, and compares again', async () => {
    const folder = branch();
    const { code, stdout } = await run(folder, '--compare', 'main', '--fail-new-only', '--fix');
    expect(stdout).toContain('Fixed 3 findings in 3 files.');
    expect(stdout).toContain('0 new, 2 fixed, 0 unchanged');
    expect(code).toBe(0);
    expect(readFileSync(join(folder, 'new.json'), 'utf8')).toBe(blueprint('gemma4:e2b'));
    expect((await run(folder, '--compare', 'main', '--fix')).stdout).toMatch(/^Nothing to fix\.\n/);
  });

  test('leaves alone what a baseline or a suppression hides', async () => {
    const suppressed = `suppressions: [{finding: unknown-model, blueprint: typo.json, reason: Later.}]\n`;
    for (const more of [{ [config]: suppressed }, { [config]: 'baseline: b.json\n' }]) {
      const folder = branch(more);
      if (!more[config]?.startsWith('supp')) await run(folder, 'typo.json', '--update-baseline');
      const typo = readFileSync(join(folder, 'typo.json'));
      const { stdout } = await run(folder, '--fix');
      expect(stdout).toContain('Fixed 2 findings in 2 files.');
      expect(readFileSync(join(folder, 'typo.json'))).toEqual(typo);
      expect(readFileSync(join(folder, 'new.json'), 'utf8')).toBe(blueprint('gemma4:e2b'));
    }
  });
});

test('a known problem is still known where force gives it another name', async () => {
  const folder = branch({ [config]: 'baseline: b.json\n' });
  await run(folder, '--update-baseline');
  const { stdout } = await run(folder, '--force', '--json');
  const { summary, findings } = readReport(stdout);
  expect([summary['known'], findings.map(({ id }) => id)]).toEqual([3, []]);
});

describe('what a plain run loads', () => {
  /** Bytes of the bundle's files that Node ran: its own coverage names them. */
  function loaded(coverage: string): number {
    const urls = readdirSync(coverage).flatMap((name) =>
      (JSON.parse(readFileSync(join(coverage, name), 'utf8')).result as { url: string }[]).map(
        ({ url }) => url,
      ),
    );
    const files = [...new Set(urls.filter((url) => url.startsWith('file:')))].map((url) =>
      fileURLToPath(url),
    );
    const all = new Set([...files, ...files.map((file) => join(dirname(file), 'package.json'))]);
    expect(files.length).toBeGreaterThan(0);
    return [...all].reduce((bytes, file) => bytes + statSync(file).size, 0);
  }

  test.each([
    ['mn', 172_000],
    ['the action', 193_000],
  ])('%s: at most %i bytes', async (door, most) => {
    const folder = folderOf({ ...old, '.git/keep': '' });
    const coverage = mkdtempSync(join(folderOf(), 'coverage-'));
    const env = { NODE_V8_COVERAGE: coverage };
    expect((await (door === 'mn' ? mn(validate, { cwd: folder, env }) : act(folder, { env }))).code).toBe(1);
    expect(loaded(coverage)).toBeLessThanOrEqual(most);
  });
});

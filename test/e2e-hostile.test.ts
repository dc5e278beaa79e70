import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { ActionOptions, ActionResult, Result, RunOptions, Tree } from './support/process.ts';
import {
  act,
  actionMetadata,
  blueprint,
  canForbid,
  expectNoCrash,
  folderOf,
  isRoot,
  isWindows,
  mn,
  readReport,
} from './support/process.ts';
import { readLog } from './support/runner.ts';

vi.setConfig({ testTimeout: 120_000 });

const isPosix = !isWindows;
const on8 = ['--targets', 'nvidia-8gb'];
const formats = ['text', 'json', 'markdown', 'github', 'sarif', 'junit', 'html'];

/** What a terminal obeys, and what hides or reorders text there; a line break is fine. */
const unseen =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/u;

function expectPrintable(text: string): void {
  const at = text.search(unseen);
  expect(at < 0 ? '' : JSON.stringify(text.slice(Math.max(0, at - 100), at + 100))).toBe('');
}

/** Nothing in it is obeyed by a runner or a terminal. */
function expectHarmless({ stdout, stderr }: Pick<Result, 'stdout' | 'stderr'>): void {
  for (const text of [stdout, stderr]) {
    expectPrintable(text);
    expect(readLog(text).commands).toEqual([]);
  }
}

const annotationKinds = ['error', 'warning', 'notice'];

/** Only annotations are obeyed, at most ten of each kind, and none of them is broken in two. */
function expectAnnotations(text: string): void {
  const { commands, stopped } = readLog(text);
  expect(stopped).toBe(false);
  for (const kind of annotationKinds) {
    expect(commands.filter(({ name }) => name === kind).length).toBeLessThanOrEqual(10);
  }
  for (const { name, properties, message } of commands) {
    expect(annotationKinds).toContain(name);
    const known = ['title', 'file', 'line', 'endLine', 'col', 'endColumn'];
    expect(Object.keys(properties).filter((key) => !known.includes(key))).toEqual([]);
    expectPrintable(message);
    for (const value of Object.values(properties)) expectPrintable(value);
  }
}

/** Markdown in which only our own tags, links and tables are any. */
function expectSafeMarkdown(text: string): void {
  expectPrintable(text);
  expect(readLog(text).commands).toEqual([]);
  const tags = text.match(/<\/?[a-z]+>/g) ?? [];
  const count = (tag: string) => tags.filter((one) => one === tag).length;
  expect(count('<details>')).toBe(count('</details>'));
  expect(count('<summary>')).toBe(count('</summary>'));
  expect(text.replace(/<(?:br|\/?details|\/?summary)>/g, '')).not.toMatch(/[<`]|!\[/);
  for (const [, address] of text.matchAll(/\]\(([^)]*)\)/g)) {
    expect(address).toMatch(
      /^https:\/\/(?:github\.com\/mirrorneuron\/model-check|github\.test\/a\/b)\/blob\/[^\s()<>]+$/,
    );
  }
  const lines = text.split('\n');
  lines.forEach((line, at) => {
    if (!line.startsWith('|')) return;
    const before = lines[at - 1] ?? '';
    if (before.startsWith('|')) expect(line.split('|').length, line).toBe(before.split('|').length);
  });
  expect(lines.filter((line) => /^\s*#/.test(line))).toEqual([lines[0]]);
}

async function safeMn(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const result = await mn(args, options);
  expectNoCrash(result);
  expectHarmless(args.includes('github') ? { ...result, stdout: '' } : result);
  if (args.includes('github')) expectAnnotations(result.stdout);
  if (args.includes('markdown') && result.stdout !== '') expectSafeMarkdown(result.stdout);
  return result;
}

async function safeAct(workspace: string, options: ActionOptions = {}): Promise<ActionResult> {
  const env = {
    NO_COLOR: '1',
    GITHUB_SERVER_URL: 'https://github.test',
    GITHUB_REPOSITORY: 'a/b',
    GITHUB_SHA: 'c0ffee',
    ...options.env,
  };
  const result = await act(workspace, {
    ...options,
    inputs: { targets: 'nvidia-8gb', ...options.inputs },
    env,
  });
  expectNoCrash(result);
  expectPrintable(result.stdout);
  expectHarmless({ stdout: '', stderr: result.stderr });
  expectAnnotations(result.stdout);
  if (result.summary !== '') expectSafeMarkdown(result.summary);
  // Those of mode plan are not set here.
  const names = Object.keys(actionMetadata().outputs).filter((name) => !name.startsWith('shard'));
  if (result.code !== 2) expect([...result.outputs.keys()]).toEqual(names);
  return result;
}

/** Both doors say the same of a folder. */
async function bothDoors(
  folder: string,
  expected: { code: number; says: string | RegExp; never?: string },
  args: {
    cli?: string[];
    inputs?: Record<string, string>;
    env?: Record<string, string>;
    asNobody?: boolean;
  } = {},
): Promise<void> {
  const { env = {}, asNobody = false } = args;
  const cli = await safeMn(['blueprint', 'validate', ...(args.cli ?? on8)], { cwd: folder, env, asNobody });
  const action = await safeAct(folder, { inputs: args.inputs ?? {}, env, asNobody });
  const oneLine = (text: string) => text.replace(/\s+/g, ' ');
  for (const [door, code, text] of [
    ['mn', cli.code, cli.stdout + cli.stderr],
    ['action', action.code, action.log.commands.map(({ message }) => message).join('\n')],
  ] as const) {
    expect({ door, code }, text).toEqual({ door, code: expected.code });
    expect(oneLine(text)).toMatch(expected.says);
  }
  if (expected.never !== undefined) {
    const report = JSON.stringify(action.report);
    const all = [cli.stdout, cli.stderr, action.stdout, action.summary, report, ...action.outputs.values()];
    expect(all.join('\n')).not.toContain(expected.never);
  }
}

/** `depth` arrays in one another. */
const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const good = blueprint('default');
const tooDeep = 'nested more than 200 levels deep';
const tooLarge = 'it is larger than 16 MiB';
const fifty = Buffer.alloc(50 * 1024 * 1024, 0x20);

describe('files that are no JSON of ours', () => {
  const contents: [name: string, content: string | Uint8Array, says: string][] = [
    ['20,000 deep', deep(20_000), tooDeep],
    ['20,000 deep objects', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`, tooDeep],
    ['20,000 deep, and never closed', '['.repeat(20_000), 'it ends early'],
    ['50 MB', fifty, tooLarge],
    ['a NUL byte', '{"llm":\0{}}', 'The file is not valid JSON: '],
    ['a NUL byte in a string', '{"llm":"\0"}', 'a string holds a control character'],
    ['only NUL bytes', '\0\0\0\0', 'it is not UTF-8 (it looks like UTF-16)'],
    ['a BOM', `\ufeff${good}`, 'byte order mark'],
    ['UTF-16 LE', Buffer.from(`\ufeff${good}`, 'utf16le'), 'not '],
    ['UTF-16 BE', Buffer.from(`\ufeff${good}`, 'utf16le').swap16(), 'not '],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 'it is not valid UTF-8'],
    ['nothing', '', 'it is empty'],
    ['not an object', '"llm"', 'must be an object'],
    ['a number that is none', '{"llm": 1e}', 'The file is not valid JSON: '],
    ['a megabyte on one line', `{"llm": ${'x'.repeat(1_000_000)}}`, 'The file is not valid JSON: '],
  ];
  test.each(contents)('config/default.json: %s', async (_, content, says) => {
    const folder = folderOf({ 'b/manifest.json': '{"apiVersion":"v2"}', 'b/config/default.json': content });
    await bothDoors(folder, { code: 1, says: new RegExp(`b/config/default\\.json.*${escaped(says)}`) });
  });
  test.each(contents.filter(([name]) => name !== 'not an object'))(
    'manifest.json: %s',
    async (_, content, says) => {
      const folder = folderOf({ 'b/manifest.json': content, 'b/config/default.json': '{}' });
      await bothDoors(folder, { code: 1, says: new RegExp(`b/manifest\\.json.*${escaped(says)}`) });
    },
  );
  test.each(contents.filter(([name]) => name !== 'not an object'))(
    'a named file: %s',
    async (_, content, says) => {
      const folder = folderOf({ 'b.json': content });
      await bothDoors(
        folder,
        { code: 1, says: new RegExp(`b\\.json.*${escaped(says)}`) },
        { cli: ['b.json', ...on8], inputs: { paths: 'b.json' } },
      );
    },
  );
  test.each(contents.filter(([name]) => name !== 'not an object'))(
    '.mn/models/catalog.json: %s',
    async (_, content, says) => {
      const folder = folderOf({ 'b.json': good, '.mn/models/catalog.json': content });
      await bothDoors(folder, { code: 1, says: new RegExp(`\\.mn/models/catalog\\.json.*${escaped(says)}`) });
    },
  );
  test.each(contents.filter(([name]) => name !== 'not an object'))(
    '.mn/targets.json: %s',
    async (_, content, says) => {
      const folder = folderOf({ 'b.json': good, '.mn/targets.json': content });
      const expected = {
        code: 2,
        says: new RegExp(
          `\\.mn/targets\\.json.*${escaped(says === 'it is empty' ? 'The file is empty' : says)}`,
        ),
      };
      await bothDoors(folder, expected, { cli: [], inputs: { targets: '' } });
    },
  );

  test('a lone surrogate', async () => {
    const folder = folderOf({
      'b.json': '{"llm":{"configs":{"\\udc00":{"model":"\\ud800","context_size":1}}}}',
    });
    await bothDoors(folder, { code: 1, says: 'which no catalog knows' });
    for (const format of formats)
      await safeMn(['blueprint', 'validate', ...on8, '--format', format], { cwd: folder });
  });

  test('deep and large sections of a blueprint', async () => {
    const llm = `{"configs":{"a":{"model":"default","context_size":1,"x":${deep(190)}}}}`;
    await bothDoors(folderOf({ 'b.json': `{"llm":${llm}}` }), { code: 0, says: '' });
    const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`k${at}`, at]));
    await bothDoors(folderOf({ 'b.json': JSON.stringify({ llm: { model: 'default', ...wide }, ...wide }) }), {
      code: 0,
      says: '',
    });
  });
});

describe('targets files', () => {
  const yamlBomb = [
    'targets: &a0 [x, x]',
    ...Array.from({ length: 30 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}]`),
  ];
  test.each<[name: string, file: string, content: string, says: string]>([
    ['an alias bomb', 't.yaml', yamlBomb.join('\n'), 'aliases'],
    ['an alias of itself', 't.yaml', 'targets: &a [*a]', 'stands for something that contains it'],
    [
      'many aliases',
      't.yaml',
      `x: &a nvidia-8gb\ntargets: [${'*a,'.repeat(300_000)}]`,
      'uses its aliases more than 100 times',
    ],
    [
      'many aliases of nothing',
      't.yaml',
      `targets: [${'*a,'.repeat(300_000)}]`,
      'The alias *a stands for nothing',
    ],
    ['20,000 deep YAML', 't.yaml', `targets: ${deep(20_000)}`, 'nested too deep'],
    ['20,000 deep YAML blocks', 't.yaml', '- '.repeat(20_000), 'nested too deep'],
    ['20,000 deep YAML, never closed', 't.yaml', '[{'.repeat(20_000), 'nested too deep'],
    ['YAML of 2 MB', 't.yaml', 'targets:\n'.padEnd(2_000_000, '- a\n'), 'longer than 1000000 characters'],
    [
      'two YAML documents',
      't.yaml',
      'targets: [nvidia-8gb]\n---\ntargets: []',
      'more than one YAML document',
    ],
    ['a YAML tag', 't.yaml', 'targets: !!js/function "function () {}"', 'tag'],
    [
      'a YAML merge key',
      't.yaml',
      'targets:\n  - <<: {id: a}\n    os: linux\n    arch: x64',
      'unknown field "<<"',
    ],
    [
      '1,001 targets',
      't.json',
      JSON.stringify({ targets: Array(1001).fill('nvidia-8gb') }),
      'targets has 1001 items, and at most 1000',
    ],
    [
      '1,001 targets in YAML',
      't.yml',
      `targets:\n${Array.from({ length: 1001 }, () => '  - nvidia-8gb\n').join('')}`,
      'targets has 1001 items, and at most 1000',
    ],
    ['__proto__ as an id', 't.json', '{"targets":[{"id":"__proto__","preset":"nvidia-8gb"}]}', 'id must be'],
    [
      '__proto__ as a field',
      't.json',
      '{"targets":[{"id":"a","preset":"nvidia-8gb","__proto__":{"os":"win32"}}]}',
      'unknown field "__proto__"',
    ],
    [
      '__proto__ as a preset',
      't.json',
      '{"targets":["__proto__","constructor"]}',
      'Unknown preset "__proto__".',
    ],
    [
      'ids that differ by case',
      't.json',
      '{"targets":[{"id":"A","preset":"nvidia-8gb"},{"id":"a","preset":"nvidia-8gb"}]}',
      'case does not count',
    ],
    [
      'memory that is not',
      't.json',
      '{"targets":[{"id":"a","os":"linux","arch":"x64","memory_gb":-1}]}',
      'memory_gb must be',
    ],
    [
      'endless memory',
      't.json',
      '{"targets":[{"id":"a","os":"linux","arch":"x64","memory_gb":1e999}]}',
      'memory_gb must be',
    ],
  ])('%s', async (_, file, content, says) => {
    const folder = folderOf({ 'b.json': good, [file]: content });
    await bothDoors(
      folder,
      { code: 2, says: new RegExp(escaped(says)) },
      { cli: ['--targets', file], inputs: { targets: file } },
    );
  });

  test('ids that plain objects have by nature are ids like others', async () => {
    const ids = ['constructor', 'toString', 'hasOwnProperty', 'valueOf'];
    const folder = folderOf({
      'b.json': good,
      't.json': JSON.stringify({ targets: ids.map((id) => ({ id, preset: 'nvidia-8gb' })) }),
    });
    const { stdout } = await safeMn(['blueprint', 'validate', '--targets', 't.json', '--json'], {
      cwd: folder,
    });
    const { blueprints } = JSON.parse(stdout) as { blueprints: { declarations: { statuses: object }[] }[] };
    expect(Object.entries(blueprints[0]?.declarations[0]?.statuses ?? {})).toEqual(
      ids.map((id) => [id, 'pass']),
    );
    for (const target of ids)
      expect((await safeAct(folder, { inputs: { targets: 't.json', target } })).code).toBe(0);
    for (const target of ['__proto__', 'isPrototypeOf'])
      expect((await safeAct(folder, { inputs: { targets: 't.json', target } })).code).toBe(2);
  });
});

describe('names that plain objects have by nature', () => {
  const names = ['__proto__', 'constructor', 'toString'];
  const asKeys = (value: unknown) =>
    `{${names.map((name) => `"${name}":${JSON.stringify(value)}`).join(',')}}`;

  test.each(names)('%s as a model that nobody knows', async (name) => {
    await bothDoors(folderOf({ 'b.json': blueprint(name) }), {
      code: 1,
      says: `asks for "${name}", which no catalog knows`,
    });
    const folder = folderOf({ 'b.json': blueprint(name) });
    expect((await safeMn(['model', 'show', name])).stderr).toContain(`unknown model "${name}".`);
    expect((await safeMn(['finding', 'show', name])).stderr).toContain(`unknown finding "${name}".`);
    expect((await safeMn(['blueprint', 'validate', '--targets', name], { cwd: folder })).stderr).toContain(
      `unknown target "${name}".`,
    );
    expect(
      (await safeMn(['blueprint', 'env', 'b.json', '--config', name], { cwd: folder })).stderr,
    ).toContain(`has no config "${name}".`);
  });

  test.each<[name: string, catalog: string]>([
    [
      'ids in a list',
      JSON.stringify(names.map((id) => ({ id, model: `ai/${id}`, requirements: { min_vram_gb: 8 } }))),
    ],
    ['keys', asKeys({ model: 'ai/mine', requirements: { min_vram_gb: 8 } })],
    [
      'aliases',
      JSON.stringify([{ id: 'mine', model: 'ai/mine', aliases: names, requirements: { min_vram_gb: 8 } }]),
    ],
  ])('models of a catalog: %s', async (_, catalog) => {
    for (const name of names) {
      const folder = folderOf({ 'b.json': blueprint(name), '.mn/models/catalog.json': catalog });
      await bothDoors(folder, { code: 0, says: '' });
      await bothDoors(
        folder,
        { code: 1, says: 'needs 8 GB VRAM, found 6 GB' },
        { cli: ['--targets', 'nvidia-6gb'], inputs: { targets: 'nvidia-6gb' } },
      );
    }
  });

  test('configs and runtime models', async () => {
    const config = { model: 'default', context_size: 4096 };
    const folder = folderOf({
      'a/manifest.json': `{"apiVersion":"v2","runtime":{"models":${asKeys(config)}}}`,
      'a/config/default.json': `{"llm":{"default_config":"__proto__","configs":${asKeys(config)}}}`,
    });
    const { code, outputs, report } = await safeAct(folder);
    expect(code).toBe(0);
    expect(report?.summary['declarations']).toBe(6);
    const env = JSON.parse(outputs.get('env') ?? '') as Record<string, object>;
    expect(Object.keys(env['a'] ?? {})).toEqual(names);
    for (const name of names) {
      expect((await safeMn(['blueprint', 'env', 'a', '--config', name], { cwd: folder })).stdout).toContain(
        'MN_LLM_MODEL=ai/gemma4:E2B\n',
      );
    }
  });

  test('they change nothing of other objects', async () => {
    const polluting =
      '{"__proto__":{"enabled":false,"provider":"fake"},"constructor":{"prototype":{"enabled":false}}';
    const folder = folderOf({
      'b.json': `${polluting},"llm":${polluting},"model":"nope","context_size":1}}`,
    });
    await bothDoors(folder, { code: 1, says: 'asks for "nope"' });
  });

  test.skipIf(!isPosix)('folders and files', async () => {
    const folder = folderOf(
      Object.fromEntries(
        names.flatMap((name) => [
          [`x/${name}/manifest.json`, '{"apiVersion":"v2"}'],
          [`${name}.json`, good],
        ]),
      ),
    );
    const { report, outputs } = await safeAct(folder);
    expect(report?.summary['blueprints']).toBe(6);
    expect(Object.keys(JSON.parse(outputs.get('env') ?? '') as object)).toEqual([
      '__proto__.json',
      'constructor.json',
      'toString.json',
    ]);
  });
});

if (!canForbid) console.warn('SKIPPED: files that may not be read; this user reads everything');

describe('what stands where a file should be', () => {
  test('folders named manifest.json, default.json, catalog.json and targets.json', async () => {
    const manifest = folderOf({ 'b/manifest.json/x': '', 'b/config/default.json': '{}' });
    await bothDoors(manifest, { code: 1, says: /b\/manifest\.json.*it is a folder/ });
    const config = folderOf({ 'b/manifest.json': '{"apiVersion":"v2"}', 'b/config/default.json/x': '' });
    await bothDoors(config, { code: 1, says: /b\/config\/default\.json.*it is a folder/ });
    const catalog = folderOf({ 'b.json': good, '.mn/models/catalog.json/x': '' });
    await bothDoors(catalog, { code: 1, says: /\.mn\/models\/catalog\.json.*it is a folder/ });
    const targets = folderOf({ 'b.json': good, 't.json/x': '' });
    await bothDoors(
      targets,
      { code: 2, says: /t\.json: .*it is a folder/ },
      { cli: ['--targets', 't.json'], inputs: { targets: 't.json' } },
    );
  });

  test.skipIf(!isPosix)('named pipes, which nobody writes to', async () => {
    const pipe = (folder: string, path: string) => execFileSync('mkfifo', [join(folder, path)]);
    const manifest = folderOf({ 'b/config/default.json': '{}' });
    pipe(manifest, 'b/manifest.json');
    await bothDoors(manifest, { code: 1, says: /b\/manifest\.json.*no regular file/ });
    const others = folderOf({ 'b.json': good, '.mn/models/keep': '' });
    for (const path of ['.mn/models/catalog.json', 't.json', 'other.json', '.gitignore']) pipe(others, path);
    await bothDoors(others, { code: 1, says: /\.mn\/models\/catalog\.json.*no regular file/ });
    await bothDoors(
      others,
      { code: 2, says: /t\.json: .*no regular file/ },
      { cli: ['--targets', 't.json'], inputs: { targets: 't.json' } },
    );
    await bothDoors(
      others,
      { code: 2, says: '"other.json" is neither a folder nor a regular file' },
      { cli: ['other.json', ...on8], inputs: { paths: 'other.json' } },
    );
  });

  test('a .gitignore whose patterns could match in more ways than anybody can try', async () => {
    const folder = folderOf({
      '.gitignore': `${'**/a/'.repeat(20)}b\n${'*a'.repeat(30)}b\n`,
      [`${'a/'.repeat(60)}b.json`]: good,
      [`${'a'.repeat(200)}.json`]: good,
    });
    await bothDoors(folder, { code: 0, says: '' });
  });

  test.skipIf(!existsSync('/dev/zero'))('a device that never ends', async () => {
    const folder = folderOf({ 'b.json': good });
    for (const [name, value] of [
      ['MN_MODEL_CATALOG_PATH', '/dev/zero'],
      ['MN_MODEL_CATALOG_PATH', '/dev/urandom'],
    ] as const) {
      const { code, stderr } = await safeMn(['blueprint', 'validate', ...on8], {
        cwd: folder,
        env: { [name]: value },
      });
      expect(code).toBe(2);
      expect(stderr).toContain('it is no regular file');
    }
  });

  test.skipIf(!isPosix)('links in circles, and links that lead nowhere', async () => {
    const folder = folderOf({
      'a/manifest.json': '{"apiVersion":"v2"}',
      'b/config/default.json': '{}',
      'c/config/default.json': '{}',
    });
    symlinkSync('..', join(folder, 'a/up'));
    symlinkSync('.', join(folder, 'a/here'));
    symlinkSync('manifest.json', join(folder, 'b/manifest.json'));
    symlinkSync('vanished.json', join(folder, 'c/manifest.json'));
    await bothDoors(folder, { code: 1, says: /b\/manifest\.json.*c\/manifest\.json/ });
    const { report } = await safeAct(folder);
    expect(report?.blueprints.map(({ path }) => path)).toEqual(['a', 'b', 'c']);
  });

  const secret = 'S3CRET-7f3a';
  /** Everything that a repository could link to: a file of each kind that we read. */
  const outside = () =>
    folderOf({
      'blueprint.json': blueprint(secret),
      'manifest.json': `{"apiVersion":"v2","id":"${secret}"}`,
      text: `${secret}\n`,
      'catalog.json': `[{"id":"${secret}","model":"ai/${secret}"}]`,
      'bad-catalog.json': `{"${secret}": 1}`,
      'targets.json': `{"targets":["${secret}"]}`,
      'models/catalog.json': `[{"id":"${secret}","model":"ai/${secret}","aliases":["default"]},{"id":"${secret}"}]`,
      'config/default.json': `{"llm":{"model":"${secret}"}}`,
      'manifest/manifest.json': `{"apiVersion":"v2","id":"${secret}","llm":{"model":"${secret}"}}`,
    });
  test.skipIf(!isPosix).each<[name: string, link: string, to: string, code: number, says: string]>([
    ['a manifest', 'b/manifest.json', 'manifest.json', 1, 'leads out of the workspace'],
    ['a manifest that is no JSON', 'b/manifest.json', 'text', 1, 'leads out of the workspace'],
    ['a config', 'g/config/overwrite.json', 'blueprint.json', 1, 'leads out of the workspace'],
    ['a config folder', 'h/config', 'config', 1, 'such links are not followed'],
    ['a folder', 'x', 'manifest', 0, ''],
    ['a catalog', '.mn/models/catalog.json', 'catalog.json', 1, 'leads out of the workspace'],
    ['a wrong catalog', '.mn/models/catalog.json', 'bad-catalog.json', 1, 'leads out of the workspace'],
    ['the folder of a catalog', '.mn/models', 'models', 1, 'leads out of the workspace'],
    ['the folder .mn', '.mn', '.', 1, 'leads out of the workspace'],
    ['a single file', 'single.json', 'blueprint.json', 0, ''],
    ['a .gitignore', '.gitignore', 'text', 0, ''],
  ])('links out of the workspace: %s', async (_, link, to, code, says) => {
    const folder = folderOf({
      'b/config/default.json': '{}',
      'g/manifest.json': '{"apiVersion":"v2"}',
      'g/config/default.json': '{}',
      'h/manifest.json': '{"apiVersion":"v2"}',
    });
    mkdirSync(join(folder, link, '..'), { recursive: true });
    symlinkSync(join(outside(), to), join(folder, link));
    await bothDoors(folder, { code, says, never: secret });
  });
  test.skipIf(!isPosix).each([
    ['.mn/targets.json', 'targets.json'],
    ['.mn', '.'],
  ])('links out of the workspace: targets by %s', async (link, to) => {
    const folder = folderOf({ 'b.json': good });
    mkdirSync(join(folder, link, '..'), { recursive: true });
    symlinkSync(join(outside(), to), join(folder, link));
    await bothDoors(
      folder,
      { code: 2, says: 'leads out of the workspace', never: secret },
      { cli: [], inputs: { targets: '' } },
    );
  });
  test.skipIf(!isPosix)('links out of the workspace: what a workflow names', async () => {
    const folder = folderOf({ 'b.json': good });
    symlinkSync(outside(), join(folder, 'out'));
    for (const inputs of [
      { catalogs: 'out/catalog.json' },
      { catalogs: 'out/*.json' },
      { catalogs: 'o*/catalog.json' },
      { targets: 'out/targets.json' },
      { paths: 'out' },
    ]) {
      const { code, stdout, summary } = await safeAct(folder, { inputs: inputs as Record<string, string> });
      expect({ inputs, code }).toEqual({ inputs, code: 2 });
      expect(stdout + summary).not.toContain(secret);
    }
  });
  test('paths of payloads do not say what is there outside', async () => {
    const source = (path: string) => ({ model: 'mine', source: { type: 'payload', path } });
    for (const path of [
      '../../../../../../etc/passwd',
      '/etc/passwd',
      'a/../../../b.json',
      '..\\x',
      'C:\\x',
    ]) {
      const folder = folderOf({
        'b/manifest.json': JSON.stringify({ apiVersion: 'v2', runtime: { models: { a: source(path) } } }),
      });
      await bothDoors(folder, { code: 1, says: 'a path inside payloads/' });
    }
  });

  test
    .skipIf(!canForbid)
    .each<[name: string, path: string, code: number, says: RegExp | string, inputs?: Record<string, string>]>(
      [
        ['a manifest', 'b/manifest.json', 1, /b\/manifest\.json.*reading it is not permitted/],
        ['a config', 'b/config/default.json', 1, /b\/config\/default\.json.*reading it is not permitted/],
        ['a config folder', 'b/config', 1, /b\/config.*the folder config may not be read/],
        [
          'a catalog',
          '.mn/models/catalog.json',
          1,
          /\.mn\/models\/catalog\.json.*reading it is not permitted/,
        ],
        [
          'a targets file',
          '.mn/targets.json',
          2,
          /\.mn\/targets\.json.*reading it is not permitted/,
          { targets: '' },
        ],
        ['a .gitignore', '.gitignore', 0, ''],
        ['a .gitignore above', '../.gitignore', 0, ''],
      ],
    )('what may not be read: %s', async (_, path, code, says, inputs) => {
    const above = folderOf({
      ...(path.startsWith('..') ? { '.git/HEAD': '', '.gitignore': '' } : {}),
      'repo/.gitignore': '',
      'repo/b/manifest.json': '{"apiVersion":"v2"}',
      'repo/b/config/default.json': '{"llm":{"model":"default","context_size":4096}}',
      'repo/.mn/models/catalog.json': '[]',
      ...(inputs === undefined ? {} : { 'repo/.mn/targets.json': '{}' }),
    });
    const folder = join(above, 'repo');
    chmodSync(join(folder, path), 0);
    try {
      await bothDoors(
        folder,
        { code, says },
        { asNobody: isRoot, ...(inputs === undefined ? {} : { cli: [], inputs }) },
      );
    } finally {
      chmodSync(join(folder, path), 0o755);
    }
  });
});

describe('references that are no names of models', () => {
  test.each([
    '--help',
    '-v',
    '../x',
    '/etc/passwd',
    'a b',
    'a\nb',
    ' ',
    '$(touch x)',
    '%0A::error::x',
    'x'.repeat(100_000),
    'https://evil.test/x',
    'a'.repeat(600),
  ])('%j', async (ref) => {
    const folder = folderOf({ 'b.json': blueprint(ref), 'good.json': blueprint('default') });
    const { code, report } = await safeAct(folder);
    expect({ code, errors: report?.summary['errors'] }).toEqual({ code: 1, errors: 1 });
    for (const format of formats)
      expect(
        (await safeMn(['blueprint', 'validate', ...on8, '--format', format], { cwd: folder })).code,
      ).toBe(1);
    expect((await safeMn(['blueprint', 'env', 'b.json'], { cwd: folder })).code).toBe(1);
    expect((await safeMn(['model', 'show', '--', ref.slice(0, 10_000)], { cwd: folder })).code).toBe(2);
  });
  test('names that differ by case only are one name', async () => {
    const entry = (id: string, gb: number) => ({ id, model: `ai/${id}`, requirements: { min_vram_gb: gb } });
    const folder = folderOf({
      'b.json': blueprint('MINE'),
      '.mn/models/catalog.json': JSON.stringify([entry('Mine', 99), entry('mine', 1)]),
    });
    await bothDoors(folder, { code: 0, says: 'ids are compared without case' });
  });
  test('configs that differ by case only are two', async () => {
    const config = { model: 'default', context_size: 4096 };
    const folder = folderOf({
      'b.json': JSON.stringify({ llm: { configs: { Primary: config, primary: config } } }),
    });
    const { outputs } = await safeAct(folder);
    expect(
      Object.keys((JSON.parse(outputs.get('env') ?? '') as Record<string, object>)['b.json'] ?? {}).sort(),
    ).toEqual(['Primary', 'primary']);
  });
  test.skipIf(process.platform !== 'linux')('blueprints that differ by case only are two', async () => {
    const folder = folderOf({
      'A/manifest.json': '{"apiVersion":"v2"}',
      'a/manifest.json': '{"apiVersion":"v2"}',
      'B.json': good,
      'b.json': good,
    });
    const { report } = await safeAct(folder);
    expect(report?.blueprints.map(({ path }) => path)).toEqual(['A', 'B.json', 'a', 'b.json']);
  });
});

/** What somebody may write into any text of a repository, hoping that something obeys it. */
const nasty: string[] = [
  '::error file=x,line=1::boo',
  '  ::warning::boo',
  'x\n::error::boo',
  'x\r::set-output name=ok::true',
  'x\u0085::error::boo',
  'x\u2028::error::boo',
  '%0A::error::boo%0D%25',
  '##[error]boo',
  'x ##[set-output name=ok;]true',
  '::stop-commands::x',
  '\u001b[31mred\u001b[0m',
  '\u001b]8;;https://evil.test\u0007click\u001b]8;;\u0007',
  '\u009b31mred',
  'over\rwritten\u0008\u0008',
  '| a | b |\n|---|---|',
  'a|b\\|c',
  '<img src=x onerror=alert(1)>',
  '<script>alert(1)</script>',
  '</summary></details><h1>boo</h1>',
  '[click](javascript:alert(1))',
  '![x](https://evil.test/x.png)',
  '](https://evil.test)',
  '`code` ```block```',
  '\n# heading\n\n---\n',
  '<!-- comment',
  '&lt;b&gt;',
  'https://evil.test/phish',
  '@everyone',
  '\u202egnp.exe\u202c',
  '\u2066x\u2069\u200f\u200b\ufeff',
  '\u{e0041}\u{e0042}',
  '$(touch x)`touch x`;touch x',
  '"quoted" \'single\' \\back',
  'ghadelimiter_x<<EOF',
  '=cmd|calc',
  'ünï😀cödé',
];

describe('strings that want to be obeyed', () => {
  const spaceless = (text: string) => text.replace(/[\s\u0000-\u001f\u007f-\u009f]/g, '_').replace(/^-/, '_');
  const fileName = (text: string) => text.replace(/[/\0]/g, '_').slice(0, 60);
  const oneLine = (text: string) => text.replace(/[\r\n\u2028\u2029]/g, ' ').slice(0, 100);

  /** All of them in every place that is printed. */
  function everywhere(): Tree {
    const tree: Tree = {};
    const catalog: unknown[] = [];
    const targets: unknown[] = ['nvidia-6gb'];
    nasty.forEach((text, at) => {
      const name = isPosix ? fileName(`${at}${text}`) : `b${at}`;
      const config = { provider: 'docker_model_runner', context_size: 4096 };
      tree[`${name}/manifest.json`] = JSON.stringify({
        apiVersion: text,
        id: text,
        name: text,
        runtime: {
          models: {
            [text]: { ...config, model: `hf.co/a/b${text}`, customize_mode: true },
            payload: { model: text, source: { type: 'payload', path: text } },
          },
        },
      });
      tree[`${name}/config/default.json`] = JSON.stringify({
        llm: {
          default_config: text,
          configs: {
            [text]: { ...config, model: text },
            provider: { ...config, provider: text, model: text },
            mode: { ...config, mode: text, model: 'default', backend: text },
            known: { ...config, model: `id${spaceless(text)}` },
            optional: { ...config, model: text, required: false },
            size: { model: 'default', context_size: text },
          },
        },
        knowledge_rag: { embedding_model: text, embedding_provider: text },
        input_skills: { [text]: { connector: 'docker_model_runner', model: text } },
      });
      tree[`${isPosix ? name : `f${at}`}.json`] =
        `{"llm":{"model":${JSON.stringify(text)},"model":${JSON.stringify(text)},${JSON.stringify(text)}:1,${JSON.stringify(text)}:1}}`;
      if (isPosix) tree[`single/${name}.json`] = blueprint(text);
      catalog.push({
        id: `id${spaceless(text)}`,
        name: text,
        model: `ai/x${at}`,
        aliases: [spaceless(text), 'shared'],
        fallback_model: text,
        requirements: { min_vram_gb: 999 },
      });
      catalog.push({ id: `api${at}`, model: `ai/${spaceless(text)}`, provider: text, name: text });
      catalog.push({ id: text, model: text, requirements: text, [text]: text });
      targets.push({
        id: `t${at}`,
        name: oneLine(text).trim() === '' ? 'x' : oneLine(text),
        os: 'linux',
        arch: 'x64',
        gpu: { vendor: 'other', name: oneLine(text) || 'x', api: oneLine(text) || 'x' },
        board: oneLine(text) || 'x',
        memory_gb: 8,
        'runs-on': [oneLine(text) || 'x'],
      });
    });
    tree['.mn/models/catalog.json'] = JSON.stringify(catalog);
    tree['.mn/targets.json'] = JSON.stringify({ targets });
    return tree;
  }

  test.each(formats)('as %s', async (format) => {
    const folder = folderOf(everywhere());
    for (const more of [[], ['--quiet'], ['--force'], ['--targets', 'nvidia-6gb']]) {
      const { code, stdout } = await safeMn(['blueprint', 'validate', '--format', format, ...more], {
        cwd: folder,
      });
      expect(code).toBe(1);
      if (format === 'json')
        expect(readReport(stdout).blueprints.length).toBeGreaterThanOrEqual(2 * nasty.length);
    }
  });
  test('as the action', async () => {
    const folder = folderOf(everywhere());
    const files = { 'sarif-file': 'out/a.sarif', 'junit-file': 'out/a.xml', 'report-file': 'out/a.json' };
    for (const inputs of [{}, { targets: 'nvidia-6gb' }, { force: 'true', ...files }]) {
      const { code, outputs, report } = await safeAct(folder, { inputs: { targets: '', ...inputs } });
      expect({ code, ok: outputs.get('ok') }).toEqual({ code: 1, ok: 'false' });
      expect(report?.blueprints.length).toBeGreaterThanOrEqual(2 * nasty.length);
      expect(() => JSON.parse(outputs.get('matrix') ?? '')).not.toThrow();
      expect(() => JSON.parse(outputs.get('env') ?? '')).not.toThrow();
    }
    for (const file of Object.values(files)) expectPrintable(readFileSync(join(folder, file), 'utf8'));
  });
  test.each([
    [['model', 'list']],
    [['model', 'list', '--json']],
    [['model', 'show', 'api0']],
    [['model', 'show', 'shared', '--compatibility']],
    [['model', 'show', 'shared', '--compatibility', '--json']],
    [['model', 'show', 'shared', '--targets', '.mn/targets.json']],
    [['model', 'show', 'shared', '--targets', 'nvidia-6gb']],
    [['target', 'list']],
    [['target', 'list', '--json']],
  ])('as mn %j', async (args) => {
    expect((await safeMn(args, { cwd: folderOf(everywhere()) })).code).toBe(0);
  });
  test.each(nasty.map((text, at) => [text, at] as const))('as mn blueprint env: %j', async (text, at) => {
    const config = (provider: string) => ({
      provider,
      model: text,
      api_base: text,
      backend: 'llama.cpp',
      max_tokens: text,
    });
    const folder = folderOf({
      'a.json': JSON.stringify({ llm: { configs: { primary: config('openai'), second: config(text) } } }),
    });
    for (const name of ['primary', 'second']) {
      for (const more of [[], ['--json']]) {
        const result = await safeMn(['blueprint', 'env', 'a.json', '--config', name, ...more], {
          cwd: folder,
        });
        if (result.code === 0 && more.length === 0) {
          for (const line of result.stdout.trimEnd().split('\n'))
            expect(line, `${at}`).toMatch(/^(?:MN_LLM_[A-Z_]+=.*|#.*)$/);
        }
      }
    }
  });
  test('as arguments', async () => {
    const folder = folderOf({ 'b.json': good });
    const all = [
      ['blueprint', 'validate', ...nasty.map((text) => `--targets=${text}`), '--', ...nasty],
      ['blueprint', 'validate', ...on8, ...nasty.map((text) => `--catalog=${text}`)],
    ];
    const each = nasty.flatMap((text) => [
      ['blueprint', 'validate', ...on8, `--format=${text}`],
      ['model', 'show', '--', text],
      ['finding', 'show', '--', text],
      ['blueprint', 'env', 'b.json', `--config=${text}`],
      [text],
    ]);
    for (const args of [...all, ...each]) {
      expect((await safeMn(args, { cwd: folder })).code, JSON.stringify(args)).toBe(2);
    }
  });
  test('as inputs', async () => {
    const folder = folderOf({ 'b.json': good });
    for (const text of nasty) {
      // Choices are refused together, before anything else is looked at.
      const choices = { 'fail-on': text, summary: text, worker: text, nope: text };
      for (const inputs of [
        choices,
        { paths: text, targets: text },
        { target: text },
        { catalogs: text },
        { 'sarif-file': `../${text}` },
        { 'working-directory': text },
      ]) {
        expect((await safeAct(folder, { inputs })).code, JSON.stringify(inputs)).toBe(2);
      }
    }
  });
});

describe('100,000 findings', () => {
  const perFile = 500;
  const many = (): Tree =>
    Object.fromEntries(
      Array.from({ length: 200 }, (_, at) => {
        const configs = Array.from({ length: perFile }, (_, index) => [
          `c${index}`,
          { model: `unknown-${at}-${index}`, context_size: 1 },
        ]);
        return [`b/${at}.json`, JSON.stringify({ llm: { configs: Object.fromEntries(configs) } }, null, 1)];
      }),
    );
  const folder = () => (made ??= folderOf(many()));
  let made: string | null = null;

  test.each(formats)('as %s', async (format) => {
    const { code, stdout, stderr } = await safeMn(
      ['blueprint', 'validate', 'b', ...on8, '--format', format, '--output', `out.${format}`],
      { cwd: folder() },
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    const text = readFileSync(join(folder(), `out.${format}`), 'utf8');
    if (format === 'json') expect(readReport(text).findings.length).toBe(100_000);
    if (format === 'text') expect(text).toMatch(/\n100000 errors, 0 warnings in 200 blueprints · /);
    if (format === 'markdown') {
      expectSafeMarkdown(text);
      expect(text).toContain('100000 errors');
    }
    if (format === 'html') expect(text).toContain('<strong>100000 errors, 0 warnings, 0 notes</strong>');
    if (format === 'sarif') {
      expect(text.split('"ruleId"').length - 1).toBe(25_000);
      expect(stderr).toContain('warning: The SARIF report has 25000 of 100000 results, the most severe ones');
    }
    if (format === 'junit') expect(text).toContain('tests="100000" failures="100000"');
    if (format === 'github') expect(readLog(text).commands[9]?.message).toContain('… and 99990 more errors');
  });
  test('of one file', async () => {
    const configs = Array.from({ length: 100_000 }, (_, at) => [
      `c${at}`,
      { model: `x${at}`, context_size: 1 },
    ]);
    const one = folderOf({ 'b.json': JSON.stringify({ llm: { configs: Object.fromEntries(configs) } }) });
    const { code, log, outputs } = await safeAct(one);
    expect({ code, errors: outputs.get('errors'), shown: log.annotations.length }).toEqual({
      code: 1,
      errors: '100000',
      shown: 10,
    });
  });
  test('as the action', async () => {
    const { code, outputs, log, report, summary } = await safeAct(folder(), { inputs: { paths: 'b' } });
    expect({ code, errors: outputs.get('errors'), shown: log.annotations.length }).toEqual({
      code: 1,
      errors: '100000',
      shown: 10,
    });
    expect(report?.findings.length).toBe(100_000);
    expect(Buffer.byteLength(summary)).toBeLessThan(1024 * 1024);
    expect(summary).toContain('100000 errors');
  });
});

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

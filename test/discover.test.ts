import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Root } from '../src/blueprint/discover.ts';
import { discover } from '../src/blueprint/discover.ts';
import { ignoreFilesAbove, nodeFiles } from '../src/io/files.ts';
import type { Tree } from './support/blueprints.ts';
import { discovered, file, findingLine, folder } from './support/blueprints.ts';

const manifest = '{"apiVersion": "mn.workflow/v1"}';
const llm = '{"llm": {"model": "default"}}';

/** `path` for a folder, `path (file)`; then its layers below the path, and what cannot be read. */
function shown(tree: Tree, roots?: readonly Root[]): string[] {
  const { blueprints, none } = discovered(tree, roots);
  return [
    ...blueprints.flatMap(({ path, kind, manifest, configs, findings }) => [
      [
        path + (kind === 'file' ? ' (file)' : ''),
        ...[manifest, ...configs].flatMap((layer) => layer?.file ?? []),
      ].join(' < '),
      ...findings.map((finding) => `  ${findingLine(finding, tree)}`),
    ]),
    ...none.map((path) => `no blueprint: ${path}`),
  ];
}

describe('a search', () => {
  test.each<[what: string, tree: Tree, expected: string[]]>([
    [
      'folders with their layers, in the order of their names',
      {
        'b/manifest.json': manifest,
        'a/manifest.json': manifest,
        'a/config/overwrite.json': '{}',
        'a/config/default.json': '{}',
        'a/config/live.example.json': llm,
        'a/config/other.json': llm,
      },
      ['a < a/manifest.json < a/config/default.json < a/config/overwrite.json', 'b < b/manifest.json'],
    ],
    [
      'the root itself',
      { 'manifest.json': manifest, 'config/default.json': '{}' },
      ['. < manifest.json < config/default.json'],
    ],
    [
      'a blueprint inside a blueprint, but no single file there',
      {
        'a/manifest.json': manifest,
        'a/x.json': llm,
        'a/sub/x.json': llm,
        'a/sub/b/manifest.json': manifest,
      },
      ['a < a/manifest.json', 'a/sub/b < a/sub/b/manifest.json'],
    ],
    [
      'single files with llm, and no other JSON',
      {
        'x.json': llm,
        'y.json': '{"a": 1}',
        'z.json': '{"llm": "text"}',
        'list.json': '["llm"]',
        'deep.json': '{"a": {"llm": {}}}',
        'x.jsonc': llm,
      },
      ['x.json (file) < x.json'],
    ],
    ['no example', { 'x.example.json': llm, 'config/live.example.json': llm }, []],
    [
      'nothing in node_modules, .git, payloads and other folders with a dot',
      {
        'node_modules/a/manifest.json': manifest,
        'x/node_modules/y.json': llm,
        '.git/y.json': llm,
        '.venv/manifest.json': manifest,
        'payloads/manifest.json': manifest,
        'b/manifest.json': manifest,
        'b/payloads/c/manifest.json': manifest,
      },
      ['b < b/manifest.json'],
    ],
    [
      'manifests of others are no blueprints, and hide none',
      {
        'web/manifest.json': '{"name": "App", "icons": []}',
        'web/x.json': llm,
        'extension/manifest.json': '{"manifest_version": 3}',
        'list/manifest.json': '[]',
        'null/manifest.json': 'null',
        'runtime/manifest.json': '{"runtime": {}}',
      },
      ['web/x.json (file) < web/x.json'],
    ],
    [
      'every section that makes a manifest a blueprint',
      {
        'a/manifest.json': '{"apiVersion": null}',
        'b/manifest.json': '{"workflow": {}}',
        'c/manifest.json': '{"llm": {}}',
        'd/manifest.json': '{"knowledge_rag": {}}',
        'e/manifest.json': '{"input_skills": {}}',
        'f/manifest.json': '{"runtime": {"models": {}}}',
        'g/manifest.json': '{"__proto__": {"apiVersion": 1}}',
      },
      ['a', 'b', 'c', 'd', 'e', 'f'].map((path) => `${path} < ${path}/manifest.json`),
    ],
    [
      'broken files: an error where config/default.json stands beside it, else a warning or nothing',
      {
        'a/manifest.json': '{\n  "apiVersion": 1,\n}',
        'a/config/default.json': '{}',
        'b/manifest.json': '{"apiVersion"',
        'c/manifest.json': manifest,
        'c/config/default.json': '{"a": 1 "b": 2}',
        'c/config/overwrite.json': '[]',
        'd.json': '{"llm": ',
      },
      [
        'a < a/config/default.json',
        '  error invalid-json a/manifest.json:2:18 (whole): ,',
        'b',
        '  warning invalid-json b/manifest.json:1:13 (whole): "',
        'c < c/manifest.json',
        '  error invalid-json c/config/default.json:1:9 (whole): "b"',
        '  error invalid-field c/config/overwrite.json:1:1 (whole): []',
      ],
    ],
    [
      'a byte order mark, UTF-16 and a NUL byte',
      {
        'a/manifest.json': `\ufeff${manifest}`,
        'b/manifest.json': '{\0"\0',
        'c/manifest.json': '{"apiVersion": "\0"}',
      },
      [
        'a',
        '  warning invalid-json a/manifest.json:1:1 (whole): \ufeff',
        'b',
        '  warning invalid-json b/manifest.json:1:1 (whole): {',
        'c',
        '  warning invalid-json c/manifest.json:1:16 (whole): "\0"',
      ],
    ],
    [
      'files that cannot be read',
      {
        'a/manifest.json': { reason: 'reading it is not permitted', fix: 'Make it readable.' },
        'b/manifest.json': { reason: 'reading it is not permitted', fix: 'Make it readable.' },
        'b/config/default.json': '{}',
        'c/manifest.json': manifest,
        'c/config/default.json': { kind: 'other' },
        'x.json': { reason: 'reading it is not permitted', fix: 'Make it readable.' },
      },
      [
        'a',
        '  warning file-unreadable a/manifest.json (whole)',
        'b < b/config/default.json',
        '  error file-unreadable b/manifest.json (whole)',
        'c < c/manifest.json',
        '  error file-unreadable c/config/default.json (whole)',
      ],
    ],
    [
      'a folder named manifest.json, or config/default.json',
      { 'a/manifest.json/x': '', 'b/manifest.json': manifest, 'b/config/default.json/x': '' },
      [
        'a',
        '  warning file-unreadable a/manifest.json (whole)',
        'b < b/manifest.json',
        '  error file-unreadable b/config/default.json (whole)',
      ],
    ],
    [
      'a config that is a link',
      { 'a/manifest.json': manifest, 'a/config': { kind: 'other' } },
      ['a < a/manifest.json', '  error file-unreadable a/config (whole)'],
    ],
    ['a config that is a file', { 'a/manifest.json': manifest, 'a/config': 'x' }, ['a < a/manifest.json']],
    [
      'what .gitignore says, also nested and taken back',
      {
        '.gitignore': '/out\n*.tmp.json\n!keep.tmp.json\nsecret/\n',
        'out/x.json': llm,
        'a/out/x.json': llm,
        'x.tmp.json': llm,
        'keep.tmp.json': llm,
        'a/secret/manifest.json': manifest,
        'a/.gitignore': '!b.tmp.json\n/local.json\n',
        'a/b.tmp.json': llm,
        'a/local.json': llm,
        'b/local.json': llm,
        'c/manifest.json': manifest,
        'c/.gitignore': 'manifest.json',
      },
      ['a/b.tmp.json', 'a/out/x.json', 'b/local.json', 'keep.tmp.json'].map(
        (path) => `${path} (file) < ${path}`,
      ),
    ],
    [
      'an empty .gitignore, one with odd lines',
      { '.gitignore': '\n# no\n[\n\\\n!\n', 'x.json': llm },
      ['x.json (file) < x.json'],
    ],
    ['nothing in nothing', {}, []],
  ])('%s', (_, tree, expected) => {
    expect(shown(tree)).toEqual(expected);
  });

  test('does not read what it does not need', () => {
    const read: string[] = [];
    const files = {
      list: (path: string) =>
        path === '.'
          ? [
              { name: 'a.md', kind: 'file' as const },
              { name: 'b.json', kind: 'other' as const },
            ]
          : null,
      read: (path: string) => {
        read.push(path);
        throw new Error('not this one');
      },
      hasFile: () => false,
    };
    expect([
      ...discover(
        files,
        [folder('.')],
        () => true,
        () => {},
      ),
    ]).toEqual([]);
    expect(read).toEqual([]);
  });

  test('one blueprint at a time', () => {
    const { blueprints } = discovered({ 'a/manifest.json': manifest, 'b/manifest.json': manifest }, [
      folder('.'),
    ]);
    expect(blueprints).toHaveLength(2);
    const seen: string[] = [];
    const list = (path: string) => {
      seen.push(path);
      return path === '.'
        ? ['a', 'b', 'c'].map((name) => ({ name, kind: 'folder' as const }))
        : [{ name: 'x.json', kind: 'file' as const }];
    };
    const files = { list, read: () => ({ ok: true as const, text: llm }), hasFile: () => true };
    const [first] = discover(
      files,
      [folder('.')],
      () => true,
      () => {},
    );
    expect(first?.path).toBe('a/x.json');
    expect(seen).toEqual(['.', 'a']);
  });
});

describe('roots', () => {
  const tree: Tree = {
    'a/manifest.json': manifest,
    'a/config/default.json': '{}',
    'a/config/live.example.json': llm,
    'a/inner.json': llm,
    'web/manifest.json': '{"icons": []}',
    'broken/manifest.json': '{',
    'config/default.json': llm,
    'x.json': llm,
    'rag.json': '{"knowledge_rag": {}}',
    'no.json': '{"a": 1}',
    'text.txt': 'text',
    'node_modules/b/manifest.json': manifest,
    '.hidden/b/manifest.json': manifest,
  };
  test.each<[what: string, roots: Root[], expected: string[]]>([
    [
      'a manifest means its folder',
      [file('a/manifest.json')],
      ['a < a/manifest.json < a/config/default.json'],
    ],
    [
      'a layer means its folder',
      [file('a/config/default.json')],
      ['a < a/manifest.json < a/config/default.json'],
    ],
    [
      'a layer without a manifest is a single file',
      [file('config/default.json')],
      ['config/default.json (file) < config/default.json'],
    ],
    [
      'an example that is named counts',
      [file('a/config/live.example.json')],
      ['a/config/live.example.json (file) < a/config/live.example.json'],
    ],
    [
      'a file inside a blueprint that is named counts',
      [file('a/inner.json')],
      ['a/inner.json (file) < a/inner.json'],
    ],
    ['a named file with any model section', [file('rag.json')], ['rag.json (file) < rag.json']],
    ['a named file without one', [file('no.json')], ['no blueprint: no.json']],
    [
      'a named file that is no JSON',
      [file('text.txt')],
      ['text.txt (file)', '  error invalid-json text.txt:1:1 (whole): text'],
    ],
    [
      'a named file that is gone',
      [file('gone.json')],
      ['gone.json (file)', '  error file-unreadable gone.json (whole)'],
    ],
    [
      'a named manifest that is broken is an error',
      [file('broken/manifest.json')],
      ['broken', '  error invalid-json broken/manifest.json:1:1 (whole): {'],
    ],
    [
      'a named folder that a search leaves out',
      [folder('node_modules/b'), folder('.hidden')],
      ['node_modules/b < node_modules/b/manifest.json', '.hidden/b < .hidden/b/manifest.json'],
    ],
    [
      'each once, however often it is named',
      [folder('a'), file('a/manifest.json'), file('x.json'), file('a/config/default.json'), folder('.')],
      [
        'a < a/manifest.json < a/config/default.json',
        'x.json (file) < x.json',
        'broken',
        '  warning invalid-json broken/manifest.json:1:1 (whole): {',
        'config/default.json (file) < config/default.json',
      ],
    ],
    ['a folder that is gone', [folder('gone')], []],
  ])('%s', (_, roots, expected) => {
    expect(shown(tree, roots)).toEqual(expected);
  });

  test('a folder that may not be looked into is told', () => {
    const locked: Tree = { 'a/manifest.json': manifest, 'locked/': { kind: 'other' } };
    expect(shown(locked, [folder('.')])).toEqual([
      'a < a/manifest.json',
      'locked',
      '  warning file-unreadable locked (whole)',
    ]);
  });

  test('only what is wanted', () => {
    const { blueprints } = discovered(tree);
    expect(blueprints.map(({ path }) => path)).toEqual(['a', 'broken', 'config/default.json', 'x.json']);
    const files = {
      list: () => [{ name: 'x.json', kind: 'file' as const }],
      read: () => ({ ok: true as const, text: llm }),
      hasFile: () => true,
    };
    const asked: string[] = [];
    const wanted = (path: string) => {
      asked.push(path);
      return false;
    };
    expect([...discover(files, [folder('.'), file('x.json')], wanted, () => {})]).toEqual([]);
    expect(asked).toEqual(['x.json']);
  });

  test.each<[what: string, ignoreAbove: Root['ignoreAbove'], expected: string[]]>([
    ['.gitignore above the root', [{ text: 'b.json\n', below: 'x' }], ['a.json', 'c/b2.json', 'c/d.json']],
    ['anchored there', [{ text: '/x/c\n', below: 'x' }], ['a.json', 'b.json']],
    ['anchored elsewhere', [{ text: '/c\n', below: 'x' }], ['a.json', 'b.json', 'c/b2.json', 'c/d.json']],
    [
      'two of them, the inner one last',
      [
        { text: '*.json\n', below: 'x/y' },
        { text: '!/y/c/*.json\n', below: 'y' },
      ],
      ['c/b2.json', 'c/d.json'],
    ],
    // Who names an ignored folder means it.
    [
      'that ignores the root itself',
      [{ text: 'x/\n', below: 'x' }],
      ['a.json', 'b.json', 'c/b2.json', 'c/d.json'],
    ],
    [
      'that ignores a folder above the root',
      [{ text: 'build\n', below: 'build/x' }],
      ['a.json', 'b.json', 'c/b2.json', 'c/d.json'],
    ],
  ])('%s', (_, ignoreAbove, expected) => {
    for (const [root, prefix] of [
      ['.', ''],
      ['root', 'root/'],
      ['../up', '../up/'],
      ['/abs', '/abs/'],
    ] as const) {
      const files = Object.fromEntries(
        ['a.json', 'b.json', 'c/b2.json', 'c/d.json'].map((path) => [prefix + path, llm]),
      );
      const { blueprints } = discovered(files, [{ path: root, kind: 'folder', ignoreAbove }]);
      expect(blueprints.map(({ path }) => path)).toEqual(expected.map((path) => prefix + path));
    }
  });
});

describe.skipIf(process.platform === 'win32')('real files', () => {
  let outside: string;
  let workspace: string;
  const put = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };

  beforeEach(() => {
    outside = mkdtempSync(join(tmpdir(), 'model-check-'));
    workspace = join(outside, 'workspace');
    mkdirSync(workspace);
  });
  afterEach(() => rmSync(outside, { recursive: true }));

  /** Paths below the workspace, with the reasons of findings. */
  function found(roots = [folder(workspace)]): string[] {
    const blueprints = [
      ...discover(
        nodeFiles([workspace]),
        roots,
        () => true,
        () => {},
      ),
    ];
    return blueprints.flatMap(({ path, findings }) => [
      path.replace(workspace, ''),
      ...findings.map(
        ({ severity, message, location }) =>
          `  ${severity} ${location?.file.replace(workspace, '')}: ${message}`,
      ),
    ]);
  }

  test('links', () => {
    put(join(outside, 'secret.json'), llm);
    put(join(outside, 'config/default.json'), llm);
    put(join(workspace, 'real/manifest.json'), manifest);
    put(join(workspace, 'inside/real.json'), manifest);
    symlinkSync('../inside/real.json', join(workspace, 'real/x.json'));
    for (const name of ['in', 'out', 'loop', 'dangling', 'linked']) mkdirSync(join(workspace, name));
    symlinkSync('../inside/real.json', join(workspace, 'in/manifest.json'));
    symlinkSync('../../secret.json', join(workspace, 'out/manifest.json'));
    symlinkSync('manifest.json', join(workspace, 'loop/manifest.json'));
    symlinkSync('gone.json', join(workspace, 'dangling/manifest.json'));
    put(join(workspace, 'linked/manifest.json'), manifest);
    symlinkSync('../../config', join(workspace, 'linked/config'));
    symlinkSync('..', join(workspace, 'inside/up'));
    symlinkSync('real', join(workspace, 'again'));
    symlinkSync('../secret.json', join(workspace, 'secret.json'));
    expect(found()).toEqual([
      '/dangling',
      '  warning /dangling/manifest.json: The file was not checked: it is a link that leads nowhere, or no regular file.',
      '/in',
      '/linked',
      '  error /linked/config: The file was not checked: config is a link to a folder, and such links are not followed.',
      '/loop',
      '  warning /loop/manifest.json: The file was not checked: it is a link that leads nowhere, or no regular file.',
      '/out',
      '  warning /out/manifest.json: The file was not checked: it is a link that leads out of the workspace.',
      '/real',
    ]);
  });

  test('a folder on the way that is a link out of the workspace', () => {
    put(join(outside, 'models/catalog.json'), llm);
    symlinkSync(outside, join(workspace, '.mn'));
    const read = nodeFiles([workspace]).read(join(workspace, '.mn/models/catalog.json'));
    expect(read).toEqual({
      ok: false,
      missing: false,
      reason: 'it is a link that leads out of the workspace',
      fix: 'Put the file itself here.',
    });
  });

  test('a file that is named may lie anywhere', () => {
    const named = join(outside, 'x.json');
    put(named, llm);
    expect(nodeFiles([workspace, named]).read(named)).toEqual({ ok: true, text: llm });
    expect(nodeFiles(['/']).read(named)).toEqual({ ok: true, text: llm });
    expect(nodeFiles([workspace]).read(named)).toMatchObject({ ok: false });
  });

  test('named pipes are not waited for', () => {
    for (const path of ['a', 'b/config']) mkdirSync(join(workspace, path), { recursive: true });
    put(join(workspace, 'b/manifest.json'), manifest);
    execFileSync(
      'mkfifo',
      ['a/manifest.json', 'b/config/default.json', 'x.json'].map((path) => join(workspace, path)),
    );
    expect(found([folder(workspace)])).toEqual([
      '/a',
      '  warning /a/manifest.json: The file was not checked: it is a link that leads nowhere, or no regular file.',
      '/b',
      '  error /b/config/default.json: The file was not checked: it is a link that leads nowhere, or no regular file.',
    ]);
    expect(nodeFiles([workspace]).read(join(workspace, 'x.json'))).toMatchObject({ ok: false });
  });

  test('layers that are read at once are those that a list of their folder tells', () => {
    put(join(workspace, '.kept/real.json'), llm);
    put(join(outside, 'secret.json'), llm);
    const large = JSON.stringify({ x: 'x'.repeat(70_000) });
    const kinds: Record<string, (path: string) => void> = {
      plain: (path) => put(path, llm),
      broken: (path) => put(path, '{'),
      empty: (path) => put(path, ''),
      large: (path) => put(path, large),
      gone: () => {},
      folder: (path) => mkdirSync(path),
      pipe: (path) => execFileSync('mkfifo', [path]),
      link: (path) => symlinkSync(join(workspace, '.kept/real.json'), path),
      out: (path) => symlinkSync(join(outside, 'secret.json'), path),
      dangling: (path) => symlinkSync('gone.json', path),
      binary: (path) => writeFileSync(path, Buffer.from([0x7b, 0xff, 0x7d])),
      capital: (path) =>
        put(
          path.replace(/(\w+)\.json$/, (name) => name.toUpperCase()),
          llm,
        ),
    };
    for (const [first, makeFirst] of Object.entries(kinds)) {
      for (const [second, makeSecond] of Object.entries(kinds)) {
        const folder = join(workspace, `${first}-${second}`);
        put(join(folder, 'manifest.json'), manifest);
        mkdirSync(join(folder, 'config'));
        makeFirst(join(folder, 'config/default.json'));
        makeSecond(join(folder, 'config/overwrite.json'));
      }
    }
    const files = nodeFiles([workspace]);
    const { readPlain: _, ...listing } = files;
    const [fast, slow] = [files, listing].map((some) => [
      ...discover(
        some,
        [folder(workspace)],
        () => true,
        () => {},
      ),
    ]);
    expect(fast).toEqual(slow);
    expect(slow).toHaveLength(Object.keys(kinds).length ** 2);
    const plain = slow?.filter(({ findings, configs }) => findings.length === 0 && configs.length === 2);
    expect(plain?.map(({ path }) => path.slice(workspace.length + 1))).toEqual(
      ['large', 'link', 'plain'].flatMap((one) => ['large', 'link', 'plain'].map((two) => `${one}-${two}`)),
    );
  });

  test('a folder, a file that is gone, and one that is too large', () => {
    const files = nodeFiles([workspace]);
    put(join(workspace, 'large.json'), `"${'x'.repeat(16 * 1024 * 1024)}"`);
    put(join(workspace, 'bad.json'), '');
    writeFileSync(join(workspace, 'bad.json'), Buffer.from([0x7b, 0xff, 0x7d]));
    expect(files.read(workspace)).toMatchObject({ ok: false, reason: 'it is a folder' });
    expect(files.read(join(workspace, 'gone.json'))).toMatchObject({
      ok: false,
      missing: true,
      reason: 'it is not there',
    });
    expect(files.read(join(workspace, 'bad.json'))).toMatchObject({
      ok: false,
      reason: 'it is not valid UTF-8',
    });
    expect(files.read(join(workspace, 'large.json'))).toMatchObject({
      ok: false,
      reason: 'it is larger than 16 MiB',
    });
    expect(files.list(join(workspace, 'large.json'))).toBeNull();
  });

  test('.gitignore files up to the root of the repository, outermost first', () => {
    put(join(outside, '.gitignore'), 'never read');
    mkdirSync(join(workspace, '.git'));
    put(join(workspace, '.gitignore'), 'outer');
    put(join(workspace, 'a/.gitignore'), 'inner');
    mkdirSync(join(workspace, 'a/b/.gitignore'), { recursive: true });
    put(join(workspace, 'a/b/c/.gitignore'), 'of the folder itself');
    expect(ignoreFilesAbove(join(workspace, 'a/b/c'))).toEqual([
      { text: 'outer', below: 'a/b/c' },
      { text: 'inner', below: 'b/c' },
    ]);
    expect(ignoreFilesAbove(workspace)).toEqual([]);
    expect(ignoreFilesAbove(outside)).toEqual([]);
  });
});

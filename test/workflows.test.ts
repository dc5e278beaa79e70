import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { registerLogger, validate } from '@actions/languageservice';
import { describe, expect, test } from 'vitest';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { parse } from 'yaml';

/** A workflow, or action.yml, with the line of its file before its first one. */
interface Source {
  file: string;
  before: number;
  text: string;
}

interface Step {
  id?: string;
  uses?: string;
  with?: Record<string, unknown>;
}
interface Job {
  needs?: string | string[];
  permissions?: unknown;
  steps?: Step[];
  'timeout-minutes'?: number;
}
interface Workflow {
  permissions?: unknown;
  concurrency?: unknown;
  jobs: Record<string, Job>;
}
interface Action {
  name: string;
  description: string;
  inputs: Record<string, { description: string }>;
  outputs: Record<string, { description: string }>;
}

const own = 'mirrorneuron/model-check@v1';

function ownAction(): Action {
  if (!existsSync('action.yml')) throw new Error('action.yml is missing at the top of the repository');
  return parse(readFileSync('action.yml', 'utf8'));
}

/** Files below a folder, with `/`, sorted; none where there is no such folder. */
function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
    .filter((file) => !file.includes('/node_modules/'))
    .sort();
}

function whole(file: string): Source {
  return { file, before: 0, text: readFileSync(file, 'utf8') };
}

/** The fenced `yaml` blocks of a Markdown text that are whole workflows. */
function fencedWorkflows(file: string, markdown: string): Source[] {
  const fence = /^([ \t]*)```ya?ml[^\n]*\n([\s\S]*?)^\1```/gm;
  return [...markdown.matchAll(fence)]
    .map(([block = '', indent = '', body = '']) => ({
      block,
      text: body.replaceAll(`\n${indent}`, '\n').slice(indent.length),
    }))
    .filter(({ text }) => /^jobs:/m.test(text))
    .map(({ block, text }) => ({
      file,
      before: markdown.slice(0, markdown.indexOf(block)).split('\n').length,
      text,
    }));
}

const workflows = filesBelow('.github/workflows')
  .filter((file) => /\.ya?ml$/.test(file))
  .map(whole);
const examples = filesBelow('examples')
  .filter((file) => /\/\.github\/workflows\/.+\.ya?ml$/.test(file))
  .map(whole);
const documented = ['README.md', ...filesBelow('docs')]
  .filter((file) => file.endsWith('.md') && existsSync(file))
  .flatMap((file) => fencedWorkflows(file, readFileSync(file, 'utf8')));

function stepsOf(text: string): Step[] {
  return Object.values((parse(text) as Workflow).jobs).flatMap(({ steps }) => steps ?? []);
}

let asked = 0;
// An error inside the language service would otherwise end as a text without problems.
registerLogger({
  error: (message: string) => {
    throw new Error(message);
  },
  warn: () => {},
  info: () => {},
  log: () => {},
});

/** What GitHub's own language service says of a workflow or of action.yml, as `file:line: message`. */
async function problems({ file, before, text }: Source): Promise<string[]> {
  // To the language service, a local action is an unknown one; ours has a name that it can ask for.
  const named = text.replace(/uses: \.\/\s*$/gm, `uses: ${own}`);
  // It remembers what it read by name, so every text needs its own.
  const uri = file === 'action.yml' ? 'file:///action.yml' : `file:///.github/workflows/${++asked}.yml`;
  const diagnostics = await validate(TextDocument.create(uri, 'yaml', 1, named), {
    actionsMetadataProvider: {
      // Other actions answer without inputs, which are then not checked.
      fetchActionMetadata: async ({ owner, name, ref }) =>
        `${owner}/${name}@${ref}` === own ? ownAction() : { name, description: '' },
    },
  });
  return diagnostics.map(({ message, range }) => `${file}:${before + range.start.line + 1}: ${message}`);
}

/** Outputs of our own action that a workflow reads and action.yml does not have. */
function unknownOutputs({ file, text }: Source): string[] {
  const ids = stepsOf(text)
    .filter(({ uses }) => uses === './' || uses === own)
    .map(({ id }) => id);
  return [...text.matchAll(/\bsteps\.([\w-]+)\.outputs\.([\w-]+)/g)]
    .filter(([, id, output]) => ids.includes(id) && !Object.hasOwn(ownAction().outputs, output ?? ''))
    .map(([, , output]) => `${file}: no output ${output}`);
}

/** `uses:` of other people's actions without a full commit hash and its version. */
function unpinned({ file, text }: Source): string[] {
  return text.split('\n').flatMap((line, at) => {
    const uses = /^\s*(?:- )?uses:\s*(.+)$/.exec(line)?.[1];
    const fine = uses === undefined || uses === './' || /^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(uses);
    return fine ? [] : [`${file}:${at + 1}: ${uses} is not pinned`];
  });
}

test('action.yml is valid', async () => {
  ownAction();
  expect(await problems(whole('action.yml'))).toEqual([]);
});

test('there are workflows', () => {
  expect(workflows.map(({ file }) => file.replace('.github/workflows/', ''))).toEqual([
    'check-dist.yml',
    'ci.yml',
    'codeql.yml',
    'model-check.yml',
    'release.yml',
  ]);
});

describe.each([...workflows, ...examples, ...documented])('$file, line $before', (source) => {
  test('is valid', async () => {
    expect([...(await problems(source)), ...unknownOutputs(source)]).toEqual([]);
  });
});

describe.each(workflows)('$file', (source) => {
  const workflow = parse(source.text) as Workflow;

  test('pins the actions of others', () => {
    expect(unpinned(source)).toEqual([]);
  });

  test('gives away no more than it needs', () => {
    expect(workflow.permissions).toEqual({});
    expect(workflow.concurrency).toBeDefined();
    for (const [name, job] of Object.entries(workflow.jobs)) {
      expect(job['timeout-minutes'], `${name} has a time limit`).toBeTypeOf('number');
      expect(job.permissions, `${name} names its permissions`).toBeTypeOf('object');
    }
    for (const line of source.text.split('\n').filter((line) => /^ {6}[\w-]+: (read|write)\b/.test(line))) {
      expect(line, 'a permission says what it is for').toMatch(/ # to \w/);
    }
    for (const step of stepsOf(source.text).filter(({ uses }) => uses?.startsWith('actions/checkout@'))) {
      expect(step.with?.['persist-credentials']).toBe(false);
    }
  });
});

test('the gate job waits for every other job', () => {
  const { jobs } = parse(readFileSync('.github/workflows/ci.yml', 'utf8')) as Workflow;
  expect(jobs['ci-ok']?.needs).toEqual(Object.keys(jobs).filter((name) => name !== 'ci-ok'));
});

describe('the checks of this file can fail', () => {
  /** An expression as workflows write it. */
  const expression = (inside: string) => `\${{ ${inside} }}`;
  const workflow = (...lines: string[]): Source => ({
    file: 'wrong.yml',
    before: 0,
    text: ['on: push', 'jobs:', '  models:', '    runs-on: ubuntu-24.04', '    steps:', ...lines, ''].join(
      '\n',
    ),
  });

  test.each([
    [
      'an unknown key',
      workflow('      - run: ls', '        shel: bash'),
      ["wrong.yml:7: Unexpected value 'shel'"],
    ],
    [
      'an unknown context',
      workflow(`      - run: echo ${expression('secret.TOKEN')}`),
      ["wrong.yml:6: Unrecognized named-value: 'secret'"],
    ],
    [
      'an unknown input of ./',
      workflow('      - uses: ./', '        with:', '          nosuch: 1'),
      ["wrong.yml:8: Invalid action input 'nosuch'"],
    ],
    [
      'an unknown input by name',
      workflow(`      - uses: ${own}`, '        with:', '          nosuch: 1'),
      ["wrong.yml:8: Invalid action input 'nosuch'"],
    ],
  ])('on %s', async (_, source, expected) => {
    expect(await problems(source)).toEqual(expected);
  });

  test('on an unknown output', () => {
    const source = workflow(
      '      - uses: ./',
      '        id: models',
      `      - run: echo ${expression('steps.models.outputs.nosuch')}`,
    );
    expect(unknownOutputs(source)).toEqual(['wrong.yml: no output nosuch']);
  });

  test('on an action that is not pinned', () => {
    const hash = '3d3c42e5aac5ba805825da76410c181273ba90b1';
    const source = workflow(
      '      - uses: actions/checkout@v7',
      `      - uses: actions/checkout@${hash}`,
      `      - uses: actions/checkout@${hash} # v7.0.1`,
      '      - uses: ./',
    );
    expect(unpinned(source)).toEqual([
      'wrong.yml:6: actions/checkout@v7 is not pinned',
      `wrong.yml:7: actions/checkout@${hash} is not pinned`,
    ]);
  });

  test('on a workflow inside Markdown, at its line', async () => {
    const markdown =
      'Text\n\n```yaml\non: push\njobs:\n  a:\n    runs-on: x\n    steps: []\n    shel: x\n```\n\n```yaml\na: 1\n```\n';
    const [source, ...more] = fencedWorkflows('a.md', markdown);
    expect(more).toEqual([]);
    expect(await problems(source as Source)).toEqual(["a.md:9: Unexpected value 'shel'"]);
  });
});

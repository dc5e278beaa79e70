import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { argumentsOf, commandsOf, runExample, sectionsOf, throwing } from '../scripts/build-docs.mjs';
import { program } from '../src/cli/program.ts';
import { findingUrl } from '../src/findings/finding.ts';
import { findingIds, findings } from '../src/findings/table.ts';

interface Block {
  file: string | null;
  lang: string;
  text: string;
}
interface Section {
  path: string[];
  blocks: Block[];
}

const pages = [
  ...readdirSync('.').filter((file) => file.endsWith('.md')),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .map((file) => `docs/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.md')),
].sort();
const read = (page: string): string => readFileSync(page, 'utf8').replaceAll('\r\n', '\n');
const pageOf = (id: string) => `docs/findings/${id}.md`;

/** Ids and severities of what an example reports, and its exit code. */
async function report(blocks: Block[]) {
  const { out, exitCode } = await runExample(program, blocks, ['--json']);
  const found = JSON.parse(out).findings as { id: string; severity: string }[];
  return {
    exitCode,
    ids: found.map(({ id }) => id),
    problems: found.filter(({ severity }) => severity !== 'note'),
  };
}

test('every finding has a page, at its address, and every page a finding', () => {
  const named = readdirSync('docs/findings').filter((file) => file !== 'README.md');
  expect(named.sort()).toEqual(findingIds.map((id) => `${id}.md`).sort());
  for (const id of findingIds) expect(findingUrl(id).endsWith(`/blob/main/${pageOf(id)}`)).toBe(true);
});

describe.each(findingIds)('the page of %s', (id) => {
  const sections: Section[] = sectionsOf(read(pageOf(id)));
  const examples = (title: string) =>
    sections.filter(({ path, blocks }) => path[0] === title && blocks.length > 0).map(({ blocks }) => blocks);

  test('says what to do before anything else', () => {
    expect(read(pageOf(id))).toMatch(
      new RegExp(
        `^# ${id}\\n\\n<!-- generated: head, since \\d+\\.\\d+\\.\\d+ -->\\n.+\\n<!-- /generated -->\\n\\n[^#]+\\*\\*To do`,
      ),
    );
  });

  test('has wrong examples that give the finding', async () => {
    expect(examples('Wrong').length).toBeGreaterThan(0);
    for (const blocks of examples('Wrong')) {
      const { ids, exitCode } = await report(blocks);
      expect(ids).toContain(id);
      expect(exitCode).toBe(findings[id].severity === 'error' ? 1 : 0);
    }
  });

  test('has right examples that give no problem', async () => {
    expect(examples('Right').length).toBeGreaterThan(0);
    for (const blocks of examples('Right')) {
      const { ids, problems } = await report(blocks);
      expect(ids).not.toContain(id);
      expect(problems).toEqual([]);
    }
  });
});

/** What a data block is checked as: the file that it becomes, and the command. Null where it is no file of ours. */
function asFile({ file, lang }: Block, value: unknown): { file: string; command: string } | null {
  const name = file?.split('/').at(-1) ?? '';
  const has = (key: string) => typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  if (/^targets\.(?:json|ya?ml)$/.test(name) || (file === null && has('targets') && !has('schema'))) {
    const targets = lang === 'json' ? '.mn/targets.json' : '.mn/targets.yaml';
    return { file: targets, command: 'mn blueprint validate --if-none ignore' };
  }
  const onLargeMac = 'mn blueprint validate --targets mac-m4-max-128 --if-none ignore';
  if (name === 'catalog.json') return { file: '.mn/models/catalog.json', command: onLargeMac };
  if (lang !== 'json' || !(has('llm') || has('runtime') || has('workflow'))) return null;
  return { file: file ?? 'blueprint.json', command: onLargeMac };
}

describe('examples', () => {
  const blocks = pages.flatMap((page) =>
    (sectionsOf(read(page)) as Section[])
      .filter(({ path }) => path[0] !== 'Wrong')
      .flatMap((section) => section.blocks.map((block) => ({ page, section, block }))),
  );
  const data = blocks.filter(({ block }) => ['json', 'yaml', 'yml'].includes(block.lang));

  test.each(data.map((one, index) => [one.page, one.section.path.join(' › '), index] as const))(
    '%s, %s (%i) is valid',
    async (_page, _title, index) => {
      const { block, section } = data[index] as (typeof data)[number];
      const value: unknown =
        block.lang === 'json' ? JSON.parse(block.text) : parse(block.text, { strict: true });
      const kind = asFile(block, value);
      // Right examples are run as a whole, above.
      if (kind === null || section.path[0] === 'Right') return;
      const command: Block = { file: null, lang: 'sh', text: kind.command };
      const { problems } = await report([{ ...block, file: kind.file }, command]);
      expect(problems).toEqual([]);
    },
  );

  test.each([
    ['model-check', /(?:^|\/)model-check\.(?:json|ya?ml)$/],
    ['baseline', /(?:^|\/)baseline\.json$/],
  ])('every file for %s.schema.json follows it', (name, files) => {
    const schema = JSON.parse(read(`schemas/${name}.schema.json`));
    const isValid = new Ajv2020({ allowUnionTypes: true }).compile(schema);
    const all = data.filter(({ block }) => files.test(block.file ?? ''));
    expect(all.length).toBeGreaterThan(1);
    for (const { page, block } of all)
      expect(isValid(parse(block.text)), `${page}: ${JSON.stringify(isValid.errors)}`).toBe(true);
  });

  const commands = pages.flatMap((page) =>
    (sectionsOf(read(page)) as Section[]).flatMap((section) =>
      commandsOf(section.blocks).map((command: string) => [page, command] as const),
    ),
  );

  test.each(commands)('%s: %s is a command', async (_page, command) => {
    let started = 0;
    const all = throwing(program, async () => {
      started++;
    });
    await all.parseAsync(argumentsOf(command), { from: 'user' });
    expect(started).toBe(1);
  });
});

/** Markdown without fenced blocks and code spans. */
const prose = (markdown: string) =>
  markdown.replace(/^(\s*)(`{3,})[\s\S]*?^\1\2$/gm, '').replace(/`[^`\n]+`/g, '');

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, title = ''] of markdown
    .replace(/^(\s*)(`{3,})[\s\S]*?^\1\2$/gm, '')
    .matchAll(/^#+ +(.+)$/gm)) {
    const slug = title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let again = 1; anchors.has(anchor); again++) anchor = `${slug}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Relative links of a page that lead nowhere. */
function brokenLinks(page: string, markdown: string): string[] {
  const links = [...prose(markdown).matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)|^\[[^\]]+\]: *(\S+)/gm)];
  return links
    .map((match) => match[1] ?? match[2] ?? '')
    .filter((link) => !/^[a-z][a-z+.-]*:/i.test(link))
    .filter((link) => {
      const [path = '', anchor] = link.split('#');
      const file = path === '' ? page : posix.join(posix.dirname(page), decodeURI(path));
      if (file !== page && !existsSync(file)) return true;
      const target = file === page ? markdown : statSync(file).isFile() ? read(file) : '';
      return anchor !== undefined && !anchorsOf(target).has(anchor);
    });
}

describe('links', () => {
  test.each(pages)('every link of %s leads somewhere', (page) => {
    expect(brokenLinks(page, read(page))).toEqual([]);
  });

  test('what leads nowhere is seen, and code is no link', () => {
    const markdown =
      '# A `b`: c\n[x](#a-b-c) [y](#nowhere) [z](nowhere.md) `[c](code.md)`\n```md\n[d](fence.md)\n# e\n```\n[f](#e) [g](https://example.org/)';
    expect(brokenLinks('docs/x.md', markdown)).toEqual(['#nowhere', 'nowhere.md', '#e']);
  });
});

test('examples are read from a page', () => {
  const page =
    '# T\n## Wrong\n### One\n`a.json`\n\n```json\n{}\n```\n```sh\n$ mn x "b c" \\\n  -d # why\nnpm ci\n```\n## Right\n  ```yaml\n  a:\n    b\n  ```\n';
  const [, , , one, right] = sectionsOf(page) as Section[];
  expect(one).toEqual({
    path: ['Wrong', 'One'],
    blocks: [
      { file: 'a.json', lang: 'json', text: '{}\n' },
      { file: null, lang: 'sh', text: '$ mn x "b c" \\\n  -d # why\nnpm ci\n' },
    ],
  });
  expect(right).toEqual({ path: ['Right'], blocks: [{ file: null, lang: 'yaml', text: 'a:\n  b\n' }] });
  expect(commandsOf(one?.blocks ?? []).map(argumentsOf)).toEqual([['x', 'b c', '-d']]);
});

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Report, RunInfo } from '../src/check/report.ts';
import { type HtmlOptions, reportHtml } from '../src/report/html.ts';
import { encodePath } from '../src/report/markdown.ts';
import type { PageData } from '../src/report/page/data.ts';
import { anyReport } from './report-arbitrary.ts';
import { fiftyTargets, hostile, info, manifest, oneMachine, report, threeBySix } from './report-builder.ts';
import { changed, demo, large } from './report-pages.ts';

const link = (file: string, line: number) =>
  `https://github.com/example/fleet/blob/0123abc/${encodePath(file)}#L${line}`;

function html(of: Report, run: Partial<RunInfo> = {}, options: Partial<HtmlOptions> = {}): string {
  return [...reportHtml(of, info(run), { link, source: () => manifest('gemma4:e2b'), ...options })].join('');
}

const between = (text: string, start: string, end: string) => {
  const from = text.indexOf(start) + start.length;
  return text.slice(from, text.indexOf(end, from));
};
const styleOf = (page: string) => between(page, '<style>', '</style>');
const scriptOf = (page: string) => between(page, '<script>', '</script>');
const islandOf = (page: string) => between(page, '<script type="application/json" id="data">', '</script>');
const dataOf = (page: string) => JSON.parse(islandOf(page)) as PageData;
/** The page without its constant parts. */
const bare = (page: string) =>
  page
    .replace(styleOf(page), '')
    .replace(scriptOf(page), '')
    .replace(/sha256-[A-Za-z0-9+/]+=/g, 'sha256-…');
/** The markup that a report writes: without style, script and data. */
const markup = (page: string) => bare(page).replace(islandOf(page), '');

describe('what people see', () => {
  test.each<[name: string, Report, Partial<RunInfo>?, Partial<HtmlOptions>?]>([
    ['three-by-six', threeBySix],
    [
      'one-machine',
      oneMachine,
      { elapsedMs: null, targetsHint: 'Choose others with --targets.' },
      { link: () => null },
    ],
    [
      'changed',
      changed,
      {
        force: true,
        configFrom: '.mn/<b>.yaml',
        baselineFrom: '.mn/<i>.json',
        leftOut: 'Left out 3 blueprints that no change since <x> can affect.',
        notCompared: 'Nothing is compared with <y>.',
      },
    ],
    ['demo', demo],
    ['fifty-targets', fiftyTargets, {}, { source: () => null }],
    ['empty', report({}), { targetsFrom: 'no target' }],
  ])('%s', async (name, of, run, options) => {
    await expect(bare(html(of, run, options))).toMatchFileSnapshot(`snapshots/page-${name}.html`);
  });
});

describe('the policy', () => {
  const page = html(threeBySix);
  const policy = between(page, 'http-equiv="Content-Security-Policy" content="', '"');
  const sha256 = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

  test('allows the style and the script of the page by their hashes, and nothing else', () => {
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `style-src ${sha256(styleOf(page))}`,
      `script-src ${sha256(scriptOf(page))}`,
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
    expect(page.match(/<style|<script>/g)).toEqual(['<style', '<script>']);
    // Before anything that it is about.
    expect(page.indexOf('Content-Security-Policy')).toBeLessThan(page.indexOf('<title>'));
  });

  test('is needed for nothing: no address is loaded, no text becomes code or HTML', () => {
    expect(styleOf(page)).not.toMatch(/url\(|@import|image-set|src:/);
    expect(scriptOf(page).replace('http://www.w3.org/2000/svg', '')).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|fetch\(|XMLHttpRequest|import\(|https?:/,
    );
    const loading = [...markup(page).matchAll(/<(?:link|img|iframe|object|embed|base|source|use)\b[^>]*>/g)];
    expect(loading.map(([tag]) => tag.slice(0, 40))).toEqual(['<link rel="icon" href="data:image/svg+xm']);
    expect(markup(page)).not.toMatch(/ (?:src|srcset|style|on[a-z]+)=/);
  });
});

const tags =
  /^<(?:!doctype html|\/?(?:html|head|body|title|style|script|header|main|footer|section|h[1-3]|p|strong|span|code|pre|mark|svg|rect|form|label|fieldset|legend|select|option|datalist|button|input|table|thead|tbody|tr|th|td|ol|ul|li|details|summary|div|a|br|meta|link)(?: [a-zA-Z-]+(?:="[^"<>]*")?)*)\/?>$/;

/** Everything between angle brackets is a tag that the report writes, and every address one that it may name. */
function expectOnlyOwnTags(page: string): void {
  const shown = markup(page);
  expect((shown.match(/<[^>]*>?/g) ?? []).filter((tag) => !tags.test(tag))).toEqual([]);
  const addresses = [...shown.matchAll(/ href="([^"]*)"/g)].map((match) => match[1] as string);
  expect(
    addresses.filter(
      (address) => !/^(?:#[a-z]+[0-9-]*$|https:\/\/github\.com\/|data:image\/svg)/.test(address),
    ),
  ).toEqual([]);
}

describe('hostile text', () => {
  const page = html(
    hostile,
    { targetsFrom: '<script>alert(1)</script>', catalogFrom: '"><b>', targetsHint: '</main>\u2028<!--' },
    { source: () => '\n\n\n"x": "</script><script>alert(1)//' },
  );

  test('stays text in the page', () => {
    expectOnlyOwnTags(page);
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    expect(markup(page)).not.toMatch(/##\[|^\s*::/m);
    expect(page).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
    expect(page.isWellFormed()).toBe(true);
  });

  test('stays text in the data', () => {
    expect(islandOf(page)).not.toMatch(/[<>&]/);
    const { texts, rows } = dataOf(page);
    const names = rows.name.map((index) => texts[index]);
    expect(names).toContain('<img src=x onerror=alert(1)>');
    expect(names).toContain('__proto__');
    expect(names).toContain('abc\\u{202e}dcba\\u{2066}');
    expect(islandOf(page)).toContain('\\u003c/scrip');
  });

  test.each(['javascript:alert(1)', 'data:text/html,x', '//evil.example', 'vbscript:x', '"><script>'])(
    'an address like %s is no link',
    (address) => {
      const shown = html(threeBySix, {}, { link: () => address });
      expect(shown).toContain('<p class="place"><code>');
      expect(
        dataOf(shown)
          .rows.places.flat()
          .map(([, , at]) => at),
      ).not.toContainEqual(expect.not.toSatisfy((at: number) => at === -1));
      expectOnlyOwnTags(shown);
    },
  );

  test('of any kind', () => {
    fc.assert(
      fc.property(anyReport, fc.string({ unit: 'binary', maxLength: 60 }), (of, words) => {
        const shown = html(of, { targetsFrom: words, catalogFrom: words }, { source: () => words });
        expectOnlyOwnTags(shown);
        expect(shown.isWellFormed()).toBe(true);
        const { rows, texts, patterns, sets, estimates } = dataOf(shown);
        expect(new Set(Object.values(rows).map(({ length }) => length)).size).toBe(1);
        for (const pattern of patterns) expect(pattern).toMatch(new RegExp(`^[0-3-]{${of.targets.length}}$`));
        expect(new Set(rows.estimate).size).toBeLessThanOrEqual(estimates.length + 1);
        for (const { verdicts } of sets) expect(verdicts).toHaveLength(of.targets.length);
        for (const index of [...rows.name, ...rows.label, ...rows.path])
          expect(texts[index]).toBeTypeOf('string');
      }),
      { numRuns: 100 },
    );
  });
});

describe('the data', () => {
  test('a row knows its statuses, verdicts, places and findings', () => {
    const { texts, rows, patterns, statuses, verdicts, sets, findings } = dataOf(html(oneMachine));
    const row = rows.label.findIndex((index) => texts[index] === 'gemma4:e2b @ 8192');
    const say = (index: number | undefined) => texts[index ?? -1];
    expect(say(rows.name[row])).toBe('vc_assistant');
    expect(patterns[rows.pattern[row] ?? -1]).toBe('3');
    expect(statuses[3]).toEqual({ mark: '✗', words: 'does not run' });
    expect(verdicts[sets[rows.set[row] ?? -1]?.verdicts[0] ?? -1]).toEqual({
      status: 3,
      forced: false,
      rule: 'nvidia-memory',
      accelerator: 'CUDA',
      needs: [8, '8 GB VRAM'],
      found: [6, '6 GB VRAM'],
      message: 'needs 8 GB VRAM, found 6 GB',
      help: '',
    });
    const places = rows.places[row]?.map(([place, pointer, address, code]) => [
      say(place),
      say(pointer),
      say(address),
      code?.map(say) ?? null,
    ]);
    const file = 'vc_assistant/manifest.json';
    expect(places).toEqual([
      [`${file}:4:14`, '/llm/configs/primary', link(file, 4), ['"model": ', '"gemma4:e', '2b",']],
      [`${file}:4:14`, '/runtime/models/x', link(file, 4), null],
    ]);
    expect(findings.map(({ id }) => id)).toEqual(['model-incompatible', 'context-size-missing']);
  });

  test('a row knows what its model takes, once for all rows that ask for the same; what is not known is not there', () => {
    const { rows, texts, estimates, fits, memory, patterns } = dataOf(html(demo));
    expect(rows.estimate).toEqual([0, 1, -1, -1, -1]);
    expect(memory.map((each) => each?.gb)).toEqual([24, 6]);
    expect(
      estimates.map(([size, given, device, cpu, note]) => [size, given, device, cpu, texts[note]]),
    ).toEqual([
      [8192, 0, 24.02, 24.52, 'which quantization it has is not certain'],
      [65_536, 1, 5.5, 6, undefined],
    ]);
    const words = estimates.map(([, , , , , at]) =>
      [...(patterns[at] as string)].map((digit) => fits[Number(digit)]?.words),
    );
    expect(words).toEqual([
      ['does not fit', 'does not fit'],
      ['fits', 'tight'],
    ]);
    const unknown = {
      ...demo,
      modelMemory: demo.modelMemory?.map((have) => ({ ...have, bytes: null })) ?? [],
    };
    expect(dataOf(html(unknown)).memory).toEqual([null, null]);
  });

  test.each([
    [
      'a line of a minified file',
      `${'x'.repeat(100)}${'y'.repeat(10)}${'z'.repeat(100)}`,
      101,
      111,
      [`…${'x'.repeat(60)}`, 'y'.repeat(10), `${'z'.repeat(59)}…`],
    ],
    ['a value of megabytes', `"${'y'.repeat(2_000_000)}"`, 1, 2_000_003, ['', `"${'y'.repeat(118)}…`, '']],
    ['controls and tabs', '\t"a\u001b[2J\u202e": 1', 2, 12, ['', '"a\\u{1b}[2J\\u{202e}": ', '1']],
    ['a file that has changed since', 'x', 5, 6, null],
  ])('%s is cut to be shown', (_, source, column, endColumn, expected) => {
    const range = { line: 1, column, endLine: 1, endColumn };
    const [first, ...others] = threeBySix.blueprints;
    const declarations = first?.declarations.map((one) => ({ ...one, range })) ?? [];
    const of = { ...threeBySix, blueprints: [{ path: 'a', id: 'a', declarations }, ...others] };
    const { rows, texts } = dataOf(html(of, {}, { source: () => source }));
    const row = rows.name.findIndex((index) => texts[index] === 'a');
    expect(rows.places[row]?.[0]?.[3]?.map((index) => texts[index]) ?? null).toEqual(expected);
  });
});

test('2,000 blueprints on 50 targets stay a small file, and the table without script says what it lacks', () => {
  const page = html(large);
  expect(page.length).toBeLessThan(1_000_000);
  expect(dataOf(page).rows.name).toHaveLength(2000);
  expect(page).toContain(
    'Without JavaScript this table has the first 60 of 2000 rows, those with problems first. The JSON report has everything.',
  );
  expect(page.match(/<th scope="row">blueprint_/g)).toHaveLength(60);
});

test('100,000 findings are counted, listed as far as a page is read, and not written twice', () => {
  const [first] = threeBySix.findings;
  const findings = Array.from(
    { length: 100_000 },
    (_, at) => ({ ...first, sameAs: String(at) }) as Report['findings'][number],
  );
  const page = html(report({ ...threeBySix, findings }));
  expect(page).toContain('100000 errors');
  expect(page).toContain('… and 99500 more. The JSON report has everything.');
  expect(page.length).toBeLessThan(5_000_000);
});

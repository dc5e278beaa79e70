import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Report } from '../src/check/report.ts';
import { reportHtml } from '../src/report/html.ts';
import { encodePath } from '../src/report/markdown.ts';
import {
  blueprint,
  declaration,
  hostile,
  hostileStrings,
  info,
  manifest,
  noContext,
  report,
  threeBySix,
  unknownModel,
} from './report-builder.ts';
import { changed, demo, large } from './report-pages.ts';
import { chromium, type Opened, type OpenOptions, open } from './support/chromium.ts';
import { folderOf } from './support/process.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The address of a page with this report. */
function addressOf(of: Report, source = manifest('gemma4:e2b')): string {
  const page = [
    ...reportHtml(of, info(), {
      link: (file, line) => `https://example.org/${encodePath(file)}#L${line}`,
      source: () => source,
    }),
  ];
  return pathToFileURL(join(folderOf({ 'report.html': page.join('') }), 'report.html')).href;
}

const show = (of: Report, options: OpenOptions = {}) => open(addressOf(of), options);
const cells = (selector: string) =>
  `[...document.querySelectorAll('${selector}')].map((cell) => cell.innerText)`;
const rowNames = cells('.grid tbody th');
const status = `document.getElementById('status').innerText`;
const panel = `document.getElementById('panel').innerText`;
const isOpen = `!document.getElementById('panel').hidden`;
/** What has the focus: text, or the name of its row and column. */
const focus = `(() => { const { activeElement: one } = document; const cell = one.closest('td'); return cell === null ? one.innerText || one.tagName : cell.parentElement.cells[0].innerText + ', ' + cell.parentElement.parentElement.parentElement.rows[0].cells[cell.cellIndex].innerText; })()`;

async function violations({ ask }: Opened): Promise<string[]> {
  await ask(`${axe}; 0`);
  return ask(
    `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ': ' + html.slice(0, 200) + failureSummary)))`,
  );
}

test('Chromium is there where CI runs', () => {
  if (process.env.CI && process.platform === 'linux') expect(chromium).not.toBeNull();
});

describe.skipIf(chromium === null)('the page in a browser (skipped where Chromium is not installed)', () => {
  describe.each([
    { width: 1280, scheme: 'light' },
    { width: 1280, scheme: 'dark' },
    { width: 390, scheme: 'light' },
    { width: 390, scheme: 'dark' },
  ] as const)('$width pixels, $scheme', (options) => {
    test('has nothing that shuts anybody out, folded, opened and asked', async () => {
      const opened = await show(
        { ...changed, ...demo, hidden: changed.hidden, comparison: changed.comparison },
        options,
      );
      expect(await violations(opened)).toEqual([]);
      await opened.ask(`for (const one of document.querySelectorAll('details')) one.open = true`);
      await opened.page.click('.grid td.s3 a');
      expect(await violations(opened)).toEqual([]);
      // The table scrolls, the page does not.
      expect(await opened.ask('document.documentElement.scrollWidth')).toBe(options.width);
      expect(opened.incidents).toEqual([]);
    });
  });

  test('without script it reads the same, and a cell leads to its verdict', async () => {
    const address = addressOf(demo);
    const plain = await open(address, { script: false });
    const scripted = await open(address);
    const table = `[...document.querySelectorAll('.grid th, .grid td')].map((cell) => cell.textContent)`;
    expect(await plain.ask(table)).toEqual(await scripted.ask(table));
    expect(await plain.ask(`getComputedStyle(document.getElementById('filters')).display`)).toBe('none');
    await plain.page.click('.grid td.s3 a');
    expect(await plain.ask(`document.querySelector(':target').innerText`)).toContain(
      'needs 48 GB VRAM, found 24 GB',
    );
    expect(await plain.ask(`document.querySelector(':target .use').innerText`)).toBe(
      'takes 24.02 GB of 24 GB: does not fit',
    );
    expect(await plain.ask(`document.querySelector(':target').checkVisibility()`)).toBe(true);
    expect([...plain.incidents, ...scripted.incidents]).toEqual([]);
  });

  test('filters by status, model, blueprint, target and words, each said, and shows all again', async () => {
    const { page, ask, incidents } = await show(demo);
    expect(await ask(status)).toBe('5 rows');
    await page.click('.chip[data-status="3"]');
    expect(await ask(rowNames)).toEqual(['alpha', 'beta']);
    expect(await ask(status)).toBe('2 of 5 rows');
    await page.select('#target', '1');
    expect(await ask(rowNames)).toEqual(['beta']);
    expect(await ask(cells('.grid thead th'))).toEqual(['blueprint', 'model', 'Small GPU']);
    await page.click('#all');
    await page.select('#model', 'nemotron3');
    expect(await ask(rowNames)).toEqual(['alpha']);
    await page.click('#all');
    await page.type('#blueprint', 'BET');
    expect(await ask(rowNames)).toEqual(['beta']);
    // Leaving the field must not take the cell away that is clicked.
    await page.click('.grid td.s3 a');
    expect(await ask(isOpen)).toBe(true);
    await page.keyboard.press('Escape');
    await page.click('#all');
    await page.click('.chip[data-status="-"]');
    expect(await ask(rowNames)).toEqual(['gamma', 'delta']);
    await page.click('#all');
    await page.type('#search', 'unknown GAMMA');
    expect(await ask(rowNames)).toEqual(['gamma']);
    expect(await ask(status)).toBe('1 of 5 rows · 1 of 4 findings');
    expect(await ask(`[...document.querySelectorAll('.finding')].filter((one) => !one.hidden).length`)).toBe(
      1,
    );
    await page.type('#search', 'nothing');
    expect(await ask(cells('.grid tbody td'))).toEqual(['No row is like that.']);
    await page.click('#all');
    expect(await ask(status)).toBe('5 rows');
    expect(await ask(focus)).toBe('INPUT');
    expect(incidents).toEqual([]);
  });

  test('sorts by blueprint, model and target, up, down and back', async () => {
    const { page, ask } = await show(demo);
    const head = (index: number) => page.click(`.grid thead th:nth-child(${index}) button`);
    const order = `[...document.querySelectorAll('th[aria-sort]')].map((one) => one.innerText + ' ' + one.ariaSort)`;
    const first = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'];
    expect(await ask(rowNames)).toEqual(first);
    await head(1);
    expect(await ask(rowNames)).toEqual(['alpha', 'beta', 'delta', 'epsilon', 'gamma']);
    expect(await ask(order)).toEqual(['blueprint ascending']);
    await head(1);
    expect(await ask(rowNames)).toEqual(['gamma', 'epsilon', 'delta', 'beta', 'alpha']);
    await head(1);
    expect(await ask(rowNames)).toEqual(first);
    await head(4);
    expect(await ask(rowNames)).toEqual(['beta', 'alpha', 'epsilon', 'gamma', 'delta']);
    expect(await ask(order)).toEqual(['Small GPU ascending']);
  });

  test('keys move through the table, open the panel and come back', async () => {
    const { page, ask, incidents } = await show(demo);
    const press = async (...keys: Parameters<typeof page.keyboard.press>[0][]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    await page.focus('.grid thead th:last-child button');
    await press('Tab');
    expect(await ask(focus)).toBe('alpha, Large GPU');
    await press('ArrowRight', 'ArrowDown');
    expect(await ask(focus)).toBe('beta, Small GPU');
    await press('ArrowDown', 'ArrowDown', 'ArrowDown');
    expect(await ask(focus)).toBe('epsilon, Small GPU');
    await press('Home', 'ArrowUp', 'ArrowUp', 'ArrowUp', 'End');
    expect(await ask(focus)).toBe('beta, Small GPU');
    await press('Enter');
    expect(await ask(isOpen)).toBe(true);
    expect(await ask(focus)).toBe('✗ does not run');
    await press('Escape');
    expect(await ask(isOpen)).toBe(false);
    expect(await ask(focus)).toBe('beta, Small GPU');
    expect(incidents).toEqual([]);
  });

  test('the panel says why, where and what to do, and copies it', async () => {
    const { page, ask, incidents } = await show(demo);
    await page.click('.grid tbody tr:nth-child(2) td.s3 a');
    const said = (await ask<string>(panel)).replaceAll(/\s*\n\s*/g, '\n');
    for (const part of [
      '✗ does not run\nbeta · gemma4:e2b\nfleet/beta\nSmall GPU\nLinux x64, NVIDIA GPU 6 GB, 32 GB RAM',
      'Policy: the hardware table\nneeds 8 GB VRAM, found 6 GB\nneeds\n8 GB VRAM\nfound\n6 GB VRAM',
      'nvidia-memory · llama.cpp · CUDA\nEstimate: changes no verdict\ntakes\n5.5 GB at 65,536 tokens: tight\nhas\n6 GB\n6 GB VRAM.',
      'gemma4:e2b does not run on Small GPU',
      'Finding 2 · model-incompatible',
      'Declared in\nfleet/beta/manifest.json:4:14 for /llm/configs/primary\n"model": "gemma4:e2b",',
    ]) {
      expect(said).toContain(part);
    }
    const widths = `[...document.querySelectorAll('#panel rect')].map((one) => one.getAttribute('width'))`;
    expect((await ask<string[]>(widths)).map((width) => Number(width).toFixed(1))).toEqual([
      '100.0',
      '75.0',
      '91.7',
      '100.0',
    ]);
    // A difference that is there is seen, and what is not certain is said.
    await page.click('.grid tbody tr:nth-child(1) td.s3 a');
    expect((await ask<string>(panel)).replaceAll(/\s*\n\s*/g, '\n')).toContain(
      'takes\n24.02 GB at 8,192 tokens, as the catalog has it: does not fit\nhas\n24 GB\n24 GB VRAM. Not certain: which quantization it has is not certain.',
    );
    // Nothing is known: no bars, and no heads to tell apart.
    await page.click('.grid tbody tr:nth-child(5) td.s0 a');
    expect(await ask(panel)).not.toMatch(/Estimate|Policy/);
    await page.click('.grid tbody tr:nth-child(2) td.s3 a');

    await page
      .browserContext()
      .overridePermissions(page.url(), ['clipboard-read', 'clipboard-write', 'clipboard-sanitized-write']);
    await page.focus('.copy');
    await page.keyboard.press('Enter');
    await page.waitForFunction(`document.querySelector('#panel [role=status]').innerText !== ''`);
    expect(await ask(`document.querySelector('#panel [role=status]').innerText`)).toBe('Copied. ');
    expect(await ask('navigator.clipboard.readText()')).toBe('Use a smaller model.');

    await page.click('#panel a[href="#finding-2"]');
    expect(await ask(isOpen)).toBe(false);
    expect(await ask(`document.querySelector(':target').id`)).toBe('finding-2');

    await page.click('.grid td.words a');
    expect(await ask(panel)).toContain('✗ unknown model\n');
    expect(await ask(panel)).toContain('Copy the value');
    await page.click('#panel .close');
    expect(await ask(isOpen)).toBe(false);
    expect(incidents).toEqual([]);
  });

  test('the button turns the colours, and they stay', async () => {
    const { page, ask } = await show(threeBySix);
    const color = `getComputedStyle(document.body).backgroundColor`;
    const light = await ask(color);
    await page.click('#theme');
    const dark = await ask(color);
    expect(dark).not.toBe(light);
    expect(await ask(`document.getElementById('theme').ariaLabel`)).toBe('Use light colours');
    await page.reload();
    expect(await ask(color)).toBe(dark);
  });

  test('hostile text is shown, and does nothing', async () => {
    const attack = '</script><script>window.owned=1</script><img src=x onerror="window.owned=2">';
    const of = {
      ...hostile,
      blueprints: [...hostile.blueprints, blueprint('x', declaration('x', { ref: attack, model: null }))].map(
        (one) => ({ ...one, id: `${one.id}${attack}` }),
      ),
    };
    const { page, ask, incidents } = await open(addressOf(of, `${attack}\n${attack}\n${attack}\n${attack}`));
    expect(await ask<string[]>(rowNames)).toHaveLength(hostileStrings.length * 2 + 1);
    expect(await ask<string[]>(rowNames)).toContain(`__proto__${attack.slice(0, 50)}…`);
    for (const cell of await page.$$('.grid td a')) {
      await cell.evaluate((one) => (one as unknown as { click(): void }).click());
      expect(await ask(`document.querySelectorAll('#panel img, #panel script, #panel b').length`)).toBe(0);
    }
    await page.type('#search', '<img src=x onerror=alert(1)>');
    expect(await ask(`document.querySelectorAll('img, body script').length`)).toBe(2);
    expect(await ask('window.owned')).toBeUndefined();
    expect(incidents).toEqual([]);
  });

  test('what the policy forbids does not happen even where somebody finds a way in', async () => {
    const { page, ask, incidents } = await show(threeBySix);
    await ask(
      `(() => { const one = document.createElement('script'); try { one.textContent = 'window.owned = 1'; } catch {} document.body.append(one); })()`,
    );
    await ask(
      `(() => { const one = document.createElement('img'); one.src = 'https://example.org/x.png'; document.body.append(one); })()`,
    );
    await ask(`(() => { try { document.body.innerHTML = 'x'; } catch {} })()`);
    await page.waitForNetworkIdle({ idleTime: 50 });
    expect(await ask('window.owned')).toBeUndefined();
    expect(await ask(`document.querySelector('h1') !== null`)).toBe(true);
    expect(incidents.length).toBeGreaterThan(1);
  });

  test('2,000 blueprints on 50 targets: few rows are made, more when they are wanted', async () => {
    const { page, ask, incidents } = await show(large);
    const count = `document.querySelectorAll('.grid tbody tr').length`;
    expect(await ask(status)).toBe('2,000 rows');
    expect(await ask(count)).toBeLessThan(200);
    let before = await ask<number>(count);
    await page.evaluate(`document.querySelector('#more button').click()`);
    expect(await ask(count)).toBeGreaterThan(before);
    before = await ask<number>(count);
    await page.evaluate(`document.querySelector('#matrix .scroll').scrollTo(0, 1e6)`);
    await page.waitForFunction(`${count} > ${before}`);
    await page.type('#search', 'blueprint_1999');
    expect(await ask(rowNames)).toEqual(['blueprint_1999']);
    await page.click('#all');
    await page.select('#model', 'model-3');
    expect(await ask(status)).toBe('333 of 2,000 rows');
    await page.evaluate(`dispatchEvent(new Event('beforeprint'))`);
    expect(await ask(count)).toBe(333);
    expect(incidents).toEqual([]);
  });

  test('targets that are alike share a column until somebody wants each', async () => {
    const twins = Array.from({ length: 24 }, (_, at) => ({
      ...(demo.targets[at % 2] as Report['targets'][number]),
      id: `t${at}`,
      name: `Twin ${at}`,
    }));
    const pattern = Object.fromEntries(
      twins.map(({ id }, at) => [id, at % 2 === 0 ? 'pass' : 'fail'] as const),
    );
    const of = report({
      targets: twins,
      blueprints: [blueprint('a', declaration('a/manifest.json', { statuses: pattern }))],
    });
    const { page, ask } = await show(of);
    expect(await ask(cells('.grid thead th'))).toEqual(['blueprint', 'model', 'Twin 0 +11', 'Twin 1 +11']);
    await page.click('.grid td.s3 a');
    expect(await ask(panel)).toContain('Twin 1 · Twin 3 · Twin 5');
    await page.click('#expand');
    expect(await ask<string[]>(cells('.grid thead th'))).toHaveLength(26);
  });

  test('prints whole: nothing folded, no controls', async () => {
    const { page, ask } = await show(demo);
    await page.emulateMediaType('print');
    expect(await ask(`getComputedStyle(document.getElementById('filters')).display`)).toBe('none');
    expect((await page.pdf()).length).toBeGreaterThan(1000);
    await ask(`dispatchEvent(new Event('beforeprint'))`);
    expect(await ask(`document.querySelectorAll('details:not([open])').length`)).toBe(0);
    await ask(`dispatchEvent(new Event('afterprint'))`);
    expect(await ask(`document.querySelectorAll('details[open]').length`)).toBe(0);
  });

  test('a report without anything is a page, too', async () => {
    const { ask, incidents } = await show(report({ findings: [noContext('a'), unknownModel('a', 'b')] }));
    expect(await ask(`document.querySelector('h1').innerText`)).toContain('no blueprint found');
    expect(await ask(`document.getElementById('theme').hidden`)).toBe(false);
    expect(incidents).toEqual([]);
  });
});

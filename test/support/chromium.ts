import { existsSync } from 'node:fs';
import type { Browser, BrowserContext, Page } from 'puppeteer-core';
import puppeteer from 'puppeteer-core';
import { afterAll, afterEach } from 'vitest';

/** Chromium or Chrome of this machine; CHROMIUM names another one. Null where there is none. */
export const chromium =
  [process.env.CHROMIUM ?? '', '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
    (path) => path !== '' && existsSync(path),
  ) ?? null;

let browser: Promise<Browser> | null = null;
const contexts: BrowserContext[] = [];
afterEach(() => Promise.all(contexts.splice(0).map((context) => context.close())));
afterAll(async () => (await browser)?.close());

export interface OpenOptions {
  width?: number;
  scheme?: 'light' | 'dark';
  script?: boolean;
}

export interface Opened {
  page: Page;
  /** What a page must never do: errors, violations of its policy, dialogs, requests for anything but itself. */
  incidents: string[];
  /** The value of an expression in the page. */
  ask<Value>(expression: string): Promise<Value>;
}

/** Opens a file the way a reader does, who was never here before. It closes after the test. */
export async function open(address: string, options: OpenOptions = {}): Promise<Opened> {
  const { width = 1280, scheme = 'light', script = true } = options;
  browser ??= puppeteer.launch({
    executablePath: chromium as string,
    // Root may not use the sandbox, and containers often have little shared memory.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  const context = await (await browser).createBrowserContext();
  contexts.push(context);
  const page = await context.newPage();
  const incidents: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warn', 'issue'].includes(message.type())) incidents.push(message.text());
  });
  page.on('pageerror', (error) => incidents.push(String(error)));
  page.on('dialog', (dialog) => {
    incidents.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const url = request.url();
    if (url.split('#')[0] !== address && !url.startsWith('data:')) incidents.push(`request: ${url}`);
  });
  await page.setViewport({ width, height: 800 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  await page.setJavaScriptEnabled(script);
  await page.goto(address);
  return { page, incidents, ask: (expression) => page.evaluate(expression) as Promise<never> };
}

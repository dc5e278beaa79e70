// Writes docs/images/report-*.png: the HTML report of a made-up repository, in Chromium (CHROMIUM names its
// program). Not part of the gate: fonts differ between machines. Needs a fresh dist/ (npm run build).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import puppeteer from 'puppeteer-core';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const images = join(root, 'docs', 'images');
const mostBytes = 150_000;

const ok = { model: 'gemma4:e2b', context_size: 4096 };
/** Blueprints by name: what their only config says. */
const blueprints = {
  cctv_operator: { model: 'nemotron3', context_size: 8192 },
  claims_triage: { model: 'qwen3:14b', context_size: 16384 },
  contract_reader: { model: 'nemotron3', context_size: 8192 },
  customer_churn: ok,
  demo_linear: { ...ok, provider: 'fake' },
  email_router: { model: 'default', context_size: 4096 },
  field_reports: { model: 'gemma4:e2', context_size: 4096 },
  grant_writer: { model: 'qwen3:14b', context_size: 8192 },
  invoice_match: ok,
  lab_notebook: { model: 'gemma4:e2b', context_size: 8192 },
  legal_assistant: { model: 'default', context_size: 8192 },
  meeting_minutes: { model: 'small', context_size: 4096 },
  night_watch: { ...ok, provider: 'fake' },
  onboarding: ok,
  patent_search: { model: 'gemma4:e2b' },
  release_notes: ok,
  support_desk: { model: 'gemma4:e2b', context_size: 8192 },
  translation: { model: 'gemma4:e2b', context_size: 16384 },
  vc_assistant: { model: 'gemma4:e2b', context_size: 8192 },
};

function files() {
  const model = {
    id: 'qwen3:14b',
    model: 'ai/qwen3:14B',
    aliases: ['large'],
    requirements: { min_vram_gb: 16, min_unified_memory_gb: 24, min_cpu_ram_gb: 64 },
  };
  const targets = [
    ...['mac-m2-16', 'mac-m4-pro-24', 'mac-m4-max-128', 'rtx-4060', 'rtx-4090'],
    { id: 'old-desktop', name: 'Old desktop, RTX 2060', preset: 'rtx-2060', required: false },
    { id: 'amd-desktop', name: 'AMD desktop, RX 7600', preset: 'rx-7600', required: false },
    { id: 'cpu-server', name: 'CPU server, 64 GB', os: 'linux', arch: 'x64', memory_gb: 64, required: false },
  ];
  return {
    '.git/HEAD': '',
    '.mn/models/catalog.json': { models: [model] },
    '.mn/targets.json': { targets },
    ...Object.fromEntries(
      Object.entries(blueprints).flatMap(([name, config]) => {
        const llm = { configs: { primary: { provider: 'docker_model_runner', ...config } } };
        return [
          [`blueprints/${name}/manifest.json`, { apiVersion: 'mn.workflow/v1' }],
          [`blueprints/${name}/config/default.json`, { llm }],
        ];
      }),
    ),
  };
}

function makeReport(folder) {
  for (const [file, value] of Object.entries(files())) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `${JSON.stringify(value, null, 2)}\n`);
  }
  const cli = join(root, 'dist', 'cli', 'index.js');
  const args = [cli, 'blueprint', 'validate', '--format', 'html', '--output', 'report.html'];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: {} });
  if (status !== 1) throw new Error(`the report was not written: ${stderr}`);
  return pathToFileURL(join(folder, 'report.html')).href;
}

const shots = [
  { name: 'report-light', width: 1280, height: 740, scheme: 'light' },
  { name: 'report-dark', width: 1100, height: 580, scheme: 'dark', ask: true },
  { name: 'report-phone', width: 390, height: 760, scheme: 'light', ask: true },
];

const chromium =
  process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path));
const folder = mkdtempSync(join(tmpdir(), 'model-check-screenshots-'));
const browser = await puppeteer.launch({
  executablePath: chromium,
  args: ['--no-sandbox', '--disable-lcd-text'],
});
try {
  const address = makeReport(folder);
  mkdirSync(images, { recursive: true });
  for (const { name, width, height, scheme, ask } of shots) {
    const page = await browser.newPage();
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await page.goto(address);
    if (ask) {
      // The matrix, not the head of the page.
      await page.$eval('#matrix', (matrix) => matrix.scrollIntoView());
      await page.click('.grid td.s3 a');
      await page.mouse.move(0, 0);
    }
    const path = join(images, `${name}.png`);
    await page.screenshot({ path });
    const { size } = statSync(path);
    console.log(`${path}: ${size} bytes`);
    if (size > mostBytes) throw new Error(`${name}.png is larger than ${mostBytes} bytes`);
    await page.close();
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}

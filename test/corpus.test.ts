import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { discover } from '../src/blueprint/discover.ts';
import { BaselineUpdate, baselineSieve, baselineText, parseBaseline } from '../src/check/baseline.ts';
import { Beside } from '../src/check/beside.ts';
import type { CheckInput } from '../src/check/check.ts';
import { check } from '../src/check/check.ts';
import type { Report } from '../src/check/report.ts';
import type { Sieve } from '../src/check/sieve.ts';
import type { Files } from '../src/document/files.ts';
import { nodeFiles } from '../src/io/files.ts';
import { reportJson } from '../src/report/json.ts';
import { reportJunit } from '../src/report/junit.ts';
import { reportSarif } from '../src/report/sarif.ts';
import { builtIn, folder, preset } from './support/blueprints.ts';
import { isReport, isSarif, junitProblems } from './support/report-schemas.ts';

/**
 * The real blueprints of mn-blueprints at c663939 (2026-08-06), beside this repository where it was
 * checked out with them. They are not ours to copy.
 */
const corpus = fileURLToPath(new URL('../../shared/corpus/mn-blueprints', import.meta.url));
const there = existsSync(corpus);
if (!there) console.warn(`test/corpus.test.ts is SKIPPED: there is no ${corpus}`);

const manifest = 'manifest.json';
const config = 'config/default.json';
const ocr = 'hf.co/noctrex/LightOnOCR-2-1B-GGUF:Q4_K_M';

/** Everything that is not skipped: blueprint, pointer, file, line of the value, reference, backend, context size. */
const declarations: [string, string, string, number, string, string | null, number | null][] = [
  [
    'demo_air_gapped',
    '/runtime/models/primary',
    manifest,
    221,
    'demo-air-gapped/gemma4-e2b:latest',
    'llama.cpp',
    4096,
  ],
  ['drug_discovery_research_assistant', '/llm/configs/primary', config, 426, 'default', 'llama.cpp', null],
  [
    'drug_discovery_research_assistant',
    '/runtime/models/primary',
    manifest,
    1358,
    'default',
    'llama.cpp',
    null,
  ],
  [
    'drug_discovery_research_assistant',
    '/knowledge_rag/embedding_model',
    config,
    570,
    'rag-embedding',
    'llama.cpp',
    null,
  ],
  ['financial_advisor', '/llm/configs/primary', manifest, 920, 'default', 'llama.cpp', null],
  ['financial_advisor', '/knowledge_rag/embedding_model', manifest, 532, 'rag-embedding', 'llama.cpp', null],
  ['financial_advisor', '/input_skills/llm_ocr', config, 251, ocr, 'llama.cpp', null],
  ['legal_assistant', '/llm/configs/primary', manifest, 711, 'default', 'llama.cpp', null],
  ['legal_assistant', '/knowledge_rag/embedding_model', manifest, 417, 'rag-embedding', 'llama.cpp', null],
  ['legal_assistant', '/input_skills/llm_ocr', config, 166, ocr, 'llama.cpp', null],
  ['purchase_research_assistant', '/llm/configs/primary', manifest, 913, 'default', 'llama.cpp', null],
  [
    'purchase_research_assistant',
    '/knowledge_rag/embedding_model',
    manifest,
    533,
    'rag-embedding',
    'llama.cpp',
    null,
  ],
  ['research_coscientist', '/llm/configs/primary', manifest, 916, 'default', 'llama.cpp', null],
  [
    'research_coscientist',
    '/knowledge_rag/embedding_model',
    manifest,
    529,
    'rag-embedding',
    'llama.cpp',
    null,
  ],
  ['vc_assistant', '/llm/configs/primary', manifest, 716, 'default', 'llama.cpp', 8192],
];

describe.skipIf(!there)(`real blueprints${there ? '' : ' (skipped: ../shared/corpus is not there)'}`, () => {
  interface Extra {
    sieve?: Sieve | null;
    texts?: Record<string, string> | undefined;
    beside?: CheckInput['beside'];
  }
  const checkAll = (id: string, { sieve = null, texts = {}, beside = null }: Extra = {}): Report => {
    const disk = nodeFiles([corpus]);
    const files: Files = {
      ...disk,
      read: (file) => (Object.hasOwn(texts, file) ? { ok: true, text: texts[file] ?? '' } : disk.read(file)),
    };
    return check({
      blueprints: discover(
        files,
        [folder(corpus)],
        () => true,
        () => {},
      ),
      catalog: builtIn,
      targets: [preset(id)],
      force: false,
      installed: null,
      findings: [],
      files,
      positions: 'all',
      ifNone: 'error',
      searched: [corpus],
      beside,
      notBlueprints: [],
      sieve,
    });
  };
  const short = (path: string) => path.slice(corpus.length + 1);
  const report = there ? checkAll('mac-m4-max-128') : null;

  test('every format that has a schema follows it', async () => {
    const reports = ['mac-m4-max-128', 'apple-silicon-8gb', 'cpu-32gb'].map((id) => checkAll(id));
    for (const each of reports) {
      expect(isReport(JSON.parse([...reportJson(each)].join(''))), JSON.stringify(isReport.errors)).toBe(
        true,
      );
      const { chunks } = reportSarif(each, { version: '1.0.0', settled: true });
      expect(isSarif(JSON.parse([...chunks].join(''))), JSON.stringify(isSarif.errors)).toBe(true);
    }
    expect(await junitProblems(reports.map((each) => [...reportJunit(each)].join('')))).toEqual([]);
  });

  test('against a baseline of itself nothing is left, and one new wrong model is one finding', () => {
    const context = { pathIn: short, isGone: () => false };
    const update = new BaselineUpdate(context);
    checkAll('apple-silicon-8gb', { sieve: update });
    const made = parseBaseline('b.json', baselineText(update.next(new Map(), [])));
    if (!made.ok) throw new Error('no baseline');
    const left = (texts?: Record<string, string>) => {
      const { findings } = checkAll('apple-silicon-8gb', {
        sieve: baselineSieve(made.baseline, context),
        texts,
      });
      const kept = findings.filter(({ severity }) => severity !== 'note');
      return kept.map(({ id, location }) => `${id} ${short(location?.file ?? '')}`);
    };
    const file = `${corpus}/vc_assistant/manifest.json`;
    const text = readFileSync(file, 'utf8');
    expect(left()).toEqual([]);
    expect(left({ [file]: `\n\n${text}` })).toEqual([]);
    expect(left({ [file]: text.replace('"model": "default"', '"model": "no-such-model"') })).toEqual([
      'unknown-model vc_assistant/manifest.json',
    ]);
  });

  test('35 blueprints', () => {
    expect(report?.blueprints.map(({ path }) => path).filter((path) => short(path).includes('/'))).toEqual(
      [],
    );
    expect(report?.summary.blueprints).toBe(35);
  });

  test('every declaration, and nothing else', () => {
    const found = report?.blueprints.flatMap(({ path, declarations }) =>
      declarations
        .filter(({ skipped }) => skipped === null)
        .map((d) => [
          short(path),
          d.pointer,
          short(d.file).replace(`${short(path)}/`, ''),
          d.range?.line,
          d.ref,
          d.backend,
          d.contextSize,
        ]),
    );
    const sorted = (rows: unknown[][] | undefined) => rows?.map((row) => JSON.stringify(row)).sort();
    expect(sorted(found)).toEqual(sorted(declarations));
  });

  test('what is skipped, and why', () => {
    const reasons = new Map<string, number>();
    for (const { skipped } of report?.blueprints.flatMap(({ declarations }) => declarations) ?? []) {
      if (skipped !== null) reasons.set(skipped, (reasons.get(skipped) ?? 0) + 1);
    }
    expect(Object.fromEntries(reasons)).toEqual({ 'llm.enabled is false': 27, 'provider is fake': 2 });
  });

  test('no error on a machine that runs everything, and no warning but for payloads that are fetched later', () => {
    const serious = report?.findings.filter(({ severity }) => severity !== 'note') ?? [];
    expect(
      serious.map(
        ({ severity, id, location }) =>
          `${severity} ${id} ${short(location?.file ?? '')} ${location?.pointer}`,
      ),
    ).toEqual([
      'warning payload-missing demo_air_gapped/manifest.json /runtime/models/primary/source/license_path',
      'warning payload-missing demo_air_gapped/manifest.json /runtime/models/primary/source/mmproj_path',
      'warning payload-missing demo_air_gapped/manifest.json /runtime/models/primary/source/path',
    ]);
    expect(
      new Set(report?.findings.filter(({ severity }) => severity === 'note').map(({ id }) => id)),
    ).toEqual(new Set(['context-size-missing', 'model-not-checked', 'model-unverified']));
  });

  test('each live blueprint once on a machine that is too small', () => {
    const errors = checkAll('apple-silicon-8gb').findings.filter(({ severity }) => severity === 'error');
    expect(
      errors.map(({ id, location }) => `${id} ${short(location?.file ?? '')}:${location?.range?.line}`),
    ).toEqual([
      'model-incompatible drug_discovery_research_assistant/config/default.json:426',
      'model-incompatible drug_discovery_research_assistant/manifest.json:1358',
      'model-incompatible financial_advisor/manifest.json:920',
      'model-incompatible legal_assistant/manifest.json:711',
      'model-incompatible purchase_research_assistant/manifest.json:913',
      'model-incompatible research_coscientist/manifest.json:916',
      'model-incompatible vc_assistant/manifest.json:716',
    ]);
  });

  test('requirements that contradict the target or the models; the estimate has nothing to say', () => {
    const plain = new Set(checkAll('mac-m4-max-128').findings.map(({ id }) => id));
    const { findings } = checkAll('mac-m4-max-128', { beside: (targets) => new Beside(targets) });
    expect(
      findings
        .filter(({ id }) => !plain.has(id))
        .map(
          ({ severity, id, location }) =>
            `${severity} ${id} ${short(location?.file ?? '')}:${location?.range?.line}`,
        ),
    ).toEqual([
      'warning requirements-not-met drug_discovery_research_assistant/manifest.json:1347',
      'note requirements-understated financial_advisor/manifest.json:595',
      'note requirements-understated legal_assistant/manifest.json:478',
      'note requirements-understated purchase_research_assistant/manifest.json:601',
      'note requirements-understated research_coscientist/manifest.json:600',
      'note requirements-understated vc_assistant/manifest.json:741',
    ]);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Verdict } from '../src/compatibility/verdict.ts';
import { lackOfBackend } from '../src/runner/backends.ts';
import { ModelRunner } from '../src/runner/client.ts';
import type { DoctorWorld, Patient, Published } from '../src/runner/doctor.ts';
import { checkIds, examine, notChecked } from '../src/runner/doctor.ts';
import { isEmbeddingModel } from '../src/runner/embedding.ts';
import type { Absence, Docker, DockerFacts } from '../src/runner/locate.ts';
import { dockerFacts } from '../src/runner/locate.ts';
import { parseGpuLog, parseState } from '../src/runner/parse.ts';
import { finderIn } from '../src/runner/reference.ts';
import type { Endpoint } from '../src/runner/types.ts';
import { type FakeModelRunner, modelRunner, remote, sha256 } from './support/model-runner.ts';

const gemma = 'ai/gemma4:E2B';
let fake: FakeModelRunner;
let endpoint: Endpoint;
const usual = { version: '', status: {} };
beforeAll(async () => {
  const started = await modelRunner();
  fake = started.fake;
  endpoint = started.endpoint;
  Object.assign(usual, { version: fake.version, status: fake.status });
});
afterAll(() => fake.close());
beforeEach(() => {
  fake.reset();
  Object.assign(fake, usual, { log: null });
});

const patient: Patient = { id: 'gemma4:e2b', dockerModel: gemma, aliases: ['default'], contextSize: 4096 };
const verdict: Verdict = {
  model: 'gemma4:e2b',
  backend: 'llama.cpp',
  target: 'this-machine',
  status: 'pass',
  rule: 'nvidia',
  ok: true,
  forced: false,
  accelerator: 'CUDA',
  required: null,
  found: null,
  message: 'needs 8 GB VRAM, found 12 GB',
  help: '',
};
const docker: DockerFacts = {
  found: true,
  server: 'Docker Engine, client 28.5.1',
  plugin: true,
  pluginVersion: 'v1.2.6',
};

interface Case {
  docker?: Partial<DockerFacts>;
  absence?: Absence;
  verdict?: Partial<Verdict>;
  patient?: Partial<Patient>;
  lockedDigest?: string;
  published?: (name: string) => Promise<Published>;
}

/** Each check on a line: `ok backend: llama.cpp c22473b`, `failed model: … [fix: …]`. */
async function lines(given: Case = {}) {
  const { absence } = given;
  const world: DoctorWorld = {
    docker: Promise.resolve({ ...docker, ...given.docker }),
    located: Promise.resolve(
      absence === undefined
        ? { ok: true, endpoint: { ...endpoint, name: 'there' }, tried: [] }
        : { ok: false, absence, message: `It is ${absence}.`, fix: 'Do this.', tried: [] },
    ),
    verdict: { ...verdict, ...given.verdict },
    connect: () => new ModelRunner(endpoint, { times: { answerMs: 500, loadMs: 500 } }),
    pluginFix: 'Get the plugin.',
    ...(given.lockedDigest === undefined ? {} : { lockedDigest: given.lockedDigest }),
    publishedDigest: given.published ?? null,
  };
  const seen: string[] = [];
  const { checks, answer } = await examine({ ...patient, ...given.patient }, world, {
    begins: () => {},
    made: ({ id }) => seen.push(id),
  });
  expect(checks.map(({ id }) => id)).toEqual(checkIds);
  expect(seen).toEqual(checkIds);
  const all = checks.map(
    ({ id, status, message, fix }) =>
      `${status} ${id}: ${message.replace(/after [\d.]+ m?s/, 'after a while')}${fix === null ? '' : ` [${fix}]`}`,
  );
  const of = (id: string) => all.find((line) => line.split(' ')[1] === `${id}:`);
  return { all, of, answer };
}

const ready = () => {
  const stored = fake.install(gemma);
  fake.configured.push({
    Backend: 'llama.cpp',
    Model: gemma,
    ModelID: stored.digest,
    Mode: 'completion',
    Config: { 'context-size': 4096 },
  });
  fake.log = 'time=1 msg="installed llama-server" gpuSupport=true\n';
  return stored;
};

describe('an examination', () => {
  test('of a machine on which all is well', async () => {
    ready();
    const { all, answer } = await lines();
    expect(all).toEqual([
      'ok docker: Docker Engine, client 28.5.1',
      'ok plugin: docker-model v1.2.6',
      'ok runner: answers at there',
      'ok version: v1.2.6',
      'ok backend: llama.cpp c22473b',
      'ok model: ai/gemma4:E2B is installed, 1.43MiB, MOSTLY_Q4_K_M, 136.73M',
      `ok digest: ${sha256(gemma).slice(0, 19)}…, not compared with the registry (--online)`,
      'ok hardware: runs: needs 8 GB VRAM, found 12 GB',
      'ok context: 4096 tokens',
      'ok answer: the first token after a while, loading included',
      'ok accelerator: the engine found a GPU, says the log of the runner',
    ]);
    expect(answer?.dimensions).toBeNull();
    expect(fake.requests.map(({ method, url }) => `${method} ${url}`)).not.toContain('POST /models/create');
  });

  test('of a machine without the model does what needs none', async () => {
    expect(
      (await lines({ verdict: { ok: false, status: 'fail', help: 'Use another.' } })).all.slice(5),
    ).toEqual([
      'failed model: ai/gemma4:E2B is not installed [mn model install gemma4:e2b]',
      'unknown digest: not checked',
      'failed hardware: does not run: needs 8 GB VRAM, found 12 GB [Use another.]',
      'unknown context: not checked',
      'unknown answer: not checked',
      'unknown accelerator: not checked',
    ]);
  });

  test.each<[Absence, failed: string]>([
    ['no-docker', 'docker'],
    ['podman', 'docker'],
    ['remote', 'docker'],
    ['no-permission', 'docker'],
    ['daemon-down', 'docker'],
    ['docker-silent', 'docker'],
    ['no-plugin', 'plugin'],
    ['desktop-disabled', 'runner'],
    ['no-runner', 'runner'],
    ['port-taken', 'runner'],
    ['runner-silent', 'runner'],
    ['host-invalid', 'runner'],
    ['host-silent', 'runner'],
  ])('where the runner is absent (%s) one check fails, with the next step', async (absence, failed) => {
    const { all, of } = await lines({ absence });
    expect(all.filter((line) => line.startsWith('failed'))).toEqual([
      `failed ${failed}: It is ${absence}. [Do this.]`,
    ]);
    expect(of('hardware')).toMatch(/^ok/);
    for (const id of ['version', 'backend', 'model', 'answer']) {
      expect(of(id)).toBe(`unknown ${id}: ${notChecked}`);
    }
    expect(fake.requests).toEqual([]);
  });

  interface Row {
    what: string;
    id: string;
    given?: Case;
    set?: () => void;
    line: string;
  }
  const digest = sha256(gemma).slice(0, 19);
  const upgrade = 'Upgrade it: docker model reinstall-runner; with Docker Desktop, upgrade Docker Desktop.';
  const loads = (status: number, text: string) => () => {
    fake.faults = { load: { status, text } };
  };
  const says = (text: string) => () => {
    fake.status = { 'llama.cpp': text, vllm: 'Not Installed: binary not found' };
  };
  const logs = (text: string) => () => {
    fake.log = text;
  };
  const gpuFix =
    'Install the NVIDIA Container Toolkit, then: docker model reinstall-runner --gpu cuda. With Docker Desktop, turn on GPU-backed inference in its settings.';
  const rows: Row[] = [
    {
      what: 'a runner without Docker',
      id: 'docker',
      given: { docker: { found: false, server: null, plugin: null, pluginVersion: null } },
      line: 'unknown docker: there is no command docker here',
    },
    {
      what: 'a runner beside a Docker that is down',
      id: 'docker',
      given: { docker: { server: null } },
      line: 'unknown docker: the command docker is here, and no server answers it',
    },
    {
      what: 'pitfall 1: a runner without the plugin',
      id: 'plugin',
      given: { docker: { plugin: false, pluginVersion: null } },
      line: 'warning plugin: Docker has no plugin docker-model here. The runner works without it; updating it does not. [Get the plugin.]',
    },
    {
      what: 'pitfall 15: a runner that is older than its plugin',
      id: 'version',
      set: () => {
        fake.version = 'v1.1.37';
      },
      line: `warning version: v1.1.37, older than the plugin v1.2.6 [${upgrade}]`,
    },
    {
      what: 'pitfall 15: a runner that does not tell its version',
      id: 'version',
      set: () => {
        fake.faults = { noVersion: true };
      },
      line: `warning version: the runner does not tell its version, so it is older than v1.0.30 [${upgrade}]`,
    },
    {
      what: 'pitfall 13: a status that says running of an engine that it never saw',
      id: 'backend',
      set: says('Running: llama.cpp unknown'),
      line: 'unknown backend: not verified: the runner says "llama.cpp unknown", and has not seen the engine itself',
    },
    {
      what: 'pitfall 13: an engine that is fetched when it is used first',
      id: 'backend',
      set: says('Not Installed'),
      line: 'unknown backend: llama.cpp is not installed yet: the runner fetches it when it is used first',
    },
    {
      what: 'pitfall 15: the words of an old runner',
      id: 'backend',
      set: says('running llama.cpp version: c22473b'),
      line: 'ok backend: llama.cpp version: c22473b',
    },
    {
      what: 'an engine that is broken',
      id: 'backend',
      set: says('Error: no such file'),
      line: 'failed backend: Docker Model Runner says that its engine llama.cpp is broken: no such file. [Install it again: docker model reinstall-runner --backend llama.cpp; with Docker Desktop, upgrade it.]',
    },
    {
      what: 'an engine that is being installed',
      id: 'backend',
      set: says('Installing: 40 %'),
      line: 'warning backend: llama.cpp is being installed: 40 % [Wait, and try again.]',
    },
    {
      what: 'an engine that is missing',
      id: 'backend',
      given: { verdict: { backend: 'vllm' } },
      line: 'failed backend: Docker Model Runner has no engine vllm: binary not found. [Install it: docker model install-runner --backend vllm; with Docker Desktop, turn it on in its settings.]',
    },
    {
      what: 'a runner that does not tell of engines',
      id: 'backend',
      set: () => {
        fake.faults = { answers: { 'GET /engines/status': { status: 404, text: 'not found' } } };
      },
      line: 'unknown backend: the runner says nothing of llama.cpp',
    },
    {
      what: 'pitfall 4: a tag in another case is another model',
      id: 'model',
      given: { patient: { dockerModel: 'ai/gemma4:e2b' } },
      line: 'failed model: ai/gemma4:e2b is not installed [mn model install gemma4:e2b]',
    },
    {
      what: 'pitfall 6: a name that is only alike is not the model',
      id: 'model',
      given: { patient: { dockerModel: 'gemma4' } },
      line: 'failed model: gemma4 is not installed [mn model install gemma4:e2b]',
    },
    {
      what: 'a catalog that names no model',
      id: 'model',
      given: { patient: { dockerModel: '--help' } },
      line: 'failed model: "--help" is no name of a model. [Write it as name:tag, for example ai/gemma4:E2B.]',
    },
    {
      what: 'an id that a shell would obey',
      id: 'model',
      given: { patient: { id: 'x;reboot', dockerModel: 'ai/x:1' } },
      line: 'failed model: ai/x:1 is not installed [Install it with mn model install, by the name that stands here.]',
    },
    {
      what: 'pitfall 14: a runner that is switched off meanwhile',
      id: 'model',
      set: () => {
        fake.faults = {
          answers: { 'GET /models/ai/gemma4:E2B': { status: 503, text: 'Model Runner is not running' } },
        };
      },
      line: 'failed model: Docker Model Runner is not running. Docker Model Runner said: Model Runner is not running [Enable it: docker desktop enable model-runner --tcp 12434.]',
    },
    {
      what: 'a registry that has the same',
      id: 'digest',
      given: { published: async () => ({ ok: true, digest: sha256(gemma) }) },
      line: `ok digest: ${digest}…, as in the registry`,
    },
    {
      what: 'pitfall 12: a tag that moved',
      id: 'digest',
      given: { published: async () => ({ ok: true, digest: sha256('new') }) },
      line: `warning digest: ${digest}…, and the registry has ${sha256('new').slice(0, 19)}… under this name now [Take the new one with mn model update, or keep this one.]`,
    },
    {
      what: 'what is locked, where the tag moved',
      id: 'digest',
      given: { lockedDigest: sha256(gemma), published: async () => ({ ok: true, digest: sha256('new') }) },
      line: `warning digest: ${digest}…, and the registry has ${sha256('new').slice(0, 19)}… under this name now [Keep this one, which is locked, or take the new one: mn catalog lock, then mn model update]`,
    },
    {
      what: 'another one than is locked',
      id: 'digest',
      given: { lockedDigest: sha256('locked') },
      line: `failed digest: ${digest}…, and the lock file has ${sha256('locked').slice(0, 19)}… [Bring the one that is locked: mn model update gemma4:e2b. Where this one is right: mn catalog lock]`,
    },
    {
      what: 'a registry that is not reached',
      id: 'digest',
      given: { published: async () => ({ ok: false, reason: 'no connection' }) },
      line: `unknown digest: ${digest}…, not compared with the registry: no connection`,
    },
    {
      what: 'a verdict with a warning',
      id: 'hardware',
      given: { verdict: { status: 'warning', help: 'Verify it.' } },
      line: 'warning hardware: runs, verify acceleration: needs 8 GB VRAM, found 12 GB [Verify it.]',
    },
    {
      what: 'pitfall 20: a context size that the runner forgot',
      id: 'context',
      set: () => {
        fake.configured = [];
      },
      line: 'warning context: not set, so the engine chooses; the catalog says 4096 tokens [mn model install gemma4:e2b --context-size 4096]',
    },
    {
      what: 'another context size',
      id: 'context',
      given: { patient: { contextSize: 8192 } },
      line: 'warning context: 4096 tokens; the catalog says 8192 [mn model install gemma4:e2b --context-size 8192]',
    },
    {
      what: 'a model that was packaged with its context size',
      id: 'context',
      set: () => {
        fake.reset();
        fake.install(gemma, { ...remote(gemma), config: { context_size: 4096 } });
      },
      line: 'ok context: 4096 tokens',
    },
    {
      what: 'no wish for a context size',
      id: 'context',
      given: { patient: { contextSize: null } },
      set: () => {
        fake.configured = [];
      },
      line: 'ok context: not set: the engine chooses',
    },
    {
      what: 'pitfall 20: a model that is too big is not loaded',
      id: 'answer',
      given: { verdict: { ok: false, status: 'force_only' } },
      line: 'unknown answer: not tried: a model that is too big can take the machine down',
    },
    {
      what: 'a model that is in memory',
      id: 'answer',
      set: () => {
        fake.loaded = [{ backend: 'llama.cpp', model: gemma, mode: 'completion' }];
      },
      line: 'ok answer: the first token after a while, the model was in memory',
    },
    {
      what: 'pitfall 20: memory that does not suffice',
      id: 'answer',
      set: loads(
        500,
        'unable to load runner: error waiting for runner to be ready: llama.cpp terminated unexpectedly: llama.cpp failed: not enough GPU memory to load the model (CUDA)\n\nVerbose output:\nx',
      ),
      line: 'failed answer: There is not enough memory to load ai/gemma4:E2B. Docker Model Runner said: unable to load runner: error waiting for runner to be ready: llama.cpp terminated unexpectedly: llama.cpp failed: not enough GPU memory to load the model (CUDA) [Use a smaller model or a smaller context size, or end what else uses the memory.]',
    },
    {
      what: "pitfall 15: an old runner's own refusal for memory",
      id: 'answer',
      set: loads(507, 'model requires 9 GB RAM'),
      line: 'failed answer: There is not enough memory to load ai/gemma4:E2B. Docker Model Runner said: model requires 9 GB RAM [Use a smaller model or a smaller context size, or end what else uses the memory.]',
    },
    {
      what: 'pitfall 15: an architecture that the engine does not know',
      id: 'answer',
      set: loads(
        500,
        "unable to load runner: llama.cpp failed\n\nVerbose output:\nerror loading model architecture: unknown model architecture: 'gemma4'",
      ),
      line: 'failed answer: This version of Docker Model Runner cannot run ai/gemma4:E2B. Docker Model Runner said: unable to load runner: llama.cpp failed [Upgrade Docker Desktop, or on Docker Engine the runner: docker model reinstall-runner. The hardware is not the cause.]',
    },
    {
      what: 'pitfall 13: an engine that is missing for all that its status says',
      id: 'answer',
      set: loads(
        500,
        'unable to load runner: exec: "com.docker.llama-server": executable file not found in $PATH',
      ),
      line: 'failed answer: Docker Model Runner has no working engine for ai/gemma4:E2B. Docker Model Runner said: unable to load runner: exec: "com.docker.llama-server": executable file not found in $PATH [Install the engine: docker model reinstall-runner --backend llama.cpp (or vllm); with Docker Desktop, upgrade it.]',
    },
    {
      what: 'a log of layers',
      id: 'accelerator',
      set: logs('gpuSupport=true\nload_tensors: offloaded 12/36 layers to GPU\n'),
      line: `warning accelerator: 12 of 36 layers are on the GPU, says the log of the engine [${gpuFix}]`,
    },
    {
      what: 'a log of all layers',
      id: 'accelerator',
      set: logs('load_tensors: offloaded 12/36 layers to GPU\nload_tensors: offloaded 36/36 layers to GPU\n'),
      line: 'ok accelerator: 36 of 36 layers are on the GPU, says the log of the engine',
    },
    {
      what: 'a log that may be of another model',
      id: 'accelerator',
      set: () => {
        fake.log = 'load_tensors: offloaded 36/36 layers to GPU\n';
        fake.loaded = [{ backend: 'llama.cpp', model: 'ai/other:1', mode: 'completion' }];
      },
      line: 'unknown accelerator: not verified: CUDA is expected, and the runner does not tell what it used',
    },
    {
      what: 'an engine that found no GPU',
      id: 'accelerator',
      set: logs('gpuSupport=true\ngpuSupport=false\n'),
      line: `warning accelerator: the engine found no GPU, says the log of the runner [${gpuFix}]`,
    },
    {
      what: 'an engine for the CPU',
      id: 'accelerator',
      set: says('Running: llama.cpp b9879-cpu (sha256:ab) c22473b'),
      line: `warning accelerator: the engine is built for the CPU only: llama.cpp b9879-cpu (sha256:ab) c22473b [${gpuFix}]`,
    },
    {
      what: 'an engine for Metal',
      id: 'accelerator',
      given: { verdict: { accelerator: 'Metal' } },
      set: () => {
        fake.log = null;
        fake.status = { 'llama.cpp': 'Running: llama.cpp b9879-metal (sha256:ab) c22473b' };
      },
      line: 'ok accelerator: the engine is built for metal',
    },
    {
      what: 'no word of it',
      id: 'accelerator',
      set: () => {
        fake.log = null;
      },
      line: 'unknown accelerator: not verified: CUDA is expected, and the runner does not tell what it used',
    },
    {
      what: 'nothing to expect',
      id: 'accelerator',
      given: { verdict: { accelerator: 'CPU' } },
      line: 'ok accelerator: none is expected: the CPU does the work',
    },
  ];
  test.each(rows)('$what ($id)', async ({ id, given, set, line }) => {
    ready();
    set?.();
    expect((await lines(given)).of(id)).toBe(line);
  });

  test('an embedding model is asked for a vector', async () => {
    const name = 'ai/embeddinggemma:300M-Q8_0';
    fake.install(name);
    const { of, answer } = await lines({ patient: { id: 'vectors', dockerModel: name, aliases: [] } });
    expect(of('answer')).toBe('ok answer: a vector of 3 numbers after a while, loading included');
    expect(answer?.dimensions).toBe(3);
    expect(fake.requests.some(({ url }) => url.includes('chat'))).toBe(false);
  });

  test('a runner that falls silent is a failed check, not the end', async () => {
    ready();
    fake.faults = { mute: true };
    const { of } = await lines();
    expect(of('version')).toMatch(/^failed version: Docker Model Runner stopped answering/);
    expect(of('hardware')).toMatch(/^ok/);
  });

  test('what a runner says reaches nobody with its controls', async () => {
    ready();
    fake.version = '\u001b[2Jv1.2.6\n::error::x';
    fake.status = { 'llama.cpp': 'Running: \u001b]0;x\u0007' };
    for (const line of (await lines()).all) expect(line).not.toMatch(/[\u0000-\u001f]/);
  });
});

test.each([
  [['rag-embedding'], null, true],
  [['x'], 'nomic-bert', true],
  [['x'], 'gemma-embedding', true],
  [['gemma4:e2b', 'ai/gemma4:E2B'], 'gemma4', false],
  [[], null, false],
])('%j with architecture %s is an embedding model: %s', (names, architecture, expected) => {
  expect(isEmbeddingModel(names, architecture)).toBe(expected);
});

test.each([
  ['llama.cpp', 'Not Installed', null],
  ['llama.cpp', 'Running: llama.cpp unknown', null],
  ['vllm', 'vLLM binary not found', 'Docker Model Runner has no engine vllm: vLLM binary not found.'],
  ['vllm', 'Installing', null],
  ['sglang', 'Running', null],
])('%s with status "%s" lacks: %s', (backend, text, expected) => {
  const engines = [{ backend, ...parseState(text) }];
  expect(lackOfBackend(backend, engines)?.message ?? null).toBe(expected);
  expect(lackOfBackend('mlx', engines)).toBeNull();
});

test('what the log says last counts, across its pieces', () => {
  const nothing = { found: null, layers: null };
  expect(parseGpuLog('gpuSupport=maybe offloaded x/y layers to GPU', nothing)).toEqual(nothing);
  const first = parseGpuLog('gpuSupport=false\noffloaded 0/27 layers to GPU', nothing);
  expect(first).toEqual({ found: false, layers: { onGpu: 0, all: 27 } });
  expect(parseGpuLog('gpuSupport=true', first)).toEqual({ found: true, layers: { onGpu: 0, all: 27 } });
});

test.each<[what: string, stdout: string, plugin: boolean | null, version: string | null]>([
  ['a new plugin', 'Client:\n Version:    v1.2.6\n OS/Arch:    linux/amd64\n', true, 'v1.2.6'],
  [
    'an old plugin',
    'Docker Model Runner version v1.0.2\nDocker Engine Kind: Docker Engine\n',
    true,
    'v1.0.2',
  ],
  ['a plugin without words', 'docker model', true, null],
])('%s', (_, stdout, plugin, version) => {
  const nothing = { ended: 'missing', code: null, stdout: '', stderr: '' } as const;
  const asked: Docker = {
    version: nothing,
    context: nothing,
    plugin: { ended: 'ok', code: 0, stdout, stderr: '' },
  };
  expect(dockerFacts(asked)).toEqual({ found: false, server: null, plugin, pluginVersion: version });
});

test.each([
  ['ai/gemma4:E2B', true],
  ['docker.io/ai/gemma4:E2B', true],
  ['gemma4:E2B', true],
  ['AI/Gemma4:E2B', true],
  ['gemma4:e2b', false],
  ['gemma4', false],
  ['../gemma4:E2B', false],
  ['--help', false],
])('pitfall 3: %s is installed as index.docker.io/ai/gemma4:E2B: %s', async (name, expected) => {
  fake.faults = { spelling: 'index.docker.io/' };
  fake.install(gemma);
  const models = await new ModelRunner(endpoint).list();
  expect(finderIn(models)(name) !== null).toBe(expected);
});

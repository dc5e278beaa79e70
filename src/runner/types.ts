/** Where Docker Model Runner listens. */
export interface Endpoint {
  /** As people write it: `http://127.0.0.1:12434`, `/var/run/docker.sock`. Safe to print. */
  name: string;
  /** A TCP port, or the path of a Unix socket or of a named pipe of Windows. */
  address: { host: string; port: number; tls: boolean } | { path: string };
  /** Before every path: empty, or `/exp/vDD4.40` on the socket of Docker Desktop. */
  prefix: string;
}

/** A model in the store of Docker Model Runner. All texts are safe to print. */
export interface InstalledModel {
  /** `sha256:…` of its manifest. */
  digest: string;
  /** As the runner spells them, which depends on its version; empty after an update took them away. */
  tags: readonly string[];
  /** Seconds since 1970; null where it is not told. */
  created: number | null;
  format: string | null;
  /** As in its file: `MOSTLY_Q4_K_M`, `F16`. */
  quantization: string | null;
  /** `136.73M`. */
  parameters: string | null;
  architecture: string | null;
  /** As the runner writes it, `260.86MiB`: rounded, so that no sum may rest on it. */
  size: string | null;
  /** Tokens, where the model was packaged with a context size. */
  contextSize: number | null;
}

/** `unknown` is a runner that says `running` without having seen its engine, or says something new. */
export type BackendState = 'running' | 'error' | 'not-installed' | 'installing' | 'unknown';

/** An engine of the runner: llama.cpp, vLLM, … */
export interface BackendStatus {
  backend: string;
  state: BackendState;
  /** What the runner adds: a version or a reason; null where nothing. */
  detail: string | null;
}

/** A model in memory. */
export interface RunningModel {
  /** Lower-cased by some versions: for people, never to be sent back. */
  model: string;
  backend: string;
  mode: string;
  loading: boolean;
  inUse: boolean;
}

/** What `configure` set; it is forgotten when the runner restarts. */
export interface ModelConfiguration {
  backend: string;
  mode: string;
  /** Tokens; null where the engine chooses. */
  contextSize: number | null;
}

export type PullEvent =
  /** The runner has not begun: it pulls two models at a time and lets others wait without a word. */
  | { type: 'waiting' }
  /** What it does, in its words: Hugging Face only. */
  | { type: 'status'; text: string }
  /** `doneBytes` never falls, and may end below `totalBytes`: what is there already is not counted. */
  | { type: 'progress'; doneBytes: number; totalBytes: number | null }
  | { type: 'warning'; text: string };

/** The end of a pull that is proven: the model is in the store under the name that was asked for. */
export interface PullDone {
  type: 'done';
  model: InstalledModel;
  /** The runner had all of it already. */
  cached: boolean;
}

/** What was removed, in the runner's spelling. */
export interface Removed {
  untagged: readonly string[];
  /** Digests; empty where another tag still needs the model. */
  deleted: readonly string[];
}

/** The first answer of a model. */
export interface FirstAnswer {
  /** Milliseconds from request to answer, loading included. */
  ms: number;
  /** Tokens per second as llama.cpp measured; null where it does not tell. */
  tokensPerSecond: number | null;
  /** Length of the vector, of an embedding model. */
  dimensions: number | null;
}

/** What the log of a runner says of the GPU. */
export interface GpuLog {
  /** Whether llama.cpp found a GPU when it was installed; null where the log does not say. */
  found: boolean | null;
  /** How many layers of the model that was loaded last are on the GPU; null likewise. */
  layers: { onGpu: number; all: number } | null;
}

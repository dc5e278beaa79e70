/**
 * What the script of the HTML report reads: JSON in the page, written by
 * html.ts. Lists run side by side and texts are numbers of `texts`, because
 * 2,000 blueprints on 50 targets must stay a small file. All texts are safe to
 * show as text; nothing in here is HTML.
 */
export interface PageData {
  texts: string[];
  /** The statuses, best first; a digit of a pattern is an index here. */
  statuses: { mark: string; words: string }[];
  targets: { name: string; facts: string; required: boolean }[];
  /** What each target has for models; null where it is not known. Empty where nothing was estimated. */
  memory: (PageMemory | null)[];
  estimates: PageEstimate[];
  /** How a model can fit: words, and the class of a bar. */
  fits: readonly { words: string; look: string }[];
  /** Targets that have the same status in every row share a column: indices of targets. */
  columns: number[][];
  /** A digit for each target, or `-` where the row was not assessed on it. */
  patterns: string[];
  verdicts: PageVerdict[];
  /** What each model with one backend comes to: an index of `verdicts` for each target, -1 for none. */
  sets: { backend: string; verdicts: number[] }[];
  findings: PageFinding[];
  rows: {
    /** Texts. */
    name: number[];
    path: number[];
    label: number[];
    /** The catalog entry, or the reference as written where it has none; -1 for none. */
    model: number[];
    /** What the row says instead of statuses; -1 where it has statuses. */
    words: number[];
    /** Indices of `patterns` and `sets`; -1 for none. */
    pattern: number[];
    set: number[];
    /** Index of `estimates`; -1 for none. */
    estimate: number[];
    /** The declarations behind the row. */
    places: PagePlace[][];
    /** Indices of `findings`. */
    findings: number[][];
  };
}

export interface PageVerdict {
  /** Index of `statuses`. */
  status: number;
  forced: boolean;
  rule: string;
  /** `CUDA`, `CPU`; null where the backend does not run. */
  accelerator: string | null;
  /** GB, and the same for people with its kind: `16 GB unified memory`. */
  needs: [gb: number, words: string] | null;
  found: [gb: number, words: string] | null;
  message: string;
  help: string;
}

/** What a target has for models. */
export interface PageMemory {
  /** GB. */
  gb: number;
  /** GB on all cards together, where there are several. */
  togetherGb: number | null;
  isRam: boolean;
  /** How it follows from the facts. */
  because: string;
}

/**
 * What a model needs at a context size: tokens; whether the blueprint gives them, else the catalog; GB with and without
 * a GPU; a text of what is not certain (-1 for none); a pattern with a digit of `fits` for each target, or `-`.
 */
export type PageEstimate = [
  contextSize: number,
  given: 0 | 1,
  device: number,
  cpuOnly: number,
  note: number,
  fits: number,
];

export interface PageFinding {
  mark: string;
  severity: string;
  /** The kind of finding and its page. */
  id: string;
  url: string;
  title: string;
  help: string;
  /** The JSON value to write instead, as JSON text; null where no one correction is obvious. */
  value: string | null;
  /** Indices of the targets concerned; empty for all. */
  targets: number[];
  /** Whether the page lists it, as `#finding-N`, N from 1 in the order of findings. */
  listed: boolean;
}

/** One declaration: texts of `file:line:column`, pointer, address (-1 for none), and the line around the value. */
export type PagePlace = [place: number, pointer: number, link: number, code: PageCode | null];

/** A line of a file: what stands before the value, the value, and what follows. */
export type PageCode = [before: number, value: number, after: number];

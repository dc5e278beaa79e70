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

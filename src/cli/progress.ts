import { clip, width } from '../report/width.ts';
import { bytesText } from '../text/bytes.ts';

/** How far a download is. */
export interface Progress {
  /** Safe to print. */
  name: string;
  doneBytes: number;
  /** Null where it is not known. */
  totalBytes: number | null;
  /** Null where nothing can be said yet. */
  bytesPerSecond: number | null;
}

const indent = `  ${'pulling'.padEnd(10)} `;

/** `61 %  2.1 of 3.4 GB  48 MB/s  about 28 s left`, as parts that may be left out from the end. */
function parts({ doneBytes, totalBytes, bytesPerSecond }: Progress): string[] {
  const amount =
    totalBytes === null || totalBytes === 0
      ? [bytesText(doneBytes)]
      : [
          `${Math.floor((100 * Math.min(doneBytes, totalBytes)) / totalBytes)} %`,
          ofTotal(doneBytes, totalBytes),
        ];
  if (bytesPerSecond === null) return amount;
  const rate = `${bytesText(Math.round(bytesPerSecond))}/s`;
  const left = totalBytes === null ? 0 : totalBytes - doneBytes;
  if (bytesPerSecond < 1 || left <= 0) return [...amount, rate];
  return [...amount, rate, `about ${about(left / bytesPerSecond)} left`];
}

/** `2.1 of 3.4 GB`; both units where they differ. */
function ofTotal(done: number, total: number): string {
  const [amount = '', unit = ''] = bytesText(done).split(' ');
  const whole = bytesText(total);
  return unit === whole.split(' ')[1] ? `${amount} of ${whole}` : `${amount} ${unit} of ${whole}`;
}

function about(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** A line of a log. */
export function progressText(progress: Progress): string {
  return `${indent}${[progress.name, ...parts(progress)].join('  ')}`;
}

/** The line that is written over on a terminal, with as much as fits into its columns. */
export function progressBar(progress: Progress, columns: number): string {
  const { name, doneBytes, totalBytes } = progress;
  const all = parts(progress);
  const share = totalBytes === null || totalBytes === 0 ? null : Math.min(1, doneBytes / totalBytes);
  for (const cells of share === null ? [0] : [20, 10, 0]) {
    const bar = cells === 0 ? [] : [drawn(share ?? 0, cells)];
    const line = indent + [name, ...bar, ...all].join('  ');
    if (width(line) < columns) return line;
  }
  for (let kept = all.length - 1; kept > 0; kept--) {
    const line = indent + [name, ...all.slice(0, kept)].join('  ');
    if (width(line) < columns) return line;
  }
  return clip(indent + [all[0], name].join('  '), columns - 1);
}

function drawn(share: number, cells: number): string {
  const full = Math.floor(share * cells);
  return '█'.repeat(full) + '░'.repeat(cells - full);
}

/** How much comes down a second, over the last ten seconds. */
export class Meter {
  #samples: { ms: number; bytes: number }[] = [];

  /** Bytes a second; null within the first second. */
  rate(ms: number, bytes: number): number | null {
    this.#samples.push({ ms, bytes });
    while ((this.#samples[1]?.ms ?? ms) <= ms - 10_000) this.#samples.shift();
    const first = this.#samples[0] ?? { ms, bytes };
    return ms - first.ms < 1000 ? null : ((bytes - first.bytes) * 1000) / (ms - first.ms);
  }
}

/** Where steps are shown. */
export interface StepsOutput {
  write(text: string): void;
  /** Whether somebody watches, on a terminal. */
  watched: boolean;
  columns(): number;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
}

export type Mark = '✓' | '⚠' | '✗' | ' ';

/** Between two lines about a download, in milliseconds. */
const everyMs = { watched: 100, log: 10_000 };

/** What a long run does, step by step: lines that stay, and one that is written over where somebody watches. */
export class Steps {
  readonly #out: StepsOutput;
  #passing = false;
  #pull: { progress: Progress; meter: Meter; start: number; shown: number; begun: boolean } | null = null;

  constructor(out: StepsOutput) {
    this.#out = out;
  }

  /** A line that stays. `text` is safe to print. */
  line(mark: Mark, label: string, text: string): void {
    this.#clear();
    this.#out.write(`${mark} ${label.padEnd(10)} ${text}\n`);
  }

  /** A line that the next one takes the place of, where somebody watches. */
  passing(label: string, text: string): void {
    const line = `  ${label.padEnd(10)} ${text}`;
    if (this.#out.watched) this.#over(line);
    else this.#out.write(`${line}\n`);
  }

  /** A download begins, or begins again. */
  pulling(name: string, totalBytes: number | null): void {
    const progress = { name, doneBytes: 0, totalBytes, bytesPerSecond: null };
    const now = this.#out.now();
    this.#pull = { progress, meter: new Meter(), start: now, shown: now, begun: false };
    this.passing('pulling', totalBytes === null ? name : `${name}, ${bytesText(totalBytes)}`);
  }

  progress(doneBytes: number, totalBytes: number | null): void {
    if (this.#pull === null) return;
    const { progress, meter, start, begun } = this.#pull;
    Object.assign(progress, { doneBytes, totalBytes: totalBytes ?? progress.totalBytes });
    // What an earlier try left on disk comes first, and at once.
    if (!begun) meter.rate(this.#out.now() - start, doneBytes);
    this.#pull.begun = true;
    this.tick();
  }

  /** To be called now and then, so that a download that stands still is seen to. */
  tick(): void {
    const pull = this.#pull;
    if (pull === null) return;
    const { watched } = this.#out;
    const now = this.#out.now();
    if (now - pull.shown < (watched ? everyMs.watched : everyMs.log)) return;
    pull.shown = now;
    pull.progress.bytesPerSecond = pull.meter.rate(now - pull.start, pull.progress.doneBytes);
    if (watched) this.#over(progressBar(pull.progress, this.#out.columns()));
    else this.#out.write(`${progressText(pull.progress)}\n`);
  }

  /** The download is over. Leaves the terminal as it was: nothing stays of a line that is written over. */
  end(): void {
    this.#pull = null;
    this.#clear();
  }

  #over(line: string): void {
    this.#out.write(`\r${clip(line, this.#out.columns() - 1)}\u001b[K`);
    this.#passing = true;
  }

  #clear(): void {
    if (this.#passing) this.#out.write('\r\u001b[K');
    this.#passing = false;
  }
}

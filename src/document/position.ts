/** A stretch of a file. Lines and columns count from 1, columns in UTF-16 units; ends are exclusive. */
export interface Range {
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
}

/** Turns offsets into lines and columns. A line ends at `\n`, as GitHub counts. Reads no further than it is asked. */
export class Lines {
  readonly #text: string;
  readonly #starts: number[] = [0];
  /** Every line that starts at or before this offset is known. */
  #known = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Line and column from 1; columns in UTF-16 units. */
  at(offset: number): { line: number; column: number } {
    while (this.#known < offset) {
      const end = this.#text.indexOf('\n', this.#known);
      this.#known = end < 0 ? this.#text.length : end + 1;
      if (end < 0) break;
      this.#starts.push(this.#known);
    }
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#starts[low] as number) + 1 };
  }

  /** The range from `start` to `end`, exclusive. */
  range(start: number, end: number): Range {
    const from = this.at(start);
    const to = this.at(end);
    return { line: from.line, column: from.column, endLine: to.line, endColumn: to.column };
  }
}

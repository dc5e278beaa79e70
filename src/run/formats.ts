import type { Report, RunInfo } from '../check/report.ts';
import { reportText } from '../report/text.ts';
import type { FormatName } from './format-names.ts';
import type { RunOptions } from './run.ts';

/** What a format may need besides the report. */
export interface RenderOptions {
  info: RunInfo;
  /** Of this program. */
  version: string;
  /** For text: colours, columns, and whether only problems are shown. */
  color: boolean;
  width: number;
  quiet: boolean;
  /** The text of a file of the report; null where it is gone. */
  source(file: string): string | null;
  /** URL of a line of a file, for the formats that can show one; null where there is none. */
  link(file: string, line: number): string | null;
  /** Whether SARIF also has what needs no attention any more; not for code scanning. */
  settled: boolean;
}

export interface Rendered {
  chunks: Iterable<string>;
  /** What the reader of the log must know of it; null where there is nothing. */
  warning: string | null;
}

interface Format {
  /** Whether it shows where every declaration stands, or only what findings point at. */
  positions: RunOptions['positions'];
  render(report: Report, options: RenderOptions): Promise<Rendered>;
}

const whole = (...chunks: string[]): Rendered => ({ chunks, warning: null });

/** Every format of a report, each loaded when it is asked for. */
const formats: Record<FormatName, Format> = {
  text: {
    positions: 'findings',
    render: async (report, options) => whole(reportText(report, options.info, options)),
  },
  json: {
    positions: 'all',
    render: async (report) => ({
      chunks: (await import('../report/json.ts')).reportJson(report),
      warning: null,
    }),
  },
  markdown: {
    positions: 'findings',
    render: async (report, { info, link }) => {
      const { reportMarkdown } = await import('../report/markdown.ts');
      return whole(reportMarkdown(report, info, { budget: 10_000_000, link }));
    },
  },
  github: {
    positions: 'findings',
    render: async (report) => whole((await import('../report/github.ts')).reportAnnotations(report)),
  },
  sarif: {
    positions: 'findings',
    render: async (report, options) => {
      const { leftOutWords, reportSarif } = await import('../report/sarif.ts');
      const sarif = reportSarif(report, options);
      return { chunks: sarif.chunks, warning: leftOutWords(sarif) };
    },
  },
  junit: {
    positions: 'findings',
    render: async (report) => ({
      chunks: (await import('../report/junit.ts')).reportJunit(report),
      warning: null,
    }),
  },
  html: {
    positions: 'all',
    render: async (report, { info, link, source }) => ({
      chunks: (await import('../report/html.ts')).reportHtml(report, info, { link, source }),
      warning: null,
    }),
  },
};

/** A report in one of the formats. */
export function render(format: FormatName, report: Report, options: RenderOptions): Promise<Rendered> {
  return formats[format].render(report, options);
}

/** The positions that these formats need. */
export function positionsFor(wanted: Iterable<FormatName>): RunOptions['positions'] {
  for (const name of wanted) if (formats[name].positions === 'all') return 'all';
  return 'findings';
}

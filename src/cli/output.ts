import type { Report, RunInfo } from '../check/report.ts';
import { sinceStart } from '../io/stream.ts';
import { reportText } from '../report/text.ts';
import type { Terminal } from './terminal.ts';

export const formats = ['text', 'json', 'markdown', 'github', 'html'] as const;
export type Format = (typeof formats)[number];

/** A report in one of the formats, in chunks. */
export async function* render(
  format: Format,
  report: Report,
  info: RunInfo,
  options: { color: boolean; width: number; quiet: boolean; source(file: string): string | null },
): AsyncGenerator<string> {
  switch (format) {
    case 'json': {
      yield* (await import('../report/json.ts')).reportJson(report);
      return;
    }
    case 'markdown': {
      const { reportMarkdown } = await import('../report/markdown.ts');
      yield reportMarkdown(report, info, { budget: 10_000_000, link: () => null });
      return;
    }
    case 'github': {
      yield (await import('../report/github.ts')).reportAnnotations(report);
      return;
    }
    case 'html': {
      const { reportHtml } = await import('../report/html.ts');
      yield* reportHtml(report, info, { link: () => null, source: options.source });
      return;
    }
    default:
      yield reportText(report, info, options);
  }
}

/** Shows how far a long run is: on one line that is written over where somebody watches, else not at all. */
export function progressLine(terminal: Terminal, startsAfterMs = 1000): { tick(): void; end(): void } {
  let amount = 0;
  let shown = false;
  let last = 0;
  return {
    tick() {
      amount++;
      if (!terminal.watched || sinceStart() < startsAfterMs) return;
      const now = sinceStart();
      if (now - last < 100) return;
      last = now;
      shown = true;
      terminal.err(`\r  checked ${amount} blueprints …`);
    },
    end() {
      if (shown) terminal.err('\r\u001b[K');
    },
  };
}

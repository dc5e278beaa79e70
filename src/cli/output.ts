import { sinceStart } from '../io/stream.ts';
import type { Terminal } from './terminal.ts';

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

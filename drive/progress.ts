/** Where a run tells how it goes. Never standard output: that is for the report. */
export interface Progress {
  /** A line that stays. */
  line(text: string): void;
  /** What is going on right now. Replaces the last such text. */
  now(text: string): void;
  /** Ends a rewritten line, before something else writes to the same terminal. */
  settle(): void;
}

interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const plainEveryMs = 5000;
const rewriteEveryMs = 100;

/** On a terminal the present state is one line that is rewritten; elsewhere it is a plain line every 5 s. */
export function progressTo(output: Output, clock: () => number = Date.now): Progress {
  let last = -Infinity;
  let pending = false;
  const settle = () => {
    if (pending) output.write('\r\x1b[K');
    pending = false;
  };
  return {
    settle,
    line(text) {
      settle();
      output.write(`${text}\n`);
    },
    now(text) {
      const due = clock() - last >= (output.isTTY ? rewriteEveryMs : plainEveryMs);
      if (!due) return;
      last = clock();
      if (!output.isTTY) {
        output.write(`${text}\n`);
        return;
      }
      // Longer than the terminal is wide it would wrap, and only its last part be rewritten.
      output.write(`\r\x1b[K${text.slice(0, (output.columns ?? 80) - 1)}`);
      pending = true;
    },
  };
}

import { MultiBar, type SingleBar } from 'cli-progress';

/** How far one path is. */
export interface PathState {
  readonly name: string;
  readonly done: number;
  readonly total: number;
  /** What else there is to say, the most important first: a narrow terminal cuts it off. */
  readonly note: string;
  /** What is counted so far, where it can be. */
  readonly live?: LiveFigures;
}

/** Figures of a path while it is on its way: what it has come to is in its report. */
export interface LiveFigures {
  readonly retries?: number;
  readonly delivered?: number;
  readonly suppressed?: number;
  readonly killed?: number;
  /** What has acted, each counted once. */
  readonly acted?: number;
  /** Of these, what has acted more than once. */
  readonly doubled?: number;
}

/** Where a run tells how it goes. Never standard output: that is for the report. */
export interface Progress {
  /** A line that stays. */
  line(text: string): void;
  /** What is going on right now. Replaces the last such text. */
  now(text: string): void;
  /** How far each path is: a bar each on a terminal. */
  paths(phase: string, states: readonly PathState[]): void;
  /** Ends what is rewritten, before something else writes to the same terminal. */
  settle(): void;
}

/** Standard error, or what a test reads. Bars are drawn on terminals alone, which are streams. */
interface Output extends Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>> {
  write(text: string): unknown;
}

const plainEveryMs = 5000;
const rewriteEveryMs = 100;
const barColumns = 16;

/** On a terminal the present state is rewritten; elsewhere it is a plain line every 5 s. */
export function progressTo(output: Output, clock: () => number = Date.now): Progress {
  let last = -Infinity;
  let pending = false;
  let bars: Bars | undefined;
  const settle = () => {
    bars?.stop();
    bars = undefined;
    if (pending) output.write('\r\x1b[K');
    pending = false;
  };
  const isDue = () => {
    const due = clock() - last >= (output.isTTY === true ? rewriteEveryMs : plainEveryMs);
    if (due) last = clock();
    return due;
  };
  return {
    settle,
    line(text) {
      settle();
      output.write(`${text}\n`);
    },
    now(text) {
      if (!isDue()) return;
      if (output.isTTY !== true) {
        output.write(`${text}\n`);
        return;
      }
      bars?.stop();
      bars = undefined;
      // Longer than the terminal is wide it would wrap, and only its last part be rewritten.
      output.write(`\r\x1b[K${text.slice(0, (output.columns ?? 80) - 1)}`);
      pending = true;
    },
    paths(phase, states) {
      if (!isDue()) return;
      if (output.isTTY !== true) {
        const texts = states.map(({ name, done, total, note }) => `${name} ${done}/${total}, ${note}`);
        output.write(`${phase}: ${texts.join('; ')}\n`);
        return;
      }
      if (pending) settle();
      bars ??= barsOn(output as unknown as NodeJS.WriteStream);
      bars.show(states);
    },
  };
}

interface Bars {
  show(states: readonly PathState[]): void;
  stop(): void;
}

function barsOn(stream: NodeJS.WriteStream): Bars {
  const several = new MultiBar({
    stream,
    format: '{name} {bar} {value}/{total} {note}',
    barsize: barColumns,
    barCompleteChar: '#',
    barIncompleteChar: '.',
    hideCursor: true,
    clearOnComplete: true,
    // Cut off at the terminal's width, instead of a second line that nobody rewrites.
    linewrap: false,
    gracefulExit: false,
  });
  const bars = new Map<string, SingleBar>();
  return {
    show(states) {
      const width = Math.max(...states.map(({ name }) => name.length));
      for (const { name, done, total, note } of states) {
        const bar = bars.get(name) ?? several.create(total, 0, { name: name.padEnd(width), note });
        bars.set(name, bar);
        bar.update(done, { name: name.padEnd(width), note });
      }
      several.update();
    },
    stop: () => several.stop(),
  };
}

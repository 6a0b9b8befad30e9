import type { PathState, Progress } from '../progress.js';
import type { RunReport } from '../report.js';
import type { SubscriberFigures } from './subscribers.js';

/** What is told of webhooks while a run goes on. */
export interface LiveWebhooks {
  /** Events that the sender's intake has taken, each once. */
  readonly taken: number;
  /** Messages whose event it had taken before. */
  readonly suppressed: number;
  readonly endpoints: readonly SubscriberFigures[];
  /** Opens the page of the endpoints. Undefined until it is there. */
  readonly link: string | undefined;
}

/** A run as it is right now. */
export interface LiveState {
  readonly phase: string;
  readonly paths: readonly PathState[];
  /** The latest lines, the oldest first. */
  readonly lines: readonly string[];
  /** A text: why there are none. */
  readonly webhooks: LiveWebhooks | string;
  readonly report: RunReport | undefined;
  /** Whether everything goes on until Ctrl-C. */
  readonly kept: boolean;
}

const keptLines = 12;

/** Collects what a run tells of itself: what a terminal shows by `through` is kept, too. */
export class LiveRun {
  phase = 'starting';
  paths: () => readonly PathState[] = () => [];
  webhooks: () => LiveWebhooks | string = () => 'not there yet';
  report: RunReport | undefined;
  kept = false;
  readonly #lines: string[] = [];

  state(): LiveState {
    const { phase, report, kept } = this;
    return { phase, report, kept, paths: this.paths(), webhooks: this.webhooks(), lines: [...this.#lines] };
  }

  through(progress: Progress): Progress {
    return {
      settle: () => progress.settle(),
      line: (text) => {
        this.#lines.push(text);
        if (this.#lines.length > keptLines) this.#lines.shift();
        progress.line(text);
      },
      now: (text) => {
        this.phase = text;
        progress.now(text);
      },
      paths: (phase, states) => {
        this.phase = phase;
        progress.paths(phase, states);
      },
    };
  }
}

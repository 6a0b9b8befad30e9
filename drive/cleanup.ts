import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../targets/message-of.js';

/** What has to be undone, last first, however a run ends. */
export interface Cleanup {
  add(what: string, undo: () => unknown): void;
  /** Undoes everything once. A step that fails or takes longer than 20 s is reported and the rest still happens. */
  run(): Promise<void>;
}

const longestMs = 20_000;

export function cleanup(report: (line: string) => void): Cleanup {
  const steps: { what: string; undo: () => unknown }[] = [];
  return {
    add: (what, undo) => void steps.push({ what, undo }),
    async run() {
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        const { what, undo } = step;
        const done = new AbortController();
        await Promise.race([
          Promise.resolve()
            .then(undo)
            .catch((error: unknown) => report(`could not ${what}: ${messageOf(error)}`)),
          sleep(longestMs, undefined, { signal: done.signal }).then(
            () => report(`gave up waiting to ${what}`),
            () => undefined,
          ),
        ]);
        done.abort();
      }
    },
  };
}

import { errorLine } from './error-line.js';
import { logLine } from './log-line.js';

/**
 * Tells an observer. Who looks on changes nothing: neither what it throws nor a promise of its that fails reaches
 * whoever tells it, and nobody waits for it. A promise that failed unseen would end the process, with all that it
 * has under way. A line in the log says that it threw.
 */
export function observed<Seen>(observe: (seen: Seen) => unknown, seen: Seen): void {
  try {
    Promise.resolve(observe(seen)).catch(noted);
  } catch (error) {
    noted(error);
  }
}

function noted(error: unknown): void {
  logLine({ exactlyOnce: 'observer threw', ...errorLine(error) });
}

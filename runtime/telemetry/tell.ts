import { errorLine } from './error-line.js';
import { logLine } from './log-line.js';

/**
 * Tells an observer what has happened. What it throws, or what a promise of it is rejected with, is logged and
 * changes nothing, also where the log cannot be written. A promise is not waited for.
 */
export function tell<Event>(observe: ((event: Event) => unknown) | undefined, event: Event): void {
  try {
    // Left alone, a rejected promise would end the process, and with it a whole batch.
    // eslint-disable-next-line no-restricted-syntax -- here is what everybody else is to use
    Promise.resolve(observe?.(event)).catch(failed);
  } catch (error) {
    failed(error);
  }
}

function failed(error: unknown): void {
  try {
    logLine({ exactlyOnce: 'observer threw', ...errorLine(error) });
  } catch {
    // Standard output is what failed, and there is nowhere else to say it.
  }
}

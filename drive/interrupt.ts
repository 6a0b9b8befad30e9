import { InterruptedError } from './drive-error.js';

const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One Ctrl-C can arrive more than once: from the terminal, and passed on by npm. */
const sameInterruptMs = 1000;

/**
 * Aborts with an InterruptedError at the first signal that asks the process to end. Another one, more than a second
 * later, ends the process at once, whatever is still being undone.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  let since = 0;
  for (const name of names)
    process.on(name, () => {
      if (!controller.signal.aborted) {
        since = performance.now();
        controller.abort(new InterruptedError(name));
      } else if (performance.now() - since > sameInterruptMs) {
        process.exit(130);
      }
    });
  return controller.signal;
}

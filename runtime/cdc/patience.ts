import { backoff } from '../dedup/backoff.js';
import { faultOf } from '../dedup/error.js';

const defaultPatienceMs = 60_000;

export interface Patience {
  /** @default 60,000 */
  readonly patienceMs?: number;
  /** Aborted: nothing is asked again. */
  readonly signal: AbortSignal;
}

/**
 * Asks again for as long as it is a dependency that fails. A write that was made is then refused, and harmless.
 *
 * @throws what was said last when patience has ended, and at once what is no dependency's fault
 */
export async function patiently<T>(
  ask: () => Promise<T>,
  { patienceMs = defaultPatienceMs, signal }: Patience,
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (faultOf(error) !== 'dependency' || Date.now() >= deadline || signal.aborted) throw error;
      await backoff(attempt, deadline);
    }
  }
}

import { DependencyFailed } from '../dedup/error.js';
import { timerMs } from '../dedup/timer-ms.js';
import { unlessAborted } from '../dedup/unless-aborted.js';
import type { ResponseStore } from './saved-response.js';

/** The store of big responses has not answered while there was time. */
export class ResponsesUnanswered extends DependencyFailed {
  override name = 'ResponsesUnanswered';
  constructor() {
    super('the store of big responses has not answered by the deadline');
  }
}

/**
 * A store that is given up at the deadline of its request, whether it heeds the signal or not: the caller gets an
 * answer, and not the time-out of the function.
 *
 * @param deadline epoch milliseconds
 */
export function responsesInTime(store: ResponseStore, deadline: number): ResponseStore {
  return {
    put: async (name, body) => byDeadline(deadline, async (signal) => store.put(name, body, signal)),
    get: async (name) => byDeadline(deadline, async (signal) => store.get(name, signal)),
  };
}

/** @throws ResponsesUnanswered */
async function byDeadline<T>(deadline: number, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(timerMs(deadline - Date.now()));
  return unlessAborted(ask(signal), signal, () => new ResponsesUnanswered());
}

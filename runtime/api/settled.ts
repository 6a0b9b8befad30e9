import type { RenderedResponse } from '../http/response.js';
import type { RequestOutcome } from './summary.js';

/** How a request was settled. */
export interface Settled {
  readonly outcome: RequestOutcome;
  readonly response: RenderedResponse;
  /** Why it was refused or failed. */
  readonly error?: unknown;
}

export const tryAgain = 'nothing was committed; the request may be sent again with the same Idempotency-Key';

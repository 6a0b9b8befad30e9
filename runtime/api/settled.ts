import { CommitFailed, ConditionFailed } from '../dedup/errors.js';
import { retryHint, type Problems } from '../http/problem.js';
import type { RenderedResponse } from '../http/response.js';
import type { RequestOutcome } from './summary.js';

/** How a request was settled. */
export interface Settled {
  readonly outcome: RequestOutcome;
  readonly response: RenderedResponse;
  /** Why it was refused or failed. */
  readonly error?: unknown;
}

export const tryAgain =
  'nothing was committed by this attempt; the same request may be sent again, with the same Idempotency-Key';
export const notCommitted =
  'nothing was committed by this attempt; send the same request again, with the same Idempotency-Key, after the time in Retry-After';
export const inUse =
  'send the same request again, with the same Idempotency-Key, after the time in Retry-After';
export const unconfirmed =
  'whether it was done is not known; send the same request again, with the same Idempotency-Key, after the time in Retry-After';

/** Retry-After in whole seconds, not before the time is over and at least 1. */
export function retryAfter(ms = 0): Readonly<Record<string, string>> {
  return { 'retry-after': String(Math.max(1, Math.ceil(ms / 1000))) };
}

/**
 * Whether it is known that a commit has written nothing. Without an error no call was begun. What is not known is
 * never called "not done", and what is known never "not known" (R45).
 */
export function nothingWritten(error: unknown): boolean {
  if (error instanceof CommitFailed) return error.nothingWritten;
  return error === undefined || error instanceof ConditionFailed;
}

/** What was thrown, as an error: a handler may throw whatever it likes, and text may be what it was sent. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new TypeError('what was thrown is no Error', { cause: thrown });
}

/** An answer that is no success, with the hint whether it is of use to send the request again. */
export function hinted(response: RenderedResponse, again: boolean): RenderedResponse {
  if (response.status < 400) return response;
  return { ...response, headers: { [retryHint]: String(again), ...response.headers } };
}

/** Problems of a request without a key: nobody can ask what became of it, so an unknown end stays one. */
export function withoutKey(problem: Problems): Problems {
  return (kind, parts) => {
    if (kind !== 'not-confirmed') {
      const detail = parts.detail.replace(', with the same Idempotency-Key', '');
      return problem(kind, { ...parts, detail });
    }
    const detail =
      'whether it was done is not known, and without an Idempotency-Key it cannot be asked; look before sending it again';
    return problem(kind, { detail, headers: { [retryHint]: 'false' } });
  };
}

import { AddressRefused, ResolverFailed } from './errors.js';
import type { Wish } from './schedule.js';

/** What came back of an attempt: an answer, or what kept it from coming. */
export type Attempted = { readonly durationMs: number } & (
  | {
      readonly status: number;
      readonly retryAfterMs?: number;
      /** It said that it knew the event already. */
      readonly replayed?: boolean;
      /** Beginning of the body, as text. */
      readonly answer: string;
    }
  | { readonly error: unknown }
);

/** What an attempt says. */
export type Verdict =
  /** 2xx. */
  | { readonly kind: 'delivered' }
  /** 410: the endpoint wants nothing any more. */
  | { readonly kind: 'gone' }
  /** Everything else that is the endpoint's. */
  | { readonly kind: 'failed'; readonly wish: Wish; readonly reason: string }
  /** This side's own trouble: not counted, not charged to the endpoint. */
  | { readonly kind: 'ours'; readonly reason: string };

/** No answer in the time that was allowed. */
export class AttemptTimedOut extends Error {
  override name = 'AttemptTimedOut';
}

/**
 * Of system errors, those that say nothing about the other side: no route, no port, no file descriptor, no memory.
 */
const own = new Set([
  'EACCES',
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'EMFILE',
  'ENETDOWN',
  'ENETUNREACH',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EPERM',
]);

/** Statuses of a server, or of the gateway before it, that has too much to do. */
const overloaded = new Set([429, 502, 504]);

/** Whose fault it is is decided here and nowhere else. */
export function verdictOf(attempted: Attempted): Verdict {
  if ('status' in attempted) {
    const { status, retryAfterMs } = attempted;
    if (status >= 200 && status < 300) return { kind: 'delivered' };
    if (status === 410) return { kind: 'gone' };
    const redirected = status >= 300 && status < 400 ? ', and redirects are not followed' : '';
    return {
      kind: 'failed',
      wish: { calm: overloaded.has(status), retryAfterMs },
      reason: `answered ${status}${redirected}`,
    };
  }
  const { error } = attempted;
  if (error instanceof ResolverFailed) return { kind: 'ours', reason: error.name };
  if (error instanceof AddressRefused)
    return { kind: 'failed', wish: { calm: false }, reason: `${error.name}: ${error.problem}` };
  if (error instanceof AttemptTimedOut)
    return { kind: 'failed', wish: { calm: true }, reason: 'no answer in time' };
  const { code } = Object(error) as { code?: unknown };
  const reason = typeof code === 'string' ? code : error instanceof Error ? error.name : 'failed';
  return own.has(reason) ? { kind: 'ours', reason } : { kind: 'failed', wish: { calm: false }, reason };
}

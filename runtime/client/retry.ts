/**
 * Answers that settle nothing: the same request with the same key may be answered otherwise in a while. Of the other
 * 5xx, such as 501 and 505, none is about the moment.
 */
const unsettled = new Set([408, 425, 429, 500, 502, 503, 504]);

/** By how many names servers say it; Stripe's own, and the one that generated clients know. */
const hints = ['x-should-retry', 'stripe-should-retry'];

/**
 * Whether it can help to send the same request again. A replay is what it is: asked again, it comes again. Where the
 * server says whether to come again, it knows. 409 says that the first try is under way only if it also says when to
 * come again; of itself it is a refusal, such as of an id that is taken.
 */
export function mayRetry({ status, headers }: Pick<Response, 'status' | 'headers'>): boolean {
  if (status < 400 || isReplay(headers)) return false;
  for (const name of hints) {
    const said = headers.get(name)?.trim().toLowerCase();
    if (said === 'true' || said === 'false') return said === 'true';
  }
  return unsettled.has(status) || (status === 409 && headers.has('retry-after'));
}

/** Whether an answer is the saved one of an earlier try. */
export function isReplay(headers: Headers): boolean {
  return headers.get('idempotent-replayed')?.trim().toLowerCase() === 'true';
}

export interface Pauses {
  /** Upper bound of the pause after the first failure, in milliseconds; it doubles with each. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** From 0 to 1. */
  readonly random: () => number;
}

/**
 * How long to wait after the nth failure: exponential with full jitter, and never shorter than the server asks.
 *
 * @see https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export function pauseMs(
  failures: number,
  retryAfterMs: number,
  { firstMs, longestMs, random }: Pauses,
): number {
  const jittered = random() * Math.min(longestMs, firstMs * 2 ** (failures - 1));
  // Jitter on top: all clients that were told the same time would come back together.
  return retryAfterMs > 0 ? retryAfterMs + jittered : jittered;
}

/** `Retry-After` in milliseconds from now: seconds or an HTTP date. 0 when there is none that can be read. */
export function retryAfterMs(header: string | null, now: number): number {
  if (header === null) return 0;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // Date.parse alone takes almost anything: '-1' is a day of 2001 to it.
  const ms = /^[A-Z][a-z]{2}, .* GMT$/.test(text) ? Date.parse(text) - now : 0;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/** Answers that settle nothing: the same request with the same key may be answered otherwise in a while. */
const unsettled = new Set([408, 409, 425, 429]);

export function mayRetry(status: number): boolean {
  return status >= 500 || unsettled.has(status);
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

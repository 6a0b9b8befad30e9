/** The most that a timer takes. One that is given more fires at once. */
const longestMs = 2 ** 31 - 1;

/**
 * A time as timers take it: whole milliseconds, and at most 24.8 days, for whoever means that there is no limit.
 *
 * @see https://nodejs.org/api/timers.html#settimeoutcallback-delay-args
 */
export function timerMs(ms: number): number {
  return Math.min(longestMs, Math.max(0, Math.trunc(ms)));
}

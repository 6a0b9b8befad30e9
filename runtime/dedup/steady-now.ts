/** How far the clock of the day has been ahead of the one that only counts. */
let ahead = -Infinity;

/**
 * Now, in milliseconds, for what lasts: it never runs back. Where the clock of the day is set back, such as by NTP,
 * it goes on; where that one jumps ahead, which it does when a frozen process wakes up, it jumps along. So a pause, a
 * patience or a time left out is over when either clock says so. Not for what others read: it may be ahead.
 */
export function steadyNow(): number {
  const counted = performance.now();
  ahead = Math.max(ahead, Date.now() - counted);
  return counted + ahead;
}

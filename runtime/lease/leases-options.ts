import { InvalidSettings } from '../dedup/error.js';
import { logLeaseEvent, type LeaseObserver } from './lease-event.js';
import { defaultSkewSeconds, secondsProblems } from './lease-rules.js';

export interface LeasesOptions {
  /**
   * How far apart the clocks of two machines may be. A takeover waits this much longer than the lease; beyond it, two
   * owners may be at work at once (R28).
   *
   * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/set-time.html
   * @default 60
   */
  readonly maxClockSkewSeconds?: number;
  /**
   * Called for every takeover, refused zombie, unknown outcome and blocked effect. @default - one JSON line each on
   * stdout
   */
  readonly observe?: LeaseObserver;
  /** Epoch milliseconds, for tests. @default - the clock of this machine */
  readonly now?: () => number;
}

/** @throws InvalidSettings when `maxClockSkewSeconds` is no number from 0. */
export function leasesSettings(options: LeasesOptions) {
  const { maxClockSkewSeconds = defaultSkewSeconds, observe = logLeaseEvent, now } = options;
  const problems = secondsProblems({ maxClockSkewSeconds });
  if (problems.length > 0) throw new InvalidSettings(problems);
  return { maxClockSkewSeconds, observe, now };
}

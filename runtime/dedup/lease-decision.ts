import type { LeaseRow } from './lease-store.js';

/** What the policy needs to know of time. All in milliseconds. */
export interface LeaseRules {
  readonly onUnknown: 'block' | 'reconcile' | { readonly keyWindowMs: number };
  readonly durationMs: number;
  readonly maxEffectDelayMs: number;
  readonly maxClockSkewMs: number;
}

/** What may be done about a row that is there. */
export type LeaseDecision =
  | { readonly kind: 'completed' }
  | { readonly kind: 'held'; readonly until: number; readonly reason: string }
  /** `because`: the same for a log line, without what an error said. */
  | { readonly kind: 'blocked'; readonly reason: string; readonly because: string }
  /** `inDoubt`: an earlier owner may have made the effect. */
  | { readonly kind: 'take-over'; readonly inDoubt: boolean };

/**
 * What a claimant may do about a row. A lease is over when nobody within the assumed skew can think that it is not
 * (R28). After that its outcome is unknown, as after a throw: the owner may have died before, in or after the effect.
 *
 * @param now epoch milliseconds by the caller's clock.
 */
export function decide(row: LeaseRow, rules: LeaseRules, now: number): LeaseDecision {
  const { onUnknown, durationMs, maxEffectDelayMs, maxClockSkewMs } = rules;
  if (row.status === 'COMPLETED') return { kind: 'completed' };
  if (row.status === 'FREE') return { kind: 'take-over', inDoubt: false };
  // Powertools without a Lambda context writes no end: as its own layer does, wait for the row's expiry.
  const over = (row.endsAt || row.expiration * 1000) + maxClockSkewMs;
  if (row.status !== 'UNKNOWN' && now < over)
    return { kind: 'held', until: over, reason: 'another owner holds the lease' };
  if (onUnknown === 'block')
    return row.reason === undefined
      ? blockedBecause('its owner disappeared, and may have made the effect')
      : { kind: 'blocked', reason: row.reason, because: 'nobody knows what became of it' };
  if (onUnknown === 'reconcile') {
    const settled = over + maxEffectDelayMs;
    return now < settled
      ? { kind: 'held', until: settled, reason: 'an earlier call may still act' }
      : { kind: 'take-over', inDoubt: true };
  }
  // The call of this very claim may reach the other side as late as its lease and its delay allow, and on another
  // clock.
  const latest = now + durationMs + maxEffectDelayMs + maxClockSkewMs;
  if (latest > row.firstCallAt + onUnknown.keyWindowMs)
    return blockedBecause(
      `the other side remembers a key for ${onUnknown.keyWindowMs / 1000} s, and may have forgotten that of the first call`,
    );
  return { kind: 'take-over', inDoubt: true };
}

function blockedBecause(reason: string): LeaseDecision {
  return { kind: 'blocked', reason, because: reason };
}

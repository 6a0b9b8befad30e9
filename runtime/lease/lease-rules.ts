import type { LeaseTimes, OnUnknown } from '../dedup/effect.js';
import { InvalidSettings } from '../dedup/errors.js';
import type { LeaseRules } from '../dedup/lease-decision.js';

export const defaultSkewSeconds = 60;
const defaultDelaySeconds = 60;

export interface RuleSettings extends Pick<LeaseTimes, 'maxEffectDelaySeconds'> {
  readonly durationMs: number;
  readonly maxClockSkewSeconds?: number;
  readonly onUnknown: OnUnknown<never, unknown>;
}

/**
 * @throws InvalidSettings when a time is out of range, or when no call could be repeated within the other side's
 * memory.
 */
export function leaseRules(settings: RuleSettings): LeaseRules {
  const {
    durationMs,
    onUnknown,
    maxEffectDelaySeconds = defaultDelaySeconds,
    maxClockSkewSeconds = defaultSkewSeconds,
  } = settings;
  const keyWindowSeconds =
    onUnknown !== 'block' && 'retry' in onUnknown ? onUnknown.retry.keyWindowSeconds : undefined;
  const leaseSeconds = durationMs / 1000;
  const problems = secondsProblems({
    leaseSeconds,
    maxEffectDelaySeconds,
    maxClockSkewSeconds,
    keyWindowSeconds,
  });
  const first = leaseSeconds + maxEffectDelaySeconds + maxClockSkewSeconds;
  if (keyWindowSeconds !== undefined && keyWindowSeconds <= first)
    problems.push(
      `keyWindowSeconds is ${keyWindowSeconds}, must be more than lease + maxEffectDelaySeconds + maxClockSkewSeconds = ${first}: ` +
        "nothing could ever be tried again; use onUnknown: 'block', or shorter times",
    );
  if (problems.length > 0) throw new InvalidSettings(problems);
  return {
    durationMs: Math.max(1, Math.floor(durationMs)),
    maxEffectDelayMs: maxEffectDelaySeconds * 1000,
    maxClockSkewMs: maxClockSkewSeconds * 1000,
    onUnknown: keyWindowSeconds === undefined ? kindOf(onUnknown) : { keyWindowMs: keyWindowSeconds * 1000 },
  };
}

export function secondsProblems(values: Readonly<Record<string, number | undefined>>): string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined || (Number.isFinite(value) && value >= 0)
      ? []
      : [`${name} must be a number of seconds from 0, got ${value}`],
  );
}

function kindOf(onUnknown: OnUnknown<never, unknown>): 'block' | 'reconcile' {
  return onUnknown === 'block' ? 'block' : 'reconcile';
}

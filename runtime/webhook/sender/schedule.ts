import { InvalidSettings } from '../../dedup/errors.js';

/** Seconds before each attempt, counted from the end of the one before it: 0 s to 24 h, about 75 hours in all. */
export const defaultSchedule: readonly number[] = [
  0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400,
];

/** An endpoint that is asked too much of, or does not answer, is left alone for a minute at least. */
const calmMs = 60_000;
/** A wait is longer than its step by up to this share, so that what failed together does not come again together. */
const jitter = 0.2;

/** What an answer says about when to come again. */
export interface Wish {
  /** It is asked too much of: 429, 502, 504, or no answer in time. */
  readonly calm: boolean;
  /** `Retry-After`, in milliseconds from now. */
  readonly retryAfterMs?: number;
}

/**
 * How long to wait after a failed attempt, in milliseconds; undefined when it was the last one. Never shorter than
 * the step of the schedule; `Retry-After` lengthens it to twice the step at the most.
 *
 * @param attempts that have failed, this one included
 */
export function waitMs(
  schedule: readonly number[],
  attempts: number,
  { calm, retryAfterMs = 0 }: Wish,
  random: () => number = Math.random,
): number | undefined {
  const seconds = schedule[attempts];
  if (seconds === undefined) return undefined;
  const step = seconds * 1000 * (1 + jitter * random());
  const asked = Math.min(Math.max(retryAfterMs, seconds * 1000), 2 * seconds * 1000);
  return Math.round(Math.max(step, asked, calm ? calmMs : 0));
}

/**
 * `Retry-After` in milliseconds from now; undefined when it is not there or neither seconds nor a date.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110.html#field.retry-after
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

/** @throws InvalidSettings when it is empty, too long, or a wait is no number of seconds. */
export function assertSchedule(schedule: readonly number[]): void {
  const problem = scheduleProblem(schedule);
  if (problem !== undefined) throw new InvalidSettings([problem]);
}

export function scheduleProblem(schedule: readonly number[]): string | undefined {
  const most = 30 * 24 * 3600;
  return schedule.length >= 1 &&
    schedule.length <= 20 &&
    schedule.every((seconds) => Number.isFinite(seconds) && seconds >= 0 && seconds <= most)
    ? undefined
    : `a schedule has 1 to 20 waits of 0 to ${most} seconds (30 days), got ${schedule.length}`;
}

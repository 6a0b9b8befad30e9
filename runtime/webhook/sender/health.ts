import type { DisabledReason, Endpoint, EndpointHealth } from './endpoint.js';
import type { SlotHolder, Standing } from './slots.js';

/** When an endpoint is left alone, and when it is given up. Milliseconds. */
export interface HealthRules {
  /** Failures in a row, by which the breaker opens. */
  readonly threshold: number;
  /** How long it lets nothing through at first; twice as long each time that the one try after it fails. */
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  /** An endpoint that has failed for so long without one success is disabled. */
  readonly disableAfterMs: number;
}

export const defaultHealth: HealthRules = {
  threshold: 5,
  firstPauseMs: 30_000,
  maxPauseMs: 30 * 60_000,
  disableAfterMs: 5 * 24 * 3600_000,
};

/** Steps of the way to disabling that are told of, in percent. */
export const alertSteps = [50, 70, 90, 100] as const;
export type AlertStep = (typeof alertSteps)[number];

const firstWindow = 2;
/** An attempt that has had no answer for so long may be one that never has. */
const slowMs = 2_000;

/** What of an endpoint's health is to be written, undefined when nothing is. */
export type HealthChange =
  { readonly set: EndpointHealth } | { readonly remove: readonly (keyof EndpointHealth)[] } | undefined;

/**
 * One endpoint while a worker sends to it: what is in flight, its breaker, its rate. Nobody else sends to it at that
 * time, so its caps are kept here and cost nothing.
 */
export class EndpointRun implements SlotHolder {
  inFlight = 0;
  disabled: DisabledReason | undefined;
  #health: EndpointHealth;
  #failures: number;
  /** Attempts at once: grows with each success, so that one that hangs takes few of the slots that all share. */
  #window = firstWindow;
  /** Its last attempt was taken. */
  #hasAnswered = false;
  /** When the attempts that are under way began, the oldest first. */
  readonly #begun = new Map<symbol, number>();
  /** Attempts that may be made at once, filled up as time goes by. */
  #tokens: number;
  #filledAt: number;
  readonly #rules: HealthRules;
  readonly #maxInFlight: number;

  /** @param before what is known of it, when its row is read again: it goes on from there. */
  constructor(
    readonly endpoint: Endpoint,
    rules: HealthRules,
    maxInFlight: number,
    nowMs: number,
    before?: EndpointRun,
  ) {
    this.#rules = rules;
    this.#maxInFlight = maxInFlight;
    this.disabled = endpoint.disabled;
    this.#health = endpoint.health;
    this.#failures = endpoint.health.failures ?? 0;
    this.#tokens = this.#burst;
    this.#filledAt = nowMs;
    if (before === undefined) return;
    this.#window = before.#window;
    this.#hasAnswered = before.#hasAnswered;
    this.#tokens = Math.min(this.#burst, before.#tokens);
    this.#filledAt = before.#filledAt;
    // The same row of failures, unless somebody has enabled it meanwhile. What could not be written down counts, too.
    if (this.#health.firstFailureAt === before.#health.firstFailureAt) this.#failures = before.#failures;
  }

  get health(): EndpointHealth {
    return this.#health;
  }

  /** Whether its last attempt failed: the next one may well take all the time that it is given. */
  get isFailing(): boolean {
    return this.#health.firstFailureAt !== undefined;
  }

  standing(nowMs: number): Standing {
    const [oldest = nowMs] = this.#begun.values();
    if (this.isFailing || nowMs - oldest > slowMs) return 'suspect';
    return this.#hasAnswered ? 'answering' : 'unknown';
  }

  /** An attempt is under way. @returns what says that it has ended. */
  begin(nowMs: number): () => void {
    const attempt = Symbol('attempt');
    this.#begun.set(attempt, nowMs);
    return () => this.#begun.delete(attempt);
  }

  /** Whether an attempt may be made now; it has to be, then: it has taken its place in the rate. */
  admit(nowMs: number): boolean {
    return this.inFlight < this.#most(nowMs) && this.hasToken(nowMs);
  }

  /** Takes a place in the rate, if there is one. */
  hasToken(nowMs: number): boolean {
    const { ratePerSecond } = this.endpoint;
    if (ratePerSecond === undefined) return true;
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#filledAt) / 1000) * ratePerSecond);
    this.#filledAt = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Epoch milliseconds when its rate lets the next one through; undefined when it does now, or has none. */
  get nextTokenAt(): number | undefined {
    const { ratePerSecond } = this.endpoint;
    if (ratePerSecond === undefined || this.#tokens >= 1) return undefined;
    return this.#filledAt + ((1 - this.#tokens) / ratePerSecond) * 1000;
  }

  succeeded(): HealthChange {
    this.#failures = 0;
    this.#window += 1;
    this.#hasAnswered = true;
    const names = (['firstFailureAt', 'failures', 'openUntil', 'alerted'] as const).filter(
      (name) => this.#health[name] !== undefined,
    );
    this.#health = {};
    return names.length === 0 ? undefined : { remove: names };
  }

  failed(nowMs: number): HealthChange {
    const { firstFailureAt, openUntil = 0 } = this.#health;
    this.#window = 1;
    this.#hasAnswered = false;
    // What was under way when the breaker opened says nothing new.
    if (nowMs < openUntil) return undefined;
    this.#failures += 1;
    const { threshold, firstPauseMs, maxPauseMs } = this.#rules;
    const beyond = this.#failures - threshold;
    const set: EndpointHealth = {
      // Written down each time, so that a row of failures goes on in the next run of a worker.
      failures: this.#failures,
      ...(firstFailureAt === undefined && { firstFailureAt: nowMs }),
      ...(beyond >= 0 && { openUntil: nowMs + Math.min(maxPauseMs, firstPauseMs * 2 ** beyond) }),
    };
    this.#health = { ...this.#health, ...set };
    return { set };
  }

  /** The highest step of the way to disabling that has been reached and not been told of. */
  reached(nowMs: number): AlertStep | undefined {
    const { firstFailureAt, alerted = 0 } = this.#health;
    if (firstFailureAt === undefined) return undefined;
    const percent = (100 * (nowMs - firstFailureAt)) / this.#rules.disableAfterMs;
    return alertSteps.findLast((step) => percent >= step && step > alerted);
  }

  /** Epoch milliseconds until which nothing is let through; 0 when the breaker is closed. */
  get openUntil(): number {
    return this.#health.openUntil ?? 0;
  }

  noteAlerted(step: AlertStep): void {
    this.#health = { ...this.#health, alerted: step };
  }

  #most(nowMs: number): number {
    if (nowMs < this.openUntil) return 0;
    // One try after a pause, and all of them when it has succeeded.
    if (this.#failures >= this.#rules.threshold || this.endpoint.ordered === true) return 1;
    return Math.min(this.endpoint.maxInFlight ?? this.#maxInFlight, this.#maxInFlight, this.#window);
  }

  get #burst(): number {
    return Math.max(1, this.endpoint.ratePerSecond ?? 1);
  }
}

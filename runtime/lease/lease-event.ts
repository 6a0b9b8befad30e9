import { keyHash } from '../dedup/key-hash.js';
import type { MetricsSink } from '../telemetry/metrics-observer.js';
import { logLine } from '../telemetry/log-line.js';
import { observed } from '../telemetry/observed.js';

/** What happened to a lease that somebody may want to know. */
export interface LeaseEvent {
  /**
   * - `takeover`: an owner disappeared or threw, and another goes on by the effect's `onUnknown`.
   * - `zombie-rejected`: an owner had lost its lease, and what it had to say was refused.
   * - `unknown-outcome`: an effect threw, or its owner disappeared and nothing may be tried.
   * - `blocked`: the effect is listed and waits for a person.
   */
  readonly kind: 'takeover' | 'zombie-rejected' | 'unknown-outcome' | 'blocked';
  readonly consumer: string;
  readonly effect: string;
  /** SHA-256 of the key, first 16 hex digits; keys may be personal data. */
  readonly keyHash: string;
  /** What it follows from, for a log line. */
  readonly reason?: string;
}

export type LeaseObserver = (event: LeaseEvent) => void;

/** The default observer: one JSON line per event, without payloads and keys. */
export function logLeaseEvent(event: LeaseEvent): void {
  logLine({ exactlyOnce: 'lease', ...event });
}

const metricNames = {
  takeover: 'leaseTakeover',
  'zombie-rejected': 'leaseZombieRejected',
  'unknown-outcome': 'leaseUnknownOutcome',
  blocked: 'leaseBlocked',
} as const;

/**
 * An observer that publishes each event as a count with the dimension `consumer`: `leaseTakeover`,
 * `leaseZombieRejected`, `leaseUnknownOutcome`, `leaseBlocked`. Events are logged as {@link logLeaseEvent} does.
 *
 * @param metrics `new Metrics({ namespace, serviceName })` of `@aws-lambda-powertools/metrics`.
 */
export function leaseMetrics(metrics: MetricsSink): LeaseObserver {
  return (event) => {
    logLeaseEvent(event);
    metrics.addDimension('consumer', event.consumer);
    metrics.addMetric(metricNames[event.kind], 'Count', 1);
    metrics.publishStoredMetrics();
  };
}

/** The events of one effect of one message. */
export function reporter(
  observe: LeaseObserver,
  { consumerName, effect, key }: { consumerName: string; effect: string; key: string },
): (kind: LeaseEvent['kind'], reason?: string) => void {
  const common = { consumer: consumerName, effect, keyHash: keyHash(key) };
  return (kind, reason) => observed(observe, { kind, ...common, reason });
}

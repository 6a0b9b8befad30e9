import { errorLine } from '../telemetry/error-line.js';
import { logLine } from '../telemetry/log-line.js';

/** What became of a delivery, or of one of its events. */
export type DeliveryOutcome =
  /** Acted, now. */
  | 'processed'
  /** Had acted before. */
  | 'duplicate'
  /** Older than what is known of its entity: taken, without an effect (R41). */
  | 'stale'
  /** Of a type that the source does not ask for: taken, without a receipt. */
  | 'ignored'
  /** Asked whether the endpoint knows its secret, and was answered. */
  | 'handshake'
  /** 4xx: not signed, too old, too large, or of no source. Nothing is written. */
  | 'refused'
  /** 5xx: the sender has to come again. */
  | 'failed';

/** One delivery in figures. */
export interface DeliverySummary {
  readonly receiver: string;
  /** The source as it is configured; absent when the request names none. */
  readonly source?: string;
  readonly status: number;
  /** Of a delivery that was not taken, or is no event. */
  readonly outcome?: DeliveryOutcome;
  /** How many of its events came to what. */
  readonly events: Readonly<Partial<Record<DeliveryOutcome, number>>>;
  /**
   * How far the sender's clock, or the way of the delivery, is from now, in seconds. Above 0: it was signed before.
   */
  readonly skewSeconds?: number;
  readonly error?: unknown;
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly calls: number;
  readonly conflicts: number;
}

/** The default observer: one JSON line per delivery. No id, no body, no header, no message of an error (R59). */
export function logDelivery({ error, ...figures }: DeliverySummary): void {
  const said = error instanceof Error ? errorLine(error) : { error };
  logLine({ exactlyOnce: 'webhook', ...figures, ...said });
}

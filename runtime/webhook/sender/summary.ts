import { logLine } from '../../telemetry/log-line.js';
import type { Attempt, AttemptOutcome } from './attempt.js';

/** One invocation of a worker in figures. */
export interface SendSummary {
  readonly sender: string;
  /** Attempts by what became of their deliveries. */
  readonly delivered: number;
  readonly retried: number;
  readonly exhausted: number;
  readonly held: number;
  readonly ours: number;
  /** Deliveries of which it could not be written down what became of them: they are sent again. */
  readonly problems: number;
  /** Shards that another worker was sending for. */
  readonly busy: number;
  /** Of the slowest attempt, in milliseconds. */
  readonly slowestMs: number;
  readonly writeUnits: number;
  readonly readUnits: number;
}

/** The default observer: one JSON line per invocation that did something. No address, no id, no body (R59). */
export function logSent(summary: SendSummary): void {
  const { delivered, retried, exhausted, held, ours, problems } = summary;
  if (delivered + retried + exhausted + held + ours + problems > 0)
    logLine({ exactlyOnce: 'webhooks sent', ...summary });
}

/** Counts what a worker does. */
export class RunTally implements Record<AttemptOutcome, number> {
  delivered = 0;
  retried = 0;
  exhausted = 0;
  held = 0;
  ours = 0;
  problems = 0;
  busy = 0;
  slowestMs = 0;

  get figures(): Omit<SendSummary, 'sender' | 'writeUnits' | 'readUnits'> {
    const { delivered, retried, exhausted, held, ours, problems, busy, slowestMs } = this;
    return { delivered, retried, exhausted, held, ours, problems, busy, slowestMs };
  }

  note({ outcome, durationMs }: Attempt): void {
    this[outcome] += 1;
    this.slowestMs = Math.max(this.slowestMs, durationMs);
  }
}

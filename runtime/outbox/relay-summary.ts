import { errorLine } from '../telemetry/error-line.js';
import { keyHash } from '../dedup/key-hash.js';
import { logLine } from '../telemetry/log-line.js';
import type { RelayGauges } from './relay-gauges.js';

/** One run of the relay in figures. */
export interface RelaySummary {
  /** Table of the outbox. */
  readonly outbox: string;
  /** `stream`: what the table's stream brought. `sweep`: what was listed as stuck, and what a scan found. */
  readonly by: 'stream' | 'sweep';
  /** Events that every target has accepted. */
  readonly sent: number;
  /** Of those, events that somebody had sent before. */
  readonly resent: number;
  /** Events that had been sent meanwhile, and were passed over. */
  readonly passed: number;
  /** Records that come again: they could not be sent, marked or listed, or time was up. */
  readonly failed: number;
  /** Streams that were listed as stuck, or could not be taken off the list. */
  readonly listed: number;
  /** Longest time from a commit to the sending of its event, in milliseconds. */
  readonly lagMs: number;
  /** What was tried in vain, and each row that is no event. */
  readonly problems: readonly RelayProblem[];
}

export interface RelayProblem {
  /** Name of the stream; empty: it was about none. */
  readonly stream: string;
  /** Decimal digits. */
  readonly version: string;
  readonly error: unknown;
}

export const metricNamespace = 'ExactlyOnce/Outbox';

/** Lines of problems that one run writes: a target that is down makes one for every stream. */
const mostProblems = 20;

/**
 * The default observer: a line per problem, without payloads and names, and one line of figures in CloudWatch's
 * embedded metric format, from which CloudWatch makes the metrics `sent`, `resent`, `failed`, `listed` and `lag` with
 * the dimension `outbox`.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function logRelay({ problems, ...figures }: RelaySummary): void {
  for (const { stream, version, error } of problems.slice(0, mostProblems)) {
    // The name of a stream holds a key, and keys may be personal data (R59). The list of stuck streams has it.
    const where = { outbox: figures.outbox, streamHash: keyHash(stream), version };
    logLine({ exactlyOnce: 'problem', ...where, ...errorLine(error) });
  }
  const { sent, resent, failed, listed, lagMs, by } = figures;
  const figured: Readonly<Record<string, number>> = { sent, resent, failed, listed, lag: lagMs };
  const metrics = by === 'stream' || sent + failed + listed > 0 ? figured : {};
  logLine({ exactlyOnce: 'relay', ...figures, problems: problems.length, ...metricsOf(metrics) });
}

/**
 * The default observer of gauges: a line in CloudWatch's embedded metric format, from which CloudWatch makes the
 * metrics `stuckStreams`, `oldestUnsent` and `streamSilence`.
 */
export function logGauges({
  outbox,
  stuckStreams,
  oldestUnsentSeconds,
  streamSilenceSeconds,
}: RelayGauges): void {
  const gauges = {
    stuckStreams,
    oldestUnsent: oldestUnsentSeconds,
    streamSilence: streamSilenceSeconds,
  };
  logLine({ exactlyOnce: 'outbox', outbox, ...metricsOf(gauges) });
}

/** Figures of an outbox in CloudWatch's embedded metric format: part of a line that has the dimension `outbox`. */
export function metricsOf(metrics: Readonly<Record<string, number>>) {
  return {
    ...metrics,
    _aws: {
      Timestamp: Date.now(),
      CloudWatchMetrics: [
        {
          Namespace: metricNamespace,
          Dimensions: [['outbox']],
          Metrics: Object.keys(metrics).map((Name) => ({ Name, Unit: units[Name] ?? 'Count' })),
        },
      ],
    },
  };
}

const units: Readonly<Record<string, string>> = {
  lag: 'Milliseconds',
  oldestUnsent: 'Seconds',
  streamSilence: 'Seconds',
};

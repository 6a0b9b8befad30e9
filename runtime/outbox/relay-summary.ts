import { logLine } from '../telemetry/log-line.js';

/** One run of the relay in figures. */
export interface RelaySummary {
  /** Table of the outbox. */
  readonly outbox: string;
  /** `stream`: what the table's stream brought. `sweep`: what the index of unsent rows brought. */
  readonly by: 'stream' | 'sweep';
  /** Events that every target has accepted. */
  readonly sent: number;
  /** Of those, events that somebody had sent before. */
  readonly resent: number;
  /** Events that had been sent meanwhile, and were passed over. */
  readonly passed: number;
  /** Events that come again: a target did not accept them, or one before them in their group, or time was up. */
  readonly failed: number;
  /** Events that were sent but could not be marked: the sweep sends them again. */
  readonly unmarked: number;
  /** Longest time from a commit to the sending of its event, in milliseconds. */
  readonly lagMs: number;
  /** Sweep only: age of the oldest unsent event when it began, in seconds; 0 for none. */
  readonly oldestUnsentSeconds?: number;
  /** Each event that was tried in vain, and each row that is no event. */
  readonly problems: readonly RelayProblem[];
}

export interface RelayProblem {
  readonly stream: string;
  readonly version: string;
  readonly error: unknown;
}

export const metricNamespace = 'ExactlyOnce/Outbox';

/**
 * The default observer: a line per problem, without payloads, and one line of figures in CloudWatch's embedded metric
 * format, from which CloudWatch makes the metrics `sent`, `resent`, `failed`, `lag` and `oldestUnsent` with the
 * dimension `outbox`.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function logRelay({ problems, ...figures }: RelaySummary): void {
  for (const { stream, version, error } of problems) {
    const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
    const where = { outbox: figures.outbox, stream, version: version.replace(/^0+(?=\d)/, '') };
    logLine({ exactlyOnce: 'problem', ...where, error: `${name}: ${message}` });
  }
  const { sent, resent, failed, lagMs, oldestUnsentSeconds } = figures;
  const metrics = {
    ...(figures.by === 'stream' || sent + failed > 0 ? { sent, resent, failed, lag: lagMs } : {}),
    ...(oldestUnsentSeconds === undefined ? {} : { oldestUnsent: oldestUnsentSeconds }),
  };
  logLine({
    exactlyOnce: 'relay',
    ...figures,
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
  });
}

const units: Readonly<Record<string, string>> = { lag: 'Milliseconds', oldestUnsent: 'Seconds' };

import { logLine } from '../telemetry/log-line.js';
import type { MetricsSink } from '../telemetry/metrics-observer.js';

/** What became of one call of `send`. */
export interface SendSummary {
  /** Name of the queue that is sent to first. */
  readonly channel: string;
  readonly messages: number;
  /** Accepted, by either queue. */
  readonly sent: number;
  /** Of those: by Standard, because FIFO throttled. */
  readonly spilled: number;
  /** Times that a message was throttled, each try counted. */
  readonly throttled: number;
  /** 1 when the sender came back to FIFO in this call. */
  readonly back: number;
  /** Not known to be accepted. */
  readonly notSent: number;
  /** Bodies that were put into S3. */
  readonly claimed: number;
  /** Calls to SQS. */
  readonly calls: number;
  readonly ms: number;
}

/** The default observer: one JSON line for a call in which anything was out of the ordinary. */
export function logSend(summary: SendSummary): void {
  const { throttled, spilled, back, notSent } = summary;
  if (throttled + spilled + back + notSent > 0) logLine({ exactlyOnce: 'send', ...summary });
}

/**
 * An observer that publishes the figures of a call as CloudWatch metrics (EMF) with the dimension `channel`: `sent`,
 * `throttled`, `spilled`, `back`, `notSent` (counts).
 *
 * @param metrics `new Metrics({ namespace, serviceName })` of `@aws-lambda-powertools/metrics`.
 */
export function sendMetrics(metrics: MetricsSink): (summary: SendSummary) => void {
  return (summary) => {
    logSend(summary);
    metrics.addDimension('channel', summary.channel);
    for (const name of ['sent', 'throttled', 'spilled', 'back', 'notSent'] as const)
      metrics.addMetric(name, 'Count', summary[name]);
    metrics.publishStoredMetrics();
  };
}

import { logSummary, type BatchSummary } from './batch-summary.js';

/** The part of Powertools' `Metrics` that is used here; the package itself is needed only by those who pass one. */
export interface MetricsSink {
  addMetric(name: string, unit: 'Count' | 'Seconds', value: number): unknown;
  addDimension(name: string, value: string): unknown;
  publishStoredMetrics(): void;
}

/** CloudWatch takes at most 100 values of one metric in one EMF line. */
const maxValues = 100;

/**
 * An observer for `observe` that publishes a batch's figures as CloudWatch metrics (EMF), once per batch, with the
 * dimension `consumer`: `processed`, `duplicate`, `parked`, `ignored`, `rejected`, `retried`, `excused`, dead letters
 * by kind (`deadRejected`, `deadFailed`, `deadDied`, `deadParked`), `stopped`, `defect`, `conflict` (counts),
 * `receiptAge` (seconds, one value per suppressed duplicate: what the retention must outlive) and `oldestSeconds` (of
 * the messages that come again, since their first enqueue; none where none does). Problems are logged as
 * {@link logSummary} does.
 *
 * @param metrics `new Metrics({ namespace, serviceName })` of `@aws-lambda-powertools/metrics`.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function metricsObserver(metrics: MetricsSink): (summary: BatchSummary) => void {
  return (summary) => {
    logSummary(summary);
    metrics.addDimension('consumer', summary.consumer);
    metrics.addMetric('processed', 'Count', summary.processed);
    metrics.addMetric('duplicate', 'Count', summary.duplicate);
    metrics.addMetric('parked', 'Count', summary.parked);
    metrics.addMetric('ignored', 'Count', summary.ignored);
    metrics.addMetric('rejected', 'Count', summary.rejected);
    metrics.addMetric('retried', 'Count', summary.retry);
    metrics.addMetric('excused', 'Count', summary.excused);
    metrics.addMetric('deadRejected', 'Count', summary.dead.rejected);
    metrics.addMetric('deadFailed', 'Count', summary.dead.failed);
    metrics.addMetric('deadDied', 'Count', summary.dead.died);
    metrics.addMetric('deadParked', 'Count', summary.dead.parked);
    metrics.addMetric('stopped', 'Count', summary.stopped);
    const defects = summary.problems.filter(({ fault }) => fault === 'defect').length;
    metrics.addMetric('defect', 'Count', defects);
    metrics.addMetric('conflict', 'Count', summary.conflicts);
    for (const age of summary.receiptAges.slice(0, maxValues))
      metrics.addMetric('receiptAge', 'Seconds', age);
    if (summary.oldestSeconds > 0) metrics.addMetric('oldestSeconds', 'Seconds', summary.oldestSeconds);
    metrics.publishStoredMetrics();
  };
}

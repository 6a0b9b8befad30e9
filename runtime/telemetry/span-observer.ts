import { trace } from '@opentelemetry/api';
import { logSummary, type BatchSummary } from './batch-summary.js';

/**
 * An observer for `observe` of a consumer that {@link traced} wraps: puts the figures of a batch on its span, such as
 * `exactly_once.duplicate`, and then does what `next` does. Needs a context manager, which every tracer provider for
 * Node and the Lambda layers register.
 *
 * @param next what also looks at the batch, the log lines by default
 */
export function spanObserver(next: (summary: BatchSummary) => void = logSummary) {
  return (summary: BatchSummary): void => {
    const { consumer, processed, duplicate, parked, rejected, excused, stopped, conflicts, dead } = summary;
    const given = Object.values(dead).reduce((sum, count) => sum + count, 0);
    const figures = { processed, duplicate, parked, rejected, excused, stopped, conflicts, dead: given };
    const span = trace.getActiveSpan();
    span?.setAttribute('messaging.consumer.group.name', consumer);
    for (const [name, count] of Object.entries(figures))
      if (count > 0) span?.setAttribute(`exactly_once.${name}`, count);
    next(summary);
  };
}

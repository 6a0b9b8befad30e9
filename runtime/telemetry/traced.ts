import {
  context,
  type Link,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { carriers, fromTraceHeader, fromTraceParent } from './trace-context.js';

/** What is read of a record of Lambda's event source for SQS. */
export interface TracedRecord {
  readonly eventSourceARN: string;
  readonly attributes: { readonly AWSTraceHeader?: string };
  readonly messageAttributes: Readonly<Record<string, { readonly stringValue?: string } | undefined>>;
}

/** A Lambda handler of a batch of SQS. */
export type BatchHandler<Event, Context, Answer> = (event: Event, context: Context) => Promise<Answer>;

export interface TracedOptions {
  /** @default - `exactly-once-aws` of the global tracer provider */
  readonly tracer?: Tracer;
}

/**
 * Wraps the handler of a consumer: one span a batch, with one link a message to the span that sent it, whichever of
 * `traceparent` and X-Ray's header it came with (`traceparent` first). The span is a child of whatever is active,
 * such as the invocation's span of the Lambda instrumentation, and never of a message: a batch has many.
 *
 * Attributes are those of OpenTelemetry's conventions for SQS, which are in development. None holds a key, a body or
 * a message of an error (R59). Nothing else changes: the handler answers, and throws, what it did. Without a tracer
 * provider it costs next to nothing.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/sqs/
 */
export function traced<Event extends { readonly Records: readonly TracedRecord[] }, Context, Answer>(
  handler: BatchHandler<Event, Context, Answer>,
  options: TracedOptions = {},
): BatchHandler<Event, Context, Answer> {
  return async (event, invocation) => {
    const tracer = options.tracer ?? trace.getTracer('exactly-once-aws');
    const span = batchSpan(tracer, event.Records);
    try {
      const answer = await context.with(trace.setSpan(context.active(), span), () =>
        handler(event, invocation),
      );
      const back = failuresIn(answer);
      if (back > 0) span.setAttribute('exactly_once.retried', back);
      return answer;
    } catch (error) {
      span.setAttribute('error.type', error instanceof Error ? error.name : typeof error);
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  };
}

function batchSpan(tracer: Tracer, records: readonly TracedRecord[]): Span {
  const arn = records[0]?.eventSourceARN ?? '';
  const [, , , region, account, queue = ''] = arn.split(':');
  return tracer.startSpan(`process ${queue}`, {
    kind: SpanKind.CONSUMER,
    links: records.flatMap((record) => linkOf(record) ?? []),
    attributes: {
      'messaging.system': 'aws_sqs',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': queue,
      'messaging.batch.message_count': records.length,
      'faas.trigger': 'pubsub',
      ...(region === undefined ? {} : { 'cloud.region': region }),
      ...(account === undefined ? {} : { 'cloud.account.id': account }),
    },
  });
}

function linkOf({ messageAttributes, attributes }: TracedRecord): Link | undefined {
  const own = (name: string) => messageAttributes[name]?.stringValue;
  const sender =
    fromTraceParent(own(carriers.parent), own(carriers.state)) ?? fromTraceHeader(attributes.AWSTraceHeader);
  return sender && { context: sender };
}

function failuresIn(answer: unknown): number {
  if (typeof answer !== 'object' || answer === null || !('batchItemFailures' in answer)) return 0;
  return Array.isArray(answer.batchItemFailures) ? answer.batchItemFailures.length : 0;
}

import { context, trace } from '@opentelemetry/api';
import { traceHeaderOf, type TraceFields } from '../send/trace-fields.js';
import { carriers, toTraceParent } from './trace-context.js';

interface TextAttribute {
  readonly DataType: 'String';
  readonly StringValue: string;
}

/** Both carriers of a trace, as an entry of SendMessage and SendMessageBatch takes them. */
export interface TraceAttributes {
  readonly MessageAttributes: Record<string, TextAttribute>;
  readonly MessageSystemAttributes: { readonly AWSTraceHeader?: TextAttribute };
}

/**
 * The active span for a message that is about to be sent, to be spread into the entry:
 * `{ ...traceAttributes(), MessageBody }`. As W3C's `traceparent` (and `tracestate`, where there is one), which takes
 * one or two of the ten attributes of a message, and as X-Ray's header, which takes none. Empty where no span is
 * active.
 *
 * No guarantee rests on it: an attribute is neither part of a key nor of a fingerprint unless a selector takes it.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
 */
export function traceAttributes(): TraceAttributes {
  const { traceparent, tracestate, awsTraceHeader } = traceFields() ?? {};
  const attributes = { [carriers.parent]: traceparent, [carriers.state]: tracestate };
  return {
    MessageAttributes: Object.fromEntries(
      Object.entries(attributes).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, text(value)]],
      ),
    ),
    MessageSystemAttributes: awsTraceHeader === undefined ? {} : { [carriers.header]: text(awsTraceHeader) },
  };
}

/**
 * The same for the `trace` of `channelSender` and of `outbox`: what is published is linked by whoever consumes it to
 * the span that was active when it was published, however much later the relay sends it. Undefined where none is.
 */
export function traceFields(): TraceFields | undefined {
  const span = trace.getSpanContext(context.active());
  if (span === undefined) return undefined;
  const traceparent = toTraceParent(span);
  const state = span.traceState?.serialize();
  return {
    traceparent,
    ...(state !== undefined && state !== '' && { tracestate: state }),
    awsTraceHeader: traceHeaderOf({ traceparent }),
  };
}

function text(StringValue: string): TextAttribute {
  return { DataType: 'String', StringValue };
}

import { context, trace } from '@opentelemetry/api';
import { carriers, toTraceHeader, toTraceParent } from './trace-context.js';

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
  const span = trace.getSpanContext(context.active());
  if (span === undefined) return { MessageAttributes: {}, MessageSystemAttributes: {} };
  const state = span.traceState?.serialize();
  return {
    MessageAttributes: {
      [carriers.parent]: text(toTraceParent(span)),
      ...(state === undefined || state === '' ? {} : { [carriers.state]: text(state) }),
    },
    MessageSystemAttributes: { [carriers.header]: text(toTraceHeader(span)) },
  };
}

function text(StringValue: string): TextAttribute {
  return { DataType: 'String', StringValue };
}

import { createTraceState, isSpanContextValid, TraceFlags, type SpanContext } from '@opentelemetry/api';

/** Names under which a trace travels with a message of SQS. */
export const carriers = { parent: 'traceparent', state: 'tracestate', header: 'AWSTraceHeader' } as const;

/**
 * The span that a message was sent in, from W3C's `traceparent` and `tracestate`. Undefined for what is none.
 *
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function fromTraceParent(parent: string | undefined, state?: string): SpanContext | undefined {
  const [, version, traceId, spanId, flags] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/.exec(parent ?? '') ?? [];
  if (version === undefined || version === 'ff' || traceId === undefined || spanId === undefined)
    return undefined;
  return valid({
    traceId,
    spanId,
    // Only the lowest bit is defined.
    traceFlags: Number.parseInt(flags ?? '00', 16) & TraceFlags.SAMPLED,
    traceState: state === undefined ? undefined : createTraceState(state),
    isRemote: true,
  });
}

/**
 * The same from X-Ray's header, which SQS carries as the system attribute `AWSTraceHeader`. Undefined without a
 * `Parent`: a trace is no span.
 *
 * @see https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 */
export function fromTraceHeader(header: string | undefined): SpanContext | undefined {
  const fields = new Map((header ?? '').split(';').map((field) => split(field.trim())));
  const [, time, unique] = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/.exec(fields.get('Root') ?? '') ?? [];
  const spanId = fields.get('Parent');
  if (time === undefined || unique === undefined || spanId === undefined) return undefined;
  return valid({
    traceId: time + unique,
    spanId,
    traceFlags: fields.get('Sampled') === '1' ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
  });
}

export function toTraceParent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

function valid(context: SpanContext): SpanContext | undefined {
  return isSpanContextValid(context) ? context : undefined;
}

function split(field: string): [string, string] {
  const at = field.indexOf('=');
  return [field.slice(0, at), field.slice(at + 1)];
}

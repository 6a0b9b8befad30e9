/** What a tracer has to say of a message. `traceFields` of exactly-once-aws/telemetry says it of the active span. */
export interface TraceFields {
  /** W3C, as a message attribute. */
  readonly traceparent?: string;
  /** W3C, as a message attribute. Left out where there is no room for it. */
  readonly tracestate?: string;
  /** X-Ray, as a system attribute of SQS, which counts neither as an attribute nor towards the size. */
  readonly awsTraceHeader?: string;
}

/** No longer than a `tracestate` need be carried, and of characters that every channel takes. */
const legal = /^[\x20-\x7e]{1,512}$/;

/**
 * Of what a tracer says, what a row of the outbox keeps: no message may fail for it. X-Ray's header is left out where
 * `traceparent` says the same. Undefined: there is nothing to be kept.
 */
export function keptTrace(given: TraceFields | undefined): TraceFields | undefined {
  const kept = (text: string | undefined) => (text !== undefined && legal.test(text) ? text : undefined);
  const [traceparent, header] = [kept(given?.traceparent), kept(given?.awsTraceHeader)];
  if (traceparent === undefined) return header === undefined ? undefined : { awsTraceHeader: header };
  const tracestate = kept(given?.tracestate);
  return { traceparent, ...(tracestate !== undefined && { tracestate }) };
}

/** X-Ray's header, as it was given or as `traceparent` makes it. */
export function traceHeaderOf({ traceparent, awsTraceHeader }: TraceFields): string | undefined {
  if (awsTraceHeader !== undefined) return awsTraceHeader;
  const [, traceId = '', spanId, flags = ''] =
    /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/.exec(traceparent ?? '') ?? [];
  if (spanId === undefined) return undefined;
  // Only the lowest bit of the flags is defined.
  const sampled = Number.parseInt(flags, 16) & 1;
  return `Root=1-${traceId.slice(0, 8)}-${traceId.slice(8)};Parent=${spanId};Sampled=${sampled}`;
}

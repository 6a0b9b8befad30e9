/**
 * Spans from producer to consumer, for whoever traces with OpenTelemetry. Needs `@opentelemetry/api`; nothing else of
 * the library imports it.
 */
export { traced, type BatchHandler, type TracedOptions, type TracedRecord } from './traced.js';
export { traceAttributes, traceFields, type TraceAttributes } from './trace-attributes.js';
export type { TraceFields } from '../send/trace-fields.js';
export { spanObserver } from './span-observer.js';

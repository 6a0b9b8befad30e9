import { sendableJson, type SendTarget } from '../../send/target.js';
import type { RelayedEvent } from '../envelope.js';

/** Where the relay sends events. Its name may never change while a stream is stuck at it. */
export interface RelayTarget extends SendTarget<RelayedEvent> {
  /** Event types that are sent here. @default - all */
  readonly types?: readonly string[];
}

/** An event as the body of a message. */
export function bodyOf({ event }: RelayedEvent): string {
  return sendableJson(event);
}

/** Name and type of the attribute `type`, and as much again to be sure. */
const attributeBytes = 20;

/** What travels beside an event: its type, and its trace. */
export function attributesOf({ type, trace = {} }: RelayedEvent) {
  const { traceparent, tracestate } = trace;
  return Object.fromEntries(
    Object.entries({ type, traceparent, tracestate }).flatMap(([name, StringValue]) =>
      StringValue === undefined ? [] : [[name, textAttribute(StringValue)]],
    ),
  );
}

export function textAttribute(StringValue: string) {
  return { DataType: 'String' as const, StringValue };
}

/** Bytes of a message, with what travels beside it. */
export function messageBytes(event: RelayedEvent): number {
  const { traceparent = '', tracestate = '' } = event.trace ?? {};
  const traced = traceparent === '' ? 0 : 50 + traceparent.length + tracestate.length;
  return Buffer.byteLength(bodyOf(event)) + attributeBytes + Buffer.byteLength(event.type) + traced;
}

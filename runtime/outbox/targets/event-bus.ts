import type { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { unlessMissing } from '../../dedup/package-missing.js';
import { notAccepted } from '../../send/refusal.js';
import { entriesPerCall } from '../../send/target.js';
import { traceHeaderOf } from '../../send/trace-fields.js';
import type { RelayTarget } from './target.js';

export interface EventBusTargetOptions {
  /** Name or ARN. */
  readonly eventBusName: string;
  /** @default - all */
  readonly types?: readonly string[];
  /** @default - a client of the function's own region */
  readonly client?: EventBridgeClient;
}

/** EventBridge: at most 1 MB in one call. */
const callBytes = 1_000_000;
/** Source, detail-type, time and trace. */
const envelopeBytes = 500;

/**
 * An EventBridge bus: source and detail-type are the event's source and type, the detail is the whole event.
 * Unordered and at least once: a target that needs the order takes it from the event's version.
 *
 * PutEvents answers 200 also when it took none of the entries: each one's own result is read.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
 */
export function eventBusTarget({ eventBusName, types, client }: EventBusTargetOptions): RelayTarget {
  let bridge = client;
  return {
    name: eventBusName,
    types,
    call: {
      events: entriesPerCall,
      bytes: callBytes,
      sizeOf: ({ event }) => Buffer.byteLength(event) + envelopeBytes,
    },
    async send(events, { signal }) {
      const { EventBridgeClient, PutEventsCommand } = await import('@aws-sdk/client-eventbridge').catch(
        unlessMissing('@aws-sdk/client-eventbridge', 'an EventBridge target'),
      );
      bridge ??= new EventBridgeClient({});
      const { Entries = [] } = await bridge.send(
        new PutEventsCommand({
          Entries: events.map(({ event, source, type, time, trace }) => ({
            EventBusName: eventBusName,
            Source: source,
            DetailType: type,
            Detail: event,
            Time: new Date(time),
            TraceHeader: trace && traceHeaderOf(trace),
          })),
        }),
        { abortSignal: signal },
      );
      // Results come in the order of the entries. One that is missing was not accepted either.
      return notAccepted(
        eventBusName,
        events.flatMap((event, index) => {
          const { EventId, ErrorCode, ErrorMessage } = Entries[index] ?? {};
          return EventId === undefined || ErrorCode !== undefined
            ? [{ event, code: ErrorCode, message: ErrorMessage }]
            : [];
        }),
      );
    },
  };
}

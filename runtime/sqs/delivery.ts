import type { SQSRecord } from 'aws-lambda';
import type { Delivery, Nudge, PassOver } from '../consumer/transport.js';
import { TransportId } from '../dedup/identity.js';
import { letterOf } from './letter.js';
import { deadLetterAttribute, passOverAttribute, resumeAttribute } from './message-attributes.js';

/** A delivery of SQS. */
export interface SqsDelivery extends Delivery {
  readonly record: SQSRecord;
}

/** A record of Lambda's event source for SQS, in the engine's words. */
export function deliveryOf(given: SQSRecord): SqsDelivery {
  const record = whole(given);
  const { attributes, messageAttributes, messageId } = record;
  const { MessageDeduplicationId, SequenceNumber, MessageGroupId, ApproximateReceiveCount } = attributes;
  // `fromEntries`, because SQS allows an attribute to be called `__proto__`.
  const own = Object.fromEntries(
    Object.entries(messageAttributes).flatMap(([name, { stringValue }]) =>
      // Not the producer's: a redriven copy has it, and must get the key that the first one got.
      stringValue !== undefined && name !== deadLetterAttribute ? [[name, stringValue]] : [],
    ),
  );
  const nudge = nudgeOf(record);
  // Fair queues give Standard messages a group too; only FIFO ones carry a sequence number.
  const ordered = SequenceNumber !== undefined;
  return {
    record,
    id: messageId,
    lane: nudge !== undefined || !ordered ? `message ${messageId}` : `group ${MessageGroupId ?? ''}`,
    ordered,
    deliveries: numberIn(ApproximateReceiveCount),
    text: record.body,
    attributes: own,
    group: MessageGroupId,
    sequence: SequenceNumber,
    source: record.eventSourceARN,
    letter: letterOf(record),
    nudge,
    facts: {
      messageId: new TransportId(messageId),
      deduplicationId:
        MessageDeduplicationId === undefined ? undefined : new TransportId(MessageDeduplicationId),
      receiveCount: numberIn(ApproximateReceiveCount) ?? 1,
      // Without a time nothing is known but that it has come.
      sentAt: new Date(numberIn(attributes.SentTimestamp) ?? Date.now()),
    },
  };
}

/** Whoever hands out records that is not Lambda, such as an emulator or a test, may leave out what is empty. */
function whole(record: Omit<SQSRecord, 'attributes' | 'messageAttributes'> & Partial<SQSRecord>): SQSRecord {
  const none: Partial<SQSRecord['attributes']> = {};
  return {
    ...record,
    attributes: record.attributes ?? (none as SQSRecord['attributes']),
    messageAttributes: record.messageAttributes ?? {},
  };
}

function numberIn(text: string | undefined): number | undefined {
  const number = Number(text ?? NaN);
  return Number.isNaN(number) ? undefined : number;
}

function nudgeOf({ messageAttributes }: SQSRecord): Nudge | undefined {
  const resumes = messageAttributes[resumeAttribute]?.stringValue;
  if (resumes !== undefined) return { resumes };
  try {
    const text = messageAttributes[passOverAttribute]?.stringValue;
    const passOver: unknown = text === undefined ? undefined : JSON.parse(text);
    return typeof passOver === 'object' && passOver !== null ? { passOver: passOver as PassOver } : undefined;
  } catch {
    // Somebody else's attribute of the same name.
    return undefined;
  }
}

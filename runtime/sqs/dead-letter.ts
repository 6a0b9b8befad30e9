import { createHash } from 'node:crypto';
import type { MessageAttributeValue, SendMessageCommandInput } from '@aws-sdk/client-sqs';
import type { SQSMessageAttribute, SQSRecord } from 'aws-lambda';
import type { DeadLetter } from '../consumer/dead-letter.js';
import type { SentLetter } from './letter.js';
import { deadLetterAttribute } from './message-attributes.js';

/** SQS: at most 10 message attributes, and 1 MiB for body and attributes together. */
const maxMessageAttributes = 10;
const maxBytes = 1024 * 1024;

/** What SQS takes of a text: the characters of XML 1.0. Everything else is written as JSON escapes it. */
const illegal = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/**
 * The copy of a rejected message for the dead-letter queue: same body, same group, its own attributes, and the reason. It always fits: what
 * has no room goes first to where there is some (attributes into the letter), then out of the message, and the body last (R51).
 *
 * @returns the message, and the body where it has to be stored elsewhere first.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
 */
export function deadLetterMessage(
  record: SQSRecord,
  letter: DeadLetter,
  canStore: boolean,
): {
  readonly message: Omit<SendMessageCommandInput, 'QueueUrl'>;
  readonly stored?: { readonly id: string };
} {
  // A copy that was redriven and is rejected again carries the last reason, not a pile of them.
  const own = Object.entries(record.messageAttributes).filter(([name]) => name !== deadLetterAttribute);
  const beside = Object.fromEntries(own.map(([name, value]) => [name, sendable(value)]));
  const id = letterId(record, letter);
  const fits = own.length < maxMessageAttributes;
  const candidates: readonly {
    body: string;
    attributes: Record<string, MessageAttributeValue>;
    stored?: true;
  }[] = [
    ...(fits ? [{ body: record.body, attributes: { ...beside, ...attribute(letter) } }] : []),
    { body: record.body, attributes: attribute({ ...letter, attributes: Object.fromEntries(own) }) },
    { body: record.body, attributes: attribute({ ...letter, withoutAttributes: true }) },
    ...(canStore
      ? [
          {
            body: '-',
            attributes: attribute({ ...letter, withoutAttributes: true, stored: id }),
            stored: true as const,
          },
        ]
      : []),
    // Without a place to store the body, the reason is in the log alone.
    { body: record.body, attributes: {} },
  ];
  const chosen =
    candidates.find(({ body, attributes }) => bytesOf(body, attributes) <= maxBytes) ?? candidates[0];
  const { MessageGroupId, SequenceNumber } = record.attributes;
  return {
    message: {
      MessageBody: chosen?.body,
      MessageAttributes: chosen?.attributes,
      MessageGroupId,
      MessageDeduplicationId: SequenceNumber === undefined ? undefined : id,
    },
    ...(chosen?.stored && { stored: { id } }),
  };
}

/**
 * The same delivery's copy, sent twice by the SDK, is dropped by the queue. Another delivery's must not be: the queue remembers an id for 5
 * minutes, also when the copy has been redriven meanwhile, and would drop the only one. Those that are there twice are merged by identity
 * when they are read. This is no message identity.
 */
function letterId(
  { messageId, attributes }: SQSRecord,
  { consumerName, stream, kind, position }: DeadLetter,
): string {
  const facts = [
    consumerName,
    stream,
    messageId,
    attributes.ApproximateReceiveCount,
    kind,
    position?.sequence,
  ];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

function attribute(letter: SentLetter): Record<string, MessageAttributeValue> {
  return { [deadLetterAttribute]: { DataType: 'String', StringValue: escaped(JSON.stringify(letter)) } };
}

/** JSON in which every character that SQS refuses is written as an escape, which JSON reads as the same character. */
function escaped(json: string): string {
  return json.replace(illegal, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

function bytesOf(body: string, attributes: Record<string, MessageAttributeValue>): number {
  let bytes = Buffer.byteLength(body);
  for (const [name, { DataType = '', StringValue = '', BinaryValue }] of Object.entries(attributes))
    bytes += Buffer.byteLength(name + DataType + StringValue) + (BinaryValue?.byteLength ?? 0);
  return bytes;
}

/** Lambda hands binary attributes over in base64; SQS wants the bytes. */
function sendable({ dataType, stringValue, binaryValue }: SQSMessageAttribute): MessageAttributeValue {
  return {
    DataType: dataType,
    StringValue: stringValue,
    BinaryValue: binaryValue === undefined ? undefined : Buffer.from(binaryValue, 'base64'),
  };
}

import { createHash } from 'node:crypto';
import type { MessageAttributeValue, SendMessageCommandInput } from '@aws-sdk/client-sqs';
import type { SQSMessageAttribute, SQSRecord } from 'aws-lambda';
import type { DeadLetter } from '../consumer/dead-letter.js';
import { letterOf, type SentLetter } from './letter.js';
import { deadLetterAttribute } from './message-attributes.js';

interface Copy {
  readonly body: string;
  readonly attributes: Record<string, MessageAttributeValue>;
  readonly stored?: boolean;
}

/** SQS: at most 10 message attributes, and 1 MiB for body and attributes together. */
const maxMessageAttributes = 10;
const maxBytes = 1024 * 1024;
/** The body of a letter whose own one is stored elsewhere: SQS takes no empty one. */
const elsewhere = '-';

/** What SQS takes of a text: the characters of XML 1.0. Everything else is written as JSON escapes it. */
const illegal = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/**
 * The copy of a rejected message for the dead-letter queue: same body, same group, its own attributes, and the
 * reason. It always fits: what has no room goes first to where there is some: attributes into the letter, the body
 * into the dedup table. Only what has no room anywhere is left out, which the letter says (R51).
 *
 * @returns the message, and the body where it has to be stored elsewhere first.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
 */
export function deadLetterMessage(
  record: SQSRecord,
  about: DeadLetter,
  canStore: boolean,
): {
  readonly message: Omit<SendMessageCommandInput, 'QueueUrl'>;
  readonly stored?: { readonly id: string };
} {
  // A copy that was redriven and is rejected again carries the last reason, not a pile of them. One that came back by
  // other means than our redrive has nothing but its letter that says where its body and its attributes are.
  const { attributes: inLetter, stored, withoutAttributes } = letterOf(record) ?? {};
  const isApart = typeof inLetter === 'object';
  const letter: SentLetter = {
    ...about,
    ...(typeof stored === 'string' && record.body === elsewhere && { stored }),
    ...(withoutAttributes === true && { withoutAttributes }),
  };
  const own = Object.entries({ ...(isApart && inLetter), ...record.messageAttributes }).filter(
    ([name]) => name !== deadLetterAttribute,
  );
  const beside = Object.fromEntries(own.map(([name, value]) => [name, sendable(value)]));
  const id = letterId(record, about);
  // What comes from a letter has not been looked at by SQS, which might refuse it.
  const besides = own.length < maxMessageAttributes && !isApart;
  const inside = { ...letter, attributes: Object.fromEntries(own) };
  const bare: SentLetter = { ...letter, withoutAttributes: true };
  const { body } = record;
  const candidates: readonly Copy[] = [
    ...(besides ? [{ body, attributes: { ...beside, ...letterAttribute(letter) } }] : []),
    { body, attributes: letterAttribute(inside) },
    // The attributes may hold what the key is made of, so a body is stored before they are left out.
    ...(canStore && besides
      ? [
          {
            body: elsewhere,
            attributes: { ...beside, ...letterAttribute({ ...letter, stored: id }) },
            stored: true,
          },
        ]
      : []),
    ...(canStore
      ? [{ body: elsewhere, attributes: letterAttribute({ ...inside, stored: id }), stored: true }]
      : []),
    { body, attributes: letterAttribute(bare) },
    ...(canStore
      ? [{ body: elsewhere, attributes: letterAttribute({ ...bare, stored: id }), stored: true }]
      : []),
    // Without a place to store the body, the reason is in the log alone.
    { body, attributes: {} },
  ];
  const chosen = candidates.find((copy) => bytesOf(copy.body, copy.attributes) <= maxBytes) ?? candidates[0];
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
 * The same delivery's copy, sent twice by the SDK, is dropped by the queue. Another delivery's must not be: the queue
 * remembers an id for 5 minutes, also when the copy has been redriven meanwhile, and would drop the only one. Those
 * that are there twice are merged by identity when they are read. This is no message identity.
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

/** A letter as the attribute of the message that carries it. */
export function letterAttribute(letter: SentLetter): Record<string, MessageAttributeValue> {
  return { [deadLetterAttribute]: { DataType: 'String', StringValue: escaped(JSON.stringify(letter)) } };
}

/** JSON in which every character that SQS refuses is written as an escape, which JSON reads as the same character. */
export function escaped(json: string): string {
  return json.replace(illegal, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

/** What SQS counts of a message. */
export function bytesOf(body: string, attributes: Record<string, MessageAttributeValue>): number {
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

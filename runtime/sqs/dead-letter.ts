import { createHash } from 'node:crypto';
import type { MessageAttributeValue, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSMessageAttribute, SQSRecord } from 'aws-lambda';
import { deadLetterAttribute } from './message-attributes.js';

/** Why and from where a message was dead-lettered: the JSON of its `ExactlyOnce` message attribute. */
export interface DeadLetter {
  /** `name: message` of the error. */
  readonly reason: string;
  /** `rejected`: it can never succeed. `failed`: it failed too often. `died`: it killed its process. `parked`: it failed when its turn came. */
  readonly kind: DeadLetterKind;
  readonly consumerName: string;
  /** Absent when the body was too broken to tell. */
  readonly key?: string;
  /** ARN of the queue it came from. */
  readonly stream: string;
  readonly group?: string;
  /** Of the message that came first, kept through redrives: dead letters sorted by it are in the order of their group. */
  readonly sequence?: string;
  /** Where the message stands in what the consumer knows of positions: aggregates only. */
  readonly position?: LetterPosition;
  /** ISO 8601 time of the first enqueue: the horizon counts from it, not from the copy's. */
  readonly firstEnqueue: string;
  /** Failures of its own. */
  readonly attempts: number;
  /** How often it was redriven by `npx exactly-once-aws redrive`. Absent: never. */
  readonly redrives?: number;
  /** The message's own attributes, where SQS leaves no room for them beside this one. */
  readonly attributes?: Readonly<Record<string, SQSMessageAttribute>>;
}

export type DeadLetterKind = 'rejected' | 'failed' | 'died' | 'parked';

/** A place in a stream of an aggregate, as text. */
export interface LetterPosition {
  readonly stream: string;
  readonly sequence: string;
}

/** What a redriven copy says of itself; undefined for any other message. */
export function letterOf({ messageAttributes }: SQSRecord): Partial<DeadLetter> | undefined {
  const text = messageAttributes[deadLetterAttribute]?.stringValue;
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Partial<DeadLetter>);
  } catch {
    // Somebody else's attribute of the same name.
    return undefined;
  }
}

/** SQS: at most 10 message attributes. */
const maxMessageAttributes = 10;

/**
 * Sends a copy of a rejected message to the dead-letter queue: same body, same group, its own attributes, and the reason. The
 * record may be acknowledged only after this has returned.
 *
 * @throws whatever the SDK throws; nothing is lost, because the record is then not acknowledged.
 */
export async function sendDeadLetter(
  client: SQSClient,
  queueUrl: string,
  record: SQSRecord,
  letter: Omit<DeadLetter, 'attributes'>,
): Promise<void> {
  // Loaded on the first rejection: a consumer that rejects nothing does not pay for it at cold start.
  const { SendMessageCommand } = await import('./client.js');
  const { MessageGroupId, SequenceNumber } = record.attributes;
  const fifo = SequenceNumber !== undefined;
  await client.send(
    new SendMessageCommand({
      QueueUrl: queueUrl,
      MessageBody: record.body,
      MessageAttributes: attributesOf(record, letter),
      MessageGroupId,
      // The same delivery's copy, sent twice by the SDK, is dropped by the queue. Another delivery's must not be: the queue remembers
      // an id for 5 minutes, also when the copy has been redriven meanwhile, and would drop the only one. Those that are there twice
      // are merged by identity when they are read. This is no message identity.
      MessageDeduplicationId: fifo
        ? createHash('sha256')
            .update(
              `${letter.consumerName}#${letter.stream}#${record.messageId}#${record.attributes.ApproximateReceiveCount}#${letter.kind}`,
            )
            .digest('hex')
        : undefined,
    }),
  );
}

function attributesOf(record: SQSRecord, letter: DeadLetter): Record<string, MessageAttributeValue> {
  // A copy that was redriven and is rejected again carries the last reason, not a pile of them.
  const own = Object.entries(record.messageAttributes).filter(([name]) => name !== deadLetterAttribute);
  const fits = own.length < maxMessageAttributes;
  const text = JSON.stringify(fits ? letter : { ...letter, attributes: Object.fromEntries(own) });
  return {
    ...(fits ? Object.fromEntries(own.map(([name, value]) => [name, sendable(value)])) : {}),
    [deadLetterAttribute]: { DataType: 'String', StringValue: text },
  };
}

/** Lambda hands binary attributes over in base64; SQS wants the bytes. */
function sendable({ dataType, stringValue, binaryValue }: SQSMessageAttribute): MessageAttributeValue {
  return {
    DataType: dataType,
    StringValue: stringValue,
    BinaryValue: binaryValue === undefined ? undefined : Buffer.from(binaryValue, 'base64'),
  };
}

import { createHash } from 'node:crypto';
import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs';
import type { SentLetter as DeadLetter } from '../runtime/sqs/letter.js';
import { bytesOf, letterAttribute } from '../runtime/sqs/dead-letter.js';
import { firstEnqueueAttribute, firstEnqueueOf } from '../runtime/consumer/first-enqueue.js';
import { deadLetterAttribute } from '../runtime/sqs/message-attributes.js';
import { readLetter } from './read-letter.js';

/** One message of the dead-letter queue, read. */
export interface DeadLetterCopy {
  readonly message: Message;
  readonly messageId: string;
  readonly body: string;
  /** MessageGroupId. */
  readonly group: string | undefined;
  /**
   * What the runtime wrote about it; undefined when SQS itself gave up, somebody sent the message here by hand, or it
   * cannot be read.
   */
  readonly letter: DeadLetter | undefined;
  /** Name of the consumer that it belongs to; undefined when it is nobody's. */
  readonly consumer: string | undefined;
  /** It has a letter that cannot be read, and with it perhaps the place where its body is. */
  readonly unreadable: boolean;
  /** Copies of one message have one. A message without a letter cannot be told from others, so it is only its own. */
  readonly identity: string;
  /** Epoch ms. Of the first enqueue when a letter tells it, else of the copy, which may be later. */
  readonly firstEnqueue: number;
}

export function deadLetterCopy(message: Message): DeadLetterCopy {
  const { MessageId = '', Body = '', Attributes = {} } = message;
  const read = readLetter(message.MessageAttributes?.[deadLetterAttribute]?.StringValue);
  const { letter, consumer, unreadable } = read;
  // Of a body that is stored elsewhere only the place is known here, and two places may hold two payloads.
  const payload = letter?.stored ?? Body;
  return {
    message,
    messageId: MessageId,
    body: Body,
    group: Attributes.MessageGroupId,
    ...{ letter, consumer, unreadable },
    identity: digest(sourceOf(MessageId, payload, letter)),
    firstEnqueue:
      letter === undefined
        ? firstEnqueueOf(
            message.MessageAttributes?.[firstEnqueueAttribute]?.StringValue,
            Number(Attributes.SentTimestamp),
          )
        : Date.parse(letter.firstEnqueue),
  };
}

/** SQS: at most 10 message attributes, and 1 MiB for body and attributes together. */
const maxMessageAttributes = 10;
const maxBytes = 1024 * 1024;

/**
 * The attributes to send the message with: its own ones and, where SQS leaves room for it, the letter with one
 * redrive more.
 */
export function redriveAttributes(
  { message, letter }: DeadLetterCopy,
  body: string,
  firstEnqueue: number,
  redrives: number,
): Record<string, MessageAttributeValue> {
  const inside = Object.entries(letter?.attributes ?? {}).map(
    ([name, { dataType, stringValue, binaryValue }]): [string, MessageAttributeValue] => [
      name,
      {
        DataType: dataType,
        StringValue: stringValue,
        // The letter is JSON: bytes are base64 in it.
        BinaryValue: binaryValue === undefined ? undefined : Buffer.from(binaryValue, 'base64'),
      },
    ],
  );
  const beside = Object.entries(message.MessageAttributes ?? {}).map(
    ([name, { DataType, StringValue, BinaryValue }]): [string, MessageAttributeValue] => [
      name,
      { DataType, StringValue, BinaryValue },
    ],
  );
  const own = [...beside.filter(([name]) => name !== deadLetterAttribute), ...inside];
  if (letter === undefined || own.length >= maxMessageAttributes) return Object.fromEntries(own);
  const first = new Date(firstEnqueue).toISOString();
  const said: DeadLetter = {
    ...letter,
    attributes: undefined,
    stored: undefined,
    firstEnqueue: first,
    redrives,
  };
  const all = { ...Object.fromEntries(own), ...letterAttribute(said) };
  return bytesOf(body, all) > maxBytes ? Object.fromEntries(own) : all;
}

/** The deduplication id of a FIFO queue's message: printable ASCII, at most 128 characters. */
const deduplicationIdPattern = /^[!-~]{1,128}$/;

/**
 * The same whenever one message of the dead-letter queue is sent, so that a second redrive at work, or one that died
 * between sending and deleting, sends nothing twice within SQS's 5 minutes. Another for every other message there:
 * SQS would drop one that has come back meanwhile, and it would be lost.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 *   (MessageDeduplicationId)
 */
export function deduplicationId({ letter, messageId }: DeadLetterCopy, redrives: number): string {
  const id = `${letter?.key ?? 'message'}#r${redrives}.${digest(messageId).slice(0, 16)}`;
  return deduplicationIdPattern.test(id) ? id : digest(id);
}

/** The letter of a body that could not be read has no key, but says of which message it is. */
function sourceOf(id: string, payload: string, letter: DeadLetter | undefined): readonly unknown[] {
  if (letter?.key !== undefined) return [letter.consumerName, letter.key, payload];
  return letter?.messageId === undefined
    ? ['sqs', id]
    : [letter.consumerName, letter.stream, letter.messageId];
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

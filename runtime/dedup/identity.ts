import { InvalidKey, InvalidSettings } from './error.js';

/** `consumerName` + key: what a receipt is stored under. Two consumers of one table never share one (R1). */
export type ReceiptId = string & { readonly __receiptId: unique symbol };

/**
 * An id that the transport made up: SQS `messageId` or `MessageDeduplicationId`. For logs only. A redrive from the
 * dead-letter queue changes both, so a key made from them would let the message act twice; that is why this is not a
 * `string`.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
 */
export class TransportId {
  readonly #id: string;
  constructor(id: string) {
    this.#id = id;
  }
  /** The id as text, for a log line. Never for a key. */
  toLog(): string {
    return this.#id;
  }
  /** The compiler lets any object become text by `+`; a key of that kind would be the same for all messages. */
  [Symbol.toPrimitive](): never {
    throw new TypeError(
      'a transport id is no text: for a log use toLog(), for a key use what the producer wrote',
    );
  }
}

/** DynamoDB: a partition key holds at most 2,048 bytes. */
const maxIdBytes = 2048;
const consumerNamePattern = /^[A-Za-z0-9_.-]{1,64}$/;

/** @throws InvalidSettings when the name is not 1 to 64 of `A-Z a-z 0-9 _ . -`. */
export function assertConsumerName(consumerName: string): void {
  if (!consumerNamePattern.test(consumerName))
    throw new InvalidSettings([
      `consumerName must be 1 to 64 of A-Z a-z 0-9 _ . -, got '${consumerName.slice(0, 80)}'; choose a stable name, never a function name`,
    ]);
}

/**
 * The receipt id of a key. Unambiguous, because a consumer name holds no `#`.
 *
 * @throws InvalidKey when the key is empty, is over 2,048 bytes with the consumer name, or holds a lone surrogate:
 *   UTF-8 writes
 *   every lone surrogate as the same three bytes, so two different keys would become one and a message would be lost.
 */
export function receiptId(consumerName: string, key: string): ReceiptId {
  if (typeof key !== 'string') throw new InvalidKey(consumerName, `it must be a string, got ${typeof key}`);
  if (key === '')
    throw new InvalidKey(consumerName, 'it is empty; a message without an identity cannot be protected');
  if (!key.isWellFormed())
    throw new InvalidKey(consumerName, 'it holds a lone surrogate, which UTF-8 cannot represent');
  const id = `${consumerName}#${key}`;
  const bytes = Buffer.byteLength(id);
  if (bytes > maxIdBytes)
    throw new InvalidKey(
      consumerName,
      `with the consumer name it has ${bytes} bytes, DynamoDB allows ${maxIdBytes}; use a hash of it`,
    );
  return id as ReceiptId;
}

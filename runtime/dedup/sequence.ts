import { InvalidSequence } from './error.js';

/**
 * A position in a stream: 40 decimal digits as text, so that text order in DynamoDB is numeric order. SQS FIFO
 * sequence numbers are 128 bits wide and real ones lie above 2^64: as JavaScript numbers two of them compare equal,
 * and a DynamoDB Number holds 38 digits. Therefore a `number` is not accepted (R3).
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html (SequenceNumber)
 */
export type Sequence = string & { readonly __sequence: unique symbol };

const digits = 40;

/**
 * @param text decimal digits as the stream gave them; leading zeros are fine.
 * @throws InvalidSequence when it is not 1 to 40 decimal digits.
 */
export function sequence(text: string): Sequence {
  if (typeof text !== 'string' || !/^[0-9]{1,40}$/.test(text)) throw new InvalidSequence(text);
  return text.padStart(digits, '0') as Sequence;
}

/**
 * Negative when `a` comes before `b`, 0 when they are the same position, positive when after. Same stream only (R2).
 */
export function compareSequences(a: Sequence, b: Sequence): -1 | 0 | 1 {
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

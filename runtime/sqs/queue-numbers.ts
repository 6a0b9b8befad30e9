import type { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { InvalidSettings, RejectMessage } from '../dedup/errors.js';
import { sequence } from '../dedup/sequence.js';
import { letterOf } from './letter.js';
import type { ConsumerSettings } from './settings.js';

/**
 * Positions from SequenceNumbers of a FIFO queue: a stream per incarnation of the queue and group. What comes back from the
 * dead-letter queue with its attributes stands where it stood at first, and acts only if it is a hole there (R4).
 */
export class QueueNumbers {
  readonly #queueUrl: string;
  readonly #consumerName: string;
  #created: string | undefined;

  /** @throws InvalidSettings when the queue is not known, or a dead letter would stop the stream: no number tells who is next. */
  constructor({ queueUrl, onFailure, consumerName }: ConsumerSettings) {
    const problems = [];
    if (queueUrl === undefined)
      problems.push("version 'sequence-number' needs queueUrl; set EXACTLY_ONCE_QUEUE_URL");
    if (onFailure !== 'skip')
      problems.push(
        `version 'sequence-number' needs onFailure 'skip', got '${onFailure ?? 'stop (default)'}': numbers with gaps do not ` +
          'tell which message is next; let the producer count, or set EXACTLY_ONCE_ON_FAILURE=skip',
      );
    if (problems.length > 0) throw new InvalidSettings(problems);
    this.#queueUrl = queueUrl ?? '';
    this.#consumerName = consumerName;
  }

  /** Asks the queue once per instance when it was created: made again under its name, it counts anew (R2). */
  async ready(client: () => Promise<SQSClient>): Promise<void> {
    if (this.#created !== undefined) return;
    const { GetQueueAttributesCommand } = await import('./client.js');
    const { Attributes } = await (
      await client()
    ).send(new GetQueueAttributesCommand({ QueueUrl: this.#queueUrl, AttributeNames: ['CreatedTimestamp'] }));
    this.#created = Attributes?.CreatedTimestamp;
    if (!this.#created)
      throw new InvalidSettings([
        `queue ${this.#queueUrl} gives no CreatedTimestamp; the function needs sqs:GetQueueAttributes`,
      ]);
  }

  /** @throws RejectMessage when the message has no number: the queue is not FIFO. */
  place(record: SQSRecord, addressId: string) {
    const letter = letterOf(record);
    if (letter?.position !== undefined && letter.consumerName === this.#consumerName) {
      const [id, stream] = JSON.parse(letter.position.stream) as [string, string];
      if (id === addressId)
        return { stream, version: BigInt(sequence(letter.position.sequence)), hasGaps: true };
    }
    const { SequenceNumber, MessageGroupId } = record.attributes;
    if (SequenceNumber === undefined)
      throw new RejectMessage(
        "the message has no SequenceNumber; version 'sequence-number' is for FIFO queues",
      );
    const stream = JSON.stringify([record.eventSourceARN, this.#created, MessageGroupId]);
    return { stream, version: BigInt(sequence(SequenceNumber)), hasGaps: true };
  }
}

import type { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import type { ConsumerSettings } from './settings.js';
import { InvalidSettings, RejectMessage } from '../dedup/errors.js';
import { sequence } from '../dedup/sequence.js';
import { letterOf } from './letter.js';

/**
 * SQS: a queue's name is free again 60 seconds after the queue was deleted. So a message that was sent earlier than
 * that after the queue was asked is of the queue that answered.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html
 */
const nameIsTakenMs = 60_000;
/** Clocks of senders and of this instance differ: SQS stamps the message, we the answer. */
const clockSkewMs = 5_000;
/** Groups of which the highest number is remembered. */
const maxGroups = 10_000;

interface Incarnation {
  readonly url: string;
  readonly created: string;
  /** Epoch milliseconds. */
  readonly askedAt: number;
  /** The highest number that came, by group. */
  readonly highest: Map<string, bigint>;
}

/**
 * Positions from SequenceNumbers of FIFO queues: a stream per queue, incarnation of the queue, and group. What comes
 * back from the dead-letter queue with its attributes stands where it stood at first, and acts only if it is a hole
 * there (R4).
 *
 * A queue that is made again under its name counts anew (R2). Each queue is asked when it was created: when its first
 * message comes, when one comes that was sent a minute or more after the last answer, and when a number is not higher
 * than one that came before it.
 */
export class QueueNumbers {
  readonly #queueUrl: string;
  readonly #consumerName: string;
  readonly #queues = new Map<string, Incarnation>();
  readonly #client: () => Promise<SQSClient>;

  /**
   * @throws InvalidSettings when the queue is not known, or a dead letter would stop the stream: no number tells who
   * is next.
   */
  constructor({ queueUrl, onFailure, consumerName }: ConsumerSettings, client: () => Promise<SQSClient>) {
    this.#client = client;
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

  /**
   * Before a batch: makes sure that it is known of which incarnation of its queue each message is.
   *
   * @throws InvalidSettings when a queue does not say when it was created, or whatever the SDK throws.
   */
  async ready(records: readonly SQSRecord[]): Promise<void> {
    for (const [arn, ofOne] of Map.groupBy(records, ({ eventSourceARN }) => eventSourceARN)) {
      let queue = this.#queues.get(arn);
      if (queue === undefined || ofOne.some((record) => !fits(record, queue as Incarnation))) {
        const asked = await this.#ask(arn, queue?.url);
        if (queue === undefined || asked.created !== queue.created) queue = asked;
        else queue = { ...queue, askedAt: asked.askedAt };
        this.#queues.set(arn, queue);
      }
      for (const record of ofOne) note(record, queue.highest);
    }
  }

  /** @throws RejectMessage when the message has no number: the queue is not FIFO. */
  place(record: SQSRecord, addressId: string): { readonly stream: string; readonly version: bigint } {
    const letter = letterOf(record);
    if (letter?.position !== undefined && letter.consumerName === this.#consumerName) {
      const [id, stream] = JSON.parse(letter.position.stream) as [string, string];
      if (id === addressId) return { stream, version: BigInt(sequence(letter.position.sequence)) };
    }
    const { SequenceNumber, MessageGroupId } = record.attributes;
    if (SequenceNumber === undefined)
      throw new RejectMessage(
        "the message has no SequenceNumber; version 'sequence-number' is for FIFO queues",
      );
    const { eventSourceARN } = record;
    const created = this.#queues.get(eventSourceARN)?.created;
    const stream = JSON.stringify([eventSourceARN, created, MessageGroupId]);
    return { stream, version: BigInt(sequence(SequenceNumber)) };
  }

  async #ask(arn: string, known: string | undefined): Promise<Incarnation> {
    const { GetQueueAttributesCommand } = await import('./client.js');
    const client = await this.#client();
    const askedAt = Date.now();
    const url = known ?? (await this.#urlOf(arn, client));
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['CreatedTimestamp'] }),
    );
    const created = Attributes?.CreatedTimestamp;
    if (!created)
      throw new InvalidSettings([
        `queue ${url} gives no CreatedTimestamp; the function needs sqs:GetQueueAttributes`,
      ]);
    return { url, created, askedAt, highest: new Map() };
  }

  /** Of the queue in the settings it is known; others are looked up by their ARN. */
  async #urlOf(arn: string, client: SQSClient): Promise<string> {
    const [, , , , QueueOwnerAWSAccountId, QueueName = ''] = arn.split(':');
    if (this.#queueUrl.endsWith(`/${QueueName}`)) return this.#queueUrl;
    const { GetQueueUrlCommand } = await import('./client.js');
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName, QueueOwnerAWSAccountId }));
    return QueueUrl ?? this.#queueUrl;
  }
}

/** Whether the message can only be of the queue as it was when it was asked. */
function fits({ attributes }: SQSRecord, { askedAt, highest }: Incarnation): boolean {
  const { SequenceNumber, MessageGroupId = '', SentTimestamp } = attributes;
  if (Number(SentTimestamp) > askedAt + nameIsTakenMs - clockSkewMs) return false;
  const before = highest.get(MessageGroupId);
  return before === undefined || SequenceNumber === undefined || BigInt(SequenceNumber) > before;
}

function note(
  { attributes: { SequenceNumber, MessageGroupId = '' } }: SQSRecord,
  highest: Map<string, bigint>,
): void {
  if (SequenceNumber === undefined) return;
  const number = BigInt(SequenceNumber);
  if (number <= (highest.get(MessageGroupId) ?? 0n)) return;
  highest.delete(MessageGroupId);
  highest.set(MessageGroupId, number);
  for (const oldest of highest.keys()) {
    if (highest.size <= maxGroups) return;
    highest.delete(oldest);
  }
}

import type { SQSMessageAttributes, SQSRecord } from 'aws-lambda';
import type { Choices } from './choices.js';

export interface Sending {
  readonly text: string;
  readonly group: string;
  readonly attributes?: SQSMessageAttributes;
  readonly deduplicationId?: string;
}

interface Stored extends Sending {
  readonly messageId: string;
  readonly sequence: bigint;
  readonly sentAt: number;
  receives: number;
}

/** What one receive handed out: invisible until it is deleted or its visibility ends. */
export interface Delivery {
  /** What has not been deleted, by message id. */
  readonly messages: Map<string, Stored>;
  readonly handedOut: readonly Stored[];
  readonly records: readonly SQSRecord[];
}

const deduplicationMs = 5 * 60_000;

/**
 * An SQS queue. FIFO: a group's messages in order, none while one of them is in flight, deduplication for five
 * minutes. Standard: any visible messages in any order, and copies of what was handed out before. Nothing is deleted
 * but by an acknowledgement.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
 */
export class InProcessQueue {
  /** Oldest first. */
  #visible: Stored[] = [];
  readonly #inFlight = new Set<Delivery>();
  readonly #deduplication = new Map<string, number>();
  /** Real sequence numbers lie above 2^64 and are not consecutive. */
  #sequence = 18849496460467696128n;
  #ids = 0;

  constructor(
    private readonly name: string,
    readonly fifo: boolean,
    private readonly now: () => number,
  ) {}

  /** As the SDK and Lambda name it: a FIFO queue's name ends in `.fifo`. */
  get url(): string {
    return this.fifo ? `${this.name}.fifo` : this.name;
  }
  get arn(): string {
    return `arn:aws:sqs:us-east-1:000000000000:${this.url}`;
  }

  send(sending: Sending): void {
    if (this.fifo && sending.deduplicationId !== undefined) {
      const before = this.#deduplication.get(sending.deduplicationId);
      if (before !== undefined && this.now() - before < deduplicationMs) return;
      this.#deduplication.set(sending.deduplicationId, this.now());
    }
    this.#sequence += 256n;
    this.#ids += 1;
    const messageId = `${this.name}-${this.#ids}`;
    this.#visible.push({ ...sending, messageId, sequence: this.#sequence, sentAt: this.now(), receives: 0 });
  }

  /** Messages that were ever sent to it. */
  get sent(): number {
    return this.#ids;
  }
  get isEmpty(): boolean {
    return this.#visible.length === 0 && this.#inFlight.size === 0;
  }
  get hasVisible(): boolean {
    return (this.fifo ? this.#openGroups() : this.#visible).length > 0;
  }
  get inFlight(): readonly Delivery[] {
    return [...this.#inFlight];
  }
  /** Bodies of all messages, in flight or not. */
  get texts(): string[] {
    const held = [...this.#inFlight].flatMap(({ messages }) => [...messages.values()]);
    return [...this.#visible, ...held].map(({ text }) => text);
  }

  /** Undefined when nothing can be handed out now. */
  receive(choices: Choices): Delivery | undefined {
    const candidates = this.fifo ? this.#openGroups() : [...this.#visible];
    // Choice 0 hands out as much as a batch holds, in order.
    const size = Math.min(10, Math.max(1, candidates.length - choices.below(candidates.length)));
    const chosen: Stored[] = [];
    while (chosen.length < size) {
      const next = this.fifo ? candidates.shift() : candidates.splice(choices.below(candidates.length), 1)[0];
      if (next === undefined) break;
      // Lambda answers by message id: two copies of one message never share a batch here.
      if (!chosen.some(({ messageId }) => messageId === next.messageId)) chosen.push(next);
    }
    if (chosen.length === 0) return undefined;
    this.#visible = this.#visible.filter((message) => !chosen.includes(message));
    for (const message of chosen) message.receives += 1;
    const messages = new Map(chosen.map((message) => [message.messageId, message]));
    const records = chosen.map((message) => this.#record(message));
    const delivery = { messages, handedOut: chosen, records };
    this.#inFlight.add(delivery);
    return delivery;
  }

  /** Deletes messages by the handles of one delivery. Handles of a delivery whose visibility has ended do nothing. */
  delete(delivery: Delivery, messageIds: readonly string[]): void {
    if (!this.#inFlight.has(delivery)) return;
    for (const id of messageIds) delivery.messages.delete(id);
    if (delivery.messages.size === 0) this.#inFlight.delete(delivery);
  }

  /** Visibility of a delivery ends: what was not deleted is there again, in its old place. */
  release(delivery: Delivery): void {
    if (!this.#inFlight.delete(delivery)) return;
    this.#visible = [...this.#visible, ...delivery.messages.values()].sort((a, b) =>
      Number(a.sequence - b.sequence),
    );
  }

  /** Standard queues may hand out a message that is in flight elsewhere, and one that was deleted. */
  haunt(delivery: Delivery): void {
    for (const message of delivery.handedOut) this.#visible.push({ ...message });
  }

  /** Takes everything out, as a redrive does. */
  drain(): Sending[] {
    const all = this.#visible;
    this.#visible = [];
    return all;
  }

  #openGroups(): Stored[] {
    const locked = new Set(
      [...this.#inFlight].flatMap(({ messages }) => [...messages.values()].map(({ group }) => group)),
    );
    return this.#visible.filter(({ group }) => !locked.has(group));
  }

  #record({ messageId, text, group, sequence, sentAt, receives, attributes = {} }: Stored): SQSRecord {
    const fifo = this.fifo && {
      MessageGroupId: group,
      MessageDeduplicationId: messageId,
      SequenceNumber: sequence.toString(),
    };
    return {
      messageId,
      receiptHandle: messageId,
      body: text,
      attributes: {
        ApproximateReceiveCount: String(receives),
        SentTimestamp: String(sentAt),
        SenderId: 'producer',
        ApproximateFirstReceiveTimestamp: String(sentAt),
        ...fifo,
      },
      messageAttributes: attributes,
      md5OfBody: '',
      eventSource: 'aws:sqs',
      eventSourceARN: this.arn,
      awsRegion: 'us-east-1',
    };
  }
}

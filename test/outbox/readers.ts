import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  type Message as SqsMessage,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import { toRecord } from '../../targets/event-source/record.js';
import { sqsAggregateConsumer, type SqsConsumer } from '../../runtime/sqs/index.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { cloudEvent, producerVersion } from '../../runtime/outbox/index.js';
import { row } from '../fixtures/dynamo.js';
import { inTime, type OutboxWorld } from './outbox-world.js';

const Moved = cloudEvent(z.object({ account: z.string(), move: z.number() }));
/**
 * What a reader keeps of an account. An event that acts twice, or out of its turn, shows in the list: it hangs on no
 * key.
 */
interface Kept {
  readonly [name: string]: unknown;
  readonly versions: string;
}

/** A consumer that writes down the versions of each account as they act. */
export class Reader {
  received = 0;
  private readonly pool: SqsMessage[] = [];
  private readonly handler: SqsConsumer;

  constructor(
    private readonly world: OutboxWorld,
    private readonly queueUrl: string,
    private readonly kept: Table,
    deadLetterQueueUrl: string,
  ) {
    this.handler = sqsAggregateConsumer<typeof Moved, Kept>({
      settings: { consumerName: 'reader', deadLetterQueueUrl },
      schema: Moved,
      table: kept,
      aggregate: ({ body }) => ({ [kept.partitionKey]: body.aggregate }),
      version: ({ body }) => producerVersion(body),
      reduce: (state, { body }) => ({ versions: `${state?.versions ?? ''}${body.version} ` }),
      dynamodb: world.client,
      sqs: world.queues,
      observe: () => undefined,
    });
  }

  private get fifo(): boolean {
    return this.queueUrl.endsWith('.fifo');
  }

  /**
   * Handles what the queue has now: a FIFO queue's messages as they come, a Standard queue's in random order.
   * @returns whether there was any
   */
  async turn(random: () => number): Promise<boolean> {
    const received = await receive(this.world.queues, this.queueUrl);
    this.received += received.length;
    this.pool.push(...received);
    if (this.pool.length === 0) return false;
    if (!this.fifo) this.pool.sort(() => random() - 0.5);
    // A part of them waits, so that later ones come first.
    const share = this.fifo || received.length === 0 ? this.pool.length : Math.ceil(this.pool.length / 2);
    const batch = this.pool.splice(0, Math.min(10, share));
    const Records = batch.map((message) => toRecord(message, arnOf(this.queueUrl)) as unknown as SQSRecord);
    const { batchItemFailures } = await this.handler({ Records }, inTime);
    if (batchItemFailures.length > 0) throw new Error(`${batchItemFailures.length} records failed`);
    for (const { ReceiptHandle } of batch)
      await this.world.queues.send(new DeleteMessageCommand({ QueueUrl: this.queueUrl, ReceiptHandle }));
    return true;
  }

  /** The versions of an account in the order in which they acted. */
  async versions(account: string): Promise<string> {
    const item = await row(this.world.client, this.kept, { [this.kept.partitionKey]: account });
    return ((item?.['versions'] as string | undefined) ?? '').trim();
  }
}

async function receive(sqs: SQSClient, QueueUrl: string): Promise<SqsMessage[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 300,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['All'],
    }),
  );
  return Messages;
}

function arnOf(queueUrl: string): string {
  const [account = '', name = ''] = new URL(queueUrl).pathname.split('/').filter(Boolean);
  return `arn:aws:sqs:us-east-1:${account}:${name}`;
}

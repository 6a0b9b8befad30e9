import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod/mini';
import { sqsConsumer, type SqsConsumer } from '../../runtime/sqs/index.js';
import type { OnFailure } from '../../runtime/consumer/settings.js';
import { RejectMessage, type Table } from '../../runtime/dynamodb/index.js';
import { newDedupTable, newTable } from '../fixtures/dynamo.js';
import type { Channel } from './channel.js';

export const consumerName = 'ledger';

/**
 * Two effects per message that a key does not protect: a counter, and the list of what acted, in order, per group.
 */
export class Ledger {
  private constructor(
    private readonly dynamodb: DynamoDBClient,
    readonly receipts: Table,
    private readonly rows: Table,
  ) {}

  static async open(dynamodb: DynamoDBClient): Promise<Ledger> {
    const [receipts, rows] = await Promise.all([newDedupTable(dynamodb), newTable(dynamodb, 'name')]);
    return new Ledger(dynamodb, receipts, rows);
  }

  /**
   * @param broken what it cannot process yet.
   * @param onFailure see ConsumerSettings
   */
  consumer(
    sqs: SQSClient,
    { deadLetterQueueUrl }: Channel,
    broken: (id: string) => boolean = () => false,
    onFailure: OnFailure = 'skip',
  ): SqsConsumer {
    const { receipts, rows, dynamodb } = this;
    return sqsConsumer({
      settings: {
        consumerName,
        dedupTable: receipts.name,
        receiptRetentionSeconds: 86 * 86_400,
        deadLetterQueueUrl,
        onFailure,
      },
      schema: z.object({ id: z.string(), group: z.string() }),
      key: ({ body }) => body.id,
      handle: async ({ body: { id, group } }, tx) => {
        if (broken(id)) throw new RejectMessage('not yet');
        const row = await tx.get(rows, { name: group }, ['log']);
        const log = (row?.log ?? []) as readonly string[];
        tx.update(rows, { name: group }, { add: { effects: 1 }, set: { log: [...log, id] } });
      },
      dynamodb,
      sqs,
      observe: () => undefined,
    });
  }

  /** What acted, in order, by group; and how often. */
  async read(): Promise<{ logs: Record<string, readonly string[]>; effects: number }> {
    const { Items = [] } = await this.dynamodb.send(
      new ScanCommand({ TableName: this.rows.name, ConsistentRead: true }),
    );
    const rows = Items.map((item) => unmarshall(item)) as { name: string; log: string[]; effects: number }[];
    return {
      logs: Object.fromEntries(rows.map(({ name, log }) => [name, log])),
      effects: rows.reduce((sum, { effects }) => sum + effects, 0),
    };
  }
}

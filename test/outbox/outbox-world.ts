import { randomUUID } from 'node:crypto';
import { DescribeTableCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import { CreateQueueCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { toStreamRecord } from '../../targets/event-source/streams/record.js';
import { DynamoStore, type Table } from '../../runtime/dynamodb/index.js';
import { outbox, type Outbox } from '../../runtime/outbox/index.js';
import { dynamo, newTable } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { newOutboxTable } from '../fixtures/outbox-table.js';
import { sqs } from '../fixtures/queue.js';
import { limits, unit } from '../fixtures/units.js';

export async function newQueue(client: SQSClient, fifo: boolean): Promise<string> {
  const { QueueUrl } = await client.send(
    new CreateQueueCommand({
      QueueName: `q-${randomUUID()}${fifo ? '.fifo' : ''}`,
      Attributes: fifo ? { FifoQueue: 'true' } : undefined,
    }),
  );
  if (QueueUrl === undefined) throw new Error('the emulator made no queue');
  return QueueUrl;
}

/** A producer with its outbox: `version` of an account's item counts the events of the account. */
export class OutboxWorld {
  readonly client = dynamo();
  readonly queues = sqs();
  private readonly streams = new DynamoDBStreamsClient(embedded().client);
  private commits = 0;

  private constructor(
    readonly table: string,
    readonly accounts: Table,
    private readonly receipts: Table,
    readonly outbox: Outbox,
  ) {}

  static async open(): Promise<OutboxWorld> {
    const client = dynamo();
    const [table, accounts, receipts] = await Promise.all([
      newOutboxTable(client),
      newTable(client, 'name'),
      newTable(client, 'id'),
    ]);
    client.destroy();
    return new OutboxWorld(table, accounts, receipts, outbox({ table, source: 'bank', epoch: '1' }));
  }

  /**
   * The same tables, whose publishers have been deployed with another epoch. They remember nothing of the old one.
   */
  inEpoch(epoch: string): OutboxWorld {
    const { table, accounts, receipts } = this;
    const world = new OutboxWorld(table, accounts, receipts, outbox({ table, source: 'bank', epoch }));
    world.commits = this.commits;
    return world;
  }

  close(): void {
    for (const client of [this.client, this.queues, this.streams]) client.destroy();
  }

  /**
   * Commits one event per name, each in a transaction of its own. `refused`: the transaction has a condition that
   * does not hold.
   *
   * @returns how each commit ended
   */
  async publish(names: readonly string[], { type = 'Moved', group, refused = false }: PublishOptions = {}) {
    const store = new DynamoStore({
      client: this.client,
      tableName: this.receipts.name,
      retentionSeconds: 3600,
    });
    const kinds: string[] = [];
    for (const name of names) {
      this.commits += 1;
      const one = this.commits;
      const fill = unit(`commit ${one}`, (tx) => {
        tx.update(this.accounts, { name }, { add: { moves: 1 } });
        tx.publish(this.outbox, {
          aggregate: { table: this.accounts, key: { name } },
          type,
          group,
          data: { account: name, move: one },
        });
        if (refused)
          tx.check(
            this.accounts,
            { name: 'nobody' },
            { expression: 'attribute_exists(#n)', names: { '#n': 'name' } },
          );
      });
      const outcomes = await store.commit([fill], limits());
      kinds.push(outcomes.get(fill)?.kind ?? 'none');
    }
    return kinds;
  }

  async rows(): Promise<Record<string, unknown>[]> {
    const { Items = [] } = await this.client.send(
      new ScanCommand({ TableName: this.table, ConsistentRead: true }),
    );
    return Items.map((item) => unmarshall(item)).sort((a, b) =>
      `${String(a['stream'])}${String(a['version'])}` < `${String(b['stream'])}${String(b['version'])}`
        ? -1
        : 1,
    );
  }

  /** Names of the accounts with versions, such as `ann 1`, of the rows that are still unsent. */
  async unsent(): Promise<string[]> {
    const rows = (await this.rows()).filter(({ unsent }) => unsent !== undefined);
    return rows.map(({ event }) => placeOf(String(event)));
  }

  /** Reads the table's stream from its start. Each call brings what has come since the last one. */
  async reader(): Promise<() => Promise<DynamoDBRecord[]>> {
    const { Table: described } = await this.client.send(new DescribeTableCommand({ TableName: this.table }));
    const StreamArn = described?.LatestStreamArn ?? '';
    const { StreamDescription } = await this.streams.send(new DescribeStreamCommand({ StreamArn }));
    const ShardId = StreamDescription?.Shards?.[0]?.ShardId;
    let { ShardIterator } = await this.streams.send(
      new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    );
    return async () => {
      const { Records = [], NextShardIterator } = await this.streams.send(
        new GetRecordsCommand({ ShardIterator }),
      );
      ShardIterator = NextShardIterator;
      return Records.map((record) => toStreamRecord(record, StreamArn) as unknown as DynamoDBRecord);
    };
  }
}

export interface PublishOptions {
  readonly type?: string;
  readonly group?: string;
  readonly refused?: boolean;
}

/** Account and version of an event. */
export function placeOf(event: string): string {
  const { aggregate, version } = JSON.parse(event) as { aggregate: string; version: string };
  return `${aggregate} ${version}`;
}

export const inTime = { getRemainingTimeInMillis: () => 30_000 };

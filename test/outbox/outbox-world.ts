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
import type { UnitOutcome } from '../../runtime/dynamodb/attempt-result.js';
import { DynamoStore, type Table, type Unit } from '../../runtime/dynamodb/index.js';
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

/** A producer with its outbox: `moves` of an account's item counts the events of the account. */
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
  inEpoch(epoch: string, rest: { readonly adoptVersions?: boolean } = {}): OutboxWorld {
    const { table, accounts, receipts } = this;
    const world = new OutboxWorld(
      table,
      accounts,
      receipts,
      outbox({ table, source: 'bank', epoch, ...rest }),
    );
    // Receipts of its own, also where both go on.
    world.commits = this.commits + 1_000;
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
  async publish(names: readonly string[], options: PublishOptions = {}) {
    return (await this.outcomes(names, options)).map((outcome) => outcome?.kind ?? 'none');
  }

  /** The same, with the whole outcomes. */
  async outcomes(names: readonly string[], options: PublishOptions = {}) {
    const ended: (UnitOutcome | undefined)[] = [];
    for (const name of names) ended.push(...(await this.pack([name], options)));
    return ended;
  }

  /** Commits one event per name together. Undefined: a message that publishes nothing. */
  async pack(names: readonly (string | undefined)[], options: PublishOptions = {}) {
    const store = new DynamoStore({
      client: this.client,
      tableName: this.receipts.name,
      retentionSeconds: 3600,
    });
    const units = names.map((name) => this.#unit(name, options));
    const outcomes = await store.commit(units, limits());
    return units.map((one) => outcomes.get(one));
  }

  #unit(name: string | undefined, { type = 'Moved', group, refused = false }: PublishOptions): Unit {
    this.commits += 1;
    const one = this.commits;
    return unit(`commit ${one}`, (tx) => {
      if (name === undefined) return;
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

  /**
   * Names of the accounts with versions, such as `ann 1`, of the events that are not known to be sent: an event is
   * when the row before it may expire, or it is the first and says so.
   */
  async unsent(): Promise<string[]> {
    const rows = (await this.rows()).filter(({ data }) => data !== undefined);
    const isMarked = (row: Record<string, unknown>, i: number): boolean => {
      if (row['sent'] !== undefined) return true;
      const before = rows[i - 1];
      if (before?.['stream'] === row['stream']) return before?.['expiration'] !== undefined;
      return Number(row['version']) > 1 && row['first'] === undefined;
    };
    return rows
      .filter((row, i) => !isMarked(row, i))
      .map(({ stream, version }) => `${(JSON.parse(String(stream)) as string[]).at(-1)} ${Number(version)}`);
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

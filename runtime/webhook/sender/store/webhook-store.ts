import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { Meter } from '../../../dedup/meter.js';
import { batchGet } from '../../../dynamodb/batch-get.js';
import { commitFailed } from '../../../dynamodb/call-failed.js';
import { conditional } from '../../../dynamodb/commit-conditions.js';
import type { Condition } from '../../../dynamodb/condition.js';
import { native } from '../../../dynamodb/native-value.js';
import { send } from '../../../dynamodb/send.js';
import { marshalled, table, type Row, type Table } from '../../../dynamodb/table.js';
import { dueQuery, partitionQuery } from '../../../dynamodb/webhook-conditions.js';
import { actionOf, Clauses, putOf, updateOf } from '../../../dynamodb/write.js';
import type { RowKey } from '../rows.js';

/** What a row of the index `due` says. */
export interface DueRow extends RowKey {
  readonly dueAt: number;
}

export interface RowChange {
  readonly set?: Row;
  readonly add?: Readonly<Record<string, number>>;
  readonly remove?: readonly string[];
}

/** One write of several that are committed together. */
export type RowWrite = { readonly condition: Condition } & (
  { readonly item: Row } | { readonly key: RowKey; readonly change: RowChange }
);

export interface Page {
  readonly rows: readonly Row[];
  /** Where to go on; undefined at the end. */
  readonly next?: Record<string, AttributeValue>;
}

/**
 * The table of webhooks that are sent: partition key `pk`, sort key `sk`, time to live `expiration`, and a sparse
 * index `due` (`dueIn`, `dueAt` as a number, keys only). Every method throws DependencyFailed when DynamoDB does not
 * answer.
 */
export class WebhookStore {
  readonly table: Table;
  /** What was used since this instance began. */
  readonly meter = new Meter();

  constructor(
    readonly client: DynamoDBClient,
    readonly tableName: string,
  ) {
    this.table = table({ name: tableName, partitionKey: 'pk', sortKey: 'sk' });
  }

  /** Strongly consistent, in no order; what is not there is left out. */
  async read(keys: readonly RowKey[]): Promise<readonly Row[]> {
    if (keys.length === 0) return [];
    const asked = keys.map(({ pk, sk }) => ({ pk: { S: pk }, sk: { S: sk } }));
    const rows = await batchGet(this.client, this.tableName, asked, this.#limits(), true);
    return rows.map(native);
  }

  async readOne(key: RowKey): Promise<Row | undefined> {
    return (await this.read([key]))[0];
  }

  /** @returns whether it was put. */
  async put(row: Row, condition?: Condition): Promise<boolean> {
    return this.#unless(() =>
      send(
        this.client,
        new PutItemCommand({
          TableName: this.tableName,
          Item: marshalled(this.table, row),
          ...conditional(condition),
          ExpressionAttributeNames: condition?.names,
          ExpressionAttributeValues: condition?.values,
          ReturnConsumedCapacity: 'TOTAL',
        }),
        this.#limits(),
        'write',
      ),
    );
  }

  /** @returns whether the condition held. */
  async update(
    key: RowKey,
    { set = {}, add = {}, remove = [] }: RowChange,
    condition: Condition,
  ): Promise<boolean> {
    const clauses = new Clauses();
    for (const [name, value] of Object.entries(marshalled(this.table, set)))
      clauses.add('SET', `${clauses.name(name)} = ${clauses.value(value)}`);
    for (const [name, value] of Object.entries(add))
      clauses.add('ADD', `${clauses.name(name)} ${clauses.value({ N: String(value) })}`);
    for (const name of remove) clauses.add('REMOVE', clauses.name(name));
    return this.#unless(() =>
      send(
        this.client,
        new UpdateItemCommand({
          TableName: this.tableName,
          Key: { pk: { S: key.pk }, sk: { S: key.sk } },
          UpdateExpression: clauses.text(),
          ...conditional(condition),
          ExpressionAttributeNames: { ...condition.names, ...clauses.names },
          ExpressionAttributeValues: nonEmpty({ ...condition.values, ...clauses.values }),
          ReturnConsumedCapacity: 'TOTAL',
        }),
        this.#limits(),
        'write',
      ),
    );
  }

  /**
   * All of them, or none.
   *
   * @returns undefined when they were written; the index of the first whose condition failed; their number when they
   * met
   *   another transaction.
   */
  async transact(writes: readonly RowWrite[]): Promise<number | undefined> {
    try {
      await send(
        this.client,
        new TransactWriteItemsCommand({
          TransactItems: writes.map((write) => this.#action(write)),
          ReturnConsumedCapacity: 'TOTAL',
        }),
        this.#limits(),
        'write',
      );
      return undefined;
    } catch (error) {
      const reasons = error instanceof TransactionCanceledException ? (error.CancellationReasons ?? []) : [];
      const failed = reasons.findIndex(({ Code = 'None' }) => Code !== 'None');
      if (failed < 0) throw commitFailed(error, this.tableName);
      return reasons[failed]?.Code === 'ConditionalCheckFailed' ? failed : writes.length;
    }
  }

  #action(write: RowWrite): TransactWriteItem {
    const { condition } = write;
    return actionOf(
      'item' in write
        ? putOf(this.table, write.item, condition)
        : { ...updateOf(this.table, write.key, write.change), condition },
    );
  }

  async remove(key: RowKey): Promise<void> {
    const { pk, sk } = key;
    await send(
      this.client,
      new DeleteItemCommand({ TableName: this.tableName, Key: { pk: { S: pk }, sk: { S: sk } } }),
      this.#limits(),
      'write',
    );
  }

  /** What of a shard is due, in the order in which it became so. The index is behind by up to a second or so. */
  async *due(shard: string, from: number, until: number): AsyncGenerator<DueRow> {
    for await (const row of this.#pages(dueRows(shard, from, until))) yield dueRow(row);
  }

  /** The same from the beginning, a page of it. */
  async duePage(
    shard: string,
    until: number,
    after: Page['next'],
  ): Promise<{ readonly rows: readonly DueRow[]; readonly next: Page['next'] }> {
    const { rows, next } = await this.#page({ ...dueRows(shard, 0, until), ExclusiveStartKey: after });
    return { rows: rows.map(dueRow), next };
  }

  /** All rows of a partition, strongly consistent. */
  async *rows(pk: string, from?: string): AsyncGenerator<Row> {
    yield* this.#pages({ ...partitionQuery(pk, from), ConsistentRead: true });
  }

  /** One page of a partition, strongly consistent. */
  async page(
    pk: string,
    options: { limit: number; newestFirst?: boolean; from?: string; after?: Page['next'] },
  ): Promise<Page> {
    return this.#page({
      ...partitionQuery(pk, options.from),
      ConsistentRead: true,
      Limit: options.limit,
      ScanIndexForward: options.newestFirst !== true,
      ExclusiveStartKey: options.after,
    });
  }

  async *#pages(query: object): AsyncGenerator<Row> {
    let after: Page['next'];
    do {
      const { rows, next } = await this.#page({ ...query, ExclusiveStartKey: after });
      yield* rows;
      after = next;
    } while (after !== undefined);
  }

  async #page(query: object): Promise<Page> {
    const { Items = [], LastEvaluatedKey } = await send(
      this.client,
      new QueryCommand({ TableName: this.tableName, ...query, ReturnConsumedCapacity: 'TOTAL' }),
      this.#limits(),
      'read',
    );
    return { rows: Items.map(native), next: LastEvaluatedKey };
  }

  /** A call that is not answered for this long is given up: its outcome is not known then. */
  #limits() {
    return { deadline: Date.now() + 10_000, meter: this.meter };
  }

  async #unless(write: () => Promise<unknown>): Promise<boolean> {
    try {
      await write();
      return true;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw commitFailed(error, this.tableName);
      return false;
    }
  }
}

const dueRows = (shard: string, from: number, until: number) => ({
  ...dueQuery(shard, from, until),
  Limit: 1_000,
});
const dueRow = (row: Row): DueRow => ({ pk: String(row.pk), sk: String(row.sk), dueAt: Number(row.dueAt) });

/** DynamoDB takes no empty map of values. */
function nonEmpty<T>(values: Record<string, T>): Record<string, T> | undefined {
  return Object.keys(values).length > 0 ? values : undefined;
}

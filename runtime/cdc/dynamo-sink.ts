import {
  DynamoDBClient,
  GetItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  type AttributeValue,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { errorText, ExactlyOnceError, InvalidSettings, UnserialisableValue } from '../dedup/error.js';
import { exactJsonText } from '../dedup/exact-json.js';
import { maxItemBytes, stored, type Attributes } from '../dynamodb/attribute-value.js';
import { batchOf } from './batch.js';
import { lastOfEachRow, type Change, type Columns } from './change.js';
import {
  BatchRefused,
  RowRefused,
  RowTooLarge,
  SchemaChanged,
  SinkUnavailable,
  ValueMissing,
} from './errors.js';
import { storedPosition } from './position.js';
import type { Batch, Sink, SinkState } from './sink.js';
import { rowIsThere, standsAt } from './sink-conditions.js';
import type { TopicPartition } from './source.js';

export interface DynamoSinkTable {
  readonly tableName: string;
  /** The columns that are the table's own key attributes. */
  readonly key: readonly string[];
  /**
   * The item of a row. It must depend on the row alone.
   *
   * @default - the row as it is
   */
  readonly item?: (row: Columns) => Columns;
}

export interface DynamoSinkOptions {
  /** Names the sink's watermarks. Two sinks with one name on one table are one sink. */
  readonly name: string;
  /** The table of the watermarks, with a string partition key `id`; a `DedupTable` is one. */
  readonly watermarks: string;
  /** Where the rows of each topic go. */
  readonly tables: Readonly<Record<string, DynamoSinkTable>>;
  /** @default - a client of the process's own region */
  readonly client?: DynamoDBClient;
}

/** DynamoDB takes 100 actions in one transaction, and the watermark is one of them. */
const maxItems = 99;
/** It takes 4 MB in all; the size of items is counted roughly. */
const maxChunkBytes = 3_500_000;

/**
 * Writes items of DynamoDB. The watermark (offset and position) is put on condition in the transaction of the items,
 * of which one holds 99: a larger batch is written in chunks, each of which moves the watermark.
 *
 * Items are put whole, and deleted. A row of which the source left out a large value is updated instead.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
export function dynamoSink(options: DynamoSinkOptions): Sink {
  return new DynamoSink(options);
}

class DynamoSink implements Sink {
  readonly name: string;
  readonly #client: DynamoDBClient;
  readonly #options: DynamoSinkOptions;

  constructor(options: DynamoSinkOptions) {
    this.#options = options;
    this.name = options.name;
    this.#client = options.client ?? new DynamoDBClient({});
  }

  async open(partition: TopicPartition): Promise<SinkState> {
    this.#tableOf(partition);
    const Key = { id: { S: this.#idOf(partition) } };
    const { Item } = await this.#send(() =>
      this.#client.send(
        new GetItemCommand({ TableName: this.#options.watermarks, Key, ConsistentRead: true }),
      ),
    );
    if (Item === undefined) return { next: 0n };
    const next = BigInt(Item.next?.N ?? '0');
    const position = Item.position?.S;
    return position === undefined ? { next } : { next, position: storedPosition(position) };
  }

  check(change: Change): void {
    const { partition, offset } = change;
    const { key, item } = this.#tableOf(partition);
    const lacking = key.find((name) => change.key[name] === undefined || change.key[name] === null);
    if (lacking !== undefined)
      throw new SchemaChanged(partition, offset, `lacks column '${lacking}' of its key`);
    const [unknown] = change.kind === 'update' ? [] : (change.unchanged ?? []);
    if (unknown !== undefined) throw new ValueMissing(partition, offset, unknown);
    try {
      // Of a deletion nothing else is stored.
      stored(change.key);
      if (change.row === undefined) return;
      const { bytes } = stored(item?.(change.row) ?? change.row);
      if (bytes > maxItemBytes)
        throw new RowTooLarge(partition, offset, `has ${bytes} bytes, DynamoDB allows ${maxItemBytes}`);
    } catch (cause) {
      if (!(cause instanceof UnserialisableValue)) throw cause;
      throw new RowRefused(partition, offset, `has a value at '${cause.path}' that DynamoDB cannot hold`, {
        cause,
      });
    }
  }

  async write(batch: Batch): Promise<SinkState> {
    const chunk = this.#firstChunk(batch);
    try {
      await this.#send(() =>
        this.#client.send(new TransactWriteItemsCommand({ TransactItems: this.#actionsOf(chunk) })),
      );
      return chunk.to;
    } catch (error) {
      if (error instanceof Overtaken) return this.open(batch.partition);
      throw error;
    }
  }

  /** As much of a batch as one transaction holds; the sink then stands before the rest, and is given it. */
  #firstChunk(batch: Batch): Batch {
    const { changes } = batch;
    const keys = new Set<string>();
    let bytes = 0;
    for (const [i, change] of changes.entries()) {
      keys.add(this.#keyOf(change));
      bytes += change.record.value?.byteLength ?? 0;
      if (i > 0 && (keys.size > maxItems || bytes > maxChunkBytes))
        return batchOf(batch, changes.slice(0, i), change.offset);
    }
    return batch;
  }

  #actionsOf({ partition, from, to, changes }: Batch): TransactWriteItem[] {
    const watermark: Record<string, AttributeValue> = {
      id: { S: this.#idOf(partition) },
      topic: { S: partition.topic },
      next: { N: String(to.next) },
      ...(to.position !== undefined && { position: { S: to.position } }),
    };
    const { watermarks: TableName } = this.#options;
    return [
      { Put: { TableName, Item: watermark, ...standsAt(from.next) } },
      ...lastOfEachRow(changes, (change) => this.#keyOf(change)).flatMap((change) => this.#actionOf(change)),
    ];
  }

  #actionOf({ partition, kind, key: keys, row = {}, unchanged = [] }: Change): TransactWriteItem[] {
    const { tableName: TableName, key, item } = this.#tableOf(partition);
    const Key = stored(Object.fromEntries(key.map((name) => [name, keys[name]]))).item;
    if (kind === 'delete') return [{ Delete: { TableName, Key } }];
    const { item: attributes } = stored({ ...(item?.(row) ?? row), ...keys });
    if (unchanged.length === 0) return [{ Put: { TableName, Item: attributes } }];
    const names = Object.keys(attributes).filter((name) => !key.includes(name));
    // Nothing but large values, and they are as they were.
    if (names.length === 0) return [];
    return [{ Update: { TableName, Key, ...setAll(attributes, names, key) } }];
  }

  #keyOf({ partition, key: keys }: Change): string {
    return exactJsonText(this.#tableOf(partition).key.map((name) => keys[name]));
  }

  #idOf({ topicId, partition }: TopicPartition): string {
    return `sink/${this.name}/${topicId}/${partition}`;
  }

  #tableOf({ topic }: TopicPartition): DynamoSinkTable {
    const table = Object.hasOwn(this.#options.tables, topic) ? this.#options.tables[topic] : undefined;
    if (table === undefined)
      throw new InvalidSettings([
        `sink '${this.name}' has no table for topic '${topic}'; name it in \`tables\``,
      ]);
    return table;
  }

  async #send<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (cause) {
      throw this.#thrown(cause);
    }
  }

  #thrown(cause: unknown): Error {
    if (cause instanceof ExactlyOnceError) return cause;
    const [watermark, ...rows] =
      cause instanceof TransactionCanceledException ? (cause.CancellationReasons ?? []) : [];
    if (watermark?.Code === 'ConditionalCheckFailed') return new Overtaken();
    if (rows.some(({ Code }) => Code === 'ConditionalCheckFailed'))
      return new BatchRefused('an update that leaves a large value as it was has found no item', { cause });
    const isInvalid =
      rows.some(({ Code }) => Code === 'ValidationError') ||
      (cause instanceof Error && cause.name === 'ValidationException');
    if (isInvalid) return new BatchRefused('DynamoDB refused an item for what is in it', { cause });
    return new SinkUnavailable(this.name, `cannot write to DynamoDB: ${errorText(cause)}`, { cause });
  }
}

/** Internal: somebody else has moved the watermark, or we have, and did not hear of it. */
class Overtaken extends ExactlyOnceError {
  override name = 'Overtaken';
}

function setAll(attributes: Attributes, names: readonly string[], [key = '']: readonly string[]) {
  return {
    ...rowIsThere,
    UpdateExpression: `SET ${names.map((_, i) => `#n${i} = :v${i}`).join(', ')}`,
    ExpressionAttributeNames: Object.fromEntries([
      ['#key', key],
      ...names.map((name, i) => [`#n${i}`, name]),
    ]) as Record<string, string>,
    ExpressionAttributeValues: Object.fromEntries(
      names.flatMap((name, i) => {
        const value = attributes[name];
        return value === undefined ? [] : [[`:v${i}`, value]];
      }),
    ),
  };
}

import {
  BatchWriteItemCommand,
  DescribeTableCommand,
  ScanCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';
import { toStreamRecord } from '../../targets/event-source/streams/record.js';
import {
  outboxRelay,
  readStuck,
  stuckStreams,
  type OutboxRelay,
  type OutboxRelayOptions,
  type RelayedEvent,
  type RelayGauges,
  type RelaySummary,
  type RelayTarget,
  type StuckStream,
} from '../../runtime/outbox/index.js';
import { dynamo } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { newOutboxTable } from '../fixtures/outbox-table.js';
import { sqs } from '../fixtures/queue.js';
import { limits } from '../fixtures/units.js';

type Item = Record<string, AttributeValue>;

export interface Written {
  readonly type?: string;
  readonly group?: string;
  /** Bytes of text in the data. */
  readonly bytes?: number;
  /** Epoch milliseconds of the commit. @default - now */
  readonly at?: number;
}

/** The stream of an aggregate's events. */
export const streamOf = (name: string) => JSON.stringify(['bank', '1', 'account', name]);
export const digits = (version: bigint | number) => String(version).padStart(40, '0');

/** The rows that publishers write, written without them: what a relay must send. */
export class WrittenOutbox {
  readonly queues = sqs();
  readonly summaries: RelaySummary[] = [];
  readonly gauges: RelayGauges[] = [];
  readonly #streams = new DynamoDBStreamsClient(embedded().client);
  readonly #counts = new Map<string, { n: number; types: Record<string, string> }>();

  private constructor(
    readonly client: DynamoDBClient,
    readonly table: string,
  ) {}

  static async open(): Promise<WrittenOutbox> {
    const client = dynamo();
    return new WrittenOutbox(client, await newOutboxTable(client));
  }

  close(): void {
    for (const client of [this.client, this.queues, this.#streams]) client.destroy();
  }

  /** One event per name. */
  async write(names: readonly string[], written: Written = {}): Promise<void> {
    const items = names.map((name) => this.#item(name, written));
    for (let i = 0; i < items.length; i += 25)
      await this.client.send(
        new BatchWriteItemCommand({
          RequestItems: {
            [this.table]: items.slice(i, i + 25).map((Item) => ({ PutRequest: { Item } })),
          },
        }),
      );
  }

  #item(name: string, { type = 'Moved', group, bytes = 0, at = Date.now() }: Written): Item {
    const count = this.#counts.get(name) ?? { n: 0, types: {} };
    const { n, types } = count;
    this.#counts.set(name, { n: n + 1, types: { ...types, [type]: String(n + 1) } });
    const others = Object.keys(types).some((other) => other !== type);
    return {
      stream: { S: streamOf(name) },
      version: { S: digits(n + 1) },
      type: { S: type },
      data: { S: JSON.stringify({ move: n + 1, text: 'x'.repeat(bytes) }) },
      at: { N: String(at) },
      v: { N: '2' },
      ...(group === undefined ? {} : { group: { S: group } }),
      ...(others ? { types: { S: JSON.stringify(types) } } : {}),
    };
  }

  relay(targets: readonly RelayTarget[], options: Partial<OutboxRelayOptions> = {}): OutboxRelay {
    return outboxRelay({
      ...{ table: this.table, retentionSeconds: 3600, graceSeconds: 60, targets },
      dynamodb: this.client,
      observe: (summary) => this.summaries.push(summary),
      observeGauges: (gauges) => this.gauges.push(gauges),
      ...options,
    });
  }

  /** Every row of the table. */
  async rows(): Promise<Item[]> {
    const rows: Item[] = [];
    let ExclusiveStartKey: Item | undefined;
    do {
      const { Items = [], LastEvaluatedKey } = await this.client.send(
        new ScanCommand({ TableName: this.table, ConsistentRead: true, ExclusiveStartKey }),
      );
      rows.push(...Items);
      ExclusiveStartKey = LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined);
    return rows;
  }

  /** How far each aggregate is marked as sent, such as `ann 2 of 3`. */
  async positions(): Promise<string[]> {
    const events = (await this.rows()).filter(({ data }) => data !== undefined);
    const streams = Map.groupBy(events, ({ stream }) => stream!.S!);
    return [...streams]
      .map(([stream, rows]) => {
        const sorted = rows.sort((a, b) => (a.version!.S! < b.version!.S! ? -1 : 1));
        const known = sorted.map((row, i) =>
          i === 0 && Number(row.version!.S) === 1
            ? row.sent !== undefined
            : sorted[i - 1]?.expiration !== undefined,
        );
        const name = (JSON.parse(stream) as string[])[3]!;
        return `${name} ${known.lastIndexOf(true) + 1} of ${rows.length}`;
      })
      .sort();
  }

  async stuck(): Promise<StuckStream[]> {
    const entries: StuckStream[] = [];
    for await (const page of stuckStreams(this.access())) entries.push(...page);
    return entries;
  }

  stuckEntry(name: string): Promise<StuckStream | undefined> {
    return readStuck(this.access(), streamOf(name));
  }

  access() {
    return { client: this.client, table: this.table, limits: limits() };
  }

  /** Reads the table's stream from its start. Each call brings what has come since the last one. */
  async reader(): Promise<() => Promise<DynamoDBRecord[]>> {
    const { Table } = await this.client.send(new DescribeTableCommand({ TableName: this.table }));
    const StreamArn = Table?.LatestStreamArn ?? '';
    const { StreamDescription } = await this.#streams.send(new DescribeStreamCommand({ StreamArn }));
    const ShardId = StreamDescription?.Shards?.[0]?.ShardId;
    let { ShardIterator } = await this.#streams.send(
      new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    );
    return async () => {
      const { Records = [], NextShardIterator } = await this.#streams.send(
        new GetRecordsCommand({ ShardIterator }),
      );
      ShardIterator = NextShardIterator;
      return Records.map((record) => toStreamRecord(record, StreamArn) as unknown as DynamoDBRecord);
    };
  }

  /** What was inserted since the table was made. */
  async inserted(): Promise<DynamoDBRecord[]> {
    return (await (await this.reader())()).filter(({ eventName }) => eventName === 'INSERT');
  }
}

/** Aggregate and version of an event, such as `ann 1`. */
export function placeOf(event: string): string {
  const { aggregate, version } = JSON.parse(event) as { aggregate: string; version: string };
  return `${aggregate} ${version}`;
}

export function placesOf(records: readonly DynamoDBRecord[], numbers: readonly string[]): string[] {
  return records
    .filter(({ dynamodb }) => numbers.includes(dynamodb!.SequenceNumber!))
    .map(({ dynamodb }) => {
      const { stream, version } = dynamodb!.NewImage!;
      return `${(JSON.parse(stream!.S!) as string[])[3]} ${BigInt(version!.S!)}`;
    });
}

/** A target that keeps what it is sent, call by call, and refuses what it is told to. */
export class Notebook implements RelayTarget {
  readonly calls: string[][] = [];
  readonly events: RelayedEvent[] = [];
  refuses: (place: string) => boolean = () => false;

  constructor(
    readonly name: string,
    readonly types?: readonly string[],
  ) {}

  send(events: readonly RelayedEvent[]): Promise<Map<RelayedEvent, unknown>> {
    this.calls.push(events.map(({ event }) => placeOf(event)));
    const refused = events.filter(({ event }) => this.refuses(placeOf(event)));
    this.events.push(...events.filter((event) => !refused.includes(event)));
    return Promise.resolve(new Map(refused.map((event) => [event, new Error('refused')])));
  }

  /** What it has taken, in the order in which it took it. */
  get taken(): string[] {
    return this.events.map(({ event }) => placeOf(event));
  }
}

export const inTime = { getRemainingTimeInMillis: () => 30_000 };

/** A run that was given so much, and has used up nothing of it yet. */
export function timeOf(givenMs: number) {
  const end = Date.now() + givenMs;
  return { getRemainingTimeInMillis: () => end - Date.now() };
}

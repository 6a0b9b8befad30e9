import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { isEvent, readRow, versionIn, type OutboxRow } from './event-row.js';
import { tickShard } from './relay-state.js';

/** What a batch of the table's stream brings of one stream of the outbox. */
export interface BatchStream {
  readonly stream: string;
  /** In the order of their versions, each once. */
  readonly rows: OutboxRow[];
  /** The first row that cannot be read: nothing behind it may be sent. */
  readonly unreadable?: { readonly version: bigint | undefined; readonly error: unknown };
  /** Sequence numbers of its records, by version; those of rows that have none are of version 0. */
  readonly numbers: ReadonlyMap<bigint, readonly string[]>;
}

export interface BatchContent {
  readonly streams: readonly BatchStream[];
  readonly ticks: readonly { readonly shard: string; readonly version: string }[];
}

/**
 * What was inserted. Marks and expiries are no news; rows of the relay's own are passed over, and ticks noted.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
 */
export function readRecords(records: readonly DynamoDBRecord[]): BatchContent {
  const ticks: { shard: string; version: string }[] = [];
  const streams = new Map<string, Gathering>();
  for (const { eventName, dynamodb } of records) {
    const { NewImage = {}, SequenceNumber: number = '' } = dynamodb ?? {};
    if (eventName !== 'INSERT') continue;
    const item = NewImage as Record<string, AttributeValue>;
    const { stream = { S: '' }, version } = item;
    const shard = tickShard(item);
    if (shard !== undefined) ticks.push({ shard, version: version?.S ?? '0' });
    if (!isEvent(item)) continue;
    const name = stream.S ?? '';
    const gathering = streams.get(name) ?? { rows: new Map(), unreadable: [], numbers: new Map() };
    streams.set(name, gathering);
    gather(gathering, item, number);
  }
  return { ticks, streams: [...streams].map(([stream, gathering]) => inOrder(stream, gathering)) };
}

interface Gathering {
  readonly rows: Map<bigint, OutboxRow>;
  readonly unreadable: { readonly version: bigint | undefined; readonly error: unknown }[];
  readonly numbers: Map<bigint, string[]>;
}

function gather(
  { rows, unreadable, numbers }: Gathering,
  item: Record<string, AttributeValue>,
  number: string,
) {
  const version = versionIn(item.version);
  numbers.set(version ?? 0n, [...(numbers.get(version ?? 0n) ?? []), number]);
  try {
    const row = readRow(item);
    rows.set(row.version, row);
  } catch (error) {
    unreadable.push({ version, error });
  }
}

/** A shard may give the records of one transaction in any order. */
function inOrder(stream: string, { rows, unreadable, numbers }: Gathering): BatchStream {
  const [first] = unreadable.sort((a, b) => ((a.version ?? 0n) < (b.version ?? 0n) ? -1 : 1));
  const readable = [...rows.values()]
    .filter(({ version }) => first === undefined || version < (first.version ?? 0n))
    .sort((a, b) => (a.version < b.version ? -1 : 1));
  return { stream, rows: readable, numbers, ...(first && { unreadable: first }) };
}

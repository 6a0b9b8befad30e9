import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { isEvent, readRow, versionIn, whyNoEvent, type OutboxRow } from './event-row.js';
import { tickShard } from './relay-state.js';

/** What a batch of the table's stream brings of one stream of the outbox. */
export interface BatchStream {
  readonly stream: string;
  /** In the order of their versions, each once. */
  readonly rows: OutboxRow[];
  /** The first row that cannot be read: nothing behind it may be sent. */
  readonly unreadable?: { readonly version: bigint; readonly error: unknown };
  /** Sequence numbers of its records, by version. */
  readonly numbers: ReadonlyMap<bigint, readonly string[]>;
}

export interface BatchContent {
  readonly streams: readonly BatchStream[];
  readonly ticks: readonly { readonly shard: string; readonly version: string }[];
  /** Rows that look like events and stand nowhere in a stream: somebody else wrote them. */
  readonly strangers: readonly { readonly stream: string; readonly error: unknown }[];
}

/**
 * What was inserted. Marks and expiries are no news; rows of the relay's own are passed over, and ticks noted.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
 */
export function readRecords(records: readonly DynamoDBRecord[]): BatchContent {
  const ticks: { shard: string; version: string }[] = [];
  const strangers: { stream: string; error: unknown }[] = [];
  const streams = new Map<string, Gathering>();
  for (const { eventName, dynamodb } of records) {
    const { NewImage = {}, SequenceNumber: number = '' } = dynamodb ?? {};
    if (eventName !== 'INSERT') continue;
    const item = NewImage as Record<string, AttributeValue>;
    const { stream = { S: '' }, version } = item;
    const shard = tickShard(item);
    if (shard !== undefined) ticks.push({ shard, version: version?.S ?? '0' });
    const name = stream.S ?? '';
    const stranger = whyNoEvent(item);
    if (stranger !== undefined) strangers.push({ stream: name, error: stranger });
    if (!isEvent(item)) continue;
    const gathering = streams.get(name) ?? { rows: new Map(), unreadable: [], numbers: new Map() };
    streams.set(name, gathering);
    gather(gathering, item, number);
  }
  return { ticks, strangers, streams: [...streams].map(([stream, gathering]) => inOrder(stream, gathering)) };
}

interface Gathering {
  readonly rows: Map<bigint, OutboxRow>;
  readonly unreadable: { readonly version: bigint; readonly error: unknown }[];
  readonly numbers: Map<bigint, string[]>;
}

function gather(
  { rows, unreadable, numbers }: Gathering,
  item: Record<string, AttributeValue>,
  number: string,
) {
  const version = versionIn(item.version) ?? 0n;
  numbers.set(version, [...(numbers.get(version) ?? []), number]);
  try {
    const row = readRow(item);
    rows.set(row.version, row);
  } catch (error) {
    unreadable.push({ version, error });
  }
}

/** A shard may give the records of one transaction in any order. */
function inOrder(stream: string, { rows, unreadable, numbers }: Gathering): BatchStream {
  const [first] = unreadable.sort((a, b) => (a.version < b.version ? -1 : 1));
  const readable = [...rows.values()]
    .filter(({ version }) => first === undefined || version < first.version)
    .sort((a, b) => (a.version < b.version ? -1 : 1));
  return { stream, rows: readable, numbers, ...(first && { unreadable: first }) };
}

import {
  ConditionalCheckFailedException,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { sequence } from '../dedup/sequence.js';
import { conditional, streamQuery, tickLater } from '../dynamodb/conditions.js';
import { send } from '../dynamodb/send.js';
import type { OutboxAccess } from './outbox-access.js';
import { controlStream } from './row.js';

type Item = Record<string, AttributeValue>;

/**
 * Ticks are rows that the sweep writes and the table's stream brings back: what comes back shows that the pipe on
 * which events travel is open. In several streams, because a table has several shards, each with its own way.
 */
const tickShards = 4;
const tickSeconds = 24 * 3600;
const stateStream = controlStream('state', 'relay');

/** Where a row of the outbox stands, to carry on behind it. */
export interface ScanPlace {
  readonly stream: string;
  readonly version: string;
}

/** The scan that looks for what the stream never brought. */
export interface ScanState {
  /** Behind which row it goes on; undefined: at the beginning. */
  readonly cursor?: ScanPlace;
  /** Whether the row at the cursor may expire, which is the mark of the one behind it. */
  readonly expires?: boolean;
  /** The stream at the cursor needs no look at its other rows: they are too young, or it is listed. */
  readonly settled?: boolean;
  /** When the last complete one ended, epoch milliseconds; 0: never. */
  readonly finishedAt: number;
}

export interface RelayState {
  /** Epoch milliseconds of the last tick that came back on every one of the ways; 0: none did. */
  readonly tickedAt: number;
  /** Epoch milliseconds of the first tick after it, which has not come back yet; undefined: there is none. */
  readonly missedAt?: number;
  readonly scan: ScanState;
}

function tickStream(shard: number): string {
  return controlStream('tick', String(shard));
}

/** The stream of a tick's row, or undefined when the row is none. */
export function tickShard({ stream }: Readonly<Item>): string | undefined {
  return /^\["tick","(\d)"\]$/.exec(stream?.S ?? '')?.[1];
}

/** Sends a tick on every way. Costs 4 write units. */
export async function writeTicks({ client, table, limits }: OutboxAccess): Promise<void> {
  const now = Date.now();
  await Promise.all(
    Array.from({ length: tickShards }, (_, shard) =>
      send(
        client,
        new PutItemCommand({
          TableName: table,
          Item: {
            stream: { S: tickStream(shard) },
            version: { S: sequence(String(now)) },
            expiration: { N: String(Math.floor(now / 1000) + tickSeconds) },
          },
        }),
        limits,
        'write',
      ),
    ),
  );
}

/** Notes that a tick came back. @param version the row's: when it was sent */
export async function noteTick(
  { client, table, limits }: OutboxAccess,
  shard: string,
  version: string,
): Promise<void> {
  const at = Number(version);
  const condition = tickLater(at);
  const command = new UpdateItemCommand({
    TableName: table,
    Key: { stream: { S: stateStream }, version: { S: `seen/${shard}` } },
    UpdateExpression: 'SET #at = :at',
    ExpressionAttributeNames: condition.names,
    ExpressionAttributeValues: condition.values,
    ...conditional(condition),
  });
  try {
    await send(client, command, limits, 'write');
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}

export async function readRelayState({ client, table, limits }: OutboxAccess): Promise<RelayState> {
  const command = new QueryCommand({ TableName: table, ...streamQuery(stateStream), ConsistentRead: true });
  const { Items = [] } = await send(client, command, limits, 'read');
  const byName = new Map(Items.map((item) => [item.version?.S ?? '', item]));
  const seen = Array.from({ length: tickShards }, (_, shard) => byName.get(`seen/${shard}`)?.at?.N ?? 0);
  const tickedAt = Math.min(...seen.map(Number));
  const missed = new QueryCommand({
    TableName: table,
    // Every sweep writes the same on all ways.
    ...streamQuery(tickStream(0), sequence(String(tickedAt + 1))),
    Limit: 1,
  });
  const { Items: [tick] = [] } = await send(client, missed, limits, 'read');
  const { cursor, expires, settled, finishedAt } = byName.get('scan') ?? {};
  const { stream, version } = cursor?.M ?? {};
  return {
    tickedAt,
    missedAt: tick && Number(tick.version?.S),
    scan: {
      cursor:
        stream?.S === undefined || version?.S === undefined
          ? undefined
          : { stream: stream.S, version: version.S },
      expires: expires?.BOOL,
      settled: settled?.BOOL,
      finishedAt: Number(finishedAt?.N ?? 0),
    },
  };
}

/**
 * Two sweeps at once may overwrite each other's place. Backwards: what was scanned is scanned again. Forwards, by one
 * that is still in the scan before: what is passed over is found by the next scan, which begins at once while the
 * table's stream is silent.
 */
export async function saveScan({ client, table, limits }: OutboxAccess, scan: ScanState): Promise<void> {
  const { cursor, expires = false, settled = false, finishedAt } = scan;
  const place = cursor && {
    cursor: { M: { stream: { S: cursor.stream }, version: { S: cursor.version } } },
    expires: { BOOL: expires },
    settled: { BOOL: settled },
  };
  const command = new PutItemCommand({
    TableName: table,
    Item: {
      stream: { S: stateStream },
      version: { S: 'scan' },
      ...place,
      finishedAt: { N: String(finishedAt) },
    },
  });
  await send(client, command, limits, 'write');
}

import { QueryCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { newestQuery } from '../dynamodb/conditions.js';
import { CommitFailed, EpochEnded, NewerRow } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import { itemReader } from '../dynamodb/read-item.js';
import { send } from '../dynamodb/send.js';
import type { ItemAddress } from '../dynamodb/table.js';
import type { Count } from './counts.js';
import { epochAddress, readEpochRow } from './epoch-row.js';
import { outboxRowVersion, streamText, type StreamName } from './row.js';

/** The attribute of an aggregate's item in which the first release counted its events. */
const versionAttribute = 'version';

type Item = Record<string, AttributeValue>;
type Io = Limits & { readonly client: DynamoDBClient };

/** Whose count is asked for. */
interface Asked {
  readonly table: string;
  readonly stream: StreamName;
  readonly adopts?: ItemAddress;
}

/**
 * The count of an aggregate as it is stored: its newest row. Costs the read of that row, and 1 unit for the epoch
 * that is open, without which a new stream of an ended one would find no fence.
 *
 * @param consistent whether it sees every commit that has been answered
 * @throws EpochEnded when another epoch of the source is open; NewerRow (R17)
 */
export async function storedCount(asked: Asked, io: Io, consistent: boolean): Promise<Count> {
  const { table, stream: name, adopts } = asked;
  const stream = streamText(name);
  const [newest, epochItem] = await Promise.all([
    newestRow(table, stream, io, consistent),
    itemReader(io.client, io, true)(epochAddress(table, name.source), ['current', 'ended', 'v']),
  ]);
  const open = readEpochRow(epochItem);
  if (open !== undefined && open.current !== name.epoch)
    throw new EpochEnded(name.source, name.epoch, open.current);
  if (newest !== undefined) return countOf(stream, newest, name);
  // A restore has begun all counts anew.
  const adopted =
    adopts !== undefined && open === undefined
      ? await adoptedCount(asked, adopts, io, consistent)
      : undefined;
  return adopted ?? { stream, version: 0n, latest: new Map() };
}

async function newestRow(
  TableName: string,
  stream: string,
  io: Io,
  ConsistentRead: boolean,
): Promise<Item | undefined> {
  const command = new QueryCommand({
    ...{ TableName, ConsistentRead, ReturnConsumedCapacity: 'TOTAL' },
    ...newestQuery(stream),
  });
  return (await send(io.client, command, io, 'read')).Items?.[0];
}

function countOf(stream: string, { version, type, types, fence, v }: Item, name: StreamName): Count {
  if (Number(v?.N ?? 0) > outboxRowVersion)
    throw new NewerRow('newest event of a stream', v?.N ?? '', outboxRowVersion);
  if (fence?.S !== undefined) throw new EpochEnded(name.source, name.epoch, fence.S);
  const newest = BigInt(version?.S ?? 0);
  const before = Object.entries(JSON.parse(types?.S ?? '{}') as Record<string, string>);
  const latest = new Map(before.map(([of, at]) => [of, BigInt(at)]));
  return { stream, version: newest, latest: latest.set(type?.S ?? '', newest) };
}

/** The count of the first release, undefined where it has none of the aggregate. */
async function adoptedCount(
  { table, stream: { source, epoch, aggregate } }: Asked,
  adopts: ItemAddress,
  io: Io,
  consistent: boolean,
): Promise<Count | undefined> {
  const name = { source, epoch, aggregate };
  const stream = streamText(name);
  const [newest, item] = await Promise.all([
    newestRow(table, stream, io, consistent),
    itemReader(io.client, io, consistent)(adopts, [versionAttribute]),
  ]);
  const counted = countedOn(adopts, item?.[versionAttribute]);
  if (newest !== undefined) {
    const count = countOf(stream, newest, name);
    if (Number(newest.v?.N) === outboxRowVersion && count.version >= counted) return count;
    return adoptedAt(stream, count.version > counted ? count.version : counted);
  }
  return counted === 0n ? undefined : adoptedAt(stream, counted);
}

/** What comes first here is marked by itself: the row before it may have the expiry of the first release (R30). */
function adoptedAt(stream: string, version: bigint): Count {
  return { stream, version, latest: new Map([['', version]]), adopted: true };
}

function countedOn({ tableName }: ItemAddress, value: AttributeValue | undefined): bigint {
  if (value === undefined) return 0n;
  if (value.N === undefined || !/^\d+$/.test(value.N))
    throw new CommitFailed(
      `\`${versionAttribute}\` of an aggregate of '${tableName}' must be a whole number that the first release has counted; ` +
        'where it is another, leave `adoptVersions` of the outbox out',
    );
  return BigInt(value.N);
}

import {
  ConditionalCheckFailedException,
  paginateScan,
  PutItemCommand,
  QueryCommand,
  type DynamoDBClient,
  GetItemCommand,
} from '@aws-sdk/client-dynamodb';
import { conditional, newestQuery, versionFree } from '../dynamodb/conditions.js';
import { ExactlyOnceError, InvalidSettings } from '../dedup/errors.js';
import { epochAddress, epochItem, readEpochRow } from './epoch-row.js';
import { epochProblem, sourceProblem } from './event-names.js';
import { fenceItem, streamName } from './row.js';

/** The epoch has been used: to begin its counts again would give two events one place. */
export class EpochBegun extends ExactlyOnceError {
  override name = 'EpochBegun';
  constructor(
    readonly epoch: string,
    readonly source: string,
  ) {
    super(
      `epoch '${epoch}' of source '${source}' has been used before; nothing was changed: choose an epoch that was never used`,
    );
  }
}

/** Somebody goes on publishing under an epoch that is to end. */
export class NotQuiet extends ExactlyOnceError {
  override name = 'NotQuiet';
  constructor(
    readonly tableName: string,
    readonly stream: string,
  ) {
    super(
      `somebody publishes to '${tableName}' under an epoch that has ended; stop all publishers, and begin again: it is safe`,
    );
  }
}

export interface NewEpoch {
  readonly client: DynamoDBClient;
  /** Name of the outbox table. */
  readonly outbox: string;
  /** One that was never used, such as '2' after '1'. */
  readonly epoch: string;
  /** Sources that may have no rows in the table, and begin the epoch too. @default - those that have rows */
  readonly sources?: readonly string[];
  /** Changes nothing, and says what it would do. @default false */
  readonly dryRun?: boolean;
}

/** What an epoch has ended for one source. */
export interface BegunSource {
  readonly source: string;
  /** Epochs that have ended, now or before. Empty: nothing of the source was found. */
  readonly ended: readonly string[];
  /** Streams of those epochs that have rows. 0 of a source that was given: is its name right? */
  readonly streams: number;
  /** Of these, how many were closed by this call. */
  readonly fenced: number;
}

export interface BegunEpoch {
  readonly epoch: string;
  readonly sources: readonly BegunSource[];
}

/** Puts that are under way at once. */
const atOnce = 25;
/** How often a stream is found to have gone on before it is given up. */
const maxTries = 20;

/**
 * Ends all epochs of an outbox but the given one, whose counts begin at 1. For tables that were restored from a
 * backup: the restored counts lie behind what consumers have seen, and the next events would be taken for copies, and
 * be lost (R37).
 *
 * To be called while nothing publishes, before the publishers are deployed with the new epoch. Guaranteed when it has
 * returned: who publishes under another epoch fails with {@link EpochEnded}, for new aggregates and for those that
 * have rows. Not for an aggregate whose first event was under way meanwhile: call it again, until `fenced` is 0.
 *
 * It may be called as often as one likes, also after it was interrupted and after publishers run under the new epoch.
 * It touches the outbox table only. Costs a scan of it, and 1 write unit per stream; memory of a few hundred bytes
 * per stream.
 *
 * @throws InvalidSettings when no publisher could have such an epoch or source: nothing is changed
 * @throws EpochBegun when the epoch has ended before, or has events though it was never begun: nothing is changed
 * @throws NotQuiet when somebody goes on publishing
 */
export async function beginEpoch(begin: NewEpoch): Promise<BegunEpoch> {
  const { epoch, sources: given = [] } = begin;
  // No publisher could begin it, and all others would be closed.
  const problems = [epochProblem(epoch), ...given.map(sourceProblem)].filter((one) => one !== undefined);
  if (problems.length > 0) throw new InvalidSettings(problems);
  const found = await streamsOf(begin);
  const sources = new Set([...given, ...found.keys()]);
  const rows = new Map(
    await Promise.all([...sources].map(async (source) => [source, await epochRowOf(begin, source)] as const)),
  );
  for (const [source, row] of rows) {
    const isUsed = found.get(source)?.has(epoch) === true && row?.current !== epoch;
    if (isUsed || row?.ended.includes(epoch) === true) throw new EpochBegun(epoch, source);
  }
  const begun: BegunSource[] = [];
  for (const [source, row] of rows) {
    const epochs = found.get(source) ?? new Map<string, Map<string, Newest>>();
    const ended = [
      ...new Set([...(row === undefined ? [] : [...row.ended, row.current]), ...epochs.keys()]),
    ].filter((one) => one !== epoch);
    if (begin.dryRun !== true)
      await begin.client.send(
        new PutItemCommand({ TableName: begin.outbox, Item: epochItem(source, { current: epoch, ended }) }),
      );
    const streams = ended.flatMap((one) => [...(epochs.get(one) ?? [])]);
    const open = streams.filter(([, { fenced }]) => !fenced);
    if (begin.dryRun !== true) await fenceAll(begin, open);
    begun.push({ source, ended, streams: streams.length, fenced: open.length });
  }
  return { epoch, sources: begun };
}

interface Newest {
  version: bigint;
  fenced: boolean;
}

/** Streams with their newest rows, by source and epoch. */
async function streamsOf({
  client,
  outbox,
}: NewEpoch): Promise<Map<string, Map<string, Map<string, Newest>>>> {
  const found = new Map<string, Map<string, Map<string, Newest>>>();
  const pages = paginateScan(
    { client },
    {
      TableName: outbox,
      ConsistentRead: true,
      ProjectionExpression: '#stream, #version, #fence',
      ExpressionAttributeNames: { '#stream': 'stream', '#version': 'version', '#fence': 'fence' },
    },
  );
  for await (const { Items = [] } of pages)
    for (const { stream: { S: stream = '[]' } = {}, version, fence } of Items) {
      const name = streamName(stream);
      if (name === undefined) continue;
      const epochs = found.get(name.source) ?? new Map<string, Map<string, Newest>>();
      found.set(name.source, epochs);
      const streams = epochs.get(name.epoch) ?? new Map<string, Newest>();
      epochs.set(name.epoch, streams);
      const own = BigInt(version?.S ?? 0);
      const newest = streams.get(stream) ?? { version: own, fenced: false };
      if (own > newest.version) newest.version = own;
      newest.fenced ||= fence !== undefined;
      streams.set(stream, newest);
    }
  return found;
}

async function epochRowOf({ client, outbox }: NewEpoch, source: string) {
  const { key } = epochAddress(outbox, source);
  const { Item } = await client.send(
    new GetItemCommand({ TableName: outbox, Key: key, ConsistentRead: true }),
  );
  return readEpochRow(Item);
}

async function fenceAll(begin: NewEpoch, streams: readonly (readonly [string, Newest])[]): Promise<void> {
  for (let at = 0; at < streams.length; at += atOnce)
    await Promise.all(
      streams.slice(at, at + atOnce).map(([stream, { version }]) => fence(begin, stream, version)),
    );
}

/** Puts the fence behind the newest row, wherever that has got to. */
async function fence({ client, outbox, epoch }: NewEpoch, stream: string, newest: bigint): Promise<void> {
  let version = newest;
  for (let tries = 0; tries < maxTries; tries += 1) {
    const condition = versionFree();
    try {
      await client.send(
        new PutItemCommand({
          TableName: outbox,
          Item: fenceItem(stream, version + 1n, epoch, Date.now()),
          ExpressionAttributeNames: { ...condition.names },
          ...conditional(condition),
        }),
      );
      return;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
    const query = { TableName: outbox, ConsistentRead: true, ...newestQuery(stream) };
    const [row] = (await client.send(new QueryCommand(query))).Items ?? [];
    if (row?.fence !== undefined) return;
    version = BigInt(row?.version?.S ?? 0);
  }
  throw new NotQuiet(outbox, stream);
}

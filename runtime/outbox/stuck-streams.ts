import { randomUUID } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { DependencyFailed } from '../dedup/errors.js';
import { batchGet } from '../dynamodb/batch-get.js';
import { conditional, streamQuery, stuckUnchanged } from '../dynamodb/conditions.js';
import { send } from '../dynamodb/send.js';
import type { OutboxAccess } from './outbox-access.js';
import {
  everyOther,
  nextFor,
  readStuckItem,
  shardStream,
  stuckItem,
  stuckKey,
  stuckShards,
  type StuckStream,
} from './stuck-stream.js';

export { everyOther, nextFor, type StuckStream } from './stuck-stream.js';

type Item = Record<string, AttributeValue>;

/** How often a write is tried again after somebody else wrote. */
const tries = 10;

/**
 * The list of stuck streams, page by page, so that memory stays flat however long it is.
 *
 * @param from where to begin: a shard of the list and a place in it; what is before it comes last. @default - at its
 *   beginning
 * @param unreadable told of each entry that cannot be read, which is left out. @default - it throws
 * @throws NewerRow when a newer version of this library wrote an entry, and nobody is told
 */
export async function* stuckStreams(
  access: OutboxAccess,
  from: { readonly shard: number; readonly place: string } = { shard: 0, place: '' },
  unreadable?: (one: UnreadableEntry) => void,
): AsyncGenerator<StuckStream[]> {
  const count = stuckShards.length;
  // The first shard comes twice: from the place on, and up to it.
  for (let i = 0; i <= count; i += 1) {
    if (i === count && from.place === '') return;
    const shard = stuckShards[(from.shard + i) % count] ?? '';
    const begin = i === 0 && from.place !== '' ? from.place : undefined;
    const end = i === count ? from.place : undefined;
    for await (const items of shardPages(access, shard, begin)) {
      const wanted = end === undefined ? items : items.filter(({ version }) => (version?.S ?? '') < end);
      if (wanted.length > 0) yield readable(wanted, unreadable);
      if (wanted.length < items.length) break;
    }
  }
}

/** How many streams are listed, and when the oldest event that waits in one was committed: epoch milliseconds. */
export async function countStuck(
  access: OutboxAccess,
): Promise<{ readonly count: number; readonly oldest?: number }> {
  let count = 0;
  let oldest: number | undefined;
  await Promise.all(
    stuckShards.map(async (shard) => {
      for await (const items of shardPages(access, shard, undefined)) {
        count += items.length;
        for (const { at } of items) oldest = Math.min(oldest ?? Infinity, Number(at?.N ?? 0));
      }
    }),
  );
  return { count, oldest };
}

async function* shardPages(
  { client, table, limits }: OutboxAccess,
  shard: string,
  begin: string | undefined,
): AsyncGenerator<Item[]> {
  let ExclusiveStartKey: Item | undefined;
  do {
    const command = new QueryCommand({
      TableName: table,
      ...streamQuery(shardStream(shard), begin),
      ExclusiveStartKey,
      ConsistentRead: true,
    });
    const { Items = [], LastEvaluatedKey } = await send(client, command, limits, 'read');
    yield Items;
    ExclusiveStartKey = LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
}

/** The entry of a stream, consistently. @returns undefined when it is not listed */
export async function readStuck(
  { client, table, limits }: OutboxAccess,
  stream: string,
): Promise<StuckStream | undefined> {
  const command = new GetItemCommand({ TableName: table, Key: stuckKey(stream), ConsistentRead: true });
  const { Item } = await send(client, command, limits, 'read');
  return Item && readStuckItem(Item);
}

/**
 * Those of the streams that are listed, consistently.
 *
 * @param unreadable told of each entry that cannot be read, which is left out
 */
export async function readAllStuck(
  { client, table, limits }: OutboxAccess,
  streams: readonly string[],
  unreadable: (one: UnreadableEntry) => void,
): Promise<Map<string, StuckStream>> {
  const places = new Map(streams.map((stream) => [stuckKey(stream), stream]));
  const items = await batchGet(client, table, [...places.keys()], limits, true);
  const named = new Map([...places].map(([{ version }, stream]) => [version?.S, stream]));
  const entries = readable(items, ({ place, error }) => {
    // Only the key is known for sure of what a newer version wrote.
    unreadable({ stream: named.get(place) ?? '', place, error });
  });
  return new Map(entries.map((entry) => [entry.stream, entry]));
}

/** An entry that a newer version of this library wrote. Its stream is left alone, and no other one is. */
export interface UnreadableEntry {
  readonly stream: string;
  /** Sort key of the entry. */
  readonly place: string;
  readonly error: unknown;
}

function readable(items: readonly Item[], unreadable?: (one: UnreadableEntry) => void): StuckStream[] {
  return items.flatMap((item) => {
    try {
      return [readStuckItem(item)];
    } catch (error) {
      if (unreadable === undefined) throw error;
      unreadable({ stream: item.of?.S ?? '', place: item.version?.S ?? '', error });
      return [];
    }
  });
}

/** What an entry becomes; undefined: it is taken off the list. */
export type StuckChange = (entry: StuckStream | undefined) => Omit<StuckStream, 'token'> | undefined;

/**
 * Changes the entry of a stream, lists it, or takes it off the list. What others write meanwhile is never
 * overwritten: the change is made anew of what they wrote.
 *
 * @param change called once or several times, with the entry as it is; the same object: nothing is written
 * @param seen the entry as it was read, or `undefined` when it was seen not to be there. @default - it is read
 * @returns the entry as it is now
 * @throws DependencyFailed when it is not known to be written
 */
export async function changeStuck(
  access: OutboxAccess,
  stream: string,
  change: StuckChange,
  seen?: { readonly entry: StuckStream | undefined },
): Promise<StuckStream | undefined> {
  let entry = seen === undefined ? await readStuck(access, stream) : seen.entry;
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const changed = change(entry);
    if (changed === entry) return entry;
    const wanted = changed && { ...changed, token: randomUUID() };
    const met = await written(access, stream, entry, wanted);
    if (met === undefined) return wanted;
    entry = met.entry;
  }
  throw new DependencyFailed(`${tries} others wrote the list of stuck streams in turn`);
}

/** @returns the entry that was met in place of the one that was seen; undefined: it is written */
async function written(
  { client, table, limits }: OutboxAccess,
  stream: string,
  seen: StuckStream | undefined,
  wanted: StuckStream | undefined,
): Promise<{ readonly entry: StuckStream | undefined } | undefined> {
  const condition = stuckUnchanged(seen?.token);
  const common = {
    TableName: table,
    ...conditional(condition),
    ExpressionAttributeNames: condition.names,
    ...(condition.values && { ExpressionAttributeValues: condition.values }),
  };
  try {
    if (wanted !== undefined)
      await send(client, new PutItemCommand({ ...common, Item: stuckItem(wanted) }), limits, 'write');
    else if (seen !== undefined)
      await send(client, new DeleteItemCommand({ ...common, Key: stuckKey(stream) }), limits, 'write');
    return undefined;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return { entry: error.Item && readStuckItem(error.Item) };
  }
}

/** A stream to be listed. */
export interface ToList {
  readonly stream: string;
  /** Commit of its oldest event that waits, epoch milliseconds. */
  readonly at: number;
  readonly next: ReadonlyMap<string, bigint>;
  /** Where targets stand that `next` does not name, if the stream is not listed. @default - at the beginning */
  readonly others?: bigint;
  readonly reason: string;
  readonly salt?: string;
  /** @default - at once */
  readonly due?: number;
}

/**
 * Lists a stream. One that is listed is only ever lowered: each target keeps the lower one of both positions, so that
 * nothing is passed over that anybody knew to be unsent.
 */
export function listStuck(
  access: OutboxAccess,
  { stream, at, next, others, reason, salt, due = Date.now() }: ToList,
  seen?: { readonly entry: StuckStream | undefined },
): Promise<StuckStream | undefined> {
  const lowered: StuckChange = (entry) => {
    if (entry === undefined) {
      const all = new Map([...(others === undefined ? [] : [[everyOther, others] as const]), ...next]);
      return { stream, at, since: Date.now(), due, tries: 0, next: all, reason, salt };
    }
    const names = new Set([...entry.next.keys(), ...next.keys()]);
    const lower = (name: string): [string, bigint] => {
      const theirs = nextFor(entry, name);
      const ours = next.get(name) ?? next.get(everyOther) ?? theirs;
      return [name, ours < theirs ? ours : theirs];
    };
    return {
      ...entry,
      at: Math.min(entry.at, at),
      due: Math.min(entry.due, due),
      next: new Map([...names].map(lower)),
      reason,
      salt: salt ?? entry.salt,
    };
  };
  return changeStuck(access, stream, lowered, seen);
}

/** Takes a stream off the list. Its unsent events are found again by the next full scan. */
export async function removeStuck(access: OutboxAccess, stream: string): Promise<void> {
  await changeStuck(access, stream, () => undefined);
}

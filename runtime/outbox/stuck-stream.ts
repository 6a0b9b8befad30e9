import { createHash } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { NewerRow } from '../dedup/errors.js';
import { keyHash } from '../dedup/key-hash.js';
import { controlStream } from './row.js';

type Item = Record<string, AttributeValue>;

/** A stream of an outbox that does not go on by itself, as the list of stuck streams has it. */
export interface StuckStream {
  readonly stream: string;
  /** Commit of its oldest event that waits, epoch milliseconds. */
  readonly at: number;
  /** Since when it is listed, epoch milliseconds. */
  readonly since: number;
  /** When the sweep tries it next, epoch milliseconds. */
  readonly due: number;
  /** How often the sweep has tried in vain. */
  readonly tries: number;
  /**
   * The version that each target is to be sent next, by the target's name; `*` is every target that is not named.
   * Below it the target has accepted everything that it wants.
   */
  readonly next: ReadonlyMap<string, bigint>;
  /** Why, without payload. At most 500 characters. */
  readonly reason: string;
  /** Somebody asked to have it sent again: goes into the deduplication ids of FIFO queues (R37). */
  readonly salt?: string;
  /** Changes with every write: what was read is written back only if nobody else wrote. */
  readonly token: string;
}

/** Every target that is not named. */
export const everyOther = '*';

/** Shards of the list. */
export const stuckShards: readonly string[] = Array.from({ length: 16 }, (_, shard) =>
  String(shard).padStart(2, '0'),
);

export const stuckEntryVersion = 1;
const reasonCharacters = 500;

export function nextFor({ next }: Pick<StuckStream, 'next'>, target: string): bigint {
  return next.get(target) ?? next.get(everyOther) ?? 1n;
}

export function shardStream(shard: string): string {
  return controlStream('stuck', shard);
}

export function stuckKey(stream: string): Item {
  const hash = createHash('sha256').update(stream).digest();
  const shard = stuckShards[(hash[0] ?? 0) % stuckShards.length] ?? '';
  return { stream: { S: shardStream(shard) }, version: { S: hash.toString('hex') } };
}

export function stuckItem(entry: StuckStream): Item {
  const { stream, at, since, due, tries, next, reason, salt, token } = entry;
  const positions = [...next].map(([name, version]) => [name, { S: String(version) }] as const);
  return {
    ...stuckKey(stream),
    of: { S: stream },
    at: { N: String(at) },
    since: { N: String(since) },
    due: { N: String(due) },
    tries: { N: String(tries) },
    next: { M: Object.fromEntries(positions) },
    reason: { S: reason.slice(0, reasonCharacters).toWellFormed() },
    ...(salt === undefined ? {} : { salt: { S: salt } }),
    token: { S: token },
    v: { N: String(stuckEntryVersion) },
  };
}

/** @throws NewerRow when a newer version of this library wrote it */
export function readStuckItem(item: Readonly<Item>): StuckStream {
  const { of: stream, at, since, due, tries, next, reason, salt, token, v } = item;
  if (Number(v?.N ?? 0) > stuckEntryVersion)
    throw new NewerRow(keyHash(stream?.S ?? ''), v?.N ?? '', stuckEntryVersion);
  return {
    stream: stream?.S ?? '',
    at: Number(at?.N ?? 0),
    since: Number(since?.N ?? 0),
    due: Number(due?.N ?? 0),
    tries: Number(tries?.N ?? 0),
    next: new Map(Object.entries(next?.M ?? {}).map(([name, { S = '1' }]) => [name, BigInt(S)])),
    reason: reason?.S ?? '',
    salt: salt?.S,
    token: token?.S ?? '',
  };
}

import { createHash } from 'node:crypto';
import { InvalidSettings } from '../../dedup/errors.js';

/** Schema of the outbox's tables, unless another one is given. */
export const defaultSchema = 'exactly_once';

/** How many lanes there are: streams are dealt to them by hash, and relays share them. Part of stored rows. */
export const laneCount = 64;

/** Second key of the advisory lock of a stuck stream, in SQL: never that of a lane. @param stream an SQL bigint */
export function stuckLock(stream: string): string {
  return `hashint8(${stream}) | ${1 << 30}`;
}

/** The outbox's tables, with their schema, for SQL. */
export interface OutboxNames {
  readonly schema: string;
  readonly events: string;
  readonly streams: string;
  readonly unsent: string;
  readonly stuck: string;
  readonly positions: string;
  readonly control: string;
  readonly publication: string;
  /** First key of the advisory locks of lanes; the second one is the lane, or `stuckLock`. */
  readonly laneLock: number;
  /** Keys of the lock under which an epoch begins: publishers share it. */
  readonly epochLock: number;
  /** Channel of LISTEN and NOTIFY. */
  readonly channel: string;
}

/** @throws InvalidSettings when the schema's name would have to be quoted */
export function outboxNames(schema: string = defaultSchema): OutboxNames {
  if (!/^[a-z_][a-z0-9_]{0,39}$/.test(schema))
    throw new InvalidSettings([
      `schema of the outbox must be 1 to 40 lower-case letters, digits and '_', got '${schema}'`,
    ]);
  return {
    schema,
    events: `${schema}.outbox`,
    streams: `${schema}.outbox_streams`,
    unsent: `${schema}.outbox_unsent`,
    stuck: `${schema}.outbox_stuck`,
    positions: `${schema}.outbox_positions`,
    control: `${schema}.outbox_control`,
    publication: `${schema}_outbox`,
    laneLock: lockKey(`${schema} lanes`),
    epochLock: lockKey(`${schema} epoch`),
    channel: `${schema}_outbox`,
  };
}

/** Outboxes of two schemas of one database do not take each other's locks, but by chance, which only delays. */
function lockKey(name: string): number {
  return createHash('sha256').update(`exactly-once-aws ${name}`).digest().readInt32BE(0);
}

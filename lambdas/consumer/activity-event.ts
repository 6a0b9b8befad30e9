import { randomInt } from 'node:crypto';
import * as z from 'zod/mini';

/** Something that a customer did. */
export const ActivityEvent = z.object({
  eventId: z.string().check(z.minLength(1), z.maxLength(255)),
  customer: z.string().check(z.regex(/^[A-Za-z0-9_.-]{1,64}$/)),
  kind: z.enum(['view', 'search', 'buy']),
  /** ISO 8601 date-time, with an offset or Z. */
  at: z.iso.datetime({ offset: true }),
});
export type ActivityEvent = z.infer<typeof ActivityEvent>;

/** Rows that the events of one kind and hour are spread over: one row takes at most 1,000 write units a second. */
export const counterShards = 16;

/**
 * This instance's shard. By instance and not by event: all events of a batch then meet on one row per kind and hour,
 * where their increments are summed, and two instances hardly ever meet on one, where their transactions would
 * conflict. A copy that another instance handles may go to another row, because whichever commits first is the only
 * one that does.
 */
const ownShard = randomInt(counterShards);

/**
 * The row that counts an event: its kind, its hour (UTC) and a shard. The count of an hour is the sum over all its
 * shards.
 */
export function counterOf({ kind, at }: ActivityEvent): string {
  const hour = new Date(at).toISOString().slice(0, 'YYYY-MM-DDTHH'.length);
  return `${kind}#${hour}#${ownShard}`;
}

import type { OutboxNames } from './names.js';
import { using, type RelayPool } from './port.js';
import { eventColumns, storedEvent, type StoredRow } from './stored-event.js';

const page = 1_000;

/**
 * The events of the last days, those of each stream in the order of their versions, a page at a time. What is
 * committed while it reads comes by the slot, which is there before.
 *
 * An event is stamped before its transaction has the count of its stream, for which it may wait: so it can be older
 * than the version before it. Such a one is of the last days if an earlier version is.
 */
export async function* lastDays(
  pool: RelayPool,
  { events }: OutboxNames,
  days: number,
): AsyncGenerator<StoredRow[]> {
  let last = { stream: '0', version: '0' };
  for (;;) {
    const { rows } = await using(pool, async (connection) =>
      connection.query(
        `SELECT ${eventColumns('o')} FROM ${events} o
         WHERE (o.stream, o.version) > ($1::bigint, $2::bigint) AND (o.created >= now() - $3 * interval '1 day'
           OR o.created >= now() - ($3 + 1) * interval '1 day' AND EXISTS (
             SELECT FROM ${events} e WHERE e.stream = o.stream AND e.version < o.version
               AND e.created >= now() - $3 * interval '1 day'))
         ORDER BY o.stream, o.version LIMIT ${page}`,
        [last.stream, last.version, days],
      ),
    );
    if (rows.length > 0) yield rows.map(storedEvent);
    const end = rows.at(-1);
    if (end === undefined || rows.length < page) return;
    last = { stream: String(end['stream']), version: String(end['version']) };
  }
}

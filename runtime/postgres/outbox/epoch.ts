import { sleep } from '../../dedup/sleep.js';
import { beginOwn } from '../begin.js';
import { outboxNames } from './names.js';
import { using, type RelayPool } from './port.js';

/**
 * Begins a new epoch of the outbox: after a restore from a backup, before publishers come back (R37). Counts begin
 * anew, and no transaction that commits later bears an epoch before this one. Waits for transactions that have
 * published and not ended, without keeping others waiting behind it. Epochs are seconds since 1970: one that the
 * backup does not know of is not given again.
 *
 * @returns the epoch that has begun
 */
export async function beginPostgresEpoch(pool: RelayPool, schema?: string): Promise<string> {
  const names = outboxNames(schema);
  return using(pool, async (connection) => {
    for (;;) {
      await connection.query(beginOwn);
      const { rows } = await connection.query('SELECT pg_try_advisory_xact_lock($1, 0) AS got', [
        names.epochLock,
      ]);
      if (rows[0]?.['got'] === true) break;
      await connection.query('ROLLBACK');
      await sleep(50);
    }
    const { rows } = await connection.query(
      `SELECT setval('${names.schema}.outbox_epoch',
         greatest(last_value + 1, extract(epoch FROM clock_timestamp())::bigint))::text AS epoch
       FROM ${names.schema}.outbox_epoch`,
    );
    await connection.query('COMMIT');
    return String(rows[0]?.['epoch']);
  });
}

import type { OutboxNames } from './names.js';
import type { RelayConnection } from './port.js';

/**
 * Days for which partitions are made ahead: what is later goes into the default partition, and is kept all the same.
 */
const daysAhead = 7;

export interface KeptPartitions {
  readonly made: number;
  readonly pruned: number;
}

/** Makes the partitions of the next days, and drops those that are older than the retention and confirmed as sent. */
export async function keepPartitions(
  connection: RelayConnection,
  { schema }: OutboxNames,
  retentionDays: number,
): Promise<KeptPartitions> {
  const made = await connection.query(`SELECT ${schema}.outbox_make_partitions($1) AS count`, [daysAhead]);
  const pruned = await connection.query(`SELECT ${schema}.outbox_prune($1 * interval '1 day') AS count`, [
    retentionDays,
  ]);
  return { made: Number(made.rows[0]?.['count']), pruned: Number(pruned.rows[0]?.['count']) };
}

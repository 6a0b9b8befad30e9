import { laneCount, outboxNames } from './names.js';
import type { SqlPort } from './port.js';

/** How the outbox stands. */
export interface OutboxGauges {
  /** Age of the oldest event that polling has to send, or that a stuck stream waits with, in seconds; 0: none. */
  readonly oldestUnsentSeconds: number;
  readonly stuckStreams: number;
}

export async function outboxGauges(port: SqlPort, schema?: string): Promise<OutboxGauges> {
  const { unsent, stuck } = outboxNames(schema);
  const { rows } = await port.executeSql(
    `SELECT coalesce(extract(epoch FROM clock_timestamp() - least(
         (SELECT min(first.created) FROM generate_series(0, ${laneCount - 1}) AS lane
          CROSS JOIN LATERAL (SELECT created FROM ${unsent} u WHERE u.lane = lane.lane ORDER BY position LIMIT 1) AS first),
         (SELECT min(oldest) FROM ${stuck}))), 0)::float8 AS oldest,
       (SELECT count(DISTINCT stream) FROM ${stuck})::int AS stuck`,
    [],
  );
  return {
    oldestUnsentSeconds: Math.max(0, Number(rows[0]?.['oldest'])),
    stuckStreams: Number(rows[0]?.['stuck']),
  };
}

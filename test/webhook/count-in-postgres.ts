import type { PostgresTx } from '../../runtime/postgres/index.js';
import type { ReceivedEvent } from '../../runtime/webhook/index.js';
import { nameOf } from './counting.js';

export const countsTable = 'CREATE TABLE counts (name text PRIMARY KEY, acts integer NOT NULL)';

/** As `count` does on DynamoDB. */
export async function countInPostgres(event: ReceivedEvent, tx: PostgresTx): Promise<void> {
  await tx.query(
    'INSERT INTO counts AS c VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET acts = c.acts + 1',
    [nameOf(event)],
  );
}

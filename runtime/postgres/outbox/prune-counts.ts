import type { Limits } from '../../dedup/limits.js';
import type { PostgresPool } from '../client.js';
import { ask } from '../entry.js';
import { outboxNames } from './names.js';

const { schema, streams, events, stuck } = outboxNames();

/**
 * Sources and epochs that have counts, by jumping from one to the next in the key: there are few of them, and many
 * aggregates. For `WITH RECURSIVE`.
 */
const parts = `parts AS (
  (SELECT source, epoch FROM ${streams} ORDER BY source, epoch LIMIT 1)
  UNION ALL
  SELECT next.source, next.epoch FROM parts CROSS JOIN LATERAL (
    SELECT source, epoch FROM ${streams} s WHERE (s.source, s.epoch) > (parts.source, parts.epoch)
    ORDER BY source, epoch LIMIT 1) AS next)`;

/** Nothing of the stream is kept, or to be sent: who lists what is stuck finds the names of a stream in its count. */
const isIdle = (stream: string) =>
  `NOT EXISTS (SELECT FROM ${events} e WHERE e.stream = ${stream}) AND NOT EXISTS (SELECT FROM ${stuck} t WHERE t.stream = ${stream})`;

/**
 * Deletes the counts of jobs that `gone` (consumer, job_id) has just deleted, unless an event of theirs is kept. For
 * `WITH RECURSIVE`.
 *
 * That a job's count begins anew is safe as it is for no other: its events have a stream of its own (`jobEventType`),
 * which only its queue is sent, and whose consumer goes by the job's id. It goes with the job, which is remembered
 * for as long as a message of it can come.
 */
export const countsOfJobs = `${parts}, idle AS (
  SELECT count.ctid FROM gone CROSS JOIN parts CROSS JOIN LATERAL (
    SELECT s.ctid, s.stream FROM ${streams} s WHERE s.source = parts.source AND s.epoch = parts.epoch
      AND s.aggregatetype = ('job.' || gone.consumer) COLLATE "default" AND s.aggregateid = gone.job_id COLLATE "default"
    LIMIT 1 FOR UPDATE SKIP LOCKED) AS count
  WHERE ${isIdle('count.stream')}),
counts AS (DELETE FROM ${streams} WHERE ctid = ANY(ARRAY(SELECT ctid FROM idle)))`;

/**
 * One page of the counts of a source and epoch. Values: source, epoch, kind and aggregate before the first one, most.
 */
const page = (dryRun: boolean) => `WITH page AS (
  SELECT stream, aggregatetype, aggregateid FROM ${streams}
  WHERE source = $1 AND epoch = $2 AND (aggregatetype, aggregateid) > ($3, $4) ORDER BY aggregatetype, aggregateid LIMIT $5),
idle AS (SELECT aggregatetype, aggregateid FROM page WHERE ${isIdle('page.stream')})${
  dryRun
    ? ''
    : `,
counts AS (DELETE FROM ${streams} s USING idle WHERE s.source = $1 AND s.epoch = $2
  AND s.aggregatetype = idle.aggregatetype AND s.aggregateid = idle.aggregateid)`
}
SELECT (SELECT count(*)::int FROM idle) AS idle, (SELECT count(*)::int FROM page) AS seen, aggregatetype, aggregateid
FROM page ORDER BY aggregatetype DESC, aggregateid DESC LIMIT 1`;

/**
 * Deletes the counts of epochs that are over, of streams of which no event is kept: no commit bears such an epoch any
 * more (R37), so none of them is ever counted on.
 *
 * The counts of the epoch that is stay for ever (R30): a stream whose count is gone would begin anew at 1, and its
 * consumers would take every event for one that they have had.
 *
 * @param tell is told how many are gone, or would be, page by page
 * @throws DependencyFailed when no time is left, too
 */
export async function pruneCounts(
  pool: PostgresPool,
  limits: Limits,
  { batch, dryRun }: { readonly batch: number; readonly dryRun: boolean },
  tell: (counts: number) => void,
): Promise<void> {
  // In a statement of its own: what is asked afterwards sees every commit that bears an epoch before this one.
  const { rows: now } = await ask(
    pool,
    limits,
    `SELECT last_value::text AS epoch FROM ${schema}.outbox_epoch`,
  );
  const { rows: over } = await ask(
    pool,
    limits,
    `WITH RECURSIVE ${parts} SELECT source, epoch FROM parts WHERE epoch::bigint < $1::bigint`,
    [now[0]?.epoch],
  );
  for (const { source, epoch } of over)
    for (let after: readonly unknown[] = ['', '']; ;) {
      const [row] = (await ask(pool, limits, page(dryRun), [source, epoch, ...after, batch])).rows;
      tell(Number(row?.idle ?? 0));
      if (row === undefined || Number(row.seen) < batch) break;
      after = [row.aggregatetype, row.aggregateid];
    }
}

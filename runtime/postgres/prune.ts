import type { Limits } from '../dedup/limits.js';
import { Meter } from '../dedup/meter.js';
import type { PostgresPool } from './client.js';
import { ask } from './entry.js';
import { DependencyFailed } from '../dedup/errors.js';
import { receiptParts } from './migrations/receipts.js';
import { countsOfJobs, pruneCounts } from './outbox/prune-counts.js';
import { isOver } from './patience.js';

export interface PruneOptions {
  readonly pool: PostgresPool;
  /** How long it may take, in seconds. What is left is left to the next run. @default 60 */
  readonly timeoutSeconds?: number;
  /** Rows that one statement deletes: it holds their locks, and its work is lost when it is cut off. @default 5000 */
  readonly batch?: number;
  /** Nothing is deleted; what would be is counted. @default false */
  readonly dryRun?: boolean;
}

/** What expires: in which tables it lies, and what else must hold of a row that goes. */
const kinds = {
  // Before receipts: of a job whose worker died after its commit, the receipt alone knows that it is done.
  jobs: { tables: ['jobs'], where: 'true' },
  receipts: { tables: receiptParts, where: 'true' },
  histories: { tables: ['histories'], where: 'true' },
  holes: { tables: ['holes'], where: 'true' },
  // An effect that waits for a person waits for as long as it takes.
  leases: { tables: ['leases'], where: 'attention IS NULL' },
} as const;

/** Rows that are gone. `counts`: of streams of the outbox whose epoch is over. */
export type Pruned = Readonly<Record<keyof typeof kinds | 'counts', number>>;

/**
 * Deletes what has expired, in small batches, and counts of the outbox in the schema `exactly_once` that nobody
 * goes on from: those of past epochs, and those of jobs that are forgotten. Run it every hour or so; several at
 * once do no harm. A receipt suppresses for as long as it is there (R7), so one that is pruned late costs space and
 * nothing else.
 *
 * @returns what is gone, of what was answered: a batch that was under way at the end of the time is not counted.
 * @throws DependencyFailed when the database does not answer: not once, or before the time is over. What was deleted
 *   is deleted. Of a dry run also when the time does not do for all counts.
 */
export async function prune({
  pool,
  timeoutSeconds = 60,
  batch = 5_000,
  dryRun = false,
}: PruneOptions): Promise<Pruned> {
  const limits = { deadline: Date.now() + timeoutSeconds * 1000, meter: new Meter() };
  const pruned = { jobs: 0, receipts: 0, histories: 0, holes: 0, leases: 0, counts: 0 };
  const heard = { any: false };
  const tell = (kind: keyof Pruned) => (rows: number) => {
    heard.any = true;
    pruned[kind] += rows;
  };
  try {
    for (const [kind, { tables, where }] of Object.entries(kinds))
      for (const table of tables)
        await pruneTable({ pool, table, where, batch, dryRun, limits }, tell(kind as keyof Pruned));
    await pruneCounts(pool, limits, { batch, dryRun }, tell('counts'));
  } catch (error) {
    if (dryRun || !heard.any || !isOver(limits) || !(error instanceof DependencyFailed)) throw error;
  }
  return pruned;
}

async function pruneTable(
  of: {
    readonly pool: PostgresPool;
    readonly table: string;
    readonly where: string;
    readonly batch: number;
    readonly dryRun: boolean;
    readonly limits: Limits;
  },
  tell: (rows: number) => void,
): Promise<void> {
  const { pool, table, where, batch, dryRun, limits } = of;
  const over = `FROM exactly_once.${table} WHERE expires_at < now() AND ${where}`;
  if (dryRun) {
    tell(Number((await ask(pool, limits, `SELECT count(*) AS n ${over}`)).rows[0]?.n));
    return;
  }
  // By where the rows lie, and what is locked is passed over: no index is walked twice, and nobody waits.
  const deletion = `DELETE FROM exactly_once.${table} WHERE ctid = ANY(ARRAY(SELECT ctid ${over} LIMIT $1 FOR UPDATE SKIP LOCKED))`;
  const text =
    table === 'jobs'
      ? `WITH RECURSIVE gone AS (${deletion} RETURNING consumer, job_id), ${countsOfJobs} SELECT FROM gone`
      : deletion;
  for (let rows = batch; rows >= batch;) {
    rows = (await ask(pool, limits, text, [batch])).rowCount ?? 0;
    tell(rows);
  }
}

import { beginOwn } from '../begin.js';
import { laneCount, outboxNames, stuckLock } from './names.js';
import { using, type RelayPool } from './port.js';
import { epochMs } from './stored-event.js';
import { everyTarget } from './stuck.js';

/** A stream that does not go on by itself at a target, as a person is shown it. */
export interface StuckPostgresStream {
  /** Decimal digits: what `skipPostgresEvent` and `resendPostgresEvents` take. */
  readonly stream: string;
  readonly source: string;
  readonly epoch: string;
  readonly kind: string;
  readonly aggregate: string;
  readonly target: string;
  /** The version that it is to be sent next. */
  readonly version: string;
  /** ISO 8601. */
  readonly since: string;
  readonly attempts: number;
  /** Name of the last error; absent where it is only sent again. */
  readonly error?: string;
}

/**
 * The streams that are listed as stuck, or are sent again, oldest first.
 *
 * @param most how many, at most
 */
export async function listStuckPostgres(
  pool: RelayPool,
  schema?: string,
  most = 1_000,
): Promise<readonly StuckPostgresStream[]> {
  const { stuck, streams } = outboxNames(schema);
  const { rows } = await using(pool, async (connection) =>
    connection.query(
      `SELECT s.stream::text AS stream, n.source, n.epoch, n.aggregatetype AS kind, n.aggregateid AS aggregate, s.target,
         s.next::text AS version, ${epochMs('s.since')} AS since, s.attempts, s.error
       FROM ${stuck} s JOIN ${streams} n ON n.stream = s.stream ORDER BY s.since, s.stream, s.target LIMIT $1`,
      [most],
    ),
  );
  return rows.map(({ since, attempts, error, ...row }) => ({
    ...(row as Omit<StuckPostgresStream, 'since' | 'attempts' | 'error'>),
    since: new Date(Number(since)).toISOString(),
    attempts: Number(attempts),
    ...(typeof error === 'string' && { error }),
  }));
}

export interface ResendPostgres {
  /** What was published since then. @default - everything that is kept */
  readonly since?: Date;
  /** Only this stream. @default - all */
  readonly stream?: string;
  /** Tell what would be sent, and change nothing. @default false */
  readonly dryRun?: boolean;
  readonly schema?: string;
}

/** How much is sent again. */
export interface Resent {
  readonly streams: number;
  readonly events: number;
}

/**
 * Has the relays send events again that the outbox still has: to every target, each stream in the order of its
 * versions, from the first one that was published since then. The streams are listed as stuck until that is done, and
 * what is published meanwhile waits behind it. Consumers know what has acted, for as long as their receipts live.
 */
export async function resendPostgresEvents(
  pool: RelayPool,
  { since, stream, dryRun = false, schema }: ResendPostgres = {},
): Promise<Resent> {
  const { events, stuck, laneLock } = outboxNames(schema);
  return using(pool, async (connection) => {
    await connection.query(beginOwn);
    const { rows } = await connection.query(
      `SELECT stream::text AS stream, min(version)::text AS first, max(version)::text AS last, count(*)::int AS events
       FROM ${events} WHERE created >= coalesce($1::timestamptz, '-infinity') AND stream = coalesce($2::bigint, stream)
       GROUP BY stream`,
      [since?.toISOString() ?? null, stream ?? null],
    );
    const resent = {
      streams: rows.length,
      events: rows.reduce((sum, row) => sum + Number(row['events']), 0),
    };
    if (!dryRun && rows.length > 0) {
      const given = ['stream', 'first', 'last'].map((column) => rows.map((row) => row[column]));
      // Whoever tries one of them writes down where it stands: after that.
      await connection.query(
        `SELECT pg_advisory_xact_lock($1, lock) FROM
           (SELECT DISTINCT ${stuckLock('s')} AS lock FROM unnest($2::bigint[]) s ORDER BY 1) AS locks`,
        [laneLock, given[0]],
      );
      await connection.query(
        `UPDATE ${stuck} s SET next = least(s.next, g.first), seen = greatest(s.seen, g.last), retry_at = clock_timestamp()
         FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS g (stream, first, last) WHERE s.stream = g.stream`,
        given,
      );
      await connection.query(
        `INSERT INTO ${stuck} (stream, target, lane, next, seen, oldest, retry_at)
         SELECT stream, '${everyTarget}', hashint8(stream) & ${laneCount - 1}, first, last, clock_timestamp(), clock_timestamp()
         FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS g (stream, first, last)
         ON CONFLICT (stream, target) DO NOTHING`,
        given,
      );
    }
    await connection.query('COMMIT');
    return resent;
  });
}

export interface SkipPostgres {
  readonly stream: string;
  /** @default - every target that stands at the earliest event */
  readonly target?: string;
  readonly dryRun?: boolean;
  readonly schema?: string;
}

/** What was passed over. */
export interface SkippedEvent {
  readonly version: string;
  readonly targets: readonly string[];
}

/**
 * Passes over the event at which a stream is stuck, for targets that can never take it. Consumers behind them that go
 * by version wait for it: see `passOverPostgresVersion`.
 *
 * @returns undefined when the stream is not stuck, or not at that target
 */
export async function skipPostgresEvent(
  pool: RelayPool,
  { stream, target, dryRun = false, schema }: SkipPostgres,
): Promise<SkippedEvent | undefined> {
  const { stuck, laneLock } = outboxNames(schema);
  return using(pool, async (connection) => {
    await connection.query(beginOwn);
    await connection.query(`SELECT pg_advisory_xact_lock($1, ${stuckLock('$2::bigint')})`, [
      laneLock,
      stream,
    ]);
    const { rows } = await connection.query(
      `SELECT target, next::text AS version FROM ${stuck} WHERE stream = $1::bigint AND target = coalesce($2, target)
         AND next = (SELECT min(next) FROM ${stuck} WHERE stream = $1::bigint AND target = coalesce($2, target)) ORDER BY 1`,
      [stream, target ?? null],
    );
    const targets = rows.map((row) => String(row['target']));
    if (!dryRun)
      await connection.query(
        `UPDATE ${stuck} SET next = next + 1, seen = greatest(seen, next), attempts = 0, error = NULL, retry_at = clock_timestamp()
         WHERE stream = $1::bigint AND target = ANY($2::text[])`,
        [stream, targets],
      );
    await connection.query('COMMIT');
    return rows[0] === undefined ? undefined : { version: String(rows[0]['version']), targets };
  });
}

import { crashPoint } from '../../dedup/crash-points.js';
import { sleep } from '../../dedup/sleep.js';
import type { Sender } from '../../outbox/deliver.js';
import { begin } from './claim.js';
import { laneCount, type OutboxNames } from './names.js';
import { using, type RelayConnection, type RelayPool } from './port.js';
import { RoundClock } from './round-clock.js';
import { sendFresh, type FailedSend } from './send-fresh.js';
import type { StoredRow } from './stored-event.js';
import { writeStuck } from './stuck.js';
import { byStream, type StreamRows } from './works.js';

export interface SentBatch {
  readonly sent: number;
  readonly listed: number;
  readonly failures: readonly FailedSend[];
}

/** Longest try; then it is told what failed, and tried again. */
const tryMs = 20_000;
const pauseMs = 500;

/**
 * Sends events that the log brought until every target has them, or their stream is listed as stuck: only then the
 * position may go on. As long as no target takes anything, it waits: the log keeps the events.
 *
 * @param mark makes the position durable, in the transaction of the last marks
 * @param isOver whether to give up: nothing is marked then
 * @returns whether everything was sent, and marked
 */
export async function sendRead(
  rows: readonly StoredRow[],
  pool: RelayPool,
  names: OutboxNames,
  sender: Sender,
  {
    mark,
    isOver,
    onTry,
  }: {
    readonly mark: (connection: RelayConnection) => Promise<void>;
    readonly isOver: () => boolean;
    readonly onTry: (batch: SentBatch) => void;
  },
): Promise<boolean> {
  await crashPoint('batch-received');
  let left: StreamRows[] = await using(pool, async (connection) =>
    withoutStuck(connection, names, byStream(rows)),
  );
  for (;;) {
    const {
      sentBelow,
      stuck,
      left: unsent,
      failures,
    } = await sendFresh(left, sender, new RoundClock(Date.now() + tryMs));
    await using(pool, async (connection) => {
      await begin(connection);
      await writeStuck(connection, names, stuck);
      await unlistUnsent(connection, names, left, sentBelow);
      if (unsent.length === 0) await mark(connection);
      await connection.query('COMMIT');
    });
    onTry({ sent: countOf(left, sentBelow), listed: stuck.length, failures });
    await crashPoint('after-mark');
    if (unsent.length === 0) return true;
    left = rest(unsent, sentBelow);
    await sleep(pauseMs);
    if (isOver()) return false;
  }
}

/**
 * Streams that are not listed as stuck. Of the others it is noted what was passed over, before anything is sent: who
 * takes them off the list sends that first.
 */
async function withoutStuck(
  connection: RelayConnection,
  { stuck }: OutboxNames,
  streams: readonly StreamRows[],
): Promise<StreamRows[]> {
  if (streams.length === 0) return [];
  const { rows } = await connection.query(
    `UPDATE ${stuck} s SET seen = greatest(s.seen, read.version)
     FROM unnest($1::bigint[], $2::bigint[]) AS read (stream, version) WHERE s.stream = read.stream
     RETURNING s.stream::text AS stream`,
    [streams.map(({ streamId }) => streamId), streams.map(({ rows }) => String(rows.at(-1)?.row.version))],
  );
  const listed = new Set(rows.map(({ stream }) => String(stream)));
  return streams.filter(({ streamId }) => !listed.has(streamId));
}

/** Where publishers leave events to polling, too, it need not send them again. */
async function unlistUnsent(
  connection: RelayConnection,
  { unsent, control }: OutboxNames,
  streams: readonly StreamRows[],
  sentBelow: ReadonlyMap<string, bigint>,
): Promise<void> {
  if (streams.length === 0) return;
  await connection.query(
    `DELETE FROM ${unsent} u USING unnest($1::bigint[], $2::bigint[]) AS sent (stream, next)
     WHERE (SELECT polled FROM ${control}) AND u.lane = hashint8(sent.stream) & ${laneCount - 1}
       AND u.stream = sent.stream AND u.version < sent.next`,
    [
      streams.map(({ streamId }) => streamId),
      streams.map(({ streamId }) => String(sentBelow.get(streamId) ?? 0n)),
    ],
  );
}

function countOf(streams: readonly StreamRows[], sentBelow: ReadonlyMap<string, bigint>): number {
  let count = 0;
  for (const { streamId, rows } of streams)
    for (const { row } of rows) if (row.version < (sentBelow.get(streamId) ?? 0n)) count += 1;
  return count;
}

function rest(streams: readonly StreamRows[], sentBelow: ReadonlyMap<string, bigint>): StreamRows[] {
  return streams.flatMap(({ streamId, rows }) => {
    const [first, ...others] = rows.filter(({ row }) => row.version >= (sentBelow.get(streamId) ?? 0n));
    return first === undefined ? [] : [{ streamId, rows: [first, ...others] as const }];
  });
}

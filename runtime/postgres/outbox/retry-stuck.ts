import { ExactlyOnceError } from '../../dedup/errors.js';
import { keyHash } from '../../dedup/key-hash.js';
import { deliver, type Progress, type Sender } from '../../outbox/deliver.js';
import type { SendClock } from '../../send/send-lanes.js';
import { begin } from './claim.js';
import { laneCount, type OutboxNames } from './names.js';
import type { RelayConnection } from './port.js';
import { failuresOf, type FailedSend } from './send-fresh.js';
import { eventColumns, storedEvent } from './stored-event.js';
import {
  claimStuck,
  nameTargets,
  removeStuck,
  writeStuck,
  type StuckEntry,
  type StuckProgress,
} from './stuck.js';
import { byStream, lowest, type StreamRows } from './works.js';

/** Of one stream in one go. */
const mostEvents = 100;

export interface StuckRound {
  readonly tried: number;
  readonly sent: number;
  readonly failures: readonly FailedSend[];
}

/** An event that a stuck stream is to be sent next is not in the outbox: it was deleted by hand, or in a restore. */
export class EventMissing extends ExactlyOnceError {
  override name = 'EventMissing';
  override readonly isWithoutData = true;
  constructor(
    readonly streamHash: string,
    readonly version: string,
  ) {
    super(
      `event ${version} of stream ${streamHash} is not in the outbox, and later ones may not go first; ` +
        'put it back, or pass over it by raising `next` of its row in outbox_stuck',
    );
  }
}

/**
 * Tries streams that are listed as stuck: each target from where it stands. One that has caught up everywhere is
 * taken off the list. Streams that somebody else tries are left to him.
 */
export async function retryStuck(
  connection: RelayConnection,
  names: OutboxNames,
  sender: Sender,
  clock: SendClock,
): Promise<StuckRound> {
  await begin(connection);
  const entries = await claimStuck(connection, names);
  if (entries.size === 0) {
    await connection.query('COMMIT');
    return { tried: 0, sent: 0, failures: [] };
  }
  const targets = sender.targets.map(({ name }) => name);
  const stands = new Map([...entries].map(([streamId, list]) => [streamId, standOf(list, targets)]));
  const found = await readFrom(connection, names, stands);
  const reached = await deliver(
    found.filter(isWhole(stands)).map(({ streamId, rows }) => ({
      stream: rows[0].row.stream,
      rows: rows.map(({ row }) => row),
      nextFor: (target) =>
        stands.get(streamId)?.due.has(target) ? stands.get(streamId)?.next.get(target) : undefined,
    })),
    sender,
    clock,
  );
  const failures: FailedSend[] = [];
  const listed: StuckProgress[] = [];
  const done: { readonly streamId: string; readonly next: bigint }[] = [];
  let sent = 0;
  for (const [streamId, stand] of stands) {
    const read = found.find((one) => one.streamId === streamId);
    const progress = progressOf(stand, read, reached);
    if (read !== undefined) failures.push(...failuresOf(read.rows[0].row.stream, progress));
    const low = lowest(progress);
    sent += Number(low - lowestOf(stand.next));
    const isLevel = [...progress.values()].every(
      ({ next, failure }) => next === low && failure === undefined,
    );
    const seen = read?.rows.at(-1)?.row.version ?? stand.seen;
    listed.push({
      ...{
        streamId,
        reached: progress,
        waiting: new Set(targets.filter((target) => !stand.due.has(target))),
        seen: seen > stand.seen ? seen : stand.seen,
        attempts: stand.attempts,
      },
      oldest: read?.rows.find(({ row }) => row.version >= low)?.row.at ?? Date.now(),
    });
    if (isLevel && (read?.rows.length ?? 0) < mostEvents) done.push({ streamId, next: low });
  }
  await writeStuck(connection, names, listed);
  await nameTargets(connection, names, [...stands.keys()]);
  await markBelow(connection, names, listed);
  await removeStuck(connection, names, done);
  await connection.query('COMMIT');
  return { tried: stands.size, sent, failures };
}

interface Stand {
  /** By target. */
  readonly next: ReadonlyMap<string, bigint>;
  readonly due: ReadonlySet<string>;
  readonly attempts: ReadonlyMap<string, number>;
  readonly seen: bigint;
}

/** A target that is new to the stream begins where the last one stands. */
function standOf(entries: readonly StuckEntry[], targets: readonly string[]): Stand {
  const known = new Map(entries.map((entry) => [entry.target, entry]));
  const low = entries.reduce((low, { next }) => (next < low ? next : low), entries[0]?.next ?? 1n);
  return {
    next: new Map(targets.map((target) => [target, known.get(target)?.next ?? low])),
    due: new Set(targets.filter((target) => known.get(target)?.due ?? true)),
    attempts: new Map(targets.map((target) => [target, known.get(target)?.attempts ?? 0])),
    seen: entries.reduce((most, { seen }) => (seen > most ? seen : most), 0n),
  };
}

async function readFrom(
  connection: RelayConnection,
  { events }: OutboxNames,
  stands: ReadonlyMap<string, Stand>,
): Promise<StreamRows[]> {
  const { rows } = await connection.query(
    `SELECT ${eventColumns('o')} FROM unnest($1::bigint[], $2::bigint[]) AS wanted (stream, next)
     CROSS JOIN LATERAL (
       SELECT * FROM ${events} e WHERE e.stream = wanted.stream AND e.version >= wanted.next
       ORDER BY e.version LIMIT ${mostEvents}) AS o
     ORDER BY o.stream, o.version`,
    [[...stands.keys()], [...stands.values()].map((stand) => String(firstDue(stand)))],
  );
  return byStream(rows.map(storedEvent));
}

function firstDue({ next, due }: Stand): bigint {
  return lowestOf(new Map([...next].filter(([target]) => due.has(target))));
}

function lowestOf(next: ReadonlyMap<string, bigint>): bigint {
  return [...next.values()].reduce((low, one) => (one < low ? one : low), next.values().next().value ?? 0n);
}

/** Whether what was read begins where it must. */
function isWhole(stands: ReadonlyMap<string, Stand>) {
  return ({ streamId, rows }: StreamRows): boolean => {
    const stand = stands.get(streamId);
    return stand !== undefined && rows[0].row.version === firstDue(stand);
  };
}

function progressOf(
  stand: Stand,
  read: StreamRows | undefined,
  reached: ReadonlyMap<string, ReadonlyMap<string, Progress>>,
): Map<string, Progress> {
  const sent = read === undefined ? undefined : reached.get(read.rows[0].row.stream);
  const missing =
    read !== undefined && sent === undefined
      ? new EventMissing(keyHash(read.rows[0].row.stream), String(firstDue(stand)))
      : undefined;
  return new Map(
    [...stand.next].map(([target, next]) => [
      target,
      sent?.get(target) ?? {
        next,
        ...(missing !== undefined && stand.due.has(target) && { failure: { error: missing } }),
      },
    ]),
  );
}

/** What every target of a stuck stream has need not be polled again. */
async function markBelow(
  connection: RelayConnection,
  { unsent }: OutboxNames,
  streams: readonly StuckProgress[],
): Promise<void> {
  await connection.query(
    `DELETE FROM ${unsent} u USING unnest($1::bigint[], $2::bigint[]) AS sent (stream, next)
     WHERE u.lane = hashint8(sent.stream) & ${laneCount - 1} AND u.stream = sent.stream AND u.version < sent.next`,
    [streams.map(({ streamId }) => streamId), streams.map(({ reached }) => String(lowest(reached)))],
  );
}

import { NewerRow } from '../dedup/errors.js';
import type { Ledger, Parked, Stream } from '../dedup/ledger.js';
import { slotOf } from '../dedup/stream.js';
import type { SqlResult } from './client.js';
import { rowVersion } from './receipts.js';

/** One aggregate of one consumer. */
export interface AggregateId {
  readonly consumerName: string;
  readonly aggregate: string;
}

/** What is stored of an aggregate: its streams, and the tokens of the transactions that wrote them last. */
export interface SeenLedger {
  readonly ledger: Ledger;
  readonly tokens: ReadonlySet<string>;
}

/** Sends one statement. */
export type Send = (text: string, values: readonly unknown[]) => Promise<SqlResult>;

/** Rows that are read at a time: each may be large. */
const rowsPerRead = 100n;

const readLedgerText =
  'SELECT s.stream, s.position::text, s.stopped, s.stopped_at::text, s.holes::text[], s.marks, s.beyond::text, ' +
  's.since::float8, s.listed, s.token, s.v, e.version::text, e.previous::text, e.fingerprint, e.carried ' +
  'FROM exactly_once.positions s LEFT JOIN exactly_once.early_events e ON e.near ' +
  'AND (e.consumer, e.aggregate, e.stream) = (s.consumer, s.aggregate, s.stream) ' +
  'WHERE s.consumer = $1 AND s.aggregate = $2 ORDER BY s.stream, e.version';

const readRowsText =
  'SELECT place::text, version::text, previous::text, fingerprint, carried FROM exactly_once.early_events ' +
  'WHERE (consumer, aggregate, stream) = ($1, $2, $3) AND NOT near AND place BETWEEN $4 AND $5';

const putStream =
  'INSERT INTO exactly_once.positions (consumer, aggregate, stream, position, stopped, stopped_at, holes, marks, beyond, since, listed, token) ' +
  'VALUES ($1, $2, $3, $4, $5, $6, $7::numeric[], $8, $9, $10, $11, $12) ON CONFLICT (consumer, aggregate, stream) ' +
  'DO UPDATE SET position = $4, stopped = $5, stopped_at = $6, holes = $7::numeric[], marks = $8, beyond = $9, since = $10, listed = $11, token = $12';

const putEvent =
  'INSERT INTO exactly_once.early_events (consumer, aggregate, stream, place, version, previous, fingerprint, carried, near) ' +
  'VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)';

const dropEvents =
  'DELETE FROM exactly_once.early_events WHERE (consumer, aggregate, stream) = ($1, $2, $3) AND (version <= $4 OR version = ANY($5::numeric[]))';

/** @throws NewerRow when a newer version of this library wrote it (R17). */
export async function readLedger(send: Send, { consumerName, aggregate }: AggregateId): Promise<SeenLedger> {
  const { rows } = await send(readLedgerText, [consumerName, aggregate]);
  const ledger = new Map<string, Stream>();
  const tokens = new Set<string>();
  for (const row of rows) {
    if (Number(row.v) > rowVersion) throw new NewerRow(aggregate, String(row.v), rowVersion);
    const id = String(row.stream);
    tokens.add(String(row.token));
    const stream = ledger.get(id) ?? streamOf(row);
    ledger.set(id, row.version === null ? stream : { ...stream, parked: [...stream.parked, parkedOf(row)] });
  }
  return { ledger, tokens };
}

/** The rows from a place on, as many as are read at a time; null for one that is not there. */
export async function readEarly(
  send: Send,
  { consumerName, aggregate }: AggregateId,
  stream: string,
  from: bigint,
  to: bigint,
): Promise<Map<bigint, Parked | null>> {
  const last = to < from + rowsPerRead ? to : from + rowsPerRead - 1n;
  const { rows } = await send(readRowsText, [consumerName, aggregate, stream, String(from), String(last)]);
  const found = new Map<bigint, Parked | null>();
  for (let place = from; place <= last; place += 1n) found.set(place, null);
  for (const row of rows) found.set(BigInt(String(row.place)), parkedOf(row));
  return found;
}

/** An event that gets a row of its own, out of the window. */
export interface FarEvent extends Parked {
  readonly stream: string;
}

/**
 * Writes what has changed.
 *
 * @param far events to be kept in rows of their own
 */
export async function writeLedger(
  send: Send,
  id: AggregateId,
  { before, after, token }: { readonly before: Ledger; readonly after: Ledger; readonly token: string },
  far: readonly FarEvent[],
): Promise<void> {
  const at = [id.consumerName, id.aggregate];
  for (const [name, stream] of after) {
    const was = before.get(name);
    if (was === stream) continue;
    await send(putStream, [...at, name, ...valuesOf(stream), token]);
    const kept = new Set(stream.parked);
    const left = (was?.parked ?? []).filter((one) => !kept.has(one) && one.version > stream.position);
    // It is in its dead letter, wherever it was parked.
    const stopped = stream.stopped === true ? [stream.stoppedAt ?? stream.position + 1n] : [];
    const dropped = [...left.map(({ version }) => version), ...stopped];
    const mayHave = was !== undefined && (was.parked.length > 0 || was.beyond !== undefined);
    if (mayHave) await send(dropEvents, [...at, name, String(stream.position), dropped.map(String)]);
    const known = new Set(was?.parked);
    for (const event of stream.parked)
      if (!known.has(event)) await send(putEvent, [...at, name, ...eventValues(event), true]);
  }
  for (const { stream, ...event } of far) {
    // It came in this transaction, and its turn as well.
    if (event.version <= (after.get(stream)?.position ?? 0n)) continue;
    await send(putEvent, [...at, stream, ...eventValues(event), false]);
  }
}

function valuesOf({ position, stopped, stoppedAt, holes, marks, beyond, since, listed }: Stream): unknown[] {
  return [
    String(position),
    stopped === true,
    stoppedAt === undefined ? null : String(stoppedAt),
    (holes ?? []).map(String),
    marks ?? null,
    beyond === undefined ? null : String(beyond),
    since ?? null,
    listed === true,
  ];
}

function eventValues(event: Parked): unknown[] {
  const { version, previous, fingerprint, carried } = event;
  return [
    String(slotOf(event)),
    String(version),
    previous === undefined ? null : String(previous),
    fingerprint,
    carried,
  ];
}

type Row = Readonly<Record<string, unknown>>;

const bigOf = (value: unknown): bigint => BigInt(String(value));

function streamOf({ position, stopped, stopped_at: at, holes, marks, beyond, since, listed }: Row): Stream {
  const passedOver = (holes as readonly string[]).map(bigOf);
  return {
    position: bigOf(position),
    parked: [],
    ...(passedOver.length > 0 && { holes: passedOver }),
    ...(stopped === true && { stopped: true }),
    ...(at !== null && { stoppedAt: bigOf(at) }),
    ...(typeof marks === 'string' && { marks }),
    ...(beyond !== null && { beyond: bigOf(beyond) }),
    ...(since !== null && { since: Number(since) }),
    ...(listed === true && { listed: true }),
  };
}

function parkedOf({ version, previous, fingerprint, carried }: Row): Parked {
  return {
    version: bigOf(version),
    fingerprint: String(fingerprint),
    carried: String(carried),
    ...(previous !== null && { previous: bigOf(previous) }),
  };
}

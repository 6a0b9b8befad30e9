import { ExactlyOnceError } from '../../dedup/errors.js';
import type { OutboxRow } from '../../outbox/event-row.js';
import { streamText } from '../../outbox/row.js';

/** Version of the event rows that this runtime knows (R17). */
const rowVersion = 1;

/** An event of the table, and which stream it is of in the other tables. */
export interface StoredRow {
  /** Decimal digits: the surrogate key of the stream. */
  readonly streamId: string;
  readonly row: OutboxRow;
}

/** A row of the outbox was written by a newer version of this library: nothing of its stream is sent (R17). */
export class NewerEvent extends ExactlyOnceError {
  override name = 'NewerEvent';
  override readonly isWithoutData = true;
  override readonly fault = 'dependency';
  constructor(readonly found: number) {
    super(
      `an event has row version ${found}, this relay knows up to ${rowVersion}; deploy the newer version`,
    );
  }
}

/**
 * A time as epoch milliseconds. As text it would be what `DateStyle` and `TimeZone` of the database make of it, which
 * drivers cannot read, or read as another day.
 */
export function epochMs(column: string): string {
  return `(extract(epoch FROM ${column}) * 1000)::float8`;
}

/** The columns of an event as {@link storedEvent} reads them. @param alias of the table */
export function eventColumns(alias: string): string {
  const plain = [
    'aggregatetype',
    'aggregateid',
    'type',
    'payload',
    'source',
    'epoch',
    'groupid',
    'v',
    'types',
  ];
  return [
    ...plain.map((column) => `${alias}.${column}`),
    `${alias}.stream::text AS stream`,
    `${alias}.version::text AS version`,
    ...['created', 'occurred'].map((column) => `${epochMs(`${alias}.${column}`)} AS ${column}`),
  ].join(', ');
}

/**
 * An event as it is sent, from a row that a query or the decoder gave. The same from both to the letter: a version
 * that comes with another payload is refused by consumers.
 *
 * @throws NewerEvent
 */
export function storedEvent(columns: Readonly<Record<string, unknown>>): StoredRow {
  const { aggregatetype, aggregateid, type, payload, source, epoch, groupid, types, created, occurred, v } =
    columns;
  if (Number(v) > rowVersion) throw new NewerEvent(Number(v));
  const name = {
    source: String(source),
    epoch: String(epoch),
    kind: String(aggregatetype),
    aggregate: String(aggregateid),
  };
  const version = BigInt(String(columns['version']));
  return {
    streamId: String(columns['stream']),
    row: {
      ...{ stream: streamText(name), name, version, type: String(type), data: String(payload) },
      at: dateOf(created).getTime(),
      first: version === 1n,
      ...{ sent: false, expires: false },
      group: typeof groupid === 'string' ? groupid : undefined,
      time: occurred === null ? undefined : dateOf(occurred).toISOString(),
      types: (typeof types === 'string' ? JSON.parse(types) : (types ?? undefined)) as OutboxRow['types'],
    },
  };
}

/** Of a query: epoch milliseconds. Of the decoder: a time, or a text of ISO 8601 where drivers leave times so. */
function dateOf(value: unknown): Date {
  return new Date(value instanceof Date || typeof value === 'number' ? value : String(value));
}

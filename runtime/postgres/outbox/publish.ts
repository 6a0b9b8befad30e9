import { InvalidSettings, InvalidWrite } from '../../dedup/errors.js';
import { canonicalJson } from '../../dedup/fingerprint.js';
import { isName, isPart, isType, maxNameBytes } from '../../outbox/event-names.js';
import { eventText, groupId, maxStreamBytes, streamText } from '../../outbox/row.js';
import { eventBytes } from '../../outbox/event-bytes.js';
import { sendableJson } from '../../send/target.js';
import { outboxNames } from './names.js';
import { within } from '../own-statement.js';
import type { SqlPort } from '../sql-port.js';

export interface PostgresOutboxDefinition {
  /** Who publishes, as consumers know it: a stable name, or a URI as CloudEvents likes it. */
  readonly source: string;
  /** Schema of the outbox's tables. @default 'exactly_once' */
  readonly schema?: string;
  /**
   * Bytes that an event may have as it is sent, envelope and data: one too large for a channel fails its transaction,
   * where it would else stop its aggregate at the relay.
   *
   * @default eventBytes.sns, which every channel takes
   */
  readonly maxEventBytes?: number;
}

/** An event to be published within a transaction. */
export interface PostgresEvent {
  /**
   * What the event is about: its events are numbered, and transactions that publish about it take turns. Not one that
   * everybody shares.
   */
  readonly aggregate: {
    /** What kind of aggregate it is, such as `customer`. Without '/'. It may never change. */
    readonly kind: string;
    /** What consumers call it. It may never change, and no two of one kind may share it. */
    readonly name: string;
  };
  /** What happened, such as `PaymentSettled`. */
  readonly type: string;
  /** Anything that JSON holds. */
  readonly data: unknown;
  /** FIFO MessageGroupId. @default - the aggregate's name */
  readonly group?: string;
  /** When it happened, to the millisecond. @default - when it is published */
  readonly time?: Date;
}

/** An event that is published when its transaction commits. */
export interface PublishedEvent {
  /** `id` of the CloudEvent: `epoch/kind/aggregate/version`. */
  readonly id: string;
  readonly epoch: string;
  /** Decimal digits, contiguous from 1 within (source, epoch, kind, aggregate). */
  readonly version: string;
}

export interface PostgresOutbox {
  /** @see {@link postgresOutbox} */
  publish(port: SqlPort, event: PostgresEvent): Promise<PublishedEvent>;
  /** Several in one statement, in this order for each aggregate. @returns them in the order given */
  publishAll(port: SqlPort, events: readonly PostgresEvent[]): Promise<PublishedEvent[]>;
}

const longVersion = 10n ** 20n;

/**
 * An outbox in Postgres: an event is published in the user's own transaction, by one statement, and exists if and
 * only if that commits. It gets the aggregate's next version under a lock on the aggregate's count (a row of the
 * outbox's own), which is held until the transaction ends: publish late in it. Two transactions that publish about
 * the same two aggregates in different orders may end in a deadlock, of which Postgres fails one (40P01); within
 * `publishAll` the order is always the same.
 *
 * Guaranteed: versions of an aggregate have no gaps, and no reader sees n+1 before n. Not guaranteed: any order among
 * aggregates.
 *
 * @throws InvalidSettings at start, when the source or the schema is none
 * @throws InvalidWrite from `publish`, when the event cannot be sent as it is; nothing has been written then
 * @throws SchemaNotReady from `publish`, when the tables are not there, or older than this version needs
 */
export function postgresOutbox({ source, schema, maxEventBytes = eventBytes.sns }: PostgresOutboxDefinition) {
  const { events: table } = outboxNames(schema);
  const problems = [];
  if (!isStorable(source)) problems.push(`source of the outbox must be 1 to ${maxNameBytes} bytes of text`);
  if (!(Number.isSafeInteger(maxEventBytes) && maxEventBytes > 0))
    problems.push(`maxEventBytes of the outbox must be a whole number above 0, got ${maxEventBytes}`);
  if (problems.length > 0) throw new InvalidSettings(problems);
  // Ordered by aggregate, so that two calls never lock the same counts in different orders.
  const statement = `INSERT INTO ${table} (source, aggregatetype, aggregateid, type, payload, groupid, occurred)
SELECT $1, e->>0, e->>1, e->>2, e->>3, e->>4, (e->>5)::timestamptz
FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS given (e, place) ORDER BY (e->>0) COLLATE "C", (e->>1) COLLATE "C", place
RETURNING aggregatetype, aggregateid, id, epoch, version::text`;

  const outbox: PostgresOutbox = {
    async publish(port, event) {
      const [published] = await outbox.publishAll(port, [event]);
      return published as PublishedEvent;
    },
    async publishAll(port, events) {
      if (events.length === 0) return [];
      const given = events.map((event) => columnsOf(event, { table, source, maxEventBytes }));
      const { rows } = await within(port, statement, [source, JSON.stringify(given)]);
      const byAggregate = Map.groupBy(rows, (row) =>
        JSON.stringify([row['aggregatetype'], row['aggregateid']]),
      );
      return events.map(({ aggregate: { kind, name } }) => {
        const row = byAggregate.get(JSON.stringify([kind, name]))?.shift();
        return { id: String(row?.['id']), epoch: String(row?.['epoch']), version: String(row?.['version']) };
      });
    },
  };
  return outbox;
}

interface Rules {
  readonly table: string;
  readonly source: string;
  readonly maxEventBytes: number;
}

/** As the statement takes them. @throws InvalidWrite */
function columnsOf(event: PostgresEvent, { table, source, maxEventBytes }: Rules) {
  const { aggregate, type, group, time } = event;
  const { kind, name } = aggregate;
  const refuse = (problem: string) => new InvalidWrite(table, `event: ${problem}`);
  const text = `must be 1 to ${maxNameBytes} bytes of well-formed text without NUL`;
  if (!isStorable(name)) throw refuse(`the aggregate's name ${text}`);
  if (!isStorable(kind) || !isPart(kind)) throw refuse(`the aggregate's kind ${text} and '/'`);
  if (!isType(type))
    throw refuse(`type must be 1 to ${maxNameBytes} bytes of well-formed text without control characters`);
  if (group === '') throw refuse('group is empty; leave it out to take the name of the aggregate');
  if (time !== undefined && !isTime(time))
    throw refuse('time is no valid date, or none of the years 1 to 9999');
  const longest = { source, epoch: String(longVersion), kind, aggregate: name };
  // Together they are a key of an index: what is too long for one would abort the transaction.
  const streamBytes = Buffer.byteLength(streamText(longest));
  if (streamBytes > maxStreamBytes)
    throw refuse(
      `source, epoch, kind and name make a stream's name of up to ${streamBytes} bytes, an outbox takes ${maxStreamBytes}; ` +
        'use a hash of what is long',
    );
  const data = canonicalJson(event.data);
  const stored = {
    ...{ type, data, at: Date.now() },
    group: group === undefined || group === name ? undefined : groupId(group),
    time: time?.toISOString(),
  };
  const bytes = Buffer.byteLength(sendableJson(eventText(longest, longVersion, stored)));
  if (bytes > maxEventBytes)
    throw refuse(
      `it has up to ${bytes} bytes with its envelope, \`maxEventBytes\` of the outbox is ${maxEventBytes}; ` +
        'store its data, and publish where it is, or raise it if no target of the relay takes less',
    );
  return [kind, name, type, data, stored.group ?? null, stored.time ?? null];
}

/** As CloudEvents writes it (RFC 3339), and Postgres reads it: with a year of four digits. */
function isTime(time: Date): boolean {
  return !Number.isNaN(time.getTime()) && /^(?!0000)\d{4}-/.test(time.toISOString());
}

/** Postgres cannot hold a NUL in text. */
function isStorable(text: unknown): text is string {
  return isName(text) && !text.includes('\0');
}

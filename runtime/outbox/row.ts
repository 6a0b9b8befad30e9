import { createHash } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { ExactlyOnceError, NewerRow } from '../dedup/errors.js';
import { sequence } from '../dedup/sequence.js';
import type { CloudEvent } from './event.js';

/**
 * The rows of an outbox table, in one place: keys `stream` and `version`, both text. An event's row is the record of
 * its version (R29): who puts it on condition of its absence has given the version, and nobody else can.
 *
 * | what | `stream` | `version` |
 * | --- | --- | --- |
 * | event, fence | JSON of source, epoch, kind, aggregate (an adopted count: without the kind) | 40 digits |
 * | open epoch | JSON of 'epoch', source | 'current' |
 * | the relay's own | JSON of 'stuck', 'tick' or 'state', and one more text | see the relay |
 *
 * Only rows with `data` are events. One gets its `expiration` when all before it, itself and the next one have been
 * sent, so the newest row of a stream never expires: it is the count (R30).
 */

/** Version of the rows (R17). The first release wrote 1: whole envelopes, numbered by the aggregate's item. */
export const outboxRowVersion = 2;
/** DynamoDB: bytes of a partition key. */
export const maxStreamBytes = 2_048;

type Item = Readonly<Record<string, AttributeValue | undefined>>;

/** Whose events a stream holds. */
export interface StreamName {
  readonly source: string;
  readonly epoch: string;
  /** Undefined: the stream goes on with a count of the first release, which knew no kinds. */
  readonly kind?: string;
  readonly aggregate: string;
}

export function streamText({ source, epoch, kind, aggregate }: StreamName): string {
  return JSON.stringify(kind === undefined ? [source, epoch, aggregate] : [source, epoch, kind, aggregate]);
}

/** The name of a stream of events. Undefined: it holds no events, but what the outbox keeps for itself. */
export function streamName(stream: string): StreamName | undefined {
  const [source = '', epoch = '', ...rest] = JSON.parse(stream) as string[];
  const [aggregate] = rest.slice(-1);
  if (aggregate === undefined) return undefined;
  return { source, epoch, ...(rest.length > 1 && { kind: rest[0] }), aggregate };
}

/** A stream of what the outbox keeps for itself. No stream of events has two members. */
export function controlStream(of: 'epoch' | 'stuck' | 'tick' | 'state', member: string): string {
  return JSON.stringify([of, member]);
}

/** What a row stores of an event, beside its key. */
export interface StoredEvent {
  readonly type: string;
  /** Canonical JSON. */
  readonly data: string;
  /** As SQS takes it: see {@link groupId}. @default - that of the aggregate's name */
  readonly group?: string;
  /** ISO 8601. @default - when it was committed */
  readonly time?: string;
  /** Epoch milliseconds of the commit. */
  readonly at: number;
  /** See {@link OutboxRow.types}. */
  readonly types?: string;
  readonly first?: boolean;
}

/** An event's row as DynamoDB stores it. */
export function eventItem(
  stream: string,
  version: bigint,
  { type, data, group, time, at, types, first }: StoredEvent,
): Record<string, AttributeValue> {
  return {
    stream: { S: stream },
    version: { S: sequence(String(version)) },
    type: { S: type },
    data: { S: data },
    at: { N: String(at) },
    v: { N: String(outboxRowVersion) },
    ...(group !== undefined && { group: { S: group } }),
    ...(time !== undefined && { time: { S: time } }),
    ...(types !== undefined && { types: { S: types } }),
    ...(first && { first: { N: '1' } }),
  };
}

/**
 * The row that ends a stream of an ended epoch: whoever would publish the next version finds it in the way (R37).
 *
 * @param fence the epoch that has begun
 */
export function fenceItem(
  stream: string,
  version: bigint,
  fence: string,
  at: number,
): Record<string, AttributeValue> {
  return {
    stream: { S: stream },
    version: { S: sequence(String(version)) },
    fence: { S: fence },
    at: { N: String(at) },
    v: { N: String(outboxRowVersion) },
  };
}

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const groupPattern = /^[A-Za-z0-9!-/:-@[-`{-~]{1,128}$/;

/** A MessageGroupId: the name where SQS takes it, else its SHA-256. */
export function groupId(name: string): string {
  return groupPattern.test(name) ? name : createHash('sha256').update(name).digest('hex');
}

/** An event in the outbox, as it was committed together with the effects it tells of. */
export interface OutboxRow {
  /** Who counts: JSON of source, epoch, kind and aggregate. Versions of one stream are contiguous from 1 (R29). */
  readonly stream: string;
  /** Place in the stream, 40 decimal digits. */
  readonly version: string;
  /** The event as CloudEvents 1.0 JSON: what targets are sent. */
  readonly event: string;
  readonly type: string;
  /** Events of one group are sent one after the other. MessageGroupId of queues. */
  readonly group: string;
  /** Epoch milliseconds of the commit. */
  readonly at: number;
  /** Nothing is before it in the table: it is version 1, or the first that goes on with an adopted count. */
  readonly first?: boolean;
  /**
   * The latest version of each type that earlier events of the stream had. Undefined: all of them were of this
   * event's own type. Under the empty text: the adopted count, of whose types nothing is known.
   */
  readonly types?: Readonly<Record<string, string>>;
}

/** A row of the outbox table that is no event. */
export class NotAnEvent extends ExactlyOnceError {
  override name = 'NotAnEvent';
  constructor(
    readonly key: string,
    readonly missing: readonly string[],
  ) {
    super(
      `outbox row ${key} has no ${missing.join(', ')}; only \`tx.publish\` may write to the table, and its stream must carry NEW_IMAGE`,
    );
  }
}

/** The first release of this library wrote the row, and only its relay can send it. */
export class FirstReleaseRow extends ExactlyOnceError {
  override name = 'FirstReleaseRow';
  constructor(readonly key: string) {
    super(
      `outbox row ${key} was written by the first release, and is not sent by this one; deploy that release again until its relay has sent everything, then this one`,
    );
  }
}

/** Whether it is an event, of whatever release. The others are what the outbox keeps for itself. */
export function isEvent({ data, event }: Item): boolean {
  return (data ?? event) !== undefined;
}

/**
 * @throws NotAnEvent when an attribute is missing
 * @throws NewerRow when a newer version of this library wrote the row: it is neither sent nor passed over
 * @throws FirstReleaseRow
 */
export function readRow(item: Item): OutboxRow {
  const { stream, version, type, data, group, time, at, types, first, v } = item;
  const key = `${stream?.S ?? ''} ${version?.S ?? ''}`;
  if (Number(v?.N ?? 0) > outboxRowVersion) throw new NewerRow(key, v?.N ?? '', outboxRowVersion);
  if (v?.N === '1') throw new FirstReleaseRow(key);
  const name = stream?.S === undefined ? undefined : streamName(stream.S);
  if (
    name === undefined ||
    stream?.S === undefined ||
    version?.S === undefined ||
    type?.S === undefined ||
    data?.S === undefined ||
    at?.N === undefined
  ) {
    const missing = Object.entries({ stream, version, type, data, at }).filter(
      ([, value]) => value === undefined,
    );
    throw new NotAnEvent(
      key,
      missing.length === 0 ? ['attribute of the right type'] : missing.map(([attribute]) => attribute),
    );
  }
  return {
    stream: stream.S,
    version: version.S,
    event: eventText(name, BigInt(version.S), {
      type: type.S,
      data: data.S,
      time: time?.S,
      at: Number(at.N),
    }),
    type: type.S,
    group: group?.S ?? groupId(name.aggregate),
    at: Number(at.N),
    first: first !== undefined || BigInt(version.S) === 1n,
    ...(types?.S !== undefined && { types: JSON.parse(types.S) as Record<string, string> }),
  };
}

/** Tells rows apart. No stream contains a line break: it is JSON. */
export function rowId({ stream, version }: Pick<OutboxRow, 'stream' | 'version'>): string {
  return `${stream}\n${version}`;
}

/** The event as it is sent: CloudEvents 1.0 in JSON. */
export function eventText(
  { source, epoch, kind, aggregate }: StreamName,
  version: bigint,
  { type, data, time, at }: StoredEvent,
): string {
  const committed = new Date(at).toISOString();
  const envelope: Omit<CloudEvent<unknown>, 'data'> = {
    specversion: '1.0',
    id: [epoch, ...(kind === undefined ? [] : [kind]), aggregate, version].join('/'),
    source,
    type,
    subject: aggregate,
    time: time ?? committed,
    datacontenttype: 'application/json',
    epoch,
    ...(kind !== undefined && { kind }),
    aggregate,
    version: String(version),
    firstenqueue: committed,
  };
  return `${JSON.stringify(envelope).slice(0, -1)},"data":${data}}`;
}

/**
 * The version that comes before the row's for somebody who is sent these types only: the latest one before it of a
 * type that is wanted, 0 for none.
 */
export function versionBefore({ version, types }: OutboxRow, wanted: readonly string[] | undefined): bigint {
  const own = BigInt(version) - 1n;
  if (wanted === undefined || types === undefined) return own;
  const adopted = BigInt(types[''] ?? 0);
  return wanted
    .map((type) => BigInt((Object.hasOwn(types, type) && types[type]) || adopted))
    .reduce((latest, one) => (one > latest ? one : latest), adopted);
}

/** The event for somebody who was not sent the versions between `previous` and its own. */
export function eventAfter({ event }: OutboxRow, previous: bigint): string {
  return `{"previousversion":"${previous}",${event.slice(1)}`;
}

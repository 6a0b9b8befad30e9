import { createHash } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { sequence } from '../dedup/sequence.js';
import type { TraceFields } from '../send/trace-fields.js';
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
  const [source = '', epoch = '', ...rest] = partsOf(stream);
  const [aggregate] = rest.slice(-1);
  if (aggregate === undefined || rest.length > 2) return undefined;
  return { source, epoch, ...(rest.length > 1 && { kind: rest[0] }), aggregate };
}

/** None for what nobody who publishes has written. */
function partsOf(stream: string): readonly string[] {
  try {
    const parts = JSON.parse(stream) as unknown;
    return Array.isArray(parts) && parts.every((part) => typeof part === 'string') ? parts : [];
  } catch {
    return [];
  }
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
  /** JSON: see {@link versionBefore}. */
  readonly types?: string;
  readonly first?: boolean;
  readonly trace?: TraceFields;
}

/** An event's row as DynamoDB stores it. */
export function eventItem(
  stream: string,
  version: bigint,
  { type, data, group, time, at, types, first, trace }: StoredEvent,
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
    ...(trace !== undefined && { trace: { S: JSON.stringify(trace) } }),
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
 * The version that comes before an event's for somebody who is sent these types only: the latest one before it of a
 * type that is wanted, 0 for none.
 *
 * @param types the latest version of each type before it. Undefined: all of them were of the event's own type. Under
 *   the empty text: the adopted count, of whose types nothing is known
 */
export function versionBefore(
  version: bigint,
  types: Readonly<Record<string, string>> | undefined,
  wanted: readonly string[] | undefined,
): bigint {
  if (wanted === undefined || types === undefined) return version - 1n;
  const adopted = BigInt(types[''] ?? 0);
  return wanted
    .map((type) => BigInt((Object.hasOwn(types, type) && types[type]) || adopted))
    .reduce((latest, one) => (one > latest ? one : latest), adopted);
}

/** The event for somebody who was not sent the versions between `previous` and its own. */
export function eventAfter(event: string, previous: bigint): string {
  return `{"previousversion":"${previous}",${event.slice(1)}`;
}

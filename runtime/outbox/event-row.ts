import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { ExactlyOnceError, NewerRow } from '../dedup/errors.js';
import { keyHash } from '../dedup/key-hash.js';
import type { TraceFields } from '../send/trace-fields.js';
import { outboxRowVersion, streamName, type StreamName } from './row.js';

/** An event in the outbox, as it was committed together with the effects it tells of. */
export interface OutboxRow {
  /** Who counts: JSON of source, epoch, kind and aggregate. Versions of one stream are contiguous (R29). */
  readonly stream: string;
  readonly name: StreamName;
  readonly version: bigint;
  readonly type: string;
  /** The event's data as JSON. */
  readonly data: string;
  /** FIFO group. @default - one that is made of the aggregate's name */
  readonly group?: string;
  /** When it happened, ISO 8601. @default - at the commit */
  readonly time?: string;
  /** Epoch milliseconds of the commit. */
  readonly at: number;
  /** Latest version of every type that earlier events of the stream had: see {@link versionBefore}. */
  readonly types?: Readonly<Record<string, string>>;
  /** Where it was published, for tracers. */
  readonly trace?: TraceFields;
  /** The stream begins with it, or what was before it was never in this table. */
  readonly first: boolean;
  /** First rows only: every target has accepted it. */
  readonly sent: boolean;
  /** It may expire, which is only ever so when the next one has been sent. */
  readonly expires: boolean;
}

type Item = Readonly<Record<string, AttributeValue>>;

/** A row of the outbox table that should be an event and is none. */
export class NotAnEvent extends ExactlyOnceError {
  override name = 'NotAnEvent';
  constructor(
    readonly streamHash: string,
    readonly missing: readonly string[],
  ) {
    super(
      `outbox row of stream ${streamHash} has no readable ${missing.join(', ')}; only \`tx.publish\` may write to the table, and its stream must carry NEW_IMAGE`,
    );
  }
}

/** A row that the first release of this package wrote, and did not send. */
export class FirstReleaseRow extends ExactlyOnceError {
  override name = 'FirstReleaseRow';
  constructor(readonly streamHash: string) {
    super(
      `outbox row of stream ${streamHash} was written by the first release, and is not sent by this one; ` +
        'deploy that release again until its relay has sent everything, then this one (CHANGELOG)',
    );
  }
}

/**
 * Whether a row is an event, readable or not; the others are the relay's own, mark the end of an epoch, or stand
 * nowhere in a stream: what has no version holds up nothing that has one.
 */
export function isEvent(item: Item): boolean {
  return holdsEvent(item) && versionIn(item.version) !== undefined;
}

/** Why a row is no event that looks like one; undefined: it does not, or is one. */
export function whyNoEvent(item: Item): NotAnEvent | undefined {
  return holdsEvent(item) && !isEvent(item)
    ? new NotAnEvent(keyHash(item.stream?.S ?? ''), ['version'])
    : undefined;
}

function holdsEvent({ data, event }: Item): boolean {
  return data !== undefined || event !== undefined;
}

/**
 * @throws NotAnEvent when an attribute is missing
 * @throws FirstReleaseRow when the first release wrote the row
 * @throws NewerRow when a newer version of this library wrote the row: it is neither sent nor passed over
 */
export function readRow(item: Item): OutboxRow {
  const { stream, version, type, data, group, time, at, types, first, sent, expiration, trace, v } = item;
  const hash = keyHash(stream?.S ?? '');
  if (Number(v?.N ?? 0) > outboxRowVersion) throw new NewerRow(hash, v?.N ?? '', outboxRowVersion);
  if (v?.N === '1') throw new FirstReleaseRow(hash);
  const name = streamName(stream?.S ?? '');
  const n = versionIn(version);
  const committed = Number(at?.N);
  if (
    name === undefined ||
    n === undefined ||
    type?.S === undefined ||
    data?.S === undefined ||
    Number.isNaN(new Date(committed).getTime())
  ) {
    const parts = { stream: name, version: n, type: type?.S, data: data?.S };
    const missing = Object.entries(parts).filter(([, value]) => value === undefined);
    throw new NotAnEvent(hash, missing.length > 0 ? missing.map(([part]) => part) : ['at']);
  }
  return {
    stream: stream?.S ?? '',
    name,
    version: n,
    type: type.S,
    data: data.S,
    group: group?.S,
    time: time?.S,
    at: committed,
    types: types?.S === undefined ? undefined : (JSON.parse(types.S) as Record<string, string>),
    ...(trace?.S !== undefined && { trace: JSON.parse(trace.S) as TraceFields }),
    first: n === 1n || first !== undefined,
    sent: sent !== undefined,
    expires: expiration !== undefined,
  };
}

/** Undefined: it is no version that a publisher gives. */
export function versionIn(version: AttributeValue | undefined): bigint | undefined {
  return /^\d{40}$/.test(version?.S ?? '') ? BigInt(version?.S ?? 0) : undefined;
}

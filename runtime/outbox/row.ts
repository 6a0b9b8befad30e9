import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { ExactlyOnceError, NewerRow } from '../dedup/errors.js';
import { outboxRowVersion } from './outbox.js';

/** An event in the outbox, as it was committed together with the effects it tells of. */
export interface OutboxRow {
  /** Who counts: JSON of source, epoch and aggregate. Versions of one stream are contiguous from 1 (R29). */
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

/**
 * @throws NotAnEvent when an attribute is missing
 * @throws NewerRow when a newer version of this library wrote the row: it is neither sent nor passed over
 */
export function readRow(item: Readonly<Record<string, AttributeValue>>): OutboxRow {
  const { stream, version, event, type, group, at, v } = item;
  const key = `${stream?.S ?? ''} ${version?.S ?? ''}`;
  if (Number(v?.N ?? 0) > outboxRowVersion) throw new NewerRow(key, v?.N ?? '', outboxRowVersion);
  if (
    stream?.S === undefined ||
    version?.S === undefined ||
    event?.S === undefined ||
    type?.S === undefined ||
    group?.S === undefined ||
    at?.N === undefined
  ) {
    const missing = Object.entries({ stream, version, event, type, group, at }).filter(
      ([, value]) => value === undefined,
    );
    throw new NotAnEvent(
      key,
      missing.length === 0 ? ['attribute of the right type'] : missing.map(([name]) => name),
    );
  }
  return {
    stream: stream.S,
    version: version.S,
    event: event.S,
    type: type.S,
    group: group.S,
    at: Number(at.N),
  };
}

/** Tells rows apart. No stream contains a line break: it is JSON. */
export function rowId({ stream, version }: OutboxRow): string {
  return `${stream}\n${version}`;
}

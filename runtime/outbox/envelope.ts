import { createHash } from 'node:crypto';
import { sequence } from '../dedup/sequence.js';
import type { CloudEvent } from './event.js';
import type { OutboxRow } from './row.js';

/** An event as a target is sent it. */
export interface RelayedEvent {
  readonly stream: string;
  readonly version: bigint;
  readonly source: string;
  readonly type: string;
  /** When it happened, ISO 8601. */
  readonly time: string;
  /** Events of one group are sent one after the other. MessageGroupId of queues. */
  readonly group: string;
  /** The event as CloudEvents 1.0 JSON. */
  readonly event: string;
  /** The same for every send of one event, unless somebody asked to have it sent again. It is no identity. */
  readonly deduplicationId: string;
}

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const groupPattern = /^[A-Za-z0-9!-/:-@[-`{-~]{1,128}$/;

/** A group that SQS takes: the name itself, or its SHA-256. */
export function groupOf(name: string): string {
  return groupPattern.test(name) ? name : createHash('sha256').update(name).digest('hex');
}

/**
 * The event that a row is sent as.
 *
 * @param types the types that the target wants. @default - all
 * @param salt makes FIFO queues that remember the last send take it for another one
 */
export function relayed(row: OutboxRow, types?: readonly string[], salt?: string): RelayedEvent {
  const { stream, version, type, data, at } = row;
  const { source, epoch, kind, aggregate } = row.name;
  const committed = new Date(at).toISOString();
  const previous = types && previousWanted(row, types);
  const envelope: Omit<CloudEvent<unknown>, 'data'> & { kind?: string; previousversion?: string } = {
    specversion: '1.0',
    id: [epoch, kind, aggregate, String(version)].filter((part) => part !== undefined).join('/'),
    source,
    type,
    subject: aggregate,
    time: row.time ?? committed,
    datacontenttype: 'application/json',
    epoch,
    kind,
    aggregate,
    version: String(version),
    previousversion: previous === undefined || previous === version - 1n ? undefined : String(previous),
    firstenqueue: committed,
  };
  const id = `${stream}\n${sequence(String(version))}${salt === undefined ? '' : `\n${salt}`}`;
  return {
    ...{ stream, version, source, type, time: envelope.time },
    group: row.group ?? groupOf(aggregate),
    event: `${JSON.stringify(envelope).slice(0, -1)},"data":${data}}`,
    deduplicationId: createHash('sha256').update(id).digest('hex'),
  };
}

/**
 * The latest version before the row's whose type is among these, 0 when there is none. A target that is sent some
 * types only is told it with each event, so that what it does not want is no gap to it (R53).
 */
function previousWanted({ version, types }: OutboxRow, wanted: readonly string[]): bigint {
  if (types === undefined) return version - 1n;
  return wanted
    .map((one) => BigInt((Object.hasOwn(types, one) && types[one]) || 0))
    .reduce((most, one) => (one > most ? one : most), 0n);
}

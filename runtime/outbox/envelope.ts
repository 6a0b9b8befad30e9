import { createHash } from 'node:crypto';
import { sequence } from '../dedup/sequence.js';
import type { TraceFields } from '../send/trace-fields.js';
import type { OutboxRow } from './event-row.js';
import { eventAfter, eventText, groupId, versionBefore } from './row.js';

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
  /** Where it was published, for tracers. Beside the event, never in it. */
  readonly trace?: TraceFields;
}

/**
 * The event that a row is sent as. A target that is sent some types only is told with each event which one it was
 * sent before, so that what it does not want is no gap to it (R53).
 *
 * @param types the types that the target wants. @default - all
 * @param salt makes FIFO queues that remember the last send take it for another one
 */
export function relayed(row: OutboxRow, types?: readonly string[], salt?: string): RelayedEvent {
  const { stream, name, version, type, data, at, group, time } = row;
  const text = eventText(name, version, { type, data, time, at });
  const previous = versionBefore(version, row.types, types);
  const id = `${stream}\n${sequence(String(version))}${salt === undefined ? '' : `\n${salt}`}`;
  return {
    ...{ stream, version, type, source: name.source },
    time: time ?? new Date(at).toISOString(),
    group: group ?? groupId(name.aggregate),
    event: previous === version - 1n ? text : eventAfter(text, previous),
    deduplicationId: createHash('sha256').update(id).digest('hex'),
    ...(row.trace !== undefined && { trace: row.trace }),
  };
}

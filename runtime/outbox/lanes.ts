import { newLane, type Lane } from '../send/lane.js';
import { relayed, type RelayedEvent } from './envelope.js';
import type { OutboxRow } from './event-row.js';

/** Events of one stream for one target. */
export interface LaneStream {
  readonly stream: string;
  /** In the order of their versions. */
  readonly rows: readonly OutboxRow[];
  readonly salt?: string;
}

/**
 * Lanes of a target. Streams that share a group share a lane, so that they take turns in it as they were committed,
 * each in the order of its versions.
 *
 * @param most events of one call
 */
export function lanesOf(
  streams: readonly LaneStream[],
  types: readonly string[] | undefined,
  most: number,
): Lane<RelayedEvent>[] {
  const together = new Map<string, Ordered[]>();
  for (const { stream, rows, salt } of streams) {
    let at = 0;
    // Clocks of publishers differ: within a stream the version decides.
    const ordered = rows.map((row) => ({
      at: (at = Math.max(at, row.at)),
      event: relayed(row, types, salt),
    }));
    const groups = new Set(ordered.map(({ event }) => `group ${event.group}`));
    const names = [`stream ${stream}`, ...groups];
    const lane: Ordered[] = [];
    for (const part of new Set(names.map((name) => together.get(name)))) lane.push(...(part ?? []));
    lane.push(...ordered);
    const members = new Set([
      ...names,
      ...lane.flatMap((one) => [`stream ${one.event.stream}`, `group ${one.event.group}`]),
    ]);
    for (const name of members) together.set(name, lane);
  }
  return [...new Set(together.values())].map((lane) =>
    newLane(
      lane.sort((a, b) => a.at - b.at).map(({ event }) => event),
      most,
    ),
  );
}

interface Ordered {
  readonly at: number;
  readonly event: RelayedEvent;
}

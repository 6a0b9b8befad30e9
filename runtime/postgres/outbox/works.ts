import type { Progress, StreamWork } from '../../outbox/deliver.js';
import type { StoredRow } from './stored-event.js';

/** Events of one stream, in the order of their versions. */
export interface StreamRows {
  readonly streamId: string;
  readonly rows: readonly [StoredRow, ...StoredRow[]];
}

/** By stream; what was read twice counts once. */
export function byStream(rows: readonly StoredRow[]): StreamRows[] {
  const streams = new Map<string, [StoredRow, ...StoredRow[]]>();
  for (const one of rows) {
    const known = streams.get(one.streamId);
    if (known === undefined) streams.set(one.streamId, [one]);
    else if ((known.at(-1)?.row.version ?? 0n) < one.row.version) known.push(one);
  }
  return [...streams].map(([streamId, rows]) => ({ streamId, rows }));
}

/** For targets that are all to be sent everything. */
export function freshWork({ rows }: StreamRows): StreamWork {
  const [{ row: first }] = rows;
  return { stream: first.stream, rows: rows.map(({ row }) => row), nextFor: () => first.version };
}

/** What every target has: everything below. */
export function lowest(progress: ReadonlyMap<string, Progress>): bigint {
  return (
    [...progress.values()].reduce<bigint | undefined>(
      (low, { next }) => (low === undefined || next < low ? next : low),
      undefined,
    ) ?? 0n
  );
}

import type { Change } from './change.js';
import { advanced, type SourcePosition } from './position.js';
import type { Batch, SinkState } from './sink.js';

/** A batch of changes, all ahead of `from`, that moves the sink to an offset. */
export function batchOf(
  { partition, from }: Pick<Batch, 'partition' | 'from'>,
  changes: readonly Change[],
  next: bigint,
): Batch {
  let position: SourcePosition | undefined = from.position;
  for (const change of changes)
    if (change.position !== undefined) position = advanced(position, change.position);
  const to: SinkState = position === undefined ? { next } : { next, position };
  return { partition, from, to, changes };
}

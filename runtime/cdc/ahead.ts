import type { Change } from './change.js';
import { isBehind, type SourcePosition } from './position.js';
import type { Batch, SinkState } from './sink.js';

/**
 * What is ahead of a position, and the highest position among all. Changes without one are ahead: only their offset
 * speaks for them.
 */
export function ahead(
  changes: readonly Change[],
  reached: SourcePosition | undefined,
): { readonly changes: readonly Change[]; readonly position: SourcePosition | undefined } {
  let position = reached;
  const fresh = changes.filter((change) => {
    if (change.position === undefined) return true;
    if (isBehind(change.position, position)) return false;
    position = change.position;
    return true;
  });
  return { changes: fresh, position };
}

/** A batch of changes, all ahead of `from`, that moves the sink to an offset. */
export function batchOf(
  { partition, from }: Pick<Batch, 'partition' | 'from'>,
  changes: readonly Change[],
  next: bigint,
): Batch {
  const position = changes.findLast((change) => change.position !== undefined)?.position ?? from.position;
  const to: SinkState = position === undefined ? { next } : { next, position };
  return { partition, from, to, changes };
}

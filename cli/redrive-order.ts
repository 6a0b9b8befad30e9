import { compareSequences, sequence } from '../runtime/dedup/sequence.js';
import type { DeadLetterCopy } from './dead-letter-copy.js';

/** One message to decide about, with all copies of it that are at hand. The first one stands for all of them. */
export type Copies = readonly [DeadLetterCopy, ...DeadLetterCopy[]];

/**
 * Puts messages into lanes: the order within a lane is kept, lanes are independent. A lane is a FIFO group; on a
 * Standard queue the stream that an aggregate numbers, else the group, else the message by itself.
 *
 * Within a lane messages are sorted by their position when all of them have one of the same stream, else by first
 * enqueue; copies are merged by identity.
 */
export function redriveLanes(
  copies: readonly DeadLetterCopy[],
  fifo: boolean,
): readonly (readonly Copies[])[] {
  const lanes = Map.groupBy(copies, ({ messageId, group, letter }) =>
    fifo ? (group ?? '') : (letter?.position?.stream ?? group ?? messageId),
  );
  return [...lanes.values()].map((lane) => merged(sorted(lane)));
}

function sorted(lane: readonly DeadLetterCopy[]): readonly DeadLetterCopy[] {
  const placed = lane.map((copy) => ({ copy, position: positionOf(copy) }));
  const [first] = placed;
  const comparable = placed.every(({ position }) => position && position.stream === first?.position?.stream);
  return placed
    .sort((a, b) =>
      comparable && a.position && b.position
        ? compareSequences(a.position.sequence, b.position.sequence)
        : a.copy.firstEnqueue - b.copy.firstEnqueue,
    )
    .map(({ copy }) => copy);
}

/** Positions of different streams are never compared (R2). */
function positionOf({ letter }: DeadLetterCopy) {
  const { stream, sequence: number } = letter?.position ?? {
    stream: letter?.stream,
    sequence: letter?.sequence,
  };
  return stream === undefined || number === undefined ? undefined : { stream, sequence: sequence(number) };
}

function merged(lane: readonly DeadLetterCopy[]): readonly Copies[] {
  const groups = Map.groupBy(lane, ({ identity }) => identity);
  return [...groups.values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : [[first, ...others]],
  );
}

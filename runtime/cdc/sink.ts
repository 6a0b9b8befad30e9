import type { Change } from './change.js';
import type { SourcePosition } from './position.js';
import type { TopicPartition } from './source.js';

/** Where a sink stands in one partition: kept beside its rows, and moved in the same atomic step as they. */
export interface SinkState {
  /** The first offset that is not written. 0: nothing is. */
  readonly next: bigint;
  /** The highest position of the source among what is written: what comes again has a new offset, and this one. */
  readonly position?: SourcePosition;
}

export interface Batch {
  readonly partition: TopicPartition;
  /** Where the sink must stand, else nothing is written. */
  readonly from: SinkState;
  /** Where it stands afterwards. */
  readonly to: SinkState;
  /** In the order of their offsets; all of them ahead of `from`. May be none: then only the offset moves. */
  readonly changes: readonly Change[];
}

/**
 * Something that rows are written into exactly once. It is the sink, and no broker, that knows how far it is: whoever
 * is assigned a partition asks `open`, reads on from there, and each write moves the sink on by compare-and-set
 * together with the rows. Of two that write at once one is refused; both are told where the sink stands then.
 */
export interface Sink {
  /** For lines and errors. */
  readonly name: string;
  /**
   * Where the sink stands: `{ next: 0n }` for a partition that it has never met.
   *
   * @throws SinkUnavailable
   */
  open(partition: TopicPartition): Promise<SinkState>;
  /**
   * Looks at a change before it is put into a batch.
   *
   * @throws RecordRefused when it can never be written.
   */
  check?(change: Change): void;
  /**
   * Writes a batch, or the first part of it, or nothing when somebody else has written meanwhile.
   *
   * @returns where the sink stands now. What lies before is written once, by us or by somebody else; it is the place
   *   to read on from, also when it is behind `batch.from`: a store that was restored has lost what it held. A lost
   *   answer needs no care: the batch is written again, and refused.
   * @throws BatchRefused when one of its rows cannot be written, and nothing was; SinkUnavailable.
   */
  write(batch: Batch): Promise<SinkState>;
}

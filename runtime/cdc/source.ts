/**
 * One partition of one incarnation of a topic. The id, not the name, says which log it is: a topic that was made anew
 * under its old name counts its offsets from 0 again, and they must never be compared with the old ones (R2).
 */
export interface TopicPartition {
  readonly topic: string;
  /** Of Kafka (KIP-516): 22 characters of base64url. */
  readonly topicId: string;
  readonly partition: number;
}

export function partitionText({ topic, topicId, partition }: TopicPartition): string {
  return `${topic}[${partition}] (topic id ${topicId})`;
}

export interface SourceRecord {
  readonly offset: bigint;
  readonly key: Uint8Array | null;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
}

export interface FetchOptions {
  /** At most so many bytes of keys and values, but at the least one record. */
  readonly maxBytes: number;
  readonly maxRecords: number;
  /** How long to wait for the first record. */
  readonly waitMs: number;
  readonly signal?: AbortSignal;
}

/**
 * A log that is read from an offset: Kafka's, or one in memory. It keeps no offsets of its own: where to read on from
 * is the sink's to say (R40).
 *
 * An implementation shows only what is committed (`isolation.level=read_committed`), in the order of the offsets,
 * which may have holes where transactions ended.
 */
export interface Source {
  /** The partitions to be read. */
  partitions(): Promise<readonly TopicPartition[]>;
  /** The first offset that the log still has, and the one after its last. */
  bounds(partition: TopicPartition): Promise<{ readonly start: bigint; readonly end: bigint }>;
  /**
   * Records from that offset on, in order; none when there was none within the time.
   *
   * @throws SourceUnavailable when the log cannot be read.
   */
  fetch(partition: TopicPartition, from: bigint, options: FetchOptions): Promise<readonly SourceRecord[]>;
  /**
   * How far the log is known to hold no record from that offset on, which is the end of what `fetch` has given: ends
   * of transactions take offsets, too. A sink that stood before them would stop (RecordsMissing) once they expire.
   *
   * @default - not beyond that offset
   */
  passed?(partition: TopicPartition, from: bigint): bigint;
}

import type { Decode } from './change.js';
import type { DeadLetters } from './dead-letters.js';
import type { Sink } from './sink.js';
import type { Source, TopicPartition } from './source.js';

export interface SinkRunOptions {
  readonly source: Source;
  readonly sink: Sink;
  /** Such as {@link debezium}. */
  readonly decode: Decode;
  /** When a batch is written. Whatever comes first. */
  readonly batch?: {
    /** @default 1,000 */
    readonly rows?: number;
    /** Of keys and values as they came; also what a partition may hold in memory. @default 8 MiB */
    readonly bytes?: number;
    /** After the first record of the batch. @default 5,000 */
    readonly ms?: number;
  };
  /**
   * Where records go that can never be written.
   *
   * @default - nowhere: the sink writes what comes before such a record, and stops with its error
   */
  readonly deadLetters?: DeadLetters;
  /** How long a sink or a log that does not answer is asked again. @default 60,000 */
  readonly patienceMs?: number;
  /**
   * After so long without a record the sink is moved over what ends the log and is none, such as ends of transactions
   * (in S3 by an object without a line): milliseconds, well below the retention of the topic. @default 600,000
   */
  readonly quietMs?: number;
  /** Aborted: what has been read is written, and the run ends. */
  readonly signal?: AbortSignal;
  /**
   * Ends where the log ended when the run began, instead of waiting for more; or before, when nothing has come for 10
   * seconds, as when markers of transactions are all that is left.
   *
   * @default false
   */
  readonly stopAtEnd?: boolean;
  /** Is told of each write. It holds no data of rows. */
  readonly observe?: (write: WriteSummary) => void;
}

export interface WriteSummary {
  readonly sink: string;
  readonly partition: TopicPartition;
  readonly from: bigint;
  /** Where the sink stands afterwards. Before `from`: it was restored, or emptied, and is read for from there. */
  readonly next: bigint;
  /** Written by this write. 0 when somebody else was faster, and when the sink was behind. */
  readonly rows: number;
  /** Changes that had come before, under other offsets. */
  readonly duplicates: number;
  readonly bytes: number;
  readonly ms: number;
  /** Somebody else has written meanwhile: another process has this partition, too. */
  readonly overtaken: boolean;
}

/** What a run has done in one partition. */
export interface PartitionSummary {
  readonly partition: TopicPartition;
  /** Where the log began, when the sink had never met the partition. */
  readonly began?: bigint;
  readonly next: bigint;
  readonly rows: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  readonly overtaken: number;
}

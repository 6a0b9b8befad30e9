import type { Duration, Size } from 'aws-cdk-lib';

/** What a consumer of a topic has to hold, as its owner expects it. A peak that lasts, not that of a second. */
export interface KafkaWorkload {
  /** Records a second at the peak, of all partitions together. */
  readonly peakRecordsPerSecond: number;

  /** How long the consumer takes for one record. */
  readonly consumerTimePerRecord: Duration;

  /**
   * Partitions of the topic.
   *
   * @default - not known
   */
  readonly partitions?: number;

  /**
   * Size of a record with its key and headers.
   *
   * @default Size.kibibytes(1)
   */
  readonly recordSize?: Size;
}

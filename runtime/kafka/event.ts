/**
 * One record of Lambda's Kafka event. The types of `aws-lambda` have keys and values that are always there; a record
 * without a key, and a tombstone, have none.
 */
export interface KafkaRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /**
   * Epoch milliseconds: of the producer or of the broker, as `timestampType` says. It never changes. Brokers take any
   * number of a producer: -1 is none, and nanoseconds are beyond every date.
   */
  readonly timestamp: number;
  readonly timestampType: string;
  /** Base64. Null or absent: the record has none. */
  readonly key?: string | null;
  /** Base64. Null or absent: a tombstone. */
  readonly value?: string | null;
  /**
   * Each an object of one name; the value is a list of bytes, signed ones too. A name may come more than once. Null:
   * in Kafka the value of a header may be none.
   */
  readonly headers?: readonly Readonly<Record<string, readonly number[] | null>>[] | null;
}

/**
 * What Lambda hands over from MSK (`aws:kafka`) and from a self-managed cluster: records by `topic-partition`, those
 * of one partition in the order of their offsets. It names the topic, not its id.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-kafka.html
 */
export interface KafkaEvent {
  readonly eventSource: 'aws:kafka' | 'SelfManagedKafka';
  /** Of the cluster; MSK only. */
  readonly eventSourceArn?: string;
  readonly bootstrapServers?: string;
  readonly records: Readonly<Record<string, readonly KafkaRecord[]>>;
}

/** What Lambda hands over, one record at a time. */
export interface HandedOut {
  readonly record: KafkaRecord;
  /** `topic-partition`, as the event calls it: so the answer has to call it. */
  readonly partition: string;
  /** Where it came from: the cluster's ARN or its servers, and the partition. */
  readonly source: string;
  /** How often it has been handed out, this time included. Undefined: it could not be counted. */
  readonly deliveries: number | undefined;
}

/** The records of an event, partition by partition. */
export function recordsOf({ records, eventSourceArn, bootstrapServers }: KafkaEvent): HandedOut[] {
  const cluster = eventSourceArn ?? bootstrapServers ?? 'kafka';
  return Object.entries(records).flatMap(([partition, ofOne]) =>
    ofOne.map((record) => ({ record, partition, source: `${cluster}/${partition}`, deliveries: undefined })),
  );
}

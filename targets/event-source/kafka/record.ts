import type { LogRecord } from './log.js';
import type { KafkaMapping } from './mapping.js';

/** A record of the event, with the fields of https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html */
export interface KafkaEventRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly timestampType: string;
  readonly key?: string;
  readonly value?: string;
  readonly headers: readonly Readonly<Record<string, readonly number[]>>[];
}

/** The event of a batch: records by `topic-partition`. */
export interface KafkaInvocationEvent {
  readonly eventSource: 'aws:kafka' | 'SelfManagedKafka';
  readonly eventSourceArn?: string;
  readonly bootstrapServers: string;
  readonly records: Readonly<Record<string, readonly KafkaEventRecord[]>>;
}

export function toEvent(
  { clusterArn, bootstrapServers, topic }: Pick<KafkaMapping, 'clusterArn' | 'bootstrapServers' | 'topic'>,
  records: readonly LogRecord[],
): KafkaInvocationEvent {
  const ofPartition = Map.groupBy(records, ({ partition }) => partition);
  return {
    eventSource: clusterArn === undefined ? 'SelfManagedKafka' : 'aws:kafka',
    ...(clusterArn !== undefined && { eventSourceArn: clusterArn }),
    bootstrapServers,
    records: Object.fromEntries(
      [...ofPartition].map(([partition, some]) => [
        partitionName(topic, partition),
        some.map((record) => toEventRecord(topic, record)),
      ]),
    ),
  };
}

export function partitionName(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

export function toEventRecord(topic: string, record: LogRecord): KafkaEventRecord {
  const { partition, offset, timestamp, timestampType, key, value, headers } = record;
  return {
    topic,
    partition,
    offset,
    timestamp,
    timestampType,
    ...(key !== null && { key: base64(key) }),
    ...(value !== null && { value: base64(value) }),
    headers: headers.map(([name, bytes]) => ({ [name]: [...bytes] })),
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

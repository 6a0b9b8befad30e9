import type { EventSourceMappingConfiguration } from '@aws-sdk/client-lambda';
import { MappingInvalidError } from '../errors.js';

/** A deployed mapping of a Kafka topic, with AWS's defaults filled in. */
export interface KafkaMapping {
  readonly uuid: string;
  readonly functionName: string;
  /** With the alias or version of the mapping, if it has one. */
  readonly functionArn: string;
  readonly topic: string;
  /** Of an MSK cluster; undefined: the cluster is self-managed. */
  readonly clusterArn: string | undefined;
  readonly bootstrapServers: string;
  readonly consumerGroup: string;
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST';
  /** Records in one invocation at most. */
  readonly batchSize: number;
  /** How long a batch is collected, counted from its first record. */
  readonly batchingWindowSeconds: number;
  /** Pollers, each with partitions and an invocation of its own. Undefined: on demand, one per partition. */
  readonly provisionedPollers: number | undefined;
  readonly reportsBatchItemFailures: boolean;
  readonly bisectsOnError: boolean;
  /** Infinity: for ever; 10 where there is a destination. */
  readonly maximumRetryAttempts: number;
  readonly maximumRecordAgeSeconds: number;
  /** ARN of a queue, topic or bucket, or `kafka://topic`. */
  readonly onFailure: string | undefined;
}

export function isKafkaMapping({
  EventSourceArn = '',
  SelfManagedEventSource,
}: EventSourceMappingConfiguration): boolean {
  return EventSourceArn.startsWith('arn:aws:kafka:') || SelfManagedEventSource !== undefined;
}

/** With infinite retries and a destination, Lambda makes so many. */
const attemptsWithDestination = 10;

/**
 * @throws MappingInvalidError for settings that AWS refuses
 * @see https://docs.aws.amazon.com/lambda/latest/dg/msk-esm-parameters.html
 */
export function readKafkaMapping(configuration: EventSourceMappingConfiguration): KafkaMapping {
  const {
    UUID: uuid = '',
    FunctionArn: functionArn = '',
    EventSourceArn: clusterArn,
    DestinationConfig,
  } = configuration;
  const onFailure = DestinationConfig?.OnFailure?.Destination;
  const attempts = orInfinity(configuration.MaximumRetryAttempts);
  const { MinimumPollers } = configuration.ProvisionedPollerConfig ?? {};
  const endpoints = configuration.SelfManagedEventSource?.Endpoints ?? {};
  const mapping: KafkaMapping = {
    uuid,
    functionArn,
    functionName: functionArn.split(':')[6] ?? '',
    topic: configuration.Topics?.[0] ?? '',
    clusterArn,
    bootstrapServers: (endpoints.KAFKA_BOOTSTRAP_SERVERS ?? []).join(','),
    consumerGroup:
      configuration.AmazonManagedKafkaEventSourceConfig?.ConsumerGroupId ??
      configuration.SelfManagedKafkaEventSourceConfig?.ConsumerGroupId ??
      uuid,
    startingPosition: configuration.StartingPosition === 'LATEST' ? 'LATEST' : 'TRIM_HORIZON',
    batchSize: configuration.BatchSize ?? 100,
    batchingWindowSeconds: configuration.MaximumBatchingWindowInSeconds ?? 0.5,
    provisionedPollers: configuration.ProvisionedPollerConfig && (MinimumPollers ?? 1),
    reportsBatchItemFailures: (configuration.FunctionResponseTypes ?? []).includes('ReportBatchItemFailures'),
    bisectsOnError: configuration.BisectBatchOnFunctionError ?? false,
    maximumRetryAttempts:
      attempts === Infinity && onFailure !== undefined ? attemptsWithDestination : attempts,
    maximumRecordAgeSeconds: orInfinity(configuration.MaximumRecordAgeInSeconds),
    onFailure,
  };
  const problems = refusedSettings(mapping, configuration);
  if (problems.length > 0) throw new MappingInvalidError(uuid, problems);
  return mapping;
}

function orInfinity(limit: number | undefined): number {
  return limit === undefined || limit === -1 ? Infinity : limit;
}

function refusedSettings(
  mapping: KafkaMapping,
  { StartingPosition, Topics = [], MaximumRetryAttempts = -1 }: EventSourceMappingConfiguration,
): string[] {
  const { batchSize, batchingWindowSeconds, maximumRecordAgeSeconds: age, onFailure } = mapping;
  const onDemand = mapping.provisionedPollers === undefined;
  const refusals: [boolean, string][] = [
    [Topics.length !== 1, `${Topics.length} topics, 1 is allowed`],
    [batchSize < 1 || batchSize > 10_000, `batch size ${batchSize}, 1 to 10,000 is allowed`],
    [
      batchingWindowSeconds > 300,
      `a batching window of ${batchingWindowSeconds} s, at most 300 s is allowed`,
    ],
    [
      onDemand &&
        (mapping.reportsBatchItemFailures ||
          mapping.bisectsOnError ||
          MaximumRetryAttempts !== -1 ||
          age !== Infinity),
      'retry attempts, record age, bisecting or partial responses without provisioned pollers, which they need',
    ],
    [
      MaximumRetryAttempts < -1 || MaximumRetryAttempts > 10_000,
      `${MaximumRetryAttempts} retry attempts, -1 to 10,000 is allowed`,
    ],
    [
      age !== Infinity && (age < 60 || age > 604_800),
      `a maximum record age of ${age} s, -1 or 60 to 604,800 s is allowed`,
    ],
    [
      onFailure === `kafka://${mapping.topic}`,
      'its own topic as the on-failure topic, which would be a circle',
    ],
    [StartingPosition === 'AT_TIMESTAMP', 'starting position AT_TIMESTAMP, which this runner does not play'],
  ];
  return refusals.filter(([refused]) => refused).map(([, problem]) => problem);
}

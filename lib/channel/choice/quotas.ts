/** When the table below was last compared with AWS's pages. */
export const quotasAsOf = '2026-11-28';

/** A limit of AWS that a channel has to keep within. */
export interface Quota {
  readonly value: number;
  /** What the value counts. */
  readonly unit: string;
  /** Whether AWS raises it on request: then it is something to ask for, and no reason against a kind of queue. */
  readonly adjustable?: true;
  /** AWS's page. */
  readonly page: string;
}

const sqs = 'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide';
const lambda = 'https://docs.aws.amazon.com/lambda/latest/dg';

/**
 * Every quota that decides about a channel, in one place. Calls are counted per action: sends, receives and deletes
 * each have their own.
 */
export const quotas = {
  /** Of a FIFO queue without high throughput. */
  fifoCalls: { value: 300, unit: 'calls/s of an action', page: `${sqs}/quotas-messages.html` },
  /** Of one partition of a high-throughput FIFO queue. A group lives in one partition. */
  partitionCalls: {
    value: 300,
    unit: 'calls/s of an action',
    page: `${sqs}/partitions-and-data-distribution.html`,
  },
  batchEntries: { value: 10, unit: 'messages a call', page: `${sqs}/quotas-messages.html` },
  /** Of a message with its attributes, and of all messages of one call together. */
  messageBytes: { value: 1_048_576, unit: 'bytes', page: `${sqs}/quotas-messages.html` },
  fifoInFlight: { value: 120_000, unit: 'messages in flight', page: `${sqs}/quotas-messages.html` },
  /** A FIFO queue looks for groups to deliver in so many messages at its head (R24). */
  fifoLookAhead: { value: 120_000, unit: 'messages waiting', page: `${sqs}/quotas-messages.html` },
  standardInFlight: { value: 120_000, unit: 'messages in flight', page: `${sqs}/quotas-messages.html` },
  /** One batch of a group is processed at a time. */
  groupConcurrency: {
    value: 1,
    unit: 'batches of a group at a time',
    page: `${lambda}/services-sqs-scaling.html`,
  },
  /** Of a mapping that is not in provisioned mode. */
  mappingConcurrency: {
    value: 1_250,
    unit: 'invocations at a time',
    page: `${lambda}/services-sqs-scaling.html`,
  },
  accountConcurrency: {
    value: 1_000,
    unit: 'invocations at a time in the account',
    adjustable: true,
    page: `${lambda}/gettingstarted-limits.html`,
  },
  /** A fair queue takes a group for noisy from so many of its messages in flight on... */
  noisyInFlight: { value: 30, unit: 'messages of one group in flight', page: `${sqs}/sqs-fair-queues.html` },
  /** ...if they are more than this share of all. */
  noisyShare: { value: 0.1, unit: 'of all messages in flight', page: `${sqs}/sqs-fair-queues.html` },
} as const satisfies Record<string, Quota>;

/** Calls a second of an action that a high-throughput FIFO queue takes, by Region. */
export function highThroughputCalls(region: string | undefined): Quota {
  return {
    value: callsByRegion.find(([, regions]) => regions.includes(region ?? ''))?.[0] ?? otherRegions,
    unit: `calls/s of an action in ${region ?? 'a Region that is not known'}`,
    page: `${sqs}/quotas-messages.html`,
  };
}

const callsByRegion: readonly (readonly [calls: number, regions: readonly string[]])[] = [
  [70_000, ['us-east-1', 'us-west-2', 'eu-west-1']],
  [19_000, ['us-east-2', 'eu-central-1']],
  [9_000, ['ap-south-1', 'ap-southeast-1', 'ap-southeast-2', 'ap-northeast-1']],
  [4_500, ['eu-west-2', 'sa-east-1']],
];

/** Also what is taken where the Region is not known: it is the least. */
const otherRegions = 2_400;

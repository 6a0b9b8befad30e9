import { FindingLevel } from './finding.js';

/** What is the same for all findings of a rule. */
export interface Rule {
  readonly level: FindingLevel;
  /** What has to be so, in one sentence. */
  readonly says: string;
  readonly location: string;
  readonly page: string;
}

const lambda = 'https://docs.aws.amazon.com/lambda/latest/dg';
const sqs = 'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide';
const dynamodb = 'https://docs.aws.amazon.com/amazondynamodb/latest/developerguide';
const { BROKEN, RISK, UNKNOWN } = FindingLevel;

function rule(level: FindingLevel, says: string, location: string, page: string): Rule {
  return { level, says, location: `Properties/${location}`, page };
}

/**
 * Every rule of the prover by its id. Where a construct checks the same, the id is the same, and so is the code: both
 * call the inequalities of lib/guarantees.
 */
export const rules = {
  'visibility-covers-the-function': rule(
    BROKEN,
    'A message stays hidden for six times the timeout of its function, and the batching window.',
    'VisibilityTimeout',
    `${lambda}/services-sqs-configure.html`,
  ),
  'poison-has-an-end': rule(
    BROKEN,
    'A queue that a function consumes has a redrive policy.',
    'RedrivePolicy',
    `${sqs}/sqs-dead-letter-queues.html`,
  ),
  'dead-letters-of-one-kind': rule(
    BROKEN,
    'The dead-letter queue of a FIFO queue is FIFO, that of a Standard queue is Standard.',
    'RedrivePolicy',
    `${sqs}/sqs-dead-letter-queues.html`,
  ),
  'dead-letters-apart': rule(
    BROKEN,
    'A queue is not its own dead-letter queue.',
    'RedrivePolicy',
    `${sqs}/sqs-dead-letter-queues.html`,
  ),
  'dead-letters-outlive-the-queue': rule(
    BROKEN,
    'A dead letter lives long enough to be repaired: on Standard its clock began with the first send.',
    'MessageRetentionPeriod',
    `${sqs}/setting-up-dead-letter-queue-retention.html`,
  ),
  'dead-letters-before-expiry': rule(
    BROKEN,
    'A message reaches the dead-letter queue before it expires.',
    'RedrivePolicy/maxReceiveCount',
    `${sqs}/sqs-dead-letter-queues.html`,
  ),
  'receives-are-no-failures': rule(
    RISK,
    'A message may be received five times at the least: throttled polls and killed instances count, too.',
    'RedrivePolicy/maxReceiveCount',
    `${lambda}/services-sqs-configure.html`,
  ),
  'partial-batch-response': rule(
    BROKEN,
    'The function reports which messages of a batch failed.',
    'FunctionResponseTypes',
    `${lambda}/services-sqs-errorhandling.html`,
  ),
  'batch-size-of-the-kind': rule(
    BROKEN,
    'A batch has at most 10 messages on FIFO, 10,000 on Standard, and above 10 a window of a second at the least.',
    'BatchSize',
    `${lambda}/services-sqs-parameters.html`,
  ),
  'batching-window-is-standard': rule(
    BROKEN,
    'A mapping of a FIFO queue has no batching window.',
    'MaximumBatchingWindowInSeconds',
    `${lambda}/services-sqs-parameters.html`,
  ),
  'concurrency-limited-at-the-mapping': rule(
    BROKEN,
    'Concurrency is limited at the mapping, from 2 to 1,000.',
    'ScalingConfig/MaximumConcurrency',
    `${lambda}/services-sqs-scaling.html`,
  ),
  'pollers-are-not-throttled': rule(
    RISK,
    'The function of a queue has no reserved concurrency below what its mapping calls.',
    'ReservedConcurrentExecutions',
    `${lambda}/services-sqs-scaling.html`,
  ),
  'provisioned-or-limited': rule(
    BROKEN,
    'A mapping has provisioned pollers or a maximum concurrency, not both.',
    'ProvisionedPollerConfig',
    `${lambda}/services-sqs-scaling.html`,
  ),
  'pollers-in-range': rule(
    BROKEN,
    'Provisioned pollers are 2 to 200 at the least and 10,000 at the most, and the minimum is not above the maximum.',
    'ProvisionedPollerConfig',
    'https://docs.aws.amazon.com/lambda/latest/api/API_ProvisionedPollerConfig.html',
  ),
  'pollers-of-fifo': rule(
    UNKNOWN,
    'Whether provisioned pollers serve a FIFO queue: no page of AWS says so.',
    'ProvisionedPollerConfig',
    `${lambda}/services-sqs-scaling.html`,
  ),
  'high-throughput-is-per-group': rule(
    BROKEN,
    'A limit per message group needs deduplication per message group.',
    'DeduplicationScope',
    `${sqs}/high-throughput-fifo.html`,
  ),
  'deduplication-is-per-group': rule(
    UNKNOWN,
    'Producers keep a message in one group: in another one, the same deduplication id is another message.',
    'DeduplicationScope',
    `${sqs}/high-throughput-fifo.html`,
  ),
  'content-is-no-identity': rule(
    RISK,
    'Equal bodies are not taken for one message.',
    'ContentBasedDeduplication',
    `${sqs}/using-messagededuplicationid-property.html`,
  ),
  'deduplication-ids-repeat': rule(
    UNKNOWN,
    'A producer that sends again uses the deduplication id of its first try, within 5 minutes.',
    'FifoQueue',
    `${sqs}/using-messagededuplicationid-property.html`,
  ),
  'dead-letters-make-holes': rule(
    UNKNOWN,
    'Later messages of a group may act although an earlier one became a dead letter.',
    'RedrivePolicy',
    `${sqs}/sqs-dead-letter-queues.html`,
  ),
  'one-consumer-per-channel': rule(
    RISK,
    'A queue has one mapping: each message goes to one of several.',
    'EventSourceArn',
    `${lambda}/with-sqs.html`,
  ),
  'filtered-messages-are-deleted': rule(
    RISK,
    'Nobody needs the messages that a filter leaves out: Lambda deletes them.',
    'FilterCriteria',
    `${lambda}/with-sqs-filtering.html`,
  ),
  'queue-as-stated': rule(
    UNKNOWN,
    'A queue that the app does not make is set up for its function.',
    'EventSourceArn',
    `${lambda}/services-sqs-configure.html`,
  ),
  'function-timeout': rule(
    UNKNOWN,
    'A function that the app does not make stops within a sixth of the visibility timeout.',
    'FunctionName',
    `${lambda}/services-sqs-configure.html`,
  ),
  'dead-letter-queue-as-stated': rule(
    UNKNOWN,
    'A dead-letter queue that the app does not make keeps its messages long enough.',
    'RedrivePolicy',
    `${sqs}/setting-up-dead-letter-queue-retention.html`,
  ),
  'known-at-synth': rule(
    UNKNOWN,
    'A value that a rule needs is known before the deployment.',
    '',
    `${lambda}/services-sqs-configure.html`,
  ),
  'identity-is-committed': rule(
    UNKNOWN,
    'The proof that a message was processed becomes durable in one step with its effects.',
    'FunctionName',
    `${lambda}/with-sqs.html`,
  ),
  'receipts-outlive-the-horizon': rule(
    BROKEN,
    'A receipt is kept for as long as a copy of its message can arrive.',
    'Environment',
    `${sqs}/sqs-configure-dead-letter-queue-redrive.html`,
  ),
  'receipts-in-one-region': rule(
    RISK,
    'What a function of a queue writes is written in one Region.',
    'Replicas',
    `${dynamodb}/V2globaltables_HowItWorks.html`,
  ),
  'loss-is-seen': rule(
    UNKNOWN,
    'Somebody is alarmed by a dead letter, and before messages expire.',
    'MessageRetentionPeriod',
    `${sqs}/sqs-available-cloudwatch-metrics.html`,
  ),
  'age-hides-poison': rule(
    RISK,
    'An alarm on the age of the oldest message has one on dead letters beside it.',
    'RedrivePolicy/maxReceiveCount',
    `${sqs}/sqs-available-cloudwatch-metrics.html`,
  ),
  'fair-queue-thresholds': rule(
    UNKNOWN,
    'A fair queue tells a noisy group by its share of the messages in flight.',
    'ScalingConfig/MaximumConcurrency',
    `${sqs}/sqs-fair-queues.html`,
  ),
  'stream-from-the-start': rule(
    BROKEN,
    'A mapping of a stream begins at TRIM_HORIZON: LATEST can miss records while it is made or changed.',
    'StartingPosition',
    `${lambda}/services-dynamodb-eventsourcemapping.html`,
  ),
  'relay-gives-up': rule(
    BROKEN,
    'A batch of a stream that always fails is given up before it expires.',
    'MaximumRetryAttempts',
    `${lambda}/services-dynamodb-errors.html`,
  ),
  'relay-gives-up-before-the-stream': rule(
    BROKEN,
    'A record is given up while the stream still has it.',
    'MaximumRecordAgeInSeconds',
    `${dynamodb}/Streams.html`,
  ),
  'discarded-records-are-kept': rule(
    BROKEN,
    'What a mapping gives up goes somewhere.',
    'DestinationConfig',
    `${lambda}/services-dynamodb-errors.html`,
  ),
  'discarded-records-are-whole': rule(
    RISK,
    'What a mapping gives up goes to S3: other destinations are sent metadata only.',
    'DestinationConfig',
    `${lambda}/services-dynamodb-errors.html`,
  ),
  'one-failure-is-one-record': rule(
    RISK,
    'A failed record does not bring back its whole batch.',
    'FunctionResponseTypes',
    `${lambda}/services-dynamodb-eventsourcemapping.html`,
  ),
  'order-is-per-item': rule(
    UNKNOWN,
    'Nothing needs an order across items: with several batches of a shard at once it is kept per item only.',
    'ParallelizationFactor',
    `${lambda}/services-dynamodb-eventsourcemapping.html`,
  ),
} satisfies Record<string, Rule>;

export type RuleId = keyof typeof rules;

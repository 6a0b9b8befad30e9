import { Duration } from 'aws-cdk-lib';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { invocationLine, itemsText, logLine, storageLine, writeLine, type Cost } from '../guarantees/cost.js';
import { durationText } from '../guarantees/duration-text.js';
import type { PathClaim } from '../guarantees/guarantee-claims.js';
import { horizon } from '../guarantees/horizon.js';
import { isKnown } from '../guarantees/inequality.js';
import type { KafkaConsumerProps } from './kafka-consumer-props.js';

export const defaults = {
  batchSize: 100,
  maxFailures: 5,
  maxRedrives: 3,
  memorySize: 256,
  timeout: Duration.seconds(60),
  deadLetterRetention: Duration.days(14),
  producerRetryHorizon: Duration.days(14),
} as const;

/** How long a copy of a record can still come. Undefined when a part of it is known only at deployment. */
export function kafkaHorizonOf(props: KafkaConsumerProps): Duration | undefined {
  const {
    topicRetention,
    deadLetterRetention = defaults.deadLetterRetention,
    producerRetryHorizon = defaults.producerRetryHorizon,
    maxRedrives = defaults.maxRedrives,
  } = props;
  if (![topicRetention, deadLetterRetention, producerRetryHorizon, maxRedrives].every(isKnown))
    return undefined;
  return horizon({ producerRetryHorizon, maxRedrives, queueRetention: topicRetention, deadLetterRetention });
}

/** How its records act once, and what would break it. */
export function kafkaClaim(
  { topicId, receiptsInPostgres = false }: KafkaConsumerProps,
  receiptRetention: Duration,
): PathClaim {
  const kept = isKnown(receiptRetention) ? durationText(receiptRetention) : 'as the deployment says';
  return {
    identity:
      topicId === undefined
        ? `key, receipt kept ${kept}`
        : `(topic id, partition, offset), or key, receipt kept ${kept}`,
    way: `effects and receipt in one transaction${receiptsInPostgres ? ' of Postgres' : ''}`,
    brokenBy: [
      `a copy after ${kept}`,
      ...(topicId === undefined
        ? []
        : ['what the producer has sent twice, where the position is the identity']),
      'effects outside the transaction',
    ],
  };
}

/** Of a million records that arrive once each. Undefined when a value of it is known only at deployment. */
export function kafkaCostOf(props: KafkaConsumerProps, receiptRetention: Duration): Cost | undefined {
  const { batchSize = defaults.batchSize, memorySize = defaults.memorySize, writesPerMessage = 1 } = props;
  if (![batchSize, memorySize, writesPerMessage, receiptRetention].every(isKnown)) return undefined;
  const arm = (props.architecture ?? Architecture.ARM_64).name === Architecture.ARM_64.name;
  return {
    per: 'messages',
    batchSize,
    lines: [
      invocationLine({ memoryMegabytes: memorySize, arm }, batchSize),
      logLine(batchSize),
      // What a database costs is not counted by the write.
      ...(props.receiptsInPostgres === true
        ? []
        : [
            writeLine([
              [2, 'for the receipt'],
              [2 * writesPerMessage, itemsText(writesPerMessage, 2)],
              [1 / batchSize, 'for the count of deliveries, 1 a batch and partition'],
            ]),
            storageLine('receipts kept', receiptRetention.toSeconds() / 86_400),
          ]),
    ],
  };
}

/** What a reader of GUARANTEES.md should know of this path. */
export function kafkaNotes(props: KafkaConsumerProps): string[] {
  const { maxFailures = defaults.maxFailures, onDemand, retryAttempts, maxRecordAge, onFailureTopic } = props;
  const count = isKnown(maxFailures) ? String(maxFailures) : 'some';
  return [
    `A record is dead-lettered after ${count} failures of its own, or when its process has died of it alone. Its partition waits for it until then.`,
    ...(props.receiptsInPostgres === true
      ? ['Not checked: that no other consumer of the database has its name, and that its schema is migrated.']
      : []),
    ...(onDemand === true
      ? [
          'Without provisioned pollers a record that comes again brings its whole batch; what is committed of it costs 1.5 read units each time.',
        ]
      : ['Provisioned pollers are paid by the hour, also while nothing arrives.']),
    ...(retryAttempts === undefined && maxRecordAge === undefined
      ? []
      : [
          `Lambda gives up whole batches${retryAttempts === undefined || !isKnown(retryAttempts) ? '' : ` after ${retryAttempts} retries`}, also for an outage that is nobody's fault: they are in the topic '${onFailureTopic ?? ''}', have not acted, and are yours to bring back.`,
        ]),
  ];
}

import { Duration } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { atLeast, isKnown, wholeBetween, type Inequality } from './inequality.js';
import { nameIsItsOwn } from './own-name.js';
import { roomToWork } from './room-to-work.js';

/** What a channel's inequalities compare. */
export interface ChannelValues {
  readonly fifo: boolean;
  readonly retention: Duration;
  readonly deadLetterRetention: Duration;
  /** Standard only. @default - a day */
  readonly timeToRepair?: Duration;
}

/** What a consumer keeps in the dedup table: a receipt of each message, or what `once` has claimed, or failures. */
export type KeptRows = 'receipts' | 'claims' | 'failures';

/** What a consumer's inequalities compare. */
export interface ConsumerValues {
  readonly consumerName: string;
  readonly channel: IConstruct;
  /** Absent where no receipts are kept. */
  readonly dedupTable?: IConstruct;
  /** Receipts are kept in Postgres. @default false */
  readonly inPostgres?: boolean;
  /** Who has the name on the table already, if anybody. */
  readonly namesake?: IConstruct;
  readonly visibilityTimeout: Duration;
  readonly timeout: Duration;
  /** @default - Lambda does not wait */
  readonly maxBatchingWindow?: Duration;
  readonly batchSize: number;
  readonly receiptRetention?: Duration;
  readonly kept: KeptRows;
  /** Absent when it depends on a value that is known only at deployment. */
  readonly horizon?: Duration;
  readonly maxConcurrency?: number;
}

/**
 * A dead letter must live long enough to be repaired.
 *
 * On Standard it keeps its first enqueue time: after a whole retention in the queue, only what the dead-letter queue
 * has more is left. On FIFO the clock restarts at the move, so an equal retention gives the repair as long as the
 * queue gave the consumer.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
 */
export function channelInequalities(values: ChannelValues): Inequality[] {
  const { fifo, retention, deadLetterRetention, timeToRepair = Duration.days(1) } = values;
  return known([
    atLeast(
      {
        id: 'dead-letters-outlive-the-queue',
        prevents: 'a failed message expires before anybody can repair it (lost)',
        change: 'raise `deadLetterRetention` (at most 14 days) or lower `retention`',
      },
      { name: 'deadLetterRetention', value: deadLetterRetention },
      fifo
        ? { name: 'retention', value: retention }
        : { name: 'retention + timeToRepair', value: sum(retention, timeToRepair) },
    ),
  ]);
}

/** What covers the work on a message, under the name that its reader knows the queue by. */
export interface VisibilityValues {
  readonly queue: string;
  readonly visibilityTimeout: Duration;
  readonly timeout: Duration;
  readonly maxBatchingWindow?: Duration;
  /** What to change where it does not hold. */
  readonly change: string;
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
export function visibilityCovers(values: VisibilityValues): Inequality | undefined {
  const { queue, visibilityTimeout, timeout, maxBatchingWindow = Duration.seconds(0), change } = values;
  return atLeast(
    {
      id: 'visibility-covers-the-function',
      prevents: 'a message comes to a second instance while the first still works on it',
      change,
    },
    { name: `visibility timeout of '${queue}'`, value: visibilityTimeout },
    { name: '6 x timeout + maxBatchingWindow', value: sum(sixTimes(timeout), maxBatchingWindow) },
  );
}

/**
 * Lambda takes 2 to 1,000.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
export function concurrencyAtTheMapping(maxConcurrency: number): Inequality | undefined {
  return wholeBetween(
    {
      id: 'concurrency-limited-at-the-mapping',
      prevents: 'throttled polls count as receives and push healthy messages towards the dead-letter queue',
      change: 'change `maxConcurrency`, or leave it out for no limit',
    },
    { name: 'maxConcurrency', value: maxConcurrency },
    2,
    1000,
  );
}

/** A receipt is kept for as long as a copy of its message can arrive (R8). */
export function receiptsOutlive(
  receiptRetention: Duration,
  until: Duration,
  prevents = 'a copy arrives after its receipt has expired (doubled)',
): Inequality | undefined {
  return atLeast(
    {
      id: 'receipts-outlive-the-horizon',
      prevents,
      change:
        'raise `receiptRetention`, or lower `producerRetryHorizon`, `maxRedrives` or the retentions of the channel',
    },
    { name: 'receiptRetention', value: receiptRetention },
    { name: 'producerRetryHorizon + (1 + maxRedrives) x (retention + deadLetterRetention)', value: until },
  );
}

/**
 * What must hold between a queue, the function that consumes it and its receipts. docs/guarantees.md explains each by
 * its id and names the AWS page.
 */
export function consumerInequalities(values: ConsumerValues): Inequality[] {
  const { channel, dedupTable, namesake, consumerName } = values;
  return known([
    visibilityCovers({
      ...values,
      queue: channel.node.path,
      change: `raise \`consumerTimeout\` or \`visibilityTimeout\` of '${channel.node.path}', or lower \`timeout\``,
    }),
    roomToWork(
      'timeout',
      values.timeout,
      `raise the timeout of the function: \`timeout\`, or \`consumerTimeout\` of '${channel.node.path}'`,
    ),
    wholeBetween(
      {
        id: 'batch-fits-one-transaction',
        prevents:
          'a batch that needs more transactions than its time allows comes back half done, again and again',
        change: 'change `batchSize`',
      },
      { name: 'batchSize', value: values.batchSize },
      1,
      10,
    ),
    (dedupTable !== undefined || values.inPostgres === true) &&
      values.horizon &&
      values.receiptRetention &&
      values.kept !== 'failures' &&
      receiptsOutlive(
        values.receiptRetention,
        values.horizon,
        values.kept === 'receipts'
          ? undefined
          : 'a copy arrives after the claim of `once` that its handler made has expired (made twice)',
      ),
    values.maxConcurrency === undefined ? undefined : concurrencyAtTheMapping(values.maxConcurrency),
    dedupTable &&
      nameIsItsOwn(
        {
          id: 'consumer-name-unique',
          prevents:
            values.kept === 'receipts'
              ? 'one consumer takes the receipts of the other for its own and drops messages (lost)'
              : 'one consumer takes the failures and the stopped groups of the other for its own',
          change: 'give each consumer its own `consumerName`, or its own `dedupTable`',
        },
        { prop: 'consumerName', name: consumerName },
        dedupTable,
        namesake,
      ),
  ]);
}

function sum(a: Duration, b: Duration): Duration {
  // A token on either side leaves the sum unknown, and with it the inequality.
  if (!isKnown(a)) return a;
  if (!isKnown(b)) return b;
  return a.plus(b);
}

function sixTimes(duration: Duration): Duration {
  return isKnown(duration) ? Duration.seconds(6 * duration.toSeconds()) : duration;
}

function known(inequalities: readonly (Inequality | false | undefined)[]): Inequality[] {
  return inequalities.filter((inequality) => typeof inequality === 'object');
}

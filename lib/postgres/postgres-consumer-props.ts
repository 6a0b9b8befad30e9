import type { Duration } from 'aws-cdk-lib';
import type { IConnectable } from 'aws-cdk-lib/aws-ec2';
import type { IDatabaseProxy } from 'aws-cdk-lib/aws-rds';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IMessageChannel } from '../channel/channel-base.js';
import type { ConsumerAlarmThresholds } from '../consumer/consumer-alarms.js';
import type { HandlerFunctionResources } from '../consumer/handler-function.js';
import type { OnFailure } from '../consumer/on-failure.js';

export interface PostgresConsumerProps extends HandlerFunctionResources {
  /** Who processes: see `consumerName` of IdempotentConsumer. No two consumers of one database may share it. */
  readonly consumerName: string;

  /** Where the messages come from. One consumer per channel. */
  readonly channel: IMessageChannel;

  /** Absolute path of the file whose `handler` is what `postgresConsumer` of the runtime made. */
  readonly entry: string;

  /**
   * Secret of the role that the function connects as; it may read it, and is told its ARN in
   * `EXACTLY_ONCE_DATABASE_SECRET`.
   *
   * @default - none: IAM authentication, or an environment of your own
   */
  readonly secret?: ISecret;

  /**
   * The database or its proxy, as what the function connects to: the function is let in on its default port. Needs
   * `vpc`.
   *
   * @default - security groups are yours to open
   */
  readonly database?: IConnectable;

  /**
   * A proxy with IAM authentication: the function may connect through it as `databaseUser`.
   *
   * @default - none
   */
  readonly proxy?: IDatabaseProxy;

  /**
   * With `proxy`: the role of the database.
   *
   * @default - the one of the proxy's secret
   */
  readonly databaseUser?: string;

  /**
   * Connections of the pool of one instance, which the function is told in `EXACTLY_ONCE_DATABASE_CONNECTIONS`: so
   * many messages of a batch are handled side by side.
   *
   * @default - the batch size
   */
  readonly connectionsPerInstance?: number;

  /**
   * Connections that the database, or its proxy, has for this consumer. `maxConcurrency` times
   * `connectionsPerInstance` must not be more.
   *
   * @default - unknown, and not checked
   */
  readonly maxConnections?: number;

  /** Most invocations at a time, 2 to 1,000: each has connections of its own. */
  readonly maxConcurrency: number;

  /**
   * Longest run for one batch.
   *
   * @default - `consumerTimeout` of the channel
   */
  readonly timeout?: Duration;

  /**
   * Most messages in one invocation, 1 to 10.
   *
   * @default 10
   */
  readonly batchSize?: number;

  /**
   * Standard channels only: how long Lambda waits for a batch to fill, up to 5 minutes.
   *
   * @default - Lambda does not wait
   */
  readonly maxBatchingWindow?: Duration;

  /**
   * Whether Lambda polls the queue.
   *
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * How often a message may fail by itself before it is dead-lettered, 1 to 999.
   *
   * @default 5
   */
  readonly maxFailures?: number;

  /**
   * What happens to the messages behind one that has been dead-lettered.
   *
   * @default - OnFailure.STOP on a FIFO channel, else OnFailure.SKIP
   */
  readonly onFailure?: OnFailure;

  /**
   * How long a producer may send one message again after its first try.
   *
   * @default Duration.days(14)
   */
  readonly producerRetryHorizon?: Duration;

  /**
   * How often one message may be sent back from the dead-letter queue.
   *
   * @default 3
   */
  readonly maxRedrives?: number;

  /**
   * How long receipts are kept.
   *
   * @default - the horizon: producerRetryHorizon + (1 + maxRedrives) x (retention + deadLetterRetention of the
   *   channel)
   */
  readonly receiptRetention?: Duration;

  /**
   * From when on alarms go off.
   *
   * @default - as ConsumerAlarms says
   */
  readonly alarms?: ConsumerAlarmThresholds;
}

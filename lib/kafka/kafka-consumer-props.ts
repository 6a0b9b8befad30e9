import type { Duration } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { Architecture, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { HandlerFunctionOptions } from '../consumer/handler-function-options.js';
import type { IDedupTable } from '../dedup/dedup-table-base.js';
import type { KafkaWorkload } from './kafka-workload.js';

/** How a mapping signs in at a self-managed cluster, with the `secret`. */
export enum KafkaAuthentication {
  SASL_SCRAM_512 = 'SASL_SCRAM_512_AUTH',
  SASL_SCRAM_256 = 'SASL_SCRAM_256_AUTH',
  /** SASL/PLAIN. */
  BASIC = 'BASIC_AUTH',
  CLIENT_CERTIFICATE_TLS = 'CLIENT_CERTIFICATE_TLS_AUTH',
}

/** What shapes the function is as of `IdempotentConsumer`. */
export interface KafkaConsumerProps extends HandlerFunctionOptions {
  /**
   * Who processes: every receipt belongs to this name. 1 to 64 of `A-Z a-z 0-9 _ . -`, never a token. It is also the
   * consumer group, unless `consumerGroupId` says otherwise. Choose it once (R1).
   */
  readonly consumerName: string;

  /**
   * Where the receipts are kept, what is known of failures, and how often records were handed out.
   *
   * @default - none, with `receiptsInPostgres`
   */
  readonly dedupTable?: IDedupTable;

  /**
   * All that is kept in a Postgres, together with the effects: the handler is of `postgresKafkaConsumer`. How the
   * function reaches the database (`vpc`, `environment`) and signs in is yours, and that no other consumer of the
   * database has this `consumerName`.
   *
   * @default false
   */
  readonly receiptsInPostgres?: boolean;

  /**
   * Absolute path of the file that exports `handler`, made by `kafkaConsumer` of exactly-once-aws/kafka, or by
   * `postgresKafkaConsumer` of exactly-once-aws/kafka/postgres.
   */
  readonly entry: string;

  /** Name of the topic. */
  readonly topic: string;

  /**
   * Id of the topic, as `kafka-topics.sh --describe` gives it. Must be given where the handler recognises records by
   * `key: 'position'`, and changed when the topic is deleted and made again (R2).
   *
   * @default - none: the handler recognises records by a key that the producer wrote
   */
  readonly topicId?: string;

  /**
   * How long records stay in the topic (`retention.ms`), and so can be handed out again. A compacted topic keeps them
   * for ever: receipts have to last for as long as anybody may reset the group's offsets.
   */
  readonly topicRetention: Duration;

  /**
   * ARN of an MSK cluster, whose access control is IAM unless `secret` is given. Either this or `bootstrapServers`.
   *
   * @default - none, `bootstrapServers` is given
   */
  readonly clusterArn?: string;

  /**
   * `host:port` of brokers of a self-managed cluster. Either this or `clusterArn`.
   *
   * @default - none, `clusterArn` is given
   */
  readonly bootstrapServers?: string[];

  /**
   * Credentials: of a self-managed cluster, by `authentication`; of MSK, SASL/SCRAM.
   *
   * @default - MSK: IAM. Self-managed: none, which only a cluster in a `clusterVpc` may do without
   */
  readonly secret?: ISecret;

  /**
   * What the `secret` of a self-managed cluster is.
   *
   * @default KafkaAuthentication.SASL_SCRAM_512
   */
  readonly authentication?: KafkaAuthentication;

  /**
   * The certificate of a private authority that a self-managed cluster's brokers are signed by.
   *
   * @default - they are signed by a public one
   */
  readonly rootCACertificate?: ISecret;

  /**
   * The network of a self-managed cluster that cannot be reached from elsewhere. `vpc` is the function's own.
   *
   * @default - the cluster is reached over the internet
   */
  readonly clusterVpc?: IVpc;

  /**
   * Subnets of `clusterVpc`.
   *
   * @default - private ones
   */
  readonly clusterSubnets?: SubnetSelection;

  /**
   * Security group for the mapping in `clusterVpc`. Must be given with it.
   *
   * @default - none
   */
  readonly clusterSecurityGroup?: ISecurityGroup;

  /**
   * The consumer group. Never changes: under another one the topic is read from `startingPosition`, which costs, and
   * is harmless while the receipts last.
   *
   * @default - `consumerName`
   */
  readonly consumerGroupId?: string;

  /**
   * Where a new group starts. LATEST can miss what is written while the mapping is made.
   *
   * @default StartingPosition.TRIM_HORIZON
   */
  readonly startingPosition?: StartingPosition;

  /**
   * Without provisioned pollers: cheaper where little arrives, but the mapping knows no partial responses, so that a
   * record that fails brings its whole batch again, and nothing limits its retries.
   *
   * @default false
   */
  readonly onDemand?: boolean;

  /**
   * Pollers at least, 1 to 200. They are paid while they stand by.
   *
   * @default 1
   */
  readonly minimumPollers?: number;

  /**
   * Pollers at most, 1 to 2,000, and never more than partitions.
   *
   * @default 200
   */
  readonly maximumPollers?: number;

  /**
   * Most records in one invocation, 1 to 1,000.
   *
   * @default 100
   */
  readonly batchSize?: number;

  /**
   * How long Lambda waits for a batch to fill, up to 5 minutes.
   *
   * @default - 500 ms
   */
  readonly maxBatchingWindow?: Duration;

  /**
   * How often a batch is tried again, 0 to 10,000, before Lambda gives it up as a whole to `onFailureTopic`. Counts
   * what is nobody's fault, too, such as an outage of DynamoDB.
   *
   * @default - for ever: records are dead-lettered by the consumer itself, one by one, with the reason
   */
  readonly retryAttempts?: number;

  /**
   * From what age on Lambda gives records up to `onFailureTopic`, 1 minute to 7 days.
   *
   * @default - never
   */
  readonly maxRecordAge?: Duration;

  /**
   * Whether a batch whose invocation failed as a whole is split. The consumer finds the record that kills its process
   * without it.
   *
   * @default false
   */
  readonly bisectBatchOnError?: boolean;

  /**
   * Topic of the same cluster for what Lambda gives up. Must be given with `retryAttempts` or `maxRecordAge`, and not
   * without: with infinite retries Lambda would make it 10.
   *
   * @see https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure-destination.html
   * @default - none
   */
  readonly onFailureTopic?: string;

  /**
   * Standard queue for records that can never succeed, failed too often, or killed their process.
   *
   * @default - a new one, which keeps them for 14 days
   */
  readonly deadLetterQueue?: IQueue;

  /**
   * How long a dead letter is kept, from 1 minute to 14 days: by the queue that is made here, or as `deadLetterQueue`
   * is set to.
   *
   * @default Duration.days(14)
   */
  readonly deadLetterRetention?: Duration;

  /**
   * How often a record may fail by itself before it is dead-lettered, 1 to 999.
   *
   * @default 5
   */
  readonly maxFailures?: number;

  /**
   * How long a producer may send one message again after its first try, as a new record with the same key.
   *
   * @default Duration.days(14)
   */
  readonly producerRetryHorizon?: Duration;

  /**
   * How often a dead letter may be sent again.
   *
   * @default 3
   */
  readonly maxRedrives?: number;

  /**
   * How long receipts are kept.
   *
   * @default - the horizon: producerRetryHorizon + (1 + maxRedrives) x (topicRetention + deadLetterRetention)
   */
  readonly receiptRetention?: Duration;

  /**
   * Longest run for one batch, up to 15 minutes.
   *
   * @default Duration.seconds(60)
   */
  readonly timeout?: Duration;

  /**
   * Memory in MB.
   *
   * @default 256
   */
  readonly memorySize?: number;

  /** @default Architecture.ARM_64 */
  readonly architecture?: Architecture;

  /** @default RetentionDays.ONE_MONTH */
  readonly logRetention?: RetentionDays;

  /**
   * More environment variables. Names that begin with `EXACTLY_ONCE_` are the construct's.
   *
   * @default - none
   */
  readonly environment?: { [key: string]: string };

  /**
   * What the consumer has to hold. What its peak needs is in GUARANTEES.md, and a warning where it is not there.
   *
   * @default - not known
   */
  readonly workload?: KafkaWorkload;

  /**
   * Items that the handler writes for one record, on average and without the receipt. For the cost in GUARANTEES.md.
   *
   * @default 1
   */
  readonly writesPerMessage?: number;

  /**
   * Whether Lambda polls the topic. Off: records wait, and expire after the retention of the topic.
   *
   * @default true
   */
  readonly enabled?: boolean;
}

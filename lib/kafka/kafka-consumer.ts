import { Duration, Stack, Tokenization, Validations } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { EventSourceMapping, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { type IQueue, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { statedOtherwise } from '../channel/deployed-queue.js';
import { ConsumerAlarms, type ConsumerAlarmThresholds } from '../consumer/consumer-alarms.js';
import { HandlerFunction } from '../consumer/handler-function.js';
import { handlerFunctionOptions } from '../consumer/handler-function-options.js';
import { claim } from '../guarantees/claims.js';
import { expectKinds, kinds } from '../guarantees/expect-kinds.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { isKnown, violationsOf } from '../guarantees/inequality.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import { keepReceipts } from '../guarantees/kept-receipts.js';
import { pinName } from '../guarantees/pinned-names.js';
import { queueElsewhere, tableElsewhere } from '../guarantees/same-region.js';
import { kafkaAlarms } from './kafka-alarms.js';
import type { KafkaConsumerProps } from './kafka-consumer-props.js';
import { kafkaInequalities, kafkaViolations } from './kafka-consumer-rules.js';
import { defaults, kafkaClaim, kafkaCostOf, kafkaHorizonOf, kafkaNotes } from './kafka-consumer-values.js';
import { acknowledgeNoDestination, grantTopic, kafkaMapping } from './kafka-mapping.js';
import { kafkaPeak } from './kafka-peak.js';

export interface KafkaConsumerAlarmsOptions extends ConsumerAlarmThresholds {
  /**
   * Records of a partition that wait, above which it is told.
   *
   * @default 10000
   */
  readonly lag?: number;
}

/**
 * A function that processes the records of a Kafka topic, of MSK or a self-managed cluster, each of them once per
 * identity.
 *
 * Guaranteed for what the handler puts into its transaction (`kafkaConsumer` of exactly-once-aws/kafka, or
 * `postgresKafkaConsumer` of exactly-once-aws/kafka/postgres): those writes
 * and the receipt of the record are committed together or not at all, and a record whose receipt exists is not
 * processed again. Not covered: effects outside the transaction, copies that arrive after the horizon, and what
 * Lambda gives up where `retryAttempts` or `maxRecordAge` are given.
 *
 * Defaults imposed: provisioned pollers with partial responses, retries without an end, a dead-letter queue, the
 * oldest record as the start, a consumer group of the consumer's name, permissions on this topic and group only, and
 * the environment variables EXACTLY_ONCE_CONSUMER_NAME, EXACTLY_ONCE_DEDUP_TABLE,
 * EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS, EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL, EXACTLY_ONCE_MAX_FAILURES,
 * EXACTLY_ONCE_ON_FAILURE, EXACTLY_ONCE_REPORTS_ITEM_FAILURES and EXACTLY_ONCE_TOPIC_IDS. With `receiptsInPostgres`
 * there is no EXACTLY_ONCE_DEDUP_TABLE, and nothing is granted on a table.
 *
 * @throws InvalidProps when props contradict each other or an inequality of docs/kafka.md
 * @see https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
 */
export class KafkaConsumer extends Construct {
  /** The function that processes; grant it what its handler writes. */
  public readonly function: LambdaFunction;
  /** What polls the topic and calls the function. */
  public readonly eventSourceMapping: EventSourceMapping;
  public readonly consumerName: string;
  /** Records that can never succeed, failed too often, or killed their process. */
  public readonly deadLetterQueue: IQueue;
  /** How long receipts are kept. */
  public readonly receiptRetention: Duration;
  /** Goes off when a partition is far behind. Made by `addAlarms`. */
  public lagAlarm?: Alarm;
  /** Goes off when the topic is another one than `topicId` says. Made by `addAlarms`. */
  public heldAlarm?: Alarm;
  private readonly logGroup: LogGroup;
  private readonly topicRetention: Duration;

  constructor(scope: Construct, id: string, props: KafkaConsumerProps) {
    super(scope, id);
    const { consumerName, dedupTable } = props;
    if (dedupTable !== undefined)
      expectKinds('KafkaConsumer', this, { dedupTable: [kinds.dedupTable, dedupTable] });
    const receiptRetention = props.receiptRetention ?? kafkaHorizonOf(props);
    const inequalities = receiptRetention === undefined ? [] : kafkaInequalities(props, receiptRetention);
    const violations = [
      ...kafkaViolations(props),
      ...violationsOf(inequalities),
      ...tableElsewhere(this, 'dedupTable', dedupTable?.table),
      ...this.deadLetterViolations(props),
    ];
    if (receiptRetention === undefined || violations.length > 0)
      throw new InvalidProps('KafkaConsumer', this.node.path, violations);
    const table = dedupTable?.table;
    if (table !== undefined) claim({ construct: table, name: table.tableName }, consumerName, this);
    keepReceipts(this, receiptRetention);
    pinName(this, () => consumerName);
    this.consumerName = consumerName;
    this.receiptRetention = receiptRetention;
    this.topicRetention = props.topicRetention;
    this.deadLetterQueue = props.deadLetterQueue ?? this.deadLetters(props);
    const built = this.handlerOf(props);
    this.function = built.function;
    this.logGroup = built.logGroup;
    grantTopic(built.role, props);
    const grants = [
      ...(dedupTable === undefined ? [] : [dedupTable.grants.commitReceipts(built.function, consumerName)]),
      this.deadLetterQueue.grantSendMessages(built.function),
    ];
    this.eventSourceMapping = kafkaMapping(this, built.function, props);
    // Lambda refuses a mapping whose function may not read the topic yet.
    this.eventSourceMapping.node.addDependency(built.role);
    for (const grant of grants) grant.applyBefore(this.eventSourceMapping);
    if (props.onFailureTopic === undefined) acknowledgeNoDestination(this.eventSourceMapping);
    GuaranteeReport.record('KafkaConsumer', this, {
      claim: kafkaClaim(props, receiptRetention),
      inequalities,
      unproven: [
        {
          id: 'topic-retention',
          required: `the topic '${props.topic}' keeps records for no longer than the receipts reckon with`,
          check:
            '`kafka-configs.sh --describe --entity-type topics`: retention.ms, and cleanup.policy is not compact',
        },
      ],
      cost: kafkaCostOf(props, receiptRetention),
      peak: kafkaPeak(props),
      notes: kafkaNotes(props),
    });
  }

  /**
   * Alarms on what the consumer logs of its batches, on its lag, and on a topic that is another one. Once.
   *
   * @throws InvalidProps without `comesAgainFor` where `topicRetention` is known at deployment only
   */
  public addAlarms(options: KafkaConsumerAlarmsOptions = {}): ConsumerAlarms {
    const { consumerName, logGroup, topicRetention } = this;
    const queueRetention =
      isKnown(topicRetention) && topicRetention.toSeconds() > longestForgotten.toSeconds()
        ? longestForgotten
        : topicRetention;
    const alarms = new ConsumerAlarms(this, 'Alarms', {
      ...{ ...options, consumerName, logGroup, queueRetention },
    });
    const lag = options.lag ?? 10_000;
    const own = kafkaAlarms(this, { function: this.function, logGroup, consumerName, lag });
    this.lagAlarm = own.lag;
    this.heldAlarm = own.held;
    return alarms;
  }

  /** The queue is as the horizon reckons with it, and takes what the runtime sends. */
  private deadLetterViolations({
    deadLetterQueue: queue,
    deadLetterRetention,
  }: KafkaConsumerProps): Violation[] {
    if (queue === undefined) return [];
    return [
      ...queueElsewhere(this, 'deadLetterQueue', queue),
      ...(deadLetterRetention === undefined
        ? []
        : statedOtherwise('deadLetterRetention', deadLetterRetention, queue)),
      ...(queue.fifo
        ? [
            {
              id: 'kind-as-deployed',
              given: `deadLetterQueue '${queue.node.path}' is FIFO`,
              allowed: 'a Standard queue: dead letters of Kafka are sent without a group, which FIFO refuses',
              change: 'give a Standard queue, or leave `deadLetterQueue` out',
            },
          ]
        : []),
    ];
  }

  private deadLetters({ deadLetterRetention }: KafkaConsumerProps): Queue {
    const queue = new Queue(this, 'DeadLetters', {
      retentionPeriod: deadLetterRetention ?? defaults.deadLetterRetention,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    });
    const reason = 'It is the dead-letter queue of the consumer, which sends to it by itself.';
    for (const rule of ['AwsSolutions-SQS3', 'Serverless-SQSRedrivePolicy'])
      Validations.of(queue).acknowledge({ id: rule, reason });
    return queue;
  }

  private handlerOf(props: KafkaConsumerProps): HandlerFunction {
    const { topic, topicId, maxFailures = defaults.maxFailures, onDemand } = props;
    return new HandlerFunction(this, 'Handler', {
      ...handlerFunctionOptions(props),
      entry: props.entry,
      timeout: props.timeout ?? defaults.timeout,
      memorySize: props.memorySize,
      architecture: props.architecture,
      logRetention: props.logRetention,
      environment: {
        ...props.environment,
        EXACTLY_ONCE_CONSUMER_NAME: props.consumerName,
        ...(props.dedupTable && { EXACTLY_ONCE_DEDUP_TABLE: props.dedupTable.table.tableName }),
        EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: Tokenization.stringifyNumber(
          this.receiptRetention.toSeconds(),
        ),
        EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: this.deadLetterQueue.queueUrl,
        EXACTLY_ONCE_MAX_FAILURES: Tokenization.stringifyNumber(maxFailures),
        EXACTLY_ONCE_ON_FAILURE: 'skip',
        ...(onDemand !== true && { EXACTLY_ONCE_REPORTS_ITEM_FAILURES: 'true' }),
        ...(topicId !== undefined && {
          EXACTLY_ONCE_TOPIC_IDS: Stack.of(this).toJsonString({ [topic]: topicId }),
        }),
      },
    });
  }
}

/** A record that comes again holds up its partition: it is told after half of this, however long the topic lives. */
const longestForgotten = Duration.days(4);

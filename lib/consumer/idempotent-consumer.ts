import { type Duration, Token, Tokenization, Validations } from 'aws-cdk-lib';
import { EventSourceMapping, type Function as LambdaFunction, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { type ILogGroup, LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { ChannelKind } from '../channel/message-channel-props.js';
import { arePartsOfOne, claim, claimant } from '../guarantees/claims.js';
import { expectKinds, kinds } from '../guarantees/expect-kinds.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { pollingCost } from '../guarantees/idle-cost.js';
import { consumerInequalities } from '../guarantees/inequalities.js';
import { keepReceipts } from '../guarantees/kept-receipts.js';
import { violationsOf } from '../guarantees/inequality.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { nameText } from '../guarantees/name-text.js';
import { pinName } from '../guarantees/pinned-names.js';
import { tellFunction } from '../guarantees/told-functions.js';
import { CommitWay, isInPostgres, proofRows } from './commit-way.js';
import { consumerClaim, keptOf } from './consumer-claim.js';
import { ConsumerAlarms, type ConsumerAlarmsOptions } from './consumer-alarms.js';
import { foreignFunction, functionSettings, madeHere } from './consumer-function.js';
import {
  costOf,
  drainNote,
  fairnessNote,
  handlerOf,
  horizonOf,
  peakOf,
  queueOf,
  tableOf,
} from './consumer-values.js';
import { HandlerFunction } from './handler-function.js';
import { handlerFunctionOptions } from './handler-function-options.js';
import type { IdempotentConsumerProps } from './idempotent-consumer-props.js';
import { consumerViolations } from './idempotent-consumer-rules.js';
import { needed } from './not-installed.js';
import { defaultMaxFailures, failureNotes, onFailureOf } from './failure-rules.js';
import { grantReceiptRows, receiptNotes } from './receipt-rows.js';

/**
 * A function that processes the messages of a channel, each of them once per key.
 *
 * Guaranteed for what the handler puts into its transaction (`sqsConsumer` of this package): those writes and the
 * receipt of the message are committed together or not at all, and a message whose receipt exists is not processed
 * again. For the other ways see {@link CommitWay}. Not covered: effects outside the transaction (a mail, another
 * service), copies that arrive after the horizon, and a handler that does not use the runtime.
 *
 * Defaults imposed: partial batch responses, permissions on the channel and on the receipts only, and the environment
 * variables EXACTLY_ONCE_CONSUMER_NAME, EXACTLY_ONCE_DEDUP_TABLE, EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS,
 * EXACTLY_ONCE_QUEUE_URL, EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL, EXACTLY_ONCE_MAX_FAILURES and EXACTLY_ONCE_ON_FAILURE.
 *
 * @throws InvalidProps when props contradict each other or an inequality of docs/guarantees.md
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
export class IdempotentConsumer extends Construct {
  /** The function that processes; grant it what its handler writes. */
  public readonly function: IFunction;
  /** The same, where this construct made it: undefined where `handler` was given. */
  public readonly ownFunction?: LambdaFunction;
  /** What polls the queue and calls the function. */
  public readonly eventSourceMapping: EventSourceMapping;
  public readonly consumerName: string;
  /** How long receipts are kept. */
  public readonly receiptRetention: Duration;
  private readonly queueRetention: Duration;
  private ownLogGroup?: ILogGroup;

  constructor(scope: Construct, id: string, props: IdempotentConsumerProps) {
    super(scope, id);
    expectKinds('IdempotentConsumer', this, {
      channel: [kinds.channel, props.channel],
      ...(props.dedupTable !== undefined && { dedupTable: [kinds.dedupTable, props.dedupTable] }),
    });
    const { consumerName, channel, dedupTable, batchSize = 10, maxConcurrency } = props;
    this.queueRetention = channel.retention;
    const way = props.commitWay ?? CommitWay.TRANSACTION;
    const settings = functionSettings(props);
    const longestWay = horizonOf(props);
    const receiptRetention = props.receiptRetention ?? longestWay;
    const { effectTable, receiptTable } = props;
    const rows = proofRows({ way, effectTable, receiptTable, horizon: longestWay });
    const table = tableOf(props);
    const namesake = table && claimant(table, consumerName);
    const inequalities = [
      ...consumerInequalities({
        consumerName,
        channel,
        dedupTable,
        inPostgres: isInPostgres(props),
        namesake: namesake && arePartsOfOne(namesake, this) ? undefined : namesake,
        visibilityTimeout: channel.visibilityTimeout,
        timeout: settings.timeout,
        maxBatchingWindow: props.maxBatchingWindow,
        batchSize,
        receiptRetention,
        kept: keptOf(props),
        horizon: longestWay,
        maxConcurrency,
      }),
      ...rows.inequalities,
    ];
    const violations = [...consumerViolations(this, props, longestWay), ...violationsOf(inequalities)];
    if (receiptRetention === undefined || violations.length > 0)
      throw new InvalidProps('IdempotentConsumer', this.node.path, violations);
    if (table !== undefined) claim(table, consumerName, this);
    if (keptOf(props) === 'receipts') keepReceipts(this, receiptRetention);
    claim(queueOf(props), 'messages', this);
    const called = handlerOf(props);
    if (called !== undefined) claim(called, 'calls', this);
    pinName(this, () => consumerName);

    this.consumerName = consumerName;
    this.receiptRetention = receiptRetention;
    if (props.handler === undefined)
      this.function = this.ownFunction = this.buildFunction(props, settings.timeout);
    else this.function = props.handler;
    const environment = environmentOf(props, receiptRetention);
    const own = madeHere(this.function);
    if (own !== undefined)
      tellFunction(own, environment, {
        constructClass: 'IdempotentConsumer',
        by: this,
        change: 'give the consumer a function of its own: `entry`',
      });
    // An import that names no role cannot be given permissions, and says so by throwing.
    const grants =
      this.function.role === undefined
        ? []
        : [
            dedupTable?.grants.commitReceipts(this.function, this.consumerName),
            receiptTable && grantReceiptRows(receiptTable, this.function),
            channel.grants.consumeMessages(this.function),
          ];
    this.eventSourceMapping = this.map(props, batchSize);
    // Lambda refuses a mapping whose function may not receive from the queue yet.
    for (const grant of grants) grant?.applyBefore(this.eventSourceMapping);
    GuaranteeReport.record('IdempotentConsumer', this, {
      claim: consumerClaim(props, receiptRetention, longestWay),
      idle: props.enabled === false ? [] : [pollingCost(channel.kind === ChannelKind.FIFO)],
      inequalities,
      unproven: [
        ...rows.unproven,
        ...(own === undefined
          ? foreignFunction(
              this.function,
              settings.timeout,
              readable(environment, props),
              grants.length > 0 && grants.every((grant) => grant?.success !== false),
            )
          : []),
      ],
      cost: costOf(props, settings, channel.kind === ChannelKind.FIFO, batchSize, receiptRetention),
      peak: peakOf(this, props),
      notes: [
        ...receiptNotes(props),
        ...failureNotes(props),
        ...drainNote(channel, settings.timeout, batchSize, maxConcurrency),
        ...fairnessNote(channel.kind, batchSize, maxConcurrency),
      ],
    });
  }

  /**
   * Alarms on what the consumer logs of its batches: stopped groups, parked events, dead letters by reason. Once per
   * consumer.
   */
  public addAlarms(options: ConsumerAlarmsOptions = {}): ConsumerAlarms {
    const logGroup =
      options.logGroup ??
      this.ownLogGroup ??
      LogGroup.fromLogGroupName(this, 'HandlerLogs', `/aws/lambda/${this.function.functionName}`);
    const { consumerName, queueRetention } = this;
    return new ConsumerAlarms(this, 'Alarms', { ...options, consumerName, logGroup, queueRetention });
  }

  private map(props: IdempotentConsumerProps, batchSize: number): EventSourceMapping {
    const mapping = new EventSourceMapping(this, 'Mapping', {
      target: this.function,
      eventSourceArn: props.channel.queue.queueArn,
      reportBatchItemFailures: true,
      batchSize,
      maxBatchingWindow: props.maxBatchingWindow,
      maxConcurrency: props.maxConcurrency,
      enabled: props.enabled,
    });
    Validations.of(mapping).acknowledge({
      id: 'Serverless-LambdaEventSourceMappingDestination',
      reason:
        'Mappings of SQS queues take no destination. What fails goes to the dead-letter queue of the channel.',
    });
    return mapping;
  }

  private buildFunction(props: IdempotentConsumerProps, timeout: Duration): LambdaFunction {
    const built = new HandlerFunction(this, 'Handler', {
      ...handlerFunctionOptions(props),
      // `consumerViolations` has made sure that one of both is given.
      entry: props.entry ?? '',
      timeout,
      memorySize: props.memorySize,
      architecture: props.architecture,
      logRetention: props.logRetention,
    });
    const violations = needed(
      props.entry ?? '',
      '@aws-sdk/client-s3',
      'the handler decodes with `s3Payload`',
    );
    if (violations.length > 0) throw new InvalidProps('IdempotentConsumer', this.node.path, violations);
    this.ownLogGroup = built.logGroup;
    return built.function;
  }
}

function environmentOf(props: IdempotentConsumerProps, receiptRetention: Duration): Record<string, string> {
  const { consumerName, channel, dedupTable } = props;
  return {
    ...props.environment,
    EXACTLY_ONCE_CONSUMER_NAME: consumerName,
    ...(dedupTable !== undefined && { EXACTLY_ONCE_DEDUP_TABLE: dedupTable.table.tableName }),
    ...((dedupTable !== undefined || isInPostgres(props)) && {
      EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: Tokenization.stringifyNumber(receiptRetention.toSeconds()),
    }),
    EXACTLY_ONCE_QUEUE_URL: channel.queue.queueUrl,
    EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: channel.deadLetterQueue.queueUrl,
    EXACTLY_ONCE_MAX_FAILURES: Tokenization.stringifyNumber(props.maxFailures ?? defaultMaxFailures),
    EXACTLY_ONCE_ON_FAILURE: onFailureOf(props),
  };
}

/** The environment for a reader: a value that is made at deployment is named by the resource it comes from. */
function readable(
  environment: Readonly<Record<string, string>>,
  { channel, dedupTable }: IdempotentConsumerProps,
): Record<string, string> {
  const sources: Record<string, string | undefined> = {
    EXACTLY_ONCE_DEDUP_TABLE: dedupTable && `<name of ${nameText(dedupTable, dedupTable.table.tableName)}>`,
    EXACTLY_ONCE_QUEUE_URL: `<url of ${nameText(channel.queue, channel.queue.queueName)}>`,
    EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: `<url of ${nameText(channel.deadLetterQueue, channel.deadLetterQueue.queueName)}>`,
  };
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      Token.isUnresolved(value) ? (sources[name] ?? '<made at deployment>') : value,
    ]),
  );
}

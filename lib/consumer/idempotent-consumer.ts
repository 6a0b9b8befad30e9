import { Duration, Tokenization, Validations } from 'aws-cdk-lib';
import { EventSourceMapping, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { horizon } from '../guarantees/horizon.js';
import { consumerInequalities } from '../guarantees/inequalities.js';
import { isKnown, violationsOf } from '../guarantees/inequality.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { HandlerFunction } from './handler-function.js';
import type { IdempotentConsumerProps } from './idempotent-consumer-props.js';
import { consumerViolations } from './idempotent-consumer-rules.js';

/**
 * A function that processes the messages of a channel, each of them once per key.
 *
 * Guaranteed for what the handler puts into its transaction (`sqsConsumer` of this package): those writes and the receipt of the
 * message are committed together or not at all, and a message whose receipt exists is not processed again. Not covered: effects
 * outside the transaction (a mail, another service), copies that arrive after the horizon, and a handler that does not use the
 * runtime.
 *
 * Defaults imposed: partial batch responses, permissions on the channel and on the receipts only, and the environment variables
 * EXACTLY_ONCE_CONSUMER_NAME, EXACTLY_ONCE_DEDUP_TABLE, EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS and
 * EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL.
 *
 * @throws InvalidProps when props contradict each other or an inequality of docs/guarantees.md
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
export class IdempotentConsumer extends Construct {
  /** The function that processes; grant it what its handler writes. */
  public readonly function: LambdaFunction;
  /** What polls the queue and calls the function. */
  public readonly eventSourceMapping: EventSourceMapping;
  public readonly consumerName: string;
  /** How long receipts are kept. */
  public readonly receiptRetention: Duration;

  constructor(scope: Construct, id: string, props: IdempotentConsumerProps) {
    super(scope, id);
    const { consumerName, channel, dedupTable, batchSize = 10, maxConcurrency } = props;
    const longestWay = horizonOf(props);
    const receiptRetention = props.receiptRetention ?? longestWay;
    const inequalities = consumerInequalities({
      consumerName,
      channel,
      dedupTable,
      namesake: dedupTable._consumerOf(consumerName),
      visibilityTimeout: channel.visibilityTimeout,
      timeout: timeoutOf(props),
      maxBatchingWindow: props.maxBatchingWindow ?? Duration.seconds(0),
      batchSize,
      receiptRetention,
      horizon: longestWay,
      maxConcurrency,
    });
    const violations = [...consumerViolations(props, longestWay), ...violationsOf(inequalities)];
    if (receiptRetention === undefined || violations.length > 0)
      throw new InvalidProps('IdempotentConsumer', this.node.path, violations);
    dedupTable._register(consumerName, this);
    channel._consumeBy(this);

    this.consumerName = consumerName;
    this.receiptRetention = receiptRetention;
    this.function = props.handler ?? this.buildFunction(props);
    const environment = {
      ...props.environment,
      EXACTLY_ONCE_CONSUMER_NAME: consumerName,
      EXACTLY_ONCE_DEDUP_TABLE: dedupTable.table.tableName,
      EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: Tokenization.stringifyNumber(receiptRetention.toSeconds()),
      EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: channel.deadLetterQueue.queueUrl,
    };
    for (const [name, value] of Object.entries(environment)) this.function.addEnvironment(name, value);
    dedupTable.grants.commitReceipts(this.function);
    const mayConsume = channel.grants.consumeMessages(this.function);
    this.eventSourceMapping = new EventSourceMapping(this, 'Mapping', {
      target: this.function,
      eventSourceArn: channel.queue.queueArn,
      reportBatchItemFailures: true,
      batchSize,
      maxBatchingWindow: props.maxBatchingWindow,
      maxConcurrency,
      enabled: props.enabled,
    });
    Validations.of(this.eventSourceMapping).acknowledge({
      id: 'Serverless-LambdaEventSourceMappingDestination',
      reason:
        'Mappings of SQS queues take no destination. What fails goes to the dead-letter queue of the channel.',
    });
    // Lambda refuses a mapping whose function may not receive from the queue yet.
    mayConsume.applyBefore(this.eventSourceMapping);
    GuaranteeReport.record('IdempotentConsumer', this, inequalities);
  }

  private buildFunction(props: IdempotentConsumerProps): LambdaFunction {
    return new HandlerFunction(this, 'Handler', {
      // `consumerViolations` has made sure that one of both is given.
      entry: props.entry ?? '',
      timeout: timeoutOf(props),
      memorySize: props.memorySize,
      architecture: props.architecture,
      logRetention: props.logRetention,
    }).function;
  }
}

function timeoutOf({ handler, timeout, channel }: IdempotentConsumerProps): Duration {
  // Lambda's default is 3 seconds.
  if (handler !== undefined) return handler.timeout ?? Duration.seconds(3);
  return timeout ?? channel.consumerTimeout;
}

/** Undefined when a part of it is known only at deployment. */
function horizonOf(props: IdempotentConsumerProps): Duration | undefined {
  const { channel, maxRedrives = 3, producerRetryHorizon = Duration.days(14) } = props;
  const { retention, deadLetterRetention } = channel;
  if (![producerRetryHorizon, maxRedrives, deadLetterRetention].every(isKnown)) return undefined;
  return horizon({ producerRetryHorizon, maxRedrives, queueRetention: retention, deadLetterRetention });
}

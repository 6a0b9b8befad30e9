import { Duration, Tokenization, Validations } from 'aws-cdk-lib';
import { Metric, type Alarm, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, MetricFilter, type ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { MessageChannel } from '../channel/message-channel.js';
import { ChannelKind } from '../channel/message-channel-props.js';
import { runbookAlarm } from '../channel/runbook-alarm.js';
import { handlerFunctionOptions } from '../consumer/handler-function-options.js';
import { HandlerFunction } from '../consumer/handler-function.js';
import { IdempotentConsumer } from '../consumer/idempotent-consumer.js';
import { claimant } from '../guarantees/claims.js';
import { expectKinds, kinds } from '../guarantees/expect-kinds.js';
import { violationsOf } from '../guarantees/inequality.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { pinResource } from '../guarantees/pinned-names.js';
import { tableElsewhere } from '../guarantees/same-region.js';
import { tellFunction } from '../guarantees/told-functions.js';
import { RelayTarget, type RelayTargetOptions } from '../outbox/relay-target.js';
import { WakeQueue } from './wake-queue.js';
import type { WebhookSenderProps } from './webhook-sender-props.js';
import { reportSender } from './webhook-sender-report.js';
import { senderInequalities, senderViolations } from './webhook-sender-rules.js';
import { webhookTable } from './webhook-table.js';
import { WebhookTableGrants } from './webhook-table-grants.js';

const namespace = 'ExactlyOnce/Webhooks';

/**
 * Sends events of an outbox to the endpoints that tenants have registered.
 *
 * Guaranteed: an event that the relay has sent is given to every endpoint of its tenant that wants it, in one commit
 * with its receipt, once; each delivery is sent until the endpoint takes it or its schedule is over, whichever
 * process dies meanwhile. An endpoint that remembers `webhook-id` acts once. Not covered: endpoints that do not, and
 * events after `retention`.
 *
 * Defaults imposed: a channel with dead letters for the intake, a table with point-in-time recovery, deletion
 * protection and RETAIN, a tick each minute, a rule for each function that lets it read and write no more than it
 * needs, alarms, and the environment variables EXACTLY_ONCE_WEBHOOK_SENDER, EXACTLY_ONCE_WEBHOOK_TABLE,
 * EXACTLY_ONCE_WEBHOOK_SHARDS, EXACTLY_ONCE_WEBHOOK_RETENTION_SECONDS and EXACTLY_ONCE_WEBHOOK_WAKE_QUEUE_URL.
 *
 * @throws InvalidProps when props contradict each other or an inequality of docs/webhook-sender.md
 */
export class WebhookSender extends Construct {
  public readonly senderName: string;
  /** Endpoints, events, deliveries and attempts. */
  public readonly table: Table;
  /** Where a relay sends events: `relayTarget()`. */
  public readonly channel: MessageChannel;
  /** What gives events to endpoints. Its alarms: `intake.addAlarms()`. */
  public readonly intake: IdempotentConsumer;
  /** What sends. */
  public readonly worker: LambdaFunction;
  /** Goes off when deliveries have used up their attempts, or an endpoint was disabled. Give it an action. */
  public readonly exhaustedAlarm: Alarm;
  /** Goes off when attempts fail on this side: name server, network, file descriptors, or the table. */
  public readonly ownTroubleAlarm: Alarm;

  private readonly wake: WakeQueue;
  private readonly shards: number;
  private readonly retention: Duration;

  constructor(scope: Construct, id: string, props: WebhookSenderProps) {
    super(scope, id);
    const { senderName, dedupTable, shards = 8, maxWorkers = 4, retention = Duration.days(30) } = props;
    const { workerTimeout = Duration.minutes(2) } = props;
    expectKinds('WebhookSender', this, {
      dedupTable: [kinds.dedupTable, dedupTable],
      ...(props.alerts !== undefined && { alerts: [kinds.outbox, props.alerts] }),
    });
    const receipts = { construct: dedupTable.table, name: dedupTable.table.tableName };
    const values = { senderName, shards, maxWorkers, retention, workerTimeout, table: dedupTable };
    const inequalities = senderInequalities({ ...values, namesake: claimant(receipts, senderName) });
    const violations = [
      ...senderViolations(props),
      ...violationsOf(inequalities),
      ...tableElsewhere(this, 'dedupTable', dedupTable.table),
      ...tableElsewhere(this, 'alerts', props.alerts?.table),
    ];
    if (violations.length > 0) throw new InvalidProps('WebhookSender', this.node.path, violations);
    this.senderName = senderName;
    this.shards = shards;
    this.retention = retention;
    this.table = webhookTable(this, props);
    pinResource(this, this.table);
    this.wake = new WakeQueue(this, 'Wake', { workerTimeout, encryptionKey: props.encryptionKey });
    this.channel = new MessageChannel(this, 'Events', {
      kind: props.ordered === true ? ChannelKind.FIFO : ChannelKind.STANDARD,
      encryptionKey: props.encryptionKey,
    });
    this.intake = this.newIntake(props);
    const { function: worker, logGroup } = this.newWorker(props, workerTimeout);
    this.worker = worker;
    this.map(maxWorkers, props.enabled);
    this.countLines(logGroup);
    this.exhaustedAlarm = runbookAlarm(this, 'Exhausted', {
      metric: this.metricExhausted(),
      threshold: 0,
      says: `The webhook sender '${senderName}' has given deliveries up, which wait for a replay`,
      page: 'webhooks-exhausted',
    });
    this.ownTroubleAlarm = runbookAlarm(this, 'OwnTrouble', {
      metric: this.metricOwnTrouble(),
      threshold: 0,
      periods: 3,
      says: `The webhook sender '${senderName}' keeps failing on its own side: no endpoint is at fault`,
      page: 'webhooks-own-trouble',
    });
    reportSender(this, retention, inequalities);
  }

  /** For an `OutboxRelay`: where it sends the events that subscribers are to be told of. */
  public relayTarget(options: RelayTargetOptions = {}): RelayTarget {
    return RelayTarget.channel(this.channel, options);
  }

  /**
   * Lets a function run `WebhookRegistry`, such as that of a page, and tells it where.
   *
   * @throws InvalidProps where it was told of another sender
   */
  public addOperator(operator: LambdaFunction): void {
    this.tell(operator);
    this.grantOperate(operator);
  }

  /** @internal What the page of the tenants needs: less than an operator. */
  public _addPage(page: LambdaFunction): void {
    this.tell(page);
    this.grants.show(page);
    this.wake.queue.grantSendMessages(page);
  }

  /** Lets somebody run `WebhookRegistry`. It sees secrets and payloads of all tenants. */
  public grantOperate(grantee: IGrantable): void {
    this.grants.operate(grantee);
    this.wake.queue.grantSendMessages(grantee);
  }

  /** Permissions on the table. */
  public get grants(): WebhookTableGrants {
    return new WebhookTableGrants(this.table);
  }

  /**
   * Deliveries that endpoints took.
   *
   * @default - sum over 5 minutes
   */
  public metricDelivered(props?: MetricOptions): Metric {
    return this.metric('delivered', props);
  }

  /**
   * Attempts that failed and are made again.
   *
   * @default - sum over 5 minutes
   */
  public metricRetried(props?: MetricOptions): Metric {
    return this.metric('retried', props);
  }

  /**
   * Deliveries whose attempts are used up.
   *
   * @default - sum over 5 minutes
   */
  public metricExhausted(props?: MetricOptions): Metric {
    return this.metric('exhausted', props);
  }

  /**
   * Attempts that failed on this side.
   *
   * @default - sum over 5 minutes
   */
  public metricOwnTrouble(props?: MetricOptions): Metric {
    return this.metric('ours', props);
  }

  private newIntake(props: WebhookSenderProps): IdempotentConsumer {
    const {
      senderName,
      dedupTable,
      intakeEntry: entry,
      encryptionKey,
      runtime,
      tracing,
      applicationLogLevel,
      layers,
      enabled,
    } = props;
    const intake = new IdempotentConsumer(this, 'Intake', {
      ...{
        consumerName: senderName,
        channel: this.channel,
        dedupTable,
        entry,
        encryptionKey,
        runtime,
        tracing,
        applicationLogLevel,
        layers,
        enabled,
      },
      environment: props.environment,
    });
    if (intake.ownFunction !== undefined) this.tell(intake.ownFunction);
    this.grants.takeEvents(intake.function);
    this.wake.queue.grantSendMessages(intake.function);
    return intake;
  }

  private newWorker(props: WebhookSenderProps, timeout: Duration): HandlerFunction {
    const { senderName, dedupTable, alerts } = props;
    const made = new HandlerFunction(this, 'Worker', {
      ...handlerFunctionOptions(props),
      entry: props.workerEntry,
      timeout,
      memorySize: props.workerMemorySize ?? 512,
      environment: {
        ...props.environment,
        ...this.environment(),
        EXACTLY_ONCE_DEDUP_TABLE: dedupTable.table.tableName,
      },
    });
    this.grants.send(made.function);
    // A run whose time is over before its work asks for the next one.
    this.wake.queue.grantSendMessages(made.function);
    dedupTable.grants.commitReceipts(made.function, senderName);
    alerts?.grants.publish(made.function);
    return made;
  }

  private tell(told: LambdaFunction): void {
    tellFunction(told, this.environment(), {
      constructClass: 'WebhookSender',
      by: this,
      change:
        'let another function operate this sender, or give this one `grantOperate` and variables of your own',
    });
  }

  private environment(): Record<string, string> {
    return {
      EXACTLY_ONCE_WEBHOOK_SENDER: this.senderName,
      EXACTLY_ONCE_WEBHOOK_TABLE: this.table.tableName,
      EXACTLY_ONCE_WEBHOOK_SHARDS: String(this.shards),
      EXACTLY_ONCE_WEBHOOK_RETENTION_SECONDS: Tokenization.stringifyNumber(this.retention.toSeconds()),
      EXACTLY_ONCE_WEBHOOK_WAKE_QUEUE_URL: this.wake.queue.queueUrl,
    };
  }

  private map(maxConcurrency: number, enabled: boolean | undefined): void {
    const grant = this.wake.queue.grantConsumeMessages(this.worker);
    const mapping = new EventSourceMapping(this, 'Mapping', {
      target: this.worker,
      eventSourceArn: this.wake.queue.queueArn,
      reportBatchItemFailures: true,
      batchSize: 10,
      maxConcurrency,
      enabled,
    });
    // Lambda refuses a mapping whose function may not receive from the queue yet.
    grant.applyBefore(mapping);
    Validations.of(mapping).acknowledge({
      id: 'Serverless-LambdaEventSourceMappingDestination',
      reason: 'Mappings of SQS queues take no destination, and its messages are hints.',
    });
  }

  /** The worker's line per invocation, as metrics. */
  private countLines(logGroup: ILogGroup): void {
    for (const figure of ['delivered', 'retried', 'exhausted', 'ours'])
      new MetricFilter(this, `${figure}Filter`, {
        logGroup,
        filterPattern: FilterPattern.literal(`{ $.exactlyOnce = "webhooks sent" && $.${figure} > 0 }`),
        metricNamespace: namespace,
        metricName: figure,
        metricValue: `$.${figure}`,
        dimensions: { sender: '$.sender' },
      });
  }

  private metric(metricName: string, props?: MetricOptions): Metric {
    return new Metric({
      ...{ namespace, metricName, dimensionsMap: { sender: this.senderName } },
      ...{ statistic: 'Sum', period: Duration.minutes(5) },
      ...props,
    });
  }
}

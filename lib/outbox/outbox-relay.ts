import { Duration, Stack, Validations } from 'aws-cdk-lib';
import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import {
  EventSourceMapping,
  type Function as LambdaFunction,
  MetricType,
  StartingPosition,
} from 'aws-cdk-lib/aws-lambda';
import { CfnBucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import type { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import { handlerFunctionOptions } from '../consumer/handler-function-options.js';
import { HandlerFunction } from '../consumer/handler-function.js';
import { needed, notNeeded } from '../consumer/not-installed.js';
import { claim, claimant } from '../guarantees/claims.js';
import { tableElsewhere } from '../guarantees/same-region.js';
import { expectKinds, kinds } from '../guarantees/expect-kinds.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { violationsOf } from '../guarantees/inequality.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { discardedBucket, discardedTo } from './discarded-bucket.js';
import { consumersOutlive, relayInequalities } from './outbox-inequalities.js';
import type { OutboxRelayProps } from './outbox-relay-props.js';
import { relayViolations } from './outbox-relay-rules.js';
import { relayCost, sweepCost } from './relay-cost.js';
import { discardedEvents, iteratorAge, RelayAlarms, relayMetric } from './relay-alarms.js';
import { relayedRecords } from './relayed-records.js';
import {
  targetKinds,
  targetNotes,
  targetsElsewhere,
  targetsText,
  type RelayTargetConfig,
} from './relay-target.js';
import { sweepSchedule } from './sweep-schedule.js';

/** What the runtime sends with, by how a target is addressed. SQS is everybody's. */
const clients = { topicArn: '@aws-sdk/client-sns', eventBusName: '@aws-sdk/client-eventbridge' };

/**
 * Sends the events of an outbox to its targets: driven by the table's stream, and by a sweep that works off what is
 * stuck and finds what the stream did not bring.
 *
 * Guaranteed: an event that was committed reaches every target that wants its type, at least once, and is kept until
 * then. A later event of an aggregate is never sent to a target before an earlier one; a target that is down or
 * refuses an event holds up nobody but itself. A consumer that takes (source, epoch, kind, aggregate, version) from
 * the event is exact and in order on every kind of target.
 *
 * Defaults imposed: one function for both, the stream read from its TRIM_HORIZON (LATEST can miss events, R25), one
 * batch of a shard at a time (factor 1: more would order by the table's key only, R31), inserted events and the
 * relay's own ticks only, partial responses, bisecting, a bucket for what was given up, no retries of a sweep,
 * alarms, and the environment variables EXACTLY_ONCE_OUTBOX_TABLE, EXACTLY_ONCE_OUTBOX_RETENTION_SECONDS,
 * EXACTLY_ONCE_OUTBOX_GRACE_SECONDS and EXACTLY_ONCE_OUTBOX_TARGETS.
 *
 * @throws InvalidProps when props contradict each other or an inequality of docs/guarantees.md
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
 */
export class OutboxRelay extends Construct {
  /** The function that sends. */
  public readonly function: LambdaFunction;
  /** What polls the stream and calls the function. */
  public readonly eventSourceMapping: EventSourceMapping;
  /** What calls it to sweep. */
  public readonly schedule: CfnSchedule;
  /** Where batches are kept that were given up. */
  public readonly discarded: IBucket;
  /** Give them actions. */
  public readonly alarms: RelayAlarms;

  private readonly props: OutboxRelayProps;

  constructor(scope: Construct, id: string, props: OutboxRelayProps) {
    super(scope, id);
    this.props = props;
    expectKinds('OutboxRelay', this, {
      outbox: [kinds.outbox, props.outbox],
      ...targetKinds(props.targets),
    });
    const { outbox, batchSize = 100, retryAttempts = 10 } = props;
    const timeout = props.timeout ?? Duration.seconds(30);
    const sweepInterval = props.sweepInterval ?? Duration.minutes(1);
    const maxRecordAge = props.maxRecordAge ?? Duration.hours(12);
    const table = { construct: outbox.table, name: outbox.table.tableName };
    const other = claimant(table, 'relay');
    const values = { maxRecordAge, timeout, sweepInterval, batchSize, retryAttempts, other };
    const inequalities = relayInequalities(values);
    const violations = [
      ...relayViolations(props),
      ...violationsOf(inequalities),
      ...tableElsewhere(this, 'outbox', outbox.table),
    ];
    if (violations.length > 0) throw new InvalidProps('OutboxRelay', this.node.path, violations);
    claim(table, 'relay', this);

    this.function = new HandlerFunction(this, 'Handler', {
      ...handlerFunctionOptions(props),
      entry: props.entry,
      timeout,
      memorySize: props.memorySize,
      architecture: props.architecture,
      logRetention: props.logRetention,
      encryptionKey: props.encryptionKey,
    }).function;
    const targets = props.targets.map((target) => target.bind(this.function));
    const unreached = targetsElsewhere(this, targets);
    if (unreached.length > 0) throw new InvalidProps('OutboxRelay', this.node.path, unreached);
    this.expectClients(targets);
    for (const [name, value] of Object.entries(this.environment(targets)))
      this.function.addEnvironment(name, value);
    const grant = outbox.grants.relay(this.function);
    const reading = outbox.table.grantStreamRead(this.function);
    this.discarded = props.discarded ?? discardedBucket(this, 'Discarded', props.encryptionKey);
    this.eventSourceMapping = new EventSourceMapping(this, 'Mapping', {
      target: this.function,
      eventSourceArn: outbox.table.tableStreamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      parallelizationFactor: 1,
      filters: relayedRecords(),
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      batchSize,
      retryAttempts,
      maxRecordAge,
      onFailure: discardedTo(this.discarded, this.function),
      enabled: props.enabled,
      metricsConfig: { metrics: [MetricType.EVENT_COUNT] },
    });
    // Lambda refuses a mapping whose function may not read the stream yet.
    grant.combine(reading).applyBefore(this.eventSourceMapping);
    this.acknowledge();
    this.schedule = sweepSchedule(this, 'Sweep', this.function, sweepInterval);
    this.alarms = new RelayAlarms(this, 'Alarms', {
      outbox,
      relay: this.function,
      mapping: this.eventSourceMapping,
      after: props.alarmAfter ?? Duration.minutes(10),
      sweepInterval,
    });
    this.report(inequalities, targets);
  }

  /**
   * Age of the last record that the relay was given, in milliseconds.
   *
   * @default - maximum over 5 minutes
   */
  public metricIteratorAge(props?: MetricOptions): Metric {
    return iteratorAge(this.function, props);
  }

  /**
   * Age of the oldest unsent event, in seconds, as the sweep finds it.
   *
   * @default - maximum over 5 minutes
   */
  public metricOldestUnsent(props?: MetricOptions): Metric {
    return relayMetric(this.props.outbox, 'oldestUnsent', { statistic: 'Maximum', ...props });
  }

  /**
   * Time from the commit to the sending, in milliseconds, the longest of each run.
   *
   * @default - maximum over 5 minutes
   */
  public metricLag(props?: MetricOptions): Metric {
    return relayMetric(this.props.outbox, 'lag', { statistic: 'Maximum', ...props });
  }

  /**
   * Events that were sent.
   *
   * @default - sum over 5 minutes
   */
  public metricSent(props?: MetricOptions): Metric {
    return relayMetric(this.props.outbox, 'sent', props);
  }

  /**
   * Events that were sent though they had been sent before.
   *
   * @default - sum over 5 minutes
   */
  public metricResent(props?: MetricOptions): Metric {
    return relayMetric(this.props.outbox, 'resent', props);
  }

  /**
   * Events that were not sent in a run, and come again.
   *
   * @default - sum over 5 minutes
   */
  public metricFailed(props?: MetricOptions): Metric {
    return relayMetric(this.props.outbox, 'failed', props);
  }

  /**
   * Streams that are stuck, as the sweep finds them.
   *
   * @default - maximum over 5 minutes
   */
  public metricStuckStreams(props?: MetricOptions): Metric {
    return relayMetric(this.props.outbox, 'stuckStreams', { statistic: 'Maximum', ...props });
  }

  /**
   * Time since the table's stream last brought something, in seconds, as the sweep finds it.
   *
   * @default - maximum over 5 minutes
   */
  public metricStreamSilence(props?: MetricOptions): Metric {
    return relayMetric(this.props.outbox, 'streamSilence', { statistic: 'Maximum', ...props });
  }

  /**
   * Events of batches that the mapping has given up.
   *
   * @default - sum over 5 minutes
   */
  public metricDiscarded(props?: MetricOptions): Metric {
    return discardedEvents(this.eventSourceMapping, props);
  }

  /** cdk-nag names a finding by the resource as the template refers to it. */
  private acknowledge(): void {
    const { role } = this.function;
    const bucket = this.discarded.node.defaultChild;
    if (role === undefined) return;
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'dynamodb:ListStreams, which a mapping needs, takes no resource.',
    });
    if (CfnBucket.isCfnBucket(bucket))
      Validations.of(role).acknowledge({
        id: `AwsSolutions-IAM5[Resource::<${Stack.of(this).getLogicalId(bucket)}.Arn>/aws/lambda/*]`,
        reason: 'Lambda names the objects of given up batches by mapping, shard, time and chance.',
      });
  }

  /** The runtime loads the client of each kind of target that there is. @throws InvalidProps */
  private expectClients(targets: readonly RelayTargetConfig[]): void {
    const violations = Object.entries(clients).flatMap(([kind, client]) => {
      if (targets.some(({ address }) => kind in address))
        return needed(this.props.entry, client, `\`targets\` has one with ${kind}`);
      notNeeded(this, client);
      return [];
    });
    if (violations.length > 0) throw new InvalidProps('OutboxRelay', this.node.path, violations);
  }

  private environment(targets: readonly RelayTargetConfig[]): Record<string, string> {
    const { outbox, grace = Duration.minutes(1) } = this.props;
    return {
      EXACTLY_ONCE_OUTBOX_TABLE: outbox.table.tableName,
      EXACTLY_ONCE_OUTBOX_RETENTION_SECONDS: String(outbox.retention.toSeconds()),
      EXACTLY_ONCE_OUTBOX_GRACE_SECONDS: String(grace.toSeconds()),
      EXACTLY_ONCE_OUTBOX_TARGETS: targetsText(this, targets),
    };
  }

  private report(
    inequalities: Parameters<typeof violationsOf>[0],
    targets: readonly RelayTargetConfig[],
  ): void {
    const { node, retention } = this.props.outbox;
    const late = () => consumersOutlive({ path: node.path, retention }, targets);
    this.node.addValidation({
      validate: () => {
        const broken = violationsOf(late());
        return broken.length === 0 ? [] : [new InvalidProps('OutboxRelay', this.node.path, broken).message];
      },
    });
    GuaranteeReport.record('OutboxRelay', this, {
      claim: {
        identity: 'id and version of each event, on every copy',
        way: 'at least once to each target: a consumer of this package drops the copies',
        brokenBy: ['a receiver that looks at neither'],
      },
      cost: relayCost(this.props),
      idle: sweepCost(this.props),
      inequalities,
      late,
      notes: targetNotes(targets),
    });
  }
}

import { Duration } from 'aws-cdk-lib';
import { type Alarm, Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { FilterPattern, type ILogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { runbookAlarm } from '../channel/runbook-alarm.js';
import { isKnown } from '../guarantees/inequality.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import { tokenDuration } from '../guarantees/token-duration.js';

/** Why the runtime sends a message to the dead-letter queue. */
export enum DeadLetterKind {
  /** It can never succeed: its handler or its schema said so. */
  REJECTED = 'rejected',
  /** It failed too often. */
  FAILED = 'failed',
  /** Its process died of it. */
  DIED = 'died',
  /** It had been parked, and failed when its turn came. */
  PARKED = 'parked',
}

/** From when on the alarms of a consumer go off. */
export interface ConsumerAlarmThresholds {
  /**
   * Events that wait for a predecessor are told when new ones have been parked without a break for this long. Whole
   * multiples of 5 minutes, up to a day.
   *
   * @default Duration.minutes(15)
   */
  readonly parkedFor?: Duration;

  /**
   * Deliveries within 5 minutes that were handed back untried above which it is told: the function is too slow for
   * what arrives.
   *
   * @default 1000
   */
  readonly excusedReceives?: number;

  /**
   * Age since its first enqueue of a message that comes again and again, above which it is told. On Standard the
   * queue's own alarm is blind to it: what was received three times is no longer the queue's oldest message.
   *
   * @default - half of the retention of the channel's queue, or of the topic, there at most 2 days. Must be given
   *   where the retention is known at deployment only
   */
  readonly comesAgainFor?: Duration;
}

export interface ConsumerAlarmsOptions extends ConsumerAlarmThresholds {
  /**
   * Where the function writes its log. Must be given for a consumer with a `handler`, unless that logs to
   * `/aws/lambda/<its name>`.
   *
   * @default - the log group of the function that the consumer builds, else `/aws/lambda/<its name>`
   */
  readonly logGroup?: ILogGroup;
}

export interface ConsumerAlarmsProps extends ConsumerAlarmThresholds {
  /** Whose figures are looked at: one log group may hold those of several. */
  readonly consumerName: string;
  /** Where the function writes its log. */
  readonly logGroup: ILogGroup;
  /** How long the queue, or the topic, keeps a message. @default Duration.days(4), which is the default of SQS */
  readonly queueRetention?: Duration;
}

const namespace = 'ExactlyOnce';
const period = Duration.minutes(5);
/** What SQS keeps a message for unless it is told otherwise. */
const sqsRetention = Duration.days(4);

/**
 * What a queue's own metrics do not tell of a consumer: groups that stand still, events that wait, versions that are
 * missing, messages that were given up, and why; and that its program is wrong. Made by
 * `IdempotentConsumer.addAlarms`. Give the alarms actions.
 *
 * Works for every consumer that logs its batches, which is what the runtime does unless told otherwise (`logSummary`,
 * also under `metricsObserver`): metric filters read the figures from the log lines. A consumer with an `observe` of
 * its own that logs nothing has no figures here, and the alarms stay silent.
 *
 * Costs ten custom metrics and ten alarms.
 *
 * @throws InvalidProps for a time that no alarm can be made of
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
 */
export class ConsumerAlarms extends Construct {
  /** A group or a stream stopped at a message that failed: nothing of it acts until somebody decides. */
  public readonly stoppedGroupsAlarm: Alarm;
  /** Events have been waiting for their predecessors for `parkedFor`. */
  public readonly parkedAlarm: Alarm;
  /** A message has come again for `comesAgainFor`. */
  public readonly comesAgainAlarm: Alarm;
  /** Many deliveries are handed back untried. */
  public readonly excusedReceivesAlarm: Alarm;
  /** A message can never succeed. */
  public readonly rejectedAlarm: Alarm;
  /** A message failed too often. */
  public readonly failedAlarm: Alarm;
  /** A message killed its process. */
  public readonly diedAlarm: Alarm;
  /** A parked event failed when its turn came. */
  public readonly parkedFailureAlarm: Alarm;
  /** A version is missing, and was listed: the later ones of its aggregate wait for it. */
  public readonly gapAlarm: Alarm;
  /** The program is wrong: what was thrown says so itself. */
  public readonly defectAlarm: Alarm;

  private readonly consumerName: string;

  constructor(scope: Construct, id: string, props: ConsumerAlarmsProps) {
    super(scope, id);
    const { parkedFor = Duration.minutes(15) } = props;
    const violations = alarmViolations(props);
    if (violations.length > 0) throw new InvalidProps('ConsumerAlarms', this.node.path, violations);
    this.consumerName = props.consumerName;
    const name = `'${props.consumerName}'`;
    for (const [metricName, { where, value }] of Object.entries(figures))
      new MetricFilter(this, `${metricName}Figures`, {
        logGroup: props.logGroup,
        filterPattern: FilterPattern.literal(`{ ${where} && $.consumer = "${props.consumerName}" }`),
        metricNamespace: namespace,
        metricName,
        metricValue: value,
        dimensions: { consumer: '$.consumer' },
      });

    this.stoppedGroupsAlarm = runbookAlarm(this, 'StoppedGroups', {
      metric: this.metricStoppedGroups(),
      threshold: 0,
      says: `A group of the consumer ${name} stopped at a message that failed: nothing of it acts until somebody decides`,
      page: 'stopped-groups',
    });
    this.parkedAlarm = runbookAlarm(this, 'Parked', {
      metric: this.metricParkedEvents(),
      threshold: 0,
      periods: Math.max(1, Math.ceil(parkedFor.toMinutes({ integral: false }) / period.toMinutes())),
      says: `Events of the consumer ${name} keep waiting for a predecessor`,
      page: 'parked-events',
    });
    this.excusedReceivesAlarm = runbookAlarm(this, 'ExcusedReceives', {
      metric: this.metricExcusedReceives(),
      threshold: props.excusedReceives ?? 1000,
      says: `The consumer ${name} hands many messages back untried`,
      page: 'excused-receives',
    });
    this.comesAgainAlarm = runbookAlarm(this, 'ComesAgain', {
      metric: this.metricOldestThatComesAgain(),
      threshold: props.comesAgainFor?.toSeconds() ?? (props.queueRetention ?? sqsRetention).toSeconds() / 2,
      says: `A message of the consumer ${name} has come again for long: when the retention of its queue or topic is over, it is deleted`,
      page: 'comes-again',
    });
    this.rejectedAlarm = this.deadLetterAlarm(
      DeadLetterKind.REJECTED,
      'refused a message that can never succeed',
    );
    this.failedAlarm = this.deadLetterAlarm(DeadLetterKind.FAILED, 'gave up a message that failed too often');
    this.diedAlarm = this.deadLetterAlarm(DeadLetterKind.DIED, 'gave up a message that its process died of');
    this.parkedFailureAlarm = this.deadLetterAlarm(
      DeadLetterKind.PARKED,
      'gave up a parked event that failed when its turn came',
    );
    this.gapAlarm = runbookAlarm(this, 'Gaps', {
      metric: this.metricGaps(),
      threshold: 0,
      says: `The consumer ${name} listed a missing version: the later events of its aggregate wait for it`,
      page: 'gaps',
    });
    this.defectAlarm = runbookAlarm(this, 'Defects', {
      metric: this.metricDefects(),
      threshold: 0,
      says: `The program of the consumer ${name} is wrong: an error says so itself`,
      page: 'defects',
    });
  }

  /**
   * Groups and streams that stopped.
   *
   * @default - sum over 5 minutes
   */
  public metricStoppedGroups(props?: MetricOptions): Metric {
    return this.metric('stopped', props);
  }

  /**
   * Messages that were put aside, because a predecessor is missing or their group is stopped.
   *
   * @default - sum over 5 minutes
   */
  public metricParkedEvents(props?: MetricOptions): Metric {
    return this.metric('parked', props);
  }

  /**
   * Deliveries that were handed back without a failure of their own.
   *
   * @default - sum over 5 minutes
   */
  public metricExcusedReceives(props?: MetricOptions): Metric {
    return this.metric('excused', props);
  }

  /**
   * Age since its first enqueue of the oldest message that comes again, in seconds.
   *
   * @default - maximum over 5 minutes
   */
  public metricOldestThatComesAgain(props?: MetricOptions): Metric {
    return this.metric('oldestSeconds', { statistic: 'Maximum', ...props });
  }

  /**
   * Messages that the runtime sent to the dead-letter queue, by the reason.
   *
   * @default - sum over 5 minutes
   */
  public metricDeadLetters(kind: DeadLetterKind, props?: MetricOptions): Metric {
    return this.metric(deadMetric(kind), props);
  }

  /**
   * Gaps that were listed: versions that later ones of their aggregate have waited for in vain.
   *
   * @default - sum over 5 minutes
   */
  public metricGaps(props?: MetricOptions): Metric {
    return this.metric('gap', props);
  }

  /**
   * Messages that met a defect: an error that no input and no dependency can be the reason of.
   *
   * @default - sum over 5 minutes
   */
  public metricDefects(props?: MetricOptions): Metric {
    return this.metric('defect', props);
  }

  private metric(metricName: string, props?: MetricOptions): Metric {
    return new Metric({
      namespace,
      metricName,
      dimensionsMap: { consumer: this.consumerName },
      statistic: 'Sum',
      period,
      ...props,
    });
  }

  private deadLetterAlarm(kind: DeadLetterKind, what: string): Alarm {
    return runbookAlarm(this, deadMetric(kind), {
      metric: this.metricDeadLetters(kind),
      threshold: 0,
      says: `The consumer '${this.consumerName}' ${what}`,
      page: `dead-letters-${kind}`,
    });
  }
}

/** Thresholds are numbers of the template that are made of durations: of a token nothing can be made. */
function alarmViolations({ parkedFor, comesAgainFor, queueRetention }: ConsumerAlarmsProps): Violation[] {
  const violations = [
    comesAgainFor === undefined && queueRetention !== undefined && !isKnown(queueRetention)
      ? {
          id: 'known-at-synth',
          given: 'comesAgainFor is left to half of a retention that is a token',
          allowed: 'known at synth',
          change: 'give `comesAgainFor`, well below the retention',
        }
      : undefined,
    tokenDuration('parkedFor', parkedFor),
  ];
  return violations.filter((violation) => violation !== undefined);
}

/** Which lines of the runtime hold a figure, and where in them it is. */
interface Figure {
  readonly where: string;
  readonly value: string;
}

const figures: Readonly<Record<string, Figure>> = {
  stopped: ofBatch('$.stopped'),
  parked: ofBatch('$.parked'),
  excused: ofBatch('$.excused'),
  oldestSeconds: ofBatch('$.oldestSeconds'),
  ...Object.fromEntries(
    Object.values(DeadLetterKind).map((kind) => [deadMetric(kind), ofBatch(`$.dead.${kind}`)]),
  ),
  gap: { where: '$.exactlyOnce = "gap"', value: '1' },
  defect: { where: '$.exactlyOnce = "problem" && $.fault = "defect"', value: '1' },
};

/** A figure of the line that the runtime logs per batch. */
function ofBatch(field: string): Figure {
  return { where: `$.exactlyOnce = "batch" && ${field} > 0`, value: field };
}

/** As `metricsObserver` calls it: `deadRejected` and so on. */
function deadMetric(kind: DeadLetterKind): string {
  return `dead${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
}

import { Duration } from 'aws-cdk-lib';
import { type Alarm, Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { IGrantable, IPrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, type ILogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import type { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import { runbookAlarm } from '../channel/runbook-alarm.js';
import { handlerFunctionOptions } from '../consumer/handler-function-options.js';
import { HandlerFunction } from '../consumer/handler-function.js';
import { durationText } from '../guarantees/duration-text.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { scheduleCost } from '../guarantees/idle-cost.js';
import { isKnown } from '../guarantees/inequality.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import { nameViolations } from '../guarantees/stable-name.js';
import { sweepSchedule } from '../outbox/sweep-schedule.js';
import type { AuditScheduleProps } from './audit-schedule-props.js';

const namespace = 'ExactlyOnce/Audit';
const mostMinutes = 24 * 60;

/** What `scheduledAudit` logs, by name of the figure. */
const figures = ['failed', 'findings', 'rows'] as const;
type Figure = (typeof figures)[number];

/**
 * Compares a sink with its source on a schedule: a function whose entry is made by `scheduledAudit`.
 *
 * Told by its alarm: rows that are missing, doubled, altered or foreign; an audit that saw nothing; one that could
 * not look; and one that did not run: nothing measured is a failure, too. It may do nothing by itself: grant it to
 * read both sides.
 *
 * @throws InvalidProps
 */
export class AuditSchedule extends Construct implements IGrantable {
  public readonly auditName: string;
  public readonly function: LambdaFunction;
  public readonly schedule: CfnSchedule;
  /** The last audit has failed, or there was none. */
  public readonly failedAlarm: Alarm;
  public readonly grantPrincipal: IPrincipal;

  constructor(scope: Construct, id: string, props: AuditScheduleProps) {
    super(scope, id);
    const { auditName, entry, secret, every = Duration.days(1), timeout = Duration.minutes(15) } = props;
    const violations = [
      ...nameViolations('audit-name', 'auditName', auditName, 'its metrics are found by it'),
      ...timesViolations(every, timeout),
    ];
    if (violations.length > 0) throw new InvalidProps('AuditSchedule', this.node.path, violations);
    this.auditName = auditName;
    const handler = new HandlerFunction(this, 'Handler', {
      ...handlerFunctionOptions(props),
      ...{ entry, timeout, memorySize: props.memorySize ?? 1024, architecture: props.architecture },
      logRetention: props.logRetention,
      environment: {
        ...props.environment,
        EXACTLY_ONCE_AUDIT: auditName,
        ...(secret !== undefined && { EXACTLY_ONCE_DATABASE_SECRET: secret.secretArn }),
      },
    });
    this.function = handler.function;
    this.grantPrincipal = this.function.grantPrincipal;
    secret?.grantRead(this.function);
    this.schedule = sweepSchedule(this, 'Schedule', this.function, every);
    this.measure(handler.logGroup);
    this.failedAlarm = runbookAlarm(this, 'Failed', {
      metric: this.metric('failed', { statistic: 'Maximum', period: every }),
      threshold: 0,
      says: `The audit '${auditName}' has found rows that differ, has seen nothing, or has not run for ${durationText(every)}`,
      missingIsBad: true,
      page: 'audit-failed',
    });
    GuaranteeReport.record('AuditSchedule', this, {
      idle: [scheduleCost('audits, without what they take of Lambda', every.toSeconds())],
      notes: [
        `Audited every ${durationText(every)}: source and sink are compared row by row, by code that the sink does not share. An audit that saw nothing, or did not run, is an alarm.`,
      ],
    });
  }

  /** Rows that differed in each look of an audit: missing, doubled, altered or foreign. */
  public metricFindings(options?: MetricOptions): Metric {
    return this.metric('findings', { statistic: 'Maximum', ...options });
  }

  /** Rows that an audit has seen in the source. */
  public metricRows(options?: MetricOptions): Metric {
    return this.metric('rows', { statistic: 'Maximum', ...options });
  }

  private metric(metricName: Figure, options: MetricOptions): Metric {
    return new Metric({
      namespace,
      metricName,
      dimensionsMap: { audit: this.auditName },
      ...options,
    });
  }

  private measure(logGroup: ILogGroup): void {
    for (const figure of figures)
      new MetricFilter(this, figure, {
        logGroup,
        filterPattern: FilterPattern.all(
          FilterPattern.stringValue('$.exactlyOnce', '=', 'audit'),
          FilterPattern.stringValue('$.audit', '=', this.auditName),
          FilterPattern.exists(`$.${figure}`),
        ),
        metricNamespace: namespace,
        metricName: figure,
        metricValue: `$.${figure}`,
        dimensions: { audit: '$.audit' },
      });
  }
}

function timesViolations(every: Duration, timeout: Duration): Violation[] {
  const violations: Violation[] = [];
  const isWhole = isKnown(every) && every.toSeconds() % 60 === 0;
  if (
    !isWhole ||
    every.toMinutes() > mostMinutes ||
    (isKnown(timeout) && every.toSeconds() < timeout.toSeconds())
  )
    violations.push({
      id: 'audit-interval',
      given: `every is ${durationText(every)}`,
      allowed: `whole minutes, from timeout (${durationText(timeout)}) to a day, which is the longest that an alarm looks back`,
      change: 'change `every` or `timeout`',
    });
  if (!isKnown(timeout) || timeout.toSeconds() < 10 || timeout.toSeconds() > 900)
    violations.push({
      id: 'audit-timeout',
      given: `timeout is ${durationText(timeout)}`,
      allowed: '10 seconds to 15 minutes',
      change: 'change `timeout`',
    });
  return violations;
}

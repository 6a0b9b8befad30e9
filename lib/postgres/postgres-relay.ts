import { Duration } from 'aws-cdk-lib';
import { type Alarm, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import { runbookAlarm } from '../channel/runbook-alarm.js';
import { handlerFunctionOptions } from '../consumer/handler-function-options.js';
import { HandlerFunction } from '../consumer/handler-function.js';
import { durationText } from '../guarantees/duration-text.js';
import { isKnown } from '../guarantees/inequality.js';
import type { Violation } from '../guarantees/invalid-props.js';
import { sweepSchedule } from '../outbox/sweep-schedule.js';
import type { PostgresRelayProps } from './postgres-relay-props.js';
import { expectOutbox, relayEnvironment } from './relay-environment.js';

/**
 * Sends what is in an outbox of Postgres, by polling: a function on a schedule.
 *
 * Guaranteed, while its entry runs `scheduledRelay`: an event whose transaction committed reaches every target that
 * wants its type, at least once, and each aggregate in order. What it may do: send to the targets, read the secret,
 * and write its log; in the database it may do what its role may.
 *
 * Defaults imposed: no retries of a run, since the next one finds the same, and alarms that go off also when nothing
 * is measured. A function in a network of yours needs ways to the database and to the targets.
 *
 * @throws InvalidProps
 */
export class PostgresRelay extends Construct {
  /** The function that sends. */
  public readonly function: LambdaFunction;
  /** What calls it. */
  public readonly schedule: CfnSchedule;
  /** An event has been unsent for too long, or no run tells. */
  public readonly oldestUnsentAlarm: Alarm;
  /** Aggregates stand: a target does not take their next event. */
  public readonly stuckStreamsAlarm: Alarm;

  private readonly outboxName: string;

  constructor(scope: Construct, id: string, props: PostgresRelayProps) {
    super(scope, id);
    this.outboxName = props.outboxName;
    const { entry, secret, interval = Duration.minutes(1), alarmAfter = Duration.minutes(10) } = props;
    const { outboxName, targets, retention = Duration.days(7) } = props;
    const outbox = { outboxName, targets, retention };
    const timeout = props.timeout ?? Duration.seconds(Math.min(900, Math.max(60, seconds(interval))));
    expectOutbox('PostgresRelay', this, outbox, timesViolations(interval, timeout));
    this.function = new HandlerFunction(this, 'Handler', {
      ...handlerFunctionOptions(props),
      ...{ entry, timeout, memorySize: props.memorySize, architecture: props.architecture },
      ...{ logRetention: props.logRetention, encryptionKey: props.encryptionKey },
      environment: {
        ...props.environment,
        ...(secret !== undefined && { EXACTLY_ONCE_DATABASE_SECRET: secret.secretArn }),
      },
    }).function;
    for (const [name, value] of Object.entries(relayEnvironment(this, this.function, outbox)))
      this.function.addEnvironment(name, value);
    secret?.grantRead(this.function);
    this.schedule = sweepSchedule(this, 'Schedule', this.function, interval);
    const period = Duration.minutes(Math.max(5, 2 * interval.toMinutes()));
    this.oldestUnsentAlarm = runbookAlarm(this, 'OldestUnsent', {
      metric: this.metric('oldestUnsent', period),
      threshold: alarmAfter.toSeconds(),
      says: `An event of the outbox ${outboxName} has been unsent for more than ${durationText(alarmAfter)}, or its relay does not run`,
      page: 'postgres-relay',
      missingIsBad: true,
    });
    this.stuckStreamsAlarm = runbookAlarm(this, 'StuckStreams', {
      metric: this.metric('stuckStreams', period, 'Minimum'),
      threshold: 0,
      periods: Math.max(1, Math.ceil(alarmAfter.toMinutes() / period.toMinutes())),
      says: `Aggregates of the outbox ${outboxName} have been stuck for more than ${durationText(alarmAfter)}: a target does not take their next event`,
      page: 'postgres-relay',
    });
  }

  private metric(metricName: string, period: Duration, statistic = 'Maximum'): Metric {
    return new Metric({
      namespace: 'ExactlyOnce/Outbox',
      ...{ metricName, period, statistic },
      dimensionsMap: { outbox: this.outboxName },
    });
  }
}

function seconds(interval: Duration): number {
  return isKnown(interval) ? interval.toSeconds() : 60;
}

function timesViolations(interval: Duration, timeout: Duration): Violation[] {
  const violations: Violation[] = [];
  if (!isKnown(interval) || interval.toSeconds() < 60 || interval.toSeconds() % 60 !== 0)
    violations.push({
      id: 'relay-interval',
      given: `interval is ${durationText(interval)}`,
      allowed: 'whole minutes, which is what schedules know',
      change: 'change `interval`',
    });
  if (!isKnown(timeout) || timeout.toSeconds() < 10 || timeout.toSeconds() > 900)
    violations.push({
      id: 'relay-timeout',
      given: `timeout is ${durationText(timeout)}`,
      allowed: '10 seconds to 15 minutes: a fifth of it is kept for marks and the answer',
      change: 'change `timeout`',
    });
  return violations;
}

import { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import { handlerFunctionOptions } from '../consumer/handler-function-options.js';
import { HandlerFunction } from '../consumer/handler-function.js';
import { durationText } from '../guarantees/duration-text.js';
import { scheduleCost } from '../guarantees/idle-cost.js';
import { isKnown } from '../guarantees/inequality.js';
import type { Violation } from '../guarantees/invalid-props.js';
import { sweepSchedule } from '../outbox/sweep-schedule.js';
import type { PostgresRelayProps } from './postgres-relay-props.js';
import { pollingAlarms } from './relay-alarms.js';
import { bindRelay, expectOutbox, outboxOf } from './relay-environment.js';
import { reportRelay } from './relay-report.js';

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

  constructor(scope: Construct, id: string, props: PostgresRelayProps) {
    super(scope, id);
    const { entry, interval = Duration.minutes(1), alarmAfter = Duration.minutes(10) } = props;
    const outbox = outboxOf(props);
    const timeout = props.timeout ?? Duration.seconds(Math.min(900, Math.max(60, seconds(interval))));
    expectOutbox('PostgresRelay', this, outbox, timesViolations(interval, timeout));
    this.function = new HandlerFunction(this, 'Handler', {
      ...handlerFunctionOptions(props),
      ...{ entry, timeout, memorySize: props.memorySize, architecture: props.architecture },
      ...{ logRetention: props.logRetention, encryptionKey: props.encryptionKey },
      environment: props.environment,
    }).function;
    const { environment, targets } = bindRelay('PostgresRelay', this, this.function, outbox);
    for (const [name, value] of Object.entries(environment)) this.function.addEnvironment(name, value);
    this.schedule = sweepSchedule(this, 'Schedule', this.function, interval);
    const alarms = pollingAlarms(this, { outboxName: props.outboxName, alarmAfter, told: interval });
    this.oldestUnsentAlarm = alarms.oldestUnsentAlarm;
    this.stuckStreamsAlarm = alarms.stuckStreamsAlarm;
    reportRelay('PostgresRelay', this, {
      ...{ outbox, targets, notes: [] },
      idle: [scheduleCost('runs', interval.toSeconds())],
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

import { Duration, Token } from 'aws-cdk-lib';
import type { Alarm, Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Connections, IConnectable } from 'aws-cdk-lib/aws-ec2';
import type { FargateService, FargateTaskDefinition } from 'aws-cdk-lib/aws-ecs';
import { Construct } from 'constructs';
import type { Violation } from '../guarantees/invalid-props.js';
import { environmentViolations } from '../guarantees/reserved-environment.js';
import type { PostgresPollingRelayProps } from './postgres-polling-relay-props.js';
import { outboxMetric, pollingAlarms } from './relay-alarms.js';
import { relayService } from './relay-service.js';

/**
 * Sends what is in an outbox of Postgres, by polling: a service on Fargate whose tasks stay connected, so that a
 * publication wakes them within milliseconds, where `PostgresRelay` runs by the minute. It needs no replication slot:
 * while no task runs, the database keeps the unsent rows, and nothing of its log.
 *
 * Guaranteed, while its program runs `runPollingRelay`: an event whose transaction committed reaches every target
 * that wants its type, at least once, and each aggregate in order, by however many tasks; a transaction that stays
 * open delays nobody else (R35). What its tasks may do: send to the targets, read the secret, and write their log; in
 * the database they may do what their role may.
 *
 * Defaults imposed: a deployment starts the new tasks before it stops the old ones, and a task that is stopped has a
 * minute to end what it is sending; alarms that go off also when nothing is measured. The tasks need ways to the
 * database and to the targets. LISTEN needs a connection to the database itself; through RDS Proxy they poll only.
 *
 * @throws InvalidProps
 */
export class PostgresPollingRelay extends Construct implements IConnectable {
  public readonly service: FargateService;
  public readonly taskDefinition: FargateTaskDefinition;
  /** No task runs: nothing is sent. */
  public readonly downAlarm: Alarm;
  /** An event has been unsent for too long, or no task tells. */
  public readonly oldestUnsentAlarm: Alarm;
  /** Aggregates stand: a target does not take their next event. */
  public readonly stuckStreamsAlarm: Alarm;

  private readonly outboxName: string;

  constructor(scope: Construct, id: string, props: PostgresPollingRelayProps) {
    super(scope, id);
    const { outboxName, image, desiredCount = 2, alarmAfter = Duration.minutes(10) } = props;
    this.outboxName = outboxName;
    const { service, taskDefinition, downAlarm } = relayService(this, props, {
      ...{ constructClass: 'PostgresPollingRelay', image, desiredCount },
      // A transaction sends for 20 seconds at most, and its marks have 10. What has none is sent once more.
      stopTimeout: Duration.minutes(1),
      whileDown: 'nothing is sent',
      violations: [...tasksViolations(desiredCount), ...environmentViolations(props.environment ?? {})],
      notes: [
        'A task that dies loses its lanes with its connection, and another one takes them: what it had sent and not marked is sent once more.',
      ],
    });
    this.service = service;
    this.taskDefinition = taskDefinition;
    this.downAlarm = downAlarm;
    const alarms = pollingAlarms(this, { outboxName, alarmAfter, told: Duration.minutes(1) });
    this.oldestUnsentAlarm = alarms.oldestUnsentAlarm;
    this.stuckStreamsAlarm = alarms.stuckStreamsAlarm;
  }

  /** Those of the tasks: let them reach the database on its port. */
  public get connections(): Connections {
    return this.service.connections;
  }

  /**
   * Age of the oldest unsent event, in seconds, as each task tells it once a minute.
   *
   * @default - maximum over 5 minutes
   */
  public metricOldestUnsent(props?: MetricOptions): Metric {
    return outboxMetric(this.outboxName, 'oldestUnsent', { statistic: 'Maximum', ...props });
  }

  /**
   * Aggregates whose next event a target does not take.
   *
   * @default - maximum over 5 minutes
   */
  public metricStuckStreams(props?: MetricOptions): Metric {
    return outboxMetric(this.outboxName, 'stuckStreams', { statistic: 'Maximum', ...props });
  }

  /**
   * Time from an event's publication to its mark, in milliseconds, the longest of each transaction of a task.
   *
   * @default - maximum over 5 minutes
   */
  public metricLag(props?: MetricOptions): Metric {
    return outboxMetric(this.outboxName, 'lag', { statistic: 'Maximum', ...props });
  }

  /**
   * Events that every target that wants them has accepted.
   *
   * @default - sum over 5 minutes
   */
  public metricSent(props?: MetricOptions): Metric {
    return outboxMetric(this.outboxName, 'sent', props);
  }

  /**
   * Events that a target refused, each time that it did.
   *
   * @default - sum over 5 minutes
   */
  public metricFailed(props?: MetricOptions): Metric {
    return outboxMetric(this.outboxName, 'failed', props);
  }
}

function tasksViolations(desiredCount: number): Violation[] {
  if (Token.isUnresolved(desiredCount) || (Number.isInteger(desiredCount) && desiredCount >= 1)) return [];
  return [
    {
      id: 'tasks-in-range',
      given: `desiredCount is ${desiredCount}`,
      allowed: 'a whole number, at least 1',
      change: 'change `desiredCount`',
    },
  ];
}

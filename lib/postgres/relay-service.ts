import type { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { ContainerImage, FargateService, FargateTaskDefinition } from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';
import { fargateProgram, fargateTask } from '../consumer/fargate-program.js';
import { logGroup } from '../consumer/log-group.js';
import { serviceDownAlarm } from '../consumer/service-down-alarm.js';
import { tasksCost } from '../guarantees/idle-cost.js';
import type { Violation } from '../guarantees/invalid-props.js';
import type { PostgresRelayServiceProps } from './postgres-relay-service-props.js';
import { bindRelay, expectOutbox, outboxOf } from './relay-environment.js';
import { reportRelay } from './relay-report.js';

/** How one kind of relay differs from the other. */
export interface RelayServiceKind {
  readonly constructClass: string;
  readonly image: ContainerImage;
  readonly desiredCount: number;
  /** Between SIGTERM and SIGKILL. */
  readonly stopTimeout: Duration;
  /** What stands still while no task runs, without a full stop. */
  readonly whileDown: string;
  readonly violations?: readonly Violation[];
  /** Sentences for GUARANTEES.md. */
  readonly notes: readonly string[];
}

export interface RelayService {
  readonly taskDefinition: FargateTaskDefinition;
  readonly service: FargateService;
  readonly downAlarm: Alarm;
}

/**
 * A relay as a service on Fargate. It may send to its targets, read its secret, and nothing else.
 *
 * @throws InvalidProps
 */
export function relayService(
  scope: Construct,
  props: PostgresRelayServiceProps,
  kind: RelayServiceKind,
): RelayService {
  const outbox = outboxOf(props);
  const { constructClass, image, desiredCount, stopTimeout } = kind;
  expectOutbox(constructClass, scope, outbox, kind.violations);
  const size = { cpu: props.cpu ?? 256, memoryLimitMiB: props.memoryLimitMiB ?? 512 };
  const taskDefinition = fargateTask(scope, {
    ...size,
    container: 'Relay',
    ...{ image, stopTimeout, environment: props.environment },
    streamPrefix: 'relay',
    logGroup: logGroup(scope, 'Logs', { encryptionKey: props.encryptionKey }),
    variables: 'The variables are names and addresses; the password stays in its secret.',
  });
  const { environment, targets } = bindRelay(constructClass, scope, taskDefinition.taskRole, outbox);
  for (const [name, value] of Object.entries(environment))
    taskDefinition.defaultContainer?.addEnvironment(name, value);
  const service = fargateProgram(scope, taskDefinition, {
    ...{ cluster: props.cluster, desiredCount },
    ...{ vpcSubnets: props.vpcSubnets, securityGroups: props.securityGroups },
  });
  reportRelay(constructClass, scope, {
    ...{ outbox, targets, notes: kind.notes },
    idle: tasksCost('tasks', { ...size, tasks: desiredCount }),
  });
  return {
    ...{ taskDefinition, service },
    downAlarm: serviceDownAlarm(
      scope,
      service,
      `No task of the relay of the outbox ${outbox.outboxName} runs: ${kind.whileDown}`,
    ),
  };
}

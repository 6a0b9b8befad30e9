import { Duration, Stack } from 'aws-cdk-lib';
import { AdjustmentType } from 'aws-cdk-lib/aws-applicationautoscaling';
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import {
  type ContainerImage,
  FargateService,
  type FargateTaskDefinition,
  type ICluster,
} from 'aws-cdk-lib/aws-ecs';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { MessageChannel } from '../channel/message-channel.js';
import { fargateTask } from '../consumer/fargate-program.js';
import { logGroup } from '../consumer/log-group.js';

export interface JobTasksProps {
  readonly channel: MessageChannel;
  readonly cluster: ICluster;
  readonly image: ContainerImage;
  readonly environment: { [key: string]: string };
  readonly cpu: number;
  readonly memoryLimitMiB: number;
  readonly maxTasks: number;
  readonly encryptionKey?: IKey;
}

/**
 * Fargate tasks that receive jobs. As many as there is work for, and one that runs a job is protected from being
 * taken away, because its job would have to begin anew.
 *
 * @internal
 */
export class JobTasks extends Construct {
  public readonly service: FargateService;
  public readonly taskDefinition: FargateTaskDefinition;

  constructor(scope: Construct, id: string, props: JobTasksProps) {
    super(scope, id);
    const { cluster, image, channel, cpu, memoryLimitMiB, environment, maxTasks, encryptionKey } = props;
    this.taskDefinition = fargateTask(this, {
      cpu,
      memoryLimitMiB,
      container: 'Worker',
      image,
      environment,
      // What a job has left to stop in, between SIGTERM and SIGKILL: Fargate's longest.
      stopTimeout: Duration.seconds(120),
      streamPrefix: 'worker',
      logGroup: logGroup(this, 'Logs', { encryptionKey }),
      variables: 'The variables are names of tables and queues, and no secrets.',
    });
    this.service = new FargateService(this, 'Service', {
      cluster,
      taskDefinition: this.taskDefinition,
      desiredCount: 0,
      // Tasks that run a job are protected: a deployment starts new ones beside them, and stops these when they end.
      minHealthyPercent: 0,
      circuitBreaker: { rollback: true },
    });
    this.taskDefinition.taskRole.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['ecs:GetTaskProtection', 'ecs:UpdateTaskProtection'],
        // A task protects itself; which id it will have nobody knows.
        resources: [
          Stack.of(this).formatArn({
            service: 'ecs',
            resource: 'task',
            resourceName: `${cluster.clusterName}/*`,
          }),
        ],
      }),
    );
    this.scale(channel, maxTasks);
  }

  /**
   * A task for every job, up to `maxTasks`; beyond 20 of them in steps, each with room for its jobs. Fewer tasks than
   * there are may be asked for: those that run a job are protected, and go when it has ended.
   */
  private scale(channel: MessageChannel, maxTasks: number): void {
    const period = Duration.minutes(1);
    const work = new MathExpression({
      expression: 'waiting + running',
      usingMetrics: {
        waiting: channel.queue.metricApproximateNumberOfMessagesVisible({ period }),
        running: channel.queue.metricApproximateNumberOfMessagesNotVisible({ period }),
      },
      period,
    });
    const steps = taskSteps(maxTasks);
    // What lies between two bounds makes two alarms: one that says "none", and one that says how many.
    this.service.autoScaleTaskCount({ minCapacity: 0, maxCapacity: maxTasks }).scaleOnMetric('Work', {
      metric: work,
      adjustmentType: AdjustmentType.EXACT_CAPACITY,
      scalingSteps: [
        { upper: 0, change: 0 },
        ...steps.map((tasks, i) => ({ lower: (steps[i - 1] ?? 0) + 1, change: tasks })),
      ],
    });
  }
}

/** A scaling policy takes at most so many steps. */
const maxSteps = 20;

/** How many tasks there may be, ascending: each number serves all jobs up to itself, the last one any number. */
function taskSteps(maxTasks: number): number[] {
  const count = Math.min(maxSteps, maxTasks);
  return Array.from({ length: count }, (_, i) =>
    maxTasks <= maxSteps ? i + 1 : Math.ceil(maxTasks ** ((i + 1) / count)),
  ).filter((tasks, i, all) => tasks !== all[i - 1]);
}

import { Duration, Validations } from 'aws-cdk-lib';
import { AdjustmentType } from 'aws-cdk-lib/aws-applicationautoscaling';
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import {
  type ContainerImage,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  type ICluster,
  LogDrivers,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { MessageChannel } from '../channel/message-channel.js';

export interface JobTasksProps {
  readonly channel: MessageChannel;
  readonly cluster: ICluster;
  readonly image: ContainerImage;
  readonly environment: { [key: string]: string };
  readonly cpu: number;
  readonly memoryLimitMiB: number;
  readonly maxTasks: number;
}

/**
 * Fargate tasks that receive jobs. As many as there is work for: a task is only taken away when no job waits and none
 * runs, because a job whose task is stopped has to begin anew.
 *
 * @internal
 */
export class JobTasks extends Construct {
  public readonly service: FargateService;
  public readonly taskDefinition: FargateTaskDefinition;

  constructor(scope: Construct, id: string, props: JobTasksProps) {
    super(scope, id);
    const { cluster, image, channel, cpu, memoryLimitMiB, environment, maxTasks } = props;
    this.taskDefinition = new FargateTaskDefinition(this, 'Task', {
      cpu,
      memoryLimitMiB,
      runtimePlatform: {
        cpuArchitecture: CpuArchitecture.ARM64,
        operatingSystemFamily: OperatingSystemFamily.LINUX,
      },
    });
    this.taskDefinition.addContainer('Worker', {
      image,
      environment,
      // What a job has left to stop in, between SIGTERM and SIGKILL: Fargate's longest.
      stopTimeout: Duration.seconds(120),
      logging: LogDrivers.awsLogs({
        streamPrefix: 'worker',
        logGroup: new LogGroup(this, 'Logs', { retention: RetentionDays.ONE_MONTH }),
      }),
    });
    Validations.of(this.taskDefinition).acknowledge({
      id: 'AwsSolutions-ECS2',
      reason: 'The variables are names of tables and queues, and no secrets.',
    });
    this.service = new FargateService(this, 'Service', {
      cluster,
      taskDefinition: this.taskDefinition,
      desiredCount: 0,
      // A deployment waits for no job: its tasks are told to stop, and the jobs begin anew.
      minHealthyPercent: 0,
      circuitBreaker: { rollback: true },
    });
    const work = new MathExpression({
      expression: 'waiting + running',
      usingMetrics: {
        waiting: channel.queue.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(1) }),
        running: channel.queue.metricApproximateNumberOfMessagesNotVisible({ period: Duration.minutes(1) }),
      },
      period: Duration.minutes(1),
    });
    this.service.autoScaleTaskCount({ minCapacity: 0, maxCapacity: maxTasks }).scaleOnMetric('Work', {
      metric: work,
      adjustmentType: AdjustmentType.EXACT_CAPACITY,
      scalingSteps: [
        { upper: 0, change: 0 },
        { lower: 1, change: 1 },
        { lower: 10, change: Math.max(2, Math.ceil(maxTasks / 2)) },
        { lower: 100, change: maxTasks },
      ],
    });
  }
}

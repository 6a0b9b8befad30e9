import { type Duration, Validations } from 'aws-cdk-lib';
import type { ISecurityGroup, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import {
  type ContainerImage,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  type HealthCheck,
  type ICluster,
  LogDrivers,
  OperatingSystemFamily,
  type Secret,
} from 'aws-cdk-lib/aws-ecs';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

export interface FargateTaskOptions {
  readonly cpu?: number;
  readonly memoryLimitMiB?: number;
  /** Id of the container. */
  readonly container: string;
  readonly image: ContainerImage;
  readonly environment?: { [key: string]: string };
  /** Variables that the task reads when it starts, and that are not in the template. */
  readonly secrets?: { [key: string]: Secret };
  readonly healthCheck?: HealthCheck;
  /** Between SIGTERM and SIGKILL. */
  readonly stopTimeout: Duration;
  readonly streamPrefix: string;
  readonly logGroup: ILogGroup;
  /** Why the variables may be in the template: what they are. */
  readonly variables: string;
}

/** A task on Fargate, 64-bit ARM, as every program of this package that stays runs in one. */
export function fargateTask(scope: Construct, options: FargateTaskOptions): FargateTaskDefinition {
  const { cpu, memoryLimitMiB, container, streamPrefix, logGroup, variables, ...program } = options;
  const task = new FargateTaskDefinition(scope, 'Task', {
    cpu,
    memoryLimitMiB,
    runtimePlatform: {
      cpuArchitecture: CpuArchitecture.ARM64,
      operatingSystemFamily: OperatingSystemFamily.LINUX,
    },
  });
  task.addContainer(container, { ...program, logging: LogDrivers.awsLogs({ streamPrefix, logGroup }) });
  Validations.of(task).acknowledge({ id: 'AwsSolutions-ECS2', reason: variables });
  Validations.of(task.obtainExecutionRole()).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'ecr:GetAuthorizationToken, which the pull of an image needs, takes no resource.',
  });
  return task;
}

export interface FargateProgramOptions {
  readonly cluster: ICluster;
  readonly desiredCount: number;
  readonly vpcSubnets?: SubnetSelection;
  readonly securityGroups?: ISecurityGroup[];
  /** Whether a deployment replaces one task after the other. @default false */
  readonly oneByOne?: boolean;
}

/** A service whose deployments start the new tasks before they stop the old ones. */
export function fargateProgram(
  scope: Construct,
  taskDefinition: FargateTaskDefinition,
  { oneByOne = false, ...options }: FargateProgramOptions,
): FargateService {
  const { desiredCount } = options;
  return new FargateService(scope, 'Service', {
    ...options,
    taskDefinition,
    minHealthyPercent: 100,
    // ECS rounds down.
    maxHealthyPercent: oneByOne ? Math.ceil((100 * (desiredCount + 1)) / desiredCount) : 200,
    circuitBreaker: { rollback: true },
  });
}

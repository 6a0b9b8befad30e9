import { Duration } from 'aws-cdk-lib';
import type { ContainerImage, FargateService, FargateTaskDefinition, ICluster } from 'aws-cdk-lib/aws-ecs';
import type { ISecurityGroup, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IGrantable, IPrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { fargateProgram, fargateTask } from '../consumer/fargate-program.js';
import { logGroup } from '../consumer/log-group.js';
import { serviceDownAlarm } from '../consumer/service-down-alarm.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { nameViolations } from '../guarantees/stable-name.js';

export interface SinkServiceProps {
  /** Names the sink: where it stands is found by it. It never changes. */
  readonly sinkName: string;
  readonly cluster: ICluster;
  /** Its program calls `runSink`, and stops when it is sent SIGTERM. */
  readonly image: ContainerImage;

  /**
   * Environment variables of the program, beside `EXACTLY_ONCE_SINK`, the name.
   *
   * @default - none
   */
  readonly environment?: { [key: string]: string };

  /**
   * Tasks. Two may run on the same partitions, as in each deployment: the sink moves by compare-and-set.
   *
   * @default 1
   */
  readonly desiredCount?: number;

  /** @default 512 */
  readonly cpu?: number;

  /** @default 1024 */
  readonly memoryLimitMiB?: number;

  /**
   * Key of yours for the logs.
   *
   * @default - keys that CloudWatch Logs manages
   */
  readonly encryptionKey?: IKey;

  /** @default - private ones with a way out */
  readonly vpcSubnets?: SubnetSelection;

  /** @default - a new one that lets everything out */
  readonly securityGroups?: ISecurityGroup[];
}

/**
 * A sink as a service on Fargate. It may do nothing by itself: grant it what it writes to, and reads from.
 *
 * A deployment starts the new task before it stops the old one, and a task that was frozen may wake up: both are
 * fenced by the sink's compare-and-set, not by the service.
 */
export class SinkService extends Construct implements IGrantable {
  public readonly service: FargateService;
  public readonly taskDefinition: FargateTaskDefinition;
  /** No task runs: the sink stands still. */
  public readonly downAlarm: Alarm;
  public readonly grantPrincipal: IPrincipal;

  /** @throws InvalidProps */
  constructor(scope: Construct, id: string, props: SinkServiceProps) {
    super(scope, id);
    const { sinkName, cluster, image, environment, encryptionKey, desiredCount = 1 } = props;
    const violations = nameViolations(
      'sink-name',
      'sinkName',
      sinkName,
      'where the sink stands is found by it',
    );
    if (violations.length > 0) throw new InvalidProps('SinkService', this.node.path, violations);
    this.taskDefinition = fargateTask(this, {
      cpu: props.cpu ?? 512,
      memoryLimitMiB: props.memoryLimitMiB ?? 1024,
      container: 'Sink',
      image,
      environment: { ...environment, EXACTLY_ONCE_SINK: sinkName },
      // To write what it has read. It is exact without, too: the next one reads it again.
      stopTimeout: Duration.seconds(60),
      streamPrefix: 'sink',
      logGroup: logGroup(this, 'Logs', { encryptionKey }),
      variables: 'The variables are names; give secrets through the program.',
    });
    this.service = fargateProgram(this, this.taskDefinition, {
      cluster,
      desiredCount,
      vpcSubnets: props.vpcSubnets,
      securityGroups: props.securityGroups,
    });
    this.downAlarm = serviceDownAlarm(
      this,
      this.service,
      `No task of the sink '${sinkName}' runs: it stands still`,
    );
    this.grantPrincipal = this.taskDefinition.taskRole;
  }
}

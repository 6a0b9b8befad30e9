import { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { ISecurityGroup, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { ContainerImage, FargateService, FargateTaskDefinition, ICluster } from 'aws-cdk-lib/aws-ecs';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { fargateProgram, fargateTask } from '../consumer/fargate-program.js';
import { logGroup } from '../consumer/log-group.js';
import { serviceDownAlarm } from '../consumer/service-down-alarm.js';
import type { RelayTarget } from '../outbox/relay-target.js';
import { expectOutbox, relayEnvironment } from './relay-environment.js';

export interface PostgresCdcRelayProps {
  /** Names the outbox in metrics. */
  readonly outboxName: string;

  /** Where events are sent. */
  readonly targets: RelayTarget[];

  readonly cluster: ICluster;

  /** Its program starts a `CdcRelay` of the runtime, and stops it when it is sent SIGTERM. */
  readonly image: ContainerImage;

  /**
   * Secret of a role with REPLICATION; the task may read it, and is told its ARN in `EXACTLY_ONCE_DATABASE_SECRET`.
   *
   * @default - none: IAM authentication, or an environment of your own
   */
  readonly secret?: ISecret;

  /**
   * How long events are kept, in whole days, and how far back they are sent once more when the replication slot was
   * lost. Consumers must keep receipts for at least as long (R36).
   *
   * @default Duration.days(7)
   */
  readonly retention?: Duration;

  /**
   * Tasks. One reads, the others stand by.
   *
   * @default 2
   */
  readonly desiredCount?: number;

  /** @default 256 */
  readonly cpu?: number;

  /** @default 512 */
  readonly memoryLimitMiB?: number;

  /**
   * Environment variables of the program.
   *
   * @default - none
   */
  readonly environment?: { [key: string]: string };

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
 * Sends what is in an outbox of Postgres, by change data capture: a service on Fargate, since a function cannot hold
 * a replication connection. The connection goes to the database itself, not through RDS Proxy.
 *
 * Guaranteed, while its program runs `CdcRelay`: an event whose transaction committed reaches every target that wants
 * its type, at least once, and each aggregate in order; a slot that was lost is not gone on with in silence.
 *
 * Watch the slot (`slotGauges`) and `OldestReplicationSlotLag` of RDS: while no task runs, the server keeps its log.
 *
 * @throws InvalidProps
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.FeatureSupport.LogicalReplication.html
 */
export class PostgresCdcRelay extends Construct {
  public readonly service: FargateService;
  public readonly taskDefinition: FargateTaskDefinition;
  /** No task runs: nothing is sent, and the server keeps its log for the slot. */
  public readonly downAlarm: Alarm;

  constructor(scope: Construct, id: string, props: PostgresCdcRelayProps) {
    super(scope, id);
    const { cluster, image, secret, encryptionKey, environment } = props;
    const { outboxName, targets, retention = Duration.days(7) } = props;
    const outbox = { outboxName, targets, retention };
    expectOutbox('PostgresCdcRelay', this, outbox);
    this.taskDefinition = fargateTask(this, {
      cpu: props.cpu ?? 256,
      memoryLimitMiB: props.memoryLimitMiB ?? 512,
      container: 'Relay',
      image,
      environment: {
        ...environment,
        ...(secret !== undefined && { EXACTLY_ONCE_DATABASE_SECRET: secret.secretArn }),
      },
      // For what is under way and its position. Without, it is sent once more.
      stopTimeout: Duration.seconds(30),
      streamPrefix: 'relay',
      logGroup: logGroup(this, 'Logs', { encryptionKey }),
      variables: 'The variables are names and addresses; the password stays in its secret.',
    });
    const { defaultContainer, taskRole } = this.taskDefinition;
    for (const [name, value] of Object.entries(relayEnvironment(this, taskRole, outbox)))
      defaultContainer?.addEnvironment(name, value);
    secret?.grantRead(taskRole);
    this.service = fargateProgram(this, this.taskDefinition, {
      cluster,
      desiredCount: props.desiredCount ?? 2,
      vpcSubnets: props.vpcSubnets,
      securityGroups: props.securityGroups,
    });
    this.downAlarm = serviceDownAlarm(
      this,
      this.service,
      `No task of the relay of the outbox ${outboxName} runs: nothing is sent, and the server keeps its log`,
    );
  }
}

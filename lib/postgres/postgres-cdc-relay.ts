import { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Connections, IConnectable } from 'aws-cdk-lib/aws-ec2';
import type { ContainerImage, FargateService, FargateTaskDefinition } from 'aws-cdk-lib/aws-ecs';
import { Construct } from 'constructs';
import type { PostgresRelayServiceProps } from './postgres-relay-service-props.js';
import { relayService } from './relay-service.js';

/** The secret is that of a role with REPLICATION. After the replication slot was lost, what is kept is sent anew. */
export interface PostgresCdcRelayProps extends PostgresRelayServiceProps {
  /** Its program starts a `CdcRelay` of the runtime, and stops it when it is sent SIGTERM. */
  readonly image: ContainerImage;

  /**
   * Tasks. One reads, the others stand by.
   *
   * @default 2
   */
  readonly desiredCount?: number;
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
export class PostgresCdcRelay extends Construct implements IConnectable {
  public readonly service: FargateService;
  public readonly taskDefinition: FargateTaskDefinition;
  /** No task runs: nothing is sent, and the server keeps its log for the slot. */
  public readonly downAlarm: Alarm;

  constructor(scope: Construct, id: string, props: PostgresCdcRelayProps) {
    super(scope, id);
    const { service, taskDefinition, downAlarm } = relayService(this, props, {
      constructClass: 'PostgresCdcRelay',
      image: props.image,
      desiredCount: props.desiredCount ?? 2,
      // For what is under way and its position. Without, it is sent once more.
      stopTimeout: Duration.seconds(30),
      whileDown: 'nothing is sent, and the server keeps its log',
      notes: [
        'Assumed: while no task runs the server keeps its log; a slot that it has given up begins with what is kept, sent once more.',
      ],
    });
    this.service = service;
    this.taskDefinition = taskDefinition;
    this.downAlarm = downAlarm;
  }

  /** Those of the tasks: let them reach the database on its port. */
  public get connections(): Connections {
    return this.service.connections;
  }
}

import { Duration, Stack } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Connections, IConnectable } from 'aws-cdk-lib/aws-ec2';
import type { FargateService, FargateTaskDefinition } from 'aws-cdk-lib/aws-ecs';
import type { IGrantable, IPrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { fargateProgram, fargateTask } from '../consumer/fargate-program.js';
import { logGroup } from '../consumer/log-group.js';
import { serviceDownAlarm } from '../consumer/service-down-alarm.js';
import type { IdleCost } from '../guarantees/guarantee-claims.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { tasksCost } from '../guarantees/idle-cost.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { pinName } from '../guarantees/pinned-names.js';
import { sinkStatements } from './sink-permissions.js';
import type { SinkServiceProps } from './sink-service-props.js';
import { sinkServiceViolations } from './sink-service-rules.js';

/**
 * A sink as a service on Fargate. Of Kafka it may read the `topics` that it is told, and send to its dead-letter
 * topic; else it may do nothing by itself: grant it what it writes to.
 *
 * A deployment starts the new task before it stops the old one, and a task that was frozen may wake up: both are
 * fenced by the sink's compare-and-set, not by the service.
 *
 * @throws InvalidProps
 */
export class SinkService extends Construct implements IGrantable, IConnectable {
  public readonly service: FargateService;
  public readonly taskDefinition: FargateTaskDefinition;
  /** No task runs: the sink stands still. */
  public readonly downAlarm: Alarm;
  public readonly grantPrincipal: IPrincipal;

  constructor(scope: Construct, id: string, props: SinkServiceProps) {
    super(scope, id);
    const { sinkName, cluster, image, environment, encryptionKey, desiredCount = 1 } = props;
    const size = { cpu: props.cpu ?? 512, memoryLimitMiB: props.memoryLimitMiB ?? 1024 };
    const violations = sinkServiceViolations(props);
    if (violations.length > 0) throw new InvalidProps('SinkService', this.node.path, violations);
    pinName(this, () => sinkName);
    this.taskDefinition = fargateTask(this, {
      ...size,
      container: 'Sink',
      image,
      environment: { ...environment, ...this.told(props) },
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
    for (const statement of sinkStatements(props)) this.grantPrincipal.addToPrincipalPolicy(statement);
    this.report(props, tasksCost('tasks', { ...size, tasks: desiredCount }));
  }

  /** Those of the tasks: let them reach the brokers, and what they write to. */
  public get connections(): Connections {
    return this.service.connections;
  }

  private told({ sinkName, bootstrapServers, topics, deadLetterTopic }: SinkServiceProps): {
    [name: string]: string;
  } {
    return {
      EXACTLY_ONCE_SINK: sinkName,
      ...(bootstrapServers !== undefined && {
        AWS_REGION: Stack.of(this).region,
        EXACTLY_ONCE_KAFKA_BOOTSTRAP_SERVERS: bootstrapServers,
        EXACTLY_ONCE_KAFKA_TOPICS: (topics ?? []).join(','),
      }),
      ...(deadLetterTopic !== undefined && { EXACTLY_ONCE_KAFKA_DEAD_LETTER_TOPIC: deadLetterTopic }),
    };
  }

  private report({ sinkName, topics, deadLetterTopic }: SinkServiceProps, idle: IdleCost[]): void {
    GuaranteeReport.record('SinkService', this, {
      claim: {
        identity: `topic id, partition and offset, and the position in the source, kept by the sink '${sinkName}' beside its rows`,
        way: 'offset, position and rows in one atomic step of the store, on condition that the sink stands where it read on from',
        brokenBy: [
          'another `sinkName`: the sink begins at the first record',
          'a program that commits offsets of its own, or reads without `isolation.level=read_committed`',
          'somebody else who writes to, or deletes from, what the sink writes',
        ],
      },
      idle,
      notes: [
        ...(topics === undefined
          ? []
          : [`Reads ${topics.join(', ')}, from where the sink stands and without a group.`]),
        deadLetterTopic === undefined
          ? 'A record that can never be written stops the sink before it, unless its program gives dead letters.'
          : `A record that can never be written goes to '${deadLetterTopic}' before the offset passes it; after a crash it may go there again, under the same offset.`,
      ],
    });
  }
}

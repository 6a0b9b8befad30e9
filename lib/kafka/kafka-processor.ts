import { Duration, Stack } from 'aws-cdk-lib';
import { AdjustmentType } from 'aws-cdk-lib/aws-applicationautoscaling';
import { type Connections, type IConnectable } from 'aws-cdk-lib/aws-ec2';
import type { FargateService, FargateTaskDefinition } from 'aws-cdk-lib/aws-ecs';
import { Construct } from 'constructs';
import { fargateProgram, fargateTask } from '../consumer/fargate-program.js';
import { logGroup } from '../consumer/log-group.js';
import { claim } from '../guarantees/claims.js';
import { expectKinds, kinds } from '../guarantees/expect-kinds.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { tasksCost } from '../guarantees/idle-cost.js';
import { violationsOf } from '../guarantees/inequality.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { consumerNameIsItsOwn } from '../guarantees/own-name.js';
import { pinName } from '../guarantees/pinned-names.js';
import { tableElsewhere } from '../guarantees/same-region.js';
import { KafkaProcessorAlarms } from './kafka-processor-alarms.js';
import type { KafkaProcessorProps } from './kafka-processor-props.js';
import { kafkaProcessorViolations } from './kafka-processor-rules.js';
import { allowOnMsk } from './msk-permissions.js';
import { processorStatements } from './processor-permissions.js';

/**
 * Fargate tasks beside an MSK cluster that process topics into topics in Kafka's transactions: the program in `image`
 * runs `kafkaProcessor` of exactly-once-aws/kafka/processor with `kafkaProcessorSettings(process.env)`.
 *
 * Guaranteed: what is sent by `tx` and the offsets become visible together, once per record, to readers with
 * `isolation.level=read_committed`. Not covered: other effects of the handler.
 *
 * Defaults imposed: IAM for clients with permissions for these topics, this group and its transactional ids only;
 * twice as many slots as tasks, so that a deployment's tasks find theirs; more tasks with more lag; alarms. The
 * topics must exist. Synthesized in tests, never run.
 *
 * @throws InvalidProps when props contradict each other
 */
export class KafkaProcessor extends Construct implements IConnectable {
  public readonly consumerName: string;
  /** What processes. */
  public readonly service: FargateService;
  /** Slots that its processes share. */
  public readonly slots: number;
  public readonly alarms: KafkaProcessorAlarms;

  constructor(scope: Construct, id: string, props: KafkaProcessorProps) {
    super(scope, id);
    expectKinds('KafkaProcessor', this, { dedupTable: [kinds.dedupTable, props.dedupTable] });
    const violations = [
      ...kafkaProcessorViolations(props),
      ...violationsOf([consumerNameIsItsOwn(props.dedupTable, props.consumerName)]),
      ...tableElsewhere(this, 'dedupTable', props.dedupTable.table),
    ];
    if (violations.length > 0) throw new InvalidProps('KafkaProcessor', this.node.path, violations);
    const { consumerName, dedupTable, kafkaClusterName, inputTopics, maxTasks = 4 } = props;
    const { table } = dedupTable;
    claim({ construct: table, name: table.tableName }, consumerName, this);
    pinName(this, () => consumerName);
    this.consumerName = consumerName;
    this.slots = 2 * maxTasks;

    const logs = logGroup(this, 'Logs', { encryptionKey: props.encryptionKey });
    const taskDefinition = this.taskDefinition(props, logs);
    allowOnMsk(
      taskDefinition.taskRole,
      processorStatements(props),
      'Each slot has a transactional id of its own, which begins with the name of this one consumer.',
    );
    dedupTable.grants.commitReceipts(taskDefinition.taskRole, consumerName);
    this.service = fargateProgram(this, taskDefinition, {
      cluster: props.cluster,
      desiredCount: props.minTasks ?? 1,
      securityGroups: props.securityGroups,
      vpcSubnets: props.vpcSubnets,
      // One after the other: each hands its partitions over, and readers never wait for more than one.
    });
    this.alarms = new KafkaProcessorAlarms(this, 'Alarms', {
      consumerName,
      kafkaClusterName,
      inputTopics,
      logGroup: logs,
      maxLag: props.maxLag ?? Duration.minutes(5),
    });
    this.scale(props);
    GuaranteeReport.record('KafkaProcessor', this, {
      claim: {
        identity: 'topic id, partition and offset, kept by Kafka with the group',
        way: "what a record sends and its offset in one of Kafka's transactions",
        brokenBy: [
          'effects of the handler other than `tx.send`',
          'readers without `isolation.level=read_committed`',
        ],
      },
      idle: tasksCost('tasks', { ...this.size(props), tasks: props.minTasks ?? 1 }),
      notes: [
        'Assumed: brokers learn of a deleted and recreated topic before it has as many records as were committed of the old one.',
        'Assumed: the group is never without a member for longer than offsets.retention.minutes of the cluster (7 days); after that a start has to be stated.',
      ],
    });
  }

  /** Those of the tasks: let them reach the brokers on port 9098. */
  public get connections(): Connections {
    return this.service.connections;
  }

  private size({ cpu = 512, memoryLimitMiB = 1024 }: KafkaProcessorProps) {
    return { cpu, memoryLimitMiB };
  }

  private taskDefinition(
    props: KafkaProcessorProps,
    logs: ReturnType<typeof logGroup>,
  ): FargateTaskDefinition {
    const { consumerName, bootstrapServers, inputTopics, deadLetterTopic, dedupTable } = props;
    const taskDefinition = fargateTask(this, {
      ...this.size(props),
      container: 'Processor',
      image: props.image,
      environment: {
        ...props.environment,
        AWS_REGION: Stack.of(this).region,
        EXACTLY_ONCE_KAFKA_CONSUMER_NAME: consumerName,
        EXACTLY_ONCE_KAFKA_BOOTSTRAP_SERVERS: bootstrapServers,
        EXACTLY_ONCE_KAFKA_TOPICS: inputTopics.join(','),
        EXACTLY_ONCE_KAFKA_DEDUP_TABLE: dedupTable.table.tableName,
        EXACTLY_ONCE_KAFKA_SLOTS: String(this.slots),
        ...(deadLetterTopic !== undefined && { EXACTLY_ONCE_KAFKA_DEAD_LETTER_TOPIC: deadLetterTopic }),
      },
      // Between SIGTERM and SIGKILL: what the runtime waits for handlers (20 s), and to leave the group.
      stopTimeout: Duration.seconds(60),
      streamPrefix: 'processor',
      logGroup: logs,
      variables: 'The variables are names of topics, tables and brokers, and no secrets.',
    });
    return taskDefinition;
  }

  /**
   * A task for every `lagPerTask` records of lag up to the last stable offset. What MSK measures ends at the last
   * record: behind a transaction that hangs there is nothing to be read, and more tasks would not help.
   */
  private scale(props: KafkaProcessorProps): void {
    const { minTasks = 1, maxTasks = 4, lagPerTask = 10_000 } = props;
    if (minTasks === maxTasks) return;
    const more = Array.from({ length: maxTasks - minTasks }, (_, index) => ({
      lower: (index + 1) * lagPerTask,
      change: minTasks + index + 1,
    }));
    this.service
      .autoScaleTaskCount({ minCapacity: minTasks, maxCapacity: maxTasks })
      .scaleOnMetric('ScaleByLag', {
        metric: this.alarms.stableLag,
        adjustmentType: AdjustmentType.EXACT_CAPACITY,
        scalingSteps: [{ upper: lagPerTask, change: minTasks }, ...more],
        // Each change is a rebalance, for which all tasks stop for a moment.
        cooldown: Duration.minutes(5),
      });
  }
}

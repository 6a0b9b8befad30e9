import { Duration, Size, Stack, Token, Validations } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { type Connections, type IConnectable, Port } from 'aws-cdk-lib/aws-ec2';
import { type FargateService, type FargateTaskDefinition, Secret } from 'aws-cdk-lib/aws-ecs';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { fargateProgram, fargateTask } from '../consumer/fargate-program.js';
import { logGroup } from '../consumer/log-group.js';
import { serviceDownAlarm } from '../consumer/service-down-alarm.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { tasksCost } from '../guarantees/idle-cost.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { pinName } from '../guarantees/pinned-names.js';
import { allowOnMsk } from '../kafka/msk-permissions.js';
import { ConnectAlarms } from './connect-alarms.js';
import { connectStatements } from './connect-permissions.js';
import type { ConnectServiceProps } from './connect-service-props.js';
import { connectServiceViolations } from './connect-service-rules.js';
import { ConnectWorker } from './connect-worker.js';
import { databaseVariables, variable } from './database-variables.js';
import { DebeziumConnector, defaultSlot } from './debezium-connector.js';
import { debeziumViolations } from './debezium-rules.js';

/** Of Connect's REST API. */
const restPort = 8083;
const defaults = { workers: 2, cpu: 1024, memoryLimitMiB: 2048 };

/**
 * Tables of a Postgres into topics of MSK: workers of Kafka Connect on Fargate, distributed and with exactly-once
 * source support, that run one connector of Debezium.
 *
 * Guaranteed, as far as Connect keeps its word: each committed change is in its topic, and for readers with
 * `isolation.level=read_committed` once. What it repeats all the same, sinks of `exactly-once-aws/cdc` recognise. Not
 * covered: a slot that the database has given up. It is an alarm and a new snapshot, never a silent gap.
 *
 * Each worker registers the connector when it starts, if what is registered differs: a deployment that changes
 * nothing restarts nothing, and a rollback puts the earlier configuration back. A deployment replaces one worker
 * after the other. The REST API is reached by the workers themselves and by nobody else. Synthesized in tests, and
 * its program run against a real broker; never run on AWS.
 *
 * @throws InvalidProps for a Debezium that can lose rows, and for what contradicts
 */
export class ConnectService extends Construct implements IConnectable {
  public readonly connector: DebeziumConnector;
  public readonly service: FargateService;
  public readonly taskDefinition: FargateTaskDefinition;
  public readonly alarms: ConnectAlarms;
  /** No worker runs: changes of the database wait in its log. */
  public readonly downAlarm: Alarm;

  constructor(scope: Construct, id: string, props: ConnectServiceProps) {
    super(scope, id);
    const [username, password] = [databaseVariables.username, databaseVariables.password].map(variable);
    const source = {
      ...props,
      databaseUser: username ?? '',
      databasePassword: password ?? '',
      topicReplicationFactor: props.replicationFactor,
    };
    const violations = [...connectServiceViolations(props), ...debeziumViolations(source)];
    if (violations.length > 0) throw new InvalidProps('ConnectService', this.node.path, violations);
    this.connector = new DebeziumConnector(source);
    pinName(this, () => `${props.groupId}/${props.topicPrefix}`);

    const logs = logGroup(this, 'Logs', props);
    this.taskDefinition = this.task(props, logs);
    const { taskRole } = this.taskDefinition;
    allowOnMsk(
      taskRole,
      connectStatements(props),
      'Connect names topics by table, and transactional ids by task: all are of this one connector.',
    );
    this.service = fargateProgram(this, this.taskDefinition, {
      cluster: props.cluster,
      desiredCount: props.workers ?? defaults.workers,
      vpcSubnets: props.vpcSubnets,
      oneByOne: true,
    });
    // A worker hands over to the leader what only that one may do, such as fencing the task that was before.
    for (const workers of this.connections.securityGroups)
      workers.addIngressRule(workers, Port.tcp(restPort), 'REST API of the other workers');
    this.alarms = new ConnectAlarms(this, 'Alarms', {
      connector: this.connector.name,
      logGroup: logs,
      maxSlotLag: props.maxSlotLag ?? Size.gibibytes(10),
    });
    this.downAlarm = serviceDownAlarm(
      this,
      this.service,
      `No worker of the connector '${this.connector.name}' runs: changes of the database wait in its log`,
    );
    this.report(props);
  }

  /** Those of the workers: let them reach the brokers on port 9098, and the database. */
  public get connections(): Connections {
    return this.service.connections;
  }

  private task(props: ConnectServiceProps, logs: ILogGroup): FargateTaskDefinition {
    const { bootstrapServers, groupId, replicationFactor, databaseSecret } = props;
    const { databaseHost, databasePort = 5432, databaseName, slotName = defaultSlot } = props;
    const { config } = new ConnectWorker({
      ...{ bootstrapServers, groupId, replicationFactor },
      mskIam: true,
      settings: { listeners: `http://0.0.0.0:${restPort}` },
    });
    const task = fargateTask(this, {
      cpu: props.cpu ?? defaults.cpu,
      memoryLimitMiB: props.memoryLimitMiB ?? defaults.memoryLimitMiB,
      container: 'Worker',
      image: props.image,
      environment: {
        AWS_REGION: Stack.of(this).region,
        EXACTLY_ONCE_CONNECT_WORKER: Stack.of(this).toJsonString(config),
        EXACTLY_ONCE_CONNECT_CONNECTOR: this.connector.name,
        EXACTLY_ONCE_CONNECT_CONNECTOR_CONFIG: Stack.of(this).toJsonString(this.connector.config),
        EXACTLY_ONCE_DATABASE_HOST: databaseHost,
        EXACTLY_ONCE_DATABASE_PORT: Token.isUnresolved(databasePort)
          ? Token.asString(databasePort)
          : String(databasePort),
        EXACTLY_ONCE_DATABASE_NAME: databaseName,
        EXACTLY_ONCE_DATABASE_SLOT: slotName,
      },
      secrets: Object.fromEntries(
        Object.entries(databaseVariables).map(([field, name]) => [
          name,
          Secret.fromSecretsManager(databaseSecret, field),
        ]),
      ),
      healthCheck: {
        // Connect says by itself whether it has joined its group. What became of the connector is no matter of one
        // worker: its program sees to that.
        command: ['CMD', 'node', '-e', healthy],
        interval: Duration.seconds(10),
        timeout: Duration.seconds(8),
        retries: 6,
        startPeriod: Duration.minutes(3),
      },
      // For what is under way. Without, the transaction of a task is taken back, and its changes are told again.
      stopTimeout: Duration.seconds(60),
      streamPrefix: 'connect',
      logGroup: logs,
      variables:
        'The variables are names and addresses; user and password of the database stay in their secret.',
    });
    Validations.of(task).acknowledge({
      id: 'CloudFormation-Validate::E1029',
      reason: 'What looks like a parameter of the template is a reference that Connect resolves.',
    });
    return task;
  }

  private report({ groupId, topicPrefix, workers, cpu, memoryLimitMiB }: ConnectServiceProps): void {
    GuaranteeReport.record('ConnectService', this, {
      claim: {
        identity: `position in the log of Postgres, kept by Connect in '${groupId}-offsets' for the connector '${topicPrefix}'`,
        way: "changes and their position in one of Kafka's transactions",
        brokenBy: [
          'readers without `isolation.level=read_committed`',
          'a replication slot that the database has given up, or that somebody has dropped',
          'another connector of the same name or slot',
          'a Debezium in the image that is another one than `debeziumVersion` says: sinks refuse its records',
        ],
      },
      idle: tasksCost('workers', {
        tasks: workers ?? defaults.workers,
        cpu: cpu ?? defaults.cpu,
        memoryLimitMiB: memoryLimitMiB ?? defaults.memoryLimitMiB,
      }),
      notes: [
        'Assumed: the image has the jars of `debeziumVersion`; nobody but the workers writes to their topics.',
        'Rows of a snapshot have no position: a snapshot that is begun anew tells them again.',
      ],
    });
  }
}

const healthy =
  `fetch('http://127.0.0.1:${restPort}/health')` + '.then(({ok})=>process.exit(ok?0:1),()=>process.exit(1))';

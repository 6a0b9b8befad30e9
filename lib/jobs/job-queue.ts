import { Duration, Stack, Token, Tokenization } from 'aws-cdk-lib';
import type { FargateService } from 'aws-cdk-lib/aws-ecs';
import { PolicyStatement, Role, ServicePrincipal, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { ScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import { assertProducerName } from '../channel/add-producer.js';
import { MessageChannel } from '../channel/message-channel.js';
import { ChannelKind } from '../channel/message-channel-props.js';
import { CommitWay } from '../consumer/commit-way.js';
import { handlerFunctionOptions } from '../consumer/handler-function-options.js';
import { IdempotentConsumer } from '../consumer/idempotent-consumer.js';
import { claim } from '../guarantees/claims.js';
import { durationText } from '../guarantees/duration-text.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { horizon } from '../guarantees/horizon.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { RelayTarget } from '../outbox/relay-target.js';
import { expectKinds, kinds } from '../guarantees/expect-kinds.js';
import { uncheckedInPostgres } from '../guarantees/one-store.js';
import { keepReceipts } from '../guarantees/kept-receipts.js';
import { pinName } from '../guarantees/pinned-names.js';
import { tableElsewhere } from '../guarantees/same-region.js';
import { tellFunction } from '../guarantees/told-functions.js';
import { jobCost, jobCostNotes } from './job-cost.js';
import type { JobQueueProps } from './job-queue-props.js';
import { jobQueueViolations } from './job-queue-rules.js';
import { JobTasks } from './job-tasks.js';

/** How a function enqueues. */
export interface JobProducerOptions {
  /**
   * Tells the queues of one function apart, as second argument of `jobQueueSettings` or `postgresJobQueueSettings`: 1
   * to 32 of `A-Z 0-9 _`.
   *
   * @default 'JOBS'
   */
  readonly name?: string;
}

/** Of a worker on Postgres: one for the transaction of its job, another for heartbeats, progress and leases. */
const connections = '2';

/**
 * A queue of background jobs and what does them: a Lambda function, or Fargate tasks for jobs of more than 15
 * minutes. The code is the same: `jobWorker` of exactly-once-aws/jobs, or, with `receiptsInPostgres`,
 * `postgresJobWorker` of exactly-once-aws/jobs/postgres.
 *
 * Guaranteed: a job's writes and that it is done are committed together, once per job id, for as long as the job is
 * remembered (`retention`). Not covered: effects outside its transaction, unless made with `job.once`.
 *
 * Defaults imposed: a Standard queue with a dead-letter queue, one job per invocation, a schedule group for delays of
 * more than 15 minutes. What is on Fargate has been synthesized in tests, never run.
 *
 * @throws InvalidProps when props contradict each other or an inequality of docs/guarantees.md
 */
export class JobQueue extends Construct {
  public readonly channel: MessageChannel;
  public readonly consumerName: string;
  /** How long jobs are remembered. */
  public readonly retention: Duration;
  /** On Lambda: what does the jobs. Grant it what they write. */
  public readonly function?: LambdaFunction;
  /** On Fargate: what does the jobs. Grant `service.taskDefinition.taskRole` what they write. */
  public readonly service?: FargateService;
  public readonly scheduleGroup: ScheduleGroup;
  /** With which EventBridge Scheduler sends delayed jobs to the queue. */
  public readonly schedulerRole: Role;
  private readonly dedupTable: JobQueueProps['dedupTable'];

  constructor(scope: Construct, id: string, props: JobQueueProps) {
    super(scope, id);
    expectKinds('JobQueue', this, {
      ...(props.dedupTable !== undefined && { dedupTable: [kinds.dedupTable, props.dedupTable] }),
    });
    const violations = [
      ...jobQueueViolations(props),
      ...tableElsewhere(this, 'dedupTable', props.dedupTable?.table),
    ];
    if (violations.length > 0) throw new InvalidProps('JobQueue', this.node.path, violations);
    const { consumerName, dedupTable, receiptsInPostgres = false, entry } = props;
    const { maxFailures = 5, timeout = Duration.minutes(15) } = props;
    this.consumerName = consumerName;
    this.dedupTable = dedupTable;
    this.channel = new MessageChannel(this, 'Jobs', {
      kind: ChannelKind.STANDARD,
      consumerTimeout: timeout,
      encryptionKey: props.encryptionKey,
    });
    const { producerRetryHorizon = Duration.days(14), maxDelay = Duration.days(30) } = props;
    this.retention = horizon({
      producerRetryHorizon: producerRetryHorizon.plus(maxDelay),
      maxRedrives: 3,
      queueRetention: this.channel.retention,
      deadLetterRetention: this.channel.deadLetterRetention,
    });

    let worker: IdempotentConsumer | undefined;
    if (entry !== undefined)
      worker = new IdempotentConsumer(this, 'Worker', {
        ...handlerFunctionOptions(props),
        consumerName,
        channel: this.channel,
        dedupTable,
        commitWay: receiptsInPostgres ? CommitWay.POSTGRES : CommitWay.TRANSACTION,
        entry,
        timeout,
        memorySize: props.memorySize,
        maxConcurrency: props.maxConcurrency,
        maxFailures,
        environment: props.environment,
        // Each job has its own transaction, and an invocation that is cut off takes no other job along.
        batchSize: 1,
        receiptRetention: this.retention,
      });
    else this.service = this.onFargate(props, maxFailures);

    this.function = worker?.ownFunction;
    if (receiptsInPostgres) this.function?.addEnvironment('EXACTLY_ONCE_DATABASE_CONNECTIONS', connections);
    this.scheduleGroup = new ScheduleGroup(this, 'Schedules');
    this.schedulerRole = new Role(this, 'SchedulerRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    this.channel.grants.sendMessages(this.schedulerRole);
    GuaranteeReport.record('JobQueue', this, {
      claim: {
        identity: `job id, remembered for ${durationText(this.retention)}`,
        way: `what a job writes, its end and its receipt in one transaction${receiptsInPostgres ? ' of Postgres' : ''}`,
        brokenBy: ['effects outside its transaction that are not made with `job.once`'],
      },
      cost: jobCost(props, this.retention),
      covers: worker === undefined ? [] : [worker],
      notes: [
        ...jobCostNotes(props),
        ...(receiptsInPostgres ? [uncheckedInPostgres] : []),
        'Assumed: the clocks of any two workers agree within 60 seconds (`maxClockSkewSeconds` of the worker). Beyond it two workers may do one job at once; ' +
          'their writes still count once, because they hang on no clock.',
      ],
    });
  }

  /**
   * Lets a function enqueue, ask for and cancel jobs, and tells it where: `jobQueueSettings(process.env)`, with
   * `receiptsInPostgres` `postgresJobQueueSettings(process.env)`. How it reaches the database is yours.
   *
   * @throws InvalidProps where it was told of another queue under the same name
   */
  public addProducer(producer: LambdaFunction, { name = 'JOBS' }: JobProducerOptions = {}): void {
    assertProducerName(name);
    const prefix = `EXACTLY_ONCE_${name}`;
    const environment = {
      [`${prefix}_CONSUMER_NAME`]: this.consumerName,
      ...(this.dedupTable !== undefined && { [`${prefix}_DEDUP_TABLE`]: this.dedupTable.table.tableName }),
      [`${prefix}_RETENTION_SECONDS`]: seconds(this.retention),
      [`${prefix}_QUEUE_URL`]: this.channel.queue.queueUrl,
      [`${prefix}_QUEUE_ARN`]: this.channel.queue.queueArn,
      [`${prefix}_SCHEDULE_GROUP`]: this.scheduleGroup.scheduleGroupName,
      [`${prefix}_SCHEDULER_ROLE_ARN`]: this.schedulerRole.roleArn,
    };
    tellFunction(producer, environment, {
      constructClass: 'JobQueue',
      by: this,
      change: 'give this queue another `name`, here and as second argument of `jobQueueSettings`',
    });
    this.grantEnqueue(producer);
  }

  /**
   * For an `OutboxRelay`: sends the jobs that handlers enqueue with their transactions (`tx.enqueue`), and nothing
   * else. Give its other targets `types`, or they are sent the jobs too.
   */
  public relayTarget(): RelayTarget {
    return RelayTarget.channel(this.channel, { types: [`job.${this.consumerName}`] });
  }

  /** Lets somebody enqueue, ask for and cancel jobs. What the database allows is yours, with `receiptsInPostgres`. */
  public grantEnqueue(grantee: IGrantable): void {
    this.dedupTable?.grants.commitReceipts(grantee, this.consumerName);
    this.channel.grants.sendMessages(grantee);
    const { scheduleGroupName } = this.scheduleGroup;
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['scheduler:CreateSchedule'],
        // A schedule is named by its job.
        resources: [
          Stack.of(this).formatArn({
            service: 'scheduler',
            resource: 'schedule',
            resourceName: `${scheduleGroupName}/*`,
          }),
        ],
      }),
    );
    this.schedulerRole.grantPassRole(grantee.grantPrincipal);
  }

  private onFargate(props: JobQueueProps, maxFailures: number): FargateService | undefined {
    const { consumerName, dedupTable, cluster, image, maxTasks = 10 } = props;
    // `jobQueueViolations` has made sure that both are given.
    if (cluster === undefined || image === undefined) return undefined;
    const table = dedupTable?.table;
    if (table !== undefined) claim({ construct: table, name: table.tableName }, consumerName, this);
    keepReceipts(this, this.retention);
    pinName(this, () => consumerName);
    const { queue, deadLetterQueue } = this.channel;
    claim({ construct: queue, name: queue.queueName }, 'messages', this);
    const { service, taskDefinition } = new JobTasks(this, 'Tasks', {
      channel: this.channel,
      cluster,
      image,
      cpu: props.cpu ?? 256,
      memoryLimitMiB: props.memoryLimitMiB ?? 512,
      maxTasks,
      encryptionKey: props.encryptionKey,
      environment: {
        ...props.environment,
        EXACTLY_ONCE_CONSUMER_NAME: consumerName,
        ...(table === undefined
          ? { EXACTLY_ONCE_DATABASE_CONNECTIONS: connections }
          : { EXACTLY_ONCE_DEDUP_TABLE: table.tableName }),
        EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: seconds(this.retention),
        EXACTLY_ONCE_QUEUE_URL: queue.queueUrl,
        EXACTLY_ONCE_QUEUE_ARN: queue.queueArn,
        EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: deadLetterQueue.queueUrl,
        EXACTLY_ONCE_MAX_FAILURES: String(maxFailures),
      },
    });
    dedupTable?.grants.commitReceipts(taskDefinition.taskRole, consumerName);
    this.channel.grants.consumeMessages(taskDefinition.taskRole);
    return service;
  }
}

function seconds(duration: Duration): string {
  const value = duration.toSeconds();
  return Token.isUnresolved(value) ? Tokenization.stringifyNumber(value) : String(value);
}

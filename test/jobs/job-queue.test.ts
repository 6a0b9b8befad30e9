import { Duration } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Cluster, ContainerImage } from 'aws-cdk-lib/aws-ecs';
import { DedupTable, HandlerFunction, OutboxRelay, OutboxTable } from '../../lib/index.js';
import { JobQueue } from '../../lib/jobs/job-queue.js';
import type { JobQueueProps } from '../../lib/jobs/job-queue-props.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';
import { functionOptions, functionProperties } from '../fixtures/function-options.js';

function jobsIn(stack = constructStack(), given: Partial<JobQueueProps> = { entry: noopEntry }): JobQueue {
  const dedupTable = given.receiptsInPostgres === true ? undefined : new DedupTable(stack, 'Dedup');
  return new JobQueue(stack, 'Reports', { consumerName: 'reports', dedupTable, ...given });
}

test('on Lambda: one job per invocation, 15 minutes each, hidden for six times that', () => {
  const stack = constructStack();
  const jobs = jobsIn(stack);
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Timeout: 900,
    Environment: {
      Variables: Match.objectLike({
        EXACTLY_ONCE_CONSUMER_NAME: 'reports',
        EXACTLY_ONCE_QUEUE_URL: stack.resolve(jobs.channel.queue.queueUrl) as unknown,
        EXACTLY_ONCE_MAX_FAILURES: '5',
        // 14 days of retries, 30 of delay, and four times 4 days in the queue and 14 among the dead letters.
        EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: String(116 * 86_400),
      }),
    },
  });
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', { BatchSize: 1 });
  template.hasResourceProperties('AWS::SQS::Queue', { VisibilityTimeout: 5400 });
  template.resourceCountIs('AWS::ECS::Service', 0);
});

test('the function can be given a network, traces, layers and a runtime, and a Fargate task cannot', () => {
  const stack = constructStack();
  jobsIn(stack, { entry: noopEntry, ...functionOptions(stack) });
  Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', functionProperties);
  const other = constructStack();
  const vpc = new Vpc(other, 'Network');
  const error = refusal(() =>
    jobsIn(other, {
      cluster: new Cluster(other, 'Cluster', { vpc }),
      image: ContainerImage.fromRegistry('jobs'),
      vpc,
    }),
  );
  expect(error.message).toContain('`vpc` is given beside `cluster` and `image`');
});

test('a producer is told where to enqueue, and may send, schedule and write the rows of jobs', () => {
  const stack = constructStack();
  const jobs = jobsIn(stack);
  const { function: producer } = new HandlerFunction(stack, 'Producer', { entry: noopEntry });
  jobs.addProducer(producer);
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: {
        EXACTLY_ONCE_JOBS_CONSUMER_NAME: 'reports',
        EXACTLY_ONCE_JOBS_DEDUP_TABLE: Match.anyValue(),
        EXACTLY_ONCE_JOBS_RETENTION_SECONDS: String(116 * 86_400),
        EXACTLY_ONCE_JOBS_QUEUE_URL: stack.resolve(jobs.channel.queue.queueUrl) as unknown,
        EXACTLY_ONCE_JOBS_QUEUE_ARN: stack.resolve(jobs.channel.queue.queueArn) as unknown,
        EXACTLY_ONCE_JOBS_SCHEDULE_GROUP: stack.resolve(jobs.scheduleGroup.scheduleGroupName) as unknown,
        EXACTLY_ONCE_JOBS_SCHEDULER_ROLE_ARN: stack.resolve(jobs.schedulerRole.roleArn) as unknown,
      },
    },
  });
  for (const action of ['scheduler:CreateSchedule', 'iam:PassRole'])
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Action: action })]) },
    });
  template.hasResourceProperties('AWS::IAM::Role', {
    AssumeRolePolicyDocument: {
      Statement: [
        Match.objectLike({
          Principal: { Service: 'scheduler.amazonaws.com' },
          Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
        }),
      ],
    },
  });
});

test('on Fargate: tasks with the same settings, none while there is no work', () => {
  const stack = constructStack();
  const cluster = new Cluster(stack, 'Cluster', { vpc: new Vpc(stack, 'Vpc') });
  const jobs = jobsIn(stack, { cluster, image: ContainerImage.fromRegistry('worker') });
  const template = Template.fromStack(stack);
  template.resourceCountIs('AWS::Lambda::EventSourceMapping', 0);
  template.hasResourceProperties('AWS::ECS::Service', { DesiredCount: 0 });
  template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
    MinCapacity: 0,
    MaxCapacity: 10,
  });
  template.hasResourceProperties('AWS::ECS::TaskDefinition', {
    ContainerDefinitions: [
      Match.objectLike({
        StopTimeout: 120,
        Environment: Match.arrayWith([
          { Name: 'EXACTLY_ONCE_CONSUMER_NAME', Value: 'reports' },
          {
            Name: 'EXACTLY_ONCE_QUEUE_URL',
            Value: stack.resolve(jobs.channel.queue.queueUrl) as unknown,
          },
        ]),
      }),
    ],
  });
  expect(jobs.service).toBeDefined();
  expect(jobs.function).toBeUndefined();
});

describe('with receipts in Postgres', () => {
  /** Variables of all functions and tasks. */
  const variablesOf = (template: Template) => {
    const functions = Object.values(template.findResources('AWS::Lambda::Function')) as {
      Properties: { Environment?: { Variables?: object } };
    }[];
    const tasks = Object.values(template.findResources('AWS::ECS::TaskDefinition')) as {
      Properties: { ContainerDefinitions: { Environment: { Name: string }[] }[] };
    }[];
    return [
      ...functions.map(({ Properties }) => Object.keys(Properties.Environment?.Variables ?? {})),
      ...tasks.map(({ Properties }) =>
        Properties.ContainerDefinitions.flatMap(({ Environment }) => Environment.map(({ Name }) => Name)),
      ),
    ].map((names) => names.filter((name) => name.startsWith('EXACTLY_ONCE_')).sort());
  };
  const worker = [
    ...['EXACTLY_ONCE_CONSUMER_NAME', 'EXACTLY_ONCE_DATABASE_CONNECTIONS'],
    ...['EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL', 'EXACTLY_ONCE_MAX_FAILURES'],
  ];

  test('on Lambda there is no table, the function has two connections, and a producer is told the queue', () => {
    const stack = constructStack();
    const jobs = jobsIn(stack, { entry: noopEntry, receiptsInPostgres: true });
    jobs.addProducer(new HandlerFunction(stack, 'Producer', { entry: noopEntry }).function);
    const template = Template.fromStack(stack);
    expect(JSON.stringify(template.toJSON())).not.toMatch(/dynamodb/i);
    expect(variablesOf(template)).toEqual([
      [
        ...worker,
        ...['EXACTLY_ONCE_ON_FAILURE', 'EXACTLY_ONCE_QUEUE_URL', 'EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS'],
      ],
      [
        ...['EXACTLY_ONCE_JOBS_CONSUMER_NAME', 'EXACTLY_ONCE_JOBS_QUEUE_ARN', 'EXACTLY_ONCE_JOBS_QUEUE_URL'],
        ...['EXACTLY_ONCE_JOBS_RETENTION_SECONDS', 'EXACTLY_ONCE_JOBS_SCHEDULER_ROLE_ARN'],
        'EXACTLY_ONCE_JOBS_SCHEDULE_GROUP',
      ],
    ]);
    template.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: Match.objectLike({ EXACTLY_ONCE_DATABASE_CONNECTIONS: '2' }) },
    });
  });

  test('on Fargate there is no table either', () => {
    const stack = constructStack();
    const cluster = new Cluster(stack, 'Cluster', { vpc: new Vpc(stack, 'Vpc') });
    jobsIn(stack, { cluster, image: ContainerImage.fromRegistry('worker'), receiptsInPostgres: true });
    const template = Template.fromStack(stack);
    expect(JSON.stringify(template.toJSON())).not.toMatch(/dynamodb/i);
    expect(variablesOf(template).at(-1)).toEqual([
      ...worker,
      ...['EXACTLY_ONCE_QUEUE_ARN', 'EXACTLY_ONCE_QUEUE_URL', 'EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS'],
    ]);
  });

  test('one store has the jobs', () => {
    const stack = constructStack();
    const dedupTable = new DedupTable(stack, 'Dedup');
    const both = { entry: noopEntry, dedupTable, receiptsInPostgres: true };
    expect(refusal(() => jobsIn(stack, both)).message).toContain('one-store');
    const neither = { entry: noopEntry, dedupTable: undefined };
    expect(refusal(() => jobsIn(constructStack(), neither)).message).toContain('one-store');
  });
});

/** What the scaling policies of a template make of so many jobs that wait or run. */
function tasksFor(template: Template, work: number): number | undefined {
  interface Step {
    MetricIntervalLowerBound?: number;
    MetricIntervalUpperBound?: number;
    ScalingAdjustment: number;
  }
  const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')) as {
    Properties: { Threshold: number; ComparisonOperator: string; AlarmActions?: { Ref?: string }[] };
  }[];
  const policies = template.findResources('AWS::ApplicationAutoScaling::ScalingPolicy') as Record<
    string,
    { Properties: { StepScalingPolicyConfiguration: { AdjustmentType: string; StepAdjustments: Step[] } } }
  >;
  const asked = Object.entries(policies).flatMap(([id, { Properties }]) =>
    alarms
      .filter(({ Properties: { AlarmActions = [] } }) => AlarmActions.some(({ Ref }) => Ref === id))
      .filter(({ Properties: { Threshold, ComparisonOperator } }) =>
        ComparisonOperator.startsWith('Less') ? work <= Threshold : work >= Threshold,
      )
      .flatMap(({ Properties: { Threshold } }) =>
        Properties.StepScalingPolicyConfiguration.StepAdjustments.filter(
          ({ MetricIntervalLowerBound: lower = -Infinity, MetricIntervalUpperBound: upper = Infinity }) => {
            const over = work - Threshold;
            return Properties.StepScalingPolicyConfiguration.AdjustmentType === 'ExactCapacity' && upper <= 0
              ? over > lower && over <= upper
              : over >= lower && over < upper;
          },
        ).map(({ ScalingAdjustment }) => ScalingAdjustment),
      ),
  );
  expect(asked.length).toBeLessThanOrEqual(1);
  return asked[0];
}

test.each([10, 3, 200])(
  'on Fargate, with %i tasks at most, every job has one as soon as there is room',
  (maxTasks) => {
    const stack = constructStack();
    const cluster = new Cluster(stack, 'Cluster', { vpc: new Vpc(stack, 'Vpc') });
    jobsIn(stack, { cluster, image: ContainerImage.fromRegistry('worker'), maxTasks });
    const template = Template.fromStack(stack);
    expect(tasksFor(template, 0)).toBe(0);
    for (const work of [1, 2, 3, 5, 9, 10, 11, 60, 199, 200, 1000]) {
      const tasks = tasksFor(template, work) ?? 0;
      expect([work, tasks]).toEqual([work, expect.any(Number)]);
      expect(tasks).toBeGreaterThanOrEqual(Math.min(work, maxTasks));
      expect(tasks).toBeLessThanOrEqual(Math.min(maxTasks, maxTasks <= 20 ? work : 2 * work));
    }
  },
);

test('on Fargate a task may protect itself, and no other one of another cluster', () => {
  const stack = constructStack();
  const cluster = new Cluster(stack, 'Cluster', { vpc: new Vpc(stack, 'Vpc') });
  jobsIn(stack, { cluster, image: ContainerImage.fromRegistry('worker') });
  Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        Match.objectLike({
          Action: ['ecs:GetTaskProtection', 'ecs:UpdateTaskProtection'],
          Resource: stack.resolve(
            stack.formatArn({ service: 'ecs', resource: 'task', resourceName: `${cluster.clusterName}/*` }),
          ) as unknown,
        }),
      ]),
    },
  });
});

test.each<[string, Partial<JobQueueProps>, string]>([
  ['neither place to run', {}, 'neither `entry` nor `cluster` and `image` are given'],
  ['an image without a cluster', { image: ContainerImage.fromRegistry('worker') }, '`image` is given alone'],
  ['both', { entry: noopEntry, image: ContainerImage.fromRegistry('worker') }, '`entry` is given beside'],
  ['an hour on Lambda', { entry: noopEntry, timeout: Duration.hours(1) }, 'let the jobs run on Fargate'],
  ['a name with a space', { entry: noopEntry, consumerName: 'my jobs' }, "consumerName is 'my jobs'"],
])('fails for %s', (_, given, message) => {
  expect(refusal(() => jobsIn(constructStack(), given)).message).toContain(message);
});

test('a relay sends the jobs of transactions to the queue, and nothing else of the outbox', () => {
  const stack = constructStack();
  const jobs = jobsIn(stack);
  const outbox = new OutboxTable(stack, 'Outbox');
  new OutboxRelay(stack, 'Relay', { outbox, entry: noopEntry, targets: [jobs.relayTarget()] });
  const functions = Object.values(Template.fromStack(stack).findResources('AWS::Lambda::Function'));
  expect(JSON.stringify(functions)).toMatch(/types[\\":[]+job\.reports/);
});

test.each(['Lambda', 'Fargate'])(
  'on %s: an outbox that is sent from for longer than jobs are remembered fails the synth',
  (place) => {
    const relayOf = (retention: Duration) => {
      const stack = constructStack();
      const cluster = () => new Cluster(stack, 'Cluster', { vpc: new Vpc(stack, 'Vpc') });
      const jobs = new JobQueue(stack, 'Jobs', {
        ...{ consumerName: 'mails', dedupTable: new DedupTable(stack, 'Receipts') },
        ...(place === 'Lambda'
          ? { entry: noopEntry }
          : { cluster: cluster(), image: ContainerImage.fromRegistry('worker') }),
      });
      return new OutboxRelay(stack, 'Relay', {
        ...{ outbox: new OutboxTable(stack, 'Outbox', { retention }), entry: noopEntry },
        targets: [jobs.relayTarget()],
      });
    };
    expect(relayOf(Duration.days(100)).node.validate()).toEqual([]);
    expect(relayOf(Duration.days(120)).node.validate().join()).toContain('[receipts-outlive-the-outbox]');
  },
);

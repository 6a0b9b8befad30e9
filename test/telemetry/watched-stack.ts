import { Duration, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Cluster, ContainerImage } from 'aws-cdk-lib/aws-ecs';
import {
  AuditSchedule,
  ChannelKind,
  ConnectService,
  DedupTable,
  GuaranteeDashboard,
  IdempotentApi,
  IdempotentConsumer,
  KafkaConsumer,
  KafkaProcessor,
  MessageChannel,
  OutboxRelay,
  OutboxTable,
  PostgresCdcRelay,
  PostgresPollingRelay,
  PostgresRelay,
  RelayTarget,
  SinkService,
  WebhookSender,
} from '../../lib/index.js';
import { constructStack, noopEntry } from '../fixtures/construct-stack.js';
import { connectProps } from '../fixtures/connect-service.js';
import { processorProps } from '../fixtures/kafka-processor.js';

/** A stack with each construct that has alarms, and a dashboard that was made before them. */
export function watchedStack(): Stack {
  const stack = constructStack();
  new GuaranteeDashboard(stack, 'Dashboard');
  const dedupTable = new DedupTable(stack, 'Dedup');
  const channel = new MessageChannel(stack, 'Payments', { kind: ChannelKind.FIFO });
  new IdempotentConsumer(stack, 'Settlement', {
    consumerName: 'settlement',
    channel,
    dedupTable,
    entry: noopEntry,
  }).addAlarms();
  const targets = [RelayTarget.channel(channel)];
  new OutboxRelay(stack, 'Relay', { outbox: new OutboxTable(stack, 'Outbox'), entry: noopEntry, targets });
  new IdempotentApi(stack, 'Api', {
    apiName: 'accept',
    routes: [{ path: '/payments' }],
    dedupTable,
    entry: noopEntry,
  });
  new WebhookSender(stack, 'Hooks', {
    senderName: 'hooks',
    dedupTable,
    intakeEntry: noopEntry,
    workerEntry: noopEntry,
  });
  new PostgresRelay(stack, 'Postgres', { outboxName: 'payments', entry: noopEntry, targets });
  new KafkaConsumer(stack, 'Topic', {
    consumerName: 'topic',
    dedupTable,
    entry: noopEntry,
    topic: 'purchases',
    topicRetention: Duration.days(7),
    clusterArn: 'arn:aws:kafka:us-east-1:111122223333:cluster/orders/1a2b-3',
  }).addAlarms();
  watchedServices(stack, dedupTable, targets);
  return stack;
}

/** Those that stay running. */
function watchedServices(stack: Stack, dedupTable: DedupTable, targets: RelayTarget[]): void {
  const cluster = new Cluster(stack, 'Tasks', {
    vpc: new Vpc(stack, 'Vpc', { restrictDefaultSecurityGroup: false }),
  });
  const image = ContainerImage.fromRegistry('program');
  new KafkaProcessor(stack, 'Processor', processorProps(stack, { dedupTable, cluster }));
  new PostgresCdcRelay(stack, 'PostgresCdc', { outboxName: 'orders', targets, cluster, image });
  new PostgresPollingRelay(stack, 'PostgresPolling', { outboxName: 'refunds', targets, cluster, image });
  new SinkService(stack, 'Sink', { sinkName: 'lake', cluster, image });
  new ConnectService(stack, 'Capture', connectProps(stack, { cluster }));
  new AuditSchedule(stack, 'Audit', { auditName: 'lake', entry: noopEntry });
}

interface MetricQuery {
  readonly Expression?: string;
  readonly MetricStat?: {
    readonly Metric: { readonly Namespace: string; readonly MetricName: string };
    readonly Period: number;
    readonly Stat: string;
  };
}

export interface AlarmProperties {
  /** These four are not there, where an expression of several is watched. */
  readonly MetricName?: string;
  readonly Namespace?: string;
  readonly Period?: number;
  readonly Metrics?: readonly MetricQuery[];
  readonly Threshold: number;
  readonly AlarmActions?: readonly unknown[];
  readonly Statistic?: string;
  readonly ExtendedStatistic?: string;
  readonly EvaluationPeriods: number;
  readonly TreatMissingData?: string;
  readonly AlarmDescription?: string;
}

/** The alarms of a stack by their logical ids. */
export function alarmsIn(stack: Stack): [string, AlarmProperties][] {
  const found = Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm') as Record<
    string,
    { Properties: AlarmProperties }
  >;
  return Object.entries(found).map(([id, { Properties }]) => [id, Properties]);
}

import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import {
  ChannelKind,
  DedupTable,
  GuaranteeDashboard,
  IdempotentApi,
  IdempotentConsumer,
  MessageChannel,
  OutboxRelay,
  OutboxTable,
  RelayTarget,
} from '../../lib/index.js';
import { constructStack, noopEntry } from '../fixtures/construct-stack.js';

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
  new OutboxRelay(stack, 'Relay', {
    outbox: new OutboxTable(stack, 'Outbox'),
    entry: noopEntry,
    targets: [RelayTarget.channel(channel)],
  });
  new IdempotentApi(stack, 'Api', {
    apiName: 'accept',
    routes: [{ path: '/payments' }],
    dedupTable,
    entry: noopEntry,
  });
  return stack;
}

export interface AlarmProperties {
  readonly MetricName: string;
  readonly Namespace: string;
  readonly Threshold: number;
  readonly Period: number;
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

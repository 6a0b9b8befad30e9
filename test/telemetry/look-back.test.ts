import { Duration, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { OutboxRelay, OutboxTable, PostgresRelay, RelayTarget } from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';

interface Times {
  readonly alarmAfter: Duration;
  readonly every?: Duration;
}

const target = (stack: Stack) => RelayTarget.topic(new Topic(stack, 'Topic'));

/** Constructs whose alarms wait for as long as they are told. */
const waiting: Record<string, (stack: Stack, times: Times) => unknown> = {
  OutboxRelay: (stack, { alarmAfter, every }) =>
    new OutboxRelay(stack, 'Relay', {
      ...{ outbox: new OutboxTable(stack, 'Outbox'), entry: noopEntry, targets: [target(stack)] },
      ...{ alarmAfter, sweepInterval: every },
    }),
  PostgresRelay: (stack, { alarmAfter, every }) =>
    new PostgresRelay(stack, 'Relay', {
      ...{ outboxName: 'shop', entry: noopEntry, targets: [target(stack)] },
      ...{ alarmAfter, interval: every },
    }),
};

/** What PutMetricAlarm takes: a day with periods of less than an hour, else a week. */
function expectTaken(stack: Stack): void {
  for (const { Properties } of Object.values(
    Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm'),
  )) {
    const { Period = 300, EvaluationPeriods } = Properties as { Period?: number; EvaluationPeriods: number };
    expect(Period * EvaluationPeriods).toBeLessThanOrEqual(Period < 3_600 ? 86_400 : 604_800);
  }
}

describe.each(Object.entries(waiting))('alarms of %s', (_, make) => {
  test.each<[string, Times]>([
    ['a day', { alarmAfter: Duration.days(1) }],
    ['six days, measured each hour', { alarmAfter: Duration.days(6), every: Duration.hours(1) }],
  ])('that wait %s are of those that CloudWatch takes', (__, times) => {
    const stack = constructStack();
    make(stack, times);
    expectTaken(stack);
  });

  test.each<[string, Times]>([
    ['two days', { alarmAfter: Duration.days(2) }],
    ['eight days, measured each hour', { alarmAfter: Duration.days(8), every: Duration.hours(1) }],
  ])('that would wait %s fail the synth, not the deployment', (__, times) => {
    expect(refusal(() => make(constructStack(), times)).violations).toMatchObject([
      { id: 'alarm-looks-back', given: expect.stringContaining("the alarm 'StuckStreams' looks back") },
    ]);
  });
});

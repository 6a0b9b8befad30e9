import { Duration } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { AuditSchedule } from '../../lib/index.js';
import { scheduledAudit, type AuditSide } from '../../runtime/cdc/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';

describe('an audit on a schedule', () => {
  const stack = constructStack();
  const auditing = new AuditSchedule(stack, 'Audit', {
    auditName: 'lake',
    entry: noopEntry,
    every: Duration.hours(6),
    secret: new Secret(stack, 'Database'),
  });
  const template = Template.fromStack(stack);

  test('runs as often as is asked for, without a retry', () => {
    template.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(360 minutes)',
      Target: Match.objectLike({ RetryPolicy: Match.objectLike({ MaximumRetryAttempts: 0 }) }),
    });
    template.hasResourceProperties('AWS::Lambda::Function', {
      Timeout: 900,
      Environment: {
        Variables: {
          EXACTLY_ONCE_AUDIT: 'lake',
          EXACTLY_ONCE_DATABASE_SECRET: Match.anyValue(),
        },
      },
    });
  });

  test('one that failed, and one that did not run, is an alarm', () => {
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      Namespace: 'ExactlyOnce/Audit',
      MetricName: 'failed',
      Dimensions: [{ Name: 'audit', Value: 'lake' }],
      Statistic: 'Maximum',
      Period: 6 * 3_600,
      Threshold: 0,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'breaching',
      AlarmDescription: Match.stringLikeRegexp('docs/runbook/audit-failed.md'),
    });
    expect(auditing.metricFindings().metricName).toBe('findings');
    expect(auditing.metricRows().dimensions).toEqual({ audit: 'lake' });
  });

  test('its lines are what the filters read: each of findings, nothing seen and nothing reached has failed', async () => {
    const side = (name: string, keys: readonly string[]): AuditSide => ({
      name,
      async *rows() {
        await Promise.resolve();
        for (const key of keys) yield { partition: 'rows', key, text: key };
      },
    });
    const broken: AuditSide = {
      name: 'broken',
      async *rows() {
        await Promise.resolve();
        throw new Error('no database');
      },
    };
    const lines: object[] = [];
    const run = (source: AuditSide, sink: AuditSide) =>
      scheduledAudit({ name: 'lake', source, sink, log: (line) => lines.push(line) })().catch(
        (error: unknown) => error,
      );
    const both = side('both', ['a', 'b']);
    await run(both, both);
    await run(both, side('sink', ['a']));
    await run(side('empty', []), side('empty', []));
    await run(broken, both);
    const line = { exactlyOnce: 'audit', audit: 'lake' };
    expect(lines).toEqual([
      expect.objectContaining({ ...line, failed: 0, findings: 0, rows: 2 }),
      expect.objectContaining({ ...line, failed: 1, findings: 1, missing: 1 }),
      expect.objectContaining({ ...line, failed: 1, findings: 0, rows: 0 }),
      expect.objectContaining({ ...line, failed: 1, error: 'Error' }),
    ]);
    // A side's error may quote a row.
    expect(JSON.stringify(lines)).not.toContain('no database');
    const filters = JSON.stringify(template.findResources('AWS::Logs::MetricFilter'));
    for (const figure of ['failed', 'findings', 'rows']) expect(filters).toContain(`$.${figure}`);
  });
});

test.each([
  [{ every: Duration.minutes(5) }, ['audit-interval']],
  [{ every: Duration.days(2) }, ['audit-interval']],
  [{ every: Duration.seconds(930) }, ['audit-interval']],
  [{ timeout: Duration.seconds(1) }, ['audit-timeout']],
  [{ auditName: 'a b' }, ['audit-name']],
])('%j is refused', (given, ids) => {
  const { violations } = refusal(
    () => new AuditSchedule(constructStack(), 'Audit', { auditName: 'lake', entry: noopEntry, ...given }),
  );
  expect(violations.map(({ id }) => id)).toEqual(ids);
});

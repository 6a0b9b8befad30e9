import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../targets/package-root.js';
import { alarmsIn, watchedStack, type AlarmProperties } from './watched-stack.js';

const file = join(packageRoot, 'docs/telemetry.md');
// Those of auto scaling are for no person.
const alarms = alarmsIn(watchedStack())
  .filter(([, { AlarmActions }]) => AlarmActions === undefined)
  .sort(([a], [b]) => (a < b ? -1 : 1));

function runbookOf({ AlarmDescription = '' }: AlarmProperties): string | undefined {
  return /docs\/(runbook\/[a-z-]+\.md)/.exec(AlarmDescription)?.[1];
}

interface Watched {
  readonly metric: string;
  readonly statistic: string;
  readonly period: number;
}

/** One metric, or those of an expression. */
function watchedBy({ Metrics, ...alarm }: AlarmProperties): Watched {
  const { Namespace = '', MetricName = '', Statistic, ExtendedStatistic, Period = 0 } = alarm;
  if (Metrics === undefined)
    return {
      metric: `${Namespace} ${MetricName}`,
      statistic: Statistic ?? ExtendedStatistic ?? '',
      period: Period,
    };
  const stats = Metrics.flatMap(({ MetricStat }) => MetricStat ?? []);
  const names = new Set(stats.map(({ Metric }) => `${Metric.Namespace} ${Metric.MetricName}`));
  const [expression = ''] = Metrics.flatMap(({ Expression }) => Expression ?? []);
  return {
    metric: [...names].join(', '),
    statistic: `\`${expression}\``,
    period: Math.max(...stats.map(({ Period: one }) => one)),
  };
}

function row([id, alarm]: [string, AlarmProperties]): string {
  const { metric, statistic, period } = watchedBy(alarm);
  const runbook = runbookOf(alarm);
  const cells = [
    id.replace(/[0-9A-F]{8}$/, ''),
    metric,
    `${statistic} > ${alarm.Threshold.toLocaleString('en-US')}`,
    `${alarm.EvaluationPeriods} x ${period / 60} min`,
    alarm.TreatMissingData === 'breaching' ? 'alarm' : 'fine',
    runbook === undefined ? '-' : `[${runbook.replace('runbook/', '').replace('.md', '')}](${runbook})`,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** `UPDATE_DOCS=1` writes the table. */
test('docs/telemetry.md lists every alarm as it is deployed', () => {
  const table = [
    '| alarm | metric | goes off at | for | no data | runbook |',
    '| --- | --- | --- | --- | --- | --- |',
    ...alarms.map(row),
  ].join('\n');
  const page = readFileSync(file, 'utf8');
  const next = page.replace(
    /<!-- alarms -->[^]*<!-- \/alarms -->/,
    () => `<!-- alarms -->\n\n${table}\n\n<!-- /alarms -->`,
  );
  expect(next).toContain(table);
  if (process.env.UPDATE_DOCS === '1') writeFileSync(file, next);
  expect(readFileSync(file, 'utf8')).toBe(next);
});

test.each(alarms)('%s names its page of the runbook, and the page is there', (_id, alarm) => {
  const runbook = runbookOf(alarm);
  expect(runbook).toBeDefined();
  expect(existsSync(join(packageRoot, 'docs', runbook ?? ''))).toBe(true);
});

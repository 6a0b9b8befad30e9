import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../targets/package-root.js';
import { alarmsIn, watchedStack, type AlarmProperties } from './watched-stack.js';

const file = join(packageRoot, 'docs/telemetry.md');
const alarms = alarmsIn(watchedStack()).sort(([a], [b]) => (a < b ? -1 : 1));

function runbookOf({ AlarmDescription = '' }: AlarmProperties): string | undefined {
  return /docs\/(runbook\/[a-z-]+\.md)/.exec(AlarmDescription)?.[1];
}

function row([id, alarm]: [string, AlarmProperties]): string {
  const { Namespace, MetricName, Statistic, ExtendedStatistic, Threshold, Period, EvaluationPeriods } = alarm;
  const runbook = runbookOf(alarm);
  const cells = [
    id.replace(/[0-9A-F]{8}$/, ''),
    `${Namespace} ${MetricName}`,
    `${Statistic ?? ExtendedStatistic ?? ''} > ${Threshold.toLocaleString('en-US')}`,
    `${EvaluationPeriods} x ${Period / 60} min`,
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

test.each(alarms)('%s has a page of the runbook, where it names one', (_id, alarm) => {
  const runbook = runbookOf(alarm);
  // Those of an API have none yet.
  expect(runbook === undefined).toBe(alarm.Namespace === 'AWS/ApiGateway');
  if (runbook !== undefined) expect(existsSync(join(packageRoot, 'docs', runbook))).toBe(true);
});

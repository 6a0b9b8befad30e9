import type { Command } from 'commander';
import { listPostgresGaps, listPostgresGroups } from '../../runtime/postgres/index.js';
import { listStuckPostgres, outboxGauges } from '../../runtime/postgres/outbox/index.js';
import { exitWith, print, printJson } from '../output.js';
import { addUrl, withTables, type DatabaseOptions, type DatabasePool } from '../postgres/database.js';
import { gapLine, groupLines } from '../status/consumer-status.js';
import { listed, patienceMs, type StatusLine } from '../status/status-line.js';
import { statusPage } from '../status/status-page.js';

/** Adds `postgres status`. */
export function addPostgresStatus(postgres: Command): void {
  addUrl(postgres.command('status'))
    .description('One page: what stands still, waits or is unsent in this database, and what mends it.')
    .addHelpText('after', '\nExit codes: 0 nothing needs a person, 1 something does, 2 could not run.')
    .action(async ({ url, json }: DatabaseOptions) =>
      withTables(url, async (pool) => {
        const lines = [...(await consumersStatus(pool)), ...(await outboxStatus(pool))];
        const fine = lines.every(({ needsPerson }) => !needsPerson);
        if (!fine) exitWith(1);
        if (json) printJson({ fine, lines, notKnown: [] });
        else print(statusPage(lines, []));
      }),
    );
}

/** Of every consumer that has ever stopped, or keeps positions: of others there is nothing that could stand. */
async function consumersStatus(pool: DatabasePool): Promise<StatusLine[]> {
  const { rows } = await pool.query<{ consumer: string }>(
    'SELECT consumer FROM exactly_once.groups UNION SELECT consumer FROM exactly_once.positions ORDER BY 1',
  );
  const lines: StatusLine[] = [];
  for (const { consumer } of rows)
    lines.push(
      ...groupLines(consumer, await listPostgresGroups(pool, consumer), 'postgres groups, resume, skip'),
      gapLine(consumer, await listPostgresGaps(pool, consumer), 'postgres gaps'),
    );
  return lines;
}

async function outboxStatus(pool: DatabasePool): Promise<StatusLine[]> {
  const about = { of: 'outbox', page: 'runbook/postgres-relay.md' };
  const stuck = (await listStuckPostgres(pool)).map((one) => ({
    what: `${one.kind}/${one.aggregate} at version ${one.version} for ${one.target}`,
    since: one.since,
    reason: one.error ?? 'it is sent again',
  }));
  const { oldestUnsentSeconds } = await outboxGauges({
    executeSql: async (text, values) => pool.query(text, [...values]),
  });
  const late = oldestUnsentSeconds * 1000 > patienceMs;
  return [
    {
      ...{ ...about, what: 'stuck streams', mend: 'postgres outbox list, skip' },
      ...listed(stuck),
      needsPerson: stuck.some(({ since }) => Date.now() - Date.parse(since) > patienceMs),
    },
    {
      ...{ ...about, what: 'unsent for long', mend: 'the relay', details: [] },
      count: late ? 1 : 0,
      since: new Date(Date.now() - oldestUnsentSeconds * 1000).toISOString(),
      needsPerson: late,
    },
  ];
}

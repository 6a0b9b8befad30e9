import type { Command } from 'commander';
import { listPostgresSilentJobs } from '../../runtime/jobs/postgres/index.js';
import { listPostgresBlocked, listPostgresGaps, listPostgresGroups } from '../../runtime/postgres/index.js';
import { listStuckPostgres, outboxGauges } from '../../runtime/postgres/outbox/index.js';
import { collected } from '../collected.js';
import { exitWith, print, printJson } from '../output.js';
import { addUrl, withTables, type DatabaseOptions, type DatabasePool } from '../postgres/database.js';
import { blockedLine, gapLine, groupLines } from '../status/consumer-status.js';
import { jobLine } from '../status/job-status.js';
import { listed, patienceMs, type StatusLine } from '../status/status-line.js';
import { statusPage } from '../status/status-page.js';

/** Adds `postgres status`. */
export function addPostgresStatus(postgres: Command): void {
  addUrl(postgres.command('status'))
    .description('One page: what stands still, waits or is unsent in this database, and what mends it.')
    .addHelpText('after', '\nExit codes: 0 nothing needs a person, 1 something does, 2 could not run.')
    .action(async ({ url, json }: DatabaseOptions) =>
      withTables(url, async (pool) => {
        const lines = [
          ...(await consumersStatus(pool)),
          ...(await effectsStatus(pool)),
          ...(await jobsStatus(pool)),
          ...(await outboxStatus(pool)),
        ];
        const fine = lines.every(({ needsPerson }) => !needsPerson);
        if (!fine) exitWith(1);
        if (json) printJson({ fine, lines, notKnown: [] });
        else print(statusPage(lines, []));
      }),
    );
}

/** Of every consumer that has ever stopped, or keeps positions: of others there is nothing that could stand. */
async function consumersStatus(pool: DatabasePool): Promise<StatusLine[]> {
  return ofEach(
    pool,
    'SELECT consumer FROM exactly_once.groups UNION SELECT consumer FROM exactly_once.positions ORDER BY 1',
    async (consumer) => [
      ...groupLines(consumer, await listPostgresGroups(pool, consumer), 'postgres groups, resume, skip'),
      gapLine(consumer, await listPostgresGaps(pool, consumer), 'postgres gaps, skip-version'),
    ],
  );
}

async function effectsStatus(pool: DatabasePool): Promise<StatusLine[]> {
  return ofEach(
    pool,
    'SELECT DISTINCT attention AS consumer FROM exactly_once.leases WHERE attention IS NOT NULL ORDER BY 1',
    async (consumer) => [
      blockedLine(consumer, await listPostgresBlocked(pool, consumer), 'postgres blocked, postgres unlock'),
    ],
  );
}

/** Of every consumer that has a job which has not ended well: the index knows those alone. */
async function jobsStatus(pool: DatabasePool): Promise<StatusLine[]> {
  const silentAfterSeconds = patienceMs / 1000;
  return ofEach(
    pool,
    "SELECT DISTINCT consumer FROM exactly_once.jobs WHERE status IN ('QUEUED', 'INPROGRESS', 'FAILED') ORDER BY 1",
    async (consumer) => [
      jobLine(
        consumer,
        await collected(listPostgresSilentJobs(pool, consumer, { silentAfterSeconds })),
        'redrive; enqueue it again',
      ),
    ],
  );
}

/** @param consumers a statement that names them, in the column `consumer` */
async function ofEach(
  pool: DatabasePool,
  consumers: string,
  linesOf: (consumer: string) => Promise<readonly StatusLine[]>,
): Promise<StatusLine[]> {
  const { rows } = await pool.query<{ consumer: string }>(consumers);
  const lines: StatusLine[] = [];
  for (const { consumer } of rows) lines.push(...(await linesOf(consumer)));
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

import type { Command } from 'commander';
import { migrate, migrationText } from '../../runtime/postgres/migrate.js';
import { prune } from '../../runtime/postgres/prune.js';
import { addDryRun, inDryRun, type DryRunOption } from '../dry-run.js';
import { print, printJson } from '../output.js';
import { addUrl, withPool, withTables, type DatabaseOptions } from '../postgres/database.js';
import { addPostgresBlocked, addPostgresUnlock } from './postgres-effects.js';
import { addPostgresGaps, addPostgresGroups } from './postgres-groups.js';
import { addPostgresInspect } from './postgres-inspect.js';
import { addPostgresOutbox } from './postgres-outbox.js';
import { addPostgresSkipVersion } from './postgres-skip-version.js';
import { addPostgresStatus } from './postgres-status.js';

/** Adds `postgres` and what is below it. */
export function addPostgres(program: Command): void {
  const postgres = program
    .command('postgres')
    .description(
      'Makes and keeps the tables of exactly-once-aws in a Postgres database, and looks into them.',
    );
  addDryRun(addUrl(postgres.command('migrate')))
    .description(
      'Brings the schema exactly_once to what this version needs. May be run again, and by several at once.',
    )
    .option('--sql', 'print the statements of the steps that are missing, and change nothing')
    .addHelpText('after', '\nExit codes: 0 done, 2 could not run.')
    .action(async ({ url, json, dryRun, sql }: DatabaseOptions & DryRunOption & { readonly sql?: true }) =>
      withPool(url, async (pool) => {
        const changes = !dryRun && sql !== true;
        const steps = await migrate({ pool, dryRun: !changes });
        if (json) printJson(steps.map(({ version, name }) => ({ version, name, applied: changes })));
        else if (steps.length === 0) print(sql ? '-- the schema is up to date' : 'the schema is up to date');
        else if (sql) print(migrationText(steps));
        else
          for (const { version, name } of steps)
            print(`${version} ${name} ${changes ? 'is applied' : 'would be applied'}`);
      }),
    );
  addDryRun(addUrl(postgres.command('prune')))
    .description(
      'Deletes receipts, jobs, leases and histories whose time is over, and counts of the outbox that nobody goes on from. Run it every hour or so.',
    )
    .addHelpText('after', '\nExit codes: 0 done, 2 could not run.')
    .action(async ({ url, json, dryRun }: DatabaseOptions & DryRunOption) =>
      withTables(url, async (pool) => {
        const pruned = await prune({ pool, dryRun });
        if (json) printJson(pruned);
        else
          print(
            Object.entries(pruned)
              .map(([table, rows]) => `${inDryRun(dryRun)}${table}: ${rows} deleted`)
              .join('\n'),
          );
      }),
    );
  for (const add of [
    addPostgresStatus,
    addPostgresInspect,
    addPostgresGroups,
    addPostgresGaps,
    addPostgresSkipVersion,
    addPostgresBlocked,
    addPostgresUnlock,
    addPostgresOutbox,
  ])
    add(postgres);
}

import type { Command } from 'commander';
import { importPg } from '../../runtime/postgres/outbox/packages.js';
import { migrate } from '../../runtime/postgres/migrate.js';
import { prune } from '../../runtime/postgres/prune.js';
import type { PostgresPool } from '../../runtime/postgres/client.js';
import { CliError } from '../cli-error.js';
import { addDryRun, inDryRun, type DryRunOption } from '../dry-run.js';
import { print, printJson } from '../output.js';

interface Options {
  readonly url?: string;
  readonly json?: true;
}

/** Adds `postgres migrate` and `postgres prune`. */
export function addPostgres(program: Command): void {
  const postgres = program
    .command('postgres')
    .description('Makes and keeps the tables of exactly-once-aws in a Postgres database.');
  addDryRun(addUrl(postgres.command('migrate')))
    .description(
      'Brings the schema exactly_once to what this version needs. May be run again, and by several at once.',
    )
    .option('--sql', 'print the statements of the steps that are missing, and change nothing')
    .addHelpText('after', '\nExit codes: 0 done, 2 could not run.')
    .action(async ({ url, json, dryRun, sql }: Options & DryRunOption & { readonly sql?: true }) =>
      withPool(url, async (pool) => {
        const changes = !dryRun && sql !== true;
        const steps = await migrate({ pool, dryRun: !changes });
        if (json) printJson(steps.map(({ version, name }) => ({ version, name, applied: changes })));
        else if (sql) print(steps.map((step) => `-- ${step.version} ${step.name}${step.sql}`).join('\n'));
        else if (steps.length === 0) print('the schema is up to date');
        else
          for (const { version, name } of steps)
            print(`${version} ${name} ${changes ? 'is applied' : 'would be applied'}`);
      }),
    );
  addDryRun(addUrl(postgres.command('prune')))
    .description('Deletes receipts, leases and histories whose time is over. Run it every hour or so.')
    .addHelpText('after', '\nExit codes: 0 done, 2 could not run.')
    .action(async ({ url, json, dryRun }: Options & DryRunOption) =>
      withPool(url, async (pool) => {
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
}

function addUrl(command: Command): Command {
  return command
    .option(
      '--url <url>',
      'connection string, else what PGHOST, PGUSER and their like say; a password is better in PGPASSWORD',
    )
    .option('--json', 'print JSON');
}

async function withPool(url: string | undefined, work: (pool: PostgresPool) => Promise<void>): Promise<void> {
  const { Pool } = await importPg('the command postgres');
  if (url !== undefined && !URL.canParse(url))
    throw new CliError('--url is no connection string: give postgres://user@host:port/database');
  const pool = new Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 10_000 });
  try {
    await work(pool);
  } finally {
    await pool.end();
  }
}

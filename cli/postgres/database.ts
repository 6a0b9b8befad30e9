import type { Command } from 'commander';
import type { Pool } from 'pg';
import { importPg } from '../../runtime/postgres/outbox/packages.js';
import { operatorLimits } from '../../runtime/dedup/operator-limits.js';
import { assertSchema } from '../../runtime/postgres/schema.js';
import { CliError } from '../cli-error.js';

export interface DatabaseOptions {
  readonly url?: string;
  readonly json?: true;
}

/** What a command is given of the database. */
export type DatabasePool = Pool;

/** Which database: the same in every command of it. */
export function addUrl(command: Command): Command {
  return command
    .option(
      '--url <url>',
      'connection string, else what PGHOST, PGUSER and their like say; a password is better in PGPASSWORD',
    )
    .option('--json', 'print JSON');
}

/** As `withPool`, on tables that are those of this version. @throws SchemaNotReady, NewerSchema */
export async function withTables(
  url: string | undefined,
  work: (pool: DatabasePool) => Promise<void>,
): Promise<void> {
  await withPool(url, async (pool) => {
    await assertSchema(pool, operatorLimits());
    await work(pool);
  });
}

/** @throws CliError for what is no connection string */
export async function withPool(
  url: string | undefined,
  work: (pool: DatabasePool) => Promise<void>,
): Promise<void> {
  const pg = await importPg('the command postgres');
  if (url !== undefined && !URL.canParse(url))
    throw new CliError('--url is no connection string: give postgres://user@host:port/database');
  const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 10_000 });
  try {
    await work(pool);
  } finally {
    await pool.end();
  }
}

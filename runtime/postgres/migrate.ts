import { InvalidSettings } from '../dedup/error.js';
import { Meter } from '../dedup/meter.js';
import { beginOwn } from './begin.js';
import type { PostgresPool } from './client.js';
import { Connection } from './connection.js';
import { migrations as all, type Migration } from './migrations/index.js';
import { appliedVersions, missingFrom } from './schema.js';

export interface MigrateOptions {
  /** Of a user who may create a schema. */
  readonly pool: PostgresPool;
  /** Nothing is changed; what would be applied is returned. @default false */
  readonly dryRun?: boolean;
  /** How long it may take, in seconds. @default 300 */
  readonly timeoutSeconds?: number;
}

/** A number of ours among the advisory locks of the database. */
const lock = 'SELECT pg_advisory_xact_lock(8317220495861234001)';

const book = `
CREATE SCHEMA IF NOT EXISTS exactly_once;
CREATE TABLE IF NOT EXISTS exactly_once.migrations (
  version integer PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`;

const noteStep = 'INSERT INTO exactly_once.migrations (version, name) VALUES ($1, $2)';

/**
 * Steps as one text of SQL, for whoever applies them in another way: all that {@link migrate} does, notes that they
 * are applied included, or `migrate` would apply them once more.
 */
export function migrationText(steps: readonly Migration[]): string {
  const texts = steps.map(
    ({ version, name, sql }) =>
      `-- ${version} ${name}\n${sql.trim()}\n${noteStep.replace('$1', String(version)).replace('$2', `'${name}'`)};`,
  );
  return [`${beginOwn};`, `${lock};`, `${book.trim()};`, ...texts, 'COMMIT;'].join('\n\n');
}

/**
 * Brings the schema `exactly_once` of a database to what this version of the library needs. All or nothing, in one
 * transaction; safe to run again, and by several at once: they take turns by an advisory lock of their transactions.
 *
 * @param steps for tests
 * @returns the steps that were applied, or would be.
 * @throws NewerSchema when a newer version of the library has been here (R17). Nothing is changed.
 * @throws DependencyFailed when the database does not answer in time. Nothing is changed, or all of it.
 */
export async function migrate(
  { pool, dryRun = false, timeoutSeconds = 300 }: MigrateOptions,
  steps: readonly Migration[] = all,
): Promise<readonly Migration[]> {
  if (!(timeoutSeconds > 0))
    throw new InvalidSettings([`timeoutSeconds must be above 0, got ${timeoutSeconds}`]);
  const limits = { deadline: Date.now() + timeoutSeconds * 1000, meter: new Meter() };
  const connection = await Connection.open(pool, limits);
  let open = false;
  try {
    if (dryRun) return missingFrom(await appliedVersions(async (text) => connection.send(text)), steps);
    await connection.send(beginOwn);
    open = true;
    await connection.send(lock);
    await connection.send(book);
    const left = missingFrom(await appliedVersions(async (text) => connection.send(text)), steps);
    for (const { version, name, sql } of left) {
      await connection.send(sql);
      await connection.send(noteStep, [version, name]);
    }
    await connection.send('COMMIT');
    open = false;
    return left;
  } finally {
    if (open) await connection.rollBack();
    else connection.giveBack();
  }
}

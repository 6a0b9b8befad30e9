import type { Limits } from '../dedup/limits.js';
import type { PostgresPool } from './client.js';
import { Connection } from './connection.js';
import { NewerSchema, SchemaNotReady } from './errors.js';
import { migrations, type Migration } from './migrations/index.js';
import { isUndefinedName } from './sql-error.js';

const checked = new WeakMap<PostgresPool, Promise<void>>();

/**
 * Makes sure, once per pool, that the schema is the one that this runtime knows (R17).
 *
 * @throws SchemaNotReady when it is not there or older, NewerSchema when it is newer, DependencyFailed when nobody
 *   answers. Asks again the next time then.
 */
export async function assertSchema(pool: PostgresPool, limits: Limits): Promise<void> {
  const known = checked.get(pool);
  if (known !== undefined) return known;
  const asking = check(pool, limits);
  checked.set(pool, asking);
  try {
    await asking;
  } catch (error) {
    checked.delete(pool);
    throw error;
  }
}

async function check(pool: PostgresPool, limits: Limits): Promise<void> {
  const connection = await Connection.open(pool, limits);
  const applied = await appliedVersions(async (text) => connection.send(text)).finally(() =>
    connection.giveBack(),
  );
  const left = missingFrom(applied, migrations)[0];
  if (left !== undefined) throw new SchemaNotReady(Math.max(0, ...applied), left.version);
}

/** Steps that a database has; none without the schema. */
export async function appliedVersions(
  send: (text: string) => Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>,
): Promise<readonly number[]> {
  try {
    const { rows } = await send('SELECT version FROM exactly_once.migrations');
    return rows.map(({ version }) => Number(version));
  } catch (error) {
    if (isUndefinedName(error)) return [];
    throw error;
  }
}

/** Steps that it lacks. @throws NewerSchema when it has one that is not known here (R17). */
export function missingFrom(applied: readonly number[], steps: readonly Migration[]): readonly Migration[] {
  const known = steps.map(({ version }) => version);
  const unknown = applied.filter((version) => !known.includes(version));
  if (unknown.length > 0) throw new NewerSchema(Math.max(...unknown), Math.max(...known));
  return steps.filter(({ version }) => !applied.includes(version));
}
